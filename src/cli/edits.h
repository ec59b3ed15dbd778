/* What delete, update, merge and optimize share: options, and what they say. */
#ifndef SILT_CLI_EDITS_H
#define SILT_CLI_EDITS_H

#include "cli/commit.h"
#include "cli/json.h"

/* Options of every edit, for the table of options. */
#define CLI_EDIT_OPTIONS \
    {"dry-run", CLI_FLAG, NULL, 0}, {"target-file-size", CLI_TEXT, "SIZE", 0}, CLI_COMMIT_OPTIONS

/* Take these; CLI_OK, or the exit status after the mistake was printed. */
int cli_edit_options(cli *c, silt_edit_options *out);
/* The newest version of the table, as c->snapshot; CLI_OK, or the exit status after the failure was
 * printed. */
int cli_edit_open(cli *c);
/* Right after the operation: what became of it, for the run's record. */
void cli_edit_end(cli *c, silt_status st, const silt_error *err, const silt_edit_result *result);
/* Print what was done: `line` says it to a person in the past ("Deleted 3 rows"), `would` if it
 * wasn't. */
void cli_edit_print(cli *c, const silt_edit_result *result, const char *line);
/* The result as members of the object that was begun. */
void cli_edit_members(cli_json *j, const silt_edit_result *result);
/* --rewrite-percent. */
int cli_edit_rewrite_percent(cli *c, silt_edit_options *out);

/* "3 rows", "1 row", "rows" where it isn't known how many. */
#define CLI_ROWS_SIZE 40
const char *cli_some_rows(int64_t rows, char out[CLI_ROWS_SIZE]);

#endif
