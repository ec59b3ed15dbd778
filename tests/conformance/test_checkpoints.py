"""Tables of Spark that Silt looks after: Spark, deltalake and DuckDB read the checkpoints, and go on writing.

Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
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


def test_checkpoints_of_each_form(silt, read_deltalake, read_duckdb):
    spark("make", silt.dir)
    before = {}
    for name in NAMES:
        table = silt.dir / name
        before[name] = rows(silt, table)
        more = ["--parts", 3] if name == "parts" else []
        made = silt("checkpoint", table, *more, "--json").json
        assert made["form"] == {"v2": "v2", "parts": "multi-part", "dv": "classic"}[name]
        forget_commits(table, made["version"])
        assert rows(silt, table) == before[name] and len(before[name]) == 57
    tables = [silt.dir / n for n in NAMES]
    for name, seen in zip(NAMES, spark("read", *tables)):
        assert sorted(seen["rows"]) == before[name], name
    for name, table in zip(NAMES, tables):
        for read in (read_deltalake, read_duckdb):
            got = read(table)
            assert sorted(map(list, zip(got["id"].to_pylist(), got["day"].to_pylist()))) == before[name], name
    spark("append", *tables)
    for name, table in zip(NAMES, tables):
        assert rows(silt, table) == sorted(before[name] + [[5000, "9"]]), name


def test_restored_and_vacuumed(silt):
    spark("make", silt.dir)
    tables = [silt.dir / n for n in NAMES]
    wanted = {}
    for name, table in zip(NAMES, tables):
        wanted[name] = rows(silt, table, "--version", 2)
        assert len(wanted[name]) == 60
        silt("restore", table, "--version", 2)
        assert silt("vacuum", table, "--retention-hours", 0, "--yes", "--json").json["files_deleted"] > 0
        assert rows(silt, table) == wanted[name]
    for name, seen in zip(NAMES, spark("read", *tables)):
        assert sorted(seen["rows"]) == wanted[name], name
    spark("append", *tables)
    for name, table in zip(NAMES, tables):
        assert rows(silt, table) == sorted(wanted[name] + [[5000, "9"]]), name
