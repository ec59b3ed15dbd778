"""Spark's side of test_edits.py.

    spark_edits.py make FOLDER      tables of its own, by what Silt can't make itself
    spark_edits.py read TABLE…      a JSON line for each: rows of each version, feed, history, row ids
    spark_edits.py go TABLE…        edits them on; a JSON line for each: the rows
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import spark_session  # noqa: E402

TABLES = {
    "spark_dv": ("", "'delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true'"),
    "spark_cluster": ("CLUSTER BY (id, v)", "'delta.enableDeletionVectors' = 'true'"),
}


def make(spark, folder):
    for name, (shape, properties) in TABLES.items():
        at = f"delta.`{folder}/{name}`"
        spark.sql(f"CREATE TABLE {at} (id BIGINT, p STRING, v BIGINT) USING delta {shape} TBLPROPERTIES ({properties})")
        for start in (0, 20, 40):
            spark.sql(f"INSERT INTO {at} SELECT id, CONCAT('p', id % 3), CASE WHEN id % 7 = 0 THEN NULL ELSE id * 10 END "
                      f"FROM range({start}, {start + 20})")
        spark.sql(f"DELETE FROM {at} WHERE id IN (5, 25)")


def listed(frame, *columns):
    return sorted(([r[c] for c in columns] for r in frame.select(*columns).collect()), key=str)


def read(spark, table):
    reader = spark.read.format("delta")
    history = spark.sql(f"DESCRIBE HISTORY delta.`{table}`").orderBy("version").collect()
    properties = spark.sql(f"SHOW TBLPROPERTIES delta.`{table}`").collect()
    on = {r["key"] for r in properties if r["value"] == "true"}
    out = {"versions": {}, "feed": None, "row_ids": None,
           "history": [[h["operation"], h["operationParameters"], h["operationMetrics"]] for h in history]}
    last = history[-1]["version"]
    for v in range(last, 3, -2):
        out["versions"][v] = listed(reader.option("versionAsOf", v).load(table), "id", "p", "v")
    if "delta.enableChangeDataFeed" in on:
        feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1).load(table)
        out["feed"] = listed(feed, "_commit_version", "_change_type", "id", "p", "v")
    if "delta.enableRowTracking" in on:
        rows = spark.read.format("delta").load(table).selectExpr("id", "_metadata.row_id AS r",
                                                                 "_metadata.row_commit_version AS c")
        out["row_ids"] = listed(rows, "id", "r", "c")
    return out


def go(spark, table):
    at = f"delta.`{table}`"
    spark.sql(f"DELETE FROM {at} WHERE id % 10 = 8")
    spark.sql(f"UPDATE {at} SET v = -id WHERE id % 10 = 1")
    spark.sql(f"MERGE INTO {at} t USING (SELECT CAST(id AS BIGINT) AS id FROM range(55, 65)) s ON t.id = s.id "
              "WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED THEN INSERT (id, p, v) VALUES (s.id, 'p0', 2)")
    spark.sql(f"OPTIMIZE {at}")
    return listed(spark.read.format("delta").load(table), "id", "p", "v")


def main():
    spark = spark_session.start()
    what, *names = sys.argv[1:]
    for name in names:
        if what == "make":
            make(spark, name)
        else:
            print(json.dumps({"read": read, "go": go}[what](spark, name)), flush=True)
    spark.stop()


main()
