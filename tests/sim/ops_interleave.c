/* Two writers of one table, one store call after another in an order that follows from a seed: each
 * version is what some serial order of the operations that committed makes, what failed has left
 * nothing, and each app txn is there once at most. One may die.
 *
 * SILT_SWEEP=full tries thousands of seeds. A point's name repeats it: SILT_POINT. */
#include "sim/scene.h"
#include "sim/turns.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/store.h"
#include "support/files.h"

enum { WRITERS = TURNS_THREADS, OPS_MAX = 3, BASES = 40 };

static char *dir;
static silt_engine *engines[WRITERS];

/* Tables that schedules start from, made when they are asked for. */
static struct base {
    silt_store *store;
    scene scene;
} bases[BASES];

static int setup(void **state)
{
    (void)state;
    dir = test_dir_new();
    for (int i = 0; i < WRITERS; i++)
        engines[i] = sim_engine_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < BASES; i++) {
        if (bases[i].store) scene_release(&bases[i].scene);
        silt_store_free(bases[i].store);
    }
    for (int i = 0; i < WRITERS; i++)
        sim_engine_free(engines[i]);
    test_dir_free(dir);
    return 0;
}

static struct base *base_of(uint64_t seed)
{
    struct base *b = &bases[seed % BASES];
    if (b->store) return b;
    b->store = silt_store_mem_new();
    op_site site = {.store = b->store, .engine = engines[0], .dir = dir, .name = "base"};
    scene_plan(&b->scene, seed % BASES, NULL);
    scene_build(&b->scene, &site);
    return b;
}

/* What schedules came to, so that it shows when nothing is tested any more. */
static struct {
    int64_t commits, conflicts, rebased, deaths;
} sum;

/* ---- writers */

typedef struct writer {
    turns_place place;
    op_site site;
    char name[16];
    bool keeps; /* what it saw last is what it starts from */
    const model *base;
    op ops[OPS_MAX];
    op_outcome outcomes[OPS_MAX];
    size_t op_count, done;
    silt_fault_run calls;
    pthread_t thread;
} writer;

typedef struct schedule {
    uint64_t seed;
    struct base *base;
    silt_arena *arena;
    silt_store *store;
    op_site view; /* to look at the table by */
    turns turns;
    bool twins; /* both do the same, under the same numbers */
    writer writers[WRITERS];
    int64_t next_ident;
    const model *versions[32]; /* from the base's newest on: that they turned out to be */
    int64_t newest;
} schedule;

static void *write_all(void *ctx)
{
    writer *w = ctx;
    for (; w->done < w->op_count && !w->calls.dead; w->done++) {
        w->outcomes[w->done] = op_run(&w->site, &w->ops[w->done], w->base);
        if (w->keeps) continue;
        silt_snapshot_free(w->site.held);
        w->site.held = NULL;
    }
    silt_snapshot_free(w->site.held);
    w->site.held = NULL;
    turns_end(w->place.turns, w->place.id);
    return NULL;
}

static op_kind some_kind(const model *m, test_random *dice)
{
    static const op_kind kinds[] = {
        OP_APPEND,  OP_APPEND,     OP_OVERWRITE,   OP_REPLACE_WHERE, OP_REPLACE_PARTITIONS,
        OP_UPSERT,  OP_MERGE,      OP_APPEND_ONCE, OP_UPDATE,        OP_UPDATE,
        OP_DELETE,  OP_DELETE,     OP_OPTIMIZE,    OP_ZORDER,        OP_PURGE,
        OP_RESTORE, OP_ADD_COLUMN, OP_CHECKPOINT};
    op_kind kind = kinds[test_random_below(dice, SILT_COUNT(kinds))];
    return op_fits(kind, m) ? kind : some_kind(m, dice);
}

static void plan_writer(schedule *s, writer *w, test_random *dice)
{
    const scene *from = &s->base->scene;
    int id = s->twins ? 0 : w->place.id;
    op_supply supply = from->supply;
    supply.next_id += 1000 * id;
    supply.next_column += 10 * id;
    bool numbered = s->twins || test_random_below(dice, 2);
    w->op_count = 1 + test_random_below(dice, OPS_MAX);
    for (size_t i = 0; i < w->op_count; i++) {
        op *o = &w->ops[i];
        *o = op_some(some_kind(w->base, dice), w->base, &supply, dice);
        if (o->kind == OP_ADD_COLUMN) o->column.slot = SLOT_EXTRA + (size_t)id * OPS_MAX + i;
        if (o->kind == OP_RESTORE)
            o->version = 1 + (int64_t)test_random_below(dice, (size_t)from->newest);
        if (numbered && o->kind < OP_CHECKPOINT) o->app_version = (int64_t)i;
    }
}

static void begin(schedule *s, uint64_t seed)
{
    *s = (schedule){.seed = seed, .base = base_of(seed), .arena = silt_arena_new()};
    s->store = sim_keep(s->base->store);
    s->view = (op_site){.store = s->store, .engine = engines[0], .dir = dir, .name = "view"};
    turns_init(&s->turns, seed);
    test_random *dice = &s->turns.random;
    s->twins = test_random_below(dice, 4) == 0;
    s->next_ident = s->base->scene.next_ident;
    s->versions[0] = scene_now(&s->base->scene);
    s->newest = s->base->scene.newest;
    test_random same = *dice;
    size_t dies = test_random_below(dice, 3 * WRITERS);
    for (int i = 0; i < WRITERS; i++) {
        writer *w = &s->writers[i];
        w->place = (turns_place){&s->turns, i};
        w->keeps = test_random_below(dice, 2);
        w->base = s->versions[0];
        snprintf(w->name, sizeof(w->name), "writer-%d", i);
        test_random copy = same;
        plan_writer(s, w, s->twins ? &copy : dice);
        silt_fault_plan plan = {.run = &w->calls, .hook = turns_hook, .hook_ctx = &w->place};
        if ((size_t)i == dies) {
            plan.kind = test_random_below(dice, 2) ? SILT_FAULT_CRASH : SILT_FAULT_CRASH_AFTER;
            plan.at = 1 + (int64_t)test_random_below(dice, 60);
        }
        w->site = (op_site){.engine = engines[i], .dir = dir, .name = w->name};
        w->site.app = s->twins ? "twins" : w->name;
        w->site.store = silt_store_fault_new(s->store, &plan);
    }
}

static void end(schedule *s)
{
    for (int i = 0; i < WRITERS; i++)
        silt_store_free(s->writers[i].site.store);
    turns_release(&s->turns);
    silt_store_free(s->store);
    silt_arena_free(s->arena);
}

/* ---- serial orders */

static void tell(const schedule *s)
{
    fprintf(stderr, "# seed %" PRIu64 ", %s%s\n", s->seed,
            model_traits_text(&s->base->scene.traits, s->arena), s->twins ? ", twins" : "");
    for (int i = 0; i < WRITERS; i++)
        for (size_t o = 0; o < s->writers[i].op_count; o++) {
            const op_outcome *out = &s->writers[i].outcomes[o];
            fprintf(stderr, "# %d: %s\n#    %s%s, version %" PRId64 " %s\n", i,
                    op_text(&s->writers[i].ops[o], s->arena), silt_status_name(out->status),
                    out->committed ? ", committed" : "", out->version, out->err.message);
        }
}

static void check(schedule *s, bool ok, const char *format, ...) SILT_PRINTF(3, 4);
static void check(schedule *s, bool ok, const char *format, ...)
{
    if (ok) return;
    va_list args;
    tell(s);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    sim_check(false, "see above");
}

typedef enum part { LEAVE_OUT, MUST, MAY, CHANGES_NOTHING } part;

/* The part that an operation has in version `version`. */
static part part_of(const writer *w, size_t i, int64_t version, bool last)
{
    const op_outcome *out = &w->outcomes[i];
    if (i >= w->op_count || i >= w->done) return LEAVE_OUT;
    if (out->status == SILT_OK && out->committed && out->version >= 0)
        return out->version <= version ? MUST : LEAVE_OUT;
    if (out->status == SILT_OK && !out->before) return last ? CHANGES_NOTHING : LEAVE_OUT;
    return w->calls.dead && i + 1 == w->done ? MAY : LEAVE_OUT; /* it died over this one */
}

typedef struct search {
    schedule *s;
    int64_t version;
    bool last; /* the table's newest version: what had nothing to do counts, too */
    const char *rows, *columns;
    const model *found;
} search;

static bool reaches(search *f, const model *m, size_t a, size_t b);

static bool goes_on(search *f, const model *m, int who, size_t a, size_t b)
{
    const writer *w = &f->s->writers[who];
    size_t i = who ? b : a;
    if (i >= w->op_count) return false;
    part p = part_of(w, i, f->version, f->last);
    size_t next_a = a + (who == 0), next_b = b + (who == 1);
    if ((p == LEAVE_OUT || p == MAY) && reaches(f, m, next_a, next_b)) return true;
    if (p == LEAVE_OUT) return false;
    const op *o = &w->ops[i];
    const model *then = o->kind == OP_RESTORE ? f->s->base->scene.versions[o->version] : NULL;
    const model *after;
    if (op_apply(o, m, then, &f->s->next_ident, f->s->arena, &after) != SILT_OK) return false;
    if (p == CHANGES_NOTHING &&
        strcmp(model_text(m, f->s->arena), model_text(after, f->s->arena)) != 0)
        return false;
    return reaches(f, after, next_a, next_b);
}

/* Whether the rest, in some order, makes the version of the model. */
static bool reaches(search *f, const model *m, size_t a, size_t b)
{
    const writer *w = f->s->writers;
    if (a >= w[0].op_count && b >= w[1].op_count) {
        f->found = m;
        return strcmp(model_text(m, f->s->arena), f->rows) == 0 &&
               strcmp(model_columns_text(m, f->s->arena), f->columns) == 0;
    }
    return goes_on(f, m, 0, a, b) || goes_on(f, m, 1, a, b);
}

/* ---- what must be true */

static void check_versions(schedule *s)
{
    int64_t first = s->newest;
    s->newest = op_newest(&s->view);
    assert_true(s->newest - first < (int64_t)SILT_COUNT(s->versions));
    for (int64_t v = first + 1; v <= s->newest; v++) {
        silt_error err = {0};
        search f = {.s = s, .version = v, .last = v == s->newest};
        silt_status st = op_read(&s->view, v, s->arena, &f.rows, &f.columns, &err);
        check(s, st == SILT_OK, "version %" PRId64 ": %s", v, err.message);
        bool found = reaches(&f, s->versions[0], 0, 0);
        check(s, found, "no serial order makes version %" PRId64 ":\n%s\n%s", v, f.columns, f.rows);
        s->versions[v - first] = f.found;
    }
}

/* As many commits as were told of, each app txn once. */
static void check_outcomes(schedule *s)
{
    int64_t commits = 0, maybe = 0, of_number[OPS_MAX] = {0};
    for (int i = 0; i < WRITERS; i++) {
        const writer *w = &s->writers[i];
        for (size_t o = 0; o < w->done; o++) {
            const op_outcome *out = &w->outcomes[o];
            bool died = w->calls.dead && o + 1 == w->done;
            sum.conflicts += out->status == SILT_CONFLICT;
            sum.deaths += died;
            sum.rebased += out->status == SILT_OK && out->attempts > 1;
            bool star = w->ops[o].kind == OP_MERGE; /* for a column that the other one added */
            bool fine = out->status == SILT_OK || out->status == SILT_CONFLICT ||
                        out->status == SILT_BAD_DATA || died ||
                        (star && out->status == SILT_INVALID);
            check(s, fine, "operation %zu of writer %d: %s: %s", o, i,
                  silt_status_name(out->status), out->err.message);
            if (out->status != SILT_OK && died) maybe++;
            if (out->status != SILT_OK || !out->committed || out->version < 0) continue;
            commits++;
            sum.commits++;
            if (s->twins && w->ops[o].app_version >= 0) of_number[w->ops[o].app_version]++;
        }
    }
    int64_t made = s->newest - s->base->scene.newest;
    check(s, made >= commits && made <= commits + maybe, "%" PRId64 " commits, %" PRId64 " told of",
          made, commits);
    for (int i = 0; i < OPS_MAX; i++)
        check(s, of_number[i] <= 1, "number %d was committed %" PRId64 " times", i, of_number[i]);
}

/* What the feed tells of each version is the difference of its rows and those before. */
static void check_feed(schedule *s)
{
    const char *feeds[32];
    silt_error err = {0};
    int64_t first = s->base->scene.newest;
    const op restore = {.kind = OP_RESTORE};
    if (!s->base->scene.traits.feed) return;
    for (int64_t v = first + 1; v <= s->newest; v++) {
        const model *step;
        silt_status st = op_read_feed(&s->view, v, v, s->arena, feeds, &err);
        check(s, st == SILT_OK, "changes of %" PRId64 ": %s", v, err.message);
        (void)op_apply(&restore, s->versions[v - first - 1], s->versions[v - first], &s->next_ident,
                       s->arena, &step);
        const char *expected = text_net(model_feed(step, s->arena), s->arena);
        const char *found = text_net(feeds[0], s->arena);
        check(s, strcmp(expected, found) == 0,
              "changes of version %" PRId64 " come to\n%sand ought to come to\n%s", v, found,
              expected);
    }
}

static void check_ids(schedule *s)
{
    const model *m = s->versions[s->newest - s->base->scene.newest];
    if (!s->base->scene.traits.tracking || !m->row_count) return;
    int64_t *ids = silt_arena_alloc(s->arena, m->row_count * sizeof(*ids));
    int64_t *row_ids = silt_arena_alloc(s->arena, m->row_count * sizeof(*ids));
    for (size_t i = 0; i < m->row_count; i++)
        ids[i] = m->rows[i].cell[SLOT_ID];
    check(s, op_row_ids(&s->view, ids, m->row_count, row_ids), "two rows have one row id");
}

static void one_schedule(uint64_t seed)
{
    schedule *s = malloc(sizeof(*s));
    begin(s, seed);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&s->writers[i].thread, NULL, write_all, &s->writers[i]), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(s->writers[i].thread, NULL);
    check_versions(s);
    check_outcomes(s);
    check_feed(s);
    check_ids(s);
    const char *ill = op_doctor(&s->view, false, true, s->arena);
    check(s, !*ill, "the doctor finds: %s", ill);
    end(s);
    free(s);
}

static void two_writers_are_in_some_order(void **state)
{
    (void)state;
    uint64_t seeds = sim_full() ? 5000 : 120;
    const char *given = getenv("SILT_SEED"); /* another range of them */
    uint64_t first = given ? strtoull(given, NULL, 10) : 0;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        if (sim_point("interleave/%" PRIu64, seed)) one_schedule(seed);
    print_message("# %" PRId64 " commits, %" PRId64 " after others were first, %" PRId64
                  " conflicts, %" PRId64 " deaths\n",
                  sum.commits, sum.rebased, sum.conflicts, sum.deaths);
    if (!getenv("SILT_POINT") && !getenv("SILT_SHARD"))
        assert_true(sum.commits > 100 && sum.rebased > 10 && sum.deaths > 10);
    sim_report("two writers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_writers_are_in_some_order),
    };
    return cmocka_run_group_tests_name("ops_interleave", tests, setup, teardown);
}
