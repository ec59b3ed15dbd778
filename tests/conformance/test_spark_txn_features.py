"""Tables with row tracking, in-commit timestamps, clustering and vacuumProtocolCheck, by Spark: Silt appends, Spark
reads what it should and writes on, Silt reads that. Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import subprocess
from pathlib import Path

import pytest

from conftest import Silt

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()
TABLES = ["row_ids", "timestamps", "clustered", "supported_only", "all", "partitioned"]
ROW_IDS = ("row_ids", "all", "partitioned")       # rows keep their ids
TIMESTAMPS = ("timestamps", "all", "partitioned")  # commits are dated

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]


def spark(mode, folder):
    p = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_txn.py", mode, folder], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=1800)
    assert p.returncode == 0, p.stderr[-3000:]
    return json.loads(p.stdout.strip().splitlines()[-1])


def append(silt, table, ids):
    """A batch of a pipeline of its own for the table: one more commit."""
    n = ids[0]
    silt.write(f"in/{table}/{n}.csv", "id,v\n" + "".join(f"{i},silt\n" for i in ids))
    silt.write(f"{table}.json", json.dumps({
        "pipeline": table, "checkpoint_path": f"state/{table}",
        "tables": [{"table_name": "t", "source": {"path": f"in/{table}/*.csv"}, "loading_strategy": "append",
                    "audit_columns": False, "write": {"path": str(silt.dir / "lake" / table)}}]}))
    assert silt("run", "--config", f"{table}.json", "--json").json["rows"] == len(ids)


def rows_by_silt(silt, table):
    ids = ["--row-ids"] if table in ROW_IDS else []
    lines = [json.loads(line) for line in silt("read", f"lake/{table}", *ids, "--json").out.splitlines()]
    return sorted(list(row.values()) for row in lines)


@pytest.fixture(scope="module")
def told(silt_binary, tmp_path_factory):
    """What Spark read after Silt's two appends, and after two commits of its own; and the Silt that was used."""
    silt = Silt(silt_binary, tmp_path_factory.mktemp("txn"))
    spark("make", silt.dir / "lake")
    for table in TABLES:
        append(silt, table, [100, 101, 102])
        append(silt, table, [103])
    before = {table: rows_by_silt(silt, table) for table in TABLES}
    return silt, before, spark("go_on", silt.dir / "lake")


def commits(silt, table):
    """The actions of each commit, by kind."""
    log = sorted((silt.dir / "lake" / table / "_delta_log").glob("*.json"))
    return [[json.loads(line) for line in commit.read_text().splitlines()] for commit in log]


@pytest.mark.parametrize("table", TABLES)
def test_spark_reads_what_silt_appended(told, table):
    silt, before, by_spark = told
    assert by_spark[table][0]["rows"] == before[table]
    assert [row[0] for row in before[table]] == [0, 1, 2, 3, 4, 100, 101, 102, 103]


@pytest.mark.parametrize("table", TABLES)
def test_silt_reads_what_spark_wrote_on(told, table):
    silt, before, by_spark = told
    rows = rows_by_silt(silt, table)
    assert by_spark[table][1]["rows"] == rows
    assert [row[1] for row in rows if row[0] in (101, 200)] == ["updated", "spark"]


@pytest.mark.parametrize("table", ROW_IDS)
def test_each_row_keeps_its_id(told, table):
    silt, before, by_spark = told
    was = {row[0]: row[2] for row in before[table]}
    now = {row[0]: row[2] for row in by_spark[table][1]["rows"]}
    assert len(set(now.values())) == len(now)
    assert {key: now[key] for key in was} == was


@pytest.mark.parametrize("table", ("row_ids", "supported_only", "all", "partitioned"))
def test_files_of_silt_have_row_ids(told, table):
    silt, *_ = told
    ends = []
    for version, actions in enumerate(commits(silt, table)):
        for action in actions:
            if "add" in action:
                add = action["add"]
                count = json.loads(add["stats"])["numRecords"]
                assert add["defaultRowCommitVersion"] == version
                ends.append((add["baseRowId"], add["baseRowId"] + count))
    ends.sort()
    assert all(a[1] <= b[0] for a, b in zip(ends, ends[1:])), ends


@pytest.mark.parametrize("table", TIMESTAMPS)
def test_commits_of_silt_are_dated(told, table):
    silt, before, by_spark = told
    dated = [actions[0]["commitInfo"]["inCommitTimestamp"] for actions in commits(silt, table)]
    assert dated == sorted(set(dated))
    assert [h["ms"] for h in by_spark[table][1]["history"]] == dated
    for entry in silt("history", f"lake/{table}", "--json").out.splitlines():
        assert json.loads(entry)["version"] < len(dated)


@pytest.mark.parametrize("table", TABLES)
def test_history_names_who_did_what(told, table):
    silt, before, by_spark = told
    ours = [h for h in by_spark[table][1]["history"] if h["engineInfo"].startswith("silt/")]
    assert [h["operation"] for h in ours] == ["WRITE", "WRITE"] and all(h["isBlindAppend"] for h in ours)
