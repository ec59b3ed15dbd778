/* silt cleanup-log: delete what has expired in a table's log. */
#include <inttypes.h>

#include "cli/deleted.h"
#include "cli/message.h"

#define DAY_MS (INT64_C(24) * 3600000)

static void print(const cli *c, const cli_deleted *files, const silt_cleanup_log_result *r,
                  bool dry_run)
{
    char before[48] = "";
    if (c->json) {
        cli_json j = cli_deleted_document(r->deleted, r->size_bytes, dry_run);
        cli_json_count(&j, "first_version", r->first_version);
        cli_json_boolean(&j, "protected", r->is_protected);
        cli_deleted_json(files, &j);
        cli_json_end(&j);
        return;
    }
    if (r->is_protected)
        cli_say(c, CLI_WARNING,
                "older versions are protected by delta.requireCheckpointProtectionBeforeVersion");
    if (r->first_version >= 0)
        (void)snprintf(before, sizeof(before), ": versions before %" PRId64, r->first_version);
    cli_deleted_say(files, r->deleted, r->size_bytes, dry_run, before);
}

int cmd_cleanup_log(cli *c)
{
    silt_error err = {0};
    silt_cleanup_log_result result;
    silt_cleanup_log_options opts = SILT_CLEANUP_LOG_OPTIONS_INIT;
    cli_deleted files = cli_deleted_start(c);
    int64_t days = cli_count(c, "retention-days", -1);
    if (days > INT64_MAX / DAY_MS)
        return cli_misuse(c, "--retention-days %" PRId64 ": so long ago nothing was", days);
    if (days >= 0) opts.retention_ms = days * DAY_MS;
    opts.dry_run = cli_flag(c, "dry-run");
    opts.deleted = cli_deleted_add;
    opts.ctx = &files;
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_cleanup_log(c->store, c->engine, &opts, &result, &err) != SILT_OK)
        return cli_fail(c, &err);
    if (files.no_memory) return cli_no_memory(c);
    print(c, &files, &result, opts.dry_run);
    return CLI_OK;
}
