/* The files that the newest version has: are they there, and are they what the log says? */
#include <errno.h>
#include <math.h>

#include "base/json.h"
#include "engine/parquet_footer.h"
#include "log/dv.h"
#include "ops/doctor_work.h"
#include "store/local.h"
#include "table/mapping.h"
#include "table/value.h"

#define US_OF_A_MS 1000 /* writers cut times in stats to milliseconds, either way */
#define TEXT_CHARS 32
#define TEXT_BYTES 60

typedef struct examining {
    silt_doctor_work *d;
    const silt_type *schema;
    const silt_metadata *metadata;
    silt_mapping mapping;
    silt_map64 *paths; /* canonical path → itself */
    silt_arena *scratch;
} examining;

static silt_status tell(const examining *x, silt_finding_severity severity, const char *kind,
                        const char *path, const char *what, const char *remedy, bool fixed)
{
    return silt_doctor_find(x->d, &(silt_finding){severity, kind, path, what, remedy, fixed});
}

/* A file's repair, to be filled in. NULL: out of memory. */
static silt_doctor_repair *repair(examining *x, const silt_add *add)
{
    silt_doctor_work *d = x->d;
    size_t count = d->repairs.count;
    if (count && d->repairs.items[count - 1].add == add) return &d->repairs.items[count - 1];
    if (!silt_vec_push(&d->repairs, (silt_doctor_repair){.add = add})) return NULL;
    return &d->repairs.items[count];
}

static silt_status repair_stats(examining *x, const silt_add *add, const char *stats)
{
    silt_doctor_repair *r = repair(x, add);
    if (!r) return silt_fail_nomem(x->d->err);
    r->stats = silt_arena_strdup(x->d->arena, stats);
    return r->stats ? SILT_OK : silt_fail_nomem(x->d->err);
}

/* ---- statistics against the footer's */

/* Floats are given in the digits of either width. */
static bool number_lies(const silt_json *given, const silt_json *truth, bool single, bool is_max)
{
    if (silt_json_is_int(given) && silt_json_is_int(truth)) {
        int64_t g = silt_json_int(given, 0), t = silt_json_int(truth, 0);
        return is_max ? g < t : g > t;
    }
    double g = silt_json_double(given, NAN), t = silt_json_double(truth, NAN);
    if (single) return is_max ? (float)g < (float)t : (float)g > (float)t;
    double slack = fabs(t) * 1e-12;
    return is_max ? g < t - slack : g > t + slack;
}

/* Writers cut long texts, in the log (32 characters) and in footers (64 bytes): of these only the
 * beginning tells. A truth of just that length may have been cut; what is given may be whole. */
static bool text_lies(const char *given, const char *truth, bool is_max)
{
    size_t chars = 0, at = 0, size = strlen(truth);
    while (at < size && chars < TEXT_CHARS && at < TEXT_BYTES) {
        at += silt_utf8_length(truth + at, size - at);
        chars++;
    }
    bool is_whole = at == size && chars < TEXT_CHARS && at < TEXT_BYTES;
    int order = is_whole ? strcmp(given, truth) : strncmp(given, truth, at);
    return is_max ? order < 0 : order > 0;
}

/* Whether a bound of the log says less than the footer's does; `truth` is never too narrow. */
static bool bound_lies(const silt_json *given, const silt_json *truth, const silt_type *type,
                       bool is_max)
{
    silt_value a, b;
    if (!given || !truth) return false;
    if (silt_json_kind_of(given) == SILT_JSON_NUMBER &&
        silt_json_kind_of(truth) == SILT_JSON_NUMBER)
        return number_lies(given, truth, type->kind == SILT_TYPE_FLOAT, is_max);
    const char *g = silt_json_string(given), *t = silt_json_string(truth);
    bool timed = type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_TIMESTAMP_NTZ;
    if (g && t && type->kind == SILT_TYPE_STRING) return text_lies(g, t, is_max);
    if (!g || !t || (!timed && type->kind != SILT_TYPE_DATE)) return false;
    if (!silt_value_parse(g, type, &a) || !silt_value_parse(t, type, &b)) return true;
    int64_t slack = timed ? US_OF_A_MS : 0;
    return is_max ? a.whole + slack < b.whole : a.whole - slack > b.whole;
}

typedef enum lie { LIE_NONE, LIE_MIN, LIE_MAX, LIE_NULLS } lie;

/* The first column whose `section` says other things than the footer's; its name in `*column`. */
static bool section_lies(const examining *x, const silt_json *given, const silt_json *truth,
                         const silt_type *type, const silt_physical *fields, lie section,
                         const char **column)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const silt_field *f = &type->fields[i];
        const char *name = fields ? fields[i].name : f->name;
        const silt_json *g = silt_json_get_some(given, name), *t = silt_json_get_some(truth, name);
        if (!g || !t) continue;
        *column = f->name;
        if (f->type->kind == SILT_TYPE_STRUCT) {
            if (section_lies(x, g, t, f->type, fields ? fields[i].children : NULL, section, column))
                return true;
        } else if (section == LIE_NULLS) {
            if (silt_json_int(g, -1) != silt_json_int(t, -1)) return true;
        } else if (bound_lies(g, t, f->type, section == LIE_MAX)) {
            return true;
        }
    }
    return false;
}

/* NULL in `out`: they don't lie as far as the footer tells. */
static silt_status find_lie(examining *x, const silt_add *add, const char *truth_text,
                            int64_t row_count, const char **out)
{
    static const char *const sections[] = {NULL, "minValues", "maxValues", "nullCount"};
    const silt_json *given, *truth;
    *out = NULL;
    if (silt_json_parse(silt_bytes_of(add->stats), x->scratch, &given, NULL) != SILT_OK) {
        *out = "its statistics aren't JSON";
        return SILT_OK;
    }
    SILT_TRY(silt_json_parse(silt_bytes_of(truth_text), x->scratch, &truth, x->d->err));
    int64_t rows = silt_json_int(silt_json_get_some(given, "numRecords"), row_count);
    if (rows != row_count) {
        *out = silt_arena_printf(x->scratch, "its statistics say %" PRId64 " rows, it has %" PRId64,
                                 rows, row_count);
        return *out ? SILT_OK : silt_fail_nomem(x->d->err);
    }
    if (add->dv) return SILT_OK; /* they may be of the rows that are left */
    for (lie l = LIE_MIN; l <= LIE_NULLS; l++) {
        const char *column = "";
        if (!section_lies(x, silt_json_get(given, sections[l]), silt_json_get(truth, sections[l]),
                          x->schema, x->mapping.fields, l, &column))
            continue;
        *out = silt_arena_printf(x->scratch,
                                 "its statistics lie: %s of column %s isn't what the "
                                 "file has",
                                 sections[l], column);
        return *out ? SILT_OK : silt_fail_nomem(x->d->err);
    }
    return SILT_OK;
}

/* What the footer says, as the log has it. */
static silt_status truth_of(const examining *x, const silt_parquet_footer *footer,
                            const silt_leaf_stats *leaves, const char **out)
{
    const silt_staged_file file = {
        .row_count = footer->row_count, .stats = leaves, .stats_count = footer->leaf_count};
    *out = silt_stats_json(&file, x->schema, x->mapping.fields, x->metadata, x->scratch);
    return *out ? SILT_OK : silt_fail_nomem(x->d->err);
}

static silt_status check_stats(examining *x, const silt_add *add, const char *name,
                               const silt_parquet_footer *footer)
{
    const char *what, *truth;
    if (!add->stats) return SILT_OK;
    /* NaN, of which footers say nothing, is no reason for a bound of other values to lie. */
    silt_leaf_stats *leaves = silt_arena_calloc(x->scratch, footer->leaf_count, sizeof(*leaves));
    if (!leaves) return silt_fail_nomem(x->d->err);
    for (size_t i = 0; i < footer->leaf_count; i++) {
        leaves[i] = footer->leaves[i];
        leaves[i].has_nan = false;
    }
    SILT_TRY(truth_of(x, footer, leaves, &truth));
    SILT_TRY(find_lie(x, add, truth, footer->row_count, &what));
    if (!what) return SILT_OK;
    SILT_TRY(truth_of(x, footer, footer->leaves, &truth));
    if (add->dv) truth = silt_stats_loosen(truth, x->scratch);
    if (!truth) return silt_fail_nomem(x->d->err);
    if (x->d->opts->fix) SILT_TRY(repair_stats(x, add, truth));
    return tell(x, SILT_FINDING_ERROR, "wrong-statistics", name, what,
                "--fix takes them from the file, by a commit that changes no row", x->d->opts->fix);
}

/* ---- deletion vectors */

/* One whose only fault is to name rows that the file doesn't have: what it says of the others
 * counts. `*out` stays NULL where there is more to it. */
static silt_status rows_within(examining *x, const silt_add *add, int64_t row_count,
                               silt_bitmap **out)
{
    SILT_AUTO(silt_bitmap) rows = NULL;
    silt_error why = {0};
    silt_status st = silt_dv_read(x->d->store, add->dv, -1, &rows, &why);
    if (st == SILT_CORRUPT) return SILT_OK;
    if (st != SILT_OK) return silt_fail(x->d->err, st, "%s", why.message);
    *out = silt_bitmap_below(rows, (uint64_t)row_count);
    return *out ? SILT_OK : silt_fail_nomem(x->d->err);
}

static silt_status tell_bad_vector(examining *x, const silt_add *add, const char *name,
                                   int64_t row_count, const char *what)
{
    SILT_AUTO(silt_bitmap) rows = NULL;
    SILT_TRY(rows_within(x, add, row_count, &rows));
    if (!rows)
        return tell(x, SILT_FINDING_ERROR, "bad-vector", name, what,
                    "which rows are deleted can't be told: restore an older version", false);
    silt_doctor_repair *r = x->d->opts->fix ? repair(x, add) : NULL;
    if (x->d->opts->fix && !r) return silt_fail_nomem(x->d->err);
    if (r) r->deleted = SILT_TAKE(rows);
    return tell(x, SILT_FINDING_ERROR, "bad-vector", name, what,
                "--fix gives the file a vector without these rows, by a commit that changes no row",
                x->d->opts->fix);
}

static silt_status check_vector(examining *x, const silt_add *add, const char *name,
                                int64_t row_count)
{
    silt_bitmap *rows = NULL;
    silt_error why = {0};
    if (!add->dv) return SILT_OK;
    silt_status st = silt_dv_read(x->d->store, add->dv, row_count, &rows, &why);
    silt_bitmap_free(rows);
    if (st == SILT_OK) return SILT_OK;
    if (st == SILT_NOT_FOUND)
        return tell(x, SILT_FINDING_ERROR, "missing-vector", name, why.message,
                    "bring the file back from a backup, or restore an older version", false);
    if (st != SILT_CORRUPT) return silt_fail(x->d->err, st, "%s", why.message);
    return tell_bad_vector(x, add, name, row_count, why.message);
}

/* ---- the file itself */

static silt_status find_object(examining *x, const silt_place *place, bool *there, int64_t *size)
{
    silt_object object;
    *there = true;
    if (place->key) {
        silt_error why = {0};
        silt_status st = x->d->store->ops->head(x->d->store, place->key, x->scratch, &object, &why);
        *there = st != SILT_NOT_FOUND;
        if (st == SILT_OK) *size = object.size_bytes;
        return st == SILT_OK || !*there ? SILT_OK : silt_fail(x->d->err, st, "%s", why.message);
    }
    silt_fd fd = -1;
    int e = silt_local_open(place->local_path, &fd, size);
    silt_fd_release(&fd);
    *there = e != ENOENT && e != ENOTDIR;
    return e && *there ? silt_fail_errno(x->d->err, e, "%s", place->local_path) : SILT_OK;
}

static silt_status tell_missing(examining *x, const silt_add *add, const char *name)
{
    bool drop = x->d->opts->fix && x->d->opts->drop_missing;
    int64_t rows = silt_add_row_count(add, x->scratch);
    const char *what =
        rows < 0 ? "it is gone, with its rows (how many isn't known)"
                 : silt_arena_printf(x->scratch, "it is gone, with %" PRId64 " rows", rows);
    if (!what) return silt_fail_nomem(x->d->err);
    silt_doctor_repair *r = drop ? repair(x, add) : NULL;
    if (drop && !r) return silt_fail_nomem(x->d->err);
    if (drop) r->gone = true;
    if (drop && x->d->result.rows_lost >= 0)
        x->d->result.rows_lost = rows < 0 ? -1 : x->d->result.rows_lost + rows;
    return tell(
        x, SILT_FINDING_ERROR, "missing-file", name, what,
        "bring it back from a backup, or restore an older version; --fix --yes takes it out "
        "of the table, and its rows are lost",
        drop);
}

static silt_status check_content(examining *x, const silt_add *add, const silt_place *place,
                                 const char *name)
{
    silt_parquet_footer footer;
    silt_error why = {0};
    const char *local =
        place->key ? silt_store_local_path(x->d->store, place->key, x->scratch) : place->local_path;
    if (!local) {
        local = silt_arena_printf(x->scratch, "%s/footer", x->d->scratch);
        if (!local) return silt_fail_nomem(x->d->err);
        SILT_TRY(x->d->store->ops->get_file(x->d->store, place->key, local, x->d->err));
    }
    silt_status st = silt_parquet_footer_load(local, x->scratch, &footer, &why);
    if (st == SILT_CORRUPT || st == SILT_UNSUPPORTED)
        return tell(x, SILT_FINDING_ERROR, "bad-file", name, why.message,
                    "bring it back from a backup, or restore an older version", false);
    if (st != SILT_OK) return silt_fail(x->d->err, st, "%s", why.message);
    SILT_TRY(check_stats(x, add, name, &footer));
    return check_vector(x, add, name, footer.row_count);
}

static silt_status check_twice(examining *x, const silt_add *add, bool *twice)
{
    const char *path = silt_path_canonical(add->path, x->d->arena);
    if (!path || !silt_map64_slot(x->paths, path, strlen(path), twice))
        return silt_fail_nomem(x->d->err);
    if (!*twice) return SILT_OK;
    return tell(x, SILT_FINDING_ERROR, "file-twice", add->path,
                "the log has it twice: its rows may count twice",
                "restore a version before it came to this", false);
}

static silt_status check_file(examining *x, const silt_add *add)
{
    silt_place place = {0};
    bool there, twice;
    int64_t size = -1;
    SILT_TRY(check_twice(x, add, &twice));
    if (twice) return SILT_OK;
    silt_error why = {0};
    silt_status st = silt_path_place(x->d->store, add->path, x->scratch, &place, &why);
    if (st == SILT_NOMEM) return silt_fail_nomem(x->d->err);
    if (st != SILT_OK)
        return tell(x, SILT_FINDING_ERROR, "bad-path", add->path, why.message,
                    "the file can't be reached from here", false);
    const char *name = place.key ? place.key : place.local_path;
    SILT_TRY(find_object(x, &place, &there, &size));
    if (!there) return tell_missing(x, add, name);
    if (size != add->size_bytes) {
        const char *what = silt_arena_printf(
            x->scratch, "it has %" PRId64 " bytes, the log says %" PRId64, size, add->size_bytes);
        if (!what) return silt_fail_nomem(x->d->err);
        return tell(x, SILT_FINDING_ERROR, "wrong-size", name, what,
                    "it was cut off or replaced: bring it back from a backup", false);
    }
    return check_content(x, add, &place, name);
}

static silt_status examine(examining *x)
{
    silt_doctor_work *d = x->d;
    const silt_add *adds;
    size_t count;
    x->schema = silt_snapshot_schema(d->snapshot);
    x->metadata = &silt_snapshot_state(d->snapshot)->metadata;
    SILT_TRY(silt_mapping_of(x->metadata, x->schema, d->arena, &x->mapping, d->err));
    SILT_TRY(silt_snapshot_adds(d->snapshot, &adds, &count, d->err));
    d->result.files = (int64_t)count;
    for (size_t i = 0; i < count && !d->deaf; i++) {
        silt_arena_reset(x->scratch);
        SILT_TRY(check_file(x, &adds[i]));
    }
    return SILT_OK;
}

silt_status silt_doctor_files(silt_doctor_work *d)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    SILT_AUTO(silt_map64) paths = silt_map64_new();
    if (!scratch || !paths) return silt_fail_nomem(d->err);
    examining x = {.d = d, .paths = paths, .scratch = scratch};
    return examine(&x);
}
