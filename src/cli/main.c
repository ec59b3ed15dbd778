/* The command; all but this stands in a library, so that tests can call it. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
