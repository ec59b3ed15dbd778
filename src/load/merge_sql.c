/* Upsert and append_once in a database: staged rows are told what becomes of them, then a statement
 * for each of these does it.
 *
 * Null keys match each other, and databases find them by IS NULL alone: there is a statement for
 * each pattern of nulls that staged keys have, most often one, and each compares by plain equality,
 * which indexes and hash joins are for. The table is locked against other writers meanwhile, so
 * that what was told stays true. */
#include "load/feed.h"
#include "load/runner_sql.h"

#define STAGE   "\"" SILT_SQL_STAGE "\""
#define DELETES "\"" SILT_FEED_DELETES "\""

/* ---- staging */

static silt_status make_stage(silt_sql_work *w, silt_error *err)
{
    const silt_database_ops *dialect = w->table->db->ops;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "CREATE TEMPORARY TABLE " STAGE " (");
    silt_sql_put_columns(dialect, w->plan->schema, true, w->arena, &sql);
    silt_buf_printf(
        &sql, ", \"" SILT_SQL_FILE "\" %s NOT NULL, \"" SILT_SQL_ACT "\" %s NOT NULL DEFAULT %d",
        dialect->number_type, dialect->number_type, SILT_SQL_INSERT);
    const silt_type *flag = silt_type_primitive(SILT_TYPE_BOOLEAN);
    if (w->deletes) silt_buf_printf(&sql, ", " DELETES " %s", dialect->type_name(flag, w->arena));
    silt_buf_putc(&sql, ')');
    return silt_database_run(w->table->db, &sql, NULL, err);
}

void silt_sql_unstage(silt_sql_work *w)
{
    silt_database *db = w->table->db;
    static const char *const tables[] = {SILT_SQL_STAGE, SILT_SQL_KEYS};
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        SILT_CLEAN(silt_buf) sql = {0};
        silt_buf_printf(&sql, "DROP TABLE IF EXISTS %s.\"%s\"", db->ops->temporary, tables[i]);
        (void)silt_database_run(db, &sql, NULL, NULL); /* it goes with the connection */
    }
}

/* The source's rows, and first of their columns whether they delete: one that somebody has mended
 * needn't say. */
static silt_status mark_deletes(silt_sql_work *w, silt_sql_bringing *b, silt_rows_spec *rows,
                                silt_error *err)
{
    const silt_type *flag = silt_type_primitive(SILT_TYPE_BOOLEAN);
    silt_database_column *columns = silt_arena_calloc(w->arena, b->count + 1, sizeof(*columns));
    silt_join_value *values = silt_arena_calloc(w->arena, b->count + 1, sizeof(*values));
    const silt_expr **mark = silt_arena_calloc(w->arena, 1, sizeof(*mark));
    if (!columns || !values || !mark) return silt_fail_nomem(err);
    const silt_expr *said[] = {silt_merge_column(w->arena, SILT_JOIN_SOURCE, w->deletes, flag),
                               silt_expr_literal(w->arena, flag, "false")};
    if (!said[0] || !said[1]) return silt_fail_nomem(err);
    *mark = silt_expr_call(w->arena, SILT_OP_COALESCE, flag, said, SILT_COUNT(said));
    if (!*mark) return silt_fail_nomem(err);
    columns[0] = (silt_database_column){w->deletes, flag};
    values[0] = (silt_join_value){w->deletes, flag, mark};
    memcpy(columns + 1, b->columns, b->count * sizeof(*columns));
    memcpy(values + 1, rows->join.columns, b->count * sizeof(*values));
    rows->join.columns = values;
    rows->join.column_count = b->count + 1;
    b->columns = columns;
    b->count++;
    return SILT_OK;
}

static silt_status fill_stage(silt_sql_work *w, silt_error *err)
{
    silt_rows_spec rows = w->rows;
    silt_sql_bringing staged = {.table = STAGE,
                                .columns = w->columns,
                                .count = w->column_count + 1,
                                .staged = true,
                                .rows = &rows,
                                .expected = -1};
    SILT_TRY(make_stage(w, err));
    if (w->deletes) SILT_TRY(mark_deletes(w, &staged, &rows, err));
    SILT_TRY(silt_sql_bring(w, &staged, err));
    return w->table->db->ops->analyze(w->table->db, STAGE, err);
}

silt_status silt_sql_stage(silt_sql_work *w, silt_error *err)
{
    silt_database *db = w->table->db;
    silt_sql_unstage(w);
    SILT_TRY(db->ops->execute(db, "BEGIN", NULL, 0, NULL, err));
    silt_status st = fill_stage(w, err);
    if (st == SILT_OK) st = db->ops->execute(db, "COMMIT", NULL, 0, NULL, err);
    if (st != SILT_OK) db->ops->rollback(db);
    return st;
}

/* ---- matching */

static silt_status take_pattern(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    silt_sql_patterns *p = ctx;
    char *text = silt_arena_alloc(p->arena, count + 1);
    if (!text) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        text[i] = values[i].data[0];
    text[count] = '\0';
    const char *kept = text;
    return silt_vec_push(&p->found, kept) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_sql_find_patterns(silt_sql_work *w, const char *from, silt_sql_patterns *out,
                                   silt_error *err)
{
    const silt_config_table *table = w->job->table;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT DISTINCT ");
    for (size_t i = 0; i < table->key_count; i++) {
        silt_buf_puts(&sql, i ? ", CASE WHEN " : "CASE WHEN ");
        silt_sql_put_name(&sql, table->keys[i]);
        silt_buf_puts(&sql, " IS NULL THEN 1 ELSE 0 END");
    }
    silt_buf_printf(&sql, " FROM %s", from);
    if (sql.failed) return silt_fail_nomem(err);
    return silt_database_query(w->table->db, sql.data, NULL, 0, take_pattern, out, err);
}

void silt_sql_put_match(const silt_sql_work *w, const char *pattern, silt_buf *sql)
{
    for (size_t i = 0; i < w->job->table->key_count; i++) {
        SILT_CLEAN(silt_buf) name = {0};
        silt_sql_put_name(&name, w->job->table->keys[i]);
        if (name.failed) {
            sql->failed = true;
            return;
        }
        if (i) silt_buf_puts(sql, " AND ");
        if (pattern[i] == '1')
            silt_buf_printf(sql, "t.%s IS NULL AND s.%s IS NULL", name.data, name.data);
        else
            silt_buf_printf(sql, "t.%s = s.%s", name.data, name.data);
    }
}

/* Append when the staged row is as new as the table's, or newer; null is the oldest. */
static void put_newer(const silt_sql_work *w, silt_buf *sql)
{
    const char *by = w->job->table->newest_by;
    const silt_type *schema = w->plan->schema;
    if (!by) return;
    bool text = schema->fields[silt_type_find(schema, by)].type->kind == SILT_TYPE_STRING;
    const char *collate = text ? w->table->db->ops->collate_bytes : "";
    SILT_CLEAN(silt_buf) name = {0};
    silt_sql_put_name(&name, by);
    if (name.failed)
        sql->failed = true;
    else
        silt_buf_printf(sql, " AND (t.%s IS NULL OR (s.%s IS NOT NULL AND t.%s%s <= s.%s%s))",
                        name.data, name.data, name.data, collate, name.data, collate);
}

static silt_status mark(silt_sql_work *w, const char *pattern, int action, bool newer,
                        silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql,
                    "UPDATE " STAGE " AS s SET \"" SILT_SQL_ACT
                    "\" = %d WHERE EXISTS (SELECT 1 FROM %s t WHERE ",
                    action, w->table->full);
    silt_sql_put_match(w, pattern, &sql);
    if (newer) put_newer(w, &sql);
    silt_buf_putc(&sql, ')');
    if (w->deletes)
        silt_buf_puts(&sql, action == SILT_SQL_DELETE ? " AND " DELETES : " AND NOT " DELETES);
    return silt_database_run(w->table->db, &sql, NULL, err);
}

/* A row that deletes is never inserted: where there is nothing to delete it tells nothing new. */
static silt_status mark_idle_deletes(silt_sql_work *w, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    if (!w->deletes) return SILT_OK;
    silt_buf_printf(&sql, "UPDATE " STAGE " SET \"" SILT_SQL_ACT "\" = %d WHERE " DELETES,
                    SILT_SQL_LEAVE);
    return silt_database_run(w->table->db, &sql, NULL, err);
}

/* ---- changing */

static bool is_key(const silt_sql_work *w, const char *name)
{
    const silt_config_table *table = w->job->table;
    for (size_t i = 0; i < table->key_count; i++)
        if (silt_streq(table->keys[i], name)) return true;
    return false;
}

static silt_status update(silt_sql_work *w, const char *pattern, int64_t *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    bool first = true;
    int64_t changed = 0;
    silt_buf_printf(&sql, "UPDATE %s AS t SET ", w->table->full);
    for (size_t i = 0; i < w->column_count; i++) {
        if (is_key(w, w->columns[i].name)) continue;
        silt_buf_puts(&sql, first ? "" : ", ");
        silt_sql_put_name(&sql, w->columns[i].name);
        silt_buf_puts(&sql, " = s.");
        silt_sql_put_name(&sql, w->columns[i].name);
        first = false;
    }
    if (first) return SILT_OK; /* nothing but keys */
    silt_buf_puts(&sql, " FROM " STAGE " s WHERE ");
    silt_sql_put_match(w, pattern, &sql);
    put_newer(w, &sql);
    silt_buf_printf(&sql, " AND s.\"" SILT_SQL_ACT "\" = %d", SILT_SQL_UPDATE);
    SILT_TRY(silt_database_run(w->table->db, &sql, &changed, err));
    *rows += changed;
    return SILT_OK;
}

/* Keys that aren't null by a list of them, which leads to the table's index. */
static silt_status delete_gone(silt_sql_work *w, const char *pattern, int64_t *rows,
                               silt_error *err)
{
    const silt_config_table *table = w->job->table;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) names = {0};
    SILT_CLEAN(silt_buf) nulls = {0};
    int64_t deleted = 0;
    if (!w->deletes) return SILT_OK;
    for (size_t i = 0; i < table->key_count; i++) {
        silt_buf *to = pattern[i] == '1' ? &nulls : &names;
        silt_buf_puts(to, to == &nulls ? " AND " : names.size ? ", " : "");
        silt_sql_put_name(to, table->keys[i]);
        silt_buf_puts(to, to == &nulls ? " IS NULL" : "");
    }
    if (names.failed || nulls.failed) return silt_fail_nomem(err);
    const char *list = names.size ? names.data : "1", *none = nulls.size ? nulls.data : "";
    silt_buf_printf(&sql,
                    "DELETE FROM %s WHERE (%s) IN (SELECT %s FROM " STAGE " WHERE \"" SILT_SQL_ACT
                    "\" = %d%s)%s",
                    w->table->full, list, list, SILT_SQL_DELETE, none, none);
    SILT_TRY(silt_database_run(w->table->db, &sql, &deleted, err));
    *rows += deleted;
    return SILT_OK;
}

static void put_names(const silt_sql_work *w, silt_buf *sql)
{
    for (size_t i = 0; i < w->column_count; i++) {
        silt_buf_puts(sql, i ? ", " : "");
        silt_sql_put_name(sql, w->columns[i].name);
    }
}

static silt_status insert(silt_sql_work *w, int64_t *rows, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "INSERT INTO %s (", w->table->full);
    put_names(w, &sql);
    silt_buf_puts(&sql, ") SELECT ");
    put_names(w, &sql);
    silt_buf_printf(&sql, " FROM " STAGE " WHERE \"" SILT_SQL_ACT "\" = %d", SILT_SQL_INSERT);
    return silt_database_run(w->table->db, &sql, rows, err);
}

/* ---- counts */

static silt_status take_count(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    silt_sql_work *w = ctx;
    int64_t file, action, rows;
    (void)count;
    if (!silt_parse_int64(values[0].data, &file) || !silt_parse_int64(values[1].data, &action) ||
        !silt_parse_int64(values[2].data, &rows) || file < 0 || file >= (int64_t)w->job->file_count)
        return silt_fail(err, SILT_FAILED, "internal error: counts of staged rows");
    silt_source_counts *n = &w->m.w.counts[file];
    *(action == SILT_SQL_INSERT   ? &n->inserted
      : action == SILT_SQL_UPDATE ? &n->updated
      : action == SILT_SQL_DELETE ? &n->deleted
                                  : &n->unchanged) += rows;
    return SILT_OK;
}

static silt_status count(silt_sql_work *w, silt_error *err)
{
    return silt_database_query(w->table->db,
                               "SELECT \"" SILT_SQL_FILE "\", \"" SILT_SQL_ACT
                               "\", count(*) FROM " STAGE " GROUP BY 1, 2",
                               NULL, 0, take_count, w, err);
}

/* What was told is what was done; a key that the table has twice is updated, or deleted, twice. */
static silt_status compare(silt_sql_work *w, int64_t inserted, int64_t updated, int64_t deleted,
                           silt_error *err)
{
    silt_work_sum(&w->m.w);
    const silt_source_counts *n = &w->m.w.facts.total;
    w->m.w.facts.rows_more = -deleted;
    if (n->inserted == inserted && deleted >= n->deleted &&
        (updated >= n->updated || w->column_count == w->job->table->key_count))
        return SILT_OK;
    return silt_fail(err, SILT_FAILED,
                     "conservation: %" PRId64 " rows were to be inserted, %" PRId64
                     " updated and %" PRId64 " deleted, the database inserted %" PRId64
                     ", updated %" PRId64 " and deleted %" PRId64,
                     n->inserted, n->updated, n->deleted, inserted, updated, deleted);
}

silt_status silt_sql_merge(silt_sql_work *w, silt_error *err)
{
    const silt_config_table *table = w->job->table;
    bool only_insert = table->strategy == SILT_STRATEGY_APPEND_ONCE;
    int64_t inserted = 0, updated = 0, deleted = 0;
    SILT_CLEAN(silt_sql_patterns) keys = {.arena = w->arena};
    SILT_TRY(w->table->db->ops->lock_table(w->table->db, w->table->full, err));
    SILT_TRY(silt_sql_find_patterns(w, STAGE, &keys, err));
    SILT_TRY(mark_idle_deletes(w, err));
    for (size_t i = 0; i < keys.found.count; i++) {
        const char *pattern = keys.found.items[i];
        if (only_insert || table->newest_by) SILT_TRY(mark(w, pattern, SILT_SQL_LEAVE, false, err));
        if (!only_insert) SILT_TRY(mark(w, pattern, SILT_SQL_UPDATE, true, err));
        if (w->deletes) SILT_TRY(mark(w, pattern, SILT_SQL_DELETE, false, err));
    }
    SILT_TRY(count(w, err));
    for (size_t i = 0; !only_insert && i < keys.found.count; i++) {
        SILT_TRY(delete_gone(w, keys.found.items[i], &deleted, err));
        SILT_TRY(update(w, keys.found.items[i], &updated, err));
    }
    SILT_TRY(insert(w, &inserted, err));
    return compare(w, inserted, updated, deleted, err);
}
