"""What Spark says of tables, does to them, and says then: alter_spark.py FOLDER reads FOLDER/cases.json, writes
FOLDER/answers.json.

A case is {"table": path, "select": expressions, "sql": statements with {t} for the table}. Each statement is [text,
whether it has to fail]."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))

import spark_session # noqa: E402


def rows(spark, table, select):
    found = spark.sql(f"SELECT to_json(struct({select}), map('ignoreNullFields', 'false')) FROM {table}").collect()
    return sorted(r[0] for r in found)


def ask(spark, case):
    table = f"delta.`{case['table']}`"
    answer = {"failures": []}
    answer["schema"] = json.loads(spark.table(table).schema.json())
    answer["properties"] = {r["key"]: r["value"] for r in spark.sql(f"SHOW TBLPROPERTIES {table}").collect()}
    detail = spark.sql(f"DESCRIBE DETAIL {table}").collect()[0].asDict()
    answer["features"] = sorted(detail["tableFeatures"] or [])
    answer["clustering"] = detail.get("clusteringColumns")
    answer["before"] = rows(spark, table, case["select"])
    for statement, fails in case["sql"]:
        try:
            spark.sql(statement.replace("{t}", table)).collect()
            said = None
        except Exception as e: # of the JVM: what it is tells the text
            said = str(e)[:500]
        if (said is not None) != fails:
            answer["failures"].append([statement, said])
    answer["after"] = rows(spark, table, case["select"])
    return answer


def main(folder):
    cases = json.load(open(os.path.join(folder, "cases.json")))
    spark = spark_session.start()
    answers = {}
    for name, case in cases.items():
        try:
            answers[name] = ask(spark, case)
        except Exception as e:
            answers[name] = {"error": str(e)[:2000]}
    json.dump(answers, open(os.path.join(folder, "answers.json"), "w"), indent=1)
    spark.stop()


main(sys.argv[1])
