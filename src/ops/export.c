/* Export: a snapshot's rows as files of their own, whole or not at all.
 *
 * All is written in a folder beside the destination, and comes to its name in one step: a rename,
 * or the commit of a table. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/seam.h"
#include "ops/once.h"
#include "silt/clone.h"
#include "silt/scan.h"
#include "store/local.h"
#include "table/data.h"
#include "table/rows.h"
#include "table/shape.h"
#include "table/txn.h"

typedef struct exporting {
    silt_snapshot *snapshot;
    const silt_export_options *opts;
    silt_commit_options once;
    const char *parent, *name; /* of the destination */
    silt_arena *arena;
    silt_store *place;   /* of the parent */
    silt_store *folder;  /* of what becomes a folder */
    const char *scratch; /* in the parent */
    silt_scan *scan;
    const silt_type *schema; /* of the rows */
    silt_export_result result;
    silt_error *err;
} exporting;

static void exporting_release(exporting *e)
{
    silt_scan_free(e->scan);
    if (e->scratch) silt_scratch_remove(e->scratch);
    silt_store_free(e->folder);
    silt_store_free(e->place);
    silt_arena_free(e->arena);
}

/* ---- where to */

/* "a/b" → "a" and "b"; "a/b/" → "a", "b" and a folder. */
static silt_status split_path(exporting *e, const char *path, bool *folder)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    *folder = path[size] == '/';
    char *whole = silt_arena_strndup(e->arena, path, size);
    if (!whole) return silt_fail_nomem(e->err);
    char *slash = strrchr(whole, '/');
    e->name = slash ? slash + 1 : whole;
    e->parent = !slash ? "." : slash == whole ? "/" : whole;
    if (slash) *slash = '\0';
    if (!*e->name || strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0)
        return silt_fail(e->err, SILT_INVALID, "\"%s\" isn't the name of a file or folder", path);
    return SILT_OK;
}

/* A folder with nothing in it gives way. */
static bool take_empty(const exporting *e, const char *path)
{
    if (!e->opts->dry_run) return rmdir(path) == 0;
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) break;
    bool empty = dir && !entry;
    if (dir) (void)closedir(dir);
    return empty;
}

/* All is written here: beside the destination. */
static silt_status make_scratch(exporting *e)
{
    char id[SILT_UUID_SIZE];
    silt_uuid(&silt_random_system, id);
    const char *scratch =
        silt_arena_printf(e->arena, "%s/" SILT_STORE_TEMP_PREFIX "%s", e->parent, id);
    if (!scratch) return silt_fail_nomem(e->err);
    int failed = e->opts->dry_run ? access(e->parent, W_OK | X_OK) : mkdir(scratch, 0777);
    if (failed) return silt_fail_errno(e->err, errno, "can't write in the folder %s", e->parent);
    if (e->opts->dry_run) return silt_scratch_temporary("dry-run", e->arena, &e->scratch, e->err);
    e->scratch = scratch;
    return SILT_OK;
}

static silt_status check_free(exporting *e, const char *path, bool folder)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        if (errno == ENOENT) return SILT_OK;
        return silt_fail_errno(e->err, errno, "%s", path);
    }
    if (folder && S_ISDIR(s.st_mode) && take_empty(e, path)) return SILT_OK;
    if (!folder && S_ISREG(s.st_mode) && e->opts->overwrite) return SILT_OK;
    silt_fail(e->err, SILT_EXISTS, "%s is there already", path);
    if (folder || S_ISDIR(s.st_mode)) return SILT_EXISTS;
    return silt_hint(e->err, SILT_EXISTS, "--overwrite replaces a file");
}

static silt_status open_place(exporting *e, const char *path)
{
    bool folder;
    SILT_TRY(split_path(e, path, &folder));
    silt_export_format format = e->opts->format;
    if (folder && format != SILT_EXPORT_PARQUET && format != SILT_EXPORT_DELTA)
        return silt_fail(e->err, SILT_INVALID,
                         "\"%s\" is a folder's name: only Parquet files come several at once",
                         path);
    folder |= format == SILT_EXPORT_DELTA;
    const char *plain = silt_arena_printf(e->arena, "%s/%s", e->parent, e->name);
    if (!plain) return silt_fail_nomem(e->err);
    SILT_TRY(check_free(e, plain, folder));
    SILT_TRY(silt_store_open(e->parent, NULL, &e->place, e->err));
    SILT_TRY(make_scratch(e));
    if (!folder) return SILT_OK;
    const char *inner = silt_arena_printf(e->arena, "%s/whole", e->scratch);
    if (!inner) return silt_fail_nomem(e->err);
    return silt_store_open(inner, NULL, &e->folder, e->err);
}

/* ---- how many rows there should be */

typedef struct tally {
    int64_t rows; /* -1: not known */
} tally;

static bool add_rows(void *ctx, const silt_file *file)
{
    tally *t = ctx;
    t->rows = file->row_count < 0 ? -1 : t->rows + file->row_count;
    return t->rows >= 0;
}

static silt_status check_rows(exporting *e)
{
    tally t = {0};
    silt_files_options opts = SILT_FILES_OPTIONS_INIT;
    opts.no_stats = true;
    if (e->opts->where) return SILT_OK;
    SILT_TRY(silt_snapshot_files(e->snapshot, &opts, add_rows, &t, e->err));
    if (t.rows < 0 || t.rows == e->result.rows) return SILT_OK;
    silt_fail(e->err, SILT_FAILED,
              "conservation: %" PRId64 " rows were written, the table has %" PRId64
              " by its statistics",
              e->result.rows, t.rows);
    return silt_hint(e->err, SILT_FAILED, "`silt doctor` says whether these lie");
}

/* ---- a file */

static silt_status write_file(exporting *e)
{
    static const silt_file_format formats[] = {[SILT_EXPORT_PARQUET] = SILT_FILE_PARQUET,
                                               [SILT_EXPORT_CSV] = SILT_FILE_CSV,
                                               [SILT_EXPORT_JSON] = SILT_FILE_JSON,
                                               [SILT_EXPORT_ARROW] = SILT_FILE_ARROW};
    silt_file_format format = formats[e->opts->format];
    if (format == SILT_FILE_CSV && e->opts->no_header) format = SILT_FILE_CSV_NO_HEADER;
    const char *path = silt_arena_printf(e->arena, "%s/whole", e->scratch);
    struct stat s;
    if (!path) return silt_fail_nomem(e->err);
    SILT_TRY(silt_scan_to_file(e->scan, format, path, &e->result.rows, e->err));
    SILT_TRY(check_rows(e));
    if (stat(path, &s) != 0) return silt_fail_errno(e->err, errno, "%s", path);
    e->result.files = 1;
    e->result.bytes = s.st_size;
    if (e->opts->dry_run) return SILT_OK;
    return e->place->ops->put_file(e->place, e->name, path, e->err);
}

/* ---- a folder */

/* The columns as a plain table has them: names and types. */
static silt_status plain_schema(exporting *e, const silt_type **out)
{
    const silt_type *rows = e->schema;
    silt_type *plain = silt_arena_calloc(e->arena, 1, sizeof(*plain));
    silt_field *fields = silt_arena_calloc(e->arena, rows->field_count, sizeof(*fields));
    if (!plain || !fields) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < rows->field_count; i++)
        fields[i] = (silt_field){rows->fields[i].name, rows->fields[i].type, true, "{}"};
    *plain = *rows;
    plain->fields = fields;
    *out = plain;
    return SILT_OK;
}

/* The table's partition columns, if all of them are among the columns, and others beside them. */
static silt_names partition_columns(const exporting *e)
{
    silt_names by = silt_snapshot_state(e->snapshot)->metadata.partition_columns;
    for (size_t i = 0; i < by.count; i++)
        if (silt_type_find(e->schema, by.items[i]) < 0) return (silt_names){0};
    return by.count < e->schema->field_count ? by : (silt_names){0};
}

static silt_status stage(exporting *e, silt_names by, silt_stage_result *staged)
{
    size_t count = e->schema->field_count;
    silt_output_column *columns = silt_arena_calloc(e->arena, count, sizeof(*columns));
    size_t *partitions = silt_arena_calloc(e->arena, by.count + 1, sizeof(*partitions));
    const char *directory = silt_arena_printf(e->arena, "%s/staged", e->scratch);
    if (!columns || !partitions || !directory) return silt_fail_nomem(e->err);
    if (mkdir(directory, 0777) != 0) return silt_fail_errno(e->err, errno, "%s", directory);
    for (size_t i = 0; i < count; i++)
        columns[i] = (silt_output_column){.name = e->schema->fields[i].name,
                                          .type = e->schema->fields[i].type,
                                          .source = e->schema->fields[i].name};
    for (size_t i = 0; i < by.count; i++)
        partitions[i] = (size_t)silt_type_find(e->schema, by.items[i]);
    const silt_rewrite_spec spec = {.rows = &e->scan->rows,
                                    .columns = columns,
                                    .column_count = count,
                                    .write = {.directory = directory,
                                              .file_prefix = "part-",
                                              .partition_by = partitions,
                                              .partition_count = by.count,
                                              .target_file_bytes = e->opts->file_bytes}};
    silt_engine *engine = silt_snapshot_engine(e->snapshot);
    SILT_TRY(engine->ops->rewrite(engine, &spec, e->arena, staged, e->err));
    e->result.rows = staged->row_count;
    e->result.files = (int64_t)staged->file_count;
    for (size_t i = 0; i < staged->file_count; i++)
        e->result.bytes += staged->files[i].size_bytes;
    return check_rows(e);
}

/* Parquet needs a file to say which columns there are. */
static silt_status put_empty(exporting *e)
{
    const char *path = silt_arena_printf(e->arena, "%s/empty.parquet", e->scratch);
    if (!path) return silt_fail_nomem(e->err);
    SILT_TRY(silt_scan_to_file(e->scan, SILT_FILE_PARQUET, path, NULL, e->err));
    e->result.files = 1;
    return e->folder->ops->put_file(e->folder, "part-0.parquet", path, e->err);
}

static const char *parameters(silt_names by, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) list = {0}, buf = {0};
    silt_json_writer l = silt_json_writer_of(&list), json = silt_json_writer_of(&buf);
    silt_names_write(by, &l);
    if (list.failed) return NULL;
    silt_json_begin_object(&json);
    silt_json_member_string(&json, "isManaged", "false");
    silt_json_member_string(&json, "partitionBy", list.data);
    silt_json_member_string(&json, "properties", "{}");
    silt_json_end_object(&json);
    return silt_buf_copy(&buf, arena);
}

static silt_status commit_table(exporting *e, silt_shape *shape, const silt_add *adds, size_t count)
{
    SILT_AUTO(silt_txn) txn = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    opts.operation = "CREATE TABLE AS SELECT";
    opts.operation_parameters = parameters(shape->metadata.partition_columns, e->arena);
    opts.read = SILT_READ_NOTHING;
    if (!opts.operation_parameters) return silt_fail_nomem(e->err);
    SILT_TRY(silt_commit_tell(&e->once, e->arena, &opts, e->err));
    SILT_TRY(silt_txn_new_table(e->folder, silt_snapshot_engine(e->snapshot), &opts, &txn, e->err));
    SILT_TRY(silt_shape_apply(shape, txn, e->err));
    for (size_t i = 0; i < count; i++)
        SILT_TRY(silt_txn_add(txn, &adds[i], e->err));
    SILT_TRY(silt_txn_commit(txn, &result, NULL, e->err));
    if (result.outcome != SILT_TXN_COMMITTED)
        return silt_fail(e->err, SILT_CONFLICT, "%s", result.conflict);
    e->result.committed_version = e->result.table_version = result.version;
    return SILT_OK;
}

/* The folder gets its name, for good. */
static silt_status give_name(exporting *e)
{
    const char *whole = silt_store_local_path(e->folder, "", e->arena);
    const char *target = silt_arena_printf(e->arena, "%s/%s", e->parent, e->name);
    if (!whole || !target) return silt_fail_nomem(e->err);
    if (rename(whole, target) != 0) {
        if (errno == ENOTEMPTY || errno == EEXIST)
            return silt_fail(e->err, SILT_EXISTS, "%s has come in between", target);
        return silt_fail_errno(e->err, errno, "rename to %s", target);
    }
    SILT_CLEAN(silt_fd) fd = open(e->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) return silt_fail_errno(e->err, errno, "sync %s", e->parent);
    return SILT_OK;
}

static silt_status write_folder(exporting *e)
{
    silt_stage_result staged = {0};
    silt_shape shape;
    const silt_type *schema = NULL;
    silt_add *adds;
    silt_names by = partition_columns(e);
    int64_t now_ms = silt_now_ms(&silt_clock_system);
    SILT_TRY(plain_schema(e, &schema));
    SILT_TRY(silt_shape_new(schema, by, now_ms, NULL, e->arena, &shape, e->err));
    SILT_TRY(stage(e, by, &staged));
    SILT_TRY(silt_staged_publish(e->folder, staged.files, staged.file_count, &shape.metadata,
                                 shape.schema, now_ms, e->arena, &adds, e->err));
    if (e->opts->format == SILT_EXPORT_DELTA)
        SILT_TRY(commit_table(e, &shape, adds, staged.file_count));
    else if (!staged.file_count)
        SILT_TRY(put_empty(e));
    if (!e->opts->dry_run) return give_name(e);
    e->result.committed_version = e->result.table_version = -1;
    return SILT_OK;
}

/* ---- the call */

/* Whether its number stands in the table that is there already. */
static silt_status look_for_number(exporting *e, const char *path, bool *done)
{
    SILT_AUTO(silt_store) store = NULL;
    SILT_AUTO(silt_snapshot) there = NULL;
    silt_once once = SILT_ONCE_OPEN;
    struct stat s;
    *done = false;
    if (!e->once.app_id || stat(path, &s) != 0) return SILT_OK;
    SILT_TRY(silt_store_open(path, NULL, &store, e->err));
    silt_status st =
        silt_snapshot_open(store, silt_snapshot_engine(e->snapshot), NULL, &there, e->err);
    if (st == SILT_NOT_FOUND) return SILT_OK; /* no table: that it is in the way is told later */
    SILT_TRY(st);
    SILT_TRY(silt_commit_once(&e->once, there, &once, &e->result.committed_version, e->err));
    *done = once != SILT_ONCE_OPEN;
    if (!*done) return SILT_OK;
    e->result.outcome = once == SILT_ONCE_DONE ? SILT_EXPORT_ALREADY_DONE : SILT_EXPORT_OVERTAKEN;
    e->result.table_version = silt_snapshot_version(there);
    return SILT_OK;
}

static silt_status export(exporting *e, const char *path)
{
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    opts.columns = e->opts->columns;
    opts.column_count = e->opts->column_count;
    opts.where = e->opts->where;
    e->arena = silt_arena_new();
    if (!e->arena) return silt_fail_nomem(e->err);
    bool done;
    if (e->opts->commit && e->opts->format != SILT_EXPORT_DELTA)
        return silt_fail(e->err, SILT_INVALID, "commit options are for exports as a table");
    SILT_TRY(silt_commit_take(e->opts->commit, &e->once, e->err));
    SILT_TRY(look_for_number(e, path, &done));
    if (done) return SILT_OK;
    SILT_TRY(silt_scan_open(e->snapshot, &opts, &e->scan, e->err));
    SILT_TRY(silt_scan_schema(e->scan, &e->schema, e->err));
    SILT_TRY(open_place(e, path));
    return e->folder ? write_folder(e) : write_file(e);
}

silt_status silt_export(silt_snapshot *snapshot, const char *path, const silt_export_options *opts,
                        silt_export_result *out, silt_error *err)
{
    const silt_export_options fallback = SILT_EXPORT_OPTIONS_INIT;
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_export_options: struct_size is not set");
    __attribute__((cleanup(exporting_release)))
    exporting e = {.snapshot = snapshot,
                   .opts = opts,
                   .result = {.committed_version = -1, .table_version = -1},
                   .err = err};
    silt_status st = export(&e, path);
    if (st != SILT_OK) return silt_wrap(err, st, "export");
    *out = e.result;
    return SILT_OK;
}
