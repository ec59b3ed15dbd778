"""Tables that Spark made (spark/*.tar.gz, see make_spark.py): Silt reads what Spark read from them, at
every version, in the change feed, and row ids."""
import json
import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from golden.compare import assert_same, load

HERE = Path(__file__).parent / "spark"
CASES = json.loads((HERE / "catalogue.json").read_text())


@pytest.fixture(params=sorted(set(CASES) - {"variants"}))
def golden(request, tmp_path):
    with tarfile.open(HERE / f"{request.param}.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    return CASES[request.param], tmp_path


def compare(silt, folder, args, expected, what):
    out = folder / "out.parquet"
    silt(*args, "--format", "parquet", "--output", out)
    assert_same(load(out), load(folder / "expected" / f"{expected}.parquet"), what)


def test_versions(silt, golden):
    case, folder = golden
    for version in case["versions"]:
        compare(silt, folder, ["read", folder / "table", "--version", version], f"v{version}",
                f"{case['what']} version {version}")


def test_variants(silt, tmp_path):
    """As JSON: what Spark's to_json() gives."""
    with tarfile.open(HERE / "variants.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    for version in CASES["variants"]["versions"]:
        lines = silt("read", tmp_path / "table", "--version", version, "--format", "json").out.splitlines()
        found = {r["id"]: r for r in map(json.loads, lines)}
        expected = load(tmp_path / "expected" / f"v{version}.parquet").to_pylist()
        assert len(found) == len(lines) == len(expected)
        for row in expected:
            assert variant(found[row["id"]]) == variant({k: parsed(v) for k, v in row.items()})


def parsed(v):
    if isinstance(v, dict):
        return {k: parsed(x) for k, x in v.items()}
    if isinstance(v, list):
        return [parsed(x) for x in v]
    return json.loads(v) if isinstance(v, str) else v


def variant(v):
    """Engines differ in how they write an instant, and whether a null variant is null or JSON's."""
    if isinstance(v, dict):
        return {k: variant(x) for k, x in v.items() if x is not None}
    if isinstance(v, list):
        return [variant(x) for x in v]
    return re.sub(r"(Z|[+]00:00)$", "+00", v.replace("T", " ")) if isinstance(v, str) else v


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if "feed" in CASES[n]])
def test_changes(silt, tmp_path, name):
    with tarfile.open(HERE / f"{name}.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    first, last = CASES[name]["feed"]
    out = tmp_path / "out.parquet"
    silt("changes", tmp_path / "table", "--from", first, "--to", last, "--format", "parquet", "--output", out)
    found = load(out)
    assert pa.types.is_timestamp(found.schema.field("_commit_timestamp").type)
    expected = load(tmp_path / "expected" / f"changes-{first}-{last}.parquet")
    assert_same(found.drop_columns(["_commit_timestamp"]), expected, CASES[name]["what"])


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if CASES[n].get("row_ids")])
def test_row_ids(silt, tmp_path, name):
    with tarfile.open(HERE / f"{name}.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    compare(silt, tmp_path, ["read", tmp_path / "table", "--row-ids"], "row-ids", CASES[name]["what"])
