#include "sim/model.h"

#include <stdio.h>

/* ---- lines */

void text_lines_add(text_lines *l, const char *line)
{
    if (!silt_vec_push(&l->items, silt_arena_strdup(l->arena, line))) abort();
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *text_lines_join(text_lines *l)
{
    SILT_CLEAN(silt_buf) all = {0};
    silt_buf_puts(&all, "");
    if (l->items.count) qsort(l->items.items, l->items.count, sizeof(char *), by_text);
    for (size_t i = 0; i < l->items.count; i++)
        silt_buf_printf(&all, "%s\n", l->items.items[i]);
    silt_vec_free(&l->items);
    return silt_buf_copy(&all, l->arena);
}

static void put_cell(silt_buf *line, size_t slot, int64_t value)
{
    if (value == MODEL_NULL)
        silt_buf_putc(line, '~');
    else if (slot == SLOT_P)
        silt_buf_putc(line, (char)value);
    else
        silt_buf_printf(line, "%" PRId64, value);
}

const char *model_text(const model *m, silt_arena *arena)
{
    text_lines l = {.arena = arena};
    SILT_CLEAN(silt_buf) line = {0};
    for (size_t i = 0; i < m->row_count; i++) {
        silt_buf_clear(&line);
        for (size_t c = 0; c < m->column_count; c++) {
            if (c) silt_buf_putc(&line, '|');
            put_cell(&line, m->columns[c].slot, m->rows[i].cell[m->columns[c].slot]);
        }
        text_lines_add(&l, line.data);
    }
    return text_lines_join(&l);
}

const char *model_columns_text(const model *m, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) text = {0};
    for (size_t c = 0; c < m->column_count; c++)
        silt_buf_printf(&text, "%s%s", c ? "," : "", m->columns[c].name);
    return silt_buf_copy(&text, arena);
}

const char *model_feed(const model *m, silt_arena *arena)
{
    static const char *const kinds[] = {"delete", "insert", "update_preimage", "update_postimage"};
    text_lines l = {.arena = arena};
    SILT_CLEAN(silt_buf) line = {0};
    for (size_t i = 0; i < m->change_count; i++) {
        silt_buf_clear(&line);
        silt_buf_puts(&line, kinds[m->changes[i].kind]);
        for (size_t slot = SLOT_ID; slot <= SLOT_V; slot++) {
            silt_buf_putc(&line, '|');
            put_cell(&line, slot, m->changes[i].row.cell[slot]);
        }
        text_lines_add(&l, line.data);
    }
    return text_lines_join(&l);
}

const char *text_net(const char *feed, silt_arena *arena)
{
    text_lines all = {.arena = arena}, left = {.arena = arena};
    for (const char *at = feed; *at;) { /* "row sign", so that equal rows are neighbours */
        size_t size = strcspn(at, "\n"), lead = strcspn(at, "|");
        bool gone = silt_starts_with(at, "delete") || silt_starts_with(at, "update_pre");
        text_lines_add(&all, silt_arena_printf(arena, "%.*s %c", (int)(size - lead - 1),
                                               at + lead + 1, gone ? '-' : '+'));
        at += size + (at[size] == '\n');
    }
    const char *sorted = text_lines_join(&all);
    for (const char *at = sorted; *at;) {
        size_t row = strcspn(at, " ");
        int64_t sum = 0;
        const char *next = at;
        while (strncmp(next, at, row + 1) == 0) {
            sum += next[row + 1] == '+' ? 1 : -1;
            next += row + 3;
        }
        for (int64_t i = 0; i < (sum < 0 ? -sum : sum); i++)
            text_lines_add(&left,
                           silt_arena_printf(arena, "%c%.*s", sum < 0 ? '-' : '+', (int)row, at));
        at = next;
    }
    return text_lines_join(&left);
}

/* ---- tables */

static bool chance(test_random *dice, size_t percent)
{
    return test_random_below(dice, 100) < percent;
}

model_traits model_some_traits(test_random *dice)
{
    model_traits t = {.partitioned = chance(dice, 50),
                      .vectors = chance(dice, 60),
                      .feed = chance(dice, 60),
                      .tracking = chance(dice, 50),
                      .dated = chance(dice, 30),
                      .widening = chance(dice, 40),
                      .v2 = chance(dice, 25),
                      .constrained = chance(dice, 40),
                      .generated = chance(dice, 30),
                      .checkpoint_interval = chance(dice, 50) ? 3 : 100};
    t.clustered = !t.partitioned && chance(dice, 30);
    if (chance(dice, 45)) t.mapping = chance(dice, 60) ? "name" : "id";
    return t;
}

const char *model_traits_text(const model_traits *t, silt_arena *arena)
{
    return silt_arena_printf(
        arena, "%s%s%s%s%s%s%s%s%s%s%smapping %s, a checkpoint every %d",
        t->partitioned ? "by p, " : "", t->clustered ? "clustered, " : "",
        t->vectors ? "vectors, " : "", t->feed ? "feed, " : "", t->tracking ? "row ids, " : "",
        t->dated ? "dated, " : "", t->widening ? "widening, " : "", t->v2 ? "v2, " : "",
        t->constrained ? "constrained, " : "", t->generated ? "generated, " : "",
        t->identity ? "numbered, " : "", t->mapping ? t->mapping : "none", t->checkpoint_interval);
}

static model *copy_of(const model *m, silt_arena *arena)
{
    model *copy = silt_arena_alloc(arena, sizeof(*copy));
    *copy = *m;
    copy->changes = NULL;
    copy->change_count = 0;
    copy->net = false;
    copy->deleted = copy->updated = copy->inserted = 0;
    return copy;
}

const model *model_new(const model_traits *traits, silt_arena *arena)
{
    static const model_column columns[] = {
        {SLOT_ID, "id"}, {SLOT_P, "p"}, {SLOT_V, "v"}, {SLOT_W, "w"}, {SLOT_G, "g"}};
    model *m = silt_arena_calloc(arena, 1, sizeof(*m));
    m->traits = traits;
    m->column_count = traits->generated ? 5 : 4;
    memcpy(m->columns, columns, m->column_count * sizeof(*columns));
    return m;
}

const model_column *model_find(const model *m, size_t slot)
{
    for (size_t i = 0; i < m->column_count; i++)
        if (m->columns[i].slot == slot) return &m->columns[i];
    return NULL;
}

/* ---- conditions */

model_condition model_some_condition(test_random *dice, int64_t top)
{
    model_condition c = {(int)test_random_below(dice, MODEL_CONDITIONS),
                         (int64_t)test_random_below(dice, (size_t)top + 1),
                         (int64_t)test_random_below(dice, 60),
                         (char)('a' + test_random_below(dice, 4))};
    if (c.kind == MODEL_ALL && chance(dice, 80)) c.kind = 0;
    return c;
}

bool model_takes(const model_condition *c, const model_row *row)
{
    int64_t id = row->cell[SLOT_ID], v = row->cell[SLOT_V];
    switch (c->kind) {
    case 0:
        return id >= c->a && id <= c->a + c->b;
    case 1:
        return v != MODEL_NULL && v < c->b;
    case 2:
        return row->cell[SLOT_P] == c->p && v >= c->b;
    case MODEL_OF_P:
        return row->cell[SLOT_P] == c->p;
    case 4:
        return v == MODEL_NULL || id % 7 == 3;
    default:
        return true;
    }
}

const char *model_condition_text(const model_condition *c, silt_arena *arena)
{
    switch (c->kind) {
    case 0:
        return silt_arena_printf(arena, "id BETWEEN %" PRId64 " AND %" PRId64, c->a, c->a + c->b);
    case 1:
        return silt_arena_printf(arena, "v < %" PRId64, c->b);
    case 2:
        return silt_arena_printf(arena, "p = '%c' AND v >= %" PRId64, c->p, c->b);
    case MODEL_OF_P:
        return silt_arena_printf(arena, "p = '%c'", c->p);
    case 4:
        return "v IS NULL OR id % 7 = 3";
    default:
        return NULL;
    }
}

/* ---- operations */

const char *op_name(op_kind kind)
{
    static const char *const names[OP_KINDS] = {
        [OP_APPEND] = "append",
        [OP_OVERWRITE] = "overwrite",
        [OP_REPLACE_WHERE] = "replace_where",
        [OP_REPLACE_PARTITIONS] = "replace_partitions",
        [OP_UPSERT] = "upsert",
        [OP_APPEND_ONCE] = "append_once",
        [OP_MERGE] = "merge",
        [OP_UPDATE] = "update",
        [OP_DELETE] = "delete",
        [OP_OPTIMIZE] = "optimize",
        [OP_ZORDER] = "zorder",
        [OP_PURGE] = "purge",
        [OP_RESTORE] = "restore",
        [OP_ADD_COLUMN] = "add_column",
        [OP_RENAME_COLUMN] = "rename_column",
        [OP_DROP_COLUMN] = "drop_column",
        [OP_WIDEN] = "widen",
        [OP_CHECKPOINT] = "checkpoint",
        [OP_CLEANUP_LOG] = "cleanup_log",
        [OP_VACUUM] = "vacuum",
        [OP_CLONE] = "clone",
        [OP_EXPORT] = "export",
        [OP_CREATE] = "create",
        [OP_SHALLOW_CLONE] = "shallow_clone",
        [OP_MIGRATE] = "migrate",
        [OP_TRACK] = "track",
    };
    return names[kind];
}

static void put_source(silt_buf *text, const op *o)
{
    for (size_t i = 0; i < o->source_count; i++) {
        silt_buf_puts(text, i ? ", " : " (");
        for (size_t c = 0; c < o->column_count; c++) {
            if (c) silt_buf_putc(text, '|');
            put_cell(text, o->columns[c].slot, o->source[i].cell[o->columns[c].slot]);
        }
    }
    if (o->source_count) silt_buf_puts(text, ")");
}

const char *op_text(const op *o, silt_arena *arena)
{
    SILT_CLEAN(silt_buf) text = {0};
    const char *where = model_condition_text(&o->where, arena);
    silt_buf_puts(&text, op_name(o->kind));
    if (o->kind == OP_UPDATE) silt_buf_printf(&text, " set %d", o->assignment);
    if (o->kind == OP_UPDATE || o->kind == OP_DELETE || o->kind == OP_REPLACE_WHERE)
        silt_buf_printf(&text, " where %s", where ? where : "true");
    if (o->kind == OP_RESTORE) silt_buf_printf(&text, " version %" PRId64, o->version);
    if (o->column.name[0]) silt_buf_printf(&text, " %s %s", o->column.name, o->name);
    if (o->kind == OP_MERGE)
        silt_buf_printf(&text, " by %s%s%s%s%s%s%s%s", o->merge.by_condition ? "condition" : "key",
                        o->merge.delete_null ? ", delete null" : "",
                        o->merge.matched == UPDATE_STAR ? ", update *" : "",
                        o->merge.matched == UPDATE_V ? ", update v" : "",
                        o->merge.insert ? ", insert *" : "",
                        o->merge.insert && o->merge.insert_small ? " of small" : "",
                        o->merge.others == UPDATE_OTHERS ? ", update others" : "",
                        o->merge.others == DELETE_OTHERS ? ", delete others" : "");
    if (o->newest) silt_buf_puts(&text, " newest by v");
    if (o->small) silt_buf_puts(&text, " small");
    if (o->lite) silt_buf_puts(&text, " lite");
    if (o->stream) silt_buf_puts(&text, " stream");
    if (o->app_version >= 0) silt_buf_printf(&text, " number %" PRId64, o->app_version);
    put_source(&text, o);
    return silt_buf_copy(&text, arena);
}

static const model_column *w_of(const model *m)
{
    return model_find(m, SLOT_W);
}

void op_assignment_of(const op *o, const model *m, silt_arena *arena, const char **column,
                      const char **value)
{
    *column = o->assignment == 1 ? "p" : "v";
    *value = o->assignment == 1 ? "'b'" : "(v + id) % 100";
    if (o->assignment != 2) return;
    *column = w_of(m)->name;
    *value = silt_arena_printf(arena, "coalesce(%s, 0) + 1", *column);
}

static void assign(const op *o, model_row *row)
{
    int64_t *cell = row->cell;
    if (o->assignment == 1)
        cell[SLOT_P] = 'b';
    else if (o->assignment == 2)
        cell[SLOT_W] = cell[SLOT_W] == MODEL_NULL ? 1 : cell[SLOT_W] + 1;
    else if (cell[SLOT_V] != MODEL_NULL)
        cell[SLOT_V] = (cell[SLOT_V] + cell[SLOT_ID]) % 100;
}

/* Columns that may be renamed and dropped: w and those that were added. */
static const model_column *some_column(const model *m, test_random *dice)
{
    const model_column *found[MODEL_SLOTS];
    size_t count = 0;
    for (size_t i = 0; i < m->column_count; i++)
        if (m->columns[i].slot == SLOT_W || m->columns[i].slot >= SLOT_EXTRA)
            found[count++] = &m->columns[i];
    if (!count) return NULL;
    return found[dice ? test_random_below(dice, count) : 0];
}

static size_t free_slot(const model *m)
{
    size_t slot = SLOT_EXTRA;
    while (slot < MODEL_SLOTS && model_find(m, slot))
        slot++;
    return slot;
}

bool op_fits(op_kind kind, const model *m)
{
    switch (kind) {
    case OP_REPLACE_PARTITIONS:
        return m->traits->partitioned;
    case OP_PURGE:
        return m->traits->vectors;
    case OP_ZORDER:
        return !m->traits->clustered;
    case OP_ADD_COLUMN:
        return free_slot(m) < MODEL_SLOTS;
    case OP_RENAME_COLUMN:
    case OP_DROP_COLUMN:
        return m->traits->mapping && some_column(m, NULL);
    case OP_WIDEN:
        return m->traits->widening && !m->wide && w_of(m);
    case OP_CREATE:
    case OP_SHALLOW_CLONE:
    case OP_MIGRATE:
    case OP_TRACK:
        return false;
    default:
        return true;
    }
}

static model_row some_row(const op *o, int64_t id, test_random *dice)
{
    model_row row = {.ident = -1};
    for (size_t slot = 0; slot < MODEL_SLOTS; slot++)
        row.cell[slot] = MODEL_NULL;
    for (size_t i = 0; i < o->column_count; i++)
        if (!chance(dice, 15)) row.cell[o->columns[i].slot] = (int64_t)test_random_below(dice, 60);
    row.cell[SLOT_ID] = id;
    row.cell[SLOT_P] = chance(dice, 5) ? MODEL_NULL : 'a' + (int64_t)test_random_below(dice, 3);
    return row;
}

/* An id that is there, or may be. */
static int64_t known_id(const model *m, const op_supply *supply, test_random *dice)
{
    if (m->row_count && (chance(dice, 60) || !supply->shared_ids))
        return m->rows[test_random_below(dice, m->row_count)].cell[SLOT_ID];
    return (int64_t)test_random_below(dice, (size_t)supply->shared_ids + 1);
}

static bool has_id(const op *o, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (o->source[i].cell[SLOT_ID] == id) return true;
    return false;
}

static void some_source(op *o, const model *m, op_supply *supply, test_random *dice)
{
    bool keyed = o->kind == OP_UPSERT || o->kind == OP_APPEND_ONCE || o->kind == OP_MERGE;
    size_t count = 1 + test_random_below(dice, chance(dice, 50) ? 6 : OP_SOURCE_MAX - 1);
    for (size_t i = 0; i < m->column_count; i++)
        if (m->columns[i].slot != SLOT_G) o->columns[o->column_count++] = m->columns[i];
    for (size_t i = 0; i < count; i++) {
        int64_t id = keyed && chance(dice, 70) ? known_id(m, supply, dice) : supply->next_id++;
        if (keyed && o->kind != OP_APPEND_ONCE && has_id(o, o->source_count, id)) continue;
        model_row row = some_row(o, id, dice);
        if (o->kind == OP_REPLACE_WHERE) row.cell[SLOT_P] = o->where.p;
        if (m->traits->constrained && chance(dice, 1)) row.cell[SLOT_V] = MODEL_V_MAX;
        o->source[o->source_count++] = row;
    }
    o->stream = chance(dice, 30);
}

static model_merge some_merge(test_random *dice)
{
    model_merge g = {.delete_null = chance(dice, 30),
                     .matched = test_random_below(dice, 3),
                     .insert = chance(dice, 70),
                     .insert_small = chance(dice, 30),
                     .by_condition = chance(dice, 50)};
    if (chance(dice, 40)) g.others = test_random_below(dice, 3);
    if (!g.delete_null && !g.matched && !g.others) g.insert = true;
    return g;
}

op op_some(op_kind kind, const model *m, op_supply *supply, test_random *dice)
{
    op o = {.kind = kind, .app_version = -1};
    o.where = model_some_condition(dice, supply->next_id);
    if (kind == OP_REPLACE_WHERE) o.where.kind = MODEL_OF_P;
    if (kind <= OP_MERGE) some_source(&o, m, supply, dice);
    if (kind == OP_MERGE) o.merge = some_merge(dice);
    o.newest = kind == OP_UPSERT && chance(dice, 40);
    o.assignment = (int)test_random_below(dice, w_of(m) ? 3 : 2);
    o.small = chance(dice, 50);
    o.lite = kind == OP_VACUUM && chance(dice, 30);
    const model_column *column = some_column(m, dice);
    if (kind == OP_RENAME_COLUMN || kind == OP_DROP_COLUMN) o.column = *column;
    if (kind == OP_WIDEN) o.column = *w_of(m);
    if (kind == OP_RENAME_COLUMN)
        snprintf(o.name, sizeof(o.name), "n%d", (int)supply->next_column++);
    if (kind == OP_ADD_COLUMN) {
        o.column.slot = free_slot(m);
        snprintf(o.column.name, sizeof(o.column.name), "x%d", (int)supply->next_column++);
    }
    return o;
}

/* ---- what they make of a table */

typedef struct applying {
    const op *op;
    const model *before;
    model *after;
    model_row *rows; /* of `after`, with room for the source */
    model_change *changes;
    int64_t *next_ident;
} applying;

static void tell(applying *a, model_change_kind kind, const model_row *row)
{
    a->changes[a->after->change_count++] = (model_change){kind, *row};
}

static void keep(applying *a, const model_row *row)
{
    a->rows[a->after->row_count++] = *row;
}

static void delete_row(applying *a, const model_row *row)
{
    tell(a, MODEL_DELETE, row);
    a->after->deleted++;
}

static void update_row(applying *a, const model_row *old, const model_row *new)
{
    tell(a, MODEL_UPDATE_BEFORE, old);
    tell(a, MODEL_UPDATE_AFTER, new);
    keep(a, new);
    a->after->updated++;
}

static void insert_row(applying *a, const model_row *source)
{
    model_row row = *source;
    row.ident = (*a->next_ident)++;
    keep(a, &row);
    tell(a, MODEL_INSERT, &row);
    a->after->inserted++;
}

/* The source's row as the table would have it. */
static model_row source_row(const applying *a, size_t i)
{
    model_row row = a->op->source[i];
    if (a->before->traits->generated) row.cell[SLOT_G] = row.cell[SLOT_ID] * 2;
    return row;
}

static bool in_replaced_partition(const op *o, const model_row *row)
{
    for (size_t i = 0; i < o->source_count; i++)
        if (o->source[i].cell[SLOT_P] == row->cell[SLOT_P]) return true;
    return false;
}

static void apply_replacement(applying *a)
{
    for (size_t i = 0; i < a->before->row_count; i++) {
        const model_row *row = &a->before->rows[i];
        bool goes = a->op->kind == OP_OVERWRITE ||
                    (a->op->kind == OP_REPLACE_WHERE && model_takes(&a->op->where, row)) ||
                    (a->op->kind == OP_REPLACE_PARTITIONS && in_replaced_partition(a->op, row));
        if (goes)
            delete_row(a, row);
        else
            keep(a, row);
    }
    for (size_t i = 0; i < a->op->source_count; i++) {
        model_row row = source_row(a, i);
        insert_row(a, &row);
    }
}

static void apply_upsert(applying *a)
{
    bool met[OP_SOURCE_MAX] = {false};
    for (size_t i = 0; i < a->before->row_count; i++) {
        const model_row *old = &a->before->rows[i];
        model_row new = *old;
        for (size_t s = 0; s < a->op->source_count; s++) {
            if (a->op->source[s].cell[SLOT_ID] != old->cell[SLOT_ID]) continue;
            met[s] = true; /* null is the least number: it loses, and the source wins a tie */
            if (a->op->newest && a->op->source[s].cell[SLOT_V] < old->cell[SLOT_V]) continue;
            new = source_row(a, s);
            new.ident = old->ident;
        }
        if (memcmp(&new, old, sizeof(new)) == 0)
            keep(a, old);
        else
            update_row(a, old, &new);
    }
    for (size_t s = 0; s < a->op->source_count; s++) {
        model_row row = source_row(a, s);
        if (!met[s]) insert_row(a, &row);
    }
}

/* What becomes of a row that the source has; NULL: nothing is left of it. */
static const model_row *merged(const applying *a, const model_row *old, size_t s, model_row *new)
{
    const model_merge *g = &a->op->merge;
    int64_t v = a->op->source[s].cell[SLOT_V];
    if (g->delete_null && v == MODEL_NULL) return NULL;
    *new = *old;
    if (g->matched == UPDATE_STAR) *new = source_row(a, s);
    if (g->matched == UPDATE_V)
        new->cell[SLOT_V] = v == MODEL_NULL ? MODEL_NULL : v + old->cell[SLOT_ID] % 3;
    new->ident = old->ident;
    return new;
}

static const model_row *merged_without_source(const applying *a, const model_row *old,
                                              model_row *new)
{
    *new = *old;
    if (a->op->merge.others == KEEP_OTHERS || old->cell[SLOT_ID] % 5 != 0) return new;
    if (a->op->merge.others == DELETE_OTHERS) return NULL;
    new->cell[SLOT_V] = 1;
    return new;
}

static void apply_merge(applying *a)
{
    const op *o = a->op;
    bool met[OP_SOURCE_MAX] = {false};
    for (size_t i = 0; i < a->before->row_count; i++) {
        const model_row *old = &a->before->rows[i], *left;
        model_row new;
        size_t s = 0;
        while (s < o->source_count && o->source[s].cell[SLOT_ID] != old->cell[SLOT_ID])
            s++;
        if (s < o->source_count) met[s] = true;
        left = s < o->source_count ? merged(a, old, s, &new) : merged_without_source(a, old, &new);
        if (!left)
            delete_row(a, old);
        else if (memcmp(left, old, sizeof(*old)) == 0)
            keep(a, old);
        else
            update_row(a, old, left);
    }
    for (size_t s = 0; o->merge.insert && s < o->source_count; s++) {
        model_row row = source_row(a, s);
        int64_t v = row.cell[SLOT_V];
        bool wanted = !o->merge.insert_small || (v != MODEL_NULL && v < 30);
        if (!met[s] && wanted) insert_row(a, &row);
    }
    a->after->net = true; /* rows that are set to what they were may be told */
}

static bool is_there(const applying *a, int64_t id)
{
    for (size_t i = 0; i < a->before->row_count; i++)
        if (a->before->rows[i].cell[SLOT_ID] == id) return true;
    return false;
}

static void keep_all(applying *a)
{
    for (size_t i = 0; i < a->before->row_count; i++)
        keep(a, &a->before->rows[i]);
}

static void apply_append_once(applying *a)
{
    keep_all(a);
    for (size_t s = 0; s < a->op->source_count; s++) {
        model_row row = source_row(a, s);
        int64_t id = row.cell[SLOT_ID];
        if (!is_there(a, id) && !has_id(a->op, s, id)) insert_row(a, &row);
    }
}

static void apply_edit(applying *a)
{
    for (size_t i = 0; i < a->before->row_count; i++) {
        const model_row *old = &a->before->rows[i];
        model_row new = *old;
        if (!model_takes(&a->op->where, old)) {
            keep(a, old);
        } else if (a->op->kind == OP_DELETE) {
            delete_row(a, old);
        } else {
            assign(a->op, &new);
            update_row(a, old, &new);
        }
    }
}

static void apply_restore(applying *a, const model *then)
{
    model *m = a->after;
    for (size_t i = 0; i < a->before->row_count; i++)
        tell(a, MODEL_DELETE, &a->before->rows[i]);
    for (size_t i = 0; i < then->row_count; i++)
        tell(a, MODEL_INSERT, &then->rows[i]);
    m->net = true;
    m->rows = then->rows;
    m->row_count = then->row_count;
    memcpy(m->columns, then->columns, sizeof(m->columns));
    m->column_count = then->column_count;
    m->wide = then->wide;
    if (then->shape != m->shape || then->column_count != a->before->column_count) m->shape++;
}

static void apply_alteration(applying *a)
{
    const op *o = a->op;
    model *m = a->after;
    size_t at = 0;
    while (at < m->column_count && m->columns[at].slot != o->column.slot)
        at++;
    if (o->kind == OP_ADD_COLUMN) {
        m->columns[m->column_count++] = o->column;
        for (size_t i = 0; i < m->row_count; i++)
            a->rows[i].cell[o->column.slot] = MODEL_NULL;
        return;
    }
    m->shape++;
    if (o->kind == OP_WIDEN) m->wide = true;
    if (o->kind == OP_RENAME_COLUMN) memcpy(m->columns[at].name, o->name, sizeof(o->name));
    for (size_t i = 0; o->kind == OP_DROP_COLUMN && i < m->row_count; i++)
        a->rows[i].cell[o->column.slot] = MODEL_NULL;
    if (o->kind == OP_DROP_COLUMN)
        memmove(&m->columns[at], &m->columns[at + 1],
                (--m->column_count - at) * sizeof(model_column));
}

static bool violates(const applying *a)
{
    for (size_t i = 0; a->before->traits->constrained && i < a->after->change_count; i++)
        if (a->changes[i].row.cell[SLOT_V] >= MODEL_V_MAX) return true;
    return false;
}

silt_status op_apply(const op *o, const model *before, const model *then, int64_t *next_ident,
                     silt_arena *arena, const model **out)
{
    size_t room = before->row_count + o->source_count + (then ? then->row_count : 0);
    applying a = {.op = o, .before = before, .next_ident = next_ident};
    a.after = copy_of(before, arena);
    a.after->row_count = 0;
    a.after->rows = a.rows = silt_arena_alloc(arena, (room + 1) * sizeof(*a.rows));
    a.after->changes = a.changes = silt_arena_alloc(arena, (2 * room + 1) * sizeof(*a.changes));
    switch (o->kind) {
    case OP_APPEND:
    case OP_OVERWRITE:
    case OP_REPLACE_WHERE:
    case OP_REPLACE_PARTITIONS:
        apply_replacement(&a);
        break;
    case OP_UPSERT:
        apply_upsert(&a);
        break;
    case OP_APPEND_ONCE:
        apply_append_once(&a);
        break;
    case OP_MERGE:
        apply_merge(&a);
        break;
    case OP_UPDATE:
    case OP_DELETE:
        apply_edit(&a);
        break;
    case OP_RESTORE:
        apply_restore(&a, then);
        break;
    case OP_ADD_COLUMN:
    case OP_RENAME_COLUMN:
    case OP_DROP_COLUMN:
    case OP_WIDEN:
        keep_all(&a);
        apply_alteration(&a);
        break;
    default:
        keep_all(&a);
        break;
    }
    if (violates(&a)) return SILT_BAD_DATA;
    *out = a.after;
    return SILT_OK;
}
