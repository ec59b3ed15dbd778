/* bench_commits TABLE N WRITER: N appends of one row each, in one process, as a program that embeds
 * the library does them. Several may run at once: their rows are told apart by WRITER. Prints how
 * long commits took in the end and in the beginning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <silt/silt.h>

#define WINDOW 50

/* ---- a stream of one row: what a program has, or gets from its Arrow library -------------------
 */

enum { COLUMNS = 13 };
static const char *const names[COLUMNS] = {
    "id",   "k", "amount",       "price",           "name",     "category", "note", "ts",
    "flag", "d", "_source_file", "_load_timestamp", "_batch_id"};
static const char *const formats[COLUMNS] = {"l",       "i", "d:12,2", "g", "u",       "u", "u",
                                             "tsu:UTC", "i", "tdD",    "u", "tsu:UTC", "u"};

typedef struct row {
    struct ArrowSchema fields[COLUMNS], *field_pointers[COLUMNS];
    struct ArrowArray columns[COLUMNS], *column_pointers[COLUMNS];
    const void *buffers[COLUMNS][3];
    union {
        int64_t number;
        int32_t small;
        double real;
        int64_t decimal[2];
        char text[24];
    } values[COLUMNS];
    int32_t ends[COLUMNS][2];
    const void *no_buffer[1];
    int given;
} row;

static const uint8_t none[1] = {0};

static void schema_done(struct ArrowSchema *schema)
{
    schema->release = NULL;
}
static void array_done(struct ArrowArray *array)
{
    array->release = NULL;
}
static void stream_done(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    row *r = stream->private_data;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = COLUMNS,
                                .children = r->field_pointers,
                                .release = schema_done};
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    row *r = stream->private_data;
    *out = (struct ArrowArray){0};
    if (r->given++) return 0;
    *out = (struct ArrowArray){.length = 1,
                               .n_buffers = 1,
                               .n_children = COLUMNS,
                               .buffers = r->no_buffer,
                               .children = r->column_pointers,
                               .release = array_done};
    return 0;
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void put_value(row *r, int c, int64_t id)
{
    static const char *const texts[COLUMNS] = {[4] = "x", [5] = "c", [6] = "n", [10] = "f"};
    switch (formats[c][0]) {
    case 'u':
        snprintf(r->values[c].text, sizeof r->values[c].text, "%s", texts[c] ? texts[c] : "");
        if (!texts[c]) snprintf(r->values[c].text, sizeof r->values[c].text, "%lld", (long long)id);
        r->ends[c][1] = (int32_t)strlen(r->values[c].text);
        break;
    case 'l':
        r->values[c].number = id;
        break;
    case 'i':
        r->values[c].small = 1;
        break;
    case 'g':
        r->values[c].real = 1.5;
        break;
    default:
        r->values[c].number = now_us();
    }
}

static void row_init(row *r, int64_t id)
{
    memset(r, 0, sizeof *r);
    for (int c = 0; c < COLUMNS; c++) {
        int text = formats[c][0] == 'u', null = c == 2 || c == 9; /* amount and d */
        put_value(r, c, id);
        r->fields[c] = (struct ArrowSchema){.format = formats[c],
                                            .name = names[c],
                                            .flags = ARROW_FLAG_NULLABLE,
                                            .release = schema_done};
        r->buffers[c][0] = null ? none : NULL;
        r->buffers[c][1] = text ? (const void *)r->ends[c] : &r->values[c];
        r->buffers[c][2] = r->values[c].text;
        r->columns[c] = (struct ArrowArray){.length = 1,
                                            .null_count = null,
                                            .n_buffers = text ? 3 : 2,
                                            .buffers = r->buffers[c],
                                            .release = array_done};
        r->field_pointers[c] = &r->fields[c];
        r->column_pointers[c] = &r->columns[c];
    }
}

/* ---- commits -----------------------------------------------------------------------------------
 */

static silt_status append(silt_snapshot **snapshot, int64_t id, int64_t *attempts, silt_error *err)
{
    row r;
    row_init(&r, id);
    struct ArrowArrayStream rows = {
        .get_schema = get_schema, .get_next = get_next, .release = stream_done, .private_data = &r};
    silt_append_result result;
    silt_snapshot *after = NULL;
    silt_status st = silt_append_arrow(*snapshot, &rows, NULL, &result, &after, err);
    if (st != SILT_OK) return st;
    *attempts += result.attempts;
    if (!after) st = silt_snapshot_refresh(*snapshot, &after, err);
    if (st != SILT_OK) return st;
    silt_snapshot_free(*snapshot);
    *snapshot = after;
    return SILT_OK;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The median of the WINDOW commits that end with commit `last`, in ms. */
static double median_ms(const int64_t *us, long last)
{
    int64_t window[WINDOW];
    memcpy(window, us + last - WINDOW, sizeof window);
    qsort(window, WINDOW, sizeof *window, by_value);
    return (double)window[WINDOW / 2] / 1000;
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? strtol(argv[2], NULL, 10) : 0,
         writer = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (count < 1) {
        fprintf(stderr, "usage: bench_commits TABLE N WRITER\n");
        return 2;
    }
    silt_error err = {0};
    silt_store *store = NULL;
    silt_engine *engine = NULL;
    silt_snapshot *snapshot = NULL;
    silt_engine_options opts = SILT_ENGINE_OPTIONS_INIT;
    opts.threads = 1; /* more don't help with one row */
    int64_t *us = calloc((size_t)count, sizeof *us), attempts = 0;
    silt_status st = us ? silt_store_open(argv[1], NULL, &store, &err) : SILT_NOMEM;
    if (st == SILT_OK) st = silt_engine_open(&opts, &engine, &err);
    if (st == SILT_OK) st = silt_snapshot_open(store, engine, NULL, &snapshot, &err);
    int64_t start = now_us();
    for (long i = 0; i < count && st == SILT_OK; i++) {
        int64_t before = now_us();
        st = append(&snapshot, writer * 1000 + i, &attempts, &err);
        us[i] = now_us() - before;
    }
    if (st == SILT_OK) {
        printf("\n@@{\"inner_s\": %.4f, \"commits\": %ld, \"attempts\": %lld",
               (double)(now_us() - start) / 1e6, count, (long long)attempts);
        if (count >= 2 * WINDOW)
            printf(", \"commit_50_ms\": %.3f, \"commit_last_ms\": %.3f",
                   median_ms(us, WINDOW + WINDOW / 2), median_ms(us, count));
        printf("}\n");
    } else {
        fprintf(stderr, "error: %s: %s\n", silt_status_name(st), err.message);
    }
    silt_snapshot_free(snapshot);
    silt_engine_free(engine);
    silt_store_free(store);
    free(us);
    return st != SILT_OK;
}
