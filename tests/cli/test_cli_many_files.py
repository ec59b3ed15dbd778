"""Very many tiny files: each is loaded once, into few data files and within the memory limit; what comes after them alone is
loaded by the next run, and a run with nothing new stays small. `make sweep` takes 100,000."""
import json
import os
import subprocess
import time

import pytest

from pipelines import commits, resident_peak

pytestmark = pytest.mark.sweep
COUNT = 100_000 if os.environ.get("SILT_SWEEP") == "full" else 10_000
A_FOLDER = 1000 # files
LIMIT_MB = 512
NOTHING_NEW_MB = 200

CONFIG = f"""\
pipeline: shop
checkpoint_path: state
memory_limit: {LIMIT_MB}MB
tables:
  - table_name: sales
    source: {{path: "inbox/**/*.csv"}}
    write: {{path: lake/sales}}
"""


def rows_of(number):
    """One row or two of a file: (id, kind, amount)."""
    return [(number * 2 + i, "abc"[(number + i) % 3], number % 997 * 10 + i) for i in range(1 + number % 2)]


def write_files(silt, numbers):
    for n in numbers:
        folder = silt.dir / f"inbox/{n // A_FOLDER:03}"
        if n % A_FOLDER == 0:
            folder.mkdir(parents=True)
        (folder / f"{n:06}.csv").write_text("id,kind,amount\n" + "".join(f"{i},{k},{a}\n" for i, k, a in rows_of(n)))


def run(silt):
    """(the result of a run, seconds, resident MB at most)."""
    start, peak = time.monotonic(), 0
    with open(silt.dir / "out", "w") as out, open(silt.dir / "err", "w") as err:
        process = subprocess.Popen([str(silt.binary), "run", "--json"], cwd=silt.dir, env=silt.env, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=err)
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            time.sleep(0.01)
    assert process.returncode == 0, (silt.dir / "err").read_text()
    return json.loads((silt.dir / "out").read_text()), time.monotonic() - start, peak / 1024 / 1024


def assert_loaded(silt, count, read_deltalake):
    """What deltalake reads, and what the ledgers say: each file, each row, once."""
    wanted = [(*row, n) for n in range(count) for row in rows_of(n)]
    table = read_deltalake(silt.dir / "lake/sales")
    numbers = [int(path[-10:-4]) for path in table["_source_file"].to_pylist()]
    assert sorted(zip(*(table[c].to_pylist() for c in ("id", "kind", "amount")), numbers)) == wanted
    ledgers = [json.loads(f.read_text()) for f in sorted((silt.dir / "lake/sales/_silt/ledger/shop/sales").glob("*.json"))]
    files = sorted((file["path"], file["rows"]["inserted"], file["rows"]["read"]) for one in ledgers for file in one["files"])
    assert files == [(str(silt.dir / f"inbox/{n // A_FOLDER:03}/{n:06}.csv"), 1 + n % 2, 1 + n % 2) for n in range(count)]
    proven = silt("prove", "--json", timeout=600).json["tables"][0]
    assert (proven["files"], proven["rows_in_target"], proven["proven"]) == (count, len(wanted), True)
    silt("validate-consistency", timeout=600)


def assert_nothing_new(silt):
    before = commits(silt, "lake/sales")
    result, seconds, mb = run(silt)
    print(f"nothing new: {seconds:.1f} s, {mb:.0f} MB")
    assert (result["total_files_processed"], result["rows"]) == (0, 0)
    assert commits(silt, "lake/sales") == before
    assert mb <= NOTHING_NEW_MB


def test_each_loaded_once(silt, read_deltalake):
    silt.write("silt.yaml", CONFIG)
    write_files(silt, range(COUNT))
    result, seconds, mb = run(silt)
    print(f"{COUNT} files: {seconds:.1f} s, {mb:.0f} MB, {result['tables'][0]['batches']} batches")
    assert (result["total_files_discovered"], result["total_files_processed"]) == (COUNT, COUNT)
    assert result["rows"] == COUNT * 3 // 2
    assert mb <= LIMIT_MB
    data_files = len(list((silt.dir / "lake/sales").glob("*.parquet")))
    assert data_files <= result["tables"][0]["batches"] * 2 <= 2 + COUNT // 1000
    for _ in range(2):
        assert_nothing_new(silt)
    assert_loaded(silt, COUNT, read_deltalake)

    write_files(silt, range(COUNT, COUNT + 10))
    result, seconds, mb = run(silt)
    print(f"10 new: {seconds:.1f} s, {mb:.0f} MB")
    assert (result["total_files_discovered"], result["total_files_processed"], result["rows"]) == (COUNT + 10, 10, 15)
    assert len(list((silt.dir / "lake/sales").glob("*.parquet"))) == data_files + 1
    assert_nothing_new(silt)
    assert_loaded(silt, COUNT + 10, read_deltalake)
