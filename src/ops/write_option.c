/* Options of silt_write(). */
#include "ops/write.h"

static silt_status misused(const silt_writing *wr, const char *why)
{
    return silt_fail(wr->err, SILT_INVALID, "write: %s", why);
}

silt_names silt_write_names(const char *const *names)
{
    size_t count = 0;
    while (names && names[count])
        count++;
    return (silt_names){names, count};
}

bool silt_write_is_keyed(const silt_writing *wr)
{
    const silt_write_options *o = &wr->opts;
    return o->mode == SILT_WRITE_UPSERT || o->mode == SILT_WRITE_APPEND_ONCE ||
           o->mode == SILT_WRITE_SCD2 || o->as_diff;
}

static silt_status check_modes(const silt_writing *wr)
{
    const silt_write_options *o = &wr->opts;
    bool keyed = silt_write_is_keyed(wr);
    if (o->as_diff && (o->mode != SILT_WRITE_OVERWRITE || o->where || o->dynamic_partitions ||
                       o->schema_mode == SILT_SCHEMA_OVERWRITE))
        return misused(wr, "differences are for an overwrite of all rows, by the table's columns");
    if ((o->where || o->dynamic_partitions) && o->mode != SILT_WRITE_OVERWRITE)
        return misused(wr, o->where ? "a condition is for mode overwrite"
                                    : "dynamic partitions are for mode overwrite");
    if (o->where && o->dynamic_partitions)
        return misused(wr, "a condition and dynamic partitions: only one says what is replaced");
    if (keyed && !silt_write_names(o->keys).count)
        return misused(wr, o->as_diff ? "differences are told by keys: name them"
                                      : "this mode needs keys");
    if (!keyed && o->keys)
        return misused(wr,
                       "keys are for the modes upsert, append_once and scd2, and for differences");
    if (!keyed && o->newest_by)
        return misused(wr,
                       "the column that tells the newest row is for upsert, append_once and scd2");
    if (o->schema_mode == SILT_SCHEMA_OVERWRITE &&
        (o->mode != SILT_WRITE_OVERWRITE || o->where || o->dynamic_partitions))
        return misused(wr, "the schema is overwritten with all rows only (mode overwrite, without "
                           "a condition)");
    if (o->mode != SILT_WRITE_SCD2 && o->scd2)
        return misused(wr, "what is about versions is for mode scd2");
    if (keyed && o->ordering_keys)
        return misused(wr, "ordering keys are for the modes that write all rows anew");
    return SILT_OK;
}

silt_status silt_write_check(const silt_writing *wr)
{
    const silt_write_options *o = &wr->opts;
    const silt_write_source *s = wr->source;
    if (s->struct_size < sizeof(*s)) return misused(wr, "silt_write_source: struct_size isn't set");
    int sources = (s->file_count > 0) + (s->stream != NULL) + (s->scan != NULL);
    if (sources != 1) return misused(wr, "one source is wanted: files, a stream or a scan");
    if (o->target_file_bytes < 0) return misused(wr, "target_file_bytes is below 0");
    if (o->compression && !silt_codec(o->compression))
        return silt_fail(wr->err, SILT_INVALID,
                         "compression %.40s: snappy, zstd, gzip, lz4, brotli and none are possible",
                         o->compression);
    return check_modes(wr);
}

silt_status silt_write_txn_options(const silt_writing *wr, silt_txn_options *out)
{
    *out = (silt_txn_options)SILT_TXN_OPTIONS_INIT;
    out->ordering_keys = silt_write_names(wr->opts.ordering_keys);
    return silt_commit_tell(&wr->commit, wr->arena, out, wr->err);
}
