/* A Delta table as source: each of its versions is a source file, as far as the loader sees.
 *
 * `<table>@v7` are the rows that version 7 changed; `<table>@snapshot-v5` are all rows of version
 * 5,
 * `<table>@start-v5` are none: what a load begins with, if it doesn't begin with a version's
 * changes. So tracker, ledgers and recovery hold for them as for files: promised, committed and
 * recorded by name. What is in them is fixed once their commit stands, and it is made into a
 * Parquet file when a batch needs it.
 *
 * Invariants
 *  (1) Versions are loaded in order: a batch takes them from the front of the list, and one that
 *      can't be loaded keeps those behind it waiting.
 *  (2) So each version below the newest that is loaded is loaded, or changed no rows.
 *  (3) The content hash of a version begins with that of the table's id: another table in the same
 *      place, or one that went back, is told from it.
 * @see docs/exactly-once.md, "Delta tables as source"; docs/adr/0013 */
#ifndef SILT_LOAD_FEED_H
#define SILT_LOAD_FEED_H

#include "load/load.h"

/* A BOOLEAN column of what is made of a version: the row deletes those of its key. */
#define SILT_FEED_DELETES "_silt_deletes"

typedef enum silt_feed_kind {
    SILT_FEED_CHANGES,
    SILT_FEED_SNAPSHOT, /* all rows of the version */
    SILT_FEED_START     /* none: what was before isn't wanted */
} silt_feed_kind;

/* What a name says; false: it isn't that of a version. `path_size`: of the table's path in it. */
bool silt_feed_parse(const char *name, silt_feed_kind *kind, int64_t *version, size_t *path_size);

/* Whether versions of the table's source delete rows of its target, or end versions of them. */
bool silt_feed_deletes(const silt_config_table *table);
/* Whether they could. With scd2 they say of rows when they went by their own times only. */
bool silt_feed_can_delete(const silt_config_table *table);

/**
 * The versions that the tracker knows of, and those behind them that changed rows, in order.
 * `latest` (may be NULL): the newest version that is looked at, if it isn't negative, else set to
 * the source's. `note`: where newer versions changed no rows, the tracker is told, so that they
 * aren't read again.
 *
 * @return NOT_FOUND    there is no table, and no other table of the pipeline makes it
 *         INCONSISTENT it isn't the table, or not the history, that was loaded; nothing is lost
 *         UNSUPPORTED  reader features
 *         INVALID      starting_version that there isn't */
silt_status silt_feed_discover(silt_load *load, const silt_config_table *table, bool note,
                               int64_t *latest, silt_arena *arena, silt_found *out,
                               silt_error *err);

/* Versions of a source table that are made one after another: each goes on from what was read for
 * the one before, so that the log is listed for the first one alone. */
typedef struct silt_feed_reader {
    silt_load *load;
    const silt_config_table *table;
    /* The rest is 0 at first. */
    silt_store *store;
    silt_snapshot *at; /* the source at the version that was made last */
} silt_feed_reader;
void silt_feed_reader_release(silt_feed_reader *reader);

/**
 * Make a version into `path`, a Parquet file. `made_ms`: when it was committed, as it was found; 0:
 * not known. `columns_only`: without its rows. `hash` (may be NULL) gets its content hash.
 *
 * @return BAD_DATA    its changes are none that the strategy takes (on_source_change), or a key
 *                     stands in it twice
 *         UNSUPPORTED rows were changed while the feed was off
 *         NOT_FOUND   its commit or its files have been cleaned up
 *         and what reading a table gives */
silt_status silt_feed_make(silt_feed_reader *reader, const char *name, int64_t made_ms,
                           bool columns_only, const char *path, char hash[SILT_HASH_SIZE],
                           silt_error *err);

/* The content hash that a version of the source has now. CHANGED: its commit isn't there any more.
 */
silt_status silt_feed_hash_now(silt_load *load, const silt_config_table *table, int64_t version,
                               char hash[SILT_HASH_SIZE], silt_error *err);

/* ---- between feed.c and feed_rows.c */

/* "<16 digits of the table's id><16 of the version's commit>"; the latter are 0 where the commit
 * has been cleaned up. */
silt_status silt_feed_hash(silt_store *store, const char *table_id, int64_t version,
                           char out[SILT_HASH_SIZE], silt_error *err);

#endif
