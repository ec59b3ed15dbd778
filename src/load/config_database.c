/* Tables of databases: how to connect, and what of a table's keys means nothing to a database. */
#include <strings.h>

#include "load/config_tree.h"

typedef struct reading {
    silt_config_reader *r;
    const silt_config_node *node; /* of the table */
    const char *path;             /* "tables[0]" */
    silt_config_table *out;
} reading;

bool silt_config_is_database(silt_target_format format)
{
    return format == SILT_TARGET_SQLITE || format == SILT_TARGET_POSTGRES;
}

bool silt_config_is_database_url(const char *path)
{
    return silt_starts_with(path, "postgresql://") || silt_starts_with(path, "postgres://");
}

/* ---- names for people: all of it but who connects, and how they prove it */

static bool is_secret(const char *at, size_t size)
{
    static const char *const names[] = {"user", "password", "passfile", "sslpassword", "sslkey"};
    for (size_t i = 0; i < SILT_COUNT(names); i++)
        if (size == strlen(names[i]) && strncasecmp(at, names[i], size) == 0) return true;
    return false;
}

static void put_url(silt_buf *out, const char *url)
{
    const char *rest = strstr(url, "://") + 3, *query = strchr(rest, '?');
    size_t head = query ? (size_t)(query - rest) : strlen(rest);
    for (size_t i = 0; i < head && rest[i] != '/'; i++)
        if (rest[i] == '@') {
            rest += i + 1;
            head -= i + 1;
            i = (size_t)-1;
        }
    silt_buf_puts(out, "postgresql://");
    silt_buf_append(out, rest, head);
    char before = '?';
    for (const char *p = query; p && *p;) {
        const char *name = p + 1;
        size_t size = strcspn(name, "&"), key = strcspn(name, "=&");
        if (size && !is_secret(name, key)) {
            silt_buf_putc(out, before);
            silt_buf_append(out, name, size);
            before = '&';
        }
        p = name + size;
    }
}

/* "host=a dbname='b c'" */
static void put_pairs(silt_buf *out, const char *text)
{
    silt_buf_puts(out, "postgresql:");
    while (*text) {
        text += strspn(text, " \t\n");
        size_t key = strcspn(text, "= \t\n");
        const char *name = text;
        text += key;
        text += strspn(text, " \t\n");
        if (*text != '=') return;
        text++;
        text += strspn(text, " \t\n");
        const char *value = text;
        bool quoted = *text == '\'';
        for (text += quoted; *text && (quoted ? *text != '\'' : !strchr(" \t\n", *text)); text++)
            if (*text == '\\' && text[1]) text++;
        if (quoted && *text) text++;
        if (is_secret(name, key)) continue;
        silt_buf_putc(out, ' ');
        silt_buf_append(out, name, key);
        silt_buf_putc(out, '=');
        silt_buf_append(out, value, (size_t)(text - value));
    }
}

static const char *display_name(const reading *t)
{
    SILT_CLEAN(silt_buf) name = {0};
    const char *from = t->out->database;
    if (t->out->format == SILT_TARGET_SQLITE)
        silt_buf_printf(&name, "sqlite:%s", from);
    else if (silt_config_is_database_url(from))
        put_url(&name, from);
    else
        put_pairs(&name, from);
    silt_buf_printf(&name, "#%s", t->out->sql_table);
    return silt_buf_copy(&name, t->r->arena);
}

/* ---- what is refused */

static void check_keys(const reading *t)
{
    static const struct {
        const char *key, *why;
    } keys[] = {
        {"write.partition_by", "a database has no folders of rows"},
        {"deletion_vectors", "they are of Delta tables"},
        {"write_policy", "it is about data files, which a database has none of"},
        {"schema_policy.column_mapping_mode", "it is of Delta tables"},
        {"features", "they are of Delta tables"},
        {"ordering_keys", "rows of a database have no order"},
        {"maintenance", "a database has its own: VACUUM and ANALYZE"},
        {"commit_retries", "a database lets writers wait for each other"},
    };
    const char *format = t->out->format == SILT_TARGET_SQLITE ? "sqlite" : "postgres";
    for (size_t i = 0; i < SILT_COUNT(keys); i++)
        if (silt_config_at(t->node, keys[i].key))
            MISTAKE(t, keys[i].key, "isn't for format: %s: %s; remove it", format, keys[i].why);
    for (size_t i = 0; i < t->out->policy.constraint_count; i++)
        if (t->out->policy.constraints[i].persist)
            MISTAKE(t, "constraints",
                    "%.100s: Silt asks it of what it loads, and makes no constraint of format: %s; "
                    "remove persist, or give the table a CHECK constraint",
                    t->out->policy.constraints[i].name, format);
    /* What the defaults say of them is for other tables. */
    t->out->policy = (silt_policy){.constraints = t->out->policy.constraints,
                                   .constraint_count = t->out->policy.constraint_count};
    t->out->maintenance = (silt_maintenance){0};
    t->out->deletion_vectors = SILT_VECTORS_AUTO;
    t->out->partition_count = 0;
}

static void check_name(const reading *t, const char *name)
{
    bool sqlite = t->out->format == SILT_TARGET_SQLITE;
    const char *dot = strchr(name, '.');
    if (strchr(name, '/') || (dot && (sqlite || dot == name || !dot[1] || strchr(dot + 1, '.'))))
        MISTAKE(t, "write.path", "found \"%.100s\"; the name of a table is allowed%s", name,
                sqlite ? ", as sales" : ", as sales or mart.sales");
    else if (silt_starts_with(dot ? dot + 1 : name, "_silt_"))
        MISTAKE(t, "write.path", "found \"%.100s\"; names that begin with _silt_ are Silt's own",
                name);
}

void silt_config_database_read(silt_config_reader *r, const silt_config_node *node,
                               const char *path, const char *name, silt_config_table *out)
{
    const reading t = {r, node, path, out};
    const silt_config_connection *connection = out->connection;
    bool sqlite = out->format == SILT_TARGET_SQLITE;
    check_keys(&t);
    if (name) check_name(&t, name);
    if (!connection) {
        if (!silt_config_at(node, "write.connection"))
            MISTAKE(&t, "write.connection", "is missing: it names the database");
        return;
    }
    if (sqlite && connection->text && silt_config_is_database_url(connection->text))
        MISTAKE(&t, "write.connection", "%s is a PostgreSQL database; the path of a file is wanted",
                connection->name);
    out->database = sqlite ? connection->path : connection->text;
    if (!sqlite && out->database && !silt_config_is_database_url(out->database) &&
        !strchr(out->database, '=')) {
        MISTAKE(&t, "write.connection",
                "the path of %s doesn't say how to connect; write postgresql://host/database or "
                "host=… dbname=…",
                connection->name);
        return;
    }
    out->sql_table = name;
    if (!out->database || !name) return; /* a mistake was noted */
    out->target_path = display_name(&t);
    if (!out->target_path) r->no_memory = true;
}
