/* When commits were made, and which one stands at a time. */
#include "base/seam.h"
#include "table/snapshot.h"

/* What the log says about the times of its commits. */
typedef struct commit_times {
    silt_store *store;
    silt_arena *arena;
    int64_t first, last;    /* the commits that stand; last < first: none */
    const int64_t *file_ms; /* by version - first, growing */
    int64_t in_commit_from; /* from this version on the commits say it; INT64_MAX: none does */
    int64_t in_commit_ms;   /* when that version was made; INT64_MIN: all are as new */
} commit_times;

bool silt_time_parse_ms(const char *text, int64_t *ms)
{
    int64_t us;
    if (!silt_time_parse_utc(text, &us)) return false;
    *ms = us / 1000 - (us % 1000 < 0);
    return true;
}

static silt_status load(silt_store *store, silt_engine *engine, silt_arena *arena,
                        commit_times *out, silt_error *err)
{
    *out = (commit_times){.store = store, .arena = arena, .in_commit_from = INT64_MAX};
    SILT_TRY(silt_log_commit_times(store, arena, &out->first, &out->last, &out->file_ms, err));
    silt_log_segment segment;
    silt_log_state state;
    SILT_TRY(silt_log_segment_load(store, SILT_LATEST, arena, &segment, err));
    silt_status st = silt_log_state_load(store, engine, &segment, arena, &state, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", store->uri);
    silt_log_in_commit_start(&state, &out->in_commit_from, &out->in_commit_ms);
    return SILT_OK;
}

static silt_status time_of(const commit_times *t, int64_t version, int64_t *ms, silt_error *err)
{
    if (version < t->in_commit_from) {
        *ms = t->file_ms[version - t->first];
        return SILT_OK;
    }
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_commit_info info;
    if (!scratch) return silt_fail_nomem(err);
    silt_status st = silt_log_commit_info(t->store, version, scratch, &info, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", t->store->uri);
    if (info.in_commit_timestamp_ms < 0)
        return silt_fail(err, SILT_CORRUPT,
                         "%s: commit %" PRId64 " has no inCommitTimestamp, which the table's "
                         "properties promise from version %" PRId64 " on",
                         t->store->uri, version, t->in_commit_from);
    *ms = info.in_commit_timestamp_ms;
    return SILT_OK;
}

/* How many of the `count` commits from `from` on were made before `ms`. */
static silt_status count_before(const commit_times *t, int64_t from, int64_t count, int64_t ms,
                                int64_t *out, silt_error *err)
{
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2, made_ms;
        SILT_TRY(time_of(t, from + middle, &made_ms, err));
        if (made_ms < ms)
            low = middle + 1;
        else
            high = middle;
    }
    *out = low;
    return SILT_OK;
}

static void format_ms(int64_t ms, char out[SILT_TIME_SIZE])
{
    int64_t us;
    if (__builtin_mul_overflow(ms, 1000, &us)) us = ms < 0 ? INT64_MIN : INT64_MAX;
    silt_time_format(us, out);
}

static silt_status fail_outside(const commit_times *t, int64_t ms, bool after, silt_error *err)
{
    char asked[SILT_TIME_SIZE], made[SILT_TIME_SIZE];
    int64_t version = after ? t->last : t->first, made_ms;
    if (t->last < t->first)
        return silt_fail(err, SILT_NOT_FOUND, "%s: no commit is left that would say its time",
                         t->store->uri);
    SILT_TRY(time_of(t, version, &made_ms, err));
    format_ms(ms, asked);
    format_ms(made_ms, made);
    silt_fail(err, SILT_NOT_FOUND, "%s: %s is %s: version %" PRId64 " of %s", t->store->uri, asked,
              after ? "after the last commit" : "before the first commit that is still there",
              version, made);
    return silt_hint(err, SILT_NOT_FOUND,
                     "times are those of commits in UTC; `silt history` lists "
                     "them");
}

silt_status silt_table_version_at(silt_store *store, silt_engine *engine, int64_t timestamp_ms,
                                  bool round_up, int64_t *version, int64_t *version_timestamp_ms,
                                  silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    commit_times t;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(load(store, engine, scratch, &t, err));

    /* Files' times and in-commit timestamps needn't be one order: only one kind is asked. */
    int64_t from = t.first, to = t.last, before;
    bool in_commit = t.in_commit_from <= t.last && timestamp_ms >= t.in_commit_ms;
    if (in_commit && t.in_commit_from > from) from = t.in_commit_from;
    if (!in_commit && t.in_commit_from <= to) to = t.in_commit_from - 1;
    /* "at or before" is "before the next millisecond" */
    int64_t limit = round_up || timestamp_ms == INT64_MAX ? timestamp_ms : timestamp_ms + 1;
    SILT_TRY(count_before(&t, from, to >= from ? to - from + 1 : 0, limit, &before, err));
    int64_t found = round_up ? from + before : from + before - 1;
    if (found < t.first || found > t.last || (!round_up && before == 0))
        return fail_outside(&t, timestamp_ms, round_up, err);
    int64_t made_ms;
    SILT_TRY(time_of(&t, found, &made_ms, err));
    *version = found;
    *version_timestamp_ms = made_ms;
    return SILT_OK;
}

silt_status silt_table_commit_times(silt_store *store, silt_engine *engine, int64_t from,
                                    int64_t to, silt_arena *arena, const int64_t **ms,
                                    silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    commit_times t;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(load(store, engine, scratch, &t, err));
    if (from < t.first || to > t.last)
        return silt_fail(err, SILT_NOT_FOUND,
                         "%s: commit %" PRId64 " isn't there: there are %" PRId64 " to %" PRId64,
                         store->uri, from < t.first ? from : to, t.first, t.last);
    int64_t *times =
        silt_arena_calloc(arena, to >= from ? (size_t)(to - from + 1) : 0, sizeof(*times));
    if (!times) return silt_fail_nomem(err);
    for (int64_t version = from; version <= to; version++)
        SILT_TRY(time_of(&t, version, &times[version - from], err));
    *ms = times;
    return SILT_OK;
}
