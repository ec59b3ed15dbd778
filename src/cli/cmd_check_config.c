/* silt check-config: is the pipeline file right? Touches nothing else. */
#include "cli/json.h"
#include "cli/message.h"
#include "cli/words.h"

static int print_schema(cli *c)
{
    const char *schema = silt_pipeline_json_schema(c->arena);
    if (!schema) return cli_no_memory(c);
    fprintf(stdout, "%s\n", schema);
    return CLI_OK;
}

int cmd_check_config(cli *c)
{
    char counted[CLI_COUNTED_SIZE];
    if (cli_flag(c, "schema")) return print_schema(c);
    int status = cli_open_pipeline(c, false);
    if (status != CLI_OK) return status;
    size_t count = silt_pipeline_table_count(c->pipeline);
    if (!c->json) {
        fprintf(stdout, "%s is right: pipeline %s, %s\n",
                cli_text(c, "config") ? cli_text(c, "config") : "silt.yaml",
                silt_pipeline_name(c->pipeline),
                cli_counted((int64_t)count, "table", "tables", counted));
        return CLI_OK;
    }
    cli_json j = cli_json_start(stdout, true);
    cli_json_object(&j, NULL);
    cli_json_boolean(&j, "valid", true);
    cli_json_string(&j, "pipeline", silt_pipeline_name(c->pipeline));
    cli_json_string(&j, "checkpoint_path", silt_pipeline_checkpoint_path(c->pipeline));
    cli_json_array(&j, "tables");
    for (size_t i = 0; i < count; i++)
        cli_json_string(&j, NULL, silt_pipeline_table_name(c->pipeline, i));
    cli_json_end(&j);
    cli_json_array(&j, "mistakes");
    cli_json_end(&j);
    cli_json_end(&j);
    return CLI_OK;
}
