/* Changes under a run, as the commands make them. */
#include "cli/run.h"

#include <string.h>

#include "cli/event.h"
#include "cli/message.h"

struct cli_run {
    silt_run *run;
    silt_commit_options *commit;
    silt_run_step *step; /* NULL: none is under way */
    silt_diagnostics sink;
    cli_runs runs;
};

/* ---- the record */

static int open_store(cli *c, const char *folder, silt_store **out)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    const char *uri = silt_arena_printf(c->arena, "%.*s/runs", (int)size, folder);
    if (!uri) return cli_no_memory(c);
    int status = cli_storage_options(c, &opts.pairs);
    if (status != CLI_OK) return status;
    return silt_store_open(uri, &opts, out, &err) == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

static bool has_record(const cli *c)
{
    return cli_text(c, "run-state") || cli_text(c, "config");
}

int cli_runs_open(cli *c, cli_runs *out)
{
    silt_error err = {0};
    const char *folder = cli_text(c, "run-state");
    const char *const *pairs = NULL;
    if (!folder) {
        int opened = cli_open_pipeline(c, false);
        if (opened != CLI_OK) return opened;
        folder = silt_pipeline_checkpoint_path(c->pipeline);
    }
    int status = open_store(c, folder, &out->store);
    if (status == CLI_OK) status = cli_storage_options(c, &pairs);
    if (status != CLI_OK) return status;
    if (silt_run_log_new(out->store, c->engine, pairs, &out->log, &err) != SILT_OK)
        return cli_fail(c, &err);
    return CLI_OK;
}

void cli_runs_release(cli_runs *runs)
{
    silt_run_log_free(runs->log);
    silt_store_free(runs->store);
    *runs = (cli_runs){0};
}

/* ---- options */

static int refuse_without_run(const cli *c)
{
    static const char *const names[] = {"sequence", "run-state", "run-label", "take-over"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cli_line_value(&c->line, names[i]))
            return cli_misuse(c, "--%s: which run? --run-id says it", names[i]);
    return CLI_OK;
}

static int make_run(cli *c, const char *id, struct cli_run *r)
{
    silt_error err = {0};
    silt_run_identity identity = SILT_RUN_IDENTITY_INIT;
    identity.id = id;
    identity.label = cli_text(c, "run-label");
    identity.diagnostics = &r->sink;
    if (silt_run_new(&identity, &r->run, &err) != SILT_OK) return cli_fail(c, &err);
    if (!cli_text(c, "sequence")) return CLI_OK;
    silt_run *at = NULL;
    if (silt_run_with_sequence(r->run, cli_count(c, "sequence", 0), &at, &err) != SILT_OK)
        return cli_fail(c, &err);
    silt_run_free(r->run);
    r->run = at;
    return CLI_OK;
}

int cli_take_run(cli *c, silt_commit_options *commit)
{
    const char *id = cli_text(c, "run-id");
    if (!id) return refuse_without_run(c);
    if (commit->app_id)
        return cli_misuse(c, "--run-id and --app-id: only one of the two numbers a change");
    if (!has_record(c) && !cli_text(c, "sequence"))
        return cli_misuse(c, "which number? --sequence N says it, or --run-state DIR keeps it");
    if (!has_record(c) && cli_line_value(&c->line, "take-over"))
        return cli_misuse(c, "--take-over: there is no record without --run-state DIR");
    struct cli_run *r = silt_arena_calloc(c->arena, 1, sizeof(*r));
    if (!r) return cli_no_memory(c);
    c->run = r;
    r->commit = commit;
    r->sink = (silt_diagnostics){cli_event, c};
    int status = make_run(c, id, r);
    if (status != CLI_OK) return status;
    commit->app_id = silt_run_id(r->run);
    commit->app_version = silt_run_sequence(r->run);
    commit->run_payload = silt_run_payload(r->run);
    return CLI_OK;
}

/* ---- around the operation */

int cli_run_begin(cli *c, const char *operation, silt_store *table)
{
    struct cli_run *r = c->run;
    silt_error err = {0};
    silt_run_change change = SILT_RUN_CHANGE_INIT;
    if (!r || !has_record(c)) return CLI_OK;
    if (cli_line_value(&c->line, "dry-run")) { /* it isn't an attempt, and has no number */
        if (!cli_text(c, "sequence")) r->commit->app_id = NULL;
        return CLI_OK;
    }
    int status = cli_runs_open(c, &r->runs);
    if (status != CLI_OK) return status;
    change.operation = operation;
    change.table = table;
    change.choose = !cli_text(c, "sequence");
    change.take_over = cli_flag(c, "take-over");
    if (silt_run_begin(r->runs.log, r->run, &change, &r->step, &err) != SILT_OK)
        return cli_fail(c, &err);
    silt_run_step_options(r->step, r->commit);
    return CLI_OK;
}

void cli_run_end(cli *c, silt_status st, const silt_error *err, silt_run_outcome outcome,
                 int64_t committed_version, int64_t table_version)
{
    struct cli_run *r = c->run;
    silt_error why = {0};
    silt_run_ending ending = SILT_RUN_ENDING_INIT;
    if (!r || !r->step) return;
    ending.status = st;
    if (st == SILT_OK) {
        ending.outcome = outcome;
        ending.committed_version = committed_version;
        ending.table_version = table_version;
    } else {
        ending.error = err->message;
    }
    silt_run_step *step = r->step;
    r->step = NULL;
    if (silt_run_end(step, &ending, NULL, &why) == SILT_OK) return;
    cli_say(c, CLI_WARNING, "what became of this isn't in the run's record: %s", why.message);
    cli_hint(c, "the next change of the run asks the table");
}

void cli_run_release(cli *c)
{
    struct cli_run *r = c->run;
    if (!r) return;
    silt_run_free(r->run);
    cli_runs_release(&r->runs);
}
