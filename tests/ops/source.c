/* Source files against tables: columns are matched by name, and what doesn't fit is told file by
 * file. */
#include "ops/place.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/alloc.h"

static place here;

static int set_up(void **state)
{
    (void)state;
    place_init(&here, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

static void matches_by_name(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a,b\n1,x\n2,y\n");
    place_source(&here, "2.csv", "b,a\nz,3\n");
    place_load_ok(&here);
    place_assert_rows(&here, "a,b", "1|x\n2|y\n3|z\n");
    assert_int_equal(here.plan.group_count, 2);
    assert_int_equal(here.result.facts.total.read, 3);
    assert_int_equal(here.result.facts.sources[1].inserted, 1);

    place_no_sources(&here);
    place_source(&here, "3.csv", "b,a\nw,4\n");
    place_load_ok(&here);
    place_assert_rows(&here, "a,b", "1|x\n2|y\n3|z\n4|w\n");
    place_assert_no_strays(&here);
}

static void refuses_foreign_headers(void **state)
{
    (void)state;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "a,b\n1,x\n");
    place_source(&here, "2.csv", "c,d\n1,x\n");
    place_assert_bad(&here, place_plan(&here), 1,
                     "none of its columns (c, d) is one of the table's (a, b)");
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_assert_bad(&here, place_plan(&here), 1, "none of its columns");
}

static void takes_new_columns_by_policy(void **state)
{
    (void)state;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "a,b\n1,x\n");
    place_source(&here, "2.csv", "a,c,b,d\n2,2024-01-31,y,1.5\n");
    place_assert_bad(
        &here, place_plan(&here), 1,
        "the table doesn't have the columns c, d; on_new_column: evolve would add them");
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_load_ok(&here);
    assert_true(here.plan.schema_grows);
    assert_string_equal(here.plan.new_columns, "c, d");
    assert_string_equal(silt_type_name(silt_snapshot_schema(here.now), here.arena),
                        "struct<a:long,b:string,c:date,d:double>");
    place_assert_rows(&here, NULL, "1|x|~|~\n2|y|2024-01-31|1.5\n");
}

static void fills_missing_columns_with_null(void **state)
{
    (void)state;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "b\nx\n");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "~|x\n");

    silt_field fields[] = {{"a", place_schema(&here, "long"), false, "{}"},
                           {"b", place_schema(&here, "string"), true, "{}"}};
    silt_type strict = {.kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = 2};
    silt_source_plan plan;
    silt_status st = silt_sources_plan(here.engine, &here.sources, &strict, here.arena, &plan,
                                       &here.bad, &here.err);
    place_assert_bad(&here, st, 0, "the column a is missing");
}

static void tells_case_differences(void **state)
{
    (void)state;
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "A,b\n1,x\n");
    place_assert_bad(&here, place_plan(&here), 0, "the column A differs from the table's a");
}

static void judges_headers(void **state)
{
    (void)state;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "a,b,a\n1,x,2\n");
    place_source(&here, "2.csv", "a,b,B\n1,x,2\n");
    place_source(&here, "3.csv", "a,b,\n1,x,2\n");
    place_source(&here, "4.csv", "a,b\n1,x\n");
    assert_int_equal(place_plan(&here), SILT_BAD_DATA);
    assert_int_equal(here.bad.count, 3);
    assert_non_null(strstr(here.bad.items[0].why, "the column a is there twice"));
    assert_non_null(strstr(here.bad.items[1].why, "b and B differ by the case"));
    assert_non_null(strstr(here.bad.items[2].why, "column 3 has no name"));
    assert_non_null(strstr(here.err.message, "1.csv: the column a is there twice (and 2 more"));
}

static void refuses_audit_names(void **state)
{
    (void)state;
    here.sources.audit_columns = true;
    place_source(&here, "1.csv", "a,_Batch_Id\n1,2\n");
    assert_int_equal(place_plan(&here), SILT_INVALID);
    here.sources.audit_columns = false;
    place_ok(&here, place_plan(&here));
}

static void adds_audit_columns(void **state)
{
    (void)state;
    here.sources.audit_columns = true;
    here.spec.load_time_us = INT64_C(1700000000000000);
    place_source(&here, "1.csv", "a\n1\n");
    place_load_ok(&here);
    place_load_ok(&here);
    assert_string_equal(silt_type_name(silt_snapshot_schema(here.now), here.arena),
                        "struct<a:long,_source_file:string,_load_timestamp:timestamp,"
                        "_batch_id:long>");
    place_assert_rows(&here, "a,_source_file,_batch_id", "1|1.csv|0\n1|1.csv|1\n");
    const char *rows = place_rows(&here, "_load_timestamp");
    assert_true(silt_starts_with(rows, "2023-11-14"));
}

static void casts_audit_columns(void **state)
{
    (void)state;
    here.sources.audit_columns = true;
    place_create(&here, place_schema(&here, "struct<_batch_id:string,a:long>"));
    place_source(&here, "1.csv", "a\n1\n");
    place_load_ok(&here);
    place_assert_rows(&here, "_batch_id,a,_source_file", "0|1|1.csv\n");
    silt_source_plan plan;
    assert_int_equal(silt_sources_plan(here.engine, &here.sources,
                                       place_schema(&here, "struct<a:long,_source_file:long>"),
                                       here.arena, &plan, &here.bad, &here.err),
                     SILT_INVALID);
}

static void takes_empty_files(void **state)
{
    (void)state;
    place_source(&here, "0.csv", "");
    place_source(&here, "1.csv", "a,b\n1,x\n");
    place_source(&here, "2.csv", "a,b\n");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "1|x\n");
    assert_int_equal(here.result.facts.sources[0].read, 0);
    assert_int_equal(here.result.facts.sources[1].read, 1);
    assert_int_equal(here.result.facts.sources[2].read, 0);

    place_no_sources(&here);
    place_source(&here, "0.csv", "");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "1|x\n");
    assert_int_equal(silt_snapshot_version(here.now), 2);
}

static void needs_a_column_from_somewhere(void **state)
{
    (void)state;
    place_source(&here, "0.csv", "");
    place_assert_bad(&here, place_plan(&here), 0, "it is empty, and there is no table yet");
    here.sources.declared_schema = place_schema(&here, "struct<a:long>");
    place_ok(&here, place_plan(&here));
}

static void infers_over_all_files(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a,b\n1,1\n");
    place_source(&here, "2.csv", "a,b\n1.5,2024-01-01\n");
    place_source(&here, "3.csv", "b,c,a\n2024-01-02,true,2\n");
    place_ok(&here, place_plan(&here));
    assert_string_equal(silt_type_name(here.plan.schema, here.arena),
                        "struct<a:double,b:string,c:boolean>");
}

static void takes_declared_columns(void **state)
{
    (void)state;
    here.sources.declared_schema = place_schema(&here, "struct<a:string,d:decimal(10,2)>");
    place_source(&here, "1.csv", "d,a\n1.50,007\n");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "007|1.50\n");

    here.sources.declared_schema = place_schema(&here, "struct<a:long,d:decimal(10,2)>");
    assert_int_equal(place_plan(&here), SILT_INVALID);
    here.sources.declared_schema = place_schema(&here, "struct<a:string,e:long>");
    assert_int_equal(place_plan(&here), SILT_INVALID);
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_ok(&here, place_plan(&here));
    assert_true(here.plan.schema_grows);
}

static void names_columns_without_header(void **state)
{
    (void)state;
    here.sources.options.no_header = true;
    here.sources.options.delimiter = ",";
    here.sources.declared_schema = place_schema(&here, "struct<a:long,b:string>");
    place_source(&here, "1.csv", "1,x\n2,y\n");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "1|x\n2|y\n");
    place_source(&here, "2.csv", "1,x,3\n");
    place_assert_bad(&here, place_plan(&here), 1, "it has 3 columns, and schema declares 2");
}

static void tells_missing_files(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a\n1\n");
    place_source(&here, "2.csv", "a\n1\n");
    unlink(place_path(&here, "1.csv"));
    assert_int_equal(place_plan(&here), SILT_BAD_DATA);
    assert_int_equal(here.bad.count, 1);
    assert_int_equal(here.bad.items[0].status, SILT_NOT_FOUND);
}

static void checks_partition_columns(void **state)
{
    (void)state;
    const char *by[] = {"z"};
    here.sources.partition_by = by;
    here.sources.partition_count = 1;
    place_source(&here, "1.csv", "a\n1\n");
    assert_int_equal(place_plan(&here), SILT_INVALID);
}

static void reads_ndjson(void **state)
{
    (void)state;
    here.sources.format = SILT_FORMAT_NDJSON;
    place_source(&here, "1.ndjson", "{\"a\":1,\"b\":{\"c\":\"x\"}}\n{\"a\":2}\n");
    place_source(&here, "2.ndjson", "");
    place_load_ok(&here);
    assert_string_equal(silt_type_name(silt_snapshot_schema(here.now), here.arena),
                        "struct<a:long,b:struct<c:string>>");
    place_assert_rows(&here, "a", "1\n2\n");

    place_source(&here, "3.ndjson", "{\"a\":3}\n{\"z\":1,\"a\":4}\n");
    place_assert_bad(&here, place_plan(&here), 2, "the table doesn't have the column z");
    place_source(&here, "4.ndjson", "{\"y\":3,\"a\":5}\n");
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_ok(&here, place_plan(&here));
    assert_string_equal(here.plan.new_columns, "z, y");
    place_source(&here, "5.ndjson", "{\"x\":3}\n");
    place_assert_bad(&here, place_plan(&here), 4, "none of its columns (x)");
    here.sources.file_count--;
    place_source(&here, "5.ndjson", "{\"A\":3}\n");
    place_assert_bad(&here, place_plan(&here), 4, "the column A differs");
}

static void sees_members_within_columns(void **state)
{
    (void)state;
    here.sources.format = SILT_FORMAT_NDJSON;
    place_create(&here,
                 place_schema(&here, "struct<a:long,s:struct<x:long>,l:array<struct<y:long>>>"));
    place_source(&here, "1.ndjson", "{\"a\":1,\"s\":{\"x\":1},\"l\":[{\"y\":1}]}\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "2.ndjson",
                 "{\"a\":2,\"s\":{\"x\":1,\"z\":\"q\"},\"l\":[{\"y\":1},{\"w\":2}]}\n");
    place_assert_bad(&here, place_plan(&here), 0,
                     "the table's columns don't have the members s.z, l.w; on_new_column: evolve "
                     "would add them");
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_load_ok(&here);
    assert_string_equal(here.plan.new_columns, "s.z, l.element.w");
    assert_string_equal(silt_type_name(silt_snapshot_schema(here.now), here.arena),
                        "struct<a:long,s:struct<x:long,z:string>,l:array<struct<y:long,w:long>>>");
    place_assert_rows(&here, "a", "1\n2\n");
}

/* Every allocation in turn fails: that is what is said, and nothing leaks or is blamed on a file.
 */
static void runs_out_of_memory(void **state)
{
    (void)state;
    here.sources.audit_columns = true;
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_create(&here, place_schema(&here, "struct<a:long,b:string>"));
    place_source(&here, "1.csv", "a,b\n1,x\n");
    place_source(&here, "2.csv", "b,a,c\n1,2,3\n");
    bool failed = true;
    for (int n = 1; failed; n++) {
        silt_arena *arena = silt_arena_new();
        silt_source_plan plan;
        silt_bad_sources bad = {0};
        silt_error err = {0};
        test_alloc_fail(n, n % 2);
        silt_status st = silt_sources_plan(
            here.engine, &here.sources, silt_snapshot_schema(here.now), arena, &plan, &bad, &err);
        failed = test_alloc_failed();
        if (failed && st != SILT_NOMEM && (st != SILT_OK || n % 2))
            fail_msg("allocation %d: %s %s", n, silt_status_name(st), err.message);
        silt_arena_free(arena);
    }
}

static void plans_many_files_quickly(void **state)
{
    (void)state;
    static silt_source_file files[2000];
    for (int i = 0; i < 2000; i++) {
        const char *name = silt_arena_printf(here.arena, "many/%04d.csv", i);
        test_write(here.dir, silt_arena_printf(here.arena, "in/%s", name),
                   "a,b,c,d\n1,2,3,4\n5,6,7,8\n");
        files[i] = (silt_source_file){place_path(&here, name), name};
    }
    here.sources.files = files;
    here.sources.file_count = 2000;
    place_create(&here, place_schema(&here, "struct<a:long,b:long,c:long,d:long>"));
    clock_t start = clock();
    place_ok(&here, place_plan(&here));
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    print_message("2,000 headers in %.3f s of CPU\n", seconds);
    assert_int_equal(here.plan.group_count, 1);
    assert_true(seconds < 10);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(matches_by_name),
        CASE(refuses_foreign_headers),
        CASE(takes_new_columns_by_policy),
        CASE(fills_missing_columns_with_null),
        CASE(tells_case_differences),
        CASE(judges_headers),
        CASE(refuses_audit_names),
        CASE(adds_audit_columns),
        CASE(casts_audit_columns),
        CASE(takes_empty_files),
        CASE(needs_a_column_from_somewhere),
        CASE(infers_over_all_files),
        CASE(takes_declared_columns),
        CASE(names_columns_without_header),
        CASE(tells_missing_files),
        CASE(checks_partition_columns),
        CASE(reads_ndjson),
        CASE(sees_members_within_columns),
        CASE(runs_out_of_memory),
        CASE(plans_many_files_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
