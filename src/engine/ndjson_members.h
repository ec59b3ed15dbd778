/* Which members the objects of NDJSON files have: of every line, so that none which a table doesn't
 * have is passed over. DuckDB's reader leaves out what it isn't told of, and its sniffer would
 * parse every value. */
#ifndef SILT_ENGINE_NDJSON_MEMBERS_H
#define SILT_ENGINE_NDJSON_MEMBERS_H

#include "engine/engine.h"

typedef struct silt_ndjson_members silt_ndjson_members;

/* `known`: a STRUCT of the columns, whose nested structs are looked into; NULL: nothing is known.
 * Borrowed. NULL: out of memory. */
silt_ndjson_members *silt_ndjson_members_new(const silt_type *known);
void silt_ndjson_members_free(silt_ndjson_members *m);
SILT_DEFINE_AUTO(silt_ndjson_members, silt_ndjson_members_free)

/* Read one file to its end, decompressed as needed, and add what it has. Lines that are no objects
 * are somebody else's to refuse. NOT_FOUND, DENIED, IO; BAD_DATA: a compressed file is cut off, or
 * more than SILT_NDJSON_MEMBERS_MAX names, or a number that becomes a decimal has more digits than
 * DuckDB's reader keeps. Messages leave the path to the caller. */
silt_status silt_ndjson_members_scan(silt_ndjson_members *m, const silt_source_options *options,
                                     const char *path, silt_error *err);

#define SILT_NDJSON_MEMBERS_MAX 100000

/* The names of the objects' own members, as they are written, in the order they were first seen.
 * NOMEM. */
silt_status silt_ndjson_members_top(const silt_ndjson_members *m, silt_arena *arena,
                                    const char *const **out, size_t *count, silt_error *err);
/* The members within known columns that their types don't have: "column.member". NOMEM. */
silt_status silt_ndjson_members_beyond(const silt_ndjson_members *m, silt_arena *arena,
                                       const char *const **out, size_t *count, silt_error *err);

#endif
