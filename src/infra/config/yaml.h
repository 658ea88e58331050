/*
 * YAML files as JSON values with line numbers, so that one record table reads both.
 *
 * Uses libyaml's event parser: anchors, tags and multiple documents are refused by name; duplicate
 * keys are problems. Plain scalars stay text and take the type of the field they are read into;
 * `key:` without a value is null.
 *
 * Why libyaml and not libcyaml, which maps YAML onto structs by itself: a person who checks a file
 * wants every mistake with its line in one go, and libcyaml stops at the first.
 */
#ifndef WEBHOST_INFRA_CONFIG_YAML_H
#define WEBHOST_INFRA_CONFIG_YAML_H

#include "infra/json/json.h"

struct yaml_doc;

/*
 * Parses. A file that is not YAML at all adds one problem with its line and returns NULL; duplicate
 * keys are added to `problems` while the document is still returned, so that the caller can find
 * the other mistakes too.
 */
struct yaml_doc *yaml_parse(struct str text, struct problems *problems);
void yaml_doc_free(struct yaml_doc *doc); /* libyaml exports a yaml_free of its own */

json_t *yaml_root(struct yaml_doc *doc);                           /* borrowed */
const struct json_source *yaml_source(const struct yaml_doc *doc); /* borrowed */

/* Reads a whole file of at most `max` bytes into the arena; the error names the path. */
enum err file_read(const char *path, size_t max, struct arena *arena, struct str *ret_text,
                   struct error *e);

#endif
