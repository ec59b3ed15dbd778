/* Clone: a table's version as a table of its own, by one commit.
 *
 * Invariants
 *  (1) The commit makes the target's files exactly the source's: same rows, statistics, partition
 *      values and row ids. A file that the target has already stays as it is.
 *  (2) Deep: each file is whole and durable at the target before a commit names it.
 *  (3) What an attempt copies has names that are nobody else's: it may take it away again, and
 *      writes over nothing. A copy is known again by a mark in its name.
 *  (4) The commit follows the version of the target that it was compared with. */
#include "silt/clone.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/sha256.h"
#include "log/dv.h"
#include "ops/carry.h"
#include "ops/once.h"
#include "ops/write_columns.h"
#include "table/commit_info.h"
#include "table/data.h"
#include "table/files.h"
#include "table/row_ids.h"
#include "table/txn.h"

#define MARK_SIZE 32 /* hex digits, in a copy's name, that tell what it is a copy of */

typedef struct cloning {
    silt_store *from, *to;
    silt_engine *engine;
    const silt_clone_options *opts;
    silt_commit_options commit;
    silt_snapshot *source, *target; /* target NULL: there is none yet */
    silt_arena *arena;
    silt_carry carry;
    const char *root;         /* shallow: the source's folder as a URI */
    silt_add *adds;           /* as the target is to have them */
    const silt_place *places; /* by add: what is to be copied; {0}: nothing */
    size_t count;
    char id[SILT_UUID_SIZE]; /* of this attempt: in the names of all that it copies */
    char prefix[17];         /* the same of vectors' files: the folder they are in */
    silt_map64 *there;       /* canonical path, or mark → add of the target as it is */
    silt_map64 *vectors;     /* keys of vectors' files that were copied */
    bool *unchanged;         /* by add */
    SILT_VEC(const silt_add *) gone;
    SILT_VEC(silt_domain) domains;
    silt_metadata metadata;
    SILT_VEC(const char *) written; /* keys, for who takes them away again */
    silt_clone_result result;
    silt_error *err;
} cloning;

static void cloning_release(cloning *c)
{
    if (c->carry.scratch) silt_scratch_remove(c->carry.scratch);
    silt_snapshot_free(c->source);
    silt_snapshot_free(c->target);
    silt_map64_free(c->there);
    silt_map64_free(c->vectors);
    silt_vec_free(&c->gone);
    silt_vec_free(&c->domains);
    silt_vec_free(&c->written);
    silt_arena_free(c->arena);
}

/* ---- the two tables */

/* The path as the file system sees it; a part that isn't there yet stays as it was written. */
static const char *real_root(silt_store *store, silt_arena *arena)
{
    const char *path = silt_store_local_path(store, "", arena);
    if (!path) return NULL;
    SILT_FREE char *real = realpath(path, NULL);
    char *out = silt_arena_strdup(arena, real ? real : path);
    for (size_t size = out ? strlen(out) : 0; size > 1 && out[size - 1] == '/'; size--)
        out[size - 1] = '\0';
    return out;
}

static bool lies_in(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || !path[size]);
}

static silt_status check_places(cloning *c)
{
    const char *from = real_root(c->from, c->arena), *to = real_root(c->to, c->arena);
    /* Where a store has paths, none is for want of memory. */
    if ((!from && c->from->ops->local_path) || (!to && c->to->ops->local_path))
        return silt_fail_nomem(c->err);
    bool same = silt_streq(c->from->uri, c->to->uri) && (from || c->from == c->to);
    if (from && to) same = lies_in(from, to) || lies_in(to, from);
    if (same)
        return silt_fail(c->err, SILT_INVALID,
                         "%s and %s: a table can't be cloned into itself, nor into a folder of it",
                         c->from->uri, c->to->uri);
    if (!c->opts->shallow) return SILT_OK;
    if (!from || !to)
        return silt_fail(c->err, SILT_INVALID,
                         "a shallow clone of %s at %s would refer to files that paths don't lead "
                         "to; make a deep one",
                         c->from->uri, c->to->uri);
    const char *encoded = silt_path_encode(from, c->arena);
    c->root = encoded ? silt_arena_printf(c->arena, "file://%s", encoded) : NULL;
    return c->root ? SILT_OK : silt_fail_nomem(c->err);
}

static silt_status open_source(cloning *c)
{
    silt_snapshot_options opts = SILT_SNAPSHOT_OPTIONS_INIT;
    opts.version = c->opts->version;
    opts.timestamp_ms = c->opts->timestamp_ms;
    SILT_TRY(silt_snapshot_open(c->from, c->engine, &opts, &c->source, c->err));
    const silt_log_state *state = silt_snapshot_state(c->source);
    silt_status st = silt_feature_check_write(&state->protocol, &state->metadata, c->err);
    if (st != SILT_OK) return silt_wrap(c->err, st, "%s can't be cloned", c->from->uri);
    c->result.source_version = state->version;
    return silt_snapshot_size(c->source, &c->result.files, &c->result.bytes, c->err);
}

/* All features of the target have to be the source's: rows of the latter know nothing of others. */
static silt_status check_protocols(cloning *c)
{
    silt_names from_reads, from_writes, to_reads, to_writes;
    const silt_protocol *from = &silt_snapshot_state(c->source)->protocol;
    const silt_protocol *to = &silt_snapshot_state(c->target)->protocol;
    SILT_TRY(silt_feature_list(from, c->arena, &from_reads, &from_writes, c->err));
    SILT_TRY(silt_feature_list(to, c->arena, &to_reads, &to_writes, c->err));
    for (size_t i = 0; i < to_writes.count; i++) {
        if (silt_names_have(from_writes, to_writes.items[i])) continue;
        silt_fail(c->err, SILT_UNSUPPORTED,
                  "%s has the table feature %s, which %s (version %" PRId64 ") lacks", c->to->uri,
                  to_writes.items[i], c->from->uri, c->result.source_version);
        return silt_hint(c->err, SILT_UNSUPPORTED,
                         "a feature is never lost by a commit: clone to another folder");
    }
    return SILT_OK;
}

static silt_status open_target(cloning *c)
{
    silt_status st = silt_snapshot_open(c->to, c->engine, NULL, &c->target, c->err);
    if (st == SILT_NOT_FOUND) {
        if (c->err) *c->err = (silt_error){0};
        return SILT_OK;
    }
    return st;
}

static silt_status check_target(cloning *c)
{
    if (!c->target) return SILT_OK;
    const silt_log_state *state = silt_snapshot_state(c->target);
    SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, c->err));
    if (!c->opts->replace) {
        silt_fail(c->err, SILT_EXISTS, "%s is a table already, at version %" PRId64, c->to->uri,
                  state->version);
        return silt_hint(
            c->err, SILT_EXISTS,
            "--replace makes it the same as the source, and copies only what it lacks");
    }
    return check_protocols(c);
}

/* Where the mark stands in "…part-<attempt>-<mark>.parquet"; NULL: the path is none of a copy. */
static const char *mark_in(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t before = strlen("part-") + SILT_UUID_SIZE;
    bool is = silt_starts_with(name, "part-") && strlen(name) == before + MARK_SIZE + 8 &&
              silt_ends_with(name, ".parquet");
    return is ? name + before : NULL;
}

static silt_status index_target(cloning *c)
{
    const silt_add *adds;
    size_t count;
    bool found;
    c->there = silt_map64_new();
    c->vectors = silt_map64_new();
    if (!c->there || !c->vectors) return silt_fail_nomem(c->err);
    if (!c->target) return SILT_OK;
    SILT_TRY(silt_snapshot_adds(c->target, &adds, &count, c->err));
    for (size_t i = 0; i < count; i++) {
        const char *path = silt_path_canonical(adds[i].path, c->arena);
        void **slot = path ? silt_map64_slot(c->there, path, strlen(path), &found) : NULL;
        if (!slot) return silt_fail_nomem(c->err);
        *slot = (void *)(uintptr_t)&adds[i];
        const char *mark = mark_in(path);
        if (mark) slot = silt_map64_slot(c->there, mark, MARK_SIZE, &found);
        if (!slot) return silt_fail_nomem(c->err);
        *slot = (void *)(uintptr_t)&adds[i];
    }
    return SILT_OK;
}

static const silt_add *find_there(const cloning *c, const char *path)
{
    const char *canonical = silt_path_canonical(path, c->arena);
    return canonical ? silt_map64_get(c->there, canonical, strlen(canonical)) : NULL;
}

/* ---- shallow: where the source's files are */

static const char *absolute(cloning *c, const silt_place *place)
{
    const char *path = silt_path_encode(place->key ? place->key : place->local_path, c->arena);
    if (!path) return NULL;
    return place->key ? silt_arena_printf(c->arena, "%s/%s", c->root, path)
                      : silt_arena_printf(c->arena, "file://%s", path);
}

static silt_status refer_to(cloning *c, const silt_place *place, silt_add *add)
{
    add->path = absolute(c, place);
    if (!add->path) return silt_fail_nomem(c->err);
    if (!add->dv || add->dv->storage_type == 'i') return SILT_OK;
    silt_place vector;
    silt_dv *dv = silt_arena_alloc(c->arena, sizeof(*dv));
    if (!dv) return silt_fail_nomem(c->err);
    SILT_TRY(silt_dv_place(c->from, add->dv, c->arena, &vector, c->err));
    *dv = *add->dv;
    dv->storage_type = 'p';
    dv->path_or_inline = absolute(c, &vector);
    add->dv = dv;
    return dv->path_or_inline ? SILT_OK : silt_fail_nomem(c->err);
}

/* ---- deep: what they are called at the target */

/* Hex digits that depend on nothing but the source's file: by them a copy is known again. */
static const char *mark_of(cloning *c, const silt_add *add)
{
    char *mark = silt_arena_alloc(c->arena, SILT_SHA256_SIZE);
    const char *path = silt_path_canonical(add->path, c->arena);
    const char *of = path ? silt_arena_printf(c->arena, "%s %s %" PRId64 " %" PRId64,
                                              silt_snapshot_state(c->source)->metadata.id, path,
                                              add->size_bytes, add->modification_time_ms)
                          : NULL;
    if (!mark || !of) return NULL;
    silt_sha256_hex(silt_bytes_of(of), mark);
    mark[MARK_SIZE] = '\0';
    return mark;
}

/* The key that a file gets at the target; `*there`: the copy that the target has already, or NULL.
 */
static silt_status choose_key(cloning *c, const silt_place *place, silt_add *add,
                              const silt_add **there)
{
    const char *mark = mark_of(c, add);
    if (!mark) return silt_fail_nomem(c->err);
    *there = silt_map64_get(c->there, mark, MARK_SIZE);
    if (*there) {
        add->path = (*there)->path;
        return SILT_OK;
    }
    /* From outside of the source's folder: into none. */
    const char *name = silt_arena_printf(c->arena, "%s.parquet", mark);
    const char *key =
        name ? silt_carry_name(place->key ? place->key : "", c->id, name, c->arena) : NULL;
    add->path = key ? silt_path_encode(key, c->arena) : NULL;
    return add->path ? SILT_OK : silt_fail_nomem(c->err);
}

/* A uuid that depends on nothing but `path`. */
static void uuid_of(const char *path, char out[SILT_UUID_SIZE])
{
    char hash[SILT_SHA256_SIZE];
    silt_sha256_hex(silt_bytes_of(path), hash);
    snprintf(out, SILT_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hash, hash + 8, hash + 12, hash + 16,
             hash + 20);
}

/* The uuid of a vectors' file, as descriptors have it. */
static silt_status tail_of(const cloning *c, const silt_dv *dv, char out[SILT_DV_UUID_SIZE])
{
    size_t size = strlen(dv->path_or_inline);
    if (dv->storage_type == 'p') {
        char uuid[SILT_UUID_SIZE];
        uuid_of(dv->path_or_inline, uuid);
        silt_dv_encode_uuid(uuid, out);
    } else if (size < SILT_DV_UUID_SIZE - 1) {
        return silt_fail(c->err, SILT_CORRUPT, "deletion vector %s: no uuid", dv->path_or_inline);
    } else {
        memcpy(out, dv->path_or_inline + size - (SILT_DV_UUID_SIZE - 1), SILT_DV_UUID_SIZE);
    }
    return SILT_OK;
}

static bool is_copy_of(const silt_dv *copy, const silt_dv *dv, const char *tail)
{
    return copy && copy->storage_type == 'u' && copy->offset == dv->offset &&
           copy->cardinality == dv->cardinality && silt_ends_with(copy->path_or_inline, tail);
}

/* The descriptor that the target's file has: vectors lie in the target's folder, in one of this
 * attempt's. */
static silt_status choose_vector(cloning *c, silt_add *add, const silt_add *there)
{
    char tail[SILT_DV_UUID_SIZE];
    if (!add->dv || add->dv->storage_type == 'i') return SILT_OK;
    SILT_TRY(tail_of(c, add->dv, tail));
    if (there && is_copy_of(there->dv, add->dv, tail)) {
        add->dv = there->dv;
        return SILT_OK;
    }
    silt_dv *dv = silt_arena_alloc(c->arena, sizeof(*dv));
    if (!dv) return silt_fail_nomem(c->err);
    *dv = *add->dv;
    dv->storage_type = 'u';
    dv->path_or_inline = silt_arena_printf(c->arena, "%s%s", c->prefix, tail);
    add->dv = dv;
    return dv->path_or_inline ? SILT_OK : silt_fail_nomem(c->err);
}

/* ---- what is to be done */

static bool same_vector(const silt_dv *a, const silt_dv *b)
{
    if (!a || !b) return a == b;
    return a->storage_type == b->storage_type && a->offset == b->offset &&
           silt_streq(a->path_or_inline, b->path_or_inline);
}

static silt_status plan_file(cloning *c, const silt_add *from, size_t i, silt_place *to_copy)
{
    silt_add *add = &c->adds[i];
    silt_place place;
    const silt_add *there = NULL;
    *add = *from;
    SILT_TRY(silt_path_place(c->from, from->path, c->arena, &place, c->err));
    if (c->opts->shallow) {
        SILT_TRY(refer_to(c, &place, add));
    } else {
        SILT_TRY(choose_key(c, &place, add, &there));
        SILT_TRY(choose_vector(c, add, there));
    }
    if (!c->opts->shallow && !there) {
        *to_copy = place;
        c->result.files_copied++;
        c->result.bytes_copied += add->size_bytes;
    }
    if (c->opts->shallow) there = find_there(c, add->path);
    /* Statistics of what is there stay: those of a checkpoint may be spelled in another way. */
    bool same_rows = there && same_vector(there->dv, add->dv);
    c->unchanged[i] = same_rows &&
                      silt_pairs_equal(there->partition_values, add->partition_values) &&
                      there->base_row_id == add->base_row_id;
    add->data_change = !same_rows;
    c->result.files_added += !c->unchanged[i];
    return SILT_OK;
}

/* Files of the target that are not the source's, or not as they are there. */
static silt_status find_gone(cloning *c)
{
    SILT_AUTO(silt_map64) kept = silt_map64_new();
    const silt_add *now;
    size_t count;
    bool found;
    if (!kept) return silt_fail_nomem(c->err);
    for (size_t i = 0; i < c->count; i++) {
        const char *id = silt_file_identity(c->adds[i].path, c->adds[i].dv, true, c->arena);
        if (!id || !silt_map64_slot(kept, id, strlen(id), &found)) return silt_fail_nomem(c->err);
    }
    SILT_TRY(silt_snapshot_adds(c->target, &now, &count, c->err));
    for (size_t i = 0; i < count; i++) {
        const char *id = silt_file_identity(now[i].path, now[i].dv, true, c->arena);
        void **slot = id ? silt_map64_slot(kept, id, strlen(id), &found) : NULL;
        if (!slot || (!found && !silt_vec_push(&c->gone, &now[i]))) return silt_fail_nomem(c->err);
        if (found) continue;
        c->result.files_removed++;
        c->result.bytes_removed += now[i].size_bytes;
    }
    return SILT_OK;
}

static bool is_of_catalogue(const char *key)
{
    return silt_starts_with(key, "delta.coordinatedCommits.") ||
           silt_starts_with(key, "delta.inCommitTimestampEnablement");
}

/* The source's, less what is about its own commits. */
static silt_status plan_metadata(cloning *c)
{
    silt_metadata *m = &c->metadata;
    *m = silt_snapshot_state(c->source)->metadata;
    silt_pair *pairs = silt_arena_calloc(c->arena, m->configuration.count + 1, sizeof(*pairs));
    char *id = silt_arena_alloc(c->arena, SILT_UUID_SIZE);
    if (!pairs || !id) return silt_fail_nomem(c->err);
    size_t count = 0;
    for (size_t i = 0; i < m->configuration.count; i++)
        if (!is_of_catalogue(m->configuration.items[i].key))
            pairs[count++] = m->configuration.items[i];
    silt_uuid(&silt_random_system, id);
    m->id = c->target ? silt_snapshot_state(c->target)->metadata.id : id;
    m->created_time_ms = c->target ? silt_snapshot_state(c->target)->metadata.created_time_ms
                                   : silt_now_ms(&silt_clock_system);
    if (!c->target) {
        m->configuration = (silt_pairs){pairs, count};
        return SILT_OK;
    }
    /* The target's commits are its own. */
    silt_pairs now = silt_snapshot_state(c->target)->metadata.configuration;
    silt_pair *all = silt_arena_calloc(c->arena, count + now.count + 1, sizeof(*all));
    if (!all) return silt_fail_nomem(c->err);
    if (count) memcpy(all, pairs, count * sizeof(*all));
    for (size_t i = 0; i < now.count; i++)
        if (is_of_catalogue(now.items[i].key)) all[count++] = now.items[i];
    m->configuration = (silt_pairs){all, count};
    return silt_write_columns_keep_marks(&silt_snapshot_state(c->target)->metadata, m, c->arena,
                                         c->err);
}

static const silt_domain *find_domain(const silt_log_state *state, const char *name)
{
    for (size_t i = 0; state && i < state->domain_count; i++)
        if (strcmp(state->domains[i].domain, name) == 0) return &state->domains[i];
    return NULL;
}

static silt_status plan_domains(cloning *c)
{
    const silt_log_state *from = silt_snapshot_state(c->source);
    const silt_log_state *to = c->target ? silt_snapshot_state(c->target) : NULL;
    for (size_t i = 0; i < from->domain_count; i++) {
        const silt_domain *have = find_domain(to, from->domains[i].domain);
        if (strcmp(from->domains[i].domain, SILT_ROW_IDS_DOMAIN) == 0) continue; /* the txn's own */
        if (have && silt_streq(have->configuration, from->domains[i].configuration)) continue;
        if (!silt_vec_push(&c->domains, from->domains[i])) return silt_fail_nomem(c->err);
    }
    for (size_t i = 0; to && i < to->domain_count; i++) {
        silt_domain dropped = to->domains[i];
        if (strcmp(dropped.domain, SILT_ROW_IDS_DOMAIN) == 0) continue;
        if (find_domain(from, dropped.domain)) continue;
        dropped.removed = true;
        if (!silt_vec_push(&c->domains, dropped)) return silt_fail_nomem(c->err);
    }
    return SILT_OK;
}

static silt_status plan_files(cloning *c)
{
    const silt_add *from;
    SILT_TRY(silt_snapshot_adds(c->source, &from, &c->count, c->err));
    c->adds = silt_arena_calloc(c->arena, c->count + 1, sizeof(*c->adds));
    c->unchanged = silt_arena_calloc(c->arena, c->count + 1, sizeof(*c->unchanged));
    silt_place *places = silt_arena_calloc(c->arena, c->count + 1, sizeof(*places));
    if (!c->adds || !c->unchanged || !places) return silt_fail_nomem(c->err);
    for (size_t i = 0; i < c->count; i++)
        SILT_TRY(plan_file(c, &from[i], i, &places[i]));
    c->places = places;
    return c->target ? find_gone(c) : SILT_OK;
}

static bool is_same(const cloning *c)
{
    if (!c->target || c->result.files_added || c->gone.count || c->domains.count) return false;
    const silt_log_state *from = silt_snapshot_state(c->source);
    const silt_log_state *to = silt_snapshot_state(c->target);
    const silt_metadata *a = &c->metadata, *b = &to->metadata;
    bool same = a->configuration.count == b->configuration.count &&
                silt_streq(a->schema_json, b->schema_json) && silt_streq(a->name, b->name) &&
                silt_streq(a->description, b->description) &&
                a->partition_columns.count == b->partition_columns.count;
    for (size_t i = 0; i < a->configuration.count && same; i++)
        same = silt_streq(a->configuration.items[i].value,
                          silt_pairs_get(b->configuration, a->configuration.items[i].key));
    for (size_t i = 0; i < a->partition_columns.count && same; i++)
        same = silt_streq(a->partition_columns.items[i], b->partition_columns.items[i]);
    return same && from->protocol.min_reader == to->protocol.min_reader &&
           from->protocol.min_writer == to->protocol.min_writer &&
           from->protocol.writer_features.count == to->protocol.writer_features.count;
}

/* ---- copies */

static silt_status copy_vector(cloning *c, const silt_dv *from, const silt_dv *to)
{
    silt_place place, target;
    bool found;
    if (!from || from->storage_type == 'i') return SILT_OK;
    if (!silt_starts_with(to->path_or_inline, c->prefix)) return SILT_OK; /* the target has it */
    SILT_TRY(silt_dv_place(c->from, from, c->arena, &place, c->err));
    SILT_TRY(silt_dv_place(c->to, to, c->arena, &target, c->err));
    if (!silt_map64_slot(c->vectors, target.key, strlen(target.key), &found))
        return silt_fail_nomem(c->err);
    if (found) return SILT_OK;
    if (!silt_vec_push(&c->written, target.key)) return silt_fail_nomem(c->err);
    SILT_TRY(silt_carry_file(&c->carry, &place, target.key, -1, c->err));
    c->result.vectors_copied++;
    return SILT_OK;
}

static silt_status copy_files(cloning *c)
{
    const silt_add *from;
    size_t count;
    if (c->opts->shallow) return SILT_OK;
    SILT_TRY(silt_scratch_make(c->to, c->id, c->arena, &c->carry.scratch, c->err));
    SILT_TRY(silt_snapshot_adds(c->source, &from, &count, c->err));
    for (size_t i = 0; i < c->count; i++) {
        const char *key;
        if (c->places[i].key || c->places[i].local_path) {
            SILT_TRY(silt_path_decode(c->adds[i].path, c->arena, &key, c->err));
            if (!silt_vec_push(&c->written, key)) return silt_fail_nomem(c->err);
            SILT_TRY(silt_carry_file(&c->carry, &c->places[i], key, from[i].size_bytes, c->err));
        }
        if (!c->unchanged[i]) SILT_TRY(copy_vector(c, from[i].dv, c->adds[i].dv));
    }
    return SILT_OK;
}

/* Nothing was tried to be committed: what was copied is nobody's. */
static void take_away(cloning *c)
{
    silt_carry_take_away(c->to, c->written.items, c->written.count);
    c->written.count = 0;
}

/* ---- the commit */

static void write_parameters(const cloning *c, silt_buf *buf)
{
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "source", c->from->uri);
    silt_json_member_int(&w, "sourceVersion", c->result.source_version);
    silt_json_member_string(&w, "isShallow", c->opts->shallow ? "true" : "false");
    silt_json_end_object(&w);
}

static void write_metrics(const cloning *c, silt_buf *buf)
{
    const silt_clone_result *r = &c->result;
    silt_json_writer w = silt_json_writer_of(buf);
    silt_json_begin_object(&w);
    silt_commit_metric(&w, "sourceTableSize", r->bytes);
    silt_commit_metric(&w, "sourceNumOfFiles", r->files);
    silt_commit_metric(&w, "numRemovedFiles", r->files_removed);
    silt_commit_metric(&w, "numCopiedFiles", r->files_copied);
    silt_commit_metric(&w, "removedFilesSize", r->bytes_removed);
    silt_commit_metric(&w, "copiedFilesSize", r->bytes_copied);
    silt_json_end_object(&w);
}

static silt_status fill(cloning *c, silt_txn *txn)
{
    SILT_TRY(silt_txn_set_protocol(txn, &silt_snapshot_state(c->source)->protocol, c->err));
    SILT_TRY(silt_txn_set_metadata(txn, &c->metadata, c->err));
    for (size_t i = 0; i < c->domains.count; i++)
        SILT_TRY(silt_txn_set_domain(txn, &c->domains.items[i], c->err));
    for (size_t i = 0; i < c->gone.count; i++)
        SILT_TRY(silt_txn_remove(txn, c->gone.items[i], true, c->err));
    for (size_t i = 0; i < c->count; i++)
        if (!c->unchanged[i]) SILT_TRY(silt_txn_add(txn, &c->adds[i], c->err));
    return SILT_OK;
}

static silt_status begin(cloning *c, const silt_txn_options *opts, silt_txn **txn)
{
    SILT_TRY(c->target ? silt_txn_new(c->target, opts, txn, c->err)
                       : silt_txn_new_table(c->to, c->engine, opts, txn, c->err));
    return fill(c, *txn);
}

/* Whether its number stands in the target. */
static silt_status look_for_number(cloning *c, bool *done)
{
    silt_once once = SILT_ONCE_OPEN;
    if (c->target) {
        c->result.table_version = silt_snapshot_version(c->target);
        SILT_TRY(
            silt_commit_once(&c->commit, c->target, &once, &c->result.committed_version, c->err));
    }
    *done = once != SILT_ONCE_OPEN;
    if (*done)
        c->result.outcome = once == SILT_ONCE_DONE ? SILT_CLONE_ALREADY_DONE : SILT_CLONE_OVERTAKEN;
    return SILT_OK;
}

/* Others committed first: maybe it is done by that. */
static silt_status not_committed(cloning *c, const silt_txn_result *result)
{
    bool done;
    silt_snapshot_free(c->target);
    c->target = NULL;
    SILT_TRY(open_target(c));
    SILT_TRY(look_for_number(c, &done));
    return done ? SILT_OK : silt_fail(c->err, SILT_CONFLICT, "%s", result->conflict);
}

static silt_status commit(cloning *c)
{
    SILT_CLEAN(silt_buf) parameters = {0};
    SILT_CLEAN(silt_buf) metrics = {0};
    SILT_AUTO(silt_txn) txn = NULL;
    SILT_AUTO(silt_snapshot) after = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    write_parameters(c, &parameters);
    write_metrics(c, &metrics);
    opts.operation = "CLONE";
    opts.operation_parameters = parameters.data;
    opts.operation_metrics = metrics.data;
    opts.read = c->target ? SILT_READ_LOG : SILT_READ_NOTHING;
    opts.isolation = SILT_SERIALIZABLE;
    opts.replaces_rows = true;
    opts.keeps_row_ids = true;
    opts.brings_row_ids = true;
    silt_status st = parameters.failed || metrics.failed
                         ? silt_fail_nomem(c->err)
                         : silt_commit_tell(&c->commit, c->arena, &opts, c->err);
    if (st == SILT_OK) st = begin(c, &opts, &txn);
    if (st != SILT_OK) {
        take_away(c);
        return st;
    }
    st = silt_txn_commit(txn, &result, &after, c->err);
    if (st != SILT_OK) {
        if (st != SILT_UNSURE) take_away(c);
        return st;
    }
    if (result.outcome != SILT_TXN_COMMITTED) {
        take_away(c);
        return not_committed(c, &result);
    }
    c->result.committed_version = c->result.table_version = result.version;
    if (after) (void)silt_table_maintain(after, NULL); /* it harms nothing where it fails */
    return SILT_OK;
}

/* ---- the call */

static silt_status clone(cloning *c)
{
    const silt_clone_options *o = c->opts;
    bool done;
    c->arena = silt_arena_new();
    if (!c->arena) return silt_fail_nomem(c->err);
    silt_uuid(&silt_random_system, c->id);
    snprintf(c->prefix, sizeof(c->prefix), "%.8s%.4s%.4s", c->id, c->id + 9, c->id + 14);
    SILT_TRY(check_places(c));
    SILT_TRY(open_source(c));
    SILT_TRY(open_target(c));
    SILT_TRY(look_for_number(c, &done));
    if (done) return SILT_OK;
    SILT_TRY(check_target(c));
    SILT_TRY(index_target(c));
    SILT_TRY(plan_files(c));
    SILT_TRY(plan_metadata(c));
    SILT_TRY(plan_domains(c));
    if (is_same(c) && !c->commit.app_id) {
        c->result.outcome = SILT_CLONE_SAME;
        return SILT_OK;
    }
    if (o->dry_run) return SILT_OK;
    silt_status st = copy_files(c);
    if (st != SILT_OK) {
        take_away(c);
        return st;
    }
    return commit(c);
}

silt_status silt_clone(silt_store *source, silt_store *target, silt_engine *engine,
                       const silt_clone_options *opts, silt_clone_result *out, silt_error *err)
{
    const silt_clone_options fallback = SILT_CLONE_OPTIONS_INIT;
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_clone_options: struct_size is not set");
    __attribute__((cleanup(cloning_release))) cloning c = {.from = source,
                                                           .to = target,
                                                           .engine = engine,
                                                           .opts = opts,
                                                           .carry = {.from = source, .to = target},
                                                           .result.committed_version = -1,
                                                           .result.table_version = -1,
                                                           .err = err};
    silt_status st = silt_commit_take(opts->commit, &c.commit, err);
    if (st == SILT_OK) st = clone(&c);
    if (st != SILT_OK) return silt_wrap(err, st, "clone of %s", source->uri);
    *out = c.result;
    return SILT_OK;
}
