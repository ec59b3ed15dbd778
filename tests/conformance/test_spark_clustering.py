"""Clustered tables: Spark's OPTIMIZE knows what Silt has clustered, and Silt's what Spark has. Needs
scripts/setup_spark.sh; `make conformance` runs it."""
import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]


def test_spark_and_silt_cluster_on(silt):
    silt("create", "t", "--schema", "a int, b date, c string", "--cluster-by", "a,b")
    for i in range(3):
        lines = "".join(f"{(j * 37 + i) % 500},2024-01-{j % 28 + 1:02},x{j}\n" for j in range(200))
        (silt.dir / f"{i}.csv").write_text("a,b,c\n" + lines)
        silt("write", "t", f"{i}.csv")
    assert silt("optimize", "t", "--json").json["files_removed"] == 3
    p = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_clustering.py", silt.dir / "t"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=1800)
    assert p.returncode == 0, p.stderr[-3000:]
    told = json.loads(p.stdout.strip().splitlines()[-1])
    assert told["columns"] == ["a", "b"] and told["count"] == 600
    assert told["first"] == 0, "one cube, and nothing new: Spark leaves it"
    assert told["second"] > 0 and told["after"] == 602
    assert silt("optimize", "t", "--json").json["outcome"] == "nothing", "Spark has clustered all of it"
    assert silt("read", "t", "--format", "json").out.count("\n") == 602
