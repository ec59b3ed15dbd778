/* A target that went back: what on_restore makes of it. */
#ifndef SILT_LOAD_RESTORED_H
#define SILT_LOAD_RESTORED_H

#include "load/recover.h"

/* A target that isn't what the last batch left (target->back says how), by on_restore: under
 * `reload` a LOST ledger and its commit name the files whose rows are gone, in which what is left
 * of these goes, too; under `forget` a new epoch begins. The caller settles again, which lets the
 * files wait. A target that isn't there has all its files wait at once. INCONSISTENT: on_restore is
 * `stop`
 * (`err` stays as it was given), or what is gone can't be told. CONFLICT: somebody was faster. */
silt_status silt_restored_accept(silt_load *load, silt_target *target, silt_error *err);

#endif
