/* The table of commands and their options. What is said of them is in docs/cli/; a test compares
 * the two. */
#include <limits.h>

#include "cli/cli.h"
#include "cli/commit.h"
#include "cli/edits.h"
#include "cli/policy.h"
#include "cli/source.h"

#define END \
    {       \
    }

const cli_option cli_front_options[] = {{"version", CLI_FLAG, NULL, 0}, END};

const cli_option cli_global_options[] = {
    {"config", CLI_TEXT, "FILE", 'c'},
    {"storage-option", CLI_LIST, "KEY=VALUE", 0},
    {"json", CLI_FLAG, NULL, 0},
    {"quiet", CLI_FLAG, NULL, 'q'},
    {"verbose", CLI_FLAG, NULL, 'v'},
    {"no-color", CLI_FLAG, NULL, 0},
    {"diagnostics", CLI_TEXT, "FILE", 0},
    {"help", CLI_FLAG, NULL, 'h'},
    {"data-option", CLI_LATER, "KEY=VALUE", 0},
    END,
};

static const cli_option run_options[] = {
    {"table", CLI_TEXT, "TABLE", 0},        {"max-batches", CLI_COUNT, "N", 0},
    {"wait-lock", CLI_COUNT, "SECONDS", 0}, {"force-unlock", CLI_FLAG, NULL, 0},
    {"retry-failed", CLI_FLAG, NULL, 0},    {"parallel-tables", CLI_COUNT, "N", 0},
    {"dry-run", CLI_FLAG, NULL, 0},         END,
};

static const cli_option validate_options[] = {{"fix", CLI_FLAG, NULL, 0}, END};

static const cli_option fix_options[] = {{"dry-run", CLI_FLAG, NULL, 0}, END};

static const cli_option unlock_options[] = {
    {"yes", CLI_FLAG, NULL, 'y'}, {"dry-run", CLI_LATER, NULL, 0}, END};

static const cli_option reset_options[] = {
    {"table", CLI_TEXT, "TABLE", 0},    {"forget", CLI_FLAG, NULL, 0},
    {"delete-rows", CLI_FLAG, NULL, 0}, {"yes", CLI_FLAG, NULL, 'y'},
    {"dry-run", CLI_LATER, NULL, 0},    END,
};

static const cli_option maintain_options[] = {
    {"table", CLI_TEXT, "TABLE", 0}, {"dry-run", CLI_FLAG, NULL, 0}, END};

static const cli_option replay_options[] = {
    {"table", CLI_TEXT, "TABLE", 0}, {"file", CLI_TEXT, "FILE", 0},  {"batch", CLI_COUNT, "N", 0},
    {"source", CLI_TEXT, "FILE", 0}, {"dry-run", CLI_FLAG, NULL, 0}, END,
};

static const cli_option unload_options[] = {
    {"table", CLI_TEXT, "TABLE", 0},
    {"again", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    {"yes", CLI_FLAG, NULL, 'y'},
    END,
};

static const cli_option prove_options[] = {{"sources", CLI_FLAG, NULL, 0}, END};

static const cli_option runs_options[] = {
    {"run-state", CLI_TEXT, "DIR", 0}, {"limit", CLI_COUNT, "N", 0}, END};

static const cli_option check_options[] = {{"schema", CLI_FLAG, NULL, 0}, END};

static const cli_option read_options[] = {
    {"version", CLI_COUNT, "N", 0},       {"timestamp", CLI_TIMESTAMP, "TIME", 0},
    {"columns", CLI_LIST, "NAMES", 0},    {"where", CLI_TEXT, "CONDITION", 0},
    {"limit", CLI_COUNT, "N", 0},         {"files", CLI_LIST, "FILE", 0},
    {"file-column", CLI_TEXT, "NAME", 0}, {"row-ids", CLI_FLAG, NULL, 0},
    {"no-pushdown", CLI_FLAG, NULL, 0},   {"explain", CLI_FLAG, NULL, 0},
    {"format", CLI_TEXT, "FORMAT", 0},    {"no-header", CLI_FLAG, NULL, 0},
    {"view-types", CLI_FLAG, NULL, 0},    {"schema", CLI_TEXT, "FILE", 0},
    {"output", CLI_TEXT, "FILE", 'o'},    {"dataset", CLI_TEXT, "NAME", 0},
    {"datasets", CLI_TEXT, "FILE", 0},    END,
};

static const cli_option sql_options[] = {
    {"format", CLI_TEXT, "FORMAT", 0}, {"no-header", CLI_FLAG, NULL, 0},
    {"view-types", CLI_FLAG, NULL, 0}, {"datasets", CLI_TEXT, "FILE", 0},
    {"output", CLI_TEXT, "FILE", 'o'}, END,
};

static const cli_option show_options[] = {{"version", CLI_COUNT, "N", 0},
                                          {"timestamp", CLI_TIMESTAMP, "TIME", 0},
                                          {"record", CLI_FLAG, NULL, 0},
                                          END};

static const cli_option history_options[] = {{"limit", CLI_COUNT, "N", 0}, END};

static const cli_option files_options[] = {
    {"version", CLI_COUNT, "N", 0},      {"timestamp", CLI_TIMESTAMP, "TIME", 0},
    {"from", CLI_COUNT, "N", 0},         {"to", CLI_COUNT, "N", 0},
    {"where", CLI_TEXT, "CONDITION", 0}, END,
};

static const cli_option changes_options[] = {
    {"from", CLI_TEXT, "VERSION|TIME", 0}, {"to", CLI_TEXT, "VERSION|TIME", 0},
    {"columns", CLI_LIST, "NAMES", 0},     {"where", CLI_TEXT, "CONDITION", 0},
    {"limit", CLI_COUNT, "N", 0},          {"net", CLI_FLAG, NULL, 0},
    {"keys", CLI_LIST, "NAMES", 0},        {"allow-out-of-range", CLI_FLAG, NULL, 0},
    {"format", CLI_TEXT, "FORMAT", 0},     {"no-header", CLI_FLAG, NULL, 0},
    {"output", CLI_TEXT, "FILE", 'o'},     END,
};

static const cli_option restore_options[] = {
    {"version", CLI_COUNT, "N", 0},
    {"timestamp", CLI_TIMESTAMP, "TIME", 0},
    {"ignore-missing", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option vacuum_options[] = {
    {"retention-hours", CLI_COUNT, "H", 0}, {"lite", CLI_FLAG, NULL, 0},
    {"inventory", CLI_TEXT, "FILE", 0},     {"dry-run", CLI_FLAG, NULL, 0},
    {"yes", CLI_FLAG, NULL, 'y'},           END,
};

static const cli_option checkpoint_options[] = {{"version", CLI_COUNT, "N", 0},
                                                {"parts", CLI_COUNT, "N", 0},
                                                {"dry-run", CLI_FLAG, NULL, 0},
                                                END};

static const cli_option cleanup_log_options[] = {
    {"retention-days", CLI_COUNT, "D", 0}, {"dry-run", CLI_FLAG, NULL, 0}, END};

static const cli_option clone_options[] = {
    {"deep", CLI_FLAG, NULL, 0},
    {"shallow", CLI_FLAG, NULL, 0},
    {"version", CLI_COUNT, "N", 0},
    {"timestamp", CLI_TIMESTAMP, "TIME", 0},
    {"replace", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option create_options[] = {
    {"schema", CLI_TEXT, "COLUMNS", 0},
    {"schema-file", CLI_TEXT, "FILE", 0},
    {"like", CLI_TEXT, "OTHER", 0},
    {"partition-by", CLI_LIST, "NAMES", 0},
    {"cluster-by", CLI_TEXT, "COLUMNS", 0},
    {"property", CLI_LIST, "KEY=VALUE", 0},
    {"constraint", CLI_LIST, "NAME=CONDITION", 0},
    CLI_POLICY_OPTIONS,
    {"enable-feature", CLI_LIST, "FEATURE", 0},
    {"set-domain", CLI_LIST, "NAME=TEXT", 0},
    {"table-name", CLI_TEXT, "TEXT", 0},
    {"table-comment", CLI_TEXT, "TEXT", 0},
    {"if-not-exists", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option alter_options[] = {
    {"add-column", CLI_LIST, "DEFINITION", 0},
    {"rename-column", CLI_LIST, "COLUMN=NAME", 0},
    {"drop-column", CLI_LIST, "COLUMN", 0},
    {"set-type", CLI_LIST, "COLUMN=TYPE", 0},
    {"set-not-null", CLI_LIST, "COLUMN", 0},
    {"set-nullable", CLI_LIST, "COLUMN", 0},
    {"comment", CLI_LIST, "COLUMN=TEXT", 0},
    {"set-default", CLI_LIST, "COLUMN=EXPRESSION", 0},
    {"drop-default", CLI_LIST, "COLUMN", 0},
    {"move-column", CLI_LIST, "COLUMN=PLACE", 0},
    {"set-property", CLI_LIST, "KEY=VALUE", 0},
    {"unset-property", CLI_LIST, "KEY", 0},
    {"add-constraint", CLI_LIST, "NAME=CONDITION", 0},
    {"drop-constraint", CLI_LIST, "NAME", 0},
    {"cluster-by", CLI_TEXT, "COLUMNS", 0},
    {"no-clustering", CLI_FLAG, NULL, 0},
    {"enable-feature", CLI_LIST, "FEATURE", 0},
    {"drop-feature", CLI_LIST, "FEATURE", 0},
    {"truncate-history", CLI_FLAG, NULL, 0},
    {"set-domain", CLI_LIST, "NAME=TEXT", 0},
    {"remove-domain", CLI_LIST, "NAME", 0},
    {"table-name", CLI_TEXT, "TEXT", 0},
    {"table-comment", CLI_TEXT, "TEXT", 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    {"yes", CLI_FLAG, NULL, 'y'},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option write_options[] = {
    {"mode", CLI_TEXT, "MODE", 0},
    {"keys", CLI_LIST, "NAMES", 0},
    {"dedup", CLI_TEXT, "HOW", 0},
    {"timestamp-col", CLI_TEXT, "NAME", 0},
    {"tracking-columns", CLI_LIST, "NAMES", 0},
    {"effective-from", CLI_TEXT, "NAME", 0},
    {"close-missing", CLI_FLAG, NULL, 0},
    {"effective-date-column", CLI_TEXT, "NAME", 0},
    {"end-date-column", CLI_TEXT, "NAME", 0},
    {"current-flag-column", CLI_TEXT, "NAME", 0},
    {"where", CLI_TEXT, "CONDITION", 0},
    {"partition-overwrite", CLI_TEXT, "HOW", 0},
    {"schema-mode", CLI_TEXT, "MODE", 0},
    {"any-case", CLI_FLAG, NULL, 0},
    CLI_SOURCE_OPTIONS,
    {"dataset", CLI_TEXT, "NAME", 0},
    {"partition-by", CLI_LIST, "NAMES", 0},
    {"property", CLI_LIST, "KEY=VALUE", 0},
    CLI_POLICY_OPTIONS,
    {"cluster-by", CLI_LIST, "COLUMNS", 0},
    {"as-diff", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option export_options[] = {
    {"format", CLI_TEXT, "FORMAT", 0},
    {"version", CLI_COUNT, "N", 0},
    {"timestamp", CLI_TIMESTAMP, "TIME", 0},
    {"columns", CLI_LIST, "NAMES", 0},
    {"where", CLI_TEXT, "CONDITION", 0},
    {"no-header", CLI_FLAG, NULL, 0},
    {"overwrite", CLI_FLAG, NULL, 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option delete_options[] = {
    {"where", CLI_TEXT, "CONDITION", 0},
    {"all", CLI_FLAG, NULL, 0},
    {"rewrite-percent", CLI_COUNT, "N", 0},
    CLI_EDIT_OPTIONS,
    END,
};

static const cli_option update_options[] = {
    {"set", CLI_LIST, "COLUMN=VALUE", 0},
    {"where", CLI_TEXT, "CONDITION", 0},
    {"all", CLI_FLAG, NULL, 0},
    {"rewrite-percent", CLI_COUNT, "N", 0},
    CLI_EDIT_OPTIONS,
    END,
};

static const cli_option merge_options[] = {
    {"on", CLI_TEXT, "CONDITION", 0},
    {"keys", CLI_LIST, "NAMES", 0},
    {"when", CLI_LIST, "CLAUSE", 0},
    {"dedup", CLI_TEXT, "HOW", 0},
    {"timestamp-col", CLI_TEXT, "NAME", 0},
    {"target-alias", CLI_TEXT, "NAME", 0},
    {"source-alias", CLI_TEXT, "NAME", 0},
    {"schema-mode", CLI_TEXT, "MODE", 0},
    CLI_SOURCE_OPTIONS,
    {"rewrite-percent", CLI_COUNT, "N", 0},
    CLI_EDIT_OPTIONS,
    END,
};

static const cli_option optimize_options[] = {
    {"where", CLI_TEXT, "CONDITION", 0},
    {"zorder", CLI_LIST, "COLUMNS", 0},
    {"full", CLI_FLAG, NULL, 0},
    {"purge", CLI_FLAG, NULL, 0},
    {"min-file-size", CLI_TEXT, "SIZE", 0},
    {"min-files", CLI_COUNT, "N", 0},
    CLI_EDIT_OPTIONS,
    END,
};

static const cli_option migrate_options[] = {
    {"partition-by", CLI_TEXT, "COLUMNS", 0},
    {"no-stats", CLI_FLAG, NULL, 0},
    {"widen", CLI_FLAG, NULL, 0},
    {"verify", CLI_FLAG, NULL, 0},
    {"report", CLI_TEXT, "FILE", 0},
    {"dry-run", CLI_FLAG, NULL, 0},
    CLI_COMMIT_OPTIONS,
    END,
};

static const cli_option doctor_options[] = {
    {"fix", CLI_FLAG, NULL, 0},         {"yes", CLI_FLAG, NULL, 'y'},   {"deep", CLI_FLAG, NULL, 0},
    {"young-hours", CLI_COUNT, "H", 0}, {"dry-run", CLI_FLAG, NULL, 0}, END,
};

#define LATER(command)                         \
    {                                          \
        command, NULL, NULL, NULL, 0, 0, false \
    }

const cli_command cli_commands[] = {
    {"run", cmd_run, run_options, NULL, 0, 0, true},
    {"status", cmd_status, NULL, NULL, 0, 0, true},
    {"validate-consistency", cmd_validate, validate_options, NULL, 0, 0, true},
    {"fix-inconsistencies", cmd_fix, fix_options, NULL, 0, 0, true},
    {"force-unlock", cmd_force_unlock, unlock_options, NULL, 0, 0, true},
    {"reset-state", cmd_reset, reset_options, NULL, 0, 0, true},
    {"runs", cmd_runs, runs_options, "COMMAND", 0, 2, true},
    {"unload", cmd_unload, unload_options, "FILE", 1, 1, true},
    {"maintain", cmd_maintain, maintain_options, NULL, 0, 0, true},
    {"prove", cmd_prove, prove_options, "TABLE", 0, 1, true},
    {"check-config", cmd_check_config, check_options, NULL, 0, 0, true},
    {"read", cmd_read, read_options, "TABLE", 0, 1, false},
    {"sql", cmd_sql, sql_options, "STATEMENT", 1, 1, false},
    {"changes", cmd_changes, changes_options, "TABLE", 1, 1, false},
    {"show", cmd_show, show_options, "TABLE", 1, 1, true},
    {"history", cmd_history, history_options, "TABLE", 1, 1, false},
    {"files", cmd_files, files_options, "TABLE", 1, 1, false},
    {"restore", cmd_restore, restore_options, "TABLE", 1, 1, true},
    {"vacuum", cmd_vacuum, vacuum_options, "TABLE", 1, 1, true},
    {"checkpoint", cmd_checkpoint, checkpoint_options, "TABLE", 1, 1, true},
    {"cleanup-log", cmd_cleanup_log, cleanup_log_options, "TABLE", 1, 1, true},
    {"clone", cmd_clone, clone_options, "SOURCE TARGET", 2, 2, true},
    {"create", cmd_create, create_options, "TABLE", 1, 1, true},
    {"alter", cmd_alter, alter_options, "TABLE", 1, 1, true},
    {"write", cmd_write, write_options, "TABLE", 0, INT_MAX, true},
    {"export", cmd_export, export_options, "TABLE DESTINATION", 2, 2, true},
    {"delete", cmd_delete, delete_options, "TABLE", 1, 1, true},
    {"update", cmd_update, update_options, "TABLE", 1, 1, true},
    {"merge", cmd_merge, merge_options, "TABLE", 1, INT_MAX, true},
    {"optimize", cmd_optimize, optimize_options, "TABLE", 1, 1, true},
    {"migrate", cmd_migrate, migrate_options, "FOLDER TABLE", 2, 2, true},
    {"doctor", cmd_doctor, doctor_options, "TABLE", 1, 1, false},
    {"help", cmd_help, NULL, "COMMAND", 0, 1, true},
    {"version", cmd_version, NULL, NULL, 0, 0, true},
    {"replay", cmd_replay, replay_options, NULL, 0, 0, true},
    {NULL, NULL, NULL, NULL, 0, 0, false},
};
