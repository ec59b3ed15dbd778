/* Casts from text as Spark does them, as scalar functions: null for what is no such value, an error
 * for what Spark takes and Silt can't (base/spark.h).
 *
 *  silt_spark_long, _float, _double, _boolean, _date, _timestamp, _timestamp_ntz (text)
 *  silt_spark_decimal(text, precision, scale)  gives text that DuckDB's cast reads */
#include "base/spark.h"
#include "engine/duckdb_expr.h"

typedef struct chunk {
    duckdb_function_info info;
    duckdb_vector output;
    idx_t rows;
    const void *data;
    const uint64_t *validity;
    void *out;
    uint64_t *out_validity; /* NULL: no value is null yet */
} chunk;

static chunk chunk_of(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    duckdb_vector texts = silt_duck.data_chunk_get_vector(input, 0);
    return (chunk){.info = info,
                   .output = output,
                   .rows = silt_duck.data_chunk_get_size(input),
                   .data = silt_duck.vector_get_data(texts),
                   .validity = silt_duck.vector_get_validity(texts),
                   .out = silt_duck.vector_get_data(output)};
}

static void put_null(chunk *c, idx_t row)
{
    if (!c->out_validity) {
        silt_duck.vector_ensure_validity_writable(c->output);
        c->out_validity = silt_duck.vector_get_validity(c->output);
    }
    silt_duck.validity_set_row_invalid(c->out_validity, row);
}

/* The text of a row; false: null, which the result is then. */
static bool text_of(chunk *c, idx_t row, silt_bytes *text)
{
    if (!silt_duck_valid(c->validity, row)) {
        put_null(c, row);
        return false;
    }
    *text = silt_duck_bytes(c->data, row);
    return true;
}

/* False: an error was set, the chunk is given up. */
static bool put_result(chunk *c, idx_t row, silt_spark_result result, silt_bytes text)
{
    if (result == SILT_SPARK_NULL) put_null(c, row);
    if (result != SILT_SPARK_BEYOND) return true;
    SILT_CLEAN(silt_buf) message = {0};
    silt_buf_printf(&message,
                    "'%.*s' can't be converted: a zone's name, a time without a date, a year "
                    "outside 1 to 9999, or a hexadecimal fraction",
                    text.size > 60 ? 60 : (int)text.size, text.data);
    silt_duck.scalar_function_set_error(c->info, message.data ? message.data : "out of memory");
    return false;
}

#define CONVERTER(name, type, call)                                                            \
    static void name(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) \
    {                                                                                          \
        chunk c = chunk_of(info, input, output);                                               \
        type *out = c.out;                                                                     \
        silt_bytes text;                                                                       \
        for (idx_t i = 0; i < c.rows; i++)                                                     \
            if (text_of(&c, i, &text) && !put_result(&c, i, call, text)) return;               \
    }

static silt_spark_result to_day(silt_bytes text, int32_t *out)
{
    int64_t days = 0;
    silt_spark_result result = silt_spark_date(text, &days);
    *out = (int32_t)days;
    return result;
}

CONVERTER(to_long, int64_t, silt_spark_long(text, &out[i]))
CONVERTER(to_float, float, silt_spark_float(text, &out[i]))
CONVERTER(to_double, double, silt_spark_double(text, &out[i]))
CONVERTER(to_boolean, bool, silt_spark_boolean(text, &out[i]))
CONVERTER(to_date, int32_t, to_day(text, &out[i]))
CONVERTER(to_timestamp, int64_t, silt_spark_timestamp(text, true, &out[i]))
CONVERTER(to_timestamp_ntz, int64_t, silt_spark_timestamp(text, false, &out[i]))

static void to_decimal(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    chunk c = chunk_of(info, input, output);
    const int32_t *precision = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 1));
    const int32_t *scale = silt_duck.vector_get_data(silt_duck.data_chunk_get_vector(input, 2));
    silt_bytes text;
    char out[SILT_SPARK_DECIMAL_SIZE];
    for (idx_t i = 0; i < c.rows; i++) {
        if (!text_of(&c, i, &text)) continue;
        silt_spark_result result = silt_spark_decimal(text, precision[i], scale[i], out);
        if (!put_result(&c, i, result, text)) return;
        if (result == SILT_SPARK_VALUE) silt_duck.vector_assign_string_element(output, i, out);
    }
}

silt_status silt_duck_expr_register(silt_duck_engine *db, silt_error *err)
{
    static const struct {
        const char *name;
        duckdb_type type;
        duckdb_scalar_function_t fn;
    } functions[] = {
        {"silt_spark_long", DUCKDB_TYPE_BIGINT, to_long},
        {"silt_spark_float", DUCKDB_TYPE_FLOAT, to_float},
        {"silt_spark_double", DUCKDB_TYPE_DOUBLE, to_double},
        {"silt_spark_boolean", DUCKDB_TYPE_BOOLEAN, to_boolean},
        {"silt_spark_date", DUCKDB_TYPE_DATE, to_date},
        {"silt_spark_timestamp", DUCKDB_TYPE_TIMESTAMP_TZ, to_timestamp},
        {"silt_spark_timestamp_ntz", DUCKDB_TYPE_TIMESTAMP, to_timestamp_ntz},
    };
    const duckdb_type text[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INVALID};
    const duckdb_type digits[] = {DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INTEGER, DUCKDB_TYPE_INTEGER,
                                  DUCKDB_TYPE_INVALID};
    for (size_t i = 0; i < SILT_COUNT(functions); i++)
        SILT_TRY(silt_duck_add_function(db, functions[i].name, text, functions[i].type, false,
                                        functions[i].fn, err));
    return silt_duck_add_function(db, "silt_spark_decimal", digits, DUCKDB_TYPE_VARCHAR, false,
                                  to_decimal, err);
}
