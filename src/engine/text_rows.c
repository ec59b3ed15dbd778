/* Rows of text files. */
#include "engine/text_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/csv_reader.h"
#include "engine/text_file.h"

typedef struct walk {
    silt_format format;
    const silt_source_options *options;
    size_t column_count;
    int file;
    silt_buf window;
    silt_csv_reader reader;
    SILT_VEC(silt_bytes) fields;
    int64_t base;   /* offset of the window in the file */
    int64_t number; /* of the next row */
    int64_t seen;   /* lines and records before it */
    bool in_data;   /* the header lies behind */
    silt_text_row_fn *fn;
    void *ctx;
} walk;

static void walk_release(walk *w)
{
    if (w->file >= 0) close(w->file);
    silt_buf_release(&w->window);
    silt_csv_reader_release(&w->reader);
    silt_vec_free(&w->fields);
}

static silt_status refill(walk *w, silt_error *err)
{
    size_t gone = w->reader.at;
    errno = 0;
    if (w->window.size - gone > SILT_CSV_RECORD_MAX)
        return silt_fail(err, SILT_BAD_DATA, "line %" PRId64 ": a row longer than %d MB",
                         w->reader.line, SILT_CSV_RECORD_MAX >> 20);
    if (!silt_csv_refill(w->file, &w->window, &w->reader))
        return errno ? silt_fail_errno(err, errno, "can't be read") : silt_fail_nomem(err);
    w->base += (int64_t)gone;
    return SILT_OK;
}

/* ---- one record */

static silt_csv_outcome next_line(silt_csv_reader *r)
{
    if (r->at == r->size) return r->whole ? SILT_CSV_END : SILT_CSV_MORE;
    const char *end = memchr(r->data + r->at, '\n', r->size - r->at);
    if (!end && !r->whole) return SILT_CSV_MORE;
    size_t from = r->at;
    bool blank = true;
    r->at = end ? (size_t)(end - r->data) + 1 : r->size;
    r->line++;
    for (size_t i = from; i < r->at; i++)
        blank = blank && (r->data[i] == ' ' || r->data[i] == '\t' || r->data[i] == '\r' ||
                          r->data[i] == '\n');
    return blank ? SILT_CSV_BLANK : SILT_CSV_RECORD;
}

static silt_status take_fields(walk *w, silt_text_row *row, silt_error *err)
{
    w->fields.count = 0;
    for (size_t i = 0; i < w->reader.ends.count; i++)
        if (!silt_vec_push(&w->fields, silt_csv_field(&w->reader, i))) return silt_fail_nomem(err);
    row->fields = w->fields.items;
    row->field_count = w->fields.count;
    row->broken = w->reader.broken;
    return SILT_OK;
}

/* A file that ends within quotes: with its last line that is a row which was cut off; anything
 * before it leaves open where rows begin. */
static silt_status check_end(const walk *w, int64_t line, silt_error *err)
{
    if (!w->reader.open || w->reader.line == line) return SILT_OK;
    silt_fail(err, SILT_BAD_DATA,
              "line %" PRId64 ": quotes open here that don't end: where rows begin behind it can't "
              "be told",
              line);
    return silt_hint(err, SILT_BAD_DATA, "correct the file");
}

static silt_status give(walk *w, silt_csv_outcome o, size_t from, int64_t line, silt_error *err)
{
    bool csv = w->format == SILT_FORMAT_CSV;
    bool alone = csv && w->column_count == 1; /* an empty line is a row then, of null */
    silt_text_row row = {.line = line,
                         .offset = w->base + (int64_t)from,
                         .all = {w->reader.data + from, w->reader.at - from}};
    row.text = row.all;
    while (row.text.size &&
           (row.text.data[row.text.size - 1] == '\n' || row.text.data[row.text.size - 1] == '\r'))
        row.text.size--;
    bool before = csv && (w->seen++ < w->options->skip_lines || !w->in_data);
    if (before) {
        row.is_header = w->seen > w->options->skip_lines && o == SILT_CSV_RECORD;
        w->in_data |= row.is_header;
        return w->fn(w->ctx, &row, err);
    }
    row.is_row = o == SILT_CSV_RECORD || (alone && o == SILT_CSV_BLANK);
    if (row.is_row) row.number = w->number++;
    if (csv && o == SILT_CSV_RECORD) {
        SILT_TRY(check_end(w, line, err));
        SILT_TRY(take_fields(w, &row, err));
    }
    return w->fn(w->ctx, &row, err);
}

static silt_status go_through(walk *w, silt_error *err)
{
    silt_csv_reader *r = &w->reader;
    SILT_TRY(refill(w, err));
    silt_csv_skip_mark(r);
    for (;;) {
        size_t from = r->at;
        int64_t line = r->line;
        silt_csv_outcome o = w->format == SILT_FORMAT_CSV ? silt_csv_next(r) : next_line(r);
        if (r->text.failed) return silt_fail_nomem(err);
        if (o == SILT_CSV_END) return SILT_OK;
        /* A record that ends with the window may go on: with the other half of \r\n. */
        if (o == SILT_CSV_MORE || (r->at == r->size && !r->whole)) {
            r->at = from;
            r->line = line;
            SILT_TRY(refill(w, err));
            continue;
        }
        SILT_TRY(give(w, o, from, line, err));
    }
}

silt_status silt_text_rows(silt_format format, const silt_source_options *options,
                           size_t column_count, const char *path, silt_text_row_fn *fn, void *ctx,
                           silt_error *err)
{
    SILT_CLEAN(walk)
    w = {.format = format,
         .options = options,
         .column_count = column_count,
         .in_data = options->no_header,
         .fn = fn,
         .ctx = ctx};
    w.reader = silt_csv_reader_of(options, SILT_STR(""), false);
    w.file = open(path, O_RDONLY | O_CLOEXEC);
    if (w.file < 0) return silt_fail_errno(err, errno, "can't be read");
    return go_through(&w, err);
}

/* ---- as a plain file */

typedef struct plain {
    FILE *file;
    bool latin, failed;
    bool inside, keeps; /* objects: of a line; and it is one */
} plain;

static void put_piece(void *ctx, silt_bytes bytes)
{
    plain *p = ctx;
    if (!p->latin) {
        p->failed |= fwrite(bytes.data, 1, bytes.size, p->file) != bytes.size;
        return;
    }
    for (size_t i = 0; i < bytes.size && !p->failed; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (c >= 0x80) p->failed |= putc(0xC0 | c >> 6, p->file) == EOF;
        p->failed |= putc(c < 0x80 ? c : 0x80 | (c & 0x3F), p->file) == EOF;
    }
}

static void put_objects(void *ctx, silt_bytes bytes)
{
    plain *p = ctx;
    for (size_t i = 0; i < bytes.size && !p->failed; i++) {
        char c = bytes.data[i];
        if (!p->inside && c != ' ' && c != '\t' && c != '\n') {
            p->inside = true;
            p->keeps = c == '{';
        }
        if (p->inside && p->keeps) p->failed |= putc(c, p->file) == EOF;
        if (c == '\n') p->inside = false;
    }
}

static silt_status copy_text(const silt_source_options *options, const char *path,
                             const char *to_path, plain *p,
                             void (*piece)(void *ctx, silt_bytes bytes), silt_error *err)
{
    p->file = fopen(to_path, "we");
    if (!p->file) return silt_fail_errno(err, errno, "%s", to_path);
    silt_status st = silt_text_scan(options, path, piece, p, err);
    int closed = fclose(p->file);
    if (st == SILT_OK && (p->failed || closed != 0))
        st = silt_fail_errno(err, errno ? errno : EIO, "%s", to_path);
    return st;
}

silt_status silt_text_objects(const silt_source_options *options, const char *path,
                              const char *to_path, silt_error *err)
{
    plain p = {0};
    return copy_text(options, path, to_path, &p, put_objects, err);
}

typedef struct sound {
    FILE *file;
    size_t column_count;
} sound;

static silt_status put_sound(void *ctx, const silt_text_row *row, silt_error *err)
{
    sound *s = ctx;
    bool is = !row->broken && row->field_count == s->column_count && silt_utf8_valid(row->text);
    if (row->is_row && !is) return SILT_OK;
    if (fwrite(row->all.data, 1, row->all.size, s->file) == row->all.size) return SILT_OK;
    return silt_fail_errno(err, errno ? errno : EIO, "a copy of the file");
}

silt_status silt_text_sound(const silt_source_options *options, size_t column_count,
                            const char *path, const char *to_path, silt_error *err)
{
    sound s = {fopen(to_path, "we"), column_count};
    if (!s.file) return silt_fail_errno(err, errno, "%s", to_path);
    silt_status st =
        silt_text_rows(SILT_FORMAT_CSV, options, column_count, path, put_sound, &s, err);
    if (fclose(s.file) != 0 && st == SILT_OK) st = silt_fail_errno(err, errno, "%s", to_path);
    return st;
}

silt_status silt_text_plain(const silt_source_options *options, const char *path,
                            const char *to_path, silt_error *err)
{
    const char *encoding = options->encoding;
    plain p = {.latin = silt_streq(encoding, "latin-1")};
    if (encoding && !p.latin && !silt_streq(encoding, "utf-8"))
        return silt_fail(err, SILT_UNSUPPORTED, "bad rows can't be taken out of a file in %s",
                         encoding);
    return copy_text(options, path, to_path, &p, put_piece, err);
}
