/* Runs as values. */
#include <string.h>

#include "base/json.h"
#include "load/run_log.h"
#include "ops/once.h"

#define ID_SIZE_MAX 200

struct silt_run {
    silt_arena *arena; /* owns all of it, the run too */
    const char *id, *label;
    silt_pairs metadata;
    int64_t sequence;
    const char *payload;
    const silt_diagnostics *diagnostics;
};

/* What a run is made of; borrowed. */
typedef struct parts {
    const char *id, *label;
    silt_pairs metadata;
    int64_t sequence;
    const silt_diagnostics *diagnostics;
} parts;

static bool copy_text(silt_arena *arena, const char *text, const char **out)
{
    *out = text ? silt_arena_strdup(arena, text) : NULL;
    return !text || *out;
}

static bool copy_metadata(silt_run *run, silt_pairs from)
{
    silt_pair *pairs = silt_arena_calloc(run->arena, from.count, sizeof(*pairs));
    if (!pairs) return false;
    run->metadata = (silt_pairs){pairs, from.count};
    for (size_t i = 0; i < from.count; i++)
        if (!copy_text(run->arena, from.items[i].key, &pairs[i].key) ||
            !copy_text(run->arena, from.items[i].value, &pairs[i].value))
            return false;
    return true;
}

static bool write_payload(silt_run *run)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "id", run->id);
    if (run->label) silt_json_member_string(&w, "label", run->label);
    silt_json_member_int(&w, "sequence", run->sequence);
    silt_json_key(&w, "metadata");
    silt_json_begin_object(&w);
    for (size_t i = 0; i < run->metadata.count; i++)
        silt_json_member_string(&w, run->metadata.items[i].key, run->metadata.items[i].value);
    silt_json_end_object(&w);
    silt_json_end_object(&w);
    run->payload = silt_buf_copy(&buf, run->arena);
    return run->payload;
}

static silt_status make(const parts *from, silt_run **out, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_run *run = arena ? silt_arena_calloc(arena, 1, sizeof(*run)) : NULL;
    if (!run) return silt_fail_nomem(err);
    run->arena = arena;
    run->sequence = from->sequence;
    run->diagnostics = from->diagnostics;
    if (!copy_text(arena, from->id, &run->id) || !copy_text(arena, from->label, &run->label) ||
        !copy_metadata(run, from->metadata) || !write_payload(run))
        return silt_fail_nomem(err);
    (void)SILT_TAKE(arena);
    *out = run;
    return SILT_OK;
}

silt_status silt_run_id_check(const char *id, silt_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._:-";
    size_t size = strlen(id);
    if (size && size <= ID_SIZE_MAX && strspn(id, allowed) == size) return SILT_OK;
    silt_fail(err, SILT_INVALID, "a run's id can't be \"%.80s\"", id);
    return silt_hint(err, SILT_INVALID, "1 to %d letters, digits and . _ : - are wanted",
                     ID_SIZE_MAX);
}

static silt_status check_metadata(silt_pairs pairs, silt_error *err)
{
    for (size_t i = 0; i < pairs.count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(pairs.items[i].key, pairs.items[k].key) == 0)
                return silt_fail(err, SILT_INVALID, "run metadata %s is there twice",
                                 pairs.items[i].key);
    return SILT_OK;
}

silt_status silt_run_new(const silt_run_identity *opts, silt_run **out, silt_error *err)
{
    const silt_run_identity fallback = SILT_RUN_IDENTITY_INIT;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    char uuid[SILT_UUID_SIZE];
    if (!scratch) return silt_fail_nomem(err);
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_run_identity: struct_size is not set");
    parts p = {.id = opts->id, .label = opts->label, .diagnostics = opts->diagnostics};
    if (!p.id) silt_uuid(NULL, uuid);
    if (!p.id) p.id = uuid;
    SILT_TRY(silt_run_id_check(p.id, err));
    SILT_TRY(silt_commit_pairs("run metadata", opts->metadata, scratch, &p.metadata, err));
    SILT_TRY(check_metadata(p.metadata, err));
    return make(&p, out, err);
}

silt_status silt_run_of_row(const silt_run_row *row, int64_t sequence,
                            const silt_diagnostics *diagnostics, silt_run **out, silt_error *err)
{
    const parts p = {row->id, row->label, row->metadata, sequence, diagnostics};
    return make(&p, out, err);
}

void silt_run_free(silt_run *run)
{
    if (run) silt_arena_free(run->arena);
}

silt_status silt_run_with_sequence(const silt_run *run, int64_t sequence, silt_run **out,
                                   silt_error *err)
{
    if (sequence < 0)
        return silt_fail(err, SILT_INVALID, "run %s: a number below 0: %" PRId64, run->id,
                         sequence);
    const parts p = {run->id, run->label, run->metadata, sequence, run->diagnostics};
    return make(&p, out, err);
}

silt_status silt_run_next(const silt_run *run, silt_commit_options *commit, silt_run **after,
                          silt_error *err)
{
    SILT_TRY(silt_run_with_sequence(run, run->sequence + 1, after, err));
    commit->app_id = run->id;
    commit->app_version = run->sequence;
    commit->run_payload = run->payload;
    commit->diagnostics = run->diagnostics;
    return SILT_OK;
}

const char *silt_run_id(const silt_run *run)
{
    return run->id;
}

const char *silt_run_label(const silt_run *run)
{
    return run->label;
}

int64_t silt_run_sequence(const silt_run *run)
{
    return run->sequence;
}

const char *silt_run_payload(const silt_run *run)
{
    return run->payload;
}

silt_pairs silt_run_metadata(const silt_run *run)
{
    return run->metadata;
}

const silt_diagnostics *silt_run_diagnostics(const silt_run *run)
{
    return run->diagnostics;
}
