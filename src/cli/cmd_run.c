/* silt run: load what is new. */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/plan.h"
#include "cli/progress.h"
#include "cli/words.h"

/* ---- the exit status ---- */

/* The status of all tables that failed as a whole, when it is the same one; else CLI_FAILED. */
static int common_problem(const silt_run_result *r)
{
    int status = -1;
    for (size_t i = 0; i < r->table_count; i++) {
        int one = cli_exit_status(r->tables[i].problem);
        if (one == CLI_OK) continue;
        if (status >= 0 && status != one) return CLI_FAILED;
        status = one;
    }
    return status < 0 ? CLI_OK : status;
}

static int exit_status(const silt_run_result *r)
{
    size_t troubled = 0, well = 0;
    for (size_t i = 0; i < r->table_count; i++) {
        troubled += r->tables[i].problem != SILT_OK;
        well += strcmp(r->tables[i].status, "completed") == 0;
    }
    if (!troubled && !r->total_files_failed) return CLI_OK;
    if (r->total_files_processed) return CLI_PARTLY;
    if (troubled == r->table_count && troubled) return common_problem(r);
    /* Nothing new stands anywhere: partly done only if something is well. */
    return well || r->total_files_skipped ? CLI_PARTLY : CLI_FAILED;
}

/* ---- as JSON ---- */

static void print_table_json(cli_json *j, const silt_run_table *t)
{
    cli_json_object(j, NULL);
    cli_json_string(j, "table_name", t->table_name);
    cli_json_string(j, "path", t->path);
    cli_json_string(j, "status", t->status);
    cli_json_integer(j, "files_discovered", t->files_discovered);
    cli_json_integer(j, "files_processed", t->files_processed);
    cli_json_integer(j, "files_skipped", t->files_skipped);
    cli_json_integer(j, "files_failed", t->files_failed);
    cli_json_integer(j, "rows", t->rows);
    cli_json_integer(j, "rows_inserted", t->rows_inserted);
    cli_json_integer(j, "rows_updated", t->rows_updated);
    cli_json_integer(j, "rows_deleted", t->rows_deleted);
    cli_json_integer(j, "rows_unchanged", t->rows_unchanged);
    cli_json_integer(j, "rows_deduplicated", t->rows_deduplicated);
    cli_json_integer(j, "rows_rejected", t->rows_rejected);
    cli_json_integer(j, "batches", t->batches);
    cli_json_integer(j, "duration_ms", t->duration_ms);
    cli_json_count(j, "version", t->version);
    cli_json_problem(j, t->problem, t->message, t->hint);
    cli_json_end(j);
}

static void print_json(const silt_run_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "run_id", r->run_id);
    cli_json_string(&j, "pipeline", r->pipeline);
    cli_json_integer(&j, "total_files_discovered", r->total_files_discovered);
    cli_json_integer(&j, "total_files_processed", r->total_files_processed);
    cli_json_integer(&j, "total_files_skipped", r->total_files_skipped);
    cli_json_integer(&j, "total_files_failed", r->total_files_failed);
    cli_json_integer(&j, "rows", r->rows);
    cli_json_integer(&j, "duration_ms", r->duration_ms);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++)
        print_table_json(&j, &r->tables[i]);
    cli_json_end(&j);
    cli_json_array(&j, "failures");
    for (size_t i = 0; i < r->failure_count; i++) {
        cli_json_object(&j, NULL);
        cli_json_string(&j, "table_name", r->failures[i].table_name);
        cli_json_string(&j, "file_path", r->failures[i].file_path);
        cli_json_string(&j, "error_message", r->failures[i].message);
        cli_json_integer(&j, "retry_count", r->failures[i].retry_count);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_end(&j);
}

/* ---- for people ---- */

static void print_rows(const silt_run_table *t)
{
    char rows[CLI_COUNTED_SIZE], batches[CLI_COUNTED_SIZE], text[CLI_NUMBER_SIZE];
    const struct {
        int64_t count;
        const char *name;
    } parts[] = {{t->rows_inserted, "inserted"},       {t->rows_updated, "updated"},
                 {t->rows_deleted, "deleted"},         {t->rows_unchanged, "unchanged"},
                 {t->rows_deduplicated, "duplicates"}, {t->rows_rejected, "rejected"}};
    fprintf(stdout, ", %s in %s", cli_counted(t->rows, "row", "rows", rows),
            cli_counted(t->batches, "batch", "batches", batches));
    if (t->rows_inserted == t->rows) return; /* nothing else to tell */
    const char *before = " (";
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (!parts[i].count) continue;
        cli_format_number(parts[i].count, text);
        fprintf(stdout, "%s%s %s", before, text, parts[i].name);
        before = ", ";
    }
    if (before[0] == ',') fputc(')', stdout);
}

static void print_table(const cli *c, const silt_run_table *t, int name_width)
{
    char counted[CLI_COUNTED_SIZE];
    const cli_style *style = &c->out;
    bool bad = t->problem != SILT_OK || t->files_failed;
    fprintf(stdout, "%s%s%s %-*s  ", bad ? cli_red(style) : cli_green(style),
            bad ? cli_cross(style) : cli_tick(style), cli_plain(style), name_width, t->table_name);
    if (t->files_processed) {
        fputs(cli_counted(t->files_processed, "file", "files", counted), stdout);
        print_rows(t);
    } else if (t->problem != SILT_OK || t->files_failed) {
        fputs("nothing loaded", stdout);
    } else {
        fputs(t->source_empty ? "no files found" : "nothing new", stdout);
    }
    if (t->files_failed)
        fprintf(stdout, ", %s failed", cli_counted(t->files_failed, "file", "files", counted));
    if (t->version >= 0)
        fprintf(stdout, " %s version %" PRId64, style->utf8 ? "\xe2\x86\x92" : "->", t->version);
    fputc('\n', stdout);
    if (t->problem == SILT_OK) return;
    fputs("    ", stdout);
    cli_put(stdout, style, t->message ? t->message : silt_status_name(t->problem));
    if (t->hint) {
        fputs("\n    hint: ", stdout);
        cli_put(stdout, style, t->hint);
    }
    fputc('\n', stdout);
}

static void print_failures(const cli *c, const silt_run_result *r)
{
    if (!r->failure_count) return;
    fputs("\nFailed files:\n", stdout);
    for (size_t i = 0; i < r->failure_count; i++) {
        const silt_run_failure *f = &r->failures[i];
        fputs("  ", stdout);
        cli_put(stdout, &c->out, f->file_path);
        fprintf(stdout, " (%s, try %" PRId64 ")\n    ", f->table_name, f->retry_count);
        cli_put(stdout, &c->out, f->message);
        fputc('\n', stdout);
    }
    fputs(
        "  Mend or remove them and run again. A file that has failed retry_attempts times is left\n"
        "  alone until `silt run --retry-failed`.\n",
        stdout);
}

static void print_totals(const silt_run_result *r)
{
    char files[CLI_COUNTED_SIZE], rows[CLI_COUNTED_SIZE], time[CLI_NUMBER_SIZE];
    bool failed = r->total_files_failed;
    for (size_t i = 0; i < r->table_count; i++)
        failed = failed || r->tables[i].problem != SILT_OK;
    cli_format_duration((double)r->duration_ms / 1000, time);
    if (r->total_files_processed)
        fprintf(stdout, "\nLoaded %s, %s in %s",
                cli_counted(r->total_files_processed, "file", "files", files),
                cli_counted(r->rows, "row", "rows", rows), time);
    else
        fprintf(stdout, "\n%s in %s", failed ? "Nothing was loaded" : "Nothing to do, found out",
                time);
    if (r->total_files_skipped)
        fprintf(stdout, "; %s skipped",
                cli_counted(r->total_files_skipped, "file was", "files were", files));
    fputs(".\n", stdout);
}

static void print_text(const cli *c, const silt_run_result *r)
{
    int width = 0;
    for (size_t i = 0; i < r->table_count; i++)
        if ((int)strlen(r->tables[i].table_name) > width)
            width = (int)strlen(r->tables[i].table_name);
    for (size_t i = 0; i < r->table_count; i++)
        print_table(c, &r->tables[i], width);
    print_failures(c, r);
    print_totals(r);
}

/* ---- the command ---- */

int cmd_run(cli *c)
{
    silt_error err = {0};
    silt_run_result result = {0};
    silt_run_options opts = SILT_RUN_OPTIONS_INIT;
    opts.max_batches = cli_count(c, "max-batches", 0);
    opts.wait_lock_s = cli_count(c, "wait-lock", 0);
    opts.force_unlock = cli_flag(c, "force-unlock");
    opts.retry_failed = cli_flag(c, "retry-failed");
    opts.parallel_tables = cli_count(c, "parallel-tables", -1);
    if (opts.parallel_tables == 0 || opts.parallel_tables > SILT_PARALLEL_TABLES_MAX)
        return cli_misuse(c, "--parallel-tables: 1 to %d", SILT_PARALLEL_TABLES_MAX);
    if (opts.parallel_tables < 0) opts.parallel_tables = 0; /* as the pipeline file says */
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = cli_pipeline_table(c, &opts.table);
    if (status != CLI_OK) return status;
    if (cli_flag(c, "dry-run")) return cli_plan(c, &opts);
    silt_status st = silt_pipeline_run(c->pipeline, &opts, c->arena, &result, &err);
    cli_progress_stop();
    if (st != SILT_OK) {
        if (st == SILT_INTERRUPTED && !err.hint[0])
            snprintf(err.hint, sizeof(err.hint),
                     "what was committed stays; the next run goes on where this one stopped");
        return cli_fail(c, &err);
    }
    status = exit_status(&result);
    if (c->json)
        print_json(&result);
    else if (!c->quiet || status != CLI_OK)
        print_text(c, &result);
    return status;
}
