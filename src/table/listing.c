/* A table's files, for programs: all of them, or those that two versions differ by. */
#include "base/hash.h"
#include "table/data.h"
#include "table/expr.h"
#include "table/files.h"

typedef struct listing {
    const silt_files_options *opts;
    silt_file_fn *fn;
    void *ctx;
    silt_arena *arena, *scratch;  /* `scratch` is for one file */
    silt_names partition_columns; /* physical */
    const silt_skip *skip;        /* NULL: all files are wanted */
    bool removed, ended;
} listing;

/* ---- one file */

static bool has_stats(const listing *l)
{
    return !l->opts->no_details && !l->opts->no_stats;
}

/* `rows` as its stats say, deleted ones included; -1: not known. */
static silt_status give(listing *l, const silt_add *add, int64_t rows, silt_error *err)
{
    const int64_t deleted = add->dv ? add->dv->cardinality : 0;
    const char **values =
        silt_arena_calloc(l->scratch, l->partition_columns.count, sizeof(*values));
    const char *path = silt_path_canonical(add->path, l->scratch);
    if (!values || !path) return silt_fail_nomem(err);
    for (size_t p = 0; p < l->partition_columns.count; p++)
        values[p] = silt_pairs_get(add->partition_values, l->partition_columns.items[p]);
    const silt_file file = {.path = path,
                            .size_bytes = add->size_bytes,
                            .modification_time_ms = add->modification_time_ms,
                            .row_count = rows >= deleted ? rows - deleted : -1,
                            .deleted_rows = deleted,
                            .partition_values = values,
                            .stats = has_stats(l) ? add->stats : NULL,
                            .removed = l->removed};
    l->ended = !l->fn(l->ctx, &file);
    return SILT_OK;
}

/* ---- all files */

/* `*digests` NULL: nothing is wanted of them. */
static silt_status get_adds(const listing *l, silt_snapshot *snapshot, const silt_add **adds,
                            silt_file_digest **digests, size_t *count, silt_error *err)
{
    *digests = NULL;
    if (has_stats(l)) SILT_TRY(silt_snapshot_adds(snapshot, adds, count, err));
    if (l->opts->no_details && !l->skip) return silt_snapshot_adds_lean(snapshot, adds, count, err);
    return silt_snapshot_digest(snapshot, l->skip, l->arena, adds, digests, count, err);
}

static const char *identity(const silt_add *add, silt_arena *arena)
{
    return silt_file_identity(add->path, add->dv, true, arena);
}

/* The files of a snapshot, but those in `but` (identities; NULL: none). */
static silt_status list(listing *l, silt_snapshot *snapshot, const silt_map64 *but, silt_error *err)
{
    const silt_add *adds;
    silt_file_digest *digests;
    size_t count;
    SILT_TRY(get_adds(l, snapshot, &adds, &digests, &count, err));
    for (size_t i = 0; i < count && !l->ended; i++) {
        if (digests && digests[i].verdict != SILT_SKIP_KEEP) continue;
        silt_arena_reset(l->scratch);
        if (but) {
            const char *id = identity(&adds[i], l->scratch);
            if (!id) return silt_fail_nomem(err);
            if (silt_map64_get(but, id, strlen(id))) continue;
        }
        int64_t rows = digests && !l->opts->no_details ? digests[i].row_count : -1;
        SILT_TRY(give(l, &adds[i], rows, err));
    }
    return SILT_OK;
}

/* ---- what two versions differ by */

static silt_status identities(const listing *l, silt_snapshot *snapshot, silt_map64 *out,
                              silt_error *err)
{
    const silt_add *adds;
    size_t count;
    SILT_TRY(has_stats(l) ? silt_snapshot_adds(snapshot, &adds, &count, err)
                          : silt_snapshot_adds_lean(snapshot, &adds, &count, err));
    for (size_t i = 0; i < count; i++) {
        bool found;
        const char *id = identity(&adds[i], l->arena);
        void **slot = id ? silt_map64_slot(out, id, strlen(id), &found) : NULL;
        if (!slot) return silt_fail_nomem(err);
        *slot = out;
    }
    return SILT_OK;
}

static silt_status list_changes(listing *l, silt_snapshot *snapshot, silt_error *err)
{
    silt_snapshot *since = l->opts->since;
    if (strcmp(silt_snapshot_table_id(since), silt_snapshot_table_id(snapshot)) != 0)
        return silt_fail(err, SILT_INVALID, "%s and %s aren't the same table",
                         silt_snapshot_store(since)->uri, silt_snapshot_store(snapshot)->uri);
    SILT_AUTO(silt_map64) before = silt_map64_new();
    SILT_AUTO(silt_map64) after = silt_map64_new();
    if (!before || !after) return silt_fail_nomem(err);
    SILT_TRY(identities(l, since, before, err));
    SILT_TRY(identities(l, snapshot, after, err));
    SILT_TRY(list(l, snapshot, before, err));
    l->removed = true;
    return list(l, since, after, err);
}

static silt_status take_condition(listing *l, const silt_type *schema, const silt_mapping *mapping,
                                  silt_error *err)
{
    const silt_expr *condition;
    silt_skip *skip;
    if (!l->opts->where) return SILT_OK;
    silt_status st = silt_expr_condition(l->opts->where, schema, l->arena, &condition, err);
    if (st != SILT_OK) return silt_wrap(err, st, "condition");
    SILT_TRY(silt_skip_new(condition, schema, mapping, l->arena, &skip, err));
    l->skip = skip;
    return SILT_OK;
}

silt_status silt_snapshot_files(silt_snapshot *snapshot, const silt_files_options *opts,
                                silt_file_fn *fn, void *ctx, silt_error *err)
{
    static const silt_files_options all = SILT_FILES_OPTIONS_INIT;
    SILT_AUTO(silt_arena) arena = silt_arena_new();
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    silt_mapping mapping;
    if (!arena || !scratch) return silt_fail_nomem(err);
    SILT_TRY(silt_mapping_of(&silt_snapshot_state(snapshot)->metadata,
                             silt_snapshot_schema(snapshot), arena, &mapping, err));
    listing l = {.opts = opts ? opts : &all,
                 .fn = fn,
                 .ctx = ctx,
                 .arena = arena,
                 .scratch = scratch,
                 .partition_columns = mapping.partition_columns};
    SILT_TRY(take_condition(&l, silt_snapshot_schema(snapshot), &mapping, err));
    return l.opts->since ? list_changes(&l, snapshot, err) : list(&l, snapshot, NULL, err);
}
