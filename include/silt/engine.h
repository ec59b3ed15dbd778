/* Engine: the embedded DuckDB, which reads and writes rows. Knows nothing of the Delta protocol. */
#ifndef SILT_ENGINE_H
#define SILT_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "silt/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque. One thread at a time, silt_engine_interrupt() from any. */
typedef struct silt_engine silt_engine;

/* Called about four times a second from another thread while the engine works; `fraction` is 0…1,
 * or negative when it isn't known. */
typedef void silt_progress_fn(void *ctx, double fraction);

typedef struct silt_engine_options {
    size_t struct_size;
    int64_t
        memory_limit_bytes; /* of the engine's buffers; above it spills. 0: half of the machine's */
    int threads;            /* 0: one a core */
    const char *temp_directory; /* where it spills; NULL: the system's */
    const char *timezone;       /* of timestamps without a zone in sources; NULL: UTC */
    silt_progress_fn *progress; /* may be NULL */
    void *progress_ctx;
    bool progress_blind; /* `fraction` is always negative: to know it costs the engine a little */
} silt_engine_options;
#define SILT_ENGINE_OPTIONS_INIT                                         \
    {                                                                    \
        sizeof(silt_engine_options), 0, 0, NULL, NULL, NULL, NULL, false \
    }

/**
 * An engine. Costs nothing yet: the library (libduckdb, 70 MB) is loaded on first use, and it is
 * then that SILT_UNSUPPORTED comes where it is missing or older than 1.5.
 *
 * @param opts NULL for SILT_ENGINE_OPTIONS_INIT; copied
 * @param out  set on success only; give back with silt_engine_free()
 * @return SILT_INVALID an option out of range, SILT_NOMEM
 */
SILT_API SILT_CHECKED silt_status silt_engine_open(const silt_engine_options *opts,
                                                   silt_engine **out, silt_error *err);

/** Make the running call and every later one return SILT_INTERRUPTED. Any thread. */
SILT_API void silt_engine_interrupt(silt_engine *engine);

/** Forget an interrupt, so that calls work again. The thread that uses the engine. */
SILT_API void silt_engine_resume(silt_engine *engine);

/** Give back an engine; NULL is fine. */
SILT_API void silt_engine_free(silt_engine *engine);

/** Version of the loaded library, e.g. "v1.5.6"; loads it. Lives with the engine. */
SILT_API SILT_CHECKED silt_status silt_engine_version(silt_engine *engine, const char **out,
                                                      silt_error *err);

#ifdef __cplusplus
}
#endif
#endif
