/* All of libsilt. */
#ifndef SILT_SILT_H
#define SILT_SILT_H

#include "silt/arena.h"
#include "silt/arrow.h"
#include "silt/clone.h"
#include "silt/commit.h"
#include "silt/doctor.h"
#include "silt/edit.h"
#include "silt/engine.h"
#include "silt/error.h"
#include "silt/maintain.h"
#include "silt/merge.h"
#include "silt/migrate.h"
#include "silt/pipeline.h"
#include "silt/plan.h"
#include "silt/run.h"
#include "silt/policy.h"
#include "silt/record.h"
#include "silt/scan.h"
#include "silt/scd2.h"
#include "silt/schema.h"
#include "silt/snapshot.h"
#include "silt/sql.h"
#include "silt/store.h"
#include "silt/table.h"
#include "silt/upkeep.h"
#include "silt/write.h"

#endif
