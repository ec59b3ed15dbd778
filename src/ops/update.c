/* UPDATE: hit rows are written anew with other values, and go from where they were as deleted ones
 * do. */
#include "ops/update.h"

static silt_status find(silt_edit *e)
{
    const silt_update_spec *spec = e->ctx;
    silt_update_values *values = silt_arena_calloc(e->arena, 1, sizeof(*values));
    if (!values) return silt_fail_nomem(e->err);
    e->data = values;
    SILT_TRY(silt_edit_check_may(e));
    SILT_TRY(silt_update_bind(e, spec, values)); /* before anything is read */
    SILT_TRY(silt_edit_condition(e, spec->where));
    SILT_TRY(silt_edit_find(e));
    e->result.rows_updated = silt_edit_hits(e);
    return SILT_OK;
}

/* A value that is beyond its column's type would become null. */
static silt_status check_misfits(silt_edit *e)
{
    const silt_update_values *values = e->data;
    const silt_add *add;
    int64_t row;
    if (!values->misfits) return SILT_OK;
    SILT_TRY(silt_edit_first_hit(e, values->misfits, &add, &row));
    if (!add) return SILT_OK;
    silt_fail(e->err, SILT_BAD_DATA,
              "%s: a new value is out of range for its column, first in row %" PRId64 " of %s",
              e->store->uri, row, add->path);
    return silt_hint(e->err, SILT_BAD_DATA,
                     "nothing was changed; leave such rows out by the condition, or widen the "
                     "column");
}

static silt_status count_updated(silt_edit *e, size_t first)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(e->err);
    e->result.rows_updated = 0;
    for (size_t i = first; i < e->adds.count; i++)
        e->result.rows_updated += silt_add_row_count(&e->adds.items[i], scratch);
    return SILT_OK;
}

static silt_status write(silt_edit *e)
{
    silt_update_values *values = e->data;
    SILT_TRY(check_misfits(e));
    SILT_TRY(silt_edit_write_rest(e));
    size_t first = e->adds.count;
    SILT_TRY(silt_edit_write_hits(e, &values->columns, NULL, SILT_EDIT_IDS_NEW));
    SILT_TRY(count_updated(e, first));
    if (e->feed) {
        silt_write_columns copied;
        SILT_TRY(silt_edit_copied(e, &copied));
        SILT_TRY(silt_edit_write_hits(e, &copied, "update_preimage", SILT_EDIT_IDS_NONE));
        SILT_TRY(
            silt_edit_write_after(e, &copied, "update_postimage", first, e->result.rows_updated));
    }
    return silt_edit_write_vectors(e);
}

static void put_metrics(const silt_edit *e, silt_json_writer *w)
{
    silt_edit_metric(w, "numUpdatedRows", e->result.rows_updated);
    silt_edit_put_shared(e, w);
}

silt_status silt_update(silt_snapshot *snapshot, const silt_assignment *set, size_t count,
                        const char *where, const silt_edit_options *opts, silt_edit_result *out,
                        silt_snapshot **after, silt_error *err)
{
    static const silt_edit_op op = {.name = "UPDATE",
                                    .find = find,
                                    .write = write,
                                    .put_parameters = silt_edit_put_predicate,
                                    .put_metrics = put_metrics};
    const silt_update_spec spec = {set, count, where};
    return silt_edit_run(snapshot, &op, &spec, opts, out, after, err);
}
