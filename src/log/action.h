/* The actions of a Delta log, as structs and as JSON lines.
 *
 * Strings and arrays live in the arena that the action was parsed into. Fields that Silt doesn't
 * know are kept as JSON text (`unknown`: members without braces, e.g. "\"a\":1,\"b\":2") and
 * written again.
 * @see PROTOCOL.md, "Actions" */
#ifndef SILT_LOG_ACTION_H
#define SILT_LOG_ACTION_H

#include "base/base.h"
#include "base/json.h"
#include "silt/schema.h"

typedef struct silt_pair {
    const char *key;
    const char *value; /* NULL is JSON null */
} silt_pair;

/* In the order of the log; keys are unique. */
typedef struct silt_pairs {
    const silt_pair *items;
    size_t count;
} silt_pairs;

typedef struct silt_names {
    const char *const *items;
    size_t count;
} silt_names;

typedef struct silt_protocol {
    int min_reader, min_writer;
    bool has_reader_features, has_writer_features;
    silt_names reader_features, writer_features;
    const char *unknown;
} silt_protocol;

typedef struct silt_metadata {
    const char *id, *name, *description; /* name, description may be NULL */
    const char *format_provider;         /* "parquet" */
    silt_pairs format_options;
    const char *schema_json;
    silt_names partition_columns; /* logical names */
    silt_pairs configuration;
    int64_t created_time_ms; /* -1: none */
    const char *unknown;
} silt_metadata;

typedef struct silt_dv {
    char storage_type; /* 'u', 'i', 'p' */
    const char *path_or_inline;
    int64_t offset; /* -1: none */
    int64_t size_bytes, cardinality;
    int64_t max_row_index; /* -1: none */
} silt_dv;

/* `path` as in the log (URL-encoded); silt_path_decode() gives the key. */
typedef struct silt_add {
    const char *path;
    silt_pairs partition_values; /* all strings as in the log; NULL is null; '' is null too */
    int64_t size_bytes, modification_time_ms;
    bool data_change;
    const char *stats;                               /* JSON text; NULL: none */
    const char *tags;                                /* JSON object text; NULL: none */
    const silt_dv *dv;                               /* NULL: none */
    int64_t base_row_id, default_row_commit_version; /* -1: none */
    const char *clustering_provider;
    const char *unknown;
} silt_add;

typedef struct silt_remove {
    const char *path;
    int64_t deletion_time_ms; /* -1: none */
    bool data_change;
    bool extended_metadata; /* partition values, size, tags are there */
    silt_pairs partition_values;
    int64_t size_bytes; /* -1: none */
    const char *stats, *tags;
    const silt_dv *dv;
    int64_t base_row_id, default_row_commit_version;
    const char *unknown;
} silt_remove;

typedef struct silt_cdc {
    const char *path;
    silt_pairs partition_values;
    int64_t size_bytes;
    const char *tags;
    const char *unknown;
} silt_cdc;

typedef struct silt_app_txn {
    const char *app_id;
    int64_t version;
    int64_t last_updated_ms; /* -1: none */
    const char *unknown;
} silt_app_txn;

typedef struct silt_domain {
    const char *domain, *configuration;
    bool removed;
    const char *unknown;
} silt_domain;

typedef struct silt_commit_info {
    int64_t timestamp_ms;                                         /* -1: none */
    int64_t in_commit_timestamp_ms;                               /* -1: none */
    const char *operation, *engine_info, *txn_id, *user_metadata; /* NULL: none */
    const char *json; /* the whole object, as it stands */
} silt_commit_info;

typedef enum silt_action_kind {
    SILT_ACTION_ADD,
    SILT_ACTION_REMOVE,
    SILT_ACTION_CDC,
    SILT_ACTION_METADATA,
    SILT_ACTION_PROTOCOL,
    SILT_ACTION_APP_TXN,
    SILT_ACTION_COMMIT_INFO,
    SILT_ACTION_DOMAIN,
    SILT_ACTION_CHECKPOINT_METADATA, /* kept as text (the whole line) */
    SILT_ACTION_SIDECAR,             /* kept as text (the whole line) */
    SILT_ACTION_UNKNOWN              /* kept as text (the whole line); readers pass it over */
} silt_action_kind;

typedef struct silt_action {
    silt_action_kind kind;
    union {
        silt_add add;
        silt_remove remove;
        silt_cdc cdc;
        silt_metadata metadata;
        silt_protocol protocol;
        silt_app_txn app_txn;
        silt_commit_info commit_info;
        silt_domain domain;
        const char *text;
    };
} silt_action;

/* One line of a commit. Its strings live with the JSON tree in the arena: hand in scratch and copy
 * what is to stay. Lenient where Spark is: null members are absent ones; an add or remove without
 * dataChange changes data; partitionValues, tags, stats, format, configuration, partitionColumns
 * and schemaString may be missing. Several unknown actions beside a known one are passed over; a
 * line without a known one is UNKNOWN. CORRUPT: not JSON, two known actions, a member of a wrong
 * kind or twice, a number beyond int64 (which). */
silt_status silt_action_parse(silt_bytes line, silt_arena *arena, silt_action *out,
                              silt_error *err);

/* The line, with its newline, at the end of `buf`; members in Spark's order, then the unknown ones.
 * A commit info without `json` is made from its other members. */
void silt_action_write(const silt_action *action, silt_buf *buf);

/* From the JSON value of one member, e.g. the object behind "add": for .crc files too. */
silt_status silt_add_parse(const silt_json *value, silt_arena *, silt_add *out, silt_error *);
silt_status silt_metadata_parse(const silt_json *value, silt_arena *, silt_metadata *out,
                                silt_error *);
silt_status silt_protocol_parse(const silt_json *value, silt_arena *, silt_protocol *out,
                                silt_error *);
silt_status silt_app_txn_parse(const silt_json *value, silt_arena *, silt_app_txn *out,
                               silt_error *);
silt_status silt_domain_parse(const silt_json *value, silt_arena *, silt_domain *out, silt_error *);
/* The same as JSON objects. */
void silt_app_txn_write(const silt_app_txn *txn, silt_json_writer *w);
void silt_domain_write(const silt_domain *domain, silt_json_writer *w);
void silt_metadata_write(const silt_metadata *metadata, silt_json_writer *w);
void silt_protocol_write(const silt_protocol *protocol, silt_json_writer *w);
void silt_pairs_write(silt_pairs pairs, silt_json_writer *w);
void silt_names_write(silt_names names, silt_json_writer *w);
/* CORRUPT: no object, a value that is neither text nor null, a key twice. NULL or JSON null: no
 * pairs. */
silt_status silt_pairs_parse(const silt_json *object, silt_arena *, silt_pairs *out, silt_error *);

/* The value of a key, or NULL. */
const char *silt_pairs_get(silt_pairs pairs, const char *key);
bool silt_names_have(silt_names names, const char *name);
bool silt_names_equal(silt_names a, silt_names b); /* in the same order */

/* Deep copies into another arena, each one block; false when out of memory. `like` (may be NULL) is
 * a copy made before in the same arena: equal partition values are shared with it. */
bool silt_add_copy(const silt_add *from, silt_arena *arena, silt_add *to);
bool silt_add_copy_like(const silt_add *from, const silt_add *like, silt_arena *arena,
                        silt_add *to);
bool silt_remove_copy(const silt_remove *from, silt_arena *arena, silt_remove *to);
bool silt_cdc_copy(const silt_cdc *from, silt_arena *arena, silt_cdc *to);
bool silt_app_txn_copy(const silt_app_txn *from, silt_arena *arena, silt_app_txn *to);
bool silt_domain_copy(const silt_domain *from, silt_arena *arena, silt_domain *to);
bool silt_metadata_copy(const silt_metadata *from, silt_arena *arena, silt_metadata *to);
bool silt_protocol_copy(const silt_protocol *from, silt_arena *arena, silt_protocol *to);
bool silt_pairs_copy(silt_pairs from, silt_arena *arena, silt_pairs *to);

bool silt_pairs_equal(silt_pairs a, silt_pairs b); /* in the same order */

/* What tells files apart: (path, DV). "u<base85>@<offset>" or "" without one; NULL when out of
 * memory.
 * @see PROTOCOL.md, "Action Reconciliation", "Deletion Vectors": derived fields, uniqueId */
const char *silt_dv_unique_id(const silt_dv *dv, silt_arena *arena);

#endif
