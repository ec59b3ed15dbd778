/* Each call of the database goes through a fault store, whose object it is: what is put there is
 * done to the database. So faults, crashes, kills and hooks are the stores' own, and one counter is
 * for all. Rows one by one aren't counted, only their begin and end. */
#include "sim/sqlite.h"

#include <stdio.h>
#include <unistd.h>

#include "load/target_sql.h"

silt_status __real_silt_database_sqlite_open(const char *path, bool create, int64_t lock_wait_ms,
                                             silt_database **out, silt_error *err);
silt_status __wrap_silt_database_sqlite_open(const char *path, bool create, int64_t lock_wait_ms,
                                             silt_database **out, silt_error *err);

typedef enum verb { EXECUTE, ROWS, BEGIN, COMMIT, BULK, BULK_END, RECONNECT } verb;
static const char *const verbs[] = {"db/execute", "db/rows",     "db/begin",    "db/commit",
                                    "db/bulk",    "db/bulk_end", "db/reconnect"};

/* One call, and whether it had its effect. */
typedef struct step {
    verb verb;
    const char *text; /* a statement or a table */
    const char *const *values;
    const silt_database_column *columns;
    size_t count;
    int64_t *number;
    bool keep, done;
} step;

typedef struct gate {
    silt_store base;
    silt_database *real;
    step *now;
} gate;

typedef struct faulty {
    silt_database base;
    gate gate;
    silt_store *fault;
} faulty;

static silt_status take_step(silt_store *store, silt_error *err)
{
    const gate *g = (gate *)store;
    silt_database *db = g->real;
    step *s = g->now;
    s->done = true;
    switch (s->verb) {
    case EXECUTE:
        return db->ops->execute(db, s->text, s->values, s->count, s->number, err);
    case ROWS:
        return db->ops->rows_begin(db, s->text, s->values, s->count, err);
    case BEGIN:
        return db->ops->begin(db, err);
    case COMMIT:
        return db->ops->commit(db, err);
    case BULK:
        return db->ops->bulk_begin(db, s->text, s->columns, s->count, err);
    case BULK_END:
        return db->ops->bulk_end(db, s->keep, s->number, err);
    case RECONNECT:
        break;
    }
    return db->ops->reconnect(db, err);
}

static silt_status gate_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                            silt_arena *arena, silt_bytes *out, silt_error *err)
{
    (void)key, (void)offset, (void)length, (void)arena;
    *out = (silt_bytes){0};
    return take_step(store, err);
}

static silt_status gate_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    (void)key, (void)body;
    return take_step(store, err);
}

static const silt_store_ops gate_ops = {.kind = "gate", .get = gate_get, .put = gate_put};

/* A COMMIT counts among what changes something. */
static silt_status go(silt_database *db, step *s, silt_error *err)
{
    faulty *f = (faulty *)db;
    silt_bytes none;
    f->gate.now = s;
    f->gate.real->check = db->check;
    f->gate.real->check_ctx = db->check_ctx;
    if (s->verb == COMMIT)
        return f->fault->ops->put(f->fault, verbs[s->verb], (silt_bytes){0}, err);
    return f->fault->ops->get(f->fault, verbs[s->verb], 0, -1, NULL, &none, err);
}

static silt_database *real(silt_database *db)
{
    return ((faulty *)db)->gate.real;
}

static silt_status faulty_execute(silt_database *db, const char *sql, const char *const *values,
                                  size_t count, int64_t *changed, silt_error *err)
{
    step s = {.verb = EXECUTE, .text = sql, .values = values, .count = count, .number = changed};
    return go(db, &s, err);
}

static silt_status faulty_rows_begin(silt_database *db, const char *sql, const char *const *values,
                                     size_t count, silt_error *err)
{
    step s = {.verb = ROWS, .text = sql, .values = values, .count = count};
    silt_status st = go(db, &s, err);
    if (st != SILT_OK && s.done && ((faulty *)db)->gate.real) real(db)->ops->rows_end(real(db));
    return st;
}

static silt_status faulty_rows_next(silt_database *db, const silt_bytes **row, size_t *width,
                                    silt_error *err)
{
    return real(db)->ops->rows_next(real(db), row, width, err);
}

static void faulty_rows_end(silt_database *db)
{
    real(db)->ops->rows_end(real(db));
}

/* Who doesn't know that a transaction has begun, or is at its end, has lost the connection. */
static silt_status faulty_begin(silt_database *db, silt_error *err)
{
    step s = {.verb = BEGIN};
    silt_status st = go(db, &s, err);
    if (st != SILT_OK) real(db)->ops->rollback(real(db));
    return st;
}

static silt_status faulty_commit(silt_database *db, silt_error *err)
{
    step s = {.verb = COMMIT};
    silt_status st = go(db, &s, err);
    if (st != SILT_OK) real(db)->ops->rollback(real(db));
    return st;
}

static void faulty_rollback(silt_database *db)
{
    real(db)->ops->rollback(real(db));
}

static silt_status faulty_bulk_begin(silt_database *db, const char *table,
                                     const silt_database_column *columns, size_t count,
                                     silt_error *err)
{
    step s = {.verb = BULK, .text = table, .columns = columns, .count = count};
    silt_status st = go(db, &s, err);
    int64_t rows;
    silt_error ignored = {0};
    if (st != SILT_OK && s.done) (void)real(db)->ops->bulk_end(real(db), false, &rows, &ignored);
    return st;
}

static silt_status faulty_bulk_row(silt_database *db, const silt_bytes *values, silt_error *err)
{
    return real(db)->ops->bulk_row(real(db), values, err);
}

static silt_status faulty_bulk_end(silt_database *db, bool keep, int64_t *rows, silt_error *err)
{
    step s = {.verb = BULK_END, .number = rows, .keep = keep};
    silt_status st = go(db, &s, err);
    silt_error ignored = {0};
    if (!s.done) (void)real(db)->ops->bulk_end(real(db), false, rows, &ignored);
    return st;
}

static silt_status faulty_reconnect(silt_database *db, silt_error *err)
{
    step s = {.verb = RECONNECT};
    return go(db, &s, err);
}

static void faulty_free(silt_database *db)
{
    faulty *f = (faulty *)db;
    silt_database_free(f->gate.real); /* what isn't committed is rolled back */
    silt_store_free(f->fault);
    free(f);
}

/* ---- which process opens it */

static _Thread_local sim_process *at_work;

void sim_sqlite_enter(sim_process *process)
{
    at_work = process;
}

static silt_database_ops faulty_ops(const silt_database_ops *of)
{
    silt_database_ops ops = *of;
    ops.execute = faulty_execute;
    ops.rows_begin = faulty_rows_begin;
    ops.rows_next = faulty_rows_next;
    ops.rows_end = faulty_rows_end;
    ops.begin = faulty_begin;
    ops.commit = faulty_commit;
    ops.rollback = faulty_rollback;
    ops.bulk_begin = faulty_bulk_begin;
    ops.bulk_row = faulty_bulk_row;
    ops.bulk_end = faulty_bulk_end;
    ops.reconnect = faulty_reconnect;
    ops.free = faulty_free;
    return ops;
}

silt_status __wrap_silt_database_sqlite_open(const char *path, bool create, int64_t lock_wait_ms,
                                             silt_database **out, silt_error *err)
{
    static silt_database_ops ops;
    silt_database *below = NULL;
    SILT_TRY(__real_silt_database_sqlite_open(path, create, lock_wait_ms, &below, err));
    silt_status st = below->ops->execute(below, "PRAGMA synchronous = OFF", NULL, 0, NULL, err);
    faulty *f = calloc(1, sizeof(*f));
    sim_check(st == SILT_OK && f, "the database can't be opened");
    if (!at_work) {
        free(f);
        *out = below;
        return SILT_OK;
    }
    ops = faulty_ops(below->ops);
    silt_fault_plan plan = at_work->plan;
    plan.run = &at_work->calls;
    f->base = *below;
    f->base.ops = &ops;
    f->gate = (gate){.base = {&gate_ops, "sqlite"}, .real = below};
    f->fault = silt_store_fault_new(&f->gate.base, &plan);
    sim_check(f->fault, "out of memory");
    *out = &f->base;
    return SILT_OK;
}

/* ---- what stands there */

bool sim_is_sqlite(const sim_scenario *scenario)
{
    return strstr(scenario->table, "format: sqlite") != NULL;
}

static char *path_of(const sim_world *w, const char *behind)
{
    char *path = NULL;
    sim_check(asprintf(&path, "%s/wh.db%s", w->dir, behind) > 0, "out of memory");
    return path;
}

void sim_sqlite_remove(const sim_world *w)
{
    static const char *const files[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < SILT_COUNT(files); i++) {
        SILT_FREE char *path = path_of(w, files[i]);
        (void)unlink(path);
    }
}

static silt_database *open_file(const sim_world *w)
{
    SILT_FREE char *path = path_of(w, "");
    silt_database *db = NULL;
    silt_error err = {0};
    if (access(path, F_OK) != 0) return NULL;
    silt_status st = __real_silt_database_sqlite_open(path, false, 1000, &db, &err);
    sim_check(st == SILT_OK, "the database can't be opened: %s", err.message);
    return db;
}

static bool has_table(silt_database *db, const char *name)
{
    silt_error err = {0};
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const char *id = NULL;
    silt_status st = db->ops->table_id(db, "main", name, arena, &id, &err);
    sim_check(st == SILT_OK, "the database: %s", err.message);
    return id != NULL;
}

typedef struct giving {
    silt_row_fn *fn;
    void *ctx;
} giving;

static silt_status give(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    const giving *g = ctx;
    (void)err;
    (void)g->fn(g->ctx, values, count);
    return SILT_OK;
}

void sim_sqlite_rows(const sim_world *w, const char *table, silt_row_fn *fn, void *ctx)
{
    silt_database *db = open_file(w);
    giving g = {fn, ctx};
    silt_error err = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "SELECT id, value FROM \"%s\"", table);
    silt_status st = SILT_OK;
    if (db && has_table(db, table)) st = silt_database_query(db, sql.data, NULL, 0, give, &g, &err);
    sim_check(st == SILT_OK, "the target can't be read: %s", err.message);
    silt_database_free(db);
}

void sim_sqlite_chain(const sim_world *w, const char *table, silt_arena *arena,
                      const silt_ledger **chain, size_t *count)
{
    silt_database *db = open_file(w);
    silt_error err = {0};
    int64_t version = -1, end;
    *count = 0;
    if (!db || !has_table(db, SILT_SQL_TXN)) {
        silt_database_free(db);
        return;
    }
    const char *app_id = silt_arena_printf(arena, "sim/%s", table);
    silt_sql_table t = {.db = db, .name = table, .ledger = "\"" SILT_SQL_LEDGER "\""};
    silt_store *store = silt_sql_ledgers_new(&t, "sqlite");
    silt_status st =
        silt_database_int(db, "SELECT version FROM \"" SILT_SQL_TXN "\" WHERE app_id = $1", &app_id,
                          1, -1, &version, &err);
    if (st == SILT_OK)
        st = silt_ledger_chain(store, app_id, version, -1, arena, chain, count, &end, &err);
    sim_check(st == SILT_OK, "the ledgers can't be read: %s", err.message);
    silt_store_free(store);
    silt_database_free(db);
}
