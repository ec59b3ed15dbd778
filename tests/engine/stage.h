/* For tests that stage: sources and columns written down as text. */
#ifndef SILT_TEST_STAGE_H
#define SILT_TEST_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "engine/duckdb_ops.h"
#include "engine/duck.h"

#define STAGE_VERDICTS 64

/* One stage call in the making: a folder with in/ and out/, an engine, and what came of it. */
typedef struct staging {
    char *dir, *in, *out;
    silt_engine *engine;
    silt_arena *arena;
    silt_source_options options;
    silt_format format;
    silt_source_group groups[8];
    silt_stage_spec spec;
    silt_stage_result result;
    silt_error err;
    size_t verdict_count;
    struct {
        size_t index;
        silt_status status;
        char why[400];
    } verdicts[STAGE_VERDICTS];
} staging;

static inline void staging_verdict(void *ctx, size_t index, silt_status status, const char *why)
{
    staging *s = ctx;
    if (s->verdict_count == STAGE_VERDICTS) return;
    s->verdicts[s->verdict_count].index = index;
    s->verdicts[s->verdict_count].status = status;
    snprintf(s->verdicts[s->verdict_count].why, sizeof s->verdicts[0].why, "%s", why);
    s->verdict_count++;
}

static inline void staging_init(staging *s, silt_format format)
{
    *s = (staging){.format = format};
    s->dir = test_dir_new();
    s->in = test_path(s->dir, "in");
    s->out = test_path(s->dir, "out");
    assert_int_equal(mkdir(s->in, 0777), 0);
    assert_int_equal(mkdir(s->out, 0777), 0);
    s->engine = duck_new();
    s->arena = silt_arena_new();
    s->spec.groups = s->groups;
    s->spec.write = (silt_write_spec){.directory = s->out, .file_prefix = "part-t-"};
    s->spec.bad_source = staging_verdict;
    s->spec.bad_source_ctx = s;
}

static inline void staging_release(staging *s)
{
    silt_engine_free(s->engine);
    silt_arena_free(s->arena);
    test_dir_free(s->dir);
    free(s->in);
    free(s->out);
}

static inline const silt_type *staging_type(staging *s, const char *text)
{
    const silt_type *type = NULL;
    silt_error err = {0};
    if (silt_type_parse(text, s->arena, &type, &err) != SILT_OK)
        fail_msg("type %s: %s", text, err.message);
    return type;
}

/* The parts of "a:long, b:decimal(3,1)", cut at commas outside of brackets; `text` is changed. */
static inline size_t staging_split(char *text, char **parts, size_t room)
{
    size_t n = 0;
    int depth = 0;
    parts[n++] = text;
    for (char *c = text; *c; c++) {
        if (*c == '(' || *c == '<') depth++;
        if (*c == ')' || *c == '>') depth--;
        if (*c != ',' || depth) continue;
        *c = '\0';
        assert_true(n < room);
        parts[n++] = c + 1 + strspn(c + 1, " ");
    }
    return n;
}

/* A group of the files named (relative to in/), with columns "name:type, …". */
static inline void staging_group(staging *s, const char *columns, const char *const *files,
                                 size_t count)
{
    char *parts[64];
    char *text = silt_arena_strdup(s->arena, columns);
    size_t n = *columns ? staging_split(text, parts, SILT_COUNT(parts)) : 0;
    silt_column *cols = silt_arena_calloc(s->arena, n + 1, sizeof *cols);
    for (size_t i = 0; i < n; i++) {
        char *colon = strrchr(parts[i], ':');
        if (strchr(parts[i], '<')) colon = strchr(parts[i], ':');
        *colon = '\0';
        cols[i] = (silt_column){parts[i], staging_type(s, colon + 1)};
    }
    silt_source_file *list = silt_arena_calloc(s->arena, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = (silt_source_file){silt_arena_printf(s->arena, "%s/%s", s->in, files[i]),
                                     silt_arena_strdup(s->arena, files[i])};
    s->groups[s->spec.group_count++] = (silt_source_group){.format = s->format,
                                                           .options = s->options,
                                                           .files = list,
                                                           .file_count = count,
                                                           .columns = cols,
                                                           .column_count = n};
}

/* Output columns "name:type, …": `name!` must not be null, `_source_file` is that, `=7` is a value.
 */
static inline void staging_columns(staging *s, const char *columns)
{
    char *parts[64];
    char *text = silt_arena_strdup(s->arena, columns);
    size_t n = staging_split(text, parts, SILT_COUNT(parts));
    silt_output_column *out = silt_arena_calloc(s->arena, n, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        char *colon = strchr(parts[i], '<') ? strchr(parts[i], ':') : strrchr(parts[i], ':');
        char *equals = strchr(colon, '=');
        if (equals) *equals = '\0';
        *colon = '\0';
        out[i].type = staging_type(s, colon + 1);
        if (equals) {
            out[i].kind = SILT_OUTPUT_VALUE;
            assert_true(silt_parse_int64(equals + 1, &out[i].value));
        }
        size_t length = strlen(parts[i]);
        if (length && parts[i][length - 1] == '!') {
            out[i].not_null = true;
            parts[i][length - 1] = '\0';
        }
        out[i].name = out[i].source = parts[i];
        if (strcmp(parts[i], "_source_file") == 0) out[i].kind = SILT_OUTPUT_SOURCE_FILE;
    }
    s->spec.columns = out;
    s->spec.column_count = n;
}

static inline void staging_write(staging *s, const char *name, const char *text)
{
    test_write(s->in, name, text);
}

static inline silt_status staging_run(staging *s)
{
    s->verdict_count = 0;
    s->err = (silt_error){0};
    return s->engine->ops->stage(s->engine, &s->spec, s->arena, &s->result, &s->err);
}

static inline void staging_ok(staging *s)
{
    duck_assert_ok(staging_run(s), &s->err);
}

/* It fails with BAD_DATA, one verdict for each index given, each with its words; nothing is left
 * behind. */
static inline void staging_bad(staging *s, size_t count, const size_t *indexes,
                               const char *const *words)
{
    silt_status st = staging_run(s);
    if (st != SILT_BAD_DATA) fail_msg("%s, not bad_data with '%s'", silt_status_name(st), words[0]);
    if (s->verdict_count != count) fail_msg("%zu verdicts: %s", s->verdict_count, s->err.message);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(s->verdicts[i].index, indexes[i]);
        assert_int_equal(s->verdicts[i].status, SILT_BAD_DATA);
        if (!strstr(s->verdicts[i].why, words[i]))
            fail_msg("'%s' is not in '%s'", words[i], s->verdicts[i].why);
    }
    char *left = test_list(s->out);
    assert_string_equal(left, "");
    free(left);
}

/* The files that were written as a table, with the values of partition columns behind the others.
 */
static inline void staging_put_files(const silt_stage_result *result, const silt_write_spec *write,
                                     const silt_output_column *columns, silt_buf *sql)
{
    silt_buf_puts(sql, "(");
    for (size_t f = 0; f < result->file_count; f++) {
        silt_buf_puts(sql, f ? " UNION ALL BY NAME SELECT *" : "SELECT *");
        for (size_t p = 0; p < write->partition_count && !write->partitions_in_files; p++) {
            const char *value = result->files[f].partition_values[p];
            silt_buf_puts(sql, value ? ", " : ", NULL");
            if (value) silt_sql_text(sql, value);
            silt_buf_puts(sql, " AS ");
            silt_sql_name(sql, columns[write->partition_by[p]].name);
        }
        silt_buf_puts(sql, " FROM read_parquet(");
        silt_sql_text(sql, result->files[f].local_path);
        silt_buf_puts(sql, ", hive_partitioning = false)");
    }
    silt_buf_puts(sql, ")");
}

/* What was written, in order. */
static inline void staging_rows(staging *s, const char *select, const char *expected)
{
    SILT_CLEAN(silt_buf) sql = {0};
    silt_buf_printf(&sql, "%s FROM ", select);
    staging_put_files(&s->result, &s->spec.write, s->spec.columns, &sql);
    silt_buf_puts(&sql, " ORDER BY ALL");
    duck_assert_text(s->engine, s->dir, sql.data, expected);
}

#endif
