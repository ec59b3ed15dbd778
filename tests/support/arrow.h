/* Arrow streams made by hand, of plain C arrays. What isn't released is a leak. */
#ifndef SILT_TEST_ARROW_H
#define SILT_TEST_ARROW_H

#include "silt/arrow.h"

#include <stddef.h>

/* One column of one batch. */
typedef struct test_arrow_column {
    const char *name, *format;
    const void *values;
    const void *text;     /* behind offsets */
    const void *validity; /* bits; NULL: no nulls */
    int64_t null_count;   /* -1: not known */
    int64_t offset;
} test_arrow_column;

typedef struct test_arrow_batch {
    const test_arrow_column *columns;
    int64_t length, offset;
} test_arrow_batch;

typedef struct test_arrow {
    struct ArrowArrayStream stream; /* what is handed over */
    size_t column_count;
    const test_arrow_batch *batches; /* all of the first one's names and formats; one at least */
    size_t batch_count;              /* 0: a schema, no rows */
    size_t given;
    int schema_fails, fails; /* errno; `fails` once all batches were given */
    const char *error;
    size_t calls;              /* of get_next */
    int64_t children;          /* of the schema instead of column_count; 0: as that */
    const char *nested_format; /* of the schema as a whole; NULL: "+s" */
    int dictionary;            /* column 0 has one */
} test_arrow;

/* Fill in `stream`; the rest stays as it was set. */
struct ArrowArrayStream *test_arrow_open(test_arrow *arrow);

#endif
