/* Inside of datasets and queries. */
#ifndef SILT_OPS_SQL_H
#define SILT_OPS_SQL_H

#include "base/base.h"
#include "base/expr.h"
#include "silt/sql.h"

SILT_DEFINE_AUTO(silt_datasets, silt_datasets_free)

/* The ends of a range of changes from texts: versions or timestamps; `to` may be NULL. INVALID. */
silt_status silt_changes_ends(const char *from, const char *to, silt_changes_options *opts,
                              silt_error *err);

/* All of it in the arena; NULL: out of memory. */
silt_dataset *silt_dataset_copy(const silt_dataset *dataset, silt_arena *arena);

/* The store of a dataset that is a table. */
silt_status silt_dataset_store(const silt_dataset *dataset, silt_store **out, silt_error *err);

/* The scan of a dataset of files; `filter` (NULL: none) is a statement's, of which what
 * silt_sql_where() takes is asked beside opts->where. (dataset_files.c) */
silt_status silt_dataset_files_open(const silt_dataset *dataset, silt_engine *engine,
                                    const silt_scan_options *opts, const silt_expr *filter,
                                    silt_scan **out, silt_error *err);

/* The statement as an event. */
void silt_sql_tell(const silt_sql_options *opts, const char *sql);

/* The part of a statement's condition that means the same in its dialect and in Silt's, over a
 * table's columns, as text for silt_scan_options.where; NULL: none, or out of memory. (sql_where.c)
 */
const char *silt_sql_where(const silt_expr *filter, const silt_type *schema, silt_arena *arena);

#endif
