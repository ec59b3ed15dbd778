/* Rows of a program into Parquet files: COPY from a table function that pulls an Arrow stream.
 *
 * The values are copied into DuckDB's vectors here, and not by duckdb_arrow_scan (wrong on a subset
 * of columns) or duckdb_data_chunk_from_arrow (which takes text for UTF-8 that isn't, and makes
 * chunks longer than a scan may give). Only one thread ever calls the stream. */
#include "engine/arrow.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_stream.h"

#define MS_A_DAY    INT64_C(86400000)
#define US_A_SECOND INT64_C(1000000)
#define NO_COLUMN   SIZE_MAX

static const char arrow_function[] = "silt_arrow"; /* its address is the kind of the scan, too */

/* A column of the stream and the one that it becomes. */
typedef struct pairing {
    size_t from;
    const silt_output_column *to;
} pairing;

/* One call. */
typedef struct arrow_write {
    silt_duck_scan scan;
    silt_duck_engine *db;
    const silt_arrow_spec *spec;
    const silt_arrow_column *columns; /* of the stream */
    size_t column_count;
    const pairing *pairs; /* of all the stream's columns, in the order of the table's */
    bool *given;          /* by output column: isn't computed */
    bool *guarded;        /* by output column: is computed */
    silt_duck_numbers numbers;
    struct ArrowArray batch;
    size_t next;  /* row of the batch */
    int64_t rows; /* of the batches before */
    bool ended;
    silt_status status; /* why it ended, which DuckDB couldn't carry */
    silt_error err;
} arrow_write;

static void arrow_write_release(arrow_write *w)
{
    silt_arrow_array_release(&w->batch);
    silt_duck_numbers_release(&w->numbers);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Rows of one column on their way from a batch into a vector. */
typedef struct piece {
    arrow_write *w;
    const silt_arrow_column *column;
    const struct ArrowArray *array;
    const void *validity; /* NULL: none is null */
    const char *values;
    size_t first; /* place of the first row in the buffers */
    size_t count;
    duckdb_vector out;
    char *data; /* of `out` */
    size_t to;  /* row of `out` */
} piece;

static bool is_null(const piece *p, size_t i)
{
    return p->validity && !silt_arrow_bit(p->validity, p->first + i);
}

static silt_status bad_value(const piece *p, size_t i, const char *what)
{
    return silt_fail(&p->w->err, SILT_INVALID, "rows: row %" PRId64 ", column %s: %s",
                     p->w->rows + (int64_t)(p->w->next + i) + 1, p->column->name, what);
}

static silt_status put_nulls(const piece *p, bool not_null)
{
    bool all = p->column->layout == SILT_ARROW_NULLS;
    uint64_t *validity = NULL;
    if (!p->validity && !all) return SILT_OK;
    for (size_t i = 0; i < p->count; i++) {
        if (!all && !is_null(p, i)) continue;
        if (not_null) return bad_value(p, i, "null, where the table allows none");
        if (!validity) {
            silt_duck.vector_ensure_validity_writable(p->out);
            validity = silt_duck.vector_get_validity(p->out);
        }
        validity[(p->to + i) / 64] &= ~((uint64_t)1 << (p->to + i) % 64);
    }
    return SILT_OK;
}

static int64_t int64_at(const piece *p, size_t i)
{
    int64_t value;
    memcpy(&value, p->values + (p->first + i) * sizeof value, sizeof value);
    return value;
}

static silt_status put_days(const piece *p)
{
    int32_t *out = (int32_t *)p->data + p->to;
    for (size_t i = 0; i < p->count; i++) {
        int64_t days;
        if (is_null(p, i)) continue;
        if (p->column->layout == SILT_ARROW_DAYS_MS) {
            int64_t ms = int64_at(p, i);
            if (ms % MS_A_DAY) return bad_value(p, i, "a time of day in a date");
            days = ms / MS_A_DAY;
        } else {
            int32_t value;
            memcpy(&value, p->values + (p->first + i) * sizeof value, sizeof value);
            days = value;
        }
        /* The ends are DuckDB's infinities. */
        if (days >= INT32_MAX || days <= -INT32_MAX) return bad_value(p, i, "out of range");
        out[i] = (int32_t)days;
    }
    return SILT_OK;
}

static silt_status put_times(const piece *p)
{
    int64_t *out = (int64_t *)p->data + p->to, per_second = p->column->per_second;
    for (size_t i = 0; i < p->count; i++) {
        if (is_null(p, i)) continue;
        int64_t us = int64_at(p, i);
        if (per_second > US_A_SECOND) {
            if (us % (per_second / US_A_SECOND))
                return bad_value(p, i, "nanoseconds, where the table keeps microseconds");
            us /= per_second / US_A_SECOND;
        } else if (__builtin_mul_overflow(us, US_A_SECOND / per_second, &us)) {
            us = INT64_MAX;
        }
        if (us == INT64_MAX || us <= -INT64_MAX) return bad_value(p, i, "out of range");
        out[i] = us;
    }
    return SILT_OK;
}

/* DuckDB has them in as many bytes as their digits need. */
static silt_status put_decimals(const piece *p)
{
    int precision = p->column->type->precision;
    __int128 limit = 1;
    for (int i = 0; i < precision; i++)
        limit *= 10;
    size_t width = precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
    for (size_t i = 0; i < p->count; i++) {
        __int128 value;
        if (is_null(p, i)) continue;
        memcpy(&value, p->values + (p->first + i) * sizeof value, sizeof value);
        if (value >= limit || value <= -limit) return bad_value(p, i, "too many digits");
        memcpy(p->data + (p->to + i) * width, &value, width); /* little endian */
    }
    return SILT_OK;
}

static silt_bytes text_at(const piece *p, size_t i)
{
    size_t at = p->first + i;
    int64_t from, to;
    if (p->column->layout == SILT_ARROW_BYTES)
        return (silt_bytes){p->values + at * p->column->width, p->column->width};
    if (p->column->layout == SILT_ARROW_TEXT_LARGE) {
        from = int64_at(p, i);
        to = int64_at(p, i + 1);
    } else {
        int32_t ends[2];
        memcpy(ends, p->values + at * sizeof *ends, sizeof ends);
        from = ends[0];
        to = ends[1];
    }
    const char *data = p->array->buffers[2];
    if (from < 0 || to < from || to - from > INT32_MAX || (to > from && !data))
        return (silt_bytes){0};
    return (silt_bytes){data ? data + from : "", (size_t)(to - from)};
}

static silt_status put_texts(const piece *p)
{
    bool text = p->column->type->kind == SILT_TYPE_STRING;
    for (size_t i = 0; i < p->count; i++) {
        if (is_null(p, i)) continue;
        silt_bytes value = text_at(p, i);
        if (!value.data) return bad_value(p, i, "a value without a place or too long");
        if (text && !silt_utf8_valid(value)) return bad_value(p, i, "text that is not UTF-8");
        silt_duck.vector_assign_string_element_len(p->out, p->to + i, value.data, value.size);
    }
    return SILT_OK;
}

static silt_status put_piece(const piece *p)
{
    size_t width = p->column->width;
    switch (p->column->layout) {
    case SILT_ARROW_NULLS:
        return SILT_OK;
    case SILT_ARROW_BITS:
        for (size_t i = 0; i < p->count; i++)
            p->data[p->to + i] = silt_arrow_bit(p->values, p->first + i);
        return SILT_OK;
    case SILT_ARROW_FIXED:
        memcpy(p->data + p->to * width, p->values + p->first * width, p->count * width);
        return SILT_OK;
    case SILT_ARROW_DECIMAL:
        return put_decimals(p);
    case SILT_ARROW_DAYS:
    case SILT_ARROW_DAYS_MS:
        return put_days(p);
    case SILT_ARROW_TIME:
        return put_times(p);
    default:
        return put_texts(p);
    }
}

/* `count` rows of the batch to row `to` of the chunk. */
static silt_status put_rows(arrow_write *w, duckdb_data_chunk chunk, size_t to, size_t count)
{
    for (size_t i = 0; i < w->column_count; i++) {
        size_t c = w->pairs[i].from;
        const struct ArrowArray *array = w->batch.children[c];
        bool none = w->columns[c].layout == SILT_ARROW_NULLS;
        piece p = {.w = w,
                   .column = &w->columns[c],
                   .array = array,
                   .validity = none ? NULL : silt_arrow_validity(array),
                   .values = none ? NULL : array->buffers[1],
                   .first = silt_arrow_first(&w->batch, c) + w->next,
                   .count = count,
                   .out = silt_duck.data_chunk_get_vector(chunk, i),
                   .to = to};
        p.data = silt_duck.vector_get_data(p.out);
        SILT_TRY(put_nulls(&p, w->pairs[i].to->not_null));
        SILT_TRY(put_piece(&p));
    }
    return SILT_OK;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static silt_status stream_failed(struct ArrowArrayStream *rows, int errnum, silt_error *err)
{
    const char *why = rows->get_last_error ? rows->get_last_error(rows) : NULL;
    silt_status st = silt_fail_errno(err, errnum, "rows: the stream failed");
    if (st == SILT_NOMEM) return st;
    if (why && *why) (void)silt_fail(err, SILT_FAILED, "rows: %s", why);
    if (err) {
        err->status = SILT_FAILED;
        err->cause = errnum;
    }
    return SILT_FAILED;
}

static silt_status next_batch(arrow_write *w)
{
    struct ArrowArrayStream *rows = w->spec->rows;
    SILT_TRY(silt_duck_check(w->db, &w->err));
    w->rows += w->batch.release ? w->batch.length : 0;
    silt_arrow_array_release(&w->batch);
    w->batch = (struct ArrowArray){0};
    w->next = 0;
    int failed = rows->get_next(rows, &w->batch);
    if (failed) {
        w->batch.release = NULL;
        return stream_failed(rows, failed, &w->err);
    }
    w->ended = !w->batch.release;
    if (w->ended) return SILT_OK;
    return silt_arrow_check(w->columns, w->column_count, &w->batch, &w->err);
}

static silt_status fill_chunk(arrow_write *w, duckdb_data_chunk chunk, size_t *rows)
{
    size_t capacity = silt_duck.vector_size();
    while (*rows < capacity && !w->ended) {
        size_t left = w->batch.release ? (size_t)w->batch.length - w->next : 0;
        if (!left) {
            SILT_TRY(next_batch(w));
            continue;
        }
        size_t count = left < capacity - *rows ? left : capacity - *rows;
        SILT_TRY(put_rows(w, chunk, *rows, count));
        w->next += count;
        *rows += count;
    }
    return SILT_OK;
}

/* ---- the table function silt_arrow(id) ------------------------------------------------------- */

/* The type in which put_piece() gives a column. */
static duckdb_logical_type given_type(const silt_arrow_column *column)
{
    static const duckdb_type types[] = {
        [SILT_TYPE_BOOLEAN] = DUCKDB_TYPE_BOOLEAN,
        [SILT_TYPE_BYTE] = DUCKDB_TYPE_TINYINT,
        [SILT_TYPE_SHORT] = DUCKDB_TYPE_SMALLINT,
        [SILT_TYPE_INTEGER] = DUCKDB_TYPE_INTEGER,
        [SILT_TYPE_LONG] = DUCKDB_TYPE_BIGINT,
        [SILT_TYPE_FLOAT] = DUCKDB_TYPE_FLOAT,
        [SILT_TYPE_DOUBLE] = DUCKDB_TYPE_DOUBLE,
        [SILT_TYPE_STRING] = DUCKDB_TYPE_VARCHAR,
        [SILT_TYPE_BINARY] = DUCKDB_TYPE_BLOB,
        [SILT_TYPE_DATE] = DUCKDB_TYPE_DATE,
        [SILT_TYPE_TIMESTAMP] = DUCKDB_TYPE_TIMESTAMP_TZ,
        [SILT_TYPE_TIMESTAMP_NTZ] = DUCKDB_TYPE_TIMESTAMP,
        [SILT_TYPE_VOID] = DUCKDB_TYPE_VARCHAR,
    };
    static const duckdb_type unsigned_types[] = {[1] = DUCKDB_TYPE_UTINYINT,
                                                 [2] = DUCKDB_TYPE_USMALLINT,
                                                 [4] = DUCKDB_TYPE_UINTEGER,
                                                 [8] = DUCKDB_TYPE_UBIGINT};
    if (column->is_unsigned) return silt_duck.create_logical_type(unsigned_types[column->width]);
    if (column->type->kind == SILT_TYPE_DECIMAL)
        return silt_duck.create_decimal_type(column->type->precision, column->type->scale);
    return silt_duck.create_logical_type(types[column->type->kind]);
}

static void arrow_bind(duckdb_bind_info info)
{
    silt_duck_engine *db = silt_duck.bind_get_extra_info(info);
    duckdb_value id = silt_duck.bind_get_parameter(info, 0);
    arrow_write *w = silt_duck_scan_data(db, silt_duck.get_int64(id), arrow_function);
    silt_duck.destroy_value(&id);
    if (!w) {
        silt_duck.bind_set_error(info, "silt_arrow is for the engine's own use");
        return;
    }
    for (size_t i = 0; i < w->column_count; i++) {
        SILT_CLEAN(silt_duck_type) type = given_type(&w->columns[w->pairs[i].from]);
        silt_duck.bind_add_result_column(info, w->pairs[i].to->name, type);
    }
    silt_duck.bind_set_bind_data(info, w, NULL);
}

static void arrow_init(duckdb_init_info info)
{
    silt_duck.init_set_max_threads(info, 1);
}

static void arrow_run(duckdb_function_info info, duckdb_data_chunk chunk)
{
    arrow_write *w = silt_duck.function_get_bind_data(info);
    size_t rows = 0;
    w->status = fill_chunk(w, chunk, &rows);
    if (w->status != SILT_OK) silt_duck.function_set_error(info, w->err.message);
    silt_duck.data_chunk_set_size(chunk, w->status == SILT_OK ? rows : 0);
}

silt_status silt_duck_arrow_register(silt_duck_engine *db, silt_error *err)
{
    duckdb_table_function f = silt_duck.create_table_function();
    SILT_CLEAN(silt_duck_type) id = silt_duck.create_logical_type(DUCKDB_TYPE_BIGINT);
    silt_duck.table_function_set_name(f, arrow_function);
    silt_duck.table_function_add_parameter(f, id);
    silt_duck.table_function_set_extra_info(f, db, NULL);
    silt_duck.table_function_set_bind(f, arrow_bind);
    silt_duck.table_function_set_init(f, arrow_init);
    silt_duck.table_function_set_function(f, arrow_run);
    duckdb_state state = silt_duck.register_table_function(db->connection, f);
    silt_duck.destroy_table_function(&f);
    if (state == DuckDBSuccess) return SILT_OK;
    return silt_fail(err, SILT_FAILED, "engine: function %s can't be registered", arrow_function);
}

/* ---- columns by name ------------------------------------------------------------------------- */

static void list(silt_buf *names, const char *name)
{
    if (names->size) silt_buf_puts(names, ", ");
    silt_buf_puts(names, name);
}

static size_t find_column(const arrow_write *w, const char *name)
{
    for (size_t c = 0; name && c < w->column_count; c++)
        if (silt_streq(w->columns[c].name, name)) return c;
    return NO_COLUMN;
}

static silt_status check_unknown(const arrow_write *w, const bool *known, silt_error *err)
{
    SILT_CLEAN(silt_buf) names = {0};
    for (size_t c = 0; c < w->column_count; c++)
        if (!known[c]) list(&names, w->columns[c].name);
    if (names.failed) return silt_fail_nomem(err);
    if (!names.size) return SILT_OK;
    return silt_fail(err, SILT_INVALID, "rows: columns that the table doesn't have: %s",
                     names.data);
}

static silt_status match(arrow_write *w, silt_arena *arena, silt_error *err)
{
    const silt_arrow_spec *spec = w->spec;
    pairing *pairs = silt_arena_calloc(arena, w->column_count, sizeof *pairs);
    bool *known = silt_arena_calloc(arena, w->column_count, sizeof *known);
    SILT_CLEAN(silt_buf) other = {0}, missing = {0};
    size_t count = 0;
    w->given = silt_arena_calloc(arena, spec->column_count, sizeof *w->given);
    w->guarded = silt_arena_calloc(arena, spec->column_count, sizeof *w->guarded);
    if (!pairs || !known || !w->given || !w->guarded) return silt_fail_nomem(err);
    for (size_t i = 0; i < spec->column_count; i++) {
        const silt_output_column *to = &spec->columns[i];
        bool looked_for = to->kind != SILT_OUTPUT_VALUE && to->kind != SILT_OUTPUT_SOURCE_FILE;
        size_t c = looked_for ? find_column(w, to->source) : NO_COLUMN;
        w->guarded[i] = c == NO_COLUMN && silt_output_is_computed(to);
        w->given[i] = !w->guarded[i];
        if (to->kind == SILT_OUTPUT_SOURCE_FILE)
            return silt_fail(err, SILT_INVALID, "column %s: rows of a program have no source file",
                             silt_output_label(to));
        if (c == NO_COLUMN) {
            if (to->not_null && to->kind == SILT_OUTPUT_SOURCE && !to->expr)
                list(&missing, silt_output_label(to));
            continue;
        }
        known[c] = true;
        pairs[count++] = (pairing){c, to};
        if (silt_arrow_fits(w->columns[c].type, to->type)) continue;
        list(&other, w->columns[c].name);
        silt_buf_printf(&other, " (%s, not %s)", silt_type_name(w->columns[c].type, arena),
                        silt_type_name(to->type, arena));
    }
    w->pairs = pairs;
    SILT_TRY(check_unknown(w, known, err));
    if (other.failed || missing.failed) return silt_fail_nomem(err);
    if (other.size)
        return silt_fail(err, SILT_INVALID, "rows: types that don't fit the table's: %s",
                         other.data);
    if (missing.size)
        return silt_fail(err, SILT_INVALID, "rows: columns that can't be null are missing: %s",
                         missing.data);
    return SILT_OK;
}

/* Whether put_piece() gives a column in the table's type. */
static bool is_as_wanted(const arrow_write *w, const pairing *pair)
{
    const silt_arrow_column *from = &w->columns[pair->from];
    return !from->is_unsigned && silt_type_equal(from->type, pair->to->type);
}

static silt_status put_columns(const arrow_write *w, silt_buf *sql, silt_error *err)
{
    const pairing *pair = w->pairs, *end = w->pairs + w->column_count;
    const char *comma = "";
    for (size_t i = 0; i < w->spec->column_count; i++) {
        const silt_output_column *column = &w->spec->columns[i];
        bool given = pair < end && pair->to == column, as_is = given && is_as_wanted(w, pair);
        if (!w->given[i]) continue;
        silt_buf_puts(sql, comma);
        comma = ", ";
        pair += given;
        if (as_is) {
            silt_sql_name(sql, column->name);
            continue;
        }
        if (column->kind == SILT_OUTPUT_VALUE) {
            SILT_TRY(silt_duck_value_sql(column, sql, err));
        } else {
            silt_buf_puts(sql, "CAST(");
            if (given)
                silt_sql_name(sql, column->name);
            else
                silt_buf_puts(sql, "NULL");
            silt_buf_puts(sql, " AS ");
            SILT_TRY(silt_sql_type(sql, column->type, err));
            silt_buf_putc(sql, ')');
        }
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, column->name);
    }
    if (!*comma) silt_buf_puts(sql, "NULL"); /* all are computed, and none of it is looked at */
    return SILT_OK;
}

/* Expressions cost more than a row does: mostly there is no need for any. */
static silt_status select_sql(const arrow_write *w, silt_buf *sql, silt_error *err)
{
    bool all = w->column_count == w->spec->column_count;
    for (size_t i = 0; i < w->column_count && all; i++)
        all = is_as_wanted(w, &w->pairs[i]);
    if (!all) {
        silt_buf_puts(sql, "SELECT ");
        SILT_TRY(put_columns(w, sql, err));
        silt_buf_putc(sql, ' ');
    }
    silt_buf_printf(sql, "FROM %s(%" PRId64 ")", arrow_function, w->scan.id);
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status computed_sql(const arrow_write *w, silt_buf *sql, silt_error *err)
{
    SILT_CLEAN(silt_buf) rows = {0};
    SILT_TRY(select_sql(w, &rows, err));
    const silt_duck_compute compute = {.columns = w->spec->columns,
                                       .column_count = w->spec->column_count,
                                       .given = w->given,
                                       .numbers = &w->numbers};
    return silt_duck_compute_sql(&compute, &rows, sql, err);
}

/* ---- the call -------------------------------------------------------------------------------- */

static silt_status read_columns(arrow_write *w, silt_arena *arena, silt_error *err)
{
    SILT_CLEAN(silt_arrow_schema) schema = {0};
    int failed = w->spec->rows->get_schema(w->spec->rows, &schema);
    if (failed) {
        schema.release = NULL;
        return stream_failed(w->spec->rows, failed, err);
    }
    return silt_arrow_columns(&schema, arena, &w->columns, &w->column_count, err);
}

static silt_status copy(arrow_write *w, const silt_buf *select, silt_arena *arena,
                        silt_stage_result *out, silt_error *err)
{
    const silt_arrow_spec *spec = w->spec;
    silt_stage_result result = {0};
    SILT_CLEAN(silt_duck_checks) checks = {0};
    SILT_TRY(silt_duck_checks_init(&checks, w->db, spec->columns, spec->column_count, w->guarded,
                                   &spec->write, arena, err));
    SILT_TRY(silt_duck_utc_begin(w->db, err)); /* bounds of instants as text */
    silt_status st =
        silt_duck_copy_checked(&checks, select, true, &spec->write, arena, &result, err);
    silt_duck_utc_end(w->db);
    if (w->status != SILT_OK) {
        if (err) *err = w->err;
        return w->status;
    }
    if (result.violation_count > 0) *out = result;
    SILT_TRY(st);
    if (result.row_count != w->rows) {
        silt_duck_remove_written(spec->write.directory, spec->write.file_prefix);
        return silt_fail(err, SILT_FAILED,
                         "internal error: %" PRId64 " rows were read and %" PRId64 " written",
                         w->rows, result.row_count);
    }
    silt_duck_numbers_take(&w->numbers, &result);
    *out = result;
    return SILT_OK;
}

silt_status silt_duck_stage_arrow(silt_engine *engine, const silt_arrow_spec *spec,
                                  silt_arena *arena, silt_stage_result *out, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_CLEAN(silt_buf) select = {0};
    SILT_CLEAN(arrow_write) w = {.db = db, .spec = spec};
    SILT_TRY(silt_duck_start(db, err));
    SILT_TRY(read_columns(&w, arena, err));
    SILT_TRY(match(&w, arena, err));
    SILT_TRY(silt_duck_numbers_init(&w.numbers, db, spec->columns, spec->column_count, err));

    w.scan = (silt_duck_scan){.kind = arrow_function, .data = &w};
    silt_duck_scan_add(db, &w.scan);
    silt_status st = computed_sql(&w, &select, err);
    if (st == SILT_OK) st = copy(&w, &select, arena, out, err);
    silt_duck_scan_remove(db, &w.scan);
    return st;
}
