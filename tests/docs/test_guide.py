"""docs/guide and the example: every command is run and its output compared, every program compiled and run.

In a page, ```LANGUAGE file=NAME``` is a file of the reader's; in ```console``` a line with `$ ` is a command
(continued by `> `) and what follows is what it prints, where `…` stands for anything in a line, and alone on
a line for any lines. A page is worked through from top to bottom in a folder of its own."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs/guide").glob("*.md")), ROOT / "examples/nyc/README.md"]
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """(language, file name or None, text, line number) of each fenced block."""
    text = page.read_text()
    for m in FENCE.finditer(text):
        yield m[1], m[2], m[3], text.count("\n", 0, m.start()) + 1


def commands(text):
    """(command, expected output) pairs of a console block."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    out = []
    for line in lines:
        assert not re.search(r"… (ms|s|min)\b", line), f"a time is “…” with its unit, which a quick machine changes: {line}"
        if line.strip() == "…":
            out.append(r"(?:.*\n)*")
        else:
            out.append(r"[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + r"\n")
    return re.compile("".join(out))


def environment(binary, folder):
    build = binary.parent
    path = f"{build}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC",
            "PKG_CONFIG_PATH": str(build / "meson-uninstalled"), "LD_LIBRARY_PATH": str(build)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem if p.stem != "README" else p.parent.name)
def test_page(page, silt_binary, tmp_path):
    env, ran, folder = environment(silt_binary, tmp_path), 0, tmp_path
    if "examples" in page.parts:
        (tmp_path / "examples").symlink_to(ROOT / "examples")
    for language, name, text, line in blocks(page):
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
            continue
        if language != "console":
            continue
        for command, expected in commands(text):
            if command.startswith("cd "):
                folder = folder / command[3:]
                continue
            p = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True, timeout=120,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            printed = "".join(x.rstrip() + "\n" for x in p.stdout.splitlines())
            where = f"{page.name}, block at line {line}: $ {command}"
            assert pattern(expected).fullmatch(printed), f"{where}\nprinted\n{printed}\nand not\n" + "\n".join(expected)
            ran += 1
    assert ran or page == ROOT / "docs/guide/README.md", f"{page.name} runs nothing"


def test_the_schedules():
    """The commands that cron and systemd run are commands, with options that they have."""
    folder = ROOT / "examples/schedule"
    lines = [line.split(None, 6)[6] for line in (folder / "silt.cron").read_text().splitlines() if re.match(r"[*\d]", line)]
    lines += [line.split("=", 1)[1] for unit in folder.glob("*.service") for line in unit.read_text().splitlines()
              if line.startswith("ExecStart=")]
    assert len(lines) == 6
    for line in lines:
        name, *options = re.search(r"silt ([^>|&]*?)(?: \d?>.*)?$", line)[1].split()
        page = (ROOT / f"docs/cli/silt-{name}.md").read_text() + (ROOT / "docs/cli/silt.md").read_text()
        assert all(option in page for option in options), line


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="NOT TESTED: there is no systemd-analyze")
def test_systemd_takes_the_units(tmp_path):
    for unit in (ROOT / "examples/schedule").glob("*@.*"):
        text = unit.read_text().replace("/usr/local/bin/silt", "/bin/true").replace("User=loader", "User=root")
        (tmp_path / unit.name.replace("@", "@nyc")).write_text(text)
    units = sorted(map(str, tmp_path.iterdir()))
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], text=True, capture_output=True)
    said = [line for line in p.stderr.splitlines() if str(tmp_path) in line or "silt" in line]
    assert not said, said


def test_examples_are_found():
    assert commands("$ a \\\n> b\nout\n$ c\n") == [["a \\\nb", ["out"]], ["c", []]]
    assert pattern(["x … y", "…", "z"]).fullmatch("x 1 2 y\n\nq\nz\n")
    assert not pattern(["x"]).fullmatch("x\ny\n")
