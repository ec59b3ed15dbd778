"""silt changes, on tables that Python's deltalake made."""
import json
import os

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

MS = 1_700_000_000_000  # of version 0; each next one a second later


@pytest.fixture
def table(silt):
    """0: ids 0…4; 1: two updated; 2: one deleted; 3: ids 10, 11; 4: the feed goes on behind a compaction."""
    path = silt.dir / "t"
    write_deltalake(path, rows(range(5)), configuration={"delta.enableChangeDataFeed": "true"})
    DeltaTable(path).update(updates={"name": "'new'"}, predicate="id IN (1, 2)")
    DeltaTable(path).delete("id = 4")
    write_deltalake(path, rows([10, 11]), mode="append")
    DeltaTable(path).optimize.compact()
    for v in range(5):
        os.utime(path / f"_delta_log/{v:020}.json", (MS / 1000 + v, MS / 1000 + v))
    return path


def rows(ids):
    return pa.table({"id": pa.array(ids, pa.int64()), "name": [f"n{i}" for i in ids]})


def changes(silt, *args):
    """(version, type, id) of each, sorted."""
    out = silt("changes", "t", *args, "--json").out
    return sorted((r["_commit_version"], r["_change_type"], r["id"]) for r in map(json.loads, out.splitlines()))


UPDATES = [(1, "update_postimage", 1), (1, "update_postimage", 2), (1, "update_preimage", 1),
           (1, "update_preimage", 2)]
DELETED = [(2, "delete", 4)]
ADDED = [(3, "insert", 10), (3, "insert", 11)]


def test_versions(silt, table):
    assert changes(silt, "--from", 1) == UPDATES + DELETED + ADDED
    assert changes(silt, "--from", 0) == [(0, "insert", i) for i in range(5)] + UPDATES + DELETED + ADDED
    assert changes(silt, "--from", 2, "--to", 3) == DELETED + ADDED
    assert changes(silt, "--from", 4, "--to", 4) == []
    assert changes(silt, "--from", 3, "--to", 99) == ADDED


def test_columns_and_times_of_commits(silt, table):
    first = json.loads(silt("changes", "t", "--from", 2, "--to", 2, "--json").out)
    assert first == {"id": 4, "name": "n4", "_change_type": "delete", "_commit_version": 2,
                     "_commit_timestamp": "2023-11-14T22:13:22.000000Z"}
    header = silt("changes", "t", "--from", 2, "--columns", "ID", "--format", "csv").out.splitlines()[0]
    assert header == "id,_change_type,_commit_version,_commit_timestamp"
    header = silt("changes", "t", "--from", 2, "--columns", "_commit_version,name", "--format", "csv").out
    assert header.splitlines()[0] == "name,_change_type,_commit_version,_commit_timestamp"
    assert silt("changes", "t", "--from", 2, "--to", 2, "--format", "csv", "--no-header").out == (
        "4,n4,delete,2,2023-11-14T22:13:22.000000Z\n")
    assert "(1 row)" in silt("changes", "t", "--from", 2, "--to", 2).out


def test_times(silt, table):
    at = "2023-11-14T22:13:2{}".format  # version 0 is of second 20
    assert changes(silt, "--from", at("2"), "--to", at("3")) == DELETED + ADDED
    assert changes(silt, "--from", at("1.001"), "--to", at("2.999")) == DELETED
    assert changes(silt, "--from", "2001-01-01", "--to", at("0")) == [(0, "insert", i) for i in range(5)]
    assert changes(silt, "--from", at("1.2"), "--to", at("1.8")) == []
    assert changes(silt, "--from", 3, "--to", at("4")) == ADDED


@pytest.mark.parametrize("args, told, rc", [
    (["--from", 5], "the latest is 4", 2),
    (["--from", 3, "--to", 2], "ends before it starts", 2),
    (["--from", "2023-11-14T22:13:25"], "after the last commit, version 4", 2),
    (["--from", 0, "--to", "2030-01-01"], "after the last commit, version 4", 2),
    (["--from", 0, "--to", "2001-01-01"], "before the first commit", 1),
    (["--from", 0, "--columns", "nome"], 'no column "nome"', 1),
    (["--from", 0, "--to", 2, "--net", "--keys", "nome"], 'no column "nome"', 1),
    (["--from", 0, "--to", 2, "--net", "--keys", "id", "--columns", "name"], "isn't among the columns", 2),
    (["--from", 0, "--net", "--where", "_change_type = 'insert'"], "isn't known there yet", 2),
    (["--from", 0, "--where", "id ="], "id =", 2),
    (["--from", 0, "--where", "nome = 1"], "nome", 2),
])
def test_what_fails(silt, table, args, told, rc):
    out = silt("changes", "t", *args, rc=rc)
    assert told in out.err and out.out == ""


def test_beyond_the_last_commit(silt, table):
    far = "--allow-out-of-range"
    assert changes(silt, "--from", 5, far) == []
    assert changes(silt, "--from", "2030-01-01", far) == []
    assert changes(silt, "--from", 3, "--to", "2030-01-01", far) == ADDED
    assert "did you mean" not in silt("changes", "t", "--from", 5, far, "--format", "csv").err


@pytest.mark.parametrize("args, told", [
    ([], "--from says where to start"),
    (["--from", "yesterday"], '--from: found "yesterday"'),
    (["--from", 1, "--to", "-1"], "--to"),
    (["--from", 1, "--keys", "id"], "--net"),
    (["--from", 1, "--format", "xml"], "--format"),
])
def test_misuse(silt, table, args, told):
    assert told in silt("changes", "t", *args, rc=2).err


@pytest.mark.parametrize("where, wanted", [
    ("_change_type = 'insert'", ADDED),
    ("_change_type LIKE 'update%' AND id = 1", [UPDATES[0], UPDATES[2]]),
    ("_commit_version > 1", DELETED + ADDED),
    ("_commit_version IN (2, 3) AND id < 11", DELETED + ADDED[:1]),
    ("_commit_timestamp >= '2023-11-14T22:13:23Z'", ADDED),
    ("name = 'new'", UPDATES[:2]),
    ("id > 100", []),
])
def test_where(silt, table, where, wanted):
    assert changes(silt, "--from", 1, "--where", where) == wanted


def test_conditions_leave_files_unopened(silt, table):
    """Files that a condition rules out needn't be there any more."""
    for cdc in (table / "_change_data").rglob("*.parquet"):
        cdc.unlink()
    assert changes(silt, "--from", 1, "--where", "_commit_version = 3") == ADDED
    silt("changes", "t", "--from", 1, rc=1)
    silt("changes", "t", "--from", 1, "--where", "_change_type = 'insert'", rc=1)  # cdc files may hold some


def test_limit_and_file(silt, table):
    assert len(changes(silt, "--from", 1, "--limit", 3)) == 3
    assert changes(silt, "--from", 1, "--limit", 0) == []
    silt("changes", "t", "--from", 1, "--format", "parquet", "--output", "out.parquet")
    import pyarrow.parquet as pq
    got = pq.read_table(silt.dir / "out.parquet")
    assert got.num_rows == 7
    assert [str(t) for t in got.schema.types] == ["int64", "string", "string", "int64", "timestamp[us, tz=UTC]"]


def test_missing_files_are_named(silt, table):
    gone = next((table / "_change_data").rglob("*.parquet"))
    gone.unlink()
    out = silt("changes", "t", "--from", 1, rc=1)
    assert gone.name in out.err and "version " in out.err
    assert changes(silt, "--from", 3) == ADDED


def test_cleaned_up_commits(silt, table):
    DeltaTable(table).create_checkpoint()
    for v in range(3):
        (table / f"_delta_log/{v:020}.json").unlink()
    assert "version" in silt("changes", "t", "--from", 1, rc=1).err
    assert changes(silt, "--from", 4) == []


def test_feed_that_was_off(silt):
    write_deltalake(silt.dir / "t", rows([1]))
    t = DeltaTable(silt.dir / "t")
    t.alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    write_deltalake(silt.dir / "t", rows([2]), mode="append")
    out = silt("changes", "t", "--from", 0, rc=1)
    assert "the change data feed was off at version 0" in out.err and "delta.enableChangeDataFeed=true" in out.err
    assert changes(silt, "--from", 1) == [(2, "insert", 2)]


def net(silt, *args):
    out = silt("changes", "t", "--net", *args, "--json").out
    return sorted((r["_change_type"], r["id"], r.get("name")) for r in map(json.loads, out.splitlines()))


def test_net(silt, table):
    assert net(silt, "--from", 0, "--to", 4) == [
        ("delete", 1, "n1"), ("delete", 2, "n2"), ("delete", 4, "n4"),
        ("insert", 1, "new"), ("insert", 2, "new"), ("insert", 10, "n10"), ("insert", 11, "n11")]
    assert net(silt, "--from", 0, "--keys", "id") == [
        ("delete", 4, "n4"), ("insert", 10, "n10"), ("insert", 11, "n11"),
        ("update_postimage", 1, "new"), ("update_postimage", 2, "new"),
        ("update_preimage", 1, "n1"), ("update_preimage", 2, "n2")]
    assert net(silt, "--from", 3, "--to", 4) == []  # a compaction
    assert net(silt, "--from", 2, "--to", 2) == []
    assert net(silt, "--from", 0, "--to", 2, "--columns", "id") == [("delete", 4, None)]
    assert net(silt, "--from", 0, "--to", 4, "--where", "id < 2") == [("delete", 1, "n1"), ("insert", 1, "new")]
    assert len(net(silt, "--from", 0, "--to", 4, "--limit", 2)) == 2


def test_net_needs_no_feed(silt):
    path = silt.dir / "t"
    write_deltalake(path, rows([1, 1, 2]))
    write_deltalake(path, rows([1, 3]), mode="overwrite")
    assert net(silt, "--from", 0, "--to", 1) == [("delete", 1, "n1"), ("delete", 2, "n2"), ("insert", 3, "n3")]
    write_deltalake(path, rows([4]).append_column("more", pa.array([5], pa.int64())), mode="append", schema_mode="merge")
    assert net(silt, "--from", 1, "--to", 2) == [("insert", 4, "n4")]


def test_conditions_of_statements_skip_files(silt, table):
    """A file that a condition rules out may be gone: nobody looks at it."""
    def ids(condition):
        out = silt("sql", f"SELECT DISTINCT id FROM delta_changes('t', 1, 3) WHERE {condition} ORDER BY id",
                   "--format", "csv", "--no-header").out
        return [int(line) for line in out.split()]
    assert ids("true") == [1, 2, 4, 10, 11]
    log = (table / "_delta_log" / f"{3:020}.json").read_text().splitlines()
    added, = [json.loads(line)["add"]["path"] for line in log if '"add"' in line]
    (table / added).unlink()
    assert ids("id < 10") == [1, 2, 4]
    assert ids("_commit_version <= 2 AND name LIKE 'n%'") == [1, 2, 4]
    assert ids("_change_type = 'delete'") == [4]
    assert "has gone" in silt("sql", "SELECT count(*) FROM delta_changes('t', 1, 3)", rc=1).err


def test_a_condition_on_no_column_is_a_mistake_of_the_command_line(silt, table):
    for args in (["read", "t"], ["changes", "t", "--from", 1], ["changes", "t", "--from", 1, "--net"]):
        assert "no column `nope`" in silt(*args, "--where", "nope = 1", rc=2).err
    (table / "_delta_log" / f"{1:020}.json").unlink()
    silt("changes", "t", "--from", 1, "--where", "id = 1", rc=1)


def restored_as_spark_does(silt, partitions):
    """Version 2 of a table with null partitions, brought back to version 1 as Spark's RESTORE writes it: with the table's metadata, and
    removes that leave null values out. `partitions`: by what the table is partitioned from then on."""
    silt("create", "t", "--schema", "id long, p string, d date", "--partition-by", "p,d", "--property", "delta.enableChangeDataFeed=true")
    silt("write", "t", "--sql", "SELECT * FROM (VALUES (1, NULL, NULL), (2, NULL, DATE '2024-02-29'), (3, 'x', NULL)) v(id, p, d)")
    silt("update", "t", "--set", "id = id + 10", "--all")
    log = silt.dir / "t/_delta_log"
    actions = [[json.loads(line) for line in (log / f"{v:020}.json").read_text().splitlines()] for v in range(3)]
    metadata = dict(next(a["metaData"] for a in actions[0] if "metaData" in a), partitionColumns=partitions)
    removes = [{"path": a["add"]["path"], "deletionTimestamp": 1, "dataChange": True, "extendedFileMetadata": True, "size": a["add"]["size"],
                "partitionValues": {k: v for k, v in a["add"]["partitionValues"].items() if v is not None}}
               for a in actions[2] if "add" in a]
    lines = [{"commitInfo": {"operation": "RESTORE", "timestamp": 1}}, {"metaData": metadata}]
    lines += [{"add": a["add"]} for a in actions[1] if "add" in a] + [{"remove": r} for r in removes]
    (log / f"{3:020}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize("first", [0, 3])
def test_a_restore_by_spark(silt, first):
    restored_as_spark_does(silt, ["p", "d"])
    out = silt("changes", "t", "--from", first, "--to", 3, "--columns", "id,p,d", "--where", "_commit_version = 3", "--format", "csv",
               "--no-header").out
    assert sorted(line.rsplit(",", 2)[0] for line in out.splitlines()) == [
        "1,,,insert", "11,,,delete", "12,,2024-02-29,delete", "13,x,,delete", "2,,2024-02-29,insert", "3,x,,insert"]


@pytest.mark.parametrize("first", [0, 3])
def test_other_partition_columns_beside_removes(silt, first):
    """What a remove leaves out needn't have been null then."""
    restored_as_spark_does(silt, ["p"])
    assert "partition" in silt("changes", "t", "--from", first, "--to", 3, rc=None).err
