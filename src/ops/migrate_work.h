/* Inside migrate: what is found in the folder, and what of it was migrated before. */
#ifndef SILT_OPS_MIGRATE_WORK_H
#define SILT_OPS_MIGRATE_WORK_H

#include "base/hash.h"
#include "engine/parquet_footer.h"
#include "ops/carry.h"
#include "ops/once.h"
#include "silt/migrate.h"
#include "table/data.h"
#include "table/shape.h"

typedef struct silt_migrating_file {
    const char *key; /* in the source */
    int64_t size_bytes, mtime_ms, row_count;
    const char *const *folders; /* values in the folders' names, by partition column; NULL: null */
    silt_pairs values;          /* the same as the log has them */
    const char *stats;
    const char *target; /* key in the table */
} silt_migrating_file;

typedef struct silt_migrating {
    silt_store *from, *to;
    silt_engine *engine;
    const silt_migrate_options *opts;
    silt_arena *arena; /* the caller's */
    bool in_place;
    silt_snapshot *before; /* NULL: no table yet */
    SILT_VEC(silt_migrating_file) files;
    SILT_VEC(silt_migrate_problem) problems;
    SILT_VEC(const char *) removed;
    silt_names by;             /* partition columns */
    const silt_type *by_types; /* STRUCT, a field each */
    silt_shape shape;
    const silt_type *schema; /* of the table */
    const silt_metadata *metadata;
    char attempt[SILT_UUID_SIZE]; /* in the names of copies */
    silt_carry carry;
    SILT_VEC(const char *) written; /* keys in the target */
    /* What was migrated before (migrate_notes.c). */
    silt_map64 *noted;                     /* key → silt_migrating_file */
    SILT_VEC(silt_migrating_file *) notes; /* the same, in order */
    silt_commit_options once;              /* as the caller has it */
    const char *app_id, *notes_dir;        /* of the notes */
    int64_t last;                          /* number of the last migration; -1: none */
    silt_migrate_result result;
    silt_error *err;
} silt_migrating;

/* ---- migrate_find.c */

/* List the source: files without hidden ones, in order of their keys. */
silt_status silt_migrating_list(silt_migrating *m);
/* Partition columns and values by the folders' names; the columns of all files as one schema; rows
 * and statistics of each. Problems are noted; the caller ends it where there are any. */
silt_status silt_migrating_partitions(silt_migrating *m);
silt_status silt_migrating_schema(silt_migrating *m, const silt_type **out,
                                  const silt_type **narrow); /* the narrowest types there are */
silt_status silt_migrating_stats(silt_migrating *m);
silt_status silt_migrating_problem(silt_migrating *m, const char *path, const char *why);

/* ---- migrate_notes.c: which files were migrated, by notes that commits make valid
 *
 * The n-th migration into a table writes its note before it commits (app id, n), so a note counts
 * when the table has seen its number. */

/* Read the notes that count; files that are in one are taken out of m->files. */
silt_status silt_migrating_notes(silt_migrating *m);
/* Write the note of the txn that is about to be committed. */
silt_status silt_migrating_note(silt_migrating *m, const char *txn_id);

#endif
