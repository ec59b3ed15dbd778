/* The source files of a query: what their heads say, and the scalar functions that count their
 * rows.
 *
 *  silt_row(scan, file, null…)  true for every row; counts it, and the nulls where there must be
 * none silt_source(scan, file)      what `_source_file` says
 *
 * Counting rides in the one query that reads and writes: in its WHERE, which DuckDB evaluates once
 * a row. */
#include "engine/duckdb_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "engine/csv_header.h"
#include "engine/text_file.h"

/* Up to so many files, DuckDB sees that one ends within quotes: see csv_quotes.c. */
#define TRUSTED_FILES 2

static const char scan_kind;

/* ---- scalar functions ------------------------------------------------------------------------ */

static const int64_t *longs(duckdb_data_chunk input, idx_t column)
{
    return silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, column));
}

/* The scan of a chunk; its id is the same in every row. */
static silt_duck_sources *sources_of(duckdb_function_info info, duckdb_data_chunk input)
{
    silt_duck_sources *s =
        silt_duck_scan_data(silt_duck_function_engine(info), *longs(input, 0), &scan_kind);
    if (!s) silt_duck.scalar_function_set_error(info, "the scan of this query has ended");
    return s;
}

static void count_nulls(silt_duck_sources *s, duckdb_data_chunk input, const int64_t *files,
                        idx_t from, idx_t to)
{
    for (size_t g = 0; g < s->guarded_count; g++) {
        const bool *is_null =
            silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 2 + g));
        int64_t n = 0;
        for (idx_t i = from; i < to; i++)
            n += is_null[i];
        if (n > 0) atomic_fetch_add(&s->nulls[(size_t)files[from] * s->guarded_count + g], n);
    }
}

static void row(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t rows = silt_duck.data_chunk_get_size(input);
    silt_duck_sources *s = rows > 0 ? sources_of(info, input) : NULL;
    if (!s) return;
    const int64_t *files = longs(input, 1);
    bool *out = silt_duck.vector_get_data(output);
    memset(out, 1, rows);
    /* A chunk is of one file, nearly always: so one atomic addition for 2,048 rows. */
    for (idx_t from = 0, to; from < rows; from = to) {
        for (to = from + 1; to < rows && files[to] == files[from];)
            to++;
        if (files[from] < 0 || (size_t)files[from] >= s->file_count) continue;
        atomic_fetch_add(&s->rows[files[from]], (int64_t)(to - from));
        count_nulls(s, input, files, from, to);
    }
}

/* The names outlive the query, so that its strings may point to them: nothing is copied. */
static void source(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    idx_t rows = silt_duck.data_chunk_get_size(input);
    const silt_duck_sources *s = rows > 0 ? sources_of(info, input) : NULL;
    if (!s) return;
    const int64_t *files = longs(input, 1);
    duckdb_string_t *out = silt_duck.vector_get_data(output);
    for (idx_t from = 0, to; from < rows; from = to) {
        size_t file =
            files[from] >= 0 && (size_t)files[from] < s->file_count ? (size_t)files[from] : 0;
        silt_bytes name = silt_bytes_of(s->files[file]->name);
        duckdb_string_t text = {0};
        text.value.inlined.length = (uint32_t)name.size;
        if (name.size <= sizeof text.value.inlined.inlined) {
            memcpy(text.value.inlined.inlined, name.data, name.size);
        } else {
            memcpy(text.value.pointer.prefix, name.data, sizeof text.value.pointer.prefix);
            text.value.pointer.ptr = (char *)name.data;
        }
        for (to = from; to < rows && files[to] == files[from]; to++)
            out[to] = text;
    }
}

silt_status silt_duck_source_register(silt_duck_engine *db, silt_error *err)
{
    const duckdb_type args[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_INVALID};
    SILT_TRY(
        silt_duck_add_function(db, "silt_source", args, DUCKDB_TYPE_VARCHAR, false, source, err));
    return silt_duck_add_varargs(db, "silt_row", args, DUCKDB_TYPE_BOOLEAN, DUCKDB_TYPE_BOOLEAN,
                                 true, row, err);
}

/* ---- heads of files -------------------------------------------------------------------------- */

silt_status silt_duck_sources_blame(silt_duck_sources *s, size_t index, silt_status status,
                                    const char *why, silt_error *err)
{
    const silt_stage_spec *spec = s->spec;
    if (spec->bad_source) spec->bad_source(spec->bad_source_ctx, index, status, why);
    if (err && err->status == SILT_OK)
        (void)silt_fail(err, status, "%s: %s", s->files[index]->name, why);
    return status;
}

/* A file's own trouble is its verdict, and the others are looked at too; anything else ends the
 * call. */
static silt_status judge(silt_duck_sources *s, size_t index, silt_status st, silt_error *trouble,
                         silt_status *verdict, silt_error *err)
{
    if (st != SILT_BAD_DATA && st != SILT_NOT_FOUND && st != SILT_DENIED && st != SILT_CHANGED) {
        if (err) *err = *trouble;
        return st;
    }
    (void)silt_duck_sources_blame(s, index, st, trouble->message, err);
    if (*verdict == SILT_OK) *verdict = st;
    return SILT_OK;
}

/* That the file is there and whole; of a CSV also the lines before its header, and whether its end
 * is suspect. */
static silt_status look_at(const silt_source_group *group, const silt_source_file *file,
                           silt_arena *scratch, int *skip, bool *suspect, silt_error *err)
{
    const silt_source_options *o = &group->options;
    bool plain = group->format == SILT_FORMAT_PARQUET ||
                 silt_text_compression(o, file->local_path) == SILT_COMPRESSION_NONE;
    if (group->format != SILT_FORMAT_CSV) {
        if (!plain) return silt_text_scan(o, file->local_path, NULL, NULL, err);
        int fd = open(file->local_path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return silt_fail_errno(err, errno, "can't be read");
        close(fd);
        return SILT_OK;
    }
    if (!plain || group->file_count > TRUSTED_FILES)
        SILT_TRY(silt_csv_ends_inside(o, file->local_path, suspect, err));
    silt_csv_header header = {0};
    SILT_TRY(silt_csv_header_read(o, file->local_path, scratch, &header, err));
    *skip = o->no_header || header.count == 0 ? o->skip_lines : header.skip;
    if (header.count > 0 && header.count != group->column_count)
        return silt_fail(err, SILT_BAD_DATA, "the header has %zu columns where %zu are expected",
                         header.count, group->column_count);
    return SILT_OK;
}

static silt_status look_at_all(silt_duck_sources *s, int *skips, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    silt_status verdict = SILT_OK;
    for (size_t i = 0; i < s->file_count; i++) {
        SILT_TRY(silt_duck_check(s->db, err));
        silt_error trouble = {0};
        silt_status st = look_at(&s->spec->groups[s->group_of[i]], s->files[i], scratch, &skips[i],
                                 &s->suspects[i], &trouble);
        if (st != SILT_OK) SILT_TRY(judge(s, i, st, &trouble, &verdict, err));
        silt_arena_reset(scratch);
    }
    return verdict;
}

/* ---- parts ----------------------------------------------------------------------------------- */

/* DuckDB's virtual column with a file's place in the list gives way to a member of that name, and
 * members of NDJSON can't be renamed: then each file is a scan of its own. */
static bool hides_file_index(const silt_source_group *group)
{
    if (group->format != SILT_FORMAT_NDJSON) return false;
    for (size_t i = 0; i < group->column_count; i++)
        if (strcasecmp(group->columns[i].name, "file_index") == 0) return true;
    return false;
}

static bool joins(const silt_duck_sources *s, const silt_duck_part *part, size_t index, int skip)
{
    if (part->group != s->group_of[index] || part->skip != skip) return false;
    return !hides_file_index(&s->spec->groups[part->group]);
}

static silt_status make_parts(silt_duck_sources *s, const int *skips, silt_arena *arena,
                              silt_error *err)
{
    s->parts = silt_arena_calloc(arena, s->file_count + 1, sizeof *s->parts);
    if (!s->parts) return silt_fail_nomem(err);
    for (size_t i = 0; i < s->file_count; i++) {
        silt_duck_part *last = s->part_count ? &s->parts[s->part_count - 1] : NULL;
        if (last && joins(s, last, i, skips[i]))
            last->count++;
        else
            s->parts[s->part_count++] =
                (silt_duck_part){.group = s->group_of[i], .first = i, .count = 1, .skip = skips[i]};
    }
    return SILT_OK;
}

static silt_status number_files(silt_duck_sources *s, silt_arena *arena, silt_error *err)
{
    const silt_stage_spec *spec = s->spec;
    for (size_t g = 0; g < spec->group_count; g++)
        s->file_count += spec->groups[g].file_count;
    for (size_t c = 0; c < spec->column_count; c++)
        s->guarded_count += spec->columns[c].not_null;

    size_t n = s->file_count + 1; /* never an allocation of nothing */
    s->files = silt_arena_calloc(arena, n, sizeof *s->files);
    s->group_of = silt_arena_calloc(arena, n, sizeof *s->group_of);
    s->suspects = silt_arena_calloc(arena, n, sizeof *s->suspects);
    s->rows = silt_arena_calloc(arena, n, sizeof *s->rows);
    s->nulls = silt_arena_calloc(arena, n * (s->guarded_count + 1), sizeof *s->nulls);
    s->guarded = silt_arena_calloc(arena, s->guarded_count + 1, sizeof *s->guarded);
    s->given = silt_arena_calloc(arena, spec->column_count + 1, sizeof *s->given);
    if (!s->files || !s->group_of || !s->suspects || !s->rows || !s->nulls || !s->guarded ||
        !s->given)
        return silt_fail_nomem(err);

    for (size_t g = 0, i = 0; g < spec->group_count; g++) {
        for (size_t f = 0; f < spec->groups[g].file_count; f++, i++) {
            s->files[i] = &spec->groups[g].files[f];
            s->group_of[i] = g;
        }
    }
    for (size_t c = 0, g = 0; c < spec->column_count; c++)
        if (spec->columns[c].not_null) s->guarded[g++] = c;
    return SILT_OK;
}

silt_status silt_duck_sources_init(silt_duck_sources *s, silt_duck_engine *db,
                                   const silt_stage_spec *spec, silt_arena *arena, silt_error *err)
{
    *s = (silt_duck_sources){.db = db, .spec = spec};
    if (err) *err = (silt_error){0}; /* the first verdict goes there */
    SILT_TRY(silt_duck_start(db, err));
    SILT_TRY(number_files(s, arena, err));
    int *skips = silt_arena_calloc(arena, s->file_count + 1, sizeof *skips);
    if (!skips) return silt_fail_nomem(err);
    SILT_TRY(look_at_all(s, skips, err));
    SILT_TRY(make_parts(s, skips, arena, err));
    SILT_TRY(silt_duck_parquet_parts(s, arena, err));
    SILT_TRY(silt_duck_numbers_init(&s->numbers, db, spec->columns, spec->column_count, err));
    s->scan.kind = &scan_kind;
    s->scan.data = s;
    silt_duck_scan_add(db, &s->scan);
    silt_status st = silt_duck_blame_suspects(s, err);
    if (st != SILT_OK) silt_duck_sources_release(s);
    return st;
}

void silt_duck_sources_release(silt_duck_sources *s)
{
    if (s->scan.data) silt_duck_scan_remove(s->db, &s->scan);
    s->scan.data = NULL;
    silt_duck_numbers_release(&s->numbers);
}

silt_status silt_duck_sources_verify(silt_duck_sources *s, silt_error *err)
{
    silt_status verdict = SILT_OK;
    if (err) *err = (silt_error){0};
    for (size_t i = 0; i < s->file_count; i++) {
        for (size_t g = 0; g < s->guarded_count; g++) {
            int64_t nulls = atomic_load(&s->nulls[i * s->guarded_count + g]);
            if (nulls == 0) continue;
            silt_error why = {0};
            verdict = silt_fail(
                &why, SILT_BAD_DATA, "column %s must not be null, but is in %" PRId64 " row%s",
                silt_output_label(&s->spec->columns[s->guarded[g]]), nulls, nulls == 1 ? "" : "s");
            (void)silt_duck_sources_blame(s, i, SILT_BAD_DATA, why.message, err);
            break;
        }
    }
    return verdict;
}
