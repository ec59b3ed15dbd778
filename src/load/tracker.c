/* The tracker's rows in memory, and the commits that change them.
 *
 * Invariants
 *  (1) Memory shows version silt_tracker_version() of the table, nothing else.
 *  (2) Every commit is a compare-and-swap of that version: no commit of another is ever
 * overwritten. (3) A row stands in one data file; a change rewrites the data files of its rows,
 * other rows carried along. */
#include "load/tracker.h"

#include "base/json.h"
#include "load/rows.h"
#include "ops/change.h"

#define STATE_ID   "silt.state_id"
#define GENERATION "silt.generation" /* how often all was forgotten; not there: never */

#define FORGET_ROUNDS 20 /* of reading again because somebody else was faster */
#define COMPACT_FILES 32 /* data files, above which small ones are merged */

static const silt_state_column columns[] = {
    {"file_path", SILT_TYPE_STRING},
    {"file_size", SILT_TYPE_LONG},
    {"file_modified_time", SILT_TYPE_TIMESTAMP},
    {"table_name", SILT_TYPE_STRING},
    {"status", SILT_TYPE_STRING},
    {"processing_start_time", SILT_TYPE_TIMESTAMP},
    {"processing_end_time", SILT_TYPE_TIMESTAMP},
    {"error_message", SILT_TYPE_STRING},
    {"retry_count", SILT_TYPE_INTEGER},
    {"created_at", SILT_TYPE_TIMESTAMP},
    {"updated_at", SILT_TYPE_TIMESTAMP},
    {"batch_id", SILT_TYPE_LONG},
    {"attempt_id", SILT_TYPE_STRING},
    {"row_count", SILT_TYPE_LONG},
    {"rejected_count", SILT_TYPE_LONG},
    {"content_hash", SILT_TYPE_STRING},
};
#define COLUMN_COUNT SILT_COUNT(columns)

static const char *const status_names[] = {"pending", "processing", "completed", "failed",
                                           "unloaded"};

const char *silt_file_status_name(silt_file_status status)
{
    return status_names[status];
}

typedef struct data_file {
    silt_add add;
    bool live;
    size_t row_count;
} data_file;

struct silt_tracker {
    silt_store *store; /* of the tracker's table */
    silt_engine *engine;
    silt_tracker_options opts;
    silt_snapshot *snapshot;
    silt_arena *arena;  /* strings of rows and adds */
    silt_map64 *by_key; /* key → row index + 1 */
    silt_buf key;       /* of the row being looked for */
    SILT_VEC(silt_tracked) rows;
    SILT_VEC(data_file) files;
    bool partial;    /* what is in memory isn't just what the snapshot holds: read again first */
    int64_t reloads; /* how often another process's commits were read */
};

/* ---- rows in memory ---------------------------------------------------------------------------
 */

/* The key of a row: table_name NUL file_path. */
static silt_bytes row_key(silt_tracker *t, const char *table, const char *path)
{
    silt_buf_clear(&t->key);
    silt_buf_append(&t->key, table, strlen(table) + 1);
    silt_buf_puts(&t->key, path);
    return silt_buf_bytes(&t->key);
}

static silt_tracked *find(silt_tracker *t, const char *table, const char *path)
{
    silt_bytes key = row_key(t, table, path);
    uintptr_t at = (uintptr_t)silt_map64_get(t->by_key, key.data, key.size);
    return at ? &t->rows.items[at - 1] : NULL;
}

static bool copy_string(silt_arena *arena, const char **text)
{
    if (!*text) return true;
    *text = silt_arena_strdup(arena, *text);
    return *text;
}

/* Put a row into memory, replacing the one of its key; its strings are copied. */
static bool put_row(silt_tracker *t, const silt_tracked *from, uint32_t data_file_index)
{
    silt_tracked row = *from;
    row.data_file = data_file_index;
    silt_bytes bytes = row_key(t, row.table_name, row.file_path);
    const char *key = silt_arena_strndup(t->arena, bytes.data, bytes.size);
    if (!key || t->key.failed) return false;
    row.table_name = key;
    row.file_path = key + strlen(key) + 1;
    if (!copy_string(t->arena, &row.error_message) || !copy_string(t->arena, &row.attempt_id) ||
        !copy_string(t->arena, &row.content_hash))
        return false;
    bool found;
    void **slot = silt_map64_slot(t->by_key, key, bytes.size, &found);
    if (!slot) return false;
    if (found && *slot) {
        silt_tracked *old = &t->rows.items[(uintptr_t)*slot - 1];
        t->files.items[old->data_file].row_count--;
        *old = row;
    } else {
        if (!silt_vec_push(&t->rows, row)) return false;
        *slot = (void *)(uintptr_t)t->rows.count;
    }
    t->files.items[data_file_index].row_count++;
    return true;
}

/* The last row takes the place of one that goes. */
static bool drop_row(silt_tracker *t, const silt_tracked *gone)
{
    bool found;
    silt_tracked *row = find(t, gone->table_name, gone->file_path);
    if (!row) return !t->key.failed;
    *silt_map64_slot(t->by_key, t->key.data, t->key.size, &found) = NULL; /* it is there */
    t->files.items[row->data_file].row_count--;
    const silt_tracked *last = &t->rows.items[--t->rows.count];
    if (row == last) return true;
    silt_bytes key = row_key(t, last->table_name, last->file_path);
    if (t->key.failed) return false;
    *silt_map64_slot(t->by_key, key.data, key.size, &found) =
        (void *)(uintptr_t)(row - t->rows.items + 1);
    *row = *last;
    return true;
}

static silt_status read_row(void *ctx, size_t file, const silt_state_value *v, silt_error *err)
{
    silt_tracker *t = ctx;
    silt_tracked row = {
        .file_path = v[0].text,
        .file_size = v[1].number,
        .file_modified_us = v[2].number,
        .table_name = v[3].text,
        .start_us = v[5].number == INT64_MIN ? -1 : v[5].number,
        .end_us = v[6].number == INT64_MIN ? -1 : v[6].number,
        .error_message = v[7].text,
        .retry_count = v[8].number == INT64_MIN ? 0 : v[8].number,
        .created_us = v[9].number,
        .updated_us = v[10].number,
        .batch_id = v[11].number == INT64_MIN ? -1 : v[11].number,
        .attempt_id = v[12].text,
        .row_count = v[13].number == INT64_MIN ? -1 : v[13].number,
        .rejected_count = v[14].number == INT64_MIN ? -1 : v[14].number,
        .content_hash = v[15].text,
    };
    size_t s = 0;
    while (s < SILT_COUNT(status_names) && !silt_streq(v[4].text, status_names[s]))
        s++;
    if (!row.file_path || !row.table_name || s == SILT_COUNT(status_names))
        return silt_fail(err, SILT_CORRUPT,
                         "a row without file_path, table_name or a known status (%s)",
                         v[4].text ? v[4].text : "null");
    row.status = (silt_file_status)s;
    /* A key that stands there twice was never written by Silt: a row that is done outlives others.
     */
    silt_tracked *old = find(t, row.table_name, row.file_path);
    if (old && old->status == SILT_FILE_COMPLETED) return SILT_OK;
    return put_row(t, &row, (uint32_t)file) ? SILT_OK : silt_fail_nomem(err);
}

static silt_state_value number_or_null(int64_t number)
{
    return (silt_state_value){NULL, number < 0 ? INT64_MIN : number};
}

static void row_values(const silt_tracked *row, silt_state_value *v)
{
    v[0].text = row->file_path;
    v[1].number = row->file_size;
    v[2].number = row->file_modified_us;
    v[3].text = row->table_name;
    v[4].text = status_names[row->status];
    v[5] = number_or_null(row->start_us);
    v[6] = number_or_null(row->end_us);
    v[7].text = row->error_message;
    v[8].number = row->retry_count;
    v[9].number = row->created_us;
    v[10].number = row->updated_us;
    v[11] = number_or_null(row->batch_id);
    v[12].text = row->attempt_id;
    v[13] = number_or_null(row->row_count);
    v[14] = number_or_null(row->rejected_count);
    v[15].text = row->content_hash;
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static void clear(silt_tracker *t)
{
    silt_vec_free(&t->rows);
    silt_vec_free(&t->files);
    if (t->by_key) silt_map64_free(t->by_key);
    if (t->arena) silt_arena_free(t->arena);
    t->by_key = NULL;
    t->arena = NULL;
}

static silt_status load_rows(silt_tracker *t, silt_error *err)
{
    clear(t);
    t->arena = silt_arena_new();
    t->by_key = silt_map64_new();
    if (!t->arena || !t->by_key) return silt_fail_nomem(err);
    const silt_add *adds;
    size_t count;
    SILT_TRY(silt_snapshot_adds(t->snapshot, &adds, &count, err));
    for (size_t i = 0; i < count; i++) {
        data_file file = {.live = true};
        if (!silt_add_copy(&adds[i], t->arena, &file.add) || !silt_vec_push(&t->files, file))
            return silt_fail_nomem(err);
    }
    return silt_state_read(t->store, t->engine, columns, COLUMN_COUNT, adds, count, read_row, t,
                           err);
}

static silt_status check_owner(const silt_tracker *t, silt_error *err)
{
    const char *owner = silt_snapshot_property(t->snapshot, "silt.pipeline");
    const char *id = silt_snapshot_property(t->snapshot, STATE_ID);
    if (silt_streq(owner, t->opts.pipeline) && id) return SILT_OK;
    silt_fail(err, SILT_INVALID, "the state in %s is that of %s%s%s, not of pipeline '%s'",
              t->store->uri, owner ? "pipeline '" : "no pipeline of Silt", owner ? owner : "",
              owner ? "'" : "", t->opts.pipeline);
    return silt_hint(err, SILT_INVALID, "give each pipeline a checkpoint_path of its own");
}

static silt_status make_table(silt_tracker *t, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_type *schema = scratch ? silt_state_schema(columns, COLUMN_COUNT, scratch) : NULL;
    if (!schema) return silt_fail_nomem(err);
    char id[SILT_UUID_SIZE];
    silt_uuid(t->opts.random, id);
    const silt_pair pairs[] = {{"silt.pipeline", t->opts.pipeline}, {STATE_ID, id}};
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    txn.clock = t->opts.clock;
    txn.random = t->opts.random;
    silt_txn_result result; /* CONFLICT: another process made it, which is as good */
    return silt_create_table(t->store, t->engine, schema, NULL, 0,
                             (silt_pairs){pairs, SILT_COUNT(pairs)}, NULL, &txn, &result, err);
}

static silt_status open_table(silt_tracker *t, bool create, bool *made, silt_error *err)
{
    *made = false;
    silt_status st = silt_snapshot_open(t->store, t->engine, NULL, &t->snapshot, err);
    if (st == SILT_NOT_FOUND && create) {
        SILT_TRY(make_table(t, err));
        *made = true;
        st = silt_snapshot_open(t->store, t->engine, NULL, &t->snapshot, err);
    }
    if (st != SILT_OK) return st;
    SILT_TRY(check_owner(t, err));
    st = load_rows(t, err);
    return st == SILT_NOT_FOUND ? SILT_CORRUPT : st; /* a file of it is gone, not the tracker */
}

silt_status silt_tracker_open(silt_store *state, silt_engine *engine,
                              const silt_tracker_options *opts, bool create, silt_tracker **out,
                              bool *made, silt_error *err)
{
    silt_tracker *t = calloc(1, sizeof(*t));
    if (!t) return silt_fail_nomem(err);
    t->store = state;
    t->engine = engine;
    t->opts = *opts;
    bool was_made;
    silt_status st = open_table(t, create, &was_made, err);
    if (st != SILT_OK) {
        silt_tracker_free(t);
        if (st == SILT_CORRUPT || (st == SILT_NOT_FOUND && create)) {
            st = SILT_INCONSISTENT;
            silt_wrap(err, st, "the tracker can't be read");
            silt_hint(
                err, st,
                "run 'silt reset-state': what the target's ledgers say is loaded stays loaded");
        }
        return st;
    }
    if (made) *made = was_made;
    *out = t;
    return SILT_OK;
}

void silt_tracker_free(silt_tracker *t)
{
    if (!t) return;
    clear(t);
    silt_buf_release(&t->key);
    silt_snapshot_free(t->snapshot);
    free(t);
}

silt_status silt_tracker_refresh(silt_tracker *t, silt_error *err)
{
    silt_snapshot *now;
    SILT_TRY(silt_snapshot_refresh(t->snapshot, &now, err));
    bool same = silt_snapshot_version(now) == silt_snapshot_version(t->snapshot) && !t->partial;
    silt_snapshot_free(t->snapshot);
    t->snapshot = now;
    if (same) return SILT_OK;
    t->reloads++;
    t->partial = true;
    SILT_TRY(load_rows(t, err));
    t->partial = false;
    return SILT_OK;
}

int64_t silt_tracker_reloads(const silt_tracker *t)
{
    return t->reloads;
}

const char *silt_tracker_state_id(const silt_tracker *t)
{
    return silt_snapshot_property(t->snapshot, STATE_ID);
}

int64_t silt_tracker_version(const silt_tracker *t)
{
    return silt_snapshot_version(t->snapshot);
}

void silt_tracker_put_last(const silt_tracker *t, silt_buf *name, const char *app_id)
{
    const char *generation = silt_snapshot_property(t->snapshot, GENERATION);
    silt_buf_printf(name, "%s/last%s%s", app_id, generation ? "/" : "",
                    generation ? generation : "");
}

int64_t silt_tracker_last(const silt_tracker *t, const char *app_id)
{
    SILT_CLEAN(silt_buf) name = {0};
    silt_tracker_put_last(t, &name, app_id);
    return name.failed ? -1 : silt_snapshot_app_version(t->snapshot, name.data);
}

int64_t silt_tracker_promised(const silt_tracker *t, const char *app_id)
{
    return silt_snapshot_app_version(t->snapshot, app_id);
}

const silt_tracked *silt_tracker_rows(const silt_tracker *t, size_t *count)
{
    *count = t->rows.count;
    return t->rows.items;
}

const silt_tracked *silt_tracker_find(silt_tracker *t, const char *table_name,
                                      const char *file_path)
{
    return find(t, table_name, file_path);
}

/* ---- changing */

/* What one commit does: data files that go, and the rows of the one that comes. */
typedef struct plan {
    bool *gone; /* by data file */
    SILT_VEC(const silt_tracked *) rows;
} plan;

static void plan_release(plan *p)
{
    free(p->gone);
    silt_vec_free(&p->rows);
}

static size_t live_files(const silt_tracker *t)
{
    size_t live = 0;
    for (size_t i = 0; i < t->files.count; i++)
        live += t->files.items[i].live;
    return live;
}

/* Mark small files as going, each no larger than twice all before it: a row is rewritten log(n)
 * times over the years. */
static void plan_compaction(const silt_tracker *t, plan *p)
{
    size_t merged = 256;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < t->files.count; i++) {
            const data_file *file = &t->files.items[i];
            if (!file->live || p->gone[i] || file->row_count > 2 * merged) continue;
            p->gone[i] = true;
            merged += file->row_count;
            more = true;
        }
    }
}

static bool is_changed(const silt_tracked *row, const silt_map64 *changed)
{
    uintptr_t key = (uintptr_t)row;
    return silt_map64_get(changed, &key, sizeof(key));
}

/* The row of the key as it is goes, if there is one. */
static bool plan_old(silt_tracker *t, const silt_tracked *row, plan *p, silt_map64 *changed,
                     silt_arena *scratch)
{
    bool found;
    silt_tracked *old = find(t, row->table_name, row->file_path);
    if (!old) return !t->key.failed;
    p->gone[old->data_file] = true;
    uintptr_t *key = silt_arena_alloc(scratch, sizeof(*key));
    if (!key) return false;
    *key = (uintptr_t)old;
    void **slot = silt_map64_slot(changed, key, sizeof(*key), &found);
    if (slot) *slot = old;
    return slot != NULL;
}

static silt_status plan_change(silt_tracker *t, const silt_tracker_change *change, plan *p,
                               silt_arena *scratch, silt_error *err)
{
    SILT_AUTO(silt_map64) changed = silt_map64_new();
    p->gone = calloc(t->files.count + 1, sizeof(*p->gone));
    if (!changed || !p->gone) return silt_fail_nomem(err);
    for (size_t i = 0; i < change->row_count; i++) {
        const silt_tracked *row = &change->rows[i];
        if (!silt_vec_push(&p->rows, row) || !plan_old(t, row, p, changed, scratch))
            return silt_fail_nomem(err);
    }
    for (size_t i = 0; i < change->forgotten_count; i++)
        if (!plan_old(t, &change->forgotten[i], p, changed, scratch)) return silt_fail_nomem(err);
    if (live_files(t) >= COMPACT_FILES) plan_compaction(t, p);
    for (size_t i = 0; i < t->rows.count; i++) {
        const silt_tracked *row = &t->rows.items[i];
        if (p->gone[row->data_file] && !is_changed(row, changed) && !silt_vec_push(&p->rows, row))
            return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static void plan_row(void *ctx, size_t row, silt_state_value *out)
{
    row_values(((const plan *)ctx)->rows.items[row], out);
}

static silt_txn_options tracker_txn(const silt_tracker *t, const char *operation)
{
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = operation;
    opts.read = SILT_READ_LOG;
    opts.clock = t->opts.clock;
    opts.random = t->opts.random;
    opts.event = t->opts.event;
    opts.event_ctx = t->opts.event_ctx;
    return opts;
}

/* `*known`: the snapshot is that of the commit, else still the one before it. */
static silt_status commit_plan(silt_tracker *t, const silt_tracker_change *change, const plan *p,
                               const silt_add *add, bool *known, silt_error *err)
{
    silt_txn_options opts = tracker_txn(t, change->operation);
    opts.app_id = change->app_id;
    opts.app_version = change->app_version;
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_TRY(silt_txn_new(t->snapshot, &opts, &txn, err));
    for (size_t i = 0; i < t->files.count; i++)
        if (t->files.items[i].live && p->gone[i])
            SILT_TRY(silt_txn_remove(txn, &t->files.items[i].add, true, err));
    if (add) SILT_TRY(silt_txn_add(txn, add, err));

    silt_txn_result result;
    silt_snapshot *after = NULL;
    SILT_TRY(silt_txn_commit(txn, &result, &after, err));
    if (result.outcome != SILT_TXN_COMMITTED)
        return silt_fail(err, SILT_CONFLICT, "the tracker was changed by another process: %s",
                         result.conflict);
    if (!after) return SILT_OK; /* the next refresh reads it */
    silt_snapshot_free(t->snapshot);
    t->snapshot = after;
    *known = true;
    return SILT_OK;
}

/* Memory follows what was committed. Rows that `p` carries along stand in memory and are moved
 * only. */
static silt_status apply_plan(silt_tracker *t, const silt_tracker_change *change, const plan *p,
                              const silt_add *add, silt_error *err)
{
    data_file file = {.live = true};
    if (add && (!silt_add_copy(add, t->arena, &file.add) || !silt_vec_push(&t->files, file)))
        return silt_fail_nomem(err);
    uint32_t fresh = (uint32_t)(t->files.count - 1);
    for (size_t i = change->row_count; i < p->rows.count; i++) {
        silt_tracked *row = &t->rows.items[p->rows.items[i] - t->rows.items];
        t->files.items[row->data_file].row_count--;
        row->data_file = fresh;
        t->files.items[fresh].row_count++;
    }
    for (size_t i = 0; i < change->row_count; i++)
        if (!put_row(t, &change->rows[i], fresh)) return silt_fail_nomem(err);
    for (size_t i = 0; i < change->forgotten_count; i++)
        if (!drop_row(t, &change->forgotten[i])) return silt_fail_nomem(err);
    for (size_t i = 0; i < t->files.count; i++)
        if (p->gone[i]) t->files.items[i].live = false;
    return SILT_OK;
}

silt_status silt_tracker_commit(silt_tracker *t, const silt_tracker_change *change, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    bool known = false;
    if (!scratch) return silt_fail_nomem(err);
    if (t->partial)
        return silt_fail(err, SILT_CONFLICT,
                         "the tracker has to be read again before it is changed");
    plan p __attribute__((cleanup(plan_release))) = {0};
    SILT_TRY(plan_change(t, change, &p, scratch, err));
    const silt_add *add = NULL;
    if (p.rows.count) {
        const silt_log_state *state = silt_snapshot_state(t->snapshot);
        SILT_TRY(silt_state_write(t->store, t->engine, columns, COLUMN_COUNT, plan_row, &p,
                                  p.rows.count, &state->metadata, t->opts.clock, t->opts.random,
                                  scratch, &add, err));
    }
    silt_status st = commit_plan(t, change, &p, add, &known, err);
    if (st != SILT_OK) return silt_wrap(err, st, "tracker");
    t->partial = true;
    SILT_TRY(apply_plan(t, change, &p, add, err));
    if (!known) return SILT_OK;
    t->partial = false;
    silt_error harmless = {0};
    (void)silt_table_maintain(t->snapshot,
                              &harmless); /* a checkpoint that fails is made next time */
    return SILT_OK;
}

/* ---- forgetting */

/* The properties of the state that comes next. */
static silt_status next_state(const silt_tracker *t, silt_arena *arena, silt_pairs *out,
                              silt_error *err)
{
    const silt_pairs now = silt_snapshot_state(t->snapshot)->metadata.configuration;
    const char *before = silt_snapshot_property(t->snapshot, GENERATION);
    silt_pair *items = silt_arena_calloc(arena, now.count + 2, sizeof(*items));
    char *id = silt_arena_alloc(arena, SILT_UUID_SIZE);
    int64_t generation = 0;
    if (before && !silt_parse_int64(before, &generation))
        return silt_fail(err, SILT_CORRUPT, "tracker: " GENERATION " is %.100s, not a number",
                         before);
    const char *next = silt_arena_printf(arena, "%" PRId64, generation + 1);
    if (!items || !id || !next) return silt_fail_nomem(err);
    size_t count = 0;
    silt_uuid(t->opts.random, id);
    for (size_t i = 0; i < now.count; i++)
        if (!silt_streq(now.items[i].key, STATE_ID) && !silt_streq(now.items[i].key, GENERATION))
            items[count++] = now.items[i];
    items[count++] = (silt_pair){STATE_ID, id};
    items[count++] = (silt_pair){GENERATION, next};
    *out = (silt_pairs){items, count};
    return SILT_OK;
}

static silt_status forget(silt_tracker *t, silt_txn_outcome *outcome, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_txn) txn = NULL;
    silt_metadata metadata = silt_snapshot_state(t->snapshot)->metadata;
    silt_txn_options opts = tracker_txn(t, "RESET");
    silt_txn_result result;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(next_state(t, scratch, &metadata.configuration, err));
    SILT_TRY(silt_txn_new(t->snapshot, &opts, &txn, err));
    SILT_TRY(silt_txn_set_metadata(txn, &metadata, err));
    for (size_t i = 0; i < t->files.count; i++)
        if (t->files.items[i].live)
            SILT_TRY(silt_txn_remove(txn, &t->files.items[i].add, true, err));
    SILT_TRY(silt_txn_commit(txn, &result, NULL, err));
    *outcome = result.outcome;
    return SILT_OK;
}

silt_status silt_tracker_forget(silt_tracker *t, silt_error *err)
{
    for (int round = 0; round < FORGET_ROUNDS; round++) {
        silt_txn_outcome outcome;
        SILT_TRY(silt_tracker_refresh(t, err));
        SILT_TRY(forget(t, &outcome, err));
        if (outcome == SILT_TXN_COMMITTED) return silt_tracker_refresh(t, err);
    }
    return silt_fail(err, SILT_CONFLICT, "tracker: other processes change it all the time");
}
