/* One line of a commit: what is written again says the same. */
#include "fuzz/fuzz.h"
#include "log/dv.h"

static void follow(const silt_action *action, silt_arena *arena)
{
    silt_error err = {0};
    SILT_AUTO(silt_store) store = fuzz_store_new();
    const silt_dv *dv = action->kind == SILT_ACTION_ADD      ? action->add.dv
                        : action->kind == SILT_ACTION_REMOVE ? action->remove.dv
                                                             : NULL;
    silt_place place;
    silt_bitmap *rows = NULL;
    if (!dv) return;
    FUZZ_CHECK(silt_dv_unique_id(dv, arena));
    (void)silt_dv_place(store, dv, arena, &place, &err);
    if (silt_dv_read(store, dv, -1, &rows, &err) == SILT_OK)
        FUZZ_CHECK(silt_bitmap_count(rows) == (uint64_t)dv->cardinality);
    silt_bitmap_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_CLEAN(silt_buf) once = {0};
    SILT_CLEAN(silt_buf) twice = {0};
    silt_error err = {0};
    silt_action action, again;
    if (silt_action_parse((silt_bytes){(const char *)data, size}, arena, &action, &err) !=
        SILT_OK) {
        FUZZ_CHECK(err.message[0]);
        return 0;
    }
    follow(&action, arena);
    silt_action_write(&action, &once);
    FUZZ_CHECK(!once.failed);
    silt_bytes line = {once.data, once.size - (once.size > 0)};
    if (action.kind == SILT_ACTION_UNKNOWN && line.size == 0) return 0;
    FUZZ_CHECK(silt_action_parse(line, arena, &again, &err) == SILT_OK);
    FUZZ_CHECK(again.kind == action.kind);
    silt_action_write(&again, &twice);
    FUZZ_CHECK(silt_bytes_equal(silt_buf_bytes(&once), silt_buf_bytes(&twice)));
    return 0;
}
