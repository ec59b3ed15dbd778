/* The command line, taken apart by tables of options in the manner of GNU. */
#ifndef SILT_CLI_OPTION_H
#define SILT_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum cli_option_kind {
    CLI_FLAG,
    CLI_TEXT,
    CLI_LIST,      /* text; may be given again and again */
    CLI_COUNT,     /* a whole number, 0 or more */
    CLI_TIMESTAMP, /* a point in time */
    CLI_LATER      /* known, not built yet; takes a value if it is written with '=' */
} cli_option_kind;

typedef struct cli_option {
    const char *name; /* without dashes; NULL ends a table */
    cli_option_kind kind;
    const char *value; /* what its value is called; NULL for flags */
    char letter;       /* a short form, or 0 */
} cli_option;

typedef struct cli_given {
    const cli_option *option;
    const char *value; /* NULL for flags */
} cli_given;

typedef struct cli_line {
    cli_given *given; /* as given, in order */
    size_t given_count;
    const char **arguments;
    size_t argument_count;
} cli_line;

typedef enum cli_parse_status {
    CLI_PARSED,
    CLI_PARSE_UNKNOWN, /* `word` isn't an option */
    CLI_PARSE_LATER,   /* not built yet */
    CLI_PARSE_BAD,     /* misused: `message` says how */
    CLI_PARSE_NOMEM
} cli_parse_status;

typedef struct cli_parse_error {
    char word[128]; /* the option as it was written, without its value */
    char message[256];
} cli_parse_error;

/* Take the words after the command apart into `line`, by the options of the command (may be NULL)
 * and the global ones. Options and arguments may be mixed; "--" ends the options; "-" is an
 * argument. `line` may hold options already. */
cli_parse_status cli_parse(char **words, const cli_option *own, const cli_option *global,
                           cli_line *line, cli_parse_error *err);

/* As cli_parse(), but stops at the first argument; `*used` is how many words were taken. */
cli_parse_status cli_parse_front(char **words, const cli_option *own, const cli_option *global,
                                 cli_line *line, size_t *used, cli_parse_error *err);

void cli_line_release(cli_line *line);

/* The last value of an option, or "" of a flag; NULL when it isn't given. */
const char *cli_line_value(const cli_line *line, const char *name);

/* A whole number of 0 and more, in decimal. */
bool cli_parse_count(const char *text, int64_t *out);

/* A point in time, ms since 1970 UTC; see silt_time_parse_ms(). False: err->message says what was
 * found and what is wanted. */
bool cli_parse_timestamp(const char *text, int64_t *out_ms, cli_parse_error *err);

#endif
