#include "app/cli/views.h"

#include "app/cli/remote.h"
#include "app/cli/request.h"

#define PAGE_MAX     200
#define LIST_DEFAULT 50

const struct option_spec paging_options[] = {PAGING_OPTIONS, OPTION_END};

struct table cli_table(struct cli *cli)
{
    return (struct table){
        .out = cli->out,
        .terminal = cli->terminal,
        .now_us = clock_now(cli->clock),
        .arena = &cli->arena,
    };
}

void print_json(struct cli *cli, const json_t *value)
{
    _cleanup_buf_ struct buf text = BUF_INIT(SIZE_MAX / 2);
    BUG_ON(!json_write(value, 2, &text));
    (void)fwrite(buf_text(&text), 1, text.len, cli->out);
    (void)fputc('\n', cli->out);
}

/* -- lists ------------------------------------------------------------------------------------- */

/*
 * Follows the cursor until `wanted` rows (INT64_MAX: all) are in the array of the reply that is
 * returned; its next_cursor is the last page's.
 */
static enum cli_exit fetch_pages(struct cli *cli, const struct command *self, const char *url,
                                 int64_t wanted, json_t **ret_document)
{
    const struct list_view *view = self->data;
    _cleanup_json_ json_t *document = NULL;
    const char *cursor = NULL;
    do {
        int64_t left = wanted - (int64_t)json_array_size(json_object_get(document, view->array));
        const char *size = arena_printf(&cli->arena, "%d", left < PAGE_MAX ? (int)left : PAGE_MAX);
        const char *page_url = url_add(url, "limit", size, &cli->arena);
        if (cursor)
            page_url = url_add(page_url, "cursor", cursor, &cli->arena);
        _cleanup_json_ json_t *page = NULL;
        enum cli_exit code = remote_get(cli, self, page_url, &page);
        if (code != CLI_OK)
            return code;
        json_t *rows = json_object_get(page, view->array);
        const char *next = json_get_text(page, "next_cursor");
        cursor = arena_text(&cli->arena, json_array_size(rows) > 0 ? next : NULL);
        if (!document) {
            document = json_incref(page);
            continue;
        }
        BUG_ON(json_array_extend(json_object_get(document, view->array), rows) != 0);
        BUG_ON(json_object_set(document, "next_cursor", json_object_get(page, "next_cursor")) != 0);
    } while (cursor && (int64_t)json_array_size(json_object_get(document, view->array)) < wanted);
    *ret_document = json_incref(document);
    return CLI_OK;
}

static enum cli_exit fetch_list(struct cli *cli, const struct command *self, const char *url,
                                const void *options, json_t **ret_document)
{
    const struct list_view *view = self->data;
    if (!view->pages)
        return remote_get(cli, self, url, ret_document);
    const struct paging *paging = options;
    int64_t wanted = paging->all                   ? INT64_MAX
                     : paging->limit != INT_ABSENT ? paging->limit
                                                   : LIST_DEFAULT;
    return fetch_pages(cli, self, url, wanted, ret_document);
}

enum cli_exit list_view_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct list_view *view = self->data;
    const char *path = request_path(view->path, self->arguments, options, &cli->arena);
    const char *url = request_query(path, self->options, options, &cli->arena);
    _cleanup_json_ json_t *document = NULL;
    enum cli_exit code = fetch_list(cli, self, url, options, &document);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, document);
        return CLI_OK;
    }
    const json_t *rows = json_object_get(document, view->array);
    const struct table t = cli_table(cli);
    if (view->print)
        view->print(cli, rows);
    else
        table_print(&t, view->columns, rows);
    if (view->also && json_array_size(rows) > 0) {
        (void)fputc('\n', cli->out);
        table_print(&t, view->also_columns, json_object_get(document, view->also));
    }
    if (json_array_size(rows) == 0)
        cli_note(cli, "No %s.", view->array);
    else if (view->pages && json_get_text(document, "next_cursor"))
        cli_note(cli, "There are more: --all shows every one, --limit N more of them.");
    return CLI_OK;
}

/* -- one thing --------------------------------------------------------------------------------- */

enum cli_exit item_view_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct item_view *view = self->data;
    const char *path = request_path(view->path, self->arguments, options, &cli->arena);
    _cleanup_json_ json_t *item = NULL;
    enum cli_exit code = remote_get(cli, self, path, &item);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, item);
        return CLI_OK;
    }
    const struct table t = cli_table(cli);
    const json_t *also = view->also ? json_object_get(item, view->also) : NULL;
    if (view->print)
        view->print(&t, item);
    else
        card_print(&t, view->columns, item);
    if (json_array_size(also) > 0) {
        (void)fputc('\n', cli->out);
        table_print(&t, view->also_columns, also);
    }
    return CLI_OK;
}

/* -- actions ----------------------------------------------------------------------------------- */

enum cli_exit action_view_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct action_view *view = self->data;
    const struct remote_call call = {
        .method = (enum http_method)view->method,
        .path = request_path(view->path, self->arguments, options, &cli->arena),
        .command = self,
    };
    _cleanup_json_ json_t *reply = NULL;
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        if (reply)
            print_json(cli, reply);
        return CLI_OK;
    }
    const char *named = *(const char *const *)record_at(options, &self->arguments[0].field);
    put_text(cli->out, named);
    (void)fprintf(cli->out, " %s\n", view->done);
    return CLI_OK;
}
