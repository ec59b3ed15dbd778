/* silt read: a table's rows, to look at or to go on with. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/reading.h"
#include "cli/rows.h"
#include "cli/words.h"

/* ---- --files ---- */

typedef struct names {
    const char **items;
    size_t count, capacity;
} names;

static bool add_name(cli *c, names *n, const char *name)
{
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? n->capacity * 2 : 64;
        const char **items = silt_arena_alloc(c->arena, capacity * sizeof(*items));
        if (!items) return false;
        if (n->count) memcpy(items, n->items, n->count * sizeof(*items));
        n->items = items;
        n->capacity = capacity;
    }
    n->items[n->count++] = name;
    return name != NULL;
}

/* A path a line. */
static int add_lines(cli *c, names *n)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    bool ok = true;
    while (ok && (size = getline(&line, &capacity, stdin)) >= 0) {
        if (size && line[size - 1] == '\n') line[size - 1] = 0;
        if (*line) ok = add_name(c, n, silt_arena_strdup(c->arena, line));
    }
    free(line);
    if (!ok) return cli_no_memory(c);
    if (!ferror(stdin)) return CLI_OK;
    cli_say(c, CLI_ERROR, "--files: standard input can't be read: %s", strerror(errno));
    return CLI_FAILED;
}

static int take_files(cli *c, silt_scan_options *opts)
{
    names n = {0};
    bool given = false;
    for (size_t i = 0; i < c->line.given_count; i++) {
        if (strcmp(c->line.given[i].option->name, "files") != 0) continue;
        const char *name = c->line.given[i].value;
        given = true;
        if (strcmp(name, "-") == 0) {
            int status = add_lines(c, &n);
            if (status != CLI_OK) return status;
        } else if (!add_name(c, &n, name)) {
            return cli_no_memory(c);
        }
    }
    if (!given) return CLI_OK;
    static const char *const nothing[1];
    opts->files = n.count ? n.items : nothing;
    opts->file_count = n.count;
    return CLI_OK;
}

/* ---- --schema ---- */

static char *read_text(cli *c, const char *path)
{
    enum { MOST = 64 << 20 };
    FILE *file = fopen(path, "re");
    if (!file) return NULL;
    char *text = NULL;
    size_t size = 0, capacity = 0;
    for (size_t got = 1; got && size < MOST;) {
        if (size + 1 >= capacity) {
            size_t grown = capacity ? capacity * 2 : 4096;
            char *larger = silt_arena_alloc(c->arena, grown);
            if (!larger) break;
            if (size) memcpy(larger, text, size);
            text = larger;
            capacity = grown;
        }
        got = fread(text + size, 1, capacity - size - 1, file);
        size += got;
        text[size] = 0;
    }
    bool whole = feof(file) && !ferror(file);
    (void)fclose(file);
    return whole ? text : NULL;
}

/* A schema as the log has it, or a type as people write it. */
static int take_schema(cli *c, const cli_rows *rows, silt_scan_options *opts)
{
    silt_error err = {0};
    const char *path = cli_text(c, "schema");
    opts->view_types = cli_flag(c, "view-types");
    if ((path || opts->view_types) && rows->format != CLI_ROWS_ARROW)
        return cli_misuse(c, "--%s is for --format arrow", path ? "schema" : "view-types");
    if (!path) return CLI_OK;
    const char *text = read_text(c, path);
    if (!text) {
        cli_say(c, CLI_ERROR, "--schema %s can't be read: %s", path, strerror(errno));
        return CLI_USAGE;
    }
    text += strspn(text, " \t\r\n");
    silt_status st = *text == '{'
                         ? silt_schema_parse(text, strlen(text), c->arena, &opts->schema, &err)
                         : silt_type_parse(text, c->arena, &opts->schema, &err);
    if (st != SILT_OK || opts->schema->kind != SILT_TYPE_STRUCT) {
        cli_say(c, CLI_ERROR, "--schema %s: %s", path,
                st == SILT_OK ? "a struct is wanted, like struct<id:long,name:string>"
                              : err.message);
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int take_options(cli *c, const cli_rows *rows, silt_scan_options *opts)
{
    opts->limit = cli_count(c, "limit", -1);
    opts->where = cli_text(c, "where");
    opts->file_column = cli_text(c, "file-column");
    opts->no_pushdown = cli_flag(c, "no-pushdown");
    opts->explain = cli_flag(c, "explain");
    opts->diagnostics = cli_diagnostics(c);
    if (cli_flag(c, "row-ids")) {
        opts->row_id_column = "_row_id";
        opts->row_commit_version_column = "_row_commit_version";
    }
    int status = take_files(c, opts);
    return status == CLI_OK ? take_schema(c, rows, opts) : status;
}

/* ---- --explain ---- */

enum { STEP, FILES, ROWS, SIZE, WHY, CELLS };

static const char *signed_text(cli *c, bool less, const char *text)
{
    return silt_arena_printf(c->arena, "%s%s", less ? "-" : "", text);
}

/* A line of the plan; what is zero isn't said. */
static bool put_step(cli *c, cli_grid *grid, const silt_scan_step *step, bool less)
{
    char text[CLI_NUMBER_SIZE];
    const char *cells[CELLS] = {[STEP] = step->name, [WHY] = step->why};
    if (step->files || !less) {
        cli_format_number(step->files, text);
        cells[FILES] = signed_text(c, less, text);
    }
    cli_format_number(step->rows, text);
    cells[ROWS] = step->rows < 0 ? "?" : step->rows || !less ? signed_text(c, less, text) : NULL;
    cli_format_size(step->bytes, text);
    if (step->bytes || !less) cells[SIZE] = signed_text(c, less, text);
    return cli_grid_texts(grid, cells);
}

static int explain_text(cli *c, const silt_scan_explanation *e)
{
    static const cli_column columns[CELLS] = {[STEP] = {"STEP", NULL, false},
                                              [FILES] = {"FILES", NULL, true},
                                              [ROWS] = {"ROWS", NULL, true},
                                              [SIZE] = {"SIZE", NULL, true},
                                              [WHY] = {"WHY", NULL, false}};
    char version[CLI_NUMBER_SIZE] = "all files"; /* of a dataset without a log */
    if (e->version >= 0) snprintf(version, sizeof(version), "version %lld", (long long)e->version);
    const silt_scan_step all = {version, NULL, e->total_files, e->total_rows, e->total_bytes};
    const silt_scan_step left = {"to be read", NULL, e->files, e->rows, e->bytes};
    cli_grid *grid = cli_grid_new(c, columns, CELLS, "", 0);
    bool ok = grid && put_step(c, grid, &all, false);
    for (size_t i = 0; ok && i < e->step_count; i++)
        ok = put_step(c, grid, &e->steps[i], true);
    ok = ok && put_step(c, grid, &left, false) && cli_grid_end(grid);
    cli_grid_free(grid);
    if (!ok) return ferror(stdout) ? CLI_OK : cli_no_memory(c);
    if (!e->filter) return CLI_OK;
    fputs("Rows are asked: ", stdout);
    cli_put(stdout, &c->out, e->filter);
    fputc('\n', stdout);
    return CLI_OK;
}

static void put_amounts(cli_json *j, int64_t files, int64_t rows, int64_t bytes)
{
    cli_json_integer(j, "files", files);
    cli_json_count(j, "rows", rows);
    cli_json_integer(j, "bytes", bytes);
}

static int explain_json(cli *c, const silt_scan_explanation *e)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_count(&j, "version", e->version);
    cli_json_object(&j, "total");
    put_amounts(&j, e->total_files, e->total_rows, e->total_bytes);
    cli_json_end(&j);
    cli_json_array(&j, "ruled_out");
    for (size_t i = 0; i < e->step_count; i++) {
        const silt_scan_step *step = &e->steps[i];
        cli_json_object(&j, NULL);
        cli_json_string(&j, "step", step->name);
        cli_json_string(&j, "why", step->why);
        put_amounts(&j, step->files, step->rows, step->bytes);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_object(&j, "to_be_read");
    put_amounts(&j, e->files, e->rows, e->bytes);
    cli_json_end(&j);
    cli_json_string(&j, "filter", e->filter);
    cli_json_end(&j);
    c->answered = true;
    return CLI_OK;
}

/* ---- the command ---- */

/* A dataset; --version and --timestamp stand over its own. */
static int open_dataset(cli *c, const silt_scan_options *opts, silt_scan **out)
{
    silt_error err = {0};
    silt_dataset dataset;
    int status = cli_find_dataset(c, &dataset);
    if (status != CLI_OK) return status;
    if (dataset.changes_from && (cli_text(c, "version") || cli_text(c, "timestamp")))
        return cli_misuse(c, "--dataset %s gives changes, which have no version", dataset.name);
    status = cli_snapshot_at(c, &dataset.version, &dataset.timestamp_ms);
    if (status != CLI_OK) return status;
    if (silt_dataset_open(&dataset, c->engine, opts, out, &err) != SILT_OK)
        return cli_rows_refuse(c, opts->where, &err);
    return CLI_OK;
}

static int read_rows(cli *c, const cli_rows *rows, const silt_scan_options *opts)
{
    silt_error err = {0};
    silt_scan *scan = NULL;
    int status;
    if (!c->snapshot)
        status = open_dataset(c, opts, &scan);
    else
        status = silt_scan_open(c->snapshot, opts, &scan, &err) == SILT_OK
                     ? CLI_OK
                     : cli_rows_refuse(c, opts->where, &err);
    if (status != CLI_OK) return status;
    if (!opts->explain)
        status = cli_rows_write(c, rows, scan);
    else if (c->json)
        status = explain_json(c, silt_scan_explain(scan));
    else
        status = explain_text(c, silt_scan_explain(scan));
    silt_scan_free(scan);
    return status;
}

/* Open a table, or what a dataset needs. */
static int open_source(cli *c, silt_scan_options *opts)
{
    bool named = cli_text(c, "dataset") != NULL;
    if (!named && c->line.argument_count == 0)
        return cli_misuse(c, "which table? Its path, or --dataset NAME");
    if (named && c->line.argument_count)
        return cli_misuse(c, "--dataset %s and %s: only one of the two says which table",
                          cli_text(c, "dataset"), c->line.arguments[0]);
    if (!named && cli_text(c, "datasets")) return cli_misuse(c, "--datasets is for --dataset NAME");
    int status = named ? cli_open_datasets(c) : cli_open_store(c);
    if (named && status == CLI_OK) status = cli_open_engine(c);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status != CLI_OK) return status;
    if (named) return cli_rows_names(c, "columns", &opts->columns, &opts->column_count);
    status = cli_open_snapshot(c);
    if (status != CLI_OK) return status;
    return cli_rows_columns(c, silt_snapshot_schema(c->snapshot), &opts->columns,
                            &opts->column_count);
}

int cmd_read(cli *c)
{
    cli_rows rows = {0};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    int status = cli_rows_options(c, &rows);
    if (status == CLI_OK) status = take_options(c, &rows, &opts);
    if (status == CLI_OK) status = open_source(c, &opts);
    return status == CLI_OK ? read_rows(c, &rows, &opts) : status;
}
