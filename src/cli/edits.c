/* Options and results of delete, update, merge and optimize. */
#include "cli/edits.h"

#include <inttypes.h>
#include <string.h>

#include "cli/message.h"
#include "cli/take.h"
#include "cli/words.h"

int cli_edit_options(cli *c, silt_edit_options *out)
{
    *out = (silt_edit_options)SILT_EDIT_OPTIONS_INIT;
    out->dry_run = cli_flag(c, "dry-run");
    int status = cli_take_commit(c, &out->commit);
    return status == CLI_OK ? cli_take_size(c, "target-file-size", &out->target_file_bytes)
                            : status;
}

int cli_edit_rewrite_percent(cli *c, silt_edit_options *out)
{
    int64_t percent = cli_count(c, "rewrite-percent", out->rewrite_percent);
    if (percent > 100) return cli_misuse(c, "--rewrite-percent: 0 to 100 is wanted");
    out->rewrite_percent = (int)percent;
    return CLI_OK;
}

int cli_edit_open(cli *c)
{
    silt_error err = {0};
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_snapshot_open(c->store, c->engine, NULL, &c->snapshot, &err) != SILT_OK)
        return cli_fail(c, &err);
    return CLI_OK;
}

void cli_edit_end(cli *c, silt_status st, const silt_error *err, const silt_edit_result *r)
{
    static const silt_run_outcome outcomes[] = {[SILT_EDIT_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_EDIT_NOTHING] = SILT_RUN_SKIPPED,
                                                [SILT_EDIT_DRY_RUN] = SILT_RUN_SKIPPED,
                                                [SILT_EDIT_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_EDIT_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    cli_run_end(c, st, err, outcomes[r->outcome], r->committed_version, r->table_version);
}

static const char *outcome_name(silt_edit_outcome outcome)
{
    static const char *const names[] = {"committed", "nothing", "dry_run", "already_done",
                                        "overtaken"};
    return names[outcome];
}

void cli_edit_members(cli_json *j, const silt_edit_result *r)
{
    cli_json_string(j, "outcome", outcome_name(r->outcome));
    cli_json_count(j, "committed_version", r->committed_version);
    cli_json_integer(j, "table_version", r->table_version);
    cli_json_count(j, "rows_deleted", r->rows_deleted);
    cli_json_count(j, "rows_updated", r->rows_updated);
    cli_json_count(j, "rows_copied", r->rows_copied);
    cli_json_integer(j, "files_removed", r->files_removed);
    cli_json_integer(j, "bytes_removed", r->bytes_removed);
    cli_json_integer(j, "files_added", r->files_added);
    cli_json_integer(j, "bytes_added", r->bytes_added);
    cli_json_integer(j, "files_skipped", r->files_skipped);
    cli_json_integer(j, "deletion_vectors_added", r->vectors_added);
    cli_json_integer(j, "deletion_vectors_removed", r->vectors_removed);
    cli_json_integer(j, "change_files", r->change_files);
    cli_json_integer(j, "change_bytes", r->change_bytes);
    cli_json_integer(j, "attempts", r->attempts);
}

static void print_json(const silt_edit_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_edit_members(&j, r);
    cli_json_end(&j);
}

const char *cli_some_rows(int64_t rows, char out[CLI_ROWS_SIZE])
{
    char number[CLI_NUMBER_SIZE];
    cli_format_number(rows, number);
    if (rows < 0)
        snprintf(out, CLI_ROWS_SIZE, "rows");
    else
        snprintf(out, CLI_ROWS_SIZE, "%s %s", number, rows == 1 ? "row" : "rows");
    return out;
}

static void print_line(const silt_edit_result *r, const char *line)
{
    char removed[CLI_NUMBER_SIZE], added[CLI_NUMBER_SIZE], vectors[CLI_NUMBER_SIZE];
    cli_format_number(r->files_removed, removed);
    cli_format_number(r->files_added, added);
    cli_format_number(r->vectors_added, vectors);
    bool dry = r->outcome == SILT_EDIT_DRY_RUN;
    printf("%s%s", dry ? "Dry run: " : "", line);
    if (!dry) printf(", version %" PRId64, r->committed_version);
    printf(": %s files out", removed);
    if (!dry) printf(", %s in", added);
    if (r->vectors_added) printf(", %s deletion vectors", vectors);
    putchar('\n');
}

void cli_edit_print(cli *c, const silt_edit_result *r, const char *line)
{
    if (c->json) {
        print_json(r);
        return;
    }
    if (r->outcome == SILT_EDIT_OVERTAKEN) cli_say_overtaken(c);
    if (c->quiet) return;
    if (r->outcome == SILT_EDIT_NOTHING) puts("There was nothing to do");
    if (r->outcome == SILT_EDIT_ALREADY_DONE) cli_say_done(c, r->committed_version);
    if (r->outcome == SILT_EDIT_COMMITTED || r->outcome == SILT_EDIT_DRY_RUN) print_line(r, line);
}
