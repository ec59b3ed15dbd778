#include "cli/plan.h"

#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

/* ---- as JSON */

static void print_lists(cli_json *j, const silt_plan_table *t)
{
    if (t->changes_known)
        cli_json_array(j, "changes");
    else
        cli_json_string(j, "changes", NULL);
    for (size_t i = 0; i < t->change_count; i++)
        cli_json_string(j, NULL, t->changes[i]);
    if (t->changes_known) cli_json_end(j);
    cli_json_array(j, "unfit");
    for (size_t i = 0; i < t->unfit_count; i++) {
        cli_json_object(j, NULL);
        cli_json_string(j, "file_path", t->unfit[i].file_path);
        cli_json_string(j, "error_message", t->unfit[i].message);
        cli_json_end(j);
    }
    cli_json_end(j);
}

static void print_table_json(cli_json *j, const silt_plan_table *t)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "table_name", t->table_name);
    cli_json_string(j, "path", t->path);
    cli_json_string(j, "strategy", t->strategy);
    cli_json_string(j, "format", t->format);
    cli_json_count(j, "version", t->version);
    cli_json_integer(j, "files_discovered", t->files_discovered);
    cli_json_integer(j, "files_waiting", t->files_waiting);
    cli_json_integer(j, "files_given_up", t->files_given_up);
    cli_json_integer(j, "bytes", t->bytes);
    cli_json_integer(j, "batches", t->batches);
    cli_json_count(j, "rows_estimated", t->rows);
    cli_json_count(j, "bytes_rewritten_estimated", t->bytes_rewritten);
    cli_json_count(j, "recoveries", t->recoveries);
    print_lists(j, t);
    cli_json_problem(j, t->problem, t->message, t->hint);
    cli_json_end(j);
}

static void print_json(const silt_plan *plan)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", true);
    cli_json_string(&j, "pipeline", plan->pipeline);
    cli_json_boolean(&j, "locked", plan->lock.held && plan->lock.alive);
    cli_json_count(&j, "memory_limit_bytes", plan->memory_limit_bytes);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < plan->table_count; i++)
        print_table_json(&j, &plan->tables[i]);
    cli_json_end(&j);
    cli_json_end(&j);
}

/* ---- for people */

static void print_counts(const silt_plan_table *t)
{
    char files[CLI_COUNTED_SIZE], rows[CLI_COUNTED_SIZE], batches[CLI_COUNTED_SIZE];
    char bytes[CLI_NUMBER_SIZE];
    if (!t->files_waiting) {
        fputs(t->source_empty ? "no files found" : "nothing new", stdout);
        return;
    }
    cli_format_size(t->bytes, bytes);
    printf("would load %s (%s", cli_counted(t->files_waiting, "file", "files", files), bytes);
    if (t->rows >= 0) printf(", about %s", cli_counted(t->rows, "row", "rows", rows));
    printf(") in %s by %s", cli_counted(t->batches, "batch", "batches", batches), t->strategy);
    if (t->bytes_rewritten <= 0) return;
    cli_format_size(t->bytes_rewritten, bytes);
    printf(", rewriting %s at most", bytes);
}

static void print_line(const cli *c, const char *text)
{
    fputs("    ", stdout);
    cli_put(stdout, &c->out, text);
    fputc('\n', stdout);
}

static void print_table(const cli *c, const silt_plan_table *t, int width)
{
    char counted[CLI_COUNTED_SIZE];
    printf("%-*s  ", width, t->table_name);
    if (t->problem == SILT_OK)
        print_counts(t);
    else
        cli_put(stdout, &c->out, t->message ? t->message : silt_status_name(t->problem));
    fputc('\n', stdout);
    if (t->problem != SILT_OK && t->hint) print_line(c, t->hint);
    for (size_t i = 0; i < t->change_count; i++)
        print_line(c, t->changes[i]);
    if (t->recoveries > 0)
        printf("    would put right what is unfinished: %s\n",
               cli_counted(t->recoveries, "batch or file", "batches and files", counted));
    if (t->files_given_up)
        printf("    %s given up (--retry-failed tries again)\n",
               cli_counted(t->files_given_up, "failed file is", "failed files are", counted));
    for (size_t i = 0; i < t->unfit_count; i++) {
        fputs("    can't be loaded: ", stdout);
        cli_put(stdout, &c->out, t->unfit[i].file_path);
        fputs(": ", stdout);
        cli_put(stdout, &c->out, t->unfit[i].message);
        fputc('\n', stdout);
    }
}

static void print_text(const cli *c, const silt_plan *plan)
{
    char bytes[CLI_NUMBER_SIZE];
    int width = 0;
    for (size_t i = 0; i < plan->table_count; i++)
        if ((int)strlen(plan->tables[i].table_name) > width)
            width = (int)strlen(plan->tables[i].table_name);
    for (size_t i = 0; i < plan->table_count; i++)
        print_table(c, &plan->tables[i], width);
    if (plan->lock.held && plan->lock.alive)
        printf("\nA run is at work now (PID %" PRId64 "): what it loads is counted as waiting.\n",
               plan->lock.pid);
    if (plan->memory_limit_bytes < 0) return;
    cli_format_size(plan->memory_limit_bytes, bytes);
    printf("\nNothing was changed. Up to %s of memory would be used before it spills.\n", bytes);
}

int cli_plan(cli *c, const silt_run_options *opts)
{
    silt_error err = {0};
    silt_plan plan;
    silt_status st = silt_pipeline_plan(c->pipeline, opts, c->arena, &plan, &err);
    cli_progress_stop();
    if (st != SILT_OK) return cli_fail(c, &err);
    size_t troubled = 0;
    int first = CLI_OK;
    for (size_t i = 0; i < plan.table_count; i++) {
        const silt_plan_table *t = &plan.tables[i];
        troubled += t->problem != SILT_OK || t->unfit_count;
        if (t->problem != SILT_OK && first == CLI_OK) first = cli_exit_status(t->problem);
    }
    if (c->json)
        print_json(&plan);
    else
        print_text(c, &plan);
    if (!troubled) return CLI_OK;
    return troubled == plan.table_count && first != CLI_OK ? first : CLI_PARTLY;
}
