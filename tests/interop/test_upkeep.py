"""Tables that Silt looked after, by two independent readers; and deltalake's, looked after by Silt."""
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
