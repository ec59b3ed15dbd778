"""Clones, migrations and exports of Silt: Spark reads their rows and history, and writes on; the sources stay as they
are. Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import subprocess
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()
GOLDEN = ["dv_large", "row_tracking", "partition_types", "in_commit_timestamps_later", "feed_partitioned_evolving",
          "checkpoint_v2_sidecars"]

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]


def count(silt, path):
    return silt("read", path, "--format", "json").out.count("\n")


def test_spark_reads_copies(silt):
    tables, sources = {}, {}
    for name in GOLDEN:
        with tarfile.open(ROOT / f"tests/golden/spark/{name}.tar.gz") as tar:
            tar.extractall(silt.dir / "in" / name, filter="data")
        source = next((silt.dir / "in" / name).rglob("_delta_log")).parent
        sources[source] = count(silt, source)
        for mode in ("--deep", "--shallow"):
            target = silt.dir / f"{name}{mode}"
            silt("clone", source, target, mode)
            tables[str(target)] = ("CLONE", sources[source])
        target = silt.dir / f"{name}-export"
        silt("export", source, target, "--format", "delta")
        tables[str(target)] = ("CREATE TABLE AS SELECT", sources[source])
    for i, folder in enumerate(("day=2024-01-01/kind=a%2Fb", "day=2024-01-02/kind=__HIVE_DEFAULT_PARTITION__")):
        path = silt.dir / "days" / folder / "1.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"id": [i, i + 10], "t": pa.array([0, 1], pa.timestamp("us", "UTC"))}), path)
    silt("migrate", "days", "migrated", "--verify")
    tables[str(silt.dir / "migrated")] = ("CONVERT", 4)
    for i, (kind, real) in enumerate(((pa.int16(), pa.float32()), (pa.int64(), pa.float64()), (pa.int32(), pa.float32()))):
        (silt.dir / "growing").mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": pa.array([i, 100 + i], kind), "x": pa.array([0.5, None], real)}),
                       silt.dir / f"growing/{i}.parquet")
    silt("migrate", "growing", "widened", "--widen", "--verify")
    tables[str(silt.dir / "widened")] = ("CONVERT", 6)
    p = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_copies.py", *tables], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=1800)
    assert p.returncode == 0, p.stderr[-3000:]
    told = json.loads(p.stdout.strip().splitlines()[-1])
    for path, (operation, rows) in tables.items():
        assert told[path]["count"] == rows and told[path]["first"] == operation, path
        assert told[path]["after"] == 0 == count(silt, path), path
    assert told[str(silt.dir / "widened")]["values"] == ["0", "1", "100", "101", "102", "2"]
    for source, rows in sources.items():
        assert count(silt, source) == rows, f"{source} isn't what it was"
