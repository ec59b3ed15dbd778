/* The files of a checkpoint as the engine can read them: local paths, the store's own where it has
 * such. */
#ifndef SILT_LOG_CHECKPOINT_LOCAL_H
#define SILT_LOG_CHECKPOINT_LOCAL_H

#include "log/log.h"

typedef struct silt_log_local {
    const char *const *paths;
    size_t count;
    const char *directory; /* made for them under $TMPDIR; NULL: they're the store's */
} silt_log_local;

/* Strings live in the arena; the files until silt_log_local_release(), which {0} stands too. */
silt_status silt_log_local_open(silt_store *store, silt_names keys, silt_arena *arena,
                                silt_log_local *out, silt_error *err);
void silt_log_local_release(silt_log_local *local);

#endif
