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

/* What Silt finds of a table at a version. */
typedef struct found {
    silt_log_state state;
    silt_log_files files;
} found;

static silt_status open_table(const char *path, int64_t version, found *out)
{
    SILT_AUTO(silt_store) table = NULL;
    silt_log_segment segment;
    SILT_TRY(silt_store_open(path, NULL, &table, &err));
    SILT_TRY(silt_log_segment_load(table, version, arena, &segment, &err));
    SILT_TRY(silt_log_state_load(table, engine, &segment, arena, &out->state, &err));
    SILT_TRY(silt_feature_check_read(&out->state.protocol, &out->state.metadata, &err));
    return silt_log_files_load(table, engine, &segment, true, arena, &out->files, &err);
}

static void compare(const char *id, const silt_json *expected, const found *f)
{
    const silt_metadata *m = &f->state.metadata;
    int64_t count = silt_json_int(silt_json_get(expected, "num_files"), -1);
    int64_t size = silt_json_int(silt_json_get(expected, "size_of_files"), -1);
    if (count >= 0 && (size_t)count != f->files.count)
        fail_msg("%s: %zu files, expected %" PRId64, id, f->files.count, count);
    if (size >= 0 && size != f->files.size_bytes)
        fail_msg("%s: %" PRId64 " bytes, expected %" PRId64, id, f->files.size_bytes, size);
    assert_int_equal(f->state.protocol.min_reader,
                     silt_json_int(silt_json_get(expected, "min_reader"), -1));
    assert_int_equal(f->state.protocol.min_writer,
                     silt_json_int(silt_json_get(expected, "min_writer"), -1));
    size_t i = 0;
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(expected, "partition_columns"));
         silt_json_next(&it); i++)
        assert_true(i < m->partition_columns.count &&
                    silt_streq(m->partition_columns.items[i], silt_json_string(it.value)));
    assert_int_equal(i, m->partition_columns.count);
}

/* Reading cases either agree or are refused by a feature's name; CORRUPT only where a case may
 * fail. */
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
    size_t agreed = 0, refused = 0, size;
    const silt_json *json;
    char *text = test_read(corpus, "cases.json", &size);
    assert_ok(silt_json_parse((silt_bytes){text, size}, arena, &json, &err));
    free(text);
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(json, "cases"));
         silt_json_next(&it);) {
        const char *id = silt_json_string(silt_json_get(it.value, "id"));
        const silt_json *expected = silt_json_get_some(it.value, "snapshot");
        bool optional = silt_json_get_some(it.value, "optional") != NULL;
        if (!silt_streq(silt_json_string(silt_json_get(it.value, "kind")), "read")) continue;
        found f = {0};
        char *table = test_path(corpus, silt_json_string(silt_json_get(it.value, "path")));
        silt_status st =
            open_table(table, silt_json_int(silt_json_get(it.value, "version"), -1), &f);
        free(table);
        if (st == SILT_UNSUPPORTED || (st == SILT_CORRUPT && optional)) {
            refused++;
            continue;
        }
        if (st != SILT_OK) fail_msg("%s: %s: %s", id, silt_status_name(st), err.message);
        /* Where readers disagree, the snapshot may be that of a wrong one. */
        if (expected && silt_streq(silt_json_string(silt_json_get(it.value, "agreement")), "agree"))
            compare(id, expected, &f);
        agreed++;
    }
    print_message("%zu cases agree, %zu are refused by name\n", agreed, refused);
    assert_true(agreed > 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(tables_of_others_add_up)};
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
