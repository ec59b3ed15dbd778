/* Append rows of a program: snapshot → staged files → published → one commit.
 *
 * Invariants
 *  (1) With an app txn, of its number one commit at most ever stands: the txn is written only where
 *      the table's is lower, looked at again after every commit of others.
 *  (2) Published files are taken away again unless a commit names them or may (UNSURE).
 *  (3) What was staged for one schema is never committed to another. */
#include <unistd.h>

#include "base/json.h"
#include "engine/arrow.h"
#include "ops/change.h"
#include "ops/layout.h"
#include "ops/once.h"
#include "ops/work.h"
#include "ops/write_columns.h"
#include "silt/write.h"
#include "table/data.h"
#include "table/txn.h"

typedef struct work {
    silt_snapshot *base;  /* borrowed */
    silt_snapshot *newer; /* ours: read again after a commit of our app; NULL: none */
    silt_append_options opts;
    silt_commit_options commit;
    silt_arena *arena;
    char id[SILT_UUID_SIZE];        /* in the names of all files of this try */
    const char *scratch;            /* our own folder; NULL: none was needed */
    const silt_arrow_column *given; /* of the stream */
    size_t given_count;
    silt_write_columns columns;
    silt_stage_result staged;
    const silt_metadata *metadata; /* that changes with it; NULL: none */
    silt_add *adds;
    silt_append_result result;
    silt_snapshot *after;
} work;

static void work_release(work *w)
{
    silt_scratch_remove(w->scratch);
    silt_snapshot_free(w->newer);
    silt_snapshot_free(w->after);
    silt_arena_free(w->arena);
}

static silt_snapshot *current(const work *w)
{
    return w->newer ? w->newer : w->base;
}

/* ---- rows → files ---- */

/* What the stream says of its columns. */
static silt_status stream_columns(struct ArrowArrayStream *rows, silt_arena *arena,
                                  const silt_arrow_column **out, size_t *count, silt_error *err)
{
    SILT_CLEAN(silt_arrow_schema) schema = {0};
    if (rows->get_schema(rows, &schema) != 0) {
        schema.release = NULL; /* the engine tells what it said */
        *count = 0;
        return SILT_OK;
    }
    return silt_arrow_columns(&schema, arena, out, count, err);
}

static silt_given given(void *ctx, const char *name)
{
    const work *w = ctx;
    for (size_t i = 0; i < w->given_count; i++)
        if (silt_streq(w->given[i].name, name)) return SILT_GIVEN_ALL;
    return SILT_GIVEN_NONE;
}

static silt_status output_columns(work *w, silt_arrow_spec *spec, silt_error *err)
{
    const silt_metadata *metadata = &silt_snapshot_state(w->base)->metadata;
    SILT_TRY(stream_columns(spec->rows, w->arena, &w->given, &w->given_count, err));
    SILT_TRY(silt_write_columns_of(metadata, silt_snapshot_schema(w->base), given, w, w->arena,
                                   &w->columns, err));
    spec->columns = w->columns.columns;
    spec->column_count = w->columns.column_count;
    spec->write.partition_by = w->columns.partition_by;
    spec->write.partition_count = w->columns.partition_count;
    spec->write.checks = w->columns.checks;
    spec->write.check_count = w->columns.check_count;
    return silt_layout_fill(&silt_snapshot_state(w->base)->protocol, metadata, w->columns.columns,
                            w->columns.column_count, w->arena, &spec->write, err);
}

/* Numbers that were given away are the table's new high-water mark. */
static silt_status after_stage(work *w, silt_status st, silt_error *err)
{
    if (st != SILT_OK)
        return silt_write_violations(&w->staged, st, silt_snapshot_store(w->base)->uri,
                                     w->commit.diagnostics, err);
    if (w->columns.identity == SIZE_MAX || !w->staged.identity_count) return SILT_OK;
    const silt_type *schema;
    return silt_write_columns_numbered(&w->columns, w->staged.identity_last, w->arena, &w->metadata,
                                       &schema, err);
}

static silt_status stage(work *w, struct ArrowArrayStream *rows, silt_error *err)
{
    silt_engine *engine = silt_snapshot_engine(w->base);
    silt_arrow_spec spec = {.rows = rows};
    if (!engine) return silt_fail(err, SILT_INVALID, "the snapshot was opened without an engine");
    silt_uuid(&silt_random_system, w->id);
    SILT_TRY(output_columns(w, &spec, err));
    spec.write.file_prefix = silt_arena_printf(w->arena, "part-%s-", w->id);
    if (!spec.write.file_prefix) return silt_fail_nomem(err);
    silt_store *store = silt_snapshot_store(w->base);
    if (!spec.write.partition_count)
        SILT_TRY(silt_scratch_shared(store, w->arena, &spec.write.directory, err));
    if (!spec.write.directory) {
        SILT_TRY(silt_scratch_make(store, w->id, w->arena, &w->scratch, err));
        spec.write.directory = w->scratch;
    }
    SILT_TRY(
        after_stage(w, engine->ops->stage_arrow(engine, &spec, w->arena, &w->staged, err), err));
    int64_t count = w->staged.row_count;
    const silt_source_counts rows_read = {.read = count, .inserted = count};
    const silt_conserved c = {.sources = &rows_read, .source_count = 1, .staged = &w->staged};
    return silt_conserve(&c, err);
}

static silt_status publish(work *w, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(w->base);
    SILT_TRY(silt_staged_publish(
        silt_snapshot_store(w->base), w->staged.files, w->staged.file_count, &state->metadata,
        silt_snapshot_schema(w->base), silt_now_ms(&silt_clock_system), w->arena, &w->adds, err));
    w->result.rows = w->staged.row_count;
    w->result.files = (int64_t)w->staged.file_count;
    for (size_t i = 0; i < w->staged.file_count; i++) {
        w->result.bytes += w->staged.files[i].size_bytes;
        SILT_TRY(silt_conserve_object(silt_snapshot_store(w->base), w->adds[i].path,
                                      w->adds[i].size_bytes, w->arena, err));
    }
    return SILT_OK;
}

/* Invariant (2). */
static void unpublish(work *w)
{
    silt_store *store = silt_snapshot_store(w->base);
    for (size_t i = 0; i < w->staged.file_count; i++) {
        const char *key;
        (void)unlink(w->staged.files[i].local_path);
        if (w->adds && silt_path_decode(w->adds[i].path, w->arena, &key, NULL) == SILT_OK)
            (void)store->ops->remove(store, key, NULL);
    }
    /* Stopped half-way, which of them stand there has to be looked up. */
    if (!w->adds && w->staged.file_count) (void)silt_attempt_clean(store, w->id, NULL);
    w->result.rows = w->result.files = w->result.bytes = 0;
}

/* ---- files → a commit ---- */

/* partitionBy is a JSON array within a string, as Spark has it. */
static const char *parameters(const work *w)
{
    SILT_CLEAN(silt_buf) by = {0}, buf = {0};
    silt_json_writer list = silt_json_writer_of(&by), json = silt_json_writer_of(&buf);
    silt_json_begin_array(&list);
    for (size_t i = 0; i < silt_snapshot_partition_count(w->base); i++)
        silt_json_put_string(&list, silt_snapshot_partition_column(w->base, i));
    silt_json_end_array(&list);
    if (by.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "mode", "Append");
    silt_json_member_string(&json, "partitionBy", by.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, w->arena);
}

static silt_status commit(work *w, const silt_txn_options *opts, silt_txn_result *out,
                          silt_error *err)
{
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(current(w), opts, &txn, err));
    if (w->metadata) SILT_TRY(silt_txn_set_metadata(txn, w->metadata, err));
    for (size_t i = 0; i < w->staged.file_count; i++)
        SILT_TRY(silt_txn_add(txn, &w->adds[i], err));
    SILT_TRY(silt_txn_commit(txn, out, &w->after, err));
    w->result.attempts += out->attempts;
    return SILT_OK;
}

/* Whether what was staged for the base can go into the newer snapshot. */
static bool same_shape(const work *w)
{
    const silt_metadata *a = &silt_snapshot_state(w->base)->metadata;
    const silt_metadata *b = &silt_snapshot_state(w->newer)->metadata;
    if (!silt_streq(a->id, b->id) || !silt_streq(a->schema_json, b->schema_json)) return false;
    if (a->partition_columns.count != b->partition_columns.count) return false;
    for (size_t i = 0; i < a->partition_columns.count; i++)
        if (!silt_streq(a->partition_columns.items[i], b->partition_columns.items[i])) return false;
    return true;
}

static silt_status look_again(work *w, silt_error *err)
{
    silt_snapshot *next = NULL;
    SILT_TRY(silt_snapshot_refresh(current(w), &next, err));
    silt_snapshot_free(w->newer);
    w->newer = next;
    return SILT_OK;
}

static silt_status conflict(const work *w, const char *what, silt_error *err)
{
    (void)silt_fail(err, SILT_CONFLICT, "%s: %s", silt_snapshot_store(w->base)->uri, what);
    return silt_hint(err, SILT_CONFLICT, "nothing was written; open the table anew and try again");
}

/* Until the commit stands, or a number that isn't below ours: `*moved` then. */
static silt_status commit_until(work *w, bool *moved, silt_error *err)
{
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "WRITE";
    opts.operation_parameters = parameters(w);
    if (!opts.operation_parameters) return silt_fail_nomem(err);
    SILT_TRY(silt_commit_tell(&w->commit, w->arena, &opts, err));
    for (;;) {
        silt_txn_result result;
        SILT_TRY(commit(w, &opts, &result, err));
        if (result.outcome == SILT_TXN_COMMITTED) {
            w->result.committed_version = w->result.table_version = result.version;
            return SILT_OK;
        }
        if (result.outcome == SILT_TXN_CONFLICT) return conflict(w, result.conflict, err);
        SILT_TRY(look_again(w, err));
        *moved = result.app_version_seen >= opts.app_version;
        if (*moved) return SILT_OK;
        if (!same_shape(w)) return conflict(w, "the table's schema has changed", err);
    }
}

/* ---- app txns ---- */

/* Nothing is written: say what stands instead. */
static silt_status answer_done(work *w, silt_error *err)
{
    silt_once once;
    SILT_TRY(silt_commit_once(&w->commit, current(w), &once, &w->result.committed_version, err));
    w->result.outcome = once == SILT_ONCE_DONE ? SILT_APPEND_ALREADY_DONE : SILT_APPEND_OVERTAKEN;
    w->result.table_version = silt_snapshot_version(current(w));
    w->after = SILT_TAKE(w->newer);
    return SILT_OK;
}

/* ---- the call ---- */

static silt_status append(work *w, struct ArrowArrayStream *rows, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(w->base);
    const char *uri = silt_snapshot_store(w->base)->uri;
    bool moved = false;
    if (silt_commit_is_past(&w->commit, current(w))) {
        SILT_TRY(look_again(w, err));
        return answer_done(w, err);
    }
    silt_status st = silt_feature_check_write(&state->protocol, &state->metadata, err);
    if (st == SILT_OK) st = stage(w, rows, err);
    if (st == SILT_OK) st = publish(w, err);
    if (st != SILT_OK) {
        unpublish(w);
        if (st == SILT_UNSURE) st = SILT_IO; /* a file is, but the commit surely wasn't tried */
        return silt_wrap(err, st, "%s", uri);
    }
    st = commit_until(w, &moved, err);
    if (moved || (st != SILT_OK && st != SILT_UNSURE)) unpublish(w);
    if (moved && st == SILT_OK) return answer_done(w, err);
    if (st == SILT_OK && w->after) (void)silt_table_maintain(w->after, NULL);
    return st;
}

static silt_status take_options(const silt_append_options *given, silt_append_options *out,
                                silt_error *err)
{
    *out = (silt_append_options)SILT_APPEND_OPTIONS_INIT;
    if (!given) return SILT_OK;
    if (given->struct_size < sizeof(*out))
        return silt_fail(err, SILT_INVALID, "silt_append_options: struct_size is not set");
    *out = *given;
    return SILT_OK;
}

silt_status silt_append_arrow(silt_snapshot *snapshot, struct ArrowArrayStream *rows,
                              const silt_append_options *opts, silt_append_result *out,
                              silt_snapshot **after, silt_error *err)
{
    SILT_CLEAN(work) w = {.base = snapshot, .result = {.committed_version = -1}};
    SILT_TRY(take_options(opts, &w.opts, err));
    SILT_TRY(silt_commit_take(w.opts.commit, &w.commit, err));
    w.arena = silt_arena_new();
    if (!w.arena) return silt_fail_nomem(err);
    SILT_TRY(append(&w, rows, err));
    *out = w.result;
    if (after) *after = SILT_TAKE(w.after);
    if (err) *err = (silt_error){0};
    return SILT_OK;
}
