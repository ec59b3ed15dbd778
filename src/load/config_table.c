/* One entry of `tables`: what two keys say together, and what the loader gets of it. */
#include "load/config_tree.h"

#include <strings.h>

typedef struct reading {
    silt_config_reader *r;
    const silt_config *config;
    const silt_config_node *node; /* of the table */
    const char *path;             /* "tables[0]" */
    silt_config_raw_table raw;
} reading;

static bool said(const reading *t, const char *key)
{
    return silt_config_at(t->node, key) != NULL;
}

static int line_of(const reading *t, const char *key)
{
    const silt_config_node *node = silt_config_at(t->node, key);
    return node ? node->line : 0;
}

static bool has(const silt_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (silt_streq(names->items[i], name)) return true;
    return false;
}

static bool same_names(const silt_names *a, const silt_names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = has(b, a->items[i]);
    return same;
}

/* Names of columns: each once, and declared where columns are. */
static void check_columns(reading *t, const char *key, const silt_names *names)
{
    const silt_type *schema = t->raw.out.schema;
    for (size_t i = 0; i < names->count; i++) {
        silt_names before = {names->items, i};
        if (has(&before, names->items[i]))
            MISTAKE(t, key, "%.100s stands there twice", names->items[i]);
        else if (schema && silt_type_find(schema, names->items[i]) < 0)
            MISTAKE(t, key, "there is no column %.100s in schema", names->items[i]);
    }
}

/* ---- source */

static bool has_extension(const char *path, size_t size, const char *extension)
{
    size_t n = strlen(extension);
    return size >= n && strncasecmp(path + size - n, extension, n) == 0;
}

static int64_t format_by_name(const char *path)
{
    static const struct {
        const char *extension;
        silt_format format;
    } known[] = {{".csv", SILT_FORMAT_CSV},       {".tsv", SILT_FORMAT_CSV},
                 {".ndjson", SILT_FORMAT_NDJSON}, {".jsonl", SILT_FORMAT_NDJSON},
                 {".json", SILT_FORMAT_NDJSON},   {".parquet", SILT_FORMAT_PARQUET}};
    size_t size = strlen(path);
    if (has_extension(path, size, ".gz")) size -= 3;
    if (has_extension(path, size, ".zst")) size -= 4;
    for (size_t i = 0; i < SILT_COUNT(known); i++)
        if (has_extension(path, size, known[i].extension)) return known[i].format;
    return -1;
}

static void find_format(reading *t)
{
    int64_t format = t->raw.format;
    if (said(t, "source.format")) { /* a wrong one was noted */
        bool file = format >= 0 && format != SILT_CONFIG_FORMAT_DELTA;
        t->raw.out.source_format = file ? (silt_format)format : SILT_FORMAT_CSV;
        return;
    }
    if (t->raw.out.from_stdin) return; /* that it is missing is told with the rest */
    if (said(t, "source.manifest")) {
        MISTAKE(t, "source.format", "is missing: a manifest's files may be csv, ndjson or parquet");
        return;
    }
    for (size_t i = 0; i < t->raw.source_paths.count; i++) {
        int64_t found = format_by_name(t->raw.source_paths.items[i]);
        if (found < 0 || (i && found != format)) {
            MISTAKE(t, "source.path",
                    "the format can't be told from %s; give source.format: csv, ndjson or parquet",
                    found < 0 ? "the file extension" : "different file extensions");
            return;
        }
        format = found;
    }
    t->raw.out.source_format = format < 0 ? SILT_FORMAT_CSV : (silt_format)format;
}

/* Which files: by patterns, or by a list. */
static void read_manifest(reading *t)
{
    bool path = said(t, "source.path"), manifest = said(t, "source.manifest");
    const silt_config_node *patterns = silt_config_at(t->node, "source.path");
    if (path && patterns->kind == SILT_CONFIG_LIST && !patterns->count)
        MISTAKE(t, "source.path", "found a list; it can't be empty");
    if (path && manifest)
        MISTAKE(t, "source.manifest", "path on line %d says which files; write one of them",
                line_of(t, "source.path"));
    else if (!path && !manifest && said(t, "source"))
        MISTAKE(t, "source.path", "is missing. A pattern of files, or source.manifest, a list");
    if (t->raw.out.source_manifest)
        t->raw.out.source_manifest =
            silt_config_path(t->r, t->config->directory, t->raw.out.source_manifest,
                             silt_config_at(t->node, "source.manifest"),
                             silt_config_join(t->r, t->path, "source.manifest", 0));
}

static void read_source(reading *t)
{
    silt_names paths = t->raw.source_paths;
    bool delta = t->raw.format == SILT_CONFIG_FORMAT_DELTA;
    for (size_t i = 0; i < paths.count && !delta; i++)
        t->raw.out.from_stdin |= silt_streq(paths.items[i], "-");
    if (delta || t->raw.out.from_stdin) paths.count = 0;
    read_manifest(t);
    const char **full = silt_arena_calloc(t->r->arena, paths.count + 1, sizeof(*full));
    if (!full) {
        t->r->no_memory = true;
        return;
    }
    const silt_config_node *node = silt_config_at(t->node, "source.path");
    for (size_t i = 0; i < paths.count; i++)
        full[i] = silt_config_path(t->r, t->config->directory, paths.items[i], node,
                                   silt_config_join(t->r, t->path, "source.path", 0));
    t->raw.out.source_paths = full;
    t->raw.out.source_path_count = paths.count;
    find_format(t);
    if (t->raw.out.marker && strchr(t->raw.out.marker, '/'))
        MISTAKE(t, "source.success_marker", "found \"%.100s\"; the name of a file is allowed",
                t->raw.out.marker);
    if (!delta)
        t->raw.out.source_options = silt_config_options_read(t->r, t->node, "source.options",
                                                             t->path, t->raw.out.source_format);
    int64_t order = t->raw.order;
    if (t->raw.source_order >= 0 && said(t, "order") && order >= 0 && order != t->raw.source_order)
        MISTAKE(t, "source.order", "order on line %d says otherwise; write one of them",
                line_of(t, "order"));
    else if (t->raw.source_order >= 0)
        order = t->raw.source_order;
    t->raw.out.order = order < 0 ? SILT_ORDER_NAME : (silt_file_order)order;
}

/* ---- how */

static bool has_keys(const reading *t)
{
    return t->raw.out.strategy == SILT_STRATEGY_UPSERT ||
           t->raw.out.strategy == SILT_STRATEGY_APPEND_ONCE ||
           t->raw.out.strategy == SILT_STRATEGY_SCD2;
}

const char *silt_strategy_name(silt_strategy strategy)
{
    static const char *const names[] = {"append", "upsert", "append_once", "overwrite", "scd2"};
    return names[strategy];
}

const char *silt_target_format_name(silt_target_format format)
{
    static const char *const names[] = {"delta", "parquet", "csv", "sqlite", "postgres"};
    return names[format];
}

static void read_strategy(reading *t)
{
    int64_t strategy = t->raw.loading_strategy, mode = t->raw.mode;
    if (strategy >= 0 && mode >= 0 && strategy != mode)
        MISTAKE(t, "write.mode", "loading_strategy on line %d says otherwise; write one of them",
                line_of(t, "loading_strategy"));
    if (strategy < 0) strategy = mode;
    bool unclear = strategy < 0 && (said(t, "loading_strategy") || said(t, "write.mode"));
    t->raw.out.strategy = strategy < 0 ? SILT_STRATEGY_APPEND : (silt_strategy)strategy;

    silt_names keys = t->raw.primary_keys;
    if (keys.count && t->raw.keys.count && !same_names(&keys, &t->raw.keys))
        MISTAKE(t, "write.keys", "primary_keys on line %d says otherwise; write one of them",
                line_of(t, "primary_keys"));
    const char *key = keys.count || !said(t, "write.keys") ? "primary_keys" : "write.keys";
    if (!keys.count) keys = t->raw.keys;
    t->raw.out.keys = keys.items;
    t->raw.out.key_count = keys.count;
    check_columns(t, key, &keys);
    if (unclear) return;
    bool tried = said(t, "primary_keys") || said(t, "write.keys");
    const char *name = silt_strategy_name(t->raw.out.strategy);
    if (has_keys(t) && !keys.count)
        MISTAKE(t, key, "%s: %s needs the columns that tell rows apart",
                tried ? "no column is given" : "is missing", name);
    else if (!has_keys(t) && keys.count)
        MISTAKE(t, key, "%s doesn't look at keys; remove it, or write loading_strategy: upsert",
                name);
}

/* Half of an extract must never take the place of a whole one. */
static void check_batch(reading *t)
{
    if (t->raw.out.strategy != SILT_STRATEGY_OVERWRITE) return;
    if (said(t, "batch"))
        MISTAKE(t, "batch", "overwrite takes all files that wait as one batch; remove it");
    t->raw.out.batch_max_files = t->raw.out.batch_max_bytes = 0; /* of the defaults */
}

static void read_dedup(reading *t)
{
    bool newest = t->raw.dedup_strategy >= 0, by = t->raw.timestamp_col != NULL;
    if (said(t, "write.dedup_strategy") && !newest) return; /* a wrong one was noted */
    if (newest && !said(t, "write.timestamp_col"))
        MISTAKE(t, "write.timestamp_col", "is missing: newest_wins goes by a column");
    if (by && !newest)
        MISTAKE(t, "write.timestamp_col", "is for dedup_strategy: newest_wins; write that, too");
    if ((newest || by) && !has_keys(t))
        MISTAKE(t, newest ? "write.dedup_strategy" : "write.timestamp_col",
                "is for upsert, append_once and scd2; this table is loaded by %s",
                silt_strategy_name(t->raw.out.strategy));
    silt_names names = {&t->raw.timestamp_col, by};
    check_columns(t, "write.timestamp_col", &names);
    if (newest) t->raw.out.newest_by = t->raw.timestamp_col;
}

static void read_schema(reading *t)
{
    static const char *const audit[] = {SILT_COLUMN_SOURCE_FILE, SILT_COLUMN_LOAD_TIMESTAMP,
                                        SILT_COLUMN_BATCH_ID};
    const silt_type *schema = t->raw.out.schema;
    for (size_t a = 0; schema && t->raw.out.audit_columns && a < SILT_COUNT(audit); a++)
        for (size_t i = 0; i < schema->field_count; i++)
            if (strcasecmp(schema->fields[i].name, audit[a]) == 0)
                MISTAKE(t, "schema",
                        "%s is a column that Silt adds; rename it, or write audit_columns: false",
                        audit[a]);
}

/* ---- target */

static void read_target(reading *t)
{
    const silt_config *config = t->config;
    const char *base = config->directory;
    if (t->raw.connection) {
        for (size_t i = 0; i < config->connection_count; i++)
            if (silt_streq(config->connections[i].name, t->raw.connection))
                t->raw.out.connection = &config->connections[i];
        if (t->raw.out.connection)
            base = t->raw.out.connection->path; /* NULL: a mistake was noted */
        else {
            MISTAKE(t, "write.connection", "there is no connection %s; known: %s%s",
                    t->raw.connection,
                    config->connection_count ? config->connections[0].name : "none",
                    config->connection_count > 1 ? ", …" : "");
            base = NULL;
        }
    }
    t->raw.out.format =
        t->raw.write_format < 0 ? SILT_TARGET_DELTA : (silt_target_format)t->raw.write_format;
    const char *path = t->raw.write_path;
    bool database = silt_config_is_database(t->raw.out.format);
    if (!database && t->raw.out.connection && t->raw.out.connection->text &&
        silt_config_is_database_url(t->raw.out.connection->text))
        MISTAKE(t, "write.connection", "%s is a database; write format: postgres, too",
                t->raw.connection);
    if (!database && t->raw.out.connection && t->raw.out.connection->lock_wait_ms)
        MISTAKE(t, "write.connection", "lock_wait_seconds of %s is for databases; remove it",
                t->raw.connection);
    if (!database && path && (base || path[0] == '/'))
        t->raw.out.target_path =
            silt_config_path(t->r, base, path, silt_config_at(t->node, "write.path"),
                             silt_config_join(t->r, t->path, "write.path", 0));
    t->raw.out.partition_by = t->raw.partition_by.items;
    t->raw.out.partition_count = t->raw.partition_by.count;
    check_columns(t, "write.partition_by", &t->raw.partition_by);
    if (t->raw.out.schema && t->raw.out.schema->field_count == t->raw.partition_by.count)
        MISTAKE(t, "write.partition_by", "at least one column has to be left over");
}

static void check_partitions(reading *t)
{
    const silt_config_table *out = &t->raw.out;
    if (!out->overwrite_partitions) return;
    if (out->strategy != SILT_STRATEGY_OVERWRITE)
        MISTAKE(t, "write.overwrite_partitions", "is for overwrite; this table is loaded by %s",
                silt_strategy_name(out->strategy));
    else if (silt_config_is_database(out->format))
        MISTAKE(t, "write.overwrite_partitions",
                "a database's tables have no partitions of Silt's");
    else if (!out->partition_count)
        MISTAKE(t, "write.overwrite_partitions", "write.partition_by is missing");
}

/* "table", or "pipeline/table". */
static void read_renamed(reading *t)
{
    const char *from = t->raw.out.state_name, *slash = from ? strchr(from, '/') : NULL;
    if (!from) return;
    char pipeline[128] = "";
    if (slash && (size_t)(slash - from) < sizeof(pipeline))
        memcpy(pipeline, from, (size_t)(slash - from));
    if (!silt_config_is_name(slash ? slash + 1 : from) || (slash && !silt_config_is_name(pipeline)))
        MISTAKE(
            t, "renamed_from",
            "found \"%.100s\"; the table_name it had before, or pipeline/table_name, is allowed",
            from);
    else if (!slash && silt_streq(from, t->raw.out.name))
        MISTAKE(t, "renamed_from", "that is its name; remove it");
}

static void read_policies(reading *t)
{
    silt_config_table *out = &t->raw.out;
    int64_t mode = t->raw.schema_mode, on_new = t->raw.on_new_column;
    silt_config_policy_read(t->r, t->node, t->path, &t->raw.policy, &out->policy);
    check_columns(t, "ordering_keys", &t->raw.policy.ordering_keys);
    check_columns(t, "write_policy.zorder", &t->raw.policy.z_order);
    if (mode >= 0 && said(t, "on_new_column") && (mode == 1) != (on_new == SILT_NEW_COLUMN_EVOLVE))
        MISTAKE(t, "schema_policy.schema_mode",
                "on_new_column on line %d says otherwise; write one of them",
                line_of(t, "on_new_column"));
    if (mode >= 0 && !said(t, "on_new_column"))
        on_new = mode == 1 ? SILT_NEW_COLUMN_EVOLVE : SILT_NEW_COLUMN_FAIL;
    out->deletion_vectors =
        t->raw.deletion_vectors < 0 ? SILT_VECTORS_AUTO : (silt_vectors)t->raw.deletion_vectors;
    if (out->deletion_vectors == SILT_VECTORS_OFF &&
        silt_names_have(t->raw.policy.features, "deletionVectors"))
        MISTAKE(t, "features", "deletionVectors, and deletion_vectors is off");
    out->on_new_column = on_new < 0 ? SILT_NEW_COLUMN_FAIL : (silt_on_new_column)on_new;
    if (out->any_case && out->source_format == SILT_FORMAT_NDJSON)
        MISTAKE(t, "schema_policy.any_case", "members of JSON are matched exactly; remove it");
    out->on_change =
        t->raw.on_change < 0 ? SILT_ON_CHANGE_IGNORE : (silt_on_change)t->raw.on_change;
    if (out->on_change == SILT_ON_CHANGE_RELOAD &&
        (out->strategy != SILT_STRATEGY_APPEND || !out->audit_columns))
        MISTAKE(
            t, "on_change",
            "reload takes a file's rows out, which needs loading_strategy: append with audit "
            "columns; write ignore or error, and bring an older version back by 'silt restore'");
    out->on_restore =
        t->raw.on_restore < 0 ? SILT_ON_RESTORE_STOP : (silt_on_restore)t->raw.on_restore;
    out->on_duplicate =
        t->raw.on_duplicate < 0 ? SILT_ON_DUPLICATE_LOAD : (silt_on_duplicate)t->raw.on_duplicate;
    out->bad_rows.on =
        t->raw.on_bad_row < 0 ? SILT_BAD_ROW_FAIL : (silt_on_bad_row)t->raw.on_bad_row;
    out->bad_rows.share = (double)t->raw.bad_share / 1e6;
    out->commit_retry = (silt_commit_retry)SILT_COMMIT_RETRY_INIT;
    out->commit_retry.max_attempts = (int)t->raw.max_attempts;
    out->commit_retry.backoff_ms = t->raw.backoff_ms;
    out->commit_retry.deadline_ms = t->raw.deadline_ms;
}

const char *silt_config_path(silt_config_reader *r, const char *base, const char *path,
                             const silt_config_node *node, const char *key)
{
    if (strstr(path, "://")) {
        silt_config_mistake(r, node->line, node->column, key,
                            silt_starts_with(path, "file://")
                                ? "found \"%.100s\"; write a local path without file://"
                                : "found \"%.100s\": object stores aren't supported yet; a local "
                                  "path is allowed",
                            path);
        return NULL;
    }
    const char *full = silt_path_normalise(base, path, r->arena);
    if (!full) r->no_memory = true;
    return full;
}

void silt_config_table_read(silt_config_reader *r, const silt_config *config,
                            const silt_config_node *defaults, const silt_config_node *node,
                            size_t index, silt_config_table *out)
{
    reading t = {.r = r, .config = config, .node = node};
    t.path = silt_config_join(r, "tables", NULL, index);
    silt_config_set_defaults(r, silt_config_table_keys, &t.raw);
    if (defaults && defaults->kind == SILT_CONFIG_MAP) {
        r->quiet = true; /* its mistakes were noted once for all tables */
        silt_config_walk(r, silt_config_default_keys, defaults, "defaults", &t.raw);
        r->quiet = false;
    }
    silt_config_walk(r, silt_config_table_keys, node, t.path, &t.raw);
    if (node->kind != SILT_CONFIG_MAP) return;
    t.raw.out.line = node->line;
    read_source(&t);
    read_strategy(&t);
    check_batch(&t);
    read_dedup(&t);
    read_schema(&t);
    read_target(&t);
    read_policies(&t);
    read_renamed(&t);
    check_partitions(&t);
    silt_config_scd2_read(r, node, t.path, &t.raw);
    silt_config_feed_read(r, config, node, t.path, &t.raw);
    silt_config_check_raw(r, node, t.path, &t.raw);
    if (silt_config_is_database(t.raw.out.format))
        silt_config_database_read(r, node, t.path, t.raw.write_path, &t.raw.out);
    *out = t.raw.out;
}
