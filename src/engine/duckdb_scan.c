/* Data files → rows: to a file as CSV, JSON or Parquet, or one after another as text.
 *
 * As text an instant is ISO-8601 in UTC, binary is base64, and structs, lists and maps are JSON. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_pipe.h"
#include "engine/duckdb_table.h"

#include <stdio.h>
#include <unistd.h>

/* ---- values as JSON and text ----------------------------------------------------------------- */

#define ISO_FORMAT "%Y-%m-%dT%H:%M:%S.%f" /* strftime's */

/* Whether DuckDB's own JSON of a type isn't what ours is. */
static bool is_special(const silt_type *type)
{
    switch (type->kind) {
    case SILT_TYPE_FLOAT: /* NaN and Infinity are no JSON */
    case SILT_TYPE_DOUBLE:
    case SILT_TYPE_BINARY:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return true;
    case SILT_TYPE_STRUCT:
        for (size_t i = 0; i < type->field_count; i++)
            if (is_special(type->fields[i].type)) return true;
        return false;
    case SILT_TYPE_ARRAY:
        return is_special(type->element);
    case SILT_TYPE_MAP:
        return is_special(type->key) || is_special(type->element);
    default:
        return false;
    }
}

static void json_expr(silt_buf *sql, const silt_type *type, const char *expr, int depth);

static void json_struct(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN struct_pack(", expr);
    for (size_t i = 0; i < type->field_count; i++) {
        SILT_CLEAN(silt_buf) field = {0};
        silt_buf_printf(&field, "(%s).", expr);
        silt_sql_name(&field, type->fields[i].name);
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, type->fields[i].name);
        silt_buf_puts(sql, " := ");
        if (field.failed)
            sql->failed = true;
        else
            json_expr(sql, type->fields[i].type, field.data, depth);
    }
    silt_buf_puts(sql, ") END");
}

/* Append list_transform(list, lambda x<depth>: …). */
static void json_list(silt_buf *sql, const silt_type *element, const char *list, int depth)
{
    char variable[16];
    (void)snprintf(variable, sizeof variable, "x%d", depth);
    silt_buf_printf(sql, "list_transform(%s, lambda %s: ", list, variable);
    json_expr(sql, element, variable, depth + 1);
    silt_buf_putc(sql, ')');
}

static void json_map(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    SILT_CLEAN(silt_buf) keys = {0};
    SILT_CLEAN(silt_buf) values = {0};
    silt_buf_printf(&keys, "map_keys(%s)", expr);
    silt_buf_printf(&values, "map_values(%s)", expr);
    if (keys.failed || values.failed) {
        sql->failed = true;
        return;
    }
    silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN map(", expr);
    json_list(sql, type->key, keys.data, depth);
    silt_buf_puts(sql, ", ");
    json_list(sql, type->element, values.data, depth);
    silt_buf_puts(sql, ") END");
}

/* Append `expr` of `type` in a form whose JSON is the one we want. */
static void json_expr(silt_buf *sql, const silt_type *type, const char *expr, int depth)
{
    if (!is_special(type)) {
        silt_buf_puts(sql, expr);
        return;
    }
    switch (type->kind) {
    case SILT_TYPE_TIMESTAMP:
        silt_buf_printf(sql, "strftime(%s, '%sZ')", expr, ISO_FORMAT);
        break;
    case SILT_TYPE_TIMESTAMP_NTZ:
        silt_buf_printf(sql, "strftime(%s, '%s')", expr, ISO_FORMAT);
        break;
    case SILT_TYPE_BINARY:
        silt_buf_printf(sql, "base64(%s)", expr);
        break;
    case SILT_TYPE_STRUCT:
        json_struct(sql, type, expr, depth);
        break;
    case SILT_TYPE_ARRAY:
        json_list(sql, type->element, expr, depth);
        break;
    case SILT_TYPE_MAP:
        json_map(sql, type, expr, depth);
        break;
    default: /* FLOAT, DOUBLE: as Spark writes them */
        silt_buf_printf(sql,
                        "CASE WHEN %s IS NULL OR isfinite(%s) THEN to_json(%s) WHEN isnan(%s) THEN "
                        "to_json('NaN') WHEN %s > 0 THEN to_json('Infinity') ELSE "
                        "to_json('-Infinity') END",
                        expr, expr, expr, expr, expr);
        break;
    }
}

/* Append `expr` of `type` as text. */
static void text_expr(silt_buf *sql, const silt_type *type, const char *expr)
{
    bool nested = type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
                  type->kind == SILT_TYPE_MAP;
    bool number = type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
    silt_buf_puts(sql, nested ? "CAST(to_json(" : "CAST(");
    if (number)
        silt_buf_puts(sql, expr);
    else
        json_expr(sql, type, expr, 0);
    silt_buf_puts(sql, nested ? ") AS VARCHAR)" : " AS VARCHAR)");
}

/* ---- the query ------------------------------------------------------------------------------- */

typedef enum value_form { FORM_PLAIN, FORM_TEXT, FORM_JSON } value_form;

/* Append the scan with its columns under their names and in `form`. */
static silt_status scan_sql(const silt_duck_table *table, const silt_scan_spec *spec,
                            value_form form, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "SELECT ");
    for (size_t c = 0; c < spec->column_count; c++) {
        char name[32];
        (void)snprintf(name, sizeof name, "t.c%zu", c);
        if (c) silt_buf_puts(sql, ", ");
        if (form == FORM_PLAIN)
            silt_buf_puts(sql, name);
        else if (form == FORM_TEXT)
            text_expr(sql, spec->columns[c].type, name);
        else
            json_expr(sql, spec->columns[c].type, name, 0);
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, spec->columns[c].name);
    }
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(silt_duck_table_sql(table, NULL, false, sql, err));
    silt_buf_puts(sql, ") t");
    if (spec->limit >= 0) silt_buf_printf(sql, " LIMIT %" PRId64, spec->limit);
    return SILT_OK;
}

/* What every scan does around its query. */
typedef struct scan {
    silt_duck_engine *db;
    silt_arena *arena;
    silt_duck_table table;
} scan;

static void scan_release(scan *s)
{
    (void)silt_duck_keep_order(s->db, false, NULL);
    silt_duck_utc_end(s->db);
    silt_duck_table_release(&s->table);
    silt_arena_free(s->arena);
}

static silt_status scan_begin(scan *s, const silt_scan_spec *spec, bool ordered, silt_error *err)
{
    s->arena = silt_arena_new();
    if (!s->arena) return silt_fail_nomem(err);
    if (spec->column_count == 0) return silt_fail(err, SILT_INVALID, "scan: no columns");
    SILT_TRY(silt_duck_table_init(&s->table, s->db, spec->files, spec->file_count, spec->columns,
                                  spec->column_count, s->arena, err));
    SILT_TRY(silt_duck_utc_begin(s->db, err));
    return silt_duck_keep_order(s->db, ordered || spec->limit >= 0, err);
}

/* ---- to a file ------------------------------------------------------------------------------- */

static silt_status copy_rows(scan *s, const silt_scan_spec *spec, silt_output_format format,
                             const char *path, int64_t *row_count, silt_error *err)
{
    static const value_form forms[] = {[SILT_OUTPUT_CSV] = FORM_TEXT,
                                       [SILT_OUTPUT_JSON] = FORM_JSON,
                                       [SILT_OUTPUT_PARQUET] = FORM_PLAIN};
    static const char *const options[] = {[SILT_OUTPUT_CSV] = "FORMAT csv, HEADER",
                                          [SILT_OUTPUT_JSON] = "FORMAT json",
                                          [SILT_OUTPUT_PARQUET] = "FORMAT parquet"};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "COPY (");
    SILT_TRY(scan_sql(&s->table, spec, forms[format], &sql, err));
    silt_buf_puts(&sql, ") TO ");
    silt_sql_text(&sql, path);
    /* The name's ending must not choose a compression, and a pipe can't be renamed to. */
    silt_buf_printf(&sql, " (%s%s, USE_TMP_FILE false)", options[format],
                    format == SILT_OUTPUT_PARQUET ? "" : ", COMPRESSION none");
    silt_status st = silt_duck_query_int(s->db, &sql, row_count, err);
    return silt_duck_table_blame(&s->table, st, err);
}

/* The scan of a spec, if it is one and asks for nothing more. */
static silt_status plain_scan(const silt_rows_spec *rows, const silt_scan_spec **out,
                              silt_error *err)
{
    const silt_scan_spec *spec = &rows->scan;
    bool plain = rows->kind == SILT_ROWS_SCAN && !spec->filter && !spec->by_id;
    for (size_t i = 0; plain && i < spec->file_count; i++)
        plain = !spec->files[i].rows;
    if (!plain) return silt_fail(err, SILT_UNSUPPORTED, "scans with conditions or bitmaps");
    *out = spec;
    return SILT_OK;
}

silt_status silt_duck_scan_write(silt_engine *engine, const silt_rows_spec *rows,
                                 silt_output_format format, bool header, const char *local_path,
                                 int64_t *row_count, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    const silt_scan_spec *spec = NULL;
    SILT_TRY(plain_scan(rows, &spec, err));
    if (!header && format == SILT_OUTPUT_CSV)
        return silt_fail(err, SILT_UNSUPPORTED, "CSV without a header");
    SILT_TRY(silt_duck_start(db, err));
    SILT_CLEAN(scan) s = {.db = db};
    SILT_TRY(scan_begin(&s, spec, format != SILT_OUTPUT_PARQUET, err));
    int64_t count = 0;
    if (strcmp(local_path, "-") != 0) {
        SILT_TRY(copy_rows(&s, spec, format, local_path, &count, err));
    } else {
        silt_duck_pipe pipe;
        SILT_TRY(silt_duck_pipe_open(&pipe, db, STDOUT_FILENO, err));
        silt_status st = copy_rows(&s, spec, format, pipe.path, &count, err);
        SILT_TRY(silt_duck_pipe_close(&pipe, st, err));
    }
    if (row_count) *row_count = count;
    return SILT_OK;
}

/* ---- one after another ----------------------------------------------------------------------- */

typedef struct row_sink {
    silt_row_fn *fn;
    void *ctx;
    size_t count;
    silt_bytes *values;
    const duckdb_string_t **data;
    const uint64_t **validity;
} row_sink;

static silt_status give_rows(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    (void)err;
    row_sink *sink = ctx;
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (size_t c = 0; c < sink->count; c++) {
        duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, c);
        sink->data[c] = silt_duck.vector_get_data(v);
        sink->validity[c] = silt_duck.vector_get_validity(v);
    }
    for (idx_t i = 0; i < rows && !*end; i++) {
        for (size_t c = 0; c < sink->count; c++)
            sink->values[c] = silt_duck_valid(sink->validity[c], i)
                                  ? silt_duck_bytes(sink->data[c], i)
                                  : (silt_bytes){0};
        *end = !sink->fn(sink->ctx, sink->values, sink->count);
    }
    return SILT_OK;
}

silt_status silt_duck_scan_rows(silt_engine *engine, const silt_rows_spec *rows, silt_row_fn *fn,
                                void *ctx, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    const silt_scan_spec *spec = NULL;
    SILT_TRY(plain_scan(rows, &spec, err));
    SILT_TRY(silt_duck_start(db, err));
    SILT_CLEAN(scan) s = {.db = db};
    SILT_TRY(scan_begin(&s, spec, true, err));
    size_t n = spec->column_count;
    row_sink sink = {.fn = fn,
                     .ctx = ctx,
                     .count = n,
                     .values = silt_arena_calloc(s.arena, n, sizeof *sink.values),
                     .data = silt_arena_calloc(s.arena, n, sizeof *sink.data),
                     .validity = silt_arena_calloc(s.arena, n, sizeof *sink.validity)};
    if (!sink.values || !sink.data || !sink.validity) return silt_fail_nomem(err);
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(scan_sql(&s.table, spec, FORM_TEXT, &sql, err));
    silt_status st = silt_duck_stream(db, &sql, give_rows, &sink, err);
    return silt_duck_table_blame(&s.table, st, err);
}
