/* Finds and opens libduckdb when something first needs it, so that commands without need for an
 * engine don't pay for mapping 70 MB. Nothing is ever unloaded: DuckDB's threads may outlive their
 * database. */
#include "engine/duckdb_core.h"

#include <dlfcn.h>
#include <unistd.h>

#include "build_config.h"

#define LIBRARY "libduckdb.so"

silt_duck_library silt_duck;
static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;

static silt_status advise(silt_error *err)
{
    return silt_hint(err, SILT_UNSUPPORTED,
                     "install libduckdb 1.5 or newer (scripts/setup fetches it), or point "
                     "SILT_DUCKDB to the file or DUCKDB_DIR to its folder");
}

/* Open one candidate. NULL with nothing noted when there is no such file, so that the search goes
 * on. */
static void *open_candidate(const char *path, silt_buf *tried)
{
    /* Lazy, since only a hundred of its ten thousand functions are ever called. */
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (handle) return handle;
    const char *why = dlerror();
    silt_buf_printf(tried, "%s%s", tried->size ? "; " : "", why ? why : path);
    return NULL;
}

static void *open_in(const char *folder, const char *sub, silt_buf *tried)
{
    SILT_CLEAN(silt_buf) path = {0};
    if (!folder || !*folder) return NULL;
    silt_buf_printf(&path, "%s%s/" LIBRARY, folder, sub);
    if (path.failed || access(path.data, F_OK) != 0) return NULL;
    return open_candidate(path.data, tried);
}

static void *search(silt_buf *tried)
{
    const char *file = getenv("SILT_DUCKDB");
    if (file && *file) return open_candidate(file, tried);
    const char *folder = getenv("DUCKDB_DIR");
    void *handle = open_in(folder, "", tried);
    if (!handle) handle = open_in(folder, "/lib", tried);
    if (!handle) handle = open_in(SILT_DUCKDB_BUILD_DIR, "", tried);
    if (!handle) handle = open_in(SILT_DUCKDB_INSTALL_DIR, "", tried);
    if (!handle) handle = open_candidate(LIBRARY, tried);
    return handle;
}

/* "v1.5.6" → at least 1.5? Development builds ("v1.6.0-dev12") count by their number. */
static bool new_enough(const char *version)
{
    if (*version == 'v') version++;
    char *end = NULL;
    long major = strtol(version, &end, 10);
    if (end == version || *end != '.') return false;
    long minor = strtol(end + 1, NULL, 10);
    return major > 1 || (major == 1 && minor >= 5);
}

static silt_status bind(void *handle, silt_error *err)
{
    silt_duck_library found;
    const char *missing = NULL;
#define SILT_DUCK_BIND(name)                                \
    *(void **)&found.name = dlsym(handle, "duckdb_" #name); \
    if (!found.name && !missing) missing = "duckdb_" #name;
    SILT_DUCK_FUNCTIONS(SILT_DUCK_BIND)
#undef SILT_DUCK_BIND

    if (!found.library_version) {
        (void)silt_fail(err, SILT_UNSUPPORTED, "the file that was loaded is not libduckdb");
        return advise(err);
    }
    const char *version = found.library_version();
    if (!new_enough(version)) {
        (void)silt_fail(err, SILT_UNSUPPORTED, "libduckdb %s is too old", version);
        return advise(err);
    }
    if (missing) {
        (void)silt_fail(err, SILT_UNSUPPORTED, "libduckdb %s lacks the function %s", version,
                        missing);
        return advise(err);
    }
    silt_duck = found;
    return SILT_OK;
}

static silt_status load(silt_error *err)
{
    SILT_CLEAN(silt_buf) tried = {0};
    void *handle = search(&tried);
    if (!handle) {
        (void)silt_fail(err, SILT_UNSUPPORTED, "libduckdb can't be loaded: %s",
                        tried.size ? tried.data : LIBRARY ": not found");
        return advise(err);
    }
    silt_status st = bind(handle, err);
    if (st != SILT_OK) dlclose(handle);
    return st;
}

silt_status silt_duck_load(silt_error *err)
{
    pthread_mutex_lock(&load_lock);
    silt_status st = loaded ? SILT_OK : load(err);
    loaded = st == SILT_OK;
    pthread_mutex_unlock(&load_lock);
    return st;
}
