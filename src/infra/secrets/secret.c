#include "infra/secrets/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <sys/stat.h>

#define SECRET_LINE_MAX 4096
#define STACK_CLEARED   65536 /* more than libcurl and OpenSSL go down in a call */
#define TOKEN_PREFIX    "wh_"
#define TOKEN_BYTES     32

struct secret {
    size_t len;
    char text[];
};

static void init_once(void)
{
    BUG_ON(sodium_init() < 0);
}

static void secrets_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BUG_ON(pthread_once(&once, init_once) != 0);
}

struct secret *secret_new(struct str text)
{
    BUG_ON(text.len && memchr(text.ptr, '\0', text.len));
    secrets_init();
    /* sodium_malloc puts the end of the block at a guard page, so only a size that is a multiple of
     * the struct's alignment gives an aligned address. */
    size_t align = _Alignof(struct secret);
    size_t size = (sizeof(struct secret) + text.len + 1 + align - 1) / align * align;
    struct secret *s = sodium_malloc(size);
    BUG_ON(!s);
    s->len = text.len;
    if (text.len)
        memcpy(s->text, text.ptr, text.len);
    s->text[text.len] = '\0';
    BUG_ON(sodium_mprotect_readonly(s) != 0);
    return s;
}

void secret_free(struct secret *s)
{
    sodium_free(s); /* makes it writable, wipes it, unmaps it; NULL is fine */
}

bool secret_text_eq(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && sodium_memcmp(a, b, len) == 0;
}

const char *secret_expose(const struct secret *s)
{
    return s->text;
}

/* The upper sixteen registers of AVX-512 are nobody's: what is in them stays until memcpy's next.
 */
static void clear_registers(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f"))
        __asm__ volatile(".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"
                         "vpxorq %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
                         ".endr" ::
                             : "memory");
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroall" ::
                             : "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                               "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                               "xmm15");
#endif
}

void secret_clear_traces(void)
{
    clear_registers();
    sodium_stackzero(STACK_CLEARED);
}

struct secret *secret_derive(const struct secret *key, const char *name)
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof(mac), sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key->text, key->len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)name, strlen(name));
    crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2base64(text, sizeof(text), mac, sizeof(mac),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    struct secret *derived = secret_new(str_from(text));
    sodium_memzero(&state, sizeof(state));
    sodium_memzero(mac, sizeof(mac));
    sodium_memzero(text, sizeof(text));
    return derived;
}

#define SEALED_MAX 1024 /* of text */
#define SEALED_BYTES                                                                               \
    (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + SEALED_MAX) /* nonce, then the box  \
                                                                            */

/* Another name than any database's, so that no password is a sealing key. */
static void sealing_key(const struct secret *key, unsigned char out[crypto_secretbox_KEYBYTES])
{
    struct secret *derived = secret_derive(key, "\nseal");
    (void)crypto_generichash(out, crypto_secretbox_KEYBYTES, (const unsigned char *)derived->text,
                             derived->len, NULL, 0);
    secret_free(derived);
}

const char *secret_seal(const struct secret *key, const struct secret *text, struct rng *rng,
                        struct arena *arena)
{
    unsigned char bytes[SEALED_BYTES], sealing[crypto_secretbox_KEYBYTES];
    BUG_ON(text->len > SEALED_MAX);
    sealing_key(key, sealing);
    rng->fill(rng, bytes, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES,
                                (const unsigned char *)text->text, text->len, bytes, sealing);
    size_t len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + text->len;
    size_t max = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *out = arena_alloc(arena, max);
    (void)sodium_bin2base64(out, max, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(sealing, sizeof(sealing));
    return out;
}

enum err secret_unseal(const struct secret *key, const char *sealed, struct secret **ret,
                       struct error *e)
{
    const size_t overhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    unsigned char bytes[SEALED_BYTES], sealing[crypto_secretbox_KEYBYTES];
    char text[SEALED_MAX];
    size_t len = 0;
    int bad = sodium_base642bin(bytes, sizeof(bytes), sealed, strlen(sealed), NULL, &len, NULL,
                                sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (bad == 0 && len >= overhead) {
        sealing_key(key, sealing);
        bad = crypto_secretbox_open_easy((unsigned char *)text, bytes + crypto_secretbox_NONCEBYTES,
                                         len - crypto_secretbox_NONCEBYTES, bytes, sealing);
        sodium_memzero(sealing, sizeof(sealing));
    }
    if (bad != 0 || len < overhead)
        return error_set(e, ERR_CORRUPT,
                         "a sealed secret cannot be opened: it was sealed under another key, or "
                         "changed");
    *ret = secret_new((struct str){text, len - overhead});
    sodium_memzero(text, sizeof(text));
    return OK;
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* Fills `out` until it is full or the file ends; pipes give their content in pieces. */
static enum err read_start(int fd, const char *path, char *out, size_t size, size_t *ret_len,
                           struct error *e)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, out + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "secret file %s: cannot read", path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return OK;
}

static enum err open_private(const char *path, int *ret_fd, struct error *e)
{
    __attribute__((cleanup(fd_close))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return error_set(e, ERR_NOT_FOUND,
                         "secret file %s does not exist; create it with mode 0600", path);
    if (fd < 0)
        return error_errno(e, "secret file %s: cannot open", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_errno(e, "secret file %s: cannot look at its mode", path);
    if (S_ISDIR(st.st_mode))
        return error_set(e, ERR_INVALID, "secret file %s is a directory; name a file", path);
    if (st.st_mode & S_IRWXO)
        return error_set(e, ERR_DENIED,
                         "secret file %s is open to every user (mode %04o); run chmod 600 on it",
                         path, (unsigned)st.st_mode & 07777u);
    *ret_fd = fd;
    fd = -1;
    return OK;
}

static enum err first_line(const char *path, struct str content, struct str *ret_line,
                           struct error *e)
{
    bool whole = content.len < SECRET_LINE_MAX || memchr(content.ptr, '\n', content.len);
    struct str line = str_trim(str_cut(&content, '\n'));
    if (line.len == 0)
        return error_set(e, ERR_INVALID, "secret file %s: the first line is empty", path);
    if (!whole)
        return error_set(e, ERR_TOO_LARGE, "secret file %s: the first line is over %d bytes", path,
                         SECRET_LINE_MAX - 1);
    if (!str_is_printable(line, SECRET_LINE_MAX))
        return error_set(e, ERR_INVALID,
                         "secret file %s: the first line has control characters or is not UTF-8",
                         path);
    *ret_line = line;
    return OK;
}

enum err secret_from_file(const char *path, struct secret **ret_secret, struct error *e)
{
    __attribute__((cleanup(fd_close))) int fd = -1;
    TRY(open_private(path, &fd, e));
    char content[SECRET_LINE_MAX];
    size_t len = 0;
    struct str line;
    enum err failed = read_start(fd, path, content, sizeof(content), &len, e);
    if (!failed)
        failed = first_line(path, (struct str){content, len}, &line, e);
    if (!failed)
        *ret_secret = secret_new(line);
    sodium_memzero(content, sizeof(content));
    secret_clear_traces();
    return failed;
}

/* Written whole under another name first: a key file that exists is never half of one. */
static enum err write_private(const char *path, const char *draft, struct str line, struct error *e)
{
    (void)unlink(draft); /* of a start that died */
    __attribute__((cleanup(fd_close))) int fd =
        open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return error_errno(e, "cannot make the key file %s", draft);
    if (write(fd, line.ptr, line.len) != (ssize_t)line.len || fsync(fd) != 0)
        return error_errno(e, "cannot write the key file %s", draft);
    if (link(draft, path) == 0)
        return OK;
    if (errno == EEXIST)
        return error_set(e, ERR_CONFLICT, "the key file %s exists already", path);
    return error_errno(e, "cannot make the key file %s", path);
}

enum err secret_make_file(const char *path, struct rng *rng, struct secret **ret_secret,
                          struct error *e)
{
    secrets_init();
    unsigned char bytes[TOKEN_BYTES];
    char line[TOKEN_TEXT_MAX], draft[PATH_MAX];
    rng->fill(rng, bytes, sizeof(bytes));
    (void)sodium_bin2base64(line, sizeof(line), bytes, sizeof(bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    size_t len = strlen(line);
    line[len] = '\n';
    enum err err = OK;
    if ((size_t)snprintf(draft, sizeof(draft), "%s.new", path) >= sizeof(draft))
        err = error_set(e, ERR_INVALID, "the path of the key file is too long");
    if (err == OK) {
        err = write_private(path, draft, (struct str){line, len + 1}, e);
        (void)unlink(draft);
    }
    if (err == OK)
        *ret_secret = secret_new((struct str){line, len});
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(line, sizeof(line));
    return err;
}

void token_generate(struct rng *rng, char out[TOKEN_TEXT_MAX])
{
    secrets_init();
    unsigned char bytes[TOKEN_BYTES];
    rng->fill(rng, bytes, sizeof(bytes));
    size_t prefix = sizeof(TOKEN_PREFIX) - 1;
    memcpy(out, TOKEN_PREFIX, prefix);
    (void)sodium_bin2base64(out + prefix, TOKEN_TEXT_MAX - prefix, bytes, sizeof(bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));
}

const char *sha256_hex(struct str bytes, char out[HASH_TEXT_MAX])
{
    secrets_init();
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, (const unsigned char *)(bytes.len ? bytes.ptr : ""), bytes.len);
    (void)sodium_bin2hex(out, HASH_TEXT_MAX, hash, sizeof(hash));
    return out;
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct sha256), "the state must fit");

static crypto_hash_sha256_state *state_of(struct sha256 *h)
{
    return (crypto_hash_sha256_state *)(void *)h->state;
}

void sha256_begin(struct sha256 *h)
{
    secrets_init();
    (void)crypto_hash_sha256_init(state_of(h));
}

void sha256_add(struct sha256 *h, struct str bytes)
{
    (void)crypto_hash_sha256_update(state_of(h), (const unsigned char *)bytes.ptr, bytes.len);
}

const char *sha256_end(struct sha256 *h, char out[HASH_TEXT_MAX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256_final(state_of(h), hash);
    (void)sodium_bin2hex(out, HASH_TEXT_MAX, hash, sizeof(hash));
    return out;
}

_Static_assert(sizeof(struct hash_key) == crypto_shorthash_KEYBYTES, "SipHash's key");
_Static_assert(2 * sizeof(uint64_t) == crypto_shorthash_siphashx24_BYTES, "SipHash's wide hash");

void hash_key_derive(const struct secret *key, const char *name, struct hash_key *ret_key)
{
    struct secret *derived = secret_derive(key, name);
    (void)crypto_generichash(ret_key->bytes, sizeof(ret_key->bytes),
                             (const unsigned char *)derived->text, derived->len, NULL, 0);
    secret_free(derived);
}

uint64_t keyed_hash(const struct hash_key *key, struct str bytes)
{
    uint64_t hash;
    (void)crypto_shorthash((unsigned char *)&hash, (const unsigned char *)bytes.ptr, bytes.len,
                           key->bytes);
    return hash;
}

void keyed_hash_wide(const struct hash_key *key, struct str bytes, uint64_t ret[2])
{
    (void)crypto_shorthash_siphashx24((unsigned char *)ret, (const unsigned char *)bytes.ptr,
                                      bytes.len, key->bytes);
}
