/* Prints what a host's server is told at its first start, or its password: KEY HOST [password]. */
#include "domain/provisioning/hetzner/cloud_init.h"

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    _cleanup_arena_ struct arena arena = {0};
    struct secret *key = secret_new(str_from(argv[1]));
    struct secret *password = secret_derive(key, argv[2]);
    (void)fputs(argc > 3 ? secret_expose(password) : cloud_init_fill(key, argv[2], &arena), stdout);
    secret_free(password);
    secret_free(key);
    return 0;
}
