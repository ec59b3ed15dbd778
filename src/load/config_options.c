/* How source files are read: the keys, for tables and datasets alike, and what the engine gets of
 * them. */
#include "load/config_tree.h"

typedef struct raw_options {
    silt_source_options out;
    silt_names nulls;
    int64_t encoding, compression, decimal_separator, skip_lines;
    bool header;
} raw_options;

#define RAW(member) offsetof(raw_options, member)
#define END          \
    {                \
        .name = NULL \
    }

static const silt_config_choice encodings[] = {
    {"utf-8", 0, NULL}, {"utf-16", 1, NULL}, {"latin-1", 2, NULL}, {NULL, 0, NULL}};
static const silt_config_choice compressions[] = {
    {"auto", 0, NULL}, {"none", 1, NULL}, {"gzip", 2, NULL}, {"zstd", 3, NULL}, {NULL, 0, NULL}};
static const silt_config_choice decimal_separators[] = {
    {".", 0, NULL}, {",", 1, NULL}, {NULL, 0, NULL}};

const silt_config_key silt_config_option_keys[] = {
    {.name = "delimiter",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(out.delimiter),
     .about = "CSV: what stands between values; else found by looking."},
    {.name = "quote",
     .kind = SILT_KEY_CHAR,
     .offset = RAW(out.quote),
     .about = "CSV: the quote, \"\" for none; else found by looking."},
    {.name = "escape",
     .kind = SILT_KEY_CHAR,
     .offset = RAW(out.escape),
     .about = "CSV: what stands before a quote within quotes; else found by looking."},
    {.name = "comment",
     .kind = SILT_KEY_CHAR,
     .offset = RAW(out.comment),
     .about = "CSV: lines that start with it are skipped."},
    {.name = "nullstr",
     .kind = SILT_KEY_TEXTS,
     .offset = RAW(nulls),
     .loose = true,
     .about = "CSV: texts that mean null, besides the empty value."},
    {.name = "encoding",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(encoding),
     .choices = encodings,
     .fallback = "utf-8",
     .about = "CSV: the encoding of the text."},
    {.name = "date_format",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(out.date_format),
     .about = "As for strptime, \"%d.%m.%Y\"."},
    {.name = "timestamp_format",
     .kind = SILT_KEY_TEXT,
     .offset = RAW(out.timestamp_format),
     .about = "As for strptime."},
    {.name = "skip_lines",
     .kind = SILT_KEY_INT,
     .offset = RAW(skip_lines),
     .min = 0,
     .max = 1000000,
     .fallback = "0",
     .about = "CSV: lines before the header."},
    {.name = "header",
     .kind = SILT_KEY_BOOL,
     .offset = RAW(header),
     .fallback = "true",
     .about = "CSV: false where files have none; columns are column0, column1, … then."},
    {.name = "decimal_separator",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(decimal_separator),
     .choices = decimal_separators,
     .fallback = ".",
     .about = "CSV: . or ,"},
    {.name = "compression",
     .kind = SILT_KEY_CHOICE,
     .offset = RAW(compression),
     .choices = compressions,
     .fallback = "auto",
     .about = "Of the source files; auto goes by their names."},
    END};

/* Options of CSV that were given for another format would be ignored: they are refused. */
static void check_format(silt_config_reader *r, const silt_config_node *options, const char *path,
                         silt_format format)
{
    static const char *const of_json[] = {"date_format", "timestamp_format", "compression", NULL};
    for (size_t i = 0; format != SILT_FORMAT_CSV && i < options->count; i++) {
        const silt_config_entry *e = &options->items[i];
        bool allowed = false;
        for (size_t k = 0; format == SILT_FORMAT_NDJSON && of_json[k]; k++)
            allowed = allowed || silt_streq(of_json[k], e->key);
        if (!allowed)
            silt_config_mistake(r, e->line, e->column, path, "%.60s is of another format than %s",
                                e->key, format == SILT_FORMAT_NDJSON ? "ndjson" : "parquet");
    }
}

silt_source_options silt_config_options_read(silt_config_reader *r, const silt_config_node *node,
                                             const char *key, const char *path, silt_format format)
{
    static const char *const encodings_of[] = {NULL, "utf-16", "latin-1"}; /* NULL: the default */
    static const char *const compressions_of[] = {NULL, "none", "gzip", "zstd"};
    const silt_config_node *options = silt_config_at(node, key);
    raw_options raw = {0};
    path = silt_config_join(r, path, key, 0);
    silt_config_set_defaults(r, silt_config_option_keys, &raw);
    if (options && options->kind == SILT_CONFIG_MAP) {
        silt_config_walk(r, silt_config_option_keys, options, path, &raw);
        check_format(r, options, path, format);
    }
    silt_source_options o = raw.out;
    if (silt_streq(o.delimiter, "\\t")) o.delimiter = "\t";
    if (o.delimiter && strlen(o.delimiter) > 4) {
        const silt_config_node *at = silt_config_at(options, "delimiter");
        silt_config_mistake(r, at->line, at->column, silt_config_join(r, path, "delimiter", 0),
                            "found %zu bytes; at most 4 are allowed", strlen(o.delimiter));
    }
    if (raw.encoding > 0) o.encoding = encodings_of[raw.encoding];
    if (raw.compression > 0) o.compression = compressions_of[raw.compression];
    o.nulls = raw.nulls.items;
    o.null_count = raw.nulls.count;
    o.skip_lines = (int)raw.skip_lines;
    if (silt_config_at(options, "decimal_separator"))
        o.decimal_separator = raw.decimal_separator == 1 ? ',' : '.';
    o.no_header = !raw.header;
    return o;
}
