/* Single values of a pipeline file: what YAML takes them for, whether the key allows them. */
#include "load/config_tree.h"
#include "log/property.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

bool silt_config_is_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) return false;
    return text[0] && (unsigned char)text[0] < 0x80;
}

static bool number_of(const char *text, double *out)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!isdigit((unsigned char)digits[0]) && digits[0] != '.') return false;
    if (digits[strspn(digits, "0123456789.eE+-")]) return false; /* no hex, no nan */
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || !isfinite(value)) return false;
    *out = value;
    return true;
}

silt_config_scalar silt_config_scalar_of(const silt_config_node *node)
{
    static const char *const truths[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    double number;
    if (node->quoted && !node->from_variable) return SILT_CONFIG_IS_TEXT;
    for (size_t i = 0; i < SILT_COUNT(truths); i++)
        if (silt_streq(node->text, truths[i]))
            return i < 3 ? SILT_CONFIG_IS_TRUE : SILT_CONFIG_IS_FALSE;
    return number_of(node->text, &number) ? SILT_CONFIG_IS_NUMBER : SILT_CONFIG_IS_TEXT;
}

const char *silt_config_found(silt_config_reader *r, const silt_config_node *node)
{
    const char *text = NULL;
    switch (node->kind) {
    case SILT_CONFIG_NULL:
        return "nothing";
    case SILT_CONFIG_LIST:
        return "a list";
    case SILT_CONFIG_MAP:
        return "a map";
    case SILT_CONFIG_TEXT:
        if (silt_config_scalar_of(node) == SILT_CONFIG_IS_TEXT)
            text = silt_arena_printf(r->arena, "\"%.100s\"", node->text);
        else
            text = silt_arena_printf(r->arena, "%.100s", node->text);
        break;
    }
    if (!text) r->no_memory = true;
    return text ? text : "";
}

static void wrong(silt_config_reader *r, const silt_config_node *node, const char *path,
                  const char *allowed)
{
    silt_config_mistake(r, node->line, node->column, path, "found %s; %s",
                        silt_config_found(r, node), allowed);
}

/* ---- texts */

/* The text of a node that has to be one; NULL: a mistake was noted. */
static const char *text_of(silt_config_reader *r, const silt_config_key *key,
                           const silt_config_node *node, const char *path)
{
    bool any = key->loose || node->from_variable || key->kind == SILT_KEY_PAIRS;
    if (node->kind != SILT_CONFIG_TEXT) {
        wrong(r, node, path, "a text is allowed");
        return NULL;
    }
    if (!any && silt_config_scalar_of(node) != SILT_CONFIG_IS_TEXT) {
        wrong(r, node, path, "a text is allowed: put it in quotes");
        return NULL;
    }
    if (!node->text[0] && !key->loose && key->kind != SILT_KEY_PAIRS &&
        key->kind != SILT_KEY_CHAR) {
        wrong(r, node, path, "it can't be empty");
        return NULL;
    }
    return node->text;
}

static void set_name(silt_config_reader *r, const silt_config_key *key,
                     const silt_config_node *node, const char *path, const char **out)
{
    const char *text = text_of(r, key, node, path);
    if (text && silt_config_is_name(text))
        *out = text;
    else if (text)
        wrong(r, node, path, "a name is made of letters A-Z, digits, '.', '_' and '-'");
}

static void set_char(silt_config_reader *r, const silt_config_key *key,
                     const silt_config_node *node, const char *path, const char **out)
{
    const char *text = text_of(r, key, node, path);
    if (text && strlen(text) <= 1)
        *out = text;
    else if (text)
        wrong(r, node, path, "one character is allowed, or \"\" for none");
}

static void set_texts(silt_config_reader *r, const silt_config_key *key,
                      const silt_config_node *node, const char *path, silt_names *out)
{
    size_t count = node->kind == SILT_CONFIG_LIST ? node->count : 1;
    if (node->kind == SILT_CONFIG_MAP || node->kind == SILT_CONFIG_NULL ||
        (key->required && count == 0)) {
        wrong(r, node, path, count ? "a text or a list of texts is allowed" : "it can't be empty");
        return;
    }
    const char **items = silt_arena_calloc(r->arena, count, sizeof(*items));
    if (!items) {
        r->no_memory = true;
        return;
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        const silt_config_node *item = node->kind == SILT_CONFIG_LIST ? node->items[i].value : node;
        if (item->broken)
            good = false;
        else if (item == node)
            items[i] = text_of(r, key, item, path);
        else
            items[i] = text_of(r, key, item, silt_config_join(r, path, NULL, i));
        good = good && items[i];
    }
    if (good) *out = (silt_names){items, count};
}

static void set_pairs(silt_config_reader *r, const silt_config_key *key,
                      const silt_config_node *node, const char *path, silt_pairs *out)
{
    if (node->kind == SILT_CONFIG_NULL) return;
    if (node->kind != SILT_CONFIG_MAP) {
        wrong(r, node, path, "a map of texts is allowed");
        return;
    }
    silt_pair *items = silt_arena_calloc(r->arena, node->count, sizeof(*items));
    if (!items) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const silt_config_entry *e = &node->items[i];
        items[i].key = e->key;
        if (!e->value->broken)
            items[i].value = text_of(r, key, e->value, silt_config_join(r, path, e->key, i));
    }
    *out = (silt_pairs){items, node->count};
}

/* ---- numbers */

static void set_bool(silt_config_reader *r, const silt_config_node *node, const char *path,
                     bool *out)
{
    silt_config_scalar is =
        node->kind == SILT_CONFIG_TEXT ? silt_config_scalar_of(node) : SILT_CONFIG_IS_TEXT;
    if (is == SILT_CONFIG_IS_TRUE || is == SILT_CONFIG_IS_FALSE)
        *out = is == SILT_CONFIG_IS_TRUE;
    else
        wrong(r, node, path, "true or false is allowed");
}

static void set_int(silt_config_reader *r, const silt_config_key *key, const silt_config_node *node,
                    const char *path, int64_t *out)
{
    int64_t value;
    if (node->kind == SILT_CONFIG_TEXT && silt_config_scalar_of(node) == SILT_CONFIG_IS_NUMBER &&
        silt_parse_int64(node->text, &value) && value >= key->min && value <= key->max) {
        *out = value;
        return;
    }
    char allowed[96];
    if (key->max == INT32_MAX)
        snprintf(allowed, sizeof(allowed), "a whole number, %" PRId64 " or more, is allowed",
                 key->min);
    else
        snprintf(allowed, sizeof(allowed),
                 "a whole number from %" PRId64 " to %" PRId64 " is allowed", key->min, key->max);
    wrong(r, node, path, allowed);
}

static void set_number(silt_config_reader *r, const silt_config_key *key,
                       const silt_config_node *node, const char *path, int64_t *out)
{
    double value;
    if (node->kind == SILT_CONFIG_TEXT && silt_config_scalar_of(node) == SILT_CONFIG_IS_NUMBER &&
        number_of(node->text, &value) && value >= 0 && value <= (double)key->max) {
        int64_t scaled = (int64_t)llround(value * (double)key->factor);
        if (scaled > 0 || (key->min == 0 && value == 0)) {
            *out = scaled;
            return;
        }
    }
    char allowed[96];
    snprintf(allowed, sizeof(allowed), "a number %s and at most %" PRId64 " is allowed",
             key->min ? "above 0" : "from 0", key->max);
    wrong(r, node, path, allowed);
}

static bool size_of(const char *text, double *out)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1},      {"b", 1},        {"kb", 1e3},     {"mb", 1e6},     {"gb", 1e9},
                 {"tb", 1e12}, {"kib", 0x1p10}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"tib", 0x1p40}};
    char number[32];
    size_t size = strspn(text, "0123456789.");
    if (size == 0 || size >= sizeof(number)) return false;
    memcpy(number, text, size);
    number[size] = '\0';
    text += size;
    while (*text == ' ')
        text++;
    for (size_t i = 0; i < SILT_COUNT(units); i++) {
        if (strcasecmp(text, units[i].unit) != 0) continue;
        if (!number_of(number, out)) return false;
        *out *= units[i].factor;
        return true;
    }
    return false;
}

static void set_size(silt_config_reader *r, const silt_config_key *key,
                     const silt_config_node *node, const char *path, int64_t *out)
{
    double value;
    if (node->kind != SILT_CONFIG_TEXT || !size_of(node->text, &value))
        wrong(r, node, path, "a size is allowed, as 2GB, 512MB, 1GiB or a number of bytes");
    else if (value < (double)key->min || value > 0x1p62)
        wrong(r, node, path,
              value > 0x1p62 ? "that is too much"
              : key->min > 1 ? "that is too little: the least is 1 MiB (memory_limit: 64 MiB)"
                             : "it has to be above 0");
    else
        *out = (int64_t)value;
}

static void set_interval(silt_config_reader *r, const silt_config_node *node, const char *path,
                         int64_t *out)
{
    int64_t ms;
    if (node->kind == SILT_CONFIG_TEXT && silt_interval_parse_ms(node->text, &ms) && ms > 0)
        *out = ms;
    else
        wrong(r, node, path, "a length of time is allowed, as 30 days or 12 hours");
}

/* ---- one of some */

static const char *choices_text(silt_config_reader *r, const silt_config_choice *choices)
{
    SILT_CLEAN(silt_buf) text = {0};
    for (const silt_config_choice *c = choices; c->text; c++)
        if (!c->instead) silt_buf_printf(&text, "%s%s", text.size ? ", " : "", c->text);
    const char *copy = silt_buf_copy(&text, r->arena);
    if (!copy) r->no_memory = true;
    return copy ? copy : "";
}

static void set_choice(silt_config_reader *r, const silt_config_key *key,
                       const silt_config_node *node, const char *path, int64_t *out)
{
    const char *text = node->kind == SILT_CONFIG_TEXT ? node->text : NULL;
    if (node->kind == SILT_CONFIG_MAP && node->count == 1) text = node->items[0].key;
    for (const silt_config_choice *c = key->choices; text && c->text; c++) {
        if (!silt_streq(c->text, text)) continue;
        if (!c->instead && node->kind == SILT_CONFIG_TEXT) {
            *out = c->value;
            return;
        }
        if (!c->instead) break;
        if (c->instead[0])
            silt_config_mistake(r, node->line, node->column, path, "found %s; %s", text,
                                c->instead);
        else
            silt_config_mistake(r, node->line, node->column, path,
                                "%s isn't supported yet; allowed: %s", text,
                                choices_text(r, key->choices));
        return;
    }
    silt_config_mistake(r, node->line, node->column, path, "found %s; allowed: %s",
                        silt_config_found(r, node), choices_text(r, key->choices));
}

void silt_config_leaf(silt_config_reader *r, const silt_config_key *key,
                      const silt_config_node *node, const char *path, void *into)
{
    void *at = (char *)into + key->offset;
    if (node->broken) return;
    switch (key->kind) {
    case SILT_KEY_TEXT: {
        const char *text = text_of(r, key, node, path);
        if (text) *(const char **)at = text;
        break;
    }
    case SILT_KEY_NAME:
        set_name(r, key, node, path, at);
        break;
    case SILT_KEY_CHAR:
        set_char(r, key, node, path, at);
        break;
    case SILT_KEY_BOOL:
        set_bool(r, node, path, at);
        break;
    case SILT_KEY_INT:
        set_int(r, key, node, path, at);
        break;
    case SILT_KEY_NUMBER:
        set_number(r, key, node, path, at);
        break;
    case SILT_KEY_SIZE:
        set_size(r, key, node, path, at);
        break;
    case SILT_KEY_INTERVAL:
        set_interval(r, node, path, at);
        break;
    case SILT_KEY_CHOICE:
        set_choice(r, key, node, path, at);
        break;
    case SILT_KEY_TEXTS:
        set_texts(r, key, node, path, at);
        break;
    case SILT_KEY_PAIRS:
        set_pairs(r, key, node, path, at);
        break;
    case SILT_KEY_SCHEMA:
        *(const silt_type **)at = silt_config_columns(r, node, path);
        break;
    case SILT_KEY_OBJECT:
    case SILT_KEY_LIST:
    case SILT_KEY_MAP:
    case SILT_KEY_LATER:
        break; /* not leaves */
    }
}
