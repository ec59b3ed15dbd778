/* Statements over tables. The text that DuckDB binds is the one that was written: delta() and
 * delta_changes() are macros of the session, names are its views, and each stands for a SELECT over
 * data files, into which DuckDB moves what is outside of it. */
#include "engine/duckdb_query.h"

#include <stdio.h>
#include <strings.h>

#include "engine/duckdb_ast.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

struct silt_duck_query_state {
    silt_duck_engine *db;
    const char *sql;
    silt_arena *arena;
    const silt_duck_relation *relations;
    silt_duck_rows *rows; /* by relation */
    size_t count, opened;
    const silt_column *columns;
    const bool *cast; /* by column: DuckDB has another type for it */
    size_t column_count;
};

/* ---- messages ----------------------------------------------------------------------------------
 */

/* Where DuckDB's "LINE 2: select …" with a mark under it points to; false: it doesn't say. */
static bool marked_place(const char *text, int64_t *line, int64_t *column)
{
    const char *at = strstr(text, "\n\nLINE ");
    char number[24];
    if (!at) return false;
    at += 2;
    const char *digits = at + strlen("LINE "), *code = strstr(digits, ": ");
    const char *end = strchr(digits, '\n'), *mark = end ? strchr(end, '^') : NULL;
    if (!code || !mark || (size_t)(code - digits) >= sizeof number) return false;
    (void)snprintf(number, sizeof number, "%.*s", (int)(code - digits), digits);
    if (!silt_parse_int64(number, line)) return false;
    /* A long line is cut at its front, and then the mark says nothing. */
    bool cut = strncmp(code + 2, "...", 3) == 0;
    *column = cut ? 0 : (mark - end - 1) - (code + 2 - at) + 1;
    return true;
}

/* What is wrong with the statement: without the class of DuckDB's that it is of. */
static silt_status bad_statement(const silt_duck_query_state *q, silt_status st, silt_error *err)
{
    static const char *const classes[] = {
        "Binder Error: ",        "Catalog Error: ",    "Parser Error: ",
        "Invalid Input Error: ", "Conversion Error: ", "Not implemented Error: "};
    int64_t line, column;
    char message[sizeof(err->message)];
    if (st != SILT_FAILED || !err) return st == SILT_FAILED ? SILT_INVALID : st;
    const char *text = err->message;
    for (size_t i = 0; i < SILT_COUNT(classes); i++)
        if (silt_starts_with(text, classes[i])) text += strlen(classes[i]);
    (void)snprintf(message, sizeof message, "%s", text);
    if (!marked_place(q->db->error_text.data ? q->db->error_text.data : "", &line, &column))
        return silt_fail(err, SILT_INVALID, "%s", message);
    if (column < 1) return silt_fail(err, SILT_INVALID, "line %" PRId64 ": %s", line, message);
    return silt_fail(err, SILT_INVALID, "line %" PRId64 ", column %" PRId64 ": %s", line, column,
                     message);
}

/* ---- relations ---------------------------------------------------------------------------------
 */

static silt_status read_tree(silt_duck_query_state *q, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    silt_buf_puts(&sql, "SELECT CAST(json_serialize_sql(CAST(");
    silt_sql_text(&sql, q->sql);
    silt_buf_puts(&sql, " AS VARCHAR), skip_null := true, skip_default := true) AS VARCHAR)");
    SILT_TRY(silt_duck_query(q->db, &sql, &result, err));
    SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(result);
    if (!chunk || silt_duck.data_chunk_get_size(chunk) != 1)
        return silt_fail(err, SILT_FAILED, "internal error: no tree of the statement");
    const silt_json *tree = NULL;
    silt_bytes text =
        silt_duck_bytes(silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(chunk, 0)), 0);
    if (silt_json_parse(text, q->arena, &tree, err) != SILT_OK)
        return silt_wrap(err, SILT_UNSUPPORTED, "the statement's tree");
    return silt_duck_ast_read(q->sql, tree, q->arena, &q->relations, &q->count, err);
}

static silt_status open_relations(silt_duck_query_state *q, const silt_query_spec *spec,
                                  silt_error *err)
{
    q->rows = silt_arena_calloc(q->arena, q->count, sizeof *q->rows);
    if (!q->rows) return silt_fail_nomem(err);
    for (size_t i = 0; i < q->count; i++) {
        const silt_duck_relation *relation = &q->relations[i];
        const silt_rows_spec *rows = NULL;
        silt_status st = spec->relation(spec->ctx, &relation->request, &rows, err);
        if (st == SILT_NOT_FOUND && relation->request.is_name) {
            silt_error said = err ? *err : (silt_error){0};
            st = silt_duck_ast_fail(err, st, q->sql, relation->offset, "%s", said.message);
            return *said.hint ? silt_hint(err, st, "%s", said.hint) : st;
        }
        SILT_TRY(st);
        q->opened = i + 1;
        SILT_TRY(silt_duck_rows_init(&q->rows[i], q->db, rows, err));
    }
    return SILT_OK;
}

static void put_match(silt_buf *sql, const char *name, const char *value)
{
    silt_buf_printf(sql, " AND CAST(%s AS VARCHAR) IS NOT DISTINCT FROM ", name);
    silt_sql_text(sql, value);
}

/* A macro that chooses the SELECT by its arguments, which are literals. */
static silt_status make_macro(silt_duck_query_state *q, bool changes, silt_error *err)
{
    const char *const names[] = {"p", changes ? "\"from\"" : "version",
                                 changes ? "\"to\"" : SILT_DUCK_AST_TIMESTAMP};
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "CREATE TEMP MACRO %s(%s, %s%s, %s := NULL) AS TABLE FROM query(CASE",
                    changes ? "delta_changes" : "delta", names[0], names[1],
                    changes ? "" : " := NULL", names[2]);
    for (size_t i = 0; i < q->count; i++) {
        const silt_duck_relation *relation = &q->relations[i];
        SILT_CLEAN(silt_buf) select = {0};
        if (relation->request.is_name || relation->request.changes != changes) continue;
        SILT_TRY(silt_duck_rows_sql(&q->rows[i], SILT_DUCK_GUARDED, &select, err));
        if (select.failed) return silt_fail_nomem(err);
        silt_buf_puts(&sql, " WHEN true");
        for (int a = 0; a < 3; a++)
            put_match(&sql, names[a], relation->arguments[a]);
        silt_buf_puts(&sql, " THEN ");
        silt_sql_text(&sql, select.data);
    }
    silt_buf_puts(&sql, " WHEN false THEN '' END)");
    return silt_duck_query(q->db, &sql, NULL, err);
}

static silt_status make_view(silt_duck_query_state *q, size_t i, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_puts(&sql, "CREATE TEMP VIEW ");
    silt_sql_name(&sql, q->relations[i].request.table);
    silt_buf_puts(&sql, " AS ");
    SILT_TRY(silt_duck_rows_sql(&q->rows[i], SILT_DUCK_GUARDED, &sql, err));
    silt_status st = silt_duck_query(q->db, &sql, NULL, err);
    return st == SILT_OK ? st : silt_duck_rows_blame(&q->rows[i], st, err);
}

static silt_status make_relations(silt_duck_query_state *q, silt_error *err)
{
    bool has[2] = {false, false};
    for (size_t i = 0; i < q->count; i++) {
        if (q->relations[i].request.is_name)
            SILT_TRY(make_view(q, i, err));
        else
            has[q->relations[i].request.changes] = true;
    }
    for (int changes = 0; changes < 2; changes++)
        if (has[changes]) SILT_TRY(make_macro(q, changes != 0, err));
    return SILT_OK;
}

/* ---- columns -----------------------------------------------------------------------------------
 */

/* Whether DuckDB's type is the one that silt_duck_type_from() says it is. */
static bool is_twin(duckdb_logical_type type)
{
    switch (silt_duck.get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return true;
    case DUCKDB_TYPE_LIST: {
        SILT_CLEAN(silt_duck_type) child = silt_duck.list_type_child_type(type);
        return is_twin(child);
    }
    case DUCKDB_TYPE_MAP: {
        SILT_CLEAN(silt_duck_type) key = silt_duck.map_type_key_type(type);
        SILT_CLEAN(silt_duck_type) value = silt_duck.map_type_value_type(type);
        return is_twin(key) && is_twin(value);
    }
    case DUCKDB_TYPE_STRUCT:
        for (idx_t i = 0; i < silt_duck.struct_type_child_count(type); i++) {
            SILT_CLEAN(silt_duck_type) child = silt_duck.struct_type_child_type(type, i);
            if (!is_twin(child)) return false;
        }
        return true;
    default:
        return false;
    }
}

/* As it is, or with _1, _2, … behind it where one before is the same but for its case. */
static const char *unique_name(const silt_column *before, size_t count, const char *name,
                               silt_arena *arena)
{
    const char *tried = silt_arena_strdup(arena, name);
    for (int n = 1; tried; n++) {
        bool taken = false;
        for (size_t i = 0; i < count && !taken; i++)
            taken = strcasecmp(before[i].name, tried) == 0;
        if (!taken) break;
        tried = silt_arena_printf(arena, "%s_%d", name, n);
    }
    return tried;
}

static silt_status take_columns(silt_duck_query_state *q, duckdb_prepared_statement statement,
                                silt_error *err)
{
    size_t n = silt_duck.prepared_statement_column_count(statement);
    silt_column *columns = silt_arena_calloc(q->arena, n, sizeof *columns);
    bool *cast = silt_arena_calloc(q->arena, n, sizeof *cast);
    if (!columns || !cast) return silt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        char *name = (char *)silt_duck.prepared_statement_column_name(statement, i);
        SILT_CLEAN(silt_duck_type)
        type = silt_duck.prepared_statement_column_logical_type(statement, i);
        columns[i].name = name ? unique_name(columns, i, name, q->arena) : NULL;
        columns[i].type = type ? silt_duck_type_of_column(type, q->arena) : NULL;
        cast[i] = type && !is_twin(type);
        silt_duck.free(name);
        if (!columns[i].name || !columns[i].type) return silt_fail_nomem(err);
    }
    if (n == 0) return silt_fail(err, SILT_INVALID, "the statement gives no columns");
    q->columns = columns;
    q->cast = cast;
    q->column_count = n;
    return SILT_OK;
}

/* ---- the statement -----------------------------------------------------------------------------
 */

static silt_status bind(silt_duck_query_state *q, silt_error *err)
{
    duckdb_prepared_statement statement = NULL;
    silt_duck_begin(q->db);
    silt_status st = silt_duck_prepare(q->db, q->sql, &statement, err);
    silt_duck_end(q->db);
    if (st != SILT_OK) return bad_statement(q, silt_duck_query_blame(q, st, err), err);
    st = take_columns(q, statement, err);
    silt_duck.destroy_prepare(&statement);
    return st;
}

silt_status silt_duck_query_open(silt_duck_engine *db, const silt_query_spec *spec,
                                 silt_arena *arena, silt_duck_query_state **out,
                                 const silt_column **columns, size_t *count, silt_error *err)
{
    silt_duck_query_state *q = silt_arena_calloc(arena, 1, sizeof *q);
    if (!q) return silt_fail_nomem(err);
    *q = (silt_duck_query_state){
        .db = db, .sql = silt_duck_ast_text(spec->sql, arena), .arena = arena};
    silt_status st = q->sql ? read_tree(q, err) : silt_fail_nomem(err);
    if (st == SILT_OK) st = open_relations(q, spec, err);
    if (st == SILT_OK) st = make_relations(q, err);
    if (st == SILT_OK) st = bind(q, err);
    if (st != SILT_OK) {
        silt_duck_query_close(q);
        return st;
    }
    *out = q;
    *columns = q->columns;
    *count = q->column_count;
    return SILT_OK;
}

void silt_duck_query_close(silt_duck_query_state *query)
{
    for (size_t i = 0; query && i < query->opened; i++)
        silt_duck_rows_release(&query->rows[i]);
    if (query) query->opened = 0;
}

silt_status silt_duck_query_sql(const silt_duck_query_state *q, silt_buf *sql, silt_error *err)
{
    for (size_t i = 0; i < q->column_count; i++) {
        silt_buf_puts(sql, i ? ", " : "SELECT ");
        if (q->columns[i].type->kind == SILT_TYPE_VARIANT) {
            SILT_CLEAN(silt_buf) name = {0};
            silt_sql_name(&name, q->columns[i].name);
            if (name.failed) return silt_fail_nomem(err);
            silt_duck_variant_parts(name.data, sql);
            silt_buf_printf(sql, " AS %s", name.data);
            continue;
        }
        if (q->cast[i]) silt_buf_puts(sql, "CAST(");
        silt_sql_name(sql, q->columns[i].name);
        if (!q->cast[i]) continue;
        silt_buf_puts(sql, " AS ");
        SILT_TRY(silt_sql_type(sql, q->columns[i].type, err));
        silt_buf_puts(sql, ") AS ");
        silt_sql_name(sql, q->columns[i].name);
    }
    silt_buf_puts(sql, " FROM query(");
    silt_sql_text(sql, q->sql);
    silt_buf_puts(sql, ") q(");
    for (size_t i = 0; i < q->column_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, q->columns[i].name);
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

silt_status silt_duck_query_blame(const silt_duck_query_state *q, silt_status st, silt_error *err)
{
    /* A value that the statement can't cast says nothing of files. */
    if (st == SILT_FAILED && q->db->error_type != DUCKDB_ERROR_INVALID_INPUT &&
        q->db->error_type != DUCKDB_ERROR_INTERNAL &&
        q->db->error_type != DUCKDB_ERROR_SERIALIZATION)
        return st;
    for (size_t i = 0; st != SILT_OK && i < q->opened; i++) {
        st = silt_duck_rows_blame(&q->rows[i], st, err);
        if (st == SILT_CORRUPT || st == SILT_NOT_FOUND) break;
    }
    return st;
}
