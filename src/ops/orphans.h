/* Files in a table's folder that its log doesn't name: what attempts left that were never
 * committed. */
#ifndef SILT_OPS_ORPHANS_H
#define SILT_OPS_ORPHANS_H

#include "table/snapshot.h"

typedef struct silt_orphans_spec {
    int64_t before_ms; /* only what was last written before that: younger files may be somebody's
                          who is about to commit them */
    bool ever;         /* only what no commit has ever named, one that came meanwhile included. What
                          was written before the oldest commit that still stands can't be told, and
                          isn't. CORRUPT: the log names what can't be a file */
    bool remove;       /* them; UNSUPPORTED: the table has a feature that Silt doesn't know */
} silt_orphans_spec;

/* Anything but SILT_OK ends it. The object lives for the call; with `remove` it has gone. */
typedef silt_status silt_orphan_fn(void *ctx, const silt_object *object, silt_error *err);

/* Each orphan, in no order; none under a hidden name, behind a link, or of a table within the
 * table's folder. Cost: a listing, a replay of the log's removes; with `ever`, and where there are
 * any, all commits that still stand. */
silt_status silt_orphans_find(silt_snapshot *snapshot, const silt_orphans_spec *spec,
                              silt_orphan_fn *fn, void *ctx, silt_error *err);

/* How long files that nobody names are left alone: 7 days unless the table says otherwise.
 * `snapshot` NULL: there is no such table. */
#define SILT_ORPHANS_RETENTION "delta.deletedFileRetentionDuration"
int64_t silt_orphans_retention_ms(const silt_snapshot *snapshot);

#endif
