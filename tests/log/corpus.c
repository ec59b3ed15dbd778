/* Tables that others wrote: the log adds up to the files that other readers see. Skipped, and
 * loudly, where the corpus isn't there ($SILT_SHARED, else ../shared beside the checkout). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "log/logs.h"
#include "support/files.h"
#include "table/snapshot.h"

static silt_engine *engine;
static char *corpus;

static int set_up_all(void **state)
{
    (void)state;
    const char *shared = getenv("SILT_SHARED"), *source = getenv("SILT_SOURCE_DIR");
    char *beside = test_path(source ? source : ".", "../shared");
    corpus = test_path(shared && *shared ? shared : beside, "corpus");
    free(beside);
    return silt_engine_open(NULL, &engine, &err) == SILT_OK ? 0 : -1;
}

static int tear_down_all(void **state)
{
    (void)state;
    silt_engine_free(engine);
    free(corpus);
    return 0;
}

/* What Silt finds of a table at a version or time. */
typedef struct found {
    silt_store *store;
    silt_snapshot *snapshot;
    const silt_add *adds;
    size_t count;
    int64_t size_bytes;
} found;

static void found_release(found *f)
{
    silt_snapshot_free(f->snapshot);
    silt_store_free(f->store);
}

static silt_status open_table(const char *path, const silt_json *item, found *out)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    const char *timestamp = silt_json_string(silt_json_get(item, "timestamp"));
    if (timestamp)
        assert_true(silt_time_parse_ms(timestamp, &opts.timestamp_ms));
    else
        opts.version = silt_json_int(silt_json_get(item, "version"), SILT_LATEST);
    SILT_TRY(silt_store_open(path, NULL, &out->store, &err));
    SILT_TRY(silt_snapshot_open(out->store, engine, &opts, &out->snapshot, &err));
    SILT_TRY(silt_snapshot_adds(out->snapshot, &out->adds, &out->count, &err));
    for (size_t i = 0; i < out->count; i++)
        out->size_bytes += out->adds[i].size_bytes;
    return SILT_OK;
}

static void compare(const char *id, const silt_json *expected, const found *f)
{
    int64_t count = silt_json_int(silt_json_get(expected, "num_files"), -1);
    int64_t size = silt_json_int(silt_json_get(expected, "size_of_files"), -1);
    if (count >= 0 && (size_t)count != f->count)
        fail_msg("%s: %zu files, expected %" PRId64, id, f->count, count);
    if (size >= 0 && size != f->size_bytes)
        fail_msg("%s: %" PRId64 " bytes, expected %" PRId64, id, f->size_bytes, size);
    int reader, writer;
    silt_snapshot_protocol(f->snapshot, &reader, &writer);
    assert_int_equal(reader, silt_json_int(silt_json_get(expected, "min_reader"), -1));
    assert_int_equal(writer, silt_json_int(silt_json_get(expected, "min_writer"), -1));
    size_t i = 0;
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(expected, "partition_columns"));
         silt_json_next(&it); i++)
        assert_true(
            silt_streq(silt_snapshot_partition_column(f->snapshot, i), silt_json_string(it.value)));
    assert_int_equal(i, silt_snapshot_partition_count(f->snapshot));
}

typedef struct tally {
    size_t agreed, refused, optional;
} tally;

/* All that can be read is opened and agrees. What can't is refused, unless it is the data files
 * that are at fault. Where opinions differ ("optional") a refusal is fine. */
static void check_case(const char *table, const silt_json *item, tally *t)
{
    const char *id = silt_json_string(silt_json_get(item, "id"));
    const char *reason = silt_json_string(silt_json_get(item, "reason"));
    bool optional = silt_json_get_some(item, "optional") != NULL;
    bool bad = silt_streq(silt_json_string(silt_json_get(item, "expected")), "error");
    bool bad_files = reason && strstr(reason, "absent on disk");
    found __attribute__((cleanup(found_release))) f = {0};
    err = (silt_error){0};
    silt_status st = open_table(table, item, &f);
    if (st != SILT_OK && (bad || optional)) {
        assert_true(*err.message);
        if (bad) t->refused++;
        if (!bad) t->optional++;
        return;
    }
    if (st != SILT_OK) fail_msg("%s: %s: %s", id, silt_status_name(st), err.message);
    if (bad && !bad_files) fail_msg("%s was opened: %s", id, reason ? reason : "");
    if (bad) return;
    t->agreed++;
    /* Where readers disagree, the snapshot may be that of a wrong one. */
    const silt_json *expected = silt_json_get_some(item, "snapshot");
    if (expected && silt_streq(silt_json_string(silt_json_get(item, "agreement")), "agree"))
        compare(id, expected, &f);
    if (silt_json_get_some(item, "timestamp"))
        assert_int_equal(silt_snapshot_version(f.snapshot),
                         silt_json_int(silt_json_get(item, "version"), -1));
}

static void tables_of_others_add_up(void **state)
{
    (void)state;
    char *path = test_path(corpus, "cases.json");
    bool there = access(path, R_OK) == 0;
    free(path);
    if (!there) {
        print_message("SKIPPED: no corpus at %s (set SILT_SHARED)\n", corpus);
        skip();
    }
    size_t size;
    tally t = {0};
    const silt_json *json;
    char *text = test_read(corpus, "cases.json", &size);
    assert_ok(silt_json_parse((silt_bytes){text, size}, arena, &json, &err));
    free(text);
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(json, "cases"));
         silt_json_next(&it);) {
        char *table = test_path(corpus, silt_json_string(silt_json_get(it.value, "path")));
        check_case(table, it.value, &t);
        free(table);
    }
    print_message("%zu cases agree, %zu are refused, %zu of those that differ too\n", t.agreed,
                  t.refused, t.optional);
    assert_true(t.agreed > 450 && t.optional < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(tables_of_others_add_up)};
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
