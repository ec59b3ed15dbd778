"""What the log promises never to give twice, or to tell with what it takes away: numbers of identity columns, ids of columns,
metadata domains, folders of partitions."""
import json
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conformance.log_rules import broken_rules


def actions(path, kind):
    """Of all commits, in order."""
    commits = sorted((path / "_delta_log").glob("*.json"))
    lines = [json.loads(line) for c in commits if c.stem.isdigit() for line in c.read_text().splitlines()]
    return [line[kind] for line in lines if kind in line]


def mark(path):
    fields = json.loads(actions(path, "metaData")[-1]["schemaString"])["fields"]
    return {f["name"]: f["metadata"].get("delta.identity.highWaterMark") for f in fields}["nr"]


def add_rows(silt, table, *ids):
    silt.write("rows.json", "".join(f'{{"id":{i}}}\n' for i in ids))
    silt("write", table, "rows.json")


@pytest.mark.parametrize("step, marks", [(5, [10, 20, 25]), (-3, [10, 4, 1])])
@pytest.mark.parametrize("mapped", [False, True])
def test_restore_gives_no_number_twice(silt, read_duckdb, step, marks, mapped):
    """As Spark has it: the rows go, their numbers stay used."""
    more = ["--property", "delta.columnMapping.mode=name"] if mapped else []
    silt("create", "t", "--schema", f"id long, nr long generated always as identity (start with 10 increment by {step})", *more)
    add_rows(silt, "t", 1)
    add_rows(silt, "t", 2, 3)
    if mapped:
        silt("alter", "t", "--rename-column", "nr=other", "--rename-column", "other=nr")
    silt("restore", "t", "--version", "1")
    assert mark(silt.dir / "t") == marks[1]
    add_rows(silt, "t", 4)
    assert mark(silt.dir / "t") == marks[2]
    assert sorted(r["nr"] for r in read_duckdb(silt.dir / "t").to_pylist()) == sorted([marks[0], marks[2]])
    silt("restore", "t", "--version", "0")  # before any was given
    assert mark(silt.dir / "t") == marks[2]


def test_restore_gives_back_row_ids(silt):
    """Files from before rows had ids, which got some, and went."""
    silt("create", "t", "--schema", "id long")
    add_rows(silt, "t", 1, 2)
    add_rows(silt, "t", 3)
    silt("alter", "t", "--set-property", "delta.enableRowTracking=true")
    given = {a["path"]: (a["baseRowId"], a["defaultRowCommitVersion"]) for a in actions(silt.dir / "t", "add") if "baseRowId" in a}
    silt("checkpoint", "t")
    silt("delete", "t", "--where", "id = 1")
    silt("delete", "t", "--where", "id = 3")
    silt("restore", "t", "--version", "2")
    back = actions(silt.dir / "t", "add")[-2:]
    assert {a["path"]: (a["baseRowId"], a["defaultRowCommitVersion"]) for a in back} == given and len(given) == 2


def test_a_clone_over_a_table_gives_no_number_twice(silt):
    """Neither numbers of rows nor ids of columns."""
    for name in ("a", "b"):
        silt("create", name, "--schema", "id long, nr long generated always as identity", "--property",
             "delta.columnMapping.mode=name")
        add_rows(silt, name, 1)
    silt("clone", "a", "c")
    add_rows(silt, "c", 2, 3)
    silt("alter", "c", "--add-column", "x int", "--drop-column", "x", "--yes")
    silt("clone", "a", "c", "--replace")
    assert mark(silt.dir / "c") == 3
    assert actions(silt.dir / "c", "metaData")[-1]["configuration"]["delta.columnMapping.maxColumnId"] == "3"
    silt("clone", "b", "c", "--replace")  # another column of the same name: its own numbers
    assert mark(silt.dir / "c") == 1


def test_removed_domains_are_told_with_what_they_were(silt):
    silt("create", "t", "--schema", "id long", "--set-domain", "my.own=kept", "--property", "delta.enableRowTracking=true")
    add_rows(silt, "t", 1, 2)
    silt("alter", "t", "--set-domain", "my.own=other", "--remove-domain", "my.own")
    silt("alter", "t", "--drop-feature", "rowTracking", "--yes")
    removed = [d for d in actions(silt.dir / "t", "domainMetadata") if d["removed"]]
    assert removed == [{"domain": "my.own", "configuration": "kept", "removed": True},
                       {"domain": "delta.rowTracking", "configuration": '{"rowIdHighWaterMark":1}', "removed": True}]


LONG = ["x" * 255, "é" * 100, "/" * 120, "x" * 5000, "Ж" * 400 + "1", "Ж" * 400 + "2"]


@pytest.mark.parametrize("feed", [False, True])
def test_partition_values_may_be_long(silt, read_deltalake, read_duckdb, feed):
    """Longer than the name of a folder can be: the log has the value, the folder another name."""
    rows = [{"id": i, "p": p} for i, p in enumerate([*LONG, *LONG, "short", None])]
    pq.write_table(pa.Table.from_pylist(rows), silt.dir / "rows.parquet")
    silt("create", "t", "--schema", "id long, p string", "--partition-by", "p", "--property",
         f"delta.enableChangeDataFeed={str(feed).lower()}")
    silt("write", "t", "rows.parquet")
    silt("update", "t", "--set", "id = id + 100", "--where", "id % 2 = 0")
    silt("update", "t", "--set", f"p = '{LONG[3]}'", "--where", "id = 1")
    silt("optimize", "t")
    for row in rows:
        row["p"] = LONG[3] if row["id"] == 1 else row["p"]
        row["id"] += 100 * (row["id"] % 2 == 0)
    for read in (read_deltalake, read_duckdb):
        found = sorted(read(silt.dir / "t").to_pylist(), key=lambda r: r["id"])
        assert found == sorted(rows, key=lambda r: r["id"]), read
    for add in actions(silt.dir / "t", "add"):
        assert (add["partitionValues"]["p"] or "") in [*LONG, "short", ""]
        folder = unquote(add["path"]).split("/")[0]
        assert folder.startswith("p=") or (folder.startswith("long-") and len(add["partitionValues"]["p"].encode()) > 84)
    if feed:
        changes = [json.loads(x) for x in silt("changes", "t", "--from", 2, "--to", 2, "--json").out.splitlines()]
        assert sorted((c["id"], c["p"]) for c in changes if c["_change_type"] == "update_postimage") == sorted(
            (i + 100, ([*LONG, *LONG, "short", None])[i]) for i in range(0, len(rows), 2))


def test_raw_folders_cant_have_long_values(silt):
    """There the folder's name is all that tells the value."""
    silt.write("in/a.csv", "id,p\n1,short\n2," + "x" * 300 + "\n")
    silt.write("silt.json", json.dumps({"pipeline": "p", "checkpoint_path": "state", "tables": [
        {"table_name": "t", "source": {"path": "in/*.csv"}, "loading_strategy": "append",
         "write": {"format": "parquet", "path": "out", "partition_by": ["p"]}}]}))
    r = silt("run", "--config", "silt.json", rc=None)
    assert r.rc != 0 and "too long for the name of a folder" in r.err + r.out
    assert not list((silt.dir / "out").glob("p=*"))


@pytest.mark.parametrize("how", ["--deep", "--shallow"])
def test_a_clone_again_tells_no_file_again(silt, how):
    """Statistics that come from a checkpoint's columns are spelled in another way than those of commits."""
    silt("create", "a", "--schema", "id long, at timestamp, x double", "--property", "delta.enableChangeDataFeed=true", "--property",
         "delta.checkpoint.writeStatsAsJson=false", "--property", "delta.checkpoint.writeStatsAsStruct=true")
    for i in (1, 2):
        silt("write", "a", "--sql", f"SELECT {i}::bigint AS id, TIMESTAMPTZ '2020-01-01 00:00:00+00' AS at, 1e20 AS x")
    silt("clone", "a", "b", how)
    silt("checkpoint", "a")
    silt("checkpoint", "b")
    silt("write", "b", "--sql", "SELECT 3::bigint AS id, NULL::timestamptz AS at, 0.5::double AS x")
    silt("clone", "a", "b", "--replace", how)
    told = (silt.dir / "b/_delta_log/00000000000000000002.json").read_text()
    assert told.count('{"add"') == 0 and told.count('{"remove"') == 1
    assert not broken_rules(silt.dir / "b")
    silt("alter", "a", "--set-property", "delta.enableRowTracking=true")  # now all files are told again, but with ids
    silt("write", "b", "--sql", "SELECT 4::bigint AS id, NULL::timestamptz AS at, 0.5::double AS x")
    silt("clone", "a", "b", "--replace", how)
    adds = actions(silt.dir / "b", "add")[-2:]
    assert [(a["dataChange"], a["baseRowId"] is not None) for a in adds] == [(False, True)] * 2
    assert not broken_rules(silt.dir / "b")
    assert sorted(json.loads(r)["id"] for r in silt("read", "b", "--json").out.splitlines()) == [1, 2]
    silt("write", "a", "--sql", "SELECT 5::bigint AS id, NULL::timestamptz AS at, 0.5::double AS x")  # ids that b never gave
    silt("clone", "a", "b", "--replace", how)
    assert not broken_rules(silt.dir / "b")
    assert [json.loads(d["configuration"]) for d in actions(silt.dir / "b", "domainMetadata")][-1] == {"rowIdHighWaterMark": 2}
    feed = [json.loads(r) for r in silt("changes", "b", "--from", 2, "--to", 4, "--json").out.splitlines()]
    assert [(r["id"], r["_change_type"]) for r in feed] == [(3, "delete"), (4, "insert"), (4, "delete")]
