/* What a table asks of a commit, whatever version it gets.
 * @see PROTOCOL.md, the "Writer Requirements" of each feature */
#include "base/json.h"
#include "log/property.h"
#include "table/txn_body.h"

/* A change of the table's shape only. Files that are added once more as they stand, for their row
 * ids say, are no change of rows. */
static bool only_alters(const silt_txn *txn)
{
    if (!txn->protocol && !txn->metadata && !txn->domains.count) return false;
    for (size_t i = 0; i < txn->files.count; i++) {
        const silt_action *a = &txn->files.items[i];
        if (a->kind != SILT_ACTION_ADD || a->add.data_change) return false;
    }
    return true;
}

static silt_status check_features(const silt_txn *txn, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    bool exists = state->version >= 0;
    silt_status (*check)(const silt_protocol *, const silt_metadata *, silt_error *) =
        only_alters(txn) ? silt_feature_check_alter : silt_feature_check_write;
    if (!exists && (!txn->protocol || !txn->metadata))
        return silt_fail(err, SILT_INVALID, "a new table needs protocol and metadata");
    if (exists) SILT_TRY(check(&state->protocol, &state->metadata, err));
    if (!txn->protocol && !txn->metadata) return SILT_OK;
    return check(silt_txn_protocol(txn), silt_txn_metadata(txn), err);
}

/* Rows that are only added or only gone need no cdc files, nor do rows that are deleted by a
 * deletion vector: readers of the feed see that by themselves. */
static silt_status check_change_data(const silt_txn *txn, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    if (state->version < 0 || !silt_feature_change_data(&state->protocol, &state->metadata) ||
        !txn->rows_removed || !silt_txn_rewrites(txn))
        return SILT_OK;
    for (size_t i = 0; i < txn->files.count; i++)
        if (txn->files.items[i].kind == SILT_ACTION_CDC) return SILT_OK;
    return silt_fail(err, SILT_INVALID,
                     "rows are rewritten without cdc files, which the table's change data feed "
                     "(delta.enableChangeDataFeed) needs");
}

/* They may be removed by the commit that drops the feature. */
static silt_status check_domains(const silt_txn *txn, silt_error *err)
{
    const silt_protocol *before = &silt_snapshot_state(txn->base)->protocol;
    if (silt_feature_supported(silt_txn_protocol(txn), "domainMetadata")) return SILT_OK;
    for (size_t i = 0; i < txn->domains.count; i++)
        if (!txn->domains.items[i].removed || !silt_feature_supported(before, "domainMetadata"))
            return silt_fail(
                err, SILT_INVALID,
                "metadata domain %s: the table's protocol lacks the feature domainMetadata",
                txn->domains.items[i].domain);
    return SILT_OK;
}

/* Properties whose feature the commit sets, too. */
static silt_status check_properties(const silt_txn *txn, silt_error *err)
{
    static const struct {
        const char *property, *feature, *other;
    } needs[] = {
        {"delta.enableInCommitTimestamps", "inCommitTimestamp", NULL},
        {"delta.enableRowTracking", "rowTracking", "domainMetadata"},
    };
    static const char *const columns[] = {
        "delta.rowTracking.materializedRowIdColumnName",
        "delta.rowTracking.materializedRowCommitVersionColumnName"};
    const silt_protocol *protocol = silt_txn_protocol(txn);
    if (!txn->metadata) return SILT_OK;
    for (size_t i = 0; i < SILT_COUNT(needs); i++) {
        if (!silt_property_true(txn->metadata, needs[i].property)) continue;
        const char *lacks = NULL;
        if (!silt_feature_supported(protocol, needs[i].feature)) lacks = needs[i].feature;
        if (needs[i].other && !silt_feature_supported(protocol, needs[i].other))
            lacks = needs[i].other;
        if (lacks)
            return silt_fail(err, SILT_INVALID, "%s: the table's protocol lacks the feature %s",
                             needs[i].property, lacks);
    }
    if (!silt_feature_row_tracking(protocol, txn->metadata)) return SILT_OK;
    if (silt_property_true(txn->metadata, "delta.rowTrackingSuspended"))
        return silt_fail(err, SILT_INVALID,
                         "delta.enableRowTracking doesn't go with delta.rowTrackingSuspended");
    for (size_t i = 0; i < SILT_COUNT(columns); i++)
        if (!silt_pairs_get(txn->metadata->configuration, columns[i]))
            return silt_fail(err, SILT_INVALID, "delta.enableRowTracking without %s", columns[i]);
    return SILT_OK;
}

/* ---- clustered tables: files say something of the columns that they may be clustered by */

static const char *clustering_of(const silt_txn *txn)
{
    const silt_log_state *state = silt_snapshot_state(txn->base);
    for (size_t i = 0; i < txn->domains.count; i++)
        if (strcmp(txn->domains.items[i].domain, "delta.clustering") == 0)
            return txn->domains.items[i].removed ? NULL : txn->domains.items[i].configuration;
    for (size_t i = 0; i < state->domain_count; i++)
        if (strcmp(state->domains[i].domain, "delta.clustering") == 0)
            return state->domains[i].configuration;
    return NULL;
}

/* `column` is a name, or a list of names that lead to a field. */
static bool has_stats(const silt_json *null_count, const silt_json *column)
{
    const silt_json *at = null_count;
    if (silt_json_kind_of(column) == SILT_JSON_STRING)
        return silt_json_get(at, silt_json_string(column)) != NULL;
    for (silt_json_iter it = silt_json_iter_of(column); silt_json_next(&it);) {
        const char *name = silt_json_string(it.value);
        at = name ? silt_json_get(at, name) : NULL;
    }
    return at != NULL;
}

static silt_status check_clustered_file(const silt_add *add, const silt_json *columns,
                                        silt_arena *scratch, silt_error *err)
{
    const silt_json *stats = NULL;
    if (add->stats &&
        silt_json_parse(silt_bytes_of(add->stats), scratch, &stats, err) == SILT_NOMEM)
        return SILT_NOMEM;
    for (silt_json_iter it = silt_json_iter_of(columns); silt_json_next(&it);) {
        if (has_stats(silt_json_get(stats, "nullCount"), it.value)) continue;
        const char *name = silt_json_text(it.value, scratch);
        silt_fail(err, SILT_INVALID,
                  "file %s has no statistics of the column %s, which the table is clustered by",
                  add->path, name ? name : "?");
        return silt_hint(err, SILT_INVALID,
                         "let delta.dataSkippingNumIndexedCols or "
                         "delta.dataSkippingStatsColumns take it in");
    }
    return SILT_OK;
}

static silt_status check_clustering(const silt_txn *txn, silt_error *err)
{
    const char *configuration = clustering_of(txn);
    if (!configuration || !silt_feature_supported(silt_txn_protocol(txn), "clustering"))
        return SILT_OK;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *json;
    if (!arena || !scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_json_parse(silt_bytes_of(configuration), arena, &json, err));
    for (size_t i = 0; i < txn->files.count; i++) {
        const silt_action *a = &txn->files.items[i];
        if (a->kind != SILT_ACTION_ADD || !a->add.data_change || a->add.dv) continue;
        silt_arena_reset(scratch);
        SILT_TRY(
            check_clustered_file(&a->add, silt_json_get(json, "clusteringColumns"), scratch, err));
    }
    return SILT_OK;
}

silt_status silt_txn_check(const silt_txn *txn, silt_error *err)
{
    silt_status st = check_features(txn, err);
    if (st == SILT_OK) st = check_properties(txn, err);
    if (st == SILT_OK) st = check_domains(txn, err);
    if (st == SILT_OK) st = check_change_data(txn, err);
    if (st == SILT_OK) st = check_clustering(txn, err);
    return st == SILT_OK ? st : silt_wrap(err, st, "%s", silt_snapshot_store(txn->base)->uri);
}
