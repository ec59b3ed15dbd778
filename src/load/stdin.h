/* Standard input as source: spooled under the checkpoint path, and known by what was in it.
 *
 * `stdin:<hash>` is its name for tracker and ledgers, so that the same content is loaded once,
 * however often it is piped. The spool goes with the session; one that was killed leaves its own to
 * the next (session.c). */
#ifndef SILT_LOAD_STDIN_H
#define SILT_LOAD_STDIN_H

#include "load/load.h"

#define SILT_STDIN_PREFIX "stdin:"

/* Read it, the first time; nothing in it is no file. INVALID: it is a terminal; NOSPACE, IO,
 * INTERRUPTED, FENCED. */
silt_status silt_stdin_discover(silt_load *load, const silt_config_table *table, silt_arena *arena,
                                silt_found *out, silt_error *err);
/* Its spool goes. */
void silt_stdin_release(silt_load *load);

#endif
