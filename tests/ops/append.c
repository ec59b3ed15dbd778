/* Append: files to rows, once; and whatever goes wrong leaves nothing behind. */
#include "log/dv.h"
#include "ops/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static place here;

static int set_up(void **state)
{
    place_init(&here, *state == NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

/* An engine that does as the real one and lets the test meddle after it has staged. */
typedef struct meddler {
    silt_engine base;
    void (*meddle)(silt_stage_result *staged);
} meddler;

static silt_engine_ops meddler_ops;
static meddler between;

static silt_status meddled_stage(silt_engine *engine, const silt_stage_spec *spec,
                                 silt_arena *arena, silt_stage_result *out, silt_error *err)
{
    (void)engine;
    silt_status st = here.real->ops->stage(here.real, spec, arena, out, err);
    if (st == SILT_OK) between.meddle(out);
    return st;
}

static silt_status real_header(silt_engine *engine, silt_format format,
                               const silt_source_options *options, const char *path,
                               silt_arena *arena, const char *const **names, size_t *count,
                               silt_error *err)
{
    (void)engine;
    return here.real->ops->header(here.real, format, options, path, arena, names, count, err);
}

static silt_status real_sniff(silt_engine *engine, silt_format format,
                              const silt_source_options *given, const silt_source_file *files,
                              size_t file_count, int64_t sample_rows, silt_arena *arena,
                              silt_source_options *options, const silt_column **columns,
                              size_t *column_count, silt_error *err)
{
    (void)engine;
    return here.real->ops->sniff(here.real, format, given, files, file_count, sample_rows, arena,
                                 options, columns, column_count, err);
}

static void meddle_with(void (*meddle)(silt_stage_result *staged))
{
    meddler_ops = *here.real->ops;
    meddler_ops.stage = meddled_stage;
    meddler_ops.header = real_header;
    meddler_ops.sniff = real_sniff;
    between = (meddler){{&meddler_ops}, meddle};
    place_use(&here, &between.base);
}

static void appends_to_partitions(void **state)
{
    (void)state;
    const char *by[] = {"m"};
    here.sources.partition_by = by;
    here.sources.partition_count = 1;
    place_source(&here, "1.csv", "m,a\n1,x\n2,y\n1,z\n,n\n");
    place_source(&here, "2.csv", "a,m\nv,2\n");
    place_load_ok(&here);
    place_assert_rows(&here, "m,a", "1|x\n1|z\n2|v\n2|y\n~|n\n");
    place_assert_no_strays(&here);
    const silt_change_facts *f = &here.result.facts;
    assert_int_equal(f->total.inserted, 5);
    assert_int_equal(f->sources[0].inserted, 4);
    assert_int_equal(f->files_added, 3);
    assert_true(f->bytes_added > 0);
    place_load_ok(&here);
    place_assert_no_strays(&here);
    place_reopen(&here);
    place_assert_rows(&here, "m,a", "1|x\n1|x\n1|z\n1|z\n2|v\n2|v\n2|y\n2|y\n~|n\n~|n\n");
}

static bool find_write(void *ctx, const silt_history_entry *entry)
{
    if (silt_streq(entry->operation, "WRITE"))
        *(const char **)ctx = silt_arena_strdup(here.arena, entry->commit_info);
    return true;
}

static void commits_the_app_txn(void **state)
{
    (void)state;
    here.spec.txn.app_id = "p/t";
    here.spec.txn.app_version = 3;
    here.spec.txn.silt_info = "{\"N\":3}";
    place_source(&here, "1.csv", "a\n1\n");
    place_load_ok(&here);
    assert_int_equal(silt_snapshot_app_version(here.now, "p/t"), 3);
    place_ok(&here, place_load(&here));
    assert_int_equal(here.result.txn.outcome, SILT_TXN_APP_MOVED);
    place_assert_rows(&here, NULL, "1\n");
    const char *info = "";
    place_ok(&here, silt_table_history(here.store, -1, find_write, &info, &here.err));
    assert_non_null(strstr(info, "\"mode\":\"Append\""));
    assert_non_null(strstr(info, "\"numOutputRows\":\"1\""));
    assert_non_null(strstr(info, "\"N\":3"));
    place_ok(&here, silt_attempt_clean(here.store, "try2", &here.err));
    place_assert_no_strays(&here);
}

static void a_bad_row_fails_its_file(void **state)
{
    (void)state;
    place_create(&here, place_schema(&here, "struct<a:long>"));
    place_source(&here, "1.csv", "a\n1\n");
    place_source(&here, "2.csv", "a\n2\nxyz\n");
    place_assert_bad(&here, place_load(&here), 1, "xyz");
    place_assert_no_strays(&here);
    place_reopen(&here);
    place_assert_rows(&here, NULL, "");
}

/* ---- files that change */

static void touch(silt_stage_result *staged)
{
    (void)staged;
    struct timespec times[2] = {{0, UTIME_NOW}, {1234567, 89}};
    assert_int_equal(utimensat(AT_FDCWD, place_path(&here, "2.csv"), times, 0), 0);
}

static void take_away(silt_stage_result *staged)
{
    (void)staged;
    unlink(place_path(&here, "2.csv"));
}

static void notices_changes_while_reading(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a\n1\n");
    place_source(&here, "2.csv", "a\n2\n");
    place_load_ok(&here);
    void (*const meddles[])(silt_stage_result *) = {touch, take_away};
    for (size_t i = 0; i < SILT_COUNT(meddles); i++) {
        meddle_with(meddles[i]);
        assert_int_equal(place_load(&here), SILT_CHANGED);
        assert_int_equal(here.bad.count, 1);
        assert_int_equal(here.bad.items[0].index, 1);
        assert_int_equal(here.bad.items[0].status, SILT_CHANGED);
        place_assert_no_strays(&here);
    }
    place_use(&here, here.real);
    place_assert_rows(&here, NULL, "1\n2\n");
}

/* ---- conservation */

static void lose_a_row(silt_stage_result *staged)
{
    ((int64_t *)staged->source_rows)[0]++;
}

static void lose_a_file(silt_stage_result *staged)
{
    staged->file_count--;
}

static void grow_a_file(silt_stage_result *staged)
{
    FILE *file = fopen(staged->files[0].local_path, "a");
    assert_non_null(file);
    fputc('x', file);
    fclose(file);
}

static void miscount(silt_stage_result *staged)
{
    ((silt_staged_file *)staged->files)[0].row_count = 7;
}

/* All that the engine says agrees, but not with what the file says. */
static void tell_of_more(silt_stage_result *staged)
{
    ((silt_staged_file *)staged->files)[0].row_count++;
    ((int64_t *)staged->source_rows)[0]++;
    staged->row_count++;
}

static void cut_a_file(silt_stage_result *staged)
{
    silt_staged_file *file = (silt_staged_file *)staged->files;
    file->size_bytes -= 3;
    assert_int_equal(truncate(file->local_path, file->size_bytes), 0);
}

static void sees_what_is_not_conserved(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a\n1\n2\n");
    place_load_ok(&here);
    void (*const meddles[])(silt_stage_result *) = {lose_a_row, lose_a_file,  grow_a_file,
                                                    miscount,   tell_of_more, cut_a_file};
    for (size_t i = 0; i < SILT_COUNT(meddles); i++) {
        meddle_with(meddles[i]);
        assert_int_equal(place_load(&here), SILT_FAILED);
        assert_non_null(strstr(here.err.message, "conservation: "));
        place_assert_no_strays(&here);
    }
    place_use(&here, here.real);
    place_assert_rows(&here, NULL, "1\n2\n");
    place_load_ok(&here);
    place_assert_rows(&here, NULL, "1\n1\n2\n2\n");
}

/* ---- the caller's last word */

static int hook_calls;

static silt_status refuse(void *ctx, const silt_change_facts *facts, const char *txn_id,
                          silt_error *err)
{
    (void)ctx;
    hook_calls++;
    assert_int_equal(facts->total.inserted, 1);
    assert_int_equal(facts->sources[0].read, 1);
    assert_int_equal(strlen(txn_id), 36);
    err->status = SILT_FENCED;
    return SILT_FENCED;
}

static void a_hook_that_fails_stops_it(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a\n1\n");
    place_load_ok(&here);
    here.spec.before_commit = refuse;
    hook_calls = 0;
    assert_int_equal(place_load(&here), SILT_FENCED);
    assert_int_equal(hook_calls, 1);
    place_assert_no_strays(&here);
    place_reopen(&here);
    place_assert_rows(&here, NULL, "1\n");
}

/* ---- what an attempt leaves */

static void cleans_an_attempts_vectors(void **state)
{
    (void)state;
    place_source(&here, "1.csv", "a\n1\n");
    place_load_ok(&here);
    static const char *const attempts[] = {"killed", "stands", "another"};
    static const uint64_t row = 3;
    const char *keys[3];
    silt_dv dv[3];
    silt_bitmap *rows = silt_bitmap_new();
    assert_true(silt_bitmap_add(rows, &row, 1));
    for (size_t i = 0; i < 3; i++) {
        silt_names put;
        silt_dv_names names = {attempts[i], 0};
        const silt_random random = silt_dv_names_random(&names);
        place_ok(&here, silt_dvs_write(here.store, (const silt_bitmap *const[]){rows}, 1, i ? 0 : 3,
                                       &random, here.arena, &dv[i], &put, &here.err));
        keys[i] = put.items[0];
    }
    silt_bitmap_free(rows);
    const char *root = silt_arena_printf(here.arena, "%s/table", here.dir);
    const char *commit = silt_arena_printf(
        here.arena, "{\"add\":{\"deletionVector\":{\"pathOrInlineDv\":\"%s\"}}}\n",
        dv[1].path_or_inline);
    test_write(root,
               silt_arena_printf(here.arena, "_delta_log/%020d.json",
                                 (int)silt_snapshot_version(here.now) + 1),
               commit);
    for (size_t i = 0; i < 2; i++)
        place_ok(&here, silt_attempt_clean(here.store, attempts[i], &here.err));
    for (size_t i = 0; i < 3; i++) {
        bool there;
        place_ok(&here, silt_store_exists(here.store, keys[i], &there, &here.err));
        assert_int_equal(there, i > 0);
    }
}

static void cleans_an_attempt(void **state)
{
    (void)state;
    const char *by[] = {"a"};
    here.sources.partition_by = by;
    here.sources.partition_count = 1;
    place_source(&here, "1.csv", "a,b\n1,2\n");
    here.spec.attempt = "yes";
    place_load_ok(&here);
    const char *root = silt_arena_printf(here.arena, "%s/table", here.dir);
    test_write(root, "a=1/part-no-0.parquet", "x");
    test_write(root, "part-no-1.parquet", "x");
    test_write(root, "part-yes-1.parquet", "x");
    test_write(root, "part-nobody-1.parquet", "x");
    test_write(root, "_silt/scratch/no/out/part-no-2.parquet", "x");
    place_ok(&here, silt_attempt_clean(here.store, "no", &here.err));
    place_ok(&here, silt_attempt_clean(here.store, "yes", &here.err)); /* it was committed */
    place_ok(&here, silt_attempt_clean(here.store, "other", &here.err));
    char *names = test_list(root);
    assert_non_null(strstr(names, "part-nobody-1.parquet"));
    assert_null(strstr(names, "part-no-1.parquet"));
    assert_non_null(strstr(names, "part-yes-1.parquet"));
    free(names);
    place_reopen(&here);
    place_assert_rows(&here, "a,b", "1|2\n");
    assert_int_equal(silt_attempt_clean(here.store, "", &here.err), SILT_INVALID);
}

static void creates_once(void **state)
{
    (void)state;
    const silt_type *schema = place_schema(&here, "struct<a:long,t:timestamp_ntz>");
    place_create(&here, schema);
    int reader, writer;
    silt_snapshot_protocol(here.now, &reader, &writer);
    assert_int_equal(reader, 3);
    assert_int_equal(writer, 7);
    silt_txn_result result;
    place_ok(&here, silt_create_table(here.store, here.engine, schema, NULL, 0, (silt_pairs){0},
                                      NULL, NULL, &result, &here.err));
    assert_int_equal(result.outcome, SILT_TXN_CONFLICT);
    const char *by[] = {"a", "t", "z"};
    assert_int_equal(silt_create_table(here.store, here.engine, schema, by, 2, (silt_pairs){0},
                                       NULL, NULL, &result, &here.err),
                     SILT_INVALID);
    assert_int_equal(silt_create_table(here.store, here.engine, schema, by + 2, 1, (silt_pairs){0},
                                       NULL, NULL, &result, &here.err),
                     SILT_INVALID);
    assert_int_equal(silt_create_table(here.store, here.engine,
                                       place_schema(&here, "struct<a:long,A:long>"), NULL, 0,
                                       (silt_pairs){0}, NULL, NULL, &result, &here.err),
                     SILT_INVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define HIDDEN(name)                                                     \
    {                                                                    \
#name " without local paths", name, set_up, tear_down, (void *)1 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(appends_to_partitions),         HIDDEN(appends_to_partitions),
        CASE(commits_the_app_txn),           CASE(a_bad_row_fails_its_file),
        CASE(notices_changes_while_reading), CASE(sees_what_is_not_conserved),
        HIDDEN(sees_what_is_not_conserved),  CASE(a_hook_that_fails_stops_it),
        HIDDEN(a_hook_that_fails_stops_it),  CASE(cleans_an_attempt),
        CASE(cleans_an_attempts_vectors),    CASE(creates_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
