/* Append: sources → staged files → one commit that adds them. */
#include "base/json.h"
#include "ops/work.h"

/* partitionBy is a JSON array within a string, as Spark has it. */
static const char *parameters(const silt_work *w)
{
    SILT_CLEAN(silt_buf) by = {0}, buf = {0};
    silt_json_writer list = silt_json_writer_of(&by), json = silt_json_writer_of(&buf);
    silt_json_begin_array(&list);
    for (size_t i = 0; i < w->metadata->partition_columns.count; i++)
        silt_json_put_string(&list, w->metadata->partition_columns.items[i]);
    silt_json_end_array(&list);
    if (by.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "mode", "Append");
    silt_json_member_string(&json, "partitionBy", by.data);
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, w->arena);
}

static silt_status append(silt_work *w, silt_change_result *out, silt_snapshot **after)
{
    silt_stage_result staged = {0};
    silt_txn_options txn = w->spec->txn;
    SILT_TRY(silt_work_init(w));
    SILT_TRY(silt_work_stage(w, &staged));
    txn.operation = "WRITE";
    txn.operation_parameters = parameters(w);
    txn.read = SILT_READ_NOTHING;
    if (!txn.operation_parameters) return silt_fail_nomem(w->err);
    SILT_TRY(silt_work_publish(w, &staged));
    SILT_TRY(silt_work_commit(w, &txn, NULL, 0, &out->txn, after));
    out->facts = w->facts;
    return SILT_OK;
}

silt_status silt_append(silt_snapshot *snapshot, const silt_change_spec *spec, silt_arena *arena,
                        silt_change_result *out, silt_snapshot **after, silt_bad_sources *bad,
                        silt_error *err)
{
    silt_work w = {.snapshot = snapshot, .spec = spec, .arena = arena, .err = err};
    silt_change_result result = {0};
    silt_status st = append(&w, &result, after);
    if (st == SILT_OK)
        *out = result;
    else
        st = silt_work_give_bad(&w, st, bad);
    silt_work_release(&w);
    return st;
}
