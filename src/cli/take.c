/* Texts of the command line as values. */
#include "cli/take.h"

#include <string.h>
#include <strings.h>

#include "cli/message.h"
#include "cli/rows.h"

int cli_take_word(cli *c, const char *option, const cli_word *words, int *out)
{
    const char *text = cli_text(c, option);
    if (!text) return CLI_OK;
    for (const cli_word *w = words; w->name; w++)
        if (strcmp(w->name, text) == 0) {
            *out = w->value;
            return CLI_OK;
        }
    char known[256] = "";
    for (const cli_word *w = words; w->name; w++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", w->name);
    }
    return cli_misuse(c, "--%s %s: one of %s is wanted", option, text, known);
}

int cli_take_names(cli *c, const char *option, const char *const **out)
{
    const char *const *names = NULL;
    size_t count = 0;
    *out = NULL;
    int status = cli_rows_names(c, option, &names, &count);
    if (status != CLI_OK || !count) return status;
    const char **copy = silt_arena_calloc(c->arena, count + 1, sizeof(*copy));
    if (!copy) return cli_no_memory(c);
    memcpy(copy, names, count * sizeof(*copy));
    *out = copy;
    return CLI_OK;
}

int cli_take_pairs(cli *c, const char *option, const char *const **out)
{
    const char **pairs = silt_arena_calloc(c->arena, c->line.given_count + 1, sizeof(*pairs));
    size_t count = 0;
    if (!pairs) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        if (strcmp(given->option->name, option) != 0) continue;
        if (!strchr(given->value, '=') || given->value[0] == '=')
            return cli_misuse(c, "--%s %s: KEY=VALUE is wanted", option, given->value);
        pairs[count++] = given->value;
    }
    *out = count ? pairs : NULL;
    return CLI_OK;
}

int cli_take_size(cli *c, const char *option, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"K", 1 << 10},
                 {"M", 1 << 20},  {"G", 1 << 30},  {"B", 1}};
    const char *text = cli_text(c, option);
    if (!text) return CLI_OK;
    size_t size = strlen(text);
    int64_t factor = 1, number;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t cut = strlen(units[i].unit);
        if (size <= cut || strcasecmp(text + size - cut, units[i].unit) != 0) continue;
        factor = units[i].bytes;
        size -= cut;
        break;
    }
    char *digits = silt_arena_strndup(c->arena, text, size);
    if (!digits) return cli_no_memory(c);
    if (!cli_parse_count(digits, &number) || !number || number > INT64_MAX / factor)
        return cli_misuse(c, "--%s %s: a size is wanted, such as 128MB", option, text);
    *out = number * factor;
    return CLI_OK;
}

int cli_take_newest(cli *c, const char **out)
{
    static const cli_word ways[] = {{"newest_wins", 1}, {NULL, 0}};
    int dedup = 0, status = cli_take_word(c, "dedup", ways, &dedup);
    if (status != CLI_OK) return status;
    *out = cli_text(c, "timestamp-col");
    if (dedup && !*out)
        return cli_misuse(c, "--dedup newest_wins needs --timestamp-col, the column that tells "
                             "which row is the newest");
    if (*out && !dedup) return cli_misuse(c, "--timestamp-col is for --dedup newest_wins");
    return CLI_OK;
}
