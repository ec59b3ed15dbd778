/* Whether the rows of a table meet a condition that they are to meet from now on. */
#ifndef SILT_OPS_ROWS_CHECK_H
#define SILT_OPS_ROWS_CHECK_H

#include "table/snapshot.h"

/* BAD_DATA: rows for which the condition is false, or null: how many, and some of them. Reads the
 * whole table, as far as statistics don't tell. */
silt_status silt_rows_meet(silt_snapshot *snapshot, const char *constraint, const char *condition,
                           silt_error *err);
silt_status silt_rows_not_null(silt_snapshot *snapshot, const char *column, silt_error *err);

#endif
