/* Operations that bring source files into a table: append and upsert. Each reads as snapshot → scan
 * → engine → txn; a caller hooks in between staging and commit. */
#ifndef SILT_OPS_CHANGE_H
#define SILT_OPS_CHANGE_H

#include "base/seam.h"
#include "engine/engine.h"
#include "silt/policy.h"
#include "silt/scd2.h"
#include "table/txn.h"

/* ---- sources (source.c): many files → few groups that fit the table */

typedef enum silt_on_new_column {
    SILT_NEW_COLUMN_FAIL,
    SILT_NEW_COLUMN_EVOLVE,
    SILT_NEW_COLUMN_RESCUE /* their values go to SILT_COLUMN_RESCUED */
} silt_on_new_column;

/* Audit columns, after the source's own. */
#define SILT_COLUMN_SOURCE_FILE    "_source_file"    /* STRING */
#define SILT_COLUMN_LOAD_TIMESTAMP "_load_timestamp" /* TIMESTAMP */
#define SILT_COLUMN_BATCH_ID       "_batch_id"       /* BIGINT; see silt_sources_plan() */
/* Before these: STRING, a JSON object of what doesn't fit by column, and _file_path. */
#define SILT_COLUMN_RESCUED "_rescued_data"

typedef struct silt_sources {
    silt_format format;
    silt_source_options options; /* as configured; completed by silt_sources_plan */
    const silt_source_file *files;
    size_t file_count;
    bool audit_columns;
    bool foreign; /* rows that needn't be like the table's: files may have none of its columns */
    silt_on_new_column on_new_column;
    bool rescues;  /* the table has, or gets, SILT_COLUMN_RESCUED: for bad values or new columns */
    bool any_case; /* CSV, Parquet: columns are the table's whatever the case of letters */
    const char *deletes; /* Parquet: a BOOLEAN column of the files, none of the table's: rows in
                            which it is true delete those of their key (upsert). NULL: none */
    const char *how_to_evolve; /* for messages; NULL: the pipeline file's "on_new_column: evolve" */
    const silt_type *declared_schema; /* NULL: found by looking */
    const silt_scd2_options *scd2;    /* complete; NULL: rows aren't versions. Its columns are none
                                         of the files' */
    const char *const *partition_by;  /* for a table that is to be made */
    size_t partition_count;
} silt_sources;

/* A file that can't be part of it, and why. */
typedef struct silt_bad_source {
    size_t index;       /* into silt_sources.files */
    silt_status status; /* BAD_DATA, NOT_FOUND, CHANGED, DENIED */
    const char *why;
} silt_bad_source;
typedef struct silt_bad_sources {
    const silt_bad_source *items;
    size_t count;
} silt_bad_sources;

/* How the files map to the table: headers read, files grouped by header, columns matched by name.
 */
typedef struct silt_source_plan {
    const silt_source_group *groups;
    size_t group_count;
    const size_t *file_index; /* over all groups in order → index into silt_sources.files */
    const silt_output_column *columns; /* of the table, in schema order; audit values still 0; then
                                          silt_sources.deletes */
    size_t column_count;
    const silt_type *schema;     /* of the table afterwards */
    bool schema_grows;           /* `schema` has more columns than the table's */
    const char *new_columns;     /* names for a message, "a, b"; NULL: none */
    silt_source_options options; /* complete */
} silt_source_plan;

/* Match the files' columns with the table's, by name and exactly.
 *
 * `table_schema` NULL: a table is to be made, of the declared columns or of what is found: over all
 * files, every row while these are 64 MB or less, else the first 100,000 rows of each file. A row
 * that doesn't fit what was found makes its file fail later; nothing is ever bent.
 * Columns that a file lacks are null. New columns (EVOLVE) are nullable, of the type found in the
 * files that have them. Audit columns come last; where the table has them in another type that
 * can hold them (_batch_id as STRING, say) they are given in that.
 * Files without content are in no group, have no rows and are no mistake.
 * CSV without a header takes the declared columns by position, else column0, column1, …
 * NDJSON has no header: which members there are is found by looking, as far as for a new table; a
 * member that shows itself behind that only is passed over.
 * Cost: a stat and the head of each file; one file, or all for new columns, through the engine.
 *
 * @param bad may be NULL; set with BAD_DATA only: all files that can't be part of it (a foreign
 *            header, an unknown column under FAIL, a name that differs from the table's by case
 * only, a name twice, a column missing that must not be null, no access, an unreadable head). The
 * caller leaves these out and plans again
 * @return BAD_DATA; INVALID: a source column named as an audit column, an audit column that the
 * table has in a type which can't hold it, declared columns unlike the table's (or new, under
 * FAIL), partition_by of no column; or the engine's */
silt_status silt_sources_plan(silt_engine *engine, const silt_sources *sources,
                              const silt_type *table_schema, silt_arena *arena,
                              silt_source_plan *out, silt_bad_sources *bad, silt_error *err);

/* Whether a file holds one JSON array (write_array.c), and its items, one a line, in a file of
 * their own at `path`, which takes its place in `file`. BAD_DATA: the array isn't whole, or not
 * all. */
bool silt_json_array_is(const silt_source_options *options, const char *path);
silt_status silt_json_array_split(const silt_source_options *options, silt_source_file *file,
                                  const char *path, silt_error *err);

/* ---- create (create.c) */

/* Version 0 of a table: protocol (1,2) or what the schema's types need, metadata, no data.
 * COMMITTED, or CONFLICT when somebody was first. `policy` and `txn` may be NULL. */
silt_status silt_create_table(silt_store *store, silt_engine *engine, const silt_type *schema,
                              const char *const *partition_by, size_t partition_count,
                              silt_pairs properties, const silt_policy *policy,
                              const silt_txn_options *txn, silt_txn_result *out, silt_error *err);

/* ---- append, upsert */

/* Of each file: rows read, and what became of them; read = silt_source_told(). */
typedef struct silt_source_counts {
    int64_t read, inserted, updated, deleted, unchanged, deduplicated, rejected;
} silt_source_counts;
static inline int64_t silt_source_told(const silt_source_counts *n)
{
    return n->inserted + n->updated + n->deleted + n->unchanged + n->deduplicated + n->rejected;
}

typedef struct silt_change_facts {
    const silt_source_counts *sources; /* by silt_sources.files */
    silt_source_counts total;
    int64_t files_added, bytes_added, files_removed, rows_carried;
    int64_t rows_more; /* of the table, besides those that were inserted; below 0: less. scd2 parts
                          versions and joins them */
    const char *rejects_path; /* NDJSON of rejected rows to keep, see ops/sieve.h; NULL: none */
    int64_t rejects_rows;     /* in it */
} silt_change_facts;

typedef struct silt_change_spec {
    const silt_sources *sources;
    const silt_source_plan *plan;
    int64_t load_time_us, batch_id; /* the audit values */
    const char *attempt;            /* data files are part-<attempt>-<n>.parquet */
    const char *const *keys;        /* upsert */
    size_t key_count;
    const char *newest_by;         /* upsert: NULL: duplicates are an error */
    bool insert_only;              /* upsert: rows of keys that are there are left alone */
    bool last_counts;              /* upsert: of a key's rows the last one counts, by the order of
                                      files; else duplicates are an error */
    const silt_scd2_options *scd2; /* upsert: rows are versions; as the sources have it */
    /* append: rows that this condition takes go in the same commit, and have to be so many:
     * INCONSISTENT, and nothing done, where they aren't. NULL: none. */
    const char *replaces;
    int64_t replaced_rows;
    bool partitions_only;      /* overwrite: of the partitions that new rows are in */
    int64_t target_file_bytes; /* 0: the table's delta.targetFileSize, else 128 MB */
    const char *compression;   /* NULL: the table's, else snappy */
    /* What rows have to fulfil besides what the table asks; those that persist are the table's. */
    const silt_policy_constraint *constraints;
    size_t constraint_count;
    silt_txn_options
        txn; /* app txn, silt_info, retry, …; operation and read set are the op's own */
    /* Between staging and the first commit try: conservation holds, files stand in the table's
     * folder. Not SILT_OK: stop, nothing committed. May be NULL. */
    silt_status (*before_commit)(void *ctx, const silt_change_facts *facts, const char *txn_id,
                                 silt_error *err);
    /* The txn's silt_info once counts are known (ctx as above); NULL: txn.silt_info as it is. */
    const char *(*silt_info)(void *ctx, const silt_change_facts *facts, silt_arena *arena);
    void *ctx;
} silt_change_spec;

typedef struct silt_change_result {
    silt_txn_result txn;
    silt_change_facts facts;
} silt_change_result;

/* Append all rows: stage, check conservation, publish, before_commit, commit.
 *
 * Source files are looked at before and after they are read: one that changed meanwhile is CHANGED.
 * On BAD_DATA (CHANGED, NOT_FOUND, DENIED of sources) `bad` (may be NULL) says which files are at
 * fault; FAILED "conservation: …" where the numbers don't add up. After these, and when
 * before_commit fails, nothing was committed and nothing is left behind. A CONFLICT or APP_MOVED
 * outcome and failures of the commit leave staged files named by the attempt for the caller's
 * silt_attempt_clean(): only the log knows whether they count. `*after` (may be NULL) gets the
 * table as committed. Rows none: a commit with the app txn alone. */
silt_status silt_append(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err);

/* The rows take the place of all that are there: as silt_append(), and all files of the table go,
 * or with partitions_only those of the partitions that the rows are in. Mere appends of others
 * meanwhile count as coming afterwards; any other change of rows is a CONFLICT outcome, and so is
 * the schema's. UNSUPPORTED: an append-only table. */
silt_status silt_overwrite(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                           silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                           silt_error *err);

/* Update rows of the same keys, insert the others; a merge, see silt/merge.h. As silt_append(), but
 * that files of a try which surely isn't committed are taken away again.
 *
 * Sources are read once, in their order: of equal rows of a key the later one counts. Files of the
 * table are looked at only where the keys' range meets their stats or partition values.
 * CONFLICT is the caller's, who has to plan anew as a whole.
 * INVALID: no keys, a key or newest_by that isn't a column, or an append-only table whose rows
 * would be updated. BAD_DATA without `bad`: a key twice, without newest_by. */
silt_status silt_upsert(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err);

/* Delete data files of an attempt (part-<attempt>-…), its deletion vectors and its scratch. Nothing
 * is deleted where a commit speaks of the attempt, or the log doesn't reach back to when the files
 * were written. Cost: a listing of the whole table; the commits since then, if there are such
 * files. */
silt_status silt_attempt_clean(silt_store *store, const char *attempt, silt_error *err);

#endif
