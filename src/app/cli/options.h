/*
 * Reading a command line into a struct through its table, with getopt_long(3) underneath.
 *
 * Every mistake is one sentence that names the option as it was typed. Abbreviated long options,
 * which getopt_long would take, are refused: a script that uses one would break when an option with
 * the same beginning is added.
 */
#ifndef WEBHOST_APP_CLI_OPTIONS_H
#define WEBHOST_APP_CLI_OPTIONS_H

#include "app/cli/command.h"

/* One table of options and the struct that it fills. */
struct option_target {
    const struct option_spec *specs; /* NULL: none */
    void *record;
};

#define OPTION_TARGETS_MAX 2

/* Sets everything that the table describes absent. */
void options_clear(const struct option_spec *specs, void *record);

/*
 * Reads options from argv[0..argc) into the first target whose table knows the name, and moves the
 * other words to `ret_words` (in the arena, in order). With `leading` it stops at the first word
 * that is not an option and `ret_words` is everything from there on. Required options are not
 * missed here (see options_require()): --help must work without them.
 */
enum err options_parse(int argc, char *const *argv, bool leading,
                       const struct option_target targets[OPTION_TARGETS_MAX], struct arena *arena,
                       struct texts *ret_words, struct error *e);

/* Refuses a required option that is absent in `record`. */
enum err options_require(const struct option_spec *specs, const void *record, struct error *e);

/* Reads the words into the command's argument table. */
enum err arguments_parse(const struct option_spec *specs, struct texts words, struct arena *arena,
                         void *record, struct error *e);

/* True when the field holds a value (a switch: when it is on). */
bool option_is_given(const struct option_spec *spec, const void *record);

/* The option that is sent as `key`, or NULL. */
const struct option_spec *option_by_key(const struct option_spec *specs, const char *key);

#endif
