/* The stores that the conformance suite runs against. */
#include "store/backends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "store/fault.h"
#include "store/overlay.h"
#include "store/retry.h"
#include "store/trace.h"
#include "support/files.h"

static silt_store *wrap_fault(silt_store *below)
{
    return silt_store_fault_new(below, &(silt_fault_plan){.kind = SILT_FAULT_NONE});
}

static silt_store *wrap_fault_hiding(silt_store *below)
{
    return silt_store_fault_new(below, &(silt_fault_plan){.hide_local_path = true});
}

static silt_store *wrap_retry(silt_store *below)
{
    return silt_store_retry_new(below, NULL);
}

static void ignore_event(void *ctx, const char *kind, const char *json)
{
    (void)ctx, (void)kind, (void)json;
}

static silt_store *wrap_trace(silt_store *below)
{
    return silt_store_trace_new(below, ignore_event, NULL, NULL);
}

static silt_store *wrap_overlay(silt_store *below)
{
    return silt_store_overlay_new(below, silt_store_mem_new());
}

const test_backend test_backends[] = {
    {.name = "memory", .in_memory = true},
    {.name = "file"},
    {.name = "file, not durable", .no_durability = true},
    {.name = "fault over file", .wrap = wrap_fault, .no_durability = true},
    {.name = "fault over memory", .wrap = wrap_fault, .in_memory = true},
    {.name = "fault without local paths", .wrap = wrap_fault_hiding, .no_durability = true},
    {.name = "retry over file", .wrap = wrap_retry, .no_durability = true},
    {.name = "trace over file", .wrap = wrap_trace, .no_durability = true},
    {.name = "overlay over file", .wrap = wrap_overlay, .no_durability = true},
    {.name = "overlay over memory", .wrap = wrap_overlay, .in_memory = true},
};
const size_t test_backend_count = SILT_COUNT(test_backends);

test_place *test_place_new(const test_backend *backend)
{
    test_place *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->dir = test_dir_new();
    p->scratch = test_path(p->dir, "scratch");
    assert_int_equal(mkdir(p->scratch, 0777), 0);
    p->arena = silt_arena_new();
    assert_non_null(p->arena);
    if (backend->in_memory) {
        p->below = silt_store_mem_new();
    } else {
        silt_store_options options = SILT_STORE_OPTIONS_INIT;
        options.no_durability = backend->no_durability;
        char *root = test_path(p->dir, "store"); /* isn't there yet: puts make it */
        silt_error err = {0};
        if (silt_store_open(root, &options, &p->below, &err) != SILT_OK)
            fail_msg("%s", err.message);
        free(root);
    }
    p->store = backend->wrap ? backend->wrap(p->below) : p->below;
    assert_non_null(p->store);
    return p;
}

void test_place_free(test_place *p)
{
    if (!p) return;
    if (p->store != p->below) silt_store_free(p->store);
    silt_store_free(p->below);
    silt_arena_free(p->arena);
    free(p->scratch);
    test_dir_free(p->dir);
    free(p);
}
