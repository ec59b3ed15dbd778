#include "sim/world.h"

#include <errno.h>
#include <pthread.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "load/ledger.h"
#include "load/session.h"
#include "silt/scan.h"
#include "sim/raw.h"
#include "sim/sqlite.h"
#include "sim/steps.h"
#include "support/files.h"
#include "table/snapshot.h"

/* ---- points */

static bool in_child;
static char point[256];
static int64_t points;
static bool grouped; /* shards are of groups */

/* Whether the next point is of the shard that is asked for: SILT_SHARD=2/8 takes each eighth one,
 * the second of them first. */
static bool is_of_shard(void)
{
    static long long wanted;
    const char *shard = getenv("SILT_SHARD");
    char *end = NULL;
    if (!shard) return true;
    long long which = strtoll(shard, &end, 10), of = *end == '/' ? strtoll(end + 1, &end, 10) : 0;
    if (which < 1 || which > of || *end) fail_msg("SILT_SHARD=%s isn't as 2/8", shard);
    return wanted++ % of == which - 1;
}

/* SILT_SWEEP as a number. */
static int64_t times(void)
{
    const char *sweep = getenv("SILT_SWEEP");
    int64_t n = sweep ? strtoll(sweep, NULL, 10) : 0;
    return n > 1 ? n : 1;
}

uint64_t sim_seed(void)
{
    const char *given = getenv("SILT_SEED");
    if (!given) given = getenv("SILT_SWEEP_SEED");
    return given ? strtoull(given, NULL, 10) : 0;
}

uint64_t sim_seeds(uint64_t some, uint64_t all, uint64_t *first)
{
    const char *only = getenv("SILT_POINT"), *last = only ? strrchr(only, '/') : NULL;
    uint64_t count = sim_full() ? all : some * (uint64_t)times();
    *first = sim_seed() * count;
    if (!last || last[1] < '0' || last[1] > '9') return count;
    *first = strtoull(last + 1, NULL, 10);
    return 1;
}

bool sim_point(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(point, sizeof(point), format, args);
    va_end(args);
    const char *only = getenv("SILT_POINT");
    if (only && fnmatch(only, point, 0) != 0) return false;
    if (!grouped && !is_of_shard()) return false;
    points++;
    return true;
}

bool sim_group(void)
{
    grouped = true;
    return is_of_shard();
}

int64_t sim_points(void)
{
    return points;
}

const char *sim_point_name(void)
{
    return point;
}

void sim_count_call(void *counts, silt_fault_when when, const char *name, const char *key,
                    int64_t call)
{
    sim_call_counts *c = counts;
    (void)key, (void)call;
    if (when == SILT_FAULT_AFTER) return;
    *(silt_starts_with(name, "put") ? &c->puts
      : strcmp(name, "remove") == 0 ? &c->removes
                                    : &c->others) += 1;
}

int64_t sim_calls_of(const sim_call_counts *c, unsigned ops)
{
    if (ops == SILT_FAULT_PUTS) return c->puts;
    return c->puts + c->removes + (ops == SILT_FAULT_CHANGES ? 0 : c->others);
}

void sim_check(bool ok, const char *format, ...)
{
    if (ok) return;
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_error("%s: %s\n  again: SILT_POINT=%s tests/run.py sim/\n", point, text, point);
    if (in_child) _exit(SIM_CHILD_FAILED);
    fail();
}

/* ---- child processes */

void sim_children_init(void)
{
    silt_engine *engine = NULL;
    const char *version;
    silt_error err = {0};
    silt_status st = silt_engine_open(NULL, &engine, &err);
    if (st == SILT_OK) st = silt_engine_version(engine, &version, &err);
    if (st != SILT_OK) fail_msg("engine: %s", err.message);
    silt_engine_free(engine);
}

int sim_child_start(void (*fn)(void *ctx), void *ctx)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) return pid;
    in_child = true;
    fn(ctx);
    _exit(0);
}

bool sim_child_wait(int pid)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        assert_int_equal(errno, EINTR);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    sim_check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child process ended with %s %d",
              WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

bool sim_child(void (*fn)(void *ctx), void *ctx)
{
    return sim_child_wait(sim_child_start(fn, ctx));
}

bool sim_full(void)
{
    const char *sweep = getenv("SILT_SWEEP");
    return getenv("SILT_POINT") || (sweep && strcmp(sweep, "full") == 0);
}

int64_t sim_next(int64_t n, int64_t total, int64_t some, uint64_t salt)
{
    if (some <= total) some *= times();
    int64_t step = sim_full() || total <= some ? 1 : total / some;
    salt += sim_seed() * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    int64_t next = n ? n + step : 1 + (int64_t)(salt % (uint64_t)step);
    return next <= total ? next : 0;
}

void sim_report(const char *name)
{
    print_message("# %s: %" PRId64 " points\n", name, points);
    points = 0;
}

/* ---- worlds */

static int64_t now(void *ctx)
{
    sim_world *world = ctx;
    return atomic_fetch_add(&world->now_us, 1000) + 1000;
}

static void sleep_ms(void *ctx, int64_t ms)
{
    sim_world *world = ctx;
    atomic_fetch_add(&world->now_us, ms * 1000);
}

/* splitmix64, a number drawn by whoever comes. */
static void fill(void *ctx, void *bytes, size_t size)
{
    sim_world *world = ctx;
    char *to = bytes;
    while (size) {
        uint64_t z = atomic_fetch_add(&world->random_state, UINT64_C(0x9E3779B97F4A7C15));
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        size_t part = size < sizeof(z) ? size : sizeof(z);
        memcpy(to, &z, part);
        to += part;
        size -= part;
    }
}

void sim_remove(sim_world *w, const char *name)
{
    char *path = test_path(w->dir, name);
    if (access(path, F_OK) == 0)
        test_dir_free(path);
    else
        free(path);
}

char *sim_source_path(const sim_world *w, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/in-%s/%s", w->dir, w->scenario->name, name) > 0);
    return path;
}

/* A change is seen by a file's size and time, and both may be written within a tick of the clock
 * that files are dated by. */
static void date_later(const char *path, const char *than)
{
    struct stat old;
    assert_int_equal(stat(than, &old), 0);
    old.st_mtim.tv_sec++;
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){old.st_mtim, old.st_mtim}, 0),
                     0);
}

void sim_set_source(const sim_world *w, const sim_file *file)
{
    SILT_FREE char *path = sim_source_path(w, file->name);
    SILT_FREE char *half = sim_source_path(w, ".half");
    SILT_FREE char *is = NULL;
    size_t size, skip = strlen(w->dir) + 1;
    if (access(path, F_OK) == 0) is = test_read(w->dir, path + skip, &size);
    if (is && size == strlen(file->text) && memcmp(is, file->text, size) == 0) return;
    test_write(w->dir, half + skip, file->text);
    if (is) date_later(half, path);
    assert_int_equal(rename(half, path), 0);
}

/* As it was before it changed, or came. */
static void unchange(const sim_world *w)
{
    const sim_file *f = w->scenario->files, *changed = &w->scenario->changed;
    while (f->name && strcmp(f->name, changed->name) != 0)
        f++;
    if (f->name) {
        sim_set_source(w, f);
        return;
    }
    SILT_FREE char *path = sim_source_path(w, changed->name);
    (void)unlink(path);
}

void sim_world_init(sim_world *w, const sim_scenario *scenario, const char *dir, bool local,
                    uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->scenario = scenario;
    w->dir = strdup(dir);
    w->local = local;
    w->now_us = silt_now_us(NULL);
    w->random_state = seed;
    w->clock = (silt_clock){now, sleep_ms, w};
    w->random = (silt_random){fill, w};
    static const char *const used[] = {"state", "lake", "kept", "lock-0", "lock-1"};
    for (size_t i = 0; local && i < SILT_COUNT(used); i++)
        sim_remove(w, used[i]); /* of the world before */
    sim_sqlite_remove(w);
    SILT_CLEAN(silt_buf) name = {0};
    silt_buf_printf(&name, "%s/%s.yaml", dir, scenario->name);
    w->config = strdup(name.data);
    if (access(w->config, F_OK) == 0) { /* a world was here before */
        if (scenario->changed.name) unchange(w);
        return;
    }
    for (const sim_file *f = scenario->files; f->name; f++)
        sim_set_source(w, f);
    SILT_CLEAN(silt_buf) yaml = {0};
    silt_buf_printf(&yaml,
                    "pipeline: sim\ncheckpoint_path: state\nthreads: 1\nmemory_limit: 1GB\n"
                    "%stables:\n- table_name: t\n  source: {path: \"in-%s/*.csv\"}\n%s",
                    sim_is_sqlite(scenario) ? "connections: {wh: {path: wh.db}}\n" : "",
                    scenario->name, scenario->table);
    if (!strstr(scenario->table, "write:")) silt_buf_puts(&yaml, "  write: {path: lake/t}\n");
    if (scenario->fed)
        silt_buf_printf(&yaml,
                        "- table_name: u\n"
                        "  source: {path: lake/t, format: delta, starting_version: earliest}\n%s"
                        "  write: {path: lake/u}\n",
                        scenario->fed);
    else if (scenario->two_tables)
        silt_buf_printf(&yaml,
                        "- table_name: u\n  source: {path: \"in-%s/*.csv\"}\n%s"
                        "  write: {path: lake/u}\n",
                        scenario->name, scenario->table);
    silt_buf_clear(&name);
    silt_buf_printf(&name, "%s.yaml", scenario->name);
    test_write(dir, name.data, yaml.data);
}

void sim_world_reseed(sim_world *w)
{
    uint64_t state = atomic_load(&w->random_state);
    atomic_store(&w->random_state, silt_hash64(&state, sizeof(state)));
}

void sim_world_release(sim_world *w)
{
    for (size_t i = 0; i < w->place_count; i++) {
        silt_store_free(w->places[i].store);
        free(w->places[i].uri);
    }
    free(w->dir);
    free(w->config);
    memset(w, 0, sizeof(*w));
}

/* Where all answers get lost: puts of this thread, done, aren't known to be. */
static _Thread_local bool lose_answers;
static const silt_store_ops *honest_ops;
static silt_store_ops losing_ops;

static silt_status lose(silt_status st, const char *key, silt_error *err)
{
    if (st != SILT_OK || !lose_answers) return st;
    return silt_fail(err, SILT_UNSURE, "%s: the answer is lost", key);
}

static silt_status losing_put(silt_store *s, const char *key, silt_bytes body, silt_error *err)
{
    return lose(honest_ops->put(s, key, body, err), key, err);
}

static silt_status losing_put_new(silt_store *s, const char *key, silt_bytes body, silt_error *err)
{
    return lose(honest_ops->put_new(s, key, body, err), key, err);
}

static silt_store *open_in_memory(void)
{
    silt_store *store = silt_store_mem_new();
    assert_non_null(store);
    if (!honest_ops) {
        honest_ops = store->ops;
        losing_ops = *honest_ops;
        losing_ops.put = losing_put;
        losing_ops.put_new = losing_put_new;
    }
    store->ops = &losing_ops;
    return store;
}

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;

static silt_store *place_at_locked(sim_world *w, const char *uri)
{
    for (size_t i = 0; i < w->place_count; i++)
        if (strcmp(w->places[i].uri, uri) == 0) return w->places[i].store;
    if (w->place_count == SIM_PLACES_MAX) abort(); /* an assertion would keep the lock */
    silt_store *store = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    if (!w->local)
        store = open_in_memory();
    else if (silt_store_open(uri, &opts, &store, NULL) != SILT_OK)
        store = NULL;
    assert_non_null(store);
    w->places[w->place_count].uri = strdup(uri);
    w->places[w->place_count++].store = store;
    return store;
}

static silt_store *place_at(sim_world *w, const char *uri)
{
    pthread_mutex_lock(&places_lock);
    silt_store *store = place_at_locked(w, uri);
    pthread_mutex_unlock(&places_lock);
    return store;
}

silt_store *sim_place(sim_world *w, const char *name)
{
    SILT_CLEAN(silt_buf) uri = {0};
    silt_buf_printf(&uri, "%s/%s", w->dir, name);
    return place_at(w, uri.data);
}

typedef struct copying {
    silt_store *from, *to; /* from NULL: remove */
    silt_arena *arena;
    SILT_VEC(const char *) keys;
} copying;

static bool note_key(void *ctx, const silt_object *object)
{
    copying *c = ctx;
    return silt_vec_push(&c->keys, silt_arena_strdup(c->arena, object->key));
}

void sim_copy(silt_store *from, silt_store *to)
{
    copying c = {.arena = silt_arena_new()};
    silt_status st = to->ops->list(to, "", NULL, true, note_key, &c, NULL);
    for (size_t i = 0; st == SILT_OK && i < c.keys.count; i++)
        st = to->ops->remove(to, c.keys.items[i], NULL);
    c.keys.count = 0;
    if (st == SILT_OK && from) st = from->ops->list(from, "", NULL, true, note_key, &c, NULL);
    for (size_t i = 0; from && st == SILT_OK && i < c.keys.count; i++) {
        silt_bytes body;
        st = silt_store_get_all(from, c.keys.items[i], c.arena, &body, NULL);
        if (st == SILT_OK) st = to->ops->put(to, c.keys.items[i], body, NULL);
    }
    silt_vec_free(&c.keys);
    silt_arena_free(c.arena);
    assert_int_equal(st, SILT_OK);
}

silt_store *sim_keep(silt_store *from)
{
    silt_store *copy = silt_store_mem_new();
    assert_non_null(copy);
    sim_copy(from, copy);
    return copy;
}

/* ---- engines */

static void keep_engine(silt_engine *engine)
{
    (void)engine;
}

static silt_engine_ops lent_ops;
static const silt_engine_ops *own_ops;

silt_engine *sim_engine_new(void)
{
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 1;
    opts.memory_limit_bytes = (int64_t)1 << 30;
    silt_engine *engine = NULL;
    silt_error err = {0};
    if (silt_engine_open(&opts, &engine, &err) != SILT_OK) fail_msg("engine: %s", err.message);
    own_ops = engine->ops;
    lent_ops = *engine->ops;
    lent_ops.free = keep_engine;
    engine->ops = &lent_ops;
    return engine;
}

void sim_engine_free(silt_engine *engine)
{
    if (!engine) return;
    engine->ops = own_ops;
    silt_engine_free(engine);
}

/* ---- runs */

static silt_status open_place(void *ctx, const char *uri, silt_store **out, silt_error *err)
{
    sim_process *p = ctx;
    SILT_CLEAN(silt_buf) own = {0};
    if (p->own_lock && silt_ends_with(uri, "/state")) {
        silt_buf_printf(&own, "%s/%s", p->world->dir, p->own_lock);
        uri = own.data;
    }
    silt_fault_plan plan = p->plan;
    plan.run = &p->calls;
    *out = silt_store_fault_new(place_at(p->world, uri), &plan);
    return *out ? SILT_OK : silt_fail(err, SILT_NOMEM, "out of memory");
}

static silt_status open_pipeline(sim_process *p, silt_pipeline **out, silt_error *err)
{
    silt_pipeline_options opts = SILT_PIPELINE_OPTIONS_INIT;
    opts.open_store = open_place;
    opts.open_store_ctx = p;
    opts.progress = p->progress;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_TRY(silt_pipeline_open(p->world->config, &opts, arena, NULL, out, err));
    silt_pipeline_set_seams(*out, &p->world->clock, &p->world->random, p->engine);
    sim_sqlite_enter(p);
    return SILT_OK;
}

silt_pipeline *sim_open(sim_process *p)
{
    silt_error err = {0};
    silt_pipeline *pipeline = NULL;
    silt_status st = open_pipeline(p, &pipeline, &err);
    sim_check(st == SILT_OK, "open: %s", err.message);
    return pipeline;
}

sim_outcome sim_run(sim_process *p, bool force, bool retry_failed)
{
    sim_outcome out = {0};
    silt_error err = {0};
    silt_pipeline *pipeline = NULL;
    out.status = open_pipeline(p, &pipeline, &err);
    if (out.status == SILT_OK) {
        silt_run_options run = SILT_RUN_OPTIONS_INIT;
        run.force_unlock = force;
        run.retry_failed = retry_failed;
        run.max_batches = p->max_batches;
        lose_answers = p->lose_all_answers;
        out.status = sim_steps(p, pipeline, &run, &out, &err);
        lose_answers = false;
        silt_pipeline_free(pipeline);
    }
    if (!out.message[0]) snprintf(out.message, sizeof(out.message), "%s", err.message);
    return out;
}

sim_outcome sim_run_clean(sim_world *w, silt_engine *engine)
{
    sim_process p = {.world = w, .engine = engine};
    return sim_run(&p, true, false);
}

/* ---- checks */

static silt_store *target_of(sim_world *w, const char *table)
{
    SILT_CLEAN(silt_buf) name = {0};
    silt_buf_printf(&name, "lake/%s", table);
    return sim_place(w, name.data);
}

typedef struct rows {
    SILT_VEC(char *) items;
} rows;

static bool add_row(void *ctx, const silt_bytes *values, size_t count)
{
    rows *r = ctx;
    char *text = NULL;
    assert_int_equal(count, 2);
    if (asprintf(&text, "%.*s %.*s", (int)values[0].size, values[0].data, (int)values[1].size,
                 values[1].data) < 0)
        return false;
    return silt_vec_push(&r->items, text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static silt_status read_table(silt_store *store, silt_engine *engine, rows *all, silt_error *err)
{
    static const char *const columns[] = {"id", "value"};
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    silt_scan *scan = NULL;
    silt_status st = silt_snapshot_open(store, engine, NULL, &snapshot, err);
    if (st == SILT_NOT_FOUND) return SILT_OK;
    opts.columns = columns;
    opts.column_count = 2;
    if (st == SILT_OK) st = silt_scan_open(snapshot, &opts, &scan, err);
    if (st == SILT_OK) st = silt_scan_rows(scan, add_row, all, err);
    silt_scan_free(scan);
    return st;
}

void sim_read_target(sim_world *w, silt_engine *engine, const char *table, silt_buf *out)
{
    silt_error err = {0};
    silt_store *store = target_of(w, table);
    rows all = {0};
    silt_buf_puts(out, "");
    if (sim_is_sqlite(w->scenario)) {
        sim_sqlite_rows(w, table, add_row, &all);
    } else if (sim_is_raw(w->scenario)) {
        sim_raw_rows(store, engine, add_row, &all);
    } else {
        silt_status st = read_table(store, engine, &all, &err);
        sim_check(st == SILT_OK, "the target can't be read: %s", err.message);
    }
    if (all.items.count) qsort(all.items.items, all.items.count, sizeof(char *), by_text);
    for (size_t i = 0; i < all.items.count; i++) {
        silt_buf_printf(out, "%s\n", all.items.items[i]);
        free(all.items.items[i]);
    }
    silt_vec_free(&all.items);
}

static void check_rows(sim_world *w, silt_engine *engine, const char *table)
{
    SILT_CLEAN(silt_buf) text = {0};
    sim_read_target(w, engine, table, &text);
    if (strcmp(text.data, w->scenario->expected) == 0) return;
    sim_check(false, "the target's rows are\n%sand ought to be\n%s", text.data,
              w->scenario->expected);
}

static void check_no_duplicates(sim_world *w, silt_engine *engine, const char *table)
{
    SILT_CLEAN(silt_buf) text = {0};
    sim_read_target(w, engine, table, &text);
    for (char *line = text.data, *next; *line; line = next) { /* they are sorted */
        next = strchr(line, '\n') + 1;
        size_t size = (size_t)(next - line);
        sim_check(strncmp(line, next, size) != 0, "row %.*s stands there twice", (int)size - 1,
                  line);
    }
}

void sim_check_no_duplicates(sim_world *w, silt_engine *engine)
{
    check_no_duplicates(w, engine, "t");
    if (w->scenario->two_tables) check_no_duplicates(w, engine, "u");
}

/* Whether file `path` of ledger `at` stands in the target. The next newer ledger of it takes it
 * away. */
static bool is_loaded(const silt_ledger *chain, size_t at, const char *path)
{
    for (size_t j = at; j-- > 0;)
        for (size_t g = 0; g < chain[j].file_count; g++) {
            if (chain[j].kind == SILT_LEDGER_REPLAY || strcmp(chain[j].files[g].path, path) != 0)
                continue;
            bool twice = silt_ledger_loads(chain[at].kind) && chain[j].kind == SILT_LEDGER_DATA;
            sim_check(!twice, "%s is in batches %" PRId64 " and %" PRId64, path, chain[at].number,
                      chain[j].number);
            return false;
        }
    return silt_ledger_loads(chain[at].kind);
}

static void read_ledgers(sim_world *w, silt_engine *engine, const char *table, silt_arena *arena,
                         const silt_ledger **chain, size_t *count)
{
    silt_error err = {0};
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_store *store = target_of(w, table), *own = NULL;
    if (sim_is_raw(w->scenario)) store = own = sim_raw_table(store);
    const char *app_id = silt_arena_printf(arena, "sim/%s", table);
    silt_status st = silt_snapshot_open(store, engine, NULL, &snapshot, &err);
    sim_check(st == SILT_OK, "the target can't be opened: %s", err.message);
    int64_t missing;
    st = silt_ledger_chain(store, app_id, silt_snapshot_app_version(snapshot, app_id), -1, arena,
                           chain, count, &missing, &err);
    sim_check(st == SILT_OK, "the ledgers can't be read: %s", err.message);
    silt_snapshot_free(SILT_TAKE(snapshot));
    silt_store_free(own);
}

/* Each file that can be loaded is in one committed ledger, and in one only. */
static void check_ledgers(sim_world *w, silt_engine *engine, const char *table)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_ledger *chain = NULL;
    size_t count = 0;
    int64_t files = 0;
    if (sim_is_sqlite(w->scenario))
        sim_sqlite_chain(w, table, arena, &chain, &count);
    else
        read_ledgers(w, engine, table, arena, &chain, &count);
    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < chain[i].file_count; f++)
            files += is_loaded(chain, i, chain[i].files[f].path);
    sim_check(files == w->scenario->files_ok, "%" PRId64 " files are in ledgers, not %" PRId64,
              files, w->scenario->files_ok);
}

static void check_consistent(sim_world *w, silt_engine *engine)
{
    SILT_CLEAN(silt_buf) text = {0};
    sim_validate(w, engine, &text);
    sim_check(!text.size, "inconsistent:\n%s", text.data);
}

void sim_validate(sim_world *w, silt_engine *engine, silt_buf *text)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    sim_process p = {.world = w, .engine = engine};
    silt_pipeline *pipeline = sim_open(&p);
    silt_check_report report;
    silt_status st = silt_pipeline_validate(pipeline, arena, &report, &err);
    sim_check(st == SILT_OK, "validate: %s", err.message);
    silt_buf_puts(text, "");
    for (size_t i = 0; i < report.problem_count; i++)
        silt_buf_printf(text, "%s\n", report.problems[i]);
    for (size_t t = 0; t < report.table_count; t++)
        for (size_t i = 0; i < report.tables[t].problem_count; i++)
            silt_buf_printf(text, "%s\n", report.tables[t].problems[i]);
    sim_check(report.consistent == !text->size, "consistent and yet:\n%s", text->data);
    silt_pipeline_free(pipeline);
}

void sim_check_exact(sim_world *w, silt_engine *engine)
{
    check_rows(w, engine, "t");
    check_ledgers(w, engine, "t");
    if (w->scenario->two_tables) {
        check_rows(w, engine, "u");
        check_ledgers(w, engine, "u");
    }
    sim_check_rejects(w, engine);
    check_consistent(w, engine);
    sim_outcome again = sim_run_clean(w, engine);
    sim_check(again.status == SILT_OK, "the run after: %s", again.message);
    sim_check(again.processed == 0 && again.batches == 0 && again.rows == 0,
              "the run after loads %" PRId64 " files again", again.processed);
}

void sim_check_recovers(sim_world *w, silt_engine *engine)
{
    sim_outcome out = sim_run_clean(w, engine);
    sim_check(out.status == SILT_OK, "the clean run fails: %s: %s", silt_status_name(out.status),
              out.message);
    sim_check_exact(w, engine);
}

void sim_check_recovers_blaming(sim_world *w, silt_engine *engine)
{
    sim_outcome out = sim_run_clean(w, engine);
    sim_check(out.status == SILT_OK, "the clean run fails: %s: %s", silt_status_name(out.status),
              out.message);
    sim_check_no_duplicates(w, engine);
    sim_process again = {.world = w, .engine = engine};
    if (out.failed) (void)sim_run(&again, true, true);
    sim_check_exact(w, engine);
}

static silt_status reset(sim_process *p, const silt_reset_options *opts)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_pipeline *pipeline = sim_open(p);
    silt_fix_report report;
    silt_status st = silt_pipeline_reset(pipeline, opts, arena, &report, &err);
    silt_pipeline_free(pipeline);
    return st;
}

silt_status sim_reset(sim_process *p, const char *table, bool forget)
{
    silt_reset_options opts = SILT_RESET_OPTIONS_INIT;
    opts.table = table;
    opts.forget = forget;
    return reset(p, &opts);
}

silt_status sim_start_anew(sim_process *p)
{
    silt_reset_options opts = SILT_RESET_OPTIONS_INIT;
    opts.forget = opts.delete_rows = true;
    return reset(p, &opts);
}

void sim_check_recovers_or_stops(sim_world *w, silt_engine *engine)
{
    sim_outcome out = sim_run_clean(w, engine);
    sim_check(out.status == SILT_OK || out.status == SILT_INCONSISTENT,
              "the clean run fails: %s: %s", silt_status_name(out.status), out.message);
    sim_check_no_duplicates(w, engine);
    if (out.status != SILT_OK) {
        sim_process p = {.world = w, .engine = engine};
        sim_check(sim_reset(&p, NULL, false) == SILT_OK, "reset-state fails");
        out = sim_run_clean(w, engine);
        sim_check(out.status == SILT_OK, "the run after reset-state fails: %s", out.message);
    }
    sim_check_exact(w, engine);
}
