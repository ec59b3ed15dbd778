/* Java's patterns in the letters of RE2 and strftime; what they don't share is refused. */
#include "engine/duckdb_expr.h"

/* ---- regular expressions */

/* What a line ends with in Java: . stands for none of these, $ may stand before a last one. */
#define ENDS "\\n\\r\\x{85}\\x{2028}\\x{2029}"

static silt_status refuse(silt_error *err, const char *pattern, const char *what)
{
    return silt_fail(err, SILT_UNSUPPORTED, "RLIKE '%.200s': %s isn't supported", pattern, what);
}

/* Behind a backslash; `*c` is left on the last character used. */
static silt_status put_escape(const char *pattern, const char **c, bool in_class, silt_buf *out,
                              silt_error *err)
{
    char letter = **c;
    bool plain = (letter >= '!' && letter <= '/') || (letter >= ':' && letter <= '@') ||
                 (letter >= '[' && letter <= '`') || (letter >= '{' && letter <= '~');
    if (letter == 's') {
        silt_buf_puts(out, in_class ? " \\t\\n\\x0B\\f\\r" : "[ \\t\\n\\x0B\\f\\r]");
    } else if (letter == 'S' && !in_class) {
        silt_buf_puts(out, "[^ \\t\\n\\x0B\\f\\r]");
    } else if (letter && (plain || strchr("dwDWtnrf", letter))) {
        silt_buf_putc(out, '\\');
        silt_buf_putc(out, letter);
    } else {
        char what[] = {'\\', letter, '\0'};
        return refuse(err, pattern, letter ? what : "a backslash at its end");
    }
    return SILT_OK;
}

/* From behind '[' to its ']'. */
static silt_status put_class(const char *pattern, const char **c, silt_buf *out, silt_error *err)
{
    silt_buf_putc(out, '[');
    if (**c == '^') silt_buf_putc(out, *(*c)++);
    if (**c == ']') return refuse(err, pattern, "] at the start of a class");
    for (; **c && **c != ']'; (*c)++) {
        if (**c == '[') return refuse(err, pattern, "a class within a class");
        if (**c == '&' && (*c)[1] == '&') return refuse(err, pattern, "&& in a class");
        if (**c == '\\') {
            (*c)++;
            SILT_TRY(put_escape(pattern, c, true, out, err));
        } else {
            silt_buf_putc(out, **c);
        }
    }
    if (!**c) return refuse(err, pattern, "a class without its end");
    silt_buf_putc(out, ']');
    return SILT_OK;
}

silt_status silt_duck_regex(const char *java, silt_buf *out, silt_error *err)
{
    for (const char *c = java; *c; c++) {
        switch (*c) {
        case '\\':
            c++;
            SILT_TRY(put_escape(java, &c, false, out, err));
            break;
        case '[':
            c++;
            SILT_TRY(put_class(java, &c, out, err));
            break;
        case '.':
            silt_buf_puts(out, "[^" ENDS "]");
            break;
        case '$':
            if (c[1]) return refuse(err, java, "$ before the end");
            silt_buf_puts(out, "(?:\\r\\n|[" ENDS "])?\\z");
            break;
        case '(':
            if (c[1] == '?' && c[2] != ':') return refuse(err, java, "(? but for (?:");
            silt_buf_putc(out, '(');
            break;
        case '*':
        case '+':
        case '?':
        case '}':
            if (c[1] == '+') return refuse(err, java, "a possessive repetition");
            silt_buf_putc(out, *c);
            break;
        default:
            silt_buf_putc(out, *c);
        }
    }
    return SILT_OK;
}

/* ---- date_format */

silt_status silt_duck_strftime(const char *java, silt_buf *out, silt_error *err)
{
    static const struct {
        const char *java, *c;
    } letters[] = {
        {"yyyy", "%Y"}, {"yy", "%y"},  {"MM", "%m"},   {"M", "%-m"},     {"MMM", "%b"},
        {"MMMM", "%B"}, {"dd", "%d"},  {"d", "%-d"},   {"DDD", "%j"},    {"HH", "%H"},
        {"H", "%-H"},   {"hh", "%I"},  {"h", "%-I"},   {"mm", "%M"},     {"m", "%-M"},
        {"ss", "%S"},   {"s", "%-S"},  {"SSS", "%g"},  {"SSSSSS", "%f"}, {"a", "%p"},
        {"E", "%a"},    {"EEE", "%a"}, {"EEEE", "%A"},
    };
    for (const char *c = java; *c;) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        size_t run = letter ? strspn(c, (const char[]){*c, '\0'}) : 1, i = 0;
        if (*c == '\'') { /* a quoted text; '' is a quote */
            const char *end = strchr(c + 1, '\'');
            if (!end)
                return silt_fail(err, SILT_INVALID, "date_format '%.100s': a quote without its end",
                                 java);
            if (end == c + 1) silt_buf_putc(out, '\'');
            for (c++; c < end; c++) {
                if (*c == '%') silt_buf_putc(out, '%');
                silt_buf_putc(out, *c);
            }
            c++;
            continue;
        }
        while (letter && i < SILT_COUNT(letters) &&
               (strlen(letters[i].java) != run || strncmp(letters[i].java, c, run) != 0))
            i++;
        if ((letter && i == SILT_COUNT(letters)) || strchr("[]{}#", *c))
            return silt_fail(err, SILT_UNSUPPORTED, "date_format '%.100s': %.*s isn't supported",
                             java, run > 20 ? 20 : (int)run, c);
        if (letter)
            silt_buf_puts(out, letters[i].c);
        else if (*c == '%')
            silt_buf_puts(out, "%%");
        else
            silt_buf_putc(out, *c);
        c += run;
    }
    return SILT_OK;
}
