/* Proof: that what the ledgers say was loaded is what the targets hold. Looks at targets, ledgers
 * and, when asked, at the source files; believes neither tracker nor status. */
#include "load/batch.h"
#include "load/compare.h"
#include "load/feed.h"
#include "load/session.h"
#include "silt/upkeep.h"

typedef struct proof {
    silt_load *load;
    silt_target target;
    silt_comparison comparison;
    silt_lines lines;
    silt_proof_table *out;
    silt_error *err;
} proof;

static void proof_release(proof *p)
{
    if (p->target.table) silt_target_release(&p->target);
    silt_comparison_release(&p->comparison);
    silt_vec_free(&p->lines.items);
}

/* ---- the ledgers by themselves */

static void add_file(proof *p, const silt_ledger *ledger, const silt_ledger_file *file)
{
    const silt_source_counts *n = &file->rows;
    p->out->rows_read += n->read;
    p->out->rows_inserted += n->inserted;
    p->out->rows_updated += n->updated;
    p->out->rows_deleted += n->deleted;
    p->out->rows_unchanged += n->unchanged;
    p->out->rows_deduplicated += n->deduplicated;
    p->out->rows_rejected += n->rejected;
    if (n->read == silt_source_told(n)) return;
    silt_lines_add(&p->lines, "Ledger %" PRId64 " doesn't account for all of %" PRId64 " rows: %s",
                   ledger->number, n->read, file->path);
}

/* Versions that were parted or joined, besides those that began with a row. */
static int64_t rows_more(const proof *p)
{
    int64_t rows = 0, last = -1;
    for (size_t i = 0; i < p->comparison.loaded.count; i++) {
        const silt_ledger *ledger = p->comparison.loaded.items[i]->ledger;
        if (ledger->number != last) rows += ledger->rows_more;
        last = ledger->number; /* files of one stand beside each other */
    }
    return rows;
}

/* Rows that have to be there at least, if nobody else deletes any. */
static int64_t expected_rows(const proof *p)
{
    if (p->target.table->strategy != SILT_STRATEGY_OVERWRITE)
        return p->out->rows_inserted + rows_more(p);
    int64_t rows = 0, newest = -1;
    for (size_t i = 0; i < p->comparison.loaded.count; i++) {
        const silt_loaded *item = p->comparison.loaded.items[i];
        if (item->ledger->number > newest) rows = 0;
        if (item->ledger->number >= newest) {
            newest = item->ledger->number;
            rows += item->file->rows.inserted;
        }
    }
    return rows;
}

static void look_at_ledgers(proof *p)
{
    const silt_comparison *c = &p->comparison;
    int64_t last = -1;
    for (size_t i = 0; i < c->loaded.count; i++) {
        add_file(p, c->loaded.items[i]->ledger, c->loaded.items[i]->file);
        /* Files of one ledger stand beside each other. */
        p->out->batches += c->loaded.items[i]->ledger->number != last;
        last = c->loaded.items[i]->ledger->number;
    }
    p->out->files = (int64_t)c->loaded.count;
    p->out->rows_expected = expected_rows(p);
    if (c->missing >= 0) silt_lines_add(&p->lines, "Missing ledger: %s", c->why_missing);
}

/* ---- the target */

static silt_status count_target(proof *p)
{
    silt_target *t = &p->target;
    SILT_TRY(t->ops->count_rows(p->load, t, &p->out->rows_in_target, p->err));
    if (p->out->rows_in_target >= 0 && p->out->rows_in_target < p->out->rows_expected)
        silt_lines_add(&p->lines,
                       "%" PRId64 " rows are there, %" PRId64 " at least have been loaded",
                       p->out->rows_in_target, p->out->rows_expected);
    return SILT_OK;
}

static silt_status look_at_target(proof *p)
{
    silt_target *t = &p->target;
    silt_error touched = {0};
    silt_status st = silt_check_vouched(p->load, t, &touched);
    if (st == SILT_INCONSISTENT)
        silt_lines_add(&p->lines, "%s", touched.message);
    else if (st != SILT_OK)
        return silt_fail(p->err, st, "%s", touched.message);
    bool recount = t->table->strategy == SILT_STRATEGY_APPEND && t->ops->has_evidence(t);
    p->out->method = recount ? "recount" : "ledgers";
    if (recount) SILT_TRY(silt_compare_rows(p->load, t, &p->comparison, &p->lines, p->err));
    return count_target(p);
}

/* ---- the sources */

/* What the source says now; CHANGED: it isn't there any more. */
static silt_status hash_source(proof *p, const char *path, char hash[SILT_HASH_SIZE],
                               silt_error *why)
{
    silt_feed_kind kind;
    int64_t version;
    size_t size;
    if (p->target.table->feed && silt_feed_parse(path, &kind, &version, &size))
        return silt_feed_hash_now(p->load, p->target.table, version, hash, why);
    return silt_content_hash(path, hash, why);
}

static silt_status look_at_sources(proof *p)
{
    for (size_t i = 0; i < p->comparison.loaded.count; i++) {
        const silt_loaded *item = p->comparison.loaded.items[i];
        char hash[SILT_HASH_SIZE];
        silt_error why = {0};
        SILT_TRY(silt_load_check(p->load, p->err));
        silt_status st = hash_source(p, item->path, hash, &why);
        if (st == SILT_CHANGED || !item->file->content_hash) {
            p->out->files_gone++;
            continue;
        }
        if (st != SILT_OK) return silt_fail(p->err, st, "%s", why.message);
        p->out->files_hashed++;
        if (!silt_streq(hash, item->file->content_hash))
            silt_lines_add(&p->lines, "The source file isn't what batch %" PRId64 " loaded: %s",
                           item->ledger->number, item->path);
    }
    return SILT_OK;
}

/* ---- a table */

static silt_status prove(proof *p, bool sources)
{
    silt_target *t = &p->target;
    SILT_TRY(silt_target_refresh(p->load, t, p->err));
    p->out->last_batch_id = t->app_version;
    p->out->version = t->version;
    if (!t->there || t->app_version < 0) {
        p->out->method = "nothing";
        return SILT_OK; /* nothing was loaded, and nothing is owed */
    }
    SILT_TRY(silt_compare_chain(t, &p->comparison, p->err));
    look_at_ledgers(p);
    SILT_TRY(look_at_target(p));
    return sources ? look_at_sources(p) : SILT_OK;
}

static silt_status prove_table(silt_load *load, const silt_config_table *table, bool sources,
                               silt_arena *arena, silt_proof_table *out, silt_error *err)
{
    SILT_CLEAN(proof) p = {.load = load, .lines = {.arena = arena}, .out = out};
    silt_error why = {0};
    p.err = &why;
    *out = (silt_proof_table){.table_name = table->name,
                              .path = table->target_path,
                              .strategy = silt_strategy_name(table->strategy),
                              .method = "nothing",
                              .version = -1,
                              .last_batch_id = -1,
                              .rows_in_target = -1};
    silt_status st = silt_target_open(load, table, &p.target, &why);
    if (st == SILT_OK) st = prove(&p, sources);
    if (st == SILT_INTERRUPTED || st == SILT_NOMEM) return silt_fail(err, st, "%s", why.message);
    if (st != SILT_OK) silt_lines_add(&p.lines, "%s", why.message);
    out->problems = silt_lines_take(&p.lines, &out->problem_count);
    out->proven = out->problem_count == 0;
    return out->problems ? SILT_OK : silt_fail_nomem(err);
}

silt_status silt_pipeline_prove(silt_pipeline *pipeline, const silt_prove_options *opts,
                                silt_arena *arena, silt_proof_report *out, silt_error *err)
{
    static const silt_prove_options defaults = SILT_PROVE_OPTIONS_INIT;
    silt_load *load = silt_pipeline_load(pipeline);
    const silt_config *config = load->config;
    if (!opts) opts = &defaults;
    silt_proof_table *tables = silt_arena_calloc(arena, config->table_count, sizeof(*tables));
    if (!tables) return silt_fail_nomem(err);
    silt_proof_report report = {.proven = true, .tables = tables};
    for (size_t i = 0; i < config->table_count; i++) {
        if (opts->table && strcmp(opts->table, config->tables[i].name) != 0) continue;
        silt_proof_table *table = &tables[report.table_count++];
        SILT_TRY(prove_table(load, &config->tables[i], opts->sources, arena, table, err));
        report.proven = report.proven && table->proven;
    }
    if (opts->table && !report.table_count)
        return silt_fail(err, SILT_INVALID, "pipeline '%s' has no table '%s'", config->pipeline,
                         opts->table);
    *out = report;
    return SILT_OK;
}
