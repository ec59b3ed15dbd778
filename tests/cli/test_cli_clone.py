"""silt clone: deep and shallow, of tables of our own and of other writers; read by others, and again and again."""
import json
import os
import shutil
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from conftest import ROOT


def rows(silt, path, *more):
    out = silt("read", path, "--format", "json", *more).out
    return sorted(json.dumps(json.loads(line), sort_keys=True) for line in out.splitlines())


def log(folder, version):
    text = (folder / f"_delta_log/{version:020}.json").read_text()
    return [json.loads(line) for line in text.splitlines()]


def of(actions, kind):
    return [a[kind] for a in actions if kind in a]


def inodes(folder):
    return {os.stat(p).st_ino for p in Path(folder).rglob("*.parquet")}


def data_files(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*.parquet") if "_delta_log" not in p.parts)


@pytest.fixture
def source(silt):
    """Three commits, partitioned by values that have to be escaped."""
    path = silt.dir / "a b/source"
    for i in range(3):
        write_deltalake(str(path), pa.table({"id": [i * 2, i * 2 + 1], "kind": ["x y", "50%/é"]}), mode="append",
                        partition_by=["kind"], configuration={"delta.appendOnly": "false"} if i == 0 else None)
    return path


def test_deep(silt, source, read_deltalake):
    answer = silt("clone", source, "target", "--json").json
    assert answer["outcome"] == "committed" and answer["source_version"] == 2
    assert answer["files"] == answer["files_copied"] == answer["files_added"] == 6
    target = silt.dir / "target"
    assert [Path(f).parent for f in data_files(target)] == [Path(f).parent for f in data_files(source)]
    assert not inodes(target) & inodes(source), "copies, no links"
    assert not list(target.rglob("_silt/scratch/*")), "nothing is left in scratch"
    actions = log(target, 0)
    info = of(actions, "commitInfo")[0]
    assert info["operation"] == "CLONE" and info["operationParameters"]["sourceVersion"] == 2
    assert info["operationMetrics"]["sourceNumOfFiles"] == info["operationMetrics"]["numCopiedFiles"] == "6"
    mine, theirs = of(actions, "metaData")[0], of(log(source, 0), "metaData")[0]
    assert mine["id"] != theirs["id"] and mine["configuration"] == theirs["configuration"]
    assert of(actions, "protocol") == of(log(source, 0), "protocol")
    assert sorted(a["stats"] for a in of(actions, "add")) == \
        sorted(a["stats"] for v in range(3) for a in of(log(source, v), "add"))
    expected = rows(silt, source)
    shutil.rmtree(source) # it needs the source no more
    assert rows(silt, "target") == expected
    assert read_deltalake(target).num_rows == 6


def test_shallow(silt, source, read_deltalake):
    answer = silt("clone", source, "target", "--shallow", "--json").json
    assert answer["files_copied"] == 0 and answer["files_added"] == 6
    target = silt.dir / "target"
    assert data_files(target) == []
    for add in of(log(target, 0), "add"):
        assert add["path"].startswith("file:///") and "a%20b/source/" in add["path"]
    assert rows(silt, "target") == rows(silt, source)
    assert rows(silt, "target", "--where", "kind = 'x y'") == rows(silt, source, "--where", "kind = 'x y'")
    assert read_deltalake(target).num_rows == 6
    # A deep clone of a shallow one has copies of what that refers to, and knows them again.
    assert silt("clone", "target", "deep", "--json").json["files_copied"] == 6
    assert rows(silt, "deep") == rows(silt, source)
    assert silt("clone", "target", "deep", "--replace", "--json").json["outcome"] == "same"


def test_version_and_time(silt, source):
    silt("clone", source, "first", "--version", "0")
    assert len(rows(silt, "first")) == 2
    silt("clone", source, "never", "--version", "9", rc=1)
    assert not (silt.dir / "never/_delta_log").exists()
    assert silt("clone", source, "x", "--version", "0", "--timestamp", "2024-01-01", rc=2).err
    assert "still there: version 0" in silt("clone", source, "x", "--timestamp", "2004-01-01", rc=1).err


def test_a_table_is_not_overwritten_unasked(silt, source):
    write_deltalake(str(silt.dir / "mine"), pa.table({"a": [1]}))
    refused = silt("clone", source, "mine", rc=1)
    assert "is a table already" in refused.err and "--replace" in refused.err
    assert len(rows(silt, "mine")) == 1


def test_repeated_it_copies_what_has_changed(silt, source):
    silt("clone", source, "target")
    before = set(data_files(silt.dir / "target"))
    assert silt("clone", source, "target", "--replace", "--json").json["outcome"] == "same"
    write_deltalake(str(source), pa.table({"id": [100], "kind": ["new"]}), mode="append")
    DeltaTable(str(source)).delete("id = 0")
    would = silt("clone", source, "target", "--replace", "--dry-run", "--json").json
    assert would["outcome"] == "would clone" and set(data_files(silt.dir / "target")) == before
    answer = silt("clone", source, "target", "--replace", "--json").json
    assert {k: would[k] for k in ("files_copied", "files_removed")} == \
        {k: answer[k] for k in ("files_copied", "files_removed")}
    assert answer["files_copied"] == len(set(data_files(silt.dir / "target")) - before) <= 2
    assert answer["files_removed"] == 1 and answer["committed_version"] == 1
    assert rows(silt, "target") == rows(silt, source)
    assert len(rows(silt, "target", "--version", "0")) == 6, "its own history stays"
    # What others did to the target goes.
    write_deltalake(str(silt.dir / "target"), pa.table({"id": [7], "kind": ["mine"]}), mode="append")
    assert silt("clone", source, "target", "--replace", "--json").json["files_removed"] == 1
    assert rows(silt, "target") == rows(silt, source)


def test_a_file_written_again_under_its_name_is_another(silt):
    """As engines do that call their files part-0.parquet."""
    import pyarrow.parquet as pq
    source = silt.dir / "source"
    write_deltalake(str(source), pa.table({"id": [1, 2]}))
    name = of(log(source, 0), "add")[0]
    silt("clone", source, "target")
    pq.write_table(pa.table({"id": [3, 4, 5]}), source / name["path"])
    stat = os.stat(source / name["path"])
    add = {**name, "size": stat.st_size, "modificationTime": name["modificationTime"] + 5, "stats": '{"numRecords":3}'}
    (source / "_delta_log/00000000000000000001.json").write_text(
        json.dumps({"remove": {"path": name["path"], "dataChange": True, "deletionTimestamp": 1}}) + "\n")
    (source / "_delta_log/00000000000000000002.json").write_text(json.dumps({"add": add}) + "\n")
    silt("clone", source, "target", "--replace")
    assert rows(silt, "target") == rows(silt, source) and len(rows(silt, "target")) == 3
    assert len(rows(silt, "target", "--version", "0")) == 2, "the older version has its file still"
    assert silt("clone", source, "target", "--replace", "--json").json["outcome"] == "same"


def test_deletion_vectors_go_along(silt, read_duckdb):
    """By names of their own; a copy's vector is known again, and one that grew is copied anew."""
    silt("create", "source", "--schema", "id long", "--property", "delta.enableDeletionVectors=true")
    silt("write", "source", silt.write("1.csv", "id\n" + "".join(f"{i}\n" for i in range(9))))
    silt("write", "source", silt.write("2.csv", "id\n" + "".join(f"{i}\n" for i in range(10, 19))))
    silt("delete", "source", "--where", "id = 3")
    silt("delete", "source", "--where", "id = 12")
    assert silt("clone", "source", "target", "--json").json["vectors_copied"] == 2
    target = silt.dir / "target"
    same = lambda: sorted(json.dumps(r) for r in read_duckdb(target).to_pylist()) == rows(silt, "source")
    assert len(list(target.rglob("*.bin"))) == 2 and len(rows(silt, "source")) == 16 and same()
    assert silt("clone", "source", "target", "--replace", "--json").json["outcome"] == "same"
    silt("delete", "source", "--where", "id = 1")
    answer = silt("clone", "source", "target", "--replace", "--json").json
    assert (answer["files_copied"], answer["vectors_copied"], answer["files_removed"]) == (0, 1, 1)
    assert len(list(target.rglob("*.bin"))) == 3 and same()
    assert len(rows(silt, "target", "--version", "0")) == len(rows(silt, "source")) + 1


GOLDEN_TABLES = sorted(p.name.removesuffix(".tar.gz") for p in (ROOT / "tests/golden/spark").glob("*.tar.gz"))


@pytest.mark.parametrize("name", GOLDEN_TABLES)
def test_tables_of_spark(silt, name):
    """Deletion vectors, column mapping, row tracking, in-commit timestamps, domains …"""
    with tarfile.open(ROOT / f"tests/golden/spark/{name}.tar.gz") as tar:
        tar.extractall(silt.dir / "in", filter="data")
    source = next((silt.dir / "in").rglob("_delta_log")).parent
    for mode in ("--deep", "--shallow"):
        target = silt.dir / mode.strip("-")
        cloned = silt("clone", source, target, mode, rc=None)
        if cloned.rc: # what Silt can't write is refused by name
            assert cloned.rc == 1 and "can't be cloned: can't write: table feature" in cloned.err, cloned
            assert not (target / "_delta_log").exists()
            continue
        assert rows(silt, target) == rows(silt, source)
        if "row_tracking" in name:
            assert rows(silt, target, "--row-ids") == rows(silt, source, "--row-ids")
        assert silt("clone", source, target, mode, "--replace", "--json").json["outcome"] == "same"


def test_places_that_cannot_be(silt, source):
    assert "into itself" in silt("clone", source, source, rc=2).err
    assert "into itself" in silt("clone", source, source / "kind=x/inner", rc=2).err
    assert "no Delta table" in silt("clone", "nowhere", "x", rc=1).err
    assert silt("clone", source, "x", "--deep", "--shallow", rc=2)


def test_a_missing_file_leaves_nothing(silt, source):
    victim = source / data_files(source)[3]
    victim.unlink()
    failed = silt("clone", source, "target", rc=1)
    assert victim.name in failed.err
    assert data_files(silt.dir / "target") == [] and not (silt.dir / "target/_delta_log").exists()
    # … nor does one of another size than the log says
    victim.write_bytes(b"PAR1 too short")
    assert "bytes, the log says" in silt("clone", source, "target", rc=1).err
    assert data_files(silt.dir / "target") == []
