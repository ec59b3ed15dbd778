/* `datasets`: what is read from it, and every mistake it can have. */
#include "load/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/files.h"

typedef struct outcome {
    char *dir;
    silt_arena *arena;
    silt_status status;
    const silt_dataset *items;
    size_t count;
    silt_config_problems problems;
    silt_error err;
} outcome;

static void outcome_release(outcome *o)
{
    test_dir_free(o->dir);
    silt_arena_free(o->arena);
}

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "LAKE") == 0 ? "/lake" : NULL;
}

static outcome load(const char *text)
{
    static const silt_config_options options = {variable, NULL};
    outcome o = {.dir = test_dir_new(), .arena = silt_arena_new()};
    test_write(o.dir, "d.yaml", text);
    char *path = test_path(o.dir, "d.yaml");
    o.status =
        silt_config_datasets_load(path, &options, o.arena, &o.items, &o.count, &o.problems, &o.err);
    free(path);
    return o;
}

static void assert_problems(const char *text, const char *expected)
{
    SILT_CLEAN(outcome) o = load(text);
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < o.problems.count; i++)
        silt_buf_printf(&all, "%s\n", strstr(o.problems.items[i].text, "d.yaml:") + 7);
    assert_string_equal(all.data, expected);
    assert_int_equal(o.status, expected[0] ? SILT_INVALID : SILT_OK);
}

static void reads_everything(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = load("datasets:\n"
             "  flights: {path: silver/flights}\n"
             "  before:\n"
             "    path: ${LAKE}/flights\n"
             "    format: delta\n"
             "    storage_options: {region: eu, tries: 3}\n"
             "    delta_version: 12\n"
             "    files: [a.parquet, \"b c.parquet\"]\n"
             "    scan:\n"
             "      file_column_name: _file\n"
             "      enable_parquet_pushdown: false\n"
             "      schema_force_view_types: true\n"
             "      schema: {id: long, at: timestamp}\n"
             "  then: {path: x, delta_timestamp: 2024-01-15T10:00}\n"
             "  changes: {path: x, cdf: {from: 3, to: 2024-01-15}}\n");
    assert_string_equal(o.err.message, "");
    assert_int_equal(o.count, 4);
    char *path = test_path(o.dir, "silver/flights");
    assert_string_equal(o.items[0].path, path);
    free(path);
    assert_string_equal(o.items[0].name, "flights");
    assert_int_equal(o.items[0].version, SILT_LATEST);
    assert_true(o.items[0].timestamp_ms == SILT_NO_TIMESTAMP);
    assert_null(o.items[0].files);
    assert_null(o.items[0].schema);
    assert_false(o.items[0].no_pushdown);

    const silt_dataset *d = &o.items[1];
    assert_string_equal(d->path, "/lake/flights");
    assert_string_equal(d->storage_options[0], "region=eu");
    assert_string_equal(d->storage_options[1], "tries=3");
    assert_null(d->storage_options[2]);
    assert_int_equal(d->version, 12);
    assert_int_equal(d->file_count, 2);
    assert_string_equal(d->files[1], "b c.parquet");
    assert_string_equal(d->file_column, "_file");
    assert_true(d->no_pushdown && d->view_types);
    assert_string_equal(silt_type_name(d->schema, o.arena), "struct<id:long,at:timestamp>");
    assert_int_equal(o.items[2].timestamp_ms, 1705312800000);
    assert_string_equal(o.items[3].changes_from, "3");
    assert_string_equal(o.items[3].changes_to, "2024-01-15");
}

static void mistakes_are_told_all_at_once(void **state)
{
    (void)state;
    assert_problems(
        "datasets:\n"
        "  a b: {path: x}\n"
        "  c: {pth: x, format: excel}\n"
        "  d: {path: s3://b/t, delta_version: -1}\n"
        "  e: {path: x, delta_version: 1, delta_timestamp: yesterday}\n"
        "  f: {path: x, cdf: {from: soon}, files: [a]}\n"
        "  g: {path: x, cdf: {to: 3}}\n"
        "  h: {path: x, scan: {enable_parquet_pushdown: 7}}\n"
        "  E: {path: x}\n",
        "2:3: datasets.a b: a name is made of letters A-Z, digits, '.', '_' and '-'\n"
        "3:6: datasets.c.path: is missing. Of the table, or of files: one, a folder or a pattern. "
        "Against this file's folder.\n"
        "3:7: datasets.c.pth: unknown key; did you mean path?\n"
        "3:23: datasets.c.format: found \"excel\"; allowed: delta, parquet, csv, ndjson, "
        "json\n"
        "4:13: datasets.d.path: found \"s3://b/t\": object stores aren't supported yet; a local "
        "path "
        "is allowed\n"
        "4:38: datasets.d.delta_version: found -1; a whole number from 0 to 9223372036854775807 is "
        "allowed\n"
        "5:51: datasets.e.delta_timestamp: delta_version is given, too; write one of them\n"
        "5:51: datasets.e.delta_timestamp: found \"yesterday\"; a time is allowed, as 2024-01-15 "
        "or "
        "2024-01-15T10:00:00\n"
        "6:28: datasets.f.cdf.from: found \"soon\"; a version or a time is allowed, as 12 or "
        "2024-01-15T10:00:00\n"
        "6:42: datasets.f.files: is for a table; cdf gives changes\n"
        "7:21: datasets.g.cdf.from: is missing. A version or a timestamp, included.\n"
        "8:48: datasets.h.scan.enable_parquet_pushdown: found 7; true or false is allowed\n"
        "9:3: datasets.E: e on line 5 is the same name: SQL doesn't tell cases apart\n");
}

static void files_and_what_writes_go_by(void **state)
{
    (void)state;
    SILT_CLEAN(outcome)
    o = load("datasets:\n"
             "  a:\n"
             "    path: in/*.csv\n"
             "    format: csv\n"
             "    partitioning: hive\n"
             "    read_options: {delimiter: \"\\\\t\", nullstr: [NA, 7], header: false,\n"
             "                   decimal_separator: \",\", skip_lines: 2}\n"
             "    schema: {id: long, name: string}\n"
             "    data_options: {region: eu}\n"
             "    write_policy: {target_file_size: 64MiB, compression: zstd, stats_count: all,\n"
             "                   zorder: [id, name]}\n"
             "    schema_policy: {schema_mode: merge, column_mapping_mode: name}\n"
             "    constraints:\n"
             "    - {name: positive, check: id > 0, persist: true}\n"
             "    - {name: named, check: name IS NOT NULL, on_violation: fail}\n"
             "  b: {path: x, format: json}\n");
    assert_string_equal(o.err.message, "");
    const silt_dataset *d = &o.items[0];
    assert_int_equal(d->format, SILT_DATASET_CSV);
    assert_true(d->hive);
    assert_string_equal(d->read_options->delimiter, "\t");
    assert_int_equal(d->read_options->null_count, 2);
    assert_string_equal(d->read_options->nulls[1], "7");
    assert_true(d->read_options->no_header);
    assert_int_equal(d->read_options->decimal_separator, ',');
    assert_int_equal(d->read_options->skip_lines, 2);
    assert_null(d->read_options->quote);
    assert_string_equal(silt_type_name(d->columns, o.arena), "struct<id:long,name:string>");
    assert_string_equal(d->data_options[0], "region=eu");
    const silt_policy *p = d->policy;
    assert_int_equal(p->target_file_bytes, 64 << 20);
    assert_string_equal(p->compression, "zstd");
    assert_string_equal(p->stats_count, "-1");
    assert_string_equal(p->z_order[1], "name");
    assert_null(p->z_order[2]);
    assert_string_equal(d->schema_mode, "merge");
    assert_string_equal(p->column_mapping_mode, "name");
    assert_int_equal(p->constraint_count, 2);
    assert_string_equal(p->constraints[0].check, "id > 0");
    assert_true(p->constraints[0].persist && !p->constraints[1].persist);
    assert_int_equal(o.items[1].format, SILT_DATASET_NDJSON);
    assert_false(o.items[1].hive);
    assert_null(o.items[1].read_options);
    assert_null(o.items[1].policy->compression);

    silt_datasets *all = silt_datasets_new(); /* a copy that stands by itself */
    const silt_dataset *copy = NULL;
    assert_int_equal(silt_datasets_add(all, d, &o.err), SILT_OK);
    assert_int_equal(silt_datasets_find(all, "A", &copy, &o.err), SILT_OK);
    assert_ptr_not_equal(copy->read_options->nulls, d->read_options->nulls);
    assert_string_equal(copy->read_options->nulls[0], "NA");
    assert_string_equal(copy->policy->constraints[1].name, "named");
    assert_string_equal(copy->data_options[0], "region=eu");
    silt_datasets_free(all);
}

static void mistakes_about_files_and_writes(void **state)
{
    (void)state;
    assert_problems(
        "datasets:\n"
        "  a: {path: x, partitioning: hive, read_options: {}, schema: {a: long}}\n"
        "  b: {path: x, format: parquet, delta_version: 1, cdf: {from: 1}}\n"
        "  c: {path: x, format: json, read_options: {quote: \"'\", date_format: \"%d\"}}\n"
        "  d: {path: x, format: csv, read_options: {delimeter: \"|\", delimiter: \"12345\"}}\n"
        "  e: {path: x, write_policy: {stats_count: some}, schema_policy: {schema_mode: evolve}}\n"
        "  f: {path: x, constraints: [{name: a, check: a >}, {name: A, check: a > 1},\n"
        "      {check: a > 1, name: b, on_violation: drop}]}\n",
        "2:30: datasets.a.partitioning: is for files, with format: parquet, csv or json; a Delta "
        "table says it itself\n"
        "2:50: datasets.a.read_options: is for files, with format: parquet, csv or json; a Delta "
        "table says it itself\n"
        "2:62: datasets.a.schema: is for files, with format: parquet, csv or json; a Delta table "
        "says it itself\n"
        "3:48: datasets.b.delta_version: is for a Delta table; the format is another one\n"
        "3:48: datasets.b.delta_version: is for a table; cdf gives changes\n"
        "3:56: datasets.b.cdf: is for a Delta table; the format is another one\n"
        "4:45: datasets.c.read_options: quote is of another format than ndjson\n"
        "5:44: datasets.d.read_options.delimeter: unknown key; did you mean delimiter?\n"
        "5:71: datasets.d.read_options.delimiter: found 5 bytes; at most 4 are allowed\n"
        "6:44: datasets.e.write_policy.stats_count: a number of columns is allowed, or all\n"
        "6:80: datasets.e.schema_policy.schema_mode: found \"evolve\"; allowed: fixed, merge, "
        "overwrite\n"
        "7:6: datasets.f.constraints: constraint b: only tables of a pipeline drop or quarantine "
        "rows; write on_violation: fail or warn\n"
        "7:47: datasets.f.constraints[0].check: a value expected where the text ends at "
        "character 4: a > ▶\n"
        "7:53: datasets.f.constraints[1]: there is a constraint A already\n");
}

static void files_without_a_pipeline_hold_nothing_else(void **state)
{
    (void)state;
    assert_problems("{}\n", "1:1: datasets: is missing. Names for tables and files.\n");
    assert_problems("datasets: [a]\n", "1:11: datasets: found a list; a map of names is allowed\n");
    assert_problems("dataset: {}\n", "1:1: dataset: unknown key; did you mean datasets?\n"
                                     "1:1: datasets: is missing. Names for tables and files.\n");
    /* of a pipeline file nothing else is looked at */
    assert_problems(
        "pipeline: p\ntables: [\"${NO_SUCH}\"]\nwhatever: 1\ndatasets: {a: {path: x}}\n", "");
    assert_problems("pipeline: p\n", "");
    assert_problems("pipeline: p\ndatasets: {a: {path: \"${NO_SUCH}\"}}\n",
                    "2:22: datasets.a.path: the environment variable NO_SUCH isn't set; set it, or "
                    "write ${NO_SUCH:-default}\n");
}

static void pipeline_files_have_them_too(void **state)
{
    (void)state;
    static const char text[] = "pipeline: p\ncheckpoint_path: state\ntables:\n"
                               "- table_name: t\n  source: {path: in/*.csv}\n"
                               "  write: {path: out}\n"
                               "datasets:\n  a: {path: out}\n";
    silt_arena *arena = silt_arena_new();
    const silt_config *config = NULL;
    silt_error err = {0};
    assert_int_equal(
        silt_config_parse(silt_bytes_of(text), "/p/silt.yaml", NULL, arena, &config, NULL, &err),
        SILT_OK);
    assert_int_equal(config->dataset_count, 1);
    assert_string_equal(config->datasets[0].path, "/p/out");
    assert_non_null(strstr(silt_config_json_schema(arena), "\"delta_timestamp\""));
    silt_arena_free(arena);
}

static void registries_copy_and_find(void **state)
{
    (void)state;
    silt_datasets *all = silt_datasets_new();
    silt_dataset d = SILT_DATASET_INIT;
    const silt_dataset *found = NULL;
    silt_error err = {0};
    char name[] = "Flights", path[] = "/lake/flights";
    const char *files[] = {"a"};
    d.name = name;
    d.path = path;
    d.files = files;
    d.file_count = 1;
    assert_int_equal(silt_datasets_add(all, &d, &err), SILT_OK);
    name[0] = path[1] = '?';
    assert_int_equal(silt_datasets_find(all, "FLIGHTS", &found, &err), SILT_OK);
    assert_string_equal(found->name, "Flights");
    assert_string_equal(found->path, "/lake/flights");
    assert_ptr_not_equal(found->files[0], files[0]);
    assert_int_equal(silt_datasets_find(all, "flihgts", &found, &err), SILT_NOT_FOUND);
    assert_string_equal(err.hint, "did you mean 'Flights'?");
    d.name = "flights";
    assert_int_equal(silt_datasets_add(all, &d, &err), SILT_EXISTS);
    d.name = "x";
    d.changes_from = "1";
    assert_int_equal(silt_datasets_add(all, &d, &err), SILT_INVALID);
    d.path = NULL;
    assert_int_equal(silt_datasets_add(all, &d, &err), SILT_INVALID);
    assert_int_equal(silt_datasets_count(all), 1);
    assert_null(silt_datasets_at(all, 1));
    silt_datasets_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(mistakes_are_told_all_at_once),
        cmocka_unit_test(files_and_what_writes_go_by),
        cmocka_unit_test(mistakes_about_files_and_writes),
        cmocka_unit_test(files_without_a_pipeline_hold_nothing_else),
        cmocka_unit_test(pipeline_files_have_them_too),
        cmocka_unit_test(registries_copy_and_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
