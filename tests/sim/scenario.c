/* What is loaded in simulations, and what has to come of it. */
#include "sim/world.h"

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
