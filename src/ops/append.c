/* Append and overwrite: sources → staged files → one commit that adds them, and removes what was
 * there. */
#include "base/hash.h"
#include "base/json.h"
#include "ops/replace.h"
#include "ops/work.h"

/* partitionBy is a JSON array within a string, as Spark has it. */
static const char *parameters(const silt_work *w, const char *mode)
{
    SILT_CLEAN(silt_buf) by = {0}, buf = {0};
    silt_json_writer list = silt_json_writer_of(&by), json = silt_json_writer_of(&buf);
    silt_json_begin_array(&list);
    for (size_t i = 0; i < w->metadata->partition_columns.count; i++)
        silt_json_put_string(&list, w->metadata->partition_columns.items[i]);
    silt_json_end_array(&list);
    if (by.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "mode", mode);
    silt_json_member_string(&json, "partitionBy", by.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, w->arena);
}

/* Partitions of files that are published. */
static silt_status new_partitions(silt_work *w, silt_names by, silt_map64 *out)
{
    SILT_CLEAN(silt_buf) key = {0};
    for (size_t i = 0; i < w->add_count; i++) {
        bool found;
        if (!silt_work_partition_key(&key, w->adds[i].partition_values, by))
            return silt_fail_nomem(w->err);
        const char *copy = silt_arena_strndup(w->arena, key.data, key.size);
        void **slot = copy ? silt_map64_slot(out, copy, key.size, &found) : NULL;
        if (!slot) return silt_fail_nomem(w->err);
        *slot = out; /* anything but NULL */
    }
    return SILT_OK;
}

/* Files that new ones take the place of. */
static silt_status replaced_files(silt_work *w, const silt_add *const **out, size_t *count)
{
    const silt_add *adds;
    size_t all;
    silt_mapping mapping;
    SILT_CLEAN(silt_buf) key = {0};
    SILT_AUTO(silt_map64) taken = silt_map64_new();
    SILT_TRY(silt_snapshot_adds(w->snapshot, &adds, &all, w->err));
    const silt_add **files = silt_arena_calloc(w->arena, all + 1, sizeof(*files));
    if (!files || !taken) return silt_fail_nomem(w->err);
    SILT_TRY(silt_mapping_of(w->metadata, w->schema, w->arena, &mapping, w->err));
    silt_names by = mapping.partition_columns;
    if (w->spec->partitions_only) SILT_TRY(new_partitions(w, by, taken));
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        if (!silt_work_partition_key(&key, adds[i].partition_values, by))
            return silt_fail_nomem(w->err);
        if (!w->spec->partitions_only || silt_map64_get(taken, key.data, key.size))
            files[(*count)++] = &adds[i];
    }
    *out = files;
    return SILT_OK;
}

/* A spec that replaces rows is of just as many as are there, or nothing is done. */
static silt_status replace_some(silt_work *w, const silt_stage_result *staged,
                                silt_replacing *replacing, silt_txn_options *txn)
{
    const silt_change_spec *spec = w->spec;
    SILT_TRY(silt_replace_where(replacing, w, w->snapshot, spec->replaces, staged->row_count));
    txn->read = SILT_READ_WHERE;
    txn->where = replacing->edit.where;
    txn->replaces_rows = !replacing->rewritten;
    txn->keeps_row_ids = replacing->rewritten;
    w->facts.files_removed = replacing->edit.result.files_removed;
    w->facts.rows_carried = replacing->edit.result.rows_copied;
    if (replacing->rows == spec->replaced_rows) return SILT_OK;
    silt_fail(w->err, SILT_INCONSISTENT,
              "%s: %" PRId64 " rows to be replaced are there, and not %" PRId64, w->store->uri,
              replacing->rows, spec->replaced_rows);
    return silt_hint(w->err, SILT_INCONSISTENT,
                     "others have changed some; see 'silt validate-consistency'");
}

static silt_status write_rows(silt_work *w, bool all, silt_change_result *out,
                              silt_snapshot **after)
{
    silt_stage_result staged = {0};
    silt_replacing replacing = {0};
    silt_txn_options txn = w->spec->txn;
    const silt_add *const *removes = NULL;
    size_t remove_count = 0;
    SILT_TRY(silt_work_init(w));
    SILT_TRY(silt_work_stage(w, &staged));
    txn.operation = "WRITE";
    txn.operation_parameters = parameters(w, all ? "Overwrite" : "Append");
    txn.read = all ? SILT_READ_TABLE : SILT_READ_NOTHING;
    txn.replaces_rows = all;
    if (!txn.operation_parameters) return silt_fail_nomem(w->err);
    SILT_TRY(silt_work_publish(w, &staged));
    silt_status st = SILT_OK;
    if (all)
        st = replaced_files(w, &removes, &remove_count);
    else if (w->spec->replaces)
        st = replace_some(w, &staged, &replacing, &txn);
    if (st != SILT_OK) silt_work_unpublish(w);
    if (all) w->facts.files_removed = (int64_t)remove_count;
    if (st == SILT_OK) st = silt_work_commit(w, &txn, removes, remove_count, &out->txn, after);
    silt_replace_end(w, st == SILT_UNSURE ||
                            (st == SILT_OK && out->txn.outcome == SILT_TXN_COMMITTED));
    out->facts = w->facts;
    return st;
}

static silt_status one_call(silt_work *w, bool all, silt_change_result *out, silt_snapshot **after,
                            silt_bad_sources *bad)
{
    silt_change_result result = {0};
    silt_status st = write_rows(w, all, &result, after);
    if (st == SILT_OK)
        *out = result;
    else
        st = silt_work_give_bad(w, st, bad);
    silt_work_release(w);
    return st;
}

silt_status silt_append(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err)
{
    silt_work w = {.snapshot = snapshot, .spec = spec, .arena = arena, .err = err};
    return one_call(&w, false, out, after, bad);
}

silt_status silt_overwrite(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                           silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                           silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(snapshot);
    silt_work w = {.snapshot = snapshot, .spec = spec, .arena = arena, .err = err};
    if (!silt_feature_append_only(&state->protocol, &state->metadata))
        return one_call(&w, true, out, after, bad);
    silt_fail(err, SILT_UNSUPPORTED, "%s is append-only: nothing in it can be replaced",
              silt_snapshot_store(snapshot)->uri);
    return silt_hint(err, SILT_UNSUPPORTED, "unset its property delta.appendOnly");
}
