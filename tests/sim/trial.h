/* One operation on a table that is known, to be hit by something: what has to be true of the table
 * afterwards, and when the operation is done again. */
#ifndef SILT_SIM_TRIAL_H
#define SILT_SIM_TRIAL_H

#include "sim/scene.h"

/* Tables of different features, to try each operation on. */
enum { TRIAL_FLAVOURS = 5 };
extern const char *const trial_flavours[TRIAL_FLAVOURS];

typedef struct trial {
    scene scene;
    op op;               /* with a number, where it can have one */
    const model *before; /* NULL: there is no table yet */
    const model *after;
    bool aged;  /* the log has to be old for anything to happen */
    bool local; /* the tables have to have local paths */
} trial;

/* Plan an operation on a table of the flavour; false: it doesn't fit. The same for the same
 * arguments: nothing is drawn elsewhere. */
bool trial_plan(trial *t, op_kind kind, int flavour);
void trial_release(trial *t);

/* The table is at the old version or at the new one, and well. `site` is without faults;
 * `out` what the operation said, NULL where nobody heard it. `died`: it wasn't its own end. */
void trial_check(trial *t, op_site *site, const op_outcome *out, bool died);
/* Then done once more it is done exactly once. */
void trial_repeat(trial *t, op_site *site);

#endif
