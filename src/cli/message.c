/* What is said on standard error. Never on standard output: that belongs to results. */
#include "cli/message.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/progress.h"
#include "cli/signals.h"

static void say(const cli *c, const char *colour, const char *lead, const char *format,
                va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof(text), format, args);
    cli_progress_hide();
    fprintf(stderr, "%s%s%s", colour, lead, cli_plain(&c->err));
    cli_put_safe(stderr, text, strlen(text));
    fputc('\n', stderr);
    cli_progress_show();
}

void cli_say(const cli *c, cli_level level, const char *format, ...)
{
    if (level == CLI_INFO && c->quiet) return;
    va_list args;
    va_start(args, format);
    if (level == CLI_INFO)
        say(c, cli_dim(&c->err), "silt: ", format, args);
    else if (level == CLI_WARNING)
        say(c, cli_yellow(&c->err), "silt: warning: ", format, args);
    else
        say(c, cli_red(&c->err), "silt: error: ", format, args);
    va_end(args);
}

void cli_hint(const cli *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, cli_dim(&c->err), "  hint: ", format, args);
    va_end(args);
}

int cli_exit_status(silt_status status)
{
    switch (status) {
    case SILT_OK:
        return CLI_OK;
    case SILT_INVALID:
        return CLI_USAGE;
    case SILT_INCONSISTENT:
        return CLI_INCONSISTENT;
    case SILT_LOCKED:
        return CLI_LOCKED;
    case SILT_INTERRUPTED:
        return CLI_SIGNAL + (cli_signal_seen() ? cli_signal_seen() : SIGINT);
    default:
        return CLI_FAILED;
    }
}

/* A program that asked for JSON finds the failure where it looks for the answer. */
static void fail_json(cli *c, const silt_error *err)
{
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_object(&j, "error");
    cli_json_string(&j, "status", silt_status_name(err->status));
    cli_json_string(&j, "message", err->message);
    cli_json_string(&j, "hint", err->hint[0] ? err->hint : NULL);
    cli_json_end(&j);
    cli_json_end(&j);
    c->answered = true;
}

int cli_fail(cli *c, const silt_error *err)
{
    bool said = strncmp(err->message, "interrupted", 11) == 0;
    if (err->status == SILT_INTERRUPTED && !said)
        cli_say(c, CLI_ERROR, "interrupted%s%s", err->message[0] ? ": " : "", err->message);
    else
        cli_say(c, CLI_ERROR, "%s", err->message[0] ? err->message : silt_status_name(err->status));
    if (err->hint[0]) cli_hint(c, "%s", err->hint);
    if (c->json && c->command && c->command->documents && !c->answered) fail_json(c, err);
    return cli_exit_status(err->status);
}

int cli_misuse(const cli *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, cli_red(&c->err), "silt: error: ", format, args);
    va_end(args);
    if (c->command)
        cli_hint(c, "`silt help %s` explains the command", c->command->name);
    else
        cli_hint(c, "`silt help` lists the commands");
    return CLI_USAGE;
}

int cli_later(const cli *c, const char *what, const char *name)
{
    cli_say(c, CLI_ERROR, "%s '%s' isn't available yet in silt %s", what, name, silt_version());
    return CLI_USAGE;
}

int cli_no_memory(const cli *c)
{
    cli_say(c, CLI_ERROR, "out of memory");
    return CLI_FAILED;
}

int cli_confirm(const cli *c, const char *question, const char *what)
{
    if (cli_flag(c, "yes")) return CLI_OK;
    if (!isatty(STDIN_FILENO) || !c->err.terminal) {
        cli_say(c, CLI_ERROR, "%s needs a confirmation, and there is no terminal to ask on", what);
        cli_hint(c, "--yes confirms");
        return CLI_USAGE;
    }
    fflush(stdout);
    fprintf(stderr, "%s [y/N]: ", question);
    fflush(stderr);
    char answer[64] = "";
    bool yes = fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
    if (yes) return CLI_OK;
    cli_say(c, CLI_INFO, "nothing was changed");
    return CLI_FAILED;
}

bool cli_output_failed(void)
{
    return ferror(stdout);
}

int cli_finish_output(const cli *c, int status)
{
    int cause = errno;
    if (!ferror(stdout) && fflush(stdout) == 0) return status;
    if (errno) cause = errno;
    if (cause == EPIPE) {
        cli_signals_die_of_pipe();
        return status ? status : CLI_FAILED;
    }
    cli_say(c, CLI_ERROR, "standard output can't be written: %s", strerror(cause));
    return status ? status : CLI_FAILED;
}
