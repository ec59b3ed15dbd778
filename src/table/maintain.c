/* Checkpoints, on demand and when they are due, so that opening a table stays cheap; after them the
 * log's cleanup.
 * @see PROTOCOL.md, "Checkpoints" */
#include <strings.h>

#include "base/seam.h"
#include "table/dry.h"

#define INTERVAL        100
#define TAIL_MIN        10                 /* fewer commits never ask for one, */
#define TAIL_BYTES_MIN  (INT64_C(1) << 20) /* nor do so few bytes, which are read in no time */
#define TAIL_OF_WHOLE   10                 /* the tail may be a tenth of the checkpoint */
#define TRY_AGAIN_LATER 10

/* delta.checkpointInterval, if it is a number that makes sense. */
static int64_t interval_of(const silt_snapshot *snapshot)
{
    int64_t interval;
    const char *text = silt_snapshot_property(snapshot, "delta.checkpointInterval");
    return text && silt_parse_int64(text, &interval) && interval > 0 ? interval : INTERVAL;
}

static silt_status sum_sizes(silt_store *store, silt_names keys, silt_arena *arena, int64_t *out,
                             silt_error *err)
{
    int64_t sum = 0;
    for (size_t i = 0; i < keys.count; i++) {
        silt_object object;
        SILT_TRY(store->ops->head(store, keys.items[i], arena, &object, err));
        sum += object.size_bytes;
    }
    *out = sum;
    return SILT_OK;
}

static bool is_due(const silt_snapshot *snapshot, const silt_log_tail *tail)
{
    int64_t commits = silt_snapshot_version(snapshot) - tail->checkpoint_version;
    if (commits >= interval_of(snapshot)) return true;
    if (tail->checkpoint_version < 0 || commits < TAIL_MIN || tail->commit_bytes < TAIL_BYTES_MIN)
        return false;
    return tail->checkpoint_bytes < 0 ||
           tail->commit_bytes > tail->checkpoint_bytes / TAIL_OF_WHOLE;
}

/* What the log says now: another process may have been here, and sizes are known exactly. */
static silt_status look(silt_snapshot *snapshot, silt_arena *arena, silt_log_segment *segment,
                        silt_log_tail *tail, silt_error *err)
{
    silt_store *store = silt_snapshot_store(snapshot);
    SILT_TRY(silt_log_segment_load(store, silt_snapshot_version(snapshot), arena, segment, err));
    tail->checkpoint_version = segment->checkpoint_version;
    tail->commit_bytes = 0;
    for (int64_t v = segment->first_commit; v <= segment->version; v++)
        tail->commit_bytes += segment->commit_sizes[v - segment->first_commit];
    return sum_sizes(store, segment->checkpoint_keys, arena, &tail->checkpoint_bytes, err);
}

static silt_status write_checkpoint(silt_store *store, silt_engine *engine,
                                    const silt_log_segment *segment, int64_t parts,
                                    silt_arena *arena, silt_log_checkpoint_written *out,
                                    silt_error *err)
{
    char id[SILT_UUID_SIZE];
    silt_log_checkpoint_spec spec = {.now_ms = silt_now_ms(&silt_clock_system), .parts = parts};
    silt_uuid(&silt_random_system, id);
    SILT_TRY(silt_scratch_make(store, id, arena, &spec.scratch, err));
    silt_status st = silt_log_checkpoint_write(store, engine, segment, &spec, arena, out, err);
    silt_scratch_remove(spec.scratch);
    return st;
}

static silt_status checkpoint_of(silt_store *store, silt_engine *engine,
                                 const silt_checkpoint_options *opts, silt_arena *arena,
                                 silt_checkpoint_result *out, silt_error *err)
{
    silt_log_segment segment;
    silt_log_checkpoint_written written;
    SILT_TRY(silt_log_segment_load(store, opts->version, arena, &segment, err));
    SILT_TRY(write_checkpoint(store, engine, &segment, opts->parts, arena, &written, err));
    *out = (silt_checkpoint_result){.version = segment.version,
                                    .files = written.files,
                                    .tombstones = written.tombstones,
                                    .objects = written.objects,
                                    .size_bytes = written.size_bytes,
                                    .v2 = written.v2};
    return SILT_OK;
}

silt_status silt_checkpoint(silt_store *store, silt_engine *engine,
                            const silt_checkpoint_options *opts, silt_checkpoint_result *out,
                            silt_error *err)
{
    const silt_checkpoint_options fallback = SILT_CHECKPOINT_OPTIONS_INIT;
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_checkpoint_options: struct_size is not set");
    if (opts->version < SILT_LATEST)
        return silt_fail(err, SILT_INVALID, "version %" PRId64 ": 0 or more", opts->version);
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    if (!opts->dry_run) return checkpoint_of(store, engine, opts, arena, out, err);
    silt_dry dry = {0};
    silt_status st = silt_dry_begin(store, arena, &dry, err);
    if (st == SILT_OK) st = checkpoint_of(dry.store, engine, opts, arena, out, err);
    silt_dry_end(&dry);
    return st;
}

/* ---- when it is due */

/* As Spark has it: on, unless the table says no. */
static bool wants_cleanup(const silt_snapshot *snapshot)
{
    const char *text = silt_snapshot_property(snapshot, "delta.enableExpiredLogCleanup");
    return !text || strcasecmp(text, "false") != 0;
}

static silt_status checkpoint(silt_snapshot *snapshot, silt_log_tail *tail, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    if (!arena) return silt_fail_nomem(err);
    silt_log_segment segment;
    SILT_TRY(look(snapshot, arena, &segment, tail, err));
    if (!is_due(snapshot, tail)) return SILT_OK;
    SILT_TRY(write_checkpoint(silt_snapshot_store(snapshot), silt_snapshot_engine(snapshot),
                              &segment, 0, arena, NULL, err));
    tail->checkpoint_version = segment.version;
    tail->checkpoint_bytes = -1;
    tail->commit_bytes = 0;
    silt_cleanup_log_result cleaned;
    return wants_cleanup(snapshot) ? silt_table_cleanup_log(snapshot, NULL, &cleaned, err)
                                   : SILT_OK;
}

silt_status silt_table_maintain(silt_snapshot *snapshot, silt_error *err)
{
    silt_log_tail tail = silt_snapshot_tail(snapshot);
    int64_t version = silt_snapshot_version(snapshot);
    if (version < tail.look_again || !is_due(snapshot, &tail)) return SILT_OK;
    silt_status st = checkpoint(snapshot, &tail, err);
    if (st != SILT_OK) tail.look_again = version + TRY_AGAIN_LATER;
    silt_snapshot_set_tail(snapshot, tail);
    return st == SILT_OK ? SILT_OK
                         : silt_wrap(err, st, "%s: checkpoint of version %" PRId64,
                                     silt_snapshot_store(snapshot)->uri, version);
}
