"""silt vacuum, restore, checkpoint, cleanup-log: what they print and how they end."""
import json
import os
import re
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from pipelines import SALES_ONLY, configure, read, sales


@pytest.fixture
def table(silt):
    """Version 0 is empty, 1 has five rows, 2 has eight."""
    configure(silt, SALES_ONLY)
    sales(silt, 1, 5)
    silt("run")
    sales(silt, 2, 3)
    silt("run")
    return silt


def age(folder, days, pattern="**/*"):
    then = time.time() - days * 86400
    for path in folder.glob(pattern):
        os.utime(path, (then, then))


def log(table):
    return sorted(p.name for p in (table.dir / "lake/sales/_delta_log").iterdir())


# ---- restore


def test_restore(table):
    out = table("restore", "lake/sales", "--version", 1, "--dry-run").out
    assert re.fullmatch(r"Would restore version 1: 0 files, 0 bytes back, 1 file, .* out\n", out)
    assert table("show", "lake/sales", "--json").json["version"] == 2
    out = table("restore", "lake/sales", "--version", 1).out
    assert re.fullmatch(r"Restored version 1 as version 3: 0 files, 0 bytes back, 1 file, .* out\n", out)
    assert len(read(table, "sales", "id")) == 5
    done = table("restore", "lake/sales", "--version", 2, "--json").json
    assert done["outcome"] == "committed" and done["committed_version"] == 4
    assert done["files_restored"] == 1 and done["files_removed"] == 0 and done["files_after"] == 2
    assert len(read(table, "sales", "id")) == 8
    assert table("restore", "lake/sales", "--version", 2).out == "The table is as it was at version 2\n"
    assert table("restore", "lake/sales", "--version", 2, "-q").out == ""


def test_restore_once(table):
    args = ("restore", "lake/sales", "--version", 1, "--app-id", "fix", "--txn-version", 3, "--user-metadata", "why")
    assert table(*args, "--json").json["committed_version"] == 3
    table("restore", "lake/sales", "--version", 2)
    done = table(*args, "--json").json
    assert (done["outcome"], done["committed_version"]) == ("already_done", 3)
    assert len(read(table, "sales", "id")) == 8
    entry = json.loads(table("history", "lake/sales", "--json").out.splitlines()[1])
    assert entry["operation"] == "RESTORE" and entry["user_metadata"] == "why"


def test_restore_says_what_is_missing(table):
    table("restore", "lake/sales", "--version", 0)
    gone = next((table.dir / "lake/sales").rglob("part-*.parquet"))
    gone.unlink()
    r = table("restore", "lake/sales", "--version", 2, rc=1)
    assert f"1 of its files is gone: {gone.relative_to(table.dir / 'lake/sales')}" in r.err
    assert "--ignore-missing" in r.err and r.out == ""
    r = table("restore", "lake/sales", "--version", 2, "--ignore-missing")
    assert "rows are left out" in r.err and len(read(table, "sales", "id")) in (3, 5)


@pytest.mark.parametrize("args, rc, words", [
    ([], 2, "--version or --timestamp"),
    (["--version", "1", "--timestamp", "2024-01-01"], 2, "only one"),
    (["--version", "9"], 1, "the newest is 2"),
    (["--timestamp", "2001-01-01"], 1, "before the first commit"),
    (["--version", "1", "--app-id", "x"], 2, "belong together"),
])
def test_restore_misused(table, args, rc, words):
    r = table("restore", "lake/sales", *args, rc=rc)
    assert words in r.err and r.out == "" and table("show", "lake/sales", "--json").json["version"] == 2


# ---- vacuum


def test_vacuum(table):
    lake = table.dir / "lake/sales"
    table("restore", "lake/sales", "--version", 1)
    (lake / "stray.parquet").write_text("x")
    assert table("vacuum", "lake/sales").out == "Deleted 0 files, 0 bytes\n"
    r = table("vacuum", "lake/sales", "--retention-hours", 1, rc=2)
    assert "shorter than the table's, which is 7 days" in r.err and "--yes" in r.err
    dry = table("vacuum", "lake/sales", "--retention-hours", 0, "--yes", "--dry-run")
    assert "2 files, " in dry.err and "would be deleted" in dry.err
    paths = dry.out.splitlines()
    assert "stray.parquet" in paths and all((lake / p).exists() for p in paths)
    done = table("vacuum", "lake/sales", "--retention-hours", 0, "--yes", "--json", "--verbose").json
    assert done["files_deleted"] == 2 and sorted(done["files"]) == sorted(paths) and not done["dry_run"]
    assert not any((lake / p).exists() for p in paths)
    assert len(read(table, "sales", "id")) == 5
    operations = [json.loads(x)["operation"] for x in table("history", "lake/sales", "--json").out.splitlines()]
    assert operations[:3] == ["VACUUM END", "VACUUM START", "RESTORE"]
    table("reset-state", "--table", "sales", "--yes")  # the restore was meant
    sales(table, 3, 2)
    table("run")  # its ledger is where it was
    assert len(read(table, "sales", "id")) == 7


def test_vacuum_lite(table):
    table("restore", "lake/sales", "--version", 1)
    (table.dir / "lake/sales/stray.parquet").write_text("x")
    done = table("vacuum", "lake/sales", "--retention-hours", 0, "--yes", "--lite", "--json").json
    assert done["files_deleted"] == 1 and "files" not in done
    assert (table.dir / "lake/sales/stray.parquet").exists() and len(read(table, "sales", "id")) == 5


@pytest.mark.parametrize("form", ["csv", "parquet", "delta", "ndjson"])
def test_vacuum_by_an_inventory(table, form):
    """Only what it names goes, and of that what isn't in use, nor young, nor hidden, nor elsewhere."""
    lake = table.dir / "lake/sales"
    table("restore", "lake/sales", "--version", 1)
    for name in ("stray.parquet", "other.parquet", "young.parquet", "_hidden.parquet", "unnamed.parquet"):
        (lake / name).write_text("x")
    age(lake, 10)
    os.utime(lake / "young.parquet")
    names = [str(p.relative_to(lake)) for p in lake.rglob("*.parquet") if p.name != "unnamed.parquet"]
    names.remove("other.parquet")
    rows = [(n, 1, False, 0) for n in names] + [
        (f"file:{lake}/other.parquet", 1, False, 0), ("gone.parquet", 1, False, 0), ("folder", 0, True, 0),
        (f"{table.dir}/lake/elsewhere.parquet", 1, False, 0), ("s3://b/x.parquet", 1, False, 0)]
    columns = dict(zip(("path", "length", "isDir", "modificationTime"), map(list, zip(*rows))))
    found = table.dir / f"found.{form}"
    if form == "csv":
        lines = [",".join(str(x).lower() if isinstance(x, bool) else str(x) for x in r) for r in rows]
        found.write_text("\n".join([",".join(columns), *lines]) + "\n")
    elif form == "ndjson":
        found.write_text("".join(json.dumps(dict(zip(columns, r))) + "\n" for r in rows))
    elif form == "parquet":
        pq.write_table(pa.table(columns), found)
    else:
        write_deltalake(str(found), pa.table(columns))
    dry = table("vacuum", "lake/sales", "--inventory", found, "--dry-run").out.splitlines()
    assert sorted(dry) == ["other.parquet", "stray.parquet"], "what was removed today is still wanted"
    done = table("vacuum", "lake/sales", "--inventory", found, "--json", "--verbose").json
    assert sorted(done["files"]) == sorted(dry)
    left = {p.name for p in lake.glob("*.parquet")}
    assert {"young.parquet", "_hidden.parquet", "unnamed.parquet"} <= left and "stray.parquet" not in left
    assert len(read(table, "sales", "id")) == 5


@pytest.mark.parametrize("text, words", [
    ("path,length\na,1\n", "is null"), ("path,length,isDir,modificationTime\n,1,false,0\n", "path is null")])
def test_what_is_no_inventory(table, text, words):
    (table.dir / "found.csv").write_text(text)
    r = table("vacuum", "lake/sales", "--inventory", "found.csv", rc=1)
    assert words in r.err and "found.csv" in r.err
    assert "one of the two" in table("vacuum", "lake/sales", "--inventory", "found.csv", "--lite", rc=2).err
    assert table("vacuum", "lake/sales", "--inventory", "missing.csv", rc=1).out == ""


def test_vacuum_of_nothing(silt):
    r = silt("vacuum", "nowhere", "--json", rc=1)
    assert "no Delta table at nowhere" in r.err and r.json["error"]["status"] == "not_found"
    assert silt("vacuum", "nowhere", "--retention-hours", 2**62, rc=2).out == ""


# ---- checkpoint


def test_checkpoint(table):
    out = table("checkpoint", "lake/sales").out
    assert re.fullmatch(r"Checkpoint of version 2: 2 files of the table in 1 file, .*\n", out)
    assert "00000000000000000002.checkpoint.parquet" in log(table)
    done = table("checkpoint", "lake/sales", "--version", 1, "--parts", 2, "--json").json
    assert done["form"] == "multi-part" and done["objects_written"] == 2 and done["files"] == 1
    hint = json.loads((table.dir / "lake/sales/_delta_log/_last_checkpoint").read_text())
    assert hint["version"] == 2, "an older checkpoint isn't the last"
    assert len(read(table, "sales", "id")) == 8
    assert "no version 7" in table("checkpoint", "lake/sales", "--version", 7, rc=1).err
    assert "1 part at least" in table("checkpoint", "lake/sales", "--parts", 0, rc=2).err


def test_a_broken_checkpoint_is_gone_around(table):
    """By who wants tombstones, and by who makes the next one."""
    table("checkpoint", "lake/sales", "--version", 1)
    (table.dir / "lake/sales/_delta_log/00000000000000000001.checkpoint.parquet").write_bytes(b"PAR1 not quite PAR1")
    table("restore", "lake/sales", "--version", 1)
    done = table("vacuum", "lake/sales", "--retention-hours", 0, "--yes", "--json").json
    assert done["files_deleted"] == 1
    assert table("checkpoint", "lake/sales", "--json").json["files"] == 1
    assert len(read(table, "sales", "id")) == 5


# ---- cleanup-log


def test_cleanup_log(table):
    table("checkpoint", "lake/sales", "--version", 1)
    age(table.dir / "lake/sales/_delta_log", 40)
    dry = table("cleanup-log", "lake/sales", "--dry-run")
    assert "_delta_log/00000000000000000000.json" in dry.out.splitlines() and "would be deleted" in dry.err
    assert "00000000000000000000.json" in log(table)
    done = table("cleanup-log", "lake/sales", "--json").json
    assert done["first_version"] == 1 and done["files_deleted"] == len(dry.out.splitlines())
    assert "00000000000000000000.json" not in log(table) and "00000000000000000001.json" in log(table)
    assert len(read(table, "sales", "id")) == 8
    assert table("read", "lake/sales", "--version", 1, "--format", "csv").out.count("\n") == 6
    assert table("cleanup-log", "lake/sales").out == "Deleted 0 files, 0 bytes\n"
    assert table("cleanup-log", "lake/sales", "--json").json["first_version"] is None


def test_cleanup_log_keeps_what_is_young(table):
    left = 86400 - time.time() % 86400 # of the day, in UTC
    if left < 60:
        time.sleep(left)
        age(table.dir / "lake/sales/_delta_log", 0)
    table("checkpoint", "lake/sales", "--version", 1)
    before = log(table)
    assert table("cleanup-log", "lake/sales", "--retention-days", 0, "--json").json["files_deleted"] == 0
    assert log(table) == before, "days are whole: today's commits stay"
