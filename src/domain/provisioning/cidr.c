#include "domain/provisioning/cidr.h"

#include <arpa/inet.h>

struct cidr {
    int family;
    unsigned char address[16]; /* the first 4 for IPv4 */
    int64_t length;
};

static bool is_clear_after(const unsigned char *address, int64_t bits, int64_t length)
{
    for (int64_t bit = length; bit < bits; bit++) {
        if (address[bit / 8] & (0x80 >> (bit % 8)))
            return false;
    }
    return true;
}

static bool parse(const char *text, struct cidr *ret)
{
    struct cidr c = {0};
    char address[INET6_ADDRSTRLEN];
    const char *slash = text ? strchr(text, '/') : NULL;
    size_t len = slash ? (size_t)(slash - text) : 0;
    if (len == 0 || len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    c.family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int64_t bits = c.family == AF_INET ? 32 : 128;
    if (inet_pton(c.family, address, c.address) != 1 ||
        !str_to_i64(str_from(slash + 1), &c.length) || c.length < 0 || c.length > bits ||
        !is_clear_after(c.address, bits, c.length))
        return false;
    *ret = c;
    return true;
}

bool cidr_is_valid(const char *text)
{
    struct cidr c;
    return parse(text, &c);
}

bool cidr_same(const char *a, const char *b)
{
    struct cidr x, y;
    return parse(a, &x) && parse(b, &y) && x.family == y.family && x.length == y.length &&
           memcmp(x.address, y.address, sizeof(x.address)) == 0;
}

const char *cidr_check(const char *text)
{
    return cidr_is_valid(text) ? NULL
                               : "must be a network in CIDR notation with no bit set after its "
                                 "length, like 203.0.113.7/32 or 2001:db8::/48";
}
