/* Restore: the table as it was at an older version, by one commit.
 *
 * Invariants
 *  (1) The commit takes out exactly the files that the older version doesn't have, and brings back
 *      exactly those that the present one lacks; a file in both, with the same deleted rows, isn't
 *      touched.
 *  (2) Nothing is committed while a file that comes back isn't there, unless that was asked for;
 *      then it is left out, and counted.
 *  (3) It follows the version that it was compared with: when others commit in between, all is
 *      compared anew.
 *  (4) The protocol never loses a feature, and ids of rows and columns and the numbers of identity
 *      columns are never given twice. */
#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "log/dv.h"
#include "ops/once.h"
#include "ops/write_columns.h"
#include "silt/maintain.h"
#include "table/commit_info.h"
#include "table/data.h"
#include "table/files.h"
#include "table/row_ids.h"
#include "table/txn.h"

#define ATTEMPTS    10
#define FILES_NAMED 3

typedef struct restore {
    silt_store *store;
    silt_engine *engine;
    const silt_restore_options *opts;
    const silt_commit_options *commit;
    silt_snapshot *now, *then;
    silt_arena *arena; /* of one attempt */
    SILT_VEC(const silt_add *) back;
    SILT_VEC(const silt_add *) gone;
    const silt_metadata *metadata; /* NULL: stays */
    const silt_protocol *protocol;
    SILT_VEC(silt_domain) domains;
    SILT_VEC(const char *) missing; /* paths, of files or of their deletion vectors */
    silt_restore_result result;
    silt_error *err;
} restore;

static void attempt_release(restore *r)
{
    silt_snapshot_free(r->now);
    silt_snapshot_free(r->then);
    r->now = r->then = NULL;
    silt_arena_free(r->arena);
    r->arena = NULL;
    silt_vec_free(&r->back);
    silt_vec_free(&r->gone);
    silt_vec_free(&r->domains);
    silt_vec_free(&r->missing);
    r->metadata = NULL;
    r->protocol = NULL;
    r->result = (silt_restore_result){.committed_version = -1, .table_version = -1};
}

/* ---- the two versions */

static silt_status open_then(restore *r)
{
    const silt_restore_options *o = r->opts;
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    int64_t newest = silt_snapshot_version(r->now);
    opts.version = o->version;
    opts.timestamp_ms = o->timestamp_ms;
    if (o->version > newest)
        return silt_fail(r->err, SILT_NOT_FOUND,
                         "there is no version %" PRId64 ": the newest is %" PRId64, o->version,
                         newest);
    SILT_TRY(silt_snapshot_open(r->store, r->engine, &opts, &r->then, r->err));
    r->result.restored_version = silt_snapshot_version(r->then);
    return SILT_OK;
}

static const char *identity(const restore *r, const silt_add *add)
{
    return silt_file_identity(add->path, add->dv, true, r->arena);
}

/* Which files come back, which go. */
static silt_status compare_files(restore *r)
{
    const silt_add *now, *then;
    size_t now_count, then_count;
    SILT_AUTO(silt_map64) kept = silt_map64_new();
    if (!kept) return silt_fail_nomem(r->err);
    SILT_TRY(silt_snapshot_adds(r->now, &now, &now_count, r->err));
    SILT_TRY(silt_snapshot_adds(r->then, &then, &then_count, r->err));
    bool found;
    for (size_t i = 0; i < now_count; i++) {
        const char *id = identity(r, &now[i]);
        void **slot = id ? silt_map64_slot(kept, id, strlen(id), &found) : NULL;
        if (!slot) return silt_fail_nomem(r->err);
        *slot = r; /* of the present version only, so far */
    }
    for (size_t i = 0; i < then_count; i++) {
        const char *id = identity(r, &then[i]);
        void **slot = id ? silt_map64_slot(kept, id, strlen(id), &found) : NULL;
        if (!slot || (!found && !silt_vec_push(&r->back, &then[i]))) return silt_fail_nomem(r->err);
        *slot = kept; /* of the older one, too */
        r->result.files_after++;
        r->result.bytes_after += then[i].size_bytes;
    }
    for (size_t i = 0; i < now_count; i++) {
        const char *id = identity(r, &now[i]);
        if (!id) return silt_fail_nomem(r->err);
        if (silt_map64_get(kept, id, strlen(id)) == r && !silt_vec_push(&r->gone, &now[i]))
            return silt_fail_nomem(r->err);
    }
    return SILT_OK;
}

/* ---- whether the files are there */

static silt_status exists(restore *r, const silt_place *place, bool *out)
{
    *out = true;
    if (place->key) return silt_store_exists(r->store, place->key, out, r->err);
    if (!place->local_path || access(place->local_path, F_OK) == 0) return SILT_OK;
    if (errno != ENOENT && errno != ENOTDIR)
        return silt_fail_errno(r->err, errno, "%s", place->local_path);
    *out = false;
    return SILT_OK;
}

/* `*what` is the one that is missing; NULL: both are there. */
static silt_status look_for(restore *r, const silt_add *add, const char **what)
{
    silt_place place = {0};
    bool there;
    *what = NULL;
    SILT_TRY(silt_path_place(r->store, add->path, r->arena, &place, r->err));
    SILT_TRY(exists(r, &place, &there));
    if (there && add->dv) {
        SILT_TRY(silt_dv_place(r->store, add->dv, r->arena, &place, r->err));
        SILT_TRY(exists(r, &place, &there));
    }
    if (!there) *what = place.key ? place.key : place.local_path;
    return SILT_OK;
}

static silt_status fail_missing(const restore *r)
{
    SILT_CLEAN(silt_buf) names = {0};
    size_t count = r->missing.count;
    for (size_t i = 0; i < count && i < FILES_NAMED; i++)
        silt_buf_printf(&names, "%s%.120s", i ? ", " : "", r->missing.items[i]);
    if (count > FILES_NAMED) silt_buf_printf(&names, " and %zu more", count - FILES_NAMED);
    silt_fail(r->err, SILT_NOT_FOUND,
              "version %" PRId64 " can't be restored: %zu of its files %s gone: %s",
              r->result.restored_version, count, count == 1 ? "is" : "are",
              silt_buf_bytes(&names).data);
    return silt_hint(r->err, SILT_NOT_FOUND,
                     "a vacuum has deleted them; --ignore-missing restores the others, without "
                     "their rows");
}

static silt_status check_files(restore *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->back.count; i++) {
        const silt_add *add = r->back.items[i];
        const char *what;
        SILT_TRY(look_for(r, add, &what));
        if (!what) {
            r->back.items[kept++] = add;
            continue;
        }
        if (!silt_vec_push(&r->missing, what)) return silt_fail_nomem(r->err);
        if (r->opts->missing) (void)r->opts->missing(r->opts->ctx, what, add->size_bytes);
        r->result.files_after--;
        r->result.bytes_after -= add->size_bytes;
    }
    r->back.count = kept;
    r->result.files_missing = (int64_t)r->missing.count;
    return r->missing.count && !r->opts->ignore_missing ? fail_missing(r) : SILT_OK;
}

/* ---- row ids */

static bool lack_row_ids(const restore *r)
{
    const silt_protocol *now = &silt_snapshot_state(r->now)->protocol;
    for (size_t i = 0; i < r->back.count && silt_feature_supported(now, "rowTracking"); i++)
        if (r->back.items[i]->base_row_id < 0) return true;
    return false;
}

/* A file of the time before rows had ids may have got some later, and gone then: its tombstone has
 * them, and they stay its own. Others get new ones by the commit. */
static silt_status keep_row_ids(restore *r)
{
    silt_log_segment segment;
    const silt_remove *gone;
    size_t count;
    bool found;
    if (!lack_row_ids(r)) return SILT_OK;
    SILT_AUTO(silt_map64) by_path = silt_map64_new();
    if (!by_path) return silt_fail_nomem(r->err);
    SILT_TRY(
        silt_log_segment_load(r->store, silt_snapshot_version(r->now), r->arena, &segment, r->err));
    SILT_TRY(silt_log_tombstones_load(r->store, silt_snapshot_engine(r->now), &segment, INT64_MIN,
                                      r->arena, &gone, &count, r->err));
    for (size_t i = 0; i < count; i++) {
        const char *path = silt_file_identity(gone[i].path, NULL, false, r->arena);
        void **slot = path ? silt_map64_slot(by_path, path, strlen(path), &found) : NULL;
        if (!slot) return silt_fail_nomem(r->err);
        if (gone[i].base_row_id >= 0 || !found) *slot = (void *)&gone[i];
    }
    for (size_t i = 0; i < r->back.count; i++) {
        silt_add *add = silt_arena_alloc(r->arena, sizeof(*add));
        const char *path = silt_file_identity(r->back.items[i]->path, NULL, false, r->arena);
        if (!add || !path) return silt_fail_nomem(r->err);
        const silt_remove *was = silt_map64_get(by_path, path, strlen(path));
        if (r->back.items[i]->base_row_id >= 0 || !was || was->base_row_id < 0) continue;
        *add = *r->back.items[i];
        add->base_row_id = was->base_row_id;
        add->default_row_commit_version = was->default_row_commit_version;
        r->back.items[i] = add;
    }
    return SILT_OK;
}

/* ---- protocol, metadata, domains */

static bool names_within(silt_names some, silt_names all)
{
    for (size_t i = 0; i < some.count; i++)
        if (!silt_names_have(all, some.items[i])) return false;
    return true;
}

static silt_status join_names(restore *r, silt_names a, silt_names b, silt_names *out)
{
    const char **names = silt_arena_calloc(r->arena, a.count + b.count, sizeof(*names));
    if (!names) return silt_fail_nomem(r->err);
    size_t count = a.count;
    if (count) memcpy(names, a.items, count * sizeof(*names));
    for (size_t i = 0; i < b.count; i++)
        if (!silt_names_have(a, b.items[i])) names[count++] = b.items[i];
    *out = (silt_names){names, count};
    return SILT_OK;
}

/* The present protocol with the features of the older one that it has lost (by DROP FEATURE). */
static silt_status compare_protocols(restore *r)
{
    const silt_protocol *now = &silt_snapshot_state(r->now)->protocol;
    const silt_protocol *then = &silt_snapshot_state(r->then)->protocol;
    silt_names now_reads, now_writes, then_reads, then_writes;
    SILT_TRY(silt_feature_list(now, r->arena, &now_reads, &now_writes, r->err));
    SILT_TRY(silt_feature_list(then, r->arena, &then_reads, &then_writes, r->err));
    if (names_within(then_reads, now_reads) && names_within(then_writes, now_writes))
        return SILT_OK;
    silt_protocol *joined = silt_arena_calloc(r->arena, 1, sizeof(*joined));
    if (!joined) return silt_fail_nomem(r->err);
    joined->min_reader = now->min_reader > then->min_reader ? now->min_reader : then->min_reader;
    joined->min_writer = 7; /* the versions that list features by name */
    joined->has_writer_features = true;
    joined->has_reader_features = joined->min_reader >= 3;
    SILT_TRY(join_names(r, now_writes, then_writes, &joined->writer_features));
    if (joined->has_reader_features)
        SILT_TRY(join_names(r, now_reads, then_reads, &joined->reader_features));
    r->protocol = joined;
    r->result.protocol_changes = true;
    return SILT_OK;
}

static bool same_metadata(const silt_metadata *a, const silt_metadata *b)
{
    bool columns = a->partition_columns.count == b->partition_columns.count &&
                   names_within(a->partition_columns, b->partition_columns);
    for (size_t i = 0; i < a->configuration.count && columns; i++)
        columns = silt_streq(a->configuration.items[i].value,
                             silt_pairs_get(b->configuration, a->configuration.items[i].key));
    return columns && a->configuration.count == b->configuration.count &&
           silt_streq(a->schema_json, b->schema_json) && silt_streq(a->name, b->name) &&
           silt_streq(a->description, b->description) && silt_streq(a->id, b->id);
}

static silt_status compare_metadata(restore *r)
{
    silt_metadata *to = silt_arena_calloc(r->arena, 1, sizeof(*to));
    if (!to) return silt_fail_nomem(r->err);
    *to = silt_snapshot_state(r->then)->metadata;
    SILT_TRY(silt_write_columns_keep_marks(&silt_snapshot_state(r->now)->metadata, to, r->arena,
                                           r->err));
    if (same_metadata(to, &silt_snapshot_state(r->now)->metadata)) return SILT_OK;
    r->metadata = to;
    r->result.metadata_changes = true;
    return SILT_OK;
}

static const silt_domain *find_domain(const silt_log_state *state, const char *name)
{
    for (size_t i = 0; i < state->domain_count; i++)
        if (strcmp(state->domains[i].domain, name) == 0) return &state->domains[i];
    return NULL;
}

static silt_status compare_domains(restore *r)
{
    const silt_log_state *now = silt_snapshot_state(r->now), *then = silt_snapshot_state(r->then);
    for (size_t i = 0; i < then->domain_count; i++) {
        const silt_domain *old = &then->domains[i], *new = find_domain(now, old->domain);
        if (strcmp(old->domain, SILT_ROW_IDS_DOMAIN) == 0) continue; /* the highest id stays */
        if (new &&silt_streq(new->configuration, old->configuration)) continue;
        if (!silt_vec_push(&r->domains, *old)) return silt_fail_nomem(r->err);
    }
    for (size_t i = 0; i < now->domain_count; i++) {
        silt_domain dropped = now->domains[i];
        if (strcmp(dropped.domain, SILT_ROW_IDS_DOMAIN) == 0) continue;
        if (find_domain(then, dropped.domain)) continue;
        dropped.removed = true;
        if (!silt_vec_push(&r->domains, dropped)) return silt_fail_nomem(r->err);
    }
    return SILT_OK;
}

/* ---- the commit */

static void write_parameters(const restore *r, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    char time[SILT_TIME_SIZE];
    silt_json_begin_object(&w);
    silt_json_key(&w, "version");
    if (r->opts->version >= 0)
        silt_json_put_int(&w, r->opts->version);
    else
        silt_json_put_null(&w);
    if (r->opts->timestamp_ms != SILT_NO_TIMESTAMP)
        silt_time_format(r->opts->timestamp_ms * 1000, time);
    silt_json_member_string(&w, "timestamp",
                            r->opts->timestamp_ms != SILT_NO_TIMESTAMP ? time : NULL);
    silt_json_end_object(&w);
}

static void write_metrics(const restore *r, silt_buf *buf)
{
    const silt_restore_result *result = &r->result;
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_commit_metric(&w, "tableSizeAfterRestore", result->bytes_after);
    silt_commit_metric(&w, "numOfFilesAfterRestore", result->files_after);
    silt_commit_metric(&w, "numRemovedFiles", result->files_removed);
    silt_commit_metric(&w, "numRestoredFiles", result->files_restored);
    silt_commit_metric(&w, "removedFilesSize", result->bytes_removed);
    silt_commit_metric(&w, "restoredFilesSize", result->bytes_restored);
    silt_json_end_object(&w);
}

static silt_status fill(restore *r, silt_txn *txn)
{
    if (r->protocol) SILT_TRY(silt_txn_set_protocol(txn, r->protocol, r->err));
    if (r->metadata) SILT_TRY(silt_txn_set_metadata(txn, r->metadata, r->err));
    for (size_t i = 0; i < r->domains.count; i++)
        SILT_TRY(silt_txn_set_domain(txn, &r->domains.items[i], r->err));
    for (size_t i = 0; i < r->gone.count; i++)
        SILT_TRY(silt_txn_remove(txn, r->gone.items[i], true, r->err));
    for (size_t i = 0; i < r->back.count; i++) {
        silt_add add = *r->back.items[i];
        add.data_change = true;
        SILT_TRY(silt_txn_add(txn, &add, r->err));
    }
    return SILT_OK;
}

static silt_status commit(restore *r, silt_txn_result *result)
{
    SILT_CLEAN(silt_buf) parameters = {0};
    SILT_CLEAN(silt_buf) metrics = {0};
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_AUTO(silt_snapshot) after = NULL;
    write_parameters(r, &parameters);
    write_metrics(r, &metrics);
    if (parameters.failed || metrics.failed) return silt_fail_nomem(r->err);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "RESTORE";
    opts.operation_parameters = parameters.data;
    opts.operation_metrics = metrics.data;
    SILT_TRY(silt_commit_tell(r->commit, r->arena, &opts, r->err));
    opts.read = SILT_READ_LOG;
    opts.isolation = SILT_SERIALIZABLE;
    opts.replaces_rows = true;
    SILT_TRY(silt_txn_new(r->now, &opts, &txn, r->err));
    SILT_TRY(fill(r, txn));
    SILT_TRY(silt_txn_commit(txn, result, &after, r->err));
    if (after) (void)silt_table_maintain(after, NULL); /* it harms nothing where it fails */
    return SILT_OK;
}

/* ---- the call */

static void count_files(restore *r)
{
    silt_restore_result *result = &r->result;
    result->files_restored = (int64_t)r->back.count;
    result->files_removed = (int64_t)r->gone.count;
    for (size_t i = 0; i < r->back.count; i++)
        result->bytes_restored += r->back.items[i]->size_bytes;
    for (size_t i = 0; i < r->gone.count; i++)
        result->bytes_removed += r->gone.items[i]->size_bytes;
}

static silt_status answer_done(restore *r)
{
    silt_once once;
    SILT_TRY(silt_commit_once(r->commit, r->now, &once, &r->result.committed_version, r->err));
    r->result.outcome = once == SILT_ONCE_DONE ? SILT_RESTORE_ALREADY_DONE : SILT_RESTORE_OVERTAKEN;
    return SILT_OK;
}

/* What is to be done, against the newest version. `*done`: nothing is. */
static silt_status plan(restore *r, bool *done)
{
    const silt_restore_options *o = r->opts;
    *done = false;
    r->arena = silt_arena_new();
    if (!r->arena) return silt_fail_nomem(r->err);
    SILT_TRY(silt_snapshot_open(r->store, r->engine, NULL, &r->now, r->err));
    const silt_log_state *state = silt_snapshot_state(r->now);
    SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, r->err));
    r->result.table_version = silt_snapshot_version(r->now);
    if (silt_commit_is_past(r->commit, r->now)) {
        *done = true;
        return answer_done(r);
    }
    SILT_TRY(open_then(r));
    SILT_TRY(compare_files(r));
    SILT_TRY(check_files(r));
    SILT_TRY(keep_row_ids(r));
    SILT_TRY(compare_protocols(r));
    SILT_TRY(compare_metadata(r));
    SILT_TRY(compare_domains(r));
    count_files(r);
    bool same = !r->back.count && !r->gone.count && !r->metadata && !r->protocol &&
                !r->domains.count && !r->commit->app_id;
    if (same) r->result.outcome = SILT_RESTORE_SAME;
    *done = same || o->dry_run;
    return SILT_OK;
}

static silt_status attempt(restore *r, bool *again)
{
    bool done;
    silt_txn_result result;
    *again = false;
    SILT_TRY(plan(r, &done));
    if (done) return SILT_OK;
    SILT_TRY(commit(r, &result));
    if (result.outcome == SILT_TXN_COMMITTED) {
        r->result.committed_version = r->result.table_version = result.version;
        return SILT_OK;
    }
    *again = true; /* somebody committed: an app txn of ours shows itself then, too */
    return silt_fail(r->err, SILT_CONFLICT, "%s", result.conflict);
}

static silt_status check_options(const silt_restore_options *opts, silt_error *err)
{
    if (!opts || opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_restore_options: struct_size is not set");
    if ((opts->version >= 0) == (opts->timestamp_ms != SILT_NO_TIMESTAMP) ||
        opts->version < SILT_LATEST)
        return silt_fail(err, SILT_INVALID,
                         "which version is to be restored? A version or a timestamp says it");
    return SILT_OK;
}

silt_status silt_restore(silt_store *store, silt_engine *engine, const silt_restore_options *opts,
                         silt_restore_result *out, silt_error *err)
{
    silt_commit_options once;
    SILT_TRY(check_options(opts, err));
    SILT_TRY(silt_commit_take(opts->commit, &once, err));
    __attribute__((cleanup(attempt_release)))
    restore r = {.store = store, .engine = engine, .opts = opts, .commit = &once, .err = err};
    silt_status st = SILT_FAILED;
    bool again = true;
    int most = once.max_attempts ? once.max_attempts : ATTEMPTS;
    int64_t until_ms = silt_now_ms(NULL) + once.deadline_ms;
    for (int i = 0; i < most && again && (!i || silt_now_ms(NULL) < until_ms); i++) {
        attempt_release(&r);
        st = attempt(&r, &again);
    }
    if (st != SILT_OK) return silt_wrap(err, st, "%s: restore", store->uri);
    *out = r.result;
    return SILT_OK;
}
