/* DELETE: rows go by their files, by deletion vectors, or by writing the others anew. */
#include "ops/edit.h"

static silt_status find(silt_edit *e)
{
    SILT_TRY(silt_edit_check_may(e));
    SILT_TRY(silt_edit_condition(e, e->ctx));
    SILT_TRY(silt_edit_find(e));
    e->result.rows_deleted = silt_edit_hits(e);
    return SILT_OK;
}

/* Files that go and vectors that grow tell the feed by themselves what was deleted; rows that move
 * to another file don't, and where one has to be told all have. */
static bool owes_changes(const silt_edit *e)
{
    bool rewrites = false;
    for (size_t i = 0; i < e->files.count; i++)
        rewrites |= e->files.items[i].fate == SILT_EDIT_REWRITTEN;
    return e->feed && rewrites;
}

static silt_status write(silt_edit *e)
{
    silt_write_columns columns;
    SILT_TRY(silt_edit_write_rest(e));
    if (owes_changes(e)) {
        SILT_TRY(silt_edit_copied(e, &columns));
        SILT_TRY(silt_edit_write_hits(e, &columns, "delete", SILT_EDIT_IDS_NONE));
    }
    return silt_edit_write_vectors(e);
}

static void put_metrics(const silt_edit *e, silt_json_writer *w)
{
    silt_edit_metric(w, "numDeletedRows", e->result.rows_deleted);
    silt_edit_put_shared(e, w);
}

silt_status silt_delete(silt_snapshot *snapshot, const char *where, const silt_edit_options *opts,
                        silt_edit_result *out, silt_snapshot **after, silt_error *err)
{
    static const silt_edit_op op = {.name = "DELETE",
                                    .find = find,
                                    .write = write,
                                    .put_parameters = silt_edit_put_predicate,
                                    .put_metrics = put_metrics};
    return silt_edit_run(snapshot, &op, where, opts, out, after, err);
}
