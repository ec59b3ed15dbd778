/* Tokens → tree: literals, names, calls, CASE, CAST, brackets. */
#include <stdio.h>
#include <strings.h>

#include "base/seam.h"
#include "base/spark.h"
#include "table/expr_parser.h"
#include "table/value.h"

/* ---- numbers */

typedef struct suffix {
    const char *text;
    silt_type_kind kind;
} suffix;

static const suffix suffixes[] = {
    {"BD", SILT_TYPE_DECIMAL}, {"L", SILT_TYPE_LONG},   {"S", SILT_TYPE_SHORT},
    {"Y", SILT_TYPE_BYTE},     {"D", SILT_TYPE_DOUBLE}, {"F", SILT_TYPE_FLOAT},
};

static const suffix *suffix_of(const char *text, size_t *size)
{
    *size = strlen(text);
    for (size_t i = 0; i < SILT_COUNT(suffixes); i++) {
        size_t length = strlen(suffixes[i].text);
        if (*size <= length || strcasecmp(text + *size - length, suffixes[i].text) != 0) continue;
        *size -= length;
        return &suffixes[i];
    }
    return NULL;
}

/* Digits with a point or an exponent as a decimal of as many digits as it has. */
static silt_status decimal_number(silt_parser *p, const silt_token *t, const char *text,
                                  const silt_expr **out)
{
    int whole = 0, fraction = 0, exponent = 0;
    bool point = false, leading = true;
    const char *c = text + (*text == '-');
    for (; *c && *c != 'e' && *c != 'E'; c++) {
        if (*c == '.') {
            point = true;
            continue;
        }
        leading = leading && *c == '0' && !point;
        if (point)
            fraction++;
        else if (!leading)
            whole++;
    }
    if (*c) exponent = (int)strtol(c + 1, NULL, 10);
    if (exponent > 100 || exponent < -100) exponent = 100; /* too many digits either way */
    int scale = fraction - exponent > 0 ? fraction - exponent : 0;
    int precision = whole + exponent > 0 ? whole + exponent + scale : scale;
    if (precision == 0) precision = 1;
    char value[SILT_SPARK_DECIMAL_SIZE];
    if (precision > SILT_DECIMAL_PRECISION_MAX ||
        silt_spark_decimal(silt_bytes_of(text), precision, scale, value) != SILT_SPARK_VALUE)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset,
                              "a number of more than %d digits", SILT_DECIMAL_PRECISION_MAX);
    return silt_parser_literal(p, t->offset, silt_type_decimal(precision, scale, p->arena),
                               silt_arena_strdup(p->arena, value), out);
}

static silt_status real_number(silt_parser *p, const silt_token *t, const char *text, bool is_float,
                               const silt_expr **out)
{
    char shortest[40];
    double value = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (__builtin_isinf(value))
        return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset, "a number that no %s holds",
                              is_float ? "float" : "double");
    silt_value_print_real(value, is_float, shortest);
    return silt_parser_literal(p, t->offset,
                               silt_type_primitive(is_float ? SILT_TYPE_FLOAT : SILT_TYPE_DOUBLE),
                               silt_arena_strdup(p->arena, shortest), out);
}

static silt_status whole_number(silt_parser *p, const silt_token *t, const char *text,
                                silt_type_kind kind, const silt_expr **out)
{
    int64_t value;
    bool fits = silt_parse_int64(text, &value);
    if (kind == SILT_TYPE_INTEGER && !fits) return decimal_number(p, t, text, out);
    if (kind == SILT_TYPE_INTEGER && value != (int32_t)value) kind = SILT_TYPE_LONG;
    if (kind == SILT_TYPE_SHORT) fits = fits && value == (int16_t)value;
    if (kind == SILT_TYPE_BYTE) fits = fits && value == (int8_t)value;
    if (!fits)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset, "a number that no %s holds",
                              silt_type_kind_name(kind));
    return silt_parser_literal(p, t->offset, silt_type_primitive(kind),
                               silt_arena_printf(p->arena, "%" PRId64, value), out);
}

silt_status silt_parse_number(silt_parser *p, bool negative, const silt_expr **out)
{
    const silt_token *t = silt_parser_peek(p, 0);
    size_t size;
    const suffix *s = suffix_of(t->text, &size);
    char *text = silt_arena_printf(p->arena, "%s%.*s", negative ? "-" : "", (int)size, t->text);
    if (!text) return silt_fail_nomem(p->err);
    p->at++;
    bool whole = strspn(t->text, "0123456789") == size, exponent = strpbrk(text, "eE") != NULL;
    const char *number = t->text;
    if (strspn(number, "0123456789.eE+-") < size || number[size - 1] == 'e' ||
        number[size - 1] == 'E')
        return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset, "%s is no number", number);
    silt_type_kind kind = SILT_TYPE_INTEGER;
    if (s)
        kind = s->kind;
    else if (exponent)
        kind = SILT_TYPE_DOUBLE;
    else if (!whole)
        kind = SILT_TYPE_DECIMAL;
    switch (kind) {
    case SILT_TYPE_DECIMAL:
        return decimal_number(p, t, text, out);
    case SILT_TYPE_DOUBLE:
    case SILT_TYPE_FLOAT:
        return real_number(p, t, text, kind == SILT_TYPE_FLOAT, out);
    default:
        if (!whole)
            return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset,
                                  "a whole number expected before %s", s ? s->text : "");
        return whole_number(p, t, text, kind, out);
    }
}

/* ---- typed literals: DATE '…' */

static silt_status typed_date(silt_parser *p, const silt_token *t, const silt_expr **out)
{
    int64_t days;
    char text[SILT_DATE_SIZE];
    silt_spark_result result = silt_spark_date(silt_bytes_of(t->text), &days);
    if (result != SILT_SPARK_VALUE)
        return silt_expr_fail(p->err, result == SILT_SPARK_BEYOND ? SILT_UNSUPPORTED : SILT_INVALID,
                              p->text, t->offset, "a date like '2024-01-15' expected");
    silt_date_format(days, text);
    return silt_parser_literal(p, t->offset, silt_type_primitive(SILT_TYPE_DATE),
                               silt_arena_strdup(p->arena, text), out);
}

static silt_status typed_timestamp(silt_parser *p, const silt_token *t, bool zoned,
                                   const silt_expr **out)
{
    int64_t us;
    char text[SILT_VALUE_TIME_SIZE];
    silt_spark_result result = silt_spark_timestamp(silt_bytes_of(t->text), zoned, &us);
    if (result != SILT_SPARK_VALUE)
        return silt_expr_fail(p->err, result == SILT_SPARK_BEYOND ? SILT_UNSUPPORTED : SILT_INVALID,
                              p->text, t->offset,
                              "a timestamp like '2024-01-15 10:00:00' or with 'Z' or '+01:00' "
                              "behind it expected");
    silt_value_print_time(us, zoned, text);
    return silt_parser_literal(
        p, t->offset, silt_type_primitive(zoned ? SILT_TYPE_TIMESTAMP : SILT_TYPE_TIMESTAMP_NTZ),
        silt_arena_strdup(p->arena, text), out);
}

static silt_status typed_binary(silt_parser *p, const silt_token *t, const silt_expr **out)
{
    size_t size = t->text_size, odd = size % 2;
    char *digits = silt_arena_printf(p->arena, "%s%s", odd ? "0" : "", t->text);
    if (!digits) return silt_fail_nomem(p->err);
    for (char *c = digits; *c; c++) {
        if (*c >= 'a' && *c <= 'f') *c = (char)(*c - 'a' + 'A');
        if (!strchr("0123456789ABCDEF", *c))
            return silt_expr_fail(p->err, SILT_INVALID, p->text, t->offset,
                                  "hexadecimal digits expected");
    }
    return silt_parser_literal(p, t->offset, silt_type_primitive(SILT_TYPE_BINARY), digits, out);
}

/* WORD 'text', where WORD says what the text is; `*done` false: none. */
static silt_status parse_typed(silt_parser *p, const silt_expr **out, bool *done)
{
    const silt_token *t = silt_parser_peek(p, 1);
    *done = t->kind == SILT_TOKEN_STRING;
    if (!*done) return SILT_OK;
    const char *word = silt_parser_peek(p, 0)->text;
    size_t at = silt_parser_peek(p, 0)->offset;
    p->at += 2;
    if (strcasecmp(word, "DATE") == 0) return typed_date(p, t, out);
    if (strcasecmp(word, "TIMESTAMP") == 0 || strcasecmp(word, "TIMESTAMP_LTZ") == 0)
        return typed_timestamp(p, t, true, out);
    if (strcasecmp(word, "TIMESTAMP_NTZ") == 0) return typed_timestamp(p, t, false, out);
    if (strcasecmp(word, "X") == 0) return typed_binary(p, t, out);
    if (strcasecmp(word, "INTERVAL") == 0)
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, at, "INTERVAL isn't supported");
    p->at--;
    return silt_parser_expected(p, "an operator");
}

/* ---- types */

silt_status silt_parse_type(silt_parser *p, const silt_type **out)
{
    const silt_token *first = silt_parser_peek(p, 0), *last = first;
    if (first->kind != SILT_TOKEN_NAME) return silt_parser_expected(p, "a type");
    p->at++;
    if (silt_parser_take_sign(p, "(")) {
        while (!silt_parser_is_sign(p, 0, ")") && silt_parser_peek(p, 0)->kind != SILT_TOKEN_END)
            p->at++;
        last = silt_parser_peek(p, 0);
        SILT_TRY(silt_parser_need_sign(p, ")"));
    }
    if (silt_parser_is_sign(p, 0, "<") &&
        (strcasecmp(first->text, "array") == 0 || strcasecmp(first->text, "map") == 0 ||
         strcasecmp(first->text, "struct") == 0))
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, first->offset,
                              "casts to %s aren't supported", first->text);
    silt_error why = {0};
    char *text = silt_arena_strndup(p->arena, p->text + first->offset,
                                    last->offset + last->size - first->offset);
    if (!text) return silt_fail_nomem(p->err);
    silt_status st = silt_type_parse(text, p->arena, out, &why);
    if (st == SILT_NOMEM) return silt_fail_nomem(p->err);
    if (st != SILT_OK)
        return silt_expr_fail(p->err, SILT_INVALID, p->text, first->offset, "%s is no type", text);
    return SILT_OK;
}

static silt_status make_cast(silt_parser *p, size_t offset, const silt_expr *value,
                             const silt_type *type, const silt_expr **out)
{
    return silt_parser_call(p, offset, SILT_OP_CAST, type, &value, 1, out);
}

static silt_status parse_cast(silt_parser *p, size_t offset, const silt_expr **out)
{
    const silt_type *type;
    const silt_expr *value;
    SILT_TRY(silt_parse_expr(p, &value));
    SILT_TRY(silt_parser_need_word(p, "AS"));
    SILT_TRY(silt_parse_type(p, &type));
    SILT_TRY(silt_parser_need_sign(p, ")"));
    return make_cast(p, offset, value, type, out);
}

/* ---- CASE */

static silt_status parse_case(silt_parser *p, size_t offset, const silt_expr **out)
{
    SILT_CLEAN(silt_expr_list) args = {0};
    const silt_expr *value = NULL, *e;
    if (!silt_parser_is_word(p, 0, "WHEN")) SILT_TRY(silt_parse_expr(p, &value));
    while (silt_parser_take_word(p, "WHEN")) {
        SILT_TRY(silt_parse_expr(p, &e));
        if (value) SILT_TRY(silt_parser_call2(p, e->offset, SILT_OP_EQ, value, e, &e));
        if (!silt_vec_push(&args, e)) return silt_fail_nomem(p->err);
        SILT_TRY(silt_parser_need_word(p, "THEN"));
        SILT_TRY(silt_parse_expr(p, &e));
        if (!silt_vec_push(&args, e)) return silt_fail_nomem(p->err);
    }
    if (args.count == 0) return silt_parser_expected(p, "WHEN");
    if (silt_parser_take_word(p, "ELSE")) {
        SILT_TRY(silt_parse_expr(p, &e));
        if (!silt_vec_push(&args, e)) return silt_fail_nomem(p->err);
    }
    SILT_TRY(silt_parser_need_word(p, "END"));
    return silt_parser_call(p, offset, SILT_OP_CASE, NULL, args.items, args.count, out);
}

/* ---- calls */

static silt_status unit_call(silt_parser *p, size_t offset, const char *unit,
                             const silt_expr *value, const silt_expr **out)
{
    silt_expr_op op = silt_expr_unit_op(unit);
    if (op == SILT_OP_COUNT)
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, offset,
                              "the part %s of a date isn't supported", unit);
    return silt_parser_call1(p, offset, op, value, out);
}

static silt_status parse_extract(silt_parser *p, size_t offset, const silt_expr **out)
{
    const silt_token *unit = silt_parser_peek(p, 0);
    const silt_expr *value;
    if (unit->kind != SILT_TOKEN_NAME) return silt_parser_expected(p, "a part of a date");
    p->at++;
    SILT_TRY(silt_parser_need_word(p, "FROM"));
    SILT_TRY(silt_parse_expr(p, &value));
    SILT_TRY(silt_parser_need_sign(p, ")"));
    return unit_call(p, offset, unit->text, value, out);
}

/* The call of a form that isn't plain. */
static silt_status formed_call(silt_parser *p, size_t offset, const silt_function *f,
                               const silt_expr **args, const silt_expr **out)
{
    const silt_expr *e;
    const silt_type *type = NULL;
    switch (f->form) {
    case SILT_FORM_NOT:
        SILT_TRY(silt_parser_call1(p, offset, f->op, args[0], &e));
        return silt_parser_call1(p, offset, SILT_OP_NOT, e, out);
    case SILT_FORM_IF:
        return silt_parser_call(p, offset, SILT_OP_CASE, NULL, args, 3, out);
    case SILT_FORM_NVL2:
        SILT_TRY(silt_parser_call1(p, offset, SILT_OP_IS_NULL, args[0], &e));
        SILT_TRY(silt_parser_call1(p, offset, SILT_OP_NOT, e, &args[0]));
        return silt_parser_call(p, offset, SILT_OP_CASE, NULL, args, 3, out);
    case SILT_FORM_SUBTRACT:
        SILT_TRY(silt_parser_call1(p, args[1]->offset, SILT_OP_NEGATE, args[1], &e));
        return silt_parser_call2(p, offset, f->op, args[0], e, out);
    case SILT_FORM_LEFT:
        args[2] = args[1];
        SILT_TRY(
            silt_parser_literal(p, offset, silt_type_primitive(SILT_TYPE_INTEGER), "1", &args[1]));
        return silt_parser_call(p, offset, f->op, NULL, args, 3, out);
    case SILT_FORM_UNIT:
        if (args[0]->kind != SILT_EXPR_LITERAL || !args[0]->text)
            return silt_expr_fail(p->err, SILT_INVALID, p->text, args[0]->offset,
                                  "%s: its first argument has to be a literal", f->name);
        return unit_call(p, offset, args[0]->text, args[1], out);
    case SILT_FORM_CONVERT:
        SILT_TRY(silt_type_parse(f->type, p->arena, &type, p->err));
        return make_cast(p, offset, args[0], type, out);
    default:
        *out = args[0]; /* POSITIVE */
        return SILT_OK;
    }
}

static silt_status parse_args(silt_parser *p, const silt_function *f, silt_expr_list *args)
{
    bool from = f->op == SILT_OP_SUBSTRING; /* substring(text FROM start FOR length) */
    if (silt_parser_take_sign(p, ")")) return SILT_OK;
    for (;;) {
        const silt_expr *arg;
        SILT_TRY(silt_parse_expr(p, &arg));
        if (!silt_vec_push(args, arg)) return silt_fail_nomem(p->err);
        if (silt_parser_take_sign(p, ",")) continue;
        if (from && args->count == 1 && silt_parser_take_word(p, "FROM")) continue;
        if (from && args->count == 2 && silt_parser_take_word(p, "FOR")) continue;
        if (silt_parser_take_sign(p, ")")) return SILT_OK;
        return silt_parser_expected(p, "',' or ')'");
    }
}

static silt_status parse_function(silt_parser *p, const silt_token *name, const silt_expr **out)
{
    SILT_CLEAN(silt_expr_list) args = {0};
    const silt_function *f = silt_function_find(name->text);
    if (!f) {
        const char *closest = silt_function_closest(name->text);
        silt_status st = silt_expr_fail(p->err, SILT_INVALID, p->text, name->offset,
                                        "there is no function %s", name->text);
        return closest ? silt_hint(p->err, st, "did you mean %s?", closest) : st;
    }
    SILT_TRY(parse_args(p, f, &args));
    if (args.count < f->least || (args.count > f->most && f->most < 255))
        return silt_expr_fail(p->err, SILT_INVALID, p->text, name->offset,
                              f->least == f->most ? "%s takes %d arguments"
                                                  : "%s takes %d to %d arguments",
                              f->name, f->least, f->most);
    if (f->form == SILT_FORM_CALL)
        return silt_parser_call(p, name->offset, f->op, NULL, args.items, args.count, out);
    const silt_expr *own[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < args.count; i++)
        own[i] = args.items[i];
    return formed_call(p, name->offset, f, own, out);
}

/* ---- names */

/* a.`b c`.d */
static silt_status parse_column(silt_parser *p, const silt_expr **out)
{
    const silt_token *t = silt_parser_peek(p, 0);
    size_t offset = t->offset, count = 0;
    for (size_t ahead = 0; ahead == 0 || silt_parser_is_sign(p, ahead - 1, "."); ahead += 2)
        count++;
    const char **path = silt_arena_calloc(p->arena, count, sizeof *path);
    if (!path) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < count; i++) {
        if (i) p->at++;
        t = silt_parser_peek(p, 0);
        if (t->kind != SILT_TOKEN_NAME && t->kind != SILT_TOKEN_QUOTED)
            return silt_parser_expected(p, "a field's name");
        path[i] = t->text;
        p->at++;
    }
    if (silt_parser_is_sign(p, 0, "["))
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, silt_parser_peek(p, 0)->offset,
                              "items of arrays and maps aren't supported");
    return silt_parser_column(p, offset, path, count, out);
}

/* Words that begin something else, and would be odd as bare names. */
static bool is_reserved(const char *word)
{
    static const char *const words[] = {
        "AND", "OR", "NOT",   "IN",     "IS",   "LIKE",   "BETWEEN", "WHEN", "THEN",  "ELSE",
        "END", "AS", "RLIKE", "ESCAPE", "FROM", "SELECT", "CASE",    "CAST", "EXISTS"};
    for (size_t i = 0; i < SILT_COUNT(words); i++)
        if (strcasecmp(words[i], word) == 0) return true;
    return false;
}

static silt_status parse_word(silt_parser *p, const silt_expr **out)
{
    const silt_token *t = silt_parser_peek(p, 0);
    const silt_type *boolean = silt_type_primitive(SILT_TYPE_BOOLEAN);
    bool call = silt_parser_is_sign(p, 1, "("), done;
    if (strcasecmp(t->text, "CASE") == 0) {
        p->at++;
        return parse_case(p, t->offset, out);
    }
    if (call && !is_reserved(t->text)) {
        p->at += 2;
        if (strcasecmp(t->text, "TRY_CAST") == 0) return parse_cast(p, t->offset, out);
        if (strcasecmp(t->text, "EXTRACT") == 0) return parse_extract(p, t->offset, out);
        return parse_function(p, t, out);
    }
    if (call && strcasecmp(t->text, "CAST") == 0) {
        p->at += 2;
        return parse_cast(p, t->offset, out);
    }
    SILT_TRY(parse_typed(p, out, &done));
    if (done) return SILT_OK;
    bool member = silt_parser_is_sign(p, 1, ".");
    if (!member && strcasecmp(t->text, "INTERVAL") == 0 &&
        silt_parser_peek(p, 1)->kind == SILT_TOKEN_NUMBER)
        return silt_expr_fail(p->err, SILT_UNSUPPORTED, p->text, t->offset,
                              "INTERVAL isn't supported");
    bool truth = strcasecmp(t->text, "TRUE") == 0;
    if (!member && (truth || strcasecmp(t->text, "FALSE") == 0)) {
        p->at++;
        return silt_parser_literal(p, t->offset, boolean, truth ? "true" : "false", out);
    }
    if (!member && strcasecmp(t->text, "NULL") == 0) {
        p->at++;
        return silt_parser_null(p, t->offset, out);
    }
    bool date = strcasecmp(t->text, "CURRENT_DATE") == 0;
    if (!member && (date || strcasecmp(t->text, "CURRENT_TIMESTAMP") == 0)) {
        p->at++;
        return silt_parser_call(p, t->offset,
                                date ? SILT_OP_CURRENT_DATE : SILT_OP_CURRENT_TIMESTAMP, NULL, NULL,
                                0, out);
    }
    if (is_reserved(t->text)) return silt_parser_expected(p, "a value");
    return parse_column(p, out);
}

/* Texts behind each other are one. */
static silt_status parse_string(silt_parser *p, const silt_expr **out)
{
    size_t offset = silt_parser_peek(p, 0)->offset;
    SILT_CLEAN(silt_buf) text = {0};
    silt_buf_puts(&text, "");
    for (; silt_parser_peek(p, 0)->kind == SILT_TOKEN_STRING; p->at++)
        silt_buf_puts(&text, silt_parser_peek(p, 0)->text);
    return silt_parser_literal(p, offset, silt_type_primitive(SILT_TYPE_STRING),
                               silt_buf_copy(&text, p->arena), out);
}

silt_status silt_parse_primary(silt_parser *p, const silt_expr **out)
{
    const silt_token *t = silt_parser_peek(p, 0);
    switch (t->kind) {
    case SILT_TOKEN_NUMBER:
        SILT_TRY(silt_parse_number(p, false, out));
        break;
    case SILT_TOKEN_STRING:
        SILT_TRY(parse_string(p, out));
        break;
    case SILT_TOKEN_QUOTED:
        SILT_TRY(parse_column(p, out));
        break;
    case SILT_TOKEN_NAME:
        SILT_TRY(parse_word(p, out));
        break;
    default:
        if (silt_parser_is_sign(p, 0, "-") && silt_parser_peek(p, 1)->kind == SILT_TOKEN_NUMBER) {
            p->at++;
            SILT_TRY(silt_parse_number(p, true, out));
            break;
        }
        if (!silt_parser_take_sign(p, "(")) return silt_parser_expected(p, "a value");
        SILT_TRY(silt_parse_expr(p, out));
        SILT_TRY(silt_parser_need_sign(p, ")"));
        break;
    }
    while (silt_parser_take_sign(p, "::")) {
        const silt_type *type;
        SILT_TRY(silt_parse_type(p, &type));
        SILT_TRY(make_cast(p, t->offset, *out, type, out));
    }
    return SILT_OK;
}
