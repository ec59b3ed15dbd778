/* Events about scans and changes. */
#include "table/tell.h"

#include "base/seam.h"

bool silt_tell_begin(silt_tell *t, const silt_diagnostics *to)
{
    *t = (silt_tell){.to = to};
    if (!to || !to->event) return false;
    t->w = silt_json_writer_of(&t->text);
    silt_json_begin_object(&t->w);
    return true;
}

void silt_tell_end(silt_tell *t, const char *kind)
{
    silt_json_end_object(&t->w);
    if (!t->text.failed) t->to->event(t->to->ctx, kind, t->text.data);
}

void silt_tell_text(silt_tell *t, const char *key, const char *text)
{
    if (text) silt_json_member_string(&t->w, key, text);
}

void silt_tell_names(silt_tell *t, const char *key, const char *const *names, size_t count)
{
    if (!names) return;
    silt_json_key(&t->w, key);
    silt_json_begin_array(&t->w);
    for (size_t i = 0; i < count; i++)
        silt_json_put_string(&t->w, names[i]);
    silt_json_end_array(&t->w);
}

void silt_tell_type(silt_tell *t, const char *key, const silt_type *type)
{
    SILT_AUTO(silt_arena) scratch = type ? silt_arena_new() : NULL;
    if (scratch) silt_tell_text(t, key, silt_type_name(type, scratch));
}

void silt_tell_place(silt_tell *t, const char *version_key, int64_t version, const char *time_key,
                     int64_t timestamp_ms)
{
    char time[SILT_TIME_SIZE];
    if (version >= 0) {
        silt_json_member_int(&t->w, version_key, version);
    } else if (timestamp_ms != SILT_NO_TIMESTAMP) {
        silt_time_format(timestamp_ms * 1000, time);
        silt_json_member_string(&t->w, time_key, time);
    }
}

void silt_tell_scan(const silt_scan_options *opts, const char *table, int64_t version)
{
    SILT_CLEAN(silt_tell) t;
    if (!silt_tell_begin(&t, opts->diagnostics)) return;
    silt_tell_text(&t, "table", table);
    silt_tell_place(&t, "version", version, "", SILT_NO_TIMESTAMP);
    silt_tell_names(&t, "columns", opts->columns, opts->column_count);
    silt_tell_text(&t, "where", opts->where);
    if (opts->limit >= 0) silt_json_member_int(&t.w, "limit", opts->limit);
    silt_tell_names(&t, "files", opts->files, opts->file_count);
    silt_tell_text(&t, "file_column", opts->file_column);
    silt_json_member_bool(&t.w, "row_ids", opts->row_id_column != NULL);
    silt_json_member_bool(&t.w, "pushdown", !opts->no_pushdown);
    silt_json_member_bool(&t.w, "view_types", opts->view_types);
    silt_tell_type(&t, "schema", opts->schema);
    silt_tell_end(&t, "scan_config");
}

void silt_tell_changes(const silt_changes_options *opts, const char *table)
{
    SILT_CLEAN(silt_tell) t;
    if (!silt_tell_begin(&t, opts->diagnostics)) return;
    silt_tell_text(&t, "table", table);
    silt_tell_place(&t, "from_version", opts->from_version, "from", opts->from_timestamp_ms);
    silt_tell_place(&t, "to_version", opts->to_version, "to", opts->to_timestamp_ms);
    silt_tell_names(&t, "columns", opts->columns, opts->column_count);
    silt_tell_text(&t, "where", opts->where);
    if (opts->limit >= 0) silt_json_member_int(&t.w, "limit", opts->limit);
    silt_json_member_bool(&t.w, "net", opts->net);
    silt_tell_names(&t, "keys", opts->keys, opts->key_count);
    silt_json_member_bool(&t.w, "allow_out_of_range", opts->allow_out_of_range);
    silt_tell_end(&t, "cdf_registration");
}
