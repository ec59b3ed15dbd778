/* What nests within columns: members of structs that a source has and the table doesn't are new
 * columns like others, and never left out in silence. */
#include "engine/ndjson_members.h"
#include "ops/source.h"

#define NAMED_MAX 8 /* members that a message names */

/* ---- types that grow */

typedef struct growth {
    silt_arena *arena;
    silt_buf *names; /* of what is new: "column.member, …" */
    size_t count;
} growth;

static const silt_type *grown(growth *w, const silt_type *old, const silt_type *found,
                              const char *path);

static const silt_type *grown_struct(growth *w, const silt_type *old, const silt_type *found,
                                     const char *path)
{
    size_t count = old->field_count;
    silt_field *fields = silt_arena_calloc(w->arena, count + found->field_count, sizeof(*fields));
    silt_type *out = silt_arena_calloc(w->arena, 1, sizeof(*out));
    if (!fields || !out) return NULL;
    bool changed = false;
    memcpy(fields, old->fields, count * sizeof(*fields));
    for (size_t i = 0; i < found->field_count; i++) {
        const silt_field *f = &found->fields[i];
        const char *name = silt_arena_printf(w->arena, "%s.%s", path, f->name);
        int at = silt_type_find(old, f->name);
        if (!name) return NULL;
        if (at < 0) {
            silt_buf_printf(w->names, "%s%s", w->count++ ? ", " : "", name);
            fields[count++] = (silt_field){f->name, f->type, true, "{}"};
            changed = true;
            continue;
        }
        const silt_type *type = grown(w, fields[at].type, f->type, name);
        if (!type) return NULL;
        changed |= type != fields[at].type;
        fields[at].type = type;
    }
    *out = *old;
    out->fields = fields;
    out->field_count = count;
    return changed ? out : old;
}

/* Nothing new: `old` itself. What isn't alike is the cast's to refuse. NULL: out of memory. */
static const silt_type *grown(growth *w, const silt_type *old, const silt_type *found,
                              const char *path)
{
    if (old->kind != found->kind) return old;
    if (old->kind == SILT_TYPE_STRUCT) return grown_struct(w, old, found, path);
    if (old->kind != SILT_TYPE_ARRAY && old->kind != SILT_TYPE_MAP) return old;
    const char *name = silt_arena_printf(w->arena, "%s.%s", path,
                                         old->kind == SILT_TYPE_ARRAY ? "element" : "value");
    const silt_type *element = name ? grown(w, old->element, found->element, name) : NULL;
    if (element == old->element) return old;
    silt_type *out = element ? silt_arena_calloc(w->arena, 1, sizeof(*out)) : NULL;
    if (!out) return NULL;
    *out = *old;
    out->element = element;
    return out;
}

static bool welcomes_new(const silt_planning *p)
{
    return p->known_by_looking || p->sources->on_new_column == SILT_NEW_COLUMN_EVOLVE;
}

silt_status silt_planning_grow_nested(silt_planning *p, size_t at, const silt_type *found)
{
    SILT_CLEAN(silt_buf) names = {0};
    growth w = {.arena = p->arena, .names = &names};
    silt_field *field = &p->fields.items[at];
    if (!welcomes_new(p)) return SILT_OK;
    const silt_type *type = grown(&w, field->type, found, field->name);
    if (!type || names.failed) return silt_fail_nomem(p->err);
    field->type = type;
    return SILT_OK;
}

silt_status silt_planning_new_members(const silt_planning *p, silt_buf *names)
{
    growth w = {.arena = p->arena, .names = names};
    for (size_t i = 0; i < p->table->field_count; i++) {
        const silt_field *field = &p->table->fields[i];
        if (!grown(&w, field->type, p->fields.items[i].type, field->name))
            return silt_fail_nomem(p->err);
    }
    return names->failed ? silt_fail_nomem(p->err) : SILT_OK;
}

/* ---- judging */

static const char *refusal(const silt_planning *p, const char *names, size_t count)
{
    const char *how = p->sources->how_to_evolve;
    return silt_arena_printf(p->arena,
                             "the table's columns don't have the member%s %.600s; %s would add %s",
                             count > 1 ? "s" : "", names, how ? how : "on_new_column: evolve",
                             count > 1 ? "them" : "it");
}

silt_status silt_planning_judge_beyond(silt_planning *p, silt_header_group *g,
                                       const char *const *beyond, size_t count)
{
    if (!count || welcomes_new(p)) return SILT_OK;
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t i = 0; i < count && i <= NAMED_MAX; i++)
        silt_buf_printf(&text, "%s%.80s", i ? ", " : "", i < NAMED_MAX ? beyond[i] : "…");
    const char *why = text.failed ? NULL : refusal(p, text.data, count);
    return why ? silt_planning_blame_all(p, g, "%s", why) : silt_fail_nomem(p->err);
}

static bool has_struct(const silt_type *type)
{
    return type->kind == SILT_TYPE_STRUCT || (type->element && has_struct(type->element));
}

/* One file: files of a group have the same columns, but not what nests in them. */
static silt_status match_file(silt_planning *p, size_t file)
{
    const silt_column *columns;
    size_t count;
    SILT_TRY(silt_planning_sniff(p, &file, 1, &columns, &count));
    SILT_CLEAN(silt_buf) names = {0};
    growth w = {.arena = p->arena, .names = &names};
    for (size_t i = 0; columns && i < count; i++) {
        for (size_t at = 0; at < p->known; at++) {
            silt_field *field = &p->fields.items[at];
            if (!silt_streq(field->name, columns[i].name)) continue;
            const silt_type *type = grown(&w, field->type, columns[i].type, field->name);
            if (!type) return silt_fail_nomem(p->err);
            if (welcomes_new(p)) field->type = type;
        }
    }
    if (names.failed) return silt_fail_nomem(p->err);
    if (!w.count || welcomes_new(p)) return SILT_OK;
    const char *why = refusal(p, names.data, w.count);
    return why ? silt_planning_blame(p, file, SILT_BAD_DATA, "%s", why) : silt_fail_nomem(p->err);
}

silt_status silt_planning_nested(silt_planning *p, silt_header_group *g)
{
    bool nested = false;
    for (size_t i = 0; i < p->known; i++)
        nested |= has_struct(p->fields.items[i].type);
    if (!nested || p->known_by_looking || p->sources->format != SILT_FORMAT_PARQUET) return SILT_OK;
    size_t before = p->bad.count;
    for (size_t i = 0; i < g->files.count; i++)
        SILT_TRY(match_file(p, g->files.items[i]));
    g->bad = p->bad.count > before;
    return SILT_OK;
}

/* ---- NDJSON */

/* Add what some files have to `m`. `*readable`: all of them could be read; the others are noted. */
static silt_status scan(silt_planning *p, silt_ndjson_members *m, const size_t *files, size_t count,
                        bool *readable)
{
    *readable = true;
    for (size_t i = 0; i < count; i++) {
        silt_error why = {0};
        silt_status st =
            silt_ndjson_members_scan(m, &p->options, p->sources->files[files[i]].local_path, &why);
        if (st == SILT_OK) continue;
        if (!silt_is_sources_fault(st)) return silt_fail(p->err, st, "%s", why.message);
        *readable = false;
        SILT_TRY(silt_planning_blame(p, files[i], st, "%s", why.message));
    }
    return SILT_OK;
}

static silt_status give_columns(silt_planning *p, const silt_ndjson_members *m,
                                const silt_column **out, size_t *count)
{
    const char *const *names;
    SILT_TRY(silt_ndjson_members_top(m, p->arena, &names, count, p->err));
    silt_column *columns = silt_arena_calloc(p->arena, *count + 1, sizeof(*columns));
    if (!columns) return silt_fail_nomem(p->err);
    static const silt_type text = {.kind = SILT_TYPE_STRING};
    for (size_t i = 0; i < *count; i++) {
        const silt_field *field = silt_planning_find(p, names[i]);
        columns[i] = (silt_column){names[i], field ? field->type : &text};
    }
    *out = columns;
    return SILT_OK;
}

static silt_ndjson_members *members_of_fields(const silt_planning *p)
{
    silt_type *known = silt_arena_calloc(p->arena, 1, sizeof(*known));
    if (!known) return NULL;
    *known = (silt_type){
        .kind = SILT_TYPE_STRUCT, .fields = p->fields.items, .field_count = p->fields.count};
    return silt_ndjson_members_new(known);
}

/* Whether rows behind the first ones have members that these don't have. */
static silt_status has_more(silt_planning *p, const size_t *files, size_t count,
                            const silt_column *columns, size_t column_count, bool *out)
{
    silt_field *fields = silt_arena_calloc(p->arena, column_count + 1, sizeof(*fields));
    if (!fields) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < column_count; i++)
        fields[i] = (silt_field){columns[i].name, columns[i].type, true, "{}"};
    const silt_type known = {
        .kind = SILT_TYPE_STRUCT, .fields = fields, .field_count = column_count};
    SILT_AUTO(silt_ndjson_members) m = silt_ndjson_members_new(&known);
    const char *const *names;
    size_t name_count, beyond;
    bool readable;
    if (!m) return silt_fail_nomem(p->err);
    SILT_TRY(scan(p, m, files, count, &readable));
    SILT_TRY(silt_ndjson_members_top(m, p->arena, &names, &name_count, p->err));
    for (size_t i = 0; i < name_count; i++)
        *out |= silt_type_find(&known, names[i]) < 0;
    SILT_TRY(silt_ndjson_members_beyond(m, p->arena, &names, &beyond, p->err));
    *out |= beyond > 0;
    return SILT_OK;
}

/* Nothing is known: types are looked for as well. */
static silt_status find_columns(silt_planning *p, const size_t *files, size_t count,
                                const silt_column **out, size_t *out_count)
{
    bool more = false;
    SILT_TRY(silt_planning_sniff(p, files, count, out, out_count));
    if (!*out || !silt_planning_is_sampled(p)) return SILT_OK;
    SILT_TRY(has_more(p, files, count, *out, *out_count, &more));
    if (!more) return SILT_OK;
    p->look_at_all = true;
    return silt_planning_sniff(p, files, count, out, out_count);
}

silt_status silt_planning_members(silt_planning *p, const size_t *files, size_t count,
                                  const silt_column **out, size_t *out_count,
                                  const char *const **beyond, size_t *beyond_count)
{
    bool readable;
    *beyond_count = 0;
    if (p->known_by_looking) return find_columns(p, files, count, out, out_count);
    *out = NULL;
    SILT_AUTO(silt_ndjson_members) m = members_of_fields(p);
    if (!m) return silt_fail_nomem(p->err);
    SILT_TRY(scan(p, m, files, count, &readable));
    if (!readable) return SILT_OK;
    SILT_TRY(give_columns(p, m, out, out_count));
    return silt_ndjson_members_beyond(m, p->arena, beyond, beyond_count, p->err);
}
