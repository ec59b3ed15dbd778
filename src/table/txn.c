/* Txn: what one commit is to change, as it is collected. Checked in txn_check.c, written down in
 * txn_body.c, committed in txn_commit.c. */
#include "table/txn.h"

#include <strings.h>

#include "table/data.h"
#include "table/files.h"
#include "table/row_ids.h"
#include "table/txn_body.h"

/* ---- making */

static silt_status txn_new(silt_snapshot *base, silt_snapshot *nothing,
                           const silt_txn_options *opts, silt_txn **out, silt_error *err)
{
    silt_txn *txn = calloc(1, sizeof(*txn));
    if (!txn) {
        silt_snapshot_free(nothing);
        return silt_fail_nomem(err);
    }
    txn->base = base;
    txn->nothing = nothing;
    txn->opts = *opts;
    if (!txn->opts.clock) txn->opts.clock = &silt_clock_system;
    if (!txn->opts.random) txn->opts.random = &silt_random_system;
    silt_uuid(txn->opts.random, txn->id);
    txn->arena = silt_arena_new();
    txn->touched = silt_map64_new();
    if (!txn->arena || !txn->touched) {
        silt_txn_free(txn);
        return silt_fail_nomem(err);
    }
    *out = txn;
    return SILT_OK;
}

static silt_status check_options(const silt_txn_options *opts, silt_error *err)
{
    SILT_TRY(silt_commit_options_check(opts, err));
    if (opts->app_id && (!*opts->app_id || opts->app_version < 0))
        return silt_fail(err, SILT_INVALID, "app txn (\"%s\", %" PRId64 ")", opts->app_id,
                         opts->app_version);
    if (opts->retry.max_attempts < 0 || opts->retry.backoff_ms < 0 || opts->retry.deadline_ms < 0)
        return silt_fail(err, SILT_INVALID, "commit retry: a number below 0");
    return SILT_OK;
}

silt_status silt_txn_new(silt_snapshot *base, const silt_txn_options *opts, silt_txn **out,
                         silt_error *err)
{
    SILT_TRY(check_options(opts, err));
    return txn_new(base, NULL, opts, out, err);
}

silt_status silt_txn_new_table(silt_store *store, silt_engine *engine, const silt_txn_options *opts,
                               silt_txn **out, silt_error *err)
{
    SILT_TRY(check_options(opts, err));
    silt_snapshot *nothing = NULL;
    SILT_TRY(silt_snapshot_nothing(store, engine, &nothing, err));
    return txn_new(nothing, nothing, opts, out, err);
}

void silt_txn_free(silt_txn *txn)
{
    if (!txn) return;
    silt_snapshot_free(txn->head);
    silt_snapshot_free(txn->nothing);
    silt_vec_free(&txn->files);
    silt_vec_free(&txn->domains);
    silt_map64_free(txn->touched);
    silt_map64_free(txn->moved);
    silt_buf_release(&txn->lines);
    silt_arena_free(txn->arena);
    free(txn);
}

const char *silt_txn_id(const silt_txn *txn)
{
    return txn->id;
}

/* ---- what it is */

const silt_protocol *silt_txn_protocol(const silt_txn *txn)
{
    return txn->protocol ? txn->protocol : &silt_snapshot_state(txn->base)->protocol;
}

const silt_metadata *silt_txn_metadata(const silt_txn *txn)
{
    return txn->metadata ? txn->metadata : &silt_snapshot_state(txn->base)->metadata;
}

silt_snapshot *silt_txn_newest(const silt_txn *txn)
{
    return txn->head ? txn->head : txn->base;
}

silt_isolation silt_txn_isolation(const silt_txn *txn)
{
    if (txn->opts.rearranges) return SILT_SNAPSHOT_ISOLATION;
    if (txn->opts.isolation != SILT_ISOLATION_OF_TABLE) return txn->opts.isolation;
    const char *level = silt_snapshot_property(txn->base, "delta.isolationLevel");
    if (!level || strcasecmp(level, "WriteSerializable") == 0) return SILT_WRITE_SERIALIZABLE;
    if (strcasecmp(level, "SnapshotIsolation") == 0) return SILT_SNAPSHOT_ISOLATION;
    return SILT_SERIALIZABLE; /* the strictest, of a name that isn't known too */
}

bool silt_txn_rewrites(const silt_txn *txn)
{
    return txn->totals.files_removed && txn->new_paths && !txn->opts.replaces_rows;
}

/* ---- changes */

static bool same_dv(const silt_dv *a, const silt_dv *b)
{
    if (!a || !b) return a == b;
    return a->storage_type == b->storage_type && a->offset == b->offset &&
           silt_streq(a->path_or_inline, b->path_or_inline);
}

/* What the txn does to a path so far. NULL: out of memory. */
static silt_touch *touch_of(silt_txn *txn, const char *path)
{
    bool found = false;
    const char *id = silt_file_identity(path, NULL, false, txn->arena);
    void **slot = id ? silt_map64_slot(txn->touched, id, strlen(id), &found) : NULL;
    if (slot && !*slot) *slot = silt_arena_calloc(txn->arena, 1, sizeof(silt_touch));
    return slot ? *slot : NULL;
}

static silt_status check_both(const silt_touch *touch, silt_error *err)
{
    if (!touch->added || !touch->removed || !same_dv(touch->added->dv, touch->removed->dv))
        return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     "file %s is added and removed in one commit, with the same deletion vector",
                     touch->added->path);
}

silt_status silt_txn_add(silt_txn *txn, const silt_add *add, silt_error *err)
{
    silt_add *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_add_copy(add, txn->arena, copy)) return silt_fail_nomem(err);
    if (txn->opts.rearranges) copy->data_change = false;
    silt_touch *touch = touch_of(txn, copy->path);
    if (!touch) return silt_fail_nomem(err);
    if (touch->added) return silt_fail(err, SILT_INVALID, "file %s is added twice", copy->path);
    touch->added = copy;
    SILT_TRY(check_both(touch, err));
    silt_action action = {.kind = SILT_ACTION_ADD, .add = *copy};
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch || !silt_vec_push(&txn->files, action)) return silt_fail_nomem(err);
    silt_commit_totals *totals = &txn->totals;
    int64_t rows = silt_add_row_count(add, scratch);
    txn->new_paths += !touch->removed;
    totals->files_added++;
    totals->bytes_added += add->size_bytes;
    totals->rows_added = rows < 0 || totals->rows_added < 0 ? -1 : totals->rows_added + rows;
    return SILT_OK;
}

/* The tombstone of a file. */
static silt_remove remove_of(const silt_add *add, bool data_change, int64_t now_ms)
{
    return (silt_remove){.path = add->path,
                         .deletion_time_ms = now_ms,
                         .data_change = data_change,
                         .extended_metadata = true,
                         .partition_values = add->partition_values,
                         .size_bytes = add->size_bytes,
                         .stats = add->stats,
                         .tags = add->tags,
                         .dv = add->dv,
                         .base_row_id = add->base_row_id,
                         .default_row_commit_version = add->default_row_commit_version};
}

silt_status silt_txn_remove(silt_txn *txn, const silt_add *file, bool data_change, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    data_change = data_change && !txn->opts.rearranges;
    if (data_change && silt_feature_append_only(&state->protocol, &state->metadata)) {
        silt_fail(err, SILT_INVALID, "%s: the table is append-only (delta.appendOnly)",
                  silt_snapshot_store(txn->base)->uri);
        return silt_hint(err, SILT_INVALID,
                         "rows can be added only; set delta.appendOnly to false to change rows");
    }
    silt_add *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_add_copy(file, txn->arena, copy)) return silt_fail_nomem(err);
    silt_touch *touch = touch_of(txn, copy->path);
    if (!touch) return silt_fail_nomem(err);
    if (touch->removed) return silt_fail(err, SILT_INVALID, "file %s is removed twice", copy->path);
    touch->removed = copy;
    SILT_TRY(check_both(touch, err));
    silt_action action = {.kind = SILT_ACTION_REMOVE,
                          .remove = remove_of(copy, data_change, silt_now_ms(txn->opts.clock))};
    if (!silt_vec_push(&txn->files, action)) return silt_fail_nomem(err);
    txn->new_paths -= touch->added != NULL;
    txn->rows_removed |= data_change;
    txn->totals.files_removed++;
    txn->totals.bytes_removed += file->size_bytes;
    return SILT_OK;
}

silt_status silt_txn_entomb(silt_txn *txn, const char *path, silt_error *err)
{
    const silt_remove tomb = {.path = silt_arena_strdup(txn->arena, path),
                              .deletion_time_ms = silt_now_ms(txn->opts.clock),
                              .size_bytes = -1,
                              .base_row_id = -1,
                              .default_row_commit_version = -1};
    silt_action action = {.kind = SILT_ACTION_REMOVE, .remove = tomb};
    if (!tomb.path || !silt_vec_push(&txn->files, action)) return silt_fail_nomem(err);
    return SILT_OK;
}

silt_status silt_txn_cdc(silt_txn *txn, const silt_cdc *cdc, silt_error *err)
{
    silt_action action = {.kind = SILT_ACTION_CDC};
    if (!silt_cdc_copy(cdc, txn->arena, &action.cdc)) return silt_fail_nomem(err);
    return silt_vec_push(&txn->files, action) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_txn_set_metadata(silt_txn *txn, const silt_metadata *metadata, silt_error *err)
{
    silt_metadata *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_metadata_copy(metadata, txn->arena, copy)) return silt_fail_nomem(err);
    txn->metadata = copy;
    return SILT_OK;
}

silt_status silt_txn_set_protocol(silt_txn *txn, const silt_protocol *protocol, silt_error *err)
{
    silt_protocol *copy = silt_arena_calloc(txn->arena, 1, sizeof(*copy));
    if (!copy || !silt_protocol_copy(protocol, txn->arena, copy)) return silt_fail_nomem(err);
    txn->protocol = copy;
    return SILT_OK;
}

silt_status silt_txn_set_domain(silt_txn *txn, const silt_domain *domain, silt_error *err)
{
    silt_domain copy;
    if (!domain->removed && strcmp(domain->domain, SILT_ROW_IDS_DOMAIN) == 0)
        return silt_fail(err, SILT_INVALID,
                         "the metadata domain " SILT_ROW_IDS_DOMAIN
                         " is kept by the commits that give row ids");
    if (!silt_domain_copy(domain, txn->arena, &copy)) return silt_fail_nomem(err);
    for (size_t i = 0; i < txn->domains.count; i++) {
        if (strcmp(txn->domains.items[i].domain, copy.domain) != 0) continue;
        txn->domains.items[i] = copy;
        return SILT_OK;
    }
    return silt_vec_push(&txn->domains, copy) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_txn_add_app(silt_txn *txn, const char *app_id, int64_t app_version,
                             silt_error *err)
{
    bool alone = txn->opts.read == SILT_READ_LOG || txn->nothing;
    if (!alone || txn->other_app || !app_id || silt_streq(app_id, txn->opts.app_id) ||
        silt_snapshot_app_version(txn->base, app_id) >= app_version)
        return silt_fail(err, SILT_INVALID, "another app txn (\"%s\", %" PRId64 ")",
                         app_id ? app_id : "", app_version);
    txn->other_app = app_id;
    txn->other_version = app_version;
    return SILT_OK;
}

silt_status silt_txn_describe(silt_txn *txn, const char *silt_info, const char *operation_metrics,
                              silt_error *err)
{
    silt_txn_options opts = txn->opts;
    opts.silt_info = silt_info;
    opts.operation_metrics = operation_metrics;
    SILT_TRY(silt_commit_options_check(&opts, err));
    txn->opts = opts;
    return SILT_OK;
}
