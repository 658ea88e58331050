/*
 * The app itself, its addresses, certificate and secrets.
 *
 * App names are global. Ours end in random letters, so that a name that is taken is a rare thing;
 * but then it may be anybody's, and what is anybody's must not be touched.
 */
#include "domain/provisioning/fly/parts.h"
#include "domain/provisioning/template.h"

#define APP_NAMES_MAX 5

/* -- the app ---------------------------------------------------------------------------------- */

static enum err check_machines(struct fly_run *f, struct error *e)
{
    struct records all;
    TRY(flaps_machine_list(&f->cloud, f->d.app, fly_arena(f), &all, e));
    const struct fly_machine *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (!text_eq(items[i].deployment_id, f->d.id))
            return error_set(e, ERR_CONFLICT,
                             "app %s is in our organisation, but machine %s in it is not of this "
                             "deployment",
                             f->d.app, items[i].id);
    }
    return OK;
}

/* ERR_NOT_FOUND when there is no such app, ERR_CONFLICT when it is not ours. */
static enum err check_app(struct fly_run *f, struct error *e)
{
    struct fly_app app;
    const char *org = fly_settings_of(f)->org;
    TRY(flaps_app_get(&f->cloud, f->d.app, fly_arena(f), &app, e));
    if (!text_eq(app.org, org))
        return error_set(e, ERR_CONFLICT, "app %s belongs to organisation %s and not to %s",
                         f->d.app, app.org ? app.org : "?", org);
    return check_machines(f, e);
}

enum err fly_app_is_ours(struct fly_run *f, bool *ret_ours, struct error *e)
{
    enum err err = check_app(f, e);
    if (err != OK && err != ERR_NOT_FOUND && err != ERR_CONFLICT)
        return err;
    *ret_ours = err == OK;
    return OK;
}

/* What was just made can be invisible for a moment. */
static enum err wait_until_visible(struct fly_run *f, struct error *e)
{
    enum err err = check_app(f, e);
    if (err != ERR_NOT_FOUND)
        return err;
    return error_set(e, ERR_BUSY, "app %s was made and cannot be seen yet", f->d.app);
}

static enum err claim_app(struct fly_run *f, struct resource *r, bool fresh, struct error *e)
{
    enum err err = check_app(f, e);
    if (err == OK && fresh)
        return error_set(e, ERR_CONFLICT, "app %s exists, and nothing here has made it", f->d.app);
    if (err != ERR_NOT_FOUND)
        return err;
    if (!fresh)
        TRY(fly_record_asking(f, r, e));
    err = flaps_app_create(&f->cloud, f->d.app, fly_settings_of(f)->org, fly_arena(f), e);
    if (err != OK && err != ERR_CONFLICT)
        return err;
    return wait_until_visible(f, e); /* a name taken meanwhile is perhaps by our own lost call */
}

/* The derived name ends with the end of the deployment's id; "-2" and so on go behind it. */
static enum err next_name(struct fly_run *f, struct resource *r, int number, struct error *e)
{
    struct arena *arena = fly_arena(f);
    const char *tail = f->d.id + strlen(f->d.id) - 8;
    const char *at = strstr(f->d.app, tail);
    int len = at ? (int)(at - f->d.app + 8) : (int)strlen(f->d.app);
    const char *name = arena_printf(arena, "%.*s-%d", len, f->d.app, number);
    return fly_record_rename_app(f, r, name, arena_text(arena, e->text), e);
}

enum err fly_have_app(struct fly_run *f, struct error *e)
{
    for (int64_t taken = 0; taken < APP_NAMES_MAX;) {
        struct resource r;
        bool fresh;
        struct fly_slot slot = {RESOURCE_APP, "", "app", f->d.app};
        TRY(fly_record_intend(f, &slot, &r, &fresh, e));
        if (r.status == RESOURCE_CREATED)
            return OK;
        enum err err = claim_app(f, &r, fresh, e);
        if (err == OK)
            return fly_record_created(f, &r, f->d.app, NULL, e);
        if (err != ERR_CONFLICT)
            return err;
        TRY(fly_record_failures(f, &slot, &taken, e));
        TRY(next_name(f, &r, (int)++taken + 1, e));
    }
    return error_set(e, ERR_CONFLICT,
                     "Fly's names for this app are all somebody else's, the last one tried was %s; "
                     "see that provisioning.fly.org (%s) is the token's organisation",
                     f->d.app, fly_settings_of(f)->org);
}

/* -- addresses -------------------------------------------------------------------------------- */

static enum err find_ip(struct fly_run *f, const struct resource *r, void *what,
                        struct fly_made *ret, struct error *e)
{
    (void)what;
    return flaps_ip_find(&f->cloud, f->d.app, r->slot, fly_arena(f), &ret->id, e);
}

static enum err make_ip(struct fly_run *f, const struct resource *r, void *what,
                        struct fly_made *ret, struct error *e)
{
    (void)what;
    return flaps_ip_assign(&f->cloud, f->d.app, r->slot, fly_arena(f), &ret->id, e);
}

/* -- certificates ----------------------------------------------------------------------------- */

const char *fly_hostname(const struct fly_run *f)
{
    const char *template = fly_settings_of(f)->hostname;
    return template ? template_fill(fly_arena(f), template, "slug", f->d.customer_slug) : NULL;
}

static enum err find_certificate(struct fly_run *f, const struct resource *r, void *what,
                                 struct fly_made *ret, struct error *e)
{
    (void)what;
    struct fly_certificate c;
    TRY(flaps_certificate_get(&f->cloud, f->d.app, r->slot, fly_arena(f), &c, e));
    ret->id = r->slot;
    return OK;
}

static enum err make_certificate(struct fly_run *f, const struct resource *r, void *what,
                                 struct fly_made *ret, struct error *e)
{
    (void)what;
    struct fly_certificate c;
    TRY(flaps_certificate_request(&f->cloud, f->d.app, r->slot, fly_arena(f), &c, e));
    ret->id = r->slot;
    return OK;
}

/* Its state is for people: Fly issues it once the DNS records are set, which nobody waits for. */
static enum err have_certificate(struct fly_run *f, const char *hostname, struct error *e)
{
    static const struct fly_maker maker = {find_certificate, make_certificate};
    struct resource r;
    struct fly_certificate c;
    struct fly_slot slot = {RESOURCE_CERTIFICATE, "", hostname, hostname};
    TRY(fly_have(f, &slot, &maker, NULL, &r, e));
    if (r.state)
        return OK; /* looked at from now on by the health check */
    TRY(flaps_certificate_get(&f->cloud, f->d.app, hostname, fly_arena(f), &c, e));
    return fly_record_state(f, &r, c.status ? c.status : "unknown", e);
}

enum err fly_have_network(struct fly_run *f, struct error *e)
{
    static const struct fly_maker maker = {find_ip, make_ip};
    const struct texts *types = &fly_settings_of(f)->ips;
    for (size_t i = 0; i < types->count; i++) {
        struct resource r;
        struct fly_slot slot = {RESOURCE_IP, "", types->items[i], types->items[i]};
        TRY(fly_have(f, &slot, &maker, NULL, &r, e));
    }
    const char *hostname = fly_hostname(f);
    return hostname ? have_certificate(f, hostname, e) : OK;
}

/* -- secrets ---------------------------------------------------------------------------------- */

/* What is in them is in no record and no log: the url is resolved here and forgotten. */
static json_t *secret_values(struct fly_run *f)
{
    struct arena *arena = fly_arena(f);
    struct secret *password = secret_derive(f->run->with->key, f->d.app);
    const char *place = arena_printf(arena, "password:%s", f->d.app);
    const char *url = f->clear_url;
    if (!url)
        url = template_fill(arena, f->database_url, place, secret_expose(password));
    json_t *values =
        json_pack("{s:s, s:s}", "POSTGRES_PASSWORD", secret_expose(password), "DATABASE_URL", url);
    secret_free(password);
    BUG_ON(!values);
    return values;
}

static enum err set_secrets(struct fly_run *f, const struct resource *r, void *what,
                            struct fly_made *ret, struct error *e)
{
    (void)r;
    (void)what;
    int64_t version;
    TRY(flaps_secrets_set(&f->cloud, f->d.app, secret_values(f), fly_arena(f), &version, e));
    ret->id = arena_printf(fly_arena(f), "%lld", (long long)version);
    return OK;
}

/* Setting them twice to the same does no harm, so that nothing has to be looked for. */
enum err fly_have_secrets(struct fly_run *f, struct error *e)
{
    static const struct fly_maker maker = {set_secrets, set_secrets};
    struct resource r;
    if (!f->run->with->key)
        return OK; /* no passwords are derived: databases have those of their images */
    struct fly_slot slot = {RESOURCE_SECRETS, "", "secrets", "secrets"};
    TRY(fly_have(f, &slot, &maker, NULL, &r, e));
    (void)str_to_i64(str_from(r.provider_id), &f->secrets_version);
    return OK;
}
