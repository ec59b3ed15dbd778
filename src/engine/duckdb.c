/* The engine over DuckDB: its vtable, put together from the files that implement it. */
#include "engine/duckdb_ops.h"

static void interrupt(silt_engine *engine)
{
    silt_duck_interrupt(silt_duck_of(engine));
}

static void resume(silt_engine *engine)
{
    atomic_store(&silt_duck_of(engine)->interrupted, false);
}

static silt_status version(silt_engine *engine, const char **out, silt_error *err)
{
    (void)engine;
    SILT_TRY(silt_duck_load(err));
    *out = silt_duck.library_version();
    return SILT_OK;
}

static bool profile(silt_engine *engine, silt_engine_profile *out)
{
    const silt_duck_engine *db = silt_duck_of(engine);
    if (!db->database) return false;
    *out = (silt_engine_profile){"duckdb", silt_duck.library_version(), db->threads_used,
                                 db->memory_limit_bytes};
    return true;
}

static silt_status limit(silt_engine *engine, int64_t memory_limit_bytes, int threads,
                         silt_error *err)
{
    return silt_duck_limit(silt_duck_of(engine), memory_limit_bytes, threads, err);
}

static void release(silt_engine *engine)
{
    silt_duck_free(silt_duck_of(engine));
}

static const silt_engine_ops duck_ops = {
    .sniff = silt_duck_sniff,
    .header = silt_duck_header,
    .stage = silt_duck_stage,
    .sieve = silt_duck_sieve,
    .stage_arrow = silt_duck_stage_arrow,
    .describe = silt_duck_scan_describe,
    .rewrite = silt_duck_rewrite,
    .positions = silt_duck_positions,
    .scan_write = silt_duck_scan_write,
    .scan_rows = silt_duck_scan_rows,
    .scan_arrow = silt_duck_scan_arrow,
    .join_begin = silt_duck_join_begin,
    .join_match = silt_duck_join_match,
    .join_ranges = silt_duck_join_ranges,
    .join_places = silt_duck_join_places,
    .join_count = silt_duck_join_count,
    .join_free = silt_duck_join_free,
    .read_flat = silt_duck_read_flat,
    .write_flat = silt_duck_write_flat,
    .interrupt = interrupt,
    .resume = resume,
    .version = version,
    .profile = profile,
    .limit = limit,
    .free = release,
};

silt_status silt_engine_open(const silt_engine_options *opts, silt_engine **out, silt_error *err)
{
    silt_duck_engine *db = NULL;
    SILT_TRY(silt_duck_new(opts, &duck_ops, &db, err));
    *out = &db->base;
    return SILT_OK;
}

void silt_engine_interrupt(silt_engine *engine)
{
    engine->ops->interrupt(engine);
}

void silt_engine_resume(silt_engine *engine)
{
    engine->ops->resume(engine);
}

void silt_engine_free(silt_engine *engine)
{
    if (engine) engine->ops->free(engine);
}

silt_status silt_engine_version(silt_engine *engine, const char **out, silt_error *err)
{
    return engine->ops->version(engine, out, err);
}
