/* Commit files, as lines and as actions. */
#include "log/lines.h"

/* commitInfo is the first line as a rule, and seldom longer. */
#define HEAD_BYTES (16 * 1024)

static bool is_blank(silt_bytes line)
{
    for (size_t i = 0; i < line.size; i++)
        if (!strchr(" \t\r", line.data[i]) || !line.data[i]) return false;
    return true;
}

bool silt_log_line_next(silt_bytes text, size_t *at, silt_bytes *line)
{
    while (*at < text.size) {
        const char *start = text.data + *at;
        const char *end = memchr(start, '\n', text.size - *at);
        *line = (silt_bytes){start, end ? (size_t)(end - start) : text.size - *at};
        *at += line->size + (end ? 1 : 0);
        if (!is_blank(*line)) return true;
    }
    return false;
}

/* Where the line that ends at `end` starts. By pieces: sanitizers look at all that memrchr() is
 * given, however near what it finds. */
static size_t line_start(const char *text, size_t end)
{
    for (size_t start = end; start > 0;) {
        size_t piece = start < 4096 ? start : 4096;
        const char *before = memrchr(text + start - piece, '\n', piece);
        if (before) return (size_t)(before + 1 - text);
        start -= piece;
    }
    return 0;
}

bool silt_log_line_before(silt_bytes text, size_t *at, silt_bytes *line)
{
    while (*at > 0) {
        size_t end = *at;
        if (end == text.size && text.data[end - 1] == '\n') end--;
        size_t start = line_start(text.data, end);
        *line = (silt_bytes){text.data + start, end - start};
        *at = start ? start - 1 : 0;
        if (!is_blank(*line)) return true;
    }
    return false;
}

silt_action_kind silt_log_line_kind(silt_bytes line)
{
    static const struct {
        silt_bytes head;
        silt_action_kind kind;
    } heads[] = {
        {SILT_STR("{\"add\":{"), SILT_ACTION_ADD},
        {SILT_STR("{\"remove\":{"), SILT_ACTION_REMOVE},
        {SILT_STR("{\"cdc\":{"), SILT_ACTION_CDC},
        {SILT_STR("{\"commitInfo\":{"), SILT_ACTION_COMMIT_INFO},
        {SILT_STR("{\"txn\":{"), SILT_ACTION_APP_TXN},
    };
    for (size_t i = 0; i < SILT_COUNT(heads); i++)
        if (line.size > heads[i].head.size &&
            memcmp(line.data, heads[i].head.data, heads[i].head.size) == 0)
            return heads[i].kind;
    return SILT_ACTION_UNKNOWN;
}

size_t silt_log_line_number(silt_bytes text, silt_bytes line)
{
    size_t number = 1;
    for (const char *p = text.data; (p = memchr(p, '\n', (size_t)(line.data - p))); p++)
        number++;
    return number;
}

silt_status silt_log_line_parse(int64_t version, silt_bytes text, silt_bytes line,
                                silt_arena *arena, silt_action *out, silt_error *err)
{
    silt_status st = silt_action_parse(line, arena, out, err);
    if (st == SILT_OK) return SILT_OK;
    if (st == SILT_CORRUPT)
        silt_hint(err, st,
                  "bring " SILT_LOG_DIR "%020" PRId64 ".json back as its writer left it; versions "
                  "before it may still be read",
                  version);
    return silt_wrap(err, st, "commit %" PRId64 ", line %zu", version,
                     silt_log_line_number(text, line));
}

silt_status silt_log_commit_text(silt_store *store, int64_t version, silt_arena *arena,
                                 silt_bytes *out, silt_error *err)
{
    const char *key = silt_log_commit_key(arena, version);
    if (!key) return silt_fail_nomem(err);
    silt_bytes text = {0}, line;
    silt_status st = silt_store_get_all(store, key, arena, &text, err);
    if (st != SILT_OK) return silt_wrap(err, st, "commit %" PRId64, version);
    size_t at = 0;
    if (!silt_log_line_next(text, &at, &line)) {
        silt_fail(err, SILT_CORRUPT, "commit %" PRId64 " is empty (%s)", version, key);
        return silt_hint(err, SILT_CORRUPT, "a writer may have been cut off; restore the file");
    }
    *out = text;
    return SILT_OK;
}

silt_status silt_log_commit_read(silt_store *store, int64_t version, silt_arena *arena,
                                 const silt_action **out, size_t *count, silt_error *err)
{
    silt_bytes text = {0}, line;
    SILT_TRY(silt_log_commit_text(store, version, arena, &text, err));
    size_t lines = 0, found = 0;
    for (size_t at = 0; silt_log_line_next(text, &at, &line);)
        lines++;
    silt_action *actions = silt_arena_calloc(arena, lines, sizeof(*actions));
    if (!actions) return silt_fail_nomem(err);
    for (size_t at = 0; silt_log_line_next(text, &at, &line); found++)
        SILT_TRY(silt_log_line_parse(version, text, line, arena, &actions[found], err));
    *out = actions;
    *count = found;
    return SILT_OK;
}

/* The commit info among the lines; out->json stays NULL where there is none. */
static silt_status find_info(int64_t version, silt_bytes text, silt_arena *arena,
                             silt_commit_info *out, silt_error *err)
{
    silt_bytes line;
    for (size_t at = 0; silt_log_line_next(text, &at, &line);) {
        silt_action_kind kind = silt_log_line_kind(line);
        if (kind != SILT_ACTION_UNKNOWN && kind != SILT_ACTION_COMMIT_INFO) continue;
        silt_action action;
        SILT_TRY(silt_log_line_parse(version, text, line, arena, &action, err));
        if (action.kind != SILT_ACTION_COMMIT_INFO) continue;
        *out = action.commit_info;
        return SILT_OK;
    }
    return SILT_OK;
}

silt_status silt_log_commit_info(silt_store *store, int64_t version, silt_arena *arena,
                                 silt_commit_info *out, silt_error *err)
{
    silt_commit_info info = {.timestamp_ms = -1, .in_commit_timestamp_ms = -1};
    const char *key = silt_log_commit_key(arena, version);
    if (!key) return silt_fail_nomem(err);
    silt_bytes head = {0};
    silt_status st = store->ops->get(store, key, 0, HEAD_BYTES, arena, &head, err);
    if (st != SILT_OK) return silt_wrap(err, st, "commit %" PRId64, version);

    const char *end = memchr(head.data, '\n', head.size);
    silt_bytes first = {head.data, end ? (size_t)(end - head.data) : 0};
    if (silt_log_line_kind(first) == SILT_ACTION_COMMIT_INFO) {
        SILT_TRY(find_info(version, first, arena, &info, err));
    } else {
        silt_bytes text = {0};
        SILT_TRY(silt_log_commit_text(store, version, arena, &text, err));
        SILT_TRY(find_info(version, text, arena, &info, err));
    }
    *out = info;
    return SILT_OK;
}
