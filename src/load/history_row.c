/* A run of a pipeline as a row of the table of runs. */
#include <stdio.h>

#include "load/run_log.h"

/* ---- numbers by name */

typedef struct number {
    const char *name;
    size_t offset;
} number;

#define METRIC(member)                              \
    {                                               \
#member, offsetof(silt_run_metrics, member) \
    }
static const number metric_numbers[] = {METRIC(files_discovered),
                                        METRIC(files_processed),
                                        METRIC(files_skipped),
                                        METRIC(files_failed),
                                        METRIC(rows),
                                        METRIC(rows_rejected),
                                        METRIC(batches),
                                        METRIC(recoveries),
                                        METRIC(lock_failures),
                                        METRIC(inconsistencies),
                                        METRIC(consecutive_failures)};

#define TABLE(member)                             \
    {                                             \
#member, offsetof(silt_run_table, member) \
    }
static const number table_numbers[] = {TABLE(files_discovered),
                                       TABLE(files_processed),
                                       TABLE(files_skipped),
                                       TABLE(files_failed),
                                       TABLE(rows),
                                       TABLE(rows_inserted),
                                       TABLE(rows_updated),
                                       TABLE(rows_deleted),
                                       TABLE(rows_unchanged),
                                       TABLE(rows_deduplicated),
                                       TABLE(rows_rejected),
                                       TABLE(batches),
                                       TABLE(recoveries),
                                       TABLE(commit_retries),
                                       TABLE(violations),
                                       TABLE(version),
                                       TABLE(duration_ms)};

static void put_numbers(silt_json_writer *w, const number *numbers, size_t count, const void *from)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, (const char *)from + numbers[i].offset, sizeof(value));
        silt_run_put_version(w, numbers[i].name, value); /* -1: not known */
    }
}

static void take_numbers(const silt_json *json, const number *numbers, size_t count, void *to)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = silt_json_int(silt_json_get_some(json, numbers[i].name), -1);
        memcpy((char *)to + numbers[i].offset, &value, sizeof(value));
    }
}

/* ---- writing */

static void put_metrics(silt_json_writer *w, const silt_run_metrics *metrics)
{
    silt_json_begin_object(w);
    put_numbers(w, metric_numbers, SILT_COUNT(metric_numbers), metrics);
    silt_json_key(w, "run_seconds");
    silt_json_put_double(w, metrics->run_seconds);
    silt_json_end_object(w);
}

static void put_table(silt_json_writer *w, const silt_run_table *t)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "table_name", t->table_name);
    silt_json_member_string(w, "path", t->path);
    silt_json_member_string(w, "status", t->status);
    put_numbers(w, table_numbers, SILT_COUNT(table_numbers), t);
    silt_json_member_string(w, "problem",
                            t->problem == SILT_OK ? NULL : silt_status_name(t->problem));
    silt_json_member_string(w, "message", t->message);
    silt_json_end_object(w);
}

static void put_failure(silt_json_writer *w, const silt_run_failure *f)
{
    silt_json_begin_object(w);
    silt_json_member_string(w, "table_name", f->table_name);
    silt_json_member_string(w, "file_path", f->file_path);
    silt_json_member_string(w, "message", f->message);
    silt_json_member_int(w, "retry_count", f->retry_count);
    silt_json_end_object(w);
}

static void put_batch(silt_json_writer *w, const silt_run_attempt *a)
{
    silt_json_begin_object(w);
    silt_json_member_int(w, "sequence", a->sequence);
    silt_json_member_string(w, "operation", a->operation);
    silt_json_member_string(w, "table", a->table);
    silt_json_member_string(w, "outcome", silt_run_outcome_name(a->outcome));
    silt_run_put_version(w, "committed_version", a->committed_version);
    silt_run_put_version(w, "table_version", a->table_version);
    silt_json_member_string(w, "error", a->error);
    silt_run_put_time(w, "started_at", a->started_us);
    silt_run_put_time(w, "ended_at", a->ended_us);
    silt_json_member_string(w, "attempt_id", a->attempt_id);
    silt_json_end_object(w);
}

void silt_run_history_put_members(silt_json_writer *w, const silt_run_record *r)
{
    silt_json_member_string(w, "run_id", r->id);
    silt_json_member_string(w, "pipeline", r->pipeline);
    silt_json_member_string(w, "operation", r->operation);
    silt_json_member_string(w, "status", r->status);
    silt_run_put_time(w, "started_at", r->started_us);
    silt_run_put_time(w, "ended_at", r->ended_us);
    silt_json_member_string(w, "error", r->error);
    silt_json_member_string(w, "host", r->host);
    silt_json_member_int(w, "pid", r->pid);
    silt_json_key(w, "metrics");
    put_metrics(w, &r->metrics);
    silt_json_key(w, "tables");
    silt_json_begin_array(w);
    for (size_t i = 0; i < r->table_count; i++)
        put_table(w, &r->tables[i]);
    silt_json_end_array(w);
    silt_json_key(w, "failures");
    silt_json_begin_array(w);
    for (size_t i = 0; i < r->failure_count; i++)
        put_failure(w, &r->failures[i]);
    silt_json_end_array(w);
}

void silt_run_history_row_write(const silt_run_record *r, silt_buf *out)
{
    silt_json_writer w = silt_json_writer_of(out);
    silt_json_begin_object(&w);
    silt_run_history_put_members(&w, r);
    silt_json_member_int(&w, "commit_sequence", r->commit_sequence);
    silt_json_key(&w, "attempts");
    silt_json_begin_array(&w);
    for (size_t i = 0; i < r->attempt_count; i++)
        put_batch(&w, &r->attempts[i]);
    silt_json_end_array(&w);
    silt_json_end_object(&w);
    silt_buf_putc(out, '\n');
}

/* ---- reading */

static const char *text_of(const silt_json *object, const char *key)
{
    return silt_json_string(silt_json_get_some(object, key));
}

static silt_status problem_of(const silt_json *json)
{
    const char *name = text_of(json, "problem");
    for (int st = SILT_OK + 1; name && st <= SILT_FENCED; st++)
        if (strcmp(silt_status_name((silt_status)st), name) == 0) return (silt_status)st;
    return name ? SILT_FAILED : SILT_OK;
}

/* One item of a list; false where what names it is missing. */
typedef bool tell_fn(const silt_json *json, const silt_run_record *run, void *item);

static silt_status tell_all(const silt_json *json, const char *what, tell_fn *fn, size_t size,
                            const silt_run_record *run, silt_arena *arena, const void **items,
                            size_t *count, silt_error *err)
{
    char *all = silt_arena_calloc(arena, silt_json_count(json) + 1, size);
    size_t n = 0;
    if (!all) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it);)
        if (!fn(it.value, run, all + n++ * size))
            return silt_fail(err, SILT_CORRUPT, "run %s: a %s without its name", run->id, what);
    *items = all;
    *count = n;
    return SILT_OK;
}

static bool tell_table(const silt_json *json, const silt_run_record *run, void *item)
{
    silt_run_table *t = item;
    (void)run;
    *t = (silt_run_table){.table_name = text_of(json, "table_name"),
                          .path = text_of(json, "path"),
                          .status = text_of(json, "status"),
                          .problem = problem_of(json),
                          .message = text_of(json, "message")};
    take_numbers(json, table_numbers, SILT_COUNT(table_numbers), t);
    return t->table_name && t->status;
}

static bool tell_failure(const silt_json *json, const silt_run_record *run, void *item)
{
    silt_run_failure *f = item;
    (void)run;
    *f = (silt_run_failure){.table_name = text_of(json, "table_name"),
                            .file_path = text_of(json, "file_path"),
                            .message = text_of(json, "message"),
                            .retry_count =
                                silt_json_int(silt_json_get_some(json, "retry_count"), 0)};
    return f->table_name && f->file_path && f->message;
}

static bool tell_batch(const silt_json *json, const silt_run_record *run, void *item)
{
    silt_run_attempt *a = item;
    *a = (silt_run_attempt){
        .sequence = silt_json_int(silt_json_get_some(json, "sequence"), -1),
        .operation = text_of(json, "operation"),
        .table = text_of(json, "table"),
        .outcome = silt_run_outcome_of(text_of(json, "outcome")),
        .committed_version = silt_json_int(silt_json_get_some(json, "committed_version"), -1),
        .table_version = silt_json_int(silt_json_get_some(json, "table_version"), -1),
        .error = text_of(json, "error"),
        .started_us = silt_run_time_of(json, "started_at"),
        .ended_us = silt_run_time_of(json, "ended_at"),
        .attempt_id = text_of(json, "attempt_id"),
        .host = run->host,
        .pid = run->pid};
    return a->operation && a->table && a->attempt_id;
}

/* A pipeline's. */
static silt_status tell_lists(const silt_json *json, silt_arena *arena, silt_run_record *out,
                              silt_error *err)
{
    const void *items = NULL;
    SILT_TRY(tell_all(silt_json_get_some(json, "tables"), "table", tell_table, sizeof(*out->tables),
                      out, arena, &items, &out->table_count, err));
    out->tables = items;
    SILT_TRY(tell_all(silt_json_get_some(json, "failures"), "failed file", tell_failure,
                      sizeof(*out->failures), out, arena, &items, &out->failure_count, err));
    out->failures = items;
    SILT_TRY(tell_all(silt_json_get_some(json, "attempts"), "batch", tell_batch,
                      sizeof(*out->attempts), out, arena, &items, &out->attempt_count, err));
    out->attempts = items;
    return SILT_OK;
}

silt_status silt_run_history_row_tell(const silt_json *json, silt_arena *arena,
                                      silt_run_record *out, silt_error *err)
{
    static const char *const none[] = {NULL};
    *out = (silt_run_record){.id = text_of(json, "run_id"),
                             .label = text_of(json, "label"),
                             .status = text_of(json, "status"),
                             .commit_sequence =
                                 silt_json_int(silt_json_get_some(json, "commit_sequence"), -1),
                             .started_us = silt_run_time_of(json, "started_at"),
                             .ended_us = silt_run_time_of(json, "ended_at"),
                             .metadata = none,
                             .pipeline = text_of(json, "pipeline"),
                             .operation = text_of(json, "operation"),
                             .error = text_of(json, "error"),
                             .host = text_of(json, "host"),
                             .pid = silt_json_int(silt_json_get_some(json, "pid"), -1)};
    if (!out->id || !out->status) return silt_fail(err, SILT_CORRUPT, "runs: a row without an id");
    const silt_json *metrics = silt_json_get_some(json, "metrics");
    take_numbers(metrics, metric_numbers, SILT_COUNT(metric_numbers), &out->metrics);
    out->metrics.run_seconds = silt_json_double(silt_json_get_some(metrics, "run_seconds"), -1);
    return out->pipeline ? tell_lists(json, arena, out, err) : SILT_OK;
}

/* ---- the table */

static silt_status put_once(silt_run_log *log, const silt_run_record *record, const silt_buf *line,
                            bool is_new, bool keep, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(silt_run_row) row = {0};
    bool found = false;
    if (!scratch) return silt_fail_nomem(err);
    if (!is_new) SILT_TRY(silt_run_log_refresh(log, err));
    if (keep) SILT_TRY(silt_run_log_find(log, record->id, scratch, &row, &found, err));
    return found ? SILT_OK : silt_run_log_put(log, record->id, line, is_new, err);
}

silt_status silt_run_history_put(silt_run_log *log, const silt_run_record *record, bool is_new,
                                 bool keep, silt_error *err)
{
    SILT_CLEAN(silt_buf) line = {0};
    silt_status st = SILT_CONFLICT;
    silt_run_history_row_write(record, &line);
    if (line.failed) return silt_fail_nomem(err);
    for (int i = 0; i < SILT_RUN_TRIES && (st == SILT_CONFLICT || st == SILT_UNSURE); i++) {
        if (i) silt_run_log_wait(log, i);
        /* Our own row may stand there by now, or another's word on us. */
        st = put_once(log, record, &line, is_new && !i, keep, err);
    }
    return st;
}

silt_status silt_run_history_of_lock(const silt_lock_info *lock, const char *pipeline,
                                     silt_arena *arena, silt_run_record *out, silt_error *err)
{
    static const char *const none[] = {NULL};
    silt_run_record r = {.id = silt_arena_strdup(arena, lock->run_id),
                         .status = lock->alive       ? "running"
                                   : lock->same_host ? "crashed"
                                                     : "unsure",
                         .commit_sequence = -1,
                         .started_us = lock->acquired_us,
                         .ended_us = -1,
                         .metadata = none,
                         .pipeline = pipeline,
                         .operation = "RUN",
                         .host = silt_arena_strdup(arena, lock->hostname),
                         .pid = lock->pid};
    take_numbers(NULL, metric_numbers, SILT_COUNT(metric_numbers), &r.metrics);
    r.metrics.run_seconds = -1;
    if (!r.id || !r.host) return silt_fail_nomem(err);
    *out = r;
    return SILT_OK;
}

silt_status silt_run_history_look(silt_run_log *log, silt_arena *arena, silt_run_record *out,
                                  bool *found, silt_error *err)
{
    silt_lock_info lock;
    *found = false;
    if (!log->state) return SILT_OK;
    SILT_TRY(silt_lock_look(log->state, log->clock, &lock, err));
    silt_error ignored = {0};
    if (!lock.readable || silt_run_id_check(lock.run_id, &ignored) != SILT_OK) return SILT_OK;
    *found = true;
    return silt_run_history_of_lock(&lock, log->pipeline, arena, out, err);
}
