/* What an engine does: specs in, rows, staged files and stats out. No SQL crosses this header.
 *
 * Everything the engine reads or writes is a local path (the callers bring objects there and back).
 * Results live in the arena that is handed in. On failure no result is set.
 * Statuses common to all: NOMEM (memory_limit and no room to spill), NOSPACE, INTERRUPTED, IO,
 * DENIED, UNSUPPORTED (no libduckdb, or a type without a twin), FAILED (the engine's own error, its
 * text kept). */
#ifndef SILT_ENGINE_ENGINE_H
#define SILT_ENGINE_ENGINE_H

#include "base/base.h"
#include "base/bitmap.h"
#include "base/expr.h"
#include "silt/engine.h"
#include "silt/schema.h"

SILT_DEFINE_AUTO(silt_engine, silt_engine_free)

/* ---- sources ------------------------------------------------------------------------------- */

typedef enum silt_format { SILT_FORMAT_CSV, SILT_FORMAT_NDJSON, SILT_FORMAT_PARQUET } silt_format;

/* How to read text files. NULL / zero: to be found by silt_engine_ops.sniff, which fills them in.
 */
typedef struct silt_source_options {
    const char *delimiter, *quote, *escape, *comment;
    const char *encoding;                       /* utf-8 (default), utf-16, latin-1 */
    const char *date_format, *timestamp_format; /* strptime */
    const char *compression;                    /* auto (default), none, gzip, zstd */
    const char *const *nulls;                   /* texts that mean null, besides the empty field */
    size_t null_count;
    int skip_lines;
    char decimal_separator; /* '.' */
    bool no_header;         /* columns are then column0, column1, … */
    bool quoted_is_text;    /* "" is an empty text, and no null */
} silt_source_options;

/* A named, typed column as a source has it. */
typedef struct silt_column {
    const char *name;
    const silt_type *type;
} silt_column;

typedef struct silt_source_file {
    const char *local_path;
    const char *name; /* what `_source_file` says */
} silt_source_file;

/* Source files with the same columns. CSV: `columns` is the header in its order, with the types the
 * text is to be read as (a header is matched by name by whoever makes the group, see engine.md:
 * read_csv maps by position). NDJSON: the members wanted, by name. Parquet: the columns wanted, by
 * name; their types are the files' own.
 *
 * A value becomes its column's type exactly or not at all: '1.7' is no LONG, 1.239 no DECIMAL(5,2),
 * a time of day no DATE. Numbers of NDJSON are doubles; a decimal of more than 15 digits is exact
 * as a string only. */
typedef struct silt_source_group {
    silt_format format;
    silt_source_options options; /* complete */
    const silt_source_file *files;
    size_t file_count;
    const silt_column *columns;
    size_t column_count;
} silt_source_group;

/* How a type's fields are found in the files: a tree beside the type's (a struct has a node a
 * field; an array and a map one for `element` and, behind it, one for a map's `key`). */
typedef struct silt_physical {
    const char *name; /* in the files */
    int32_t id;       /* field id; -1: none */
    const struct silt_physical *children;
    size_t child_count;
} silt_physical;

/* ---- staging: sources → Parquet files in one pass -------------------------------------------- */

typedef enum silt_output_kind {
    SILT_OUTPUT_SOURCE,      /* the source column `source`; null in groups without it */
    SILT_OUTPUT_SOURCE_FILE, /* silt_source_file.name */
    SILT_OUTPUT_RESCUED, /* what no other column takes, as a JSON object by column with _file_path;
                            null where there is nothing. A group that has this column, by its
                            label, has such objects already */
    SILT_OUTPUT_VALUE,   /* the same `value` in every row (LONG, or TIMESTAMP in µs) */
    SILT_OUTPUT_EXPR,    /* `expr` of each row */
    SILT_OUTPUT_IDENTITY /* `value`, value + step, …: another number for each row */
} silt_output_kind;

typedef struct silt_output_column {
    const char *name; /* in the Parquet file: the physical name */
    const silt_type *type;
    silt_output_kind kind;
    const char *source; /* SOURCE; EXPR and IDENTITY too: rows that have it keep its values as they
                           are; NULL: none does */
    int64_t value;      /* VALUE; IDENTITY: the first */
    bool not_null;      /* a null is BAD_DATA */
    /* What follows may be left 0. */
    const char *spared_by; /* with not_null: a BOOLEAN column of the source; rows in which it is
                              true may have a null */
    const char *label;     /* what people and expressions call it; NULL: `name` */
    silt_physical
        physical; /* field ids, and names at depth; name NULL: none, names are the type's */
    const silt_expr *expr; /* EXPR: over the other columns by label, which aren't EXPR themselves,
                              and for rewrites over the rows' columns by name, which are looked for
                              first; SOURCE: the value in groups without the column (a default),
                              over columns that aren't computed; NULL: null */
    int64_t step;          /* IDENTITY */
    bool empty_is_null;    /* STRING, of a merge's source: an empty text is a null */
} silt_output_column;

/* What each row has to fulfil: false and null violate it. Over the output columns by label. */
typedef struct silt_check {
    const char *name;
    const silt_expr *condition;
    bool asked; /* by whoever writes: it isn't the table's own */
    bool warns; /* rows that violate it are counted and told, and written */
} silt_check;

#define SILT_VIOLATION_SOURCES 5
typedef struct silt_violation {
    const silt_check *check;
    int64_t rows;
    const char *const *samples; /* up to 5 rows, as JSON objects by label */
    size_t sample_count;
    /* Names of source files that have such rows: of `source_count` up to SILT_VIOLATION_SOURCES. 0
     * where rows are from none. */
    const char *const *sources;
    size_t source_count;
} silt_violation;

/* Within a column's struct the way to what rows are ordered by; none: the column itself. */
typedef struct silt_write_member {
    const char *const *names;
    size_t count;
} silt_write_member;

/* In which order rows are written: by columns, or along a space-filling curve of columns. */
typedef struct silt_write_order {
    const size_t *columns; /* indexes of output columns; none: as they come */
    size_t column_count;
    bool z_order;
    const silt_write_member *members; /* by column; NULL: they are columns, all of them */
} silt_write_order;

#define SILT_ONE_FILE INT64_MAX /* of target_file_bytes: all rows, however many */

/* Where and how files are written. */
typedef struct silt_write_spec {
    const char *directory;      /* exists; others may have files there of another prefix */
    const char *file_prefix;    /* "part-<attempt>-": names are <prefix><n>.parquet, all in the
                                   directory itself */
    const size_t *partition_by; /* indexes of output columns; these are left out of the files */
    size_t partition_count;
    bool partitions_in_files;  /* they aren't left out */
    int64_t target_file_bytes; /* 0: 128 MB; with partitions there is a file or more for each,
                                  unsplit */
    const char *compression;   /* NULL: snappy */
    silt_write_order order;    /* within each partition */
    /* Rows that violate one make the whole BAD_DATA, unless it only warns; all checks are counted
     * and told, in `violations` of the result, which is set in this case too. */
    const silt_check *checks;
    size_t check_count;
    int64_t row_group_rows; /* 0: the engine's own */
} silt_write_spec;

typedef struct silt_stage_spec {
    const silt_source_group *groups;
    size_t group_count;
    const silt_output_column *columns;
    size_t column_count;
    silt_write_spec write;
    /* Called for each source file whose content is at fault, before BAD_DATA (or CHANGED,
     * NOT_FOUND, DENIED: the file went away) is returned: index over all files of all groups in
     * order, and why (line, column, text as far as known). May be NULL. */
    void (*bad_source)(void *ctx, size_t index, silt_status status, const char *why);
    void *bad_source_ctx;
} silt_stage_spec;

/* Of one leaf column of one file. Bounds are exact, in the engine's text form of the leaf's type.
 */
typedef struct silt_leaf_stats {
    const char *const *path; /* names from the top, e.g. {"address", "city"} */
    size_t path_count;
    const char *min, *max; /* NULL: none (all null, or of a type without an order) */
    int64_t null_count;    /* -1: not known */
    bool has_nan;          /* bounds say nothing of NaN then */
} silt_leaf_stats;

typedef struct silt_staged_file {
    const char *local_path;
    int64_t size_bytes, row_count;
    const char *const *partition_values; /* in partition_by's order, engine's text (instants in
                                            UTC); NULL is null, '' too */
    const silt_leaf_stats *stats;
    size_t stats_count;
} silt_staged_file;

typedef struct silt_stage_result {
    const silt_staged_file *files; /* none where there are no rows */
    size_t file_count;
    int64_t row_count;
    const int64_t *source_rows; /* rows read of each source file, over all groups in order */
    const silt_violation *violations;
    size_t violation_count;
    int64_t identity_count; /* numbers given to an IDENTITY column */
    int64_t identity_last;  /* the last of them, if there is one */
} silt_stage_result;

/* ---- sieving: the rows of one source file that can't become the output's are taken out ----- */

typedef struct silt_reject {
    int64_t row;        /* in the file, from 1 */
    int64_t line;       /* where it begins, from 1; 0: a Parquet file has none */
    int64_t offset;     /* in bytes, of the decompressed file; -1: a Parquet file has none */
    const char *column; /* of the source; NULL: the row as a whole */
    const char *reason;
    const silt_check *check; /* that it violates; NULL: none */
    silt_bytes text;         /* as it stands in the file, maybe not in UTF-8; of Parquet as JSON */
    silt_bytes json; /* an object of its values by column, of CSV all texts; none: can't be told */
} silt_reject;

/* Good during the call. A failure ends the sieving with it. */
typedef silt_status silt_reject_fn(void *ctx, const silt_reject *reject, silt_error *err);

typedef struct silt_sieve_spec {
    const silt_source_group *group; /* of one file */
    const silt_output_column *columns;
    size_t column_count;
    const silt_check *checks; /* rows that violate one go, too */
    size_t check_count;
    const char *directory; /* exists: a copy of the file without the bad rows is put there */
    int64_t bad_max;       /* more bad rows, rescued ones included: BAD_DATA */
    double bad_share;      /* of the file's rows; 1: all may be bad */
    /* Values that don't fit become null, and go by their columns into this one, a STRING that the
     * copy has besides; NULL: their rows go. Rows that can't be kept so go, too. */
    const char *rescue_column;
    const char *const *never; /* columns whose values can't be rescued */
    size_t never_count;
    silt_reject_fn *reject; /* in the file's order, once it is known that they aren't too many */
    void *ctx;
} silt_sieve_spec;

typedef struct silt_sieve_result {
    silt_source_group group; /* of the copy: reads like the given one */
    int64_t row_count;       /* that are left */
    int64_t reject_count, rescue_count;
} silt_sieve_result;

/* Rows of a program → Parquet files. Columns of the stream are found by silt_output_column.source
 * (kind SOURCE all): one that it lacks is null. */
struct ArrowArrayStream;
typedef struct silt_arrow_spec {
    struct ArrowArrayStream
        *rows; /* read to its end from any thread, one at a time; not released */
    const silt_output_column *columns;
    size_t column_count;
    silt_write_spec write;
} silt_arrow_spec;

/* ---- scans: data files → rows ------------------------------------------------------------------
 */

typedef struct silt_scan_file {
    const char *local_path;
    int64_t row_count;            /* in the file, deleted ones included; -1: not known */
    const char *const *constants; /* what SILT_SCAN_CONSTANT columns find: texts as partition values
                                     stand in the log; NULL is null */
    int64_t base_row_id;          /* -1: none */
    const silt_bitmap *rows;      /* places in the file, from 0; NULL: all rows are there */
    bool rows_only;               /* only `rows` are there; else all but these */
} silt_scan_file;

typedef enum silt_scan_kind {
    SILT_SCAN_DATA,     /* of the files; null where a file doesn't have it */
    SILT_SCAN_CONSTANT, /* the same in all rows of a file */
    SILT_SCAN_ROW_ID,   /* DATA where that isn't null, else base_row_id + place in the file: LONG */
    SILT_SCAN_DATA_OR_CONSTANT, /* DATA where that isn't null, else CONSTANT */
    SILT_SCAN_CONSTANT_OR_DATA  /* CONSTANT in files that have one, else DATA, found by name */
} silt_scan_kind;

typedef struct silt_scan_column {
    const char *name;      /* in the result */
    const silt_type *type; /* of the result; files may hold narrower ones, and structs that lack
                              fields */
    silt_scan_kind kind;
    silt_physical physical; /* DATA; name NULL with ROW_ID and DATA_OR_CONSTANT: in no file */
    size_t constant;        /* CONSTANT: index into silt_scan_file.constants */
} silt_scan_column;

typedef struct silt_scan_spec {
    const silt_scan_file *files; /* may be none: the result has no rows then */
    size_t file_count;
    const silt_scan_column *columns; /* the result's, then those that only `filter` looks at */
    size_t column_count;
    size_t result_count;     /* columns of the result; 0: all */
    const silt_expr *filter; /* bound to `columns` by name; NULL: none */
    bool by_id;       /* fields are found by id and nothing else, at each depth; else by name */
    bool no_pushdown; /* the filter is applied to what was read, not inside the files' reader */
    int64_t limit;    /* -1: all */
    /* Not Parquet, but these CSV or NDJSON files (also Parquet files of types that don't widen to
     * each other): `files` are theirs, over all groups in order, without `rows`; columns are DATA,
     * by the groups' names, or CONSTANT. None: `files` are Parquet files. */
    const silt_source_group *sources;
    size_t source_count;
} silt_scan_spec;

/* The rows of one scan that another lacks, as a multiset, and the other way round. Both have the
 * same columns. The result's are those and a last one, `change_column`: insert, delete, or with
 * keys update_preimage and update_postimage where a key is on both sides (a key that stands several
 * times on a side is deleted and inserted). */
typedef struct silt_diff_spec {
    const silt_scan_spec *before, *after;
    const char *change_column;
    const char *const *keys; /* names of columns; none: no updates */
    size_t key_count;
    int64_t limit; /* -1: all */
} silt_diff_spec;

/* A statement of somebody's, in the engine's own SQL dialect. delta('…'[, version := n]) and
 * delta_changes('…', from, to) in it, and names that the engine doesn't know, become relations. */
typedef struct silt_relation_request {
    const char *table;       /* path, URL or dataset name */
    bool is_name;            /* a name in FROM: may be a dataset */
    bool changes;            /* delta_changes */
    int64_t version;         /* -1: latest */
    const char *timestamp;   /* NULL: none */
    const char *from, *to;   /* changes: a version or a timestamp; `to` may be NULL */
    const silt_expr *filter; /* what the rows outside can only be from; not bound; NULL: all */
} silt_relation_request;

/* Gives the scan of a relation; it has to live until the query ends. NOT_FOUND with is_name: not
 * ours, the engine's own answer stands. */
struct silt_rows_spec;
typedef silt_status silt_relation_fn(void *ctx, const silt_relation_request *request,
                                     const struct silt_rows_spec **out, silt_error *err);

typedef struct silt_query_spec {
    const char *sql; /* one statement that gives rows; nothing that changes or reads files */
    silt_relation_fn *relation;
    void *ctx;
} silt_query_spec;

/* ---- joins: a source against the rows that are there ------------------------------------------
 */

/* A source that was read once and is kept, and which rows of a table it meets. */
typedef struct silt_join silt_join;

/* What becomes of source rows that have one key. */
typedef enum silt_join_twice {
    SILT_TWICE_FINE,
    SILT_TWICE_BAD,    /* BAD_DATA, with sample keys, their files and rows */
    SILT_TWICE_NEWEST, /* the row that is greatest in `newest_by` counts; null is the least, and of
                          equal ones the later file's, the later row */
    SILT_TWICE_FIRST,  /* the first one counts */
    SILT_TWICE_LAST    /* the later file's, the later row */
} silt_join_twice;

typedef struct silt_join_spec {
    silt_stage_spec stage;   /* sources, and columns of which none is computed; of `write` its
                                checks are looked at */
    const char *const *keys; /* names of these; nulls are equal, and so are NaNs */
    size_t key_count;
    silt_join_twice twice;
    const char *newest_by;
} silt_join_spec;

/* What the source holds. Arrays are by source file over all groups in order. */
typedef struct silt_join_source {
    const int64_t *read, *deduplicated;
    const silt_violation *violations; /* of the checks; with BAD_DATA these alone are set */
    size_t violation_count;
} silt_join_source;

/* Expressions below look at columns of the two sides: path {"t" or "s", column, member …}. */
#define SILT_JOIN_TARGET "t"
#define SILT_JOIN_SOURCE "s"
/* Of a row that scd2 writes: {"v", "start"} and {"v", "end"}, TIMESTAMP. */
#define SILT_JOIN_VERSION "v"
#define SILT_JOIN_START   "start"
#define SILT_JOIN_END     "end"

/* The values that an expression over the source has, in the engine's text form. */
typedef struct silt_join_range {
    const char *min, *max; /* NULL: none but nulls */
    bool has_null;
} silt_join_range;

typedef struct silt_join_equal {
    const silt_expr *target, *source; /* of one type */
    bool nulls_too;                   /* null equals null */
} silt_join_equal;

typedef enum silt_join_when {
    SILT_JOIN_MATCHED,
    SILT_JOIN_NOT_MATCHED,
    SILT_JOIN_NOT_MATCHED_BY_SOURCE
} silt_join_when;

/* Of the clauses of a kind the first whose condition is true counts for a row. */
typedef struct silt_join_clause {
    silt_join_when when;
    bool deletes;               /* else: updates, or inserts */
    const silt_expr *condition; /* NULL: always */
} silt_join_clause;

/* What becomes of rows where the target keeps all versions of them (SCD type 2): the clauses of
 * such a match, in this order. */
typedef enum silt_scd2_clause {
    SILT_SCD2_REPLACE, /* MATCHED: a version's values are the source's from now on */
    SILT_SCD2_KEEP,    /* MATCHED: only its interval changes */
    SILT_SCD2_OPEN,    /* NOT_MATCHED: a version that begins with a source row */
    SILT_SCD2_COPY,    /* NOT_MATCHED: the part of a version behind another that was put into it */
    SILT_SCD2_DROP,    /* MATCHED, deletes: it is part of its neighbour now, or was corrected */
    SILT_SCD2_CLAUSES
} silt_scd2_clause;

/* Each row of the target is a version of its key: true from `start` until before `end`, null for
 * the one that is current. Pairs of columns have no target where it lacks the column. */
typedef struct silt_join_scd2 {
    const silt_expr *start, *end; /* TIMESTAMP, of the target */
    const silt_expr *from;        /* TIMESTAMP, of the source: since when a row is true; NULL: it is
                                     from `now` on, and each key stands once */
    const silt_expr *seen; /* with `from`: TIMESTAMP, of the target: the newest row by which a
                              version was told; NULL: the one that it began with */
    const silt_expr *gone; /* BOOLEAN, of the source: the row says that its key has gone: whatever
                              is current of it ends when the row is true; NULL: none does */
    int64_t now_us;
    const silt_join_equal *tracked; /* rows that differ in one are different versions */
    size_t tracked_count;
    const silt_join_equal *others; /* what else there is to a row */
    size_t other_count;
    bool close_missing; /* current versions of keys that the source lacks end */
} silt_join_scd2;

typedef struct silt_join_match_spec {
    const silt_scan_spec *target;  /* files that may match, and columns that anything looks at;
                                      without `filter`; good until join_free or another match */
    const bool *kept;              /* by these: what silt_join_rows look at */
    const silt_join_equal *equals; /* none: each row meets each, which takes its time */
    size_t equal_count;
    const silt_expr *rest; /* what else makes rows match; NULL: nothing */
    const silt_join_clause *clauses;
    size_t clause_count;
    bool unique;                /* no two source rows agree on `equals` */
    const silt_join_scd2 *scd2; /* NULL: a merge. Else `clauses` are silt_scd2_clause, and no two
                                   source rows agree on `equals` and `from` */
} silt_join_match_spec;

typedef struct silt_join_match {
    /* Source rows, by source file: read = deduplicated + these. */
    const int64_t *inserted, *acting, *idle;
    const int64_t *deleting; /* of those that act: that delete a row; never of versions */
    const int64_t *rows;     /* by clause: rows of the target, or of the source that are inserted */
} silt_join_match;

/* A column of rows that a merge writes. */
typedef struct silt_join_value {
    const char *name;
    const silt_type *type;
    const silt_expr *const *values; /* by clause; NULL for those that delete or aren't wanted */
} silt_join_value;

/* The rows as updated, or inserted, or both. */
typedef struct silt_join_rows {
    silt_join *join;
    bool updated, inserted;
    const silt_join_value *columns;
    size_t column_count;
} silt_join_rows;

/* Rows to be had. */
typedef enum silt_rows_kind {
    SILT_ROWS_SCAN,
    SILT_ROWS_DIFF,
    SILT_ROWS_QUERY,
    SILT_ROWS_JOIN /* once it is matched */
} silt_rows_kind;
typedef struct silt_rows_spec {
    silt_rows_kind kind;
    union {
        silt_scan_spec scan;
        silt_diff_spec diff;
        silt_query_spec query;
        silt_join_rows join;
    };
} silt_rows_spec;

/* Rows that are had already → Parquet files: of tables, their differences, statements, joins. */
typedef struct silt_rewrite_spec {
    const silt_rows_spec *rows;
    const silt_output_column *columns; /* SOURCE: a column of the rows by its name */
    size_t column_count;
    silt_write_spec write;
} silt_rewrite_spec;

/* Places of rows in one file of a scan, in order; may come several times for a file. */
typedef silt_status silt_position_sink(void *ctx, size_t file, const uint64_t *rows, size_t count,
                                       silt_error *err);

/* How Arrow data is to look. */
typedef struct silt_arrow_shape {
    bool view_types;         /* string_view and binary_view */
    const silt_type *schema; /* STRUCT that the columns are cast to, by name; NULL: as they are */
    int64_t batch_rows;      /* at most, a batch; 0: the engine's own */
} silt_arrow_shape;

typedef enum silt_output_format {
    SILT_OUTPUT_CSV,
    SILT_OUTPUT_JSON, /* one object a line */
    SILT_OUTPUT_PARQUET
} silt_output_format;

/* How CSV is written: null is nothing between two delimiters, and an empty text is "". */
typedef struct silt_csv_form {
    bool header;
    const char *delimiter; /* NULL: a comma */
    bool gzip;
} silt_csv_form;

/* A row as text, NULL for null; return false to end the scan. */
typedef bool silt_row_fn(void *ctx, const silt_bytes *values, size_t count);

/* ---- flat rows: bookkeeping in and out of Parquet (checkpoints, the tracker) */

typedef enum silt_flat_kind {
    SILT_FLAT_BOOL, /* int64 0 or 1 */
    SILT_FLAT_INT,  /* any integer type, widened to int64 */
    SILT_FLAT_TIME, /* timestamp: int64 µs since 1970 UTC */
    SILT_FLAT_TEXT,
    SILT_FLAT_JSON,  /* reading: a struct, map or list as JSON text */
    SILT_FLAT_STATS, /* reading: JSON text as it is; where a file doesn't have it, or only nulls,
                        made from the struct `path`_parsed as the protocol writes statistics: exact
                        numbers, ISO 8601, no members for null, NaN, binary */
    SILT_FLAT_FILE   /* reading: index of the file the row is from; `path` is not looked at */
} silt_flat_kind;

typedef struct silt_flat_column {
    const char *path; /* "add.deletionVector.offset": parts joined by '.'; what isn't in a file
                         reads as null */
    silt_flat_kind kind;
} silt_flat_column;

typedef struct silt_flat_vector {
    const uint64_t *validity; /* bit i set: row i isn't null; NULL: none is */
    const int64_t *ints;      /* BOOL, INT, TIME, FILE */
    const silt_bytes *texts;  /* TEXT, JSON */
} silt_flat_vector;

typedef struct silt_flat_batch {
    size_t row_count;
    const silt_flat_vector *columns;
} silt_flat_batch;

static inline bool silt_flat_valid(const silt_flat_vector *v, size_t row)
{
    return !v->validity || (v->validity[row / 64] >> (row % 64) & 1);
}

/* Given one batch after another, which are good until it returns; a failure ends the read with it.
 */
typedef silt_status silt_flat_sink(void *ctx, const silt_flat_batch *batch, silt_error *err);
/* Asked for one batch after another; row_count 0 ends. What it points to stays good until the next
 * call. */
typedef silt_status silt_flat_source(void *ctx, silt_flat_batch *out, silt_error *err);

/* The columns of a Parquet file to be written, as a tree over flat columns. */
typedef enum silt_node_kind {
    SILT_NODE_LEAF,   /* flat column `column` as `type` */
    SILT_NODE_STRUCT, /* of children; null where flat BOOL column `column` is false */
    SILT_NODE_MAP,    /* map<string,string> from JSON object text in `column` */
    SILT_NODE_LIST,   /* list<string> from JSON array text in `column` */
    SILT_NODE_JSON    /* struct `type` from JSON object text in `column`; what can't be: null */
} silt_node_kind;
typedef struct silt_node {
    const char *name;
    silt_node_kind kind;
    size_t column;
    const silt_type *type;
    const struct silt_node *children;
    size_t child_count;
} silt_node;

/* ---- the vtable */

/* What an engine that runs is, and what it may take. */
typedef struct silt_engine_profile {
    const char *name, *version; /* "duckdb", "v1.5.6"; static */
    int threads;                /* 0: one a core */
    int64_t memory_limit_bytes;
} silt_engine_profile;

typedef struct silt_engine_ops {
    /* Find dialect, columns and types by looking at all of `files` (same header; types wide enough
     * for every row that was looked at, `sample_rows` a file, -1: all). Given options are kept,
     * missing ones filled in. Names come as in the file. BAD_DATA: not a file of this format (why,
     * with the file). */
    silt_status (*sniff)(silt_engine *, silt_format, const silt_source_options *given,
                         const silt_source_file *files, size_t file_count, int64_t sample_rows,
                         silt_arena *, silt_source_options *options, const silt_column **columns,
                         size_t *column_count, silt_error *);

    /* The column names of one CSV's header record (complete options), or a Parquet file's top
     * columns; NDJSON has none. Fast: reads the head of the file, doesn't start the engine for CSV.
     * An empty file has no names. */
    silt_status (*header)(silt_engine *, silt_format, const silt_source_options *,
                          const char *local_path, silt_arena *, const char *const **names,
                          size_t *count, silt_error *);

    /* Read all sources once and write them, in one query. BAD_DATA, CHANGED, NOT_FOUND, DENIED: see
     * bad_source; the sources that were named are all that are at fault in that way. On failure
     * nothing of it is left in the directory. */
    silt_status (*stage)(silt_engine *, const silt_stage_spec *, silt_arena *,
                         silt_stage_result *out, silt_error *);

    /* Look at a file that `stage` found at fault, row by row. The file's places go into memory as
     * far as its rows are bad, never the rows. BAD_DATA: its bad rows can't be told from others, or
     * are too many (which, why; the path is left to the caller). */
    silt_status (*sieve)(silt_engine *, const silt_sieve_spec *, silt_arena *,
                         silt_sieve_result *out, silt_error *);

    /* Read the stream once and write it; `source_rows` is NULL. INVALID: columns or values that
     * don't fit, UNSUPPORTED: a type that isn't taken, FAILED: the stream's own failure; nothing of
     * it is left then. */
    silt_status (*stage_arrow)(silt_engine *, const silt_arrow_spec *, silt_arena *,
                               silt_stage_result *out, silt_error *);

    /* The columns of the result. */
    silt_status (*describe)(silt_engine *, const silt_rows_spec *, silt_arena *,
                            const silt_column **columns, size_t *column_count, silt_error *);
    /* Read the rows once and write them, in one query. As stage; `source_rows` is NULL. Rows of a
     * join that violate a check are told to the bad_source it was begun with. */
    silt_status (*rewrite)(silt_engine *, const silt_rewrite_spec *, silt_arena *,
                           silt_stage_result *out, silt_error *);
    /* Where the rows are that the scan's filter takes (all without one), file by file, in bounded
     * memory. The files come by their schemas. INVALID: the spec has `sources`. */
    silt_status (*positions)(silt_engine *, const silt_scan_spec *, silt_position_sink *, void *ctx,
                             silt_error *);

    /* Rows to a local file ("-": standard output); `csv` (NULL: no header) is for CSV, and
     * `row_count` may be NULL. */
    silt_status (*scan_write)(silt_engine *, const silt_rows_spec *, silt_output_format,
                              const silt_csv_form *csv, const char *local_path, int64_t *row_count,
                              silt_error *);
    /* Rows as text, one after another. */
    silt_status (*scan_rows)(silt_engine *, const silt_rows_spec *, silt_row_fn *, void *ctx,
                             silt_error *);
    /* Rows as Arrow batches, in bounded memory. What the spec points to has to live until the
     * stream is released, and the engine too; other calls may be made meanwhile. */
    silt_status (*scan_arrow)(silt_engine *, const silt_rows_spec *, const silt_arrow_shape *,
                              struct ArrowArrayStream *out, silt_error *);

    /* A merge's share of the engine: read the source, match it with the files of the table that may
     * have such rows; silt_join_rows are what is to be written then. What the specs point to is
     * borrowed until join_free. Matching may be done again, against other files.
     * join_begin: BAD_DATA as `stage`; for keys that stand twice it tells bad_source of files that
     * have a key twice by themselves; a key in two files is neither's fault.
     * join_ranges: what values expressions over the source have.
     * join_match: BAD_DATA: several rows of the source change one of the target, and some of them
     * don't delete it: how many, samples; scd2: rows whose `from` is null, told to bad_source.
     * INCONSISTENT: scd2: versions of a key that the source has overlap.
     * join_places: where the rows are that clauses update, or delete, by file and in order.
     * join_count: for how many rows of a clause a condition is true. */
    silt_status (*join_begin)(silt_engine *, const silt_join_spec *, silt_arena *, silt_join **out,
                              silt_join_source *source, silt_error *);
    silt_status (*join_ranges)(silt_join *, const silt_expr *const *values, size_t count,
                               silt_arena *, silt_join_range *out, silt_error *);
    silt_status (*join_match)(silt_join *, const silt_join_match_spec *, silt_arena *,
                              silt_join_match *out, silt_error *);
    silt_status (*join_places)(silt_join *, bool deleted, silt_position_sink *, void *ctx,
                               silt_error *);
    silt_status (*join_count)(silt_join *, size_t clause, const silt_expr *condition, int64_t *out,
                              silt_error *);
    void (*join_free)(silt_join *);

    /* Flat columns of Parquet files, in file order and row order; rows in which every column of
     * `any_of` (indexes; none: no filter) is null are left out. CORRUPT: not a Parquet file, or a
     * column of another type. NOT_FOUND. */
    silt_status (*read_flat)(silt_engine *, const char *const *local_paths, size_t path_count,
                             const silt_flat_column *columns, size_t column_count,
                             const size_t *any_of, size_t any_count, silt_flat_sink *, void *ctx,
                             silt_error *);

    /* One Parquet file from flat rows (whose kinds are given); `out` has stats of leaf columns. */
    silt_status (*write_flat)(silt_engine *, const silt_flat_kind *kinds, size_t kind_count,
                              const silt_node *nodes, size_t node_count, silt_flat_source *,
                              void *ctx, const char *local_path, silt_arena *,
                              silt_staged_file *out, silt_error *);

    void (*interrupt)(silt_engine *);
    void (*resume)(silt_engine *);
    silt_status (*version)(silt_engine *, const char **out, silt_error *);
    /* False: it hasn't been started, and did nothing yet. May be NULL. */
    bool (*profile)(silt_engine *, silt_engine_profile *out);
    /* What it may take from the next call on, both 1 or more. */
    silt_status (*limit)(silt_engine *, int64_t memory_limit_bytes, int threads, silt_error *);
    void (*free)(silt_engine *);
} silt_engine_ops;

struct silt_engine {
    const silt_engine_ops *ops;
};

/* What an engine takes that isn't told. */
int64_t silt_engine_memory_default(void);
int silt_engine_threads_default(void);

#endif
