/* What the table of runs tells: all of them, one of them, where to go on. */
#include "load/run_log.h"

/* ---- lists */

typedef struct listing {
    silt_arena *arena;
    silt_arena *scratch; /* of the line at hand */
    SILT_VEC(silt_run_record) runs;
} listing;

static void listing_release(listing *l)
{
    silt_vec_free(&l->runs);
    silt_arena_free(l->scratch);
    silt_arena_free(l->arena);
}

static bool keep_text(const silt_json *json, const char *key, silt_arena *arena, const char **out)
{
    const char *text = silt_json_string(silt_json_get_some(json, key));
    *out = text ? silt_arena_strdup(arena, text) : NULL;
    return !text || *out;
}

static silt_status take_run(void *ctx, silt_bytes line, silt_error *err)
{
    listing *l = ctx;
    const silt_json *json;
    silt_run_record run;
    silt_arena_reset(l->scratch);
    SILT_TRY(silt_json_parse(line, l->scratch, &json, err));
    SILT_TRY(silt_run_history_row_tell(json, l->scratch, &run, err));
    run.metadata = NULL;
    if (!keep_text(json, "run_id", l->arena, &run.id) ||
        !keep_text(json, "label", l->arena, &run.label) ||
        !keep_text(json, "status", l->arena, &run.status) ||
        !keep_text(json, "pipeline", l->arena, &run.pipeline) ||
        !keep_text(json, "operation", l->arena, &run.operation) ||
        !keep_text(json, "error", l->arena, &run.error) ||
        !keep_text(json, "host", l->arena, &run.host) || !silt_vec_push(&l->runs, run))
        return silt_fail_nomem(err);
    return SILT_OK;
}

static int latest_first(const void *a, const void *b)
{
    const silt_run_record *left = a, *right = b;
    if (left->started_us != right->started_us) return left->started_us > right->started_us ? -1 : 1;
    return strcmp(left->id, right->id);
}

/* The run that the lock is held for, as long as the table doesn't tell of it. */
static silt_status add_held(silt_run_log *log, listing *l, silt_error *err)
{
    silt_run_record held;
    bool found = false;
    SILT_TRY(silt_run_history_look(log, l->arena, &held, &found, err));
    for (size_t i = 0; found && i < l->runs.count; i++)
        found = strcmp(l->runs.items[i].id, held.id) != 0;
    if (!found) return SILT_OK;
    return silt_vec_push(&l->runs, held) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_run_log_list(silt_run_log *log, silt_run_fn *fn, void *ctx, silt_error *err)
{
    static const char *const columns[] = {"run_id",     "label",    "status",   "commit_sequence",
                                          "started_at", "ended_at", "pipeline", "operation",
                                          "error",      "host",     "pid",      "metrics"};
    SILT_CLEAN(listing) l = {.arena = silt_arena_new(), .scratch = silt_arena_new()};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = columns;
    opts.column_count = SILT_COUNT(columns);
    if (!l.arena || !l.scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_run_log_refresh(log, err));
    if (log->snapshot) SILT_TRY(silt_run_log_lines(log, &opts, take_run, &l, err));
    SILT_TRY(add_held(log, &l, err));
    if (l.runs.count) qsort(l.runs.items, l.runs.count, sizeof(*l.runs.items), latest_first);
    for (size_t i = 0; i < l.runs.count && fn(ctx, &l.runs.items[i]); i++) {
    }
    return SILT_OK;
}

/* ---- one run */

static silt_status no_run(const silt_run_log *log, const char *id, silt_error *err)
{
    silt_fail(err, SILT_NOT_FOUND, "there is no run %.200s in %s", id, log->store->uri);
    return silt_hint(err, SILT_NOT_FOUND, "`silt runs` lists those that there are");
}

/* Ids that begin as is asked for: the first two, and how many there are. */
typedef struct matches {
    silt_arena *arena;
    const char *ids[2];
    size_t count;
    bool exact;
} matches;

static silt_status add_match(matches *m, const char *asked, const char *id, silt_error *err)
{
    if (strcmp(asked, id) == 0) m->exact = true;
    if (m->count < SILT_COUNT(m->ids)) m->ids[m->count] = silt_arena_strdup(m->arena, id);
    if (m->count < SILT_COUNT(m->ids) && !m->ids[m->count]) return silt_fail_nomem(err);
    m->count++;
    return SILT_OK;
}

typedef struct matching {
    matches *m;
    const char *asked;
} matching;

static silt_status take_id(void *ctx, silt_bytes line, silt_error *err)
{
    const matching *at = ctx;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *json;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_json_parse(line, scratch, &json, err));
    const char *id = silt_json_string(silt_json_get(json, "run_id"));
    if (!id) return silt_fail(err, SILT_CORRUPT, "runs: a row without run_id");
    return add_match(at->m, at->asked, id, err);
}

/* All ids that begin so lie between the beginning and itself with a '~', which no id has and which
 * comes behind all that they have. */
static silt_status find_matches(silt_run_log *log, const char *id, const silt_run_record *held,
                                matches *m, silt_error *err)
{
    static const char *const columns[] = {"run_id"};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    matching at = {m, id};
    opts.columns = columns;
    opts.column_count = 1;
    opts.where = silt_arena_printf(m->arena, "run_id >= '%s' AND run_id <= '%s~'", id, id);
    if (!opts.where) return silt_fail_nomem(err);
    if (log->snapshot) SILT_TRY(silt_run_log_lines(log, &opts, take_id, &at, err));
    bool known = !held;
    for (size_t i = 0; !known && i < m->count && i < SILT_COUNT(m->ids); i++)
        known = strcmp(m->ids[i], held->id) == 0;
    if (known || strncmp(held->id, id, strlen(id)) != 0) return SILT_OK;
    return add_match(m, id, held->id, err);
}

static silt_status choose(const silt_run_log *log, const char *asked, const matches *m,
                          const char **out, silt_error *err)
{
    *out = m->exact ? asked : m->ids[0];
    if (m->exact || m->count == 1) return SILT_OK;
    if (!m->count) return no_run(log, asked, err);
    silt_fail(err, SILT_INVALID, "%zu runs begin with %.200s, such as %.200s and %.200s", m->count,
              asked, m->ids[0], m->ids[1]);
    return silt_hint(err, SILT_INVALID, "write more of the id");
}

silt_status silt_run_log_read(silt_run_log *log, const char *id, silt_arena *arena,
                              silt_run_record *out, silt_error *err)
{
    SILT_CLEAN(silt_run_row) row = {0};
    const silt_run_try *busy;
    silt_run_record held;
    matches m = {.arena = arena};
    bool is_held = false, found = false;
    SILT_TRY(silt_run_id_check(id, err));
    SILT_TRY(silt_run_log_refresh(log, err));
    SILT_TRY(silt_run_history_look(log, arena, &held, &is_held, err));
    SILT_TRY(find_matches(log, id, is_held ? &held : NULL, &m, err));
    SILT_TRY(choose(log, id, &m, &id, err));
    SILT_TRY(silt_run_log_find(log, id, arena, &row, &found, err));
    if (found && !row.pipeline)
        SILT_TRY(silt_run_settle(log, &row, NULL, false, arena, &busy, err));
    if (found) return silt_run_row_tell(&row, arena, out, err);
    if (!is_held) return no_run(log, id, err); /* it has gone meanwhile */
    *out = held;
    return SILT_OK;
}

silt_status silt_run_resume(silt_run_log *log, const char *id, const silt_diagnostics *diagnostics,
                            silt_run **out, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_run_row) row = {0};
    bool found = false;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_run_id_check(id, err));
    SILT_TRY(silt_run_log_refresh(log, err));
    SILT_TRY(silt_run_log_find(log, id, arena, &row, &found, err));
    if (!found) return no_run(log, id, err);
    if (row.pipeline)
        return silt_fail(err, SILT_INVALID,
                         "run %s is one of pipeline %s: it can't be gone on with", id,
                         row.pipeline);
    return silt_run_of_row(&row, silt_run_row_highest(&row) + 1, diagnostics, out, err);
}
