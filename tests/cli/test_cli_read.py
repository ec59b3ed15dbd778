"""silt read and silt files: conditions, lists of files, and the account of what is read."""
import csv
import io
import json
import subprocess
import tarfile

import deltalake
import pyarrow as pa
import pytest

from conftest import ROOT


@pytest.fixture
def days(silt):
    """Three files of ten rows by day, ids 0 to 29; two more rows in version 1, of day c, as one file."""
    path = silt.dir / "lake/days"
    ids = list(range(30))
    rows = pa.table({"id": ids, "Day": ["abc"[i // 10] for i in ids], "x": [None if i % 7 == 0 else i * 0.5 for i in ids]})
    deltalake.write_deltalake(path, rows, partition_by=["Day"])
    more = pa.table({"id": [100, 101], "Day": ["c", "c"], "x": [1.0, None]})
    deltalake.write_deltalake(path, more, mode="append")
    return silt


def read(silt, *args):
    """The rows as CSV without its header."""
    out = silt("read", "lake/days", "--format", "csv", "--no-header", *args).out
    return [tuple(r) for r in csv.reader(io.StringIO(out))]


def ids(silt, *args):
    return sorted(int(r[0]) for r in read(silt, "--columns", "id", *args))


# ---- conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("where, wanted", [
    ("id >= 12 AND id < 15", [12, 13, 14]),
    ("day = 'b' and ID between 15 and 100", [15, 16, 17, 18, 19]),
    ("x is null", [0, 7, 14, 21, 28, 101]),
    ("not (x > 1) or id in (101, 29)", [1, 2, 29, 100, 101]),
    ("day <> 'a' and x = 5.0", [10]),
    ("`Day` like 'z%'", []),
    ("id % 10 = 3 or upper(day) = 'C' and id > 28", [3, 13, 23, 29, 100, 101])])
def test_where(days, where, wanted):
    assert ids(days, "--where", where) == wanted
    assert ids(days, "--where", where, "--no-pushdown") == wanted
    assert ids(days, "--where", where, "--limit", "2") == wanted[:2] or len(wanted) > 2
    assert len(read(days, "--where", where, "--columns", "x")) == len(wanted) # what is asked for isn't shown


@pytest.mark.parametrize("where, words", [
    ("idd = 1", "there is no column `idd`"), ("id = ", "condition"), ("id", "condition"), ("nope(id) = 1", "nope")])
def test_conditions_that_are_none(days, where, words):
    r = days("read", "lake/days", "--where", where, rc=None)
    assert r.rc in (1, 2) and words in r.err and r.out == "", r


def test_the_account(days):
    table = days("read", "lake/days", "--explain", "--where", "day = 'c' AND id > 50").out.splitlines()
    assert table[0].split() == ["STEP", "FILES", "ROWS", "SIZE", "WHY"]
    assert table[1].split()[:4] == ["version", "1", "4", "32"]
    assert table[2].split()[:4] == ["partition", "values", "-2", "-20"]
    assert table[3].split()[:3] == ["statistics", "-1", "-10"]
    assert table[4].split()[:5] == ["to", "be", "read", "1", "2"]
    assert table[5].startswith("Rows are asked: ") and len(table) == 6
    e = days("read", "lake/days", "--explain", "--json", "--where", "day = 'c' AND id > 50").json
    assert e["total"]["files"] == 4 and e["to_be_read"]["rows"] == 2 and "50" in e["filter"]
    assert [(s["step"], s["files"], s["rows"]) for s in e["ruled_out"]] == [("partition values", 2, 20), ("statistics", 1, 10)]
    for part in ("files", "rows", "bytes"):
        assert e["total"][part] == e["to_be_read"][part] + sum(s[part] for s in e["ruled_out"])
    e = days("read", "lake/days", "--explain", "--json", "--no-pushdown", "--where", "day = 'c'").json
    assert e["to_be_read"]["files"] == 4 and e["ruled_out"] == []
    e = days("read", "lake/days", "--explain", "--json", "--limit", "3").json
    assert [s["step"] for s in e["ruled_out"]] == ["limit"] and e["to_be_read"]["files"] < 4


# ---- lists of files -------------------------------------------------------------------------------


def test_only_some_files(days):
    changed = days("files", "lake/days", "--from", "0", "--to", "1").out.splitlines()
    assert len(changed) == 1 and changed[0].startswith("+ Day=c/")
    name = changed[0][2:]
    assert ids(days, "--files", name) == [100, 101]
    assert ids(days, "--files", name, "--where", "id > 100") == [101]
    everything = days("files", "lake/days").out
    both = [n for n in everything.splitlines() if "Day=a" in n or n == name]
    out = days("read", "lake/days", "--columns", "id", "--format", "csv", "--files", "-", stdin="\n".join(both) + "\n").out
    assert sorted(map(int, out.split()[1:])) == [*range(10), 100, 101]
    assert days("read", "lake/days", "--files", "-", stdin="").out.endswith("(0 rows)\n")
    r = days("read", "lake/days", "--files", "no/such", "--files", "nor/this", rc=1)
    assert "has no file no/such, nor 1 other" in r.err
    r = days("read", "lake/days", "--version", "0", "--files", name, rc=1)
    assert f"version 0 has no file {name}" in r.err


def test_the_file_of_each_row(days):
    names = days("files", "lake/days").out.splitlines()
    rows = read(days, "--columns", "id,Day", "--file-column", "from")
    assert len(rows) == 32 and {r[2] for r in rows} == set(names)
    assert all(f"Day={day}/" in name for _, day, name in rows)
    assert len(read(days, "--file-column", "from", "--where", "`from` like 'Day=a/%'")) == 10
    assert "there is a column" in days("read", "lake/days", "--file-column", "DAY", rc=None).err


def test_files_that_differ(days):
    path = days.dir / "lake/days"
    deltalake.DeltaTable(path).delete("Day = 'a'")
    deltalake.DeltaTable(path).optimize.compact()
    now = days("files", "lake/days").out.splitlines()
    before = days("files", "lake/days", "--version", "0").out.splitlines()
    changes = days("files", "lake/days", "--from", "0").out.splitlines()
    assert sorted(changes) == sorted([f"+ {n}" for n in set(now) - set(before)] + [f"- {n}" for n in set(before) - set(now)])
    entries = [json.loads(line) for line in days("files", "lake/days", "--from", "0", "--json").out.splitlines()]
    assert {(e["change"], e["path"]) for e in entries} == {
        ({"+": "added", "-": "removed"}[c[0]], c[2:]) for c in changes}
    assert all(e["rows"] > 0 and e["deleted_rows"] == 0 for e in entries)
    assert "CHANGE" in days("files", "lake/days", "--from", "0", "--verbose").out.splitlines()[0]
    back = days("files", "lake/days", "--from", str(deltalake.DeltaTable(path).version()), "--to", "0").out.splitlines()
    assert sorted(c[2:] for c in back) == sorted(c[2:] for c in changes)
    assert len(days("files", "lake/days", "--version", "0", "--where", "id < 5").out.splitlines()) == 1


# ---- forms ----------------------------------------------------------------------------------------


def arrow(silt, *args):
    silt("read", "lake/days", "--format", "arrow", "--output", "out.arrow", *args)
    with pa.ipc.open_stream(silt.dir / "out.arrow") as stream:
        table = stream.read_all()
    table.validate(full=True)
    return table


def test_arrow(days):
    table = arrow(days)
    assert sorted(table["id"].to_pylist()) == [*range(30), 100, 101] and table["x"].null_count == 6
    assert table.schema.field("Day").type == pa.string()
    assert arrow(days, "--view-types").schema.field("Day").type == pa.string_view()
    assert arrow(days, "--where", "id < 0").num_rows == 0
    piped = subprocess.run([days.binary, "read", "lake/days", "--format", "arrow"], cwd=days.dir, env=days.env,
                           capture_output=True, check=True)
    with pa.ipc.open_stream(piped.stdout) as stream:
        assert stream.read_all().num_rows == 32


def test_arrow_of_a_schema(days):
    days.write("wanted", "struct<x: float, id: int>")
    table = arrow(days, "--schema", "wanted")
    assert table.schema.names == ["x", "id"] and table.schema.field("id").type == pa.int32()
    assert table.num_rows == 32
    days.write("wrong", "int")
    assert "a struct is wanted" in days("read", "lake/days", "--format", "arrow", "--schema", "wrong", rc=2).err
    assert "can't be read" in days("read", "lake/days", "--format", "arrow", "--schema", "none", rc=2).err


def test_nested_values_as_arrow(silt):
    rows = pa.table({
        "l": [[1, None], [], None], "s": [{"a": "x", "b": None}, {"a": None, "b": [True]}, None],
        "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())), "b": [b"\0\xff", None, b""],
        "d": pa.array(["1.25", None, "-0.01"], pa.string()).cast(pa.decimal128(20, 2)), "n": ["", "ü", None]})
    deltalake.write_deltalake(silt.dir / "t", rows)
    for more in ([], ["--view-types"]):
        silt("read", "t", "--format", "arrow", "--output", "t.arrow", *more)
        with pa.ipc.open_stream(silt.dir / "t.arrow") as stream:
            table = stream.read_all()
        table.validate(full=True)
        assert table.to_pylist() == rows.to_pylist()


def test_variants_as_arrow_are_their_two_parts(silt):
    with tarfile.open(ROOT / "tests/golden/spark/variants.tar.gz") as tar:
        tar.extractall(silt.dir, filter="data")
    silt("read", "table", "--format", "arrow", "--output", "v.arrow")
    with pa.ipc.open_stream(silt.dir / "v.arrow") as stream:
        table = stream.read_all()
    table.validate(full=True)
    parts = pa.struct([("metadata", pa.binary()), ("value", pa.binary())])
    assert parts in [f.type for f in table.schema] and table.num_rows > 0


def test_a_table_that_has_lost_a_file_is_refused(days):
    name = next(n for n in days("files", "lake/days").out.splitlines() if "Day=a" in n)
    (days.dir / "lake/days" / name).unlink()
    for args in ([], ["--limit", "1"], ["--columns", "Day"], ["--explain"], ["--format", "arrow"]):
        r = days("read", "lake/days", *args, rc=1)
        assert f"{name} of version 1 has gone" in r.err and r.out == ""
    assert len(read(days, "--where", "Day = 'b'")) == 10 # nobody asks for the lost one
