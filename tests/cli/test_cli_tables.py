"""silt read, show, history, files: on tables of our own, and of other writers."""
import csv
import fcntl
import io
import json
import os
import re
import struct
import subprocess
import termios

import pytest

from pipelines import SALES_ONLY, configure, read, sales

ODD = """\
pipeline: odd
checkpoint_path: state
tables:
  - table_name: words
    source: {path: "in/*.csv"}
    write: {path: lake/words, partition_by: [lang]}
"""


@pytest.fixture
def table(silt):
    """Two commits of sales."""
    configure(silt, SALES_ONLY)
    sales(silt, 1, 5)
    silt("run")
    sales(silt, 2, 3)
    silt("run")
    return silt


@pytest.fixture
def words(silt):
    """Wide, long, empty and hostile texts."""
    silt.write("silt.yaml", ODD)
    rows = [("de", "Übergröße", 1), ("ja", "日本語", 22), ("en", "x" * 90, 333), ("en", None, 4),
            ("en", "\x1b[31mred\x1b[0m", 5), ("en", "two\nlines\tand a tab", 6), ("en", "e\u0301", 7)]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["lang", "word", "n"])
    out.writerows(rows)
    silt.write("in/words.csv", text.getvalue())
    silt("run")
    return silt


def width(text):
    """Columns on a terminal, for the characters of these tests."""
    return sum(2 if "\u3000" <= c <= "\u9fff" else 0 if c == "\u0301" else 1 for c in text)


# ---- read -----------------------------------------------------------------------------------------


def test_read_as_a_table(table):
    out = table("read", "lake/sales", "--columns", "id,kind,amount").out.splitlines()
    assert out[0].split() == ["id", "kind", "amount"]
    assert out[1].split() == ["long", "string", "double"]
    assert len(out) == 2 + 8 + 1 and out[-1] == "(8 rows)"
    assert all(re.match(r" *\d+  [ab] +[\d.]+$", line) for line in out[2:-1])


def test_read_aligns_cuts_and_escapes(words):
    out = words("read", "lake/words", "--columns", "n,word,lang").out.splitlines()
    rows = {line.split()[0]: line for line in out[2:-1]}
    assert "\x1b" not in "".join(out) and len(rows) == 7
    ends = {width(line[:line.rindex(line.split()[-1])]) for line in out[:-1]}
    assert len(ends) == 1, f"the last column isn't aligned: {ends}"
    assert "x" * 39 + "…" in rows["333"] and "x" * 40 not in rows["333"]
    assert "NULL" in rows["4"] and "\\x1b[31mred" in rows["5"] and "two\\nlines\\tand" in rows["6"]
    assert "x" * 90 in words("read", "lake/words", "--verbose").out
    assert words("read", "lake/words", "--columns", "word", env={"LC_ALL": "C"}).out.count("~") == 1


def test_read_as_csv_json_and_parquet(table):
    assert len(read(table, "sales", "id")) == 8
    out = table("read", "lake/sales", "--columns", "kind", "--columns", "id", "--format", "csv", "--limit", "1").out
    assert out.splitlines()[0] == "kind,id" and len(out.splitlines()) == 2
    for args in (["--format", "json"], ["--json"]):
        rows = [json.loads(line) for line in table("read", "lake/sales", *args).out.splitlines()]
        assert len(rows) == 8 and {"id", "kind", "amount", "_source_file", "_batch_id"} <= set(rows[0])
    table("read", "lake/sales", "--format", "parquet", "--output", "all.parquet")
    import pyarrow.parquet
    assert pyarrow.parquet.read_table(table.dir / "all.parquet").num_rows == 8
    assert sorted(p.name for p in table.dir.glob("all.*")) == ["all.parquet"]


def test_read_hostile_texts_as_they_are(words):
    assert ("en", "\x1b[31mred\x1b[0m") in read(words, "words", "lang", "word")
    rows = [json.loads(line) for line in words("read", "lake/words", "--json").out.splitlines()]
    assert {r["word"] for r in rows} >= {"日本語", "two\nlines\tand a tab", None}


@pytest.mark.parametrize("args", [["--limit", "0"], ["--limit", "3"], ["--limit", "100"]])
def test_read_limit(table, args):
    wanted = min(int(args[1]), 8)
    assert table("read", "lake/sales", *args).out.splitlines()[-1] == f"({wanted} rows)"
    assert len(table("read", "lake/sales", "--format", "csv", *args).out.splitlines()) == wanted + 1


def test_read_an_older_version(table):
    last = table("show", "lake/sales", "--json").json["version"]
    assert table("read", "lake/sales", "--version", last).out.endswith("(8 rows)\n")
    assert table("read", "lake/sales", f"--version={last - 1}").out.endswith("(5 rows)\n")
    r = table("read", "lake/sales", "--version", last + 1, rc=1)
    assert str(last + 1) in r.err and r.out == ""


def test_read_output_is_whole_or_absent(table):
    table("read", "lake/sales", "--format", "table", "-o", "sales.txt")
    assert (table.dir / "sales.txt").read_text().endswith("(8 rows)\n")
    table.write("sales.csv", "before")
    part = next((table.dir / "lake/sales").rglob("*.parquet"))
    part.write_bytes(b"not Parquet at all")
    table("read", "lake/sales", "--format", "csv", "--output", "sales.csv", rc=1)
    assert (table.dir / "sales.csv").read_text() == "before"
    assert sorted(p.name for p in table.dir.glob("sales.*")) == ["sales.csv", "sales.txt"]
    assert table("read", "lake/sales", "--format", "csv", "--output", "no/such/x.csv", rc=1).err


def test_read_columns(table):
    assert "did you mean 'amount'?" in table("read", "lake/sales", "--columns", "id,amuont", rc=2).err
    assert table("read", "lake/sales", "--columns", "AMOUNT", "--format", "csv").out.startswith("amount\n")
    assert "silt show lake/sales" in table("read", "lake/sales", "--columns", "xyzzy", rc=2).err


def test_a_full_disk_is_said(table):
    for args in (["read", "lake/sales"], ["read", "lake/sales", "--format", "csv"], ["files", "lake/sales"],
                 ["show", "lake/sales"], ["run"], ["status", "--json"], ["history", "lake/sales"]):
        with open("/dev/full", "w") as full:
            p = subprocess.run([table.binary, *args], cwd=table.dir, env=table.env, stdout=full,
                               stderr=subprocess.PIPE, text=True)
        assert p.returncode == 1, args
        assert "No space left on device" in p.stderr or "full" in p.stderr, args


def test_a_reader_that_goes_away_ends_it_quietly(table):
    for command in ("files lake/sales", "files lake/sales --json", "read lake/sales", "history lake/sales",
                    "read lake/sales --format csv"):
        line = f"{table.binary} {command} | head -n 1"
        p = subprocess.run(["bash", "-c", line], cwd=table.dir, env=table.env, capture_output=True,
                           text=True)
        assert p.stderr == "" and p.stdout.count("\n") == 1, command


def test_nothing_colours_a_pipe_and_all_is_escaped_on_a_terminal(words):
    assert "\x1b" not in words("read", "lake/words", env={"NO_COLOR": ""}).out
    import pty
    for args, colours in ((["show", "lake/words"], True), (["show", "lake/words", "--no-color"], False)):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        env = {**words.env, "TERM": "xterm", "NO_COLOR": ""}
        p = subprocess.Popen([words.binary, *args], cwd=words.dir, env=env, stdin=slave, stdout=slave,
                             stderr=slave)
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            shown += piece
        os.close(master)
        assert p.wait(60) == 0
        assert (b"\x1b[1m" in shown) == colours


# ---- show, history, files -------------------------------------------------------------------------


def test_show(words):
    out = words("show", "lake/words").out
    assert re.search(r"^Table +\S*lake/words$", out, re.MULTILINE)
    assert re.search(r"^Protocol +reader 1, writer 2$", out, re.MULTILINE)
    assert re.search(r"^Partitioned +lang$", out, re.MULTILINE)
    assert re.search(r"^word +string +yes$", out, re.MULTILINE)
    r = words("show", "lake/words", "--json").json
    assert r["partition_columns"] == ["lang"] and r["protocol"]["min_writer_version"] == 2
    assert r["file_count"] == 3 and r["size_bytes"] > 0 and r["version"] == 1
    assert [c["name"] for c in r["columns"]][:3] == ["lang", "word", "n"]
    assert words("show", "lake/words", "--version", "0", "--json").json["file_count"] == 0


def test_history(table):
    entries = [json.loads(line) for line in table("history", "lake/sales", "--json").out.splitlines()]
    assert [e["version"] for e in entries] == [2, 1, 0]
    assert entries[0]["operation"] == "WRITE" and entries[0]["engine_info"].startswith("silt/")
    assert entries[0]["commit_info"]["operation"] == "WRITE"
    assert len(table("history", "lake/sales", "--limit", "1").out.splitlines()) == 2


def test_files(words):
    paths = words("files", "lake/words").out.splitlines()
    assert len(paths) == 3 and all((words.dir / "lake/words" / p).is_file() for p in paths)
    entries = [json.loads(line) for line in words("files", "lake/words", "--json").out.splitlines()]
    assert [e["path"] for e in entries] == paths
    assert {e["partition_values"]["lang"]: e["rows"] for e in entries} == {"de": 1, "ja": 1, "en": 5}
    assert all(e["size_bytes"] == (words.dir / "lake/words" / e["path"]).stat().st_size for e in entries)
    verbose = words("files", "lake/words", "--verbose").out.splitlines()
    assert verbose[0].split() == ["BYTES", "ROWS", "DELETED", "MODIFIED", "(UTC)", "lang", "PATH"]
    assert len(verbose) == 4


# ---- what isn't a table ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["read", "show", "history", "files"])
def test_a_path_without_a_table(silt, command):
    silt.write("a.csv", "a\n1\n")
    silt.write("folder/a.csv", "a\n1\n")
    silt.write("broken/_delta_log/00000000000000000000.json", "{this is no action\n")
    for path in ("nowhere", "a.csv", "folder", "broken"):
        r = silt(command, path, rc=None)
        if command == "history" and path == "broken" and r.rc == 0:
            continue # what can't be read has no say in the history
        assert r.rc == 1 and path in r.err and r.out == "", r
    assert "silt: error: " in silt(command, "ftp://host/table", rc=None).err


def test_errors_are_json_where_json_was_asked_for(silt):
    error = silt("show", "nowhere", "--json", rc=1).json["error"]
    assert error["status"] == "not_found" and "nowhere" in error["message"]


def test_names_that_steer_terminals_are_escaped_in_messages(silt):
    r = silt("show", "no\x1b[31m\nwhere", rc=1)
    assert "\x1b" not in r.err and "[31m" in r.err and r.err.count("\n") == r.err.count("silt: ") + r.err.count("hint: ")


# ---- tables of other writers ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["data-reader-primitives", "basic-with-inserts-deletes-checkpoint"])
def test_tables_of_other_writers(silt, shared, read_deltalake, name):
    log = next((shared / "corpus/delta-golden" / name).rglob("_delta_log"), None)
    if log is None:
        pytest.skip(f"NOT TESTED: {name} isn't in the corpus")
    rows = read_deltalake(log.parent).num_rows
    shown = silt("read", log.parent).out.splitlines()[-1]
    assert shown == f"({rows:,} row{'' if rows == 1 else 's'})"
