/* silt force-unlock: take the lock away from whoever holds it. */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

/* Who holds the lock, before somebody decides. A state that can't be read is no reason to keep the
 * lock. */
static int print_holder(cli *c, bool *held)
{
    silt_error err = {0};
    silt_status_report report = {0};
    char since[CLI_TIME_SIZE];
    *held = true;
    silt_status st = silt_pipeline_status(c->pipeline, c->arena, &report, &err);
    if (st == SILT_NOMEM || st == SILT_INTERRUPTED || st == SILT_DENIED) return cli_fail(c, &err);
    if (st != SILT_OK) {
        cli_say(c, CLI_WARNING, "who holds the lock can't be told: %s", err.message);
        return CLI_OK;
    }
    *held = report.lock.held;
    if (!*held || c->json) return CLI_OK;
    if (!report.lock.readable) {
        fputs("Current lock can't be read\n", stdout);
        return CLI_OK;
    }
    cli_format_time(report.lock.acquired_us, false, since);
    fprintf(stdout, "Current lock held by PID %" PRId64 " since %s\n", report.lock.pid, since);
    if (report.lock.alive)
        cli_say(c, CLI_WARNING, "its holder on %s %s; what it has under way will be fenced",
                report.lock.hostname, report.lock.assumed ? "may be alive" : "is alive");
    return CLI_OK;
}

int cmd_force_unlock(cli *c)
{
    silt_error err = {0};
    bool held = false;
    int status = cli_open_pipeline(c, false);
    if (status == CLI_OK) status = print_holder(c, &held);
    if (status != CLI_OK) return status;
    if (held) {
        status = cli_confirm(c, "Are you sure you want to force release the lock?", "force-unlock");
        if (status != CLI_OK) return status;
        if (silt_pipeline_force_unlock(c->pipeline, &held, &err) != SILT_OK)
            return cli_fail(c, &err);
    }
    if (c->json) {
        cli_json j = cli_json_start(stdout, true);
        cli_json_object(&j, NULL);
        cli_json_boolean(&j, "was_held", held);
        cli_json_end(&j);
    } else if (held) {
        fprintf(stdout, "%s%s%s Pipeline lock force released\n", cli_green(&c->out),
                cli_tick(&c->out), cli_plain(&c->out));
    } else {
        fputs("No lock is held\n", stdout);
    }
    return CLI_OK;
}
