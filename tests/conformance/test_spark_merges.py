"""Merges by Silt beside the same statements by Spark on a copy: rows and change feed of each version, row ids, metrics;
then Spark merges and edits on, and Silt reads.

Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]
DV, FEED, IDS = (f"delta.enable{x}=true" for x in ("DeletionVectors", "ChangeDataFeed", "RowTracking"))
OURS = {  # properties, partitions
    "plain": ([], None), "feed": ([FEED], "p"), "vectors": ([DV, FEED], None), "rows": ([IDS], None),
    "mapped": ([DV, "delta.columnMapping.mode=name"], "p"),
    "all": ([DV, FEED, IDS, "delta.enableInCommitTimestamps=true"], "p"),
}
SPARKS = ["spark_dv", "spark_rows"]
SCHEMA = pa.schema([("id", pa.int64()), ("p", pa.string()), ("v", pa.int64()), ("name", pa.string()), ("op", pa.string())])


def row(i, op="U", **more):
    return {"id": i, "p": f"p{i % 3}", "v": i, "name": f"s{i}", "op": op, **more}


MERGES = [  # source rows, ON, clauses
    ([row(3), row(14), row(42), row(100), row(101, p="p9")], "t.id = s.id",
     ["WHEN MATCHED THEN UPDATE SET p = s.p, v = s.v, name = s.name",
      "WHEN NOT MATCHED THEN INSERT (id, p, v, name) VALUES (s.id, s.p, s.v, s.name)"]),
    ([row(4, "D"), row(24, "D"), row(30), row(102), row(103, "D")], "t.id = s.id",
     ["WHEN MATCHED AND s.op = 'D' THEN DELETE",
      "WHEN MATCHED AND t.v > 100 THEN UPDATE SET v = t.v + s.v, name = CASE WHEN s.v > 5 THEN 'a, b' ELSE 'THEN' END",
      "WHEN NOT MATCHED AND s.op <> 'D' THEN INSERT (id, name, p) VALUES (s.id, upper(s.name), s.p)"]),
    ([row(1, p="p7"), row(2, p="p7"), row(50, p=None)], "t.id = s.id AND t.id < 40",
     ["WHEN MATCHED THEN UPDATE SET p = s.p", "WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id + 1000)"]),
    ([row(i) for i in range(10, 50)], "t.id = s.id",
     ["WHEN NOT MATCHED BY SOURCE AND t.id > 55 THEN DELETE",
      "WHEN NOT MATCHED BY SOURCE AND t.v IS NULL THEN UPDATE SET v = 0, name = concat(t.name, '!')"]),
    ([row(11), row(11), row(12)], "t.id = s.id", ["WHEN MATCHED THEN DELETE"]),
    ([row(13, v=None), row(200, v=None)], "t.id <=> s.id AND s.v IS NULL",
     ["WHEN MATCHED THEN UPDATE SET v = s.v", "WHEN NOT MATCHED AND s.v IS NULL THEN INSERT (id, v) VALUES (s.id, s.v)"]),
]


def spark(what, *paths):
    run = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_merges.py", what, *map(str, paths)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=1800)
    assert run.returncode == 0, run.stderr[-4000:]
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("[")]


def rows(silt, table, *more):
    lines = silt("read", table, "--columns", "id,p,v,name", "--json", *more).out.splitlines()
    return sorted(([r["id"], r["p"], r["v"], r["name"]] for r in map(json.loads, lines)), key=str)


def make(silt, name):
    properties, by = OURS[name]
    silt("create", name, "--schema", "id BIGINT, p STRING, v BIGINT, name STRING", *(["--partition-by", by] if by else []),
         *[x for p in properties for x in ("--property", p)])
    for start in (0, 20, 40):
        lines = "".join(f"{i},p{i % 3},{'' if i % 7 == 0 else i * 10},n{i}\n" for i in range(start, start + 20))
        silt("write", name, silt.write(f"{start}.csv", "id,p,v,name\n" + lines))
    silt("delete", name, "--where", "id IN (5, 25)")


def job(silt, name):
    """Copies the table, merges it, and says what Spark is to do with the copy."""
    since = silt("show", name, "--json").json["version"]
    shutil.copytree(silt.dir / name, silt.dir / f"{name}-copy")
    sources = [str(silt.dir / f"source{i}.parquet") for i in range(len(MERGES))]
    for source, (_, on, clauses) in zip(sources, MERGES, strict=True):
        silt("merge", name, source, "--on", on, *[x for c in clauses for x in ("--when", c)])
    return {"table": str(silt.dir / name), "copy": str(silt.dir / f"{name}-copy"), "since": since, "sources": sources,
            "merges": [[on, clauses] for _, on, clauses in MERGES]}


def counts(metrics):
    return [[what, {k: m.get(k) for k in ("numSourceRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")}]
            for what, m in metrics]


def check_row_ids(name, ours, sparks):
    """Rows that both have had all along are the same ones, of the same commits; new ones have ids of their own."""
    assert len({r[4] for r in ours}) == len(ours), name
    first_new = 60
    old = [[r for r in rows if r[4] < first_new] for rows in (ours, sparks)]
    assert old[0] == old[1], name
    assert [[*r[:4], r[5]] for r in ours] == [[*r[:4], r[5]] for r in sparks], name


def test_spark_merges_a_copy_to_the_same_and_goes_on(silt):
    spark("make", silt.dir)
    for i, (source, _, _) in enumerate(MERGES):
        pq.write_table(pa.Table.from_pylist(source, SCHEMA), silt.dir / f"source{i}.parquet")
    for name in OURS:
        make(silt, name)
    names = [*OURS, *SPARKS]
    jobs = silt.write("jobs", "".join(json.dumps(job(silt, name)) + "\n" for name in names))
    for name, (ours, sparks) in zip(names, spark("compare", jobs), strict=True):
        assert ours["versions"].keys() == sparks["versions"].keys(), name
        for version in ours["versions"]:
            assert ours["versions"][version] == sparks["versions"][version], (name, version)
            assert rows(silt, name, "--version", version) == ours["versions"][version], (name, version)
        assert ours["feed"] == sparks["feed"], name
        assert counts(ours["metrics"]) == counts(sparks["metrics"]), name
        if ours["row_ids"]:
            check_row_ids(name, ours["row_ids"], sparks["row_ids"])
    for name, wanted in zip(names, spark("go", *[silt.dir / n for n in names]), strict=True):
        assert rows(silt, name) == wanted, name
