/* silt clone: a table's version as a table of its own. */
#include <inttypes.h>

#include "cli/commit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

static const char *outcome_name(const cli *c, silt_clone_outcome outcome)
{
    if (outcome == SILT_CLONE_SAME) return "same";
    if (outcome == SILT_CLONE_ALREADY_DONE) return "already_done";
    if (outcome == SILT_CLONE_OVERTAKEN) return "overtaken";
    return cli_flag(c, "dry-run") ? "would clone" : "committed";
}

static void print_json(const cli *c, const silt_clone_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "outcome", outcome_name(c, r->outcome));
    cli_json_integer(&j, "source_version", r->source_version);
    cli_json_count(&j, "committed_version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_integer(&j, "files", r->files);
    cli_json_integer(&j, "bytes", r->bytes);
    cli_json_integer(&j, "files_copied", r->files_copied);
    cli_json_integer(&j, "bytes_copied", r->bytes_copied);
    cli_json_integer(&j, "vectors_copied", r->vectors_copied);
    cli_json_integer(&j, "files_added", r->files_added);
    cli_json_integer(&j, "files_removed", r->files_removed);
    cli_json_integer(&j, "bytes_removed", r->bytes_removed);
    cli_json_end(&j);
}

static void print_text(const cli *c, const silt_clone_result *r)
{
    char files[CLI_COUNTED_SIZE], copied[CLI_COUNTED_SIZE], size[CLI_NUMBER_SIZE];
    const char *target = c->line.arguments[1];
    if (r->outcome == SILT_CLONE_SAME) {
        fprintf(stdout, "Nothing to do: %s is as version %" PRId64 " of the source already\n",
                target, r->source_version);
        return;
    }
    if (r->outcome == SILT_CLONE_ALREADY_DONE) {
        cli_say_done(c, r->committed_version);
        return;
    }
    if (r->outcome == SILT_CLONE_OVERTAKEN) {
        cli_say_overtaken(c);
        return;
    }
    cli_format_size(r->bytes_copied, size);
    fprintf(stdout, "%s version %" PRId64 ": %s", cli_flag(c, "dry-run") ? "Would clone" : "Cloned",
            r->source_version, cli_counted(r->files, "file", "files", files));
    if (cli_flag(c, "shallow"))
        fputs(", referred to where they are", stdout);
    else
        fprintf(stdout, ", %s copied (%s)",
                cli_counted(r->files_copied, "of them", "of them", copied), size);
    if (r->files_removed)
        fprintf(stdout, ", %s removed",
                cli_counted(r->files_removed, "file of the target", "files of the target", copied));
    fputc('\n', stdout);
    if (r->committed_version >= 0)
        fprintf(stdout, "%s is at version %" PRId64 "\n", target, r->committed_version);
}

static void end_run(cli *c, silt_status st, const silt_error *err, const silt_clone_result *r)
{
    static const silt_run_outcome outcomes[] = {[SILT_CLONE_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_CLONE_SAME] = SILT_RUN_SKIPPED,
                                                [SILT_CLONE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_CLONE_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    cli_run_end(c, st, err, outcomes[r->outcome], r->committed_version, r->table_version);
}

static int clone(cli *c, silt_store *target)
{
    silt_error err = {0};
    silt_clone_result result = {0};
    silt_clone_options opts = SILT_CLONE_OPTIONS_INIT;
    int status = cli_snapshot_at(c, &opts.version, &opts.timestamp_ms);
    if (status == CLI_OK) status = cli_take_commit(c, &opts.commit);
    if (status != CLI_OK) return status;
    opts.shallow = cli_flag(c, "shallow");
    opts.replace = cli_flag(c, "replace");
    opts.dry_run = cli_flag(c, "dry-run");
    status = cli_run_begin(c, "CLONE", target);
    if (status != CLI_OK) return status;
    silt_status st = silt_clone(c->store, target, c->engine, &opts, &result, &err);
    end_run(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json)
        print_json(c, &result);
    else
        print_text(c, &result);
    return CLI_OK;
}

int cmd_clone(cli *c)
{
    silt_error err = {0};
    silt_store *target = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    if (cli_flag(c, "shallow") && cli_flag(c, "deep"))
        return cli_misuse(c, "--shallow and --deep: only one of the two");
    int status = cli_storage_options(c, &opts.pairs);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_store_open(c->line.arguments[1], &opts, &target, &err) != SILT_OK)
        return cli_fail(c, &err);
    status = clone(c, target);
    silt_store_free(target);
    return status;
}
