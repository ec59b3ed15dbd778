/* silt status: how the pipeline stands. Reads only. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

/* ---- as JSON ---- */

static void print_lock_json(cli_json *j, const silt_status_lock *lock)
{
    if (!lock->held) {
        cli_json_string(j, "lock", NULL);
        return;
    }
    cli_json_object(j, "lock");
    cli_json_boolean(j, "readable", lock->readable);
    cli_json_boolean(j, "alive", lock->alive);
    cli_json_boolean(j, "assumed", lock->assumed);
    if (lock->readable) {
        cli_json_integer(j, "pid", lock->pid);
        cli_json_string(j, "hostname", lock->hostname);
        cli_json_time(j, "acquired_at", lock->acquired_us);
        cli_json_time(j, "timeout_at", lock->timeout_us);
    }
    cli_json_end(j);
}

static void print_table_json(cli_json *j, const silt_status_table *t)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "table_name", t->table_name);
    cli_json_string(j, "path", t->path);
    cli_json_string(j, "status", t->status);
    cli_json_integer(j, "files_discovered", t->files_discovered);
    cli_json_integer(j, "files_pending", t->files_pending);
    cli_json_integer(j, "files_processing", t->files_processing);
    cli_json_integer(j, "files_completed", t->files_completed);
    cli_json_integer(j, "files_failed", t->files_failed);
    cli_json_integer(j, "files_changed", t->files_changed);
    cli_json_integer(j, "files_retried_next", t->files_retried);
    cli_json_time(j, "next_retry_at", t->next_retry_us);
    cli_json_integer(j, "rows_rejected", t->rows_rejected);
    cli_json_string(j, "last_run_id", t->last_run_id);
    cli_json_count(j, "last_batch_id", t->last_batch_id);
    cli_json_time(j, "updated_at", t->updated_us);
    cli_json_count(j, "version", t->version);
    cli_json_integer(j, "inconsistencies", t->inconsistencies);
    cli_json_array(j, "failures");
    for (size_t i = 0; i < t->failure_count; i++) {
        cli_json_object(j, NULL);
        cli_json_string(j, "file_path", t->failures[i].file_path);
        cli_json_string(j, "error_message", t->failures[i].message);
        cli_json_integer(j, "retry_count", t->failures[i].retry_count);
        cli_json_time(j, "next_retry_at", t->failures[i].next_retry_us);
        cli_json_end(j);
    }
    cli_json_end(j);
    cli_json_string(j, "problem", t->problem);
    cli_json_end(j);
}

static void print_mean(cli_json *j, const char *key, double value)
{
    char text[CLI_NUMBER_SIZE];
    snprintf(text, sizeof(text), value < 0 ? "null" : "%.3f", value);
    cli_json_raw(j, key, text);
}

static void print_metrics_json(cli_json *j, const silt_status_metrics *m)
{
    cli_json_object(j, "metrics");
    cli_json_integer(j, "runs", m->runs);
    print_mean(j, "files_per_run", m->files_per_run);
    print_mean(j, "rows_per_run", m->rows_per_run);
    print_mean(j, "run_seconds", m->run_seconds);
    cli_json_integer(j, "validation_inconsistencies", m->validation_inconsistencies);
    cli_json_integer(j, "inconsistencies_now", m->inconsistencies_now);
    cli_json_integer(j, "lock_failures", m->lock_failures);
    cli_json_integer(j, "recoveries", m->recoveries);
    cli_json_count(j, "consecutive_failures", m->consecutive_failures);
    cli_json_end(j);
    if (!m->last_run_id) {
        cli_json_string(j, "last_run", NULL);
        return;
    }
    cli_json_object(j, "last_run");
    cli_json_string(j, "run_id", m->last_run_id);
    cli_json_string(j, "status", m->last_run_status);
    cli_json_time(j, "started_at", m->last_run_started_us);
    cli_json_time(j, "ended_at", m->last_run_ended_us);
    cli_json_end(j);
}

static void print_json(const silt_status_report *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "pipeline", r->pipeline);
    cli_json_string(&j, "checkpoint_path", r->checkpoint_path);
    print_lock_json(&j, &r->lock);
    print_metrics_json(&j, &r->metrics);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++)
        print_table_json(&j, &r->tables[i]);
    cli_json_end(&j);
    cli_json_end(&j);
}

/* ---- for people ---- */

static void print_lock(const cli *c, const silt_status_lock *lock)
{
    char since[CLI_TIME_SIZE], until[CLI_TIME_SIZE];
    if (!lock->held) {
        fputs("Lock: none\n", stdout);
    } else if (!lock->readable) {
        fputs("Lock: there is one, but it can't be read\n", stdout);
    } else {
        cli_format_time(lock->acquired_us, false, since);
        cli_format_time(lock->timeout_us, false, until);
        fprintf(stdout, "Lock: held by PID %" PRId64 " on ", lock->pid);
        cli_put(stdout, &c->out, lock->hostname);
        fprintf(stdout, " since %s, until %s (%s)\n", since, until,
                !lock->alive    ? "gone: the next run takes it over"
                : lock->assumed ? "another host's: whether it is alive can't be told from here"
                                : "alive");
    }
}

static void print_last_run(const silt_status_metrics *m)
{
    char started[CLI_TIME_SIZE], took[CLI_NUMBER_SIZE];
    if (!m->last_run_id) {
        fputs("Last run: none\n", stdout);
        return;
    }
    cli_format_time(m->last_run_started_us, false, started);
    printf("Last run: %.8s, %s, begun %s", m->last_run_id, m->last_run_status, started);
    if (m->last_run_ended_us >= 0) {
        cli_format_duration((double)(m->last_run_ended_us - m->last_run_started_us) / 1e6, took);
        printf(", took %s", took);
    }
    if (m->consecutive_failures > 1)
        printf("; %" PRId64 " runs in a row weren't completed", m->consecutive_failures);
    fputc('\n', stdout);
}

static void print_inconsistencies(const silt_status_metrics *m)
{
    char counted[CLI_COUNTED_SIZE];
    if (m->inconsistencies_now)
        printf("\n%s: the next run settles what can be settled, `silt validate-consistency` "
               "tells more\n",
               cli_counted(m->inconsistencies_now, "inconsistency", "inconsistencies", counted));
}

/* Grid cells are texts; these are a row's. */
typedef struct status_row {
    char numbers[6][CLI_NUMBER_SIZE], time[CLI_TIME_SIZE];
} status_row;

static bool add_table(cli_grid *grid, const silt_status_table *t)
{
    status_row row;
    const int64_t numbers[] = {t->files_pending, t->files_processing, t->files_completed,
                               t->files_failed,  t->last_batch_id,    t->version};
    const char *cells[9] = {t->table_name, t->status};
    for (size_t i = 0; i < 6; i++) {
        cli_format_number(numbers[i], row.numbers[i]);
        cells[2 + i] = numbers[i] < 0 ? NULL : row.numbers[i];
    }
    if (t->updated_us >= 0) {
        cli_format_time(t->updated_us, false, row.time);
        cells[8] = row.time;
    }
    return cli_grid_texts(grid, cells);
}

static int print_tables(const cli *c, const silt_status_report *r)
{
    static const cli_column columns[] = {
        {"TABLE", NULL, false},     {"STATUS", NULL, false},   {"PENDING", NULL, true},
        {"PROCESSING", NULL, true}, {"COMPLETED", NULL, true}, {"FAILED", NULL, true},
        {"BATCH", NULL, true},      {"VERSION", NULL, true},   {"UPDATED (UTC)", NULL, false}};
    cli_grid *grid = cli_grid_new(c, columns, sizeof(columns) / sizeof(*columns), "-", 0);
    bool ok = grid != NULL;
    for (size_t i = 0; ok && i < r->table_count; i++)
        ok = add_table(grid, &r->tables[i]);
    if (ok) ok = cli_grid_end(grid);
    cli_grid_free(grid);
    return ok || cli_output_failed() ? CLI_OK : cli_no_memory(c);
}

/* "next retry: by the next run", "… not before 2024-05-01 10:00:00", "none, …". */
static void print_next_retry(const silt_status_table *t, const silt_run_failure *f)
{
    char from[CLI_TIME_SIZE];
    if (f->next_retry_us < 0) {
        fputs("none, its tries are used up: `silt run --retry-failed`", stdout);
    } else if (f->next_retry_us <= t->seen_us) {
        fputs("by the next run", stdout);
    } else {
        cli_format_time(f->next_retry_us, false, from);
        printf("by the first run after %s", from);
    }
}

static void print_troubles(const cli *c, const silt_status_table *t)
{
    char counted[CLI_COUNTED_SIZE];
    if (t->problem) {
        fprintf(stdout, "\n%s: ", t->table_name);
        cli_put(stdout, &c->out, t->problem);
        fputc('\n', stdout);
    }
    if (t->files_changed)
        fprintf(stdout, "\n%s: %s changed since loading\n", t->table_name,
                cli_counted(t->files_changed, "file has", "files have", counted));
    if (t->rows_rejected)
        fprintf(stdout, "\n%s: %s of its files rejected as bad\n", t->table_name,
                cli_counted(t->rows_rejected, "row", "rows", counted));
    for (size_t i = 0; i < t->failure_count; i++) {
        if (i == 0)
            fprintf(stdout, "\n%s, failed (runs try %" PRId64 " of them again):\n", t->table_name,
                    t->files_retried);
        fputs("  ", stdout);
        cli_put(stdout, &c->out, t->failures[i].file_path);
        fprintf(stdout, " (tries: %" PRId64 "; next retry: ", t->failures[i].retry_count);
        print_next_retry(t, &t->failures[i]);
        fputs(")\n    ", stdout);
        cli_put(stdout, &c->out, t->failures[i].message);
        fputc('\n', stdout);
    }
}

int cmd_status(cli *c)
{
    silt_error err = {0};
    silt_status_report report = {0};
    int status = cli_open_pipeline(c, false);
    if (status != CLI_OK) return status;
    if (silt_pipeline_status(c->pipeline, c->arena, &report, &err) != SILT_OK)
        return cli_fail(c, &err);
    if (c->json) {
        print_json(&report);
        return CLI_OK;
    }
    fprintf(stdout, "Pipeline: %s\nState: ", report.pipeline);
    cli_put(stdout, &c->out, report.checkpoint_path);
    fputc('\n', stdout);
    print_lock(c, &report.lock);
    print_last_run(&report.metrics);
    fputc('\n', stdout);
    status = print_tables(c, &report);
    for (size_t i = 0; i < report.table_count; i++)
        print_troubles(c, &report.tables[i]);
    print_inconsistencies(&report.metrics);
    return status;
}
