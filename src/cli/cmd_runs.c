/* silt runs: which runs there were, and what each of their attempts came to. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/run.h"
#include "cli/words.h"

/* ---- the list */

#define LIMIT 50

typedef struct listing {
    cli *c;
    cli_grid *grid;
    cli_json json;
    int64_t left; /* runs that may be told yet; -1: all */
    bool cut;     /* there are more */
    bool no_memory;
} listing;

static bool is_full(listing *l)
{
    if (l->left == 0) l->cut = true;
    if (l->left > 0) l->left--;
    return l->cut;
}

static void put_metrics(cli_json *j, const silt_run_metrics *m)
{
    char seconds[CLI_NUMBER_SIZE];
    snprintf(seconds, sizeof(seconds), m->run_seconds < 0 ? "null" : "%.3f", m->run_seconds);
    cli_json_object(j, "metrics");
    cli_json_count(j, "files_discovered", m->files_discovered);
    cli_json_count(j, "files_processed", m->files_processed);
    cli_json_count(j, "files_skipped", m->files_skipped);
    cli_json_count(j, "files_failed", m->files_failed);
    cli_json_count(j, "rows", m->rows);
    cli_json_count(j, "rows_rejected", m->rows_rejected);
    cli_json_count(j, "batches", m->batches);
    cli_json_count(j, "recoveries", m->recoveries);
    cli_json_count(j, "lock_failures", m->lock_failures);
    cli_json_count(j, "inconsistencies", m->inconsistencies);
    cli_json_count(j, "consecutive_failures", m->consecutive_failures);
    cli_json_raw(j, "run_seconds", seconds);
    cli_json_end(j);
}

static void put_members(cli_json *j, const silt_run_record *r)
{
    cli_json_string(j, "run_id", r->id);
    cli_json_string(j, "label", r->label);
    cli_json_string(j, "status", r->status);
    cli_json_count(j, "commit_sequence", r->commit_sequence);
    cli_json_time(j, "started_at", r->started_us);
    cli_json_time(j, "ended_at", r->ended_us);
    cli_json_string(j, "pipeline", r->pipeline);
    if (!r->pipeline) return;
    cli_json_string(j, "operation", r->operation);
    cli_json_string(j, "error", r->error);
    cli_json_string(j, "host", r->host);
    cli_json_integer(j, "pid", r->pid);
    put_metrics(j, &r->metrics);
}

static bool print_json(void *ctx, const silt_run_record *r)
{
    listing *l = ctx;
    if (is_full(l)) return false;
    cli_json_object(&l->json, NULL);
    put_members(&l->json, r);
    cli_json_end(&l->json);
    return !ferror(stdout);
}

/* The beginning of a UUID is enough to ask for it; ids that people gave are told in full. */
static void shorten(const cli *c, const silt_run_record *r, char out[], size_t size)
{
    bool uuid = r->pipeline && strlen(r->id) == 36;
    snprintf(out, size, "%.*s", uuid && !c->verbose ? 8 : 200, r->id);
}

static const char *number(int64_t value, char out[CLI_NUMBER_SIZE])
{
    cli_format_number(value, out);
    return value < 0 ? NULL : out;
}

static const char *duration(const silt_run_record *r, char out[CLI_NUMBER_SIZE])
{
    if (r->ended_us < 0) return NULL;
    cli_format_duration((double)(r->ended_us - r->started_us) / 1e6, out);
    return out;
}

static bool add_row(void *ctx, const silt_run_record *r)
{
    listing *l = ctx;
    char id[201], started[CLI_TIME_SIZE], took[CLI_NUMBER_SIZE];
    char files[CLI_NUMBER_SIZE], rows[CLI_NUMBER_SIZE], failed[CLI_NUMBER_SIZE];
    if (is_full(l)) return false;
    const silt_run_metrics *m = &r->metrics;
    const bool of_pipeline = r->pipeline;
    bool maintains = of_pipeline && strcmp(r->operation, "MAINTAIN") == 0;
    shorten(l->c, r, id, sizeof(id));
    cli_format_time(r->started_us, false, started);
    const char *cells[] = {id,
                           of_pipeline ? r->pipeline : r->label,
                           maintains     ? "maintain"
                           : of_pipeline ? "run"
                                         : "changes",
                           r->status,
                           started,
                           duration(r, took),
                           of_pipeline && !maintains ? number(m->files_processed, files) : NULL,
                           of_pipeline && !maintains ? number(m->rows, rows) : NULL,
                           of_pipeline && !maintains ? number(m->files_failed, failed) : NULL};
    l->no_memory = !cli_grid_texts(l->grid, cells) && !ferror(stdout);
    return !l->no_memory && !ferror(stdout);
}

static int list_json(listing *l, silt_run_log *log)
{
    silt_error err = {0};
    l->json = cli_json_start(stdout, true);
    cli_json_object(&l->json, NULL);
    cli_json_array(&l->json, "runs");
    silt_status st = silt_run_log_list(log, print_json, l, &err);
    if (st != SILT_OK) return cli_fail(l->c, &err);
    cli_json_end(&l->json);
    cli_json_end(&l->json);
    return CLI_OK;
}

static int list(cli *c, silt_run_log *log)
{
    static const cli_column columns[] = {
        {"RUN", NULL, false},    {"LABEL", NULL, false},       {"WHAT", NULL, false},
        {"STATUS", NULL, false}, {"BEGUN (UTC)", NULL, false}, {"TOOK", NULL, true},
        {"FILES", NULL, true},   {"ROWS", NULL, true},         {"FAILED", NULL, true}};
    silt_error err = {0};
    listing l = {.c = c, .left = cli_count(c, "limit", LIMIT)};
    if (l.left == 0) l.left = -1;
    if (c->json) return list_json(&l, log);
    l.grid = cli_grid_new(c, columns, sizeof(columns) / sizeof(*columns), "-", c->verbose ? 0 : 60);
    if (!l.grid) return cli_no_memory(c);
    silt_status st = silt_run_log_list(log, add_row, &l, &err);
    if (st == SILT_OK && !l.no_memory) (void)cli_grid_end(l.grid);
    cli_grid_free(l.grid);
    if (l.no_memory) return cli_no_memory(c);
    if (st != SILT_OK) return cli_fail(c, &err);
    if (l.cut) cli_hint(c, "there are more: --limit N shows N of them, --limit 0 all");
    return CLI_OK;
}

/* ---- one run */

static void put_attempt(cli_json *j, const silt_run_attempt *a)
{
    cli_json_object(j, NULL);
    cli_json_integer(j, "sequence", a->sequence);
    cli_json_string(j, "operation", a->operation);
    cli_json_string(j, "table", a->table);
    cli_json_string(j, "outcome", silt_run_outcome_name(a->outcome));
    cli_json_count(j, "committed_version", a->committed_version);
    cli_json_count(j, "table_version", a->table_version);
    cli_json_string(j, "error", a->error);
    cli_json_time(j, "started_at", a->started_us);
    cli_json_time(j, "ended_at", a->ended_us);
    cli_json_string(j, "attempt_id", a->attempt_id);
    cli_json_string(j, "host", a->host);
    cli_json_integer(j, "pid", a->pid);
    cli_json_end(j);
}

static void put_table(cli_json *j, const silt_run_table *t)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "table_name", t->table_name);
    cli_json_string(j, "path", t->path);
    cli_json_string(j, "status", t->status);
    cli_json_count(j, "files_discovered", t->files_discovered);
    cli_json_count(j, "files_processed", t->files_processed);
    cli_json_count(j, "files_skipped", t->files_skipped);
    cli_json_count(j, "files_failed", t->files_failed);
    cli_json_count(j, "rows", t->rows);
    cli_json_count(j, "rows_inserted", t->rows_inserted);
    cli_json_count(j, "rows_updated", t->rows_updated);
    cli_json_count(j, "rows_deleted", t->rows_deleted);
    cli_json_count(j, "rows_unchanged", t->rows_unchanged);
    cli_json_count(j, "rows_deduplicated", t->rows_deduplicated);
    cli_json_count(j, "rows_rejected", t->rows_rejected);
    cli_json_count(j, "batches", t->batches);
    cli_json_count(j, "recoveries", t->recoveries);
    cli_json_count(j, "commit_retries", t->commit_retries);
    cli_json_count(j, "violations", t->violations);
    cli_json_count(j, "duration_ms", t->duration_ms);
    cli_json_count(j, "version", t->version);
    cli_json_string(j, "problem", t->problem == SILT_OK ? NULL : silt_status_name(t->problem));
    cli_json_string(j, "message", t->message);
    cli_json_end(j);
}

static void put_pipeline_run(cli_json *j, const silt_run_record *r)
{
    cli_json_array(j, "tables");
    for (size_t i = 0; i < r->table_count; i++)
        put_table(j, &r->tables[i]);
    cli_json_end(j);
    cli_json_array(j, "failures");
    for (size_t i = 0; i < r->failure_count; i++) {
        const silt_run_failure *f = &r->failures[i];
        cli_json_object(j, NULL);
        cli_json_string(j, "table_name", f->table_name);
        cli_json_string(j, "file_path", f->file_path);
        cli_json_string(j, "error_message", f->message);
        cli_json_integer(j, "retry_count", f->retry_count);
        cli_json_end(j);
    }
    cli_json_end(j);
}

static void show_json(const silt_run_record *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    put_members(&j, r);
    cli_json_object(&j, "metadata");
    for (const char *const *m = r->metadata; m[0]; m += 2)
        cli_json_string(&j, m[0], m[1]);
    cli_json_end(&j);
    cli_json_array(&j, "attempts");
    for (size_t i = 0; i < r->attempt_count; i++)
        put_attempt(&j, &r->attempts[i]);
    cli_json_end(&j);
    if (r->pipeline) put_pipeline_run(&j, r);
    cli_json_end(&j);
}

static bool add_attempt(cli_grid *grid, const silt_run_attempt *a)
{
    char number[CLI_NUMBER_SIZE], version[CLI_NUMBER_SIZE], started[CLI_TIME_SIZE];
    snprintf(number, sizeof(number), "%" PRId64, a->sequence);
    snprintf(version, sizeof(version), "%" PRId64, a->committed_version);
    cli_format_time(a->started_us, false, started);
    const char *cells[] = {number,       silt_run_outcome_name(a->outcome),
                           a->operation, a->committed_version < 0 ? NULL : version,
                           started,      a->table,
                           a->error};
    return cli_grid_texts(grid, cells);
}

/* ---- one run of a pipeline, for people */

static int show_tables(cli *c, const silt_run_record *r)
{
    static const cli_column columns[] = {{"TABLE", NULL, false},  {"STATUS", NULL, false},
                                         {"FILES", NULL, true},   {"ROWS", NULL, true},
                                         {"BATCHES", NULL, true}, {"FAILED", NULL, true},
                                         {"VERSION", NULL, true}, {"WHY", NULL, false}};
    cli_grid *grid = cli_grid_new(c, columns, sizeof(columns) / sizeof(*columns), "-", 0);
    bool ok = grid;
    for (size_t i = 0; ok && i < r->table_count; i++) {
        const silt_run_table *t = &r->tables[i];
        char texts[5][CLI_NUMBER_SIZE];
        const char *cells[] = {t->table_name,
                               t->status,
                               number(t->files_processed, texts[0]),
                               number(t->rows, texts[1]),
                               number(t->batches, texts[2]),
                               number(t->files_failed, texts[3]),
                               number(t->version, texts[4]),
                               t->message};
        ok = cli_grid_texts(grid, cells);
    }
    if (ok) (void)cli_grid_end(grid);
    cli_grid_free(grid);
    return ok ? CLI_OK : cli_no_memory(c);
}

static int show_batches(cli *c, const silt_run_record *r)
{
    static const cli_column columns[] = {{"BATCH", NULL, true},     {"OUTCOME", NULL, false},
                                         {"STRATEGY", NULL, false}, {"VERSION", NULL, true},
                                         {"TOOK", NULL, true},      {"TABLE", NULL, false},
                                         {"WHY", NULL, false}};
    cli_grid *grid = cli_grid_new(c, columns, sizeof(columns) / sizeof(*columns), "-", 0);
    bool ok = grid;
    for (size_t i = 0; ok && i < r->attempt_count; i++) {
        const silt_run_attempt *a = &r->attempts[i];
        char at[CLI_NUMBER_SIZE], version[CLI_NUMBER_SIZE], took[CLI_NUMBER_SIZE];
        cli_format_duration((double)(a->ended_us - a->started_us) / 1e6, took);
        const char *cells[] = {number(a->sequence + 1, at),
                               silt_run_outcome_name(a->outcome),
                               a->operation,
                               number(a->committed_version, version),
                               took,
                               a->table,
                               a->error};
        ok = cli_grid_texts(grid, cells);
    }
    if (ok) (void)cli_grid_end(grid);
    cli_grid_free(grid);
    return ok ? CLI_OK : cli_no_memory(c);
}

static void show_head(const cli *c, const silt_run_record *r)
{
    char started[CLI_TIME_SIZE], took[CLI_NUMBER_SIZE];
    const char *lasted = duration(r, took);
    cli_format_time(r->started_us, false, started);
    bool maintains = strcmp(r->operation, "MAINTAIN") == 0;
    printf("%s %s of pipeline %s: %s\n", maintains ? "Maintenance" : "Run", r->id, r->pipeline,
           r->status);
    printf("Begun %s UTC, %s%s, by PID %" PRId64 " on ", started,
           lasted ? "took " : "has not ended", lasted ? lasted : "", r->pid);
    cli_put(stdout, &c->out, r->host);
    fputc('\n', stdout);
    if (!r->error) return;
    cli_put(stdout, &c->out, r->error);
    fputc('\n', stdout);
}

static int show_pipeline_run(cli *c, const silt_run_record *r)
{
    char counted[CLI_COUNTED_SIZE];
    show_head(c, r);
    if (r->metrics.recoveries > 0)
        printf("It put right what was unfinished %s.\n",
               cli_counted(r->metrics.recoveries, "time", "times", counted));
    if (r->metrics.consecutive_failures > 1)
        printf("Up to it, %" PRId64 " runs in a row weren't completed.\n",
               r->metrics.consecutive_failures);
    int status = CLI_OK;
    if (r->table_count) {
        fputc('\n', stdout);
        status = show_tables(c, r);
    }
    if (status == CLI_OK && r->attempt_count) {
        fputc('\n', stdout);
        status = show_batches(c, r);
    }
    for (size_t i = 0; i < r->failure_count; i++) {
        printf("%s  ", i ? "" : "\nFailed files:\n");
        cli_put(stdout, &c->out, r->failures[i].file_path);
        printf(" (%s, try %" PRId64 ")\n    ", r->failures[i].table_name,
               r->failures[i].retry_count);
        cli_put(stdout, &c->out, r->failures[i].message);
        fputc('\n', stdout);
    }
    return status;
}

static int show_text(cli *c, const silt_run_record *r)
{
    if (r->pipeline) return show_pipeline_run(c, r);
    static const cli_column columns[] = {{"NUMBER", NULL, true},       {"OUTCOME", NULL, false},
                                         {"OPERATION", NULL, false},   {"VERSION", NULL, true},
                                         {"BEGUN (UTC)", NULL, false}, {"TABLE", NULL, false},
                                         {"WHY", NULL, false}};
    printf("Run %s: %s; the next number is %" PRId64 "\n", r->id, r->status, r->commit_sequence);
    if (r->label) printf("Label: %s\n", r->label);
    for (const char *const *m = r->metadata; m[0]; m += 2)
        printf("%s: %s\n", m[0], m[1]);
    cli_grid *grid = cli_grid_new(c, columns, 7, "-", 0);
    bool ok = grid;
    for (size_t i = 0; ok && i < r->attempt_count; i++)
        ok = add_attempt(grid, &r->attempts[i]);
    if (ok) (void)cli_grid_end(grid);
    cli_grid_free(grid);
    return ok ? CLI_OK : cli_no_memory(c);
}

static int show(cli *c, silt_run_log *log, const char *id)
{
    silt_error err = {0};
    silt_run_record record;
    if (silt_run_log_read(log, id, c->arena, &record, &err) != SILT_OK) return cli_fail(c, &err);
    if (!c->json) return show_text(c, &record);
    show_json(&record);
    return CLI_OK;
}

/* The record of --run-state; else the pipeline's, which also knows of the run at work. */
static int open_log(cli *c, cli_runs *out)
{
    silt_error err = {0};
    int status = CLI_OK;
    if (cli_text(c, "run-state")) {
        status = cli_open_engine(c);
        return status == CLI_OK ? cli_runs_open(c, out) : status;
    }
    status = cli_open_pipeline(c, false);
    if (status != CLI_OK) return status;
    return silt_pipeline_run_log(c->pipeline, &out->log, &err) == SILT_OK ? CLI_OK
                                                                          : cli_fail(c, &err);
}

int cmd_runs(cli *c)
{
    cli_runs runs = {0};
    const char **words = c->line.arguments;
    size_t count = c->line.argument_count;
    if (count && strcmp(words[0], "show") != 0)
        return cli_misuse(c, "runs %s: show ID is wanted, or nothing", words[0]);
    if (count == 1) return cli_misuse(c, "runs show: which run? Its ID is missing");
    int status = open_log(c, &runs);
    if (status == CLI_OK) status = count ? show(c, runs.log, words[1]) : list(c, runs.log);
    cli_runs_release(&runs);
    return status;
}
