/* What is read, and how, as events: for --diagnostics. */
#ifndef SILT_CLI_READING_H
#define SILT_CLI_READING_H

#include "cli/cli.h"

/* registration, or cdf_registration where it gives changes. */
void cli_tell_dataset(cli *c, const silt_dataset *dataset);
/* scan_config of a table or a dataset. */
void cli_tell_scan(cli *c, const char *table, const silt_scan_options *opts);
/* cdf_registration of `silt changes`. */
void cli_tell_changes(cli *c, const char *table, const silt_changes_options *opts);
/* scan_config of a statement. */
void cli_tell_statement(cli *c, const char *sql, const silt_sql_options *opts);

#endif
