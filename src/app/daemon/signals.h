/*
 * SIGINT and SIGTERM as something to wait for instead of something that interrupts.
 */
#ifndef WEBHOST_APP_DAEMON_SIGNALS_H
#define WEBHOST_APP_DAEMON_SIGNALS_H

/* Before any thread is started, so that all inherit it. SIGPIPE is ignored too. */
void signals_block(void);

/* Returns when the process is asked to stop. */
void signals_wait(void);

#endif
