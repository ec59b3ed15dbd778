/* Records of a CSV, one after another. */
#include "engine/csv_reader.h"

#include <unistd.h>

#define WINDOW (1 << 18)

void silt_csv_reader_release(silt_csv_reader *r)
{
    silt_buf_release(&r->text);
    silt_vec_free(&r->ends);
}

static int first_char(const char *text, int fallback)
{
    if (!text) return fallback;
    return *text ? (unsigned char)*text : -1;
}

silt_csv_reader silt_csv_reader_of(const silt_source_options *o, silt_bytes data, bool whole)
{
    silt_csv_reader r = {.data = data.data, .size = data.size, .whole = whole, .line = 1};
    r.delimiter = silt_bytes_of(o->delimiter && *o->delimiter ? o->delimiter : ",");
    r.quote = first_char(o->quote, '"');
    r.escape = first_char(o->escape, r.quote);
    r.comment = first_char(o->comment, -1);
    return r;
}

static int peek(const silt_csv_reader *r, size_t ahead)
{
    return r->at + ahead < r->size ? (unsigned char)r->data[r->at + ahead] : -1;
}

static bool at_eol(const silt_csv_reader *r)
{
    int c = peek(r, 0);
    return c == '\n' || c == '\r';
}

static bool at_delimiter(const silt_csv_reader *r)
{
    return r->size - r->at >= r->delimiter.size &&
           memcmp(r->data + r->at, r->delimiter.data, r->delimiter.size) == 0;
}

/* Step over one character, counting lines; \r\n is one. */
static void step(silt_csv_reader *r)
{
    if (peek(r, 0) == '\r' && peek(r, 1) == '\n') r->at++;
    if (at_eol(r)) r->line++;
    r->at++;
}

static void skip_line(silt_csv_reader *r)
{
    while (r->at < r->size && !at_eol(r))
        r->at++;
    if (r->at < r->size) step(r);
}

/* The inside of a quoted field, up to behind its closing quote. */
static void quoted(silt_csv_reader *r)
{
    step(r);
    while (r->at < r->size) {
        int c = peek(r, 0), next = peek(r, 1);
        if (c == r->escape && next >= 0 && (next == r->quote || next == r->escape)) {
            silt_buf_putc(&r->text, (char)next);
            r->at += 2;
        } else if (c == r->quote) {
            r->at++;
            return;
        } else {
            size_t from = r->at;
            step(r);
            silt_buf_append(&r->text, r->data + from, r->at - from);
        }
    }
    r->open = true;
}

static bool field(silt_csv_reader *r)
{
    bool closed = r->quote >= 0 && peek(r, 0) == r->quote;
    if (closed) quoted(r);
    while (r->at < r->size && !at_eol(r) && !at_delimiter(r) &&
           (r->comment < 0 || peek(r, 0) != r->comment)) {
        r->broken |= closed && r->data[r->at] != ' ';
        silt_buf_putc(&r->text, r->data[r->at++]);
    }
    return silt_vec_push(&r->ends, r->text.size);
}

static bool blank_line(const silt_csv_reader *r)
{
    for (size_t i = r->at; i < r->size; i++) {
        if (r->data[i] == '\n' || r->data[i] == '\r') return true;
        if (r->data[i] != ' ' && r->data[i] != '\t') return false;
    }
    return r->whole;
}

silt_csv_outcome silt_csv_next(silt_csv_reader *r)
{
    silt_buf_clear(&r->text);
    r->ends.count = 0;
    r->open = r->broken = false;
    if (r->at == r->size) return r->whole ? SILT_CSV_END : SILT_CSV_MORE;
    if (r->delimiter.data[0] != '\t' ? blank_line(r) : at_eol(r)) {
        skip_line(r);
        return SILT_CSV_BLANK;
    }
    if (peek(r, 0) == r->comment) {
        skip_line(r);
        return SILT_CSV_COMMENT;
    }
    for (;;) {
        if (!field(r)) r->text.failed = true;
        if (r->text.failed || !at_delimiter(r) || r->at == r->size) break;
        r->at += r->delimiter.size;
    }
    if (r->at == r->size) return r->whole ? SILT_CSV_RECORD : SILT_CSV_MORE;
    skip_line(r);
    return SILT_CSV_RECORD;
}

silt_bytes silt_csv_field(const silt_csv_reader *r, size_t i)
{
    size_t from = i ? r->ends.items[i - 1] : 0;
    return (silt_bytes){(r->text.data ? r->text.data : "") + from, r->ends.items[i] - from};
}

bool silt_csv_refill(int file, silt_buf *window, silt_csv_reader *r)
{
    if (r->at > 0) memmove(window->data, window->data + r->at, window->size - r->at);
    window->size -= r->at;
    r->at = 0;
    SILT_FREE char *chunk = malloc(WINDOW);
    ssize_t n = chunk ? read(file, chunk, WINDOW) : -1;
    if (n < 0) return false;
    silt_buf_append(window, chunk, (size_t)n);
    r->data = silt_buf_bytes(window).data;
    r->size = window->size;
    r->whole = n == 0;
    return !window->failed;
}

void silt_csv_skip_mark(silt_csv_reader *r)
{
    if (r->size >= 3 && memcmp(r->data, "\xEF\xBB\xBF", 3) == 0) r->at = 3;
}
