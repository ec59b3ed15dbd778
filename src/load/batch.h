/* One batch: intent → stage → ledger → commit → record. */
#ifndef SILT_LOAD_BATCH_H
#define SILT_LOAD_BATCH_H

#include "load/load.h"

/* What a table's run adds up. Failures live in `arena`. */
typedef struct silt_table_run {
    silt_arena *arena;
    silt_run_table sum;
    SILT_VEC(silt_run_failure) failures;
    bool out_of_time; /* a batch, or its commit, took longer than it may */
} silt_table_run;

/* What is to be loaded, in order; the files live in the arena they were discovered into. */
typedef struct silt_candidates {
    const silt_found_file **files;
    size_t count;
    const silt_evidence *replaced; /* rows of files, by path, which of `files` come last, that give
                                      way to what is in them now */
    size_t replaced_count;
    bool again; /* others wait for these: look again when they are loaded */
} silt_candidates;

/* Of the file's rows that are to be replaced; NULL: it has none. */
const silt_evidence *silt_candidates_replaced(const silt_candidates *all, const char *path);

/* When a run may try a file again that failed, µs since 1970: after retry_backoff_minutes. -1: its
 * tries are used up. */
int64_t silt_retry_due_us(const silt_load *load, const silt_tracked *row);

/* Which of the files found are to be loaded: those that the tracker doesn't hold, waiting ones,
 * skipped ones whose content isn't loaded any more, failed ones with tries left (`retry_failed`:
 * all) which weren't tried in this run. Completed files that have changed are looked at: same
 * content → the tracker follows; else by on_change (changed.c). */
silt_status silt_candidates_find(silt_load *load, silt_target *target, const silt_found *found,
                                 bool retry_failed, silt_arena *arena, silt_candidates *out,
                                 silt_error *err);

/* Files that the tracker has in one state or another and that may have changed since they were
 * loaded: those whose rows are there, by the ledgers, leave the list, or are in it to replace them,
 * as on_change says. `found` completed ones that look different are told in `different`. */
typedef struct silt_changed {
    SILT_VEC(const silt_found_file *) different; /* completed, size or time differ */
    bool tried;                                  /* one of the candidates was tried before */
} silt_changed;
silt_status silt_changed_settle(silt_load *load, silt_target *target, silt_changed *changed,
                                silt_arena *arena, silt_candidates *all, silt_error *err);

/* New files with the content of others, as on_duplicate says: told, or left out and recorded where
 * the other is loaded, else left out for now (duplicates.c). Cost: files of a size that another has
 * are read. */
silt_status silt_duplicates_find(silt_load *load, silt_target *target, silt_candidates *all,
                                 silt_error *err);

/* Whether the row is of a file that was left out for the sake of another. It stays so as long as
 * both are as they were: silt_duplicates_keep() takes those of `all` out whose content is loaded.
 */
bool silt_duplicates_skipped(const silt_tracked *row);
silt_status silt_duplicates_keep(silt_load *load, const silt_target *target, silt_candidates *all,
                                 silt_error *err);

/* The next batch of candidates: by the table's limits, and after crashes fewer and fewer. */
silt_candidates silt_candidates_take(silt_load *load, const silt_target *target,
                                     const silt_candidates *all);

/* Load one batch; `batch` gets how many of its files were taken, at least one where a version
 * behind it can't be. `target` is settled. OK: committed, or some files failed and are recorded, or
 * somebody was faster: settle and look again (`*committed` says which). Anything else: the table
 * can't go on; the batch is fenced if that was possible. */
silt_status silt_batch_run(silt_load *load, silt_target *target, silt_candidates *batch,
                           silt_table_run *run, bool *committed, silt_error *err);

/* XXH3-128 of a file's content. CHANGED, DENIED, IO. */
silt_status silt_content_hash(const char *path, char out[SILT_HASH_SIZE], silt_error *err);

#endif
