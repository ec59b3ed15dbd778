"""Silt: the command ($SILT_BIN, else build/silt), and beside it bench_commits."""
import json, os, shlex, sys
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(HERE + "/bench")
from queries import queries  # noqa: E402
BIN = os.path.abspath(os.environ.get("SILT_BIN", HERE + "/build/silt"))
COMMITS = os.path.dirname(BIN) + "/bench_commits"
TABLES = {"base": "base-on", "dim": "dim-on"}  # with deletion vectors on
INSTALLED = [BIN, HERE + "/build/deps/duckdb/libduckdb.so"]


def load(a, form, strategy="append", write=(), **more):
    """`silt run` with the pipeline file of one load (JSON, which it takes too)."""
    path = a["state"] + "/pipeline.json"
    table = {"table_name": "t", "source": {"path": f"{a['src']}/*.{form}", "format": form},
             "loading_strategy": strategy, "write": {"path": a["table"], **dict(write)}, **more}
    memory = {"memory_limit": a["memory"]} if a["memory"] else {}
    with open(path, "w") as f:
        json.dump({"pipeline": "bench", "checkpoint_path": a["state"], **memory, "tables": [table]}, f)
    return [BIN, "run", "--config", path]


def upsert(a, strategy, **write):
    """Rows are the source's own: the table has no audit columns."""
    return load(a, "parquet", strategy, write, primary_keys=["id"], audit_columns=False)


def result(command):
    """A command that prints a number, maybe with others behind a comma, as the line that run.py reads."""
    return ["/bin/sh", "-c", f'n=$({command}) || exit $?; printf \'\\n@@{{"result": %s}}\\n\' "${{n%%,*}}"']


def argv(case, a):
    v, q = a["variant"], shlex.quote
    if case == "load_append":
        return load(a, v)
    if case == "load_small_files":
        return load(a, "csv")
    if case == "upsert":
        return upsert(a, case, dedup_strategy="newest_wins", timestamp_col="ts")
    if case == "append_once":
        return upsert(a, case)
    if case == "scd2":
        return load(a, "parquet", case, primary_keys=["id"], audit_columns=False, tracking_columns=["name", "note", "amount"],
                    scd2_effective_date_column="valid_from", scd2_end_date_column="valid_to",
                    scd2_current_flag_column="is_current")
    if case == "commits":
        if v == "sequential":
            return [COMMITS, a["table"], str(a["n"]), "0"]
        return ["/bin/sh", "-c", " ".join(f"{q(COMMITS)} {q(a['table'])} {a['n']} {w} &" for w in range(8)) + " wait"]
    if case == "log_replay" and v == "open":
        return result(f"{q(BIN)} show {q(a['table'])} --json | grep -o '\"version\": *[0-9]*' | head -n 1 | grep -o '[0-9]*$'")
    if case == "scan":
        select, where = queries(v, a["n"])
        table = f"delta('{a['table']}'" + (", version := 4)" if v == "time_travel" else ")")
        sql = f"SELECT {select} FROM {table} WHERE {where or 'true'}"
        return result(f"{q(BIN)} sql --format csv --no-header {q(sql)}")
    if case == "cdf":
        return [BIN, "changes", a["table"], "--from", "1", "--format", "parquet", "--output", a["state"] + "/cdf.parquet"]
    if case == "checkpoint":
        return [BIN, "checkpoint", a["table"]]
    if case == "optimize":
        return [BIN, "optimize", a["table"]] + (["--zorder", "k,d"] if v == "zorder" else [])
    if case == "log_replay" or v == "open_tiny":
        return result(f"{q(BIN)} files {q(a['table'])} | wc -l")
    return [BIN, "--version"]
