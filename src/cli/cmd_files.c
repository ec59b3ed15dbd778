/* silt files: the data files of a table, for people and pipes. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

typedef struct listing {
    cli *c;
    silt_files_options opts;
    cli_grid *grid;     /* --verbose */
    const char **cells; /* of one row of it */
    bool no_memory;
} listing;

/* ---- forms ---- */

static bool print_path(void *ctx, const silt_file *file)
{
    const listing *l = ctx;
    if (l->opts.since) fputs(file->removed ? "- " : "+ ", stdout);
    cli_put(stdout, &l->c->out, file->path);
    fputc('\n', stdout);
    return !ferror(stdout);
}

static bool print_json(void *ctx, const silt_file *file)
{
    const listing *l = ctx;
    cli_json j = cli_json_start(stdout, false);
    cli_json_object(&j, NULL);
    if (l->opts.since) cli_json_string(&j, "change", file->removed ? "removed" : "added");
    cli_json_string(&j, "path", file->path);
    cli_json_integer(&j, "size_bytes", file->size_bytes);
    cli_json_count(&j, "rows", file->row_count);
    cli_json_integer(&j, "deleted_rows", file->deleted_rows);
    cli_json_object(&j, "partition_values");
    size_t count = silt_snapshot_partition_count(l->c->snapshot);
    for (size_t i = 0; i < count; i++)
        cli_json_string(&j, silt_snapshot_partition_column(l->c->snapshot, i),
                        file->partition_values[i]);
    cli_json_end(&j);
    cli_json_time(&j, "modification_time", file->modification_time_ms * 1000);
    cli_json_end(&j);
    return !ferror(stdout);
}

enum { BYTES, ROWS, DELETED, MODIFIED, CELLS }; /* then partition values, and the path */

static bool add_row(void *ctx, const silt_file *file)
{
    listing *l = ctx;
    size_t partitions = silt_snapshot_partition_count(l->c->snapshot), at = 0;
    char size[CLI_NUMBER_SIZE], rows[CLI_NUMBER_SIZE], deleted[CLI_NUMBER_SIZE];
    char time[CLI_TIME_SIZE];
    const char **cells = l->cells;
    cli_format_number(file->size_bytes, size);
    cli_format_number(file->row_count, rows);
    cli_format_number(file->deleted_rows, deleted);
    cli_format_time(file->modification_time_ms * 1000, false, time);
    if (l->opts.since) cells[at++] = file->removed ? "removed" : "added";
    cells[at + BYTES] = size;
    cells[at + ROWS] = file->row_count < 0 ? NULL : rows;
    cells[at + DELETED] = file->deleted_rows ? deleted : NULL;
    cells[at + MODIFIED] = time;
    for (size_t i = 0; i < partitions; i++)
        cells[at + CELLS + i] = file->partition_values[i];
    cells[at + CELLS + partitions] = file->path;
    l->no_memory = !cli_grid_texts(l->grid, cells) && !ferror(stdout);
    return !l->no_memory && !ferror(stdout);
}

static int print_grid(listing *l)
{
    cli *c = l->c;
    silt_error err = {0};
    size_t partitions = silt_snapshot_partition_count(c->snapshot), at = 0;
    cli_column *columns = silt_arena_calloc(c->arena, partitions + CELLS + 2, sizeof(*columns));
    l->cells = silt_arena_calloc(c->arena, partitions + CELLS + 2, sizeof(*l->cells));
    if (!columns || !l->cells) return cli_no_memory(c);
    if (l->opts.since) columns[at++].name = "CHANGE";
    columns[at + BYTES] = (cli_column){"BYTES", NULL, true};
    columns[at + ROWS] = (cli_column){"ROWS", NULL, true};
    columns[at + DELETED] = (cli_column){"DELETED", NULL, true};
    columns[at + MODIFIED] = (cli_column){"MODIFIED (UTC)", NULL, false};
    for (size_t i = 0; i < partitions; i++)
        columns[at + CELLS + i].name = silt_snapshot_partition_column(c->snapshot, i);
    columns[at + CELLS + partitions].name = "PATH";
    l->grid = cli_grid_new(c, columns, at + CELLS + partitions + 1, "-", 0);
    if (!l->grid) return cli_no_memory(c);
    silt_status st = silt_snapshot_files(c->snapshot, &l->opts, add_row, l, &err);
    if (st == SILT_OK && !l->no_memory) (void)cli_grid_end(l->grid);
    cli_grid_free(l->grid);
    if (l->no_memory) return cli_no_memory(c);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

/* ---- the command ---- */

static int list(listing *l)
{
    cli *c = l->c;
    silt_error err = {0};
    if (c->verbose && !c->json) return print_grid(l);
    l->opts.no_details = !c->json;
    silt_status st =
        silt_snapshot_files(c->snapshot, &l->opts, c->json ? print_json : print_path, l, &err);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

static int list_between(listing *l, int64_t from, int64_t to)
{
    cli *c = l->c;
    silt_error err = {0};
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = to;
    if (silt_snapshot_open(c->store, c->engine, &opts, &c->snapshot, &err) != SILT_OK)
        return cli_fail(c, &err);
    opts.version = from;
    if (silt_snapshot_open(c->store, c->engine, &opts, &l->opts.since, &err) != SILT_OK)
        return cli_fail(c, &err);
    int status = list(l);
    silt_snapshot_free(l->opts.since);
    return status;
}

int cmd_files(cli *c)
{
    listing l = {.c = c, .opts = SILT_FILES_OPTIONS_INIT};
    l.opts.no_stats = true;
    int64_t from = cli_count(c, "from", -1), to = cli_count(c, "to", SILT_LATEST);
    l.opts.where = cli_text(c, "where");
    if (from < 0 && to != SILT_LATEST) return cli_misuse(c, "--to needs --from");
    if (from >= 0 && (cli_text(c, "version") || cli_text(c, "timestamp")))
        return cli_misuse(c, "--from and --to say which versions, so %s isn't for them",
                          cli_text(c, "version") ? "--version" : "--timestamp");
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (from >= 0) return list_between(&l, from, to);
    status = cli_open_snapshot(c);
    return status == CLI_OK ? list(&l) : status;
}
