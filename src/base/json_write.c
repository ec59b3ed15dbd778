/* Writing JSON forward into a buffer. One flag is all the state: whether a comma has to stand
 * before the next value. */
#include "base/json.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void begin_value(silt_json_writer *w)
{
    if (w->comma) silt_buf_putc(w->buf, ',');
    w->comma = true;
}

static void begin(silt_json_writer *w, char bracket)
{
    begin_value(w);
    silt_buf_putc(w->buf, bracket);
    w->comma = false;
}

static void end(silt_json_writer *w, char bracket)
{
    silt_buf_putc(w->buf, bracket);
    w->comma = true;
}

void silt_json_begin_object(silt_json_writer *w)
{
    begin(w, '{');
}

void silt_json_end_object(silt_json_writer *w)
{
    end(w, '}');
}

void silt_json_begin_array(silt_json_writer *w)
{
    begin(w, '[');
}

void silt_json_end_array(silt_json_writer *w)
{
    end(w, ']');
}

static void put_escape(silt_buf *buf, unsigned char c)
{
    switch (c) {
    case '"':
        silt_buf_puts(buf, "\\\"");
        break;
    case '\\':
        silt_buf_puts(buf, "\\\\");
        break;
    case '\b':
        silt_buf_puts(buf, "\\b");
        break;
    case '\f':
        silt_buf_puts(buf, "\\f");
        break;
    case '\n':
        silt_buf_puts(buf, "\\n");
        break;
    case '\r':
        silt_buf_puts(buf, "\\r");
        break;
    case '\t':
        silt_buf_puts(buf, "\\t");
        break;
    default:
        silt_buf_printf(buf, "\\u%04x", c);
        break;
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The text in quotes. Runs that need no change are appended in one piece. */
static void put_quoted(silt_buf *buf, silt_bytes text)
{
    silt_buf_putc(buf, '"');
    size_t done = 0, at = 0;
    while (at < text.size) {
        unsigned char c = (unsigned char)text.data[at];
        size_t length = is_plain(c) ? 1 : 0;
        if (c >= 0x80) length = silt_utf8_length(text.data + at, text.size - at);
        if (length) {
            at += length;
            continue;
        }
        silt_buf_append(buf, text.data + done, at - done);
        if (c < 0x80)
            put_escape(buf, c);
        else
            silt_buf_puts(buf, REPLACEMENT);
        done = ++at;
    }
    if (at > done) silt_buf_append(buf, text.data + done, at - done);
    silt_buf_putc(buf, '"');
}

void silt_json_key(silt_json_writer *w, const char *key)
{
    silt_json_key_bytes(w, silt_bytes_of(key));
}

void silt_json_key_bytes(silt_json_writer *w, silt_bytes key)
{
    begin_value(w);
    put_quoted(w->buf, key);
    silt_buf_putc(w->buf, ':');
    w->comma = false;
}

void silt_json_put_string(silt_json_writer *w, const char *text)
{
    if (text)
        silt_json_put_bytes(w, silt_bytes_of(text));
    else
        silt_json_put_null(w);
}

void silt_json_put_bytes(silt_json_writer *w, silt_bytes text)
{
    begin_value(w);
    put_quoted(w->buf, text);
}

void silt_json_put_int(silt_json_writer *w, int64_t value)
{
    begin_value(w);
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) *--at = '-';
    silt_buf_append(w->buf, at, (size_t)(digits + sizeof(digits) - at));
}

void silt_json_put_bool(silt_json_writer *w, bool value)
{
    silt_json_put_raw(w, value ? "true" : "false");
}

void silt_json_put_null(silt_json_writer *w)
{
    silt_json_put_raw(w, "null");
}

void silt_json_put_raw(silt_json_writer *w, const char *json)
{
    begin_value(w);
    silt_buf_puts(w->buf, json);
}

void silt_json_member_string(silt_json_writer *w, const char *key, const char *text)
{
    silt_json_key(w, key);
    silt_json_put_string(w, text);
}

void silt_json_member_int(silt_json_writer *w, const char *key, int64_t value)
{
    silt_json_key(w, key);
    silt_json_put_int(w, value);
}

void silt_json_member_bool(silt_json_writer *w, const char *key, bool value)
{
    silt_json_key(w, key);
    silt_json_put_bool(w, value);
}

void silt_json_member_raw(silt_json_writer *w, const char *key, const char *json)
{
    silt_json_key(w, key);
    silt_json_put_raw(w, json);
}
