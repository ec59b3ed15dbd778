/* ${VAR} and ${VAR:-default} in the texts of a pipeline file. */
#include "load/config_tree.h"

static bool name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static const char *look_up(const silt_config_reader *r, const char *name)
{
    if (r->opts && r->opts->variable) return r->opts->variable(r->opts->ctx, name);
    return getenv(name);
}

/* What stands in ${…}: `at` behind the brace. Gives what follows the closing brace; NULL: a
 * mistake. */
static const char *replace_one(silt_config_reader *r, const silt_config_node *node,
                               const char *path, const char *at, silt_buf *out)
{
    const char *end = strchr(at, '}');
    size_t size = 0;
    while (name_byte(at[size]))
        size++;
    bool fallback = at[size] == ':' && at[size + 1] == '-';
    if (!end || size == 0 || (!fallback && at[size] != '}')) {
        silt_config_mistake(r, node->line, node->column, path,
                            "found \"${%.60s\"; write ${NAME} or ${NAME:-default}, and $${ for a "
                            "plain ${",
                            at);
        return NULL;
    }
    char *name = silt_arena_strndup(r->arena, at, size);
    if (!name) {
        r->no_memory = true;
        return NULL;
    }
    const char *value = look_up(r, name);
    if (fallback && (!value || !value[0]))
        silt_buf_append(out, at + size + 2, (size_t)(end - at) - size - 2);
    else if (value)
        silt_buf_puts(out, value);
    else {
        silt_config_mistake(
            r, node->line, node->column, path,
            "the environment variable %s isn't set; set it, or write ${%s:-default}", name, name);
        return NULL;
    }
    return end + 1;
}

static void replace_text(silt_config_reader *r, silt_config_node *node, const char *path)
{
    SILT_CLEAN(silt_buf) out = {0};
    const char *at = node->text;
    for (const char *next; (next = strstr(at, "${")); at = next) {
        silt_buf_append(&out, at, (size_t)(next - at));
        if (next > node->text && next[-1] == '$' && next > at) { /* "$${" */
            out.size--;
            silt_buf_puts(&out, "${");
            next += 2;
            continue;
        }
        next = replace_one(r, node, path, next + 2, &out);
        node->from_variable = true;
        if (!next) {
            node->broken = true;
            r->no_memory = r->no_memory || out.failed;
            return;
        }
    }
    silt_buf_puts(&out, at);
    const char *text = silt_buf_copy(&out, r->arena);
    if (!text)
        r->no_memory = true;
    else if (!silt_utf8_valid(silt_bytes_of(text))) {
        silt_config_mistake(r, node->line, node->column, path,
                            "the environment variable's value isn't UTF-8");
        node->broken = true;
    } else
        node->text = text;
}

const char *silt_config_join(silt_config_reader *r, const char *path, const char *key, size_t index)
{
    const char *text =
        key ? silt_arena_printf(r->arena, "%s%s%.200s", path, path[0] ? "." : "", key)
            : silt_arena_printf(r->arena, "%s[%zu]", path, index);
    if (!text) r->no_memory = true;
    return text ? text : "";
}

void silt_config_replace(silt_config_reader *r, silt_config_node *node, const char *path)
{
    if (node->replaced) return; /* an alias: once is enough */
    node->replaced = true;
    if (node->kind == SILT_CONFIG_TEXT && strstr(node->text, "${")) replace_text(r, node, path);
    for (size_t i = 0; i < node->count; i++)
        silt_config_replace(r, node->items[i].value,
                            silt_config_join(r, path, node->items[i].key, i));
}
