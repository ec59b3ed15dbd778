/* Arrow batches as bytes: the streaming form of Arrow IPC, which any Arrow library reads.
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format */
#ifndef SILT_ENGINE_ARROW_IPC_H
#define SILT_ENGINE_ARROW_IPC_H

#include "base/base.h"
#include "silt/arrow.h"

/* Write all of a stream to a local file ("-": standard output). The stream stays the caller's;
 * `row_count` may be NULL. FAILED: the stream's own failure. UNSUPPORTED: a type, or an array that
 * doesn't start at its first value. */
silt_status silt_arrow_ipc_write(struct ArrowArrayStream *rows, const char *path,
                                 int64_t *row_count, silt_error *err);

#endif
