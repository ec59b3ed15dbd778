/* The change data feed of a table: the commits of a range as files of one scan.
 *
 * Invariants
 *  (1) Every commit of the range is read, one at a time; what stays of it is its changed files.
 *  (2) The feed is on at the range's first version and isn't turned off in it: else rows that were
 *      changed would be missing.
 *  (3) All rows are shown by one schema, and no column that a version of the range has is lost. */
#include "table/changes.h"

#include <unistd.h>

#include "base/seam.h"
#include "log/property.h"
#include "table/tell.h"

#define FEED_PROPERTY "delta.enableChangeDataFeed"

/* A feed in the making. */
typedef struct feed {
    silt_store *store;
    silt_engine *engine;
    const silt_changes_options *opts;
    silt_changes_where_fn *where; /* NULL: that of `opts` */
    void *where_ctx;
    bool unfed; /* the feed may be off: adds and removes tell all */
    silt_changes_range range;
    silt_snapshot *latest, *start, *end; /* of `range`; may be one and the same */
    const int64_t *times_ms;             /* by version - range.from */
    /* of the walk over the commits */
    silt_arena *commit;     /* of one commit */
    silt_arena *schemas;    /* of the protocol and metadata that hold */
    silt_protocol protocol; /* at the commit in hand */
    silt_metadata metadata;
    const char
        *why; /* a version's rows can't be shown by the plan's schema; NULL: so far all can */
    int64_t why_version;
} feed;

static void feed_release(feed *f)
{
    if (f->start != f->latest && f->start != f->end) silt_snapshot_free(f->start);
    if (f->end != f->latest) silt_snapshot_free(f->end);
    silt_snapshot_free(f->latest);
    silt_arena_free(f->commit);
    silt_arena_free(f->schemas);
}

/* What a scan of a feed holds. */
typedef struct held {
    silt_changes_plan changes;
    const char *folder; /* of copied files; NULL: there is none */
} held;

static void held_release(void *ctx)
{
    held *h = ctx;
    silt_changes_plan_release(&h->changes);
    silt_scratch_remove(h->folder);
}

/* A file that went away between planning and reading is told with the version that it is of. */
static silt_status held_blame(void *ctx, silt_status st, silt_error *err)
{
    const held *h = ctx;
    silt_scan_plan plan = h->changes.plan;
    size_t at = 0;
    while (at < plan.spec.file_count && access(plan.spec.files[at].local_path, F_OK) == 0)
        at++;
    for (size_t c = 0; at < plan.spec.file_count && c < plan.spec.column_count; c++)
        if (strcmp(plan.spec.columns[c].name, SILT_CHANGE_VERSION) == 0)
            (void)silt_parse_int64(plan.spec.files[at].constants[plan.spec.columns[c].constant],
                                   &plan.version);
    return silt_scan_missing(&plan, st, err);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static silt_status fail_off(const feed *f, int64_t version, silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED,
              "%s: changes from version %" PRId64 " to %" PRId64
              ": the change data feed was off at version %" PRId64,
              f->store->uri, f->range.from, f->range.to, version);
    return silt_hint(err, SILT_UNSUPPORTED,
                     "a writer turns it on by the table property " FEED_PROPERTY "=true, from then "
                     "on (`silt history` shows when); --net tells the difference between two "
                     "versions without it");
}

/* Spark tells the two cases apart as INCOMPATIBLE_SCHEMA_CHANGE and INCOMPATIBLE_DATA_SCHEMA. */
static silt_status fail_schema(const feed *f, int64_t shown_version, silt_error *err)
{
    silt_fail(err, SILT_UNSUPPORTED,
              "%s: changes from version %" PRId64 " to %" PRId64 ": the schema of version %" PRId64
              " doesn't go into that of version %" PRId64 ": %s",
              f->store->uri, f->range.from, f->range.to, f->why_version, shown_version, f->why);
    if (f->why_version == f->range.from)
        return silt_hint(err, SILT_UNSUPPORTED,
                         "end the range before the schema was changed and start another one there, "
                         "or ask for the difference of two versions with --net");
    return silt_hint(err, SILT_UNSUPPORTED,
                     "ask for the changes up to version %" PRId64 " and for those from %" PRId64
                     " on, or for the difference of two versions with --net",
                     f->why_version - 1, f->why_version);
}

/* ---- commits --------------------------------------------------------------------------------- */

static bool is_on(const silt_metadata *metadata)
{
    return silt_property_true(metadata, FEED_PROPERTY);
}

/* Whether the rows of a version can be shown; f->why where not. */
static silt_status check_shape(feed *f, const silt_metadata *metadata, int64_t version,
                               const silt_changes_shape *shown, silt_error *err)
{
    silt_changes_shape shape;
    silt_status st = silt_changes_shape_of(metadata, f->schemas, &shape, err);
    if (st == SILT_OK) st = silt_changes_compare(&shape, shown, false, f->schemas, &f->why, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s: version %" PRId64, f->store->uri, version);
    f->why_version = version;
    return SILT_OK;
}

/* What a commit says of the table, if anything. */
static silt_status check_table(feed *f, int64_t version, const silt_action *actions, size_t count,
                               const silt_changes_shape *shown, silt_error *err)
{
    const silt_metadata *metadata = NULL;
    const silt_protocol *protocol = NULL;
    for (size_t i = 0; i < count; i++) {
        if (actions[i].kind == SILT_ACTION_METADATA) metadata = &actions[i].metadata;
        if (actions[i].kind == SILT_ACTION_PROTOCOL) protocol = &actions[i].protocol;
    }
    if (version == f->range.from || (!metadata && !protocol)) return SILT_OK;
    if (metadata && !is_on(metadata)) return fail_off(f, version, err);
    if ((metadata && !silt_metadata_copy(metadata, f->schemas, &f->metadata)) ||
        (protocol && !silt_protocol_copy(protocol, f->schemas, &f->protocol)))
        return silt_fail_nomem(err);
    silt_status st = silt_feature_check_read(&f->protocol, &f->metadata, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s: version %" PRId64, f->store->uri, version);
    return metadata ? check_shape(f, &f->metadata, version, shown, err) : SILT_OK;
}

/* Whether all removes tell all of their partition values. */
static bool tells_values(const silt_action *actions, size_t count, size_t partitions)
{
    for (size_t i = 0; i < count; i++)
        if (actions[i].kind == SILT_ACTION_REMOVE && actions[i].remove.data_change &&
            actions[i].remove.partition_values.count < partitions)
            return false;
    return true;
}

/* Whether the table is partitioned as it was before a commit: within the range it is, by
 * check_table(). RESTORE writes metadata that needn't be another. */
static silt_status keeps_partitions(const feed *f, int64_t version, const silt_action *actions,
                                    size_t count, const silt_changes_shape *shown, bool *out,
                                    silt_error *err)
{
    SILT_AUTO(silt_snapshot) before = NULL;
    silt_names now = shown->metadata->partition_columns;
    bool has_metadata = false;
    for (size_t i = 0; i < count; i++)
        has_metadata |= actions[i].kind == SILT_ACTION_METADATA;
    *out = true;
    if (!has_metadata || version > f->range.from || version == 0 ||
        tells_values(actions, count, now.count))
        return SILT_OK;
    silt_error why = {0};
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = version - 1;
    silt_status st = silt_snapshot_open(f->store, f->engine, &opts, &before, &why);
    if (st == SILT_NOMEM) return silt_fail_nomem(err);
    /* What can't be found out may be otherwise. */
    *out = st == SILT_OK &&
           silt_names_equal(silt_snapshot_state(before)->metadata.partition_columns, now);
    return SILT_OK;
}

static silt_status add_commit(feed *f, int64_t version, silt_changes_plan *out, silt_error *err)
{
    const silt_action *actions;
    const silt_change *changes;
    size_t count, change_count;
    silt_arena_reset(f->commit);
    silt_status st = silt_log_commit_read(f->store, version, f->commit, &actions, &count, err);
    if (st == SILT_NOT_FOUND)
        return silt_hint(err, silt_wrap(err, st, "%s: changes", f->store->uri),
                         "the log was cleaned up: start at a later version");
    if (st != SILT_OK) return silt_wrap(err, st, "%s", f->store->uri);
    SILT_TRY(check_table(f, version, actions, count, &out->shape, err));
    if (f->why) return SILT_OK;
    bool same;
    SILT_TRY(keeps_partitions(f, version, actions, count, &out->shape, &same, err));
    SILT_TRY(silt_changes_of_commit(actions, count, same, f->commit, &changes, &change_count, err));
    int64_t made_ms = f->times_ms[version - f->range.from];
    for (size_t i = 0; i < change_count; i++)
        SILT_TRY(silt_changes_plan_add(out, version, made_ms, &changes[i], err));
    return SILT_OK;
}

/* Plan the range by the schema of `shown`; f->why where that doesn't go. */
static silt_status plan_range(feed *f, silt_snapshot *shown, held *h, silt_arena *arena,
                              silt_error *err)
{
    const silt_log_state *start = silt_snapshot_state(f->start);
    silt_changes_shape shape;
    silt_changes_options opts = *f->opts;
    SILT_TRY(silt_changes_shape_of(&silt_snapshot_state(shown)->metadata, arena, &shape, err));
    if (f->where) {
        const silt_type *columns = silt_changes_columns(shape.schema, arena);
        if (!columns) return silt_fail_nomem(err);
        opts.where = f->where(f->where_ctx, columns, arena);
    }
    SILT_TRY(silt_changes_plan_init(&h->changes, f->store, silt_snapshot_version(shown), &shape,
                                    &opts, true, h->folder, arena, err));
    if (f->range.empty) return SILT_OK;
    f->protocol = start->protocol;
    f->metadata = start->metadata;
    SILT_TRY(check_shape(f, &f->metadata, f->range.from, &shape, err));
    for (int64_t v = f->range.from; v <= f->range.to && !f->why; v++)
        SILT_TRY(add_commit(f, v, &h->changes, err));
    return SILT_OK;
}

/* ---- the schema ------------------------------------------------------------------------------ */

static bool is_mapped(const silt_snapshot *snapshot)
{
    const char *mode = silt_snapshot_property(snapshot, "delta.columnMapping.mode");
    return mode && strcmp(mode, "none") != 0;
}

/* As Spark: that of the latest version; under column mapping, which lets columns be renamed and
 * dropped, that of the range's end. Where Spark would give up because columns changed behind the
 * range, the end's does. */
static silt_status plan_feed(feed *f, held *h, silt_arena *arena, silt_error *err)
{
    silt_snapshot *shown = f->latest;
    if (is_mapped(f->latest) || is_mapped(f->end) || is_mapped(f->start)) shown = f->end;
    SILT_TRY(plan_range(f, shown, h, arena, err));
    if (f->why && shown != f->end) {
        shown = f->end;
        f->why = NULL;
        silt_changes_plan_release(&h->changes);
        SILT_TRY(plan_range(f, shown, h, arena, err));
    }
    return f->why ? fail_schema(f, silt_snapshot_version(shown), err) : SILT_OK;
}

static silt_status tell(feed *f, silt_scan *scan, silt_error *err)
{
    held *h = silt_arena_calloc(scan->arena, 1, sizeof(*h));
    f->commit = silt_arena_new();
    f->schemas = silt_arena_new();
    if (!h || !f->commit || !f->schemas) return silt_fail_nomem(err);
    scan->ctx = h;
    scan->release = held_release;
    scan->blame = held_blame;
    if (!f->range.empty && !f->unfed && !is_on(&silt_snapshot_state(f->start)->metadata))
        return fail_off(f, f->range.from, err);
    if (!f->range.empty && !f->times_ms)
        SILT_TRY(silt_table_commit_times(f->store, f->engine, f->range.from, f->range.to,
                                         scan->arena, &f->times_ms, err));
    SILT_TRY(silt_changes_folder(f->store, scan->arena, &h->folder, err));
    SILT_TRY(plan_feed(f, h, scan->arena, err));
    scan->rows = (silt_rows_spec){.kind = SILT_ROWS_SCAN, .scan = h->changes.plan.spec};
    return SILT_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

silt_status silt_changes_folder(silt_store *store, silt_arena *arena, const char **out,
                                silt_error *err)
{
    char name[SILT_UUID_SIZE];
    *out = NULL;
    if (store->ops->local_path) return SILT_OK;
    silt_uuid(&silt_random_system, name);
    return silt_scratch_make(store, name, arena, out, err);
}

static silt_status open_at(feed *f, int64_t version, silt_snapshot **out, silt_error *err)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = version;
    *out = f->latest;
    return version == f->range.latest ? SILT_OK
                                      : silt_snapshot_open(f->store, f->engine, &opts, out, err);
}

static silt_status open_ends(feed *f, silt_error *err)
{
    SILT_TRY(silt_snapshot_open(f->store, f->engine, NULL, &f->latest, err));
    SILT_TRY(silt_changes_range_of(f->store, f->engine, silt_snapshot_version(f->latest), f->opts,
                                   &f->range, err));
    SILT_TRY(open_at(f, f->range.to, &f->end, err));
    f->start = f->end;
    if (f->range.from == f->range.to) return SILT_OK;
    f->start = NULL;
    return open_at(f, f->range.from, &f->start, err);
}

silt_status silt_changes_open_where(silt_store *store, silt_engine *engine,
                                    const silt_changes_options *opts, silt_changes_where_fn *where,
                                    void *ctx, silt_scan **out, silt_error *err)
{
    const silt_changes_options none = SILT_CHANGES_OPTIONS_INIT;
    SILT_CLEAN(feed)
    f = {.store = store,
         .engine = engine,
         .opts = opts ? opts : &none,
         .where = where,
         .where_ctx = ctx};
    silt_tell_changes(f.opts, store->uri);
    if (f.opts->limit < -1)
        return silt_fail(err, SILT_INVALID, "limit %" PRId64 ": -1 for all, or 0 and more",
                         f.opts->limit);
    if (f.opts->key_count && !f.opts->net)
        return silt_fail(err, SILT_INVALID, "changes: keys are for the net difference only");
    SILT_TRY(open_ends(&f, err));
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_new(engine, &scan, err));
    SILT_TRY(f.opts->net ? silt_changes_net(f.start, f.end, f.opts, scan, err)
                         : tell(&f, scan, err));
    *out = SILT_TAKE(scan);
    return SILT_OK;
}

silt_status silt_changes_open(silt_store *store, silt_engine *engine,
                              const silt_changes_options *opts, silt_scan **out, silt_error *err)
{
    return silt_changes_open_where(store, engine, opts, NULL, NULL, out, err);
}

silt_status silt_changes_open_version(silt_snapshot *at, int64_t made_ms, bool unfed,
                                      silt_scan **out, silt_error *err)
{
    const silt_changes_options none = SILT_CHANGES_OPTIONS_INIT;
    const int64_t version = silt_snapshot_version(at);
    SILT_AUTO(silt_scan) scan = NULL;
    feed f = {.store = silt_snapshot_store(at),
              .engine = silt_snapshot_engine(at),
              .opts = &none,
              .unfed = unfed,
              .range = {.from = version, .to = version, .latest = version},
              .latest = at,
              .start = at,
              .end = at,
              .times_ms = &made_ms};
    SILT_TRY(silt_scan_new(f.engine, &scan, err));
    silt_status st = tell(&f, scan, err);
    f.latest = f.start = f.end = NULL; /* borrowed */
    feed_release(&f);
    if (st == SILT_OK) *out = SILT_TAKE(scan);
    return st;
}
