"""Very many tiny files: each loaded once, within the memory limit, and a second run finds nothing. `make sweep` takes 100,000."""
import os
import subprocess
import time

import pytest

from pipelines import resident_peak

pytestmark = pytest.mark.sweep
COUNT = 100_000 if os.environ.get("SILT_SWEEP") == "full" else 5_000
LIMIT_MB = 512

CONFIG = f"""\
pipeline: shop
checkpoint_path: state
memory_limit: {LIMIT_MB}MB
tables:
  - table_name: sales
    source: {{path: "inbox/**/*.csv"}}
    write: {{path: lake/sales}}
"""


def measured(silt, *args):
    """(seconds, resident MB at most) of a command that has to succeed."""
    start, peak = time.monotonic(), 0
    with open(silt.dir / "out", "w") as out:
        process = subprocess.Popen([str(silt.binary), *args], cwd=silt.dir, env=silt.env, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            time.sleep(0.01)
    assert process.returncode == 0, (silt.dir / "out").read_text()
    return time.monotonic() - start, peak / 1024 / 1024


def test_loaded_once(silt):
    silt.write("silt.yaml", CONFIG)
    for i in range(COUNT):
        folder = silt.dir / f"inbox/{i // 1000:03}"
        if i % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{i:06}.csv").write_text(f"id,kind\n{i},a\n")
    seconds, mb = measured(silt, "run", "--quiet")
    print(f"{COUNT} files: {seconds:.1f} s, {mb:.0f} MB")
    assert mb <= LIMIT_MB
    counted = "SELECT count(*), count(DISTINCT id), min(id), max(id), count(DISTINCT _source_file) FROM delta('lake/sales')"
    assert silt("sql", counted, "--format", "csv").out.splitlines()[1] == f"{COUNT},{COUNT},0,{COUNT - 1},{COUNT}"
    versions = len(list((silt.dir / "lake/sales/_delta_log").glob("*.json")))
    for _ in range(2):
        seconds, mb = measured(silt, "run", "--json")
        assert '"total_files_processed":0' in (silt.dir / "out").read_text().replace(" ", "")
        assert mb <= LIMIT_MB
    print(f"nothing new: {seconds:.1f} s, {mb:.0f} MB")
    assert len(list((silt.dir / "lake/sales/_delta_log").glob("*.json"))) == versions
    measured(silt, "validate-consistency")
    measured(silt, "prove")
