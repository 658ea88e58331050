/*
 * The program `webhost`. Everything it can do is a command (app/cli/registry.c).
 */
#include "app/cli/cli.h"
#include "domain/migration/postgres/watchdog.h"
#include "domain/provisioning/pgbouncer.h"

#include <langinfo.h>
#include <locale.h>

int main(int argc, char **argv)
{
    /* A cutover's watchdog is this program, too. */
    pg_watchdog_hook(argc, argv, pgbouncer_router_make);
    /* Only how characters are counted; numbers and messages stay the same everywhere. */
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    return (int)cli_main(argc, argv, stdin, stdout, stderr, &clock_system);
}
