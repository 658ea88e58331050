/* Lists of texts in a column, as JSON. Writing them is db_texts_json() of db.h. */
#ifndef WEBHOST_INFRA_DB_LIST_H
#define WEBHOST_INFRA_DB_LIST_H

#include "base/record.h"

/* False when `text` is not a JSON list of texts. */
bool db_texts_parse(struct str text, struct arena *arena, struct texts *ret_list);

#endif
