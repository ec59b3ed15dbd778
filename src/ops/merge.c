/* MERGE: source rows against the table's, and what clauses say becomes of both. */
#include "silt/merge.h"

#include "base/base.h"

silt_status silt_merge(silt_snapshot *snapshot, const silt_write_source *source,
                       const silt_merge_options *merge, const silt_edit_options *opts,
                       silt_merge_result *out, silt_snapshot **after, silt_error *err)
{
    (void)snapshot, (void)source, (void)merge, (void)opts, (void)out, (void)after;
    return silt_fail(err, SILT_UNSUPPORTED, "merge isn't there yet");
}
