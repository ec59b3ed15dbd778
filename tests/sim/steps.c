#include "sim/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/ledger.h"
#include "load/rejects.h"
#include "sim/sqlite.h"
#include "silt/maintain.h"
#include "silt/scan.h"
#include "silt/upkeep.h"
#include "silt/write.h"
#include "table/snapshot.h"

SILT_DEFINE_AUTO(silt_scan, silt_scan_free)

#define REJECTS      "state/" SILT_REJECTS_DIR
#define DOUBLED_BY   "77" /* the batch that nobody knows */
#define COLUMNS_MAX  4
#define ANOTHER_FILE "doubled.csv"

/* One process at work. */
typedef struct steps {
    sim_process *p;
    silt_pipeline *pipeline;
    silt_arena *arena;
    silt_error *err;
} steps;

static void keep_result(sim_outcome *out, const silt_run_result *result)
{
    for (size_t i = 0; i < result->table_count; i++) {
        const silt_run_table *t = &result->tables[i];
        out->batches += t->batches;
        if (t->problem == SILT_OK || out->status != SILT_OK) continue;
        out->status = t->problem;
        snprintf(out->message, sizeof(out->message), "%s", t->message ? t->message : "");
    }
    out->processed += result->total_files_processed;
    out->failed += result->total_files_failed;
    out->rows += result->rows;
}

static silt_status run_once(steps *s, const silt_run_options *run, sim_outcome *out)
{
    silt_run_result result;
    SILT_TRY(silt_pipeline_run(s->pipeline, run, s->arena, &result, s->err));
    keep_result(out, &result);
    return out->status;
}

/* ---- reading tables, as somebody else: this isn't what fails */

typedef struct rows {
    SILT_VEC(char *) items; /* values, one a line */
    size_t columns;
} rows;

static void rows_release(rows *r)
{
    for (size_t i = 0; i < r->items.count; i++)
        free(r->items.items[i]);
    silt_vec_free(&r->items);
}

static bool add_row(void *ctx, const silt_bytes *values, size_t count)
{
    rows *r = ctx;
    silt_buf text = {0};
    assert_int_equal(count, r->columns);
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(&text, '\n');
        silt_buf_append(&text, values[i].data, values[i].size);
    }
    silt_buf_puts(&text, "");
    return silt_vec_push(&r->items, text.data);
}

static silt_status read_columns(silt_store *store, silt_engine *engine, const char *const *columns,
                                const char *where, rows *out, silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    SILT_AUTO(silt_scan) scan = NULL;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    silt_status st = silt_snapshot_open(store, engine, NULL, &snapshot, err);
    if (st == SILT_NOT_FOUND) return SILT_OK;
    opts.columns = columns;
    opts.column_count = out->columns;
    opts.where = where;
    if (st == SILT_OK) st = silt_scan_open(snapshot, &opts, &scan, err);
    if (st == SILT_OK) st = silt_scan_rows(scan, add_row, out, err);
    return st;
}

static void read_table(sim_world *w, const char *place, silt_engine *engine,
                       const char *const *columns, const char *where, rows *out)
{
    silt_error err = {0};
    silt_engine *own = engine ? NULL : sim_engine_new();
    out->columns = 0;
    while (out->columns < COLUMNS_MAX && columns[out->columns])
        out->columns++;
    silt_status st =
        read_columns(sim_place(w, place), engine ? engine : own, columns, where, out, &err);
    sim_engine_free(own);
    sim_check(st == SILT_OK, "%s can't be read: %s", place, err.message);
}

/* Whether the chain of ledgers has such a one. */
static bool has_ledger(steps *s, silt_ledger_kind kind)
{
    silt_error err = {0};
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_store *store = sim_place(s->p->world, "lake/t");
    silt_engine *own = s->p->engine ? NULL : sim_engine_new();
    const silt_ledger *chain = NULL;
    size_t count = 0;
    int64_t end;
    if (sim_is_sqlite(s->p->world->scenario)) {
        sim_engine_free(own);
        sim_sqlite_chain(s->p->world, "t", s->arena, &chain, &count);
        for (size_t i = 0; i < count; i++)
            if (chain[i].kind == kind) return true;
        return false;
    }
    silt_status st = silt_snapshot_open(store, own ? own : s->p->engine, NULL, &snapshot, &err);
    int64_t from = st == SILT_OK ? silt_snapshot_app_version(snapshot, "sim/t") : -1;
    if (st == SILT_OK)
        st = silt_ledger_chain(store, "sim/t", from, -1, s->arena, &chain, &count, &end, &err);
    silt_snapshot_free(SILT_TAKE(snapshot));
    sim_engine_free(own);
    sim_check(st == SILT_OK, "ledgers: %s", err.message);
    for (size_t i = 0; i < count; i++)
        if (chain[i].kind == kind) return true;
    return false;
}

/* ---- steps: each may be done already */

static silt_status unload(steps *s)
{
    const sim_scenario *scenario = s->p->world->scenario;
    if (!scenario->unloaded) return SILT_OK;
    SILT_FREE char *path = sim_source_path(s->p->world, scenario->unloaded);
    silt_unload_options opts = SILT_UNLOAD_OPTIONS_INIT;
    silt_unload_report report;
    opts.file = path;
    silt_status st = silt_pipeline_unload(s->pipeline, &opts, s->arena, &report, s->err);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}

static bool was_restored(silt_store *store, int64_t newest, silt_arena *arena)
{
    for (int64_t v = newest; v > 0; v--) {
        silt_commit_info info;
        silt_status st = silt_log_commit_info(store, v, arena, &info, NULL);
        if (st == SILT_OK && silt_streq(info.operation, "RESTORE")) return true;
    }
    return false;
}

/* Somebody else does, once; it isn't what fails. */
static void restore(steps *s)
{
    silt_error err = {0};
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_store *store = sim_place(s->p->world, "lake/t");
    silt_engine *engine = s->p->engine ? s->p->engine : sim_engine_new();
    silt_status st = silt_snapshot_open(store, engine, NULL, &snapshot, &err);
    if (st == SILT_OK && !was_restored(store, silt_snapshot_version(snapshot), s->arena)) {
        silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
        silt_restore_result result;
        opts.version = s->p->world->scenario->restored;
        st = silt_restore(store, engine, &opts, &result, &err);
    }
    sim_check(st == SILT_OK, "restore: %s", err.message);
    silt_snapshot_free(SILT_TAKE(snapshot));
    if (!s->p->engine) sim_engine_free(engine);
}

/* Forgets all and deletes its rows, once; what was loaded waits for the next run. */
static silt_status begin_anew(steps *s)
{
    silt_reset_options opts = SILT_RESET_OPTIONS_INIT;
    silt_fix_report report;
    opts.forget = opts.delete_rows = true;
    if (has_ledger(s, SILT_LEDGER_EPOCH)) return SILT_OK;
    return silt_pipeline_reset(s->pipeline, &opts, s->arena, &report, s->err);
}

/* A bad number is one behind an 'x'. */
static char *mended(const char *reject)
{
    const char *id = reject, *json = strchr(reject, '\n') + 1, *x = strstr(json, "\"x");
    char *line = NULL;
    if (!x) return NULL;
    assert_true(asprintf(&line, "{\"reject_id\":\"%.*s\",\"row_json\":%.*s\"%s}\n",
                         (int)(json - id - 1), id, (int)(x - json), json, x + 2) > 0);
    return line;
}

/* Those of the rejects that are open, and can be mended. */
static silt_status replay(steps *s)
{
    static const char *const columns[] = {"reject_id", "row_json", NULL};
    SILT_CLEAN(rows) open = {0};
    SILT_CLEAN(silt_buf) text = {0};
    sim_world *w = s->p->world;
    read_table(w, REJECTS, s->p->engine, columns, "status = 'open' AND row_json IS NOT NULL",
               &open);
    for (size_t i = 0; i < open.items.count; i++) {
        SILT_FREE char *line = mended(open.items.items[i]);
        if (line) silt_buf_puts(&text, line);
    }
    if (!text.size) return SILT_OK;
    char path[] = "/tmp/silt-sim-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.data, text.size), text.size);
    close(fd);
    silt_replay_options opts = SILT_REPLAY_OPTIONS_INIT;
    silt_replay_report report;
    opts.table = "t";
    opts.file = path;
    silt_status st = silt_pipeline_replay(s->pipeline, &opts, s->arena, &report, s->err);
    unlink(path);
    return st;
}

static silt_status maintain(steps *s)
{
    silt_maintain_options opts = SILT_MAINTAIN_OPTIONS_INIT;
    silt_maintain_report report;
    SILT_TRY(silt_pipeline_maintain(s->pipeline, &opts, s->arena, &report, s->err));
    for (size_t t = 0; t < report.table_count; t++)
        for (size_t i = 0; i < report.tables[t].step_count; i++) {
            const silt_maintain_step *step = &report.tables[t].steps[i];
            if (step->problem != SILT_OK)
                return silt_fail(s->err, step->problem, "%s: %s", step->name, step->message);
        }
    return SILT_OK;
}

/* Somebody else appends rows of a file as if another batch had loaded them, once. */
static void append_double(steps *s, const char *name)
{
    static const char *const columns[] = {"id", NULL};
    SILT_CLEAN(rows) there = {0};
    SILT_CLEAN(silt_buf) text = {0};
    sim_world *w = s->p->world;
    silt_error err = {0};
    read_table(w, "lake/t", s->p->engine, columns, "_batch_id = " DOUBLED_BY, &there);
    if (there.items.count) return;
    SILT_FREE char *source = sim_source_path(w, name);
    SILT_FREE char *path = sim_source_path(w, "../" ANOTHER_FILE);
    silt_buf_printf(&text, "id,day,value,_source_file,_batch_id\n4,tue,b4,%s," DOUBLED_BY "\n",
                    source);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
    assert_int_equal(fclose(file), 0);
    silt_engine *own = s->p->engine ? NULL : sim_engine_new();
    const char *files[] = {path};
    silt_write_source from = SILT_WRITE_SOURCE_INIT;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_write_result result;
    from.files = files;
    from.file_count = 1;
    silt_status st = silt_write(sim_place(w, "lake/t"), own ? own : s->p->engine, &from, &opts,
                                &result, NULL, &err);
    sim_engine_free(own);
    sim_check(st == SILT_OK, "double: %s", err.message);
}

static silt_status double_and_fix(steps *s)
{
    const char *name = s->p->world->scenario->doubled;
    silt_fix_report report;
    if (!name || has_ledger(s, SILT_LEDGER_REPAIR)) return SILT_OK;
    append_double(s, name);
    SILT_TRY(silt_pipeline_fix(s->pipeline, false, s->arena, &report, s->err));
    if (!report.failed) return SILT_OK;
    return silt_fail(s->err, SILT_FAILED, "%s",
                     report.action_count ? report.actions[report.action_count - 1] : "fix");
}

/* ---- all of it */

static silt_status runs(steps *s, const silt_run_options *run, sim_outcome *out)
{
    const sim_scenario *scenario = s->p->world->scenario;
    SILT_TRY(run_once(s, run, out));
    if (scenario->changed.name) {
        sim_set_source(s->p->world, &scenario->changed);
        SILT_TRY(run_once(s, run, out));
    }
    if (scenario->restored) {
        restore(s);
        SILT_TRY(run_once(s, run, out));
    }
    if (scenario->anew) {
        SILT_TRY(begin_anew(s));
        SILT_TRY(run_once(s, run, out));
    }
    return SILT_OK;
}

static silt_status all(steps *s, const silt_run_options *run, sim_outcome *out)
{
    const sim_scenario *scenario = s->p->world->scenario;
    SILT_TRY(runs(s, run, out));
    if (scenario->replayed) SILT_TRY(replay(s));
    if (scenario->doubled) SILT_TRY(double_and_fix(s));
    if (scenario->maintained) SILT_TRY(maintain(s));
    return unload(s);
}

silt_status sim_steps(sim_process *process, silt_pipeline *pipeline, const silt_run_options *run,
                      sim_outcome *out, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    steps s = {process, pipeline, arena, err};
    return all(&s, run, out);
}

/* ---- rejects */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void sim_check_rejects(sim_world *w, silt_engine *engine)
{
    static const char *const columns[] = {"source_file", "row_number", "status", "raw_text"};
    SILT_CLEAN(rows) all = {0};
    SILT_CLEAN(silt_buf) text = {0};
    const char *expected = w->scenario->rejects ? w->scenario->rejects : "";
    read_table(w, REJECTS, engine, columns, NULL, &all);
    if (all.items.count) qsort(all.items.items, all.items.count, sizeof(char *), by_text);
    silt_buf_puts(&text, "");
    for (size_t i = 0; i < all.items.count; i++) {
        for (char *c = all.items.items[i]; *c; c++)
            if (*c == '\n') *c = ' ';
        /* A zombie that goes on with its reset-state has all loaded once more, and rejected. */
        bool again = i > 0 && strcmp(all.items.items[i], all.items.items[i - 1]) == 0;
        if (again && w->scenario->anew && strstr(all.items.items[i], "superseded")) continue;
        const char *name = strrchr(all.items.items[i], '/');
        silt_buf_printf(&text, "%s\n", name ? name + 1 : all.items.items[i]);
    }
    sim_check(strcmp(text.data, expected) == 0, "the rejects are\n%sand ought to be\n%s", text.data,
              expected);
}
