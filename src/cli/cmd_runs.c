/* silt runs: which runs there were, and what each of their attempts came to. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/run.h"
#include "cli/words.h"

/* ---- the list */

typedef struct listing {
    cli *c;
    cli_grid *grid;
    cli_json json;
    bool no_memory;
} listing;

static void put_members(cli_json *j, const silt_run_record *r)
{
    cli_json_string(j, "run_id", r->id);
    cli_json_string(j, "label", r->label);
    cli_json_string(j, "status", r->status);
    cli_json_integer(j, "commit_sequence", r->commit_sequence);
    cli_json_time(j, "started_at", r->started_us);
    cli_json_time(j, "ended_at", r->ended_us);
}

static bool print_json(void *ctx, const silt_run_record *r)
{
    listing *l = ctx;
    cli_json_object(&l->json, NULL);
    put_members(&l->json, r);
    cli_json_end(&l->json);
    return !ferror(stdout);
}

static bool add_row(void *ctx, const silt_run_record *r)
{
    listing *l = ctx;
    char next[CLI_NUMBER_SIZE], started[CLI_TIME_SIZE], ended[CLI_TIME_SIZE];
    snprintf(next, sizeof(next), "%" PRId64, r->commit_sequence);
    cli_format_time(r->started_us, false, started);
    if (r->ended_us >= 0) cli_format_time(r->ended_us, false, ended);
    const char *cells[] = {r->id, r->label, r->status,
                           next,  started,  r->ended_us < 0 ? NULL : ended};
    l->no_memory = !cli_grid_texts(l->grid, cells) && !ferror(stdout);
    return !l->no_memory && !ferror(stdout);
}

static int list(cli *c, silt_run_log *log)
{
    static const cli_column columns[] = {{"RUN", NULL, false},         {"LABEL", NULL, false},
                                         {"STATUS", NULL, false},      {"NEXT", NULL, true},
                                         {"BEGUN (UTC)", NULL, false}, {"ENDED", NULL, false}};
    silt_error err = {0};
    listing l = {.c = c};
    if (c->json) {
        l.json = cli_json_start(stdout, true);
        cli_json_object(&l.json, NULL);
        cli_json_array(&l.json, "runs");
        silt_status st = silt_run_log_list(log, print_json, &l, &err);
        if (st != SILT_OK) return cli_fail(c, &err);
        cli_json_end(&l.json);
        cli_json_end(&l.json);
        return CLI_OK;
    }
    l.grid = cli_grid_new(c, columns, 6, "-", c->verbose ? 0 : 60);
    if (!l.grid) return cli_no_memory(c);
    silt_status st = silt_run_log_list(log, add_row, &l, &err);
    if (st == SILT_OK && !l.no_memory) (void)cli_grid_end(l.grid);
    cli_grid_free(l.grid);
    if (l.no_memory) return cli_no_memory(c);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
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

static int show_text(cli *c, const silt_run_record *r)
{
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

int cmd_runs(cli *c)
{
    cli_runs runs = {0};
    const char **words = c->line.arguments;
    size_t count = c->line.argument_count;
    if (count && strcmp(words[0], "show") != 0)
        return cli_misuse(c, "runs %s: show ID is wanted, or nothing", words[0]);
    if (count == 1) return cli_misuse(c, "runs show: which run? Its ID is missing");
    int status = cli_open_engine(c);
    if (status == CLI_OK) status = cli_runs_open(c, &runs);
    if (status == CLI_OK) status = count ? show(c, runs.log, words[1]) : list(c, runs.log);
    cli_runs_release(&runs);
    return status;
}
