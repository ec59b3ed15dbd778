/* A store that tells of every call: --diagnostics. */
#ifndef SILT_STORE_TRACE_H
#define SILT_STORE_TRACE_H

#include "base/seam.h"
#include "store/store.h"

/* `kind` is "store", `json` one object:
 * {"op":"put_new","key":"_delta_log/…","status":"ok","us":812}, with "bytes" where some were moved,
 * "objects" for a list, "error" where it failed. Called from the thread of the call; borrowed for
 * the call. */
typedef void silt_trace_event(void *ctx, const char *kind, const char *json);

/* Wraps `below` (borrowed). `clock` NULL: the system's. NULL when out of memory. */
silt_store *silt_store_trace_new(silt_store *below, silt_trace_event *event, void *ctx,
                                 const silt_clock *clock);

#endif
