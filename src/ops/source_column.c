/* Columns of source files against those of the table: what is unknown, foreign, or differs by case
 * only. */
#include "ops/source.h"

#include <strings.h>

#include "engine/csv_header.h"

/* Types are found by looking at every row while there is little to read, else at the first rows of
 * each file: a row behind them that doesn't fit makes its file fail, it is never bent. */
#define SNIFF_WHOLE_BYTES (INT64_C(64) * 1024 * 1024)
#define SNIFF_ROWS        100000

#define NAMED_MAX 8 /* columns that a message names */

/* ---- looking */

bool silt_planning_is_sampled(const silt_planning *p)
{
    return p->total_bytes > SNIFF_WHOLE_BYTES && !p->look_at_all;
}

/* A column that says which rows delete is none of the table's. */
static bool hides(const silt_planning *p, const char *name)
{
    return p->sources->deletes && silt_streq(p->sources->deletes, name);
}

static silt_status hide_sniffed(silt_planning *p, const silt_column **columns, size_t *count)
{
    silt_column *left = silt_arena_calloc(p->arena, *count + 1, sizeof(*left));
    size_t kept = 0;
    if (!left) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < *count; i++)
        if (!hides(p, (*columns)[i].name)) left[kept++] = (*columns)[i];
    *columns = left;
    *count = kept;
    return SILT_OK;
}

static silt_status hide_header(silt_planning *p, silt_header_group *g)
{
    const char **left = silt_arena_calloc(p->arena, g->name_count + 1, sizeof(*left));
    size_t kept = 0;
    if (!left) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < g->name_count; i++)
        if (!hides(p, g->names[i])) left[kept++] = g->names[i];
    g->names = left;
    g->name_count = kept;
    return SILT_OK;
}

static silt_status sniff(silt_planning *p, const size_t *files, size_t count,
                         const silt_column **out, size_t *out_count, silt_error *err)
{
    silt_source_file *list = silt_arena_calloc(p->arena, count, sizeof(*list));
    if (!list) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        list[i] = p->sources->files[files[i]];
    silt_source_options options; /* were complete before */
    SILT_TRY(p->engine->ops->sniff(p->engine, p->sources->format, &p->options, list, count,
                                   silt_planning_is_sampled(p) ? SNIFF_ROWS : -1, p->arena,
                                   &options, out, out_count, err));
    return p->sources->deletes ? hide_sniffed(p, out, out_count) : SILT_OK;
}

silt_status silt_planning_sniff(silt_planning *p, const size_t *files, size_t count,
                                const silt_column **out, size_t *out_count)
{
    silt_error why = {0};
    *out = NULL;
    silt_status st = sniff(p, files, count, out, out_count, &why);
    if (st == SILT_OK) return SILT_OK;
    if (!silt_is_sources_fault(st)) {
        if (p->err) *p->err = why;
        return st;
    }
    *out = NULL;
    if (count == 1) return silt_planning_blame(p, files[0], st, "%s", why.message);
    size_t before = p->bad.count;
    for (size_t i = 0; i < count; i++) { /* whose fault is it? */
        const silt_column *columns;
        size_t column_count;
        SILT_TRY(silt_planning_sniff(p, &files[i], 1, &columns, &column_count));
    }
    if (p->bad.count > before) return SILT_OK;
    if (p->err) *p->err = why; /* each alone is fine, not all together */
    return st;
}

/* ---- types */

static int64_t whole_digits(const silt_type *t)
{
    switch (t->kind) {
    case SILT_TYPE_BYTE:
        return 3;
    case SILT_TYPE_SHORT:
        return 5;
    case SILT_TYPE_INTEGER:
        return 10;
    case SILT_TYPE_LONG:
        return 19;
    case SILT_TYPE_DECIMAL:
        return t->precision - t->scale;
    default:
        return -1;
    }
}

static const silt_type *decimal_union(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    int64_t whole = whole_digits(a) > whole_digits(b) ? whole_digits(a) : whole_digits(b);
    int scale_a = a->kind == SILT_TYPE_DECIMAL ? a->scale : 0;
    int scale_b = b->kind == SILT_TYPE_DECIMAL ? b->scale : 0;
    int scale = scale_a > scale_b ? scale_a : scale_b;
    silt_type *type = silt_arena_calloc(arena, 1, sizeof(*type));
    if (!type) return NULL;
    if (whole + scale > 38) {
        type->kind = SILT_TYPE_STRING; /* no number holds all digits of both */
        return type;
    }
    type->kind = SILT_TYPE_DECIMAL;
    type->precision = (uint8_t)(whole + scale);
    type->scale = (uint8_t)scale;
    return type;
}

const silt_type *silt_source_type_union(const silt_type *a, const silt_type *b, silt_arena *arena)
{
    static const silt_type text = {.kind = SILT_TYPE_STRING}, real = {.kind = SILT_TYPE_DOUBLE};
    static const silt_type instant = {.kind = SILT_TYPE_TIMESTAMP};
    if (silt_type_equal(a, b)) return a;
    int64_t whole_a = whole_digits(a), whole_b = whole_digits(b);
    bool real_a = a->kind == SILT_TYPE_FLOAT || a->kind == SILT_TYPE_DOUBLE;
    bool real_b = b->kind == SILT_TYPE_FLOAT || b->kind == SILT_TYPE_DOUBLE;
    if (whole_a >= 0 && whole_b >= 0) {
        if (a->kind == SILT_TYPE_DECIMAL || b->kind == SILT_TYPE_DECIMAL)
            return decimal_union(a, b, arena);
        return whole_a > whole_b ? a : b;
    }
    if ((real_a || whole_a >= 0) && (real_b || whole_b >= 0)) return &real;
    bool time_a = a->kind == SILT_TYPE_DATE || a->kind == SILT_TYPE_TIMESTAMP;
    bool time_b = b->kind == SILT_TYPE_DATE || b->kind == SILT_TYPE_TIMESTAMP;
    return time_a && time_b ? &instant : &text;
}

/* ---- names */

static void put_name(silt_buf *text, const char *name, size_t nth)
{
    if (nth < NAMED_MAX)
        silt_buf_printf(text, "%s%.80s", nth ? ", " : "", name[0] ? name : "(without a name)");
    else if (nth == NAMED_MAX)
        silt_buf_puts(text, ", …");
}

static const char *field_names(silt_planning *p)
{
    SILT_CLEAN(silt_buf) text = {0};
    size_t nth = 0;
    for (size_t i = 0; i < p->fields.count; i++)
        if (!silt_planning_makes(p, p->fields.items[i].name))
            put_name(&text, p->fields.items[i].name, nth++);
    const char *copy = silt_buf_copy(&text, p->arena);
    return copy ? copy : "";
}

static const silt_field *find_in_any_case(const silt_planning *p, const char *name)
{
    for (size_t i = 0; i < p->fields.count; i++)
        if (strcasecmp(p->fields.items[i].name, name) == 0) return &p->fields.items[i];
    return NULL;
}

/* What is wrong with a set of names whatever the table has. */
static silt_status judge_names(silt_planning *p, silt_header_group *g, const char *const *names,
                               size_t count)
{
    SILT_AUTO(silt_map64) seen = silt_map64_new();
    if (!seen) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < count && !g->bad; i++) {
        if (p->sources->audit_columns && silt_is_audit_column(names[i])) {
            silt_status st =
                silt_fail(p->err, SILT_INVALID, "%s: the column %s is one that Silt adds",
                          p->sources->files[g->files.items[0]].name, names[i]);
            return silt_hint(p->err, st, "rename it in the source, or write audit_columns: false");
        }
        if (silt_planning_makes(p, names[i])) {
            silt_status st = silt_fail(p->err, SILT_INVALID,
                                       "%s: the column %s is one that versions are kept by",
                                       p->sources->files[g->files.items[0]].name, names[i]);
            return silt_hint(p->err, st,
                             "rename it in the source, or call the table's column otherwise "
                             "(scd2_effective_date_column, …)");
        }
        if (p->sources->rescues && strcasecmp(names[i], SILT_COLUMN_RESCUED) == 0) {
            silt_status st =
                silt_fail(p->err, SILT_INVALID, "%s: the column %s is one that Silt fills",
                          p->sources->files[g->files.items[0]].name, names[i]);
            return silt_hint(p->err, st,
                             "rename it in the source, or write another policy than rescue");
        }
        if (!names[i][0]) SILT_TRY(silt_planning_blame_all(p, g, "column %zu has no name", i + 1));
        if (strncasecmp(names[i], "__silt_", 7) == 0) /* the engine's, in any case of letters */
            SILT_TRY(silt_planning_blame_all(
                p, g, "the column %.100s: names that begin with __silt_ are Silt's own", names[i]));
        char *lower = silt_arena_strdup(p->arena, names[i]);
        if (!lower) return silt_fail_nomem(p->err);
        for (char *c = lower; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + ('a' - 'A'));
        bool found;
        void **slot = silt_map64_slot(seen, lower, strlen(lower), &found);
        if (!slot) return silt_fail_nomem(p->err);
        if (found && !g->bad)
            SILT_TRY(silt_planning_blame_all(
                p, g,
                silt_streq(*slot, names[i])
                    ? "the column %.100s is there twice"
                    : "the columns %.100s and %.100s differ by the case of letters only",
                (const char *)*slot, names[i]));
        *slot = (void *)(uintptr_t)names[i];
    }
    return SILT_OK;
}

typedef struct name_match {
    size_t known, unknown;
    const char *text;            /* the unknown ones, for a message */
    const char *other, *instead; /* differ by case only; NULL: none */
} name_match;

static silt_status match_names(silt_planning *p, const char *const *names, size_t count,
                               name_match *out)
{
    SILT_CLEAN(silt_buf) text = {0};
    *out = (name_match){0};
    for (size_t i = 0; i < count; i++) {
        if (silt_planning_find(p, names[i])) {
            out->known++;
            continue;
        }
        const silt_field *near = find_in_any_case(p, names[i]);
        if (near && !out->other) {
            out->other = names[i];
            out->instead = near->name;
        }
        put_name(&text, names[i], out->unknown++);
    }
    silt_buf_puts(&text, "");
    out->text = silt_buf_copy(&text, p->arena);
    return out->text ? SILT_OK : silt_fail_nomem(p->err);
}

/* Whether the names can go into the table; otherwise the group's files are noted. */
static silt_status judge_match(silt_planning *p, silt_header_group *g, const name_match *m)
{
    if (m->other)
        return silt_planning_blame_all(p, g,
                                       "the column %.100s differs from the table's %.100s by the "
                                       "case of letters only; names are matched exactly",
                                       m->other, m->instead);
    if (!m->known && m->unknown && p->fields.count && !p->sources->foreign)
        return silt_planning_blame_all(p, g, "none of its columns (%s) is one of the table's (%s)",
                                       m->text, field_names(p));
    if (m->unknown && !p->known_by_looking && p->sources->on_new_column == SILT_NEW_COLUMN_FAIL)
        return silt_planning_blame_all(p, g,
                                       "the table doesn't have the column%s %s; "
                                       "%s would add %s",
                                       m->unknown > 1 ? "s" : "", m->text,
                                       p->sources->how_to_evolve ? p->sources->how_to_evolve
                                                                 : "on_new_column: evolve",
                                       m->unknown > 1 ? "them" : "it");
    return SILT_OK;
}

/* A column that must not be null has to be there, or to have a value of its own. */
static silt_status judge_missing(silt_planning *p, silt_header_group *g, const char *const *names,
                                 size_t count)
{
    for (size_t i = 0; i < p->known && !g->bad; i++) {
        const silt_field *f = &p->fields.items[i];
        bool there = f->nullable || silt_field_has_value(f) || silt_planning_makes(p, f->name);
        for (size_t k = 0; k < count && !there; k++)
            there = silt_streq(names[k], f->name);
        if (!there)
            return silt_planning_blame_all(
                p, g, "the column %.100s is missing, which the table doesn't allow to be null",
                f->name);
    }
    return SILT_OK;
}

/* ---- new columns */

/* Enter the types of columns that weren't there before; those that were only just found get wider.
 */
static silt_status grow(silt_planning *p, const silt_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < p->fields.count && !silt_streq(p->fields.items[at].name, columns[i].name))
            at++;
        if (at < p->known && !p->known_by_looking) {
            SILT_TRY(silt_planning_grow_nested(p, at, columns[i].type));
            continue;
        }
        if (at == p->fields.count) {
            silt_field field = {columns[i].name, columns[i].type, true, "{}"};
            if (!silt_vec_push(&p->fields, field)) return silt_fail_nomem(p->err);
            continue;
        }
        silt_field *field = &p->fields.items[at];
        field->type = silt_source_type_union(field->type, columns[i].type, p->arena);
        if (!field->type) return silt_fail_nomem(p->err);
    }
    return SILT_OK;
}

/* Names that are the table's but for the case of letters are the table's from here on: a CSV's
 * columns go by their places, and the engine finds a Parquet file's in any case. */
static const char *renamed(const silt_planning *p, const char *name)
{
    const silt_field *near = silt_planning_find(p, name) ? NULL : find_in_any_case(p, name);
    return near ? near->name : name;
}

static silt_status rename_header(silt_planning *p, silt_header_group *g)
{
    const char **names = silt_arena_calloc(p->arena, g->name_count, sizeof(*names));
    if (!names) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < g->name_count; i++)
        names[i] = renamed(p, g->names[i]);
    g->names = names;
    return SILT_OK;
}

static silt_status rename_sniffed(silt_planning *p, silt_header_group *g)
{
    silt_column *columns = silt_arena_calloc(p->arena, g->sniffed_count, sizeof(*columns));
    if (!columns) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < g->sniffed_count; i++)
        columns[i] = (silt_column){renamed(p, g->sniffed[i].name), g->sniffed[i].type};
    g->sniffed = columns;
    return SILT_OK;
}

/* New columns stay out of the table: their values are kept beside. */
static bool rescues_new(const silt_planning *p)
{
    return !p->known_by_looking && p->sources->on_new_column == SILT_NEW_COLUMN_RESCUE;
}

/* CSV, Parquet: all files of a group have the same names. */
static silt_status match_group(silt_planning *p, silt_header_group *g)
{
    name_match m;
    if (p->sources->deletes) SILT_TRY(hide_header(p, g));
    if (p->sources->any_case) SILT_TRY(rename_header(p, g));
    SILT_TRY(judge_names(p, g, g->names, g->name_count));
    if (g->bad) return SILT_OK;
    SILT_TRY(match_names(p, g->names, g->name_count, &m));
    SILT_TRY(judge_match(p, g, &m));
    if (!g->bad) SILT_TRY(judge_missing(p, g, g->names, g->name_count));
    if (!g->bad) SILT_TRY(silt_planning_nested(p, g));
    if (g->bad || (!m.unknown && !p->known_by_looking) || rescues_new(p)) return SILT_OK;
    SILT_TRY(
        silt_planning_sniff(p, g->files.items, g->files.count, &g->sniffed, &g->sniffed_count));
    if (!g->sniffed) {
        g->bad = true;
        return SILT_OK;
    }
    if (p->sources->any_case) SILT_TRY(rename_sniffed(p, g));
    return grow(p, g->sniffed, g->sniffed_count);
}

/* ---- NDJSON: one group; which members there are is known by looking only */

static silt_status names_of(silt_planning *p, const silt_column *columns, size_t count,
                            const char ***out)
{
    *out = silt_arena_calloc(p->arena, count, sizeof(**out));
    if (!*out) return silt_fail_nomem(p->err);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = columns[i].name;
    return SILT_OK;
}

/* What was found in some NDJSON files. */
typedef struct members {
    const silt_column *columns; /* NULL: they can't be read */
    size_t count;
    const char *const *beyond; /* members within known columns which these don't have */
    size_t beyond_count;
} members;

static silt_status look(silt_planning *p, const silt_header_group *g, members *out)
{
    SILT_TRY(silt_planning_members(p, g->files.items, g->files.count, &out->columns, &out->count,
                                   &out->beyond, &out->beyond_count));
    return p->sources->deletes && out->columns ? hide_sniffed(p, &out->columns, &out->count)
                                               : SILT_OK;
}

/* Judge the members that were found in some files as if they were a header. */
static silt_status judge_members(silt_planning *p, silt_header_group *g, const members *found,
                                 name_match *m)
{
    const char **names;
    SILT_TRY(names_of(p, found->columns, found->count, &names));
    SILT_TRY(judge_names(p, g, names, found->count));
    if (g->bad) return SILT_OK;
    SILT_TRY(match_names(p, names, found->count, m));
    SILT_TRY(judge_match(p, g, m));
    return g->bad ? SILT_OK : silt_planning_judge_beyond(p, g, found->beyond, found->beyond_count);
}

/* Find the files with members that can't go into the table. `p->bad` isn't empty afterwards, unless
 * a member shows itself in all files together only. */
static silt_status judge_each(silt_planning *p, const silt_header_group *g)
{
    for (size_t i = 0; i < g->files.count; i++) {
        silt_header_group one = {0};
        members found;
        name_match m;
        if (!silt_vec_push(&one.files, g->files.items[i])) return silt_fail_nomem(p->err);
        silt_status st = look(p, &one, &found);
        if (st == SILT_OK && found.columns) st = judge_members(p, &one, &found, &m);
        silt_vec_free(&one.files);
        SILT_TRY(st);
    }
    return SILT_OK;
}

static silt_status match_members(silt_planning *p, silt_header_group *g)
{
    members found;
    SILT_TRY(look(p, g, &found));
    g->sniffed = found.columns;
    g->sniffed_count = found.count;
    if (!g->sniffed) return SILT_OK;
    size_t before = p->bad.count;
    name_match m = {0};
    SILT_TRY(judge_members(p, g, &found, &m));
    if (g->bad || (m.unknown && p->fields.count)) {
        /* That was all files together: only the guilty ones count, and foreign ones hide behind
         * others. */
        size_t all = p->bad.count;
        p->bad.count = before;
        SILT_TRY(judge_each(p, g));
        if (p->bad.count == before) p->bad.count = all;
        if (p->bad.count > before) return SILT_OK;
    }
    if (p->known_by_looking) return grow(p, g->sniffed, g->sniffed_count);
    if ((!m.unknown && !found.beyond_count) || rescues_new(p)) return SILT_OK;
    p->look_at_all = true; /* the first rows may not have what is new */
    SILT_TRY(
        silt_planning_sniff(p, g->files.items, g->files.count, &g->sniffed, &g->sniffed_count));
    return g->sniffed ? grow(p, g->sniffed, g->sniffed_count) : SILT_OK;
}

/* No file says what the columns are. */
static silt_status judge_empty(silt_planning *p)
{
    for (size_t i = 0; i < p->sources->file_count; i++)
        SILT_TRY(silt_planning_blame(p, i, SILT_BAD_DATA,
                                     "it is empty, and there is no table yet that tells the "
                                     "columns; declare them (schema), or make the table first"));
    return SILT_OK;
}

/* Headers alone say what columns are called, and not what they are. */
static silt_status judge_headers(silt_planning *p)
{
    for (size_t i = 0; i < p->sources->file_count; i++) {
        silt_csv_header header = {0};
        const char *path = p->sources->files[i].local_path;
        /* What can't be read has been told. */
        silt_status st = silt_csv_header_read(&p->options, path, p->arena, &header, NULL);
        if (st == SILT_OK && header.has_rows) return SILT_OK;
    }
    for (size_t i = 0; i < p->sources->file_count; i++)
        SILT_TRY(silt_planning_blame(
            p, i, SILT_BAD_DATA,
            "it has no rows, and there is no table yet that tells the "
            "types of its columns; declare them (schema), or make the table first"));
    return SILT_OK;
}

/* Where nothing is known, the header that most files have says what the table is like. */
static size_t first_group(const silt_planning *p)
{
    size_t best = 0;
    for (size_t g = 1; g < p->groups.count && p->known_by_looking; g++)
        if (p->groups.items[g].files.count > p->groups.items[best].files.count) best = g;
    return best;
}

silt_status silt_planning_columns(silt_planning *p)
{
    size_t bad_before = p->bad.count, first = first_group(p);
    for (size_t k = 0; k < p->groups.count; k++) {
        size_t g = k == 0 ? first : k <= first ? k - 1 : k;
        silt_header_group *group = &p->groups.items[g];
        SILT_TRY(p->sources->format == SILT_FORMAT_NDJSON ? match_members(p, group)
                                                          : match_group(p, group));
    }
    if (p->bad.count > bad_before) return SILT_OK;
    if (!p->fields.count) return judge_empty(p);
    bool by_rows = p->known_by_looking && p->sources->format == SILT_FORMAT_CSV;
    return by_rows ? judge_headers(p) : SILT_OK;
}
