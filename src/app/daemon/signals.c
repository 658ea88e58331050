#include "app/daemon/signals.h"

#include "base/err.h"

#include <signal.h>

static sigset_t stop_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    return set;
}

void signals_block(void)
{
    sigset_t set = stop_signals();
    BUG_ON(pthread_sigmask(SIG_BLOCK, &set, NULL) != 0);
    BUG_ON(signal(SIGPIPE, SIG_IGN) == SIG_ERR);
}

void signals_wait(void)
{
    sigset_t set = stop_signals();
    int got;
    BUG_ON(sigwait(&set, &got) != 0);
}
