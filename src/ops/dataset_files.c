/* Files without a log as one relation: which there are, their columns by name, the values that
 * their folders say, and what a condition on these rules out. */
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/type.h"
#include "log/log.h"
#include "ops/change.h"
#include "ops/sql.h"
#include "store/discover.h"
#include "store/glob.h"
#include "table/expr.h"
#include "table/rows.h"
#include "table/scan.h"

/* A file of the dataset. */
typedef struct item {
    const char *name; /* below the folder that they share */
    silt_pairs values;
    int64_t size_bytes;
    bool ruled_out;
} item;

typedef struct opening {
    silt_scan *scan;
    const silt_dataset *dataset;
    silt_engine *engine;
    silt_scan_options opts;
    silt_arena *arena; /* the scan's */
    const char *root;  /* the folder that they share */
    item *items;
    silt_source_file *files; /* beside `items` */
    size_t count;
    silt_names folders; /* columns that folders say */
    silt_source_plan sources;
    const silt_type *schema;
    silt_metadata metadata;
    silt_store *store;
    silt_scan_plan plan;
    silt_scan_explanation *explanation;
    silt_scan_step *steps;
    silt_error *err;
} opening;

static void opening_release(void *ctx)
{
    opening *o = ctx;
    silt_scan_plan_release(&o->plan);
    silt_store_free(o->store);
}

/* ---- which files */

/* A path that is there means itself, whatever its letters mean in a pattern. */
static const char *pattern_of(const char *path, bool *is_folder, silt_arena *arena)
{
    struct stat s;
    SILT_CLEAN(silt_buf) text = {0};
    *is_folder = false;
    if (stat(path, &s) != 0) return path;
    *is_folder = S_ISDIR(s.st_mode);
    for (const char *c = path; *c; c++) {
        if (strchr("*?[]{}\\", *c)) silt_buf_putc(&text, '\\');
        silt_buf_putc(&text, *c);
    }
    return silt_buf_copy(&text, arena);
}

/* The part of a pattern, up to a '/', that has no wildcards. */
static const char *fixed_folder(const char *pattern, bool is_folder, silt_arena *arena)
{
    const char *path = silt_path_normalise(NULL, pattern, arena);
    if (!path) return NULL;
    size_t size = is_folder ? strlen(path) : 0;
    for (const char *c = path; !is_folder && *c; c++) {
        if (*c == '\\' && c[1])
            c++;
        else if (strchr("*?[{", *c))
            break;
        else if (*c == '/')
            size = (size_t)(c - path);
    }
    if (!size) return path[0] == '/' ? "/" : ".";
    const char *folder = silt_arena_strndup(arena, path, size);
    return folder ? silt_glob_literal(folder, arena) : NULL;
}

static silt_status list_files(opening *o)
{
    bool is_folder;
    silt_found found;
    const char *pattern = pattern_of(o->dataset->path, &is_folder, o->arena);
    o->root = pattern ? fixed_folder(pattern, is_folder, o->arena) : NULL;
    if (!o->root) return silt_fail_nomem(o->err);
    const silt_discover_spec spec = {
        .patterns = &pattern, .pattern_count = 1, .recursive = is_folder};
    SILT_TRY(silt_discover(&spec, o->arena, &found, o->err));
    o->items = silt_arena_calloc(o->arena, found.count, sizeof(*o->items));
    o->files = silt_arena_calloc(o->arena, found.count, sizeof(*o->files));
    if (!o->items || !o->files) return silt_fail_nomem(o->err);
    o->count = found.count;
    size_t skip = silt_streq(o->root, ".") ? 0 : strlen(o->root) + !silt_streq(o->root, "/");
    for (size_t i = 0; i < found.count; i++) {
        const char *path = found.files[i].path;
        o->files[i] = (silt_source_file){path, path};
        o->items[i] = (item){.name = path + skip, .size_bytes = found.files[i].size_bytes};
    }
    if (found.count || o->dataset->columns) return SILT_OK;
    silt_fail(o->err, SILT_NOT_FOUND, "there is no file %s%s", is_folder ? "in " : "",
              o->dataset->path);
    return silt_hint(o->err, SILT_NOT_FOUND,
                     "files that begin with '.' or '_' aren't looked at; a dataset that may be "
                     "without files needs its columns declared: schema");
}

/* ---- what folders say */

static silt_status read_folders(opening *o)
{
    for (size_t i = 0; i < o->count && o->dataset->hive; i++) {
        const silt_pairs *first = &o->items[0].values, *values = &o->items[i].values;
        if (!silt_path_partition_values(o->items[i].name, o->arena, &o->items[i].values))
            return silt_fail_nomem(o->err);
        bool same = values->count == first->count;
        for (size_t k = 0; same && k < values->count; k++)
            same = silt_streq(values->items[k].key, first->items[k].key);
        if (same) continue;
        silt_fail(o->err, SILT_BAD_DATA,
                  "%s: its folders don't say the same columns as those of %s",
                  o->files[i].local_path, o->files[0].local_path);
        return silt_hint(o->err, SILT_BAD_DATA,
                         "with partitioning: hive each file is in folders column=value of the same "
                         "columns, in the same order");
    }
    if (!o->count) return SILT_OK;
    size_t count = o->items[0].values.count;
    const char **names = silt_arena_calloc(o->arena, count, sizeof(*names));
    if (!names) return silt_fail_nomem(o->err);
    for (size_t k = 0; k < count; k++)
        names[k] = o->items[0].values.items[k].key;
    o->folders = (silt_names){names, count};
    return SILT_OK;
}

static bool is_folder_column(const opening *o, const char *name)
{
    for (size_t k = 0; k < o->folders.count; k++)
        if (strcasecmp(o->folders.items[k], name) == 0) return true;
    return false;
}

/* LONG where each value is a number as a number is written, so that it means the same; else STRING.
 */
static const silt_type *folder_type(const opening *o, size_t k)
{
    bool some = false;
    for (size_t i = 0; i < o->count; i++) {
        int64_t number;
        char text[24];
        const char *value = o->items[i].values.items[k].value;
        if (!value) continue;
        if (!silt_parse_int64(value, &number)) return silt_type_primitive(SILT_TYPE_STRING);
        snprintf(text, sizeof(text), "%" PRId64, number);
        if (!silt_streq(text, value)) return silt_type_primitive(SILT_TYPE_STRING);
        some = true;
    }
    return silt_type_primitive(some ? SILT_TYPE_LONG : SILT_TYPE_STRING);
}

/* ---- columns */

/* The declared columns that files hold; those of folders they needn't. */
static const silt_type *declared_in_files(const opening *o)
{
    const silt_type *declared = o->dataset->columns;
    silt_type *type = silt_arena_calloc(o->arena, 1, sizeof(*type));
    silt_field *fields = silt_arena_calloc(o->arena, declared->field_count, sizeof(*fields));
    if (!type || !fields) return NULL;
    *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields};
    for (size_t i = 0; i < declared->field_count; i++)
        if (!is_folder_column(o, declared->fields[i].name))
            fields[type->field_count++] = declared->fields[i];
    return type;
}

static silt_source_options options_of(const silt_dataset *d)
{
    silt_read_options r = SILT_READ_OPTIONS_INIT;
    const silt_read_options *given = d->read_options;
    if (given) memcpy(&r, given, given->struct_size < sizeof(r) ? given->struct_size : sizeof(r));
    return (silt_source_options){.delimiter = r.delimiter,
                                 .quote = r.quote,
                                 .escape = r.escape,
                                 .comment = r.comment,
                                 .encoding = r.encoding,
                                 .date_format = r.date_format,
                                 .timestamp_format = r.timestamp_format,
                                 .compression = r.compression,
                                 .nulls = r.nulls,
                                 .null_count = r.null_count,
                                 .skip_lines = r.skip_lines,
                                 .decimal_separator = r.decimal_separator,
                                 .no_header = r.no_header};
}

static silt_status match_columns(opening *o)
{
    static const silt_format formats[] = {[SILT_DATASET_PARQUET] = SILT_FORMAT_PARQUET,
                                          [SILT_DATASET_CSV] = SILT_FORMAT_CSV,
                                          [SILT_DATASET_NDJSON] = SILT_FORMAT_NDJSON};
    silt_sources sources = {.format = formats[o->dataset->format],
                            .options = options_of(o->dataset),
                            .files = o->files,
                            .file_count = o->count,
                            .on_new_column = SILT_NEW_COLUMN_EVOLVE};
    if (o->dataset->columns) {
        sources.declared_schema = declared_in_files(o);
        if (!sources.declared_schema) return silt_fail_nomem(o->err);
    }
    return silt_sources_plan(o->engine, &sources, NULL, o->arena, &o->sources, NULL, o->err);
}

/* The declared columns, or those of the files; then those of folders that aren't among them. What a
 * folder says stands over what is in the file. */
static silt_status make_schema(opening *o)
{
    const silt_type *from = o->dataset->columns ? o->dataset->columns : o->sources.schema;
    silt_type *type = silt_arena_calloc(o->arena, 1, sizeof(*type));
    silt_field *fields =
        silt_arena_calloc(o->arena, from->field_count + o->folders.count, sizeof(*fields));
    const char **folders = silt_arena_calloc(o->arena, o->folders.count, sizeof(*folders));
    if (!type || !fields || !folders) return silt_fail_nomem(o->err);
    *type = (silt_type){.kind = SILT_TYPE_STRUCT, .fields = fields};
    for (size_t i = 0; i < from->field_count; i++) {
        bool in_folder = is_folder_column(o, from->fields[i].name);
        if (in_folder && !o->dataset->columns) continue;
        fields[type->field_count] = from->fields[i];
        fields[type->field_count++].metadata = "{}";
    }
    for (size_t k = 0; k < o->folders.count; k++) {
        folders[k] = o->folders.items[k];
        size_t at = 0;
        while (at < type->field_count && strcasecmp(fields[at].name, folders[k]) != 0)
            at++;
        if (at < type->field_count)
            folders[k] = fields[at].name;
        else
            fields[type->field_count++] = (silt_field){folders[k], folder_type(o, k), true, "{}"};
    }
    o->schema = type;
    o->metadata.partition_columns = (silt_names){folders, o->folders.count};
    for (size_t i = 0; i < o->count; i++)
        for (size_t k = 0; k < o->folders.count; k++)
            ((silt_pair *)o->items[i].values.items)[k].key = folders[k];
    return SILT_OK;
}

/* ---- which of them */

static void rule_out(opening *o, size_t i, silt_scan_step *step)
{
    o->items[i].ruled_out = true;
    step->files++;
    step->bytes += o->items[i].size_bytes;
}

static silt_scan_step *add_step(opening *o, const char *name, const char *why)
{
    silt_scan_step *step = &o->steps[o->explanation->step_count++];
    *step = (silt_scan_step){.name = name, .why = why, .rows = -1};
    return step;
}

static silt_status take_named(opening *o, const char *const *names, size_t count)
{
    const char *why =
        silt_arena_printf(o->arena, "%zu %s named", count, count == 1 ? "file is" : "files are");
    SILT_AUTO(silt_map64) by_name = silt_map64_new();
    bool *named = silt_arena_calloc(o->arena, o->count, sizeof(*named));
    if (!by_name || !named || !why) return silt_fail_nomem(o->err);
    for (size_t i = 0; i < o->count; i++) {
        bool again;
        void **slot = silt_map64_slot(by_name, o->items[i].name, strlen(o->items[i].name), &again);
        if (!slot) return silt_fail_nomem(o->err);
        *slot = (void *)(uintptr_t)(i + 1);
    }
    for (size_t n = 0; n < count; n++) {
        size_t at = (size_t)(uintptr_t)silt_map64_get(by_name, names[n], strlen(names[n]));
        if (at) {
            named[at - 1] = true;
            continue;
        }
        silt_fail(o->err, SILT_NOT_FOUND, "there is no file %s among the dataset's", names[n]);
        return silt_hint(o->err, SILT_NOT_FOUND, "files are named by their paths below %s",
                         o->root);
    }
    silt_scan_step *step = add_step(o, "file list", why);
    for (size_t i = 0; i < o->count; i++)
        if (!named[i]) rule_out(o, i, step);
    return SILT_OK;
}

/* What can be asked: the columns, and the file's name. */
static const silt_type *asked_of(const opening *o)
{
    silt_type *type = silt_arena_calloc(o->arena, 1, sizeof(*type));
    silt_field *fields = silt_arena_calloc(o->arena, o->schema->field_count + 1, sizeof(*fields));
    if (!type || !fields) return NULL;
    *type = *o->schema;
    type->fields = fields;
    if (type->field_count) memcpy(fields, o->schema->fields, type->field_count * sizeof(*fields));
    if (o->opts.file_column)
        fields[type->field_count++] =
            (silt_field){o->opts.file_column, silt_type_primitive(SILT_TYPE_STRING), true, "{}"};
    return type;
}

/* Folders that can't hold a row that the condition takes. */
static silt_status skip_folders(opening *o, const silt_expr *filter)
{
    silt_skip *skip;
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(o->err);
    SILT_TRY(silt_skip_new(filter, o->schema, &o->plan.making->mapping, o->arena, &skip, o->err));
    silt_scan_step by_folder = {
        .name = "partition values", .why = o->explanation->filter, .rows = -1};
    for (size_t i = 0; i < o->count; i++) {
        silt_arena_reset(scratch);
        if (!o->items[i].ruled_out &&
            silt_skip_file(skip, o->items[i].values, NULL, scratch) != SILT_SKIP_KEEP)
            rule_out(o, i, &by_folder);
    }
    if (by_folder.files) o->steps[o->explanation->step_count++] = by_folder;
    return SILT_OK;
}

static silt_status read_condition(opening *o, const silt_expr **out)
{
    SILT_CLEAN(silt_buf) text = {0};
    *out = NULL;
    if (!o->opts.where) return SILT_OK;
    const silt_type *asked = asked_of(o);
    if (!asked) return silt_fail_nomem(o->err);
    silt_status st = silt_expr_condition(o->opts.where, asked, o->arena, out, o->err);
    if (st != SILT_OK) return silt_wrap(o->err, st, "condition");
    silt_expr_print(*out, &text);
    o->explanation->filter = silt_buf_copy(&text, o->arena);
    return o->explanation->filter ? SILT_OK : silt_fail_nomem(o->err);
}

/* ---- the plan */

static const char *constant(const opening *o, const silt_constant *c, size_t i)
{
    if (c->kind == SILT_CONSTANT_EXTRA) return o->items[i].name;
    return silt_pairs_get(o->items[i].values, c->name);
}

static silt_status take_file(opening *o, size_t i, silt_scan_file *out)
{
    const silt_scan_making *m = o->plan.making;
    const char **values = silt_arena_calloc(o->arena, m->constant_count, sizeof(*values));
    if (!values) return silt_fail_nomem(o->err);
    for (size_t c = 0; c < m->constant_count; c++)
        values[c] = constant(o, &m->constants[c], i);
    *out = (silt_scan_file){.local_path = o->files[i].local_path,
                            .row_count = -1,
                            .constants = values,
                            .base_row_id = -1};
    o->explanation->files++;
    o->explanation->bytes += o->items[i].size_bytes;
    return SILT_OK;
}

/* What is left of the groups; files without content are in none. */
static silt_status take_files(opening *o, const silt_source_group **out, size_t *out_count)
{
    const silt_source_plan *from = &o->sources;
    silt_scan_spec *spec = &o->plan.spec;
    silt_scan_file *files = silt_arena_calloc(o->arena, o->count, sizeof(*files));
    silt_source_file *kept = silt_arena_calloc(o->arena, o->count, sizeof(*kept));
    silt_source_group *groups = silt_arena_calloc(o->arena, from->group_count, sizeof(*groups));
    if (!files || !kept || !groups) return silt_fail_nomem(o->err);
    size_t group_count = 0;
    for (size_t g = 0, at = 0; g < from->group_count; g++) {
        silt_source_group *group = &groups[group_count];
        *group = from->groups[g];
        group->files = kept + spec->file_count;
        group->file_count = 0;
        for (size_t f = 0; f < from->groups[g].file_count; f++, at++) {
            size_t i = from->file_index[at];
            if (o->items[i].ruled_out) continue;
            kept[spec->file_count] = o->files[i];
            SILT_TRY(take_file(o, i, &files[spec->file_count++]));
            group->file_count++;
        }
        group_count += group->file_count > 0;
    }
    spec->files = files;
    *out = groups;
    *out_count = group_count;
    return SILT_OK;
}

/* Parquet files are scanned as a table's are, unless they have a column in types of which none
 * holds the others' values as they are: then each file's are converted, and no condition is pushed
 * into it. */
static silt_status choose_reader(opening *o, const silt_source_group *groups, size_t count)
{
    silt_scan_spec *spec = &o->plan.spec;
    if (o->dataset->format == SILT_DATASET_PARQUET) {
        const silt_rows_spec rows = {.kind = SILT_ROWS_SCAN, .scan = *spec};
        const silt_column *columns;
        size_t column_count;
        silt_status st =
            o->engine->ops->describe(o->engine, &rows, o->arena, &columns, &column_count, o->err);
        if (st != SILT_CORRUPT) return st;
    }
    spec->sources = groups;
    spec->source_count = count;
    return SILT_OK;
}

static silt_status check(const opening *o)
{
    const silt_scan_options *opts = &o->opts;
    if (opts->limit < -1)
        return silt_fail(o->err, SILT_INVALID, "limit %" PRId64 ": -1 for all, or 0 and more",
                         opts->limit);
    if (o->dataset->version != SILT_LATEST || o->dataset->timestamp_ms != SILT_NO_TIMESTAMP ||
        o->dataset->changes_from)
        return silt_fail(o->err, SILT_INVALID,
                         "files without a log have no versions and no changes");
    if (opts->row_id_column || opts->row_commit_version_column)
        return silt_fail(o->err, SILT_INVALID, "files without a log have no row ids");
    if (strstr(o->dataset->path, "://"))
        return silt_fail(o->err, SILT_UNSUPPORTED, "%s: files are local ones, for now",
                         o->dataset->path);
    return SILT_OK;
}

static silt_status find_files(opening *o)
{
    silt_store_options store = SILT_STORE_OPTIONS_INIT;
    const silt_dataset *d = o->dataset;
    store.pairs = d->data_options ? d->data_options : d->storage_options;
    SILT_TRY(check(o));
    SILT_TRY(list_files(o));
    SILT_TRY(silt_store_open(o->root, &store, &o->store, o->err));
    SILT_TRY(read_folders(o));
    SILT_TRY(match_columns(o));
    return make_schema(o);
}

static silt_status make_plan(opening *o, const silt_expr *filter)
{
    const silt_scan_options *opts = &o->opts;
    silt_scan_extra file_name = {.name = opts->file_column,
                                 .type = silt_type_primitive(SILT_TYPE_STRING)};
    silt_scan_want want = {.columns = opts->columns,
                           .column_count = opts->column_count,
                           .extras = &file_name,
                           .extra_count = opts->file_column != NULL,
                           .no_pushdown = opts->no_pushdown,
                           .limit = opts->limit};
    if (filter && !opts->where) o->opts.where = silt_sql_where(filter, o->schema, o->arena);
    SILT_TRY(read_condition(o, &want.filter));
    SILT_TRY(silt_scan_plan_init(&o->plan, o->store, 0, &o->metadata, o->schema, &want, NULL,
                                 o->arena, o->err));
    o->explanation->total_files = (int64_t)o->count;
    for (size_t i = 0; i < o->count; i++)
        o->explanation->total_bytes += o->items[i].size_bytes;
    if (opts->files) SILT_TRY(take_named(o, opts->files, opts->file_count));
    if (want.filter && !opts->no_pushdown) SILT_TRY(skip_folders(o, want.filter));
    const silt_source_group *groups = NULL;
    size_t group_count = 0;
    SILT_TRY(take_files(o, &groups, &group_count));
    SILT_TRY(choose_reader(o, groups, group_count));
    o->scan->rows = (silt_rows_spec){.kind = SILT_ROWS_SCAN, .scan = o->plan.spec};
    return SILT_OK;
}

/* The dataset's options, where the caller's don't stand over them. */
static void take_options(opening *o, const silt_scan_options *opts)
{
    const silt_dataset *d = o->dataset;
    o->opts = *opts;
    if (!o->opts.files) {
        o->opts.files = d->files;
        o->opts.file_count = d->file_count;
    }
    o->opts.file_column =
        o->opts.file_column ? silt_arena_strdup(o->arena, o->opts.file_column) : d->file_column;
    o->opts.no_pushdown = o->opts.no_pushdown || d->no_pushdown;
}

silt_status silt_dataset_files_open(const silt_dataset *dataset, silt_engine *engine,
                                    const silt_scan_options *opts, const silt_expr *filter,
                                    silt_scan **out, silt_error *err)
{
    enum { STEPS = 2 };
    SILT_AUTO(silt_scan) scan = NULL;
    SILT_TRY(silt_scan_new(engine, &scan, err));
    opening *o = silt_arena_calloc(scan->arena, 1, sizeof(*o));
    if (!o) return silt_fail_nomem(err);
    *o = (opening){.scan = scan, .engine = engine, .arena = scan->arena, .err = err};
    scan->ctx = o;
    scan->release = opening_release;
    o->explanation = silt_arena_calloc(o->arena, 1, sizeof(*o->explanation));
    o->steps = silt_arena_calloc(o->arena, STEPS, sizeof(*o->steps));
    if (!o->explanation || !o->steps) return silt_fail_nomem(err);
    *o->explanation =
        (silt_scan_explanation){.version = -1, .total_rows = -1, .rows = -1, .steps = o->steps};
    o->dataset = silt_dataset_copy(dataset, o->arena);
    if (!o->dataset) return silt_fail_nomem(err);
    take_options(o, opts);
    SILT_TRY(silt_scan_set_shape(scan, o->opts.view_types || dataset->view_types,
                                 o->opts.schema ? o->opts.schema : dataset->schema,
                                 o->opts.batch_rows, err));
    SILT_TRY(find_files(o));
    SILT_TRY(make_plan(o, filter));
    scan->explanation = o->explanation;
    *out = SILT_TAKE(scan);
    return SILT_OK;
}
