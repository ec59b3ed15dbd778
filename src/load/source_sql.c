/* From source files to rows for a database: read by the engine as for any target, then row by row
 * as text. */
#include <stdio.h>

#include "load/runner_sql.h"
#include "ops/scd2.h"
#include "table/data.h"

/* ---- the source as a merge reads it */

static silt_status add_file_column(silt_sql_work *w, silt_error *err)
{
    const silt_source_plan *plan = w->plan;
    silt_output_column *columns =
        silt_arena_calloc(w->arena, plan->column_count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(err);
    if (plan->column_count) memcpy(columns, plan->columns, plan->column_count * sizeof(*columns));
    columns[plan->column_count] =
        (silt_output_column){.name = SILT_SQL_FILE,
                             .type = silt_type_primitive(SILT_TYPE_STRING),
                             .kind = SILT_OUTPUT_SOURCE_FILE};
    w->with_file = *plan;
    w->with_file.columns = columns;
    w->with_file.column_count = plan->column_count + 1;
    return SILT_OK;
}

static silt_status take_columns(silt_sql_work *w, silt_error *err)
{
    const silt_type *schema = w->plan->schema;
    w->columns = silt_arena_calloc(w->arena, schema->field_count + 1, sizeof(*w->columns));
    if (!w->columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++)
        if (schema->fields[i].type->kind != SILT_TYPE_VOID)
            w->columns[w->column_count++] =
                (silt_database_column){schema->fields[i].name, schema->fields[i].type};
    w->columns[w->column_count] =
        (silt_database_column){SILT_SQL_FILE, silt_type_primitive(SILT_TYPE_LONG)};
    return SILT_OK;
}

static silt_status take_places(silt_sql_work *w, silt_error *err)
{
    w->places = silt_map64_new();
    if (!w->places) return silt_fail_nomem(err);
    for (size_t i = 0; i < w->sources->file_count; i++) {
        bool found;
        const char *name = w->sources->files[i].name;
        void **slot = silt_map64_slot(w->places, name, strlen(name), &found);
        if (!slot) return silt_fail_nomem(err);
        *slot = (void *)(uintptr_t)(i + 1);
    }
    return SILT_OK;
}

silt_status silt_sql_work_init(silt_sql_work *w, silt_error *err)
{
    const silt_config_table *table = w->job->table;
    bool keyed = silt_sql_is_keyed(table);
    SILT_TRY(add_file_column(w, err));
    SILT_TRY(take_columns(w, err));
    SILT_TRY(take_places(w, err));
    w->spec = (silt_change_spec){.sources = w->sources,
                                 .plan = &w->with_file,
                                 .load_time_us = w->job->load_time_us,
                                 .batch_id = w->job->number,
                                 .attempt = w->job->attempt,
                                 .constraints = table->policy.constraints,
                                 .constraint_count = table->policy.constraint_count,
                                 .txn = {.event = w->job->event, .event_ctx = w->job->ctx}};
    w->deletes = w->sources->deletes;
    const char **keys = silt_arena_calloc(w->arena, table->key_count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    if (table->key_count) memcpy(keys, table->keys, table->key_count * sizeof(*keys));
    w->m = (silt_merging){.keys = keys,
                          .twice = !keyed             ? SILT_TWICE_FINE
                                   : table->newest_by ? SILT_TWICE_NEWEST
                                   : table->strategy == SILT_STRATEGY_APPEND_ONCE ? SILT_TWICE_FIRST
                                   : table->feed                                  ? SILT_TWICE_LAST
                                                                                  : SILT_TWICE_BAD,
                          .newest_by = table->newest_by,
                          .replaces = true,
                          .arena = w->arena,
                          .err = err,
                          .w = {.store = w->job->target->store,
                                .engine = w->engine,
                                .spec = &w->spec,
                                .arena = w->arena,
                                .err = err}};
    return table->scd2 ? silt_scd2_clauses(&w->m, table->scd2, table->newest_by, err) : SILT_OK;
}

void silt_sql_work_release(silt_sql_work *w)
{
    silt_merging_release(&w->m);
    silt_map64_free(w->places);
}

/* ---- reading */

/* All rows are new to a table without files: what of them the database has is its own to say. */
static silt_status match_nothing(silt_sql_work *w, silt_error *err)
{
    static const silt_join_clause insert = {.when = SILT_JOIN_NOT_MATCHED};
    static const bool kept[] = {false};
    silt_scan_column *column = silt_arena_calloc(w->arena, 1, sizeof(*column));
    silt_scan_spec *nothing = silt_arena_calloc(w->arena, 1, sizeof(*nothing));
    silt_join_match match;
    if (!column || !nothing) return silt_fail_nomem(err);
    *column = (silt_scan_column){.name = "none",
                                 .type = silt_type_primitive(SILT_TYPE_LONG),
                                 .kind = SILT_SCAN_DATA,
                                 .physical = {.name = "none", .id = -1}};
    *nothing = (silt_scan_spec){.columns = column, .column_count = 1, .limit = -1};
    const silt_join_match_spec spec = {
        .target = nothing, .kept = kept, .clauses = &insert, .clause_count = 1, .unique = true};
    return w->engine->ops->join_match(w->m.join, &spec, w->arena, &match, err);
}

/* The source's columns in the order of the table's, and the file's name. */
static silt_status want_rows(silt_sql_work *w, silt_error *err)
{
    size_t count = w->column_count + 1;
    silt_join_value *values = silt_arena_calloc(w->arena, count, sizeof(*values));
    const silt_expr **exprs = silt_arena_calloc(w->arena, count, sizeof(*exprs));
    if (!values || !exprs) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        bool file = i == w->column_count;
        if (!file && silt_scd2_is_column(w->m.scd2, w->columns[i].name)) continue; /* made later */
        const silt_type *type = file ? silt_type_primitive(SILT_TYPE_STRING) : w->columns[i].type;
        exprs[i] = silt_merge_column(w->arena, SILT_JOIN_SOURCE, w->columns[i].name, type);
        if (!exprs[i]) return silt_fail_nomem(err);
        values[i] = (silt_join_value){w->columns[i].name, type, &exprs[i]};
    }
    w->rows = (silt_rows_spec){
        .kind = SILT_ROWS_JOIN,
        .join = {.join = w->m.join, .inserted = true, .columns = values, .column_count = count}};
    return SILT_OK;
}

/* ---- rows without keys: files take less memory than a table of the engine's, and no more time */

static silt_status scan_staged(silt_sql_work *w, const silt_stage_result *staged, silt_error *err)
{
    size_t count = w->column_count + 1;
    silt_scan_file *files = silt_arena_calloc(w->arena, staged->file_count + 1, sizeof(*files));
    silt_scan_column *columns = silt_arena_calloc(w->arena, count, sizeof(*columns));
    if (!files || !columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < staged->file_count; i++)
        files[i] = (silt_scan_file){
            .local_path = staged->files[i].local_path, .row_count = -1, .base_row_id = -1};
    for (size_t i = 0; i < count; i++)
        columns[i] =
            (silt_scan_column){.name = w->columns[i].name,
                               .type = i < w->column_count ? w->columns[i].type
                                                           : silt_type_primitive(SILT_TYPE_STRING),
                               .kind = SILT_SCAN_DATA,
                               .physical = {.name = w->columns[i].name, .id = -1}};
    w->rows = (silt_rows_spec){.kind = SILT_ROWS_SCAN,
                               .scan = {.files = files,
                                        .file_count = staged->file_count,
                                        .columns = columns,
                                        .column_count = count,
                                        .limit = -1}};
    return SILT_OK;
}

static silt_status read_into_files(silt_sql_work *w, silt_error *err)
{
    silt_stage_result staged = {0};
    SILT_TRY(silt_scratch_temporary("rows", w->arena, &w->m.w.scratch, err));
    w->m.w.out_dir = w->m.w.scratch;
    SILT_TRY(silt_work_stage(&w->m.w, &staged));
    return scan_staged(w, &staged, err);
}

silt_status silt_sql_read(silt_sql_work *w, silt_error *err)
{
    const silt_config_table *table = w->job->table;
    size_t count = silt_sql_is_keyed(table) ? table->key_count : 0;
    const char **keys = silt_arena_calloc(w->arena, count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    if (count) memcpy(keys, table->keys, count * sizeof(*keys));
    /* Rows of a key that are true since other times are other versions. */
    if (table->scd2 && table->scd2->effective_from) keys[count++] = table->scd2->effective_from;
    w->m.err = w->m.w.err = err;
    SILT_TRY(silt_merge_columns(&w->m));
    SILT_TRY(silt_work_checks(&w->spec, &w->m.schema, w->arena, &w->m.w.columns, err));
    if (!count) return read_into_files(w, err);
    SILT_TRY(silt_merge_begin(&w->m, keys, count));
    SILT_TRY(match_nothing(w, err));
    return want_rows(w, err);
}

/* ---- rows into the database */

typedef struct feed {
    silt_sql_work *w;
    bool staged;
    silt_bytes *row;
    char last[1024]; /* the file that the last row was of */
    size_t last_size, place;
    char number[24];
    silt_status st;
    silt_error *err;
} feed;

static bool find_place(feed *f, silt_bytes name)
{
    if (f->place && name.size == f->last_size && memcmp(name.data, f->last, name.size) == 0)
        return true;
    f->place = (size_t)(uintptr_t)silt_map64_get(f->w->places, name.data, name.size);
    if (!f->place) return false;
    f->last_size = name.size < sizeof(f->last) ? name.size : SIZE_MAX;
    if (f->last_size != SIZE_MAX) memcpy(f->last, name.data, name.size);
    (void)snprintf(f->number, sizeof(f->number), "%zu", f->place - 1);
    return true;
}

/* A row without a file is none of the source's. */
static bool feed_row(void *ctx, const silt_bytes *values, size_t count)
{
    feed *f = ctx;
    silt_database *db = f->w->table->db;
    bool sourced = values[count - 1].data;
    if ((sourced || f->staged) && !find_place(f, values[count - 1])) {
        f->st = silt_fail(f->err, SILT_FAILED, "internal error: a row of no source file");
        return false;
    }
    memcpy(f->row, values, (count - 1) * sizeof(*values));
    if (f->staged) f->row[count - 1] = silt_bytes_of(f->number);
    f->st = db->ops->bulk_row(db, f->row, f->err);
    if (f->st == SILT_BAD_DATA && sourced)
        (void)silt_work_blame(&f->w->m.w, f->place - 1, f->st, f->err->message);
    return f->st == SILT_OK;
}

static int64_t expected(const silt_sql_work *w)
{
    int64_t rows = 0;
    for (size_t i = 0; i < w->job->file_count; i++)
        rows += w->m.w.counts[i].read - w->m.w.counts[i].deduplicated;
    return rows;
}

silt_status silt_sql_bring(silt_sql_work *w, const silt_sql_bringing *b, silt_error *err)
{
    silt_database *db = w->table->db;
    int64_t rows = 0, wanted = b->expected < 0 ? expected(w) : b->expected;
    feed f = {.w = w, .staged = b->staged, .err = err};
    f.row = silt_arena_calloc(w->arena, b->count + 1, sizeof(*f.row));
    if (!f.row) return silt_fail_nomem(err);
    SILT_TRY(db->ops->bulk_begin(db, b->table, b->columns, b->count, err));
    silt_status st = w->engine->ops->scan_rows(w->engine, b->rows, feed_row, &f, err);
    if (st == SILT_OK) st = f.st;
    silt_error second = {0};
    silt_status end = db->ops->bulk_end(db, st == SILT_OK, &rows, st == SILT_OK ? err : &second);
    if (st == SILT_OK) st = end;
    if (st != SILT_OK) return st;
    if (rows == wanted) return SILT_OK;
    return silt_fail(err, SILT_FAILED,
                     "conservation: %" PRId64 " rows were read, %" PRId64
                     " brought to the database",
                     wanted, rows);
}
