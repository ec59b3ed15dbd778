/* Changes under a run: --run-id and what belongs to it. */
#ifndef SILT_CLI_RUN_H
#define SILT_CLI_RUN_H

#include "cli/cli.h"

/* The record of --run-state, or of the pipeline of --config: the folder `runs` in it. */
typedef struct cli_runs {
    silt_store *store;
    silt_run_log *log;
} cli_runs;

/* Open it; the engine is open. CLI_OK, or the exit status after the failure was printed; to be
 * released in any case. */
int cli_runs_open(cli *c, cli_runs *out);
void cli_runs_release(cli_runs *runs);

/* Take --run-id, --sequence, --run-state, --run-label and --take-over into `commit`, which is kept
 * as c->run's. CLI_OK, or the exit status after the mistake was printed. */
int cli_take_run(cli *c, silt_commit_options *commit);
/* Right before the operation, whose options point to that commit: its attempt is written down, and
 * its number known. Does nothing without a record, or in dry runs. */
int cli_run_begin(cli *c, const char *operation, silt_store *table);
/* Right after it: `outcome` and versions count where `st` is OK. What can't be written down is
 * warned of. */
void cli_run_end(cli *c, silt_status st, const silt_error *err, silt_run_outcome outcome,
                 int64_t committed_version, int64_t table_version);
/* At the end of the command. */
void cli_run_release(cli *c);

#endif
