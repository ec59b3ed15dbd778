/* Snapshot: a table at one version.
 *
 * Invariants
 *  (1) What a snapshot says of its version never changes. Only caches fill up: the file set and
 * counts, and the tail (which is about the log, not the table); both under `lock`. (2) A shape
 * (protocol, metadata, schema) is shared by the snapshots between which it didn't change. (3) An
 * advance reads each commit once, and stops at the first version that isn't there. Whether that is
 * the end of the log or a hole that a cleanup left is settled by the commit before it (refresh). */
#include "table/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/seam.h"
#include "log/property.h"
#include "table/files.h"

#define SMALL_COMMITS 100
#define SMALL_BYTES   ((int64_t)1024 * 1024)

/* Protocol and metadata, parsed. */
typedef struct shape {
    atomic_int uses;
    silt_arena *arena;
    silt_protocol protocol;
    silt_metadata metadata;
    const silt_type *schema;
    silt_names features;
} shape;

struct silt_snapshot {
    silt_arena *arena; /* app txns, domains, segment */
    silt_store *store;
    silt_engine *engine;
    shape *shape; /* NULL: before the first commit */
    silt_log_state state;
    bool has_segment;
    silt_log_segment segment;
    int64_t checked_us;
    pthread_mutex_t lock;
    silt_file_set files;
    silt_file_set lean; /* without details; stays when `files` becomes known */
    silt_log_tail tail;
};

/* ---- shapes */

static void shape_release(shape *s)
{
    if (!s || atomic_fetch_sub(&s->uses, 1) != 1) return;
    silt_arena_free(s->arena);
    free(s);
}
SILT_DEFINE_AUTO(shape, shape_release)

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reader and writer features as one sorted list. */
static silt_status list_features(shape *s, silt_error *err)
{
    silt_names readers, writers;
    SILT_TRY(silt_feature_list(&s->protocol, s->arena, &readers, &writers, err));
    const char **all = silt_arena_calloc(s->arena, readers.count + writers.count + 1, sizeof(*all));
    if (!all) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < writers.count; i++)
        all[count++] = writers.items[i];
    for (size_t i = 0; i < readers.count; i++)
        if (!silt_names_have(writers, readers.items[i])) all[count++] = readers.items[i];
    qsort(all, count, sizeof(*all), by_name);
    s->features = (silt_names){all, count};
    return SILT_OK;
}

/* A table may have a million columns, and name each of them here. */
static silt_status check_partitions(const silt_metadata *metadata, const silt_type *schema,
                                    silt_error *err)
{
    bool found;
    if (metadata->partition_columns.count == 0) return SILT_OK;
    SILT_AUTO(silt_map64) columns = silt_map64_new();
    if (!columns) return silt_fail_nomem(err);
    for (size_t i = 0; i < schema->field_count; i++) {
        const char *name = schema->fields[i].name;
        if (!silt_map64_slot(columns, name, strlen(name), &found)) return silt_fail_nomem(err);
    }
    for (size_t i = 0; i < metadata->partition_columns.count; i++) {
        const char *name = metadata->partition_columns.items[i];
        if (!silt_map64_slot(columns, name, strlen(name), &found)) return silt_fail_nomem(err);
        if (!found)
            return silt_fail(err, SILT_CORRUPT, "metaData: partition column %s isn't in the schema",
                             name);
    }
    return SILT_OK;
}

/* Checked for reading. */
static silt_status shape_new(const silt_protocol *protocol, const silt_metadata *metadata,
                             shape **out, silt_error *err)
{
    SILT_TRY(silt_feature_check_read(protocol, metadata, err));
    SILT_AUTO(shape) s = calloc(1, sizeof(*s));
    if (!s) return silt_fail_nomem(err);
    atomic_init(&s->uses, 1);
    s->arena = silt_arena_new();
    if (!s->arena || !silt_protocol_copy(protocol, s->arena, &s->protocol) ||
        !silt_metadata_copy(metadata, s->arena, &s->metadata))
        return silt_fail_nomem(err);
    const char *json = s->metadata.schema_json;
    silt_status st = silt_schema_parse(json, strlen(json), s->arena, &s->schema, err);
    if (st == SILT_UNSUPPORTED) silt_hint(err, st, "a newer Silt may read such a column");
    if (st != SILT_OK) return silt_wrap(err, st, "metaData: schemaString");
    if (s->schema->kind != SILT_TYPE_STRUCT)
        return silt_fail(err, SILT_CORRUPT, "metaData: schemaString isn't a struct");
    SILT_TRY(silt_widening_check(protocol, s->schema, err));
    SILT_TRY(check_partitions(&s->metadata, s->schema, err));
    SILT_TRY(list_features(s, err));
    *out = SILT_TAKE(s);
    return SILT_OK;
}

/* ---- making */

static silt_status snapshot_new(silt_store *store, silt_engine *engine, silt_snapshot **out,
                                silt_error *err)
{
    silt_snapshot *s = calloc(1, sizeof(*s));
    silt_arena *arena = s ? silt_arena_new() : NULL;
    if (!arena) {
        free(s);
        return silt_fail_nomem(err);
    }
    s->arena = arena;
    s->store = store;
    s->engine = engine;
    pthread_mutex_init(&s->lock, NULL);
    s->state.version = -1;
    s->tail = (silt_log_tail){-1, -1, 0, 0};
    *out = s;
    return SILT_OK;
}

void silt_snapshot_free(silt_snapshot *snapshot)
{
    if (!snapshot) return;
    silt_file_set_release(&snapshot->files);
    silt_file_set_release(&snapshot->lean);
    shape_release(snapshot->shape);
    pthread_mutex_destroy(&snapshot->lock);
    silt_arena_free(snapshot->arena);
    free(snapshot);
}

silt_status silt_snapshot_nothing(silt_store *store, silt_engine *engine, silt_snapshot **out,
                                  silt_error *err)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    SILT_TRY(snapshot_new(store, engine, &s, err));
    SILT_TRY(silt_file_set_init(&s->files, silt_arena_new(), NULL, 0, err));
    *out = SILT_TAKE(s);
    return SILT_OK;
}

static void note_tail(silt_snapshot *s)
{
    s->tail.checkpoint_version = s->segment.checkpoint_version;
    for (int64_t v = s->segment.first_commit; v <= s->segment.version; v++)
        s->tail.commit_bytes += s->segment.commit_sizes[v - s->segment.first_commit];
}

static silt_status load_state(silt_snapshot *s, silt_error *err)
{
    SILT_TRY(silt_log_state_load(s->store, s->engine, &s->segment, s->arena, &s->state, err));
    SILT_TRY(shape_new(&s->state.protocol, &s->state.metadata, &s->shape, err));
    s->state.protocol = s->shape->protocol;
    s->state.metadata = s->shape->metadata;
    return SILT_OK;
}

static silt_status open_at(silt_snapshot *s, int64_t version, silt_error *err)
{
    SILT_TRY(silt_log_segment_load(s->store, version, s->arena, &s->segment, err));
    s->has_segment = true;
    silt_status st = load_state(s, err);
    if (st == SILT_CORRUPT && err && !*err->hint)
        silt_hint(err, st,
                  "bring the file back as its writer left it; versions before it may "
                  "still be read");
    if (st != SILT_OK)
        return silt_wrap(err, st, "%s: version %" PRId64, s->store->uri, s->segment.version);
    note_tail(s);
    if (version == SILT_LATEST) s->checked_us = silt_now_us(&silt_clock_system);
    return SILT_OK;
}

silt_status silt_snapshot_open(silt_store *store, silt_engine *engine,
                               const silt_snapshot_options *opts, silt_snapshot **out,
                               silt_error *err)
{
    static const silt_snapshot_options latest = SILT_SNAPSHOT_OPTIONS_INIT;
    if (!opts) opts = &latest;
    int64_t version = opts->version, made_ms;
    if (version < SILT_LATEST)
        return silt_fail(err, SILT_INVALID, "version %" PRId64 ": versions start at 0", version);
    if (version != SILT_LATEST && opts->timestamp_ms != SILT_NO_TIMESTAMP)
        return silt_fail(err, SILT_INVALID, "a version or a timestamp can be asked for, not both");
    if (opts->timestamp_ms != SILT_NO_TIMESTAMP)
        SILT_TRY(silt_table_version_at(store, engine, opts->timestamp_ms, false, &version, &made_ms,
                                       err));
    SILT_AUTO(silt_snapshot) s = NULL;
    SILT_TRY(snapshot_new(store, engine, &s, err));
    silt_status st = open_at(s, version, err);
    if (st == SILT_NOT_FOUND && opts->timestamp_ms != SILT_NO_TIMESTAMP) /* cleaned up */
        return silt_wrap(err, st, "version %" PRId64 " stood at that time", version);
    if (st != SILT_OK) return st;
    *out = SILT_TAKE(s);
    return SILT_OK;
}

/* ---- a snapshot from the one before */

/* App txns and domains are few: each snapshot has its own copy. */
static bool copy_registry(const silt_log_state *from, silt_arena *arena, silt_log_state *to)
{
    silt_app_txn *txns = silt_arena_calloc(arena, from->app_txn_count, sizeof(*txns));
    silt_domain *domains = silt_arena_calloc(arena, from->domain_count, sizeof(*domains));
    if (!txns || !domains) return false;
    bool ok = true;
    for (size_t i = 0; i < from->app_txn_count && ok; i++) {
        txns[i] = from->app_txns[i];
        txns[i].app_id = silt_arena_strdup(arena, txns[i].app_id);
        if (txns[i].unknown) txns[i].unknown = silt_arena_strdup(arena, txns[i].unknown);
        ok = txns[i].app_id && !txns[i].unknown == !from->app_txns[i].unknown;
    }
    for (size_t i = 0; i < from->domain_count && ok; i++) {
        const silt_domain *d = &from->domains[i];
        domains[i] = (silt_domain){silt_arena_strdup(arena, d->domain),
                                   silt_arena_strdup(arena, d->configuration), d->removed,
                                   silt_arena_strdup(arena, d->unknown)};
        ok = !domains[i].domain == !d->domain && !domains[i].unknown == !d->unknown &&
             !domains[i].configuration == !d->configuration;
    }
    to->app_txns = txns;
    to->domains = domains;
    return ok;
}

/* The same version once more, to be moved on by apply(). */
static silt_status follow(silt_snapshot *from, silt_snapshot **out, silt_error *err)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    SILT_TRY(snapshot_new(from->store, from->engine, &s, err));
    pthread_mutex_lock(&from->lock);
    s->state = from->state;
    s->files = silt_file_set_share(&from->files);
    s->tail = from->tail;
    pthread_mutex_unlock(&from->lock);
    s->checked_us = from->checked_us;
    s->shape = from->shape;
    if (s->shape) atomic_fetch_add(&s->shape->uses, 1);
    if (!copy_registry(&from->state, s->arena, &s->state)) return silt_fail_nomem(err);
    *out = SILT_TAKE(s);
    return SILT_OK;
}

static silt_status apply_shape(silt_snapshot *s, const silt_protocol *protocol,
                               const silt_metadata *metadata, silt_error *err)
{
    if (!protocol && !metadata) return SILT_OK;
    if (!s->shape && (!protocol || !metadata))
        return silt_fail(err, SILT_CORRUPT, "version 0 has no %s",
                         protocol ? "metaData" : "protocol");
    shape *next = NULL;
    SILT_TRY(shape_new(protocol ? protocol : &s->shape->protocol,
                       metadata ? metadata : &s->shape->metadata, &next, err));
    shape_release(s->shape);
    s->shape = next;
    s->state.protocol = next->protocol;
    s->state.metadata = next->metadata;
    return SILT_OK;
}

static silt_status apply_app_txn(silt_snapshot *s, const silt_app_txn *txn, silt_error *err)
{
    size_t count = s->state.app_txn_count, at = 0;
    while (at < count && strcmp(s->state.app_txns[at].app_id, txn->app_id) != 0)
        at++;
    silt_app_txn *all = silt_arena_calloc(s->arena, count + 1, sizeof(*all));
    if (!all) return silt_fail_nomem(err);
    if (count) memcpy(all, s->state.app_txns, count * sizeof(*all));
    if (!silt_app_txn_copy(txn, s->arena, &all[at])) return silt_fail_nomem(err);
    s->state.app_txns = all;
    s->state.app_txn_count = count + (at == count);
    return SILT_OK;
}

static silt_status apply_domain(silt_snapshot *s, const silt_domain *domain, silt_error *err)
{
    silt_domain *all = silt_arena_calloc(s->arena, s->state.domain_count + 1, sizeof(*all));
    if (!all) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t i = 0; i < s->state.domain_count; i++)
        if (strcmp(s->state.domains[i].domain, domain->domain) != 0)
            all[count++] = s->state.domains[i];
    if (!domain->removed) {
        if (!silt_domain_copy(domain, s->arena, &all[count++])) return silt_fail_nomem(err);
    }
    s->state.domains = all;
    s->state.domain_count = count;
    return SILT_OK;
}

/* Counts follow from adds and removes, unless a commit may have added a file again that was there
 * (new stats or row ids: adds without a change of rows, where nothing is removed or other rows do
 * change) or doesn't give a removed file's size. */
static void apply_counts(silt_snapshot *s, const silt_action *actions, size_t count)
{
    int64_t files = s->state.file_count, bytes = s->state.size_bytes;
    size_t removes = 0, rearranged = 0;
    bool changed = false;
    bool known = files >= 0 && bytes >= 0;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == SILT_ACTION_ADD) {
            files++;
            bytes += actions[i].add.size_bytes;
            rearranged += !actions[i].add.data_change;
            changed = changed || actions[i].add.data_change;
        } else if (actions[i].kind == SILT_ACTION_REMOVE) {
            removes++;
            changed = changed || actions[i].remove.data_change;
            files--;
            bytes -= actions[i].remove.size_bytes;
            known = known && actions[i].remove.size_bytes >= 0;
        }
    }
    known = known && !(rearranged && (!removes || changed)) && files >= 0 && bytes >= 0;
    s->state.file_count = known ? files : -1;
    s->state.size_bytes = known ? bytes : -1;
}

static silt_status apply(silt_snapshot *s, const silt_action *actions, size_t count,
                         silt_error *err)
{
    const silt_protocol *protocol = NULL;
    const silt_metadata *metadata = NULL;
    for (size_t i = 0; i < count; i++) {
        const silt_action *a = &actions[i];
        if (a->kind == SILT_ACTION_PROTOCOL) protocol = &a->protocol;
        if (a->kind == SILT_ACTION_METADATA) metadata = &a->metadata;
        if (a->kind == SILT_ACTION_APP_TXN) SILT_TRY(apply_app_txn(s, &a->app_txn, err));
        if (a->kind == SILT_ACTION_DOMAIN) SILT_TRY(apply_domain(s, &a->domain, err));
        if (a->kind == SILT_ACTION_COMMIT_INFO && a->commit_info.timestamp_ms >= 0)
            s->state.timestamp_ms = a->commit_info.timestamp_ms;
        if (a->kind == SILT_ACTION_COMMIT_INFO && a->commit_info.in_commit_timestamp_ms >= 0)
            s->state.timestamp_ms = a->commit_info.in_commit_timestamp_ms;
    }
    SILT_TRY(apply_shape(s, protocol, metadata, err));
    if (!s->shape) return silt_fail(err, SILT_CORRUPT, "version 0 has no protocol, no metaData");
    apply_counts(s, actions, count);
    SILT_TRY(silt_file_set_change(&s->files, actions, count, err));
    s->state.version++;
    return SILT_OK;
}

/* About what the actions took in the log: listing for the exact number isn't worth it. */
static int64_t guess_bytes(const silt_action *actions, size_t count)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += 200;
        if (actions[i].kind == SILT_ACTION_ADD && actions[i].add.stats)
            bytes += (int64_t)strlen(actions[i].add.stats);
    }
    return bytes;
}

silt_status silt_snapshot_advance(silt_snapshot *from, silt_commit_fn *fn, void *ctx,
                                  silt_snapshot **out, silt_error *err)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(follow(from, &s, err));
    for (;;) {
        const silt_action *actions = NULL;
        size_t count = 0;
        int64_t version = s->state.version + 1;
        silt_arena_reset(scratch);
        silt_status st = silt_log_commit_read(s->store, version, scratch, &actions, &count, err);
        if (st == SILT_NOT_FOUND) break;
        if (st == SILT_OK && fn) st = fn(ctx, version, actions, count, err);
        if (st == SILT_OK) st = apply(s, actions, count, err);
        if (st != SILT_OK)
            return silt_wrap(err, st, "%s: version %" PRId64, s->store->uri, version);
        s->tail.commit_bytes += guess_bytes(actions, count);
    }
    if (err) *err = (silt_error){0}; /* that there is no next commit is no failure */
    *out = SILT_TAKE(s);
    return SILT_OK;
}

silt_status silt_snapshot_committed(silt_snapshot *from, const silt_action *actions, size_t count,
                                    int64_t size_bytes, int64_t now_us, silt_snapshot **out,
                                    silt_error *err)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    SILT_TRY(follow(from, &s, err));
    SILT_TRY(apply(s, actions, count, err));
    s->tail.commit_bytes += size_bytes;
    s->checked_us = now_us;
    *out = SILT_TAKE(s);
    return SILT_OK;
}

/* The time of a version is that of its file, unless the commit says. */
static silt_status stamp(silt_snapshot *s, silt_error *err)
{
    if (silt_log_in_commit_timestamps(&s->state)) return SILT_OK;
    const char *key = silt_log_commit_key(s->arena, s->state.version);
    silt_object object;
    if (!key) return silt_fail_nomem(err);
    SILT_TRY(s->store->ops->head(s->store, key, s->arena, &object, err));
    s->state.timestamp_ms = object.mtime_ns / 1000000;
    return SILT_OK;
}

silt_status silt_snapshot_refresh(silt_snapshot *snapshot, silt_snapshot **out, silt_error *err)
{
    SILT_AUTO(silt_snapshot) s = NULL;
    int64_t now_us = silt_now_us(&silt_clock_system), version = snapshot->state.version;
    SILT_TRY(silt_snapshot_advance(snapshot, NULL, NULL, &s, err));
    if (s->state.version == version) {
        silt_object object;
        const char *key = silt_log_commit_key(s->arena, version);
        if (!key) return silt_fail_nomem(err);
        /* A cleanup takes the oldest commits: where ours still stands, none after it has gone. */
        silt_status st = s->store->ops->head(s->store, key, s->arena, &object, err);
        if (st == SILT_NOT_FOUND) return silt_snapshot_open(s->store, s->engine, NULL, out, err);
        if (st != SILT_OK) return st;
    } else {
        SILT_TRY(stamp(s, err));
    }
    s->checked_us = now_us;
    *out = SILT_TAKE(s);
    return SILT_OK;
}

/* ---- files */

/* What is wanted of the files: their details, or to have been shown these. */
typedef struct asking {
    bool details;
    silt_log_file_fn *show;
    void *ctx;
} asking;

/* By the segment; where its checkpoint can't be read by another way to the version, which stays the
 * snapshot's. The failure is told that came first. */
static silt_status replay(silt_snapshot *s, const asking *what, silt_arena **out_arena,
                          silt_log_files *out, silt_error *err)
{
    silt_log_segment at = s->segment;
    silt_status first = SILT_OK;
    for (;;) {
        silt_arena *arena = silt_arena_new();
        if (!arena) return silt_fail_nomem(err);
        silt_error *told = first == SILT_OK ? err : NULL;
        silt_status st = what->show ? silt_log_files_show(s->store, s->engine, &at, what->show,
                                                          what->ctx, arena, out, told)
                                    : silt_log_files_load(s->store, s->engine, &at, what->details,
                                                          arena, out, told);
        if (st == SILT_OK) {
            if (err) *err = (silt_error){0};
            *out_arena = arena;
            s->segment = at;
            return SILT_OK;
        }
        silt_arena_free(arena);
        if (first == SILT_OK) first = st;
        if (!silt_log_segment_other(s->store, &at, st, s->arena, &at)) return first;
    }
}

static silt_status load_files(silt_snapshot *s, const asking *what, silt_file_set *set,
                              silt_error *err)
{
    silt_log_files files;
    silt_arena *arena = NULL;
    silt_status st = SILT_OK;
    if (!s->has_segment)
        st = silt_log_segment_load(s->store, s->state.version, s->arena, &s->segment, err);
    s->has_segment = st == SILT_OK;
    if (st == SILT_OK) st = replay(s, what, &arena, &files, err);
    if (st == SILT_OK) return silt_file_set_init(set, arena, files.items, files.count, err);
    if ((st == SILT_CORRUPT || st == SILT_NOT_FOUND) && err && !*err->hint)
        silt_hint(err, st, "restore the file from a copy; other versions may still be read");
    return silt_wrap(err, st, "%s: files of version %" PRId64, s->store->uri, s->state.version);
}

static silt_status get_adds(silt_snapshot *snapshot, bool details, const silt_add **out,
                            size_t *count, silt_error *err)
{
    silt_status st = SILT_OK;
    const asking what = {.details = details};
    pthread_mutex_lock(&snapshot->lock);
    silt_file_set *set = details || snapshot->files.list ? &snapshot->files : &snapshot->lean;
    st = set->list ? silt_file_set_settle(set, err) : load_files(snapshot, &what, set, err);
    if (st == SILT_OK) {
        *out = silt_file_set_items(set, count, &snapshot->state.size_bytes);
        snapshot->state.file_count = (int64_t)*count;
    }
    pthread_mutex_unlock(&snapshot->lock);
    return st;
}

silt_status silt_snapshot_adds(silt_snapshot *snapshot, const silt_add **out, size_t *count,
                               silt_error *err)
{
    return get_adds(snapshot, true, out, count, err);
}

silt_status silt_snapshot_adds_lean(silt_snapshot *snapshot, const silt_add **out, size_t *count,
                                    silt_error *err)
{
    return get_adds(snapshot, false, out, count, err);
}

/* What was shown is what the list has that was read before. A checkpoint may be written anew with
 * its rows in another order. */
static silt_status check_same(const silt_file_set *a, const silt_file_set *b, silt_error *err)
{
    size_t count, other;
    const silt_add *left = silt_file_set_items(a, &count, NULL);
    const silt_add *right = silt_file_set_items(b, &other, NULL);
    bool same = count == other;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(left[i].path, right[i].path) == 0;
    if (same) return SILT_OK;
    return silt_fail(err, SILT_CHANGED, "the checkpoint was written anew; open the table again");
}

/* A list that is there already is shown as it is, or read again if it has no stats. */
static silt_status show_adds(silt_snapshot *s, silt_log_file_fn *fn, void *ctx, silt_error *err)
{
    const asking what = {.show = fn, .ctx = ctx};
    size_t count;
    if (!s->files.list && !s->lean.list) return load_files(s, &what, &s->lean, err);
    if (!s->files.list) {
        SILT_CLEAN(silt_file_set) again = {0};
        SILT_TRY(load_files(s, &what, &again, err));
        return check_same(&s->lean, &again, err);
    }
    SILT_TRY(silt_file_set_settle(&s->files, err));
    const silt_add *adds = silt_file_set_items(&s->files, &count, NULL);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(fn(ctx, i, &adds[i], err));
    return SILT_OK;
}

silt_status silt_snapshot_adds_shown(silt_snapshot *snapshot, silt_log_file_fn *fn, void *ctx,
                                     const silt_add **out, size_t *count, silt_error *err)
{
    pthread_mutex_lock(&snapshot->lock);
    silt_status st = show_adds(snapshot, fn, ctx, err);
    pthread_mutex_unlock(&snapshot->lock);
    return st == SILT_OK ? get_adds(snapshot, false, out, count, err) : st;
}

silt_status silt_snapshot_size(silt_snapshot *snapshot, int64_t *file_count, int64_t *size_bytes,
                               silt_error *err)
{
    pthread_mutex_lock(&snapshot->lock);
    int64_t files = snapshot->state.file_count, bytes = snapshot->state.size_bytes;
    pthread_mutex_unlock(&snapshot->lock);
    if (files < 0 || bytes < 0) {
        const silt_add *adds;
        size_t count;
        SILT_TRY(silt_snapshot_adds_lean(snapshot, &adds, &count, err));
        files = snapshot->state.file_count;
        bytes = snapshot->state.size_bytes;
    }
    *file_count = files;
    *size_bytes = bytes;
    return SILT_OK;
}

bool silt_snapshot_is_small(const silt_snapshot *snapshot)
{
    return snapshot->has_segment && snapshot->tail.checkpoint_version < 0 &&
           snapshot->state.version < SMALL_COMMITS && snapshot->tail.commit_bytes < SMALL_BYTES;
}

silt_log_tail silt_snapshot_tail(silt_snapshot *snapshot)
{
    pthread_mutex_lock(&snapshot->lock);
    silt_log_tail tail = snapshot->tail;
    pthread_mutex_unlock(&snapshot->lock);
    return tail;
}

void silt_snapshot_set_tail(silt_snapshot *snapshot, silt_log_tail tail)
{
    pthread_mutex_lock(&snapshot->lock);
    snapshot->tail = tail;
    pthread_mutex_unlock(&snapshot->lock);
}

/* ---- what a snapshot says */

const silt_log_state *silt_snapshot_state(const silt_snapshot *snapshot)
{
    return &snapshot->state;
}

silt_store *silt_snapshot_store(const silt_snapshot *snapshot)
{
    return snapshot->store;
}

silt_engine *silt_snapshot_engine(const silt_snapshot *snapshot)
{
    return snapshot->engine;
}

int64_t silt_snapshot_checked_us(const silt_snapshot *snapshot)
{
    return snapshot->checked_us;
}

int64_t silt_snapshot_version(const silt_snapshot *snapshot)
{
    return snapshot->state.version;
}

int64_t silt_snapshot_timestamp_ms(const silt_snapshot *snapshot)
{
    return snapshot->state.timestamp_ms;
}

const silt_type *silt_snapshot_schema(const silt_snapshot *snapshot)
{
    return snapshot->shape->schema;
}

const char *silt_snapshot_table_id(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.id;
}

const char *silt_snapshot_name(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.name;
}

const char *silt_snapshot_description(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.description;
}

size_t silt_snapshot_partition_count(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.partition_columns.count;
}

const char *silt_snapshot_partition_column(const silt_snapshot *snapshot, size_t i)
{
    silt_names names = snapshot->shape->metadata.partition_columns;
    return i < names.count ? names.items[i] : NULL;
}

const char *silt_snapshot_property(const silt_snapshot *snapshot, const char *key)
{
    return snapshot->shape ? silt_pairs_get(snapshot->shape->metadata.configuration, key) : NULL;
}

size_t silt_snapshot_property_count(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.configuration.count;
}

void silt_snapshot_property_at(const silt_snapshot *snapshot, size_t i, const char **key,
                               const char **value)
{
    silt_pairs pairs = snapshot->shape->metadata.configuration;
    *key = i < pairs.count ? pairs.items[i].key : NULL;
    *value = i < pairs.count ? pairs.items[i].value : NULL;
}

void silt_snapshot_protocol(const silt_snapshot *snapshot, int *min_reader, int *min_writer)
{
    *min_reader = snapshot->shape->protocol.min_reader;
    *min_writer = snapshot->shape->protocol.min_writer;
}

const char *silt_snapshot_feature(const silt_snapshot *snapshot, size_t i)
{
    silt_names names = snapshot->shape->features;
    return i < names.count ? names.items[i] : NULL;
}

const char *silt_snapshot_column_mapping(const silt_snapshot *snapshot)
{
    const char *mode = silt_snapshot_property(snapshot, "delta.columnMapping.mode");
    return mode && silt_names_have(snapshot->shape->features, "columnMapping") ? mode : "none";
}

bool silt_snapshot_row_tracking(const silt_snapshot *snapshot)
{
    return silt_names_have(snapshot->shape->features, "rowTracking") &&
           silt_property_true(&snapshot->shape->metadata, "delta.enableRowTracking");
}

bool silt_snapshot_in_commit_timestamps(const silt_snapshot *snapshot)
{
    return silt_log_in_commit_timestamps(&snapshot->state);
}

const char *silt_snapshot_domain(const silt_snapshot *snapshot, size_t i,
                                 const char **configuration)
{
    if (i >= snapshot->state.domain_count) return NULL;
    const silt_domain *domain = &snapshot->state.domains[i];
    if (configuration) *configuration = domain->configuration;
    return domain->domain;
}

int64_t silt_snapshot_created_ms(const silt_snapshot *snapshot)
{
    return snapshot->shape->metadata.created_time_ms;
}

int64_t silt_snapshot_app_version(const silt_snapshot *snapshot, const char *app_id)
{
    for (size_t i = 0; i < snapshot->state.app_txn_count; i++)
        if (strcmp(snapshot->state.app_txns[i].app_id, app_id) == 0)
            return snapshot->state.app_txns[i].version;
    return -1;
}
