#include "sim/home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/world.h"
#include "store/store.h"
#include "support/files.h"

static struct {
    char *dir;
    silt_engine *engine;
    silt_store *bases[TRIAL_FLAVOURS];
} home;

int home_open_without_engine(void **state)
{
    (void)state;
    home.dir = test_dir_new();
    return 0;
}

int home_open(void **state)
{
    home.engine = sim_engine_new();
    return home_open_without_engine(state);
}

int home_close(void **state)
{
    (void)state;
    for (int i = 0; i < TRIAL_FLAVOURS; i++)
        silt_store_free(home.bases[i]);
    if (home.engine) sim_engine_free(home.engine);
    test_dir_free(home.dir);
    return 0;
}

const char *home_dir(void)
{
    return home.dir;
}

silt_engine *home_engine(void)
{
    return home.engine;
}

silt_store *home_folder(const char *name)
{
    silt_store *store = NULL;
    silt_store_options opts = SILT_STORE_OPTIONS_INIT;
    opts.no_durability = true;
    char *path = test_path(home.dir, name);
    assert_int_equal(silt_store_open(path, &opts, &store, NULL), SILT_OK);
    free(path);
    return store;
}

void home_remove(const char *name)
{
    char *path = test_path(home.dir, name);
    struct stat s;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
        test_dir_free(path);
        return;
    }
    (void)remove(path);
    free(path);
}

const char *home_parquet(const trial *t, int flavour)
{
    return silt_arena_printf(t->scene.arena, "%s/parquet-%d/", home.dir, flavour);
}

/* The newest version's rows as a folder of Parquet files. */
static void export_folder(op_site *site, const char *path)
{
    silt_error err = {0};
    silt_snapshot *snapshot = NULL;
    silt_export_result result;
    silt_status st = silt_snapshot_open(site->store, site->engine, NULL, &snapshot, &err);
    if (st == SILT_OK) st = silt_export(snapshot, path, NULL, &result, &err);
    silt_snapshot_free(snapshot);
    if (st != SILT_OK) fail_msg("%s: %s", path, err.message);
}

void home_build(const trial *t, int flavour, op_site *site)
{
    scene_build(&t->scene, site);
    export_folder(site, home_parquet(t, flavour));
}

static silt_store *base_of(const trial *t, int flavour)
{
    if (home.bases[flavour]) return home.bases[flavour];
    home.bases[flavour] = silt_store_mem_new();
    op_site site = {.store = home.bases[flavour], .engine = home.engine, .dir = home.dir};
    site.name = "base";
    home_build(t, flavour, &site);
    return home.bases[flavour];
}

home_table home_table_new(trial *t, int flavour)
{
    home_table made = {0};
    if (t->local) home_remove("table");
    if (t->local) home_remove("target");
    made.below = t->local ? home_folder("table") : silt_store_mem_new();
    made.target = t->local ? home_folder("target") : silt_store_mem_new();
    if (t->before) sim_copy(base_of(t, flavour), made.below);
    made.view = (op_site){.store = made.below,
                          .engine = home.engine,
                          .dir = home.dir,
                          .name = "trial",
                          .app = "trial",
                          .parquet = home_parquet(t, flavour),
                          .beside = made.target};
    if (t->aged) op_age_log(&made.view, t->scene.newest);
    home_remove("trial.parquet");
    return made;
}

void home_table_free(home_table *table)
{
    silt_snapshot_free(table->view.held);
    silt_store_free(table->target);
    silt_store_free(table->below);
}
