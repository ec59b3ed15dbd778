/* What both databases share: names, single values, texts of the engine. */
#include "load/database.h"

#include <dlfcn.h>
#include <pthread.h>

/* ---- client libraries */

/* All of them, or none is called. */
silt_status silt_client_library_need(const silt_client_library *library, silt_error *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const char *missing = NULL, *why = NULL;
    pthread_mutex_lock(&lock);
    bool loaded = library->functions[library->count - 1];
    void *handle = loaded ? NULL : dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
    if (!loaded && !handle) why = dlerror();
    for (size_t i = 0; handle && !missing && i < library->count; i++) {
        library->functions[i] = dlsym(handle, library->names[i]);
        if (!library->functions[i]) missing = library->names[i];
    }
    pthread_mutex_unlock(&lock);
    if (missing) return silt_fail(err, SILT_UNSUPPORTED, library->too_old, missing);
    if (loaded || handle) return SILT_OK;
    silt_fail(err, SILT_UNSUPPORTED, "the library of %s can't be loaded: %s", library->of, why);
    return silt_hint(err, SILT_UNSUPPORTED, "install it (Debian: %s)", library->package);
}

void silt_database_free(silt_database *db)
{
    if (db) db->ops->free(db);
}

void silt_sql_put_name(silt_buf *sql, const char *name)
{
    silt_buf_putc(sql, '"');
    for (const char *c = name; *c; c++)
        silt_buf_puts(sql, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    silt_buf_putc(sql, '"');
}

silt_status silt_database_run(silt_database *db, const silt_buf *sql, int64_t *changed,
                              silt_error *err)
{
    if (sql->failed) return silt_fail_nomem(err);
    return db->ops->execute(db, sql->data, NULL, 0, changed, err);
}

silt_status silt_database_query(silt_database *db, const char *sql, const char *const *values,
                                size_t count, silt_database_row_fn *fn, void *ctx, silt_error *err)
{
    const silt_bytes *row = NULL;
    size_t width = 0;
    SILT_TRY(db->ops->rows_begin(db, sql, values, count, err));
    silt_status st = db->ops->rows_next(db, &row, &width, err);
    while (st == SILT_OK && row) {
        st = fn(ctx, row, width, err);
        if (st == SILT_OK) st = db->ops->rows_next(db, &row, &width, err);
    }
    db->ops->rows_end(db);
    return st;
}

/* ---- single values */

typedef struct single {
    silt_arena *arena;
    const char *text;
} single;

static silt_status take_single(void *ctx, const silt_bytes *values, size_t count, silt_error *err)
{
    single *s = ctx;
    if (!count || !values[0].data) return SILT_OK;
    s->text = silt_arena_strndup(s->arena, values[0].data, values[0].size);
    return s->text ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_database_text(silt_database *db, const char *sql, const char *const *values,
                               size_t count, silt_arena *arena, const char **out, silt_error *err)
{
    single s = {.arena = arena};
    SILT_TRY(silt_database_query(db, sql, values, count, take_single, &s, err));
    *out = s.text;
    return SILT_OK;
}

silt_status silt_database_int(silt_database *db, const char *sql, const char *const *values,
                              size_t count, int64_t fallback, int64_t *out, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const char *text = NULL;
    int64_t number = fallback;
    if (!scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_database_text(db, sql, values, count, scratch, &text, err));
    if (text && !silt_parse_int64(text, &number))
        return silt_fail(err, SILT_CORRUPT, "found \"%.60s\" where a number is expected", text);
    *out = number;
    return SILT_OK;
}

/* ---- texts of the engine */

bool silt_sql_time_fits(const silt_type *type, silt_bytes text)
{
    /* 2024-01-15, and that with T10:00:00.123456 and maybe Z: years of other lengths, or before
     * the first one, make other texts. */
    size_t wanted = type->kind == SILT_TYPE_DATE ? 10 : type->kind == SILT_TYPE_TIMESTAMP ? 27 : 26;
    return text.size == wanted && text.data[4] == '-' && text.data[0] != '-' &&
           memcmp(text.data, "0000", 4) != 0;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool silt_base64_decode(silt_bytes text, silt_buf *out)
{
    if (text.size % 4) return false;
    for (size_t i = 0; i < text.size; i += 4) {
        const char *t = text.data + i;
        size_t padding = i + 4 < text.size ? 0 : (size_t)(t[3] == '=') + (t[2] == '=');
        int d[4];
        for (size_t k = 0; k < 4; k++) {
            d[k] = k < 4 - padding ? base64_digit(t[k]) : 0;
            if (d[k] < 0) return false;
        }
        const char bytes[] = {(char)(d[0] << 2 | d[1] >> 4), (char)((d[1] & 15) << 4 | d[2] >> 2),
                              (char)((d[2] & 3) << 6 | d[3])};
        silt_buf_append(out, bytes, 3 - padding);
    }
    return true;
}
