/* Columns as Spark's DDL has them: names, types, and what stands behind these. */
#include <stdio.h>
#include <strings.h>

#include "table/shape_tree.h"

typedef struct ddl {
    const char *text, *at;
    silt_arena *arena;
    silt_error *err;
} ddl;

static silt_status fail_here(const ddl *d, const char *what)
{
    return silt_fail(d->err, SILT_INVALID, "columns, byte %zu: %s, in '%s'",
                     (size_t)(d->at - d->text) + 1, what, d->text);
}

static void skip_blanks(ddl *d)
{
    d->at += strspn(d->at, " \t\r\n");
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static size_t word_size(const char *at)
{
    size_t size = 0;
    while (is_word_char(at[size]))
        size++;
    return size;
}

/* A keyword at `at`, whole. */
static bool is_word(const char *at, const char *word)
{
    return word_size(at) == strlen(word) && strncasecmp(at, word, strlen(word)) == 0;
}

static bool take_word(ddl *d, const char *word)
{
    skip_blanks(d);
    if (!is_word(d->at, word)) return false;
    d->at += strlen(word);
    skip_blanks(d);
    return true;
}

static bool take_sign(ddl *d, char sign)
{
    skip_blanks(d);
    if (*d->at != sign) return false;
    d->at++;
    skip_blanks(d);
    return true;
}

static silt_status need_word(ddl *d, const char *word)
{
    return take_word(d, word) ? SILT_OK
                              : fail_here(d, silt_arena_printf(d->arena, "%s is missing", word));
}

/* ---- names */

static silt_status parse_name(ddl *d, const char **out)
{
    SILT_CLEAN(silt_buf) buf = {0};
    skip_blanks(d);
    const char *start = d->at;
    if (*d->at != '`') {
        size_t size = word_size(d->at);
        silt_buf_append(&buf, d->at, size);
        d->at += size;
    } else {
        for (d->at++; *d->at && (*d->at != '`' || d->at[1] == '`'); d->at++) {
            if (*d->at == '`') d->at++;
            silt_buf_putc(&buf, *d->at);
        }
        if (!*d->at) {
            d->at = start;
            return fail_here(d, "the back-quote is never closed");
        }
        d->at++;
    }
    if (buf.failed) return silt_fail_nomem(d->err);
    if (!buf.size) {
        d->at = start;
        return fail_here(d, "the name of a column is missing");
    }
    *out = silt_buf_copy(&buf, d->arena);
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

static silt_status parse_path(ddl *d, const char **out, const char **last)
{
    const char *parts[SILT_TYPE_DEPTH_MAX];
    size_t count = 0;
    do {
        if (count == SILT_COUNT(parts)) return fail_here(d, "the path is too long");
        SILT_TRY(parse_name(d, &parts[count++]));
    } while (*d->at == '.' && d->at++);
    *last = parts[count - 1];
    *out = silt_shape_path_text((silt_names){parts, count}, d->arena);
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

/* ---- extents */

/* Behind a text in quotes or a name in back-quotes; a quote is doubled or stands behind a
 * backslash. NULL: never closed. */
static const char *skip_quoted(const char *at)
{
    char quote = *at;
    for (at++; *at; at++) {
        if (*at == '\\' && quote != '`' && at[1])
            at++;
        else if (*at == quote && at[1] == quote)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/* Behind the bracket that closes the one at `at`. NULL: there is none. */
static const char *skip_bracket(const char *at)
{
    char open = *at, close = open == '<' ? '>' : ')';
    int depth = 0;
    while (*at) {
        if (*at == '`' || *at == '\'' || *at == '"') {
            at = skip_quoted(at);
            if (!at) return NULL;
            continue;
        }
        depth += (*at == open) - (*at == close);
        at++;
        if (depth == 0) return at;
    }
    return NULL;
}

/* "varchar(5)" and "char(5)" are strings, whose columns say how long they may be. */
static silt_status take_length(ddl *d, silt_field *field, const char *text, bool *taken)
{
    int most = 0, end = 0;
    bool varying = strncasecmp(text, "varchar", 7) == 0;
    *taken = false;
    if (!varying && strncasecmp(text, "char", 4) != 0) return SILT_OK;
    if (sscanf(text + (varying ? 7 : 4), " ( %d ) %n", &most, &end) != 1 || most < 1 || !end ||
        text[(varying ? 7 : 4) + end])
        return fail_here(d, "a length from 1 on is missing, as in varchar(5)");
    const char *type = silt_arena_printf(d->arena, "%s(%d)", varying ? "varchar" : "char", most);
    if (!type) return silt_fail_nomem(d->err);
    field->type = silt_type_primitive(SILT_TYPE_STRING);
    field->metadata =
        silt_shape_meta_text(d->arena, field->metadata, "__CHAR_VARCHAR_TYPE_STRING", type);
    *taken = true;
    return field->metadata ? SILT_OK : silt_fail_nomem(d->err);
}

static silt_status parse_type(ddl *d, silt_field *field)
{
    bool taken;
    skip_blanks(d);
    const char *start = d->at, *end = start + word_size(start);
    const char *next = end + strspn(end, " \t\r\n");
    if (start == end) return fail_here(d, "the type of a column is missing");
    if (*next == '<' || *next == '(') end = skip_bracket(next);
    if (!end) return fail_here(d, "a bracket is never closed");
    const char *text = silt_arena_strndup(d->arena, start, (size_t)(end - start));
    if (!text) return silt_fail_nomem(d->err);
    d->at = end;
    SILT_TRY(take_length(d, field, text, &taken));
    return taken ? SILT_OK : silt_type_parse(text, d->arena, &field->type, d->err);
}

/* An expression ends before a comma, or before what can stand behind a default. */
static silt_status parse_expression(ddl *d, const char **out)
{
    skip_blanks(d);
    const char *start = d->at, *at = start, *before = "";
    while (*at && *at != ',') {
        size_t size = word_size(at);
        if (*at == '\'' || *at == '"' || *at == '`')
            at = skip_quoted(at);
        else if (*at == '(')
            at = skip_bracket(at);
        else if (is_word(at, "COMMENT") || is_word(at, "GENERATED") || is_word(at, "AFTER") ||
                 is_word(at, "FIRST") ||
                 (is_word(at, "NOT") && at > start && !is_word(before, "IS")))
            break;
        else
            at += size ? size : 1;
        if (!at) return fail_here(d, "a bracket or quote is never closed");
        if (size) before = at - size;
    }
    size_t size = (size_t)(at - start);
    while (size && strchr(" \t\r\n", start[size - 1]))
        size--;
    if (!size) return fail_here(d, "an expression is missing");
    *out = silt_arena_strndup(d->arena, start, size);
    d->at = at;
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

static silt_status parse_text(ddl *d, const char **out)
{
    SILT_CLEAN(silt_buf) buf = {0};
    skip_blanks(d);
    const char *end = *d->at == '\'' || *d->at == '"' ? skip_quoted(d->at) : NULL;
    if (!end) return fail_here(d, "a text in quotes is missing");
    silt_buf_puts(&buf, "");
    for (const char *at = d->at + 1; at < end - 1; at++) {
        if ((*at == '\\' || *at == *d->at) && at + 1 < end - 1) at++;
        silt_buf_putc(&buf, *at);
    }
    d->at = end;
    *out = silt_buf_copy(&buf, d->arena);
    return *out ? SILT_OK : silt_fail_nomem(d->err);
}

static silt_status parse_number(ddl *d, int64_t *out)
{
    char digits[24] = {0};
    skip_blanks(d);
    size_t size = (*d->at == '-') + strspn(d->at + (*d->at == '-'), "0123456789");
    if (size >= sizeof(digits)) return fail_here(d, "a number is too large");
    memcpy(digits, d->at, size);
    if (!silt_parse_int64(digits, out)) return fail_here(d, "a whole number is missing");
    d->at += size;
    return SILT_OK;
}

/* ---- what stands behind a type */

static silt_status put_meta(ddl *d, silt_field *field, const char *key, const char *json, bool text)
{
    field->metadata = text ? silt_shape_meta_text(d->arena, field->metadata, key, json)
                           : silt_shape_meta_set(d->arena, field->metadata, key, json);
    return field->metadata ? SILT_OK : silt_fail_nomem(d->err);
}

/* "identity (start with 1 increment by 1)", either part or both. */
static silt_status parse_identity(ddl *d, silt_field *field, bool by_default)
{
    int64_t start = 1, step = 1;
    if (take_sign(d, '(')) {
        while (!take_sign(d, ')')) {
            if (take_word(d, "START")) {
                SILT_TRY(need_word(d, "WITH"));
                SILT_TRY(parse_number(d, &start));
            } else {
                SILT_TRY(need_word(d, "INCREMENT"));
                SILT_TRY(need_word(d, "BY"));
                SILT_TRY(parse_number(d, &step));
            }
        }
    }
    const char *first = silt_arena_printf(d->arena, "%" PRId64, start);
    const char *by = silt_arena_printf(d->arena, "%" PRId64, step);
    if (!first || !by) return silt_fail_nomem(d->err);
    SILT_TRY(put_meta(d, field, "delta.identity.start", first, false));
    SILT_TRY(put_meta(d, field, "delta.identity.step", by, false));
    return put_meta(d, field, "delta.identity.allowExplicitInsert", by_default ? "true" : "false",
                    false);
}

static silt_status parse_generated(ddl *d, silt_field *field)
{
    bool by_default = take_word(d, "BY");
    SILT_TRY(need_word(d, by_default ? "DEFAULT" : "ALWAYS"));
    SILT_TRY(need_word(d, "AS"));
    if (take_word(d, "IDENTITY")) return parse_identity(d, field, by_default);
    if (by_default) return fail_here(d, "IDENTITY is missing");
    const char *end = *d->at == '(' ? skip_bracket(d->at) : NULL;
    if (!end) return fail_here(d, "an expression in brackets is missing");
    const char *text = silt_arena_strndup(d->arena, d->at + 1, (size_t)(end - d->at) - 2);
    if (!text) return silt_fail_nomem(d->err);
    d->at = end;
    return put_meta(d, field, "delta.generationExpression", text, true);
}

static silt_status parse_traits(ddl *d, silt_field *field)
{
    const char *text = NULL;
    *field = (silt_field){.name = field->name, .nullable = true, .metadata = "{}"};
    SILT_TRY(parse_type(d, field));
    for (;;) {
        if (take_word(d, "NOT")) {
            SILT_TRY(need_word(d, "NULL"));
            field->nullable = false;
        } else if (take_word(d, "DEFAULT")) {
            SILT_TRY(parse_expression(d, &text));
            SILT_TRY(put_meta(d, field, "CURRENT_DEFAULT", text, true));
        } else if (take_word(d, "GENERATED")) {
            SILT_TRY(parse_generated(d, field));
        } else if (take_word(d, "COMMENT")) {
            SILT_TRY(parse_text(d, &text));
            SILT_TRY(put_meta(d, field, "comment", text, true));
        } else {
            return SILT_OK;
        }
    }
}

static silt_status parse_place(ddl *d, silt_column_place *out)
{
    *out = (silt_column_place){.first = take_word(d, "FIRST")};
    return !out->first && take_word(d, "AFTER") ? parse_name(d, &out->after) : SILT_OK;
}

static silt_status at_end(ddl *d)
{
    skip_blanks(d);
    return *d->at ? fail_here(d, "nothing was expected here") : SILT_OK;
}

/* ---- texts */

static silt_status parse_columns(ddl *d, silt_field **fields, size_t *count, size_t *capacity)
{
    do {
        silt_field field = {0};
        SILT_TRY(parse_name(d, &field.name));
        take_sign(d, ':'); /* as in struct<a: int> */
        SILT_TRY(parse_traits(d, &field));
        if (!silt_vec_grow((void **)fields, capacity, *count + 1, sizeof(field)))
            return silt_fail_nomem(d->err);
        (*fields)[(*count)++] = field;
    } while (take_sign(d, ','));
    return at_end(d);
}

silt_status silt_ddl_columns(const char *text, silt_arena *arena, const silt_type **out,
                             silt_error *err)
{
    ddl d = {text, text, arena, err};
    silt_field *fields = NULL;
    size_t count = 0, capacity = 0;
    silt_status st = parse_columns(&d, &fields, &count, &capacity);
    const silt_type *type = st == SILT_OK ? silt_shape_struct(arena, fields, count) : NULL;
    free(fields);
    if (st != SILT_OK) return st;
    if (!type) return silt_fail_nomem(err);
    *out = type;
    return SILT_OK;
}

silt_status silt_ddl_column(const char *text, silt_arena *arena, const char **path,
                            silt_field *field, silt_column_place *place, silt_error *err)
{
    ddl d = {text, text, arena, err};
    silt_field made = {0};
    SILT_TRY(parse_path(&d, path, &made.name));
    take_sign(&d, ':');
    SILT_TRY(parse_traits(&d, &made));
    SILT_TRY(parse_place(&d, place));
    SILT_TRY(at_end(&d));
    *field = made;
    return SILT_OK;
}

silt_status silt_ddl_place(const char *text, silt_arena *arena, silt_column_place *out,
                           silt_error *err)
{
    ddl d = {text, text, arena, err};
    SILT_TRY(parse_place(&d, out));
    if (!out->first && !out->after) return fail_here(&d, "FIRST, or AFTER and a column, is wanted");
    return at_end(&d);
}

silt_status silt_ddl_paths(const char *text, silt_arena *arena, silt_names *out, silt_error *err)
{
    ddl d = {text, text, arena, err};
    const char *last;
    size_t count = 0;
    const char **paths = silt_arena_calloc(arena, strlen(text) + 1, sizeof(*paths));
    if (!paths) return silt_fail_nomem(err);
    do {
        SILT_TRY(parse_path(&d, &paths[count++], &last));
    } while (take_sign(&d, ','));
    SILT_TRY(at_end(&d));
    *out = (silt_names){paths, count};
    return SILT_OK;
}
