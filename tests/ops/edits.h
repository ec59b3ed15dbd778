/* For tests of deleting, updating and optimizing: a table (id, p, v) with what features a test
 * wants, and a naive model of its rows. */
#ifndef SILT_TEST_EDITS_H
#define SILT_TEST_EDITS_H

#include "log/dv.h"
#include "ops/place.h"
#include "silt/edit.h"
#include "silt/scan.h"
#include "silt/table.h"

static place here;
static silt_edit_options edit_opts;
static silt_edit_result done;

static inline int set_up(void **state)
{
    place_init(&here, *state == NULL);
    edit_opts = (silt_edit_options)SILT_EDIT_OPTIONS_INIT;
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    place_release(&here);
    return 0;
}

/* A table of these columns; properties "key=value" by ','; `by` NULL: no partitions. */
static inline void make_table(const char *columns, const char *by, const char *properties)
{
    silt_pair pairs[16];
    size_t count = 0;
    char *text = silt_arena_strdup(here.arena, properties ? properties : "");
    for (char *save = NULL, *one = strtok_r(text, ",", &save); one;
         one = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(one, '=');
        *equals = '\0';
        pairs[count++] = (silt_pair){one, equals + 1};
    }
    const char *const partition_by[] = {by};
    silt_txn_result result;
    place_ok(&here, silt_create_table(here.store, here.engine, place_schema(&here, columns),
                                      partition_by, by != NULL, (silt_pairs){pairs, count}, NULL,
                                      NULL, &result, &here.err));
    place_reopen(&here);
}

static inline void insert(const char *csv)
{
    char name[32];
    snprintf(name, sizeof(name), "%d.csv", here.loads);
    place_no_sources(&here);
    place_source(&here, name, csv);
    here.spec.key_count = 0;
    place_load_ok(&here);
}

static inline void follow(silt_snapshot *after)
{
    if (!after) return;
    silt_snapshot_free(here.now);
    here.now = after;
}

/* Change the table's shape. */
static inline void alter(silt_table_step_kind kind, const char *target, const char *value)
{
    const silt_table_step step = {kind, target, value};
    silt_table_result result;
    place_ok(&here, silt_table_alter(here.now, &step, 1, NULL, here.arena, &result, &here.err));
    place_reopen(&here);
}

static inline silt_status delete_rows(const char *where)
{
    silt_snapshot *after = NULL;
    silt_status st = silt_delete(here.now, where, &edit_opts, &done, &after, &here.err);
    follow(after);
    return st;
}

static inline silt_status update_rows(const char *column, const char *value, const char *where)
{
    silt_snapshot *after = NULL;
    const silt_assignment set = {column, value};
    silt_status st = silt_update(here.now, &set, 1, where, &edit_opts, &done, &after, &here.err);
    follow(after);
    return st;
}

static inline silt_status optimize_files(const silt_optimize_options *opts)
{
    silt_snapshot *after = NULL;
    silt_status st = silt_optimize(here.now, opts, &edit_opts, &done, &after, &here.err);
    follow(after);
    return st;
}

/* Changes of versions from…to as "type|columns…|" lines, sorted; `net`: by comparing the rows. */
static inline const char *changes(int64_t from, int64_t to, bool net)
{
    static const char *const names[] = {"id", "p", "v"};
    silt_changes_options opts = SILT_CHANGES_OPTIONS_INIT;
    silt_scan *scan = NULL;
    place_lines l = {.arena = here.arena};
    opts.from_version = net ? from - 1 : from;
    opts.to_version = to;
    opts.net = net;
    opts.columns = names;
    opts.column_count = 3;
    place_ok(&here, silt_changes_open(here.store, here.engine, &opts, &scan, &here.err));
    place_ok(&here, silt_scan_rows(scan, place_line, &l, &here.err));
    silt_scan_free(scan);
    if (l.lines.count) qsort(l.lines.items, l.lines.count, sizeof(*l.lines.items), place_order);
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    for (size_t i = 0; i < l.lines.count; i++) {
        /* id|p|v|type(|version|time) */
        char *at = l.lines.items[i];
        for (int bars = 0; *at && bars < 4; at++)
            bars += *at == '|';
        if (*at) strcpy(at - 1, "\n");
        silt_buf_puts(&all, l.lines.items[i]);
    }
    silt_vec_free(&l.lines);
    return silt_buf_copy(&all, here.arena);
}

/* What names a file in the log: its path, or of a deletion vector the uuid in base 85. */
static inline const char *name_in_log(const char *key)
{
    static const char lead[] = "deletion_vector_";
    const char *uuid = strstr(key, lead);
    if (!uuid) return silt_path_encode(key, here.arena);
    char text[SILT_DV_UUID_SIZE];
    uuid += sizeof(lead) - 1;
    silt_dv_encode_uuid(silt_arena_strndup(here.arena, uuid, 36), text);
    return silt_arena_strdup(here.arena, text);
}

/* As place_assert_no_strays(), deletion vectors told. */
static inline void assert_no_strays(void)
{
    place_files f = {.p = &here};
    silt_buf_puts(&f.log, "");
    place_ok(&here,
             here.below->ops->list(here.below, "", NULL, true, place_collect, &f, &here.err));
    const char *stray = NULL;
    for (size_t i = 0; i < f.data.count && !stray; i++)
        if (!strstr(f.log.data, name_in_log(f.data.items[i]))) stray = f.data.items[i];
    silt_vec_free(&f.data);
    silt_buf_release(&f.log);
    if (stray) fail_msg("no commit names %s", stray);
}

static inline bool last_info(void *ctx, const silt_history_entry *entry)
{
    *(const char **)ctx = silt_arena_strdup(here.arena, entry->commit_info);
    return false;
}

/* The newest commit's commitInfo has the text. */
static inline void assert_told(const char *text)
{
    const char *info = "";
    place_ok(&here, silt_table_history(here.store, 1, last_info, &info, &here.err));
    if (!strstr(info, text)) fail_msg("'%s' is not in %s", text, info);
}

static inline void assert_failed(silt_status st, silt_status expected, const char *words)
{
    if (st != expected) fail_msg("%s: %s", silt_status_name(st), here.err.message);
    if (!strstr(here.err.message, words)) fail_msg("'%s' is not in '%s'", words, here.err.message);
}

#endif
