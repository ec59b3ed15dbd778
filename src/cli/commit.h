/* Options of each command that changes a table: its number, what the commit says, how often it is
 * tried. */
#ifndef SILT_CLI_COMMIT_H
#define SILT_CLI_COMMIT_H

#include "cli/run.h"

/* For the table of options. */
#define CLI_COMMIT_OPTIONS                                                                     \
    {"app-id", CLI_TEXT, "NAME", 0}, {"txn-version", CLI_COUNT, "N", 0},                       \
        {"run-id", CLI_TEXT, "ID", 0}, {"sequence", CLI_COUNT, "N", 0},                        \
        {"run-state", CLI_TEXT, "DIR", 0}, {"run-label", CLI_TEXT, "TEXT", 0},                 \
        {"take-over", CLI_FLAG, NULL, 0}, {"on-overtaken", CLI_TEXT, "HOW", 0},                \
        {"user-metadata", CLI_TEXT, "TEXT", 0}, {"commit-property", CLI_LIST, "KEY=VALUE", 0}, \
        {"retry-attempts", CLI_COUNT, "N", 0}, {"retry-backoff", CLI_COUNT, "MS", 0},          \
    {                                                                                          \
        "retry-deadline", CLI_COUNT, "SECONDS", 0                                              \
    }

/* Take these, in the arena; CLI_OK, or the exit status after the mistake was printed. */
int cli_take_commit(cli *c, const silt_commit_options **out);

/* CLI_OK where none of them was given; else a misuse: there is no commit, `why`. */
int cli_refuse_commit(const cli *c, const char *why);

/* For people: "already done: nothing was written", or a warning that a higher number was
 * committed. */
void cli_say_done(const cli *c, int64_t committed_version);
void cli_say_overtaken(const cli *c);

#endif
