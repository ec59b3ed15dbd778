/* silt version: ours, and with --verbose the engine's, which has to be loaded for that. */
#include "cli/json.h"
#include "cli/message.h"

static int engine_version(cli *c, const char **out)
{
    silt_error err = {0};
    *out = NULL;
    if (!c->verbose) return CLI_OK;
    if (silt_engine_open(NULL, &c->engine, &err) != SILT_OK ||
        silt_engine_version(c->engine, out, &err) != SILT_OK)
        return cli_fail(c, &err);
    return CLI_OK;
}

int cmd_version(cli *c)
{
    const char *engine;
    int status = engine_version(c, &engine);
    if (status != CLI_OK) return status;
    if (c->json) {
        cli_json j = cli_json_start(stdout, true);
        cli_json_object(&j, NULL);
        cli_json_string(&j, "version", silt_version());
        if (engine) cli_json_string(&j, "duckdb", engine);
        cli_json_end(&j);
        return CLI_OK;
    }
    fprintf(stdout, "silt %s\n", silt_version());
    if (engine) fprintf(stdout, "duckdb %s\n", engine);
    return CLI_OK;
}
