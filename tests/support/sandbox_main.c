/*
 * The sandbox alone, for tests that need it in a process of its own (to kill it) and for trying
 * tools against it: sandbox_main DATABASE PORT ACTION_DELAY. Says "PORT\n" on standard output once
 * it serves, and ends on SIGTERM or SIGINT.
 */
#include "sandbox/sandbox.h"

#include <signal.h>

static int fail(const char *what)
{
    (void)fprintf(stderr, "sandbox_main: %s\n", what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int64_t port, delay_us;
    if (argc != 4 || !str_to_i64(str_from(argv[2]), &port) || port < 0 || port > UINT16_MAX ||
        !duration_parse(str_from(argv[3]), &delay_us))
        return fail("usage: sandbox_main sqlite:PATH PORT DELAY (like 50ms)");

    sigset_t stop;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &stop, NULL); /* before the threads, which inherit it */

    struct sandbox_options options = {
        .db_url = argv[1],
        .port = (uint16_t)port,
        .action_delay_us = delay_us,
    };
    struct sandbox *sandbox;
    struct error e;
    if (sandbox_start(&options, &sandbox, &e) != OK)
        return fail(e.text);
    (void)printf("%u\n", sandbox_port(sandbox));
    (void)fflush(stdout);
    int signal;
    (void)sigwait(&stop, &signal);
    sandbox_stop(sandbox);
    return EXIT_SUCCESS;
}
