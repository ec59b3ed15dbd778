/* The bundle of a run: `runs-bundles/<run id>/manifest.json` and `events.ndjson` under the
 * checkpoint path. Exported from what the table of runs has, for people and programs that want
 * files.
 * @see docs/run-manifest.schema.json */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "load/history.h"
#include "load/run_log.h"
#include "load/secrets.h"

#define MANIFEST_VERSION 1

static const char *key_of(const char *run_id, const char *name, silt_arena *arena)
{
    return silt_arena_printf(arena, SILT_BUNDLES_DIR "/%s/%s", run_id, name);
}

static silt_status put(silt_load *load, const char *run_id, const char *name, silt_bytes text,
                       silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_buf) clean = {0};
    const char *key = scratch ? key_of(run_id, name, scratch) : NULL;
    silt_secrets_mask(load->config, text, &clean);
    if (!key || clean.failed) return silt_fail_nomem(err);
    return load->state->ops->put(load->state, key, silt_buf_bytes(&clean), err);
}

void silt_bundle_flush(silt_run_history *h)
{
    silt_error ignored = {0}; /* at the end they are put once more, and a failure is told */
    h->flushed_us = silt_now_us(h->load->clock);
    if (!h->events.failed)
        (void)put(h->load, h->load->run_id, "events.ndjson", silt_buf_bytes(&h->events), &ignored);
}

/* ---- the manifest */

static void put_option_names(silt_json_writer *w, const silt_config *config)
{
    silt_json_key(w, "connections");
    silt_json_begin_array(w);
    for (size_t i = 0; i < config->connection_count; i++) {
        const silt_config_connection *c = &config->connections[i];
        silt_json_begin_object(w);
        silt_json_member_string(w, "name", c->name);
        silt_json_member_string(w, "path", c->path);
        silt_json_key(w, "storage_options");
        silt_json_begin_array(w);
        for (size_t k = 0; k < c->storage_options.count; k++)
            silt_json_put_string(w, c->storage_options.items[k].key);
        silt_json_end_array(w);
        silt_json_end_object(w);
    }
    silt_json_end_array(w);
}

static void put_batch(silt_json_writer *w, const silt_run_history_batch *b)
{
    silt_json_begin_object(w);
    silt_json_member_int(w, "batch_id", b->number);
    silt_json_member_string(w, "attempt_id", b->attempt);
    silt_json_member_string(w, "outcome", silt_run_outcome_name(b->outcome));
    silt_run_put_version(w, "version", b->version);
    silt_json_member_int(w, "files", b->files);
    silt_run_put_version(w, "rows", b->rows);
    silt_run_put_version(w, "commit_attempts", b->tries);
    silt_run_put_time(w, "started_at", b->started_us);
    silt_run_put_time(w, "ended_at", b->ended_us);
    silt_json_member_string(w, "error", b->error);
    silt_json_end_object(w);
}

static void put_report(silt_json_writer *w, const silt_run_history *h, const silt_run_table *t)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "dataset", t->table_name);
    silt_json_member_int(w, "rows", t->rows);
    silt_json_member_int(w, "files", t->files_processed);
    silt_run_put_version(w, "version", t->version);
    silt_json_key(w, "history");
    silt_json_begin_array(w);
    for (size_t i = 0; h && i < h->batches.count; i++)
        if (silt_streq(h->batches.items[i].table->name, t->table_name))
            put_batch(w, &h->batches.items[i]);
    silt_json_end_array(w);
    silt_json_end_object(w);
}

static bool was_tried(const silt_run_history *h, const silt_run_table *t)
{
    bool tried = t->batches;
    for (size_t i = 0; h && !tried && i < h->batches.count; i++)
        tried = silt_streq(h->batches.items[i].table->name, t->table_name);
    return tried;
}

static void put_step(silt_json_writer *w, const char *table, const silt_maintain_step *s)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "dataset", table);
    silt_json_member_string(w, "step", s->name);
    silt_json_member_int(w, "files_removed", s->files_removed);
    silt_json_member_int(w, "files_added", s->files_added);
    silt_json_member_int(w, "bytes_removed", s->bytes_removed);
    silt_json_member_int(w, "bytes_added", s->bytes_added);
    silt_json_member_string(w, "problem",
                            s->problem == SILT_OK ? NULL : silt_status_name(s->problem));
    silt_json_member_string(w, "message", s->message);
    silt_json_end_object(w);
}

static void put_maintenance(silt_json_writer *w, const silt_maintain_report *report)
{
    silt_json_key(w, "maintenance");
    silt_json_begin_array(w);
    for (size_t i = 0; report && i < report->table_count; i++)
        for (size_t s = 0; s < report->tables[i].step_count; s++)
            put_step(w, report->tables[i].table_name, &report->tables[i].steps[s]);
    silt_json_end_array(w);
}

/* `h` NULL: of a run that didn't end. */
static void put_manifest(silt_json_writer *w, const silt_load *load, const silt_run_history *h,
                         const silt_run_record *r, const silt_maintain_report *maintained)
{
    silt_json_begin_object(w);
    silt_json_member_int(w, "manifest_version", MANIFEST_VERSION);
    silt_json_member_string(w, "silt_version", silt_version());
    silt_run_history_put_members(w, r);
    put_option_names(w, load->config);
    silt_json_key(w, "datasets");
    silt_json_begin_array(w);
    for (size_t i = 0; h && i < h->datasets.count; i++)
        silt_json_put_raw(w, h->datasets.items[i]);
    silt_json_end_array(w);
    silt_json_key(w, "materialization_reports");
    silt_json_begin_array(w);
    for (size_t i = 0; !maintained && i < r->table_count; i++)
        if (was_tried(h, &r->tables[i])) put_report(w, h, &r->tables[i]);
    silt_json_end_array(w);
    put_maintenance(w, maintained);
    silt_json_key(w, "events");
    silt_json_begin_object(w);
    silt_run_put_version(w, "count", h ? h->event_count : -1);
    silt_run_put_version(w, "dropped", h ? h->events_dropped : -1);
    silt_json_end_object(w);
    silt_json_end_object(w);
    silt_buf_putc(w->buf, '\n');
}

static silt_status write_manifest(silt_load *load, const silt_run_history *h,
                                  const silt_run_record *r, const silt_maintain_report *maintained,
                                  silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_json_writer w = silt_json_writer_of(&text);
    put_manifest(&w, load, h, r, maintained);
    if (text.failed) return silt_fail_nomem(err);
    return put(load, r->id, "manifest.json", silt_buf_bytes(&text), err);
}

/* ---- how many are kept */

typedef struct bundle {
    const char *run_id;
    int64_t mtime_ns;
} bundle;

typedef struct listing {
    silt_arena *arena;
    SILT_VEC(bundle) items; /* by id, as a store lists them */
    bool no_memory;
} listing;

static void listing_release(listing *l)
{
    silt_vec_free(&l->items);
    silt_arena_free(l->arena);
}

static bool note_bundle(void *ctx, const silt_object *object)
{
    listing *l = ctx;
    const char *id = object->key + strlen(SILT_BUNDLES_DIR "/");
    const char *slash = strchr(id, '/');
    if (!slash) return true;
    bundle *last = l->items.count ? &l->items.items[l->items.count - 1] : NULL;
    size_t size = (size_t)(slash - id);
    if (!last || strlen(last->run_id) != size || memcmp(last->run_id, id, size) != 0) {
        const bundle b = {silt_arena_strndup(l->arena, id, size), 0};
        l->no_memory = !b.run_id || !silt_vec_push(&l->items, b);
        if (l->no_memory) return false;
        last = &l->items.items[l->items.count - 1];
    }
    if (object->mtime_ns > last->mtime_ns) last->mtime_ns = object->mtime_ns;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const bundle *left = a, *right = b;
    if (left->mtime_ns != right->mtime_ns) return left->mtime_ns > right->mtime_ns ? -1 : 1;
    return strcmp(left->run_id, right->run_id);
}

static silt_status delete_bundle(silt_store *store, const char *run_id, silt_arena *arena,
                                 silt_error *err)
{
    static const char *const names[] = {"manifest.json", "events.ndjson"};
    for (size_t n = 0; n < SILT_COUNT(names); n++) {
        const char *key = key_of(run_id, names[n], arena);
        if (!key) return silt_fail_nomem(err);
        silt_status st = store->ops->remove(store, key, err);
        if (st != SILT_OK && st != SILT_NOT_FOUND) return st;
    }
    const char *key = silt_arena_printf(arena, SILT_BUNDLES_DIR "/%s", run_id);
    const char *folder = key ? silt_store_local_path(store, key, arena) : NULL;
    if (folder) (void)rmdir(folder); /* somebody else's files keep it */
    return SILT_OK;
}

static silt_status delete_oldest(silt_load *load, silt_error *err)
{
    SILT_CLEAN(listing) l = {.arena = silt_arena_new()};
    silt_store *store = load->state;
    if (!l.arena) return silt_fail_nomem(err);
    SILT_TRY(store->ops->list(store, SILT_BUNDLES_DIR "/", NULL, true, note_bundle, &l, err));
    if (l.no_memory) return silt_fail_nomem(err);
    if (l.items.count) qsort(l.items.items, l.items.count, sizeof(*l.items.items), newest_first);
    for (size_t i = (size_t)load->config->history_bundles; i < l.items.count; i++)
        SILT_TRY(delete_bundle(store, l.items.items[i].run_id, l.arena, err));
    return SILT_OK;
}

/* ---- */

silt_status silt_bundle_write(silt_run_history *h, const silt_run_record *record,
                              const silt_maintain_report *maintained, silt_error *err)
{
    silt_load *load = h->load;
    if (!load->config->history_bundles) return SILT_OK;
    if (h->events.failed) return silt_fail_nomem(err);
    SILT_TRY(put(load, record->id, "events.ndjson", silt_buf_bytes(&h->events), err));
    SILT_TRY(write_manifest(load, h, record, maintained, err));
    return delete_oldest(load, err);
}

static bool note_one(void *ctx, const silt_object *object)
{
    (void)object;
    *(size_t *)ctx += 1;
    return true;
}

silt_status silt_bundle_close_lost(silt_load *load, const silt_run_record *record, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_store *store = load->state;
    size_t count = 0;
    const char *folder = scratch ? key_of(record->id, "", scratch) : NULL;
    if (!folder) return silt_fail_nomem(err);
    SILT_TRY(store->ops->list(store, folder, NULL, true, note_one, &count, err));
    return count == 1 ? write_manifest(load, NULL, record, NULL, err) : SILT_OK;
}
