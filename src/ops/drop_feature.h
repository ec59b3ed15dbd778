/* Inside DROP FEATURE: features that left traces in files, checkpoints or history. */
#ifndef SILT_OPS_DROP_FEATURE_H
#define SILT_OPS_DROP_FEATURE_H

#include "ops/edit.h"
#include "ops/shape_commit.h"

/* The whole: `out->committed_version` is of the commit that took it out of the protocol. Errors as
 * silt_table_alter() has them. */
silt_status silt_drop_feature(silt_snapshot *snapshot, const char *feature,
                              const silt_table_options *opts, const silt_commit_options *commit,
                              silt_arena *arena, silt_table_result *out, silt_error *err);

/* ---- drop_feature_files.c */

/* One commit that takes the feature out of metadata and files; NOTHING: there is no trace of it in
 * either. */
silt_status silt_drop_clean(silt_snapshot *snapshot, const char *feature,
                            const silt_edit_options *opts, silt_edit_result *out,
                            silt_snapshot **after, silt_error *err);

/* ---- drop_feature_history.c */

/* Delete the versions that have the feature, of which none is so young that somebody may be at
 * work with it. UNSUPPORTED: some are, and stay (which). Of checkpointProtection: those before the
 * version that it protects. */
silt_status silt_drop_history(silt_snapshot *snapshot, const char *feature, silt_error *err);

#endif
