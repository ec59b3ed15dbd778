/* A table's files as the simplest program would keep them, and random commits. Include after
 * "log/logs.h". */
#ifndef SILT_TEST_MODEL_H
#define SILT_TEST_MODEL_H

#include "support/random.h"

#define MODEL_PATHS 40
#define MODEL_DVS   3 /* none, and two */
#define MODEL_SLOTS (MODEL_PATHS * MODEL_DVS)

/* By path and deletion vector: what was said of it last. */
typedef struct model {
    bool alive[MODEL_SLOTS], removed[MODEL_SLOTS];
    int64_t size[MODEL_SLOTS], time[MODEL_SLOTS];
} model;

/* Every fifth path has a letter that is escaped one way or the other. */
static inline const char *model_path(size_t path, bool other)
{
    if (path % 5) return silt_arena_printf(arena, "p=%zu/f%zu.parquet", path % 4, path);
    return silt_arena_printf(arena, other ? "p=%zu/%%66%zu%%20.parquet" : "p=%zu/f%zu%%20.parquet",
                             path % 4, path);
}

static inline void model_dv(size_t dv, silt_buf *buf)
{
    if (dv)
        silt_buf_printf(buf,
                        ",\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"v\","
                        "\"offset\":%zu,\"sizeInBytes\":4,\"cardinality\":1}",
                        dv);
}

/* Random actions into a commit, each logical file at most once; the model follows. */
static inline void model_commit(model *m, test_random *random, int64_t version, silt_buf *buf)
{
    bool used[MODEL_SLOTS] = {0};
    silt_buf_printf(buf, "{\"commitInfo\":{\"txnId\":\"%" PRId64 "\"}}\n", version);
    for (size_t n = test_random_below(random, 12); n-- > 0;) {
        size_t path = test_random_below(random, MODEL_PATHS);
        size_t dv = test_random_below(random, MODEL_DVS), slot = path * MODEL_DVS + dv;
        bool add = test_random_below(random, 2), other = test_random_below(random, 2);
        if (used[slot]) continue;
        used[slot] = true;
        m->alive[slot] = add;
        m->removed[slot] = !add;
        m->size[slot] = (int64_t)test_random_below(random, 1000);
        m->time[slot] = (int64_t)test_random_below(random, 1000);
        silt_buf_printf(
            buf,
            "{\"%s\":{\"path\":\"%s\",\"partitionValues\":{\"p\":\"%zu\"},\"size\":%" PRId64
            ",\"%s\":%" PRId64 ",\"dataChange\":true",
            add ? "add" : "remove", model_path(path, other), path % 4, m->size[slot],
            add ? "modificationTime" : "deletionTimestamp", m->time[slot]);
        model_dv(dv, buf);
        silt_buf_puts(buf, "}}\n");
    }
}

/* The slot of a file as the log gives it back. */
static inline size_t model_slot(const char *path, const silt_dv *dv)
{
    const char *key;
    size_t folder, number;
    assert_ok(silt_path_decode(path, arena, &key, &err));
    assert_int_equal(sscanf(key, "p=%zu/f%zu", &folder, &number), 2);
    assert_int_equal(folder, number % 4);
    return number * MODEL_DVS + (dv ? (size_t)dv->offset : 0);
}

static inline void assert_model_files(const model *m, silt_log_files files)
{
    bool seen[MODEL_SLOTS] = {0};
    int64_t size = 0;
    size_t count = 0;
    for (size_t i = 0; i < files.count; i++) {
        const silt_add *add = &files.items[i];
        size_t slot = model_slot(add->path, add->dv);
        assert_false(seen[slot]);
        seen[slot] = true;
        assert_true(m->alive[slot]);
        assert_int_equal(add->size_bytes, m->size[slot]);
        assert_int_equal(add->modification_time_ms, m->time[slot]);
        assert_int_equal(add->partition_values.count, 1);
        assert_string_equal(add->partition_values.items[0].value,
                            silt_arena_printf(arena, "%zu", slot / MODEL_DVS % 4));
        size += add->size_bytes;
    }
    for (size_t slot = 0; slot < MODEL_SLOTS; slot++)
        count += m->alive[slot];
    assert_int_equal(files.count, count);
    assert_int_equal(files.size_bytes, size);
}

static inline void assert_model_tombstones(const model *m, const silt_remove *removes, size_t count,
                                           int64_t older_than)
{
    bool seen[MODEL_SLOTS] = {0};
    size_t expected = 0;
    for (size_t i = 0; i < count; i++) {
        size_t slot = model_slot(removes[i].path, removes[i].dv);
        assert_false(seen[slot]);
        seen[slot] = true;
        assert_true(m->removed[slot]);
        assert_int_equal(removes[i].deletion_time_ms, m->time[slot]);
        assert_int_equal(removes[i].size_bytes, m->size[slot]);
    }
    for (size_t slot = 0; slot < MODEL_SLOTS; slot++)
        expected += m->removed[slot] && m->time[slot] > older_than;
    assert_int_equal(count, expected);
}

#endif
