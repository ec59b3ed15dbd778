"""spark_writes.py FOLDER make | check: tables by Spark for test_writes.py, and what Spark has of them afterwards."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from spark_session import start  # noqa: E402

folder, what = sys.argv[1:]
with open(os.path.join(folder, "cases.json")) as f:
    cases = json.load(f)
spark = start()
seen = {}
for name, case in cases.items():
    table = f"delta.`{folder}/{name}`"
    if what == "make":
        columns, options = case["create"]
        spark.sql(f"CREATE TABLE {table} ({columns}) USING delta {options}")
        for statement in case["before"]:
            spark.sql(statement.format(t=table))
        continue
    seen[name] = {"rows": [json.loads(row) for row in spark.table(table).toJSON().collect()]}
    for statement in case["after"]:
        spark.sql(statement.format(t=table))
    seen[name]["after"] = [json.loads(row) for row in spark.table(table).toJSON().collect()]
with open(os.path.join(folder, f"{what}.json"), "w") as f:
    json.dump(seen, f)
spark.stop()
