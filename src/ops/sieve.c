/* Sieving the files of a batch. */
#include "ops/sieve.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "ops/work.h"
#include "table/expr.h"

#define TEXT_MAX (1 << 20) /* bytes of a rejected row that are kept */
#define SUFFIX   "-rows"   /* of the attempt: the scratch folder's name */

/* What the rows of a file are held against. */
typedef struct measure {
    const silt_output_column *columns;
    size_t column_count;
    silt_check *checks;
    const silt_policy_constraint **constraints; /* by check; NULL: the table's own */
    size_t check_count;
    const char *deletes; /* of the sources; NULL: no row does */
} measure;

typedef struct one_file {
    silt_sieving *s;
    const measure *m;
    const char *name;
} one_file;

/* ---- what a row has to be */

static silt_status add_constraint(measure *m, const silt_policy_constraint *given,
                                  const silt_type *schema, silt_arena *arena, silt_error *err)
{
    silt_check *check = &m->checks[m->check_count];
    check->name = silt_arena_printf(arena, "constraint %s (%s)", given->name, given->check);
    if (!check->name) return silt_fail_nomem(err);
    silt_status st = silt_expr_condition(given->check, schema, arena, &check->condition, err);
    if (st != SILT_OK) return silt_wrap(err, st, "constraint %s", given->name);
    m->constraints[m->check_count++] = given;
    return SILT_OK;
}

static bool takes_rows(const silt_policy_constraint *c)
{
    return c->on_violation == SILT_VIOLATION_DROP || c->on_violation == SILT_VIOLATION_QUARANTINE;
}

/* What the file says of a constraint that is the table's, too, goes before. */
static bool is_named(const silt_change_spec *spec, const char *name)
{
    static const char prefix[] = "constraint ";
    if (!silt_starts_with(name, prefix)) return false;
    name += strlen(prefix);
    for (size_t i = 0; i < spec->constraint_count; i++) {
        size_t size = strlen(spec->constraints[i].name);
        if (strncasecmp(name, spec->constraints[i].name, size) == 0 && name[size] == ' ')
            return true;
    }
    return false;
}

/* The table's columns, and which rows delete; it is the last of the plan's. */
static silt_status add_deletes(measure *m, const silt_source_plan *plan, silt_arena *arena,
                               silt_error *err)
{
    silt_output_column *columns = silt_arena_calloc(arena, m->column_count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(err);
    memcpy(columns, m->columns, m->column_count * sizeof(*columns));
    for (size_t i = 0; i < m->column_count; i++)
        columns[i].spared_by = m->deletes;
    columns[m->column_count++] = plan->columns[plan->column_count - 1];
    m->columns = columns;
    return SILT_OK;
}

static silt_status take_measure(silt_sieving *s, silt_snapshot *snapshot,
                                const silt_change_spec *spec, measure *m, silt_error *err)
{
    silt_work w = {.snapshot = snapshot, .spec = spec, .arena = s->arena, .err = err};
    const silt_source_plan *plan = spec->plan;
    size_t own = 0;
    *m = (measure){.columns = plan->columns,
                   .column_count = plan->column_count,
                   .deletes = spec->sources->deletes};
    if (snapshot) {
        silt_status st = silt_work_init(&w);
        silt_work_release(&w);
        SILT_TRY(st);
        m->columns = w.columns.columns;
        m->column_count = w.columns.column_count;
        own = w.columns.check_count;
    }
    m->checks = silt_arena_calloc(s->arena, own + spec->constraint_count + 1, sizeof(*m->checks));
    m->constraints =
        silt_arena_calloc(s->arena, own + spec->constraint_count + 1, sizeof(*m->constraints));
    if (!m->checks || !m->constraints) return silt_fail_nomem(err);
    for (size_t i = 0; i < spec->constraint_count; i++)
        if (takes_rows(&spec->constraints[i]))
            SILT_TRY(add_constraint(m, &spec->constraints[i], plan->schema, s->arena, err));
    for (size_t i = 0; s->policy.on != SILT_BAD_ROW_FAIL && i < own; i++)
        if (!w.columns.checks[i].asked && !is_named(spec, w.columns.checks[i].name))
            m->checks[m->check_count++] = w.columns.checks[i];
    if (!m->deletes) return SILT_OK;
    if (snapshot) SILT_TRY(add_deletes(m, plan, s->arena, err));
    return silt_work_spare_deletes(m->deletes, s->arena, m->checks, m->check_count, err);
}

/* ---- telling */

/* Of a text that is too long its start; JSON can't be cut. */
static void put_bytes(silt_json_writer *w, const char *key, silt_bytes text, bool whole)
{
    if (!text.data || (whole && text.size > TEXT_MAX)) return;
    if (text.size > TEXT_MAX) text.size = TEXT_MAX;
    silt_json_key(w, key);
    silt_json_put_bytes(w, text);
}

static void put_place(silt_json_writer *w, const silt_reject *r)
{
    if (r->line > 0) silt_json_member_int(w, "line", r->line);
    silt_json_member_int(w, "row_number", r->row);
    if (r->offset >= 0) silt_json_member_int(w, "byte_offset", r->offset);
}

/* A row that deletes is held against nothing but what it has: its key. */
static silt_status put_reason(const one_file *f, const silt_reject *r, silt_json_writer *w,
                              silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    const silt_json *row;
    const char *reason = r->reason;
    if (!scratch) return silt_fail_nomem(err);
    bool deletes = f->m->deletes && r->json.data &&
                   silt_json_parse(r->json, scratch, &row, NULL) == SILT_OK &&
                   silt_json_bool(silt_json_get(row, f->m->deletes), false);
    if (deletes)
        reason =
            silt_arena_printf(scratch, "it deletes a row, by a key that isn't one: %s", reason);
    if (!reason) return silt_fail_nomem(err);
    silt_json_member_string(w, "reason", reason);
    return SILT_OK;
}

static silt_status write_reject(const one_file *f, const silt_reject *r,
                                const silt_policy_constraint *constraint, silt_error *err)
{
    silt_sieving *s = f->s;
    char id[64], time[SILT_TIME_SIZE];
    SILT_CLEAN(silt_buf) line = {0};
    silt_json_writer w = silt_json_writer_of(&line);
    snprintf(id, sizeof(id), "%.13s-%" PRId64, s->attempt, ++s->told_count);
    silt_time_format_us(s->time_us, time);
    silt_json_begin_object(&w);
    silt_json_member_string(&w, "table_name", s->table_name);
    silt_json_member_string(&w, "reject_id", id);
    silt_json_member_string(&w, "status", "open");
    silt_json_member_string(&w, "source_file", f->name);
    put_place(&w, r);
    if (r->column) silt_json_member_string(&w, "column_name", r->column);
    SILT_TRY(put_reason(f, r, &w, err));
    if (constraint) silt_json_member_string(&w, "constraint_name", constraint->name);
    put_bytes(&w, "raw_text", r->text, false);
    put_bytes(&w, "row_json", r->json, true);
    silt_json_member_int(&w, "batch_id", s->number);
    silt_json_member_string(&w, "attempt_id", s->attempt);
    silt_json_member_string(&w, "rejected_at", time);
    silt_json_end_object(&w);
    silt_buf_putc(&line, '\n');
    if (line.failed) return silt_fail_nomem(err);
    if (fwrite(line.data, 1, line.size, s->told) == line.size) return SILT_OK;
    return silt_fail_errno(err, errno ? errno : EIO, "%s", s->told_path);
}

static silt_status on_reject(void *ctx, const silt_reject *r, silt_error *err)
{
    const one_file *f = ctx;
    const silt_policy_constraint *constraint =
        r->check ? f->m->constraints[r->check - f->m->checks] : NULL;
    if (constraint && constraint->on_violation == SILT_VIOLATION_DROP) return SILT_OK;
    if (constraint) return write_reject(f, r, constraint, err);
    if (f->s->policy.on == SILT_BAD_ROW_SKIP) return SILT_OK;
    if (f->s->policy.on != SILT_BAD_ROW_FAIL) return write_reject(f, r, NULL, err);
    return silt_fail(err, SILT_BAD_DATA, "%s", r->reason); /* a row of on_bad_row: fail */
}

/* ---- a file */

static const silt_source_group *group_of(const silt_source_plan *plan, size_t index, size_t *at)
{
    size_t n = 0;
    for (size_t g = 0; g < plan->group_count; g++)
        for (size_t i = 0; i < plan->groups[g].file_count; i++, n++) {
            if (plan->file_index[n] != index) continue;
            *at = i;
            return &plan->groups[g];
        }
    return NULL;
}

static silt_status make_folder(silt_sieving *s, size_t index, const char **out, silt_error *err)
{
    *out = silt_arena_printf(s->arena, "%s/%zu", s->scratch, index);
    if (!*out) return silt_fail_nomem(err);
    return mkdir(*out, 0700) == 0 ? SILT_OK
                                  : silt_fail_errno(err, errno, "can't make the folder %s", *out);
}

/* What was told of a file that can't be helped after all is taken back. */
static silt_status tell_whole(silt_sieving *s, const silt_sieve_spec *spec,
                              silt_sieve_result *result, silt_error *err)
{
    const int64_t count = s->told_count;
    const off_t size = ftello(s->told);
    silt_status st = s->engine->ops->sieve(s->engine, spec, s->arena, result, err);
    bool back = st != SILT_OK && s->told_count > count;
    if (back && (fflush(s->told) != 0 || ftruncate(fileno(s->told), size) != 0 ||
                 fseeko(s->told, size, SEEK_SET) != 0))
        return silt_fail_errno(err, errno, "%s", s->told_path);
    if (back) s->told_count = count;
    return st;
}

/* BAD_DATA: it can't be helped, and why. */
static silt_status sieve_file(silt_sieving *s, const measure *m, const silt_source_plan *plan,
                              size_t index, silt_source_group *out, silt_error *err)
{
    size_t at = 0;
    const silt_source_group *in = group_of(plan, index, &at);
    if (!in) return silt_fail(err, SILT_BAD_DATA, "it isn't read");
    silt_source_group group = *in;
    group.files = &in->files[at];
    group.file_count = 1;
    one_file f = {s, m, group.files->name};
    silt_sieve_spec spec = {
        .group = &group,
        .columns = m->columns,
        .column_count = m->column_count,
        .checks = m->checks,
        .check_count = m->check_count,
        .bad_max = s->policy.max,
        .bad_share = s->policy.share,
        .rescue_column = s->policy.on == SILT_BAD_ROW_RESCUE ? SILT_COLUMN_RESCUED : NULL,
        .never = s->keys,
        .never_count = s->key_count,
        .reject = on_reject,
        .ctx = &f,
    };
    silt_sieve_result result;
    SILT_TRY(make_folder(s, index, &spec.directory, err));
    SILT_TRY(tell_whole(s, &spec, &result, err));
    if (!result.reject_count && !result.rescue_count)
        return silt_fail(err, SILT_BAD_DATA, "no row of it is bad by itself");
    s->files[index] = (silt_sieved){true, result.row_count, result.reject_count};
    *out = result.group;
    return SILT_OK;
}

/* ---- the plan */

/* The groups as they were, but for the file, which gets one of its own. */
static silt_status replace(silt_source_plan *plan, size_t index, const silt_source_group *by,
                           silt_arena *arena, silt_error *err)
{
    size_t total = 0, n = 0, to = 0;
    for (size_t g = 0; g < plan->group_count; g++)
        total += plan->groups[g].file_count;
    silt_source_group *groups = silt_arena_calloc(arena, plan->group_count + 1, sizeof(*groups));
    silt_source_file *files = silt_arena_calloc(arena, total, sizeof(*files));
    size_t *at = silt_arena_calloc(arena, total, sizeof(*at));
    if (!groups || !files || !at) return silt_fail_nomem(err);
    size_t count = 0;
    for (size_t g = 0; g < plan->group_count; g++) {
        groups[count] = plan->groups[g];
        groups[count].files = files + to;
        groups[count].file_count = 0;
        for (size_t i = 0; i < plan->groups[g].file_count; i++, n++) {
            if (plan->file_index[n] == index) continue;
            files[to] = plan->groups[g].files[i];
            at[to++] = plan->file_index[n];
            groups[count].file_count++;
        }
        count += groups[count].file_count > 0;
    }
    groups[count++] = *by;
    at[to] = index;
    plan->groups = groups;
    plan->group_count = count;
    plan->file_index = at;
    return SILT_OK;
}

/* ---- a batch */

static silt_status begin(silt_sieving *s, size_t file_count, silt_error *err)
{
    if (s->files) return SILT_OK;
    const char *name = silt_arena_printf(s->arena, "%s" SUFFIX, s->attempt);
    if (!name) return silt_fail_nomem(err);
    SILT_TRY(silt_work_scratch(s->store, name, s->arena, &s->scratch, err));
    s->told_path = silt_arena_printf(s->arena, "%s/rejects.ndjson", s->scratch);
    silt_sieved *files = silt_arena_calloc(s->arena, file_count + 1, sizeof(*files));
    if (!s->told_path || !files) return silt_fail_nomem(err);
    s->told = fopen(s->told_path, "we");
    if (!s->told) return silt_fail_errno(err, errno, "%s", s->told_path);
    s->files = files;
    return SILT_OK;
}

/* The files that are to be sieved: those of `bad`, or all. NULL items of `why`: not at fault. */
static silt_status list_files(const silt_sieving *s, size_t file_count, const silt_bad_sources *bad,
                              silt_bad_source **out, size_t *count, silt_error *err)
{
    silt_bad_source *items = silt_arena_calloc(s->arena, file_count + 1, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    *out = items;
    *count = bad->count;
    if (bad->count) memcpy(items, bad->items, bad->count * sizeof(*items));
    for (size_t i = 0; !bad->count && i < file_count; i++)
        if (!s->files[i].done) items[(*count)++] = (silt_bad_source){i, SILT_BAD_DATA, NULL};
    return SILT_OK;
}

static bool can_help(const silt_sieving *s, const silt_bad_source *b)
{
    return b->status == SILT_BAD_DATA && !s->files[b->index].done;
}

static bool has_rule(const silt_sieving *s, const silt_change_spec *spec)
{
    bool some = s->policy.on != SILT_BAD_ROW_FAIL;
    for (size_t i = 0; i < spec->constraint_count; i++)
        some |= takes_rows(&spec->constraints[i]);
    return some;
}

static silt_status sieve_all(silt_sieving *s, const measure *m, silt_source_plan *plan,
                             silt_bad_source *items, size_t count, silt_bad_sources *bad,
                             size_t *helped, silt_error *err)
{
    size_t left = 0;
    *helped = 0;
    for (size_t i = 0; i < count; i++) {
        silt_source_group group;
        silt_error why = {0};
        silt_status st = SILT_BAD_DATA;
        if (can_help(s, &items[i])) st = sieve_file(s, m, plan, items[i].index, &group, &why);
        if (st == SILT_OK) st = replace(plan, items[i].index, &group, s->arena, err);
        *helped += st == SILT_OK;
        if (st == SILT_OK) continue;
        if (st != SILT_BAD_DATA && st != SILT_UNSUPPORTED) {
            if (err && why.status != SILT_OK) *err = why;
            return st;
        }
        if (!items[i].why) continue; /* nobody said that it is at fault */
        if (why.status != SILT_OK)
            items[i].why = silt_arena_printf(s->arena, "%s; %s", items[i].why, why.message);
        if (!items[i].why) return silt_fail_nomem(err);
        items[left++] = items[i];
    }
    *bad = (silt_bad_sources){items, left};
    return SILT_OK;
}

silt_status silt_sieving_more(silt_sieving *s, silt_snapshot *snapshot,
                              const silt_change_spec *spec, silt_source_plan *plan,
                              silt_bad_sources *bad, silt_error *err)
{
    const silt_error first = err ? *err : (silt_error){0};
    silt_bad_source *items = NULL;
    size_t count = 0, helped = 0;
    measure m;
    if (!has_rule(s, spec)) return SILT_BAD_DATA;
    SILT_TRY(begin(s, spec->sources->file_count, err));
    SILT_TRY(take_measure(s, snapshot, spec, &m, err));
    SILT_TRY(list_files(s, spec->sources->file_count, bad, &items, &count, err));
    SILT_TRY(sieve_all(s, &m, plan, items, count, bad, &helped, err));
    if (fflush(s->told) != 0) return silt_fail_errno(err, errno, "%s", s->told_path);
    if (!bad->count && helped) return SILT_OK;
    if (err) *err = first;
    return SILT_BAD_DATA;
}

silt_status silt_sieving_count(silt_sieving *s, size_t file_count, silt_change_facts *facts,
                               silt_error *err)
{
    if (!s->files) return SILT_OK;
    silt_source_counts *counts = silt_arena_calloc(s->arena, file_count + 1, sizeof(*counts));
    if (!counts) return silt_fail_nomem(err);
    for (size_t i = 0; i < file_count; i++) {
        counts[i] = facts->sources[i];
        if (!s->files[i].done) continue;
        if (counts[i].read != s->files[i].kept)
            return silt_fail(err, SILT_FAILED,
                             "internal error: %" PRId64 " good rows were copied and %" PRId64
                             " read",
                             s->files[i].kept, counts[i].read);
        counts[i].read += s->files[i].rejected;
        counts[i].rejected += s->files[i].rejected;
        facts->total.read += s->files[i].rejected;
        facts->total.rejected += s->files[i].rejected;
    }
    facts->sources = counts;
    facts->rejects_path = s->told_count ? s->told_path : NULL;
    facts->rejects_rows = s->told_count;
    return SILT_OK;
}

void silt_sieving_release(silt_sieving *s)
{
    if (s->told) fclose(s->told);
    s->told = NULL;
    silt_scratch_remove(s->scratch);
    s->scratch = NULL;
}
