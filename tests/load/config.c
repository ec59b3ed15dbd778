/* The pipeline file: what is read from it, and every mistake it can have. */
#include "load/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "support/alloc.h"
#include "support/files.h"

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "ROOT") == 0) return "/data/in";
    if (strcmp(name, "TRIES") == 0) return "7";
    if (strcmp(name, "EMPTY") == 0) return "";
    if (strcmp(name, "BAD") == 0) return "a\xFF";
    return NULL;
}

static const silt_config_options options = {variable, NULL};

typedef struct outcome {
    silt_arena *arena;
    silt_status status;
    const silt_config *config;
    silt_config_problems problems;
    silt_error err;
} outcome;

static void outcome_release(outcome *o)
{
    silt_arena_free(o->arena);
}

static outcome parse_as(const char *path, const char *text)
{
    outcome o = {.arena = silt_arena_new()};
    o.status = silt_config_parse(silt_bytes_of(text), path, &options, o.arena, &o.config,
                                 &o.problems, &o.err);
    return o;
}

static outcome parse(const char *text)
{
    return parse_as("/p/silt.yaml", text);
}

/* All mistakes, a line each without "silt.yaml:". */
static void assert_problems_as(const char *path, const char *text, const char *expected)
{
    SILT_CLEAN(outcome) o = parse_as(path, text);
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < o.problems.count; i++) {
        const char *line = o.problems.items[i].text;
        assert_true(silt_starts_with(line, path));
        silt_buf_printf(&all, "%s\n", line + strlen(path) + 1);
    }
    assert_string_equal(all.data, expected);
    assert_int_equal(o.status, expected[0] ? SILT_INVALID : SILT_OK);
}

static void assert_problems(const char *text, const char *expected)
{
    assert_problems_as("/p/silt.yaml", text, expected);
}

#define HEAD        "pipeline: p\ncheckpoint_path: state\ntables:\n"
#define TABLE(more) HEAD "- table_name: t\n  source: {path: in/*.csv}\n  write: {path: out}\n" more

static const char everything[] = "pipeline: nyc-flights\n"
                                 "checkpoint_path: ./state//x/\n"
                                 "engine: duckdb\n"
                                 "retry_attempts: 5\n"
                                 "timeout_minutes: 0.5\n"
                                 "lock_timeout_minutes: 10\n"
                                 "memory_limit: 2GB\n"
                                 "threads: 4\n"
                                 "parallel_tables: 3\n"
                                 "timezone: Europe/Berlin\n"
                                 "connections:\n"
                                 "  lake: {path: /lake/./root, storage_options: {}}\n"
                                 "defaults: {on_new_column: evolve, settle_seconds: 2.5}\n"
                                 "tables:\n"
                                 "- table_name: flights\n"
                                 "  source:\n"
                                 "    path: [\"in/f-*.csv\", /abs/g.tsv]\n"
                                 "    options:\n"
                                 "      {delimiter: \"\\t\", quote: \"'\", nullstr: [NA, -999],\n"
                                 "       skip_lines: 2, header: false, decimal_separator: \",\",\n"
                                 "       encoding: latin-1, compression: gzip}\n"
                                 "    recursive: true\n"
                                 "    order: mtime\n"
                                 "  audit_columns: false\n"
                                 "  schema: {a: long, \"b c\": \"decimal(10,2)\"}\n"
                                 "  batch: {max_files: 10, max_bytes: 512MiB}\n"
                                 "  commit_retries: {max_attempts: 4, backoff_seconds: 0.2}\n"
                                 "  write:\n"
                                 "    connection: lake\n"
                                 "    path: silver/flights\n"
                                 "    partition_by: a\n"
                                 "  write_policy: {target_file_size: 64MB, compression: zstd}\n"
                                 "- table_name: planes\n"
                                 "  source: {path: planes.ndjson}\n"
                                 "  loading_strategy: upsert\n"
                                 "  on_new_column: fail\n"
                                 "  on_change: error\n"
                                 "  write: {path: planes, keys: [x, y], mode: upsert,\n"
                                 "          dedup_strategy: newest_wins, timestamp_col: at}\n";

static void reads_everything(void **state)
{
    (void)state;
    SILT_CLEAN(outcome) o = parse(everything);
    assert_string_equal(o.err.message, "");
    assert_int_equal(o.status, SILT_OK);
    const silt_config *c = o.config;
    assert_string_equal(c->path, "/p/silt.yaml");
    assert_string_equal(c->directory, "/p");
    assert_string_equal(c->checkpoint_path, "/p/state/x");
    assert_int_equal(c->retry_attempts, 5);
    assert_int_equal(c->timeout_ms, 30000);
    assert_int_equal(c->lock_timeout_ms, 600000);
    assert_int_equal(c->memory_limit_bytes, 2000000000);
    assert_int_equal(c->threads, 4);
    assert_int_equal(c->parallel_tables, 3);
    assert_string_equal(c->timezone, "Europe/Berlin");
    assert_int_equal(c->connection_count, 1);
    assert_int_equal(c->table_count, 2);
}

static void reads_sources(void **state)
{
    (void)state;
    SILT_CLEAN(outcome) o = parse(everything);
    assert_int_equal(o.status, SILT_OK);
    const silt_config_table *t = &o.config->tables[0];
    assert_string_equal(t->name, "flights");
    assert_int_equal(t->line, 15);
    assert_int_equal(t->source_path_count, 2);
    assert_string_equal(t->source_paths[0], "/p/in/f-*.csv");
    assert_string_equal(t->source_paths[1], "/abs/g.tsv");
    assert_int_equal(t->source_format, SILT_FORMAT_CSV);
    assert_string_equal(t->source_options.delimiter, "\t");
    assert_string_equal(t->source_options.quote, "'");
    assert_null(t->source_options.escape);
    assert_int_equal(t->source_options.null_count, 2);
    assert_string_equal(t->source_options.nulls[1], "-999");
    assert_int_equal(t->source_options.skip_lines, 2);
    assert_true(t->source_options.no_header);
    assert_int_equal(t->source_options.decimal_separator, ',');
    assert_string_equal(t->source_options.encoding, "latin-1");
    assert_string_equal(t->source_options.compression, "gzip");
    assert_true(t->recursive);
    assert_int_equal(t->order, SILT_ORDER_MTIME);
}

static void reads_strategies_and_targets(void **state)
{
    (void)state;
    SILT_CLEAN(outcome) o = parse(everything);
    const silt_config *c = o.config;
    const silt_config_table *t = &c->tables[0];
    assert_int_equal(t->settle_ms, 2500);
    assert_int_equal(t->strategy, SILT_STRATEGY_APPEND);
    assert_false(t->audit_columns);
    assert_int_equal(t->schema->field_count, 2);
    assert_string_equal(t->schema->fields[1].name, "b c");
    assert_int_equal(t->schema->fields[1].type->precision, 10);
    assert_int_equal(t->on_new_column, SILT_NEW_COLUMN_EVOLVE);
    assert_int_equal(t->batch_max_files, 10);
    assert_int_equal(t->batch_max_bytes, 512 << 20);
    assert_int_equal(t->commit_retry.max_attempts, 4);
    assert_int_equal(t->commit_retry.backoff_ms, 200);
    assert_int_equal(t->commit_retry.deadline_ms, 60000);
    assert_ptr_equal(t->connection, &c->connections[0]);
    assert_string_equal(t->target_path, "/lake/root/silver/flights");
    assert_string_equal(t->partition_by[0], "a");
    assert_int_equal(t->policy.target_file_bytes, 64000000);
    assert_string_equal(t->policy.compression, "zstd");

    t = &c->tables[1];
    assert_int_equal(t->strategy, SILT_STRATEGY_UPSERT);
    assert_int_equal(t->source_format, SILT_FORMAT_NDJSON);
    assert_int_equal(t->key_count, 2);
    assert_string_equal(t->keys[1], "y");
    assert_string_equal(t->newest_by, "at");
    assert_int_equal(t->on_new_column, SILT_NEW_COLUMN_FAIL);
    assert_int_equal(t->on_change, SILT_ON_CHANGE_ERROR);
    assert_string_equal(t->target_path, "/p/planes");
    assert_int_equal(t->settle_ms, 2500);
}

static void has_defaults(void **state)
{
    (void)state;
    SILT_CLEAN(outcome) o = parse(TABLE(""));
    assert_int_equal(o.status, SILT_OK);
    assert_int_equal(o.config->retry_attempts, 3);
    assert_int_equal(o.config->timeout_ms, 3600000);
    assert_int_equal(o.config->lock_timeout_ms, 7200000);
    assert_int_equal(o.config->memory_limit_bytes, 0);
    assert_int_equal(o.config->threads, 0);
    assert_int_equal(o.config->parallel_tables, 1);
    assert_string_equal(o.config->timezone, "UTC");
    const silt_config_table *t = o.config->tables;
    assert_int_equal(t->strategy, SILT_STRATEGY_APPEND);
    assert_true(t->audit_columns);
    assert_int_equal(t->on_new_column, SILT_NEW_COLUMN_FAIL);
    assert_int_equal(t->on_change, SILT_ON_CHANGE_IGNORE);
    assert_int_equal(t->order, SILT_ORDER_NAME);
    assert_null(t->policy.compression);
    assert_null(t->source_options.delimiter);
    assert_null(t->source_options.encoding);
    assert_int_equal(t->source_options.decimal_separator, 0);
    assert_false(t->source_options.no_header);
    assert_int_equal(t->commit_retry.backoff_ms, 10);
    assert_int_equal(t->commit_retry.max_attempts, 0);
    assert_null(t->connection);
}

static void reports_all_mistakes_at_once(void **state)
{
    (void)state;
    assert_problems(
        "pipeline: nyc flights\n"
        "retry_atempts: 3\n"
        "checkpoint_path: state\n"
        "timeout_minutes: soon\n"
        "tables:\n"
        "- table_name: t\n"
        "  source: {path: in/*.csv, format: xml}\n"
        "  loading_strategy: scd3\n"
        "  keys: [a]\n",
        "1:11: pipeline: found \"nyc flights\"; a name is made of letters A-Z, digits, '.', '_' "
        "and "
        "'-'\n"
        "2:1: retry_atempts: unknown key; did you mean retry_attempts?\n"
        "4:18: timeout_minutes: found \"soon\"; a number above 0 and at most 525600 is allowed\n"
        "6:3: tables[0].write: is missing. Where the rows go.\n"
        "7:36: tables[0].source.format: found \"xml\"; allowed: csv, ndjson, json, parquet, delta\n"
        "8:21: tables[0].loading_strategy: found \"scd3\"; allowed: append, upsert, append_once, "
        "overwrite, scd2\n"
        "9:3: tables[0].keys: unknown here; it belongs in tables[].write\n");

    SILT_CLEAN(outcome) o = parse("pipeline: p\ncheckpoint_path: 1\n");
    assert_string_equal(o.err.message,
                        "/p/silt.yaml:1:1: tables: is missing. What is loaded, table by table. "
                        "(and 1 more)");
}

static void refuses_what_is_not_built_yet(void **state)
{
    (void)state;
    assert_problems(
        "pipeline: p\ncheckpoint_path: s3://b/state\nengine: {spark: \"sc://h:15002\"}\n"
        "defaults: {}\ndatasets: {a: {path: x, "
        "write_policy: "
        "{zorder: a}}}\ntables:\n"
        "- table_name: t\n  source: {path: in/*.csv}\n  constraints: [{name: c, check: a, "
        "on_violation: warn, persist: true}]\n"
        "  on_new_column: rescue\n  tracking_columns: [a]\n"
        "  write: {path: out}\n  schema_policy: {schema_mode: overwrite}\n",
        "2:18: checkpoint_path: found \"s3://b/state\": object stores aren't supported yet; a "
        "local "
        "path is allowed\n"
        "3:9: engine: spark isn't supported yet; allowed: duckdb\n"
        "9:17: tables[0].constraints[0]: the table takes no row that violates a constraint of its "
        "own, so that there is none to warn of; remove persist, or write on_violation: fail, drop "
        "or quarantine\n"
        "11:21: tables[0].tracking_columns: is for loading_strategy: scd2; this table is loaded by "
        "append\n"
        "13:32: tables[0].schema_policy.schema_mode: overwrite isn't supported yet; allowed: "
        "fixed, merge\n");
    /* Empty it asks for nothing. */
    assert_problems(
        "connections: {a: {path: x, data_options: {}}, b: {path: y, data_options: {k: v}}}\n" TABLE(
            ""),
        "1:60: connections.b.data_options: isn't supported yet; remove it\n");
    assert_problems("engine: pandas\n" TABLE(""), "1:9: engine: found pandas; use duckdb\n");
}

static void policies_of_tables(void **state)
{
    (void)state;
    assert_problems(
        TABLE("  write_policy: {stats_columns: [a], stats_count: 3, zorder: b, row_group_rows: 0}\n"
              "  ordering_keys: [a]\n  on_new_column: fail\n"
              "  schema_policy: {schema_mode: merge, column_mapping_mode: both}\n"
              "  constraints: [{name: c, check: a >}]\n"),
        "7:51: tables[0].write_policy.stats_count: stats_columns is given, too; write one of "
        "them\n"
        "7:62: tables[0].write_policy.zorder: ordering_keys is given, too; rows can lie in one "
        "order only\n"
        "7:81: tables[0].write_policy.row_group_rows: found 0; a whole number, 1 or more, is "
        "allowed\n"
        "10:32: tables[0].schema_policy.schema_mode: on_new_column on line 9 says otherwise; write "
        "one of them\n"
        "10:60: tables[0].schema_policy.column_mapping_mode: found \"both\"; allowed: none, name, "
        "id\n"
        "11:34: tables[0].constraints[0].check: a value expected where the text ends at character "
        "4: a > ▶\n");
}

#define DEPENDING(name, on)                                                           \
    "- {table_name: " name ", source: {path: in/*.csv}, write: {path: out/" name "}," \
    " depends_on: " on "}\n"

static void orders_tables(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = parse(HEAD DEPENDING("a", "[d, b]") DEPENDING("b", "[]") DEPENDING("c", "a")
                  DEPENDING("d", "b"));
    assert_int_equal(o.status, SILT_OK);
    static const size_t order[] = {1, 3, 0, 2};
    assert_memory_equal(o.config->order, order, sizeof(order));
    assert_problems(HEAD DEPENDING("a", "b") DEPENDING("b", "[c]") DEPENDING("c", "[b, x]")
                        DEPENDING("d", "d"),
                    "6:80: tables[2].depends_on: b depends on this table itself, by way of others "
                    "or not\n"
                    "6:83: tables[2].depends_on: there is no table x\n"
                    "7:79: tables[3].depends_on: d is the table itself\n");
}

static void judges_values(void **state)
{
    (void)state;
    assert_problems("memory_limit: 2 apples\nthreads: 0\nretry_attempts: 1.5\n" TABLE(
                        "  audit_columns: yes\n  settle_seconds: -1\n  batch: 3\n"),
                    "1:15: memory_limit: found \"2 apples\"; a size is allowed, as 2GB, 512MB, "
                    "1GiB or a number of bytes\n"
                    "2:10: threads: found 0; a whole number from 1 to 1024 is allowed\n"
                    "3:17: retry_attempts: found 1.5; a whole number from 1 to 1000 is allowed\n"
                    "10:18: tables[0].audit_columns: found \"yes\"; true or false is allowed\n"
                    "11:19: tables[0].settle_seconds: found -1; a number from 0 and at most "
                    "31536000 is allowed\n"
                    "12:10: tables[0].batch: found 3; a map is allowed\n");
    assert_problems("pipeline: 2024\ncheckpoint_path:\ntables: {}\n",
                    "1:11: pipeline: found 2024; a text is allowed: put it in quotes\n"
                    "2:1: checkpoint_path: found nothing; a text is allowed\n"
                    "3:9: tables: found a map; a list of maps is allowed\n");
    assert_problems(HEAD "- 3\n- table_name: t\n  source: {path: [], format: csv}\n"
                         "  write: {path: \"\", partition_by: [a, [b]]}\n",
                    "4:3: tables[0]: found 3; a map is allowed\n"
                    "6:18: tables[1].source.path: found a list; it can't be empty\n"
                    "7:17: tables[1].write.path: found \"\"; it can't be empty\n"
                    "7:39: tables[1].write.partition_by[1]: found a list; a text is allowed\n");
    assert_problems(TABLE("  batch:\n  commit_retries: # all of it is commented out\n"), "");
}

static void finds_conflicts(void **state)
{
    (void)state;
    assert_problems(
        HEAD "- table_name: t\n  source: {path: in/*.csv, order: name}\n  order: mtime\n"
             "  loading_strategy: upsert\n  primary_keys: [a, b]\n"
             "  write: {path: out, mode: append, keys: [a]}\n",
        "5:35: tables[0].source.order: order on line 6 says otherwise; write one of them\n"
        "9:28: tables[0].write.mode: loading_strategy on line 7 says otherwise; write one of "
        "them\n"
        "9:42: tables[0].write.keys: primary_keys on line 8 says otherwise; write one of them\n");
    assert_problems(TABLE("  primary_keys: [a]\n"),
                    "7:17: tables[0].primary_keys: append doesn't look at keys; remove it, or "
                    "write loading_strategy: upsert\n");
    assert_problems(TABLE("  loading_strategy: upsert\n"),
                    "4:3: tables[0].primary_keys: is missing: upsert needs the columns that tell "
                    "rows apart\n");
    assert_problems(HEAD "- table_name: t\n  source: {path: in/*.csv}\n  write: {path: out, "
                         "mode: upsert, keys: a, dedup_strategy: newest_wins}\n",
                    "4:3: tables[0].write.timestamp_col: is missing: newest_wins goes by a "
                    "column\n");
    assert_problems(
        HEAD "- table_name: t\n  source: {path: in/*.csv}\n  write: {path: out, "
             "timestamp_col: x}\n",
        "6:37: tables[0].write.timestamp_col: is for dedup_strategy: newest_wins; "
        "write that, too\n"
        "6:37: tables[0].write.timestamp_col: is for upsert, append_once and scd2; this "
        "table is loaded by append\n");
    assert_problems(TABLE("  loading_strategy: append_once\n"),
                    "4:3: tables[0].primary_keys: is missing: append_once needs the columns that "
                    "tell rows apart\n");
    assert_problems(TABLE("  loading_strategy: overwrite\n  primary_keys: [a]\n"
                          "  batch: {max_files: 2}\n"),
                    "8:17: tables[0].primary_keys: overwrite doesn't look at keys; remove it, or "
                    "write loading_strategy: upsert\n"
                    "9:10: tables[0].batch: overwrite takes all files that wait as one batch; "
                    "remove it\n");
    SILT_CLEAN(outcome)
    o = parse("defaults: {batch: {max_files: 2}}\n" TABLE("  loading_strategy: overwrite\n"));
    assert_int_equal(o.config->tables->batch_max_files, 0);
    assert_problems(
        HEAD "- {table_name: t, source: {path: a.csv}, write: {path: x/./y}}\n"
             "- {table_name: t, source: {path: b.csv}, write: {path: x//y, connection: c}}\n"
             "- {table_name: u, source: {path: b.csv}, write: {path: x/y/}}\n"
             "- {table_name: v, source: {path: b.csv}, write: {path: state//}}\n"
             "- {table_name: w, source: {path: b.csv}, write: {path: state/./rejects/}}\n"
             "- {table_name: x, source: {path: b.csv}, write: {path: state/runs/x}}\n"
             "- {table_name: y, source: {path: b.csv}, write: {path: state/runs2}}\n",
        "5:16: tables[1].table_name: there is a table t on line 4 already\n"
        "5:74: tables[1].write.connection: there is no connection c; known: none\n"
        "6:56: tables[2].write.path: the table on line 4 writes to /p/x/y already\n"
        "7:56: tables[3].write.path: checkpoint_path is the same folder; give it one of its "
        "own\n"
        "8:56: tables[4].write.path: rejects in checkpoint_path is the pipeline's own; give it "
        "another folder\n"
        "9:56: tables[5].write.path: runs in checkpoint_path is the pipeline's own; give it "
        "another "
        "folder\n");
}

static void judges_columns(void **state)
{
    (void)state;
    assert_problems(
        TABLE("  schema: {a: long, A: string, c: text, _batch_id: long}\n"
              "  loading_strategy: upsert\n  primary_keys: [a, d, a]\n"),
        "7:11: tables[0].schema: _batch_id is a column that Silt adds; rename it, or write "
        "audit_columns: false\n"
        "7:21: tables[0].schema.A: the column A stands here twice (case left aside)\n"
        "7:35: tables[0].schema.c: found \"text\": type, byte 1: no such type, in 'text'; a type "
        "is "
        "allowed, as boolean, integer, long, double, decimal(10,2), string, date, timestamp\n"
        "9:17: tables[0].primary_keys: a stands there twice\n"
        "9:17: tables[0].primary_keys: there is no column d in schema\n");
    assert_problems(TABLE("  schema: [{name: a, type: long, nullable: false}, {nme: b}]\n"),
                    "7:52: tables[0].schema[1].name: is missing. The column's name.\n"
                    "7:52: tables[0].schema[1].type: is missing. The column's type.\n"
                    "7:53: tables[0].schema[1].nme: unknown key; did you mean name?\n");
    SILT_CLEAN(outcome) o = parse(TABLE("  schema: [{name: a, type: long, nullable: false}]\n"));
    assert_int_equal(o.status, SILT_OK);
    assert_false(o.config->tables[0].schema->fields[0].nullable);
}

static void tells_formats(void **state)
{
    (void)state;
    assert_problems(HEAD "- {table_name: t, source: {path: [a.csv, b.json.gz]}, write: {path: x}}\n"
                         "- {table_name: u, source: {path: \"in/*\"}, write: {path: y}}\n"
                         "- {table_name: v, source: {path: a.parquet, options: {quote: \"x\"}},\n"
                         "   write: {path: z}}\n",
                    "4:34: tables[0].source.path: the format can't be told from different file "
                    "extensions; give source.format: csv, ndjson or parquet\n"
                    "5:34: tables[1].source.path: the format can't be told from the file "
                    "extension; give source.format: csv, ndjson or parquet\n"
                    "6:55: tables[2].source.options: quote is of another format than parquet\n");
}

static void replaces_variables(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = parse("pipeline: ${NAME:-p}\ncheckpoint_path: ${ROOT}/s\n"
              "retry_attempts: ${TRIES}\nthreads: \"${TRIES}\"\ntables:\n"
              "- table_name: t\n  source: {path: \"$${x}${EMPTY:-a}.csv\"}\n"
              "  write: {path: \"${EMPTY}out${UNSET:-}\"}\n");
    assert_string_equal(o.err.message, "");
    assert_string_equal(o.config->pipeline, "p");
    assert_string_equal(o.config->checkpoint_path, "/data/in/s");
    assert_int_equal(o.config->retry_attempts, 7);
    assert_int_equal(o.config->threads, 7);
    assert_string_equal(o.config->tables[0].source_paths[0], "/p/${x}a.csv");
    assert_string_equal(o.config->tables[0].target_path, "/p/out");
    assert_problems("memory_limit: ${LIMIT}\n" TABLE("  order: ${X\n"),
                    "1:15: memory_limit: the environment variable LIMIT isn't set; set it, or "
                    "write ${LIMIT:-default}\n"
                    "8:10: tables[0].order: found \"${X\"; write ${NAME} or ${NAME:-default}, and "
                    "$${ for a plain ${\n");
    assert_problems("timezone: ${BAD}\n" TABLE(""),
                    "1:11: timezone: the environment variable's value isn't UTF-8\n");
    SILT_CLEAN(outcome) flow = parse(HEAD "- {table_name: t, source: {path: ${ROOT}/*.csv}}\n");
    assert_non_null(strstr(flow.err.message, "write \"${NAME}\" with quotes"));
}

static void follows_anchors(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = parse("x-common: &common\n  audit_columns: false\n  settle_seconds: 9\n"
              "pipeline: p\ncheckpoint_path: s\ntables:\n"
              "- <<: *common\n  settle_seconds: 1\n  table_name: &name t\n"
              "  source: {path: in/*.csv}\n  write: {path: *name}\n");
    assert_string_equal(o.err.message, "");
    assert_false(o.config->tables[0].audit_columns);
    assert_int_equal(o.config->tables[0].settle_ms, 1000);
    assert_string_equal(o.config->tables[0].target_path, "/p/t");
}

static void finds_duplicate_keys(void **state)
{
    (void)state;
    assert_problems("pipeline: p\npipeline: q\n"
                    "checkpoint_path: s\ntables:\n- table_name: t\n"
                    "  source: {path: a.csv, path: b.csv}\n  write: {path: out}\n",
                    "2:1: pipeline: stands here twice; it was given on line 1 already\n"
                    "6:25: tables[0].source.path: stands here twice; it was given on line 6 "
                    "already\n");
}

static void reads_json(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = parse_as("/p/silt.json", "{\"pipeline\": \"p\", \"checkpoint_path\": \"s\",\n"
                                 "\t\"retry_attempts\": 4, \"tables\": [{\"table_name\": \"t\",\n"
                                 " \"source\": {\"path\": \"\\u00e4.csv\"},\n"
                                 " \"audit_columns\": false, \"write\": {\"path\": \"o\"}}]}");
    assert_string_equal(o.err.message, "");
    assert_int_equal(o.config->retry_attempts, 4);
    assert_false(o.config->tables[0].audit_columns);
    assert_string_equal(o.config->tables[0].source_paths[0], "/p/\xC3\xA4.csv");
    assert_problems_as(
        "/p/silt.json",
        "{\"pipeline\": 3,\n \"checkpoint_path\": \"s\",\n"
        " \"tables\": null, \"wat\": {}}",
        "1:14: pipeline: found 3; a text is allowed: put it in quotes\n"
        "3:12: tables: found nothing; a list of maps is allowed\n"
        "3:18: wat: unknown key; allowed: pipeline, checkpoint_path, engine, "
        "retry_attempts, retry_backoff_minutes, transient_retries, timeout_minutes, "
        "lock_timeout_minutes, run_history, memory_limit, threads, parallel_tables, timezone, "
        "durability, connections, defaults, tables, datasets\n");
    SILT_CLEAN(outcome) bad = parse_as("/p/silt.json", "{\"pipeline\": p}");
    assert_int_equal(bad.status, SILT_INVALID);
    assert_non_null(strstr(bad.err.message, "not JSON"));
}

static void survives_hostile_texts(void **state)
{
    (void)state;
    SILT_CLEAN(silt_buf) deep = {0}, laughs = {0}, many = {0};
    for (int i = 0; i < 100000; i++)
        silt_buf_putc(&deep, '[');
    silt_buf_puts(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 30; i++)
        silt_buf_printf(&laughs, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                        i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    for (int i = 0; i < 3000; i++)
        silt_buf_printf(&many, "k%d: x\n", i);
    const char *const texts[] = {"",
                                 "# nothing\n",
                                 "--- \n---\n",
                                 "- a\n- b\n",
                                 "text",
                                 "{",
                                 "a: *b",
                                 "a: &a [*a]",
                                 "? [x]\n: y\n",
                                 "a: b: c",
                                 "\t- x",
                                 "%YAML 9",
                                 "!!binary x",
                                 "a: |\n  x\n b: y",
                                 "<<: 3",
                                 "<<: [1, {a: 2}]",
                                 "\"\\x00\": 1",
                                 "pipeline: \"\\0\"",
                                 "tables: [{}, {}, [], ~, x]",
                                 "connections: {a: 3, b: {}, 'c d': {path: x}}",
                                 "defaults: []",
                                 deep.data,
                                 laughs.data,
                                 many.data};
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        SILT_CLEAN(outcome) o = parse(texts[i]);
        assert_int_equal(o.status, SILT_INVALID);
        assert_true(o.problems.count >= 1 && o.problems.count <= SILT_CONFIG_PROBLEMS_MAX);
        SILT_CLEAN(outcome) j = parse_as("/p/x.json", texts[i]);
        assert_int_equal(j.status, SILT_INVALID);
    }
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_config *config = NULL;
    silt_config_problems problems;
    silt_error err = {0};
    assert_int_equal(
        silt_config_parse((silt_bytes){"a\0b", 3}, "/s", NULL, arena, &config, &problems, &err),
        SILT_INVALID);
    assert_string_equal(err.message, "/s: not a text in UTF-8");
}

/* Every text cut short, and with each byte turned into something else, gives an answer. */
static void survives_broken_texts(void **state)
{
    (void)state;
    const char *whole = "pipeline: &x p\ncheckpoint_path: \"s${ROOT}\"\ntables:\n- table_name: *x\n"
                        "  source: {path: [in/*.csv, 'b']}\n  schema: {a: long}\n"
                        "  write:\n    path: |\n      out\n";
    char text[512];
    size_t size = strlen(whole);
    for (size_t i = 0; i <= size; i++) {
        snprintf(text, sizeof(text), "%.*s", (int)i, whole);
        SILT_CLEAN(outcome) cut = parse(text);
        assert_true(cut.status == SILT_OK || cut.problems.count);
        for (const char *c = "{[}]:&*!|>'\"%@`#-?,\t\n\xC3"; *c && i < size; c++) {
            snprintf(text, sizeof(text), "%s", whole);
            text[i] = *c;
            SILT_CLEAN(outcome) o = parse(text);
            assert_true(o.status == SILT_OK || o.problems.count);
        }
    }
}

static void gives_a_json_schema(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    char *text = silt_config_json_schema(arena);
    const silt_json *json = NULL;
    assert_int_equal(silt_json_parse(silt_bytes_of(text), arena, &json, NULL), SILT_OK);
    const silt_json *at = silt_json_get(json, "properties");
    assert_non_null(silt_json_get(at, "pipeline"));
    assert_non_null(silt_json_get(at, "datasets"));
    at = silt_json_get(silt_json_get(silt_json_get(at, "tables"), "items"), "properties");
    at = silt_json_get(silt_json_get(at, "loading_strategy"), "enum");
    assert_int_equal(silt_json_count(at), 5);
}

/* Every allocation in turn fails: out of memory is what is said, and nothing leaks. */
static void runs_out_of_memory(void **state)
{
    (void)state;
    const char *const texts[] = {everything,
                                 "pipelin: ${X}\ntables: [{a: 1}, {table_name: ' '}]\n"};
    for (size_t i = 0; i < SILT_COUNT(texts); i++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            silt_arena *arena = silt_arena_new();
            const silt_config *config = NULL;
            silt_config_problems problems = {0};
            silt_error err = {0};
            test_alloc_fail(n, n % 2);
            silt_status st = silt_config_parse(silt_bytes_of(texts[i]), "/p/silt.yaml", &options,
                                               arena, &config, &problems, &err);
            failed = test_alloc_failed();
            if (failed && st != SILT_NOMEM) fail_msg("allocation %d: %s", n, err.message);
            silt_arena_free(arena);
        }
    }
}

static void reads_files(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    test_write(dir, "a/silt.yaml", TABLE(""));
    char *path = test_path(dir, "a/silt.yaml");
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    const silt_config *config = NULL;
    silt_error err = {0};
    assert_int_equal(silt_config_load(path, NULL, arena, &config, NULL, &err), SILT_OK);
    assert_string_equal(config->tables[0].target_path, silt_arena_printf(arena, "%s/a/out", dir));
    assert_int_equal(silt_config_load("/no/such.yaml", NULL, arena, &config, NULL, &err),
                     SILT_NOT_FOUND);
    assert_int_not_equal(silt_config_load(dir, NULL, arena, &config, NULL, &err), SILT_OK);
    free(path);
    test_dir_free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(reads_sources),
        cmocka_unit_test(reads_strategies_and_targets),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(reports_all_mistakes_at_once),
        cmocka_unit_test(refuses_what_is_not_built_yet),
        cmocka_unit_test(orders_tables),
        cmocka_unit_test(judges_values),
        cmocka_unit_test(finds_conflicts),
        cmocka_unit_test(judges_columns),
        cmocka_unit_test(tells_formats),
        cmocka_unit_test(replaces_variables),
        cmocka_unit_test(follows_anchors),
        cmocka_unit_test(finds_duplicate_keys),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(survives_hostile_texts),
        cmocka_unit_test(survives_broken_texts),
        cmocka_unit_test(policies_of_tables),
        cmocka_unit_test(gives_a_json_schema),
        cmocka_unit_test(runs_out_of_memory),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
