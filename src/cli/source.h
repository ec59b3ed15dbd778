/* Rows that a command takes in: of files, of another table, of a query. */
#ifndef SILT_CLI_SOURCE_H
#define SILT_CLI_SOURCE_H

#include "cli/cli.h"

/* For the table of options; `datasets` belongs to `sql`. */
#define CLI_SOURCE_OPTIONS                                                                   \
    {"sql", CLI_TEXT, "STATEMENT", 0}, {"datasets", CLI_TEXT, "FILE", 0},                    \
        {"format", CLI_TEXT, "FORMAT", 0}, {"delimiter", CLI_TEXT, "TEXT", 0},               \
        {"date-format", CLI_TEXT, "FORMAT", 0}, {"timestamp-format", CLI_TEXT, "FORMAT", 0}, \
    {                                                                                        \
        "no-header", CLI_FLAG, NULL, 0                                                       \
    }

/* What a query, or a table in place of files, is read by. */
typedef struct cli_source {
    bool from_the_first; /* to be set before: no argument is the table */
    silt_store *store;
    silt_snapshot *snapshot;
    silt_scan *scan;
    char *spooled; /* what came from standard input; removed with it */
} cli_source;

/* The files behind the first argument, the table (or all arguments), or a table there, or --sql, as
 * the options above say; the engine is open. CLI_OK, or the exit status after the failure was
 * printed; `held` is to be released in any case, after `out` was used. */
int cli_source_open(cli *c, silt_write_source *out, cli_source *held);
void cli_source_release(cli_source *held);

#endif
