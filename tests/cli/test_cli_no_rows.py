"""Files without rows: nothing, a header, blank lines. They never say of what types a table's columns are."""
import pytest

PIPELINE = """\
pipeline: p
checkpoint_path: state
tables:
- {table_name: t, source: {path: "in/*.csv"}, write: {path: t, format: %s}}
"""


@pytest.mark.parametrize("text", ["id,v\n", "id,v", "\ufeffid,v\r\n", "id,v\n\n"])
def test_a_header_alone_makes_no_table(silt, text):
    silt.write("a.csv", text)
    assert "a.csv: it has no rows, and there is no table yet" in silt("write", "t", "a.csv", rc=1).err
    assert not (silt.dir / "t/_delta_log").exists()
    silt("create", "t", "--schema", "id long, v double")
    assert silt("write", "t", "a.csv", "--json").json["rows_inserted"] == 0


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_types_are_those_of_the_first_rows(silt, kind):
    silt.write("silt.yaml", PIPELINE % kind)
    silt.write("in/1.csv", "id,v\n")
    silt.write("in/2.csv", "")
    silt("run", rc=1)
    silt.write("in/3.csv", "id,v\n1,2.5\n")
    assert silt("run", "--json").json["total_files_processed"] == 3
    log = silt.dir / ("t/_delta_log" if kind == "delta" else "t/_silt/log")
    assert '\\"name\\":\\"v\\",\\"type\\":\\"double\\"' in (log / "00000000000000000000.json").read_text()
    silt.write("in/4.csv", "id,v\n")
    silt("run")
    silt("validate-consistency")


def test_where_types_are_declared_a_header_is_enough(silt):
    silt.write("silt.yaml", (PIPELINE % "delta").replace("write:", "schema: {id: long, v: double}, write:"))
    silt.write("in/1.csv", "id,v\n")
    assert silt("run", "--json").json["total_files_processed"] == 1
