#!/usr/bin/env python3
"""Checks the source tree against CONTRIBUTING.md, a case a rule, in TAP.

    tests/tidy.py [--build FOLDER]     the folder whose libsilt is looked at (default: build)

A rule is a function rule_*(tree) that gives its findings, "file:line: what"; its docstring is its name.
"""
import argparse
import fnmatch
import re
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

LAYERS = ["base", "store", "engine", "log", "table", "ops", "load", "cli"]
# Third-party headers and the only files that may include them, relative to src/ (or below tests/).
ONE_PLACE = {
    "yyjson.h": ["base/json*.c"],
    "xxhash.h": ["base/hash.c"],
    "duckdb.h": ["engine/duckdb*.c", "engine/duckdb*.h"],
    "libfyaml.h": ["load/config*.c"],
    "curl/*": ["store/http.c"],
    "roaring/*": ["base/bitmap.c", "tests/support/alloc.c"],
    "openssl/*": ["base/sha256.c", "store/sign.c"],
    "sqlite3.h": ["load/database_sqlite.c"],
    "libpq-fe.h": ["load/database_postgres.c"],
}
BANNED = ("strcpy strcat sprintf vsprintf gets strtok atoi atol system popen setenv putenv rand srand"
          .split())
BANNED_IN_LIBRARY = "exit _exit abort printf vprintf puts putchar perror".split()
MAX_FUNCTION, MAX_FILE, MAX_HEADER, MAX_COLUMNS = 70, 800, 300, 100
COMMENT_OR_TEXT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


class Skip(Exception):
    """What a rule needs is not on this machine."""


class Source:
    """A file: its text, and the same text with comments and strings blanked out, line for line."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        self.text = path.read_text(errors="replace")
        self.lines = self.text.splitlines()

    @cached_property
    def code(self):
        return COMMENT_OR_TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), self.text)

    @cached_property
    def includes(self):
        """(line number, quote, header) of each #include."""
        return [(self.line_of(m.start()), m[1], m[2]) for m in INCLUDE.finditer(self.text)]

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def functions(self):
        """(name, first line, last line) of each function: K&R has the braces in the first column."""
        lines, start = self.code.splitlines(), None
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                head = start - 1
                while head > 1 and re.match(r"\s+\S", lines[head - 1]): # parameters, line by line
                    head -= 1
                name = re.search(r"(\w+)\s*\(", " ".join(lines[head - 1:start - 1]))
                yield (name[1] if name else "?"), head, number
                start = None


class Tree:
    """The C files and the texts of a checkout."""

    def __init__(self, root, build=None):
        self.root, self.build = Path(root), build and Path(build)

    def sources(self, *folders):
        return [s for s in self.all_sources if s.name.split("/")[0] in folders]

    @cached_property
    def all_sources(self):
        return [Source(self.root / n, n) for n in self.names if n.endswith((".c", ".h"))]

    @cached_property
    def names(self):
        """What git tracks or would track; without git, every file outside build folders."""
        git = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=self.root,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if git.returncode == 0:
            names = [n for n in git.stdout.split("\0") if n]
        else:
            names = [str(p.relative_to(self.root)) for p in self.root.rglob("*")]
        return sorted(n for n in names if not re.match(r"build|\.git/", n)
                      and (self.root / n).is_file())


def layer_of(name):
    """'src/log/path.c' → 'log'; None outside the layers."""
    parts = name.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 and parts[1] in LAYERS else None


def rule_layers(tree):
    """a folder includes only itself and what stands left of it"""
    for s in tree.sources("src", "include"):
        layer = layer_of(s.name)
        for line, quote, header in s.includes:
            where = f"{s.name}:{line}: includes {header}"
            if s.name.startswith("include/"):
                if quote == '"' and not header.startswith("silt/"):
                    yield f"{where}: a public header includes public headers and the system's only"
                continue
            if not layer:
                yield f"{s.name}: not in one of the layers ({', '.join(LAYERS)})"
                break
            top = header.split("/")[0]
            if ".." in header.split("/"):
                yield f"{where}: write the path from src/"
            elif top == "silt":
                pass
            elif layer == "cli":
                if (quote == '"' and top in LAYERS and top != "cli") or header == "build_config.h":
                    yield f"{where}: the command uses <silt/...> and its own headers only"
            elif top in LAYERS and "/" in header and LAYERS.index(top) > LAYERS.index(layer):
                yield f"{where}: {layer} stands left of {top}"


def rule_one_place(tree):
    """a third party's header is included in one place"""
    for s in tree.sources("src", "include", "tests"):
        for line, _, header in s.includes:
            for pattern, places in ONE_PLACE.items():
                if fnmatch.fnmatch(header, pattern) and not any(
                        fnmatch.fnmatch(s.name, p if p.startswith("tests/") else f"src/{p}") for p in places):
                    yield f"{s.name}:{line}: {header} belongs in {', '.join(places)} only"


def rule_headers_alone(tree):
    """a public header compiles alone, as C17 and as C++17"""
    cc = shutil.which("gcc") or shutil.which("clang-14") or shutil.which("cc")
    cxx = shutil.which("c++") or shutil.which("clang++-14")
    for compiler, language, std in ((cc, "c", "c17"), (cxx, "c++", "c++17")):
        if not compiler:
            yield f"no compiler for {std} (scripts/setup --test installs one)"
            continue
        for s in tree.sources("include"):
            p = subprocess.run(
                [compiler, f"-std={std}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I",
                 str(tree.root / "include"), "-fsyntax-only", "-x", language, "-"],
                input=f"#include <{s.name.removeprefix('include/')}>\n", text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if p.returncode:
                yield f"{s.name}: not alone as {std}: {first_error(p.stdout)}"


def first_error(text):
    return next((line for line in text.splitlines() if "error" in line), text.strip()[:200])


def rule_umbrella(tree):
    """silt.h includes each public header"""
    headers = {s.name.removeprefix("include/"): s for s in tree.sources("include")}
    umbrella = headers.pop("silt/silt.h", None)
    if headers and not umbrella:
        yield "include/silt/silt.h: missing"
    elif umbrella:
        has = {header for _, _, header in umbrella.includes}
        for name in sorted(set(headers) - has):
            yield f"include/silt/silt.h: does not include {name}"


def rule_banned(tree):
    """no banned call, no goto; a library neither prints nor exits"""
    everywhere = re.compile(rf"(?<![\w.>])({'|'.join(BANNED)})\s*\(|\b(goto)\b")
    library = re.compile(rf"(?<![\w.>])({'|'.join(BANNED_IN_LIBRARY)})\s*\("
                         r"|\b(?:v?fprintf|dprintf)\s*\(\s*(stderr|stdout)\b"
                         r"|\b(?:fputs|fputc|putc|fwrite)\s*\([^;]*\b(stderr|stdout)\s*\)")
    for s in tree.sources("src", "include"):
        rules = [everywhere] if layer_of(s.name) == "cli" else [everywhere, library]
        for rule in rules:
            for m in rule.finditer(s.code):
                word = next(g for g in m.groups() if g)
                yield f"{s.name}:{s.line_of(m.start())}: {word} is banned here"


def rule_function_length(tree):
    """no function is longer than 70 lines"""
    for s in tree.sources("src", "include", "tests"):
        for name, first, last in s.functions():
            if last - first + 1 > MAX_FUNCTION:
                yield f"{s.name}:{first}: {name} has {last - first + 1} lines, over {MAX_FUNCTION}"


def rule_file_length(tree):
    """no file is longer than 800 lines, no public header longer than 300"""
    for s in tree.sources("src", "include", "tests"):
        most = MAX_HEADER if s.name.startswith("include/") else MAX_FILE
        if len(s.lines) > most:
            yield f"{s.name}: {len(s.lines)} lines, over {most}"


def rule_columns(tree):
    """no line of C is longer than 100 columns, has a tab or ends in blanks"""
    for s in tree.sources("src", "include", "tests"):
        for number, line in enumerate(s.lines, 1):
            if len(line) > MAX_COLUMNS:
                yield f"{s.name}:{number}: {len(line)} columns, over {MAX_COLUMNS}"
            if "\t" in line or line != line.rstrip():
                yield f"{s.name}:{number}: a tab, or blanks at the end"


def declarations(source):
    """(offset, name) of each declaration marked SILT_API."""
    for m in re.finditer(r"^(?![ \t]*#).*\bSILT_API\b[^;{]*", source.code, re.MULTILINE):
        name = re.search(r"\b(\w+)\s*\(", m[0].split("SILT_API", 1)[1])
        if not name:
            name = re.search(r"(\w+)(?:\[[^\]]*\])?\s*$", m[0])
        yield m.start(), name[1]


def rule_documented(tree):
    """each SILT_API declaration has its own /** comment */ before it"""
    for s in tree.sources("include", "src"):
        for offset, name in declarations(s):
            before = s.text[:offset].rstrip()
            start = before.rfind("/*")
            if not before.endswith("*/") or not before.startswith("/**", start):
                yield f"{s.name}:{s.line_of(offset)}: {name} has no /** comment */ right before it"


def symbols(tree, library, *options):
    """The names that a built library defines."""
    path = tree.build / library
    if not path.exists():
        raise FileNotFoundError(f"{path} isn't built: run make")
    out = subprocess.run(["nm", *options, "--defined-only", str(path)], check=True, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return [m[1].split("@")[0] for m in re.finditer(r"^[0-9a-f]* +\w (\S+)$", out, re.MULTILINE)]


def rule_exported(tree):
    """the shared library exports what is declared SILT_API, and nothing else"""
    declared = {name for s in tree.sources("include") for _, name in declarations(s)}
    for s in tree.sources("src"):
        for offset, name in declarations(s):
            yield f"{s.name}:{s.line_of(offset)}: {name} is SILT_API, but not in include/silt/"
    exported = set(symbols(tree, "libsilt.so", "-D"))
    for name in sorted(declared - exported):
        yield f"{name} is declared, but libsilt.so does not export it"
    for name in sorted(exported - declared):
        yield f"{name} is exported by libsilt.so, but not declared SILT_API"
    for name in sorted(n for n in declared | exported if not n.startswith("silt_")):
        yield f"{name} does not begin with silt_"


def rule_prefixed(tree):
    """a name that the static library shows to the linker begins with silt_"""
    for name in symbols(tree, "libsilt.a", "-g"):
        if not re.match(r"silt_|(unsafe_)?yyjson_|roaring_|__", name): # __: the sanitizers'
            yield f"{name} is visible in libsilt.a: make it static, or call it silt_..."


def rule_listed(tree):
    """no dead file: each .c is in its folder's meson.build, each header is included"""
    included = {h.split("/")[-1] for s in tree.all_sources for _, _, h in s.includes}
    for s in tree.sources("src", "tests"):
        if s.name.endswith(".h"):
            if s.path.name not in included:
                yield f"{s.name}: nobody includes it"
        elif not any(quoted_in(folder, s) for folder in s.path.parents
                     if tree.root in (folder, *folder.parents)):
            yield f"{s.name}: in no meson.build"


def quoted_in(folder, source):
    """Whether the folder's meson.build names the source, with or without its suffix."""
    path = folder / "meson.build"
    if not path.is_file():
        return False
    text = path.read_text()
    near = source.path.relative_to(folder).as_posix()
    from_tests = source.name.removeprefix("tests/").removesuffix(".c")
    return any(f"'{n}'" in text for n in (near, from_tests))


def rule_no_machine(tree):
    """no path of one machine, and no host in what builds and tests"""
    path = re.compile(r"(?<![\w.}\])~])/(?:" + "|".join(("home", "root", "work", "Users")) + r")/\w")
    host = re.compile(r"\w+" + "://" + r"[\w.-]+\.\w{2,}|--(?:index-url|registry)\b")
    for name in tree.names:
        if name == "LICENSE" or name == "tests/tidy.py" or name == "tests/test_tidy.py":
            continue
        try:
            text = (tree.root / name).read_text()
        except (UnicodeDecodeError, OSError):
            continue
        builds = name.startswith(("scripts/", ".ci/")) or name.endswith("meson.build") or \
            name in ("Makefile", "meson_options.txt", "tests/requirements.txt")
        for number, line in enumerate(text.splitlines(), 1):
            if path.search(line):
                yield f"{name}:{number}: a path of one machine"
            if builds and host.search(line):
                yield f"{name}:{number}: a host: leave it to the package clients' configuration"


def rule_format(tree):
    """C code is laid out as .clang-format says"""
    tool = shutil.which("clang-format-14")
    if not tool:
        raise Skip("clang-format-14 is not installed (scripts/setup --dev)")
    files = [s.name for s in tree.sources("src", "include", "tests")]
    for name in files:
        p = subprocess.run([tool, "--dry-run", "-Werror", "--ferror-limit=1", name], cwd=tree.root,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if p.returncode:
            yield f"{name}:{first_number(p.stdout)}: not laid out: make format"


def first_number(text):
    found = re.search(r":(\d+):\d+: error", text)
    return found[1] if found else "1"


RULES = {name.removeprefix("rule_"): rule for name, rule in list(globals().items())
         if name.startswith("rule_")}


def main():
    root = Path(__file__).resolve().parent.parent
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--build", type=Path, default=root / "build", metavar="FOLDER")
    tree = Tree(root, ap.parse_args().build)
    print(f"1..{len(RULES)}")
    bad = 0
    for number, rule in enumerate(RULES.values(), 1):
        try:
            findings = list(rule(tree))
        except Skip as e:
            print(f"ok {number} - {rule.__doc__} # SKIP {e}")
            continue
        except (OSError, subprocess.CalledProcessError) as e:
            findings = [str(e)]
        for finding in findings:
            print(f"# {finding}")
        bad += bool(findings)
        print(f"{'not ok' if findings else 'ok'} {number} - {rule.__doc__}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
