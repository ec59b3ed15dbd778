/* Conservation: what goes in comes out. A mismatch is a mistake of ours, or of the engine, or a
 * disk that lies; whichever, nothing is committed. */
#include <errno.h>
#include <sys/stat.h>

#include "engine/parquet_footer.h"
#include "ops/work.h"

static silt_status broken(silt_error *err)
{
    return silt_hint(err, SILT_FAILED,
                     "nothing was committed; this is a fault in Silt or in the engine, please "
                     "report it with the numbers");
}

/* Each row read is accounted for, file by file. */
silt_status silt_conserve_sources(const silt_source_counts *sources, size_t count, silt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const silt_source_counts *n = &sources[i];
        bool negative = n->inserted < 0 || n->updated < 0 || n->deleted < 0 || n->unchanged < 0 ||
                        n->deduplicated < 0 || n->rejected < 0;
        if (n->read == silt_source_told(n) && !negative) continue;
        (void)silt_fail(err, SILT_FAILED,
                        "conservation: of source file %zu %" PRId64 " rows were read, but %" PRId64
                        " inserted + %" PRId64 " updated + %" PRId64 " deleted + %" PRId64
                        " unchanged + %" PRId64 " deduplicated + %" PRId64 " rejected",
                        i + 1, n->read, n->inserted, n->updated, n->deleted, n->unchanged,
                        n->deduplicated, n->rejected);
        return broken(err);
    }
    return SILT_OK;
}

/* Rows that are written are the source's, or were there before. */
static silt_status check_rows(const silt_conserved *c, silt_error *err)
{
    int64_t written = 0, inserted = 0, updated = 0;
    for (size_t i = 0; i < c->staged->file_count; i++)
        written += c->staged->files[i].row_count;
    for (size_t i = 0; i < c->source_count; i++) {
        inserted += c->sources[i].inserted;
        updated += c->sources[i].updated;
    }
    if (written != inserted + updated + c->carried_rows || c->carried_rows < 0) {
        (void)silt_fail(err, SILT_FAILED,
                        "conservation: %" PRId64 " rows were written, but %" PRId64
                        " inserted + %" PRId64 " updated + %" PRId64 " carried over",
                        written, inserted, updated, c->carried_rows);
        return broken(err);
    }
    if (c->staged->row_count != written) {
        (void)silt_fail(err, SILT_FAILED,
                        "conservation: the engine wrote %" PRId64 " rows, its files hold %" PRId64,
                        c->staged->row_count, written);
        return broken(err);
    }
    if (c->removed_rows >= 0 && c->removed_rows != c->replaced_rows + c->carried_rows) {
        (void)silt_fail(err, SILT_FAILED,
                        "conservation: the files to be replaced hold %" PRId64 " rows, but %" PRId64
                        " replaced + %" PRId64 " carried over",
                        c->removed_rows, c->replaced_rows, c->carried_rows);
        return broken(err);
    }
    if (c->replaced_rows >= updated) return SILT_OK; /* more where the table has a key twice */
    (void)silt_fail(err, SILT_FAILED,
                    "conservation: %" PRId64 " rows were updated, but %" PRId64
                    " rows of the table replaced",
                    updated, c->replaced_rows);
    return broken(err);
}

/* What the file itself says. */
static silt_status check_footer(const silt_staged_file *f, silt_arena *scratch, silt_error *err)
{
    silt_parquet_footer footer;
    silt_status st = silt_parquet_footer_load(f->local_path, scratch, &footer, err);
    if (st == SILT_CORRUPT) {
        (void)silt_wrap(err, SILT_FAILED, "conservation: %s can't be read back", f->local_path);
        return broken(err);
    }
    if (st != SILT_OK) return st;
    if (footer.row_count == f->row_count) return SILT_OK;
    (void)silt_fail(err, SILT_FAILED,
                    "conservation: %s has %" PRId64 " rows by its footer, %" PRId64 " were written",
                    f->local_path, footer.row_count, f->row_count);
    return broken(err);
}

static silt_status check_files(const silt_conserved *c, silt_error *err)
{
    SILT_AUTO(silt_arena) scratch = silt_arena_new();
    if (!scratch) return silt_fail_nomem(err);
    for (size_t i = 0; i < c->staged->file_count; i++) {
        const silt_staged_file *f = &c->staged->files[i];
        struct stat s;
        if (stat(f->local_path, &s) != 0)
            return silt_fail_errno(err, errno, "staged file %s", f->local_path);
        if (s.st_size != f->size_bytes) {
            (void)silt_fail(err, SILT_FAILED,
                            "conservation: %s has %" PRId64 " bytes, %" PRId64 " were written",
                            f->local_path, (int64_t)s.st_size, f->size_bytes);
            return broken(err);
        }
        silt_arena_reset(scratch);
        SILT_TRY(check_footer(f, scratch, err));
    }
    return SILT_OK;
}

silt_status silt_conserve_object(silt_store *store, const char *path, int64_t size_bytes,
                                 silt_arena *scratch, silt_error *err)
{
    const char *key;
    silt_object object;
    SILT_TRY(silt_path_decode(path, scratch, &key, err));
    silt_status st = store->ops->head(store, key, scratch, &object, err);
    if (st == SILT_NOT_FOUND)
        return silt_fail(err, SILT_FAILED, "conservation: %s was put, but isn't there", key);
    if (st != SILT_OK || object.size_bytes == size_bytes) return st;
    return silt_fail(err, SILT_FAILED,
                     "conservation: %s has %" PRId64 " bytes, %" PRId64 " were put", key,
                     object.size_bytes, size_bytes);
}

silt_status silt_conserve(const silt_conserved *c, silt_error *err)
{
    SILT_TRY(silt_conserve_sources(c->sources, c->source_count, err));
    SILT_TRY(check_rows(c, err));
    return check_files(c, err);
}
