/* Sniffing: what a file of text most probably means.
 *
 * The delimiter is found by our own reader and the quote is the standard's: DuckDB's search for a
 * dialect takes the next best, a single column for instance, when a row is broken. Types are
 * DuckDB's, of the rows that can be read; a broken one is the load's business. */
#include "engine/duckdb_ops.h"

#include <stdio.h>
#include <unistd.h>

#include "engine/csv_header.h"
#include "engine/text_file.h"
#include "engine/text_rows.h"

/* One column over all files: `types` has NULL where a file has no say. */
typedef struct sniffed {
    const char *name;
    const silt_type **types;
} sniffed;

typedef struct table {
    silt_duck_engine *db;
    silt_arena *arena;
    silt_format format;
    silt_source_options options;
    const silt_source_file *files;
    size_t file_count;
    SILT_VEC(sniffed) columns;
} table;

static const silt_type text_type = {.kind = SILT_TYPE_STRING};
static const silt_type instant_type = {.kind = SILT_TYPE_TIMESTAMP};

static silt_status bad_file(const silt_source_file *file, silt_status st, const silt_error *why,
                            silt_error *err)
{
    /* A query that fails over one file does so for what is in it. */
    if (st == SILT_FAILED || st == SILT_IO) st = SILT_BAD_DATA;
    return silt_fail(err, st, "%s: %s", file->name, why->message);
}

static silt_status add_column(table *t, const char *name, sniffed **out, silt_error *err)
{
    sniffed column = {.name = silt_arena_strdup(t->arena, name),
                      .types =
                          silt_arena_calloc(t->arena, t->file_count + 1, sizeof *column.types)};
    if (!column.name || !column.types || !silt_vec_push(&t->columns, column))
        return silt_fail_nomem(err);
    *out = &t->columns.items[t->columns.count - 1];
    return SILT_OK;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void put_list(silt_buf *sql, const silt_source_options *o)
{
    silt_buf_puts(sql, ", nullstr = [''");
    for (size_t i = 0; i < o->null_count; i++) {
        silt_buf_puts(sql, ", ");
        silt_sql_text(sql, o->nulls[i]);
    }
    silt_buf_putc(sql, ']');
}

static void put_option(silt_buf *sql, const char *name, const char *value)
{
    if (!value) return;
    silt_buf_printf(sql, ", %s = ", name);
    silt_sql_text(sql, value);
}

static void put_sniff(silt_buf *sql, silt_duck_engine *db, const silt_source_options *o,
                      const char *path, int skip, int64_t sample_rows)
{
    silt_buf_puts(sql, "SELECT DateFormat, TimestampFormat, c.type FROM (SELECT DateFormat, "
                       "TimestampFormat, unnest(Columns) AS c FROM sniff_csv(");
    silt_sql_text(sql, path);
    silt_buf_printf(sql, ", header = %s, skip = %d, ignore_errors = true, sample_size = %" PRId64,
                    o->no_header ? "false" : "true", skip, sample_rows);
    put_option(sql, "delim", o->delimiter);
    put_option(sql, "quote", o->quote);
    put_option(sql, "escape", o->escape);
    put_option(sql, "comment", o->comment);
    put_option(sql, "encoding", o->encoding);
    if (!silt_streq(o->compression, "auto")) put_option(sql, "compression", o->compression);
    put_option(sql, "dateformat", o->date_format);
    put_option(sql, "timestampformat", o->timestamp_format);
    if (o->decimal_separator == ',') put_option(sql, "decimal_separator", ",");
    put_list(sql, o);
    silt_duck_put_csv_buffers(sql, db);
    silt_buf_puts(sql, ", auto_type_candidates = ['NULL', 'BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', "
                       "'TIMESTAMP', 'TIMESTAMPTZ', 'VARCHAR']))");
}

static const silt_type *csv_type(silt_bytes name)
{
    static const struct {
        const char *name;
        silt_type type;
    } known[] = {
        {"BOOLEAN", {.kind = SILT_TYPE_BOOLEAN}},
        {"BIGINT", {.kind = SILT_TYPE_LONG}},
        {"DOUBLE", {.kind = SILT_TYPE_DOUBLE}},
        {"DATE", {.kind = SILT_TYPE_DATE}},
        {"TIMESTAMP", {.kind = SILT_TYPE_TIMESTAMP}},
        {"TIMESTAMP WITH TIME ZONE", {.kind = SILT_TYPE_TIMESTAMP}},
    };
    for (size_t i = 0; i < SILT_COUNT(known); i++)
        if (silt_bytes_equal(name, silt_bytes_of(known[i].name))) return &known[i].type;
    return &text_type;
}

static silt_bytes text_at(duckdb_data_chunk chunk, idx_t column, idx_t row)
{
    duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, column);
    if (!silt_duck_valid(silt_duck.vector_get_validity(v), row)) return (silt_bytes){0};
    return silt_duck_bytes(silt_duck.vector_get_data(v), row);
}

#define ISO_DATE "%Y-%m-%d"
#define ISO_TIME "%Y-%m-%d %H:%M:%S"

/* Whether a format that DuckDB found is another than a cast takes. Where the year doesn't come
 * first day and month may be meant the other way round, and the next file might be taken for that.
 */
static bool is_doubtful(silt_bytes format)
{
    if (format.size > 8) format.size = 8; /* a time may follow */
    return format.size > 0 && !silt_bytes_equal(format, SILT_STR("%Y-%m-%d")) &&
           !silt_bytes_equal(format, SILT_STR("%Y/%m/%d"));
}

/* 20-05-01: to the standard's format it is a day of the year 20. */
static bool has_short_year(silt_bytes format)
{
    for (size_t i = 0; i + 1 < format.size; i++)
        if (format.data[i] == '%' && format.data[i + 1] == 'y') return true;
    return false;
}

/* What DuckDB says of one CSV. */
typedef struct findings {
    const silt_type **types; /* by position */
    bool odd_dates, odd_times, short_years;
} findings;

static silt_status look_at(table *t, const silt_source_options *o, const char *path, int skip,
                           int64_t sample_rows, findings *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    *out =
        (findings){.types = silt_arena_calloc(t->arena, t->columns.count + 1, sizeof *out->types)};
    if (!out->types) return silt_fail_nomem(err);
    put_sniff(&sql, t->db, o, path, skip, sample_rows);
    SILT_TRY(silt_duck_query(t->db, &sql, &result, err));
    size_t column = 0;
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) break;
        for (idx_t i = 0; i < silt_duck.data_chunk_get_size(chunk); i++, column++) {
            if (column == 0) {
                out->odd_dates = is_doubtful(text_at(chunk, 0, i));
                out->odd_times = is_doubtful(text_at(chunk, 1, i));
                out->short_years = has_short_year(text_at(chunk, 0, i));
            }
            if (column < t->columns.count) out->types[column] = csv_type(text_at(chunk, 2, i));
        }
    }
    if (column == t->columns.count) return SILT_OK;
    return silt_fail(err, SILT_BAD_DATA, "%zu columns where the header has %zu", column,
                     t->columns.count);
}

/* Types of one CSV, by position. Dates that may be others are texts. */
static silt_status types_of(table *t, size_t file, const silt_source_options *given,
                            const char *path, int skip, int64_t sample_rows, silt_error *err)
{
    findings f;
    silt_source_options o = *given;
    SILT_TRY(look_at(t, &o, path, skip, sample_rows, &f, err));
    if ((f.odd_dates && !o.date_format) || (f.odd_times && !o.timestamp_format)) {
        if (!o.date_format) o.date_format = ISO_DATE;
        if (!o.timestamp_format) o.timestamp_format = ISO_TIME;
        bool short_years = f.short_years && !given->date_format;
        SILT_TRY(look_at(t, &o, path, skip, sample_rows, &f, err));
        for (size_t c = 0; short_years && c < t->columns.count; c++)
            if (f.types[c]->kind == SILT_TYPE_DATE || f.types[c]->kind == SILT_TYPE_TIMESTAMP)
                f.types[c] = &text_type;
    }
    for (size_t c = 0; c < t->columns.count; c++)
        t->columns.items[c].types[file] = f.types[c];
    return SILT_OK;
}

/* An empty file of a name of its own; NULL: there can't be one. */
static char *temporary(silt_arena *arena)
{
    const char *base = getenv("TMPDIR");
    char *path = silt_arena_printf(arena, "%s/silt-sniff-XXXXXX", base && *base ? base : "/tmp");
    int fd = path ? mkstemp(path) : -1;
    if (fd < 0) return NULL;
    close(fd);
    return path;
}

/* Of the rows that are sound: DuckDB looks for no types where it finds others first. */
static silt_status sound_types(table *t, size_t file, int skip, int64_t sample_rows,
                               silt_error *err)
{
    silt_source_options o = t->options;
    char *plain = temporary(t->arena), *copy = temporary(t->arena);
    silt_status st = plain && copy ? SILT_OK : silt_fail(err, SILT_IO, "no temporary files");
    if (st == SILT_OK) st = silt_text_plain(&o, t->files[file].local_path, plain, err);
    o.compression = "none";
    o.encoding = NULL;
    if (st == SILT_OK) st = silt_text_sound(&o, t->columns.count, plain, copy, err);
    if (st == SILT_OK) st = types_of(t, file, &o, copy, skip, sample_rows, err);
    if (plain) unlink(plain);
    if (copy) unlink(copy);
    return st;
}

static silt_status csv_types(table *t, size_t file, int skip, int64_t sample_rows, silt_error *err)
{
    silt_error why = {0};
    silt_status st =
        types_of(t, file, &t->options, t->files[file].local_path, skip, sample_rows, err);
    if (st != SILT_FAILED && st != SILT_BAD_DATA) return st;
    silt_status again = sound_types(t, file, skip, sample_rows, &why);
    if (again == SILT_BAD_DATA && err) *err = why; /* it says where, DuckDB a page of advice */
    if (again != SILT_OK && strstr(silt_buf_bytes(&t->db->error_text).data, "Maximum line size"))
        return silt_fail(err, SILT_BAD_DATA, "a row is longer than 2 MB");
    return again == SILT_OK || again == SILT_BAD_DATA ? again : st;
}

static silt_status sniff_csv(table *t, size_t file, int64_t sample_rows, silt_error *err)
{
    const char *path = t->files[file].local_path;
    silt_csv_header header = {0};
    silt_source_options o = t->options;
    if (!o.delimiter) SILT_TRY(silt_csv_guess_delimiter(&o, path, &o.delimiter, err));
    SILT_TRY(silt_csv_header_read(&o, path, t->arena, &header, err));
    if (header.count == 0) return SILT_OK; /* empty: says nothing, not even of the delimiter */
    t->options.delimiter = o.delimiter;
    bool first = t->columns.count == 0;
    for (size_t i = 0; first && i < header.count; i++) {
        sniffed *column = NULL;
        SILT_TRY(add_column(t, header.names[i], &column, err));
    }
    if (header.count != t->columns.count)
        return silt_fail(err, SILT_BAD_DATA, "%zu columns where other files have %zu", header.count,
                         t->columns.count);
    return header.has_rows ? csv_types(t, file, header.skip, sample_rows, err) : SILT_OK;
}

/* ---- NDJSON and Parquet ---------------------------------------------------------------------- */

/* A time without a zone is one in the session's: an instant, within nested types too. */
static const silt_type *with_zone(const silt_type *type, silt_arena *arena)
{
    if (type->kind == SILT_TYPE_TIMESTAMP_NTZ) return &instant_type;
    if (type->kind != SILT_TYPE_STRUCT && type->kind != SILT_TYPE_ARRAY &&
        type->kind != SILT_TYPE_MAP)
        return type;
    silt_type *out = silt_arena_calloc(arena, 1, sizeof *out);
    if (!out) return NULL;
    *out = *type;
    if (type->element) out->element = with_zone(type->element, arena);
    silt_field *fields = silt_arena_calloc(arena, type->field_count + 1, sizeof *fields);
    if (!fields || (type->element && !out->element)) return NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        fields[i].type = with_zone(type->fields[i].type, arena);
        if (!fields[i].type) return NULL;
    }
    out->fields = fields;
    return out;
}

static silt_status is_empty(const table *t, size_t file, bool *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) head = {0};
    bool whole = false;
    SILT_TRY(silt_text_head(&t->options, t->files[file].local_path, 4096, &head, &whole, err));
    *out = whole && (head.size == 0 || strspn(head.data, " \t\r\n") == head.size);
    return SILT_OK;
}

static void put_json(silt_buf *sql, const table *t, const char *path, bool plain,
                     int64_t sample_rows)
{
    silt_buf_puts(sql, "SELECT * FROM read_json([");
    silt_sql_text(sql, path);
    silt_buf_printf(sql,
                    "], format = 'newline_delimited', records = 'true', ignore_errors = true, "
                    "maximum_depth = -1, convert_strings_to_integers = false, "
                    "hive_partitioning = false, sample_size = %" PRId64,
                    sample_rows);
    if (!plain && !silt_streq(t->options.compression, "auto"))
        put_option(sql, "compression", t->options.compression);
    /* else 01-02-2020 is a date, too */
    put_option(sql, "dateformat", t->options.date_format ? t->options.date_format : ISO_DATE);
    put_option(sql, "timestampformat", t->options.timestamp_format);
    silt_buf_putc(sql, ')');
}

static silt_status describe_json(table *t, const char *path, bool plain, int64_t sample_rows,
                                 const silt_column **columns, size_t *count, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    put_json(&sql, t, path, plain, sample_rows);
    return silt_duck_describe(t->db, &sql, t->arena, columns, count, err);
}

/* DuckDB takes a file with a line that is no object for one without records: the others tell. */
static silt_status sniff_json(table *t, size_t file, int64_t sample_rows,
                              const silt_column **columns, size_t *count, silt_error *err)
{
    const char *path = t->files[file].local_path;
    silt_status st = describe_json(t, path, false, sample_rows, columns, count, err);
    if (st != SILT_FAILED) return st;
    char *copy = temporary(t->arena);
    if (!copy) return st;
    silt_error other = {0};
    silt_status again = silt_text_objects(&t->options, path, copy, &other);
    if (again == SILT_OK) again = describe_json(t, copy, true, sample_rows, columns, count, &other);
    unlink(copy);
    if (again != SILT_OK) return st; /* what it said of the file itself */
    return SILT_OK;
}

static silt_status sniff_named(table *t, size_t file, int64_t sample_rows, silt_error *err)
{
    const silt_column *columns = NULL;
    size_t count = 0;
    if (t->format == SILT_FORMAT_PARQUET) {
        SILT_TRY(silt_duck_parquet_columns(t->db, t->files[file].local_path, t->arena, &columns,
                                           &count, err));
    } else {
        bool empty = false;
        SILT_TRY(is_empty(t, file, &empty, err));
        if (empty) return SILT_OK;
        SILT_TRY(sniff_json(t, file, sample_rows, &columns, &count, err));
    }
    for (size_t i = 0; i < count; i++) {
        sniffed *column = NULL;
        for (size_t c = 0; c < t->columns.count && !column; c++)
            if (silt_streq(t->columns.items[c].name, columns[i].name))
                column = &t->columns.items[c];
        if (!column) SILT_TRY(add_column(t, columns[i].name, &column, err));
        column->types[file] = t->format == SILT_FORMAT_PARQUET
                                  ? columns[i].type
                                  : with_zone(columns[i].type, t->arena);
        if (!column->types[file]) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* ---- second looks ---------------------------------------------------------------------------- */

/* Rows of one file in which a column, read as text, fulfils `before` column `after`; for each
 * column that is asked for, else 0. */
static silt_status ask(table *t, size_t file,
                       bool (*of)(const table *t, size_t column, size_t file), const char *before,
                       const char *after, int64_t *answers, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_column *columns =
        scratch ? silt_arena_calloc(scratch, t->columns.count + 1, sizeof *columns) : NULL;
    if (!columns) return silt_fail_nomem(err);
    silt_csv_header header = {0};
    if (t->format == SILT_FORMAT_CSV)
        SILT_TRY(
            silt_csv_header_read(&t->options, t->files[file].local_path, scratch, &header, err));
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT ");
    for (size_t c = 0; c < t->columns.count; c++) {
        SILT_CLEAN(silt_buf) name = {0};
        columns[c] = (silt_column){t->columns.items[c].name, &text_type};
        silt_buf_puts(&sql, c ? ", " : "");
        if (!of(t, c, file)) {
            silt_buf_puts(&sql, "0::BIGINT");
            continue;
        }
        if (t->format == SILT_FORMAT_CSV)
            silt_buf_printf(&name, "c%zu", c);
        else
            silt_sql_name(&name, columns[c].name);
        if (name.failed) return silt_fail_nomem(err);
        silt_buf_printf(&sql, "count(CASE WHEN %s%s%s THEN 1 END)", before, name.data, after);
    }
    silt_buf_putc(&sql, ' ');
    silt_source_group group = {.format = t->format,
                               .options = t->options,
                               .files = t->files,
                               .file_count = t->file_count,
                               .columns = columns,
                               .column_count = t->columns.count};
    silt_stage_spec spec = {.groups = &group, .group_count = 1};
    const silt_source_file *files[] = {&t->files[file]};
    silt_duck_sources sources = {.db = t->db, .spec = &spec, .files = files, .file_count = 1};
    silt_duck_part part = {.count = 1, .skip = header.skip};
    SILT_TRY(silt_duck_source_from(&sources, &part, 0, 1, &sql, err));
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(t->db, &sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    for (size_t c = 0; chunk && c < t->columns.count; c++)
        answers[c] =
            *(int64_t *)silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, c));
    return SILT_OK;
}

static bool is_text(const table *t, size_t column, size_t file)
{
    const silt_type *type = t->columns.items[column].types[file];
    return type && type->kind == SILT_TYPE_STRING;
}

/* A column without any value is sniffed as text: where other files know better, it has no say. */
static silt_status drop_empty_columns(table *t, size_t file, int64_t *counts, silt_error *err)
{
    bool doubtful = false;
    for (size_t c = 0; c < t->columns.count; c++)
        for (size_t f = 0; is_text(t, c, file) && f < t->file_count; f++)
            doubtful |= t->columns.items[c].types[f] && !is_text(t, c, f);
    if (!doubtful) return SILT_OK;
    silt_error why = {0};
    silt_status st = ask(t, file, is_text, "", " IS NOT NULL", counts, &why);
    if (st == SILT_FAILED) return SILT_OK; /* a broken row: text it stays */
    if (st != SILT_OK) return bad_file(&t->files[file], st, &why, err);
    for (size_t c = 0; c < t->columns.count; c++)
        if (is_text(t, c, file) && counts[c] == 0) t->columns.items[c].types[file] = NULL;
    return SILT_OK;
}

/* Whether the whole numbers of a file would become doubles, by its own type or another's. */
static bool becomes_double(const table *t, size_t column, size_t file)
{
    const silt_type *const *types = t->columns.items[column].types;
    bool any = false;
    if (!types[file]) return false;
    for (size_t f = 0; types[file]->kind == SILT_TYPE_LONG && f < t->file_count && !any; f++)
        any = types[f] && types[f]->kind == SILT_TYPE_DOUBLE;
    return any || types[file]->kind == SILT_TYPE_DOUBLE;
}

#define DIGITS_LOST 16 /* of a whole number with so many a double doesn't keep all */

/* Whole numbers beyond 64 bits, or beside fractions, are sniffed as doubles, which would cut their
 * last digits: those are text. */
static silt_status keep_digits(table *t, size_t file, int64_t *counts, silt_error *err)
{
    bool doubtful = false;
    char whole[64];
    for (size_t c = 0; c < t->columns.count; c++)
        doubtful |= becomes_double(t, c, file);
    if (!doubtful) return SILT_OK;
    silt_error why = {0};
    silt_status st = silt_text_may_have_long_numbers(&t->options, t->files[file].local_path,
                                                     DIGITS_LOST, &doubtful, &why);
    if (st != SILT_OK) return bad_file(&t->files[file], st, &why, err);
    if (!doubtful) return SILT_OK;
    (void)snprintf(whole, sizeof whole, ", '\\s*[-+]?[0-9]{%d,}\\s*')", DIGITS_LOST);
    st = ask(t, file, becomes_double, "regexp_full_match(", whole, counts, &why);
    if (st == SILT_FAILED) return SILT_OK;
    if (st != SILT_OK) return bad_file(&t->files[file], st, &why, err);
    for (size_t c = 0; c < t->columns.count; c++)
        if (counts[c] > 0) t->columns.items[c].types[file] = &text_type;
    return SILT_OK;
}

static silt_status look_again(table *t, silt_error *err)
{
    int64_t *counts = silt_arena_calloc(t->arena, t->columns.count + 1, sizeof *counts);
    if (!counts) return silt_fail_nomem(err);
    for (size_t f = 0; f < t->file_count; f++) {
        SILT_TRY(drop_empty_columns(t, f, counts, err));
        SILT_TRY(keep_digits(t, f, counts, err));
    }
    return SILT_OK;
}

/* ---- all together ---------------------------------------------------------------------------- */

static silt_status unite(const table *t, const silt_column **out, silt_error *err)
{
    silt_column *columns = silt_arena_calloc(t->arena, t->columns.count + 1, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    for (size_t c = 0; c < t->columns.count; c++) {
        const silt_type *type = NULL;
        for (size_t f = 0; f < t->file_count; f++) {
            const silt_type *one = t->columns.items[c].types[f];
            if (!one) continue;
            type = type ? silt_duck_type_union(type, one, t->arena) : one;
            if (!type) return silt_fail_nomem(err);
        }
        columns[c] = (silt_column){t->columns.items[c].name, type ? type : &text_type};
    }
    *out = columns;
    return SILT_OK;
}

static silt_status sniff(table *t, int64_t sample_rows, silt_error *err)
{
    for (size_t f = 0; f < t->file_count; f++) {
        silt_error why = {0};
        silt_status st = t->format == SILT_FORMAT_CSV ? sniff_csv(t, f, sample_rows, &why)
                                                      : sniff_named(t, f, sample_rows, &why);
        if (st != SILT_OK) return bad_file(&t->files[f], st, &why, err);
    }
    return t->format == SILT_FORMAT_PARQUET ? SILT_OK : look_again(t, err);
}

static void complete(silt_source_options *o)
{
    if (!o->delimiter) o->delimiter = ",";
    if (!o->quote) o->quote = "\"";
    if (!o->escape) o->escape = o->quote;
    if (!o->comment) o->comment = "";
    if (!o->encoding) o->encoding = "utf-8";
    if (!o->compression) o->compression = "auto";
    if (!o->decimal_separator) o->decimal_separator = '.';
}

silt_status silt_duck_sniff(silt_engine *engine, silt_format format,
                            const silt_source_options *given, const silt_source_file *files,
                            size_t file_count, int64_t sample_rows, silt_arena *arena,
                            silt_source_options *options, const silt_column **columns,
                            size_t *column_count, silt_error *err)
{
    table t = {.db = silt_duck_of(engine),
               .arena = arena,
               .format = format,
               .files = files,
               .file_count = file_count};
    if (given) t.options = *given;
    const char *delimiter = t.options.delimiter;
    complete(&t.options);
    t.options.delimiter = delimiter; /* still to be found */
    SILT_TRY(silt_duck_start(t.db, err));
    silt_status st = sniff(&t, sample_rows, err);
    const silt_column *found = NULL;
    if (st == SILT_OK) st = unite(&t, &found, err);
    size_t count = t.columns.count;
    silt_vec_free(&t.columns);
    if (st != SILT_OK) return st;
    complete(&t.options);
    *options = t.options;
    *columns = found;
    *column_count = count;
    return SILT_OK;
}

silt_status silt_duck_header(silt_engine *engine, silt_format format,
                             const silt_source_options *options, const char *local_path,
                             silt_arena *arena, const char *const **names, size_t *count,
                             silt_error *err)
{
    *names = NULL;
    *count = 0;
    if (format == SILT_FORMAT_NDJSON) return SILT_OK;
    if (format == SILT_FORMAT_CSV) {
        silt_csv_header header = {0};
        silt_status st = silt_csv_header_read(options, local_path, arena, &header, err);
        if (st != SILT_OK) return silt_wrap(err, st, "%s", local_path);
        *names = header.names;
        *count = header.count;
        return SILT_OK;
    }
    const silt_column *columns = NULL;
    size_t found = 0;
    SILT_TRY(silt_duck_start(silt_duck_of(engine), err));
    silt_status st =
        silt_duck_parquet_columns(silt_duck_of(engine), local_path, arena, &columns, &found, err);
    if (st != SILT_OK)
        return st == SILT_FAILED ? silt_wrap(err, SILT_BAD_DATA, "%s", local_path) : st;
    const char **out = silt_arena_calloc(arena, found + 1, sizeof *out);
    if (!out) return silt_fail_nomem(err);
    for (size_t i = 0; i < found; i++)
        out[i] = columns[i].name;
    *names = out;
    *count = found;
    return SILT_OK;
}
