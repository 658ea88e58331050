#include "app/cli/complete.h"

#include "app/cli/contexts.h"
#include "app/cli/remote.h"
#include "domain/placement/policy.h"

#define ASK_MAX_US USEC_PER_SEC

struct completion {
    struct cli *cli;
    const char *typed;  /* the beginning of the word */
    const char *before; /* "--to=" of "--to=si": part of the word in every shell but bash */
    const struct command *command;    /* NULL: not known yet */
    const struct option_spec *valued; /* the option whose value is typed; NULL: none */
    const char *first;                /* of the command's words, while there is no command */
    size_t positional;                /* words behind the command */
};

static void offer(const struct completion *c, const char *word, const char *help)
{
    if (!str_starts_with(str_from(word), str_from(c->typed)))
        return;
    (void)fputs(c->before, c->cli->out);
    put_text(c->cli->out, word);
    if (help && help[0]) {
        (void)fputc('\t', c->cli->out);
        put_text(c->cli->out, help);
    }
    (void)fputc('\n', c->cli->out);
}

/* -- names from the server -------------------------------------------------------------------- */

static const struct {
    const char *kind; /* an argument's name, or an option's metavar */
    const char *path, *array, *key, *help;
} things[] = {
    {"CUSTOMER", "/api/customers?limit=200", "customers", "slug", "name"},
    {"HOST", "/api/hosts?limit=200", "hosts", "name", "status"},
    {"INSTANCE", "/api/instances?limit=200", "instances", "customer", "status"},
    {"JOB", "/api/jobs?limit=100", "jobs", "id", "worker"},
    {"MIGRATION", "/api/migrations?limit=100", "migrations", "id", "state"},
    {"PROPOSAL", "/api/proposals?state=pending&limit=100", "proposals", "id", "customer_slug"},
    {"QUEUE", "/api/queues", "queues", "name", NULL},
    {"TOKEN-ID", "/api/tokens?limit=100", "tokens", "id", "name"},
};

static const char *text_of(const struct completion *c, const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : json_text(value, &c->cli->arena);
}

/* What is wrong goes nowhere, and no answer is waited for that a person would notice. */
static void offer_from_server(const struct completion *c, size_t thing)
{
    struct cli *cli = c->cli;
    FILE *err = cli->err, *nowhere = fopen("/dev/null", "we");
    if (!nowhere)
        return;
    cli->err = nowhere;
    cli->globals.timeout_us = ASK_MAX_US;
    _cleanup_json_ json_t *reply = NULL;
    if (remote_has_token(cli) &&
        remote_get(cli, c->command, things[thing].path, &reply) == CLI_OK) {
        size_t i;
        const json_t *item;
        json_array_foreach (json_object_get(reply, things[thing].array), i, item)
            offer(c, text_of(c, json_object_get(item, things[thing].key)),
                  things[thing].help ? json_get_text(item, things[thing].help) : NULL);
    }
    cli->err = err;
    (void)fclose(nowhere);
}

static void offer_contexts(const struct completion *c)
{
    struct contexts contexts;
    struct error e;
    if (contexts_read(c->cli, &contexts, &e) != OK)
        return;
    const struct context *items = contexts.items.items;
    for (size_t i = 0; i < contexts.items.count; i++)
        offer(c, items[i].name, items[i].url);
}

/* -- values ----------------------------------------------------------------------------------- */

static void offer_names(const struct completion *c, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        offer(c, names[i], NULL);
}

/* Of an option or an argument. What is neither a word of a list nor a name we know is a file. */
static void offer_value(const struct completion *c, const struct option_spec *spec)
{
    const char *kind = spec->metavar ? spec->metavar : spec->field.name;
    if (spec->field.names) {
        offer_names(c, spec->field.names);
        return;
    }
    if (text_eq(kind, "CONTEXT") || text_eq(spec->field.name, "context")) {
        offer_contexts(c);
        return;
    }
    if (text_eq(kind, "FILE|NAME") || text_eq(kind, "POLICY"))
        offer_names(c, policy_builtin_names);
    if (text_eq(kind, "PLAN"))
        offer_names(c, plan_names);
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        if (text_eq(kind, things[i].kind))
            offer_from_server(c, i);
    }
}

/* -- options ---------------------------------------------------------------------------------- */

static void offer_options(const struct completion *c, const struct option_spec *specs)
{
    for (; specs && specs->field.name; specs++)
        offer(c, arena_printf(&c->cli->arena, "--%s", specs->field.name), specs->field.help);
}

static const struct option_spec *find_in(const struct option_spec *specs, struct str word)
{
    bool is_long = str_starts_with(word, STR("--"));
    struct str name = {word.ptr + 2, word.len - 2};
    for (; specs && specs->field.name; specs++) {
        bool same = is_long ? str_eq(str_from(specs->field.name), name)
                            : word.len == 2 && specs->letter == word.ptr[1];
        if (same)
            return specs;
    }
    return NULL;
}

static const struct option_spec *find_option(const struct completion *c, struct str word)
{
    const struct option_spec *found = c->command ? find_in(c->command->options, word) : NULL;
    return found ? found : find_in(cli_global_options, word);
}

/* -- the line --------------------------------------------------------------------------------- */

/* A command's word, or one behind them. */
static void take_word(struct completion *c, const char *word)
{
    struct error e;
    int used;
    if (c->command) {
        c->positional++;
        return;
    }
    const char *argv[] = {c->first ? c->first : word, word};
    c->command = command_find(c->first ? 2 : 1, (char *const *)(void *)argv, &used, &e);
    /* A group's word alone means its default command, but the next word may say another. */
    if (c->command && !c->first && command_is_group_word(word))
        c->command = NULL;
    if (c->command && c->first && used == 1)
        c->positional = 1;
    c->first = c->first ? c->first : word;
}

/* An option behind a group's word: its default command's. */
static void take_default(struct completion *c)
{
    struct error e;
    int used;
    if (!c->command && c->first)
        c->command = command_find(1, (char *const *)(void *)&c->first, &used, &e);
}

static void take_words(struct completion *c, struct texts words)
{
    for (size_t i = 0; i + 1 < words.count; i++) {
        struct str word = str_from(words.items[i]);
        if (text_eq(words.items[i], "="))
            continue;
        if (c->valued) {
            c->valued = NULL;
            continue;
        }
        if (word.len < 2 || word.ptr[0] != '-') {
            take_word(c, words.items[i]);
            continue;
        }
        take_default(c);
        const struct option_spec *spec = find_option(c, word);
        c->valued = spec && spec->field.type != FIELD_BOOL ? spec : NULL;
    }
}

/* "--to=si": the value of --to, which begins with "si". */
static void split_typed(struct completion *c)
{
    struct str rest = str_from(c->typed);
    struct str name = str_cut(&rest, '=');
    if (text_eq(c->typed, "="))
        c->typed = "";
    else if (rest.ptr && str_starts_with(name, STR("--"))) {
        c->valued = find_option(c, name);
        c->before = arena_printf(&c->cli->arena, "%.*s=", STR_ARG(name));
        c->typed = rest.ptr;
    }
}

static bool offered_before(const struct command *const *upto, struct str word)
{
    for (const struct command *const *c = commands; c != upto; c++) {
        struct str name = str_from((*c)->name);
        if (str_eq(str_cut(&name, ' '), word))
            return true;
    }
    return false;
}

/* "list, show, retry": the second words behind a first, or what its only command does. */
static const char *words_behind(struct arena *arena, struct str first)
{
    const char *all = NULL;
    for (const struct command *const *one = commands; *one; one++) {
        struct str second = str_from((*one)->name);
        if (!str_eq(str_cut(&second, ' '), first))
            continue;
        if (!second.ptr)
            return (*one)->summary;
        all = all ? arena_printf(arena, "%s, %s", all, second.ptr) : second.ptr;
    }
    return all;
}

/* The first words of all commands, or the second ones behind a first. */
static void offer_commands(const struct completion *c)
{
    struct arena *arena = &c->cli->arena;
    for (const struct command *const *one = commands; *one; one++) {
        struct str second = str_from((*one)->name);
        struct str first = str_cut(&second, ' ');
        if (c->first && str_eq(first, str_from(c->first)) && second.ptr)
            offer(c, second.ptr, (*one)->summary);
        if (!c->first && !offered_before(one, first))
            offer(c, arena_text_n(arena, first.ptr, first.len), words_behind(arena, first));
    }
    if (!c->first)
        offer(c, "help", "Explain a command");
}

void complete(struct cli *cli, struct texts words)
{
    struct completion c = {
        .cli = cli, .before = "", .typed = words.count > 0 ? words.items[words.count - 1] : ""};
    take_words(&c, words);
    if (c.typed[0] == '-')
        take_default(&c);
    split_typed(&c);
    if (c.valued) {
        offer_value(&c, c.valued);
        return;
    }
    if (c.typed[0] == '-') {
        offer_options(&c, c.command ? c.command->options : NULL);
        offer_options(&c, cli_global_options);
        return;
    }
    if (!c.command) {
        offer_commands(&c);
        return;
    }
    const struct option_spec *argument = c.command->arguments;
    for (size_t i = 0; argument && argument->field.name && i < c.positional; i++)
        argument++;
    if (argument && argument->field.name)
        offer_value(&c, argument);
}
