/* Random deletes, updates and optimizes of tables with random features, against a naive model: the
 * rows after each, and the feed against the difference. */
#include "ops/edits.h"

#include "support/random.h"

#define ROWS_MAX 2000

typedef struct row {
    int64_t id, v; /* v < 0: null */
    char p;
} row;

static row model[ROWS_MAX];
static size_t model_count;
static int64_t next_id;
static test_random dice;

static bool chance(size_t percent)
{
    return test_random_below(&dice, 100) < percent;
}

static const char *model_rows(void)
{
    SILT_CLEAN(silt_buf) all = {0};
    place_lines l = {.arena = here.arena};
    for (size_t i = 0; i < model_count; i++) {
        const row *r = &model[i];
        char *line = r->v < 0 ? silt_arena_printf(here.arena, "%" PRId64 "|%c|~\n", r->id, r->p)
                              : silt_arena_printf(here.arena, "%" PRId64 "|%c|%" PRId64 "\n", r->id,
                                                  r->p, r->v);
        assert_true(silt_vec_push(&l.lines, line));
    }
    if (l.lines.count) qsort(l.lines.items, l.lines.count, sizeof(*l.lines.items), place_order);
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < l.lines.count; i++)
        silt_buf_puts(&all, l.lines.items[i]);
    silt_vec_free(&l.lines);
    return silt_buf_copy(&all, here.arena);
}

static void insert_some(void)
{
    SILT_CLEAN(silt_buf) csv = {0};
    size_t count = 1 + test_random_below(&dice, 40);
    if (model_count + count > ROWS_MAX) return;
    silt_buf_puts(&csv, "id,p,v\n");
    for (size_t i = 0; i < count; i++) {
        row r = {next_id++, chance(15) ? -1 : (int64_t)test_random_below(&dice, 100),
                 (char)('a' + test_random_below(&dice, 3))};
        model[model_count++] = r;
        silt_buf_printf(&csv, "%" PRId64 ",%c,", r.id, r.p);
        if (r.v >= 0) silt_buf_printf(&csv, "%" PRId64, r.v);
        silt_buf_putc(&csv, '\n');
    }
    insert(csv.data);
}

/* A condition, as SQL and as C. */
typedef struct condition {
    int kind;
    int64_t a, b;
    char p;
    const char *text;
} condition;

static condition some_condition(void)
{
    condition c = {
        (int)test_random_below(&dice, 6), (int64_t)test_random_below(&dice, (size_t)next_id + 1),
        (int64_t)test_random_below(&dice, 60), (char)('a' + test_random_below(&dice, 4)), NULL};
    static const char *const texts[] = {"id BETWEEN %1$" PRId64 " AND %1$" PRId64 " + %2$" PRId64,
                                        "v < %2$" PRId64,
                                        "p = '%3$c' AND v >= %2$" PRId64,
                                        "p = '%3$c'",
                                        "v IS NULL OR id %% 7 = 3",
                                        NULL};
    if (texts[c.kind]) {
        char *text = silt_arena_alloc(here.arena, 200);
        snprintf(text, 200, texts[c.kind], c.a, c.b, c.p);
        c.text = text;
    }
    if (!c.text && !chance(10)) return some_condition();
    return c;
}

static bool takes(const condition *c, const row *r)
{
    switch (c->kind) {
    case 0:
        return r->id >= c->a && r->id <= c->a + c->b;
    case 1:
        return r->v >= 0 && r->v < c->b;
    case 2:
        return r->p == c->p && r->v >= c->b;
    case 3:
        return r->p == c->p;
    case 4:
        return r->v < 0 || r->id % 7 == 3;
    default:
        return true;
    }
}

static void delete_some(void)
{
    condition c = some_condition();
    size_t kept = 0, before = model_count;
    for (size_t i = 0; i < before; i++)
        if (!takes(&c, &model[i])) model[kept++] = model[i];
    model_count = kept;
    print_message("delete %s\n", c.text ? c.text : "all");
    place_ok(&here, delete_rows(c.text));
    assert_int_equal(done.rows_deleted, before - kept);
}

static void update_some(void)
{
    condition c = some_condition();
    bool moves = chance(30);
    int64_t hits = 0;
    for (size_t i = 0; i < model_count; i++) {
        if (!takes(&c, &model[i])) continue;
        hits++;
        if (moves)
            model[i].p = 'b';
        else if (model[i].v >= 0)
            model[i].v = (model[i].v + model[i].id) % 100;
    }
    print_message("update %s %s\n", moves ? "p" : "v", c.text ? c.text : "all");
    place_ok(&here, update_rows(moves ? "p" : "v", moves ? "'b'" : "(v + id) % 100", c.text));
    assert_int_equal(done.rows_updated, hits);
}

static void optimize_some(void)
{
    static const char *const by[] = {"v", "id", NULL};
    silt_optimize_options opts = SILT_OPTIMIZE_OPTIONS_INIT;
    opts.purge = chance(30);
    if (!opts.purge && chance(30)) opts.z_order = by;
    edit_opts.target_file_bytes = chance(50) ? 1200 : 0;
    print_message("optimize%s%s\n", opts.purge ? " purge" : "", opts.z_order ? " z-order" : "");
    place_ok(&here, optimize_files(&opts));
    edit_opts.target_file_bytes = 0;
}

static void one_table(void)
{
    SILT_CLEAN(silt_buf) properties = {0};
    bool feed = chance(60);
    silt_buf_printf(&properties, "delta.checkpointInterval=%d", chance(50) ? 3 : 100);
    if (chance(60)) silt_buf_puts(&properties, ",delta.enableDeletionVectors=true");
    if (feed) silt_buf_puts(&properties, ",delta.enableChangeDataFeed=true");
    if (chance(40)) silt_buf_puts(&properties, ",delta.enableRowTracking=true");
    if (chance(30)) silt_buf_puts(&properties, ",delta.randomizeFilePrefixes=true");
    if (chance(40))
        silt_buf_printf(&properties, ",delta.columnMapping.mode=%s", chance(50) ? "name" : "id");
    print_message("table %s\n", properties.data);
    make_table("struct<id:bigint,p:string,v:bigint>", chance(50) ? "p" : NULL, properties.data);
    edit_opts.rewrite_percent = chance(50) ? 100 : (int)test_random_below(&dice, 101);
    model_count = 0;
    next_id = 0;
    for (int step = 0; step < 14; step++) {
        size_t what = test_random_below(&dice, 10);
        int64_t before = silt_snapshot_version(here.now);
        if (what < 3 || !model_count)
            insert_some();
        else if (what < 6)
            delete_some();
        else if (what < 8)
            update_some();
        else
            optimize_some();
        place_assert_rows(&here, NULL, model_rows());
        assert_no_strays();
        int64_t now = silt_snapshot_version(here.now);
        if (!feed || now == before || (what >= 6 && what < 8)) continue;
        assert_string_equal(changes(now, now, false), changes(now, now, true));
    }
}

static void random_edits_agree_with_the_model(void **state)
{
    dice = test_random_new();
    for (int i = 0; i < 12; i++) {
        tear_down(state);
        set_up(state);
        one_table();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_edits_agree_with_the_model, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
