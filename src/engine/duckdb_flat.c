/* Flat columns out of Parquet files: checkpoints, sidecars, the tracker.
 *
 * A path that a file doesn't have reads as null, but SQL would refuse it; so the files' schemas are
 * read first, in one query, and neighbours that look the same become one scan. */
#include "base/json.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_stream.h"

/* ---- what the files hold --------------------------------------------------------------------- */

/* A node of a Parquet schema; a file's nodes stand in preorder. */
typedef struct node {
    const char *name;
    const char *type; /* DuckDB's, of a leaf; NULL of a struct, list or map */
    bool is_struct;   /* and not a list or map */
    size_t end;       /* index behind the last node below it */
} node;

typedef SILT_VEC(node) node_vec;

/* One call. */
typedef struct flat_read {
    silt_duck_engine *db;
    const char *const *paths;
    size_t path_count;
    const silt_flat_column *columns;
    size_t column_count;
    const size_t *any_of;
    size_t any_count;
    silt_flat_sink *sink;
    void *sink_ctx;
    silt_arena *arena; /* of the schemas */
    node_vec nodes;    /* of all files */
    size_t *at;        /* by column: its node in the file that is planned; 0: not there */
    silt_flat_vector *vectors;
    silt_bytes **texts; /* by column: room for a chunk, NULL for integers */
    size_t capacity;    /* rows of a chunk */
    bool sink_failed;   /* then no file is to blame */
} flat_read;

static void flat_read_release(flat_read *r)
{
    silt_vec_free(&r->nodes);
    silt_arena_free(r->arena);
}

enum { SCHEMA_NAME, SCHEMA_TYPE, SCHEMA_CHILDREN, SCHEMA_CONVERTED };

static void schema_sql(const flat_read *r, silt_buf *sql)
{
    /* INT96 has no zone, but holds instants. */
    silt_buf_puts(sql, "SELECT name, CASE type WHEN 'INT96' THEN 'TIMESTAMP WITH TIME ZONE' ELSE "
                       "duckdb_type END, coalesce(num_children, 0)::BIGINT, "
                       "coalesce(converted_type, '') || coalesce(logical_type, '') "
                       "FROM parquet_schema([");
    for (size_t i = 0; i < r->path_count; i++) {
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_path(sql, r->paths[i]);
    }
    silt_buf_puts(sql, "])");
}

static silt_status schema_chunk(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    (void)end;
    flat_read *r = ctx;
    const void *data[4];
    const uint64_t *type_validity = NULL;
    for (idx_t c = 0; c < 4; c++) {
        duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, c);
        data[c] = silt_duck.vector_get_data(v);
        if (c == SCHEMA_TYPE) type_validity = silt_duck.vector_get_validity(v);
    }
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    for (idx_t i = 0; i < rows; i++) {
        silt_bytes name = silt_duck_bytes(data[SCHEMA_NAME], i);
        silt_bytes type = silt_duck_bytes(data[SCHEMA_TYPE], i);
        silt_bytes converted = silt_duck_bytes(data[SCHEMA_CONVERTED], i);
        int64_t children = ((const int64_t *)data[SCHEMA_CHILDREN])[i];
        bool leaf = children == 0 && silt_duck_valid(type_validity, i);
        node n = {.name = silt_arena_strndup(r->arena, name.data, name.size),
                  .is_struct = !leaf && converted.size == 0,
                  .end = (size_t)children}; /* until preorder() */
        if (leaf) n.type = silt_arena_strndup(r->arena, type.data, type.size);
        if (!n.name || (leaf && !n.type) || !silt_vec_push(&r->nodes, n))
            return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* Turn counts of children into ends: from the back, where the ends of the children are known. False
 * if the counts don't add up. */
static bool preorder(node_vec *nodes)
{
    for (size_t i = nodes->count; i-- > 0;) {
        size_t children = nodes->items[i].end, at = i + 1;
        for (; children > 0 && at < nodes->count; children--)
            at = nodes->items[at].end;
        if (children > 0) return false;
        nodes->items[i].end = at;
    }
    return true;
}

static silt_status read_schemas(flat_read *r, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    schema_sql(r, &sql);
    SILT_TRY(silt_duck_stream(r->db, &sql, schema_chunk, r, err));
    size_t files = 0;
    if (preorder(&r->nodes))
        for (size_t root = 0; root < r->nodes.count; root = r->nodes.items[root].end)
            files++;
    if (files == r->path_count) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "%s%s: schemas that can't be read", r->paths[0],
                     r->path_count > 1 ? " and others" : "");
}

/* The node at a path "a.b.c" below `root`, or 0 where there is none: 0 is a root. Names may hold
 * dots: the longest one that fits goes first, as it does in Parquet's own dotted names. */
static size_t find_node(const node_vec *nodes, size_t root, const char *path)
{
    const node *items = nodes->items;
    if (!items[root].is_struct) return 0;
    for (size_t at = root + 1; at < items[root].end; at = items[at].end) {
        size_t size = strlen(items[at].name);
        if (strncmp(path, items[at].name, size) != 0) continue;
        if (path[size] == '\0') return at;
        if (path[size] != '.') continue;
        size_t below = find_node(nodes, at, path + size + 1);
        if (below) return below;
    }
    return 0;
}

/* ---- the query ------------------------------------------------------------------------------- */

/* The expression of node `want` below `root`: t."a"."b". */
static void node_expr(const node_vec *nodes, size_t root, size_t want, silt_buf *sql)
{
    silt_buf_putc(sql, 't');
    for (size_t at = root; at != want;) {
        for (at++; nodes->items[at].end <= want;)
            at = nodes->items[at].end;
        silt_buf_putc(sql, '.');
        silt_sql_name(sql, nodes->items[at].name);
    }
}

static bool is_integer(const char *type)
{
    static const char *const names[] = {"TINYINT",  "SMALLINT",  "INTEGER",  "BIGINT",
                                        "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"};
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        if (strcmp(type, names[i]) == 0) return true;
    return false;
}

/* Append `expr` as what the vectors hold. False: the file's column isn't of that kind. */
static bool cast_expr(silt_flat_kind kind, const node *n, const char *expr, silt_buf *sql)
{
    const char *type = n->type ? n->type : "";
    switch (kind) {
    case SILT_FLAT_BOOL:
        silt_buf_printf(sql, "%s::BIGINT", expr);
        return strcmp(type, "BOOLEAN") == 0;
    case SILT_FLAT_INT:
        silt_buf_printf(sql, "%s::BIGINT", expr);
        return is_integer(type);
    case SILT_FLAT_TIME: /* with a zone it is an instant in µs as it stands */
        silt_buf_printf(sql, strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0 ? "%s" : "%s::TIMESTAMP",
                        expr);
        return silt_starts_with(type, "TIMESTAMP");
    case SILT_FLAT_TEXT: /* old writers didn't say that their bytes are text */
        silt_buf_puts(sql, expr);
        return strcmp(type, "VARCHAR") == 0 || strcmp(type, "BLOB") == 0 ||
               strcmp(type, "JSON") == 0;
    case SILT_FLAT_JSON:
        silt_buf_printf(sql, "to_json(%s)", expr);
        return !n->type;
    case SILT_FLAT_STATS: /* a struct is stats_sql()'s */
        silt_buf_puts(sql, expr);
        return strcmp(type, "VARCHAR") == 0 || strcmp(type, "BLOB") == 0;
    case SILT_FLAT_FILE:
        break;
    }
    return false;
}

static bool is_text(silt_flat_kind kind)
{
    return kind == SILT_FLAT_TEXT || kind == SILT_FLAT_JSON || kind == SILT_FLAT_STATS;
}

/* ---- statistics ------------------------------------------------------------------------------ */

/* What is more is left out, and rules nothing out: DuckDB takes the longer for an expression the
 * deeper it is, and refuses one of 1,000 levels. */
#define STATS_DEPTH_MAX  32
#define STATS_LEAVES_MAX 3000

/* How a leaf stands in the JSON of statistics, null where it isn't there or can't. False: never. */
static bool stats_leaf_sql(const char *type, const char *expr, silt_buf *sql)
{
    if (is_integer(type) || strcmp(type, "BOOLEAN") == 0)
        silt_buf_printf(sql, "%s::VARCHAR", expr);
    else if (silt_starts_with(type, "DECIMAL")) /* ".5" is no JSON */
        silt_buf_printf(sql, "regexp_replace(%s::VARCHAR, '^(-?)[.]', '\\10.')", expr);
    else if (strcmp(type, "DOUBLE") == 0 || strcmp(type, "FLOAT") == 0)
        silt_buf_printf(sql, "CASE WHEN isfinite(%s) THEN %s::VARCHAR END", expr, expr);
    else if (strcmp(type, "VARCHAR") == 0)
        silt_buf_printf(sql, "to_json(%s)::VARCHAR", expr);
    else if (strcmp(type, "DATE") == 0)
        silt_buf_printf(sql, "'\"' || %s::VARCHAR || '\"'", expr);
    else if (silt_starts_with(type, "TIMESTAMP"))
        silt_buf_printf(sql, "strftime(%s::TIMESTAMP, '\"%%Y-%%m-%%dT%%H:%%M:%%S.%%f%s\"')", expr,
                        strcmp(type, "TIMESTAMP WITH TIME ZONE") == 0 ? "Z" : "");
    else
        return false;
    return true;
}

/* Append the JSON object of the struct `at`, whose expression is `expr`: made of text, since
 * DuckDB's own JSON turns decimals into doubles and keeps members that are null. */
static void stats_sql(const node_vec *nodes, size_t at, const char *expr, size_t depth,
                      size_t *leaves, silt_buf *sql)
{
    const node *items = nodes->items;
    silt_buf_puts(sql, "'{' || substr(concat(''"); /* null is no text to concat() */
    for (size_t child = at + 1; child < items[at].end; child = items[child].end) {
        if (depth == STATS_DEPTH_MAX || *leaves == STATS_LEAVES_MAX) break;
        SILT_CLEAN(silt_buf) value = {0};
        SILT_CLEAN(silt_buf) text = {0};
        SILT_CLEAN(silt_buf) key = {0};
        silt_json_writer w = silt_json_writer_of(&key);
        silt_buf_printf(&value, "%s.", expr);
        silt_sql_name(&value, items[child].name);
        silt_buf_putc(&key, ',');
        silt_json_key(&w, items[child].name);
        if (items[child].is_struct)
            stats_sql(nodes, child, value.data, depth + 1, leaves, &text);
        else if (!items[child].type || !stats_leaf_sql(items[child].type, value.data, &text))
            continue;
        silt_buf_puts(sql, ", ");
        silt_sql_text(sql, key.data);
        silt_buf_printf(sql, " || %s", text.data);
        *leaves += !items[child].is_struct;
        if (value.failed || text.failed || key.failed) sql->failed = true;
    }
    silt_buf_puts(sql, "), 2) || '}'");
}

/* Whether there is nothing in a column of a file, by its footer. */
static silt_status is_all_null(const flat_read *r, size_t file, const char *path, bool *out,
                               silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    int64_t row_groups;
    silt_buf_puts(&sql, "SELECT count(*)::BIGINT FROM parquet_metadata(");
    silt_sql_path(&sql, r->paths[file]);
    silt_buf_puts(&sql, ") WHERE stats_null_count IS DISTINCT FROM num_values AND "
                        "replace(path_in_schema, ', ', '.') = ");
    silt_sql_text(&sql, path);
    SILT_TRY(silt_duck_query_int(r->db, &sql, &row_groups, err));
    *out = row_groups == 0;
    return SILT_OK;
}

/* The node of a column: its own, or of STATS the struct beside it, if that is what there is. */
static silt_status find_column(const flat_read *r, size_t file, size_t root,
                               const silt_flat_column *c, size_t *out, silt_error *err)
{
    *out = c->kind == SILT_FLAT_FILE ? 0 : find_node(&r->nodes, root, c->path);
    if (c->kind != SILT_FLAT_STATS) return SILT_OK;
    const char *parsed_path = silt_arena_printf(r->arena, "%s_parsed", c->path);
    if (!parsed_path) return silt_fail_nomem(err);
    size_t parsed = find_node(&r->nodes, root, parsed_path);
    if (!parsed || !r->nodes.items[parsed].is_struct) return SILT_OK;
    bool empty = true;
    if (*out) SILT_TRY(is_all_null(r, file, c->path, &empty, err));
    if (empty) *out = parsed;
    return SILT_OK;
}

/* Append a column's part of the projection for one file. */
static silt_status column_sql(const flat_read *r, size_t file, size_t root, size_t column,
                              silt_buf *sql, silt_error *err)
{
    const silt_flat_column *c = &r->columns[column];
    if (c->kind == SILT_FLAT_FILE) {
        silt_buf_puts(sql, "t.file_index::BIGINT");
        return SILT_OK;
    }
    size_t at = r->at[column];
    if (!at) {
        silt_buf_puts(sql, is_text(c->kind) ? "NULL::VARCHAR" : "NULL::BIGINT");
        return SILT_OK;
    }
    SILT_CLEAN(silt_buf) expr = {0};
    node_expr(&r->nodes, root, at, &expr);
    if (expr.failed) return silt_fail_nomem(err);
    const node *n = &r->nodes.items[at];
    if (c->kind == SILT_FLAT_STATS && n->is_struct) {
        silt_buf_printf(sql, "CASE WHEN %s IS NOT NULL THEN ", expr.data);
        size_t leaves = 0;
        stats_sql(&r->nodes, at, expr.data, 0, &leaves, sql);
        silt_buf_puts(sql, " END");
        return SILT_OK;
    }
    if (cast_expr(c->kind, n, expr.data, sql)) return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "%s: column %s is of type %s", r->paths[file], c->path,
                     n->type ? n->type : "struct, list or map");
}

/* Append the filter, if any. False: no row of this file passes it. */
static bool filter_sql(const flat_read *r, size_t root, silt_buf *sql)
{
    size_t terms = 0;
    for (size_t i = 0; i < r->any_count; i++) {
        const silt_flat_column *c = &r->columns[r->any_of[i]];
        size_t at = r->at[r->any_of[i]];
        if (c->kind != SILT_FLAT_FILE && !at) continue;
        silt_buf_puts(sql, terms++ ? " OR " : " WHERE ");
        if (c->kind == SILT_FLAT_FILE)
            silt_buf_puts(sql, "true");
        else
            node_expr(&r->nodes, root, at, sql);
        if (at) silt_buf_puts(sql, " IS NOT NULL");
    }
    return terms > 0 || r->any_count == 0;
}

/* What must be equal for two files to share a scan: the top columns in use, all the way down, since
 * DuckDB takes the types of the first file for all. */
static void shape_text(const flat_read *r, size_t root, silt_buf *text)
{
    const node *items = r->nodes.items;
    for (size_t top = root + 1; top < items[root].end; top = items[top].end) {
        bool used = false;
        for (size_t c = 0; c < r->column_count && !used; c++)
            used = r->at[c] >= top && r->at[c] < items[top].end;
        for (size_t at = top; used && at < items[top].end; at++)
            silt_buf_printf(text, "%s %s %zu\n", items[at].name,
                            items[at].type ? items[at].type : "", items[at].end - at);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A run of files that are read by one query. */
typedef struct run {
    flat_read *read;
    size_t first; /* index of its first file */
} run;

/* file_index counts from the run's first file; the chunk is ours, so it is put right in place. */
static void shift_files(int64_t *index, idx_t rows, size_t by)
{
    for (idx_t i = 0; by && i < rows; i++)
        index[i] += (int64_t)by;
}

static void fill_texts(silt_bytes *out, const duckdb_string_t *in, const uint64_t *validity,
                       idx_t rows)
{
    for (idx_t i = 0; i < rows; i++)
        out[i] = silt_duck_valid(validity, i) ? silt_duck_bytes(in, i) : (silt_bytes){0};
}

static silt_status flat_chunk(void *ctx, duckdb_data_chunk chunk, bool *end, silt_error *err)
{
    (void)end;
    const run *files = ctx;
    flat_read *r = files->read;
    idx_t rows = silt_duck.data_chunk_get_size(chunk);
    if (rows > r->capacity) return silt_fail(err, SILT_FAILED, "engine: an oversized chunk");
    for (size_t c = 0; c < r->column_count; c++) {
        duckdb_vector v = silt_duck.data_chunk_get_vector(chunk, c);
        void *data = silt_duck.vector_get_data(v);
        silt_flat_vector *out = &r->vectors[c];
        out->validity = silt_duck.vector_get_validity(v);
        if (r->columns[c].kind == SILT_FLAT_FILE) shift_files(data, rows, files->first);
        if (r->texts[c])
            fill_texts(r->texts[c], data, out->validity, rows);
        else
            out->ints = data;
    }
    silt_flat_batch batch = {rows, r->vectors};
    silt_status st = r->sink(r->sink_ctx, &batch, err);
    r->sink_failed = st != SILT_OK;
    return st;
}

/* Read files [first, end) by one query with `select` and `filter`. */
static silt_status read_run(flat_read *r, size_t first, size_t end, const silt_buf *select,
                            const silt_buf *filter, silt_error *err)
{
    if (first == end || !select->size) return SILT_OK;
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "SELECT %s FROM read_parquet([", select->data);
    for (size_t i = first; i < end; i++) {
        if (i > first) silt_buf_puts(&sql, ", ");
        silt_sql_path(&sql, r->paths[i]);
    }
    silt_buf_puts(&sql, "], hive_partitioning = false) t");
    if (filter->size) silt_buf_puts(&sql, filter->data);
    if (select->failed || filter->failed) return silt_fail_nomem(err);
    run files = {.read = r, .first = first};
    return silt_duck_stream(r->db, &sql, flat_chunk, &files, err);
}

/* The parts of one file's query; `select` stays empty where no row passes. */
typedef struct plan {
    silt_buf shape, select, filter;
} plan;

static void plan_release(plan *p)
{
    silt_buf_release(&p->shape);
    silt_buf_release(&p->select);
    silt_buf_release(&p->filter);
}

static silt_status plan_file(const flat_read *r, size_t file, size_t root, plan *p, silt_error *err)
{
    for (size_t c = 0; c < r->column_count; c++)
        SILT_TRY(find_column(r, file, root, &r->columns[c], &r->at[c], err));
    shape_text(r, root, &p->shape);
    if (filter_sql(r, root, &p->filter)) {
        for (size_t c = 0; c < r->column_count; c++) {
            if (c) silt_buf_puts(&p->select, ", ");
            SILT_TRY(column_sql(r, file, root, c, &p->select, err));
        }
    }
    if (p->shape.failed || p->select.failed || p->filter.failed) return silt_fail_nomem(err);
    return SILT_OK;
}

static bool same_plan(const plan *a, const plan *b)
{
    return silt_bytes_equal(silt_buf_bytes(&a->shape), silt_buf_bytes(&b->shape)) &&
           silt_bytes_equal(silt_buf_bytes(&a->select), silt_buf_bytes(&b->select)) &&
           silt_bytes_equal(silt_buf_bytes(&a->filter), silt_buf_bytes(&b->filter));
}

static silt_status read_files(flat_read *r, silt_error *err)
{
    SILT_CLEAN(plan) now = {0}; /* of the files from `first` on */
    size_t first = 0, root = 0;
    for (size_t i = 0; i < r->path_count; i++, root = r->nodes.items[root].end) {
        SILT_CLEAN(plan) next = {0};
        SILT_TRY(plan_file(r, i, root, &next, err));
        if (i > first && same_plan(&now, &next)) continue;
        SILT_TRY(read_run(r, first, i, &now.select, &now.filter, err));
        first = i;
        plan swap = now;
        now = next;
        next = swap;
    }
    return read_run(r, first, r->path_count, &now.select, &now.filter, err);
}

static silt_status make_vectors(flat_read *r, silt_arena *arena, silt_error *err)
{
    r->capacity = silt_duck.vector_size();
    r->at = silt_arena_calloc(arena, r->column_count, sizeof *r->at);
    r->vectors = silt_arena_calloc(arena, r->column_count, sizeof *r->vectors);
    r->texts = silt_arena_calloc(arena, r->column_count, sizeof *r->texts);
    if (!r->at || !r->vectors || !r->texts) return silt_fail_nomem(err);
    for (size_t c = 0; c < r->column_count; c++) {
        if (!is_text(r->columns[c].kind)) continue;
        r->texts[c] = silt_arena_calloc(arena, r->capacity, sizeof **r->texts);
        if (!r->texts[c]) return silt_fail_nomem(err);
        r->vectors[c].texts = r->texts[c];
    }
    return SILT_OK;
}

silt_status silt_duck_read_flat(silt_engine *engine, const char *const *local_paths,
                                size_t path_count, const silt_flat_column *columns,
                                size_t column_count, const size_t *any_of, size_t any_count,
                                silt_flat_sink *sink, void *ctx, silt_error *err)
{
    silt_duck_engine *db = silt_duck_of(engine);
    if (path_count == 0) return SILT_OK;
    SILT_TRY(silt_duck_start(db, err));
    SILT_CLEAN(flat_read)
    r = {.db = db,
         .paths = local_paths,
         .path_count = path_count,
         .columns = columns,
         .column_count = column_count,
         .any_of = any_of,
         .any_count = any_count,
         .sink = sink,
         .sink_ctx = ctx,
         .arena = silt_arena_new()};
    if (!r.arena) return silt_fail_nomem(err);
    SILT_TRY(make_vectors(&r, r.arena, err));
    SILT_TRY(silt_duck_utc_begin(db, err));
    silt_status st = silt_duck_keep_order(db, true, err);
    if (st == SILT_OK) st = read_schemas(&r, err);
    if (st == SILT_OK) st = read_files(&r, err);
    if (st != SILT_OK && !r.sink_failed)
        st = silt_duck_blame_files(db, local_paths, path_count, st, err);
    (void)silt_duck_keep_order(db, false, NULL);
    silt_duck_utc_end(db);
    return st;
}
