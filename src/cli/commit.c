/* Options of a commit, as the commands take them. */
#include "cli/commit.h"

#include <limits.h>
#include <string.h>

#include "cli/event.h"
#include "cli/message.h"
#include "cli/take.h"

static int take_number(cli *c, silt_commit_options *o)
{
    o->app_id = cli_text(c, "app-id");
    o->app_version = cli_count(c, "txn-version", 0);
    if (!o->app_id != !cli_text(c, "txn-version"))
        return cli_misuse(c, "--app-id and --txn-version belong together");
    if (o->app_id && !*o->app_id) return cli_misuse(c, "--app-id: a name is wanted");
    return CLI_OK;
}

static int take_retry(cli *c, silt_commit_options *o)
{
    int64_t attempts = cli_count(c, "retry-attempts", 0);
    int64_t seconds = cli_count(c, "retry-deadline", o->deadline_ms / 1000);
    if (attempts > INT_MAX) return cli_misuse(c, "--retry-attempts: too many");
    if (seconds > INT_MAX) return cli_misuse(c, "--retry-deadline: too long");
    o->max_attempts = (int)attempts;
    o->backoff_ms = cli_count(c, "retry-backoff", o->backoff_ms);
    o->deadline_ms = seconds * 1000;
    return CLI_OK;
}

int cli_take_commit(cli *c, const silt_commit_options **out)
{
    static const cli_word hows[] = {{"warn", 0}, {"error", 1}, {NULL, 0}};
    silt_commit_options *o = silt_arena_calloc(c->arena, 1, sizeof(*o));
    silt_diagnostics *sink = silt_arena_calloc(c->arena, 1, sizeof(*sink));
    int how = 0;
    if (!o || !sink) return cli_no_memory(c);
    *o = (silt_commit_options)SILT_COMMIT_OPTIONS_INIT;
    *sink = (silt_diagnostics){cli_event, c};
    o->diagnostics = sink;
    o->user_metadata = cli_text(c, "user-metadata");
    int status = take_number(c, o);
    if (status == CLI_OK) status = cli_take_run(c, o);
    if (status == CLI_OK) status = take_retry(c, o);
    if (status == CLI_OK) status = cli_take_word(c, "on-overtaken", hows, &how);
    if (status == CLI_OK) status = cli_take_pairs(c, "commit-property", &o->properties);
    o->fail_if_overtaken = how;
    *out = o;
    return status;
}

void cli_say_done(const cli *c, int64_t committed_version)
{
    if (c->quiet) return;
    printf("already done%s: nothing was written\n",
           committed_version >= 0 ? "" : ", by a commit that isn't known any more");
}

void cli_say_overtaken(const cli *c)
{
    cli_say(c, CLI_WARNING,
            "a higher --txn-version was committed before, and no commit with this one is known: "
            "nothing was written");
}

int cli_refuse_commit(const cli *c, const char *why)
{
    static const cli_option options[] = {CLI_COMMIT_OPTIONS, {NULL, CLI_FLAG, NULL, 0}};
    for (const cli_option *o = options; o->name; o++)
        if (cli_line_value(&c->line, o->name))
            return cli_misuse(c, "--%s: there is no commit %s", o->name, why);
    return CLI_OK;
}
