/* Flat rows into one Parquet file: COPY from a table function that asks the caller for rows.
 *
 * DuckDB builds structs, maps and lists out of the flat columns. Only one thread ever calls the
 * source. */
#include "base/json.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_stream.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the table function silt_flat(id): one column a flat column ------------------------------ */

static const char flat_function[] = "silt_flat"; /* its address is the kind of the scan, too */

/* One call. */
typedef struct flat_write {
    silt_duck_scan scan;
    const silt_flat_kind *kinds;
    size_t kind_count;
    silt_arena *arena;
    silt_flat_source *source;
    void *source_ctx;
    size_t *wanted; /* the flat columns that are used, in the order of the chunk's */
    size_t wanted_count;
    silt_flat_batch batch;
    size_t next; /* row of the batch */
    bool ended;
    silt_status status; /* why the source ended it, which DuckDB couldn't carry */
    silt_error err;
} flat_write;

static void flat_bind(duckdb_bind_info info)
{
    silt_duck_engine *db = silt_duck.bind_get_extra_info(info);
    duckdb_value id = silt_duck.bind_get_parameter(info, 0);
    flat_write *w = silt_duck_scan_data(db, silt_duck.get_int64(id), flat_function);
    silt_duck.destroy_value(&id);
    if (!w) {
        silt_duck.bind_set_error(info, "silt_flat is for the engine's own use");
        return;
    }
    for (size_t c = 0; c < w->kind_count; c++) {
        static const duckdb_type types[] = {
            [SILT_FLAT_BOOL] = DUCKDB_TYPE_BOOLEAN,      [SILT_FLAT_INT] = DUCKDB_TYPE_BIGINT,
            [SILT_FLAT_TIME] = DUCKDB_TYPE_TIMESTAMP_TZ, [SILT_FLAT_TEXT] = DUCKDB_TYPE_VARCHAR,
            [SILT_FLAT_JSON] = DUCKDB_TYPE_VARCHAR,      [SILT_FLAT_FILE] = DUCKDB_TYPE_BIGINT,
        };
        char name[32];
        SILT_CLEAN(silt_duck_type) type = silt_duck.create_logical_type(types[w->kinds[c]]);
        (void)snprintf(name, sizeof name, "c%zu", c);
        silt_duck.bind_add_result_column(info, name, type);
    }
    silt_duck.bind_set_bind_data(info, w, NULL);
}

static void flat_init(duckdb_init_info info)
{
    flat_write *w = silt_duck.init_get_bind_data(info);
    silt_duck.init_set_max_threads(info, 1);
    w->wanted_count = silt_duck.init_get_column_count(info);
    w->wanted = silt_arena_calloc(w->arena, w->wanted_count, sizeof *w->wanted);
    if (!w->wanted) return silt_duck.init_set_error(info, "out of memory");
    for (size_t i = 0; i < w->wanted_count; i++)
        w->wanted[i] = silt_duck.init_get_column_index(info, i);
}

/* Copy `count` rows of a column from the batch to row `to` on. False: text that isn't UTF-8. */
static bool put_column(const flat_write *w, size_t column, duckdb_vector out, size_t to,
                       size_t count)
{
    const silt_flat_vector *in = &w->batch.columns[column];
    void *data = silt_duck.vector_get_data(out);
    uint64_t *validity = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t row = w->next + i;
        if (!silt_flat_valid(in, row)) {
            if (!validity) {
                silt_duck.vector_ensure_validity_writable(out);
                validity = silt_duck.vector_get_validity(out);
            }
            validity[(to + i) / 64] &= ~((uint64_t)1 << (to + i) % 64);
            continue;
        }
        if (w->kinds[column] == SILT_FLAT_BOOL)
            ((bool *)data)[to + i] = in->ints[row] != 0;
        else if (w->kinds[column] == SILT_FLAT_INT || w->kinds[column] == SILT_FLAT_TIME)
            ((int64_t *)data)[to + i] = in->ints[row];
        else
            silt_duck.vector_assign_string_element_len(out, to + i, in->texts[row].data,
                                                       in->texts[row].size);
    }
    if (w->kinds[column] != SILT_FLAT_TEXT && w->kinds[column] != SILT_FLAT_JSON) return true;
    /* DuckDB makes null of what isn't UTF-8 and says nothing. */
    validity = silt_duck.vector_get_validity(out);
    for (size_t i = 0; validity && i < count; i++)
        if (silt_flat_valid(in, w->next + i) && !silt_duck_valid(validity, to + i)) return false;
    return true;
}

static silt_status next_batch(flat_write *w)
{
    w->next = 0;
    w->batch = (silt_flat_batch){0};
    SILT_TRY(w->source(w->source_ctx, &w->batch, &w->err));
    w->ended = w->batch.row_count == 0;
    return SILT_OK;
}

/* Fill a chunk, over as many batches as it takes. */
static silt_status fill_chunk(flat_write *w, duckdb_data_chunk chunk, size_t *rows)
{
    size_t capacity = silt_duck.vector_size();
    while (*rows < capacity && !w->ended) {
        if (w->next == w->batch.row_count) {
            SILT_TRY(next_batch(w));
            continue;
        }
        size_t count = w->batch.row_count - w->next;
        if (count > capacity - *rows) count = capacity - *rows;
        for (size_t i = 0; i < w->wanted_count; i++)
            if (!put_column(w, w->wanted[i], silt_duck.data_chunk_get_vector(chunk, i), *rows,
                            count))
                return silt_fail(&w->err, SILT_INVALID, "column %zu: text that is not UTF-8",
                                 w->wanted[i]);
        w->next += count;
        *rows += count;
    }
    return SILT_OK;
}

static void flat_function_run(duckdb_function_info info, duckdb_data_chunk chunk)
{
    flat_write *w = silt_duck.function_get_bind_data(info);
    size_t rows = 0;
    w->status = fill_chunk(w, chunk, &rows);
    if (w->status != SILT_OK) silt_duck.function_set_error(info, w->err.message);
    silt_duck.data_chunk_set_size(chunk, w->status == SILT_OK ? rows : 0);
}

silt_status silt_duck_flat_register(silt_duck_engine *db, silt_error *err)
{
    duckdb_table_function f = silt_duck.create_table_function();
    SILT_CLEAN(silt_duck_type) id = silt_duck.create_logical_type(DUCKDB_TYPE_BIGINT);
    silt_duck.table_function_set_name(f, flat_function);
    silt_duck.table_function_add_parameter(f, id);
    silt_duck.table_function_set_extra_info(f, db, NULL);
    silt_duck.table_function_set_bind(f, flat_bind);
    silt_duck.table_function_set_init(f, flat_init);
    silt_duck.table_function_set_function(f, flat_function_run);
    silt_duck.table_function_supports_projection_pushdown(f, true);
    duckdb_state state = silt_duck.register_table_function(db->connection, f);
    silt_duck.destroy_table_function(&f);
    if (state == DuckDBSuccess) return SILT_OK;
    return silt_fail(err, SILT_FAILED, "engine: function %s can't be registered", flat_function);
}

/* ---- the projection -------------------------------------------------------------------------- */

static bool is_natural(silt_flat_kind kind, const silt_type *type)
{
    return (kind == SILT_FLAT_BOOL && type->kind == SILT_TYPE_BOOLEAN) ||
           (kind == SILT_FLAT_INT && type->kind == SILT_TYPE_LONG) ||
           (kind == SILT_FLAT_TIME && type->kind == SILT_TYPE_TIMESTAMP) ||
           ((kind == SILT_FLAT_TEXT || kind == SILT_FLAT_JSON) && type->kind == SILT_TYPE_STRING);
}

/* A struct as from_json() is told of it: {"a":"BIGINT","b":{"c":"DATE"}}, within a text of SQL. */
static silt_status structure_json(const silt_type *type, silt_json_writer *w, silt_error *err)
{
    if (type->kind == SILT_TYPE_STRUCT) {
        silt_json_begin_object(w);
        for (size_t i = 0; i < type->field_count; i++) {
            silt_json_key(w, type->fields[i].name);
            SILT_TRY(structure_json(type->fields[i].type, w, err));
        }
        silt_json_end_object(w);
        return SILT_OK;
    }
    SILT_CLEAN(silt_buf) name = {0};
    SILT_TRY(silt_sql_type(&name, type, err));
    silt_json_put_string(w, silt_buf_bytes(&name).data);
    return name.failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status json_sql(const silt_node *node, silt_buf *sql, silt_error *err)
{
    SILT_CLEAN(silt_buf) structure = {0};
    silt_json_writer w = silt_json_writer_of(&structure);
    SILT_TRY(structure_json(node->type, &w, err));
    if (structure.failed) return silt_fail_nomem(err);
    silt_buf_printf(sql, "CASE WHEN json_valid(c%zu) THEN from_json(c%zu, ", node->column,
                    node->column);
    silt_sql_text(sql, structure.data);
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

/* Append what makes a node's value of the flat columns. Trees are a few levels deep. */
static silt_status node_sql(const flat_write *w, const silt_node *node, silt_buf *sql,
                            silt_error *err)
{
    switch (node->kind) {
    case SILT_NODE_LEAF:
        if (is_natural(w->kinds[node->column], node->type)) {
            silt_buf_printf(sql, "c%zu", node->column);
            return SILT_OK;
        }
        silt_buf_printf(sql, "CAST(c%zu AS ", node->column);
        SILT_TRY(silt_sql_type(sql, node->type, err));
        silt_buf_putc(sql, ')');
        return SILT_OK;
    case SILT_NODE_MAP:
        silt_buf_printf(sql, "from_json(c%zu, '\"MAP(VARCHAR, VARCHAR)\"')", node->column);
        return SILT_OK;
    case SILT_NODE_LIST:
        silt_buf_printf(sql, "from_json(c%zu, '[\"VARCHAR\"]')", node->column);
        return SILT_OK;
    case SILT_NODE_JSON:
        return json_sql(node, sql, err);
    case SILT_NODE_STRUCT:
        break;
    }
    silt_buf_printf(sql, "CASE WHEN c%zu THEN struct_pack(", node->column);
    for (size_t i = 0; i < node->child_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, node->children[i].name);
        silt_buf_puts(sql, " := ");
        SILT_TRY(node_sql(w, &node->children[i], sql, err));
    }
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

/* A tree that fits the flat columns is the caller's part; what doesn't is said by its name. */
static silt_status check_node(const flat_write *w, const silt_node *node, silt_error *err)
{
    bool good = node->column < w->kind_count;
    silt_flat_kind kind = good ? w->kinds[node->column] : SILT_FLAT_FILE;
    if (node->kind == SILT_NODE_LEAF)
        good = good && node->type;
    else if (node->kind == SILT_NODE_STRUCT)
        good = kind == SILT_FLAT_BOOL && node->child_count > 0;
    else
        good = kind == SILT_FLAT_TEXT || kind == SILT_FLAT_JSON;
    if (node->kind == SILT_NODE_JSON)
        good = good && node->type && node->type->kind == SILT_TYPE_STRUCT;
    if (!good || kind == SILT_FLAT_FILE)
        return silt_fail(err, SILT_INVALID, "column %s: does not fit its flat column", node->name);
    for (size_t i = 0; i < node->child_count; i++)
        SILT_TRY(check_node(w, &node->children[i], err));
    return SILT_OK;
}

static silt_status copy_sql(const flat_write *w, const silt_node *nodes, size_t node_count,
                            const char *local_path, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "COPY (SELECT ");
    for (size_t i = 0; i < node_count; i++) {
        SILT_TRY(check_node(w, &nodes[i], err));
        if (i) silt_buf_puts(sql, ", ");
        SILT_TRY(node_sql(w, &nodes[i], sql, err));
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, nodes[i].name);
    }
    silt_buf_printf(sql, " FROM %s(%" PRId64 ")) TO ", flat_function, w->scan.id);
    silt_sql_text(sql, local_path);
    silt_buf_puts(sql, " (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 20480, RETURN_STATS)");
    return SILT_OK;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* silt_duck_copy_result() takes a file without rows away. Here it is what was asked for: write it
 * again; the source has ended and isn't asked. */
static silt_status write_empty(silt_duck_engine *db, const silt_buf *sql, const char *local_path,
                               silt_arena *arena, silt_staged_file *out, silt_error *err)
{
    struct stat st;
    SILT_TRY(silt_duck_query(db, sql, NULL, err));
    if (stat(local_path, &st) != 0) return silt_fail_errno(err, errno, "%s", local_path);
    const char *path = silt_arena_strdup(arena, local_path);
    if (!path) return silt_fail_nomem(err);
    *out = (silt_staged_file){.local_path = path, .size_bytes = st.st_size};
    return SILT_OK;
}

static silt_status write_rows(silt_duck_engine *db, flat_write *w, const silt_node *nodes,
                              size_t node_count, const char *local_path, silt_arena *arena,
                              silt_staged_file *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    SILT_TRY(copy_sql(w, nodes, node_count, local_path, &sql, err));
    silt_status st = silt_duck_query_long(db, &sql, &result, err);
    if (w->status != SILT_OK) {
        if (err) *err = w->err;
        return w->status;
    }
    SILT_TRY(st);
    silt_stage_result files = {0};
    silt_write_spec write = {0};
    SILT_TRY(silt_duck_copy_result(db, &result, NULL, &write, arena, &files, err));
    if (files.file_count == 0) return write_empty(db, &sql, local_path, arena, out, err);
    *out = files.files[0];
    return SILT_OK;
}

silt_status silt_duck_write_flat(silt_engine *engine, const silt_flat_kind *kinds,
                                 size_t kind_count, const silt_node *nodes, size_t node_count,
                                 silt_flat_source *source, void *ctx, const char *local_path,
                                 silt_arena *arena, silt_staged_file *out, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    SILT_TRY(silt_duck_start(db, err));
    flat_write w = {.kinds = kinds,
                    .kind_count = kind_count,
                    .arena = arena,
                    .source = source,
                    .source_ctx = ctx};
    w.scan = (silt_duck_scan){.kind = flat_function, .data = &w};
    SILT_TRY(silt_duck_utc_begin(db, err)); /* casts of instants, and their bounds as text */
    silt_duck_scan_add(db, &w.scan);
    silt_status st = write_rows(db, &w, nodes, node_count, local_path, arena, out, err);
    silt_duck_scan_remove(db, &w.scan);
    silt_duck_utc_end(db);
    if (st != SILT_OK) (void)unlink(local_path);
    return st;
}
