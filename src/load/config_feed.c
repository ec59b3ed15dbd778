/* Delta tables and standard input as sources: what a table's keys say of them. */
#include "load/config_tree.h"
#include "load/feed.h"
#include "table/changes.h"

#include <strings.h>

#define BATCH_FILES 1000
#define BATCH_BYTES (INT64_C(1) << 30)

typedef struct reading {
    silt_config_reader *r;
    const silt_config *config;
    const silt_config_node *node; /* of the table */
    const char *path;
    silt_config_raw_table *raw;
} reading;

static bool said(const reading *t, const char *key)
{
    return silt_config_at(t->node, key) != NULL;
}

static void refuse(const reading *t, const char *const *keys, const char *why)
{
    for (; *keys; keys++)
        if (said(t, *keys)) MISTAKE(t, *keys, "%s", why);
}

static const char *const files_only[] = {"source.manifest",
                                         "source.options",
                                         "source.recursive",
                                         "source.max_age",
                                         "source.success_marker",
                                         "source.order",
                                         "order",
                                         "settle_seconds",
                                         "on_change",
                                         "on_duplicate",
                                         NULL};
static const char *const feed_only[] = {"source.connection",         "source.starting_version",
                                        "source.starting_timestamp", "source.on_source_change",
                                        "source.change_columns",     NULL};

/* ---- standard input -------------------------------------------------------------------------- */

static void read_stdin(const reading *t)
{
    static const char *const many[] = {"source.manifest", "source.recursive",      "source.max_age",
                                       "source.order",    "source.success_marker", NULL};
    refuse(t, many, "is about files; path: \"-\" is standard input");
    if (!said(t, "source.format"))
        MISTAKE(t, "source.format",
                "is missing: standard input has no name that tells it; csv, ndjson or parquet");
    if (t->raw->source_paths.count > 1)
        MISTAKE(t, "source.path", "\"-\" is standard input, and stands alone");
}

/* ---- Delta tables ---------------------------------------------------------------------------- */

static void read_path(const reading *t, silt_config_feed *feed)
{
    const char *base = t->config->directory;
    if (t->raw->source_connection) {
        base = NULL;
        for (size_t i = 0; i < t->config->connection_count; i++)
            if (silt_streq(t->config->connections[i].name, t->raw->source_connection))
                base = t->config->connections[i].path;
        if (!base)
            MISTAKE(t, "source.connection", "there is no connection %s that is a folder",
                    t->raw->source_connection);
    }
    if (t->raw->source_paths.count != 1) {
        if (said(t, "source.path")) MISTAKE(t, "source.path", "one Delta table is allowed");
        return;
    }
    const char *path = t->raw->source_paths.items[0];
    if (!base && path[0] != '/') return;
    feed->path = silt_config_path(t->r, base, path, silt_config_at(t->node, "source.path"),
                                  silt_config_join(t->r, t->path, "source.path", 0));
    if (feed->path && silt_streq(feed->path, t->raw->out.target_path))
        MISTAKE(t, "source.path",
                "it is the table that is written; a table can't be its own source");
}

static void read_start(const reading *t, silt_config_feed *feed)
{
    const char *version = t->raw->starting_version, *time = t->raw->starting_timestamp;
    if (version && time)
        MISTAKE(t, "source.starting_timestamp",
                "starting_version says where to begin; write one of them");
    if (t->raw->out.strategy == SILT_STRATEGY_OVERWRITE && (version || time))
        MISTAKE(t, version ? "source.starting_version" : "source.starting_timestamp",
                "overwrite takes all rows of the latest version; remove it");
    if (time && !silt_time_parse_ms(time, &feed->start_ms))
        MISTAKE(t, "source.starting_timestamp",
                "found \"%.100s\"; a time is allowed, as 2024-01-15T10:00:00Z", time);
    else if (time)
        feed->start = SILT_FEED_FROM_TIME;
    if (!version) return;
    feed->start = SILT_FEED_FROM_VERSION;
    if (silt_streq(version, "latest"))
        feed->start = SILT_FEED_FROM_LATEST;
    else if (!silt_streq(version, "earliest") &&
             (!silt_parse_int64(version, &feed->start_version) || feed->start_version < 0))
        MISTAKE(t, "source.starting_version",
                "found \"%.100s\"; earliest, latest, or a version is allowed", version);
}

static void read_changes(const reading *t, silt_config_feed *feed)
{
    const silt_config_table *out = &t->raw->out;
    bool applies = silt_feed_can_delete(out);
    int64_t given = t->raw->on_source_change;
    feed->on_change = applies ? SILT_SOURCE_CHANGE_APPLY : SILT_SOURCE_CHANGE_FAIL;
    if (given < 0) return;
    feed->on_change = (silt_on_source_change)given;
    if (out->strategy == SILT_STRATEGY_OVERWRITE)
        MISTAKE(t, "source.on_source_change",
                "overwrite takes all rows of the latest version; remove it");
    else if (given == SILT_SOURCE_CHANGE_APPLY && out->scd2 && !applies)
        MISTAKE(t, "source.on_source_change",
                "%s says since when a row is true, not when it was deleted; write ignore or fail, "
                "or scd2_effective_from: _commit_timestamp",
                out->scd2->effective_from);
    else if (given == SILT_SOURCE_CHANGE_APPLY && !applies)
        MISTAKE(t, "source.on_source_change",
                "%s doesn't delete rows; write ignore or fail, or loading_strategy: upsert",
                silt_strategy_name(out->strategy));
}

static void read_columns(const reading *t, silt_config_feed *feed)
{
    static const char *const known[] = {SILT_CHANGE_TYPE, SILT_CHANGE_VERSION,
                                        SILT_CHANGE_TIMESTAMP};
    const silt_names *names = &t->raw->change_columns;
    for (size_t i = 0; i < names->count; i++) {
        size_t k = 0;
        while (k < SILT_COUNT(known) && !silt_streq(names->items[i], known[k]))
            k++;
        if (k == SILT_COUNT(known))
            MISTAKE(t, "source.change_columns",
                    "found \"%.100s\"; allowed: _change_type, _commit_version, _commit_timestamp",
                    names->items[i]);
        for (size_t j = 0; j < i; j++)
            if (silt_streq(names->items[i], names->items[j]))
                MISTAKE(t, "source.change_columns", "%.100s stands there twice", names->items[i]);
    }
    feed->change_columns = *names;
    const silt_scd2_options *scd2 = t->raw->out.scd2;
    if (scd2 && scd2->close_missing)
        MISTAKE(t, "scd2_close_missing", "changes are no extract of all there is; remove it");
}

static void read_feed(const reading *t)
{
    silt_config_table *out = &t->raw->out;
    silt_config_feed *feed = silt_arena_calloc(t->r->arena, 1, sizeof(*feed));
    if (!feed) {
        t->r->no_memory = true;
        return;
    }
    refuse(t, files_only, "is about files; the source is a Delta table");
    read_path(t, feed);
    read_start(t, feed);
    read_changes(t, feed);
    read_columns(t, feed);
    out->on_change = SILT_ON_CHANGE_IGNORE; /* of the defaults */
    out->on_duplicate = SILT_ON_DUPLICATE_LOAD;
    out->source_format = SILT_FORMAT_PARQUET; /* that versions are made into */
    if (out->strategy != SILT_STRATEGY_OVERWRITE && !out->batch_max_files)
        out->batch_max_files = BATCH_FILES;
    /* Within a batch the newest row of a key would count, whatever was deleted between. */
    if (feed->on_change == SILT_SOURCE_CHANGE_APPLY && out->newest_by) out->batch_max_files = 1;
    if (out->strategy != SILT_STRATEGY_OVERWRITE && !out->batch_max_bytes)
        out->batch_max_bytes = BATCH_BYTES;
    out->feed = feed;
}

void silt_config_feed_read(silt_config_reader *r, const silt_config *config,
                           const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw)
{
    const reading t = {r, config, node, path, raw};
    if (raw->format == SILT_CONFIG_FORMAT_DELTA) {
        read_feed(&t);
        return;
    }
    refuse(&t, feed_only, "is about a Delta table as source (source.format: delta); remove it");
    if (raw->out.from_stdin) read_stdin(&t);
}

/* ---- between tables -------------------------------------------------------------------------- */

static bool depends(const silt_config_table *table, const char *name)
{
    for (size_t i = 0; i < table->depends_on.count; i++)
        if (silt_streq(table->depends_on.items[i], name)) return true;
    return false;
}

/* A table whose source another one is loads behind it. */
static void follow(silt_config_reader *r, const silt_config *config, silt_config_table *table)
{
    for (size_t i = 0; i < config->table_count; i++) {
        const silt_config_table *other = &config->tables[i];
        if (other == table || !other->name || other->format != SILT_TARGET_DELTA ||
            !silt_streq(other->target_path, table->feed->path))
            continue;
        silt_config_feed *feed = silt_arena_alloc(r->arena, sizeof(*feed));
        const char **names =
            silt_arena_calloc(r->arena, table->depends_on.count + 1, sizeof(*names));
        if (!feed || !names) {
            r->no_memory = true;
            return;
        }
        *feed = *table->feed;
        feed->of_pipeline = true;
        table->feed = feed;
        if (depends(table, other->name)) return;
        if (table->depends_on.count)
            memcpy(names, table->depends_on.items, table->depends_on.count * sizeof(*names));
        names[table->depends_on.count] = other->name;
        table->depends_on = (silt_names){names, table->depends_on.count + 1};
        return;
    }
}

void silt_config_follow_sources(silt_config_reader *r, const silt_config_node *node,
                                const silt_config *config, silt_config_table *tables)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < config->table_count; i++) {
        if (tables[i].feed) follow(r, config, &tables[i]);
        if (!tables[i].from_stdin) continue;
        if (first == SIZE_MAX) {
            first = i;
            continue;
        }
        const silt_config_node *at = silt_config_at(node->items[i].value, "source.path");
        const char *path = silt_config_join(r, "tables", NULL, i);
        silt_config_mistake(r, at->line, at->column, silt_config_join(r, path, "source.path", 0),
                            "the table on line %d reads standard input already",
                            tables[first].line);
    }
}
