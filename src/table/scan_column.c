/* The columns of a scan: the table's, those that each file is given a value of, row tracking's, and
 * those that only the condition looks at. */
#include <strings.h>

#include "base/hash.h"
#include "log/property.h"
#include "table/expr.h"
#include "table/scan.h"

typedef struct choosing {
    silt_scan_plan *plan;
    silt_scan_making *making;
    const silt_metadata *metadata;
    const silt_type *schema;
    const silt_scan_want *want;
    silt_map64 *by_name; /* name → index + 1 in the schema */
    bool *taken;         /* by field of the schema */
    silt_scan_column *columns;
    size_t count;
    silt_error *err;
} choosing;

/* ---- names */

static silt_status no_column(const choosing *c, const char *name)
{
    const silt_type *schema = c->schema;
    const char *closest = NULL;
    size_t best = strlen(name) / 2 + 1;
    SILT_CLEAN(silt_buf) all = {0};
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *field = schema->fields[i].name;
        size_t edits = silt_edit_distance(name, field);
        if (edits < best) {
            best = edits;
            closest = field;
        }
        silt_buf_printf(&all, "%s%s", i ? ", " : "", field);
    }
    silt_fail(c->err, SILT_NOT_FOUND, "%s: no column \"%s\"", c->plan->store->uri, name);
    if (closest)
        return silt_hint(c->err, SILT_NOT_FOUND, "did you mean \"%s\"? The columns are: %s",
                         closest, all.failed ? "" : all.data);
    return silt_hint(c->err, SILT_NOT_FOUND, "the columns are: %s",
                     all.failed || !all.size ? "" : all.data);
}

static silt_status index_names(choosing *c)
{
    c->by_name = silt_map64_new();
    if (!c->by_name) return silt_fail_nomem(c->err);
    for (size_t i = 0; i < c->schema->field_count; i++) {
        bool found;
        const char *name = c->schema->fields[i].name;
        void **slot = silt_map64_slot(c->by_name, name, strlen(name), &found);
        if (!slot) return silt_fail_nomem(c->err);
        *slot = (void *)(uintptr_t)(i + 1);
    }
    return SILT_OK;
}

/* -1: there is none. */
static int64_t find(const choosing *c, const char *name)
{
    return (int64_t)(uintptr_t)silt_map64_get(c->by_name, name, strlen(name)) - 1;
}

/* ---- columns of the table */

static size_t constant_of(choosing *c, silt_constant_kind kind, const char *name, size_t index)
{
    size_t at = c->making->constant_count++;
    c->making->constants[at] = (silt_constant){kind, name, index};
    return at;
}

static void take_field(choosing *c, size_t at)
{
    const silt_field *field = &c->schema->fields[at];
    const silt_mapping *mapping = &c->making->mapping;
    silt_scan_column *column = &c->columns[c->count++];
    c->taken[at] = true;
    *column = (silt_scan_column){
        .name = field->name, .type = field->type, .physical = mapping->fields[at]};
    for (size_t p = 0; p < mapping->partition_columns.count; p++) {
        if (strcmp(c->metadata->partition_columns.items[p], field->name) != 0) continue;
        column->kind = SILT_SCAN_CONSTANT;
        column->constant =
            constant_of(c, SILT_CONSTANT_PARTITION, mapping->partition_columns.items[p], 0);
    }
}

static silt_status take_columns(choosing *c)
{
    const silt_scan_want *want = c->want;
    for (size_t i = 0; !want->columns && i < c->schema->field_count; i++)
        take_field(c, i);
    for (size_t i = 0; want->columns && i < want->column_count; i++) {
        int64_t at = find(c, want->columns[i]);
        if (at < 0) return no_column(c, want->columns[i]);
        if (c->taken[at])
            return silt_fail(c->err, SILT_INVALID, "column \"%s\" is named twice",
                             want->columns[i]);
        take_field(c, (size_t)at);
    }
    return SILT_OK;
}

/* ---- other columns */

/* Readers of Delta tables don't tell names by upper and lower case. */
static silt_status check_free(const choosing *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcasecmp(c->columns[i].name, name) == 0)
            return silt_fail(c->err, SILT_INVALID,
                             "the name \"%s\" is asked for, but there is a column \"%s\"", name,
                             c->columns[i].name);
    return *name ? SILT_OK : silt_fail(c->err, SILT_INVALID, "a column without a name");
}

static silt_status take_extras(choosing *c)
{
    for (size_t i = 0; i < c->want->extra_count; i++) {
        const silt_scan_extra *extra = &c->want->extras[i];
        SILT_TRY(check_free(c, extra->name));
        c->columns[c->count++] = (silt_scan_column){
            .name = extra->name,
            .type = extra->type,
            .kind = extra->data ? SILT_SCAN_CONSTANT_OR_DATA : SILT_SCAN_CONSTANT,
            .physical = {.name = extra->data, .id = -1},
            .constant = constant_of(c, SILT_CONSTANT_EXTRA, NULL, i)};
    }
    return SILT_OK;
}

/* A materialized column stands in the files that have it under a name which a property tells. */
static silt_status take_tracked(choosing *c, const char *name, silt_scan_kind kind,
                                const char *property)
{
    static const silt_type number = {.kind = SILT_TYPE_LONG};
    if (!name) return SILT_OK;
    SILT_TRY(check_free(c, name));
    if (!silt_property_true(c->metadata, "delta.enableRowTracking")) {
        silt_fail(c->err, SILT_UNSUPPORTED, "%s: version %" PRId64 " has no row ids",
                  c->plan->store->uri, c->plan->version);
        return silt_hint(c->err, SILT_UNSUPPORTED,
                         "row tracking isn't on: the table's property delta.enableRowTracking is "
                         "to be set to true by a writer that knows it");
    }
    c->columns[c->count++] = (silt_scan_column){
        .name = name,
        .type = &number,
        .kind = kind,
        .physical = {.name = silt_pairs_get(c->metadata->configuration, property), .id = -1},
        .constant = kind == SILT_SCAN_ROW_ID ? 0 : constant_of(c, SILT_CONSTANT_VERSION, NULL, 0)};
    c->making->row_ids = c->making->row_ids || kind == SILT_SCAN_ROW_ID;
    return SILT_OK;
}

/* What isn't a column of the table is one of the others, which are there. */
static void take_filter_column(void *ctx, const silt_expr *column)
{
    choosing *c = ctx;
    int64_t at = find(c, column->path[0]);
    if (at >= 0 && !c->taken[at]) take_field(c, (size_t)at);
}

static silt_status choose(choosing *c)
{
    SILT_TRY(take_columns(c));
    SILT_TRY(take_extras(c));
    SILT_TRY(take_tracked(c, c->want->row_id_column, SILT_SCAN_ROW_ID,
                          "delta.rowTracking.materializedRowIdColumnName"));
    SILT_TRY(take_tracked(c, c->want->row_commit_version_column, SILT_SCAN_DATA_OR_CONSTANT,
                          "delta.rowTracking.materializedRowCommitVersionColumnName"));
    if (c->count == 0)
        return silt_fail(c->err, SILT_INVALID, "%s: version %" PRId64 ": %s", c->plan->store->uri,
                         c->plan->version,
                         c->schema->field_count ? "no columns are asked for"
                                                : "the table has no columns, so there is nothing "
                                                  "to read");
    c->plan->spec.result_count = c->count;
    if (c->want->filter) silt_expr_columns(c->want->filter, take_filter_column, c);
    return SILT_OK;
}

silt_status silt_scan_columns(silt_scan_plan *plan, const silt_metadata *metadata,
                              const silt_type *schema, const silt_scan_want *want, silt_error *err)
{
    silt_scan_making *m = plan->making;
    choosing c = {.plan = plan,
                  .making = m,
                  .metadata = metadata,
                  .schema = schema,
                  .want = want,
                  .err = err};
    size_t most = schema->field_count + want->extra_count + 2;
    c.taken = silt_arena_calloc(plan->arena, schema->field_count, sizeof(*c.taken));
    c.columns = silt_arena_calloc(plan->arena, most, sizeof(*c.columns));
    m->constants = silt_arena_calloc(plan->arena, most, sizeof(*m->constants));
    if (!c.taken || !c.columns || !m->constants) return silt_fail_nomem(err);
    silt_status st = SILT_OK;
    if (want->columns || want->filter) st = index_names(&c);
    if (st == SILT_OK) st = choose(&c);
    silt_map64_free(c.by_name);
    plan->spec.columns = c.columns;
    plan->spec.column_count = c.count;
    return st;
}
