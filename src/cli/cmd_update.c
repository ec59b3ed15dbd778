/* silt update: new values for columns of a table's rows. */
#include <string.h>

#include "cli/edits.h"
#include "cli/message.h"

/* --set COLUMN=VALUE, each. */
static int take_assignments(cli *c, silt_assignment **out, size_t *count)
{
    silt_assignment *set = silt_arena_calloc(c->arena, c->line.given_count, sizeof(*set));
    if (!set) return cli_no_memory(c);
    *count = 0;
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        silt_error err = {0};
        if (strcmp(given->option->name, "set") != 0) continue;
        silt_status st = silt_assignment_parse(given->value, c->arena, &set[*count], &err);
        if (st == SILT_INVALID) return cli_misuse(c, "--set: %s", err.message);
        if (st != SILT_OK) return cli_fail(c, &err);
        ++*count;
    }
    *out = set;
    return *count ? CLI_OK : cli_misuse(c, "which columns? --set COLUMN=VALUE says it");
}

int cmd_update(cli *c)
{
    silt_error err = {0};
    silt_edit_options opts;
    silt_edit_result result = {0};
    silt_assignment *set = NULL;
    size_t count = 0;
    char rows[CLI_ROWS_SIZE], line[CLI_ROWS_SIZE + 16];
    const char *where = cli_text(c, "where");
    int status = cli_edit_options(c, &opts);
    if (status == CLI_OK) status = take_assignments(c, &set, &count);
    if (status != CLI_OK) return status;
    if (!where != cli_flag(c, "all"))
        return cli_misuse(c, "which rows? --where CONDITION, or --all");
    status = cli_edit_rewrite_percent(c, &opts);
    if (status == CLI_OK) status = cli_edit_open(c);
    if (status == CLI_OK) status = cli_run_begin(c, "UPDATE", c->store);
    if (status != CLI_OK) return status;
    silt_status st = silt_update(c->snapshot, set, count, where, &opts, &result, NULL, &err);
    cli_edit_end(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    snprintf(line, sizeof(line), "Updated %s", cli_some_rows(result.rows_updated, rows));
    cli_edit_print(c, &result, line);
    return CLI_OK;
}
