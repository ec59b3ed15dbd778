/* silt export: a snapshot's rows as files of their own. */
#include <inttypes.h>
#include <string.h>

#include "cli/commit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/words.h"

static const char *const formats[] = {[SILT_EXPORT_PARQUET] = "parquet",
                                      [SILT_EXPORT_CSV] = "csv",
                                      [SILT_EXPORT_JSON] = "json",
                                      [SILT_EXPORT_ARROW] = "arrow",
                                      [SILT_EXPORT_DELTA] = "delta"};

/* --format, else what the destination's name ends in, else Parquet. */
static int take_format(cli *c, silt_export_format *out)
{
    const char *given = cli_text(c, "format"), *dot = strrchr(c->line.arguments[1], '.');
    size_t count = sizeof(formats) / sizeof(formats[0]);
    for (size_t i = 0; i < count; i++) {
        const char *name = given ? given : dot ? dot + 1 : "";
        if (strcmp(name, formats[i]) != 0) continue;
        *out = (silt_export_format)i;
        return CLI_OK;
    }
    *out = SILT_EXPORT_PARQUET;
    if (!given) return CLI_OK;
    return cli_misuse(c, "--format %s: parquet, csv, json, arrow or delta is wanted", given);
}

static const char *const outcomes[] = {"written", "already_done", "overtaken"};

static void print_result(const cli *c, silt_export_format format, const silt_export_result *r)
{
    if (c->json) {
        cli_json j = cli_json_start(stdout, true);
        cli_json_object(&j, NULL);
        cli_json_integer(&j, "version", silt_snapshot_version(c->snapshot));
        cli_json_string(&j, "format", formats[format]);
        cli_json_string(&j, "destination", c->line.arguments[1]);
        cli_json_string(&j, "outcome", outcomes[r->outcome]);
        cli_json_boolean(&j, "dry_run", cli_flag(c, "dry-run"));
        cli_json_count(&j, "committed_version", r->committed_version);
        cli_json_count(&j, "table_version", r->table_version);
        cli_json_integer(&j, "rows", r->rows);
        cli_json_integer(&j, "files", r->files);
        cli_json_integer(&j, "bytes", r->bytes);
        cli_json_end(&j);
        return;
    }
    if (r->outcome == SILT_EXPORT_ALREADY_DONE) cli_say_done(c, r->committed_version);
    if (r->outcome == SILT_EXPORT_OVERTAKEN) cli_say_overtaken(c);
    if (r->outcome != SILT_EXPORT_WRITTEN) return;
    char rows[CLI_COUNTED_SIZE], files[CLI_COUNTED_SIZE], size[CLI_NUMBER_SIZE];
    cli_format_size(r->bytes, size);
    fprintf(stdout, "%s version %" PRId64 ": %s in %s (%s)\n",
            cli_flag(c, "dry-run") ? "Dry run: would export" : "Exported",
            silt_snapshot_version(c->snapshot), cli_counted(r->rows, "row", "rows", rows),
            cli_counted(r->files, "file", "files", files), size);
}

/* Under a run the destination is a table, which has a store for its name. */
static int begin_run(cli *c)
{
    silt_error err = {0};
    silt_store *target = NULL;
    if (!c->run) return CLI_OK;
    if (silt_store_open(c->line.arguments[1], NULL, &target, &err) != SILT_OK)
        return cli_fail(c, &err);
    int status = cli_run_begin(c, "EXPORT", target);
    silt_store_free(target);
    return status;
}

static int export(cli *c, const silt_export_options *opts)
{
    static const silt_run_outcome ends[] = {[SILT_EXPORT_WRITTEN] = SILT_RUN_COMMITTED,
                                            [SILT_EXPORT_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                            [SILT_EXPORT_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    silt_error err = {0};
    silt_export_result result = {.committed_version = -1, .table_version = -1};
    int status = begin_run(c);
    if (status != CLI_OK) return status;
    silt_status st = silt_export(c->snapshot, c->line.arguments[1], opts, &result, &err);
    cli_run_end(c, st, &err, ends[result.outcome], result.committed_version, result.table_version);
    if (st != SILT_OK) return cli_fail(c, &err);
    print_result(c, opts->format, &result);
    return CLI_OK;
}

int cmd_export(cli *c)
{
    silt_export_options opts = SILT_EXPORT_OPTIONS_INIT;
    opts.where = cli_text(c, "where");
    opts.no_header = cli_flag(c, "no-header");
    opts.overwrite = cli_flag(c, "overwrite");
    opts.dry_run = cli_flag(c, "dry-run");
    int status = take_format(c, &opts.format);
    if (status != CLI_OK) return status;
    if (opts.format == SILT_EXPORT_DELTA)
        status = cli_take_commit(c, &opts.commit);
    else
        status = cli_refuse_commit(c, "in an export but of --format delta");
    if (status != CLI_OK) return status;
    if (strcmp(c->line.arguments[1], "-") == 0)
        return cli_misuse(c, "-: an export goes into a file; `silt read` prints rows");
    if (opts.no_header && opts.format != SILT_EXPORT_CSV)
        return cli_misuse(c, "--no-header is for --format csv");
    status = cli_open_store(c);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status == CLI_OK) status = cli_open_snapshot(c);
    if (status == CLI_OK)
        status = cli_rows_columns(c, silt_snapshot_schema(c->snapshot), &opts.columns,
                                  &opts.column_count);
    if (status != CLI_OK) return status;
    return export(c, &opts);
}
