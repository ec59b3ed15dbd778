"""Standard input as the source of a pipeline: loaded once, however often it is piped."""
import gzip
import os
import pty
import shutil
import signal
import subprocess

import pytest

from pipelines import commits, read

CONFIG = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: sales
    source: {path: "-"%s}
%s    write: {path: lake/sales}
"""
ROWS = "id,name\n1,a\n2,b\n"


def configure(silt, more="", source=", format: csv"):
    silt.write("silt.yaml", CONFIG % (source, more))


def spools(silt):
    return list((silt.dir / "state").glob("_silt/scratch/*"))


def test_the_same_content_is_loaded_once(silt, read_deltalake):
    configure(silt)
    result = silt("run", "--json", stdin=ROWS).json
    assert (result["total_files_processed"], result["rows"]) == (1, 2)
    for _ in range(2):
        assert silt("run", "--json", stdin=ROWS).json["total_files_processed"] == 0
    assert commits(silt, "lake/sales") == 2
    assert silt("run", "--json", stdin="id,name\n3,c\n").json["rows"] == 1
    t = read_deltalake(silt.dir / "lake/sales").to_pylist()
    assert sorted((r["id"], r["name"]) for r in t) == [(1, "a"), (2, "b"), (3, "c")]
    names = {r["_source_file"] for r in t}
    assert len(names) == 2 and all(n.startswith("stdin:") and len(n) == 6 + 32 for n in names)
    assert spools(silt) == []
    silt("validate-consistency")
    silt("prove")
    silt("unload", next(r["_source_file"] for r in t if r["id"] == 3), "--yes")
    assert read(silt, "sales", "id", "name") == [("1", "a"), ("2", "b")]


def test_a_lost_tracker_knows_it_again(silt):
    configure(silt)
    silt("run", stdin=ROWS)
    shutil.rmtree(silt.dir / "state")
    assert silt("run", "--json", stdin=ROWS).json["total_files_processed"] == 0
    assert read(silt, "sales", "id") == [("1",), ("2",)]


def test_nothing_is_nothing(silt):
    configure(silt)
    result = silt("run", "--json", stdin="")
    assert result.json["total_files_processed"] == 0 and "standard input is empty" in result.err


@pytest.mark.parametrize("kind, data", [
    ("ndjson", b'{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n'),
    ("csv", gzip.compress(ROWS.encode()))], ids=["ndjson", "csv.gz"])
def test_other_formats(silt, kind, data):
    configure(silt, source=f", format: {kind}")
    p = subprocess.run([silt.binary, "run"], cwd=silt.dir, env=silt.env, input=data,
                       capture_output=True, timeout=60, check=False)
    assert p.returncode == 0, p.stderr
    assert read(silt, "sales", "id", "name") == [("1", "a"), ("2", "b")]


def start(silt):
    return subprocess.Popen([silt.binary, "run"], cwd=silt.dir, env=silt.env, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_killed_while_it_reads(silt):
    configure(silt)
    p = start(silt)
    p.stdin.write(ROWS)
    p.stdin.flush()
    while not any(f.stat().st_size for f in (silt.dir / "state").glob("_silt/scratch/*/stdin")):
        assert p.poll() is None
    p.kill()
    p.communicate()
    assert spools(silt)
    silt("run", stdin=ROWS)
    assert spools(silt) == [] and read(silt, "sales", "id") == [("1",), ("2",)]


def test_a_signal_ends_the_wait(silt):
    configure(silt)
    p = start(silt)
    p.stdin.write(ROWS)
    p.stdin.flush()
    while not spools(silt):
        assert p.poll() is None
    p.send_signal(signal.SIGTERM)
    assert p.wait(30) == 143
    assert spools(silt) == []
    p.stdin.close()


def test_a_failed_try_is_made_up_for_by_piping_it_again(silt):
    configure(silt, "    schema: {id: bigint, name: string}\n")
    assert silt("run", stdin="id,name\nx,a\n", rc=None).rc in (1, 5)
    assert silt("run", "--json", stdin="id,name\n7,a\n").json["rows"] == 1
    assert read(silt, "sales", "id") == [("7",)]


def test_a_terminal_is_refused(silt):
    configure(silt)
    main, other = pty.openpty()
    p = subprocess.run([silt.binary, "run"], cwd=silt.dir, env=silt.env, stdin=other, text=True,
                       capture_output=True, timeout=60, check=False)
    os.close(main)
    os.close(other)
    assert p.returncode == 2 and "standard input is a terminal" in p.stdout + p.stderr


def test_a_dry_run_reads_nothing(silt):
    configure(silt)
    result = silt("run", "--dry-run", stdin=ROWS, rc=None)
    assert result.rc == 1 and "a dry run doesn't read standard input" in result.out + result.err


def test_no_room(silt):
    if not os.path.exists("/dev/full") or os.getuid() != 0:
        pytest.skip("NOT TESTED: a full disk needs a file system of its own")
    small = silt.dir / "state"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], check=False,
                      capture_output=True).returncode:
        pytest.skip("NOT TESTED: nothing can be mounted here")
    try:
        configure(silt)
        rows = "id,name\n" + "1,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 100000
        result = silt("run", stdin=rows, rc=None)
        assert "standard input can't be kept in" in result.out and result.rc == 1
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("source, more, wanted", [
    ("", "", "source.format: is missing"),
    (", format: csv, recursive: true", "", "is standard input"),
    (", format: csv, starting_version: 1", "", "is about a Delta table as source")])
def test_what_is_refused(silt, source, more, wanted):
    configure(silt, more, source)
    assert wanted in silt("check-config", rc=2).err


def test_one_table_reads_it(silt):
    configure(silt)
    text = (silt.dir / "silt.yaml").read_text()
    entry = text[text.index("  - table_name"):]
    silt.write("silt.yaml", text + entry.replace("sales", "more"))
    assert "reads standard input already" in silt("check-config", rc=2).err
