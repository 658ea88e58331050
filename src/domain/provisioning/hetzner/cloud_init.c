#include "domain/provisioning/hetzner/cloud_init.h"

#include "domain/provisioning/template.h"
#include "infra/secrets/scram.h"

#define SALT_BYTES 16

/* Derived too, so that an order which is repeated says the same. A salt is no secret. */
static const char *verifier(const struct secret *key, const char *host, struct arena *arena)
{
    char text[SCRAM_TEXT_MAX];
    struct secret *password = secret_derive(key, host);
    struct secret *salt = secret_derive(key, arena_printf(arena, "salt of %s", host));
    struct str bytes = {secret_expose(salt), SALT_BYTES};
    const char *copy = arena_text(arena, scram_verifier(password, bytes, text));
    secret_free(password);
    secret_free(salt);
    return copy;
}

const char *cloud_init_fill(const struct secret *key, const char *host, struct arena *arena)
{
    const char *text =
        template_fill(arena, hetzner_files[0].bytes, "verifier", verifier(key, host, arena));
    BUG_ON(strlen(text) > USER_DATA_MAX);
    return text;
}
