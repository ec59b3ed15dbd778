/* Actions from JSON. Each kind is a table of members; one loop reads them all, in any order, and
 * keeps those it doesn't know as text. */
#include "log/action.h"

#include <limits.h>

#include "base/hash.h"

typedef enum member_kind {
    TEXT,   /* const char * */
    LONG,   /* int64_t */
    INT,    /* int */
    BOOL,   /* bool */
    PAIRS,  /* silt_pairs */
    NAMES,  /* silt_names */
    OBJECT, /* const char *: the object as text */
    DV,     /* const silt_dv * */
    FORMAT  /* silt_metadata: format_provider, format_options */
} member_kind;

typedef struct member {
    const char *name;
    member_kind kind;
    bool required;
    size_t offset; /* in the action's struct */
} member;

/* An action's struct as members. */
typedef struct shape {
    const char *name;
    const member *members;
    size_t count;
    size_t unknown; /* offset of the unknown members' text; SIZE_MAX: not kept */
} shape;

#define MEMBERS_MAX 16

/* ---- values */

static silt_status wrong(silt_error *err, const char *action, const char *name, const char *what)
{
    return silt_fail(err, SILT_CORRUPT, "%s.%s: %s", action, name, what);
}

/* A string as a C string. One with a NUL character would be cut off there: another file. */
static silt_status parse_text(const char *action, const char *name, const silt_json *value,
                              const char **out, silt_error *err)
{
    const char *text = silt_json_string(value);
    if (!text) return wrong(err, action, name, "not a string");
    if (strlen(text) != silt_json_string_size(value))
        return wrong(err, action, name, "has a NUL character");
    *out = text;
    return SILT_OK;
}

static silt_status parse_names(const char *action, const char *name, const silt_json *value,
                               silt_arena *arena, silt_names *out, silt_error *err)
{
    if (silt_json_kind_of(value) != SILT_JSON_ARRAY) return wrong(err, action, name, "not a list");
    size_t count = silt_json_count(value);
    const char **items = silt_arena_calloc(arena, count, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    size_t i = 0;
    for (silt_json_iter it = silt_json_iter_of(value); silt_json_next(&it); i++)
        SILT_TRY(parse_text(action, name, it.value, &items[i], err));
    *out = (silt_names){items, count};
    return SILT_OK;
}

/* Few keys are compared with each other, many are hashed. */
static silt_status check_unique(const silt_pair *pairs, size_t count, silt_error *err)
{
    SILT_AUTO(silt_map64) seen = count > 32 ? silt_map64_new() : NULL;
    if (count > 32 && !seen) return silt_fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        bool twice = false;
        if (seen && !silt_map64_slot(seen, pairs[i].key, strlen(pairs[i].key), &twice))
            return silt_fail_nomem(err);
        for (size_t j = 0; !seen && j < i && !twice; j++)
            twice = strcmp(pairs[i].key, pairs[j].key) == 0;
        if (twice) return silt_fail(err, SILT_CORRUPT, "key \"%s\" is there twice", pairs[i].key);
    }
    return SILT_OK;
}

silt_status silt_pairs_parse(const silt_json *object, silt_arena *arena, silt_pairs *out,
                             silt_error *err)
{
    silt_json_kind kind = silt_json_kind_of(object);
    if (kind != SILT_JSON_NULL && kind != SILT_JSON_OBJECT)
        return silt_fail(err, SILT_CORRUPT, "not an object");
    size_t count = silt_json_count(object);
    if (count == 0) {
        *out = (silt_pairs){NULL, 0};
        return SILT_OK;
    }
    silt_pair *items = silt_arena_calloc(arena, count, sizeof(*items));
    if (!items) return silt_fail_nomem(err);
    silt_pair *pair = items;
    for (silt_json_iter it = silt_json_iter_of(object); silt_json_next(&it); pair++) {
        pair->key = it.key;
        if (strlen(it.key) != it.key_size)
            return silt_fail(err, SILT_CORRUPT, "key \"%s\" has a NUL character", it.key);
        if (silt_json_kind_of(it.value) == SILT_JSON_NULL) continue;
        pair->value = silt_json_string(it.value);
        if (!pair->value)
            return silt_fail(err, SILT_CORRUPT, "\"%s\" is neither text nor null", it.key);
        if (strlen(pair->value) != silt_json_string_size(it.value))
            return silt_fail(err, SILT_UNSUPPORTED, "\"%s\" has a NUL character", it.key);
    }
    SILT_TRY(check_unique(items, count, err));
    *out = (silt_pairs){items, count};
    return SILT_OK;
}

static silt_status parse_object(const shape *of, const silt_json *value, silt_arena *arena,
                                void *out, silt_error *err);

static silt_status parse_dv(const char *action, const silt_json *value, silt_arena *arena,
                            const silt_dv **out, silt_error *err)
{
    struct raw {
        const char *storage_type, *path_or_inline;
        int64_t offset, size_bytes, cardinality, max_row_index;
    } raw = {.offset = -1, .size_bytes = 0, .cardinality = 0, .max_row_index = -1};
    static const member members[] = {
        {"storageType", TEXT, true, offsetof(struct raw, storage_type)},
        {"pathOrInlineDv", TEXT, true, offsetof(struct raw, path_or_inline)},
        {"offset", LONG, false, offsetof(struct raw, offset)},
        {"sizeInBytes", LONG, true, offsetof(struct raw, size_bytes)},
        {"cardinality", LONG, true, offsetof(struct raw, cardinality)},
        {"maxRowIndex", LONG, false, offsetof(struct raw, max_row_index)},
    };
    static const shape of = {"deletionVector", members, SILT_COUNT(members), SIZE_MAX};
    silt_status st = parse_object(&of, value, arena, &raw, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", action);
    if (strlen(raw.storage_type) != 1)
        return wrong(err, action, "deletionVector.storageType", "not one letter");
    silt_dv *dv = silt_arena_alloc(arena, sizeof(*dv));
    if (!dv) return silt_fail_nomem(err);
    *dv = (silt_dv){raw.storage_type[0], raw.path_or_inline, raw.offset,
                    raw.size_bytes,      raw.cardinality,    raw.max_row_index};
    *out = dv;
    return SILT_OK;
}

static silt_status parse_format(const silt_json *value, silt_arena *arena, silt_metadata *out,
                                silt_error *err)
{
    static const member members[] = {
        {"provider", TEXT, false, offsetof(silt_metadata, format_provider)},
        {"options", PAIRS, false, offsetof(silt_metadata, format_options)},
    };
    static const shape of = {"metaData.format", members, SILT_COUNT(members), SIZE_MAX};
    return parse_object(&of, value, arena, out, err);
}

static silt_status parse_member(const shape *of, const member *m, const silt_json *value,
                                silt_arena *arena, char *out, silt_error *err)
{
    void *at = out + m->offset;
    silt_status st;
    switch (m->kind) {
    case TEXT:
        return parse_text(of->name, m->name, value, at, err);
    case LONG:
        if (!silt_json_is_int(value)) return wrong(err, of->name, m->name, "not a whole number");
        *(int64_t *)at = silt_json_int(value, 0);
        return SILT_OK;
    case INT: {
        int64_t number = silt_json_is_int(value) ? silt_json_int(value, -1) : -1;
        if (number < 0 || number > INT_MAX)
            return wrong(err, of->name, m->name, "not a small whole number");
        *(int *)at = (int)number;
        return SILT_OK;
    }
    case BOOL:
        if (silt_json_kind_of(value) != SILT_JSON_BOOL)
            return wrong(err, of->name, m->name, "neither true nor false");
        *(bool *)at = silt_json_bool(value, false);
        return SILT_OK;
    case PAIRS:
        st = silt_pairs_parse(value, arena, at, err);
        return st == SILT_OK ? st : silt_wrap(err, st, "%s.%s", of->name, m->name);
    case NAMES:
        return parse_names(of->name, m->name, value, arena, at, err);
    case OBJECT:
        if (silt_json_kind_of(value) != SILT_JSON_OBJECT)
            return wrong(err, of->name, m->name, "not an object");
        *(const char **)at = silt_json_text(value, arena);
        return *(const char **)at ? SILT_OK : silt_fail_nomem(err);
    case DV:
        return parse_dv(of->name, value, arena, at, err);
    case FORMAT:
        return parse_format(value, arena, (silt_metadata *)out, err);
    }
    return SILT_OK;
}

/* ---- objects */

static const member *find_member(const shape *of, const silt_json_iter *it)
{
    for (const member *m = of->members; m < of->members + of->count; m++)
        if (strlen(m->name) == it->key_size && memcmp(m->name, it->key, it->key_size) == 0)
            return m;
    return NULL;
}

static void keep_unknown(silt_buf *buf, const silt_json_iter *it)
{
    silt_json_writer w = silt_json_writer_of(buf);
    if (buf->size) silt_buf_putc(buf, ',');
    silt_json_key_bytes(&w, (silt_bytes){it->key, it->key_size});
    silt_json_put_value(&w, it->value);
}

/* Fill in `out`, which holds what absent members are to be. */
static silt_status parse_object(const shape *of, const silt_json *value, silt_arena *arena,
                                void *out, silt_error *err)
{
    SILT_CLEAN(silt_buf) unknown = {0};
    uint32_t seen = 0, present = 0;
    _Static_assert(MEMBERS_MAX <= 32, "one bit a member");

    if (silt_json_kind_of(value) != SILT_JSON_OBJECT)
        return silt_fail(err, SILT_CORRUPT, "%s: not an object", of->name);
    for (silt_json_iter it = silt_json_iter_of(value); silt_json_next(&it);) {
        const member *m = find_member(of, &it);
        if (!m) {
            if (of->unknown != SIZE_MAX) keep_unknown(&unknown, &it);
            continue;
        }
        uint32_t bit = UINT32_C(1) << (m - of->members);
        if (seen & bit) return wrong(err, of->name, m->name, "is there twice");
        seen |= bit;
        if (silt_json_kind_of(it.value) == SILT_JSON_NULL) continue;
        present |= bit;
        SILT_TRY(parse_member(of, m, it.value, arena, out, err));
    }
    for (size_t i = 0; i < of->count; i++)
        if (of->members[i].required && !(present >> i & 1))
            return wrong(err, of->name, of->members[i].name, "is missing");
    if (unknown.failed) return silt_fail_nomem(err);
    if (unknown.size) {
        const char *text = silt_buf_copy(&unknown, arena);
        if (!text) return silt_fail_nomem(err);
        *(const char **)((char *)out + of->unknown) = text;
    }
    return SILT_OK;
}

/* A path is never empty: the table itself is no file of it. */
static silt_status check_path(const char *action, const char *path, silt_error *err)
{
    return *path ? SILT_OK : wrong(err, action, "path", "is empty");
}

silt_status silt_add_parse(const silt_json *value, silt_arena *arena, silt_add *out,
                           silt_error *err)
{
    static const member members[] = {
        {"path", TEXT, true, offsetof(silt_add, path)},
        {"partitionValues", PAIRS, false, offsetof(silt_add, partition_values)},
        {"size", LONG, true, offsetof(silt_add, size_bytes)},
        {"modificationTime", LONG, false, offsetof(silt_add, modification_time_ms)},
        {"dataChange", BOOL, false, offsetof(silt_add, data_change)},
        {"stats", TEXT, false, offsetof(silt_add, stats)},
        {"tags", OBJECT, false, offsetof(silt_add, tags)},
        {"deletionVector", DV, false, offsetof(silt_add, dv)},
        {"baseRowId", LONG, false, offsetof(silt_add, base_row_id)},
        {"defaultRowCommitVersion", LONG, false, offsetof(silt_add, default_row_commit_version)},
        {"clusteringProvider", TEXT, false, offsetof(silt_add, clustering_provider)},
    };
    static const shape of = {"add", members, SILT_COUNT(members), offsetof(silt_add, unknown)};
    silt_add add = {.data_change = true, .base_row_id = -1, .default_row_commit_version = -1};
    SILT_TRY(parse_object(&of, value, arena, &add, err));
    SILT_TRY(check_path("add", add.path, err));
    if (add.size_bytes < 0) return wrong(err, "add", "size", "is negative");
    *out = add;
    return SILT_OK;
}

static silt_status parse_remove(const silt_json *value, silt_arena *arena, silt_remove *out,
                                silt_error *err)
{
    static const member members[] = {
        {"path", TEXT, true, offsetof(silt_remove, path)},
        {"deletionTimestamp", LONG, false, offsetof(silt_remove, deletion_time_ms)},
        {"dataChange", BOOL, false, offsetof(silt_remove, data_change)},
        {"extendedFileMetadata", BOOL, false, offsetof(silt_remove, extended_metadata)},
        {"partitionValues", PAIRS, false, offsetof(silt_remove, partition_values)},
        {"size", LONG, false, offsetof(silt_remove, size_bytes)},
        {"stats", TEXT, false, offsetof(silt_remove, stats)},
        {"tags", OBJECT, false, offsetof(silt_remove, tags)},
        {"deletionVector", DV, false, offsetof(silt_remove, dv)},
        {"baseRowId", LONG, false, offsetof(silt_remove, base_row_id)},
        {"defaultRowCommitVersion", LONG, false, offsetof(silt_remove, default_row_commit_version)},
    };
    static const shape of = {"remove", members, SILT_COUNT(members),
                             offsetof(silt_remove, unknown)};
    silt_remove remove = {.deletion_time_ms = -1,
                          .data_change = true,
                          .size_bytes = -1,
                          .base_row_id = -1,
                          .default_row_commit_version = -1};
    SILT_TRY(parse_object(&of, value, arena, &remove, err));
    SILT_TRY(check_path("remove", remove.path, err));
    *out = remove;
    return SILT_OK;
}

static silt_status parse_cdc(const silt_json *value, silt_arena *arena, silt_cdc *out,
                             silt_error *err)
{
    struct raw { /* `dataChange` is always false and not kept */
        silt_cdc cdc;
        bool data_change;
    } raw = {0};
    static const member members[] = {
        {"path", TEXT, true, offsetof(struct raw, cdc.path)},
        {"partitionValues", PAIRS, false, offsetof(struct raw, cdc.partition_values)},
        {"size", LONG, true, offsetof(struct raw, cdc.size_bytes)},
        {"tags", OBJECT, false, offsetof(struct raw, cdc.tags)},
        {"dataChange", BOOL, false, offsetof(struct raw, data_change)},
    };
    static const shape of = {"cdc", members, SILT_COUNT(members),
                             offsetof(struct raw, cdc.unknown)};
    SILT_TRY(parse_object(&of, value, arena, &raw, err));
    SILT_TRY(check_path("cdc", raw.cdc.path, err));
    *out = raw.cdc;
    return SILT_OK;
}

silt_status silt_metadata_parse(const silt_json *value, silt_arena *arena, silt_metadata *out,
                                silt_error *err)
{
    static const member members[] = {
        {"id", TEXT, true, offsetof(silt_metadata, id)},
        {"name", TEXT, false, offsetof(silt_metadata, name)},
        {"description", TEXT, false, offsetof(silt_metadata, description)},
        {"format", FORMAT, false, 0},
        {"schemaString", TEXT, false, offsetof(silt_metadata, schema_json)},
        {"partitionColumns", NAMES, false, offsetof(silt_metadata, partition_columns)},
        {"configuration", PAIRS, false, offsetof(silt_metadata, configuration)},
        {"createdTime", LONG, false, offsetof(silt_metadata, created_time_ms)},
    };
    static const shape of = {"metaData", members, SILT_COUNT(members),
                             offsetof(silt_metadata, unknown)};
    silt_metadata metadata = {.format_provider = "parquet",
                              .schema_json = "{\"type\":\"struct\",\"fields\":[]}",
                              .created_time_ms = -1};
    SILT_TRY(parse_object(&of, value, arena, &metadata, err));
    *out = metadata;
    return SILT_OK;
}

silt_status silt_protocol_parse(const silt_json *value, silt_arena *arena, silt_protocol *out,
                                silt_error *err)
{
    static const member members[] = {
        {"minReaderVersion", INT, true, offsetof(silt_protocol, min_reader)},
        {"minWriterVersion", INT, true, offsetof(silt_protocol, min_writer)},
        {"readerFeatures", NAMES, false, offsetof(silt_protocol, reader_features)},
        {"writerFeatures", NAMES, false, offsetof(silt_protocol, writer_features)},
    };
    static const shape of = {"protocol", members, SILT_COUNT(members),
                             offsetof(silt_protocol, unknown)};
    silt_protocol protocol = {0};
    SILT_TRY(parse_object(&of, value, arena, &protocol, err));
    /* An empty list isn't the same as none: what version 3 and 7 ask for is that it's there. */
    protocol.has_reader_features = silt_json_get_some(value, "readerFeatures") != NULL;
    protocol.has_writer_features = silt_json_get_some(value, "writerFeatures") != NULL;
    *out = protocol;
    return SILT_OK;
}

silt_status silt_app_txn_parse(const silt_json *value, silt_arena *arena, silt_app_txn *out,
                               silt_error *err)
{
    static const member members[] = {
        {"appId", TEXT, true, offsetof(silt_app_txn, app_id)},
        {"version", LONG, true, offsetof(silt_app_txn, version)},
        {"lastUpdated", LONG, false, offsetof(silt_app_txn, last_updated_ms)},
    };
    static const shape of = {"txn", members, SILT_COUNT(members), offsetof(silt_app_txn, unknown)};
    silt_app_txn txn = {.last_updated_ms = -1};
    SILT_TRY(parse_object(&of, value, arena, &txn, err));
    *out = txn;
    return SILT_OK;
}

silt_status silt_domain_parse(const silt_json *value, silt_arena *arena, silt_domain *out,
                              silt_error *err)
{
    static const member members[] = {
        {"domain", TEXT, true, offsetof(silt_domain, domain)},
        {"configuration", TEXT, false, offsetof(silt_domain, configuration)},
        {"removed", BOOL, false, offsetof(silt_domain, removed)},
    };
    static const shape of = {"domainMetadata", members, SILT_COUNT(members),
                             offsetof(silt_domain, unknown)};
    silt_domain domain = {.configuration = ""};
    SILT_TRY(parse_object(&of, value, arena, &domain, err));
    *out = domain;
    return SILT_OK;
}

/* The protocol lets writers put anything in there: what isn't of the usual kind is absent. */
static const char *info_text(const silt_json *value, const char *name)
{
    const silt_json *found = silt_json_get(value, name);
    const char *text = silt_json_string(found);
    return text && strlen(text) == silt_json_string_size(found) ? text : NULL;
}

static silt_status parse_commit_info(const silt_json *value, silt_arena *arena,
                                     silt_commit_info *out, silt_error *err)
{
    if (silt_json_kind_of(value) != SILT_JSON_OBJECT)
        return silt_fail(err, SILT_CORRUPT, "commitInfo: not an object");
    silt_commit_info info = {
        .timestamp_ms = silt_json_int(silt_json_get(value, "timestamp"), -1),
        .in_commit_timestamp_ms = silt_json_int(silt_json_get(value, "inCommitTimestamp"), -1),
        .operation = info_text(value, "operation"),
        .engine_info = info_text(value, "engineInfo"),
        .txn_id = info_text(value, "txnId"),
        .user_metadata = info_text(value, "userMetadata"),
        .json = silt_json_text(value, arena),
    };
    if (!info.json) return silt_fail_nomem(err);
    *out = info;
    return SILT_OK;
}

/* ---- lines */

static const struct {
    const char *name;
    silt_action_kind kind;
} kinds[] = {
    {"add", SILT_ACTION_ADD},
    {"remove", SILT_ACTION_REMOVE},
    {"cdc", SILT_ACTION_CDC},
    {"metaData", SILT_ACTION_METADATA},
    {"protocol", SILT_ACTION_PROTOCOL},
    {"txn", SILT_ACTION_APP_TXN},
    {"commitInfo", SILT_ACTION_COMMIT_INFO},
    {"domainMetadata", SILT_ACTION_DOMAIN},
    {"checkpointMetadata", SILT_ACTION_CHECKPOINT_METADATA},
    {"sidecar", SILT_ACTION_SIDECAR},
};

static silt_action_kind kind_of(const char *name, size_t size)
{
    for (size_t i = 0; i < SILT_COUNT(kinds); i++)
        if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, name, size) == 0)
            return kinds[i].kind;
    return SILT_ACTION_UNKNOWN;
}

/* The one known action of a line; `*value` NULL: there is none. */
static silt_status find_action(const silt_json *line, silt_action_kind *kind,
                               const silt_json **value, silt_error *err)
{
    *kind = SILT_ACTION_UNKNOWN;
    *value = NULL;
    for (silt_json_iter it = silt_json_iter_of(line); silt_json_next(&it);) {
        if (silt_json_kind_of(it.value) == SILT_JSON_NULL) continue;
        silt_action_kind k = kind_of(it.key, it.key_size);
        if (k == SILT_ACTION_UNKNOWN) continue;
        if (*value)
            return silt_fail(err, SILT_CORRUPT, "two actions in one line, the second is \"%s\"",
                             it.key);
        *kind = k;
        *value = it.value;
    }
    return SILT_OK;
}

static silt_status parse_kind(const silt_json *line, const silt_json *value, silt_arena *arena,
                              silt_action *out, silt_error *err)
{
    switch (out->kind) {
    case SILT_ACTION_ADD:
        return silt_add_parse(value, arena, &out->add, err);
    case SILT_ACTION_REMOVE:
        return parse_remove(value, arena, &out->remove, err);
    case SILT_ACTION_CDC:
        return parse_cdc(value, arena, &out->cdc, err);
    case SILT_ACTION_METADATA:
        return silt_metadata_parse(value, arena, &out->metadata, err);
    case SILT_ACTION_PROTOCOL:
        return silt_protocol_parse(value, arena, &out->protocol, err);
    case SILT_ACTION_APP_TXN:
        return silt_app_txn_parse(value, arena, &out->app_txn, err);
    case SILT_ACTION_COMMIT_INFO:
        return parse_commit_info(value, arena, &out->commit_info, err);
    case SILT_ACTION_DOMAIN:
        return silt_domain_parse(value, arena, &out->domain, err);
    case SILT_ACTION_CHECKPOINT_METADATA:
    case SILT_ACTION_SIDECAR:
    case SILT_ACTION_UNKNOWN:
        break;
    }
    out->text = silt_json_text(line, arena);
    return out->text ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_action_parse(silt_bytes line, silt_arena *arena, silt_action *out, silt_error *err)
{
    const silt_json *json = NULL, *value = NULL;
    silt_action action = {0};
    SILT_TRY(silt_json_parse(line, arena, &json, err));
    if (silt_json_kind_of(json) != SILT_JSON_OBJECT)
        return silt_fail(err, SILT_CORRUPT, "not an action: the line isn't a JSON object");
    SILT_TRY(find_action(json, &action.kind, &value, err));
    SILT_TRY(parse_kind(json, value, arena, &action, err));
    *out = action;
    return SILT_OK;
}
