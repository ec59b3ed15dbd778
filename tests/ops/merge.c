/* Merge: clauses, what makes rows match, what a table asks, where rows go, what the feed says; and
 * random ones against a naive model. */
#include "ops/edits.h"

#include "silt/merge.h"
#include "support/random.h"
#include "table/shape.h"

#define COLUMNS "struct<id:bigint,p:string,v:bigint>"
#define VECTORS "delta.enableDeletionVectors=true"
#define FEED    "delta.enableChangeDataFeed=true"
#define IDS     "delta.enableRowTracking=true"

static silt_merge_result merged;
static silt_merge_options asked;

static void ask(const char *on)
{
    asked = (silt_merge_options)SILT_MERGE_OPTIONS_INIT;
    asked.on = on;
}

static void ask_keys(void)
{
    static const char *const keys[] = {"id", NULL};
    ask(NULL);
    asked.keys = keys;
}

/* A source file and clauses as text, up to NULL. */
static silt_status merge_file(const char *csv, const char *first, ...)
{
    static int number;
    const char *name = silt_arena_printf(here.arena, "in/m%d.csv", number++);
    silt_merge_clause clauses[8];
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_snapshot *after = NULL;
    va_list args;
    va_start(args, first);
    asked.clauses = clauses;
    asked.clause_count = 0;
    for (const char *text = first; text; text = va_arg(args, const char *))
        place_ok(&here, silt_merge_clause_parse(text, here.arena, &clauses[asked.clause_count++],
                                                &here.err));
    va_end(args);
    test_write(here.dir, name, csv);
    const char *const files[] = {silt_arena_printf(here.arena, "%s/%s", here.dir, name)};
    source.files = files;
    source.file_count = 1;
    silt_status st = silt_merge(here.now, &source, &asked, &edit_opts, &merged, &after, &here.err);
    follow(after);
    return st;
}

static void five_rows(const char *by, const char *properties)
{
    make_table(COLUMNS, by, properties);
    insert("id,p,v\n1,a,10\n2,a,20\n3,b,30\n");
    insert("id,p,v\n4,b,40\n,b,50\n");
    ask("t.id = s.id");
}

/* ---- clauses */

static void the_first_true_clause_counts(void **state)
{
    (void)state;
    five_rows(NULL, VECTORS);
    place_ok(&here,
             merge_file("id,v,op\n1,5,D\n2,6,U\n3,7,-\n9,8,U\n10,9,D\n",
                        "matched and s.op = 'D' then delete",
                        "matched and s.op = 'U' then update set v = t.v + s.v",
                        "not matched and op <> 'D' then insert (id, v) values (s.id, s.v)", NULL));
    place_assert_rows(&here, NULL, "2|a|26\n3|b|30\n4|b|40\n9|~|8\n~|b|50\n");
    assert_int_equal(merged.rows_read, 5);
    assert_int_equal(merged.rows_inserted, 1);
    assert_int_equal(merged.rows_updated_matched, 1);
    assert_int_equal(merged.rows_deleted_matched, 1);
    assert_int_equal(merged.edit.files_removed, 1); /* two of three are gone: written anew */
    assert_told("\"operation\":\"MERGE\"");
    assert_told("\"numTargetRowsMatchedUpdated\":\"1\"");
    assert_told("\"numTargetRowsCopied\":\"1\"");
    assert_told("\\\"actionType\\\":\\\"delete\\\"");
    assert_no_strays();
}

static void rows_that_meet_none(void **state)
{
    (void)state;
    five_rows("p", VECTORS);
    place_ok(&here,
             merge_file("id,p,v\n2,a,1\n7,c,2\n", "matched then update set *",
                        "not matched then insert *",
                        "not matched by source and p = 'a' then delete",
                        "not matched by source and t.v >= 40 then update set p = 'z'", NULL));
    place_assert_rows(&here, NULL, "2|a|1\n3|b|30\n4|z|40\n7|c|2\n~|z|50\n");
    assert_int_equal(merged.rows_deleted_by_source, 1);
    assert_int_equal(merged.rows_updated_by_source, 2);
    assert_int_equal(merged.edit.rows_updated, 3);
    assert_no_strays();
}

static void whole_files_go_by_themselves(void **state)
{
    (void)state;
    five_rows(NULL, VECTORS);
    place_ok(&here, merge_file("id\n4\n", "matched then update set v = 41",
                               "not matched by source then delete", NULL));
    assert_int_equal(merged.edit.files_removed, 2);
    assert_int_equal(merged.edit.vectors_added, 0);
    place_assert_rows(&here, NULL, "4|b|41\n");
    asked.on = "false";
    place_ok(&here, merge_file("id\n1\n", "not matched by source then delete", NULL));
    place_assert_rows(&here, NULL, "");
}

static void nothing_to_do_is_no_commit(void **state)
{
    (void)state;
    five_rows(NULL, NULL);
    int64_t version = silt_snapshot_version(here.now);
    place_ok(&here, merge_file("id,v\n77,1\n", "matched then delete", NULL));
    assert_int_equal(merged.edit.outcome, SILT_EDIT_NOTHING);
    edit_opts.dry_run = true;
    place_ok(&here, merge_file("id,v\n1,1\n", "matched then delete", NULL));
    assert_int_equal(merged.edit.outcome, SILT_EDIT_DRY_RUN);
    assert_int_equal(merged.rows_deleted_matched, 1);
    edit_opts.dry_run = false;
    silt_commit_options commit = SILT_COMMIT_OPTIONS_INIT;
    commit.app_id = "me";
    commit.app_version = 3;
    edit_opts.commit = &commit;
    place_ok(&here, merge_file("id,v\n77,1\n", "matched then delete", NULL));
    assert_int_equal(merged.edit.outcome, SILT_EDIT_COMMITTED);
    assert_int_equal(merged.edit.committed_version, version + 1);
    place_ok(&here, merge_file("id,v\n1,1\n", "matched then delete", NULL));
    assert_int_equal(merged.edit.outcome, SILT_EDIT_ALREADY_DONE);
    assert_int_equal(merged.rows_read, 0);
    assert_no_strays();
}

/* ---- what makes rows match */

static void several_rows_for_one(void **state)
{
    (void)state;
    five_rows(NULL, VECTORS);
    const char *twice = "id,v,at\n2,1,5\n4,2,1\n2,3,6\n8,1,1\n8,2,2\n";
    assert_failed(merge_file(twice, "matched then update set v = s.v", NULL), SILT_BAD_DATA,
                  "1 row of the table would be changed by several");
    assert_non_null(strstr(here.err.message, "csv row 1 and "));
    assert_non_null(strstr(here.err.message, "csv row 3"));
    place_ok(&here, merge_file(twice, "matched and s.at < 6 then update set v = s.v", NULL));
    place_assert_rows(&here, "v", "1\n10\n2\n30\n50\n");
    asked.newest_by = "at";
    place_ok(&here, merge_file(twice, "matched then update set v = s.v",
                               "not matched then insert (id, v) values (s.id, s.v)", NULL));
    assert_int_equal(merged.rows_deduplicated, 2);
    asked.newest_by = NULL;
    place_assert_rows(&here, "id,v", "1|10\n2|3\n3|30\n4|2\n8|2\n~|50\n");
    place_ok(&here, merge_file(twice, "matched then delete", NULL));
    assert_int_equal(merged.rows_deleted_matched, 3);
    place_assert_rows(&here, "id,v", "1|10\n3|30\n~|50\n");
}

static void any_condition(void **state)
{
    (void)state;
    five_rows("p", NULL);
    asked.on = "t.p = s.part AND t.v BETWEEN s.low AND s.high";
    place_ok(&here, merge_file("part,low,high\na,15,25\nb,35,60\nc,0,100\n",
                               "matched then update set v = v + 100", NULL));
    place_assert_rows(&here, "v", "10\n120\n140\n150\n30\n");
    asked.on = "t.v < s.low"; /* no equality at all */
    place_ok(&here, merge_file("low\n31\n", "matched then delete", NULL));
    place_assert_rows(&here, "v", "120\n140\n150\n");
    asked.on = "t.id = s.id AND t.p = 'a'"; /* of files in a alone */
    place_ok(&here, merge_file("id\n2\n4\n", "matched then delete", NULL));
    place_assert_rows(&here, "v", "140\n150\n");
    assert_int_equal(merged.edit.files_skipped, 1);
    asked.on = "dst.id = src.id";
    asked.target_alias = "dst";
    asked.source_alias = "src";
    place_ok(&here, merge_file("id,v\n4,1\n", "matched then update set dst.v = src.v", NULL));
    place_assert_rows(&here, "v", "1\n150\n");
}

static void nulls_and_nans_are_keys(void **state)
{
    (void)state;
    five_rows(NULL, VECTORS);
    place_ok(&here, merge_file("id,p,v\n,x,1\n", "matched then update set *",
                               "not matched then insert *", NULL));
    place_assert_rows(&here, "p,v", "a|10\na|20\nb|30\nb|40\nb|50\nx|1\n");
    ask_keys();
    place_ok(&here, merge_file("id,p,v\n,y,2\n", "matched then update set *",
                               "not matched then insert *", NULL));
    place_assert_rows(&here, "p,v", "a|10\na|20\nb|30\nb|40\ny|2\ny|2\n");

    tear_down(state);
    set_up(state);
    make_table("struct<id:double,v:bigint>", NULL, VECTORS);
    insert("id,v\nNaN,1\n2.5,2\n-0.0,3\n");
    ask_keys();
    place_ok(&here, merge_file("id,v\nNaN,10\n0.0,30\n7,4\n", "matched then update set v = s.v",
                               "not matched then insert *", NULL));
    place_assert_rows(&here, "v", "10\n2\n30\n4\n");
}

/* ---- what the table asks */

static void new_rows_keep_what_the_table_asks(void **state)
{
    (void)state;
    five_rows(NULL, NULL);
    alter(SILT_STEP_ADD_CONSTRAINT, "small", "v < 100");
    int64_t version = silt_snapshot_version(here.now);
    assert_failed(merge_file("id,v\n1,100\n2,5\n", "matched then update set v = s.v", NULL),
                  SILT_BAD_DATA, "small");
    assert_failed(
        merge_file("id,v\n99,100\n", "not matched then insert (id, v) values (s.id, s.v)", NULL),
        SILT_BAD_DATA, "small");
    assert_int_equal(silt_snapshot_version(here.now), version);
    assert_no_strays();
    place_ok(&here, merge_file("id,v\n1,99\n2,5\n", "matched then update set v = s.v", NULL));
    place_assert_rows(&here, "v", "30\n40\n5\n50\n99\n");
}

static void columns_that_are_not_named(void **state)
{
    (void)state;
    const silt_type *schema;
    silt_txn_result result;
    place_ok(&here, silt_ddl_columns("nr bigint generated always as identity (start with 5), "
                                     "id bigint, v bigint, w bigint generated always as (v * 2), "
                                     "d string default 'none'",
                                     here.arena, &schema, &here.err));
    const silt_pair on[] = {{"delta.enableDeletionVectors", "true"},
                            {"delta.feature.allowColumnDefaults", "supported"}};
    place_ok(&here, silt_create_table(here.store, here.engine, schema, NULL, 0, (silt_pairs){on, 2},
                                      NULL, NULL, &result, &here.err));
    place_reopen(&here);
    ask("t.id = s.id");
    place_ok(&here, merge_file("id,v\n1,10\n2,20\n", "not matched then insert *", NULL));
    const char *rows = place_rows(&here, "id,v,w,d");
    assert_string_equal(rows, "1|10|20|none\n2|20|40|none\n");
    assert_string_equal(place_rows(&here, "nr"), "5\n6\n");
    place_ok(&here,
             merge_file("id,v\n1,11\n3,30\n", "matched then update set v = s.v",
                        "not matched then insert (id, v, d) values (s.id, s.v, 'mine')", NULL));
    place_assert_rows(&here, "id,v,w,d", "1|11|22|none\n2|20|40|none\n3|30|60|mine\n");
    assert_string_equal(place_rows(&here, "nr"), "5\n6\n7\n");
    assert_failed(merge_file("id\n1\n", "matched then update set nr = 1", NULL), SILT_INVALID,
                  "identity");
    assert_failed(merge_file("id\n1\n", "matched then update set w = 1", NULL), SILT_BAD_DATA, "w");
}

static void values_fit_or_nothing_is_done(void **state)
{
    (void)state;
    make_table("struct<id:bigint,n:short,t:string>", NULL, VECTORS);
    insert("id,n,t\n1,5,x\n2,6,y\n");
    ask("t.id = s.id");
    assert_failed(merge_file("id,big\n1,70000\n", "matched then update set n = s.big", NULL),
                  SILT_BAD_DATA, "out of range");
    place_ok(&here, merge_file("id,big\n1,700\n", "matched then update set n = s.big", NULL));
    place_assert_rows(&here, "n", "6\n700\n");
    assert_no_strays();
}

static void row_ids_stay(void **state)
{
    (void)state;
    five_rows(NULL, IDS "," VECTORS);
    place_ok(&here, merge_file("id,p,v\n2,c,21\n6,c,60\n", "matched then update set *",
                               "not matched then insert *", NULL));
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.row_id_column = "row";
    opts.row_commit_version_column = "at";
    silt_scan *scan = NULL;
    place_lines l = {.arena = here.arena};
    place_ok(&here, silt_scan_open(here.now, &opts, &scan, &here.err));
    place_ok(&here, silt_scan_rows(scan, place_line, &l, &here.err));
    silt_scan_free(scan);
    assert_int_equal(l.lines.count, 6);
    qsort(l.lines.items, 6, sizeof(*l.lines.items), place_order);
    assert_string_equal(l.lines.items[0], "1|a|10|0|1\n");
    assert_string_equal(l.lines.items[1], "2|c|21|1|3\n"); /* changed by version 3 */
    assert_string_equal(l.lines.items[2], "3|b|30|2|1\n");
    int64_t id = 0;
    assert_int_equal(sscanf(l.lines.items[4], "6|c|60|%" SCNd64 "|3\n", &id), 1);
    assert_true(id >= 5);
    silt_vec_free(&l.lines);
}

static void schemas_grow(void **state)
{
    (void)state;
    five_rows(NULL, FEED);
    const char *more = "id,p,v,extra\n1,a,11,x\n7,c,70,y\n";
    place_ok(&here,
             merge_file(more, "matched then update set *", "not matched then insert *", NULL));
    assert_int_equal(silt_snapshot_schema(here.now)->field_count, 3);
    asked.schema_mode = SILT_SCHEMA_MERGE;
    place_ok(&here,
             merge_file(more, "matched then update set *", "not matched then insert *", NULL));
    place_assert_rows(&here, "id,v,extra", "1|11|x\n2|20|~\n3|30|~\n4|40|~\n7|70|y\n~|50|~\n");
}

static void mistakes_are_told(void **state)
{
    (void)state;
    five_rows(NULL, NULL);
    const char *csv = "id,v\n1,1\n";
    assert_failed(merge_file(csv, "matched then update set v = s.w", NULL), SILT_NOT_FOUND, "w");
    assert_failed(merge_file(csv, "matched then update set v = v", NULL), SILT_INVALID,
                  "in the table and in the source");
    assert_failed(merge_file(csv, "not matched then insert (id) values (t.id)", NULL), SILT_INVALID,
                  "no row of the table");
    assert_failed(merge_file(csv, "matched then update set v = 1, v = 2", NULL), SILT_INVALID,
                  "twice");
    assert_failed(merge_file(csv, "matched then delete", "matched then update set v = 1", NULL),
                  SILT_INVALID, "never reached");
    assert_failed(merge_file(csv, "matched then update set *", NULL), SILT_INVALID, "no column p");
    assert_failed(merge_file(csv, NULL), SILT_INVALID, "no clause");
    asked.on = "t.id = s.nr";
    assert_failed(merge_file(csv, "matched then delete", NULL), SILT_NOT_FOUND, "nr");
    asked.on = "t.id + s.id";
    assert_failed(merge_file(csv, "matched then delete", NULL), SILT_INVALID, "true or false");
    asked.on = NULL;
    assert_failed(merge_file(csv, "matched then delete", NULL), SILT_INVALID, "neither");
    asked.on = "t.id = s.id";
    alter(SILT_STEP_SET_PROPERTY, "delta.appendOnly", "true");
    assert_failed(merge_file(csv, "matched then delete", NULL), SILT_INVALID, "append-only");
    place_ok(&here, merge_file("id,p,v\n55,x,1\n", "not matched then insert *", NULL));
}

/* ---- others in between, calls that are lost */

static int meddles_left;
static place other;

static void slip_in(void *ctx, silt_fault_when when, const char *op, const char *key, int64_t call)
{
    (void)ctx, (void)call;
    if (when != SILT_FAULT_BEFORE || strcmp(op, "put_new") != 0) return;
    if (!strstr(key, "_delta_log/") || meddles_left <= 0) return;
    meddles_left--;
    place_load_ok(&other);
}

static void decides_anew_after_others(void **state)
{
    (void)state;
    five_rows(NULL, VECTORS);
    other = here;
    other.arena = silt_arena_new();
    other.now = NULL;
    other.loads = 100;
    other.sources.file_count = 0;
    other.sources.files = other.files;
    place_source(&other, "other.csv", "id,p,v\n6,o,1\n2,o,2\n");
    place_reopen(&other);
    silt_fault_plan plan = {.hook = slip_in};
    silt_store *plain = here.store;
    here.store = silt_store_fault_new(here.below, &plan);
    place_reopen(&here);
    meddles_left = 1;
    place_ok(&here, merge_file("id,p,v\n2,m,3\n6,m,4\n", "matched then update set *",
                               "not matched then insert *", NULL));
    assert_int_equal(merged.edit.attempts, 2);
    assert_int_equal(merged.rows_inserted, 0); /* 6 is there by now */
    assert_int_equal(merged.rows_updated_matched, 3);
    place_assert_rows(&here, NULL, "1|a|10\n2|m|3\n2|m|3\n3|b|30\n4|b|40\n6|m|4\n~|b|50\n");
    assert_no_strays();
    silt_snapshot_free(here.now);
    here.now = NULL;
    silt_store_free(here.store);
    here.store = plain;
    silt_snapshot_free(other.now);
    silt_arena_free(other.arena);
}

static void any_call_may_be_lost(void **state)
{
    static const silt_fault_kind kinds[] = {SILT_FAULT_BEFORE_EFFECT, SILT_FAULT_AFTER_EFFECT};
    for (size_t k = 0; k < SILT_COUNT(kinds); k++)
        for (int64_t at = 1, fired = 1; fired; at++) {
            tear_down(state);
            set_up(state);
            five_rows(NULL, FEED "," VECTORS);
            silt_fault_plan plan = {.kind = kinds[k], .at = at};
            silt_store *flaky = silt_store_fault_new(here.below, &plan), *plain = here.store;
            silt_snapshot *old = SILT_TAKE(here.now);
            silt_status st = silt_snapshot_open(flaky, here.engine, NULL, &here.now, &here.err);
            if (st == SILT_OK)
                st = merge_file("id,p,v\n2,a,0\n9,n,9\n", "matched then update set *",
                                "not matched then insert *", NULL);
            silt_snapshot_free(here.now);
            here.now = old;
            here.store = plain;
            fired = silt_store_fault_run(flaky)->fired;
            silt_store_free(flaky);
            place_reopen(&here);
            const char *rows = place_rows(&here, "v");
            bool is_new = strcmp(rows, "0\n10\n30\n40\n50\n9\n") == 0;
            if (!is_new) assert_string_equal(rows, "10\n20\n30\n40\n50\n");
            if (st == SILT_OK) assert_true(is_new);
        }
}

/* ---- a naive model: rows (id, p, v) that may stand twice, -1 is null */

#define MODEL_MAX 600

typedef struct row {
    int id, v;
    char p;
} row;

static row model[MODEL_MAX];
static size_t model_count;
static test_random dice;

static int below(int limit)
{
    return (int)test_random_below(&dice, (size_t)limit);
}

static const char *rows_text(const row *rows, size_t count, bool sorted)
{
    SILT_CLEAN(silt_buf) all = {0};
    char *lines[MODEL_MAX];
    const char *null = sorted ? "~" : "", *bar = sorted ? "|" : ",";
    for (size_t i = 0; i < count; i++) {
        char id[16], v[16];
        snprintf(id, sizeof(id), "%d", rows[i].id);
        snprintf(v, sizeof(v), "%d", rows[i].v);
        lines[i] = silt_arena_printf(here.arena, "%s%s%c%s%s\n", rows[i].id < 0 ? null : id, bar,
                                     rows[i].p, bar, rows[i].v < 0 ? null : v);
    }
    if (sorted) qsort(lines, count, sizeof(*lines), place_order);
    silt_buf_puts(&all, sorted ? "" : "id,p,v\n");
    for (size_t i = 0; i < count; i++)
        silt_buf_puts(&all, lines[i]);
    return silt_buf_copy(&all, here.arena);
}

static size_t random_rows(row *out, int most, bool unique)
{
    size_t count = (size_t)below(most);
    for (size_t i = 0; i < count; i++)
        out[i] = (row){unique ? (int)i * 2 - 1 + below(2) : below(30) - 1, below(100) - 5,
                       (char)('a' + below(3))};
    return count;
}

/* matched: p = 'c' of the source deletes, v below 50 updates; not matched: v not null is inserted;
 * by source: v over 80 deletes, p = 'a' updates */
typedef struct play {
    bool keys, deletes, updates, inserts, lone_deletes, lone_updates;
    int64_t inserted, updated, deleted;
} play;

static bool meets(const play *m, const row *t, const row *s)
{
    return t->id == s->id && (m->keys || t->id >= 0);
}

static void model_merge(play *m, const row *source, size_t count)
{
    static row next[MODEL_MAX];
    size_t n = 0;
    for (size_t i = 0; i < model_count; i++) {
        row t = model[i];
        const row *s = NULL;
        bool gone = false;
        for (size_t k = 0; k < count && !s; k++)
            if (meets(m, &t, &source[k])) s = &source[k];
        if (s && m->deletes && s->p == 'c') {
            gone = true;
        } else if (s && m->updates && s->v >= 0 && s->v < 50) {
            t.p = s->p;
            if (t.v >= 0) t.v += s->v;
            m->updated++;
        } else if (!s && m->lone_deletes && t.v > 80) {
            gone = true;
        } else if (!s && m->lone_updates && t.p == 'a') {
            t.p = 'b';
            m->updated++;
        }
        m->deleted += gone;
        if (!gone) next[n++] = t;
    }
    for (size_t k = 0; k < count; k++) {
        bool met = false;
        for (size_t i = 0; i < model_count; i++)
            met |= meets(m, &model[i], &source[k]);
        if (met || !m->inserts || source[k].v < 0) continue;
        m->inserted++;
        next[n++] = source[k];
    }
    memcpy(model, next, n * sizeof(*next));
    model_count = n;
}

static void random_merge(void)
{
    row source[60];
    size_t count = random_rows(source, 20, true);
    play m = {.keys = below(2),
              .deletes = below(2),
              .updates = below(2),
              .inserts = below(2),
              .lone_deletes = below(4) == 0,
              .lone_updates = below(4) == 0};
    const char *texts[6] = {NULL};
    size_t n = 0;
    if (m.deletes) texts[n++] = "matched and s.p = 'c' then delete";
    if (m.updates) texts[n++] = "matched and s.v < 50 then update set p = s.p, v = t.v + s.v";
    if (m.inserts) texts[n++] = "not matched and v is not null then insert *";
    if (m.lone_deletes) texts[n++] = "not matched by source and v > 80 then delete";
    if (m.lone_updates) texts[n++] = "not matched by source and p = 'a' then update set p = 'b'";
    if (!n) return;
    if (m.keys)
        ask_keys();
    else
        ask(below(2) ? "t.id = s.id" : "s.id = t.id AND t.id + s.id >= 0");
    print_message("merge %zu rows by %s: %s; %s; %s; %s; %s\n", count, m.keys ? "keys" : asked.on,
                  texts[0], texts[1] ? texts[1] : "", texts[2] ? texts[2] : "",
                  texts[3] ? texts[3] : "", texts[4] ? texts[4] : "");
    model_merge(&m, source, count);
    place_ok(&here, merge_file(rows_text(source, count, false), texts[0], texts[1], texts[2],
                               texts[3], texts[4], NULL));
    assert_int_equal(merged.rows_inserted, m.inserted);
    assert_int_equal(merged.edit.rows_updated, m.updated);
    assert_int_equal(merged.edit.rows_deleted, m.deleted);
}

static void random_table(void)
{
    SILT_CLEAN(silt_buf) properties = {0};
    bool feed = below(2);
    silt_buf_printf(&properties, "delta.checkpointInterval=%d", below(2) ? 3 : 100);
    if (below(2)) silt_buf_puts(&properties, ",delta.enableDeletionVectors=true");
    if (feed) silt_buf_puts(&properties, ",delta.enableChangeDataFeed=true");
    if (below(3) == 0) silt_buf_puts(&properties, ",delta.enableRowTracking=true");
    if (below(3) == 0)
        silt_buf_printf(&properties, ",delta.columnMapping.mode=%s", below(2) ? "name" : "id");
    print_message("table %s\n", properties.data);
    make_table(COLUMNS, below(2) ? "p" : NULL, properties.data);
    edit_opts.rewrite_percent = below(101);
    model_count = 0;
    for (int step = 0; step < 10; step++) {
        int64_t before = silt_snapshot_version(here.now);
        if (step < 2) {
            size_t count = random_rows(model + model_count, 30, false);
            insert(rows_text(model + model_count, count, false));
            model_count += count;
        } else {
            random_merge();
        }
        place_assert_rows(&here, NULL, rows_text(model, model_count, true));
        assert_no_strays();
        int64_t now = silt_snapshot_version(here.now);
        if (feed && now > before && step >= 2) {
            /* Applied to what was there the feed gives what is there: as many rows in and out. */
            const char *told = changes(now, now, false);
            int64_t in = 0, out = 0;
            for (const char *at = told; (at = strstr(at, "insert\n")); at++)
                in++;
            for (const char *at = told; (at = strstr(at, "delete\n")); at++)
                out++;
            assert_int_equal(in, merged.rows_inserted);
            assert_int_equal(out, merged.edit.rows_deleted);
        }
    }
}

static void random_merges_agree_with_the_model(void **state)
{
    dice = test_random_new();
    for (int i = 0; i < 12; i++) {
        tear_down(state);
        set_up(state);
        random_table();
    }
}

static void the_feed_tells_each_row(void **state)
{
    static const char *const tables[] = {FEED, FEED "," VECTORS};
    for (size_t i = 0; i < SILT_COUNT(tables); i++) {
        tear_down(state);
        set_up(state);
        five_rows(NULL, tables[i]);
        place_ok(&here,
                 merge_file("id,p,v\n1,x,11\n2,x,0\n8,n,80\n", "matched and s.v = 0 then delete",
                            "matched then update set *", "not matched then insert *", NULL));
        assert_string_equal(changes(3, 3, false), "1|a|10|update_preimage\n"
                                                  "1|x|11|update_postimage\n"
                                                  "2|a|20|delete\n"
                                                  "8|n|80|insert\n");
        place_ok(&here, merge_file("id,p,v\n9,n,90\n", "not matched then insert *", NULL));
        assert_string_equal(changes(4, 4, false), "9|n|90|insert\n");
        assert_int_equal(merged.edit.change_files, 0); /* the new file tells it */
    }
}

int main(void)
{
    static int not_local;
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_first_true_clause_counts),
        cmocka_unit_test_prestate_setup_teardown(the_first_true_clause_counts, set_up, tear_down,
                                                 &not_local),
        CASE(rows_that_meet_none),
        CASE(whole_files_go_by_themselves),
        CASE(nothing_to_do_is_no_commit),
        CASE(several_rows_for_one),
        CASE(any_condition),
        CASE(nulls_and_nans_are_keys),
        CASE(new_rows_keep_what_the_table_asks),
        CASE(columns_that_are_not_named),
        CASE(values_fit_or_nothing_is_done),
        CASE(row_ids_stay),
        CASE(schemas_grow),
        CASE(mistakes_are_told),
        CASE(decides_anew_after_others),
        CASE(any_call_may_be_lost),
        CASE(the_feed_tells_each_row),
        CASE(random_merges_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
