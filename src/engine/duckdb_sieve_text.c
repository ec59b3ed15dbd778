/* Copies of text files: with numbers for rows, without those that are bad. */
#include "engine/duckdb_sieve.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"

typedef struct copying {
    silt_sieve *s;
    silt_sieve_copy kind;
    FILE *file;
    silt_buf row, json, reason;
    silt_arena *scratch; /* of a row */
    size_t at;           /* the next verdict */
    silt_sieve_result counts;
    /* of the row at hand */
    const silt_text_row *now;
    const silt_json *object;
} copying;

static void copying_release(copying *c)
{
    if (c->file) fclose(c->file);
    silt_buf_release(&c->row);
    silt_buf_release(&c->json);
    silt_buf_release(&c->reason);
    if (c->scratch) silt_arena_free(c->scratch);
}

static bool is_csv(const copying *c)
{
    return c->s->group.format == SILT_FORMAT_CSV;
}

static const char *delimiter(const copying *c)
{
    const char *d = c->s->group.options.delimiter;
    return d && *d ? d : ",";
}

/* ---- rows of a CSV */

static void put_field(copying *c, silt_bytes text)
{
    const silt_source_options *o = &c->s->group.options;
    const char *quote = o->quote ? o->quote : "\"";
    const char *escape = o->escape && *o->escape ? o->escape : quote;
    if (!*quote || text.size == 0) {
        silt_buf_append(&c->row, text.data, text.size);
        return;
    }
    silt_buf_putc(&c->row, *quote);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == *quote || text.data[i] == *escape) silt_buf_putc(&c->row, *escape);
        silt_buf_putc(&c->row, text.data[i]);
    }
    silt_buf_putc(&c->row, *quote);
}

static bool is_rescued(const copying *c, silt_verdicts of, size_t column)
{
    for (size_t i = 0; i < of.count; i++)
        if (silt_sieve_column(c->s, of.first[i].which) == (ptrdiff_t)column) return true;
    return false;
}

static void put_line_end(copying *c)
{
    if (!c->row.size || c->row.data[c->row.size - 1] != '\n') silt_buf_putc(&c->row, '\n');
}

/* What is added stands before the row: a comment may stand behind it. */
static void put_csv(copying *c, silt_verdicts rescued)
{
    const silt_text_row *row = c->now;
    if (c->kind != SILT_SIEVE_LAST)
        silt_buf_printf(&c->row, "%" PRId64 "%s", row->number, delimiter(c));
    if (c->s->spec->rescue_column && c->kind != SILT_SIEVE_ALL) {
        if (rescued.count) put_field(c, silt_buf_bytes(&c->json));
        silt_buf_puts(&c->row, delimiter(c));
    }
    if (!rescued.count) {
        silt_buf_append(&c->row, row->all.data, row->all.size);
        put_line_end(c);
        return;
    }
    for (size_t i = 0; i < row->field_count; i++) {
        if (i) silt_buf_puts(&c->row, delimiter(c));
        if (!is_rescued(c, rescued, i)) put_field(c, row->fields[i]);
    }
    silt_buf_putc(&c->row, '\n');
}

/* ---- rows of NDJSON */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* From the opening brace on. Size 0: there is none. */
static silt_bytes object_text(const silt_text_row *row)
{
    silt_bytes text = row->text;
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    if (text.size && text.data[0] != '{') text.size = 0;
    return text;
}

static void put_members(copying *c, silt_bytes text)
{
    size_t at = 1;
    while (at < text.size && is_blank(text.data[at]))
        at++;
    if (at < text.size && text.data[at] != '}') silt_buf_putc(&c->row, ',');
    silt_buf_append(&c->row, text.data + at, text.size - at);
    silt_buf_putc(&c->row, '\n');
}

static void put_ndjson(copying *c, silt_verdicts rescued)
{
    silt_bytes text = object_text(c->now);
    if (!rescued.count && c->kind == SILT_SIEVE_LAST) {
        silt_buf_append(&c->row, text.data, text.size);
        silt_buf_putc(&c->row, '\n');
        return;
    }
    if (!rescued.count) {
        silt_buf_printf(&c->row, "{\"" SILT_SIEVE_NUMBER "\":%" PRId64, c->now->number);
        if (c->kind == SILT_SIEVE_ALL) {
            silt_buf_puts(&c->row, ",\"" SILT_DUCK_RAW_COLUMN "\":");
            silt_buf_append(&c->row, text.data, text.size);
        }
        put_members(c, text);
        return;
    }
    silt_json_writer w = silt_json_writer_of(&c->row);
    silt_json_begin_object(&w);
    if (c->kind == SILT_SIEVE_KEPT) silt_json_member_int(&w, SILT_SIEVE_NUMBER, c->now->number);
    silt_json_key(&w, c->s->spec->rescue_column);
    silt_json_put_bytes(&w, silt_buf_bytes(&c->json));
    for (silt_json_iter it = silt_json_iter_of(c->object); silt_json_next(&it);) {
        bool out = silt_streq(it.key, c->s->spec->rescue_column);
        for (size_t i = 0; i < rescued.count; i++)
            out |= silt_streq(
                it.key, c->s->group.columns[silt_sieve_column(c->s, rescued.first[i].which)].name);
        if (out) continue;
        silt_json_key_bytes(&w, (silt_bytes){it.key, it.key_size});
        silt_json_put_value(&w, it.value);
    }
    silt_json_end_object(&w);
    silt_buf_putc(&c->row, '\n');
}

/* ---- values of the row at hand */

static bool is_null_text(const copying *c, silt_bytes text)
{
    const silt_source_options *o = &c->s->group.options;
    bool is = text.size == 0;
    for (size_t i = 0; i < o->null_count; i++)
        is |= silt_bytes_equal(text, silt_bytes_of(o->nulls[i]));
    return is;
}

/* As JSON, in the row's arena. */
static silt_bytes value_json(void *ctx, size_t column)
{
    copying *c = ctx;
    SILT_CLEAN(silt_buf) text = {0};
    silt_json_writer w = silt_json_writer_of(&text);
    if (!is_csv(c))
        silt_json_put_value(&w, silt_json_get(c->object, c->s->group.columns[column].name));
    else if (column >= c->now->field_count || is_null_text(c, c->now->fields[column]))
        silt_json_put_null(&w);
    else
        silt_json_put_bytes(&w, c->now->fields[column]);
    const char *copy = silt_buf_copy(&text, c->scratch);
    c->json.failed |= !copy;
    return silt_bytes_of(copy ? copy : "null");
}

/* As a person reads it. */
static silt_bytes value_text(copying *c, const silt_verdict *v)
{
    ptrdiff_t column = silt_sieve_column(c->s, v->which);
    if ((v->bad != SILT_BAD_VALUE && v->bad != SILT_BAD_NULL) || column < 0) return (silt_bytes){0};
    if (is_csv(c)) {
        bool some = (size_t)column < c->now->field_count;
        return some ? c->now->fields[column] : (silt_bytes){0};
    }
    const silt_json *value = silt_json_get(c->object, c->s->group.columns[column].name);
    const char *text = silt_json_string(value);
    return silt_bytes_of(text ? text : silt_json_text(value, c->scratch));
}

/* The row as JSON: of a CSV texts by column; nothing where it can't be told. */
static void put_json(copying *c)
{
    if (!is_csv(c)) {
        silt_bytes text = c->object ? object_text(c->now) : (silt_bytes){0};
        silt_buf_append(&c->json, text.data, text.size);
        return;
    }
    if (c->now->field_count != c->s->group.column_count || c->now->broken) return;
    silt_json_writer w = silt_json_writer_of(&c->json);
    silt_json_begin_object(&w);
    for (size_t i = 0; i < c->now->field_count; i++) {
        silt_json_key(&w, c->s->group.columns[i].name);
        silt_json_put_raw(&w, value_json(c, i).data);
    }
    silt_json_end_object(&w);
}

/* ---- a row */

/* What is wrong with its structure, as far as that shows without DuckDB. */
static bool judge(const copying *c, const silt_text_row *row, silt_bad *bad)
{
    if (!silt_utf8_valid(row->text))
        *bad = SILT_BAD_UTF8;
    else if (!is_csv(c) && !object_text(row).size)
        *bad = SILT_BAD_JSON;
    else if (is_csv(c) && row->broken)
        *bad = SILT_BAD_QUOTES;
    else if (is_csv(c) && row->field_count != c->s->group.column_count &&
             !(row->field_count == 0 && c->s->group.column_count == 1))
        *bad = SILT_BAD_FIELDS;
    else
        return false;
    return true;
}

static silt_verdicts verdicts_of(copying *c, int64_t row)
{
    const silt_verdict *all = c->s->verdicts.items;
    size_t from = c->at;
    while (c->at < c->s->verdicts.count && all[c->at].row == row)
        c->at++;
    return (silt_verdicts){all ? all + from : NULL, c->at - from};
}

static silt_status parse(copying *c, silt_error *err)
{
    c->object = NULL;
    if (is_csv(c)) return SILT_OK;
    silt_error why = {0};
    silt_status st = silt_json_parse(c->now->text, c->scratch, &c->object, &why);
    if (st == SILT_NOMEM) return silt_fail_nomem(err);
    if (st != SILT_OK) c->object = NULL;
    return SILT_OK;
}

static silt_status tell(copying *c, silt_verdicts of, silt_error *err)
{
    const silt_sieve_spec *spec = c->s->spec;
    const silt_verdict *v = silt_sieve_cause(c->s, of);
    const silt_text_row *row = c->now;
    c->counts.reject_count++;
    silt_sieve_reason(c->s, v, row->field_count, value_text(c, v), &c->reason);
    put_json(c);
    if (c->reason.failed || c->json.failed) return silt_fail_nomem(err);
    ptrdiff_t column = v->bad == SILT_BAD_VALUE || v->bad == SILT_BAD_NULL
                           ? silt_sieve_column(c->s, v->which)
                           : -1;
    const silt_reject reject = {
        .row = row->number + 1,
        .line = row->line,
        .offset = row->offset,
        .column = column >= 0 ? c->s->group.columns[column].name : NULL,
        .reason = c->reason.data,
        .check = v->bad == SILT_BAD_CHECK ? &spec->checks[v->which] : NULL,
        .text = row->text,
        .json = c->json.size ? silt_buf_bytes(&c->json) : (silt_bytes){0},
    };
    return spec->reject(spec->ctx, &reject, err);
}

static silt_status keep(copying *c, silt_verdicts rescued, silt_error *err)
{
    if (rescued.count) silt_sieve_rescued(c->s, rescued, value_json, c, &c->json);
    (is_csv(c) ? put_csv : put_ndjson)(c, rescued);
    if (c->row.failed || c->json.failed) return silt_fail_nomem(err);
    c->counts.row_count++;
    c->counts.rescue_count += rescued.count > 0;
    return SILT_OK;
}

static silt_status write_row(copying *c, silt_error *err)
{
    if (!c->row.size || fwrite(c->row.data, 1, c->row.size, c->file) == c->row.size) return SILT_OK;
    return silt_fail_errno(err, errno ? errno : EIO, "a copy of the file");
}

/* Headers and comments. */
static void put_other(copying *c)
{
    if (c->kind != SILT_SIEVE_LAST || !is_csv(c)) return;
    if (c->now->is_header && c->s->spec->rescue_column)
        silt_buf_printf(&c->row, "%s%s", c->s->spec->rescue_column, delimiter(c));
    silt_buf_append(&c->row, c->now->all.data, c->now->all.size);
}

static silt_status on_row(void *ctx, const silt_text_row *row, silt_error *err)
{
    copying *c = ctx;
    silt_bad bad;
    silt_buf_clear(&c->row);
    silt_buf_clear(&c->json);
    silt_buf_clear(&c->reason);
    silt_arena_reset(c->scratch);
    c->now = row;
    if (!row->is_row) {
        put_other(c);
        return write_row(c, err);
    }
    silt_verdicts of = {0};
    if (c->kind == SILT_SIEVE_ALL) {
        c->s->row_count++;
        if (c->s->row_count % 4096 == 0) SILT_TRY(silt_duck_check(c->s->db, err));
        if (judge(c, row, &bad))
            return silt_sieve_note(c->s, (silt_verdict){row->number, bad, 0}, err);
    } else {
        of = verdicts_of(c, row->number);
    }
    if (of.count) SILT_TRY(parse(c, err));
    bool readable = is_csv(c) || c->object; /* by us: DuckDB takes NaN in JSON, too */
    if (of.count && !(readable && silt_sieve_rescues(c->s, of)))
        return c->kind == SILT_SIEVE_LAST ? tell(c, of, err) : SILT_OK;
    SILT_TRY(keep(c, of, err));
    return write_row(c, err);
}

/* ---- files */

silt_status silt_sieve_text_open(silt_sieve *s, silt_error *err)
{
    const silt_source_file *file = &s->spec->group->files[0];
    const char *path = silt_sieve_path(s, "plain");
    if (!path) return silt_fail_nomem(err);
    SILT_TRY(silt_text_plain(&s->spec->group->options, file->local_path, path, err));
    s->group = *s->spec->group;
    s->group.options.compression = "auto"; /* by its name: it has none */
    s->group.options.encoding = NULL;
    s->file = (silt_source_file){path, file->name};
    s->group.files = &s->file;
    return SILT_OK;
}

/* Columns of a copy: what was put before those of the file. */
static silt_status give_columns(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                                silt_error *err)
{
    static const silt_type number = {.kind = SILT_TYPE_LONG}, text = {.kind = SILT_TYPE_STRING};
    const silt_source_group *from = &s->group;
    size_t count = 0;
    silt_column *columns = silt_arena_calloc(s->arena, from->column_count + 3, sizeof *columns);
    if (!columns) return silt_fail_nomem(err);
    if (kind != SILT_SIEVE_LAST) columns[count++] = (silt_column){SILT_SIEVE_NUMBER, &number};
    if (kind == SILT_SIEVE_ALL && from->format == SILT_FORMAT_NDJSON)
        columns[count++] = (silt_column){SILT_DUCK_RAW_COLUMN, &text};
    if (kind != SILT_SIEVE_ALL && s->spec->rescue_column)
        columns[count++] = (silt_column){s->spec->rescue_column, &text};
    for (size_t i = 0; i < from->column_count; i++)
        columns[count++] = from->columns[i];
    *out = *from;
    out->columns = columns;
    out->column_count = count;
    if (kind == SILT_SIEVE_LAST) return SILT_OK;
    out->options.no_header = true;
    out->options.skip_lines = 0;
    return SILT_OK;
}

silt_status silt_sieve_text_copy(silt_sieve *s, silt_sieve_copy kind, silt_source_group *out,
                                 silt_source_file *file, silt_sieve_result *counts, silt_error *err)
{
    static const char *const names[] = {"all", "kept", "good"};
    SILT_CLEAN(copying) c = {.s = s, .kind = kind};
    c.scratch = silt_arena_new();
    const char *path = silt_sieve_path(s, names[kind]);
    if (!c.scratch || !path) return silt_fail_nomem(err);
    c.file = fopen(path, "we");
    if (!c.file) return silt_fail_errno(err, errno, "%s", path);
    SILT_TRY(give_columns(s, kind, out, err));
    SILT_TRY(silt_text_rows(s->group.format, &s->group.options, s->group.column_count,
                            s->file.local_path, on_row, &c, err));
    int closed = fclose(c.file);
    c.file = NULL;
    if (closed != 0) return silt_fail_errno(err, errno, "%s", path);
    *file = (silt_source_file){path, s->file.name};
    out->files = file;
    out->file_count = 1;
    if (!counts) return SILT_OK;
    counts->row_count = c.counts.row_count;
    counts->reject_count = c.counts.reject_count;
    counts->rescue_count = c.counts.rescue_count;
    return SILT_OK;
}
