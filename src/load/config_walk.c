/* Maps of a pipeline file against the table of keys: unknown, missing, not built yet. */
#include "load/config_tree.h"

#include <ctype.h>

#define WORD_MAX 40 /* bytes of a key that suggestions are looked for */

/* Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, case left aside. */
static size_t distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b), d[3][WORD_MAX + 1];
    if (m > WORD_MAX || n > WORD_MAX) return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *row = d[i % 3], *above = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            size_t best = above[j - 1] + (x != y);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[m % 3][n];
}

static const char *nearest(const silt_config_key *keys, const char *text)
{
    const char *best = NULL;
    size_t best_distance = strlen(text) / 3 + 1;
    for (const silt_config_key *k = keys; k->name; k++) {
        size_t edits = distance(text, k->name);
        if (edits > best_distance || (edits == best_distance && best)) continue;
        best = k->name;
        best_distance = edits;
    }
    return best;
}

/* Where a key of exactly that name stands: "tables[].write"; NULL: nowhere. */
static const char *elsewhere(silt_config_reader *r, const silt_config_key *keys, const char *name,
                             const char *path, int depth)
{
    for (const silt_config_key *k = keys; k->name; k++)
        if (depth > 0 && k->kind != SILT_KEY_LATER && silt_streq(k->name, name)) return path;
    for (const silt_config_key *k = keys; k->name; k++) {
        if (!k->keys) continue;
        const char *below = silt_config_join(r, path, k->name, 0);
        if (k->kind == SILT_KEY_LIST || k->kind == SILT_KEY_MAP) {
            const char *each =
                silt_arena_printf(r->arena, k->kind == SILT_KEY_LIST ? "%s[]" : "%s.<name>", below);
            if (!each) r->no_memory = true;
            below = each ? each : below;
        }
        const char *found = elsewhere(r, k->keys, name, below, depth + 1);
        if (found) return found;
    }
    return NULL;
}

static void unknown_key(silt_config_reader *r, const silt_config_key *keys,
                        const silt_config_entry *e, const char *path)
{
    const char *key = silt_config_join(r, path, e->key, 0);
    const char *near = nearest(keys, e->key);
    const char *other = elsewhere(r, silt_config_root_keys, e->key, "", 0);
    if (other)
        silt_config_mistake(r, e->line, e->column, key, "unknown here; it belongs in %s", other);
    else if (near)
        silt_config_mistake(r, e->line, e->column, key, "unknown key; did you mean %s?", near);
    else {
        SILT_CLEAN(silt_buf) all = {0};
        for (const silt_config_key *k = keys; k->name; k++)
            if (k->kind != SILT_KEY_LATER)
                silt_buf_printf(&all, "%s%s", all.size ? ", " : "", k->name);
        if (all.failed) r->no_memory = true;
        silt_config_mistake(r, e->line, e->column, key, "unknown key; allowed: %s",
                            all.data ? all.data : "");
    }
}

static void walk_container(silt_config_reader *r, const silt_config_key *key,
                           const silt_config_node *node, const char *path, void *into)
{
    static const char *const shapes[] = {"a map", "a list of maps", "a map of names"};
    silt_config_node_kind wanted = key->kind == SILT_KEY_LIST ? SILT_CONFIG_LIST : SILT_CONFIG_MAP;
    if (node->kind == SILT_CONFIG_NULL && !key->required) return; /* all of it is commented out */
    if (node->kind != wanted) {
        silt_config_mistake(r, node->line, node->column, path, "found %s; %s is allowed",
                            silt_config_found(r, node), shapes[key->kind - SILT_KEY_OBJECT]);
        return;
    }
    if (key->kind == SILT_KEY_LIST && key->required && node->count == 0)
        silt_config_mistake(r, node->line, node->column, path, "found an empty list; %s",
                            key->about);
    if (key->kind == SILT_KEY_OBJECT && !key->apart)
        silt_config_walk(r, key->keys, node, path, into);
}

void silt_config_walk(silt_config_reader *r, const silt_config_key *keys,
                      const silt_config_node *node, const char *path, void *into)
{
    if (node->kind != SILT_CONFIG_MAP) {
        silt_config_mistake(r, node->line, node->column, path, "found %s; a map is allowed",
                            silt_config_found(r, node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const silt_config_entry *e = &node->items[i];
        const silt_config_key *k = keys;
        while (k->name && !silt_streq(k->name, e->key))
            k++;
        const char *key = silt_config_join(r, path, e->key, 0);
        if (!k->name) {
            /* "x-…" is a place for anchors */
            if (path[0] || !silt_starts_with(e->key, "x-")) unknown_key(r, keys, e, path);
        } else if (k->kind == SILT_KEY_LATER) {
            /* "{}" asks for nothing */
            if (e->value->kind != SILT_CONFIG_MAP || e->value->count)
                silt_config_mistake(r, e->line, e->column, key, "isn't supported yet; remove it");
        } else if (k->keys)
            walk_container(r, k, e->value, key, into);
        else
            silt_config_leaf(r, k, e->value, key, into);
    }
    for (const silt_config_key *k = keys; k->name; k++)
        if (k->required && !silt_config_at(node, k->name))
            silt_config_mistake(r, node->line, node->column, silt_config_join(r, path, k->name, 0),
                                "is missing. %s", k->about);
}

void silt_config_set_defaults(silt_config_reader *r, const silt_config_key *keys, void *into)
{
    for (const silt_config_key *k = keys; k->name; k++) {
        if (k->kind == SILT_KEY_OBJECT && !k->apart) silt_config_set_defaults(r, k->keys, into);
        if (k->kind == SILT_KEY_CHOICE) *(int64_t *)((char *)into + k->offset) = -1;
        if (!k->fallback) continue;
        silt_config_node node = {.kind = SILT_CONFIG_TEXT, .text = k->fallback};
        silt_config_leaf(r, k, &node, k->name, into);
    }
}
