/* What tracker, ledgers and target say of one table, side by side: for validate and fix. */
#ifndef SILT_LOAD_COMPARE_H
#define SILT_LOAD_COMPARE_H

#include "load/load.h"
#include "load/recover.h"

/* Lines for a person. */
typedef struct silt_lines {
    silt_arena *arena;
    SILT_VEC(const char *) items;
    bool failed; /* out of memory */
} silt_lines;
void silt_lines_add(silt_lines *lines, const char *format, ...) SILT_PRINTF(2, 3);
/* The lines, in the arena; NULL when out of memory. Gives the list back. */
const char *const *silt_lines_take(silt_lines *lines, size_t *count);

/* All that the ledgers vouch for, by path: the newest batch of each. */
typedef struct silt_loaded {
    const char *path;
    const silt_ledger *ledger;
    const silt_ledger_file *file;
    int64_t rows_in_target; /* by evidence; -1: not counted */
    bool in_tracker;
    int64_t replayed_by; /* the newest batch that brought rejected rows of it since; -1: none */
} silt_loaded;

/* Rejected rows of a file that a later batch brought. */
typedef struct silt_replayed {
    const char *path;
    int64_t number, rows, rows_in_target;
} silt_replayed;

typedef struct silt_comparison {
    silt_arena *arena;
    silt_map64 *by_path;            /* path → silt_loaded *; its ledger may say that it went */
    SILT_VEC(silt_loaded *) loaded; /* without those */
    const silt_ledger *chain;       /* newest first */
    size_t chain_count;
    SILT_VEC(silt_replayed) replayed; /* newest first */
    int64_t missing; /* the first ledger that can't be read, walking back; -1: the chain is whole */
    char why_missing[512];
    SILT_VEC(silt_evidence) extra; /* rows of files that ledgers tell of, which none vouches for */
    const char *rows_unsure;       /* silt_own_rows.unsure: rows may be another's; NULL */
    SILT_VEC(silt_tracked) wrong;  /* rows as they ought to be, where the tracker says otherwise */
} silt_comparison;

/* Walk the whole chain. `out` is {0} before, and in any case to be released. */
silt_status silt_compare_chain(const silt_target *target, silt_comparison *out, silt_error *err);
/* Where the chain isn't whole, what rows say of the files that it doesn't tell of (append with
 * audit columns; else nothing is done). Reads two columns of the whole table. */
silt_status silt_compare_evidence(silt_load *load, silt_target *target, silt_comparison *c,
                                  silt_error *err);
/* The tracker's row of a file that is loaded: `row`, with what its ledger says. */
silt_tracked silt_compare_completed(const silt_loaded *item, const char *table, silt_tracked row);
/* Walk the whole chain and compare the tracker with it; what differs is told in `lines`. `target`
 * is refreshed, the tracker too; a batch that is open is not looked at. */
silt_status silt_compare_tracker(silt_load *load, silt_target *target, silt_comparison *out,
                                 silt_lines *lines, silt_error *err);
/* Compare the target's rows with the ledgers (append with audit columns; else nothing is done).
 * Reads two columns of the whole table. */
silt_status silt_compare_rows(silt_load *load, silt_target *target, silt_comparison *comparison,
                              silt_lines *lines, silt_error *err);
void silt_comparison_release(silt_comparison *comparison);

#endif
