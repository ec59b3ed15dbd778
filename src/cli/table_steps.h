/* Options that are steps of a table's shape: `create` and `alter`. */
#ifndef SILT_CLI_TABLE_STEPS_H
#define SILT_CLI_TABLE_STEPS_H

#include "cli/cli.h"

/* The steps in the order of the command line; CLI_OK, or the exit status after the mistake was
 * told.
 */
int cli_take_steps(cli *c, const silt_table_step **out, size_t *count);
/* --dry-run and those of the commit. */
int cli_take_table_options(cli *c, silt_table_options *out);
/* Right after the operation: what became of it, for the run's record. */
void cli_table_end(cli *c, silt_status st, const silt_error *err, const silt_table_result *result);
/* What was done, or would be: `verb` is "created" or "altered". The exit status. */
int cli_print_table_result(cli *c, const silt_table_result *result, const char *verb);
/* A small file as text, in the arena; CLI_OK, or the exit status after the failure was told. */
int cli_take_text(cli *c, const char *option, const char *path, const char **out);

#endif
