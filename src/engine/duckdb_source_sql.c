/* Sources as SQL: one SELECT a part, one table function in each, columns declared and never
 * guessed.
 *
 * Text columns of CSV and NDJSON are read as text and cast above the reader, as fast as its own
 * casts, since those lose data without a word (DuckDB 1.5): a broken timestamp with time zone gives
 * null, '1.7' a whole number 2, an NDJSON timestamp without zone is taken for UTC, an NDJSON
 * decimal goes through a double. */
#include "base/json.h"
#include "engine/duckdb_ops.h"
#include "engine/duckdb_route.h"

/* ---- types to read --------------------------------------------------------------------------- */

static bool is_nested(const silt_type *type)
{
    return type->kind == SILT_TYPE_STRUCT || type->kind == SILT_TYPE_ARRAY ||
           type->kind == SILT_TYPE_MAP;
}

static const silt_type text_type = {.kind = SILT_TYPE_STRING};
static const silt_type double_type = {.kind = SILT_TYPE_DOUBLE};

/* NDJSON's numbers are doubles anyway: small ones are read as such and checked to be exact, which
 * is cheaper than a text. */
static bool fits_double(const silt_type *type)
{
    return (type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_INTEGER) ||
           (type->kind == SILT_TYPE_DECIMAL && type->precision <= 15);
}

/* What the reader is told that a column is; nested ones of NDJSON see silt_duck_nested_is_text(). A
 * lenient one of CSV casts nothing. */
static const silt_type *read_type(const silt_duck_sources *s, silt_format format,
                                  const silt_type *type)
{
    if (s->lenient && format == SILT_FORMAT_CSV) return &text_type;
    if (type->kind == SILT_TYPE_BOOLEAN || type->kind == SILT_TYPE_FLOAT ||
        type->kind == SILT_TYPE_DOUBLE)
        return type;
    if (format == SILT_FORMAT_NDJSON && (is_nested(type) || type->kind == SILT_TYPE_VARIANT))
        return type;
    if (format == SILT_FORMAT_NDJSON && fits_double(type)) return &double_type;
    return &text_type;
}

/* ---- FROM ------------------------------------------------------------------------------------ */

static void put_column(silt_buf *sql, const silt_source_group *group, size_t i)
{
    if (group->format == SILT_FORMAT_NDJSON)
        silt_sql_name(sql, group->columns[i].name);
    else
        silt_buf_printf(sql, "c%zu", i); /* whatever a header says, no name of ours collides */
}

static void put_option(silt_buf *sql, const char *name, const char *value)
{
    if (!value) return;
    silt_buf_printf(sql, ", %s = ", name);
    silt_sql_text(sql, value);
}

static silt_status put_declared(silt_buf *sql, const silt_duck_sources *s,
                                const silt_source_group *group, silt_error *err)
{
    silt_buf_puts(sql, ", auto_detect = false, columns = {");
    for (size_t i = 0; i < group->column_count; i++) {
        const silt_type *type = group->columns[i].type;
        SILT_CLEAN(silt_buf) text = {0};
        if (i) silt_buf_puts(sql, ", ");
        if (group->format == SILT_FORMAT_CSV)
            silt_buf_printf(sql, "'c%zu'", i);
        else
            silt_sql_text(sql, group->columns[i].name);
        silt_buf_puts(sql, ": ");
        const silt_type *read = read_type(s, group->format, type);
        if (read->kind == SILT_TYPE_VARIANT)
            silt_buf_puts(&text, "JSON");
        else
            SILT_TRY(is_nested(read) ? silt_sql_type_but(&text, read, silt_duck_nested_is_text, err)
                                     : silt_sql_type(&text, read, err));
        if (text.failed) return silt_fail_nomem(err);
        silt_sql_text(sql, text.data);
    }
    silt_buf_putc(sql, '}');
    return SILT_OK;
}

static void put_csv_options(silt_buf *sql, const silt_source_options *o, int skip)
{
    put_option(sql, "delim", o->delimiter && *o->delimiter ? o->delimiter : ",");
    put_option(sql, "quote", o->quote ? o->quote : "\"");
    put_option(sql, "escape", o->escape ? o->escape : o->quote ? o->quote : "\"");
    put_option(sql, "comment", o->comment ? o->comment : "");
    put_option(sql, "encoding", o->encoding);
    if (o->quoted_is_text) silt_buf_puts(sql, ", allow_quoted_nulls = false");
    if (o->decimal_separator == ',') put_option(sql, "decimal_separator", ",");
    silt_buf_printf(sql, ", header = %s, skip = %d, nullstr = [''", o->no_header ? "false" : "true",
                    skip);
    for (size_t i = 0; i < o->null_count; i++) {
        silt_buf_puts(sql, ", ");
        silt_sql_text(sql, o->nulls[i]);
    }
    silt_buf_putc(sql, ']');
}

#define CSV_LITTLE_MEMORY (INT64_C(256) << 20)
#define CSV_SMALL_BUFFER  (INT64_C(8) << 20)
void silt_duck_put_csv_buffers(silt_buf *sql, silt_duck_engine *db)
{
    if (silt_duck_root(db)->memory_limit_bytes < CSV_LITTLE_MEMORY)
        silt_buf_printf(sql, ", buffer_size = %" PRId64, CSV_SMALL_BUFFER);
}

static silt_status put_schema_map(silt_buf *sql, const silt_source_group *group,
                                  const silt_column *read, silt_error *err)
{
    if (group->column_count == 0) return SILT_OK;
    silt_buf_puts(sql, ", schema = MAP {");
    for (size_t i = 0; i < group->column_count; i++) {
        SILT_CLEAN(silt_buf) text = {0};
        if (i) silt_buf_puts(sql, ", ");
        silt_sql_text(sql, group->columns[i].name);
        if (read[i].type->kind == SILT_TYPE_VARIANT) /* as DuckDB has it */
            silt_buf_puts(&text, "VARIANT");
        else
            SILT_TRY(silt_sql_type(&text, read[i].type, err));
        if (text.failed) return silt_fail_nomem(err);
        silt_buf_printf(sql, ": {name: 'c%zu', type: ", i);
        silt_sql_text(sql, text.data);
        silt_buf_puts(sql, ", default_value: CAST(NULL AS VARCHAR)}");
    }
    silt_buf_putc(sql, '}');
    return SILT_OK;
}

silt_status silt_duck_source_from(const silt_duck_sources *s, const silt_duck_part *part,
                                  size_t first, size_t last, silt_buf *sql, silt_error *err)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    bool bare = group->format == SILT_FORMAT_NDJSON && group->column_count == 0;
    silt_buf_puts(sql, group->format == SILT_FORMAT_CSV       ? "FROM read_csv(["
                       : group->format == SILT_FORMAT_PARQUET ? "FROM read_parquet(["
                       : bare                                 ? "FROM read_ndjson_objects(["
                                                              : "FROM read_json([");
    for (size_t i = first; i < last; i++) {
        if (i > first) silt_buf_puts(sql, ", ");
        silt_sql_text(sql, s->files[i]->local_path);
    }
    /* Folders named k=v around a source are no columns of it. */
    silt_buf_puts(sql, "], hive_partitioning = false");
    if (group->format == SILT_FORMAT_PARQUET) {
        SILT_TRY(put_schema_map(sql, group, part->read, err));
    } else {
        if (!silt_streq(group->options.compression, "auto"))
            put_option(sql, "compression", group->options.compression);
        if (!bare) SILT_TRY(put_declared(sql, s, group, err));
        if (group->format == SILT_FORMAT_CSV) {
            put_csv_options(sql, &group->options, part->skip);
            silt_duck_put_csv_buffers(sql, s->db);
        } else if (!bare) { /* records: told too, or DuckDB looks at the first line and guesses */
            silt_buf_puts(sql, ", format = 'newline_delimited', records = 'true'");
        }
        if (s->lenient) silt_buf_puts(sql, ", ignore_errors = true");
    }
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

ptrdiff_t silt_duck_source_find(const silt_duck_sources *s, const silt_duck_part *part,
                                size_t column)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    const silt_output_column *out = &s->spec->columns[column];
    if (out->kind == SILT_OUTPUT_VALUE || out->kind == SILT_OUTPUT_SOURCE_FILE ||
        out->kind == SILT_OUTPUT_RESCUED)
        return -1;
    for (size_t i = 0; i < group->column_count; i++)
        if (silt_streq(group->columns[i].name, out->source)) return (ptrdiff_t)i;
    return -1;
}

static bool is_number(const silt_type *type)
{
    return (type->kind >= SILT_TYPE_BYTE && type->kind <= SILT_TYPE_LONG) ||
           type->kind == SILT_TYPE_DECIMAL;
}

static silt_status put_text_number(silt_buf *sql, const char *text, const silt_source_options *o,
                                   const silt_type *type, const char *cast, silt_error *err)
{
    static const int bits[] = {[SILT_TYPE_BYTE] = 8,
                               [SILT_TYPE_SHORT] = 16,
                               [SILT_TYPE_INTEGER] = 32,
                               [SILT_TYPE_LONG] = 64};
    SILT_CLEAN(silt_buf) x = {0};
    bool whole = type->kind != SILT_TYPE_DECIMAL;
    silt_buf_printf(&x, o->decimal_separator == ',' ? "replace(%s, ',', '.')" : "%s", text);
    if (x.failed) return silt_fail_nomem(err);
    if (whole) { /* the usual form first; what isn't that is the cast's */
        silt_buf_printf(sql, "COALESCE(CAST(silt_integer(%s, %d) AS ", text, bits[type->kind]);
        SILT_TRY(silt_sql_type(sql, type, err));
        silt_buf_puts(sql, "), ");
    }
    silt_buf_printf(sql, "%s(CASE WHEN silt_exact(%s, %d) THEN %s ELSE 'rounded: ' || %s END AS ",
                    cast, x.data, type->kind == SILT_TYPE_DECIMAL ? type->scale : 0, x.data,
                    x.data);
    SILT_TRY(silt_sql_type(sql, type, err));
    silt_buf_puts(sql, whole ? "))" : ")");
    return SILT_OK;
}

silt_status silt_duck_text_cast(silt_buf *sql, const char *text, const silt_source_options *o,
                                const silt_type *type, bool try_cast, silt_error *err)
{
    const char *cast = try_cast ? "TRY_CAST" : "CAST";
    const char *format = type->kind == SILT_TYPE_DATE ? o->date_format : o->timestamp_format;
    bool time = type->kind == SILT_TYPE_DATE || type->kind == SILT_TYPE_TIMESTAMP ||
                type->kind == SILT_TYPE_TIMESTAMP_NTZ;
    if (type->kind == SILT_TYPE_STRING) {
        silt_buf_puts(sql, text);
        return SILT_OK;
    }
    if (is_number(type)) return put_text_number(sql, text, o, type, cast, err);
    if (type->kind == SILT_TYPE_BINARY) {
        silt_buf_printf(sql, "encode(%s)", text);
        return SILT_OK;
    }
    bool real = type->kind == SILT_TYPE_FLOAT || type->kind == SILT_TYPE_DOUBLE;
    if (real && o->decimal_separator == ',') {
        silt_buf_printf(sql, "%s(replace(%s, ',', '.')", cast, text);
    } else if (time && format) {
        /* With %z in the format it is an instant, without one of the session's time zone. */
        silt_buf_printf(sql, "CAST(%s(%s, ", try_cast ? "try_strptime" : "strptime", text);
        silt_sql_text(sql, format);
        silt_buf_puts(sql, ")");
    } else if (time) {
        const char *fast = type->kind == SILT_TYPE_DATE        ? "silt_day"
                           : type->kind == SILT_TYPE_TIMESTAMP ? "silt_instant"
                                                               : NULL;
        if (fast) silt_buf_printf(sql, "COALESCE(%s(%s), ", fast, text);
        silt_buf_printf(sql, "%s(CASE WHEN silt_exact(%s, %d) THEN %s ELSE 'none: ' || %s END",
                        cast, text, type->kind == SILT_TYPE_DATE ? -1 : -2, text, text);
    } else {
        silt_buf_printf(sql, "%s(%s", cast, text);
    }
    silt_buf_puts(sql, " AS ");
    SILT_TRY(silt_sql_type(sql, type, err));
    bool coalesced = type->kind == SILT_TYPE_TIMESTAMP || type->kind == SILT_TYPE_DATE;
    silt_buf_puts(sql, coalesced && !format ? "))" : ")");
    return SILT_OK;
}

/* JSON's text. */
static void put_json_variant(silt_buf *sql, const char *text, bool from_doubles, bool try_cast)
{
    const char *flag = from_doubles ? "true" : "false";
    if (try_cast)
        silt_buf_printf(sql, "silt_variant(%s, %s)", text, flag);
    else
        silt_buf_printf(sql,
                        "CASE WHEN %s IS NOT NULL THEN COALESCE(silt_variant(%s, %s), "
                        "error('no JSON: ' || %s)) END",
                        text, text, flag, text);
}

/* A column of a Parquet file, see silt_duck_source_variant(). */
static silt_status put_parquet_variant(silt_buf *sql, const char *column, const silt_type *from,
                                       const silt_type *to, silt_error *err)
{
    if (from->kind == SILT_TYPE_VARIANT) {
        silt_duck_variant_parts(column, sql);
        return SILT_OK;
    }
    /* The hash, which is never null, has it read. */
    silt_buf_printf(sql,
                    "CASE WHEN %s IS NOT NULL AND hash(variant_bytes_to_variant((%s).metadata || "
                    "(%s).\"value\")) IS NOT NULL THEN CAST(%s AS ",
                    column, column, column, column);
    SILT_TRY(silt_sql_type(sql, to, err));
    silt_buf_puts(sql, ") END");
    return SILT_OK;
}

bool silt_duck_source_variant(const silt_type *from, const silt_type *to)
{
    if (!silt_duck_has_variant(to)) return true;
    if (to->kind != SILT_TYPE_VARIANT) return false;
    bool pair = from->kind == SILT_TYPE_STRUCT && from->field_count == 2;
    for (size_t i = 0; pair && i < 2; i++)
        pair = from->fields[i].type->kind == SILT_TYPE_BINARY;
    return from->kind == SILT_TYPE_VARIANT ||
           (pair && silt_type_find(from, "metadata") >= 0 && silt_type_find(from, "value") >= 0);
}

/* Source column `i` of a part as type `to`. */
static silt_status put_source(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                              size_t i, const silt_type *to, bool try_cast, silt_error *err)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    const silt_type *type = group->columns[i].type;
    SILT_CLEAN(silt_buf) column = {0};
    SILT_CLEAN(silt_buf) typed = {0};
    put_column(&column, group, i);
    if (column.failed) return silt_fail_nomem(err);
    if (to->kind != SILT_TYPE_VARIANT && silt_duck_has_variant(to))
        return silt_fail(err, SILT_UNSUPPORTED,
                         "column %s: variants within structs, arrays and maps can't be loaded",
                         group->columns[i].name);
    if (group->format == SILT_FORMAT_PARQUET) {
        const silt_type *from = part->read[i].type;
        if (to->kind == SILT_TYPE_VARIANT)
            return put_parquet_variant(sql, column.data, from, to, err);
        if (from->kind != SILT_TYPE_VARIANT)
            return silt_sql_cast_exact(sql, column.data, from, to, try_cast, err);
        silt_buf_printf(&typed, "CAST(%s AS VARCHAR)", column.data);
        if (typed.failed) return silt_fail_nomem(err);
        return silt_sql_cast(sql, typed.data, &text_type, to, try_cast, err);
    }
    if (to->kind == SILT_TYPE_VARIANT) {
        silt_buf_printf(&typed, "CAST(%s AS VARCHAR)", column.data);
        if (typed.failed) return silt_fail_nomem(err);
        put_json_variant(sql, typed.data, group->format == SILT_FORMAT_NDJSON, try_cast);
        return SILT_OK;
    }

    const silt_type *read = read_type(s, group->format, type);
    if (read == &text_type) {
        SILT_TRY(silt_duck_text_cast(&typed, column.data, &group->options, type, try_cast, err));
    } else if (is_nested(type)) {
        SILT_TRY(silt_duck_nested_value(&typed, column.data, &group->options, type, try_cast, err));
    } else {
        SILT_TRY(silt_sql_cast(&typed, column.data, read, type, try_cast, err));
    }
    if (typed.failed) return silt_fail_nomem(err);
    return silt_sql_cast(sql, typed.data, type, to, try_cast, err);
}

/* A member of a row's JSON: null where it doesn't have it. */
static void put_member(silt_buf *sql, const char *name)
{
    SILT_CLEAN(silt_buf) pointer = {0};
    silt_duck_json_pointer(name, &pointer);
    silt_buf_puts(sql, "json_extract(" SILT_DUCK_RAW_COLUMN ", ");
    silt_sql_text(sql, pointer.data);
    silt_buf_putc(sql, ')');
    sql->failed |= pointer.failed;
}

/* A lenient reader's null may be its own. */
static silt_status put_json_doubt(silt_buf *sql, const silt_duck_sources *s,
                                  const silt_duck_part *part, size_t i, const silt_type *to,
                                  silt_error *err)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    SILT_CLEAN(silt_buf) member = {0};
    SILT_CLEAN(silt_buf) value = {0};
    SILT_CLEAN(silt_buf) loss = {0};
    put_member(&member, group->columns[i].name);
    put_column(&value, group, i);
    if (member.failed || value.failed) return silt_fail_nomem(err);
    silt_buf_printf(sql, "json_type(%s) <> 'NULL' AND ((", member.data);
    SILT_TRY(put_source(sql, s, part, i, to, true, err));
    silt_buf_puts(sql, ") IS NULL");
    SILT_TRY(silt_duck_source_loss(group->columns[i].type, value.data, member.data, &group->options,
                                   &loss, err));
    if (loss.size) silt_buf_printf(sql, " OR %s", loss.data);
    silt_buf_putc(sql, ')');
    return sql->failed || loss.failed ? silt_fail_nomem(err) : SILT_OK;
}

silt_status silt_duck_source_doubt(const silt_duck_sources *s, const silt_duck_part *part,
                                   size_t column, silt_buf *value, silt_buf *condition, bool *has,
                                   silt_error *err)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    ptrdiff_t i = silt_duck_source_find(s, part, column);
    *has = i >= 0;
    if (i < 0) return SILT_OK;
    put_column(value, group, (size_t)i);
    if (s->lenient && group->format == SILT_FORMAT_NDJSON)
        return put_json_doubt(condition, s, part, (size_t)i, s->spec->columns[column].type, err);
    put_column(condition, group, (size_t)i);
    silt_buf_puts(condition, " IS NOT NULL AND ((");
    SILT_TRY(put_source(condition, s, part, (size_t)i, s->spec->columns[column].type, true, err));
    silt_buf_puts(condition, ") IS NULL");
    SILT_CLEAN(silt_buf) loss = {0};
    if (group->format == SILT_FORMAT_NDJSON && value->data)
        SILT_TRY(silt_duck_source_loss(group->columns[i].type, value->data, NULL, &group->options,
                                       &loss, err));
    if (loss.size) silt_buf_printf(condition, " OR %s", loss.data);
    silt_buf_putc(condition, ')');
    condition->failed |= loss.failed;
    return value->failed || condition->failed ? silt_fail_nomem(err) : SILT_OK;
}

void silt_duck_source_spared(const silt_duck_sources *s, const silt_duck_part *part, size_t column,
                             silt_buf *sql)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    const char *by = s->spec->columns[column].spared_by;
    for (size_t i = 0; by && i < group->column_count; i++) {
        if (!silt_streq(group->columns[i].name, by)) continue;
        silt_buf_puts(sql, " AND TRY_CAST(");
        put_column(sql, group, i);
        silt_buf_puts(sql, " AS BOOLEAN) IS NOT TRUE");
    }
}

silt_status silt_duck_value_sql(const silt_output_column *out, silt_buf *sql, silt_error *err)
{
    if (out->type->kind == SILT_TYPE_TIMESTAMP)
        silt_buf_printf(sql, "make_timestamptz(%" PRId64 ")", out->value);
    else if (out->type->kind == SILT_TYPE_TIMESTAMP_NTZ)
        silt_buf_printf(sql, "make_timestamp(%" PRId64 ")", out->value);
    else {
        silt_buf_printf(sql, "CAST(%" PRId64 " AS ", out->value);
        SILT_TRY(silt_sql_type(sql, out->type, err));
        silt_buf_putc(sql, ')');
    }
    return SILT_OK;
}

static bool is_wanted(const silt_duck_sources *s, const silt_duck_part *part, size_t i)
{
    for (size_t c = 0; c < s->spec->column_count; c++)
        if (silt_duck_source_find(s, part, c) == (ptrdiff_t)i) return true;
    return false;
}

/* The columns that nobody takes, as `"name":value,…`, and what the file has of such already. */
static void put_rescued(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                        const silt_output_column *out, const char *index)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    SILT_CLEAN(silt_buf) rest = {0};
    SILT_CLEAN(silt_buf) had = {0};
    for (size_t i = 0; i < group->column_count; i++) {
        SILT_CLEAN(silt_buf) column = {0};
        SILT_CLEAN(silt_buf) key = {0};
        put_column(&column, group, i);
        if (silt_streq(group->columns[i].name, silt_output_label(out))) {
            silt_buf_append(&had, column.data, column.size);
            continue;
        }
        if (is_wanted(s, part, i) || silt_starts_with(group->columns[i].name, "__silt_")) continue;
        silt_json_writer w = silt_json_writer_of(&key);
        silt_json_put_string(&w, group->columns[i].name);
        silt_buf_putc(&key, ':');
        silt_buf_printf(&rest, ", CASE WHEN %s IS NOT NULL THEN ", column.data);
        silt_sql_bytes(&rest, silt_buf_bytes(&key));
        silt_buf_printf(&rest, " || CAST(to_json(%s) AS VARCHAR) END", column.data);
    }
    if (!rest.size) {
        silt_buf_puts(sql, had.size ? had.data : "CAST(NULL AS VARCHAR)");
        return;
    }
    silt_buf_printf(sql, "(SELECT CASE WHEN x.r = '' THEN %s ELSE '{' || x.r || ",
                    had.size ? had.data : "NULL");
    if (had.size) silt_buf_printf(sql, "coalesce(',' || substr(%s, 2), ", had.data);
    silt_buf_printf(sql,
                    "',\"_file_path\":' || CAST(to_json(silt_source(%" PRId64
                    ", %s)) AS VARCHAR) || '}'%s END FROM (SELECT concat_ws(','%s) AS r) x)",
                    s->scan.id, index, had.size ? ")" : "", rest.data);
    sql->failed |= rest.failed || had.failed;
}

static silt_status put_output(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                              size_t column, const char *index, silt_error *err)
{
    const silt_output_column *out = &s->spec->columns[column];
    if (out->kind == SILT_OUTPUT_VALUE) return silt_duck_value_sql(out, sql, err);
    if (out->kind == SILT_OUTPUT_SOURCE_FILE) {
        silt_buf_printf(sql, "silt_source(%" PRId64 ", %s)", s->scan.id, index);
        return SILT_OK;
    }
    if (out->kind == SILT_OUTPUT_RESCUED) {
        put_rescued(sql, s, part, out, index);
        return sql->failed ? silt_fail_nomem(err) : SILT_OK;
    }
    ptrdiff_t i = silt_duck_source_find(s, part, column);
    if (i >= 0) return put_source(sql, s, part, (size_t)i, out->type, false, err);
    silt_buf_puts(sql, "CAST(NULL AS ");
    SILT_TRY(silt_sql_type(sql, out->type, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}

/* ---- SELECT ---------------------------------------------------------------------------------- */

static bool empty_is_null(const silt_stage_spec *spec, size_t column)
{
    if (spec->columns[column].empty_is_null) return true;
    if (spec->columns[column].type->kind != SILT_TYPE_STRING) return false;
    for (size_t i = 0; i < spec->write.partition_count; i++)
        if (spec->write.partition_by[i] == column) return true;
    return false;
}

/* silt_row(…): casts keep nulls, so that the source column tells as well as the output's. Behind
 * these come the columns that no output wants: reading a CSV by some columns only makes DuckDB 1.5
 * crash over bad UTF-8. */
static void put_where(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                      const char *index)
{
    const silt_source_group *group = &s->spec->groups[part->group];
    silt_buf_printf(sql, " WHERE silt_row(%" PRId64 ", %s", s->scan.id, index);
    for (size_t g = 0; g < s->guarded_count; g++) {
        size_t column = s->guarded[g];
        ptrdiff_t i = silt_duck_source_find(s, part, column);
        if (i < 0) {
            /* What is computed is looked at when it is. */
            const silt_output_column *out = &s->spec->columns[column];
            bool missing = out->kind == SILT_OUTPUT_SOURCE && !out->expr;
            silt_buf_puts(sql, missing ? ", true" : ", false");
            continue;
        }
        /* An empty text is null where it partitions. */
        bool null = empty_is_null(s->spec, column);
        silt_buf_puts(sql, null ? ", nullif(" : ", (");
        put_column(sql, group, (size_t)i);
        silt_buf_puts(sql, null ? ", '') IS NULL" : ") IS NULL");
        silt_duck_source_spared(s, part, column, sql);
    }
    for (size_t i = 0; group->format == SILT_FORMAT_CSV && i < group->column_count; i++) {
        bool wanted = false;
        for (size_t c = 0; c < s->spec->column_count && !wanted && !s->read_whole; c++)
            wanted = silt_duck_source_find(s, part, c) == (ptrdiff_t)i;
        if (!wanted) silt_buf_printf(sql, ", c%zu IS NULL", i);
    }
    silt_buf_putc(sql, ')');
}

/* What a part's files have of the output: all that isn't computed there. */
static silt_status put_given(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                             const bool *given, size_t first, size_t last, bool file_column,
                             silt_error *err)
{
    SILT_CLEAN(silt_buf) index = {0};
    if (last - first == 1) /* also where a member of the file is called file_index */
        silt_buf_printf(&index, "CAST(%zu AS BIGINT)", first);
    else
        silt_buf_printf(&index, "CAST(file_index AS BIGINT) + %zu", first);
    if (index.failed) return silt_fail_nomem(err);
    const char *comma = "SELECT ";
    for (size_t c = 0; c < s->spec->column_count; c++) {
        if (!given[c]) continue;
        silt_buf_puts(sql, comma);
        comma = ", ";
        SILT_TRY(put_output(sql, s, part, c, index.data, err));
        silt_buf_puts(sql, " AS ");
        silt_sql_name(sql, s->spec->columns[c].name);
    }
    if (*comma != ',') silt_buf_puts(sql, "SELECT NULL AS __silt_none");
    if (file_column) silt_buf_printf(sql, ", %s AS " SILT_DUCK_FILE_COLUMN, index.data);
    silt_buf_putc(sql, ' ');
    SILT_TRY(silt_duck_source_from(s, part, first, last, sql, err));
    put_where(sql, s, part, index.data);
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}

static silt_status put_part(silt_buf *sql, const silt_duck_sources *s, const silt_duck_part *part,
                            size_t first, size_t last, bool file_column, silt_error *err)
{
    const silt_stage_spec *spec = s->spec;
    for (size_t c = 0; c < spec->column_count; c++)
        s->given[c] =
            !silt_output_is_computed(&spec->columns[c]) || silt_duck_source_find(s, part, c) >= 0;
    SILT_CLEAN(silt_buf) given = {0};
    SILT_TRY(put_given(&given, s, part, s->given, first, last, file_column, err));
    const silt_duck_compute compute = {.columns = spec->columns,
                                       .column_count = spec->column_count,
                                       .given = s->given,
                                       .numbers = &s->numbers,
                                       .file_column = file_column};
    return silt_duck_compute_sql(&compute, &given, sql, err);
}

static silt_status put_nothing(silt_buf *sql, const silt_stage_spec *spec, bool file_column,
                               silt_error *err)
{
    silt_buf_puts(sql, "SELECT ");
    for (size_t c = 0; c < spec->column_count; c++) {
        silt_buf_puts(sql, c ? ", CAST(NULL AS " : "CAST(NULL AS ");
        SILT_TRY(silt_sql_type(sql, spec->columns[c].type, err));
        silt_buf_puts(sql, ") AS ");
        silt_sql_name(sql, spec->columns[c].name);
    }
    if (file_column) silt_buf_puts(sql, ", CAST(NULL AS BIGINT) AS " SILT_DUCK_FILE_COLUMN);
    silt_buf_puts(sql, " WHERE false");
    return SILT_OK;
}

silt_status silt_duck_source_sql(silt_duck_sources *s, size_t first, size_t last, bool file_column,
                                 silt_buf *sql, silt_error *err)
{
    for (size_t i = 0; i < s->file_count; i++)
        atomic_store(&s->rows[i], 0);
    for (size_t i = 0; i < s->file_count * s->guarded_count; i++)
        atomic_store(&s->nulls[i], 0);
    atomic_store(&s->numbers.given, 0);
    bool some = false;
    for (size_t p = 0; p < s->part_count; p++) {
        const silt_duck_part *part = &s->parts[p];
        const silt_source_group *group = &s->spec->groups[part->group];
        size_t from = part->first > first ? part->first : first;
        size_t to = part->first + part->count < last ? part->first + part->count : last;
        if (from >= to) continue;
        /* CSV files without even a header have no columns and no rows. */
        if (group->format == SILT_FORMAT_CSV && group->column_count == 0) continue;
        if (some) silt_buf_puts(sql, " UNION ALL ");
        some = true;
        SILT_TRY(put_part(sql, s, part, from, to, file_column, err));
    }
    if (!some) SILT_TRY(put_nothing(sql, s->spec, file_column, err));
    return sql->failed ? silt_fail_nomem(err) : SILT_OK;
}
