/* Sources of silt_write(): files, streams, scans. */
#include <strings.h>

#include "base/type.h"
#include "engine/arrow.h"
#include "ops/write.h"
#include "table/rows.h"

/* ---- formats */

static bool ends_in(const char *name, size_t size, const char *suffix)
{
    size_t cut = strlen(suffix);
    return size > cut && strncasecmp(name + size - cut, suffix, cut) == 0;
}

static silt_status format_of(const silt_writing *wr, const char *name, silt_format *out)
{
    static const struct {
        const char *suffix;
        silt_format format;
    } known[] = {{".csv", SILT_FORMAT_CSV},      {".tsv", SILT_FORMAT_CSV},
                 {".json", SILT_FORMAT_NDJSON},  {".ndjson", SILT_FORMAT_NDJSON},
                 {".jsonl", SILT_FORMAT_NDJSON}, {".parquet", SILT_FORMAT_PARQUET}};
    size_t size = strlen(name);
    if (ends_in(name, size, ".gz")) size -= 3;
    if (ends_in(name, size, ".zst")) size -= 4;
    for (size_t i = 0; i < SILT_COUNT(known); i++)
        if (ends_in(name, size, known[i].suffix)) {
            *out = known[i].format;
            return SILT_OK;
        }
    silt_fail(wr->err, SILT_INVALID, "%s: its name doesn't tell its format", name);
    return silt_hint(wr->err, SILT_INVALID, "say which: csv, ndjson or parquet");
}

/* Options of another format would be ignored. */
static silt_status check_options(silt_writing *wr, silt_format format)
{
    const silt_write_source *s = wr->source;
    const char *odd = NULL;
    if (format != SILT_FORMAT_CSV)
        odd = s->delimiter ? "a delimiter is" : s->no_header ? "the lack of a header is" : NULL;
    if (format == SILT_FORMAT_PARQUET && (s->date_format || s->timestamp_format))
        odd = "a format of dates or times is";
    if (!odd) return SILT_OK;
    return silt_fail(wr->err, SILT_INVALID, "%s: %s said, which isn't for files of its format",
                     s->files[0], odd);
}

static silt_status look_at_files(silt_writing *wr)
{
    const silt_write_source *s = wr->source;
    silt_source_file *files = silt_arena_calloc(wr->arena, s->file_count, sizeof(*files));
    if (!files) return silt_fail_nomem(wr->err);
    silt_format first = SILT_FORMAT_CSV;
    for (size_t i = 0; i < s->file_count; i++) {
        silt_format format = (silt_format)(s->format - SILT_SOURCE_CSV);
        if (s->format == SILT_SOURCE_BY_NAME) SILT_TRY(format_of(wr, s->files[i], &format));
        if (i && format != first) {
            silt_fail(wr->err, SILT_INVALID, "%s and %s are of different formats", s->files[0],
                      s->files[i]);
            return silt_hint(wr->err, SILT_INVALID, "write them one after the other");
        }
        first = format;
        files[i] = (silt_source_file){s->files[i], s->files[i]};
    }
    SILT_TRY(check_options(wr, first));
    wr->sources = (silt_sources){.format = first,
                                 .files = files,
                                 .file_count = s->file_count,
                                 .options = {.delimiter = s->delimiter,
                                             .no_header = s->no_header,
                                             .date_format = s->date_format,
                                             .timestamp_format = s->timestamp_format},
                                 .how_to_evolve = "schema mode merge",
                                 .partition_by = wr->opts.partition_by,
                                 .partition_count = silt_write_names(wr->opts.partition_by).count};
    return first == SILT_FORMAT_NDJSON ? silt_write_split_arrays(wr, files, s->file_count)
                                       : SILT_OK;
}

/* ---- columns of streams and scans */

static silt_status stream_columns(silt_writing *wr, silt_column **out)
{
    SILT_CLEAN(silt_arrow_schema) schema = {0};
    struct ArrowArrayStream *rows = wr->source->stream;
    const silt_arrow_column *columns;
    int failed = rows->get_schema(rows, &schema);
    if (failed) {
        const char *why = rows->get_last_error ? rows->get_last_error(rows) : NULL;
        schema.release = NULL;
        return silt_fail(wr->err, SILT_FAILED, "the stream of rows has failed: %s",
                         why ? why : strerror(failed));
    }
    SILT_TRY(silt_arrow_columns(&schema, wr->arena, &columns, &wr->column_count, wr->err));
    *out = silt_arena_calloc(wr->arena, wr->column_count, sizeof(**out));
    if (!*out) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < wr->column_count; i++) {
        (*out)[i] = (silt_column){silt_arena_strdup(wr->arena, columns[i].name),
                                  silt_type_copy(columns[i].type, wr->arena)};
        if (!(*out)[i].name || !(*out)[i].type) return silt_fail_nomem(wr->err);
    }
    return SILT_OK;
}

static silt_status scan_columns(silt_writing *wr, silt_column **out)
{
    const silt_type *schema;
    SILT_TRY(silt_scan_schema(wr->source->scan, &schema, wr->err));
    wr->column_count = schema->field_count;
    *out = silt_arena_calloc(wr->arena, wr->column_count, sizeof(**out));
    if (!*out) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < wr->column_count; i++)
        (*out)[i] = (silt_column){schema->fields[i].name, schema->fields[i].type};
    return SILT_OK;
}

/* What has names of its own making can have the table's. */
static silt_status check_any_case(const silt_writing *wr)
{
    bool files = wr->source->file_count && wr->sources.format != SILT_FORMAT_NDJSON;
    if (!wr->opts.any_case || files) return SILT_OK;
    silt_fail(wr->err, SILT_INVALID, "any case of letters: only columns of CSV and Parquet files");
    return silt_hint(wr->err, SILT_INVALID, "give the source's columns the table's names");
}

silt_status silt_write_look(silt_writing *wr)
{
    if (wr->source->file_count) {
        SILT_TRY(look_at_files(wr));
        return check_any_case(wr);
    }
    SILT_TRY(check_any_case(wr));
    silt_column *columns = NULL;
    SILT_TRY(wr->source->stream ? stream_columns(wr, &columns) : scan_columns(wr, &columns));
    wr->columns = columns;
    return SILT_OK;
}

silt_given silt_write_given(void *ctx, const char *name)
{
    const silt_writing *wr = ctx;
    for (size_t i = 0; i < wr->column_count; i++)
        if (silt_streq(wr->columns[i].name, name)) return SILT_GIVEN_ALL;
    return SILT_GIVEN_NONE;
}

/* ---- plans of files */

static silt_status plan_files(silt_writing *wr, const silt_type *schema)
{
    wr->sources.on_new_column =
        wr->opts.schema_mode == SILT_SCHEMA_MERGE ? SILT_NEW_COLUMN_EVOLVE : SILT_NEW_COLUMN_FAIL;
    wr->sources.any_case = wr->opts.any_case;
    /* Without a header columns go by their place in the table. */
    wr->sources.declared_schema = wr->source->no_header ? schema : NULL;
    return silt_sources_plan(wr->engine, &wr->sources, schema, wr->arena, &wr->plan, NULL, wr->err);
}

silt_status silt_write_source_schema(silt_writing *wr, const silt_type **out)
{
    if (wr->sources.file_count) {
        SILT_TRY(plan_files(wr, NULL));
        *out = wr->plan.schema;
        return SILT_OK;
    }
    silt_type *schema = silt_arena_calloc(wr->arena, 1, sizeof(*schema));
    silt_field *fields = silt_arena_calloc(wr->arena, wr->column_count, sizeof(*fields));
    if (!schema || !fields) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < wr->column_count; i++) {
        const silt_type *type = wr->columns[i].type;
        if (type->kind == SILT_TYPE_VOID) /* nothing but nulls so far */
            type = silt_type_primitive(SILT_TYPE_STRING);
        fields[i] = (silt_field){wr->columns[i].name, type, true, "{}"};
    }
    *schema =
        (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = wr->column_count};
    *out = schema;
    return SILT_OK;
}

/* ---- against the table */

static silt_status no_column(const silt_writing *wr, const silt_type *schema, const char *name)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcasecmp(schema->fields[i].name, name) == 0)
            return silt_fail(wr->err, SILT_INVALID,
                             "the source's column %.100s differs from the table's %.100s by the "
                             "case of letters only; names are matched exactly",
                             name, schema->fields[i].name);
    silt_fail(wr->err, SILT_INVALID, "the table doesn't have the source's column %.200s", name);
    return silt_hint(wr->err, SILT_INVALID, "schema mode merge adds it");
}

silt_status silt_write_match(silt_writing *wr, const silt_type *schema)
{
    if (wr->sources.file_count) return plan_files(wr, schema);
    for (size_t i = 0; i < wr->column_count; i++) {
        const silt_column *c = &wr->columns[i];
        int at = silt_type_find(schema, c->name);
        if (at < 0) return no_column(wr, schema, c->name);
        const silt_type *type = schema->fields[at].type;
        if (silt_arrow_fits(c->type, type)) continue;
        silt_fail(wr->err, SILT_INVALID,
                  "column %.200s is %.200s in the source, which doesn't fit the table's %.200s",
                  c->name, silt_type_name(c->type, wr->arena), silt_type_name(type, wr->arena));
        return silt_hint(wr->err, SILT_INVALID,
                         "convert it, or widen the table's type (schema mode merge, where "
                         "delta.enableTypeWidening is true)");
    }
    return SILT_OK;
}

/* ---- staging */

/* All rows come from one nameless source. */
static silt_status count_rows(silt_writing *wr, const silt_stage_result *staged)
{
    silt_source_counts *n = wr->w.counts;
    n->read = n->inserted = staged->row_count;
    wr->w.facts.total = *n;
    silt_conserved c = {.sources = n, .source_count = 1, .staged = staged};
    return silt_conserve(&c, wr->err);
}

silt_status silt_write_stage(silt_writing *wr, silt_stage_result *out)
{
    silt_work *w = &wr->w;
    if (wr->sources.file_count) return silt_work_stage(w, out);
    silt_stage_spec spec = silt_work_stage_spec(w);
    silt_status st;
    if (wr->source->stream) {
        silt_arrow_spec arrow = {.rows = wr->source->stream,
                                 .columns = spec.columns,
                                 .column_count = spec.column_count,
                                 .write = spec.write};
        st = wr->engine->ops->stage_arrow(wr->engine, &arrow, wr->arena, out, wr->err);
    } else {
        const silt_scan *scan = wr->source->scan;
        silt_rewrite_spec rewrite = {.rows = &scan->rows,
                                     .columns = spec.columns,
                                     .column_count = spec.column_count,
                                     .write = spec.write};
        st = wr->engine->ops->rewrite(wr->engine, &rewrite, wr->arena, out, wr->err);
        if (st != SILT_OK && scan->blame) st = scan->blame(scan->ctx, st, wr->err);
    }
    SILT_TRY(silt_work_after_stage(w, out, st));
    SILT_TRY(silt_work_sorted(w));
    return count_rows(wr, out);
}

/* ---- streams and scans that are looked at twice */

static silt_status stage_stream(silt_writing *wr, const char *folder, const char **path)
{
    silt_output_column *columns = silt_arena_calloc(wr->arena, wr->column_count, sizeof(*columns));
    silt_stage_result staged = {0};
    if (!columns) return silt_fail_nomem(wr->err);
    for (size_t i = 0; i < wr->column_count; i++)
        columns[i] = (silt_output_column){.name = wr->columns[i].name,
                                          .type = wr->columns[i].type,
                                          .source = wr->columns[i].name};
    silt_arrow_spec spec = {
        .rows = wr->source->stream,
        .columns = columns,
        .column_count = wr->column_count,
        .write = {.directory = folder, .file_prefix = "in-", .target_file_bytes = SILT_ONE_FILE}};
    SILT_TRY(wr->engine->ops->stage_arrow(wr->engine, &spec, wr->arena, &staged, wr->err));
    *path = staged.file_count ? staged.files[0].local_path : NULL;
    return SILT_OK;
}

silt_status silt_write_keep(silt_writing *wr)
{
    const char *path = NULL, *name = silt_arena_printf(wr->arena, "%s-source", wr->id);
    if (wr->source->file_count) return SILT_OK;
    if (!name) return silt_fail_nomem(wr->err);
    SILT_TRY(silt_scratch_make(wr->store, name, wr->arena, &wr->w.scratch, wr->err));
    if (wr->source->stream) {
        SILT_TRY(stage_stream(wr, wr->w.scratch, &path));
    } else {
        path = silt_arena_printf(wr->arena, "%s/in-0.parquet", wr->w.scratch);
        if (!path) return silt_fail_nomem(wr->err);
        SILT_TRY(silt_scan_to_file(wr->source->scan, SILT_FILE_PARQUET, path, NULL, wr->err));
    }
    silt_source_file *file = silt_arena_calloc(wr->arena, 1, sizeof(*file));
    if (!file) return silt_fail_nomem(wr->err);
    *file = (silt_source_file){path, "the source"};
    wr->sources = (silt_sources){.format = SILT_FORMAT_PARQUET,
                                 .files = file,
                                 .file_count = path ? 1 : 0,
                                 .how_to_evolve = "schema mode merge"};
    return SILT_OK;
}
