/* A folder of raw files as the store of a table: what makes it one is hidden in `_silt/`.
 *
 *   _delta_log/…       ↔  _silt/log/…     commits: the only judge of what was loaded
 *   a data file        ↔  the same name, or _silt/stage/<name> until it is placed
 *   _silt/…            ↔  the same: ledgers, scratch
 *
 * So no reader of the folder takes it for a Delta table, and none finds a file of a batch that
 * hasn't happened; whoever works on the table needs to know nothing of it. A commit names its files
 * by the names they are to have: placing them is a rename that anybody may do, or do again, who has
 * read the commit.
 *
 * CSV files are Parquet to the table: they are written as such first, become text when they are
 * made ready to be placed, and are read as copies that are Parquet again.
 *
 * A listing of the whole ("") isn't in order. */
#ifndef SILT_LOAD_RAW_STORE_H
#define SILT_LOAD_RAW_STORE_H

#include "load/raw_text.h"
#include "store/store.h"

/* Takes `below`, whose root is the folder; NULL when out of memory (`below` is the caller's then).
 */
silt_store *silt_raw_store_new(silt_store *below);

/* Its files are CSV; what is pointed to is borrowed. Columns may come later. */
void silt_raw_store_be_text(silt_store *store, const silt_raw_text *text);

/* The folder as it is. */
silt_store *silt_raw_store_folder(silt_store *store);

#define SILT_RAW_STAGE "_silt/stage/" /* in the folder */

/* Keys of the folder: where a data file waits until it is placed, and what it is called then. NULL:
 * out of memory. */
const char *silt_raw_stage_key(const char *key, silt_arena *arena);
const char *silt_raw_name(silt_store *store, const char *key, silt_arena *arena);

/* Give a committed data file its name; first what takes its time. One that has it already, or that
 * is gone, is fine: somebody else was here. */
silt_status silt_raw_make_ready(silt_store *store, const char *key, silt_error *err);
silt_status silt_raw_place(silt_store *store, const char *key, silt_error *err);
/* Take away a data file that a commit has removed, placed or not. */
silt_status silt_raw_displace(silt_store *store, const char *key, silt_error *err);

#endif
