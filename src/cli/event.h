/* What a pipeline tells while it works: messages for people, --diagnostics for programs. */
#ifndef SILT_CLI_EVENT_H
#define SILT_CLI_EVENT_H

/* The event sink of silt_pipeline_options; `ctx` is the cli. */
void cli_event(void *ctx, const char *kind, const char *json);

#endif
