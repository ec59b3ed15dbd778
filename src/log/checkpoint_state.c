/* The state of a table out of its checkpoint: all but the files. Of Parquet only the columns that
 * tell it are read, so that a million adds cost nothing. */
#include <limits.h>

#include "log/checkpoint_open.h"
#include "log/lines.h"
#include "log/state.h"

typedef struct state_reader {
    silt_arena *arena; /* of what is found */
    silt_log_state *state;
    silt_buf protocol, metadata; /* as text, once met */
    SILT_VEC(silt_app_txn) txns;
    SILT_VEC(silt_domain) domains;
} state_reader;

static void state_reader_release(state_reader *r)
{
    silt_buf_release(&r->protocol);
    silt_buf_release(&r->metadata);
    silt_vec_free(&r->txns);
    silt_vec_free(&r->domains);
}

/* A checkpoint has one protocol and one metadata. If it has several (parts of writers that raced),
 * they have to say the same, or nobody knows which of them holds. */
static silt_status check_single(const silt_action *action, silt_buf *first, silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_action_write(action, first->size ? &text : first);
    if (text.failed || first->failed) return silt_fail_nomem(err);
    if (!text.size || silt_bytes_equal(silt_buf_bytes(&text), silt_buf_bytes(first)))
        return SILT_OK;
    return silt_fail(err, SILT_CORRUPT, "it has two %s actions that say different things",
                     action->kind == SILT_ACTION_PROTOCOL ? "protocol" : "metaData");
}

/* An action whose strings are in the arena. */
static silt_status take(state_reader *r, const silt_action *action, silt_error *err)
{
    bool ok = true;
    switch (action->kind) {
    case SILT_ACTION_PROTOCOL:
        r->state->protocol = action->protocol;
        return check_single(action, &r->protocol, err);
    case SILT_ACTION_METADATA:
        r->state->metadata = action->metadata;
        return check_single(action, &r->metadata, err);
    case SILT_ACTION_APP_TXN:
        ok = silt_vec_push(&r->txns, action->app_txn);
        break;
    case SILT_ACTION_DOMAIN:
        ok = action->domain.removed || silt_vec_push(&r->domains, action->domain);
        break;
    default:
        break;
    }
    return ok ? SILT_OK : silt_fail_nomem(err);
}

/* ---- the Parquet form: a row is one action */

enum state_column {
    S_TXN_APP_ID,
    S_TXN_VERSION,
    S_TXN_UPDATED,
    S_PROTOCOL_READER,
    S_PROTOCOL_WRITER,
    S_PROTOCOL_READER_FEATURES,
    S_PROTOCOL_WRITER_FEATURES,
    S_META_ID,
    S_META_NAME,
    S_META_DESCRIPTION,
    S_META_PROVIDER,
    S_META_OPTIONS,
    S_META_SCHEMA,
    S_META_PARTITIONS,
    S_META_CONFIGURATION,
    S_META_CREATED,
    S_DOMAIN,
    S_DOMAIN_CONFIGURATION,
    S_DOMAIN_REMOVED
};

static const silt_flat_column state_columns[] = {
    [S_TXN_APP_ID] = {"txn.appId", SILT_FLAT_TEXT},
    [S_TXN_VERSION] = {"txn.version", SILT_FLAT_INT},
    [S_TXN_UPDATED] = {"txn.lastUpdated", SILT_FLAT_INT},
    [S_PROTOCOL_READER] = {"protocol.minReaderVersion", SILT_FLAT_INT},
    [S_PROTOCOL_WRITER] = {"protocol.minWriterVersion", SILT_FLAT_INT},
    [S_PROTOCOL_READER_FEATURES] = {"protocol.readerFeatures", SILT_FLAT_JSON},
    [S_PROTOCOL_WRITER_FEATURES] = {"protocol.writerFeatures", SILT_FLAT_JSON},
    [S_META_ID] = {"metaData.id", SILT_FLAT_TEXT},
    [S_META_NAME] = {"metaData.name", SILT_FLAT_TEXT},
    [S_META_DESCRIPTION] = {"metaData.description", SILT_FLAT_TEXT},
    [S_META_PROVIDER] = {"metaData.format.provider", SILT_FLAT_TEXT},
    [S_META_OPTIONS] = {"metaData.format.options", SILT_FLAT_JSON},
    [S_META_SCHEMA] = {"metaData.schemaString", SILT_FLAT_TEXT},
    [S_META_PARTITIONS] = {"metaData.partitionColumns", SILT_FLAT_JSON},
    [S_META_CONFIGURATION] = {"metaData.configuration", SILT_FLAT_JSON},
    [S_META_CREATED] = {"metaData.createdTime", SILT_FLAT_INT},
    [S_DOMAIN] = {"domainMetadata.domain", SILT_FLAT_TEXT},
    [S_DOMAIN_CONFIGURATION] = {"domainMetadata.configuration", SILT_FLAT_TEXT},
    [S_DOMAIN_REMOVED] = {"domainMetadata.removed", SILT_FLAT_BOOL},
};

static silt_status parse_pairs(const silt_flat_batch *batch, size_t column, size_t row,
                               silt_arena *arena, silt_pairs *out, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(silt_flat_json(batch, column, row, arena, &json, err));
    return silt_pairs_parse(json, arena, out, err);
}

static silt_status parse_names(const silt_flat_batch *batch, size_t column, size_t row,
                               silt_arena *arena, bool *has, silt_names *out, silt_error *err)
{
    const silt_json *json;
    SILT_TRY(silt_flat_json(batch, column, row, arena, &json, err));
    *has = json != NULL;
    const char **items = silt_arena_calloc(arena, silt_json_count(json), sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    size_t count = 0;
    for (silt_json_iter it = silt_json_iter_of(json); silt_json_next(&it);) {
        items[count] = silt_json_string(it.value);
        if (!items[count++]) return silt_fail(err, SILT_CORRUPT, "a list of names isn't one");
    }
    *out = (silt_names){items, count};
    return SILT_OK;
}

static silt_status read_protocol(state_reader *r, const silt_flat_batch *b, size_t row,
                                 silt_protocol *p, silt_error *err)
{
    int64_t reader = silt_flat_int(b, S_PROTOCOL_READER, row, 0);
    int64_t writer = silt_flat_int(b, S_PROTOCOL_WRITER, row, 0);
    if (reader < 0 || writer < 0 || reader > INT_MAX || writer > INT_MAX)
        return silt_fail(err, SILT_CORRUPT, "protocol: versions %" PRId64 " and %" PRId64, reader,
                         writer);
    *p = (silt_protocol){.min_reader = (int)reader, .min_writer = (int)writer};
    SILT_TRY(parse_names(b, S_PROTOCOL_READER_FEATURES, row, r->arena, &p->has_reader_features,
                         &p->reader_features, err));
    return parse_names(b, S_PROTOCOL_WRITER_FEATURES, row, r->arena, &p->has_writer_features,
                       &p->writer_features, err);
}

static silt_status read_metadata(state_reader *r, const silt_flat_batch *b, size_t row,
                                 silt_metadata *m, silt_error *err)
{
    bool has;
    *m = (silt_metadata){.created_time_ms = silt_flat_int(b, S_META_CREATED, row, -1)};
    SILT_TRY(silt_flat_copy_text(b, S_META_ID, row, NULL, r->arena, &m->id, err));
    SILT_TRY(silt_flat_copy_text(b, S_META_NAME, row, NULL, r->arena, &m->name, err));
    SILT_TRY(silt_flat_copy_text(b, S_META_DESCRIPTION, row, NULL, r->arena, &m->description, err));
    SILT_TRY(silt_flat_copy_text(b, S_META_PROVIDER, row, "parquet", r->arena, &m->format_provider,
                                 err));
    SILT_TRY(silt_flat_copy_text(b, S_META_SCHEMA, row, "{\"type\":\"struct\",\"fields\":[]}",
                                 r->arena, &m->schema_json, err));
    SILT_TRY(parse_pairs(b, S_META_OPTIONS, row, r->arena, &m->format_options, err));
    SILT_TRY(parse_pairs(b, S_META_CONFIGURATION, row, r->arena, &m->configuration, err));
    return parse_names(b, S_META_PARTITIONS, row, r->arena, &has, &m->partition_columns, err);
}

static silt_status read_txn(state_reader *r, const silt_flat_batch *b, size_t row,
                            silt_app_txn *txn, silt_error *err)
{
    *txn = (silt_app_txn){.version = silt_flat_int(b, S_TXN_VERSION, row, -1),
                          .last_updated_ms = silt_flat_int(b, S_TXN_UPDATED, row, -1)};
    return silt_flat_copy_text(b, S_TXN_APP_ID, row, NULL, r->arena, &txn->app_id, err);
}

static silt_status read_domain(state_reader *r, const silt_flat_batch *b, size_t row,
                               silt_domain *domain, silt_error *err)
{
    *domain = (silt_domain){.removed = silt_flat_int(b, S_DOMAIN_REMOVED, row, 0) != 0};
    SILT_TRY(silt_flat_copy_text(b, S_DOMAIN, row, NULL, r->arena, &domain->domain, err));
    return silt_flat_copy_text(b, S_DOMAIN_CONFIGURATION, row, "", r->arena, &domain->configuration,
                               err);
}

static silt_status state_sink(void *ctx, const silt_flat_batch *b, silt_error *err)
{
    state_reader *r = ctx;
    for (size_t row = 0; row < b->row_count; row++) {
        silt_action action = {.kind = SILT_ACTION_UNKNOWN};
        if (silt_flat_valid(&b->columns[S_TXN_APP_ID], row)) {
            action.kind = SILT_ACTION_APP_TXN;
            SILT_TRY(read_txn(r, b, row, &action.app_txn, err));
        } else if (silt_flat_valid(&b->columns[S_PROTOCOL_READER], row)) {
            action.kind = SILT_ACTION_PROTOCOL;
            SILT_TRY(read_protocol(r, b, row, &action.protocol, err));
        } else if (silt_flat_valid(&b->columns[S_META_ID], row)) {
            action.kind = SILT_ACTION_METADATA;
            SILT_TRY(read_metadata(r, b, row, &action.metadata, err));
        } else {
            action.kind = SILT_ACTION_DOMAIN;
            SILT_TRY(read_domain(r, b, row, &action.domain, err));
        }
        SILT_TRY(take(r, &action, err));
    }
    return SILT_OK;
}

/* ---- the JSON form: a line is one action */

static bool copy_action(const silt_action *from, silt_arena *arena, silt_action *to)
{
    to->kind = from->kind;
    switch (from->kind) {
    case SILT_ACTION_PROTOCOL:
        return silt_protocol_copy(&from->protocol, arena, &to->protocol);
    case SILT_ACTION_METADATA:
        return silt_metadata_copy(&from->metadata, arena, &to->metadata);
    case SILT_ACTION_APP_TXN:
        return silt_app_txn_copy(&from->app_txn, arena, &to->app_txn);
    case SILT_ACTION_DOMAIN:
        return silt_domain_copy(&from->domain, arena, &to->domain);
    default:
        return true;
    }
}

static silt_status read_lines(state_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    silt_bytes line;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    for (size_t at = 0; silt_log_line_next(c->json, &at, &line);) {
        silt_action_kind kind = silt_log_line_kind(line);
        if (kind == SILT_ACTION_ADD || kind == SILT_ACTION_REMOVE) continue;
        silt_action action, copy;
        silt_arena_reset(scratch);
        SILT_TRY(silt_log_checkpoint_line(c, line, scratch, &action, err));
        if (!copy_action(&action, r->arena, &copy)) return silt_fail_nomem(err);
        SILT_TRY(take(r, &copy, err));
    }
    return SILT_OK;
}

/* ---- */

static silt_status read_state(state_reader *r, const silt_log_checkpoint *c, silt_error *err)
{
    static const size_t any_of[] = {S_TXN_APP_ID, S_PROTOCOL_READER, S_META_ID, S_DOMAIN};
    if (c->json_key)
        SILT_TRY(read_lines(r, c, err));
    else
        SILT_TRY(silt_log_checkpoint_flat(c, state_columns, SILT_COUNT(state_columns), any_of,
                                          SILT_COUNT(any_of), state_sink, r, err));
    silt_app_txn *txns = silt_arena_calloc(r->arena, r->txns.count, sizeof(*txns));
    silt_domain *domains = silt_arena_calloc(r->arena, r->domains.count, sizeof(*domains));
    if (!txns || !domains) return silt_fail_nomem(err);
    if (r->txns.count) memcpy(txns, r->txns.items, r->txns.count * sizeof(*txns));
    if (r->domains.count) memcpy(domains, r->domains.items, r->domains.count * sizeof(*domains));
    r->state->app_txns = txns;
    r->state->app_txn_count = r->txns.count;
    r->state->domains = domains;
    r->state->domain_count = r->domains.count;
    return SILT_OK;
}

silt_status silt_log_checkpoint_state(silt_store *store, silt_engine *engine,
                                      const silt_log_segment *segment, silt_arena *arena,
                                      silt_log_state *out, silt_error *err)
{
    silt_log_state state = {.version = segment->checkpoint_version,
                            .file_count = -1,
                            .size_bytes = -1,
                            .timestamp_ms = -1};
    SILT_CLEAN(silt_log_checkpoint) c = {0};
    SILT_CLEAN(state_reader) r = {.arena = arena, .state = &state};
    SILT_TRY(silt_log_checkpoint_open(store, engine, segment, false, &c, err));
    silt_status st = read_state(&r, &c, err);
    if (st != SILT_OK) return silt_log_checkpoint_wrap(store, segment, st, err);
    *out = state;
    return SILT_OK;
}
