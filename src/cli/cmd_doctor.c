/* silt doctor: a table's log against itself and against its files. */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/rows.h"
#include "cli/words.h"

static const char *const severities[] = {[SILT_FINDING_NOTE] = "note",
                                         [SILT_FINDING_WARNING] = "warning",
                                         [SILT_FINDING_ERROR] = "error"};

static bool print_json(void *ctx, const silt_finding *f)
{
    (void)ctx;
    cli_json j = cli_json_start(stdout, false);
    cli_json_object(&j, NULL);
    cli_json_string(&j, "severity", severities[f->severity]);
    cli_json_string(&j, "kind", f->kind);
    cli_json_string(&j, "path", f->path);
    cli_json_string(&j, "what", f->what);
    cli_json_string(&j, "remedy", f->remedy);
    cli_json_boolean(&j, "fixed", f->fixed);
    cli_json_end(&j);
    return !ferror(stdout);
}

static bool print_text(void *ctx, const silt_finding *f)
{
    const cli *c = ctx;
    const char *colour = f->severity == SILT_FINDING_ERROR     ? cli_red(&c->out)
                         : f->severity == SILT_FINDING_WARNING ? cli_yellow(&c->out)
                                                               : cli_dim(&c->out);
    fprintf(stdout, "%s%s%s %s: ", colour, severities[f->severity], cli_plain(&c->out), f->kind);
    if (f->path) {
        cli_put(stdout, &c->out, f->path);
        fputs(": ", stdout);
    }
    cli_put(stdout, &c->out, f->what);
    fprintf(stdout, "\n    %s\n",
            !f->fixed                ? f->remedy
            : cli_flag(c, "dry-run") ? "would be repaired"
                                     : "repaired");
    return !ferror(stdout);
}

static void print_summary(const cli *c, const silt_doctor_result *r)
{
    char files[CLI_COUNTED_SIZE], errors[CLI_COUNTED_SIZE], warnings[CLI_COUNTED_SIZE],
        notes[CLI_COUNTED_SIZE], lost[CLI_COUNTED_SIZE];
    if (c->json) {
        cli_json j = cli_json_start(stdout, false);
        cli_json_object(&j, NULL);
        cli_json_string(&j, "kind", "summary");
        cli_json_count(&j, "version", r->version);
        cli_json_integer(&j, "files", r->files);
        cli_json_integer(&j, "errors", r->errors);
        cli_json_integer(&j, "warnings", r->warnings);
        cli_json_integer(&j, "notes", r->notes);
        cli_json_integer(&j, "fixed", r->fixed);
        cli_json_count(&j, "rows_lost", r->rows_lost);
        cli_json_count(&j, "committed_version", r->committed_version);
        cli_json_boolean(&j, "dry_run", cli_flag(c, "dry-run"));
        cli_json_end(&j);
        return;
    }
    if (r->version >= 0)
        fprintf(stdout, "Version %" PRId64 ", %s: ", r->version,
                cli_counted(r->files, "file", "files", files));
    if (!r->errors && !r->warnings && !r->notes)
        fputs("nothing is wrong\n", stdout);
    else
        fprintf(stdout, "%s, %s, %s; %" PRId64 "%s repaired\n",
                cli_counted(r->errors, "error", "errors", errors),
                cli_counted(r->warnings, "warning", "warnings", warnings),
                cli_counted(r->notes, "note", "notes", notes), r->fixed,
                cli_flag(c, "dry-run") ? " would be" : "");
    if (r->rows_lost > 0)
        fprintf(stdout, "%s%s lost\n", cli_flag(c, "dry-run") ? "Dry run: " : "",
                cli_counted(r->rows_lost, "row was", "rows were", lost));
    if (r->committed_version >= 0)
        fprintf(stdout, "The repairs are version %" PRId64 "\n", r->committed_version);
}

int cmd_doctor(cli *c)
{
    silt_error err = {0};
    silt_doctor_result result;
    silt_doctor_options opts = SILT_DOCTOR_OPTIONS_INIT;
    opts.fix = cli_flag(c, "fix");
    opts.drop_missing = cli_flag(c, "yes");
    opts.deep = cli_flag(c, "deep");
    opts.dry_run = cli_flag(c, "dry-run");
    opts.found = c->json ? print_json : print_text;
    opts.ctx = c;
    int64_t hours = cli_count(c, "young-hours", -1);
    opts.young_ms = hours < 0 ? -1 : hours * 60 * 60 * 1000;
    if (opts.drop_missing && !opts.fix)
        return cli_misuse(c, "--yes is for --fix: files that are gone are taken out of the table");
    if (opts.dry_run && !opts.fix)
        return cli_misuse(c, "--dry-run is for --fix: without it nothing is changed");
    int status = cli_open_store(c);
    if (status == CLI_OK) status = cli_rows_watch(c);
    if (status != CLI_OK) return status;
    if (silt_doctor(c->store, c->engine, &opts, &result, &err) != SILT_OK) return cli_fail(c, &err);
    print_summary(c, &result);
    int64_t open = opts.dry_run ? result.errors + result.warnings : result.open;
    return open ? CLI_INCONSISTENT : CLI_OK;
}
