/* The table of runs.
 *
 * Invariants
 *  (1) Every commit is a compare-and-swap of the version that the row was read from: no attempt of
 *      another process is ever overwritten.
 *  (2) A row that isn't the changed one is carried along as it is, or its file isn't touched. */
#include "load/run_log.h"

#include <errno.h>
#include <stdio.h>

#include "base/type.h"
#include "ops/change.h"
#include "silt/scan.h"
#include "table/data.h"
#include "table/rows.h"

#define COMPACT_FILES     32 /* data files, above which small ones are put together, */
#define COMPACT_BYTES     INT64_C(65536)
#define COMPACT_BYTES_MAX INT64_C(8388608) /* up to this size */

silt_status silt_run_log_new(silt_store *store, silt_engine *engine,
                             const char *const *storage_options, silt_run_log **out,
                             silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    size_t count = 0;
    while (storage_options && storage_options[count])
        count++;
    silt_run_log *log = arena ? silt_arena_calloc(arena, 1, sizeof(*log)) : NULL;
    const char **copies = log ? silt_arena_calloc(arena, count + 1, sizeof(*copies)) : NULL;
    if (!copies) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        copies[i] = silt_arena_strdup(arena, storage_options[i]);
        if (!copies[i]) return silt_fail_nomem(err);
    }
    log->store = store;
    log->engine = engine;
    silt_uuid(NULL, log->session);
    log->storage_options = count ? copies : NULL;
    log->arena = SILT_TAKE(arena);
    *out = log;
    return SILT_OK;
}

void silt_run_log_free(silt_run_log *log)
{
    if (!log) return;
    silt_snapshot_free(log->snapshot);
    silt_arena_free(log->arena);
}

/* ---- looking */

/* Whether all that `part` has is in `whole`, too. */
static bool covers(const silt_type *whole, const silt_type *part)
{
    if (!whole || !part) return whole == part;
    if (whole->kind != part->kind) return false;
    for (size_t i = 0; i < part->field_count; i++) {
        int at = silt_type_find(whole, part->fields[i].name);
        if (at < 0 || !covers(whole->fields[at].type, part->fields[i].type)) return false;
    }
    return covers(whole->key, part->key) && covers(whole->element, part->element);
}

/* An earlier version of Silt knew of fewer members: the next row that is put brings the others. */
static silt_status check_table(const silt_run_log *log, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_type *schema = scratch ? silt_run_schema(scratch) : NULL;
    const silt_type *theirs = silt_snapshot_schema(log->snapshot);
    if (!schema) return silt_fail_nomem(err);
    if (silt_type_find(theirs, "run_id") >= 0 && covers(schema, theirs)) return SILT_OK;
    silt_fail(err, SILT_INVALID, "%s isn't a table of runs: its columns are others",
              log->store->uri);
    return silt_hint(err, SILT_INVALID, "name another folder for the state of runs");
}

silt_status silt_run_log_refresh(silt_run_log *log, silt_error *err)
{
    silt_snapshot *now = NULL;
    silt_status st = log->snapshot ? silt_snapshot_refresh(log->snapshot, &now, err)
                                   : silt_snapshot_open(log->store, log->engine, NULL, &now, err);
    if (st == SILT_NOT_FOUND && !log->snapshot) {
        if (err) *err = (silt_error){0};
        return SILT_OK;
    }
    if (st != SILT_OK) return silt_wrap(err, st, "runs");
    bool first = !log->snapshot;
    silt_snapshot_free(log->snapshot);
    log->snapshot = now;
    return first ? check_table(log, err) : SILT_OK;
}

/* ---- reading rows, as lines of JSON in a file of a scratch folder */

typedef struct scratch {
    silt_arena *arena;
    const char *folder;
} scratch;

static void scratch_release(scratch *s)
{
    silt_scratch_remove(s->folder);
    silt_arena_free(s->arena);
}

static silt_status scratch_make(const silt_run_log *log, scratch *s, silt_error *err)
{
    char id[SILT_UUID_SIZE];
    silt_uuid(NULL, id);
    s->arena = silt_arena_new();
    if (!s->arena) return silt_fail_nomem(err);
    return silt_scratch_make(log->store, id, s->arena, &s->folder, err);
}

static silt_status scan_lines(const silt_run_log *log, const silt_scan_options *opts,
                              const char *path, silt_error *err)
{
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_open(log->snapshot, opts, &scan, err));
    return silt_scan_to_file(scan, SILT_FILE_JSON, path, NULL, err);
}

static silt_status each_line(const char *path, silt_run_line_fn *fn, void *ctx, silt_error *err)
{
    SILT_FREE char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    silt_status st = SILT_OK;
    if (!file) return silt_fail_errno(err, errno, "%s", path);
    for (ssize_t size; st == SILT_OK && (size = getline(&line, &capacity, file)) > 0;)
        st = fn(ctx, (silt_bytes){line, (size_t)size}, err);
    if (st == SILT_OK && ferror(file)) st = silt_fail_errno(err, errno, "%s", path);
    (void)fclose(file);
    return st;
}

silt_status silt_run_log_lines(const silt_run_log *log, const silt_scan_options *opts,
                               silt_run_line_fn *fn, void *ctx, silt_error *err)
{
    SILT_CLEAN(scratch) s = {0};
    SILT_TRY(scratch_make(log, &s, err));
    const char *path = silt_arena_printf(s.arena, "%s/rows.ndjson", s.folder);
    if (!path) return silt_fail_nomem(err);
    SILT_TRY(scan_lines(log, opts, path, err));
    return each_line(path, fn, ctx, err);
}

/* The row of one run. */
typedef struct finding {
    silt_arena *arena;
    silt_run_row *row;
    bool found;
} finding;

static silt_status take_row(void *ctx, silt_bytes line, silt_error *err)
{
    finding *f = ctx;
    if (f->found && f->row->pipeline) return SILT_OK; /* each says as much, and one is enough */
    if (f->found) return silt_fail(err, SILT_CORRUPT, "runs: %s is there twice", f->row->id);
    f->found = true;
    return silt_run_row_read(line, f->arena, f->row, err);
}

static const char *condition_of(const char *id, silt_arena *arena)
{
    return silt_arena_printf(arena, "run_id = '%s'", id); /* an id has nothing that needs care */
}

silt_status silt_run_log_find(silt_run_log *log, const char *id, silt_arena *arena,
                              silt_run_row *out, bool *found, silt_error *err)
{
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    finding f = {.arena = arena, .row = out};
    *found = false;
    if (!log->snapshot) return SILT_OK;
    opts.where = condition_of(id, arena);
    if (!opts.where) return silt_fail_nomem(err);
    silt_status st = silt_run_log_lines(log, &opts, take_row, &f, err);
    *found = f.found;
    return st;
}

/* ---- which files go */

/* What a row takes the place of: the file that it stands in, or small files that are put together
 * with it. */
typedef struct plan {
    silt_run_log *log;
    const char *id; /* of the row */
    const silt_buf *row;
    scratch s;
    const silt_type *schema;
    const silt_add *adds;
    size_t count;
    bool *gone;
    const char **paths; /* of those that are */
    size_t gone_count;
    FILE *others; /* rows that stay */
    size_t other_count;
} plan;

static void plan_release(plan *p)
{
    if (p->others) (void)fclose(p->others);
    scratch_release(&p->s);
}

static void let_go(plan *p, size_t file)
{
    p->gone[file] = true;
    p->paths[p->gone_count++] = p->adds[file].path;
}

static bool mark_file(void *ctx, const silt_bytes *values, size_t count)
{
    plan *p = ctx;
    const silt_bytes *path = &values[count - 1];
    for (size_t i = 0; i < p->count; i++)
        if (!p->gone[i] && strlen(p->adds[i].path) == path->size &&
            memcmp(p->adds[i].path, path->data, path->size) == 0)
            let_go(p, i);
    return true;
}

static silt_status find_file(plan *p, silt_error *err)
{
    static const char *const columns[] = {"run_id"};
    SILT_AUTO(silt_scan) scan = NULL;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = columns;
    opts.column_count = 1;
    opts.file_column = "_file";
    opts.where = condition_of(p->id, p->s.arena);
    if (!opts.where) return silt_fail_nomem(err);
    SILT_TRY(silt_scan_open(p->log->snapshot, &opts, &scan, err));
    return silt_scan_rows(scan, mark_file, p, err);
}

/* Each file no larger than twice all that is put together so far: a row is written anew log(n)
 * times over the years. And files whose rows are all so old that most of them may be forgotten. */
static void plan_compaction(plan *p)
{
    int64_t merged = COMPACT_BYTES;
    if (p->count < COMPACT_FILES) return;
    p->log->compacted = true;
    for (size_t i = 0; i < p->count; i++)
        if (p->adds[i].modification_time_ms < p->log->keep_from_us / 1000) let_go(p, i);
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < p->count && merged < COMPACT_BYTES_MAX; i++) {
            if (p->gone[i] || p->adds[i].size_bytes > 2 * merged) continue;
            let_go(p, i);
            merged += p->adds[i].size_bytes;
            more = true;
        }
    }
}

static silt_status plan_files(plan *p, bool is_new, silt_error *err)
{
    SILT_TRY(silt_snapshot_adds(p->log->snapshot, &p->adds, &p->count, err));
    p->gone = silt_arena_calloc(p->s.arena, p->count + 1, sizeof(*p->gone));
    p->paths = silt_arena_calloc(p->s.arena, p->count + 1, sizeof(*p->paths));
    if (!p->gone || !p->paths) return silt_fail_nomem(err);
    if (!is_new) SILT_TRY(find_file(p, err));
    if (!p->gone_count) plan_compaction(p);
    return SILT_OK;
}

/* Runs of pipelines that are too old are forgotten. Runs of changes aren't: whoever goes on with
 * one has to know its number. */
static silt_status is_kept(const silt_run_log *log, silt_bytes line, bool *out, silt_error *err)
{
    SILT_AUTO(silt_arena) own = silt_arena_new();
    const silt_json *json;
    if (!own) return silt_fail_nomem(err);
    SILT_TRY(silt_json_parse(line, own, &json, err));
    *out = !silt_json_get_some(json, "pipeline") ||
           silt_run_time_of(json, "started_at") >= log->keep_from_us;
    return SILT_OK;
}

static silt_status keep_line(void *ctx, silt_bytes line, silt_error *err)
{
    plan *p = ctx;
    SILT_CLEAN(silt_buf) start = {0}; /* the first column comes first */
    silt_buf_printf(&start, "{\"run_id\":\"%s\",", p->id);
    if (start.failed) return silt_fail_nomem(err);
    if (line.size > start.size && memcmp(line.data, start.data, start.size) == 0) return SILT_OK;
    bool stays = true;
    if (p->log->compacted) SILT_TRY(is_kept(p->log, line, &stays, err));
    if (!stays) return SILT_OK;
    p->other_count++;
    if (fwrite(line.data, 1, line.size, p->others) == line.size) return SILT_OK;
    return silt_fail_errno(err, errno, "%s", p->s.folder);
}

/* Rows of files that go and that stay themselves, as lines. */
static silt_status keep_others(plan *p, const char *path, silt_error *err)
{
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.files = p->paths;
    opts.file_count = p->gone_count;
    const char *all = silt_arena_printf(p->s.arena, "%s/all.ndjson", p->s.folder);
    if (!all) return silt_fail_nomem(err);
    SILT_TRY(scan_lines(p->log, &opts, all, err));
    p->others = fopen(path, "we");
    if (!p->others) return silt_fail_errno(err, errno, "%s", path);
    SILT_TRY(each_line(all, keep_line, p, err));
    int failed = fclose(p->others);
    p->others = NULL;
    return failed ? silt_fail_errno(err, errno, "%s", path) : SILT_OK;
}

/* ---- lines → data files */

static silt_status write_line(const plan *p, const char *path, silt_error *err)
{
    if (p->row->failed) return silt_fail_nomem(err);
    FILE *file = fopen(path, "we");
    bool put = file && fwrite(p->row->data, 1, p->row->size, file) == p->row->size;
    if (file) put &= fclose(file) == 0;
    return put ? SILT_OK : silt_fail_errno(err, errno, "%s", path);
}

static silt_status stage(const plan *p, const char *lines, silt_stage_result *out, silt_error *err)
{
    silt_arena *arena = p->s.arena;
    const silt_type *schema = p->schema;
    size_t count = schema->field_count;
    silt_column *members = silt_arena_calloc(arena, count, sizeof(*members));
    silt_output_column *columns = silt_arena_calloc(arena, count, sizeof(*columns));
    char id[SILT_UUID_SIZE];
    silt_uuid(NULL, id);
    const char *prefix = silt_arena_printf(arena, "part-%s-", id);
    if (!members || !columns || !prefix) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const silt_field *f = &schema->fields[i];
        members[i] = (silt_column){f->name, f->type};
        columns[i] = (silt_output_column){.name = f->name, .type = f->type, .source = f->name};
    }
    const silt_source_file file = {lines, lines};
    const silt_source_group group = {.format = SILT_FORMAT_NDJSON,
                                     .files = &file,
                                     .file_count = 1,
                                     .columns = members,
                                     .column_count = count};
    const silt_stage_spec spec = {.groups = &group,
                                  .group_count = 1,
                                  .columns = columns,
                                  .column_count = count,
                                  .write = {.directory = p->s.folder, .file_prefix = prefix}};
    return p->log->engine->ops->stage(p->log->engine, &spec, arena, out, err);
}

/* Data files of the table, which no commit names so far. */
typedef struct published {
    silt_add *adds;
    size_t count;
} published;

static void unpublish(const silt_run_log *log, const published *files)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    for (size_t i = 0; arena && i < files->count; i++) {
        const char *key;
        if (silt_path_decode(files->adds[i].path, arena, &key, NULL) == SILT_OK)
            (void)log->store->ops->remove(log->store, key, NULL);
    }
}

static silt_status publish(const plan *p, const char *lines, published *out, silt_error *err)
{
    silt_stage_result staged = {0};
    const silt_run_log *log = p->log;
    SILT_TRY(stage(p, lines, &staged, err));
    SILT_TRY(silt_staged_publish(log->store, staged.files, staged.file_count,
                                 &silt_snapshot_state(log->snapshot)->metadata, p->schema,
                                 silt_now_ms(log->clock), p->s.arena, &out->adds, err));
    out->count = staged.file_count;
    return SILT_OK;
}

/* ---- the commit */

/* Members that the table lacks come with it. */
static silt_status bring_members(const plan *p, silt_txn *txn, silt_error *err)
{
    silt_metadata metadata = silt_snapshot_state(p->log->snapshot)->metadata;
    if (covers(silt_snapshot_schema(p->log->snapshot), p->schema)) return SILT_OK;
    metadata.schema_json = silt_schema_json(p->schema, p->s.arena);
    if (!metadata.schema_json) return silt_fail_nomem(err);
    return silt_txn_set_metadata(txn, &metadata, err);
}

static silt_status commit(plan *p, const published *files, size_t file_sets, silt_error *err)
{
    silt_run_log *log = p->log;
    SILT_AUTO(silt_txn) txn = NULL;
    silt_snapshot *after = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "RUN ATTEMPT";
    opts.read = SILT_READ_LOG;
    opts.clock = log->clock;
    SILT_TRY(silt_txn_new(log->snapshot, &opts, &txn, err));
    SILT_TRY(bring_members(p, txn, err));
    for (size_t i = 0; i < p->count; i++)
        if (p->gone[i]) SILT_TRY(silt_txn_remove(txn, &p->adds[i], true, err));
    for (size_t k = 0; k < file_sets; k++)
        for (size_t i = 0; i < files[k].count; i++)
            SILT_TRY(silt_txn_add(txn, &files[k].adds[i], err));
    SILT_TRY(silt_txn_commit(txn, &result, &after, err));
    if (result.outcome != SILT_TXN_COMMITTED)
        return silt_fail(err, SILT_CONFLICT, "runs: %s", result.conflict);
    /* Whatever fails from here on is no failure of the commit: its files stay. */
    silt_snapshot_free(log->snapshot);
    log->snapshot = after; /* NULL where memory ran out: it is opened anew */
    if (after) (void)silt_table_maintain(after, NULL);
    return SILT_OK;
}

static silt_status make_table(silt_run_log *log, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_type *schema = arena ? silt_run_schema(arena) : NULL;
    silt_txn_result result; /* a conflict: another process made it, which is as good */
    if (!schema) return silt_fail_nomem(err);
    SILT_TRY(silt_create_table(log->store, log->engine, schema, NULL, 0, (silt_pairs){0}, NULL,
                               NULL, &result, err));
    return silt_run_log_refresh(log, err);
}

silt_status silt_run_log_put(silt_run_log *log, const char *id, const silt_buf *row, bool is_new,
                             silt_error *err)
{
    SILT_CLEAN(plan) p = {.log = log, .id = id, .row = row};
    log->compacted = false;
    published files[2] = {{0}};
    if (!log->snapshot) SILT_TRY(make_table(log, err));
    SILT_TRY(scratch_make(log, &p.s, err));
    const char *line = silt_arena_printf(p.s.arena, "%s/row.ndjson", p.s.folder);
    const char *others = silt_arena_printf(p.s.arena, "%s/others.ndjson", p.s.folder);
    p.schema = silt_run_schema(p.s.arena);
    if (!line || !others || !p.schema) return silt_fail_nomem(err);
    SILT_TRY(plan_files(&p, is_new, err));
    SILT_TRY(write_line(&p, line, err));
    if (p.gone_count) SILT_TRY(keep_others(&p, others, err));
    silt_status st = publish(&p, line, &files[0], err);
    if (st == SILT_OK && p.other_count) st = publish(&p, others, &files[1], err);
    if (st == SILT_UNSURE) st = SILT_IO; /* a file is, but the commit surely wasn't tried */
    if (st == SILT_OK) st = commit(&p, files, 2, err);
    if (st == SILT_OK || st == SILT_UNSURE) return st;
    for (size_t i = 0; i < SILT_COUNT(files); i++)
        unpublish(log, &files[i]);
    return silt_wrap(err, st, "runs");
}

void silt_run_log_wait(const silt_run_log *log, int tries)
{
    uint64_t bits;
    silt_random_fill(NULL, &bits, sizeof(bits));
    silt_sleep_ms(log->clock, (int64_t)(bits % (uint64_t)(5 + 5 * tries)));
}
