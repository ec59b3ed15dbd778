/* Values of options that several commands have: words, names, pairs, sizes. Each gives CLI_OK, or
 * the exit status after the mistake was printed; `out` stays where the option isn't given, unless
 * said otherwise. */
#ifndef SILT_CLI_TAKE_H
#define SILT_CLI_TAKE_H

#include "cli/cli.h"

typedef struct cli_word {
    const char *name;
    int value;
} cli_word;

/* One of a few words; the last of `words` has no name. */
int cli_take_word(cli *c, const char *option, const cli_word *words, int *out);
/* The names in an option, "a,b" given once or often, NULL-terminated; NULL: not given. */
int cli_take_names(cli *c, const char *option, const char *const **out);
/* KEY=VALUE texts, as given, NULL-terminated; NULL: not given. */
int cli_take_pairs(cli *c, const char *option, const char *const **out);
/* Bytes, as 134217728, 128MB, 1GB. */
int cli_take_size(cli *c, const char *option, int64_t *out);
/* --dedup newest_wins with --timestamp-col, its column; NULL: not given. */
int cli_take_newest(cli *c, const char **out);

#endif
