/* Parquet sources: which files have which columns of which types.
 *
 * A scan takes its schema from the first file and forces the others into it, so files whose schemas
 * differ become parts of their own. One query over all footers tells them apart. */
#include <strings.h>

#include "engine/duckdb_ops.h"

#include "base/hash.h"
#include "engine/parquet_schema.h"

static void put_paths(silt_buf *sql, const silt_duck_sources *s, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        if (i > first) silt_buf_puts(sql, ", ");
        silt_sql_text(sql, s->files[i]->local_path);
    }
}

/* path → a number that is the same for the same schema. */
static silt_status read_signatures(silt_duck_sources *s, const silt_duck_part *part,
                                   silt_arena *arena, silt_map64 *signatures, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    silt_buf_puts(&sql, "SELECT file_name, hash(list({a: name, b: type, c: num_children, "
                        "d: converted_type, e: scale, f: precision, g: logical_type} "
                        "ORDER BY column_id)) FROM parquet_schema([");
    put_paths(&sql, s, part->first, part->count);
    silt_buf_puts(&sql, "]) GROUP BY file_name");
    SILT_TRY(silt_duck_query(s->db, &sql, &result, err));
    for (;;) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
        if (!chunk) return SILT_OK;
        const void *names = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0));
        const uint64_t *hashes =
            silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 1));
        for (idx_t i = 0; i < silt_duck.data_chunk_get_size(chunk); i++) {
            silt_bytes name = silt_duck_bytes(names, i);
            char *key = silt_arena_strndup(arena, name.data, name.size);
            bool found = false;
            void **slot = key ? silt_map64_slot(signatures, key, name.size, &found) : NULL;
            if (!slot) return silt_fail_nomem(err);
            *slot = (void *)(uintptr_t)hashes[i];
        }
    }
}

/* The columns of one file that its group wants, in the group's order; whether one that differs by
 * the case of letters is meant has been decided before. */
static silt_status read_columns(silt_duck_sources *s, silt_duck_part *part, silt_arena *arena,
                                silt_error *err)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    const silt_column *there = NULL;
    size_t count = 0;
    SILT_TRY(silt_duck_parquet_columns(s->db, s->files[part->first]->local_path, arena, &there,
                                       &count, err));
    silt_column *read = silt_arena_calloc(arena, group->column_count + 1, sizeof *read);
    if (!read) return silt_fail_nomem(err);
    for (size_t i = 0; i < group->column_count; i++) {
        for (size_t j = 0; j < count && !read[i].name; j++)
            if (silt_streq(there[j].name, group->columns[i].name)) read[i] = there[j];
        for (size_t j = 0; j < count && !read[i].name; j++)
            if (strcasecmp(there[j].name, group->columns[i].name) == 0) read[i] = there[j];
        if (!read[i].name)
            return silt_fail(err, SILT_BAD_DATA, "there is no column %s", group->columns[i].name);
        for (size_t c = 0; c < s->spec->column_count; c++) {
            const silt_output_column *out = &s->spec->columns[c];
            if (!silt_streq(out->source, read[i].name) ||
                silt_duck_source_variant(read[i].type, out->type))
                continue;
            return silt_fail(err, SILT_BAD_DATA,
                             "column %s is %s, which can't become %s: a variant is one there too, "
                             "or a struct of its binary metadata and value",
                             read[i].name, silt_type_name(read[i].type, arena),
                             silt_type_name(out->type, arena));
        }
    }
    part->read = read;
    return SILT_OK;
}

static bool has_double(const silt_type *type)
{
    bool has = type->kind == SILT_TYPE_DOUBLE;
    if (type->key) has |= has_double(type->key);
    if (type->element) has |= has_double(type->element);
    for (size_t i = 0; i < type->field_count && !has; i++)
        has = has_double(type->fields[i].type);
    return has;
}

static bool has_wide_decimal(const silt_parquet_node *node)
{
    bool has = node->kind == SILT_PARQUET_DECIMAL && node->precision > 38;
    for (size_t i = 0; i < node->child_count && !has; i++)
        has = has_wide_decimal(&node->children[i]);
    return has;
}

/* DuckDB makes doubles of longer decimals, and wrong ones. What we can't parse is its business. */
static silt_status refuse_wide_decimals(const char *path, silt_arena *arena, silt_error *err)
{
    SILT_CLEAN(silt_buf) schema = {0};
    const silt_parquet_node *root;
    silt_error harmless = {0};
    if (silt_parquet_schema_read(path, &schema, &harmless) != SILT_OK ||
        silt_parquet_schema_parse(silt_buf_bytes(&schema), arena, &root, &harmless) != SILT_OK)
        return SILT_OK;
    for (size_t i = 0; i < root->child_count; i++)
        if (has_wide_decimal(&root->children[i]))
            return silt_fail(err, SILT_BAD_DATA,
                             "column %s: decimals of more than 38 digits can't be kept",
                             root->children[i].name);
    return SILT_OK;
}

silt_status silt_duck_parquet_columns(silt_duck_engine *db, const char *path, silt_arena *arena,
                                      const silt_column **columns, size_t *count, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "SELECT * FROM read_parquet([");
    silt_sql_text(&sql, path);
    silt_buf_puts(&sql, "], hive_partitioning = false)");
    SILT_TRY(silt_duck_describe(db, &sql, arena, columns, count, err));
    bool doubtful = false;
    for (size_t i = 0; i < *count; i++)
        doubtful |= has_double((*columns)[i].type);
    return doubtful ? refuse_wide_decimals(path, arena, err) : SILT_OK;
}

/* A footer can't be read: find whose, one by one. */
static silt_status find_broken(silt_duck_sources *s, const silt_duck_part *part, silt_status st,
                               silt_error *err)
{
    silt_error first = {0};
    for (size_t i = part->first; i < part->first + part->count; i++) {
        SILT_AUTO(silt_arena) scratch = silt_arena_new();
        const silt_column *columns = NULL;
        size_t count = 0;
        silt_error why = {0};
        if (!scratch) return silt_fail_nomem(err);
        SILT_TRY(silt_duck_start(s->db, err));
        silt_status one = silt_duck_parquet_columns(s->db, s->files[i]->local_path, scratch,
                                                    &columns, &count, &why);
        if (one == SILT_OK) continue;
        if (one == SILT_INTERRUPTED || one == SILT_NOMEM)
            return silt_fail(err, one, "%s", why.message);
        (void)silt_duck_sources_blame(s, i, SILT_BAD_DATA, why.message, &first);
    }
    if (first.status == SILT_OK) return st;
    if (err) *err = first;
    return SILT_BAD_DATA;
}

/* Cut a part where the schema changes from one file to the next. */
static silt_status split(silt_duck_sources *s, const silt_duck_part *part, silt_arena *arena,
                         silt_duck_part *out, size_t *out_count, silt_error *err)
{
    SILT_AUTO(silt_map64) signatures = silt_map64_new();
    if (!signatures) return silt_fail_nomem(err);
    if (part->count > 1) SILT_TRY(read_signatures(s, part, arena, signatures, err));
    const void *last = NULL;
    for (size_t i = part->first; i < part->first + part->count; i++) {
        silt_bytes path = silt_bytes_of(s->files[i]->local_path);
        const void *signature = silt_map64_get(signatures, path.data, path.size);
        if (i == part->first || signature != last) {
            out[*out_count] = *part;
            out[*out_count].first = i;
            out[(*out_count)++].count = 0;
        }
        out[*out_count - 1].count++;
        last = signature;
    }
    return SILT_OK;
}

static silt_status blame_part(silt_duck_sources *s, const silt_duck_part *part, silt_error *why,
                              silt_error *err)
{
    for (size_t i = part->first; i < part->first + part->count; i++)
        (void)silt_duck_sources_blame(s, i, SILT_BAD_DATA, why->message, err);
    return SILT_BAD_DATA;
}

silt_status silt_duck_parquet_parts(silt_duck_sources *s, silt_arena *arena, silt_error *err)
{
    silt_duck_part *parts = silt_arena_calloc(arena, s->file_count + 1, sizeof *parts);
    if (!parts) return silt_fail_nomem(err);
    size_t count = 0;
    silt_status verdict = SILT_OK;
    for (size_t p = 0; p < s->part_count; p++) {
        const silt_duck_part *part = &s->parts[p];
        if (s->spec->groups[part->group].format != SILT_FORMAT_PARQUET) {
            parts[count++] = *part;
            continue;
        }
        size_t from = count;
        silt_status st = split(s, part, arena, parts, &count, err);
        if (st == SILT_FAILED || st == SILT_IO) st = find_broken(s, part, st, err);
        for (size_t i = from; st == SILT_OK && i < count; i++) {
            silt_error why = {0};
            st = read_columns(s, &parts[i], arena, &why);
            if (st == SILT_BAD_DATA || st == SILT_FAILED)
                st = blame_part(s, &parts[i], &why, err);
            else if (st != SILT_OK && err)
                *err = why;
            if (st == SILT_BAD_DATA) {
                verdict = st;
                st = SILT_OK;
            }
        }
        if (st != SILT_OK) return st;
    }
    s->parts = parts;
    s->part_count = count;
    return verdict;
}
