/* A table's shape: what each step makes of protocol, schema, properties and domains, and that what
 * can't be done leaves it as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/alloc.h"
#include "support/table.h"
#include "table/mapping.h"
#include "table/shape_tree.h"

typedef struct here {
    silt_store *store;
    silt_snapshot *snapshot;
    silt_arena *arena;
    silt_shape shape;
    silt_error err;
} here;

static void ok(const here *h, silt_status st)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), h->err.message);
}

static void here_release(here *h)
{
    silt_snapshot_free(h->snapshot);
    silt_store_free(h->store);
    silt_arena_free(h->arena);
}

/* A table to be made. */
static here new_table(const char *columns, const char *partition)
{
    here h = {.arena = silt_arena_new()};
    const silt_type *schema;
    const char **by = silt_arena_calloc(h.arena, 1, sizeof(*by));
    by[0] = partition;
    ok(&h, silt_ddl_columns(columns, h.arena, &schema, &h.err));
    ok(&h, silt_shape_new(schema, (silt_names){by, partition != NULL}, 17, NULL, h.arena, &h.shape,
                          &h.err));
    return h;
}

/* The same as a table that stands. */
static here old_table(const char *columns, const char *partition)
{
    here h = new_table(columns, partition);
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    silt_txn_result result;
    h.store = silt_store_mem_new();
    opts.operation = "CREATE TABLE";
    silt_txn *txn = NULL;
    ok(&h, silt_txn_new_table(h.store, NULL, &opts, &txn, &h.err));
    ok(&h, silt_shape_apply(&h.shape, txn, &h.err));
    ok(&h, silt_txn_commit(txn, &result, NULL, &h.err));
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    silt_txn_free(txn);
    h.snapshot = test_table_open(h.store);
    ok(&h, silt_shape_of(h.snapshot, h.arena, &h.shape, &h.err));
    return h;
}

static const char *property(const here *h, const char *key)
{
    return silt_pairs_get(h->shape.metadata.configuration, key);
}

static const char *features(const here *h)
{
    silt_names readers, writers;
    const char *text = "";
    ok(h, silt_feature_list(&h->shape.protocol, h->arena, &readers, &writers, NULL));
    for (size_t i = 0; i < writers.count; i++)
        text = silt_arena_printf(h->arena, "%s%s%s", text, i ? " " : "", writers.items[i]);
    return text;
}

/* ---- protocols */

static void features_raise_the_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *features; /* one after another */
        int reader, writer;
        const char *all;
    } cases[] = {
        {"invariants", 1, 2, "appendOnly invariants"},
        {"checkConstraints", 1, 3, "appendOnly checkConstraints invariants"},
        {"changeDataFeed", 1, 7, "appendOnly changeDataFeed invariants"},
        {"changeDataFeed generatedColumns checkConstraints", 1, 7,
         "appendOnly changeDataFeed checkConstraints generatedColumns invariants"},
        {"columnMapping", 2, 7, "appendOnly columnMapping invariants"},
        {"rowTracking", 1, 7, "appendOnly domainMetadata invariants rowTracking"},
        {"clustering", 1, 7, "appendOnly clustering domainMetadata invariants"},
        {"columnMapping timestampNtz", 3, 7, "appendOnly columnMapping invariants timestampNtz"},
        {"variantShredding", 3, 7, "appendOnly invariants variantShredding variantType"},
        {"vacuumProtocolCheck", 3, 7, "appendOnly invariants vacuumProtocolCheck"},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_CLEAN(here) h = new_table("id long", NULL);
        char names[128], *save = NULL;
        snprintf(names, sizeof(names), "%s", cases[i].features);
        for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
            ok(&h, silt_shape_enable_feature(&h.shape, name, &h.err));
        const silt_protocol *p = &h.shape.protocol;
        assert_int_equal(p->min_reader, cases[i].reader);
        assert_int_equal(p->min_writer, cases[i].writer);
        assert_string_equal(features(&h), cases[i].all);
        assert_int_equal(p->has_writer_features, p->min_writer == 7);
        assert_int_equal(p->has_reader_features, p->min_reader == 3);
        for (size_t k = 0; k < p->reader_features.count; k++) {
            silt_feature_traits t;
            assert_true(silt_feature_describe(p->reader_features.items[k], &t) && t.is_reader);
        }
    }
}

static void versions_bring_what_they_imply(void **state)
{
    (void)state;
    SILT_CLEAN(here) h = new_table("id long", NULL);
    ok(&h, silt_shape_set_property(&h.shape, "delta.minWriterVersion", "4", &h.err));
    assert_int_equal(h.shape.protocol.min_writer, 4);
    assert_string_equal(features(&h),
                        "appendOnly changeDataFeed checkConstraints generatedColumns invariants");
    ok(&h, silt_shape_set_property(&h.shape, "delta.minReaderVersion", "2", &h.err));
    assert_int_equal(h.shape.protocol.min_reader, 2);
    assert_int_equal(h.shape.protocol.min_writer, 5);
    ok(&h, silt_shape_set_property(&h.shape, "delta.minReaderVersion", "3", &h.err));
    assert_int_equal(h.shape.protocol.min_writer, 7);
    assert_true(silt_names_have(h.shape.protocol.reader_features, "columnMapping"));
    assert_int_equal(silt_shape_set_property(&h.shape, "delta.minWriterVersion", "6", &h.err),
                     SILT_INVALID);
    assert_null(property(&h, "delta.minReaderVersion")); /* is no property */
}

static void features_go(void **state)
{
    (void)state;
    SILT_CLEAN(here) h = old_table("id long", NULL);
    ok(&h, silt_shape_add_constraint(&h.shape, "C", "id > 0", &h.err));
    ok(&h, silt_shape_set_domain(&h.shape, "mine", "x", &h.err));
    assert_int_equal(silt_shape_drop_feature(&h.shape, "checkConstraints", &h.err), SILT_INVALID);
    assert_int_equal(silt_shape_drop_feature(&h.shape, "domainMetadata", &h.err), SILT_INVALID);
    assert_int_equal(silt_shape_drop_feature(&h.shape, "appendOnly", &h.err), SILT_UNSUPPORTED);
    ok(&h, silt_shape_drop_constraint(&h.shape, "c", &h.err));
    ok(&h, silt_shape_drop_feature(&h.shape, "checkConstraints", &h.err));
    ok(&h, silt_shape_set_domain(&h.shape, "mine", NULL, &h.err));
    ok(&h, silt_shape_drop_feature(&h.shape, "domainMetadata", &h.err));
    assert_string_equal(features(&h), "appendOnly invariants");
}

/* ---- column mapping */

static void ids_and_physical_names(void **state)
{
    (void)state;
    static const char columns[] = "id long, s struct<a:int,l:array<struct<b:string>>>, "
                                  "m map<struct<k:int>,struct<v:int>>";
    silt_mapping mapping;
    SILT_CLEAN(here) fresh = new_table(columns, NULL);
    SILT_CLEAN(here) old = old_table(columns, NULL);
    ok(&fresh, silt_shape_set_property(&fresh.shape, "delta.columnMapping.mode", "id", &fresh.err));
    ok(&old, silt_shape_set_property(&old.shape, "delta.columnMapping.mode", "NAME", &old.err));
    assert_string_equal(property(&fresh, "delta.columnMapping.maxColumnId"), "8");
    assert_string_equal(property(&old, "delta.columnMapping.mode"), "name");
    ok(&fresh, silt_mapping_of(&fresh.shape.metadata, fresh.shape.schema, fresh.arena, &mapping,
                               &fresh.err));
    assert_true(silt_starts_with(mapping.fields[1].children[0].name, "col-"));
    ok(&old, silt_mapping_of(&old.shape.metadata, old.shape.schema, old.arena, &mapping, &old.err));
    assert_string_equal(mapping.fields[1].children[0].name, "a");

    /* What comes later gets ids that none has had, and a name of its own. */
    const silt_field field = {"x", silt_type_primitive(SILT_TYPE_LONG), true, "{}"};
    ok(&old, silt_shape_drop_column(&old.shape, "m", &old.err));
    ok(&old, silt_shape_add_column(&old.shape, "s.l.element.x", &field, (silt_column_place){0},
                                   &old.err));
    assert_string_equal(property(&old, "delta.columnMapping.maxColumnId"), "9");
    ok(&old, silt_shape_rename_column(&old.shape, "s", "t", &old.err));
    ok(&old, silt_mapping_of(&old.shape.metadata, old.shape.schema, old.arena, &mapping, &old.err));
    assert_string_equal(mapping.fields[1].name, "s");
    assert_string_equal(old.shape.schema->fields[1].name, "t");
    assert_int_equal(mapping.fields[1].children[1].children[0].children[1].id, 9);
    for (int i = 0; i < 2; i++)
        assert_int_equal(silt_shape_set_property(&old.shape, "delta.columnMapping.mode",
                                                 i ? "id" : "none", &old.err),
                         SILT_UNSUPPORTED);
}

static void clustering_goes_by_physical_names(void **state)
{
    (void)state;
    const char *columns[] = {"S.A", "id"};
    silt_names back;
    SILT_CLEAN(here) h = new_table("id long, s struct<a:int>, flag boolean", NULL);
    ok(&h, silt_shape_cluster_by(&h.shape, (silt_names){columns, 2}, &h.err));
    assert_string_equal(silt_shape_domain(&h.shape, "delta.clustering")->configuration,
                        "{\"clusteringColumns\":[[\"s\",\"a\"],[\"id\"]],"
                        "\"domainName\":\"delta.clustering\"}");
    ok(&h, silt_shape_set_property(&h.shape, "delta.columnMapping.mode", "name", &h.err));
    assert_null(strstr(silt_shape_domain(&h.shape, "delta.clustering")->configuration, "\"id\""));
    ok(&h, silt_shape_clustering(&h.shape, &back, &h.err));
    assert_int_equal(back.count, 2);
    assert_string_equal(back.items[0], "s.a");
}

/* ---- what can't be done */

typedef silt_status step_fn(silt_shape *shape, silt_error *err);

static silt_status rename_unmapped(silt_shape *s, silt_error *err)
{
    return silt_shape_rename_column(s, "id", "x", err);
}
static silt_status add_twice(silt_shape *s, silt_error *err)
{
    const silt_field field = {"ID", silt_type_primitive(SILT_TYPE_LONG), true, "{}"};
    return silt_shape_add_column(s, "ID", &field, (silt_column_place){0}, err);
}
static silt_status add_after_nothing(silt_shape *s, silt_error *err)
{
    const silt_field field = {"x", silt_type_primitive(SILT_TYPE_VARIANT), true, "{}"};
    return silt_shape_add_column(s, "x", &field, (silt_column_place){.after = "y"}, err);
}
static silt_status cluster_partitioned(silt_shape *s, silt_error *err)
{
    const char *columns[] = {"id"};
    return silt_shape_cluster_by(s, (silt_names){columns, 1}, err);
}
static silt_status cluster_by_nothing_there(silt_shape *s, silt_error *err)
{
    const char *columns[] = {"nope"};
    s->metadata.partition_columns = (silt_names){0};
    return silt_shape_cluster_by(s, (silt_names){columns, 1}, err);
}
static silt_status suspended_tracking(silt_shape *s, silt_error *err)
{
    return silt_shape_set_property(s, "delta.enableRowTracking", "maybe", err);
}
static silt_status map_by_id(silt_shape *s, silt_error *err)
{
    return silt_shape_set_property(s, "delta.columnMapping.mode", "id", err);
}
static silt_status random_constraint(silt_shape *s, silt_error *err)
{
    return silt_shape_add_constraint(s, "c", "uuid() > ''", err);
}
static silt_status narrow(silt_shape *s, silt_error *err)
{
    return silt_shape_change_type(s, "id", silt_type_primitive(SILT_TYPE_INTEGER), err);
}
static silt_status nested_not_null(silt_shape *s, silt_error *err)
{
    return silt_shape_set_nullable(s, "s.a", false, err);
}
static silt_status below_nothing(silt_shape *s, silt_error *err)
{
    return silt_shape_set_comment(s, "l.value", "x", err);
}
static silt_status an_element(silt_shape *s, silt_error *err)
{
    return silt_shape_set_comment(s, "l.element", "x", err);
}
static silt_status iceberg(silt_shape *s, silt_error *err)
{
    return silt_shape_enable_feature(s, "icebergCompatV2", err);
}
static silt_status deltas_domain(silt_shape *s, silt_error *err)
{
    return silt_shape_set_domain(s, "delta.rowTracking", "{}", err);
}

static void a_failed_step_leaves_the_shape(void **state)
{
    (void)state;
    static const struct {
        step_fn *step;
        silt_status status;
    } cases[] = {
        {rename_unmapped, SILT_UNSUPPORTED}, {add_twice, SILT_EXISTS},
        {add_after_nothing, SILT_NOT_FOUND}, {cluster_partitioned, SILT_INVALID},
        {suspended_tracking, SILT_INVALID},  {map_by_id, SILT_UNSUPPORTED},
        {random_constraint, SILT_INVALID},   {narrow, SILT_UNSUPPORTED},
        {nested_not_null, SILT_UNSUPPORTED}, {below_nothing, SILT_NOT_FOUND},
        {an_element, SILT_INVALID},          {iceberg, SILT_UNSUPPORTED},
        {deltas_domain, SILT_INVALID},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        SILT_CLEAN(here) h = old_table("id long, s struct<a:int>, l array<int>, p string", "p");
        silt_shape before = h.shape;
        silt_status st = cases[i].step(&h.shape, &h.err);
        if (st != cases[i].status) fail_msg("case %zu: %s", i, h.err.message);
        assert_memory_equal(&before, &h.shape, sizeof(before));
        assert_false(silt_shape_changed(&h.shape));
    }
    SILT_CLEAN(here) h = new_table("id long, p string", "p");
    assert_int_equal(cluster_by_nothing_there(&h.shape, &h.err), SILT_NOT_FOUND);
}

/* ---- without memory */

static silt_status map_by_name(silt_shape *s, silt_error *err)
{
    return silt_shape_set_property(s, "delta.columnMapping.mode", "name", err);
}
static silt_status track_rows(silt_shape *s, silt_error *err)
{
    return silt_shape_set_property(s, "delta.enableRowTracking", "true", err);
}
static silt_status constrain(silt_shape *s, silt_error *err)
{
    return silt_shape_add_constraint(s, "c", "id > 0", err);
}
static silt_status cluster(silt_shape *s, silt_error *err)
{
    silt_names columns;
    SILT_TRY(silt_ddl_paths("id, s.a", s->arena, &columns, err));
    return silt_shape_cluster_by(s, columns, err);
}
static silt_status add(silt_shape *s, silt_error *err)
{
    const char *path;
    silt_field field;
    silt_column_place place;
    SILT_TRY(silt_ddl_column("s.n timestamp_ntz comment 'x' after a", s->arena, &path, &field,
                             &place, err));
    return silt_shape_add_column(s, path, &field, place, err);
}
static silt_status rename_it(silt_shape *s, silt_error *err)
{
    return silt_shape_rename_column(s, "p", "q", err);
}
static silt_status drop(silt_shape *s, silt_error *err)
{
    return silt_shape_drop_column(s, "l", err);
}
static silt_status widen(silt_shape *s, silt_error *err)
{
    SILT_TRY(silt_shape_set_property(s, "delta.enableTypeWidening", "true", err));
    return silt_shape_change_type(s, "m.key", silt_type_primitive(SILT_TYPE_LONG), err);
}

/* Each allocation of each step fails once: the step says so, and can be done again. */
static void memory_runs_out(void **state)
{
    (void)state;
    step_fn *const steps[] = {map_by_name, track_rows, constrain, cluster,
                              add,         rename_it,  drop,      widen};
    static const char columns[] =
        "id long, s struct<a:int>, l array<int>, m map<int,int>, p string";
    bool failed = true;
    for (int n = 1; failed; n++) {
        SILT_CLEAN(here) h = old_table(columns, NULL);
        silt_names lines;
        size_t at = 0;
        test_alloc_fail(n, false);
        while (at < SILT_COUNT(steps)) {
            silt_shape before = h.shape;
            silt_status st = steps[at](&h.shape, &h.err);
            if (st != SILT_OK && st != SILT_NOMEM) fail_msg("step %zu: %s", at, h.err.message);
            if (st == SILT_NOMEM && steps[at] != widen) /* which is two */
                assert_memory_equal(&before, &h.shape, sizeof(before));
            at += st == SILT_OK;
        }
        silt_status st = silt_shape_diff(&h.shape, h.arena, &lines, &h.err);
        failed = test_alloc_failed();
        if (st == SILT_NOMEM) st = silt_shape_diff(&h.shape, h.arena, &lines, &h.err);
        ok(&h, st);
        assert_int_equal(lines.count, 20);
    }
}

/* ---- what differs */

static void differences_are_told(void **state)
{
    (void)state;
    SILT_CLEAN(here) h = old_table("id int, name string, x int", NULL);
    silt_names lines;
    SILT_CLEAN(silt_buf) all = {0};
    ok(&h, silt_shape_set_property(&h.shape, "delta.columnMapping.mode", "name", &h.err));
    ok(&h, silt_shape_set_property(&h.shape, "delta.enableTypeWidening", "true", &h.err));
    ok(&h, silt_shape_change_type(&h.shape, "id", silt_type_primitive(SILT_TYPE_LONG), &h.err));
    ok(&h, silt_shape_rename_column(&h.shape, "name", "label", &h.err));
    ok(&h, silt_shape_drop_column(&h.shape, "x", &h.err));
    ok(&h, silt_shape_move_column(&h.shape, "label", (silt_column_place){.first = true}, &h.err));
    ok(&h, silt_shape_set_nullable(&h.shape, "id", false, &h.err));
    assert_true(silt_shape_changed(&h.shape));
    ok(&h, silt_shape_diff(&h.shape, h.arena, &lines, &h.err));
    for (size_t i = 0; i < lines.count; i++)
        silt_buf_printf(&all, "%s\n", lines.items[i]);
    assert_string_equal(all.data, "protocol reader 1, writer 2 → reader 3, writer 7\n"
                                  "feature + columnMapping\n"
                                  "feature + typeWidening\n"
                                  "column name → label\n"
                                  "column id: not null\n"
                                  "column id: integer → long\n"
                                  "column - x\n"
                                  "columns in the order label, id\n"
                                  "property + delta.columnMapping.maxColumnId = 3\n"
                                  "property + delta.columnMapping.mode = name\n"
                                  "property + delta.enableTypeWidening = true\n");
}

static void there_and_back_is_no_change(void **state)
{
    (void)state;
    SILT_CLEAN(here) h = old_table("id int, name string", NULL);
    ok(&h, silt_shape_set_comment(&h.shape, "id", "x", &h.err));
    ok(&h, silt_shape_set_property(&h.shape, "mine", "1", &h.err));
    assert_true(silt_shape_changed(&h.shape));
    ok(&h, silt_shape_set_comment(&h.shape, "id", NULL, &h.err));
    ok(&h, silt_shape_unset_property(&h.shape, "mine", &h.err));
    assert_false(silt_shape_changed(&h.shape));
}

/* ---- paths and columns as text */

static void paths(void **state)
{
    (void)state;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    static const char *const good[] = {"a", "a.b", "`a.b`.c", "`a``b`.`c d`", "Ä.é"};
    static const char *const bad[] = {"", ".", "a.", "a..b", "`a", "`a`b", "``"};
    silt_names parts;
    for (size_t i = 0; i < SILT_COUNT(good); i++) {
        assert_int_equal(silt_shape_path(good[i], arena, &parts, NULL), SILT_OK);
        assert_string_equal(silt_shape_path_text(parts, arena), good[i]);
    }
    for (size_t i = 0; i < SILT_COUNT(bad); i++)
        assert_int_equal(silt_shape_path(bad[i], arena, &parts, NULL), SILT_INVALID);
}

static void columns_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *metadata;
        bool nullable;
    } cases[] = {
        {"a int", "{}", true},
        {"a: decimal ( 10 , 2 ) NOT NULL", "{}", false},
        {"a struct<x: int, `y,z`: array<map<int,string>>> comment 'x, y'", "{\"comment\":\"x, y\"}",
         true},
        {"a string default 'a,b' not null", "{\"CURRENT_DEFAULT\":\"'a,b'\"}", false},
        {"a boolean default (1 IN (1,2)) and 1 is not null comment \"c\"",
         "{\"CURRENT_DEFAULT\":\"(1 IN (1,2)) and 1 is not null\",\"comment\":\"c\"}", true},
        {"a int generated always as (b + length(')'))",
         "{\"delta.generationExpression\":\"b + length(')')\"}", true},
        {"a long generated always as identity",
         "{\"delta.identity.start\":1,\"delta.identity.step\":1,"
         "\"delta.identity.allowExplicitInsert\":false}",
         true},
    };
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    silt_error err = {0};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        const silt_type *type;
        const char *text = silt_arena_printf(arena, "%s, z int", cases[i].text);
        if (silt_ddl_columns(text, arena, &type, &err) != SILT_OK)
            fail_msg("%s: %s", text, err.message);
        assert_int_equal(type->field_count, 2);
        assert_string_equal(type->fields[0].name, "a");
        assert_string_equal(type->fields[0].metadata, cases[i].metadata);
        assert_int_equal(type->fields[0].nullable, cases[i].nullable);
    }
    const char *path;
    silt_field field;
    silt_column_place place;
    assert_int_equal(
        silt_ddl_column("s.`b c` int comment 'x' AFTER `d e`", arena, &path, &field, &place, &err),
        SILT_OK);
    assert_string_equal(path, "s.`b c`");
    assert_string_equal(place.after, "d e");
    assert_string_equal(field.name, "b c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_raise_the_protocol),
        cmocka_unit_test(versions_bring_what_they_imply),
        cmocka_unit_test(features_go),
        cmocka_unit_test(ids_and_physical_names),
        cmocka_unit_test(clustering_goes_by_physical_names),
        cmocka_unit_test(a_failed_step_leaves_the_shape),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(differences_are_told),
        cmocka_unit_test(there_and_back_is_no_change),
        cmocka_unit_test(paths),
        cmocka_unit_test(columns_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
