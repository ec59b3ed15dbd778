"""odibi: a project file and `odibi run`, with its pandas engine, Delta by delta-rs."""
import json, os
ROOT = os.environ.get("SILT_BENCH", os.path.expanduser("~/.cache/silt-bench"))
INSTALLED = ["venv-odibi/lib"]
OWN_TABLES = True


def argv(case, a):
    """It knows no files that it has read, reads no logs, and looks after no tables."""
    work, source = os.path.split(a["table"])[0], a.get("src", "/none")
    read = {"connection": "in", "format": "parquet", "path": "*.parquet"}
    write = {"connection": "out", "format": "delta", "path": "table", "mode": "append", "add_metadata": False}
    node = {"name": "n", "read": read, "write": write}
    if case == "load_append" or (case == "load_small_files" and a["variant"] == "first"):
        form = a["variant"] if case == "load_append" else "csv"
        read.update(format={"ndjson": "json"}.get(form, form), path=f"*.{form}")
        if form == "ndjson":
            read["options"] = {"lines": True}
        write["add_metadata"] = True
    elif case in ("upsert", "append_once"):
        write.update(mode=case, options={"keys": ["id"]})
    elif case == "scd2":
        write["mode"] = "overwrite"
        node["pattern"] = {"type": "dimension", "params": {
            "natural_key": "id", "surrogate_key": "sk", "scd_type": 2, "track_cols": ["name", "note", "amount"],
            "target": work + "/table", "valid_from_col": "valid_from", "valid_to_col": "valid_to", "is_current_col": "is_current"}}
    else:
        return None
    local = lambda path: {"type": "local", "base_path": path}
    project = {"project": "bench", "engine": "pandas", "connections": {"in": local(source), "out": local(work)},
               "story": {"connection": "out", "path": "stories"}, "system": {"connection": "out", "path": "_system"},
               "pipelines": [{"pipeline": "p", "nodes": [node]}]}
    path = a["state"] + "/project.yaml"
    with open(path, "w") as f:
        json.dump(project, f)
    # It often aborts in its threads once it has said that all is well: its own word counts.
    return ["/bin/sh", "-c", f"{ROOT}/venv-odibi/bin/odibi run {path} > {path}.log 2>&1; cat {path}.log; "
            f"grep -q 'completed successfully' {path}.log"]
