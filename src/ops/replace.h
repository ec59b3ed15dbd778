/* Rows that a condition takes go in the commit in which a work's new rows come. */
#ifndef SILT_OPS_REPLACE_H
#define SILT_OPS_REPLACE_H

#include "ops/edit.h"
#include "ops/work.h"

typedef struct silt_replacing {
    silt_edit_options opts;
    silt_edit edit; /* begun where w->edit points to it */
    bool rewritten; /* some rows are in files with rows that stay, which are written anew */
    int64_t rows;   /* that go; -1: not known */
} silt_replacing;

/* Find the rows of the snapshot, and write what stays of their files; the work's new rows, so many,
 * are published. Files are named by the work's attempt. On failure nothing of it is left. */
silt_status silt_replace_where(silt_replacing *r, silt_work *w, silt_snapshot *snapshot,
                               const char *where, int64_t new_rows);
/* In any case, also where nothing is replaced; unless `commits` (a commit names it, or may) what
 * was written is taken away. */
void silt_replace_end(silt_work *w, bool commits);

#endif
