/* Tracker: what the pipeline believes of each source file, as a Delta table under the checkpoint
 * path.
 *
 * It is a cache with good manners: the target's log is the judge (recover.h), and a tracker that is
 * lost, old or somebody else's never makes a file load twice.
 *
 * Layout: one row a file. The rows of an open batch are one data file, so that a transition is
 * remove(that file) + add(its new rows); completed rows are compacted by themselves. Numbers in the
 * tracker's own log: `txn <appId>` = N with each intent, `txn <appId>/last` = the highest number
 * whose fate it knows; once it has forgotten, under `<appId>/last/<silt.generation>`.
 * @see docs/exactly-once.md, "The tracker" */
#ifndef SILT_LOAD_TRACKER_H
#define SILT_LOAD_TRACKER_H

#include "base/hash.h"
#include "table/data.h"
#include "table/txn.h"

#define SILT_TRACKER_DIR "file_processing_tracker"

typedef enum silt_file_status {
    SILT_FILE_PENDING,
    SILT_FILE_PROCESSING,
    SILT_FILE_COMPLETED,
    SILT_FILE_FAILED,
    SILT_FILE_UNLOADED
} silt_file_status;
const char *silt_file_status_name(silt_file_status status);

/* A row. Times in µs since 1970 UTC, -1: null. Strings live with the tracker, or are borrowed by a
 * change. */
typedef struct silt_tracked {
    const char *file_path;
    const char *table_name;
    int64_t file_size, file_modified_us;
    silt_file_status status;
    int64_t start_us, end_us;
    const char *error_message; /* NULL: none */
    int64_t retry_count;       /* tries that the engine judged; crashes don't count */
    int64_t created_us, updated_us;
    int64_t batch_id;                  /* -1: none */
    const char *attempt_id;            /* of the open or last batch */
    int64_t row_count, rejected_count; /* -1: not known */
    const char *content_hash;          /* NULL: none */
    uint32_t data_file;                /* index of the data file it stands in; not a column */
} silt_tracked;

typedef struct silt_tracker silt_tracker; /* opaque; one thread */

typedef struct silt_tracker_options {
    const char *pipeline;
    const silt_clock *clock;
    const silt_random *random;
    void (*event)(void *ctx, const char *kind, const char *json);
    void *event_ctx;
} silt_tracker_options;

/* Open the tracker in a store of the checkpoint path, or make one. `*made` (may be NULL): there was
 * none. INVALID: another pipeline's; INCONSISTENT: it can't be read (its hint says what to do). */
silt_status silt_tracker_open(silt_store *state, silt_engine *engine,
                              const silt_tracker_options *opts, bool create, silt_tracker **out,
                              bool *made, silt_error *err);
void silt_tracker_free(silt_tracker *tracker);
SILT_DEFINE_AUTO(silt_tracker, silt_tracker_free)

/* Read what others have committed since. */
silt_status silt_tracker_refresh(silt_tracker *tracker, silt_error *err);
/* How often there was something to read: what was known of the rows before is void then. */
int64_t silt_tracker_reloads(const silt_tracker *tracker);

/* The id of this state (`silt.state_id`). */
const char *silt_tracker_state_id(const silt_tracker *tracker);
/* The Delta version of the tracker as read. */
int64_t silt_tracker_version(const silt_tracker *tracker);
/* Under which appId the tracker's own log has that number. */
void silt_tracker_put_last(const silt_tracker *tracker, silt_buf *name, const char *app_id);
/* The highest number of `app_id` whose fate it knows, or -1. */
int64_t silt_tracker_last(const silt_tracker *tracker, const char *app_id);
/* The highest number of `app_id` that an intent was ever written for, or -1. */
int64_t silt_tracker_promised(const silt_tracker *tracker, const char *app_id);

/* All rows of all tables, and one by its key (NULL: not there). */
const silt_tracked *silt_tracker_rows(const silt_tracker *tracker, size_t *count);
const silt_tracked *silt_tracker_find(silt_tracker *tracker, const char *table_name,
                                      const char *file_path);

/* One tracker commit: `rows` replace those of the same keys, `forgotten` go. No key is in both. */
typedef struct silt_tracker_change {
    const silt_tracked *rows; /* borrowed, as the next; may be rows of the tracker's */
    size_t row_count;
    const silt_tracked *forgotten; /* by their keys */
    size_t forgotten_count;
    const char *app_id; /* `txn` to write: the intent's (appId, N) or "<appId>/last"; NULL: none */
    int64_t app_version;
    const char *operation; /* "INTENT", "COMPLETE", "RECONCILE", …: for history */
} silt_tracker_change;

/* Commit if nobody has changed the tracker since it was read; the rows then read as changed.
 * CONFLICT: somebody has: refresh and plan anew. Compacts by itself. */
silt_status silt_tracker_commit(silt_tracker *tracker, const silt_tracker_change *change,
                                silt_error *err);

/* Forget all rows, and the fate of all numbers, but not those that were promised: another state, by
 * one commit upon whatever stands there. The log goes on, so that whoever plans upon what was
 * before can't commit. */
silt_status silt_tracker_forget(silt_tracker *tracker, silt_error *err);

#endif
