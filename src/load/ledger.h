/* Ledger: what each batch of a table loaded, one small file a batch, beside the table's data.
 *
 * `<table>/_silt/ledger/<appId>/<N>.json`, put-new *before* the commit of batch N, so that a commit
 * of N implies ledger N. A ledger without its commit means nothing; the target's log is the judge.
 * Walking back from the target's app version V by `previous` gives all that was loaded.
 * @see docs/exactly-once.md, "The ledger" */
#ifndef SILT_LOAD_LEDGER_H
#define SILT_LOAD_LEDGER_H

#include "base/seam.h"
#include "ops/change.h"
#include "store/store.h"

typedef enum silt_ledger_kind {
    SILT_LEDGER_DATA,   /* a batch of source files */
    SILT_LEDGER_FENCE,  /* number spent so that an older attempt can't commit any more */
    SILT_LEDGER_EPOCH,  /* reset-state --forget: what was before it counts as never loaded */
    SILT_LEDGER_UNLOAD, /* the rows of its files went, with the counts they were loaded with */
    SILT_LEDGER_RELOAD, /* a batch of source files whose rows took the place of older ones of them
                         */
    SILT_LEDGER_LOST, /* the rows of its files were found to be gone: they are to be loaded again */
    SILT_LEDGER_REPAIR, /* rows went that no ledger vouches for */
    SILT_LEDGER_REPLAY  /* rows came that its files' batches had rejected: `rejects` says which */
} silt_ledger_kind;

/* Whether the rows of its files stand in the target. */
static inline bool silt_ledger_loads(silt_ledger_kind kind)
{
    return kind == SILT_LEDGER_DATA || kind == SILT_LEDGER_RELOAD;
}

typedef struct silt_ledger_file {
    const char *path; /* as the tracker has it */
    int64_t size_bytes, mtime_ns;
    const char *content_hash; /* XXH3-128, hexadecimal; NULL: none */
    silt_source_counts rows;
    int64_t replaces; /* RELOAD: the batch whose rows of it went; else -1 */
} silt_ledger_file;

typedef struct silt_ledger {
    silt_ledger_kind kind;
    const char *app_id;
    int64_t number;   /* N */
    int64_t previous; /* the app version the target had before N; -1: none */
    const char *attempt;
    const char *run_id;
    const char *state_id; /* of the tracker that planned it */
    const char *table_id; /* metaData.id of the target */
    const char *manifest; /* of files: XXH3-128 over their identities, sorted; NULL: it has none */
    int64_t created_us;
    int64_t rows_more; /* of the target, besides those that were inserted; below 0: less */
    const silt_ledger_file *files;
    size_t file_count;
    const char *rejects; /* key of the rejected rows, see rejects.h; NULL: none are kept */
    int64_t reject_rows; /* in it */
} silt_ledger;

/* "_silt/ledger/<appId>/<N as 20 digits>.json"; NULL when out of memory. */
const char *silt_ledger_key(const char *app_id, int64_t number, silt_arena *arena);

/* Put-new. EXISTS: the number is another attempt's (`taken` gets what stands there); the very same
 * ledger there already (a lost answer) is SILT_OK. */
silt_status silt_ledger_write(silt_store *target, const silt_ledger *ledger, silt_arena *arena,
                              silt_ledger *taken, silt_error *err);

/* NOT_FOUND; CORRUPT: not a ledger, or another number's. */
silt_status silt_ledger_read(silt_store *target, const char *app_id, int64_t number,
                             silt_arena *arena, silt_ledger *out, silt_error *err);

/* The same without its files, which are as many as the batch had. */
silt_status silt_ledger_read_head(silt_store *target, const char *app_id, int64_t number,
                                  silt_arena *arena, silt_ledger *out, silt_error *err);

/* The manifest of a batch: XXH3-128 over (path, size, mtime) of files sorted by path. */
silt_status silt_ledger_manifest(const silt_ledger_file *files, size_t count, char out[],
                                 silt_error *err);

/* The ledgers that the target's app version `from` vouches for, newest first, down to (and without)
 * `until`. Stops early at an EPOCH, which is the last item then. INCONSISTENT: ledger `*missing`
 * can't be read (out then holds those above it). */
silt_status silt_ledger_chain(silt_store *target, const char *app_id, int64_t from, int64_t until,
                              silt_arena *arena, const silt_ledger **out, size_t *count,
                              int64_t *missing, silt_error *err);

#endif
