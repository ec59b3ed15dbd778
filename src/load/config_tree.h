/* Inside the config: the file as a tree of values with their places, the table of keys, and
 * mistakes. */
#ifndef SILT_LOAD_CONFIG_TREE_H
#define SILT_LOAD_CONFIG_TREE_H

#include "load/config.h"

/* ---- values (config_read.c) */

typedef enum silt_config_node_kind {
    SILT_CONFIG_NULL,
    SILT_CONFIG_TEXT,
    SILT_CONFIG_LIST,
    SILT_CONFIG_MAP
} silt_config_node_kind;

typedef struct silt_config_node silt_config_node;

/* An item of a list (key NULL) or a member of a map, in the file's order; keys are unique. */
typedef struct silt_config_entry {
    const char *key;
    int line, column; /* of the key */
    silt_config_node *value;
} silt_config_entry;

/* Aliases share their node, so that this is a graph without circles. */
struct silt_config_node {
    silt_config_node_kind kind;
    int line, column;
    const char *text;   /* TEXT: variables replaced */
    bool quoted;        /* TEXT: was in quotes, so never a number, a bool or null */
    bool replaced;      /* TEXT: variables were looked at, see silt_config_replace() */
    bool from_variable; /* TEXT: (part of) it came from a variable, so quotes mean nothing */
    bool broken;        /* a mistake in here was reported already: don't judge it */
    silt_config_entry *items;
    size_t count;
    size_t weight; /* values in here, aliases expanded */
};

/* What one reading of a file carries along. */
typedef struct silt_config_reader {
    const char *file; /* as in messages */
    silt_arena *arena;
    const silt_config_options *opts;
    SILT_VEC(silt_config_problem) problems;
    bool quiet; /* mistakes were reported before */
    bool no_memory;
} silt_config_reader;

/* The tree of a text; NULL: not even that (a problem is there, or no_memory). */
silt_config_node *silt_config_read(silt_config_reader *r, silt_bytes text);

/* Replace ${VAR} and ${VAR:-default} in all texts below `node`, "$${" by "${". What can't be
 * replaced is noted and `broken` (config_variables.c). */
void silt_config_replace(silt_config_reader *r, silt_config_node *node, const char *path);

/* The path of a member (`key`) or an item (`key` NULL, `index`) for messages. */
const char *silt_config_join(silt_config_reader *r, const char *path, const char *key,
                             size_t index);

/* Note a mistake at a place; `key` is a path, "" of the whole. */
void silt_config_mistake(silt_config_reader *r, int line, int column, const char *key,
                         const char *format, ...) SILT_PRINTF(5, 6);
/* The same of a member of a map whose own path is `path`; at the map where it hasn't that member.
 */
void silt_config_mistake_in(silt_config_reader *r, const silt_config_node *map, const char *path,
                            const char *key, const char *format, ...) SILT_PRINTF(5, 6);
/* By whatever has r, node and path of the map that is read. */
#define MISTAKE(t, key, ...) \
    silt_config_mistake_in((t)->r, (t)->node, (t)->path, (key), __VA_ARGS__)

/* Value of a member by a path of keys, "write.mode"; NULL: none. */
silt_config_node *silt_config_at(const silt_config_node *map, const char *path);

/* ---- keys (config_schema.c) */

typedef enum silt_config_kind {
    SILT_KEY_TEXT,     /* const char * */
    SILT_KEY_NAME,     /* const char *, [A-Za-z0-9._-]+ */
    SILT_KEY_CHAR,     /* const char *, one byte or none */
    SILT_KEY_BOOL,     /* bool */
    SILT_KEY_INT,      /* int64_t */
    SILT_KEY_NUMBER,   /* int64_t: a number, fractions allowed, times `factor` */
    SILT_KEY_SIZE,     /* int64_t: bytes; "2GB", "512 MiB", 1000 */
    SILT_KEY_INTERVAL, /* int64_t: ms; "30 days", "1 week 12 hours" */
    SILT_KEY_CHOICE,   /* int64_t: the choice's value */
    SILT_KEY_TEXTS,    /* silt_names: a text or a list of texts */
    SILT_KEY_PAIRS,    /* silt_pairs: map of texts */
    SILT_KEY_SCHEMA,   /* const silt_type *: map of name: type, or list of {name, type, nullable} */
    SILT_KEY_OBJECT,   /* keys of its own, set in the same struct */
    SILT_KEY_LIST,     /* of objects; each is a struct of its own */
    SILT_KEY_MAP,      /* name → object; each is a struct of its own */
    SILT_KEY_LATER     /* known and not supported yet */
} silt_config_kind;

/* One of the values of a CHOICE. `instead` NULL: supported; "": not yet; else what to write. */
typedef struct silt_config_choice {
    const char *text;
    int64_t value;
    const char *instead;
} silt_config_choice;

typedef struct silt_config_key {
    const char *name; /* NULL ends the table */
    silt_config_kind kind;
    size_t offset;
    const char *about;    /* a sentence for editors */
    const char *fallback; /* default, as it would be written; NULL: zero */
    int64_t min, max;     /* INT, SIZE; NUMBER: before the factor, min 1 means above 0 */
    int64_t factor;       /* NUMBER */
    const silt_config_choice *choices;
    const struct silt_config_key *keys; /* OBJECT, LIST, MAP */
    bool required;
    bool loose; /* TEXT, TEXTS: a number is a text, too, and the empty text is fine */
    bool apart; /* OBJECT: set in a struct of its own, by a walk of its own */
} silt_config_key;

extern const silt_config_key silt_config_root_keys[];
extern const silt_config_key silt_config_connection_keys[];
extern const silt_config_key silt_config_default_keys[];
extern const silt_config_key silt_config_table_keys[];
extern const silt_config_key silt_config_dataset_keys[];
extern const silt_config_key silt_config_option_keys[];
extern const silt_config_choice silt_config_compressions[]; /* of data files */

/* write_policy, schema_policy.column_mapping_mode and ordering_keys, of tables and datasets
 * (config_policy.c). */
typedef struct silt_config_raw_policy {
    int64_t target_file_bytes, row_group_rows; /* 0: not said */
    int64_t compression, column_mapping_mode;  /* -1: not said */
    const char *stats_count;
    silt_names stats_columns, cluster_by, z_order, ordering_keys, features;
} silt_config_raw_policy;

/* The keys of write_policy, read into a `type` that has the above as `policy`. */
#define SILT_CONFIG_WRITE_POLICY(type)                                                          \
    {.name = "target_file_size",                                                                \
     .kind = SILT_KEY_SIZE,                                                                     \
     .offset = offsetof(type, policy.target_file_bytes),                                        \
     .min = 1 << 20,                                                                            \
     .max = 1LL << 40,                                                                          \
     .about = "Size of data files: delta.targetFileSize of the table; else 128 MB."},           \
        {.name = "compression",                                                                 \
         .kind = SILT_KEY_CHOICE,                                                               \
         .offset = offsetof(type, policy.compression),                                          \
         .choices = silt_config_compressions,                                                   \
         .about = "Of data files: delta.parquet.compression.codec of the table; else snappy."}, \
        {.name = "row_group_rows",                                                              \
         .kind = SILT_KEY_INT,                                                                  \
         .offset = offsetof(type, policy.row_group_rows),                                       \
         .min = 1,                                                                              \
         .max = INT32_MAX,                                                                      \
         .about = "Most rows of a row group: silt.rowGroupRows of the table."},                 \
        {.name = "stats_columns",                                                               \
         .kind = SILT_KEY_TEXTS,                                                                \
         .offset = offsetof(type, policy.stats_columns),                                        \
         .about = "Columns with statistics: delta.dataSkippingStatsColumns of the table."},     \
        {.name = "stats_count",                                                                 \
         .kind = SILT_KEY_TEXT,                                                                 \
         .offset = offsetof(type, policy.stats_count),                                          \
         .loose = true,                                                                         \
         .about = "Or of how many, or all: delta.dataSkippingNumIndexedCols; else 32."},        \
        {.name = "cluster_by",                                                                  \
         .kind = SILT_KEY_TEXTS,                                                                \
         .offset = offsetof(type, policy.cluster_by),                                           \
         .about = "Columns that optimize clusters the table by."},                              \
    {                                                                                           \
        .name = "zorder", .kind = SILT_KEY_TEXTS, .offset = offsetof(type, policy.z_order),     \
        .about = "Columns along whose z-order curve rows are laid: silt.zOrderBy of the table." \
    }

extern const silt_config_key silt_config_constraint_keys[];
extern const silt_config_choice silt_config_mapping_modes[];
/* The policy, with `constraints` of the map, whose own key is `path`; mistakes are noted. */
void silt_config_policy_read(silt_config_reader *r, const silt_config_node *node, const char *path,
                             const silt_config_raw_policy *raw, silt_policy *out);

#define SILT_CONFIG_FORMAT_DELTA 3 /* of source.format, behind silt_format */

/* What the keys are read into; whatever has two spellings is told apart here. */
typedef struct silt_config_raw {
    silt_config out;
    const char *checkpoint_path;
    int64_t engine, durability;
} silt_config_raw;

typedef struct silt_config_raw_connection {
    silt_config_connection out;
    const char *path;
} silt_config_raw_connection;

typedef struct silt_config_raw_table {
    silt_config_table out;
    silt_names source_paths;
    int64_t format, source_order, order; /* -1: not said */
    int64_t loading_strategy, mode;      /* -1: not said */
    silt_names primary_keys, keys, partition_by, tracking_columns;
    const char *scd2_start, *scd2_end, *scd2_current, *scd2_from;
    bool scd2_close_missing;
    int64_t on_new_column, on_change, on_duplicate, on_bad_row, on_restore, deletion_vectors;
    int64_t bad_share; /* millionths */
    int64_t max_attempts, backoff_ms, deadline_ms;
    const char *connection, *write_path, *timestamp_col;
    const char *source_connection, *starting_version, *starting_timestamp;
    int64_t on_source_change; /* -1: not said */
    silt_names change_columns;
    int64_t write_format, dedup_strategy, schema_mode; /* -1: not said */
    silt_config_raw_policy policy;
} silt_config_raw_table;

/* ---- judging (config_walk.c) */

/* Set the defaults of `keys` in `into`. */
void silt_config_set_defaults(silt_config_reader *r, const silt_config_key *keys, void *into);

/* Judge a map by `keys` and set what it says in `into`. `path` is its own key, "" for the whole. */
void silt_config_walk(silt_config_reader *r, const silt_config_key *keys,
                      const silt_config_node *node, const char *path, void *into);

bool silt_config_is_name(const char *text);

/* Judge one value and set what `key` says in `into`. */
void silt_config_leaf(silt_config_reader *r, const silt_config_key *key,
                      const silt_config_node *node, const char *path, void *into);

/* What a message says was found: "a list", "nothing", "\"abc\"", "12"; lives in the arena. */
const char *silt_config_found(silt_config_reader *r, const silt_config_node *node);

/* Declared columns (config_columns.c); NULL: a mistake was noted. */
const silt_type *silt_config_columns(silt_config_reader *r, const silt_config_node *node,
                                     const char *path);

typedef enum silt_config_scalar {
    SILT_CONFIG_IS_TEXT,
    SILT_CONFIG_IS_NUMBER,
    SILT_CONFIG_IS_TRUE,
    SILT_CONFIG_IS_FALSE
} silt_config_scalar;
/* What YAML takes a text without quotes for. */
silt_config_scalar silt_config_scalar_of(const silt_config_node *node);

/* ---- a file (config.c) */

/* "/a/b/silt.yaml" → the file and its folder, absolute. */
silt_status silt_config_place(const char *path, silt_arena *arena, silt_config *out,
                              silt_error *err);
silt_status silt_config_read_file(const char *path, silt_buf *out, silt_error *err);
/* What came of a reading: INVALID with all mistakes in order, each once, or NOMEM. */
silt_status silt_config_verdict(silt_config_reader *r, silt_config_problems *problems,
                                silt_error *err);

/* ---- options of sources (config_options.c) */

/* Judge what stands at `key` of a map whose own key is `path`, or nothing; `format` is that of the
 * files, for which other formats' options are mistakes. */
silt_source_options silt_config_options_read(silt_config_reader *r, const silt_config_node *node,
                                             const char *key, const char *path, silt_format format);

/* ---- datasets (config_datasets.c) */

/* Judge `datasets` of a file, if it is there. */
void silt_config_datasets_read(silt_config_reader *r, const char *directory,
                               const silt_config_node *root, const silt_dataset **out,
                               size_t *count);

/* ---- tables of databases (config_database.c) */

bool silt_config_is_database(silt_target_format format);
/* Whether a connection's path is a URL that a database is connected by. */
bool silt_config_is_database_url(const char *path);
/* Fill in what a table of a database has; `name` is write.path, NULL: a mistake was noted. What
 * databases have no use for is a mistake where the table says it, and left out where the defaults
 * do. */
void silt_config_database_read(silt_config_reader *r, const silt_config_node *node,
                               const char *path, const char *name, silt_config_table *out);

/* ---- tables (config_table.c) */

/* Judge one entry of `tables` (`defaults` may be NULL), and give what the loader sees of it. */
void silt_config_table_read(silt_config_reader *r, const silt_config *config,
                            const silt_config_node *defaults, const silt_config_node *node,
                            size_t index, silt_config_table *out);

/* Judge what a table says of raw files, and what it mustn't (config_raw.c). */
void silt_config_check_raw(silt_config_reader *r, const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw);

/* Judge what a table says of versions, and fill in out.scd2 (config_scd2.c). */
void silt_config_scd2_read(silt_config_reader *r, const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw);

/* Judge what a table says of a Delta table or standard input as its source (config_feed.c). */
void silt_config_feed_read(silt_config_reader *r, const silt_config *config,
                           const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw);
/* Tables that are the sources of others are loaded before them; `tables` are config's, `node` is
 * their list. */
void silt_config_follow_sources(silt_config_reader *r, const silt_config_node *node,
                                const silt_config *config, silt_config_table *tables);

/* Check what tables depend on, and fill in `config->order` (config_order.c). */
void silt_config_order(silt_config_reader *r, const silt_config_node *node, silt_config *config);

/* The same path for two spellings: against the config file's folder. NULL: a mistake was noted. */
const char *silt_config_path(silt_config_reader *r, const char *base, const char *path,
                             const silt_config_node *node, const char *key);

#endif
