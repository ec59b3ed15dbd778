/* What is said on standard error, and how a failure becomes an exit status. */
#ifndef SILT_CLI_MESSAGE_H
#define SILT_CLI_MESSAGE_H

#include "cli/cli.h"

typedef enum cli_level { CLI_INFO, CLI_WARNING, CLI_ERROR } cli_level;

/* "silt: warning: …"; INFO is silent with --quiet. */
void cli_say(const cli *c, cli_level level, const char *format, ...) SILT_PRINTF(3, 4);

/* "  hint: …" */
void cli_hint(const cli *c, const char *format, ...) SILT_PRINTF(2, 3);

/* Print a failed call's error and its hint; the exit status that belongs to it. */
int cli_fail(cli *c, const silt_error *err);

/* A misuse of the command line: print it and a pointer to the help; CLI_USAGE. */
int cli_misuse(const cli *c, const char *format, ...) SILT_PRINTF(2, 3);

/* "command 'vacuum' isn't available yet": CLI_USAGE. */
int cli_later(const cli *c, const char *what, const char *name);

int cli_no_memory(const cli *c);

/* The exit status of a status, without a word. */
int cli_exit_status(silt_status status);

/* Ask a question on the terminal: CLI_OK for yes; else the exit status, explained (no, or nobody to
 * ask). Without a question where --yes was given. */
int cli_confirm(const cli *c, const char *question, const char *what);

/* Write out what standard output still holds. `status` is the exit status so far; a failure to
 * write makes it CLI_FAILED, with a message. A reader that went away ends the process as SIGPIPE
 * would. */
int cli_finish_output(const cli *c, int status);

/* Standard output can't be written any more: a command that prints on and on stops. */
bool cli_output_failed(void);

#endif
