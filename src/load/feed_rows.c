/* The rows of a source table's version, as a Parquet file.
 *
 * With keys the changes of a version are put together first: of a key there is what it has become,
 * or that it has gone. */
#include "load/feed.h"

#include "log/property.h"
#include "ops/source.h"
#include "table/changes.h"
#include "table/expr.h"
#include "table/snapshot.h"

#define NEW_ROWS "_change_type IN ('insert', 'update_postimage')"
#define OLD_ROWS "_change_type IN ('delete', 'update_preimage')"

typedef struct making {
    silt_load *load;
    const silt_config_table *table;
    const char *name; /* of the version */
    silt_feed_kind kind;
    int64_t version;
    silt_arena *arena;
    int64_t made_ms;
    bool columns_only;
    silt_store *store;       /* the reader's, as the next */
    silt_snapshot *snapshot; /* at the version */
    silt_scan *scan;
    bool only_inserts; /* all that it changed */
    silt_buf columns;
    silt_buf gone; /* the columns of a row that deletes: its key, and nulls */
    silt_error *err;
} making;

static void making_release(making *m)
{
    silt_scan_free(m->scan);
    silt_buf_release(&m->columns);
    silt_buf_release(&m->gone);
    silt_arena_free(m->arena);
}

/* ---- queries --------------------------------------------------------------------------------- */

static silt_status give_rows(void *ctx, const silt_relation_request *request,
                             const silt_rows_spec **out, silt_error *err)
{
    making *m = ctx;
    if (!request->is_name || !silt_streq(request->table, "feed"))
        return silt_fail(err, SILT_NOT_FOUND, "there is no %s", request->table);
    *out = &m->scan->rows;
    return SILT_OK;
}

static silt_rows_spec query_of(making *m, const silt_buf *sql)
{
    return (silt_rows_spec){.kind = SILT_ROWS_QUERY,
                            .query = {.sql = sql->data, .relation = give_rows, .ctx = m}};
}

/* The engine's failure, or that a file of the source has gone. */
static silt_status blame(making *m, silt_status st)
{
    if (st != SILT_OK && m->scan->blame) st = m->scan->blame(m->scan->ctx, st, m->err);
    return st == SILT_OK ? st : silt_wrap(m->err, st, "%s", m->name);
}

static bool take_number(void *ctx, const silt_bytes *values, size_t count)
{
    (void)count;
    char text[24] = "";
    if (values[0].data && values[0].size < sizeof(text))
        memcpy(text, values[0].data, values[0].size);
    return silt_parse_int64(text, ctx);
}

static silt_status count(making *m, const silt_buf *sql, int64_t *out)
{
    *out = 0;
    if (sql->failed) return silt_fail_nomem(m->err);
    const silt_rows_spec rows = query_of(m, sql);
    silt_engine *engine = m->load->engine;
    return blame(m, engine->ops->scan_rows(engine, &rows, take_number, out, m->err));
}

/* ---- SQL ------------------------------------------------------------------------------------- */

static void put_name(silt_buf *sql, const char *before, const char *name)
{
    silt_buf_puts(sql, before);
    silt_expr_quote(name, '"', sql);
}

static void put_keys(const making *m, silt_buf *sql, const char *before)
{
    for (size_t i = 0; i < m->table->key_count; i++) {
        silt_buf_puts(sql, i ? ", " : "");
        put_name(sql, before, m->table->keys[i]);
    }
}

/* Rows of keys that a version took away: deleted, or updated into other keys. */
static void put_gone(const making *m, silt_buf *sql)
{
    silt_buf_puts(sql, "FROM feed f ANTI JOIN (SELECT DISTINCT ");
    put_keys(m, sql, "");
    silt_buf_puts(sql, " FROM feed WHERE " NEW_ROWS ") n ON ");
    for (size_t i = 0; i < m->table->key_count; i++) {
        put_name(sql, i ? " AND f." : "f.", m->table->keys[i]);
        put_name(sql, " IS NOT DISTINCT FROM n.", m->table->keys[i]);
    }
    silt_buf_puts(sql, " WHERE f." OLD_ROWS);
}

static bool is_key(const making *m, const char *name)
{
    for (size_t i = 0; i < m->table->key_count; i++)
        if (silt_streq(m->table->keys[i], name)) return true;
    return false;
}

/* Versions are made into Parquet files, in which a variant within others would be text. */
static bool hides_variant(const silt_type *type, bool within)
{
    if (!type) return false;
    if (type->kind == SILT_TYPE_VARIANT) return within;
    for (size_t i = 0; i < type->field_count; i++)
        if (hides_variant(type->fields[i].type, true)) return true;
    return hides_variant(type->key, true) || hides_variant(type->element, true);
}

static silt_status fail_variant(const making *m, const char *name)
{
    silt_fail(
        m->err, SILT_UNSUPPORTED,
        "%s: column %s: a variant within a struct, an array or a map isn't followed: it would "
        "become text",
        m->name, name);
    return silt_hint(m->err, SILT_UNSUPPORTED,
                     "variants that are columns of their own are followed; 'silt changes' reads "
                     "the others");
}

/* The source's columns, less those that the target's own lineage takes the place of. */
static silt_status find_columns(making *m)
{
    const silt_type *schema = silt_snapshot_schema(m->snapshot);
    size_t count = 0;
    for (size_t i = 0; i < m->table->key_count; i++) {
        if (silt_type_find(schema, m->table->keys[i]) >= 0) continue;
        silt_fail(m->err, SILT_BAD_DATA, "%s: primary_keys: it has no column %s", m->name,
                  m->table->keys[i]);
        return silt_hint(m->err, SILT_BAD_DATA, "column names are matched exactly");
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        if (m->table->audit_columns && silt_is_audit_column(name)) continue;
        if (schema->fields[i].type->kind == SILT_TYPE_VOID) continue;
        if (hides_variant(schema->fields[i].type, false)) return fail_variant(m, name);
        put_name(&m->columns, count ? ", " : "", name);
        put_name(&m->gone,
                 is_key(m, name) ? (count ? ", " : "")
                 : count         ? ", NULL AS "
                                 : "NULL AS ",
                 name);
        count++;
    }
    if (!count) return silt_fail(m->err, SILT_BAD_DATA, "%s: it has no columns", m->name);
    return m->columns.failed || m->gone.failed ? silt_fail_nomem(m->err) : SILT_OK;
}

/* What is asked for of the feed's own columns. */
static void put_extras(const making *m, silt_buf *sql)
{
    const silt_names *wanted = &m->table->feed->change_columns;
    char made[SILT_TIME_SIZE];
    silt_time_format(silt_snapshot_timestamp_ms(m->snapshot) * 1000, made);
    for (size_t i = 0; i < wanted->count; i++) {
        const char *name = wanted->items[i];
        bool told = m->kind == SILT_FEED_CHANGES;
        silt_buf_puts(sql, ", ");
        if (told)
            silt_buf_puts(sql, name);
        else if (silt_streq(name, SILT_CHANGE_TYPE))
            silt_buf_puts(sql, "'insert' AS " SILT_CHANGE_TYPE);
        else if (silt_streq(name, SILT_CHANGE_VERSION))
            silt_buf_printf(sql, "%" PRId64 "::BIGINT AS " SILT_CHANGE_VERSION, m->version);
        else
            silt_buf_printf(sql, "TIMESTAMPTZ '%s' AS " SILT_CHANGE_TIMESTAMP, made);
    }
}

static void put_select(const making *m, silt_buf *sql, bool deletes)
{
    silt_buf_printf(sql, "SELECT %s", deletes ? m->gone.data : m->columns.data);
    put_extras(m, sql);
    if (silt_feed_deletes(m->table))
        silt_buf_printf(sql, ", %s AS " SILT_FEED_DELETES, deletes ? "true" : "false");
    silt_buf_putc(sql, ' ');
}

static void put_rows(const making *m, silt_buf *sql)
{
    put_select(m, sql, false);
    silt_buf_puts(sql, "FROM feed");
    if (m->kind == SILT_FEED_START) silt_buf_puts(sql, " WHERE false");
    if (m->kind != SILT_FEED_CHANGES || m->only_inserts) return;
    bool keyed =
        m->table->strategy == SILT_STRATEGY_UPSERT || m->table->strategy == SILT_STRATEGY_SCD2;
    silt_buf_puts(sql, keyed ? " WHERE " NEW_ROWS : " WHERE _change_type = 'insert'");
    if (!silt_feed_deletes(m->table)) return;
    silt_buf_puts(sql, " UNION ALL ");
    put_select(m, sql, true);
    put_gone(m, sql);
    silt_buf_puts(sql, " QUALIFY row_number() OVER (PARTITION BY "); /* a key goes once */
    put_keys(m, sql, "f.");
    silt_buf_puts(sql, ") = 1");
}

/* ---- what a version changed ------------------------------------------------------------------ */

static silt_status fail_gone(making *m)
{
    silt_fail(m->err, SILT_NOT_FOUND,
              "%s: version %" PRId64 " has been cleaned from the table's log before it was loaded: "
              "rows that it changed are missing",
              m->name, m->version);
    return silt_hint(m->err, SILT_NOT_FOUND,
                     "load the table anew by 'silt reset-state --table %s --forget' (with "
                     "--delete-rows for append); let its log live longer "
                     "(delta.logRetentionDuration) or load more often",
                     m->table->name);
}

static silt_status fail_unfed(making *m)
{
    silt_fail(m->err, SILT_UNSUPPORTED,
              "%s: version %" PRId64 " deletes or updates rows, and the change data feed was off: "
              "nothing tells which",
              m->name, m->version);
    return silt_hint(m->err, SILT_UNSUPPORTED,
                     "turn it on: silt alter %s --set-property delta.enableChangeDataFeed=true; "
                     "then load the table anew by 'silt reset-state --table %s --forget' (with "
                     "--delete-rows for append)",
                     m->table->feed->path, m->table->name);
}

/* What the commit did, and whether that can be told. */
static silt_status look(making *m, bool *unfed)
{
    const silt_action *actions;
    const silt_change *changes;
    size_t action_count, change_count;
    m->only_inserts = true;
    silt_status st =
        silt_log_commit_read(m->store, m->version, m->arena, &actions, &action_count, m->err);
    if (st == SILT_NOT_FOUND) return fail_gone(m);
    if (st != SILT_OK) return silt_wrap(m->err, st, "%s", m->name);
    SILT_TRY(silt_changes_of_commit(actions, action_count, true, m->arena, &changes, &change_count,
                                    m->err));
    for (size_t i = 0; i < change_count; i++)
        m->only_inserts &= changes[i].kind == SILT_CHANGE_INSERT;
    const silt_metadata *metadata = &silt_snapshot_state(m->snapshot)->metadata;
    *unfed = !silt_property_true(metadata, "delta.enableChangeDataFeed");
    return *unfed && !m->only_inserts ? fail_unfed(m) : SILT_OK;
}

void silt_feed_reader_release(silt_feed_reader *r)
{
    silt_snapshot_free(r->at);
    silt_store_free(r->store);
}

/* On to a later version, by the commits between. NOT_FOUND: one of them has gone. */
static silt_status advance(making *m, silt_feed_reader *r)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(m->err);
    while (silt_snapshot_version(r->at) < m->version) {
        const silt_action *actions;
        size_t count;
        silt_snapshot *next;
        silt_arena_reset(scratch);
        SILT_TRY(silt_log_commit_read(r->store, silt_snapshot_version(r->at) + 1, scratch, &actions,
                                      &count, m->err));
        SILT_TRY(silt_snapshot_committed(r->at, actions, count, 0, 0, &next, m->err));
        silt_snapshot_free(r->at);
        r->at = next;
    }
    return SILT_OK;
}

static silt_status open_version(making *m, silt_feed_reader *r)
{
    silt_snapshot_options at = SILT_SNAPSHOT_OPTIONS_INIT;
    silt_status st = SILT_NOT_FOUND;
    at.version = m->version;
    if (!r->store) SILT_TRY(silt_load_open_store(m->load, m->table->feed->path, &r->store, m->err));
    if (r->at && m->kind == SILT_FEED_CHANGES && silt_snapshot_version(r->at) <= m->version)
        st = advance(m, r);
    if (st == SILT_NOT_FOUND) {
        silt_snapshot_free(r->at);
        r->at = NULL;
        st = silt_snapshot_open(r->store, m->load->engine, &at, &r->at, m->err);
    }
    m->store = r->store;
    m->snapshot = r->at;
    if (st == SILT_NOT_FOUND) return fail_gone(m);
    return st == SILT_OK ? st : silt_wrap(m->err, st, "%s", m->name);
}

/* A version that was known by its rows alone bears no time. */
static silt_status find_time(making *m)
{
    const int64_t *ms;
    if (m->made_ms > 0 || m->columns_only) return SILT_OK;
    SILT_TRY(silt_table_commit_times(m->store, m->load->engine, m->version, m->version, m->arena,
                                     &ms, m->err));
    m->made_ms = ms[0];
    return SILT_OK;
}

static silt_status open_rows(making *m, silt_feed_reader *r)
{
    bool unfed;
    silt_status st;
    SILT_TRY(open_version(m, r));
    if (m->kind == SILT_FEED_CHANGES) {
        SILT_TRY(look(m, &unfed));
        SILT_TRY(find_time(m));
        st = silt_changes_open_version(m->snapshot, m->made_ms, unfed, &m->scan, m->err);
    } else {
        st = silt_scan_open(m->snapshot, NULL, &m->scan, m->err);
    }
    if (st == SILT_OK) return SILT_OK;
    (void)silt_wrap(m->err, st, "%s", m->name);
    if (st != SILT_NOT_FOUND) return st;
    return silt_hint(m->err, st,
                     "its files were vacuumed before they were loaded: load the table anew by "
                     "'silt reset-state --table %s --forget' (with --delete-rows for append), and "
                     "vacuum later",
                     m->table->name);
}

/* ---- what the strategy takes ----------------------------------------------------------------- */

/* append, append_once: rows come, and none goes. */
static silt_status check_inserts(making *m)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t rows;
    if (m->only_inserts || m->table->feed->on_change != SILT_SOURCE_CHANGE_FAIL) return SILT_OK;
    silt_buf_puts(&sql, "SELECT count(*) FROM feed WHERE " OLD_ROWS);
    SILT_TRY(count(m, &sql, &rows));
    if (!rows) return SILT_OK;
    silt_fail(m->err, SILT_BAD_DATA,
              "%s: version %" PRId64 " updates or deletes %" PRId64 " rows, and %s only adds rows",
              m->name, m->version, rows, silt_strategy_name(m->table->strategy));
    return silt_hint(m->err, SILT_BAD_DATA,
                     "source.on_source_change: ignore passes over what is updated or deleted and "
                     "takes what is inserted; loading_strategy: upsert follows all of it");
}

static silt_status check_deletes(making *m)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t rows;
    if (m->kind != SILT_FEED_CHANGES || m->only_inserts ||
        m->table->feed->on_change != SILT_SOURCE_CHANGE_FAIL)
        return SILT_OK;
    silt_buf_puts(&sql, "SELECT count(*) ");
    put_gone(m, &sql);
    SILT_TRY(count(m, &sql, &rows));
    if (!rows) return SILT_OK;
    silt_fail(m->err, SILT_BAD_DATA, "%s: version %" PRId64 " deletes %" PRId64 " rows", m->name,
              m->version, rows);
    return silt_hint(m->err, SILT_BAD_DATA,
                     "source.on_source_change: ignore keeps them in the target, apply %s",
                     !m->table->scd2 ? "deletes them there, too"
                     : silt_feed_can_delete(m->table)
                         ? "ends their versions"
                         : "ends their versions if scd2_effective_from is _commit_timestamp");
}

/* Which of two rows of a key counts isn't said by their order in a version. */
static silt_status check_twice(making *m)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t keys;
    if (m->table->strategy != SILT_STRATEGY_UPSERT || m->table->newest_by ||
        m->kind == SILT_FEED_START)
        return SILT_OK;
    silt_buf_puts(&sql, "SELECT count(*) FROM (SELECT 1 FROM feed");
    if (m->kind == SILT_FEED_CHANGES) silt_buf_puts(&sql, " WHERE " NEW_ROWS);
    silt_buf_puts(&sql, " GROUP BY ");
    put_keys(m, &sql, "");
    silt_buf_puts(&sql, " HAVING count(*) > 1)");
    SILT_TRY(count(m, &sql, &keys));
    if (!keys) return SILT_OK;
    silt_fail(m->err, SILT_BAD_DATA, "%s: %" PRId64 " keys stand in more than one row of it",
              m->name, keys);
    return silt_hint(m->err, SILT_BAD_DATA,
                     "primary_keys have to tell the source's rows apart; or say by "
                     "write.dedup_strategy: newest_wins which one counts");
}

static silt_status check(making *m)
{
    switch (m->table->strategy) {
    case SILT_STRATEGY_OVERWRITE:
        return SILT_OK;
    case SILT_STRATEGY_UPSERT:
    case SILT_STRATEGY_SCD2:
        SILT_TRY(check_deletes(m));
        return check_twice(m);
    default:
        return check_inserts(m);
    }
}

/* ---- */

static silt_status write_rows(making *m, const char *path)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_engine *engine = m->load->engine;
    if (m->columns_only) silt_buf_puts(&sql, "SELECT * FROM (");
    put_rows(m, &sql);
    if (m->columns_only) silt_buf_puts(&sql, ") LIMIT 0");
    if (sql.failed) return silt_fail_nomem(m->err);
    const silt_rows_spec rows = query_of(m, &sql);
    return blame(
        m, engine->ops->scan_write(engine, &rows, SILT_OUTPUT_PARQUET, NULL, path, NULL, m->err));
}

silt_status silt_feed_make(silt_feed_reader *reader, const char *name, int64_t made_ms,
                           bool columns_only, const char *path, char hash[SILT_HASH_SIZE],
                           silt_error *err)
{
    size_t path_size;
    silt_error local = {0};
    const silt_config_table *table = reader->table;
    SILT_CLEAN(making)
    m = {.load = reader->load,
         .table = table,
         .name = name,
         .made_ms = made_ms,
         .columns_only = columns_only,
         .arena = silt_arena_new(),
         .err = err ? err : &local};
    if (!m.arena) return silt_fail_nomem(err);
    if (!silt_feed_parse(name, &m.kind, &m.version, &path_size))
        return silt_fail(err, SILT_INVALID, "%s isn't the name of a table's version", name);
    SILT_TRY(open_rows(&m, reader));
    SILT_TRY(find_columns(&m));
    if (m.kind == SILT_FEED_CHANGES || table->strategy == SILT_STRATEGY_UPSERT)
        SILT_TRY(columns_only ? SILT_OK : check(&m));
    SILT_TRY(write_rows(&m, path));
    if (!hash) return SILT_OK;
    return silt_feed_hash(m.store, silt_snapshot_table_id(m.snapshot), m.version, hash, m.err);
}
