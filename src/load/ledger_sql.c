/* Ledgers as rows of _silt_ledger, behind the store that the rest of the loader reads them by. Of a
 * store this has get and put-new: nothing else is asked of ledgers. */
#include "load/target_sql.h"

#include "store/store.h"

#define PREFIX "_silt/ledger/"

typedef struct ledger_store {
    silt_store base;
    silt_sql_table *table;
} ledger_store;

/* "_silt/ledger/<appId>/<N>.json" → appId and N as texts. */
static silt_status split(const char *key, silt_arena *arena, const char **out, silt_error *err)
{
    const char *slash = strrchr(key, '/');
    const char *from = key + strlen(PREFIX);
    if (!silt_starts_with(key, PREFIX) || slash < from || !silt_ends_with(key, ".json"))
        return silt_fail(err, SILT_UNSUPPORTED, "%s: only ledgers are kept in the database", key);
    while (*++slash == '0' && slash[1] != '.')
        ;
    out[0] = silt_arena_strndup(arena, from, (size_t)(strrchr(key, '/') - from));
    out[1] = silt_arena_strndup(arena, slash, strlen(slash) - strlen(".json"));
    return out[0] && out[1] ? SILT_OK : silt_fail_nomem(err);
}

/* Of a ledger's beginning no more comes than that: as many characters are as many bytes at least.
 */
static silt_status ledger_get(silt_store *store, const char *key, int64_t offset, int64_t length,
                              silt_arena *arena, silt_bytes *out, silt_error *err)
{
    const silt_sql_table *t = ((ledger_store *)store)->table;
    const char *values[] = {NULL, NULL, t->name}, *body = NULL;
    SILT_CLEAN(silt_buf) sql = {0};
    SILT_TRY(silt_store_check_range(key, offset, length, err));
    SILT_TRY(split(key, arena, values, err));
    silt_buf_puts(&sql, "SELECT ");
    if (length >= 0)
        silt_buf_printf(&sql, "substr(body, 1, %" PRId64 ")", offset + length);
    else
        silt_buf_puts(&sql, "body");
    silt_buf_printf(&sql, " FROM %s WHERE app_id = $1 AND number = $2 AND table_name = $3",
                    t->ledger);
    if (sql.failed) return silt_fail_nomem(err);
    SILT_TRY(silt_database_text(t->db, sql.data, values, 3, arena, &body, err));
    if (!body) return silt_fail(err, SILT_NOT_FOUND, "%s: no such ledger in %s", key, store->uri);
    size_t size = strlen(body), from = (size_t)offset < size ? (size_t)offset : size;
    size_t left = size - from;
    *out = (silt_bytes){body + from, length >= 0 && (size_t)length < left ? (size_t)length : left};
    return SILT_OK;
}

static silt_status ledger_put_new(silt_store *store, const char *key, silt_bytes body,
                                  silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_sql_table *t = ((ledger_store *)store)->table;
    const char *values[] = {NULL, NULL, t->name, NULL};
    int64_t changed = 0;
    SILT_CLEAN(silt_buf) sql = {0};
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(split(key, scratch, values, err));
    values[3] = silt_arena_strndup(scratch, body.data, body.size);
    silt_buf_printf(&sql,
                    "INSERT INTO %s (app_id, number, table_name, body) VALUES ($1, $2, $3, $4) "
                    "ON CONFLICT DO NOTHING",
                    t->ledger);
    if (!values[3] || sql.failed) return silt_fail_nomem(err);
    SILT_TRY(t->db->ops->execute(t->db, sql.data, values, 4, &changed, err));
    return changed ? SILT_OK : silt_fail(err, SILT_EXISTS, "%s: it is there already", key);
}

static silt_status no_list(silt_store *store, const char *prefix, const char *start_after,
                           bool recursive, silt_list_fn *fn, void *ctx, silt_error *err)
{
    (void)prefix, (void)start_after, (void)recursive, (void)fn, (void)ctx;
    return silt_fail(err, SILT_UNSUPPORTED, "%s is a database: it can't be listed", store->uri);
}

static silt_status no_head(silt_store *store, const char *key, silt_arena *arena, silt_object *out,
                           silt_error *err)
{
    (void)arena, (void)out;
    return silt_fail(err, SILT_UNSUPPORTED, "%s is a database: it has no %s", store->uri, key);
}

static silt_status no_put(silt_store *store, const char *key, silt_bytes body, silt_error *err)
{
    (void)body;
    return silt_fail(err, SILT_UNSUPPORTED, "%s is a database: %s can't be put", store->uri, key);
}

static silt_status no_file(silt_store *store, const char *key, const char *local_path,
                           silt_error *err)
{
    (void)local_path;
    return silt_fail(err, SILT_UNSUPPORTED, "%s is a database: %s is no file", store->uri, key);
}

static silt_status no_remove(silt_store *store, const char *key, silt_error *err)
{
    return silt_fail(err, SILT_UNSUPPORTED, "%s is a database: %s can't be removed", store->uri,
                     key);
}

static void ledger_free(silt_store *store)
{
    free((void *)(uintptr_t)store->uri);
    free(store);
}

static const silt_store_ops ledger_ops = {.kind = "sql",
                                          .get = ledger_get,
                                          .list = no_list,
                                          .head = no_head,
                                          .put = no_put,
                                          .put_hint = no_put,
                                          .put_new = ledger_put_new,
                                          .put_file = no_file,
                                          .get_file = no_file,
                                          .remove = no_remove,
                                          .free = ledger_free};

silt_store *silt_sql_ledgers_new(silt_sql_table *t, const char *uri)
{
    ledger_store *s = calloc(1, sizeof(*s));
    char *name = strdup(uri);
    if (!s || !name) {
        free(s);
        free(name);
        return NULL;
    }
    *s = (ledger_store){.base = {&ledger_ops, name}, .table = t};
    return &s->base;
}
