/* A snapshot's scan: which of its files, step by step, with an account of what each step ruled out.
 */
#include "base/hash.h"
#include "base/seam.h"
#include "table/data.h"
#include "table/expr.h"
#include "table/rows.h"
#include "table/tell.h"

#define STEPS_MAX 5

typedef struct opening {
    silt_scan *scan;
    silt_snapshot *snapshot;
    const silt_scan_options *opts;
    silt_scan_plan plan; /* of the scan that has been opened, later on */
    const char *folder;  /* of copies; NULL: none */
    silt_scan_want want;
    const silt_add *adds;
    size_t *files;             /* what is left, as indexes into `adds` */
    size_t count, read_count;  /* the limit may leave less to be read */
    const silt_skip *skip;     /* NULL: none */
    silt_file_digest *digests; /* by add */
    silt_scan_explanation *explanation;
    silt_scan_step *steps;
} opening;

static void opening_release(void *ctx)
{
    opening *o = ctx;
    silt_scan_plan_release(&o->plan);
    if (o->folder) silt_scratch_remove(o->folder);
}

static silt_status opening_blame(void *ctx, silt_status st, silt_error *err)
{
    const opening *o = ctx;
    return silt_scan_missing(&o->plan, st, err);
}

/* ---- the account */

static void count_out(int64_t *rows, int64_t some)
{
    *rows = *rows < 0 || some < 0 ? -1 : *rows + some;
}

/* A step to be told of; its counts are zero. NULL `why`: out of memory. */
static silt_scan_step *add_step(opening *o, const char *name, const char *why)
{
    silt_scan_step *step = &o->steps[o->explanation->step_count++];
    *step = (silt_scan_step){.name = name, .why = why};
    return step;
}

static void rule_out(const opening *o, size_t file, silt_scan_step *step)
{
    step->files++;
    step->bytes += o->adds[file].size_bytes;
    count_out(&step->rows, o->digests[file].row_count);
}

/* ---- the condition */

/* The columns that a condition may ask of: the table's, and those that the options add. */
static const silt_type *asked_of(const opening *o)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING}, number = {.kind = SILT_TYPE_LONG};
    const silt_scan_options *opts = o->opts;
    const struct {
        const char *name;
        const silt_type *type;
    } added[] = {{opts->file_column, &text},
                 {opts->row_id_column, &number},
                 {opts->row_commit_version_column, &number}};
    const silt_type *schema = silt_snapshot_schema(o->snapshot);
    silt_arena *arena = o->scan->arena;
    silt_type *all = silt_arena_calloc(arena, 1, sizeof(*all));
    silt_field *fields =
        silt_arena_calloc(arena, schema->field_count + SILT_COUNT(added), sizeof(*fields));
    if (!all || !fields) return NULL;
    if (schema->field_count) memcpy(fields, schema->fields, schema->field_count * sizeof(*fields));
    *all =
        (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = schema->field_count};
    for (size_t i = 0; i < SILT_COUNT(added); i++)
        if (added[i].name)
            fields[all->field_count++] = (silt_field){added[i].name, added[i].type, true, "{}"};
    return all;
}

static silt_status begin_account(opening *o, silt_error *err)
{
    silt_arena *arena = o->scan->arena;
    o->explanation = silt_arena_calloc(arena, 1, sizeof(*o->explanation));
    o->steps = silt_arena_calloc(arena, STEPS_MAX, sizeof(*o->steps));
    if (!o->explanation || !o->steps) return silt_fail_nomem(err);
    *o->explanation =
        (silt_scan_explanation){.version = silt_snapshot_version(o->snapshot), .steps = o->steps};
    return SILT_OK;
}

static silt_status make_skip(opening *o, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(o->snapshot);
    const silt_type *schema = silt_snapshot_schema(o->snapshot);
    silt_arena *arena = o->scan->arena;
    silt_mapping mapping;
    silt_skip *skip;
    SILT_TRY(silt_mapping_of(&state->metadata, schema, arena, &mapping, err));
    SILT_TRY(silt_skip_new(o->want.filter, schema, &mapping, arena, &skip, err));
    o->skip = skip;
    return SILT_OK;
}

static silt_status take_condition(opening *o, silt_error *err)
{
    if (!o->opts->where) return SILT_OK;
    silt_arena *arena = o->scan->arena;
    const silt_type *schema = asked_of(o);
    if (!schema) return silt_fail_nomem(err);
    silt_status st = silt_expr_condition(o->opts->where, schema, arena, &o->want.filter, err);
    if (st != SILT_OK) return silt_wrap(err, st, "condition");
    SILT_CLEAN(silt_buf) text = {0};
    silt_expr_print(o->want.filter, &text);
    o->explanation->filter = silt_buf_copy(&text, arena);
    if (!o->explanation->filter) return silt_fail_nomem(err);
    return o->opts->no_pushdown ? SILT_OK : make_skip(o, err);
}

/* ---- all files */

/* Only who needs to know what stats say has them looked at. The rows of a file are what its
 * deletion vector is checked against. */
static bool needs_digest(const opening *o)
{
    const silt_log_state *state = silt_snapshot_state(o->snapshot);
    return o->opts->where || o->opts->limit >= 0 || o->opts->explain ||
           silt_names_have(state->protocol.reader_features, "deletionVectors");
}

static silt_status list_files(opening *o, size_t *count, silt_error *err)
{
    silt_arena *arena = o->scan->arena;
    if (needs_digest(o))
        return silt_snapshot_digest(o->snapshot, o->skip, arena, &o->adds, &o->digests, count, err);
    SILT_TRY(silt_snapshot_adds_lean(o->snapshot, &o->adds, count, err));
    o->digests = silt_arena_calloc(arena, *count, sizeof(*o->digests));
    if (!o->digests) return silt_fail_nomem(err);
    for (size_t i = 0; i < *count; i++)
        o->digests[i] = (silt_file_digest){-1, SILT_SKIP_KEEP};
    return SILT_OK;
}

static silt_status take_all(opening *o, silt_error *err)
{
    size_t count;
    SILT_TRY(list_files(o, &count, err));
    o->files = silt_arena_calloc(o->scan->arena, count, sizeof(*o->files));
    if (!o->files) return silt_fail_nomem(err);
    o->explanation->total_files = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        o->files[o->count++] = i;
        count_out(&o->explanation->total_rows, o->digests[i].row_count);
        o->explanation->total_bytes += o->adds[i].size_bytes;
    }
    return SILT_OK;
}

/* ---- the file list */

/* The files that are named, as the log spells them or decoded; each name is looked for once. */
static silt_status match_names(opening *o, silt_map64 *names, silt_scan_step *step, size_t *found,
                               silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        bool named;
        const char *path = o->adds[o->files[i]].path;
        silt_arena_reset(scratch);
        const char *decoded = silt_path_canonical(path, scratch);
        if (!decoded) return silt_fail_nomem(err);
        const char *name = silt_map64_get(names, decoded, strlen(decoded)) ? decoded : path;
        if (!silt_map64_get(names, name, strlen(name))) {
            rule_out(o, o->files[i], step);
            continue;
        }
        void **seen = silt_map64_slot(names, name, strlen(name), &named);
        *found += *seen == names;
        *seen = o;
        o->files[kept++] = o->files[i];
    }
    o->count = kept;
    return SILT_OK;
}

static silt_status no_file(const opening *o, const silt_map64 *names, size_t others,
                           silt_error *err)
{
    const char *name = NULL;
    for (size_t i = 0; i < o->opts->file_count && !name; i++) {
        name = o->opts->files[i];
        if (silt_map64_get(names, name, strlen(name)) != names) name = NULL;
    }
    const char *uri = silt_snapshot_store(o->snapshot)->uri;
    int64_t version = silt_snapshot_version(o->snapshot);
    if (others)
        silt_fail(err, SILT_NOT_FOUND,
                  "%s: version %" PRId64 " has no file %s, nor %zu others that are named", uri,
                  version, name, others);
    else
        silt_fail(err, SILT_NOT_FOUND, "%s: version %" PRId64 " has no file %s", uri, version,
                  name);
    return silt_hint(err, SILT_NOT_FOUND,
                     "paths are those that a list of the version's files gives");
}

static silt_status take_named(opening *o, silt_error *err)
{
    const silt_scan_options *opts = o->opts;
    if (!opts->files) return SILT_OK;
    const char *why = silt_arena_printf(o->scan->arena, "%zu %s named", opts->file_count,
                                        opts->file_count == 1 ? "file is" : "files are");
    SILT_AUTO(silt_map64) names = silt_map64_new(); /* to itself until it is found */
    if (!names || !why) return silt_fail_nomem(err);
    for (size_t i = 0; i < opts->file_count; i++) {
        bool again;
        const char *name = opts->files[i];
        void **slot = silt_map64_slot(names, name, strlen(name), &again);
        if (!slot) return silt_fail_nomem(err);
        *slot = names;
    }
    size_t found = 0;
    SILT_TRY(match_names(o, names, add_step(o, "file list", why), &found, err));
    size_t missing = silt_map64_count(names) - found;
    return missing ? no_file(o, names, missing - 1, err) : SILT_OK;
}

/* ---- partition values and statistics */

/* One step for each kind of evidence that ruled files out. */
static void take_possible(opening *o)
{
    if (!o->skip) return;
    silt_scan_step by_partition = {.name = "partition values", .why = o->explanation->filter};
    silt_scan_step by_stats = {.name = "statistics", .why = o->explanation->filter};
    size_t kept = 0;
    for (size_t i = 0; i < o->count; i++) {
        silt_skip_verdict verdict = o->digests[o->files[i]].verdict;
        if (verdict == SILT_SKIP_KEEP)
            o->files[kept++] = o->files[i];
        else
            rule_out(o, o->files[i], verdict == SILT_SKIP_STATS ? &by_stats : &by_partition);
    }
    o->count = kept;
    if (by_partition.files) o->steps[o->explanation->step_count++] = by_partition;
    if (by_stats.files) o->steps[o->explanation->step_count++] = by_stats;
}

/* ---- the limit */

/* Where nothing is asked of the rows, the first files whose rows are known hold enough. */
static silt_status take_enough(opening *o, silt_error *err)
{
    o->read_count = o->count;
    if (o->opts->limit < 0 || o->want.filter) return SILT_OK;
    int64_t rows = 0;
    size_t needed = 0;
    for (; needed < o->count && rows < o->opts->limit; needed++) {
        const silt_add *add = &o->adds[o->files[needed]];
        int64_t some = o->digests[o->files[needed]].row_count;
        if (some >= 0 && add->dv) some -= add->dv->cardinality;
        rows += some > 0 ? some : 0;
    }
    if (needed == o->count) return SILT_OK;
    const char *why = silt_arena_printf(o->scan->arena, "%zu files hold enough rows", needed);
    if (needed < 2) why = needed ? "the first file holds enough rows" : "no row is asked for";
    if (!why) return silt_fail_nomem(err);
    silt_scan_step *step = add_step(o, "limit", why);
    for (size_t i = needed; i < o->count; i++)
        rule_out(o, o->files[i], step);
    o->read_count = needed;
    return SILT_OK;
}

/* ---- deletion vectors, and what is left */

static silt_status account(opening *o, silt_error *err)
{
    silt_scan_explanation *e = o->explanation;
    int64_t vectors = 0, deleted = 0;
    e->files = (int64_t)o->read_count;
    for (size_t i = 0; i < o->read_count; i++) {
        const silt_add *add = &o->adds[o->files[i]];
        vectors += add->dv != NULL;
        deleted += add->dv ? add->dv->cardinality : 0;
        e->bytes += add->size_bytes;
        count_out(&e->rows, o->digests[o->files[i]].row_count);
    }
    if (!vectors) return SILT_OK;
    const char *why = silt_arena_printf(o->scan->arena, "%" PRId64 " %s deleted rows", vectors,
                                        vectors == 1 ? "file has" : "files have");
    if (!why) return silt_fail_nomem(err);
    silt_scan_step *step = add_step(o, "deletion vectors", why);
    step->rows = deleted;
    e->rows = e->rows >= deleted ? e->rows - deleted : -1;
    return SILT_OK;
}

/* ---- the plan */

static silt_status check(const silt_scan_options *opts, silt_error *err)
{
    if (opts->limit < -1)
        return silt_fail(err, SILT_INVALID, "limit %" PRId64 ": -1 for all, or 0 and more",
                         opts->limit);
    return SILT_OK;
}

/* What the scan is to give: the options, and a place for the file's name. */
static silt_status wanted(opening *o, silt_error *err)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    const silt_scan_options *opts = o->opts;
    silt_scan_extra *extra = silt_arena_calloc(o->scan->arena, 1, sizeof(*extra));
    if (!extra) return silt_fail_nomem(err);
    *extra = (silt_scan_extra){.name = opts->file_column, .type = &text};
    o->want = (silt_scan_want){.columns = opts->columns,
                               .column_count = opts->column_count,
                               .extras = extra,
                               .extra_count = opts->file_column != NULL,
                               .row_id_column = opts->row_id_column,
                               .row_commit_version_column = opts->row_commit_version_column,
                               .no_pushdown = opts->no_pushdown,
                               .limit = opts->limit};
    return SILT_OK;
}

static silt_status add_file(opening *o, size_t file, silt_error *err)
{
    const silt_add *add = &o->adds[file];
    silt_arena *arena = o->scan->arena;
    const char **extra = NULL;
    if (o->want.extra_count) {
        extra = silt_arena_calloc(arena, 1, sizeof(*extra));
        if (extra) *extra = silt_path_canonical(add->path, arena);
        if (!extra || !*extra) return silt_fail_nomem(err);
    }
    const silt_scan_item item = {.path = add->path,
                                 .partition_values = add->partition_values,
                                 .row_count = o->digests[file].row_count,
                                 .base_row_id = add->base_row_id,
                                 .default_row_commit_version = add->default_row_commit_version,
                                 .dv = add->dv,
                                 .extras = extra};
    return silt_scan_plan_add(&o->plan, &item, err);
}

static silt_status make_plan(opening *o, silt_error *err)
{
    silt_arena *arena = o->scan->arena;
    silt_store *store = silt_snapshot_store(o->snapshot);
    const silt_log_state *state = silt_snapshot_state(o->snapshot);
    if (!store->ops->local_path && o->read_count) {
        char name[SILT_UUID_SIZE];
        silt_uuid(&silt_random_system, name);
        SILT_TRY(silt_scratch_make(store, name, arena, &o->folder, err));
    }
    SILT_TRY(silt_scan_plan_init(&o->plan, store, state->version, &state->metadata,
                                 silt_snapshot_schema(o->snapshot), &o->want, o->folder, arena,
                                 err));
    for (size_t i = 0; i < o->read_count; i++)
        SILT_TRY(add_file(o, o->files[i], err));
    /* A table that has lost a file isn't read in part, though a limit would hide it. */
    for (size_t i = o->read_count; i < o->count; i++)
        SILT_TRY(silt_scan_plan_check(&o->plan, o->adds[o->files[i]].path, err));
    o->scan->rows = (silt_rows_spec){.kind = SILT_ROWS_SCAN, .scan = o->plan.spec};
    return SILT_OK;
}

silt_status silt_scan_open(silt_snapshot *snapshot, const silt_scan_options *opts, silt_scan **out,
                           silt_error *err)
{
    static const silt_scan_options all = SILT_SCAN_OPTIONS_INIT;
    if (!opts) opts = &all;
    silt_tell_scan(opts, silt_snapshot_store(snapshot)->uri, silt_snapshot_version(snapshot));
    SILT_TRY(check(opts, err));
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_new(silt_snapshot_engine(snapshot), &scan, err));
    opening *o = silt_arena_calloc(scan->arena, 1, sizeof(*o));
    if (!o) return silt_fail_nomem(err);
    *o = (opening){.scan = scan, .snapshot = snapshot, .opts = opts};
    scan->ctx = o;
    scan->release = opening_release;
    scan->blame = opening_blame;
    SILT_TRY(silt_scan_set_shape(scan, opts->view_types, opts->schema, opts->batch_rows, err));
    SILT_TRY(wanted(o, err));
    SILT_TRY(begin_account(o, err));
    SILT_TRY(take_condition(o, err));
    SILT_TRY(take_all(o, err));
    SILT_TRY(take_named(o, err));
    take_possible(o);
    SILT_TRY(take_enough(o, err));
    SILT_TRY(account(o, err));
    SILT_TRY(make_plan(o, err));
    scan->explanation = o->explanation;
    *out = SILT_TAKE(scan);
    return SILT_OK;
}
