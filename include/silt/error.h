/* What went wrong: a status to decide by, and words for a person. */
#ifndef SILT_ERROR_H
#define SILT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define SILT_API                __attribute__((visibility("default")))
#define SILT_CHECKED            __attribute__((warn_unused_result))
#define SILT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Programs decide by the status, never by a message's text. */
typedef enum silt_status {
    SILT_OK = 0,
    SILT_FAILED,       /* a failure without a status of its own */
    SILT_INVALID,      /* a bad argument, option or configuration; nothing was touched */
    SILT_NOT_FOUND,    /* no such object, table, version, column, file */
    SILT_EXISTS,       /* put-new: the name is taken */
    SILT_CONFLICT,     /* another writer was first, and what it did stands against ours */
    SILT_UNSURE,       /* may or may not have happened; to be resolved by reading back */
    SILT_UNSUPPORTED,  /* a table feature, type or option that Silt doesn't have */
    SILT_CORRUPT,      /* what was read is not what the format says */
    SILT_DENIED,       /* permission */
    SILT_NOSPACE,      /* the disk or the quota is full */
    SILT_IO,           /* any other failure of a disk or network */
    SILT_NOMEM,        /* out of memory, or over memory_limit */
    SILT_TIMEOUT,      /* a deadline passed */
    SILT_INTERRUPTED,  /* asked to stop */
    SILT_LOCKED,       /* somebody alive holds the lock */
    SILT_INCONSISTENT, /* state that can't be decided; nothing was loaded */
    SILT_BAD_DATA,     /* a source's content can't be loaded as asked */
    SILT_CHANGED,      /* a source file vanished or changed while it was read */
    SILT_FENCED        /* the app txn has moved on: this attempt can never happen */
} silt_status;

/* Owned by the caller, of fixed size, needs no release. {0} is "no error". */
typedef struct silt_error {
    silt_status status;
    int cause;          /* errno or an HTTP status, 0 if neither */
    char message[1024]; /* one line: what failed, on what value or path */
    char hint[512];     /* what to do about it; may be empty */
} silt_error;

/** The name of a status in lower case, e.g. "not_found"; static storage. */
SILT_API const char *silt_status_name(silt_status status);

/** The version of the library, e.g. "0.1.0"; static storage. */
SILT_API const char *silt_version(void);

#ifdef __cplusplus
}
#endif
#endif
