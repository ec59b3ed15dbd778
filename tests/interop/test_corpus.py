"""Tables of other writers, with the rows that they hold: every case of the shared corpus, judged by its own checker."""
import json
import shlex
import subprocess
import sys
from collections import Counter

import pytest

READ = ["read", "{path}", "--format", "parquet", "--output", "{out}"]
KINDS = {
    "read": {"--cmd": READ + ["--version", "{version}"], "--latest-cmd": READ},
    "error": {"--cmd": READ + ["--version", "{version}"], "--latest-cmd": READ},
    "timestamp": {"--cmd": READ, "--ts-cmd": READ + ["--timestamp", "{timestamp}"]},
    "cdf": {"--cmd": READ, "--cdf-cmd": ["changes", "{path}", "--from", "{from}", "--to", "{to}", "--format",
                                         "parquet", "--output", "{out}"]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_corpus(silt, shared, kind):
    checker = shared / "corpus/check.py"
    if not checker.exists():
        pytest.skip(f"NOT TESTED: {checker} is not there")
    args = [f"{option}={shlex.join([str(silt.binary), *words])}" for option, words in KINDS[kind].items()]
    p = subprocess.run([sys.executable, checker, "--set", "all", "--strict-types", "--kind", kind, "--jobs", "2",
                        "--json", "results.json", *args], cwd=silt.dir, env=silt.env, capture_output=True, text=True)
    results = json.loads((silt.dir / "results.json").read_text())
    wanted = sum(c["kind"] == kind for c in json.loads((checker.parent / "cases.json").read_text())["cases"])
    counts = Counter(r["status"] for r in results.values())
    print(f"{kind}: {counts['pass']} of {wanted} cases pass")
    bad = [f"{name}: {r['message']}" for name, r in results.items() if r["status"] == "fail"]
    assert not bad, "\n".join([f"{len(bad)} of {wanted} cases fail", *bad, p.stderr])
    assert len(results) == wanted > 0 and counts["pass"] > 0, p.stdout + p.stderr
