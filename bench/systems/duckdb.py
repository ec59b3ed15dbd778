"""DuckDB with its delta extension: INSERTs into an attached table."""
import glob, os, sys
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from queries import queries
PYTHON = "venv-duck"
INSTALLED = ["venv-duck/lib/python3*/site-packages/duckdb*", "venv-duck/lib/python3*/site-packages/_duckdb*"]
COLUMNS = """{'id':'BIGINT','k':'INTEGER','amount':'DECIMAL(12,2)','price':'DOUBLE','name':'VARCHAR','category':'VARCHAR',
 'note':'VARCHAR','ts':'TIMESTAMPTZ','d':'DATE','flag':'INTEGER'}"""


def start():
    global db
    import duckdb
    db = duckdb.connect(config={"allow_unsigned_extensions": True})
    ext = glob.glob(os.path.dirname(os.path.dirname(duckdb.__file__)) + "/duckdb_extension_delta/extensions/*/delta.duckdb_extension")[0]
    db.execute(f"LOAD '{ext}'")
    db.execute("SET TimeZone='UTC'; SET threads=2; SET preserve_insertion_order=false")


def insert(a, src):
    db.execute(f"ATTACH '{a['table']}' AS t (TYPE delta)")
    db.execute(f"INSERT INTO t SELECT * EXCLUDE (filename), filename, now(), uuid()::VARCHAR FROM {src}")


def load_append(a):
    insert(a, {"csv": f"read_csv('{a['src']}/*.csv', header=true, columns={COLUMNS}, filename=true)",
               "ndjson": f"read_json('{a['src']}/*.ndjson', format='newline_delimited', columns={COLUMNS}, filename=true)",
               "parquet": f"read_parquet('{a['src']}/*.parquet', filename=true)"}[a["variant"]])


def load_small_files(a):
    """The tracker is the table itself."""
    known = set()
    if a["variant"] != "first":
        known = {r[0] for r in db.execute(f"SELECT DISTINCT _source_file FROM delta_scan('{a['table']}')").fetchall()}
    new = [e.path for e in os.scandir(a["src"]) if e.path not in known]
    if new:
        insert(a, f"read_csv({new}, header=true, columns={COLUMNS}, filename=true)")
    return {"new": len(new)}


def commits(a):
    if a["variant"] == "concurrent8":
        return sys.modules["__main__"].eight(__file__, a)
    db.execute(f"ATTACH '{a['table']}' AS t (TYPE delta)")
    bad = []
    for i in range(a["n"]):
        n = i + a.get("w", 0) * 1000
        try:
            db.execute(f"INSERT INTO t VALUES ({n}, 1, NULL, 1.5, 'x', 'c', 'n', now(), NULL, 1, 'f', now(), '{n}')")
        except Exception as e:
            bad.append(f"{type(e).__name__}: {str(e)[:80]}")
    return {"commits": a["n"] - len(bad), "failures": bad}


def log_replay(a):
    if a["variant"] == "open":
        db.execute(f"DESCRIBE FROM delta_scan('{a['table']}')").fetchall()
        return 11
    return db.execute(f"SELECT count(*) FROM delta_list_files('{a['table']}')").fetchone()[0]


def scan(a):
    select, where = queries(a["variant"], a["n"])
    t = f"delta_scan('{a['table']}'" + (", version = 4)" if a["variant"] == "time_travel" else ")")
    return db.execute(f"SELECT {select} FROM {t} WHERE {where or 'true'}").fetchone()[0]


def cdf(a):
    raise NotImplementedError("the extension reads no change feeds")


def upsert(a):
    raise NotImplementedError("the extension only appends")


def append_once(a):
    db.execute(f"ATTACH '{a['table']}' AS t (TYPE delta)")
    db.execute(f"INSERT INTO t FROM read_parquet('{a['src']}/*.parquet') s ANTI JOIN delta_scan('{a['table']}') USING (id)")


def footprint(a):
    if a["variant"] == "open_tiny":
        return db.execute(f"SELECT count(*) FROM delta_list_files('{a['table']}')").fetchone()[0]
