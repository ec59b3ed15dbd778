/* Sources of `write` and `merge`. */
#include "cli/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/take.h"

void cli_source_release(cli_source *r)
{
    silt_scan_free(r->scan);
    silt_snapshot_free(r->snapshot);
    silt_store_free(r->store);
    if (r->spooled) (void)unlink(r->spooled);
    free(r->spooled);
}

/* Standard input has to be read twice: it goes into a file first. */
static int spool(cli *c, cli_source *r)
{
    const char *folder = getenv("TMPDIR");
    char piece[65536];
    size_t got;
    if (asprintf(&r->spooled, "%s/silt-stdin-XXXXXX", folder && *folder ? folder : "/tmp") < 0) {
        r->spooled = NULL;
        return cli_no_memory(c);
    }
    int fd = mkstemp(r->spooled);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = out != NULL;
    while (ok && (got = fread(piece, 1, sizeof(piece), stdin)) > 0)
        ok = fwrite(piece, 1, got, out) == got;
    ok = ok && !ferror(stdin);
    if (out && fclose(out) != 0) ok = false;
    if (ok) return CLI_OK;
    cli_say(c, CLI_ERROR, "standard input can't be kept in %s: %s", r->spooled, strerror(errno));
    return CLI_FAILED;
}

/* A name that is a URL and no file. */
static int refuse_url(const cli *c, const char *name)
{
    const char *scheme = strstr(name, "://");
    if (!scheme || access(name, F_OK) == 0) return CLI_OK;
    if (strncmp(name, "file://", 7) == 0)
        return cli_misuse(c, "%s: write the file's path, without file://", name);
    return cli_misuse(c, "%s: there is no store for \"%.*s\" yet; copy the file to a local path",
                      name, (int)(scheme + 3 - name), name);
}

/* "-" among the files. */
static int take_files(cli *c, const char *const *arguments, size_t count, silt_write_source *s,
                      cli_source *r)
{
    const char **files = silt_arena_calloc(c->arena, count, sizeof(*files));
    if (!files) return cli_no_memory(c);
    for (size_t i = 0; i < count; i++) {
        int status = refuse_url(c, arguments[i]);
        if (status != CLI_OK) return status;
        files[i] = arguments[i];
        if (strcmp(arguments[i], "-") != 0) continue;
        if (r->spooled) return cli_misuse(c, "-: standard input can be read once");
        if (s->format == SILT_SOURCE_BY_NAME)
            return cli_misuse(c,
                              "-: standard input has no name that tells its format; say --format");
        status = spool(c, r);
        if (status != CLI_OK) return status;
        files[i] = r->spooled;
    }
    s->files = files;
    s->file_count = count;
    return CLI_OK;
}

static int open_sql(cli *c, const char *sql, cli_source *r)
{
    silt_error err = {0};
    silt_sql_options opts = SILT_SQL_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.storage_options);
    if (status == CLI_OK) status = cli_open_datasets(c);
    if (status != CLI_OK) return status;
    opts.datasets = c->datasets;
    if (silt_sql_open(c->engine, sql, &opts, &r->scan, &err) != SILT_OK) return cli_fail(c, &err);
    return CLI_OK;
}

/* A table in place of files: `*is_table` false where there is none. */
static int open_source_table(cli *c, const char *path, cli_source *r, bool *is_table)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.pairs);
    *is_table = false;
    if (status != CLI_OK) return status;
    if (silt_store_open(path, &opts, &r->store, &err) != SILT_OK) return CLI_OK;
    silt_status st = silt_snapshot_open(r->store, c->engine, NULL, &r->snapshot, &err);
    if (st == SILT_NOT_FOUND || st == SILT_IO || st == SILT_INVALID) return CLI_OK;
    *is_table = true;
    if (st == SILT_OK) st = silt_scan_open(r->snapshot, NULL, &r->scan, &err);
    return st == SILT_OK ? CLI_OK : cli_fail(c, &err);
}

int cli_source_open(cli *c, silt_write_source *s, cli_source *r)
{
    static const cli_word formats[] = {{"csv", SILT_SOURCE_CSV},
                                       {"ndjson", SILT_SOURCE_NDJSON},
                                       {"json", SILT_SOURCE_NDJSON},
                                       {"parquet", SILT_SOURCE_PARQUET},
                                       {NULL, 0}};
    const char *sql = cli_text(c, "sql");
    size_t first = r->from_the_first ? 0 : 1;
    const char *const *arguments = c->line.arguments + first;
    size_t files = c->line.argument_count - first;
    int format = SILT_SOURCE_BY_NAME;
    bool is_table = false;
    int status = cli_take_word(c, "format", formats, &format);
    if (status != CLI_OK) return status;
    if (sql && files) return cli_misuse(c, "files and --sql: only one says which rows");
    if (!sql && !files) return cli_misuse(c, "no rows to take: name files, a table, or --sql");
    s->format = (silt_source_format)format;
    s->delimiter = cli_text(c, "delimiter");
    s->no_header = cli_flag(c, "no-header");
    s->date_format = cli_text(c, "date-format");
    s->timestamp_format = cli_text(c, "timestamp-format");
    if (sql) {
        status = open_sql(c, sql, r);
    } else if (files == 1 && strcmp(arguments[0], "-") != 0) {
        status = open_source_table(c, arguments[0], r, &is_table);
    }
    if (sql || is_table) {
        static const char *const of_files[] = {"format", "delimiter", "no-header", "date-format",
                                               "timestamp-format"};
        for (size_t i = 0; status == CLI_OK && i < sizeof(of_files) / sizeof(*of_files); i++)
            if (cli_flag(c, of_files[i]))
                return cli_misuse(c, "--%s is for files, and the rows come from %s", of_files[i],
                                  sql ? "a query" : "a table");
        s->scan = r->scan;
        return status;
    }
    if (status == CLI_OK && s->delimiter && !*s->delimiter)
        return cli_misuse(c, "--delimiter: it is empty");
    return take_files(c, arguments, files, s, r);
}
