/* The sink of a pipeline's events. */
#include "cli/event.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/words.h"

/* {"ts": …, "kind": …, and the event's own members}, a line each, at once in the file: it is read
 * when a process has died. */
static void diagnose(FILE *file, const char *kind, const char *json)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    cli_json j = cli_json_start(file, false);
    cli_json_object(&j, NULL);
    cli_json_time(&j, "ts", (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    cli_json_string(&j, "kind", kind);
    const char *members = json[0] == '{' ? json + 1 + strspn(json + 1, " \t\n") : "}";
    if (*members != '}') fprintf(file, ", %.*s", (int)strlen(members) - 1, members);
    cli_json_end(&j);
    fflush(file);
}

static void tell(cli *c, const char *json)
{
    char level[16] = "", text[2048] = "";
    if (!cli_json_find(json, "text", text, sizeof(text))) return;
    (void)cli_json_find(json, "level", level, sizeof(level));
    cli_say(c, strcmp(level, "warning") == 0 ? CLI_WARNING : CLI_INFO, "%s", text);
}

static void show_batch(const char *json)
{
    char table[64] = "", label[112];
    int64_t batch = -1, bytes = 0, beside = 0, bytes_beside = 0;
    (void)cli_json_find(json, "table_name", table, sizeof(table));
    (void)cli_json_find_integer(json, "batch_id", &batch);
    (void)cli_json_find_integer(json, "bytes", &bytes);
    (void)cli_json_find_integer(json, "beside", &beside);
    (void)cli_json_find_integer(json, "bytes_beside", &bytes_beside);
    int n = snprintf(label, sizeof(label), "%s, batch %" PRId64, table, batch);
    if (beside > 0 && n > 0 && (size_t)n < sizeof(label))
        snprintf(label + n, sizeof(label) - (size_t)n, " and %" PRId64 " more", beside);
    cli_progress_part(label, bytes + bytes_beside);
}

void cli_event(void *ctx, const char *kind, const char *json)
{
    cli *c = ctx;
    if (c->diagnostics) diagnose(c->diagnostics, kind, json);
    if (strcmp(kind, "message") == 0)
        tell(c, json);
    else if (c->verbose)
        cli_say(c, CLI_INFO, "%s %s", kind, json);
    if (strcmp(kind, "batch_start") == 0) show_batch(json);
}
