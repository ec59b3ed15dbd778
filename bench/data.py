"""Builds, once, the inputs and the tables of the bench under $SILT_BENCH/data/<scale>.

Tables are made by hand (DuckDB writes the Parquet, we write the log), so that no system's writer shapes
what the others read.
"""
import json, os, shutil, sys, time, uuid
from pathlib import Path
import duckdb

ROOT = Path(os.environ.get("SILT_BENCH", os.path.expanduser("~/.cache/silt-bench")))
SIZES = {  # rows, files
    "full": dict(load=5_000_000, load_files=20, small=2_000, tracked=100_000, dim=1_000_000, commits=500, writers=25,
                 log_commits=10_000, adds=1_000_000, scan=10_000_000, feed=100, many=1_000, many_rows=5_000,
                 base=10_000_000),
    "small": dict(load=200_000, load_files=4, small=100, tracked=2_000, dim=50_000, commits=50, writers=5,
                  log_commits=500, adds=20_000, scan=200_000, feed=20, many=50, many_rows=2_000, base=400_000),
}
COLUMNS = dict(id="BIGINT", k="INTEGER", amount="DECIMAL(12,2)", price="DOUBLE", name="VARCHAR",
               category="VARCHAR", note="VARCHAR", ts="TIMESTAMPTZ", d="DATE", flag="INTEGER")
AUDIT = dict(_source_file="VARCHAR", _load_timestamp="TIMESTAMPTZ", _batch_id="VARCHAR")
LOADED = {**COLUMNS, **AUDIT}
VERSIONS = dict(id="BIGINT", name="VARCHAR", category="VARCHAR", note="VARCHAR", amount="DECIMAL(12,2)", ts="TIMESTAMPTZ",
                valid_from="TIMESTAMPTZ", valid_to="TIMESTAMPTZ", is_current="BOOLEAN")
SCAN = {c: t for c, t in COLUMNS.items() if c != "flag"}
DELTA = dict(BIGINT="long", INTEGER="integer", DOUBLE="double", VARCHAR="string", TIMESTAMPTZ="timestamp",
             DATE="date", BOOLEAN="boolean", **{"DECIMAL(12,2)": "decimal(12,2)"})


def db():
    con = duckdb.connect()
    con.execute("SET TimeZone='UTC'; SET preserve_insertion_order=false; SET threads=2")
    return con


def rows(lo, n, step=1, salt=0):
    """SELECT of n rows that follow from their ids, lo, lo + step and so on; `salt` varies all but id and note."""
    h = f"hash(id + {salt * 7919})"
    return f"""SELECT id, ({h} % 100000)::INTEGER k, (({h} >> 8) % 100000000 / 100)::DECIMAL(12,2) amount,
      (({h} >> 16) % 1000000007) / 1e4 price, 'customer-' || ({h} % 1000003) AS name,
      'cat_' || lpad((({h} >> 4) % 50)::VARCHAR, 2, '0') category,
      'note ' || md5(id::VARCHAR) note,
      TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(id % 63072000 + {salt}) ts,
      (DATE '2020-01-01' + (({h} >> 12) % 2000)::INTEGER) d, (({h} >> 3) % 2)::INTEGER flag
      FROM (SELECT {lo} + {step} * range AS id FROM range({n}))"""


# ---- tables

def write_version(table, version, actions):
    log = Path(table) / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(a, separators=(",", ":")) + "\n" for a in actions)
    (log / f"{version:020d}.json").write_text(text)


def header(columns):
    fields = [{"name": c, "type": DELTA[t], "nullable": True, "metadata": {}} for c, t in columns.items()]
    return [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
            {"metaData": {"id": str(uuid.UUID(int=7)), "format": {"provider": "parquet", "options": {}},
                          "schemaString": json.dumps({"type": "struct", "fields": fields}),
                          "partitionColumns": [], "configuration": {}, "createdTime": 1700000000000}}]


def empty_table(table):
    """What loads and commits start from."""
    shutil.rmtree(table, ignore_errors=True)
    write_version(table, 0, header(LOADED))


# ---- inputs

def load_input(out, s, form):
    con, per = db(), s["load"] // s["load_files"]
    options = {"csv": "FORMAT csv, HEADER", "ndjson": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION snappy"}
    os.makedirs(out)
    for f in range(s["load_files"]):
        con.execute(f"COPY ({rows(f * per, per)}) TO '{out}/part-{f:03d}.{form}' ({options[form]})")


def small_files(out, s):
    """Files of 100 rows."""
    con = db()
    os.makedirs(out)
    con.execute(rows(0, s["small"] * 100) + " ORDER BY id")
    text = lambda x: x.strftime("%Y-%m-%d %H:%M:%S+00") if hasattr(x, "hour") else str(x)
    for f in range(s["small"]):
        with open(f"{out}/f{f:06d}.csv", "w") as o:
            o.write(",".join(COLUMNS) + "\n")
            for row in con.fetchmany(100):
                o.write(",".join(map(text, row)) + "\n")


def tracked_files(out, s):
    """Files of one row (hard links to a few), and in `out`-new ten of 100 rows."""
    con = db()
    os.makedirs(out)
    os.makedirs(out + "-new")
    write = lambda path, lo, n: con.execute(f"COPY ({rows(lo, n)}) TO '{path}' (FORMAT csv, HEADER)")
    for f in range(s["tracked"]):
        path = f"{out}/f{f:06d}.csv"
        if f % 50_000 == 0:
            write(path, f, 1)
            first = path
        else:
            os.link(first, path)
    for f in range(10):
        write(f"{out}-new/n{f:06d}.csv", 10_000_000 + f * 100, 100)


def build(scale, name):
    """The path of an input or a table; made if it is missing, under another name until it is whole."""
    import tables, upserts, versions  # which build on this module
    path = ROOT / "data" / scale / name
    if path.exists():
        return str(path)
    s, tmp, start = SIZES[scale], str(path) + ".tmp", time.time()
    for leftover in (tmp, tmp + "-new"):
        shutil.rmtree(leftover, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.startswith("load-"):
        load_input(tmp, s, name.removeprefix("load-"))
    elif name == "small":
        small_files(tmp, s)
    elif name == "tracked":
        tracked_files(tmp, s)
        shutil.rmtree(str(path) + "-new", ignore_errors=True)
        os.rename(tmp + "-new", str(path) + "-new")
    elif name == "scan-dv":
        tables.with_deletion_vectors(tmp, build(scale, "scan"))
    elif name == "base-on":
        tables.with_deletion_vectors(tmp, build(scale, "base"), 0, upserts.ON)
    elif name == "base-dv":
        tables.with_deletion_vectors(tmp, build(scale, "base"), 20, upserts.ON)
    elif name == "dim-on":
        tables.with_deletion_vectors(tmp, build(scale, "dim"), 0, upserts.ON, VERSIONS)
    else:
        (tables.MAKERS | upserts.MAKERS | versions.MAKERS)[name](tmp, s)
    os.rename(tmp, path)
    print(f"  built {scale}/{name} in {time.time() - start:.1f} s", file=sys.stderr)
    return str(path)
