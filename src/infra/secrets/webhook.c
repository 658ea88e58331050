#include "infra/secrets/webhook.h"

#include <inttypes.h>
#include <sodium.h>

#define PREFIX  "whsec_"
#define KEY_MIN 24
#define KEY_MAX 64

static enum err read_key(const struct secret *secret, unsigned char key[KEY_MAX], size_t *ret_len,
                         struct error *e)
{
    struct str text = str_from(secret_expose(secret));
    struct str prefix = STR(PREFIX);
    size_t len = 0;
    bool ok = str_starts_with(text, prefix) &&
              sodium_base642bin(key, KEY_MAX, text.ptr + prefix.len, text.len - prefix.len, NULL,
                                &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
              len >= KEY_MIN;
    if (!ok)
        return error_set(e, ERR_INVALID,
                         "a webhook's secret must be " PREFIX " and %d to %d bytes in base64",
                         KEY_MIN, KEY_MAX);
    *ret_len = len;
    return OK;
}

enum err webhook_sign(const struct secret *secret, const char *id, int64_t at_s, struct str body,
                      struct arena *arena, const char **ret_signature, struct error *e)
{
    unsigned char key[KEY_MAX], mac[crypto_auth_hmacsha256_BYTES];
    size_t key_len = 0;
    TRY(read_key(secret, key, &key_len, e));
    char head[256], encoded[sodium_base64_ENCODED_LEN(sizeof(mac), sodium_base64_VARIANT_ORIGINAL)];
    int head_len = snprintf(head, sizeof(head), "%s.%" PRId64 ".", id, at_s);
    BUG_ON(head_len < 0 || (size_t)head_len >= sizeof(head));
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, (size_t)head_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
    sodium_memzero(key, sizeof(key));
    (void)sodium_bin2base64(encoded, sizeof(encoded), mac, sizeof(mac),
                            sodium_base64_VARIANT_ORIGINAL);
    *ret_signature = arena_printf(arena, "v1,%s", encoded);
    return OK;
}
