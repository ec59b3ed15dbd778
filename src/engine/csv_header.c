/* A small CSV reader that splits records as DuckDB does: quotes at a field's start, escapes inside,
 * records over several lines, comments, \n, \r\n and \r. */
#include "engine/csv_header.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/text_file.h"

#define FIRST_READ    4096
#define LAST_READ     (16 << 20)
#define WINDOW        (1 << 18)
#define GUESS_BYTES   (1 << 18)
#define GUESS_RECORDS 100

typedef enum outcome {
    RECORD,  /* fields are there */
    BLANK,   /* an empty line */
    COMMENT, /* a line that is a comment as a whole */
    END,     /* nothing is left */
    MORE     /* the text ends in the middle of a record, and isn't whole */
} outcome;

/* Fields are kept end to end in `text`, `ends` says where each stops. */
typedef struct reader {
    const char *data;
    size_t size, at;
    bool whole; /* the text ends where the file does */
    int64_t line;
    silt_bytes delimiter;
    int quote, escape, comment; /* -1: none */
    silt_buf text;
    SILT_VEC(size_t) ends;
} reader;

static void reader_release(reader *r)
{
    silt_buf_release(&r->text);
    silt_vec_free(&r->ends);
}

static int first_char(const char *text, int fallback)
{
    if (!text) return fallback;
    return *text ? (unsigned char)*text : -1;
}

static reader reader_of(const silt_source_options *o, silt_bytes data, bool whole)
{
    reader r = {.data = data.data, .size = data.size, .whole = whole, .line = 1};
    r.delimiter = silt_bytes_of(o->delimiter && *o->delimiter ? o->delimiter : ",");
    r.quote = first_char(o->quote, '"');
    r.escape = first_char(o->escape, r.quote);
    r.comment = first_char(o->comment, -1);
    return r;
}

static int peek(const reader *r, size_t ahead)
{
    return r->at + ahead < r->size ? (unsigned char)r->data[r->at + ahead] : -1;
}

static bool at_eol(const reader *r)
{
    int c = peek(r, 0);
    return c == '\n' || c == '\r';
}

static bool at_delimiter(const reader *r)
{
    return r->size - r->at >= r->delimiter.size &&
           memcmp(r->data + r->at, r->delimiter.data, r->delimiter.size) == 0;
}

/* Step over one character, counting lines; \r\n is one. */
static void step(reader *r)
{
    if (peek(r, 0) == '\r' && peek(r, 1) == '\n') r->at++;
    if (at_eol(r)) r->line++;
    r->at++;
}

static void skip_line(reader *r)
{
    while (r->at < r->size && !at_eol(r))
        r->at++;
    if (r->at < r->size) step(r);
}

/* The inside of a quoted field, up to behind its closing quote. */
static void quoted(reader *r)
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
}

static bool field(reader *r)
{
    if (r->quote >= 0 && peek(r, 0) == r->quote) quoted(r);
    while (r->at < r->size && !at_eol(r) && !at_delimiter(r) &&
           (r->comment < 0 || peek(r, 0) != r->comment))
        silt_buf_putc(&r->text, r->data[r->at++]);
    return silt_vec_push(&r->ends, r->text.size);
}

static bool blank_line(const reader *r)
{
    for (size_t i = r->at; i < r->size; i++) {
        if (r->data[i] == '\n' || r->data[i] == '\r') return true;
        if (r->data[i] != ' ' && r->data[i] != '\t') return false;
    }
    return r->whole;
}

/* Set to NOMEM by way of text.failed. */
static outcome next(reader *r)
{
    silt_buf_clear(&r->text);
    r->ends.count = 0;
    if (r->at == r->size) return r->whole ? END : MORE;
    if (r->delimiter.data[0] != '\t' ? blank_line(r) : at_eol(r)) {
        skip_line(r);
        return BLANK;
    }
    if (peek(r, 0) == r->comment) {
        skip_line(r);
        return COMMENT;
    }
    for (;;) {
        if (!field(r)) r->text.failed = true;
        if (r->text.failed || !at_delimiter(r) || r->at == r->size) break;
        r->at += r->delimiter.size;
    }
    if (r->at == r->size) return r->whole ? RECORD : MORE;
    skip_line(r);
    return RECORD;
}

static silt_bytes field_of(const reader *r, size_t i)
{
    size_t from = i ? r->ends.items[i - 1] : 0;
    return (silt_bytes){(r->text.data ? r->text.data : "") + from, r->ends.items[i] - from};
}

/* ---- headers --------------------------------------------------------------------------------- */

static silt_status take_names(const reader *r, bool no_header, silt_arena *arena,
                              silt_csv_header *out, silt_error *err)
{
    const char **names = silt_arena_calloc(arena, r->ends.count, sizeof *names);
    for (size_t i = 0; names && i < r->ends.count; i++) {
        silt_bytes name = field_of(r, i);
        names[i] = no_header ? silt_arena_printf(arena, "column%zu", i)
                             : silt_arena_strndup(arena, name.data, name.size);
        if (!names[i]) names = NULL;
    }
    if (!names) return silt_fail_nomem(err);
    out->names = names;
    out->count = r->ends.count;
    return SILT_OK;
}

/* Go to the header: END, MORE, or RECORD with its fields. `skip` is what DuckDB is to be told:
 * comments it passes over by itself, an empty line it takes for the header. */
static outcome find_header(reader *r, int skip_lines, int *skip)
{
    *skip = skip_lines;
    for (int seen = 0;; seen++) {
        outcome o = next(r);
        if (o == END || o == MORE || r->text.failed) return o;
        if (seen < skip_lines) continue;
        if (o == RECORD) return o;
        if (o == BLANK) *skip = seen + 1;
    }
}

static bool has_more(reader *r)
{
    outcome o = BLANK;
    while (o == BLANK || o == COMMENT)
        o = next(r);
    return o != END;
}

silt_status silt_csv_header_read(const silt_source_options *options, const char *path,
                                 silt_arena *arena, silt_csv_header *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) head = {0};
    for (size_t limit = FIRST_READ; limit <= LAST_READ; limit *= 16) {
        bool whole = false;
        SILT_TRY(silt_text_head(options, path, limit, &head, &whole, err));
        SILT_CLEAN(reader) r = reader_of(options, silt_buf_bytes(&head), whole);
        silt_csv_header found = {0};
        outcome o = find_header(&r, options->skip_lines, &found.skip);
        if (r.text.failed) return silt_fail_nomem(err);
        if (o == MORE) continue;
        if (o == RECORD) {
            SILT_TRY(take_names(&r, options->no_header, arena, &found, err));
            found.has_rows = options->no_header || has_more(&r);
        }
        *out = found;
        return SILT_OK;
    }
    return silt_fail(err, SILT_BAD_DATA, "the header doesn't end within %d MB", LAST_READ >> 20);
}

/* How well a delimiter fits: records among the first that have as many fields as the header, of
 * which there must be two at least. */
static size_t fitness(const silt_source_options *options, silt_bytes head, bool whole)
{
    SILT_CLEAN(reader) r = reader_of(options, head, whole);
    int skip = 0;
    if (find_header(&r, options->skip_lines, &skip) != RECORD) return 0;
    size_t fields = r.ends.count, fitting = 1;
    for (int i = 0; i < GUESS_RECORDS && fields > 1; i++) {
        outcome o = next(&r);
        if (o == END || o == MORE || r.text.failed) break;
        fitting += o == RECORD && r.ends.count == fields;
    }
    return fields > 1 ? fitting : 0;
}

silt_status silt_csv_guess_delimiter(const silt_source_options *options, const char *path,
                                     const char **out, silt_error *err)
{
    static const char *const candidates[] = {",", ";", "\t", "|"};
    SILT_CLEAN(silt_buf) head = {0};
    bool whole = false;
    size_t best = 0;
    SILT_TRY(silt_text_head(options, path, GUESS_BYTES, &head, &whole, err));
    *out = candidates[0];
    for (size_t i = 0; i < SILT_COUNT(candidates); i++) {
        silt_source_options o = *options;
        o.delimiter = candidates[i];
        size_t fits = fitness(&o, silt_buf_bytes(&head), whole);
        if (fits <= best) continue;
        best = fits;
        *out = candidates[i];
    }
    return SILT_OK;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* The file slides by under the reader: what is behind `at` is dropped, and more is read. */
static bool refill(int file, silt_buf *window, reader *r)
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

static void skip_mark(reader *r)
{
    if (r->size >= 3 && memcmp(r->data, "\xEF\xBB\xBF", 3) == 0) r->at = 3;
}

static int64_t find_in(const silt_source_options *options, int file, size_t column, silt_bytes text)
{
    SILT_CLEAN(silt_buf) window = {0};
    SILT_CLEAN(reader) r = reader_of(options, silt_buf_bytes(&window), false);
    int64_t seen = 0;
    bool in_data = options->no_header;
    if (!refill(file, &window, &r)) return 0;
    skip_mark(&r);
    for (;;) {
        size_t at = r.at;
        int64_t line = r.line;
        outcome o = next(&r);
        if (o == END || r.text.failed) return 0;
        if (o == MORE) {
            r.at = at;
            r.line = line;
            if (window.size - at > LAST_READ || !refill(file, &window, &r)) return 0;
            continue;
        }
        if (seen++ < options->skip_lines || o != RECORD) continue;
        if (in_data && column < r.ends.count && silt_bytes_equal(field_of(&r, column), text))
            return line;
        in_data = true;
    }
}

int64_t silt_csv_find(const silt_source_options *options, const char *path, size_t column,
                      silt_bytes text)
{
    if (silt_text_compression(options, path) != SILT_COMPRESSION_NONE) return 0;
    if (options->encoding && strcmp(options->encoding, "utf-8") != 0) return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    int64_t line = find_in(options, file, column, text);
    close(file);
    return line;
}
