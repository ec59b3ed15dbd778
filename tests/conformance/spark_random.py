"""Makes random tables by Spark and Delta, and what Spark reads from them: OUT/SEED/table, OUT/SEED/vV.parquet,
OUT/SEED/changes-A-B.parquet, OUT/SEED/case.json. Called by test_spark_reads.py.

    build/venv-spark/bin/python tests/conformance/spark_random.py OUT SEED…
"""
import json
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from make_spark import keep, plain  # noqa: E402
from spark_session import start  # noqa: E402

PROPERTIES = {
    "dv": "'delta.enableDeletionVectors' = 'true'",
    "feed": "'delta.enableChangeDataFeed' = 'true'",
    "name": "'delta.columnMapping.mode' = 'name'",
    "id": "'delta.columnMapping.mode' = 'id'",
    "v2": "'delta.checkpointPolicy' = 'v2'",
    "rows": "'delta.enableRowTracking' = 'true'",
    "widen": "'delta.enableTypeWidening' = 'true'",
    "ict": "'delta.enableInCommitTimestamps' = 'true'",
    "struct": "'delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpoint.writeStatsAsJson' = 'false'",
}
SHAPES = ("", "PARTITIONED BY (p)", "PARTITIONED BY (p, d)", "CLUSTER BY (id)")


class Table:
    """One table in the making: what was done, and what may be done next."""

    def __init__(self, spark, seed, path):
        self.r, self.spark, self.path = random.Random(seed), spark, path
        self.t = f"delta.`{path}`"
        self.on = [k for k in PROPERTIES if self.r.random() < (0.8 if k in ("dv", "feed") else 0.4)]
        if "name" in self.on and "id" in self.on:
            self.on.remove("id")
        self.shape = self.r.choice(SHAPES)
        self.names = {"v": "v"}  # of columns that are renamed
        self.added, self.done, self.feed_from = 0, [], 0

    def q(self, text):
        self.done.append(text.replace(self.t, "t"))
        return self.spark.sql(text)

    def create(self):
        properties = ", ".join([PROPERTIES[k] for k in self.on] + [f"'delta.checkpointInterval' = '{self.r.choice((2, 3, 10))}'"])
        self.q(f"CREATE TABLE {self.t} (id INT, p STRING, d DATE, v DOUBLE, s STRUCT<a: INT, b: ARRAY<STRUCT<c: STRING>>>) "
               f"USING delta {self.shape} TBLPROPERTIES ({properties})")

    def rows(self, count):
        """A SELECT of rows with all the columns there are."""
        r, start_at = self.r, self.r.randrange(300)
        extra = "".join(f", CAST(id AS STRING) AS x{i}" for i in range(self.added))
        return (f"SELECT CAST(id AS INT) AS id, CASE id % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a=b/c %' ELSE CONCAT('p', id % 3) END AS p, "
                f"CASE WHEN id % 4 = 0 THEN NULL ELSE DATE_ADD(DATE '2024-02-28', CAST(id % 3 AS INT)) END AS d, "
                f"CASE id % 11 WHEN 0 THEN CAST('NaN' AS DOUBLE) WHEN 1 THEN NULL ELSE id / 7D END AS `{self.names['v']}`, "
                f"CASE WHEN id % 6 = 0 THEN NULL ELSE named_struct('a', CAST(id AS INT), 'b', CASE WHEN id % 2 = 0 THEN array(named_struct('c', CONCAT('c', id)), NULL) END) END AS s"
                f"{extra} FROM range({start_at}, {start_at + count})")

    def append(self):
        self.q(f"INSERT INTO {self.t} BY NAME {self.rows(self.r.choice((1, 5, 60)))}")

    def delete(self):
        self.q(f"DELETE FROM {self.t} WHERE {self.condition()}")

    def update(self):
        self.q(f"UPDATE {self.t} SET `{self.names['v']}` = -id WHERE {self.condition()}")

    def merge(self):
        v = self.names["v"]
        self.q(f"MERGE INTO {self.t} t USING (SELECT * FROM ({self.rows(20)})) s ON t.id = s.id AND t.p <=> s.p "
               f"WHEN MATCHED AND s.id % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET t.`{v}` = s.`{v}` WHEN NOT MATCHED THEN INSERT *")

    def condition(self):
        return self.r.choice(("id % 7 = 3", "id < 60", "p = 'p1'", "d IS NULL", "s.a > 100 AND p IS NOT NULL",
                              f"`{self.names['v']}` > 10", "id BETWEEN 20 AND 140"))

    def optimize(self):
        self.q(f"OPTIMIZE {self.t}")

    def add_column(self):
        self.q(f"ALTER TABLE {self.t} ADD COLUMN x{self.added} STRING")
        self.added += 1

    def rename(self):
        if "name" not in self.on and "id" not in self.on:
            return
        new = f"w {len(self.done)}"
        self.q(f"ALTER TABLE {self.t} RENAME COLUMN `{self.names['v']}` TO `{new}`")
        self.names["v"] = new
        self.feed_from = self.version() + 1  # the feed doesn't go across it

    def widen(self):
        if "widen" not in self.on or any("TYPE BIGINT" in x for x in self.done):
            return
        self.q(f"ALTER TABLE {self.t} ALTER COLUMN s.a TYPE BIGINT")
        self.feed_from = self.version() + 1

    def overwrite(self):
        self.done.append("overwrite where id < 80")
        frame = self.spark.sql(f"SELECT * FROM ({self.rows(90)}) WHERE id < 80")
        frame.write.format("delta").mode("overwrite").option("replaceWhere", "id < 80").save(self.path)

    def restore(self):
        if self.feed_from <= 1:
            self.q(f"RESTORE TABLE {self.t} TO VERSION AS OF {self.r.randrange(1, self.version() + 1)}")

    def version(self):
        log = os.path.join(self.path, "_delta_log")
        return max(int(x[:20]) for x in os.listdir(log) if x[:20].isdigit() and x.endswith(".json") and len(x) == 25)

    def run(self, steps):
        self.create()
        self.append()
        for _ in range(steps):
            step = self.r.choice((self.append, self.append, self.delete, self.delete, self.update, self.merge,
                                  self.optimize, self.add_column, self.rename, self.widen, self.overwrite, self.restore))
            try:
                step()
            except Exception as e:  # what Spark refuses isn't done
                self.done[-1] += f"  -- refused: {str(e)[:120]}"


def make(spark, out, seed):
    home = os.path.join(out, str(seed))
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    t = Table(spark, seed, os.path.join(home, "table"))
    t.run(9)
    last = t.version()
    for version in range(last + 1):
        keep(plain(spark.read.format("delta").option("versionAsOf", version).load(t.path)), home, f"v{version}")
    case = {"seed": seed, "properties": t.on, "shape": t.shape, "last": last, "done": t.done}
    if "feed" in t.on and t.feed_from < last:
        feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", t.feed_from).option("endingVersion", last).load(t.path)
        keep(feed.drop("_commit_timestamp"), home, f"changes-{t.feed_from}-{last}")
        case["feed"] = [t.feed_from, last]
    with open(os.path.join(home, "case.json"), "w") as f:
        json.dump(case, f, indent=1)


if __name__ == "__main__":
    session = start()
    for each in sys.argv[2:]:
        make(session, sys.argv[1], int(each))
        print("made", each, flush=True)
