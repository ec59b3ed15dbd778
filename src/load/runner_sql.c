/* Jobs upon tables of SQL databases.
 *
 *   prepare  the source's columns against the table's; what a database can't hold is refused
 *   create   the table and Silt's own three, or the registration of a table that stands
 *   apply    source → engine (read once, duplicates decided) or files → rows → one transaction
 *
 * Rows of append and overwrite go straight into the table. Those of upsert and append_once go to a
 * temporary table first, outside the transaction, and are matched with the table within it
 * (merge_sql.c). For scd2 the keys do, and the versions that these have are read out within it
 * (versions_sql.c). */
#include "load/runner_sql.h"

#include "load/runner_own.h"

#include <stdio.h>

#include "table/expr_tree.h"

bool silt_sql_is_keyed(const silt_config_table *table)
{
    return table->strategy == SILT_STRATEGY_UPSERT ||
           table->strategy == SILT_STRATEGY_APPEND_ONCE || table->strategy == SILT_STRATEGY_SCD2;
}

/* ---- prepare */

static silt_status fail_column(const silt_config_table *table, const char *name, const char *why,
                               const char *what_to_do, silt_error *err)
{
    silt_fail(err, SILT_INVALID, "table %s: column %.200s: %s", table->name, name, why);
    return silt_hint(err, SILT_INVALID, "%s", what_to_do);
}

static silt_status check_key(const silt_job *job, const silt_type *schema, const char *key,
                             const char *name, silt_error *err)
{
    int at = silt_type_find(schema, name);
    if (at < 0) {
        silt_fail(err, SILT_INVALID, "table %s: %s: there is no column %s", job->table->name, key,
                  name);
        return silt_hint(err, SILT_INVALID, "column names are matched exactly");
    }
    if (schema->fields[at].type->kind < SILT_TYPE_VARIANT) return SILT_OK;
    return fail_column(job->table, name, "databases don't compare values of its type",
                       "name another column", err);
}

static silt_status check_keys(const silt_job *job, const silt_type *schema, silt_error *err)
{
    const silt_config_table *table = job->table;
    const silt_database_ops *dialect = job->target->sql->db->ops;
    for (size_t i = 0; i < table->key_count; i++)
        SILT_TRY(check_key(job, schema, "keys", table->keys[i], err));
    for (size_t i = 0; table->scd2 && table->scd2->tracking_columns[i]; i++)
        SILT_TRY(check_key(job, schema, "tracking_columns", table->scd2->tracking_columns[i], err));
    if (!table->newest_by) return SILT_OK;
    SILT_TRY(check_key(job, schema, "timestamp_col", table->newest_by, err));
    silt_type_kind kind = schema->fields[silt_type_find(schema, table->newest_by)].type->kind;
    if (kind != SILT_TYPE_DECIMAL || dialect->orders_decimals || table->scd2) return SILT_OK;
    return fail_column(table, table->newest_by,
                       "SQLite keeps decimals as texts, which aren't in the order of numbers",
                       "take a timestamp, a date or an integer as timestamp_col", err);
}

/* What is made has to have a place in the database. */
static silt_status check_columns(const silt_job *job, const silt_type *schema, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_database_ops *dialect = job->target->sql->db->ops;
    if (!scratch) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        if (dialect->name_max && strlen(field->name) > dialect->name_max)
            return fail_column(job->table, field->name, "the database cuts names that long off",
                               "rename it in the source", err);
        if (field->type->kind != SILT_TYPE_VOID && !dialect->type_name(field->type, scratch))
            return fail_column(job->table, field->name, "the database has no type that holds it",
                               "declare another type in schema", err);
    }
    return SILT_OK;
}

/* What it makes of a value isn't known, and versions go by that. */
static silt_status refuse_foreign(const silt_job *job, silt_error *err)
{
    const silt_sql_table *t = job->target->sql;
    if (!job->table->scd2 || t->type || !t->exists) return SILT_OK;
    silt_fail(err, SILT_INVALID, "table %s: %s is there already, and Silt hasn't made it",
              job->table->name, t->full);
    return silt_hint(err, SILT_INVALID,
                     "scd2 keeps versions in tables that it makes: give write.path a new name");
}

static silt_status prepare(silt_runner *runner, const silt_job *job, silt_bad_sources *bad,
                           silt_arena *arena, silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    const silt_config_table *table = job->table;
    const silt_type *schema;
    (void)arena;
    silt_own_runner_begin(r, job);
    SILT_TRY(silt_sql_connect(job->target, true, err));
    SILT_TRY(refuse_foreign(job, err));
    SILT_TRY(silt_sql_columns(job->target, r->arena, &schema, err));
    SILT_TRY(silt_sources_plan(r->engine, &r->sources, schema, r->arena, &r->plan, bad, err));
    SILT_TRY(check_columns(job, r->plan.schema, err));
    return silt_sql_is_keyed(table) ? check_keys(job, r->plan.schema, err) : SILT_OK;
}

/* ---- create */

static void put_column(const silt_database_ops *dialect, const silt_field *field, bool nullable,
                       silt_arena *arena, silt_buf *sql)
{
    silt_sql_put_name(sql, field->name);
    silt_buf_printf(sql, " %s%s", dialect->type_name(field->type, arena),
                    nullable ? "" : " NOT NULL");
}

void silt_sql_put_columns(const silt_database_ops *dialect, const silt_type *schema, bool loose,
                          silt_arena *arena, silt_buf *sql)
{
    bool first = true;
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        if (field->type->kind == SILT_TYPE_VOID) continue;
        silt_buf_puts(sql, first ? "" : ", ");
        put_column(dialect, field, loose || field->nullable, arena, sql);
        first = false;
    }
}

static silt_status make_own_tables(silt_sql_table *t, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    const char *number = t->db->ops->number_type;
    silt_buf_printf(&sql,
                    "CREATE TABLE IF NOT EXISTS %s (app_id TEXT NOT NULL, table_name TEXT NOT "
                    "NULL, version %s NOT NULL, attempt TEXT, updated_at TEXT NOT NULL, PRIMARY "
                    "KEY (app_id, table_name))",
                    t->txn, number);
    SILT_TRY(silt_database_run(t->db, &sql, NULL, err));
    silt_buf_clear(&sql);
    silt_buf_printf(&sql,
                    "CREATE TABLE IF NOT EXISTS %s (app_id TEXT NOT NULL, table_name TEXT NOT "
                    "NULL, number %s NOT NULL, body TEXT NOT NULL, PRIMARY KEY (app_id, "
                    "table_name, number))",
                    t->ledger, number);
    SILT_TRY(silt_database_run(t->db, &sql, NULL, err));
    silt_buf_clear(&sql);
    silt_buf_printf(&sql,
                    "CREATE TABLE IF NOT EXISTS %s (name TEXT NOT NULL PRIMARY KEY, id TEXT NOT "
                    "NULL, schema TEXT NOT NULL)",
                    t->tables);
    return silt_database_run(t->db, &sql, NULL, err);
}

/* Keys are looked up by an index, which also keeps others from writing one twice, but for versions
 * of rows. */
static silt_status make_index(const silt_job *job, silt_error *err)
{
    silt_sql_table *t = job->target->sql;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) name = {0};
    silt_buf_printf(&name, "%s_silt_keys", t->name);
    const silt_scd2_options *scd2 = job->table->scd2;
    silt_buf_puts(&sql, scd2 ? "CREATE INDEX " : "CREATE UNIQUE INDEX ");
    if (name.failed) return silt_fail_nomem(err);
    if (t->db->ops->names_indexes) {
        silt_sql_put_name(&sql, t->schema);
        silt_buf_putc(&sql, '.');
        silt_sql_put_name(&sql, name.data);
        silt_buf_puts(&sql, " ON ");
        silt_sql_put_name(&sql, t->name);
    } else {
        silt_buf_printf(&sql, "ON %s", t->full);
    }
    for (size_t i = 0; i < job->table->key_count; i++) {
        silt_buf_puts(&sql, i ? ", " : " (");
        silt_sql_put_name(&sql, job->table->keys[i]);
    }
    if (scd2) {
        silt_buf_puts(&sql, ", ");
        silt_sql_put_name(&sql, scd2->effective_date_column);
    }
    silt_buf_putc(&sql, ')');
    return silt_database_run(t->db, &sql, NULL, err);
}

/* The table that Silt's numbers and ledgers are of is gone, and with it what they tell of. */
static silt_status forget_former(silt_sql_table *t, silt_error *err)
{
    const char *const tables[] = {t->ledger, t->txn};
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_buf_printf(&sql, "DELETE FROM %s WHERE table_name = $1", tables[i]);
        if (sql.failed) return silt_fail_nomem(err);
        SILT_TRY(t->db->ops->execute(t->db, sql.data, &t->name, 1, NULL, err));
    }
    return SILT_OK;
}

static silt_status make_table(silt_own_runner *r, const silt_job *job, silt_error *err)
{
    silt_sql_table *t = job->target->sql;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "CREATE TABLE %s (", t->full);
    silt_sql_put_columns(t->db->ops, r->plan.schema, false, r->arena, &sql);
    silt_buf_putc(&sql, ')');
    SILT_TRY(forget_former(t, err));
    SILT_TRY(silt_database_run(t->db, &sql, NULL, err));
    return silt_sql_is_keyed(job->table) ? make_index(job, err) : SILT_OK;
}

silt_status silt_sql_register(silt_sql_table *t, const char *id, const silt_type *schema,
                              silt_arena *arena, silt_error *err)
{
    const char *json = silt_schema_json(schema, arena);
    const char *const values[] = {t->name, json, id};
    SILT_CLEAN(silt_buf) sql = {0};
    if (id)
        silt_buf_printf(&sql,
                        "INSERT INTO %s (name, schema, id) VALUES ($1, $2, $3) ON CONFLICT (name) "
                        "DO UPDATE SET schema = excluded.schema, id = excluded.id",
                        t->tables);
    else
        silt_buf_printf(&sql, "UPDATE %s SET schema = $2 WHERE name = $1", t->tables);
    if (!json || sql.failed) return silt_fail_nomem(err);
    return t->db->ops->execute(t->db, sql.data, values, id ? 3 : 2, NULL, err);
}

/* Only columns that stand there: those that are new come with the first batch. */
static silt_status make_or_register(silt_own_runner *r, const silt_job *job, silt_error *err)
{
    silt_sql_table *t = job->target->sql;
    char id[SILT_UUID_SIZE];
    const char *there = NULL;
    const silt_type *schema = r->plan.schema;
    SILT_TRY(t->db->ops->lock_schema(t->db, t->schema, err));
    SILT_TRY(make_own_tables(t, err));
    SILT_TRY(t->db->ops->table_id(t->db, t->schema, t->name, r->arena, &there, err));
    if (!there)
        SILT_TRY(make_table(r, job, err));
    else if (!t->exists) /* it was made meanwhile: look at it first */
        return SILT_OK;
    else
        SILT_TRY(t->db->ops->table_schema(t->db, t->schema, t->name, r->arena, &schema, err));
    silt_uuid(job->random, id);
    return silt_sql_register(t, id, schema, r->arena, err);
}

static silt_status create(silt_runner *runner, const silt_job *job, silt_error *err)
{
    silt_database *db = job->target->sql->db;
    SILT_TRY(db->ops->begin(db, err));
    silt_status st = make_or_register((silt_own_runner *)runner, job, err);
    if (st == SILT_OK) return db->ops->commit(db, err);
    db->ops->rollback(db);
    return silt_wrap(err, st, "table %s", job->table->name);
}

/* ---- apply */

static silt_status add_columns(silt_sql_work *w, silt_error *err)
{
    silt_sql_table *t = w->table;
    const silt_type *had = t->type, *want = w->plan->schema;
    for (size_t i = 0; i < want->field_count; i++) {
        const silt_field *field = &want->fields[i];
        SILT_CLEAN(silt_buf) sql = {0};
        if (field->type->kind == SILT_TYPE_VOID || silt_type_find(had, field->name) >= 0) continue;
        silt_buf_printf(&sql, "ALTER TABLE %s ADD COLUMN ", t->full);
        put_column(t->db->ops, field, true, w->arena, &sql);
        SILT_TRY(silt_database_run(t->db, &sql, NULL, err));
    }
    return silt_sql_register(t, NULL, want, w->arena, err);
}

static silt_status replace_rows(silt_sql_work *w, bool replace, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "DELETE FROM %s", w->table->full);
    if (replace) SILT_TRY(silt_database_run(w->table->db, &sql, NULL, err));
    const silt_sql_bringing all = {.table = w->table->full,
                                   .columns = w->columns,
                                   .count = w->column_count,
                                   .rows = &w->rows,
                                   .expected = -1};
    SILT_TRY(silt_sql_bring(w, &all, err));
    size_t count = w->job->file_count;
    for (size_t i = 0; i < count; i++)
        w->m.w.counts[i].inserted = w->m.w.counts[i].read;
    return SILT_OK;
}

/* Rows of older batches that give way to those of the same files. */
static silt_status take_away(silt_sql_work *w, silt_error *err)
{
    const silt_job *job = w->job;
    int64_t there = 0, gone = 0;
    for (size_t i = 0; i < job->replaced_count; i++)
        there += job->replaced[i].row_count;
    SILT_TRY(silt_sql_each_file(w->table, job->replaced, job->replaced_count, true, &gone, err));
    if (gone == there) return SILT_OK;
    return silt_fail(err, SILT_INCONSISTENT,
                     "table %s: %" PRId64 " rows were to be replaced, %" PRId64 " were there",
                     job->table->name, there, gone);
}

/* All that is of the batch, between BEGIN and COMMIT. */
static silt_status change(silt_sql_work *w, bool *moved, silt_error *err)
{
    const silt_job *job = w->job;
    SILT_TRY(silt_sql_advance(job->target, job->number, job->attempt, moved, err));
    if (!*moved) return SILT_OK;
    if (w->plan->schema_grows) SILT_TRY(add_columns(w, err));
    if (job->replaced_count) SILT_TRY(take_away(w, err));
    if (job->table->scd2)
        SILT_TRY(silt_sql_versions(w, err));
    else if (silt_sql_is_keyed(job->table))
        SILT_TRY(silt_sql_merge(w, err));
    else
        SILT_TRY(replace_rows(w, job->table->strategy == SILT_STRATEGY_OVERWRITE, err));
    silt_work_sum(&w->m.w);
    SILT_TRY(silt_conserve_sources(w->m.w.counts, job->file_count, err));
    return job->before_commit ? job->before_commit(job->ctx, &w->m.w.facts, job->attempt, err)
                              : SILT_OK;
}

static silt_status fail_moved(const silt_job *job, silt_txn_result *out)
{
    *out = (silt_txn_result){.outcome = SILT_TXN_APP_MOVED, .version = -1, .table_version = -1};
    (void)snprintf(out->conflict, sizeof(out->conflict), "another process committed a batch of %s",
                   job->app_id);
    return SILT_OK;
}

static void conflict(silt_txn_result *out, const char *why)
{
    *out = (silt_txn_result){.outcome = SILT_TXN_CONFLICT, .version = -1, .table_version = -1};
    (void)snprintf(out->conflict, sizeof(out->conflict), "%.400s", why);
}

static silt_status commit(silt_sql_work *w, silt_txn_result *out, silt_error *err)
{
    const silt_job *job = w->job;
    bool happened = false;
    SILT_TRY(silt_sql_commit(job->target, job->number, job->attempt, &happened, err));
    if (!happened) {
        conflict(out, "the connection was lost before the commit");
        return SILT_OK;
    }
    *out = (silt_txn_result){
        .outcome = SILT_TXN_COMMITTED, .version = -1, .table_version = -1, .attempts = 1};
    memcpy(out->txn_id, job->attempt, strlen(job->attempt) + 1);
    job->target->app_version = job->number;
    return SILT_OK;
}

static silt_status transaction(silt_sql_work *w, silt_txn_result *out, silt_error *err)
{
    silt_database *db = w->table->db;
    bool moved = false;
    SILT_TRY(db->ops->begin(db, err));
    silt_status st = change(w, &moved, err);
    if (st == SILT_OK && moved) return commit(w, out, err);
    db->ops->rollback(db);
    return st == SILT_OK ? fail_moved(w->job, out) : st;
}

static silt_status load_rows(silt_sql_work *w, silt_txn_result *out, silt_error *err)
{
    bool keyed = silt_sql_is_keyed(w->job->table);
    SILT_TRY(silt_sql_read(w, err));
    if (keyed) SILT_TRY(w->job->table->scd2 ? silt_sql_stage_keys(w, err) : silt_sql_stage(w, err));
    silt_status st = transaction(w, out, err);
    if (keyed) silt_sql_unstage(w);
    if (st != SILT_CONFLICT) return st;
    conflict(out, err->message); /* the database gave others the way: from the start */
    return SILT_OK;
}

static silt_status apply_once(silt_runner *runner, const silt_job *job, silt_arena *arena,
                              silt_change_result *out, silt_bad_sources *bad, silt_error *err)
{
    silt_own_runner *r = (silt_own_runner *)runner;
    silt_txn_result txn = {0};
    silt_error local = {0};
    if (!err) err = &local;
    silt_sql_work w = {.job = job,
                       .table = job->target->sql,
                       .sources = &r->sources,
                       .plan = &r->plan,
                       .engine = r->engine,
                       .arena = arena};
    silt_status st = silt_sql_work_init(&w, err);
    if (st == SILT_OK) st = load_rows(&w, &txn, err);
    if (st == SILT_OK)
        *out = (silt_change_result){.txn = txn, .facts = w.m.w.facts};
    else
        st = silt_work_give_bad(&w.m.w, st, bad);
    silt_sql_work_release(&w);
    return st;
}

static silt_status apply(silt_runner *runner, const silt_job *job, silt_arena *arena,
                         silt_change_result *out, silt_bad_sources *bad, silt_error *err)
{
    return silt_own_runner_apply(runner, job, apply_once, arena, out, bad, err);
}

/* A database that has committed has committed. */
static silt_status verify(silt_runner *runner, const silt_job *job, const silt_txn_result *txn,
                          silt_arena *arena, silt_error *err)
{
    (void)runner, (void)job, (void)txn, (void)arena, (void)err;
    return SILT_OK;
}

static const silt_runner_ops sql_ops = {
    prepare, create, apply, verify, silt_own_runner_free, silt_own_runner_schema};

silt_runner *silt_runner_sql_new(silt_engine *engine)
{
    return silt_own_runner_new(&sql_ops, engine);
}
