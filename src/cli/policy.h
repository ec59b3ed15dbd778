/* Options that say how a table's files are to be written from then on. */
#ifndef SILT_CLI_POLICY_H
#define SILT_CLI_POLICY_H

#include "cli/cli.h"

/* For the table of options. */
#define CLI_POLICY_OPTIONS                                                                \
    {"stats-columns", CLI_LIST, "COLUMNS", 0}, {"stats-count", CLI_TEXT, "N", 0},         \
        {"row-group-rows", CLI_COUNT, "N", 0}, {"z-order", CLI_LIST, "NAMES", 0},         \
        {"target-file-size", CLI_TEXT, "SIZE", 0}, {"compression", CLI_TEXT, "CODEC", 0}, \
    {                                                                                     \
        "order-by", CLI_LIST, "NAMES", 0                                                  \
    }

/* The first four of these. CLI_OK, or the exit status after the mistake was printed. */
int cli_take_policy(cli *c, silt_policy *out);

#endif
