/* The files of a table and its tombstones, in one replay. */
#ifndef SILT_LOG_REPLAY_H
#define SILT_LOG_REPLAY_H

#include "log/log.h"

typedef struct silt_log_replay {
    bool want_files, want_tombstones;
    bool want_details;      /* stats and tags of files; else these are NULL */
    silt_log_file_fn *show; /* as silt_log_files_show(); NULL: none */
    void *show_ctx;
    int64_t older_than_ms; /* tombstones of that time or before are left out */
    silt_log_files files;
    const silt_remove *tombstones;
    size_t tombstone_count;
} silt_log_replay;

silt_status silt_log_replay_load(silt_store *store, silt_engine *engine,
                                 const silt_log_segment *segment, silt_arena *arena,
                                 silt_log_replay *io, silt_error *err);
/* The same; where the checkpoint can't be read, by another way to the version
 * (silt_log_segment_other). The failure is told that came first. For who isn't shown the files. */
silt_status silt_log_replay_around(silt_store *store, silt_engine *engine,
                                   const silt_log_segment *segment, silt_arena *arena,
                                   silt_log_replay *io, silt_error *err);

#endif
