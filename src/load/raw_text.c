/* Rows as CSV that reads back as they were: null is nothing, an empty text is "", times are ISO
 * 8601 (those with a zone in UTC). */
#include "load/raw_text.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/type.h"

const char *silt_raw_text_suffix(const silt_raw_text *text)
{
    return text->form.gzip ? ".csv.gz" : ".csv";
}

silt_status silt_raw_text_check(const silt_type *schema, const char *path, silt_error *err)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        silt_type_kind kind = schema->fields[i].type->kind;
        if (kind != SILT_TYPE_BINARY && kind < SILT_TYPE_VARIANT) continue;
        silt_fail(err, SILT_UNSUPPORTED, "%s: column %s can't stand in CSV files", path,
                  schema->fields[i].name);
        return silt_hint(err, SILT_UNSUPPORTED, "write.format: parquet takes columns of any type");
    }
    return SILT_OK;
}

/* ---- columns */

static bool in_files(const silt_raw_text *text, const char *name)
{
    for (size_t i = 0; i < text->partition_count; i++)
        if (silt_streq(text->partition_by[i], name)) return false;
    return true;
}

/* The columns of the files, in their order: each as a source's, as a scan's and as one to write. */
typedef struct columns {
    silt_column *sources;
    silt_scan_column *scanned;
    silt_output_column *written;
    size_t count;
} columns;

static silt_status columns_of(const silt_raw_text *text, silt_arena *arena, columns *out,
                              silt_error *err)
{
    const silt_type *schema = text->schema;
    *out = (columns){
        .sources = silt_arena_calloc(arena, schema->field_count, sizeof(silt_column)),
        .scanned = silt_arena_calloc(arena, schema->field_count, sizeof(silt_scan_column)),
        .written = silt_arena_calloc(arena, schema->field_count, sizeof(silt_output_column))};
    if (!out->sources || !out->scanned || !out->written) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        const silt_type *type = schema->fields[i].type;
        if (!in_files(text, name)) continue;
        out->sources[out->count] = (silt_column){name, type};
        out->scanned[out->count] = (silt_scan_column){
            .name = name, .type = type, .kind = SILT_SCAN_DATA, .physical = {name, -1, NULL, 0}};
        out->written[out->count++] = (silt_output_column){
            .name = name, .type = type, .kind = SILT_OUTPUT_SOURCE, .source = name};
    }
    return SILT_OK;
}

/* ---- there and back */

silt_status silt_raw_text_write(const silt_raw_text *text, const char *parquet, const char *csv,
                                silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    columns c;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(columns_of(text, arena, &c, err));
    const silt_scan_file file = {.local_path = parquet, .row_count = -1, .base_row_id = -1};
    const silt_rows_spec rows = {.kind = SILT_ROWS_SCAN,
                                 .scan = {.files = &file,
                                          .file_count = 1,
                                          .columns = c.scanned,
                                          .column_count = c.count,
                                          .limit = -1}};
    return text->engine->ops->scan_write(text->engine, &rows, SILT_OUTPUT_CSV, &text->form, csv,
                                         NULL, err);
}

static silt_source_options options_of(const silt_raw_text *text)
{
    return (silt_source_options){.delimiter = text->form.delimiter ? text->form.delimiter : ",",
                                 .quote = "\"",
                                 .escape = "\"",
                                 .compression = text->form.gzip ? "gzip" : "none",
                                 .decimal_separator = '.',
                                 .quoted_is_text = true};
}

/* The header is the table's. */
static silt_status check_header(const silt_raw_text *text, const silt_source_options *options,
                                const columns *c, const char *csv, silt_arena *arena,
                                silt_error *err)
{
    const char *const *names;
    size_t count;
    SILT_TRY(text->engine->ops->header(text->engine, SILT_FORMAT_CSV, options, csv, arena, &names,
                                       &count, err));
    bool same = count == c->count;
    for (size_t i = 0; same && i < count; i++)
        same = silt_streq(names[i], c->sources[i].name);
    return same ? SILT_OK
                : silt_fail(err, SILT_CORRUPT, "%s: its header isn't the one it was written with",
                            csv);
}

/* The engine names what it writes itself. */
static silt_status rewrite(const silt_raw_text *text, const silt_rows_spec *rows, const columns *c,
                           const char *parquet, silt_arena *arena, silt_error *err)
{
    const char *slash = strrchr(parquet, '/');
    const char *folder = silt_arena_strndup(arena, parquet, slash ? (size_t)(slash - parquet) : 0);
    const char *prefix = silt_arena_printf(arena, "text-%s-", slash ? slash + 1 : parquet);
    if (!folder || !prefix) return silt_fail_nomem(err);
    silt_stage_result made;
    const silt_rewrite_spec spec = {
        .rows = rows,
        .columns = c->written,
        .column_count = c->count,
        .write = {.directory = folder, .file_prefix = prefix, .target_file_bytes = SILT_ONE_FILE}};
    SILT_TRY(text->engine->ops->rewrite(text->engine, &spec, arena, &made, err));
    if (made.file_count != 1)
        return silt_fail(err, SILT_CORRUPT, "%s: it was written with rows, and has none",
                         rows->scan.files[0].local_path);
    if (rename(made.files[0].local_path, parquet) == 0) return SILT_OK;
    return silt_fail_errno(err, errno, "rename to %s", parquet);
}

silt_status silt_raw_text_read(const silt_raw_text *text, const char *csv, const char *parquet,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    columns c;
    if (!arena) return silt_fail_nomem(err);
    const silt_source_options options = options_of(text);
    SILT_TRY(columns_of(text, arena, &c, err));
    SILT_TRY(check_header(text, &options, &c, csv, arena, err));
    const silt_source_file source = {csv, csv};
    const silt_source_group group = {.format = SILT_FORMAT_CSV,
                                     .options = options,
                                     .files = &source,
                                     .file_count = 1,
                                     .columns = c.sources,
                                     .column_count = c.count};
    const silt_scan_file file = {.local_path = csv, .row_count = -1, .base_row_id = -1};
    const silt_rows_spec rows = {.kind = SILT_ROWS_SCAN,
                                 .scan = {.files = &file,
                                          .file_count = 1,
                                          .columns = c.scanned,
                                          .column_count = c.count,
                                          .limit = -1,
                                          .sources = &group,
                                          .source_count = 1}};
    return rewrite(text, &rows, &c, parquet, arena, err);
}
