/* Txn: what one commit will change. Rebased over the commits that came in between, and ends in a
 * result.
 *
 *   silt_txn_new → silt_txn_add / _remove / _set_metadata … → silt_txn_commit → result
 *
 * A txn never decides whether an app txn happened: it stops and says that another commit moved it.
 * @see exactly-once.md, "The writer's rules" */
#ifndef SILT_TABLE_TXN_H
#define SILT_TABLE_TXN_H

#include "base/expr.h"
#include "base/seam.h"
#include "log/log.h"
#include "table/snapshot.h"

/* What the changes were decided by: which commits of others stand against them.
 * @see docs/transactions.md, "Who stands against whom" */
typedef enum silt_read_kind {
    SILT_READ_NOTHING, /* a blind append: only protocol, metadata, domains, own app txn */
    /* Rows within all of `key_ranges`: files that may hold such by partition values and stats, and
     * files that don't say; blind appends of others count: serializable. */
    SILT_READ_KEYS,
    SILT_READ_WHERE, /* rows that `where` takes, by partition values and stats likewise */
    SILT_READ_TABLE, /* any change of rows */
    SILT_READ_LOG    /* any commit at all since the snapshot: compare-and-swap of the version */
} silt_read_kind;

typedef enum silt_isolation {
    SILT_ISOLATION_OF_TABLE, /* delta.isolationLevel, else WRITE_SERIALIZABLE */
    SILT_WRITE_SERIALIZABLE, /* a blind append of others may count as coming after us */
    SILT_SERIALIZABLE,       /* the order of versions is the order in which it happened */
    SILT_SNAPSHOT_ISOLATION  /* what others add never counts */
} silt_isolation;

/* Values of a top-level column, both ends included, in the engine's text form. */
typedef struct silt_key_range {
    const char *column;
    const silt_type *type;
    const char *min, *max; /* NULL: no values but nulls */
    bool has_null;         /* nulls count too */
} silt_key_range;

/* How often and how long to try again when others commit first. */
typedef struct silt_commit_retry {
    int max_attempts;   /* put-news of different bodies; 0: no limit but the deadline */
    int64_t backoff_ms; /* the longest first wait; doubled up to 1 s, the wait is random below it */
    int64_t deadline_ms; /* of all tries together */
} silt_commit_retry;
#define SILT_COMMIT_RETRY_INIT \
    {                          \
        0, 10, 60000           \
    }

typedef struct silt_txn_options {
    const char *operation;            /* "WRITE", "MERGE", "CREATE TABLE", as Spark names them */
    const char *operation_parameters; /* JSON object, values are strings as in Spark's; NULL: {} */
    const char
        *operation_metrics;    /* JSON object of strings; NULL: computed from adds and removes */
    const char *user_metadata; /* NULL: none */
    /* Members of commitInfo with these names, but for those that the protocol, Spark or Silt has
     * there (in any case of letters). */
    silt_pairs properties;
    const char *silt_info; /* JSON object for commitInfo.silt; NULL: none */
    silt_names
        ordering_keys; /* columns that the rows are sorted by: commitInfo.silt.orderingKeys */
    /* What did the work: commitInfo.silt.runtimeProfile. Without a name: the base's engine, if it
     * runs.
     */
    silt_engine_profile runtime;
    const char *app_id; /* NULL: no app txn */
    int64_t app_version;
    silt_read_kind read;
    const silt_key_range *key_ranges; /* KEYS: borrowed until commit */
    size_t key_range_count;
    const silt_expr *where; /* WHERE: bound to the base's schema; borrowed until commit */
    silt_isolation isolation;
    /* dataChange=false throughout, snapshot isolation: conflicts only over the same files. */
    bool rearranges;
    /* Rows of removed files all go, those of added ones are all new (an overwrite): a change feed
     * is owed no cdc files. */
    bool replaces_rows;
    /* Rows that were copied or updated have their row ids and commit versions with them, in the
     * materialised columns. */
    bool keeps_row_ids;
    bool brings_row_ids; /* files come with ids that another table gave, and take the place of all
                            that are here */
    silt_commit_retry retry;
    const silt_clock *clock;   /* NULL: the system's */
    const silt_random *random; /* NULL: the system's */
    /* A sink for events (commit_attempt …), may be NULL. */
    void (*event)(void *ctx, const char *kind, const char *json);
    void *event_ctx;
} silt_txn_options;
#define SILT_TXN_OPTIONS_INIT           \
    {                                   \
        .retry = SILT_COMMIT_RETRY_INIT \
    }

typedef enum silt_txn_outcome {
    SILT_TXN_COMMITTED,
    SILT_TXN_APP_MOVED, /* nothing written: a commit of `app_id` at app_version_seen >= app_version
                           (or, since our snapshot, any) stands; the caller applies its rules */
    SILT_TXN_CONFLICT   /* nothing written: `conflict` says with whom and over what; plan anew */
} silt_txn_outcome;

typedef struct silt_txn_result {
    silt_txn_outcome outcome;
    int64_t version; /* COMMITTED: ours. Else the version of the commit that stands against us */
    int64_t table_version;    /* the newest version that was seen */
    int64_t app_version_seen; /* APP_MOVED */
    int attempts;             /* put-news tried */
    char conflict[512];       /* one line for a person */
    char txn_id[SILT_UUID_SIZE];
} silt_txn_result;

typedef struct silt_txn silt_txn; /* opaque; one thread */

/* `base` is borrowed until the txn is freed. Options are copied, what they point to is borrowed
 * until then too. A base that wasn't the newest is fine: the commits since are checked like those
 * that come in between. INVALID: an option that isn't as it should be. */
silt_status silt_txn_new(silt_snapshot *base, const silt_txn_options *opts, silt_txn **out,
                         silt_error *err);
/* For a table that doesn't exist yet: its commit is version 0. Metadata and protocol must be set;
 * another's version 0 is a CONFLICT. */
silt_status silt_txn_new_table(silt_store *store, silt_engine *engine, const silt_txn_options *opts,
                               silt_txn **out, silt_error *err);
void silt_txn_free(silt_txn *txn);
SILT_DEFINE_AUTO(silt_txn, silt_txn_free)

/* All of these copy what they are given. NOMEM; INVALID: what can't be in one commit.
 *
 * A file is told apart by its path and its deletion vector's id. Its rows get other ones deleted by
 * removing it as it stands and adding it with another deletion vector; the same file once more
 * (statistics, tags, row ids) is added without a remove. Where writers have to give rows ids, an
 * add without base_row_id gets one that no row has had, and the version it is committed as; what is
 * given, or what the removed file of the same path has, is kept. */
silt_status silt_txn_add(silt_txn *txn, const silt_add *add, silt_error *err);
/* Remove a file of the base, as it stands there; INVALID where the table is append-only and rows
 * change, or on the second time. */
silt_status silt_txn_remove(silt_txn *txn, const silt_add *file, bool data_change, silt_error *err);
/* A tombstone for a deletion vector's file (as the log has paths), which is no file of the table:
 * programs that don't know deletion vectors are to see whose it is. */
silt_status silt_txn_entomb(silt_txn *txn, const char *path, silt_error *err);
/* A file of changed rows. With one, readers of the feed take the whole commit from such files. */
silt_status silt_txn_cdc(silt_txn *txn, const silt_cdc *cdc, silt_error *err);
/* Properties of in-commit timestamps' enablement are put in by the txn itself. */
silt_status silt_txn_set_metadata(silt_txn *txn, const silt_metadata *metadata, silt_error *err);
silt_status silt_txn_set_protocol(silt_txn *txn, const silt_protocol *protocol, silt_error *err);
/* A metadata domain, set or removed; the last word on a domain counts. delta.rowTracking is the
 * txn's own, and can only be removed. */
silt_status silt_txn_set_domain(silt_txn *txn, const silt_domain *domain, silt_error *err);

/* Another app txn in the same commit, besides that of the options: for a txn that reads the log
 * (SILT_READ_LOG), so that nobody can commit the same number in between. Borrowed. */
silt_status silt_txn_add_app(silt_txn *txn, const char *app_id, int64_t app_version,
                             silt_error *err);

/* The id that goes into commitInfo.txnId: one per txn, kept over rebases. */
const char *silt_txn_id(const silt_txn *txn);

/* Say what is known only once the counts are: silt_info, operation_metrics (both as in the options,
 * borrowed). */
silt_status silt_txn_describe(silt_txn *txn, const char *silt_info, const char *operation_metrics,
                              silt_error *err);

/* Check features, then write one commit, rebasing over others' until it stands or can't. Once only.
 * `out` is set with SILT_OK for every outcome. Afterwards writes .crc (a failure of that harms
 * nothing) and nothing else: checkpoints are silt_table_maintain's. UNSURE: may or may not be there
 * and can't be read back. TIMEOUT: retry.deadline or max_attempts passed, nothing was written.
 * UNSUPPORTED: a writer feature. INVALID: metadata or protocol missing, or what the table asks of
 * such a commit and it hasn't: cdc files for its change feed, row counts of files for row ids, row
 * ids of all files where row tracking is turned on, statistics of the clustering columns, the
 * feature that a domain or a property needs. Any other: nothing was written.
 * `snapshot` (may be NULL) gets the table as of our commit, without reading it again (its time is
 * that of our clock), NULL for other outcomes and where memory for it ran out; give it back with
 * silt_snapshot_free(). */
silt_status silt_txn_commit(silt_txn *txn, silt_txn_result *out, silt_snapshot **snapshot,
                            silt_error *err);

/* The newest commit of `app_id` at exactly `app_version`: the one that did what isn't to be done
 * again. `*out` -1: no commit that still stands has it. Cost: reads commits backwards from the
 * snapshot's, until one of that app id with this number or a lower one. */
silt_status silt_app_txn_find(const silt_snapshot *snapshot, const char *app_id,
                              int64_t app_version, int64_t *out, silt_error *err);

#endif
