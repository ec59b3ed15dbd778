/* The state of a table but for its files: a start (a .crc, a checkpoint, or nothing) and the
 * commits after it, applied oldest first. Newer protocols, metadata, app txns and domains replace
 * older ones. */
#include "log/state.h"

#include "base/hash.h"
#include "log/lines.h"
#include "log/property.h"

/* What one commit did to the files. */
typedef struct file_change {
    int64_t adds, added_bytes, removes, removed_bytes;
    bool unsized;   /* a remove without a size */
    bool foreign;   /* a remove of what may be no file of the table */
    bool unchanged; /* an add that changes no data */
    bool changed;   /* an add or a remove that changes some */
} file_change;

/* A state while commits are applied. Lists are opened on the first change of them. */
typedef struct builder {
    silt_log_state state;
    silt_arena *arena;
    SILT_VEC(silt_app_txn) txns;
    silt_map64 *txn_index; /* app id → its place in `txns`, from 1 */
    SILT_VEC(silt_domain) domains;
    silt_map64 *domain_index;
    int64_t in_commit_ms; /* of the last commit; -1: none */
} builder;

static void builder_release(builder *b)
{
    silt_vec_free(&b->txns);
    silt_vec_free(&b->domains);
    silt_map64_free(b->txn_index);
    silt_map64_free(b->domain_index);
}

/* The place for a key, from 1; `next` is what a new key gets. 0: out of memory. */
static size_t place_of(silt_map64 *index, const char *key, size_t next, bool *found)
{
    void **slot = silt_map64_slot(index, key, strlen(key), found);
    if (!slot) return 0;
    if (!*found) *slot = (void *)(uintptr_t)next; /* NOLINT: a small number, not an address */
    return (size_t)(uintptr_t)*slot;
}

static bool put_txn(builder *b, const silt_app_txn *txn)
{
    bool found;
    size_t place = place_of(b->txn_index, txn->app_id, b->txns.count + 1, &found);
    if (!place) return false;
    if (!found) return silt_vec_push(&b->txns, *txn);
    b->txns.items[place - 1] = *txn;
    return true;
}

static bool open_txns(builder *b)
{
    if (b->txn_index) return true;
    b->txn_index = silt_map64_new();
    if (!b->txn_index) return false;
    for (size_t i = 0; i < b->state.app_txn_count; i++)
        if (!put_txn(b, &b->state.app_txns[i])) return false;
    return true;
}

static bool put_domain(builder *b, const silt_domain *domain)
{
    bool found;
    size_t place = place_of(b->domain_index, domain->domain, b->domains.count + 1, &found);
    if (!place) return false;
    if (!found) return silt_vec_push(&b->domains, *domain);
    b->domains.items[place - 1] = *domain;
    return true;
}

static bool open_domains(builder *b)
{
    if (b->domain_index) return true;
    b->domain_index = silt_map64_new();
    if (!b->domain_index) return false;
    for (size_t i = 0; i < b->state.domain_count; i++)
        if (!put_domain(b, &b->state.domains[i])) return false;
    return true;
}

/* The lists back into the state. */
static bool close_lists(builder *b)
{
    if (b->txn_index) {
        silt_app_txn *txns = silt_arena_calloc(b->arena, b->txns.count, sizeof(*txns));
        if (!txns) return false;
        if (b->txns.count) memcpy(txns, b->txns.items, b->txns.count * sizeof(*txns));
        b->state.app_txns = txns;
        b->state.app_txn_count = b->txns.count;
    }
    if (b->domain_index) {
        silt_domain *domains = silt_arena_calloc(b->arena, b->domains.count, sizeof(*domains));
        size_t count = 0;
        if (!domains) return false;
        for (size_t i = 0; i < b->domains.count; i++)
            if (!b->domains.items[i].removed) domains[count++] = b->domains.items[i];
        b->state.domains = domains;
        b->state.domain_count = count;
    }
    return true;
}

/* ---- commits */

static bool apply_kept(builder *b, const silt_action *action)
{
    silt_app_txn txn;
    silt_domain domain;
    switch (action->kind) {
    case SILT_ACTION_PROTOCOL:
        return silt_protocol_copy(&action->protocol, b->arena, &b->state.protocol);
    case SILT_ACTION_METADATA:
        return silt_metadata_copy(&action->metadata, b->arena, &b->state.metadata);
    case SILT_ACTION_APP_TXN:
        return open_txns(b) && silt_app_txn_copy(&action->app_txn, b->arena, &txn) &&
               put_txn(b, &txn);
    case SILT_ACTION_DOMAIN:
        return open_domains(b) && silt_domain_copy(&action->domain, b->arena, &domain) &&
               put_domain(b, &domain);
    default:
        return true;
    }
}

static void apply_file(const silt_action *action, file_change *change)
{
    if (action->kind == SILT_ACTION_ADD) {
        change->adds++;
        change->added_bytes += action->add.size_bytes;
        if (action->add.data_change)
            change->changed = true;
        else
            change->unchanged = true;
    } else if (action->kind == SILT_ACTION_REMOVE) {
        change->removes++;
        change->removed_bytes += action->remove.size_bytes;
        if (action->remove.data_change) change->changed = true;
        if (action->remove.size_bytes < 0) change->unsized = true;
        if (action->remove.size_bytes < 0 && !action->remove.data_change) change->foreign = true;
    }
}

/* Adds that change no data and come without removes, or beside what does change some, may be files
 * which were there before, told of anew (statistics, row ids), and removes that say no more than a
 * path may be of deletion vectors' files: how many files there are can't be counted on from there.
 */
static void count_files(silt_log_state *state, const file_change *change)
{
    if (change->foreign || (change->unchanged && (change->removes == 0 || change->changed)))
        state->file_count = state->size_bytes = -1;
    if (change->unsized) state->size_bytes = -1;
    if (state->file_count >= 0) {
        state->file_count += change->adds - change->removes;
        if (state->file_count < 0) state->size_bytes = state->file_count = -1;
    }
    if (state->size_bytes >= 0) {
        state->size_bytes += change->added_bytes - change->removed_bytes;
        if (state->size_bytes < 0) state->size_bytes = -1;
    }
}

/* Files make up most lines and tell the state nothing, unless they're counted. */
static bool can_skip(const builder *b, silt_bytes line)
{
    if (b->state.file_count >= 0) return false;
    if (line.data[line.size - 1] == '\r') line.size--;
    if (line.size < 2 || memcmp(line.data + line.size - 2, "}}", 2) != 0) return false;
    silt_action_kind kind = silt_log_line_kind(line);
    return kind == SILT_ACTION_ADD || kind == SILT_ACTION_REMOVE || kind == SILT_ACTION_CDC;
}

static silt_status apply_commit(silt_store *store, int64_t version, builder *b, silt_arena *scratch,
                                silt_arena *line_scratch, silt_error *err)
{
    silt_bytes text, line;
    file_change change = {0};
    SILT_TRY(silt_log_commit_text(store, version, scratch, &text, err));
    b->in_commit_ms = -1;
    for (size_t at = 0; silt_log_line_next(text, &at, &line);) {
        if (can_skip(b, line)) continue;
        silt_action action;
        silt_arena_reset(line_scratch);
        SILT_TRY(silt_log_line_parse(version, text, line, line_scratch, &action, err));
        apply_file(&action, &change);
        if (action.kind == SILT_ACTION_COMMIT_INFO)
            b->in_commit_ms = action.commit_info.in_commit_timestamp_ms;
        if (!apply_kept(b, &action)) return silt_fail_nomem(err);
    }
    count_files(&b->state, &change);
    return SILT_OK;
}

/* Commits after the state's version up to `version`. */
static silt_status apply_commits(silt_store *store, int64_t version, builder *b, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_arena) line_scratch = silt_arena_new();
    if (!scratch || !line_scratch) return silt_fail_nomem(err);
    for (int64_t v = b->state.version + 1; v <= version; v++) {
        silt_arena_reset(scratch);
        SILT_TRY(apply_commit(store, v, b, scratch, line_scratch, err));
        b->state.version = v;
    }
    return close_lists(b) ? SILT_OK : silt_fail_nomem(err);
}

/* ---- states */

/* NULL: nothing is missing. */
static const char *missing_of(const silt_log_state *state)
{
    if (state->protocol.min_reader == 0 && state->protocol.min_writer == 0) return "protocol";
    return state->metadata.id ? NULL : "metaData";
}

static silt_status check_whole(const silt_log_state *state, silt_error *err)
{
    const char *missing = missing_of(state);
    if (!missing) return SILT_OK;
    silt_fail(err, SILT_CORRUPT, "the log up to version %" PRId64 " has no %s action",
              state->version, missing);
    return silt_hint(err, SILT_CORRUPT,
                     "every table's first commit has one: is this all of its log?");
}

/* The in-commit timestamp of the state's version, -1 where the table has none. */
static silt_status in_commit_timestamp(silt_store *store, const builder *b, bool applied,
                                       int64_t *out, silt_error *err)
{
    *out = -1;
    if (!silt_log_in_commit_timestamps(&b->state)) return SILT_OK;
    if (applied) {
        *out = b->in_commit_ms;
        return SILT_OK;
    }
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_commit_info info;
    silt_status st = silt_log_commit_info(store, b->state.version, scratch, &info, err);
    if (st == SILT_NOT_FOUND) return SILT_OK; /* cleaned up: only the checkpoint is left */
    if (st == SILT_OK) *out = info.in_commit_timestamp_ms;
    return st;
}

bool silt_log_in_commit_timestamps(const silt_log_state *state)
{
    return silt_property_true(&state->metadata, "delta.enableInCommitTimestamps") ||
           silt_property_true(&state->metadata, "delta.enableInCommitTimestamps-preview");
}

/* A number among the properties; false: it isn't there, or isn't one. */
static bool property_number(const silt_metadata *metadata, const char *key, const char *preview_key,
                            int64_t *out)
{
    const char *value = silt_pairs_get(metadata->configuration, key);
    if (!value) value = silt_pairs_get(metadata->configuration, preview_key);
    return value && silt_parse_int64(value, out);
}

void silt_log_in_commit_start(const silt_log_state *state, int64_t *version, int64_t *ms)
{
    *version = *ms = INT64_MAX;
    if (!silt_log_in_commit_timestamps(state)) return;
    bool whole = property_number(&state->metadata, "delta.inCommitTimestampEnablementVersion",
                                 "delta.inCommitTimestampEnablementVersion-preview", version) &&
                 property_number(&state->metadata, "delta.inCommitTimestampEnablementTimestamp",
                                 "delta.inCommitTimestampEnablementTimestamp-preview", ms);
    if (whole) return;
    *version = 0;
    *ms = INT64_MIN;
}

static silt_status read_checkpoint(silt_store *store, silt_engine *engine,
                                   const silt_log_segment *segment, silt_arena *arena,
                                   silt_log_state *out, silt_error *err)
{
    silt_log_state state;
    SILT_TRY(silt_log_checkpoint_state(store, engine, segment, arena, &state, err));
    const char *missing = missing_of(&state);
    if (missing)
        return silt_fail(err, SILT_CORRUPT, "checkpoint %s has no %s action",
                         segment->checkpoint_keys.items[0], missing);
    *out = state;
    return SILT_OK;
}

/* From the checkpoint; where it can't be read, from another one or from nothing, if the commits
 * lead on from there: `segment` becomes that. The failure is told that came first: it names what is
 * to be repaired. */
static silt_status start_from_checkpoint(silt_store *store, silt_engine *engine,
                                         silt_log_segment *segment, silt_arena *arena,
                                         silt_log_state *out, silt_error *err)
{
    silt_log_segment at = *segment;
    silt_status failed = SILT_OK, st = SILT_OK;
    while (at.checkpoint_version >= 0) {
        st = read_checkpoint(store, engine, &at, arena, out, failed == SILT_OK ? err : NULL);
        if (st == SILT_OK) break;
        if (failed == SILT_OK) failed = st;
        if (silt_log_segment_other(store, &at, st, arena, &at)) continue;
        if (failed != SILT_CORRUPT && failed != SILT_NOT_FOUND) return failed;
        silt_wrap(err, SILT_CORRUPT, "checkpoint of version %" PRId64,
                  segment->checkpoint_version); /* a table is there, whatever file isn't */
        return silt_hint(
            err, SILT_CORRUPT,
            "restore that file: no other checkpoint, nor the commits from 0 on, lead to "
            "version %" PRId64,
            segment->version);
    }
    if (err) *err = (silt_error){0};
    *segment = at;
    return SILT_OK;
}

static silt_status start(silt_store *store, silt_engine *engine, silt_log_segment *segment,
                         silt_arena *arena, silt_log_state *out, silt_error *err)
{
    bool trusted = false;
    /* An older one would need commits that may have been cleaned up. */
    if (segment->crc_version >= 0 && segment->crc_version >= segment->checkpoint_version)
        SILT_TRY(silt_log_crc_load(store, segment->crc_version, arena, &trusted, out, err));
    if (trusted) return SILT_OK;
    *out = (silt_log_state){.version = -1, .file_count = -1, .size_bytes = -1, .timestamp_ms = -1};
    return start_from_checkpoint(store, engine, segment, arena, out, err);
}

silt_status silt_log_state_load(silt_store *store, silt_engine *engine, silt_log_segment *segment,
                                silt_arena *arena, silt_log_state *out, silt_error *err)
{
    __attribute__((cleanup(builder_release))) builder b = {.arena = arena};
    SILT_TRY(start(store, engine, segment, arena, &b.state, err));
    bool applied = b.state.version < segment->version;
    SILT_TRY(apply_commits(store, segment->version, &b, err));
    SILT_TRY(check_whole(&b.state, err));
    int64_t in_commit_ms = b.state.timestamp_ms;
    if (applied || in_commit_ms < 0)
        SILT_TRY(in_commit_timestamp(store, &b, applied, &in_commit_ms, err));
    b.state.timestamp_ms = in_commit_ms >= 0 ? in_commit_ms : segment->mtime_ms;
    *out = b.state;
    return SILT_OK;
}
