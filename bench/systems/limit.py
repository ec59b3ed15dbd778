"""The least work: DuckDB without Delta, without a tracker, without recovery."""
import os
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


def footprint(a):
    if a["variant"] == "open_tiny":
        return db.execute(f"SELECT count(*) FROM glob('{a['table']}/*.parquet')").fetchone()[0]
