#!/usr/bin/env python3
"""bench/run.py [CASE[:VARIANT]]… [--systems silt,…] [--scale small|full] [--reps 5]

Runs each case with each system in a fresh process on a fresh table, checks what was left, and prints times and
memory. `limit`, DuckDB without Delta, is run in turn with the others: ratios are against it, in the same run.
"""
import argparse, glob, importlib.util, json, os, shutil, signal, statistics, subprocess, sys, threading, time
from pathlib import Path
HERE = Path(__file__).resolve().parent
ROOT = Path(os.environ.get("SILT_BENCH", os.path.expanduser("~/.cache/silt-bench")))
PYTHON = ROOT / "venv/bin/python"
if Path(sys.prefix).resolve() != (ROOT / "venv").resolve():
    subprocess.run([HERE / "setup"], check=True)
    os.execv(PYTHON, [str(PYTHON), "-B", *sys.argv])
sys.path.insert(0, str(HERE))
import cases, data  # noqa: E402

RUNS = ROOT / "runs" / str(os.getpid())
MEMORY_MB = int(os.environ.get("SILT_BENCH_MEM_MB", 12_000))  # more is killed


def system(name):
    spec = importlib.util.spec_from_file_location(f"system_{name}", HERE / "systems" / f"{name}.py")
    mod = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mod)
    mod.NAME = name
    return mod


def argv(mod, case, a):
    """A command of its own, or a Python function, which worker.py runs."""
    if hasattr(mod, "argv"):
        return mod.argv(case, a)
    return [str(ROOT / mod.PYTHON / "bin/python"), "-B", str(HERE / "systems/worker.py"),
            str(HERE / "systems" / f"{mod.NAME}.py"), case, json.dumps(a)]


# ---- one run

def session_mb(pid, page_kb=os.sysconf("SC_PAGE_SIZE") // 1024):
    """Resident memory of all processes of the session that `pid` leads."""
    total = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = open(path).read().rsplit(")", 1)[1].split()
            if int(fields[3]) == pid:
                total += int(fields[21]) * page_kb
        except (OSError, IndexError):
            pass
    return total / 1024


def measure(command, timeout, log):
    """Wall and CPU time, peak memory (time(1)'s for one process, sampled for more), and what the run says of itself."""
    started = time.perf_counter()
    with open(log, "wb") as out:
        p = subprocess.Popen(["/usr/bin/time", "-q", "-f", "%M", "-o", log + ".rss", *command], stdout=out,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    peak, killed, done = [0.0], [None], threading.Event()

    def watch():
        while not done.wait(0.1):
            peak[0] = max(peak[0], session_mb(p.pid))
            if peak[0] > MEMORY_MB:
                killed[0] = f"over {MEMORY_MB} MB"
            elif time.perf_counter() - started > timeout:
                killed[0] = f"over {timeout:.0f} s"
            if killed[0]:
                return os.killpg(p.pid, signal.SIGKILL)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        os.killpg(p.pid, signal.SIGKILL)
        raise
    finally:
        done.set()
        watcher.join()
    wall = time.perf_counter() - started
    text = open(log, errors="replace").read()
    said = [json.loads(line[2:]) for line in text.splitlines() if line.startswith("@@")]
    alone = int(open(log + ".rss").read().split()[-1]) / 1024 if p.returncode >= 0 else 0
    r = {**(said[0] if said else {}), "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": max(peak[0], alone)}
    if killed[0] or p.returncode:
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("@@")]
        r["error"] = killed[0] or f"exit {p.returncode}: {' '.join(lines[-2:])[:300]}"
    return r


def kept_state(mod, scale, v, timeout):
    """What a system's load of an input leaves behind; made once, and anew for a newer build."""
    kept = ROOT / "state" / f"{mod.NAME}-{scale}-{v['state']}"
    newer = max([os.path.getmtime(f) for f in getattr(mod, "INSTALLED", []) if os.path.isfile(f)], default=0)
    if (kept / "ok").exists() and os.path.getmtime(kept / "ok") > newer:
        return kept
    shutil.rmtree(kept, ignore_errors=True)
    (kept / "state").mkdir(parents=True)
    a = dict(case="load_small_files", variant="first", scale=scale, table=str(kept / "table"),
             state=str(kept / "state"), src=data.build(scale, v["state"]), memory=None)
    if not getattr(mod, "OWN_TABLES", False):
        data.empty_table(a["table"])
    r = measure(argv(mod, a["case"], a), timeout * 5, str(RUNS / "state.log"))
    if "error" in r:
        raise RuntimeError(f"no state: {r['error']}")
    print(f"  {mod.NAME}: state of {v['state']} made in {r['wall']:.1f} s", file=sys.stderr)
    (kept / "ok").touch()
    return kept


def copy_table(base, table):
    """Data files are linked, nobody writes into these; the log is copied."""
    shutil.copytree(base, table, copy_function=os.link, ignore=shutil.ignore_patterns("_delta_log"))
    shutil.copytree(base + "/_delta_log", table + "/_delta_log")


def prepare(mod, case, variant, v, scale, timeout):
    work = RUNS / f"{mod.NAME}-{case}-{variant}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    a = dict(case=case, variant=variant, scale=scale, table=str(work / "table"), state=str(work / "state"), n=v.get("n"),
             memory=v.get("memory"), own=getattr(mod, "OWN_TABLES", False))
    a["result"] = mod.result_table(a) if hasattr(mod, "result_table") else a["table"]
    if "src" in v:
        a["src"] = data.build(scale, v["src"])
    if "state" in v and mod.NAME != "limit":
        shutil.copytree(kept_state(mod, scale, v, timeout), work, dirs_exist_ok=True)
    os.makedirs(a["state"], exist_ok=True)
    if v.get("start") == "empty" and not a["own"]:
        data.empty_table(a["table"])
    if "copy" in v:
        copy_table(data.build(scale, getattr(mod, "TABLES", {}).get(v["copy"], v["copy"])), a["table"])
    if "table" in v:
        a["table"] = data.build(scale, v["table"])
    for f in glob.glob(data.build(scale, v["src"]) + "-new/*") if "new" in v else []:
        if not os.path.exists(f"{a['src']}/{os.path.basename(f)}"):
            os.link(f, f"{a['src']}/{os.path.basename(f)}")
    return a


# ---- what must be true

READER = """
import duckdb, glob, json, os, sys
db = duckdb.connect(config={'allow_unsigned_extensions': True})
db.execute("LOAD '%s'" % glob.glob(os.path.dirname(os.path.dirname(duckdb.__file__)) + '/duckdb_extension_delta/extensions/*/*')[0])
t = "delta_scan('%s')" % sys.argv[1]
cols = [r[0] for r in db.execute("DESCRIBE FROM " + t).fetchall()]
files = db.execute("SELECT count(*) FROM delta_list_files('%s')" % sys.argv[1]).fetchone()[0]
db.execute("SET TimeZone='UTC'")
taken = "count(*) FILTER (epoch(ts::TIMESTAMP) - epoch(TIMESTAMP '2024-01-01') - id % 63072000 > 0)" if "ts" in cols else "0"
current = "count(*) FILTER (is_current)" if "is_current" in cols else "0"
print(json.dumps([*db.execute(f"SELECT count(*), count(DISTINCT id), {taken}, {current} FROM {t}").fetchone(), cols, files]))
"""


def ask(python, script, table):
    """What a reader prints of a table, or why it can't."""
    p = subprocess.run([str(python), "-c", script, table], capture_output=True, text=True)
    if p.returncode:
        return None, "unreadable: " + (p.stderr.strip().splitlines() or ["?"])[-1][:200]
    return json.loads(p.stdout.strip().splitlines()[-1]), None


def check_checkpoint(a, v, r):
    """Nothing is left to read the newest version from but its own checkpoint."""
    log = Path(a["table"]) / "_delta_log"
    newest = max(f.name for f in log.glob("*.json"))[:20]
    r["log_MB"] = round(sum(f.stat().st_size for f in log.glob(newest + ".checkpoint*")) / 1e6, 1)
    for f in log.iterdir():
        if f.name[:20] < newest or f.suffix == ".crc":
            f.unlink()
    files, why = ask(PYTHON, "import deltalake, sys; print(len(deltalake.DeltaTable(sys.argv[1]).file_uris()))", a["table"])
    return why or (None if files == v["files"] else f"{files} files instead of {v['files']}")


def check(a, v, r):
    """By an independent reader: all rows, each once, with audit columns; or the answer that was asked for."""
    if "result" in v:
        return None if r.get("result") == v["result"] else f"{r.get('result')} instead of {v['result']}"
    if "files" in v:
        return check_checkpoint(a, v, r)
    if "rows" not in v:
        return None
    found, why = ask(ROOT / "venv-duck/bin/python", READER, a["result"])
    if why:
        return why
    rows, keys, taken, current, columns, r["files"] = found
    bad = [f"{rows} rows instead of {v['rows']}"] if rows != v["rows"] else []
    if keys != v.get("keys", rows) and "new" not in v:  # there keys repeat on purpose
        bad.append(f"{keys} keys in {rows} rows")
    if current != v.get("current", current):
        bad.append(f"{current} current versions instead of {v['current']}")
    if taken != v.get("taken", taken):
        bad.append(f"{taken} rows with the source's values instead of {v['taken']}")
    if not a["own"] and columns != list(getattr(data, v.get("columns", "LOADED"))):
        bad.append(f"columns {columns}")
    if "fewer" in v and r["files"] >= v["fewer"]:
        bad.append(f"{r['files']} files")
    return "; ".join(bad) or None


# ---- all runs of a case

def run_once(mod, case, variant, v, scale, timeout):
    a = {}
    try:
        a = prepare(mod, case, variant, v, scale, timeout)
        command = argv(mod, case, a)
        if not command:
            return {"error": "has nothing for this"}
        r = measure(command, timeout, str(RUNS / f"{mod.NAME}-{case}-{variant}.log"))
        if "error" not in r and mod.NAME != "limit":
            r["wrong"] = check(a, v, r)
        return r
    except (OSError, RuntimeError) as e:
        return {"error": str(e)[:300]}
    finally:
        for f in glob.glob(f"{a.get('src')}/n*.csv") if "new" in v else []:
            os.unlink(f)
        shutil.rmtree(RUNS / f"{mod.NAME}-{case}-{variant}", ignore_errors=True)


def summary(mod, runs):
    out = {"system": mod.NAME, "reps": len(runs), "error": next((r["error"] for r in runs if "error" in r), None),
           "wrong": next((r["wrong"] for r in runs if r.get("wrong")), None)}
    good = [r for r in runs if "error" not in r]
    for key in ("wall", "cpu", "rss"):
        if good:
            out[key] = statistics.median(r[key] for r in good)
            out[key + "_min"] = min(r[key] for r in good)
    last = good[-1] if good else {}
    out["more"] = {k: x for k, x in last.items() if k not in ("wall", "cpu", "rss", "wrong", "result", "inner_s") and x not in (None, [])}
    return out


def run_case(mods, case, variant, v, o):
    runs = {mod.NAME: [] for mod in mods}
    for _ in range(o.reps):
        for mod in mods:
            mine = runs[mod.NAME]
            slow = sum(r.get("wall", 0) for r in mine) > o.budget
            if not any("error" in r for r in mine) and not slow:
                mine.append(run_once(mod, case, variant, v, o.scale, o.timeout))
    results = [summary(mod, runs[mod.NAME]) for mod in mods]
    base = results[0]
    for r in results:
        for key in ("wall", "wall_min", "cpu", "cpu_min"):
            if key in r and base.get(key):
                r["x_" + key] = r[key] / base[key]
        r.update(case=case, variant=variant, scale=o.scale)
    return results


def installed_mb(mod):
    total = 0
    for pattern in getattr(mod, "INSTALLED", []):
        for path in glob.glob(str(ROOT / pattern)):
            files = glob.glob(path + "/**", recursive=True) if os.path.isdir(path) else [path]
            total += sum(os.path.getsize(f) for f in files if os.path.isfile(f))
    return round(total / 1e6)


HEAD = f"{'case':25} {'system':10} {'wall s':>8} {'min':>8} {'CPU s':>8} {'min':>8} {'MB':>6} {'x wall':>7} {'min':>7} {'x CPU':>7} {'min':>7}"


def line(r):
    number = lambda key, form, width: f"{format(r[key], form) if key in r else '-':>{width}}"
    text = f"{r['case'] + ':' + r['variant']:25} {r['system']:10}"
    text += "".join(" " + number(k, ".3f", 8) for k in ("wall", "wall_min", "cpu", "cpu_min")) + " " + number("rss", ".0f", 6)
    text += "".join(" " + number(k, ".2f", 7) for k in ("x_wall", "x_wall_min", "x_cpu", "x_cpu_min"))
    text += "".join(f"  {k} {x}" for k, x in r["more"].items() if not isinstance(x, list))
    return text + "".join(f"  {k.upper()}: {r[k]}" for k in ("error", "wrong") if r[k])


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("cases", nargs="*", help=f"of {', '.join(cases.ALL)}; all")
    ap.add_argument("--systems", default="silt", help="of silt, deltalake, duckdb, dlt, odibi")
    ap.add_argument("--scale", default="full", choices=list(data.SIZES))
    ap.add_argument("--reps", type=int, default=5)
    ap.add_argument("--timeout", type=float, default=180, help="seconds of one run")
    ap.add_argument("--budget", type=float, default=120, help="seconds of a system's runs, after which none is begun")
    ap.add_argument("--out", help="also write the results as JSON")
    o = ap.parse_args()
    subprocess.run([HERE / "setup", *o.systems.split(",")], check=True)
    mods = [system(n) for n in ["limit"] + [s for s in o.systems.split(",") if s and s != "limit"]]
    RUNS.mkdir(parents=True)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, scale {o.scale}, median of {o.reps} runs and the least\n{HEAD}")
    results = []
    try:
        for name in o.cases or cases.ALL:
            case, _, only = name.partition(":")
            for variant, v in cases.variants(case, o.scale).items():
                if only and only != variant:
                    continue
                for r in run_case(mods, case, variant, v, o):
                    if variant == "idle":
                        r["more"]["installed_MB"] = installed_mb(next(m for m in mods if m.NAME == r["system"]))
                    print(line(r), flush=True)
                    results.append(r)
    finally:
        shutil.rmtree(RUNS, ignore_errors=True)
    if o.out:
        Path(o.out).write_text(json.dumps({"cores": os.cpu_count(), "results": results}, indent=1))
    sys.exit(any(r["system"] == "silt" and (r["error"] or r["wrong"]) for r in results))


main()
