/* Unload: exactly the rows of one file go, in a batch of its own with its own number and ledger.
 *
 * Invariants
 *  (1) Only rows that the file's ledger vouches for go, and all of them: else nothing is done.
 *  (2) The ledger stands before the commit is tried; the tracker only follows (recover.c). */
#include <unistd.h>

#include "load/batch.h"
#include "load/compare.h"
#include "load/own_rows.h"
#include "load/recover.h"
#include "load/session.h"
#include "load/stdin.h"
#include "silt/upkeep.h"

#define ROUNDS_MAX 20 /* of looking again because others were faster */

typedef struct unloading {
    silt_load *load;
    const silt_unload_options *opts;
    const char *path; /* as the ledgers have it */
    silt_target target;
    silt_comparison comparison;
    const silt_loaded *item; /* what is to go; NULL: the file isn't loaded */
    silt_error *err;
} unloading;

static void unloading_release(unloading *u)
{
    if (u->target.table) silt_target_release(&u->target);
    silt_comparison_release(&u->comparison);
}

/* ---- what is to go */

static silt_status check_strategy(const unloading *u)
{
    const silt_config_table *table = u->target.table;
    if (u->item->replayed_by >= 0) {
        silt_fail(u->err, SILT_INVALID,
                  "table %s: rejected rows of the file were replayed by batch %" PRId64
                  "; they can't be taken out with the others",
                  table->name, u->item->replayed_by);
        return silt_hint(u->err, SILT_INVALID,
                         "bring an older version back by 'silt restore', and load the files since "
                         "then again");
    }
    bool append = table->strategy == SILT_STRATEGY_APPEND;
    if (append && u->target.ops->has_evidence(&u->target)) return SILT_OK;
    silt_fail(u->err, SILT_INVALID, "table %s: %s; a file's rows can't be told from others",
              table->name, append ? "it has no audit columns" : "it isn't loaded by appending");
    return silt_hint(u->err, SILT_INVALID, "%s",
                     u->target.raw ? "load what is right into a new folder, and point readers there"
                                   : "bring an older version back by 'silt restore', and load the "
                                     "files since then again");
}

static silt_status take_away(unloading *u, int64_t number, int64_t *rows)
{
    silt_target *t = &u->target;
    const silt_evidence file = {u->path, u->item->ledger->number, -1, false};
    return t->ops->remove(u->load, t, &file, 1, number, rows, u->err);
}

/* Rows of the file that nobody else's ledger vouches for. */
static silt_status count_own(unloading *u, int64_t *rows)
{
    const int64_t number = u->item->ledger->number;
    silt_own_rows own;
    *rows = 0;
    SILT_TRY(silt_own_rows_read(u->load, &u->target, number - 1, number, u->comparison.arena, &own,
                                u->err));
    SILT_TRY(silt_own_rows_check(&u->target, &own, u->err));
    for (size_t i = 0; i < own.count; i++)
        if (strcmp(own.items[i].path, u->path) == 0) *rows += own.items[i].row_count;
    return SILT_OK;
}

/* Invariant (1). */
static silt_status check_rows(unloading *u)
{
    int64_t found, loaded = u->item->file->rows.inserted;
    SILT_TRY(take_away(u, -1, &found));
    if (loaded == 0 && found < 0) return SILT_OK;
    if (found == loaded) SILT_TRY(count_own(u, &found)); /* else another's may be as many */
    if (found == loaded) return SILT_OK;
    silt_fail(u->err, SILT_INCONSISTENT,
              "table %s: %" PRId64 " rows of %s are there, batch %" PRId64 " loaded %" PRId64,
              u->target.table->name, found, u->path, u->item->ledger->number, loaded);
    return silt_hint(u->err, SILT_INCONSISTENT, "see 'silt validate-consistency'");
}

/* ---- the batch */

static silt_status unload(unloading *u, silt_unload_table *out)
{
    int64_t number = 0, rows;
    silt_settled settled = {0};
    const silt_ledger_kind kind = u->opts->again ? SILT_LEDGER_LOST : SILT_LEDGER_UNLOAD;
    SILT_TRY(silt_take_number(u->load, &u->target, kind, u->item->file, 1, &number, u->err));
    SILT_TRY(take_away(u, number, &rows));
    out->version = u->target.version;
    out->batch_id = number;
    SILT_TRY(silt_settle(u->load, &u->target, &settled, u->err));
    silt_load_event(u->load, "unload", "{\"table_name\":\"%s\",\"batch_id\":%" PRId64 "}",
                    u->target.table->name, number);
    return SILT_OK;
}

/* ---- tables */

static silt_status look(unloading *u, const silt_config_table *table)
{
    silt_settled settled = {0};
    SILT_TRY(silt_target_open(u->load, table, &u->target, u->err));
    SILT_TRY(silt_settle(u->load, &u->target, &settled, u->err));
    if (!u->target.there || u->target.app_version < 0) return SILT_OK;
    SILT_TRY(silt_compare_chain(&u->target, &u->comparison, u->err));
    const silt_loaded *item = silt_map64_get(u->comparison.by_path, u->path, strlen(u->path));
    if (item && silt_ledger_loads(item->ledger->kind)) u->item = item;
    return SILT_OK;
}

static silt_status unload_once(unloading *u, const silt_config_table *table, silt_unload_table *out)
{
    SILT_TRY(look(u, table));
    if (!u->item) return SILT_OK;
    SILT_TRY(check_strategy(u));
    SILT_TRY(check_rows(u));
    *out = (silt_unload_table){.table_name = table->name,
                               .path = table->target_path,
                               .rows = u->item->file->rows.inserted,
                               .loaded_by = u->item->ledger->number,
                               .batch_id = -1,
                               .version = -1};
    return u->opts->dry_run ? SILT_OK : unload(u, out);
}

/* `gap` says what is missing where the ledgers that are there don't tell of the file, and not all
 * are. Others may be faster, and then it is looked at anew. */
static silt_status unload_table(silt_load *load, const silt_config_table *table,
                                const silt_unload_options *opts, const char *path,
                                silt_unload_report *report, silt_unload_table *out, char *gap,
                                silt_error *err)
{
    silt_status st = SILT_CONFLICT;
    for (int round = 0; st == SILT_CONFLICT && round < ROUNDS_MAX; round++) {
        SILT_CLEAN(unloading) u = {.load = load, .opts = opts, .path = path, .err = err};
        st = unload_once(&u, table, out);
        if (st == SILT_OK && u.item) report->table_count++;
        if (st == SILT_OK && !u.item && u.comparison.missing >= 0)
            memcpy(gap, u.comparison.why_missing, sizeof(u.comparison.why_missing));
    }
    return st;
}

static silt_status unload_tables(silt_load *load, const silt_unload_options *opts,
                                 silt_arena *arena, silt_unload_report *report, silt_error *err)
{
    const silt_config *config = load->config;
    SILT_FREE char *here = opts->file[0] == '/' ? NULL : getcwd(NULL, 0);
    bool piped = silt_starts_with(opts->file, SILT_STDIN_PREFIX);
    const char *path =
        piped ? silt_arena_strdup(arena, opts->file) : silt_path_normalise(here, opts->file, arena);
    silt_unload_table *tables = silt_arena_calloc(arena, config->table_count, sizeof(*tables));
    if (!path || !tables) return silt_fail_nomem(err);
    char gap[sizeof(((silt_comparison *)0)->why_missing)] = "";
    report->file_path = path;
    report->tables = tables;
    for (size_t i = 0; i < config->table_count; i++)
        if (!opts->table || strcmp(opts->table, config->tables[i].name) == 0)
            SILT_TRY(unload_table(load, &config->tables[i], opts, path, report,
                                  &tables[report->table_count], gap, err));
    if (report->table_count) return SILT_OK;
    if (*gap) {
        silt_fail(err, SILT_INCONSISTENT,
                  "%s: the ledger that may tell of this file is missing: %s", path, gap);
        return silt_hint(err, SILT_INCONSISTENT, "bring it back from a backup or an older copy");
    }
    silt_fail(err, SILT_NOT_FOUND, "%s: no batch of %s%s has loaded this file", path,
              opts->table ? "table " : "pipeline ", opts->table ? opts->table : config->pipeline);
    return silt_hint(err, SILT_NOT_FOUND,
                     "files go by the path they were found by, in _source_file of their rows");
}

silt_status silt_pipeline_unload(silt_pipeline *pipeline, const silt_unload_options *opts,
                                 silt_arena *arena, silt_unload_report *out, silt_error *err)
{
    silt_load *load = silt_pipeline_load(pipeline);
    silt_unload_report report = {0};
    if (!opts || !opts->file || !*opts->file)
        return silt_fail(err, SILT_INVALID, "which file is to be unloaded?");
    SILT_TRY(silt_session_begin(load, 0, false, err));
    silt_status st = unload_tables(load, opts, arena, &report, err);
    silt_session_end(load);
    if (st == SILT_OK) *out = report;
    return st;
}
