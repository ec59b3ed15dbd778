"""Versions of a source table that go wrong: what is loaded before them, what is told of them, and what becomes of their rows."""
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines import read

CONFIG = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 1
tables:
  - table_name: silver
    source: {path: lake/bronze, format: delta%s}
%s    write: {path: lake/silver}
"""
KEYED = "    loading_strategy: upsert\n    primary_keys: [id]\n"
QUARANTINE = "    on_bad_row: quarantine\n"
FED = ("--property", "delta.enableChangeDataFeed=true")


def configure(silt, table="", source=""):
    silt.write("silt.yaml", CONFIG % (source, table))


def bronze(silt, rows, *options):
    """rows: {column: values}."""
    pq.write_table(pa.table(rows), silt.dir / "rows.parquet")
    silt("write", "lake/bronze", "rows.parquet", *options)


def run(silt, **kw):
    return silt("run", "--json", **kw).json


def assert_sound(silt):
    for _ in range(2):
        assert run(silt)["total_files_processed"] == 0
    silt("validate-consistency")
    silt("prove")
    status = silt("status", "--json").json["tables"][0]
    assert (status["status"], status["files_failed"], status["files_pending"]) == ("completed", 0, 0)


INTS = "    schema: {id: long, n: int}\n"


# ---- what failed and isn't there any more


def test_a_snapshot_that_failed_is_forgotten_once_a_newer_one_takes_its_place(silt, read_deltalake):
    configure(silt, INTS)
    bronze(silt, {"id": [1, 2], "n": ["5", "x"]}, *FED)
    assert "'x' is no INTEGER" in silt("run", rc=None).out
    assert silt("status", "--json", rc=None).json["tables"][0]["files_failed"] == 1
    silt("update", "lake/bronze", "--set", "n = '6'", "--where", "id = 2")
    result = silt("run")
    assert "snapshot-v0 is passed over" in result.out + result.err
    tracker = read_deltalake(silt.dir / "state/file_processing_tracker")
    assert [name.rsplit("@")[1] for name in tracker["file_path"].to_pylist()] == ["snapshot-v1"]
    assert read(silt, "silver", "id", "n") == [("1", "5"), ("2", "6")]
    assert_sound(silt)


def test_a_snapshot_that_failed_in_another_place_is_forgotten(silt):
    configure(silt, INTS)
    bronze(silt, {"id": [1, 2], "n": ["5", "x"]}, *FED)
    silt("run", rc=None)
    (silt.dir / "lake/bronze").rename(silt.dir / "lake/copper")
    silt("update", "lake/copper", "--set", "n = '6'", "--where", "id = 2")
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("bronze", "copper"))
    silt("run")
    assert read(silt, "silver", "id", "n") == [("1", "5"), ("2", "6")]
    assert_sound(silt)


def test_a_version_that_failed_stays_until_it_is_loaded(silt):
    """What is behind it doesn't take its place."""
    configure(silt, INTS)
    bronze(silt, {"id": [1], "n": ["5"]}, "--property", "delta.columnMapping.mode=name")
    run(silt)
    silt("alter", "lake/bronze", "--add-column", "m string")
    bronze(silt, {"id": [2], "n": ["6"], "m": ["x"]})
    silt("run", rc=None)
    bronze(silt, {"id": [3], "n": ["7"]})
    assert "@v2" in silt("run", rc=None).out
    assert silt("status", "--json", rc=None).json["tables"][0]["files_failed"] == 1


# ---- versions before one that failed


@pytest.mark.parametrize("size", [1, 100])
def test_versions_before_a_bad_one_are_loaded(silt, size):
    """Whether they are in a batch with it or not, and whenever they were found."""
    configure(silt, KEYED + INTS + f"    batch: {{max_files: {size}}}\n")
    bronze(silt, {"id": [1, 0], "n": ["5", None]}, *FED)
    run(silt)
    for n in ("6", "7", "x", "8"):
        silt("update", "lake/bronze", "--set", f"n = '{n}'", "--where", "id = 1")
    result = silt("run", rc=None)
    assert result.rc in (1, 5)
    assert "@v3" in result.out and "'x' is no INTEGER" in result.out
    assert read(silt, "silver", "id", "n") == [("0", ""), ("1", "7")]
    bronze(silt, {"id": [2], "n": ["9"]})
    result = silt("run", rc=None)
    assert result.rc in (1, 5)
    assert "those behind" in result.out and "bronze@v3 wait, which has failed" in result.out
    assert read(silt, "silver", "id", "n") == [("0", ""), ("1", "7")]
    configure(silt, KEYED + INTS + QUARANTINE)
    silt("run", "--retry-failed")
    assert read(silt, "silver", "id", "n") == [("0", ""), ("1", "8"), ("2", "9")]
    assert_sound(silt)


# ---- rows that the source deletes


@pytest.mark.parametrize("on", ["fail", "quarantine", "skip", "rescue"])
@pytest.mark.parametrize("column", ["{name: n, type: int}", "{name: n, type: int, nullable: false}"])
def test_a_delete_asks_for_nothing_but_the_key(silt, on, column):
    given = KEYED + f"    schema: [{{name: id, type: long}}, {column}]\n"
    configure(silt, given + QUARANTINE)
    bronze(silt, {"id": [1, 2, 3, 4], "n": ["5", "6", "7", "x"]}, *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "n = 'bad'", "--where", "id = 1")
    silt("update", "lake/bronze", "--set", "n = null", "--where", "id = 2")
    run(silt)
    configure(silt, given + f"    on_bad_row: {on}\n")
    silt("delete", "lake/bronze", "--where", "id IN (1, 2, 4)")
    table = run(silt)["tables"][0]
    assert (table["rows"], table["rows_rejected"]) == (3, 0)
    assert read(silt, "silver", "id", "n") == [("3", "7")]
    assert_sound(silt)


@pytest.mark.parametrize("kind", ["delta", "partitioned"])
def test_a_delete_and_what_comes_in_one_version(silt, kind):
    more = ", partition_by: [n]" if kind == "partitioned" else ""
    configure(silt, KEYED + INTS + QUARANTINE)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("lake/silver}", f"lake/silver{more}}}"))
    bronze(silt, {"id": [1, 2], "n": ["5", "6"]}, *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "n = 'bad'", "--where", "id = 1")
    run(silt)
    silt("update", "lake/bronze", "--set", "id = id + 10", "--set", "n = '8'", "--all")
    assert run(silt)["tables"][0]["rows_rejected"] == 0
    assert read(silt, "silver", "id", "n") == [("11", "8"), ("12", "8")]
    assert_sound(silt)


def test_a_delete_whose_key_cant_be_read(silt):
    configure(silt, KEYED + INTS + QUARANTINE)
    bronze(silt, {"id": ["1", "x"], "n": ["5", "6"]}, *FED)
    assert run(silt)["tables"][0]["rows_rejected"] == 1
    silt("delete", "lake/bronze", "--where", "id = 'x' OR id = '1'")
    assert run(silt)["tables"][0]["rows_rejected"] == 1
    assert read(silt, "silver", "id", "n") == []
    [reject] = [r for r in DeltaTable(str(silt.dir / "state/rejects")).to_pyarrow_table().to_pylist()
                if r["source_file"].endswith("@v1")]
    assert reject["column_name"] == "id"
    assert reject["reason"] == "it deletes a row, by a key that isn't one: 'x' is no BIGINT that can be kept exactly"


def two_of_three_deleted(silt):
    """Rows 1 to 3; the first has a value that can't be loaded when it and the second are deleted."""
    bronze(silt, {"id": [1, 2, 3], "n": ["5", "6", "7"]}, *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "n = 'bad'", "--where", "id = 1")
    run(silt)
    silt("delete", "lake/bronze", "--where", "id < 3")
    assert run(silt)["tables"][0]["rows_rejected"] == 0


@pytest.mark.parametrize("column", ["{name: n, type: int}", "{name: n, type: int, nullable: false}"])
def test_a_delete_from_a_database(silt, column):
    configure(silt, KEYED + f"    schema: [{{name: id, type: long}}, {column}]\n" + QUARANTINE)
    text = (silt.dir / "silt.yaml").read_text().replace("{path: lake/silver}", "{connection: db, format: sqlite, path: silver}")
    silt.write("silt.yaml", "connections: {db: {path: shop.db}}\n" + text)
    two_of_three_deleted(silt)
    with sqlite3.connect(silt.dir / "shop.db") as db:
        assert db.execute("SELECT id, n FROM silver").fetchall() == [(3, 7)]


@pytest.mark.parametrize("more", ["", "    scd2_effective_from: _commit_timestamp\n"])
def test_a_delete_that_ends_a_version(silt, read_deltalake, more):
    scd2 = "    loading_strategy: scd2\n    primary_keys: [id]\n    tracking_columns: [n]\n" + more
    at = ", {name: _commit_timestamp, type: timestamp}" if more else ""
    configure(silt, scd2 + f"    schema: [{{name: id, type: long}}, {{name: n, type: int, nullable: false}}{at}]\n" + QUARANTINE,
              ", on_source_change: apply" + (", change_columns: [_commit_timestamp]" if more else ""))
    two_of_three_deleted(silt)
    rows = read_deltalake(silt.dir / "lake/silver").to_pylist()
    assert sorted((r["id"], r["n"], r["is_current"]) for r in rows) == [(1, 5, False), (2, 6, False), (3, 7, True)]


# ---- more rejects than a replay's batch has


def test_rejects_of_many_batches_are_replayed_in_the_order_of_versions(silt, read_deltalake):
    """10,000 rows are a batch: keys of version 2 stand in one, those of version 10 in the next, whatever order they are read in."""
    check = "    constraints: [{name: few, check: 'n < %d', on_violation: quarantine}]\n"
    count = 5500
    configure(silt, KEYED + check % 10)
    bronze(silt, {"id": list(range(count + 1)), "n": [1] * (count + 1)}, *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "n = 20", "--where", f"id < {count}")
    run(silt)
    for n in range(3, 10):
        silt("update", "lake/bronze", "--set", f"n = {n}", "--where", f"id = {count}")
    silt("update", "lake/bronze", "--set", "n = 300", "--where", "id = 1")
    silt("update", "lake/bronze", "--set", "n = 30", "--where", f"id > 1 AND id < {count}")
    run(silt)
    configure(silt, KEYED + check % 100)
    for step in ("--dry-run", None):
        told = silt("replay", "--table", "silver", "--json", *([step] if step else [])).json
        assert (told["rows_replayed"], told["rows_still_bad"]) == (2 * count - 2, 1)
    rows = read_deltalake(silt.dir / "lake/silver").to_pylist()
    assert {r["id"]: r["n"] for r in rows} == {0: 20, 1: 20, count: 9, **{i: 30 for i in range(2, count)}}
    configure(silt, KEYED + check % 1000)
    assert silt("replay", "--table", "silver", "--json").json["rows_replayed"] == 1
    assert_sound(silt)
