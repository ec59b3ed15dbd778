/* A table of an SQL database as target: its V, its ledgers and its rows are of one database, whose
 * transactions are the judge. */
#include "load/target_sql.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define RECONNECTS   5
#define RECONNECT_MS 200 /* before the second try; doubled */

/* ---- connecting */

/* While the database works or waits: the lock is renewed, a request to stop is heard, and a batch
 * that takes too long ends. */
static silt_status look_in(void *ctx, silt_error *err)
{
    silt_load *load = ctx;
    int64_t deadline = atomic_load(&load->deadline_us);
    if (deadline && silt_now_us(load->clock) > deadline && !atomic_exchange(&load->timed_out, true))
        return silt_fail(err, SILT_INTERRUPTED, "the batch took too long");
    return silt_load_check(load, err);
}

static const char *quoted(silt_sql_table *t, const char *name)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_sql_put_name(&sql, t->schema);
    silt_buf_putc(&sql, '.');
    silt_sql_put_name(&sql, name);
    return silt_buf_copy(&sql, t->arena);
}

static silt_status name_tables(silt_target *target, silt_error *err)
{
    silt_sql_table *t = target->sql;
    const silt_config_table *table = target->table;
    silt_status st =
        t->db->ops->resolve(t->db, table->sql_table, t->arena, &t->schema, &t->name, err);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s: write.path", table->name);
    t->full = quoted(t, t->name);
    t->txn = quoted(t, SILT_SQL_TXN);
    t->ledger = quoted(t, SILT_SQL_LEDGER);
    t->tables = quoted(t, SILT_SQL_TABLES);
    return t->full && t->txn && t->ledger && t->tables ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_sql_connect(silt_target *target, bool create, silt_error *err)
{
    silt_sql_table *t = target->sql;
    const silt_config_table *table = target->table;
    int64_t wait_ms = table->connection->lock_wait_ms;
    silt_status st;
    if (t->db) return SILT_OK;
    if (!wait_ms) wait_ms = SILT_DATABASE_LOCK_WAIT_MS;
    if (table->format == SILT_TARGET_SQLITE) {
        if (!create && access(table->database, F_OK) != 0 && errno == ENOENT) return SILT_OK;
        st = silt_database_sqlite_open(table->database, create, wait_ms, &t->db, err);
    } else {
        st = silt_database_postgres_open(table->database, wait_ms, &t->db, err);
    }
    if (st != SILT_OK) return silt_wrap(err, st, "table %s", table->name);
    t->db->check = look_in;
    t->db->check_ctx = t->load;
    st = name_tables(target, err);
    if (st == SILT_OK) return SILT_OK;
    silt_database_free(t->db);
    t->db = NULL;
    return st;
}

static silt_status reconnect(silt_sql_table *t, silt_error *err)
{
    silt_status st = SILT_IO;
    int64_t wait_ms = RECONNECT_MS;
    for (int i = 0; i < RECONNECTS && st == SILT_IO; i++, wait_ms *= 2) {
        if (i) silt_sleep_ms(t->load->clock, wait_ms);
        SILT_TRY(look_in(t->load, err));
        st = t->db->ops->reconnect(t->db, err);
    }
    return st;
}

/* ---- what stands there */

static silt_status has_table(silt_sql_table *t, const char *name, bool *out, silt_error *err)
{
    const char *id = NULL;
    SILT_TRY(t->db->ops->table_id(t->db, t->schema, name, t->now, &id, err));
    *out = id != NULL;
    return SILT_OK;
}

typedef struct registered {
    silt_arena *arena;
    const char *id, *schema;
} registered;

static silt_status take_registered(void *ctx, const silt_bytes *values, size_t count,
                                   silt_error *err)
{
    registered *r = ctx;
    (void)count;
    r->id = silt_arena_strndup(r->arena, values[0].data, values[0].size);
    r->schema = silt_arena_strndup(r->arena, values[1].data, values[1].size);
    return r->id && r->schema ? SILT_OK : silt_fail_nomem(err);
}

/* What Silt knows of the table: its id is that of the registry and of the database together, so
 * that another table under the same name is another one. */
static silt_status read_registry(silt_sql_table *t, const char *database_id, silt_error *err)
{
    bool there = false;
    registered r = {.arena = t->now};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(has_table(t, SILT_SQL_TABLES, &there, err));
    if (!there) return SILT_OK;
    silt_buf_printf(&sql, "SELECT id, schema FROM %s WHERE name = $1", t->tables);
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(silt_database_query(t->db, sql.data, &t->name, 1, take_registered, &r, err));
    if (!r.id) return SILT_OK;
    silt_status st = silt_schema_parse(r.schema, strlen(r.schema), t->now, &t->type, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s: the columns of %s", t->tables, t->name);
    t->id = silt_arena_printf(t->now, "%s/%s", r.id, database_id);
    return t->id ? SILT_OK : silt_fail_nomem(err);
}

static silt_status read_version(silt_target *target, int64_t *out, silt_error *err)
{
    silt_sql_table *t = target->sql;
    const char *const values[] = {target->app_id, t->name};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "SELECT version FROM %s WHERE app_id = $1 AND table_name = $2", t->txn);
    if (sql.failed) return silt_fail_nomem(err);
    return silt_database_int(t->db, sql.data, values, 2, -1, out, err);
}

static silt_status look(silt_target *target, silt_error *err)
{
    silt_sql_table *t = target->sql;
    const char *database_id = NULL;
    int64_t version = -1;
    silt_arena_reset(t->now);
    t->id = NULL;
    t->type = NULL;
    SILT_TRY(t->db->ops->table_id(t->db, t->schema, t->name, t->now, &database_id, err));
    t->exists = database_id != NULL;
    if (t->exists) SILT_TRY(read_registry(t, database_id, err));
    if (t->id) SILT_TRY(read_version(target, &version, err));
    target->there = t->id != NULL;
    target->id = t->id;
    target->app_version = version;
    return SILT_OK;
}

static silt_status refresh(silt_load *load, silt_target *target, silt_error *err)
{
    silt_sql_table *t = target->sql;
    (void)load;
    SILT_TRY(silt_sql_connect(target, false, err));
    if (!t->db) return SILT_OK;
    silt_status st = look(target, err);
    if (st == SILT_IO) {
        st = reconnect(t, err);
        if (st == SILT_OK) st = look(target, err);
    }
    return st == SILT_OK ? SILT_OK : silt_wrap(err, st, "table %s: target", target->table->name);
}

silt_status silt_sql_columns(silt_target *target, silt_arena *arena, const silt_type **out,
                             silt_error *err)
{
    silt_sql_table *t = target->sql;
    *out = t->type;
    if (t->type || !t->exists) return SILT_OK;
    silt_status st = t->db->ops->table_schema(t->db, t->schema, t->name, arena, out, err);
    return st == SILT_OK ? st : silt_wrap(err, st, "table %s: %s", target->table->name, t->full);
}

/* A file that isn't there is stood in for by one in memory. */
static silt_status columns(silt_load *load, silt_target *target, silt_arena *arena,
                           const silt_type **out, silt_error *err)
{
    silt_sql_table *t = target->sql;
    (void)load;
    if (!t->db) {
        SILT_TRY(
            silt_database_sqlite_open(":memory:", true, SILT_DATABASE_LOCK_WAIT_MS, &t->db, err));
        SILT_TRY(name_tables(target, err));
    }
    return silt_sql_columns(target, arena, out, err);
}

static const char *type_name(const silt_target *target, const silt_type *type, silt_arena *arena)
{
    return type->kind == SILT_TYPE_VOID ? "" : target->sql->db->ops->type_name(type, arena);
}

/* ---- V */

silt_status silt_sql_advance(silt_target *target, int64_t number, const char *attempt, bool *moved,
                             silt_error *err)
{
    silt_sql_table *t = target->sql;
    char from[24], to[24], now[SILT_TIME_SIZE];
    int64_t changed = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    (void)snprintf(from, sizeof(from), "%" PRId64, target->app_version);
    (void)snprintf(to, sizeof(to), "%" PRId64, number);
    silt_time_format(silt_now_us(t->load->clock), now);
    const char *values[] = {target->app_id, t->name, to, attempt, now, from};
    if (target->app_version < 0)
        silt_buf_printf(&sql,
                        "INSERT INTO %s (app_id, table_name, version, attempt, updated_at) VALUES "
                        "($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                        t->txn);
    else
        silt_buf_printf(&sql,
                        "UPDATE %s SET version = $3, attempt = $4, updated_at = $5 WHERE app_id = "
                        "$1 AND table_name = $2 AND version = $6",
                        t->txn);
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(t->db->ops->execute(t->db, sql.data, values, target->app_version < 0 ? 5 : 6, &changed,
                                 err));
    *moved = changed == 1;
    return SILT_OK;
}

/* Whose number it is by its ledger, which was committed with it. */
static silt_status is_ours(silt_target *target, int64_t number, const char *attempt, bool *out,
                           silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_ledger ledger;
    if (!scratch) return silt_fail_nomem(err);
    silt_status st = silt_ledger_read(target->store, target->app_id, number, scratch, &ledger, err);
    *out = st == SILT_OK && silt_streq(ledger.attempt, attempt);
    return st == SILT_NOT_FOUND ? SILT_OK : st;
}

/* After a lost answer. The row of V is locked until the old connection's transaction is over, one
 * way or the other. */
static silt_status find_out(silt_target *target, int64_t number, const char *attempt,
                            bool *happened, silt_error *err)
{
    silt_sql_table *t = target->sql;
    const char *const values[] = {target->app_id, t->name};
    int64_t version = -1;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "SELECT version FROM %s WHERE app_id = $1 AND table_name = $2%s", t->txn,
                    t->db->ops->for_update);
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(reconnect(t, err));
    SILT_TRY(silt_database_int(t->db, sql.data, values, 2, -1, &version, err));
    *happened = false;
    return version >= number ? is_ours(target, number, attempt, happened, err) : SILT_OK;
}

silt_status silt_sql_commit(silt_target *target, int64_t number, const char *attempt,
                            bool *happened, silt_error *err)
{
    silt_sql_table *t = target->sql;
    silt_error lost = {0};
    silt_status st = t->db->ops->commit(t->db, &lost);
    if (st == SILT_UNSURE) {
        silt_load_message(t->load, "warning",
                          "table %s: no answer to the commit of batch %" PRId64
                          " (%s); the database is asked whether it happened",
                          target->table->name, number, lost.message);
        st = find_out(target, number, attempt, happened, err);
        if (st == SILT_OK) return SILT_OK;
        silt_wrap(err, SILT_UNSURE, "table %s: whether batch %" PRId64 " was committed isn't known",
                  target->table->name, number);
        return silt_hint(err, SILT_UNSURE, "the next run finds out, and loads it only if not");
    }
    *happened = st == SILT_OK;
    if (st != SILT_OK && err) *err = lost;
    return st;
}

static silt_status in_transaction(silt_target *target, int64_t number, silt_error *err)
{
    silt_sql_table *t = target->sql;
    bool moved = false, happened = false;
    SILT_TRY(t->db->ops->begin(t->db, err));
    silt_status st = silt_sql_advance(target, number, NULL, &moved, err);
    if (st != SILT_OK || !moved) {
        t->db->ops->rollback(t->db);
        return st != SILT_OK ? st
                             : silt_fail(err, SILT_CONFLICT,
                                         "number %" PRId64 ": another "
                                         "process was faster",
                                         number);
    }
    SILT_TRY(silt_sql_commit(target, number, NULL, &happened, err));
    return happened ? SILT_OK
                    : silt_fail(err, SILT_CONFLICT, "number %" PRId64 ": no answer", number);
}

/* Where the answer is lost it is a conflict, which is read again: nothing but the number counts. */
static silt_status fence(silt_load *load, silt_target *target, int64_t number, silt_error *err)
{
    (void)load;
    return in_transaction(target, number, err);
}

/* ---- rows */

/* Its id, which silt_check_vouched() has compared with the ledger's, is all that tells. */
static silt_status check(silt_load *load, silt_target *target, silt_error *err)
{
    (void)load, (void)target, (void)err;
    return SILT_OK;
}

static bool has_evidence(const silt_target *target)
{
    const silt_type *type = target->sql->type;
    return type && silt_type_find(type, SILT_COLUMN_SOURCE_FILE) >= 0 &&
           silt_type_find(type, SILT_COLUMN_BATCH_ID) >= 0;
}

typedef struct tally {
    silt_arena *arena;
    SILT_VEC(silt_evidence) found;
} tally;

static silt_status take_evidence(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    tally *t = ctx;
    silt_evidence item = {0};
    (void)count;
    item.path = silt_arena_strndup(t->arena, values[0].data, values[0].size);
    if (!item.path) return silt_fail_nomem(err);
    if (!silt_parse_int64(values[1].data, &item.batch_id) ||
        !silt_parse_int64(values[2].data, &item.row_count))
        return SILT_OK; /* a row of somebody else's */
    return silt_vec_push(&t->found, item) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status evidence(silt_load *load, silt_target *target, int64_t after, int64_t until,
                            silt_arena *arena, const silt_evidence **out, size_t *count,
                            silt_error *err)
{
    silt_sql_table *t = target->sql;
    tally sum = {.arena = arena};
    SILT_CLEAN(silt_buf) sql = {0};
    (void)load;
    silt_buf_printf(&sql,
                    "SELECT \"" SILT_COLUMN_SOURCE_FILE "\", \"" SILT_COLUMN_BATCH_ID
                    "\", count(*) FROM %s WHERE \"" SILT_COLUMN_SOURCE_FILE
                    "\" IS NOT NULL AND \"" SILT_COLUMN_BATCH_ID "\" > %" PRId64
                    " AND \"" SILT_COLUMN_BATCH_ID "\" <= %" PRId64 " GROUP BY 1, 2",
                    t->full, after, until);
    if (sql.failed) return silt_fail_nomem(err);
    silt_status st = silt_database_query(t->db, sql.data, NULL, 0, take_evidence, &sum, err);
    silt_evidence *items =
        st == SILT_OK ? silt_arena_calloc(arena, sum.found.count + 1, sizeof(*items)) : NULL;
    if (items && sum.found.count) memcpy(items, sum.found.items, sum.found.count * sizeof(*items));
    size_t found = sum.found.count;
    silt_vec_free(&sum.found);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s", target->table->name);
    if (!items) return silt_fail_nomem(err);
    *out = items;
    *count = found;
    return SILT_OK;
}

typedef struct roll {
    silt_arena *arena;
    SILT_VEC(silt_writer) found;
} roll;

static silt_status take_writer(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    roll *r = ctx;
    silt_writer item = {0};
    (void)count;
    item.app_id = silt_arena_strndup(r->arena, values[0].data, values[0].size);
    if (!item.app_id) return silt_fail_nomem(err);
    if (!silt_parse_int64(values[1].data, &item.version)) return SILT_OK;
    return silt_vec_push(&r->found, item) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status writers(silt_load *load, silt_target *target, silt_arena *arena,
                           const silt_writer **out, size_t *count, silt_error *err)
{
    silt_sql_table *t = target->sql;
    roll all = {.arena = arena};
    SILT_CLEAN(silt_buf) sql = {0};
    (void)load;
    silt_buf_printf(&sql, "SELECT app_id, version FROM %s WHERE table_name = $1", t->txn);
    if (sql.failed) return silt_fail_nomem(err);
    silt_status st = silt_database_query(t->db, sql.data, &t->name, 1, take_writer, &all, err);
    silt_writer *items =
        st == SILT_OK ? silt_arena_calloc(arena, all.found.count + 1, sizeof(*items)) : NULL;
    if (items && all.found.count) memcpy(items, all.found.items, all.found.count * sizeof(*items));
    *count = all.found.count;
    silt_vec_free(&all.found);
    if (st != SILT_OK) return silt_wrap(err, st, "table %s", target->table->name);
    *out = items;
    return items ? SILT_OK : silt_fail_nomem(err);
}

static silt_status count_rows(silt_load *load, silt_target *target, int64_t *out, silt_error *err)
{
    silt_sql_table *t = target->sql;
    SILT_CLEAN(silt_buf) sql = {0};
    (void)load;
    silt_buf_printf(&sql, "SELECT count(*) FROM %s", t->full);
    if (sql.failed) return silt_fail_nomem(err);
    return silt_database_int(t->db, sql.data, NULL, 0, -1, out, err);
}

/* ---- taking rows away */

silt_status silt_sql_each_file(silt_sql_table *t, const silt_evidence *items, size_t count,
                               bool change, int64_t *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql,
                    "%s FROM %s WHERE \"" SILT_COLUMN_SOURCE_FILE
                    "\" = $1 AND \"" SILT_COLUMN_BATCH_ID "\" = $2",
                    change ? "DELETE" : "SELECT count(*)", t->full);
    if (sql.failed) return silt_fail_nomem(err);
    *rows = 0;
    for (size_t i = 0; i < count; i++) {
        char batch[24];
        int64_t some = 0;
        (void)snprintf(batch, sizeof(batch), "%" PRId64, items[i].batch_id);
        const char *const values[] = {items[i].path, batch};
        SILT_TRY(change ? t->db->ops->execute(t->db, sql.data, values, 2, &some, err)
                        : silt_database_int(t->db, sql.data, values, 2, -1, &some, err));
        if (some < 0) *rows = -1;
        if (*rows >= 0) *rows += some;
    }
    return SILT_OK;
}

static silt_status delete_files(silt_target *target, const silt_evidence *items, size_t count,
                                int64_t number, int64_t *rows, silt_error *err)
{
    bool moved = false;
    SILT_TRY(silt_sql_advance(target, number, NULL, &moved, err));
    if (!moved)
        return silt_fail(err, SILT_CONFLICT, "table %s: another process was faster; try again",
                         target->table->name);
    return silt_sql_each_file(target->sql, items, count, true, rows, err);
}

static silt_status remove_rows(silt_load *load, silt_target *target, const silt_evidence *items,
                               size_t count, int64_t number, int64_t *rows, silt_error *err)
{
    silt_sql_table *t = target->sql;
    (void)load;
    if (number < 0) return silt_sql_each_file(t, items, count, false, rows, err);
    SILT_TRY(t->db->ops->begin(t->db, err));
    silt_status st = delete_files(target, items, count, number, rows, err);
    if (st != SILT_OK) {
        t->db->ops->rollback(t->db);
        return st;
    }
    bool happened = false;
    SILT_TRY(silt_sql_commit(target, number, NULL, &happened, err));
    return happened ? SILT_OK
                    : silt_fail(err, SILT_CONFLICT, "table %s: the connection was lost; try again",
                                target->table->name);
}

/* ---- the rest */

/* A transaction that didn't end leaves nothing. */
static void clean(silt_load *load, silt_target *target, const char *attempt)
{
    (void)load, (void)target, (void)attempt;
}

static void maintain(silt_load *load, silt_target *target)
{
    (void)load, (void)target;
}

static void release(silt_target *target)
{
    silt_sql_table *t = target->sql;
    if (target->runner) target->runner->ops->free(target->runner);
    silt_database_free(t->db);
    silt_arena_free(t->now);
    silt_arena_free(t->arena);
    free(t);
}

const silt_target_ops silt_target_sql = {.refresh = refresh,
                                         .fence = fence,
                                         .check = check,
                                         .has_evidence = has_evidence,
                                         .evidence = evidence,
                                         .writers = writers,
                                         .count_rows = count_rows,
                                         .columns = columns,
                                         .type_name = type_name,
                                         .check_versions = silt_sql_check_versions,
                                         .remove = remove_rows,
                                         .clean = clean,
                                         .maintain = maintain,
                                         .release = release};

silt_status silt_target_sql_open(silt_load *load, silt_target *target, silt_error *err)
{
    silt_sql_table *t = calloc(1, sizeof(*t));
    if (!t) return silt_fail_nomem(err);
    *t = (silt_sql_table){.load = load, .arena = silt_arena_new(), .now = silt_arena_new()};
    target->sql = t;
    target->runner = silt_runner_sql_new(load->engine);
    target->store = silt_sql_ledgers_new(t, target->table->target_path);
    if (t->arena && t->now && target->runner && target->store) return SILT_OK;
    release(target);
    silt_store_free(target->store);
    return silt_fail_nomem(err);
}
