"""Tables that Silt deletes from, updates and optimizes: Spark reads rows of each version, feed, row ids and history,
and edits them on; then Silt reads.

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
DV, FEED, IDS = (f"delta.enable{x}=true" for x in ("DeletionVectors", "ChangeDataFeed", "RowTracking"))
OURS = {  # properties, partitions
    "feed": ([FEED], None), "both": ([DV, FEED, "delta.randomizeFilePrefixes=true"], None), "rows": ([IDS], None),
    "all": ([DV, FEED, IDS, "delta.enableInCommitTimestamps=true"], "p"),
}
SPARKS = ["spark_dv", "spark_cluster"]


def spark(what, *paths):
    run = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_edits.py", what, *map(str, paths)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=1800)
    assert run.returncode == 0, run.stderr[-4000:]
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{") or line.startswith("[")]


def rows(silt, table, *more):
    lines = silt("read", table, "--columns", "id,p,v", "--json", *more).out.splitlines()
    return sorted(([r["id"], r["p"], r["v"]] for r in map(json.loads, lines)), key=str)


def make(silt, name):
    properties, by = OURS[name]
    silt("create", name, "--schema", "id BIGINT, p STRING, v BIGINT", *(["--partition-by", by] if by else []),
         *[x for p in properties for x in ("--property", p)])
    for start in (0, 20, 40):
        lines = "".join(f"{i},p{i % 3},{'' if i % 7 == 0 else i * 10}\n" for i in range(start, start + 20))
        silt("write", name, silt.write(f"{start}.csv", "id,p,v\n" + lines))


def edit(silt, name):
    silt("delete", name, "--where", "id IN (3, 23, 43) OR id BETWEEN 50 AND 52")
    silt("update", name, "--set", "v=v + 1", "--where", "id % 10 = 4")
    silt("update", name, "--set", "p='p7'", "--where", "id IN (9, 30)")
    silt("delete", name, "--where", "id % 20 < 15 AND id < 20")
    silt("delete", name, "--where", "p = 'p2' AND v > 300")
    silt("optimize", name, "--purge")
    silt("optimize", name)
    silt("delete", name, "--where", "id = 31")


def test_spark_reads_what_silt_edits_and_edits_on(silt):
    spark("make", silt.dir)
    for name in OURS:
        make(silt, name)
    names = [*OURS, *SPARKS]
    for name in names:
        edit(silt, name)
    for name, seen in zip(names, spark("read", *[silt.dir / n for n in names]), strict=True):
        last = max(map(int, seen["versions"]))
        for version, wanted in seen["versions"].items():
            assert rows(silt, name, "--version", version) == wanted, (name, version)
        assert len(seen["versions"][str(last)]) < 40
        if seen["feed"]:
            out = silt("changes", name, "--from", 1, "--json").out
            feed = sorted(([r["_commit_version"], r["_change_type"], r["id"], r["p"], r["v"]]
                           for r in map(json.loads, out.splitlines())), key=str)
            assert feed == seen["feed"], name
        if seen["row_ids"]:
            out = silt("read", name, "--row-ids", "--json").out
            lines = [json.loads(line) for line in out.splitlines()]
            ids = sorted(([r["id"], *[r[c] for c in list(r)[-2:]]] for r in lines), key=str)
            assert ids == seen["row_ids"], name
            assert {i: r for i, r, _ in ids}[33] is not None
        done = [h for h in seen["history"] if h[0] in ("DELETE", "UPDATE") and h[2].get("numDeletedRows",
                                                                                       h[2].get("numUpdatedRows"))]
        assert len(done) >= 5, (name, seen["history"])
        predicates = [h[1].get("predicate") for h in seen["history"] if h[0] == "DELETE"]
        assert '["`id` = 31L"]' in predicates, predicates
    for name, wanted in zip(names, spark("go", *[silt.dir / n for n in names]), strict=True):
        assert rows(silt, name) == wanted, name
