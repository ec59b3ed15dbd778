/* PostgreSQL. The library is opened when it is first needed: it brings OpenSSL, Kerberos and LDAP
 * along, which a command that needs no database isn't to pay for.
 *
 * Statements are sent and then waited for, so that a request to stop reaches the server. Rows go in
 * by COPY. The session gives up waiting for locks after a while, and the server ends it where
 * nothing comes any more in the middle of a transaction: a process that is paused must not stop
 * others for ever. */
#include "load/database.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

#include "base/seam.h"
#include "base/type.h"

#define WAIT_MS        200    /* between two checks */
#define COPY_BYTES     131072 /* sent at once */
#define NAME_MAX_BYTES 63
#define LOCK_KEY       "7305809" /* of an advisory lock: anything that others don't take */

/* ---- the library */

/* clang-format off */
#define FUNCTIONS(F) \
    F(connectdbParams) F(finish) F(status) F(errorMessage) F(setNoticeProcessor) \
    F(sendQueryParams) F(flush) F(isBusy) F(consumeInput) F(socket) F(getResult) \
    F(resultStatus) F(resultErrorField) F(resultErrorMessage) F(clear) F(cmdTuples) \
    F(ntuples) F(nfields) F(getisnull) F(getvalue) F(getlength) F(setSingleRowMode) \
    F(getCancel) F(cancel) F(freeCancel) F(putCopyData) F(putCopyEnd) F(conninfoParse) \
    F(conninfoFree) F(transactionStatus) F(freemem)
/* clang-format on */

#define MEMBER(name) __typeof__(PQ##name) *name;
static struct {
    FUNCTIONS(MEMBER)
} lib;
#undef MEMBER

#define NAME(name) "PQ" #name,
static const char *const function_names[] = {FUNCTIONS(NAME)};
#undef NAME

static const silt_client_library library = {.file = "libpq.so.5",
                                            .of = "PostgreSQL",
                                            .package = "libpq5",
                                            .too_old = "libpq is too old: it lacks %s",
                                            .names = function_names,
                                            .functions = (void **)&lib,
                                            .count = SILT_COUNT(function_names)};

/* ---- a connection */

typedef struct postgres_database {
    silt_database base;
    char *conninfo;
    PGconn *connection;
    /* Rows out. */
    PGresult *reading; /* one row, or the last of all, which has none */
    silt_bytes *row;
    size_t width;
    bool read_all;
    /* Rows at once. */
    const silt_database_column *columns;
    size_t column_count;
    int64_t rows;
    silt_buf lines;
    silt_buf bytes;
} postgres_database;

static postgres_database *self(silt_database *db)
{
    return (postgres_database *)db;
}

static void ignore_notice(void *ctx, const char *message)
{
    (void)ctx, (void)message;
}

/* By the classes of SQLSTATE. */
static silt_status status_of(const char *state)
{
    static const struct {
        const char *prefix;
        silt_status status;
    } known[] = {
        {"08", SILT_IO},         {"57P", SILT_IO},          {"25P03", SILT_IO},
        {"57014", SILT_TIMEOUT}, {"55P03", SILT_TIMEOUT},   {"40", SILT_CONFLICT},
        {"22", SILT_BAD_DATA},   {"23", SILT_BAD_DATA},     {"42501", SILT_DENIED},
        {"28", SILT_DENIED},     {"25006", SILT_DENIED},    {"3D", SILT_NOT_FOUND},
        {"3F", SILT_NOT_FOUND},  {"42P01", SILT_NOT_FOUND}, {"53100", SILT_NOSPACE},
        {"53200", SILT_NOMEM},   {"53300", SILT_IO},        {"0A", SILT_UNSUPPORTED},
        {"54", SILT_BAD_DATA},   {"XX", SILT_CORRUPT},
    };
    for (size_t i = 0; state && i < SILT_COUNT(known); i++)
        if (silt_starts_with(state, known[i].prefix)) return known[i].status;
    return SILT_FAILED;
}

static bool is_lost(const postgres_database *p)
{
    return !p->connection || lib.status(p->connection) != CONNECTION_OK;
}

static silt_status fail_result(postgres_database *p, const PGresult *result, silt_error *err)
{
    const char *state = result ? lib.resultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *why = result ? lib.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? lib.resultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *where = result ? lib.resultErrorField(result, PG_DIAG_CONTEXT) : NULL;
    bool copy = where && silt_starts_with(where, "COPY");
    silt_status st = state ? status_of(state) : SILT_FAILED;
    if (!why) why = lib.errorMessage(p->connection);
    if (is_lost(p)) st = SILT_IO;
    silt_fail(err, st, "PostgreSQL: %s%s%s%s%s", why, detail ? ": " : "", detail ? detail : "",
              copy ? "; " : "", copy ? where : "");
    if (st == SILT_TIMEOUT)
        silt_hint(err, st,
                  "another session has held a lock for more than %" PRId64
                  " seconds (pg_stat_activity tells which); try again when it is done",
                  p->base.lock_wait_ms / 1000);
    return st;
}

/* ---- waiting */

/* A statement that is to stop: the server is told, its answer is read and forgotten. */
static void cancel(postgres_database *p)
{
    char why[256];
    PGcancel *c = lib.getCancel(p->connection);
    if (c) (void)lib.cancel(c, why, sizeof(why));
    lib.freeCancel(c);
    for (PGresult *r; (r = lib.getResult(p->connection));)
        lib.clear(r);
}

/* Until there is a result, or none any more (NULL). */
static silt_status next_result(postgres_database *p, PGresult **out, silt_error *err)
{
    while (lib.isBusy(p->connection)) {
        struct pollfd ready = {.fd = lib.socket(p->connection), .events = POLLIN};
        if (lib.flush(p->connection) == 1) ready.events |= POLLOUT;
        int n = poll(&ready, 1, WAIT_MS);
        silt_status st = n == 0 && p->base.check ? p->base.check(p->base.check_ctx, err) : SILT_OK;
        if (st != SILT_OK) {
            cancel(p);
            return st;
        }
        if (n != 0 && !lib.consumeInput(p->connection)) return fail_result(p, NULL, err);
    }
    *out = lib.getResult(p->connection);
    return SILT_OK;
}

/* Read what is left of a statement's results; the first failure is told. */
static silt_status finish(postgres_database *p, silt_status st, silt_error *err)
{
    silt_error later;
    for (PGresult *result = NULL;;) {
        silt_status next = next_result(p, &result, st == SILT_OK ? err : &later);
        if (next != SILT_OK) return st == SILT_OK ? next : st;
        if (!result) return st;
        ExecStatusType status = lib.resultStatus(result);
        bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                    status == PGRES_SINGLE_TUPLE || status == PGRES_COPY_IN;
        if (!fine && st == SILT_OK) st = fail_result(p, result, err);
        lib.clear(result);
        if (status == PGRES_COPY_IN) return st;
    }
}

static silt_status send(postgres_database *p, const char *sql, const char *const *values,
                        size_t count, silt_error *err)
{
    if (!p->connection) return silt_fail(err, SILT_IO, "PostgreSQL: there is no connection");
    if (lib.sendQueryParams(p->connection, sql, (int)count, NULL, values, NULL, NULL, 0))
        return SILT_OK;
    return fail_result(p, NULL, err);
}

static void take_changed(const PGresult *result, int64_t *out)
{
    int64_t rows = 0;
    if (silt_parse_int64(lib.cmdTuples((PGresult *)(uintptr_t)result), &rows)) *out += rows;
}

static silt_status postgres_execute(silt_database *db, const char *sql, const char *const *values,
                                    size_t count, int64_t *changed, silt_error *err)
{
    postgres_database *p = self(db);
    PGresult *result = NULL;
    int64_t rows = 0;
    SILT_TRY(send(p, sql, values, count, err));
    SILT_TRY(next_result(p, &result, err));
    ExecStatusType status = result ? lib.resultStatus(result) : PGRES_FATAL_ERROR;
    silt_status st = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                         ? SILT_OK
                         : fail_result(p, result, err);
    if (st == SILT_OK) take_changed(result, &rows);
    lib.clear(result);
    st = finish(p, st, err);
    if (st == SILT_OK && changed) *changed = rows;
    return st;
}

/* ---- rows out, one by one: a table of evidence may be long */

static silt_status postgres_rows_begin(silt_database *db, const char *sql,
                                       const char *const *values, size_t count, silt_error *err)
{
    postgres_database *p = self(db);
    SILT_TRY(send(p, sql, values, count, err));
    (void)lib.setSingleRowMode(p->connection);
    p->read_all = false;
    return SILT_OK;
}

static silt_status give_row(postgres_database *p, const silt_bytes **row, size_t *width,
                            silt_error *err)
{
    p->width = (size_t)lib.nfields(p->reading);
    if (!p->row) p->row = calloc(p->width + 1, sizeof(*p->row));
    if (!p->row) return silt_fail_nomem(err);
    for (int c = 0; c < (int)p->width; c++)
        p->row[c] = lib.getisnull(p->reading, 0, c)
                        ? (silt_bytes){0}
                        : (silt_bytes){lib.getvalue(p->reading, 0, c),
                                       (size_t)lib.getlength(p->reading, 0, c)};
    *row = p->row;
    *width = p->width;
    return SILT_OK;
}

static silt_status postgres_rows_next(silt_database *db, const silt_bytes **row, size_t *width,
                                      silt_error *err)
{
    postgres_database *p = self(db);
    *row = NULL;
    while (!p->read_all) {
        lib.clear(p->reading);
        p->reading = NULL;
        SILT_TRY(next_result(p, &p->reading, err));
        if (!p->reading) {
            p->read_all = true;
            break;
        }
        ExecStatusType status = lib.resultStatus(p->reading);
        if (status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE)
            return fail_result(p, p->reading, err);
        if (lib.ntuples(p->reading)) return give_row(p, row, width, err);
    }
    return SILT_OK;
}

static void postgres_rows_end(silt_database *db)
{
    postgres_database *p = self(db);
    lib.clear(p->reading);
    free(p->row);
    p->reading = NULL;
    p->row = NULL;
    if (!p->read_all && !is_lost(p)) cancel(p);
}

/* ---- connecting */

static silt_status set(postgres_database *p, const char *format, int64_t ms, silt_error *err)
{
    char sql[128];
    (void)snprintf(sql, sizeof(sql), format, ms);
    return postgres_execute(&p->base, sql, NULL, 0, NULL, err);
}

static silt_status set_session(postgres_database *p, silt_error *err)
{
    static const char *const settings[] = {"SET TimeZone = 'UTC'",
                                           "SET DateStyle = 'ISO'",
                                           "SET standard_conforming_strings = on",
                                           "SET client_min_messages = 'error'",
                                           "SET synchronous_commit = on",
                                           "SET extra_float_digits = 3",
                                           "SET bytea_output = 'hex'"};
    for (size_t i = 0; i < SILT_COUNT(settings); i++)
        SILT_TRY(postgres_execute(&p->base, settings[i], NULL, 0, NULL, err));
    SILT_TRY(set(p, "SET lock_timeout = %" PRId64, p->base.lock_wait_ms, err));
    return set(p, "SET idle_in_transaction_session_timeout = %" PRId64, SILT_DATABASE_IDLE_MS, err);
}

/* What libpq says of a text that it can't parse may have the password in it. */
static silt_status check_conninfo(const char *conninfo, silt_error *err)
{
    char *why = NULL;
    PQconninfoOption *options = lib.conninfoParse(conninfo, &why);
    lib.freemem(why);
    if (options) {
        lib.conninfoFree(options);
        return SILT_OK;
    }
    silt_fail(err, SILT_INVALID, "the connection's path can't be understood");
    return silt_hint(err, SILT_INVALID,
                     "write postgresql://user@host:port/database?option=value, with special "
                     "characters as %%40, or host=… dbname=… user=…");
}

static silt_status connect_now(postgres_database *p, silt_error *err)
{
    const char *const names[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *const values[] = {p->conninfo, "silt", "UTF8", NULL};
    if (p->connection) lib.finish(p->connection);
    p->connection = lib.connectdbParams(names, values, 1);
    if (!p->connection) return silt_fail_nomem(err);
    (void)lib.setNoticeProcessor(p->connection, ignore_notice, NULL);
    if (!is_lost(p)) return set_session(p, err);
    const char *why = lib.errorMessage(p->connection);
    bool denied = strstr(why, "authentication failed") || strstr(why, "no pg_hba.conf entry") ||
                  strstr(why, "no password supplied");
    silt_status st = denied                          ? SILT_DENIED
                     : strstr(why, "does not exist") ? SILT_NOT_FOUND
                                                     : SILT_IO;
    silt_fail(err, st, "PostgreSQL: %s", why);
    lib.finish(p->connection);
    p->connection = NULL;
    return st;
}

static void postgres_free(silt_database *db)
{
    postgres_database *p = self(db);
    if (p->connection) lib.finish(p->connection);
    silt_buf_release(&p->lines);
    silt_buf_release(&p->bytes);
    free(p->conninfo);
    free(p);
}

static silt_status postgres_reconnect(silt_database *db, silt_error *err)
{
    return connect_now(self(db), err);
}

/* ---- transactions */

static silt_status postgres_begin(silt_database *db, silt_error *err)
{
    return postgres_execute(db, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, 0, NULL, err);
}

static void postgres_rollback(silt_database *db)
{
    postgres_database *p = self(db);
    if (!is_lost(p) && lib.transactionStatus(p->connection) != PQTRANS_IDLE)
        (void)postgres_execute(db, "ROLLBACK", NULL, 0, NULL, NULL);
}

/* A COMMIT whose connection is lost may have happened; one that the server answers by an error, or
 * that is cancelled while it waits, didn't, but for the class 08, which says that it doesn't know.
 */
static silt_status postgres_commit(silt_database *db, silt_error *err)
{
    postgres_database *p = self(db);
    silt_status st = postgres_execute(db, "COMMIT", NULL, 0, NULL, err);
    if (st == SILT_OK) return SILT_OK;
    if (is_lost(p) || st == SILT_IO || st == SILT_INTERRUPTED || st == SILT_FENCED)
        return silt_wrap(err, SILT_UNSURE, "commit");
    postgres_rollback(db);
    return silt_wrap(err, st, "commit");
}

/* ---- rows at once: COPY in its text format */

static silt_status postgres_bulk_begin(silt_database *db, const char *table,
                                       const silt_database_column *columns, size_t count,
                                       silt_error *err)
{
    postgres_database *p = self(db);
    SILT_CLEAN(silt_buf) sql = {0};
    PGresult *result = NULL;
    silt_buf_printf(&sql, "COPY %s (", table);
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_puts(&sql, ", ");
        silt_sql_put_name(&sql, columns[i].name);
    }
    silt_buf_puts(&sql, ") FROM STDIN");
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(send(p, sql.data, NULL, 0, err));
    SILT_TRY(next_result(p, &result, err));
    bool begun = result && lib.resultStatus(result) == PGRES_COPY_IN;
    silt_status st = begun ? SILT_OK : fail_result(p, result, err);
    lib.clear(result);
    if (!begun) return finish(p, st, err);
    silt_buf_clear(&p->lines);
    p->columns = columns;
    p->column_count = count;
    p->rows = 0;
    return SILT_OK;
}

static silt_status send_lines(postgres_database *p, silt_error *err)
{
    if (p->lines.failed) return silt_fail_nomem(err);
    if (p->lines.size && lib.putCopyData(p->connection, p->lines.data, (int)p->lines.size) != 1)
        return fail_result(p, NULL, err);
    silt_buf_clear(&p->lines);
    return SILT_OK;
}

/* What ends a value, or begins an escape. False: a NUL, which PostgreSQL has no place for. */
static bool put_escaped(silt_buf *out, silt_bytes text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *escape;
        switch (text.data[i]) {
        case '\0':
            return false;
        case '\\':
            escape = "\\\\";
            break;
        case '\t':
            escape = "\\t";
            break;
        case '\n':
            escape = "\\n";
            break;
        case '\r':
            escape = "\\r";
            break;
        default:
            continue;
        }
        silt_buf_append(out, text.data + from, i - from);
        silt_buf_puts(out, escape);
        from = i + 1;
    }
    silt_buf_append(out, text.data + from, text.size - from);
    return true;
}

static bool put_binary(postgres_database *p, silt_bytes text)
{
    static const char digits[] = "0123456789abcdef";
    silt_buf_clear(&p->bytes);
    if (!silt_base64_decode(text, &p->bytes)) return false;
    silt_buf_puts(&p->lines, "\\\\x");
    for (size_t i = 0; i < p->bytes.size; i++) {
        unsigned char byte = (unsigned char)p->bytes.data[i];
        silt_buf_putc(&p->lines, digits[byte >> 4]);
        silt_buf_putc(&p->lines, digits[byte & 15]);
    }
    p->lines.failed |= p->bytes.failed;
    return true;
}

/* NULL: fine; else why the value has no place in the database. */
static const char *put_value(postgres_database *p, const silt_type *type, silt_bytes text)
{
    switch (type->kind) {
    case SILT_TYPE_DATE:
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        if (!silt_sql_time_fits(type, text)) return "it isn't of the years 0001 to 9999";
        silt_buf_append(&p->lines, text.data, text.size);
        return NULL;
    case SILT_TYPE_BINARY:
        return put_binary(p, text) ? NULL : "it is no base64";
    case SILT_TYPE_STRING:
        return put_escaped(&p->lines, text) ? NULL
                                            : "a text of PostgreSQL can't have the character NUL";
    case SILT_TYPE_STRUCT:
    case SILT_TYPE_ARRAY:
    case SILT_TYPE_MAP:
    case SILT_TYPE_VARIANT:
        if (memmem(text.data, text.size, "\\u0000", 6))
            return "a text of PostgreSQL can't have the character NUL";
        return put_escaped(&p->lines, text) ? NULL : "it has the character NUL";
    default:
        silt_buf_append(&p->lines, text.data, text.size);
        return NULL;
    }
}

static silt_status postgres_bulk_row(silt_database *db, const silt_bytes *values, silt_error *err)
{
    postgres_database *p = self(db);
    for (size_t i = 0; i < p->column_count; i++) {
        if (i) silt_buf_putc(&p->lines, '\t');
        if (!values[i].data) {
            silt_buf_puts(&p->lines, "\\N");
            continue;
        }
        const char *why = put_value(p, p->columns[i].type, values[i]);
        if (why)
            return silt_fail(err, SILT_BAD_DATA, "column %s: \"%.*s\": %s", p->columns[i].name,
                             values[i].size < 60 ? (int)values[i].size : 60, values[i].data, why);
    }
    silt_buf_putc(&p->lines, '\n');
    p->rows++;
    if (p->lines.size < COPY_BYTES) return SILT_OK;
    if (p->base.check) SILT_TRY(p->base.check(p->base.check_ctx, err));
    return send_lines(p, err);
}

static silt_status postgres_bulk_end(silt_database *db, bool keep, int64_t *rows, silt_error *err)
{
    postgres_database *p = self(db);
    silt_status st = keep ? send_lines(p, err) : SILT_OK;
    const char *why = keep && st == SILT_OK ? NULL : "given up";
    if (is_lost(p)) return st == SILT_OK ? fail_result(p, NULL, err) : st;
    if (lib.putCopyEnd(p->connection, why) != 1 && st == SILT_OK) st = fail_result(p, NULL, err);
    *rows = p->rows;
    return finish(p, st, err);
}

/* ---- the dialect */

static const char *postgres_type_name(const silt_type *type, silt_arena *arena)
{
    switch (type->kind) {
    case SILT_TYPE_BOOLEAN:
        return "boolean";
    case SILT_TYPE_BYTE:
    case SILT_TYPE_SHORT:
        return "smallint";
    case SILT_TYPE_INTEGER:
        return "integer";
    case SILT_TYPE_LONG:
        return "bigint";
    case SILT_TYPE_FLOAT:
        return "real";
    case SILT_TYPE_DOUBLE:
        return "double precision";
    case SILT_TYPE_DECIMAL:
        return silt_arena_printf(arena, "numeric(%d,%d)", type->precision, type->scale);
    case SILT_TYPE_STRING:
        return "text";
    case SILT_TYPE_BINARY:
        return "bytea";
    case SILT_TYPE_DATE:
        return "date";
    case SILT_TYPE_TIMESTAMP:
        return "timestamp with time zone";
    case SILT_TYPE_TIMESTAMP_NTZ:
        return "timestamp without time zone";
    default:
        return "jsonb";
    }
}

static silt_status postgres_resolve(silt_database *db, const char *path, silt_arena *arena,
                                    const char **schema, const char **name, silt_error *err)
{
    const char *dot = strchr(path, '.');
    *name = silt_arena_strdup(arena, dot ? dot + 1 : path);
    *schema = dot ? silt_arena_strndup(arena, path, (size_t)(dot - path)) : NULL;
    if (!*name || (dot && !*schema)) return silt_fail_nomem(err);
    if (strlen(*name) > NAME_MAX_BYTES)
        return silt_fail(err, SILT_INVALID, "%s: PostgreSQL cuts names of more than %d bytes off",
                         *name, NAME_MAX_BYTES);
    if (!dot)
        SILT_TRY(silt_database_text(db, "SELECT current_schema()", NULL, 0, arena, schema, err));
    const char *there = NULL;
    if (*schema)
        SILT_TRY(silt_database_text(db, "SELECT 1 FROM pg_namespace WHERE nspname = $1", schema, 1,
                                    arena, &there, err));
    if (there) return SILT_OK;
    silt_fail(err, SILT_NOT_FOUND, "there is no schema %s in the database",
              *schema ? *schema : "on the search_path");
    return silt_hint(err, SILT_NOT_FOUND, "make it: CREATE SCHEMA …");
}

static silt_status postgres_table_id(silt_database *db, const char *schema, const char *name,
                                     silt_arena *arena, const char **out, silt_error *err)
{
    const char *const values[] = {schema, name};
    return silt_database_text(db,
                              "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = "
                              "c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND "
                              "c.relkind IN ('r', 'p')",
                              values, 2, arena, out, err);
}

typedef struct foreign_table {
    silt_arena *arena;
    SILT_VEC(silt_field) fields;
} foreign_table;

static const silt_type *type_of(const char *name, silt_arena *arena)
{
    static const struct {
        const char *name;
        silt_type_kind kind;
    } known[] = {
        {"boolean", SILT_TYPE_BOOLEAN},
        {"smallint", SILT_TYPE_SHORT},
        {"integer", SILT_TYPE_INTEGER},
        {"bigint", SILT_TYPE_LONG},
        {"real", SILT_TYPE_FLOAT},
        {"double precision", SILT_TYPE_DOUBLE},
        {"text", SILT_TYPE_STRING},
        {"uuid", SILT_TYPE_STRING},
        {"json", SILT_TYPE_STRING},
        {"jsonb", SILT_TYPE_STRING},
        {"character varying", SILT_TYPE_STRING},
        {"character", SILT_TYPE_STRING},
        {"bytea", SILT_TYPE_BINARY},
        {"date", SILT_TYPE_DATE},
        {"timestamp with time zone", SILT_TYPE_TIMESTAMP},
        {"timestamp without time zone", SILT_TYPE_TIMESTAMP_NTZ},
    };
    int precision, scale;
    char after;
    for (size_t i = 0; i < SILT_COUNT(known); i++) {
        size_t size = strlen(known[i].name);
        /* Only these two may say how long they are. */
        bool whole = silt_streq(name, known[i].name);
        bool sized = silt_starts_with(name, "character") &&
                     strncmp(name, known[i].name, size) == 0 && name[size] == '(';
        if (whole || sized) return silt_type_primitive(known[i].kind);
    }
    if (sscanf(name, "numeric(%d,%d%c", &precision, &scale, &after) != 3 || after != ')' ||
        precision < 1 || precision > 38 || scale < 0 || scale > precision)
        return NULL;
    silt_type *decimal = silt_arena_calloc(arena, 1, sizeof(*decimal));
    if (decimal)
        *decimal = (silt_type){.kind = SILT_TYPE_DECIMAL, .precision = precision, .scale = scale};
    return decimal;
}

static silt_status take_column(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    foreign_table *t = ctx;
    (void)count;
    const char *name = silt_arena_strndup(t->arena, values[0].data, values[0].size);
    const char *declared = silt_arena_strndup(t->arena, values[1].data, values[1].size);
    if (!name || !declared) return silt_fail_nomem(err);
    const silt_type *type = type_of(declared, t->arena);
    if (!type) {
        silt_fail(err, SILT_UNSUPPORTED, "column %s is of the type %s", name, declared);
        return silt_hint(err, SILT_UNSUPPORTED,
                         "Silt fills numbers (numeric with precision and scale up to 38), texts, "
                         "json, uuid, bytea, dates and timestamps; or let it make the table");
    }
    bool not_null = values[2].data && *values[2].data == 't';
    const silt_field field = {name, type, !not_null, "{}"};
    return silt_vec_push(&t->fields, field) ? SILT_OK : silt_fail_nomem(err);
}

/* Columns that are computed, or have a value of their own where none is given and aren't asked
 * for, are the table's business. */
static silt_status postgres_table_schema(silt_database *db, const char *schema, const char *name,
                                         silt_arena *arena, const silt_type **out, silt_error *err)
{
    foreign_table t = {.arena = arena};
    const char *const values[] = {schema, name};
    silt_status st = silt_database_query(
        db,
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
        "n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped AND "
        "a.attgenerated = '' AND a.attidentity = '' AND NOT a.atthasdef ORDER BY a.attnum",
        values, 2, take_column, &t, err);
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

static silt_status postgres_lock_table(silt_database *db, const char *table, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table);
    return silt_database_run(db, &sql, NULL, err);
}

static silt_status postgres_lock_schema(silt_database *db, const char *schema, silt_error *err)
{
    return db->ops->execute(db, "SELECT pg_advisory_xact_lock(" LOCK_KEY ", hashtext($1))", &schema,
                            1, NULL, err);
}

static silt_status postgres_analyze(silt_database *db, const char *table, silt_error *err)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "ANALYZE %s", table);
    return silt_database_run(db, &sql, NULL, err);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\\x00ff", as bytea_output is set. */
static bool postgres_put_binary(silt_bytes value, silt_buf *out)
{
    if (value.size < 2 || value.size % 2 || memcmp(value.data, "\\x", 2) != 0) return false;
    for (size_t i = 2; i < value.size; i += 2) {
        int high = hex_digit(value.data[i]), low = hex_digit(value.data[i + 1]);
        if (high < 0 || low < 0) return false;
        silt_buf_putc(out, (char)(high << 4 | low));
    }
    return true;
}

static const char *const row_ids[] = {"ctid", NULL};

static const silt_database_ops postgres_ops = {
    .kind = "postgres",
    .execute = postgres_execute,
    .rows_begin = postgres_rows_begin,
    .rows_next = postgres_rows_next,
    .rows_end = postgres_rows_end,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .bulk_begin = postgres_bulk_begin,
    .bulk_row = postgres_bulk_row,
    .bulk_end = postgres_bulk_end,
    .reconnect = postgres_reconnect,
    .free = postgres_free,
    .type_name = postgres_type_name,
    .resolve = postgres_resolve,
    .table_id = postgres_table_id,
    .table_schema = postgres_table_schema,
    .lock_table = postgres_lock_table,
    .lock_schema = postgres_lock_schema,
    .analyze = postgres_analyze,
    .put_binary = postgres_put_binary,
    .row_ids = row_ids,
    .row_id_type = "tid",
    .collate_bytes = " COLLATE \"C\"",
    .for_update = " FOR UPDATE",
    .temporary = "pg_temp",
    .number_type = "bigint",
    .name_max = NAME_MAX_BYTES,
    .orders_decimals = true,
};

silt_status silt_database_postgres_open(const char *conninfo, int64_t lock_wait_ms,
                                        silt_database **out, silt_error *err)
{
    SILT_TRY(silt_client_library_need(&library, err));
    SILT_TRY(check_conninfo(conninfo, err));
    postgres_database *p = calloc(1, sizeof(*p));
    if (!p) return silt_fail_nomem(err);
    p->base = (silt_database){.ops = &postgres_ops, .lock_wait_ms = lock_wait_ms};
    p->conninfo = strdup(conninfo);
    silt_status st = p->conninfo ? connect_now(p, err) : silt_fail_nomem(err);
    if (st != SILT_OK) {
        postgres_free(&p->base);
        return st;
    }
    *out = &p->base;
    return SILT_OK;
}
