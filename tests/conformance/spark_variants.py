"""Spark's side of test_spark_variants.py.

    spark_variants.py make TABLE     a table with variants of its own
    spark_variants.py read TABLE…    a JSON line for each: rows (id, to_json, schema_of_variant, is null, is a variant's null, a key), feed
    spark_variants.py go TABLE…      edits them on; a JSON line for each: the rows
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import spark_session  # noqa: E402


def make(spark, table):
    at = f"delta.`{table}`"
    spark.sql(f"CREATE TABLE {at} (id BIGINT, v VARIANT) USING delta TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')")
    spark.sql(f"INSERT INTO {at} SELECT 1, parse_json('{{\"b\": 0.25, \"a\": [1, null]}}') UNION ALL SELECT 2, parse_json('null') "
              "UNION ALL SELECT 3, CAST(NULL AS VARIANT) UNION ALL SELECT 4, CAST(TIMESTAMP '2024-01-01 10:00:00Z' AS VARIANT) "
              "UNION ALL SELECT 5, CAST(DATE '2024-02-29' AS VARIANT) UNION ALL SELECT 6, CAST(1.5F AS VARIANT)")


def rows(spark, table):
    found = spark.sql(f"SELECT id, to_json(v) AS j, schema_of_variant(v) AS s, v IS NULL AS n, is_variant_null(v) AS vn, "
                      f"try_variant_get(v, '$.k299', 'int') AS k FROM delta.`{table}` ORDER BY id").collect()
    return [[r["id"], r["j"], r["s"], r["n"], bool(r["vn"]), r["k"]] for r in found]


def read(spark, table):
    properties = {r["key"]: r["value"] for r in spark.sql(f"SHOW TBLPROPERTIES delta.`{table}`").collect()}
    out = {"rows": rows(spark, table), "feed": None}
    if properties.get("delta.enableChangeDataFeed") == "true":
        feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1).load(table)
        found = feed.selectExpr("id", "to_json(v) AS j", "_change_type AS t", "_commit_version AS c").collect()
        out["feed"] = sorted(([r["c"], r["t"], r["id"], r["j"]] for r in found), key=str)
    return out


def go(spark, table):
    at = f"delta.`{table}`"
    spark.sql(f"UPDATE {at} SET v = parse_json('{{\"spark\": true}}') WHERE id = 1")
    spark.sql(f"DELETE FROM {at} WHERE id = 2")
    spark.sql(f"OPTIMIZE {at}")
    return {"rows": rows(spark, table)}


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
