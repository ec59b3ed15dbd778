/* SQLite. The library is opened when it is first needed.
 *
 * A transaction that writes begins IMMEDIATE, so that it can't fail for want of the lock half-way.
 * The journal is what the database has it as; durability is SQLite's default, full. */
#include "load/database.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "base/seam.h"
#include "base/type.h"

#define PROGRESS_STEPS 200000 /* of the virtual machine between two checks: some milliseconds */
#define BUSY_NAP_MS    10
#define NUMBER_SIZE    32

/* ---- the library */

/* clang-format off */
#define FUNCTIONS(F) \
    F(open_v2) F(close_v2) F(errmsg) F(extended_errcode) F(extended_result_codes) \
    F(prepare_v2) F(step) F(reset) F(finalize) F(clear_bindings) F(bind_text) \
    F(bind_blob) F(bind_int64) F(bind_double) F(bind_null) F(bind_parameter_index) \
    F(column_count) F(column_text) F(column_blob) F(column_bytes) F(column_double) \
    F(column_type) F(changes64) \
    F(get_autocommit) F(busy_handler) F(progress_handler) F(libversion_number) F(exec)
/* clang-format on */

#define MEMBER(name) __typeof__(sqlite3_##name) *name;
static struct {
    FUNCTIONS(MEMBER)
} lib;
#undef MEMBER

#define NAME(name) "sqlite3_" #name,
static const char *const function_names[] = {FUNCTIONS(NAME)};
#undef NAME

/* changes64: 3.37; UPDATE … FROM: 3.33 */
static const silt_client_library library = {.file = "libsqlite3.so.0",
                                            .of = "SQLite",
                                            .package = "libsqlite3-0",
                                            .too_old =
                                                "SQLite is too old: it lacks %s (3.37 has it)",
                                            .names = function_names,
                                            .functions = (void **)&lib,
                                            .count = SILT_COUNT(function_names)};

/* ---- a connection */

typedef struct sqlite_database {
    silt_database base;
    char *path;
    sqlite3 *db;
    silt_error why; /* of a check that ended a statement; status OK: none did */
    int64_t busy_since_ms;
    /* Rows out. */
    sqlite3_stmt *reading;
    silt_bytes *row;
    char (*numbers)[NUMBER_SIZE]; /* by column: texts of floating point */
    size_t width;
    /* Rows at once. */
    sqlite3_stmt *bulk;
    const silt_database_column *columns;
    size_t column_count;
    int64_t rows;
    silt_buf bytes;
} sqlite_database;

static sqlite_database *self(silt_database *db)
{
    return (sqlite_database *)db;
}

/* Whether what was asked to look in from time to time wants to stop. */
static bool must_stop(sqlite_database *s)
{
    if (!s->base.check || s->why.status != SILT_OK) return s->why.status != SILT_OK;
    silt_error why = {0};
    silt_status st = s->base.check(s->base.check_ctx, &why);
    if (st == SILT_OK) return false;
    why.status = st;
    s->why = why;
    return true;
}

static int on_progress(void *ctx)
{
    return must_stop(ctx);
}

/* Somebody else has the lock: wait, as long as we may. */
static int on_busy(void *ctx, int times)
{
    sqlite_database *s = ctx;
    int64_t now = silt_now_ms(NULL);
    if (times == 0) s->busy_since_ms = now;
    if (now - s->busy_since_ms > s->base.lock_wait_ms || must_stop(s)) return 0;
    silt_sleep_ms(NULL, BUSY_NAP_MS);
    return 1;
}

static silt_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SILT_TIMEOUT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return SILT_DENIED;
    case SQLITE_NOMEM:
        return SILT_NOMEM;
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
        return SILT_IO;
    case SQLITE_FULL:
        return SILT_NOSPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SILT_CORRUPT;
    case SQLITE_CANTOPEN:
        return SILT_NOT_FOUND;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return SILT_BAD_DATA;
    case SQLITE_INTERRUPT:
        return SILT_INTERRUPTED;
    default:
        return SILT_FAILED;
    }
}

static silt_status fail(sqlite_database *s, int code, silt_error *err)
{
    if (s->why.status != SILT_OK) {
        silt_status st = s->why.status;
        silt_fail(err, st, "%s", s->why.message);
        if (s->why.hint[0]) silt_hint(err, st, "%s", s->why.hint);
        s->why = (silt_error){0};
        return st;
    }
    silt_status st = status_of(code);
    silt_fail(err, st, "SQLite: %s", s->db ? lib.errmsg(s->db) : "out of memory");
    if (st == SILT_TIMEOUT)
        silt_hint(err, st,
                  "another program has been writing to %s for more than %" PRId64
                  " seconds; try again when it is done",
                  s->path, s->base.lock_wait_ms / 1000);
    return st;
}

static silt_status open_file(sqlite_database *s, bool create, silt_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int code = lib.open_v2(s->path, &s->db, flags, NULL);
    if (code != SQLITE_OK) {
        silt_status st = fail(s, code, err);
        (void)lib.close_v2(s->db);
        s->db = NULL;
        return silt_wrap(err, st, "%s", s->path);
    }
    (void)lib.extended_result_codes(s->db, 1);
    (void)lib.busy_handler(s->db, on_busy, s);
    lib.progress_handler(s->db, PROGRESS_STEPS, on_progress, s);
    return SILT_OK;
}

static silt_status sqlite_reconnect(silt_database *db, silt_error *err)
{
    sqlite_database *s = self(db);
    (void)lib.close_v2(s->db);
    s->db = NULL;
    return open_file(s, false, err);
}

static void sqlite_free(silt_database *db)
{
    sqlite_database *s = self(db);
    if (s->bulk) (void)lib.finalize(s->bulk);
    if (s->db) (void)lib.close_v2(s->db);
    silt_buf_release(&s->bytes);
    free(s->path);
    free(s);
}

/* ---- statements */

static silt_status prepare(sqlite_database *s, const char *sql, const char *const *values,
                           size_t count, sqlite3_stmt **out, silt_error *err)
{
    sqlite3_stmt *statement = NULL;
    if (!s->db) return silt_fail(err, SILT_IO, "%s isn't open", s->path);
    int code = lib.prepare_v2(s->db, sql, -1, &statement, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        char name[24];
        (void)snprintf(name, sizeof(name), "$%zu", i + 1);
        int at = lib.bind_parameter_index(statement, name);
        if (!at) continue; /* given, and not asked for */
        code = values[i] ? lib.bind_text(statement, at, values[i], -1, SQLITE_STATIC)
                         : lib.bind_null(statement, at);
    }
    if (code == SQLITE_OK) {
        *out = statement;
        return SILT_OK;
    }
    silt_status st = fail(s, code, err);
    (void)lib.finalize(statement);
    return st;
}

static silt_status sqlite_execute(silt_database *db, const char *sql, const char *const *values,
                                  size_t count, int64_t *changed, silt_error *err)
{
    sqlite_database *s = self(db);
    sqlite3_stmt *statement;
    SILT_TRY(prepare(s, sql, values, count, &statement, err));
    int code;
    do
        code = lib.step(statement);
    while (code == SQLITE_ROW);
    silt_status st = code == SQLITE_DONE ? SILT_OK : fail(s, code, err);
    if (st == SILT_OK && changed) *changed = lib.changes64(s->db);
    (void)lib.finalize(statement);
    return st;
}

/* SQLite's own texts of floating point have 15 digits. */
static silt_status read_value(sqlite_database *s, int at, silt_error *err)
{
    silt_bytes *out = &s->row[at];
    *out = (silt_bytes){0};
    switch (lib.column_type(s->reading, at)) {
    case SQLITE_NULL:
        return SILT_OK;
    case SQLITE_FLOAT:
        (void)snprintf(s->numbers[at], NUMBER_SIZE, "%.17g", lib.column_double(s->reading, at));
        *out = silt_bytes_of(s->numbers[at]);
        return SILT_OK;
    case SQLITE_BLOB:
        out->data = lib.column_blob(s->reading, at);
        if (!out->data) out->data = ""; /* of no bytes */
        break;
    default:
        out->data = (const char *)lib.column_text(s->reading, at);
        if (!out->data) return silt_fail_nomem(err);
    }
    out->size = (size_t)lib.column_bytes(s->reading, at);
    return SILT_OK;
}

static void sqlite_rows_end(silt_database *db)
{
    sqlite_database *s = self(db);
    (void)lib.finalize(s->reading);
    free(s->row);
    free(s->numbers);
    s->reading = NULL;
    s->row = NULL;
    s->numbers = NULL;
}

static silt_status sqlite_rows_begin(silt_database *db, const char *sql, const char *const *values,
                                     size_t count, silt_error *err)
{
    sqlite_database *s = self(db);
    SILT_TRY(prepare(s, sql, values, count, &s->reading, err));
    s->width = (size_t)lib.column_count(s->reading);
    s->row = calloc(s->width + 1, sizeof(*s->row));
    s->numbers = calloc(s->width + 1, sizeof(*s->numbers));
    if (s->row && s->numbers) return SILT_OK;
    sqlite_rows_end(db);
    return silt_fail_nomem(err);
}

static silt_status sqlite_rows_next(silt_database *db, const silt_bytes **row, size_t *width,
                                    silt_error *err)
{
    sqlite_database *s = self(db);
    int code = lib.step(s->reading);
    *row = NULL;
    *width = s->width;
    if (code == SQLITE_DONE) return SILT_OK;
    if (code != SQLITE_ROW) return fail(s, code, err);
    for (size_t i = 0; i < s->width; i++)
        SILT_TRY(read_value(s, (int)i, err));
    *row = s->row;
    return SILT_OK;
}

/* ---- transactions */

static silt_status sqlite_begin(silt_database *db, silt_error *err)
{
    return sqlite_execute(db, "BEGIN IMMEDIATE", NULL, 0, NULL, err);
}

static void sqlite_rollback(silt_database *db)
{
    sqlite_database *s = self(db);
    if (s->db && !lib.get_autocommit(s->db)) (void)lib.exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    s->why = (silt_error){0};
}

/* While readers are at work a COMMIT may find no room, and then the transaction stands as it was.
 * Where the disk fails SQLite may have ended it by itself, and nobody knows how. */
static silt_status sqlite_commit(silt_database *db, silt_error *err)
{
    sqlite_database *s = self(db);
    silt_status st = sqlite_execute(db, "COMMIT", NULL, 0, NULL, err);
    if (st == SILT_OK) return SILT_OK;
    bool over = lib.get_autocommit(s->db);
    sqlite_rollback(db);
    return over ? silt_wrap(err, SILT_UNSURE, "commit") : silt_wrap(err, st, "commit");
}

/* ---- rows at once */

static silt_status sqlite_bulk_begin(silt_database *db, const char *table,
                                     const silt_database_column *columns, size_t count,
                                     silt_error *err)
{
    sqlite_database *s = self(db);
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "INSERT INTO %s (", table);
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_puts(&sql, ", ");
        silt_sql_put_name(&sql, columns[i].name);
    }
    silt_buf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < count; i++)
        silt_buf_puts(&sql, i ? ", ?" : "?");
    silt_buf_putc(&sql, ')');
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(prepare(s, sql.data, NULL, 0, &s->bulk, err));
    s->columns = columns;
    s->column_count = count;
    s->rows = 0;
    return SILT_OK;
}

/* As 8 bytes of floating point; what SQLite would make null of stays a text. */
static int bind_number(sqlite3_stmt *statement, int at, bool single, silt_bytes text)
{
    char copy[64];
    if (text.size >= sizeof(copy)) return SQLITE_MISMATCH;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double value = single ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    if (isnan(value)) return lib.bind_text(statement, at, "NaN", 3, SQLITE_STATIC);
    return lib.bind_double(statement, at, value);
}

static int bind_integer(sqlite3_stmt *statement, int at, silt_bytes text)
{
    char copy[24];
    int64_t value;
    if (text.size >= sizeof(copy)) return SQLITE_MISMATCH;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (!silt_parse_int64(copy, &value)) return SQLITE_MISMATCH;
    return lib.bind_int64(statement, at, value);
}

/* Texts live as long as the row's callback, longer than the step. */
static int bind_value(sqlite_database *s, int at, const silt_type *type, silt_bytes text)
{
    switch (type->kind) {
    case SILT_TYPE_BOOLEAN:
        return lib.bind_int64(s->bulk, at, silt_bytes_equal(text, SILT_STR("true")));
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return bind_integer(s->bulk, at, text);
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return bind_number(s->bulk, at, type->kind == SILT_TYPE_FLOAT, text);
    case SILT_TYPE_BINARY:
        silt_buf_clear(&s->bytes);
        if (!silt_base64_decode(text, &s->bytes)) return SQLITE_MISMATCH;
        if (s->bytes.failed) return SQLITE_NOMEM;
        return lib.bind_blob(s->bulk, at, s->bytes.data ? s->bytes.data : "", (int)s->bytes.size,
                             SQLITE_TRANSIENT);
    case SILT_TYPE_DATE:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        if (!silt_sql_time_fits(type, text)) return SQLITE_RANGE;
        __attribute__((fallthrough));
    default:
        if (text.size > INT32_MAX) return SQLITE_TOOBIG;
        return lib.bind_text(s->bulk, at, text.data, (int)text.size, SQLITE_STATIC);
    }
}

static silt_status sqlite_bulk_row(silt_database *db, const silt_bytes *values, silt_error *err)
{
    sqlite_database *s = self(db);
    for (size_t i = 0; i < s->column_count; i++) {
        int at = (int)i + 1;
        int code = values[i].data ? bind_value(s, at, s->columns[i].type, values[i])
                                  : lib.bind_null(s->bulk, at);
        if (code == SQLITE_OK) continue;
        if (code == SQLITE_NOMEM) return silt_fail_nomem(err);
        return silt_fail(err, SILT_BAD_DATA, "column %s: \"%.*s\" can't be kept in SQLite%s",
                         s->columns[i].name, values[i].size < 60 ? (int)values[i].size : 60,
                         values[i].data,
                         code == SQLITE_RANGE ? ", whose dates are of the years 0001 to 9999" : "");
    }
    int code = lib.step(s->bulk);
    silt_status st = code == SQLITE_DONE ? SILT_OK : fail(s, code, err);
    (void)lib.reset(s->bulk);
    s->rows++;
    return st;
}

static silt_status sqlite_bulk_end(silt_database *db, bool keep, int64_t *rows, silt_error *err)
{
    sqlite_database *s = self(db);
    (void)keep; /* the transaction's end decides */
    (void)err;
    (void)lib.finalize(s->bulk);
    s->bulk = NULL;
    *rows = s->rows;
    return SILT_OK;
}

/* ---- the dialect */

static const char *sqlite_type_name(const silt_type *type, silt_arena *arena)
{
    (void)arena;
    switch (type->kind) {
    case SILT_TYPE_BOOLEAN:
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
    case SILT_TYPE_INTEGER:
    case SILT_TYPE_LONG:
        return "INTEGER";
    case SILT_TYPE_FLOAT:
    case SILT_TYPE_DOUBLE:
        return "REAL";
    case SILT_TYPE_BINARY:
        return "BLOB";
    default:
        return "TEXT";
    }
}

static silt_status sqlite_resolve(silt_database *db, const char *path, silt_arena *arena,
                                  const char **schema, const char **name, silt_error *err)
{
    (void)db;
    (void)err;
    *schema = "main";
    *name = silt_starts_with(path, "main.") ? path + 5 : path;
    *name = silt_arena_strdup(arena, *name);
    return *name ? SILT_OK : silt_fail_nomem(err);
}

/* SQLite knows a table by its name alone. */
static silt_status sqlite_table_id(silt_database *db, const char *schema, const char *name,
                                   silt_arena *arena, const char **out, silt_error *err)
{
    (void)schema;
    return silt_database_text(db,
                              "SELECT 'table' FROM main.sqlite_master WHERE type = 'table' AND "
                              "lower(name) = lower($1)",
                              &name, 1, arena, out, err);
}

typedef struct foreign_table {
    silt_arena *arena;
    SILT_VEC(silt_field) fields;
} foreign_table;

/* By SQLite's own rules of affinity. What is declared to be anything else may hold anything. */
static silt_type_kind kind_of(const char *declared)
{
    if (strcasestr(declared, "INT")) return SILT_TYPE_LONG;
    if (strcasestr(declared, "CHAR") || strcasestr(declared, "CLOB") ||
        strcasestr(declared, "TEXT"))
        return SILT_TYPE_STRING;
    if (strcasestr(declared, "BLOB")) return SILT_TYPE_BINARY;
    if (strcasestr(declared, "REAL") || strcasestr(declared, "FLOA") ||
        strcasestr(declared, "DOUB"))
        return SILT_TYPE_DOUBLE;
    return SILT_TYPE_VOID;
}

static silt_status take_column(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    foreign_table *t = ctx;
    (void)count;
    const char *name = silt_arena_strndup(t->arena, values[0].data, values[0].size);
    const char *declared = silt_arena_strndup(t->arena, values[1].data, values[1].size);
    if (!name || !declared) return silt_fail_nomem(err);
    silt_type_kind kind = kind_of(declared);
    if (kind == SILT_TYPE_VOID) {
        silt_fail(err, SILT_UNSUPPORTED, "column %s is declared as \"%s\"", name, declared);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "Silt adds to tables of INTEGER, REAL, TEXT and BLOB columns; or let it "
                         "make the table");
    }
    silt_field field = {name, silt_type_primitive(kind), values[2].size && *values[2].data == '0',
                        "{}"};
    return silt_vec_push(&t->fields, field) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status sqlite_table_schema(silt_database *db, const char *schema, const char *name,
                                       silt_arena *arena, const silt_type **out, silt_error *err)
{
    foreign_table t = {.arena = arena};
    (void)schema;
    silt_status st = silt_database_query(
        db, "SELECT name, type, \"notnull\" FROM pragma_table_info($1) ORDER BY cid", &name, 1,
        take_column, &t, err);
    silt_type *type = st == SILT_OK ? silt_arena_calloc(arena, 1, sizeof(*type)) : NULL;
    silt_field *fields =
        type ? silt_arena_calloc(arena, t.fields.count + 1, sizeof(*fields)) : NULL;
    if (fields) {
        if (t.fields.count) memcpy(fields, t.fields.items, t.fields.count * sizeof(*fields));
        *type =
            (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = t.fields.count};
        *out = type;
    }
    silt_vec_free(&t.fields);
    return st != SILT_OK || fields ? st : silt_fail_nomem(err);
}

/* BEGIN IMMEDIATE has done it. */
static silt_status sqlite_lock(silt_database *db, const char *name, silt_error *err)
{
    (void)db;
    (void)name;
    (void)err;
    return SILT_OK;
}

static bool sqlite_put_binary(silt_bytes value, silt_buf *out)
{
    silt_buf_append(out, value.data, value.size);
    return true;
}

static const char *const row_ids[] = {"rowid", "_rowid_", "oid", NULL};

static const silt_database_ops sqlite_ops = {
    .kind = "sqlite",
    .execute = sqlite_execute,
    .rows_begin = sqlite_rows_begin,
    .rows_next = sqlite_rows_next,
    .rows_end = sqlite_rows_end,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .bulk_begin = sqlite_bulk_begin,
    .bulk_row = sqlite_bulk_row,
    .bulk_end = sqlite_bulk_end,
    .reconnect = sqlite_reconnect,
    .free = sqlite_free,
    .type_name = sqlite_type_name,
    .resolve = sqlite_resolve,
    .table_id = sqlite_table_id,
    .table_schema = sqlite_table_schema,
    .lock_table = sqlite_lock,
    .lock_schema = sqlite_lock,
    .analyze = sqlite_lock, /* the planner takes the temporary table for the outer one anyway */
    .put_binary = sqlite_put_binary,
    .row_ids = row_ids,
    .row_id_type = "INTEGER",
    .collate_bytes = "",
    .for_update = "",
    .temporary = "temp",
    .number_type = "INTEGER",
    .orders_decimals = false,
    .names_indexes = true,
};

silt_status silt_database_sqlite_open(const char *path, bool create, int64_t lock_wait_ms,
                                      silt_database **out, silt_error *err)
{
    SILT_TRY(silt_client_library_need(&library, err));
    sqlite_database *s = calloc(1, sizeof(*s));
    if (!s) return silt_fail_nomem(err);
    s->base = (silt_database){.ops = &sqlite_ops, .lock_wait_ms = lock_wait_ms};
    s->path = strdup(path);
    silt_status st = s->path ? open_file(s, create, err) : silt_fail_nomem(err);
    if (st != SILT_OK) {
        sqlite_free(&s->base);
        return st;
    }
    *out = &s->base;
    return SILT_OK;
}
