/* What the commands share: the command line as parsed, the streams, and what is open.
 *
 * The command is a client of <silt/silt.h> like any other program. Results go to standard output,
 * all else to standard error; a command gives its exit status back and never exits by itself. */
#ifndef SILT_CLI_CLI_H
#define SILT_CLI_CLI_H

#include <stdio.h>

#include "cli/option.h"
#include "cli/terminal.h"
#include "silt/silt.h"

/* Exit statuses: docs/cli/silt.md, "Exit status". */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_INCONSISTENT = 3,
    CLI_LOCKED = 4,
    CLI_PARTLY = 5,
    CLI_SIGNAL = 128 /* + the signal's number */
};

typedef struct cli cli;

typedef int cli_command_fn(cli *c);

/* A command; its words for people are in docs/cli/NAME.md (see pages.h). */
typedef struct cli_command {
    const char *name;
    cli_command_fn *run;       /* NULL: known, not built yet */
    const cli_option *options; /* up to one without a name; NULL: none */
    const char *argument;      /* what its arguments are called; NULL: it takes none */
    int min_arguments, max_arguments;
    bool documents; /* with --json: one document, which a failure is said in too */
} cli_command;

struct cli {
    const cli_command *command; /* NULL until it is known */
    cli_line line;              /* options and arguments */
    bool json, quiet, verbose;
    cli_style out, err; /* of standard output and standard error */
    silt_arena *arena;  /* lives as long as the command */
    FILE *diagnostics;  /* NULL: nobody asked */
    bool answered;      /* something was written to standard output */
    silt_pipeline *pipeline;
    silt_store *store;
    silt_engine *engine;
    silt_snapshot *snapshot;
    silt_datasets *datasets;
    struct cli_run *run; /* of --run-id; NULL: none */
};

/* ---- options, by name; asking for one that the command doesn't have is a bug ---- */

bool cli_flag(const cli *c, const char *name);
const char *cli_text(const cli *c, const char *name); /* NULL: not given */
int64_t cli_count(const cli *c, const char *name, int64_t otherwise);

/* ---- what a command works on; CLI_OK, or the exit status after the failure was printed ---- */

/* Open the pipeline of --config as c->pipeline, all mistakes of the file printed; `watched`: with a
 * progress bar, and SIGINT and SIGTERM stop it cleanly. */
int cli_open_pipeline(cli *c, bool watched);

/* The table that --table names, checked; NULL in `out` when it isn't given. */
int cli_pipeline_table(cli *c, const char **out);
/* That it is a table of the pipeline; NULL is fine. */
int cli_check_table(cli *c, const char *table);

/* The texts of --storage-option, NULL-terminated. */
int cli_storage_options(cli *c, const char *const **out);
/* Open an engine as c->engine. */
int cli_open_engine(cli *c);
/* The datasets of --datasets, else --config, else ./silt.yaml if it is there, as c->datasets; all
 * mistakes of the file printed. It stays NULL where there is no file. */
int cli_open_datasets(cli *c);
/* The dataset that --dataset names, once these are open; --storage-option stands over its own. */
int cli_find_dataset(cli *c, silt_dataset *out);

/* Open the store of the first argument, and an engine, as c->store and c->engine. */
int cli_open_store(cli *c);
/* What --version or --timestamp say; both stay as they are where neither is given. */
int cli_snapshot_at(cli *c, int64_t *version, int64_t *timestamp_ms);
/* The snapshot of --version or --timestamp in that store, as c->snapshot. */
int cli_open_snapshot(cli *c);
/* Both. */
int cli_open_table(cli *c);

/* ---- commands ---- */

extern const cli_command cli_commands[];      /* up to one without a name */
extern const cli_option cli_global_options[]; /* anywhere */
extern const cli_option cli_front_options[];  /* before the command only */

int cli_main(int argc, char **argv);

cli_command_fn cmd_run, cmd_status, cmd_validate, cmd_fix, cmd_force_unlock, cmd_reset,
    cmd_check_config, cmd_read, cmd_changes, cmd_sql, cmd_show, cmd_history, cmd_files, cmd_delete,
    cmd_update, cmd_optimize, cmd_restore, cmd_vacuum, cmd_checkpoint, cmd_cleanup_log, cmd_clone,
    cmd_export, cmd_migrate, cmd_doctor, cmd_help, cmd_version, cmd_write, cmd_merge;

cli_command_fn cmd_create, cmd_alter, cmd_runs, cmd_prove, cmd_maintain, cmd_unload, cmd_replay;

/* Carry silt_pipeline_fix() out and print what it did; also a part of `validate-consistency --fix`.
 */
int cli_fix(cli *c, bool dry_run, silt_fix_report *report);
void cli_print_fix(cli *c, const silt_fix_report *report, bool dry_run);

#endif
