/* Does a CSV end within quotes, as one does that was cut off?
 *
 * DuckDB 1.5 drops the rows from such a quote to the end of the file, without a word, when it reads
 * more than two files a thread. So quotes are followed here, at the speed of memchr: from one quote
 * to the next. */
#include "engine/csv_header.h"

#include "engine/text_file.h"

#define CLOSED '\1' /* as the byte before: a quote that closed a field */

typedef struct quotes {
    char quote, escape, delimiter; /* delimiter: its last byte */
    size_t gap_max;                /* so many blanks may stand before an opening quote */
    bool inside;                   /* within quotes */
    bool closing; /* a quote inside was the last byte: it ends the field, unless another follows */
    bool escaped; /* the last byte was an escape that counts (where it isn't the quote) */
    char before;  /* outside: the last byte that isn't a blank; '\n' at the start */
    size_t gap;   /* and the blanks since */
} quotes;

/* Note what stands before `to`: the last byte of [from, to) that isn't a blank, and how many blanks
 * follow. */
static void look_back(quotes *q, const char *from, const char *to)
{
    const char *at = to;
    while (at > from && (at[-1] == ' ' || (at[-1] == '\t' && q->delimiter != '\t')))
        at--;
    q->gap = (size_t)(to - at) + (at == from ? q->gap : 0);
    if (at > from) q->before = at[-1];
}

/* Behind a closing quote and a blank, a quote opens too: that is how DuckDB takes it. */
static bool opens(const quotes *q)
{
    char c = q->before;
    return q->gap <= q->gap_max && (c == '\n' || c == '\r' || c == q->delimiter || c == CLOSED);
}

static void close_field(quotes *q)
{
    q->inside = q->closing = false;
    q->before = CLOSED;
    q->gap = 0;
}

/* Outside: to behind the next quote that opens a field, or to the end. */
static const char *outside(quotes *q, const char *at, const char *end)
{
    while (at < end) {
        const char *quote = memchr(at, q->quote, (size_t)(end - at));
        look_back(q, at, quote ? quote : end);
        if (!quote) break;
        at = quote + 1;
        if (opens(q)) {
            q->inside = true;
            q->closing = q->escaped = false;
            return at;
        }
        q->before = q->quote;
        q->gap = 0;
    }
    return end;
}

/* Inside, where a doubled quote is one: to behind the closing one, or to the end. */
static const char *doubled(quotes *q, const char *at, const char *end)
{
    while (at < end) {
        if (q->closing) {
            if (*at != q->quote) {
                close_field(q);
                return at;
            }
            q->closing = false;
            at++;
            continue;
        }
        const char *quote = memchr(at, q->quote, (size_t)(end - at));
        if (!quote) return end;
        q->closing = true;
        at = quote + 1;
    }
    return at;
}

/* Inside, where a quote is escaped by another character. */
static const char *escaped(quotes *q, const char *at, const char *end)
{
    for (; at < end; at++) {
        if (q->escaped) {
            q->escaped = false;
        } else if (*at == q->escape) {
            q->escaped = true;
        } else if (*at == q->quote) {
            close_field(q);
            return at + 1;
        }
    }
    return at;
}

static void follow(quotes *q, const char *at, const char *end)
{
    while (at < end) {
        if (!q->inside)
            at = outside(q, at, end);
        else
            at = q->escape == q->quote ? doubled(q, at, end) : escaped(q, at, end);
    }
}

/* A file's bytes on their way to the quotes. How many blanks DuckDB passes over before a quote
 * depends on where it stands, so that both ways are followed. */
typedef struct feed {
    quotes strict, lenient;
    bool utf16, started, has_half;
    unsigned char half; /* of a unit of UTF-16 */
} feed;

static void follow_both(feed *f, const char *at, const char *end)
{
    follow(&f->strict, at, end);
    follow(&f->lenient, at, end);
}

/* Units of UTF-16 as bytes; what isn't ASCII is no quote. */
static void follow_utf16(feed *f, silt_bytes bytes)
{
    char text[1024];
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        f->has_half = !f->has_half;
        if (f->has_half) {
            f->half = byte;
            continue;
        }
        /* Either order of bytes: one of them is 0 in ASCII. The byte order mark becomes nothing. */
        if (f->half + byte == 0xFF + 0xFE) continue;
        text[size++] = f->half == 0 ? (char)byte : byte == 0 ? (char)f->half : 'x';
        if (size < sizeof text) continue;
        follow_both(f, text, text + size);
        size = 0;
    }
    follow_both(f, text, text + size);
}

static void piece(void *ctx, silt_bytes bytes)
{
    feed *f = ctx;
    if (f->utf16) {
        follow_utf16(f, bytes);
        return;
    }
    /* A byte order mark is nothing before a quote. */
    bool marked = bytes.size >= 3 && memcmp(bytes.data, "\xEF\xBB\xBF", 3) == 0;
    size_t skip = !f->started && marked ? 3 : 0;
    f->started = true;
    follow_both(f, bytes.data + skip, bytes.data + bytes.size);
}

static bool ends_inside(const quotes *q)
{
    return q->inside && !q->closing;
}

silt_status silt_csv_ends_inside(const silt_source_options *options, const char *path, bool *inside,
                                 silt_error *err)
{
    const char *quote = options->quote ? options->quote : "\"";
    const char *escape = options->escape ? options->escape : quote;
    const char *delimiter = options->delimiter && *options->delimiter ? options->delimiter : ",";
    quotes q = {.quote = *quote,
                .escape = *escape ? *escape : *quote,
                .delimiter = delimiter[strlen(delimiter) - 1],
                .gap_max = 1,
                .before = '\n'};
    feed f = {.strict = q, .lenient = q, .utf16 = silt_streq(options->encoding, "utf-16")};
    f.lenient.gap_max = SIZE_MAX;
    bool plain = silt_text_compression(options, path) == SILT_COMPRESSION_NONE;
    *inside = false;
    if (!*quote && plain) return SILT_OK;
    SILT_TRY(silt_text_scan(options, path, *quote ? piece : NULL, &f, err));
    *inside = ends_inside(&f.strict) || ends_inside(&f.lenient);
    return SILT_OK;
}
