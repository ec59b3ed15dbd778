/* Where the state of a table can start from: a .crc or a checkpoint. */
#ifndef SILT_LOG_STATE_H
#define SILT_LOG_STATE_H

#include "log/log.h"

/* ---- crc.c */

/* The state that the .crc of `version` tells. `*trusted` false (and OK): there is none, it isn't
 * whole, or it isn't that commit's; `out` is untouched then. The timestamp is the in-commit one, or
 * -1. */
silt_status silt_log_crc_load(silt_store *store, int64_t version, silt_arena *arena, bool *trusted,
                              silt_log_state *out, silt_error *err);

/* ---- checkpoint_state.c, checkpoint_read.c */

/* The state at the segment's checkpoint, but for its timestamp and file counts (-1). What a
 * checkpoint lacks (protocol.min_reader 0, metadata.id NULL) is for the caller to miss. */
silt_status silt_log_checkpoint_state(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment, silt_arena *arena,
                                      silt_log_state *out, silt_error *err);

/* Whether a file of the checkpoint is still one after the commits that follow. A failure ends the
 * read. */
typedef silt_status silt_log_wanted_fn(void *ctx, const char *path, const silt_dv *dv, bool *out,
                                       silt_error *err);

/* What is wanted of a checkpoint's files, and what was found. */
typedef struct silt_log_checkpoint_files {
    silt_log_wanted_fn *wanted; /* NULL: all */
    void *ctx;
    bool want_adds, want_removes;
    bool want_details;      /* stats and tags of adds */
    silt_log_file_fn *show; /* each add with its stats, by its place in `adds`; NULL: not wanted */
    void *show_ctx;
    int64_t older_than_ms; /* removes of that time or before are left out */
    size_t room;           /* entries to leave free before the first add */
    silt_add *adds;        /* room + add_count of them, in the arena */
    size_t add_count;
    silt_remove *removes; /* in the arena */
    size_t remove_count;
} silt_log_checkpoint_files;

/* The files of the segment's checkpoint; without one, only the room is made. */
silt_status silt_log_checkpoint_files_load(silt_store *store, silt_engine *engine,
                                           const silt_log_segment *segment, silt_arena *arena,
                                           silt_log_checkpoint_files *io, silt_error *err);

/* How many actions of each kind a checkpoint file has. */
typedef struct silt_log_checkpoint_counts {
    int64_t adds, removes, app_txns, domains, metadata, protocols;
} silt_log_checkpoint_counts;
silt_status silt_log_checkpoint_count(silt_engine *engine, const char *local_path,
                                      silt_log_checkpoint_counts *out, silt_error *err);

#endif
