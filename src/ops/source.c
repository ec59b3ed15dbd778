/* Many source files → few groups that fit the table, and the table's columns as the engine is to
 * make them.
 *
 * Columns are matched by name, exactly, never by position. Which files can't be part of it is found
 * for all of them at once. */
#include "ops/scd2.h"
#include "ops/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

silt_status silt_planning_blame(silt_planning *p, size_t file, silt_status status,
                                const char *format, ...)
{
    char why[900];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    for (size_t i = 0; i < p->bad.count; i++)
        if (p->bad.items[i].index == file) return SILT_OK; /* one reason is enough */
    const char *name = p->sources->files[file].name, *text = why;
    size_t size = strlen(name); /* the engine names files in its messages: once is enough */
    if (strncmp(why, name, size) == 0 && strncmp(why + size, ": ", 2) == 0) text += size + 2;
    silt_bad_source bad = {file, status, silt_arena_strdup(p->arena, text)};
    if (!bad.why || !silt_vec_push(&p->bad, bad)) return silt_fail_nomem(p->err);
    return SILT_OK;
}

bool silt_is_sources_fault(silt_status st)
{
    return st == SILT_BAD_DATA || st == SILT_NOT_FOUND || st == SILT_DENIED || st == SILT_CHANGED;
}

silt_status silt_planning_blame_all(silt_planning *p, silt_header_group *group, const char *format,
                                    ...)
{
    char why[900];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    group->bad = true;
    for (size_t i = 0; i < group->files.count; i++)
        SILT_TRY(silt_planning_blame(p, group->files.items[i], SILT_BAD_DATA, "%s", why));
    return SILT_OK;
}

/* ---- the columns of the table */

static silt_status push_field(silt_planning *p, const silt_field *field)
{
    return silt_vec_push(&p->fields, *field) ? SILT_OK : silt_fail_nomem(p->err);
}

/* Declared columns of a table that stands already: of the same types; new ones by policy. */
static silt_status take_declared(silt_planning *p, const silt_type *declared)
{
    for (size_t i = 0; i < declared->field_count; i++) {
        const silt_field *field = &declared->fields[i], *is = silt_planning_find(p, field->name);
        if (is && !silt_type_equal(is->type, field->type)) {
            silt_status st = silt_fail(p->err, SILT_INVALID,
                                       "column %s is declared as %s, but the table has it as %s",
                                       field->name, silt_type_name(field->type, p->arena),
                                       silt_type_name(is->type, p->arena));
            return silt_hint(p->err, st, "correct the type in schema");
        }
        if (is) continue;
        if (p->table && p->sources->on_new_column == SILT_NEW_COLUMN_FAIL) {
            silt_status st =
                silt_fail(p->err, SILT_INVALID,
                          "column %s is declared, but the table doesn't have it", field->name);
            return silt_hint(p->err, st, "on_new_column: evolve adds it");
        }
        SILT_TRY(push_field(p, field));
    }
    return SILT_OK;
}

static silt_status start_fields(silt_planning *p)
{
    const silt_type *declared = p->sources->declared_schema;
    for (size_t i = 0; p->table && i < p->table->field_count; i++)
        SILT_TRY(push_field(p, &p->table->fields[i]));
    if (declared) SILT_TRY(take_declared(p, declared));
    p->known = p->table ? p->table->field_count : p->fields.count;
    p->known_by_looking = !p->table && !declared;
    return SILT_OK;
}

bool silt_is_audit_column(const char *name)
{
    return strcasecmp(name, SILT_COLUMN_SOURCE_FILE) == 0 ||
           strcasecmp(name, SILT_COLUMN_LOAD_TIMESTAMP) == 0 ||
           strcasecmp(name, SILT_COLUMN_BATCH_ID) == 0;
}

bool silt_field_has_value(const silt_field *field)
{
    return strstr(field->metadata, "delta.generationExpression") ||
           strstr(field->metadata, "delta.identity.") || strstr(field->metadata, "CURRENT_DEFAULT");
}

const silt_field *silt_planning_find(const silt_planning *p, const char *name)
{
    for (size_t i = 0; i < p->fields.count; i++)
        if (strcmp(p->fields.items[i].name, name) == 0) return &p->fields.items[i];
    return NULL;
}

/* ---- audit columns */

static const struct audit {
    const char *name;
    silt_output_kind kind;
    silt_type type;
} audits[] = {
    {SILT_COLUMN_SOURCE_FILE, SILT_OUTPUT_SOURCE_FILE, {.kind = SILT_TYPE_STRING}},
    {SILT_COLUMN_LOAD_TIMESTAMP, SILT_OUTPUT_VALUE, {.kind = SILT_TYPE_TIMESTAMP}},
    {SILT_COLUMN_BATCH_ID, SILT_OUTPUT_VALUE, {.kind = SILT_TYPE_LONG}},
};

/* Whether the engine can give the audit column as the type that a table has it in. */
static bool audit_fits(const struct audit *audit, const silt_type *type)
{
    if (silt_streq(audit->name, SILT_COLUMN_SOURCE_FILE)) return type->kind == SILT_TYPE_STRING;
    if (silt_streq(audit->name, SILT_COLUMN_LOAD_TIMESTAMP))
        return type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ;
    return type->kind == SILT_TYPE_STRING || type->kind == SILT_TYPE_DECIMAL ||
           (type->kind >= SILT_TYPE_SHORT && type->kind <= SILT_TYPE_LONG);
}

bool silt_planning_makes(const silt_planning *p, const char *name)
{
    return (p->sources->audit_columns && silt_is_audit_column(name)) ||
           silt_scd2_is_column(p->sources->scd2, name);
}

/* A table that is made keeps versions by these; one that stands has them. */
static silt_status add_version_columns(silt_planning *p)
{
    silt_field fields[SILT_SCD2_COLUMNS];
    if (!p->sources->scd2) return SILT_OK;
    silt_scd2_fields(p->sources->scd2, fields);
    for (size_t i = 0; !p->table && i < SILT_SCD2_COLUMNS; i++)
        if (!silt_planning_find(p, fields[i].name)) SILT_TRY(push_field(p, &fields[i]));
    const silt_type schema = {
        .kind = SILT_TYPE_STRUCT, .fields = p->fields.items, .field_count = p->fields.count};
    return silt_scd2_check_table(p->sources->scd2, &schema, p->err);
}

static silt_status add_rescued(silt_planning *p)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    const silt_field *is = silt_planning_find(p, SILT_COLUMN_RESCUED);
    const silt_field field = {SILT_COLUMN_RESCUED, &text, true, "{}"};
    if (!p->sources->rescues) return SILT_OK;
    if (!is) return push_field(p, &field);
    if (is->type->kind == SILT_TYPE_STRING) return SILT_OK;
    silt_fail(p->err, SILT_INVALID,
              "the table has the column " SILT_COLUMN_RESCUED " as %s, which Silt can't fill",
              silt_type_name(is->type, p->arena));
    return silt_hint(p->err, SILT_INVALID, "alter the table, or write another policy than rescue");
}

static silt_status add_audit_columns(silt_planning *p)
{
    for (size_t a = 0; p->sources->audit_columns && a < SILT_COUNT(audits); a++) {
        const silt_field *is = silt_planning_find(p, audits[a].name);
        if (is && !audit_fits(&audits[a], is->type)) {
            silt_status st = silt_fail(p->err, SILT_INVALID,
                                       "the table has the column %s as %s, which Silt can't fill",
                                       is->name, silt_type_name(is->type, p->arena));
            return silt_hint(p->err, st, "write audit_columns: false, or alter the table");
        }
        if (is) continue;
        silt_field field = {audits[a].name, &audits[a].type, true, "{}"};
        SILT_TRY(push_field(p, &field));
    }
    return SILT_OK;
}

/* ---- the plan */

static silt_status give_columns(silt_planning *p, silt_source_plan *out)
{
    size_t count = 0;
    silt_output_column *columns =
        silt_arena_calloc(p->arena, p->fields.count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < p->fields.count; i++) {
        const silt_field *f = &p->fields.items[i];
        if (f->type->kind == SILT_TYPE_VOID) continue; /* files have no place for these */
        silt_output_column *c = &columns[count++];
        *c = (silt_output_column){.name = f->name,
                                  .type = f->type,
                                  .kind = SILT_OUTPUT_SOURCE,
                                  .source = f->name,
                                  .not_null = !f->nullable,
                                  .spared_by = p->sources->deletes};
        if (p->sources->rescues && silt_streq(f->name, SILT_COLUMN_RESCUED)) {
            c->kind = SILT_OUTPUT_RESCUED;
            c->source = NULL;
        }
        for (size_t a = 0; p->sources->audit_columns && a < SILT_COUNT(audits); a++) {
            if (!silt_streq(audits[a].name, f->name)) continue;
            c->kind = audits[a].kind;
            c->source = NULL;
        }
    }
    if (p->sources->deletes)
        columns[count++] = (silt_output_column){.name = p->sources->deletes,
                                                .type = silt_type_primitive(SILT_TYPE_BOOLEAN),
                                                .kind = SILT_OUTPUT_SOURCE,
                                                .source = p->sources->deletes};
    out->columns = columns;
    out->column_count = count;
    return SILT_OK;
}

static silt_status give_schema(silt_planning *p, silt_source_plan *out)
{
    size_t count = p->fields.count;
    silt_type *schema = silt_arena_calloc(p->arena, 1, sizeof(*schema));
    silt_field *fields = silt_arena_calloc(p->arena, count, sizeof(*fields));
    if (!schema || !fields) return silt_fail_nomem(p->err);
    if (count) memcpy(fields, p->fields.items, count * sizeof(*fields));
    *schema = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    out->schema = schema;
    SILT_CLEAN(silt_buf) names = {0};
    if (p->table) SILT_TRY(silt_planning_new_members(p, &names));
    out->schema_grows = p->table && (count > p->table->field_count || names.size);
    for (size_t i = p->table ? p->table->field_count : count; i < count; i++)
        silt_buf_printf(&names, "%s%s", names.size ? ", " : "", fields[i].name);
    if (!out->schema_grows) return SILT_OK;
    out->new_columns = silt_buf_copy(&names, p->arena);
    return out->new_columns ? SILT_OK : silt_fail_nomem(p->err);
}

/* Whether NDJSON files may have a member: what has a value of its own where they don't is wanted
 * only if one was seen. */
static bool may_have(const silt_header_group *group, const silt_field *field)
{
    if (!silt_field_has_value(field)) return true;
    for (size_t i = 0; i < group->sniffed_count; i++)
        if (silt_streq(group->sniffed[i].name, field->name)) return true;
    return false;
}

/* Members that no column of the table takes. */
static silt_status give_new_members(silt_planning *p, const silt_header_group *group,
                                    silt_source_group *out)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    silt_column *columns =
        silt_arena_calloc(p->arena, out->column_count + group->sniffed_count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(p->err);
    if (out->column_count) memcpy(columns, out->columns, out->column_count * sizeof(*columns));
    for (size_t i = 0; i < group->sniffed_count; i++)
        if (!silt_planning_find(p, group->sniffed[i].name))
            columns[out->column_count++] = (silt_column){group->sniffed[i].name, &text};
    out->columns = columns;
    return SILT_OK;
}

/* The columns that the engine reads of a group: a CSV's header in its order, else those of the
 * table that the files may have. */
static silt_status give_group_columns(silt_planning *p, const silt_header_group *group,
                                      silt_source_group *out)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    bool named = p->sources->format != SILT_FORMAT_NDJSON;
    bool rescues = p->sources->on_new_column == SILT_NEW_COLUMN_RESCUE;
    size_t most = named ? group->name_count : p->fields.count, count = 0;
    silt_column *columns = silt_arena_calloc(p->arena, most + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(p->err);
    if (p->sources->deletes)
        columns[count++] =
            (silt_column){p->sources->deletes, silt_type_primitive(SILT_TYPE_BOOLEAN)};
    for (size_t i = 0; i < most; i++) {
        const silt_field *f = named ? silt_planning_find(p, group->names[i]) : &p->fields.items[i];
        if (!f && rescues) columns[count++] = (silt_column){group->names[i], &text};
        if (!f || (!named && f->type->kind == SILT_TYPE_VOID)) continue;
        if (!named && p->sources->rescues && silt_streq(f->name, SILT_COLUMN_RESCUED)) continue;
        if (!named && silt_planning_makes(p, f->name)) continue;
        if (!named && !may_have(group, f)) continue;
        columns[count++] = (silt_column){f->name, f->type};
    }
    out->columns = columns;
    out->column_count = count;
    return !named && rescues ? give_new_members(p, group, out) : SILT_OK;
}

static silt_status give_groups(silt_planning *p, silt_source_plan *out)
{
    size_t count = p->groups.count, total = 0, at = 0;
    for (size_t g = 0; g < count; g++)
        total += p->groups.items[g].files.count;
    silt_source_group *groups = silt_arena_calloc(p->arena, count, sizeof(*groups));
    silt_source_file *files = silt_arena_calloc(p->arena, total, sizeof(*files));
    size_t *index = silt_arena_calloc(p->arena, total, sizeof(*index));
    if (!groups || !files || !index) return silt_fail_nomem(p->err);
    for (size_t g = 0; g < count; g++) {
        const silt_header_group *from = &p->groups.items[g];
        groups[g] = (silt_source_group){.format = p->sources->format,
                                        .options = p->options,
                                        .files = files + at,
                                        .file_count = from->files.count};
        SILT_TRY(give_group_columns(p, from, &groups[g]));
        for (size_t i = 0; i < from->files.count; i++, at++) {
            index[at] = from->files.items[i];
            files[at] = p->sources->files[index[at]];
        }
    }
    out->groups = groups;
    out->group_count = count;
    out->file_index = index;
    out->options = p->options;
    return SILT_OK;
}

static int by_index(const void *a, const void *b)
{
    size_t x = ((const silt_bad_source *)a)->index, y = ((const silt_bad_source *)b)->index;
    return (x > y) - (x < y);
}

static silt_status give_bad(silt_planning *p, silt_bad_sources *out)
{
    size_t count = p->bad.count;
    silt_bad_source *items = silt_arena_calloc(p->arena, count, sizeof(*items));
    if (!items) return silt_fail_nomem(p->err);
    memcpy(items, p->bad.items, count * sizeof(*items));
    qsort(items, count, sizeof(*items), by_index);
    if (out) *out = (silt_bad_sources){items, count};
    const char *name = p->sources->files[items[0].index].name;
    if (count == 1) return silt_fail(p->err, SILT_BAD_DATA, "%s: %s", name, items[0].why);
    return silt_fail(p->err, SILT_BAD_DATA, "%s: %s (and %zu more files of %zu)", name,
                     items[0].why, count - 1, p->sources->file_count);
}

/* A table that is to be made has to have the columns it is partitioned by. */
static silt_status check_partitions(const silt_planning *p)
{
    for (size_t i = 0; !p->table && i < p->sources->partition_count; i++) {
        if (silt_planning_find(p, p->sources->partition_by[i])) continue;
        silt_status st = silt_fail(p->err, SILT_INVALID,
                                   "partition_by: there is no column %s in the source files",
                                   p->sources->partition_by[i]);
        return silt_hint(p->err, st, "column names are matched exactly");
    }
    return SILT_OK;
}

/* The plan may outlive the snapshot that the table's schema is from. */
static silt_status keep_schema(silt_planning *p)
{
    if (!p->table) return SILT_OK;
    const char *json = silt_schema_json(p->table, p->arena);
    if (!json) return silt_fail_nomem(p->err);
    return silt_schema_parse(json, strlen(json), p->arena, &p->table, p->err);
}

static silt_status plan(silt_planning *p, silt_source_plan *out, silt_bad_sources *bad)
{
    silt_source_plan result = {0};
    SILT_TRY(keep_schema(p));
    SILT_TRY(start_fields(p));
    SILT_TRY(silt_planning_headers(p));
    SILT_TRY(silt_planning_columns(p));
    if (p->bad.count) return give_bad(p, bad);
    SILT_TRY(check_partitions(p));
    SILT_TRY(add_version_columns(p));
    SILT_TRY(add_rescued(p));
    SILT_TRY(add_audit_columns(p));
    SILT_TRY(give_columns(p, &result));
    SILT_TRY(give_schema(p, &result));
    SILT_TRY(give_groups(p, &result));
    *out = result;
    return SILT_OK;
}

silt_status silt_sources_plan(silt_engine *engine, const silt_sources *sources,
                              const silt_type *table_schema, silt_arena *arena,
                              silt_source_plan *out, silt_bad_sources *bad, silt_error *err)
{
    silt_planning p = {.engine = engine,
                       .sources = sources,
                       .table = table_schema,
                       .arena = arena,
                       .err = err,
                       .options = sources->options};
    silt_status st = plan(&p, out, bad);
    for (size_t g = 0; g < p.groups.count; g++)
        silt_vec_free(&p.groups.items[g].files);
    silt_vec_free(&p.groups);
    silt_vec_free(&p.fields);
    silt_vec_free(&p.bad);
    return st;
}
