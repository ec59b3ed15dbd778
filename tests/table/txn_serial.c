/* Random txns over one table, some of them open at once: what each has written is what it would
 * have written had it begun when it was committed. */
#include <stdio.h>

#include "support/random.h"
#include "table/expr.h"
#include "table/txns.h"

/* A row is a number of a small domain; a file holds all from min to max, which its stats say. So
 * what a commit does can be told from the log alone, and done again on a model that only counts. */
enum { NUMBERS = 60, SUMS = 200, OPEN = 3 };

typedef enum kind { APPEND, DELETE, COUNT, SWEEP, PACK, KINDS } kind;

/* An operation on rows from `from` to `to`. */
typedef struct step {
    kind kind;
    int from, to;
} step;

typedef struct open_txn {
    step step;
    silt_txn *txn;
    silt_snapshot *base;
    silt_arena *arena; /* of the condition */
} open_txn;

typedef struct world {
    silt_store *store;
    silt_arena *arena;
    test_random random;
    silt_isolation isolation;
    int files, commits, rebased, conflicts;
} world;

typedef struct model {
    int rows[NUMBERS + SUMS]; /* how often each number is there */
} model;

/* ---- the model */

static void count_rows(silt_snapshot *snapshot, model *out)
{
    const silt_add *adds;
    size_t count;
    *out = (model){0};
    assert_ok(silt_snapshot_adds(snapshot, &adds, &count, &err));
    for (size_t i = 0; i < count; i++) {
        int min, max;
        if (sscanf(adds[i].path, "f%*d-%d-%d", &min, &max) != 2) fail_msg("%s", adds[i].path);
        for (int k = min; k <= max; k++)
            out->rows[k]++;
    }
}

static void apply(const step *s, model *m)
{
    int sum = 0;
    for (int i = s->from; i <= s->to; i++) {
        if (s->kind == APPEND) m->rows[i]++;
        sum += m->rows[i];
        if (s->kind == DELETE) m->rows[i] = 0;
    }
    if (s->kind == COUNT) m->rows[NUMBERS + sum % SUMS]++;
    for (int i = 0; i < NUMBERS && s->kind == SWEEP; i++)
        m->rows[i] = i >= s->from && i <= s->to;
}

/* ---- the same by txns */

static void add_file(world *w, silt_txn *txn, int min, int max)
{
    if (min > max) return;
    silt_add add = test_table_file(
        w->arena, silt_arena_printf(w->arena, "f%d-%d-%d", w->files++, min, max), min, max);
    assert_ok(silt_txn_add(txn, &add, &err));
}

/* What a step makes of a file that it found. */
static void change_file(world *w, const step *s, silt_txn *txn, const silt_add *file, int *sum)
{
    int min, max;
    (void)sscanf(file->path, "f%*d-%d-%d", &min, &max);
    int first = min > s->from ? min : s->from, last = max < s->to ? max : s->to;
    if (s->kind == SWEEP && min < NUMBERS) assert_ok(silt_txn_remove(txn, file, true, &err));
    if (first > last) return;
    *sum += last - first + 1;
    if (s->kind == DELETE || s->kind == PACK) assert_ok(silt_txn_remove(txn, file, true, &err));
    if (s->kind == DELETE) {
        add_file(w, txn, min, first - 1);
        add_file(w, txn, last + 1, max);
    }
    if (s->kind == PACK) {
        add_file(w, txn, min, (min + max) / 2);
        add_file(w, txn, (min + max) / 2 + 1, max);
    }
}

static open_txn begin_step(world *w, step s)
{
    open_txn o = {.step = s, .base = test_table_open(w->store), .arena = silt_arena_new()};
    silt_txn_options opts = {
        .isolation = w->isolation, .rearranges = s.kind == PACK, .retry = SILT_COMMIT_RETRY_INIT};
    if (s.kind == DELETE || s.kind == COUNT) {
        const char *text = silt_arena_printf(o.arena, "id >= %d AND id <= %d", s.from, s.to);
        opts.read = SILT_READ_WHERE;
        assert_ok(
            silt_expr_condition(text, silt_snapshot_schema(o.base), o.arena, &opts.where, &err));
    } else if (s.kind == SWEEP) {
        opts.read = SILT_READ_TABLE;
    }
    o.txn = begin(o.base, &opts);
    const silt_add *adds;
    size_t count;
    int sum = 0;
    assert_ok(silt_snapshot_adds(o.base, &adds, &count, &err));
    for (size_t i = 0; i < count && s.kind != APPEND; i++)
        change_file(w, &s, o.txn, &adds[i], &sum);
    if (s.kind == APPEND || s.kind == SWEEP) add_file(w, o.txn, s.from, s.to);
    if (s.kind == COUNT) add_file(w, o.txn, NUMBERS + sum % SUMS, NUMBERS + sum % SUMS);
    return o;
}

static void open_txn_free(open_txn *o)
{
    silt_txn_free(o->txn);
    silt_snapshot_free(o->base);
    silt_arena_free(o->arena);
    *o = (open_txn){0};
}

/* Under SERIALIZABLE the step, done anew on the version before, gives the version. Appends and what
 * rearranges are that under each level. */
static void commit_step(world *w, open_txn *o)
{
    silt_txn_result result;
    SILT_AUTO(silt_snapshot) before = test_table_open(w->store);
    assert_ok(silt_txn_commit(o->txn, &result, NULL, &err));
    SILT_AUTO(silt_snapshot) after = test_table_open(w->store);
    model expected, found;
    count_rows(before, &expected);
    count_rows(after, &found);
    if (result.outcome == SILT_TXN_COMMITTED) {
        w->commits++;
        w->rebased += result.version > silt_snapshot_version(o->base) + 1;
        apply(&o->step, &expected);
    } else {
        w->conflicts++;
    }
    bool whole = w->isolation == SILT_SERIALIZABLE || o->step.kind == APPEND ||
                 o->step.kind == PACK || result.outcome != SILT_TXN_COMMITTED;
    if (whole && memcmp(&expected, &found, sizeof(found)) != 0)
        fail_msg("step %d of %d to %d, over version %d, came to something else (%s)",
                 (int)o->step.kind, o->step.from, o->step.to, (int)silt_snapshot_version(o->base),
                 result.conflict);
    silt_snapshot_free(SILT_TAKE(after));
    silt_snapshot_free(SILT_TAKE(before));
    open_txn_free(o);
}

static void run(world *w, int steps)
{
    open_txn open[OPEN] = {0};
    for (int i = 0; i < steps; i++) {
        open_txn *o = &open[test_random_below(&w->random, OPEN)];
        if (o->txn) {
            commit_step(w, o);
            continue;
        }
        step s = {.kind = (kind)test_random_below(&w->random, KINDS)};
        if (s.kind == SWEEP && test_random_below(&w->random, 2)) s.kind = APPEND;
        s.from = (int)test_random_below(&w->random, NUMBERS);
        s.to = s.from + (int)test_random_below(&w->random, 8);
        if (s.to >= NUMBERS) s.to = NUMBERS - 1;
        *o = begin_step(w, s);
    }
    for (int i = 0; i < OPEN; i++)
        if (open[i].txn) open_txn_free(&open[i]);
}

static void versions_are_a_serial_order(void **state)
{
    (void)state;
    test_random random = test_random_new();
    static const silt_isolation levels[] = {SILT_SERIALIZABLE, SILT_WRITE_SERIALIZABLE,
                                            SILT_SNAPSHOT_ISOLATION};
    for (size_t l = 0; l < SILT_COUNT(levels); l++) {
        int rebased = 0, conflicts = 0;
        for (int round = 0; round < 60; round++) {
            world w = {.store = silt_store_mem_new(),
                       .arena = silt_arena_new(),
                       .random = random,
                       .isolation = levels[l]};
            if (round % 2)
                test_table_make_with(w.store, all_features, tracked_and_dated);
            else
                test_table_make(w.store, false, NULL);
            run(&w, 60);
            random = w.random;
            rebased += w.rebased;
            conflicts += w.conflicts;
            silt_arena_free(w.arena);
            silt_store_free(w.store);
        }
        if (rebased < 50 || conflicts < 10) /* nothing was tested */
            fail_msg("%d rebased, %d conflicts", rebased, conflicts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_a_serial_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
