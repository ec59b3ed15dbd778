/* One database, one connection, and queries with Silt's errors. */
#include "engine/duckdb_bloom.h"
#include "engine/duckdb_expr.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define WATCH_MS    50 /* how soon an interrupt that came too early is repeated */
#define REPORT_TICS 5  /* progress is reported every so many of these */
#define SLEEP_TICS  20 /* without work, after which the watcher sleeps */

/* ---- open and close -------------------------------------------------------------------------- */

/* Half of the memory there is, which leaves room for what DuckDB doesn't count. */
int64_t silt_engine_memory_default(void)
{
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0) return (int64_t)1 << 30;
    return pages / 2 * page;
}

/* One a core that this process may use. */
int silt_engine_threads_default(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return CPU_COUNT(&cores);
}

/* A folder of this engine's own: two in one process would take each other's spill files. */
static char *own_temp_directory(const char *parent)
{
    static atomic_int count;
    if (!parent || !*parent) parent = getenv("TMPDIR");
    if (!parent || !*parent) parent = "/tmp";
    silt_buf path = {0};
    silt_buf_printf(&path, "%s/silt-engine-%ld-%d", parent, (long)getpid(),
                    atomic_fetch_add(&count, 1));
    if (path.failed) silt_buf_release(&path);
    return path.data;
}

silt_status silt_duck_new(const silt_engine_options *opts, const silt_engine_ops *ops,
                          silt_duck_engine **out, silt_error *err)
{
    silt_engine_options o = SILT_ENGINE_OPTIONS_INIT;
    if (opts) memcpy(&o, opts, opts->struct_size < sizeof o ? opts->struct_size : sizeof o);
    if (o.memory_limit_bytes < 0)
        return silt_fail(err, SILT_INVALID, "engine: memory_limit_bytes is negative");
    if (o.threads < 0) return silt_fail(err, SILT_INVALID, "engine: threads is negative");

    silt_duck_engine *db = calloc(1, sizeof *db);
    if (!db) return silt_fail_nomem(err);
    db->base.ops = ops;
    db->memory_limit_bytes =
        o.memory_limit_bytes ? o.memory_limit_bytes : silt_engine_memory_default();
    db->threads = o.threads;
    db->progress = o.progress;
    db->progress_ctx = o.progress_ctx;
    db->progress_blind = o.progress_blind;
    db->temp_directory = own_temp_directory(o.temp_directory);
    db->timezone = strdup(o.timezone && *o.timezone ? o.timezone : "UTC");
    pthread_mutex_init(&db->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&db->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (!db->temp_directory || !db->timezone) {
        silt_duck_free(db);
        return silt_fail_nomem(err);
    }
    *out = db;
    return SILT_OK;
}

static void close_database(silt_duck_engine *db)
{
    atomic_store(&db->running, NULL);
    if (db->has_watcher) {
        pthread_mutex_lock(&db->lock);
        db->quit = true;
        pthread_cond_signal(&db->wake);
        pthread_mutex_unlock(&db->lock);
        pthread_join(db->watcher, NULL);
        db->has_watcher = db->quit = false;
    }
    if (db->connection) silt_duck.disconnect(&db->connection);
    if (db->database) silt_duck.close(&db->database);
    db->keeps_order = false;
    db->broken = false;
}

void silt_duck_free(silt_duck_engine *db)
{
    if (!db) return;
    close_database(db);
    pthread_cond_destroy(&db->wake);
    pthread_mutex_destroy(&db->lock);
    silt_buf_release(&db->error_text);
    free(db->temp_directory);
    free(db->timezone);
    free(db);
}

static bool set_options(silt_duck_engine *db, duckdb_config config)
{
    char bytes[32], threads[16];
    snprintf(bytes, sizeof bytes, "%" PRId64 "B", db->memory_limit_bytes);
    snprintf(threads, sizeof threads, "%d", db->threads);
    const char *const pairs[][2] = {
        {"memory_limit", bytes},
        {"temp_directory", db->temp_directory},
        {"preserve_insertion_order", "false"},
        /* All we use is built in; a download in the middle of a load would be a surprise. */
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        /* Files are read once, and the system caches them: a second copy of each block in our
         * memory would only grow over the life of a process. */
        {"enable_external_file_cache", "false"},
    };
    for (size_t i = 0; i < SILT_COUNT(pairs); i++)
        if (silt_duck.set_config(config, pairs[i][0], pairs[i][1]) != DuckDBSuccess) return false;
    return !db->threads || silt_duck.set_config(config, "threads", threads) == DuckDBSuccess;
}

static silt_status open_database(silt_duck_engine *db, silt_error *err)
{
    duckdb_config config = NULL;
    char *why = NULL;
    bool good = silt_duck.create_config(&config) == DuckDBSuccess && set_options(db, config) &&
                silt_duck.open_ext(NULL, &db->database, config, &why) == DuckDBSuccess &&
                silt_duck.connect(db->database, &db->connection) == DuckDBSuccess;
    silt_duck.destroy_config(&config);
    if (good) return SILT_OK;
    silt_status st = silt_fail(err, SILT_FAILED, "the engine can't start: %s",
                               why ? why : "an option was refused");
    if (why) silt_duck.free(why);
    return st;
}

static silt_status count_threads(silt_duck_engine *db, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t threads = db->threads;
    silt_buf_puts(&sql, "SELECT current_setting('threads')::BIGINT");
    if (!threads) SILT_TRY(silt_duck_query_int(db, &sql, &threads, err));
    db->threads_used = (int)threads;
    return SILT_OK;
}

silt_status silt_duck_follow_progress(silt_duck_engine *db, silt_error *err)
{
    const silt_duck_engine *root = silt_duck_root(db);
    if (!root->progress || root->progress_blind) return SILT_OK;
    return silt_duck_run(
        db, "SET enable_progress_bar = true; SET enable_progress_bar_print = false", NULL, err);
}

static silt_status set_session(silt_duck_engine *db, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SET TimeZone = ");
    silt_sql_text(&sql, db->timezone);
    silt_status st = silt_duck_query(db, &sql, NULL, err);
    if (st == SILT_FAILED)
        return silt_fail(err, SILT_INVALID, "engine: unknown time zone '%s'", db->timezone);
    SILT_TRY(st);
    SILT_TRY(count_threads(db, err));
    return silt_duck_follow_progress(db, err);
}

static void *watch(void *arg);

silt_status silt_duck_start(silt_duck_engine *db, silt_error *err)
{
    SILT_TRY(silt_duck_check(db, err));
    if (db->parent) return SILT_OK;
    if (db->broken) close_database(db);
    if (db->connection) return SILT_OK;
    SILT_TRY(silt_duck_load(err));
    silt_status st = open_database(db, err);
    if (st == SILT_OK && pthread_create(&db->watcher, NULL, watch, db) != 0)
        st = silt_fail_errno(err, errno, "engine: no thread");
    else if (st == SILT_OK)
        db->has_watcher = true;
    if (st == SILT_OK) st = set_session(db, err);
    if (st == SILT_OK) st = silt_duck_text_register(db, err);
    if (st == SILT_OK) st = silt_duck_source_register(db, err);
    if (st == SILT_OK) st = silt_duck_flat_register(db, err);
    if (st == SILT_OK) st = silt_duck_arrow_register(db, err);
    if (st == SILT_OK) st = silt_duck_scan_register(db, err);
    if (st == SILT_OK) st = silt_duck_output_register(db, err);
    if (st == SILT_OK) st = silt_duck_check_register(db, err);
    if (st == SILT_OK) st = silt_duck_order_register(db, err);
    if (st == SILT_OK) st = silt_duck_join_register(db, err);
    if (st == SILT_OK) st = silt_duck_bloom_register(db, err);
    if (st == SILT_OK) st = silt_duck_expr_register(db, err);
    if (st != SILT_OK) close_database(db);
    return st;
}

silt_status silt_duck_limit(silt_duck_engine *db, int64_t memory_limit_bytes, int threads,
                            silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    db->memory_limit_bytes = memory_limit_bytes;
    db->threads = threads;
    if (!db->connection || atomic_load(&db->broken)) return SILT_OK; /* when it is opened */
    db->threads_used = threads;
    silt_buf_printf(&sql, "SET memory_limit = '%" PRId64 "B'; SET threads = %d", memory_limit_bytes,
                    threads);
    return silt_duck_query(db, &sql, NULL, err);
}

silt_status silt_duck_keep_order(silt_duck_engine *db, bool keep, silt_error *err)
{
    db = silt_duck_root(db); /* one for all connections; what is planned keeps what it was */
    SILT_TRY(silt_duck_start(db, err));
    if (db->keeps_order == keep) return SILT_OK;
    SILT_TRY(silt_duck_run(
        db, keep ? "SET preserve_insertion_order = true" : "SET preserve_insertion_order = false",
        NULL, err));
    db->keeps_order = keep;
    return SILT_OK;
}

/* ---- progress and interrupt ------------------------------------------------------------------ */

static void add_ms(struct timespec *t, long ms)
{
    t->tv_nsec += ms * 1000000L;
    t->tv_sec += t->tv_nsec / 1000000000L;
    t->tv_nsec %= 1000000000L;
}

/* Under lock: of whichever connection has come furthest, in percent; negative: not known. */
static double progress_of(silt_duck_engine *db)
{
    double most = silt_duck.query_progress(db->connection).percentage;
    for (silt_duck_engine *s = db->sessions; s; s = s->next_session) {
        double percent = silt_duck.query_progress(s->connection).percentage;
        if (percent > most) most = percent;
    }
    return most;
}

static void interrupt_all(silt_duck_engine *db)
{
    silt_duck.interrupt(db->connection);
    for (silt_duck_engine *s = db->sessions; s; s = s->next_session)
        silt_duck.interrupt(s->connection);
}

/* For a tic, or while the engine sleeps. Not woken by each query: a thread that is costs more than
 * a short query does. */
static void watcher_wait(silt_duck_engine *db, int idle_tics)
{
    if (idle_tics >= SLEEP_TICS) {
        db->asleep = true;
        pthread_cond_wait(&db->wake, &db->lock);
        db->asleep = false;
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    add_ms(&until, WATCH_MS);
    (void)pthread_cond_timedwait(&db->wake, &db->lock, &until);
}

/* DuckDB forgets an interrupt when a query starts, so one that came in just before is repeated
 * here. */
static void *watch(void *arg)
{
    silt_duck_engine *db = arg;
    int idle_tics = 0;
    pthread_mutex_lock(&db->lock);
    while (!db->quit) {
        watcher_wait(db, idle_tics);
        idle_tics = db->busy || idle_tics >= SLEEP_TICS ? 0 : idle_tics + 1;
        if (!db->busy || db->quit) continue;
        if (atomic_load(&db->interrupted)) interrupt_all(db);
        if (++db->tics % REPORT_TICS || !db->progress) continue;
        double percent = db->progress_blind ? -1 : progress_of(db);
        pthread_mutex_unlock(&db->lock); /* the caller may take its time */
        db->progress(db->progress_ctx, percent < 0 ? -1 : percent > 100 ? 1 : percent / 100);
        pthread_mutex_lock(&db->lock);
    }
    pthread_mutex_unlock(&db->lock);
    return NULL;
}

static void set_busy(silt_duck_engine *db, int by)
{
    db = silt_duck_root(db);
    pthread_mutex_lock(&db->lock);
    if (!db->busy) db->tics = 0;
    db->busy += by;
    atomic_store(&db->running, db->busy ? db->connection : NULL);
    bool wake = by > 0 && db->asleep;
    pthread_mutex_unlock(&db->lock);
    if (wake) pthread_cond_signal(&db->wake);
}

void silt_duck_begin(silt_duck_engine *db)
{
    set_busy(db, 1);
}

void silt_duck_end(silt_duck_engine *db)
{
    set_busy(db, -1);
}

void silt_duck_interrupt(silt_duck_engine *db)
{
    atomic_store(&db->interrupted, true);
    duckdb_connection running = atomic_load(&db->running);
    if (running) silt_duck.interrupt(running);
}

silt_status silt_duck_check(silt_duck_engine *db, silt_error *err)
{
    if (!atomic_load(&silt_duck_root(db)->interrupted)) return SILT_OK;
    return silt_fail(err, SILT_INTERRUPTED, "interrupted");
}

/* ---- queries --------------------------------------------------------------------------------- */

/* DuckDB has one kind of I/O error; the system's own words tell which it was. */
static silt_status io_status(const char *text)
{
    static const struct {
        const char *words;
        silt_status status;
    } known[] = {
        {"No space left on device", SILT_NOSPACE},
        {"Disk quota exceeded", SILT_NOSPACE},
        {"File too large", SILT_NOSPACE},
        {"Permission denied", SILT_DENIED},
        {"Operation not permitted", SILT_DENIED},
        {"Read-only file system", SILT_DENIED},
        {"No files found that match", SILT_NOT_FOUND},
        {"No such file or directory", SILT_NOT_FOUND},
    };
    for (size_t i = 0; i < SILT_COUNT(known); i++)
        if (strstr(text, known[i].words)) return known[i].status;
    return SILT_IO;
}

static silt_status status_of(duckdb_error_type type, const char *text)
{
    switch (type) {
    case DUCKDB_ERROR_INTERRUPT:
        return SILT_INTERRUPTED;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
        /* Spilling stopped at the disk's end, or at max_temp_directory_size. */
        return strstr(text, "max_temp_directory_size") ? SILT_NOSPACE : SILT_NOMEM;
    case DUCKDB_ERROR_PERMISSION:
        return SILT_DENIED;
    case DUCKDB_ERROR_IO:
    case DUCKDB_ERROR_HTTP:
        return io_status(text);
    default: /* what our own functions say of themselves has one kind, too */
        return strcmp(text, "Invalid Input Error: out of memory") == 0 ? SILT_NOMEM : SILT_FAILED;
    }
}

/* The first lines of DuckDB's text up to its advice, as one. */
static void one_line(const char *text, silt_buf *out)
{
    for (const char *c = text; *c; c++) {
        if (c[0] == '\n' && c[1] == '\n') break;
        if ((unsigned char)*c < ' ')
            silt_buf_putc(out, ' ');
        else
            silt_buf_putc(out, *c);
    }
}

silt_status silt_duck_error(silt_duck_engine *db, duckdb_error_type type, const char *text,
                            silt_error *err)
{
    if (!text) text = "unknown error";
    db->error_type = type;
    if (type == DUCKDB_ERROR_FATAL || type == DUCKDB_ERROR_INTERNAL)
        atomic_store(&silt_duck_root(db)->broken, true);
    silt_buf_clear(&db->error_text);
    silt_buf_puts(&db->error_text, text);
    SILT_CLEAN(silt_buf) line = {0};
    one_line(text, &line);

    silt_status st = status_of(type, text);
    if (st == SILT_INTERRUPTED || atomic_load(&silt_duck_root(db)->interrupted))
        return silt_fail(err, SILT_INTERRUPTED, "interrupted");
    (void)silt_fail(err, st, "%s", line.data ? line.data : text);
    if (st == SILT_NOMEM)
        return silt_hint(err, st, "raise memory_limit, or let TMPDIR name a folder with more room");
    if (st == SILT_NOSPACE)
        return silt_hint(err, st, "make room; what is only for a while goes where TMPDIR says");
    return st;
}

bool silt_duck_blames_data(const silt_duck_engine *db)
{
    switch (db->error_type) {
    case DUCKDB_ERROR_OUT_OF_RANGE:
    case DUCKDB_ERROR_CONVERSION:
    case DUCKDB_ERROR_MISMATCH_TYPE:
    case DUCKDB_ERROR_DIVIDE_BY_ZERO:
    case DUCKDB_ERROR_INVALID_TYPE:
    case DUCKDB_ERROR_SERIALIZATION:
    case DUCKDB_ERROR_CONSTRAINT:
    case DUCKDB_ERROR_INVALID_INPUT:
    case DUCKDB_ERROR_BINDER: /* a column that a Parquet source doesn't have */
        return true;
    default:
        return false;
    }
}

silt_status silt_duck_run(silt_duck_engine *db, const char *sql, silt_duck_result *out,
                          silt_error *err)
{
    SILT_TRY(silt_duck_check(db, err));
    SILT_CLEAN(silt_duck_result) result = {0};
    silt_duck_begin(db);
    duckdb_state state = silt_duck.query(db->connection, sql, &result);
    silt_duck_end(db);
    if (state != DuckDBSuccess)
        return silt_duck_error(db, silt_duck.result_error_type(&result),
                               silt_duck.result_error(&result), err);
    if (out) {
        *out = result;
        result = (silt_duck_result){0};
    }
    return SILT_OK;
}

silt_status silt_duck_query(silt_duck_engine *db, const silt_buf *sql, silt_duck_result *out,
                            silt_error *err)
{
    if (sql->failed) return silt_fail_nomem(err);
    return silt_duck_run(db, sql->data, out, err);
}

silt_status silt_duck_query_int(silt_duck_engine *db, const silt_buf *sql, int64_t *out,
                                silt_error *err)
{
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(silt_duck_query(db, sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (!chunk || silt_duck.data_chunk_get_size(chunk) == 0 ||
        silt_duck.column_type(&result, 0) != DUCKDB_TYPE_BIGINT)
        return silt_fail(err, SILT_FAILED, "engine: a number was expected of: %s", sql->data);
    *out = *(int64_t *)silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
    return SILT_OK;
}

/* ---- running scans --------------------------------------------------------------------------- */

void silt_duck_scan_add(silt_duck_engine *db, silt_duck_scan *scan)
{
    db = silt_duck_root(db);
    pthread_mutex_lock(&db->lock);
    scan->id = ++db->scan_count;
    scan->next = db->scans;
    db->scans = scan;
    pthread_mutex_unlock(&db->lock);
}

void silt_duck_scan_remove(silt_duck_engine *db, silt_duck_scan *scan)
{
    db = silt_duck_root(db);
    pthread_mutex_lock(&db->lock);
    for (silt_duck_scan **at = &db->scans; *at; at = &(*at)->next) {
        if (*at != scan) continue;
        *at = scan->next;
        break;
    }
    pthread_mutex_unlock(&db->lock);
}

void *silt_duck_scan_data(silt_duck_engine *db, int64_t id, const void *kind)
{
    void *data = NULL;
    pthread_mutex_lock(&db->lock);
    for (silt_duck_scan *scan = db->scans; scan; scan = scan->next)
        if (scan->id == id && scan->kind == kind) data = scan->data;
    pthread_mutex_unlock(&db->lock);
    return data;
}

static silt_status add(silt_duck_engine *db, const char *name, const duckdb_type *types,
                       duckdb_type rest, duckdb_logical_type returns, bool is_volatile,
                       duckdb_scalar_function_t fn, silt_error *err)
{
    duckdb_scalar_function f = silt_duck.create_scalar_function();
    silt_duck.scalar_function_set_name(f, name);
    for (; *types != DUCKDB_TYPE_INVALID; types++) {
        SILT_CLEAN(silt_duck_type) type = silt_duck.create_logical_type(*types);
        silt_duck.scalar_function_add_parameter(f, type);
    }
    if (rest != DUCKDB_TYPE_INVALID) {
        SILT_CLEAN(silt_duck_type) type = silt_duck.create_logical_type(rest);
        silt_duck.scalar_function_set_varargs(f, type);
    }
    silt_duck.scalar_function_set_return_type(f, returns);
    if (is_volatile) silt_duck.scalar_function_set_volatile(f);
    silt_duck.scalar_function_set_special_handling(f);
    silt_duck.scalar_function_set_extra_info(f, db, NULL);
    silt_duck.scalar_function_set_function(f, fn);
    duckdb_state state = silt_duck.register_scalar_function(db->connection, f);
    silt_duck.destroy_scalar_function(&f);
    if (state == DuckDBSuccess) return SILT_OK;
    return silt_fail(err, SILT_FAILED, "engine: function %s can't be registered", name);
}

silt_status silt_duck_add_varargs(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                  duckdb_type rest, duckdb_type returns, bool is_volatile,
                                  duckdb_scalar_function_t fn, silt_error *err)
{
    SILT_CLEAN(silt_duck_type) type = silt_duck.create_logical_type(returns);
    return add(db, name, types, rest, type, is_volatile, fn, err);
}

silt_status silt_duck_add_typed(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                duckdb_logical_type returns, duckdb_scalar_function_t fn,
                                silt_error *err)
{
    return add(db, name, types, DUCKDB_TYPE_INVALID, returns, false, fn, err);
}

silt_status silt_duck_add_function(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                   duckdb_type returns, bool is_volatile,
                                   duckdb_scalar_function_t fn, silt_error *err)
{
    return silt_duck_add_varargs(db, name, types, DUCKDB_TYPE_INVALID, returns, is_volatile, fn,
                                 err);
}
