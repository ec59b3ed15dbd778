#include "load/history.h"

#include <unistd.h>

#include "base/json.h"
#include "load/run_log.h"
#include "load/secrets.h"
#include "silt/record.h"
#include "silt/upkeep.h"

#define EVENT_BYTES_MAX ((size_t)1 << 20) /* of a run's events; later ones are only counted */
#define FLUSH_US        INT64_C(5000000)  /* between puts of the events so far */

/* ---- beginning and end */

void silt_run_history_begin(silt_load *load, const char *operation)
{
    silt_run_history *h = calloc(1, sizeof(*h));
    if (!h) return;
    h->load = load;
    h->operation = operation;
    h->arena = silt_arena_new();
    if (!h->arena) {
        free(h);
        return;
    }
    load->history = h;
}

static void history_free(silt_run_history *h)
{
    h->load->history = NULL;
    silt_buf_release(&h->events);
    silt_vec_free(&h->batches);
    silt_vec_free(&h->datasets);
    silt_arena_free(h->arena);
    free(h);
}

silt_status silt_run_history_open(silt_load *load, silt_run_log **out, silt_error *err)
{
    silt_run_log *log;
    SILT_TRY(silt_run_log_new(load->runs_store, load->engine, NULL, &log, err));
    log->clock = load->clock;
    log->state = load->state;
    log->pipeline = load->config->pipeline;
    log->keep_from_us = silt_now_us(load->clock) - load->config->history_keep_ms * 1000;
    *out = log;
    return SILT_OK;
}

/* ---- what happens meanwhile */

static void count_violations(silt_load *load, const char *json)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *event;
    silt_error ignored = {0};
    if (!scratch || silt_json_parse(silt_bytes_of(json), scratch, &event, &ignored) != SILT_OK)
        return;
    load->violations += silt_json_int(silt_json_get(event, "rows"), 0);
}

/* {"ts", "kind", and the event's own members}, as --diagnostics has them. */
void silt_run_history_event(silt_load *load, const char *kind, const char *json)
{
    silt_run_history *h = load->history;
    char now[SILT_TIME_SIZE];
    if (!h) return;
    if (strcmp(kind, "constraint_violation") == 0) count_violations(load, json);
    const char *members = json[0] == '{' ? json + 1 : "}";
    h->event_count++;
    if (h->events.size + strlen(json) > EVENT_BYTES_MAX) {
        h->events_dropped++;
        return;
    }
    silt_time_format(silt_now_us(load->clock), now);
    silt_buf_printf(&h->events, "{\"ts\":\"%s\",\"kind\":\"%s\"%s%s\n", now, kind,
                    *members == '}' ? "" : ",", members);
    bool due = silt_now_us(load->clock) - h->flushed_us >= FLUSH_US;
    if (strcmp(kind, "batch_start") == 0 && due) silt_bundle_flush(h);
}

void silt_run_history_add_batch(silt_load *load, const silt_run_history_batch *batch)
{
    silt_run_history *h = load->history;
    if (!h) return;
    h->told = true;
    h->batch_count++;
    load->commit_retries += batch->tries > 1 ? batch->tries - 1 : 0;
    if (h->batches.count >= SILT_RUN_BATCHES_MAX) return;
    silt_run_history_batch copy = *batch;
    copy.attempt = silt_arena_strdup(h->arena, batch->attempt);
    copy.error = batch->error ? silt_arena_strdup(h->arena, batch->error) : NULL;
    if (copy.attempt) (void)silt_vec_push(&h->batches, copy);
}

static void add_dataset(silt_run_history *h, const char *json)
{
    if (json) (void)silt_vec_push(&h->datasets, json);
}

/* What is known of a dataset without a log: the members of silt_snapshot_record(), most null. */
static const char *plain_record(silt_run_history *h, const char *name, const char *kind,
                                const char *path, const char *format)
{
    static const char *const unknown[] = {
        "delta_version", "delta_features",      "protocol",     "schema_fingerprint",
        "ordering_keys", "column_mapping_mode", "stats_policy", "write_policy",
        "last_commit",   "retry_attempts",      "violations"};
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "name", name);
    silt_json_member_string(&w, "kind", kind);
    silt_json_member_string(&w, "path", path);
    silt_json_member_string(&w, "format", format);
    for (size_t i = 0; i < SILT_COUNT(unknown); i++)
        silt_json_member_raw(&w, unknown[i], "null");
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, h->arena);
}

static const char *source_format(silt_format format)
{
    switch (format) {
    case SILT_FORMAT_CSV:
        return "csv";
    case SILT_FORMAT_NDJSON:
        return "ndjson";
    case SILT_FORMAT_PARQUET:
        return "parquet";
    default:
        return NULL;
    }
}

static void add_record(silt_run_history *h, const silt_target *target, const silt_run_table *sum)
{
    silt_record_options opts = SILT_RECORD_OPTIONS_INIT;
    const char *json = NULL;
    const silt_config_table *table = target ? target->table : NULL;
    const char *format = silt_target_format_name(table ? table->format : SILT_TARGET_DELTA);
    silt_error why = {0};
    opts.name = sum->table_name;
    opts.kind = "target";
    opts.retry_attempts = sum->commit_retries;
    opts.violations = sum->violations;
    if (table && target->snapshot) {
        silt_status st = silt_snapshot_record(target->snapshot, &opts, h->arena, &json, &why);
        if (st != SILT_OK)
            silt_load_message(h->load, "warning", "table %s: its record can't be made: %s",
                              sum->table_name, why.message);
    }
    if (!json) json = plain_record(h, sum->table_name, "target", sum->path, format);
    add_dataset(h, json);
}

void silt_run_history_add_table(silt_load *load, const silt_target *target, silt_run_table *sum)
{
    silt_run_history *h = load->history;
    const silt_config_table *table = target ? target->table : NULL;
    if (!h) return;
    sum->commit_retries = load->commit_retries;
    sum->violations = table && table->policy.constraint_count ? load->violations : -1;
    load->commit_retries = load->violations = 0;
    bool idle = sum->problem == SILT_OK && !sum->batches && !sum->files_failed && !sum->recoveries;
    if (idle) return;
    h->told = true;
    for (size_t i = 0; table && i < table->source_path_count; i++)
        add_dataset(h, plain_record(h, sum->table_name, "source", table->source_paths[i],
                                    source_format(table->source_format)));
    if (table && table->feed)
        add_dataset(h, plain_record(h, sum->table_name, "source", table->feed->path, "delta"));
    if (table && table->from_stdin)
        add_dataset(h, plain_record(h, sum->table_name, "source", "-",
                                    source_format(table->source_format)));
    add_record(h, target, sum);
}

/* ---- the record */

/* What is written anywhere: the row without secrets. NULL: out of memory. */
static const char *mask(const silt_load *load, const char *text, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) clean = {0};
    silt_secrets_mask(load->config, silt_bytes_of(text), &clean);
    return clean.failed ? NULL : silt_buf_copy(&clean, arena);
}

static bool mask_record(const silt_load *load, silt_run_record *r, silt_arena *arena)
{
    silt_run_table *tables = silt_arena_calloc(arena, r->table_count + 1, sizeof(*tables));
    silt_run_failure *failures = silt_arena_calloc(arena, r->failure_count + 1, sizeof(*failures));
    bool ok = tables && failures;
    if (ok && r->error) ok = (r->error = mask(load, r->error, arena));
    for (size_t i = 0; ok && i < r->table_count; i++) {
        tables[i] = r->tables[i];
        ok = (tables[i].path = mask(load, r->tables[i].path, arena));
        if (ok && r->tables[i].message)
            ok = (tables[i].message = mask(load, r->tables[i].message, arena));
    }
    for (size_t i = 0; ok && i < r->failure_count; i++) {
        failures[i] = r->failures[i];
        ok = (failures[i].message = mask(load, r->failures[i].message, arena)) &&
             (failures[i].file_path = mask(load, r->failures[i].file_path, arena));
    }
    r->tables = tables;
    r->failures = failures;
    return ok;
}

static bool put_batches(silt_run_history *h, silt_run_record *out)
{
    silt_run_attempt *attempts =
        silt_arena_calloc(h->arena, h->batches.count + 1, sizeof(*attempts));
    bool ok = attempts;
    for (size_t i = 0; ok && i < h->batches.count; i++) {
        const silt_run_history_batch *b = &h->batches.items[i];
        attempts[i] = (silt_run_attempt){.sequence = (int64_t)i,
                                         .operation = silt_strategy_name(b->table->strategy),
                                         .table = mask(h->load, b->table->target_path, h->arena),
                                         .outcome = b->outcome,
                                         .committed_version = b->version,
                                         .table_version = b->version,
                                         .started_us = b->started_us,
                                         .ended_us = b->ended_us,
                                         .attempt_id = b->attempt};
        if (b->error) attempts[i].error = mask(h->load, b->error, h->arena);
        ok = attempts[i].table && (!b->error || attempts[i].error);
    }
    out->attempts = attempts;
    out->attempt_count = ok ? h->batches.count : 0;
    out->commit_sequence = h->batch_count;
    return ok;
}

static silt_status last_failures(void *ctx, silt_bytes line, silt_error *err)
{
    silt_run_record *latest = ctx;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *json;
    silt_run_record run;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_json_parse(line, scratch, &json, err));
    SILT_TRY(silt_run_history_row_tell(json, scratch, &run, err));
    if (run.started_us >= latest->started_us) {
        latest->started_us = run.started_us;
        latest->metrics = run.metrics;
    }
    return SILT_OK;
}

/* Runs up to now that weren't completed. Cost: where this one wasn't, a scan of a few columns. */
static silt_status count_failures(silt_run_log *log, silt_run_record *r, silt_error *err)
{
    static const char *const columns[] = {"run_id", "status", "started_at", "metrics"};
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_run_record latest = {.started_us = INT64_MIN};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    if (!scratch) return silt_fail_nomem(err);
    r->metrics.consecutive_failures = 0;
    if (silt_streq(r->status, "completed")) return SILT_OK;
    SILT_TRY(silt_run_log_refresh(log, err));
    opts.columns = columns;
    opts.column_count = SILT_COUNT(columns);
    opts.where = silt_arena_printf(
        scratch, "pipeline = '%s' AND operation = '%s' AND status <> 'locked' AND run_id <> '%s'",
        r->pipeline, r->operation, r->id);
    if (!opts.where) return silt_fail_nomem(err);
    if (log->snapshot) SILT_TRY(silt_run_log_lines(log, &opts, last_failures, &latest, err));
    int64_t before = latest.metrics.consecutive_failures;
    bool failed = !silt_streq(r->status, "locked");
    r->metrics.consecutive_failures = (before > 0 ? before : 0) + failed;
    return SILT_OK;
}

static void tell_unwritten(silt_load *load, const char *id, const silt_error *why)
{
    silt_load_message(load, "warning", "run %s isn't in the run history: %s", id, why->message);
}

/* Small files that were put together are of no use after some days. */
static void clean_up(silt_load *load, const silt_run_log *log)
{
    silt_vacuum_result ignored;
    silt_error why = {0};
    silt_vacuum_options opts = SILT_VACUUM_OPTIONS_INIT;
    if (log->compacted &&
        silt_vacuum(load->runs_store, load->engine, &opts, &ignored, &why) != SILT_OK)
        silt_load_message(load, "info", "run history: it isn't vacuumed: %s", why.message);
}

static silt_status put(silt_load *load, silt_run_record *record, bool is_new, bool keep,
                       silt_error *err)
{
    SILT_AUTO(silt_run_log) log = NULL;
    SILT_TRY(silt_run_history_open(load, &log, err));
    SILT_TRY(count_failures(log, record, err));
    /* Looked at first: whoever took the lock wrote a row of us only after that. */
    SILT_TRY(silt_run_log_refresh(log, err));
    if (is_new && load->lock) is_new = silt_lock_check(load->lock, err) == SILT_OK;
    SILT_TRY(silt_run_history_put(log, record, is_new, keep, err));
    clean_up(load, log);
    return SILT_OK;
}

/* ---- runs that didn't end */

void silt_run_history_add_lost(silt_load *load, const silt_lock_info *lock)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_run_record record;
    silt_error why = {0};
    if (!lock->readable || !scratch || silt_run_id_check(lock->run_id, &why) != SILT_OK) return;
    silt_status st = silt_run_history_of_lock(lock, load->config->pipeline, scratch, &record, &why);
    if (lock->alive) record.status = "unsure"; /* its lock was forced out of its hands */
    record.error =
        lock->alive ? "its lock was taken from it; it hasn't ended so far" : "it didn't end";
    if (st == SILT_OK) st = put(load, &record, false, true, &why);
    if (st == SILT_OK && load->history) load->history->takeovers++;
    if (st == SILT_OK) st = silt_bundle_close_lost(load, &record, &why);
    if (st != SILT_OK) tell_unwritten(load, lock->run_id, &why);
}

/* ---- the end */

static const char *status_of_failure(silt_status st)
{
    return st == SILT_LOCKED ? "locked" : st == SILT_INTERRUPTED ? "interrupted" : "failed";
}

static silt_run_record record_of(silt_run_history *h, silt_status st, const silt_error *why)
{
    static const char *const none[] = {NULL};
    silt_load *load = h->load;
    char host[128] = "";
    const int64_t now = silt_now_us(load->clock);
    (void)gethostname(host, sizeof(host) - 1);
    silt_run_record r = {.id = load->run_id,
                         .status = st == SILT_OK ? "completed" : status_of_failure(st),
                         .started_us = load->started_us,
                         .ended_us = now,
                         .metadata = none,
                         .pipeline = load->config->pipeline,
                         .operation = h->operation,
                         .error = st == SILT_OK ? NULL : why->message,
                         .host = silt_arena_strdup(h->arena, host),
                         .pid = getpid()};
    r.metrics.recoveries = h->takeovers;
    r.metrics.lock_failures = st == SILT_LOCKED || st == SILT_FENCED;
    r.metrics.inconsistencies = st == SILT_INCONSISTENT || st == SILT_CORRUPT;
    r.metrics.run_seconds = (double)(now - load->started_us) / 1e6;
    r.metrics.batches = h->batch_count;
    return r;
}

static void add_result(silt_run_record *r, const silt_run_result *result, silt_status st)
{
    silt_run_metrics *m = &r->metrics;
    size_t troubled = 0, well = 0;
    for (size_t i = 0; i < result->table_count; i++) {
        const silt_run_table *t = &result->tables[i];
        bool bad = t->problem != SILT_OK;
        troubled += bad || t->files_failed;
        well += silt_streq(t->status, "completed");
        m->recoveries += t->recoveries;
        m->rows_rejected += t->rows_rejected;
        m->inconsistencies += t->problem == SILT_INCONSISTENT;
    }
    m->files_discovered = result->total_files_discovered;
    m->files_processed = result->total_files_processed;
    m->files_skipped = result->total_files_skipped;
    m->files_failed = result->total_files_failed;
    m->rows = result->rows;
    r->tables = result->tables;
    r->table_count = result->table_count;
    r->failures = result->failures;
    r->failure_count = result->failure_count < SILT_RUN_FAILURES_MAX ? result->failure_count
                                                                     : SILT_RUN_FAILURES_MAX;
    /* Failed is what nothing of stands anywhere. */
    bool some = m->files_processed || well || m->files_skipped;
    if (st == SILT_OK && troubled) r->status = some ? "partial" : "failed";
}

static void add_maintenance(silt_run_history *h, silt_run_record *r,
                            const silt_maintain_report *report)
{
    silt_run_table *tables = silt_arena_calloc(h->arena, report->table_count + 1, sizeof(*tables));
    if (!tables) return;
    size_t failed = 0;
    for (size_t i = 0; i < report->table_count; i++) {
        const silt_maintain_table *t = &report->tables[i];
        tables[i] = (silt_run_table){.table_name = t->table_name,
                                     .path = t->path,
                                     .status = t->failed ? "failed" : "completed",
                                     .violations = -1,
                                     .version = -1};
        for (size_t s = 0; s < t->step_count; s++) {
            if (t->steps[s].problem == SILT_OK || tables[i].problem != SILT_OK) continue;
            tables[i].problem = t->steps[s].problem;
            tables[i].message = t->steps[s].message;
        }
        failed += t->failed;
        h->told = h->told || t->step_count;
    }
    r->tables = tables;
    r->table_count = report->table_count;
    if (failed) r->status = failed < report->table_count ? "partial" : "failed";
}

/* Failures that leave no trace: of the place where it would be, or before it was known to be ours.
 */
static bool is_kept(const silt_load *load, silt_status st)
{
    return load->lock || st == SILT_OK || st == SILT_LOCKED || st == SILT_INCONSISTENT ||
           st == SILT_CORRUPT;
}

static void finish(silt_run_history *h, silt_run_record *record, const silt_maintain_report *report,
                   silt_status st)
{
    silt_load *load = h->load;
    silt_error why = {0};
    silt_engine_resume(load->engine); /* an interrupt has done its work by now */
    bool whole = put_batches(h, record) && mask_record(load, record, h->arena);
    silt_status put_st = whole ? put(load, record, true, false, &why) : silt_fail_nomem(&why);
    bool worth =
        (h->told || h->takeovers || !silt_streq(record->status, "completed")) && st != SILT_LOCKED;
    if (put_st == SILT_OK && worth) put_st = silt_bundle_write(h, record, report, &why);
    if (put_st != SILT_OK) tell_unwritten(load, load->run_id, &why);
}

void silt_run_history_end(silt_load *load, silt_status st, const silt_error *why,
                          const silt_run_result *result)
{
    silt_run_history *h = load->history;
    if (!h) return;
    silt_run_record record = record_of(h, st, why);
    add_result(&record, result, st);
    if (is_kept(load, st)) finish(h, &record, NULL, st);
    history_free(h);
}

void silt_run_history_end_maintain(silt_load *load, silt_status st, const silt_error *why,
                                   const silt_maintain_report *report)
{
    silt_run_history *h = load->history;
    if (!h) return;
    silt_run_record record = record_of(h, st, why);
    add_maintenance(h, &record, report);
    /* Where nothing was to be looked after, nothing is left behind. */
    if (st != SILT_OK || h->told) finish(h, &record, report, st);
    history_free(h);
}
