/* SCD type 2 against a naive model with random histories, and what it makes of damage. */
#include "ops/place.h"

#include "base/seam.h"
#include "ops/scd2.h"
#include "support/random.h"

static place here;
static silt_scd2_options scd2;

#define DAY      INT64_C(86400000000)
#define START_US (INT64_C(19723) * DAY) /* 2024-01-01 */

static int set_up(void **state)
{
    static const char *const by_v[] = {"v", NULL};
    static const silt_scd2_options none = SILT_SCD2_OPTIONS_INIT;
    place_init(&here, *state == NULL);
    silt_scd2_options given = none;
    given.tracking_columns = by_v;
    place_ok(&here, silt_scd2_take(&given, &scd2, &here.err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

static const char *const by_k[] = {"k", NULL};

static void versioned(void)
{
    here.spec.keys = by_k;
    here.spec.key_count = 1;
    here.spec.scd2 = &scd2;
    here.spec.load_time_us = START_US;
    here.sources.scd2 = &scd2;
    here.sources.options.delimiter = ",";
}

static silt_scd2_report checked(void)
{
    silt_scd2_report report;
    silt_scd2_options by = scd2;
    by.close_missing |= here.sources.deletes != NULL; /* which leaves gaps */
    place_ok(&here, silt_scd2_check(here.now, by_k, &by, here.arena, &report, &here.err));
    return report;
}

static void load(const char *name, const char *text)
{
    place_no_sources(&here);
    place_source(&here, name, text);
    here.spec.load_time_us += DAY;
    place_load_ok(&here);
}

/* ---- by hand */

static void keeps_versions(void **state)
{
    (void)state;
    versioned();
    load("1.csv", "k,v,w\n1,a,x\n2,b,x\n,n,x\n");
    load("2.csv", "k,v,w\n1,A,x\n2,b,y\n3,c,x\n,n,x\n");
    const silt_source_counts *n = &here.result.facts.total;
    assert_int_equal(n->inserted, 2);
    assert_int_equal(n->updated, 1);
    assert_int_equal(n->unchanged, 1);
    place_assert_rows(&here, "k,v,w,effective_date,end_date,is_current",
                      "1|A|x|2024-01-03T00:00:00.000000Z|~|true\n"
                      "1|a|x|2024-01-02T00:00:00.000000Z|2024-01-03T00:00:00.000000Z|false\n"
                      "2|b|y|2024-01-02T00:00:00.000000Z|~|true\n"
                      "3|c|x|2024-01-03T00:00:00.000000Z|~|true\n"
                      "~|n|x|2024-01-02T00:00:00.000000Z|~|true\n");
    place_assert_no_strays(&here);
    assert_int_equal(checked().bad_keys, 0);
    assert_int_equal(checked().current, 4);
}

static void late_rows_split_versions(void **state)
{
    (void)state;
    versioned();
    scd2.effective_from = "at";
    load("1.csv", "k,v,at\n1,a,2024-01-01\n1,c,2024-01-05\n");
    load("2.csv", "k,v,at\n1,b,2024-01-03\n1,z,2023-12-01\n");
    place_assert_rows(&here, "v,effective_date,end_date",
                      "a|2024-01-01T00:00:00.000000Z|2024-01-03T00:00:00.000000Z\n"
                      "b|2024-01-03T00:00:00.000000Z|2024-01-05T00:00:00.000000Z\n"
                      "c|2024-01-05T00:00:00.000000Z|~\n"
                      "z|2023-12-01T00:00:00.000000Z|2024-01-01T00:00:00.000000Z\n");
    /* What was seen later than a late row is still known. */
    load("3.csv", "k,v,at\n1,c,2024-01-09\n");
    load("4.csv", "k,v,at\n1,d,2024-01-07\n");
    place_assert_rows(&here, "v,effective_date,end_date",
                      "a|2024-01-01T00:00:00.000000Z|2024-01-03T00:00:00.000000Z\n"
                      "b|2024-01-03T00:00:00.000000Z|2024-01-05T00:00:00.000000Z\n"
                      "c|2024-01-05T00:00:00.000000Z|2024-01-07T00:00:00.000000Z\n"
                      "c|2024-01-09T00:00:00.000000Z|~\n"
                      "d|2024-01-07T00:00:00.000000Z|2024-01-09T00:00:00.000000Z\n"
                      "z|2023-12-01T00:00:00.000000Z|2024-01-01T00:00:00.000000Z\n");
    assert_int_equal(here.result.facts.rows_more, 1);
    /* A correction joins what it lay between. */
    load("5.csv", "k,v,at\n1,c,2024-01-07\n");
    place_assert_rows(&here, "v,effective_date,end_date",
                      "a|2024-01-01T00:00:00.000000Z|2024-01-03T00:00:00.000000Z\n"
                      "b|2024-01-03T00:00:00.000000Z|2024-01-05T00:00:00.000000Z\n"
                      "c|2024-01-05T00:00:00.000000Z|~\n"
                      "z|2023-12-01T00:00:00.000000Z|2024-01-01T00:00:00.000000Z\n");
    assert_int_equal(here.result.facts.rows_more, -2);
    assert_int_equal(checked().bad_keys, 0);
}

static void keys_that_vanish_are_closed(void **state)
{
    (void)state;
    versioned();
    scd2.close_missing = true;
    load("1.csv", "k,v\n1,a\n2,b\n");
    load("2.csv", "k,v\n1,a\n");
    place_assert_rows(&here, "k,v,effective_date,end_date,is_current",
                      "1|a|2024-01-02T00:00:00.000000Z|~|true\n"
                      "2|b|2024-01-02T00:00:00.000000Z|2024-01-03T00:00:00.000000Z|false\n");
    load("3.csv", "k,v\n1,a\n2,b\n");
    place_assert_rows(&here, "k,v,effective_date,end_date,is_current",
                      "1|a|2024-01-02T00:00:00.000000Z|~|true\n"
                      "2|b|2024-01-02T00:00:00.000000Z|2024-01-03T00:00:00.000000Z|false\n"
                      "2|b|2024-01-04T00:00:00.000000Z|~|true\n");
    assert_int_equal(checked().bad_keys, 0);
    place_no_sources(&here);
    place_source(&here, "4.csv", "k,v\n");
    place_assert_bad(&here, place_load(&here), 0, "no rows");
    place_assert_no_strays(&here);
}

/* Gaps are none of its faults. */
static void with_deletes(void)
{
    here.sources.deletes = "gone";
    here.sources.format = SILT_FORMAT_NDJSON;
    here.sources.options = (silt_source_options){0};
}

#define ROW(k, v, day, gone) \
    "{\"k\":" k ",\"v\":\"" v "\",\"at\":\"2024-01-" day "\",\"gone\":" gone "}\n"

static void assert_counts(int64_t inserted, int64_t updated, int64_t unchanged, int64_t more)
{
    const silt_source_counts *n = &here.result.facts.total;
    assert_int_equal(n->inserted, inserted);
    assert_int_equal(n->updated, updated);
    assert_int_equal(n->unchanged, unchanged);
    assert_int_equal(here.result.facts.rows_more, more);
    assert_int_equal(checked().bad_keys, 0);
}

static void keys_that_are_deleted_are_closed(void **state)
{
    (void)state;
    versioned();
    with_deletes();
    scd2.effective_from = "at";
    load("1",
         ROW("1", "a", "01", "false") ROW("2", "b", "01", "false") ROW("9", "z", "01", "true"));
    assert_counts(2, 0, 1, 0);
    load("2", ROW("1", "a", "03", "true") ROW("2", "b", "03", "null"));
    assert_counts(0, 2, 0, 0);
    load("3", ROW("1", "a", "04", "true")); /* it has gone already */
    assert_counts(0, 0, 1, 0);
    load("4",
         ROW("1", "a", "05", "false") ROW("3", "c", "05", "false") ROW("3", "c", "06", "true"));
    assert_counts(2, 1, 0, 0);
    place_assert_rows(&here, "k,v,effective_date,end_date,is_current",
                      "1|a|2024-01-01T00:00:00.000000Z|2024-01-03T00:00:00.000000Z|false\n"
                      "1|a|2024-01-05T00:00:00.000000Z|~|true\n"
                      "2|b|2024-01-01T00:00:00.000000Z|~|true\n"
                      "3|c|2024-01-05T00:00:00.000000Z|2024-01-06T00:00:00.000000Z|false\n");
    /* Late: what was told of it later is still known. One told at that time never was. */
    load("5", ROW("2", "b", "02", "true") ROW("3", "c", "05", "true"));
    assert_counts(0, 2, 0, 0);
    place_assert_rows(&here, "k,v,effective_date,end_date,is_current",
                      "1|a|2024-01-01T00:00:00.000000Z|2024-01-03T00:00:00.000000Z|false\n"
                      "1|a|2024-01-05T00:00:00.000000Z|~|true\n"
                      "2|b|2024-01-01T00:00:00.000000Z|2024-01-02T00:00:00.000000Z|false\n"
                      "2|b|2024-01-03T00:00:00.000000Z|~|true\n");
}

static void refuses_what_cant_be(void **state)
{
    (void)state;
    static const char *const by_z[] = {"z", NULL};
    versioned();
    load("1.csv", "k,v,at\n1,a,2024-01-01\n");
    place_no_sources(&here);
    place_source(&here, "2.csv", "k,v,at\n1,a,2024-01-01\n1,b,2024-01-02\n");
    assert_int_equal(place_load(&here), SILT_BAD_DATA); /* a key twice, without times */
    scd2.effective_from = "at";
    place_no_sources(&here);
    place_source(&here, "3.csv", "k,v,at\n1,a,2024-01-03\n2,b,\n");
    place_source(&here, "4.csv", "k,v,at\n1,a,2024-01-03\n");
    place_assert_bad(&here, place_load(&here), 0, "no time");
    scd2.effective_from = "v";
    assert_int_equal(place_load(&here), SILT_INVALID);
    scd2.effective_from = "z";
    assert_int_equal(place_load(&here), SILT_INVALID);
    scd2.effective_from = NULL;
    scd2.tracking_columns = by_z;
    assert_int_equal(place_load(&here), SILT_INVALID);
    place_no_sources(&here);
    place_source(&here, "5.csv", "k,v,at,IS_current\n1,a,2024-01-03,true\n");
    assert_int_equal(place_load(&here), SILT_INVALID);
    place_assert_no_strays(&here);
    place_reopen(&here);
    place_assert_rows(&here, "k,v", "1|a\n");
}

static void sees_damage(void **state)
{
    (void)state;
    versioned();
    here.sources.scd2 = NULL;
    here.spec.scd2 = NULL;
    here.spec.key_count = 0;
    place_create(&here, place_schema(&here, "struct<k:long,v:string,effective_date:timestamp,"
                                            "end_date:timestamp,is_current:boolean>"));
    load("1.csv", "k,v,effective_date,end_date,is_current\n"
                  "1,a,2024-01-01,2024-01-05,false\n1,b,2024-01-03,,true\n"   /* overlap */
                  "2,a,2024-01-01,2024-01-02,false\n2,b,2024-01-03,,true\n"   /* gap */
                  "3,a,2024-01-01,,true\n3,b,2024-01-03,,true\n"              /* both current */
                  "4,a,2024-01-01,2024-01-03,true\n4,b,2024-01-03,,false\n"   /* flags */
                  "5,a,2024-01-05,2024-01-03,false\n"                         /* ends first */
                  "6,a,,,true\n"                                              /* no start */
                  "7,a,2024-01-01,2024-01-02,false\n7,b,2024-01-02,,true\n"); /* fine */
    silt_scd2_report r = checked();
    assert_int_equal(r.versions, 12);
    assert_int_equal(r.keys, 7);
    assert_int_equal(r.bad_keys, 6);
    assert_int_equal(r.faults[SILT_SCD2_OVERLAP], 2);
    assert_int_equal(r.faults[SILT_SCD2_GAP], 1);
    assert_int_equal(r.faults[SILT_SCD2_CURRENT], 1);
    assert_int_equal(r.faults[SILT_SCD2_FLAG], 1);
    assert_int_equal(r.faults[SILT_SCD2_EMPTY], 1);
    assert_int_equal(r.faults[SILT_SCD2_NO_START], 1);
    assert_string_equal(r.samples[0], "k = 1: versions overlap");
    assert_string_equal(r.samples[4], "k = 5: it ends before it begins");
    versioned();
    scd2.effective_from = "at";
    place_no_sources(&here);
    here.sources.on_new_column = SILT_NEW_COLUMN_EVOLVE;
    place_source(&here, "2.csv", "k,v,at\n1,z,2024-01-02\n");
    assert_int_equal(place_load(&here), SILT_INCONSISTENT);
    place_assert_no_strays(&here);
}

/* ---- conflicts: another writer commits between our match and our commit */

static int meddles_left;

static void slip_in(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0) return;
    if (!strstr(key, "_delta_log/") || meddles_left <= 0) return;
    meddles_left--;
    place other = here; /* the same table; own snapshot and sources */
    other.arena = silt_arena_new();
    other.now = NULL;
    other.store = here.below;
    other.spec.attempt = NULL;
    other.loads = 100 + here.loads; /* names its files */
    other.sources.file_count = 0;
    other.sources.files = other.files;
    place_source(&other, "other.csv", *(const char **)ctx);
    place_reopen(&other);
    place_load_ok(&other);
    silt_snapshot_free(other.now);
    silt_arena_free(other.arena);
}

static void others_with_the_same_keys_are_conflicts(void **state)
{
    (void)state;
    versioned();
    load("1.csv", "k,v\n1,a\n2,b\n");
    static const struct {
        const char *text;
        silt_txn_outcome outcome;
    } cases[] = {{"k,v\n2,other\n", SILT_TXN_CONFLICT}, {"k,v\n900,far\n", SILT_TXN_COMMITTED}};
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_fault_plan plan = {.hook = slip_in, .hook_ctx = (void *)&cases[i].text};
        silt_store *plain = here.store;
        here.store = silt_store_fault_new(here.below, &plan);
        place_reopen(&here);
        meddles_left = 1;
        place_no_sources(&here);
        place_source(&here, "2.csv", i ? "k,v\n1,x\n2,y\n" : "k,v\n1,A\n2,B\n");
        here.spec.load_time_us += DAY;
        place_ok(&here, place_load(&here));
        assert_int_equal(here.result.txn.outcome, cases[i].outcome);
        silt_snapshot_free(here.now);
        here.now = NULL;
        silt_store_free(here.store);
        here.store = plain;
        place_reopen(&here);
        assert_int_equal(checked().bad_keys, 0);
    }
    place_assert_rows(&here, "k,v,is_current",
                      "1|a|false\n1|x|true\n2|b|false\n2|other|false\n2|y|true\n900|far|true\n");
}

/* ---- a naive model */

#define KEYS    8  /* and null */
#define MOMENTS 24 /* of rows' times */
#define MOST    400

typedef struct version {
    int64_t start, end; /* end INT64_MAX: none */
    int v, w;           /* v 0: null */
    int64_t at;         /* of the newest row that told it */
} version;

typedef struct event {
    int64_t at;
    int rank; /* 0 ends, 1 told again, 2 begins, 3 a row */
    int v, w;
    int64_t told;
    bool gone; /* a gap begins */
} event;

typedef struct model {
    test_random random;
    version versions[KEYS + 1][MOST];
    size_t counts[KEYS + 1];
    bool timed, whole; /* effective_from; close_missing */
    bool deletes;      /* rows may say that their key has gone */
    bool vectors;
    int next;
} model;

typedef struct row {
    size_t key;
    int64_t at;
    int v, w;
    bool gone;
} row;

static int by_time(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->rank - y->rank;
}

static size_t events_of(const model *m, size_t key, event *out)
{
    size_t count = 0;
    for (size_t i = 0; i < m->counts[key]; i++) {
        const version *v = &m->versions[key][i];
        out[count++] = (event){v->start, 2, v->v, v->w, v->at, false};
        if (m->timed && v->at > v->start && v->at < v->end)
            out[count++] = (event){v->at, 1, v->v, v->w, v->at, false};
        if (v->end != INT64_MAX) out[count++] = (event){v->end, 0, 0, 0, 0, true};
    }
    return count;
}

/* Fold all that is known of a key. */
static void fold(model *m, size_t key, event *events, size_t count)
{
    version *out = m->versions[key];
    size_t made = 0;
    bool open = false;
    qsort(events, count, sizeof(*events), by_time);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && events[i + 1].at == events[i].at) continue;
        const event *e = &events[i];
        if (e->gone) {
            if (open) out[made - 1].end = e->at;
            open = false;
            continue;
        }
        if (open && out[made - 1].v == e->v) {
            out[made - 1].w = e->w;
            out[made - 1].at = e->told;
            continue;
        }
        if (open) out[made - 1].end = e->at;
        assert_true(made < MOST);
        out[made++] = (version){e->at, INT64_MAX, e->v, e->w, e->told};
        open = true;
    }
    m->counts[key] = made;
}

static void model_key(model *m, size_t key, const row *rows, size_t row_count)
{
    event events[3 * MOST];
    size_t count = events_of(m, key, events), first = count;
    int64_t now = here.spec.load_time_us, last_start = -1, last_end = -1, last_told = -1;
    bool open = false, there = false;
    for (size_t i = 0; i < m->counts[key]; i++) {
        const version *v = &m->versions[key][i];
        last_start = v->start;
        if (m->timed && v->at > last_told) last_told = v->at;
        open = open || v->end == INT64_MAX;
        if (v->end != INT64_MAX) last_end = v->end;
    }
    for (size_t i = 0; i < row_count; i++) {
        if (rows[i].key != key) continue;
        there = true;
        event e = {rows[i].at, 3, rows[i].v, rows[i].w, rows[i].at, rows[i].gone};
        if (!m->timed) {
            e.at = now > last_start ? now : last_start + 1;
            e.at = e.at > last_end ? e.at : last_end;
        }
        for (size_t k = first; k < count; k++) /* the later row counts */
            if (events[k].at == e.at) events[k--] = events[--count];
        events[count++] = e;
    }
    if (m->timed && m->whole && there && m->counts[key] && !open) {
        size_t newest = first;
        for (size_t k = first; k < count; k++)
            if (events[k].at > events[newest].at) newest = k;
        if (events[newest].at < last_end) events[newest].at = now > last_end ? now : last_end;
    }
    if (last_told < last_start) last_told = last_start;
    if (!there && m->whole && open)
        events[count++] = (event){now > last_told ? now : last_told + 1, 0, 0, 0, 0, true};
    if (count > first) fold(m, key, events, count);
}

static const char *moment(int64_t us)
{
    char text[SILT_TIME_SIZE];
    if (us == INT64_MAX) return "~";
    silt_time_format_us(us, text);
    return silt_arena_strdup(here.arena, text);
}

static const char *word(int v)
{
    return v ? silt_arena_printf(here.arena, "v%d", v) : "~";
}

static const char *model_text(const model *m)
{
    SILT_CLEAN(silt_buf) all = {0};
    SILT_VEC(char *) lines = {0};
    for (size_t key = 0; key <= KEYS; key++)
        for (size_t i = 0; i < m->counts[key]; i++) {
            const version *v = &m->versions[key][i];
            const char *k = key < KEYS ? silt_arena_printf(here.arena, "%zu", key) : "~";
            const char *w = silt_arena_printf(here.arena, "|%d|%s", v->w, moment(v->at));
            char *line =
                silt_arena_printf(here.arena, "%s|%s|%s|%s|%s%s\n", k, word(v->v), moment(v->start),
                                  moment(v->end), v->end == INT64_MAX ? "true" : "false", w);
            assert_true(silt_vec_push(&lines, line));
        }
    if (lines.count) qsort(lines.items, lines.count, sizeof(*lines.items), place_order);
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < lines.count; i++)
        silt_buf_puts(&all, lines.items[i]);
    silt_vec_free(&lines);
    return silt_buf_copy(&all, here.arena);
}

#define ALL "k,v,effective_date,end_date,is_current,w,at"

static const char *file_text(const row *rows, size_t count, bool turned)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, turned ? "w,at,v,k\n" : "k,v,w,at\n");
    for (size_t i = 0; i < count; i++) {
        char k[24] = "", v[24] = "";
        if (rows[i].key < KEYS) snprintf(k, sizeof(k), "%zu", rows[i].key);
        if (rows[i].v) snprintf(v, sizeof(v), "v%d", rows[i].v);
        if (turned)
            silt_buf_printf(&text, "%d,%s,%s,%s\n", rows[i].w, moment(rows[i].at), v, k);
        else
            silt_buf_printf(&text, "%s,%s,%d,%s\n", k, v, rows[i].w, moment(rows[i].at));
    }
    return silt_buf_copy(&text, here.arena);
}

/* Which says of some rows that they go. */
static const char *file_members(const row *rows, size_t count)
{
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < count; i++) {
        const row *r = &rows[i];
        silt_buf_puts(&text, "{\"k\":");
        silt_buf_printf(&text, r->key < KEYS ? "%zu" : "null", r->key);
        silt_buf_printf(&text, ",\"w\":%d,\"at\":\"%s\",\"gone\":%s", r->w, moment(r->at),
                        r->gone ? "true" : "false");
        if (r->v) silt_buf_printf(&text, ",\"v\":\"v%d\"", r->v);
        silt_buf_puts(&text, "}\n");
    }
    return count ? silt_buf_copy(&text, here.arena) : "";
}

static row random_row(model *m)
{
    row r = {.key = test_random_below(&m->random, KEYS + 1),
             .at = START_US + (int64_t)test_random_below(&m->random, MOMENTS) * DAY,
             .v = (int)test_random_below(&m->random, 4),
             .w = (int)test_random_below(&m->random, 3),
             .gone = m->deletes && test_random_below(&m->random, 3) == 0};
    (void)m->next++;
    return r;
}

static int64_t table_rows(void)
{
    const char *text = here.now ? place_rows(&here, "k") : "";
    int64_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* All of a key's versions, where they aren't the model's: messages of cmocka end early. */
static void assert_model(const model *m)
{
    const char *is = place_rows(&here, ALL), *wanted = model_text(m);
    if (strcmp(is, wanted) == 0) return;
    fprintf(stderr, "--- is\n%s--- wanted\n%s", is, wanted);
    fail_msg("the versions aren't the model's");
}

static void model_batch(model *m, int number)
{
    row rows[64];
    size_t count = 0, files = 1 + test_random_below(&m->random, 3);
    bool used[KEYS + 1] = {false};
    place_no_sources(&here);
    /* Now and then the clock goes back, or stands. */
    here.spec.load_time_us += ((int64_t)test_random_below(&m->random, 4) - 1) * DAY;
    for (size_t f = 0; f < files; f++) {
        size_t first = count, wanted = test_random_below(&m->random, 12);
        for (size_t i = 0; i < wanted; i++) {
            row r = random_row(m);
            if (!m->timed && used[r.key]) continue;
            used[r.key] = true;
            rows[count++] = r;
        }
        place_source(
            &here, silt_arena_printf(here.arena, "%d-%zu.csv", number, f),
            m->deletes ? file_members(rows + first, count - first)
                       : file_text(rows + first, count - first, test_random_below(&m->random, 2)));
    }
    if (m->whole && !count) return;
    int64_t before = table_rows();
    for (size_t key = 0; key <= KEYS; key++)
        model_key(m, key, rows, count);
    place_load_ok(&here);
    assert_model(m);
    const silt_change_facts *facts = &here.result.facts;
    assert_int_equal(table_rows(), before + facts->total.inserted + facts->rows_more);
    if (!m->vectors)
        place_assert_no_strays(&here); /* the log doesn't name vectors' files in words */
    silt_scd2_report report = checked();
    if (report.bad_keys) fail_msg("%s", report.samples[0]);
}

#define SCHEMA                                                                                \
    "struct<k:long,v:string,w:long,at:timestamp,effective_date:timestamp,end_date:timestamp," \
    "is_current:boolean>"

static void create(bool everything)
{
    const silt_pair on[] = {{"delta.enableDeletionVectors", "true"},
                            {"delta.enableChangeDataFeed", "true"},
                            {"delta.enableRowTracking", "true"},
                            {"delta.columnMapping.mode", "name"}};
    static const char *const by_w[] = {"w"};
    silt_txn_result result;
    place_ok(&here, silt_create_table(here.store, here.engine, place_schema(&here, SCHEMA), by_w,
                                      everything, (silt_pairs){on, everything ? 4 : 0}, NULL, NULL,
                                      &result, &here.err));
    place_reopen(&here);
}

static void run_model(bool timed, bool whole, bool deletes, bool everything)
{
    model *m = silt_arena_calloc(here.arena, 1, sizeof(*m));
    m->random = test_random_new();
    m->timed = timed;
    m->whole = whole;
    m->deletes = deletes;
    m->vectors = everything;
    versioned();
    if (deletes) with_deletes();
    scd2.effective_from = timed ? "at" : NULL;
    scd2.close_missing = whole;
    here.spec.load_time_us = START_US + 10 * DAY;
    create(everything);
    for (int i = 0; i < 8; i++)
        model_batch(m, i);
    place_reopen(&here);
    assert_model(m);
}

static void follows_the_model(void **state)
{
    run_model(false, false, false, *state != NULL);
}
static void follows_the_model_with_times(void **state)
{
    run_model(true, false, false, *state != NULL);
}
static void follows_the_model_with_extracts(void **state)
{
    run_model(false, true, false, *state != NULL);
}
static void follows_the_model_with_both(void **state)
{
    run_model(true, true, false, *state != NULL);
}
static void follows_the_model_with_deletes(void **state)
{
    run_model(false, false, true, *state != NULL);
}
static void follows_the_model_with_deletes_and_times(void **state)
{
    run_model(true, false, true, *state != NULL);
}

/* ---- order */

/* Rows of which no key goes back to values that it had: each key's rows in the order of time. */
static size_t distinct_rows(model *m, row *rows)
{
    size_t count = 0;
    for (size_t key = 0; key <= KEYS; key++)
        for (int v = 1, at = 0; v < 5; v++) {
            at += 1 + (int)test_random_below(&m->random, 4);
            rows[count++] = (row){key, START_US + at * DAY, v, v, false};
        }
    return count;
}

static void shuffle(model *m, row *rows, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = test_random_below(&m->random, i);
        row r = rows[k];
        rows[k] = rows[i - 1];
        rows[i - 1] = r;
    }
}

/* However rows are cut into batches and whatever order these come in, the versions are the same. */
static void order_doesnt_matter(void **state)
{
    (void)state;
    model m = {.random = test_random_new(), .timed = true};
    row rows[(KEYS + 1) * 4];
    const char *first = NULL;
    versioned();
    scd2.effective_from = "at";
    size_t count = distinct_rows(&m, rows);
    for (int round = 0; round < 4; round++) {
        tear_down(NULL);
        place_init(&here, true);
        versioned();
        create(false);
        size_t batch = round == 0 ? count : 1 + test_random_below(&m.random, 12);
        for (size_t i = 0; i < count; i += batch) {
            size_t n = count - i < batch ? count - i : batch;
            load("rows.csv", file_text(rows + i, n, false));
        }
        const char *all = place_rows(&here, ALL);
        if (!first) first = strdup(all);
        assert_string_equal(all, first);
        shuffle(&m, rows, count);
    }
    free((void *)first);
}

/* A batch's rows are told one after another in the order of time, whatever the files' order. */
static void a_batch_is_its_rows_one_after_another(void **state)
{
    (void)state;
    model m = {.random = test_random_new(), .timed = true};
    row rows[30];
    versioned();
    scd2.effective_from = "at";
    for (size_t i = 0; i < 30; i++) {
        rows[i] = random_row(&m);
        rows[i].at = START_US + (int64_t)i * DAY;
    }
    create(false);
    for (size_t i = 0; i < 30; i += 5)
        load("rows.csv", file_text(rows + i, 5, false));
    const char *apart = strdup(place_rows(&here, ALL));
    tear_down(NULL);
    place_init(&here, true);
    versioned();
    create(false);
    shuffle(&m, rows, 30);
    load("rows.csv", file_text(rows, 30, false));
    assert_string_equal(place_rows(&here, ALL), apart);
    free((void *)apart);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define EVERYTHING(name)                                                                    \
    {                                                                                       \
#name " with vectors, feed, row ids, mapping, partitions", name, set_up, tear_down, \
            (void *)1                                                                       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keeps_versions),
        CASE(late_rows_split_versions),
        CASE(keys_that_vanish_are_closed),
        CASE(keys_that_are_deleted_are_closed),
        CASE(refuses_what_cant_be),
        CASE(sees_damage),
        CASE(others_with_the_same_keys_are_conflicts),
        CASE(follows_the_model),
        EVERYTHING(follows_the_model),
        CASE(follows_the_model_with_times),
        EVERYTHING(follows_the_model_with_times),
        CASE(follows_the_model_with_extracts),
        EVERYTHING(follows_the_model_with_extracts),
        CASE(follows_the_model_with_both),
        EVERYTHING(follows_the_model_with_both),
        CASE(follows_the_model_with_deletes),
        EVERYTHING(follows_the_model_with_deletes),
        CASE(follows_the_model_with_deletes_and_times),
        EVERYTHING(follows_the_model_with_deletes_and_times),
        CASE(order_doesnt_matter),
        CASE(a_batch_is_its_rows_one_after_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
