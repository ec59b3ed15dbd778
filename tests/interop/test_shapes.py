"""Tables that Silt made and altered, by two independent readers; then one of them writes on, and Silt reads that."""
import json
import tarfile
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

LOADED = "id,name\n1,a\n2,b\n3,c\n"


def load(silt):
    silt.write("in/rows.csv", LOADED)
    silt.write("silt.json", json.dumps({"pipeline": "p", "checkpoint_path": "state", "tables": [
        {"table_name": "t", "source": {"path": "in/*.csv"}, "loading_strategy": "append", "audit_columns": False,
         "write": {"path": "t"}}]}))
    silt("run", "--config", "silt.json")


def rows(table):
    return sorted(table.to_pylist(), key=lambda r: str(r.get("id")))


def silt_rows(silt):
    return sorted((json.loads(line) for line in silt("read", "t", "--format", "json").out.splitlines()),
                  key=lambda r: str(r.get("id")))


def p(key, value="true"):
    return ["--set-property", f"delta.{key}={value}"]


STEPS = {
    "columns": ["--add-column", "x double first", "--move-column", "name=first", "--comment", "id=key"],
    "mapping": [*p("columnMapping.mode", "name"), "--rename-column", "name=label", "--add-column", "x int"],
    "dropped": [*p("columnMapping.mode", "name"), "--drop-column", "name", "--yes", "--add-column", "name string"],
    "constraint": ["--add-constraint", "low=id < 100"],
    "feed": p("enableChangeDataFeed"),
    "append only": p("appendOnly"),
    "vectors": p("enableDeletionVectors"),
    "timestamps": p("enableInCommitTimestamps"),
    "v2": p("checkpointPolicy", "v2"),
    "row tracking": p("enableRowTracking"),
    "clustering": ["--cluster-by", "id"],
    "domain": ["--set-domain", "app=x"],
    "not null": ["--set-not-null", "id"],
    "properties": [*p("logRetentionDuration", "interval 3 days"), "--set-property", "mine=x"],
    "ntz": ["--add-column", "at timestamp_ntz"],
    "default": ["--enable-feature", "allowColumnDefaults", "--set-default", "name='n'"],
    "vacuum check": ["--enable-feature", "vacuumProtocolCheck"],
    "described": ["--table-name", "n", "--table-comment", "c"],
}


@pytest.mark.parametrize("name", STEPS)
def test_others_read_what_was_altered(silt, read_deltalake, read_duckdb, name):
    load(silt)
    silt("alter", "t", *STEPS[name])
    mine = silt_rows(silt)
    read = 0
    for reader in (read_deltalake, read_duckdb):
        try:
            theirs = rows(reader(silt.dir / "t"))
        except Exception as e: # what a reader doesn't know it has to name
            assert any(word in str(e).lower() for word in ("feature", "unsupported", "not supported")), (reader, e)
            continue
        assert theirs == mine, reader
        read += 1
    assert read, "neither reads it"


def test_what_deltalake_says_of_a_new_table(silt):
    silt("create", "t", "--schema", "id long not null comment 'key', s struct<a:int,b:array<date>>, day string",
         "--partition-by", "day", "--constraint", "low=id < 10", "--property", "delta.logRetentionDuration=interval 3 days",
         "--table-name", "n", "--table-comment", "c")
    t = deltalake.DeltaTable(silt.dir / "t")
    meta = t.metadata()
    assert (meta.name, meta.description, meta.partition_columns) == ("n", "c", ["day"])
    assert meta.configuration["delta.constraints.low"] == "id < 10"
    assert t.protocol().min_writer_version == 3
    fields = json.loads(t.schema().to_json())["fields"]
    assert [f["name"] for f in fields] == ["id", "s", "day"] and fields[0]["nullable"] is False
    assert fields[0]["metadata"] == {"comment": "key"}


def test_deltalake_writes_on(silt):
    silt("create", "t", "--schema", "id long not null, name string", "--constraint", "low=id < 10", "--property",
         "delta.enableChangeDataFeed=true")
    add = lambda i: deltalake.write_deltalake(silt.dir / "t", pa.table(
        {"id": pa.array([i], pa.int64()), "name": ["x"]}, schema=pa.schema(
            [pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())])), mode="append")
    add(1)
    assert silt_rows(silt) == [{"id": 1, "name": "x"}]
    with pytest.raises(Exception, match="(?i)constraint|invariant|check"):
        add(11)
    silt("alter", "t", "--add-column", "more int")
    assert silt_rows(silt) == [{"id": 1, "name": "x", "more": None}]


GOLDEN = Path(__file__).parents[1] / "golden/spark"


@pytest.mark.parametrize("name", sorted(p.name.removesuffix(".tar.gz") for p in GOLDEN.glob("*.tar.gz")))
def test_what_spark_made_can_be_altered(silt, name):
    """Nothing of a shape is lost but what a step says: schema, properties, features and domains of Spark."""
    with tarfile.open(GOLDEN / f"{name}.tar.gz") as tar:
        tar.extractall(silt.dir, filter="data")
    show = lambda: silt("show", "table", "--json").json
    read = lambda: sorted(silt("read", "table", "--format", "json").out.splitlines())
    before, rows = show(), read()
    r = silt("alter", "table", "--set-property", "mine=x", "--comment", f"`{before['columns'][0]['name']}`=why", rc=None)
    if name == "iceberg_compat":
        assert r.rc == 1 and "icebergCompatV2" in r.err
        return
    assert r.rc == 0, r
    after = show()
    assert after["version"] == before["version"] + 1 and read() == rows
    assert after["properties"].pop("mine") == "x"
    assert after["columns"][0]["metadata"].pop("comment") == "why"
    before["columns"][0]["metadata"].pop("comment", None)
    for key in ("protocol", "properties", "columns", "domains", "partition_columns", "table_id", "created", "file_count",
                "name", "description"):
        assert after[key] == before[key], key
