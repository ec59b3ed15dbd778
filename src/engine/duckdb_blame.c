/* After a failed query: which source files are at fault, and where in them.
 *
 * Files are tried by halves, so that one bad file of thousands is found in a dozen queries; what is
 * bad with a single file is then looked at more closely. */
#include "engine/duckdb_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "engine/csv_header.h"

typedef struct inquiry {
    silt_duck_sources *sources;
    silt_error first; /* verdict */
} inquiry;

/* The machine's trouble, or a wish to stop: no file's fault, and a reason to try no further. */
static bool is_ours(silt_status st)
{
    return st == SILT_INTERRUPTED || st == SILT_NOMEM || st == SILT_NOSPACE;
}

static const silt_duck_part *part_of(const silt_duck_sources *s, size_t index)
{
    for (size_t p = 0; p < s->part_count; p++)
        if (index >= s->parts[p].first && index < s->parts[p].first + s->parts[p].count)
            return &s->parts[p];
    return NULL;
}

/* ---- one file -------------------------------------------------------------------------------- */

/* Can the file be read at all, to its end? By then a failure is its content's. */
static silt_status read_through(const char *path, silt_error *err)
{
    char chunk[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return silt_fail_errno(err, errno, "can't be read");
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        continue;
    int why = errno;
    close(fd);
    return n < 0 ? silt_fail_errno(err, why, "can't be read") : SILT_OK;
}

static const char *line_of(const char *text, const char *label, int *length)
{
    const char *at = strstr(text, label);
    if (!at) return NULL;
    at += strlen(label);
    *length = (int)strcspn(at, "\n");
    return at;
}

/* DuckDB's report on a CSV is a page; what a person needs of it is line, reason and text. */
static void shorten(const char *text, const char *fallback, silt_buf *why)
{
    int line_length = 0, original_length = 0;
    const char *line = line_of(text, "CSV Error on Line: ", &line_length);
    const char *original = line_of(text, "Original Line: ", &original_length);
    if (!line || !original) {
        silt_buf_puts(why, fallback);
        return;
    }
    /* The original may be long, or go over several lines: the reason is the first line after that
     * says one. */
    static const char *const reasons[] = {
        "Error when converting", "Expected Number of Columns", "Value with unterminated quote",
        "Invalid unicode",       "Maximum line size",          "The CSV Parser"};
    const char *reason = NULL;
    for (size_t i = 0; i < SILT_COUNT(reasons) && !reason; i++)
        reason = strstr(original, reasons[i]);
    silt_buf_printf(why, "line %.*s: ", line_length, line);
    if (reason) silt_buf_printf(why, "%.*s: ", (int)strcspn(reason, "\n"), reason);
    silt_buf_printf(why, "'%.*s%s'", original_length < 200 ? original_length : 200, original,
                    original_length < 200 ? "" : "…");
}

/* DuckDB is told of columns c0, c1, … of a CSV: put the name in its place. */
static void put_name(const silt_source_group *group, silt_buf *why)
{
    static const char mark[] = "converting column \"c";
    const char *at = why->data ? strstr(why->data, mark) : NULL;
    if (!at || group->format != SILT_FORMAT_CSV) return;
    char *end;
    unsigned long column = strtoul(at + sizeof mark - 1, &end, 10);
    if (*end != '"' || column >= group->column_count) return;
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_printf(&text, "%.*s%s%s", (int)(at + sizeof mark - 2 - why->data), why->data,
                    group->columns[column].name, end);
    if (text.failed) return;
    silt_buf old = *why;
    *why = text;
    text = old;
}

/* The first row of a file whose value can't become output column `column`: number and text. */
static silt_status find_row(silt_duck_sources *s, const silt_duck_part *part, size_t index,
                            size_t column, int64_t *row, silt_buf *text, silt_error *err)
{
    SILT_CLEAN(silt_buf) value = {0};
    SILT_CLEAN(silt_buf) condition = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    bool has = false;
    *row = 0;
    SILT_TRY(silt_duck_source_doubt(s, part, column, &value, &condition, &has, err));
    if (!has) return SILT_OK;
    silt_buf_printf(&sql,
                    "SELECT n, x FROM (SELECT row_number() OVER () AS n, CAST(%s AS VARCHAR) "
                    "AS x, %s AS bad ",
                    value.data, condition.data);
    SILT_TRY(silt_duck_source_from(s, part, index, index + 1, &sql, err));
    silt_buf_puts(&sql, ") WHERE bad ORDER BY n LIMIT 1");
    SILT_TRY(silt_duck_query(s->db, &sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (!chunk || silt_duck.data_chunk_get_size(chunk) == 0) return SILT_OK;
    *row = *(int64_t *)silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
    silt_bytes found =
        silt_duck_bytes(silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 1)), 0);
    silt_buf_clear(text);
    silt_buf_append(text, found.data, found.size);
    return text->failed ? silt_fail_nomem(err) : SILT_OK;
}

static void describe_row(silt_duck_sources *s, const silt_duck_part *part, size_t index,
                         size_t column, int64_t row, const silt_buf *text, silt_buf *why)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    ptrdiff_t source = silt_duck_source_find(s, part, column);
    int64_t line = 0;
    if (group->format == SILT_FORMAT_CSV)
        line = silt_csv_find(&group->options, s->files[index]->local_path, (size_t)source,
                             silt_buf_bytes(text));
    SILT_CLEAN(silt_buf) type = {0};
    if (s->spec->columns[column].type->kind == SILT_TYPE_VARIANT)
        silt_buf_puts(&type, "JSON");
    else
        (void)silt_sql_type(&type, s->spec->columns[column].type, NULL);
    silt_type_kind kind = s->spec->columns[column].type->kind;
    bool time = kind == SILT_TYPE_DATE || kind == SILT_TYPE_TIMESTAMP;
    const char *hint = !time || group->format != SILT_FORMAT_CSV ? ""
                       : kind == SILT_TYPE_DATE && !group->options.date_format
                           ? " (date_format says "
                             "how it is written)"
                       : kind == SILT_TYPE_TIMESTAMP && !group->options.timestamp_format
                           ? " (timestamp_format says how it is written)"
                           : "";
    silt_buf_printf(why, "%s %" PRId64 ", column %s: '%.*s%s' is no %s that can be kept exactly%s",
                    line ? "line" : "row", line ? line : row, group->columns[source].name,
                    text->size < 200 ? (int)text->size : 200, text->size ? text->data : "",
                    text->size < 200 ? "" : "…", type.data ? type.data : "value", hint);
}

/* What is wrong with a file that fails alone. `why` has DuckDB's words. */
static silt_status examine(inquiry *q, size_t index, const silt_error *words, silt_error *err)
{
    silt_duck_sources *s = q->sources;
    const silt_duck_part *part = part_of(s, index);
    silt_error plain = {0};
    silt_status readable = read_through(s->files[index]->local_path, &plain);
    if (readable != SILT_OK) {
        if (readable == SILT_IO)
            return silt_fail(err, SILT_IO, "%s: %s", s->files[index]->name, plain.message);
        (void)silt_duck_sources_blame(s, index, readable, plain.message, &q->first);
        return SILT_OK;
    }
    SILT_CLEAN(silt_buf) why = {0};
    SILT_CLEAN(silt_buf) text = {0};
    shorten(silt_buf_bytes(&s->db->error_text).data, words->message, &why);
    if (part) put_name(&s->spec->groups[part->group], &why);
    bool has_line = silt_starts_with(why.data ? why.data : "", "line ");
    int64_t row = 0;
    for (size_t c = 0; part && !has_line && row == 0 && c < s->spec->column_count; c++) {
        SILT_TRY(silt_duck_start(s->db, err));
        /* A file that can't even be read by columns fails here too, and keeps DuckDB's words. */
        silt_status st = find_row(s, part, index, c, &row, &text, NULL);
        if (is_ours(st)) return silt_fail(err, st, "%s", silt_status_name(st));
        if (st != SILT_OK || row == 0) continue;
        silt_buf_clear(&why);
        describe_row(s, part, index, c, row, &text, &why);
    }
    (void)silt_duck_sources_blame(s, index, SILT_BAD_DATA, why.data ? why.data : words->message,
                                  &q->first);
    return SILT_OK;
}

/* ---- many files ------------------------------------------------------------------------------ */

/* Read files [first, last) as the failed query did, every column of every row, and write nothing.
 */
static silt_status probe(silt_duck_sources *s, size_t first, size_t last, silt_error *err)
{
    SILT_CLEAN(silt_buf) select = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_duck_start(s->db, err));
    SILT_TRY(silt_duck_source_sql(s, first, last, false, &select, err));
    silt_buf_puts(&sql, "SELECT bit_xor(hash(COLUMNS(*))) FROM (");
    silt_buf_append(&sql, select.data, select.size);
    silt_buf_putc(&sql, ')');
    SILT_TRY(silt_duck_query(s->db, &sql, NULL, err));
    for (size_t i = first * s->guarded_count; i < last * s->guarded_count; i++)
        if (atomic_load(&s->nulls[i])) return silt_fail(err, SILT_BAD_DATA, "nulls");
    return SILT_OK;
}

/* A file that ends within quotes is bad alone, and passes with others. */
static bool has_suspect(const silt_duck_sources *s, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++)
        if (s->suspects[i]) return true;
    return false;
}

static silt_status search(inquiry *q, size_t first, size_t last, silt_error *err)
{
    silt_error why = {0};
    silt_status st = SILT_FAILED;
    if (last - first == 1 || !has_suspect(q->sources, first, last))
        st = probe(q->sources, first, last, &why);
    if (st == SILT_OK) return SILT_OK;
    if (is_ours(st)) {
        if (err) *err = why;
        return st;
    }
    if (last - first > 1) {
        size_t middle = first + (last - first) / 2;
        SILT_TRY(search(q, first, middle, err));
        return search(q, middle, last, err);
    }
    if (st == SILT_BAD_DATA) { /* it was read, but has nulls */
        (void)silt_duck_sources_verify(q->sources, &why);
        if (q->first.status == SILT_OK) q->first = why;
        return SILT_OK;
    }
    return examine(q, first, &why, err);
}

silt_status silt_duck_blame(silt_duck_sources *s, silt_status st, silt_error *err)
{
    if (is_ours(st) || s->file_count == 0) return st;
    inquiry q = {.sources = s};
    silt_error trouble = {0};
    silt_status searched = search(&q, 0, s->file_count, &trouble);
    if (searched != SILT_OK) {
        if (err) *err = trouble;
        return searched;
    }
    if (q.first.status == SILT_OK) return st; /* the failed query's own words stay in `err` */
    if (err) *err = q.first;
    return q.first.status;
}

silt_status silt_duck_blame_suspects(silt_duck_sources *s, silt_error *err)
{
    bool bad = false;
    for (size_t i = 0; i < s->file_count; i++) {
        if (!s->suspects[i]) continue;
        silt_error why = {0};
        silt_status st = probe(s, i, i + 1, &why);
        if (is_ours(st)) {
            if (err) *err = why;
            return st;
        }
        s->suspects[i] = st != SILT_OK;
        if (s->suspects[i] && !bad && err) *err = why;
        bad |= s->suspects[i];
    }
    return bad ? silt_duck_blame(s, SILT_FAILED, err) : SILT_OK;
}
