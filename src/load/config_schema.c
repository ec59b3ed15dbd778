/* The table of keys of the pipeline file: types, defaults, what is allowed, what isn't built yet.
 * Parsing, messages and the JSON Schema come from here. */
#include "load/config_tree.h"

#define ROOT(member)  offsetof(silt_config_raw, member)
#define CONN(member)  offsetof(silt_config_raw_connection, member)
#define TABLE(member) offsetof(silt_config_raw_table, member)
#define LATER(key)                          \
    {                                       \
        .name = key, .kind = SILT_KEY_LATER \
    }
#define END          \
    {                \
        .name = NULL \
    }
#define MANY INT32_MAX

static const silt_config_choice engines[] = {
    {"duckdb", 0, NULL}, {"spark", 1, ""}, {"pandas", 2, "use duckdb"}, {NULL, 0, NULL}};
static const silt_config_choice durabilities[] = {
    {"full", 0, NULL}, {"none", 1, ""}, {NULL, 0, NULL}};
static const silt_config_choice strategies[] = {{"append", SILT_STRATEGY_APPEND, NULL},
                                                {"upsert", SILT_STRATEGY_UPSERT, NULL},
                                                {"append_once", SILT_STRATEGY_APPEND_ONCE, NULL},
                                                {"overwrite", SILT_STRATEGY_OVERWRITE, NULL},
                                                {"scd2", SILT_STRATEGY_SCD2, NULL},
                                                {NULL, 0, NULL}};
static const silt_config_choice source_formats[] = {{"csv", SILT_FORMAT_CSV, NULL},
                                                    {"ndjson", SILT_FORMAT_NDJSON, NULL},
                                                    {"json", SILT_FORMAT_NDJSON, NULL},
                                                    {"parquet", SILT_FORMAT_PARQUET, NULL},
                                                    {"delta", SILT_CONFIG_FORMAT_DELTA, NULL},
                                                    {NULL, 0, NULL}};
static const silt_config_choice target_formats[] = {
    {"delta", SILT_TARGET_DELTA, NULL},       {"parquet", SILT_TARGET_PARQUET, NULL},
    {"csv", SILT_TARGET_CSV, NULL},           {"sqlite", SILT_TARGET_SQLITE, NULL},
    {"postgres", SILT_TARGET_POSTGRES, NULL}, {NULL, 0, NULL}};
static const silt_config_choice orders[] = {
    {"name", SILT_ORDER_NAME, NULL}, {"mtime", SILT_ORDER_MTIME, NULL}, {NULL, 0, NULL}};
static const silt_config_choice new_columns[] = {{"fail", SILT_NEW_COLUMN_FAIL, NULL},
                                                 {"evolve", SILT_NEW_COLUMN_EVOLVE, NULL},
                                                 {"rescue", SILT_NEW_COLUMN_RESCUE, NULL},
                                                 {NULL, 0, NULL}};
static const silt_config_choice changes[] = {{"ignore", SILT_ON_CHANGE_IGNORE, NULL},
                                             {"error", SILT_ON_CHANGE_ERROR, NULL},
                                             {"reload", SILT_ON_CHANGE_RELOAD, NULL},
                                             {NULL, 0, NULL}};
static const silt_config_choice source_changes[] = {{"fail", SILT_SOURCE_CHANGE_FAIL, NULL},
                                                    {"ignore", SILT_SOURCE_CHANGE_IGNORE, NULL},
                                                    {"apply", SILT_SOURCE_CHANGE_APPLY, NULL},
                                                    {NULL, 0, NULL}};
static const silt_config_choice duplicates[] = {{"load", SILT_ON_DUPLICATE_LOAD, NULL},
                                                {"warn", SILT_ON_DUPLICATE_WARN, NULL},
                                                {"skip", SILT_ON_DUPLICATE_SKIP, NULL},
                                                {NULL, 0, NULL}};
static const silt_config_choice bad_rows[] = {{"fail", SILT_BAD_ROW_FAIL, NULL},
                                              {"quarantine", SILT_BAD_ROW_QUARANTINE, NULL},
                                              {"skip", SILT_BAD_ROW_SKIP, NULL},
                                              {"rescue", SILT_BAD_ROW_RESCUE, NULL},
                                              {NULL, 0, NULL}};
static const silt_config_choice restores[] = {{"stop", SILT_ON_RESTORE_STOP, NULL},
                                              {"reload", SILT_ON_RESTORE_RELOAD, NULL},
                                              {"forget", SILT_ON_RESTORE_FORGET, NULL},
                                              {NULL, 0, NULL}};
static const silt_config_choice deletion_vectors[] = {{"auto", SILT_VECTORS_AUTO, NULL},
                                                      {"on", SILT_VECTORS_ON, NULL},
                                                      {"off", SILT_VECTORS_OFF, NULL},
                                                      {NULL, 0, NULL}};
static const silt_config_choice dedup_strategies[] = {{"newest_wins", 1, NULL}, {NULL, 0, NULL}};
static const silt_config_choice schema_modes[] = {
    {"fixed", 0, NULL}, {"merge", 1, NULL}, {"overwrite", 2, ""}, {NULL, 0, NULL}};
const silt_config_choice silt_config_compressions[] = {
    {"snappy", 0, NULL}, {"zstd", 1, NULL},         {"gzip", 2, NULL}, {"lz4_raw", 3, NULL},
    {"brotli", 4, NULL}, {"uncompressed", 5, NULL}, {NULL, 0, NULL}};

static const silt_config_key batch_keys[] = {
    {.name = "max_files",
     .kind = SILT_KEY_INT,
     .offset = TABLE(out.batch_max_files),
     .min = 1,
     .max = MANY,
     .about = "Most source files of one batch; 20,000 by default."},
    {.name = "max_bytes",
     .kind = SILT_KEY_SIZE,
     .offset = TABLE(out.batch_max_bytes),
     .min = 1,
     .max = INT64_MAX,
     .about = "Most bytes of source files of one batch."},
    END};

static const silt_config_key retry_keys[] = {
    {.name = "max_attempts",
     .kind = SILT_KEY_INT,
     .offset = TABLE(max_attempts),
     .min = 1,
     .max = MANY,
     .about = "Tries of a commit; without it only the deadline counts."},
    {.name = "backoff_seconds",
     .kind = SILT_KEY_NUMBER,
     .offset = TABLE(backoff_ms),
     .fallback = "0.01",
     .min = 0,
     .max = 3600,
     .factor = 1000,
     .about = "First wait between tries; it doubles, with jitter."},
    {.name = "deadline",
     .kind = SILT_KEY_NUMBER,
     .offset = TABLE(deadline_ms),
     .fallback = "60",
     .min = 1,
     .max = 86400,
     .factor = 1000,
     .about = "Seconds after which a commit gives up."},
    END};

static const silt_config_key write_policy_keys[] = {SILT_CONFIG_WRITE_POLICY(silt_config_raw_table),
                                                    END};

static const silt_config_key schema_policy_keys[] = {
    {.name = "schema_mode",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(schema_mode),
     .choices = schema_modes,
     .about = "Another spelling of on_new_column: fixed is fail, merge is evolve."},
    {.name = "any_case",
     .kind = SILT_KEY_BOOL,
     .offset = TABLE(out.any_case),
     .about = "CSV, Parquet: a file's columns are the table's whatever the case of letters."},
    {.name = "column_mapping_mode",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(policy.column_mapping_mode),
     .choices = silt_config_mapping_modes,
     .about = "delta.columnMapping.mode of a table that is made."},
    END};

static const silt_config_key maintenance_keys[] = {
    {.name = "vacuum_retention_hours",
     .kind = SILT_KEY_NUMBER,
     .offset = TABLE(out.maintenance.vacuum_retention_ms),
     .min = 1,
     .max = 24 * 36500,
     .factor = 3600000,
     .about = "Vacuum: delete files that no version of this time needs."},
    {.name = "optimize_below",
     .kind = SILT_KEY_SIZE,
     .offset = TABLE(out.maintenance.optimize_below_bytes),
     .min = 1,
     .max = INT64_MAX,
     .about = "Put files smaller than this together."},
    {.name = "checkpoint_interval",
     .kind = SILT_KEY_INT,
     .offset = TABLE(out.maintenance.checkpoint_interval),
     .min = 1,
     .max = MANY,
     .about = "Write a checkpoint once there are so many commits behind the last one."},
    {.name = "log_retention",
     .kind = SILT_KEY_INTERVAL,
     .offset = TABLE(out.maintenance.log_retention_ms),
     .about = "Delete what is older in the table's log, \"30 days\"."},
    END};

#define BAD_ROWS_MAX 10000000 /* their places are kept in memory */
#define MILLION      1000000

/* Keys that `defaults` and a table both have. */
#define POLICY_KEYS                                                                              \
    {.name = "audit_columns",                                                                    \
     .kind = SILT_KEY_BOOL,                                                                      \
     .offset = TABLE(out.audit_columns),                                                         \
     .fallback = "true",                                                                         \
     .about = "Add _source_file, _load_timestamp and _batch_id."},                               \
        {.name = "on_new_column",                                                                \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(on_new_column),                                                         \
         .choices = new_columns,                                                                 \
         .fallback = "fail",                                                                     \
         .about =                                                                                \
             "A source column that the table doesn't have: its file fails, the table grows, or " \
             "its values go to _rescued_data."},                                                 \
        {.name = "on_change",                                                                    \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(on_change),                                                             \
         .choices = changes,                                                                     \
         .fallback = "ignore",                                                                   \
         .about = "A file that changes once it is loaded."},                                     \
        {.name = "on_duplicate",                                                                 \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(on_duplicate),                                                          \
         .choices = duplicates,                                                                  \
         .fallback = "load",                                                                     \
         .about = "A new file with the content of another, loaded or new."},                     \
        {.name = "on_bad_row",                                                                   \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(on_bad_row),                                                            \
         .choices = bad_rows,                                                                    \
         .fallback = "fail",                                                                     \
         .about =                                                                                \
             "fail: a file with a bad row fails whole. quarantine: the row goes to the "         \
             "rejects, skip: it is counted and left out. rescue: values that don't fit go to "   \
             "_rescued_data, the rest of the row is loaded."},                                   \
        {.name = "max_bad_rows",                                                                 \
         .kind = SILT_KEY_INT,                                                                   \
         .offset = TABLE(out.bad_rows.max),                                                      \
         .min = 0,                                                                               \
         .max = BAD_ROWS_MAX,                                                                    \
         .fallback = "100000",                                                                   \
         .about = "A file with more bad rows than that fails."},                                 \
        {.name = "max_bad_share",                                                                \
         .kind = SILT_KEY_NUMBER,                                                                \
         .offset = TABLE(bad_share),                                                             \
         .min = 0,                                                                               \
         .max = 1,                                                                               \
         .factor = MILLION,                                                                      \
         .fallback = "1",                                                                        \
         .about = "A file of whose rows more than this share are bad fails, 0.01."},             \
        {.name = "on_restore",                                                                   \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(on_restore),                                                            \
         .choices = restores,                                                                    \
         .fallback = "stop",                                                                     \
         .about = "Rows of the target are gone: stop, reload, or forget."},                      \
        {.name = "deletion_vectors",                                                             \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(deletion_vectors),                                                      \
         .choices = deletion_vectors,                                                            \
         .fallback = "auto",                                                                     \
         .about =                                                                                \
             "Rows are marked, not files rewritten. auto: in tables made by upsert and scd2."},  \
        {.name = "settle_seconds",                                                               \
         .kind = SILT_KEY_NUMBER,                                                                \
         .offset = TABLE(out.settle_ms),                                                         \
         .min = 0,                                                                               \
         .max = 86400 * 365,                                                                     \
         .factor = 1000,                                                                         \
         .fallback = "0",                                                                        \
         .about = "How long a file must have been left alone before it is taken."},              \
        {.name = "order",                                                                        \
         .kind = SILT_KEY_CHOICE,                                                                \
         .offset = TABLE(order),                                                                 \
         .choices = orders,                                                                      \
         .about = "The order in which files are taken: name (default) or mtime."},               \
        {.name = "batch",                                                                        \
         .kind = SILT_KEY_OBJECT,                                                                \
         .keys = batch_keys,                                                                     \
         .about = "How much one batch takes."},                                                  \
        {.name = "commit_retries",                                                               \
         .kind = SILT_KEY_OBJECT,                                                                \
         .keys = retry_keys,                                                                     \
         .about = "When other writers commit first."},                                           \
        {.name = "write_policy",                                                                 \
         .kind = SILT_KEY_OBJECT,                                                                \
         .keys = write_policy_keys,                                                              \
         .about = "How data files are written."},                                                \
        {.name = "schema_policy",                                                                \
         .kind = SILT_KEY_OBJECT,                                                                \
         .keys = schema_policy_keys,                                                             \
         .about = "How the table's columns may change."},                                        \
        {.name = "allow_txn_expiry",                                                             \
         .kind = SILT_KEY_BOOL,                                                                  \
         .offset = TABLE(out.allow_txn_expiry),                                                  \
         .about = "Load though the target may forget what was loaded."},                         \
    {                                                                                            \
        .name = "maintenance", .kind = SILT_KEY_OBJECT, .keys = maintenance_keys,                \
        .about = "What `silt maintain` does."                                                    \
    }

const silt_config_key silt_config_default_keys[] = {POLICY_KEYS, END};

static const silt_config_key source_keys[] = {
    {.name = "path",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(source_paths),
     .about = "A pattern of files or a list of them: * ? [a-z] {a,b} and ** for any folders. A "
              "Delta table (format: delta); \"-\": standard input."},
    {.name = "manifest",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(out.source_manifest),
     .about = "A file that lists the files, instead of path: a path a line, or JSON or CSV with "
              "path, size, hash."},
    {.name = "format",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(format),
     .choices = source_formats,
     .about =
         "Of the files; else by the pattern's extension. json: one object a line, or an array. "
         "delta: a table whose versions are followed."},
    {.name = "options",
     .kind = SILT_KEY_OBJECT,
     .apart = true,
     .keys = silt_config_option_keys,
     .about = "How to read them. What isn't given is found by looking."},
    {.name = "recursive",
     .kind = SILT_KEY_BOOL,
     .offset = TABLE(out.recursive),
     .fallback = "false",
     .about = "Match in the folders below, too."},
    {.name = "max_age",
     .kind = SILT_KEY_INTERVAL,
     .offset = TABLE(out.max_age_ms),
     .about = "Files last changed before that are left alone, \"7 days\"."},
    {.name = "success_marker",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(out.marker),
     .about = "Files are taken once a file of this name, as _SUCCESS, stands in their folder."},
    {.name = "order",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(source_order),
     .choices = orders,
     .about = "Another place for the table's order."},
    {.name = "connection",
     .kind = SILT_KEY_NAME,
     .offset = TABLE(source_connection),
     .about = "delta: the name of the connection that the path is relative to."},
    {.name = "starting_version",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(starting_version),
     .loose = true,
     .about = "delta: begin with the changes of a version, earliest, or those after the latest; "
              "else with all rows that are there."},
    {.name = "starting_timestamp",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(starting_timestamp),
     .about = "delta: begin with the changes of the first version at or after a time."},
    {.name = "on_source_change",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(on_source_change),
     .choices = source_changes,
     .about = "delta: rows that the source deleted (append, append_once: or updated). apply "
              "(upsert, the default): they are deleted here. ignore: they are passed over. fail "
              "(elsewhere the default): the load stops before them."},
    {.name = "change_columns",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(change_columns),
     .about = "delta: of _change_type, _commit_version and _commit_timestamp those that the table "
              "gets, too."},
    END};

static const silt_config_key write_option_keys[] = {
    {.name = "delimiter",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(out.csv_delimiter),
     .about = "csv: what stands between values, one character; a comma by default."},
    END};

static const silt_config_key write_keys[] = {
    {.name = "connection",
     .kind = SILT_KEY_NAME,
     .offset = TABLE(connection),
     .about = "The name of the connection that the path is relative to."},
    {.name = "format",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(write_format),
     .choices = target_formats,
     .fallback = "delta",
     .about = "Of the target."},
    {.name = "path",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(write_path),
     .required = true,
     .about = "Of the table: against the connection's path, else the folder of this file."},
    {.name = "partition_by",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(partition_by),
     .about = "Columns that a new table is partitioned by."},
    {.name = "overwrite_partitions",
     .kind = SILT_KEY_BOOL,
     .offset = TABLE(out.overwrite_partitions),
     .fallback = "false",
     .about = "overwrite: only the partitions that new rows are in are replaced."},
    {.name = "keys",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(keys),
     .about = "Another spelling of primary_keys."},
    {.name = "mode",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(mode),
     .choices = strategies,
     .about = "Another spelling of loading_strategy."},
    {.name = "dedup_strategy",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(dedup_strategy),
     .choices = dedup_strategies,
     .about = "upsert, append_once, scd2: which of the rows of a key stays."},
    {.name = "timestamp_col",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(timestamp_col),
     .about = "upsert, append_once, scd2: the column that newest_wins goes by."},
    {.name = "options",
     .kind = SILT_KEY_OBJECT,
     .keys = write_option_keys,
     .about = "How files of text are written."},
    LATER("storage_options"),
    LATER("data_options"),
    END};

const silt_config_key silt_config_table_keys[] = {
    {.name = "table_name",
     .kind = SILT_KEY_NAME,
     .offset = TABLE(out.name),
     .required = true,
     .about = "Names the table in messages, state and appId."},
    {.name = "source",
     .kind = SILT_KEY_OBJECT,
     .keys = source_keys,
     .required = true,
     .about = "Where the rows come from."},
    {.name = "loading_strategy",
     .kind = SILT_KEY_CHOICE,
     .offset = TABLE(loading_strategy),
     .choices = strategies,
     .about = "How rows go into the table; append by default."},
    {.name = "primary_keys",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(primary_keys),
     .about = "upsert, append_once, scd2: the columns that tell rows apart."},
    {.name = "schema",
     .kind = SILT_KEY_SCHEMA,
     .offset = TABLE(out.schema),
     .about =
         "Columns and types, {name: type} or [{name, type, nullable}]; else found by looking."},
    {.name = "depends_on",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(out.depends_on),
     .about = "Tables that are loaded before; where one fails, this one waits."},
    {.name = "write",
     .kind = SILT_KEY_OBJECT,
     .keys = write_keys,
     .required = true,
     .about = "Where the rows go."},
    POLICY_KEYS,
    {.name = "tracking_columns",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(tracking_columns),
     .about = "scd2: the columns whose values tell versions of a row apart."},
    {.name = "scd2_effective_date_column",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(scd2_start),
     .fallback = "effective_date",
     .about = "scd2: the table's column since when a version is true."},
    {.name = "scd2_end_date_column",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(scd2_end),
     .fallback = "end_date",
     .about = "scd2: the table's column until when; null for the current one."},
    {.name = "scd2_current_flag_column",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(scd2_current),
     .fallback = "is_current",
     .about = "scd2: the table's column that says whether a version is current."},
    {.name = "scd2_effective_from",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(scd2_from),
     .about = "scd2: the files' column since when a row is true; else since it is loaded."},
    {.name = "scd2_close_missing",
     .kind = SILT_KEY_BOOL,
     .offset = TABLE(scd2_close_missing),
     .about = "scd2: each file is all there is; versions of keys that it lacks end."},
    {.name = "constraints",
     .kind = SILT_KEY_LIST,
     .keys = silt_config_constraint_keys,
     .about = "What rows have to fulfil."},
    {.name = "features",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(policy.features),
     .about = "Delta table features that the table has: changeDataFeed, rowTracking, "
              "inCommitTimestamp …"},
    {.name = "ordering_keys",
     .kind = SILT_KEY_TEXTS,
     .offset = TABLE(policy.ordering_keys),
     .about = "Columns that rows are sorted by: silt.orderingKeys of the table."},
    {.name = "renamed_from",
     .kind = SILT_KEY_TEXT,
     .offset = TABLE(out.state_name),
     .about = "The table_name it had before, or pipeline/table_name: what was loaded stays known."},
    END};

const silt_config_key silt_config_connection_keys[] = {
    {.name = "path",
     .kind = SILT_KEY_TEXT,
     .offset = CONN(path),
     .required = true,
     .about = "A folder, the root of the tables that name this connection; or a database: a SQLite "
              "file, postgresql://…"},
    {.name = "storage_options",
     .kind = SILT_KEY_PAIRS,
     .offset = CONN(out.storage_options),
     .about = "Of the store."},
    {.name = "lock_wait_seconds",
     .kind = SILT_KEY_NUMBER,
     .offset = CONN(out.lock_wait_ms),
     .min = 1,
     .max = 86400,
     .factor = 1000,
     .about = "Databases: how long to wait for locks of others, 60 by default."},
    LATER("data_options"),
    END};

static const silt_config_key transient_keys[] = {
    {.name = "max_attempts",
     .kind = SILT_KEY_INT,
     .offset = ROOT(out.transient_attempts),
     .fallback = "3",
     .min = 1,
     .max = 100,
     .about = "Tries one after another; 1: none is tried again."},
    {.name = "backoff_seconds",
     .kind = SILT_KEY_NUMBER,
     .offset = ROOT(out.transient_backoff_ms),
     .fallback = "1",
     .min = 0,
     .max = 3600,
     .factor = 1000,
     .about = "First wait between them; it doubles up to a minute, with jitter."},
    END};

static const silt_config_key history_keys[] = {
    {.name = "keep",
     .kind = SILT_KEY_INTERVAL,
     .offset = ROOT(out.history_keep_ms),
     .fallback = "90 days",
     .about = "For how long the table of runs has a run."},
    {.name = "bundles",
     .kind = SILT_KEY_INT,
     .offset = ROOT(out.history_bundles),
     .fallback = "100",
     .min = 0,
     .max = 100000,
     .about = "How many run bundles are kept; 0: none are written."},
    END};

const silt_config_key silt_config_root_keys[] = {
    {.name = "pipeline",
     .kind = SILT_KEY_NAME,
     .offset = ROOT(out.pipeline),
     .required = true,
     .about = "The pipeline's name, the prefix of every appId."},
    {.name = "checkpoint_path",
     .kind = SILT_KEY_TEXT,
     .offset = ROOT(checkpoint_path),
     .required = true,
     .about = "The folder of tracker, lock and table status."},
    {.name = "engine",
     .kind = SILT_KEY_CHOICE,
     .offset = ROOT(engine),
     .choices = engines,
     .fallback = "duckdb",
     .about = "What does the work."},
    {.name = "retry_attempts",
     .kind = SILT_KEY_INT,
     .offset = ROOT(out.retry_attempts),
     .min = 1,
     .max = 1000,
     .fallback = "3",
     .about = "Tries of a file, over all runs."},
    {.name = "retry_backoff_minutes",
     .kind = SILT_KEY_NUMBER,
     .offset = ROOT(out.retry_backoff_ms),
     .fallback = "0",
     .min = 0,
     .max = 60 * 24,
     .factor = 60000,
     .about = "How long a file that failed isn't tried again; doubles with each try, up to a day."},
    {.name = "transient_retries",
     .kind = SILT_KEY_OBJECT,
     .keys = transient_keys,
     .about = "Within a run, of what failed by what may pass: disks, networks, lost answers."},
    {.name = "timeout_minutes",
     .kind = SILT_KEY_NUMBER,
     .offset = ROOT(out.timeout_ms),
     .min = 1,
     .max = 60 * 24 * 365,
     .factor = 60000,
     .fallback = "60",
     .about = "Of a batch."},
    {.name = "lock_timeout_minutes",
     .kind = SILT_KEY_NUMBER,
     .offset = ROOT(out.lock_timeout_ms),
     .min = 1,
     .max = 60 * 24 * 365,
     .factor = 60000,
     .fallback = "120",
     .about = "After which a lock of an unknown owner is void."},
    {.name = "run_history",
     .kind = SILT_KEY_OBJECT,
     .keys = history_keys,
     .about = "What is kept of runs that were."},
    {.name = "memory_limit",
     .kind = SILT_KEY_SIZE,
     .offset = ROOT(out.memory_limit_bytes),
     .min = 64 << 20,
     .max = 1LL << 50,
     .about = "Of the process, \"2GB\"."},
    {.name = "threads",
     .kind = SILT_KEY_INT,
     .offset = ROOT(out.threads),
     .min = 1,
     .max = 1024,
     .about = "Of the engine; one a core by default."},
    {.name = "parallel_tables",
     .kind = SILT_KEY_INT,
     .offset = ROOT(out.parallel_tables),
     .min = 1,
     .max = SILT_PARALLEL_TABLES_MAX,
     .fallback = "1",
     .about = "How many tables a run loads at a time, sharing memory_limit and threads."},
    {.name = "timezone",
     .kind = SILT_KEY_TEXT,
     .offset = ROOT(out.timezone),
     .fallback = "UTC",
     .about = "Of timestamps without a zone in sources."},
    {.name = "durability",
     .kind = SILT_KEY_CHOICE,
     .offset = ROOT(durability),
     .choices = durabilities,
     .fallback = "full",
     .about = "full: all that counts is fsynced."},
    {.name = "connections",
     .kind = SILT_KEY_MAP,
     .keys = silt_config_connection_keys,
     .about = "Named roots of tables."},
    {.name = "defaults",
     .kind = SILT_KEY_OBJECT,
     .keys = silt_config_default_keys,
     .apart = true,
     .about = "For tables that don't say."},
    {.name = "tables",
     .kind = SILT_KEY_LIST,
     .keys = silt_config_table_keys,
     .required = true,
     .about = "What is loaded, table by table."},
    {.name = "datasets",
     .kind = SILT_KEY_MAP,
     .keys = silt_config_dataset_keys,
     .about = "Names for tables, for `silt sql` and `silt read --dataset`."},
    END};
