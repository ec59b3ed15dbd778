/* Lists of deleted files. */
#include "cli/deleted.h"

#include <string.h>

#include "cli/message.h"
#include "cli/words.h"

cli_deleted cli_deleted_start(cli *c)
{
    return (cli_deleted){.c = c, .list = cli_flag(c, "dry-run") || c->verbose};
}

static bool keep(cli_deleted *d, const char *path)
{
    if (d->count == d->room) {
        size_t room = d->room ? d->room * 2 : 64;
        const char **paths = silt_arena_calloc(d->c->arena, room, sizeof(*paths));
        if (!paths) return false;
        if (d->count) memcpy(paths, d->paths, d->count * sizeof(*paths));
        d->paths = paths;
        d->room = room;
    }
    d->paths[d->count] = silt_arena_strdup(d->c->arena, path);
    return d->paths[d->count++] != NULL;
}

bool cli_deleted_add(void *deleted, const char *path, int64_t size_bytes)
{
    cli_deleted *d = deleted;
    (void)size_bytes;
    if (!d->list || d->no_memory) return !d->no_memory;
    if (d->c->json) {
        d->no_memory = !keep(d, path);
        return !d->no_memory;
    }
    cli_put(stdout, &d->c->out, path);
    fputc('\n', stdout);
    return !ferror(stdout);
}

void cli_deleted_json(const cli_deleted *d, cli_json *j)
{
    if (!d->list) return;
    cli_json_array(j, "files");
    for (size_t i = 0; i < d->count; i++)
        cli_json_string(j, NULL, d->paths[i]);
    cli_json_end(j);
}

const char *cli_files_and_size(int64_t files, int64_t size_bytes, char out[CLI_FILES_SIZE])
{
    char counted[CLI_COUNTED_SIZE], size[CLI_NUMBER_SIZE];
    cli_format_size(size_bytes, size);
    (void)snprintf(out, CLI_FILES_SIZE, "%s, %s", cli_counted(files, "file", "files", counted),
                   size);
    return out;
}

cli_json cli_deleted_document(int64_t count, int64_t size_bytes, bool dry_run)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "dry_run", dry_run);
    cli_json_integer(&j, "files_deleted", count);
    cli_json_integer(&j, "bytes_deleted", size_bytes);
    return j;
}

void cli_deleted_say(const cli_deleted *d, int64_t count, int64_t size_bytes, bool dry_run,
                     const char *more)
{
    char what[CLI_FILES_SIZE];
    cli_files_and_size(count, size_bytes, what);
    if (dry_run)
        cli_say(d->c, CLI_INFO, "%s would be deleted%s", what, more);
    else if (!d->c->quiet)
        fprintf(stdout, "Deleted %s%s\n", what, more);
}
