/* Rows as Arrow batches: a session of its own for each stream, a query that runs as batches are
 * asked for.
 *
 *  (1) What DuckDB holds of the result is what a few threads are about to give, never all of it.
 *  (2) A stream shares nothing with the engine's other calls but the memory limit: it is used by
 *      one thread at a time, which need not be the one that opened it.
 *  (3) Once failed or ended, it stays so. */
#include "engine/arrow.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

#include <errno.h>

typedef struct out_stream {
    silt_duck_engine *session;
    silt_duck_rows rows;
    bool has_rows;
    silt_duck_cursor cursor;
    duckdb_arrow_options options;
    silt_arena *arena;
    const char **names; /* of the batches' columns, as the next two */
    duckdb_logical_type *types;
    const silt_field *fields;
    size_t count;
    int64_t batch_rows;         /* 0: a chunk */
    struct shared_batch *batch; /* of which `given` rows are given; NULL: none */
    int64_t given;
    silt_status status; /* (3) */
    bool ended;
    silt_error error;
} out_stream;

static void end_batch(out_stream *s);

static void free_stream(out_stream *s)
{
    end_batch(s);
    silt_duck_cursor_release(&s->cursor);
    for (size_t i = 0; s->types && i < s->count; i++)
        if (s->types[i]) silt_duck.destroy_logical_type(&s->types[i]);
    if (s->options) silt_duck.destroy_arrow_options(&s->options);
    if (s->has_rows) silt_duck_rows_release(&s->rows);
    silt_duck_session_close(s->session);
    silt_arena_free(s->arena);
    free(s);
}

static void out_stream_auto(out_stream **s)
{
    if (*s) free_stream(*s);
}

/* ---- a caller's schema ------------------------------------------------------------------------
 */

static bool is_number(const silt_type *type)
{
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_DECIMAL;
}

static bool is_time(const silt_type *type)
{
    return type->kind >= SILT_TYPE_DATE && type->kind <= SILT_TYPE_TIMESTAMP_NTZ;
}

/* Whether every value of `from` is one of `to`, at each depth. */
static bool fits(const silt_type *from, const silt_type *to)
{
    if (silt_type_equal(from, to)) return true;
    if (from->kind != to->kind || from->kind < SILT_TYPE_STRUCT || from->kind > SILT_TYPE_MAP)
        return from->kind < SILT_TYPE_VARIANT && to->kind < SILT_TYPE_VARIANT &&
               silt_arrow_fits(from, to);
    if (from->kind == SILT_TYPE_MAP && !fits(from->key, to->key)) return false;
    if (from->kind != SILT_TYPE_STRUCT) return fits(from->element, to->element);
    bool all = from->field_count == to->field_count;
    for (size_t i = 0; all && i < to->field_count; i++) {
        int at = silt_type_find(from, to->fields[i].name);
        all = at >= 0 && fits(from->fields[at].type, to->fields[i].type);
    }
    return all;
}

/* Append `name` as `to`: a value that isn't one of it fails the query. */
static silt_status put_exact(silt_buf *sql, const char *name, const silt_type *from,
                             const silt_field *to, silt_arena *arena, silt_error *err)
{
    bool both = (is_number(from) && is_number(to->type)) || (is_time(from) && is_time(to->type));
    bool safe = fits(from, to->type);
    SILT_CLEAN(silt_buf) type = {0};
    SILT_CLEAN(silt_buf) back = {0};
    if (!safe && !both)
        return silt_fail(err, SILT_INVALID, "schema: column %s is %s, which can't become %s",
                         to->name, silt_type_name(from, arena), silt_type_name(to->type, arena));
    SILT_TRY(silt_sql_type(&type, to->type, err));
    SILT_TRY(silt_sql_type(&back, from, err));
    if (type.failed || back.failed) return silt_fail_nomem(err);
    silt_buf_puts(sql, "CASE ");
    if (!to->nullable) {
        silt_buf_printf(sql, "WHEN %s IS NULL THEN error(", name);
        silt_sql_text(sql, silt_arena_printf(arena, "schema: column %s has nulls", to->name));
        silt_buf_puts(sql, ") ");
    }
    if (!safe) {
        silt_buf_printf(sql, "WHEN CAST(TRY_CAST(%s AS %s) AS %s) IS DISTINCT FROM %s THEN error(",
                        name, type.data, back.data, name);
        silt_sql_text(sql, silt_arena_printf(arena, "schema: column %s: ", to->name));
        silt_buf_printf(sql, " || %s || ", name);
        silt_sql_text(sql, silt_arena_printf(arena, " is no %s", silt_type_name(to->type, arena)));
        silt_buf_puts(sql, ") ");
    }
    silt_buf_printf(sql, "WHEN true THEN CAST(%s AS %s) END", name, type.data);
    return SILT_OK;
}

/* "SELECT … FROM (<rows>) t" with the columns of a schema. */
static silt_status put_shaped(const out_stream *s, const silt_type *schema, const silt_buf *rows,
                              silt_buf *sql, silt_error *err)
{
    if (rows->failed) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const silt_field *to = &schema->fields[i];
        const silt_column *from = NULL;
        for (size_t c = 0; c < s->rows.column_count && !from; c++)
            if (silt_streq(s->rows.columns[c].name, to->name)) from = &s->rows.columns[c];
        if (!from)
            return silt_fail(err, SILT_NOT_FOUND, "schema: the rows have no column %s", to->name);
        SILT_CLEAN(silt_buf) name = {0};
        silt_buf_puts(&name, "t.");
        silt_sql_name(&name, to->name);
        if (name.failed) return silt_fail_nomem(err);
        silt_buf_puts(sql, i ? ", " : "SELECT ");
        if (silt_type_equal(from->type, to->type) && to->nullable)
            silt_buf_puts(sql, name.data);
        else
            SILT_TRY(put_exact(sql, name.data, from->type, to, s->arena, err));
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, to->name);
    }
    silt_buf_printf(sql, " FROM (%s) t", rows->data);
    return SILT_OK;
}

static silt_status check_shape(const silt_arrow_shape *shape, silt_error *err)
{
    if (shape->batch_rows < 0)
        return silt_fail(err, SILT_INVALID, "batches of %" PRId64 " rows; 0 or more are allowed",
                         shape->batch_rows);
    const silt_type *schema = shape->schema;
    if (!schema) return SILT_OK;
    if (schema->kind != SILT_TYPE_STRUCT || schema->field_count == 0)
        return silt_fail(err, SILT_INVALID, "schema: a struct with columns is wanted");
    for (size_t i = 0; i < schema->field_count; i++)
        if (silt_type_find(schema, schema->fields[i].name) != (int)i)
            return silt_fail(err, SILT_INVALID, "schema: column %s stands there twice",
                             schema->fields[i].name);
    return SILT_OK;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* These settings are the database's: they are looked at once, here, and put back. */
static silt_status take_options(out_stream *s, silt_duck_engine *db, bool views, silt_error *err)
{
    if (views)
        SILT_TRY(silt_duck_run(
            db,
            "SET GLOBAL produce_arrow_string_view = true; SET GLOBAL arrow_output_version = 1.4",
            NULL, err));
    silt_duck.connection_get_arrow_options(s->session->connection, &s->options);
    if (views)
        SILT_TRY(silt_duck_run(
            db, "RESET GLOBAL produce_arrow_string_view; RESET GLOBAL arrow_output_version", NULL,
            err));
    return s->options ? SILT_OK : silt_fail_nomem(err);
}

/* What the batches hold, of the query that has started. */
static silt_status take_columns(out_stream *s, const silt_type *schema, silt_error *err)
{
    size_t n = silt_duck.column_count(&s->cursor.result);
    silt_field *fields = silt_arena_calloc(s->arena, n, sizeof *fields);
    s->names = silt_arena_calloc(s->arena, n, sizeof *s->names);
    s->types = silt_arena_calloc(s->arena, n, sizeof *s->types);
    if (!fields || !s->names || !s->types) return silt_fail_nomem(err);
    if (n != (schema ? schema->field_count : s->rows.column_count))
        return silt_fail(err, SILT_FAILED, "internal error: the engine gives %zu columns", n);
    s->count = n;
    s->fields = fields;
    for (size_t i = 0; i < n; i++) {
        if (schema)
            fields[i] = schema->fields[i];
        else
            fields[i] = (silt_field){s->rows.columns[i].name, s->rows.columns[i].type, true, "{}"};
        s->names[i] = silt_arena_strdup(s->arena, fields[i].name);
        s->types[i] = silt_duck.column_logical_type(&s->cursor.result, i);
        if (!s->names[i] || !s->types[i]) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static silt_status start(out_stream *s, silt_duck_engine *db, const silt_type *schema,
                         silt_error *err)
{
    SILT_CLEAN(silt_buf) rows = {0};
    SILT_CLEAN(silt_buf) shaped = {0};
    SILT_TRY(silt_duck_rows_sql(&s->rows, SILT_DUCK_ARROW, &rows, err));
    if (schema) SILT_TRY(put_shaped(s, schema, &rows, &shaped, err));
    const silt_buf *sql = schema ? &shaped : &rows;
    if (sql->failed) return silt_fail_nomem(err);
    SILT_TRY(silt_duck_keep_order(db, true, err));
    silt_status st = silt_duck_cursor_open(&s->cursor, s->session, sql->data, err);
    SILT_TRY(silt_duck_keep_order(db, false, st == SILT_OK ? err : NULL));
    return st;
}

static silt_status open_stream(out_stream *s, silt_duck_engine *db, const silt_rows_spec *spec,
                               const silt_arrow_shape *shape, silt_error *err)
{
    s->arena = silt_arena_new();
    if (!s->arena) return silt_fail_nomem(err);
    s->batch_rows = shape->batch_rows;
    SILT_TRY(silt_duck_session_open(db, &s->session, err));
    s->has_rows = true;
    SILT_TRY(silt_duck_rows_init(&s->rows, s->session, spec, err));
    silt_status st = start(s, db, shape->schema, err);
    if (st != SILT_OK) return silt_duck_rows_blame(&s->rows, st, err);
    SILT_TRY(take_options(s, db, shape->view_types, err));
    return take_columns(s, shape->schema, err);
}

/* ---- the schema -------------------------------------------------------------------------------
 */

/* What DuckDB doesn't know: where there are no nulls, and names of what is in lists and maps. */
static void put_nullability(struct ArrowSchema *schema, const silt_type *type, bool nullable)
{
    if (nullable)
        schema->flags |= ARROW_FLAG_NULLABLE;
    else
        schema->flags &= ~ARROW_FLAG_NULLABLE;
    if (type->kind == SILT_TYPE_STRUCT && (size_t)schema->n_children == type->field_count) {
        for (size_t i = 0; i < type->field_count; i++)
            put_nullability(schema->children[i], type->fields[i].type, type->fields[i].nullable);
    } else if (type->kind == SILT_TYPE_ARRAY && schema->n_children == 1) {
        put_nullability(schema->children[0], type->element, type->contains_null);
    } else if (type->kind == SILT_TYPE_MAP && schema->n_children == 1 &&
               schema->children[0]->n_children == 2) {
        struct ArrowSchema *entries = schema->children[0];
        entries->flags &= ~ARROW_FLAG_NULLABLE;
        put_nullability(entries->children[0], type->key, false);
        put_nullability(entries->children[1], type->element, type->contains_null);
    }
}

/* A failure of Arrow's own calls as ours. */
static silt_status arrow_error(out_stream *s, duckdb_error_data why, silt_error *err)
{
    if (!why) return SILT_OK;
    silt_status st = SILT_OK;
    if (silt_duck.error_data_has_error(why))
        st = silt_duck_error(s->session, silt_duck.error_data_error_type(why),
                             silt_duck.error_data_message(why), err);
    silt_duck.destroy_error_data(&why);
    return st;
}

static int errno_of(silt_status status)
{
    switch (status) {
    case SILT_OK:
        return 0;
    case SILT_NOMEM:
        return ENOMEM;
    case SILT_INTERRUPTED:
        return EINTR;
    case SILT_NOT_FOUND:
        return ENOENT;
    case SILT_DENIED:
        return EACCES;
    default:
        return EIO;
    }
}

static int fail(out_stream *s, silt_status status)
{
    s->status = status;
    return errno_of(status);
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    out_stream *s = stream->private_data;
    if (s->status != SILT_OK) return errno_of(s->status);
    struct ArrowSchema schema = {0};
    silt_status st = arrow_error(
        s, silt_duck.to_arrow_schema(s->options, s->types, s->names, s->count, &schema), &s->error);
    if (st != SILT_OK) return fail(s, st);
    for (size_t i = 0; i < s->count; i++)
        put_nullability(schema.children[i], s->fields[i].type, s->fields[i].nullable);
    *out = schema;
    return 0;
}

/* ---- parts of a batch -------------------------------------------------------------------------
 */

/* What the parts of one batch have in common: their columns look into its buffers. */
typedef struct shared_batch {
    atomic_int uses; /* columns of parts, and the stream */
    struct ArrowArray whole;
} shared_batch;

typedef struct part {
    struct ArrowArray *columns; /* those of the whole but for offset and length */
    struct ArrowArray **pointers;
    const void *validity; /* of the part itself: none */
} part;

static void drop(shared_batch *shared)
{
    if (atomic_fetch_sub(&shared->uses, 1) != 1) return;
    silt_arrow_array_release(&shared->whole);
    free(shared);
}

static void release_column(struct ArrowArray *array)
{
    array->release = NULL;
    drop(array->private_data);
}

/* A column may have been moved out of the part by then. */
static void release_part(struct ArrowArray *array)
{
    part *p = array->private_data;
    for (int64_t i = 0; i < array->n_children; i++)
        silt_arrow_array_release(array->children[i]);
    free(p->columns);
    free(p->pointers);
    free(p);
    array->release = NULL;
}

/* Rows [from, from + count) of a batch. */
static bool make_part(shared_batch *shared, int64_t from, int64_t count, struct ArrowArray *out)
{
    size_t n = (size_t)shared->whole.n_children;
    part *p = calloc(1, sizeof *p);
    if (p) p->columns = calloc(n ? n : 1, sizeof *p->columns);
    if (p) p->pointers = calloc(n ? n : 1, sizeof(struct ArrowArray *));
    if (!p || !p->columns || !p->pointers) {
        if (p) free(p->columns);
        free(p);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct ArrowArray *column = &p->columns[i];
        *column = *shared->whole.children[i];
        column->offset += from;
        column->length = count;
        if (column->null_count) column->null_count = -1;
        column->release = release_column;
        column->private_data = shared;
        p->pointers[i] = column;
    }
    atomic_fetch_add(&shared->uses, (int)n);
    *out = (struct ArrowArray){.length = count,
                               .n_buffers = 1,
                               .n_children = (int64_t)n,
                               .buffers = &p->validity,
                               .children = p->pointers,
                               .release = release_part,
                               .private_data = p};
    return true;
}

static void end_batch(out_stream *s)
{
    if (s->batch) drop(s->batch);
    s->batch = NULL;
}

/* ---- batches ----------------------------------------------------------------------------------
 */

/* The next chunk as a batch; `out->release` is NULL at the end. */
static silt_status next_chunk(out_stream *s, struct ArrowArray *out, silt_error *err)
{
    SILT_CLEAN(silt_duck_chunk) chunk = NULL;
    silt_status st = silt_duck_cursor_next(&s->cursor, s->session, &chunk, err);
    if (st != SILT_OK) {
        silt_duck_cursor_release(&s->cursor); /* its connection is wanted */
        return silt_duck_rows_blame(&s->rows, st, err);
    }
    if (!chunk) return SILT_OK;
    return arrow_error(s, silt_duck.data_chunk_to_arrow(s->options, chunk, out), err);
}

static silt_status next_part(out_stream *s, struct ArrowArray *out, silt_error *err)
{
    if (!s->batch) {
        struct ArrowArray whole = {0};
        SILT_TRY(next_chunk(s, &whole, err));
        if (!whole.release || !s->batch_rows || whole.length <= s->batch_rows) {
            *out = whole;
            return SILT_OK;
        }
        s->batch = calloc(1, sizeof *s->batch);
        if (!s->batch) {
            silt_arrow_array_release(&whole);
            return silt_fail_nomem(err);
        }
        *s->batch = (shared_batch){.uses = 1, .whole = whole};
        s->given = 0;
    }
    int64_t left = s->batch->whole.length - s->given;
    int64_t count = left < s->batch_rows ? left : s->batch_rows;
    if (!make_part(s->batch, s->given, count, out)) return silt_fail_nomem(err);
    s->given += count;
    if (s->given == s->batch->whole.length) end_batch(s);
    return SILT_OK;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    out_stream *s = stream->private_data;
    struct ArrowArray batch = {0};
    if (s->status != SILT_OK) return errno_of(s->status);
    if (!s->ended) {
        silt_status st = next_part(s, &batch, &s->error);
        if (st != SILT_OK) return fail(s, st);
        s->ended = !batch.release;
    }
    *out = batch;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    out_stream *s = stream->private_data;
    return s->status == SILT_OK ? NULL : s->error.message;
}

static void release(struct ArrowArrayStream *stream)
{
    free_stream(stream->private_data);
    stream->release = NULL;
}

silt_status silt_duck_scan_arrow(silt_engine *engine, const silt_rows_spec *spec,
                                 const silt_arrow_shape *shape, struct ArrowArrayStream *out,
                                 silt_error *err)
{
    static const silt_arrow_shape plain = {0};
    silt_duck_engine *db = silt_duck_of(engine);
    if (!shape) shape = &plain;
    SILT_TRY(check_shape(shape, err));
    SILT_TRY(silt_duck_start(db, err));
    SILT_AUTO(out_stream) s = calloc(1, sizeof *s);
    if (!s) return silt_fail_nomem(err);
    SILT_TRY(open_stream(s, db, spec, shape, err));
    *out = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release,
                                     .private_data = SILT_TAKE(s)};
    return SILT_OK;
}
