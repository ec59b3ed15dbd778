/* Walks the serialized tree of a statement: checks it, finds relations, and gives each the
 * conditions that its rows have to meet.
 *
 *  (1) A condition is given to a relation only where a row that doesn't meet it can have no part in
 *      the result: not across the null-supplying side of an outer join, not where rows are sampled,
 *      not into what is used somewhere else without it.
 *  (2) What isn't understood is left out: DuckDB filters rows by the whole statement anyway. */
#include "engine/duckdb_ast.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* A relation where it stands in the statement. */
typedef struct occurrence {
    const silt_json *node;
    silt_duck_relation relation;
} occurrence;

typedef struct scope {
    const struct scope *outer;
    const silt_json *ctes; /* {"map": [{"key": …}]} */
} scope;

typedef struct walk {
    const char *sql;
    silt_arena *arena;
    SILT_VEC(occurrence) found;
} walk;

static void walk_release(walk *w)
{
    silt_vec_free(&w->found);
}

static silt_status visit(walk *w, const silt_json *node, const scope *in, silt_error *err);

static const char *text_of(const silt_json *node, const char *key)
{
    const char *text = silt_json_string(silt_json_get(node, key));
    return text ? text : "";
}

static bool is(const silt_json *node, const char *key, const char *text)
{
    return strcmp(text_of(node, key), text) == 0;
}

static size_t offset_of(const silt_json *node)
{
    int64_t offset = silt_json_int(silt_json_get(node, "query_location"), 0);
    return offset > 0 ? (size_t)offset : 0;
}

silt_status silt_duck_ast_fail(silt_error *err, silt_status status, const char *sql, size_t offset,
                               const char *format, ...)
{
    char message[512];
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset && sql[i]; i++) {
        column = sql[i] == '\n' ? 1 : column + ((sql[i] & 0xc0) != 0x80);
        line += sql[i] == '\n';
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return silt_fail(err, status, "line %zu, column %zu: %s", line, column, message);
}

/* ---- the text ----------------------------------------------------------------------------------
 */

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c < 0;
}

/* Behind a text in quotes that starts at `at`, or a comment; `at` where neither starts. */
static char *skip_quoted(char *at, bool escapes)
{
    char *end = at;
    if (*at == '\'' || *at == '"') {
        for (end = at + 1; *end && *end != *at; end++)
            if (escapes && *end == '\\' && end[1]) end++;
        return *end ? end + 1 : end;
    }
    if (at[0] == '-' && at[1] == '-') return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        int depth = 0;
        do {
            bool opens = end[0] == '/' && end[1] == '*', closes = end[0] == '*' && end[1] == '/';
            depth += opens - closes;
            end += opens || closes ? 2 : 1;
        } while (depth > 0 && *end);
    } else if (*at == '$') {
        char tag[64];
        size_t n = 1;
        while (is_word(at[n]))
            n++;
        if (at[n] != '$' || n + 2 > sizeof tag) return at;
        memcpy(tag, at, n + 1);
        tag[n + 1] = '\0';
        end = strstr(at + n + 1, tag);
        return end ? end + n + 1 : at + strlen(at);
    }
    return end;
}

static bool names_argument(const char *behind)
{
    behind += strspn(behind, " \t\r\n");
    return (behind[0] == ':' && behind[1] == '=') || (behind[0] == '=' && behind[1] == '>');
}

char *silt_duck_ast_text(const char *sql, silt_arena *arena)
{
    static const char word[] = "timestamp";
    char *copy = silt_arena_strdup(arena, sql);
    for (char *at = copy; at && *at;) {
        size_t size = 0;
        while (is_word(at[size]))
            size++;
        bool escapes = size == 1 && (*at | 32) == 'e' && at[1] == '\'';
        if (size == sizeof word - 1 && strncasecmp(at, word, size) == 0 &&
            names_argument(at + size))
            memcpy(at, SILT_DUCK_AST_TIMESTAMP, size);
        at += size;
        char *behind = skip_quoted(at, escapes);
        at = behind > at ? behind : size ? at : at + 1;
    }
    return copy;
}

/* ---- relations ---------------------------------------------------------------------------------
 */

static silt_status add(walk *w, const silt_json *node, const silt_duck_relation *relation,
                       silt_error *err)
{
    return silt_vec_push(&w->found, (occurrence){node, *relation}) ? SILT_OK : silt_fail_nomem(err);
}

static bool is_cte(const scope *in, const char *name)
{
    for (; in; in = in->outer)
        for (silt_json_iter it = silt_json_iter_of(silt_json_get(in->ctes, "map"));
             silt_json_next(&it);)
            if (strcasecmp(text_of(it.value, "key"), name) == 0) return true;
    return false;
}

static silt_status visit_name(walk *w, const silt_json *node, const scope *in, silt_error *err)
{
    const char *name = text_of(node, "table_name"), *schema = text_of(node, "schema_name");
    if (*schema)
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(node),
                                  "%s.%s: there are no schemas; a table is delta('PATH') or the "
                                  "name of a dataset",
                                  schema, name);
    if (is_cte(in, name)) return SILT_OK;
    silt_duck_relation relation = {.offset = offset_of(node)};
    relation.request = (silt_relation_request){
        .table = silt_arena_strdup(w->arena, name), .is_name = true, .version = -1};
    relation.arguments[0] = relation.request.table;
    if (!relation.request.table) return silt_fail_nomem(err);
    return add(w, node, &relation, err);
}

/* Put the arguments of a call where their names, or else their places, say. */
static silt_status take_arguments(walk *w, const silt_json *call, const char *const *names,
                                  const char **values, silt_error *err)
{
    size_t place = 0;
    const char *function = text_of(call, "function_name");
    for (silt_json_iter it = silt_json_iter_of(silt_json_get(call, "children"));
         silt_json_next(&it);) {
        const char *name = text_of(it.value, "alias");
        size_t at = place;
        if (strcmp(name, SILT_DUCK_AST_TIMESTAMP) == 0) name = "timestamp";
        if (*name)
            for (at = 0; at < 3 && strcasecmp(names[at], name) != 0; at++)
                ;
        else
            place++;
        if (at >= 3 || values[at])
            return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(call),
                                      *name
                                          ? "%s(): there is no argument %s; %s, %s and %s are known"
                                          : "%s(): too many arguments%s; %s, %s and %s are known",
                                      function, name, names[0], names[1], names[2]);
        if (!silt_duck_ast_literal(it.value, w->arena, &values[at]))
            return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(call),
                                      "%s(): %s has to be a text or a whole number, written out",
                                      function, names[at]);
    }
    if (values[0]) return SILT_OK;
    return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(call),
                              "%s(): which table? Its path is the first argument", function);
}

static silt_status visit_delta(walk *w, const silt_json *node, silt_error *err)
{
    static const char *const names[2][3] = {{"path", "version", "timestamp"},
                                            {"path", "from", "to"}};
    const silt_json *call = silt_json_get(node, "function");
    silt_duck_relation relation = {.offset = offset_of(node)};
    silt_relation_request *request = &relation.request;
    bool changes = strcasecmp(text_of(call, "function_name"), "delta_changes") == 0;
    SILT_TRY(take_arguments(w, call, names[changes], relation.arguments, err));
    *request =
        (silt_relation_request){.table = relation.arguments[0], .changes = changes, .version = -1};
    if (changes) {
        request->from = relation.arguments[1];
        request->to = relation.arguments[2];
        if (request->from) return add(w, node, &relation, err);
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, relation.offset,
                                  "delta_changes(): from which version or timestamp? It is the "
                                  "second argument");
    }
    const char *version = relation.arguments[1];
    request->timestamp = relation.arguments[2];
    if (version && (!silt_parse_int64(version, &request->version) || request->version < 0))
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, relation.offset,
                                  "delta(): version '%.60s'; a whole number, 0 or more, is allowed",
                                  version);
    if (version && request->timestamp)
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, relation.offset,
                                  "delta(): version and timestamp; only one can be given");
    return add(w, node, &relation, err);
}

static silt_status visit_table_function(walk *w, const silt_json *node, silt_error *err)
{
    static const char *const harmless[] = {"range",      "generate_series", "unnest",   "repeat",
                                           "repeat_row", "json_each",       "json_tree"};
    const char *name = text_of(silt_json_get(node, "function"), "function_name");
    if (strcasecmp(name, "delta") == 0 || strcasecmp(name, "delta_changes") == 0)
        return visit_delta(w, node, err);
    for (size_t i = 0; i < SILT_COUNT(harmless); i++)
        if (strcasecmp(name, harmless[i]) == 0) return SILT_OK;
    return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(node),
                              "%.100s() can't be read from; delta('PATH'), delta_changes('PATH', "
                              "FROM, TO) and names of datasets can",
                              name);
}

/* ---- conditions --------------------------------------------------------------------------------
 */

static bool is_leaf(const silt_json *from)
{
    return is(from, "type", "BASE_TABLE") || is(from, "type", "TABLE_FUNCTION");
}

static size_t leaf_count(const silt_json *from)
{
    if (!is(from, "type", "JOIN")) return is(from, "type", "EMPTY") ? 0 : 1;
    return leaf_count(silt_json_get(from, "left")) + leaf_count(silt_json_get(from, "right"));
}

static const char *alias_of(const silt_json *leaf)
{
    const char *alias = text_of(leaf, "alias");
    if (*alias) return alias;
    if (is(leaf, "type", "BASE_TABLE")) return text_of(leaf, "table_name");
    return text_of(silt_json_get(leaf, "function"), "function_name");
}

static void put_condition(walk *w, const silt_json *leaf, const silt_json *condition, bool only)
{
    if (silt_json_get_some(leaf, "sample") ||
        silt_json_count(silt_json_get(leaf, "column_name_alias")))
        return;
    for (size_t i = 0; i < w->found.count; i++) {
        silt_relation_request *request = &w->found.items[i].relation.request;
        if (w->found.items[i].node != leaf) continue;
        const silt_expr *expr = silt_duck_ast_condition(condition, alias_of(leaf), only, w->arena);
        if (expr && request->filter)
            expr = silt_duck_ast_both(SILT_OP_AND, request->filter, expr, w->arena);
        if (expr) request->filter = expr;
    }
}

/* Which sides of a join have no row in its result but those of theirs that meet a condition on what
 * comes out of it (`behind`), or on its ON clause. */
static void sides_of(const silt_json *join, bool behind, bool *left, bool *right)
{
    const char *type = text_of(join, "join_type"), *kind = text_of(join, "ref_type");
    bool plain = !strcmp(kind, "REGULAR") || !strcmp(kind, "CROSS") || !strcmp(kind, "NATURAL");
    bool inner = plain && !strcmp(type, "INNER");
    *left = inner || (plain && !strcmp(type, behind ? "LEFT" : "RIGHT"));
    *right = inner || (plain && !strcmp(type, behind ? "RIGHT" : "LEFT"));
    if (behind && plain && (!strcmp(type, "SEMI") || !strcmp(type, "ANTI"))) *left = true;
}

/* Give a condition on the rows of `from` to the relations in it. */
static void push_down(walk *w, const silt_json *from, const silt_json *condition, bool only)
{
    if (is_leaf(from)) put_condition(w, from, condition, only);
    if (!is(from, "type", "JOIN")) return;
    bool left, right;
    sides_of(from, true, &left, &right);
    if (left) push_down(w, silt_json_get(from, "left"), condition, only);
    if (right) push_down(w, silt_json_get(from, "right"), condition, only);
}

static void push_joins(walk *w, const silt_json *from)
{
    if (!is(from, "type", "JOIN")) return;
    const silt_json *condition = silt_json_get_some(from, "condition");
    const silt_json *sides[] = {silt_json_get(from, "left"), silt_json_get(from, "right")};
    bool given[2];
    sides_of(from, false, &given[0], &given[1]);
    for (int i = 0; i < 2; i++) {
        if (condition && given[i]) push_down(w, sides[i], condition, false);
        push_joins(w, sides[i]);
    }
}

static void give_conditions(walk *w, const silt_json *select)
{
    const silt_json *from = silt_json_get(select, "from_table");
    const silt_json *where = silt_json_get_some(select, "where_clause");
    if (silt_json_get_some(select, "sample")) return;
    if (where) push_down(w, from, where, leaf_count(from) == 1);
    push_joins(w, from);
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

static silt_status visit_members(walk *w, const silt_json *node, const scope *in, silt_error *err)
{
    silt_json_kind kind = silt_json_kind_of(node);
    if (kind != SILT_JSON_OBJECT && kind != SILT_JSON_ARRAY) return SILT_OK;
    for (silt_json_iter it = silt_json_iter_of(node); silt_json_next(&it);)
        SILT_TRY(visit(w, it.value, in, err));
    return SILT_OK;
}

static silt_status visit(walk *w, const silt_json *node, const scope *in, silt_error *err)
{
    if (silt_json_kind_of(node) != SILT_JSON_OBJECT) return visit_members(w, node, in, err);
    const scope own = {in, silt_json_get(node, "cte_map")};
    if (own.ctes) in = &own;
    if (is(node, "type", "BASE_TABLE")) return visit_name(w, node, in, err);
    if (is(node, "type", "TABLE_FUNCTION")) SILT_TRY(visit_table_function(w, node, err));
    if (is(node, "type", "SHOW_REF") && *text_of(node, "table_name"))
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, 0,
                                  "SHOW: only queries are allowed: SELECT, FROM, VALUES, WITH");
    if (is(node, "class", "PARAMETER"))
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(node),
                                  "there are no values for parameters: write the value itself");
    if (is(node, "class", "FUNCTION") && !strncasecmp(text_of(node, "function_name"), "silt_", 5))
        return silt_duck_ast_fail(err, SILT_INVALID, w->sql, offset_of(node),
                                  "there is no function %.100s", text_of(node, "function_name"));
    SILT_TRY(visit_members(w, node, in, err));
    if (is(node, "type", "SELECT_NODE")) give_conditions(w, node);
    return SILT_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

/* The first word of a statement, in upper case. */
static void first_word(const char *sql, char *word, size_t size)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n(;");
        const char *end = NULL;
        if (sql[0] == '-' && sql[1] == '-') end = strchr(sql, '\n');
        if (sql[0] == '/' && sql[1] == '*') end = strstr(sql + 2, "*/");
        if (!end) break;
        sql = end + (*end == '*' ? 2 : 1);
    }
    size_t n = 0;
    for (; n + 1 < size && ((sql[n] | 32) >= 'a' && (sql[n] | 32) <= 'z'); n++)
        word[n] = (char)(sql[n] & ~32);
    word[n] = '\0';
}

static silt_status check(const char *sql, const silt_json *tree, silt_error *err)
{
    char word[32];
    if (!silt_json_bool(silt_json_get(tree, "error"), false)) {
        size_t count = silt_json_count(silt_json_get(tree, "statements"));
        if (count == 1) return SILT_OK;
        return silt_fail(err, SILT_INVALID,
                         count ? "%zu statements; only one is allowed" : "there is no statement",
                         count);
    }
    int64_t position = 0;
    const char *at = text_of(tree, "position");
    if (is(tree, "error_type", "parser") && (!silt_parse_int64(at, &position) || position < 0))
        return silt_fail(err, SILT_INVALID, "%s", text_of(tree, "error_message"));
    if (is(tree, "error_type", "parser"))
        return silt_duck_ast_fail(err, SILT_INVALID, sql, (size_t)position, "%s",
                                  text_of(tree, "error_message"));
    first_word(sql, word, sizeof word);
    static const char *const queries[] = {"SELECT", "FROM", "VALUES", "WITH", "PIVOT", "TABLE"};
    for (size_t i = 0; i < SILT_COUNT(queries); i++)
        if (strcmp(word, queries[i]) == 0)
            return silt_fail(
                err, SILT_INVALID,
                "%s: only one query is allowed, and no other statement; a PIVOT has to "
                "name its values: ON x IN (1, 2)",
                word);
    return silt_fail(err, SILT_INVALID,
                     "%s isn't a query: only SELECT, FROM, VALUES and WITH are allowed, which "
                     "change nothing",
                     *word ? word : "this statement");
}

static bool same(const silt_duck_relation *a, const silt_duck_relation *b)
{
    if (a->request.is_name != b->request.is_name || a->request.changes != b->request.changes)
        return false;
    if (a->request.is_name) return strcasecmp(a->request.table, b->request.table) == 0;
    return silt_streq(a->arguments[0], b->arguments[0]) &&
           silt_streq(a->arguments[1], b->arguments[1]) &&
           silt_streq(a->arguments[2], b->arguments[2]);
}

/* One relation for all places of it: its rows are what any of them asks for. */
static silt_status merge(walk *w, const silt_duck_relation **out, size_t *count, silt_error *err)
{
    silt_duck_relation *relations = silt_arena_calloc(w->arena, w->found.count, sizeof *relations);
    size_t n = 0;
    if (!relations) return silt_fail_nomem(err);
    for (size_t i = 0; i < w->found.count; i++) {
        const silt_duck_relation *r = &w->found.items[i].relation;
        size_t at = 0;
        while (at < n && !same(&relations[at], r))
            at++;
        const silt_expr **filter = &relations[at].request.filter;
        if (at == n)
            relations[n++] = *r;
        else if (*filter && r->request.filter)
            *filter = silt_duck_ast_both(SILT_OP_OR, *filter, r->request.filter, w->arena);
        else
            *filter = NULL;
    }
    *out = relations;
    *count = n;
    return SILT_OK;
}

silt_status silt_duck_ast_read(const char *sql, const silt_json *tree, silt_arena *arena,
                               const silt_duck_relation **out, size_t *count, silt_error *err)
{
    SILT_CLEAN(walk) w = {.sql = sql, .arena = arena};
    SILT_TRY(check(sql, tree, err));
    SILT_TRY(visit(&w, silt_json_get(tree, "statements"), NULL, err));
    return merge(&w, out, count, err);
}
