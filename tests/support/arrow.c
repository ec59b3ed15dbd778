#include "support/arrow.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p) abort();
    return p;
}

static void release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchema *child = schema->children[i];
        if (child->release) child->release(child);
        free(child);
    }
    free(schema->children);
    free(schema->dictionary);
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
    for (int64_t i = 0; i < array->n_children; i++) {
        struct ArrowArray *child = array->children[i];
        if (child->release) child->release(child);
        free(child);
    }
    free(array->children);
    free(array->buffers);
    array->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    test_arrow *a = stream->private_data;
    if (a->schema_fails) return a->schema_fails;
    size_t n = a->children ? (size_t)a->children : a->column_count;
    *out = (struct ArrowSchema){.format = a->nested_format ? a->nested_format : "+s",
                                .name = "",
                                .n_children = (int64_t)n,
                                .children = must(calloc(n + 1, sizeof *out->children)),
                                .release = release_schema};
    for (size_t i = 0; i < n; i++) {
        struct ArrowSchema *child = out->children[i] = must(calloc(1, sizeof *child));
        *child = (struct ArrowSchema){.format = a->batches[0].columns[i].format,
                                      .name = a->batches[0].columns[i].name,
                                      .flags = ARROW_FLAG_NULLABLE,
                                      .release = release_schema};
        if (a->dictionary && i == 0) child->dictionary = must(calloc(1, sizeof *child));
    }
    return 0;
}

static int buffer_count(const char *format)
{
    if (strcmp(format, "n") == 0) return 0;
    return strchr("uUzZ", format[0]) ? 3 : 2;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    test_arrow *a = stream->private_data;
    a->calls++;
    if (a->given == a->batch_count) {
        *out = (struct ArrowArray){0};
        return a->fails;
    }
    const test_arrow_batch *batch = &a->batches[a->given++];
    size_t n = a->column_count;
    *out = (struct ArrowArray){.length = batch->length,
                               .offset = batch->offset,
                               .n_buffers = 1,
                               .buffers = must(calloc(1, sizeof(void *))),
                               .n_children = (int64_t)n,
                               .children = must(calloc(n + 1, sizeof *out->children)),
                               .release = release_array};
    for (size_t i = 0; i < n; i++) {
        const test_arrow_column *c = &batch->columns[i];
        struct ArrowArray *child = out->children[i] = must(calloc(1, sizeof *child));
        *child = (struct ArrowArray){.length = batch->offset + batch->length,
                                     .offset = c->offset,
                                     .null_count = c->null_count,
                                     .n_buffers = buffer_count(c->format),
                                     .buffers = must(calloc(3, sizeof(void *))),
                                     .release = release_array};
        child->buffers[0] = c->validity;
        child->buffers[1] = c->values;
        child->buffers[2] = c->text;
    }
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    return ((test_arrow *)stream->private_data)->error;
}

static void release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

struct ArrowArrayStream *test_arrow_open(test_arrow *arrow)
{
    arrow->given = 0;
    arrow->stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, arrow};
    return &arrow->stream;
}
