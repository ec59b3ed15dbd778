/* Text → tokens, by Spark's rules. */
#include "table/expr_tree.h"

#include <stdarg.h>
#include <stdio.h>

#define SHOWN 30 /* bytes of the text on each side of a fault */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

silt_status silt_expr_fail(silt_error *err, silt_status status, const char *text, size_t offset,
                           const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (!text) return silt_fail(err, status, "%s", what);
    size_t from = offset > SHOWN ? offset - SHOWN : 0, size = strlen(text);
    while (from > 0 && ((unsigned char)text[from] & 0xC0) == 0x80)
        from--;
    size_t to = size - offset > SHOWN ? offset + SHOWN : size;
    while (to < size && ((unsigned char)text[to] & 0xC0) == 0x80)
        to++;
    return silt_fail(err, status, "%s at character %zu: %s%.*s \xE2\x96\xB6%.*s%s", what,
                     offset + 1, from ? "\xE2\x80\xA6" : "", (int)(offset - from), text + from,
                     (int)(to - offset), text + offset, to < size ? "\xE2\x80\xA6" : "");
}

/* ---- strings */

static int hex_of(char c)
{
    if (is_digit(c)) return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_character(silt_buf *out, uint32_t c)
{
    if (c < 0x80) {
        silt_buf_putc(out, (char)c);
    } else if (c < 0x800) {
        silt_buf_putc(out, (char)(0xC0 | c >> 6));
        silt_buf_putc(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        silt_buf_putc(out, (char)(0xE0 | c >> 12));
        silt_buf_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        silt_buf_putc(out, (char)(0x80 | (c & 0x3F)));
    } else {
        silt_buf_putc(out, (char)(0xF0 | (c >> 18 & 7)));
        silt_buf_putc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        silt_buf_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        silt_buf_putc(out, (char)(0x80 | (c & 0x3F)));
    }
}

/* `count` digits of base 8 or 16; false: not that many. */
static bool read_code(const char *p, int count, int base, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < count; i++) {
        int digit = hex_of(p[i]);
        if (digit < 0 || digit >= base) return false;
        *out = *out * (uint32_t)base + (uint32_t)digit;
    }
    return true;
}

/* Behind a backslash; gives what was used of `p`. LIKE's \% and \_ keep theirs. */
static size_t put_escape(const char *p, silt_buf *out)
{
    uint32_t code;
    if (*p == 'u' && read_code(p + 1, 4, 16, &code)) {
        uint32_t low;
        if (code >= 0xD800 && code < 0xDC00 && p[5] == '\\' && p[6] == 'u' &&
            read_code(p + 7, 4, 16, &low) && low >= 0xDC00 && low < 0xE000) {
            put_character(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
            return 11;
        }
        put_character(out, code);
        return 5;
    }
    if (*p == 'U' && read_code(p + 1, 8, 16, &code) && code <= 0x10FFFF) {
        put_character(out, code);
        return 9;
    }
    if (*p >= '0' && *p <= '1' && read_code(p, 3, 8, &code)) {
        put_character(out, code);
        return 3;
    }
    static const char from[] = "0bnrtZ%_", *const to[] = {"",   "\b",   "\n",  "\r",
                                                          "\t", "\x1A", "\\%", "\\_"};
    const char *at = strchr(from, *p);
    if (*p == '0')
        silt_buf_putc(out, '\0');
    else if (at)
        silt_buf_puts(out, to[at - from]);
    else
        silt_buf_putc(out, *p);
    return 1;
}

/* A doubled quote is one of the text's, as in Spark from 4.0 on (before, it ended a text and began
 * the next one); not in raw texts. */
static silt_status lex_string(silt_lexer *l, bool raw, silt_token *out)
{
    SILT_CLEAN(silt_buf) value = {0};
    size_t at = l->at + raw;
    char quote = l->text[at++];
    silt_buf_puts(&value, "");
    while (l->text[at]) {
        bool doubled = !raw && l->text[at] == quote && l->text[at + 1] == quote;
        if (l->text[at] == quote && !doubled) break;
        if (l->text[at] == '\\' && l->text[at + 1] && !raw) {
            at += 1 + put_escape(l->text + at + 1, &value);
        } else {
            silt_buf_putc(&value, l->text[at]);
            at += 1 + doubled;
        }
    }
    if (!l->text[at])
        return silt_expr_fail(l->err, SILT_INVALID, l->text, out->offset,
                              "a text without its closing %c", quote);
    out->kind = SILT_TOKEN_STRING;
    out->raw = raw;
    out->size = at + 1 - out->offset;
    out->text_size = value.size;
    out->text = silt_buf_copy(&value, l->arena);
    if (!out->text) return silt_fail_nomem(l->err);
    if (memchr(out->text, '\0', out->text_size))
        return silt_expr_fail(l->err, SILT_UNSUPPORTED, l->text, out->offset,
                              "a text with a NUL character");
    if (!silt_utf8_valid((silt_bytes){out->text, out->text_size}))
        return silt_expr_fail(l->err, SILT_INVALID, l->text, out->offset,
                              "a text that isn't UTF-8");
    return SILT_OK;
}

static silt_status lex_quoted(silt_lexer *l, silt_token *out)
{
    SILT_CLEAN(silt_buf) value = {0};
    size_t at = l->at + 1;
    silt_buf_puts(&value, "");
    bool closed = false;
    for (; l->text[at] && !closed; at++) {
        closed = l->text[at] == '`' && l->text[at + 1] != '`';
        if (l->text[at] == '`' && !closed) at++;
        if (!closed) silt_buf_putc(&value, l->text[at]);
    }
    if (value.failed) return silt_fail_nomem(l->err);
    if (!closed || value.size == 0)
        return silt_expr_fail(l->err, SILT_INVALID, l->text, out->offset,
                              closed ? "a name of no characters" : "a name without its closing `");
    out->kind = SILT_TOKEN_QUOTED;
    out->size = at - out->offset;
    out->text = silt_buf_copy(&value, l->arena);
    return out->text ? SILT_OK : silt_fail_nomem(l->err);
}

/* ---- the rest */

static size_t number_size(const char *p)
{
    const char *start = p;
    while (is_digit(*p))
        p++;
    if (*p == '.') {
        p++;
        while (is_digit(*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1;
        if (*exponent == '+' || *exponent == '-') exponent++;
        if (is_digit(*exponent)) {
            p = exponent;
            while (is_digit(*p))
                p++;
        }
    }
    while (is_letter(*p) || is_digit(*p)) /* a suffix, which the parser judges */
        p++;
    return (size_t)(p - start);
}

static size_t name_size(const char *p)
{
    const char *start = p;
    while (is_letter(*p) || is_digit(*p))
        p++;
    return (size_t)(p - start);
}

static size_t sign_size(const char *p)
{
    static const char *const signs[] = {"<=>", "==", "<>", "!=", "<=", ">=", "||", "::", "&&"};
    for (size_t i = 0; i < SILT_COUNT(signs); i++)
        if (silt_starts_with(p, signs[i])) return strlen(signs[i]);
    return strchr("()[],.+-*/%=<>!", *p) ? 1 : 0;
}

/* Blanks and comments. */
static void skip_blanks(silt_lexer *l)
{
    for (;;) {
        while (l->text[l->at] && strchr(" \t\r\n\f\v", l->text[l->at]))
            l->at++;
        if (!silt_starts_with(l->text + l->at, "--")) return;
        l->at += strcspn(l->text + l->at, "\n");
    }
}

silt_status silt_lex(silt_lexer *l, silt_token *out)
{
    skip_blanks(l);
    const char *p = l->text + l->at;
    *out = (silt_token){.kind = SILT_TOKEN_END, .offset = l->at, .text = ""};
    if (!*p) return SILT_OK;
    bool raw = (*p == 'r' || *p == 'R') && (p[1] == '\'' || p[1] == '"');
    if (*p == '\'' || *p == '"' || raw) {
        SILT_TRY(lex_string(l, raw, out));
    } else if (*p == '`') {
        SILT_TRY(lex_quoted(l, out));
    } else {
        if (is_digit(*p) || (*p == '.' && is_digit(p[1]))) {
            out->kind = SILT_TOKEN_NUMBER;
            out->size = number_size(p);
        } else if (is_letter(*p)) {
            out->kind = SILT_TOKEN_NAME;
            out->size = name_size(p);
        } else {
            out->kind = SILT_TOKEN_SIGN;
            out->size = sign_size(p);
        }
        if (out->size == 0)
            return silt_expr_fail(l->err, SILT_INVALID, l->text, l->at,
                                  "a character that expressions don't have");
        out->text = silt_arena_strndup(l->arena, p, out->size);
        if (!out->text) return silt_fail_nomem(l->err);
    }
    l->at = out->offset + out->size;
    return SILT_OK;
}
