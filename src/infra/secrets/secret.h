/*
 * Secrets: a type that cannot be printed, and the hashing of bearer tokens; the only code that
 * names libsodium.
 *
 * A `struct secret` has no text member that a format string could reach; whoever needs the bytes
 * says so with secret_expose(). Memory comes from sodium_malloc (guarded, excluded from core dumps)
 * and is wiped when freed.
 */
#ifndef WEBHOST_INFRA_SECRETS_SECRET_H
#define WEBHOST_INFRA_SECRETS_SECRET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"

struct secret;

struct secret *secret_new(struct str text);
void secret_free(struct secret *s); /* NULL is fine */
const char *secret_expose(const struct secret *s);

/*
 * For those who have just worked with an exposed secret: clears what nobody wrote down. memcpy and
 * strlen leave what they read in vector registers, of which the dynamic linker puts all on the
 * stack when it next resolves a function. Clears those registers, and the stack below the caller.
 */
void secret_clear_traces(void);

/* Reads the file's first line as a secret. Refuses a file that others may read. */
enum err secret_from_file(const char *path, struct secret **ret_secret, struct error *e);

/*
 * Makes a file (mode 0600) with 256 random bits in base64url, on disk when this returns, and gives
 * them. ERR_CONFLICT when the file exists.
 */
enum err secret_make_file(const char *path, struct rng *rng, struct secret **ret_secret,
                          struct error *e);

/*
 * A secret of 256 bits in base64url that follows from `key` and `name` (HMAC-SHA-256): passwords of
 * databases are worked out again when they are needed and stored nowhere.
 */
struct secret *secret_derive(const struct secret *key, const char *name);

/*
 * For secrets that others chose and that have to be stored: `text` encrypted and authenticated
 * under `key` (XSalsa20-Poly1305), in base64url. secret_unseal() refuses what was changed, or
 * sealed under another key, with ERR_CORRUPT.
 */
const char *secret_seal(const struct secret *key, const struct secret *text, struct rng *rng,
                        struct arena *arena);
enum err secret_unseal(const struct secret *key, const char *sealed, struct secret **ret,
                       struct error *e);

/* Compares without telling by its duration where the texts differ. */
bool secret_text_eq(const char *a, const char *b);

#define TOKEN_TEXT_MAX 64
#define HASH_TEXT_MAX  65

/* "wh_" and 256 random bits in base64url. The text is the only copy: only its hash is stored. */
void token_generate(struct rng *rng, char out[TOKEN_TEXT_MAX]);

/*
 * SHA-256 in hex. Tokens carry 256 random bits, so a plain hash is enough at rest and lets a lookup
 * go by index; it is also the fingerprint of policies and request bodies. Returns `out`.
 */
const char *sha256_hex(struct str bytes, char out[HASH_TEXT_MAX]);

/* The same over bytes that come in pieces. sha256_end() gives the hex text; then begin again. */
struct sha256 {
    _Alignas(8) unsigned char state[112];
};

void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, struct str bytes);
const char *sha256_end(struct sha256 *h, char out[HASH_TEXT_MAX]);

/*
 * A keyed hash (SipHash-2-4) for what must be recognised again but not be read back from what is
 * stored, and for tables that are filled from outside. The key follows from an installation's and a
 * name.
 */
struct hash_key {
    unsigned char bytes[16];
};

void hash_key_derive(const struct secret *key, const char *name, struct hash_key *ret_key);
uint64_t keyed_hash(const struct hash_key *key, struct str bytes);
void keyed_hash_wide(const struct hash_key *key, struct str bytes, uint64_t ret[2]);

#endif
