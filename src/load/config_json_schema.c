/* The table of keys as a JSON Schema, for editors: what isn't supported yet isn't offered. */
#include "base/json.h"
#include "load/config_tree.h"

static void put_keys(silt_json_writer *w, const silt_config_key *keys, bool root);

static void put_choices(silt_json_writer *w, const silt_config_choice *choices)
{
    silt_json_key(w, "enum");
    silt_json_begin_array(w);
    for (const silt_config_choice *c = choices; c->text; c++)
        if (!c->instead) silt_json_put_string(w, c->text);
    silt_json_end_array(w);
}

static void put_text(silt_json_writer *w, const silt_config_key *k)
{
    if (k->loose)
        silt_json_member_raw(w, "type", "[\"string\",\"number\"]");
    else
        silt_json_member_string(w, "type", "string");
    if (k->kind == SILT_KEY_NAME)
        silt_json_member_string(w, "pattern", "^([A-Za-z0-9._-]|\\$\\{.*\\})+$");
    if (k->kind == SILT_KEY_CHAR) silt_json_member_int(w, "maxLength", 1);
    if (k->kind == SILT_KEY_TEXT && !k->loose) silt_json_member_int(w, "minLength", 1);
}

/* A number, or a text that becomes one by a variable. */
static void put_number(silt_json_writer *w, const silt_config_key *k)
{
    silt_json_key(w, "anyOf");
    silt_json_begin_array(w);
    silt_json_begin_object(w);
    silt_json_member_string(w, "type", k->kind == SILT_KEY_NUMBER ? "number" : "integer");
    if (k->kind == SILT_KEY_NUMBER && k->min)
        silt_json_member_int(w, "exclusiveMinimum", 0);
    else
        silt_json_member_int(w, "minimum", k->min);
    if (k->max < INT32_MAX) silt_json_member_int(w, "maximum", k->max);
    silt_json_end_object(w);
    silt_json_begin_object(w);
    silt_json_member_string(w, "type", "string");
    silt_json_member_string(w, "pattern",
                            k->kind == SILT_KEY_SIZE
                                ? "^(\\$\\{.*\\}|[0-9.]+ *([kKmMgGtT]?[iI]?[bB])?)$"
                                : "^\\$\\{.*\\}$");
    silt_json_end_object(w);
    silt_json_end_array(w);
}

static void put_columns(silt_json_writer *w)
{
    silt_json_member_raw(
        w, "anyOf",
        "[{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
        "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"name\",\"type\"],\"properties\":{\"name\":{\"type\":\"string\"},"
        "\"type\":{\"type\":\"string\"},\"nullable\":{\"type\":\"boolean\"}}}}]");
}

static void put_type(silt_json_writer *w, const silt_config_key *k)
{
    switch (k->kind) {
    case SILT_KEY_TEXT:
    case SILT_KEY_NAME:
    case SILT_KEY_CHAR:
    case SILT_KEY_INTERVAL:
        put_text(w, k);
        break;
    case SILT_KEY_BOOL:
        silt_json_member_string(w, "type", "boolean");
        break;
    case SILT_KEY_INT:
    case SILT_KEY_NUMBER:
    case SILT_KEY_SIZE:
        put_number(w, k);
        break;
    case SILT_KEY_CHOICE:
        put_choices(w, k->choices);
        break;
    case SILT_KEY_TEXTS:
        silt_json_member_raw(
            w, "anyOf",
            k->loose
                ? "[{\"type\":[\"string\",\"number\"]},"
                  "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\"]}}]"
                : "[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]");
        break;
    case SILT_KEY_PAIRS:
        silt_json_member_string(w, "type", "object");
        silt_json_member_raw(w, "additionalProperties",
                             "{\"type\":[\"string\",\"number\",\"boolean\"]}");
        break;
    case SILT_KEY_SCHEMA:
        put_columns(w);
        break;
    case SILT_KEY_OBJECT:
        put_keys(w, k->keys, false);
        break;
    case SILT_KEY_LIST:
    case SILT_KEY_MAP:
        silt_json_member_string(w, "type", k->kind == SILT_KEY_LIST ? "array" : "object");
        if (k->kind == SILT_KEY_LIST && k->required) silt_json_member_int(w, "minItems", 1);
        silt_json_key(w, k->kind == SILT_KEY_LIST ? "items" : "additionalProperties");
        silt_json_begin_object(w);
        put_keys(w, k->keys, false);
        silt_json_end_object(w);
        break;
    case SILT_KEY_LATER:
        break; /* not offered */
    }
}

static void put_default(silt_json_writer *w, const silt_config_key *k)
{
    bool plain = k->kind == SILT_KEY_BOOL || k->kind == SILT_KEY_INT || k->kind == SILT_KEY_NUMBER;
    if (k->fallback && plain)
        silt_json_member_raw(w, "default", k->fallback);
    else if (k->fallback)
        silt_json_member_string(w, "default", k->fallback);
}

static void put_keys(silt_json_writer *w, const silt_config_key *keys, bool root)
{
    silt_json_member_string(w, "type", "object");
    silt_json_member_bool(w, "additionalProperties", false);
    if (root) silt_json_member_raw(w, "patternProperties", "{\"^x-\":{}}");
    silt_json_key(w, "properties");
    silt_json_begin_object(w);
    bool required = false;
    for (const silt_config_key *k = keys; k->name; k++) {
        if (k->kind == SILT_KEY_LATER) continue;
        required = required || k->required;
        silt_json_key(w, k->name);
        silt_json_begin_object(w);
        silt_json_member_string(w, "description", k->about);
        put_type(w, k);
        put_default(w, k);
        silt_json_end_object(w);
    }
    silt_json_end_object(w);
    if (!required) return;
    silt_json_key(w, "required");
    silt_json_begin_array(w);
    for (const silt_config_key *k = keys; k->name; k++)
        if (k->required) silt_json_put_string(w, k->name);
    silt_json_end_array(w);
}

char *silt_config_json_schema(silt_arena *arena)
{
    SILT_CLEAN(silt_buf) buf = {0};
    silt_json_writer w = silt_json_writer_of(&buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    silt_json_member_string(&w, "title", "Silt pipeline");
    put_keys(&w, silt_config_root_keys, true);
    silt_json_end_object(&w);
    return silt_buf_copy(&buf, arena);
}
