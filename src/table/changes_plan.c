/* Changes as files of one scan: which of them the condition rules out, the rows of each file, and
 * what the feed's columns hold.
 *
 * To the skipping, the feed's columns are partition columns with a value a file: a condition on
 * them drops whole commits and kinds. Only the type of change isn't the same in a whole cdc file.
 */
#include <stdio.h>
#include <strings.h>

#include "base/seam.h"
#include "log/dv.h"
#include "table/changes.h"
#include "table/expr.h"

static const silt_type text_type = {.kind = SILT_TYPE_STRING};
static const silt_type long_type = {.kind = SILT_TYPE_LONG};
static const silt_type time_type = {.kind = SILT_TYPE_TIMESTAMP};

static const silt_scan_extra feed_columns[] = {
    {.name = SILT_CHANGE_TYPE, .type = &text_type, .data = SILT_CHANGE_TYPE},
    {.name = SILT_CHANGE_VERSION, .type = &long_type},
    {.name = SILT_CHANGE_TIMESTAMP, .type = &time_type},
};
#define FEED_COLUMNS SILT_COUNT(feed_columns)

static bool is_feed_column(const char *name)
{
    for (size_t i = 0; i < FEED_COLUMNS; i++)
        if (strcasecmp(feed_columns[i].name, name) == 0) return true;
    return false;
}

const char *silt_changes_column(const silt_type *schema, const char *name)
{
    int at = silt_type_find(schema, name);
    for (size_t i = 0; at < 0 && i < schema->field_count; i++)
        if (strcasecmp(schema->fields[i].name, name) == 0) at = (int)i;
    return at < 0 ? NULL : schema->fields[at].name;
}

/* ---- conditions ------------------------------------------------------------------------------ */

const silt_type *silt_changes_columns(const silt_type *schema, silt_arena *arena)
{
    size_t count = schema->field_count;
    silt_type *wide = silt_arena_calloc(arena, 1, sizeof(*wide));
    silt_field *fields = silt_arena_calloc(arena, count + FEED_COLUMNS, sizeof(*fields));
    if (!wide || !fields) return NULL;
    if (count) memcpy(fields, schema->fields, count * sizeof(*fields));
    for (size_t i = 0; i < FEED_COLUMNS; i++)
        fields[count + i] = (silt_field){feed_columns[i].name, feed_columns[i].type, true, "{}"};
    *wide = *schema;
    wide->fields = fields;
    wide->field_count = count + FEED_COLUMNS;
    return wide;
}

/* The mapping of wide_schema(), with the feed's columns from `first` on as partition columns. */
static bool wide_mapping(const silt_mapping *mapping, size_t first, silt_arena *arena,
                         silt_mapping *out)
{
    size_t count = mapping->field_count, parts = mapping->partition_columns.count;
    silt_physical *fields = silt_arena_calloc(arena, count + FEED_COLUMNS, sizeof(*fields));
    const char **names = silt_arena_calloc(arena, parts + FEED_COLUMNS, sizeof(*names));
    if (!fields || !names) return false;
    if (count) memcpy(fields, mapping->fields, count * sizeof(*fields));
    if (parts) memcpy(names, mapping->partition_columns.items, parts * sizeof(*names));
    for (size_t i = 0; i < FEED_COLUMNS; i++) {
        fields[count + i] = (silt_physical){.name = feed_columns[i].name, .id = -1};
        if (i >= first) names[parts++] = feed_columns[i].name;
    }
    *out = *mapping;
    out->fields = fields;
    out->field_count = count + FEED_COLUMNS;
    out->partition_columns = (silt_names){names, parts};
    return true;
}

static silt_status take_condition(silt_changes_plan *p, const char *where, const silt_expr **out,
                                  silt_error *err)
{
    silt_mapping told, derived;
    silt_skip *skip;
    if (!where) return SILT_OK;
    if (!p->feed) {
        silt_status st = silt_expr_condition(where, p->shape.schema, p->arena, out, err);
        if (st != SILT_OK) silt_wrap(err, st, "condition");
        if (st == SILT_NOT_FOUND && strcasestr(where, SILT_CHANGE_TYPE))
            return silt_hint(err, st,
                             "the condition chooses the rows of both versions that are compared; "
                             "what became of them isn't known there yet");
        if (st != SILT_OK) return st;
        SILT_TRY(silt_skip_new(*out, p->shape.schema, &p->shape.mapping, p->arena, &skip, err));
        p->skip_derived = skip;
        return SILT_OK;
    }
    const silt_type *wide = silt_changes_columns(p->shape.schema, p->arena);
    if (!wide || !wide_mapping(&p->shape.mapping, 1, p->arena, &told) ||
        !wide_mapping(&p->shape.mapping, 0, p->arena, &derived))
        return silt_fail_nomem(err);
    silt_status st = silt_expr_condition(where, wide, p->arena, out, err);
    if (st != SILT_OK) return silt_wrap(err, st, "condition");
    SILT_TRY(silt_skip_new(*out, wide, &told, p->arena, &skip, err));
    p->skip_told = skip;
    SILT_TRY(silt_skip_new(*out, wide, &derived, p->arena, &skip, err));
    p->skip_derived = skip;
    return SILT_OK;
}

/* ---- plans ----------------------------------------------------------------------------------- */

static silt_status check_names(const silt_store *store, const silt_type *schema, bool feed,
                               silt_error *err)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        if (feed ? !is_feed_column(name) : strcasecmp(name, SILT_CHANGE_TYPE) != 0) continue;
        silt_fail(err, SILT_UNSUPPORTED,
                  "%s: changes: the table has a column \"%s\", which is a name of the change data "
                  "feed",
                  store->uri, name);
        return silt_hint(err, SILT_UNSUPPORTED, "the changes can be told once it is renamed");
    }
    return SILT_OK;
}

/* The columns that are asked for; the feed's come behind them in any case, named or not. */
static silt_status take_columns(silt_changes_plan *p, const silt_changes_options *opts,
                                silt_scan_want *want, silt_error *err)
{
    if (!opts->columns) return SILT_OK;
    const char **names = silt_arena_calloc(p->arena, opts->column_count + 1, sizeof(*names));
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < opts->column_count; i++) {
        const char *name = silt_changes_column(p->shape.schema, opts->columns[i]);
        if (!p->feed || !is_feed_column(opts->columns[i]))
            names[want->column_count++] = name ? name : opts->columns[i];
    }
    want->columns = names;
    return SILT_OK;
}

silt_status silt_changes_plan_init(silt_changes_plan *plan, silt_store *store, int64_t version,
                                   const silt_changes_shape *shape,
                                   const silt_changes_options *opts, bool feed, const char *folder,
                                   silt_arena *arena, silt_error *err)
{
    silt_changes_plan p = {.arena = arena, .shape = *shape, .feed = feed};
    silt_scan_want want = {.extras = feed_columns,
                           .extra_count = feed ? FEED_COLUMNS : 0,
                           .limit = feed ? opts->limit : -1};
    SILT_TRY(check_names(store, shape->schema, feed, err));
    SILT_TRY(take_columns(&p, opts, &want, err));
    SILT_TRY(take_condition(&p, opts->where, &want.filter, err));
    SILT_TRY(silt_scan_plan_init(&p.plan, store, version, shape->metadata, shape->schema, &want,
                                 folder, arena, err));
    p.scratch = silt_arena_new();
    *plan = p;
    if (p.scratch) return SILT_OK;
    silt_changes_plan_release(plan);
    return silt_fail_nomem(err);
}

void silt_changes_plan_release(silt_changes_plan *plan)
{
    if (plan->plan.making) silt_scan_plan_release(&plan->plan);
    for (size_t i = 0; i < plan->bitmaps.count; i++)
        silt_bitmap_free(plan->bitmaps.items[i]);
    silt_vec_free(&plan->bitmaps);
    silt_arena_free(plan->scratch);
    plan->scratch = NULL;
}

/* Vectors are taken that name rows behind the end of their file, as some writers of history made
 * them: no row is changed by that. So it isn't told how many a file has. */
#define ROW_COUNT (-1)

/* ---- one change ------------------------------------------------------------------------------ */

static silt_status fail_file(const silt_changes_plan *p, const silt_change *change,
                             const char *what, silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED, "%s: changes: file %s of version %" PRId64 " %s",
              p->plan.store->uri, change->path, p->plan.version, what);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "start behind the version that changed the partition columns");
}

static bool has_key(silt_pairs pairs, const char *key)
{
    for (size_t i = 0; i < pairs.count; i++)
        if (strcmp(pairs.items[i].key, key) == 0) return true;
    return false;
}

/* A remove's values, with those that are null, which Spark's removes leave out. */
static silt_status complete(const silt_changes_plan *p, silt_change *change, silt_error *err)
{
    silt_names columns = p->shape.mapping.partition_columns;
    size_t count = change->partition_values.count;
    silt_pair *pairs = silt_arena_calloc(p->scratch, count + columns.count, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(err);
    if (count) memcpy(pairs, change->partition_values.items, count * sizeof(*pairs));
    for (size_t i = 0; i < columns.count; i++)
        if (!has_key(change->partition_values, columns.items[i]))
            pairs[count++] = (silt_pair){columns.items[i], NULL};
    change->partition_values = (silt_pairs){pairs, count};
    return SILT_OK;
}

/* A file of a time with other partition columns would be looked into for what only the log says, or
 * the other way round. */
static silt_status check_partitions(const silt_changes_plan *p, silt_change *change,
                                    silt_error *err)
{
    const silt_mapping *m = &p->shape.mapping;
    if (!change->has_partition_values && m->partition_columns.count)
        return fail_file(p, change, "was removed without a word about its partition values", err);
    if (change->nulls_left_out) SILT_TRY(complete(p, change, err));
    silt_pairs values = change->partition_values;
    for (size_t i = 0; i < m->partition_columns.count; i++)
        if (!has_key(values, m->partition_columns.items[i]))
            return fail_file(p, change, "isn't partitioned as the table is now", err);
    for (size_t i = 0; i < m->field_count; i++)
        if (has_key(values, m->fields[i].name) &&
            !silt_names_have(m->partition_columns, m->fields[i].name))
            return fail_file(p, change, "isn't partitioned as the table is now", err);
    return SILT_OK;
}

static const char *const kinds[] = {
    [SILT_CHANGE_DELETE] = "delete", [SILT_CHANGE_INSERT] = "insert"};

/* Whether the condition rules the whole file out. */
static silt_status is_skipped(silt_changes_plan *p, const silt_change *change,
                              const char *const *extras, bool *out, silt_error *err)
{
    const silt_skip *skip = change->kind == SILT_CHANGE_TOLD ? p->skip_told : p->skip_derived;
    silt_pairs values = change->partition_values;
    *out = false;
    if (!skip) return SILT_OK;
    if (p->feed) {
        size_t count = values.count;
        silt_pair *pairs = silt_arena_calloc(p->scratch, count + FEED_COLUMNS, sizeof(*pairs));
        if (!pairs) return silt_fail_nomem(err);
        if (count) memcpy(pairs, values.items, count * sizeof(*pairs));
        for (size_t i = change->kind == SILT_CHANGE_TOLD; i < FEED_COLUMNS; i++)
            pairs[count++] = (silt_pair){feed_columns[i].name, extras[i]};
        values = (silt_pairs){pairs, count};
    }
    *out = silt_skip_file(skip, values, change->stats, p->scratch) != SILT_SKIP_KEEP;
    return SILT_OK;
}

/* Rows that are in one deletion vector and not in another. */
static silt_status difference(silt_changes_plan *p, const silt_change *change,
                              const silt_bitmap **out, silt_error *err)
{
    silt_store *store = p->plan.store;
    SILT_AUTO(silt_bitmap) only = NULL;
    SILT_AUTO(silt_bitmap) without = NULL;
    silt_status st = silt_dv_read(store, change->only, ROW_COUNT, &only, err);
    if (st == SILT_OK) st = silt_dv_read(store, change->without, ROW_COUNT, &without, err);
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: data file %s of version %" PRId64, store->uri, change->path,
                         p->plan.version);
    silt_bitmap *rows = silt_bitmap_minus(only, without);
    if (!rows || !silt_vec_push(&p->bitmaps, rows)) {
        silt_bitmap_free(rows);
        return silt_fail_nomem(err);
    }
    *out = rows;
    return SILT_OK;
}

/* Strings that stay: the path, the values and what the feed's columns hold. */
static silt_status keep(silt_changes_plan *p, silt_scan_item *item, const char *const *extras,
                        silt_error *err)
{
    if (item->partition_values.count && !silt_pairs_equal(item->partition_values, p->last_values) &&
        !silt_pairs_copy(item->partition_values, p->arena, &p->last_values))
        return silt_fail_nomem(err);
    if (item->partition_values.count) item->partition_values = p->last_values;
    item->path = silt_arena_strdup(p->arena, item->path);
    if (!item->path) return silt_fail_nomem(err);
    if (!p->feed) return SILT_OK;
    const char **kept = silt_arena_calloc(p->arena, FEED_COLUMNS, sizeof(*kept));
    if (!kept) return silt_fail_nomem(err);
    for (size_t i = 0; i < FEED_COLUMNS; i++) {
        kept[i] = extras[i] ? silt_arena_strdup(p->arena, extras[i]) : NULL;
        if (extras[i] && !kept[i]) return silt_fail_nomem(err);
    }
    item->extras = kept;
    return SILT_OK;
}

silt_status silt_changes_plan_add(silt_changes_plan *plan, int64_t version, int64_t made_ms,
                                  const silt_change *told, silt_error *err)
{
    char number[24], time[SILT_TIME_SIZE];
    bool skipped;
    silt_change completed = *told, *change = &completed;
    silt_arena_reset(plan->scratch);
    snprintf(number, sizeof(number), "%" PRId64, version);
    silt_time_format(made_ms * 1000, time);
    const char *extras[] = {kinds[change->kind], number, time};
    plan->plan.version = version;
    SILT_TRY(check_partitions(plan, change, err));
    SILT_TRY(is_skipped(plan, change, extras, &skipped, err));
    if (skipped) return SILT_OK;

    silt_scan_item item = {.path = change->path,
                           .partition_values = change->partition_values,
                           .row_count = ROW_COUNT,
                           .base_row_id = -1,
                           .default_row_commit_version = -1,
                           .dv = change->only ? change->only : change->without,
                           .rows_only = change->only != NULL};
    if (change->only && change->without) SILT_TRY(difference(plan, change, &item.rows, err));
    if (item.rows && silt_bitmap_count(item.rows) == 0) return SILT_OK;
    SILT_TRY(keep(plan, &item, extras, err));
    return silt_scan_plan_add(&plan->plan, &item, err);
}
