/* Headers of CSV files, and on what line a text stands. */
#include "engine/csv_header.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/csv_reader.h"
#include "engine/text_file.h"

#define FIRST_READ    4096
#define LAST_READ     SILT_CSV_RECORD_MAX
#define GUESS_BYTES   (1 << 18)
#define GUESS_RECORDS 100

/* ---- headers --------------------------------------------------------------------------------- */

static silt_status take_names(const silt_csv_reader *r, bool no_header, silt_arena *arena,
                              silt_csv_header *out, silt_error *err)
{
    const char **names = silt_arena_calloc(arena, r->ends.count, sizeof *names);
    for (size_t i = 0; names && i < r->ends.count; i++) {
        silt_bytes name = silt_csv_field(r, i);
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
static silt_csv_outcome find_header(silt_csv_reader *r, int skip_lines, int *skip)
{
    *skip = skip_lines;
    for (int seen = 0;; seen++) {
        silt_csv_outcome o = silt_csv_next(r);
        if (o == SILT_CSV_END || o == SILT_CSV_MORE || r->text.failed) return o;
        if (seen < skip_lines) continue;
        if (o == SILT_CSV_RECORD) return o;
        if (o == SILT_CSV_BLANK) *skip = seen + 1;
    }
}

static bool has_more(silt_csv_reader *r)
{
    silt_csv_outcome o = SILT_CSV_BLANK;
    while (o == SILT_CSV_BLANK || o == SILT_CSV_COMMENT)
        o = silt_csv_next(r);
    return o != SILT_CSV_END;
}

silt_status silt_csv_header_read(const silt_source_options *options, const char *path,
                                 silt_arena *arena, silt_csv_header *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) head = {0};
    for (size_t limit = FIRST_READ; limit <= LAST_READ; limit *= 16) {
        bool whole = false;
        SILT_TRY(silt_text_head(options, path, limit, &head, &whole, err));
        SILT_CLEAN(silt_csv_reader) r = silt_csv_reader_of(options, silt_buf_bytes(&head), whole);
        silt_csv_header found = {0};
        silt_csv_outcome o = find_header(&r, options->skip_lines, &found.skip);
        if (r.text.failed) return silt_fail_nomem(err);
        if (o == SILT_CSV_MORE) continue;
        if (o == SILT_CSV_RECORD) {
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
    SILT_CLEAN(silt_csv_reader) r = silt_csv_reader_of(options, head, whole);
    int skip = 0;
    if (find_header(&r, options->skip_lines, &skip) != SILT_CSV_RECORD) return 0;
    size_t fields = r.ends.count, fitting = 1;
    for (int i = 0; i < GUESS_RECORDS && fields > 1; i++) {
        silt_csv_outcome o = silt_csv_next(&r);
        if (o == SILT_CSV_END || o == SILT_CSV_MORE || r.text.failed) break;
        fitting += o == SILT_CSV_RECORD && r.ends.count == fields;
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

static int64_t find_in(const silt_source_options *options, int file, size_t column, silt_bytes text)
{
    SILT_CLEAN(silt_buf) window = {0};
    SILT_CLEAN(silt_csv_reader) r = silt_csv_reader_of(options, silt_buf_bytes(&window), false);
    int64_t seen = 0;
    bool in_data = options->no_header;
    if (!silt_csv_refill(file, &window, &r)) return 0;
    silt_csv_skip_mark(&r);
    for (;;) {
        size_t at = r.at;
        int64_t line = r.line;
        silt_csv_outcome o = silt_csv_next(&r);
        if (o == SILT_CSV_END || r.text.failed) return 0;
        if (o == SILT_CSV_MORE) {
            r.at = at;
            r.line = line;
            if (window.size - at > LAST_READ || !silt_csv_refill(file, &window, &r)) return 0;
            continue;
        }
        if (seen++ < options->skip_lines || o != SILT_CSV_RECORD) continue;
        if (in_data && column < r.ends.count && silt_bytes_equal(silt_csv_field(&r, column), text))
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
