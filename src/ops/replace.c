/* Rows that a condition takes go in the commit in which new rows come. */
#include "ops/replace.h"

#include <errno.h>
#include <sys/stat.h>

/* Files that go and vectors that grow tell the feed by themselves what happened, as new files do.
 * Rows that move to another file don't, and where one has to be told all have. */
static bool owes_changes(const silt_replacing *r)
{
    return r->edit.feed && r->rewritten;
}

/* New rows are told as such. The table may have new columns by now. */
static silt_status write_inserts(silt_replacing *r, const silt_work *w, int64_t new_rows)
{
    silt_edit *e = &r->edit;
    const silt_log_state *state = e->state;
    const silt_type *schema = e->schema;
    silt_log_state with = *state;
    e->new_metadata = w->metadata;
    e->new_schema = w->schema;
    silt_write_columns columns;
    silt_edit_part *parts = silt_arena_calloc(e->arena, w->add_count + 1, sizeof(*parts));
    if (!parts) return silt_fail_nomem(e->err);
    for (size_t i = 0; i < w->add_count; i++)
        parts[i] = (silt_edit_part){.add = &w->adds[i]};
    const silt_edit_rows rows = {.parts = parts,
                                 .part_count = w->add_count,
                                 .columns = &columns,
                                 .change_type = "insert",
                                 .expected = new_rows};
    with.metadata = *w->metadata;
    e->state = &with;
    e->schema = w->schema;
    silt_status st = silt_edit_copied(e, &columns);
    if (st == SILT_OK) st = silt_edit_write(e, &rows);
    e->state = state;
    e->schema = e->new_schema = schema;
    e->new_metadata = &state->metadata;
    return st;
}

static silt_status write_changes(silt_replacing *r, const silt_work *w, int64_t new_rows)
{
    silt_write_columns columns;
    SILT_TRY(silt_edit_copied(&r->edit, &columns));
    SILT_TRY(silt_edit_write_hits(&r->edit, &columns, "delete", SILT_EDIT_IDS_NONE));
    return write_inserts(r, w, new_rows);
}

static silt_status edit_rows(silt_replacing *r, const silt_work *w, const char *where,
                             int64_t new_rows)
{
    silt_edit *e = &r->edit;
    SILT_TRY(silt_edit_begin(e));
    SILT_TRY(silt_edit_check_may(e));
    SILT_TRY(silt_edit_condition(e, where));
    SILT_TRY(silt_edit_find(e));
    e->found_us = silt_now_us(NULL);
    for (size_t i = 0; i < e->files.count; i++)
        r->rewritten |= e->files.items[i].fate == SILT_EDIT_REWRITTEN;
    silt_edit_count(e);
    r->rows = silt_edit_hits(e);
    SILT_TRY(silt_edit_write_rest(e));
    if (owes_changes(r)) SILT_TRY(write_changes(r, w, new_rows));
    return silt_edit_write_vectors(e);
}

static silt_status make_scratch(silt_replacing *r, const silt_work *w)
{
    char *folder = silt_arena_printf(w->arena, "%s/replaced", w->scratch);
    if (!folder) return silt_fail_nomem(w->err);
    silt_scratch_remove(folder); /* of a try before */
    if (mkdir(folder, 0700) != 0) return silt_fail_errno(w->err, errno, "make folder %s", folder);
    r->edit.scratch = folder;
    return SILT_OK;
}

silt_status silt_replace_where(silt_replacing *r, silt_work *w, silt_snapshot *snapshot,
                               const char *where, int64_t new_rows)
{
    *r = (silt_replacing){.opts = SILT_EDIT_OPTIONS_INIT};
    r->opts.target_file_bytes = w->spec->target_file_bytes;
    r->edit = (silt_edit){.opts = &r->opts,
                          .snapshot = snapshot,
                          .id = w->spec->attempt,
                          .err = w->err,
                          .result = {.committed_version = -1}};
    SILT_TRY(make_scratch(r, w));
    w->edit = &r->edit;
    silt_status st = edit_rows(r, w, where, new_rows);
    if (st != SILT_OK) silt_replace_end(w, false);
    return st == SILT_UNSURE ? SILT_IO : st; /* a file is unsure, but no commit was tried */
}

void silt_replace_end(silt_work *w, bool commits)
{
    if (!w->edit) return;
    if (!commits) silt_edit_take_back(w->edit);
    silt_edit_end(w->edit);
    w->edit = NULL;
}
