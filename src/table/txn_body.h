/* Between the files of txn: what a txn is, and what its commit says. */
#ifndef SILT_TABLE_TXN_BODY_H
#define SILT_TABLE_TXN_BODY_H

#include "base/type.h"
#include "table/commit_info.h"
#include "table/conflict.h"
#include "table/skip.h"

struct silt_txn {
    silt_arena *arena;
    silt_snapshot *base; /* borrowed; our own `nothing` for a new table */
    silt_snapshot *nothing;
    silt_snapshot *head; /* ours: what we were rebased onto; NULL: the base */
    silt_txn_options opts;
    SILT_VEC(silt_action) files;   /* removes, adds, cdcs, as they came */
    silt_map64 *touched;           /* paths of adds and removes → silt_touch */
    const silt_protocol *protocol; /* NULL: not set */
    const silt_metadata *metadata;
    SILT_VEC(silt_domain) domains;
    const char *other_app; /* see silt_txn_add_app(); NULL: none */
    int64_t other_version;
    silt_commit_totals totals;
    size_t new_paths; /* that are added, and not removed too */
    bool rows_removed, committed;
    char id[SILT_UUID_SIZE];

    /* ---- once prepared (txn_body.c) */
    silt_action *actions; /* of the commit, commitInfo first */
    size_t action_count;
    silt_buf lines;      /* of the actions behind commitInfo */
    bool stamped;        /* some of these say what depends on the version: written anew each try */
    size_t metadata_at;  /* where the metadata is, 0: nowhere; likewise the next */
    size_t row_ids_at;   /* the domain with the highest row id */
    size_t *fresh;       /* adds that are to get row ids, */
    int64_t *fresh_rows; /* and their rows */
    size_t fresh_count;
    int64_t given_high; /* highest row id that came with files of another table; -1: none */
    const char *metrics;
    char fingerprint[SILT_SHA256_SIZE];
    silt_skip *where;
    silt_map64 *moved;                /* WHERE: see silt_claim_follow() */
    const silt_key_range *key_ranges; /* by the names in files, as the next */
    silt_names partition_columns;
};

/* What the table is once ours is committed. */
const silt_protocol *silt_txn_protocol(const silt_txn *txn);
const silt_metadata *silt_txn_metadata(const silt_txn *txn);
/* What the next try builds on. */
silt_snapshot *silt_txn_newest(const silt_txn *txn);
/* As the table's property or the kind of txn has it. */
silt_isolation silt_txn_isolation(const silt_txn *txn);
/* Whether rows were copied or updated, as far as files tell: some went, and some came that aren't
 * the same with other rows deleted. */
bool silt_txn_rewrites(const silt_txn *txn);

/* What the table asks of such a commit, as far as it doesn't depend on the version (txn_check.c).
 * INVALID, UNSUPPORTED. */
silt_status silt_txn_check(const silt_txn *txn, silt_error *err);

/* All actions in the order of the commit. */
silt_status silt_txn_prepare(silt_txn *txn, silt_error *err);
/* The body for the version behind silt_txn_newest(); the actions say the same. */
silt_status silt_txn_write_body(silt_txn *txn, int attempts, silt_buf *body, silt_error *err);

#endif
