"""dlt: files by its filesystem source, as Arrow tables, which is its fast way, into a Delta table of its own.

Files that are loaded are known by their time of change (`incremental`). A table that is given is moved to where it looks for its
own.
"""
import os, uuid
from datetime import datetime, timezone
PYTHON = "venv-dlt"
INSTALLED = ["venv-dlt/lib"]
OWN_TABLES = True
os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR")


def start():
    global dlt, pa, filesystem
    import dlt, pyarrow as pa
    from dlt.sources.filesystem import filesystem


def result_table(a):
    return os.path.dirname(a["table"]) + "/loads/t"


def run(a, source):
    where = dlt.destinations.filesystem(bucket_url="file://" + os.path.dirname(a["table"]))
    dlt.pipeline("bench", destination=where, dataset_name="loads", pipelines_dir=a["state"]).run(source)


def files(a, form, **options):
    import pyarrow.csv, pyarrow.json, pyarrow.parquet
    reader = {"csv": pa.csv.read_csv, "ndjson": pa.json.read_json, "parquet": pa.parquet.read_table}[form]
    now, batch = pa.scalar(datetime.now(timezone.utc), pa.timestamp("us", "UTC")), str(uuid.uuid4())

    @dlt.transformer(name="t", write_disposition="append", table_format="delta")
    def read(found):
        for item in found:
            with item.open() as f:
                t = reader(f)
            audit = {"_source_file": item["file_url"], "_load_timestamp": now, "_batch_id": batch}
            for name, value in audit.items():
                t = t.append_column(name, pa.repeat(value, t.num_rows))
            yield t
    return filesystem(bucket_url="file://" + a["src"], file_glob=f"*.{form}", **options) | read


def load_append(a):
    run(a, files(a, a["variant"]))


def load_small_files(a):
    run(a, files(a, "csv", incremental=dlt.sources.incremental("modification_date")))


def merge(a, strategy):
    import pyarrow.parquet as pq
    os.makedirs(os.path.dirname(result_table(a)))
    open(os.path.dirname(result_table(a)) + "/init", "w").close()  # its mark of a dataset that is there
    os.rename(a["table"], result_table(a))

    @dlt.resource(name="t", primary_key="id", table_format="delta", write_disposition={"disposition": "merge", "strategy": strategy})
    def t():
        yield pq.read_table(a["src"])
    run(a, t())


def upsert(a):
    merge(a, "upsert")


def append_once(a):
    merge(a, "insert-only")


def scd2(a):
    merge(a, "scd2")
