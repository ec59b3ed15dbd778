"""Empty texts in columns that partition a table are nulls there, as Delta has it: keys of the source meet them all the same."""
import json

import pytest

WRITES = {
    "upsert": ["write", "t", "new.ndjson", "--mode", "upsert", "--keys", "k"],
    "append_once": ["write", "t", "new.ndjson", "--mode", "append_once", "--keys", "k"],
    "diff": ["write", "t", "new.ndjson", "--mode", "overwrite", "--as-diff", "--keys", "k"],
    "scd2": ["write", "t", "new.ndjson", "--mode", "scd2", "--keys", "k", "--tracking-columns", "v"],
    "merge": ["merge", "t", "new.ndjson", "--keys", "k", "--when", "matched then update set *", "--when",
              "not matched then insert *"],
}


def give(silt, name, *rows):
    silt.write(name, "".join(json.dumps(dict(zip("kv", row))) + "\n" for row in rows))


@pytest.mark.parametrize("how", WRITES)
def test_an_empty_key_meets_the_null_that_it_became(silt, read_deltalake, how):
    give(silt, "old.ndjson", ("", 1), ("a", 2))
    give(silt, "new.ndjson", ("", 10), ("a", 20))
    first = WRITES[how] if how == "scd2" else ["write", "t"]
    silt("write", "t", "old.ndjson", *first[3:], "--partition-by", "k")
    silt(*WRITES[how])
    before = silt("show", "t", "--json").json["version"]
    silt(*WRITES[how])
    table = read_deltalake(silt.dir / "t").to_pylist()
    now = sorted((r["k"] or "", r["v"]) for r in table if r.get("is_current", True))
    assert now == ([("", 1), ("a", 2)] if how == "append_once" else [("", 10), ("a", 20)])
    assert len(table) == (4 if how == "scd2" else 2)
    if how in ("append_once", "diff", "scd2"):
        assert silt("show", "t", "--json").json["version"] == before


@pytest.mark.parametrize("how", ["upsert", "scd2"])
@pytest.mark.parametrize("made", [False, True])
def test_empty_and_null_are_one_key(silt, how, made):
    give(silt, "new.ndjson", ("", 1), (None, 2))
    if made:
        give(silt, "old.ndjson", ("a", 1))
        silt("write", "t", "old.ndjson", *WRITES[how][3:], "--partition-by", "k")
    r = silt(*WRITES[how], "--partition-by", "k", rc=1)
    assert "1 key stands more than once" in r.err and "k = null" in r.err


def test_other_columns_that_partition(silt):
    """A tracked value that is empty hasn't changed; where nothing partitions it is no null."""
    give(silt, "new.ndjson", ("a", ""), ("b", "x"))
    for table, more in ("t", ["--partition-by", "v"]), ("plain", []):
        write = ["write", table, "new.ndjson", *WRITES["scd2"][3:]]
        silt(*write, *more)
        silt(*write)
        assert silt("show", table, "--json").json["version"] == 0
    kept = silt("read", "plain", "--where", "v = ''", "--json").out.splitlines()
    assert [json.loads(line)["k"] for line in kept] == ["a"]


def test_keys_that_must_not_be_null(silt):
    give(silt, "new.ndjson", ("", 1))
    silt("create", "t", "--schema", "k string not null, v long", "--partition-by", "k")
    for how in "upsert", "append_once":
        assert "k must not be null" in silt(*WRITES[how], rc=1).err
    assert silt("show", "t", "--json").json["version"] == 0


def test_pipelines(silt):
    """Also where partitions of raw files are upserted."""
    tables = [("upsert", "delta"), ("append_once", "delta"), ("upsert", "parquet"), ("upsert", "csv")]
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n" + "".join(
        f"- {{table_name: t{i}, source: {{path: 'in/*.ndjson'}}, loading_strategy: {s}, primary_keys: [k],\n"
        f"   write: {{path: lake/t{i}, format: {f}, partition_by: [k]}}}}\n" for i, (s, f) in enumerate(tables)))
    give(silt, "in/1.ndjson", ("", 1), ("a", 2))
    silt("run")
    give(silt, "in/2.ndjson", ("", 10), ("b", 3))
    for table in silt("run", "--json").json["tables"]:
        assert table["rows_inserted"] == 1, table
    silt("validate-consistency")
