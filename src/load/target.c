/* The loader's shared ground: targets, events, and whether to go on. */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "load/feed.h"
#include "load/history.h"
#include "load/lanes.h"
#include "load/stdin.h"
#include "load/target_sql.h"

silt_status silt_load_open_store(const silt_load *load, const char *path, silt_store **out,
                                 silt_error *err)
{
    if (load->opts.open_store)
        return load->opts.open_store(load->opts.open_store_ctx, path, out, err);
    return silt_store_open(path, NULL, out, err);
}

static silt_status open_place(silt_load *load, silt_target *t, silt_error *err)
{
    const char *path = t->table->target_path;
    if (t->table->sql_table) {
        t->ops = &silt_target_sql;
        return silt_target_sql_open(load, t, err);
    }
    return silt_load_open_store(load, path, &t->store, err);
}

silt_status silt_target_open(silt_load *load, const silt_config_table *table, silt_target *out,
                             silt_error *err)
{
    silt_target t = {.ops = &silt_target_delta,
                     .table = table,
                     .runner = load->runner,
                     .app_version = -1,
                     .version = -1,
                     .vouched = -1};
    const char *name = table->state_name ? table->state_name : table->name;
    t.app_id = NULL;
    if (strchr(name, '/')) /* of a pipeline that was renamed */
        t.app_id = strdup(name);
    else if (asprintf(&t.app_id, "%s/%s", load->config->pipeline, name) < 0)
        t.app_id = NULL;
    if (!t.app_id) return silt_fail_nomem(err);
    silt_status st = open_place(load, &t, err);
    bool raw = table->format == SILT_TARGET_PARQUET || table->format == SILT_TARGET_CSV;
    if (st == SILT_OK && raw) st = silt_target_raw_store(load, &t, t.store, err);
    if (st != SILT_OK) {
        free(t.app_id);
        return silt_wrap(err, st, "table %s", table->name);
    }
    *out = t;
    return SILT_OK;
}

silt_scd2_options silt_target_versions(const silt_config_table *table)
{
    silt_scd2_options scd2 = *table->scd2;
    scd2.close_missing |= silt_feed_deletes(table);
    return scd2;
}

void silt_target_release(silt_target *t)
{
    t->ops->release(t);
    silt_store_free(t->store);
    free(t->app_id);
    *t = (silt_target){0};
}

silt_status silt_target_follow(silt_load *load, silt_target *t, silt_error *err)
{
    return t->ops->follow ? t->ops->follow(load, t, err) : SILT_OK;
}

silt_status silt_target_refresh(silt_load *load, silt_target *t, silt_error *err)
{
    return t->ops->refresh(load, t, err);
}

silt_status silt_load_discover(silt_load *load, const silt_config_table *table, bool note,
                               int64_t *latest, silt_arena *arena, silt_found *out, silt_error *err)
{
    if (table->feed) return silt_feed_discover(load, table, note, latest, arena, out, err);
    if (table->from_stdin) return silt_stdin_discover(load, table, arena, out, err);
    const silt_discover_spec spec = {
        .patterns = table->source_paths,
        .pattern_count = table->source_path_count,
        .manifest = table->source_manifest,
        .recursive = table->recursive,
        .order = table->order,
        .settle_ms = table->settle_ms,
        .max_age_ms = table->max_age_ms,
        .marker = table->marker,
        .now_ns = silt_now_us(load->clock) * 1000,
    };
    silt_lane_leave(load);
    silt_status st = silt_discover(&spec, arena, out, err);
    silt_lane_enter(load);
    return st;
}

static void tell(silt_load *load, const char *kind, const char *json)
{
    silt_load *whole = silt_load_whole(load);
    pthread_mutex_lock(&whole->event_mutex);
    silt_run_history_event(load, kind, json);
    if (load->opts.event) load->opts.event(load->opts.event_ctx, kind, json);
    pthread_mutex_unlock(&whole->event_mutex);
}

void silt_load_event(silt_load *load, const char *kind, const char *format, ...)
{
    if (!load->opts.event && !load->history) return;
    SILT_FREE char *json = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&json, format, args);
    va_end(args);
    if (n >= 0) tell(load, kind, json); /* one that is lost for want of memory harms nothing */
}

void silt_load_sink(void *ctx, const char *kind, const char *json)
{
    tell(ctx, kind, json);
}

void silt_load_message(silt_load *load, const char *level, const char *format, ...)
{
    if (!load->opts.event && !load->history) return;
    SILT_FREE char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    if (n < 0) return;
    SILT_CLEAN(silt_buf) json = {0};
    silt_json_writer w = silt_json_writer_of(&json);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "level", level);
    silt_json_member_string(&w, "text", text);
    silt_json_end_object(&w);
    if (!json.failed) tell(load, "message", json.data);
}

silt_status silt_load_renew(silt_load *load, silt_error *err)
{
    silt_load *whole = silt_load_whole(load);
    pthread_mutex_lock(&whole->lock_mutex);
    silt_status st = whole->lock ? silt_lock_renew(whole->lock, err) : SILT_OK;
    pthread_mutex_unlock(&whole->lock_mutex);
    return st;
}

silt_status silt_load_check(silt_load *load, silt_error *err)
{
    if (atomic_load(&silt_load_whole(load)->cancelled))
        return silt_fail(err, SILT_INTERRUPTED, "interrupted");
    return silt_load_renew(load, err);
}

silt_status silt_target_columns(silt_load *load, silt_target *target, silt_arena *arena,
                                const silt_type **out, silt_error *err)
{
    (void)load, (void)arena, (void)err;
    *out = target->there ? silt_snapshot_schema(target->snapshot) : NULL;
    return SILT_OK;
}

const char *silt_target_type_name(const silt_target *target, const silt_type *type,
                                  silt_arena *arena)
{
    (void)target;
    return silt_type_name(type, arena);
}

silt_status silt_load_track(silt_load *load, const silt_tracker_change *change, silt_error *err)
{
    if (load->whole && load->tracker_seen != silt_tracker_reloads(load->tracker))
        return silt_fail(err, SILT_CONFLICT, "the tracker was changed by another process");
    load->tracker_commits++;
    return silt_tracker_commit(load->tracker, change, err);
}

int64_t silt_load_tracker_state(const silt_load *load)
{
    return load->tracker_seen + load->tracker_commits;
}

void silt_load_resume(silt_load *load)
{
    silt_engine_resume(load->engine);
    if (load->whole) silt_engine_resume(load->whole->engine); /* the tracker's */
}
