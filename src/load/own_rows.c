/* Rows less those that the ledgers of others vouch for. */
#include "load/own_rows.h"

/* What others have loaded of a file. */
typedef struct theirs {
    struct theirs *next; /* of the same file */
    int64_t batch_id, rows;
} theirs;

typedef struct others {
    silt_target *target;
    silt_arena *arena;
    silt_map64 *by_path; /* → theirs */
    const char *unsure, *silent;
    silt_error *err;
} others;

static void others_release(others *o)
{
    silt_map64_free(o->by_path);
}

static silt_status add(others *o, const char *path, int64_t batch_id, int64_t rows)
{
    bool found;
    void **slot = silt_map64_slot(o->by_path, path, strlen(path), &found);
    if (!slot) return silt_fail_nomem(o->err);
    for (theirs *t = found ? *slot : NULL; t; t = t->next) {
        if (t->batch_id != batch_id) continue;
        t->rows += rows;
        return SILT_OK;
    }
    theirs *t = silt_arena_alloc(o->arena, sizeof(*t));
    if (!t) return silt_fail_nomem(o->err);
    *t = (theirs){found ? *slot : NULL, batch_id, rows};
    *slot = t;
    return SILT_OK;
}

static silt_status add_ledger(others *o, const silt_ledger *ledger)
{
    bool loads = silt_ledger_loads(ledger->kind) || ledger->kind == SILT_LEDGER_REPLAY;
    for (size_t i = 0; loads && i < ledger->file_count; i++) {
        const silt_ledger_file *file = &ledger->files[i];
        SILT_TRY(add(o, file->path, ledger->number, file->rows.inserted + file->rows.updated));
    }
    return SILT_OK;
}

static bool see_one(void *ctx, const silt_object *object)
{
    (void)object;
    *(bool *)ctx = true;
    return false;
}

/* An appId without any ledger is of a writer that keeps none: of no pipeline. */
static silt_status keeps_ledgers(const others *o, const char *app_id, bool *out)
{
    silt_store *store = o->target->store;
    *out = true;
    if (o->target->sql) return SILT_OK; /* all that are in its list do */
    const char *prefix = silt_arena_printf(o->arena, "_silt/ledger/%s/", app_id);
    if (!prefix) return silt_fail_nomem(o->err);
    *out = false;
    return store->ops->list(store, prefix, NULL, false, see_one, out, o->err);
}

/* Epochs are walked over: the rows of before may stand there. */
static silt_status add_chain(others *o, const silt_writer *writer)
{
    int64_t from = writer->version, missing;
    while (from >= 0) {
        const silt_ledger *chain;
        size_t count;
        silt_error why = {0};
        silt_status st = silt_ledger_chain(o->target->store, writer->app_id, from, -1, o->arena,
                                           &chain, &count, &missing, &why);
        if (st != SILT_OK && st != SILT_INCONSISTENT)
            return silt_fail(o->err, st, "%s", why.message);
        for (size_t i = 0; i < count; i++)
            SILT_TRY(add_ledger(o, &chain[i]));
        if (st == SILT_INCONSISTENT) {
            bool keeps = true;
            if (from == writer->version && !count)
                SILT_TRY(keeps_ledgers(o, writer->app_id, &keeps));
            *(keeps ? &o->unsure : &o->silent) = writer->app_id;
            return SILT_OK;
        }
        bool epoch = count && chain[count - 1].kind == SILT_LEDGER_EPOCH;
        from = epoch ? chain[count - 1].previous : -1;
    }
    return SILT_OK;
}

bool silt_own_rows_is_pipelines(const char *app_id)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t pipeline = strspn(app_id, letters);
    if (!pipeline || app_id[pipeline] != '/' || app_id[0] == '.') return false;
    const char *table = app_id + pipeline + 1;
    size_t size = strspn(table, letters);
    return size && table[0] != '.' && !table[size];
}

static silt_status read_others(others *o, silt_load *load)
{
    const silt_writer *writers;
    size_t count;
    SILT_TRY(o->target->ops->writers(load, o->target, o->arena, &writers, &count, o->err));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(writers[i].app_id, o->target->app_id) == 0) continue;
        if (silt_own_rows_is_pipelines(writers[i].app_id)) SILT_TRY(add_chain(o, &writers[i]));
    }
    return SILT_OK;
}

/* The rows of these that are left for us, and whether others have loaded that file, too. */
static silt_evidence own(const others *o, silt_evidence rows)
{
    const theirs *t = silt_map64_get(o->by_path, rows.path, strlen(rows.path));
    rows.shared = t != NULL;
    for (; t; t = t->next)
        if (t->batch_id == rows.batch_id) rows.row_count -= t->rows;
    return rows;
}

silt_status silt_own_rows_read(silt_load *load, silt_target *target, int64_t after, int64_t until,
                               silt_arena *arena, silt_own_rows *out, silt_error *err)
{
    SILT_CLEAN(others)
    o = {.target = target, .arena = arena, .by_path = silt_map64_new(), .err = err};
    const silt_evidence *found;
    size_t count, kept = 0;
    if (!o.by_path) return silt_fail_nomem(err);
    SILT_TRY(target->ops->evidence(load, target, after, until, arena, &found, &count, err));
    if (count) SILT_TRY(read_others(&o, load));
    silt_evidence *items = silt_arena_calloc(arena, count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const silt_evidence mine = own(&o, found[i]);
        if (mine.row_count > 0) items[kept++] = mine;
    }
    *out = (silt_own_rows){items, kept, o.unsure, o.silent};
    return SILT_OK;
}

silt_status silt_own_rows_check(const silt_target *target, const silt_own_rows *rows,
                                silt_error *err)
{
    const char *whose = rows->unsure ? rows->unsure : rows->silent;
    if (!whose || !rows->count) return SILT_OK;
    silt_fail(
        err, SILT_INCONSISTENT,
        "table %s: rows of %s may be those of '%s', which loads into it too and whose ledgers "
        "aren't all there",
        target->table->name, target->store->uri, whose);
    return silt_hint(err, SILT_INCONSISTENT,
                     "bring %s/_silt/ledger/%s back, from a backup or an older copy of the table",
                     target->store->uri, whose);
}
