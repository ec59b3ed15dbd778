/* Text files as they lie there: decompressed and decoded far enough to look at their head, and
 * checked for having their end. What DuckDB doesn't tell: it takes a gzip file that was cut off for
 * a shorter one. */
#ifndef SILT_ENGINE_TEXT_FILE_H
#define SILT_ENGINE_TEXT_FILE_H

#include "engine/engine.h"

typedef enum silt_compression {
    SILT_COMPRESSION_NONE,
    SILT_COMPRESSION_GZIP,
    SILT_COMPRESSION_ZSTD
} silt_compression;

/* As DuckDB chooses it: by the option, else by the name's end. */
silt_compression silt_text_compression(const silt_source_options *options, const char *path);

/* The first `limit` bytes of the file's text at most, in UTF-8 and without a byte order mark;
 * `whole` says that this is all of it. Bytes of a compressed or UTF-16 file count as they come out.
 * NOT_FOUND, DENIED, IO; BAD_DATA: not compressed as said. Messages leave the path to the caller.
 */
silt_status silt_text_head(const silt_source_options *options, const char *path, size_t limit,
                           silt_buf *out, bool *whole, silt_error *err);

/* Read a file to its end, decompressed but not decoded, in pieces for `piece` (may be NULL).
 * BAD_DATA: it is cut off or damaged; statuses as above. */
silt_status silt_text_scan(const silt_source_options *options, const char *path,
                           void (*piece)(void *ctx, silt_bytes bytes), void *ctx, silt_error *err);

/* Whether anything in a file may be a whole number of `digits` digits or more; true where bytes
 * don't tell. Statuses as above. */
silt_status silt_text_may_have_long_numbers(const silt_source_options *options, const char *path,
                                            size_t digits, bool *out, silt_error *err);

/* A file that is read as the other files of these options are: compressed where they say so. */
typedef struct silt_text_output silt_text_output;

/* Makes the file, or empties it. */
silt_status silt_text_output_open(const silt_source_options *options, const char *path,
                                  silt_text_output **out, silt_error *err);
/* A failure is told by the first call that knows of it, and by all after it. */
silt_status silt_text_output_put(silt_text_output *out, silt_bytes bytes, silt_error *err);
/* The end; what was written has reached the file, or it fails. */
silt_status silt_text_output_end(silt_text_output *out, silt_error *err);
void silt_text_output_free(silt_text_output *out);
SILT_DEFINE_AUTO(silt_text_output, silt_text_output_free)

#endif
