"""One Spark session with Delta, sized for small tables on few cores.

Needs what scripts/setup_spark.sh brings: PySpark in build/venv-spark, Delta's jars in build/deps/spark.
"""

import glob
import os

from pyspark.sql import SparkSession

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def start(cores=1):
    jars = sorted(glob.glob(os.path.join(ROOT, "build", "deps", "spark", "*.jar")))
    if not jars:
        raise SystemExit("no jars of Delta: run scripts/setup_spark.sh")
    # With one level of the compiler the JVM has 48 MB for code: the matrix fills them in two minutes, and the JVM interprets
    # from then on.
    java = "-Duser.timezone=UTC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
    settings = {
        "spark.jars": ",".join(jars),
        "spark.driver.extraJavaOptions": java,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "1",
        "spark.databricks.delta.retentionDurationCheck.enabled": "false",
        "spark.sql.warehouse.dir": "/tmp/silt-spark-warehouse",
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("golden")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
