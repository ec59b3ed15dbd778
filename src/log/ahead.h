/* Many commits one after another, newest first, fetched and parsed ahead by threads. */
#ifndef SILT_LOG_AHEAD_H
#define SILT_LOG_AHEAD_H

#include "log/log.h"

typedef struct silt_log_ahead silt_log_ahead;

/* A commit as it was read. */
typedef struct silt_log_ahead_commit {
    int64_t version;
    silt_bytes text;
    const silt_action *actions; /* NULL: too large to be parsed as a whole; do it line by line */
    size_t count;
} silt_log_ahead_commit;

/* To read the commits that follow the segment's checkpoint. Threads start where there are many. */
silt_status silt_log_ahead_open(silt_store *store, const silt_log_segment *segment,
                                silt_log_ahead **out, silt_error *err);
/* The next one, which stays good until the next call; `*more` false after the last. NOT_FOUND,
 * CORRUPT (line), or any status of the store. */
silt_status silt_log_ahead_next(silt_log_ahead *ahead, bool *more, silt_log_ahead_commit *out,
                                silt_error *err);
void silt_log_ahead_free(silt_log_ahead *ahead);
SILT_DEFINE_AUTO(silt_log_ahead, silt_log_ahead_free)

#endif
