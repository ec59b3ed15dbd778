"""silt export: a snapshot as one file, a folder of files, or a table; whole or not at all."""
import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake


@pytest.fixture
def table(silt):
    path = silt.dir / "table"
    write_deltalake(str(path), pa.table({"id": [1, 2, 3], "kind": ["a", "50%/x", None]}), partition_by=["kind"])
    write_deltalake(str(path), pa.table({"id": [4], "kind": ["a"]}), mode="append")
    return path


def ids(rows):
    return sorted(rows.column("id").to_pylist())


def left_over(silt):
    return [p.name for p in silt.dir.iterdir() if p.name.startswith(".silt-tmp-")]


def test_files(silt, table):
    for name, rows in {"out.parquet": lambda p: pq.read_table(p, partitioning=None),
                       "out.csv": lambda p: pa.csv.read_csv(p),
                       "out.arrow": lambda p: pa.ipc.open_stream(p).read_all(),
                       "out.json": lambda p: pa.Table.from_pylist(
                           [json.loads(line) for line in open(p)])}.items():
        answer = silt("export", table, name, "--json").json
        assert answer["rows"] == 4 and answer["files"] == 1 and answer["version"] == 1
        assert answer["bytes"] == (silt.dir / name).stat().st_size
        assert ids(rows(silt.dir / name)) == [1, 2, 3, 4]
        assert "is there already" in silt("export", table, name, rc=1).err
        silt("export", table, name, "--overwrite", "--version", 0, "--columns", "ID", "--where", "id < 3")
        out = rows(silt.dir / name)
        assert ids(out) == [1, 2] and out.num_columns == 1
    assert not left_over(silt)


def test_a_folder_of_parquet(silt, table):
    silt("export", table, "out/", rc=0)
    rows = pa.dataset.dataset(silt.dir / "out", partitioning="hive").to_table()
    assert ids(rows) == [1, 2, 3, 4] and rows.num_columns == 2
    assert "is there already" in silt("export", table, "out/", rc=1).err
    silt("export", table, "empty/", "--where", "id > 100")
    assert pq.read_table(silt.dir / "empty").num_rows == 0
    assert "several" in silt("export", table, "x/", "--format", "csv", rc=2).err
    assert not left_over(silt)


def test_a_table(silt, table, read_deltalake):
    DeltaTable(str(table)).alter.set_table_properties({"delta.appendOnly": "true"})
    silt("export", table, "copy", "--format", "delta")
    copy = DeltaTable(str(silt.dir / "copy"))
    assert copy.version() == 0 and copy.metadata().partition_columns == ["kind"]
    assert copy.metadata().configuration == {}
    assert ids(read_deltalake(silt.dir / "copy")) == [1, 2, 3, 4]
    assert [h["operation"] for h in copy.history()] == ["CREATE TABLE AS SELECT"]
    silt("export", table, "part", "--format", "delta", "--columns", "id", "--where", "kind = 'a'")
    assert ids(read_deltalake(silt.dir / "part")) == [1, 4]
    assert DeltaTable(str(silt.dir / "part")).metadata().partition_columns == []
    assert "is there already" in silt("export", table, "copy", "--format", "delta", rc=1).err
    assert not left_over(silt)


def test_what_fails_leaves_nothing(silt, table):
    next(table.rglob("*.parquet")).unlink()
    for name in ("out.parquet", "out/", "out.csv"):
        silt("export", table, name, rc=1)
    silt("export", table, "out", "--format", "delta", rc=1)
    assert not (silt.dir / "out").exists() and not list(silt.dir.glob("out.*")) and not left_over(silt)
    silt("export", table, "no/such/folder.csv", rc=1)
    assert silt("export", table, "out.csv", "--format", "xml", rc=2)


def test_statistics_that_lie_are_noticed(silt, table):
    log = table / "_delta_log/00000000000000000001.json"
    log.write_text(log.read_text().replace('\\"numRecords\\":1', '\\"numRecords\\":2'))
    failed = silt("export", table, "out.csv", rc=1).err
    assert "4 rows were written, the table has 5" in failed and "doctor" in failed
    assert not (silt.dir / "out.csv").exists()


def test_standard_output_is_no_file(silt, table):
    assert "silt read" in silt("export", "table", "-", rc=2).err
    assert not (silt.dir / "-").exists()
