/* Scans as a program holds them: one set of calls over whatever was planned. */
#include "table/rows.h"

#include <string.h>

#include "engine/arrow_ipc.h"

/* ---- making */

silt_status silt_scan_new(silt_engine *engine, silt_scan **out, silt_error *err)
{
    silt_scan *scan = calloc(1, sizeof(*scan));
    if (scan) scan->arena = silt_arena_new();
    if (!scan || !scan->arena) {
        free(scan);
        return silt_fail_nomem(err);
    }
    scan->engine = engine;
    *out = scan;
    return SILT_OK;
}

void silt_scan_free(silt_scan *scan)
{
    if (!scan) return;
    if (scan->release) scan->release(scan->ctx);
    silt_arena_free(scan->arena);
    free(scan);
}

silt_status silt_scan_set_shape(silt_scan *scan, bool view_types, const silt_type *schema,
                                int64_t batch_rows, silt_error *err)
{
    if (batch_rows < 0)
        return silt_fail(err, SILT_INVALID, "batches of %" PRId64 " rows: 0 or more", batch_rows);
    scan->shape = (silt_arrow_shape){.view_types = view_types, .batch_rows = batch_rows};
    if (!schema) return SILT_OK;
    if (schema->kind != SILT_TYPE_STRUCT)
        return silt_fail(err, SILT_INVALID, "the schema for Arrow isn't a struct");
    const char *json = silt_schema_json(schema, scan->arena);
    if (!json) return silt_fail_nomem(err);
    return silt_schema_parse(json, strlen(json), scan->arena, &scan->shape.schema, err);
}

/* ---- reading */

static silt_status blame(const silt_scan *scan, silt_status st, silt_error *err)
{
    return st == SILT_OK || !scan->blame ? st : scan->blame(scan->ctx, st, err);
}

/* A plain scan's columns are known without asking the engine. */
static silt_status list_columns(const silt_scan *scan, const silt_column **out, size_t *count,
                                silt_error *err)
{
    const silt_scan_spec *spec = &scan->rows.scan;
    if (scan->rows.kind != SILT_ROWS_SCAN)
        return blame(
            scan,
            scan->engine->ops->describe(scan->engine, &scan->rows, scan->arena, out, count, err),
            err);
    *count = spec->result_count ? spec->result_count : spec->column_count;
    silt_column *columns = silt_arena_calloc(scan->arena, *count, sizeof(*columns));
    if (!columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < *count; i++)
        columns[i] = (silt_column){spec->columns[i].name, spec->columns[i].type};
    *out = columns;
    return SILT_OK;
}

silt_status silt_scan_schema(silt_scan *scan, const silt_type **out, silt_error *err)
{
    const silt_column *columns;
    size_t count;
    if (scan->schema) {
        *out = scan->schema;
        return SILT_OK;
    }
    SILT_TRY(list_columns(scan, &columns, &count, err));
    silt_field *fields = silt_arena_calloc(scan->arena, count, sizeof(*fields));
    silt_type *type = silt_arena_calloc(scan->arena, 1, sizeof(*type));
    if (!fields || !type) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        fields[i] = (silt_field){columns[i].name, columns[i].type, true, "{}"};
    *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    *out = scan->schema = type;
    return SILT_OK;
}

silt_status silt_scan_stream(silt_scan *scan, struct ArrowArrayStream *out, silt_error *err)
{
    return blame(scan,
                 scan->engine->ops->scan_arrow(scan->engine, &scan->rows, &scan->shape, out, err),
                 err);
}

/* In the engine's own batches, however small a program may want them. */
static silt_status write_arrow(silt_scan *scan, const char *path, int64_t *row_count,
                               silt_error *err)
{
    silt_arrow_shape shape = scan->shape;
    struct ArrowArrayStream stream = {0};
    shape.batch_rows = 0;
    SILT_TRY(scan->engine->ops->scan_arrow(scan->engine, &scan->rows, &shape, &stream, err));
    silt_status st = silt_arrow_ipc_write(&stream, path, row_count, err);
    stream.release(&stream);
    return st;
}

silt_status silt_scan_to_file(silt_scan *scan, silt_file_format format, const char *path,
                              int64_t *row_count, silt_error *err)
{
    static const silt_output_format formats[] = {[SILT_FILE_CSV] = SILT_OUTPUT_CSV,
                                                 [SILT_FILE_CSV_NO_HEADER] = SILT_OUTPUT_CSV,
                                                 [SILT_FILE_JSON] = SILT_OUTPUT_JSON,
                                                 [SILT_FILE_PARQUET] = SILT_OUTPUT_PARQUET};
    const silt_csv_form csv = {.header = format == SILT_FILE_CSV};
    if (format == SILT_FILE_ARROW) return blame(scan, write_arrow(scan, path, row_count, err), err);
    if ((size_t)format >= SILT_COUNT(formats))
        return silt_fail(err, SILT_INVALID, "output format %d", (int)format);
    return blame(scan,
                 scan->engine->ops->scan_write(scan->engine, &scan->rows, formats[format], &csv,
                                               path, row_count, err),
                 err);
}

silt_status silt_scan_rows(silt_scan *scan, silt_scan_row_fn *fn, void *ctx, silt_error *err)
{
    return blame(scan, scan->engine->ops->scan_rows(scan->engine, &scan->rows, fn, ctx, err), err);
}

const silt_scan_explanation *silt_scan_explain(const silt_scan *scan)
{
    return scan->explanation;
}
