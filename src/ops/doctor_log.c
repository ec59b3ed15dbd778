/* The log against itself: gaps, checkpoint, .crc, _last_checkpoint. */
#include "log/log.h"
#include "log/name.h"
#include "log/state.h"
#include "ops/doctor_work.h"
#include "silt/maintain.h"
#include "table/files.h"

/* ---- which versions there are */

typedef struct log_listing {
    int64_t first, last, missing, missing_after; /* commits; gaps: the first one missing */
    int64_t newest_checkpoint;
    int64_t gaps;
    SILT_VEC(int64_t) checkpoints, crcs; /* versions, from the oldest up */
    bool failed;                         /* out of memory */
} log_listing;

static void log_listing_release(log_listing *l)
{
    silt_vec_free(&l->checkpoints);
    silt_vec_free(&l->crcs);
}

static bool note_name(void *ctx, const silt_object *object)
{
    log_listing *l = ctx;
    silt_log_name name;
    silt_log_name_parse(object->key + strlen(SILT_LOG_DIR), &name);
    if (name.kind >= SILT_NAME_CHECKPOINT && name.kind <= SILT_NAME_CHECKPOINT_V2 &&
        name.version > l->newest_checkpoint) {
        l->newest_checkpoint = name.version;
        l->failed |= !silt_vec_push(&l->checkpoints, name.version);
    }
    if (name.kind == SILT_NAME_CRC) l->failed |= !silt_vec_push(&l->crcs, name.version);
    if (name.kind != SILT_NAME_COMMIT) return true;
    if (l->first < 0) l->first = name.version;
    if (l->last >= 0 && name.version != l->last + 1) {
        if (!l->gaps++) l->missing = l->last + 1;
        l->missing_after = name.version - 1;
    }
    l->last = name.version;
    return true;
}

static silt_status check_gaps(silt_doctor_work *d, const log_listing *l)
{
    if (!l->gaps) return SILT_OK;
    bool readable = l->newest_checkpoint >= l->missing_after;
    const char *what = silt_arena_printf(
        d->arena, "%s missing: the first is version %" PRId64,
        l->gaps == 1 ? "commits are" : "commits in several places are", l->missing);
    const char *key = silt_log_commit_key(d->arena, l->missing);
    if (!what || !key) return silt_fail_nomem(d->err);
    return silt_doctor_find(
        d, &(silt_finding){.severity = readable ? SILT_FINDING_WARNING : SILT_FINDING_ERROR,
                           .kind = "gap",
                           .path = key,
                           .what = what,
                           .remedy = readable ? "older versions can't be read; a checkpoint holds "
                                                "the newer ones"
                                              : "bring the file back from a backup"});
}

/* ---- _last_checkpoint */

static silt_status check_hint(silt_doctor_work *d, const log_listing *l, bool *renew)
{
    bool there;
    SILT_TRY(silt_store_exists(d->store, SILT_LOG_HINT_KEY, &there, d->err));
    int64_t hint = there ? silt_log_hint_version(d->store) : -1;
    if (!there && l->newest_checkpoint < 0) return SILT_OK;
    const char *what = NULL;
    if (!there)
        what = "it is missing: readers have to list the whole log";
    else if (hint < 0)
        what = "it isn't what the protocol says";
    else if (hint > l->newest_checkpoint)
        what = silt_arena_printf(d->arena, "it names version %" PRId64 ", which has no checkpoint",
                                 hint);
    if (!what) return SILT_OK;
    *renew = d->opts->fix;
    if (d->opts->fix && there) SILT_TRY(d->store->ops->remove(d->store, SILT_LOG_HINT_KEY, d->err));
    return silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_WARNING,
                                               .kind = "bad-last-checkpoint",
                                               .path = SILT_LOG_HINT_KEY,
                                               .what = what,
                                               .remedy = "--fix writes it anew, with a checkpoint",
                                               .fixed = d->opts->fix});
}

/* ---- two ways to one version */

static const char *compare_states(const silt_log_state *a, const silt_log_state *b)
{
    if (a->protocol.min_reader != b->protocol.min_reader ||
        a->protocol.min_writer != b->protocol.min_writer ||
        a->protocol.writer_features.count != b->protocol.writer_features.count)
        return "its protocol is another than the commits'";
    if (!silt_streq(a->metadata.id, b->metadata.id)) return "its table id is another";
    if (!silt_streq(a->metadata.schema_json, b->metadata.schema_json))
        return "its schema is another than the commits'";
    if (a->metadata.configuration.count != b->metadata.configuration.count)
        return "its table properties are others than the commits'";
    for (size_t i = 0; i < a->metadata.configuration.count; i++)
        if (!silt_streq(
                a->metadata.configuration.items[i].value,
                silt_pairs_get(b->metadata.configuration, a->metadata.configuration.items[i].key)))
            return "its table properties are others than the commits'";
    return NULL;
}

/* NULL in `out`: the same files. */
static silt_status compare_files(silt_doctor_work *d, const silt_log_files *a,
                                 const silt_log_files *b, silt_arena *arena, const char **out)
{
    SILT_AUTO(silt_map64) map = silt_map64_new();
    bool found;
    *out = NULL;
    if (!map) return silt_fail_nomem(d->err);
    for (size_t i = 0; i < a->count; i++) {
        const char *id = silt_file_identity(a->items[i].path, a->items[i].dv, true, arena);
        if (!id || !silt_map64_slot(map, id, strlen(id), &found)) return silt_fail_nomem(d->err);
    }
    size_t same = 0;
    for (size_t i = 0; i < b->count; i++) {
        const char *id = silt_file_identity(b->items[i].path, b->items[i].dv, true, arena);
        void **slot = id ? silt_map64_slot(map, id, strlen(id), &found) : NULL;
        if (!slot) return silt_fail_nomem(d->err);
        same += found;
    }
    if (same == a->count && same == b->count && a->size_bytes == b->size_bytes) return SILT_OK;
    *out = silt_arena_printf(d->arena,
                             "it has %zu files (%" PRId64 " bytes), the commits tell %zu (%" PRId64
                             " bytes), %zu are the same",
                             a->count, a->size_bytes, b->count, b->size_bytes, same);
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

static bool speaks_against(silt_status st)
{
    return st == SILT_CORRUPT || st == SILT_NOT_FOUND;
}

/* What the checkpoint says against `other`, a way around it; `*out` NULL: the same. */
static silt_status compare_checkpoint(silt_doctor_work *d, const silt_log_segment *segment,
                                      silt_log_segment *other, const char **out)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_log_state a, b;
    silt_log_files a_files, b_files;
    silt_log_segment bare = *segment;
    silt_error why = {0};
    if (!arena) return silt_fail_nomem(d->err);
    *out = NULL;
    bare.crc_version = -1;
    silt_status st = silt_log_checkpoint_state(d->store, d->engine, &bare, arena, &a, &why);
    if (st == SILT_OK)
        st = silt_log_files_load(d->store, d->engine, &bare, false, arena, &a_files, &why);
    if (speaks_against(st)) {
        *out = silt_arena_printf(d->arena, "it can't be read: %s", why.message);
        return *out ? SILT_OK : silt_fail_nomem(d->err);
    }
    if (st != SILT_OK) return silt_fail(d->err, st, "%s", why.message);
    if (!other) return SILT_OK;
    other->crc_version = -1;
    SILT_TRY(silt_log_state_load(d->store, d->engine, other, arena, &b, d->err));
    SILT_TRY(silt_log_files_load(d->store, d->engine, other, false, arena, &b_files, d->err));
    const char *what = compare_states(&a, &b);
    if (!what) return compare_files(d, &a_files, &b_files, arena, out);
    *out = what;
    return SILT_OK;
}

static silt_status check_checkpoint(silt_doctor_work *d, int64_t version, bool *renew)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_log_segment segment, other;
    const char *what = NULL;
    if (!arena) return silt_fail_nomem(d->err);
    silt_error why = {0};
    silt_status st = silt_log_segment_load(d->store, version, arena, &segment, &why);
    if (st == SILT_NOT_FOUND || st == SILT_CORRUPT) return SILT_OK; /* told as a gap */
    if (st != SILT_OK) return silt_fail(d->err, st, "%s", why.message);
    if (segment.checkpoint_version != version) { /* parts are missing */
        return silt_doctor_find(d,
                                &(silt_finding){.severity = SILT_FINDING_WARNING,
                                                .kind = "bad-checkpoint",
                                                .path = silt_log_checkpoint_key(d->arena, version),
                                                .what = "it isn't whole: readers pass it over",
                                                .remedy = "`silt checkpoint` writes a new one"});
    }
    bool around = silt_log_segment_other(d->store, &segment, SILT_CORRUPT, arena, &other);
    SILT_TRY(compare_checkpoint(d, &segment, around ? &other : NULL, &what));
    if (!what) return SILT_OK;
    bool fix = d->opts->fix && around;
    for (size_t i = 0; fix && i < segment.checkpoint_keys.count; i++)
        SILT_TRY(d->store->ops->remove(d->store, segment.checkpoint_keys.items[i], d->err));
    if (fix) SILT_TRY(d->store->ops->remove(d->store, SILT_LOG_HINT_KEY, d->err));
    *renew |= fix;
    return silt_doctor_find(
        d,
        &(silt_finding){.severity = SILT_FINDING_ERROR,
                        .kind = "bad-checkpoint",
                        .path = silt_arena_strdup(d->arena, segment.checkpoint_keys.items[0]),
                        .what = what,
                        .remedy = around ? "--fix deletes it, and writes a new one by the commits"
                                         : "the commits before it are gone: bring it back from "
                                           "a backup",
                        .fixed = fix});
}

/* ---- .crc */

static silt_status compare_crc(silt_doctor_work *d, silt_log_segment *segment, silt_arena *arena,
                               const silt_log_state *crc, const char **out)
{
    silt_log_state replayed;
    silt_log_files files;
    silt_error why = {0};
    segment->crc_version = -1;
    silt_status st = silt_log_state_load(d->store, d->engine, segment, arena, &replayed, &why);
    if (st == SILT_OK)
        st = silt_log_files_load(d->store, d->engine, segment, false, arena, &files, &why);
    if (speaks_against(st)) return SILT_OK; /* against the checkpoint, which was told */
    if (st != SILT_OK) return silt_fail(d->err, st, "%s", why.message);
    *out = compare_states(crc, &replayed);
    if (*out || ((crc->file_count < 0 || crc->file_count == (int64_t)files.count) &&
                 (crc->size_bytes < 0 || crc->size_bytes == files.size_bytes)))
        return SILT_OK;
    *out = silt_arena_printf(d->arena,
                             "it says %" PRId64 " files of %" PRId64 " bytes, the log has %zu of "
                             "%" PRId64,
                             crc->file_count, crc->size_bytes, files.count, files.size_bytes);
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

static silt_status check_crc(silt_doctor_work *d, int64_t version)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_log_segment segment;
    silt_log_state crc;
    bool trusted;
    const char *what = NULL;
    if (!arena) return silt_fail_nomem(d->err);
    silt_error why = {0};
    silt_status st = silt_log_segment_load(d->store, version, arena, &segment, &why);
    if (st != SILT_OK) /* a version that has expired, or a gap, which is told */
        return speaks_against(st) ? SILT_OK : silt_fail(d->err, st, "%s", why.message);
    const char *key = silt_log_crc_key(d->arena, version);
    if (!key) return silt_fail_nomem(d->err);
    SILT_TRY(silt_log_crc_load(d->store, version, arena, &trusted, &crc, d->err));
    if (!trusted)
        return silt_doctor_find(d,
                                &(silt_finding){.severity = SILT_FINDING_NOTE,
                                                .kind = "useless-crc",
                                                .path = key,
                                                .what = "it doesn't say which commit it belongs "
                                                        "to, or can't be read: Silt passes it over",
                                                .remedy = "nothing has to be done"});
    SILT_TRY(compare_crc(d, &segment, arena, &crc, &what));
    if (!what) return SILT_OK;
    if (d->opts->fix) SILT_TRY(d->store->ops->remove(d->store, key, d->err));
    return silt_doctor_find(d, &(silt_finding){.severity = SILT_FINDING_ERROR,
                                               .kind = "bad-crc",
                                               .path = key,
                                               .what = what,
                                               .remedy = "--fix deletes it",
                                               .fixed = d->opts->fix});
}

/* The newest of each kind, for that is what readers take; `deep`: all. */
static silt_status check_copies(silt_doctor_work *d, const log_listing *l, bool *renew)
{
    size_t last = l->checkpoints.count;
    for (size_t i = d->opts->deep || !last ? 0 : last - 1; i < last && !d->deaf; i++)
        SILT_TRY(check_checkpoint(d, l->checkpoints.items[i], renew));
    if (l->gaps && l->newest_checkpoint < l->missing_after) return SILT_OK;
    last = l->crcs.count;
    for (size_t i = d->opts->deep || !last ? 0 : last - 1; i < last && !d->deaf; i++)
        SILT_TRY(check_crc(d, l->crcs.items[i]));
    return SILT_OK;
}

silt_status silt_doctor_log(silt_doctor_work *d)
{
    SILT_CLEAN(log_listing) l = {.first = -1, .last = -1, .newest_checkpoint = -1};
    bool renew = false;
    SILT_TRY(d->store->ops->list(d->store, SILT_LOG_DIR, NULL, false, note_name, &l, d->err));
    if (l.failed) return silt_fail_nomem(d->err);
    if (l.last < 0 && l.newest_checkpoint < 0)
        return silt_fail(d->err, SILT_NOT_FOUND, "no Delta table at %s", d->store->uri);
    SILT_TRY(check_gaps(d, &l));
    SILT_TRY(check_hint(d, &l, &renew));
    SILT_TRY(check_copies(d, &l, &renew));
    if (l.gaps && l.newest_checkpoint < l.missing_after) return SILT_OK;
    silt_checkpoint_result written;
    return renew ? silt_checkpoint(d->store, d->engine, NULL, &written, d->err) : SILT_OK;
}
