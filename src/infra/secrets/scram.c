#include "infra/secrets/scram.h"

#include <sodium.h>

#define ITERATIONS 4096 /* PostgreSQL's default */
#define KEY_BYTES  crypto_auth_hmacsha256_BYTES

#define BASE64_MAX(bytes) sodium_base64_ENCODED_LEN((bytes), sodium_base64_VARIANT_ORIGINAL)

static void hmac(const crypto_auth_hmacsha256_state *keyed, const unsigned char *bytes, size_t len,
                 unsigned char out[KEY_BYTES])
{
    crypto_auth_hmacsha256_state state = *keyed;
    (void)crypto_auth_hmacsha256_update(&state, bytes, len);
    (void)crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

/* RFC 5802's Hi(): PBKDF2 of one block. `keyed` has the password as its key. */
static void salted_password(const crypto_auth_hmacsha256_state *keyed, struct str salt,
                            unsigned char out[KEY_BYTES])
{
    unsigned char block[KEY_BYTES], first[SCRAM_SALT_MAX + 4];
    memcpy(first, salt.ptr, salt.len);
    memcpy(first + salt.len, "\0\0\0\1", 4);
    hmac(keyed, first, salt.len + 4, block);
    memcpy(out, block, KEY_BYTES);
    for (int i = 1; i < ITERATIONS; i++) {
        hmac(keyed, block, KEY_BYTES, block);
        for (size_t b = 0; b < KEY_BYTES; b++)
            out[b] ^= block[b];
    }
    sodium_memzero(block, sizeof(block));
}

static void key_of(const unsigned char salted[KEY_BYTES], const char *purpose,
                   unsigned char out[KEY_BYTES])
{
    crypto_auth_hmacsha256_state keyed;
    (void)crypto_auth_hmacsha256_init(&keyed, salted, KEY_BYTES);
    hmac(&keyed, (const unsigned char *)purpose, strlen(purpose), out);
    sodium_memzero(&keyed, sizeof(keyed));
}

const char *scram_verifier(const struct secret *password, struct str salt, char out[SCRAM_TEXT_MAX])
{
    BUG_ON(salt.len == 0 || salt.len > SCRAM_SALT_MAX);
    const char *text = secret_expose(password);
    unsigned char salted[KEY_BYTES], client[KEY_BYTES], stored[KEY_BYTES], server[KEY_BYTES];
    crypto_auth_hmacsha256_state keyed;
    (void)crypto_auth_hmacsha256_init(&keyed, (const unsigned char *)text, strlen(text));
    salted_password(&keyed, salt, salted);
    key_of(salted, "Client Key", client);
    (void)crypto_hash_sha256(stored, client, sizeof(client));
    key_of(salted, "Server Key", server);

    char salt64[BASE64_MAX(SCRAM_SALT_MAX)], stored64[BASE64_MAX(KEY_BYTES)];
    char server64[BASE64_MAX(KEY_BYTES)];
    int variant = sodium_base64_VARIANT_ORIGINAL;
    (void)sodium_bin2base64(salt64, sizeof(salt64), (const unsigned char *)salt.ptr, salt.len,
                            variant);
    (void)sodium_bin2base64(stored64, sizeof(stored64), stored, sizeof(stored), variant);
    (void)sodium_bin2base64(server64, sizeof(server64), server, sizeof(server), variant);
    (void)snprintf(out, SCRAM_TEXT_MAX, "SCRAM-SHA-256$%d:%s$%s:%s", ITERATIONS, salt64, stored64,
                   server64);
    sodium_memzero(&keyed, sizeof(keyed));
    sodium_memzero(salted, sizeof(salted));
    sodium_memzero(client, sizeof(client));
    return out;
}
