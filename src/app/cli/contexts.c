#include "app/cli/contexts.h"

#include "infra/config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTEXTS_FILE_MAX ((size_t)1 << 20)
#define CONTEXT_NAME_MAX  40

const char *context_name_check(const char *text)
{
    size_t len = strlen(text);
    bool good = len > 0 && len <= CONTEXT_NAME_MAX;
    for (size_t i = 0; good && i < len; i++) {
        char c = text[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    }
    return good ? NULL : "must be 1 to 40 letters, digits, - or _";
}

static const struct field context_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct context, name), .required = true,
     .check = context_name_check},
    {"url", FIELD_TEXT, offsetof(struct context, url), .required = true},
    {"token_file", FIELD_TEXT, offsetof(struct context, token_file), .max_len = 4096},
    FIELD_END,
};

static const struct field contexts_fields[] = {
    {"current", FIELD_TEXT, offsetof(struct contexts, current), .check = context_name_check},
    {"contexts", FIELD_OBJECTS, offsetof(struct contexts, items), .max = CONTEXTS_MAX,
     .fields = context_fields, .item_size = sizeof(struct context)},
    FIELD_END,
};

/* -- the file --------------------------------------------------------------------------------- */

static enum err folder_of(struct cli *cli, const char **ret, struct error *e)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && config[0] == '/')
        *ret = arena_printf(&cli->arena, "%s/webhost", config);
    else if (home && home[0] == '/')
        *ret = arena_printf(&cli->arena, "%s/.config/webhost", home);
    else
        return error_set(e, ERR_INVALID,
                         "neither HOME nor XDG_CONFIG_HOME says where contexts are kept");
    return OK;
}

static enum err parse(struct cli *cli, const char *path, struct str text, struct contexts *ret,
                      struct error *e)
{
    struct problems problems = {.arena = &cli->arena};
    struct yaml_doc *doc = yaml_parse(text, &problems);
    if (doc)
        (void)json_decode(contexts_fields, yaml_root(doc), "", yaml_source(doc), &cli->arena, ret,
                          &problems);
    yaml_doc_free(doc);
    if (problems.count == 0)
        return OK;
    const struct problem *p = &problems.items[0];
    return error_set(e, ERR_INVALID, "%s line %zu: %s%s%s; mend or remove the file", path, p->line,
                     p->path, p->path[0] ? " " : "", p->text);
}

enum err contexts_read(struct cli *cli, struct contexts *ret, struct error *e)
{
    const char *folder;
    struct str text;
    TRY(folder_of(cli, &folder, e));
    const char *path = arena_printf(&cli->arena, "%s/contexts.yaml", folder);
    record_clear(contexts_fields, ret);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return OK;
    TRY(file_read(path, CONTEXTS_FILE_MAX, &cli->arena, &text, e));
    return parse(cli, path, text, ret, e);
}

/* JSON is YAML: its strings need no rules of our own for what has to be quoted. */
static void append_text(struct cli *cli, struct buf *b, const char *name, const char *text)
{
    _cleanup_json_ json_t *value = json_from_text(text);
    (void)buf_printf(b, "%s%s", name, json_text(value, &cli->arena));
}

static void contexts_text(struct cli *cli, const struct contexts *contexts, struct buf *b)
{
    const struct context *items = contexts->items.items;
    (void)buf_append_text(b, "# webhost context add, use and remove write this.\n");
    if (contexts->current)
        (void)buf_printf(b, "current: %s\n", contexts->current);
    (void)buf_append_text(b, contexts->items.count ? "contexts:\n" : "contexts: []\n");
    for (size_t i = 0; i < contexts->items.count; i++) {
        append_text(cli, b, "  - name: ", items[i].name);
        append_text(cli, b, "\n    url: ", items[i].url);
        if (items[i].token_file)
            append_text(cli, b, "\n    token_file: ", items[i].token_file);
        (void)buf_append_char(b, '\n');
    }
}

/* Like mkdir -p for the last two parts: the parent may be missing too. */
static enum err make_folder(struct cli *cli, const char *folder, struct error *e)
{
    char *parent = arena_text(&cli->arena, folder);
    *strrchr(parent, '/') = '\0';
    if ((mkdir(parent, 0700) != 0 && errno != EEXIST) ||
        (mkdir(folder, 0700) != 0 && errno != EEXIST))
        return error_errno(e, "cannot make %s", folder);
    return OK;
}

static bool write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = (struct str){text.ptr + n, text.len - (size_t)n};
    }
    return true;
}

enum err contexts_write(struct cli *cli, const struct contexts *contexts, struct error *e)
{
    const char *folder;
    TRY(folder_of(cli, &folder, e));
    TRY(make_folder(cli, folder, e));
    _cleanup_buf_ struct buf text = BUF_INIT(CONTEXTS_FILE_MAX);
    contexts_text(cli, contexts, &text);
    char *unfinished = arena_printf(&cli->arena, "%s/contexts.yaml.XXXXXX", folder);
    int fd = mkostemp(unfinished, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return error_errno(e, "cannot write in %s", folder);
    bool written = write_all(fd, buf_str(&text)) && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    const char *path = arena_printf(&cli->arena, "%s/contexts.yaml", folder);
    if (written && rename(unfinished, path) == 0)
        return OK;
    enum err err = error_errno(e, "cannot write %s", path);
    (void)unlink(unfinished);
    return err;
}

/* -- choosing --------------------------------------------------------------------------------- */

struct context *context_find(const struct contexts *contexts, const char *name)
{
    struct context *items = contexts->items.items;
    for (size_t i = 0; name && i < contexts->items.count; i++) {
        if (text_eq(items[i].name, name))
            return &items[i];
    }
    return NULL;
}

enum err context_chosen(struct cli *cli, const struct context **ret, struct error *e)
{
    struct contexts contexts;
    const char *name = cli->globals.context, *wanted = getenv("WEBHOST_CONTEXT");
    const char *from = name ? "--context" : "WEBHOST_CONTEXT";
    if (!name && wanted && wanted[0])
        name = wanted;
    /* Without a home there are no contexts, which only matters to those who name one. */
    if (!name && !getenv("HOME") && !getenv("XDG_CONFIG_HOME")) {
        *ret = NULL;
        return OK;
    }
    TRY(contexts_read(cli, &contexts, e));
    if (!name) {
        name = contexts.current;
        from = "the one in use";
    }
    *ret = context_find(&contexts, name);
    if (name && !*ret)
        return error_set(e, ERR_NOT_FOUND,
                         "there is no context %s (%s); webhost context list shows those there are",
                         name, from);
    return OK;
}
