/* The Delta log of one table: what lies in _delta_log/, what it adds up to, and the one way to add
 * a commit.
 *
 * The store's root is the table's root. Nothing here knows rows; checkpoints go through the
 * engine's vtable, which is touched only when there is a checkpoint to read or write.
 * @see PROTOCOL.md, "Delta Log Entries", "Checkpoints", "Version Checksum File" */
#ifndef SILT_LOG_LOG_H
#define SILT_LOG_LOG_H

#include "base/base.h"
#include "engine/engine.h"
#include "log/action.h"
#include "store/store.h"

/* ---- names (path.c) */

#define SILT_LOG_DIR      "_delta_log/"
#define SILT_LOG_HINT_KEY SILT_LOG_DIR "_last_checkpoint"
/* "_delta_log/00000000000000000007.json" and so on; NULL when out of memory. */
const char *silt_log_commit_key(silt_arena *arena, int64_t version);
const char *silt_log_checkpoint_key(silt_arena *arena, int64_t version);
const char *silt_log_crc_key(silt_arena *arena, int64_t version);

/* add.path ↔ key in the store (percent-decoding and -encoding as in RFC 2396 URIs, as Spark does
 * it). Decoding takes
 * "." and empty parts out. An absolute path or URI: UNSUPPORTED here; "..", a '%' without a byte:
 * CORRUPT. Encoding gives NULL when out of memory. */
silt_status silt_path_decode(const char *path, silt_arena *arena, const char **key,
                             silt_error *err);
const char *silt_path_encode(const char *key, silt_arena *arena);
/* Where a data file or a deletion vector's file lies. */
typedef struct silt_place {
    const char *key;        /* in the table's store; else NULL */
    const char *local_path; /* outside of it: an absolute path of this machine */
} silt_place;
/* Relative paths are decoded as above. An absolute path or file: URI (shallow clones) is a key
 * where it leads into the table, else a local path, if the table is on this machine too. A place
 * that can't be reached from the table's store: UNSUPPORTED. */
silt_status silt_path_place(silt_store *store, const char *path, silt_arena *arena, silt_place *out,
                            silt_error *err);
/* What two paths in the log are compared by: decoded where that changes anything, "file:///x" as
 * "/x". May be `path` itself; NULL when out of memory. Takes any path, a broken one as it is. */
const char *silt_path_canonical(const char *path, silt_arena *arena);
#define SILT_PATH_NAME_MAX 255 /* bytes of a file's or folder's name */
/* The folder of partition values, "month=1/time=12%3A30 h/", as Hive escapes it (null and "" are
 * __HIVE_DEFAULT_PARTITION__; a blank stays); "" without any. One that would be longer than names
 * may be is "long-<hash>/". For keys: encode the whole key once more for the log. NULL when out of
 * memory. */
const char *silt_path_partition_dir(silt_pairs values, silt_arena *arena);
/* The other way round: "year=2024/a/month=1/x.csv" has year and month; null where it is
 * __HIVE_DEFAULT_PARTITION__ or "". false: out of memory. */
bool silt_path_partition_values(const char *key, silt_arena *arena, silt_pairs *out);

/* ---- what lies there (segment.c) */

typedef struct silt_log_segment {
    int64_t version;            /* the version this adds up to */
    int64_t checkpoint_version; /* -1: none */
    silt_names checkpoint_keys; /* one (*.parquet, or *.json of a V2 checkpoint), or all parts in
                                   order; sidecars are named inside */
    int64_t first_commit;       /* the commits first_commit…version follow it without a gap */
    const int64_t *commit_mtimes_ms; /* file times, by version - first_commit */
    const int64_t *commit_sizes;
    int64_t crc_version; /* newest .crc at or before `version`; -1: none */
    int64_t mtime_ms;    /* of the commit `version`; of its checkpoint where the commit has been
                            cleaned up */
} silt_log_segment;

/* List what is needed for `version` (-1: the latest). Cost: _last_checkpoint and one listing from
 * there; a hint that leads nowhere, or an older version than it, costs a whole listing. Of several
 * checkpoints the newest complete one counts, of one version's the single file, then V2 ones, then
 * parts. What isn't the protocol's is passed over, log compaction files too. NOT_FOUND: no table
 * here, or no such version (the message says which there are). CORRUPT: a gap (which; listed again
 * before it is believed, for a listing isn't atomic). */
silt_status silt_log_segment_load(silt_store *store, int64_t version, silt_arena *arena,
                                  silt_log_segment *out, silt_error *err);

/* Another way to the version of `failed`, whose checkpoint couldn't be read (`why`): by the next
 * checkpoint in the order above, or the commits from 0 on. False: there is none, or `why` doesn't
 * speak against the checkpoint (only CORRUPT and NOT_FOUND do). Cost: a whole listing. */
bool silt_log_segment_other(silt_store *store, const silt_log_segment *failed, silt_status why,
                            silt_arena *arena, silt_log_segment *out);

/* The version that _last_checkpoint names; -1: none, unreadable or garbage. Only a hint. */
int64_t silt_log_hint_version(silt_store *store);

/* The times of the commits that stand without a gap up to the newest one, by version - first, in
 * the arena: those of their files, moved to a millisecond after the commit before where they aren't
 * later. `*last` < `*first`: there is none. Cost: one listing. */
silt_status silt_log_commit_times(silt_store *store, silt_arena *arena, int64_t *first,
                                  int64_t *last, const int64_t **ms, silt_error *err);

/* ---- what it adds up to (state.c, crc.c, replay.c, checkpoint_read.c) */

/* A table but for its files. */
typedef struct silt_log_state {
    int64_t version;
    silt_protocol protocol;
    silt_metadata metadata;
    const silt_app_txn *app_txns; /* one an app id, in no order */
    size_t app_txn_count;
    const silt_domain *domains; /* not removed ones */
    size_t domain_count;
    int64_t file_count, size_bytes; /* -1: not known without the files */
    int64_t timestamp_ms; /* in-commit timestamp if enabled, else the commit file's time */
} silt_log_state;

/* From the newest .crc that can be trusted (its txnId is that commit's; protocol, metadata and
 * setTransactions present) plus the commits after it; else from the checkpoint by projection plus
 * commits. Never looks at adds. Where the checkpoint can't be read another way is taken
 * (silt_log_segment_other), which `segment` is then. CORRUPT: no protocol or metaData, JSON that
 * doesn't parse, no checkpoint that can be read (the newest one is named). */
silt_status silt_log_state_load(silt_store *store, silt_engine *engine, silt_log_segment *segment,
                                silt_arena *arena, silt_log_state *out, silt_error *err);

/* Whether the table dates its commits itself (delta.enableInCommitTimestamps). */
bool silt_log_in_commit_timestamps(const silt_log_state *state);
/* From which version on commits do so, and when that one was made; INT64_MAX for both where none
 * does, 0 and INT64_MIN where all do. */
void silt_log_in_commit_start(const silt_log_state *state, int64_t *version, int64_t *ms);

typedef struct silt_log_files {
    const silt_add *items; /* newest commit first, then the checkpoint's, in no further order */
    size_t count;
    int64_t size_bytes;
} silt_log_files;

/* The files of the table: newest to oldest, one hash set. Without `details` stats and tags are
 * NULL, which takes half the memory and less time. NOT_FOUND, CORRUPT: a commit, the checkpoint, or
 * a sidecar of it (which). */
silt_status silt_log_files_load(silt_store *store, silt_engine *engine,
                                const silt_log_segment *segment, bool details, silt_arena *arena,
                                silt_log_files *out, silt_error *err);
/* Shown a file with its stats, which are good until it returns; index by index from 0. Must not use
 * the engine. */
typedef silt_status silt_log_file_fn(void *ctx, size_t index, const silt_add *add, silt_error *err);
/* The files without details, each of which has been shown with its stats to `fn`: for what is to be
 * known of the stats of a million files. */
silt_status silt_log_files_show(silt_store *store, silt_engine *engine,
                                const silt_log_segment *segment, silt_log_file_fn *fn, void *ctx,
                                silt_arena *arena, silt_log_files *out, silt_error *err);
/* The tombstones that a checkpoint made at `segment` has to hold: newer than `older_than_ms`. Where
 * its own can't be read another way is taken, as by silt_log_state_load(). */
silt_status silt_log_tombstones_load(silt_store *store, silt_engine *engine,
                                     const silt_log_segment *segment, int64_t older_than_ms,
                                     silt_arena *arena, const silt_remove **out, size_t *count,
                                     silt_error *err);

/* All actions of one commit, in order. NOT_FOUND, CORRUPT (line number). */
silt_status silt_log_commit_read(silt_store *store, int64_t version, silt_arena *arena,
                                 const silt_action **out, size_t *count, silt_error *err);
/* Only its commitInfo (reads the head of the file first); out->json NULL where it has none. */
silt_status silt_log_commit_info(silt_store *store, int64_t version, silt_arena *arena,
                                 silt_commit_info *out, silt_error *err);

/* ---- writing (commit.c, crc.c, checkpoint_write.c) */

/* Write one commit file: the only place where a table changes (commit.c). See its invariants.
 * CONFLICT: version is another's. UNSURE: may still appear; only the same call again is safe. */
silt_status silt_log_put_commit(silt_store *store, int64_t version, silt_bytes body,
                                silt_error *err);

/* The .crc of `state` (file_count, size_bytes known), which commit `txn_id` made. A failure harms
 * nothing. */
silt_status silt_log_crc_write(silt_store *store, const silt_log_state *state, const char *txn_id,
                               silt_error *err);

typedef struct silt_log_checkpoint_spec {
    int64_t now_ms;
    int64_t parts;       /* more than 1: a multi-part checkpoint */
    const char *scratch; /* a local folder */
} silt_log_checkpoint_spec;

typedef struct silt_log_checkpoint_written {
    int64_t files, tombstones;
    int64_t objects, size_bytes; /* in the log */
    bool v2;
} silt_log_checkpoint_written;

/* A checkpoint of a version, and _last_checkpoint (if it is newer than the one there): a V2 one
 * with sidecars where delta.checkpointPolicy says so, else a classic one. Harmless to repeat and to
 * race. Tombstones and app txns past their retention are left out. `out` may be NULL. INVALID:
 * parts, of a table that may have none. */
silt_status silt_log_checkpoint_write(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment,
                                      const silt_log_checkpoint_spec *spec, silt_arena *arena,
                                      silt_log_checkpoint_written *out, silt_error *err);

/* ---- features (feature.c) */

/* Whether Silt can read / write a table of this protocol and metadata. UNSUPPORTED names each
 * feature that is missing ("can't write: table features columnMapping (name), deletionVectors").
 * CORRUPT: versions and lists of features that don't go together. What can be written can be read.
 * A feature that the table allows but doesn't use is no hindrance. Some features ask something of
 * certain operations only, see below. */
silt_status silt_feature_check_read(const silt_protocol *, const silt_metadata *, silt_error *);
silt_status silt_feature_check_write(const silt_protocol *, const silt_metadata *, silt_error *);
/* Whether Silt can change protocol, metadata and domains of such a table, as long as no rows change
 * and no files come or go: what a feature asks of rows is no hindrance. As above. */
silt_status silt_feature_check_alter(const silt_protocol *, const silt_metadata *, silt_error *);

/* What is known of a feature. */
typedef struct silt_feature_traits {
    const char *name;               /* as released */
    bool is_reader;                 /* readers have to know it too */
    int since_reader, since_writer; /* the version that implies it below 3 and 7; 0: none */
    bool reads, writes;             /* Silt does */
    bool alters;                    /* Silt can change what is no row, see above */
} silt_feature_traits;
/* By its name, that from before it was released too; false: not known. */
bool silt_feature_describe(const char *name, silt_feature_traits *out);
const char *silt_feature_at(size_t i); /* all that are known, in order; NULL past the last */
/* Features that the table has and uses, and Silt can't write rows with. */
silt_status silt_feature_unwritable(const silt_protocol *, const silt_metadata *, silt_arena *,
                                    silt_names *out, silt_error *);
/* Writers must not commit a remove that changes data. */
bool silt_feature_append_only(const silt_protocol *, const silt_metadata *);
/* Writers owe cdc files for rows which they update or delete; mere adds need none. Silt doesn't
 * write any yet: refuse such an operation. */
bool silt_feature_change_data(const silt_protocol *, const silt_metadata *);
/* Whether a feature, by its released name, is in the writer's side of the protocol. */
bool silt_feature_supported(const silt_protocol *, const char *name);
/* New deletion vectors may be made; without it, files have those that they have. */
bool silt_feature_deletion_vectors(const silt_protocol *, const silt_metadata *);
/* Writers give the rows of each file ids and a commit version (txns do). */
bool silt_feature_row_ids(const silt_protocol *, const silt_metadata *);
/* And rows keep theirs when they are copied or updated: an operation that rewrites rows has to see
 * to it. */
bool silt_feature_row_tracking(const silt_protocol *, const silt_metadata *);
/* Commits are dated by inCommitTimestamp (txns do). */
bool silt_feature_in_commit_timestamps(const silt_protocol *, const silt_metadata *);
/* Whether the columns of a table with the feature typeWidening were changed only as the protocol
 * knows it. UNSUPPORTED: another change (column, types). CORRUPT. */
silt_status silt_widening_check(const silt_protocol *, const silt_type *schema, silt_error *);
/* Whether a primitive type may become another by type widening. */
bool silt_type_widens(const silt_type *from, const silt_type *to);
/* Names of the features that are active by protocol (legacy versions spelled out), sorted. */
silt_status silt_feature_list(const silt_protocol *, silt_arena *, silt_names *readers,
                              silt_names *writers, silt_error *);

#endif
