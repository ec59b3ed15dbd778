/* Merges by keys: against a naive model over random inputs, and where they are refused.
 * SILT_SEED repeats a run. */
#include "engine/duck.h"
#include "support/random.h"
#include "table/expr_tree.h"

#define MAX_FILES 4
#define MAX_ROWS  12 /* of a file */
#define KEYS      6  /* different ones */

typedef struct fixture {
    silt_engine *engine;
    char *dir;
    silt_arena *arena;
    SILT_VEC(silt_bitmap *) deleted; /* rows of target files */
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->engine = duck_new();
    f->dir = test_dir_new();
    f->arena = silt_arena_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < f->deleted.count; i++)
        silt_bitmap_free(f->deleted.items[i]);
    silt_vec_free(&f->deleted);
    silt_engine_free(f->engine);
    test_dir_free(f->dir);
    silt_arena_free(f->arena);
    free(f);
    return 0;
}

static const silt_type *type_of(fixture *f, const char *text)
{
    const silt_type *type = NULL;
    silt_error err = {0};
    duck_assert_ok(silt_type_parse(text, f->arena, &type, &err), &err);
    return type;
}

/* ---- a case: rows as small numbers, -1 being null ------------------------------------------ */

typedef struct row {
    int k1, k2, ts, p, v;
    bool old;       /* of the target */
    int file, line; /* of the source, or of the target */
} row;

typedef struct rows {
    row items[4 * MAX_FILES * MAX_ROWS];
    size_t count;
} rows;

typedef struct scenario {
    const char *k1_type;
    bool two_keys, newest, insert_only;
    bool alone; /* insert_only, without a clause for rows that are met, else with one never true */
    int source_files, target_files;
    rows source, target;
    int target_p[MAX_FILES];
} scenario;

static test_random dice;

static int pick(int from, int to) /* both included */
{
    return from + (int)test_random_below(&dice, (size_t)(to - from + 1));
}

static scenario random_scenario(void)
{
    static const char *const types[] = {"long", "string", "date", "decimal(5,1)"};
    scenario s = {.k1_type = types[pick(0, 3)],
                  .two_keys = pick(0, 2) == 0,
                  .newest = pick(0, 1),
                  .insert_only = pick(0, 3) == 0,
                  .alone = pick(0, 1) == 0,
                  .source_files = pick(1, MAX_FILES),
                  .target_files = pick(0, MAX_FILES)};
    int null_from = pick(0, 1) ? -1 : 0; /* half of the runs have no null keys */
    int sparse = pick(0, 1) ? 1 : 100;   /* half of the runs have few equal keys */
    for (int f = 0; f < s.source_files; f++)
        for (int i = 0, n = pick(0, MAX_ROWS); i < n; i++)
            s.source.items[s.source.count++] = (row){pick(null_from, KEYS * sparse),
                                                     pick(null_from, 1),
                                                     pick(-1, 4),
                                                     pick(-1, 1),
                                                     pick(0, 9),
                                                     false,
                                                     f,
                                                     i};
    for (int f = 0; f < s.target_files; f++) {
        s.target_p[f] = pick(-1, 1);
        for (int i = 0, n = pick(1, MAX_ROWS); i < n; i++)
            s.target.items[s.target.count++] = (row){pick(null_from, KEYS * sparse),
                                                     pick(null_from, 1),
                                                     pick(-1, 4),
                                                     s.target_p[f],
                                                     pick(0, 9),
                                                     true,
                                                     f,
                                                     i};
    }
    return s;
}

/* ---- the model ----------------------------------------------------------------------------- */

typedef struct outcome {
    bool refused; /* a key twice, and nothing tells which row counts */
    int64_t read[MAX_FILES], deduplicated[MAX_FILES], inserted[MAX_FILES], updated[MAX_FILES],
        unchanged[MAX_FILES], file_updates[MAX_FILES];
    rows rows; /* room for a source row that replaces several */
} outcome;

static bool same_key(const scenario *s, const row *a, const row *b)
{
    return a->k1 == b->k1 && (!s->two_keys || a->k2 == b->k2);
}

/* Whether `b`, which comes later, counts more than `a`. */
static bool beats(const scenario *s, const row *a, const row *b)
{
    return s->newest && b->ts >= a->ts;
}

static void play_source(const scenario *s, outcome *o, bool *kept)
{
    for (size_t i = 0; i < s->source.count; i++) {
        const row *r = &s->source.items[i];
        o->read[r->file]++;
        kept[i] = true;
        for (size_t k = 0; k < i; k++) {
            if (!kept[k] || !same_key(s, r, &s->source.items[k])) continue;
            if (!s->newest && !s->insert_only) o->refused = true;
            bool wins = beats(s, &s->source.items[k], r);
            kept[wins ? k : i] = false;
            o->deduplicated[s->source.items[wins ? k : i].file]++;
        }
    }
}

/* A source row acts on each target row of its key that isn't newer. */
static outcome play(const scenario *s)
{
    outcome o = {0};
    bool kept[SILT_COUNT(s->source.items)] = {false};
    bool replaced[SILT_COUNT(s->target.items)] = {false};
    play_source(s, &o, kept);
    for (size_t i = 0; i < s->source.count; i++) {
        const row *r = &s->source.items[i];
        bool found = false, acts = false;
        if (!kept[i]) continue;
        for (size_t k = 0; k < s->target.count; k++) {
            const row *t = &s->target.items[k];
            if (!same_key(s, r, t)) continue;
            found = true;
            if (s->insert_only || (s->newest && t->ts > r->ts)) continue;
            acts = replaced[k] = true;
            o.file_updates[t->file]++;
            o.rows.items[o.rows.count++] = *r;
        }
        (acts ? o.updated : found ? o.unchanged : o.inserted)[r->file]++;
        if (!found) o.rows.items[o.rows.count++] = *r;
    }
    for (size_t k = 0; k < s->target.count; k++)
        if (!replaced[k]) o.rows.items[o.rows.count++] = s->target.items[k];
    return o;
}

/* ---- rows as text and as files ------------------------------------------------------------- */

static void put_k1(silt_buf *out, const scenario *s, int k)
{
    if (strcmp(s->k1_type, "string") == 0)
        silt_buf_printf(out, "ké %d", k);
    else if (strcmp(s->k1_type, "date") == 0)
        silt_buf_printf(out, "%d-01-01", 1000 + k);
    else if (strcmp(s->k1_type, "long") == 0)
        silt_buf_printf(out, "%d", k);
    else
        silt_buf_printf(out, "%d.5", k);
}

/* Cells k1, k2, ts, p, v: `null` for nulls, others between quotes. */
static void put_row(silt_buf *out, const scenario *s, const row *r, const char *separator,
                    const char *null, const char *quote)
{
    const bool is_null[] = {r->k1 < 0, r->k2 < 0, r->ts < 0, r->p < 0, false};
    for (int c = 0; c < 5; c++) {
        silt_buf_printf(out, "%s%s", c ? separator : "", is_null[c] ? null : quote);
        if (is_null[c]) continue;
        if (c == 0)
            put_k1(out, s, r->k1);
        else if (c == 2)
            silt_buf_printf(out, "2024-01-01T00:00:0%d.000000Z", r->ts);
        else if (c == 3)
            silt_buf_puts(out, r->p ? "b" : "a");
        else
            silt_buf_printf(out, "%d", c == 1 ? r->k2 : r->v);
        silt_buf_puts(out, quote);
    }
}

static char *row_text(fixture *f, const scenario *s, const row *r)
{
    SILT_CLEAN(silt_buf) text = {0};
    put_row(&text, s, r, "|", "~", "");
    silt_buf_printf(&text, "|%s%d", r->old ? "old" : "s", r->old ? 0 : r->file);
    return silt_buf_copy(&text, f->arena);
}

static void write_source(fixture *f, const scenario *s, int file, const char *name)
{
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "k1,k2,ts,p,v\n");
    for (size_t i = 0; i < s->source.count; i++) {
        if (s->source.items[i].file != file) continue;
        put_row(&text, s, &s->source.items[i], ",", "", "");
        silt_buf_putc(&text, '\n');
    }
    test_write(f->dir, name, text.data);
}

/* Rows of the scenario, and among them others that are deleted: `*deleted`, or NULL. */
static int64_t write_target(fixture *f, const scenario *s, int file, const char *name,
                            const silt_bitmap **deleted)
{
    int64_t count = 0;
    SILT_AUTO(silt_bitmap) gone = silt_bitmap_new();
    bool deletes = pick(0, 1);
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_buf) type = {0};
    assert_int_equal(silt_sql_type(&type, type_of(f, s->k1_type), NULL), SILT_OK);
    silt_buf_printf(&sql,
                    "COPY (SELECT c.v::BIGINT AS v, c.k1::%s AS k1, c.k2::INTEGER AS k2, "
                    "c.ts::TIMESTAMPTZ AS ts, 'old0' AS src FROM (VALUES ",
                    type.data);
    for (size_t i = 0; i < s->target.count; i++) {
        const row *r = &s->target.items[i];
        if (r->file != file) continue;
        for (row ghost = *r; deletes && pick(0, 2) == 0; ghost.k1 = pick(0, KEYS)) {
            uint64_t place = (uint64_t)count;
            assert_true(silt_bitmap_add(gone, &place, 1));
            silt_buf_puts(&sql, count++ ? ", (" : "(");
            put_row(&sql, s, &ghost, ", ", "NULL", "'");
            silt_buf_putc(&sql, ')');
        }
        silt_buf_puts(&sql, count++ ? ", (" : "(");
        put_row(&sql, s, r, ", ", "NULL", "'");
        silt_buf_putc(&sql, ')');
    }
    silt_buf_printf(&sql, ") c(k1, k2, ts, p, v)) TO '@%s' (FORMAT parquet)", name);
    duck_run(f->engine, f->dir, sql.data);
    *deleted = silt_bitmap_count(gone) ? gone : NULL;
    assert_true(silt_vec_push(&f->deleted, SILT_TAKE(gone)));
    return count;
}

/* ---- the engine's play ----------------------------------------------------------------------- */

enum { K1, K2, TS, P, V, SRC, COLUMNS };

/* All that a merge is told, made of a scenario. */
typedef struct play_spec {
    silt_source_file files[MAX_FILES];
    silt_column source_columns[SRC];
    silt_source_group group;
    silt_output_column columns[COLUMNS];
    silt_scan_column scan_columns[COLUMNS];
    silt_scan_file targets[MAX_FILES];
    const char *partitions[MAX_FILES][1];
    const char *keys[2];
    size_t partition_by[1];
    silt_join_spec merge;
    silt_write_spec write;
    silt_join_equal equals[2];
    silt_join_clause clauses[2];
    const silt_expr *values[COLUMNS][2];
    silt_join_value rows_columns[COLUMNS];
    silt_scan_spec target;
} play_spec;

static void set_columns(fixture *f, const scenario *s, play_spec *p)
{
    static const char *const names[] = {"k1", "k2", "ts", "p", "v", "src"};
    const char *const types[] = {s->k1_type, "int", "timestamp", "string", "long", "string"};
    for (size_t c = 0; c < COLUMNS; c++) {
        const silt_type *type = type_of(f, types[c]);
        if (c < SRC) p->source_columns[c] = (silt_column){names[c], type};
        p->columns[c] =
            (silt_output_column){.name = names[c],
                                 .type = type,
                                 .kind = c == SRC ? SILT_OUTPUT_SOURCE_FILE : SILT_OUTPUT_SOURCE,
                                 .source = names[c]};
        p->scan_columns[c] = (silt_scan_column){
            names[c], type, c == P ? SILT_SCAN_CONSTANT : SILT_SCAN_DATA, {.name = names[c]}, 0};
    }
}

static const silt_expr *column_of(fixture *f, const char *side, const char *name,
                                  const silt_type *type)
{
    silt_expr *e = silt_arena_calloc(f->arena, 1, sizeof *e);
    const char **path = silt_arena_calloc(f->arena, 2, sizeof *path);
    path[0] = side;
    path[1] = name;
    *e = (silt_expr){.kind = SILT_EXPR_COLUMN, .type = type, .path = path, .path_count = 2};
    return e;
}

/* Matched and not older: update; not matched: insert. */
static void set_clauses(fixture *f, const scenario *s, play_spec *p)
{
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    for (size_t c = 0; c < COLUMNS; c++) {
        const silt_type *type = p->columns[c].type;
        const silt_expr *value = column_of(f, "s", p->columns[c].name, type);
        p->values[c][0] = p->values[c][1] = value;
        p->rows_columns[c] = (silt_join_value){p->columns[c].name, type, p->values[c]};
    }
    for (size_t k = 0; k < 2; k++)
        p->equals[k] =
            (silt_join_equal){.target = column_of(f, "t", p->keys[k], p->columns[k].type),
                              .source = column_of(f, "s", p->keys[k], p->columns[k].type),
                              .nulls_too = true};
    const silt_expr *t = column_of(f, "t", "ts", p->columns[TS].type);
    const silt_expr *s_ts = column_of(f, "s", "ts", p->columns[TS].type);
    const silt_expr *no_t = silt_expr_call(f->arena, SILT_OP_IS_NULL, boolean, &t, 1);
    const silt_expr *both[] = {t, s_ts};
    const silt_expr *any[] = {no_t, silt_expr_call(f->arena, SILT_OP_LE, boolean, both, 2)};
    const silt_expr *newer = silt_expr_call(f->arena, SILT_OP_OR, boolean, any, 2);
    p->clauses[0] = (silt_join_clause){.when = SILT_JOIN_MATCHED,
                                       .condition = s->insert_only ? silt_expr_bool(f->arena, false)
                                                    : s->newest    ? newer
                                                                   : NULL};
    p->clauses[1] = (silt_join_clause){.when = SILT_JOIN_NOT_MATCHED};
}

static void make_spec(fixture *f, const scenario *s, play_spec *p, const char *round)
{
    *p = (play_spec){0};
    set_columns(f, s, p);
    for (int i = 0; i < s->source_files; i++) {
        const char *name = silt_arena_printf(f->arena, "%s-s%d.csv", round, i);
        write_source(f, s, i, name);
        p->files[i] = (silt_source_file){silt_arena_printf(f->arena, "%s/%s", f->dir, name),
                                         silt_arena_printf(f->arena, "s%d", i)};
    }
    for (int i = 0; i < s->target_files; i++) {
        const char *name = silt_arena_printf(f->arena, "%s-t%d.parquet", round, i);
        const silt_bitmap *deleted = NULL;
        int64_t count = write_target(f, s, i, name, &deleted);
        p->partitions[i][0] = s->target_p[i] < 0 ? NULL : s->target_p[i] ? "b" : "a";
        p->targets[i] =
            (silt_scan_file){.local_path = silt_arena_printf(f->arena, "%s/%s", f->dir, name),
                             .row_count = count,
                             .constants = p->partitions[i],
                             .rows = deleted};
    }
    p->group = (silt_source_group){.format = SILT_FORMAT_CSV,
                                   .options = {.delimiter = ",",
                                               .quote = "\"",
                                               .escape = "\"",
                                               .encoding = "utf-8",
                                               .compression = "none",
                                               .decimal_separator = '.'},
                                   .files = p->files,
                                   .file_count = (size_t)s->source_files,
                                   .columns = p->source_columns,
                                   .column_count = SRC};
    p->keys[0] = "k1";
    p->keys[1] = "k2";
    p->partition_by[0] = P;
    test_write(f->dir, silt_arena_printf(f->arena, "%s-out/x", round), "");
    p->merge = (silt_join_spec){
        .stage = {.groups = &p->group,
                  .group_count = 1,
                  .columns = p->columns,
                  .column_count = COLUMNS,
                  .write = {.directory = silt_arena_printf(f->arena, "%s/%s-out", f->dir, round),
                            .file_prefix = "part-x-",
                            .partition_by = p->partition_by,
                            .partition_count = 1}},
        .keys = p->keys,
        .key_count = s->two_keys ? 2 : 1,
        .twice = s->newest        ? SILT_TWICE_NEWEST
                 : s->insert_only ? SILT_TWICE_FIRST
                                  : SILT_TWICE_BAD,
        .newest_by = s->newest ? "ts" : NULL};
    p->write = p->merge.stage.write;
    set_clauses(f, s, p);
}

typedef struct texts {
    fixture *f;
    const char *items[4 * MAX_FILES * MAX_ROWS];
    size_t count;
} texts;

static bool collect(void *ctx, const silt_bytes *values, size_t count)
{
    texts *t = ctx;
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(&text, '|');
        if (values[i].data)
            silt_buf_append(&text, values[i].data, values[i].size);
        else
            silt_buf_putc(&text, '~');
    }
    t->items[t->count++] = silt_buf_copy(&text, t->f->arena);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The table after the merge: files without the rows that were replaced, and files that are new. */
static void assert_table(fixture *f, const scenario *s, const play_spec *p,
                         silt_bitmap *const *hits, const silt_stage_result *result,
                         const outcome *expected)
{
    size_t count = 0;
    silt_scan_file *files =
        silt_arena_calloc(f->arena, MAX_FILES + result->file_count, sizeof *files);
    for (int i = 0; i < s->target_files; i++) {
        silt_scan_file file = p->targets[i];
        silt_bitmap *gone = silt_bitmap_or(hits[i], file.rows ? file.rows : hits[i]);
        assert_true(silt_vec_push(&f->deleted, gone));
        file.rows = gone;
        files[count++] = file;
    }
    for (size_t i = 0; i < result->file_count; i++)
        files[count++] = (silt_scan_file){.local_path = result->files[i].local_path,
                                          .row_count = result->files[i].row_count,
                                          .constants = result->files[i].partition_values};
    silt_rows_spec scan = {.scan = {.files = files,
                                    .file_count = count,
                                    .columns = p->scan_columns,
                                    .column_count = COLUMNS,
                                    .limit = -1}};
    texts found = {.f = f}, wanted = {.f = f};
    silt_error err = {0};
    duck_assert_ok(f->engine->ops->scan_rows(f->engine, &scan, collect, &found, &err), &err);
    for (size_t i = 0; i < expected->rows.count; i++)
        wanted.items[wanted.count++] = row_text(f, s, &expected->rows.items[i]);
    assert_int_equal(found.count, wanted.count);
    qsort(found.items, found.count, sizeof *found.items, by_text);
    qsort(wanted.items, wanted.count, sizeof *wanted.items, by_text);
    for (size_t i = 0; i < wanted.count; i++)
        assert_string_equal(found.items[i], wanted.items[i]);
}

static void assert_counts(const scenario *s, const silt_join_source *source,
                          const silt_join_match *match, const outcome *expected)
{
    for (int i = 0; i < s->source_files; i++) {
        assert_int_equal(source->read[i], expected->read[i]);
        assert_int_equal(source->deduplicated[i], expected->deduplicated[i]);
        assert_int_equal(match->inserted[i], expected->inserted[i]);
        assert_int_equal(match->acting[i], expected->updated[i]);
        assert_int_equal(match->idle[i], expected->unchanged[i]);
    }
}

typedef struct places {
    fixture *f;
    silt_bitmap *hits[MAX_FILES];
} places;

static silt_status note_places(void *ctx, size_t file, const uint64_t *at, size_t count,
                               silt_error *err)
{
    (void)err;
    places *p = ctx;
    assert_true(silt_bitmap_add(p->hits[file], at, count));
    return SILT_OK;
}

static silt_join_match_spec match_spec(const scenario *s, play_spec *p, size_t files)
{
    static const bool kept[COLUMNS] = {false};
    bool alone = s->insert_only && s->alone;
    p->target = (silt_scan_spec){.files = p->targets,
                                 .file_count = files,
                                 .columns = p->scan_columns,
                                 .column_count = SRC,
                                 .limit = -1};
    return (silt_join_match_spec){.target = &p->target,
                                  .kept = kept,
                                  .equals = p->equals,
                                  .equal_count = s->two_keys ? 2 : 1,
                                  .clauses = p->clauses + (alone ? 1 : 0),
                                  .clause_count = alone ? 1 : 2,
                                  .unique = true};
}

static silt_status write_rows(fixture *f, const play_spec *p, silt_join *merge,
                              silt_stage_result *out, silt_error *err)
{
    silt_output_column columns[COLUMNS];
    memcpy(columns, p->columns, sizeof columns);
    columns[SRC].kind = SILT_OUTPUT_SOURCE;
    const silt_rows_spec joined = {.kind = SILT_ROWS_JOIN,
                                   .join = {.join = merge,
                                            .updated = true,
                                            .inserted = true,
                                            .columns = p->rows_columns,
                                            .column_count = COLUMNS}};
    const silt_rewrite_spec rewrite = {
        .rows = &joined, .columns = columns, .column_count = COLUMNS, .write = p->write};
    return f->engine->ops->rewrite(f->engine, &rewrite, f->arena, out, err);
}

static void play_both(fixture *f, const scenario *s, const char *round)
{
    const silt_engine_ops *ops = f->engine->ops;
    play_spec p;
    outcome expected = play(s);
    silt_error err = {0};
    silt_join *merge = NULL;
    silt_join_source source;
    make_spec(f, s, &p, round);
    silt_status st = ops->join_begin(f->engine, &p.merge, f->arena, &merge, &source, &err);
    if (expected.refused) {
        assert_int_equal(st, SILT_BAD_DATA);
        assert_non_null(strstr(err.message, " row "));
        return;
    }
    duck_assert_ok(st, &err);
    silt_join_match match;
    size_t n = (size_t)s->target_files;
    silt_join_match_spec spec = match_spec(s, &p, n / 2);
    if (pick(0, 3) == 0) /* a first attempt that met another table */
        duck_assert_ok(ops->join_match(merge, &spec, f->arena, &match, &err), &err);
    spec = match_spec(s, &p, n);
    duck_assert_ok(ops->join_match(merge, &spec, f->arena, &match, &err), &err);
    assert_counts(s, &source, &match, &expected);
    places hits = {.f = f};
    for (size_t i = 0; i < MAX_FILES; i++) {
        hits.hits[i] = silt_bitmap_new();
        assert_true(silt_vec_push(&f->deleted, hits.hits[i]));
    }
    duck_assert_ok(ops->join_places(merge, false, note_places, &hits, &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(silt_bitmap_count(hits.hits[i]), expected.file_updates[i]);
    silt_stage_result result;
    duck_assert_ok(write_rows(f, &p, merge, &result, &err), &err);
    assert_table(f, s, &p, hits.hits, &result, &expected);
    ops->join_free(merge);
}

static void random_merges_are_as_the_model_says(void **state)
{
    fixture *f = *state;
    dice = test_random_new();
    for (int i = 0; i < 100; i++) {
        scenario s = random_scenario();
        play_both(f, &s, silt_arena_printf(f->arena, "r%d", i));
    }
    duck_assert_text(f->engine, f->dir,
                     "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'silt_%'", "0\n");
}

/* ---- what is said of keys -------------------------------------------------------------------- */

static scenario few_rows(const row *source, size_t count, int files)
{
    scenario s = {.k1_type = "long", .source_files = files};
    memcpy(s.source.items, source, count * sizeof *source);
    s.source.count = count;
    return s;
}

typedef struct blamed {
    int calls;
    size_t index;
    silt_status status;
    char why[200];
} blamed;

static void note_blame(void *ctx, size_t index, silt_status status, const char *why)
{
    blamed *b = ctx;
    b->calls++;
    b->index = index;
    b->status = status;
    (void)snprintf(b->why, sizeof b->why, "%s", why);
}

static void duplicates_are_named(void **state)
{
    fixture *f = *state;
    const row source[] = {{5, 0, 0, 0, 1, false, 0, 0}, {6, 0, 0, 0, 1, false, 0, 1},
                          {7, 0, 0, 0, 1, false, 1, 0}, {-1, 0, 0, 0, 1, false, 1, 1},
                          {5, 0, 0, 0, 1, false, 1, 2}, {-1, 0, 0, 0, 1, false, 1, 3}};
    scenario s = few_rows(source, 6, 2);
    play_spec p;
    make_spec(f, &s, &p, "d");
    blamed b = {0};
    p.merge.stage.bad_source = note_blame;
    p.merge.stage.bad_source_ctx = &b;
    silt_error err = {0};
    silt_join *merge = NULL;
    silt_join_source out;
    assert_int_equal(f->engine->ops->join_begin(f->engine, &p.merge, f->arena, &merge, &out, &err),
                     SILT_BAD_DATA);
    assert_string_equal(err.message, "2 keys stand more than once in the source: k1 = 5 (s0 row 1, "
                                     "s1 row 3); k1 = null (s1 row 2, s1 row 4)");
    assert_null(merge);
    assert_int_equal(b.calls, 1); /* the key in two files is nobody's fault */
    assert_int_equal(b.index, 1);
    assert_int_equal(b.status, SILT_BAD_DATA);
    assert_string_equal(b.why, "1 key stands more than once in this file, and nothing says which "
                               "row is the newest (dedup_strategy: newest_wins): k1 = 5 (s0 row 1, "
                               "s1 row 3); k1 = null (s1 row 2, s1 row 4)");
}

static void the_range_of_keys_is_known(void **state)
{
    fixture *f = *state;
    const row source[] = {{5, -1, 0, 0, 1, false, 0, 0},
                          {-1, -1, 0, 0, 1, false, 0, 1},
                          {12, -1, 0, 0, 1, false, 0, 2}};
    scenario s = few_rows(source, 3, 1);
    s.two_keys = true;
    play_spec p;
    make_spec(f, &s, &p, "k");
    silt_error err = {0};
    silt_join *merge = NULL;
    silt_join_source out;
    duck_assert_ok(f->engine->ops->join_begin(f->engine, &p.merge, f->arena, &merge, &out, &err),
                   &err);
    const silt_expr *values[] = {p.equals[0].source, p.equals[1].source};
    silt_join_range ranges[2];
    duck_assert_ok(f->engine->ops->join_ranges(merge, values, 2, f->arena, ranges, &err), &err);
    assert_string_equal(ranges[0].min, "5");
    assert_string_equal(ranges[0].max, "12");
    assert_true(ranges[0].has_null);
    assert_null(ranges[1].min);
    assert_null(ranges[1].max);
    assert_true(ranges[1].has_null);
    f->engine->ops->join_free(merge);
}

/* ---- where it goes wrong --------------------------------------------------------------------- */

static void bad_sources_and_targets_are_named(void **state)
{
    fixture *f = *state;
    const row source[] = {{5, 0, 0, 0, 1, false, 0, 0}};
    scenario s = few_rows(source, 1, 2);
    play_spec p;
    make_spec(f, &s, &p, "b");
    silt_error err = {0};
    silt_join *merge = NULL;
    silt_join_source out;
    silt_join_match match;
    test_write(f->dir, "b-s1.csv", "k1,k2,ts,p,v\nno number,1,,,\n");
    blamed b = {0};
    p.merge.stage.bad_source = note_blame;
    p.merge.stage.bad_source_ctx = &b;
    const silt_engine_ops *ops = f->engine->ops;
    assert_int_equal(ops->join_begin(f->engine, &p.merge, f->arena, &merge, &out, &err),
                     SILT_BAD_DATA);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.index, 1);
    test_write(f->dir, "b-s1.csv", "k1,k2,ts,p,v\n8,1,,,\n");
    duck_assert_ok(ops->join_begin(f->engine, &p.merge, f->arena, &merge, &out, &err), &err);
    const char *const none[] = {NULL};
    const silt_scan_file gone[] = {
        {.local_path = silt_arena_printf(f->arena, "%s/gone1.parquet", f->dir),
         .row_count = -1,
         .constants = none}};
    silt_join_match_spec spec = match_spec(&s, &p, 1);
    p.target.files = gone;
    assert_int_equal(ops->join_match(merge, &spec, f->arena, &match, &err), SILT_NOT_FOUND);
    assert_non_null(strstr(err.message, "gone1.parquet"));
    silt_stage_result result;
    assert_int_equal(write_rows(f, &p, merge, &result, &err), SILT_INVALID);
    silt_engine_interrupt(f->engine);
    spec = match_spec(&s, &p, 0);
    assert_int_equal(ops->join_match(merge, &spec, f->arena, &match, &err), SILT_INTERRUPTED);
    ops->join_free(merge);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(random_merges_are_as_the_model_says),
        CASE(duplicates_are_named),
        CASE(the_range_of_keys_is_known),
        CASE(bad_sources_and_targets_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
