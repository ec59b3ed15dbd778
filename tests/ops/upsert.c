/* Upsert against a naive model, under conflicts, and in the counts that it reports. */
#include "ops/place.h"

#include "support/random.h"

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

static const char *const by_k[] = {"k"};

static void keyed(void)
{
    here.spec.keys = by_k;
    here.spec.key_count = 1;
}

static void assert_counts(size_t file, int64_t read, int64_t inserted, int64_t updated,
                          int64_t unchanged, int64_t deduplicated)
{
    const silt_source_counts *n = &here.result.facts.sources[file];
    assert_int_equal(n->read, read);
    assert_int_equal(n->inserted, inserted);
    assert_int_equal(n->updated, updated);
    assert_int_equal(n->unchanged, unchanged);
    assert_int_equal(n->deduplicated, deduplicated);
}

static bool find_merge(void *ctx, const silt_history_entry *entry)
{
    if (!silt_streq(entry->operation, "MERGE")) return true;
    *(const char **)ctx = silt_arena_strdup(here.arena, entry->commit_info);
    return false;
}

static void updates_and_inserts(void **state)
{
    (void)state;
    keyed();
    place_source(&here, "1.csv", "k,v\n1,a\n2,b\n,n\n");
    place_load_ok(&here);
    assert_counts(0, 3, 3, 0, 0, 0);
    place_no_sources(&here);
    place_source(&here, "2.csv", "v,k\nB,2\nc,3\nN,\n");
    here.spec.txn.app_id = "p/t";
    here.spec.txn.app_version = 1;
    place_load_ok(&here);
    assert_counts(0, 3, 1, 2, 0, 0);
    assert_int_equal(here.result.facts.rows_carried, 1);
    assert_int_equal(here.result.facts.files_removed, 1);
    place_assert_rows(&here, "k,v", "1|a\n2|B\n3|c\n~|N\n");
    assert_int_equal(silt_snapshot_app_version(here.now, "p/t"), 1);
    const char *info = "";
    place_ok(&here, silt_table_history(here.store, -1, find_merge, &info, &here.err));
    assert_non_null(strstr(info, "\"numTargetRowsUpdated\":\"2\""));
    assert_non_null(strstr(info, "\"numTargetRowsCopied\":\"1\""));
    assert_non_null(strstr(info, "\"numTargetFilesRemoved\":\"1\""));
}

static void the_newest_wins(void **state)
{
    (void)state;
    keyed();
    here.spec.newest_by = "at";
    place_source(&here, "1.csv", "k,at,v\n1,5,a\n2,5,b\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,at,v\n1,4,old\n2,7,x\n2,6,y\n3,1,first\n");
    place_source(&here, "3.csv", "v,at,k\nlast,1,3\n");
    place_source(&here, "4.csv", "k,at,v\n1,,none\n2,7,later\n");
    place_load_ok(&here);
    place_assert_rows(&here, "k,v", "1|a\n2|later\n3|last\n");
    assert_int_equal(here.result.facts.total.read, 7);
    assert_int_equal(here.result.facts.total.inserted, 1);
    assert_int_equal(here.result.facts.total.updated, 1);
    /* an older row of a key is a duplicate of it or as good as what stands there */
    assert_int_equal(here.result.facts.total.unchanged + here.result.facts.total.deduplicated, 5);
}

static void refuses_duplicates(void **state)
{
    (void)state;
    keyed();
    place_source(&here, "1.csv", "k,v\n1,a\n1,b\n");
    assert_int_equal(place_load(&here), SILT_BAD_DATA);
    place_assert_no_strays(&here);
}

static void nothing_changes_is_a_commit_alone(void **state)
{
    (void)state;
    keyed();
    here.spec.newest_by = "at";
    place_source(&here, "1.csv", "k,at\n1,5\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,at\n1,4\n");
    place_source(&here, "3.csv", "");
    here.spec.txn.app_id = "p/t";
    here.spec.txn.app_version = 0;
    place_load_ok(&here);
    assert_int_equal(here.result.facts.total.unchanged, 1);
    assert_int_equal(here.result.facts.files_added, 0);
    assert_int_equal(here.result.facts.files_removed, 0);
    assert_int_equal(silt_snapshot_app_version(here.now, "p/t"), 0);
    place_no_sources(&here);
    place_source(&here, "3.csv", "");
    here.spec.txn.app_version = 1;
    place_load_ok(&here);
    assert_int_equal(silt_snapshot_app_version(here.now, "p/t"), 1);
    place_assert_rows(&here, NULL, "1|5\n");
    place_assert_no_strays(&here);
}

static void needs_keys_that_are_there(void **state)
{
    (void)state;
    static const char *const by_z[] = {"z"};
    keyed();
    here.spec.keys = by_z;
    place_source(&here, "1.csv", "k,v\n1,a\n");
    assert_int_equal(place_load(&here), SILT_INVALID);
    here.spec.keys = by_k;
    here.spec.newest_by = "z";
    assert_int_equal(place_load(&here), SILT_INVALID);
    place_assert_no_strays(&here);
}

static void grows_while_it_merges(void **state)
{
    (void)state;
    keyed();
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_source(&here, "1.csv", "k,v\n1,a\n2,b\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,v,w\n2,B,9\n3,c,8\n");
    place_load_ok(&here);
    place_assert_rows(&here, "k,v,w", "1|a|~\n2|B|9\n3|c|8\n");
}

/* ---- conflicts: another writer commits between our scan and our commit */

static place other;
static int meddles_left;

static void other_init(const char *text)
{
    other = here; /* the same table; own snapshot and sources */
    other.arena = silt_arena_new();
    other.now = NULL;
    other.spec.txn.event = NULL;
    other.spec.attempt = NULL;
    other.loads = 100;
    other.sources.file_count = 0;
    other.sources.files = other.files;
    place_source(&other, "other.csv", text);
    place_reopen(&other);
}

static void other_release(void)
{
    silt_snapshot_free(other.now);
    silt_arena_free(other.arena);
}

/* A store call, the first put of a commit, is where the other one slips in. */
static void slip_in(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    (void)ctx, (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0) return;
    if (!strstr(key, "_delta_log/") || meddles_left <= 0) return;
    meddles_left--;
    place_load_ok(&other);
}

static void gives_conflicts_to_the_caller(void **state)
{
    (void)state;
    keyed();
    place_source(&here, "1.csv", "k,v\n1,a\n2,b\n");
    place_load_ok(&here);
    other_init("k,v\n2,other\n5,o\n");
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,v\n2,mine\n3,m\n");

    silt_fault_plan plan = {.hook = slip_in};
    silt_store *plain = here.store;
    here.store = silt_store_fault_new(here.below, &plan);
    place_reopen(&here);
    meddles_left = 1;
    place_ok(&here, place_load(&here));
    assert_int_equal(here.result.txn.outcome, SILT_TXN_CONFLICT);
    place_assert_no_strays(&here);
    place_reopen(&here);
    place_assert_rows(&here, "k,v", "1|a\n2|other\n5|o\n");
    place_load_ok(&here);
    place_assert_rows(&here, "k,v", "1|a\n2|mine\n3|m\n5|o\n");
    silt_snapshot_free(here.now);
    here.now = NULL;
    silt_store_free(here.store);
    here.store = plain;
    other_release();
}

/* ---- conservation: an engine that does as the real one, and loses a carried row */

static silt_engine_ops losing_ops;
static silt_engine losing = {&losing_ops};

static silt_status real_begin(silt_engine *engine, const silt_join_spec *spec, silt_arena *arena,
                              silt_join **out, silt_join_source *source, silt_error *err)
{
    (void)engine;
    return here.real->ops->join_begin(here.real, spec, arena, out, source, err);
}

static silt_status losing_write(silt_engine *engine, const silt_rewrite_spec *spec,
                                silt_arena *arena, silt_stage_result *out, silt_error *err)
{
    (void)engine;
    silt_status st = here.real->ops->rewrite(here.real, spec, arena, out, err);
    if (st != SILT_OK) return st;
    ((silt_staged_file *)out->files)[0].row_count--;
    out->row_count--;
    return SILT_OK;
}

static void sees_a_lost_row(void **state)
{
    (void)state;
    keyed();
    place_source(&here, "1.csv", "k,v\n1,a\n2,b\n");
    place_load_ok(&here);
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,v\n2,B\n");
    place_ok(&here, place_plan(&here));
    losing_ops = *here.real->ops;
    losing_ops.join_begin = real_begin;
    losing_ops.rewrite = losing_write;
    place_use(&here, &losing);
    silt_change_spec spec = here.spec;
    spec.sources = &here.sources;
    spec.plan = &here.plan;
    spec.attempt = "lost";
    assert_int_equal(silt_upsert(here.now, &spec, here.arena, &here.result, NULL, NULL, &here.err),
                     SILT_FAILED);
    assert_non_null(strstr(here.err.message, "conservation: 0 rows were written, but 0 inserted + "
                                             "0 updated + 1 carried over"));
    place_assert_no_strays(&here);
    place_use(&here, here.real);
    place_assert_rows(&here, "k,v", "1|a\n2|b\n");
}

/* ---- a naive model */

#define KEYS 40 /* and null */

typedef struct model_row {
    bool there;
    int64_t at; /* -1: null */
    int64_t v;
    int p;
} model_row;

typedef struct model {
    test_random random;
    model_row rows[KEYS + 1];
    bool newest;
    int64_t next;
} model;

/* The new row goes in unless one that is newer stands there; ties are the newcomer's. */
static bool model_put(model *m, model_row *at, const model_row *row)
{
    bool wins = !at->there || !m->newest || row->at >= at->at;
    if (wins) *at = *row;
    return wins;
}

static const char *model_file(model *m, model_row *batch, bool *used)
{
    SILT_CLEAN(silt_buf) text = {0};
    bool turned = test_random_below(&m->random, 2);
    silt_buf_puts(&text, turned ? "v,p,at,k\n" : "k,p,v,at\n");
    size_t rows = test_random_below(&m->random, 30);
    for (size_t i = 0; i < rows; i++) {
        size_t key = test_random_below(&m->random, KEYS + 1);
        if (!m->newest && used[key]) continue;
        used[key] = true;
        model_row row = {true, (int64_t)test_random_below(&m->random, 12) - 1, m->next++,
                         (int)test_random_below(&m->random, 3)};
        (void)model_put(m, &batch[key], &row);
        char k[24] = "", at[24] = "";
        if (key < KEYS) snprintf(k, sizeof(k), "%zu", key);
        if (row.at >= 0) snprintf(at, sizeof(at), "%d", (int)row.at);
        if (turned)
            silt_buf_printf(&text, "%d,p%d,%s,%s\n", (int)row.v, row.p, at, k);
        else
            silt_buf_printf(&text, "%s,p%d,%d,%s\n", k, row.p, (int)row.v, at);
    }
    return silt_buf_copy(&text, here.arena);
}

static const char *model_text(const model *m)
{
    SILT_CLEAN(silt_buf) all = {0};
    char *lines[KEYS + 1];
    size_t count = 0;
    for (size_t i = 0; i <= KEYS; i++) {
        const model_row *r = &m->rows[i];
        if (!r->there) continue;
        char k[24] = "~", at[24] = "~";
        if (i < KEYS) snprintf(k, sizeof(k), "%zu", i);
        if (r->at >= 0) snprintf(at, sizeof(at), "%d", (int)r->at);
        lines[count++] = silt_arena_printf(here.arena, "%s|p%d|%d|%s\n", k, r->p, (int)r->v, at);
    }
    qsort(lines, count, sizeof(*lines), place_order);
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < count; i++)
        silt_buf_puts(&all, lines[i]);
    return silt_buf_copy(&all, here.arena);
}

static void model_batch(model *m, int number)
{
    model_row batch[KEYS + 1] = {0};
    bool used[KEYS + 1] = {false};
    place_no_sources(&here);
    size_t files = 1 + test_random_below(&m->random, 3);
    for (size_t f = 0; f < files; f++)
        place_source(&here, silt_arena_printf(here.arena, "%d-%zu.csv", number, f),
                     model_file(m, batch, used));
    int64_t inserted = 0, updated = 0;
    for (size_t i = 0; i <= KEYS; i++) {
        if (!batch[i].there) continue;
        bool was = m->rows[i].there;
        if (!model_put(m, &m->rows[i], &batch[i])) continue;
        inserted += !was;
        updated += was;
    }
    place_load_ok(&here);
    assert_int_equal(here.result.facts.total.inserted, inserted);
    assert_int_equal(here.result.facts.total.updated, updated);
    place_assert_rows(&here, "k,p,v,at", model_text(m));
    place_assert_no_strays(&here);
}

static void run_model(bool newest)
{
    static const char *const by_p[] = {"p"};
    model m = {.random = test_random_new(), .newest = newest};
    keyed();
    here.spec.newest_by = newest ? "at" : NULL;
    here.sources.options.delimiter = ",";
    here.sources.partition_by = by_p;
    here.sources.partition_count = 1;
    place_create(&here, place_schema(&here, "struct<k:long,p:string,v:long,at:long>"));
    for (int i = 0; i < 8; i++)
        model_batch(&m, i);
    place_reopen(&here);
    place_assert_rows(&here, "k,p,v,at", model_text(&m));
}

static void follows_the_model(void **state)
{
    (void)state;
    run_model(false);
}

static void follows_the_model_with_newest_wins(void **state)
{
    (void)state;
    run_model(true);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define HIDDEN(name)                                                     \
    {                                                                    \
#name " without local paths", name, set_up, tear_down, (void *)1 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(updates_and_inserts),
        HIDDEN(updates_and_inserts),
        CASE(the_newest_wins),
        CASE(refuses_duplicates),
        CASE(nothing_changes_is_a_commit_alone),
        CASE(needs_keys_that_are_there),
        CASE(grows_while_it_merges),
        HIDDEN(grows_while_it_merges),
        CASE(gives_conflicts_to_the_caller),
        CASE(sees_a_lost_row),
        CASE(follows_the_model),
        HIDDEN(follows_the_model),
        CASE(follows_the_model_with_newest_wins),
        HIDDEN(follows_the_model_with_newest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
