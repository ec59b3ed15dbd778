"""silt write: each kind of source, compressed and not."""
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = [{"id": i, "name": f"n,]}}\"{i}\n" if i == 3 else f"n{i}"} for i in range(200)]
WANT = sorted((r["id"], r["name"]) for r in ROWS)


def make(silt, kind):
    path = silt.dir / f"in.{kind.split('.')[0]}"
    plain = [dict(r, name=r["name"].replace("\n", "").replace('"', "").replace(",", "")) for r in ROWS]
    if kind.startswith(("csv", "tsv")):
        sep = "," if kind.startswith("csv") else "\t"
        path.write_text(sep.join(("id", "name")) + "\n" + "".join(f"{r['id']}{sep}{r['name']}\n" for r in plain))
    elif kind.startswith(("ndjson", "jsonl")):
        path.write_text("".join(json.dumps(r) + "\n" for r in ROWS))
    elif kind.startswith("json"):
        path.write_text(json.dumps(ROWS, indent=2))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    if kind.endswith(".gz"):
        (silt.dir / f"in.{kind}").write_bytes(gzip.compress(path.read_bytes()))
    if kind.endswith(".zst"):
        (silt.dir / f"in.{kind}").write_bytes(pa.compress(path.read_bytes(), codec="zstd", asbytes=True))
    return f"in.{kind}", sorted((r["id"], r["name"]) for r in (plain if kind[1:3] == "sv" else ROWS))


def rows(silt, path="t"):
    out = silt("read", path, "--columns", "id,name", "--format", "json").out
    return sorted((r["id"], r["name"]) for r in map(json.loads, out.splitlines()))


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "csv.zst", "tsv", "tsv.gz", "ndjson", "ndjson.gz", "ndjson.zst", "jsonl", "json",
                                  "json.gz", "json.zst", "parquet"])
def test_files(silt, kind):
    name, want = make(silt, kind)
    assert silt("write", "t", name, "--json").json["rows_read"] == 200
    assert rows(silt) == want
    silt("write", "u", name, "--mode", "upsert", "--keys", "id")
    assert rows(silt, "u") == want
    assert not list(silt.dir.glob("?/_silt/scratch/*"))


def test_arrays_that_are_none(silt):
    for text, words in (('[{"id": 1}', "no end"), ('[{"id": 1}] x', "isn't all"), ('[{"id": "a]}', "no end"), ("[1, 2]", "in.json")):
        silt.write("in.json", text)
        assert words in silt("write", "t", "in.json", rc=1).err
    silt.write("in.json", '[{"id": 1}]')
    silt.write("more.json", '{"id": 2}\n{"id": 3}\n')
    silt.write("none.json", " [ ] ")
    silt("write", "t", "in.json", "more.json", "none.json")
    assert sorted(silt("read", "t", "--format", "csv", "--no-header").out.split()) == ["1", "2", "3"]


def test_standard_input(silt):
    def write(text, *args):
        return silt("write", "t", "-", *args, stdin=text, env={"TMPDIR": str(silt.dir)}, rc=None)
    assert write("id,name\n1,a\n", "--format", "csv").rc == 0
    assert write('[{"id": 2, "name": "b"}]', "--format", "json", "--mode", "upsert", "--keys", "id").rc == 0
    assert rows(silt) == [(1, "a"), (2, "b")]
    r = write("id,name\n1,a\n")
    assert r.rc == 2 and "--format" in r.err
    assert not list(silt.dir.glob("silt-stdin*"))


def test_versions_of_a_table(silt):
    silt("write", "s", "--sql", "SELECT 1 AS id, 'a' AS name")
    silt("write", "s", "--sql", "SELECT 2 AS id, 'b' AS name")
    silt("write", "t", "--sql", f"SELECT * FROM delta('{silt.dir}/s', version := 0)")
    assert rows(silt) == [(1, "a")]
    silt("write", "u", "s")
    assert rows(silt, "u") == [(1, "a"), (2, "b")]


def test_what_is_not_for_a_source_is_refused(silt):
    """Nothing that is said is passed over in silence."""
    silt.write("a.csv", "id\n1\n")
    silt("write", "old", "a.csv")
    for wrong, words in ((["--sql", "SELECT 1 AS id", "--delimiter", ";"], "--delimiter is for files"),
                         (["old", "--no-header"], "--no-header is for files"), (["old", "--format", "csv"], "--format is for files"),
                         (["a.csv", "--delimiter", ""], "--delimiter: it is empty"),
                         (["s3://b/a.csv"], 'no store for "s3://" yet'), (["file:///a.csv"], "without file://"),
                         (["a.csv", "--order-by", "id", "--z-order", "id"], "--order-by and --z-order"),
                         (["a.csv", "--row-group-rows", "0"], "--row-group-rows: 1 or more")):
        assert words in silt("write", "t", *wrong, rc=2).err
    assert not (silt.dir / "t").exists()


@pytest.mark.parametrize("name", ["__silt_file", "__silt_n", "__SILT_ROW"])
def test_names_of_the_engine_are_refused(silt, name):
    silt.write("a.csv", f"id,{name}\n1,0\n")
    silt.write("a.ndjson", json.dumps({"id": 1, name: 0}) + "\n")
    for file in "a.csv", "a.ndjson":
        for mode in [], ["--mode", "upsert", "--keys", "id"]:
            assert f"the column {name}: names that begin with __silt_" in silt("write", "t", file, *mode, rc=1).err


def test_rows_that_are_too_long_are_told_in_a_word(silt):
    silt.write("a.csv", "id,v\n1," + "x" * 2_500_000 + "\n2,y\n")
    err = silt("write", "t", "a.csv", rc=1).err
    assert "a.csv: a row is longer than 2 MB" in err and len(err) < 200


def test_columns_are_called_by_their_names(silt):
    """In DuckDB's own words, too, which knows those of a CSV by numbers."""
    silt("create", "t", "--schema", "id int, `on or off` boolean, x double")
    silt.write("a.csv", "x,on or off,id\n1,maybe,2\n")
    assert 'converting column "on or off"' in silt("write", "t", "a.csv", rc=1).err
