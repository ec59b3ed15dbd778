/* silt migrate: a folder of Parquet files as a table. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/commit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

static const char *outcome_name(const cli *c, const silt_migrate_result *r)
{
    if (r->problem_count) return "refused";
    if (r->outcome == SILT_MIGRATE_SAME) return "same";
    if (r->outcome == SILT_MIGRATE_ALREADY_DONE) return "already_done";
    if (r->outcome == SILT_MIGRATE_OVERTAKEN) return "overtaken";
    return cli_flag(c, "dry-run") ? "would migrate" : "committed";
}

static void write_report(const cli *c, const silt_migrate_result *r, FILE *out)
{
    cli_json j = cli_json_start(out, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "outcome", outcome_name(c, r));
    cli_json_string(&j, "source", c->line.arguments[0]);
    cli_json_string(&j, "table", c->line.arguments[1]);
    cli_json_boolean(&j, "in_place", r->in_place);
    cli_json_count(&j, "version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_integer(&j, "files", r->files);
    cli_json_integer(&j, "rows", r->rows);
    cli_json_integer(&j, "bytes", r->bytes);
    cli_json_integer(&j, "files_before", r->files_before);
    cli_json_integer(&j, "files_hidden", r->files_hidden);
    cli_json_string(&j, "schema", r->schema);
    cli_json_string(&j, "schema_fingerprint", r->fingerprint);
    cli_json_string(&j, "partition_by", r->partition_by);
    cli_json_boolean(&j, "partitions_inferred", r->partitions_inferred);
    cli_json_boolean(&j, "verified", r->verified);
    cli_json_array(&j, "removed");
    for (size_t i = 0; i < r->removed_count; i++)
        cli_json_string(&j, NULL, r->removed[i]);
    cli_json_end(&j);
    cli_json_array(&j, "problems");
    for (size_t i = 0; i < r->problem_count; i++) {
        cli_json_object(&j, NULL);
        cli_json_string(&j, "path", r->problems[i].path);
        cli_json_string(&j, "why", r->problems[i].why);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_end(&j);
}

/* --report: the file is there whole, or it is said why not. */
static int put_report(cli *c, const silt_migrate_result *r)
{
    const char *path = cli_text(c, "report");
    if (!path) return CLI_OK;
    FILE *out = fopen(path, "we");
    if (out) write_report(c, r, out);
    bool failed = !out || ferror(out);
    if (out) failed |= fclose(out) != 0;
    if (!failed) return CLI_OK;
    cli_say(c, CLI_ERROR, "--report %s can't be written: %s", path, strerror(errno));
    return CLI_FAILED;
}

static void print_text(const cli *c, const silt_migrate_result *r)
{
    char files[CLI_COUNTED_SIZE], rows[CLI_COUNTED_SIZE], size[CLI_NUMBER_SIZE];
    const char *table = c->line.arguments[1];
    if (r->partitions_inferred)
        cli_say(c, CLI_WARNING,
                "the types of the partition columns were inferred: %s (--partition-by says others)",
                r->partition_by);
    for (size_t i = 0; i < r->removed_count; i++)
        cli_say(c, CLI_WARNING, "%s was migrated before and isn't there any more", r->removed[i]);
    if (r->outcome == SILT_MIGRATE_ALREADY_DONE) {
        cli_say_done(c, r->committed_version);
        return;
    }
    if (r->outcome == SILT_MIGRATE_OVERTAKEN) {
        cli_say_overtaken(c);
        return;
    }
    if (r->outcome == SILT_MIGRATE_SAME) {
        fprintf(stdout, "Nothing to do: %s were migrated before\n",
                cli_counted(r->files_before, "file", "files", files));
        return;
    }
    cli_format_size(r->bytes, size);
    fprintf(stdout, "%s %s, %s (%s)%s\n", cli_flag(c, "dry-run") ? "Would migrate" : "Migrated",
            cli_counted(r->files, "file", "files", files),
            cli_counted(r->rows, "row", "rows", rows), size, r->in_place ? ", in place" : "");
    if (r->verified) fprintf(stdout, "Verified: the rows of the table are those of the files\n");
    if (r->committed_version >= 0)
        fprintf(stdout, "%s is at version %" PRId64 "\n", table, r->committed_version);
}

static void print_problems(const cli *c, const silt_migrate_result *r)
{
    for (size_t i = 0; i < r->problem_count; i++)
        cli_say(c, CLI_WARNING, "%s: %s", r->problems[i].path, r->problems[i].why);
}

static void end_run(cli *c, silt_status st, const silt_error *err, const silt_migrate_result *r)
{
    static const silt_run_outcome outcomes[] = {[SILT_MIGRATE_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_MIGRATE_SAME] = SILT_RUN_SKIPPED,
                                                [SILT_MIGRATE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_MIGRATE_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    cli_run_end(c, st, err, outcomes[r->outcome], r->committed_version, r->table_version);
}

static int migrate(cli *c, silt_store *target)
{
    silt_error err = {0};
    silt_migrate_result result = {.committed_version = -1};
    silt_migrate_options opts = SILT_MIGRATE_OPTIONS_INIT;
    opts.partition_by = cli_text(c, "partition-by");
    opts.no_stats = cli_flag(c, "no-stats");
    opts.verify = cli_flag(c, "verify");
    opts.widen = cli_flag(c, "widen");
    opts.dry_run = cli_flag(c, "dry-run");
    int taken = cli_take_commit(c, &opts.commit);
    if (taken != CLI_OK) return taken;
    taken = cli_run_begin(c, "CONVERT", target);
    if (taken != CLI_OK) return taken;
    silt_status st = silt_migrate(c->store, target, c->engine, &opts, c->arena, &result, &err);
    end_run(c, st, &err, &result);
    if (st != SILT_OK && !result.problem_count) return cli_fail(c, &err);
    int status = put_report(c, &result);
    if (st != SILT_OK) {
        print_problems(c, &result);
        return cli_fail(c, &err);
    }
    if (c->json)
        write_report(c, &result, stdout);
    else
        print_text(c, &result);
    return status;
}

int cmd_migrate(cli *c)
{
    silt_error err = {0};
    silt_store *target = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.pairs);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_store_open(c->line.arguments[1], &opts, &target, &err) != SILT_OK)
        return cli_fail(c, &err);
    status = migrate(c, target);
    silt_store_free(target);
    return status;
}
