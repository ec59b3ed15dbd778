/* What the stats of a table's files say, taken as these go by: of a million files they take
 * gigabytes, of which a number and a verdict each are wanted. */
#include "table/data.h"

typedef struct digesting {
    const silt_skip *skip;
    silt_arena *scratch;
    SILT_VEC(silt_file_digest) files;
} digesting;

static void digesting_release(digesting *d)
{
    silt_vec_free(&d->files);
    silt_arena_free(d->scratch);
}

static silt_status digest_file(void *ctx, size_t index, const silt_add *add, silt_error *err)
{
    digesting *d = ctx;
    silt_file_digest file = {.verdict = SILT_SKIP_KEEP};
    silt_arena_reset(d->scratch);
    d->files.count = index; /* it may be shown anew */
    file.row_count = silt_stats_row_count(add->stats, d->scratch);
    if (d->skip)
        file.verdict = silt_skip_file(d->skip, add->partition_values, add->stats, d->scratch);
    return silt_vec_push(&d->files, file) ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_snapshot_digest(silt_snapshot *snapshot, const silt_skip *skip, silt_arena *arena,
                                 const silt_add **adds, silt_file_digest **out, size_t *count,
                                 silt_error *err)
{
    SILT_CLEAN(digesting) d = {.skip = skip, .scratch = silt_arena_new()};
    if (!d.scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_snapshot_adds_shown(snapshot, digest_file, &d, adds, count, err));
    silt_file_digest *files = silt_arena_calloc(arena, *count, sizeof(*files));
    if (!files) return silt_fail_nomem(err);
    if (*count) memcpy(files, d.files.items, *count * sizeof(*files));
    *out = files;
    return SILT_OK;
}
