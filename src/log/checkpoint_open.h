/* A checkpoint as it lies in the store: Parquet files (one, or parts), or one file of JSON lines;
 * and the sidecars that a V2 checkpoint of either form names.
 * @see PROTOCOL.md, "Checkpoints", "Sidecar Files", "V2 Spec" */
#ifndef SILT_LOG_CHECKPOINT_OPEN_H
#define SILT_LOG_CHECKPOINT_OPEN_H

#include "log/checkpoint_local.h"

typedef struct silt_log_checkpoint {
    silt_engine *engine;
    silt_arena *arena;
    const char *json_key;    /* NULL: Parquet */
    silt_bytes json;         /* its lines */
    silt_log_local own;      /* the checkpoint's own Parquet files */
    silt_log_local sidecars; /* none unless they were asked for */
} silt_log_checkpoint;

/* Open the segment's checkpoint (it has one). Cost: a get of what isn't local; `with_sidecars` also
 * a look through its own files for them. Messages name store, version and file. NOT_FOUND: a file
 * has gone. CORRUPT: no checkpoint, a sidecar of another size than it is said to have. */
silt_status silt_log_checkpoint_open(silt_store *store, silt_engine *engine,
                                     const silt_log_segment *segment, bool with_sidecars,
                                     silt_log_checkpoint *out, silt_error *err);
void silt_log_checkpoint_release(silt_log_checkpoint *checkpoint);

/* The keys of the sidecars that the checkpoint of these keys names, in the arena; whether they are
 * there isn't asked. NOT_FOUND, CORRUPT. */
silt_status silt_log_checkpoint_sidecars(silt_store *store, silt_engine *engine, silt_names keys,
                                         silt_arena *arena, silt_names *out, silt_error *err);

/* As silt_engine_ops.read_flat, over all of the checkpoint's Parquet files. */
silt_status silt_log_checkpoint_flat(const silt_log_checkpoint *checkpoint,
                                     const silt_flat_column *columns, size_t column_count,
                                     const size_t *any_of, size_t any_count, silt_flat_sink *sink,
                                     void *ctx, silt_error *err);

/* One line of the JSON form, with "<key>, line 3: " before what is wrong. Strings live in the
 * arena. */
silt_status silt_log_checkpoint_line(const silt_log_checkpoint *checkpoint, silt_bytes line,
                                     silt_arena *arena, silt_action *out, silt_error *err);

/* Path or key of its Parquet file `index`, as silt_log_checkpoint_flat() counts, or of the JSON. */
const char *silt_log_checkpoint_file(const silt_log_checkpoint *checkpoint, size_t index);

/* The same context before any message about a segment's checkpoint. */
silt_status silt_log_checkpoint_wrap(const silt_store *store, const silt_log_segment *segment,
                                     silt_status st, silt_error *err);

/* ---- values of flat columns */

/* False: null. */
bool silt_flat_text(const silt_flat_batch *batch, size_t column, size_t row, silt_bytes *out);
int64_t silt_flat_int(const silt_flat_batch *batch, size_t column, size_t row, int64_t fallback);
/* A terminated copy in the arena, `fallback` where it is null. CORRUPT: it has a NUL character. */
silt_status silt_flat_copy_text(const silt_flat_batch *batch, size_t column, size_t row,
                                const char *fallback, silt_arena *arena, const char **out,
                                silt_error *err);
/* A list or map, which comes as JSON. NULL: it is null. */
silt_status silt_flat_json(const silt_flat_batch *batch, size_t column, size_t row,
                           silt_arena *arena, const silt_json **out, silt_error *err);

#endif
