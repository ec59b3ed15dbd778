"""silt sql: queries, datasets, formats, what is refused; silt read --dataset."""
import json

import pytest

from pipelines import SALES_ONLY, configure, sales

DATASETS = """\
datasets:
  sales: {path: lake/sales}
  first: {path: lake/sales, delta_version: 1}
  named:
    path: lake/sales
    scan: {file_column_name: _file}
"""


@pytest.fixture
def table(silt):
    """Two commits of sales: ids 1 to 5, and three more."""
    configure(silt, SALES_ONLY)
    sales(silt, 1, 5)
    silt("run")
    sales(silt, 2, 3)
    silt("run")
    silt.write("datasets.yaml", DATASETS)
    return silt


def rows(silt, statement, *args, **kwargs):
    out = silt("sql", statement, "--format", "csv", "--no-header", *args, **kwargs).out
    return [tuple(line.split(",")) for line in out.splitlines()]


def test_a_query_over_versions(table):
    assert rows(table, "SELECT count(*) FROM delta('lake/sales')") == [("8",)]
    assert rows(table, "SELECT count(*) FROM delta('lake/sales', version := 1)") == [("5",)]
    both = ("SELECT count(*) FROM delta('lake/sales') n "
            "ANTI JOIN delta('lake/sales', version := 1) o ON n.id = o.id AND n._batch_id = o._batch_id")
    assert rows(table, both) == [("3",)]


def test_each_format(table, tmp_path):
    statement = "SELECT id, kind FROM delta('lake/sales') WHERE _batch_id = 0 ORDER BY id LIMIT 2"
    out = table("sql", statement).out.splitlines()
    assert out[0].split() == ["id", "kind"] and out[1].split() == ["long", "string"]
    assert out[-1] == "(2 rows)"
    assert table("sql", statement, "--format", "csv").out.splitlines()[0] == "id,kind"
    for args in (["--format", "json"], ["--json"]):
        assert [set(json.loads(line)) for line in table("sql", statement, *args).out.splitlines()] == [{"id", "kind"}] * 2
    table("sql", statement, "--format", "parquet", "-o", "x.parquet")
    import pyarrow.parquet
    assert pyarrow.parquet.read_table(table.dir / "x.parquet").column_names == ["id", "kind"]
    table("sql", statement, "--format", "arrow", "-o", "x.arrow")
    import pyarrow.ipc
    assert pyarrow.ipc.open_stream(table.dir / "x.arrow").read_all().num_rows == 2


def test_the_statement_from_standard_input(table):
    r = table("sql", "-", "--format", "csv", stdin="SELECT count(*) AS n -- all\nFROM delta('lake/sales');\n")
    assert r.out == "n\n8\n"


def test_datasets(table):
    args = ["--datasets", "datasets.yaml"]
    assert rows(table, "SELECT (SELECT count(*) FROM sales), count(*) FROM FIRST", *args) == [("8", "5")]
    assert rows(table, "SELECT count(DISTINCT _file) FROM named", *args) == [("2",)]
    assert rows(table, "SELECT count(*) FROM delta('first', version := 2)", *args) == [("8",)]
    r = table("sql", "FROM slaes", *args, rc=1)
    assert "line 1, column 6: there is no table slaes" in r.err and "did you mean 'sales'?" in r.err


def test_datasets_of_the_pipeline_file(table):
    text = (table.dir / "silt.yaml").read_text()
    table.write("silt.yaml", text + "datasets: {s: {path: lake/sales}}\n")
    assert rows(table, "SELECT count(*) FROM s") == [("8",)]
    table("check-config")
    table.write("silt.yaml", text.replace("append", "${NO_SUCH_VARIABLE}") + "datasets: {s: {path: lake/sales}}\n")
    assert rows(table, "SELECT count(*) FROM s") == [("8",)]


def test_mistakes_of_datasets(table):
    table.write("bad.yaml", "datasets:\n  a: {pth: x}\n  b: {path: x, format: sqlite}\n")
    r = table("sql", "SELECT 1", "--datasets", "bad.yaml", rc=2)
    assert "bad.yaml:2:7: datasets.a.pth: unknown key; did you mean path?" in r.err
    assert "bad.yaml:3:24: datasets.b.format: sqlite isn't supported yet" in r.err
    assert "no.yaml" in table("sql", "SELECT 1", "--datasets", "no.yaml", rc=2).err


@pytest.mark.parametrize("statement, words", [
    ("INSERT INTO x VALUES (1)", "INSERT isn't a query"),
    ("COPY (SELECT 1) TO 'stolen.csv'", "COPY isn't a query"),
    ("ATTACH 'x.db'", "ATTACH isn't a query"),
    ("SELECT 1; DROP TABLE x", "only one query is allowed"),
    ("FROM read_csv('/etc/passwd')", "read_csv() can't be read from"),
    ("SELECT\n  nmae FROM delta('lake/sales')", "line 2, column 3: Referenced column \"nmae\""),
    ("SELECT 1 FROM", "line 1, column 14: syntax error"),
    ("SELECT flor(1.5)", "Did you mean \"floor\""),
    ("", "there is no statement"),
])
def test_bad_statements(table, statement, words):
    r = table("sql", statement, rc=2)
    assert words in r.err and r.out == ""
    assert not (table.dir / "stolen.csv").exists()


def test_missing_tables(table):
    assert "no/such" in table("sql", "FROM delta('no/such')", rc=1).err
    assert "there is no table x.parquet" in table("sql", "FROM 'x.parquet'", rc=1).err
    r = table("sql", "FROM sales", rc=1)
    assert "delta('PATH')" in r.err


def test_read_a_dataset(table):
    def read(*args, rc=0):
        return table("read", "--datasets", "datasets.yaml", "--dataset", *args, rc=rc)
    assert read("first").out.endswith("(5 rows)\n")
    assert read("first", "--version", "2").out.endswith("(8 rows)\n")
    assert read("named", "--columns", "id", "--limit", "1").out.splitlines()[0].split() == ["id", "_file"]
    assert read("sales", "--where", "_batch_id = 0", "--format", "csv").out.count("\n") == 6
    assert "did you mean 'sales'" in read("sals", rc=2).err
    assert "only one of the two" in read("sales", "lake/sales", rc=2).err
    assert "--dataset" in table("read", rc=2).err
    assert "for --dataset" in table("read", "lake/sales", "--datasets", "datasets.yaml", rc=2).err


def test_what_is_read_is_in_the_diagnostics(table):
    args = ["--diagnostics", "events.ndjson"]
    table("sql", "SELECT 'it''s' FROM first", "--datasets", "datasets.yaml", *args)
    table("read", "lake/sales", "--version", "1", "--where", "id > 0", "--columns", "id", "--no-pushdown", *args)
    table("read", "--dataset", "named", "--datasets", "datasets.yaml", "--limit", "1", *args)
    table("changes", "lake/sales", "--from", "1", "--to", "2", "--net", *args)
    events = [json.loads(line) for line in (table.dir / "events.ndjson").read_text().splitlines()]
    assert all("ts" in e for e in events)
    assert [(e["kind"], e.get("dataset") or e.get("table")) for e in events] == [
        ("registration", "sales"), ("registration", "first"), ("registration", "named"), ("scan_config", None),
        ("scan_config", "lake/sales"),
        ("registration", "sales"), ("registration", "first"), ("registration", "named"), ("scan_config", "named"),
        ("cdf_registration", "lake/sales")]
    assert events[1]["version"] == 1 and events[2]["file_column"] == "_file"
    assert events[3]["statement"] == "SELECT 'it''s' FROM first"
    assert (events[4]["version"], events[4]["where"], events[4]["columns"], events[4]["pushdown"]) == (1, "id > 0", ["id"], False)
    assert (events[9]["from_version"], events[9]["to_version"], events[9]["net"]) == (1, 2, True)
