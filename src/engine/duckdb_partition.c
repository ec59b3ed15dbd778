/* Partition values: strings of the log, parsed once a file, and given to rows by the index of their
 * file.
 * @see PROTOCOL.md, "Partition Value Serialization" */
#include "base/seam.h"
#include "engine/duckdb_table.h"

/* How a type's values are kept, and which function gives them. */
typedef enum storage_kind { IN_INTS, IN_DOUBLES, IN_TEXTS } storage_kind;

typedef struct function {
    const char *name; /* its address is the kind of the scan, too */
    duckdb_type type;
    storage_kind storage;
} function;

static const function functions[] = {
    [SILT_TYPE_BOOLEAN] = {"silt_part_boolean", DUCKDB_TYPE_BOOLEAN, IN_INTS},
    [SILT_TYPE_BYTE] = {"silt_part_byte", DUCKDB_TYPE_TINYINT, IN_INTS},
    [SILT_TYPE_SHORT] = {"silt_part_short", DUCKDB_TYPE_SMALLINT, IN_INTS},
    [SILT_TYPE_INTEGER] = {"silt_part_integer", DUCKDB_TYPE_INTEGER, IN_INTS},
    [SILT_TYPE_LONG] = {"silt_part_long", DUCKDB_TYPE_BIGINT, IN_INTS},
    [SILT_TYPE_FLOAT] = {"silt_part_float", DUCKDB_TYPE_FLOAT, IN_DOUBLES},
    [SILT_TYPE_DOUBLE] = {"silt_part_double", DUCKDB_TYPE_DOUBLE, IN_DOUBLES},
    /* A function has one return type, and decimals are many: text, and a cast over it. */
    [SILT_TYPE_DECIMAL] = {"silt_part_decimal", DUCKDB_TYPE_VARCHAR, IN_TEXTS},
    [SILT_TYPE_STRING] = {"silt_part_string", DUCKDB_TYPE_VARCHAR, IN_TEXTS},
    [SILT_TYPE_BINARY] = {"silt_part_binary", DUCKDB_TYPE_BLOB, IN_TEXTS},
    [SILT_TYPE_DATE] = {"silt_part_date", DUCKDB_TYPE_DATE, IN_INTS},
    [SILT_TYPE_TIMESTAMP] = {"silt_part_timestamp", DUCKDB_TYPE_TIMESTAMP_TZ, IN_INTS},
    [SILT_TYPE_TIMESTAMP_NTZ] = {"silt_part_timestamp_ntz", DUCKDB_TYPE_TIMESTAMP, IN_INTS},
};

/* ---- the functions: key → value --------------------------------------------- */

static void put_null(duckdb_vector out, idx_t row)
{
    silt_duck.vector_ensure_validity_writable(out);
    silt_duck.validity_set_row_invalid(silt_duck.vector_get_validity(out), row);
}

/* Rows of a chunk are mostly of one file: its text is put once, and what DuckDB made of it copied.
 */
static void put_text(const silt_duck_partition *p, uint64_t file, duckdb_vector out, idx_t row,
                     idx_t *last)
{
    duckdb_string_t *data = silt_duck.vector_get_data(out);
    if (*last < row)
        data[row] = data[*last];
    else
        silt_duck.vector_assign_string_element_len(out, row, p->texts[file].data,
                                                   p->texts[file].size);
    *last = row;
}

static void put_value(const silt_duck_partition *p, const function *f, uint64_t file, void *data,
                      idx_t row)
{
    switch (f->type) {
    case DUCKDB_TYPE_BOOLEAN:
        ((bool *)data)[row] = p->ints[file] != 0;
        break;
    case DUCKDB_TYPE_TINYINT:
        ((int8_t *)data)[row] = (int8_t)p->ints[file];
        break;
    case DUCKDB_TYPE_SMALLINT:
        ((int16_t *)data)[row] = (int16_t)p->ints[file];
        break;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        ((int32_t *)data)[row] = (int32_t)p->ints[file];
        break;
    case DUCKDB_TYPE_FLOAT:
        ((float *)data)[row] = (float)p->doubles[file];
        break;
    case DUCKDB_TYPE_DOUBLE:
        ((double *)data)[row] = p->doubles[file];
        break;
    default:
        ((int64_t *)data)[row] = p->ints[file];
        break;
    }
}

static void give(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector out,
                 const function *f)
{
    idx_t rows = silt_duck.data_chunk_get_size(args);
    const uint64_t *keys = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(args, 0));
    if (rows == 0) return;
    const silt_duck_partition *p =
        silt_duck_scan_data(silt_duck_function_engine(info), silt_duck_key_scan(keys[0]), f->name);
    void *data = silt_duck.vector_get_data(out);
    idx_t last = UINT64_MAX;
    for (idx_t i = 0; i < rows; i++) {
        uint64_t slot = silt_duck_key_slot(keys[i]);
        if (!p || slot >= p->file_count) {
            silt_duck.scalar_function_set_error(info, "silt_part is for the engine's own use");
            return;
        }
        if (i > 0 && keys[i] != keys[i - 1]) last = UINT64_MAX;
        if (p->is_null[slot])
            put_null(out, i);
        else if (f->storage == IN_TEXTS)
            put_text(p, slot, out, i, &last);
        else
            put_value(p, f, slot, data, i);
    }
}

/* DuckDB gives a function no word about which one it is, but its extra info, which is the engine.
 */
#define GIVE(kind)                                                                                \
    static void give_##kind(duckdb_function_info info, duckdb_data_chunk args, duckdb_vector out) \
    {                                                                                             \
        give(info, args, out, &functions[kind]);                                                  \
    }
GIVE(SILT_TYPE_BOOLEAN)
GIVE(SILT_TYPE_BYTE)
GIVE(SILT_TYPE_SHORT)
GIVE(SILT_TYPE_INTEGER)
GIVE(SILT_TYPE_LONG)
GIVE(SILT_TYPE_FLOAT)
GIVE(SILT_TYPE_DOUBLE)
GIVE(SILT_TYPE_DECIMAL)
GIVE(SILT_TYPE_STRING)
GIVE(SILT_TYPE_BINARY)
GIVE(SILT_TYPE_DATE)
GIVE(SILT_TYPE_TIMESTAMP)
GIVE(SILT_TYPE_TIMESTAMP_NTZ)

silt_status silt_duck_partition_register(silt_duck_engine *db, silt_error *err)
{
    static const duckdb_scalar_function_t gives[SILT_COUNT(functions)] = {
        [SILT_TYPE_BOOLEAN] = give_SILT_TYPE_BOOLEAN,
        [SILT_TYPE_BYTE] = give_SILT_TYPE_BYTE,
        [SILT_TYPE_SHORT] = give_SILT_TYPE_SHORT,
        [SILT_TYPE_INTEGER] = give_SILT_TYPE_INTEGER,
        [SILT_TYPE_LONG] = give_SILT_TYPE_LONG,
        [SILT_TYPE_FLOAT] = give_SILT_TYPE_FLOAT,
        [SILT_TYPE_DOUBLE] = give_SILT_TYPE_DOUBLE,
        [SILT_TYPE_DECIMAL] = give_SILT_TYPE_DECIMAL,
        [SILT_TYPE_STRING] = give_SILT_TYPE_STRING,
        [SILT_TYPE_BINARY] = give_SILT_TYPE_BINARY,
        [SILT_TYPE_DATE] = give_SILT_TYPE_DATE,
        [SILT_TYPE_TIMESTAMP] = give_SILT_TYPE_TIMESTAMP,
        [SILT_TYPE_TIMESTAMP_NTZ] = give_SILT_TYPE_TIMESTAMP_NTZ,
    };
    const duckdb_type args[] = {DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_INVALID};
    for (size_t k = 0; k < SILT_COUNT(functions); k++)
        SILT_TRY(silt_duck_add_function(db, functions[k].name, args, functions[k].type, false,
                                        gives[k], err));
    return SILT_OK;
}

/* ---- parsing --------------------------------------------------------------------------------- */

static bool parse_bounded(const char *text, int bits, int64_t *out)
{
    if (!silt_parse_int64(text, out)) return false;
    int64_t max = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
    return *out <= max && *out >= -max - 1;
}

static bool parse_boolean(const char *text, int64_t *out)
{
    *out = strcasecmp(text, "true") == 0;
    return *out || strcasecmp(text, "false") == 0;
}

/* Without a zone: UTC. A day alone is from when the column was a date. */
static bool parse_time(const char *text, int64_t *out)
{
    int64_t days;
    if (silt_time_parse(text, out)) return true;
    if (silt_date_parse(text, &days)) {
        *out = days * INT64_C(86400000000);
        return true;
    }
    char zoned[64];
    size_t size = strlen(text);
    if (size + 2 > sizeof zoned) return false;
    memcpy(zoned, text, size);
    memcpy(zoned + size, "Z", 2);
    return silt_time_parse(zoned, out);
}

static bool parse_double(const char *text, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end); /* Infinity and NaN too; too big is Infinity, as Spark reads it */
    return end != text && *end == '\0';
}

/* The digits are left to DuckDB's cast; this keeps out what isn't a number at all. */
static bool parse_decimal(const char *text)
{
    double number;
    return strspn(text, "+-.0123456789eE") == strlen(text) && parse_double(text, &number);
}

static bool parse_int(silt_type_kind kind, const char *text, int64_t *out)
{
    switch (kind) {
    case SILT_TYPE_BOOLEAN:
        return parse_boolean(text, out);
    case SILT_TYPE_BYTE:
        return parse_bounded(text, 8, out);
    case SILT_TYPE_SHORT:
        return parse_bounded(text, 16, out);
    case SILT_TYPE_INTEGER:
        return parse_bounded(text, 32, out);
    case SILT_TYPE_DATE:
        return silt_date_parse(text, out);
    case SILT_TYPE_TIMESTAMP:
    case SILT_TYPE_TIMESTAMP_NTZ:
        return parse_time(text, out);
    default:
        return parse_bounded(text, 64, out);
    }
}

silt_status silt_duck_partition_init(silt_duck_partition *partition, silt_duck_table *table,
                                     size_t column, silt_arena *arena, silt_error *err)
{
    const silt_scan_column *c = &table->columns[column];
    silt_type_kind kind = c->type->kind;
    if (kind >= SILT_COUNT(functions))
        return silt_fail(err, SILT_UNSUPPORTED, "column %s: can't be a partition column", c->name);
    storage_kind storage = functions[kind].storage;
    size_t n = table->file_count;
    uint8_t *is_null = silt_arena_calloc(arena, n, 1);
    int64_t *ints = storage == IN_INTS ? silt_arena_calloc(arena, n, sizeof *ints) : NULL;
    double *doubles = storage == IN_DOUBLES ? silt_arena_calloc(arena, n, sizeof *doubles) : NULL;
    silt_bytes *texts = storage == IN_TEXTS ? silt_arena_calloc(arena, n, sizeof *texts) : NULL;
    if (!is_null || (!ints && !doubles && !texts)) return silt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const char *text = table->slots[i].constants[c->constant];
        bool good = true;
        if (!text || !*text) /* the empty string is null for every type */
            is_null[i] = 1;
        else if (ints)
            good = parse_int(kind, text, &ints[i]);
        else if (doubles)
            good = parse_double(text, &doubles[i]);
        else
            good = kind != SILT_TYPE_DECIMAL || parse_decimal(text);
        if (!good)
            return silt_fail(err, SILT_CORRUPT,
                             "%s: partition value '%s' of column %s has another type",
                             table->slots[i].local_path, text, c->name);
        if (texts && text) texts[i] = silt_bytes_of(text);
    }
    *partition = (silt_duck_partition){.scan = {.kind = functions[kind].name, .data = partition},
                                       .file_count = n,
                                       .is_null = is_null,
                                       .ints = ints,
                                       .doubles = doubles,
                                       .texts = texts};
    silt_duck_scan_add(table->db, &partition->scan);
    return SILT_OK;
}

silt_status silt_duck_partition_numbers(silt_duck_partition *partition, silt_duck_table *table,
                                        const int64_t *numbers, silt_arena *arena, silt_error *err)
{
    uint8_t *is_null = silt_arena_calloc(arena, table->file_count, 1);
    if (!is_null) return silt_fail_nomem(err);
    for (size_t i = 0; i < table->file_count; i++)
        is_null[i] = numbers[i] < 0;
    *partition =
        (silt_duck_partition){.scan = {.kind = functions[SILT_TYPE_LONG].name, .data = partition},
                              .file_count = table->file_count,
                              .is_null = is_null,
                              .ints = numbers};
    silt_duck_scan_add(table->db, &partition->scan);
    return SILT_OK;
}

silt_status silt_duck_partition_sql(const silt_duck_partition *partition, size_t first,
                                    const silt_type *type, silt_buf *sql, silt_error *err)
{
    const char *name = partition->scan.kind;
    bool cast = type->kind == SILT_TYPE_DECIMAL;
    silt_buf_printf(sql, "%s%s(", cast ? "CAST(" : "", name);
    silt_duck_key_sql(partition->scan.id, first, sql);
    silt_buf_putc(sql, ')');
    if (!cast) return SILT_OK;
    silt_buf_puts(sql, " AS ");
    SILT_TRY(silt_sql_type(sql, type, err));
    silt_buf_putc(sql, ')');
    return SILT_OK;
}
