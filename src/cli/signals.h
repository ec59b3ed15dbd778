/* SIGINT and SIGTERM stop what runs, cleanly; a second one kills. A reader that goes away ends
 * quietly. */
#ifndef SILT_CLI_SIGNALS_H
#define SILT_CLI_SIGNALS_H

#include <stdbool.h>

/* SIGPIPE becomes a failed write; call first. */
void cli_signals_start(void);

/* From now on SIGINT, SIGTERM and SIGHUP call `stop(what)`, from a thread of its own. Call before
 * anything starts threads, since they inherit which signals are theirs. False: no thread could be
 * made. */
bool cli_signals_watch(void (*stop)(void *what), void *what);

/* `what` is about to go: signals kill from now on. */
void cli_signals_forget(void);

/* The signal that came, or 0. */
int cli_signal_seen(void);

/* End as SIGPIPE ends a program; returns where whoever started us ignores it. */
void cli_signals_die_of_pipe(void);

#endif
