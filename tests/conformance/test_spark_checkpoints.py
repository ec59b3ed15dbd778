"""Tables of Spark that Silt looks after: Spark, deltalake and DuckDB read the checkpoints, and go on writing.

Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]
NAMES = ["v2", "parts", "dv"]


def spark(what, *paths):
    out = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_upkeep.py", what, *map(str, paths)], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=1200).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def rows(silt, table, *more):
    lines = silt("read", table, "--columns", "id,day", "--json", *more).out.splitlines()
    return sorted([r["id"], r["day"]] for r in map(json.loads, lines))


def log(table, pattern):
    return sorted((table / "_delta_log").glob(pattern))


def forget_commits(table, version):
    """What is before the checkpoint is told by it alone."""
    for path in log(table, "*.json") + log(table, "*.crc"):
        if path.name[:20].isdigit() and len(path.name) < 26 and int(path.name[:20]) < version:
            path.unlink()


def pairs(table):
    return sorted(map(list, zip(table["id"].to_pylist(), table["day"].to_pylist())))


def checkpointed(silt, table, name):
    """Told by the checkpoint alone; the rows."""
    before = rows(silt, table)
    made = silt("checkpoint", table, *(["--parts", 3] if name == "parts" else []), "--json").json
    assert made["form"] == {"v2": "v2", "parts": "multi-part", "dv": "classic"}[name]
    forget_commits(table, made["version"])
    assert rows(silt, table) == before and len(before) == 57
    return before


def restored(silt, table):
    """And nothing else is left; the rows."""
    wanted = rows(silt, table, "--version", 2)
    assert len(wanted) == 60
    silt("restore", table, "--version", 2)
    assert silt("vacuum", table, "--retention-hours", 0, "--yes", "--json").json["files_deleted"] > 0
    assert rows(silt, table) == wanted
    return wanted


def test_spark_reads_and_goes_on(silt, read_deltalake, read_duckdb):
    spark("make", silt.dir / "checkpointed")
    shutil.copytree(silt.dir / "checkpointed", silt.dir / "restored")
    wanted = {}
    for name in NAMES:
        wanted[silt.dir / "checkpointed" / name] = checkpointed(silt, silt.dir / "checkpointed" / name, name)
        wanted[silt.dir / "restored" / name] = restored(silt, silt.dir / "restored" / name)
    for table, expected in wanted.items():
        for read in (read_deltalake, read_duckdb):
            assert pairs(read(table)) == expected, table
    for (table, expected), seen in zip(wanted.items(), spark("read", *wanted)):
        assert sorted(seen["rows"]) == expected, table
        assert rows(silt, table) == sorted(expected + [[5000, "9"]]), f"{table}: written on by Spark"
