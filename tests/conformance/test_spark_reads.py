"""Random tables by Spark: Silt reads at every version what Spark reads, and the same change feed.

Needs scripts/setup_spark.sh; `make conformance` runs it. SILT_SEEDS=first:last chooses the tables (12 of today
otherwise); a failure prints its seed and what was done."""
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from golden.compare import assert_same, load

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]


def seeds():
    given = os.environ.get("SILT_SEEDS")
    if given:
        first, last = map(int, given.split(":"))
        return range(first, last + 1)
    today = int(time.strftime("%Y%m%d")) * 100
    return range(today, today + 12)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("spark")
    subprocess.run([PYTHON, ROOT / "tests/conformance/spark_random.py", out, *map(str, seeds())], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3600)
    return out


@pytest.mark.parametrize("seed", seeds())
def test_rows_and_feed(silt, made, seed):
    home, out = made / str(seed), silt.dir / "out.parquet"
    case = json.loads((home / "case.json").read_text())
    told = f"SILT_SEEDS={seed}:{seed}\n" + json.dumps(case, indent=1)
    for version in range(case["last"] + 1):
        silt("read", home / "table", "--version", version, "--format", "parquet", "--output", out)
        assert_same(load(out), load(home / f"v{version}.parquet"), f"version {version} of {told}")
    if "feed" in case:
        first, last = case["feed"]
        silt("changes", home / "table", "--from", first, "--to", last, "--format", "parquet", "--output", out)
        assert_same(load(out).drop_columns(["_commit_timestamp"]), load(home / f"changes-{first}-{last}.parquet"),
                    f"changes {first} to {last} of {told}")
