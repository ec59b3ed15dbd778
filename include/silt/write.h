/* Writing rows into a table, once. */
#ifndef SILT_WRITE_H
#define SILT_WRITE_H

#include "silt/arena.h"
#include "silt/arrow.h"
#include "silt/commit.h"
#include "silt/policy.h"
#include "silt/scan.h"
#include "silt/scd2.h"
#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_append_options {
    size_t struct_size;
    const silt_commit_options *commit; /* NULL: SILT_COMMIT_OPTIONS_INIT */
} silt_append_options;
#define SILT_APPEND_OPTIONS_INIT          \
    {                                     \
        sizeof(silt_append_options), NULL \
    }

typedef enum silt_append_outcome {
    SILT_APPEND_COMMITTED,
    SILT_APPEND_ALREADY_DONE, /* nothing was written: this number was committed before */
    SILT_APPEND_OVERTAKEN     /* nothing was written: a higher number was committed, and no commit
                                 with this one is known */
} silt_append_outcome;

typedef struct silt_append_result {
    silt_append_outcome outcome;
    int64_t committed_version;  /* of our commit, or of the one that did it; -1: not known */
    int64_t table_version;      /* the newest that was seen */
    int64_t rows, files, bytes; /* written by this call */
    int attempts;               /* commits tried: more than 1 where others were first */
} silt_append_result;

/**
 * Append the rows of an Arrow stream, in one commit; a stream without rows makes one too. Columns
 * go by their names: one that the stream lacks is null; a type becomes the column's where no value
 * can lose anything (int32 → long, float → double, decimal(5,2) → decimal(10,2), date →
 * timestamp_ntz). Taken are null, bool, integers, float, double, decimal128, utf8, binary (large
 * and of fixed size too), date, and timestamps. Commits of others in between are no hindrance
 * unless they change the schema. Also writes a checkpoint when one is due.
 *
 * @param snapshot the table as last seen; needn't be the newest
 * @param rows     read to its end from any thread, one call at a time; released by the caller. It
 *                 isn't read where the answer is ALREADY_DONE or OVERTAKEN from the start.
 * @param opts     NULL for SILT_APPEND_OPTIONS_INIT
 * @param after    may be NULL; else the newest snapshot, or NULL where it has to be opened anew; to
 *                 be given back with silt_snapshot_free()
 * @return SILT_INVALID     an option; columns that the table doesn't have, or of types that don't
 *                          fit (err names them); a null, or a value out of range, where the column
 *                          can't have it
 *         SILT_UNSUPPORTED a column of a type that isn't taken (nested, dictionary, time, …), or a
 *                          writer feature of the table
 *         SILT_CONFLICT    another writer changed the table's schema, protocol or properties
 *         SILT_UNSURE      the commit may or may not stand: call again with the same app_version
 *         SILT_FAILED      the stream failed: its own words, its errno as the cause
 *         SILT_INTERRUPTED silt_engine_interrupt(), or any status of the store
 * @see PROTOCOL.md, "Transaction Identifiers"
 */
SILT_API SILT_CHECKED silt_status silt_append_arrow(silt_snapshot *snapshot,
                                                    struct ArrowArrayStream *rows,
                                                    const silt_append_options *opts,
                                                    silt_append_result *out, silt_snapshot **after,
                                                    silt_error *err);

/* ---- writing of any kind ---- */

typedef enum silt_write_mode {
    SILT_WRITE_APPEND,
    SILT_WRITE_OVERWRITE,   /* the rows take the place of all others, or of those that `where` or
                               `dynamic_partitions` say */
    SILT_WRITE_UPSERT,      /* rows of known keys are updated, the others inserted */
    SILT_WRITE_APPEND_ONCE, /* rows of known keys are left out, the others inserted */
    SILT_WRITE_IGNORE,      /* nothing where there is a table; else it is made */
    SILT_WRITE_ERROR,       /* EXISTS where there is a table; else it is made */
    SILT_WRITE_SCD2         /* rows are versions of what their keys name; see silt/scd2.h */
} silt_write_mode;

typedef enum silt_schema_mode {
    SILT_SCHEMA_FIXED, /* columns are the table's */
    SILT_SCHEMA_MERGE, /* new ones are added at the end; types get wider where the table allows */
    SILT_SCHEMA_OVERWRITE /* with SILT_WRITE_OVERWRITE of all rows: columns are the source's */
} silt_schema_mode;

typedef enum silt_source_format {
    SILT_SOURCE_BY_NAME, /* .csv, .tsv, .json, .ndjson, .jsonl, .parquet, then maybe .gz or .zst */
    SILT_SOURCE_CSV,
    SILT_SOURCE_NDJSON, /* an object a line, or one array of objects */
    SILT_SOURCE_PARQUET
} silt_source_format;

/* Where rows come from: local files, or a stream, or a scan (of a table, of changes, of SQL). */
typedef struct silt_write_source {
    size_t struct_size;
    const char *const *files;
    size_t file_count;
    silt_source_format format;
    const char *delimiter; /* of CSV; NULL: found by looking */
    bool no_header;        /* of CSV: columns go by their place */
    struct ArrowArrayStream *stream;
    silt_scan *scan;
    /* Of CSV and NDJSON, as for strptime: "%d.%m.%Y"; NULL: the year comes first. */
    const char *date_format, *timestamp_format;
} silt_write_source;
#define SILT_WRITE_SOURCE_INIT                    \
    {                                             \
        .struct_size = sizeof(silt_write_source), \
    }

typedef struct silt_write_options {
    size_t struct_size;
    silt_write_mode mode;
    silt_schema_mode schema_mode;
    const char *where; /* OVERWRITE: the rows that go, and what each new row has to fulfil */
    /* What the table is to be like: where one that stands lacks some of it, it gets that in a
     * commit of its own before. Constraints that don't persist are asked of this write's rows.
     * NULL: as it is. Of one that is made it also keeps what follows of orders, sizes and codecs.
     */
    const silt_policy *policy;
    /* OVERWRITE of all rows: commit the differences only, told by `keys`: rows that are the same
     * stay where they are, those of known keys that differ anywhere are updated, others are
     * inserted, and rows whose keys the source doesn't have are deleted. Row ids stay; a change
     * feed has these differences. */
    bool as_diff;
    bool dynamic_partitions; /* OVERWRITE: only of partitions that the source has rows for */
    /* UPSERT, APPEND_ONCE, SCD2, as_diff: NULL-terminated; nulls are equal */
    const char *const *keys;
    const char *newest_by; /* of rows with one key (SCD2: and one time) the one that is greatest
                              here; NULL: that is BAD_DATA (UPSERT, and SCD2 without times), the
                              first one counts (APPEND_ONCE), or the last (SCD2) */
    const char *const *partition_by;   /* of a table that is made; NULL-terminated */
    const char *const *properties;     /* of a table that is made: "KEY=VALUE", NULL-terminated */
    const silt_commit_options *commit; /* NULL: SILT_COMMIT_OPTIONS_INIT */
    bool any_case; /* the source's columns are the table's whatever the case of letters; not of
                      NDJSON */
    const char *const *ordering_keys; /* files' rows are sorted by these; NULL-terminated */
    int64_t target_file_bytes;        /* 0: delta.targetFileSize, else 128 MB */
    const char *compression; /* snappy, zstd, gzip, lz4, none; NULL: the table's, else snappy */
    /* Do all of it aside, under the system's temporary folder, and tell what came of it: nothing of
     * the table changes, nor is its folder made. It takes as long, and for a while the room of the
     * new files. */
    bool dry_run;
    silt_arena *arena;             /* of dry runs: owns the result's texts; NULL: there are none */
    const silt_scd2_options *scd2; /* of mode SCD2, which needs it */
} silt_write_options;
#define SILT_WRITE_OPTIONS_INIT                    \
    {                                              \
        .struct_size = sizeof(silt_write_options), \
    }

typedef enum silt_write_outcome {
    SILT_WRITE_COMMITTED,
    SILT_WRITE_ALREADY_DONE, /* nothing was written: this app_version was committed before */
    SILT_WRITE_OVERTAKEN, /* nothing was written: a higher one was, and none with this is known */
    SILT_WRITE_SKIPPED,   /* nothing was written: IGNORE, and there is a table */
    SILT_WRITE_UNCHANGED, /* nothing was written: the table has these rows already */
    SILT_WRITE_DRY_RUN    /* nothing was written: all else says what would be */
} silt_write_outcome;

typedef struct silt_write_result {
    silt_write_outcome outcome;
    int64_t committed_version; /* of our commit, or of the one that did it; -1: none known */
    int64_t table_version;     /* the newest that was seen */
    bool created;              /* the table was made */
    int64_t rows_read, rows_inserted, rows_updated, rows_unchanged, rows_deduplicated;
    int64_t rows_copied;  /* stood in files that were written anew */
    int64_t rows_deleted; /* OVERWRITE: went; -1: the table's statistics don't say */
    int64_t files_added, bytes_added, files_removed, bytes_removed;
    int attempts;               /* commits tried; of a dry run 0 */
    const char *const *changes; /* of a dry run: what the table would be made like, or change in, a
                                   line each: "column + a long", "feature + rowTracking" */
    size_t change_count;
} silt_write_result;

/**
 * Write rows into a table, in one commit; the table is made in the same commit where there is none.
 *
 * Columns go by their names. Where a source lacks one it has its default, is generated, or numbered
 * (identity), else it is null. A value becomes the column's type exactly or the whole write fails.
 * What the table asks of rows (NOT NULL, CHECK constraints, invariants, generated columns that are
 * given) is checked; violations fail the whole write, which tells how many rows and some of them.
 * Overwrites look for what is to be replaced again when others replaced or deleted some of it
 * first; mere appends of others count as coming afterwards.
 *
 * @param store  of the table; its parent folders are made
 * @param engine of the snapshot and scans too
 * @param opts   NULL for SILT_WRITE_OPTIONS_INIT
 * @param after  may be NULL; else the newest snapshot, or NULL where it has to be opened anew, as
 *               after a dry run
 * @return SILT_INVALID     options that don't go together; columns that don't fit the table's
 *         SILT_BAD_DATA    rows or files that don't fit, or violate what the table asks
 *         SILT_EXISTS      SILT_WRITE_ERROR and there is a table
 *         SILT_UNSUPPORTED a writer feature, by name; what the mode can't do on such a table
 *         SILT_CONFLICT    others changed the schema, or again and again what is replaced
 *         SILT_UNSURE      the commit may or may not stand: call again with the same app_version
 *         SILT_CHANGED, NOT_FOUND, DENIED of source files; or any status of the store
 * @see PROTOCOL.md, "Writer Version Requirements"; docs/guide/idempotent-writes.md
 */
SILT_API SILT_CHECKED silt_status silt_write(silt_store *store, silt_engine *engine,
                                             const silt_write_source *source,
                                             const silt_write_options *opts, silt_write_result *out,
                                             silt_snapshot **after, silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
