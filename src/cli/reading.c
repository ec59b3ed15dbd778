/* Events about reads. Nothing is made where nobody listens. */
#include "cli/reading.h"

#include <stdlib.h>

#include "cli/event.h"
#include "cli/json.h"

typedef struct event {
    cli *c;
    char *text;
    size_t size;
    FILE *file;
    cli_json j;
} event;

static bool begin(event *e, cli *c)
{
    *e = (event){.c = c};
    if (!c->diagnostics && !c->verbose) return false;
    e->file = open_memstream(&e->text, &e->size);
    if (!e->file) return false; /* what is told isn't worth a failure */
    e->j = cli_json_start(e->file, false);
    cli_json_object(&e->j, NULL);
    return true;
}

static void end(event *e, const char *kind)
{
    cli_json_end(&e->j);
    if (fclose(e->file) == 0 && e->size) {
        if (e->text[e->size - 1] == '\n') e->text[e->size - 1] = '\0';
        cli_event(e->c, kind, e->text);
    }
    free(e->text);
}

static void put_names(cli_json *j, const char *key, const char *const *names, size_t count)
{
    if (!names) return;
    cli_json_array(j, key);
    for (size_t i = 0; i < count; i++)
        cli_json_string(j, NULL, names[i]);
    cli_json_end(j);
}

static void put_some(cli_json *j, const char *key, const char *text)
{
    if (text) cli_json_string(j, key, text);
}

static void put_schema(cli *c, cli_json *j, const silt_type *schema)
{
    if (schema) put_some(j, "schema", silt_type_name(schema, c->arena));
}

/* A version, or else a timestamp; nothing where neither is said. */
static void put_end(cli_json *j, const char *version_key, int64_t version, const char *time_key,
                    int64_t timestamp_ms)
{
    if (version >= 0)
        cli_json_integer(j, version_key, version);
    else if (timestamp_ms != SILT_NO_TIMESTAMP)
        cli_json_time(j, time_key, timestamp_ms * 1000);
}

void cli_tell_dataset(cli *c, const silt_dataset *d)
{
    event e;
    if (!begin(&e, c)) return;
    cli_json_string(&e.j, "dataset", d->name);
    cli_json_string(&e.j, "path", d->path);
    put_end(&e.j, "version", d->version, "timestamp", d->timestamp_ms);
    put_some(&e.j, "from", d->changes_from);
    put_some(&e.j, "to", d->changes_to);
    put_names(&e.j, "files", d->files, d->file_count);
    put_some(&e.j, "file_column", d->file_column);
    cli_json_boolean(&e.j, "pushdown", !d->no_pushdown);
    cli_json_boolean(&e.j, "view_types", d->view_types);
    put_schema(c, &e.j, d->schema);
    end(&e, d->changes_from ? "cdf_registration" : "registration");
}

void cli_tell_scan(cli *c, const char *table, const silt_scan_options *opts)
{
    event e;
    if (!begin(&e, c)) return;
    cli_json_string(&e.j, "table", table);
    if (c->snapshot) cli_json_integer(&e.j, "version", silt_snapshot_version(c->snapshot));
    put_names(&e.j, "columns", opts->columns, opts->column_count);
    put_some(&e.j, "where", opts->where);
    if (opts->limit >= 0) cli_json_integer(&e.j, "limit", opts->limit);
    put_names(&e.j, "files", opts->files, opts->file_count);
    put_some(&e.j, "file_column", opts->file_column);
    cli_json_boolean(&e.j, "row_ids", opts->row_id_column != NULL);
    cli_json_boolean(&e.j, "pushdown", !opts->no_pushdown);
    cli_json_boolean(&e.j, "view_types", opts->view_types);
    put_schema(c, &e.j, opts->schema);
    end(&e, "scan_config");
}

void cli_tell_changes(cli *c, const char *table, const silt_changes_options *opts)
{
    event e;
    if (!begin(&e, c)) return;
    cli_json_string(&e.j, "table", table);
    put_end(&e.j, "from_version", opts->from_version, "from", opts->from_timestamp_ms);
    put_end(&e.j, "to_version", opts->to_version, "to", opts->to_timestamp_ms);
    put_names(&e.j, "columns", opts->columns, opts->column_count);
    put_some(&e.j, "where", opts->where);
    if (opts->limit >= 0) cli_json_integer(&e.j, "limit", opts->limit);
    cli_json_boolean(&e.j, "net", opts->net);
    put_names(&e.j, "keys", opts->keys, opts->key_count);
    cli_json_boolean(&e.j, "allow_out_of_range", opts->allow_out_of_range);
    end(&e, "cdf_registration");
}

void cli_tell_statement(cli *c, const char *sql, const silt_sql_options *opts)
{
    event e;
    if (!begin(&e, c)) return;
    cli_json_string(&e.j, "statement", sql);
    cli_json_boolean(&e.j, "view_types", opts->view_types);
    end(&e, "scan_config");
}
