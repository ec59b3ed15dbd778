/* What is loaded in simulations, and what has to come of it. */
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COLUMNS "  schema: {id: long, day: string, value: string}\n"

static const sim_file three_files[] = {
    {"a.csv", "id,day,value\n1,mon,a1\n2,tue,a2\n3,mon,a3\n"},
    {"b.csv", "id,day,value\n4,tue,b4\n5,mon,b5\n"},
    {"c.csv", "value,id,day\nc6,6,wed\nc7,7,mon\n"},
    {NULL, NULL},
};
static const sim_file changing_files[] = {
    {"a.csv", "id,day,value\n1,mon,a1\n2,mon,a2\n3,mon,a3\n"},
    {"b.csv", "id,day,value\n2,mon,b2\n3,mon,b3\n4,mon,b4\n"},
    {"c.csv", "id,day,value\n3,mon,c3\n5,mon,c5\n"},
    {NULL, NULL},
};
static const sim_file late_files[] = {
    {"a.csv", "id,at,value\n1,2024-01-01,a1\n2,2024-01-01,a2\n3,2024-01-05,a3\n"},
    {"b.csv", "id,at,value\n2,2024-01-03,b2\n3,2024-01-02,b3\n4,2024-01-03,b4\n"},
    {"c.csv", "value,id,at\nc3,3,2024-01-04\na1,1,2024-01-01\nc5,5,2024-01-04\n"},
    {NULL, NULL},
};
static const sim_file files_with_a_bad_one[] = {
    {"a.csv", "id,day,value\n1,mon,a1\n2,tue,a2\n3,mon,a3\n"},
    {"b.csv", "id,day,value\n4,tue,b4\nfive,mon,b5\n"},
    {"c.csv", "id,day,value\n6,wed,c6\n7,mon,c7\n"},
    {NULL, NULL},
};

const sim_scenario sim_append = {
    .name = "append",
    .table = COLUMNS "  batch: {max_files: 2}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
};
const sim_scenario sim_partitioned = {
    .name = "partitioned",
    .table = COLUMNS "  write: {path: lake/t, partition_by: day}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
};
const sim_scenario sim_upsert = {
    .name = "upsert",
    .table = COLUMNS "  loading_strategy: upsert\n"
                     "  batch: {max_files: 1}\n"
                     "  write: {path: lake/t, keys: id}\n",
    .files = changing_files,
    .expected = "1 a1\n2 b2\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
const sim_scenario sim_append_once = {
    .name = "append_once",
    .table = COLUMNS "  loading_strategy: append_once\n"
                     "  batch: {max_files: 1}\n"
                     "  write: {path: lake/t, keys: id}\n",
    .files = changing_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
const sim_scenario sim_overwrite = {
    .name = "overwrite",
    .table = COLUMNS "  loading_strategy: overwrite\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
};
const sim_scenario sim_scd2 = {
    .name = "scd2",
    .table = "  schema: {id: long, at: timestamp, value: string}\n"
             "  loading_strategy: scd2\n  tracking_columns: [value]\n"
             "  scd2_effective_from: at\n"
             "  batch: {max_files: 1}\n"
             "  write: {path: lake/t, keys: id}\n",
    .files = late_files,
    .expected = "1 a1\n2 a2\n2 b2\n3 a3\n3 b3\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
const sim_scenario sim_bad_file = {
    .name = "bad_file",
    .table = COLUMNS,
    .files = files_with_a_bad_one,
    .expected = "1 a1\n2 a2\n3 a3\n6 c6\n7 c7\n",
    .files_ok = 2,
};

const sim_scenario sim_two_tables = {
    .name = "two_tables",
    .table = COLUMNS "  batch: {max_files: 2}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
    .two_tables = true,
};

static const sim_scenario fed = {
    .name = "fed",
    .table = COLUMNS "  batch: {max_files: 1}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
    .two_tables = true,
    .fed = "  batch: {max_files: 2}\n",
};
static const sim_scenario fed_upsert = {
    .name = "fed_upsert",
    .table = COLUMNS "  batch: {max_files: 1}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
    .two_tables = true,
    .fed = "  loading_strategy: upsert\n  primary_keys: [id]\n",
};

const sim_scenario sim_reload = {
    .name = "reload",
    .table = COLUMNS "  batch: {max_files: 2}\n  on_change: reload\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 B4\n6 c6\n7 c7\n8 b8\n9 b9\n",
    .files_ok = 3,
    .changed = {"b.csv", "id,day,value\n4,tue,B4\n8,mon,b8\n9,mon,b9\n"},
};
const sim_scenario sim_restored = {
    .name = "restored",
    .table = COLUMNS "  batch: {max_files: 1}\n  on_restore: reload\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
    .restored = 1,
};
const sim_scenario sim_unload = {
    .name = "unload",
    .table = COLUMNS "  batch: {max_files: 2}\n  deletion_vectors: \"on\"\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n6 c6\n7 c7\n",
    .files_ok = 2,
    .unloaded = "b.csv",
};

const sim_scenario sim_parquet = {
    .name = "parquet",
    .table = COLUMNS "  batch: {max_files: 2}\n  on_change: reload\n"
                     "  write: {path: lake/t, format: parquet}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 B4\n6 c6\n7 c7\n8 b8\n9 b9\n",
    .files_ok = 3,
    .changed = {"b.csv", "id,day,value\n4,tue,B4\n8,mon,b8\n9,mon,b9\n"},
};
const sim_scenario sim_csv = {
    .name = "csv",
    .table = COLUMNS "  loading_strategy: upsert\n  batch: {max_files: 1}\n"
                     "  write: {path: lake/t, format: csv, keys: [id, day], partition_by: day}\n",
    .files = changing_files,
    .expected = "1 a1\n2 b2\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
};

/* ---- bad rows: an 'x' before an id can be mended; the value "no" violates a constraint */

#define NOT_NO "  constraints: [{name: yes, check: \"value <> 'no'\", on_violation: quarantine}]\n"
#define BAD    "  on_bad_row: quarantine\n" NOT_NO

static const sim_file files_with_bad_rows[] = {
    {"a.csv", "id,day,value\n1,mon,a1\nx2,tue,a2\n3,mon,a3\n"},
    {"b.csv", "id,day,value\nx4,tue,b4\n5,mon,no\n"}, /* no good one */
    {"c.csv", "value,id,day\nc6,6,wed\nc7,7\nc8,8,mon\n"},
    {NULL, NULL},
};
#define REJECTS                                                               \
    "a.csv 2 open x2,tue,a2\nb.csv 1 open x4,tue,b4\nb.csv 2 open 5,mon,no\n" \
    "c.csv 2 open c7,7\n"
#define REPLAYED                                               \
    "a.csv 2 replayed x2,tue,a2\nb.csv 1 replayed x4,tue,b4\n" \
    "b.csv 2 open 5,mon,no\nc.csv 2 open c7,7\n"
#define GOOD "1 a1\n3 a3\n6 c6\n8 c8\n"
#define ALL  "1 a1\n2 a2\n3 a3\n4 b4\n6 c6\n8 c8\n"

static const sim_file changing_files_with_bad_rows[] = {
    {"a.csv", "id,day,value\n1,mon,a1\n2,mon,a2\nx6,mon,a6\n3,mon,a3\n"},
    {"b.csv", "id,day,value\n2,mon,b2\nx3,mon,b3\n3,mon,no\n4,mon,b4\n"},
    {"c.csv", "id,day,value\n3,mon,c3\n5,mon,c5\n4,mon\n"},
    {NULL, NULL},
};
#define CHANGING_REJECTS                               \
    "a.csv 3 open x6,mon,a6\nb.csv 2 open x3,mon,b3\n" \
    "b.csv 3 open 3,mon,no\nc.csv 3 open 4,mon\n"

static const sim_file late_files_with_bad_rows[] = {
    {"a.csv", "id,at,value\n1,2024-01-01,a1\n2,2024-01-01,a2\n3,2024-01-05,a3\nx1,2024-01-02,a4\n"},
    {"b.csv", "id,at,value\n2,2024-01-03,b2\n3,2024-01-02,b3\n4,2024-13-03,b4\n"},
    {"c.csv", "value,id,at\nc3,3,2024-01-04\na1,1,2024-01-01\nno,2,2024-01-02\n"},
    {NULL, NULL},
};

const sim_scenario sim_quarantine = {
    .name = "quarantine",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n",
    .files = files_with_bad_rows,
    .expected = GOOD,
    .files_ok = 3,
    .rejects = REJECTS,
};
static const sim_scenario limits = {
    .name = "limits",
    .table = COLUMNS BAD "  max_bad_rows: 1\n",
    .files = files_with_bad_rows,
    .expected = GOOD,
    .files_ok = 2,
    .rejects = "a.csv 2 open x2,tue,a2\nc.csv 2 open c7,7\n",
};
static const sim_scenario skip = {
    .name = "skip",
    .table = COLUMNS "  on_bad_row: skip\n  loading_strategy: upsert\n  deletion_vectors: \"off\"\n"
                     "  constraints: [{name: yes, check: \"value <> 'no'\", on_violation: drop}]\n"
                     "  batch: {max_files: 1}\n  write: {path: lake/t, keys: id}\n",
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 b2\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
static const sim_scenario rescue = {
    .name = "rescue",
    .table = COLUMNS "  on_bad_row: rescue\n" NOT_NO "  write: {path: lake/t, format: parquet}\n",
    .files = files_with_bad_rows,
    .expected = " a2\n b4\n" GOOD,
    .files_ok = 3,
    .rejects = "b.csv 2 open 5,mon,no\nc.csv 2 open c7,7\n",
};
static const sim_scenario replay = {
    .name = "replay",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n  deletion_vectors: \"on\"\n",
    .files = files_with_bad_rows,
    .expected = ALL,
    .files_ok = 3,
    .rejects = REPLAYED,
    .replayed = true,
};
static const sim_scenario replay_csv = {
    .name = "replay_csv",
    .table = COLUMNS BAD "  write: {path: lake/t, format: csv}\n",
    .files = files_with_bad_rows,
    .expected = ALL,
    .files_ok = 3,
    .rejects = REPLAYED,
    .replayed = true,
};
static const sim_scenario replay_upsert = {
    .name = "replay_upsert",
    .table = COLUMNS BAD "  loading_strategy: upsert\n  write: {path: lake/t, keys: id}\n"
                         "  batch: {max_files: 1}\n",
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 b2\n3 b3\n4 b4\n5 c5\n6 a6\n",
    .files_ok = 3,
    .rejects = "a.csv 3 replayed x6,mon,a6\nb.csv 2 replayed x3,mon,b3\n"
               "b.csv 3 open 3,mon,no\nc.csv 3 open 4,mon\n",
    .replayed = true,
};
static const sim_scenario bad_append_once = {
    .name = "bad_append_once",
    .table = COLUMNS BAD "  loading_strategy: append_once\n  batch: {max_files: 1}\n"
                         "  write: {path: lake/t, keys: id}\n",
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 c5\n",
    .files_ok = 3,
    .rejects = CHANGING_REJECTS,
};
static const sim_scenario bad_overwrite = {
    .name = "bad_overwrite",
    .table = COLUMNS BAD "  loading_strategy: overwrite\n",
    .files = files_with_bad_rows,
    .expected = GOOD,
    .files_ok = 3,
    .rejects = REJECTS,
};
static const sim_scenario bad_scd2 = {
    .name = "bad_scd2",
    .table = "  schema: {id: long, at: timestamp, value: string}\n" BAD
             "  loading_strategy: scd2\n  tracking_columns: [value]\n"
             "  scd2_effective_from: at\n  deletion_vectors: \"off\"\n"
             "  batch: {max_files: 1}\n  write: {path: lake/t, keys: id}\n",
    .files = late_files_with_bad_rows,
    .expected = "1 a1\n1 a4\n2 a2\n2 b2\n3 a3\n3 b3\n3 c3\n",
    .files_ok = 3,
    .rejects = "a.csv 4 replayed x1,2024-01-02,a4\nb.csv 3 open 4,2024-13-03,b4\n"
               "c.csv 3 open no,2,2024-01-02\n",
    .replayed = true,
};
static const sim_scenario bad_reload = {
    .name = "bad_reload",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n  on_change: reload\n",
    .files = files_with_bad_rows,
    .expected = "1 a1\n3 a3\n4 b4\n6 c6\n8 c8\n",
    .files_ok = 3,
    .changed = {"b.csv", "id,day,value\n4,tue,b4\nx9,mon,b9\n"},
    .rejects = "a.csv 2 open x2,tue,a2\nb.csv 1 superseded x4,tue,b4\nb.csv 2 open x9,mon,b9\n"
               "b.csv 2 superseded 5,mon,no\nc.csv 2 open c7,7\n",
};
static const sim_scenario bad_unload = {
    .name = "bad_unload",
    .table = COLUMNS BAD,
    .files = files_with_bad_rows,
    .expected = "6 c6\n8 c8\n",
    .files_ok = 2,
    .unloaded = "a.csv",
    .rejects = "a.csv 2 superseded x2,tue,a2\nb.csv 1 open x4,tue,b4\nb.csv 2 open 5,mon,no\n"
               "c.csv 2 open c7,7\n",
};

/* ---- what is done behind runs */

static const sim_scenario anew = {
    .name = "anew",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n",
    .files = files_with_bad_rows,
    .expected = GOOD,
    .files_ok = 3,
    .rejects = "a.csv 2 open x2,tue,a2\na.csv 2 superseded x2,tue,a2\nb.csv 1 open x4,tue,b4\n"
               "b.csv 1 superseded x4,tue,b4\nb.csv 2 open 5,mon,no\n"
               "b.csv 2 superseded 5,mon,no\nc.csv 2 open c7,7\nc.csv 2 superseded c7,7\n",
    .anew = true,
};
static const sim_scenario maintained = {
    .name = "maintained",
    .table = COLUMNS "  loading_strategy: upsert\n  batch: {max_files: 1}\n"
                     "  write: {path: lake/t, keys: id}\n"
                     "  maintenance: {optimize_below: 1MB, checkpoint_interval: 1, "
                     "vacuum_retention_hours: 168}\n",
    .files = changing_files,
    .expected = "1 a1\n2 b2\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
    .maintained = true,
};
static const sim_scenario doubled = {
    .name = "doubled",
    .table = COLUMNS "  batch: {max_files: 2}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
    .doubled = "b.csv",
};

/* ---- strategies that no other scenario has with this target */

static const sim_scenario rewritten = {
    .name = "rewritten",
    .table = COLUMNS "  loading_strategy: upsert\n  batch: {max_files: 1}\n"
                     "  deletion_vectors: \"off\"\n  write: {path: lake/t, keys: id}\n",
    .files = changing_files,
    .expected = "1 a1\n2 b2\n3 c3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
/* A later file takes the place of a partition. */
#define BY_DAY "  loading_strategy: overwrite\n" BAD
#define NEWER                                                        \
    {                                                                \
        "d.csv", "id,day,value\n9,mon,d9\nx10,tue,d10\n11,mon,d11\n" \
    }
static const sim_scenario partitions = {
    .name = "partitions",
    .table =
        COLUMNS BY_DAY "  write: {path: lake/t, partition_by: day, overwrite_partitions: true}\n",
    .files = files_with_bad_rows,
    .expected = "11 d11\n6 c6\n9 d9\n",
    .files_ok = 4,
    .changed = NEWER,
    .rejects = REJECTS "d.csv 2 open x10,tue,d10\n",
};
static const sim_scenario partitions_csv = {
    .name = "partitions_csv",
    .table = COLUMNS BY_DAY "  write: {path: lake/t, format: csv, partition_by: day, "
                            "overwrite_partitions: true}\n",
    .files = files_with_bad_rows,
    .expected = "11 d11\n6 c6\n9 d9\n",
    .files_ok = 4,
    .changed = NEWER,
    .rejects = REJECTS "d.csv 2 open x10,tue,d10\n",
};
static const sim_scenario partitions_parquet = {
    .name = "partitions_parquet",
    .table = COLUMNS BY_DAY "  write: {path: lake/t, format: parquet, partition_by: day, "
                            "overwrite_partitions: true}\n",
    .files = files_with_bad_rows,
    .expected = "11 d11\n6 c6\n9 d9\n",
    .files_ok = 4,
    .changed = NEWER,
    .rejects = REJECTS "d.csv 2 open x10,tue,d10\n",
};
static const sim_scenario overwrite_csv = {
    .name = "overwrite_csv",
    .table = COLUMNS BY_DAY "  write: {path: lake/t, format: csv}\n",
    .files = files_with_bad_rows,
    .expected = "11 d11\n9 d9\n",
    .files_ok = 4,
    .changed = NEWER,
    .rejects = "a.csv 2 superseded x2,tue,a2\nb.csv 1 superseded x4,tue,b4\n"
               "b.csv 2 superseded 5,mon,no\nc.csv 2 superseded c7,7\nd.csv 2 open x10,tue,d10\n",
};
static const sim_scenario overwrite_parquet = {
    .name = "overwrite_parquet",
    .table = COLUMNS "  loading_strategy: overwrite\n  write: {path: lake/t, format: parquet}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
};
static const sim_scenario append_once_parquet = {
    .name = "append_once_parquet",
    .table = COLUMNS "  loading_strategy: append_once\n  batch: {max_files: 1}\n"
                     "  write: {path: lake/t, format: parquet, keys: id}\n",
    .files = changing_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 c5\n",
    .files_ok = 3,
};
static const sim_scenario append_once_csv = {
    .name = "append_once_csv",
    .table = COLUMNS BAD "  loading_strategy: append_once\n  batch: {max_files: 1}\n"
                         "  write: {path: lake/t, format: csv, keys: id}\n",
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 c5\n",
    .files_ok = 3,
    .rejects = CHANGING_REJECTS,
};
static const sim_scenario append_csv = {
    .name = "append_csv",
    .table = COLUMNS "  batch: {max_files: 2}\n  write: {path: lake/t, format: csv}\n",
    .files = three_files,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 b5\n6 c6\n7 c7\n",
    .files_ok = 3,
};

/* ---- into a file of SQLite: faults are those of its calls, too */

#define SQLITE(more) "  write: {connection: wh, format: sqlite, path: t" more "}\n"

static const sim_scenario sqlite_append = {
    .name = "sqlite_append",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n" SQLITE(""),
    .files = files_with_bad_rows,
    .expected = ALL,
    .files_ok = 3,
    .rejects = REPLAYED,
    .replayed = true,
};
static const sim_scenario sqlite_upsert = {
    .name = "sqlite_upsert",
    .table =
        COLUMNS BAD "  loading_strategy: upsert\n  batch: {max_files: 1}\n" SQLITE(", keys: id"),
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 b2\n3 b3\n4 b4\n5 c5\n6 a6\n",
    .files_ok = 3,
    .rejects = "a.csv 3 replayed x6,mon,a6\nb.csv 2 replayed x3,mon,b3\n"
               "b.csv 3 open 3,mon,no\nc.csv 3 open 4,mon\n",
    .replayed = true,
};
static const sim_scenario sqlite_append_once = {
    .name = "sqlite_append_once",
    .table = COLUMNS BAD
    "  loading_strategy: append_once\n  batch: {max_files: 1}\n" SQLITE(", keys: id"),
    .files = changing_files_with_bad_rows,
    .expected = "1 a1\n2 a2\n3 a3\n4 b4\n5 c5\n",
    .files_ok = 3,
    .rejects = CHANGING_REJECTS,
};
static const sim_scenario sqlite_overwrite = {
    .name = "sqlite_overwrite",
    .table = COLUMNS BY_DAY SQLITE(""),
    .files = files_with_bad_rows,
    .expected = "11 d11\n9 d9\n",
    .files_ok = 4,
    .changed = NEWER,
    .rejects = "a.csv 2 superseded x2,tue,a2\nb.csv 1 superseded x4,tue,b4\n"
               "b.csv 2 superseded 5,mon,no\nc.csv 2 superseded c7,7\nd.csv 2 open x10,tue,d10\n",
};
static const sim_scenario sqlite_scd2 = {
    .name = "sqlite_scd2",
    .table = "  schema: {id: long, at: timestamp, value: string}\n" BAD
             "  loading_strategy: scd2\n  tracking_columns: [value]\n"
             "  scd2_effective_from: at\n  batch: {max_files: 1}\n" SQLITE(", keys: id"),
    .files = late_files_with_bad_rows,
    .expected = "1 a1\n1 a4\n2 a2\n2 b2\n3 a3\n3 b3\n3 c3\n",
    .files_ok = 3,
    .rejects = "a.csv 4 replayed x1,2024-01-02,a4\nb.csv 3 open 4,2024-13-03,b4\n"
               "c.csv 3 open no,2,2024-01-02\n",
    .replayed = true,
};
static const sim_scenario sqlite_limits = {
    .name = "sqlite_limits",
    .table = COLUMNS BAD "  max_bad_rows: 1\n" SQLITE(""),
    .files = files_with_bad_rows,
    .expected = GOOD,
    .files_ok = 2,
    .rejects = "a.csv 2 open x2,tue,a2\nc.csv 2 open c7,7\n",
};
static const sim_scenario sqlite_rescue = {
    .name = "sqlite_rescue",
    .table = COLUMNS "  on_bad_row: rescue\n" NOT_NO SQLITE(""),
    .files = files_with_bad_rows,
    .expected = " a2\n b4\n" GOOD,
    .files_ok = 3,
    .rejects = "b.csv 2 open 5,mon,no\nc.csv 2 open c7,7\n",
};
static const sim_scenario sqlite_reload = {
    .name = "sqlite_reload",
    .table = COLUMNS BAD "  batch: {max_files: 2}\n  on_change: reload\n" SQLITE(""),
    .files = files_with_bad_rows,
    .expected = "1 a1\n3 a3\n4 b4\n6 c6\n8 c8\n",
    .files_ok = 3,
    .changed = {"b.csv", "id,day,value\n4,tue,b4\nx9,mon,b9\n"},
    .rejects = "a.csv 2 open x2,tue,a2\nb.csv 1 superseded x4,tue,b4\nb.csv 2 open x9,mon,b9\n"
               "b.csv 2 superseded 5,mon,no\nc.csv 2 open c7,7\n",
};
static const sim_scenario sqlite_unload = {
    .name = "sqlite_unload",
    .table = COLUMNS BAD SQLITE(""),
    .files = files_with_bad_rows,
    .expected = "6 c6\n8 c8\n",
    .files_ok = 2,
    .unloaded = "a.csv",
    .rejects = "a.csv 2 superseded x2,tue,a2\nb.csv 1 open x4,tue,b4\nb.csv 2 open 5,mon,no\n"
               "c.csv 2 open c7,7\n",
};

/* ---- which sweeps go over which */

/* Two at once do the steps behind their runs as they like: those that undo what the other has done
 * have no one outcome. */
#define ALONE (SIM_ALL & ~(unsigned)SIM_SCHEDULES)

/* Who sleeps with the lock of a database keeps all others waiting, by the clock of the machine. */
#define DATABASE (SIM_FAULTS | SIM_KILLS)

const sim_listed sim_scenarios[] = {
    {&sim_append, SIM_ALL},
    {&sim_partitioned, SIM_ALL},
    {&sim_upsert, SIM_ALL},
    {&sim_append_once, SIM_ALL},
    {&sim_overwrite, SIM_ALL},
    {&sim_scd2, SIM_ALL},
    {&sim_bad_file, SIM_ALL},
    {&sim_two_tables, SIM_ALL & ~(unsigned)SIM_KILLS},
    {&fed, SIM_ALL},
    {&fed_upsert, SIM_ALL & ~(unsigned)SIM_KILLS},
    {&sim_reload, SIM_ALL},
    {&sim_restored, ALONE},
    {&sim_unload, ALONE},
    {&sim_parquet, SIM_ALL},
    {&sim_csv, SIM_ALL},
    {&sim_quarantine, SIM_ALL},
    {&limits, SIM_ALL},
    {&skip, SIM_ALL},
    {&rescue, SIM_ALL},
    {&replay, SIM_ALL},
    {&replay_csv, SIM_ALL},
    {&replay_upsert, SIM_ALL},
    {&bad_append_once, SIM_ALL},
    {&bad_overwrite, SIM_ALL},
    {&bad_scd2, SIM_ALL},
    {&bad_reload, SIM_ALL},
    {&bad_unload, ALONE},
    {&anew, ALONE},
    {&maintained, SIM_ALL},
    {&doubled, ALONE},
    {&rewritten, SIM_ALL},
    {&partitions, SIM_ALL},
    {&partitions_csv, SIM_ALL},
    {&partitions_parquet, SIM_ALL},
    {&overwrite_csv, SIM_ALL},
    {&overwrite_parquet, SIM_ALL},
    {&append_once_parquet, SIM_ALL},
    {&append_once_csv, SIM_ALL},
    {&append_csv, SIM_ALL},
    {&sqlite_append, DATABASE},
    {&sqlite_upsert, DATABASE},
    {&sqlite_append_once, DATABASE},
    {&sqlite_overwrite, DATABASE},
    {&sqlite_scd2, DATABASE},
    {&sqlite_limits, DATABASE},
    {&sqlite_rescue, DATABASE},
    {&sqlite_reload, DATABASE},
    {&sqlite_unload, DATABASE},
};
const size_t sim_scenario_count = SILT_COUNT(sim_scenarios);

const sim_scenario *sim_next_scenario(sim_sweep sweep, size_t *at)
{
    while (*at < sim_scenario_count) {
        const sim_listed *item = &sim_scenarios[(*at)++];
        if (item->sweeps & (unsigned)sweep) return item->scenario;
    }
    return NULL;
}

size_t sim_tests(sim_sweep sweep, void (*fn)(void **state), struct CMUnitTest *tests)
{
    _Static_assert(SILT_COUNT(sim_scenarios) <= SIM_SCENARIOS_MAX, "room for each");
    const sim_scenario *scenario;
    size_t count = 0;
    for (size_t at = 0; (scenario = sim_next_scenario(sweep, &at));)
        tests[count++] = (struct CMUnitTest){
            .name = scenario->name, .test_func = fn, .initial_state = (void *)(uintptr_t)scenario};
    return count;
}
