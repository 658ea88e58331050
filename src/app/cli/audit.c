/* The audit record: listed, verified on the server or from a file, exported. */
#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "domain/audit/chain.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

/* -- list ------------------------------------------------------------------------------------- */

struct list_options {
    struct paging paging;
    const char *actor, *action, *subject, *from, *to;
};

#define TEXT_OPTION(name_, struct_, help_, metavar_)                                               \
    {                                                                                              \
        .field = {#name_, FIELD_TEXT, offsetof(struct struct_, name_), .help = help_},             \
        .metavar = metavar_, .key = #name_                                                         \
    }

static const struct option_spec list_options[] = {
    TEXT_OPTION(actor, list_options, "only what this one did: token:NAME, job:WORKER, system",
                "WHO"),
    TEXT_OPTION(action, list_options, "only this: customer.signed_up", "WHAT"),
    TEXT_OPTION(subject, list_options, "only what was done to this id or path", "ID"),
    TEXT_OPTION(from, list_options, "a time, or how long ago: 24h", "TIME"),
    TEXT_OPTION(to, list_options, "likewise; up to it and without it", "TIME"),
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column columns[] = {
    {"seq", "SEQ", COLUMN_NUMBER},
    {"at", "WHEN", COLUMN_AGO},
    {"actor", "WHO", COLUMN_TEXT},
    {"action", "WHAT", COLUMN_TEXT},
    {"subject", "TO WHAT", COLUMN_TEXT},
    {"details", "DETAILS", COLUMN_LONG},
    COLUMN_END,
};

const struct command command_audit_list = {
    .name = "audit list",
    .group = GROUP_ACCESS,
    .by_default = true,
    .summary = "Show what was done, by whom",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/audit", "audit", columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost audit --actor token:ci --from 24h", "What the token ci did since yesterday"},
            {0},
        },
};

/* -- verify ----------------------------------------------------------------------------------- */

struct verify_options {
    const char *file, *expect;
};

static const struct option_spec verify_argument[] = {
    {.field = {"FILE", FIELD_TEXT, offsetof(struct verify_options, file),
               .help = "an export in ndjson, - for standard input; the server's unless told"}},
    OPTION_END,
};

static const struct option_spec verify_options[] = {
    TEXT_OPTION(expect, verify_options, "an entry and the hash that was noted of it", "SEQ:HASH"),
    OPTION_END,
};

/* {checked, findings, more_findings, last, unsealed} of all stretches together. */
static enum cli_exit verify_on_server(struct cli *cli, const struct command *self,
                                      const struct verify_options *o, json_t *sum)
{
    const char *next = NULL;
    json_t *findings = json_object_get(sum, "findings");
    do {
        const char *url = "/api/audit/verify";
        if (o->expect)
            url = url_add(url, "expect", o->expect, &cli->arena);
        if (next)
            url = url_add(url, "after", next, &cli->arena);
        _cleanup_json_ json_t *reply = NULL;
        enum cli_exit code = remote_get(cli, self, url, &reply);
        if (code != CLI_OK)
            return code;
        static const char *const counts[] = {"checked", "more_findings"};
        for (size_t i = 0; i < ARRAY_LEN(counts); i++)
            (void)json_object_set_new(
                sum, counts[i],
                json_integer(json_get_int(sum, counts[i]) + json_get_int(reply, counts[i])));
        (void)json_object_set(sum, "unsealed", json_object_get(reply, "unsealed"));
        (void)json_object_set(sum, "last", json_object_get(reply, "last"));
        (void)json_array_extend(findings, json_object_get(reply, "findings"));
        next = arena_text(&cli->arena, json_get_text(reply, "next"));
    } while (next);
    return CLI_OK;
}

/* One line of an export. */
static enum err check_line(struct audit_check *c, struct str line, struct error *e)
{
    _cleanup_json_ json_t *entry = NULL;
    TRY(json_parse(line, &entry, e));
    const char *hash = json_get_text(entry, "hash"), *previous = json_get_text(entry, "previous");
    if (!hash || !previous || json_get_int(entry, "seq") == INT_ABSENT)
        return error_set(e, ERR_INVALID, "it is not an entry of webhost audit export in ndjson");
    _cleanup_json_ json_t *keeps =
        json_pack("[O, O]", json_object_get(entry, "hash"), json_object_get(entry, "previous"));
    (void)json_object_del(entry, "hash");
    (void)json_object_del(entry, "previous");
    audit_check_entry(c, entry, hash, previous);
    return OK;
}

static enum err check_stream(struct audit_check *c, FILE *file, struct error *e)
{
    char *line = NULL;
    size_t room = 0;
    enum err err = OK;
    for (long long number = 1; err == OK; number++) {
        ssize_t len = getline(&line, &room, file);
        if (len < 0)
            break;
        struct str text = str_trim((struct str){line, (size_t)len});
        if ((size_t)len > LINE_MAX_BYTES)
            err = error_set(e, ERR_TOO_LARGE, "line %lld is longer than any entry", number);
        else if (text.len > 0 && (err = check_line(c, text, e)) != OK)
            (void)error_prefix(e, "line %lld", number);
    }
    free(line);
    return err == OK && ferror(file) ? error_errno(e, "cannot read it") : err;
}

static enum err verify_file(struct cli *cli, const struct verify_options *o, json_t *sum,
                            struct error *e)
{
    struct audit_link from = {.seq = INT_ABSENT}, expect = {.seq = INT_ABSENT};
    struct audit_check *c = arena_new(&cli->arena, struct audit_check);
    if (o->expect && !audit_link_parse(o->expect, &expect))
        return error_set(e, ERR_INVALID, "--expect must be a number and a hash, SEQ:HASH");
    FILE *file = text_eq(o->file, "-") ? cli->in : fopen(o->file, "re");
    if (!file)
        return error_errno(e, "cannot open %s", o->file);
    audit_check_init(c, &from, &expect, &cli->arena);
    enum err err = check_stream(c, file, e);
    if (file != cli->in)
        (void)fclose(file);
    if (err != OK)
        return error_prefix(e, "%s", cli_path_shown(o->file));
    audit_check_end(c, NULL);
    struct records findings = {c->findings, c->count};
    json_t *list = json_encode_list(audit_finding_fields, findings, sizeof(c->findings[0]), 0);
    (void)json_object_set_new(sum, "findings", list);
    (void)json_object_set_new(sum, "more_findings", json_integer((json_int_t)c->dropped));
    (void)json_object_set_new(sum, "checked", json_integer(c->checked));
    if (c->checked > 0)
        (void)json_object_set_new(
            sum, "last", json_pack("{s:I, s:s}", "seq", (json_int_t)c->at.seq, "hash", c->at.hash));
    return OK;
}

static void print_verdict(struct cli *cli, const json_t *sum)
{
    const json_t *findings = json_object_get(sum, "findings"), *finding;
    const json_t *last = json_object_get(sum, "last");
    long long checked = json_get_int(sum, "checked"), more = json_get_int(sum, "more_findings");
    size_t i;
    json_array_foreach (findings, i, finding) {
        put_text(cli->out, json_get_text(finding, "detail"));
        (void)fputc('\n', cli->out);
    }
    if (more > 0)
        fprintf(cli->out, "and %lld more\n", more);
    if (json_array_size(findings) == 0)
        fprintf(cli->out, "%lld entries are whole.%s", checked,
                last ? " The last, to note elsewhere:\n" : "\n");
    if (json_array_size(findings) == 0 && last)
        fprintf(cli->out, "%lld:%s\n", (long long)json_get_int(last, "seq"),
                json_get_text(last, "hash"));
    if (json_get_int(sum, "unsealed") > 0)
        cli_note(cli, "%lld entries are not sealed yet.", (long long)json_get_int(sum, "unsealed"));
}

static enum cli_exit verify_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct verify_options *o = options;
    struct error e;
    _cleanup_json_ json_t *sum = json_pack("{s:i, s:i, s:i, s:[]}", "checked", 0, "more_findings",
                                           0, "unsealed", 0, "findings");
    if (!o->file) {
        enum cli_exit code = verify_on_server(cli, self, o, sum);
        if (code != CLI_OK)
            return code;
    } else if (verify_file(cli, o, sum, &e) != OK) {
        return cli_fail(cli, &e);
    }
    bool whole = json_array_size(json_object_get(sum, "findings")) == 0;
    (void)json_object_set_new(sum, "ok", json_boolean(whole));
    if (cli_wants_json(cli))
        print_json(cli, sum);
    else
        print_verdict(cli, sum);
    return whole ? CLI_OK : CLI_FAILED;
}

const struct command command_audit_verify = {
    .name = "audit verify",
    .group = GROUP_ACCESS,
    .summary = "Tell whether somebody tampered with the audit record",
    .details = "Entries are chained by hashes: one that was changed, removed, inserted or put "
               "elsewhere is named, and the exit code is 1. Note what is printed in a place that "
               "this server does not reach, and give it back with --expect: that shows a record "
               "that was cut off or written anew as a whole.",
    .arguments = verify_argument,
    .options = verify_options,
    .options_size = sizeof(struct verify_options),
    .run = verify_run,
    .examples =
        (const struct example[]){
            {"webhost audit verify", "All that the server has"},
            {"webhost audit verify audit.ndjson", "An export, without a server"},
            {0},
        },
};

/* -- export ----------------------------------------------------------------------------------- */

enum { FORMAT_NDJSON, FORMAT_JSON, FORMAT_CSV };

static const char *const format_names[] = {"ndjson", "json", "csv", NULL};

struct export_options {
    const char *from, *to;
    int format;
};

static const struct option_spec export_options[] = {
    TEXT_OPTION(from, export_options, "a time, or how long ago: 90d", "TIME"),
    TEXT_OPTION(to, export_options, "likewise", "TIME"),
    {.field = {"format", FIELD_ENUM, offsetof(struct export_options, format), .names = format_names,
               .help = "ndjson, unless told; verify reads that only"},
     .metavar = "ndjson|json|csv"},
    OPTION_END,
};

static const char *const csv_columns[] = {"seq",     "id",      "at",       "actor", "action",
                                          "subject", "details", "previous", "hash",  NULL};

/* RFC 4180: in quotes where it has to be, a quote doubled. */
static void put_csv(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            (void)fputc('"', out);
        (void)fputc(*c, out);
    }
    (void)fputc('"', out);
}

static void put_csv_entry(struct cli *cli, const json_t *entry)
{
    _cleanup_arena_ struct arena arena = {0};
    for (size_t i = 0; csv_columns[i]; i++) {
        const json_t *value = json_object_get(entry, csv_columns[i]);
        if (i > 0)
            (void)fputc(',', cli->out);
        if (value && !json_is_null(value))
            put_csv(cli->out,
                    json_is_string(value) ? json_string_value(value) : json_text(value, &arena));
    }
    (void)fputs("\r\n", cli->out);
}

static void put_entry(struct cli *cli, const json_t *entry, int format, bool first)
{
    _cleanup_arena_ struct arena arena = {0};
    if (format == FORMAT_CSV) {
        put_csv_entry(cli, entry);
        return;
    }
    if (format == FORMAT_JSON && !first)
        (void)fputs(",\n", cli->out);
    (void)fputs(json_text(entry, &arena), cli->out);
    if (format == FORMAT_NDJSON)
        (void)fputc('\n', cli->out);
}

static void put_csv_head(struct cli *cli)
{
    for (size_t i = 0; csv_columns[i]; i++)
        fprintf(cli->out, "%s%s", i > 0 ? "," : "", csv_columns[i]);
    (void)fputs("\r\n", cli->out);
}

static enum cli_exit export_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct export_options *o = options;
    int format = cli_wants_json(cli) ? FORMAT_JSON : o->format < 0 ? FORMAT_NDJSON : o->format;
    const char *base = request_query("/api/audit/export", self->options, options, &cli->arena);
    const char *url = base;
    bool first = true;
    int64_t after;
    if (format == FORMAT_CSV)
        put_csv_head(cli);
    if (format == FORMAT_JSON)
        (void)fputs("[", cli->out);
    do {
        _cleanup_json_ json_t *reply = NULL;
        enum cli_exit code = remote_get(cli, self, url, &reply);
        if (code != CLI_OK)
            return code;
        size_t i;
        const json_t *entry;
        json_array_foreach (json_object_get(reply, "entries"), i, entry) {
            put_entry(cli, entry, format, first);
            first = false;
        }
        after = json_get_int(reply, "next_after");
        url = url_add(base, "after", arena_printf(&cli->arena, "%lld", (long long)after),
                      &cli->arena);
    } while (after != INT_ABSENT);
    if (format == FORMAT_JSON)
        (void)fputs("]\n", cli->out);
    return CLI_OK;
}

const struct command command_audit_export = {
    .name = "audit export",
    .group = GROUP_ACCESS,
    .summary = "Print the audit record in the order of its chain",
    .options = export_options,
    .options_size = sizeof(struct export_options),
    .run = export_run,
    .examples =
        (const struct example[]){
            {"webhost audit export --from 90d > audit.ndjson", "The last quarter, to keep"},
            {"webhost audit export --format csv > audit.csv", "All of it, for a spreadsheet"},
            {0},
        },
};
