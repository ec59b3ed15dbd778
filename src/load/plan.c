/* What the next run would do: its first steps, done over overlays of the stores, up to the first
 * batch; what would follow is counted and estimated. */
#include "silt/plan.h"

#include <errno.h>
#include <stdio.h>

#include "base/type.h"
#include "engine/parquet_footer.h"
#include "load/batch.h"
#include "load/feed.h"
#include "load/recover.h"
#include "load/session.h"
#include "load/table_status.h"
#include "table/dry.h"

#define LOOKED_AT_MAX 1000  /* files of a table whose beginnings are read */
#define VERSIONS_MAX  20    /* of a source table, whose columns are */
#define SAMPLE_FILES  10    /* of text, to estimate rows by */
#define SAMPLE_BYTES  65536 /* of each */
#define FOOTERS_MAX   200   /* of Parquet files, for the same */

/* ---- stores aside */

typedef struct place {
    silt_store *below; /* owned */
    silt_dry dry;      /* its store is somebody else's */
} place;

typedef struct aside {
    silt_load *load;
    silt_arena *arena;
    silt_pipeline_options opts; /* the pipeline's own */
    silt_store *state, *tracker_store;
    silt_dry dry_state, dry_tracker;
    SILT_VEC(place) places; /* of targets */
} aside;

/* As silt_pipeline_options.open_store: over the place an overlay, which the caller frees. */
static silt_status open_aside(void *ctx, const char *uri, silt_store **out, silt_error *err)
{
    aside *a = ctx;
    place p = {0};
    silt_status st = a->opts.open_store
                         ? a->opts.open_store(a->opts.open_store_ctx, uri, &p.below, err)
                         : silt_store_open(uri, NULL, &p.below, err);
    if (st != SILT_OK) return st;
    st = silt_dry_begin(p.below, a->arena, &p.dry, err);
    if (st == SILT_OK && !silt_vec_push(&a->places, p)) st = silt_fail_nomem(err);
    if (st != SILT_OK) {
        silt_dry_end(&p.dry);
        silt_store_free(p.below);
        return st;
    }
    *out = p.dry.store;
    return SILT_OK;
}

static silt_status aside_begin(aside *a, silt_error *err)
{
    silt_load *load = a->load;
    a->opts = load->opts;
    a->state = load->state;
    a->tracker_store = load->tracker_store;
    SILT_TRY(silt_dry_begin(a->state, a->arena, &a->dry_state, err));
    SILT_TRY(silt_dry_begin(a->tracker_store, a->arena, &a->dry_tracker, err));
    load->state = a->dry_state.store;
    load->tracker_store = a->dry_tracker.store;
    load->opts.open_store = open_aside;
    load->opts.open_store_ctx = a;
    return silt_session_track(load, err);
}

static void aside_end(aside *a)
{
    silt_load *load = a->load;
    silt_session_end(load);
    load->opts = a->opts;
    load->state = a->state;
    load->tracker_store = a->tracker_store;
    silt_dry_end(&a->dry_state);
    silt_dry_end(&a->dry_tracker);
    for (size_t i = 0; i < a->places.count; i++) {
        silt_scratch_remove(a->places.items[i].dry.folder);
        silt_store_free(a->places.items[i].below);
    }
    silt_vec_free(&a->places);
}

/* ---- a table */

typedef struct planning {
    silt_load *load;
    silt_target *target;
    const silt_run_options *opts;
    silt_arena *arena; /* the caller's */
    silt_plan_table *out;
    silt_arena *scratch;
    silt_candidates waiting;
    SILT_VEC(silt_run_failure) unfit;
    silt_names changes;
    const char *folder; /* of files with the columns of versions; NULL: none */
} planning;

static void planning_release(planning *p)
{
    silt_scratch_remove(p->folder);
    silt_vec_free(&p->unfit);
    silt_arena_free(p->scratch);
}

/* ---- rows, estimated */

/* Rows of loaded files by their bytes; false: none are loaded. */
static bool rows_by_tracker(const planning *p, int64_t *out)
{
    size_t count;
    double rows = 0, bytes = 0;
    const silt_tracked *all = silt_tracker_rows(p->load->tracker, &count);
    for (size_t i = 0; i < count; i++) {
        if (all[i].status != SILT_FILE_COMPLETED || all[i].row_count < 0 ||
            strcmp(all[i].table_name, p->target->table->name) != 0)
            continue;
        rows += (double)all[i].row_count;
        bytes += (double)all[i].file_size;
    }
    if (bytes > 0) *out = (int64_t)(rows / bytes * (double)p->out->bytes + 0.5);
    return bytes > 0;
}

/* Lines of the beginning of a file of text, and the bytes that they take. */
static bool sample_lines(const char *path, bool header, double *rows, double *bytes)
{
    SILT_FREE char *block = malloc(SAMPLE_BYTES);
    FILE *file = block ? fopen(path, "re") : NULL;
    size_t size = file ? fread(block, 1, SAMPLE_BYTES, file) : 0, lines = 0, last = 0;
    if (file) (void)fclose(file);
    bool packed = size > 3 &&
                  (memcmp(block, "\x1f\x8b", 2) == 0 || memcmp(block, "\x28\xb5\x2f\xfd", 4) == 0);
    if (packed) return false;
    for (size_t i = 0; i < size; i++)
        if (block[i] == '\n') {
            lines++;
            last = i + 1;
        }
    if (size && size < SAMPLE_BYTES && block[size - 1] != '\n') lines++;
    if (size < SAMPLE_BYTES) last = size;
    *rows += lines > header ? (double)(lines - header) : 0;
    *bytes += (double)last;
    return last > 0;
}

static int64_t rows_by_sample(const planning *p)
{
    const silt_config_table *table = p->target->table;
    bool parquet = table->source_format == SILT_FORMAT_PARQUET;
    bool header = table->source_format == SILT_FORMAT_CSV && !table->source_options.no_header;
    size_t most = parquet ? FOOTERS_MAX : SAMPLE_FILES;
    double rows = 0, bytes = 0;
    silt_error ignored = {0};
    for (size_t i = 0; i < p->waiting.count && i < most; i++) {
        const silt_found_file *file = p->waiting.files[i];
        silt_parquet_footer footer;
        if (!parquet && !sample_lines(file->path, header, &rows, &bytes)) return -1;
        if (!parquet) continue;
        if (silt_parquet_footer_load(file->path, p->scratch, &footer, &ignored) != SILT_OK)
            continue; /* it is unfit */
        rows += (double)footer.row_count;
        bytes += (double)file->size_bytes;
    }
    return bytes > 0 ? (int64_t)(rows / bytes * (double)p->out->bytes + 0.5) : -1;
}

static void estimate_rows(planning *p)
{
    bool exact = p->target->table->source_format == SILT_FORMAT_PARQUET;
    if (!p->waiting.count)
        p->out->rows = 0;
    else if (p->target->table->feed) /* a version that is there has no size of its own */
        (void)rows_by_tracker(p, &p->out->rows);
    else if (exact || !rows_by_tracker(p, &p->out->rows))
        p->out->rows = rows_by_sample(p);
}

/* ---- files and batches */

static silt_status count_waiting(planning *p, silt_error *err)
{
    silt_plan_table *out = p->out;
    for (size_t i = 0; i < p->waiting.count; i++)
        out->bytes += p->waiting.files[i]->size_bytes;
    out->files_waiting = (int64_t)p->waiting.count;
    silt_candidates left = p->waiting;
    while (left.count && (!p->opts->max_batches || out->batches < p->opts->max_batches)) {
        silt_candidates batch = silt_candidates_take(p->load, p->target, &left);
        left.files += batch.count;
        left.count -= batch.count;
        out->batches++;
    }
    size_t count;
    const silt_tracked *rows = silt_tracker_rows(p->load->tracker, &count);
    for (size_t i = 0; i < count; i++)
        out->files_given_up += rows[i].status == SILT_FILE_FAILED && !p->opts->retry_failed &&
                               rows[i].retry_count >= p->load->config->retry_attempts &&
                               strcmp(rows[i].table_name, out->table_name) == 0;
    return silt_load_check(p->load, err);
}

/* ---- what the first files ask of the table */

static silt_status note_unfit(planning *p, const silt_bad_sources *bad,
                              const silt_source_file *files, silt_error *err)
{
    for (size_t i = 0; i < bad->count; i++) {
        const silt_run_failure f = {
            .table_name = p->out->table_name,
            .file_path = silt_arena_strdup(p->arena, files[bad->items[i].index].name),
            .message = silt_arena_strdup(p->arena, bad->items[i].why)};
        if (!f.file_path || !f.message || !silt_vec_push(&p->unfit, f)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static size_t without(silt_source_file *files, size_t count, const silt_bad_sources *bad)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool unfit = false;
        for (size_t k = 0; k < bad->count && !unfit; k++)
            unfit = bad->items[k].index == i;
        if (!unfit) files[kept++] = files[i];
    }
    return kept;
}

/* Prepare a job of those files that can be in one. */
static silt_status prepare(planning *p, silt_job *job, silt_source_file *files, silt_error *err)
{
    silt_runner *runner = p->target->runner;
    for (;;) {
        silt_bad_sources bad = {0};
        silt_status st = runner->ops->prepare(runner, job, &bad, p->scratch, err);
        if (st == SILT_OK || !bad.count) return st;
        SILT_TRY(note_unfit(p, &bad, files, err));
        job->file_count = without(files, job->file_count, &bad);
        if (!job->file_count) return SILT_OK;
    }
}

static bool add_change(planning *p, const char *line)
{
    const char **grown = silt_arena_calloc(p->arena, p->changes.count + 1, sizeof(*grown));
    if (!grown || !line) return false;
    if (p->changes.count) memcpy(grown, p->changes.items, p->changes.count * sizeof(*grown));
    grown[p->changes.count] = line;
    p->changes = (silt_names){grown, p->changes.count + 1};
    return true;
}

static silt_status note_column(planning *p, const silt_field *field, const silt_field *old,
                               silt_error *err)
{
    const silt_target *target = p->target;
    const char *type = target->ops->type_name(target, field->type, p->scratch);
    const char *before = old ? target->ops->type_name(target, old->type, p->scratch) : NULL;
    if (!type || (old && !before)) return silt_fail_nomem(err);
    if (!*type || (old && strcmp(type, before) == 0)) return SILT_OK;
    const char *line =
        old ? silt_arena_printf(p->arena, "column %s: %s -> %s", field->name, before, type)
            : silt_arena_printf(p->arena, "column + %s %s", field->name, type);
    return add_change(p, line) ? SILT_OK : silt_fail_nomem(err);
}

/* Columns that the table gets with the files' rows, and types that widen. `now` NULL: it is made
 * for them. */
static silt_status compare_columns(planning *p, const silt_type *now, const silt_type *planned,
                                   silt_error *err)
{
    for (size_t i = 0; i < planned->field_count; i++) {
        const silt_field *field = &planned->fields[i], *old = NULL;
        for (size_t k = 0; now && k < now->field_count && !old; k++)
            if (silt_streq(now->fields[k].name, field->name)) old = &now->fields[k];
        SILT_TRY(note_column(p, field, old, err));
    }
    return SILT_OK;
}

static silt_status compare_delta(planning *p, const silt_job *job, const silt_snapshot *before,
                                 silt_error *err)
{
    silt_runner *runner = p->target->runner;
    if (job->file_count && !p->target->there) {
        SILT_TRY(runner->ops->create(runner, job, err));
        SILT_TRY(silt_target_refresh(p->load, p->target, err));
    }
    if (!p->target->there) return SILT_OK; /* there is nothing to make it of */
    SILT_TRY(silt_dry_changes(before, p->target->snapshot, p->arena, &p->changes, err));
    if (!before || !job->file_count) return SILT_OK;
    return compare_columns(p, silt_snapshot_schema(p->target->snapshot),
                           runner->ops->schema(runner), err);
}

/* The columns of versions. */
static silt_status make_columns(planning *p, silt_source_file *files, size_t count, silt_error *err)
{
    SILT_CLEAN(silt_feed_reader) reader = {.load = p->load, .table = p->target->table};
    SILT_TRY(silt_scratch_temporary("silt-plan", p->arena, &p->folder, err));
    for (size_t i = 0; i < count; i++) {
        char *path = silt_arena_printf(p->scratch, "%s/%zu.parquet", p->folder, i);
        if (!path) return silt_fail_nomem(err);
        files[i].local_path = path;
        SILT_TRY(silt_feed_make(&reader, files[i].name, 0, true, path, NULL, err));
    }
    return SILT_OK;
}

static silt_status plan_delta(planning *p, silt_job *job, silt_source_file *files, silt_error *err)
{
    SILT_AUTO(silt_snapshot) before = NULL;
    if (p->target->there)
        SILT_TRY(silt_snapshot_open(p->target->store, p->load->engine, NULL, &before, err));
    SILT_TRY(prepare(p, job, files, err));
    return compare_delta(p, job, before, err);
}

/* Of other targets the columns are all that can change. */
static silt_status plan_columns(planning *p, silt_job *job, silt_source_file *files,
                                silt_error *err)
{
    const silt_type *now;
    SILT_TRY(p->target->ops->columns(p->load, p->target, p->scratch, &now, err));
    SILT_TRY(prepare(p, job, files, err));
    if (!job->file_count) return SILT_OK;
    if (!now && p->target->sql &&
        !add_change(p, silt_arena_printf(p->arena, "table + %s", job->table->sql_table)))
        return silt_fail_nomem(err);
    return compare_columns(p, now, p->target->runner->ops->schema(p->target->runner), err);
}

/* JSON arrays, as a batch does. */
static silt_status take_apart(planning *p, silt_source_file *files, size_t count, silt_error *err)
{
    const silt_config_table *table = p->target->table;
    for (size_t i = 0; i < count && table->source_format == SILT_FORMAT_NDJSON; i++) {
        silt_error why = {0};
        if (!silt_json_array_is(&table->source_options, files[i].local_path)) continue;
        if (!p->folder) SILT_TRY(silt_scratch_temporary("silt-plan", p->arena, &p->folder, err));
        char *path = silt_arena_printf(p->scratch, "%s/%zu.ndjson", p->folder, i);
        if (!path) return silt_fail_nomem(err);
        silt_status st = silt_json_array_split(&table->source_options, &files[i], path, &why);
        if (st != SILT_OK && st != SILT_BAD_DATA) return silt_fail(err, st, "%s", why.message);
    }
    return SILT_OK;
}

static silt_status plan_changes(planning *p, silt_error *err)
{
    bool made = p->waiting.count && p->waiting.files[0]->made;
    size_t most = made ? VERSIONS_MAX : LOOKED_AT_MAX;
    size_t count = p->waiting.count < most ? p->waiting.count : most;
    silt_source_file *files = silt_arena_calloc(p->scratch, count + 1, sizeof(*files));
    char attempt[SILT_UUID_SIZE];
    if (!files) return silt_fail_nomem(err);
    p->out->changes_known = true;
    if (!count) return SILT_OK;
    for (size_t i = 0; i < count; i++)
        files[i] = (silt_source_file){p->waiting.files[i]->path, p->waiting.files[i]->path};
    if (made) SILT_TRY(make_columns(p, files, count, err));
    SILT_TRY(take_apart(p, files, count, err));
    silt_uuid(p->load->random, attempt);
    silt_job job = {.table = p->target->table,
                    .target = p->target,
                    .files = files,
                    .file_count = count,
                    .app_id = p->target->app_id,
                    .number = silt_next_number(p->load, p->target),
                    .attempt = attempt,
                    .load_time_us = silt_now_us(p->load->clock),
                    .clock = p->load->clock,
                    .random = p->load->random};
    bool delta = job.table->format == SILT_TARGET_DELTA;
    return delta ? plan_delta(p, &job, files, err) : plan_columns(p, &job, files, err);
}

/* What a load may take the place of, at most: nothing where rows are added or only marked. */
static silt_status plan_rewrites(planning *p, bool was_there, silt_error *err)
{
    silt_strategy strategy = p->target->table->strategy;
    int64_t files, bytes;
    p->out->bytes_rewritten = 0;
    bool adds = strategy == SILT_STRATEGY_APPEND || strategy == SILT_STRATEGY_APPEND_ONCE;
    if (adds || !was_there || !p->waiting.count) return SILT_OK;
    const silt_log_state *state = silt_snapshot_state(p->target->snapshot);
    bool marks = silt_feature_deletion_vectors(&state->protocol, &state->metadata);
    if (marks && strategy != SILT_STRATEGY_OVERWRITE) return SILT_OK;
    SILT_TRY(silt_snapshot_size(p->target->snapshot, &files, &bytes, err));
    p->out->bytes_rewritten = bytes;
    return SILT_OK;
}

static silt_status plan_files(planning *p, silt_error *err)
{
    const silt_config_table *table = p->target->table;
    silt_found found;
    if (table->from_stdin) {
        silt_fail(err, SILT_UNSUPPORTED, "table %s: a dry run doesn't read standard input",
                  table->name);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "plan another table by --table, or put the rows into a file");
    }
    SILT_TRY(silt_load_discover(p->load, table, false, NULL, p->scratch, &found, err));
    p->out->files_discovered = (int64_t)found.count;
    p->out->source_empty = !table->feed && !found.count;
    SILT_TRY(silt_candidates_find(p->load, p->target, &found, p->opts->retry_failed, p->scratch,
                                  &p->waiting, err));
    SILT_TRY(count_waiting(p, err));
    estimate_rows(p);
    return SILT_OK;
}

static silt_status look(planning *p, silt_error *err)
{
    bool delta = p->target->table->format == SILT_TARGET_DELTA;
    silt_settled settled = {0};
    SILT_TRY(silt_target_refresh(p->load, p->target, err));
    p->out->version = p->target->version;
    bool was_there = p->target->there;
    if (delta) SILT_TRY(silt_settle(p->load, p->target, &settled, err));
    p->out->recoveries = delta ? settled.completed + settled.pending + settled.fenced : -1;
    SILT_TRY(plan_files(p, err));
    SILT_TRY(plan_changes(p, err));
    return delta ? plan_rewrites(p, was_there, err) : SILT_OK;
}

static silt_status keep_lists(planning *p, silt_error *err)
{
    silt_run_failure *unfit = silt_arena_calloc(p->arena, p->unfit.count + 1, sizeof(*unfit));
    if (!unfit) return silt_fail_nomem(err);
    if (p->unfit.count) memcpy(unfit, p->unfit.items, p->unfit.count * sizeof(*unfit));
    p->out->unfit = unfit;
    p->out->unfit_count = p->unfit.count;
    p->out->changes = p->changes.items;
    p->out->change_count = p->changes.count;
    return SILT_OK;
}

static silt_status plan_table(silt_load *load, const silt_config_table *table,
                              const silt_run_options *opts, silt_arena *arena, silt_plan_table *out,
                              silt_error *err)
{
    silt_target target = {0};
    silt_error why = {0};
    SILT_CLEAN(planning)
    p = {.load = load,
         .target = &target,
         .opts = opts,
         .arena = arena,
         .out = out,
         .scratch = silt_arena_new()};
    if (!p.scratch) return silt_fail_nomem(err);
    *out = (silt_plan_table){.table_name = table->name,
                             .path = table->target_path,
                             .strategy = silt_strategy_name(table->strategy),
                             .format = silt_target_format_name(table->format),
                             .version = -1,
                             .rows = -1,
                             .bytes_rewritten = -1};
    silt_status st = silt_target_open(load, table, &target, &why);
    if (st == SILT_OK) st = look(&p, &why);
    if (target.table) silt_target_release(&target);
    if (st == SILT_NOMEM || st == SILT_INTERRUPTED) return silt_fail(err, st, "%s", why.message);
    out->problem = st;
    if (st != SILT_OK) {
        out->message = silt_arena_strdup(arena, why.message);
        out->hint = why.hint[0] ? silt_arena_strdup(arena, why.hint) : NULL;
    }
    return keep_lists(&p, err);
}

static silt_status plan_tables(silt_load *load, const silt_run_options *opts, silt_arena *arena,
                               silt_plan *plan, silt_error *err)
{
    const silt_config *config = load->config;
    silt_plan_table *tables = silt_arena_calloc(arena, config->table_count, sizeof(*tables));
    if (!tables) return silt_fail_nomem(err);
    plan->tables = tables;
    for (size_t i = 0; i < config->table_count; i++) {
        const silt_config_table *table = &config->tables[config->order[i]];
        if (opts->table && strcmp(opts->table, table->name) != 0) continue;
        SILT_TRY(plan_table(load, table, opts, arena, &tables[plan->table_count++], err));
    }
    silt_engine_profile profile;
    if (load->engine->ops->profile(load->engine, &profile)) {
        plan->memory_limit_bytes = profile.memory_limit_bytes;
        plan->threads = profile.threads;
    }
    return SILT_OK;
}

silt_status silt_pipeline_plan(silt_pipeline *pipeline, const silt_run_options *opts,
                               silt_arena *arena, silt_plan *out, silt_error *err)
{
    static const silt_run_options defaults = SILT_RUN_OPTIONS_INIT;
    silt_load *load = silt_pipeline_load(pipeline);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_lock_info lock;
    if (!scratch) return silt_fail_nomem(err);
    if (!opts) opts = &defaults;
    SILT_TRY(silt_load_check_table(load, opts->table, err));
    silt_plan plan = {.pipeline = load->config->pipeline, .memory_limit_bytes = -1, .threads = -1};
    SILT_TRY(silt_lock_look(load->state, load->clock, &lock, err));
    SILT_TRY(silt_status_of_lock(&lock, arena, &plan.lock, err));
    aside a = {.load = load, .arena = scratch};
    silt_status st = aside_begin(&a, err);
    if (st == SILT_OK) st = plan_tables(load, opts, arena, &plan, err);
    aside_end(&a);
    if (st == SILT_OK) *out = plan;
    return st;
}
