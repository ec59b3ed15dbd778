/* What a stream can show, and text made fit for it. */
#ifndef SILT_CLI_TERMINAL_H
#define SILT_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct cli_style {
    bool terminal; /* somebody looks at it: control characters are escaped */
    bool colour;
    bool utf8; /* shows more than ASCII */
} cli_style;

/* Set the locale of characters; call first. */
void cli_terminal_start(void);

/* What the stream can show. `plain`: no colours, whatever it is. */
cli_style cli_style_of(FILE *stream, bool plain);

/* Columns of the terminal at the stream; 80 where that isn't known. */
int cli_terminal_columns(FILE *stream);

/* The next character of UTF-8 text of `size` > 0 bytes: its bytes are the result, its code `*code`;
 * a byte that isn't UTF-8 is one character, with code -1. */
size_t cli_next_char(const char *text, size_t size, int32_t *code);

/* Write text so that it can't steer a terminal: control characters and what isn't UTF-8 as \n, \t,
 * \x1b. */
void cli_put_safe(FILE *stream, const char *text, size_t size);

/* As cli_put_safe() where the style is a terminal's, else as it is. */
void cli_put(FILE *stream, const cli_style *style, const char *text);

/* Columns that the text takes as cli_put_safe() writes it. */
size_t cli_width(const char *text, size_t size);

/* As cli_put_safe(), at most `width` columns; what is cut off is shown by an ellipsis. Gives the
 * columns that were written. */
size_t cli_put_cut(FILE *stream, const cli_style *style, const char *text, size_t size,
                   size_t width);

/* Colours, as escapes or "". */
const char *cli_red(const cli_style *style);
const char *cli_green(const cli_style *style);
const char *cli_yellow(const cli_style *style);
const char *cli_bold(const cli_style *style);
const char *cli_dim(const cli_style *style);
const char *cli_plain(const cli_style *style);

/* ✓ and ✗, or what ASCII has for them: "ok" and "FAILED" read well in a log. */
const char *cli_tick(const cli_style *style);
const char *cli_cross(const cli_style *style);

#endif
