/* Which versions a range of changes means. */
#include "base/seam.h"
#include "table/changes.h"

/* ---- one end */

static void format_ms(int64_t ms, char out[SILT_TIME_SIZE])
{
    int64_t us;
    if (__builtin_mul_overflow(ms, 1000, &us)) us = ms < 0 ? INT64_MIN : INT64_MAX;
    silt_time_format(us, out);
}

static silt_status fail_after_last(silt_store *store, int64_t asked_ms, int64_t last,
                                   int64_t last_ms, const char *instead, silt_error *err)
{
    char asked[SILT_TIME_SIZE], made[SILT_TIME_SIZE];
    format_ms(asked_ms, asked);
    format_ms(last_ms, made);
    silt_fail(err, SILT_INVALID,
              "%s: changes: %s is after the last commit, version %" PRId64 " of %s", store->uri,
              asked, last, made);
    return silt_hint(err, SILT_INVALID, "give a time up to %s, or %s", made, instead);
}

/* The first commit at or after a time. Behind the last one: the version that would come next. */
static silt_status round_up(silt_store *store, silt_engine *engine, int64_t ms, bool allow,
                            int64_t *out, silt_error *err)
{
    int64_t made_ms, last;
    silt_status st = silt_table_version_at(store, engine, ms, true, out, &made_ms, err);
    if (st != SILT_NOT_FOUND) return st;
    silt_error ignored;
    if (silt_table_version_at(store, engine, INT64_MAX, false, &last, &made_ms, &ignored) !=
            SILT_OK ||
        made_ms >= ms)
        return st;
    if (!allow)
        return fail_after_last(store, ms, last, made_ms,
                               "ask with --allow-out-of-range, which gives no rows", err);
    *out = last + 1;
    if (err) *err = (silt_error){0};
    return SILT_OK;
}

/* The last commit at or before a time. */
static silt_status round_down(silt_store *store, silt_engine *engine, int64_t ms, int64_t latest,
                              bool allow, int64_t *out, silt_error *err)
{
    int64_t made_ms;
    SILT_TRY(silt_table_version_at(store, engine, ms, false, out, &made_ms, err));
    if (*out < latest || made_ms == ms || allow) return SILT_OK;
    return fail_after_last(store, ms, *out, made_ms, "none, or ask with --allow-out-of-range", err);
}

/* ---- both */

static silt_status check_ends(const silt_changes_options *opts, silt_error *err)
{
    bool from_time = opts->from_timestamp_ms != INT64_MIN;
    bool to_time = opts->to_timestamp_ms != INT64_MIN;
    if (opts->from_version < -1 || opts->to_version < -1)
        return silt_fail(err, SILT_INVALID, "changes: version %" PRId64 ": versions start at 0",
                         opts->from_version < -1 ? opts->from_version : opts->to_version);
    if (from_time == (opts->from_version >= 0))
        return silt_fail(err, SILT_INVALID, "changes: a version or a time is to start from, %s",
                         from_time ? "not both" : "neither is given");
    if (to_time && opts->to_version >= 0)
        return silt_fail(err, SILT_INVALID, "changes: a version or a time is to end at, not both");
    if (from_time && to_time && opts->to_timestamp_ms < opts->from_timestamp_ms)
        return silt_fail(err, SILT_INVALID, "changes: the range ends before it starts");
    return SILT_OK;
}

static silt_status find_ends(silt_store *store, silt_engine *engine,
                             const silt_changes_options *opts, silt_changes_range *r,
                             silt_error *err)
{
    bool allow = opts->allow_out_of_range;
    r->from = opts->from_version;
    r->to = opts->to_version < 0 ? r->latest : opts->to_version;
    if (opts->from_timestamp_ms != INT64_MIN && opts->net)
        SILT_TRY(
            round_down(store, engine, opts->from_timestamp_ms, r->latest, allow, &r->from, err));
    else if (opts->from_timestamp_ms != INT64_MIN)
        SILT_TRY(round_up(store, engine, opts->from_timestamp_ms, allow, &r->from, err));
    if (opts->to_timestamp_ms != INT64_MIN)
        SILT_TRY(round_down(store, engine, opts->to_timestamp_ms, r->latest, allow, &r->to, err));
    return SILT_OK;
}

silt_status silt_changes_range_of(silt_store *store, silt_engine *engine, int64_t latest,
                                  const silt_changes_options *opts, silt_changes_range *out,
                                  silt_error *err)
{
    silt_changes_range r = {.latest = latest};
    SILT_TRY(check_ends(opts, err));
    SILT_TRY(find_ends(store, engine, opts, &r, err));
    bool timed = opts->from_timestamp_ms != INT64_MIN && opts->to_timestamp_ms != INT64_MIN;
    if (r.from > latest) {
        if (!opts->allow_out_of_range) {
            silt_fail(err, SILT_INVALID,
                      "%s: changes from version %" PRId64 ": the latest is %" PRId64, store->uri,
                      r.from, latest);
            return silt_hint(err, SILT_INVALID,
                             "--allow-out-of-range gives no rows instead of an error");
        }
        r.empty = true;
    } else if (timed && r.to == r.from - 1) {
        r.empty = true; /* both lie between two commits */
    } else if (r.to < r.from) {
        return silt_fail(err, SILT_INVALID,
                         "%s: changes from version %" PRId64 " to %" PRId64
                         ": the range ends before it starts",
                         store->uri, r.from, r.to);
    }
    if (r.to > latest) r.to = latest;
    if (r.empty) r.from = r.to = latest;
    *out = r;
    return SILT_OK;
}
