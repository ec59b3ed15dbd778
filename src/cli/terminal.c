/* What a stream can show. Names of files may hold anything, escapes that steer a terminal included.
 */
#include "cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static bool locale_is_utf8;

void cli_terminal_start(void)
{
    locale_is_utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    /* wcwidth() knows characters in a UTF-8 locale only, and tables are aligned in any. */
    if (!locale_is_utf8) (void)setlocale(LC_CTYPE, "C.UTF-8");
}

cli_style cli_style_of(FILE *stream, bool plain)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool terminal = isatty(fileno(stream));
    bool dumb = !term || strcmp(term, "dumb") == 0;
    return (cli_style){terminal, terminal && !plain && !dumb && !(no_color && *no_color),
                       locale_is_utf8};
}

int cli_terminal_columns(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* ---- characters ---- */

size_t cli_next_char(const char *text, size_t size, int32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc2 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf5 ? 4
                             : 0;
    *code = -1;
    if (n == 0 || n > size) return 1;
    int32_t c = n == 1 ? s[0] : s[0] & (0xff >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 1;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 1;
    *code = c;
    return n;
}

/* Controls of a terminal, and those that turn the direction of writing, behind which a name can
 * hide. */
static bool is_control(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

/* How a character is written: its bytes in `out`, its columns as the result. */
static size_t show(const char *text, size_t size, int32_t code, char out[16])
{
    if (code >= 0 && !is_control(code)) {
        memcpy(out, text, size);
        out[size] = 0;
        if (code < 0x7f) return 1; /* wcwidth() is slow */
        int width = wcwidth((wchar_t)code);
        return width < 0 ? 1 : (size_t)width;
    }
    const char *named = code == '\n' ? "\\n" : code == '\t' ? "\\t" : code == '\r' ? "\\r" : NULL;
    int n = named ? snprintf(out, 16, "%s", named)
            : code > 0xff
                ? snprintf(out, 16, "\\u%04x", (unsigned)code)
                : snprintf(out, 16, "\\x%02x", code >= 0 ? (unsigned)code : (unsigned char)*text);
    return (size_t)n;
}

void cli_put_safe(FILE *stream, const char *text, size_t size)
{
    while (size) {
        int32_t code;
        char shown[16];
        size_t n = cli_next_char(text, size, &code);
        (void)show(text, n, code, shown);
        fputs(shown, stream);
        text += n;
        size -= n;
    }
}

void cli_put(FILE *stream, const cli_style *style, const char *text)
{
    if (style->terminal)
        cli_put_safe(stream, text, strlen(text));
    else
        fputs(text, stream);
}

size_t cli_width(const char *text, size_t size)
{
    size_t width = 0;
    while (size) {
        int32_t code;
        char shown[16];
        size_t n = cli_next_char(text, size, &code);
        width += show(text, n, code, shown);
        text += n;
        size -= n;
    }
    return width;
}

size_t cli_put_cut(FILE *stream, const cli_style *style, const char *text, size_t size,
                   size_t width)
{
    const char *ellipsis = style->utf8 ? "\xe2\x80\xa6" : "~";
    bool cut = cli_width(text, size) > width;
    size_t room = cut && width ? width - 1 : width, used = 0;
    while (size) {
        int32_t code;
        char shown[16];
        size_t n = cli_next_char(text, size, &code), columns = show(text, n, code, shown);
        if (used + columns > room) break;
        fputs(shown, stream);
        used += columns;
        text += n;
        size -= n;
    }
    if (!cut || !width) return used;
    fputs(ellipsis, stream);
    return used + 1;
}

/* ---- colours ---- */

static const char *escape(const cli_style *style, const char *sequence)
{
    return style->colour ? sequence : "";
}

const char *cli_red(const cli_style *style)
{
    return escape(style, "\033[31m");
}

const char *cli_green(const cli_style *style)
{
    return escape(style, "\033[32m");
}

const char *cli_yellow(const cli_style *style)
{
    return escape(style, "\033[33m");
}

const char *cli_bold(const cli_style *style)
{
    return escape(style, "\033[1m");
}

const char *cli_dim(const cli_style *style)
{
    return escape(style, "\033[2m");
}

const char *cli_plain(const cli_style *style)
{
    return escape(style, "\033[0m");
}

const char *cli_tick(const cli_style *style)
{
    return style->utf8 ? "\xe2\x9c\x93" : "ok";
}

const char *cli_cross(const cli_style *style)
{
    return style->utf8 ? "\xe2\x9c\x97" : "FAILED";
}
