"""Spark's side of test_spark_merges.py.

    spark_merges.py make FOLDER    tables of its own, by what Silt can't make itself
    spark_merges.py compare FILE   JSON lines of {table, copy, sources, merges}: merges the copy as Silt has merged the table, and
                                   prints a line for each: versions, feed and row ids of both
    spark_merges.py go TABLE…      merges and edits them on; a JSON line for each: the rows
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import spark_session  # noqa: E402

COLUMNS = ["id", "p", "v", "name"]
TABLES = {
    "spark_dv": ("", "'delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true'"),
    "spark_rows": ("PARTITIONED BY (p)", "'delta.enableRowTracking' = 'true', 'delta.columnMapping.mode' = 'name'"),
}


def make(spark, folder):
    for name, (shape, properties) in TABLES.items():
        at = f"delta.`{folder}/{name}`"
        spark.sql(f"CREATE TABLE {at} (id BIGINT, p STRING, v BIGINT, name STRING) USING delta {shape} "
                  f"TBLPROPERTIES ({properties})")
        for start in (0, 20, 40):
            spark.sql(f"INSERT INTO {at} SELECT id, CONCAT('p', id % 3), CASE WHEN id % 7 = 0 THEN NULL ELSE id * 10 END, "
                      f"CONCAT('n', id) FROM range({start}, {start + 20})")
        spark.sql(f"DELETE FROM {at} WHERE id IN (5, 25)")


def listed(frame, columns):
    return sorted(([r[c] for c in columns] for r in frame.select(*columns).collect()), key=str)


def seen(spark, table, since):
    """All that Spark sees of the versions after `since`."""
    reader = spark.read.format("delta")
    history = spark.sql(f"DESCRIBE HISTORY delta.`{table}`").orderBy("version").collect()
    on = {r["key"] for r in spark.sql(f"SHOW TBLPROPERTIES delta.`{table}`").collect() if r["value"] == "true"}
    out = {"versions": {v: listed(reader.option("versionAsOf", v).load(table), COLUMNS)
                        for v in range(since + 1, history[-1]["version"] + 1)},
           "feed": None, "row_ids": None,
           "metrics": [[h["operation"], h["operationMetrics"]] for h in history[since + 1:]]}
    if "delta.enableChangeDataFeed" in on:
        feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", since + 1).load(table)
        out["feed"] = listed(feed, ["_commit_version", "_change_type", *COLUMNS])
    if "delta.enableRowTracking" in on:
        rows = spark.read.format("delta").load(table).selectExpr(*COLUMNS, "_metadata.row_id AS r",
                                                                 "_metadata.row_commit_version AS c")
        out["row_ids"] = listed(rows, [*COLUMNS, "r", "c"])
    return out


def compare(spark, file):
    for line in Path(file).read_text().splitlines():
        job = json.loads(line)
        for source, (on, clauses) in zip(job["sources"], job["merges"], strict=True):
            spark.sql(f"MERGE INTO delta.`{job['copy']}` t USING parquet.`{source}` s ON {on} {' '.join(clauses)}")
        print(json.dumps([seen(spark, job[t], job["since"]) for t in ("table", "copy")]), flush=True)


def go(spark, table):
    at = f"delta.`{table}`"
    spark.sql(f"MERGE INTO {at} t USING (SELECT CAST(id AS BIGINT) AS id FROM range(30, 70)) s ON t.id = s.id "
              "WHEN MATCHED AND t.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET v = t.v + 1 "
              "WHEN NOT MATCHED THEN INSERT (id, p, v) VALUES (s.id, 'p0', 2)")
    spark.sql(f"UPDATE {at} SET v = -id WHERE id % 10 = 1")
    spark.sql(f"DELETE FROM {at} WHERE id % 10 = 8")
    spark.sql(f"OPTIMIZE {at}")
    print(json.dumps(listed(spark.read.format("delta").load(table), COLUMNS)), flush=True)


def main():
    what, *names = sys.argv[1:]
    spark = spark_session.start()
    for name in names:
        {"make": make, "compare": compare, "go": go}[what](spark, name)
    spark.stop()


main()
