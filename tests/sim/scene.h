/* Tables to start from: a few operations by seed, planned on the model first, so that it can be
 * known what a table is like without an engine. */
#ifndef SILT_SIM_SCENE_H
#define SILT_SIM_SCENE_H

#include "sim/op.h"

enum { SCENE_VERSIONS = 8 };

typedef struct scene {
    silt_arena *arena;
    test_random dice;
    model_traits traits;
    op ops[SCENE_VERSIONS + 1]; /* behind the creation; each is a commit, or a checkpoint */
    size_t op_count;
    const model *versions[SCENE_VERSIONS];
    int64_t newest;
    op_supply supply;
    int64_t next_ident;
} scene;

/* Plan: traits as given, or as the dice fall (NULL). */
void scene_plan(scene *s, uint64_t seed, const model_traits *traits);
void scene_release(scene *s);
const model *scene_now(const scene *s);

/* Do what was planned. */
void scene_build(const scene *s, op_site *site);

/* An operation on the planned table that changes rows, where it is one that does. */
op scene_op(scene *s, op_kind kind, const model **after);

#endif
