"""Tables with variants: Spark reads what Silt writes, byte by byte what it would have made itself of the same JSON; Silt
adds to what Spark wrote, and Spark goes on.

Needs scripts/setup_spark.sh; `make conformance` runs it."""
import json
import subprocess
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build/venv-spark/bin/python"
READY = (ROOT / "build/deps/spark/.ok").exists()

pytestmark = [pytest.mark.conformance,
              pytest.mark.skipif(not READY, reason="NOT TESTED: Spark isn't there: scripts/setup_spark.sh")]
# JSON, and what Spark's schema_of_variant() says of it
VALUES = [('{"b":1,"a":[1.5,null,"x"]}', "OBJECT<a: ARRAY<VARIANT>, b: BIGINT>"), ('"text"', "STRING"), ("-300", "BIGINT"),
          ("0.25", "DECIMAL(2,2)"), ("1e300", "DOUBLE"), ("true", "BOOLEAN"), ("[]", "ARRAY<VOID>"), ("{}", "OBJECT<>"),
          ("12345678901234567890.5", "DECIMAL(21,1)"),
          (json.dumps({f"k{i}": i for i in range(299, -1, -1)}, separators=(",", ":")), None)]


def spark(what, *paths):
    run = subprocess.run([PYTHON, ROOT / "tests/conformance/spark_variants.py", what, *map(str, paths)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=1800)
    assert run.returncode == 0, run.stderr[-4000:]
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def rows(silt, table):
    lines = silt("read", table, "--format", "json").out.splitlines()
    return {r["id"]: r["v"] for r in map(json.loads, lines)}


def make(silt, name, *properties):
    silt("create", name, "--schema", "id BIGINT, v VARIANT, n BIGINT", *[x for p in properties for x in ("--property", p)])
    silt("write", name, silt.write("a.csv", "id,v,n\n" + "".join(
        f"{i},\"{v.replace(chr(34), chr(34) * 2)}\",{i}\n" for i, (v, _) in enumerate(VALUES)) + "100,,1\n101,null,1\n"))
    duckdb.sql("COPY (SELECT 200::BIGINT AS id, {'z': 1::TINYINT, 'd': DATE '2024-02-29', 't': TIMESTAMPTZ '2024-01-01 10:00:00+00', "
               f"'x': 1.25::DECIMAL(5, 2)}}::VARIANT AS v, 1::BIGINT AS n) TO '{silt.dir / 'd.parquet'}'")
    silt("write", name, "d.parquet")


def assert_rows(found, changed=()):
    found = {r[0]: r[1:] for r in found}
    for i, (text, schema) in enumerate(VALUES):
        if i in changed:
            continue
        value, kind, is_null, is_variant_null, key = found[i]
        assert json.loads(value) == json.loads(text) and not is_null and not is_variant_null
        assert schema is None or kind == schema
        assert key == (299 if "k299" in text else None), "found among more than 32, which are searched by halves"
    assert found[100][2:4] == [True, False] and found[101][2:4] == [False, True]
    assert json.loads(found[200][0]) == {"z": 1, "d": "2024-02-29", "t": "2024-01-01 10:00:00+00:00", "x": 1.25}
    assert found[200][1] == "OBJECT<d: DATE, t: TIMESTAMP, x: DECIMAL(3,2), z: BIGINT>"


def test_spark_reads_variants_and_silt_edits_its_own(silt):
    theirs = silt.dir / "theirs"
    spark("make", theirs)
    make(silt, "plain")
    make(silt, "all", *(f"delta.enable{x}=true" for x in ("DeletionVectors", "ChangeDataFeed", "RowTracking")))
    silt("update", "all", "--set", "n=n + 1", "--where", "id % 2 = 0")
    silt("update", "all", "--set", "v=NULL", "--where", "id = 2")
    silt("delete", "all", "--where", "id = 1")
    silt("optimize", "all")
    before = spark("read", theirs)[0]["rows"]
    for change in (["update", "theirs", "--set", "id=id + 10", "--all"], ["optimize", "theirs"]):
        assert "annotated" in silt(*change, rc=None).err, "DuckDB can't read such so that nothing is lost"
    silt("write", "theirs", silt.write("b.ndjson", '{"id":11,"v":{"k":1}}\n{"id":12,"v":[null]}\n'))
    plain, everything, mine = spark("read", silt.dir / "plain", silt.dir / "all", theirs)
    assert_rows(plain["rows"])
    assert [r for r in everything["rows"] if r[0] == 2][0][3] is True
    assert_rows([*everything["rows"], [1]], (1, 2))
    changes = [f for f in everything["feed"] if f[2] == 2 and f[1] != "insert"]
    assert sorted(str(c[3]) for c in changes) == ["-300", "-300", "-300", "None"]
    assert mine["rows"][-2:] == [[11, '{"k":1}', "OBJECT<k: BIGINT>", False, False, None],
                                 [12, "[null]", "ARRAY<VOID>", False, False, None]]
    assert mine["rows"][:-2] == before
    for name, found in zip(("plain", "all", "theirs"), spark("go", silt.dir / "plain", silt.dir / "all", theirs)):
        assert {r[0]: r[1] and json.loads(r[1]) for r in found["rows"]} == rows(silt, name)
