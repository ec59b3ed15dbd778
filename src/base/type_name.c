/* Types as a person writes them: "array<struct<a:long,`b c`:decimal(10,2)>>". */
#include <stdio.h>
#include <strings.h>

#include "base/type.h"

/* ---- out */

static bool is_name_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

/* In backticks, doubled within, where it isn't a plain word. */
static void put_field_name(silt_buf *buf, const char *name)
{
    bool plain = *name != '\0';
    for (const char *p = name; *p && plain; p++)
        plain = is_name_char(*p, p == name);
    if (plain) {
        silt_buf_puts(buf, name);
        return;
    }
    silt_buf_putc(buf, '`');
    for (const char *p = name; *p; p++) {
        if (*p == '`') silt_buf_putc(buf, '`');
        silt_buf_putc(buf, *p);
    }
    silt_buf_putc(buf, '`');
}

static void put_name(silt_buf *buf, const silt_type *type)
{
    silt_buf_puts(buf, silt_type_kind_name(type->kind));
    if (type->kind == SILT_TYPE_DECIMAL)
        silt_buf_printf(buf, "(%u,%u)", type->precision, type->scale);
    if (silt_type_primitive(type->kind) || type->kind == SILT_TYPE_DECIMAL) return;

    silt_buf_putc(buf, '<');
    if (type->kind == SILT_TYPE_MAP) {
        put_name(buf, type->key);
        silt_buf_putc(buf, ',');
    }
    if (type->kind != SILT_TYPE_STRUCT) put_name(buf, type->element);
    for (size_t i = 0; i < type->field_count; i++) {
        if (i) silt_buf_putc(buf, ',');
        put_field_name(buf, type->fields[i].name);
        silt_buf_putc(buf, ':');
        put_name(buf, type->fields[i].type);
    }
    silt_buf_putc(buf, '>');
}

char *silt_type_name(const silt_type *type, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    put_name(&buf, type);
    return silt_buf_copy(&buf, arena);
}

/* ---- in */

typedef struct parser {
    const char *text, *at;
    silt_arena *arena;
    silt_error *err;
} parser;

static silt_status parse_type(parser *p, int depth, const silt_type **out);

static silt_status fail_here(const parser *p, const char *what)
{
    size_t nth = (size_t)(p->at - p->text) + 1;
    return silt_fail(p->err, SILT_INVALID, "type, byte %zu: %s, in '%s'", nth, what, p->text);
}

static void skip_blanks(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')
        p->at++;
}

/* A sign, and the blanks around it. */
static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (*p->at != c) return false;
    p->at++;
    skip_blanks(p);
    return true;
}

static silt_bytes peek_word(const parser *p)
{
    size_t size = 0;
    while (is_name_char(p->at[size], size == 0))
        size++;
    return (silt_bytes){p->at, size};
}

static bool is_word(silt_bytes word, const char *text)
{
    return word.size == strlen(text) && strncasecmp(word.data, text, word.size) == 0;
}

static bool take_word(parser *p, const char *text)
{
    skip_blanks(p);
    silt_bytes word = peek_word(p);
    if (!is_word(word, text)) return false;
    p->at += word.size;
    skip_blanks(p);
    return true;
}

/* Spark's words for types, and Delta's where they differ. */
static const struct {
    const char *word;
    silt_type_kind kind;
} words[] = {
    {"boolean", SILT_TYPE_BOOLEAN},
    {"byte", SILT_TYPE_BYTE},
    {"tinyint", SILT_TYPE_BYTE},
    {"short", SILT_TYPE_SHORT},
    {"smallint", SILT_TYPE_SHORT},
    {"integer", SILT_TYPE_INTEGER},
    {"int", SILT_TYPE_INTEGER},
    {"long", SILT_TYPE_LONG},
    {"bigint", SILT_TYPE_LONG},
    {"float", SILT_TYPE_FLOAT},
    {"real", SILT_TYPE_FLOAT},
    {"double", SILT_TYPE_DOUBLE},
    {"decimal", SILT_TYPE_DECIMAL},
    {"dec", SILT_TYPE_DECIMAL},
    {"numeric", SILT_TYPE_DECIMAL},
    {"string", SILT_TYPE_STRING},
    {"binary", SILT_TYPE_BINARY},
    {"date", SILT_TYPE_DATE},
    {"timestamp", SILT_TYPE_TIMESTAMP},
    {"timestamp_ltz", SILT_TYPE_TIMESTAMP},
    {"timestamp_ntz", SILT_TYPE_TIMESTAMP_NTZ},
    {"variant", SILT_TYPE_VARIANT},
    {"void", SILT_TYPE_VOID},
    {"struct", SILT_TYPE_STRUCT},
    {"array", SILT_TYPE_ARRAY},
    {"map", SILT_TYPE_MAP},
};

static silt_status parse_decimal(parser *p, const silt_type **out)
{
    int precision = 10, scale = 0;
    size_t used = 0;
    skip_blanks(p);
    if (*p->at == '(' && !silt_decimal_parse(p->at, true, &precision, &scale, &used))
        return fail_here(
            p, "a decimal needs a precision of 1 to 38 and a scale of 0 to the precision");
    p->at += used;
    *out = silt_type_decimal(precision, scale, p->arena);
    return *out ? SILT_OK : silt_fail_nomem(p->err);
}

static silt_status parse_field_name(parser *p, const char **out)
{
    SILT_CLEAN(silt_buf) name = {0};
    if (*p->at != '`') {
        silt_bytes word = peek_word(p);
        if (word.size == 0) return fail_here(p, "the name of a field is missing");
        silt_buf_append(&name, word.data, word.size);
        p->at += word.size;
    } else {
        const char *start = p->at;
        for (p->at++; *p->at && (*p->at != '`' || p->at[1] == '`'); p->at++) {
            if (*p->at == '`') p->at++;
            silt_buf_putc(&name, *p->at);
        }
        if (!*p->at) {
            p->at = start;
            return fail_here(p, "the backtick is never closed");
        }
        p->at++;
        if (p->at == start + 2) return fail_here(p, "the name of a field is missing");
    }
    *out = silt_buf_copy(&name, p->arena);
    return *out ? SILT_OK : silt_fail_nomem(p->err);
}

static silt_status parse_field(parser *p, int depth, silt_field *out)
{
    SILT_TRY(parse_field_name(p, &out->name));
    take(p, ':'); /* Spark doesn't ask for it either */
    SILT_TRY(parse_type(p, depth, &out->type));
    out->nullable = !take_word(p, "not");
    if (!out->nullable && !take_word(p, "null")) return fail_here(p, "\"not null\" was meant?");
    out->metadata = "{}";
    return SILT_OK;
}

static silt_status parse_fields(parser *p, int depth, silt_type *type)
{
    SILT_VEC(silt_field) fields = {0};
    silt_status st = SILT_OK;
    bool more = *p->at != '>';
    while (st == SILT_OK && more) {
        silt_field field;
        st = parse_field(p, depth, &field);
        if (st == SILT_OK && !silt_vec_push(&fields, field)) st = silt_fail_nomem(p->err);
        more = st == SILT_OK && take(p, ',');
    }
    const size_t bytes = fields.count * sizeof(silt_field);
    silt_field *kept = st == SILT_OK ? silt_arena_alloc(p->arena, bytes) : NULL;
    if (st == SILT_OK && !kept) st = silt_fail_nomem(p->err);
    if (kept && bytes) memcpy(kept, fields.items, bytes);
    type->fields = kept;
    type->field_count = fields.count;
    silt_vec_free(&fields);
    return st;
}

static silt_status parse_nested(parser *p, silt_type_kind kind, int depth, const silt_type **out)
{
    if (depth == SILT_TYPE_DEPTH_MAX) return fail_here(p, "types are nested too deep");
    if (!take(p, '<')) return fail_here(p, "'<' is missing");
    silt_type *type = silt_arena_calloc(p->arena, 1, sizeof(*type));
    if (!type) return silt_fail_nomem(p->err);
    type->kind = kind;
    type->contains_null = kind != SILT_TYPE_STRUCT;
    if (kind == SILT_TYPE_STRUCT) SILT_TRY(parse_fields(p, depth + 1, type));
    if (kind == SILT_TYPE_MAP) {
        SILT_TRY(parse_type(p, depth + 1, &type->key));
        if (!take(p, ',')) return fail_here(p, "',' is missing");
    }
    if (kind != SILT_TYPE_STRUCT) SILT_TRY(parse_type(p, depth + 1, &type->element));
    if (!take(p, '>')) return fail_here(p, "'>' is missing");
    *out = type;
    return SILT_OK;
}

static silt_status parse_type(parser *p, int depth, const silt_type **out)
{
    skip_blanks(p);
    silt_bytes word = peek_word(p);
    for (size_t i = 0; i < SILT_COUNT(words); i++) {
        if (!is_word(word, words[i].word)) continue;
        p->at += word.size;
        if (words[i].kind == SILT_TYPE_DECIMAL) return parse_decimal(p, out);
        *out = silt_type_primitive(words[i].kind);
        return *out ? SILT_OK : parse_nested(p, words[i].kind, depth, out);
    }
    return fail_here(p, word.size ? "no such type" : "the name of a type is missing");
}

silt_status silt_type_parse(const char *text, silt_arena *arena, const silt_type **out,
                            silt_error *err)
{
    parser p = {text, text, arena, err};
    const silt_type *type;
    SILT_TRY(parse_type(&p, 0, &type));
    skip_blanks(&p);
    if (*p.at) return fail_here(&p, "nothing was expected here");
    *out = type;
    return SILT_OK;
}
