#include "sim/op.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/alloc.h"
#include "support/arrow.h"
#include "support/files.h"

/* ---- sources */

static const char *source_path(op_site *site, silt_arena *arena)
{
    return silt_arena_printf(arena, "%s/%s.csv", site->dir, site->name);
}

static void write_csv(op_site *site, const op *o, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) csv = {0};
    for (size_t c = 0; c < o->column_count; c++)
        silt_buf_printf(&csv, "%s%s", c ? "," : "", o->columns[c].name);
    silt_buf_putc(&csv, '\n');
    for (size_t i = 0; i < o->source_count; i++) {
        for (size_t c = 0; c < o->column_count; c++) {
            int64_t value = o->source[i].cell[o->columns[c].slot];
            if (c) silt_buf_putc(&csv, ',');
            if (value == MODEL_NULL) continue;
            silt_buf_printf(&csv, o->columns[c].slot == SLOT_P ? "%c" : "%d", (int)value);
        }
        silt_buf_putc(&csv, '\n');
    }
    const char *name = silt_arena_printf(arena, "%s.csv", site->name);
    test_write(site->dir, name, csv.data);
}

typedef struct column_data {
    int64_t longs[OP_SOURCE_MAX];
    int32_t ints[OP_SOURCE_MAX];
    int32_t ends[OP_SOURCE_MAX + 1]; /* of texts */
    char texts[OP_SOURCE_MAX];
    uint8_t validity[(OP_SOURCE_MAX + 7) / 8];
} column_data;

/* One batch of all rows, in the arena. */
static struct ArrowArrayStream *open_stream(const op *o, test_arrow *arrow, silt_arena *arena)
{
    test_arrow_column *columns = silt_arena_calloc(arena, o->column_count, sizeof(*columns));
    column_data *data = silt_arena_calloc(arena, o->column_count, sizeof(*data));
    test_arrow_batch *batch = silt_arena_calloc(arena, 1, sizeof(*batch));
    for (size_t c = 0; c < o->column_count; c++) {
        size_t slot = o->columns[c].slot;
        column_data *d = &data[c];
        for (size_t i = 0; i < o->source_count; i++) {
            int64_t value = o->source[i].cell[slot];
            d->ends[i + 1] = d->ends[i];
            if (value == MODEL_NULL) continue;
            d->validity[i / 8] |= (uint8_t)(1 << (i % 8));
            d->longs[i] = value;
            d->ints[i] = (int32_t)value;
            d->texts[d->ends[i + 1]++] = (char)value;
        }
        columns[c] = (test_arrow_column){
            .name = o->columns[c].name, .validity = d->validity, .null_count = -1};
        columns[c].format = slot == SLOT_P ? "u" : slot == SLOT_W ? "i" : "l";
        columns[c].values = slot == SLOT_P   ? (const void *)d->ends
                            : slot == SLOT_W ? (const void *)d->ints
                                             : (const void *)d->longs;
        if (slot == SLOT_P) columns[c].text = d->texts;
    }
    *batch = (test_arrow_batch){columns, (int64_t)o->source_count, 0};
    *arrow = (test_arrow){.column_count = o->column_count, .batches = batch, .batch_count = 1};
    return test_arrow_open(arrow);
}

/* ---- what an operation takes */

/* One that is on its way. */
typedef struct doing {
    op_site *site;
    const op *op;
    const model *model;
    silt_snapshot *base; /* borrowed */
    silt_arena *arena;
    silt_commit_options commit;
    op_outcome *out;
} doing;

/* A call of Silt, in which memory may run out. */
#define CALL(site, call) \
    (test_alloc_fail((site)->nomem_at, (site)->nomem_for_good), called((site), (call)))
static silt_status called(op_site *site, silt_status st)
{
    site->was_nomem = test_alloc_failed();
    return st;
}

static silt_commit_options commit_of(const op_site *site, int64_t app_version)
{
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    if (app_version < 0) return commit;
    commit.app_id = site->app;
    commit.app_version = app_version;
    return commit;
}

static void follow(op_site *site, silt_snapshot *after)
{
    if (!after) return;
    silt_snapshot_free(site->held);
    site->held = after;
}

/* What the source needs lives as long as the two behind it. */
static void open_source(doing *d, silt_write_source *source, const char **path, test_arrow *arrow)
{
    if (d->op->stream) {
        source->stream = open_stream(d->op, arrow, d->arena);
        return;
    }
    write_csv(d->site, d->op, d->arena);
    *path = source_path(d->site, d->arena);
    source->files = path;
    source->file_count = 1;
}

static void keep_edit_result(doing *d, const silt_edit_result *result)
{
    d->out->committed = result->outcome == SILT_EDIT_COMMITTED;
    d->out->before =
        result->outcome == SILT_EDIT_ALREADY_DONE || result->outcome == SILT_EDIT_OVERTAKEN;
    d->out->version = result->committed_version;
    d->out->attempts = result->attempts;
    d->out->deleted = result->rows_deleted;
    d->out->updated = result->rows_updated;
}

static silt_status do_write(doing *d)
{
    static const char *const keys[] = {"id", NULL};
    const op *o = d->op;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_write_result result;
    silt_snapshot *after = NULL;
    test_arrow arrow;
    const char *path;
    opts.mode = o->kind == OP_APPEND        ? SILT_WRITE_APPEND
                : o->kind == OP_UPSERT      ? SILT_WRITE_UPSERT
                : o->kind == OP_APPEND_ONCE ? SILT_WRITE_APPEND_ONCE
                                            : SILT_WRITE_OVERWRITE;
    if (o->kind == OP_REPLACE_WHERE) opts.where = model_condition_text(&o->where, d->arena);
    opts.dynamic_partitions = o->kind == OP_REPLACE_PARTITIONS;
    if (o->kind == OP_UPSERT || o->kind == OP_APPEND_ONCE) opts.keys = keys;
    if (o->newest) opts.newest_by = "v";
    opts.commit = &d->commit;
    open_source(d, &source, &path, &arrow);
    silt_status st = CALL(d->site, silt_write(d->site->store, d->site->engine, &source, &opts,
                                              &result, &after, &d->out->err));
    if (source.stream && source.stream->release) source.stream->release(source.stream);
    if (st != SILT_OK) return st;
    follow(d->site, after);
    d->out->committed = result.outcome == SILT_WRITE_COMMITTED;
    d->out->before = !d->out->committed;
    d->out->version = result.committed_version;
    d->out->attempts = result.attempts;
    d->out->inserted = result.rows_inserted;
    d->out->updated = result.rows_updated;
    return SILT_OK;
}

/* The clauses, in the order in which they count; `set` is of those that need one. */
static size_t clauses_of(const model_merge *g, silt_assignment set[2], silt_merge_clause out[4])
{
    size_t count = 0;
    set[0] = (silt_assignment){"v", "s.v + t.id % 3"};
    set[1] = (silt_assignment){"v", "1"};
    if (g->delete_null)
        out[count++] = (silt_merge_clause){
            .when = SILT_MERGE_MATCHED, .condition = "s.v IS NULL", .action = SILT_MERGE_DELETE};
    if (g->matched == UPDATE_STAR)
        out[count++] = (silt_merge_clause){
            .when = SILT_MERGE_MATCHED, .action = SILT_MERGE_UPDATE, .star = true};
    if (g->matched == UPDATE_V)
        out[count++] = (silt_merge_clause){.when = SILT_MERGE_MATCHED,
                                           .action = SILT_MERGE_UPDATE,
                                           .set = &set[0],
                                           .set_count = 1};
    if (g->insert)
        out[count++] = (silt_merge_clause){.when = SILT_MERGE_NOT_MATCHED,
                                           .condition = g->insert_small ? "s.v < 30" : NULL,
                                           .action = SILT_MERGE_INSERT,
                                           .star = true};
    if (g->others)
        out[count++] = (silt_merge_clause){.when = SILT_MERGE_NOT_MATCHED_BY_SOURCE,
                                           .condition = "t.id % 5 = 0",
                                           .action = g->others == DELETE_OTHERS ? SILT_MERGE_DELETE
                                                                                : SILT_MERGE_UPDATE,
                                           .set = g->others == DELETE_OTHERS ? NULL : &set[1],
                                           .set_count = g->others != DELETE_OTHERS};
    return count;
}

static silt_status do_merge(doing *d)
{
    static const char *const keys[] = {"id", NULL};
    const op *o = d->op;
    silt_merge_options merge = SILT_MERGE_OPTIONS_INIT;
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_merge_clause clauses[4];
    silt_assignment set[2];
    silt_merge_result result;
    silt_snapshot *after = NULL;
    test_arrow arrow;
    const char *path;
    open_source(d, &source, &path, &arrow);
    if (o->merge.by_condition)
        merge.on = "t.id = s.id";
    else
        merge.keys = keys;
    merge.clauses = clauses;
    merge.clause_count = clauses_of(&o->merge, set, clauses);
    opts.commit = &d->commit;
    silt_status st =
        CALL(d->site, silt_merge(d->base, &source, &merge, &opts, &result, &after, &d->out->err));
    if (source.stream && source.stream->release) source.stream->release(source.stream);
    if (st != SILT_OK) return st;
    follow(d->site, after);
    keep_edit_result(d, &result.edit);
    d->out->inserted = result.rows_inserted;
    return SILT_OK;
}

static silt_status do_edit(doing *d)
{
    static const char *const by[] = {"v", "id", NULL};
    const op *o = d->op;
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_optimize_options optimize = SILT_OPTIMIZE_OPTIONS_INIT;
    silt_edit_result result;
    silt_snapshot *after = NULL;
    silt_assignment set;
    silt_status st;
    const char *where = model_condition_text(&o->where, d->arena);
    opts.commit = &d->commit;
    opts.rewrite_percent = o->small ? 100 : 50;
    if (o->kind == OP_UPDATE) {
        op_assignment_of(o, d->model, d->arena, &set.column, &set.value);
        st = CALL(d->site,
                  silt_update(d->base, &set, 1, where, &opts, &result, &after, &d->out->err));
    } else if (o->kind == OP_DELETE) {
        st = CALL(d->site, silt_delete(d->base, where, &opts, &result, &after, &d->out->err));
    } else {
        if (o->small) opts.target_file_bytes = 1200;
        if (o->kind == OP_ZORDER) optimize.z_order = by;
        optimize.purge = o->kind == OP_PURGE;
        st = CALL(d->site, silt_optimize(d->base, &optimize, &opts, &result, &after, &d->out->err));
    }
    if (st != SILT_OK) return st;
    follow(d->site, after);
    keep_edit_result(d, &result);
    return SILT_OK;
}

static silt_status do_restore(doing *d)
{
    silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
    silt_restore_result result;
    opts.version = d->op->version;
    opts.commit = &d->commit;
    SILT_TRY(
        CALL(d->site, silt_restore(d->site->store, d->site->engine, &opts, &result, &d->out->err)));
    d->out->committed = result.outcome == SILT_RESTORE_COMMITTED;
    d->out->before =
        result.outcome == SILT_RESTORE_ALREADY_DONE || result.outcome == SILT_RESTORE_OVERTAKEN;
    d->out->version = result.committed_version;
    return SILT_OK;
}

static void keep_table_result(doing *d, const silt_table_result *result)
{
    d->out->committed = result->outcome == SILT_TABLE_COMMITTED;
    d->out->before =
        result->outcome == SILT_TABLE_ALREADY_DONE || result->outcome == SILT_TABLE_OVERTAKEN;
    d->out->version = result->committed_version;
}

static silt_status do_alter(doing *d)
{
    const op *o = d->op;
    silt_table_options opts = SILT_TABLE_OPTIONS_INIT;
    silt_table_result result;
    silt_table_step step = {.target = o->column.name};
    opts.commit = &d->commit;
    switch (o->kind) {
    case OP_ADD_COLUMN:
        step.kind = SILT_STEP_ADD_COLUMN;
        step.target = NULL;
        step.value = silt_arena_printf(d->arena, "%s long", o->column.name);
        break;
    case OP_RENAME_COLUMN:
        step.kind = SILT_STEP_RENAME_COLUMN;
        step.value = o->name;
        break;
    case OP_DROP_COLUMN:
        step.kind = SILT_STEP_DROP_COLUMN;
        break;
    case OP_TRACK:
        step.kind = SILT_STEP_SET_PROPERTY;
        step.target = "delta.enableRowTracking";
        step.value = "true";
        break;
    default:
        step.kind = SILT_STEP_SET_TYPE;
        step.value = "long";
        break;
    }
    SILT_TRY(
        CALL(d->site, silt_table_alter(d->base, &step, 1, &opts, d->arena, &result, &d->out->err)));
    keep_table_result(d, &result);
    return SILT_OK;
}

static silt_status do_checkpoint(doing *d)
{
    silt_checkpoint_options opts = SILT_CHECKPOINT_OPTIONS_INIT;
    silt_checkpoint_result result;
    SILT_TRY(CALL(d->site,
                  silt_checkpoint(d->site->store, d->site->engine, &opts, &result, &d->out->err)));
    d->out->committed = true;
    return SILT_OK;
}

static silt_status do_cleanup_log(doing *d)
{
    silt_cleanup_log_options opts = SILT_CLEANUP_LOG_OPTIONS_INIT;
    silt_cleanup_log_result result;
    opts.retention_ms = 0;
    SILT_TRY(CALL(d->site,
                  silt_cleanup_log(d->site->store, d->site->engine, &opts, &result, &d->out->err)));
    d->out->committed = true;
    d->out->first_version = result.first_version;
    return SILT_OK;
}

static silt_status do_vacuum(doing *d)
{
    silt_vacuum_options opts = SILT_VACUUM_OPTIONS_INIT;
    silt_vacuum_result result;
    opts.retention_ms = 0;
    opts.allow_short = true;
    opts.lite = d->op->lite;
    SILT_TRY(
        CALL(d->site, silt_vacuum(d->site->store, d->site->engine, &opts, &result, &d->out->err)));
    d->out->committed = true;
    return SILT_OK;
}

static silt_status do_clone(doing *d)
{
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    silt_clone_result result;
    silt_store *target = d->site->beside ? d->site->beside : silt_store_mem_new();
    opts.replace = true;
    opts.shallow = d->op->kind == OP_SHALLOW_CLONE;
    opts.commit = &d->commit;
    silt_status st = CALL(
        d->site, silt_clone(d->site->store, target, d->site->engine, &opts, &result, &d->out->err));
    if (!d->site->beside) silt_store_free(target);
    if (st != SILT_OK) return st;
    d->out->committed = result.outcome == SILT_CLONE_COMMITTED;
    d->out->before =
        result.outcome == SILT_CLONE_ALREADY_DONE || result.outcome == SILT_CLONE_OVERTAKEN;
    return SILT_OK;
}

static silt_status do_migrate(doing *d)
{
    silt_migrate_options opts = SILT_MIGRATE_OPTIONS_INIT;
    silt_migrate_result result;
    silt_store *from = NULL;
    opts.commit = &d->commit;
    SILT_TRY(silt_store_open(d->site->parquet, NULL, &from, &d->out->err));
    silt_status st = CALL(d->site, silt_migrate(from, d->site->beside, d->site->engine, &opts,
                                                d->arena, &result, &d->out->err));
    silt_store_free(from);
    if (st != SILT_OK) return st;
    d->out->committed = result.outcome == SILT_MIGRATE_COMMITTED;
    d->out->before = !d->out->committed;
    return SILT_OK;
}

static silt_status do_export(doing *d)
{
    silt_export_options opts = SILT_EXPORT_OPTIONS_INIT;
    silt_export_result result;
    opts.overwrite = true;
    const char *path = silt_arena_printf(d->arena, "%s/%s.parquet", d->site->dir, d->site->name);
    silt_status st = CALL(d->site, silt_export(d->base, path, &opts, &result, &d->out->err));
    d->out->committed = st == SILT_OK;
    if (st == SILT_OK) d->out->inserted = result.rows;
    return st;
}

static silt_status run(doing *d)
{
    switch (d->op->kind) {
    case OP_APPEND:
    case OP_OVERWRITE:
    case OP_REPLACE_WHERE:
    case OP_REPLACE_PARTITIONS:
    case OP_UPSERT:
    case OP_APPEND_ONCE:
        return do_write(d);
    case OP_MERGE:
        return do_merge(d);
    case OP_UPDATE:
    case OP_DELETE:
    case OP_OPTIMIZE:
    case OP_ZORDER:
    case OP_PURGE:
        return do_edit(d);
    case OP_RESTORE:
        return do_restore(d);
    case OP_CHECKPOINT:
        return do_checkpoint(d);
    case OP_CLEANUP_LOG:
        return do_cleanup_log(d);
    case OP_VACUUM:
        return do_vacuum(d);
    case OP_CLONE:
    case OP_SHALLOW_CLONE:
        return do_clone(d);
    case OP_MIGRATE:
        return do_migrate(d);
    case OP_EXPORT:
        return do_export(d);
    default:
        return do_alter(d);
    }
}

op_outcome op_run(op_site *site, const op *o, const model *m)
{
    if (o->kind == OP_CREATE) return op_create(site, m->traits, o->app_version);
    op_outcome out = {.version = -1, .deleted = -1, .updated = -1, .inserted = -1};
    out.first_version = -1;
    silt_arena *arena = silt_arena_new();
    doing d = {site, o, m, site->held, arena, commit_of(site, o->app_version), &out};
    silt_snapshot *opened = NULL;
    if (!arena) {
        out.status = SILT_NOMEM;
        return out;
    }
    if (!d.base)
        out.status = silt_snapshot_open(site->store, site->engine, NULL, &opened, &out.err);
    if (!d.base) d.base = opened;
    if (out.status == SILT_OK) out.status = run(&d);
    silt_snapshot_free(opened);
    silt_arena_free(arena);
    return out;
}

/* ---- creation */

typedef struct steps {
    silt_table_step items[16];
    size_t count;
} steps;

static void set(steps *s, bool wanted, const char *key, const char *value)
{
    if (wanted) s->items[s->count++] = (silt_table_step){SILT_STEP_SET_PROPERTY, key, value};
}

static steps steps_of(const model_traits *t, silt_arena *arena)
{
    steps s = {.count = 0};
    set(&s, t->vectors, "delta.enableDeletionVectors", "true");
    set(&s, t->feed, "delta.enableChangeDataFeed", "true");
    set(&s, t->tracking, "delta.enableRowTracking", "true");
    set(&s, t->dated, "delta.enableInCommitTimestamps", "true");
    set(&s, t->widening, "delta.enableTypeWidening", "true");
    set(&s, t->v2, "delta.checkpointPolicy", "v2");
    set(&s, t->mapping != NULL, "delta.columnMapping.mode", t->mapping);
    set(&s, true, "delta.checkpointInterval",
        silt_arena_printf(arena, "%d", t->checkpoint_interval));
    if (t->constrained)
        s.items[s.count++] = (silt_table_step){SILT_STEP_ADD_CONSTRAINT, "small",
                                               "v IS NULL OR v < 100" /* MODEL_V_MAX */};
    if (t->clustered) s.items[s.count++] = (silt_table_step){SILT_STEP_CLUSTER_BY, NULL, "v"};
    return s;
}

op_outcome op_create(op_site *site, const model_traits *traits, int64_t app_version)
{
    static const char *const by[] = {"p"};
    op_outcome out = {.version = -1, .first_version = -1};
    silt_arena *arena = silt_arena_new();
    silt_table_result result;
    steps s = steps_of(traits, arena);
    silt_create_options create = SILT_CREATE_OPTIONS_INIT;
    silt_table_options opts = SILT_TABLE_OPTIONS_INIT;
    silt_commit_options commit = commit_of(site, app_version);
    opts.commit = &commit;
    create.columns = silt_arena_printf(
        arena, "id long, p string, v long, w int%s%s",
        traits->generated ? ", g long GENERATED ALWAYS AS (id * 2)" : "",
        traits->identity ? ", n long GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 3)"
                         : "");
    create.partition_by = by;
    create.partition_count = traits->partitioned;
    create.steps = s.items;
    create.step_count = s.count;
    create.if_not_exists = true;
    out.status = CALL(site, silt_table_create(site->store, site->engine, &create, &opts, arena,
                                              &result, &out.err));
    if (out.status == SILT_OK) {
        out.committed = result.outcome == SILT_TABLE_COMMITTED;
        out.before = !out.committed;
        out.version = result.committed_version;
    }
    silt_arena_free(arena);
    return out;
}

void op_age_log(op_site *site, int64_t newest)
{
    static const char *const names[] = {"_delta_log/%020" PRId64 ".json",
                                        "_delta_log/%020" PRId64 ".crc",
                                        "_delta_log/%020" PRId64 ".checkpoint.parquet"};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    for (int64_t v = 0; v <= newest; v++) {
        struct timespec times[2] = {{.tv_sec = time(NULL) - 4 * 86400 + v * 60}};
        times[1] = times[0];
        for (size_t i = 0; i < SILT_COUNT(names); i++) {
            char key[64];
            snprintf(key, sizeof(key), names[i], v);
            (void)utimensat(AT_FDCWD, silt_store_local_path(site->store, key, arena), times, 0);
        }
    }
}

/* ---- looking at a table */

int64_t op_newest(op_site *site)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    silt_status st = silt_snapshot_open(site->store, site->engine, NULL, &snapshot, &err);
    if (st == SILT_NOT_FOUND) return -1;
    if (st != SILT_OK) fail_msg("the table can't be opened: %s", err.message);
    int64_t version = silt_snapshot_version(snapshot);
    silt_snapshot_free(snapshot);
    return version;
}

static bool add_row(void *ctx, const silt_bytes *values, size_t count)
{
    SILT_CLEAN(silt_buf) line = {0};
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(&line, '|');
        if (values[i].data)
            silt_buf_append(&line, values[i].data, values[i].size);
        else
            silt_buf_putc(&line, '~');
    }
    text_lines_add(ctx, line.data);
    return true;
}

static silt_status open_version(op_site *site, int64_t version, silt_snapshot **out,
                                silt_error *err)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = version;
    return silt_snapshot_open(site->store, site->engine, &opts, out, err);
}

silt_status op_read(op_site *site, int64_t version, silt_arena *arena, const char **rows,
                    const char **columns, silt_error *err)
{
    silt_snapshot *snapshot = NULL;
    silt_scan *scan = NULL;
    text_lines l = {.arena = arena};
    SILT_CLEAN(silt_buf) names = {0};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    silt_status st = open_version(site, version, &snapshot, err);
    if (st == SILT_OK) {
        const silt_type *schema = silt_snapshot_schema(snapshot);
        const char **kept = silt_arena_calloc(arena, schema->field_count, sizeof(*kept));
        for (size_t i = 0; i < schema->field_count; i++)
            if (strcmp(schema->fields[i].name, "n") != 0)
                kept[opts.column_count++] = schema->fields[i].name;
        opts.columns = kept;
    }
    if (st == SILT_OK) st = silt_scan_open(snapshot, &opts, &scan, err);
    if (st == SILT_OK) st = silt_scan_rows(scan, add_row, &l, err);
    if (st == SILT_OK) {
        for (size_t i = 0; i < opts.column_count; i++)
            silt_buf_printf(&names, "%s%s", i ? "," : "", opts.columns[i]);
        *columns = silt_buf_copy(&names, arena);
        *rows = text_lines_join(&l);
    }
    silt_vec_free(&l.items);
    silt_scan_free(scan);
    silt_snapshot_free(snapshot);
    return st;
}

bool op_same(op_site *site, int64_t version, const model *m, silt_arena *arena, const char **why)
{
    silt_error err = {0};
    const char *rows, *columns, *expected = model_text(m, arena);
    silt_status st = op_read(site, version, arena, &rows, &columns, &err);
    if (st != SILT_OK) {
        *why = silt_arena_printf(arena, "%s: %s", silt_status_name(st), err.message);
        return false;
    }
    if (strcmp(columns, model_columns_text(m, arena)) != 0) {
        *why =
            silt_arena_printf(arena, "columns %s, not %s", columns, model_columns_text(m, arena));
        return false;
    }
    if (strcmp(rows, expected) == 0) return true;
    *why = silt_arena_printf(arena, "rows are\n%sand ought to be\n%s", rows, expected);
    return false;
}

/* "type|version|id|p|v" of a row id, p, v, type, version, time. */
static bool add_change(void *ctx, const silt_bytes *values, size_t count)
{
    const silt_bytes ordered[] = {values[4], values[3], values[0], values[1], values[2]};
    (void)count;
    return add_row(ctx, ordered, SILT_COUNT(ordered));
}

silt_status op_read_feed(op_site *site, int64_t from, int64_t to, silt_arena *arena,
                         const char **feeds, silt_error *err)
{
    static const char *const columns[] = {"id", "p", "v"};
    silt_changes_options opts = SILT_CHANGES_OPTIONS_INIT;
    silt_scan *scan = NULL;
    text_lines all = {.arena = arena};
    opts.from_version = from;
    opts.to_version = to;
    opts.columns = columns;
    opts.column_count = SILT_COUNT(columns);
    silt_status st = silt_changes_open(site->store, site->engine, &opts, &scan, err);
    if (st == SILT_OK) st = silt_scan_rows(scan, add_change, &all, err);
    silt_scan_free(scan);
    for (int64_t v = from; st == SILT_OK && v <= to; v++) {
        text_lines one = {.arena = arena};
        const char *lead = silt_arena_printf(arena, "%" PRId64 "|", v);
        for (size_t i = 0; i < all.items.count; i++)
            if (silt_starts_with(all.items.items[i], lead))
                text_lines_add(&one, all.items.items[i] + strlen(lead));
        feeds[v - from] = text_lines_join(&one);
    }
    silt_vec_free(&all.items);
    return st;
}

typedef struct id_search {
    const int64_t *ids;
    size_t count;
    int64_t *row_ids;
} id_search;

static bool note_row_id(void *ctx, const silt_bytes *values, size_t count)
{
    id_search *s = ctx;
    (void)count;
    for (size_t i = 0; i < s->count; i++)
        if (values[0].data && strtoll(values[0].data, NULL, 10) == s->ids[i])
            s->row_ids[i] = values[1].data ? strtoll(values[1].data, NULL, 10) : -2;
    return true;
}

bool op_row_ids(op_site *site, const int64_t *ids, size_t count, int64_t *row_ids)
{
    static const char *const columns[] = {"id"};
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    silt_scan *scan = NULL;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    id_search s = {ids, count, row_ids};
    opts.columns = columns;
    opts.column_count = 1;
    opts.row_id_column = "_row_id";
    for (size_t i = 0; i < count; i++)
        row_ids[i] = -1;
    silt_status st = open_version(site, SILT_LATEST, &snapshot, &err);
    if (st == SILT_OK) st = silt_scan_open(snapshot, &opts, &scan, &err);
    if (st == SILT_OK) st = silt_scan_rows(scan, note_row_id, &s, &err);
    silt_scan_free(scan);
    silt_snapshot_free(snapshot);
    if (st != SILT_OK) fail_msg("row ids: %s", err.message);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (row_ids[i] == row_ids[j]) return false;
    return true;
}

typedef struct numbers {
    SILT_VEC(int64_t) seen;
    bool missing;
} numbers;

static bool note_number(void *ctx, const silt_bytes *values, size_t count)
{
    numbers *n = ctx;
    (void)count;
    n->missing |= !values[0].data;
    return values[0].data ? silt_vec_push(&n->seen, strtoll(values[0].data, NULL, 10)) : true;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

bool op_numbers_are_right(op_site *site, int64_t version)
{
    static const char *const columns[] = {"n"};
    static const char mark[] = "\"delta.identity.highWaterMark\":";
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    silt_scan *scan = NULL;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    numbers n = {.missing = false};
    opts.columns = columns;
    opts.column_count = 1;
    silt_status st = open_version(site, version, &snapshot, &err);
    if (st == SILT_OK) st = silt_scan_open(snapshot, &opts, &scan, &err);
    if (st == SILT_OK) st = silt_scan_rows(scan, note_number, &n, &err);
    if (st != SILT_OK) fail_msg("numbers: %s", err.message);
    const silt_type *schema = silt_snapshot_schema(snapshot);
    const char *high = strstr(schema->fields[silt_type_find(schema, "n")].metadata, mark);
    int64_t most = high ? strtoll(high + strlen(mark), NULL, 10) : INT64_MIN;
    bool right = !n.missing;
    if (n.seen.count) qsort(n.seen.items, n.seen.count, sizeof(*n.seen.items), by_number);
    for (size_t i = 0; i < n.seen.count; i++)
        right &= n.seen.items[i] <= most && (n.seen.items[i] - 5) % 3 == 0 &&
                 !(i && n.seen.items[i] == n.seen.items[i - 1]);
    silt_vec_free(&n.seen);
    silt_scan_free(scan);
    silt_snapshot_free(snapshot);
    return right;
}

typedef struct findings {
    bool after_fault;
    silt_buf text;
} findings;

static bool found(void *ctx, const silt_finding *finding)
{
    static const char *const fine[] = {"orphan", "leftover", "missing-change-data",
                                       "bad-last-checkpoint"};
    findings *f = ctx;
    for (size_t i = 0; i < SILT_COUNT(fine) - !f->after_fault; i++)
        if (strcmp(finding->kind, fine[i]) == 0) return true;
    silt_buf_printf(&f->text, "%s %s: %s\n", finding->kind, finding->path ? finding->path : "",
                    finding->what);
    return true;
}

const char *op_doctor(op_site *site, bool deep, bool after_fault, silt_arena *arena)
{
    findings f = {after_fault, {0}};
    silt_error err = {0};
    silt_doctor_options opts = SILT_DOCTOR_OPTIONS_INIT;
    silt_doctor_result result;
    opts.deep = deep;
    opts.young_ms = 0;
    opts.found = found;
    opts.ctx = &f;
    silt_buf_puts(&f.text, "");
    silt_status st = silt_doctor(site->store, site->engine, &opts, &result, &err);
    if (st != SILT_OK) silt_buf_printf(&f.text, "%s: %s\n", silt_status_name(st), err.message);
    const char *text = silt_buf_copy(&f.text, arena);
    silt_buf_release(&f.text);
    return text;
}
