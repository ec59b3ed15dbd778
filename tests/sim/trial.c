#include "sim/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/world.h"

const char *const trial_flavours[TRIAL_FLAVOURS] = {"plain", "tracked", "mapped", "clustered",
                                                    "numbered"};

static const model_traits traits[TRIAL_FLAVOURS] = {
    {.partitioned = true, .checkpoint_interval = 2},
    {.vectors = true, .feed = true, .tracking = true, .checkpoint_interval = 100},
    {.partitioned = true,
     .mapping = "name",
     .dated = true,
     .constrained = true,
     .generated = true,
     .feed = true,
     .widening = true,
     .checkpoint_interval = 4},
    {.clustered = true, .v2 = true, .vectors = true, .checkpoint_interval = 2},
    {.identity = true, .feed = true, .vectors = true, .checkpoint_interval = 100},
};

enum { NUMBER = 7 };

bool trial_plan(trial *t, op_kind kind, int flavour)
{
    *t = (trial){.aged = kind == OP_CLEANUP_LOG};
    scene_plan(&t->scene, (uint64_t)flavour, &traits[flavour]);
    t->before = kind == OP_CREATE ? NULL : scene_now(&t->scene);
    bool copies = kind == OP_SHALLOW_CLONE || kind == OP_MIGRATE;
    t->local = t->aged || kind == OP_SHALLOW_CLONE;
    if (copies || (kind == OP_TRACK && !traits[flavour].tracking)) {
        t->op = (op){.kind = kind};
        t->after = t->before;
    } else if (kind == OP_CREATE) {
        t->op = (op){.kind = kind};
        t->after = t->scene.versions[0];
    } else if (op_fits(kind, t->before) && !(t->aged && traits[flavour].dated)) {
        t->op = scene_op(&t->scene, kind, &t->after);
    } else {
        scene_release(&t->scene);
        return false;
    }
    bool numbered = kind < OP_CHECKPOINT || kind == OP_CLONE || kind >= OP_CREATE;
    t->op.app_version = numbered ? NUMBER : -1;
    return true;
}

void trial_release(trial *t)
{
    scene_release(&t->scene);
}

static void same(trial *t, op_site *site, int64_t version, const model *m)
{
    const char *why = "";
    if (!op_same(site, version, m, t->scene.arena, &why))
        sim_check(false, "version %" PRId64 " of the table: %s", version, why);
}

static int64_t old_version(const trial *t)
{
    return t->before ? t->scene.newest : -1;
}

/* Made beside the table, which stays as it is. */
static bool is_copy(op_kind kind)
{
    return kind == OP_CLONE || kind == OP_SHALLOW_CLONE || kind == OP_MIGRATE;
}

/* Commits as many as it needs. */
static bool is_long(op_kind kind)
{
    return kind == OP_VACUUM || kind == OP_TRACK;
}

/* Of a folder's names: the partition column comes last. */
static const model *migrated(trial *t)
{
    model *m = silt_arena_alloc(t->scene.arena, sizeof(*m));
    *m = *t->before;
    if (!t->scene.traits.partitioned) return m;
    size_t count = 0;
    for (size_t i = 0; i < t->before->column_count; i++)
        if (t->before->columns[i].slot != SLOT_P) m->columns[count++] = t->before->columns[i];
    m->columns[count] = *model_find(t->before, SLOT_P);
    return m;
}

static void check_clone(trial *t, op_site *site, bool must)
{
    op_site clone = *site;
    clone.store = site->beside;
    int64_t version = op_newest(&clone);
    sim_check(version <= 0 && !(must && version < 0), "version %" PRId64 " of the clone", version);
    if (version < 0) return;
    same(t, &clone, 0, t->op.kind == OP_MIGRATE ? migrated(t) : t->before);
    const char *ill = op_doctor(&clone, false, true, t->scene.arena);
    sim_check(!*ill, "the doctor finds in the clone: %s", ill);
}

static void check_export(op_site *site, const op_outcome *out)
{
    SILT_CLEAN(silt_buf) path = {0};
    silt_buf_printf(&path, "%s/%s.parquet", site->dir, site->name);
    bool there = access(path.data, F_OK) == 0;
    if (out)
        sim_check(there == (out->status == SILT_OK), "the export is%s there", there ? "" : "n't");
}

static void check_rows(trial *t, op_site *site, int64_t newest)
{
    int64_t old = old_version(t);
    bool is_new = newest > old;
    if (t->scene.traits.identity && newest >= 0)
        sim_check(op_numbers_are_right(site, newest), "numbers of rows");
    if (is_new && !is_long(t->op.kind))
        same(t, site, newest, t->after);
    else if (newest >= 0)
        same(t, site, newest, t->before);
    if (is_new && t->before && !is_long(t->op.kind)) same(t, site, old, t->before);
    const char *ill = newest < 0 ? "" : op_doctor(site, false, true, t->scene.arena);
    sim_check(!*ill, "the doctor finds: %s", ill);
}

static void check_feed(trial *t, op_site *site, int64_t newest)
{
    const char *feed;
    silt_error err = {0};
    bool alters = t->op.kind >= OP_ADD_COLUMN && t->op.kind <= OP_WIDEN;
    if (!t->scene.traits.feed || newest <= old_version(t) || is_long(t->op.kind) || alters ||
        !t->before)
        return;
    silt_status st = op_read_feed(site, newest, newest, t->scene.arena, &feed, &err);
    sim_check(st == SILT_OK, "the feed: %s", err.message);
    const char *expected = text_net(model_feed(t->after, t->scene.arena), t->scene.arena);
    sim_check(strcmp(text_net(feed, t->scene.arena), expected) == 0,
              "the feed is\n%sand ought to come to\n%s", feed, expected);
}

static void check_versions(trial *t, int64_t newest)
{
    int64_t most = old_version(t) + (is_long(t->op.kind) ? 4 : 1);
    sim_check(newest >= old_version(t) && newest <= most, "version %" PRId64 " behind %" PRId64,
              newest, old_version(t));
}

void trial_check(trial *t, op_site *site, const op_outcome *out, bool died)
{
    int64_t newest = op_newest(site);
    bool is_new = newest > old_version(t);
    check_versions(t, newest);
    if (out && out->status == SILT_OK && out->version >= 0)
        sim_check(is_new, "it says that it committed version %" PRId64, out->version);
    if (out && !died && out->status != SILT_OK && out->status != SILT_UNSURE &&
        !is_long(t->op.kind))
        sim_check(!is_new, "it says it failed, and committed: %s: %s",
                  silt_status_name(out->status), out->err.message);
    check_rows(t, site, newest);
    check_feed(t, site, newest);
    if (is_copy(t->op.kind)) check_clone(t, site, false);
    if (t->op.kind == OP_EXPORT) check_export(site, out);
}

/* Each row has a row id by now. */
static void check_ids(trial *t, op_site *site)
{
    const model *m = t->before;
    int64_t *ids = silt_arena_calloc(t->scene.arena, m->row_count, sizeof(*ids));
    int64_t *found = silt_arena_calloc(t->scene.arena, m->row_count, sizeof(*found));
    for (size_t i = 0; i < m->row_count; i++)
        ids[i] = m->rows[i].cell[SLOT_ID];
    sim_check(op_row_ids(site, ids, m->row_count, found), "two rows have one row id");
    for (size_t i = 0; i < m->row_count; i++)
        sim_check(found[i] >= 0, "id %" PRId64 " has no row id", ids[i]);
}

void trial_repeat(trial *t, op_site *site)
{
    int64_t newest = op_newest(site), old = old_version(t);
    op_outcome out = op_run(site, &t->op, t->before ? t->before : t->after);
    sim_check(out.status == SILT_OK, "done again: %s: %s", silt_status_name(out.status),
              out.err.message);
    bool optional = t->op.kind >= OP_OPTIMIZE && t->op.kind <= OP_PURGE;
    if (t->op.app_version >= 0 && !is_copy(t->op.kind) && !is_long(t->op.kind)) {
        sim_check(out.before == (newest > old), "done again it was done%s before",
                  out.before ? "" : "n't");
        int64_t version = op_newest(site);
        sim_check(version == old + 1 || (optional && version == old), "version %" PRId64, version);
    }
    check_versions(t, op_newest(site));
    check_rows(t, site, op_newest(site));
    check_feed(t, site, op_newest(site));
    if (is_copy(t->op.kind)) check_clone(t, site, true);
    if (t->op.kind == OP_TRACK) check_ids(t, site);
    if (t->op.kind == OP_EXPORT) check_export(site, &out);
}
