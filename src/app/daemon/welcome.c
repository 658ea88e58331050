#include "app/daemon/welcome.h"

#include "domain/accounts/tokens.h"

#include <limits.h>

#define PORT_DEFAULT 4000

struct welcome_work {
    const struct env *env;
    struct arena *arena;
    bool demo;
    char token[TOKEN_TEXT_MAX]; /* "" when none was made */
};

static enum err token_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct welcome_work *w = arg;
    const char *name = w->demo ? "demo" : "first";
    struct token token;
    int64_t count;
    w->token[0] = '\0';
    if (w->demo)
        TRY(token_revoke_named(tx, w->env, "system", name, w->arena, e));
    TRY(token_count(tx, &count, e));
    if (count > 0 && !w->demo)
        return OK;
    return token_create(tx, w->env, "system", name, TOKEN_ADMIN, NULL, w->arena, &token, w->token,
                        e);
}

/* How this program is called from here: its path, below the working directory when it is there. */
static const char *program(struct arena *arena)
{
    char path[PATH_MAX], here[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0 || !getcwd(here, sizeof(here)))
        return "webhost";
    path[n] = '\0';
    size_t len = strlen(here);
    bool below = strncmp(path, here, len) == 0 && path[len] == '/';
    return arena_text(arena, below ? path + len + 1 : path);
}

static void print_what_to_try(const struct welcome_work *w, uint16_t port)
{
    const char *webhost = program(w->arena);
    printf("\nThe dashboard is http://127.0.0.1:%u in a browser on this machine. Sign in with the "
           "admin "
           "token above.\n",
           port);
    printf("\nTry, in another terminal:\n\n");
    printf("  export WEBHOST_TOKEN=%s", w->token);
    if (port != PORT_DEFAULT)
        printf(" WEBHOST_SERVER=http://127.0.0.1:%u", port);
    printf("\n  %s customers\n", webhost);
    printf("  %s status acme-logistics\n", webhost);
    printf("  %s signup --name Bolt --slug bolt --email ops@bolt.example --plan hobby "
           "--budget 30 --vehicles 2 --wait\n\n",
           webhost);
}

enum err welcome(const struct env *env, uint16_t port, bool demo, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct welcome_work w = {.env = env, .arena = &arena, .demo = demo};
    TRY(db_write(env->db, token_work, &w, e));
    if (w.token[0])
        printf("admin token: %s\n", w.token);
    printf("listening on http://127.0.0.1:%u\n", port);
    if (demo)
        print_what_to_try(&w, port);
    (void)fflush(stdout);
    return OK;
}
