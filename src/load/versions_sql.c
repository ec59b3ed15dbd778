/* SCD type 2 in a database: the versions that a batch may be about are read out of it, folded with
 * the source by the engine as those of any table are, and what comes of it is written back.
 *
 * Invariants
 *  (1) The table is locked against other writers from before its versions are read until the
 *      transaction's end, so that a row is the one that was read.
 *  (2) Values of rows that stay never leave the database: of these only intervals change, and parts
 *      of them are copied within it.
 *
 * @see engine/duckdb_scd2.h, docs/adr/0011 */
#include "load/runner_sql.h"

#include "base/bitmap.h"
#include "ops/scd2.h"
#include "table/value.h"

#define KEYS  "\"" SILT_SQL_KEYS "\""
#define STAGE "\"" SILT_SQL_STAGE "\""
#define ROW   "\"" SILT_SQL_ROW "\""

typedef struct versions {
    silt_sql_work *w;
    silt_error *err;
    const char *row_id;   /* quoted */
    const char *earliest; /* no source row is true before that, as text */
    silt_join_scd2 scd2;
    silt_join_equal *equals;
    bool *wanted; /* by column of the table: the match looks at it */
    silt_sql_extract found;
    silt_join_match match;
} versions;

/* ---- which keys the source has */

static silt_status make_keys(silt_sql_work *w, silt_error *err)
{
    const silt_config_table *table = w->job->table;
    const silt_type *schema = w->plan->schema;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMPORARY TABLE " KEYS " (");
    for (size_t i = 0; i < table->key_count; i++) {
        const silt_type *type = schema->fields[silt_type_find(schema, table->keys[i])].type;
        silt_buf_puts(&sql, i ? ", " : "");
        silt_sql_put_name(&sql, table->keys[i]);
        silt_buf_printf(&sql, " %s", w->table->db->ops->type_name(type, w->arena));
    }
    silt_buf_putc(&sql, ')');
    return silt_database_run(w->table->db, &sql, NULL, err);
}

static silt_status fill_keys(silt_sql_work *w, silt_error *err)
{
    const silt_config_table *table = w->job->table;
    const silt_type *schema = w->plan->schema;
    size_t count = table->key_count;
    silt_database_column *columns = silt_arena_calloc(w->arena, count, sizeof(*columns));
    silt_join_value *values = silt_arena_calloc(w->arena, count + 1, sizeof(*values));
    if (!columns || !values) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (!silt_streq(w->columns[at].name, table->keys[i]))
            at++;
        columns[i] = (silt_database_column){
            table->keys[i], schema->fields[silt_type_find(schema, table->keys[i])].type};
        values[i] = w->rows.join.columns[at];
    }
    values[count] = w->rows.join.columns[w->column_count]; /* the file */
    silt_rows_spec rows = w->rows;
    rows.join.columns = values;
    rows.join.column_count = count + 1;
    const silt_sql_bringing keys = {
        .table = KEYS, .columns = columns, .count = count, .rows = &rows, .expected = -1};
    SILT_TRY(make_keys(w, err));
    SILT_TRY(silt_sql_bring(w, &keys, err));
    return w->table->db->ops->analyze(w->table->db, KEYS, err);
}

/* For an extract of all there is each current version counts anyway. */
silt_status silt_sql_stage_keys(silt_sql_work *w, silt_error *err)
{
    silt_database *db = w->table->db;
    silt_sql_unstage(w);
    if (w->job->table->scd2->close_missing) return SILT_OK;
    SILT_TRY(db->ops->execute(db, "BEGIN", NULL, 0, NULL, err));
    silt_status st = fill_keys(w, err);
    if (st == SILT_OK) st = db->ops->execute(db, "COMMIT", NULL, 0, NULL, err);
    if (st != SILT_OK) db->ops->rollback(db);
    return st;
}

/* ---- what the match goes by */

static const silt_type *type_of(const versions *x, const char *name)
{
    const silt_type *schema = x->w->table->type;
    return schema->fields[silt_type_find(schema, name)].type;
}

static void note_column(void *ctx, const silt_expr *column)
{
    versions *x = ctx;
    int at = silt_type_find(x->w->table->type, column->path[1]);
    if (at >= 0) x->wanted[at] = true;
}

static void note(versions *x, const silt_expr *expr)
{
    if (expr) silt_expr_columns(expr, note_column, x);
}

/* What is JSON in the database doesn't come back as it went there: it always counts as changed. */
static silt_status without_json(versions *x)
{
    silt_join_scd2 *scd2 = &x->scd2;
    silt_join_equal *others =
        silt_arena_calloc(x->w->arena, scd2->other_count + 1, sizeof(*others));
    const silt_expr *yes = silt_expr_bool(x->w->arena, true);
    const silt_expr *no = silt_expr_bool(x->w->arena, false);
    if (!others || !yes || !no) return silt_fail_nomem(x->err);
    for (size_t i = 0; i < scd2->other_count; i++) {
        others[i] = scd2->others[i];
        if (others[i].target && others[i].source->type->kind >= SILT_TYPE_VARIANT)
            others[i] = (silt_join_equal){.target = no, .source = yes};
    }
    scd2->others = others;
    return SILT_OK;
}

static silt_status note_all(versions *x)
{
    const silt_join_scd2 *scd2 = &x->scd2;
    x->wanted =
        silt_arena_calloc(x->w->arena, x->w->table->type->field_count + 1, sizeof(*x->wanted));
    if (!x->wanted) return silt_fail_nomem(x->err);
    for (size_t i = 0; i < scd2->tracked_count; i++)
        note(x, scd2->tracked[i].target);
    for (size_t i = 0; i < scd2->other_count; i++)
        note(x, scd2->others[i].target);
    for (size_t i = 0; i < x->w->job->table->key_count; i++)
        note(x, x->equals[i].target);
    note(x, scd2->start);
    note(x, scd2->end);
    note(x, scd2->seen);
    return SILT_OK;
}

/* Equal keys, and since when rows of the source are true. */
static silt_status take_ranges(versions *x)
{
    silt_sql_work *w = x->w;
    size_t count = w->job->table->key_count, asked = count + (x->scd2.from ? 1 : 0);
    const silt_expr **values = silt_arena_calloc(w->arena, count + 1, sizeof(*values));
    silt_join_range *ranges = silt_arena_calloc(w->arena, count + 1, sizeof(*ranges));
    char *now = silt_arena_calloc(w->arena, 1, SILT_VALUE_TIME_SIZE);
    x->equals = silt_arena_calloc(w->arena, count + 1, sizeof(*x->equals));
    if (!values || !ranges || !now || !x->equals) return silt_fail_nomem(x->err);
    for (size_t i = 0; i < count; i++) {
        const char *key = w->job->table->keys[i];
        const silt_type *type = type_of(x, key);
        x->equals[i].target = silt_merge_column(w->arena, SILT_JOIN_TARGET, key, type);
        values[i] = x->equals[i].source = silt_merge_column(w->arena, SILT_JOIN_SOURCE, key, type);
        if (!x->equals[i].target || !values[i]) return silt_fail_nomem(x->err);
    }
    values[count] = x->scd2.from;
    SILT_TRY(w->engine->ops->join_ranges(w->m.join, values, asked, w->arena, ranges, x->err));
    for (size_t i = 0; i < count; i++)
        x->equals[i].nulls_too = ranges[i].has_null;
    silt_value_print_time(x->scd2.now_us, true, now);
    x->earliest = x->scd2.from && ranges[count].min ? ranges[count].min : now;
    return SILT_OK;
}

/* ---- versions out of the database */

static silt_status choose_row_id(versions *x)
{
    const silt_type *schema = x->w->plan->schema;
    const char *const *names = x->w->table->db->ops->row_ids;
    for (size_t i = 0; names[i]; i++) {
        bool taken = false;
        for (size_t c = 0; c < schema->field_count; c++)
            taken |= strcasecmp(schema->fields[c].name, names[i]) == 0;
        if (taken) continue;
        x->row_id = silt_arena_printf(x->w->arena, "\"%s\"", names[i]);
        return x->row_id ? SILT_OK : silt_fail_nomem(x->err);
    }
    silt_fail(x->err, SILT_UNSUPPORTED,
              "table %s: columns have all the names by which the database tells its rows apart",
              x->w->job->table->name);
    return silt_hint(x->err, SILT_UNSUPPORTED, "rename one of them in the source: rowid, say");
}

static void put_rows(const versions *x, silt_buf *sql)
{
    const silt_type *schema = x->w->table->type;
    silt_buf_printf(sql, "SELECT t.%s", x->row_id);
    for (size_t i = 0; i < schema->field_count; i++) {
        if (!x->wanted[i]) continue;
        silt_buf_puts(sql, ", t.");
        silt_sql_put_name(sql, schema->fields[i].name);
    }
}

/* Those that are current, or ended when a row of the source was true already. */
static void put_which(const versions *x, silt_buf *sql)
{
    SILT_CLEAN(silt_buf) end = {0};
    silt_sql_put_name(&end, x->w->job->table->scd2->end_date_column);
    if (end.failed)
        sql->failed = true;
    else
        silt_buf_printf(sql, "(t.%s IS NULL OR t.%s >= $1)", end.data, end.data);
}

/* Each pattern of nulls is a part: a row has one of them. The keys come first, and lead SQLite to
 * the table's index, which it takes CROSS JOIN for. */
static silt_status put_keyed(versions *x, silt_buf *sql)
{
    const silt_config_table *table = x->w->job->table;
    SILT_CLEAN(silt_sql_patterns) keys = {.arena = x->w->arena};
    SILT_TRY(silt_sql_find_patterns(x->w, KEYS, &keys, x->err));
    for (size_t p = 0; p < keys.found.count; p++) {
        if (p) silt_buf_puts(sql, " UNION ALL ");
        put_rows(x, sql);
        silt_buf_puts(sql, " FROM (SELECT DISTINCT ");
        for (size_t i = 0; i < table->key_count; i++) {
            silt_buf_puts(sql, i ? ", " : "");
            silt_sql_put_name(sql, table->keys[i]);
        }
        silt_buf_printf(sql, " FROM " KEYS ") s CROSS JOIN %s t WHERE ", x->w->table->full);
        silt_sql_put_match(x->w, keys.found.items[p], sql);
        silt_buf_puts(sql, " AND ");
        put_which(x, sql);
    }
    return SILT_OK;
}

static silt_status read_versions(versions *x)
{
    silt_sql_work *w = x->w;
    const silt_type *schema = w->table->type;
    silt_column *columns = silt_arena_calloc(w->arena, schema->field_count + 1, sizeof(*columns));
    size_t count = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    if (!columns) return silt_fail_nomem(x->err);
    columns[count++] = (silt_column){SILT_SQL_ROW, silt_type_primitive(SILT_TYPE_STRING)};
    for (size_t i = 0; i < schema->field_count; i++)
        if (x->wanted[i])
            columns[count++] = (silt_column){schema->fields[i].name, schema->fields[i].type};
    if (w->job->table->scd2->close_missing) {
        put_rows(x, &sql);
        silt_buf_printf(&sql, " FROM %s t WHERE ", w->table->full);
        put_which(x, &sql);
    } else {
        SILT_TRY(put_keyed(x, &sql));
    }
    bool none = !sql.size; /* no keys: nothing that a row of the source could be about */
    if (none) silt_buf_puts(&sql, "SELECT NULL WHERE 1 = 0");
    if (sql.failed) return silt_fail_nomem(x->err);
    silt_status st =
        silt_sql_extract_make(w->table->db, w->engine, sql.data, &x->earliest, none ? 0 : 1,
                              columns, count, w->arena, &x->found, x->err);
    return st == SILT_OK ? SILT_OK
                         : silt_wrap(x->err, st, "table %s: its versions", w->job->table->name);
}

/* ---- the fold */

static silt_status match(versions *x)
{
    static const silt_join_clause clauses[SILT_SCD2_CLAUSES] = {
        [SILT_SCD2_REPLACE] = {.when = SILT_JOIN_MATCHED},
        [SILT_SCD2_KEEP] = {.when = SILT_JOIN_MATCHED},
        [SILT_SCD2_OPEN] = {.when = SILT_JOIN_NOT_MATCHED},
        [SILT_SCD2_COPY] = {.when = SILT_JOIN_NOT_MATCHED},
        [SILT_SCD2_DROP] = {.when = SILT_JOIN_MATCHED, .deletes = true}};
    silt_sql_work *w = x->w;
    silt_work *s = &w->m.w;
    bool *kept = silt_arena_calloc(w->arena, x->found.scan.column_count, sizeof(*kept));
    if (!kept) return silt_fail_nomem(x->err);
    for (size_t i = 0; i < x->found.scan.column_count; i++)
        kept[i] = true; /* the fold compares versions with each other */
    const silt_join_match_spec spec = {.target = &x->found.scan,
                                       .kept = kept,
                                       .equals = x->equals,
                                       .equal_count = w->job->table->key_count,
                                       .clauses = clauses,
                                       .clause_count = SILT_SCD2_CLAUSES,
                                       .unique = true,
                                       .scd2 = &x->scd2};
    SILT_TRY(w->engine->ops->join_match(w->m.join, &spec, w->arena, &x->match, x->err));
    for (size_t g = 0, i = 0; g < s->group_count; g++)
        for (size_t f = 0; f < s->groups[g].file_count; f++, i++) {
            silt_source_counts *n = &s->counts[s->file_index[i]];
            n->inserted = x->match.inserted[i];
            n->updated = x->match.acting[i];
            n->unchanged = x->match.idle[i];
        }
    silt_work_sum(s);
    s->facts.rows_more = x->match.rows[SILT_SCD2_COPY] - x->match.rows[SILT_SCD2_DROP];
    return silt_scd2_conserve(&w->m, &x->match);
}

/* ---- what comes of it, into a temporary table */

static silt_status make_stage(const versions *x)
{
    const silt_database_ops *dialect = x->w->table->db->ops;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMPORARY TABLE " STAGE " (");
    silt_sql_put_columns(dialect, x->w->plan->schema, true, x->w->arena, &sql);
    silt_buf_printf(&sql, ", \"" SILT_SQL_ACT "\" %s NOT NULL, " ROW " %s)", dialect->number_type,
                    dialect->row_id_type);
    return silt_database_run(x->w->table->db, &sql, NULL, x->err);
}

/* A column's values by clause: the source's, or none where the row keeps its own. */
static silt_status values_of(const versions *x, const char *name, const silt_type *type,
                             const silt_expr *const made[SILT_SCD2_COLUMNS], silt_join_value *out)
{
    silt_sql_work *w = x->w;
    silt_field fields[SILT_SCD2_COLUMNS];
    const silt_expr **values = silt_arena_calloc(w->arena, SILT_SCD2_CLAUSES, sizeof(*values));
    const silt_expr *given = silt_merge_column(w->arena, SILT_JOIN_SOURCE, name, type);
    const silt_expr *none = silt_expr_null(w->arena, type);
    if (!values || !given || !none) return silt_fail_nomem(x->err);
    silt_scd2_fields(w->job->table->scd2, fields);
    for (size_t i = 0; i < SILT_SCD2_COLUMNS; i++)
        if (silt_streq(fields[i].name, name)) given = none = made[i];
    values[SILT_SCD2_REPLACE] = values[SILT_SCD2_OPEN] = given;
    values[SILT_SCD2_KEEP] = values[SILT_SCD2_COPY] = none;
    *out = (silt_join_value){name, type, values};
    return SILT_OK;
}

/* What a row is for: the clause's number, and which row of the table. */
static silt_status act_values(const versions *x, silt_join_value out[2])
{
    static const char *const numbers[SILT_SCD2_CLAUSES] = {"0", "1", "2", "3", "4"};
    silt_arena *arena = x->w->arena;
    const silt_type *number = silt_type_primitive(SILT_TYPE_LONG);
    const silt_type *text = silt_type_primitive(SILT_TYPE_STRING);
    const silt_expr **acts = silt_arena_calloc(arena, SILT_SCD2_CLAUSES, sizeof(*acts));
    const silt_expr **rows = silt_arena_calloc(arena, SILT_SCD2_CLAUSES, sizeof(*rows));
    if (!acts || !rows) return silt_fail_nomem(x->err);
    for (size_t c = 0; c < SILT_SCD2_CLAUSES; c++) {
        if (c == SILT_SCD2_DROP) continue;
        acts[c] = silt_expr_literal(arena, number, numbers[c]);
        rows[c] = silt_merge_column(arena, SILT_JOIN_TARGET, SILT_SQL_ROW, text);
        if (!acts[c] || !rows[c]) return silt_fail_nomem(x->err);
    }
    out[0] = (silt_join_value){SILT_SQL_ACT, number, acts};
    out[1] = (silt_join_value){SILT_SQL_ROW, text, rows};
    return SILT_OK;
}

static silt_status stage_rows(versions *x)
{
    silt_sql_work *w = x->w;
    const silt_expr *made[SILT_SCD2_COLUMNS];
    const silt_type *text = silt_type_primitive(SILT_TYPE_STRING);
    size_t count = w->column_count + 2;
    silt_database_column *columns = silt_arena_calloc(w->arena, count, sizeof(*columns));
    silt_join_value *values = silt_arena_calloc(w->arena, count + 1, sizeof(*values));
    if (!columns || !values) return silt_fail_nomem(x->err);
    SILT_TRY(silt_scd2_exprs(w->arena, made, x->err));
    for (size_t i = 0; i < w->column_count; i++) {
        columns[i] = w->columns[i];
        SILT_TRY(values_of(x, columns[i].name, columns[i].type, made, &values[i]));
    }
    SILT_TRY(act_values(x, &values[w->column_count]));
    SILT_TRY(values_of(x, SILT_SQL_FILE, text, made, &values[count]));
    for (size_t i = w->column_count; i < count; i++)
        columns[i] = (silt_database_column){values[i].name, values[i].type};
    const silt_rows_spec rows = {.kind = SILT_ROWS_JOIN,
                                 .join = {.join = w->m.join,
                                          .updated = true,
                                          .inserted = true,
                                          .columns = values,
                                          .column_count = count + 1}};
    int64_t expected = 0;
    for (int c = 0; c < SILT_SCD2_CLAUSES; c++)
        if (c != SILT_SCD2_DROP) expected += x->match.rows[c];
    const silt_sql_bringing staged = {
        .table = STAGE, .columns = columns, .count = count, .rows = &rows, .expected = expected};
    return silt_sql_bring(w, &staged, x->err);
}

/* ---- versions that go */

static silt_status on_places(void *ctx, size_t file, const uint64_t *rows, size_t count,
                             silt_error *err)
{
    (void)file;
    return silt_bitmap_add(ctx, rows, count) ? SILT_OK : silt_fail_nomem(err);
}

typedef struct dropping {
    silt_database *db;
    silt_status st;
    silt_error *err;
} dropping;

static bool drop_row(void *ctx, const silt_bytes *values, size_t count)
{
    dropping *d = ctx;
    const silt_bytes row[] = {SILT_STR("4"), values[0]};
    (void)count;
    d->st = d->db->ops->bulk_row(d->db, row, d->err);
    return d->st == SILT_OK;
}

static silt_status stage_places(versions *x, const silt_bitmap *gone)
{
    silt_sql_work *w = x->w;
    silt_database *db = w->table->db;
    static const silt_type number = {.kind = SILT_TYPE_LONG}, text = {.kind = SILT_TYPE_STRING};
    static const silt_database_column columns[] = {{SILT_SQL_ACT, &number}, {SILT_SQL_ROW, &text}};
    silt_scan_file file = x->found.file;
    silt_rows_spec rows = {.kind = SILT_ROWS_SCAN, .scan = x->found.scan};
    dropping d = {.db = db, .err = x->err};
    int64_t brought = 0;
    file.rows = gone;
    file.rows_only = true;
    rows.scan.files = &file;
    rows.scan.column_count = 1;
    SILT_TRY(db->ops->bulk_begin(db, STAGE, columns, SILT_COUNT(columns), x->err));
    silt_status st = w->engine->ops->scan_rows(w->engine, &rows, drop_row, &d, x->err);
    if (st == SILT_OK) st = d.st;
    silt_error second = {0};
    silt_status end =
        db->ops->bulk_end(db, st == SILT_OK, &brought, st == SILT_OK ? x->err : &second);
    return st == SILT_OK ? end : st;
}

static silt_status stage_dropped(versions *x)
{
    silt_sql_work *w = x->w;
    if (!x->match.rows[SILT_SCD2_DROP]) return SILT_OK;
    SILT_AUTO(silt_bitmap) gone = silt_bitmap_new();
    if (!gone) return silt_fail_nomem(x->err);
    SILT_TRY(w->engine->ops->join_places(w->m.join, true, on_places, gone, x->err));
    return stage_places(x, gone);
}

/* ---- back into the table */

static silt_status run(const versions *x, const silt_buf *sql, silt_scd2_clause clause)
{
    int64_t changed = 0;
    SILT_TRY(silt_database_run(x->w->table->db, sql, &changed, x->err));
    if (changed == x->match.rows[clause]) return SILT_OK;
    static const char *const names[SILT_SCD2_CLAUSES] = {"replaced", "given other times", "opened",
                                                         "copied", "removed"};
    return silt_fail(x->err, SILT_FAILED,
                     "conservation: %" PRId64 " versions were to be %s, the database had %" PRId64,
                     x->match.rows[clause], names[clause], changed);
}

static bool is_version_column(const versions *x, const char *name)
{
    return silt_scd2_is_column(x->w->job->table->scd2, name);
}

/* Append the table's columns as "name, …". */
static void put_names(const versions *x, silt_buf *sql)
{
    for (size_t i = 0; i < x->w->column_count; i++) {
        silt_buf_puts(sql, i ? ", " : "");
        silt_sql_put_name(sql, x->w->columns[i].name);
    }
}

/* Before any version changes: the parts have the values that were read. */
static silt_status copy(const versions *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "INSERT INTO %s (", x->w->table->full);
    put_names(x, &sql);
    silt_buf_puts(&sql, ") SELECT ");
    for (size_t i = 0; i < x->w->column_count; i++) {
        const char *name = x->w->columns[i].name;
        silt_buf_printf(&sql, i ? ", %s" : "%s", is_version_column(x, name) ? "s." : "t.");
        silt_sql_put_name(&sql, name);
    }
    silt_buf_printf(&sql,
                    " FROM " STAGE " s CROSS JOIN %s t WHERE t.%s = s." ROW " AND s.\"" SILT_SQL_ACT
                    "\" = %d",
                    x->w->table->full, x->row_id, SILT_SCD2_COPY);
    return run(x, &sql, SILT_SCD2_COPY);
}

static silt_status drop(const versions *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql,
                    "DELETE FROM %s WHERE %s IN (SELECT " ROW " FROM " STAGE
                    " WHERE \"" SILT_SQL_ACT "\" = %d)",
                    x->w->table->full, x->row_id, SILT_SCD2_DROP);
    return run(x, &sql, SILT_SCD2_DROP);
}

static silt_status update(const versions *x, silt_scd2_clause clause)
{
    SILT_CLEAN(silt_buf) sql = {0};
    const char *comma = "";
    silt_buf_printf(&sql, "UPDATE %s AS t SET ", x->w->table->full);
    for (size_t i = 0; i < x->w->column_count; i++) {
        const char *name = x->w->columns[i].name;
        if (clause == SILT_SCD2_KEEP && !is_version_column(x, name)) continue;
        silt_buf_puts(&sql, comma);
        silt_sql_put_name(&sql, name);
        silt_buf_puts(&sql, " = s.");
        silt_sql_put_name(&sql, name);
        comma = ", ";
    }
    silt_buf_printf(&sql,
                    " FROM " STAGE " s WHERE t.%s = s." ROW " AND s.\"" SILT_SQL_ACT "\" = %d",
                    x->row_id, clause);
    return run(x, &sql, clause);
}

static silt_status open_new(const versions *x)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "INSERT INTO %s (", x->w->table->full);
    put_names(x, &sql);
    silt_buf_puts(&sql, ") SELECT ");
    put_names(x, &sql);
    silt_buf_printf(&sql, " FROM " STAGE " WHERE \"" SILT_SQL_ACT "\" = %d", SILT_SCD2_OPEN);
    return run(x, &sql, SILT_SCD2_OPEN);
}

static silt_status write_back(const versions *x)
{
    SILT_TRY(x->w->table->db->ops->analyze(x->w->table->db, STAGE, x->err));
    SILT_TRY(copy(x));
    SILT_TRY(drop(x));
    SILT_TRY(update(x, SILT_SCD2_KEEP));
    SILT_TRY(update(x, SILT_SCD2_REPLACE));
    return open_new(x);
}

/* ---- the call */

static silt_status in_transaction(versions *x)
{
    silt_sql_work *w = x->w;
    SILT_TRY(w->table->db->ops->lock_table(w->table->db, w->table->full, x->err));
    SILT_TRY(silt_scd2_refuse_nothing(&w->m));
    SILT_TRY(choose_row_id(x));
    SILT_TRY(silt_scd2_match_with(&w->m, w->table->type, w->arena, &x->scd2));
    SILT_TRY(without_json(x));
    SILT_TRY(take_ranges(x));
    SILT_TRY(note_all(x));
    SILT_TRY(read_versions(x));
    SILT_TRY(match(x));
    SILT_TRY(make_stage(x));
    SILT_TRY(stage_rows(x));
    SILT_TRY(stage_dropped(x));
    return write_back(x);
}

silt_status silt_sql_versions(silt_sql_work *w, silt_error *err)
{
    versions x = {.w = w, .err = err};
    w->m.err = w->m.w.err = err;
    silt_status st = in_transaction(&x);
    silt_sql_extract_release(&x.found);
    return st;
}

/* ---- whether versions are whole */

static silt_status check_versions(silt_target *target, silt_arena *arena, silt_sql_extract *found,
                                  silt_scd2_report *out, silt_error *err)
{
    const silt_sql_table *t = target->sql;
    const silt_config_table *table = target->table;
    silt_engine *engine = t->load->engine;
    size_t count = 0;
    const char **keys = silt_arena_calloc(arena, table->key_count + 1, sizeof(*keys));
    silt_column *columns =
        silt_arena_calloc(arena, table->key_count + SILT_SCD2_COLUMNS, sizeof(*columns));
    silt_field fields[SILT_SCD2_COLUMNS];
    SILT_CLEAN(silt_buf) sql = {0};
    if (!keys || !columns) return silt_fail_nomem(err);
    SILT_TRY(silt_scd2_check_table(table->scd2, t->type, err));
    silt_scd2_fields(table->scd2, fields);
    for (size_t i = 0; i < table->key_count + SILT_SCD2_COLUMNS; i++) {
        const char *name =
            i < table->key_count ? keys[i] = table->keys[i] : fields[i - table->key_count].name;
        int at = silt_type_find(t->type, name);
        if (at < 0) return silt_fail(err, SILT_INVALID, "the table has no column %s", name);
        columns[count++] = (silt_column){name, t->type->fields[at].type};
        silt_buf_puts(&sql, i ? ", " : "SELECT ");
        silt_sql_put_name(&sql, name);
    }
    silt_buf_printf(&sql, " FROM %s", t->full);
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(
        silt_sql_extract_make(t->db, engine, sql.data, NULL, 0, columns, count, arena, found, err));
    const silt_rows_spec rows = {.kind = SILT_ROWS_SCAN, .scan = found->scan};
    const silt_scd2_options scd2 = silt_target_versions(table);
    return silt_scd2_check_rows(engine, &rows, keys, &scd2, arena, out, err);
}

silt_status silt_sql_check_versions(silt_load *load, silt_target *target, silt_arena *arena,
                                    silt_scd2_report *out, silt_error *err)
{
    silt_sql_extract found = {0};
    (void)load;
    silt_status st = check_versions(target, arena, &found, out, err);
    silt_sql_extract_release(&found);
    return st == SILT_OK ? SILT_OK : silt_wrap(err, st, "table %s", target->table->name);
}
