/* Options of `write` and `create` that a table goes by from then on. */
#include "cli/policy.h"

#include <string.h>

#include "cli/message.h"
#include "cli/take.h"

int cli_take_policy(cli *c, silt_policy *out)
{
    int64_t count;
    const char *stats = cli_text(c, "stats-count");
    *out = (silt_policy)SILT_POLICY_INIT;
    if (stats && strcmp(stats, "all") != 0 && !cli_parse_count(stats, &count))
        return cli_misuse(c, "--stats-count %s: a number of columns is wanted, or all", stats);
    if (stats) out->stats_count = strcmp(stats, "all") == 0 ? "-1" : stats;
    out->row_group_rows = cli_count(c, "row-group-rows", 0);
    if (cli_flag(c, "row-group-rows") && !out->row_group_rows)
        return cli_misuse(c, "--row-group-rows: 1 or more");
    int status = cli_take_names(c, "stats-columns", &out->stats_columns);
    if (status == CLI_OK) status = cli_take_names(c, "z-order", &out->z_order);
    return status;
}
