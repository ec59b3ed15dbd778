"""Spark's side of the conformance matrix: a question a line on standard input, an answer a line on standard output, each
with the question's id; two are worked on at once.

    {"do": "read", "table": …, "version": N or null, "row_ids": bool, "fresh": bool}
                     rows in their canonical form, schema, protocol, properties, whatever snapshot it has cached
    {"do": "tell", "table": …, "feed_from": N or null}        history, and the change data feed from a version on
    {"do": "find", "table": …, "where": [conditions]}          how many rows each condition has, files skipped by statistics
    {"do": "sql", "statements": […]}                           run
"""
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import spark_session  # noqa: E402
from matrix_rows import canonical  # noqa: E402


def rows(frame):
    names = frame.columns
    return [{n: canonical(v) for n, v in zip(names, row)} for row in frame.collect()]


def read(spark, ask):
    table = ask["table"]
    logs = spark._jvm.org.apache.spark.sql.delta.DeltaLog
    if ask.get("fresh"):
        logs.clearCache()
    reader = spark.read.format("delta")
    if ask.get("version") is not None:
        reader = reader.option("versionAsOf", ask["version"])
    frame = reader.load(table)
    schema = json.loads(frame.schema.json())
    if ask.get("row_ids"):
        frame = frame.selectExpr("*", "_metadata.row_id AS _row_id", "_metadata.row_commit_version AS _row_commit_version")
    answer = {"rows": rows(frame), "schema": schema}
    if ask.get("version") is None:
        snapshot = logs.forTable(spark._jsparkSession, table).unsafeVolatileSnapshot()
        answer["version"] = snapshot.version()
        answer["protocol"] = json.loads(snapshot.protocol().json())["protocol"]
        answer["metadata"] = json.loads(snapshot.metadata().json())["metaData"]
    return answer


def tell(spark, ask):
    at = f"delta.`{ask['table']}`"
    history = spark.sql(f"DESCRIBE HISTORY {at}").collect()
    answer = {"history": [{"version": h["version"], "operation": h["operation"], "engine": h["engineInfo"],
                           "parameters": h["operationParameters"], "metrics": h["operationMetrics"]} for h in history]}
    if ask["feed_from"] is not None:
        feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", ask["feed_from"])
        answer["feed"] = rows(feed.load(ask["table"]).drop("_commit_timestamp"))
    return answer


def find(spark, ask):
    return [spark.read.format("delta").load(ask["table"]).where(w).count() for w in ask["where"]]


def sql(spark, ask):
    for statement in ask["statements"]:
        spark.sql(statement).collect()


DO = {"read": read, "tell": tell, "find": find, "sql": sql}


def main():
    answers, turn = os.fdopen(os.dup(1), "w"), threading.Lock()
    os.dup2(2, 1)  # whatever else is said
    spark = spark_session.start(cores=2)
    for key in ("spark.sql.codegen.wholeStage", "spark.sql.adaptive.enabled"):  # tables of a few rows gain nothing
        spark.conf.set(key, "false")
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")

    def work(ask):
        try:
            answer = {"answer": DO[ask["do"]](spark, ask)}
        except Exception as e:  # of the JVM: what it is tells the text
            answer = {"error": f"{type(e).__name__}: {str(e)[:1500]}"}
        with turn:
            print(json.dumps({"id": ask["id"], **answer}), file=answers, flush=True)
    with ThreadPoolExecutor(2) as two:
        for line in sys.stdin:
            two.submit(work, json.loads(line))
    spark.stop()


main()
