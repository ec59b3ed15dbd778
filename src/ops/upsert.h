/* Upsert and append_once as merges. */
#ifndef SILT_OPS_UPSERT_H
#define SILT_OPS_UPSERT_H

#include "ops/merge.h"

/* By equal keys: rows that are there become the source's (not with `insert_only`), unless they are
 * newer, others are inserted; rows of the source in which `deletes` is true (NULL: no column says
 * so) delete those of their key. Sets what m asks for but for its keys. */
silt_status silt_upsert_clauses(silt_merging *m, const char *newest_by, bool insert_only,
                                const char *deletes, silt_error *err);

#endif
