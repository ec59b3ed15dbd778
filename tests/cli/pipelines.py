"""A small pipeline for the tests of the command: two tables, files of numbered rows."""
import csv
import io
import subprocess
import time

CONFIG = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 2
tables:
  - table_name: sales
    source: {path: "inbox/sales-*.csv"}
    batch: {max_files: %(max_files)d}
    write: {path: lake/sales}
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: upsert
    primary_keys: [id]
    write: {path: lake/people}
"""
SALES_ONLY = CONFIG.split("  - table_name: people")[0]

STRATEGY = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 2
tables:
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: %s
    write: {path: lake/people%s}
"""


def resident_peak(pid):
    """Bytes of memory that a process had at most so far; 0: it has ended. What wait4() tells has the size of the Python that
    forked it, too."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return max((int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM")), default=0)
    except OSError:
        return 0


def configure(silt, text=CONFIG, max_files=100):
    silt.write("silt.yaml", text % {"max_files": max_files})


def sales(silt, day, rows=10):
    """One file of sales, whose ids no other day has."""
    lines = "".join(f"{day * 10_000_000 + i},{'ab'[i % 2]},{i}.5\n" for i in range(rows))
    return silt.write(f"inbox/sales-{day:02}.csv", "id,kind,amount\n" + lines)


def people(silt, name, rows):
    lines = "".join(f"{key},{text}\n" for key, text in rows.items())
    return silt.write(f"inbox/people-{name}.csv", "id,name\n" + lines)


def read(silt, table, *columns):
    """The rows as tuples of texts, sorted."""
    chosen = ["--columns", ",".join(columns)] if columns else []
    out = silt("read", f"lake/{table}", "--format", "csv", *chosen).out
    return sorted(tuple(row) for row in list(csv.reader(io.StringIO(out)))[1:])


def assert_sales_once(silt, days):
    """days: {day: rows}. Each row stands there once, and no other."""
    wanted = sorted(str(day * 10_000_000 + i) for day, rows in days.items() for i in range(rows))
    assert [row[0] for row in read(silt, "sales", "id")] == wanted


def wait_until(condition, process, seconds=300):
    """Poll; False where the process has ended before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    raise AssertionError("it took too long")


def signalled(process, sig):
    """Sends it, and waits until the process has taken it."""
    process.send_signal(sig)
    assert wait_until(lambda: not signals(process, "ShdPnd", sig), process)


def signals(process, of, sig):
    with open(f"/proc/{process.pid}/status") as f:
        found = next((line.split()[1] for line in f if line.startswith(of)), "0") # a zombie's have gone
    return int(found, 16) >> (sig - 1) & 1 == 1


def keeps_for_itself(process, signal):
    """Whether the signal waits for a thread of its own by now: before, it would just kill the process."""
    return signals(process, "SigBlk", signal)


def commits(silt, table):
    return len(list((silt.dir / table / "_delta_log").glob("*.json")))


def end(process, timeout=300):
    """(exit status, standard output, standard error) of a process that was started."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err
