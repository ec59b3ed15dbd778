/* Options that are steps of a table's shape, and what came of them. */
#include "cli/table_steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commit.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

/* ---- options to steps ---- */

typedef enum form {
    TARGET, /* the whole is the target */
    VALUE,  /* the whole is the value */
    PAIR,   /* TARGET=VALUE */
    NOTHING
} form;

static const struct {
    const char *option;
    form form;
    silt_table_step_kind kind;
    const char *wanted;
} step_options[] = {
    {"add-column", VALUE, SILT_STEP_ADD_COLUMN, NULL},
    {"rename-column", PAIR, SILT_STEP_RENAME_COLUMN, "COLUMN=NAME"},
    {"drop-column", TARGET, SILT_STEP_DROP_COLUMN, NULL},
    {"set-type", PAIR, SILT_STEP_SET_TYPE, "COLUMN=TYPE"},
    {"set-not-null", TARGET, SILT_STEP_SET_NOT_NULL, NULL},
    {"set-nullable", TARGET, SILT_STEP_SET_NULLABLE, NULL},
    {"comment", PAIR, SILT_STEP_SET_COMMENT, "COLUMN=TEXT"},
    {"set-default", PAIR, SILT_STEP_SET_DEFAULT, "COLUMN=EXPRESSION"},
    {"drop-default", TARGET, SILT_STEP_DROP_DEFAULT, NULL},
    {"move-column", PAIR, SILT_STEP_MOVE_COLUMN, "COLUMN=first or COLUMN='after OTHER'"},
    {"property", PAIR, SILT_STEP_SET_PROPERTY, "KEY=VALUE"},
    {"set-property", PAIR, SILT_STEP_SET_PROPERTY, "KEY=VALUE"},
    {"unset-property", TARGET, SILT_STEP_UNSET_PROPERTY, NULL},
    {"constraint", PAIR, SILT_STEP_ADD_CONSTRAINT, "NAME=CONDITION"},
    {"add-constraint", PAIR, SILT_STEP_ADD_CONSTRAINT, "NAME=CONDITION"},
    {"drop-constraint", TARGET, SILT_STEP_DROP_CONSTRAINT, NULL},
    {"cluster-by", VALUE, SILT_STEP_CLUSTER_BY, NULL},
    {"no-clustering", NOTHING, SILT_STEP_CLUSTER_BY, NULL},
    {"enable-feature", TARGET, SILT_STEP_ENABLE_FEATURE, NULL},
    {"drop-feature", TARGET, SILT_STEP_DROP_FEATURE, NULL},
    {"set-domain", PAIR, SILT_STEP_SET_DOMAIN, "NAME=TEXT"},
    {"remove-domain", TARGET, SILT_STEP_REMOVE_DOMAIN, NULL},
    {"table-name", VALUE, SILT_STEP_TABLE_NAME, NULL},
    {"table-comment", VALUE, SILT_STEP_TABLE_COMMENT, NULL},
};
enum { STEP_OPTIONS = sizeof(step_options) / sizeof(step_options[0]) };

/* Before the first '=' that isn't in back-quotes; false: there is none. */
static bool split(cli *c, const char *text, const char **left, const char **right)
{
    bool quoted = false;
    const char *at = text;
    for (; *at && (quoted || *at != '='); at++)
        quoted ^= *at == '`';
    if (!*at || at == text) return false;
    *left = silt_arena_strndup(c->arena, text, (size_t)(at - text));
    *right = at + 1;
    return true;
}

int cli_take_steps(cli *c, const silt_table_step **out, size_t *count)
{
    silt_table_step *steps = silt_arena_calloc(c->arena, c->line.given_count, sizeof(*steps));
    size_t used = 0;
    if (!steps) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        const cli_given *given = &c->line.given[i];
        size_t at = 0;
        while (at < STEP_OPTIONS && strcmp(step_options[at].option, given->option->name) != 0)
            at++;
        if (at == STEP_OPTIONS) continue;
        silt_table_step step = {.kind = step_options[at].kind};
        form kind = step_options[at].form;
        if (kind == PAIR && !split(c, given->value, &step.target, &step.value))
            return cli_misuse(c, "--%s %s: %s is wanted", given->option->name, given->value,
                              step_options[at].wanted);
        if (kind == PAIR && !step.target) return cli_no_memory(c);
        if (kind == TARGET) step.target = given->value;
        if (kind == VALUE) step.value = given->value;
        bool text = step.kind == SILT_STEP_SET_COMMENT || step.kind == SILT_STEP_TABLE_COMMENT ||
                    step.kind == SILT_STEP_TABLE_NAME;
        if (text && !*step.value) step.value = NULL;
        steps[used++] = step;
    }
    *out = steps;
    *count = used;
    return CLI_OK;
}

int cli_take_table_options(cli *c, silt_table_options *out)
{
    *out = (silt_table_options)SILT_TABLE_OPTIONS_INIT;
    out->dry_run = cli_flag(c, "dry-run");
    return cli_take_commit(c, &out->commit);
}

int cli_take_text(cli *c, const char *option, const char *path, const char **out)
{
    enum { MOST = 64 << 20 };
    char *text = NULL;
    size_t capacity = 0;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    ssize_t size = file ? getdelim(&text, &capacity, '\0', file) : -1;
    bool whole = file && !ferror(file) && (size >= 0 || feof(file)) && size < MOST;
    int cause = errno;
    if (file && file != stdin) (void)fclose(file);
    *out = whole ? silt_arena_strdup(c->arena, size < 0 ? "" : text) : NULL;
    free(text);
    if (whole) return *out ? CLI_OK : cli_no_memory(c);
    cli_say(c, CLI_ERROR, "--%s %s can't be read: %s", option, path, strerror(cause));
    return CLI_USAGE;
}

/* ---- results ---- */

void cli_table_end(cli *c, silt_status st, const silt_error *err, const silt_table_result *r)
{
    static const silt_run_outcome ends[] = {[SILT_TABLE_COMMITTED] = SILT_RUN_COMMITTED,
                                            [SILT_TABLE_UNCHANGED] = SILT_RUN_SKIPPED,
                                            [SILT_TABLE_ALREADY_DONE] = SILT_RUN_ALREADY_DONE,
                                            [SILT_TABLE_OVERTAKEN] = SILT_RUN_OVERTAKEN};
    cli_run_end(c, st, err, ends[r->outcome], r->committed_version, r->table_version);
}

static const char *const outcomes[] = {"committed", "unchanged", "already_done", "overtaken"};

static void print_json(cli *c, const silt_table_result *r)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "path", c->store->uri);
    cli_json_string(&j, "outcome", outcomes[r->outcome]);
    cli_json_boolean(&j, "dry_run", cli_flag(c, "dry-run"));
    cli_json_count(&j, "committed_version", r->committed_version);
    cli_json_count(&j, "table_version", r->table_version);
    cli_json_integer(&j, "backfilled_files", r->backfilled);
    cli_json_integer(&j, "rewritten_files", r->rewritten);
    cli_json_array(&j, "changes");
    for (size_t i = 0; i < r->change_count; i++)
        cli_json_string(&j, NULL, r->changes[i]);
    cli_json_end(&j);
    cli_json_array(&j, "unwritable_features");
    for (size_t i = 0; i < r->unwritable_count; i++)
        cli_json_string(&j, NULL, r->unwritable[i]);
    cli_json_end(&j);
    cli_json_end(&j);
    c->answered = true;
}

static void print_text(cli *c, const silt_table_result *r, const char *verb)
{
    for (size_t i = 0; i < r->change_count; i++) {
        cli_put(stdout, &c->out, r->changes[i]);
        fputc('\n', stdout);
    }
    if (r->outcome == SILT_TABLE_COMMITTED)
        cli_say(c, CLI_INFO, "%s: %s as version %lld", c->store->uri, verb,
                (long long)r->committed_version);
    else if (r->outcome == SILT_TABLE_ALREADY_DONE)
        cli_say_done(c, r->committed_version);
    else if (r->outcome == SILT_TABLE_UNCHANGED && cli_flag(c, "dry-run") && r->change_count)
        cli_say(c, CLI_INFO, "%s: nothing was changed (--dry-run)", c->store->uri);
    else if (r->outcome == SILT_TABLE_UNCHANGED)
        cli_say(c, CLI_INFO, "%s: nothing to change", c->store->uri);
}

/* Nobody is to find out by the first append. */
static void tell_unwritable(cli *c, const silt_table_result *r)
{
    const char *names = "";
    for (size_t i = 0; i < r->unwritable_count && names; i++)
        names = silt_arena_printf(c->arena, "%s%s%s", names, i ? ", " : "", r->unwritable[i]);
    if (r->unwritable_count)
        cli_say(c, CLI_WARNING, "Silt can't write rows to such a table yet: %s",
                names ? names : "out of memory");
}

int cli_print_table_result(cli *c, const silt_table_result *r, const char *verb)
{
    char counted[CLI_COUNTED_SIZE];
    if (c->json)
        print_json(c, r);
    else
        print_text(c, r, verb);
    if (r->backfilled)
        cli_say(c, CLI_INFO, "rows of %s were given ids first",
                cli_counted(r->backfilled, "file", "files", counted));
    if (r->rewritten)
        cli_say(c, CLI_INFO, "%s %s written anew",
                cli_counted(r->rewritten, "file", "files", counted),
                cli_flag(c, "dry-run") ? "would be"
                : r->rewritten == 1    ? "was"
                                       : "were");
    tell_unwritable(c, r);
    if (r->outcome == SILT_TABLE_OVERTAKEN) cli_say_overtaken(c);
    return CLI_OK;
}
