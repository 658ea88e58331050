#include "app/cli/command.h"

#include "app/cli/options.h"
#include "base/nearest.h"

/* How many leading words of argv spell the whole of `name`; 0 when they do not. */
static int words_matched(const char *name, int argc, char *const *argv)
{
    struct str rest = str_from(name);
    int n = 0;
    while (rest.ptr) {
        struct str word = str_cut(&rest, ' ');
        if (n == argc || !str_eq(word, str_from(argv[n])))
            return 0;
        n++;
    }
    return n;
}

static bool first_word_is(const struct command *c, struct str word)
{
    struct str rest = str_from(c->name);
    return str_eq(str_cut(&rest, ' '), word);
}

static enum err refuse_word(int argc, char *const *argv, struct error *e)
{
    struct str first = str_from(argv[0]);
    bool group = command_is_group_word(argv[0]);
    if (group && argc < 2)
        return error_set(e, ERR_INVALID, "%s needs a command after it", argv[0]);

    _cleanup_arena_ struct arena a = {0};
    struct str typed = str_from(group ? arena_printf(&a, "%s %s", argv[0], argv[1]) : argv[0]);
    struct nearest near = NEAREST_INIT(typed);
    for (const struct command *const *c = commands; *c; c++) {
        struct str name = str_from((*c)->name), rest = name;
        if (!group)
            nearest_offer(&near, str_cut(&rest, ' '));
        else if (first_word_is(*c, first))
            nearest_offer(&near, name);
    }
    if (near.best.len == 0)
        return error_set(e, ERR_INVALID, "there is no command \"%.*s\"", STR_ARG(typed));
    return error_set(e, ERR_INVALID, "there is no command \"%.*s\"; did you mean \"%.*s\"?",
                     STR_ARG(typed), STR_ARG(near.best));
}

/* A default command without arguments cannot mean a word after it: that was another command. */
static bool takes_word(const struct command *c, int argc, char *const *argv)
{
    return c->arguments || argc < 2 || argv[1][0] == '-';
}

const struct command *command_find(int argc, char *const *argv, int *ret_words, struct error *e)
{
    const struct command *found = NULL;
    int longest = 0;
    for (const struct command *const *c = commands; *c; c++) {
        int n = words_matched((*c)->name, argc, argv);
        if (n > longest) {
            found = *c;
            longest = n;
        }
    }
    for (const struct command *const *c = commands; *c && !found; c++) {
        if ((*c)->by_default && first_word_is(*c, str_from(argv[0])) &&
            takes_word(*c, argc, argv)) {
            found = *c;
            longest = 1;
        }
    }
    if (!found) {
        (void)refuse_word(argc, argv, e);
        return NULL;
    }
    *ret_words = longest;
    return found;
}

const char *command_name_of_key(const struct command *c, const char *field, struct arena *arena)
{
    struct str rest = str_from(field);
    struct str plain = str_cut(&rest, '[');
    const char *key = arena_text_n(arena, plain.ptr, plain.len);
    const struct option_spec *option = option_by_key(c->options, key);
    if (option)
        return arena_printf(arena, "--%s", option->field.name);
    const struct option_spec *argument = option_by_key(c->arguments, key);
    return argument ? argument->field.name : field;
}
