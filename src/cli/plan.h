/* silt run --dry-run: what a run would do. */
#ifndef SILT_CLI_PLAN_H
#define SILT_CLI_PLAN_H

#include "cli/cli.h"

/* The pipeline is open. Gives the exit status after all is printed. */
int cli_plan(cli *c, const silt_run_options *opts);

#endif
