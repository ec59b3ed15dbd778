/* Writing rows of a program into a table, once. */
#ifndef SILT_WRITE_H
#define SILT_WRITE_H

#include "silt/arrow.h"
#include "silt/snapshot.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct silt_append_options {
    size_t struct_size;
    /* Who writes (a name of the program's own), and the number of this append, 0 or more: of each
     * number one append at most is ever committed, however often it is tried. Numbers only rise.
     * NULL: every call appends. */
    const char *app_id;
    int64_t app_version;
    const char *user_metadata; /* kept in the table's history; NULL: none */
} silt_append_options;
#define SILT_APPEND_OPTIONS_INIT                   \
    {                                              \
        sizeof(silt_append_options), NULL, 0, NULL \
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

#ifdef __cplusplus
}
#endif
#endif
