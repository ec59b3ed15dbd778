/* Copies of data files, from one place to a table's store. */
#ifndef SILT_OPS_CARRY_H
#define SILT_OPS_CARRY_H

#include "table/snapshot.h"

typedef struct silt_carry {
    silt_store *from, *to;
    const char *scratch; /* own folder, in the target's file system where it has one */
    int64_t count;       /* files carried */
} silt_carry;

/* Copy what is at `place` (a key of `from`, or a local path) to the key of `to`, durable on return;
 * never a link: what happens to one of the two doesn't happen to the other. CORRUPT: it isn't of
 * `size_bytes` (-1: not known). NOT_FOUND: it has gone. */
silt_status silt_carry_file(silt_carry *c, const silt_place *place, const char *key,
                            int64_t size_bytes, silt_error *err);

/* "part-<attempt>-<name>" in the folder that `key` is in: nobody else's, so that whoever has copied
 * a file may take it away again. NULL: out of memory. */
const char *silt_carry_name(const char *key, const char *attempt, const char *name,
                            silt_arena *arena);

/* Remove copies of an attempt that was not committed. */
void silt_carry_take_away(silt_store *to, const char *const *keys, size_t count);

/* Whether a key is none of a data file's, as Spark has it: a part starts with '_' or '.', and isn't
 * the folder of a column that the table is partitioned by; NULL: not known, every "name=" may be
 * one. */
bool silt_carry_is_hidden(const char *key, const silt_names *partition_by);

/* Whether a part of a local key's path is a symbolic link: what is behind it isn't the table's. */
bool silt_carry_is_linked(silt_store *store, const char *key, silt_arena *scratch);

#endif
