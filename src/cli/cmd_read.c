/* silt read: a table's rows, to look at or to go on with. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/words.h"

typedef enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_PARQUET } format;

enum { WIDEST = 40 }; /* columns of a cell without --verbose */

/* ---- options ---- */

static int take_format(cli *c, format *out)
{
    static const char *const names[] = {"table", "csv", "json", "parquet"};
    const char *name = cli_text(c, "format");
    *out = c->json ? FORMAT_JSON : FORMAT_TABLE;
    if (!name) return CLI_OK;
    cli_nearest nearest = cli_nearest_to(name);
    for (int i = 0; i < 4; i++) {
        *out = (format)i;
        if (strcmp(names[i], name) == 0) return CLI_OK;
        cli_nearest_offer(&nearest, names[i]);
    }
    if (strcmp(name, "arrow") == 0) return cli_later(c, "format", name);
    if (!nearest.name)
        return cli_misuse(c, "--format: found \"%s\"; table, csv, json or parquet is allowed",
                          name);
    cli_say(c, CLI_ERROR, "--format: found \"%s\"; table, csv, json or parquet is allowed", name);
    cli_hint(c, "did you mean '%s'?", nearest.name);
    return CLI_USAGE;
}

/* The column's name as the table spells it, which may differ in upper and lower case. */
static const char *column_of(const silt_type *schema, const char *typed, cli_nearest *nearest)
{
    int index = silt_type_find(schema, typed);
    if (index >= 0) return schema->fields[index].name;
    for (size_t i = 0; i < schema->field_count; i++) {
        if (strcasecmp(schema->fields[i].name, typed) == 0) return schema->fields[i].name;
        cli_nearest_offer(nearest, schema->fields[i].name);
    }
    return NULL;
}

static int add_column(cli *c, const char *typed, const char **columns, size_t *count)
{
    cli_nearest nearest = cli_nearest_to(typed);
    columns[*count] = column_of(silt_snapshot_schema(c->snapshot), typed, &nearest);
    if (columns[*count]) {
        (*count)++;
        return CLI_OK;
    }
    cli_say(c, CLI_ERROR, "--columns: the table has no column '%s'", typed);
    if (nearest.name)
        cli_hint(c, "did you mean '%s'?", nearest.name);
    else
        cli_hint(c, "`silt show %s` lists its columns", c->line.arguments[0]);
    return CLI_USAGE;
}

/* "a,b" given once or often; a name with a comma in it is written as \, */
static int take_columns(cli *c, silt_scan_options *opts)
{
    size_t most = 0;
    for (size_t i = 0; i < c->line.given_count; i++)
        most += strlen(c->line.given[i].value) + 1;
    const char **columns = silt_arena_calloc(c->arena, most + 1, sizeof(*columns));
    char *name = silt_arena_alloc(c->arena, most + 1);
    if (!columns || !name) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        if (strcmp(c->line.given[i].option->name, "columns") != 0) continue;
        for (const char *s = c->line.given[i].value;; s++) {
            size_t size = 0;
            for (; *s && *s != ','; s++) {
                if (s[0] == '\\' && s[1] == ',') s++;
                name[size++] = *s;
            }
            name[size] = 0;
            int status = add_column(c, name, columns, &opts->column_count);
            if (status != CLI_OK) return status;
            if (!*s) break;
        }
    }
    if (opts->column_count) opts->columns = columns;
    return CLI_OK;
}

/* ---- as a table ---- */

typedef struct printing {
    cli_grid *grid;
    int64_t rows;
    bool no_memory;
} printing;

static bool print_row(void *ctx, const silt_bytes *values, size_t count)
{
    printing *p = ctx;
    (void)count;
    p->rows++;
    p->no_memory = !cli_grid_row(p->grid, values) && !ferror(stdout);
    return !p->no_memory && !ferror(stdout);
}

static bool is_number(const silt_type *type)
{
    return type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_DECIMAL;
}

static cli_column *make_columns(cli *c, const silt_scan_options *opts, size_t *count)
{
    const silt_type *schema = silt_snapshot_schema(c->snapshot);
    *count = opts->columns ? opts->column_count : schema->field_count;
    cli_column *columns = silt_arena_calloc(c->arena, *count + 1, sizeof(*columns));
    for (size_t i = 0; columns && i < *count; i++) {
        int at = opts->columns ? silt_type_find(schema, opts->columns[i]) : (int)i;
        const silt_field *field = &schema->fields[at];
        const char *type = silt_type_name(field->type, c->arena);
        columns[i] = (cli_column){field->name, type ? type : "?", is_number(field->type)};
    }
    return columns;
}

static int print_table(cli *c, const silt_scan_options *opts)
{
    silt_error err = {0};
    size_t count;
    char counted[CLI_COUNTED_SIZE];
    const cli_column *columns = make_columns(c, opts, &count);
    printing p = {0};
    if (columns) p.grid = cli_grid_new(c, columns, count, "NULL", c->verbose ? 0 : WIDEST);
    if (!p.grid) return cli_no_memory(c);
    silt_scan *scan = NULL;
    silt_status st = silt_scan_open(c->snapshot, opts, &scan, &err);
    if (st == SILT_OK) st = silt_scan_rows(scan, print_row, &p, &err);
    silt_scan_free(scan);
    if (st == SILT_OK && !p.no_memory && cli_grid_end(p.grid))
        fprintf(stdout, "(%s)\n", cli_counted(p.rows, "row", "rows", counted));
    cli_grid_free(p.grid);
    if (p.no_memory) return cli_no_memory(c);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

/* ---- into a file ---- */

/* A file appears whole or not at all; what isn't a regular file (a pipe, a device) is written to as
 * it is. */
static const char *write_to(cli *c, const char *path, bool *direct)
{
    struct stat st;
    *direct = strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
    return *direct ? path : silt_arena_printf(c->arena, "%s.%ld.tmp", path, (long)getpid());
}

static int put_in_place(cli *c, const char *from, const char *to)
{
    if (rename(from, to) == 0) return CLI_OK;
    cli_say(c, CLI_ERROR, "%s can't be written: %s", to, strerror(errno));
    (void)unlink(from);
    return CLI_FAILED;
}

static int fail_output(cli *c, const silt_error *err)
{
    if (err->cause != EPIPE) return cli_fail(c, err);
    cli_signals_die_of_pipe(); /* the reader of our output went away */
    return CLI_FAILED;
}

static int write_file(cli *c, const silt_scan_options *opts, format as, const char *path)
{
    static const silt_file_format formats[] = {[FORMAT_CSV] = SILT_FILE_CSV,
                                               [FORMAT_JSON] = SILT_FILE_JSON,
                                               [FORMAT_PARQUET] = SILT_FILE_PARQUET};
    silt_error err = {0};
    bool direct;
    const char *to = write_to(c, path, &direct);
    if (!to) return cli_no_memory(c);
    silt_scan *scan = NULL;
    silt_status st = silt_scan_open(c->snapshot, opts, &scan, &err);
    if (st == SILT_OK) st = silt_scan_to_file(scan, formats[as], to, NULL, &err);
    silt_scan_free(scan);
    cli_progress_stop();
    if (st == SILT_OK) return direct ? CLI_OK : put_in_place(c, to, path);
    if (!direct) (void)unlink(to);
    return fail_output(c, &err);
}

/* Standard output becomes the file, and is put back by nobody: the command ends after it. */
static int print_table_to(cli *c, const silt_scan_options *opts, const char *path)
{
    bool direct;
    const char *to = write_to(c, path, &direct);
    if (!to) return cli_no_memory(c);
    if (strcmp(to, "-") == 0) return print_table(c, opts);
    if (!freopen(to, "we", stdout)) {
        cli_say(c, CLI_ERROR, "%s can't be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    c->out = cli_style_of(stdout, true);
    int status = cli_finish_output(c, print_table(c, opts));
    if (status == CLI_OK && !direct) return put_in_place(c, to, path);
    if (!direct) (void)unlink(to);
    return status;
}

/* ---- the command ---- */

static void stop_engine(void *engine)
{
    silt_engine_interrupt(engine);
}

int cmd_read(cli *c)
{
    format as;
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    const char *path = cli_text(c, "output") ? cli_text(c, "output") : "-";
    opts.limit = cli_count(c, "limit", -1);
    int status = take_format(c, &as);
    if (status != CLI_OK) return status;
    if (as == FORMAT_PARQUET && strcmp(path, "-") == 0 && c->out.terminal)
        return cli_misuse(c, "--format parquet isn't for a terminal: --output FILE says where to");
    status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (!cli_signals_watch(stop_engine, c->engine)) return cli_no_memory(c);
    status = cli_open_snapshot(c);
    if (status == CLI_OK) status = take_columns(c, &opts);
    if (status != CLI_OK) return status;
    if (!c->quiet && !c->out.terminal) cli_progress_start(&c->err, "reading");
    return as == FORMAT_TABLE ? print_table_to(c, &opts, path) : write_file(c, &opts, as, path);
}
