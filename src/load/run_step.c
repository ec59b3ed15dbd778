/* Attempts: written down before they change anything, and after.
 *
 * Invariants
 *  (1) A change begins only when its attempt stands in the record, as the only one that is open.
 *  (2) What became of an attempt is its table's word, wherever the record says nothing: a number
 * that a table has was committed, one that it doesn't have wasn't. (3) Numbers in the record have
 * no gaps, and each is of one operation upon one table. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "load/run_log.h"

struct silt_run_step {
    silt_run_log *log;
    const silt_run *run;
    silt_run *numbered; /* the run at the step's number */
    char attempt_id[SILT_UUID_SIZE];
    silt_run_step *next; /* of the log's */
};

static void step_free(silt_run_step *step)
{
    silt_run_step **at = &step->log->steps;
    while (*at && *at != step)
        at = &(*at)->next;
    if (*at) *at = step->next;
    silt_run_free(step->numbered);
    free(step);
}

/* ---- tables by name */

const char *silt_run_table_name(silt_store *table, silt_arena *arena)
{
    const char *local = silt_store_local_path(table, "", arena);
    const char *from = local ? local : table->uri;
    size_t size = strlen(from);
    while (size > 1 && from[size - 1] == '/')
        size--;
    char *path = silt_arena_strndup(arena, from, size);
    if (!path || !local) return path;
    /* The folder may not be there yet: what is there of its path is told in full. */
    for (char *end = path + size;;) {
        char whole[PATH_MAX];
        char kept = *end;
        *end = '\0';
        bool there = realpath(end == path ? "/" : path, whole) != NULL;
        *end = kept;
        if (there) return silt_arena_printf(arena, "%s%s", strcmp(whole, "/") ? whole : "", end);
        do
            end--;
        while (end > path && *end != '/');
        if (end == path && *end != '/') {
            if (!getcwd(whole, sizeof(whole))) return path;
            return silt_arena_printf(arena, "%s/%s", whole, path);
        }
    }
}

/* ---- what became of attempts */

static silt_status ask_store(silt_run_log *log, const char *id, silt_store *store, silt_run_try *t,
                             silt_error *err)
{
    SILT_AUTO(silt_snapshot) snapshot = NULL;
    silt_run_attempt *a = &t->told;
    silt_status st = silt_snapshot_open(store, log->engine, NULL, &snapshot, err);
    int64_t seen = st == SILT_OK ? silt_snapshot_app_version(snapshot, id) : -1;
    if (st != SILT_OK && st != SILT_NOT_FOUND) return st;
    a->ended_us = silt_now_us(NULL);
    a->table_version = st == SILT_OK ? silt_snapshot_version(snapshot) : -1;
    if (seen < a->sequence) {
        a->outcome = SILT_RUN_FAILED;
        a->error = "it didn't end, and its number isn't in the table";
        return SILT_OK;
    }
    SILT_TRY(silt_app_txn_find(snapshot, id, a->sequence, &a->committed_version, err));
    bool done = a->committed_version >= 0 || seen == a->sequence;
    a->outcome = done ? SILT_RUN_COMMITTED : SILT_RUN_OVERTAKEN;
    a->error = done ? NULL
                    : "it didn't end; a higher number is in the table, and no commit with "
                      "this one is known";
    return SILT_OK;
}

/* A table that can't be asked leaves it unsure. */
static silt_status ask(silt_run_log *log, const char *id, silt_store *table, silt_run_try *t,
                       silt_arena *arena)
{
    SILT_AUTO(silt_store) other = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    silt_error err = {0};
    silt_status st = SILT_OK;
    const char *name = table ? silt_run_table_name(table, arena) : NULL;
    opts.pairs = log->storage_options;
    if (table && !name) return SILT_NOMEM;
    bool open = name && strcmp(name, t->told.table) == 0;
    if (!open) st = silt_store_open(t->told.table, &opts, &other, &err);
    if (st == SILT_OK) st = ask_store(log, id, open ? table : other, t, &err);
    if (st == SILT_OK || st == SILT_NOMEM) return st;
    t->told.outcome = SILT_RUN_UNSURE;
    t->told.ended_us = silt_now_us(NULL);
    t->told.error =
        silt_arena_printf(arena, "it didn't end, and its table can't be asked: %s", err.message);
    return t->told.error ? SILT_OK : SILT_NOMEM;
}

/* Whether an attempt that didn't end is at work. Of those of this log it is known. */
static silt_process_life life_of(const silt_run_log *log, const silt_run_try *t)
{
    if (!silt_streq(t->session, log->session)) return silt_process_look(&t->writer);
    for (const silt_run_step *step = log->steps; step; step = step->next)
        if (strcmp(step->attempt_id, t->told.attempt_id) == 0) return SILT_PROCESS_ALIVE;
    return SILT_PROCESS_DEAD;
}

silt_status silt_run_settle(silt_run_log *log, silt_run_row *row, silt_store *table, bool take_over,
                            silt_arena *arena, const silt_run_try **busy, silt_error *err)
{
    *busy = NULL;
    for (size_t i = 0; i < row->tries.count; i++) {
        silt_run_try *t = &row->tries.items[i];
        bool running = t->told.outcome == SILT_RUN_RUNNING;
        if (!running && t->told.outcome != SILT_RUN_UNSURE) continue;
        silt_process_life life = running ? life_of(log, t) : SILT_PROCESS_DEAD;
        if (life == SILT_PROCESS_ALIVE || (life == SILT_PROCESS_ELSEWHERE && !take_over)) {
            *busy = t;
            continue;
        }
        if (ask(log, row->id, table, t, arena) != SILT_OK) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

/* ---- whether a number may be tried */

static silt_status fail_busy(const silt_run_row *row, const silt_run_try *t, silt_error *err)
{
    char since[SILT_TIME_SIZE];
    silt_time_format(t->told.started_us, since);
    silt_fail(err, SILT_LOCKED,
              "run %s is at work: number %" PRId64 ", %s on %s, by PID %" PRId64 " on %s since %s",
              row->id, t->told.sequence, t->told.operation, t->told.table, t->told.pid,
              t->told.host, since);
    if (silt_process_look(&t->writer) == SILT_PROCESS_ALIVE)
        return silt_hint(err, SILT_LOCKED, "a run does one thing after another: wait for it");
    return silt_hint(err, SILT_LOCKED,
                     "whether that process lives can't be told from here; if it is dead, "
                     "--take-over goes on");
}

typedef struct asked {
    const char *operation, *table;
} asked;

static bool is_same(const silt_run_attempt *a, const asked *what)
{
    return strcmp(a->operation, what->operation) == 0 && strcmp(a->table, what->table) == 0;
}

/* The last number again, as long as it isn't done, else the next. */
static int64_t choose(const silt_run_row *row, const asked *what)
{
    int64_t highest = silt_run_row_highest(row);
    if (highest < 0) return 0;
    const silt_run_attempt *last = &silt_run_row_last(row, highest)->told;
    bool again = !silt_run_outcome_is_done(last->outcome) && last->outcome != SILT_RUN_OVERTAKEN;
    return again && is_same(last, what) ? highest : highest + 1;
}

static silt_status judge(const silt_run_row *row, int64_t sequence, const asked *what,
                         silt_error *err)
{
    int64_t highest = silt_run_row_highest(row);
    const silt_run_try *before = silt_run_row_last(row, sequence);
    if (row->tries.count >= SILT_RUN_ATTEMPTS_MAX) {
        silt_fail(err, SILT_INVALID, "run %s has %d attempts already, which is the most", row->id,
                  SILT_RUN_ATTEMPTS_MAX);
        return silt_hint(err, SILT_INVALID, "begin another run");
    }
    if (!before && sequence <= highest) {
        silt_fail(err, SILT_INVALID,
                  "run %s: there is a gap: number %" PRId64 " was never tried, though %" PRId64
                  " was",
                  row->id, sequence, highest);
        return silt_hint(err, SILT_INVALID, "the next number is %" PRId64, highest + 1);
    }
    if (sequence > highest + 1) {
        silt_fail(err, SILT_INVALID,
                  "run %s: number %" PRId64 " leaves a gap: the next one is %" PRId64, row->id,
                  sequence, highest + 1);
        return silt_hint(err, SILT_INVALID,
                         "if the record was lost, go on without one (no --run-state)");
    }
    if (!before || is_same(&before->told, what)) return SILT_OK;
    silt_fail(err, SILT_INVALID,
              "run %s: number %" PRId64 " was %s on %s, and can't be %s on %s too", row->id,
              sequence, before->told.operation, before->told.table, what->operation, what->table);
    return silt_hint(err, SILT_INVALID, "each change has a number of its own: the next is %" PRId64,
                     highest + 1);
}

/* ---- beginning */

static silt_status read_row(silt_run_log *log, const silt_run *run, silt_arena *arena,
                            silt_run_row *out, silt_error *err)
{
    bool found = false;
    SILT_TRY(silt_run_log_refresh(log, err));
    SILT_TRY(silt_run_log_find(log, silt_run_id(run), arena, out, &found, err));
    if (found && out->pipeline) {
        silt_fail(err, SILT_INVALID, "run %s is one of pipeline %s", silt_run_id(run),
                  out->pipeline);
        return silt_hint(err, SILT_INVALID, "give changes a run of their own, with another id");
    }
    if (found) return SILT_OK;
    *out = (silt_run_row){.id = silt_run_id(run),
                          .label = silt_run_label(run),
                          .metadata = silt_run_metadata(run),
                          .started_us = silt_now_us(NULL)};
    return SILT_OK;
}

/* Put the row; where the answer got lost, whether it has the attempt with that outcome tells. */
static silt_status put_row(silt_run_log *log, const silt_run_row *row, const char *attempt_id,
                           silt_run_outcome outcome, bool *again, silt_error *err)
{
    SILT_CLEAN(silt_buf) line = {0};
    silt_run_row_write(row, &line);
    silt_status st = silt_run_log_put(log, row->id, &line, false, err);
    *again = st == SILT_CONFLICT;
    if (st != SILT_UNSURE) return st;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_run_row) now = {0};
    bool found = false;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(silt_run_log_refresh(log, err));
    SILT_TRY(silt_run_log_find(log, row->id, arena, &now, &found, err));
    for (size_t i = 0; i < now.tries.count; i++) {
        const silt_run_attempt *a = &now.tries.items[i].told;
        if (strcmp(a->attempt_id, attempt_id) == 0 && a->outcome == outcome) return SILT_OK;
    }
    *again = true;
    return SILT_UNSURE;
}

static silt_status add_try(silt_run_row *row, const silt_run_step *step, int64_t sequence,
                           const asked *what, silt_error *err)
{
    silt_run_try t = {.told = {.sequence = sequence,
                               .operation = what->operation,
                               .table = what->table,
                               .outcome = SILT_RUN_RUNNING,
                               .committed_version = -1,
                               .table_version = -1,
                               .started_us = silt_now_us(NULL),
                               .ended_us = -1,
                               .attempt_id = step->attempt_id}};
    silt_process_self(&t.writer);
    t.session = step->log->session;
    return silt_vec_push(&row->tries, t) ? SILT_OK : silt_fail_nomem(err);
}

static silt_status begin_once(silt_run_step *step, const silt_run_change *change, bool *again,
                              silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_run_row) row = {0};
    const silt_run_try *busy;
    if (!arena) return silt_fail_nomem(err);
    const asked what = {change->operation, silt_run_table_name(change->table, arena)};
    if (!what.table) return silt_fail_nomem(err);
    SILT_TRY(read_row(step->log, step->run, arena, &row, err));
    SILT_TRY(silt_run_settle(step->log, &row, change->table, change->take_over, arena, &busy, err));
    if (busy) return fail_busy(&row, busy, err);
    int64_t sequence = change->choose ? choose(&row, &what) : silt_run_sequence(step->run);
    SILT_TRY(judge(&row, sequence, &what, err));
    SILT_TRY(
        silt_run_of_row(&row, sequence, silt_run_diagnostics(step->run), &step->numbered, err));
    SILT_TRY(add_try(&row, step, sequence, &what, err));
    silt_status st = put_row(step->log, &row, step->attempt_id, SILT_RUN_RUNNING, again, err);
    if (st == SILT_OK) return st;
    silt_run_free(step->numbered);
    step->numbered = NULL;
    return st;
}

silt_status silt_run_begin(silt_run_log *log, const silt_run *run, const silt_run_change *change,
                           silt_run_step **out, silt_error *err)
{
    if (change->struct_size < sizeof(*change))
        return silt_fail(err, SILT_INVALID, "silt_run_change: struct_size is not set");
    if (!change->operation || !*change->operation || !change->table)
        return silt_fail(err, SILT_INVALID, "a run's change needs an operation and a table");
    silt_run_step *step = calloc(1, sizeof(*step));
    if (!step) return silt_fail_nomem(err);
    step->log = log;
    step->run = run;
    silt_uuid(NULL, step->attempt_id);
    silt_status st = SILT_CONFLICT;
    bool again = true;
    for (int i = 0; i < SILT_RUN_TRIES && again; i++) {
        again = false;
        if (i) silt_run_log_wait(step->log, i);
        st = begin_once(step, change, &again, err);
    }
    if (st != SILT_OK) {
        step_free(step);
        return st;
    }
    step->next = log->steps;
    log->steps = step;
    if (err) *err = (silt_error){0};
    *out = step;
    return SILT_OK;
}

int64_t silt_run_step_sequence(const silt_run_step *step)
{
    return silt_run_sequence(step->numbered);
}

void silt_run_step_options(const silt_run_step *step, silt_commit_options *commit)
{
    commit->app_id = silt_run_id(step->numbered);
    commit->app_version = silt_run_sequence(step->numbered);
    commit->run_payload = silt_run_payload(step->numbered);
    if (silt_run_diagnostics(step->run)) commit->diagnostics = silt_run_diagnostics(step->run);
}

/* ---- ending */

static silt_run_outcome outcome_of(const silt_run_ending *result)
{
    switch (result->status) {
    case SILT_OK:
        return result->outcome;
    case SILT_CONFLICT:
    case SILT_TIMEOUT:
        return SILT_RUN_CONFLICT;
    case SILT_FENCED:
        return SILT_RUN_OVERTAKEN;
    case SILT_UNSURE:
        return SILT_RUN_UNSURE;
    default:
        return SILT_RUN_FAILED;
    }
}

static silt_status end_once(silt_run_step *step, const silt_run_ending *result, bool *fenced,
                            bool *again, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_run_row) row = {0};
    silt_run_try *ours = NULL;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(read_row(step->log, step->run, arena, &row, err));
    for (size_t i = 0; i < row.tries.count; i++)
        if (strcmp(row.tries.items[i].told.attempt_id, step->attempt_id) == 0)
            ours = &row.tries.items[i];
    if (!ours)
        return silt_fail(err, SILT_INCONSISTENT, "runs: attempt %s of run %s isn't in %s any more",
                         step->attempt_id, silt_run_id(step->run), step->log->store->uri);
    *fenced = ours->told.outcome != SILT_RUN_RUNNING;
    ours->told.outcome = outcome_of(result);
    ours->told.committed_version = result->committed_version;
    ours->told.table_version = result->table_version;
    ours->told.error = result->status == SILT_OK ? NULL
                       : result->error           ? result->error
                                                 : silt_status_name(result->status);
    ours->told.ended_us = silt_now_us(NULL);
    return put_row(step->log, &row, step->attempt_id, ours->told.outcome, again, err);
}

static void tell(const silt_run_step *step, const silt_run_ending *result)
{
    const silt_diagnostics *to = silt_run_diagnostics(step->run);
    SILT_CLEAN(silt_buf) text = {0};
    silt_json_writer w = silt_json_writer_of(&text);
    if (!to) return;
    silt_json_begin_object(&w);
    silt_json_member_raw(&w, "run", silt_run_payload(step->numbered));
    silt_json_member_string(&w, "outcome", silt_run_outcome_name(outcome_of(result)));
    silt_json_member_int(&w, "committed_version", result->committed_version);
    silt_json_member_string(&w, "error", result->status == SILT_OK ? NULL : result->error);
    silt_json_end_object(&w);
    if (!text.failed) to->event(to->ctx, "run_attempt", text.data);
}

static silt_status end(silt_run_step *step, const silt_run_ending *result, silt_error *err)
{
    bool fenced = false, again = true;
    silt_status st = SILT_CONFLICT;
    if (result->struct_size < sizeof(*result))
        return silt_fail(err, SILT_INVALID, "silt_run_ending: struct_size is not set");
    tell(step, result);
    for (int i = 0; i < SILT_RUN_TRIES && again; i++) {
        again = false;
        if (i) silt_run_log_wait(step->log, i);
        st = end_once(step, result, &fenced, &again, err);
    }
    if (st != SILT_OK || !fenced) return st;
    silt_fail(err, SILT_FENCED, "run %s: somebody else took number %" PRId64 " over meanwhile",
              silt_run_id(step->run), silt_run_step_sequence(step));
    return silt_hint(err, SILT_FENCED, "what was committed stands, once: the table says so");
}

silt_status silt_run_end(silt_run_step *step, const silt_run_ending *result, silt_run **after,
                         silt_error *err)
{
    silt_run *next = NULL;
    silt_status st = end(step, result, err);
    if (st == SILT_OK && after)
        st = silt_run_with_sequence(step->numbered, silt_run_step_sequence(step) + 1, &next, err);
    step_free(step);
    if (st != SILT_OK) return st;
    if (after) *after = next;
    if (err) *err = (silt_error){0};
    return SILT_OK;
}
