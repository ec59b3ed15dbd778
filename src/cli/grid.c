/* Rows in aligned columns, for rows without end: widths are taken from the first ones, the rest
 * streams. */
#include "cli/grid.h"

#include <stdlib.h>
#include <string.h>

enum { HELD_ROWS = 1000, HELD_BYTES = 16 << 20 };

struct cli_grid {
    const cli_style *style;
    const cli_column *columns;
    size_t count, widest;
    size_t room;  /* columns of the terminal; 0: without end */
    size_t shown; /* the first so many of `count`; known from start() on */
    const char *null;
    size_t *widths;
    silt_arena *held; /* NULL: the heading has been printed, rows go straight out */
    silt_bytes *rows; /* HELD_ROWS times count cells */
    size_t row_count, held_bytes;
};

cli_grid *cli_grid_new(const cli *c, const cli_column *columns, size_t count, const char *null,
                       size_t widest)
{
    cli_grid *g = calloc(1, sizeof(*g));
    if (!g) return NULL;
    *g = (cli_grid){
        .style = &c->out, .columns = columns, .count = count, .widest = widest, .null = null};
    g->widths = calloc(count + 1, sizeof(*g->widths));
    g->rows = calloc(HELD_ROWS * count + 1, sizeof(*g->rows));
    g->held = silt_arena_new();
    if (g->widths && g->rows && g->held) return g;
    cli_grid_free(g);
    return NULL;
}

void cli_grid_free(cli_grid *g)
{
    if (!g) return;
    silt_arena_free(g->held);
    free(g->rows);
    free(g->widths);
    free(g);
}

static silt_bytes shown(const cli_grid *g, silt_bytes cell)
{
    return cell.data ? cell : (silt_bytes){g->null, strlen(g->null)};
}

static void widen(cli_grid *g, size_t column, silt_bytes cell)
{
    silt_bytes text = shown(g, cell);
    size_t width = cli_width(text.data, text.size);
    if (g->widest && width > g->widest) width = g->widest;
    if (width > g->widths[column]) g->widths[column] = width;
}

static void blanks(size_t count)
{
    for (; count; count--)
        fputc(' ', stdout);
}

static void print_cell(const cli_grid *g, size_t column, silt_bytes cell)
{
    silt_bytes text = shown(g, cell);
    size_t limit = g->widest ? g->widest : SIZE_MAX, width = cli_width(text.data, text.size);
    if (width > limit) width = limit;
    size_t pad = g->widths[column] > width ? g->widths[column] - width : 0;
    if (column) fputs("  ", stdout);
    if (g->columns[column].right) blanks(pad);
    if (!cell.data) fputs(cli_dim(g->style), stdout);
    size_t used = cli_put_cut(stdout, g->style, text.data, text.size, limit);
    if (!cell.data) fputs(cli_plain(g->style), stdout);
    if (!g->columns[column].right && column + 1 < g->count) blanks(pad + width - used);
}

static const char *ellipsis(const cli_grid *g)
{
    if (g->shown == g->count) return "";
    return g->style->utf8 ? "  …" : "  ..";
}

static void print_row(const cli_grid *g, const silt_bytes *cells)
{
    for (size_t i = 0; i < g->shown; i++)
        print_cell(g, i, cells[i]);
    fprintf(stdout, "%s\n", ellipsis(g));
}

static void print_heading(const cli_grid *g, bool types)
{
    fputs(types ? cli_dim(g->style) : cli_bold(g->style), stdout);
    for (size_t i = 0; i < g->shown; i++) {
        const char *text = types ? g->columns[i].type : g->columns[i].name;
        print_cell(g, i, (silt_bytes){text, strlen(text)});
    }
    fprintf(stdout, "%s%s\n", ellipsis(g), cli_plain(g->style));
}

/* The columns that fit side by side, one at least. */
static size_t count_fitting(const cli_grid *g)
{
    enum { GAP = 2, MORE = 4 };
    size_t used = 0, fit = 0;
    for (size_t i = 0; i < g->count; i++) {
        used += g->widths[i] + (i ? GAP : 0);
        if (used + MORE <= g->room) fit = i + 1;
    }
    if (!g->room || used <= g->room) return g->count;
    return fit ? fit : 1;
}

/* Heading and held rows; from then on rows go straight out. */
static void start(cli_grid *g)
{
    bool types = g->count && g->columns[0].type;
    for (size_t i = 0; i < g->count; i++) {
        widen(g, i, (silt_bytes){g->columns[i].name, strlen(g->columns[i].name)});
        if (types) widen(g, i, (silt_bytes){g->columns[i].type, strlen(g->columns[i].type)});
        for (size_t r = 0; r < g->row_count; r++)
            widen(g, i, g->rows[r * g->count + i]);
    }
    g->shown = count_fitting(g);
    print_heading(g, false);
    if (types) print_heading(g, true);
    for (size_t r = 0; r < g->row_count; r++)
        print_row(g, g->rows + r * g->count);
    silt_arena_free(g->held);
    g->held = NULL;
}

bool cli_grid_row(cli_grid *g, const silt_bytes *cells)
{
    if (!g->held) {
        print_row(g, cells);
        return !ferror(stdout);
    }
    silt_bytes *row = g->rows + g->row_count * g->count;
    for (size_t i = 0; i < g->count; i++) {
        row[i] = cells[i];
        if (!cells[i].data) continue;
        row[i].data = silt_arena_strndup(g->held, cells[i].data, cells[i].size);
        if (!row[i].data) return false;
        g->held_bytes += cells[i].size;
    }
    if (++g->row_count == HELD_ROWS || g->held_bytes > HELD_BYTES) start(g);
    return !ferror(stdout);
}

bool cli_grid_texts(cli_grid *g, const char *const *cells)
{
    silt_bytes *row = calloc(g->count + 1, sizeof(*row));
    if (!row) return false;
    for (size_t i = 0; i < g->count; i++)
        row[i] = (silt_bytes){cells[i], cells[i] ? strlen(cells[i]) : 0};
    bool ok = cli_grid_row(g, row);
    free(row);
    return ok;
}

void cli_grid_fit(cli_grid *g, size_t room)
{
    g->room = room;
}

size_t cli_grid_shown(const cli_grid *g)
{
    return g->shown;
}

bool cli_grid_end(cli_grid *g)
{
    if (g->held) start(g);
    return !ferror(stdout);
}
