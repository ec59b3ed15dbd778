/* Events about datasets and statements. */
#include "ops/sql.h"
#include "table/tell.h"

static void tell_files(silt_tell *t, const silt_dataset *d)
{
    static const char *const formats[] = {"delta", "parquet", "csv", "ndjson"};
    const silt_read_options *r = d->read_options;
    silt_tell_text(t, "format", formats[d->format]);
    if (d->format == SILT_DATASET_DELTA) return;
    silt_tell_text(t, "partitioning", d->hive ? "hive" : "none");
    silt_tell_type(t, "declared", d->columns);
    if (!r) return;
    silt_json_key(&t->w, "read_options");
    silt_json_begin_object(&t->w);
    silt_tell_text(t, "delimiter", r->delimiter);
    silt_tell_text(t, "quote", r->quote);
    silt_tell_text(t, "escape", r->escape);
    silt_tell_text(t, "comment", r->comment);
    silt_tell_names(t, "nullstr", r->nulls, r->null_count);
    silt_tell_text(t, "encoding", r->encoding);
    silt_tell_text(t, "date_format", r->date_format);
    silt_tell_text(t, "timestamp_format", r->timestamp_format);
    silt_tell_text(t, "compression", r->compression);
    silt_json_member_int(&t->w, "skip_lines", r->skip_lines);
    silt_json_member_bool(&t->w, "header", !r->no_header);
    const char separator[2] = {r->decimal_separator, 0};
    if (r->decimal_separator) silt_tell_text(t, "decimal_separator", separator);
    silt_json_end_object(&t->w);
}

static void tell_list(silt_tell *t, const char *key, const char *const *names)
{
    size_t count = 0;
    while (names && names[count])
        count++;
    if (count) silt_tell_names(t, key, names, count);
}

static void tell_policy(silt_tell *t, const silt_policy *p)
{
    if (p->target_file_bytes)
        silt_json_member_int(&t->w, "target_file_bytes", p->target_file_bytes);
    silt_tell_text(t, "compression", p->compression);
    if (p->row_group_rows) silt_json_member_int(&t->w, "row_group_rows", p->row_group_rows);
    tell_list(t, "stats_columns", p->stats_columns);
    silt_tell_text(t, "stats_count", p->stats_count);
    tell_list(t, "cluster_by", p->cluster_by);
    tell_list(t, "ordering_keys", p->ordering_keys);
    tell_list(t, "z_order", p->z_order);
    silt_tell_text(t, "column_mapping_mode", p->column_mapping_mode);
    if (!p->constraint_count) return;
    silt_json_key(&t->w, "constraints");
    silt_json_begin_array(&t->w);
    for (size_t i = 0; i < p->constraint_count; i++) {
        silt_json_begin_object(&t->w);
        silt_tell_text(t, "name", p->constraints[i].name);
        silt_tell_text(t, "check", p->constraints[i].check);
        silt_json_member_bool(&t->w, "persist", p->constraints[i].persist);
        silt_json_end_object(&t->w);
    }
    silt_json_end_array(&t->w);
}

/* What writes go by. */
static void tell_policies(silt_tell *t, const silt_dataset *d)
{
    silt_tell_text(t, "schema_mode", d->schema_mode);
    if (d->policy) tell_policy(t, d->policy);
}

void silt_dataset_tell(const silt_dataset *d, const silt_diagnostics *to)
{
    SILT_CLEAN(silt_tell) t;
    if (!silt_tell_begin(&t, to)) return;
    silt_tell_text(&t, "dataset", d->name);
    silt_tell_text(&t, "path", d->path);
    tell_files(&t, d);
    silt_tell_place(&t, "version", d->version, "timestamp", d->timestamp_ms);
    silt_tell_text(&t, "from", d->changes_from);
    silt_tell_text(&t, "to", d->changes_to);
    silt_tell_names(&t, "files", d->files, d->file_count);
    silt_tell_text(&t, "file_column", d->file_column);
    silt_json_member_bool(&t.w, "pushdown", !d->no_pushdown);
    silt_json_member_bool(&t.w, "view_types", d->view_types);
    silt_tell_type(&t, "schema", d->schema);
    tell_policies(&t, d);
    silt_tell_end(&t, d->changes_from ? "cdf_registration" : "registration");
}

void silt_sql_tell(const silt_sql_options *opts, const char *sql)
{
    SILT_CLEAN(silt_tell) t;
    if (!silt_tell_begin(&t, opts->diagnostics)) return;
    silt_tell_text(&t, "statement", sql);
    silt_json_member_bool(&t.w, "view_types", opts->view_types);
    silt_tell_type(&t, "schema", opts->schema);
    silt_tell_end(&t, "scan_config");
}
