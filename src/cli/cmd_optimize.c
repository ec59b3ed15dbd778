/* silt optimize: the same rows in other files. */
#include <string.h>

#include "cli/edits.h"
#include "cli/message.h"

/* "a,b" and further ones, as a NULL-terminated list; NULL: not given. */
static int take_names(cli *c, const char *option, const char *const **out)
{
    size_t most = 1, count = 0;
    *out = NULL;
    for (size_t i = 0; i < c->line.given_count; i++)
        for (const char *at = c->line.given[i].value; at; at = strchr(at + 1, ','))
            most++;
    const char **names = silt_arena_calloc(c->arena, most + 1, sizeof(*names));
    if (!names) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        if (strcmp(given->option->name, option) != 0) continue;
        char *list = silt_arena_strdup(c->arena, given->value), *rest = NULL;
        if (!list) return cli_no_memory(c);
        for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
            names[count++] = name;
        *out = names;
    }
    return CLI_OK;
}

int cmd_optimize(cli *c)
{
    silt_error err = {0};
    silt_edit_options opts;
    silt_edit_result result;
    silt_optimize_options optimize = SILT_OPTIMIZE_OPTIONS_INIT;
    int status = cli_edit_options(c, &opts);
    if (status == CLI_OK) status = take_names(c, "z-order", &optimize.z_order);
    if (status != CLI_OK) return status;
    optimize.where = cli_text(c, "where");
    optimize.purge = cli_flag(c, "purge");
    optimize.full = cli_flag(c, "full");
    optimize.min_file_bytes = cli_count(c, "min-file-bytes", 0);
    optimize.min_files = cli_count(c, "min-files", 0);
    if (optimize.purge && (optimize.z_order || optimize.full))
        return cli_misuse(c, "--purge goes neither with --z-order nor with --full");
    status = cli_open_table(c);
    if (status != CLI_OK) return status;
    if (silt_optimize(c->snapshot, &optimize, &opts, &result, NULL, &err) != SILT_OK)
        return cli_fail(c, &err);
    cli_edit_print(c, &result, "Optimized");
    return CLI_OK;
}
