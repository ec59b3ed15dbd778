/* The embedded DuckDB as the engine's own files see it: the loaded library, one database with one
 * connection, queries with Silt's errors, SQL text, and the registry of running scans.
 *
 * Only src/engine/duckdb*.c include this or duckdb.h. Threads: one at a time, silt_duck_interrupt()
 * from any; DuckDB's own threads come back through the scalar functions that are registered here.
 */
#ifndef SILT_ENGINE_DUCKDB_CORE_H
#define SILT_ENGINE_DUCKDB_CORE_H

#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"

/* ---- the library (duckdb_load.c) ------------------------------------------------------------- */

/* Every function of duckdb.h that the engine calls, without its prefix: silt_duck.query(…) is
 * duckdb_query(…). A new one is added here and nowhere else; 1.4's header must have it. */
/* clang-format off */
#define SILT_DUCK_FUNCTIONS(X) \
    X(library_version) X(malloc) X(free) X(vector_size) X(create_config) X(set_config) \
    X(destroy_config) X(open_ext) X(close) X(connect) X(disconnect) X(interrupt) \
    X(query_progress) X(query) X(destroy_result) X(result_error) X(result_error_type) \
    X(rows_changed) X(column_count) X(column_name) X(column_type) X(column_logical_type) \
    X(fetch_chunk) X(prepare) X(prepare_error) X(destroy_prepare) X(execute_prepared) \
    X(bind_int64) X(bind_varchar) X(bind_varchar_length) X(pending_prepared) \
    X(pending_prepared_streaming) X(pending_error) X(destroy_pending) \
    X(pending_execute_task) X(pending_execute_check_state) X(pending_execution_is_finished) \
    X(execute_pending) X(create_logical_type) X(create_decimal_type) X(create_list_type) \
    X(create_map_type) X(create_struct_type) X(destroy_logical_type) X(get_type_id) \
    X(decimal_width) X(decimal_scale) X(list_type_child_type) X(map_type_key_type) \
    X(map_type_value_type) X(struct_type_child_count) X(struct_type_child_name) \
    X(struct_type_child_type) X(create_data_chunk) X(destroy_data_chunk) X(data_chunk_reset) \
    X(data_chunk_get_size) X(data_chunk_set_size) X(data_chunk_get_vector) \
    X(data_chunk_get_column_count) X(vector_get_data) X(vector_get_validity) \
    X(vector_get_column_type) X(vector_ensure_validity_writable) \
    X(vector_assign_string_element) X(vector_assign_string_element_len) \
    X(list_vector_get_child) X(list_vector_get_size) X(list_vector_reserve) \
    X(list_vector_set_size) X(struct_vector_get_child) X(validity_row_is_valid) \
    X(validity_set_row_invalid) X(validity_set_row_valid) X(string_is_inlined) \
    X(string_t_length) X(string_t_data) X(get_int64) X(get_varchar) X(destroy_value) \
    X(create_scalar_function) X(destroy_scalar_function) X(register_scalar_function) \
    X(scalar_function_set_name) X(scalar_function_add_parameter) \
    X(scalar_function_set_return_type) X(scalar_function_set_volatile) \
    X(scalar_function_set_special_handling) X(scalar_function_set_function) \
    X(scalar_function_set_extra_info) X(scalar_function_get_extra_info) \
    X(scalar_function_set_error) X(scalar_function_set_varargs) X(create_table_function) \
    X(destroy_table_function) X(register_table_function) X(table_function_set_name) \
    X(table_function_add_parameter) X(table_function_set_extra_info) \
    X(table_function_set_bind) X(table_function_set_init) X(table_function_set_function) \
    X(table_function_supports_projection_pushdown) X(bind_get_extra_info) \
    X(bind_get_parameter) X(bind_add_result_column) X(bind_set_bind_data) \
    X(bind_set_cardinality) X(bind_set_error) X(init_get_extra_info) X(init_get_bind_data) \
    X(init_set_init_data) X(init_set_max_threads) X(init_get_column_count) \
    X(init_get_column_index) X(init_set_error) X(function_get_extra_info) \
    X(function_get_bind_data) X(function_get_init_data) X(function_set_error) \
    X(appender_create_ext) X(append_data_chunk) X(appender_flush) X(appender_close) \
    X(appender_error_data) X(appender_destroy) X(error_data_message) \
    X(error_data_error_type) X(error_data_has_error) X(destroy_error_data) \
    X(prepared_statement_column_count) \
    X(prepared_statement_column_name) X(prepared_statement_column_logical_type) \
    X(connection_get_arrow_options) X(destroy_arrow_options) X(to_arrow_schema) \
    X(data_chunk_to_arrow)
/* clang-format on */

#define SILT_DUCK_MEMBER(name) __typeof__(&duckdb_##name) name;
typedef struct silt_duck_library {
    SILT_DUCK_FUNCTIONS(SILT_DUCK_MEMBER)
} silt_duck_library;
#undef SILT_DUCK_MEMBER

/* All NULL until silt_duck_load() has succeeded once; then the same for good. */
extern silt_duck_library silt_duck;

/* Open libduckdb, once a process: $SILT_DUCKDB (a file; nothing else is tried then), else
 * $DUCKDB_DIR[/lib], the build's, the installation's folder, the system's. Any thread.
 * UNSUPPORTED: none found, or older than 1.5; the message says which were tried. */
silt_status silt_duck_load(silt_error *err);

/* ---- the engine (duckdb_core.c) -------------------------------------------------------------- */

typedef struct silt_duck_scan silt_duck_scan;

typedef struct silt_duck_engine {
    silt_engine base;
    /* copied options; memory_limit_bytes and temp_directory as they were decided on */
    int64_t memory_limit_bytes;
    int threads;      /* as asked for; 0: as many as the engine takes */
    int threads_used; /* once it has started */
    char *temp_directory, *timezone;
    silt_progress_fn *progress;
    void *progress_ctx;
    bool progress_blind;

    duckdb_database database; /* NULL until first use */
    duckdb_connection connection;
    bool keeps_order;   /* as preserve_insertion_order stands now */
    atomic_bool broken; /* DuckDB refuses to go on after an internal error: to be opened anew */

    atomic_bool interrupted;
    _Atomic(duckdb_connection) running; /* non-NULL while there is something to interrupt */

    pthread_t watcher; /* reports progress; repeats an interrupt that came too early */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool has_watcher, quit; /* under lock, as the next three */
    bool asleep;            /* the watcher is, and wants to be woken */
    int busy;               /* how many begin()s are open */
    int tics;               /* of the watcher, since the first of them */

    silt_duck_scan *scans; /* under lock */
    int64_t scan_count;    /* ids given out so far */

    struct silt_duck_engine *parent;   /* of a session: the engine it is of; else NULL */
    struct silt_duck_engine *sessions; /* of an engine: under lock */
    struct silt_duck_engine *next_session;

    duckdb_error_type error_type; /* of the last query that failed */
    silt_buf error_text;          /* all of its lines */
} silt_duck_engine;

static inline silt_duck_engine *silt_duck_of(silt_engine *engine)
{
    return (silt_duck_engine *)engine;
}

/* New with `ops`, without touching the library; `temp_directory` gets a subfolder for this engine
 * alone, made when something spills. */
silt_status silt_duck_new(const silt_engine_options *opts, const silt_engine_ops *ops,
                          silt_duck_engine **out, silt_error *err);
void silt_duck_free(silt_duck_engine *db);

/* Load the library, open database and connection; cheap when that was done. Every call of the
 * vtable that needs them starts with this. */
silt_status silt_duck_start(silt_duck_engine *db, silt_error *err);
/* Have a connection, the engine's own or a session's, tell how far a statement is, if somebody
 * asks. */
silt_status silt_duck_follow_progress(silt_duck_engine *db, silt_error *err);

/* As silt_engine_ops.limit. */
silt_status silt_duck_limit(silt_duck_engine *db, int64_t memory_limit_bytes, int threads,
                            silt_error *err);

void silt_duck_interrupt(silt_duck_engine *db);
/* INTERRUPTED if silt_duck_interrupt() was called: to be asked between steps. */
silt_status silt_duck_check(silt_duck_engine *db, silt_error *err);

/* A duckdb_result to be declared with SILT_CLEAN; {0} is fine to release. */
typedef duckdb_result silt_duck_result;
static inline void silt_duck_result_release(silt_duck_result *result)
{
    if (silt_duck.destroy_result) silt_duck.destroy_result(result);
}
/* The same for a data chunk, NULL being none. */
typedef duckdb_data_chunk silt_duck_chunk;
static inline void silt_duck_chunk_release(silt_duck_chunk *chunk)
{
    if (*chunk) silt_duck.destroy_data_chunk(chunk);
}
typedef duckdb_logical_type silt_duck_type;
static inline void silt_duck_type_release(silt_duck_type *type)
{
    if (*type) silt_duck.destroy_logical_type(type);
}

/* ---- sessions (duckdb_session.c) ----- */

/* A connection of its own beside the engine's, for what runs while other calls do: it can be used
 * wherever a silt_duck_engine is asked for, from a thread of its own, has errors of its own, and is
 * in UTC. Scans that are entered by it are the engine's; an interrupt of the engine is one of its
 * sessions. Opened by the thread that uses the engine (which is started); closed by any, before the
 * engine is. */
silt_status silt_duck_session_open(silt_duck_engine *db, silt_duck_engine **out, silt_error *err);
void silt_duck_session_close(silt_duck_engine *session);

/* The engine of a session, or the engine itself. */
static inline silt_duck_engine *silt_duck_root(silt_duck_engine *db)
{
    return db->parent ? db->parent : db;
}

/* Run one statement on a started engine, with progress and interrupt. `sql` that failed to grow is
 * NOMEM. `out` may be NULL; it is set on success only, and complete (not streamed).
 *
 * NOMEM, NOSPACE, DENIED, NOT_FOUND, IO, INTERRUPTED by what DuckDB says; else FAILED with its text
 * in one line; db->error_type and db->error_text keep the whole. */
silt_status silt_duck_query(silt_duck_engine *db, const silt_buf *sql, silt_duck_result *out,
                            silt_error *err);
/* The same from text. */
silt_status silt_duck_run(silt_duck_engine *db, const char *sql, silt_duck_result *out,
                          silt_error *err);
/* Work that isn't one silt_duck_query(), e.g. streaming or appending, stands between these two,
 * which nest: so that the watcher reports and interrupts. */
void silt_duck_begin(silt_duck_engine *db);
void silt_duck_end(silt_duck_engine *db);
/* An error that DuckDB gave by other ways than a result, as silt_duck_query() does. Keeps a copy of
 * text. */
silt_status silt_duck_error(silt_duck_engine *db, duckdb_error_type type, const char *text,
                            silt_error *err);
/* Whether the last query's error says that a source's content is at fault, not the machine or us.
 */
bool silt_duck_blames_data(const silt_duck_engine *db);

/* Whether the next queries keep the order of rows (CREATE TABLE AS and COPY). The default is not;
 * who asks for it sets it back. Kept order lets rowid of a CREATE TABLE AS number the rows of a
 * source. */
silt_status silt_duck_keep_order(silt_duck_engine *db, bool keep, silt_error *err);

/* ---- reading results ------------------------------------------------------------------------- */

/* A VARCHAR or BLOB of a vector's data; good as long as its chunk. */
static inline silt_bytes silt_duck_bytes(const void *vector_data, idx_t row)
{
    const duckdb_string_t *s = (const duckdb_string_t *)vector_data + row;
    if (s->value.inlined.length <= 12)
        return (silt_bytes){s->value.inlined.inlined, s->value.inlined.length};
    return (silt_bytes){s->value.pointer.ptr, s->value.pointer.length};
}
static inline bool silt_duck_valid(const uint64_t *validity, idx_t row)
{
    return !validity || (validity[row / 64] >> (row % 64) & 1);
}
/* The first column of the first row as an integer (BIGINT); FAILED if there is none. */
silt_status silt_duck_query_int(silt_duck_engine *db, const silt_buf *sql, int64_t *out,
                                silt_error *err);

/* ---- SQL text (duckdb_sql.c) ----------------------------------------------------------------- */

void silt_sql_name(silt_buf *sql, const char *name); /* "a ""quoted"" name" */
void silt_sql_text(silt_buf *sql, const char *text); /* 'a literal'; NULL → NULL */
void silt_sql_bytes(silt_buf *sql, silt_bytes text);
/* A type as DuckDB writes it, e.g. STRUCT("a" BIGINT, "b" VARCHAR[]). UNSUPPORTED: has no twin. */
silt_status silt_sql_type(silt_buf *sql, const silt_type *type, silt_error *err);
/* The same, but texts in place of what is read as such. */
silt_status silt_sql_type_but(silt_buf *sql, const silt_type *type,
                              bool (*as_text)(const silt_type *), silt_error *err);
/* `expr` (evaluated more than once) of type `from` as type `to`: a value that would lose something
 * (a fraction, a digit, a time of day) fails the query as a conversion, where DuckDB's own cast
 * would round. `try_cast`: gives null instead of failing. */
silt_status silt_sql_cast(silt_buf *sql, const char *expr, const silt_type *from,
                          const silt_type *to, bool try_cast, silt_error *err);
/* The same; also digits that a double or float has no room for. */
silt_status silt_sql_cast_exact(silt_buf *sql, const char *expr, const silt_type *from,
                                const silt_type *to, bool try_cast, silt_error *err);

/* ---- running scans: what scalar functions find by id ----------------------------------------- */

/* One running query's numbers by source file; `kind` tells whose. A C function in the query has the
 * id as its first argument, since functions belong to the database and not to a query. */
struct silt_duck_scan {
    silt_duck_scan *next;
    int64_t id;
    const void *kind; /* address of something of the function's file */
    void *data;
};
/* Enter a scan (its memory is the caller's) and give it an id; take it out again. */
void silt_duck_scan_add(silt_duck_engine *db, silt_duck_scan *scan);
void silt_duck_scan_remove(silt_duck_engine *db, silt_duck_scan *scan);
/* From any thread; NULL if it is gone or of another kind. Once a chunk, not once a row. */
void *silt_duck_scan_data(silt_duck_engine *db, int64_t id, const void *kind);

/* Register a scalar function whose extra info is `db` (silt_duck_function_engine() in the
 * callback). NULLs in arguments come through to it. `types` are DUCKDB_TYPE_…, terminated by
 * DUCKDB_TYPE_INVALID. */
silt_status silt_duck_add_function(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                   duckdb_type returns, bool is_volatile,
                                   duckdb_scalar_function_t fn, silt_error *err);
/* The same with any number of arguments of type `rest` behind. */
silt_status silt_duck_add_varargs(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                  duckdb_type rest, duckdb_type returns, bool is_volatile,
                                  duckdb_scalar_function_t fn, silt_error *err);
/* One that gives a nested type. */
silt_status silt_duck_add_typed(silt_duck_engine *db, const char *name, const duckdb_type *types,
                                duckdb_logical_type returns, duckdb_scalar_function_t fn,
                                silt_error *err);
static inline silt_duck_engine *silt_duck_function_engine(duckdb_function_info info)
{
    return silt_duck.scalar_function_get_extra_info(info);
}
/* Called by silt_duck_start() for each file that has functions. */
silt_status silt_duck_text_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_source_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_flat_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_arrow_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_scan_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_output_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_check_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_order_register(silt_duck_engine *db, silt_error *err);
silt_status silt_duck_join_register(silt_duck_engine *db, silt_error *err);

#endif
