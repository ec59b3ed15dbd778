/* COPY writes to names only, and /dev/stdout as a name would be truncated and written from its
 * start where it is a file. So it writes to a pipe, and a thread carries that to the descriptor. */
#ifndef SILT_ENGINE_DUCKDB_PIPE_H
#define SILT_ENGINE_DUCKDB_PIPE_H

#include "engine/duckdb_core.h"

typedef struct silt_duck_pipe {
    char path[32]; /* what COPY is to write to */
    silt_duck_engine *db;
    int in, out, target;
    pthread_t carrier;
    int error; /* errno of the target, once the carrier has ended */
} silt_duck_pipe;

silt_status silt_duck_pipe_open(silt_duck_pipe *pipe, silt_duck_engine *db, int target,
                                silt_error *err);

/* Wait until all is carried. Gives the target's failure (IO; EPIPE is its reader's end), else `st`,
 * which is what became of the query. */
silt_status silt_duck_pipe_close(silt_duck_pipe *pipe, silt_status st, silt_error *err);

#endif
