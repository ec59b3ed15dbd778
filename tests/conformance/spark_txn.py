"""What test_txn_features.py asks of Spark: `make FOLDER` makes tables, `go_on FOLDER` tells what it reads of them,
then writes on. One JSON object on the last line of standard output."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from golden.spark_session import start  # noqa: E402

TABLES = {
    "row_ids": ("", "'delta.enableRowTracking' = 'true'"),
    "timestamps": ("", "'delta.enableInCommitTimestamps' = 'true'"),
    "clustered": ("CLUSTER BY (id)", "'delta.feature.vacuumProtocolCheck' = 'supported'"),
    "supported_only": ("", "'delta.feature.rowTracking' = 'supported', 'delta.feature.inCommitTimestamp' = 'supported'"),
    "all": ("CLUSTER BY (v)", "'delta.enableRowTracking' = 'true', 'delta.enableInCommitTimestamps' = 'true', "
                              "'delta.checkpointInterval' = '3'"),
    "partitioned": ("PARTITIONED BY (v)", "'delta.enableRowTracking' = 'true', 'delta.enableInCommitTimestamps' = 'true'"),
}


def told(spark, path):
    """Rows with their ids, and the history, oldest first."""
    table = spark.read.format("delta").load(str(path))
    tracked = spark.sql(f"SHOW TBLPROPERTIES delta.`{path}`").where("key = 'delta.enableRowTracking'").count()
    ids = ["_metadata.row_id", "_metadata.row_commit_version"] if tracked else []
    rows = [list(r) for r in table.orderBy("id").select("id", "v", *ids).collect()]
    history = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").selectExpr(
        "version", "unix_millis(timestamp) AS ms", "operation", "engineInfo", "isBlindAppend").orderBy("version")
    return {"rows": rows, "history": [r.asDict() for r in history.collect()]}


def main(mode, folder):
    spark = start()
    out = {}
    for name, (clause, properties) in TABLES.items():
        path = folder / name
        if mode == "make":
            spark.sql(f"CREATE TABLE delta.`{path}` (id BIGINT, v STRING) USING delta {clause} TBLPROPERTIES ({properties})")
            spark.sql(f"INSERT INTO delta.`{path}` SELECT id, 'spark' FROM range(5)")
            continue
        out[name] = [told(spark, path)]
        spark.sql(f"UPDATE delta.`{path}` SET v = 'updated' WHERE id = 101")
        spark.sql(f"INSERT INTO delta.`{path}` VALUES (200, 'spark')")
        out[name].append(told(spark, path))
    print(json.dumps(out))


main(sys.argv[1], Path(sys.argv[2]))
