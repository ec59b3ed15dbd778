"""Tables that Spark made (spark/*.tar.gz, see make_spark.py): Silt reads what Spark read from them, at
every version, in the change feed, and row ids."""
import json
import re
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
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


# ---- as sources of a pipeline

SOURCE = """\
pipeline: gold
checkpoint_path: state
defaults: {audit_columns: false}
tables:
  - table_name: silver
    source: {path: table, format: delta%s}
    loading_strategy: upsert
    primary_keys: [id]
    on_new_column: evolve
    write: {path: silver}
"""


def hide(folder, first):
    """The table as it was before version `first`; gives what brings the versions back one by one."""
    log = folder / "table/_delta_log"
    hidden = {}
    for path in sorted(log.glob("*")):
        if path.name[:20].isdigit() and int(path.name[:20]) >= first:
            hidden.setdefault(int(path.name[:20]), []).append((path, path.read_bytes()))
            path.unlink()

    def bring(version):
        for path, content in hidden[version]:
            path.write_bytes(content)
    return bring


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize("name", [n for n in sorted(CASES) if "feed" in CASES[n]])
def test_feeds_that_are_followed(silt, read_deltalake, name, at_once):
    """An upsert by the changes that Spark wrote gives the rows that Spark read, version by version and value by value."""
    folder = silt.dir
    with tarfile.open(HERE / f"{name}.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    first, last = CASES[name]["feed"]
    silt.write("silt.yaml", SOURCE % (", starting_version: earliest" if at_once else ""))
    bring = hide(folder, last + 1 if at_once else first + 1)
    for version in [last] if at_once else range(first, last + 1):
        if not at_once and version > first:
            bring(version)
        silt("run")
        expected = load(folder / "expected" / f"v{version}.parquet")
        found = read_deltalake(folder / "silver")
        # A column comes with the first version that has rows of it.
        for column in set(expected.schema.names) - set(found.schema.names):
            assert expected[column].null_count == expected.num_rows
            expected = expected.drop_columns([column])
        assert_same(found, expected, f"{CASES[name]['what']} version {version}")
    assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")


def kind_of(value):
    """What a variant is, by its first byte: a string, an object, an array, or the number of its primitive type (None: JSON's
    null, which Silt reads as one of SQL)."""
    return (value[0] >> 2 or None) if value[0] & 3 == 0 else "?sOA"[value[0] & 3]


@pytest.mark.parametrize("strategy", ["upsert", "append"])
def test_variants_that_are_followed(silt, strategy):
    """Without a feed a table is followed as long as rows come: a snapshot, and what comes behind it."""
    folder = silt.dir
    with tarfile.open(HERE / "variants.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    text = SOURCE % ""
    if strategy == "append":
        text = text.replace("upsert", "append").replace("    primary_keys: [id]\n", "")
    silt.write("silt.yaml", text)
    first = folder / "table/_delta_log/00000000000000000000.json"
    whole = first.read_text()
    bring = hide(folder, 2)
    refused = silt("run", rc=None)
    assert refused.rc and "column s: a variant within a struct, an array or a map isn't followed" in refused.out
    assert not (folder / "silver").exists()
    lines = [json.loads(line) for line in whole.splitlines()]
    for line in lines:  # a table of the columns id and v
        if "metaData" in line:
            schema = json.loads(line["metaData"]["schemaString"])
            schema["fields"] = schema["fields"][:2]
            line["metaData"]["schemaString"] = json.dumps(schema)
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for path in first.parent.glob("*.crc"):
        path.unlink()
    for version in (1, 2, 3):
        if version > 1:
            bring(version)
            for path in first.parent.glob("*.crc"):
                path.unlink()
        silt("run")
        found = [json.loads(line) for line in silt("read", folder / "silver", "--format", "json").out.splitlines()]
        expected = load(folder / "expected" / f"v{version}.parquet").to_pylist()
        assert len(found) == len(expected)
        rows = {r["id"]: r for r in found}
        for row in expected:
            assert variant(rows[row["id"]]) == variant({k: parsed(row[k]) for k in ("id", "v")})
    kinds = {}
    for table in ("silver", "table"):
        for path in sorted((folder / table).glob("*.parquet")):
            for row in pq.read_table(path, columns=["id", "v"]).to_pylist():
                kinds.setdefault(table, {})[row["id"]] = row["v"] and kind_of(row["v"]["value"])
    assert kinds["silver"] == kinds["table"]
    assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")
