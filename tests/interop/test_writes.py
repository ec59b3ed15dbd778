"""silt write beside deltalake: tables of theirs, rows of ours, and the other way round."""
import json

import deltalake
import pyarrow as pa
import pytest
from deltalake import write_deltalake

MODES = {
    "append": ([], [1, 2, 3, 4, 5]),
    "overwrite": (["--mode", "overwrite"], [4, 5]),
    "replace": (["--mode", "overwrite", "--where", "m >= 2"], [1, 2, 4, 5]),
    "dynamic": (["--mode", "overwrite", "--partition-overwrite", "dynamic"], [1, 2, 4, 5]),
    "append_once": (["--mode", "append_once", "--keys", "id"], [1, 2, 3, 4, 5]),
    "upsert": (["--mode", "upsert", "--keys", "id"], [1, 2, 3, 4, 5]),
}


def ids(table):
    return sorted(table.column("id").to_pylist())


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_on_a_table_of_deltalake(silt, read_deltalake, read_duckdb, mode):
    args, want = MODES[mode]
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "name": list("abc"), "m": pa.array([1, 1, 2], pa.int32())})
    write_deltalake(silt.dir / "t", rows, partition_by=["m"])
    silt.write("more.csv", "id,name,m\n4,d,2\n5,e,3\n")
    silt("write", "t", "more.csv", *args)
    for read in (read_deltalake, read_duckdb):
        assert ids(read(silt.dir / "t")) == want, read
    write_deltalake(silt.dir / "t", rows.slice(0, 1), mode="append")
    assert sorted(int(line) for line in silt("read", "t", "--columns", "id", "--format", "csv",
                                             "--no-header").out.split()) == sorted(want + [1])


def test_deltalake_reads_what_silt_tells_of_a_write(silt):
    silt.write("a.csv", "id\n2\n1\n")
    silt("write", "t", "a.csv", "--app-id", "app", "--txn-version", 4, "--commit-property", "team=x", "--order-by", "id")
    table = deltalake.DeltaTable(silt.dir / "t")
    assert table.transaction_version("app") == 4
    last = table.history(1)[0]
    assert last["team"] == "x" and last["operation"] == "WRITE"
    assert table.to_pyarrow_table().column("id").to_pylist() == [1, 2]


def test_both_hold_to_a_constraint(silt, read_deltalake):
    silt("create", "t", "--schema", "id long, name string", "--constraint", "positive=id > 0")
    silt("write", "t", "--sql", "SELECT 1 AS id, 'a' AS name")
    assert "positive" in silt("write", "t", "--sql", "SELECT -1 AS id, 'a' AS name", rc=1).err
    with pytest.raises(Exception, match="failed validation"):
        write_deltalake(silt.dir / "t", pa.table({"id": pa.array([-1], pa.int64()), "name": ["x"]}), mode="append")
    write_deltalake(silt.dir / "t", pa.table({"id": pa.array([2], pa.int64()), "name": ["x"]}), mode="append")
    silt("write", "t", "--sql", "SELECT 3 AS id, 'c' AS name")
    assert ids(read_deltalake(silt.dir / "t")) == [1, 2, 3]


def test_generated_columns_are_there_for_others(silt, read_deltalake, read_duckdb):
    silt("create", "t", "--schema", "id long, twice long generated always as (id * 2)", "--partition-by", "twice")
    silt.write("a.csv", "id\n1\n2\n")
    silt("write", "t", "a.csv")
    for read in (read_deltalake, read_duckdb):
        rows = read(silt.dir / "t").to_pylist()
        assert sorted((r["id"], r["twice"]) for r in rows) == [(1, 2), (2, 4)], read
    assert {json.dumps(f["partition_values"]) for f in map(json.loads, silt("files", "t", "--json").out.splitlines())
            } == {'{"twice": "2"}', '{"twice": "4"}'}
