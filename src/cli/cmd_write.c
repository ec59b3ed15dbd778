/* silt write: rows of files, a query or a table into a table, in one commit. */
#include <inttypes.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/signals.h"
#include "cli/words.h"

/* What --sql, or a table in place of files, is read by. */
typedef struct reading {
    silt_store *store;
    silt_snapshot *snapshot;
    silt_scan *scan;
} reading;

static void reading_free(reading *r)
{
    silt_scan_free(r->scan);
    silt_snapshot_free(r->snapshot);
    silt_store_free(r->store);
}

/* ---- options */

typedef struct word {
    const char *name;
    int value;
} word;

/* One of a few words; its value stays where the option isn't given. */
static int take_word(cli *c, const char *option, const word *words, int *out)
{
    const char *text = cli_text(c, option);
    if (!text) return CLI_OK;
    for (const word *w = words; w->name; w++)
        if (strcmp(w->name, text) == 0) {
            *out = w->value;
            return CLI_OK;
        }
    char known[256] = "";
    for (const word *w = words; w->name; w++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", w->name);
    }
    return cli_misuse(c, "--%s %s: one of %s is wanted", option, text, known);
}

/* Names behind each other, NULL-terminated; NULL: not given. */
static int take_names(cli *c, const char *option, const char *const **out)
{
    const char *const *names = NULL;
    size_t count = 0;
    *out = NULL;
    int status = cli_rows_names(c, option, &names, &count);
    if (status != CLI_OK || !count) return status;
    const char **copy = silt_arena_calloc(c->arena, count + 1, sizeof(*copy));
    if (!copy) return cli_no_memory(c);
    memcpy(copy, names, count * sizeof(*copy));
    *out = copy;
    return CLI_OK;
}

/* KEY=VALUE, as given. */
static int take_pairs(cli *c, const char *option, const char *const **out)
{
    const char **pairs = silt_arena_calloc(c->arena, c->line.given_count + 1, sizeof(*pairs));
    size_t count = 0;
    if (!pairs) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        if (strcmp(given->option->name, option) != 0) continue;
        if (!strchr(given->value, '=') || given->value[0] == '=')
            return cli_misuse(c, "--%s %s: KEY=VALUE is wanted", option, given->value);
        pairs[count++] = given->value;
    }
    *out = count ? pairs : NULL;
    return CLI_OK;
}

int cli_size(cli *c, const char *option, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"K", 1 << 10},
                 {"M", 1 << 20},  {"G", 1 << 30},  {"B", 1}};
    const char *text = cli_text(c, option);
    if (!text) return CLI_OK;
    size_t size = strlen(text);
    int64_t factor = 1, number;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t cut = strlen(units[i].unit);
        if (size <= cut || strcasecmp(text + size - cut, units[i].unit) != 0) continue;
        factor = units[i].bytes;
        size -= cut;
        break;
    }
    char *digits = silt_arena_strndup(c->arena, text, size);
    if (!digits) return cli_no_memory(c);
    if (!cli_parse_count(digits, &number) || !number || number > INT64_MAX / factor)
        return cli_misuse(c, "--%s %s: a size is wanted, such as 128MB", option, text);
    *out = number * factor;
    return CLI_OK;
}

static int take_modes(cli *c, silt_write_options *o)
{
    static const word modes[] = {{"append", SILT_WRITE_APPEND},
                                 {"overwrite", SILT_WRITE_OVERWRITE},
                                 {"upsert", SILT_WRITE_UPSERT},
                                 {"append_once", SILT_WRITE_APPEND_ONCE},
                                 {"ignore", SILT_WRITE_IGNORE},
                                 {"error", SILT_WRITE_ERROR},
                                 {NULL, 0}};
    static const word schema_modes[] = {
        {"merge", SILT_SCHEMA_MERGE}, {"overwrite", SILT_SCHEMA_OVERWRITE}, {NULL, 0}};
    static const word dynamics[] = {{"static", 0}, {"dynamic", 1}, {NULL, 0}};
    static const word dedups[] = {{"newest_wins", 1}, {NULL, 0}};
    int mode = SILT_WRITE_APPEND, schema = SILT_SCHEMA_FIXED, dynamic = 0, dedup = 0;
    int status = take_word(c, "mode", modes, &mode);
    if (status == CLI_OK) status = take_word(c, "schema-mode", schema_modes, &schema);
    if (status == CLI_OK) status = take_word(c, "partition-overwrite", dynamics, &dynamic);
    if (status == CLI_OK) status = take_word(c, "dedup", dedups, &dedup);
    if (status != CLI_OK) return status;
    o->mode = (silt_write_mode)mode;
    o->schema_mode = (silt_schema_mode)schema;
    o->dynamic_partitions = dynamic;
    o->newest_by = cli_text(c, "timestamp-col");
    if (dedup && !o->newest_by)
        return cli_misuse(c, "--dedup newest_wins needs --timestamp-col, the column that tells "
                             "which row is the newest");
    if (o->newest_by && !dedup) return cli_misuse(c, "--timestamp-col is for --dedup newest_wins");
    return CLI_OK;
}

static int take_options(cli *c, silt_write_options *o)
{
    int status = take_modes(c, o);
    if (status == CLI_OK) status = take_names(c, "keys", &o->keys);
    if (status == CLI_OK) status = take_names(c, "partition-by", &o->partition_by);
    if (status == CLI_OK) status = take_names(c, "order-by", &o->ordering_keys);
    if (status == CLI_OK) status = take_pairs(c, "property", &o->properties);
    if (status == CLI_OK) status = take_pairs(c, "commit-property", &o->commit_properties);
    if (status == CLI_OK) status = cli_size(c, "target-file-size", &o->target_file_bytes);
    if (status != CLI_OK) return status;
    o->where = cli_text(c, "where");
    o->user_metadata = cli_text(c, "user-metadata");
    o->compression = cli_text(c, "compression");
    o->max_attempts = (int)cli_count(c, "retry-attempts", 0);
    o->backoff_ms = cli_count(c, "retry-backoff", 0);
    o->app_id = cli_text(c, "app-id");
    o->app_version = cli_count(c, "txn-version", -1);
    if (!o->app_id != (o->app_version < 0))
        return cli_misuse(c, "--app-id and --txn-version belong together");
    if (!o->app_id) o->app_version = 0;
    return CLI_OK;
}

/* ---- sources */

static int open_sql(cli *c, const char *sql, reading *r)
{
    silt_error err = {0};
    silt_sql_options opts = SILT_SQL_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.storage_options);
    if (status == CLI_OK) status = cli_open_datasets(c);
    if (status != CLI_OK) return status;
    opts.datasets = c->datasets;
    if (silt_sql_open(c->engine, sql, &opts, &r->scan, &err) != SILT_OK) return cli_fail(c, &err);
    return CLI_OK;
}

/* A table in place of files: `*is_table` false where there is none. */
static int open_source_table(cli *c, const char *path, reading *r, bool *is_table)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.pairs);
    *is_table = false;
    if (status != CLI_OK) return status;
    if (silt_store_open(path, &opts, &r->store, &err) != SILT_OK) return CLI_OK;
    silt_status st = silt_snapshot_open(r->store, c->engine, NULL, &r->snapshot, &err);
    if (st == SILT_NOT_FOUND || st == SILT_IO || st == SILT_INVALID) return CLI_OK;
    *is_table = true;
    if (st == SILT_OK) st = silt_scan_open(r->snapshot, NULL, &r->scan, &err);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

static int take_source(cli *c, silt_write_source *s, reading *r)
{
    static const word formats[] = {{"csv", SILT_SOURCE_CSV},
                                   {"ndjson", SILT_SOURCE_NDJSON},
                                   {"json", SILT_SOURCE_NDJSON},
                                   {"parquet", SILT_SOURCE_PARQUET},
                                   {NULL, 0}};
    const char *sql = cli_text(c, "sql");
    size_t files = c->line.argument_count - 1;
    int format = SILT_SOURCE_BY_NAME;
    bool is_table = false;
    int status = take_word(c, "format", formats, &format);
    if (status != CLI_OK) return status;
    if (sql && files) return cli_misuse(c, "files and --sql: only one says what is written");
    if (!sql && !files) return cli_misuse(c, "nothing to write: name files, a table, or --sql");
    s->format = (silt_source_format)format;
    s->delimiter = cli_text(c, "delimiter");
    s->no_header = cli_flag(c, "no-header");
    if (sql) {
        status = open_sql(c, sql, r);
    } else if (files == 1) {
        status = open_source_table(c, c->line.arguments[1], r, &is_table);
    }
    if (sql || is_table) {
        s->scan = r->scan;
        return status;
    }
    s->files = c->line.arguments + 1;
    s->file_count = files;
    return status;
}

/* ---- what was done */

static const char *outcome_name(silt_write_outcome outcome)
{
    static const char *const names[] = {"committed", "already_done", "overtaken", "skipped"};
    return names[outcome];
}

static void print_json(const silt_write_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "outcome", outcome_name(r->outcome));
    cli_json_count(&j, "committed_version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_boolean(&j, "created", r->created);
    cli_json_integer(&j, "rows_read", r->rows_read);
    cli_json_integer(&j, "rows_inserted", r->rows_inserted);
    cli_json_integer(&j, "rows_updated", r->rows_updated);
    cli_json_integer(&j, "rows_unchanged", r->rows_unchanged);
    cli_json_integer(&j, "rows_deduplicated", r->rows_deduplicated);
    cli_json_integer(&j, "rows_copied", r->rows_copied);
    cli_json_integer(&j, "files_added", r->files_added);
    cli_json_integer(&j, "files_removed", r->files_removed);
    cli_json_integer(&j, "bytes_added", r->bytes_added);
    cli_json_integer(&j, "attempts", r->attempts);
    cli_json_end(&j);
}

static void print_words(const cli *c, const silt_write_result *r)
{
    char rows[CLI_COUNTED_SIZE], added[CLI_COUNTED_SIZE], removed[CLI_COUNTED_SIZE];
    switch (r->outcome) {
    case SILT_WRITE_ALREADY_DONE:
        printf("already done%s: nothing was written\n",
               r->committed_version >= 0 ? "" : ", by a commit that isn't known any more");
        break;
    case SILT_WRITE_OVERTAKEN:
        cli_say(c, CLI_WARNING,
                "a higher --txn-version was committed before, and no commit with "
                "this one is known: nothing was written");
        break;
    case SILT_WRITE_SKIPPED:
        printf("there is a table: nothing was written\n");
        break;
    case SILT_WRITE_COMMITTED:
        printf("version %" PRId64 ": %s inserted", r->committed_version,
               cli_counted(r->rows_inserted, "row", "rows", rows));
        if (r->rows_updated) printf(", %" PRId64 " updated", r->rows_updated);
        if (r->rows_unchanged) printf(", %" PRId64 " left as they were", r->rows_unchanged);
        if (r->rows_deduplicated) printf(", %" PRId64 " deduplicated", r->rows_deduplicated);
        printf("; %s added", cli_counted(r->files_added, "file", "files", added));
        if (r->files_removed)
            printf(", %s removed", cli_counted(r->files_removed, "file", "files", removed));
        putchar('\n');
        break;
    }
}

static void stop_engine(void *engine)
{
    silt_engine_interrupt(engine);
}

static int write_source(cli *c, const silt_write_source *source, const silt_write_options *opts)
{
    silt_error err = {0};
    silt_write_result result;
    if (!cli_signals_watch(stop_engine, c->engine)) {
        cli_say(c, CLI_ERROR, "no thread can be started");
        return CLI_FAILED;
    }
    if (silt_write(c->store, c->engine, source, opts, &result, NULL, &err) != SILT_OK)
        return cli_fail(c, &err);
    if (c->json)
        print_json(&result);
    else if (!c->quiet || result.outcome == SILT_WRITE_OVERTAKEN)
        print_words(c, &result);
    return CLI_OK;
}

int cmd_write(cli *c)
{
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_write_options opts = SILT_WRITE_OPTIONS_INIT;
    reading r = {0};
    int status = take_options(c, &opts);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status == CLI_OK) status = take_source(c, &source, &r);
    if (status == CLI_OK) status = write_source(c, &source, &opts);
    reading_free(&r);
    return status;
}
