/* Names in a table's folder that aren't to be deleted: of files that its log speaks of, and of
 * other tables that lie in there. What can't be told counts as in use. */
#ifndef SILT_OPS_USED_H
#define SILT_OPS_USED_H

#include "base/hash.h"
#include "log/action.h"
#include "store/store.h"

typedef struct silt_used {
    silt_store *store; /* borrowed; the only member to be given */
    silt_arena *arena, *scratch;
    silt_map64 *keys;
} silt_used;

silt_status silt_used_init(silt_used *used, silt_store *store, silt_error *err);
void silt_used_release(silt_used *used);

/* A file as the log names it, and its deletion vector (NULL: none). A path to a place that isn't
 * ours is passed over, but for one that leads back into the folder. CORRUPT: it names no file. */
silt_status silt_used_add(silt_used *used, const char *path, const silt_dv *dv, silt_error *err);

bool silt_used_has(const silt_used *used, const char *key);

/* Each key of a listing is shown first, in any order; after that whether one is another's: of a
 * table within the table's folder, or of the Iceberg metadata that Delta's writers keep there. */
silt_status silt_used_see(silt_used *used, const char *key, silt_error *err);
bool silt_used_is_others(const silt_used *used, const char *key);

#endif
