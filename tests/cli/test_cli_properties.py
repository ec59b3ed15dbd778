"""What each table property of Delta does to what Silt writes: docs/table-properties.md, row by row."""
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [{"id": i, "p": "ab"[i % 2], "v": f"text {i}"} for i in range(10)]


def create(silt, *properties, columns="id long, p string, v string", options=(), path="t"):
    given = [x for key in properties for x in ("--property", f"delta.{key}")]
    silt("create", path, "--schema", columns, *given, *options)


def write(silt, rows=ROWS, *options, path="t", rc=0):
    silt.write("rows.ndjson", "".join(json.dumps(r) + "\n" for r in rows))
    return silt("write", path, "rows.ndjson", *options, rc=rc)


def read(silt, path="t"):
    return sorted((json.loads(x) for x in silt("read", path, "--format", "json").out.splitlines()), key=json.dumps)


def adds(silt, version, path="t"):
    text = (silt.dir / path / f"_delta_log/{version:020}.json").read_text()
    return [a["add"] for a in map(json.loads, text.splitlines()) if "add" in a]


def files(silt, path="t"):
    return sorted(f for f in (silt.dir / path).rglob("*.parquet") if "_delta_log" not in f.parts)


def test_the_page_names_them_all():
    """And what the code knows is what the page says."""
    source = (ROOT / "src/table/shape_property.c").read_text()
    table = source[source.index("properties[] = {"):source.index("/* clang-format on */")]
    known = {"delta." + name for name in re.findall(r'^    \{"([A-Za-z0-9.]+)"', table, re.M)}
    page = (ROOT / "docs/table-properties.md").read_text().split("## What columns ask")[0]
    told = set(re.findall(r"^\| `(delta\.[A-Za-z0-9.]+)`", page, re.M))
    assert known and known == told


@pytest.mark.parametrize("given, name", [("zstd", "ZSTD"), ("GZIP", "GZIP"), ("none", "UNCOMPRESSED"),
                                         ("uncompressed", "UNCOMPRESSED"), ("lz4_raw", "LZ4"), (None, "SNAPPY")])
def test_compression(silt, given, name):
    create(silt, *([f"parquet.compression.codec={given}"] if given else []))
    write(silt)
    silt("update", "t", "--set", "v='x'", "--where", "id = 1")
    silt("optimize", "t")
    assert len(files(silt)) >= 2
    for f in files(silt):
        assert pq.ParquetFile(f).metadata.row_group(0).column(0).compression == name, f


def test_files_in_random_folders(silt):
    create(silt, "randomizeFilePrefixes=true", "randomPrefixLength=3", "enableDeletionVectors=true",
           options=("--partition-by", "p"))
    write(silt)
    silt("delete", "t", "--where", "id = 1")
    paths = [a["path"] for v in (1, 2) for a in adds(silt, v)]
    assert all(re.fullmatch(r"[0-9A-Za-z]{3}/part-[^/]*\.parquet", p) for p in paths), paths
    vector = adds(silt, 2)[0]["deletionVector"]["pathOrInlineDv"]
    assert len(vector) == 23 and list((silt.dir / "t" / vector[:3]).glob("deletion_vector_*.bin"))
    assert len(read(silt)) == 9
    silt("optimize", "t")
    silt("doctor", "t")
    assert len(read(silt)) == 9 and {r["p"] for r in read(silt)} == {"a", "b"}


@pytest.mark.parametrize("mapping", ["none", "name", "id"])
def test_partition_columns_in_the_files(silt, mapping):
    create(silt, "enableMaterializePartitionColumnsFeature=true", f"columnMapping.mode={mapping}",
           "enableChangeDataFeed=true", options=("--partition-by", "p", "--cluster-by", "id")[:2])
    assert "materializePartitionColumns" in silt("show", "t", "--json").json["protocol"]["features"]
    write(silt)
    silt("update", "t", "--set", "v='x'", "--where", "id = 1")
    write(silt, [{"id": 2, "p": "a", "v": "y"}], "--mode", "upsert", "--keys", "id,p")
    silt("optimize", "t", "--zorder", "id,v")
    names = {c["name"]: c["metadata"].get("delta.columnMapping.physicalName", c["name"])
             for c in silt("show", "t", "--json").json["columns"]}
    assert len(files(silt)) >= 5
    for f in files(silt):
        content = pq.ParquetFile(f).read()
        assert {names[c] for c in ("id", "p", "v")} <= set(content.column_names), f
        assert len(set(content[names["p"]].to_pylist())) == 1
    stats = json.loads(adds(silt, 1)[0]["stats"])
    assert names["p"] not in stats["minValues"]
    assert [(r["id"], r["p"]) for r in read(silt)] == [(r["id"], r["p"]) for r in ROWS]
    silt("doctor", "t")
    silt("alter", "t", "--drop-feature", "materializePartitionColumns", "--yes")
    s = silt("show", "t", "--json").json
    assert "materializePartitionColumns" not in json.dumps([s["protocol"], s["properties"]])
    before = set(files(silt))
    write(silt, [{"id": 99, "p": "z"}])
    new, = set(files(silt)) - before
    assert names["p"] not in pq.ParquetFile(new).schema_arrow.names


def test_which_columns_have_statistics(silt):
    for name, given, has in (("t", "dataSkippingNumIndexedCols=1", {"id"}), ("u", "dataSkippingStatsColumns=v", {"v"}),
                             ("w", "dataSkippingNumIndexedCols=0", set()), ("x", "dataSkippingNumIndexedCols=-1",
                                                                            {"id", "p", "v"})):
        create(silt, given, path=name)
        write(silt, path=name)
        assert set(json.loads(adds(silt, 1, name)[0]["stats"]).get("minValues", {})) == has, given


def newest_checkpoint(silt, path="t"):
    return pq.read_table(sorted((silt.dir / path / "_delta_log").glob("*.checkpoint.parquet"))[-1])


def test_checkpoints(silt):
    create(silt, "checkpointInterval=2", "checkpoint.writeStatsAsStruct=true", "checkpoint.writeStatsAsJson=false",
           "setTransactionRetentionDuration=interval 0 seconds")
    write(silt, ROWS, "--app-id", "me", "--txn-version", "1")
    write(silt)
    checkpoint = newest_checkpoint(silt)
    add = checkpoint.schema.field("add").type
    names = [add.field(i).name for i in range(add.num_fields)]
    assert "stats_parsed" in names
    assert not [r for r in checkpoint["add"].to_pylist() if r and r.get("stats")]
    assert "txn" not in checkpoint.column_names or not [r for r in checkpoint["txn"].to_pylist() if r]
    create(silt, "checkpointInterval=2", path="u")
    write(silt, ROWS, "--app-id", "me", "--txn-version", "1", path="u")
    write(silt, path="u")
    plain = newest_checkpoint(silt, "u")
    assert [r for r in plain["txn"].to_pylist() if r] and [r for r in plain["add"].to_pylist() if r and r.get("stats")]


def test_how_long_files_and_versions_stay(silt):
    create(silt, "deletedFileRetentionDuration=interval 0 seconds", "logRetentionDuration=interval 400 days")
    write(silt)
    silt("delete", "t", "--where", "id = 1")
    assert len(files(silt)) == 2
    silt("vacuum", "t")
    assert len(files(silt)) == 1
    create(silt, path="u")
    write(silt, path="u")
    silt("delete", "u", "--where", "id = 1")
    silt("vacuum", "u")
    assert len(files(silt, "u")) == 2


def test_append_only(silt):
    create(silt, "appendOnly=true")
    write(silt)
    assert "append-only" in silt("delete", "t", "--where", "id = 1", rc=None).err
    write(silt)
    silt("optimize", "t")
    assert len(read(silt)) == 20


@pytest.mark.parametrize("given, said", [
    ("parquet.compression.codec=lzo", "one of uncompressed none snappy"),
    ("parquet.format.version=2", "1.0.0, or 2.MINOR.PATCH"),
    ("parquet.format.version=1.2.0", "1.0.0, or 2.MINOR.PATCH"),
    ("randomPrefixLength=0", "a whole number of 1 or more"),
    ("dropFeatureTruncateHistory.retentionDuration=1 month", "an interval like"),
    ("checkpoint.writeStatsAsJson=1", "true or false"),
    ("targetFileSise=1g", "did you mean delta.targetFileSize?"),
])
def test_values_that_no_property_has(silt, given, said):
    assert said in silt("create", "t", "--schema", "id long", "--property", f"delta.{given}", rc=2).err


def test_what_is_kept_for_others(silt):
    kept = ("parquet.format.version=2.12.0", "autoOptimize.autoCompact=auto", "tuneFileSizesForRewrites=true",
            "sampleRetentionDuration=interval 1 day", "enableFullRetentionRollback=false", "parquet.page.size=1")
    create(silt, *kept)
    properties = silt("show", "t", "--json").json["properties"]
    assert properties == {"delta." + k.split("=")[0]: k.split("=")[1] for k in kept}
    write(silt)
    assert len(read(silt)) == 10


# ---- what columns ask ----------------------------------------------------------------------------


def test_lengths_of_texts(silt):
    silt("create", "t", "--schema", "id long, `is null` varchar(3), c char(2) comment 'x'")
    columns = silt("show", "t", "--json").json["columns"]
    assert [c["type"] for c in columns] == ["long", "string", "string"]
    assert columns[1]["metadata"] == {"__CHAR_VARCHAR_TYPE_STRING": "varchar(3)"}
    assert columns[2]["metadata"] == {"__CHAR_VARCHAR_TYPE_STRING": "char(2)", "comment": "x"}
    write(silt, [{"id": 1, "is null": "äöü", "c": "x"}, {"id": 2}])
    r = write(silt, [{"id": 3, "is null": "abcd"}, {"id": 4, "c": "äöü"}, {"id": 5, "is null": "abc"}], rc=1)
    assert "length of column is null (varchar(3)): 1 row violates it" in r.err
    assert "length of column c (char(2)): 1 row violates it" in r.err
    assert "violate" in silt("update", "t", "--set", "c='abc'", "--all", rc=1).err
    assert "violate" in write(silt, [{"id": 1, "c": "abc"}], "--mode", "upsert", "--keys", "id", rc=1).err
    silt("optimize", "t")
    assert len(read(silt)) == 2
    silt("alter", "t", "--add-column", "n varchar(5)")
    write(silt, [{"id": 6, "n": "12345"}])
    assert "violate" in write(silt, [{"id": 6, "n": "123456"}], rc=1).err
    assert "a length from 1 on" in silt("alter", "t", "--add-column", "m varchar(x)", rc=2).err


def test_lengths_within_others_are_refused(silt):
    """Spark says at the column what is within it."""
    silt("create", "t", "--schema", "id long, l array<string>")
    first = silt.dir / "t/_delta_log/00000000000000000000.json"
    text = first.read_text().replace(r'\"containsNull\":true},\"nullable\":true,\"metadata\":{}',
                                     r'\"containsNull\":true},\"nullable\":true,\"metadata\":'
                                     r'{\"__CHAR_VARCHAR_TYPE_STRING\":\"array<varchar(3)>\"}')
    assert "VARCHAR" in text
    first.write_text(text)
    for crc in first.parent.glob("*.crc"):
        crc.unlink()
    r = write(silt, [{"id": 1, "l": ["a"]}], rc=1)
    assert "column l is array<varchar(3)>: the lengths of texts in it can't be checked" in r.err
    assert read(silt) == []


def test_not_null_at_depth(silt):
    silt("create", "t", "--schema", "id long, s struct<a:int not null,t:struct<b:int not null>>, "
         "l array<struct<x:int>>")
    write(silt, [{"id": 1, "s": {"a": 1, "t": {"b": 2}}}, {"id": 2, "s": {"a": 1, "t": {"b": 3}}}])
    for s in None, {"a": 1, "t": None}: # nor may be null what holds it, as Spark has it
        assert "NOT NULL of column s." in write(silt, [{"id": 3, "s": s}], rc=1).err
    assert "NOT NULL of column s.a: 1 row" in write(silt, [{"id": 4, "s": {"t": {"b": 1}}}], rc=1).err
    assert "NOT NULL of column s.t.b: 1 row" in write(silt, [{"id": 4, "s": {"a": 1, "t": {}}}], rc=1).err
    silt("alter", "t", "--set-nullable", "s.t.b")
    write(silt, [{"id": 4, "s": {"a": 1, "t": {"b": None}}}])
    r = silt("alter", "t", "--set-not-null", "s.t.b", rc=1)
    assert "only top-level columns can be set NOT NULL" in r.err and "s.t.b IS NOT NULL" in r.err
    silt("delete", "t", "--where", "id = 4")
    silt("alter", "t", "--add-constraint", "b=s.t.b IS NOT NULL")
    assert "constraint b" in write(silt, [{"id": 5, "s": {"a": 1, "t": {"b": None}}}], rc=1).err


def test_not_null_within_arrays(silt):
    """Delta has none: it isn't made, and where others made it rows can't be written."""
    for columns in "l array<struct<x:int not null>>", "m map<string,struct<x:array<struct<y:int not null>>>>":
        r = silt("create", "u", "--schema", columns, rc=1)
        assert "is NOT NULL within an array or a map" in r.err and "Delta Lake has that" in r.err
    silt("create", "u", "--schema", "l array<struct<x:int>>")
    assert "NOT NULL within" in silt("alter", "u", "--add-column", "m array<struct<x:int not null>>", rc=1).err
    first = silt.dir / "u/_delta_log/00000000000000000000.json"
    text = first.read_text().replace(r'\"type\":\"integer\",\"nullable\":true', r'\"type\":\"integer\",\"nullable\":false')
    assert text != first.read_text()
    first.write_text(text)
    for crc in first.parent.glob("*.crc"):
        crc.unlink()
    r = write(silt, [{"l": [{"x": 1}]}], path="u", rc=1)
    assert "its member x is NOT NULL within an array or a map" in r.err and "--set-nullable" in r.err
    silt("alter", "u", "--set-nullable", "l.element.x")
    write(silt, [{"l": [{"x": None}]}], path="u")


def test_defaults_of_columns(silt):
    """As Delta has it: a column is added without one; rows that stand have null, rows to come the default."""
    silt("create", "t", "--schema", "id long")
    write(silt, [{"id": 1}])
    r = silt("alter", "t", "--add-column", "v string default 'x'", rc=1)
    assert "add it first, then set the default" in r.err and '--set-default "v=…"' in r.err
    silt("alter", "t", "--enable-feature", "allowColumnDefaults", "--add-column", "v string", "--set-default", "v='x'")
    write(silt, [{"id": 2}])
    silt("alter", "t", "--set-default", "v=upper('y')")
    write(silt, [{"id": 3}])
    write(silt, [{"id": 4, "v": None}])
    silt("alter", "t", "--drop-default", "v")
    write(silt, [{"id": 5}])
    assert [(r["id"], r["v"]) for r in read(silt)] == [(1, None), (2, "x"), (3, "Y"), (4, None), (5, None)]
