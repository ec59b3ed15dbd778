/* Ledger files: JSON, written once, never changed. */
#include "load/ledger.h"

#include "base/hash.h"
#include "base/json.h"

#define HEAD_SIZE 4096 /* more than anything takes that stands before the files */

static const char *const kind_names[] = {"data",   "fence", "epoch",  "unload",
                                         "reload", "lost",  "repair", "replay"};

const char *silt_ledger_key(const char *app_id, int64_t number, silt_arena *arena)
{
    return silt_arena_printf(arena, "_silt/ledger/%s/%020" PRId64 ".json", app_id, number);
}

static void write_file(const silt_ledger_file *file, bool replaces, silt_json_writer *w)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "path", file->path);
    silt_json_member_int(w, "size", file->size_bytes);
    silt_json_member_int(w, "mtimeNs", file->mtime_ns);
    silt_json_member_string(w, "contentHash", file->content_hash);
    if (replaces) silt_json_member_int(w, "replaces", file->replaces);
    silt_json_key(w, "rows");
    silt_json_begin_object(w);
    silt_json_member_int(w, "read", file->rows.read);
    silt_json_member_int(w, "inserted", file->rows.inserted);
    silt_json_member_int(w, "updated", file->rows.updated);
    if (file->rows.deleted) silt_json_member_int(w, "deleted", file->rows.deleted);
    silt_json_member_int(w, "unchanged", file->rows.unchanged);
    silt_json_member_int(w, "deduplicated", file->rows.deduplicated);
    silt_json_member_int(w, "rejected", file->rows.rejected);
    silt_json_end_object(w);
    silt_json_end_object(w);
}

static void write_ledger(const silt_ledger *ledger, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "kind", kind_names[ledger->kind]);
    silt_json_member_string(&w, "appId", ledger->app_id);
    silt_json_member_int(&w, "version", ledger->number);
    silt_json_member_int(&w, "previous", ledger->previous);
    silt_json_member_string(&w, "attempt", ledger->attempt);
    silt_json_member_string(&w, "runId", ledger->run_id);
    silt_json_member_string(&w, "stateId", ledger->state_id);
    silt_json_member_string(&w, "tableId", ledger->table_id);
    silt_json_member_string(&w, "manifest", ledger->manifest);
    char created[SILT_TIME_SIZE];
    silt_time_format_us(ledger->created_us, created);
    silt_json_member_string(&w, "createdAt", created);
    if (ledger->rows_more) silt_json_member_int(&w, "rowsMore", ledger->rows_more);
    if (ledger->rejects) {
        silt_json_key(&w, "rejects");
        silt_json_begin_object(&w);
        silt_json_member_string(&w, "path", ledger->rejects);
        silt_json_member_int(&w, "rows", ledger->reject_rows);
        silt_json_end_object(&w);
    }
    silt_json_key(&w, "files");
    silt_json_begin_array(&w);
    for (size_t i = 0; i < ledger->file_count; i++)
        write_file(&ledger->files[i], ledger->kind == SILT_LEDGER_RELOAD, &w);
    silt_json_end_array(&w);
    silt_json_end_object(&w);
    silt_buf_putc(buf, '\n');
}

silt_status silt_ledger_write(silt_store *target, const silt_ledger *ledger, silt_arena *arena,
                              silt_ledger *taken, silt_error *err)
{
    SILT_CLEAN(silt_buf) body = {0};
    write_ledger(ledger, &body);
    const char *key = silt_ledger_key(ledger->app_id, ledger->number, arena);
    if (body.failed || !key) return silt_fail_nomem(err);

    silt_status st = target->ops->put_new(target, key, silt_buf_bytes(&body), err);
    if (st == SILT_OK) return SILT_OK;
    if (st != SILT_EXISTS && st != SILT_UNSURE)
        return silt_wrap(err, st, "ledger %" PRId64 " of %s", ledger->number, ledger->app_id);

    /* Taken, or no answer: what is there now decides. */
    silt_bytes seen = {0};
    silt_status read = target->ops->get(target, key, 0, -1, arena, &seen, err);
    if (read ==
        SILT_NOT_FOUND) /* the put didn't happen, and ours alone bears this attempt: once more */
        return silt_wrap(err, SILT_UNSURE, "ledger %" PRId64 ": no answer", ledger->number);
    if (read != SILT_OK) return silt_wrap(err, read, "ledger %" PRId64, ledger->number);
    if (silt_bytes_equal(seen, silt_buf_bytes(&body))) return SILT_OK;
    read = silt_ledger_read(target, ledger->app_id, ledger->number, arena, taken, err);
    if (read == SILT_CORRUPT)
        *taken = (silt_ledger){.previous = -2, .attempt = "unknown"};
    else if (read != SILT_OK)
        return read;
    return silt_fail(err, SILT_EXISTS, "ledger %" PRId64 " of %s is attempt %s's", ledger->number,
                     ledger->app_id, taken->attempt);
}

static void parse_rows(const silt_json *rows, silt_source_counts *out)
{
    out->read = silt_json_int(silt_json_get(rows, "read"), 0);
    out->inserted = silt_json_int(silt_json_get(rows, "inserted"), 0);
    out->updated = silt_json_int(silt_json_get(rows, "updated"), 0);
    out->deleted = silt_json_int(silt_json_get(rows, "deleted"), 0);
    out->unchanged = silt_json_int(silt_json_get(rows, "unchanged"), 0);
    out->deduplicated = silt_json_int(silt_json_get(rows, "deduplicated"), 0);
    out->rejected = silt_json_int(silt_json_get(rows, "rejected"), 0);
}

static silt_status parse_files(const silt_json *files, silt_arena *arena, silt_ledger *out,
                               silt_error *err)
{
    out->file_count = 0;
    silt_ledger_file *items = silt_arena_calloc(arena, silt_json_count(files) + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(files); silt_json_next(&it);) {
        silt_ledger_file *file = &items[out->file_count++];
        file->path = silt_json_string(silt_json_get(it.value, "path"));
        if (!file->path) return silt_fail(err, SILT_CORRUPT, "a file without a path");
        file->size_bytes = silt_json_int(silt_json_get(it.value, "size"), -1);
        file->mtime_ns = silt_json_int(silt_json_get(it.value, "mtimeNs"), 0);
        file->content_hash = silt_json_string(silt_json_get(it.value, "contentHash"));
        file->replaces = silt_json_int(silt_json_get(it.value, "replaces"), -1);
        parse_rows(silt_json_get(it.value, "rows"), &file->rows);
    }
    out->files = items;
    return SILT_OK;
}

static silt_status parse_ledger(const silt_json *json, silt_arena *arena, silt_ledger *out,
                                silt_error *err)
{
    const char *kind = silt_json_string(silt_json_get(json, "kind"));
    size_t k = 0;
    while (k < SILT_COUNT(kind_names) && !silt_streq(kind, kind_names[k]))
        k++;
    if (k == SILT_COUNT(kind_names))
        return silt_fail(err, SILT_CORRUPT, "its kind is %s", kind ? kind : "missing");
    *out = (silt_ledger){
        .kind = (silt_ledger_kind)k,
        .app_id = silt_json_string(silt_json_get(json, "appId")),
        .number = silt_json_int(silt_json_get(json, "version"), -1),
        .previous = silt_json_int(silt_json_get(json, "previous"), -2),
        .attempt = silt_json_string(silt_json_get(json, "attempt")),
        .run_id = silt_json_string(silt_json_get(json, "runId")),
        .state_id = silt_json_string(silt_json_get(json, "stateId")),
        .table_id = silt_json_string(silt_json_get(json, "tableId")),
        .manifest = silt_json_string(silt_json_get(json, "manifest")),
        .rows_more = silt_json_int(silt_json_get(json, "rowsMore"), 0),
    };
    const silt_json *rejects = silt_json_get(json, "rejects");
    out->rejects = silt_json_string(silt_json_get(rejects, "path"));
    out->reject_rows = silt_json_int(silt_json_get(rejects, "rows"), 0);
    const char *created = silt_json_string(silt_json_get(json, "createdAt"));
    if (!created || !silt_time_parse(created, &out->created_us)) out->created_us = 0;
    if (!out->app_id || !out->attempt || out->previous < -1 || out->previous >= out->number)
        return silt_fail(err, SILT_CORRUPT, "appId, attempt or previous is missing or wrong");
    return parse_files(silt_json_get(json, "files"), arena, out, err);
}

static silt_status take_body(const silt_store *target, const char *key, silt_bytes body,
                             const char *app_id, int64_t number, silt_arena *arena,
                             silt_ledger *out, silt_error *err)
{
    const silt_json *json;
    silt_ledger ledger;
    silt_status st = silt_json_parse(body, arena, &json, err);
    if (st == SILT_OK) st = parse_ledger(json, arena, &ledger, err);
    if (st == SILT_OK && (ledger.number != number || strcmp(ledger.app_id, app_id) != 0))
        st = silt_fail(err, SILT_CORRUPT, "it is that of batch %" PRId64 " of %s", ledger.number,
                       ledger.app_id);
    if (st != SILT_OK) return silt_wrap(err, st, "ledger %s/%s", target->uri, key);
    *out = ledger;
    return SILT_OK;
}

silt_status silt_ledger_read(silt_store *target, const char *app_id, int64_t number,
                             silt_arena *arena, silt_ledger *out, silt_error *err)
{
    const char *key = silt_ledger_key(app_id, number, arena);
    silt_bytes body;
    if (!key) return silt_fail_nomem(err);
    SILT_TRY(target->ops->get(target, key, 0, -1, arena, &body, err));
    return take_body(target, key, body, app_id, number, arena, out, err);
}

silt_status silt_ledger_read_head(silt_store *target, const char *app_id, int64_t number,
                                  silt_arena *arena, silt_ledger *out, silt_error *err)
{
    static const char files[] = ",\"files\":["; /* no text has that: its quotes are escaped */
    const char *key = silt_ledger_key(app_id, number, arena);
    silt_bytes head;
    if (!key) return silt_fail_nomem(err);
    SILT_TRY(target->ops->get(target, key, 0, HEAD_SIZE, arena, &head, err));
    const char *end = memmem(head.data, head.size, files, strlen(files));
    if (!end) return silt_ledger_read(target, app_id, number, arena, out, err);
    const char *text = silt_arena_printf(arena, "%.*s}", (int)(end - head.data), head.data);
    if (!text) return silt_fail_nomem(err);
    return take_body(target, key, silt_bytes_of(text), app_id, number, arena, out, err);
}

static int by_path(const void *a, const void *b)
{
    const silt_ledger_file *const *x = a, *const *y = b;
    return strcmp((*x)->path, (*y)->path);
}

silt_status silt_ledger_manifest(const silt_ledger_file *files, size_t count, char out[],
                                 silt_error *err)
{
    SILT_AUTO(silt_hash) hash = silt_hash_new();
    SILT_FREE void *sorted = malloc((count + 1) * sizeof(const silt_ledger_file *));
    if (!hash || !sorted) return silt_fail_nomem(err);
    const silt_ledger_file **order = sorted;
    for (size_t i = 0; i < count; i++)
        order[i] = &files[i];
    qsort(order, count, sizeof(*order), by_path);
    for (size_t i = 0; i < count; i++) {
        const int64_t numbers[] = {order[i]->size_bytes, order[i]->mtime_ns};
        silt_hash_update(hash, order[i]->path, strlen(order[i]->path) + 1);
        silt_hash_update(hash, numbers, sizeof(numbers));
    }
    silt_hash_hex(hash, out);
    return SILT_OK;
}

silt_status silt_ledger_chain(silt_store *target, const char *app_id, int64_t from, int64_t until,
                              silt_arena *arena, const silt_ledger **out, size_t *count,
                              int64_t *missing, silt_error *err)
{
    SILT_VEC(silt_ledger) found = {0};
    silt_status st = SILT_OK;
    int64_t number = from;
    while (number > until) {
        silt_ledger ledger;
        st = silt_ledger_read(target, app_id, number, arena, &ledger, err);
        if (st == SILT_OK && !silt_vec_push(&found, ledger)) st = silt_fail_nomem(err);
        if (st != SILT_OK || ledger.kind == SILT_LEDGER_EPOCH) break;
        number = ledger.previous;
    }
    *missing = number;
    if (st == SILT_NOT_FOUND || st == SILT_CORRUPT) st = SILT_INCONSISTENT;
    silt_ledger *items = silt_arena_calloc(arena, found.count + 1, sizeof(*items));
    if (!items)
        st = silt_fail_nomem(err);
    else if (found.count)
        memcpy(items, found.items, found.count * sizeof(*items));
    *out = items;
    *count = items ? found.count : 0;
    silt_vec_free(&found);
    return st;
}
