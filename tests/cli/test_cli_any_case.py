"""Columns of files that are the table's but for the case of letters."""
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import STRATEGY, read


def test_exactly_unless_asked(silt):
    silt.write("a.csv", "id,Name\n1,Ann\n")
    silt.write("b.csv", "NAME,ID\nBob,2\n")
    silt("write", "t", "a.csv")
    r = silt("write", "t", "b.csv", rc=1)
    assert "differs from the table's" in r.err and "matched exactly" in r.err
    silt("write", "t", "b.csv", "--any-case")
    pq.write_table(pa.table({"Id": [3], "name": ["Cid"]}), silt.dir / "c.parquet")
    pq.write_table(pa.table({"name": ["Dee"], "iD": [4]}), silt.dir / "d.parquet")
    silt("write", "t", "c.parquet", "d.parquet", "--any-case")
    silt("write", "t", "b.csv", "--any-case", "--mode", "upsert", "--keys", "id")
    rows = silt("read", "t", "--format", "csv").out.splitlines()
    assert rows[0] == "id,Name" and sorted(rows[1:]) == ["1,Ann", "2,Bob", "3,Cid", "4,Dee"]


def test_new_columns_of_two_spellings_are_one(silt):
    silt.write("a.csv", "id\n1\n")
    silt("write", "t", "a.csv")
    silt.write("b.csv", "ID,Extra\n2,x\n")
    silt.write("c.csv", "EXTRA,id\ny,3\n")
    silt("write", "t", "b.csv", "c.csv", "--any-case", "--schema-mode", "merge")
    assert sorted(silt("read", "t", "--format", "csv").out.splitlines()) == ["1,", "2,x", "3,y", "id,Extra"]


def test_two_of_one_name_are_refused(silt):
    silt.write("a.csv", "id\n1\n")
    silt("write", "t", "a.csv")
    silt.write("b.csv", "ID,Id\n2,3\n")
    assert "there twice" in silt("write", "t", "b.csv", "--any-case", rc=1).err


def test_not_of_json_and_queries(silt):
    silt.write("a.ndjson", '{"id": 1}\n')
    silt("write", "t", "a.ndjson")
    for source in (["a.ndjson"], ["--sql", "SELECT 1 AS ID"]):
        assert "only columns of CSV and Parquet" in silt("write", "t", *source, "--any-case", rc=2).err


def test_pipeline(silt):
    silt.write("silt.yaml", STRATEGY % ("append", "") + "    schema_policy: {any_case: true}\n")
    silt.write("inbox/people-a.csv", "id,name\n1,Ann\n")
    silt("run")
    silt.write("inbox/people-b.csv", "NAME,Id\nBob,2\n")
    silt("run")
    assert read(silt, "people", "id", "name") == [("1", "Ann"), ("2", "Bob")]
    silt("prove")
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace(".csv", ".json"))
    assert "matched exactly; remove it" in silt("run", rc=2).err
