/* silt files: the data files of a table, for people and pipes. */
#include <inttypes.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

typedef struct listing {
    cli *c;
    cli_grid *grid; /* --verbose */
    bool no_memory;
} listing;

static bool print_path(void *ctx, const silt_file *file)
{
    const listing *l = ctx;
    cli_put(stdout, &l->c->out, file->path);
    fputc('\n', stdout);
    return !ferror(stdout);
}

static bool print_json(void *ctx, const silt_file *file)
{
    const listing *l = ctx;
    cli_json j = cli_json_start(stdout, false);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "path", file->path);
    cli_json_integer(&j, "size_bytes", file->size_bytes);
    cli_json_count(&j, "rows", file->row_count);
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

static bool add_row(void *ctx, const silt_file *file)
{
    listing *l = ctx;
    size_t partitions = silt_snapshot_partition_count(l->c->snapshot);
    char size[CLI_NUMBER_SIZE], rows[CLI_NUMBER_SIZE], time[CLI_TIME_SIZE];
    const char **cells = silt_arena_calloc(l->c->arena, partitions + 4, sizeof(*cells));
    if (!cells) {
        l->no_memory = true;
        return false;
    }
    cli_format_number(file->size_bytes, size);
    cli_format_number(file->row_count, rows);
    cli_format_time(file->modification_time_ms * 1000, false, time);
    cells[0] = size;
    cells[1] = file->row_count < 0 ? NULL : rows;
    cells[2] = time;
    for (size_t i = 0; i < partitions; i++)
        cells[3 + i] = file->partition_values[i];
    cells[3 + partitions] = file->path;
    l->no_memory = !cli_grid_texts(l->grid, cells) && !ferror(stdout);
    return !l->no_memory && !ferror(stdout);
}

static int print_grid(cli *c)
{
    silt_error err = {0};
    size_t partitions = silt_snapshot_partition_count(c->snapshot);
    cli_column *columns = silt_arena_calloc(c->arena, partitions + 4, sizeof(*columns));
    if (!columns) return cli_no_memory(c);
    columns[0] = (cli_column){"BYTES", NULL, true};
    columns[1] = (cli_column){"ROWS", NULL, true};
    columns[2] = (cli_column){"MODIFIED (UTC)", NULL, false};
    for (size_t i = 0; i < partitions; i++)
        columns[3 + i].name = silt_snapshot_partition_column(c->snapshot, i);
    columns[3 + partitions].name = "PATH";
    listing l = {c, cli_grid_new(c, columns, partitions + 4, "-", 0), false};
    if (!l.grid) return cli_no_memory(c);
    silt_status st = silt_snapshot_files(c->snapshot, add_row, &l, &err);
    if (st == SILT_OK && !l.no_memory) (void)cli_grid_end(l.grid);
    cli_grid_free(l.grid);
    if (l.no_memory) return cli_no_memory(c);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

int cmd_files(cli *c)
{
    silt_error err = {0};
    listing l = {.c = c};
    int status = cli_open_table(c);
    if (status != CLI_OK) return status;
    if (c->verbose && !c->json) return print_grid(c);
    silt_status st = c->json ? silt_snapshot_files(c->snapshot, print_json, &l, &err)
                             : silt_snapshot_paths(c->snapshot, print_path, &l, &err);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}
