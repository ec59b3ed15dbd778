/* silt restore: make a table as it was at an older version. */
#include <inttypes.h>

#include "cli/commit.h"
#include "cli/deleted.h"
#include "cli/message.h"

static const char *outcome_name(silt_restore_outcome outcome)
{
    if (outcome == SILT_RESTORE_COMMITTED) return "committed";
    if (outcome == SILT_RESTORE_OVERTAKEN) return "overtaken";
    return outcome == SILT_RESTORE_SAME ? "same" : "already_done";
}

static void print_json(const silt_restore_result *r, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_string(&j, "outcome", outcome_name(r->outcome));
    cli_json_integer(&j, "restored_version", r->restored_version);
    cli_json_count(&j, "committed_version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_integer(&j, "files_after", r->files_after);
    cli_json_integer(&j, "bytes_after", r->bytes_after);
    cli_json_integer(&j, "files_restored", r->files_restored);
    cli_json_integer(&j, "bytes_restored", r->bytes_restored);
    cli_json_integer(&j, "files_removed", r->files_removed);
    cli_json_integer(&j, "bytes_removed", r->bytes_removed);
    cli_json_integer(&j, "files_missing", r->files_missing);
    cli_json_boolean(&j, "metadata_changes", r->metadata_changes);
    cli_json_boolean(&j, "protocol_changes", r->protocol_changes);
    cli_json_end(&j);
}

static void print(const cli *c, const silt_restore_result *r, bool dry_run)
{
    char back[CLI_FILES_SIZE], gone[CLI_FILES_SIZE];
    if (c->json) {
        print_json(r, dry_run);
        return;
    }
    if (r->files_missing)
        cli_say(c, CLI_WARNING, "%" PRId64 " files are gone; their rows %s left out",
                r->files_missing, dry_run ? "would be" : "are");
    if (r->outcome == SILT_RESTORE_OVERTAKEN) cli_say_overtaken(c);
    if (c->quiet) return;
    if (r->outcome == SILT_RESTORE_SAME)
        fprintf(stdout, "The table is as it was at version %" PRId64 "\n", r->restored_version);
    if (r->outcome == SILT_RESTORE_ALREADY_DONE) cli_say_done(c, r->committed_version);
    if (r->outcome != SILT_RESTORE_COMMITTED) return;
    fprintf(stdout, "%s version %" PRId64, dry_run ? "Would restore" : "Restored",
            r->restored_version);
    if (!dry_run) fprintf(stdout, " as version %" PRId64, r->committed_version);
    fprintf(stdout, ": %s back, %s out%s%s\n",
            cli_files_and_size(r->files_restored, r->bytes_restored, back),
            cli_files_and_size(r->files_removed, r->bytes_removed, gone),
            r->metadata_changes ? ", schema or properties as then" : "",
            r->protocol_changes ? ", features brought back" : "");
}

/* Files that are gone are named where nothing else says which. */
static bool print_missing(void *ctx, const char *path, int64_t size_bytes)
{
    const cli *c = ctx;
    (void)size_bytes;
    cli_say(c, CLI_WARNING, "missing: %s", path);
    return true;
}

static void end_run(cli *c, silt_status st, const silt_error *err, const silt_restore_result *r)
{
    static const silt_run_outcome outcomes[] = {[SILT_RESTORE_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_RESTORE_SAME] = SILT_RUN_SKIPPED,
                                                [SILT_RESTORE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_RESTORE_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    cli_run_end(c, st, err, outcomes[r->outcome], r->committed_version, r->table_version);
}

int cmd_restore(cli *c)
{
    silt_error err = {0};
    silt_restore_result result = {0};
    silt_restore_options opts = SILT_RESTORE_OPTIONS_INIT;
    int status = cli_snapshot_at(c, &opts.version, &opts.timestamp_ms);
    if (status != CLI_OK) return status;
    if (opts.version == SILT_LATEST && opts.timestamp_ms == SILT_NO_TIMESTAMP)
        return cli_misuse(c, "which version? --version or --timestamp says it");
    opts.dry_run = cli_flag(c, "dry-run");
    opts.ignore_missing = cli_flag(c, "ignore-missing");
    status = cli_take_commit(c, &opts.commit);
    if (status != CLI_OK) return status;
    opts.missing = print_missing;
    opts.ctx = c;
    status = cli_open_store(c);
    if (status != CLI_OK) return status;
    status = cli_run_begin(c, "RESTORE", c->store);
    if (status != CLI_OK) return status;
    silt_status st = silt_restore(c->store, c->engine, &opts, &result, &err);
    end_run(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    print(c, &result, opts.dry_run);
    return CLI_OK;
}
