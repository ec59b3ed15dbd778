"""Datasets of files: CSV, NDJSON and Parquet as relations of SQL and for silt read --dataset."""
import fcntl
import gzip
import json
import os
import pty
import struct
import subprocess
import termios

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DATASETS = """\
datasets:
  sales: {path: sales, format: csv, partitioning: hive, read_options: {nullstr: NA}}
  plain: {path: sales, format: csv}
  january: {path: "sales/year=*/month=01/*.csv", format: csv, partitioning: hive}
  typed:
    path: sales
    format: csv
    partitioning: hive
    schema: {name: string, year: integer, month: short, id: "decimal(5,1)", none: date}
  named: {path: sales, format: csv, scan: {file_column_name: _file}}
  one: {path: "sales/year=2024/month=02/x.csv", format: csv}
  some: {path: sales, format: csv, files: ["year=2024/month=02/x.csv"]}
  events: {path: events, format: json}
  parts: {path: parts, format: parquet, partitioning: hive}
  mixed: {path: mixed, format: parquet}
  semicolons: {path: semicolons.txt, format: csv, read_options: {delimiter: ";", decimal_separator: ",",
               header: false, skip_lines: 1, date_format: "%d.%m.%Y"}, schema: {id: long, x: double, day: date}}
"""


@pytest.fixture
def files(silt):
    silt.write("datasets.yaml", DATASETS)
    silt.write("sales/year=2024/month=01/x.csv", "id,name\n1,a\n2,b\n")
    silt.write("sales/year=2024/month=02/x.csv", "name,id,extra\nc,3,0.5\n")  # another order, one more
    silt.write("sales/year=2025/month=01/x.csv", "id,name\n4,NA\n")
    silt.write("sales/_SUCCESS", "")
    silt.write("events/a.json", '{"id":1,"v":{"a":1}}\n{"id":2,"v":{"a":2,"b":"x"}}\n')
    silt.write("events/b.json", '{"id":3,"w":true}\n')
    silt.write("semicolons.txt", "made by nobody\n1;0,5;31.01.2024\n2;1,5;01.02.2024\n")
    for folder in ("parts/kind=a", "parts/kind=b%2Fc", "parts/kind=__HIVE_DEFAULT_PARTITION__", "mixed"):
        (silt.dir / folder).mkdir(parents=True)
    write = lambda name, **columns: pq.write_table(pa.table(columns), silt.dir / name, row_group_size=2)
    write("parts/kind=a/1.parquet", id=pa.array([1, 2, 3, 4], pa.int32()), n=["w", "x", "y", "z"])
    write("parts/kind=b%2Fc/2.parquet", n=["v"], id=pa.array([5], pa.int64()), more=[1.5])
    write("parts/kind=__HIVE_DEFAULT_PARTITION__/3.parquet", id=pa.array([6], pa.int32()), n=["u"])
    write("mixed/1.parquet", a=pa.array([1, 2], pa.int32()))
    write("mixed/2.parquet", a=["z"])
    return silt


def sql(silt, statement, **kwargs):
    out = silt("sql", statement, "--datasets", "datasets.yaml", "--format", "csv", "--no-header", **kwargs).out
    return [tuple(line.split(",")) for line in out.splitlines()]


def read(silt, name, *args, rc=0):
    return silt("read", "--datasets", "datasets.yaml", "--dataset", name, *args, rc=rc)


def objects(silt, name, *args):
    return [json.loads(line) for line in read(silt, name, "--json", *args).out.splitlines()]


def test_columns_by_name_and_from_folders(files):
    assert objects(files, "sales", "--where", "id >= 2") == [
        {"id": 2, "name": "b", "extra": None, "year": 2024, "month": "01"},
        {"id": 4, "name": None, "extra": None, "year": 2025, "month": "01"},
        {"id": 3, "name": "c", "extra": 0.5, "year": 2024, "month": "02"}]
    assert set(objects(files, "plain")[0]) == {"id", "name", "extra"}
    assert read(files, "sales").out.splitlines()[1].split() == ["long", "string", "double", "long", "string"]


def test_paths_are_files_folders_and_patterns(files):
    assert sorted(row["id"] for row in objects(files, "january")) == [1, 2, 4]
    assert {row["year"] for row in objects(files, "january")} == {2024, 2025}
    assert [row["id"] for row in objects(files, "one")] == [3]
    assert [row["id"] for row in objects(files, "some")] == [3]
    assert {row["_file"] for row in objects(files, "named")} == {
        f"year={year}/month={month}/x.csv" for year, month in ((2024, "01"), (2024, "02"), (2025, "01"))}


def test_declared_columns(files):
    out = read(files, "typed").out.splitlines()
    assert out[0].split() == ["name", "year", "month", "id", "none"]
    assert out[1].split() == ["string", "integer", "short", "decimal(5,1)", "date"]
    assert sorted((r["name"], r["year"], r["month"], r["id"], r["none"]) for r in objects(files, "typed")) == [
        ("NA", 2025, 1, 4.0, None), ("a", 2024, 1, 1.0, None), ("b", 2024, 1, 2.0, None), ("c", 2024, 2, 3.0, None)]


def test_read_options(files):
    assert objects(files, "semicolons") == [{"id": 1, "x": 0.5, "day": "2024-01-31"},
                                            {"id": 2, "x": 1.5, "day": "2024-02-01"}]


def test_json_lines(files):
    assert sql(files, "SELECT id, v.a, v.b, w FROM events ORDER BY id") == [
        ("1", "1", "", ""), ("2", "2", "x", ""), ("3", "", "", "true")]


def test_parquet(files):
    assert sql(files, "SELECT id, n, more, kind FROM parts ORDER BY id") == [
        ("1", "w", "", "a"), ("2", "x", "", "a"), ("3", "y", "", "a"), ("4", "z", "", "a"),
        ("5", "v", "1.5", "b/c"), ("6", "u", "", "")]
    assert [r["id"] for r in objects(files, "parts", "--where", "kind IS NULL")] == [6]
    assert [r["id"] for r in objects(files, "parts", "--where", "id > 3 AND kind = 'a'")] == [4]
    # DuckDB's filter of a join can't be put into a reader that makes a column another type
    assert sql(files, "SELECT count(*) FROM parts a JOIN parts b USING (id) WHERE b.n > 'x'") == [("2",)]
    # no type holds both as they are
    assert sorted(r["a"] for r in objects(files, "mixed")) == ["1", "2", "z"]


def test_folders_are_ruled_out(files):
    plan = json.loads(read(files, "sales", "--where", "year = 2025", "--explain", "--json").out)
    assert plan["version"] is None and plan["total"]["files"] == 3 and plan["to_be_read"]["files"] == 1
    assert plan["ruled_out"][0]["step"] == "partition values" and plan["ruled_out"][0]["files"] == 2
    text = read(files, "some", "--explain").out.splitlines()
    assert text[1].split()[:3] == ["all", "files", "3"] and text[2].split()[:3] == ["file", "list", "-2"]
    # so a file that can't be read doesn't matter where its folder can't
    (files.dir / "sales/year=2025/month=01/x.csv").write_text('id,name\n4,"no end\n')
    assert sql(files, "SELECT sum(id) FROM typed WHERE year = 2024") == [("6.0",)]
    assert files("sql", "SELECT sum(id) FROM typed", "--datasets", "datasets.yaml", rc=1).err.count("x.csv")


def test_together_with_tables_and_each_other(files):
    assert sql(files, "SELECT s.name, p.n FROM sales s JOIN parts p USING (id) WHERE s.year = 2024 ORDER BY 1") == [
        ("a", "w"), ("b", "x"), ("c", "y")]
    assert sql(files, "SELECT count(*) FROM sales a, sales b WHERE a.id = b.id") == [("4",)]
    assert sql(files, "SELECT year, count(*) FROM sales GROUP BY 1 ORDER BY 1") == [("2024", "3"), ("2025", "1")]
    assert sql(files, "SELECT count(*) FROM sales") == [("4",)]


def test_limit_columns_and_compression(files):
    assert len(objects(files, "sales", "--limit", "2")) == 2
    assert objects(files, "parts", "--columns", "kind,n", "--where", "id = 5") == [{"kind": "b/c", "n": "v"}]
    assert [set(r) for r in objects(files, "sales", "--columns", "year")] == [{"year"}] * 4
    with gzip.open(files.dir / "sales/year=2025/month=01/y.csv.gz", "wt") as f:
        f.write("id,name\n5,e\n")
    assert sql(files, "SELECT sum(id) FROM sales") == [("15",)]


def test_no_column_of_bad_text_crashes_what_reads_others(files):
    with open(files.dir / "sales/year=2024/month=01/x.csv", "ab") as f:
        f.write(b"7,\xff\xfe\n" * 3000)
    r = files("sql", "SELECT sum(id) FROM typed", "--datasets", "datasets.yaml", rc=1)
    assert "x.csv" in r.err


@pytest.mark.parametrize("dataset, words", [
    ("{path: nothing, format: csv}", "nothing"),
    ("{path: 'sales/*.tsv', format: csv}", "there is no file sales/*.tsv"),
    ("{path: sales, format: csv, files: [y.csv]}", "there is no file y.csv among the dataset's"),
    ("{path: events, format: parquet}", "a.json"),
    ("{path: sales, format: csv, partitioning: hive, schema: {id: long, year: date}}", "2024"),
])
def test_what_is_refused(files, dataset, words):
    files.write("bad.yaml", f"datasets: {{bad: {dataset}}}\n")
    r = files("read", "--datasets", "bad.yaml", "--dataset", "bad", rc=1)
    assert words in r.err.replace(str(files.dir) + "/", "")


def test_folders_that_differ(files):
    files.write("sales/x.csv", "id,name\n9,z\n")
    assert "don't say the same columns" in read(files, "sales", rc=1).err
    assert len(objects(files, "plain")) == 5


def test_no_versions(files):
    for statement in ("FROM delta('sales', version := 1)", "FROM delta_changes('sales', 1)"):
        r = files("sql", statement, "--datasets", "datasets.yaml", rc=2)
        assert "have no versions and no changes" in r.err
    assert "row ids" in read(files, "sales", "--row-ids", rc=2).err
    assert read(files, "sales", "--version", "1", rc=2).err


def test_an_empty_dataset_needs_columns(files):
    (files.dir / "later").mkdir()
    files.write("later.yaml", "datasets:\n  a: {path: later, format: csv}\n"
                              "  b: {path: later, format: csv, schema: {id: long}}\n")
    assert "declared" in files("sql", "FROM a", "--datasets", "later.yaml", rc=1).err
    assert files("sql", "FROM b", "--datasets", "later.yaml", "--format", "csv").out == "id\n"


def test_a_terminal_shows_the_columns_that_fit(files):
    def on_a_terminal(columns, *args):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        p = subprocess.Popen([files.binary, "read", "--datasets", "datasets.yaml", "--dataset", "sales", *args],
                             cwd=files.dir, env={**files.env, "NO_COLOR": "1", "TERM": "xterm"},
                             stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE)
        os.close(slave)
        shown = b""
        try:
            while piece := os.read(master, 4096):
                shown += piece
        except OSError:
            pass
        os.close(master)
        assert p.wait(60) == 0, p.stderr.read()
        return shown.decode().replace("\r", "").splitlines()
    whole = on_a_terminal(80)
    assert whole[0].split() == ["id", "name", "extra", "year", "month"] and whole[-1] == "(4 rows)"
    part = on_a_terminal(24)
    assert part[0].split()[:3] == ["id", "name", "extra"] and len(part[0].split()) == 4
    assert len({len(line) for line in part[:-1]}) == 1 and len(part[0]) <= 24
    assert part[-1] == "(4 rows; 3 of 5 columns fit: --verbose shows all)"
    assert on_a_terminal(5)[0].split()[0] == "id"
    assert on_a_terminal(24, "--quiet", "--columns", "id")[-1] == "(4 rows)"
