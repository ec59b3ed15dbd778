"""docs/guide: every command is run and its output compared, every program compiled and run.

In a page, ```LANGUAGE file=NAME``` is a file of the reader's; in ```console``` a line with `$ ` is a command
(continued by `> `) and what follows is what it prints, where `…` stands for anything in a line, and alone on
a line for any lines. A page is worked through from top to bottom in a folder of its own."""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs/guide").glob("*.md"))
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


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_page(page, silt_binary, tmp_path):
    env, ran = environment(silt_binary, tmp_path), 0
    for language, name, text, line in blocks(page):
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
            continue
        if language != "console":
            continue
        for command, expected in commands(text):
            p = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, text=True, timeout=120,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            printed = "".join(x.rstrip() + "\n" for x in p.stdout.splitlines())
            where = f"{page.name}, block at line {line}: $ {command}"
            assert pattern(expected).fullmatch(printed), f"{where}\nprinted\n{printed}\nand not\n" + "\n".join(expected)
            ran += 1
    assert ran or page.name == "README.md", f"{page.name} runs nothing"


def test_examples_are_found():
    assert commands("$ a \\\n> b\nout\n$ c\n") == [["a \\\nb", ["out"]], ["c", []]]
    assert pattern(["x … y", "…", "z"]).fullmatch("x 1 2 y\n\nq\nz\n")
    assert not pattern(["x"]).fullmatch("x\ny\n")
