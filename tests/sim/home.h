/* Where trials take place: a folder, tables of each flavour to start from, and of each trial a
 * table of its own, which is such a one's copy, beside an empty place for what is made of it. */
#ifndef SILT_SIM_HOME_H
#define SILT_SIM_HOME_H

#include "sim/trial.h"

/* Set up and torn down with the group of tests; without an engine: for tests whose children have
 * theirs. */
int home_open(void **state);
int home_open_without_engine(void **state);
int home_close(void **state);
const char *home_dir(void);
silt_engine *home_engine(void);

/* A folder of it, as a store; the caller frees it. */
silt_store *home_folder(const char *name);
/* A file or folder of it, with all that is in it. */
void home_remove(const char *name);

/* Make the flavour's table to start from, at the site, and the folder of Parquet files that
 * migrations are of. */
void home_build(const trial *t, int flavour, op_site *site);
/* The latter's path, in the trial's arena. */
const char *home_parquet(const trial *t, int flavour);

typedef struct home_table {
    silt_store *below, *target; /* target: of a clone */
    op_site view;               /* without faults */
} home_table;

/* The table of one trial; needs the engine. */
home_table home_table_new(trial *t, int flavour);
void home_table_free(home_table *table);

#endif
