"""Tables that Silt wrote, by two independent readers: rows, schema, partition values, stats, history."""
import datetime as dt
import decimal
import json
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

UTC = dt.timezone.utc
AUDIT = ["_source_file", "_load_timestamp", "_batch_id"]


def pipeline(silt, *tables, **more):
    silt.write("silt.json", json.dumps(
        {"pipeline": "p", "checkpoint_path": "state", "tables": list(tables), **more}))


def table(name="t", source="in/*.csv", strategy="append", write=None, **more):
    return {"table_name": name, "source": source if isinstance(source, dict) else {"path": source},
            "loading_strategy": strategy, "write": {"path": f"lake/{name}", **(write or {})}, **more}


def run(silt, rc=0):
    return silt("run", "--config", "silt.json", "--json", rc=rc).json


def by_id(rows):
    return rows.take(pc.sort_indices(rows, sort_keys=[("id", "ascending")])).to_pylist()


def without_audit(rows):
    return [{k: v for k, v in r.items() if k not in AUDIT} for r in rows]


def adds(path):
    """The add actions of the table's live files, as the log has them."""
    live = {}
    for commit in sorted((Path(path) / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live[action["add"]["path"]] = action["add"]
            if "remove" in action:
                live.pop(action["remove"]["path"], None)
    return list(live.values())


TYPED = pa.table({
    "id": pa.array([1, 2, 3, 4], pa.int64()),
    "i8": pa.array([-128, 127, None, 0], pa.int8()),
    "i16": pa.array([-32768, 32767, None, 0], pa.int16()),
    "i32": pa.array([-2**31, 2**31 - 1, None, 0], pa.int32()),
    "f32": pa.array([1.5, float("inf"), None, -0.0], pa.float32()),
    "f64": pa.array([1e300, float("nan"), None, -2.5], pa.float64()),
    "flag": pa.array([True, False, None, True]),
    "dec": pa.array([decimal.Decimal("12345678901234567890.123456789012345678"), None,
                     decimal.Decimal("-0.000000000000000001"), decimal.Decimal(0)],
                    pa.decimal128(38, 18)),
    "text": ["plain", "emoji 🎉 " * 10, None, ""],
    "raw": pa.array([b"\x00\xff", b"", None, b"x"], pa.binary()),
    "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None, dt.date(2024, 2, 29)]),
    "at": pa.array([dt.datetime(1, 1, 1, tzinfo=UTC), dt.datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
                    None, dt.datetime(2024, 2, 29, 12, 0, 0, 123456, UTC)], pa.timestamp("us", "UTC")),
    "tags": pa.array([["a", None], [], None, ["b"]], pa.list_(pa.string())),
    "where": pa.array([{"lat": 1.5, "name": "x"}, None, {"lat": None, "name": None}, {"lat": 0.0, "name": ""}],
                      pa.struct([("lat", pa.float64()), ("name", pa.string())])),
})


def same(a, b):
    """Equal rows, NaN equal to itself."""
    return repr(a) == repr(b)


def test_every_type_of_a_parquet_source(silt, read_deltalake, read_duckdb):
    silt.write("in/keep", "")
    pq.write_table(TYPED, silt.dir / "in/a.parquet")
    pipeline(silt, table(source="in/*.parquet"))
    assert run(silt)["rows"] == 4
    for read in (read_deltalake, read_duckdb):
        rows = read(silt.dir / "lake/t")
        assert same(without_audit(by_id(rows)), TYPED.to_pylist()), read
        assert rows.column_names == TYPED.column_names + AUDIT
    fields = {f.name: f.type for f in deltalake.DeltaTable(silt.dir / "lake/t").schema().fields}
    names = {n: getattr(t, "type", str(t)) for n, t in fields.items()}
    assert names["i8"] == "byte" and names["i16"] == "short" and names["i32"] == "integer"
    assert names["at"] == "timestamp" and names["day"] == "date" and names["dec"] == "decimal(38,18)"


def test_stats_hold_what_the_rows_say(silt):
    silt.write("in/keep", "")
    pq.write_table(TYPED, silt.dir / "in/a.parquet")
    pipeline(silt, table(source="in/*.parquet"))
    run(silt)
    [add] = adds(silt.dir / "lake/t")
    stats = json.loads(add["stats"])
    low, high = stats["minValues"], stats["maxValues"]
    assert stats["numRecords"] == 4
    assert (low["i8"], high["i8"]) == (-128, 127)
    assert low["day"] == "0001-01-01" and high["day"] == "9999-12-31"
    assert stats["nullCount"]["text"] == 1 and stats["nullCount"]["where"]["lat"] == 2
    assert "f64" not in low and "f64" not in high, "NaN: no bound holds"
    assert high["text"] >= "plain" and len(low["text"]) <= 32 and len(high["text"]) <= 33
    assert low["at"] <= "0001-01-01T00:00:00.000Z"
    assert add["size"] == (silt.dir / "lake/t" / add["path"]).stat().st_size


@pytest.mark.parametrize("hidden", ["a%b", "a b", "ü/x", "x=1", "q?#&", "_", "NULL", "it's", "\t", "a+b", "%20"])
def test_odd_partition_values(silt, read_deltalake, read_duckdb, hidden):
    source = pa.table({"id": [1, 2, 3], "p": [hidden, None, "plain"]})
    silt.write("in/keep", "")
    pq.write_table(source, silt.dir / "in/a.parquet")
    pipeline(silt, table(source="in/*.parquet", write={"partition_by": ["p"]}))
    run(silt)
    for read in (read_deltalake, read_duckdb):
        rows = {r["id"]: r["p"] for r in read(silt.dir / "lake/t").to_pylist()}
        assert rows == {1: hidden, 2: None, 3: "plain"}, read
    got = {r["id"]: r["p"] for r in map(json.loads, silt("read", "lake/t", "--format", "json").out.splitlines())}
    assert got == rows


def test_partition_types(silt, read_deltalake, read_duckdb):
    source = pa.table({
        "id": [1, 2], "n": pa.array([7, None], pa.int32()), "d": [dt.date(2024, 2, 29), None],
        "t": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, 678900, UTC), None], pa.timestamp("us", "UTC")),
        "b": [True, None], "x": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2))})
    silt.write("in/keep", "")
    pq.write_table(source, silt.dir / "in/a.parquet")
    pipeline(silt, table(source="in/*.parquet", write={"partition_by": ["n", "d", "t", "b", "x"]}))
    run(silt)
    for read in (read_deltalake, read_duckdb):
        rows = without_audit(by_id(read(silt.dir / "lake/t")))
        assert [dict(sorted(r.items())) for r in rows] == [dict(sorted(r.items())) for r in source.to_pylist()]


def test_many_commits_and_a_checkpoint(silt, read_deltalake, read_duckdb):
    for i in range(12):
        silt.write(f"in/{i:03}.csv", f"id,v\n{i},{i * i}\n")
    pipeline(silt, table(batch={"max_files": 1}))
    assert run(silt)["total_files_processed"] == 12
    for i in range(12, 120):
        silt.write(f"in/{i:03}.csv", f"id,v\n{i},{i * i}\n")
    assert run(silt)["total_files_processed"] == 108
    log = silt.dir / "lake/t/_delta_log"
    assert list(log.glob("*.checkpoint.parquet")) and (log / "_last_checkpoint").exists()
    for read in (read_deltalake, read_duckdb):
        assert [r["v"] for r in by_id(read(silt.dir / "lake/t"))] == [i * i for i in range(120)]
    # From the checkpoint alone, since readers clean up logs.
    last = json.loads((log / "_last_checkpoint").read_text())["version"]
    for commit in log.glob("*.json"):
        if commit.stem.isdigit() and int(commit.stem) <= last:
            commit.unlink()
    for crc in log.glob("*.crc"):
        crc.unlink()
    for read in (read_deltalake, read_duckdb):
        assert [r["v"] for r in by_id(read(silt.dir / "lake/t"))] == [i * i for i in range(120)]
    assert silt("read", "lake/t", "--format", "csv").out.count("\n") == 121
    silt.write("in/120.csv", "id,v\n120,14400\n")
    assert run(silt)["total_files_processed"] == 1, "the app txn survives in the checkpoint"
    assert read_deltalake(silt.dir / "lake/t").num_rows == 121


def test_history_is_read_by_others(silt):
    silt.write("in/a.csv", "id\n1\n")
    pipeline(silt, table())
    run(silt)
    newest = deltalake.DeltaTable(silt.dir / "lake/t").history(1)[0]
    assert newest["operation"] == "WRITE" and newest["engineInfo"].startswith("silt/")
    assert newest["operationParameters"]["mode"] == "Append"
    assert deltalake.DeltaTable(silt.dir / "lake/t").transaction_version("p/t") == 0


def test_upsert_is_read_by_others(silt, read_deltalake, read_duckdb):
    silt.write("in/a.csv", "id,v,at\n" + "".join(f"{i},old,2024-01-01\n" for i in range(100)))
    pipeline(silt, table(strategy="upsert", write={
        "keys": ["id"], "dedup_strategy": "newest_wins", "timestamp_col": "at"}))
    run(silt)
    silt.write("in/b.csv", "id,v,at\n5,new,2024-02-01\n6,older,2023-01-01\n200,fresh,2024-02-01\n"
                           "5,newest,2024-03-01\n")
    first = run(silt)
    [t] = first["tables"]
    assert (t["rows_inserted"], t["rows_updated"], t["rows_unchanged"], t["rows_deduplicated"]) == (1, 1, 1, 1)
    for read in (read_deltalake, read_duckdb):
        rows = {r["id"]: r["v"] for r in read(silt.dir / "lake/t").to_pylist()}
        assert len(rows) == 101 and rows[5] == "newest" and rows[6] == "old" and rows[200] == "fresh"
    assert deltalake.DeltaTable(silt.dir / "lake/t").history(1)[0]["operation"] == "MERGE"


def test_tracker_and_status_are_delta_tables(silt, read_deltalake, read_duckdb):
    silt.write("in/a.csv", "id\n1\n2\n")
    silt.write("in/b.csv", "id\n3\n")
    pipeline(silt, table())
    run(silt)
    for read in (read_deltalake, read_duckdb):
        rows = read(silt.dir / "state/file_processing_tracker")
        assert rows.column_names == [
            "file_path", "file_size", "file_modified_time", "table_name", "status", "processing_start_time",
            "processing_end_time", "error_message", "retry_count", "created_at", "updated_at", "batch_id",
            "attempt_id", "row_count", "rejected_count", "content_hash"]
        assert {(Path(r["file_path"]).name, r["status"], r["row_count"]) for r in rows.to_pylist()} == {
            ("a.csv", "completed", 2), ("b.csv", "completed", 1)}
        [status] = read(silt.dir / "state/table_status").to_pylist()
        assert status["table_name"] == "t" and status["status"] == "completed"
        assert status["files_completed"] == 2
    protocol = deltalake.DeltaTable(silt.dir / "state/file_processing_tracker").protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
