/* Migrate: a folder of Parquet files as a table, by one commit a time.
 *
 * Invariants
 *  (1) The commit adds all files that are new since the last one, or none.
 *  (2) No file is added twice, whoever dies when: see migrate_notes.c.
 *  (3) Files of the source are never written, moved or deleted.
 *  (4) What an attempt copies has names that are nobody else's: it may take it away again. */
#include "silt/migrate.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/sha256.h"
#include "base/type.h"
#include "ops/migrate_work.h"
#include "table/commit_info.h"
#include "table/mapping.h"
#include "table/txn.h"

#define PROBLEMS_NAMED 3
#define NAME_MAX_KEPT  200 /* bytes; file systems take 255 */

static void migrating_release(silt_migrating *m)
{
    if (m->carry.scratch) silt_scratch_remove(m->carry.scratch);
    silt_snapshot_free(m->before);
    silt_map64_free(m->noted);
    silt_vec_free(&m->files);
    silt_vec_free(&m->problems);
    silt_vec_free(&m->removed);
    silt_vec_free(&m->notes);
    silt_vec_free(&m->written);
}

/* ---- where from and to */

static silt_status name_places(silt_migrating *m)
{
    const char *from = silt_store_local_path(m->from, "", m->arena);
    const char *to = silt_store_local_path(m->to, "", m->arena);
    SILT_FREE char *real_from = from ? realpath(from, NULL) : NULL;
    SILT_FREE char *real_to = to ? realpath(to, NULL) : NULL;
    m->in_place = m->from == m->to || (real_from && silt_streq(real_from, real_to));
    m->result.in_place = m->in_place;
    char hash[SILT_SHA256_SIZE];
    silt_sha256_hex(silt_bytes_of(real_from ? real_from : m->from->uri), hash);
    const char *name = m->in_place ? "in-place" : silt_arena_printf(m->arena, "%.16s", hash);
    m->app_id = name ? silt_arena_printf(m->arena, "silt-migrate-%s", name) : NULL;
    m->notes_dir = name ? silt_arena_printf(m->arena, "_silt/migrate/%s/", name) : NULL;
    return m->app_id && m->notes_dir ? SILT_OK : silt_fail_nomem(m->err);
}

static silt_status open_table(silt_migrating *m)
{
    silt_status st = silt_snapshot_open(m->to, m->engine, NULL, &m->before, m->err);
    if (st == SILT_NOT_FOUND) {
        if (m->err) *m->err = (silt_error){0};
        return SILT_OK;
    }
    SILT_TRY(st);
    const silt_log_state *state = silt_snapshot_state(m->before);
    SILT_TRY(silt_feature_check_write(&state->protocol, &state->metadata, m->err));
    const char *mapping = silt_snapshot_column_mapping(m->before);
    if (strcmp(mapping, "none") == 0) return SILT_OK;
    silt_fail(m->err, SILT_UNSUPPORTED,
              "%s has column mapping (%s), which files of others know nothing of", m->to->uri,
              mapping);
    return silt_hint(m->err, SILT_UNSUPPORTED,
                     "`silt write` rewrites files as the table wants them");
}

/* In place, what the table itself has written and replaced lies among the files: they can only be
 * told apart as long as nothing but migrations has come to it. */
static silt_status check_in_place(silt_migrating *m)
{
    const silt_add *adds;
    size_t count, ours = 0;
    if (!m->in_place || !m->before) return SILT_OK;
    SILT_TRY(silt_snapshot_adds_lean(m->before, &adds, &count, m->err));
    for (size_t i = 0; i < count; i++) {
        silt_place place;
        SILT_TRY(silt_path_place(m->to, adds[i].path, m->arena, &place, m->err));
        ours += place.key && silt_map64_get(m->noted, place.key, strlen(place.key));
    }
    if (ours == count && ours == silt_map64_count(m->noted)) return SILT_OK;
    silt_fail(m->err, SILT_INVALID,
              "%s has been changed since it was migrated in place: files of its own can't be told "
              "from new ones",
              m->to->uri);
    return silt_hint(m->err, SILT_INVALID,
                     "let new files come to another folder, and `silt write` them");
}

/* ---- problems */

static silt_status fail_problems(silt_migrating *m, silt_migrate_result *out)
{
    SILT_CLEAN(silt_buf) text = {0};
    size_t count = m->problems.count;
    silt_migrate_problem *all = silt_arena_calloc(m->arena, count, sizeof(*all));
    if (!all) return silt_fail_nomem(m->err);
    memcpy(all, m->problems.items, count * sizeof(*all));
    *out = m->result;
    out->problems = all;
    out->problem_count = count;
    for (size_t i = 0; i < count && i < PROBLEMS_NAMED; i++)
        silt_buf_printf(&text, "%s%.120s: %.160s", i ? "; " : "", all[i].path, all[i].why);
    if (count > PROBLEMS_NAMED) silt_buf_printf(&text, "; and %zu more", count - PROBLEMS_NAMED);
    return silt_fail(m->err, SILT_BAD_DATA, "%zu %s can't be part of the table: %s", count,
                     count == 1 ? "file" : "files", silt_buf_bytes(&text).data);
}

/* ---- what is found */

/* From the narrowest types that files have to the widest: what that was is told in the schema. */
static silt_status widen(silt_migrating *m, const silt_type *narrow, const silt_type *wide,
                         const char *path)
{
    for (size_t i = 0; i < narrow->field_count; i++) {
        const silt_field *from = &narrow->fields[i], *to = &wide->fields[i];
        SILT_CLEAN(silt_buf) inner = {0};
        if (silt_type_equal(from->type, to->type)) continue;
        silt_buf_printf(&inner, "%s%s`", path, *path ? "." : "");
        for (const char *c = to->name; *c; c++)
            silt_buf_printf(&inner, "%s%c", *c == '`' ? "`" : "", *c);
        silt_buf_putc(&inner, '`');
        if (inner.failed) return silt_fail_nomem(m->err);
        if (to->type->kind == SILT_TYPE_STRUCT)
            SILT_TRY(widen(m, from->type, to->type, inner.data));
        else
            SILT_TRY(silt_shape_change_type(&m->shape, inner.data, to->type, m->err));
    }
    return SILT_OK;
}

static silt_status make_shape(silt_migrating *m, const silt_type *narrow)
{
    SILT_TRY(silt_shape_new(narrow, m->by, silt_now_ms(&silt_clock_system), NULL, m->arena,
                            &m->shape, m->err));
    if (!silt_type_equal(narrow, m->schema)) {
        SILT_TRY(silt_shape_set_property(&m->shape, "delta.enableTypeWidening", "true", m->err));
        m->shape.has_files = true;
        SILT_TRY(widen(m, narrow, m->schema, ""));
    }
    m->schema = m->shape.schema;
    return SILT_OK;
}

static silt_status plan_schema(silt_migrating *m)
{
    const silt_type *narrow;
    SILT_TRY(silt_migrating_schema(m, &m->schema, &narrow));
    if (m->problems.count) return SILT_OK;
    m->metadata = m->before ? &silt_snapshot_state(m->before)->metadata : &m->shape.metadata;
    if (!m->before) SILT_TRY(make_shape(m, narrow));
    char *fingerprint = silt_arena_alloc(m->arena, SILT_SHA256_SIZE);
    m->result.schema = silt_type_name(m->schema, m->arena);
    if (!fingerprint || !m->result.schema || !silt_schema_fingerprint(m->schema, fingerprint))
        return silt_fail_nomem(m->err);
    m->result.fingerprint = fingerprint;
    SILT_CLEAN(silt_buf) by = {0};
    for (size_t i = 0; i < m->by.count; i++)
        silt_buf_printf(&by, "%s%s %s", i ? ", " : "", m->by.items[i],
                        silt_type_name(m->by_types->fields[i].type, m->arena));
    m->result.partition_by = by.size ? silt_buf_copy(&by, m->arena) : "";
    return m->result.partition_by ? SILT_OK : silt_fail_nomem(m->err);
}

static silt_status find(silt_migrating *m)
{
    SILT_TRY(silt_migrating_list(m));
    SILT_TRY(silt_migrating_notes(m));
    SILT_TRY(check_in_place(m));
    if (!m->files.count || m->problems.count) return SILT_OK;
    silt_uuid(&silt_random_system, m->attempt);
    if (!m->from->ops->local_path || (!m->in_place && !m->opts->dry_run))
        SILT_TRY(silt_scratch_make(m->to, m->attempt, m->arena, &m->carry.scratch, m->err));
    SILT_TRY(silt_migrating_partitions(m));
    if (m->problems.count) return SILT_OK;
    SILT_TRY(plan_schema(m));
    return m->problems.count ? SILT_OK : silt_migrating_stats(m);
}

/* ---- copies */

/* Named after the source's file, as far as names may be long. */
static const char *target_of(silt_migrating *m, const silt_migrating_file *file)
{
    char hash[SILT_SHA256_SIZE];
    const char *slash = strrchr(file->key, '/'), *name = slash ? slash + 1 : file->key;
    silt_sha256_hex(silt_bytes_of(file->key), hash);
    if (strlen(name) > NAME_MAX_KEPT) name = silt_arena_printf(m->arena, "%s.parquet", hash);
    return name ? silt_carry_name(file->key, m->attempt, name, m->arena) : NULL;
}

static silt_status copy_files(silt_migrating *m)
{
    for (size_t i = 0; i < m->files.count; i++) {
        silt_migrating_file *file = &m->files.items[i];
        const silt_place place = {.key = file->key};
        file->target = file->key;
        if (m->in_place) continue;
        file->target = target_of(m, file);
        if (!file->target) return silt_fail_nomem(m->err);
        if (!silt_vec_push(&m->written, file->target)) return silt_fail_nomem(m->err);
        SILT_TRY(silt_carry_file(&m->carry, &place, file->target, file->size_bytes, m->err));
    }
    return SILT_OK;
}

static void take_away(silt_migrating *m)
{
    silt_carry_take_away(m->to, m->written.items, m->written.count);
    m->written.count = 0;
}

/* ---- the commit */

static void write_parameters(const silt_migrating *m, silt_buf *buf)
{
    SILT_CLEAN(silt_buf) by = {0};
    silt_json_writer w = silt_json_writer_of(buf), list = silt_json_writer_of(&by);
    silt_names_write(m->by, &list);
    silt_json_begin_object(&w);
    silt_json_member_int(&w, "numFiles", (int64_t)m->files.count);
    silt_json_member_string(&w, "partitionedBy", silt_buf_bytes(&by).data);
    silt_json_member_bool(&w, "collectStats", !m->opts->no_stats);
    silt_json_member_string(&w, "sourceFormat", "parquet");
    silt_json_end_object(&w);
    buf->failed |= by.failed;
}

static silt_status fill(silt_migrating *m, silt_txn *txn)
{
    if (!m->before) SILT_TRY(silt_shape_apply(&m->shape, txn, m->err));
    for (size_t i = 0; i < m->files.count; i++) {
        const silt_migrating_file *f = &m->files.items[i];
        const silt_add add = {.path = silt_path_encode(f->target, m->arena),
                              .partition_values = f->values,
                              .size_bytes = f->size_bytes,
                              .modification_time_ms = f->mtime_ms,
                              .data_change = true,
                              .stats = f->stats,
                              .base_row_id = -1,
                              .default_row_commit_version = -1};
        if (!add.path) return silt_fail_nomem(m->err);
        SILT_TRY(silt_txn_add(txn, &add, m->err));
    }
    return silt_migrating_note(m, silt_txn_id(txn));
}

static silt_status begin(silt_migrating *m, const silt_txn_options *opts, silt_txn **txn)
{
    SILT_TRY(m->before ? silt_txn_new(m->before, opts, txn, m->err)
                       : silt_txn_new_table(m->to, m->engine, opts, txn, m->err));
    if (m->once.app_id)
        SILT_TRY(silt_txn_add_app(*txn, m->once.app_id, m->once.app_version, m->err));
    return fill(m, *txn);
}

/* Whether the caller's number stands in the table. */
static silt_status look_for_number(silt_migrating *m, bool *done)
{
    silt_once once = SILT_ONCE_OPEN;
    if (m->before) {
        m->result.table_version = silt_snapshot_version(m->before);
        SILT_TRY(
            silt_commit_once(&m->once, m->before, &once, &m->result.committed_version, m->err));
    }
    *done = once != SILT_ONCE_OPEN;
    if (*done)
        m->result.outcome =
            once == SILT_ONCE_DONE ? SILT_MIGRATE_ALREADY_DONE : SILT_MIGRATE_OVERTAKEN;
    return SILT_OK;
}

/* Others committed first: maybe it is done by that. */
static silt_status not_committed(silt_migrating *m, const silt_txn_result *result)
{
    bool done;
    silt_snapshot_free(m->before);
    m->before = NULL;
    SILT_TRY(silt_snapshot_open(m->to, m->engine, NULL, &m->before, m->err));
    SILT_TRY(look_for_number(m, &done));
    take_away(m);
    if (done) return SILT_OK;
    return silt_fail(m->err, SILT_CONFLICT, "%s",
                     result->outcome == SILT_TXN_APP_MOVED
                         ? "another migration of the folder was first"
                         : result->conflict);
}

static silt_status commit(silt_migrating *m, silt_snapshot **after)
{
    SILT_CLEAN(silt_buf) parameters = {0};
    SILT_AUTO(silt_txn) txn = NULL;
    silt_txn_result result;
    silt_txn_options opts = SILT_TXN_OPTIONS_INIT;
    write_parameters(m, &parameters);
    if (parameters.failed) return silt_fail_nomem(m->err);
    opts.operation = "CONVERT";
    opts.operation_parameters = parameters.data;
    opts.operation_metrics =
        silt_arena_printf(m->arena, "{\"numConvertedFiles\":\"%zu\"}", m->files.count);
    if (!opts.operation_metrics) return silt_fail_nomem(m->err);
    SILT_TRY(silt_commit_tell(&m->once, m->arena, &opts, m->err));
    opts.app_id = m->app_id; /* the caller's own is the other one */
    opts.app_version = m->last + 1;
    opts.read = m->once.app_id ? SILT_READ_LOG : SILT_READ_NOTHING;
    silt_status st = begin(m, &opts, &txn);
    if (st == SILT_OK) st = silt_txn_commit(txn, &result, after, m->err);
    if (st != SILT_OK) return st;
    if (result.outcome != SILT_TXN_COMMITTED) return not_committed(m, &result);
    m->result.committed_version = m->result.table_version = result.version;
    return SILT_OK;
}

/* ---- verification */

static bool count_row(void *ctx, const silt_bytes *values, size_t count)
{
    int64_t *rows = ctx;
    (void)values;
    (void)count;
    return ++*rows < 1;
}

/* The files as they lie in the source. */
static silt_status scan_source(silt_migrating *m, silt_scan_spec *out)
{
    silt_mapping mapping;
    size_t count = m->schema->field_count;
    silt_scan_column *columns = silt_arena_calloc(m->arena, count, sizeof(*columns));
    silt_scan_file *files = silt_arena_calloc(m->arena, m->files.count, sizeof(*files));
    if (!columns || !files) return silt_fail_nomem(m->err);
    SILT_TRY(silt_mapping_of(m->metadata, m->schema, m->arena, &mapping, m->err));
    for (size_t i = 0; i < count; i++) {
        const silt_field *f = &m->schema->fields[i];
        columns[i] =
            (silt_scan_column){.name = f->name, .type = f->type, .physical = mapping.fields[i]};
        for (size_t k = 0; k < m->by.count; k++) {
            if (strcmp(m->by.items[k], f->name) != 0) continue;
            columns[i].kind = SILT_SCAN_CONSTANT;
            columns[i].constant = k;
        }
    }
    for (size_t i = 0; i < m->files.count; i++) {
        const silt_migrating_file *f = &m->files.items[i];
        const char **constants = silt_arena_calloc(m->arena, m->by.count + 1, sizeof(*constants));
        files[i] = (silt_scan_file){.local_path = silt_store_local_path(m->from, f->key, m->arena),
                                    .row_count = f->row_count,
                                    .constants = constants,
                                    .base_row_id = -1};
        if (!constants) return silt_fail_nomem(m->err);
        if (!files[i].local_path)
            return silt_fail(m->err, SILT_UNSUPPORTED,
                             "%s isn't on this machine: verify can't read it", m->from->uri);
        for (size_t k = 0; k < m->by.count; k++)
            constants[k] = f->values.items[k].value;
    }
    *out = (silt_scan_spec){.files = files,
                            .file_count = m->files.count,
                            .columns = columns,
                            .column_count = count,
                            .limit = -1};
    return SILT_OK;
}

/* Those of the table's files that the commit has added. */
static silt_status plan_table(silt_migrating *m, silt_snapshot *after, silt_scan_plan *plan)
{
    SILT_AUTO(silt_map64) ours = silt_map64_new();
    const silt_add *adds;
    size_t count, found_count = 0;
    bool found;
    if (!ours) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->files.count; i++) {
        const char *key = m->files.items[i].target;
        if (!silt_map64_slot(ours, key, strlen(key), &found)) return silt_fail_nomem(m->err);
    }
    SILT_TRY(silt_snapshot_adds(after, &adds, &count, m->err));
    size_t *indexes = silt_arena_calloc(m->arena, count + 1, sizeof(*indexes));
    if (!indexes) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < count; i++) {
        silt_place place;
        SILT_TRY(silt_path_place(m->to, adds[i].path, m->arena, &place, m->err));
        if (!place.key || !silt_map64_slot(ours, place.key, strlen(place.key), &found))
            return silt_fail_nomem(m->err);
        if (found) indexes[found_count++] = i;
    }
    if (found_count != m->files.count)
        return silt_fail(m->err, SILT_FAILED, "verify: %zu files were migrated, the table has %zu",
                         m->files.count, found_count);
    return silt_scan_plan_adds(plan, after, indexes, found_count, m->err);
}

static silt_status compare_rows(silt_migrating *m, silt_snapshot *after)
{
    silt_scan_spec before;
    silt_scan_plan plan;
    const silt_scan_want want = {.limit = -1};
    int64_t rows = 0;
    SILT_TRY(scan_source(m, &before));
    SILT_TRY(silt_scan_plan_init(&plan, m->to, silt_snapshot_version(after), m->metadata, m->schema,
                                 &want, m->carry.scratch, m->arena, m->err));
    silt_status st = plan_table(m, after, &plan);
    if (st == SILT_OK) {
        const silt_rows_spec spec = {.kind = SILT_ROWS_DIFF,
                                     .diff = {.before = &before,
                                              .after = &plan.spec,
                                              .change_column = "_change_type",
                                              .limit = 1}};
        st = m->engine->ops->scan_rows(m->engine, &spec, count_row, &rows, m->err);
    }
    silt_scan_plan_release(&plan);
    SILT_TRY(st);
    if (rows == 0) {
        m->result.verified = true;
        return SILT_OK;
    }
    silt_fail(m->err, SILT_FAILED,
              "verify: the rows of the table (version %" PRId64 ") aren't those of the files",
              m->result.committed_version);
    return silt_hint(
        m->err, SILT_FAILED,
        "nothing of the source was changed; please report it with a file that shows it");
}

/* ---- the call */

static silt_status write_table(silt_migrating *m)
{
    SILT_AUTO(silt_snapshot) after = NULL;
    silt_status st = copy_files(m);
    if (st == SILT_OK) st = commit(m, &after);
    if (st != SILT_OK) {
        if (st != SILT_UNSURE) take_away(m);
        return st;
    }
    if (m->result.outcome != SILT_MIGRATE_COMMITTED) return SILT_OK;
    if (m->opts->verify && !after)
        SILT_TRY(silt_snapshot_open(m->to, m->engine, NULL, &after, m->err));
    if (m->opts->verify) SILT_TRY(compare_rows(m, after));
    if (after) (void)silt_table_maintain(after, NULL); /* it harms nothing where it fails */
    return SILT_OK;
}

static silt_status migrate(silt_migrating *m, silt_migrate_result *out)
{
    bool done;
    SILT_TRY(silt_commit_take(m->opts->commit, &m->once, m->err));
    SILT_TRY(name_places(m));
    SILT_TRY(open_table(m));
    SILT_TRY(look_for_number(m, &done));
    if (done) {
        *out = m->result;
        return SILT_OK;
    }
    SILT_TRY(find(m));
    if (m->problems.count) return fail_problems(m, out);
    if (!m->files.count && !(m->before && m->once.app_id))
        m->result.outcome = SILT_MIGRATE_SAME;
    else if (!m->opts->dry_run)
        SILT_TRY(write_table(m));
    const char **removed = silt_arena_calloc(m->arena, m->removed.count + 1, sizeof(*removed));
    if (!removed) return silt_fail_nomem(m->err);
    for (size_t i = 0; i < m->removed.count; i++)
        removed[i] = m->removed.items[i];
    m->result.removed = removed;
    m->result.removed_count = m->removed.count;
    *out = m->result;
    return SILT_OK;
}

silt_status silt_migrate(silt_store *source, silt_store *target, silt_engine *engine,
                         const silt_migrate_options *opts, silt_arena *arena,
                         silt_migrate_result *out, silt_error *err)
{
    const silt_migrate_options fallback = SILT_MIGRATE_OPTIONS_INIT;
    if (!opts) opts = &fallback;
    if (opts->struct_size < sizeof(*opts))
        return silt_fail(err, SILT_INVALID, "silt_migrate_options: struct_size is not set");
    __attribute__((cleanup(migrating_release)))
    silt_migrating m = {.from = source,
                        .to = target,
                        .engine = engine,
                        .opts = opts,
                        .arena = arena,
                        .carry = {.from = source, .to = target},
                        .result.committed_version = -1,
                        .result.table_version = -1,
                        .err = err};
    silt_status st = migrate(&m, out);
    return st == SILT_OK ? st : silt_wrap(err, st, "migration of %s", source->uri);
}
