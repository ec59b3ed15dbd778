"""Tables of Spark with each writer feature: Silt appends and overwrites, Spark reads that and writes on, Silt reads.

Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import subprocess
from pathlib import Path

import pytest

from conftest import Silt

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]

COLUMNS = "id BIGINT, name STRING, m INT"
NEW = "id,name,m\n1,a,1\n2,b,1\n3,c,2\n"
MORE = "id,name,m\n4,d,2\n5,e,3\n"
APPEND = [["new.csv"], ["more.csv"]]
REPLACE = [["new.csv"], ["more.csv", "--mode", "overwrite", "--where", "id > 3"],
           ["--sql", "SELECT 2::BIGINT AS id, 'B' AS name, 7::INT AS m", "--mode", "overwrite", "--where", "id = 2"]]
DYNAMIC = [["new.csv"], ["more.csv", "--mode", "overwrite", "--partition-overwrite", "dynamic"]]
OVERWRITE = [["new.csv"], ["more.csv", "--mode", "overwrite"]]
INSERT = ["INSERT INTO {t} (id, name, m) VALUES (9, 'z', 3)"]


def properties(**pairs):
    return "TBLPROPERTIES (" + ", ".join(f"'delta.{k.replace('_', '.')}'='{v}'" for k, v in pairs.items()) + ")"


BY_NAME = properties(columnMapping_mode="name")

# name: columns, options; Spark's statements before; Silt's writes; Spark's statements afterwards
CASES = {
    "plain": (COLUMNS, "", [], REPLACE, INSERT),
    "partitioned": (COLUMNS, "PARTITIONED BY (m)", [], DYNAMIC, INSERT),
    "by_name": (COLUMNS, BY_NAME, ["INSERT INTO {t} VALUES (0, 'before', 0)"], REPLACE, INSERT),
    "by_id": (COLUMNS, properties(columnMapping_mode="id"), ["INSERT INTO {t} VALUES (0, 'before', 0)"], APPEND, INSERT),
    "mapped_partitioned": (COLUMNS, "PARTITIONED BY (m) " + BY_NAME, ["INSERT INTO {t} VALUES (0, 'before', 0)"], DYNAMIC,
                           INSERT),
    "renamed": ("id BIGINT, label STRING, m INT", BY_NAME,
                ["INSERT INTO {t} VALUES (0, 'before', 0)", "ALTER TABLE {t} RENAME COLUMN label TO name"], APPEND, INSERT),
    "nested": ("id BIGINT, s STRUCT<a: INT, l: ARRAY<STRUCT<b: STRING>>>", BY_NAME, [],
               [["--sql", "SELECT 1::BIGINT AS id, {'a': 5::INT, 'l': [{'b': 'x'}]} AS s"]],
               ["INSERT INTO {t} SELECT 2L, named_struct('a', 6, 'l', array(named_struct('b', 'y')))"]),
    "checked": (COLUMNS, "", ["ALTER TABLE {t} ADD CONSTRAINT positive CHECK (id > 0)"], OVERWRITE, INSERT),
    "generated": (COLUMNS + ", twice BIGINT GENERATED ALWAYS AS (id * 2)", "PARTITIONED BY (twice)", [], APPEND, INSERT),
    "defaults": (COLUMNS + ", d STRING DEFAULT 'none'", properties(feature_allowColumnDefaults="supported"), [], APPEND,
                 INSERT),
    "identity": (COLUMNS + ", nr BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5)", "",
                 ["INSERT INTO {t} (id, name, m) VALUES (0, 'before', 0)"], APPEND, INSERT),
    "rows": (COLUMNS, properties(enableRowTracking="true"), ["INSERT INTO {t} VALUES (0, 'before', 0)"], REPLACE, INSERT),
    "dated": (COLUMNS, properties(enableInCommitTimestamps="true"), [], OVERWRITE, INSERT),
    "feed": (COLUMNS, properties(enableChangeDataFeed="true"), [], OVERWRITE, INSERT),
    "vectors": (COLUMNS, properties(enableDeletionVectors="true"),
                ["INSERT INTO {t} VALUES (2, 'before', 0), (8, 'before', 0)", "DELETE FROM {t} WHERE id = 8"], REPLACE,
                INSERT),
    "widened": ("id INT, name STRING, m INT", properties(enableTypeWidening="true"),
                ["INSERT INTO {t} VALUES (0, 'before', 0)", "ALTER TABLE {t} ALTER COLUMN id TYPE BIGINT"], APPEND, INSERT),
}


def spark(folder, what):
    done = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_writes.py", folder, what], capture_output=True,
                          text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads((folder / f"{what}.json").read_text())


def rows_of(silt, name):
    return [json.loads(line) for line in silt("read", name, "--format", "json").out.splitlines()]


def in_order(rows):
    """Without nulls, which Spark's JSON leaves out."""
    kept = [{k: v for k, v in row.items() if v is not None} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.fixture(scope="module")
def worked(silt_binary, tmp_path_factory):
    """What Silt and Spark have of each table, before and after Spark wrote on."""
    folder = tmp_path_factory.mktemp("writes")
    silt = Silt(silt_binary, folder)
    silt.write("new.csv", NEW)
    silt.write("more.csv", MORE)
    (folder / "cases.json").write_text(json.dumps(
        {name: {"create": case[:2], "before": case[2], "after": case[4]} for name, case in CASES.items()}))
    spark(folder, "make")
    ours = {}
    for name, case in CASES.items():
        for args in case[3]:
            silt("write", name, *args)
        ours[name] = rows_of(silt, name)
    seen = spark(folder, "check")
    return {name: (ours[name], seen[name], rows_of(silt, name)) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_spark_has_what_silt_wrote_and_writes_on(worked, name):
    ours, seen, after = worked[name]
    assert in_order(ours) == in_order(seen["rows"]) and ours
    assert in_order(after) == in_order(seen["after"])
    assert len(after) == len(ours) + 1


def test_what_is_computed(worked):
    assert sorted(row["twice"] for row in worked["generated"][0]) == [2, 4, 6, 8, 10]
    assert {row["d"] for row in worked["defaults"][2]} == {"none"}
    numbers = [row["nr"] for row in worked["identity"][2]]
    assert len(set(numbers)) == 7 and all(n >= 10 and n % 5 == 0 for n in numbers)
