/* What every wrapper is: a store over a borrowed one, with the same name, kind and local paths. */
#ifndef SILT_STORE_WRAP_H
#define SILT_STORE_WRAP_H

#include "store/store.h"

typedef struct silt_store_wrap {
    silt_store base;
    silt_store_ops ops; /* of this one: whether it has local paths depends on what it wraps */
    silt_store *below;
} silt_store_wrap;

static inline silt_store *silt_store_below(silt_store *store)
{
    return ((silt_store_wrap *)store)->below;
}

static inline const char *silt_store_wrap_local_path(silt_store *store, const char *key,
                                                     silt_arena *arena)
{
    return silt_store_local_path(silt_store_below(store), key, arena);
}

static inline void silt_store_wrap_free(silt_store *store)
{
    free(store);
}

/* `ops` are the wrapper's nine operations; the rest is filled in. */
static inline void silt_store_wrap_init(silt_store_wrap *wrap, silt_store *below,
                                        const silt_store_ops *ops)
{
    wrap->ops = *ops;
    wrap->ops.kind = below->ops->kind;
    wrap->ops.local_path = below->ops->local_path ? silt_store_wrap_local_path : NULL;
    wrap->ops.free = silt_store_wrap_free;
    wrap->base = (silt_store){&wrap->ops, below->uri};
    wrap->below = below;
}

#endif
