/* silt help: the pages of docs/cli/. With --json the table of commands, for what is made of it. */
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/pages.h"
#include "cli/words.h"

static void print_options(cli_json *j, const char *key, const cli_option *options)
{
    cli_json_array(j, key);
    for (; options && options->name; options++) {
        const char letter[] = {options->letter, 0};
        cli_json_object(j, NULL);
        cli_json_string(j, "name", options->name);
        cli_json_string(j, "letter", options->letter ? letter : NULL);
        cli_json_string(j, "value", options->value);
        cli_json_boolean(j, "available", options->kind != CLI_LATER);
        cli_json_end(j);
    }
    cli_json_end(j);
}

static void print_commands(void)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    print_options(&j, "global_options", cli_global_options);
    print_options(&j, "front_options", cli_front_options);
    cli_json_array(&j, "commands");
    for (const cli_command *command = cli_commands; command->name; command++) {
        cli_json_object(&j, NULL);
        cli_json_string(&j, "name", command->name);
        cli_json_string(&j, "argument", command->argument);
        cli_json_boolean(&j, "available", command->run != NULL);
        print_options(&j, "options", command->options);
        cli_json_end(&j);
    }
    cli_json_end(&j);
    cli_json_end(&j);
}

/* Headings stand in the first column. */
static void print_page(const cli *c, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        bool heading = size && text[0] != ' ';
        fprintf(stdout, "%s%.*s%s\n", heading ? cli_bold(&c->out) : "", (int)size, text,
                heading ? cli_plain(&c->out) : "");
        text += size + (text[size] == '\n');
    }
}

int cmd_help(cli *c)
{
    const char *name = c->command ? c->command->name : "silt";
    if (strcmp(name, "help") == 0 && !cli_flag(c, "help")) {
        if (c->json) {
            print_commands();
            return CLI_OK;
        }
        name = c->line.argument_count ? c->line.arguments[0] : "silt";
    }
    cli_nearest nearest = cli_nearest_to(name);
    for (const cli_page *page = cli_pages; page->name; page++) {
        if (strcmp(page->name, name) == 0) {
            print_page(c, page->text);
            return CLI_OK;
        }
        cli_nearest_offer(&nearest, page->name);
    }
    for (const cli_command *command = cli_commands; command->name; command++)
        if (strcmp(command->name, name) == 0) return cli_later(c, "command", name);
    if (!nearest.name) return cli_misuse(c, "there is no command '%s'", name);
    cli_say(c, CLI_ERROR, "there is no command '%s'", name);
    cli_hint(c, "did you mean '%s'?", nearest.name);
    return CLI_USAGE;
}
