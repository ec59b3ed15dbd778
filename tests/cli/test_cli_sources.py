"""Sources of a pipeline: manifests, compressed files, headers that change from file to file."""
import gzip
import json

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from pipelines import read

CONFIG = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: sales
    source: {%s}
    write: {path: lake/sales}
"""


def sales(silt, name, *ids):
    return silt.write(name, "id,kind\n" + "".join(f"{i},a\n" for i in ids))


def ids(silt):
    return [int(row[0]) for row in read(silt, "sales", "id")]


# ---- manifests

MANIFEST = "manifest: %s, format: csv"


@pytest.fixture
def three(silt):
    for i in (1, 2, 3):
        sales(silt, f"drop/{i}.csv", i)
    return silt


def manifest(silt, name, text):
    silt.write("silt.yaml", CONFIG % (MANIFEST % name))
    silt.write(name, text)


@pytest.mark.parametrize("name, text", [
    ("drop/list.txt", "1.csv\r\n\n3.csv\n./3.csv\n"),
    ("list.csv", "size,path\n12,drop/1.csv\n,\"drop/3.csv\"\n"),
    ("list.json", json.dumps(["drop/1.csv", {"path": "drop/3.csv", "size": 12}])),
])
def test_the_files_that_are_listed_are_loaded(three, name, text):
    manifest(three, name, text)
    for loads in (2, 0, 0):
        r = three("run", "--json").json
        assert (r["total_files_discovered"], r["total_files_processed"]) == (2, loads)
        assert ids(three) == [1, 3]
    three("validate-consistency")
    silt_files = {row[0].rsplit("/", 1)[1] for row in read(three, "sales", "_source_file")}
    assert silt_files == {"1.csv", "3.csv"}
    manifest(three, name, text.replace("3.csv", "2.csv")) # a new list; what is loaded stays
    three("run")
    assert ids(three) == [1, 2, 3]


def test_what_is_listed_has_to_be_there(three):
    manifest(three, "list.txt", "drop/1.csv\ndrop/7.csv\ndrop/8.csv\n")
    r = three("run", rc=1)
    assert "2 of its files aren't there: " in r.out and "drop/7.csv" in r.out and "drop/8.csv" in r.out
    assert not (three.dir / "lake/sales").exists()
    sales(three, "drop/7.csv", 7)
    sales(three, "drop/8.csv", 8)
    three("run")
    assert ids(three) == [1, 7, 8]


def test_sizes_are_checked(three):
    manifest(three, "list.csv", "path,size\ndrop/1.csv,12\ndrop/2.csv,99\n")
    r = three("run", rc=1)
    assert "1 of its files have another size than it says: " in r.out and "drop/2.csv" in r.out
    assert not (three.dir / "lake/sales").exists()


def test_hashes_are_checked(three):
    manifest(three, "list.txt", "drop/1.csv\n")
    three("run")
    ledger = next((three.dir / "lake/sales/_silt/ledger/shop/sales").glob("*.json"))
    known = json.loads(ledger.read_text())["files"][0]["contentHash"]
    sales(three, "drop/4.csv", 1) # of the same content
    manifest(three, "list.csv", f"path,hash\ndrop/4.csv,{known.upper()}\ndrop/2.csv,{known}\n")
    r = three("run", rc=5)
    assert f"and {known} by the manifest" in r.out and "drop/2.csv" in r.out
    assert ids(three) == [1, 1]
    three("validate-consistency")


@pytest.mark.parametrize("name, text, message", [
    ("list.csv", "file,size\nx,1\n", "list.csv:1: its first line has no column path"),
    ("list.csv", "path,size\ndrop/1.csv,ten\n", "list.csv:2: size is \"ten\""),
    ("list.csv", "path,hash\ndrop/1.csv,abc\n", "list.csv:2: hash is \"abc\""),
    ("list.csv", "path,size\n,10\n", "list.csv:2: a file without a path"),
    ("list.json", "{\"path\": 1}", "it isn't a JSON array"),
    ("list.json", "[{\"size\": 1}]", "list.json:1: a file without a path"),
    ("list.txt", "a\0b", "it isn't UTF-8 text"),
])
def test_manifests_that_cant_be_understood(three, name, text, message):
    manifest(three, name, text)
    r = three("run", rc=None)
    assert r.rc in (1, 2) and message in r.out + r.err
    assert not (three.dir / "lake/sales").exists()


def test_an_empty_one_and_none(three):
    manifest(three, "list.txt", "")
    assert "Nothing to do" in three("run").out
    (three.dir / "list.txt").unlink()
    assert "manifest" in three("run", rc=1).out


@pytest.mark.parametrize("source, message", [
    ("manifest: list.txt", "tables[0].source.format: is missing"),
    ("manifest: list.txt, path: x.csv, format: csv", "write one of them"),
    ("format: csv", "tables[0].source.path: is missing"),
])
def test_mistakes(silt, source, message):
    silt.write("silt.yaml", CONFIG % source)
    assert message in silt("check-config", rc=2).err


# ---- compressed files


def compressed(path, text, kind):
    if kind == "gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        with pa.CompressedOutputStream(str(path), "zstd") as out:
            out.write(text.encode())


@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_compressed(silt, form, kind):
    silt.write("silt.yaml", CONFIG % f'path: "in/*.{form}.{kind}"')
    (silt.dir / "in").mkdir()
    for i in (1, 2):
        text = f"id,kind\n{i},ä\n" if form == "csv" else f'{{"id": {i}, "kind": "ä"}}\n'
        compressed(silt.dir / f"in/{i}.{form}.{kind}", text, kind)
        silt("run")
    assert read(silt, "sales", "id", "kind") == [("1", "ä"), ("2", "ä")]
    whole = (silt.dir / f"in/2.{form}.{kind}").read_bytes()
    (silt.dir / f"in/3.{form}.{kind}").write_bytes(whole[:-9]) # cut off
    assert f"3.{form}.{kind}" in silt("run", rc=5).out
    assert ids(silt) == [1, 2]


# ---- headers from file to file

HEADERS = 'path: "in/*.csv"'


def test_the_dialect_is_the_first_files_and_types_are_the_tables(silt):
    """Never guessed file by file: digits alone in a later file stay the text they were."""
    silt.write("silt.yaml", CONFIG % HEADERS)
    silt.write("in/1.csv", "id,kind\n1,x7\n")
    silt("run")
    silt.write("in/2.csv", "id,kind\n2,007\n")
    silt("run")
    assert read(silt, "sales", "id", "kind") == [("1", "x7"), ("2", "007")]
    silt.write("in/3.csv", "id,kind\nthree,x\n")
    assert "3.csv" in silt("run", rc=5).out


def test_columns_in_another_order_or_missing(silt):
    silt.write("silt.yaml", CONFIG % HEADERS)
    silt.write("in/1.csv", "id,kind\n1,a\n")
    silt("run")
    silt.write("in/2.csv", "kind,id\nb,2\n")
    silt.write("in/3.csv", "id\n3\n")
    silt("run")
    assert read(silt, "sales", "id", "kind") == [("1", "a"), ("2", "b"), ("3", "")]


def test_new_columns(silt):
    silt.write("silt.yaml", CONFIG % HEADERS)
    silt.write("in/1.csv", "id,kind\n1,a\n")
    silt("run")
    silt.write("in/2.csv", "id,kind,more\n2,b,c\n")
    r = silt("run", rc=5)
    assert "more" in r.out and "2.csv" in r.out and "on_new_column: evolve" in r.out
    silt.write("silt.yaml", CONFIG % HEADERS + "    on_new_column: evolve\n")
    silt("run")
    assert read(silt, "sales", "id", "more") == [("1", ""), ("2", "c")]


@pytest.mark.parametrize("name, data, message", [
    ("a.csv.bz2", b"BZh91AY", "compressed by bzip2, which can't be read; gzip (.gz) and zstd (.zst) can"),
    ("a.csv", b"\xfd7zXZ\x00", "compressed by xz"),
    ("a.csv", b"PK\x03\x04abc", "compressed by zip"),
    ("a.csv", b"\x1f\x8b\x08\x00abc", "compressed by gzip, which its name doesn't say; let it end in .gz"),
    ("a.json", b' \n[{"id": 1},\n {"id": 2}', "its JSON array has no end")])
def test_what_isnt_read_is_named(silt, name, data, message):
    silt.write(f"inbox/{name}", data)
    kind = "ndjson" if name.endswith("json") else "csv"
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n"
                            f"    source: {{path: 'inbox/*', format: {kind}}}\n    write: {{path: lake/t}}\n")
    result = silt("run", rc=None)
    assert result.rc != 0 and message in result.out
    assert not (silt.dir / "lake/t").exists()


@pytest.mark.parametrize("packed", [False, True])
def test_json_arrays(silt, packed):
    """Its items are rows, however they are laid out; the file is known by its own content."""
    text = ' \n[{"id": 1,\n  "name": "a,]"},\n {"id": 2, "name": "b"}]\n'.encode()
    silt.write("inbox/a.json" + ".gz" * packed, gzip.compress(text) if packed else text)
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n"
                            "    source: {path: 'inbox/*', format: json}\n    write: {path: lake/t}\n")
    plan = silt("run", "--dry-run", "--json").json["tables"][0]
    assert plan["files_waiting"] == 1 and not plan.get("unfit")
    assert silt("run", "--json").json["rows"] == 2
    assert silt("read", "lake/t", "--columns", "id,name", "--format", "csv").out == 'id,name\n1,"a,]"\n2,b\n'
    assert silt("run", "--json").json["total_files_processed"] == 0
    assert silt("prove", "--sources", "--json").json["tables"][0]["files_hashed"] == 1
    assert not list((silt.dir / "state").glob("_silt/scratch/*"))


def test_a_source_without_any_file(silt):
    silt.write("silt.yaml", CONFIG % 'path: "inbox/*.csv"')
    (silt.dir / "inbox").mkdir()
    assert "sales  no files found" in silt("run", "--dry-run").out
    assert "✓ sales  no files found" in silt("run").out
    sales(silt, "inbox/1.csv", 1)
    silt("run")
    assert "✓ sales  nothing new" in silt("run").out


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_json_arrays_compressed_as_the_options_say(silt, kind):
    """As files of lines beside them; their names tell nothing."""
    items = [{"id": i, "name": f"{i * 7919}]" * 9} for i in range(3000)]
    silt.write("inbox/a.json", pa.compress(json.dumps(items, indent=1).encode(), codec=kind, asbytes=True))
    silt.write("inbox/b.json", pa.compress(b'{"id": 3000, "name": "b"}\n', codec=kind, asbytes=True))
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n"
                            f"    source: {{path: 'inbox/*', format: json, options: {{compression: {kind}}}}}\n"
                            "    write: {path: lake/t}\n")
    plan = silt("run", "--dry-run", "--json").json["tables"][0]
    assert plan["files_waiting"] == 2 and not plan.get("unfit")
    assert silt("run", "--json").json["rows"] == 3001
    rows = DeltaTable(silt.dir / "lake/t").to_pyarrow_table(columns=["id", "name"]).sort_by("id").to_pylist()
    assert rows == items + [{"id": 3000, "name": "b"}]
    assert silt("run", "--json").json["total_files_processed"] == 0
    silt("prove", "--sources")
    silt.write("inbox/c.json", pa.compress(b'[{"id": 1}', codec=kind, asbytes=True))
    r = silt("run", rc=None)
    assert r.rc != 0 and "c.json" in r.out + r.err
    assert len(silt("read", "lake/t", "--columns", "id", "--format", "csv").out.split()) == 3002
