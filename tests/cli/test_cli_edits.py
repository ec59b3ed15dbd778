"""silt delete, silt update, silt optimize: on tables that Python's deltalake made, and what deltalake and DuckDB read
of them afterwards."""
import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

VECTORS = {"delta.enableDeletionVectors": "true"}
FEED = {"delta.enableChangeDataFeed": "true"}


def rows(ids):
    return pa.table({"id": pa.array(ids, pa.int64()), "p": [f"p{i % 3}" for i in ids],
                     "v": pa.array([None if i % 5 == 0 else i / 2 for i in ids], pa.float64())})


@pytest.fixture
def make(silt):
    def make(properties=None, partition_by=None, name="t"):
        for start in range(0, 30, 10):
            write_deltalake(silt.dir / name, rows(range(start, start + 10)), mode="append", configuration=properties,
                            partition_by=partition_by)
        return silt.dir / name
    return make


def ids(table):
    return sorted(table["id"].to_pylist())


def seen(silt, name="t"):
    return sorted(json.loads(line)["id"] for line in silt("read", name, "--format", "json").out.splitlines())


@pytest.mark.parametrize("partition_by", [None, "p"])
@pytest.mark.parametrize("properties", [None, FEED])
def test_others_read_what_is_left(silt, make, read_deltalake, read_duckdb, properties, partition_by):
    path = make(properties, partition_by)
    out = silt("delete", "t", "--where", "id % 4 = 1 AND p <> 'p2'", "--json").json
    left = [i for i in range(30) if i % 4 != 1 or i % 3 == 2]
    assert out["outcome"] == "committed" and out["rows_deleted"] == 30 - len(left)
    assert out["committed_version"] == out["table_version"] == 3
    assert seen(silt) == ids(read_deltalake(path)) == ids(read_duckdb(path)) == left
    silt("update", "t", "--set", "v=id * 10", "--set", "p='p9'", "--where", "id < 12")
    for read in (read_deltalake, read_duckdb):
        assert {r["id"]: (r["p"], r["v"]) for r in read(path).to_pylist() if r["id"] < 12} == {
            i: ("p9", i * 10.0) for i in left if i < 12}
        assert ids(read(path)) == left
    before = read_deltalake(path).sort_by("id")
    out = silt("optimize", "t", "--json").json
    assert out["files_added"] < out["files_removed"]
    assert read_deltalake(path).sort_by("id").equals(before)
    assert ids(read_duckdb(path)) == left
    history = DeltaTable(path).history()
    assert [h["operation"] for h in history[:3]] == ["OPTIMIZE", "UPDATE", "DELETE"]
    assert history[2]["operationMetrics"]["numDeletedRows"] == str(30 - len(left))
    write_deltalake(path, rows([100]), mode="append")
    assert seen(silt) == left + [100]


def test_vectors_are_read_by_duckdb(silt, read_duckdb, make):
    silt("create", "t", "--schema", "id BIGINT, p STRING, v DOUBLE", "--property", "delta.enableDeletionVectors=true")
    for start in range(0, 30, 10):
        lines = "".join(f"{r['id']},{r['p']},{r['v'] or ''}\n" for r in rows(range(start, start + 10)).to_pylist())
        silt("write", "t", silt.write(f"{start}.csv", "id,p,v\n" + lines))
    path = silt.dir / "t"
    out = silt("delete", "t", "--where", "id % 10 = 3", "--json").json
    assert (out["deletion_vectors_added"], out["files_added"], out["rows_deleted"]) == (3, 0, 3)
    left = [i for i in range(30) if i % 10 != 3]
    assert seen(silt) == ids(read_duckdb(path)) == left
    silt("delete", "t", "--where", "id IN (4, 14)")
    silt("update", "t", "--set", "v=-1", "--where", "id = 7")
    left = [i for i in left if i not in (4, 14)]
    assert seen(silt) == ids(read_duckdb(path)) == left
    assert [r["v"] for r in read_duckdb(path).to_pylist() if r["id"] == 7] == [-1.0]
    files = [json.loads(line) for line in silt("files", "t", "--json").out.splitlines()]
    assert sum(f["deleted_rows"] for f in files) == 6
    out = silt("optimize", "t", "--purge", "--json").json
    assert out["deletion_vectors_removed"] == 3
    assert seen(silt) == ids(read_duckdb(path)) == left
    assert DeltaTable(path).history(1)[0]["operation"] == "REORG"


def test_the_feed_tells_what_changed(silt, make):
    make(FEED)
    silt("update", "t", "--set", "p='x'", "--where", "id = 3")
    silt("delete", "t", "--where", "id >= 28")

    def feed(version):
        out = silt("changes", "t", "--from", version, "--to", version, "--json").out
        return sorted((r["_change_type"], r["id"], r["p"]) for r in map(json.loads, out.splitlines()))
    assert feed(3) == [("update_postimage", 3, "x"), ("update_preimage", 3, "p0")]
    assert feed(4) == [("delete", 28, "p1"), ("delete", 29, "p2")]


def test_z_order_lets_files_be_skipped(silt, make):
    make()
    out = silt("optimize", "t", "--zorder", "id,v", "--target-file-size", "1KB", "--json").json
    assert out["outcome"] == "committed"
    assert seen(silt) == list(range(30))


def test_dry_runs_and_numbers(silt, make):
    make()
    assert silt("delete", "t", "--where", "id < 5", "--dry-run", "--json").json["outcome"] == "dry_run"
    assert silt("delete", "t", "--where", "id < 5", "--dry-run").out.startswith("Dry run: Deleted 5 rows: ")
    once = ["--app-id", "job", "--txn-version", "7", "--user-metadata", "why", "--commit-property", "ticket=12"]
    assert silt("delete", "t", "--where", "id < 5", *once, "--json").json["committed_version"] == 3
    again = silt("delete", "t", "--where", "id < 9", *once, "--json").json
    assert (again["outcome"], again["committed_version"]) == ("already_done", 3)
    commit = json.loads(silt("history", "t", "--limit", "1", "--json").out.splitlines()[0])
    assert "why" in json.dumps(commit) and '"ticket"' in (silt.dir / "t/_delta_log/00000000000000000003.json").read_text()
    assert seen(silt) == list(range(5, 30))
    assert silt("delete", "t", "--where", "id = 99").out == "There was nothing to do\n"
    assert silt("optimize", "t").out.startswith("Optimized, version 4: 3 files out, 1 in")
    assert silt("optimize", "t").out == "There was nothing to do\n"


@pytest.mark.parametrize("name, said", [("odd=name", "`odd=name` = v + 1"), ("odd`=", " `odd``=`=v + 1"),
                                        ("two words", "two words = v + 1"), ("two words", "`two words` = v + 1")])
def test_odd_names_are_set(silt, name, said):
    silt("write", "t", silt.write("in.csv", f"v,{name}\n1,0\n2,0\n"), "--property", "delta.columnMapping.mode=name")
    silt("update", "t", "--set", said, "--where", "v = 2")
    assert sorted(json.loads(row)[name] for row in silt("read", "t", "--format", "json").out.splitlines()) == [0, 3]


@pytest.mark.parametrize("args, words", [
    (("delete", "t"), "--where"),
    (("delete", "t", "--where", "id = 1", "--all"), "--where"),
    (("delete", "t", "--all", "--rewrite-percent", "101"), "0 to 100"),
    (("delete", "t", "--all", "--app-id", "x"), "belong together"),
    (("delete", "t", "--all", "--commit-property", "x"), "KEY=VALUE"),
    (("update", "t", "--all"), "--set"),
    (("update", "t", "--set", "v", "--all"), "COLUMN=VALUE"),
    (("update", "t", "--set", "=1", "--all"), "COLUMN=VALUE"),
    (("update", "t", "--set", "`v", "--all"), "--set"),
    (("update", "t", "--set", "`v` 1", "--all"), "= expected"),
    (("update", "t", "--set", "`v`=", "--all"), "a value expected"),
    (("optimize", "t", "--purge", "--full"), "--purge"),
    (("optimize", "t", "--min-file-size", "big"), "a size"),
])
def test_misuse(silt, args, words):
    assert words in silt(*args, rc=2).err


@pytest.mark.parametrize("args, words", [
    (("delete", "t", "--where", "ix = 1"), "ix"),
    (("delete", "t", "--where", "id ="), "condition"),
    (("update", "t", "--set", "id='x'", "--all"), "doesn't become"),
    (("update", "t", "--set", "x=1", "--all"), "no column x"),
    (("optimize", "t", "--where", "id = 1"), "partition column"),
    (("optimize", "t", "--zorder", "x"), "no column x"),
    (("delete", "nothing", "--all"), "nothing"),
])
def test_failures_leave_the_table(silt, make, args, words):
    make()
    assert words in silt(*args, rc=None).err
    assert seen(silt) == list(range(30))
    assert DeltaTable(silt.dir / "t").version() == 2
