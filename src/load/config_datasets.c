/* `datasets`: names for tables and files, and how each is read; of a pipeline file, or of a file
 * that has nothing else. */
#include <strings.h>

#include "load/config_tree.h"

#include "silt/pipeline.h"
#include "silt/snapshot.h"

/* What the keys are read into. */
typedef struct raw_dataset {
    const char *path;
    int64_t format;
    silt_pairs storage_options;
    int64_t version;
    const char *timestamp;
    silt_names files;
    const char *from, *to;
    const char *file_column;
    bool pushdown, view_types;
    const silt_type *schema, *columns;
    int64_t partitioning;
    silt_pairs data_options;
    int64_t schema_mode; /* -1: not said */
    silt_config_raw_policy policy;
} raw_dataset;

#define RAW(member) offsetof(raw_dataset, member)
#define END          \
    {                \
        .name = NULL \
    }

static const silt_config_choice formats[] = {{"delta", SILT_DATASET_DELTA, NULL},
                                             {"parquet", SILT_DATASET_PARQUET, NULL},
                                             {"csv", SILT_DATASET_CSV, NULL},
                                             {"ndjson", SILT_DATASET_NDJSON, NULL},
                                             {"json", SILT_DATASET_NDJSON, NULL},
                                             {"sqlite", 4, ""},
                                             {"postgres", 5, ""},
                                             {NULL, 0, NULL}};
static const silt_config_choice partitionings[] = {
    {"none", 0, NULL}, {"hive", 1, NULL}, {NULL, 0, NULL}};
static const silt_config_choice schema_modes[] = {
    {"fixed", 0, NULL}, {"merge", 1, NULL}, {"overwrite", 2, NULL}, {NULL, 0, NULL}};

/* ---- what writes go by */

static const silt_config_key write_policy_keys[] = {SILT_CONFIG_WRITE_POLICY(raw_dataset), END};

static const silt_config_key schema_policy_keys[] = {
    {.name = "schema_mode",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(schema_mode),
     .choices = schema_modes,
     .about = "Columns that a write has and the table lacks: fixed refuses, merge adds them."},
    {.name = "column_mapping_mode",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(policy.column_mapping_mode),
     .choices = silt_config_mapping_modes,
     .about = "Of a table that is made."},
    END};

/* ---- what reads go by */

static const silt_config_key changes_keys[] = {
    {.name = "from",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(from),
     .required = true,
     .loose = true,
     .about = "A version or a timestamp, included."},
    {.name = "to",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(to),
     .loose = true,
     .about = "A version or a timestamp, included; the latest by default."},
    END};

static const silt_config_key scan_keys[] = {
    {.name = "file_column_name",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(file_column),
     .about = "One more column of this name, which says each row's file."},
    {.name = "enable_parquet_pushdown",
     .kind = SILT_KEY_BOOL,
     .offset = RAW(pushdown),
     .fallback = "true",
     .about = "false: conditions are asked of the rows that were read."},
    {.name = "schema_force_view_types",
     .kind = SILT_KEY_BOOL,
     .offset = RAW(view_types),
     .fallback = "false",
     .about =
         "Arrow: texts and binary as string_view and binary_view, where it is read by itself."},
    {.name = "schema",
     .kind = SILT_KEY_SCHEMA,
     .offset = RAW(schema),
     .about = "Arrow: columns and types that it is cast to, where it is read by itself."},
    END};

const silt_config_key silt_config_dataset_keys[] = {
    {.name = "path",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(path),
     .required = true,
     .about = "Of the table, or of files: one, a folder or a pattern. Against this file's folder."},
    {.name = "format",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(format),
     .choices = formats,
     .fallback = "delta",
     .about = "A Delta table, or files as they are. json: one object a line."},
    {.name = "partitioning",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(partitioning),
     .choices = partitionings,
     .about = "hive: folders named column=value are columns of the files in them."},
    {.name = "read_options",
     .kind = SILT_KEY_OBJECT,
     .keys = silt_config_option_keys,
     .apart = true,
     .about = "How files are read. What isn't given is found by looking."},
    {.name = "schema",
     .kind = SILT_KEY_SCHEMA,
     .offset = RAW(columns),
     .about = "The columns of files, found by name; else all that any of them has."},
    {.name = "storage_options",
     .kind = SILT_KEY_PAIRS,
     .offset = RAW(storage_options),
     .about = "Of the store."},
    {.name = "data_options",
     .kind = SILT_KEY_PAIRS,
     .offset = RAW(data_options),
     .about = "Of the store of data files, where they differ from storage_options."},
    {.name = "delta_version",
     .kind = SILT_KEY_INT,
     .offset = RAW(version),
     .min = 0,
     .max = INT64_MAX,
     .about = "The table's version; the latest by default."},
    {.name = "delta_timestamp",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(timestamp),
     .loose = true,
     .about = "The table as it was then: 2024-01-15T10:00:00, UTC."},
    {.name = "files",
     .kind = SILT_KEY_TEXTS,
     .offset = RAW(files),
     .about = "Only these files of the table or dataset."},
    {.name = "cdf",
     .kind = SILT_KEY_OBJECT,
     .keys = changes_keys,
     .about = "The change data feed instead of the table."},
    {.name = "scan", .kind = SILT_KEY_OBJECT, .keys = scan_keys, .about = "How it is read."},
    {.name = "write_policy",
     .kind = SILT_KEY_OBJECT,
     .keys = write_policy_keys,
     .about = "Used by writes: how data files are written."},
    {.name = "schema_policy",
     .kind = SILT_KEY_OBJECT,
     .keys = schema_policy_keys,
     .about = "Used by writes: how the table's columns may change."},
    {.name = "constraints",
     .kind = SILT_KEY_LIST,
     .keys = silt_config_constraint_keys,
     .about = "Used by writes: what rows have to fulfil."},
    END};

/* ---- one dataset -------------------------------------------------------------------------------
 */

typedef struct reading {
    silt_config_reader *r;
    const silt_config_node *node;
    const char *path; /* "datasets.flights" */
} reading;

static bool said(const reading *t, const char *key)
{
    return silt_config_at(t->node, key) != NULL;
}

static void check_end(const reading *t, const char *key, const char *text)
{
    int64_t number;
    if (!text || (silt_parse_int64(text, &number) && number >= 0) ||
        silt_time_parse_ms(text, &number))
        return;
    MISTAKE(t, key, "found \"%.60s\"; a version or a time is allowed, as 12 or 2024-01-15T10:00:00",
            text);
}

/* Keys that say different things, or nothing together. */
static void check_together(const reading *t, const raw_dataset *raw)
{
    static const char *const of_tables[] = {"delta_version", "delta_timestamp", "files",
                                            "scan.file_column_name",
                                            "scan.enable_parquet_pushdown"};
    static const char *const of_delta[] = {"delta_version", "delta_timestamp", "cdf"};
    static const char *const of_files[] = {"partitioning", "read_options", "schema"};
    bool files = raw->format > SILT_DATASET_DELTA;
    for (size_t i = 0; files && i < SILT_COUNT(of_delta); i++)
        if (said(t, of_delta[i]))
            MISTAKE(t, of_delta[i], "is for a Delta table; the format is another one");
    for (size_t i = 0; raw->format == SILT_DATASET_DELTA && i < SILT_COUNT(of_files); i++)
        if (said(t, of_files[i]))
            MISTAKE(
                t, of_files[i],
                "is for files, with format: parquet, csv or json; a Delta table says it itself");
    if (said(t, "delta_version") && said(t, "delta_timestamp"))
        MISTAKE(t, "delta_timestamp", "delta_version is given, too; write one of them");
    for (size_t i = 0; said(t, "cdf") && i < SILT_COUNT(of_tables); i++)
        if (said(t, of_tables[i])) MISTAKE(t, of_tables[i], "is for a table; cdf gives changes");
    check_end(t, "cdf.from", raw->from);
    check_end(t, "cdf.to", raw->to);
}

static const char *const *pairs_of(silt_config_reader *r, const silt_pairs *pairs)
{
    const char **out = silt_arena_calloc(r->arena, pairs->count + 1, sizeof(*out));
    for (size_t i = 0; out && i < pairs->count; i++) {
        out[i] = silt_arena_printf(r->arena, "%s=%s", pairs->items[i].key, pairs->items[i].value);
        if (!out[i]) out = NULL;
    }
    if (!out) r->no_memory = true;
    return out;
}

/* The engine's options of sources, as programs write them. */
static void read_options(const reading *t, silt_dataset *out)
{
    static const silt_format formats_of[] = {[SILT_DATASET_DELTA] = SILT_FORMAT_CSV,
                                             [SILT_DATASET_PARQUET] = SILT_FORMAT_PARQUET,
                                             [SILT_DATASET_CSV] = SILT_FORMAT_CSV,
                                             [SILT_DATASET_NDJSON] = SILT_FORMAT_NDJSON};
    silt_read_options *r = silt_arena_calloc(t->r->arena, 1, sizeof(*r));
    if (!said(t, "read_options")) return;
    const silt_source_options o =
        silt_config_options_read(t->r, t->node, "read_options", t->path, formats_of[out->format]);
    if (!r) {
        t->r->no_memory = true;
        return;
    }
    *r = (silt_read_options){.struct_size = sizeof(*r),
                             .delimiter = o.delimiter,
                             .quote = o.quote,
                             .escape = o.escape,
                             .comment = o.comment,
                             .encoding = o.encoding,
                             .date_format = o.date_format,
                             .timestamp_format = o.timestamp_format,
                             .compression = o.compression,
                             .nulls = o.nulls,
                             .null_count = o.null_count,
                             .skip_lines = o.skip_lines,
                             .decimal_separator = o.decimal_separator,
                             .no_header = o.no_header};
    out->read_options = r;
}

static void read_policies(const reading *t, const raw_dataset *raw, silt_dataset *out)
{
    silt_policy *policy = silt_arena_calloc(t->r->arena, 1, sizeof(*policy));
    if (!policy) {
        t->r->no_memory = true;
        return;
    }
    silt_config_policy_read(t->r, t->node, t->path, &raw->policy, policy);
    for (size_t i = 0; i < policy->constraint_count; i++)
        if (policy->constraints[i].on_violation > SILT_VIOLATION_WARN)
            silt_config_mistake(t->r, t->node->line, t->node->column,
                                silt_config_join(t->r, t->path, "constraints", 0),
                                "constraint %s: only tables of a pipeline drop or quarantine rows; "
                                "write on_violation: fail or warn",
                                policy->constraints[i].name);
    out->policy = policy;
    if (raw->schema_mode >= 0) out->schema_mode = schema_modes[raw->schema_mode].text;
}

static void read_one(silt_config_reader *r, const char *directory, const silt_config_entry *e,
                     silt_dataset *out)
{
    raw_dataset raw = {.version = SILT_LATEST};
    const reading t = {r, e->value, silt_config_join(r, "datasets", e->key, 0)};
    *out = (silt_dataset)SILT_DATASET_INIT;
    out->name = e->key;
    if (!silt_config_is_name(e->key))
        silt_config_mistake(r, e->line, e->column, t.path,
                            "a name is made of letters A-Z, digits, '.', '_' and '-'");
    silt_config_set_defaults(r, silt_config_dataset_keys, &raw);
    silt_config_walk(r, silt_config_dataset_keys, e->value, t.path, &raw);
    if (e->value->kind != SILT_CONFIG_MAP) return;
    check_together(&t, &raw);
    if (raw.path)
        out->path = silt_config_path(r, directory, raw.path, silt_config_at(e->value, "path"),
                                     silt_config_join(r, t.path, "path", 0));
    if (raw.timestamp && !silt_time_parse_ms(raw.timestamp, &out->timestamp_ms))
        MISTAKE(&t, "delta_timestamp",
                "found \"%.60s\"; a time is allowed, as 2024-01-15 or 2024-01-15T10:00:00",
                raw.timestamp);
    if (raw.storage_options.count) out->storage_options = pairs_of(r, &raw.storage_options);
    out->version = raw.version;
    out->files = said(&t, "files") ? raw.files.items : NULL;
    out->file_count = raw.files.count;
    out->changes_from = raw.from;
    out->changes_to = raw.to;
    out->file_column = raw.file_column;
    out->no_pushdown = !raw.pushdown;
    out->view_types = raw.view_types;
    out->schema = raw.schema;
    /* A wrong format was noted. */
    bool known = raw.format >= 0 && raw.format <= SILT_DATASET_NDJSON;
    out->format = known ? (silt_dataset_format)raw.format : SILT_DATASET_DELTA;
    out->hive = raw.partitioning == 1;
    out->columns = raw.columns;
    if (raw.data_options.count) out->data_options = pairs_of(r, &raw.data_options);
    read_options(&t, out);
    read_policies(&t, &raw, out);
}

void silt_config_datasets_read(silt_config_reader *r, const char *directory,
                               const silt_config_node *root, const silt_dataset **out,
                               size_t *count)
{
    const silt_config_node *node = silt_config_at(root, "datasets");
    if (!node || node->kind != SILT_CONFIG_MAP || !node->count) return;
    silt_dataset *items = silt_arena_calloc(r->arena, node->count, sizeof(*items));
    if (!items) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const silt_config_entry *e = &node->items[i];
        read_one(r, directory, e, &items[i]);
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(node->items[j].key, e->key) == 0)
                silt_config_mistake(r, e->line, e->column,
                                    silt_config_join(r, "datasets", e->key, 0),
                                    "%s on line %d is the same name: SQL doesn't tell cases apart",
                                    node->items[j].key, node->items[j].line);
    }
    *out = items;
    *count = node->count;
}

/* ---- a file ------------------------------------------------------------------------------------
 */

/* What a file of datasets alone may hold. A pipeline file's other keys are its own affair, and so
 * are the variables in them. */
static void read_root(silt_config_reader *r, const char *directory, silt_config_node *root,
                      const silt_dataset **items, size_t *count)
{
    static const silt_config_key keys[] = {{.name = "datasets",
                                            .kind = SILT_KEY_MAP,
                                            .keys = silt_config_dataset_keys,
                                            .required = true,
                                            .about = "Names for tables and files."},
                                           END};
    bool alone = !silt_config_at(root, "pipeline");
    const silt_config_node *node = silt_config_at(root, "datasets");
    if (alone || (node && node->kind != SILT_CONFIG_MAP && node->kind != SILT_CONFIG_NULL)) {
        char nothing;
        silt_config_walk(r, keys, root, "", &nothing);
    }
    if (node) silt_config_replace(r, (silt_config_node *)node, "datasets");
    silt_config_datasets_read(r, directory, root, items, count);
}

silt_status silt_config_datasets_load(const char *path, const silt_config_options *opts,
                                      silt_arena *arena, const silt_dataset **out, size_t *count,
                                      silt_config_problems *problems, silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_config place = {0};
    *out = NULL;
    *count = 0;
    SILT_TRY(silt_config_place(path, arena, &place, err));
    SILT_TRY(silt_config_read_file(path, &text, err));
    silt_config_reader r = {.file = path, .arena = arena, .opts = opts};
    silt_config_node *root = silt_config_read(&r, silt_buf_bytes(&text));
    if (root && !r.no_memory) read_root(&r, place.directory, root, out, count);
    silt_status st = silt_config_verdict(&r, problems, err);
    silt_vec_free(&r.problems);
    return st;
}

silt_status silt_datasets_load(const char *path, silt_arena *arena, silt_config_mistakes *mistakes,
                               silt_datasets **out, silt_error *err)
{
    const silt_dataset *items;
    size_t count;
    silt_config_problems problems = {0};
    silt_status st = silt_config_datasets_load(path, NULL, arena, &items, &count, &problems, err);
    const char **lines = silt_arena_calloc(arena, problems.count, sizeof(*lines));
    if (!lines) return silt_fail_nomem(err);
    for (size_t i = 0; i < problems.count; i++)
        lines[i] = problems.items[i].text;
    if (mistakes) *mistakes = (silt_config_mistakes){lines, problems.count};
    SILT_TRY(st);
    SILT_AUTO(silt_datasets) datasets = silt_datasets_new();
    if (!datasets) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_datasets_add(datasets, &items[i], err));
    *out = SILT_TAKE(datasets);
    return SILT_OK;
}
