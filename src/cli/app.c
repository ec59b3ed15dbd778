/* From the words of the command line to one of the commands, and back to an exit status. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "cli/words.h"

/* ---- options ---- */

static bool has_option(const cli_option *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0) return true;
    return false;
}

const char *cli_text(const cli *c, const char *name)
{
    assert(has_option(cli_global_options, name) || has_option(cli_front_options, name) ||
           (c->command && has_option(c->command->options, name)));
    return cli_line_value(&c->line, name);
}

bool cli_flag(const cli *c, const char *name)
{
    return cli_text(c, name) != NULL;
}

int64_t cli_count(const cli *c, const char *name, int64_t otherwise)
{
    int64_t count;
    const char *text = cli_text(c, name);
    return text && cli_parse_count(text, &count) ? count : otherwise;
}

static void offer_options(cli_nearest *nearest, const cli_option *table)
{
    for (; table && table->name; table++)
        if (table->kind != CLI_LATER) cli_nearest_offer(nearest, table->name);
}

/* What the parser found wrong, said with advice. */
static int fail_parse(cli *c, cli_parse_status st, const cli_parse_error *err)
{
    if (st == CLI_PARSE_NOMEM) return cli_no_memory(c);
    if (st == CLI_PARSE_BAD) return cli_misuse(c, "%s: %s", err->word, err->message);
    if (st == CLI_PARSE_LATER) return cli_later(c, "option", err->word);
    cli_nearest nearest = cli_nearest_to(err->word + strspn(err->word, "-"));
    if (c->command)
        offer_options(&nearest, c->command->options);
    else
        offer_options(&nearest, cli_front_options);
    offer_options(&nearest, cli_global_options);
    const char *name = c->command ? c->command->name : "silt";
    if (!nearest.name || err->word[1] != '-')
        return cli_misuse(c, "%s has no option '%s'", name, err->word);
    cli_say(c, CLI_ERROR, "%s has no option '%s'", name, err->word);
    cli_hint(c, "did you mean '--%s'?", nearest.name);
    return CLI_USAGE;
}

/* ---- the story ---- */

static int find_command(cli *c, const char *name)
{
    cli_nearest nearest = cli_nearest_to(name);
    for (const cli_command *command = cli_commands; command->name; command++) {
        if (strcmp(command->name, name) == 0) {
            if (!command->run) return cli_later(c, "command", name);
            c->command = command;
            return CLI_OK;
        }
        cli_nearest_offer(&nearest, command->name);
    }
    if (!nearest.name) return cli_misuse(c, "there is no command '%s'", name);
    cli_say(c, CLI_ERROR, "there is no command '%s'", name);
    cli_hint(c, "did you mean '%s'?", nearest.name);
    return CLI_USAGE;
}

static int check_arguments(cli *c)
{
    const cli_command *command = c->command;
    if ((int)c->line.argument_count < command->min_arguments)
        return cli_misuse(c, "%s: %s is missing", command->name, command->argument);
    if ((int)c->line.argument_count > command->max_arguments)
        return cli_misuse(c, "%s: one argument too many: '%s'", command->name,
                          c->line.arguments[command->max_arguments]);
    bool on_table = command->argument && strcmp(command->argument, "TABLE") == 0;
    if (cli_flag(c, "storage-option") && !on_table)
        return cli_misuse(c, "--storage-option is for commands on a table; a pipeline has "
                             "storage_options in its file");
    return CLI_OK;
}

static int open_diagnostics(cli *c)
{
    const char *path = cli_text(c, "diagnostics");
    if (!path) return CLI_OK;
    c->diagnostics = strcmp(path, "-") == 0 ? stdout : fopen(path, "ae");
    if (c->diagnostics) return CLI_OK;
    cli_say(c, CLI_ERROR, "--diagnostics %s: %s", path, strerror(errno));
    return CLI_USAGE;
}

/* --json and its like count wherever they stand, but messages about the rest of the line want them
 * early. */
static void adopt_globals(cli *c)
{
    bool plain = cli_flag(c, "no-color");
    c->json = cli_flag(c, "json");
    c->quiet = cli_flag(c, "quiet");
    c->verbose = cli_flag(c, "verbose");
    c->out = cli_style_of(stdout, plain);
    c->err = cli_style_of(stderr, plain);
}

static int run_command(cli *c)
{
    adopt_globals(c);
    if (cli_flag(c, "help")) return cmd_help(c);
    int status = check_arguments(c);
    if (status == CLI_OK) status = open_diagnostics(c);
    if (status != CLI_OK) return status;
    return c->command->run(c);
}

static int run_line(cli *c, char **words)
{
    size_t used = 0;
    cli_parse_error err = {0};
    cli_parse_status st =
        cli_parse_front(words, cli_front_options, cli_global_options, &c->line, &used, &err);
    adopt_globals(c);
    if (st != CLI_PARSED) return fail_parse(c, st, &err);
    if (cli_flag(c, "version")) return cmd_version(c);
    if (cli_flag(c, "help")) return cmd_help(c);
    if (!words[used]) return cli_misuse(c, "which command?");
    int status = find_command(c, words[used]);
    if (status != CLI_OK) return status;
    st = cli_parse(words + used + 1, c->command->options, cli_global_options, &c->line, &err);
    if (st != CLI_PARSED) return fail_parse(c, st, &err);
    return run_command(c);
}

static int close_diagnostics(cli *c, int status)
{
    if (!c->diagnostics || c->diagnostics == stdout) return status;
    bool bad = ferror(c->diagnostics);
    if (fclose(c->diagnostics) == 0 && !bad) return status;
    cli_say(c, CLI_ERROR, "--diagnostics %s can't be written", cli_text(c, "diagnostics"));
    return status ? status : CLI_FAILED;
}

static void release(cli *c)
{
    cli_signals_forget(); /* before what they would stop goes */
    cli_run_release(c);
    silt_snapshot_free(c->snapshot);
    silt_engine_free(c->engine);
    silt_store_free(c->store);
    silt_pipeline_free(c->pipeline);
    silt_datasets_free(c->datasets);
    silt_arena_free(c->arena);
    cli_line_release(&c->line);
}

int cli_main(int argc, char **argv)
{
    (void)setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines, also beside other processes */
    cli c = {.arena = silt_arena_new()};
    cli_terminal_start();
    cli_signals_start();
    adopt_globals(&c);
    int status = c.arena ? run_line(&c, argc ? argv + 1 : argv) : cli_no_memory(&c);
    cli_progress_stop();
    status = close_diagnostics(&c, status);
    status = cli_finish_output(&c, status);
    release(&c);
    return status;
}
