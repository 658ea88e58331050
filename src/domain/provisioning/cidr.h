/*
 * Networks in CIDR notation: "203.0.113.7/32", "2001:db8::/48".
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_CIDR_H
#define WEBHOST_DOMAIN_PROVISIONING_CIDR_H

#include "base/record.h"

/* False unless it is an address, a slash and a length with no bit set after it. */
bool cidr_is_valid(const char *text);

/* Whether both are the same network, however it is written; false when one is no network. */
bool cidr_same(const char *a, const char *b);

/* For a field table. */
const char *cidr_check(const char *text);

#endif
