/* What a folder of Parquet files holds: names, partitions, columns, statistics. */
#include <strings.h>

#include "base/json.h"
#include "ops/migrate_work.h"
#include "table/value.h"

#define HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

silt_status silt_migrating_problem(silt_migrating *m, const char *path, const char *why)
{
    char *copy = silt_arena_strdup(m->arena, why);
    if (!copy || !silt_vec_push(&m->problems, (silt_migrate_problem){path, copy}))
        return silt_fail_nomem(m->err);
    return SILT_OK;
}

/* ---- the listing */

typedef struct listing {
    silt_migrating *m;
    bool is_table, failed;
} listing;

static bool note_object(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    silt_migrating *m = l->m;
    if (silt_starts_with(object->key, SILT_LOG_DIR)) l->is_table = true;
    if (silt_carry_is_hidden(object->key, NULL)) {
        if (!silt_starts_with(object->key, SILT_LOG_DIR) &&
            !silt_starts_with(object->key, "_silt/"))
            m->result.files_hidden++;
        return true;
    }
    silt_migrating_file file = {.key = silt_arena_strdup(m->arena, object->key),
                                .size_bytes = object->size_bytes,
                                .mtime_ms = object->mtime_ns / 1000000,
                                .row_count = -1};
    l->failed = !file.key || !silt_vec_push(&m->files, file);
    return !l->failed;
}

silt_status silt_migrating_list(silt_migrating *m)
{
    listing l = {.m = m};
    SILT_TRY(m->from->ops->list(m->from, "", NULL, true, note_object, &l, m->err));
    if (l.failed) return silt_fail_nomem(m->err);
    if (l.is_table && !m->in_place) {
        silt_fail(m->err, SILT_INVALID, "%s is a table already", m->from->uri);
        return silt_hint(m->err, SILT_INVALID, "`silt clone` copies tables");
    }
    if (m->files.count || m->before) return SILT_OK;
    return silt_fail(m->err, SILT_NOT_FOUND, "%s has no files", m->from->uri);
}

/* ---- partitions */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Names and values in folders are escaped as Hive does it. */
static char *unescape(const char *text, size_t size, silt_arena *arena)
{
    char *out = silt_arena_alloc(arena, size + 1), *to = out;
    for (size_t i = 0; out && i < size; i++) {
        int high = text[i] == '%' && i + 2 < size ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high << 4 | low);
            i += 2;
        } else {
            *to++ = text[i];
        }
    }
    if (out) *to = '\0';
    return out;
}

/* The `name=value` folders of a key, in order. */
static silt_status parse_folders(silt_migrating *m, const char *key, silt_names *names,
                                 const char *const **values)
{
    size_t most = 0;
    for (const char *c = key; *c; c++)
        most += *c == '/';
    const char **n = silt_arena_calloc(m->arena, most + 1, sizeof(*n));
    const char **v = silt_arena_calloc(m->arena, most + 1, sizeof(*v));
    if (!n || !v) return silt_fail_nomem(m->err);
    size_t count = 0;
    for (const char *part = key, *slash; (slash = strchr(part, '/')); part = slash + 1) {
        const char *equals = memchr(part, '=', (size_t)(slash - part));
        if (!equals || equals == part) continue;
        n[count] = unescape(part, (size_t)(equals - part), m->arena);
        v[count] = unescape(equals + 1, (size_t)(slash - equals - 1), m->arena);
        if (!n[count] || !v[count]) return silt_fail_nomem(m->err);
        if (strcmp(v[count], HIVE_NULL) == 0 || !*v[count]) v[count] = NULL;
        count++;
    }
    *names = (silt_names){n, count};
    *values = v;
    return SILT_OK;
}

static bool fits(const silt_migrating *m, size_t column, silt_type_kind kind)
{
    const silt_type type = {.kind = kind};
    silt_value value;
    for (size_t i = 0; i < m->files.count; i++) {
        const char *text = m->files.items[i].folders[column];
        if (!text) continue;
        size_t digits = strspn(text, "-0123456789");
        if (text[digits] || !silt_value_parse(text, &type, &value)) return false;
        /* "007" is a text: as a number it would be another. */
        if (kind != SILT_TYPE_DATE && text[0] == '0' && text[1]) return false;
        if (kind == SILT_TYPE_INTEGER && (value.whole < INT32_MIN || value.whole > INT32_MAX))
            return false;
    }
    return true;
}

static silt_status infer_types(silt_migrating *m, const silt_type **out)
{
    static const silt_type types[] = {{.kind = SILT_TYPE_INTEGER},
                                      {.kind = SILT_TYPE_LONG},
                                      {.kind = SILT_TYPE_DATE},
                                      {.kind = SILT_TYPE_STRING}};
    silt_type *made = silt_arena_calloc(m->arena, 1, sizeof(*made));
    silt_field *fields = silt_arena_calloc(m->arena, m->by.count + 1, sizeof(*fields));
    if (!made || !fields) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->by.count; i++) {
        size_t t = 0;
        bool any = false;
        for (size_t f = 0; f < m->files.count; f++)
            any |= m->files.items[f].folders[i] != NULL;
        while (t + 1 < SILT_COUNT(types) && (!any || !fits(m, i, types[t].kind)))
            t++;
        fields[i] = (silt_field){m->by.items[i], &types[t], true, "{}"};
    }
    *made = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = m->by.count};
    m->result.partitions_inferred = m->by.count > 0;
    *out = made;
    return SILT_OK;
}

/* The types that were said, or that the table has; in the folders' order. */
static silt_status given_types(silt_migrating *m, const silt_type **out)
{
    const silt_type *type = NULL;
    const char *text = m->opts->partition_by;
    if (m->before) {
        type = silt_snapshot_schema(m->before);
    } else if (*text) {
        SILT_TRY(silt_ddl_columns(text, m->arena, &type, m->err));
        if (type->field_count != m->by.count)
            return silt_fail(m->err, SILT_INVALID,
                             "partition_by: %zu columns are told, the folders have %zu (%s …)",
                             type->field_count, m->by.count, m->by.count ? m->by.items[0] : "none");
    }
    silt_type *made = silt_arena_calloc(m->arena, 1, sizeof(*made));
    silt_field *fields = silt_arena_calloc(m->arena, m->by.count + 1, sizeof(*fields));
    if (!made || !fields) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->by.count; i++) {
        int at = type ? silt_type_find(type, m->by.items[i]) : -1;
        if (at < 0)
            return silt_fail(m->err, SILT_INVALID,
                             "partition_by: the folders are of a column %s, whose type isn't told",
                             m->by.items[i]);
        fields[i] = type->fields[at];
    }
    *made = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = m->by.count};
    *out = made;
    return SILT_OK;
}

static silt_status fill_values(silt_migrating *m, silt_migrating_file *file)
{
    silt_pair *pairs = silt_arena_calloc(m->arena, m->by.count + 1, sizeof(*pairs));
    if (!pairs) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->by.count; i++) {
        const silt_type *type = m->by_types->fields[i].type;
        const char *text = file->folders[i];
        silt_value value;
        if (text && type->kind != SILT_TYPE_STRING && type->kind != SILT_TYPE_BINARY &&
            !silt_value_parse(text, type, &value)) {
            const char *why =
                silt_arena_printf(m->arena, "%s=%s isn't of the type %s", m->by.items[i], text,
                                  silt_type_name(type, m->arena));
            return why ? silt_migrating_problem(m, file->key, why) : silt_fail_nomem(m->err);
        }
        pairs[i] = (silt_pair){m->by.items[i], silt_partition_value(text, type, m->arena)};
        if (text && *text && !pairs[i].value) return silt_fail_nomem(m->err);
    }
    file->values = (silt_pairs){pairs, m->by.count};
    return SILT_OK;
}

silt_status silt_migrating_partitions(silt_migrating *m)
{
    if (m->before) m->by = silt_snapshot_state(m->before)->metadata.partition_columns;
    for (size_t i = 0; i < m->files.count; i++) {
        silt_names names;
        silt_migrating_file *file = &m->files.items[i];
        SILT_TRY(parse_folders(m, file->key, &names, &file->folders));
        if (i == 0 && !m->before) m->by = names;
        if (!silt_names_equal(names, m->by))
            SILT_TRY(silt_migrating_problem(
                m, file->key, "its folders name other partition columns than those before"));
    }
    if (m->problems.count) return SILT_OK;
    SILT_TRY(m->before || m->opts->partition_by ? given_types(m, &m->by_types)
                                                : infer_types(m, &m->by_types));
    for (size_t i = 0; i < m->files.count; i++)
        SILT_TRY(fill_values(m, &m->files.items[i]));
    return SILT_OK;
}

/* ---- columns */

/* A local path of a file of the source; where it has none, of a copy. */
static silt_status local_of(silt_migrating *m, const char *key, silt_arena *arena, const char **out)
{
    *out = silt_store_local_path(m->from, key, arena);
    if (*out) return SILT_OK;
    *out = silt_arena_printf(arena, "%s/footer", m->carry.scratch);
    if (!*out) return silt_fail_nomem(m->err);
    return m->from->ops->get_file(m->from, key, *out, m->err);
}

/* NULL: they go together, and `*out` has the fields of both; of types of which one is wider than
 * the other the wider or the narrower one, where both may be. */
static const char *merge(silt_migrating *m, const silt_type *a, const silt_type *b,
                         const char *path, bool wide, const silt_type **out)
{
    *out = a;
    if (a->kind != SILT_TYPE_STRUCT || b->kind != SILT_TYPE_STRUCT) {
        if (silt_type_equal(a, b)) return NULL;
        bool grows = m->opts->widen && silt_type_widens(a, b);
        *out = grows == wide ? b : a;
        if (grows || (m->opts->widen && silt_type_widens(b, a))) return NULL;
        return silt_arena_printf(m->arena, "column %s is %s, in files before %s", path,
                                 silt_type_name(b, m->arena), silt_type_name(a, m->arena));
    }
    silt_type *made = silt_arena_calloc(m->arena, 1, sizeof(*made));
    size_t count = a->field_count;
    silt_field *fields =
        silt_arena_calloc(m->arena, a->field_count + b->field_count + 1, sizeof(*fields));
    if (!made || !fields) return "out of memory";
    if (count) memcpy(fields, a->fields, count * sizeof(*fields));
    for (size_t i = 0; i < b->field_count; i++) {
        const silt_field *f = &b->fields[i];
        int at = silt_type_find(a, f->name);
        for (size_t k = 0; at < 0 && k < count; k++)
            if (strcasecmp(fields[k].name, f->name) == 0)
                return silt_arena_printf(m->arena, "columns %s and %s are one (case left aside)",
                                         fields[k].name, f->name);
        if (at < 0) {
            fields[count++] = *f;
            continue;
        }
        const char *inner = *path ? silt_arena_printf(m->arena, "%s.%s", path, f->name) : f->name;
        const char *why = merge(m, fields[at].type, f->type, inner, wide, &fields[at].type);
        if (why) return why;
    }
    *made = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    *out = made;
    return NULL;
}

/* The columns of a file that aren't folders', as a struct; NULL with a problem noted. */
static silt_status columns_of(silt_migrating *m, const char *key, silt_bytes schema,
                              const silt_type **out)
{
    const silt_parquet_node *root;
    silt_error why = {0};
    *out = NULL;
    silt_status st = silt_parquet_schema_parse(schema, m->arena, &root, &why);
    if (st == SILT_CORRUPT) return silt_migrating_problem(m, key, why.message);
    if (st != SILT_OK) return silt_fail(m->err, st, "%s", why.message);
    silt_type *made = silt_arena_calloc(m->arena, 1, sizeof(*made));
    silt_field *fields = silt_arena_calloc(m->arena, root->child_count + 1, sizeof(*fields));
    if (!made || !fields) return silt_fail_nomem(m->err);
    size_t count = 0;
    for (size_t i = 0; i < root->child_count; i++) {
        const char *problem = "", *name = root->children[i].name;
        if (silt_names_have(m->by, name)) continue; /* the folder's value counts */
        fields[count] = (silt_field){name, NULL, true, "{}"};
        SILT_TRY(
            silt_parquet_type(&root->children[i], m->arena, &fields[count].type, &problem, m->err));
        if (!fields[count++].type) {
            const char *text =
                silt_arena_printf(m->arena, "column %s can't be in a table: %s", name, problem);
            return text ? silt_migrating_problem(m, key, text) : silt_fail_nomem(m->err);
        }
    }
    *made = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = count};
    *out = made;
    return SILT_OK;
}

/* One schema that stands in files' footers, and what came of it. */
typedef struct seen_schema {
    const char *why; /* NULL: it goes with the others */
} seen_schema;

/* The columns of all files, in the widest and the narrowest types that these have. */
typedef struct all_columns {
    const silt_type *wide, *narrow; /* NULL: of no file yet */
} all_columns;

/* NULL: they go with the others. */
static const char *merge_in(silt_migrating *m, const silt_type *columns, all_columns *all)
{
    if (!all->wide) {
        *all = (all_columns){columns, columns};
        return NULL;
    }
    const char *why = merge(m, all->wide, columns, "", true, &all->wide);
    return why ? why : merge(m, all->narrow, columns, "", false, &all->narrow);
}

static silt_status look_at(silt_migrating *m, const char *key, silt_map64 *seen, silt_buf *schema,
                           all_columns *all)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *local;
    silt_error why = {0};
    bool found;
    if (!scratch) return silt_fail_nomem(m->err);
    SILT_TRY(local_of(m, key, scratch, &local));
    silt_buf_clear(schema);
    silt_status st = silt_parquet_schema_read(local, schema, &why);
    if (st == SILT_CORRUPT || st == SILT_UNSUPPORTED)
        return silt_migrating_problem(m, key, why.message);
    if (st != SILT_OK) return silt_fail(m->err, st, "%s", why.message);
    char *copy = silt_arena_strndup(m->arena, schema->data, schema->size);
    void **slot = copy ? silt_map64_slot(seen, copy, schema->size, &found) : NULL;
    if (!slot) return silt_fail_nomem(m->err);
    if (!found) {
        seen_schema *s = silt_arena_calloc(m->arena, 1, sizeof(*s));
        const silt_type *columns;
        size_t problems = m->problems.count;
        if (!s) return silt_fail_nomem(m->err);
        *slot = s;
        SILT_TRY(columns_of(m, key, (silt_bytes){copy, schema->size}, &columns));
        if (columns) s->why = merge_in(m, columns, all);
        if (m->problems.count == problems)
            return s->why ? silt_migrating_problem(m, key, s->why) : SILT_OK;
        s->why = m->problems.items[problems].why;
        return SILT_OK;
    }
    const seen_schema *s = *slot;
    return s->why ? silt_migrating_problem(m, key, s->why) : SILT_OK;
}

/* Whether a table's column may have files of that type. */
static bool fits_table(const silt_migrating *m, const silt_type *table, const silt_type *found)
{
    const silt_protocol *protocol = &silt_snapshot_state(m->before)->protocol;
    if (silt_type_equal(table, found)) return true;
    if (table->kind != SILT_TYPE_STRUCT || found->kind != SILT_TYPE_STRUCT)
        return silt_feature_supported(protocol, "typeWidening") && silt_type_widens(found, table);
    for (size_t i = 0; i < found->field_count; i++) {
        int at = silt_type_find(table, found->fields[i].name);
        if (at < 0 || !fits_table(m, table->fields[at].type, found->fields[i].type)) return false;
    }
    return true;
}

/* Columns that the table lacks, or has otherwise. */
static silt_status check_against_table(silt_migrating *m, const silt_type *found)
{
    const silt_type *table = silt_snapshot_schema(m->before);
    for (size_t i = 0; found && i < found->field_count; i++) {
        int at = silt_type_find(table, found->fields[i].name);
        if (at >= 0 && fits_table(m, table->fields[at].type, found->fields[i].type)) continue;
        silt_fail(m->err, SILT_BAD_DATA, "the new files have a column %s %s, the table has %s",
                  found->fields[i].name, silt_type_name(found->fields[i].type, m->arena),
                  at < 0 ? "none of this name" : silt_type_name(table->fields[at].type, m->arena));
        return silt_hint(m->err, SILT_BAD_DATA, "`silt alter` adds and widens columns");
    }
    return SILT_OK;
}

/* The columns of the files, and behind them those of the folders. */
static silt_status with_folders(silt_migrating *m, const silt_type *all, const silt_type **out)
{
    silt_type *made = silt_arena_calloc(m->arena, 1, sizeof(*made));
    silt_field *fields =
        silt_arena_calloc(m->arena, all->field_count + m->by.count + 1, sizeof(*fields));
    if (!made || !fields) return silt_fail_nomem(m->err);
    if (all->field_count) memcpy(fields, all->fields, all->field_count * sizeof(*fields));
    if (m->by.count)
        memcpy(fields + all->field_count, m->by_types->fields, m->by.count * sizeof(*fields));
    *made = (silt_type){
        .kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = all->field_count + m->by.count};
    *out = made;
    return SILT_OK;
}

silt_status silt_migrating_schema(silt_migrating *m, const silt_type **out,
                                  const silt_type **narrow)
{
    SILT_AUTO(silt_map64) seen = silt_map64_new();
    SILT_CLEAN(silt_buf) schema = {0};
    all_columns all = {0};
    if (!seen) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->files.count; i++)
        SILT_TRY(look_at(m, m->files.items[i].key, seen, &schema, &all));
    if (m->problems.count) return SILT_OK;
    if (m->before) {
        *out = *narrow = silt_snapshot_schema(m->before);
        SILT_TRY(check_against_table(m, all.wide));
        return check_against_table(m, all.narrow);
    }
    SILT_TRY(with_folders(m, all.wide, out));
    return with_folders(m, all.narrow, narrow);
}

/* ---- rows and statistics */

static silt_status fill_stats(silt_migrating *m, silt_migrating_file *file, silt_arena *scratch)
{
    const char *local;
    silt_parquet_footer footer;
    SILT_TRY(local_of(m, file->key, scratch, &local));
    SILT_TRY(silt_parquet_footer_load(local, scratch, &footer, m->err));
    const silt_staged_file staged = {.row_count = footer.row_count,
                                     .stats = footer.leaves,
                                     .stats_count = m->opts->no_stats ? 0 : footer.leaf_count};
    const char *stats =
        m->opts->no_stats
            ? silt_arena_printf(m->arena, "{\"numRecords\":%" PRId64 "}", footer.row_count)
            : silt_stats_json(&staged, m->schema, NULL, m->metadata, scratch);
    file->row_count = footer.row_count;
    file->stats = stats ? silt_arena_strdup(m->arena, stats) : NULL;
    return file->stats ? SILT_OK : silt_fail_nomem(m->err);
}

silt_status silt_migrating_stats(silt_migrating *m)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->files.count; i++) {
        silt_arena_reset(scratch);
        SILT_TRY(fill_stats(m, &m->files.items[i], scratch));
        m->result.rows += m->files.items[i].row_count;
        m->result.bytes += m->files.items[i].size_bytes;
        m->result.files++;
    }
    return SILT_OK;
}
