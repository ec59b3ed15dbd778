/* Files that a command deletes, or would: printed as they come, or kept for a JSON document. */
#ifndef SILT_CLI_DELETED_H
#define SILT_CLI_DELETED_H

#include "cli/cli.h"
#include "cli/json.h"

typedef struct cli_deleted {
    cli *c;
    bool list; /* the files are asked for: --dry-run or --verbose */
    const char **paths;
    size_t count, room;
    bool no_memory;
} cli_deleted;

cli_deleted cli_deleted_start(cli *c);
/* A silt_deleted_fn. */
bool cli_deleted_add(void *deleted, const char *path, int64_t size_bytes);
/* "files": [...], where they were asked for. */
void cli_deleted_json(const cli_deleted *deleted, cli_json *j);

/* How it ended: a JSON document, to which the caller adds its own and "files", and ends it … */
cli_json cli_deleted_document(int64_t count, int64_t size_bytes, bool dry_run);
/* … or a line, `more` at its end (may be ""). */
void cli_deleted_say(const cli_deleted *deleted, int64_t count, int64_t size_bytes, bool dry_run,
                     const char *more);

/* "12 files, 1.3 MB" */
#define CLI_FILES_SIZE 96
const char *cli_files_and_size(int64_t files, int64_t size_bytes, char out[CLI_FILES_SIZE]);

#endif
