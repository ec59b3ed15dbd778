/* Writing: COPY … TO Parquet, and what it says it wrote, checked against what is there.
 *
 * Invariants
 *  (1) On success every file in the result is on disk with the size, the magic and the footer that
 * were reported. (2) On failure nothing of ours is left in the directory. (3) No file without rows
 * is left. */
#include "engine/duckdb_ops.h"
#include "engine/duckdb_stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TARGET_BYTES (INT64_C(128) << 20)
#define SMALL_BYTES  (INT64_C(64) << 20) /* files of which a usual row group is a large part */

/* ---- removing -------------------------------------------------------------------------------- */

void silt_duck_remove_written(const char *directory, const char *prefix)
{
    DIR *dir = opendir(directory);
    if (!dir) return;
    for (struct dirent *e; (e = readdir(dir));) {
        /* While COPY writes, DuckDB puts tmp_ before a single file's name. */
        const char *base = silt_starts_with(e->d_name, "tmp_") ? e->d_name + 4 : e->d_name;
        if (silt_starts_with(base, prefix)) (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
}

/* ---- what RETURN_STATS says ------------------------------------------------------------------ */

/* A MAP column's entries of one row: child vectors and the range in them. */
typedef struct map_entries {
    duckdb_vector keys, values;
    idx_t from, to;
} map_entries;

static map_entries entries_of(duckdb_vector map, idx_t row)
{
    if (!silt_duck_valid(silt_duck.vector_get_validity(map), row)) return (map_entries){0};
    const duckdb_list_entry *lists = silt_duck.vector_get_data(map);
    duckdb_vector pairs = silt_duck.list_vector_get_child(map);
    return (map_entries){silt_duck.struct_vector_get_child(pairs, 0),
                         silt_duck.struct_vector_get_child(pairs, 1), lists[row].offset,
                         lists[row].offset + lists[row].length};
}

static silt_bytes text_at(duckdb_vector vector, idx_t row)
{
    if (!silt_duck_valid(silt_duck.vector_get_validity(vector), row)) return (silt_bytes){0};
    return silt_duck_bytes(silt_duck.vector_get_data(vector), row);
}

/* `"a"."b ""c"""` → {a, b "c"} */
static bool parse_path(silt_bytes key, silt_arena *arena, silt_leaf_stats *out)
{
    size_t parts = 1;
    char *text = silt_arena_alloc(arena, key.size + 1), *to = text;
    const char **path = silt_arena_calloc(arena, key.size + 1, sizeof *path);
    if (!text || !path) return false;
    path[0] = text;
    bool quoted = false;
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        if (c == '"' && quoted && i + 1 < key.size && key.data[i + 1] == '"') {
            *to++ = '"';
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == '.' && !quoted) {
            *to++ = '\0';
            path[parts++] = to;
        } else {
            *to++ = c;
        }
    }
    *to = '\0';
    out->path = path;
    out->path_count = parts;
    return true;
}

static bool read_leaf(silt_bytes key, map_entries e, silt_arena *arena, silt_leaf_stats *out)
{
    if (!parse_path(key, arena, out)) return false;
    out->null_count = -1;
    for (idx_t i = e.from; i < e.to; i++) {
        silt_bytes name = text_at(e.keys, i), value = text_at(e.values, i);
        /* Cut at a NUL a bound would lie. */
        bool whole = value.data && !memchr(value.data, 0, value.size);
        char *text = whole ? silt_arena_strndup(arena, value.data, value.size) : NULL;
        if (whole && !text) return false;
        if (silt_bytes_equal(name, SILT_STR("min"))) out->min = text;
        if (silt_bytes_equal(name, SILT_STR("max"))) out->max = text;
        if (silt_bytes_equal(name, SILT_STR("has_nan"))) out->has_nan = silt_streq(text, "true");
        if (silt_bytes_equal(name, SILT_STR("null_count")) && text)
            (void)silt_parse_int64(text, &out->null_count);
    }
    return true;
}

static bool read_stats(map_entries e, silt_arena *arena, silt_staged_file *file)
{
    silt_leaf_stats *stats = silt_arena_calloc(arena, e.to - e.from + 1, sizeof *stats);
    if (!stats) return false;
    for (idx_t i = e.from; i < e.to; i++)
        if (!read_leaf(text_at(e.keys, i), entries_of(e.values, i), arena, &stats[i - e.from]))
            return false;
    file->stats = stats;
    file->stats_count = e.to - e.from;
    return true;
}

static silt_status read_partition(map_entries e, const silt_output_column *columns,
                                  const silt_write_spec *write, silt_arena *arena,
                                  silt_staged_file *file, silt_error *err)
{
    const char **values = silt_arena_calloc(arena, write->partition_count + 1, sizeof *values);
    if (!values) return silt_fail_nomem(err);
    for (size_t p = 0; p < write->partition_count; p++) {
        silt_bytes name = silt_bytes_of(columns[write->partition_by[p]].name);
        for (idx_t i = e.from; i < e.to; i++) {
            silt_bytes value = text_at(e.values, i);
            if (!silt_bytes_equal(text_at(e.keys, i), name) || value.size == 0) continue;
            if (memchr(value.data, 0, value.size))
                return silt_fail(err, SILT_BAD_DATA,
                                 "column %s: '%.60s' is followed by a NUL, which can't stand in "
                                 "what a table is partitioned by",
                                 silt_output_label(&columns[write->partition_by[p]]), value.data);
            values[p] = silt_arena_strndup(arena, value.data, value.size);
            if (!values[p]) return silt_fail_nomem(err);
        }
    }
    file->partition_values = values;
    return SILT_OK;
}

/* ---- what is on disk ------------------------------------------------------------------------- */

static silt_status check_footer(const char *path, int64_t size_bytes, int64_t footer_bytes,
                                silt_error *err)
{
    unsigned char tail[8];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return silt_fail_errno(err, errno, "%s", path);
    bool readable = fstat(fd, &st) == 0 && st.st_size >= 12 &&
                    pread(fd, tail, sizeof tail, st.st_size - 8) == (ssize_t)sizeof tail;
    close(fd);
    if (!readable || memcmp(tail + 4, "PAR1", 4) != 0)
        return silt_fail(err, SILT_CORRUPT,
                         "%s: what was written doesn't end as a Parquet file does", path);
    int64_t footer =
        (int64_t)tail[0] | (int64_t)tail[1] << 8 | (int64_t)tail[2] << 16 | (int64_t)tail[3] << 24;
    if (st.st_size != size_bytes || footer != footer_bytes)
        return silt_fail(err, SILT_CORRUPT,
                         "%s: %" PRId64 " bytes were written, but there are %" PRId64, path,
                         size_bytes, (int64_t)st.st_size);
    return SILT_OK;
}

/* Files of partitions are written under random names, and get their numbers here. */
static silt_status give_name(const silt_write_spec *write, size_t number, silt_arena *arena,
                             silt_staged_file *file, silt_error *err)
{
    if (write->partition_count == 0) return SILT_OK;
    const char *slash = strrchr(file->local_path, '/');
    int folder = slash ? (int)(slash + 1 - file->local_path) : 0;
    const char *path = silt_arena_printf(arena, "%.*s%s%zu.parquet", folder, file->local_path,
                                         write->file_prefix, number);
    if (!path) return silt_fail_nomem(err);
    if (rename(file->local_path, path) != 0)
        return silt_fail_errno(err, errno, "%s", file->local_path);
    file->local_path = path;
    return SILT_OK;
}

static silt_status read_row(duckdb_data_chunk chunk, idx_t row, const silt_output_column *columns,
                            const silt_write_spec *write, silt_arena *arena, silt_staged_file *file,
                            silt_error *err)
{
    duckdb_vector v[6];
    for (idx_t i = 0; i < SILT_COUNT(v); i++)
        v[i] = silt_duck.data_chunk_get_vector(chunk, i);
    silt_bytes path = text_at(v[0], row);
    file->local_path = silt_arena_strndup(arena, path.data, path.size);
    if (!file->local_path) return silt_fail_nomem(err);
    file->row_count = (int64_t)((uint64_t *)silt_duck.vector_get_data(v[1]))[row];
    file->size_bytes = (int64_t)((uint64_t *)silt_duck.vector_get_data(v[2]))[row];
    int64_t footer_bytes = (int64_t)((uint64_t *)silt_duck.vector_get_data(v[3]))[row];
    SILT_TRY(check_footer(file->local_path, file->size_bytes, footer_bytes, err));
    if (!read_stats(entries_of(v[4], row), arena, file)) return silt_fail_nomem(err);
    return read_partition(entries_of(v[5], row), columns, write, arena, file, err);
}

silt_status silt_duck_copy_result(silt_duck_engine *db, duckdb_result *result,
                                  const silt_output_column *columns, const silt_write_spec *write,
                                  silt_arena *arena, silt_stage_result *out, silt_error *err)
{
    (void)db;
    SILT_VEC(silt_staged_file) files = {0};
    silt_stage_result found = {.source_rows = out->source_rows,
                               .violations = out->violations,
                               .violation_count = out->violation_count};
    silt_status st = SILT_OK;
    while (st == SILT_OK) {
        SILT_CLEAN(silt_duck_chunk) chunk = silt_duck.fetch_chunk(*result);
        if (!chunk) break;
        idx_t rows = silt_duck.data_chunk_get_size(chunk);
        for (idx_t i = 0; i < rows && st == SILT_OK; i++) {
            silt_staged_file file = {0};
            st = read_row(chunk, i, columns, write, arena, &file, err);
            if (st == SILT_OK && file.row_count == 0) {
                (void)unlink(file.local_path);
                continue;
            }
            if (st == SILT_OK) st = give_name(write, files.count, arena, &file, err);
            found.row_count += file.row_count;
            if (st == SILT_OK && !silt_vec_push(&files, file)) st = silt_fail_nomem(err);
        }
    }
    silt_staged_file *kept = silt_arena_calloc(arena, files.count + 1, sizeof *kept);
    if (st == SILT_OK && !kept) st = silt_fail_nomem(err);
    if (st == SILT_OK) {
        if (files.count) memcpy(kept, files.items, files.count * sizeof *kept);
        found.files = kept;
        found.file_count = files.count;
        *out = found;
    }
    silt_vec_free(&files);
    return st;
}

/* ---- COPY ------------------------------------------------------------------------------------ */

/* '' in a partition column means null to Delta: one folder for both, not two. */
static void put_rows(silt_buf *sql, const silt_buf *select, const silt_output_column *columns,
                     const silt_write_spec *write)
{
    bool some = false;
    for (size_t p = 0; p < write->partition_count; p++) {
        const silt_output_column *column = &columns[write->partition_by[p]];
        if (column->type->kind != SILT_TYPE_STRING) continue;
        silt_buf_puts(sql, some ? ", nullif(" : "SELECT * REPLACE (nullif(");
        some = true;
        silt_sql_name(sql, column->name);
        silt_buf_puts(sql, ", '') AS ");
        silt_sql_name(sql, column->name);
    }
    if (some) silt_buf_puts(sql, ") FROM (");
    silt_buf_append(sql, select->data, select->size);
    if (some) silt_buf_putc(sql, ')');
}

/* The rows with their fields named as in the files; often there is nothing to do. */
static silt_status put_named(silt_buf *sql, const silt_buf *rows, const silt_output_column *columns,
                             size_t column_count, silt_arena *arena, silt_error *err)
{
    bool same = true;
    for (size_t c = 0; c < column_count; c++)
        same &= silt_duck_physical_is_same(&columns[c]);
    if (same) {
        silt_buf_append(sql, rows->data, rows->size);
        return SILT_OK;
    }
    for (size_t c = 0; c < column_count; c++) {
        SILT_CLEAN(silt_buf) value = {0};
        silt_buf_puts(&value, "t.");
        silt_sql_name(&value, columns[c].name);
        if (value.failed) return silt_fail_nomem(err);
        silt_buf_puts(sql, c ? ", " : "SELECT ");
        SILT_TRY(silt_duck_physical_sql(&columns[c], value.data, arena, sql, err));
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, columns[c].name);
    }
    silt_buf_printf(sql, " FROM (%s) t", rows->data);
    return SILT_OK;
}

/* DuckDB looks at a file's size after each row group, so files end up to one later: for small files
 * row groups are small too, by what they take in memory, which is more than in the file. None of it
 * is to be had with PARTITION_BY, nor the latter while the order of rows is kept. */
static void put_sizes(silt_buf *sql, const silt_duck_engine *db, const silt_write_spec *write)
{
    int64_t target = write->target_file_bytes > 0 ? write->target_file_bytes : TARGET_BYTES;
    if (write->row_group_rows > 0)
        silt_buf_printf(sql, ", ROW_GROUP_SIZE %" PRId64, write->row_group_rows);
    if (write->partition_count || silt_duck_order_in_one(write)) return;
    silt_buf_printf(sql, ", FILE_SIZE_BYTES %" PRId64, target);
    if (target < SMALL_BYTES && write->row_group_rows <= 0 && !db->keeps_order)
        silt_buf_printf(sql, ", ROW_GROUP_SIZE_BYTES %" PRId64, target / 4 + 1);
}

/* Where to, and what the files are called. */
static void put_names(silt_buf *sql, const silt_write_spec *write)
{
    SILT_CLEAN(silt_buf) name = {0};
    if (silt_duck_order_in_one(write)) {
        silt_buf_printf(&name, "%s/%s0.parquet", write->directory, write->file_prefix);
        silt_sql_text(sql, name.data);
        silt_buf_puts(sql, " (USE_TMP_FILE false");
    } else {
        silt_buf_printf(&name, "%s%s", write->file_prefix,
                        write->partition_count ? "w{uuid}" : "{i}");
        silt_sql_text(sql, write->directory);
        silt_buf_puts(sql, " (OVERWRITE_OR_IGNORE true, FILENAME_PATTERN ");
        silt_sql_text(sql, name.data);
    }
    if (name.failed) sql->failed = true;
}

static silt_status put_copy(silt_buf *sql, const silt_duck_checks *checks, const silt_buf *rows,
                            const silt_write_spec *write, silt_arena *arena, silt_error *err)
{
    const silt_output_column *columns = checks->columns;
    silt_buf_puts(sql, "COPY (");
    SILT_TRY(put_named(sql, rows, columns, checks->column_count, arena, err));
    silt_buf_puts(sql, ") TO ");
    put_names(sql, write);
    silt_buf_puts(sql, ", FORMAT parquet, RETURN_STATS true, COMPRESSION ");
    silt_sql_text(sql, write->compression ? write->compression : "snappy");
    put_sizes(sql, checks->db, write);
    silt_duck_field_ids_sql(columns, checks->column_count, write, sql);
    if (write->partition_count) {
        /* No folders of values, whose names no file system would take where the values are long. */
        silt_buf_printf(sql,
                        ", HIVE_FILE_PATTERN false, WRITE_PARTITION_COLUMNS %s, PARTITION_BY (",
                        write->partitions_in_files ? "true" : "false");
        for (size_t p = 0; p < write->partition_count; p++) {
            if (p) silt_buf_puts(sql, ", ");
            silt_sql_name(sql, columns[write->partition_by[p]].name);
        }
        silt_buf_putc(sql, ')');
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

static silt_status copy_rows(const silt_duck_checks *checks, const silt_buf *select, bool once,
                             const silt_write_spec *write, silt_arena *arena,
                             silt_stage_result *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) rows = {0};
    SILT_CLEAN(silt_buf) checked = {0};
    SILT_CLEAN(silt_buf) ordered = {0};
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_CLEAN(silt_duck_order) order = {0};
    SILT_CLEAN(silt_duck_result) result = {0};
    put_rows(&rows, select, checks->columns, write);
    if (rows.failed) return silt_fail_nomem(err);
    SILT_TRY(silt_duck_order_init(&order, checks->db, checks->columns, write, once, &rows, err));
    SILT_TRY(silt_duck_checks_sql(checks, &rows, &checked, err));
    if (checked.failed) return silt_fail_nomem(err);
    silt_duck_order_sql(&order, &checked, &ordered);
    if (ordered.failed) return silt_fail_nomem(err);
    SILT_TRY(put_copy(&sql, checks, &ordered, write, arena, err));
    SILT_TRY(silt_duck_query_long(checks->db, &sql, &result, err));
    SILT_TRY(silt_duck_checks_verify(checks, out, err));
    return silt_duck_copy_result(checks->db, &result, checks->columns, write, arena, out, err);
}

silt_status silt_duck_copy_checked(const silt_duck_checks *checks, const silt_buf *select,
                                   bool once, const silt_write_spec *write, silt_arena *arena,
                                   silt_stage_result *out, silt_error *err)
{
    if (select->failed) return silt_fail_nomem(err);
    silt_status st = copy_rows(checks, select, once, write, arena, out, err);
    if (st != SILT_OK) silt_duck_remove_written(write->directory, write->file_prefix);
    return st;
}

silt_status silt_duck_copy(silt_duck_engine *db, const silt_buf *select,
                           const silt_output_column *columns, size_t column_count,
                           const silt_write_spec *write, silt_arena *arena, silt_stage_result *out,
                           silt_error *err)
{
    SILT_CLEAN(silt_duck_checks) checks = {0};
    SILT_TRY(silt_duck_checks_init(&checks, db, columns, column_count, NULL, write, arena, err));
    return silt_duck_copy_checked(&checks, select, false, write, arena, out, err);
}
