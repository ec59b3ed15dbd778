"""Tables that Silt looked after, by two independent readers; and deltalake's, looked after by Silt."""
import datetime as dt
import json
import os
import time
import uuid

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def table(silt):
    """Written by deltalake: four versions, two partitions; the last one overwrites."""
    path = silt.dir / "t"
    for i in range(4):
        deltalake.write_deltalake(str(path), pa.table({"id": [i, i + 10], "day": ["a", "b c"]}),
                                  mode="overwrite" if i == 3 else "append", partition_by=["day"])
    return path


def ids(rows):
    return sorted(rows["id"].to_pylist())


def by_all(silt, table, read_deltalake, read_duckdb):
    mine = sorted(json.loads(x)["id"] for x in silt("read", table, "--json").out.splitlines())
    assert ids(read_deltalake(table)) == mine
    assert ids(read_duckdb(table)) == mine
    return mine


def age(folder, days):
    then = time.time() - days * 86400
    for path in folder.iterdir():
        os.utime(path, (then, then))


def test_restored(silt, table, read_deltalake, read_duckdb):
    silt("restore", table, "--version", 1)
    assert by_all(silt, table, read_deltalake, read_duckdb) == [0, 1, 10, 11]
    deltalake.write_deltalake(str(table), pa.table({"id": [99], "day": ["a"]}), mode="append")
    assert by_all(silt, table, read_deltalake, read_duckdb) == [0, 1, 10, 11, 99]
    last = deltalake.DeltaTable(str(table)).history()[1]
    assert last["operation"] == "RESTORE" and last["operationMetrics"]["numRestoredFiles"] == "4"


def test_vacuumed(silt, table, read_deltalake, read_duckdb):
    told = silt("vacuum", table, "--retention-hours", 0, "--yes", "--dry-run").out.splitlines()
    theirs = deltalake.DeltaTable(str(table)).vacuum(0, dry_run=True, enforce_retention_duration=False, full=True)
    assert sorted(told) == sorted(theirs)
    silt("vacuum", table, "--retention-hours", 0, "--yes")
    assert by_all(silt, table, read_deltalake, read_duckdb) == [3, 13]


@pytest.mark.parametrize("parts", [1, 3])
def test_checkpointed_and_cleaned_up(silt, table, read_deltalake, read_duckdb, parts):
    silt("checkpoint", table, "--parts", parts)
    age(table / "_delta_log", 60)
    assert silt("cleanup-log", table, "--json").json["first_version"] == 3
    assert not list((table / "_delta_log").glob("*0.json"))
    assert by_all(silt, table, read_deltalake, read_duckdb) == [3, 13]
    deltalake.write_deltalake(str(table), pa.table({"id": [99], "day": ["a"]}), mode="append")
    assert by_all(silt, table, read_deltalake, read_duckdb) == [3, 13, 99]


def test_v2_checkpoints(silt, read_deltalake, read_duckdb):
    table = silt.dir / "v2"
    schema = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}
    head = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"],
                          "writerFeatures": ["v2Checkpoint"]}},
            {"metaData": {"id": str(uuid.uuid4()), "format": {"provider": "parquet", "options": {}},
                          "schemaString": json.dumps(schema), "partitionColumns": [],
                          "configuration": {"delta.checkpointPolicy": "v2"}, "createdTime": 1}},
            {"txn": {"appId": "a", "version": 4, "lastUpdated": 5}}]
    for v in range(3):
        (table / "_delta_log").mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": [v]}), table / f"{v}.parquet")
        add = {"add": {"path": f"{v}.parquet", "partitionValues": {}, "size": (table / f"{v}.parquet").stat().st_size,
                       "modificationTime": 1, "dataChange": True, "stats": json.dumps({"numRecords": 1})}}
        actions = [{"commitInfo": {"timestamp": v}}] + (head if v == 0 else []) + [add]
        (table / f"_delta_log/{v:020}.json").write_text("".join(json.dumps(a) + "\n" for a in actions))
    made = silt("checkpoint", table, "--json").json
    assert made["form"] == "v2" and made["objects_written"] == 2
    for v in range(2):
        (table / f"_delta_log/{v:020}.json").unlink()
    assert by_all(silt, table, read_deltalake, read_duckdb) == [0, 1, 2]
    sidecar, = (table / "_delta_log/_sidecars").iterdir()
    assert pq.read_schema(sidecar).names == ["add", "remove"]
    assert deltalake.DeltaTable(str(table)).transaction_version("a") == 4


def test_stats_as_columns(silt, read_deltalake, read_duckdb):
    """delta.checkpoint.writeStatsAsStruct: typed, and what skips files when there is no JSON."""
    table, at = silt.dir / "t", dt.datetime(2024, 1, 1, 2, 3, 4, 567000, dt.timezone.utc)
    deltalake.write_deltalake(
        str(table), pa.table({"id": [1, 2], "at": pa.array([at, at], pa.timestamp("us", "UTC")), "s": ["x", "y"],
                              "st": [{"u": 1}, {"u": 2}], "l": [[1], [2]], "p": [7, None]}),
        partition_by=["p"], configuration={"delta.checkpoint.writeStatsAsStruct": "true",
                                           "delta.checkpoint.writeStatsAsJson": "false"})
    commit = table / "_delta_log/00000000000000000000.json"
    broken = json.loads([x for x in commit.read_text().splitlines() if '"add"' in x][0])
    broken["add"] |= {"path": "other.parquet", "stats": "{not JSON"}
    commit.write_text(commit.read_text().rstrip() + "\n" + json.dumps(broken) + "\n")
    (table / "other.parquet").write_bytes(next(table.glob("p=7/*.parquet")).read_bytes())
    silt("checkpoint", table)
    (table / "_delta_log/00000000000000000001.json").write_text('{"commitInfo":{}}\n')
    commit.unlink()
    file, = (table / "_delta_log").glob("*.checkpoint.parquet")
    adds = [r["add"] for r in pq.read_table(file).to_pylist() if r["add"]]
    assert "stats" not in adds[0] and len(adds) == 3
    by_id = {a["stats_parsed"]["minValues"]["id"]: a for a in adds if a["stats_parsed"]}
    assert sorted(by_id) == [1, 2]
    assert by_id[1]["partitionValues_parsed"] == {"p": 7} and by_id[2]["partitionValues_parsed"] == {"p": None}
    stats = by_id[2]["stats_parsed"]
    assert stats["numRecords"] == 1 and stats["maxValues"] == {"id": 2, "at": at, "s": "y", "st": {"u": 2}}
    assert stats["nullCount"]["st"] == {"u": 0}
    found = silt("files", table, "--where", "id = 2").out.splitlines()
    assert len(found) == 2 and "other.parquet" in found, "statistics that can't be read don't count"
    assert by_all(silt, table, read_deltalake, read_duckdb)[-1] == 2


def test_long_texts_that_others_dont_cut_are_no_lies(silt):
    """deltalake's bounds are whole texts, where Silt's own would be cut."""
    for i, text in enumerate(("a" * 31, "a" * 32, "a" * 33, "a text of more than sixty-four bytes, which footers cut as well as logs", "ü" * 40)):
        deltalake.write_deltalake(str(silt.dir / str(i)), pa.table({"s": [text]}))
        assert json.loads(silt("doctor", str(i), "--json").out)["errors"] == 0, text


@pytest.mark.parametrize("parts", [(1, 2), (2, 1), (2, 3), (3, 3), (1, 1)])
def test_a_version_has_one_checkpoint(silt, read_deltalake, read_duckdb, parts):
    """DuckDB refuses a table whose newest checkpoint is there twice, and not as _last_checkpoint says."""
    silt("create", "t", "--schema", "id long")
    silt.write("rows.json", '{"id":1}\n{"id":2}')
    silt("write", "t", "rows.json")
    silt("checkpoint", "t", "--version", "0", "--parts", "2")
    for n in parts:
        silt("checkpoint", "t", "--parts", n)
        for read in (read_deltalake, read_duckdb):
            assert sorted(r["id"] for r in read(silt.dir / "t").to_pylist()) == [1, 2]
        assert silt("doctor", "t", "--deep").rc == 0
    found = [p.name for p in (silt.dir / "t/_delta_log").glob("00000000000000000001.checkpoint*")]
    assert len(found) == parts[-1], found
    assert len(list((silt.dir / "t/_delta_log").glob("00000000000000000000.checkpoint*"))) == 2, "of another version"


@pytest.mark.parametrize("by, mapping", [("s.`a.b`", "none"), ("s.c.d,s.`a.b`", "name")])
def test_rows_are_clustered_by_members_of_structs(silt, read_duckdb, by, mapping):
    silt("create", "t", "--schema", "id long, s struct<`a.b`: long, c: struct<d: string>>", "--cluster-by", by, "--property",
         f"delta.columnMapping.mode={mapping}")
    silt("write", "t", "--sql", "SELECT range AS id, {'a.b': (hash(range) % 1000)::bigint, c: {d: (hash(range + 1) % 1000)::varchar}} "
         "AS s FROM range(40000)")
    silt("optimize", "t", "--target-file-size", "40kb")
    commit = (silt.dir / "t/_delta_log/00000000000000000002.json").read_text().splitlines()
    adds = [json.loads(line)["add"] for line in commit if line.startswith('{"add"')]
    assert len(adds) > 3 and all(a["clusteringProvider"] == "liquid" for a in adds)
    widths = []
    for add in adds:
        low, high = ([v for v in json.loads(add["stats"])[k].values() if isinstance(v, dict)][0] for k in ("minValues", "maxValues"))
        widths += [high[k] - low[k] for k in low if isinstance(low[k], int)]
    assert sum(widths) / len(widths) < (800 if "," in by else 400), widths
    assert read_duckdb(silt.dir / "t").num_rows == 40000
