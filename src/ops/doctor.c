/* Doctor: a table's log against itself and against its files, and what can be done about it.
 *
 * Invariants
 *  (1) Without `fix` nothing is written.
 *  (2) What is deleted of the log is told by commits that were read just before.
 *  (3) Rows go only with `drop_missing`, and only those of files that are gone. */
#include "silt/doctor.h"

#include "base/json.h"
#include "base/seam.h"
#include "log/dv.h"
#include "ops/doctor_work.h"
#include "table/dry.h"
#include "silt/scan.h"
#include "table/commit_info.h"

#define YOUNG_MS (INT64_C(24) * 60 * 60 * 1000)

static void work_release(silt_doctor_work *d)
{
    if (d->scratch) silt_scratch_remove(d->scratch);
    silt_snapshot_free(d->snapshot);
    for (size_t i = 0; i < d->repairs.count; i++)
        silt_bitmap_free(d->repairs.items[i].deleted);
    silt_vec_free(&d->repairs);
    silt_arena_free(d->arena);
}

silt_status silt_doctor_find(silt_doctor_work *d, const silt_finding *finding)
{
    int64_t *const counts[] = {[SILT_FINDING_NOTE] = &d->result.notes,
                               [SILT_FINDING_WARNING] = &d->result.warnings,
                               [SILT_FINDING_ERROR] = &d->result.errors};
    ++*counts[finding->severity];
    d->result.fixed += finding->fixed;
    d->result.open += !finding->fixed && finding->severity != SILT_FINDING_NOTE;
    if (d->opts->found && !d->deaf) d->deaf = !d->opts->found(d->opts->ctx, finding);
    return SILT_OK;
}

/* ---- rows */

static bool count_row(void *ctx, const silt_bytes *values, size_t count)
{
    int64_t *rows = ctx;
    (void)values;
    (void)count;
    ++*rows;
    return true;
}

/* `deep`: that all rows can be read, and are as many as the log says. */
static silt_status read_rows(silt_doctor_work *d)
{
    silt_scan *scan = NULL;
    silt_error why = {0};
    int64_t rows = 0, told = 0;
    const silt_add *adds;
    size_t count;
    silt_status st = silt_scan_open(d->snapshot, NULL, &scan, &why);
    if (st == SILT_OK) st = silt_scan_rows(scan, count_row, &rows, &why);
    silt_scan_free(scan);
    if (st == SILT_CORRUPT || st == SILT_NOT_FOUND)
        return silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_ERROR,
                                                   .kind = "unreadable",
                                                   .what = why.message,
                                                   .remedy = "restore an older version"});
    if (st != SILT_OK) return silt_fail(d->err, st, "%s", why.message);
    SILT_TRY(silt_snapshot_adds(d->snapshot, &adds, &count, d->err));
    for (size_t i = 0; i < count && told >= 0; i++) {
        int64_t n = silt_add_row_count(&adds[i], d->arena);
        told = n < 0 ? -1 : told + n;
    }
    if (told < 0 || told == rows) return SILT_OK;
    const char *what = silt_arena_printf(
        d->arena, "it has %" PRId64 " rows, its statistics say %" PRId64, rows, told);
    if (!what) return silt_fail_nomem(d->err);
    return silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_ERROR,
                                               .kind = "wrong-row-count",
                                               .what = what,
                                               .remedy = "see the files with wrong statistics"});
}

/* ---- repairs */

static const char *metrics_of(const silt_doctor_work *d)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    int64_t gone = 0, counted = 0, vectors = 0;
    for (size_t i = 0; i < d->repairs.count; i++) {
        const silt_doctor_repair *r = &d->repairs.items[i];
        gone += r->gone;
        counted += r->stats != NULL;
        vectors += r->deleted != NULL;
    }
    silt_json_begin_object(&w);
    silt_commit_metric(&w, "numRemovedFiles", gone);
    silt_commit_metric(&w, "numFilesWithNewStatistics", counted);
    silt_commit_metric(&w, "numDeletionVectorsUpdated", vectors);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, d->arena);
}

/* Vectors of the rows that stay deleted, by repair; NULL: none is left, or it isn't to be changed.
 */
static silt_status write_vectors(silt_doctor_work *d, const silt_dv ***out, silt_names *keys)
{
    size_t count = d->repairs.count, wanted = 0;
    const silt_bitmap **rows = silt_arena_calloc(d->arena, count, sizeof(*rows));
    silt_dv *dvs = silt_arena_calloc(d->arena, count, sizeof(*dvs));
    *out = silt_arena_calloc(d->arena, count, sizeof(**out));
    if (!rows || !dvs || !*out) return silt_fail_nomem(d->err);
    for (size_t i = 0; i < count; i++) {
        const silt_bitmap *left = d->repairs.items[i].deleted;
        if (!left || !silt_bitmap_count(left)) continue;
        (*out)[i] = &dvs[wanted];
        rows[wanted++] = left;
    }
    if (!wanted) return SILT_OK;
    const silt_metadata *metadata = &silt_snapshot_state(d->snapshot)->metadata;
    return silt_dvs_write(d->store, rows, wanted, silt_property_prefix_size(metadata), NULL,
                          d->arena, dvs, keys, d->err);
}

static silt_status fill(silt_doctor_work *d, const silt_dv *const *vectors, silt_txn *txn)
{
    for (size_t i = 0; i < d->repairs.count; i++) {
        const silt_doctor_repair *r = &d->repairs.items[i];
        if (r->gone || r->deleted) SILT_TRY(silt_txn_remove(txn, r->add, r->gone, d->err));
        if (r->gone) continue;
        silt_add add = *r->add;
        if (r->stats) add.stats = r->stats;
        if (r->deleted) add.dv = vectors[i];
        add.data_change = false;
        SILT_TRY(silt_txn_add(txn, &add, d->err));
    }
    return SILT_OK;
}

static silt_status try_commit(silt_doctor_work *d, const silt_dv *const *vectors, bool *tried)
{
    SILT_AUTO(silt_txn) txn = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    bool counts = !d->opts->drop_missing;
    for (size_t i = 0; i < d->repairs.count; i++)
        counts &= !d->repairs.items[i].deleted;
    opts.operation = counts ? "COMPUTE STATS" : "FSCK";
    opts.operation_metrics = metrics_of(d);
    opts.read = SILT_READ_LOG;
    opts.isolation = SILT_SERIALIZABLE;
    opts.keeps_row_ids = true;
    if (!opts.operation_metrics) return silt_fail_nomem(d->err);
    SILT_TRY(silt_txn_new(d->snapshot, &opts, &txn, d->err));
    SILT_TRY(fill(d, vectors, txn));
    *tried = true;
    SILT_TRY(silt_txn_commit(txn, &result, NULL, d->err));
    if (result.outcome != SILT_TXN_COMMITTED) {
        *tried = false;
        return silt_fail(d->err, SILT_CONFLICT, "nothing was repaired: %s", result.conflict);
    }
    d->result.committed_version = result.version;
    return SILT_OK;
}

static silt_status commit(silt_doctor_work *d)
{
    const silt_dv **vectors;
    silt_names keys = {0};
    bool tried = false; /* then only the log knows whether the vectors count */
    if (!d->repairs.count) return SILT_OK;
    silt_status st = write_vectors(d, &vectors, &keys);
    if (st == SILT_OK) st = try_commit(d, vectors, &tried);
    for (size_t i = 0; st != SILT_OK && !tried && i < keys.count; i++)
        (void)d->store->ops->remove(d->store, keys.items[i], NULL);
    return st;
}

/* ---- the call */

static silt_status open_table(silt_doctor_work *d)
{
    silt_error why = {0};
    char id[SILT_UUID_SIZE];
    const silt_add *adds;
    size_t count;
    silt_status st = silt_snapshot_open(d->store, d->engine, NULL, &d->snapshot, &why);
    if (st == SILT_OK) st = silt_snapshot_adds(d->snapshot, &adds, &count, &why);
    if (st != SILT_OK) {
        silt_snapshot_free(d->snapshot);
        d->snapshot = NULL;
    }
    if (st == SILT_CORRUPT || st == SILT_UNSUPPORTED)
        return silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_ERROR,
                                                   .kind = "unreadable",
                                                   .what = why.message,
                                                   .remedy = "bring the log back from a backup"});
    if (st != SILT_OK) {
        silt_fail(d->err, st, "%s", why.message);
        return st;
    }
    d->result.version = silt_snapshot_version(d->snapshot);
    silt_uuid(&silt_random_system, id);
    if (d->store->ops->local_path) return SILT_OK;
    return silt_scratch_make(d->store, id, d->arena, &d->scratch, d->err);
}

static silt_status examine(silt_doctor_work *d)
{
    SILT_TRY(silt_doctor_log(d));
    SILT_TRY(open_table(d));
    if (!d->snapshot) return SILT_OK;
    SILT_TRY(silt_doctor_files(d));
    SILT_TRY(silt_doctor_orphans(d));
    if (d->opts->deep) SILT_TRY(read_rows(d));
    return d->opts->fix ? commit(d) : SILT_OK;
}

silt_status silt_doctor(silt_store *store, silt_engine *engine, const silt_doctor_options *opts,
                        silt_doctor_result *out, silt_error *err)
{
    const silt_doctor_options fallback = SILT_DOCTOR_OPTIONS_INIT;
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_doctor_options: struct_size is not set");
    if (opts->drop_missing && !opts->fix)
        return silt_fail(err, SILT_INVALID, "drop_missing is for fix");
    if (opts->dry_run && !opts->fix)
        return silt_fail(err, SILT_INVALID, "dry_run is for fix: nothing is changed without it");
    __attribute__((cleanup(work_release)))
    silt_doctor_work d = {.store = store,
                          .engine = engine,
                          .opts = opts,
                          .arena = silt_arena_new(),
                          .now_ms = silt_now_ms(&silt_clock_system),
                          .young_ms = opts->young_ms < 0 ? YOUNG_MS : opts->young_ms,
                          .result = {.version = -1, .committed_version = -1},
                          .err = err};
    if (!d.arena) return silt_fail_nomem(err);
    silt_dry dry = {0};
    silt_status st = SILT_OK;
    if (opts->dry_run) st = silt_dry_begin(store, d.arena, &dry, err);
    if (dry.store) d.store = dry.store;
    if (st == SILT_OK) st = examine(&d);
    silt_snapshot_free(d.snapshot);
    d.snapshot = NULL;
    silt_dry_end(&dry);
    if (opts->dry_run) d.result.committed_version = -1;
    if (st != SILT_OK) return silt_wrap(err, st, "%s: doctor", store->uri);
    *out = d.result;
    return SILT_OK;
}
