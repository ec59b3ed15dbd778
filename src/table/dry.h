/* What an operation would do: done upon a store in which nothing happens to the table. */
#ifndef SILT_TABLE_DRY_H
#define SILT_TABLE_DRY_H

#include "table/data.h"

/* {0}: none. */
typedef struct silt_dry {
    silt_store *store;  /* reads the table's, and keeps what is put by itself */
    const char *folder; /* where: under the system's temporary folder */
} silt_dry;

/* In the arena but for the store; to be ended in any case, after all that uses the store. */
silt_status silt_dry_begin(silt_store *store, silt_arena *arena, silt_dry *out, silt_error *err);
/* The store and all that was put are gone. */
void silt_dry_end(silt_dry *dry);

/* What differs between two versions in protocol, columns, properties and domains, a line each as
 * silt_shape_diff() has it. `before` NULL: the table is to be made. */
silt_status silt_dry_changes(const silt_snapshot *before, const silt_snapshot *after,
                             silt_arena *arena, silt_names *out, silt_error *err);

#endif
