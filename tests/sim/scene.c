#include "sim/scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/hash.h"

const model *scene_now(const scene *s)
{
    return s->versions[s->newest];
}

op scene_op(scene *s, op_kind kind, const model **after)
{
    bool edits = kind <= OP_DELETE;
    for (int tries = 0; tries < 1000; tries++) {
        int64_t next_ident = s->next_ident;
        op_supply supply = s->supply;
        op o = op_some(kind, scene_now(s), &supply, &s->dice);
        const model *then = NULL;
        if (kind == OP_RESTORE) { /* not to where there were no rows */
            o.version = 1 + (int64_t)test_random_below(&s->dice, (size_t)s->newest - 1);
            then = s->versions[o.version];
        }
        silt_status st = op_apply(&o, scene_now(s), then, &next_ident, s->arena, after);
        if (st != SILT_OK || (edits && !(*after)->change_count)) continue;
        s->supply = supply;
        s->next_ident = next_ident;
        return o;
    }
    fail_msg("no %s was found that changes anything", op_name(kind));
    return (op){0};
}

static void plan(scene *s, op_kind kind)
{
    const model *after;
    s->ops[s->op_count++] = scene_op(s, kind, &after);
    if (kind != OP_CHECKPOINT) s->versions[++s->newest] = after;
}

void scene_plan(scene *s, uint64_t seed, const model_traits *traits)
{
    memset(s, 0, sizeof(*s));
    s->arena = silt_arena_new();
    s->dice = (test_random){silt_hash64(&seed, sizeof(seed))};
    s->traits = traits ? *traits : model_some_traits(&s->dice);
    s->versions[0] = model_new(&s->traits, s->arena);
    plan(s, OP_APPEND);
    plan(s, OP_APPEND);
    plan(s, test_random_below(&s->dice, 2) ? OP_DELETE : OP_UPDATE);
    if (test_random_below(&s->dice, 2)) plan(s, OP_CHECKPOINT);
    while (scene_now(s)->row_count < 8)
        plan(s, OP_APPEND);
    s->supply.shared_ids = s->supply.next_id + 10;
    s->supply.next_id += 100;
}

void scene_release(scene *s)
{
    silt_arena_free(s->arena);
}

void scene_build(const scene *s, op_site *site)
{
    op_outcome out = op_create(site, &s->traits, -1);
    if (out.status != SILT_OK) fail_msg("create: %s", out.err.message);
    int64_t version = 0;
    for (size_t i = 0; i < s->op_count; i++) {
        out = op_run(site, &s->ops[i], s->versions[version]);
        if (out.status != SILT_OK || !out.committed)
            fail_msg("%s: %s", op_text(&s->ops[i], s->arena), out.err.message);
        version += s->ops[i].kind != OP_CHECKPOINT;
        silt_snapshot_free(site->held);
        site->held = NULL;
    }
    assert_int_equal(op_newest(site), s->newest);
}
