/* Random operations on tables with random features, against a naive model: after each one the rows
 * of the newest version and of an older one, the change feed, row ids and the table's files are
 * what the model says.
 *
 * A table is a seed. SILT_SEED is the first of them, SILT_SWEEP=full takes many more; a point's
 * name repeats it: SILT_POINT. */
#include "sim/op.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/hash.h"
#include "store/store.h"
#include "support/files.h"

enum { VERSIONS_MAX = 200, IDENTS_MAX = 4000, STEPS = 18 };

static silt_engine *engine;

static int setup(void **state)
{
    (void)state;
    engine = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_engine_free(engine);
    return 0;
}

/* ---- a table and its model */

typedef struct story {
    char *dir;
    silt_arena *arena;
    test_random dice;
    model_traits traits;
    op_site site;
    op_supply supply;
    int64_t next_ident, next_number, clones;
    const model *versions[VERSIONS_MAX];
    int64_t newest;
    int64_t whole_from;          /* before it files may have gone */
    int64_t log_from;            /* before it commits may have gone */
    int64_t feed_from;           /* before it the feed may have gone */
    int64_t row_ids[IDENTS_MAX]; /* by ident; -1: not seen yet */
    silt_buf steps;
} story;

static bool chance(story *s, size_t percent)
{
    return test_random_below(&s->dice, 100) < percent;
}

static void check(story *s, bool ok, const char *format, ...) SILT_PRINTF(3, 4);
static void check(story *s, bool ok, const char *format, ...)
{
    if (ok) return;
    va_list args;
    va_start(args, format);
    fputs(s->steps.data, stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    sim_check(false, "see above");
}

static silt_store *open_folder(story *s, const char *name)
{
    silt_store *store = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    const char *path = silt_arena_printf(s->arena, "%s/%s", s->dir, name);
    assert_int_equal(silt_store_open(path, &opts, &store, NULL), SILT_OK);
    return store;
}

static void note(story *s, const char *text)
{
    silt_buf_printf(&s->steps, "# %" PRId64 ": %s\n", s->newest, text);
}

static void story_begin(story *s, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    s->dir = test_dir_new();
    s->arena = silt_arena_new();
    s->dice = (test_random){silt_hash64(&seed, sizeof(seed))};
    s->traits = model_some_traits(&s->dice);
    s->site = (op_site){.engine = engine, .dir = s->dir, .name = "source", .app = "story"};
    s->site.store = open_folder(s, "table");
    for (size_t i = 0; i < IDENTS_MAX; i++)
        s->row_ids[i] = -1;
    s->newest = -1;
    note(s, model_traits_text(&s->traits, s->arena));
    op_outcome out = op_create(&s->site, &s->traits, -1);
    check(s, out.status == SILT_OK && out.committed, "create: %s", out.err.message);
    s->versions[0] = model_new(&s->traits, s->arena);
    s->newest = 0;
}

static void story_end(story *s)
{
    silt_snapshot_free(s->site.held);
    silt_store_free(s->site.store);
    silt_buf_release(&s->steps);
    silt_arena_free(s->arena);
    test_dir_free(s->dir);
}

static const model *now(const story *s)
{
    return s->versions[s->newest];
}

/* ---- what must be true after each step */

static void check_version(story *s, int64_t version)
{
    const char *why = "", *rows, *columns;
    silt_error err = {0};
    if (version < s->whole_from || version < s->log_from) { /* it may be gone */
        silt_status st = op_read(&s->site, version, s->arena, &rows, &columns, &err);
        if (st == SILT_NOT_FOUND) return;
        check(s, st == SILT_OK, "version %" PRId64 ": %s", version, err.message);
    }
    bool same = op_same(&s->site, version, s->versions[version], s->arena, &why);
    check(s, same, "version %" PRId64 ": %s", version, why);
}

static void check_feed(story *s, int64_t from, int64_t to)
{
    const char *feeds[VERSIONS_MAX];
    silt_error err = {0};
    if (!s->traits.feed || s->versions[from]->shape != s->versions[to]->shape) return;
    silt_status st = op_read_feed(&s->site, from, to, s->arena, feeds, &err);
    check(s, st == SILT_OK, "changes %" PRId64 " to %" PRId64 ": %s", from, to, err.message);
    for (int64_t v = from; v <= to; v++) {
        const model *m = s->versions[v];
        const char *expected = model_feed(m, s->arena), *found = feeds[v - from];
        if (m->net) {
            expected = text_net(expected, s->arena);
            found = text_net(found, s->arena);
        }
        check(s, strcmp(expected, found) == 0,
              "changes of version %" PRId64 " are\n%sand ought to be\n%s", v, found, expected);
    }
}

static void check_row_ids(story *s)
{
    const model *m = now(s);
    if (!s->traits.tracking || !m->row_count) return;
    int64_t *ids = silt_arena_alloc(s->arena, m->row_count * sizeof(*ids));
    int64_t *found = silt_arena_alloc(s->arena, m->row_count * sizeof(*found));
    for (size_t i = 0; i < m->row_count; i++)
        ids[i] = m->rows[i].cell[SLOT_ID];
    check(s, op_row_ids(&s->site, ids, m->row_count, found), "two rows have one row id");
    for (size_t i = 0; i < m->row_count; i++) {
        int64_t ident = m->rows[i].ident;
        check(s, found[i] >= 0, "id %" PRId64 " has no row id", ids[i]);
        assert_true(ident < IDENTS_MAX);
        if (s->row_ids[ident] >= 0) {
            check(s, s->row_ids[ident] == found[i],
                  "the row id of id %" PRId64 " was %" PRId64 ", now it is %" PRId64, ids[i],
                  s->row_ids[ident], found[i]);
            continue;
        }
        for (int64_t other = 0; other < s->next_ident; other++)
            check(s, s->row_ids[other] != found[i],
                  "the row id %" PRId64 " of id %" PRId64 " was another row's", found[i], ids[i]);
        s->row_ids[ident] = found[i];
    }
}

static void check_all(story *s, bool deep)
{
    check_version(s, s->newest);
    check_version(s, (int64_t)test_random_below(&s->dice, (size_t)s->newest + 1));
    int64_t from = s->feed_from > s->newest ? s->newest : s->feed_from;
    if (chance(s, 70)) from += (int64_t)test_random_below(&s->dice, (size_t)(s->newest - from) + 1);
    if (from >= s->feed_from) check_feed(s, from, s->newest);
    check_row_ids(s);
    const char *ill = op_doctor(&s->site, deep, false, s->arena);
    check(s, !*ill, "the doctor finds: %s", ill);
}

/* ---- steps */

/* The table's next versions: the last of them is the model's, what is before it only tells. */
static void advance(story *s, const op *o, const model *after)
{
    int64_t newest = op_newest(&s->site);
    bool one = o->kind != OP_VACUUM;
    check(s, newest >= s->newest && (!one || newest <= s->newest + 1), "version %" PRId64, newest);
    assert_true(newest < VERSIONS_MAX);
    const op nothing = {.kind = OP_CHECKPOINT};
    while (s->newest < newest - 1) {
        const model *same;
        assert_int_equal(op_apply(&nothing, now(s), NULL, &s->next_ident, s->arena, &same), 0);
        s->versions[++s->newest] = same;
    }
    if (s->newest < newest) s->versions[++s->newest] = after;
    const char *there = model_text(now(s), s->arena), *expected = model_text(after, s->arena);
    check(s, strcmp(there, expected) == 0, "nothing was committed, but rows ought to be\n%s",
          expected);
}

static void check_counts(story *s, const op *o, const op_outcome *out, const model *after)
{
    if (o->kind == OP_DELETE)
        check(s, out->deleted == after->deleted, "%" PRId64 " deleted, not %" PRId64, out->deleted,
              after->deleted);
    if (o->kind == OP_UPDATE || o->kind == OP_UPSERT)
        check(s, out->updated == after->updated, "%" PRId64 " updated, not %" PRId64, out->updated,
              after->updated);
    if (o->kind <= OP_MERGE)
        check(s, out->inserted == after->inserted, "%" PRId64 " inserted, not %" PRId64,
              out->inserted, after->inserted);
    if (o->kind == OP_EXPORT)
        check(s, out->inserted == (int64_t)after->row_count, "%" PRId64 " rows exported",
              out->inserted);
}

/* Row ids of rows that the table doesn't have may be given anew. */
static void forget_row_ids(story *s)
{
    int64_t *known = silt_arena_alloc(s->arena, sizeof(s->row_ids));
    memcpy(known, s->row_ids, sizeof(s->row_ids));
    for (size_t i = 0; i < IDENTS_MAX; i++)
        s->row_ids[i] = -1;
    for (size_t i = 0; i < now(s)->row_count; i++)
        s->row_ids[now(s)->rows[i].ident] = known[now(s)->rows[i].ident];
}

/* The clone has the rows; it may take the table's place. */
static void visit_clone(story *s)
{
    op_site there = s->site;
    const char *why = "";
    there.store = s->site.beside;
    there.held = NULL;
    there.beside = NULL;
    s->site.beside = NULL;
    check(s, op_same(&there, SILT_LATEST, now(s), s->arena, &why), "clone: %s", why);
    const char *ill = op_doctor(&there, true, false, s->arena);
    check(s, !*ill, "the doctor finds in the clone: %s", ill);
    if (chance(s, 50)) {
        silt_store_free(there.store);
        return;
    }
    note(s, "on with the clone");
    silt_snapshot_free(s->site.held);
    silt_store_free(s->site.store);
    s->site = there;
    s->versions[0] = now(s);
    s->newest = s->whole_from = s->log_from = 0;
    s->feed_from = 1;
    forget_row_ids(s);
}

static op_kind some_kind(story *s)
{
    static const op_kind often[] = {OP_APPEND, OP_APPEND, OP_UPSERT, OP_UPDATE, OP_DELETE};
    op_kind kind = now(s)->row_count == 0 ? OP_APPEND
                   : chance(s, 45)        ? often[test_random_below(&s->dice, SILT_COUNT(often))]
                                          : (op_kind)test_random_below(&s->dice, OP_KINDS);
    return op_fits(kind, now(s)) ? kind : some_kind(s);
}

static void prepare(story *s, op *o)
{
    bool numbered = o->kind < OP_CHECKPOINT && chance(s, 30);
    if (numbered) o->app_version = s->next_number++;
    if (o->kind == OP_RESTORE)
        o->version = s->log_from +
                     (int64_t)test_random_below(&s->dice, (size_t)(s->newest - s->log_from) + 1);
    if (o->kind == OP_CLEANUP_LOG) op_age_log(&s->site, s->newest);
    if (o->kind == OP_CLONE)
        s->site.beside = open_folder(s, silt_arena_printf(s->arena, "clone-%" PRId64, s->clones++));
    bool stale = o->kind < OP_RESTORE && chance(s, 50);
    if (stale) return;
    silt_snapshot_free(s->site.held);
    s->site.held = NULL;
}

static void finish(story *s, const op *o, const op_outcome *out, const model *after)
{
    advance(s, o, after);
    check_counts(s, o, out, after);
    if (o->kind == OP_VACUUM) s->whole_from = s->newest;
    if (o->kind == OP_VACUUM) s->feed_from = s->newest + 1;
    if (out->first_version > s->log_from) s->log_from = out->first_version;
    if (s->feed_from < s->log_from) s->feed_from = s->log_from;
    if (o->kind == OP_CLONE) visit_clone(s);
    if (o->app_version < 0 || !out->committed) return;
    op_outcome again = op_run(&s->site, o, now(s));
    check(s, again.status == SILT_OK && again.before && !again.committed, "done twice: %s",
          again.err.message);
    check(s, again.version == out->version, "it was version %" PRId64 ", not %" PRId64,
          out->version, again.version);
    check(s, op_newest(&s->site) == s->newest, "it was committed twice");
}

static void step(story *s)
{
    op o = op_some(some_kind(s), now(s), &s->supply, &s->dice);
    prepare(s, &o);
    note(s, op_text(&o, s->arena));
    const model *after = NULL, *then = o.kind == OP_RESTORE ? s->versions[o.version] : NULL;
    silt_status expected = op_apply(&o, now(s), then, &s->next_ident, s->arena, &after);
    op_outcome out = op_run(&s->site, &o, now(s));
    bool gone = o.kind == OP_RESTORE && o.version < s->whole_from && out.status == SILT_NOT_FOUND;
    if (expected == SILT_OK && !gone) {
        check(s, out.status == SILT_OK, "%s: %s", silt_status_name(out.status), out.err.message);
        finish(s, &o, &out, after);
        return;
    }
    check(s, gone || out.status == expected, "%s: %s", silt_status_name(out.status),
          out.err.message);
    check(s, op_newest(&s->site) == s->newest, "it was refused, and committed");
}

static void one_story(uint64_t seed)
{
    story *s = malloc(sizeof(*s));
    story_begin(s, seed);
    for (int i = 0; i < STEPS; i++) {
        step(s);
        check_all(s, i + 1 == STEPS);
    }
    story_end(s);
    free(s);
}

static void tables_are_what_the_model_says(void **state)
{
    (void)state;
    const char *given = getenv("SILT_SEED"), *only = getenv("SILT_POINT");
    uint64_t first = given ? strtoull(given, NULL, 10) : 0;
    uint64_t count = sim_full() ? 1500 : 30;
    if (only && strrchr(only, '/')) first = strtoull(strrchr(only, '/') + 1, NULL, 10);
    time_t until = time(NULL) + 30; /* of those that aren't asked for all */
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (!sim_full() && time(NULL) > until) break;
        if (sim_point("random/%" PRIu64, seed)) one_story(seed);
    }
    sim_report("tables of random operations");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_what_the_model_says),
    };
    return cmocka_run_group_tests_name("ops_random", tests, setup, teardown);
}
