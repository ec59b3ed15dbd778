/* Rejects, from an attempt's object to rows of a table. */
#include "load/rejects.h"

#include <stdio.h>

#include "base/json.h"
#include "load/feed.h"
#include "ops/change.h"
#include "silt/edit.h"
#include "silt/scan.h"
#include "table/expr.h"

#define MARKED_AT_ONCE 1000 /* rejects of one statement */
#define TRIES          20   /* of a commit, while others are first */

SILT_DEFINE_AUTO(silt_scan, silt_scan_free)

/* ---- staged ---------------------------------------------------------------------------------- */

/* Beside the table, as its ledgers; a database has no place for objects. */
static silt_store *place_of(const silt_load *load, const silt_target *target)
{
    return target->sql ? load->state : target->store;
}

static const char *key_of(const silt_target *target, int64_t number, const char *attempt,
                          silt_arena *arena)
{
    return silt_arena_printf(arena, "_silt/rejects/%s/%020" PRId64 "-%s.ndjson", target->app_id,
                             number, attempt);
}

silt_status silt_rejects_stage(silt_load *load, const silt_target *target, int64_t number,
                               const char *attempt, const char *local_path, silt_arena *arena,
                               const char **key, silt_error *err)
{
    silt_store *place = place_of(load, target);
    const char *name = key_of(target, number, attempt, arena);
    if (!name) return silt_fail_nomem(err);
    silt_status st = place->ops->put_file(place, name, local_path, err);
    if (st == SILT_UNSURE) { /* ours alone bears this name */
        silt_object object;
        st = place->ops->head(place, name, arena, &object, err);
    }
    if (st != SILT_OK) return silt_wrap(err, st, "rejects of batch %" PRId64, number);
    *key = name;
    return SILT_OK;
}

void silt_rejects_clean(silt_load *load, const silt_target *target, int64_t number,
                        const char *attempt)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_error harmless = {0};
    silt_store *place = place_of(load, target);
    const char *key = scratch ? key_of(target, number, attempt, scratch) : NULL;
    if (key) (void)place->ops->remove(place, key, &harmless);
}

/* ---- left behind ------------------------------------------------------------------------------
 */

typedef struct staged {
    SILT_VEC(silt_object) old;
    int64_t before_ms;
    silt_arena *arena;
    bool failed;
} staged;

static void staged_release(staged *s)
{
    silt_vec_free(&s->old);
    silt_arena_free(s->arena);
}

static bool note_old(void *ctx, const silt_object *object)
{
    staged *s = ctx;
    silt_object copy = *object;
    if (object->mtime_ns / 1000000 > s->before_ms) return true;
    copy.key = silt_arena_strdup(s->arena, object->key);
    s->failed = !copy.key || !silt_vec_push(&s->old, copy);
    return !s->failed;
}

/* The batch in a key of key_of(); -1: it is none. */
static int64_t batch_of(const char *key)
{
    const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
    char digits[21] = "";
    int64_t number;
    if (strspn(name, "0123456789") != 20 || name[20] != '-') return -1;
    memcpy(digits, name, 20);
    return silt_ends_with(name, ".ndjson") && silt_parse_int64(digits, &number) ? number : -1;
}

/* Whether some batch has named it that happened, or may have. */
static silt_status is_named(const silt_target *target, const silt_comparison *c, const char *key,
                            silt_arena *scratch, bool *out, silt_error *err)
{
    const int64_t number = batch_of(key);
    int64_t begins = -1; /* the walk ends there: older batches may have happened */
    *out = number < 0 || (c->missing >= 0 && number <= c->missing);
    for (size_t i = 0; i < c->chain_count && !*out; i++) {
        *out = silt_streq(c->chain[i].rejects, key);
        if (c->chain[i].kind == SILT_LEDGER_EPOCH) begins = c->chain[i].number;
    }
    if (*out || number >= begins) return SILT_OK;
    silt_ledger ledger;
    silt_error why = {0};
    silt_status st =
        silt_ledger_read_head(target->store, target->app_id, number, scratch, &ledger, &why);
    *out = st == SILT_CORRUPT || (st == SILT_OK && silt_streq(ledger.rejects, key));
    if (st == SILT_OK || st == SILT_NOT_FOUND || st == SILT_CORRUPT) return SILT_OK;
    return silt_fail(err, st, "%s", why.message);
}

silt_status silt_rejects_orphans(silt_load *load, const silt_target *target,
                                 const silt_comparison *comparison, bool remove, silt_orphan_fn *fn,
                                 void *ctx, silt_error *err)
{
    silt_comparison own __attribute__((cleanup(silt_comparison_release))) = {0};
    silt_store *place = place_of(load, target);
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_CLEAN(staged)
    s = {.arena = silt_arena_new(), .before_ms = silt_target_abandoned_ms(load, target)};
    if (!s.arena || !scratch) return silt_fail_nomem(err);
    const char *folder = silt_arena_printf(s.arena, "_silt/rejects/%s/", target->app_id);
    if (!folder) return silt_fail_nomem(err);
    SILT_TRY(place->ops->list(place, folder, NULL, false, note_old, &s, err));
    if (s.failed) return silt_fail_nomem(err);
    if (s.old.count && !comparison) {
        SILT_TRY(silt_compare_chain(target, &own, err));
        comparison = &own;
    }
    for (size_t i = 0; i < s.old.count; i++) {
        bool named;
        silt_arena_reset(scratch);
        SILT_TRY(is_named(target, comparison, s.old.items[i].key, scratch, &named, err));
        if (named) continue;
        if (remove) SILT_TRY(place->ops->remove(place, s.old.items[i].key, err));
        SILT_TRY(fn(ctx, &s.old.items[i], err));
    }
    return SILT_OK;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const silt_type text = {.kind = SILT_TYPE_STRING}, number = {.kind = SILT_TYPE_LONG},
                       instant = {.kind = SILT_TYPE_TIMESTAMP};
static const silt_field fields[] = {
    {"table_name", &text, true, "{}"},     {"reject_id", &text, true, "{}"},
    {"status", &text, true, "{}"},         {"source_file", &text, true, "{}"},
    {"line", &number, true, "{}"},         {"row_number", &number, true, "{}"},
    {"byte_offset", &number, true, "{}"},  {"column_name", &text, true, "{}"},
    {"reason", &text, true, "{}"},         {"constraint_name", &text, true, "{}"},
    {"raw_text", &text, true, "{}"},       {"row_json", &text, true, "{}"},
    {"batch_id", &number, true, "{}"},     {"attempt_id", &text, true, "{}"},
    {"rejected_at", &instant, true, "{}"}, {"replayed_by", &number, true, "{}"},
};
static const silt_type schema = {
    .kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = SILT_COUNT(fields)};

static silt_txn_options txn_options(const silt_load *load)
{
    silt_txn_options txn = SILT_TXN_OPTIONS_INIT;
    txn.clock = load->clock;
    txn.random = load->random;
    return txn;
}

/* NULL where there is none, unless it is to be made. */
static silt_status open_table(silt_load *load, bool make, silt_snapshot **out, silt_error *err)
{
    *out = NULL;
    for (int i = 0; i < TRIES; i++) {
        silt_error why = {0};
        silt_status st = silt_snapshot_open(load->rejects_store, load->engine, NULL, out, &why);
        if (st == SILT_OK) return SILT_OK;
        if (st != SILT_NOT_FOUND) {
            if (err) *err = why;
            return silt_wrap(err, st, "rejects");
        }
        if (!make) return SILT_OK;
        silt_txn_options txn = txn_options(load);
        silt_txn_result made; /* CONFLICT: somebody else made it */
        SILT_TRY(silt_create_table(load->rejects_store, load->engine, &schema, NULL, 0,
                                   (silt_pairs){0}, NULL, &txn, &made, err));
    }
    return silt_fail(err, SILT_CONFLICT, "the table of rejects comes and goes");
}

/* What rejects of before a table was renamed bear; NULL: there are none, or another has that name.
 */
static const char *former_name(const silt_load *load, const silt_config_table *table)
{
    const char *slash = table->state_name ? strrchr(table->state_name, '/') : NULL;
    const char *old = slash ? slash + 1 : table->state_name;
    for (size_t i = 0; old && i < load->config->table_count; i++)
        if (silt_streq(load->config->tables[i].name, old)) return NULL;
    return old;
}

static void put_names(silt_buf *where, const silt_load *load, const silt_config_table *table)
{
    const char *old = former_name(load, table);
    silt_buf_puts(where, "table_name IN (");
    silt_expr_quote(table->name, '\'', where);
    if (old) {
        silt_buf_puts(where, ", ");
        silt_expr_quote(old, '\'', where);
    }
    silt_buf_putc(where, ')');
}

/* ---- publishing ------------------------------------------------------------------------------ */

typedef struct publishing {
    silt_load *load;
    const silt_target *target;
    silt_snapshot *table; /* NULL: not opened yet */
    const char *folder;   /* for objects without a local path; NULL: not needed yet */
    silt_arena *arena;
    silt_error *err;
} publishing;

static void publishing_release(publishing *p)
{
    silt_snapshot_free(p->table);
    silt_scratch_remove(p->folder);
    if (p->arena) silt_arena_free(p->arena);
}

static silt_status bring(publishing *p, const silt_ledger *ledger, const char **path)
{
    silt_store *place = place_of(p->load, p->target);
    char id[SILT_UUID_SIZE];
    *path = silt_store_local_path(place, ledger->rejects, p->arena);
    if (*path) return SILT_OK;
    silt_uuid(p->load->random, id);
    if (!p->folder) SILT_TRY(silt_scratch_make(place, id, p->arena, &p->folder, p->err));
    *path = silt_arena_printf(p->arena, "%s/%020" PRId64 ".ndjson", p->folder, ledger->number);
    if (!*path) return silt_fail_nomem(p->err);
    return place->ops->get_file(place, ledger->rejects, *path, p->err);
}

/* Batches of another table in the same place are others. */
static const char *app_id_of(const publishing *p, const silt_ledger *ledger)
{
    return silt_arena_printf(p->arena, "%s@%s", ledger->app_id,
                             ledger->table_id ? ledger->table_id : "");
}

static silt_status append(publishing *p, const silt_ledger *ledger, const char *path,
                          silt_txn_result *out)
{
    const silt_source_file file = {path, ledger->rejects};
    const silt_sources sources = {.format = SILT_FORMAT_NDJSON, .files = &file, .file_count = 1};
    silt_source_plan plan;
    silt_change_result result;
    char attempt[SILT_UUID_SIZE];
    silt_uuid(p->load->random, attempt);
    SILT_TRY(silt_sources_plan(p->load->engine, &sources, silt_snapshot_schema(p->table), p->arena,
                               &plan, NULL, p->err));
    silt_change_spec spec = {
        .sources = &sources, .plan = &plan, .attempt = attempt, .txn = txn_options(p->load)};
    spec.txn.app_id = app_id_of(p, ledger);
    spec.txn.app_version = ledger->number;
    if (!spec.txn.app_id) return silt_fail_nomem(p->err);
    SILT_TRY(silt_append(p->table, &spec, p->arena, &result, NULL, NULL, p->err));
    *out = result.txn;
    if (out->outcome != SILT_TXN_COMMITTED || result.facts.total.read == ledger->reject_rows)
        return SILT_OK;
    return silt_fail(p->err, SILT_INCONSISTENT, "%s has %" PRId64 " rows, its ledger says %" PRId64,
                     ledger->rejects, result.facts.total.read, ledger->reject_rows);
}

static silt_status refresh(publishing *p)
{
    silt_snapshot *now = NULL;
    SILT_TRY(silt_snapshot_refresh(p->table, &now, p->err));
    silt_snapshot_free(p->table);
    p->table = now;
    return SILT_OK;
}

static silt_status publish(publishing *p, const silt_ledger *ledger)
{
    const char *path = NULL, *app_id = app_id_of(p, ledger);
    if (!app_id) return silt_fail_nomem(p->err);
    if (!p->table) SILT_TRY(open_table(p->load, true, &p->table, p->err));
    for (int i = 0; i < TRIES; i++) {
        silt_txn_result txn;
        if (silt_snapshot_app_version(p->table, app_id) >= ledger->number) return SILT_OK;
        if (!path) SILT_TRY(bring(p, ledger, &path));
        SILT_TRY(append(p, ledger, path, &txn));
        SILT_TRY(refresh(p));
    }
    return silt_fail(p->err, SILT_CONFLICT, "others were first in each of %d tries", TRIES);
}

/* ---- what becomes of rejects that are open ----------------------------------------------------
 */

/* Those of `values` of `column`, or all that are older than the ledger's batch (NULL). */
static silt_status mark(publishing *p, const silt_ledger *ledger, const char *column,
                        const silt_buf *values)
{
    SILT_CLEAN(silt_buf) where = {0};
    char batch[24];
    (void)snprintf(batch, sizeof(batch), "%" PRId64, ledger->number);
    const bool replayed = ledger->kind == SILT_LEDGER_REPLAY;
    const silt_assignment set[] = {{"status", replayed ? "'replayed'" : "'superseded'"},
                                   {"replayed_by", batch}};
    silt_edit_options opts = SILT_EDIT_OPTIONS_INIT;
    silt_edit_result done;
    silt_buf_puts(&where, "status = 'open' AND ");
    put_names(&where, p->load, p->target->table);
    if (!replayed) silt_buf_printf(&where, " AND batch_id < %s", batch);
    if (column) silt_buf_printf(&where, " AND %s IN (%s)", column, values->data);
    if (where.failed || (column && values->failed)) return silt_fail_nomem(p->err);
    SILT_TRY(silt_update(p->table, set, replayed ? 2 : 1, where.data, &opts, &done, NULL, p->err));
    return refresh(p);
}

static void add_value(silt_buf *values, const char *value)
{
    if (values->size) silt_buf_puts(values, ", ");
    silt_expr_quote(value, '\'', values);
}

/* Again and again is as good as once. */
static silt_status mark_replayed(publishing *p, const silt_ledger *ledger)
{
    silt_store *place = place_of(p->load, p->target);
    silt_bytes body;
    SILT_CLEAN(silt_buf) ids = {0};
    size_t some = 0;
    if (!p->table) SILT_TRY(open_table(p->load, true, &p->table, p->err));
    SILT_TRY(silt_store_get_all(place, ledger->rejects, p->arena, &body, p->err));
    for (size_t at = 0; at < body.size;) {
        const char *end = memchr(body.data + at, '\n', body.size - at);
        size_t size = end ? (size_t)(end - body.data) - at : body.size - at;
        const silt_json *object;
        SILT_TRY(silt_json_parse((silt_bytes){body.data + at, size}, p->arena, &object, p->err));
        const char *id = silt_json_string(silt_json_get(object, "reject_id"));
        if (!id) return silt_fail(p->err, SILT_CORRUPT, "%s: no reject_id", ledger->rejects);
        add_value(&ids, id);
        at += size + 1;
        if (++some < MARKED_AT_ONCE && at < body.size) continue;
        SILT_TRY(mark(p, ledger, "reject_id", &ids));
        silt_buf_clear(&ids);
        some = 0;
    }
    return SILT_OK;
}

/* Whether a batch leaves nothing of older ones: an epoch, an overwrite of all, or the first in a
 * table that is there anew. */
static bool begins_anew(const publishing *p, const silt_ledger *ledger)
{
    const silt_config_table *table = p->target->table;
    if (ledger->kind == SILT_LEDGER_EPOCH) return true;
    if (ledger->kind != SILT_LEDGER_DATA || !ledger->number) return false;
    return ledger->previous < 0 ||
           (table->strategy == SILT_STRATEGY_OVERWRITE && !table->overwrite_partitions);
}

/* Files whose older rows have gone by a batch take their open rejects with them: replayed, these
 * would bring rows of what isn't there any more. Again and again is as good as once. */
static silt_status mark_superseded(publishing *p, const silt_ledger *ledger)
{
    SILT_CLEAN(silt_buf) files = {0};
    const bool all = begins_anew(p, ledger), reload = ledger->kind == SILT_LEDGER_RELOAD;
    if (!all && !reload && ledger->kind != SILT_LEDGER_UNLOAD && ledger->kind != SILT_LEDGER_LOST)
        return SILT_OK;
    if (!p->table) SILT_TRY(open_table(p->load, false, &p->table, p->err));
    if (!p->table) return SILT_OK;
    if (all) return mark(p, ledger, NULL, NULL);
    for (size_t i = 0, some = 0; i < ledger->file_count; i++) {
        if (reload && ledger->files[i].replaces < 0) continue;
        add_value(&files, ledger->files[i].path);
        if (++some % MARKED_AT_ONCE) continue;
        SILT_TRY(mark(p, ledger, "source_file", &files));
        silt_buf_clear(&files);
    }
    return files.size ? mark(p, ledger, "source_file", &files) : SILT_OK;
}

/* ---- */

/* In order: a batch's own rejects are open, and those of what it replaces aren't any more. */
static silt_status publish_one(publishing *p, const silt_ledger *ledger)
{
    if (ledger->kind == SILT_LEDGER_REPLAY)
        return ledger->rejects ? mark_replayed(p, ledger) : SILT_OK;
    SILT_TRY(mark_superseded(p, ledger));
    return ledger->rejects ? publish(p, ledger) : SILT_OK;
}

silt_status silt_rejects_publish(silt_load *load, const silt_target *target,
                                 const silt_ledger *chain, size_t count, silt_error *err)
{
    SILT_CLEAN(publishing) p = {.load = load, .target = target, .err = err};
    for (size_t i = count; i-- > 0;) {
        if (!p.arena) p.arena = silt_arena_new();
        if (!p.arena) return silt_fail_nomem(err);
        silt_status st = publish_one(&p, &chain[i]);
        if (st != SILT_OK)
            return silt_wrap(err, st, "table %s: rejects of batch %" PRId64, target->table->name,
                             chain[i].number);
    }
    return SILT_OK;
}

/* ---- comparing ------------------------------------------------------------------------------- */

typedef struct tally {
    silt_map64 *by_attempt; /* → rows */
    silt_arena *arena;
    bool failed;
} tally;

static void tally_release(tally *t)
{
    if (t->by_attempt) silt_map64_free(t->by_attempt);
}

static bool count_row(void *ctx, const silt_bytes *values, size_t count)
{
    tally *t = ctx;
    bool found;
    (void)count;
    const char *key =
        silt_arena_strndup(t->arena, values[0].data ? values[0].data : "", values[0].size);
    void **slot = key ? silt_map64_slot(t->by_attempt, key, values[0].size, &found) : NULL;
    t->failed = !slot;
    if (slot) *slot = (void *)((uintptr_t)*slot + 1);
    return slot != NULL;
}

static silt_status count_rows(silt_load *load, const silt_target *target, tally *t, silt_error *err)
{
    SILT_AUTO(silt_snapshot) table = NULL;
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_CLEAN(silt_buf) where = {0};
    static const char *const columns[] = {"attempt_id"};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    SILT_TRY(open_table(load, false, &table, err));
    if (!table) return SILT_OK;
    put_names(&where, load, target->table);
    if (where.failed) return silt_fail_nomem(err);
    opts.columns = columns;
    opts.column_count = 1;
    opts.where = where.data;
    SILT_TRY(silt_scan_open(table, &opts, &scan, err));
    SILT_TRY(silt_scan_rows(scan, count_row, t, err));
    return t->failed ? silt_fail_nomem(err) : SILT_OK;
}

silt_status silt_rejects_compare(silt_load *load, const silt_target *target,
                                 const silt_comparison *comparison, silt_lines *lines,
                                 silt_error *err)
{
    SILT_CLEAN(tally) t = {.arena = comparison->arena};
    bool some = false;
    for (size_t i = 0; i < comparison->chain_count; i++)
        some |= comparison->chain[i].rejects != NULL;
    if (!some) return SILT_OK;
    t.by_attempt = silt_map64_new();
    if (!t.by_attempt) return silt_fail_nomem(err);
    SILT_TRY(count_rows(load, target, &t, err));
    for (size_t i = 0; i < comparison->chain_count; i++) {
        const silt_ledger *ledger = &comparison->chain[i];
        if (!ledger->rejects || ledger->kind == SILT_LEDGER_REPLAY) continue;
        int64_t there = (int64_t)(uintptr_t)silt_map64_get(t.by_attempt, ledger->attempt,
                                                           strlen(ledger->attempt));
        if (there != ledger->reject_rows)
            silt_lines_add(lines, "%" PRId64 " rejects in %s, batch %" PRId64 " rejected %" PRId64,
                           there, load->rejects_store->uri, ledger->number, ledger->reject_rows);
    }
    return SILT_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reading {
    SILT_VEC(silt_reject_row) rows; /* the first ones so far, and what came since the last cut */
    silt_arena *texts;              /* theirs */
    silt_rejects *out;
    silt_map64 *mended;
    const silt_reject_row *after;
    bool full; /* `limit` rows are there: what comes behind the last of these isn't wanted */
    silt_reject_row worst;
    size_t limit, found; /* found: of `mended` */
    silt_buf id, source; /* of the row in hand */
    bool failed;
} reading;

static void reading_release(reading *r)
{
    silt_vec_free(&r->rows);
    silt_arena_free(r->texts);
    silt_buf_release(&r->id);
    silt_buf_release(&r->source);
}

static int in_order(const void *a, const void *b)
{
    const silt_reject_row *x = a, *y = b;
    silt_feed_kind kind;
    int64_t v = -1, w = -1;
    size_t size;
    if (!silt_feed_parse(x->source_file, &kind, &v, &size)) v = -1;
    if (!silt_feed_parse(y->source_file, &kind, &w, &size)) w = -1;
    if (v != w) return v < w ? -1 : 1;
    int order = strcmp(x->source_file, y->source_file);
    return order ? order : strcmp(x->id, y->id);
}

static bool copy_row(silt_reject_row *row, silt_arena *arena)
{
    row->id = silt_arena_strdup(arena, row->id);
    row->source_file = silt_arena_strdup(arena, row->source_file);
    row->row_json = silt_arena_strdup(arena, row->row_json);
    return row->id && row->source_file && row->row_json;
}

/* Of the rows the first `limit` stay, with texts in `arena`. */
static bool cut(reading *r, silt_arena *arena)
{
    if (r->rows.count) qsort(r->rows.items, r->rows.count, sizeof(*r->rows.items), in_order);
    if (r->rows.count > r->limit) r->rows.count = r->limit;
    for (size_t i = 0; i < r->rows.count; i++)
        if (!copy_row(&r->rows.items[i], arena)) return false;
    return true;
}

static bool make_room(reading *r)
{
    silt_arena *texts = silt_arena_new();
    if (!texts || !cut(r, texts)) {
        silt_arena_free(texts);
        return false;
    }
    silt_arena_free(r->texts);
    r->texts = texts;
    r->worst = r->rows.items[r->limit - 1];
    r->full = true;
    return true;
}

static bool read_row(void *ctx, const silt_bytes *values, size_t count)
{
    reading *r = ctx;
    (void)count;
    const char *mended =
        r->mended ? silt_map64_get(r->mended, values[0].data, values[0].size) : NULL;
    if (r->mended && !mended) return true;
    if (!mended && !values[2].data) {
        r->out->unreadable++;
        return true;
    }
    r->found += mended != NULL;
    silt_buf_clear(&r->id);
    silt_buf_clear(&r->source);
    silt_buf_append(&r->id, values[0].data, values[0].size);
    silt_buf_append(&r->source, values[1].data ? values[1].data : "", values[1].size);
    r->failed = r->id.failed || r->source.failed;
    if (r->failed) return false;
    silt_reject_row row = {r->id.data, r->source.data, mended};
    if (r->after && in_order(&row, r->after) <= 0) return true;
    if (r->full && in_order(&row, &r->worst) >= 0) return true;
    if (!mended) row.row_json = silt_arena_strndup(r->texts, values[2].data, values[2].size);
    row.id = silt_arena_strdup(r->texts, row.id);
    row.source_file = silt_arena_strdup(r->texts, row.source_file);
    r->failed = !row.id || !row.source_file || !row.row_json || !silt_vec_push(&r->rows, row) ||
                (r->rows.count == 2 * r->limit && !make_room(r));
    return !r->failed;
}

static silt_status scan_open(silt_load *load, const silt_target *target, int64_t batch_id,
                             const char *source_file, reading *r, silt_error *err)
{
    static const char *const columns[] = {"reject_id", "source_file", "row_json"};
    SILT_AUTO(silt_snapshot) table = NULL;
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_CLEAN(silt_buf) where = {0};
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    SILT_TRY(open_table(load, false, &table, err));
    if (!table) return SILT_OK;
    silt_buf_puts(&where, "status = 'open' AND ");
    put_names(&where, load, target->table);
    if (batch_id >= 0) silt_buf_printf(&where, " AND batch_id = %" PRId64, batch_id);
    if (source_file) {
        silt_buf_puts(&where, " AND source_file = ");
        silt_expr_quote(source_file, '\'', &where);
    }
    if (where.failed) return silt_fail_nomem(err);
    opts.columns = columns;
    opts.column_count = SILT_COUNT(columns);
    opts.where = where.data;
    SILT_TRY(silt_scan_open(table, &opts, &scan, err));
    SILT_TRY(silt_scan_rows(scan, read_row, r, err));
    return r->failed ? silt_fail_nomem(err) : SILT_OK;
}

silt_status silt_rejects_read(silt_load *load, const silt_target *target, int64_t batch_id,
                              const char *source_file, silt_map64 *mended,
                              const silt_reject_row *after, size_t limit, silt_arena *arena,
                              silt_rejects *out, silt_error *err)
{
    *out = (silt_rejects){0};
    SILT_CLEAN(reading)
    r = {.texts = silt_arena_new(), .out = out, .mended = mended, .after = after, .limit = limit};
    if (!r.texts) return silt_fail_nomem(err);
    SILT_TRY(scan_open(load, target, batch_id, source_file, &r, err));
    out->items = silt_arena_calloc(arena, limit + 1, sizeof(*out->items));
    if (!out->items || !cut(&r, arena)) return silt_fail_nomem(err);
    if (r.rows.count) memcpy(out->items, r.rows.items, r.rows.count * sizeof(*out->items));
    out->count = r.rows.count;
    out->mended = r.found;
    return SILT_OK;
}
