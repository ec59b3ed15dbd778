/* Copies of actions, each in one block of an arena: a table may have millions of them.
 *
 * A copy is made by the same walk twice, first to measure (no block yet), then to fill. Structs
 * come before texts, so that they are aligned. */
#include "log/action.h"

typedef struct pack {
    char *block; /* NULL: measure only */
    size_t used;
} pack;

static void *pack_bytes(pack *p, const void *from, size_t size)
{
    char *to = p->block ? p->block + p->used : NULL;
    if (to && size) memcpy(to, from, size);
    p->used += size;
    return to;
}

static const char *pack_text(pack *p, const char *text)
{
    return text ? pack_bytes(p, text, strlen(text) + 1) : NULL;
}

/* The array now, its texts by pack_pair_texts() later. */
static silt_pairs pack_pairs(pack *p, silt_pairs from)
{
    if (from.count == 0) return (silt_pairs){NULL, 0};
    return (silt_pairs){pack_bytes(p, from.items, from.count * sizeof(*from.items)), from.count};
}

static void pack_pair_texts(pack *p, silt_pairs from, silt_pairs to)
{
    for (size_t i = 0; i < from.count; i++) {
        const char *key = pack_text(p, from.items[i].key);
        const char *value = pack_text(p, from.items[i].value);
        if (p->block) ((silt_pair *)to.items)[i] = (silt_pair){key, value};
    }
}

static silt_names pack_names(pack *p, silt_names from)
{
    if (from.count == 0) return (silt_names){NULL, 0};
    return (silt_names){pack_bytes(p, from.items, from.count * sizeof(*from.items)), from.count};
}

static void pack_name_texts(pack *p, silt_names from, silt_names to)
{
    for (size_t i = 0; i < from.count; i++) {
        const char *name = pack_text(p, from.items[i]);
        if (p->block) ((const char **)to.items)[i] = name;
    }
}

static silt_dv *pack_dv(pack *p, const silt_dv *dv)
{
    return dv ? pack_bytes(p, dv, sizeof(*dv)) : NULL;
}

static void pack_dv_text(pack *p, const silt_dv *from, silt_dv *to)
{
    if (!from) return;
    const char *text = pack_text(p, from->path_or_inline);
    if (p->block) to->path_or_inline = text;
}

static void pack_add(pack *p, const silt_add *from, const silt_add *like, silt_add *to)
{
    bool shared = like && silt_pairs_equal(from->partition_values, like->partition_values);
    *to = *from;
    silt_dv *dv = pack_dv(p, from->dv);
    to->dv = dv;
    to->partition_values = shared ? like->partition_values : pack_pairs(p, from->partition_values);
    pack_dv_text(p, from->dv, dv);
    if (!shared) pack_pair_texts(p, from->partition_values, to->partition_values);
    to->path = pack_text(p, from->path);
    to->stats = pack_text(p, from->stats);
    to->tags = pack_text(p, from->tags);
    to->clustering_provider = pack_text(p, from->clustering_provider);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_remove(pack *p, const silt_remove *from, silt_remove *to)
{
    *to = *from;
    silt_dv *dv = pack_dv(p, from->dv);
    to->dv = dv;
    to->partition_values = pack_pairs(p, from->partition_values);
    pack_dv_text(p, from->dv, dv);
    pack_pair_texts(p, from->partition_values, to->partition_values);
    to->path = pack_text(p, from->path);
    to->stats = pack_text(p, from->stats);
    to->tags = pack_text(p, from->tags);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_cdc(pack *p, const silt_cdc *from, silt_cdc *to)
{
    *to = *from;
    to->partition_values = pack_pairs(p, from->partition_values);
    pack_pair_texts(p, from->partition_values, to->partition_values);
    to->path = pack_text(p, from->path);
    to->tags = pack_text(p, from->tags);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_metadata(pack *p, const silt_metadata *from, silt_metadata *to)
{
    *to = *from;
    to->format_options = pack_pairs(p, from->format_options);
    to->configuration = pack_pairs(p, from->configuration);
    to->partition_columns = pack_names(p, from->partition_columns);
    pack_pair_texts(p, from->format_options, to->format_options);
    pack_pair_texts(p, from->configuration, to->configuration);
    pack_name_texts(p, from->partition_columns, to->partition_columns);
    to->id = pack_text(p, from->id);
    to->name = pack_text(p, from->name);
    to->description = pack_text(p, from->description);
    to->format_provider = pack_text(p, from->format_provider);
    to->schema_json = pack_text(p, from->schema_json);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_protocol(pack *p, const silt_protocol *from, silt_protocol *to)
{
    *to = *from;
    to->reader_features = pack_names(p, from->reader_features);
    to->writer_features = pack_names(p, from->writer_features);
    pack_name_texts(p, from->reader_features, to->reader_features);
    pack_name_texts(p, from->writer_features, to->writer_features);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_app_txn(pack *p, const silt_app_txn *from, silt_app_txn *to)
{
    *to = *from;
    to->app_id = pack_text(p, from->app_id);
    to->unknown = pack_text(p, from->unknown);
}

static void pack_domain(pack *p, const silt_domain *from, silt_domain *to)
{
    *to = *from;
    to->domain = pack_text(p, from->domain);
    to->configuration = pack_text(p, from->configuration);
    to->unknown = pack_text(p, from->unknown);
}

/* Measure, allocate, fill: `walk` is one of the calls above, with `&p` and `&copy` in it. */
#define COPY(type, walk)                            \
    type copy;                                      \
    pack p = {0};                                   \
    walk;                                           \
    p = (pack){silt_arena_alloc(arena, p.used), 0}; \
    if (!p.block) return false;                     \
    walk;                                           \
    *to = copy;                                     \
    return true

bool silt_add_copy_like(const silt_add *from, const silt_add *like, silt_arena *arena, silt_add *to)
{
    COPY(silt_add, pack_add(&p, from, like, &copy));
}

bool silt_add_copy(const silt_add *from, silt_arena *arena, silt_add *to)
{
    return silt_add_copy_like(from, NULL, arena, to);
}

bool silt_remove_copy(const silt_remove *from, silt_arena *arena, silt_remove *to)
{
    COPY(silt_remove, pack_remove(&p, from, &copy));
}

bool silt_cdc_copy(const silt_cdc *from, silt_arena *arena, silt_cdc *to)
{
    COPY(silt_cdc, pack_cdc(&p, from, &copy));
}

bool silt_metadata_copy(const silt_metadata *from, silt_arena *arena, silt_metadata *to)
{
    COPY(silt_metadata, pack_metadata(&p, from, &copy));
}

bool silt_protocol_copy(const silt_protocol *from, silt_arena *arena, silt_protocol *to)
{
    COPY(silt_protocol, pack_protocol(&p, from, &copy));
}

bool silt_app_txn_copy(const silt_app_txn *from, silt_arena *arena, silt_app_txn *to)
{
    COPY(silt_app_txn, pack_app_txn(&p, from, &copy));
}

bool silt_domain_copy(const silt_domain *from, silt_arena *arena, silt_domain *to)
{
    COPY(silt_domain, pack_domain(&p, from, &copy));
}

bool silt_pairs_copy(silt_pairs from, silt_arena *arena, silt_pairs *to)
{
    COPY(silt_pairs, (copy = pack_pairs(&p, from), pack_pair_texts(&p, from, copy)));
}

/* ---- look-ups */

const char *silt_pairs_get(silt_pairs pairs, const char *key)
{
    for (size_t i = 0; i < pairs.count; i++)
        if (strcmp(pairs.items[i].key, key) == 0) return pairs.items[i].value;
    return NULL;
}

bool silt_pairs_equal(silt_pairs a, silt_pairs b)
{
    if (a.count != b.count) return false;
    for (size_t i = 0; i < a.count; i++)
        if (!silt_streq(a.items[i].key, b.items[i].key) ||
            !silt_streq(a.items[i].value, b.items[i].value))
            return false;
    return true;
}

bool silt_names_equal(silt_names a, silt_names b)
{
    if (a.count != b.count) return false;
    for (size_t i = 0; i < a.count; i++)
        if (strcmp(a.items[i], b.items[i]) != 0) return false;
    return true;
}

bool silt_names_have(silt_names names, const char *name)
{
    for (size_t i = 0; i < names.count; i++)
        if (strcmp(names.items[i], name) == 0) return true;
    return false;
}

const char *silt_dv_unique_id(const silt_dv *dv, silt_arena *arena)
{
    if (!dv) return "";
    if (dv->offset < 0)
        return silt_arena_printf(arena, "%c%s", dv->storage_type, dv->path_or_inline);
    return silt_arena_printf(arena, "%c%s@%" PRId64, dv->storage_type, dv->path_or_inline,
                             dv->offset);
}
