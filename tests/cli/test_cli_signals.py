"""Signals: a run stops cleanly, a second signal kills, and either way the next run completes."""
import fcntl
import os
import signal
import struct
import subprocess
import termios
import time

import pytest

from pipelines import SALES_ONLY, assert_sales_once, commits, configure, end, keeps_for_itself, sales, signalled, wait_until

DAYS = {day: 3000 for day in range(1, 40)}


@pytest.fixture
def much(silt):
    configure(silt, SALES_ONLY, max_files=1)
    for day, rows in DAYS.items():
        sales(silt, day, rows)
    return silt


@pytest.mark.parametrize("sig, rc", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_cleanly(much, sig, rc):
    p = much.hold(lambda: much.intents() >= 4)
    signalled(p, sig)
    status, out, err = end(p)
    assert (status, out) == (rc, "")
    assert "silt: error: interrupted" in err and "hint: " in err
    assert not (much.dir / "state/pipeline.lock").exists()
    before = much("status", "--json").json["tables"][0]
    assert before["files_processing"] == 0 and 0 < before["files_completed"] < len(DAYS)
    much("run")
    assert_sales_once(much, DAYS)
    much("validate-consistency")


def staged(silt):
    """Files that the engine is at."""
    return [*(silt.dir / "lake/sales/_silt/scratch").rglob("*.parquet")]


def test_a_signal_in_the_middle_of_a_large_file(silt):
    configure(silt, "threads: 1\n" + SALES_ONLY)
    big = silt.dir / "inbox/sales-01.csv"
    big.parent.mkdir()
    rows = 3_000_000
    with big.open("w") as f:
        f.write("id,kind,amount\n")
        for start in range(0, rows, 100_000):
            f.write("".join(f"{10_000_000 + i},a,{i}.25\n" for i in range(start, start + 100_000)))
    p = silt.start("run")
    assert wait_until(lambda: staged(silt), p)
    p.send_signal(signal.SIGINT)
    assert end(p, 60)[0] == 130
    assert not (silt.dir / "state/pipeline.lock").exists()
    silt("run", timeout=300)
    assert silt("files", "lake/sales", "--json").out.count('"path"') >= 1
    import duckdb
    found = duckdb.execute("SELECT count(*), count(DISTINCT id) FROM read_parquet(?)", [
        [str(silt.dir / "lake/sales" / path) for path in silt("files", "lake/sales").out.splitlines()]])
    assert found.fetchone() == (rows, rows)


def test_a_second_signal_kills(much):
    p = much.hold(lambda: commits(much, "lake/sales") >= 3)
    signalled(p, signal.SIGINT)
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == -signal.SIGINT
    p.communicate()
    much("run")
    assert_sales_once(much, DAYS)
    much("validate-consistency")


def test_a_signal_while_it_waits_for_the_lock(much):
    p = much.hold((much.dir / "state/pipeline.lock").exists)
    waiting = much.start("run", "--wait-lock", "1000")
    assert wait_until(lambda: keeps_for_itself(waiting, signal.SIGTERM), waiting)
    time.sleep(0.7) # long enough to be asleep, as a rule
    waiting.send_signal(signal.SIGTERM)
    assert end(waiting)[0] == 143
    assert end(p)[0] == 0
    assert_sales_once(much, DAYS)


def test_what_nohup_ignores_stays_ignored(much):
    p = much.hold(lambda: commits(much, "lake/sales") >= 3, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    p.send_signal(signal.SIGHUP)
    assert end(p)[0] == 0
    assert_sales_once(much, DAYS)


def test_progress_on_a_terminal(silt):
    """A run over a second draws a line with a bar or a time, and takes it away."""
    configure(silt, "threads: 1\n" + SALES_ONLY)
    big = silt.dir / "inbox/sales-01.csv"
    big.parent.mkdir()
    with big.open("w") as f:
        f.write("id,kind,amount\n")
        for start in range(0, 4_000_000, 100_000):
            f.write("".join(f"{i},a,{i}.25\n" for i in range(start, start + 100_000)))
    import pty
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    p = subprocess.Popen([silt.binary, "run"], cwd=silt.dir, env={**silt.env, "TERM": "xterm"},
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    assert wait_until(lambda: staged(silt), p)
    p.send_signal(signal.SIGSTOP) # however quick the machine is
    time.sleep(1.1)
    p.send_signal(signal.SIGCONT)
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        shown += piece
    os.close(master)
    assert p.wait(60) == 0 and b"4,000,000 rows" in p.stdout.read()
    assert b"\r" in shown and shown.endswith(b"\x1b[K")
    assert b"%" in shown or b" s" in shown


def test_a_file_beyond_the_limit_is_a_failed_write(silt):
    """As on a full disk: it is told, what was committed stays, and nothing is left half."""
    silt.write("a.csv", "id,v\n" + "".join(f"{i},{i * 7919 % 10007}\n" for i in range(50_000)))
    silt("write", "t", "--sql", "SELECT 1 AS id, 2 AS v")
    limited = ["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", str(silt.binary)]
    p = subprocess.run([*limited, "write", "t", "a.csv"], cwd=silt.dir, env=silt.env, capture_output=True, text=True)
    assert p.returncode == 1 and "File too large" in p.stderr and "hint: make room" in p.stderr, p
    assert silt("show", "t", "--json").json["version"] == 0
    silt("write", "t", "a.csv")
    assert silt("doctor", "t").out.endswith("nothing is wrong\n")
