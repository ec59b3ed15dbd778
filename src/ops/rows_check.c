/* Rows of a table that don't meet a condition: counted, and a few of them shown. */
#include "ops/rows_check.h"

#include "silt/scan.h"

#define ROWS_SHOWN    3
#define COLUMNS_SHOWN 6
#define VALUE_SHOWN   32

SILT_DEFINE_AUTO(silt_scan, silt_scan_free)

typedef struct found {
    const silt_type *schema;
    int64_t count;
    silt_buf rows;
} found;

static void found_release(found *f)
{
    silt_buf_release(&f->rows);
}

static void put_value(silt_buf *buf, silt_bytes value)
{
    size_t size = value.size;
    if (!value.data) {
        silt_buf_puts(buf, "null");
        return;
    }
    for (size = 0; size < value.size && size < VALUE_SHOWN;) {
        size_t next = silt_utf8_length(value.data + size, value.size - size);
        size += next ? next : 1;
    }
    silt_buf_append(buf, value.data, size);
    silt_buf_puts(buf, size < value.size ? "…" : "");
}

static bool on_row(void *ctx, const silt_bytes *values, size_t count)
{
    found *f = ctx;
    if (++f->count > ROWS_SHOWN) return true;
    silt_buf_puts(&f->rows, f->count > 1 ? "; (" : "(");
    for (size_t i = 0; i < count && i < COLUMNS_SHOWN; i++) {
        silt_buf_printf(&f->rows, "%s%s=", i ? ", " : "", f->schema->fields[i].name);
        put_value(&f->rows, values[i]);
    }
    silt_buf_puts(&f->rows, count > COLUMNS_SHOWN ? ", …)" : ")");
    return true;
}

static silt_status look(silt_snapshot *snapshot, const char *where, found *out, silt_error *err)
{
    silt_scan_options opts = SILT_SCAN_OPTIONS_INIT;
    SILT_AUTO(silt_scan) scan = NULL;
    opts.where = where;
    silt_status st = silt_scan_open(snapshot, &opts, &scan, err);
    if (st == SILT_NOT_FOUND && !err->hint[0])
        silt_hint(err, st,
                  "rows that stand can't be asked for what the same call changes: alter it first");
    SILT_TRY(st);
    SILT_TRY(silt_scan_schema(scan, &out->schema, err));
    st = silt_scan_rows(scan, on_row, out, err);
    if (st == SILT_OK && out->rows.failed) return silt_fail_nomem(err);
    return st;
}

static const char *rows_word(const found *f)
{
    return f->count == 1 ? "row has" : "rows have";
}

silt_status silt_rows_meet(silt_snapshot *snapshot, const char *constraint, const char *condition,
                           silt_error *err)
{
    SILT_CLEAN(found) f = {0};
    SILT_CLEAN(silt_buf) where = {0};
    silt_buf_printf(&where, "NOT ((%s) <=> TRUE)", condition);
    if (where.failed) return silt_fail_nomem(err);
    silt_status st = look(snapshot, where.data, &f, err);
    if (st != SILT_OK) return silt_wrap(err, st, "constraint %s", constraint);
    if (!f.count) return SILT_OK;
    silt_fail(err, SILT_BAD_DATA,
              "constraint %s can't be added: for %" PRId64 " %s isn't true: %s; like %s",
              constraint, f.count, f.count == 1 ? "row it" : "rows it", condition, f.rows.data);
    return silt_hint(err, SILT_BAD_DATA, "change or delete these rows first (null isn't true)");
}

silt_status silt_rows_not_null(silt_snapshot *snapshot, const char *column, silt_error *err)
{
    SILT_CLEAN(found) f = {0};
    SILT_CLEAN(silt_buf) where = {0};
    int at = silt_type_find(silt_snapshot_schema(snapshot), column);
    if (column[0] == '`' || at < 0)
        silt_buf_puts(&where, column);
    else {
        silt_buf_putc(&where, '`');
        for (const char *p = column; *p; p++)
            silt_buf_puts(&where, *p == '`' ? "``" : (char[]){*p, '\0'});
        silt_buf_putc(&where, '`');
    }
    silt_buf_puts(&where, " IS NULL");
    if (where.failed) return silt_fail_nomem(err);
    silt_status st = look(snapshot, where.data, &f, err);
    if (st != SILT_OK) return silt_wrap(err, st, "column %s", column);
    if (!f.count) return SILT_OK;
    silt_fail(err, SILT_BAD_DATA, "column %s can't be NOT NULL: %" PRId64 " %s null in it, like %s",
              column, f.count, rows_word(&f), f.rows.data);
    return silt_hint(err, SILT_BAD_DATA, "give these rows a value first, or delete them");
}
