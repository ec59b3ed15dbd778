/* A run as a row: lines of JSON, which the engine reads into Parquet and writes from it. */
#include <stdio.h>

#include "base/json.h"
#include "load/run_log.h"

static const char *const outcomes[] = {"running",   "committed", "already_done", "skipped",
                                       "overtaken", "conflict",  "failed",       "unsure"};

const char *silt_run_outcome_name(silt_run_outcome outcome)
{
    return (size_t)outcome < SILT_COUNT(outcomes) ? outcomes[outcome] : "unknown";
}

bool silt_run_outcome_is_done(silt_run_outcome outcome)
{
    return outcome == SILT_RUN_COMMITTED || outcome == SILT_RUN_ALREADY_DONE ||
           outcome == SILT_RUN_SKIPPED;
}

const silt_type *silt_run_schema(silt_arena *arena)
{
    static const char text[] =
        "struct<run_id:string,label:string,metadata:map<string,string>,commit_sequence:long,"
        "status:string,started_at:timestamp,ended_at:timestamp,attempts:array<struct<"
        "sequence:long,operation:string,table:string,outcome:string,committed_version:long,"
        "table_version:long,error:string,started_at:timestamp,ended_at:timestamp,"
        "attempt_id:string,writer:struct<host:string,pid:long,started:long,boot:string,"
        "session:string>>>,pipeline:string,operation:string,error:string,host:string,pid:long,"
        "metrics:struct<files_discovered:long,files_processed:long,files_skipped:long,"
        "files_failed:long,rows:long,rows_rejected:long,batches:long,recoveries:long,lock_failures:"
        "long,"
        "inconsistencies:long,consecutive_failures:long,run_seconds:double>,"
        "tables:array<struct<table_name:string,path:string,status:string,files_discovered:long,"
        "files_processed:long,files_skipped:long,files_failed:long,rows:long,rows_inserted:long,"
        "rows_updated:long,rows_deleted:long,rows_unchanged:long,rows_deduplicated:long,rows_"
        "rejected:long,batches:"
        "long,"
        "recoveries:long,commit_retries:long,violations:long,version:long,duration_ms:long,"
        "problem:string,message:string>>,"
        "failures:array<struct<table_name:string,file_path:string,message:string,"
        "retry_count:long>>>";
    const silt_type *schema = NULL;
    silt_error ignored = {0};
    return silt_type_parse(text, arena, &schema, &ignored) == SILT_OK ? schema : NULL;
}

/* ---- what follows from the tries */

int64_t silt_run_row_highest(const silt_run_row *row)
{
    int64_t highest = -1;
    for (size_t i = 0; i < row->tries.count; i++)
        if (row->tries.items[i].told.sequence > highest)
            highest = row->tries.items[i].told.sequence;
    return highest;
}

silt_run_try *silt_run_row_last(const silt_run_row *row, int64_t sequence)
{
    for (size_t i = row->tries.count; i-- > 0;)
        if (row->tries.items[i].told.sequence == sequence) return &row->tries.items[i];
    return NULL;
}

/* Of each number the last try counts. One pass from the back: a number that was seen is done with.
 */
static const char *status_of(const silt_run_row *row)
{
    bool partial = false;
    for (size_t i = 0; i < row->tries.count; i++) {
        const silt_run_attempt *a = &row->tries.items[i].told;
        if (a->outcome == SILT_RUN_RUNNING) return "running";
        if (silt_run_outcome_is_done(a->outcome)) continue;
        bool later = false; /* was it done by a later try? */
        for (size_t k = i + 1; k < row->tries.count && !later; k++)
            later = row->tries.items[k].told.sequence == a->sequence;
        partial |= !later;
    }
    return partial ? "partial" : "completed";
}

static int64_t ended_of(const silt_run_row *row)
{
    int64_t ended = row->started_us;
    for (size_t i = 0; i < row->tries.count; i++) {
        const silt_run_attempt *a = &row->tries.items[i].told;
        if (a->outcome == SILT_RUN_RUNNING) return -1;
        if (a->ended_us > ended) ended = a->ended_us;
    }
    return ended;
}

silt_status silt_run_row_tell(const silt_run_row *row, silt_arena *arena, silt_run_record *out,
                              silt_error *err)
{
    if (row->pipeline) return silt_run_history_row_tell(row->json, arena, out, err);
    const char **metadata =
        silt_arena_calloc(arena, 2 * row->metadata.count + 1, sizeof(*metadata));
    silt_run_attempt *attempts = silt_arena_calloc(arena, row->tries.count + 1, sizeof(*attempts));
    if (!metadata || !attempts) return silt_fail_nomem(err);
    for (size_t i = 0; i < row->metadata.count; i++) {
        metadata[2 * i] = row->metadata.items[i].key;
        metadata[2 * i + 1] = row->metadata.items[i].value;
    }
    for (size_t i = 0; i < row->tries.count; i++)
        attempts[i] = row->tries.items[i].told;
    *out = (silt_run_record){.id = row->id,
                             .label = row->label,
                             .status = status_of(row),
                             .commit_sequence = silt_run_row_highest(row) + 1,
                             .started_us = row->started_us,
                             .ended_us = ended_of(row),
                             .metadata = metadata,
                             .attempts = attempts,
                             .attempt_count = row->tries.count};
    return SILT_OK;
}

/* ---- writing */

void silt_run_put_time(silt_json_writer *w, const char *key, int64_t us)
{
    char text[SILT_TIME_SIZE];
    if (us >= 0) silt_time_format_us(us, text);
    silt_json_member_string(w, key, us >= 0 ? text : NULL);
}

void silt_run_put_version(silt_json_writer *w, const char *key, int64_t version)
{
    silt_json_key(w, key);
    if (version >= 0)
        silt_json_put_int(w, version);
    else
        silt_json_put_null(w);
}

static void put_try(silt_json_writer *w, const silt_run_try *t)
{
    const silt_run_attempt *a = &t->told;
    silt_json_begin_object(w);
    silt_json_member_int(w, "sequence", a->sequence);
    silt_json_member_string(w, "operation", a->operation);
    silt_json_member_string(w, "table", a->table);
    silt_json_member_string(w, "outcome", outcomes[a->outcome]);
    silt_run_put_version(w, "committed_version", a->committed_version);
    silt_run_put_version(w, "table_version", a->table_version);
    silt_json_member_string(w, "error", a->error);
    silt_run_put_time(w, "started_at", a->started_us);
    silt_run_put_time(w, "ended_at", a->ended_us);
    silt_json_member_string(w, "attempt_id", a->attempt_id);
    silt_json_key(w, "writer");
    silt_json_begin_object(w);
    silt_json_member_string(w, "host", t->writer.host);
    silt_json_member_int(w, "pid", t->writer.pid);
    silt_json_member_int(w, "started", t->writer.start);
    silt_json_member_string(w, "boot", t->writer.world);
    silt_json_member_string(w, "session", t->session);
    silt_json_end_object(w);
    silt_json_end_object(w);
}

void silt_run_row_write(const silt_run_row *row, silt_buf *out)
{
    silt_json_writer w = silt_json_writer_of(out);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "run_id", row->id);
    silt_json_member_string(&w, "label", row->label);
    silt_json_key(&w, "metadata");
    silt_json_begin_object(&w);
    for (size_t i = 0; i < row->metadata.count; i++)
        silt_json_member_string(&w, row->metadata.items[i].key, row->metadata.items[i].value);
    silt_json_end_object(&w);
    silt_json_member_int(&w, "commit_sequence", silt_run_row_highest(row) + 1);
    silt_json_member_string(&w, "status", status_of(row));
    silt_run_put_time(&w, "started_at", row->started_us);
    silt_run_put_time(&w, "ended_at", ended_of(row));
    silt_json_key(&w, "attempts");
    silt_json_begin_array(&w);
    for (size_t i = 0; i < row->tries.count; i++)
        put_try(&w, &row->tries.items[i]);
    silt_json_end_array(&w);
    silt_json_end_object(&w);
    silt_buf_putc(out, '\n');
}

/* ---- reading */

int64_t silt_run_time_of(const silt_json *object, const char *key)
{
    int64_t us;
    const char *text = silt_json_string(silt_json_get(object, key));
    return text && silt_time_parse_utc(text, &us) ? us : -1;
}

static int64_t number_of(const silt_json *object, const char *key)
{
    return silt_json_int(silt_json_get_some(object, key), -1);
}

static const char *text_of(const silt_json *object, const char *key)
{
    return silt_json_string(silt_json_get_some(object, key));
}

/* What isn't known is taken for a failure: its table is asked all the same where it matters. */
silt_run_outcome silt_run_outcome_of(const char *name)
{
    for (size_t i = 0; name && i < SILT_COUNT(outcomes); i++)
        if (strcmp(outcomes[i], name) == 0) return (silt_run_outcome)i;
    return SILT_RUN_UNSURE;
}

static silt_run_try try_of(const silt_json *json)
{
    const silt_json *writer = silt_json_get_some(json, "writer");
    const char *host = text_of(writer, "host"), *world = text_of(writer, "boot");
    silt_run_try t = {.told = {.sequence = number_of(json, "sequence"),
                               .operation = text_of(json, "operation"),
                               .table = text_of(json, "table"),
                               .outcome = silt_run_outcome_of(text_of(json, "outcome")),
                               .committed_version = number_of(json, "committed_version"),
                               .table_version = number_of(json, "table_version"),
                               .error = text_of(json, "error"),
                               .started_us = silt_run_time_of(json, "started_at"),
                               .ended_us = silt_run_time_of(json, "ended_at"),
                               .attempt_id = text_of(json, "attempt_id"),
                               .host = host ? host : "",
                               .pid = number_of(writer, "pid")}};
    snprintf(t.writer.host, sizeof(t.writer.host), "%s", host ? host : "");
    snprintf(t.writer.world, sizeof(t.writer.world), "%s", world ? world : "");
    t.writer.pid = t.told.pid;
    t.writer.start = number_of(writer, "started");
    t.session = text_of(writer, "session");
    return t;
}

static silt_status read_metadata(const silt_json *json, silt_arena *arena, silt_run_row *out,
                                 silt_error *err)
{
    const silt_json *map = silt_json_get_some(json, "metadata");
    silt_pair *pairs = silt_arena_calloc(arena, silt_json_count(map) + 1, sizeof(*pairs));
    size_t count = 0;
    if (!pairs) return silt_fail_nomem(err);
    for (silt_json_iter it = silt_json_iter_of(map); silt_json_next(&it);) {
        const char *value = silt_json_string(it.value);
        pairs[count++] = (silt_pair){it.key, value ? value : ""};
    }
    out->metadata = (silt_pairs){pairs, count};
    return SILT_OK;
}

silt_status silt_run_row_read(silt_bytes line, silt_arena *arena, silt_run_row *out,
                              silt_error *err)
{
    const silt_json *json;
    SILT_TRY(silt_json_parse(line, arena, &json, err));
    *out = (silt_run_row){.id = text_of(json, "run_id"),
                          .label = text_of(json, "label"),
                          .pipeline = text_of(json, "pipeline"),
                          .json = json,
                          .started_us = silt_run_time_of(json, "started_at")};
    if (!out->id) return silt_fail(err, SILT_CORRUPT, "a run without run_id");
    SILT_TRY(read_metadata(json, arena, out, err));
    const silt_json *attempts = silt_json_get_some(json, "attempts");
    for (silt_json_iter it = silt_json_iter_of(attempts); silt_json_next(&it);) {
        silt_run_try t = try_of(it.value);
        bool whole = t.told.sequence >= 0 && t.told.operation && t.told.table && t.told.attempt_id;
        if (!whole)
            return silt_fail(err, SILT_CORRUPT,
                             "run %s: an attempt without a number, "
                             "operation, table or id",
                             out->id);
        if (!silt_vec_push(&out->tries, t)) return silt_fail_nomem(err);
    }
    return SILT_OK;
}
