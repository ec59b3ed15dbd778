/* A loader's keyed batches: merges whose last word is the loader's. */
#include "ops/upsert.h"

#include "ops/scd2.h"

/* ---- clauses */

static const silt_merge_clause insert_star = {
    .when = SILT_MERGE_NOT_MATCHED, .action = SILT_MERGE_INSERT, .star = true};

/* A row gives way to one that is as new or newer; null is the oldest. */
static silt_status newer(silt_arena *arena, const char *column, const char **out, silt_error *err)
{
    SILT_CLEAN(silt_buf) name = {0};
    for (const char *c = column; *c; c++)
        silt_buf_printf(&name, *c == '`' ? "``" : "%c", *c);
    const char *n = silt_buf_copy(&name, arena);
    *out = n ? silt_arena_printf(
                   arena, "t.`%s` IS NULL OR (s.`%s` IS NOT NULL AND t.`%s` <= s.`%s`)", n, n, n, n)
             : NULL;
    return *out ? SILT_OK : silt_fail_nomem(err);
}

/* "the row deletes", or that it doesn't: one that somebody has mended needn't say. */
static silt_status deleting(silt_arena *arena, const char *column, bool not, const char **out,
                            silt_error *err)
{
    *out = silt_arena_printf(arena, "%scoalesce(s.`%s`, false)", not ? "NOT " : "", column);
    return *out ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_upsert_clauses(silt_merging *m, const char *newest_by, bool insert_only,
                                const char *deletes, silt_error *err)
{
    silt_merge_clause *clauses = silt_arena_calloc(m->arena, 3, sizeof(*clauses));
    if (!clauses) return silt_fail_nomem(err);
    m->clauses = clauses;
    if (deletes) {
        silt_merge_clause *gone = &clauses[m->clause_count++];
        *gone = (silt_merge_clause){.when = SILT_MERGE_MATCHED, .action = SILT_MERGE_DELETE};
        SILT_TRY(deleting(m->arena, deletes, false, &gone->condition, err));
    }
    if (!insert_only) {
        silt_merge_clause *update = &clauses[m->clause_count++];
        *update = (silt_merge_clause){
            .when = SILT_MERGE_MATCHED, .action = SILT_MERGE_UPDATE, .star = true};
        if (newest_by) SILT_TRY(newer(m->arena, newest_by, &update->condition, err));
    }
    clauses[m->clause_count] = insert_star;
    if (deletes)
        SILT_TRY(deleting(m->arena, deletes, true, &clauses[m->clause_count].condition, err));
    m->clause_count++;
    m->newest_by = newest_by;
    m->twice = newest_by ? SILT_TWICE_NEWEST : insert_only ? SILT_TWICE_FIRST : SILT_TWICE_BAD;
    m->replaces = m->as_stored = true;
    return SILT_OK;
}

/* ---- the loader's last word */

typedef struct upsert {
    silt_merging m;
    const silt_change_spec *spec;
    silt_source_plan plan;
    silt_change_facts facts;
} upsert;

static void give_facts(const silt_edit_result *r, const silt_merging *m, silt_change_facts *out)
{
    *out = m->w.facts;
    out->files_added = r->files_added;
    out->bytes_added = r->bytes_added;
    out->files_removed = r->files_removed;
    out->rows_carried = r->rows_copied;
    out->rows_more = m->result.rows_inserted - m->w.facts.total.inserted - r->rows_deleted;
}

static silt_status tell(void *ctx, const silt_edit *e, silt_txn_options *out)
{
    upsert *u = ctx;
    const silt_change_spec *spec = u->spec;
    silt_txn_options txn = spec->txn;
    txn.operation = out->operation;
    txn.operation_parameters = out->operation_parameters;
    txn.operation_metrics = out->operation_metrics;
    *out = txn;
    if (!spec->silt_info) return SILT_OK;
    give_facts(&e->result, &u->m, &u->facts);
    out->silt_info = spec->silt_info(spec->ctx, &u->facts, e->arena);
    return out->silt_info ? SILT_OK : silt_fail_nomem(e->err);
}

static silt_status before_commit(void *ctx, silt_edit *e, const char *txn_id)
{
    upsert *u = ctx;
    give_facts(&e->result, &u->m, &u->facts);
    if (!u->spec->before_commit) return SILT_OK;
    return u->spec->before_commit(u->spec->ctx, &u->facts, txn_id, e->err);
}

/* The plan is the caller's; new columns of it are the table's from this commit on. */
static silt_status plan(void *ctx, silt_edit *e, silt_merging *m)
{
    upsert *u = ctx;
    if (!u->spec->plan->schema_grows) return SILT_OK;
    m->shape = silt_arena_calloc(m->arena, 1, sizeof(*m->shape));
    if (!m->shape) return silt_fail_nomem(e->err);
    SILT_TRY(silt_shape_of(e->snapshot, m->arena, m->shape, e->err));
    return silt_work_grow(m->shape, u->spec->plan->schema, e->err);
}

static silt_status check_columns(const silt_change_spec *spec, silt_error *err)
{
    if (!spec->key_count) return silt_fail(err, SILT_INVALID, "upsert needs keys");
    for (size_t i = 0; i <= spec->key_count; i++) {
        const char *name = i < spec->key_count ? spec->keys[i] : spec->newest_by;
        if (!name || silt_type_find(spec->plan->schema, name) >= 0) continue;
        silt_status st = silt_fail(err, SILT_INVALID, "%s: there is no column %s",
                                   i < spec->key_count ? "keys" : "timestamp_col", name);
        return silt_hint(err, st, "column names are matched exactly");
    }
    return SILT_OK;
}

static silt_status take_keys(upsert *u, silt_arena *arena, silt_error *err)
{
    const char **keys = silt_arena_calloc(arena, u->spec->key_count + 1, sizeof(*keys));
    if (!keys) return silt_fail_nomem(err);
    memcpy(keys, u->spec->keys, u->spec->key_count * sizeof(*keys));
    u->m.keys = keys;
    if (u->spec->scd2) return silt_scd2_clauses(&u->m, u->spec->scd2, u->spec->newest_by, err);
    SILT_TRY(silt_upsert_clauses(&u->m, u->spec->newest_by, u->spec->insert_only,
                                 u->spec->sources->deletes, err));
    if (u->spec->last_counts && u->m.twice == SILT_TWICE_BAD) u->m.twice = SILT_TWICE_LAST;
    return SILT_OK;
}

silt_status silt_upsert(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err)
{
    upsert u = {.spec = spec,
                .m = {.plan = plan,
                      .arena = arena,
                      .err = err,
                      .compression = silt_codec(spec->compression),
                      .target_file_bytes = spec->target_file_bytes,
                      .checks = true,
                      .w = {.snapshot = snapshot, .spec = spec, .arena = arena, .err = err}}};
    const silt_edit_host host = {.attempt = spec->attempt,
                                 .tell = tell,
                                 .before_commit = before_commit,
                                 .ctx = &u,
                                 .diagnostics = {spec->txn.event, spec->txn.event_ctx}};
    silt_edit_result edit;
    silt_change_result result = {0};
    u.m.plan_ctx = &u;
    SILT_TRY(check_columns(spec, err));
    silt_status st = take_keys(&u, arena, err);
    if (st == SILT_OK)
        st = silt_edit_once(snapshot, &silt_merge_op, &u.m, &host, &edit, &result.txn, after, err);
    if (st != SILT_OK) st = silt_work_give_bad(&u.m.w, st, bad);
    if (st == SILT_OK) {
        give_facts(&edit, &u.m, &result.facts);
        *out = result;
    }
    silt_merging_release(&u.m);
    return st;
}
