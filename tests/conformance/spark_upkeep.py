"""Spark's side of test_checkpoints.py.

    spark_upkeep.py make FOLDER          tables of its own: v2, parts, dv
    spark_upkeep.py read TABLE…          a JSON line for each: its rows; then one row more is written
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import spark_session  # noqa: E402

SHAPE = "(id BIGINT, day STRING) USING delta PARTITIONED BY (day)"
TABLES = {
    "v2": "'delta.checkpointPolicy' = 'v2', 'delta.enableRowTracking' = 'true'",
    "parts": "'delta.setTransactionRetentionDuration' = 'interval 1 days'",
    "dv": "'delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true', "
          "'delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpoint.writeStatsAsJson' = 'false'",
}


def make(spark, folder):
    for name, properties in TABLES.items():
        at = f"delta.`{folder}/{name}`"
        spark.sql(f"CREATE TABLE {at} {SHAPE} TBLPROPERTIES ({properties}, 'delta.checkpointInterval' = '1000')")
        spark.sql(f"INSERT INTO {at} SELECT id, CAST(id % 3 AS STRING) FROM range(0, 30)")
        spark.sql(f"INSERT INTO {at} SELECT id, CAST(id % 3 AS STRING) FROM range(30, 60)")
        spark.sql(f"DELETE FROM {at} WHERE id IN (3, 33, 45)")
        spark.sql(f"UPDATE {at} SET id = id + 1000 WHERE id = 7")


def read(spark, table):
    rows = spark.read.format("delta").load(table).collect()
    spark.sql(f"INSERT INTO delta.`{table}` VALUES (5000, '9')")
    return {"rows": [[r["id"], r["day"]] for r in rows]}


def main():
    spark = spark_session.start()
    what, *names = sys.argv[1:]
    for name in names:
        if what == "make":
            make(spark, name)
        else:
            print(json.dumps(read(spark, name)), flush=True)
    spark.stop()


main()
