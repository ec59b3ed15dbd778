"""Every point of the sweeps, in parts: `make sweep`, or tests/run.py --sweep.

Each program of the suite "sweep" is run in PARTS shards of its points (SILT_SHARD=2/16), as many at a time as there are cores,
without sanitizers; one shard of each also with them. After --hours no more are begun. What is done is noted beside the build:
the next call goes on with the rest, until a program is built anew. On several machines each takes --shard 1/4 and so on.
"""
import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PARTS = 16


def add_arguments(parser):
    parser.add_argument("--hours", type=float, default=8, help="--sweep: begin nothing after so many (8)")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="--sweep: only this part of all, as 2/4")
    parser.add_argument("--anew", action="store_true", help="--sweep: what was done before, too")


class Part:
    """One shard of one program of one build."""

    def __init__(self, test, build, number):
        self.test, self.build, self.number = test, build, number
        self.exe = Path(test["cmd"][0])
        self.name = f"{build.name} {test['name']} {number}/{PARTS}"

    @property
    def stamp(self):
        at = self.exe.stat()
        return f"{at.st_size} {at.st_mtime_ns}"

    def run(self, more):
        env = {**os.environ, **more, **self.test["env"], "SILT_SWEEP": "full", "SILT_SHARD": f"{self.number}/{PARTS}"}
        began = time.monotonic()
        p = subprocess.run(self.test["cmd"], cwd=self.test["workdir"], env=env, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        return p, time.monotonic() - began


def parts_of(build, numbers):
    out = subprocess.run(["meson", "introspect", "--tests", str(build)], check=True, stdout=subprocess.PIPE).stdout
    tests = [t for t in json.loads(out) if "sweep" in [s.split(":")[-1] for s in t["suite"]]]
    return [Part(t, build, n) for n in numbers for t in tests]


class Notes:
    """Which parts passed, and of which program."""

    def __init__(self, path, anew):
        self.path = path
        self.done = {} if anew or not path.exists() else json.loads(path.read_text())

    def has(self, part):
        return self.done.get(part.name) == part.stamp

    def add(self, part):
        self.done[part.name] = part.stamp
        half = self.path.with_suffix(".half")
        half.write_text(json.dumps(self.done, indent=0))
        half.replace(self.path)


def wanted(a):
    """All parts of all programs come in turn, so that a sweep that is cut short has some of each."""
    which, of = map(int, a.shard.split("/"))
    assert 1 <= which <= of, f"--shard {a.shard}: as 2/4"
    day = int(time.time() // 86400)
    every = parts_of(a.release, range(1, PARTS + 1))
    every[len(every) // PARTS:len(every) // PARTS] = parts_of(a.asan, [day % PARTS + 1])
    asked = [p for p in every if not a.words or any(w in p.test["name"] for w in a.words)]
    return asked[which - 1::of]


def run(a, tally, env, say, show):
    parts, notes = wanted(a), Notes(a.release / "meson-logs/sweep.json", a.anew)
    left = [p for p in parts if not notes.has(p)]
    say(f"sweep: {len(parts)} parts, {len(parts) - len(left)} done before, {a.hours:g} hours at most")
    until, counts = time.monotonic() + a.hours * 3600, {"begun": 0, "ended": 0, "points": 0}

    def one(part):
        if time.monotonic() > until:
            return
        counts["begun"] += 1
        p, seconds = part.run(env)
        points = sum(map(int, re.findall(r": (\d+) points", p.stdout)))
        counts["ended"] += 1
        counts["points"] += points
        bad = tally.count_tap(part.name, p.stdout, p.returncode)
        say(f"[{counts['ended']}/{len(left)}] {part.name}: {points} points, {seconds:.0f} s{', FAILED' if bad else ''}")
        if bad:
            show(part.name, p.stdout, p.stderr)
        else:
            notes.add(part)

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(one, left))
    rest = len(left) - counts["begun"]
    say(f"sweep: {counts['points']} points; " +
        (f"{rest} parts are left, the next sweep goes on with them" if rest else "all parts are done"))
    tally.passed += not left # nothing was left to do
