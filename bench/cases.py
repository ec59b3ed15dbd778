"""The cases: what a run starts from, and what must be true afterwards.

A variant is a dict:  src    input folder, by its name in data.py      start  "empty": the table of all loads
                      table  a table that is only read                 state  what a load of that input leaves behind
                      new    files that appear beside `src` for the run
                      copy   a table of which each run has its own: data files linked, the log copied
                      n      a count for the system                    rows, result, files: what must come out
A system gets one dict `a` with case, variant, scale, table, state (a folder of its own), src, n.
"""
from data import SIZES


def upserts(case, n):
    """`taken`: rows that have the source's values afterwards. base-dv: every 20th row is deleted."""
    def start(source, m, new, table="base", **more):
        return dict(copy=table, src=f"src-{source}", rows=n - (n // 20 if table == "base-dv" else 0) + new,
                    taken=new if case == "append_once" else m, columns="SCAN", **more)
    if case == "append_once":
        return {"90pct_present": start("once", n // 10, n // 100)}
    m, few, large = n // 100, max(n // 10_000, 20), n * 3 // 10
    return {"scattered_1pct": start("scattered", m, m // 2), "tiny": start("tiny", few, few // 2),
            "clustered_1pct": start("clustered", m, m // 2), "scattered_dv": start("scattered", m, m // 2, "base-dv"),
            "spill": start("large", large, large // 2, memory="256MB")}


def variants(case, scale):
    s = SIZES[scale]
    if case == "load_append":
        return {f: dict(src=f"load-{f}", start="empty", rows=s["load"]) for f in ("csv", "ndjson", "parquet")}
    if case == "load_small_files":
        return {"first": dict(src="small", start="empty", rows=s["small"] * 100),
                "noop": dict(src="small", state="small", rows=s["small"] * 100),
                "ten_new": dict(src="tracked", state="tracked", new="tracked-new", rows=s["tracked"] + 1000)}
    if case == "commits":
        return {"sequential": dict(start="empty", n=s["commits"], rows=s["commits"]),
                "concurrent8": dict(start="empty", n=s["writers"], rows=8 * s["writers"])}
    if case == "log_replay":
        return {"json_commits": dict(table="commits10k", result=s["log_commits"] - 1),
                "checkpoint": dict(table="checkpoint", result=s["adds"] + 1),
                "checkpoint_plus1": dict(table="checkpoint-crc", result=s["adds"] + 2),
                "open": dict(table="checkpoint-crc", result=11)}
    if case == "scan":
        n = s["scan"]
        return {"aggregate": dict(table="scan", result=n), "two_integers": dict(table="scan", result=n),
                "filter_1pct": dict(table="scan", result=n // 100, n=n // 100), "time_travel": dict(table="scan", result=n // 2),
                "dv_aggregate": dict(table="scan-dv", result=n * 95 // 100),
                "dv_two_integers": dict(table="scan-dv", result=n * 95 // 100)}
    if case == "cdf":
        return {"all": dict(table="feed")}
    if case == "checkpoint":
        return {"million": dict(copy="checkpoint-crc", files=s["adds"] + 2)}
    if case == "optimize":
        n = s["many"]
        return {v: dict(copy="manyfiles", rows=n * s["many_rows"], columns="SCAN", fewer=n) for v in ("compact", "zorder")}
    if case == "scd2":
        n = s["dim"]
        return {"10pct_changed": dict(copy="dim", src="src-dim", rows=n + n // 10 + n // 100, keys=n + n // 100,
                                      current=n + n // 100, columns="VERSIONS")}
    if case in ("upsert", "append_once"):
        return upserts(case, s["base"])
    if case == "footprint":
        return {"open_tiny": dict(table="dim", result=4), "idle": dict(table="dim")}
    raise KeyError(case)


ALL = ["load_append", "load_small_files", "commits", "log_replay", "scan", "cdf", "checkpoint", "optimize",
       "upsert", "append_once", "scd2", "footprint"]
