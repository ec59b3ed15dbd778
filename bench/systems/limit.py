"""The least work: DuckDB without Delta, without a tracker, without recovery."""
import glob, json, os, sys
from urllib.parse import unquote
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from queries import queries
PYTHON = "venv"
INSTALLED = ["venv/lib/python3*/site-packages/duckdb*", "venv/lib/python3*/site-packages/_duckdb*"]


def start():
    global db
    import duckdb
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'; SET threads=2; SET preserve_insertion_order=false")


COLUMNS = """{'id':'BIGINT','k':'INTEGER','amount':'DECIMAL(12,2)','price':'DOUBLE','name':'VARCHAR','category':'VARCHAR',
 'note':'VARCHAR','ts':'TIMESTAMPTZ','d':'DATE','flag':'INTEGER'}"""


def reader(src, form):
    return {"csv": f"read_csv('{src}/*.csv', header=true, columns={COLUMNS}, filename=true)",
            "ndjson": f"read_json('{src}/*.ndjson', format='newline_delimited', columns={COLUMNS}, filename=true)",
            "parquet": f"read_parquet('{src}/*.parquet', filename=true)"}[form]


def load_append(a):
    db.execute(f"""COPY (SELECT * RENAME (filename AS _source_file), now() _load_timestamp, 'b1' _batch_id
        FROM {reader(a['src'], a['variant'])}) TO '{a['table']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)""")


def load_small_files(a):
    """All files in one query; where they are known, looking at each is all."""
    if a["variant"] == "first":
        return load_append({**a, "variant": "csv"})
    return {"files": sum(e.stat().st_mtime > 0 for e in os.scandir(a["src"]))}


def commits(a):
    """Per commit: a small file written and fsynced, a log file made exclusively and fsynced, and its folder."""
    log = os.open(f"{a['table']}/_delta_log", os.O_RDONLY)
    for i in range(a["n"] * (8 if a["variant"] == "concurrent8" else 1)):
        for name, body in ((f"d{i}.parquet", b"x" * 1500), (f"_delta_log/{i + 1:020d}.json", b"y" * 800)):
            fd = os.open(f"{a['table']}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(fd, body)
            os.fsync(fd)
            os.close(fd)
        os.fsync(log)


def log_replay(a):
    """The paths of the adds, or what a table is, by DuckDB's own readers of JSON and Parquet."""
    log = f"{a['table']}/_delta_log"
    checkpoint = glob.glob(f"{log}/*.checkpoint.parquet")
    if a["variant"] == "open":
        db.execute(f"SELECT protocol, \"metaData\", txn FROM read_parquet({checkpoint}) WHERE protocol IS NOT NULL OR \"metaData\" IS NOT NULL OR txn IS NOT NULL").fetchall()
        return 11
    adds = f"SELECT add.path p FROM read_json('{log}/*.json', format='newline_delimited', columns={{'add': 'STRUCT(path VARCHAR)'}}) WHERE add IS NOT NULL"
    if checkpoint:
        adds += f" UNION ALL SELECT add.path FROM read_parquet({checkpoint}) WHERE add IS NOT NULL"
    return len(db.execute(f"SELECT DISTINCT p FROM ({adds})").fetchall())


def scan(a):
    """The files that a reader can't do without, by read_parquet; the rows that a vector names by a plain condition."""
    files = sorted(glob.glob(f"{a['table']}/*.parquet"))
    select, where = queries(a["variant"], a["n"])
    if where:
        files = files[40:41]
    if a["variant"] == "time_travel":
        files = files[:len(files) // 2]
    source = f"read_parquet({files})"
    if a["variant"].startswith("dv"):
        source, where = f"read_parquet({files}, file_row_number = true)", "file_row_number % 20 <> 0"
    return db.execute(f"SELECT {select} FROM {source} WHERE {where or 'true'}").fetchone()[0]


def cdf(a):
    """The change files, and the data files of versions without any, into one Parquet file."""
    t, files = a["table"], []
    for commit in sorted(glob.glob(t + "/_delta_log/*.json"))[1:]:
        actions = [json.loads(line) for line in open(commit)]
        changes = [x["cdc"]["path"] for x in actions if "cdc" in x]
        files += [f"{t}/{unquote(p)}" for p in changes or [x["add"]["path"] for x in actions if "add" in x]]
    db.execute(f"COPY (FROM read_parquet({files}, union_by_name=true)) TO '{a['state']}/cdf.parquet' (FORMAT parquet)")


def checkpoint(a):
    """The rows of the checkpoint that is there, written once more."""
    old = glob.glob(f"{a['table']}/_delta_log/*.checkpoint.parquet")
    db.execute(f"COPY (FROM read_parquet({old})) TO '{a['state']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)")


def optimize(a):
    """All rows read and written once, along a curve of a kind for z-order."""
    order = "ORDER BY k // 64, date_diff('day', DATE '2020-01-01', d) // 8" if a["variant"] == "zorder" else ""
    db.execute(f"COPY (FROM read_parquet('{a['table']}/*.parquet') {order}) TO '{a['state']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)")


def upsert(a):
    """The source read once; keys of the table's files that its range of keys touches; its rows written."""
    if a["memory"]:
        db.execute(f"SET memory_limit='{a['memory']}'; SET temp_directory='{a['state']}'")
    db.execute(f"CREATE TEMP TABLE s AS FROM read_parquet('{a['src']}/*.parquet')")
    lo, hi = db.execute("SELECT min(id), max(id) FROM s").fetchone()
    db.execute(f"""SELECT count(*) FROM read_parquet('{a['table']}/part-*.parquet')
        WHERE id BETWEEN {lo} AND {hi} AND id IN (SELECT id FROM s)""").fetchone()
    db.execute(f"COPY s TO '{a['state']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)")


def append_once(a):
    db.execute(f"""COPY (FROM read_parquet('{a['src']}/*.parquet') s ANTI JOIN read_parquet('{a['table']}/part-*.parquet') t
        USING (id)) TO '{a['state']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)""")


def scd2(a):
    """What of the source isn't there as it is, written once: no version is ended."""
    db.execute(f"""COPY (SELECT s.* FROM read_parquet('{a['src']}/*.parquet') s LEFT JOIN read_parquet('{a['table']}/part-*.parquet') t
        USING (id) WHERE t.id IS NULL OR t.name <> s.name OR t.note <> s.note OR t.amount <> s.amount)
        TO '{a['state']}/x.parquet' (FORMAT parquet, COMPRESSION snappy)""")


def footprint(a):
    if a["variant"] == "open_tiny":
        return db.execute(f"SELECT count(*) FROM glob('{a['table']}/*.parquet')").fetchone()[0]
