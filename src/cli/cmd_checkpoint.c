/* silt checkpoint: write a checkpoint of a table. */
#include <inttypes.h>

#include "cli/deleted.h"
#include "cli/message.h"
#include "cli/words.h"

static void print(const cli *c, const silt_checkpoint_result *r)
{
    char files[CLI_COUNTED_SIZE], objects[CLI_FILES_SIZE];
    if (c->json) {
        cli_json j = cli_json_start(stdout, true);
        cli_json_object(&j, NULL);
        cli_json_boolean(&j, "dry_run", cli_flag(c, "dry-run"));
        cli_json_integer(&j, "version", r->version);
        cli_json_string(&j, "form", r->v2 ? "v2" : r->objects > 1 ? "multi-part" : "classic");
        cli_json_integer(&j, "files", r->files);
        cli_json_integer(&j, "tombstones", r->tombstones);
        cli_json_integer(&j, "objects_written", r->objects);
        cli_json_integer(&j, "bytes_written", r->size_bytes);
        cli_json_end(&j);
        return;
    }
    if (c->quiet) return;
    fprintf(stdout, "%sCheckpoint of version %" PRId64 ": %s of the table in %s\n",
            cli_flag(c, "dry-run") ? "Dry run: " : "", r->version,
            cli_counted(r->files, "file", "files", files),
            cli_files_and_size(r->objects, r->size_bytes, objects));
}

int cmd_checkpoint(cli *c)
{
    silt_error err = {0};
    silt_checkpoint_result result;
    silt_checkpoint_options opts = SILT_CHECKPOINT_OPTIONS_INIT;
    opts.version = cli_count(c, "version", SILT_LATEST);
    opts.parts = cli_count(c, "parts", 0);
    opts.dry_run = cli_flag(c, "dry-run");
    if (opts.parts == 0 && cli_text(c, "parts"))
        return cli_misuse(c, "--parts 0: a checkpoint has 1 part at least");
    int status = cli_open_store(c);
    if (status != CLI_OK) return status;
    if (silt_checkpoint(c->store, c->engine, &opts, &result, &err) != SILT_OK)
        return cli_fail(c, &err);
    print(c, &result);
    return CLI_OK;
}
