"""Silt: the command ($SILT_BIN, else build/silt), and beside it bench_commits."""
import json, os, shlex
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("SILT_BIN", HERE + "/build/silt"))
COMMITS = os.path.dirname(BIN) + "/bench_commits"
INSTALLED = [BIN, HERE + "/build/deps/duckdb/libduckdb.so"]


def load(a, form):
    """`silt run` with the pipeline file of one load (JSON, which it takes too)."""
    path = a["state"] + "/pipeline.json"
    table = {"table_name": "t", "source": {"path": f"{a['src']}/*.{form}", "format": form},
             "loading_strategy": "append", "write": {"path": a["table"]}}
    with open(path, "w") as f:
        json.dump({"pipeline": "bench", "checkpoint_path": a["state"], "tables": [table]}, f)
    return [BIN, "run", "--config", path]


def argv(case, a):
    v, q = a["variant"], shlex.quote
    if case == "load_append":
        return load(a, v)
    if case == "load_small_files":
        return load(a, "csv")
    if case == "commits":
        if v == "sequential":
            return [COMMITS, a["table"], str(a["n"]), "0"]
        return ["/bin/sh", "-c", " ".join(f"{q(COMMITS)} {q(a['table'])} {a['n']} {w} &" for w in range(8)) + " wait"]
    if v == "open_tiny":
        return ["/bin/sh", "-c", f"n=$({q(BIN)} files {q(a['table'])} | wc -l); printf '\\n@@{{\"result\": %s}}\\n' \"$n\""]
    return [BIN, "--version"]
