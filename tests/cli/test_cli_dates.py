"""Dates and times in text: the year comes first, or a format says how they are written. Nothing is guessed by file."""
import pytest

PIPELINE = """\
pipeline: p
checkpoint_path: state
tables:
- {table_name: t, source: {path: "in/*.csv"%s}, write: {path: t}}
"""


def days(silt):
    out = silt("read", "t", "--columns", "id,d", "--format", "csv", "--no-header").out
    return dict(line.split(",") for line in out.splitlines())


def test_day_and_month_are_not_guessed(silt):
    silt.write("silt.yaml", PIPELINE % "")
    silt.write("in/0.csv", "id,d\n0,2020-05-01\n")
    silt("run")
    for name, day in ("1", "13/01/2020"), ("2", "05/01/2020"), ("3", "01/13/2020"), ("4", "01-02-2020"), ("5", "20/05/01"):
        silt.write(f"in/{name}.csv", f"id,d\n{name},{day}\n")
    silt.write("in/6.csv", "id,d\n6,2020/05/06\n")
    silt.write("in/7.csv", "id,d\n7,2020-05-07\n")
    r = silt("run", rc=5)
    assert days(silt) == {"0": "2020-05-01", "6": "2020-05-06", "7": "2020-05-07"}
    assert "column d: '05/01/2020' is no DATE that can be kept exactly (date_format says how it is written)" in r.out + r.err


def test_formats_that_are_said(silt, read_deltalake):
    silt.write("silt.yaml", PIPELINE % ', options: {date_format: "%m/%d/%Y"}')
    silt.write("in/1.csv", "id,d\n1,05/01/2020\n")
    silt("run")
    silt.write("in/2.csv", "id,d\n2,01/13/2020\n")
    silt("run")
    assert days(silt) == {"1": "2020-05-01", "2": "2020-01-13"}
    silt.write("a.csv", "d,x\n05/01/2020,05/01/2020 10:30\n")
    silt("write", "csv", "a.csv", "--date-format", "%m/%d/%Y", "--timestamp-format", "%m/%d/%Y %H:%M")
    silt.write("a.ndjson", '{"d":"01.05.2020"}\n')
    silt("write", "json", "a.ndjson", "--date-format", "%d.%m.%Y")
    assert str(read_deltalake(silt.dir / "csv")["x"][0].as_py()).startswith("2020-05-01 10:30:00")
    assert str(read_deltalake(silt.dir / "json")["d"][0].as_py()) == "2020-05-01"


@pytest.mark.parametrize("name, text", [("a.csv", "d\n05/01/2020\n"), ("a.csv", "d\n20-05-01\n"), ("a.csv", "d\n13.01.2020\n"),
                                        ("a.ndjson", '{"d":"01-13-2020"}\n')])
def test_types_that_are_found_leave_texts(silt, name, text):
    silt.write(name, text)
    silt("write", "t", name)
    assert silt("show", "t", "--json").json["columns"][0]["type"] == "string"


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamp_ntz", "struct<x:date>", "array<timestamp>"])
@pytest.mark.parametrize("value", ["infinity", "-infinity", "epoch", "20-01-13", "999-01-01"])
def test_what_is_no_time_is_refused(silt, kind, value):
    """Not infinite, which other readers can't read, nor the year 20."""
    silt("create", "t", "--schema", f"d {kind}")
    text = {"s": '{"x":"%s"}', "a": '["%s"]'}.get(kind[0], '"%s"') % value
    silt.write("a.ndjson", '{"d":%s}\n' % text)
    assert "row 1, column d: " in silt("write", "t", "a.ndjson", rc=1).err
    if "<" not in kind:
        silt.write("a.csv", f"d\n{value}\n")
        assert "line 2, column d: " in silt("write", "t", "a.csv", rc=1).err


def test_options_of_other_formats_are_refused(silt):
    silt.write("a.ndjson", "{}\n")
    silt("write", "t", "--sql", "SELECT 1 AS id")
    silt("read", "t", "--format", "parquet", "-o", "a.parquet")
    for name, *option in (("a.ndjson", "--delimiter", ";"), ("a.ndjson", "--no-header"), ("a.parquet", "--date-format", "%Y"),
                          ("a.parquet", "--delimiter", ";")):
        assert "isn't for files of its format" in silt("write", "t", name, *option, rc=2).err
