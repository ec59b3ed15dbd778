/* Events about reads. */
#include "cli/reading.h"

#include "cli/event.h"

const silt_diagnostics *cli_diagnostics(cli *c)
{
    if (!c->diagnostics && !c->verbose) return NULL;
    silt_diagnostics *to = silt_arena_alloc(c->arena, sizeof(*to));
    if (to) *to = (silt_diagnostics){cli_event, c};
    return to; /* what is told isn't worth a failure */
}
