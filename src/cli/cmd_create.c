/* silt create: a table without rows. */
#include <string.h>
#include <strings.h>

#include "cli/commit.h"
#include "cli/message.h"
#include "cli/policy.h"
#include "cli/table_steps.h"
#include "cli/take.h"

typedef struct other {
    silt_store *store;
    silt_snapshot *snapshot;
} other;

static int open_like(cli *c, const char *uri, other *o)
{
    silt_error err = {0};
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    int status = cli_storage_options(c, &opts.pairs);
    if (status != CLI_OK) return status;
    if (silt_store_open(uri, &opts, &o->store, &err) != SILT_OK ||
        silt_snapshot_open(o->store, c->engine, NULL, &o->snapshot, &err) != SILT_OK)
        return cli_fail(c, &err);
    return CLI_OK;
}

/* JSON as the log has it, or what --schema takes; either may be a struct<…>. */
static int take_schema(cli *c, const char *option, const char *text, silt_create_options *create)
{
    silt_error err = {0};
    silt_status st = SILT_OK;
    text += strspn(text, " \t\r\n");
    if (*text == '{')
        st = silt_schema_parse(text, strlen(text), c->arena, &create->schema, &err);
    else if (strncasecmp(text, "struct<", 7) == 0)
        st = silt_type_parse(text, c->arena, &create->schema, &err);
    else
        create->columns = text;
    if (st == SILT_OK) return CLI_OK;
    cli_say(c, CLI_ERROR, "--%s: %s", option, err.message);
    return CLI_USAGE;
}

static int take_columns(cli *c, silt_create_options *create, other *like)
{
    const char *schema = cli_text(c, "schema"), *file = cli_text(c, "schema-file");
    const char *uri = cli_text(c, "like");
    if ((schema != NULL) + (file != NULL) + (uri != NULL) != 1)
        return cli_misuse(c,
                          "one of --schema, --schema-file and --like says what columns there are");
    if (uri) {
        int status = open_like(c, uri, like);
        create->like = like->snapshot;
        return status;
    }
    if (file) {
        int status = cli_take_text(c, "schema-file", file, &schema);
        if (status != CLI_OK) return status;
    }
    return take_schema(c, file ? "schema-file" : "schema", schema, create);
}

/* "a,b", again and again; names are as they stand between the commas. */
static int take_partitions(cli *c, silt_create_options *create)
{
    size_t most = 0, count = 0;
    for (size_t i = 0; i < c->line.given_count; i++)
        if (strcmp(c->line.given[i].option->name, "partition-by") == 0)
            most += strlen(c->line.given[i].value) + 1;
    const char **names = silt_arena_calloc(c->arena, most, sizeof(*names));
    if (!names) return cli_no_memory(c);
    for (size_t i = 0; i < c->line.given_count; i++) {
        if (strcmp(c->line.given[i].option->name, "partition-by") != 0) continue;
        for (const char *at = c->line.given[i].value;; at++) {
            at += strspn(at, " ");
            size_t size = strcspn(at, ",");
            names[count] = silt_arena_strndup(c->arena, at, size);
            if (!names[count++]) return cli_no_memory(c);
            at += size;
            if (!*at) break;
        }
    }
    create->partition_by = names;
    create->partition_count = count;
    return CLI_OK;
}

/* The policy's steps, behind the others. */
static int add_policy(cli *c, silt_create_options *create)
{
    silt_error err = {0};
    silt_policy policy;
    const silt_table_step *more;
    size_t count;
    int status = cli_take_policy(c, &policy);
    if (status == CLI_OK) status = cli_take_names(c, "order-by", &policy.ordering_keys);
    if (status == CLI_OK) status = cli_take_size(c, "target-file-size", &policy.target_file_bytes);
    if (status != CLI_OK) return status;
    policy.compression = cli_text(c, "compression");
    if (silt_policy_steps(&policy, c->arena, &more, &count, &err) != SILT_OK)
        return cli_fail(c, &err);
    silt_table_step *all = silt_arena_calloc(c->arena, create->step_count + count, sizeof(*all));
    if (!all) return cli_no_memory(c);
    if (create->step_count) memcpy(all, create->steps, create->step_count * sizeof(*all));
    if (count) memcpy(all + create->step_count, more, count * sizeof(*all));
    create->steps = all;
    create->step_count += count;
    return CLI_OK;
}

static int create_table(cli *c, other *like)
{
    silt_error err = {0};
    silt_table_options opts;
    silt_table_result result = {0};
    silt_create_options create = SILT_CREATE_OPTIONS_INIT;
    create.if_not_exists = cli_flag(c, "if-not-exists");
    int status = cli_take_table_options(c, &opts);
    if (status == CLI_OK) status = cli_take_steps(c, &create.steps, &create.step_count);
    if (status == CLI_OK) status = add_policy(c, &create);
    if (status == CLI_OK) status = cli_open_store(c);
    if (status == CLI_OK) status = take_columns(c, &create, like);
    if (status == CLI_OK) status = take_partitions(c, &create);
    if (status != CLI_OK) return status;
    status = cli_run_begin(c, "CREATE", c->store);
    if (status != CLI_OK) return status;
    silt_status st =
        silt_table_create(c->store, c->engine, &create, &opts, c->arena, &result, &err);
    cli_table_end(c, st, &err, &result);
    if (st != SILT_OK) return cli_fail(c, &err);
    return cli_print_table_result(c, &result, "created");
}

int cmd_create(cli *c)
{
    other like = {0};
    int status = create_table(c, &like);
    silt_snapshot_free(like.snapshot);
    silt_store_free(like.store);
    return status;
}
