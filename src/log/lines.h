/* A commit file as lines. Blank ones are passed over; the last one may lack its end. */
#ifndef SILT_LOG_LINES_H
#define SILT_LOG_LINES_H

#include "log/log.h"

/* The whole text of a commit. CORRUPT: it is empty, which no writer leaves behind but by a torn
 * write. NOT_FOUND, or any status of the store. */
silt_status silt_log_commit_text(silt_store *store, int64_t version, silt_arena *arena,
                                 silt_bytes *out, silt_error *err);

/* The next line behind `*at` (0 to begin with), or the one before it (the text's size to begin
 * with); false at the end. */
bool silt_log_line_next(silt_bytes text, size_t *at, silt_bytes *line);
bool silt_log_line_before(silt_bytes text, size_t *at, silt_bytes *line);

/* The kind of action of a line by a look at its head; UNKNOWN where that doesn't tell. */
silt_action_kind silt_log_line_kind(silt_bytes line);

/* Which line of the text it is, from 1. */
size_t silt_log_line_number(silt_bytes text, silt_bytes line);

/* silt_action_parse(), with "commit 7, line 3: " before what is wrong. */
silt_status silt_log_line_parse(int64_t version, silt_bytes text, silt_bytes line,
                                silt_arena *arena, silt_action *out, silt_error *err);

#endif
