/* Errors: made, wrapped, hinted; kept to one line and a fixed size, so that they can't fail. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"
#include "build_config.h"

#define ELLIPSIS "\xe2\x80\xa6"

const char *silt_status_name(silt_status status)
{
    switch (status) {
    case SILT_OK:
        return "ok";
    case SILT_FAILED:
        return "failed";
    case SILT_INVALID:
        return "invalid";
    case SILT_NOT_FOUND:
        return "not_found";
    case SILT_EXISTS:
        return "exists";
    case SILT_CONFLICT:
        return "conflict";
    case SILT_UNSURE:
        return "unsure";
    case SILT_UNSUPPORTED:
        return "unsupported";
    case SILT_CORRUPT:
        return "corrupt";
    case SILT_DENIED:
        return "denied";
    case SILT_NOSPACE:
        return "nospace";
    case SILT_IO:
        return "io";
    case SILT_NOMEM:
        return "nomem";
    case SILT_TIMEOUT:
        return "timeout";
    case SILT_INTERRUPTED:
        return "interrupted";
    case SILT_LOCKED:
        return "locked";
    case SILT_INCONSISTENT:
        return "inconsistent";
    case SILT_BAD_DATA:
        return "bad_data";
    case SILT_CHANGED:
        return "changed";
    case SILT_FENCED:
        return "fenced";
    }
    return "unknown";
}

const char *silt_version(void)
{
    return SILT_VERSION;
}

/* Make a text that may have been cut short at `capacity` one line of whole characters. */
static void tidy_line(char *text, size_t capacity, bool cut)
{
    size_t size = strlen(text);
    if (cut) {
        size_t keep = capacity - sizeof(ELLIPSIS);
        if (size > keep) size = keep;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
        memcpy(text + size, ELLIPSIS, sizeof(ELLIPSIS));
    }
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F) *p = ' ';
}

static void format_line(char *out, size_t capacity, const char *format, va_list args)
    SILT_PRINTF(3, 0);
static void format_line(char *out, size_t capacity, const char *format, va_list args)
{
    int needed = vsnprintf(out, capacity, format, args);
    if (needed < 0) out[0] = '\0';
    tidy_line(out, capacity, needed >= 0 && (size_t)needed >= capacity);
}

/* "<before>: <after>" as the message; either may be empty. */
static void set_message(silt_error *err, const char *before, const char *after)
{
    char joined[sizeof(err->message)];
    const char *between = *before && *after ? ": " : "";
    int needed = snprintf(joined, sizeof(joined), "%s%s%s", before, between, after);
    tidy_line(joined, sizeof(joined), needed >= (int)sizeof(joined));
    memcpy(err->message, joined, sizeof(joined));
}

static void set_error(silt_error *err, silt_status status, int cause, const char *message)
{
    err->status = status;
    err->cause = cause;
    err->hint[0] = '\0';
    set_message(err, message, "");
}

silt_status silt_fail(silt_error *err, silt_status status, const char *format, ...)
{
    if (!err) return status;
    char line[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    format_line(line, sizeof(line), format, args);
    va_end(args);
    set_error(err, status, 0, line);
    return status;
}

static silt_status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return SILT_NOT_FOUND;
    case EEXIST:
        return SILT_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SILT_DENIED;
    case ENOSPC:
    case EDQUOT:
        return SILT_NOSPACE;
    case ENOMEM:
        return SILT_NOMEM;
    default:
        return SILT_IO;
    }
}

silt_status silt_fail_errno(silt_error *err, int errnum, const char *format, ...)
{
    silt_status status = status_of_errno(errnum);
    if (!err) return status;
    char line[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    format_line(line, sizeof(line), format, args);
    va_end(args);
    set_error(err, status, errnum, line);

    /* GNU's strerror_r returns the text, POSIX's a number: which one is had depends on the libc. */
    char space[128] = "";
    __auto_type result = strerror_r(errnum, space, sizeof(space));
    const char *reason = _Generic(result, char * : result, default : space);
    set_message(err, line, reason);
    return status;
}

silt_status silt_wrap(silt_error *err, silt_status status, const char *format, ...)
{
    if (!err) return status;
    char context[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    format_line(context, sizeof(context), format, args);
    va_end(args);
    err->status = status;
    set_message(err, context, err->message);
    return status;
}

silt_status silt_hint(silt_error *err, silt_status status, const char *format, ...)
{
    if (!err) return status;
    char line[sizeof(err->hint)];
    va_list args;
    va_start(args, format);
    format_line(line, sizeof(line), format, args);
    va_end(args);
    err->status = status;
    memcpy(err->hint, line, sizeof(line));
    return status;
}

silt_status silt_fail_nomem(silt_error *err)
{
    return silt_fail(err, SILT_NOMEM, "out of memory");
}
