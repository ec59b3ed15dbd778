/* The pipeline file as a whole: read, judge, give all mistakes at once. */
#include "load/config.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "load/config_tree.h"
#include "load/history.h"
#include "load/rejects.h"
#include "load/table_status.h"

static void read_root(silt_config_reader *r, const silt_config_node *root, silt_config_raw *raw)
{
    silt_config_set_defaults(r, silt_config_root_keys, raw);
    silt_config_walk(r, silt_config_root_keys, root, "", raw);
    if (raw->checkpoint_path)
        raw->out.checkpoint_path =
            silt_config_path(r, raw->out.directory, raw->checkpoint_path,
                             silt_config_at(root, "checkpoint_path"), "checkpoint_path");
    const silt_config_node *zone = silt_config_at(root, "timezone");
    for (const char *c = zone ? raw->out.timezone : ""; *c; c++) {
        if ((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
            strchr("/_+-", *c))
            continue;
        silt_config_mistake(r, zone->line, zone->column, "timezone",
                            "found \"%.60s\"; a name as Europe/Berlin or UTC is allowed",
                            raw->out.timezone);
        break;
    }
    const silt_config_node *defaults = silt_config_at(root, "defaults");
    if (!defaults || defaults->kind != SILT_CONFIG_MAP) return;
    silt_config_raw_table unused = {0};
    silt_config_walk(r, silt_config_default_keys, defaults, "defaults", &unused);
}

static void read_connections(silt_config_reader *r, const silt_config_node *node, silt_config *out)
{
    if (!node || node->kind != SILT_CONFIG_MAP || !node->count) return;
    silt_config_connection *items = silt_arena_calloc(r->arena, node->count, sizeof(*items));
    if (!items) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const silt_config_entry *e = &node->items[i];
        const char *path = silt_config_join(r, "connections", e->key, i);
        silt_config_raw_connection raw = {0};
        if (!silt_config_is_name(e->key))
            silt_config_mistake(r, e->line, e->column, path,
                                "a name is made of letters A-Z, digits, '.', '_' and '-'");
        silt_config_walk(r, silt_config_connection_keys, e->value, path, &raw);
        raw.out.name = e->key;
        raw.out.line = e->line;
        raw.out.text = raw.path;
        if (raw.path && !silt_config_is_database_url(raw.path))
            raw.out.path =
                silt_config_path(r, out->directory, raw.path, silt_config_at(e->value, "path"),
                                 silt_config_join(r, path, "path", 0));
        if (raw.out.storage_options.count) {
            const silt_config_node *options = silt_config_at(e->value, "storage_options");
            silt_config_mistake(
                r, options->line, options->column, silt_config_join(r, path, "storage_options", 0),
                "a local folder has none (found %s)", raw.out.storage_options.items[0].key);
        }
        items[i] = raw.out;
    }
    out->connections = items;
    out->connection_count = node->count;
}

static int place_of(const silt_config_node *table, const char *key, int *column)
{
    const silt_config_node *node = silt_config_at(table, key);
    *column = node ? node->column : table->column;
    return node ? node->line : table->line;
}

/* What the table's state goes by. */
static const char *state_name(const silt_config_table *t)
{
    return t->state_name ? t->state_name : t->name;
}

/* The pipeline's own tables, and what else it keeps under checkpoint_path, are no targets. */
static void check_own_place(silt_config_reader *r, const silt_config_node *node,
                            const silt_config *config, const silt_config_table *t, const char *key)
{
    static const char *const own[] = {SILT_TRACKER_DIR, SILT_STATUS_DIR, SILT_RUNS_DIR,
                                      SILT_REJECTS_DIR};
    const char *state = config->checkpoint_path, *path = t->target_path;
    if (!state || !path || silt_config_is_database(t->format) || !silt_starts_with(path, state))
        return;
    int column, line = place_of(node, "write.path", &column);
    const char *rest = path + strlen(state);
    if (!*rest)
        silt_config_mistake(r, line, column, key,
                            "checkpoint_path is the same folder; give it one of its own");
    for (size_t i = 0; *rest == '/' && i < SILT_COUNT(own); i++) {
        const char *end = rest + 1 + strlen(own[i]);
        if (silt_starts_with(rest + 1, own[i]) && (!*end || *end == '/'))
            silt_config_mistake(
                r, line, column, key,
                "%s in checkpoint_path is the pipeline's own; give it another folder", own[i]);
    }
}

/* Two tables of one name would share state, two of one path would duplicate each other's work. */
static void check_unique(silt_config_reader *r, const silt_config_node *node,
                         const silt_config *config, size_t i)
{
    const silt_config_table *t = &config->tables[i];
    const char *path = silt_config_join(r, "tables", NULL, i);
    int column, line;
    bool name_done = false, target_done = false;
    for (size_t j = 0; j < i; j++) {
        const silt_config_table *other = &config->tables[j];
        if (!name_done && t->name && silt_streq(t->name, other->name)) {
            line = place_of(node->items[i].value, "table_name", &column);
            silt_config_mistake(r, line, column, silt_config_join(r, path, "table_name", 0),
                                "there is a table %s on line %d already", t->name, other->line);
            name_done = true;
        } else if (!name_done && t->name && silt_streq(state_name(t), state_name(other))) {
            line = place_of(node->items[i].value, "renamed_from", &column);
            silt_config_mistake(r, line, column, silt_config_join(r, path, "renamed_from", 0),
                                "%s is what the table on line %d is called, or was", state_name(t),
                                other->line);
            name_done = true;
        }
        if (!target_done && t->target_path && silt_streq(t->target_path, other->target_path)) {
            line = place_of(node->items[i].value, "write.path", &column);
            silt_config_mistake(r, line, column, silt_config_join(r, path, "write.path", 0),
                                "the table on line %d writes to %.300s already", other->line,
                                t->target_path);
            target_done = true;
        }
    }
    check_own_place(r, node->items[i].value, config, t, silt_config_join(r, path, "write.path", 0));
}

static void read_tables(silt_config_reader *r, const silt_config_node *root, silt_config *out)
{
    const silt_config_node *node = silt_config_at(root, "tables");
    if (!node || node->kind != SILT_CONFIG_LIST || !node->count) return;
    silt_config_table *items = silt_arena_calloc(r->arena, node->count, sizeof(*items));
    if (!items) {
        r->no_memory = true;
        return;
    }
    out->tables = items;
    out->table_count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        silt_config_table_read(r, out, silt_config_at(root, "defaults"), node->items[i].value, i,
                               &items[i]);
        check_unique(r, node, out, i);
    }
    silt_config_follow_sources(r, node, out, items);
    silt_config_order(r, node, out);
}

static int by_place(const void *a, const void *b)
{
    const silt_config_problem *x = a, *y = b;
    if (x->line != y->line) return x->line < y->line ? -1 : 1;
    if (x->column != y->column) return x->column < y->column ? -1 : 1;
    return strcmp(x->text, y->text);
}

/* All mistakes in order, each once (aliases bring theirs along); the first one in `err`. */
static silt_status give_problems(silt_config_reader *r, silt_config_problems *out, silt_error *err)
{
    silt_config_problem *items = r->problems.items;
    size_t count = 0;
    qsort(items, r->problems.count, sizeof(*items), by_place);
    for (size_t i = 0; i < r->problems.count && count < SILT_CONFIG_PROBLEMS_MAX; i++)
        if (!count || !silt_streq(items[count - 1].text, items[i].text)) items[count++] = items[i];
    if (out) {
        silt_config_problem *copy = silt_arena_calloc(r->arena, count, sizeof(*copy));
        if (!copy) return silt_fail_nomem(err);
        memcpy(copy, items, count * sizeof(*copy));
        *out = (silt_config_problems){copy, count};
    }
    if (count > 1)
        return silt_fail(err, SILT_INVALID, "%.900s (and %zu more)", items[0].text, count - 1);
    return silt_fail(err, SILT_INVALID, "%s", items[0].text);
}

silt_status silt_config_verdict(silt_config_reader *r, silt_config_problems *problems,
                                silt_error *err)
{
    if (r->no_memory) return silt_fail_nomem(err);
    return r->problems.count ? give_problems(r, problems, err) : SILT_OK;
}

static silt_status judge(silt_config_reader *r, silt_bytes text, silt_config_raw *raw,
                         silt_config_problems *problems, silt_error *err)
{
    silt_config_node *root = silt_config_read(r, text);
    if (root && !r->no_memory) {
        silt_config_replace(r, root, "");
        read_root(r, root, raw);
        read_connections(r, silt_config_at(root, "connections"), &raw->out);
        read_tables(r, root, &raw->out);
        silt_config_datasets_read(r, raw->out.directory, root, &raw->out.datasets,
                                  &raw->out.dataset_count);
    }
    return silt_config_verdict(r, problems, err);
}

/* "/a/b/silt.yaml" → the file and its folder, absolute. */
silt_status silt_config_place(const char *path, silt_arena *arena, silt_config *out,
                              silt_error *err)
{
    SILT_FREE char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    if (path[0] != '/' && !here) return silt_fail_errno(err, errno, "present working folder");
    char *full = silt_path_normalise(here, path, arena);
    const char *slash = full ? strrchr(full, '/') : NULL;
    char *folder = !slash          ? NULL
                   : slash == full ? silt_arena_strdup(arena, "/")
                                   : silt_arena_strndup(arena, full, (size_t)(slash - full));
    if (!folder) return silt_fail_nomem(err);
    out->path = full;
    out->directory = folder;
    return SILT_OK;
}

silt_status silt_config_parse(silt_bytes text, const char *path, const silt_config_options *opts,
                              silt_arena *arena, const silt_config **out,
                              silt_config_problems *problems, silt_error *err)
{
    silt_config_raw *raw = silt_arena_calloc(arena, 1, sizeof(*raw));
    if (!raw) return silt_fail_nomem(err);
    SILT_TRY(silt_config_place(path, arena, &raw->out, err));
    silt_config_reader r = {.file = path, .arena = arena, .opts = opts};
    silt_status st = judge(&r, text, raw, problems, err);
    silt_vec_free(&r.problems);
    if (st == SILT_OK) *out = &raw->out;
    return st;
}

silt_status silt_config_read_file(const char *path, silt_buf *out, silt_error *err)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        silt_status st = silt_fail_errno(err, errno, "%s", path);
        if (st == SILT_NOT_FOUND)
            silt_hint(err, st, "give the pipeline file with --config, or make a silt.yaml");
        return st;
    }
    char chunk[16384];
    size_t size;
    while (out->size <= SILT_CONFIG_BYTES_MAX && (size = fread(chunk, 1, sizeof(chunk), file)) > 0)
        silt_buf_append(out, chunk, size);
    silt_status st = ferror(file) ? silt_fail_errno(err, errno, "%s", path) : SILT_OK;
    fclose(file);
    if (st == SILT_OK && out->failed) return silt_fail_nomem(err);
    return st;
}

silt_status silt_config_load(const char *path, const silt_config_options *opts, silt_arena *arena,
                             const silt_config **out, silt_config_problems *problems,
                             silt_error *err)
{
    SILT_CLEAN(silt_buf) text = {0};
    SILT_TRY(silt_config_read_file(path, &text, err));
    return silt_config_parse(silt_buf_bytes(&text), path, opts, arena, out, problems, err);
}
