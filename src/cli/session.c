/* Open what a command works on; print why it can't be opened. */
#include <string.h>
#include <unistd.h>

#include "cli/event.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/reading.h"
#include "cli/signals.h"
#include "cli/words.h"

static void stop_pipeline(void *what)
{
    silt_pipeline_interrupt(what);
}

/* The file's mistakes, all of them. */
static int fail_config(cli *c, const char *path, const silt_config_mistakes *mistakes,
                       const silt_error *err)
{
    char counted[CLI_COUNTED_SIZE];
    if (!mistakes->count) {
        (void)cli_fail(c, err);
        return CLI_USAGE; /* nothing was touched, whatever kept the file from being read */
    }
    for (size_t i = 0; i < mistakes->count; i++) {
        cli_put_safe(stderr, mistakes->lines[i], strlen(mistakes->lines[i]));
        fputc('\n', stderr);
    }
    cli_say(c, CLI_ERROR, "%s has %s; nothing was touched", path,
            cli_counted((int64_t)mistakes->count, "mistake", "mistakes", counted));
    if (!c->json) return CLI_USAGE;
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "valid", false);
    cli_json_array(&j, "mistakes");
    for (size_t i = 0; i < mistakes->count; i++)
        cli_json_string(&j, NULL, mistakes->lines[i]);
    cli_json_end(&j);
    cli_json_end(&j);
    c->answered = true;
    return CLI_USAGE;
}

int cli_open_pipeline(cli *c, bool watched)
{
    const char *path = cli_text(c, "config") ? cli_text(c, "config") : "silt.yaml";
    silt_error err = {0};
    silt_config_mistakes mistakes = {0};
    silt_pipeline_options opts = SILT_PIPELINE_OPTIONS_INIT;
    opts.event = cli_event;
    opts.event_ctx = c;
    opts.progress = watched && c->err.terminal && !c->quiet ? cli_progress_at : NULL;
    if (strcmp(path, "-") == 0)
        return cli_misuse(c, "--config: the pipeline file can't be standard input, since its paths "
                             "are relative to its folder");
    if (silt_pipeline_open(path, &opts, c->arena, &mistakes, &c->pipeline, &err) != SILT_OK)
        return fail_config(c, path, &mistakes, &err);
    if (!watched) return CLI_OK;
    if (!cli_signals_watch(stop_pipeline, c->pipeline)) {
        cli_say(c, CLI_ERROR, "no thread can be started");
        return CLI_FAILED;
    }
    if (!c->quiet) cli_progress_start(&c->err, silt_pipeline_name(c->pipeline));
    return CLI_OK;
}

int cli_pipeline_table(cli *c, const char **out)
{
    *out = cli_text(c, "table");
    return cli_check_table(c, *out);
}

int cli_check_table(cli *c, const char *table)
{
    if (!table) return CLI_OK;
    cli_nearest nearest = cli_nearest_to(table);
    size_t count = silt_pipeline_table_count(c->pipeline);
    for (size_t i = 0; i < count; i++) {
        const char *name = silt_pipeline_table_name(c->pipeline, i);
        if (strcmp(name, table) == 0) return CLI_OK;
        cli_nearest_offer(&nearest, name);
    }
    cli_say(c, CLI_ERROR, "%s: pipeline %s has no such table", table,
            silt_pipeline_name(c->pipeline));
    if (nearest.name)
        cli_hint(c, "did you mean '%s'?", nearest.name);
    else
        cli_hint(c, "`silt status` lists its tables");
    return CLI_USAGE;
}

/* ---- tables ---- */

int cli_storage_options(cli *c, const char *const **out)
{
    const char **pairs = silt_arena_calloc(c->arena, c->line.given_count + 1, sizeof(*pairs));
    size_t count = 0;
    if (!pairs) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        if (strcmp(given->option->name, "storage-option") != 0) continue;
        if (!strchr(given->value, '=') || given->value[0] == '=') /* its value may be a secret */
            return cli_misuse(c, "--storage-option: KEY=VALUE is wanted");
        pairs[count++] = given->value;
    }
    *out = pairs;
    return CLI_OK;
}

int cli_open_engine(cli *c)
{
    silt_error err = {0};
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    if (c->err.terminal && !c->out.terminal && !c->quiet) opts.progress = cli_progress_at;
    return silt_engine_open(&opts, &c->engine, &err) == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

int cli_open_store(cli *c)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.pairs);
    if (status != CLI_OK) return status;
    if (silt_store_open(c->line.arguments[0], &opts, &c->store, &err) != SILT_OK)
        return cli_fail(c, &err);
    return cli_open_engine(c);
}

int cli_open_datasets(cli *c)
{
    silt_error err = {0};
    silt_config_mistakes mistakes = {0};
    const char *path = cli_text(c, "datasets");
    if (!path) path = cli_text(c, "config");
    if (!path && access("silt.yaml", F_OK) != 0) return CLI_OK;
    if (!path) path = "silt.yaml";
    if (silt_datasets_load(path, c->arena, &mistakes, &c->datasets, &err) != SILT_OK)
        return fail_config(c, path, &mistakes, &err);
    const silt_diagnostics *to = cli_diagnostics(c);
    for (size_t i = 0; i < silt_datasets_count(c->datasets); i++)
        silt_dataset_tell(silt_datasets_at(c->datasets, i), to);
    return CLI_OK;
}

int cli_find_dataset(cli *c, silt_dataset *out)
{
    silt_error err = {0};
    const silt_dataset *found = NULL;
    const char *const *storage = NULL;
    const char *name = cli_text(c, "dataset");
    int status = cli_storage_options(c, &storage);
    if (status != CLI_OK) return status;
    if (!c->datasets) {
        cli_say(c, CLI_ERROR, "--dataset %s: there is no file of datasets", name);
        cli_hint(c, "--datasets FILE or --config FILE says which; ./silt.yaml isn't there");
        return CLI_USAGE;
    }
    if (silt_datasets_find(c->datasets, name, &found, &err) != SILT_OK) {
        (void)cli_fail(c, &err);
        return CLI_USAGE;
    }
    *out = *found;
    if (storage[0]) out->storage_options = storage;
    return CLI_OK;
}

int cli_snapshot_at(cli *c, int64_t *version, int64_t *timestamp_ms)
{
    cli_parse_error bad;
    const char *timestamp = cli_text(c, "timestamp");
    int64_t number = cli_count(c, "version", SILT_LATEST);
    if (!timestamp && number == SILT_LATEST) return CLI_OK;
    if (timestamp && number != SILT_LATEST)
        return cli_misuse(c, "--version and --timestamp: only one of the two says which version");
    if (timestamp && !cli_parse_timestamp(timestamp, timestamp_ms, &bad))
        return cli_misuse(c, "--timestamp: %s", bad.message);
    *version = number;
    if (!timestamp) *timestamp_ms = SILT_NO_TIMESTAMP;
    return CLI_OK;
}

int cli_open_snapshot(cli *c)
{
    silt_error err = {0};
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    int status = cli_snapshot_at(c, &opts.version, &opts.timestamp_ms);
    if (status != CLI_OK) return status;
    if (silt_snapshot_open(c->store, c->engine, &opts, &c->snapshot, &err) != SILT_OK)
        return cli_fail(c, &err);
    return CLI_OK;
}

int cli_open_table(cli *c)
{
    int status = cli_open_store(c);
    return status == CLI_OK ? cli_open_snapshot(c) : status;
}
