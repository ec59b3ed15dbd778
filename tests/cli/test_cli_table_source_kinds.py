"""Source tables of all kinds: types, column mapping, deletion vectors, partitions; targets that aren't Delta tables."""
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipelines import read

CONFIG = """\
pipeline: shop
checkpoint_path: state
connections: {db: {path: shop.db}, lake: {path: lake}}
tables:
  - table_name: silver
    source: {path: bronze, connection: lake, format: delta%s}
%s    write: %s
"""
KEYED = "    loading_strategy: upsert\n    primary_keys: [id]\n"
FED = ("--property", "delta.enableChangeDataFeed=true")


def configure(silt, strategy=KEYED, source="", write="{path: lake/silver}"):
    silt.write("silt.yaml", CONFIG % (source, strategy, write))


def bronze(silt, rows, *options):
    silt.write("rows.csv", "id,name\n" + "".join(f"{i},{n}\n" for i, n in rows))
    silt("write", "lake/bronze", "rows.csv", *options)


def run(silt):
    return silt("run", "--json").json


def same(silt, *columns):
    return read(silt, "silver", *columns) == read(silt, "bronze", *columns)


def assert_sound(silt):
    for _ in range(2):
        assert run(silt)["total_files_processed"] == 0
    silt("validate-consistency")
    silt("prove")


TYPES = """CREATE TABLE t AS SELECT i::BIGINT AS id, i::TINYINT AS a, i::SMALLINT AS b, i::INTEGER AS c,
i::FLOAT AS d, i::DOUBLE / 3 AS e, (i / 7)::DECIMAL(20, 5) AS f, i % 2 = 0 AS g, 'é' || i AS h,
i::VARCHAR::BLOB AS j, DATE '2024-02-29' + i::INTEGER AS k, TIMESTAMPTZ '2024-02-29 01:02:03.456789+00' + INTERVAL (i) HOUR AS l,
[i, NULL, 3] AS m, {'x': i, 'y': ['a', NULL]} AS n, MAP {'k' || i: i} AS o,
TIMESTAMP '2024-02-29 01:02:03.456789' AS p FROM range(5) r(i) UNION ALL BY NAME SELECT 99 AS id"""


def test_all_types(silt, read_deltalake):
    import duckdb
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(TYPES)
    db.execute(f"COPY t TO '{silt.dir}/rows.parquet' (FORMAT parquet)")
    configure(silt)
    silt("write", "lake/bronze", "rows.parquet", *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "h = 'new'", "--where", "id >= 3")
    run(silt)
    silver, source = read_deltalake(silt.dir / "lake/silver"), read_deltalake(silt.dir / "lake/bronze")
    assert silver.schema.field("a").type == pa.int8() and silver.num_rows == 6
    names = source.schema.names
    assert [silver.schema.field(n).type for n in names] == [source.schema.field(n).type for n in names]
    key = [("id", "ascending")]
    assert silver.select(names).sort_by(key).to_pylist() == source.sort_by(key).to_pylist()
    assert_sound(silt)


@pytest.mark.parametrize("options", [
    (), ("--partition-by", "name"), ("--property", "delta.enableDeletionVectors=true"),
    ("--property", "delta.columnMapping.mode=name")], ids=["plain", "partitions", "vectors", "mapping"])
def test_kinds_of_tables(silt, options, read_deltalake):
    configure(silt)
    bronze(silt, [(i, "ab"[i % 2]) for i in range(20)] + [(20, "")], *FED, *options)
    run(silt)
    assert same(silt, "id", "name")
    silt("delete", "lake/bronze", "--where", "id in (3, 4, 19)")
    silt("update", "lake/bronze", "--set", "name = 'c'", "--where", "id in (5, 6)")
    silt("delete", "lake/bronze", "--where", "id = 5")
    bronze(silt, [(30, "z")])
    run(silt)
    assert same(silt, "id", "name")
    silt("optimize", "lake/bronze")
    assert run(silt)["total_files_processed"] == 0
    silt("restore", "lake/bronze", "--version", "0")
    run(silt)
    assert same(silt, "id", "name")
    assert read_deltalake(silt.dir / "lake/silver").num_rows == 21
    assert_sound(silt)


def test_vectors_without_a_feed_are_refused(silt):
    configure(silt)
    bronze(silt, [(1, "a"), (2, "b")], "--property", "delta.enableDeletionVectors=true")
    run(silt)
    silt("delete", "lake/bronze", "--where", "id = 1")
    assert "the change data feed was off" in silt("run", rc=None).out


def test_a_renamed_column(silt):
    """As a file would: the new name is another column."""
    configure(silt, KEYED + "    on_new_column: evolve\n")
    bronze(silt, [(1, "a")], *FED, "--property", "delta.columnMapping.mode=name")
    run(silt)
    silt("alter", "lake/bronze", "--rename-column", "name=title")
    silt.write("rows.csv", "id,title\n2,b\n")
    silt("write", "lake/bronze", "rows.csv")
    run(silt)
    assert read(silt, "silver", "id", "name", "title") == [("1", "a", ""), ("2", "", "b")]
    assert_sound(silt)


def test_rows_that_violate_and_rows_that_go(silt):
    """What is taken out of a version leaves its deletes where they are."""
    configure(silt, KEYED + "    constraints: [{name: few, check: 'id < 100', on_violation: quarantine}]\n")
    bronze(silt, [(1, "a"), (2, "b"), (100, "x")], *FED)
    run(silt)
    silt("delete", "lake/bronze", "--where", "id = 1")
    bronze(silt, [(3, "c"), (101, "y")])
    table = run(silt)["tables"][0]
    assert table["rows_rejected"] == 1
    assert read(silt, "silver", "id") == [("2",), ("3",)]
    rejects = read_rejects(silt)
    assert [r["source_file"].rsplit("@")[1] for r in rejects] == ["snapshot-v0", "v2"]
    assert_sound(silt)


FEW = "    constraints: [{name: few, check: 'amount < %d', on_violation: %s}]\n"


def amounts(silt, *rows, options=()):
    silt.write("rows.csv", "id,amount\n" + "".join(f"{i},{n}\n" for i, n in rows))
    silt("write", "lake/bronze", "rows.csv", *options)


@pytest.mark.parametrize("new_column", ["", "    on_new_column: evolve\n"])
def test_rejected_rows_are_replayed_in_the_order_of_versions(silt, new_column):
    """Version 11 after version 2; which rows delete is no column of the target."""
    configure(silt, KEYED + new_column + FEW % (10, "quarantine"))
    amounts(silt, (1, 1), (2, 20), options=FED)
    run(silt)
    for n in range(11):
        silt("update", "lake/bronze", "--set", f"amount = {n + 11}", "--where", "id = 1")
    run(silt)
    assert read(silt, "silver", "id", "amount") == [("1", "1")]
    configure(silt, KEYED + new_column + FEW % (100, "quarantine"))
    silt("replay", "--table", "silver")
    assert same(silt, "id", "amount")
    assert "_silt_deletes" not in [f.name for f in DeltaTable(str(silt.dir / "lake/silver")).schema().fields]
    assert_sound(silt)


def test_a_mended_row_needs_not_say_that_it_stays(silt):
    configure(silt, KEYED + FEW % (10, "quarantine"))
    amounts(silt, (1, 1), (2, 20), options=FED)
    run(silt)
    [reject] = read_rejects(silt)
    silt.write("mended.ndjson", '{"reject_id": "%s", "row_json": {"id": 2, "amount": 2}}\n' % reject["reject_id"])
    silt("replay", "--table", "silver", "--file", "mended.ndjson")
    assert read(silt, "silver", "id", "amount") == [("1", "1"), ("2", "2")]


@pytest.mark.parametrize("on", ["fail", "quarantine", "drop"])
def test_a_row_goes_whatever_its_values_were(silt, on):
    """What a source deletes may violate what rows have to be: there is none of it left."""
    configure(silt, KEYED + FEW % (10, "drop"))
    amounts(silt, (1, 1), (2, 2), (3, 3), options=FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "amount = 30", "--where", "id <= 2")
    run(silt)
    configure(silt, KEYED + FEW % (10, on))
    silt("delete", "lake/bronze", "--where", "id = 1")
    run(silt)
    assert read(silt, "silver", "id", "amount") == [("2", "2"), ("3", "3")]
    silt("update", "lake/bronze", "--set", "id = 4", "--where", "id = 2")
    told = silt("run", "--json", rc=5 if on == "fail" else 0).json["tables"][0]
    if on != "fail":
        assert told["rows_rejected"] == 1  # the row that comes; the one that it was goes
        assert read(silt, "silver", "id", "amount") == [("3", "3")]
        assert_sound(silt)


def read_rejects(silt):
    from deltalake import QueryBuilder
    table = DeltaTable(str(silt.dir / "state/rejects"))
    return pa.table(QueryBuilder().register("t", table).execute(
        "SELECT * FROM t ORDER BY source_file")).to_pylist()


def test_into_a_database(silt):
    configure(silt, KEYED, ", on_source_change: ignore", "{connection: db, format: sqlite, path: silver}")
    bronze(silt, [(1, "a"), (2, "b")], *FED)
    run(silt)
    silt("update", "lake/bronze", "--set", "name = 'A'", "--where", "id = 1")
    silt("update", "lake/bronze", "--set", "name = 'AA'", "--where", "id = 1")
    silt("delete", "lake/bronze", "--where", "id = 2")
    bronze(silt, [(3, "c")])
    run(silt)
    with sqlite3.connect(silt.dir / "shop.db") as db:
        assert db.execute("SELECT id, name FROM silver ORDER BY id").fetchall() == [(1, "AA"), (2, "b"), (3, "c")]
    assert_sound(silt)


def test_into_files(silt):
    configure(silt, "", "", "{format: parquet, path: out}")
    bronze(silt, [(1, "a"), (2, "b")], *FED)
    run(silt)
    bronze(silt, [(3, "c")])
    run(silt)
    rows = pa.concat_tables(pq.read_table(p, columns=["id", "name"]) for p in (silt.dir / "out").glob("*.parquet"))
    assert sorted(rows["id"].to_pylist()) == [1, 2, 3]
    assert_sound(silt)


@pytest.mark.parametrize("steps, expected", [
    (["insert 5", "update 3", "delete"], []),
    (["insert 5", "delete", "insert 3"], [("1", "3")]),
    (["insert 5", "load", "delete", "insert 3"], [("1", "3")]),
])
def test_what_is_deleted_between_is_newer_than_newest_wins(silt, steps, expected):
    """By one run, versions come one by one: the newest row of all would come back after its delete, or go by an older one."""
    configure(silt, KEYED, write="{path: lake/silver, dedup_strategy: newest_wins, timestamp_col: at}")
    silt.write("rows.csv", "id,at\n9,9\n")
    silt("write", "lake/bronze", "rows.csv", *FED)
    run(silt)
    for step in steps:
        what, *at = step.split()
        if what == "insert":
            silt.write("rows.csv", f"id,at\n1,{at[0]}\n")
            silt("write", "lake/bronze", "rows.csv")
        elif what == "update":
            silt("update", "lake/bronze", "--where", "id = 1", "--set", f"at = {at[0]}")
        elif what == "delete":
            silt("delete", "lake/bronze", "--where", "id = 1")
        else:
            run(silt)
    run(silt)
    assert [row for row in read(silt, "silver", "id", "at") if row[0] != "9"] == expected
    assert_sound(silt)


def test_newest_wins(silt):
    configure(silt, KEYED, write="{path: lake/silver, dedup_strategy: newest_wins, timestamp_col: at}")
    silt.write("rows.csv", "id,at\n1,2024-01-01\n1,2024-01-03\n2,2024-01-01\n")
    silt("write", "lake/bronze", "rows.csv", *FED)
    run(silt)
    assert read(silt, "silver", "id", "at") == [("1", "2024-01-03"), ("2", "2024-01-01")]
    silt("delete", "lake/bronze", "--where", "id = 2")
    run(silt)
    assert read(silt, "silver", "id", "at") == [("1", "2024-01-03")]
    assert_sound(silt)
