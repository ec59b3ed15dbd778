/* For tests of operations: a folder with source files in in/ and one table in table/. */
#ifndef SILT_TEST_PLACE_H
#define SILT_TEST_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/change.h"
#include "store/fault.h"
#include "support/files.h"
#include "table/data.h"

#define PLACE_FILES 64

typedef struct place {
    char *dir;
    silt_store *below, *store; /* the table is used through `store` */
    silt_engine *engine;       /* may be replaced by a test's own, see place_use() */
    silt_engine *real;
    silt_arena *arena;
    silt_sources sources;
    silt_source_file files[PLACE_FILES];
    silt_source_plan plan;
    silt_change_spec spec; /* what a load starts from */
    silt_change_result result;
    silt_bad_sources bad;
    silt_error err;
    silt_snapshot *now; /* NULL: there is no table yet */
    int loads;
} place;

static inline void place_ok(place *p, silt_status st)
{
    if (st != SILT_OK) fail_msg("%s: %s", silt_status_name(st), p->err.message);
}

static inline void place_init(place *p, bool local)
{
    *p = (place){.dir = test_dir_new(), .arena = silt_arena_new()};
    char *root = test_path(p->dir, "table");
    place_ok(p, silt_store_open(root, NULL, &p->below, &p->err));
    free(root);
    silt_fault_plan plan = {.hide_local_path = !local};
    p->store = silt_store_fault_new(p->below, &plan);
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 2;
    place_ok(p, silt_engine_open(&opts, &p->real, &p->err));
    p->engine = p->real;
    p->sources = (silt_sources){.format = SILT_FORMAT_CSV, .files = p->files};
    p->spec.txn = (silt_txn_options)SILT_TXN_OPTIONS_INIT;
}

static inline void place_release(place *p)
{
    silt_snapshot_free(p->now);
    silt_store_free(p->store);
    silt_store_free(p->below);
    silt_engine_free(p->real);
    silt_arena_free(p->arena);
    test_dir_free(p->dir);
}

static inline const char *place_path(place *p, const char *name)
{
    return silt_arena_printf(p->arena, "%s/in/%s", p->dir, name);
}

/* One more source file. */
static inline void place_source(place *p, const char *name, const char *text)
{
    assert_true(p->sources.file_count < PLACE_FILES);
    test_write(p->dir, silt_arena_printf(p->arena, "in/%s", name), text);
    p->files[p->sources.file_count++] =
        (silt_source_file){place_path(p, name), silt_arena_strdup(p->arena, name)};
}

static inline void place_no_sources(place *p)
{
    p->sources.file_count = 0;
}

static inline const silt_type *place_schema(place *p, const char *text)
{
    const silt_type *type = NULL;
    place_ok(p, silt_type_parse(text, p->arena, &type, &p->err));
    return type;
}

static inline silt_status place_plan(place *p)
{
    const silt_type *schema = p->now ? silt_snapshot_schema(p->now) : NULL;
    p->bad = (silt_bad_sources){0};
    p->err = (silt_error){0};
    return silt_sources_plan(p->engine, &p->sources, schema, p->arena, &p->plan, &p->bad, &p->err);
}

static inline void place_reopen(place *p)
{
    silt_snapshot_free(p->now);
    p->now = NULL;
    place_ok(p, silt_snapshot_open(p->store, p->engine, NULL, &p->now, &p->err));
}

/* From now on through another engine. */
static inline void place_use(place *p, silt_engine *engine)
{
    p->engine = engine;
    if (p->now) place_reopen(p);
}

static inline void place_create(place *p, const silt_type *schema)
{
    silt_txn_result result;
    place_ok(p, silt_create_table(p->store, p->engine, schema, p->sources.partition_by,
                                  p->sources.partition_count, (silt_pairs){0}, NULL, NULL, &result,
                                  &p->err));
    assert_int_equal(result.outcome, SILT_TXN_COMMITTED);
    place_reopen(p);
}

/* Plan, make the table if need be, append (upsert where spec.keys are set). The snapshot follows.
 */
static inline silt_status place_load(place *p)
{
    silt_status st = place_plan(p);
    if (st == SILT_OK && !p->now) {
        place_create(p, p->plan.schema);
        st = place_plan(p);
    }
    if (st != SILT_OK) return st;
    silt_change_spec spec = p->spec;
    spec.sources = &p->sources;
    spec.plan = &p->plan;
    spec.batch_id = p->loads++;
    if (!spec.attempt) spec.attempt = silt_arena_printf(p->arena, "try%d", p->loads);
    silt_snapshot *after = NULL;
    st = spec.key_count
             ? silt_upsert(p->now, &spec, p->arena, &p->result, &after, &p->bad, &p->err)
             : silt_append(p->now, &spec, p->arena, &p->result, &after, &p->bad, &p->err);
    if (!after) return st;
    silt_snapshot_free(p->now);
    p->now = after;
    return st;
}

static inline void place_load_ok(place *p)
{
    place_ok(p, place_load(p));
    assert_int_equal(p->result.txn.outcome, SILT_TXN_COMMITTED);
}

/* ---- rows */

typedef struct place_lines {
    silt_arena *arena;
    SILT_VEC(char *) lines;
} place_lines;

static inline bool place_line(void *ctx, const silt_bytes *values, size_t count)
{
    place_lines *l = ctx;
    SILT_CLEAN(silt_buf) line = {0};
    for (size_t i = 0; i < count; i++) {
        if (i) silt_buf_putc(&line, '|');
        if (values[i].data)
            silt_buf_append(&line, values[i].data, values[i].size);
        else
            silt_buf_putc(&line, '~');
    }
    silt_buf_puts(&line, "\n");
    return silt_vec_push(&l->lines, silt_buf_copy(&line, l->arena));
}

static inline int place_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows of all columns or those named "a,b", by | and line ends, null as ~, sorted. */
static inline const char *place_rows(place *p, const char *columns)
{
    const char *names[32];
    size_t count = 0;
    for (char *at = columns ? silt_arena_strdup(p->arena, columns) : NULL; at;) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        names[count++] = at;
        at = comma ? comma + 1 : NULL;
    }
    const char *scratch = NULL;
    place_ok(p, silt_scratch_make(p->store, "rows", p->arena, &scratch, &p->err));
    const silt_log_state *state = silt_snapshot_state(p->now);
    const silt_scan_want want = {count ? names : NULL, count, .limit = -1};
    silt_scan_plan plan;
    place_ok(p,
             silt_scan_plan_init(&plan, p->store, state->version, &state->metadata,
                                 silt_snapshot_schema(p->now), &want, scratch, p->arena, &p->err));
    place_ok(p, silt_scan_plan_adds(&plan, p->now, NULL, 0, &p->err));
    const silt_rows_spec rows = {.scan = plan.spec};
    place_lines l = {.arena = p->arena};
    place_ok(p, p->real->ops->scan_rows(p->real, &rows, place_line, &l, &p->err));
    silt_scan_plan_release(&plan);
    silt_scratch_remove(scratch);
    if (l.lines.count) qsort(l.lines.items, l.lines.count, sizeof(*l.lines.items), place_order);
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < l.lines.count; i++)
        silt_buf_puts(&all, l.lines.items[i]);
    silt_vec_free(&l.lines);
    return silt_buf_copy(&all, p->arena);
}

static inline void place_assert_rows(place *p, const char *columns, const char *expected)
{
    assert_string_equal(place_rows(p, columns), expected);
}

/* ---- files */

typedef struct place_files {
    place *p;
    SILT_VEC(const char *) data;
    silt_buf log; /* all commits, one after another */
} place_files;

static inline bool place_collect(void *ctx, const silt_object *object)
{
    place_files *f = ctx;
    silt_bytes body;
    if (!silt_starts_with(object->key, "_delta_log/"))
        return silt_vec_push(&f->data, silt_arena_strdup(f->p->arena, object->key));
    if (!silt_ends_with(object->key, ".json")) return true;
    place_ok(f->p, silt_store_get_all(f->p->below, object->key, f->p->arena, &body, &f->p->err));
    silt_buf_append(&f->log, body.data, body.size);
    return true;
}

/* No file lies in the table's folder that no commit names. */
static inline void place_assert_no_strays(place *p)
{
    place_files f = {.p = p};
    silt_buf_puts(&f.log, "");
    place_ok(p, p->below->ops->list(p->below, "", NULL, true, place_collect, &f, &p->err));
    const char *stray = NULL;
    for (size_t i = 0; i < f.data.count && !stray; i++)
        if (!strstr(f.log.data, silt_path_encode(f.data.items[i], p->arena)))
            stray = f.data.items[i];
    silt_vec_free(&f.data);
    silt_buf_release(&f.log);
    if (stray) fail_msg("no commit names %s", stray);
}

/* The file `index` is at fault, and nothing else; `words` are in its reason. */
static inline void place_assert_bad(place *p, silt_status st, size_t index, const char *words)
{
    if (st != SILT_BAD_DATA) fail_msg("%s: %s", silt_status_name(st), p->err.message);
    assert_int_equal(p->bad.count, 1);
    assert_int_equal(p->bad.items[0].index, index);
    if (!strstr(p->bad.items[0].why, words))
        fail_msg("'%s' is not in '%s'", words, p->bad.items[0].why);
}

#endif
