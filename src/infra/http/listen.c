#include "infra/http/listen.h"

#include "infra/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define LISTEN_BACKLOG 1024

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool address_fill(const char *text, uint16_t port, union address *out, socklen_t *len)
{
    *out = (union address){0};
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        *len = sizeof(out->v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        *len = sizeof(out->v6);
        return true;
    }
    return false;
}

static bool socket_listen(int fd, const union address *address, socklen_t len)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return false;
    /* "::" means IPv6 only; who wants both listens on both. */
    if (address->any.sa_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return false;
    return bind(fd, &address->any, len) == 0 && listen(fd, LISTEN_BACKLOG) == 0;
}

enum err http_listen_open(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          struct error *e)
{
    union address at;
    socklen_t len;
    if (!address_fill(address, port, &at, &len))
        return error_set(e, ERR_INVALID,
                         "cannot listen on '%s': not an IP address; write one like 127.0.0.1 or "
                         "::1",
                         address);
    int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(e, "cannot listen on %s: no socket", address);
    if (!socket_listen(fd, &at, len) || getsockname(fd, &at.any, &len) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        if (errno == EADDRINUSE)
            return error_set(e, ERR_CONFLICT,
                             "cannot listen on %s port %u: another program listens there; stop it "
                             "or choose another port",
                             address, port);
        return error_errno(e, "cannot listen on %s port %u", address, port);
    }
    *ret_fd = fd;
    *ret_port = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
    return OK;
}

enum err http_listen_parse(const char *text, struct arena *arena, const char **ret_address,
                           uint16_t *ret_port, struct error *e)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || !str_to_i64(str_from(colon + 1), &port) || port < 0 || port > UINT16_MAX)
        return error_set(e, ERR_INVALID,
                         "listen address '%s': the port is missing or not in 0..65535; write "
                         "ADDRESS:PORT, [IPV6]:PORT or :PORT",
                         text);
    struct str host = {text, (size_t)(colon - text)};
    bool bracketed = str_starts_with(host, STR("[")) && str_ends_with(host, STR("]"));
    if (bracketed)
        host = (struct str){host.ptr + 1, host.len - 2};
    if (host.len == 0 && !bracketed)
        host = STR("127.0.0.1");
    const char *address = arena_text_n(arena, host.ptr, host.len);
    union address at;
    socklen_t len;
    if (!address_fill(address, 0, &at, &len) || (at.any.sa_family == AF_INET6) != bracketed)
        return error_set(e, ERR_INVALID,
                         "listen address '%s': '%s' is not an IP address; write one like "
                         "127.0.0.1:8080 or [::1]:8080",
                         text, address);
    *ret_address = address;
    *ret_port = (uint16_t)port;
    return OK;
}
