/* What is read, and how, as events: silt_diagnostics. Nothing is made where nobody listens, and
 * what is told isn't worth a failure. */
#ifndef SILT_TABLE_TELL_H
#define SILT_TABLE_TELL_H

#include "base/json.h"
#include "silt/scan.h"

/* An event in the making; to be declared with SILT_CLEAN. */
typedef struct silt_tell {
    const silt_diagnostics *to;
    silt_buf text;
    silt_json_writer w;
} silt_tell;

static inline void silt_tell_release(silt_tell *t)
{
    silt_buf_release(&t->text);
}

/* false: nobody listens. */
bool silt_tell_begin(silt_tell *t, const silt_diagnostics *to);
void silt_tell_end(silt_tell *t, const char *kind);

/* Members; what is NULL, or not said, is left out. */
void silt_tell_text(silt_tell *t, const char *key, const char *text);
void silt_tell_names(silt_tell *t, const char *key, const char *const *names, size_t count);
void silt_tell_type(silt_tell *t, const char *key, const silt_type *type);
/* A version, or else a time. */
void silt_tell_place(silt_tell *t, const char *version_key, int64_t version, const char *time_key,
                     int64_t timestamp_ms);

/* scan_config; version -1: not known yet. */
void silt_tell_scan(const silt_scan_options *opts, const char *table, int64_t version);
/* cdf_registration */
void silt_tell_changes(const silt_changes_options *opts, const char *table);

#endif
