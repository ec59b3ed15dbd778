/* silt validate-consistency: do tracker, ledgers, lock and tables agree? */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"

static void print_lines(cli_json *j, const char *key, const char *const *lines, size_t count)
{
    cli_json_array(j, key);
    for (size_t i = 0; i < count; i++)
        cli_json_string(j, NULL, lines[i]);
    cli_json_end(j);
}

static const char *word(bool consistent)
{
    return consistent ? "consistent" : "inconsistent";
}

/* `fix` NULL: none was made. */
static void print_json(const silt_check_report *r, const silt_fix_report *fix)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "overall_status", word(r->consistent));
    cli_json_string(&j, "file_tracker_status", word(r->tracker_consistent));
    cli_json_integer(&j, "total_files_checked", r->files_checked);
    cli_json_integer(&j, "inconsistencies_found", (int64_t)r->problem_count);
    print_lines(&j, "inconsistencies", r->problems, r->problem_count);
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < r->table_count; i++) {
        cli_json_object(&j, NULL);
        cli_json_string(&j, "table_name", r->tables[i].table_name);
        cli_json_string(&j, "status", word(r->tables[i].consistent));
        print_lines(&j, "inconsistencies", r->tables[i].problems, r->tables[i].problem_count);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    if (fix) {
        cli_json_integer(&j, "fixes_applied", fix->applied);
        cli_json_integer(&j, "fixes_failed", fix->failed);
        print_lines(&j, "actions", fix->actions, fix->action_count);
    }
    cli_json_end(&j);
}

static void print_table(const cli *c, const silt_check_table *t)
{
    const cli_style *style = &c->out;
    fprintf(stdout, "  %s%s%s %s\n", t->consistent ? cli_green(style) : cli_red(style),
            t->consistent ? cli_tick(style) : cli_cross(style), cli_plain(style), t->table_name);
    for (size_t i = 0; i < t->problem_count; i++) {
        fputs("    - ", stdout);
        cli_put(stdout, style, t->problems[i]);
        fputc('\n', stdout);
    }
}

static void print_text(const cli *c, const silt_check_report *r)
{
    const cli_style *style = &c->out;
    fprintf(stdout, "%s=== PIPELINE CONSISTENCY VALIDATION ===%s\n", cli_bold(style),
            cli_plain(style));
    fprintf(stdout, "Overall Status: %s%s%s\n\n", r->consistent ? cli_green(style) : cli_red(style),
            r->consistent ? "CONSISTENT" : "INCONSISTENT", cli_plain(style));
    fprintf(stdout, "File Tracker Status: %s\n", word(r->tracker_consistent));
    fprintf(stdout, "Total Files Checked: %" PRId64 "\n", r->files_checked);
    fprintf(stdout, "Inconsistencies Found: %zu\n", r->problem_count);
    for (size_t i = 0; i < r->problem_count; i++) {
        fputs("  - ", stdout);
        cli_put(stdout, style, r->problems[i]);
        fputc('\n', stdout);
    }
    fputs("\nTable Consistency:\n", stdout);
    for (size_t i = 0; i < r->table_count; i++)
        print_table(c, &r->tables[i]);
}

static int validate(cli *c, silt_check_report *report)
{
    silt_error err = {0};
    silt_status st = silt_pipeline_validate(c->pipeline, c->arena, report, &err);
    cli_progress_hide();
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

int cmd_validate(cli *c)
{
    silt_check_report report = {0};
    silt_fix_report fixed = {0};
    int status = cli_open_pipeline(c, true);
    if (status == CLI_OK) status = validate(c, &report);
    if (status != CLI_OK) return status;
    bool fix = cli_flag(c, "fix") && !report.consistent;
    if (!c->json) print_text(c, &report);
    if (fix) {
        status = cli_fix(c, false, &fixed);
        if (status == CLI_OK) status = validate(c, &report);
        if (status != CLI_OK) return status;
        if (!c->json) {
            fputc('\n', stdout);
            cli_print_fix(c, &fixed, false);
            fputc('\n', stdout);
            print_text(c, &report); /* what is left */
        }
    }
    if (c->json) print_json(&report, fix ? &fixed : NULL);
    return report.consistent ? CLI_OK : CLI_INCONSISTENT;
}
