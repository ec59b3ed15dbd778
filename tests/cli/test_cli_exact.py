"""Numbers and times in JSON and Parquet become what columns are, exactly, or the file is told. DuckDB's readers round within
nested values of JSON, and make doubles of fractions and long decimals."""
import decimal
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

LONG = "0.012345678901234567"  # a double keeps 17 digits of it at most


def load(silt, schema, *rows, rc=0):
    silt("create", "t", "--schema", schema)
    silt.write("in.ndjson", "".join(row + "\n" for row in rows))
    r = silt("write", "t", "in.ndjson", rc=rc)
    return r.err if rc else [json.loads(line, parse_float=str)
                             for line in silt("read", "t", "--format", "json").out.splitlines()]


@pytest.mark.parametrize("schema, value", [
    ("struct<a:long>", {"a": 1.7}), ("struct<a:int>", {"a": 2.5}), ("struct<a:long>", {"a": True}),
    ("struct<a:decimal(10,2)>", {"a": 1.005}), ("struct<a:date>", {"a": "2020-01-01 10:00:00"}),
    ("struct<a:timestamp>", {"a": "garbage"}), ("array<int>", [1, 2.4]), ("array<int>", [1, 3000000000]),
    ("array<array<short>>", [[1], [None, 2.1]]), ("array<date>", ["2020-01-01", "2020-13-01"]),
    ("map<string,int>", {"a": 1, "b": 1.5}), ("map<int,string>", {"1": "a", "x": "b"}),
    ("array<struct<a:map<string,int>>>", [{"a": {"k": 0.5}}])])
def test_what_does_not_fit_within_a_value_is_refused(silt, schema, value):
    err = load(silt, f"id int, v {schema}", json.dumps({"id": 1, "v": None}), json.dumps({"id": 2, "v": value}), rc=1)
    assert "in.ndjson: row 2, column v: " in err and "that can be kept exactly" in err
    assert silt("show", "t", "--json").json["version"] == 0


def test_what_fits_is_kept(silt, read_deltalake):
    row = {"id": 1, "s": {"a": 9007199254740993, "b": {"c": "2020-01-01", "d": "1960-01-01T00:00:00+02:00"}, "e": "x"},
           "l": [1.5, None, 2], "m": {"1": 2.0, "7": None}, "n": [[1], [], None], "b": {"x": "é"}}
    schema = ("id int, s struct<a:long,b:struct<c:date,d:timestamp>,e:string>, l array<decimal(5,1)>, m map<int,int>, "
              "n array<array<int>>, b struct<x:binary>")
    rows = load(silt, schema, json.dumps(row), '{"id":2}', '{"id":3,"s":{},"l":[],"m":{},"n":null,"b":null}')
    assert rows[0]["s"] == {"a": 9007199254740993, "b": {"c": "2020-01-01", "d": "1959-12-31T22:00:00.000000Z"}, "e": "x"}
    assert rows[0]["l"] == ["1.5", None, "2.0"] and rows[0]["m"] == {"1": 2, "7": None} and rows[0]["n"] == [[1], [], None]
    assert all(rows[1][name] is None for name in "slmnb")
    assert rows[2]["s"] == {"a": None, "b": None, "e": None} and rows[2]["l"] == [] and rows[2]["m"] == {}
    table = read_deltalake(silt.dir / "t").to_pylist()
    assert table[0]["b"] == {"x": "é".encode()} and dict(table[0]["m"]) == {1: 2, 7: None}


def test_bad_rows_within_values(silt):
    silt.write("silt.yaml", """\
pipeline: p
checkpoint_path: state
tables:
- {table_name: t, source: {path: "in/*.ndjson"}, on_bad_row: quarantine, write: {path: t},
   schema: {id: int, s: "struct<a:int,b:struct<c:date,d:timestamp>>", l: "array<decimal(5,1)>", m: "map<int,int>"}}
""")
    silt.write("in/1.ndjson", """\
{"id":1,"s":{"a":1,"b":{"c":"2020-01-01","d":"2020-01-01T00:00:00Z"}},"l":[1.5,2],"m":{"1":2}}
{"id":2,"s":{"a":1.5}}
{"id":3,"s":{"a":1,"b":{"c":"2020-01-01 10:00:00"}}}
{"id":4,"s":{"a":1,"b":{"d":"garbage"}}}
{"id":5,"l":[1.55]}
{"id":6,"m":{"x":2}}
{"id":7,"m":{"1":2.5}}
{"id":8,"s":7}
{"id":9,"l":null,"m":{},"s":{"a":null}}
""")
    assert silt("run", "--json").json["tables"][0]["rows_inserted"] == 2
    rejects = [json.loads(line) for line in silt("read", "state/rejects", "--format", "json").out.splitlines()]
    assert sorted((r["line"], r["column_name"]) for r in rejects) == [
        (2, "s"), (3, "s"), (4, "s"), (5, "l"), (6, "m"), (7, "m"), (8, "s")]
    silt("validate-consistency")


@pytest.mark.parametrize("schema, value", [
    ("decimal(38,18)", LONG), ("decimal(18,2)", "1234567890123456.78"), ("decimal(38,0)", "1.2345678901234567e20"),
    ("struct<a:array<decimal(38,18)>>", '{"a":[1.5,%s]}' % LONG), ("map<string,decimal(38,18)>", '{"1.2":%s}' % LONG),
    ("map<string,struct<a:decimal(38,18)>>", '{"k":{"a":%s}}' % LONG)])
def test_digits_that_would_be_lost_are_told(silt, schema, value):
    err = load(silt, f"v {schema}", '{"v":null}', "", '{"v":%s}' % value, rc=1)
    assert "in.ndjson: line 3, column " in err and "more digits than are kept of a number in JSON (15)" in err
    silt.write("in.ndjson", '{"v":%s}\n' % value.replace(LONG, f'"{LONG}"'))
    if LONG in value:
        silt("write", "t", "in.ndjson")
        assert LONG in silt("read", "t", "--format", "json").out


def test_numbers_of_few_digits_are_decimals(silt):
    values = ["0.000000000000000001", "0.0123456789012345", "1e3", "-1.5", "12345678901234567890", "0.10000000000000000000000000"]
    rows = load(silt, "v decimal(38,18)", *('{"v":%s}' % v for v in values))
    assert [r["v"] for r in rows] == ["0.000000000000000001", "0.012345678901234500", "1000.000000000000000000",
                                     "-1.500000000000000000", "12345678901234567890.000000000000000000",
                                     "0.100000000000000000"]


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
@pytest.mark.parametrize("values", [["18446744073709551616"], ["9007199254740993", "1.5"], ["1.5", "9007199254740993"]])
@pytest.mark.parametrize("files", [1, 2])
def test_types_that_are_found_keep_whole_numbers(silt, kind, values, files):
    """As doubles they would lose their last digits; also where another file has the fractions."""
    rows = [v + "\n" if kind == "csv" else '{"v":%s}\n' % v for v in values]
    parts = ["".join(rows)] if files == 1 else rows
    names = [f"{i}.{kind}" for i in range(len(parts))]
    for name, part in zip(names, parts):
        silt.write(name, ("v\n" if kind == "csv" else "") + part)
    silt("write", "t", *names)
    out = silt("read", "t", "--format", "csv", "--no-header").out
    assert sorted(out.splitlines()) == sorted(values)


@pytest.mark.parametrize("kind, value", [("double", 9007199254740993), ("float", 16777217), ("double", "1234567890123456.78")])
def test_digits_of_parquet_files_are_kept(silt, kind, value):
    """Whole numbers and decimals become doubles where these have room for all their digits."""
    arrow = pa.array([value if isinstance(value, int) else decimal.Decimal(value)])
    pq.write_table(pa.table({"v": arrow}), silt.dir / "big.parquet")
    small = pa.array([1234, 5]) if isinstance(value, int) else pa.array([decimal.Decimal("1.10")])
    pq.write_table(pa.table({"v": small}), silt.dir / "small.parquet")
    silt("create", "t", "--schema", f"v {kind}")
    assert "big.parquet: row 1, column v: " in silt("write", "t", "big.parquet", rc=1).err
    silt("write", "t", "small.parquet")
    assert len(silt("read", "t", "--format", "csv", "--no-header").out.splitlines()) == len(small)


@pytest.mark.parametrize("nested", [False, True])
def test_decimals_beyond_38_digits_are_refused(silt, nested):
    """DuckDB makes doubles of them, and other numbers."""
    numbers = pa.array([decimal.Decimal("1" * 40)], pa.decimal256(45, 3))
    column = pa.StructArray.from_arrays([numbers], ["d"]) if nested else numbers
    pq.write_table(pa.table({"v": column}), silt.dir / "wide.parquet")
    assert "column v: decimals of more than 38 digits can't be kept" in silt("write", "t", "wide.parquet", rc=1).err
