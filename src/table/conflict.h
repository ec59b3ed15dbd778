/* Whether a commit of others stands against what a txn wants to do. */
#ifndef SILT_TABLE_CONFLICT_H
#define SILT_TABLE_CONFLICT_H

#include "base/hash.h"
#include "table/skip.h"
#include "table/txn.h"

/* What a txn does to the file of one path; one of both is NULL, or it gets another deletion vector.
 */
typedef struct silt_touch {
    const silt_add *removed, *added;
} silt_touch;

/* What a txn read and changes, as far as others can be in its way. */
typedef struct silt_claim {
    const char *txn_id, *app_id; /* app_id may be NULL */
    silt_read_kind read;
    silt_isolation isolation; /* not OF_TABLE */
    bool rearranges, sets_metadata;
    const silt_key_range *key_ranges; /* KEYS */
    size_t key_range_count;
    const silt_skip *where;     /* WHERE */
    const silt_map64 *touched;  /* silt_file_identity() without DV → silt_touch */
    const silt_domain *domains; /* that we set */
    size_t domain_count;
    silt_names partition_columns; /* KEYS: by the names in files, as key_ranges */
    silt_snapshot *base;          /* that we read; WHERE asks it for files that others removed */
    const silt_map64 *moved;      /* WHERE: silt_claim_follow() */
} silt_claim;

typedef enum silt_verdict {
    SILT_VERDICT_FREE, /* ours can follow it */
    SILT_VERDICT_OURS, /* it is ours: an answer was lost, and the store tried again by itself */
    SILT_VERDICT_APP_MOVED, /* it has an app txn of our app id */
    SILT_VERDICT_CONFLICT
} silt_verdict;

/* Sets version, app_version_seen and conflict of `result` unless the verdict is FREE. The order:
 * who it is, app txn, protocol, metadata, domains, files added, files removed. */
silt_status silt_claim_check(const silt_claim *claim, int64_t version, const silt_action *actions,
                             size_t count, silt_verdict *out, silt_txn_result *result,
                             silt_error *err);

/* Note where others moved rows to, once their commit stands in our way no more: what was read may
 * be removed from there. `moved` is silt_file_identity() without DV → silt_add, in `arena`. */
silt_status silt_claim_follow(silt_map64 *moved, const silt_action *actions, size_t count,
                              silt_arena *arena, silt_error *err);

/* "version 7 (MERGE by silt/0.1.0)", or as much of it as the commit says; cut to fit. */
void silt_commit_describe(int64_t version, const silt_action *actions, size_t count, char *out,
                          size_t size);

#endif
