"""What test_spark_clustering.py asks of Spark: OPTIMIZE of a table that Silt has clustered, and again with new rows. One
JSON object on the last line of standard output."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from golden.spark_session import start  # noqa: E402


def main(path):
    spark, out = start(), {}
    out["columns"] = list(spark.sql(f"DESCRIBE DETAIL delta.`{path}`").collect()[0]["clusteringColumns"])
    out["count"] = spark.read.format("delta").load(path).count()

    def optimize():
        metrics = spark.sql(f"OPTIMIZE delta.`{path}`").collect()[0]["metrics"]
        return metrics["numFilesRemoved"]
    out["first"] = optimize()
    spark.sql(f"INSERT INTO delta.`{path}` VALUES (7, DATE '2024-02-01', 'y'), (8, DATE '2024-02-02', 'z')")
    out["second"] = optimize()
    out["after"] = spark.read.format("delta").load(path).count()
    print(json.dumps(out))


main(sys.argv[1])
