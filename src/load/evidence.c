/* What a Delta table's rows say of what was loaded, by _source_file and _batch_id. */
#include "load/evidence.h"

#include "table/expr.h"

/* The rows are read as any reader sees them: without those that deletion vectors mark, under the
 * names that the table gives its columns. */
typedef struct tally {
    silt_rows_spec rows; /* the table's */
    SILT_VEC(silt_evidence) found;
    silt_arena *arena;
    silt_status status; /* of what the rows were made into */
} tally;

static void tally_release(tally *t)
{
    silt_vec_free(&t->found);
}

static silt_status give_rows(void *ctx, const silt_relation_request *request,
                             const silt_rows_spec **out, silt_error *err)
{
    tally *t = ctx;
    if (!request->is_name || !silt_streq(request->table, "loaded"))
        return silt_fail(err, SILT_NOT_FOUND, "there is no %s", request->table);
    *out = &t->rows;
    return SILT_OK;
}

static bool number_of(silt_bytes value, int64_t *out)
{
    char text[24];
    if (!value.data || value.size >= sizeof(text)) return false;
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return silt_parse_int64(text, out);
}

static bool take_row(void *ctx, const silt_bytes *values, size_t count)
{
    tally *t = ctx;
    silt_evidence item = {0};
    (void)count;
    if (!number_of(values[1], &item.batch_id) || !number_of(values[2], &item.row_count))
        return true;
    item.path = silt_arena_strndup(t->arena, values[0].data, values[0].size);
    if (!item.path || !silt_vec_push(&t->found, item)) t->status = SILT_NOMEM;
    return t->status == SILT_OK;
}

/* The place of a column that says so; -1: there is none. */
static int find(const silt_target *target, const char *name)
{
    return silt_type_find(silt_snapshot_schema(target->snapshot), name);
}

bool silt_evidence_there(const silt_target *target)
{
    return find(target, SILT_COLUMN_SOURCE_FILE) >= 0 && find(target, SILT_COLUMN_BATCH_ID) >= 0;
}

#define GROUPS_MAX 64 /* of a condition: it nests that deep */

static int by_batch(const void *a, const void *b)
{
    const int64_t x = ((const silt_evidence *)a)->batch_id,
                  y = ((const silt_evidence *)b)->batch_id;
    return x < y ? -1 : x > y;
}

typedef struct condition {
    silt_evidence *items; /* by batch */
    size_t count;
    const char *quote; /* _batch_id may be a STRING */
    silt_buf text;
} condition;

/* "the file is one of these" */
static void put_files(condition *c, size_t from, size_t to)
{
    silt_buf_puts(&c->text, SILT_COLUMN_SOURCE_FILE " IN (");
    for (size_t i = from; i < to; i++) {
        if (i > from) silt_buf_puts(&c->text, ", ");
        silt_expr_quote(c->items[i].path, '\'', &c->text);
    }
    silt_buf_puts(&c->text, ")");
}

static size_t group_end(const condition *c, size_t from)
{
    size_t to = from + 1;
    while (to < c->count && c->items[to].batch_id == c->items[from].batch_id)
        to++;
    return to;
}

/* Batch by batch, just these. */
static void put_groups(condition *c)
{
    for (size_t from = 0, to; from < c->count; from = to) {
        to = group_end(c, from);
        silt_buf_printf(&c->text, "%s(" SILT_COLUMN_BATCH_ID " = %s%" PRId64 "%s AND ",
                        from ? " OR " : "", c->quote, c->items[from].batch_id, c->quote);
        put_files(c, from, to);
        silt_buf_puts(&c->text, ")");
    }
}

static void put_lists(condition *c)
{
    put_files(c, 0, c->count);
    silt_buf_puts(&c->text, " AND " SILT_COLUMN_BATCH_ID " IN (");
    for (size_t from = 0; from < c->count; from = group_end(c, from))
        silt_buf_printf(&c->text, "%s%s%" PRId64 "%s", from ? ", " : "", c->quote,
                        c->items[from].batch_id, c->quote);
    silt_buf_puts(&c->text, ")");
}

const char *silt_evidence_condition(const silt_target *target, const silt_evidence *items,
                                    size_t count, silt_arena *arena)
{
    const silt_type *schema = silt_snapshot_schema(target->snapshot);
    bool text = schema->fields[find(target, SILT_COLUMN_BATCH_ID)].type->kind == SILT_TYPE_STRING;
    condition c = {.items = malloc(count * sizeof(*items)), .count = count};
    if (!c.items) return NULL;
    memcpy(c.items, items, count * sizeof(*items));
    qsort(c.items, count, sizeof(*c.items), by_batch);
    c.quote = text ? "'" : "";
    size_t groups = 0;
    for (size_t from = 0; from < count; from = group_end(&c, from))
        groups++;
    if (groups <= GROUPS_MAX)
        put_groups(&c);
    else
        put_lists(&c);
    const char *out = silt_buf_copy(&c.text, arena);
    silt_buf_release(&c.text);
    free(c.items);
    return out;
}

/* Rows by file and batch, of batches in (after, until]. */
static silt_status count_rows(silt_load *load, tally *t, int64_t after, int64_t until,
                              silt_error *err)
{
    char *sql = silt_arena_printf(
        t->arena,
        "SELECT " SILT_COLUMN_SOURCE_FILE ", batch, count(*) FROM (SELECT " SILT_COLUMN_SOURCE_FILE
        ", TRY_CAST(" SILT_COLUMN_BATCH_ID
        " AS BIGINT) AS batch FROM loaded) WHERE " SILT_COLUMN_SOURCE_FILE
        " IS NOT NULL AND batch > %" PRId64 " AND batch <= %" PRId64 " GROUP BY ALL",
        after, until);
    if (!sql) return silt_fail_nomem(err);
    const silt_rows_spec query = {.kind = SILT_ROWS_QUERY,
                                  .query = {.sql = sql, .relation = give_rows, .ctx = t}};
    SILT_TRY(load->engine->ops->scan_rows(load->engine, &query, take_row, t, err));
    return t->status == SILT_OK ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_evidence_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, const silt_evidence **out, size_t *count,
                               silt_error *err)
{
    SILT_CLEAN(tally) t = {.arena = arena};
    static const char *const names[] = {SILT_COLUMN_SOURCE_FILE, SILT_COLUMN_BATCH_ID};
    const char *folder = NULL;
    char uuid[SILT_UUID_SIZE];
    silt_uuid(load->random, uuid);
    if (!target->store->ops->local_path || target->raw) /* CSV files are read as copies */
        SILT_TRY(silt_scratch_make(target->store, uuid, arena, &folder, err));
    const silt_scan_want want = {.columns = names, .column_count = 2, .limit = -1};
    const silt_log_state *state = silt_snapshot_state(target->snapshot);
    silt_scan_plan scan = {0};
    silt_status st =
        silt_scan_plan_init(&scan, target->store, state->version, &state->metadata,
                            silt_snapshot_schema(target->snapshot), &want, folder, arena, err);
    if (st == SILT_OK) st = silt_scan_plan_adds(&scan, target->snapshot, NULL, 0, err);
    t.rows = (silt_rows_spec){.kind = SILT_ROWS_SCAN, .scan = scan.spec};
    if (st == SILT_OK && scan.spec.file_count) st = count_rows(load, &t, after, until, err);
    if (st != SILT_OK) st = silt_scan_missing(&scan, st, err);
    silt_scan_plan_release(&scan);
    if (folder) silt_scratch_remove(folder);
    if (st != SILT_OK) return st;

    silt_evidence *items = silt_arena_calloc(arena, t.found.count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    if (t.found.count) memcpy(items, t.found.items, t.found.count * sizeof(*items));
    *out = items;
    *count = t.found.count;
    return SILT_OK;
}
