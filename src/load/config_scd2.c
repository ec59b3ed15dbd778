/* Tables that keep all versions of their rows: what a table's keys say of that. */
#include "load/config_tree.h"
#include "ops/scd2.h"

#include <strings.h>

typedef struct reading {
    silt_config_reader *r;
    const silt_config_node *node; /* of the table */
    const char *path;
    silt_config_raw_table *raw;
} reading;

static bool said(const reading *t, const char *key)
{
    return silt_config_at(t->node, key) != NULL;
}

/* Of other tables nothing would come of these. */
static void refuse(const reading *t)
{
    static const char *const keys[] = {"tracking_columns",     "scd2_effective_date_column",
                                       "scd2_end_date_column", "scd2_current_flag_column",
                                       "scd2_effective_from",  "scd2_close_missing"};
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        if (said(t, keys[i]))
            MISTAKE(t, keys[i], "is for loading_strategy: scd2; this table is loaded by %s",
                    silt_strategy_name(t->raw->out.strategy));
}

/* The columns of versions are none of the files'. */
static void check_names(const reading *t, const silt_scd2_options *o)
{
    const struct {
        const char *key, *name;
    } made[] = {{"scd2_effective_date_column", o->effective_date_column},
                {"scd2_end_date_column", o->end_date_column},
                {"scd2_current_flag_column", o->current_flag_column}};
    const silt_type *schema = t->raw->out.schema;
    for (size_t i = 0; i < SILT_COUNT(made); i++) {
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(made[i].name, made[k].name) == 0)
                MISTAKE(t, made[i].key, "%s is called %s too", made[k].key, made[i].name);
        for (size_t k = 0; schema && k < schema->field_count; k++)
            if (strcasecmp(schema->fields[k].name, made[i].name) == 0)
                MISTAKE(t, "schema",
                        "%s is a column that versions are kept by, none of the files'; rename it, "
                        "or give %s another name",
                        made[i].name, made[i].key);
        for (size_t k = 0; k < t->raw->tracking_columns.count; k++)
            if (strcasecmp(t->raw->tracking_columns.items[k], made[i].name) == 0)
                MISTAKE(t, "tracking_columns", "%s is a column that versions are kept by",
                        made[i].name);
    }
}

static void check_column(const reading *t, const char *key, const char *name)
{
    const silt_type *schema = t->raw->out.schema;
    if (schema && silt_type_find(schema, name) < 0)
        MISTAKE(t, key, "there is no column %.100s in schema", name);
}

/* Rows that are true since they are loaded are so file by file, and an extract is one file: what is
 * loaded together would be of one moment. */
static void check_batch(const reading *t, const silt_scd2_options *o)
{
    silt_config_table *out = &t->raw->out;
    if (o->effective_from && !o->close_missing) return;
    if (said(t, "batch.max_files") && out->batch_max_files != 1)
        MISTAKE(t, "batch.max_files", "files are loaded one by one, since %s; remove it%s",
                o->close_missing ? "each is an extract of all there is (scd2_close_missing)"
                                 : "rows are true from the moment of their load",
                o->close_missing ? "" : ", or say by scd2_effective_from since when rows are true");
    out->batch_max_files = 1;
}

static void check_constraints(const reading *t, const silt_scd2_options *o)
{
    const silt_policy *policy = &t->raw->out.policy;
    for (size_t i = 0; o->close_missing && i < policy->constraint_count; i++)
        if (policy->constraints[i].on_violation >= SILT_VIOLATION_DROP)
            MISTAKE(t, "constraints",
                    "a row that %s leaves out would end the versions of its key "
                    "(scd2_close_missing); write on_violation: fail or warn",
                    policy->constraints[i].name);
}

void silt_config_scd2_read(silt_config_reader *r, const silt_config_node *node, const char *path,
                           silt_config_raw_table *raw)
{
    const reading t = {r, node, path, raw};
    if (raw->out.strategy != SILT_STRATEGY_SCD2) {
        refuse(&t);
        return;
    }
    if (raw->out.format != SILT_TARGET_DELTA && !silt_config_is_database(raw->out.format))
        MISTAKE(&t, "write.format",
                "scd2 is for Delta tables and databases; remove it, or write "
                "loading_strategy: append and keep the versions elsewhere");
    size_t count = raw->tracking_columns.count;
    if (!count)
        MISTAKE(&t, "tracking_columns", "%s: scd2 needs the columns that tell versions apart",
                said(&t, "tracking_columns") ? "no column is given" : "is missing");
    const char **tracked = silt_arena_calloc(r->arena, count + 1, sizeof(*tracked));
    silt_scd2_options *o = silt_arena_calloc(r->arena, 1, sizeof(*o));
    if (!tracked || !o) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        tracked[i] = raw->tracking_columns.items[i];
        check_column(&t, "tracking_columns", tracked[i]);
    }
    *o = (silt_scd2_options)SILT_SCD2_OPTIONS_INIT;
    o->tracking_columns = tracked;
    o->effective_date_column = raw->scd2_start;
    o->end_date_column = raw->scd2_end;
    o->current_flag_column = raw->scd2_current;
    o->effective_from = raw->scd2_from;
    o->close_missing = raw->scd2_close_missing;
    if (o->effective_from) check_column(&t, "scd2_effective_from", o->effective_from);
    if (o->close_missing && raw->out.bad_rows.on != SILT_BAD_ROW_FAIL)
        MISTAKE(&t, "on_bad_row",
                "a row that is left out would end the versions of its key (scd2_close_missing); "
                "write fail");
    check_constraints(&t, o);
    check_names(&t, o);
    check_batch(&t, o);
    raw->out.scd2 = o;
}
