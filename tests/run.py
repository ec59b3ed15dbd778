#!/usr/bin/env python3
"""Runs the tests and counts each case; the last line is `N passed, N failed`.

    tests/run.py              all of it: unit tests (with sanitizers), sweeps, source tree, Python tests
    tests/run.py --fast       unit tests that take milliseconds, source tree
    tests/run.py --sweep      every point of the sweeps, see tests/sweep.py
    tests/run.py --conformance   only what is compared with Spark
    tests/run.py NAME...      only tests whose name holds one of the words

The exit status is 1 where a test failed or none ran. Needs nothing but Python's own library.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import sweep

ROOT = Path(__file__).resolve().parent.parent
CPUS = os.cpu_count() or 1
# Sweeps run without sanitizers, which cost four times as much; with them goes a part of their points, by the seed.
SANITIZED_PART = 8
SWEEP_SEED = 20779  # any number
TAP = re.compile(r"^(ok|not ok)\b\s*(\d*)\s*-?\s*(.*?)\s*(?:#\s*(SKIP\b.*))?$", re.IGNORECASE)


class Tally:
    """What passed, failed and was skipped."""

    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []
        self.reasons = []

    def failed(self, name):
        self.failures.append(name)

    def skip(self, name, reason):
        self.skipped += 1
        self.reasons.append(f"{name}: {reason}")

    def count_tap(self, name, text, code):
        """Counts the TAP lines of one program. One that died or said nothing is a failure itself."""
        bad = ran = 0
        for line in text.splitlines():
            m = TAP.match(line)
            if not m:
                continue
            ran += 1
            if m[4]:
                self.skip(f"{name}: {m[3] or 'case ' + m[2]}", m[4])
            elif m[1].lower() == "ok":
                self.passed += 1
            else:
                bad += 1
                self.failed(f"{name}: {m[3]}")
        if code != 0 and not bad:
            self.failed(f"{name}: ended with {how(code)} after {ran} cases")
        elif code == 0 and not ran:
            self.failed(f"{name}: no case ran")
        return code != 0 or bad or not ran

    def lines(self):
        out = [f"SKIPPED  {r}" for r in self.reasons] + [f"FAILED   {f}" for f in self.failures]
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return out + [f"{self.passed} passed, {len(self.failures)} failed{skipped}"]


def how(code):
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def say(text):
    print(text, flush=True)


def show(name, *texts):
    say(f"\n--- {name}")
    for text in texts:
        if text and text.strip():
            say(text.rstrip())


def sanitizer_env():
    """Leaks count; what isn't ours to mend is named in lsan.supp. UBSan stops at the first finding."""
    supp = f"suppressions='{ROOT / 'tests/lsan.supp'}':print_suppressions=0"
    return {
        # Stacks of allocations are most of what sanitizers cost: malloc_context_size=30 tells more of a finding.
        "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:malloc_context_size=10",
        "LSAN_OPTIONS": supp,
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }


def names_of_meson(build, env):
    out = subprocess.run(["meson", "introspect", "--tests", str(build)], env=env, check=True,
                         stdout=subprocess.PIPE).stdout
    return [(t["name"], [s.split(":")[-1] for s in t["suite"]]) for t in json.loads(out)]


def run_meson(tally, build, suites, words, more=None):
    """The cmocka programs of one build, by `meson test`; `more`: of the environment."""
    env = {**os.environ, **sanitizer_env(), **(more or {})}
    names = [n for n, s in names_of_meson(build, env)
             if set(s) & set(suites) and (not words or any(w in n for w in words))]
    if not names:
        return
    say(f"unit tests in {build.name}: {len(names)} programs")
    log = build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    p = subprocess.run(["meson", "test", "-C", str(build), "--no-rebuild", "--num-processes", str(CPUS), *names],
                       env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace")
    if not log.exists():
        show("meson test", p.stdout)
        tally.failed(f"meson test: {how(p.returncode)}, no log")
        return
    seen = set()
    for line in log.read_text(errors="replace").splitlines():
        t = json.loads(line)
        name = t["name"].split(" / ")[-1]
        seen.add(name)
        late = t["result"] == "TIMEOUT"
        code = t["returncode"] or (1 if late else 0)
        out, err = t.get("stdout") or "", t.get("stderr") or ""
        if tally.count_tap(name, out, code):
            show(name + (" (timeout)" if late else ""), out, err)
    for name in sorted(set(names) - seen):
        tally.failed(f"{name}: did not run")


def sweep_env():
    """Worlds of sweeps are in memory where there's room. Meson would have glibc fill memory, a quarter of the time: the
    sanitizers' allocator does that in their part."""
    env = {"MALLOC_PERTURB_": "0"}
    shm = Path("/dev/shm")
    if "TMPDIR" not in os.environ and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free >= 2 << 30:
        env["TMPDIR"] = str(shm)
    return env


def run_sample(tally, asan, release):
    """All programs with sanitizers, and the sweeps without, over points that are the same each time: what is judged is a
    change, not the luck of a day. SILT_SWEEP_SEED takes others, `make sweep` all."""
    seed = int(os.environ.get("SILT_SWEEP_SEED") or SWEEP_SEED)
    say(f"points of sweeps by SILT_SWEEP_SEED={seed}")
    env = {"SILT_SWEEP_SEED": str(seed), **sweep_env()}
    run_meson(tally, release, ["sweep"], [], env)
    part = f"{seed % SANITIZED_PART + 1}/{SANITIZED_PART}"
    run_meson(tally, asan, ["sweep"], [], {**env, "SILT_SHARD": part})
    run_meson(tally, asan, ["unit", "slow"], [])


def run_tidy(tally, build):
    say("source tree: tests/tidy.py")
    p = subprocess.run([sys.executable, str(ROOT / "tests/tidy.py"), "--build", str(build)],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, errors="replace")
    if tally.count_tap("tidy", p.stdout, p.returncode):
        show("tests/tidy.py", p.stdout)


def run_pytest(tally, silt, build, marks, words):
    """The black-box and interop tests, in the venv, with the command as it is released."""
    python = ROOT / "build/venv/bin/python"
    report = build / "meson-logs/pytest.xml"
    report.unlink(missing_ok=True)
    env = {**os.environ, **sanitizer_env(), "SILT_BIN": str(silt), "PYTHONDONTWRITEBYTECODE": "1"}
    shared = ROOT.parent / "shared"
    if "SILT_SHARED" not in env and shared.is_dir():
        env["SILT_SHARED"] = str(shared)
    cmd = [str(python), "-m", "pytest", "-q", "--no-header", "--no-summary", "-p",
           "no:cacheprovider", "--rootdir", str(ROOT / "tests"), "--junitxml", str(report)]
    cmd += ["-m", marks]
    if words:
        cmd += ["-k", " or ".join(words)]
    elif marks == "not conformance": # Spark's tests need all the memory there is
        cmd += ["-n", str(CPUS), "--dist", "worksteal"]
    say(f"Python tests with {silt.relative_to(ROOT) if ROOT in silt.parents else silt}")
    p = subprocess.run([*cmd, str(ROOT / "tests")], env=env, stdin=subprocess.DEVNULL)
    if p.returncode == 5: # none collected
        return
    if not report.exists():
        tally.failed(f"pytest: {how(p.returncode)}, no report")
        return
    bad = 0
    for case in xml.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        broken = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if broken is not None:
            bad += 1
            show(name, broken.text, *(e.text for e in case if e.tag in ("system-out", "system-err")))
            tally.failed(name)
        elif skipped is not None:
            tally.skip(name, skipped.get("message", ""))
        else:
            tally.passed += 1
    if p.returncode not in (0, 1) or (p.returncode == 1 and not bad):
        tally.failed(f"pytest: {how(p.returncode)}")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--fast", action="store_true", help="unit tests and source tree only")
    ap.add_argument("--sweep", action="store_true", help="only what is marked as a sweep")
    ap.add_argument("--conformance", action="store_true", help="only what is compared with Spark")
    ap.add_argument("--only", choices=["unit", "tidy", "python"], action="append")
    ap.add_argument("--release", type=Path, default=ROOT / "build", metavar="FOLDER")
    ap.add_argument("--asan", type=Path, default=ROOT / "build-asan", metavar="FOLDER")
    ap.add_argument("--silt", type=Path, default=os.environ.get("SILT_BIN"), metavar="FILE",
                    help="the command for the Python tests; default: the release build's")
    sweep.add_arguments(ap)
    ap.add_argument("words", nargs="*", metavar="NAME")
    a = ap.parse_args()
    a.asan, a.release = a.asan.resolve(), a.release.resolve()
    parts = a.only or (["unit", "tidy"] if a.fast else ["python"] if a.conformance else ["unit", "python"] if a.sweep or a.words
                       else ["unit", "tidy", "python"])
    suites = ["unit"] if a.fast else ["unit", "slow", "sweep"]
    tally = Tally()
    if "unit" in parts and a.sweep:
        sweep.run(a, tally, {**sanitizer_env(), **sweep_env()}, say, show)
    elif "unit" in parts and (a.fast or a.words or "SILT_POINT" in os.environ):
        run_meson(tally, a.asan, suites, a.words)
    elif "unit" in parts:
        run_sample(tally, a.asan, a.release)
    if "tidy" in parts:
        run_tidy(tally, a.asan if a.fast else a.release)
    if "python" in parts:
        silt = (a.silt or a.release / "silt").resolve()
        marks = "sweep" if a.sweep else "conformance" if a.conformance else "not conformance"
        run_pytest(tally, silt, a.release, marks, a.words)
    say("")
    if not tally.passed and not tally.failures:
        say("no test ran")
    say("\n".join(tally.lines()))
    return 1 if tally.failures or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
