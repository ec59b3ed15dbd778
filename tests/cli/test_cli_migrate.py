"""silt migrate: folders of Parquet files become tables, once, and again with what is new."""
import datetime as dt
import json
import re
import random as randoms
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable


def put(folder, name, rows, **how):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows if isinstance(rows, pa.Table) else pa.table(rows), path, **how)
    return path


def adds(table, version=0):
    text = (table / f"_delta_log/{version:020}.json").read_text()
    return {re.sub(r"part-[0-9a-f-]{36}-", "", a["add"]["path"]): a["add"] for a in map(json.loads, text.splitlines()) if "add" in a}


def info(table, version=0):
    text = (table / f"_delta_log/{version:020}.json").read_text()
    return next(a["commitInfo"] for a in map(json.loads, text.splitlines()) if "commitInfo" in a)


@pytest.fixture
def days(silt):
    folder = silt.dir / "days"
    put(folder, "day=2024-01-01/kind=a%2Fb/1.parquet", {"id": [1, 2], "x": ["p", None]})
    put(folder, "day=2024-01-02/kind=__HIVE_DEFAULT_PARTITION__/1.parquet", {"id": [3], "x": ["q"]})
    put(folder, "day=2024-01-02/kind=007/2.parquet", {"id": [4], "y": [1.5]})
    put(folder, "_temporary/x.parquet", {"no": [1]})
    (folder / "_SUCCESS").write_text("")
    return folder


def test_copied(silt, days, read_deltalake):
    answer = silt("migrate", days, "lake/t", "--json", "--verify", "--report", "r.json").json
    assert answer == json.loads((silt.dir / "r.json").read_text())
    assert answer["outcome"] == "committed" and answer["verified"] and not answer["in_place"]
    assert (answer["files"], answer["rows"], answer["files_hidden"], answer["version"]) == (3, 4, 2, 0)
    assert answer["partition_by"] == "day date, kind string" and answer["partitions_inferred"]
    assert len(answer["schema_fingerprint"]) == 64
    table = silt.dir / "lake/t"
    rows = sorted(read_deltalake(table).select(["id", "x", "y", "day", "kind"]).to_pylist(), key=lambda r: r["id"])
    assert rows == [
        {"id": 1, "x": "p", "y": None, "day": dt.date(2024, 1, 1), "kind": "a/b"},
        {"id": 2, "x": None, "y": None, "day": dt.date(2024, 1, 1), "kind": "a/b"},
        {"id": 3, "x": "q", "y": None, "day": dt.date(2024, 1, 2), "kind": None},
        {"id": 4, "x": None, "y": 1.5, "day": dt.date(2024, 1, 2), "kind": "007"}]
    commit = info(table)
    assert commit["operation"] == "CONVERT" and commit["operationMetrics"] == {"numConvertedFiles": "3"}
    assert commit["operationParameters"]["partitionedBy"] == '["day","kind"]'
    assert not list(table.rglob("_silt/scratch/*"))
    before = {p: p.stat().st_mtime_ns for p in days.rglob("*.parquet")}
    assert len(before) == 4, "the source stays as it is"


def test_again_with_what_is_new(silt, days):
    silt("migrate", days, "t", "--partition-by", "day date, kind string")
    assert silt("migrate", days, "t", "--json").json["outcome"] == "same"
    put(days, "day=2024-01-03/kind=b/1.parquet", {"id": [5]})
    (days / "day=2024-01-01/kind=a%2Fb/1.parquet").unlink()
    would = silt("migrate", days, "t", "--dry-run", "--json").json
    assert would["outcome"] == "would migrate" and DeltaTable(str(silt.dir / "t")).version() == 0
    answer = silt("migrate", days, "t", "--json", "--verify").json
    assert (answer["files"], answer["rows"], answer["version"]) == (1, 1, 1)
    assert answer["removed"] == ["day=2024-01-01/kind=a%2Fb/1.parquet"]
    # What was deleted from the table doesn't come again, nor after a new name of the same log.
    DeltaTable(str(silt.dir / "t")).delete("id = 5")
    assert silt("migrate", days, "t", "--json").json["outcome"] == "same"
    assert silt("read", "t", "--format", "json").out.count("\n") == 4
    # A file that isn't what it was is no new one.
    put(days, "day=2024-01-03/kind=b/1.parquet", {"id": [6, 7]})
    assert "has changed since" in silt("migrate", days, "t", rc=1).err


def test_notes_of_attempts_that_died(silt, days):
    """A note counts when the table has seen its number, and its txn."""
    silt("migrate", days, "t")
    notes = next((silt.dir / "t/_silt/migrate").iterdir())
    note = next(notes.iterdir())
    (notes / "0-11111111-1111-4111-8111-111111111111.json").write_text('{"files":[]}')
    (notes / "1-11111111-1111-4111-8111-111111111111.json").write_text(note.read_text().replace("1.parquet", "9.parquet"))
    put(days, "day=2024-01-05/kind=b/9.parquet", {"id": [9]})
    answer = silt("migrate", days, "t", "--json").json
    assert (answer["files"], answer["files_before"]) == (1, 3)
    note.unlink()
    (notes / "0-11111111-1111-4111-8111-111111111111.json").unlink()
    assert "can't be told any more" in silt("migrate", days, "t", rc=1).err


def test_in_place(silt, days, read_deltalake):
    before = sorted(days.rglob("*.parquet"))
    answer = silt("migrate", days, days, "--json", "--verify").json
    assert answer["in_place"] and answer["verified"] and sorted(days.rglob("*.parquet")) == before
    assert read_deltalake(days).num_rows == 4
    put(days, "day=2024-01-03/kind=b/1.parquet", {"id": [5]})
    assert silt("migrate", days, str(days) + "/.", "--json").json["files"] == 1
    assert read_deltalake(days).num_rows == 5
    DeltaTable(str(days)).optimize.compact()
    DeltaTable(str(days)).delete("id = 1")
    put(days, "day=2024-01-04/kind=b/1.parquet", {"id": [6]})
    assert "can't be told from new ones" in silt("migrate", days, days, rc=2).err


def test_all_that_do_not_go_together_are_named(silt):
    folder = silt.dir / "in"
    put(folder, "1.parquet", {"id": pa.array([1], pa.int64()), "s": [{"a": 1}]})
    put(folder, "2.parquet", {"id": pa.array([1], pa.int32())})
    put(folder, "3.parquet", {"id": ["x"]})
    put(folder, "4.parquet", {"id": pa.array([1], pa.int64()), "s": [{"a": "x"}]})
    put(folder, "5.parquet", {"ID": pa.array([1], pa.int64())})
    put(folder, "6.parquet", {"t": pa.array([dt.time(1)])})
    (folder / "7.parquet").write_bytes(b"PAR1 this is none PAR1")
    (folder / "readme.txt").write_text("hello")
    refused = silt("migrate", folder, "t", "--report", "r.json", rc=1)
    assert "7 files can't be part of the table" in refused.err
    report = json.loads((silt.dir / "r.json").read_text())
    why = {p["path"]: p["why"] for p in report["problems"]}
    assert report["outcome"] == "refused" and sorted(why) == sorted(
        ["2.parquet", "3.parquet", "4.parquet", "5.parquet", "6.parquet", "7.parquet", "readme.txt"])
    assert why["2.parquet"] == "column id is integer, in files before long"
    assert why["4.parquet"] == "column s.a is string, in files before long"
    assert "case" in why["5.parquet"] and "can't be in a table" in why["6.parquet"]
    assert not (silt.dir / "t").exists() or not list((silt.dir / "t").rglob("*.parquet"))


def test_partitions_that_do_not_fit(silt, days):
    assert "isn't of the type" in silt("migrate", days, "t", "--partition-by", "day int, kind string", rc=1).err
    assert "1 columns are told" in silt("migrate", days, "t", "--partition-by", "day date", rc=2).err
    put(days, "other=1/1.parquet", {"id": [1]})
    assert "other partition columns" in silt("migrate", days, "t", rc=1).err
    assert "no files" in silt("migrate", "nowhere", "t", rc=1).err


def test_statistics_do_not_lie(silt):
    """Bounds of the footers against those of the values; NaN, cut strings, decimals, times, unsigned, legacy."""
    folder = silt.dir / "in"
    rows = pa.table({
        "i8": pa.array([-5, 7, None], pa.int8()), "i64": pa.array([-2**60, 2**60, 0]),
        "f": pa.array([1.0, float("nan"), -2.0]), "d": pa.array([dt.date(1, 1, 2), dt.date(9999, 12, 31), None]),
        "s": ["é" * 100, "b", "\U0010ffff" * 50], "n": pa.array([None] * 3, pa.string()),
        "dec": pa.array([Decimal("-12345678901234567890.12"), Decimal("0.05"), None], pa.decimal128(30, 2)),
        "small": pa.array([Decimal("-0.05"), Decimal("12.30"), None], pa.decimal128(9, 2)),
        "t": pa.array([-1, 1500, None], pa.timestamp("us", "UTC")), "ntz": pa.array([0, 1, None], pa.timestamp("ms")),
        "st": [{"a": 1, "b": "x"}, {"a": 5, "b": None}, None], "l": [[1], [], None]})
    put(folder, "1.parquet", rows, row_group_size=2)
    silt("migrate", folder, "t", "--verify")
    stats = json.loads(adds(silt.dir / "t")["1.parquet"]["stats"])
    low, high, nulls = stats["minValues"], stats["maxValues"], stats["nullCount"]
    assert stats["numRecords"] == 3
    assert (low["i8"], high["i8"], low["i64"], high["i64"]) == (-5, 7, -2**60, 2**60)
    assert "f" not in low and "f" not in high, "NaN may hide there"
    assert (low["d"], high["d"]) == ("0001-01-02", "9999-12-31")
    assert low["s"] == "b" and "s" in nulls
    assert (low["small"], high["small"]) == (-0.05, 12.3)
    assert '"dec":-12345678901234567890.12' in adds(silt.dir / "t")["1.parquet"]["stats"]
    assert (low["t"], high["t"]) == ("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.002Z")
    assert nulls["n"] == 3 and "n" not in low and nulls["st"] == {"a": 1, "b": 2}
    assert low["st"] == {"a": 1, "b": "x"} and "l" not in low
    # Every row is found by its own value.
    for where in ("i8 = -5", "s = 'b'", "small = 12.30", "f > 0", "st.a = 5", "d = DATE '9999-12-31'"):
        assert silt("read", "t", "--where", where, "--format", "json").out.count("\n") >= 1, where
    silt("migrate", folder, "bare", "--no-stats")
    assert json.loads(adds(silt.dir / "bare")["1.parquet"]["stats"]) == {"numRecords": 3}


def test_int96_is_an_instant_without_bounds(silt):
    folder = silt.dir / "in"
    put(folder, "1.parquet", {"t": pa.array([0, 1], pa.timestamp("us", "UTC"))}, use_deprecated_int96_timestamps=True)
    put(folder, "2.parquet", {"t": pa.array([0, 1], pa.timestamp("us", "UTC"))})
    answer = silt("migrate", folder, "t", "--json", "--verify").json
    assert "timestamp" in answer["schema"] and "ntz" not in answer["schema"] and answer["rows"] == 4
    files = adds(silt.dir / "t")
    assert "t" not in json.loads(files["1.parquet"]["stats"])["minValues"]
    assert "t" in json.loads(files["2.parquet"]["stats"])["minValues"]


def test_random_files_are_bounded_by_their_statistics(silt):
    folder, random = silt.dir / "in", randoms.Random(20240115)
    for n in range(8):
        count = random.randrange(50)
        values = [random.randrange(-2**62, 2**62) for _ in range(count)]
        put(folder, f"{n}.parquet", {"a": pa.array(values, pa.int64()), "b": pa.array([str(v) for v in values], pa.string()),
                                     "u": pa.array([v % 100 for v in values], pa.int16())},
            row_group_size=7, version=random.choice(["1.0", "2.6"]))
    silt("migrate", folder, "t", "--verify")
    for name, add in adds(silt.dir / "t").items():
        rows, stats = pq.read_table(folder / name), json.loads(add["stats"])
        assert stats["numRecords"] == rows.num_rows
        for column in ("a", "b", "u"):
            values = rows.column(column).to_pylist()
            if values:
                assert stats["minValues"][column] <= min(values) and stats["maxValues"][column] >= max(values)


def test_a_table_is_no_source(silt, days):
    silt("migrate", days, days)
    assert "is a table already" in silt("migrate", days, "t", rc=2).err


def test_files_of_wider_types(silt):
    """One schema of the widest, the history of each column in it, and rows as they were."""
    src, table = silt.dir / "src", silt.dir / "lake"
    put(src, "1.parquet", {"id": pa.array([1, None], pa.int32()), "s": [{"a b": 1.5}, None],
                           "f": pa.array([0.1, 2], pa.float32()), "d": pa.array([dt.date(2024, 1, 2), None])})
    put(src, "2.parquet", {"id": pa.array([2 ** 40], pa.int64()), "s": [{"a b": 2.5}],
                           "f": pa.array([0.3], pa.float64()), "d": pa.array([dt.datetime(2024, 5, 6, 7)], pa.timestamp("us"))})
    put(src, "3.parquet", {"id": pa.array([7], pa.int16()), "s": pa.array([{"a b": 3}], pa.struct([("a b", pa.float32())])),
                           "f": pa.array([9], pa.float32()), "d": pa.array([dt.date(2025, 1, 1)])})
    assert "column id is long, in files before integer" in silt("migrate", src, table, rc=1).err
    done = silt("migrate", src, table, "--widen", "--verify", "--json").json
    assert done["verified"] and done["rows"] == 4
    rows = [json.loads(x) for x in silt("read", table, "--format", "json").out.splitlines()]
    assert sorted((r["id"] or 0) for r in rows) == [0, 1, 7, 2 ** 40]
    assert sorted(r["s"]["a b"] for r in rows if r["s"]) == [1.5, 2.5, 3]
    assert silt("read", table, "--where", "id > 1000", "--format", "json").out.count("\n") == 1
    assert silt("read", table, "--where", "d < '2024-02-01'", "--format", "json").out.count("\n") == 1
    first = (table / "_delta_log/00000000000000000000.json").read_text()
    actions = [json.loads(line) for line in first.splitlines()]
    assert "typeWidening" in next(a["protocol"] for a in actions if "protocol" in a)["readerFeatures"]
    schema = json.loads(next(a["metaData"] for a in actions if "metaData" in a)["schemaString"])
    fields = {f["name"]: f for f in schema["fields"]}
    assert (fields["id"]["type"], fields["f"]["type"], fields["d"]["type"]) == ("long", "double", "timestamp_ntz")
    assert fields["id"]["metadata"]["delta.typeChanges"][0]["fromType"] == "short"
    put(src, "4.parquet", {"id": pa.array([8], pa.int8())})
    assert silt("migrate", src, table, "--verify", "--json").json["files"] == 1
    assert silt("read", table, "--where", "id = 8", "--format", "json").out.count("\n") == 1
    put(src, "5.parquet", {"id": pa.array([1.5])})
    assert "the table has long" in silt("migrate", src, table, "--widen", rc=1).err
    assert silt("optimize", table, "--json").json["outcome"] == "committed"


def test_wider_types_take_no_feature_where_there_are_none(silt):
    put(silt.dir / "src", "1.parquet", {"id": [1]})
    silt("migrate", "src", "lake", "--widen")
    assert "typeWidening" not in (silt.dir / "lake/_delta_log/00000000000000000000.json").read_text()
    assert DeltaTable(silt.dir / "lake").to_pyarrow_table().num_rows == 1
