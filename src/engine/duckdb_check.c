/* Conditions that each row has to fulfil.
 *
 * They ride in the WHERE of the query that writes: a C function, given what they came to, counts
 * the rows that violate one and lets every row pass. A row is made JSON only where it does, so good
 * rows cost their conditions and nothing else. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_table.h"

#include "engine/duckdb_expr.h"

#define SAMPLES           5
#define SAMPLE_BYTES      (16 << 10) /* a longer row is counted and not shown */
#define FIRST_CONDITION   3          /* arguments before: scan, file, row */
#define MESSAGE_ROW_BYTES 200

static const char checks_kind[] = "silt_check";

struct silt_duck_checked {
    _Atomic int64_t rows;
    const char *samples[SAMPLES]; /* under lock */
    size_t sample_count;
};

/* ---- the function ---------------------------------------------------------------------------- */

static void keep_sample(silt_duck_checks *checks, struct silt_duck_checked *checked, silt_bytes row)
{
    if (row.size > SAMPLE_BYTES) return;
    pthread_mutex_lock(&checks->lock);
    if (checked->sample_count < SAMPLES) {
        char *copy = silt_arena_strndup(checks->arena, row.data, row.size);
        if (copy) checked->samples[checked->sample_count++] = copy;
    }
    pthread_mutex_unlock(&checks->lock);
}

/* The rows of a chunk that violate condition `k`. */
static void count_bad(silt_duck_checks *checks, size_t k, duckdb_data_chunk input, idx_t count)
{
    duckdb_vector v = silt_duck.data_chunk_get_vector(input, FIRST_CONDITION + k);
    const bool *good = silt_duck.vector_get_data(v);
    const uint64_t *validity = silt_duck.vector_get_validity(v);
    duckdb_vector texts = silt_duck.data_chunk_get_vector(input, 2);
    const int64_t *files = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1));
    int64_t bad = 0;
    for (idx_t i = 0; i < count; i++) {
        if (silt_duck_valid(validity, i) && good[i]) continue;
        if (checks->by_file && files[i] >= 0 && (size_t)files[i] < checks->file_count)
            atomic_fetch_add(&checks->by_file[(size_t)files[i] * checks->count + k], 1);
        if (bad++ < SAMPLES && silt_duck_valid(silt_duck.vector_get_validity(texts), i))
            keep_sample(checks, &checks->checked[k],
                        silt_duck_bytes(silt_duck.vector_get_data(texts), i));
    }
    if (bad) atomic_fetch_add(&checks->checked[k].rows, bad);
}

static void check(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t count = silt_duck.data_chunk_get_size(input);
    if (count == 0) return;
    const int64_t *ids = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 0));
    silt_duck_checks *checks =
        silt_duck_scan_data(silt_duck_function_engine(info), ids[0], checks_kind);
    if (!checks) {
        silt_duck.scalar_function_set_error(info, "silt_check is for the engine's own use");
        return;
    }
    memset(silt_duck.vector_get_data(output), 1, count);
    for (size_t k = 0; k < checks->count; k++)
        count_bad(checks, k, input, count);
}

silt_status silt_duck_check_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_VARCHAR,
                                DUCKDB_TYPE_INVALID};
    return silt_duck_add_varargs(db, checks_kind, args, DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_BOOLEAN,
                                 true, check, err);
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* `label` IS NOT NULL, as a check of ours. False: out of memory. */
static bool make_guard(const silt_output_column *column, silt_arena *arena, silt_check *out)
{
    static const silt_type boolean = {.kind = SILT_TYPE_BOOLEAN};
    silt_expr *nodes = silt_arena_calloc(arena, 3, sizeof *nodes);
    const silt_expr **args = silt_arena_calloc(arena, 2, sizeof *args);
    const char **path = silt_arena_calloc(arena, 1, sizeof *path);
    const char *name = silt_arena_printf(arena, "%s NOT NULL", silt_output_label(column));
    if (!nodes || !args || !path || !name) return false;
    *path = silt_output_label(column);
    args[0] = &nodes[0];
    args[1] = &nodes[1];
    nodes[0] =
        (silt_expr){.kind = SILT_EXPR_COLUMN, .type = column->type, .path = path, .path_count = 1};
    nodes[1] = (silt_expr){.kind = SILT_EXPR_CALL,
                           .type = &boolean,
                           .op = SILT_OP_IS_NULL,
                           .args = &args[0],
                           .arg_count = 1};
    nodes[2] = (silt_expr){.kind = SILT_EXPR_CALL,
                           .type = &boolean,
                           .op = SILT_OP_NOT,
                           .args = &args[1],
                           .arg_count = 1};
    *out = (silt_check){.name = name, .condition = &nodes[2]};
    return true;
}

silt_status silt_duck_checks_init(silt_duck_checks *checks, silt_duck_engine *db,
                                  const silt_output_column *columns, size_t column_count,
                                  const bool *guarded, const silt_write_spec *write,
                                  silt_arena *arena, silt_error *err)
{
    *checks = (silt_duck_checks){.db = db,
                                 .columns = columns,
                                 .column_count = column_count,
                                 .given = write->checks,
                                 .asked = write->check_count,
                                 .arena = arena};
    size_t room = write->check_count + column_count;
    silt_check *all = silt_arena_calloc(arena, room + 1, sizeof *all);
    if (!all) return silt_fail_nomem(err);
    for (size_t k = 0; k < write->check_count; k++)
        all[checks->count++] = write->checks[k];
    for (size_t c = 0; guarded && c < column_count; c++) {
        if (!guarded[c] || !columns[c].not_null) continue;
        if (!make_guard(&columns[c], arena, &all[checks->count++])) return silt_fail_nomem(err);
    }
    checks->checks = all;
    if (checks->count == 0) return SILT_OK;
    checks->checked = silt_arena_calloc(arena, checks->count, sizeof *checks->checked);
    if (!checks->checked) return silt_fail_nomem(err);
    pthread_mutex_init(&checks->lock, NULL);
    checks->scan = (silt_duck_scan){.kind = checks_kind, .data = checks};
    silt_duck_scan_add(db, &checks->scan);
    return SILT_OK;
}

silt_status silt_duck_checks_by_file(silt_duck_checks *checks, const char *const *files,
                                     size_t file_count, silt_error *err)
{
    if (!checks->count || !file_count) return SILT_OK;
    checks->by_file =
        silt_arena_calloc(checks->arena, file_count * checks->count, sizeof *checks->by_file);
    if (!checks->by_file) return silt_fail_nomem(err);
    checks->files = files;
    checks->file_count = file_count;
    return SILT_OK;
}

void silt_duck_checks_release(silt_duck_checks *checks)
{
    if (!checks->scan.data) return;
    silt_duck_scan_remove(checks->db, &checks->scan);
    pthread_mutex_destroy(&checks->lock);
    checks->scan.data = NULL;
}

/* ---- SQL ------------------------------------------------------------------------------------- */

/* The row as a JSON object by label. */
static silt_status put_row(const silt_duck_checks *checks, silt_buf *sql, silt_error *err)
{
    silt_buf_puts(sql, "CAST(to_json(struct_pack(");
    for (size_t c = 0; c < checks->column_count; c++) {
        const silt_output_column *column = &checks->columns[c];
        SILT_CLEAN(silt_buf) value = {0};
        /* As an instant of UTC, whatever zone the sources are in. */
        bool instant = column->type->kind == SILT_TYPE_TIMESTAMP;
        silt_buf_puts(&value, instant ? "make_timestamp(epoch_us(t." : "t.");
        silt_sql_name(&value, column->name);
        if (instant) silt_buf_puts(&value, "))");
        if (value.failed) return silt_fail_nomem(err);
        if (c) silt_buf_puts(sql, ", ");
        silt_sql_name(sql, silt_output_label(column));
        silt_buf_puts(sql, " := ");
        silt_duck_form_value(SILT_DUCK_JSON, column->type, value.data, sql);
    }
    silt_buf_puts(sql, ")) AS VARCHAR)");
    return SILT_OK;
}

static silt_status put_conditions(const silt_duck_checks *checks, const silt_buf *rows,
                                  silt_buf *sql, silt_error *err)
{
    silt_duck_compute columns = {.columns = checks->columns, .column_count = checks->column_count};
    silt_buf_puts(sql, "SELECT t.*");
    for (size_t k = 0; k < checks->count; k++) {
        silt_buf_puts(sql, ", ");
        silt_status st = silt_duck_expr_sql(checks->checks[k].condition, silt_duck_output_column,
                                            &columns, sql, err);
        if (st != SILT_OK) return silt_wrap(err, st, "constraint %s", checks->checks[k].name);
        silt_buf_printf(sql, " AS __silt_k%zu", k);
    }
    silt_buf_printf(sql, " FROM (%s) t", rows->data);
    return SILT_OK;
}

silt_status silt_duck_checks_sql(const silt_duck_checks *checks, const silt_buf *rows,
                                 silt_buf *sql, silt_error *err)
{
    if (checks->count == 0) {
        silt_buf_append(sql, rows->data, rows->size);
        return SILT_OK;
    }
    for (size_t c = 0; c < checks->column_count; c++) {
        silt_buf_puts(sql, c ? ", t." : "SELECT t.");
        silt_sql_name(sql, checks->columns[c].name);
    }
    if (checks->keeps_file) silt_buf_puts(sql, ", t." SILT_DUCK_FILE_COLUMN);
    silt_buf_puts(sql, " FROM (");
    SILT_TRY(put_conditions(checks, rows, sql, err));
    silt_buf_printf(sql, ") t WHERE silt_check(%" PRId64 ", %s, CASE WHEN ", checks->scan.id,
                    checks->file_count ? "t." SILT_DUCK_FILE_COLUMN : "0");
    for (size_t k = 0; k < checks->count; k++)
        silt_buf_printf(sql, "%st.__silt_k%zu", k ? " AND " : "", k);
    silt_buf_puts(sql, " THEN NULL ELSE ");
    SILT_TRY(put_row(checks, sql, err));
    silt_buf_puts(sql, " END");
    for (size_t k = 0; k < checks->count; k++)
        silt_buf_printf(sql, ", t.__silt_k%zu", k);
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

/* ---- verdict --------------------------------------------------------------------------------- */

static void describe(const silt_duck_checks *checks, size_t k, int64_t rows, silt_buf *text)
{
    const char *plural = rows == 1 ? "" : "s";
    if (text->size) silt_buf_puts(text, "; ");
    if (k < checks->asked)
        silt_buf_printf(text, "%" PRId64 " row%s violate%s %s", rows, plural, rows == 1 ? "s" : "",
                        checks->checks[k].name);
    else
        silt_buf_printf(text, "column %s must not be null, but is in %" PRId64 " row%s",
                        checks->checks[k].condition->args[0]->args[0]->path[0], rows, plural);
}

static int64_t rows_of(const silt_duck_checks *checks, size_t file, size_t k)
{
    return atomic_load(&checks->by_file[file * checks->count + k]);
}

void silt_duck_checks_blame(const silt_duck_checks *checks, const silt_stage_spec *sources)
{
    for (size_t i = 0; sources->bad_source && i < checks->file_count; i++) {
        SILT_CLEAN(silt_buf) why = {0};
        for (size_t k = 0; k < checks->count; k++)
            if (rows_of(checks, i, k) > 0 && !checks->checks[k].warns)
                describe(checks, k, rows_of(checks, i, k), &why);
        if (why.size && !why.failed)
            sources->bad_source(sources->bad_source_ctx, i, SILT_BAD_DATA, why.data);
    }
}

static silt_status name_sources(const silt_duck_checks *checks, size_t k, silt_violation *out,
                                silt_error *err)
{
    const char **names = silt_arena_calloc(checks->arena, SILT_VIOLATION_SOURCES, sizeof *names);
    if (!names) return silt_fail_nomem(err);
    for (size_t i = 0; i < checks->file_count; i++)
        if (rows_of(checks, i, k) > 0 && out->source_count++ < SILT_VIOLATION_SOURCES)
            names[out->source_count - 1] = checks->files[i];
    out->sources = names;
    return SILT_OK;
}

silt_status silt_duck_checks_verify(const silt_duck_checks *checks, silt_stage_result *out,
                                    silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    size_t count = 0, bad = 0;
    const char *sample = NULL;
    silt_violation *violations =
        silt_arena_calloc(checks->arena, checks->count + 1, sizeof *violations);
    if (!violations) return silt_fail_nomem(err);
    for (size_t k = 0; k < checks->count; k++) {
        const struct silt_duck_checked *checked = &checks->checked[k];
        int64_t rows = atomic_load(&checked->rows);
        if (rows == 0) continue;
        if (!checks->checks[k].warns) {
            describe(checks, k, rows, &text);
            if (!sample && checked->sample_count) sample = checked->samples[0];
            bad++;
        }
        violations[count] =
            (silt_violation){.check = k < checks->asked ? &checks->given[k] : &checks->checks[k],
                             .rows = rows,
                             .samples = checked->samples,
                             .sample_count = checked->sample_count};
        SILT_TRY(name_sources(checks, k, &violations[count++], err));
    }
    if (count == 0) return SILT_OK;
    if (text.failed) return silt_fail_nomem(err);
    *out = (silt_stage_result){.violations = violations, .violation_count = count};
    if (bad == 0) return SILT_OK;
    bool cut = sample && strlen(sample) > MESSAGE_ROW_BYTES;
    return silt_fail(err, SILT_BAD_DATA, "%.*s%s%.*s%s", 600, text.data, sample ? ", e.g. " : "",
                     MESSAGE_ROW_BYTES, sample ? sample : "", cut ? "…" : "");
}
