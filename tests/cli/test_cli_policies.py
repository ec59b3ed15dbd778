"""Write policies: what a table's properties say of its files is obeyed by each operation that writes."""
import json

import pyarrow.parquet as pq
import pytest

COLUMNS = "id long, name string, m int, s struct<a: int, `b.c`: int>"
ROWS = "SELECT range AS id, 'n' || range AS name, (range %% 7)::INT AS m, {'a': 1, 'b.c': 2} AS s FROM range(%d) ORDER BY hash(range)"


def log(silt, table="t"):
    """Of each version: its actions."""
    files = sorted((silt.dir / table / "_delta_log").glob("*.json"))
    return [[json.loads(line) for line in f.read_text().splitlines()] for f in files]


def properties(silt, table="t"):
    return silt("show", table, "--json").json["properties"]


def added(silt, version=-1):
    return [a["add"] for a in log(silt)[version] if "add" in a]


def footers(silt, adds):
    return [pq.ParquetFile(silt.dir / "t" / a["path"]).metadata for a in adds]


def codecs(silt, adds):
    return {f.row_group(0).column(0).compression for f in footers(silt, adds)}


POLICY = ["--compression", "zstd", "--row-group-rows", "2048", "--stats-columns", "id,s.`b.c`", "--order-by", "id"]


def test_create_makes_properties_of_a_policy(silt):
    silt("create", "t", "--schema", COLUMNS, *POLICY, "--target-file-size", "64MB")
    assert properties(silt) == {
        "delta.parquet.compression.codec": "zstd", "silt.rowGroupRows": "2048", "silt.orderingKeys": "`id`",
        "delta.dataSkippingStatsColumns": "`id`,`s`.`b.c`", "delta.targetFileSize": "67108864"}


WRITES = {
    "write": ["write", "t", "--sql", ROWS % 5000],
    "overwrite": ["write", "t", "--sql", ROWS % 5000, "--mode", "overwrite"],
    "update": ["update", "t", "--set", "name='x'", "--where", "id >= 10"],
    "delete": ["delete", "t", "--where", "id % 2 = 0"],
    "optimize": ["optimize", "t"],
    "upsert": ["write", "t", "--sql", ROWS % 5000, "--mode", "upsert", "--keys", "id"],
}


@pytest.mark.parametrize("how", WRITES)
def test_each_operation_obeys_the_properties(silt, how):
    silt("create", "t", "--schema", COLUMNS, *POLICY)
    if how not in ("write", "upsert"):
        for _ in range(2):
            silt("write", "t", "--sql", ROWS % 5000)
    silt(*WRITES[how])
    adds = added(silt)
    assert adds and codecs(silt, adds) == {"ZSTD"}
    for footer in footers(silt, adds):
        assert footer.row_group(0).num_rows == min(2048, footer.num_rows)
    for add in adds:
        stats = json.loads(add["stats"])
        assert stats["nullCount"] == {"id": 0, "s": {"b.c": 0}}
        assert set(stats["minValues"]) == {"id", "s"}
    if how == "upsert":  # rows of keys come as they match
        return
    for add in adds:
        ids = pq.read_table(silt.dir / "t" / add["path"], columns=["id"])["id"].to_pylist()
        assert ids == sorted(ids)


def test_a_loaded_table_obeys_the_properties(silt):
    silt("create", "t", "--schema", "id long, name string", "--compression", "gzip", "--order-by", "name")
    silt.write("in/a.csv", "id,name\n1,c\n2,a\n3,b\n")
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n    source: {path: 'in/*.csv'}\n"
               "    audit_columns: false\n    write: {path: t}\n")
    silt("run")
    assert codecs(silt, added(silt)) == {"GZIP"}
    assert pq.read_table(silt.dir / "t" / added(silt)[0]["path"])["name"].to_pylist() == ["a", "b", "c"]
    assert log(silt)[-1][0]["commitInfo"]["silt"]["orderingKeys"] == ["name"]


def test_target_file_size_cuts_files(silt):
    silt("write", "t", "--sql", "SELECT range AS id, md5(range::VARCHAR) AS v FROM range(200000)", "--target-file-size",
         "1MB")
    assert properties(silt)["delta.targetFileSize"] == "1048576" and len(added(silt)) > 3
    silt("write", "t", "--sql", "SELECT range AS id, md5(range::VARCHAR) AS v FROM range(200000)")
    assert len(added(silt)) > 3


def test_a_made_table_keeps_what_its_write_said(silt):
    silt("write", "t", "--sql", ROWS % 10, *POLICY)
    assert len(log(silt)) == 1
    silt("write", "t", "--sql", ROWS % 10)
    assert codecs(silt, added(silt)) == {"ZSTD"}
    assert log(silt)[-1][0]["commitInfo"]["silt"]["orderingKeys"] == ["id"]


def test_a_codec_of_one_write_stays_its_own(silt):
    silt("create", "t", "--schema", COLUMNS, "--compression", "zstd")
    silt("write", "t", "--sql", ROWS % 10, "--compression", "gzip")
    assert codecs(silt, added(silt)) == {"GZIP"}
    silt("write", "t", "--sql", ROWS % 10)
    assert codecs(silt, added(silt)) == {"ZSTD"} and len(log(silt)) == 3


def test_a_table_that_stands_gets_what_it_lacks_once(silt):
    silt("write", "t", "--sql", ROWS % 10)
    silt("write", "t", "--sql", ROWS % 10, "--stats-columns", "id")
    silt("write", "t", "--sql", ROWS % 10, "--stats-columns", "id")
    operations = [a[0]["commitInfo"]["operation"] for a in log(silt)]
    assert operations == ["WRITE", "SET TBLPROPERTIES", "WRITE", "WRITE"]
    assert set(json.loads(added(silt)[0]["stats"])["minValues"]) == {"id"}
    silt("write", "t", "--sql", ROWS % 10, "--stats-count", "2")  # takes the place of the names
    assert "delta.dataSkippingStatsColumns" not in properties(silt)
    assert set(json.loads(added(silt)[0]["stats"])["minValues"]) == {"id", "name"}
    silt("write", "t", "--sql", ROWS % 10, "--stats-count", "all")
    assert set(json.loads(added(silt)[0]["stats"])["minValues"]) == {"id", "name", "m", "s"}


def test_order_follows_renamed_columns(silt):
    silt("create", "t", "--schema", "id long, m int", "--order-by", "id", "--property", "delta.columnMapping.mode=name")
    silt("alter", "t", "--rename-column", "id=nr")
    assert properties(silt)["silt.orderingKeys"] == "nr"
    silt("write", "t", "--sql", "SELECT * FROM (VALUES (3, 1), (1, 2), (2, 3)) v(nr, m)")
    assert silt("read", "t", "--columns", "nr", "--format", "csv", "--no-header").out.split() == ["1", "2", "3"]


def test_z_order_lays_rows_along_a_curve(silt):
    silt("write", "t", "--sql", "SELECT x, y FROM range(64) a(x), range(64) b(y) ORDER BY hash(x * 64 + y)", "--z-order", "x,y")
    rows = pq.read_table(silt.dir / "t" / added(silt)[0]["path"]).to_pylist()
    first = rows[:64]  # a corner of the square, not a stripe
    assert max(r["x"] for r in first) < 32 and max(r["y"] for r in first) < 32
    assert "orderingKeys" not in log(silt)[0][0]["commitInfo"]["silt"]


def test_what_needs_a_feature_is_not_turned_on_by_the_way(silt):
    silt("write", "t", "--sql", ROWS % 10)
    r = silt("write", "t", "--sql", ROWS % 10, "--cluster-by", "id", rc=2)
    assert "clustering" in r.err and "silt alter" in r.err
    silt("write", "u", "--sql", ROWS % 10, "--cluster-by", "id,s.a")
    assert "clustering" in silt("show", "u", "--json").json["protocol"]["features"]
    silt("write", "u", "--sql", ROWS % 10, "--cluster-by", "id,s.a")
    assert silt("show", "u", "--json").json["version"] == 1


def test_misuse(silt):
    for args, words in ((["--stats-count", "few"], "all"), (["--stats-columns", "a", "--stats-count", "1"], "only one"),
                        (["--order-by", "id", "--z-order", "m"], "one order"), (["--order-by", "nope"], "nope"),
                        (["--z-order", "s"], "order"), (["--compression", "zip"], "snappy"),
                        (["--stats-columns", "nope"], "nope")):
        assert words in silt("write", "t", "--sql", ROWS % 10, *args, rc=None).err, args
        assert words in silt("create", "u", "--schema", COLUMNS, *args, rc=None).err, args
    assert not (silt.dir / "t").exists() or not list((silt.dir / "t").glob("_delta_log/*.json"))


# ---- pipelines and datasets

PIPELINE = """pipeline: p
checkpoint_path: state
tables:
  - table_name: t
    source: {path: 'in/*.csv'}
    audit_columns: false
    write: {path: t}
"""
KEYS = """    write_policy: {compression: zstd, stats_columns: [id], row_group_rows: 2048, cluster_by: id}
    schema_policy: {schema_mode: merge, column_mapping_mode: name}
    ordering_keys: [name]
    constraints: [{name: positive, check: id > 0, persist: true}, {name: small, check: id < 100}]
"""


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("strategy", ["append", "overwrite"])
def test_a_pipeline_gives_its_table_a_policy(silt, there, strategy):
    silt.write("in/a.csv", "id,name\n1,c\n2,a\n")
    silt.write("silt.yaml", PIPELINE + KEYS + f"    loading_strategy: {strategy}\n")
    if there:
        silt("create", "t", "--schema", "id long, name string", "--property", "delta.columnMapping.mode=name",
             "--enable-feature", "clustering", "--enable-feature", "checkConstraints")
    silt("run")
    expected = {"delta.parquet.compression.codec": "zstd", "silt.rowGroupRows": "2048", "silt.orderingKeys": "`name`",
                "delta.dataSkippingStatsColumns": "`id`", "delta.columnMapping.mode": "name",
                "delta.constraints.positive": "id > 0"}
    assert expected.items() <= properties(silt).items()
    assert codecs(silt, added(silt)) == {"ZSTD"}
    silt.write("in/b.csv", "id,name,more\n3,b,1\n")
    silt("run")
    operations = [a[0]["commitInfo"]["operation"] for a in log(silt)]
    assert operations == ["CREATE TABLE", *(["ALTER TABLE"] if there else []), "WRITE", "WRITE"]
    names = [c["name"] for c in silt("show", "t", "--json").json["columns"]]
    assert names == ["id", "name", "more"]
    version = len(operations)
    for bad in ("-1,x\n", "100,x\n"):
        silt.write("in/c.csv", "id,name\n" + bad)
        r = silt("run", rc=5)
        assert ("positive" if bad[0] == "-" else "small") in r.out
        assert [a for a in log(silt)[version:] if any("add" in x for x in a)] == []
        (silt.dir / "in/c.csv").unlink()


def test_a_pipelines_policy_never_raises_the_protocol(silt):
    silt.write("in/a.csv", "id,name\n1,c\n")
    silt.write("silt.yaml", PIPELINE)
    silt("run")
    silt.write("in/b.csv", "id,name\n2,c\n")
    silt.write("silt.yaml", PIPELINE + "    constraints: [{name: positive, check: id > 0, persist: true}]\n")
    r = silt("run", rc=None)
    assert r.rc != 0 and "checkConstraints" in r.out and "silt alter" in r.out
    silt("alter", "t", "--enable-feature", "checkConstraints")
    silt("run")
    assert properties(silt)["delta.constraints.positive"] == "id > 0"


DATASETS = """datasets:
  made:
    path: t
    write_policy: {compression: zstd, stats_count: 1}
    schema_policy: {schema_mode: merge}
    constraints: [{name: positive, check: id > 0}]
  files: {path: 'in/*.csv', format: csv}
  old: {path: t, delta_version: 0}
"""


def test_a_dataset_is_written_by_its_policies(silt):
    silt.write("sets.yaml", DATASETS)
    silt.write("a.csv", "id,name\n1,a\n")
    to = ["--dataset", "made", "--datasets", "sets.yaml"]
    silt("write", "a.csv", *to)
    assert codecs(silt, added(silt)) == {"ZSTD"} and properties(silt)["delta.dataSkippingNumIndexedCols"] == "1"
    silt("write", *to, "--sql", "SELECT 2 AS id, 'b' AS name, 7 AS more")
    assert len(silt("show", "t", "--json").json["columns"]) == 3
    r = silt("write", *to, "--sql", "SELECT -2 AS id", rc=1)
    assert "positive" in r.err and "1 row" in r.err
    silt("write", *to, "--sql", "SELECT 3 AS id", "--compression", "gzip")
    assert codecs(silt, added(silt)) == {"GZIP"} and len(log(silt)) == 3


def test_datasets_that_are_not_written(silt):
    silt.write("sets.yaml", DATASETS)
    silt.write("a.csv", "id,name\n1,a\n")
    for name, words in (("files", "isn't a Delta table"), ("old", "older version"), ("nope", "no dataset")):
        assert words in silt("write", "a.csv", "--dataset", name, "--datasets", "sets.yaml", rc=2).err
    assert "which table" in silt("write", rc=2).err
    assert "no file of datasets" in silt("write", "a.csv", "--dataset", "made", rc=2).err
