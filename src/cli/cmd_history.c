/* silt history: who committed what, newest first. */
#include <inttypes.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

typedef struct listing {
    cli *c;
    cli_grid *grid;
    bool no_memory;
    int64_t count;
} listing;

static bool print_json(void *ctx, const silt_history_entry *entry)
{
    listing *l = ctx;
    cli_json j = cli_json_start(stdout, false);
    cli_json_object(&j, NULL);
    cli_json_integer(&j, "version", entry->version);
    cli_json_time(&j, "timestamp", entry->timestamp_ms * 1000);
    cli_json_string(&j, "operation", entry->operation);
    cli_json_string(&j, "engine_info", entry->engine_info);
    cli_json_string(&j, "user_metadata", entry->user_metadata);
    cli_json_raw(&j, "operation_parameters",
                 entry->operation_parameters ? entry->operation_parameters : "null");
    cli_json_raw(&j, "operation_metrics",
                 entry->operation_metrics ? entry->operation_metrics : "null");
    cli_json_raw(&j, "silt", entry->silt_info ? entry->silt_info : "null");
    cli_json_raw(&j, "commit_info", entry->commit_info);
    cli_json_end(&j);
    l->count++;
    return !ferror(stdout);
}

static bool add_row(void *ctx, const silt_history_entry *entry)
{
    listing *l = ctx;
    char version[CLI_NUMBER_SIZE], time[CLI_TIME_SIZE];
    snprintf(version, sizeof(version), "%" PRId64, entry->version);
    cli_format_time(entry->timestamp_ms * 1000, false, time);
    const char *cells[] = {version,
                           time,
                           entry->operation,
                           entry->engine_info,
                           entry->user_metadata,
                           entry->operation_metrics};
    l->no_memory = !cli_grid_texts(l->grid, cells) && !ferror(stdout);
    l->count++;
    return !l->no_memory && !ferror(stdout);
}

int cmd_history(cli *c)
{
    static const cli_column columns[] = {
        {"VERSION", NULL, true}, {"TIME (UTC)", NULL, false},    {"OPERATION", NULL, false},
        {"ENGINE", NULL, false}, {"USER METADATA", NULL, false}, {"METRICS", NULL, false}};
    silt_error err = {0};
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    listing l = {.c = c,
                 .grid = cli_grid_new(c, columns, c->verbose ? 6 : 5, "-", c->verbose ? 0 : 60)};
    if (!l.grid) return cli_no_memory(c);
    silt_status st = silt_table_history(c->store, cli_count(c, "limit", -1),
                                        c->json ? print_json : add_row, &l, &err);
    if (st == SILT_OK && !c->json && !l.no_memory) (void)cli_grid_end(l.grid);
    cli_grid_free(l.grid);
    if (l.no_memory) return cli_no_memory(c);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}
