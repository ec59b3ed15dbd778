/* Rows to the terminal, into a pipe or a file. */
#include "cli/rows.h"

#include <errno.h>
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

enum { WIDEST = 40 }; /* columns of a cell without --verbose */

/* ---- options ---- */

static const char *const format_names[] = {[CLI_ROWS_TABLE] = "table",
                                           [CLI_ROWS_CSV] = "csv",
                                           [CLI_ROWS_JSON] = "json",
                                           [CLI_ROWS_PARQUET] = "parquet",
                                           [CLI_ROWS_ARROW] = "arrow"};
enum { FORMATS = sizeof(format_names) / sizeof(format_names[0]) };

static int take_format(cli *c, cli_row_format *out)
{
    const char *name = cli_text(c, "format");
    *out = c->json ? CLI_ROWS_JSON : CLI_ROWS_TABLE;
    if (!name) return CLI_OK;
    cli_nearest nearest = cli_nearest_to(name);
    for (int i = 0; i < FORMATS; i++) {
        *out = (cli_row_format)i;
        if (strcmp(format_names[i], name) == 0) return CLI_OK;
        cli_nearest_offer(&nearest, format_names[i]);
    }
    static const char allowed[] = "table, csv, json, parquet or arrow is allowed";
    if (!nearest.name) return cli_misuse(c, "--format: found \"%s\"; %s", name, allowed);
    cli_say(c, CLI_ERROR, "--format: found \"%s\"; %s", name, allowed);
    cli_hint(c, "did you mean '%s'?", nearest.name);
    return CLI_USAGE;
}

int cli_rows_options(cli *c, cli_rows *out)
{
    out->path = cli_text(c, "output") ? cli_text(c, "output") : "-";
    out->no_header = cli_flag(c, "no-header");
    int status = take_format(c, &out->format);
    if (status != CLI_OK) return status;
    if (out->no_header && out->format != CLI_ROWS_CSV)
        return cli_misuse(c, "--no-header is for --format csv");
    if (out->format >= CLI_ROWS_PARQUET && strcmp(out->path, "-") == 0 && c->out.terminal)
        return cli_misuse(c, "--format %s isn't for a terminal: --output FILE says where to",
                          format_names[out->format]);
    return CLI_OK;
}

/* "a,b" given once or often; a name with a comma in it is written as \, */
int cli_rows_names(cli *c, const char *option, const char *const **names, size_t *count)
{
    size_t most = 0;
    for (size_t i = 0; i < c->line.given_count; i++)
        most += c->line.given[i].value ? strlen(c->line.given[i].value) + 1 : 0;
    const char **items = silt_arena_calloc(c->arena, most + 1, sizeof(*items));
    char *name = silt_arena_alloc(c->arena, most + 1); /* one name after another */
    if (!items || !name) return cli_no_memory(c);
    *count = 0;
    for (size_t i = 0; i < c->line.given_count; i++) {
        if (strcmp(c->line.given[i].option->name, option) != 0) continue;
        for (const char *s = c->line.given[i].value;; s++) {
            items[(*count)++] = name;
            for (; *s && *s != ','; s++) {
                if (s[0] == '\\' && s[1] == ',') s++;
                *name++ = *s;
            }
            *name++ = 0;
            if (!*s) break;
        }
    }
    *names = *count ? items : NULL;
    return CLI_OK;
}

/* The column's name as the schema spells it. */
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

int cli_rows_columns(cli *c, const silt_type *schema, const char *const **columns, size_t *count)
{
    const char *const *typed;
    int status = cli_rows_names(c, "columns", &typed, count);
    const char **names = silt_arena_calloc(c->arena, *count + 1, sizeof(*names));
    if (status != CLI_OK || !names) return status != CLI_OK ? status : cli_no_memory(c);
    for (size_t i = 0; i < *count; i++) {
        cli_nearest nearest = cli_nearest_to(typed[i]);
        names[i] = column_of(schema, typed[i], &nearest);
        if (names[i]) continue;
        cli_say(c, CLI_ERROR, "--columns: the table has no column '%s'", typed[i]);
        if (nearest.name)
            cli_hint(c, "did you mean '%s'?", nearest.name);
        else
            cli_hint(c, "`silt show %s` lists its columns", c->line.arguments[0]);
        return CLI_USAGE;
    }
    *columns = *count ? names : NULL;
    return CLI_OK;
}

static void stop_engine(void *engine)
{
    silt_engine_interrupt(engine);
}

int cli_rows_watch(cli *c)
{
    if (!cli_signals_watch(stop_engine, c->engine)) return cli_no_memory(c);
    return CLI_OK;
}

int cli_rows_refuse(cli *c, const char *where, const silt_error *err)
{
    int status = cli_fail(c, err);
    bool condition = where && err->status == SILT_NOT_FOUND && strstr(err->message, "condition: ");
    return condition ? CLI_USAGE : status;
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

static cli_column *make_columns(cli *c, const silt_type *schema)
{
    cli_column *columns = silt_arena_calloc(c->arena, schema->field_count + 1, sizeof(*columns));
    for (size_t i = 0; columns && i < schema->field_count; i++) {
        const silt_field *field = &schema->fields[i];
        const char *type = silt_type_name(field->type, c->arena);
        columns[i] = (cli_column){field->name, type ? type : "?", is_number(field->type)};
    }
    return columns;
}

static void end_table(const printing *p, size_t columns)
{
    char counted[CLI_COUNTED_SIZE];
    cli_counted(p->rows, "row", "rows", counted);
    if (cli_grid_shown(p->grid) == columns)
        fprintf(stdout, "(%s)\n", counted);
    else
        fprintf(stdout, "(%s; %zu of %zu columns fit: --verbose shows all)\n", counted,
                cli_grid_shown(p->grid), columns);
}

static int print_table(cli *c, silt_scan *scan)
{
    silt_error err = {0};
    const silt_type *schema;
    if (silt_scan_schema(scan, &schema, &err) != SILT_OK) return cli_fail(c, &err);
    const cli_column *columns = make_columns(c, schema);
    printing p = {0};
    if (columns)
        p.grid = cli_grid_new(c, columns, schema->field_count, "NULL", c->verbose ? 0 : WIDEST);
    if (!p.grid) return cli_no_memory(c);
    if (c->out.terminal && !c->verbose) cli_grid_fit(p.grid, (size_t)cli_terminal_columns(stdout));
    silt_status st = silt_scan_rows(scan, print_row, &p, &err);
    if (st == SILT_OK && !p.no_memory && cli_grid_end(p.grid)) end_table(&p, schema->field_count);
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

static int write_file(cli *c, const cli_rows *rows, silt_scan *scan)
{
    static const silt_file_format formats[] = {[CLI_ROWS_CSV] = SILT_FILE_CSV,
                                               [CLI_ROWS_JSON] = SILT_FILE_JSON,
                                               [CLI_ROWS_PARQUET] = SILT_FILE_PARQUET,
                                               [CLI_ROWS_ARROW] = SILT_FILE_ARROW};
    silt_error err = {0};
    bool direct;
    const char *to = write_to(c, rows->path, &direct);
    if (!to) return cli_no_memory(c);
    silt_file_format format = rows->no_header ? SILT_FILE_CSV_NO_HEADER : formats[rows->format];
    silt_status st = silt_scan_to_file(scan, format, to, NULL, &err);
    cli_progress_stop();
    if (st == SILT_OK) return direct ? CLI_OK : put_in_place(c, to, rows->path);
    if (!direct) (void)unlink(to);
    return fail_output(c, &err);
}

/* Standard output becomes the file, and is put back by nobody: the command ends after it. */
static int print_table_to(cli *c, silt_scan *scan, const char *path)
{
    bool direct;
    const char *to = write_to(c, path, &direct);
    if (!to) return cli_no_memory(c);
    if (strcmp(to, "-") == 0) return print_table(c, scan);
    if (!freopen(to, "we", stdout)) {
        cli_say(c, CLI_ERROR, "%s can't be written: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    c->out = cli_style_of(stdout, true);
    int status = cli_finish_output(c, print_table(c, scan));
    if (status == CLI_OK && !direct) return put_in_place(c, to, path);
    if (!direct) (void)unlink(to);
    return status;
}

int cli_rows_write(cli *c, const cli_rows *rows, silt_scan *scan)
{
    if (!c->quiet && !c->out.terminal) cli_progress_start(&c->err, "reading");
    return rows->format == CLI_ROWS_TABLE ? print_table_to(c, scan, rows->path)
                                          : write_file(c, rows, scan);
}
