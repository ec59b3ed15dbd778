/* What a table is to be like for whoever writes it, as tables and datasets of a file say it. */
#include <strings.h>

#include "load/config_tree.h"
#include "table/expr.h"
#include "table/shape_tree.h"

typedef struct raw_constraint {
    silt_policy_constraint out;
    int64_t on_violation;
} raw_constraint;

#define CHECK(member) offsetof(raw_constraint, member)

const silt_config_choice silt_config_mapping_modes[] = {
    {"none", 0, NULL}, {"name", 1, NULL}, {"id", 2, NULL}, {NULL, 0, NULL}};
static const silt_config_choice violations[] = {{"fail", SILT_VIOLATION_FAIL, NULL},
                                                {"warn", SILT_VIOLATION_WARN, NULL},
                                                {"drop", SILT_VIOLATION_DROP, NULL},
                                                {"quarantine", SILT_VIOLATION_QUARANTINE, NULL},
                                                {NULL, 0, NULL}};

const silt_config_key silt_config_constraint_keys[] = {
    {.name = "name",
     .kind = SILT_KEY_NAME,
     .offset = CHECK(out.name),
     .required = true,
     .about = "What messages call it."},
    {.name = "check",
     .kind = SILT_KEY_TEXT,
     .offset = CHECK(out.check),
     .required = true,
     .about = "A condition in Spark SQL that each row which is written has to fulfil."},
    {.name = "on_violation",
     .kind = SILT_KEY_CHOICE,
     .offset = CHECK(on_violation),
     .choices = violations,
     .fallback = "fail",
     .about = "fail: nothing is written; warn: the row is written and told; drop: it is left out "
              "and counted; quarantine: it goes to the rejects."},
    {.name = "persist",
     .kind = SILT_KEY_BOOL,
     .offset = CHECK(out.persist),
     .fallback = "false",
     .about = "Make it a constraint of the table."},
    {.name = NULL}};

/* What one reading of a policy goes by. */
typedef struct reading {
    silt_config_reader *r;
    const silt_config_node *node; /* of the table or dataset */
    const char *path;
} reading;

/* ---- constraints */

static void check_constraint(const reading *t, const silt_config_node *node, const char *path,
                             const raw_constraint *raw)
{
    silt_error err = {0};
    const silt_expr *parsed;
    const silt_config_node *at = silt_config_at(node, "check");
    if (!raw->out.check || silt_expr_parse(raw->out.check, t->r->arena, &parsed, &err) == SILT_OK)
        return;
    silt_config_mistake(t->r, at->line, at->column, silt_config_join(t->r, path, "check", 0), "%s",
                        err.message);
}

static void read_constraints(const reading *t, silt_policy *out)
{
    const silt_config_node *list = silt_config_at(t->node, "constraints");
    if (!list || list->kind != SILT_CONFIG_LIST) return;
    silt_policy_constraint *items = silt_arena_calloc(t->r->arena, list->count, sizeof(*items));
    if (!items) {
        t->r->no_memory = true;
        return;
    }
    const char *all = silt_config_join(t->r, t->path, "constraints", 0);
    for (size_t i = 0; i < list->count; i++) {
        raw_constraint raw = {0};
        const silt_config_node *node = list->items[i].value;
        const char *path = silt_config_join(t->r, all, NULL, i);
        silt_config_set_defaults(t->r, silt_config_constraint_keys, &raw);
        silt_config_walk(t->r, silt_config_constraint_keys, node, path, &raw);
        check_constraint(t, node, path, &raw);
        items[i] = raw.out;
        if (raw.on_violation > 0) items[i].on_violation = (silt_on_violation)raw.on_violation;
        if (raw.out.persist && raw.on_violation == SILT_VIOLATION_WARN)
            silt_config_mistake(t->r, node->line, node->column, path,
                                "the table takes no row that violates a constraint of its own, so "
                                "that there is none to warn of; remove persist, or write "
                                "on_violation: fail, drop or quarantine");
        for (size_t k = 0; raw.out.name && k < i; k++)
            if (items[k].name && strcasecmp(items[k].name, raw.out.name) == 0)
                silt_config_mistake(t->r, node->line, node->column, path,
                                    "there is a constraint %s already", raw.out.name);
    }
    out->constraints = items;
    out->constraint_count = list->count;
}

/* ---- the rest */

/* NULL-terminated; NULL: none. */
static const char *const *names_of(silt_config_reader *r, const silt_names *names)
{
    if (!names->count) return NULL;
    const char **out = silt_arena_calloc(r->arena, names->count + 1, sizeof(*out));
    if (!out) {
        r->no_memory = true;
        return NULL;
    }
    memcpy(out, names->items, names->count * sizeof(*out));
    return out;
}

static void check(const reading *t, const silt_config_raw_policy *raw)
{
    int64_t number;
    bool all = raw->stats_count && strcmp(raw->stats_count, "all") == 0;
    if (raw->stats_columns.count && raw->stats_count)
        MISTAKE(t, "write_policy.stats_count", "stats_columns is given, too; write one of them");
    if (raw->stats_count && !all && (!silt_parse_int64(raw->stats_count, &number) || number < -1))
        MISTAKE(t, "write_policy.stats_count", "a number of columns is allowed, or all");
    if (raw->ordering_keys.count && raw->z_order.count)
        MISTAKE(t, "write_policy.zorder",
                "ordering_keys is given, too; rows can lie in one order only");
    for (size_t i = 0; i < raw->features.count; i++) {
        silt_feature_traits known;
        silt_error err = {0};
        if (silt_shape_known_feature(raw->features.items[i], &known, &err) != SILT_OK)
            MISTAKE(t, "features", "%s%s%s", err.message, *err.hint ? "; " : "", err.hint);
        else if (!known.alters)
            MISTAKE(t, "features", "Silt can't make tables with the feature %s", known.name);
        else if (raw->column_mapping_mode == 0 && silt_streq(known.name, "columnMapping"))
            MISTAKE(t, "features", "columnMapping, and schema_policy.column_mapping_mode is none");
    }
}

void silt_config_policy_read(silt_config_reader *r, const silt_config_node *node, const char *path,
                             const silt_config_raw_policy *raw, silt_policy *out)
{
    const reading t = {r, node, path};
    bool all = raw->stats_count && strcmp(raw->stats_count, "all") == 0;
    check(&t, raw);
    *out = (silt_policy)SILT_POLICY_INIT;
    out->target_file_bytes = raw->target_file_bytes;
    if (raw->compression >= 0) out->compression = silt_config_compressions[raw->compression].text;
    out->row_group_rows = raw->row_group_rows;
    out->stats_columns = names_of(r, &raw->stats_columns);
    out->stats_count = all ? "-1" : raw->stats_count;
    out->cluster_by = names_of(r, &raw->cluster_by);
    out->ordering_keys = names_of(r, &raw->ordering_keys);
    out->features = names_of(r, &raw->features);
    out->z_order = names_of(r, &raw->z_order);
    if (raw->column_mapping_mode >= 0)
        out->column_mapping_mode = silt_config_mapping_modes[raw->column_mapping_mode].text;
    read_constraints(&t, out);
}
