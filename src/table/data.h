/* Between a table's log and its rows: data files as scans, staged files as adds. */
#ifndef SILT_TABLE_DATA_H
#define SILT_TABLE_DATA_H

#include "engine/engine.h"
#include "silt/maintain.h"
#include "table/skip.h"
#include "table/snapshot.h"

/* ---- scans (scan.c, scan_column.c) */

/* A column that isn't the table's: each file is given its value. */
typedef struct silt_scan_extra {
    const char *name;
    const silt_type *type;
    const char *data; /* a file that is given no value has it in its column of this name; NULL: null
                       */
} silt_scan_extra;

/* What a scan is to give. */
typedef struct silt_scan_want {
    const char *const *columns; /* of the schema, any order; NULL: all */
    size_t column_count;
    const silt_scan_extra *extras; /* behind the columns */
    size_t extra_count;
    const char *row_id_column; /* names of two more columns behind these; NULL: not wanted */
    const char *row_commit_version_column;
    const silt_expr *filter; /* bound to the schema and the columns above; NULL: none */
    bool no_pushdown;
    int64_t limit; /* -1: all */
} silt_scan_want;

/* A data file to be scanned: an add, a remove or a cdc. */
typedef struct silt_scan_item {
    const char *path; /* as in the log */
    silt_pairs partition_values;
    int64_t row_count;                               /* physical; -1: not known */
    int64_t base_row_id, default_row_commit_version; /* -1: none */
    const silt_dv *dv;                               /* is read; NULL: none */
    const silt_bitmap *rows;   /* instead of `dv`, to live as long as the plan; NULL: none */
    bool rows_only;            /* as in silt_scan_file */
    const char *const *extras; /* by silt_scan_want.extras, as partition values stand in the log */
} silt_scan_item;

/* A scan in the making. */
typedef struct silt_scan_plan {
    silt_store *store;
    silt_arena *arena;
    const char
        *scratch;    /* own folder, for copies where the store has no local paths; may be NULL */
    int64_t version; /* for messages */
    silt_scan_spec spec; /* complete after each silt_scan_plan_add() */
    struct silt_scan_making *making;
} silt_scan_plan;

/* Columns of a table of this metadata and schema (both borrowed, as what `want` points to).
 * NOT_FOUND: a column (the hint has the closest name). INVALID: a column named twice, or none at
 * all. UNSUPPORTED: row ids or commit versions of a table without row tracking; more than
 * 50,000 columns. Give back with silt_scan_plan_release(), before the arena. */
silt_status silt_scan_plan_init(silt_scan_plan *plan, silt_store *store, int64_t version,
                                const silt_metadata *metadata, const silt_type *schema,
                                const silt_scan_want *want, const char *scratch, silt_arena *arena,
                                silt_error *err);
/* One more file; the strings of `item` are borrowed. NOT_FOUND: it has gone, or its deletion
 * vector. INVALID: no scratch where one is needed. CORRUPT: a path or a deletion vector that isn't
 * one, a partition value or a row id that is missing. */
silt_status silt_scan_plan_add(silt_scan_plan *plan, const silt_scan_item *item, silt_error *err);
/* Files of a snapshot: indexes into its adds; NULL: all. */
silt_status silt_scan_plan_adds(silt_scan_plan *plan, silt_snapshot *snapshot, const size_t *files,
                                size_t count, silt_error *err);
/* Whether a file that isn't added is there, where that can be told at once (NOT_FOUND). */
silt_status silt_scan_plan_check(const silt_scan_plan *plan, const char *path, silt_error *err);
void silt_scan_plan_release(silt_scan_plan *plan);

/* After an engine couldn't read: names the file that isn't there any more (NOT_FOUND), else `st` as
 * it was; CORRUPT of a file of the plan is told with table, version and what to do. */
silt_status silt_scan_missing(const silt_scan_plan *plan, silt_status st, silt_error *err);

/* ---- stats and partition values (stats.c, range.c, partition.c) */

/* Stats of a staged file as the JSON of add.stats, under the names that `fields` (by the schema's;
 * NULL: these) say that the file has: numRecords, minValues, maxValues, nullCount over
 * the first delta.dataSkippingNumIndexedCols (32; -1: all) leaves that aren't partition columns, or
 * over delta.dataSkippingStatsColumns. Strings are cut to 32 characters, a cut max is bumped;
 * bounds that can't be trusted are left out; timestamps in ms, max rounded up. NULL: out of memory.
 * @see PROTOCOL.md, "Per-file Statistics" */
const char *silt_stats_json(const silt_staged_file *file, const silt_type *schema,
                            const silt_physical *fields, const silt_metadata *metadata,
                            silt_arena *arena);

/* numRecords; -1: not known. `scratch` is for parsing. */
int64_t silt_stats_row_count(const char *stats, silt_arena *scratch);
/* The same less deleted rows. */
int64_t silt_add_row_count(const silt_add *add, silt_arena *scratch);

/* A file by its stats (digest.c). */
typedef struct silt_file_digest {
    int64_t row_count;         /* numRecords; -1: not known */
    silt_skip_verdict verdict; /* of the condition; KEEP without one */
} silt_file_digest;

/* silt_snapshot_adds_lean(), and a digest by file, in the arena: nobody holds the stats of all of
 * them. `skip` may be NULL. */
silt_status silt_snapshot_digest(silt_snapshot *snapshot, const silt_skip *skip, silt_arena *arena,
                                 const silt_add **adds, silt_file_digest **out, size_t *count,
                                 silt_error *err);

/* A partition value in the log's form from the engine's text. NULL is null, and so is ''.
 * Timestamps become "2024-01-15T10:00:00.123456Z", those without zone "2024-01-15
 * 10:00:00[.123456]"; readers, Silt's engine too, take both with both. NULL for a text that isn't
 * empty: out of memory.
 * @see PROTOCOL.md, "Partition Value Serialization" */
const char *silt_partition_value(const char *text, const silt_type *type, silt_arena *arena);

/* ---- staged files (publish.c, scratch.c) */

/* Move staged files into the table and give their add actions: named <folder of partition
 * values>/<file name> (a number before ".parquet" tells apart what would be the same; with
 * delta.randomizeFilePrefixes the folder is one of random letters), dataChange
 * true, stats as above. Partition values are in the order of metadata->partition_columns; what the
 * columns are called in files and log is by the metadata's column mapping.
 * Conservation is the caller's. Durable on return; on failure some files may have been moved, under
 * the names they would have had. UNSUPPORTED: a partition column of a type whose values can't stand
 * in the log as text. */
silt_status silt_staged_publish(silt_store *store, const silt_staged_file *files, size_t count,
                                const silt_metadata *metadata, const silt_type *schema,
                                int64_t now_ms, silt_arena *arena, silt_add **out, silt_error *err);
/* The same for files of changed rows (with _change_type among their columns): in _change_data/. */
silt_status silt_staged_publish_changes(silt_store *store, const silt_staged_file *files,
                                        size_t count, const silt_metadata *metadata,
                                        const silt_type *schema, silt_arena *arena, silt_cdc **out,
                                        silt_error *err);

/* A scratch folder for staged files: in the table's own file system where it has one
 * (`_silt/scratch/<name>`, so that publishing is a rename), else under the system's temporary
 * folder. Made now, EXISTS when it is there; removed with all in it by silt_scratch_remove(). */
silt_status silt_scratch_make(silt_store *store, const char *name, silt_arena *arena,
                              const char **path, silt_error *err);
void silt_scratch_remove(const char *path);
/* The same, always under the system's temporary folder; no two calls make the same. */
silt_status silt_scratch_temporary(const char *name, silt_arena *arena, const char **path,
                                   silt_error *err);

/* The folder that scratch folders are in, for files whose names are nobody else's: a commit that
 * makes and removes a folder of its own costs the file system much more. It stays; not to be given
 * to silt_scratch_remove(). NULL where the store has no local paths. */
silt_status silt_scratch_shared(silt_store *store, silt_arena *arena, const char **path,
                                silt_error *err);

/* Called with each file that was left behind, as its path in the table. */
typedef void silt_leftover_fn(void *ctx, const char *path, int64_t size_bytes);
/* Delete what interrupted processes left in the table's folder: files in scratch folders, and
 * temporary files of the store (which it doesn't list), as old as `cutoff_ms` or older. Nothing
 * where the store has no local paths. What can't be deleted stays. */
void silt_scratch_sweep(silt_store *store, int64_t cutoff_ms, bool dry_run, silt_leftover_fn *fn,
                        void *ctx);

/* ---- looking after the log (maintain.c, cleanup_log.c) */

/* silt_cleanup_log() by a snapshot that is the newest. */
silt_status silt_table_cleanup_log(silt_snapshot *snapshot, const silt_cleanup_log_options *opts,
                                   silt_cleanup_log_result *out, silt_error *err);

/* After a commit: a checkpoint when it is due (delta.checkpointInterval commits since the last one,
 * default 100, or when at least 10 commits outgrow a tenth of the checkpoint). Costs nothing when
 * it isn't. A failure harms nothing: the caller may report it and go on. It is tried again 10
 * commits later. */
silt_status silt_table_maintain(silt_snapshot *snapshot, silt_error *err);

#endif
