/* A table's schema and properties → columns and checks for the engine. */
#include "ops/write_columns.h"

#include <stdio.h>

#include "base/json.h"
#include "table/expr_tree.h"
#include "table/mapping.h"
#include "table/tell.h"

#define HIGH_WATER_MARK "delta.identity.highWaterMark"
#define MAX_COLUMN_ID   "delta.columnMapping.maxColumnId"

typedef struct maker {
    const silt_metadata *metadata;
    const silt_type *schema;
    silt_given_fn *given;
    void *ctx;
    bool copies; /* rows of the table as they are: whoever wrote them answers for them */
    silt_arena *arena;
    silt_error *err;
    silt_write_columns *out;
    SILT_VEC(silt_check) checks;
} maker;

/* ---- checks */

static silt_status add_check(maker *m, const char *name, const silt_expr *condition)
{
    silt_check check = {.name = name, .condition = condition};
    if (!name || !condition || !silt_vec_push(&m->checks, check)) return silt_fail_nomem(m->err);
    return SILT_OK;
}

static silt_status add_condition(maker *m, const char *name, const char *text)
{
    const silt_expr *condition;
    if (!name) return silt_fail_nomem(m->err);
    silt_status st = silt_expr_condition(text, m->schema, m->arena, &condition, m->err);
    if (st != SILT_OK) return silt_wrap(m->err, st, "%s", name);
    return add_check(m, name, condition);
}

static silt_status constraints(maker *m)
{
    static const char prefix[] = "delta.constraints.";
    silt_pairs all = m->metadata->configuration;
    for (size_t i = 0; i < all.count; i++) {
        if (!silt_starts_with(all.items[i].key, prefix) || !all.items[i].value) continue;
        const char *name =
            silt_arena_printf(m->arena, "constraint %s (%s)", all.items[i].key + sizeof(prefix) - 1,
                              all.items[i].value);
        SILT_TRY(add_condition(m, name, all.items[i].value));
    }
    return SILT_OK;
}

/* {"expression": {"expression": "x > 3"}} within a string. */
static silt_status invariant(maker *m, const silt_json *metadata, const char *path)
{
    const char *text = silt_json_string(silt_json_get_some(metadata, "delta.invariants"));
    const silt_json *outer;
    if (!text) return SILT_OK;
    silt_status st = silt_json_parse(silt_bytes_of(text), m->arena, &outer, m->err);
    if (st != SILT_OK) return silt_wrap(m->err, st, "invariant of column %s", path);
    const char *condition =
        silt_json_string(silt_json_get(silt_json_get(outer, "expression"), "expression"));
    if (!condition)
        return silt_fail(m->err, SILT_UNSUPPORTED, "invariant of column %s: not an expression: %s",
                         path, text);
    return add_condition(
        m, silt_arena_printf(m->arena, "invariant of column %s (%s)", path, condition), condition);
}

static const silt_expr *column_of(maker *m, const silt_field *field)
{
    silt_expr *column = silt_arena_calloc(m->arena, 1, sizeof *column);
    const char **path = silt_arena_calloc(m->arena, 1, sizeof *path);
    if (!column || !path) return NULL;
    path[0] = field->name;
    *column =
        (silt_expr){.kind = SILT_EXPR_COLUMN, .type = field->type, .path = path, .path_count = 1};
    return column;
}

/* Strings of a length, which Spark's readers rely on: "varchar(5)" and "char(5)". */
static silt_status length(maker *m, const silt_json *metadata, const silt_field *field)
{
    const char *text = silt_json_string(silt_json_get_some(metadata, "__CHAR_VARCHAR_TYPE_STRING"));
    int most = 0, end = 0;
    if (!text) return SILT_OK;
    bool known = sscanf(text, "varchar(%d)%n", &most, &end) == 1 && end && !text[end];
    known = known || (sscanf(text, "char(%d)%n", &most, &end) == 1 && end && !text[end]);
    if (!known || field->type->kind != SILT_TYPE_STRING) {
        silt_fail(m->err, SILT_UNSUPPORTED,
                  "column %s is %s: the lengths of texts in it can't be checked", field->name,
                  text);
        return silt_hint(m->err, SILT_UNSUPPORTED,
                         "Silt checks char and varchar columns, and none within structs, arrays "
                         "and maps; Delta Lake for Spark does");
    }
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    const silt_type *integer = silt_type_primitive(SILT_TYPE_INTEGER);
    const char *number = silt_arena_printf(m->arena, "%d", most);
    const silt_expr *column = column_of(m, field);
    if (!number || !column) return silt_fail_nomem(m->err);
    const silt_expr *sides[] = {silt_expr_call(m->arena, SILT_OP_LENGTH, integer, &column, 1),
                                silt_expr_literal(m->arena, integer, number)};
    if (!sides[0] || !sides[1]) return silt_fail_nomem(m->err);
    const silt_expr *either[] = {silt_expr_call(m->arena, SILT_OP_IS_NULL, boolean, &column, 1),
                                 silt_expr_call(m->arena, SILT_OP_LE, boolean, sides, 2)};
    if (!either[0] || !either[1]) return silt_fail_nomem(m->err);
    return add_check(m, silt_arena_printf(m->arena, "length of column %s (%s)", field->name, text),
                     silt_expr_call(m->arena, SILT_OP_OR, boolean, either, 2));
}

/* A member that must not be null; nor may what holds it, as Spark has it. */
static silt_status member_not_null(maker *m, const char *const *path, size_t depth,
                                   const silt_type *type, const char *name)
{
    const char **copy = silt_arena_calloc(m->arena, depth, sizeof *copy);
    silt_expr *member = silt_arena_calloc(m->arena, 1, sizeof *member);
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    if (!copy || !member) return silt_fail_nomem(m->err);
    memcpy(copy, path, depth * sizeof *copy);
    *member =
        (silt_expr){.kind = SILT_EXPR_COLUMN, .type = type, .path = copy, .path_count = depth};
    const silt_expr *arg = member;
    const silt_expr *is_null = silt_expr_call(m->arena, SILT_OP_IS_NULL, boolean, &arg, 1);
    if (!is_null) return silt_fail_nomem(m->err);
    return add_check(m, silt_arena_printf(m->arena, "NOT NULL of column %s", name),
                     silt_expr_call(m->arena, SILT_OP_NOT, boolean, &is_null, 1));
}

/* Delta has no NOT NULL within arrays and maps; it can only have come from elsewhere. */
static silt_status none_not_null(maker *m, const silt_type *type, const char *name)
{
    for (size_t i = 0; type && i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        if (!field->nullable) {
            silt_fail(m->err, SILT_UNSUPPORTED,
                      "column %s: its member %s is NOT NULL within an array or a map", name,
                      field->name);
            return silt_hint(m->err, SILT_UNSUPPORTED,
                             "nobody can check that: make it nullable first (silt alter "
                             "--set-nullable)");
        }
        SILT_TRY(none_not_null(m, field->type, name));
    }
    if (type && type->key) SILT_TRY(none_not_null(m, type->key, name));
    return type && type->element ? none_not_null(m, type->element, name) : SILT_OK;
}

/* What members of structs ask; `path` has room for them. */
static silt_status members(maker *m, const char **path, size_t depth, const silt_type *type,
                           const char *name)
{
    if (type->element) SILT_TRY(none_not_null(m, type, name));
    for (size_t i = 0; type->kind == SILT_TYPE_STRUCT && i < type->field_count; i++) {
        const silt_field *field = &type->fields[i];
        const char *full = silt_arena_printf(m->arena, "%s.%s", name, field->name);
        if (!full) return silt_fail_nomem(m->err);
        path[depth] = field->name;
        if (!field->nullable) SILT_TRY(member_not_null(m, path, depth + 1, field->type, full));
        if (strstr(field->metadata, "delta.invariants")) {
            const silt_json *metadata;
            SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), m->arena, &metadata, m->err));
            SILT_TRY(invariant(m, metadata, full));
        }
        SILT_TRY(members(m, path, depth + 1, field->type, full));
    }
    return SILT_OK;
}

/* ---- values */

static silt_status typed(maker *m, const silt_expr **expr, const silt_type *type)
{
    if (silt_type_equal((*expr)->type, type)) return SILT_OK;
    const silt_expr *arg = *expr;
    *expr = silt_expr_call(m->arena, SILT_OP_CAST, type, &arg, 1);
    return *expr ? SILT_OK : silt_fail_nomem(m->err);
}

/* An expression of a column's metadata, over `schema`, as the column's type. */
static silt_status column_expr(maker *m, const char *what, const silt_field *field,
                               const char *text, const silt_type *schema, const silt_expr **out)
{
    const silt_expr *parsed;
    silt_status st = silt_expr_parse(text, m->arena, &parsed, m->err);
    if (st == SILT_OK) st = silt_expr_bind(parsed, schema, m->arena, out, m->err);
    if (st == SILT_OK) st = typed(m, out, field->type);
    return st == SILT_OK ? st : silt_wrap(m->err, st, "%s column %s", what, field->name);
}

/* Computed where the source doesn't have it; what it has must be the same. */
static silt_status generated(maker *m, const silt_field *field, const char *text, silt_given given,
                             silt_output_column *c)
{
    SILT_TRY(column_expr(m, "generated", field, text, m->schema, &c->expr));
    if (given == SILT_GIVEN_NONE) {
        c->kind = SILT_OUTPUT_EXPR;
        return SILT_OK;
    }
    const silt_expr *column = column_of(m, field);
    if (!column) return silt_fail_nomem(m->err);
    const silt_expr *sides[] = {column, c->expr};
    return add_check(m, silt_arena_printf(m->arena, "generated column %s (%s)", field->name, text),
                     silt_expr_call(m->arena, SILT_OP_EQ_NULL,
                                    silt_type_primitive(SILT_TYPE_BOOLEAN), sides, 2));
}

static silt_status identity(maker *m, const silt_field *field, const silt_json *metadata,
                            silt_given given, silt_output_column *c)
{
    int64_t start = silt_json_int(silt_json_get(metadata, "delta.identity.start"), 1);
    int64_t step = silt_json_int(silt_json_get(metadata, "delta.identity.step"), 1);
    bool explicit_too =
        silt_json_bool(silt_json_get(metadata, "delta.identity.allowExplicitInsert"), false);
    const silt_json *high = silt_json_get_some(metadata, HIGH_WATER_MARK);
    if (!m->given || (given == SILT_GIVEN_ALL && explicit_too)) return SILT_OK;
    if (given == SILT_GIVEN_SOME && explicit_too) {
        silt_fail(m->err, SILT_UNSUPPORTED,
                  "identity column %s: some of the sources have values for it, others haven't",
                  field->name);
        return silt_hint(m->err, SILT_UNSUPPORTED, "write the two kinds one after the other");
    }
    if (given != SILT_GIVEN_NONE) {
        silt_fail(m->err, SILT_INVALID,
                  "identity column %s is GENERATED ALWAYS: it takes no values of others",
                  field->name);
        return silt_hint(m->err, SILT_INVALID, "leave the column out of the source");
    }
    if (m->out->identity != SIZE_MAX)
        return silt_fail(m->err, SILT_UNSUPPORTED,
                         "the columns %s and %s are both identity columns; one can be numbered",
                         m->out->columns[m->out->identity].label, field->name);
    c->kind = SILT_OUTPUT_IDENTITY;
    c->step = step;
    c->value = start;
    if (high && __builtin_add_overflow(silt_json_int(high, 0), step, &c->value))
        return silt_fail(m->err, SILT_INVALID, "identity column %s: there are no more numbers",
                         field->name);
    m->out->identity = m->out->column_count;
    return SILT_OK;
}

static silt_status default_of(maker *m, const silt_field *field, const silt_json *metadata,
                              const silt_expr **out)
{
    static const silt_type nothing = {.kind = SILT_TYPE_STRUCT};
    const char *text = silt_json_string(silt_json_get_some(metadata, "CURRENT_DEFAULT"));
    *out = NULL;
    return text ? column_expr(m, "default of", field, text, &nothing, out) : SILT_OK;
}

silt_status silt_write_default(const silt_field *field, silt_arena *arena, const silt_expr **out,
                               silt_error *err)
{
    maker m = {.arena = arena, .err = err};
    const silt_json *metadata;
    silt_status st = silt_json_parse(silt_bytes_of(field->metadata), arena, &metadata, err);
    if (st != SILT_OK) return silt_wrap(err, st, "schema: metadata of column %s", field->name);
    return default_of(&m, field, metadata, out);
}

static silt_status by_metadata(maker *m, const silt_field *field, silt_given given,
                               silt_output_column *c)
{
    const silt_json *metadata;
    silt_status st = silt_json_parse(silt_bytes_of(field->metadata), m->arena, &metadata, m->err);
    if (st != SILT_OK) return silt_wrap(m->err, st, "schema: metadata of column %s", field->name);
    SILT_TRY(invariant(m, metadata, field->name));
    SILT_TRY(length(m, metadata, field));
    const char *text = silt_json_string(silt_json_get_some(metadata, "delta.generationExpression"));
    if (text) return generated(m, field, text, given, c);
    if (silt_json_get_some(metadata, "delta.identity.step") ||
        silt_json_get_some(metadata, "delta.identity.start"))
        return identity(m, field, metadata, given, c);
    if (given == SILT_GIVEN_ALL) return SILT_OK;
    SILT_TRY(default_of(m, field, metadata, &c->expr));
    if (c->expr && given == SILT_GIVEN_NONE) c->kind = SILT_OUTPUT_EXPR;
    return SILT_OK;
}

/* ---- columns */

static silt_status one_column(maker *m, const silt_mapping *mapping, size_t i)
{
    const silt_field *field = &m->schema->fields[i];
    silt_output_column *c = &m->out->columns[m->out->column_count];
    const char *path[SILT_TYPE_DEPTH_MAX + 1] = {field->name};
    silt_given given = m->given ? m->given(m->ctx, field->name) : SILT_GIVEN_ALL;
    if (field->type->kind == SILT_TYPE_VOID) return SILT_OK; /* files have no place for these */
    *c = (silt_output_column){.name = field->name,
                              .type = field->type,
                              .kind = SILT_OUTPUT_SOURCE,
                              .source = field->name,
                              .label = field->name,
                              .not_null = !field->nullable && !m->copies};
    if (mapping->mode != SILT_MAPPING_NONE) {
        c->name = mapping->fields[i].name;
        c->physical = mapping->fields[i];
    }
    if (!m->copies && strcmp(field->metadata, "{}") != 0) SILT_TRY(by_metadata(m, field, given, c));
    if (!m->copies) SILT_TRY(members(m, path, 1, field->type, field->name));
    m->out->column_count++;
    return SILT_OK;
}

size_t silt_write_columns_find(const silt_write_columns *c, const char *name)
{
    for (size_t i = 0; i < c->column_count; i++)
        if (silt_streq(c->columns[i].label, name)) return i;
    return SIZE_MAX;
}

static silt_status partitions(maker *m)
{
    silt_names by = m->metadata->partition_columns;
    m->out->partition_by = silt_arena_calloc(m->arena, by.count + 1, sizeof(size_t));
    if (!m->out->partition_by) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < by.count; i++) {
        m->out->partition_by[i] = silt_write_columns_find(m->out, by.items[i]);
        if (m->out->partition_by[i] == SIZE_MAX)
            return silt_fail(m->err, SILT_CORRUPT, "partition column %s isn't in the schema",
                             by.items[i]);
    }
    m->out->partition_count = by.count;
    return SILT_OK;
}

static silt_status make(maker *m)
{
    silt_mapping mapping;
    SILT_TRY(silt_mapping_of(m->metadata, m->schema, m->arena, &mapping, m->err));
    m->out->columns =
        silt_arena_calloc(m->arena, m->schema->field_count + 1, sizeof(*m->out->columns));
    if (!m->out->columns) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->schema->field_count; i++)
        SILT_TRY(one_column(m, &mapping, i));
    if (!m->copies) SILT_TRY(constraints(m));
    SILT_TRY(partitions(m));
    silt_check *checks = silt_arena_calloc(m->arena, m->checks.count + 1, sizeof(*checks));
    if (!checks) return silt_fail_nomem(m->err);
    if (m->checks.count) memcpy(checks, m->checks.items, m->checks.count * sizeof(*checks));
    m->out->checks = checks;
    m->out->check_count = m->checks.count;
    return SILT_OK;
}

static silt_status run(maker *m, silt_write_columns *out)
{
    silt_write_columns result = {
        .metadata = m->metadata, .schema = m->schema, .identity = SIZE_MAX};
    m->out = &result;
    silt_status st = make(m);
    silt_vec_free(&m->checks);
    if (st == SILT_OK) *out = result;
    return st;
}

silt_status silt_write_columns_of(const silt_metadata *metadata, const silt_type *schema,
                                  silt_given_fn *given, void *ctx, silt_arena *arena,
                                  silt_write_columns *out, silt_error *err)
{
    maker m = {.metadata = metadata,
               .schema = schema,
               .given = given,
               .ctx = ctx,
               .arena = arena,
               .err = err};
    return run(&m, out);
}

silt_status silt_write_columns_copied(const silt_metadata *metadata, const silt_type *schema,
                                      silt_arena *arena, silt_write_columns *out, silt_error *err)
{
    maker m = {.metadata = metadata, .schema = schema, .copies = true, .arena = arena, .err = err};
    return run(&m, out);
}

/* ---- identity columns, afterwards */

static const char *with_high_water_mark(const char *metadata, int64_t last, silt_arena *arena)
{
    const silt_json *object;
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    if (silt_json_parse(silt_bytes_of(metadata), arena, &object, NULL) != SILT_OK) return NULL;
    silt_json_begin_object(&w);
    for (silt_json_iter it = silt_json_iter_of(object); silt_json_next(&it);) {
        if (strcmp(it.key, HIGH_WATER_MARK) == 0) continue;
        silt_json_key_bytes(&w, (silt_bytes){it.key, it.key_size});
        silt_json_put_value(&w, it.value);
    }
    silt_json_member_int(&w, HIGH_WATER_MARK, last);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}

silt_status silt_write_columns_numbered(const silt_write_columns *c, int64_t last,
                                        silt_arena *arena, const silt_metadata **metadata,
                                        const silt_type **schema, silt_error *err)
{
    const silt_type *old = c->schema;
    silt_field *fields = silt_arena_calloc(arena, old->field_count, sizeof(*fields));
    silt_type *numbered = silt_arena_alloc(arena, sizeof(*numbered));
    silt_metadata *with = silt_arena_alloc(arena, sizeof(*with));
    if (!fields || !numbered || !with) return silt_fail_nomem(err);
    int at = silt_type_find(old, c->columns[c->identity].label);
    memcpy(fields, old->fields, old->field_count * sizeof(*fields));
    fields[at].metadata = with_high_water_mark(fields[at].metadata, last, arena);
    if (!fields[at].metadata) return silt_fail_nomem(err);
    *numbered = *old;
    numbered->fields = fields;
    *with = *c->metadata;
    with->schema_json = silt_schema_json(numbered, arena);
    if (!with->schema_json) return silt_fail_nomem(err);
    *metadata = with;
    *schema = numbered;
    return SILT_OK;
}

static int64_t member_of(const silt_json *metadata, const char *key, int64_t otherwise)
{
    return silt_json_int(silt_json_get_some(metadata, key), otherwise);
}

/* What files call a column; NULL: out of memory. */
static const char *physical_name(const silt_field *field, silt_arena *arena)
{
    const silt_json *metadata;
    if (silt_json_parse(silt_bytes_of(field->metadata), arena, &metadata, NULL) != SILT_OK)
        return NULL;
    const char *name =
        silt_json_string(silt_json_get_some(metadata, "delta.columnMapping.physicalName"));
    return name ? name : field->name;
}

/* The column that files call so; NULL: there is none. */
static const silt_field *find_physical(const silt_type *schema, const char *name, silt_arena *arena)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *physical = physical_name(&schema->fields[i], arena);
        if (physical && strcmp(physical, name) == 0) return &schema->fields[i];
    }
    return NULL;
}

/* `*changed`: `field` has got the mark of `had`, which is beyond its own. */
static silt_status keep_mark(const silt_field *had, silt_field *field, silt_arena *arena,
                             bool *changed, silt_error *err)
{
    const silt_json *now, *to;
    SILT_TRY(silt_json_parse(silt_bytes_of(had->metadata), arena, &now, err));
    SILT_TRY(silt_json_parse(silt_bytes_of(field->metadata), arena, &to, err));
    const silt_json *given = silt_json_get_some(now, HIGH_WATER_MARK);
    int64_t step = member_of(to, "delta.identity.step", 0), mark = silt_json_int(given, 0);
    int64_t own = member_of(to, HIGH_WATER_MARK, step < 0 ? INT64_MAX : INT64_MIN);
    if (!given || step == 0 || (step > 0 ? mark <= own : mark >= own)) return SILT_OK;
    field->metadata = with_high_water_mark(field->metadata, mark, arena);
    *changed = true;
    return field->metadata ? SILT_OK : silt_fail_nomem(err);
}

static silt_status keep_column_ids(const silt_metadata *now, silt_metadata *to, silt_arena *arena,
                                   silt_error *err)
{
    const char *highest = silt_pairs_get(now->configuration, MAX_COLUMN_ID);
    size_t count = to->configuration.count;
    int64_t given, here;
    if (!highest || !silt_parse_int64(highest, &given)) return SILT_OK;
    silt_pair *pairs = silt_arena_calloc(arena, count + 1, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = to->configuration.items[i];
        if (silt_streq(pairs[i].key, MAX_COLUMN_ID) && pairs[i].value &&
            silt_parse_int64(pairs[i].value, &here) && here < given)
            pairs[i].value = highest;
    }
    to->configuration = (silt_pairs){pairs, count};
    return SILT_OK;
}

silt_status silt_write_columns_keep_marks(const silt_metadata *now, silt_metadata *to,
                                          silt_arena *arena, silt_error *err)
{
    const silt_type *had, *schema;
    bool changed = false;
    SILT_TRY(keep_column_ids(now, to, arena, err));
    if (!strstr(now->schema_json, HIGH_WATER_MARK)) return SILT_OK;
    SILT_TRY(silt_schema_parse(now->schema_json, strlen(now->schema_json), arena, &had, err));
    SILT_TRY(silt_schema_parse(to->schema_json, strlen(to->schema_json), arena, &schema, err));
    silt_field *fields = silt_arena_calloc(arena, schema->field_count + 1, sizeof(*fields));
    if (!fields) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        fields[i] = schema->fields[i];
        const char *name = physical_name(&fields[i], arena);
        const silt_field *same = name ? find_physical(had, name, arena) : NULL;
        if (!name) return silt_fail_nomem(err);
        if (same) SILT_TRY(keep_mark(same, &fields[i], arena, &changed, err));
    }
    if (!changed) return SILT_OK;
    silt_type with = *schema;
    with.fields = fields;
    to->schema_json = silt_schema_json(&with, arena);
    return to->schema_json ? SILT_OK : silt_fail_nomem(err);
}

/* ---- what was violated */

/* Of rows that are written all the same, for a person. */
static void tell_warning(const silt_violation *v, const char *table, const silt_diagnostics *to)
{
    SILT_CLEAN(silt_tell) t;
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_printf(&text, "%s: %s: %" PRId64 " row%s violate%s it and %s written%s%.200s", table,
                    v->check->name, v->rows, v->rows == 1 ? "" : "s", v->rows == 1 ? "s" : "",
                    v->rows == 1 ? "is" : "are", v->sample_count ? ", such as " : "",
                    v->sample_count ? v->samples[0] : "");
    if (text.failed || !silt_tell_begin(&t, to)) return;
    silt_tell_text(&t, "level", "warning");
    silt_tell_text(&t, "text", text.data);
    silt_tell_end(&t, "message");
}

/* Append "in a.csv, b.csv and 3 more". */
static void put_sources(const silt_violation *v, silt_buf *text)
{
    size_t named =
        v->source_count < SILT_VIOLATION_SOURCES ? v->source_count : SILT_VIOLATION_SOURCES;
    for (size_t i = 0; i < named; i++)
        silt_buf_printf(text, "%s%s", i ? ", " : ", in ", v->sources[i]);
    if (v->source_count > named) silt_buf_printf(text, " and %zu more", v->source_count - named);
}

static void tell_violation(const silt_violation *v, const char *table, const silt_diagnostics *to)
{
    SILT_CLEAN(silt_tell) t;
    if (!silt_tell_begin(&t, to)) return;
    silt_tell_text(&t, "table", table);
    silt_tell_text(&t, "constraint", v->check->name);
    silt_json_member_int(&t.w, "rows", v->rows);
    silt_json_key(&t.w, "samples");
    silt_json_begin_array(&t.w);
    for (size_t i = 0; i < v->sample_count; i++)
        silt_json_put_raw(&t.w, v->samples[i]);
    silt_json_end_array(&t.w);
    silt_json_member_int(&t.w, "source_files", (int64_t)v->source_count);
    silt_json_key(&t.w, "sources");
    silt_json_begin_array(&t.w);
    for (size_t i = 0; i < v->source_count && i < SILT_VIOLATION_SOURCES; i++)
        silt_json_put_string(&t.w, v->sources[i]);
    silt_json_end_array(&t.w);
    silt_tell_end(&t, "constraint_violation");
}

silt_status silt_write_violations(const silt_stage_result *staged, silt_status st,
                                  const char *table, const silt_diagnostics *to, silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    if ((st != SILT_OK && st != SILT_BAD_DATA) || !staged->violation_count) return st;
    for (size_t i = 0; i < staged->violation_count; i++) {
        const silt_violation *v = &staged->violations[i];
        tell_violation(v, table, to);
        if (v->check->warns && st == SILT_OK) tell_warning(v, table, to);
        if (v->check->warns) continue;
        silt_buf_printf(&text, "%s%s: %" PRId64 " row%s violate%s it", text.size ? "; " : "",
                        v->check->name, v->rows, v->rows == 1 ? "" : "s", v->rows == 1 ? "s" : "");
        put_sources(v, &text);
        for (size_t k = 0; k < v->sample_count; k++)
            silt_buf_printf(&text, "%s%s", k ? ", " : ", such as ", v->samples[k]);
    }
    if (text.failed) return silt_fail_nomem(err);
    if (st == SILT_OK || !text.size) return st; /* something else is bad */
    silt_fail(err, SILT_BAD_DATA, "%s", text.data);
    return silt_hint(err, SILT_BAD_DATA, "nothing was written; correct or leave out these rows");
}
