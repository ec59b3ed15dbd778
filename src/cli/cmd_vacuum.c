/* silt vacuum: delete files that no version within the retention needs. */
#include <inttypes.h>

#include "cli/deleted.h"
#include "cli/message.h"

#define HOUR_MS INT64_C(3600000)

static void print(const cli *c, const cli_deleted *files, const silt_vacuum_result *r, bool dry_run)
{
    if (!c->json) {
        cli_deleted_say(files, r->deleted, r->size_bytes, dry_run, "");
        return;
    }
    cli_json j = cli_deleted_document(r->deleted, r->size_bytes, dry_run);
    cli_json_integer(&j, "version", r->table_version);
    cli_deleted_json(files, &j);
    cli_json_end(&j);
}

int cmd_vacuum(cli *c)
{
    silt_error err = {0};
    silt_vacuum_result result;
    silt_vacuum_options opts = SILT_VACUUM_OPTIONS_INIT;
    cli_deleted files = cli_deleted_start(c);
    int64_t hours = cli_count(c, "retention-hours", -1);
    if (hours > INT64_MAX / HOUR_MS)
        return cli_misuse(c, "--retention-hours %" PRId64 ": so long ago nothing was", hours);
    if (hours >= 0) opts.retention_ms = hours * HOUR_MS;
    opts.lite = cli_flag(c, "lite");
    opts.inventory = cli_text(c, "inventory");
    if (opts.lite && opts.inventory)
        return cli_misuse(c, "--lite and --inventory: files are found by one of the two");
    opts.dry_run = cli_flag(c, "dry-run");
    opts.allow_short = cli_flag(c, "yes");
    opts.deleted = cli_deleted_add;
    opts.ctx = &files;
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_vacuum(c->store, c->engine, &opts, &result, &err) != SILT_OK) return cli_fail(c, &err);
    if (files.no_memory) return cli_no_memory(c);
    print(c, &files, &result, opts.dry_run);
    return CLI_OK;
}
