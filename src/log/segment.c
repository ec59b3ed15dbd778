/* What lies in _delta_log/, and which of it adds up to a version.
 *
 * Keys come in byte order, which is that of their versions.
 *
 * Log compaction files (x.y.compacted.json) are never read. Readers may leave them alone, and there
 * is no log that they would help with: a cleanup removes them no later than the commits they cover
 * ("Metadata Cleanup", step 3), so as long as one stands its commits do, which say more (what
 * happened in between, commitInfo, change data) and are what the table is. Where a commit is
 * missing all the same the log is damaged, and whether a compacted file says what the commit did
 * can't be told: that is a gap, and an error.
 * @see PROTOCOL.md, "Log Compaction Files", "Checkpoint Naming Scheme", "Metadata Cleanup" */
#include "log/log.h"

#include "base/json.h"
#include "log/name.h"

#define LIST_TRIES 3

/* ---- the listing */

typedef struct entry {
    silt_log_name_kind kind;
    int64_t version;
    int64_t part, parts; /* CHECKPOINT_PART */
    int64_t mtime_ms, size_bytes;
    const char *key; /* checkpoints only */
} entry;

typedef SILT_VEC(entry) entries;

typedef struct listing {
    silt_arena *arena; /* for keys */
    int64_t up_to;     /* later versions are left out; -1: none are */
    entries commits, checkpoints;
    int64_t crc_version;
    bool failed;
} listing;

static void listing_release(listing *l)
{
    silt_vec_free(&l->commits);
    silt_vec_free(&l->checkpoints);
}

static bool list_one(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    silt_log_name name;
    silt_log_name_parse(object->key + strlen(SILT_LOG_DIR), &name);
    entry e = {.kind = name.kind,
               .version = name.version,
               .part = name.part,
               .parts = name.parts,
               .mtime_ms = object->mtime_ns / 1000000,
               .size_bytes = object->size_bytes};
    if (e.kind == SILT_NAME_FOREIGN || e.kind == SILT_NAME_COMPACTED) return true;
    if (l->up_to >= 0 && e.version > l->up_to) return false;

    switch (e.kind) {
    case SILT_NAME_COMMIT:
        l->failed = !silt_vec_push(&l->commits, e);
        break;
    case SILT_NAME_CRC:
        l->crc_version = e.version;
        break;
    case SILT_NAME_CHECKPOINT:
    case SILT_NAME_CHECKPOINT_PART:
    case SILT_NAME_CHECKPOINT_V2:
        e.key = silt_arena_strdup(l->arena, object->key);
        l->failed = !e.key || !silt_vec_push(&l->checkpoints, e);
        break;
    case SILT_NAME_COMPACTED:
    case SILT_NAME_FOREIGN:
        break;
    }
    return !l->failed;
}

static silt_status list_from(silt_store *store, const char *start_after, int64_t up_to,
                             silt_arena *arena, listing *out, silt_error *err)
{
    *out = (listing){.arena = arena, .up_to = up_to, .crc_version = -1};
    SILT_TRY(store->ops->list(store, SILT_LOG_DIR, start_after, false, list_one, out, err));
    return out->failed ? silt_fail_nomem(err) : SILT_OK;
}

/* ---- checkpoints */

typedef struct checkpoint {
    int64_t version; /* -1: none */
    int64_t mtime_ms;
    silt_names keys;
} checkpoint;

/* How many parts of a set of `parts` lie among the entries of a version; their keys into `keys`. */
static size_t find_parts(const entry *from, size_t count, int64_t parts, const char **keys)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (from[i].kind == SILT_NAME_CHECKPOINT_PART && from[i].parts == parts)
            keys[found++] = from[i].key; /* in order: they are listed by their part numbers */
    return found;
}

/* The checkpoints of one version. */
typedef struct choice {
    checkpoint *items;
    size_t count;
} choice;

static silt_status add_choice(choice *all, const entry *first, size_t key_count, const char **keys,
                              silt_arena *arena, silt_error *err)
{
    const char **kept = silt_arena_calloc(arena, key_count, sizeof(*kept));
    if (!kept) return silt_fail_nomem(err);
    memcpy(kept, keys, key_count * sizeof(*kept));
    all->items[all->count++] = (checkpoint){first->version, first->mtime_ms, {kept, key_count}};
    return SILT_OK;
}

static silt_status add_singles(const entry *from, size_t count, silt_log_name_kind kind,
                               silt_arena *arena, choice *all, silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *key = from[i].key;
        if (from[i].kind == kind) SILT_TRY(add_choice(all, &from[i], 1, &key, arena, err));
    }
    return SILT_OK;
}

/* The whole checkpoints among the entries of one version, those first that take the fewest reads: a
 * single file, one with a UUID in its name, sets of parts. All say the same. */
static silt_status list_choices(const entry *from, size_t count, silt_arena *arena, choice *all,
                                silt_error *err)
{
    const char **keys = silt_arena_calloc(arena, count, sizeof(*keys));
    *all = (choice){silt_arena_calloc(arena, count, sizeof(*all->items)), 0};
    if (!keys || !all->items) return silt_fail_nomem(err);
    SILT_TRY(add_singles(from, count, SILT_NAME_CHECKPOINT, arena, all, err));
    SILT_TRY(add_singles(from, count, SILT_NAME_CHECKPOINT_V2, arena, all, err));
    for (size_t i = 0; i < count; i++) {
        if (from[i].kind != SILT_NAME_CHECKPOINT_PART || from[i].part != 1) continue;
        size_t found = find_parts(from, count, from[i].parts, keys);
        if (found != (uint64_t)from[i].parts) continue;
        SILT_TRY(add_choice(all, &from[i], found, keys, arena, err));
    }
    return SILT_OK;
}

/* The entries of one version that end before `end`: where they start. */
static size_t start_of_version(const listing *l, size_t end)
{
    const entry *items = l->checkpoints.items;
    size_t start = end - 1;
    while (start > 0 && items[start - 1].version == items[end - 1].version)
        start--;
    return start;
}

static bool is_checkpoint_of(const checkpoint *c, const silt_log_segment *segment)
{
    return strcmp(c->keys.items[0], segment->checkpoint_keys.items[0]) == 0;
}

/* The newest whole checkpoint; with `failed` the first one after that segment's, in the same order.
 * out->version -1 where there is none. */
static silt_status newest_checkpoint(const listing *l, const silt_log_segment *failed,
                                     silt_arena *arena, checkpoint *out, silt_error *err)
{
    *out = (checkpoint){.version = -1};
    for (size_t end = l->checkpoints.count, start; end > 0 && out->version < 0; end = start) {
        choice all;
        size_t next = 0;
        start = start_of_version(l, end);
        const entry *items = l->checkpoints.items + start;
        if (failed && items->version > failed->checkpoint_version) continue;
        SILT_TRY(list_choices(items, end - start, arena, &all, err));
        for (size_t i = 0; failed && i < all.count; i++)
            if (is_checkpoint_of(&all.items[i], failed)) next = i + 1;
        if (next < all.count) *out = all.items[next];
    }
    return SILT_OK;
}

/* ---- putting them together */

/* No commit `missing`, but one after it. */
static silt_status fail_gap(silt_store *store, int64_t missing, int64_t next, silt_error *err)
{
    silt_fail(err, SILT_CORRUPT,
              "%s: the log has a gap: commit %" PRId64 " is missing, %" PRId64 " is there",
              store->uri, missing, next);
    return silt_hint(err, SILT_CORRUPT,
                     "bring back " SILT_LOG_DIR "%020" PRId64 ".json, or a checkpoint of that "
                     "version or a later one",
                     missing);
}

/* The commits after the checkpoint, which have to follow one another from `first` on. */
static silt_status take_commits(silt_store *store, const listing *l, int64_t first,
                                silt_arena *arena, silt_log_segment *out, silt_error *err)
{
    const entry *items = l->commits.items;
    size_t from = 0, count = l->commits.count;
    while (from < count && items[from].version < first)
        from++;
    int64_t *mtimes = silt_arena_calloc(arena, count - from, sizeof(*mtimes));
    int64_t *sizes = silt_arena_calloc(arena, count - from, sizeof(*sizes));
    if (!mtimes || !sizes) return silt_fail_nomem(err);
    for (size_t i = from; i < count; i++) {
        int64_t expected = first + (int64_t)(i - from);
        if (items[i].version != expected) return fail_gap(store, expected, items[i].version, err);
        mtimes[i - from] = items[i].mtime_ms;
        sizes[i - from] = items[i].size_bytes;
    }
    out->first_commit = first;
    out->version = first + (int64_t)(count - from) - 1;
    out->commit_mtimes_ms = mtimes;
    out->commit_sizes = sizes;
    return SILT_OK;
}

/* When the commit `version` was written; its checkpoint tells where the commit itself is gone. */
static int64_t mtime_of(const listing *l, int64_t version, const checkpoint *c)
{
    for (size_t i = l->commits.count; i-- > 0;)
        if (l->commits.items[i].version == version) return l->commits.items[i].mtime_ms;
    return c->mtime_ms;
}

/* Which versions could be read; `*first` > `*last` where none can. */
static silt_status available(silt_store *store, silt_arena *arena, int64_t *first, int64_t *last,
                             silt_error *err)
{
    __attribute__((cleanup(listing_release))) listing l = {0};
    SILT_TRY(list_from(store, NULL, -1, arena, &l, err));
    *first = 0;
    *last = -1;
    bool from_zero = l.commits.count && l.commits.items[0].version == 0;
    if (l.commits.count) *last = l.commits.items[l.commits.count - 1].version;
    for (size_t end = l.checkpoints.count, start; end > 0; end = start) {
        choice all;
        start = start_of_version(&l, end);
        int64_t version = l.checkpoints.items[start].version;
        SILT_TRY(list_choices(l.checkpoints.items + start, end - start, arena, &all, err));
        if (all.count == 0) continue;
        if (!from_zero) *first = version; /* the oldest one stays */
        if (version > *last) *last = version;
    }
    return SILT_OK;
}

static silt_status fail_version(silt_store *store, int64_t version, silt_arena *arena,
                                silt_error *err)
{
    int64_t first, last;
    SILT_TRY(available(store, arena, &first, &last, err));
    if (first > last) return silt_fail(err, SILT_NOT_FOUND, "no Delta table at %s", store->uri);
    return silt_fail(err, SILT_NOT_FOUND,
                     "%s has no version %" PRId64 ": there are %" PRId64 " to %" PRId64, store->uri,
                     version, first, last);
}

typedef enum outcome {
    FOUND,
    NO_START,  /* neither commit 0 nor a checkpoint */
    NO_VERSION /* the commits don't reach it */
} outcome;

/* What the listing adds up to, without the checkpoint of `failed` (may be NULL) and newer ones. One
 * that isn't whole may have no start though there is one. */
static silt_status assemble(silt_store *store, const listing *l, int64_t version,
                            const silt_log_segment *failed, silt_arena *arena, outcome *how,
                            silt_log_segment *out, silt_error *err)
{
    checkpoint c;
    *how = NO_START;
    SILT_TRY(newest_checkpoint(l, failed, arena, &c, err));
    silt_log_segment segment = {.checkpoint_version = c.version, .checkpoint_keys = c.keys};
    segment.crc_version = l->crc_version;
    bool from_zero = l->commits.count && l->commits.items[0].version == 0;
    if (c.version < 0 && !from_zero) return SILT_OK;
    SILT_TRY(take_commits(store, l, c.version + 1, arena, &segment, err));
    *how = NO_VERSION;
    if (version >= 0 && segment.version != version) return SILT_OK;
    if (segment.crc_version > segment.version) segment.crc_version = -1;
    segment.mtime_ms = mtime_of(l, segment.version, &c);
    *out = segment;
    *how = FOUND;
    return SILT_OK;
}

/* ---- the hint */

/* The version that _last_checkpoint names; -1 where it says nothing that could be true. Never an
 * error: the hint only saves listing. */
static int64_t read_hint(silt_store *store, silt_arena *arena)
{
    silt_bytes text = {0};
    const silt_json *json = NULL;
    silt_error ignored = {0};
    if (store->ops->get(store, SILT_LOG_HINT_KEY, 0, -1, arena, &text, &ignored) != SILT_OK)
        return -1;
    if (silt_json_parse(text, arena, &json, &ignored) != SILT_OK) return -1;
    return silt_json_int(silt_json_get(json, "version"), -1);
}

int64_t silt_log_hint_version(silt_store *store)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return -1;
    int64_t version = read_hint(store, scratch);
    return version < -1 ? -1 : version;
}

/* From the checkpoint that the hint names, where there is one and it leads to the version. */
static silt_status load_by_hint(silt_store *store, int64_t version, silt_arena *arena, bool *found,
                                silt_log_segment *out, silt_error *err)
{
    *found = false;
    int64_t hint = silt_log_hint_version(store);
    if (hint < 0 || (version >= 0 && hint > version)) return SILT_OK;
    const char *start = silt_arena_printf(arena, SILT_LOG_DIR "%020" PRId64, hint);
    if (!start) return silt_fail_nomem(err);
    __attribute__((cleanup(listing_release))) listing l = {0};
    SILT_TRY(list_from(store, start, version, arena, &l, err));
    outcome how;
    SILT_TRY(assemble(store, &l, version, NULL, arena, &how, out, err));
    *found = how == FOUND;
    return SILT_OK;
}

static silt_status load_by_listing(silt_store *store, int64_t version, silt_arena *arena,
                                   silt_log_segment *out, silt_error *err)
{
    __attribute__((cleanup(listing_release))) listing l = {0};
    SILT_TRY(list_from(store, NULL, version, arena, &l, err));
    outcome how;
    SILT_TRY(assemble(store, &l, version, NULL, arena, &how, out, err));
    if (how == FOUND) return SILT_OK;
    if (version >= 0) return fail_version(store, version, arena, err);
    if (l.commits.count == 0)
        return silt_fail(err, SILT_NOT_FOUND, "no Delta table at %s", store->uri);
    return fail_gap(store, 0, l.commits.items[0].version, err);
}

silt_status silt_log_segment_load(silt_store *store, int64_t version, silt_arena *arena,
                                  silt_log_segment *out, silt_error *err)
{
    silt_status st = SILT_FAILED;
    for (int i = 0; i < LIST_TRIES; i++) {
        bool found;
        st = load_by_hint(store, version, arena, &found, out, err);
        if (st == SILT_OK && found) return SILT_OK;
        if (st == SILT_OK || st == SILT_CORRUPT)
            st = load_by_listing(store, version, arena, out, err);
        /* A folder is read while others write to it: the newer of two commits may be seen alone. */
        if (st != SILT_CORRUPT) return st;
    }
    return st;
}

bool silt_log_segment_other(silt_store *store, const silt_log_segment *failed, silt_status why,
                            silt_arena *arena, silt_log_segment *out)
{
    if (failed->checkpoint_version < 0 || (why != SILT_CORRUPT && why != SILT_NOT_FOUND))
        return false;
    __attribute__((cleanup(listing_release))) listing l = {0};
    outcome how;
    return list_from(store, NULL, failed->version, arena, &l, NULL) == SILT_OK &&
           assemble(store, &l, failed->version, failed, arena, &how, out, NULL) == SILT_OK &&
           how == FOUND;
}

/* ---- times */

silt_status silt_log_commit_times(silt_store *store, silt_arena *arena, int64_t *first,
                                  int64_t *last, const int64_t **ms, silt_error *err)
{
    __attribute__((cleanup(listing_release))) listing l = {0};
    SILT_TRY(list_from(store, NULL, -1, arena, &l, err));
    const entry *items = l.commits.items;
    size_t count = l.commits.count, from = count;
    while (from > 0 && (from == count || items[from - 1].version + 1 == items[from].version))
        from--;
    int64_t *times = silt_arena_calloc(arena, count - from, sizeof(*times));
    if (!times) return silt_fail_nomem(err);
    for (size_t i = 0; i < count - from; i++) {
        times[i] = items[from + i].mtime_ms;
        if (i > 0 && times[i] <= times[i - 1]) times[i] = times[i - 1] + 1;
    }
    *first = count ? items[from].version : 0;
    *last = count ? items[count - 1].version : -1;
    *ms = times;
    return SILT_OK;
}
