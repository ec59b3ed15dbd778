/* Which process has written something down, and whether it still lives. */
#ifndef SILT_LOAD_PROCESS_H
#define SILT_LOAD_PROCESS_H

#include "base/base.h"

typedef struct silt_process {
    char host[128];
    char world[160]; /* pids mean something only within one namespace of one boot of one host */
    int64_t pid;
    int64_t start; /* clock ticks since boot: tells it from a later one of the same pid */
} silt_process;

void silt_process_self(silt_process *out);

typedef enum silt_process_life {
    SILT_PROCESS_DEAD,
    SILT_PROCESS_ALIVE,
    SILT_PROCESS_ELSEWHERE /* on another host, or in another namespace: nobody can tell */
} silt_process_life;
silt_process_life silt_process_look(const silt_process *process);

#endif
