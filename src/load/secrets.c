#include "load/secrets.h"

#include <ctype.h>
#include <strings.h>

#include "base/json.h"

#define SECRET_MIN 4 /* characters; shorter values are no secrets, and stand in any text */

/* ---- what is a secret */

bool silt_secret_name(const char *name)
{
    static const char *const words[] = {"secret", "password", "passwd",     "pwd",
                                        "token",  "key",      "credential", "signature",
                                        "sas",    "auth",     "dsn",        "connection"};
    for (size_t i = 0; i < SILT_COUNT(words); i++)
        for (const char *at = name; *at; at++)
            if (strncasecmp(at, words[i], strlen(words[i])) == 0) return true;
    return false;
}

typedef struct secrets {
    silt_arena *arena;
    SILT_VEC(silt_bytes) items;
} secrets;

static void secrets_release(secrets *s)
{
    silt_vec_free(&s->items);
    silt_arena_free(s->arena);
}

static bool push(secrets *to, const char *value, size_t size)
{
    return silt_vec_push(&to->items, ((silt_bytes){value, size}));
}

/* As it is, and as it stands in JSON. */
static bool add(secrets *to, const char *value, size_t size)
{
    if (size < SECRET_MIN) return true;
    SILT_CLEAN(silt_buf) json = {0};
    silt_json_writer w = silt_json_writer_of(&json);
    silt_json_put_bytes(&w, (silt_bytes){value, size});
    char *copy = silt_buf_copy(&json, to->arena);
    if (!copy || !push(to, value, size)) return false;
    if (json.size == size + 2) return true; /* nothing is escaped */
    return push(to, copy + 1, json.size - 2);
}

static bool add_pairs(secrets *to, silt_pairs pairs)
{
    bool ok = true;
    for (size_t i = 0; ok && i < pairs.count; i++)
        if (silt_secret_name(pairs.items[i].key) && pairs.items[i].value)
            ok = add(to, pairs.items[i].value, strlen(pairs.items[i].value));
    return ok;
}

static bool add_options(secrets *to, const char *const *options)
{
    bool ok = true;
    for (; ok && options && *options; options++) {
        const char *equals = strchr(*options, '=');
        char name[128];
        size_t size = equals ? (size_t)(equals - *options) : 0;
        if (!equals || size >= sizeof(name)) continue;
        memcpy(name, *options, size);
        name[size] = '\0';
        if (silt_secret_name(name)) ok = add(to, equals + 1, strlen(equals + 1));
    }
    return ok;
}

/* False: out of memory. */
static bool collect(const silt_config *config, secrets *to)
{
    bool ok = true;
    for (size_t i = 0; config && ok && i < config->connection_count; i++)
        ok = add_pairs(to, config->connections[i].storage_options);
    for (size_t i = 0; config && ok && i < config->dataset_count; i++)
        ok = add_options(to, config->datasets[i].storage_options) &&
             add_options(to, config->datasets[i].data_options);
    return ok;
}

/* ---- masking; each gives how many bytes at `at` are spent, 0: none */

static size_t mask_value(const secrets *all, silt_bytes left, silt_buf *out)
{
    for (size_t i = 0; i < all->items.count; i++) {
        silt_bytes s = all->items.items[i];
        if (left.size < s.size || memcmp(left.data, s.data, s.size) != 0) continue;
        silt_buf_puts(out, SILT_SECRET_MASK);
        return s.size;
    }
    return 0;
}

static bool ends_word(char c)
{
    return isspace((unsigned char)c) || strchr("\"'<>`", c) || (unsigned char)c < ' ';
}

/* "://user:password@": what stands between the colon and the last @ before the next slash. */
static size_t mask_userinfo(silt_bytes left, silt_buf *out)
{
    static const char start[] = "://";
    const char *data = left.data;
    size_t colon = 0, at = 0, begin = sizeof(start) - 1;
    if (left.size < begin || memcmp(data, start, begin) != 0) return 0;
    for (size_t i = begin; i < left.size && !ends_word(data[i]) && data[i] != '/'; i++) {
        if (data[i] == ':' && !colon) colon = i;
        if (data[i] == '@' && colon) at = i;
    }
    if (!at) return 0;
    silt_buf_append(out, data, colon + 1);
    silt_buf_puts(out, SILT_SECRET_MASK);
    return at;
}

/* "password=…" in connection strings, "sig=…" in URLs. */
static size_t mask_assignment(silt_bytes text, size_t from, silt_buf *out)
{
    static const char *const names[] = {"password",
                                        "passwd",
                                        "pwd",
                                        "sig",
                                        "signature",
                                        "token",
                                        "sslpassword",
                                        "x-amz-signature",
                                        "x-amz-security-token",
                                        "x-amz-credential",
                                        "x-goog-signature",
                                        "accountkey",
                                        "sharedaccesssignature"};
    const char *data = text.data;
    if (from && (isalnum((unsigned char)data[from - 1]) || strchr("-_", data[from - 1]))) return 0;
    for (size_t n = 0; n < SILT_COUNT(names); n++) {
        size_t size = strlen(names[n]), end = from + size;
        if (end >= text.size || strncasecmp(data + from, names[n], size) != 0 || data[end] != '=')
            continue;
        size_t value = end + 1;
        bool quoted = value < text.size && data[value] == '\'';
        if (quoted) value++;
        size_t stop = value;
        while (stop < text.size && (quoted ? data[stop] != '\'' && data[stop] != '"'
                                           : !ends_word(data[stop]) && !strchr("&;,)", data[stop])))
            stop++;
        if (stop == value) return 0;
        silt_buf_append(out, data + from, value - from);
        silt_buf_puts(out, SILT_SECRET_MASK);
        return stop - from;
    }
    return 0;
}

void silt_secrets_mask(const silt_config *config, silt_bytes text, silt_buf *out)
{
    SILT_CLEAN(secrets) all = {.arena = silt_arena_new()};
    if (!all.arena || !collect(config, &all)) out->failed = true;
    const char *data = text.data;
    for (size_t i = 0; i < text.size && !out->failed;) {
        silt_bytes left = {data + i, text.size - i};
        size_t spent = mask_value(&all, left, out);
        if (!spent && data[i] == ':') spent = mask_userinfo(left, out);
        if (!spent && isalpha((unsigned char)data[i])) spent = mask_assignment(text, i, out);
        if (!spent) {
            silt_buf_putc(out, data[i]);
            spent = 1;
        }
        i += spent;
    }
}
