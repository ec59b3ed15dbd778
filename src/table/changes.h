/* What the change data feed is made of: of each commit the parts of files that hold its changes,
 * and which changes of a schema the feed can follow.
 * @see PROTOCOL.md, "Reader Requirements for AddCDCFile"; docs/change-data-feed.md */
#ifndef SILT_TABLE_CHANGES_H
#define SILT_TABLE_CHANGES_H

#include "log/action.h"
#include "table/data.h"
#include "table/mapping.h"
#include "table/rows.h"
#include "table/skip.h"

#define SILT_CHANGE_TYPE      "_change_type"
#define SILT_CHANGE_VERSION   "_commit_version"
#define SILT_CHANGE_TIMESTAMP "_commit_timestamp"

/* ---- the range (changes_range.c) */

typedef struct silt_changes_range {
    int64_t from, to; /* both included, up to `latest` */
    int64_t latest;
    bool empty; /* no commit lies in it; `from` and `to` are the latest then */
} silt_changes_range;

/* The versions that options mean in a table whose latest version is known. A time to start from is
 * the first commit at or after it, one to end at the last at or before it; with `net` both are the
 * versions that stood then. As in Spark a version to end at may lie beyond the latest one, the
 * rest only with allow_out_of_range. INVALID: not a range, or beyond the latest version.
 * NOT_FOUND: a time before the first commit that is left. */
silt_status silt_changes_range_of(silt_store *store, silt_engine *engine, int64_t latest,
                                  const silt_changes_options *opts, silt_changes_range *out,
                                  silt_error *err);

/* ---- the changes of a commit (changes_commit.c) */

typedef enum silt_change_kind {
    SILT_CHANGE_TOLD, /* a cdc file: each row says what it is */
    SILT_CHANGE_DELETE,
    SILT_CHANGE_INSERT
} silt_change_kind;

/* Rows of one file that all changed in a commit. Strings are those of the actions. */
typedef struct silt_change {
    silt_change_kind kind;
    const char *path; /* as in the log */
    silt_pairs partition_values;
    bool has_partition_values; /* false: a remove that doesn't say */
    bool nulls_left_out;       /* a partition column that isn't among them is null: so Spark writes
                                  removes */
    const char *stats;         /* that bound these rows; NULL: none */
    int64_t size_bytes;        /* -1: not known */
    const silt_dv *without;    /* rows that aren't among them; NULL: none */
    const silt_dv *only;       /* of these; NULL: of all rows */
} silt_change;

/* The changes that a commit made. With cdc actions these alone are told; else adds
 * are insertions and removes deletions, where they change data. A path that is removed and added
 * again makes the difference of its deletion vectors. A MERGE that says it changed no row rewrote
 * files only. `same_partitions`: the table is partitioned as it was before the commit. NOMEM. */
silt_status silt_changes_of_commit(const silt_action *actions, size_t count, bool same_partitions,
                                   silt_arena *arena, const silt_change **out, size_t *change_count,
                                   silt_error *err);

/* ---- the columns (changes_schema.c) */

/* A table's columns at a version; all in one arena. */
typedef struct silt_changes_shape {
    const silt_metadata *metadata;
    const silt_type *schema;
    silt_mapping mapping;
} silt_changes_shape;

silt_status silt_changes_shape_of(const silt_metadata *metadata, silt_arena *arena,
                                  silt_changes_shape *out, silt_error *err);

/* Whether rows that were written by `old` can be shown by `now`, a later one. `*why` says in words
 * why not, NULL: they can. The feed (`net` false) is as strict as Spark's: columns may only come to
 * it. With `net` columns may go, be renamed by mapping, and be widened, too. */
silt_status silt_changes_compare(const silt_changes_shape *old, const silt_changes_shape *now,
                                 bool net, silt_arena *arena, const char **why, silt_error *err);

/* ---- changes as files of a scan (changes_plan.c) */

/* The name of a column as the schema spells it, which may be asked for in upper and lower case;
 * NULL: there is none. */
const char *silt_changes_column(const silt_type *schema, const char *name);

/* What the rows of both kinds of sources are shown by, and the plan that their files end in. */
typedef struct silt_changes_plan {
    silt_arena *arena; /* of the scan */
    silt_arena *scratch;
    silt_changes_shape shape;
    bool feed;                                 /* with the feed's three columns */
    const silt_skip *skip_told, *skip_derived; /* NULL: no condition */
    silt_scan_plan plan;
    SILT_VEC(silt_bitmap *) bitmaps;
    silt_pairs last_values; /* copied before, mostly the same again */
} silt_changes_plan;

/* Of a shape that lives in `arena`. `opts`: columns, where and limit. `folder` is for copies of
 * files, may be NULL. INVALID, NOT_FOUND: columns or a condition that the shape doesn't have; a
 * column of the table that has a name of the feed's. Give back with silt_changes_plan_release(). */
silt_status silt_changes_plan_init(silt_changes_plan *plan, silt_store *store, int64_t version,
                                   const silt_changes_shape *shape,
                                   const silt_changes_options *opts, bool feed, const char *folder,
                                   silt_arena *arena, silt_error *err);
/* One more change, unless the condition rules it out. `made_ms` is when its commit was made.
 * NOT_FOUND: its file or a deletion vector has gone. CORRUPT, UNSUPPORTED: partition values that
 * the shape can't show. */
silt_status silt_changes_plan_add(silt_changes_plan *plan, int64_t version, int64_t made_ms,
                                  const silt_change *change, silt_error *err);
void silt_changes_plan_release(silt_changes_plan *plan);

/* The columns that a condition may ask of: the table's and the feed's. NULL: out of memory. */
const silt_type *silt_changes_columns(const silt_type *schema, silt_arena *arena);

/* ---- with a condition that is made once the columns are known (changes.c) */

/* A condition over the columns; NULL: none, or out of memory. */
typedef const char *silt_changes_where_fn(void *ctx, const silt_type *columns, silt_arena *arena);

/* silt_changes_open() of a feed whose condition is `where`'s, and not that of `opts`. */
silt_status silt_changes_open_where(silt_store *store, silt_engine *engine,
                                    const silt_changes_options *opts, silt_changes_where_fn *where,
                                    void *ctx, silt_scan **out, silt_error *err);

/* The feed of one version, by the columns it had then: `at` is the table at that version, borrowed
 * for the call, and `made_ms` when it was committed. `unfed`: also where the feed is off, since the
 * commit's adds and removes are known to tell all. Cost: one get; nothing is listed. Statuses as
 * silt_changes_open(). */
silt_status silt_changes_open_version(silt_snapshot *at, int64_t made_ms, bool unfed,
                                      silt_scan **out, silt_error *err);

/* ---- the difference of two versions' rows (changes_net.c) */

/* `scan` is new, and takes what the difference holds; the snapshots aren't kept. UNSUPPORTED: their
 * columns don't go together. */
silt_status silt_changes_net(silt_snapshot *from, silt_snapshot *to,
                             const silt_changes_options *opts, silt_scan *scan, silt_error *err);

/* A folder of one's own for copies of files, to be removed with silt_scratch_remove(); NULL where
 * the store has local paths (changes.c). */
silt_status silt_changes_folder(silt_store *store, silt_arena *arena, const char **out,
                                silt_error *err);

#endif
