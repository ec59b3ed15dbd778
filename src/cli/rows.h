/* The rows of a scan, printed or written as the options --columns, --format, --no-header and
 * --output say. */
#ifndef SILT_CLI_ROWS_H
#define SILT_CLI_ROWS_H

#include "cli/cli.h"

typedef enum cli_row_format {
    CLI_ROWS_TABLE,
    CLI_ROWS_CSV,
    CLI_ROWS_JSON,
    CLI_ROWS_PARQUET,
    CLI_ROWS_ARROW
} cli_row_format;

typedef struct cli_rows {
    cli_row_format format;
    bool no_header;
    const char *path; /* "-": standard output */
} cli_rows;

/* Of --format, --no-header and --output, which the command has. CLI_OK, or CLI_USAGE with a
 * message: to be asked before anything is opened. */
int cli_rows_options(cli *c, cli_rows *out);

/* The names in an option of the command, "a,b" given once or often; NULL where it isn't given.
 * CLI_OK, or the exit status with a message. */
int cli_rows_names(cli *c, const char *option, const char *const **names, size_t *count);

/* The names in --columns, as `schema` spells them, which may differ in upper and lower case; NULL
 * where the option isn't given. CLI_OK, or the exit status with a message. */
int cli_rows_columns(cli *c, const silt_type *schema, const char *const **columns, size_t *count);

/* Interrupts stop the engine; after cli_open_store(). */
int cli_rows_watch(cli *c);

/* Say why a scan couldn't be opened. What `where` (may be NULL) names and isn't there is a mistake
 * of the command line, as in --columns. The exit status. */
int cli_rows_refuse(cli *c, const char *where, const silt_error *err);

/* All rows. CLI_OK, or the exit status with a message. */
int cli_rows_write(cli *c, const cli_rows *rows, silt_scan *scan);

#endif
