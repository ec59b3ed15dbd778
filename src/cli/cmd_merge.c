/* silt merge: rows of files, a query or a table against a table's, by clauses. */
#include <inttypes.h>
#include <string.h>

#include "cli/edits.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/source.h"
#include "cli/take.h"

/* ---- options */

/* --when, each. */
static int take_clauses(cli *c, silt_merge_options *m)
{
    silt_merge_clause *clauses = silt_arena_calloc(c->arena, c->line.given_count, sizeof(*clauses));
    if (!clauses) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        silt_error err = {0};
        if (strcmp(given->option->name, "when") != 0) continue;
        silt_status st =
            silt_merge_clause_parse(given->value, c->arena, &clauses[m->clause_count], &err);
        if (st == SILT_INVALID) return cli_misuse(c, "--when: %s", err.message);
        if (st != SILT_OK) return cli_fail(c, &err);
        m->clause_count++;
    }
    m->clauses = clauses;
    if (m->clause_count) return CLI_OK;
    return cli_misuse(c,
                      "what is to be done? --when \"MATCHED THEN UPDATE SET *\" and such say it");
}

static int take_options(cli *c, silt_merge_options *m)
{
    static const cli_word schema_modes[] = {{"merge", SILT_SCHEMA_MERGE}, {NULL, 0}};
    int schema = SILT_SCHEMA_FIXED;
    int status = take_clauses(c, m);
    if (status == CLI_OK) status = cli_take_names(c, "keys", &m->keys);
    if (status == CLI_OK) status = cli_take_newest(c, &m->newest_by);
    if (status == CLI_OK) status = cli_take_word(c, "schema-mode", schema_modes, &schema);
    if (status != CLI_OK) return status;
    m->on = cli_text(c, "on");
    m->target_alias = cli_text(c, "target-alias");
    m->source_alias = cli_text(c, "source-alias");
    m->schema_mode = (silt_schema_mode)schema;
    if (!m->on == !m->keys)
        return cli_misuse(c, "which rows match? --on CONDITION, or --keys NAMES");
    return CLI_OK;
}

/* ---- what was done */

static void print_json(const silt_merge_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_edit_members(&j, &r->edit);
    cli_json_integer(&j, "rows_read", r->rows_read);
    cli_json_integer(&j, "rows_inserted", r->rows_inserted);
    cli_json_integer(&j, "rows_deduplicated", r->rows_deduplicated);
    cli_json_integer(&j, "rows_updated_matched", r->rows_updated_matched);
    cli_json_integer(&j, "rows_updated_by_source", r->rows_updated_by_source);
    cli_json_integer(&j, "rows_deleted_matched", r->rows_deleted_matched);
    cli_json_integer(&j, "rows_deleted_by_source", r->rows_deleted_by_source);
    cli_json_end(&j);
}

static void put_count(char *line, size_t size, int64_t count, const char *what)
{
    size_t used = strlen(line);
    if (count) snprintf(line + used, size - used, ", %" PRId64 " %s", count, what);
}

static void print_result(cli *c, const silt_merge_result *r)
{
    char rows[CLI_ROWS_SIZE], line[256] = "";
    if (c->json) {
        print_json(r);
        return;
    }
    snprintf(line, sizeof(line), "Merged %s", cli_some_rows(r->rows_read, rows));
    put_count(line, sizeof(line), r->rows_deduplicated, "deduplicated");
    put_count(line, sizeof(line), r->rows_inserted, "inserted");
    put_count(line, sizeof(line), r->edit.rows_updated, "updated");
    put_count(line, sizeof(line), r->edit.rows_deleted, "deleted");
    cli_edit_print(c, &r->edit, line);
}

int cmd_merge(cli *c)
{
    silt_error err = {0};
    silt_write_source source = SILT_WRITE_SOURCE_INIT;
    silt_merge_options merge = SILT_MERGE_OPTIONS_INIT;
    silt_edit_options opts;
    silt_merge_result result = {0};
    cli_source held = {0};
    int status = take_options(c, &merge);
    if (status == CLI_OK) status = cli_edit_options(c, &opts);
    if (status == CLI_OK) status = cli_edit_rewrite_percent(c, &opts);
    if (status == CLI_OK) status = cli_edit_open(c);
    if (status == CLI_OK) status = cli_source_open(c, &source, &held);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status == CLI_OK) status = cli_run_begin(c, "MERGE", c->store);
    if (status == CLI_OK) {
        silt_status st = silt_merge(c->snapshot, &source, &merge, &opts, &result, NULL, &err);
        cli_edit_end(c, st, &err, &result.edit);
        if (st == SILT_OK)
            print_result(c, &result);
        else
            status = cli_fail(c, &err);
    }
    cli_source_release(&held);
    return status;
}
