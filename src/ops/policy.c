/* A policy → steps of a table's shape: all of them for a table that is made, those that it lacks
 * for one that stands. */
#include "silt/policy.h"

#include <stdio.h>
#include <strings.h>

#include "ops/layout.h"
#include "ops/shape_commit.h"

#define CONSTRAINT   "delta.constraints."
#define MAPPING_MODE "delta.columnMapping.mode"
#define TRIES        10 /* of a commit, while others are first */

typedef struct stepping {
    const silt_policy *policy;
    silt_arena *arena;
    silt_error *err;
    silt_table_step *steps;
    size_t count;
} stepping;

/* ---- values as properties have them */

static silt_names names_of(const char *const *names)
{
    size_t count = 0;
    while (names && names[count])
        count++;
    return (silt_names){names, count};
}

static silt_status put(stepping *s, silt_table_step_kind kind, const char *target,
                       const char *value)
{
    if (!value) return silt_fail_nomem(s->err);
    s->steps[s->count++] = (silt_table_step){kind, target, value};
    return SILT_OK;
}

static silt_status set(stepping *s, const char *key, const char *value)
{
    return put(s, SILT_STEP_SET_PROPERTY, key, value);
}

static silt_status set_number(stepping *s, const char *key, int64_t value)
{
    return value ? set(s, key, silt_arena_printf(s->arena, "%" PRId64, value)) : SILT_OK;
}

/* "`a`,`b`" */
static silt_status set_names(stepping *s, const char *key, const char *const *names)
{
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; names && names[i]; i++) {
        silt_buf_puts(&buf, i ? ",`" : "`");
        for (const char *c = names[i]; *c; c++)
            silt_buf_puts(&buf, *c == '`' ? "``" : (char[]){*c, '\0'});
        silt_buf_putc(&buf, '`');
    }
    return buf.size ? set(s, key, silt_buf_copy(&buf, s->arena)) : SILT_OK;
}

/* A path with each of its names in back-quotes, whether they have some already or not. */
static void put_path(const char *path, silt_buf *out)
{
    bool quoted = false, open = false;
    for (const char *c = path; *c; c++) {
        if (*c == '`' && quoted && c[1] == '`') {
            silt_buf_puts(out, "``");
            c++;
        } else if (*c == '`') {
            if (!open) silt_buf_putc(out, '`');
            open = true;
            quoted = !quoted;
        } else if (*c == '.' && !quoted) {
            silt_buf_puts(out, "`.");
            open = false;
        } else {
            if (!open) silt_buf_putc(out, '`');
            open = true;
            silt_buf_putc(out, *c);
        }
    }
    silt_buf_putc(out, '`');
}

static const char *quoted_paths(const char *const *paths, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    for (size_t i = 0; paths[i]; i++) {
        if (i) silt_buf_puts(&buf, ",");
        put_path(paths[i], &buf);
    }
    return silt_buf_copy(&buf, arena);
}

/* ---- all steps */

static silt_status check(const silt_policy *p, silt_error *err)
{
    int64_t number;
    if (p->struct_size < sizeof(*p))
        return silt_fail(err, SILT_INVALID, "silt_policy: struct_size isn't set");
    if (p->target_file_bytes < 0 || p->row_group_rows < 0)
        return silt_fail(err, SILT_INVALID, "policy: a size or a number of rows below 0");
    if (p->compression && !silt_codec(p->compression))
        return silt_fail(err, SILT_INVALID,
                         "compression %.40s: snappy, zstd, gzip, lz4, brotli and none are possible",
                         p->compression);
    if (p->stats_columns && p->stats_count)
        return silt_fail(err, SILT_INVALID,
                         "statistics are asked for by names of columns and by their number; only "
                         "one can be");
    if (p->stats_count && (!silt_parse_int64(p->stats_count, &number) || number < -1))
        return silt_fail(err, SILT_INVALID,
                         "statistics of %.40s columns: a number is wanted, or -1 for all",
                         p->stats_count);
    if (p->ordering_keys && p->z_order)
        return silt_fail(err, SILT_INVALID,
                         "ordering keys and z-order: rows can lie in one order only");
    return SILT_OK;
}

static silt_status steps_of_files(stepping *s)
{
    const silt_policy *p = s->policy;
    SILT_TRY(set_number(s, "delta.targetFileSize", p->target_file_bytes));
    SILT_TRY(set_number(s, SILT_ROW_GROUP_ROWS, p->row_group_rows));
    if (p->compression)
        SILT_TRY(set(s, "delta.parquet.compression.codec",
                     silt_streq(silt_codec(p->compression), "uncompressed")
                         ? "uncompressed"
                         : silt_arena_strdup(s->arena, p->compression)));
    if (p->stats_count) SILT_TRY(set(s, "delta.dataSkippingNumIndexedCols", p->stats_count));
    if (p->stats_columns)
        SILT_TRY(
            set(s, "delta.dataSkippingStatsColumns", quoted_paths(p->stats_columns, s->arena)));
    SILT_TRY(set_names(s, SILT_ORDERING_KEYS, p->ordering_keys));
    return set_names(s, SILT_Z_ORDER_BY, p->z_order);
}

static silt_status steps_of_features(stepping *s)
{
    silt_names features = names_of(s->policy->features);
    for (size_t i = 0; i < features.count; i++) {
        const char *name = features.items[i], *key, *value;
        SILT_TRY(silt_shape_switch_of(name, s->arena, &key, &value, s->err));
        if (!key)
            SILT_TRY(put(s, SILT_STEP_ENABLE_FEATURE, name, ""));
        else if (!s->policy->column_mapping_mode || !silt_streq(key, MAPPING_MODE))
            SILT_TRY(set(s, key, value));
    }
    return SILT_OK;
}

static silt_status all_steps(stepping *s)
{
    const silt_policy *p = s->policy;
    if (p->column_mapping_mode) SILT_TRY(set(s, MAPPING_MODE, p->column_mapping_mode));
    SILT_TRY(steps_of_features(s));
    SILT_TRY(steps_of_files(s));
    if (p->cluster_by)
        SILT_TRY(put(s, SILT_STEP_CLUSTER_BY, NULL, quoted_paths(p->cluster_by, s->arena)));
    for (size_t i = 0; i < p->constraint_count; i++) {
        const silt_policy_constraint *c = &p->constraints[i];
        if (c->persist) SILT_TRY(put(s, SILT_STEP_ADD_CONSTRAINT, c->name, c->check));
    }
    return SILT_OK;
}

static silt_status start(stepping *s)
{
    SILT_TRY(check(s->policy, s->err));
    size_t count = s->policy->constraint_count + names_of(s->policy->features).count;
    s->steps = silt_arena_calloc(s->arena, count + 16, sizeof(*s->steps));
    return s->steps ? all_steps(s) : silt_fail_nomem(s->err);
}

silt_status silt_policy_steps(const silt_policy *policy, silt_arena *arena,
                              const silt_table_step **out, size_t *count, silt_error *err)
{
    stepping s = {.policy = policy, .arena = arena, .err = err};
    SILT_TRY(start(&s));
    *out = s.steps;
    *count = s.count;
    return SILT_OK;
}

/* ---- copies */

static bool copy_text(const char **text, silt_arena *arena)
{
    if (*text) *text = silt_arena_strdup(arena, *text);
    return *text != NULL;
}

static bool copy_names(const char *const **names, silt_arena *arena)
{
    size_t count = names_of(*names).count;
    const char **copy = silt_arena_calloc(arena, count + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = (*names)[i];
        if (!copy_text(&copy[i], arena)) return false;
    }
    *names = copy;
    return copy != NULL;
}

static bool copy_constraints(silt_policy *p, silt_arena *arena)
{
    silt_policy_constraint *copy = silt_arena_calloc(arena, p->constraint_count, sizeof(*copy));
    for (size_t i = 0; copy && i < p->constraint_count; i++) {
        copy[i] = p->constraints[i];
        if (!copy_text(&copy[i].name, arena) || !copy_text(&copy[i].check, arena)) return false;
    }
    p->constraints = copy;
    return copy != NULL;
}

silt_policy *silt_policy_copy(const silt_policy *policy, silt_arena *arena)
{
    silt_policy *p = silt_arena_calloc(arena, 1, sizeof(*p));
    if (!p) return NULL;
    *p = *policy;
    const char **texts[] = {&p->compression, &p->stats_count, &p->column_mapping_mode};
    const char *const **lists[] = {&p->stats_columns, &p->cluster_by, &p->ordering_keys,
                                   &p->z_order, &p->features};
    for (size_t i = 0; i < SILT_COUNT(texts); i++)
        if (*texts[i] && !copy_text(texts[i], arena)) return NULL;
    for (size_t i = 0; i < SILT_COUNT(lists); i++)
        if (*lists[i] && !copy_names(lists[i], arena)) return NULL;
    return copy_constraints(p, arena) ? p : NULL;
}

silt_status silt_policy_merge(const silt_policy *base, const silt_policy *over, silt_arena *arena,
                              silt_policy *out, silt_error *err)
{
    silt_policy p = *over;
    bool stats = over->stats_columns || over->stats_count;
    bool order = over->ordering_keys || over->z_order;
    size_t count = base->constraint_count + over->constraint_count;
    silt_policy_constraint *all = silt_arena_calloc(arena, count, sizeof(*all));
    if (!all) return silt_fail_nomem(err);
    if (base->constraint_count)
        memcpy(all, base->constraints, base->constraint_count * sizeof(*all));
    if (over->constraint_count)
        memcpy(all + base->constraint_count, over->constraints,
               over->constraint_count * sizeof(*all));
    p.constraints = all;
    p.constraint_count = count;
    if (!p.target_file_bytes) p.target_file_bytes = base->target_file_bytes;
    if (!p.compression) p.compression = base->compression;
    if (!p.row_group_rows) p.row_group_rows = base->row_group_rows;
    if (!stats) p.stats_columns = base->stats_columns;
    if (!stats) p.stats_count = base->stats_count;
    if (!p.cluster_by) p.cluster_by = base->cluster_by;
    if (!order) p.ordering_keys = base->ordering_keys;
    if (!order) p.z_order = base->z_order;
    if (!p.column_mapping_mode) p.column_mapping_mode = base->column_mapping_mode;
    if (!p.features) p.features = base->features;
    *out = p;
    return SILT_OK;
}

/* ---- what a table lacks */

/* Of two properties that say the same thing the first counts. */
static const char *const rivals[][2] = {
    {"delta.dataSkippingStatsColumns", "delta.dataSkippingNumIndexedCols"},
    {SILT_ORDERING_KEYS, SILT_Z_ORDER_BY}};

static const char *rival_of(const silt_snapshot *snapshot, const char *key)
{
    for (size_t i = 0; i < SILT_COUNT(rivals); i++)
        if (silt_streq(key, rivals[i][1]) &&
            silt_pairs_get(silt_snapshot_state(snapshot)->metadata.configuration, rivals[i][0]))
            return rivals[i][0];
    return NULL;
}

static const char *constraint_of(const silt_metadata *metadata, const char *name)
{
    silt_pairs all = metadata->configuration;
    for (size_t i = 0; i < all.count; i++)
        if (silt_starts_with(all.items[i].key, CONSTRAINT) &&
            strcasecmp(all.items[i].key + strlen(CONSTRAINT), name) == 0)
            return all.items[i].value;
    return NULL;
}

static silt_status lacks_constraint(const silt_snapshot *snapshot, const silt_table_step *step,
                                    bool *out, silt_error *err)
{
    const char *is = constraint_of(&silt_snapshot_state(snapshot)->metadata, step->target);
    *out = !is;
    if (!is || silt_streq(is, step->value)) return SILT_OK;
    silt_fail(err, SILT_INVALID, "constraint %s: the table has it as %s, not as %s", step->target,
              is, step->value);
    return silt_hint(err, SILT_INVALID,
                     "alter the table, by dropping this constraint first, or correct the policy");
}

/* `any_mapping`: the table may have another than the step says. */
static silt_status lacks_property(const silt_snapshot *snapshot, const silt_table_step *step,
                                  bool any_mapping, bool *out, silt_error *err)
{
    const char *is =
        silt_pairs_get(silt_snapshot_state(snapshot)->metadata.configuration, step->target);
    bool is_mapping = silt_streq(step->target, MAPPING_MODE);
    if (!is && is_mapping) is = "none";
    *out = !is || !silt_streq(is, step->value) || rival_of(snapshot, step->target);
    if (is_mapping && any_mapping && !silt_streq(is, "none")) *out = false;
    if (!*out || !is_mapping) return SILT_OK;
    silt_fail(err, SILT_INVALID, "the table's column mapping is %s, not %s", is, step->value);
    return silt_hint(err, SILT_INVALID,
                     "altering the table (%s) turns it on; that changes who can read it",
                     MAPPING_MODE);
}

static silt_status lacks_clustering(const silt_snapshot *snapshot, const silt_table_step *step,
                                    silt_arena *arena, bool *out, silt_error *err)
{
    const silt_log_state *state = silt_snapshot_state(snapshot);
    silt_names want, is = {0};
    SILT_TRY(silt_ddl_paths(step->value, arena, &want, err));
    for (size_t i = 0; i < state->domain_count; i++)
        if (silt_streq(state->domains[i].domain, "delta.clustering") && !state->domains[i].removed)
            SILT_TRY(silt_clustering_columns(&state->domains[i], silt_snapshot_schema(snapshot),
                                             arena, &is, err));
    *out = want.count != is.count;
    for (size_t i = 0; i < want.count && !*out; i++) {
        const char *one[] = {is.items[i], NULL};
        const char *quoted = quoted_paths(one, arena);
        const char *other[] = {want.items[i], NULL};
        const char *wanted = quoted_paths(other, arena);
        if (!quoted || !wanted) return silt_fail_nomem(err);
        *out = strcasecmp(quoted, wanted) != 0;
    }
    return SILT_OK;
}

/* Only what the table lacks is left of the steps. */
static silt_status keep_lacking(stepping *s, const silt_snapshot *snapshot)
{
    size_t kept = 0, rival_count = 0;
    silt_table_step over[SILT_COUNT(rivals)];
    for (size_t i = 0; i < s->count; i++) {
        const silt_table_step *step = &s->steps[i];
        const char *rival = step->target ? rival_of(snapshot, step->target) : NULL;
        bool lacks = true;
        if (rival) over[rival_count++] = (silt_table_step){SILT_STEP_UNSET_PROPERTY, rival, NULL};
        if (step->kind == SILT_STEP_ADD_CONSTRAINT)
            SILT_TRY(lacks_constraint(snapshot, step, &lacks, s->err));
        else if (step->kind == SILT_STEP_SET_PROPERTY)
            SILT_TRY(
                lacks_property(snapshot, step, !s->policy->column_mapping_mode, &lacks, s->err));
        else if (step->kind == SILT_STEP_ENABLE_FEATURE)
            lacks = !silt_feature_supported(&silt_snapshot_state(snapshot)->protocol, step->target);
        else
            SILT_TRY(lacks_clustering(snapshot, step, s->arena, &lacks, s->err));
        if (lacks) s->steps[kept++] = *step;
    }
    for (size_t i = 0; i < rival_count; i++)
        s->steps[kept++] = over[i];
    s->count = kept;
    return SILT_OK;
}

/* What to do about a protocol: `option` raises it. */
static silt_status hint_at_alter(const stepping *s, const char *option)
{
    return silt_hint(s->err, SILT_INVALID,
                     "a table's protocol is never raised by the way: silt alter TABLE %s does it",
                     option);
}

static silt_status check_feature(const stepping *s, const silt_protocol *is, const char *feature)
{
    const char *key, *value, *option;
    if (silt_feature_supported(is, feature)) return SILT_OK;
    SILT_TRY(silt_shape_switch_of(feature, s->arena, &key, &value, s->err));
    option = key ? silt_arena_printf(s->arena, "--set-property %s=%s", key, value)
                 : silt_arena_printf(s->arena, "--enable-feature %s", feature);
    if (!option) return silt_fail_nomem(s->err);
    silt_fail(s->err, SILT_INVALID,
              "the policy wants the feature %s, which the table's protocol (%d, %d) doesn't have",
              feature, is->min_reader, is->min_writer);
    return hint_at_alter(s, option);
}

/* The protocol stays as it is: whoever reads the table is asked first. */
static silt_status check_protocol(const stepping *s, const silt_snapshot *snapshot)
{
    const silt_protocol *is = &silt_snapshot_state(snapshot)->protocol;
    silt_names features = names_of(s->policy->features);
    for (size_t i = 0; i < features.count; i++)
        SILT_TRY(check_feature(s, is, features.items[i]));
    for (size_t i = 0; i < s->count; i++) {
        const silt_table_step_kind kind = s->steps[i].kind;
        const char *feature = NULL, *option = "--cluster-by COLUMNS";
        if (kind == SILT_STEP_CLUSTER_BY) feature = "clustering";
        if (kind == SILT_STEP_ADD_CONSTRAINT) {
            feature = "checkConstraints";
            option = "--add-constraint NAME=CONDITION";
        }
        if (!feature || silt_feature_supported(is, feature)) continue;
        silt_fail(s->err, SILT_INVALID,
                  "the policy needs the feature %s, which the table's protocol (%d, %d) doesn't "
                  "have",
                  feature, is->min_reader, is->min_writer);
        return hint_at_alter(s, option);
    }
    return SILT_OK;
}

/* One try; `*done` false: somebody was first. */
static silt_status apply_once(const silt_policy *policy, silt_snapshot *snapshot, bool *changed,
                              bool *done, silt_error *err)
{
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    stepping s = {.policy = policy, .arena = arena, .err = err};
    silt_table_result result;
    *changed = false;
    *done = true;
    if (!arena) return silt_fail_nomem(err);
    SILT_TRY(start(&s));
    SILT_TRY(keep_lacking(&s, snapshot));
    if (!s.count) return SILT_OK;
    SILT_TRY(check_protocol(&s, snapshot));
    silt_status st = silt_table_alter(snapshot, s.steps, s.count, NULL, arena, &result, err);
    *done = st != SILT_CONFLICT;
    *changed = st == SILT_OK && result.outcome == SILT_TABLE_COMMITTED;
    return *done ? st : SILT_OK;
}

silt_status silt_policy_apply(silt_snapshot *snapshot, const silt_policy *policy,
                              silt_snapshot **after, silt_error *err)
{
    SILT_AUTO(silt_snapshot) newer = NULL;
    bool done = false, changed = false;
    for (int tries = 0; !done; tries++) {
        silt_snapshot *now = newer ? newer : snapshot, *next = NULL;
        SILT_TRY(apply_once(policy, now, &changed, &done, err));
        if (!done && tries + 1 == TRIES)
            return silt_wrap(err, SILT_CONFLICT, "%s: others were first in each of %d tries",
                             silt_snapshot_store(snapshot)->uri, TRIES);
        if (done && !changed) break;
        SILT_TRY(silt_snapshot_refresh(now, &next, err));
        silt_snapshot_free(newer);
        newer = next;
    }
    if (after) *after = SILT_TAKE(newer);
    return SILT_OK;
}
