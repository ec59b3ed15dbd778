/* The line that shows how far a long work is: on standard error, when that is a terminal, after a
 * second. */
#ifndef SILT_CLI_PROGRESS_H
#define SILT_CLI_PROGRESS_H

#include <stdint.h>

#include "cli/terminal.h"

/* Get ready; `label` says what is done. Nothing is ever shown unless the style is a terminal's. */
void cli_progress_start(const cli_style *style, const char *label);

/* Another part of the work begins, of `bytes` (0: not known). */
void cli_progress_part(const char *label, int64_t bytes);

/* A silt_progress_fn. */
void cli_progress_at(void *unused, double fraction);

/* Take the line away, and let it come back: around other messages. May be nested. */
void cli_progress_hide(void);
void cli_progress_show(void);

/* No more of it. */
void cli_progress_stop(void);

#endif
