/* Inside update: the new values of a row. */
#ifndef SILT_OPS_UPDATE_H
#define SILT_OPS_UPDATE_H

#include "ops/edit.h"

typedef struct silt_update_spec {
    const silt_assignment *set;
    size_t count;
    const char *where; /* NULL: all rows */
} silt_update_spec;

/* What an updated row's columns are computed by. */
typedef struct silt_update_values {
    silt_write_columns columns; /* assigned and generated ones are expressions */
    const silt_expr *misfits;   /* rows whose new value is beyond its column's type; NULL: none
                                   can be */
} silt_update_values;

/* Bind the assignments to the table. INVALID, NOT_FOUND: see silt_update(). */
silt_status silt_update_bind(silt_edit *e, const silt_update_spec *spec, silt_update_values *out);

#endif
