/* silt write: rows of files, a query or a table into a table, in one commit. */
#include <inttypes.h>
#include <string.h>

#include "cli/commit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "cli/signals.h"
#include "cli/source.h"
#include "cli/take.h"
#include "cli/words.h"

/* ---- options */

static int take_modes(cli *c, silt_write_options *o)
{
    static const cli_word modes[] = {
        {"append", SILT_WRITE_APPEND}, {"overwrite", SILT_WRITE_OVERWRITE},
        {"upsert", SILT_WRITE_UPSERT}, {"append_once", SILT_WRITE_APPEND_ONCE},
        {"scd2", SILT_WRITE_SCD2},     {"ignore", SILT_WRITE_IGNORE},
        {"error", SILT_WRITE_ERROR},   {NULL, 0}};
    static const cli_word schema_modes[] = {
        {"merge", SILT_SCHEMA_MERGE}, {"overwrite", SILT_SCHEMA_OVERWRITE}, {NULL, 0}};
    static const cli_word dynamics[] = {{"static", 0}, {"dynamic", 1}, {NULL, 0}};
    int mode = SILT_WRITE_APPEND, schema = SILT_SCHEMA_FIXED, dynamic = 0;
    int status = cli_take_word(c, "mode", modes, &mode);
    if (status == CLI_OK) status = cli_take_word(c, "schema-mode", schema_modes, &schema);
    if (status == CLI_OK) status = cli_take_word(c, "partition-overwrite", dynamics, &dynamic);
    if (status == CLI_OK) status = cli_take_newest(c, &o->newest_by);
    if (status != CLI_OK) return status;
    o->mode = (silt_write_mode)mode;
    o->schema_mode = (silt_schema_mode)schema;
    o->dynamic_partitions = dynamic;
    o->as_diff = cli_flag(c, "as-diff");
    return CLI_OK;
}

/* Of mode scd2. */
static int take_versions(cli *c, silt_write_options *o, silt_scd2_options *scd2)
{
    static const char *const texts[] = {"effective-from", "effective-date-column",
                                        "end-date-column", "current-flag-column"};
    *scd2 = (silt_scd2_options)SILT_SCD2_OPTIONS_INIT;
    int status = cli_take_names(c, "tracking-columns", &scd2->tracking_columns);
    const char *misused = scd2->tracking_columns ? "tracking-columns" : NULL;
    if (cli_flag(c, "close-missing")) misused = "close-missing";
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (cli_text(c, texts[i])) misused = texts[i];
    if (status != CLI_OK) return status;
    if (o->mode != SILT_WRITE_SCD2)
        return misused ? cli_misuse(c, "--%s is for --mode scd2", misused) : CLI_OK;
    scd2->effective_from = cli_text(c, "effective-from");
    scd2->effective_date_column = cli_text(c, "effective-date-column");
    scd2->end_date_column = cli_text(c, "end-date-column");
    scd2->current_flag_column = cli_text(c, "current-flag-column");
    scd2->close_missing = cli_flag(c, "close-missing");
    o->scd2 = scd2;
    return CLI_OK;
}

static int take_options(cli *c, silt_write_options *o, silt_policy *policy, silt_scd2_options *scd2)
{
    int status = take_modes(c, o);
    if (status == CLI_OK) status = take_versions(c, o, scd2);
    if (status == CLI_OK) status = cli_take_policy(c, policy);
    if (status == CLI_OK) status = cli_take_names(c, "cluster-by", &policy->cluster_by);
    if (status == CLI_OK) status = cli_take_names(c, "keys", &o->keys);
    if (status == CLI_OK) status = cli_take_names(c, "partition-by", &o->partition_by);
    o->any_case = cli_flag(c, "any-case");
    if (status == CLI_OK) status = cli_take_names(c, "order-by", &o->ordering_keys);
    if (status == CLI_OK && o->ordering_keys && policy->z_order)
        return cli_misuse(c, "--order-by and --z-order: rows can lie in one order only");
    if (status == CLI_OK) status = cli_take_pairs(c, "property", &o->properties);
    if (status == CLI_OK) status = cli_take_size(c, "target-file-size", &o->target_file_bytes);
    if (status != CLI_OK) return status;
    o->policy = policy;
    o->dry_run = cli_flag(c, "dry-run");
    o->arena = c->arena;
    o->where = cli_text(c, "where");
    o->compression = cli_text(c, "compression");
    return cli_take_commit(c, &o->commit);
}

/* ---- what was done */

static const char *outcome_name(silt_write_outcome outcome)
{
    static const char *const names[] = {"committed", "already_done", "overtaken",
                                        "skipped",   "unchanged",    "dry_run"};
    return names[outcome];
}

static void print_json(const silt_write_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "outcome", outcome_name(r->outcome));
    cli_json_count(&j, "committed_version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_boolean(&j, "created", r->created);
    cli_json_integer(&j, "rows_read", r->rows_read);
    cli_json_integer(&j, "rows_inserted", r->rows_inserted);
    cli_json_integer(&j, "rows_updated", r->rows_updated);
    cli_json_integer(&j, "rows_unchanged", r->rows_unchanged);
    cli_json_integer(&j, "rows_deduplicated", r->rows_deduplicated);
    cli_json_integer(&j, "rows_copied", r->rows_copied);
    cli_json_count(&j, "rows_deleted", r->rows_deleted);
    cli_json_integer(&j, "files_added", r->files_added);
    cli_json_integer(&j, "files_removed", r->files_removed);
    cli_json_integer(&j, "bytes_added", r->bytes_added);
    cli_json_integer(&j, "bytes_removed", r->bytes_removed);
    cli_json_integer(&j, "attempts", r->attempts);
    if (r->outcome == SILT_WRITE_DRY_RUN) {
        cli_json_array(&j, "changes");
        for (size_t i = 0; i < r->change_count; i++)
            cli_json_string(&j, NULL, r->changes[i]);
        cli_json_end(&j);
    }
    cli_json_end(&j);
}

static void print_counts(const silt_write_result *r)
{
    char rows[CLI_COUNTED_SIZE], added[CLI_COUNTED_SIZE], removed[CLI_COUNTED_SIZE];
    printf("%s inserted", cli_counted(r->rows_inserted, "row", "rows", rows));
    if (r->rows_updated) printf(", %" PRId64 " updated", r->rows_updated);
    if (r->rows_deleted > 0) printf(", %" PRId64 " deleted", r->rows_deleted);
    if (r->rows_unchanged) printf(", %" PRId64 " left as they were", r->rows_unchanged);
    if (r->rows_deduplicated) printf(", %" PRId64 " deduplicated", r->rows_deduplicated);
    printf("; %s added", cli_counted(r->files_added, "file", "files", added));
    if (r->files_removed)
        printf(", %s removed", cli_counted(r->files_removed, "file", "files", removed));
    putchar('\n');
}

/* What would be, and at what cost. */
static void print_dry(const cli *c, const silt_write_result *r)
{
    char rows[CLI_COUNTED_SIZE], added[CLI_NUMBER_SIZE], removed[CLI_NUMBER_SIZE];
    for (size_t i = 0; i < r->change_count; i++) {
        cli_put(stdout, &c->out, r->changes[i]);
        putchar('\n');
    }
    printf("Dry run: of %s read, ", cli_counted(r->rows_read, "row", "rows", rows));
    print_counts(r);
    cli_format_size(r->bytes_added, added);
    cli_format_size(r->bytes_removed, removed);
    printf("%s would be written", added);
    if (r->rows_copied)
        printf(", %s of it as they were", cli_counted(r->rows_copied, "row", "rows", rows));
    if (r->files_removed) printf("; the files removed have %s", removed);
    putchar('\n');
}

static void print_words(const cli *c, const silt_write_result *r)
{
    switch (r->outcome) {
    case SILT_WRITE_ALREADY_DONE:
        cli_say_done(c, r->committed_version);
        break;
    case SILT_WRITE_OVERTAKEN:
        cli_say_overtaken(c);
        break;
    case SILT_WRITE_SKIPPED:
        printf("there is a table: nothing was written\n");
        break;
    case SILT_WRITE_UNCHANGED:
        printf("the table has these rows already: nothing was written\n");
        break;
    case SILT_WRITE_COMMITTED:
        printf("version %" PRId64 ": ", r->committed_version);
        print_counts(r);
        break;
    case SILT_WRITE_DRY_RUN:
        print_dry(c, r);
        break;
    }
}

static void stop_engine(void *engine)
{
    silt_engine_interrupt(engine);
}

static void end_run(cli *c, silt_status st, const silt_error *err, const silt_write_result *r)
{
    static const silt_run_outcome outcomes[] = {[SILT_WRITE_COMMITTED] = SILT_RUN_COMMITTED,
                                                [SILT_WRITE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                                [SILT_WRITE_OVERTAKEN] = SILT_RUN_OVERTAKEN,
                                                [SILT_WRITE_SKIPPED] = SILT_RUN_SKIPPED,
                                                [SILT_WRITE_UNCHANGED] = SILT_RUN_SKIPPED,
                                                [SILT_WRITE_DRY_RUN] = SILT_RUN_SKIPPED};
    cli_run_end(c, st, err, outcomes[r->outcome], r->committed_version, r->table_version);
}

/* `dataset` NULL: by what the command line says alone. */
static int write_source(cli *c, const silt_dataset *dataset, const silt_write_source *source,
                        const silt_write_options *opts)
{
    silt_error err = {0};
    silt_write_result result = {0};
    if (!cli_signals_watch(stop_engine, c->engine)) {
        cli_say(c, CLI_ERROR, "no thread can be started");
        return CLI_FAILED;
    }
    int status = cli_run_begin(c, "WRITE", c->store);
    if (status != CLI_OK) return status;
    silt_status st = dataset ? silt_dataset_write(dataset, c->engine, source, opts, &result, &err)
                             : silt_write(c->store, c->engine, source, opts, &result, NULL, &err);
    end_run(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    if (c->json)
        print_json(&result);
    else if (!c->quiet || result.outcome == SILT_WRITE_OVERTAKEN)
        print_words(c, &result);
    return CLI_OK;
}

static int open_dataset(cli *c, silt_dataset *out)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_open_engine(c);
    if (status == CLI_OK) status = cli_open_datasets(c);
    if (status == CLI_OK) status = cli_find_dataset(c, out);
    if (status != CLI_OK) return status;
    opts.pairs = out->storage_options;
    return silt_store_open(out->path, &opts, &c->store, &err) == SILT_OK ? CLI_OK
                                                                         : cli_fail(c, &err);
}

static int open_target(cli *c, silt_dataset *dataset)
{
    if (cli_text(c, "dataset")) return open_dataset(c, dataset);
    if (c->line.argument_count) return cli_open_store(c);
    return cli_misuse(c, "which table? Its path, or --dataset NAME");
}

int cmd_write(cli *c)
{
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    silt_dataset dataset = {0};
    silt_policy policy;
    silt_scd2_options scd2;
    cli_source r = {.from_the_first = cli_text(c, "dataset") != NULL};
    int status = take_options(c, &opts, &policy, &scd2);
    if (status == CLI_OK) status = open_target(c, &dataset);
    if (status == CLI_OK) status = cli_source_open(c, &source, &r);
    if (status == CLI_OK) status = write_source(c, dataset.name ? &dataset : NULL, &source, &opts);
    cli_source_release(&r);
    return status;
}
