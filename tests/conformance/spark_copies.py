"""What test_copies.py asks of Spark: rows, count and the first operation of each table that is named, then a write of
its own. One JSON object on the last line of standard output."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from golden.spark_session import start  # noqa: E402


def main(paths):
    spark, out = start(), {}
    for path in paths:
        table = spark.read.format("delta").load(path)
        history = spark.sql(f"DESCRIBE HISTORY delta.`{path}`").orderBy("version").collect()
        column = table.columns[0]
        out[path] = {"count": table.count(), "first": history[0]["operation"],
                     "metrics": history[0]["operationMetrics"],
                     "values": sorted(str(r[0]) for r in table.select(column).collect()), "column": column}
        spark.sql(f"DELETE FROM delta.`{path}`")
        out[path]["after"] = spark.read.format("delta").load(path).count()
    print(json.dumps(out))


main(sys.argv[1:])
