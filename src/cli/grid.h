/* Rows in aligned columns. */
#ifndef SILT_CLI_GRID_H
#define SILT_CLI_GRID_H

#include "cli/cli.h"

typedef struct cli_column {
    const char *name, *type; /* the type stands below the name; NULL: no column has one */
    bool right;              /* numbers */
} cli_column;

typedef struct cli_grid cli_grid;

/* `null` is what a cell without data shows. `widest` cuts cells off, 0: never. The columns are
 * borrowed. NULL when out of memory. */
cli_grid *cli_grid_new(const cli *c, const cli_column *columns, size_t count, const char *null,
                       size_t widest);

/* Leave out the last columns, so that rows are no wider than `room`. Before the first row. */
void cli_grid_fit(cli_grid *grid, size_t room);
/* How many columns are shown; after cli_grid_end(). */
size_t cli_grid_shown(const cli_grid *grid);

/* Add a row. The first rows are held back until it is known how wide the columns are; a later cell
 * that is wider pushes what follows. False: out of memory, or the output has failed. */
bool cli_grid_row(cli_grid *grid, const silt_bytes *cells);

/* As above, from texts that may be NULL. */
bool cli_grid_texts(cli_grid *grid, const char *const *cells);

/* Print what is held back; the heading also without rows. */
bool cli_grid_end(cli_grid *grid);

void cli_grid_free(cli_grid *grid);

#endif
