/* Reading data files: streams, the zone, and blame. */
#include "engine/duckdb_stream.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "store/local.h"

#define NAP_NS 100000 /* short beside a task, long beside asking for one */

/* ---- streams --------------------------------------------------------------------------------- */

void silt_duck_cursor_release(silt_duck_cursor *cursor)
{
    if (!cursor->statement) return;
    silt_duck.destroy_result(&cursor->result);
    if (cursor->pending) silt_duck.destroy_pending(&cursor->pending);
    silt_duck.destroy_prepare(&cursor->statement);
}

/* A statement that isn't run to its end gives its error as text only; the kinds that are told apart
 * start with these words. */
static duckdb_error_type error_type_of(const char *text)
{
    static const struct {
        const char *words;
        duckdb_error_type type;
    } known[] = {
        {"IO Error", DUCKDB_ERROR_IO},
        {"Out of Memory Error", DUCKDB_ERROR_OUT_OF_MEMORY},
        {"INTERRUPT Error", DUCKDB_ERROR_INTERRUPT},
        {"Permission Error", DUCKDB_ERROR_PERMISSION},
        {"Invalid Input Error", DUCKDB_ERROR_INVALID_INPUT},
        {"Conversion Error", DUCKDB_ERROR_CONVERSION},
        {"Out of Range Error", DUCKDB_ERROR_OUT_OF_RANGE},
        {"Mismatch Type Error", DUCKDB_ERROR_MISMATCH_TYPE},
        {"Divide by Zero Error", DUCKDB_ERROR_DIVIDE_BY_ZERO},
        {"Invalid type Error", DUCKDB_ERROR_INVALID_TYPE},
        {"Serialization Error", DUCKDB_ERROR_SERIALIZATION},
        {"Constraint Error", DUCKDB_ERROR_CONSTRAINT},
        {"Binder Error", DUCKDB_ERROR_BINDER},
        {"HTTP Error", DUCKDB_ERROR_HTTP},
        {"FATAL Error", DUCKDB_ERROR_FATAL},
        {"INTERNAL Error", DUCKDB_ERROR_INTERNAL},
    };
    for (size_t i = 0; text && i < SILT_COUNT(known); i++)
        if (silt_starts_with(text, known[i].words)) return known[i].type;
    return DUCKDB_ERROR_INVALID;
}

silt_status silt_duck_prepare(silt_duck_engine *db, const char *sql, duckdb_prepared_statement *out,
                              silt_error *err)
{
    duckdb_prepared_statement statement = NULL;
    if (silt_duck.prepare(db->connection, sql, &statement) == DuckDBSuccess) {
        *out = statement;
        return SILT_OK;
    }
    const char *why = silt_duck.prepare_error(statement);
    silt_status st = silt_duck_error(db, error_type_of(why), why, err);
    silt_duck.destroy_prepare(&statement);
    return st;
}

static silt_status start_streaming(silt_duck_cursor *c, silt_duck_engine *db, silt_error *err)
{
    if (silt_duck.pending_prepared_streaming(c->statement, &c->pending) != DuckDBSuccess) {
        const char *why = silt_duck.pending_error(c->pending);
        return silt_duck_error(db, error_type_of(why), why, err);
    }
    if (silt_duck.execute_pending(c->pending, &c->result) == DuckDBSuccess) return SILT_OK;
    return silt_duck_error(db, silt_duck.result_error_type(&c->result),
                           silt_duck.result_error(&c->result), err);
}

silt_status silt_duck_cursor_open(silt_duck_cursor *cursor, silt_duck_engine *db, const char *sql,
                                  silt_error *err)
{
    SILT_TRY(silt_duck_check(db, err));
    silt_duck_begin(db);
    silt_status st = silt_duck_prepare(db, sql, &cursor->statement, err);
    if (st == SILT_OK) st = start_streaming(cursor, db, err);
    silt_duck_end(db);
    return st;
}

silt_status silt_duck_cursor_next(silt_duck_cursor *cursor, silt_duck_engine *db,
                                  duckdb_data_chunk *out, silt_error *err)
{
    SILT_TRY(silt_duck_check(db, err));
    silt_duck_begin(db);
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(cursor->result);
    silt_duck_end(db);
    if (chunk) {
        bool some = silt_duck.data_chunk_get_size(chunk) > 0;
        *out = some ? SILT_TAKE(chunk) : NULL;
        return SILT_OK;
    }
    const char *why = silt_duck.result_error(&cursor->result);
    if (why && *why)
        return silt_duck_error(db, silt_duck.result_error_type(&cursor->result), why, err);
    *out = NULL;
    return SILT_OK;
}

static silt_status pump(silt_duck_engine *db, silt_duck_cursor *cursor, silt_duck_chunk_fn *fn,
                        void *ctx, silt_error *err)
{
    for (bool end = false; !end;) {
        SILT_CLEAN(silt_duck_chunk) chunk = NULL;
        SILT_TRY(silt_duck_cursor_next(cursor, db, &chunk, err));
        if (!chunk) return SILT_OK;
        SILT_TRY(fn(ctx, chunk, &end, err));
    }
    return SILT_OK;
}

silt_status silt_duck_stream(silt_duck_engine *db, const silt_buf *sql, silt_duck_chunk_fn *fn,
                             void *ctx, silt_error *err)
{
    if (sql->failed) return silt_fail_nomem(err);
    SILT_CLEAN(silt_duck_cursor) cursor = {0};
    silt_duck_begin(db); /* for the whole of it: the watcher isn't woken by each chunk */
    silt_status st = silt_duck_cursor_open(&cursor, db, sql->data, err);
    if (st == SILT_OK) st = pump(db, &cursor, fn, ctx, err);
    silt_duck_end(db);
    return st;
}

/* ---- statements that take long --------------------------------------------------------------- */

/* Until nothing is left to do, or the text of why it failed. A thread that finds no task sleeps:
 * the library's own loop asks on and on, which costs a core while one thread of others works. */
static const char *work(duckdb_pending_result pending)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    duckdb_pending_state state = DUCKDB_PENDING_RESULT_NOT_READY;
    while (!silt_duck.pending_execution_is_finished(state)) {
        state = silt_duck.pending_execute_task(pending);
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) (void)nanosleep(&nap, NULL);
    }
    const char *why = state == DUCKDB_PENDING_ERROR ? silt_duck.pending_error(pending) : NULL;
    return why && *why ? why : NULL;
}

static silt_status query_long(silt_duck_engine *db, duckdb_prepared_statement statement,
                              duckdb_pending_result *pending, duckdb_result *out, silt_error *err)
{
    const char *why = silt_duck.pending_prepared(statement, pending) == DuckDBSuccess
                          ? work(*pending)
                          : silt_duck.pending_error(*pending);
    if (why) return silt_duck_error(db, error_type_of(why), why, err);
    if (silt_duck.execute_pending(*pending, out) == DuckDBSuccess) return SILT_OK;
    return silt_duck_error(db, silt_duck.result_error_type(out), silt_duck.result_error(out), err);
}

silt_status silt_duck_query_long(silt_duck_engine *db, const silt_buf *sql, silt_duck_result *out,
                                 silt_error *err)
{
    if (sql->failed) return silt_fail_nomem(err);
    SILT_TRY(silt_duck_check(db, err));
    SILT_CLEAN(silt_duck_result) result = {0};
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    silt_duck_begin(db);
    silt_status st = silt_duck_prepare(db, sql->data, &statement, err);
    if (st == SILT_OK) {
        st = query_long(db, statement, &pending, &result, err);
        if (pending) silt_duck.destroy_pending(&pending);
        silt_duck.destroy_prepare(&statement);
    }
    silt_duck_end(db);
    if (st != SILT_OK || !out) return st;
    *out = result;
    result = (silt_duck_result){0};
    return SILT_OK;
}

/* ---- the zone -------------------------------------------------------------------------------- */

silt_status silt_duck_utc_begin(silt_duck_engine *db, silt_error *err)
{
    if (strcmp(db->timezone, "UTC") == 0) return SILT_OK;
    return silt_duck_run(db, "SET TimeZone = 'UTC'", NULL, err);
}

void silt_duck_utc_end(silt_duck_engine *db)
{
    if (strcmp(db->timezone, "UTC") == 0 || !db->connection) return;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    silt_buf_puts(&sql, "SET TimeZone = ");
    silt_sql_text(&sql, db->timezone);
    /* Straight to the library: it must happen after an interrupt too, and must not touch the error
     * that is being reported. It takes no memory to speak of and has worked once. */
    if (!sql.failed) (void)silt_duck.query(db->connection, sql.data, &result);
}

/* ---- files ----------------------------------------------------------------------------------- */

void silt_sql_path(silt_buf *sql, const char *path)
{
    if (!strpbrk(path, "*?[")) {
        silt_sql_text(sql, path);
        return;
    }
    SILT_CLEAN(silt_buf) literal = {0};
    for (const char *c = path; *c; c++) {
        if (strchr("*?[", *c))
            silt_buf_printf(&literal, "[%c]", *c);
        else
            silt_buf_putc(&literal, *c);
    }
    if (literal.failed)
        sql->failed = true;
    else
        silt_sql_text(sql, literal.data);
}

/* The file that DuckDB's words name, or -1: the longest, since one path may start another. */
static ptrdiff_t named_file(const char *const *paths, size_t count, const char *text)
{
    ptrdiff_t found = -1;
    for (size_t i = 0; i < count; i++)
        if (strstr(text, paths[i]) && (found < 0 || strlen(paths[i]) > strlen(paths[found])))
            found = (ptrdiff_t)i;
    return found;
}

/* The first file whose footer can't be read, or -1. */
static ptrdiff_t broken_file(silt_duck_engine *db, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_buf_puts(&sql, "SELECT count(*) FROM parquet_file_metadata(");
        silt_sql_path(&sql, paths[i]);
        silt_buf_putc(&sql, ')');
        silt_status st = silt_duck_query(db, &sql, NULL, NULL);
        if (st == SILT_FAILED || st == SILT_IO) return (ptrdiff_t)i;
        if (st != SILT_OK) return -1;
    }
    return -1;
}

/* To its end: what DuckDB calls an I/O error is then one of the content, such as a length that
 * leads behind the end. */
static bool is_readable(const char *path)
{
    char chunk[65536];
    SILT_CLEAN(silt_fd) fd = -1;
    int64_t size;
    size_t got = 0;
    if (silt_local_open(path, &fd, &size) != 0) return false;
    for (int64_t at = 0; at < size; at += (int64_t)got)
        if (silt_local_read(fd, at, chunk, sizeof chunk, &got) != 0 || got == 0) return false;
    return true;
}

silt_status silt_duck_blame_files(silt_duck_engine *db, const char *const *paths, size_t count,
                                  silt_status st, silt_error *err)
{
    if (st != SILT_FAILED && st != SILT_IO && st != SILT_NOT_FOUND && st != SILT_DENIED) return st;
    for (size_t i = 0; i < count; i++)
        if (access(paths[i], R_OK) != 0) return silt_fail_errno(err, errno, "%s", paths[i]);
    if (st != SILT_FAILED && st != SILT_IO) return st;

    const char *text = db->error_text.data ? db->error_text.data : "";
    bool of_data = st == SILT_IO || silt_duck_blames_data(db);
    ptrdiff_t file = of_data ? named_file(paths, count, text) : -1;
    if (file < 0) file = broken_file(db, paths, count);
    if (file < 0 || (st == SILT_IO && !is_readable(paths[file]))) return st;
    silt_error why = err ? *err : (silt_error){0};
    return silt_fail(err, SILT_CORRUPT, "%s: not a Parquet file that can be read: %.600s",
                     paths[file], why.message);
}
