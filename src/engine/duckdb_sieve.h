/* Sieving: which rows of a source file are bad and why (duckdb_sieve.c), and the copies of it that
 * are made on the way (duckdb_sieve_text.c, duckdb_sieve_parquet.c). */
#ifndef SILT_ENGINE_DUCKDB_SIEVE_H
#define SILT_ENGINE_DUCKDB_SIEVE_H

#include "engine/duckdb_ops.h"
#include "engine/text_rows.h"

#define SILT_SIEVE_NUMBER "__silt_n" /* column of a copy: the row's number in the file */

typedef enum silt_bad {
    SILT_BAD_FIELDS, /* of a CSV: another number of them */
    SILT_BAD_QUOTES,
    SILT_BAD_UTF8,
    SILT_BAD_JSON,  /* not an object */
    SILT_BAD_ROW,   /* DuckDB can't read it */
    SILT_BAD_VALUE, /* of a column */
    SILT_BAD_NULL,  /* in a column */
    SILT_BAD_CHECK
} silt_bad;

/* Something that is wrong with a row; by row, and of a row by column. */
typedef struct silt_verdict {
    int64_t row;
    silt_bad bad;
    uint32_t which; /* VALUE, NULL: output column; CHECK: of the spec's */
} silt_verdict;

typedef struct silt_sieve {
    silt_duck_engine *db;
    const silt_sieve_spec *spec;
    silt_arena *arena;
    silt_source_group group; /* the file as plain text, or the Parquet file itself */
    silt_source_file file;
    SILT_VEC(silt_verdict) verdicts;
    size_t bad_count;    /* rows that have some */
    size_t broken_count; /* verdicts of rows that don't need DuckDB, the first ones */
    int64_t row_count;
} silt_sieve;

/* Verdicts of one row: some, at `first`. */
typedef struct silt_verdicts {
    const silt_verdict *first;
    size_t count;
} silt_verdicts;

/* Index of the group's column that an output column is from; -1: none. */
ptrdiff_t silt_sieve_column(const silt_sieve *s, size_t output);
/* Whether a row is kept with null where its values don't fit. */
bool silt_sieve_rescues(const silt_sieve *s, silt_verdicts of);
/* Why a row that isn't kept is bad: the first verdict that can't be rescued. */
const silt_verdict *silt_sieve_cause(const silt_sieve *s, silt_verdicts of);
/* "/directory/<name>.csv", as the format calls it; NULL: out of memory. */
const char *silt_sieve_path(silt_sieve *s, const char *name);
/* Note that a row is bad. BAD_DATA: there are too many by now. */
silt_status silt_sieve_note(silt_sieve *s, silt_verdict verdict, silt_error *err);
/* Why the row is bad, for a person. `value`: of the column, NULL data is null. */
void silt_sieve_reason(const silt_sieve *s, const silt_verdict *v, size_t fields, silt_bytes value,
                       silt_buf *out);
/* `{"column": value, …, "_file_path": …}` of what is rescued; `value` gives JSON. */
typedef silt_bytes silt_sieve_value_fn(void *ctx, size_t column);
void silt_sieve_rescued(const silt_sieve *s, silt_verdicts of, silt_sieve_value_fn *value,
                        void *ctx, silt_buf *out);

/* ---- text files */

typedef enum silt_sieve_copy {
    SILT_SIEVE_ALL,  /* the rows whose structure is sound, numbered, others are noted; NDJSON: each
                        with its text, too */
    SILT_SIEVE_KEPT, /* those that aren't noted, numbered */
    SILT_SIEVE_LAST  /* the same, not numbered; others are told as rejects */
} silt_sieve_copy;
/* Makes `s->group` and `s->file`: the file as plain text. */
silt_status silt_sieve_text_open(silt_sieve *s, silt_error *err);
/* Write a copy; `out`, whose files are `file`, reads it. `counts`: of LAST. */
silt_status silt_sieve_text_copy(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                                 silt_source_file *file, silt_sieve_result *counts,
                                 silt_error *err);

/* ---- Parquet files: the same, of KEPT and LAST; both are numbered */
silt_status silt_sieve_parquet_copy(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                                    silt_source_file *file, silt_sieve_result *counts,
                                    silt_error *err);

#endif
