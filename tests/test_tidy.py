"""Each rule of tidy.py finds what it is there for: a check that can't fail is none."""
import shutil
import subprocess
from pathlib import Path

import pytest

import tidy

GOOD = {
    "include/silt/error.h": """\
#ifndef SILT_ERROR_H
#define SILT_ERROR_H
#define SILT_API __attribute__((visibility("default")))
/** The version. */
SILT_API const char *silt_version(void);
#endif
""",
    "include/silt/silt.h": '#include "silt/error.h"\n',
    "src/base/a.h": "int silt_a(void);\n",
    "src/base/a.c": """\
#include "base/a.h"
#include "silt/error.h"
/* goto and printf("x") in a comment, and exit(1) */
const char *silt_version(void)
{
    return "strcpy(a, b); fprintf(stderr,";
}
int silt_a(void)
{
    return 1;
}
""",
    "src/base/meson.build": "silt_sources += files('a.c')\n",
}


def bad_function(lines):
    return "int silt_long(int a,\n              int b)\n{\n" + "    a++;\n" * (lines - 4) + "}\n"


BAD = [ # rule, file, text, what the finding says
    ("layers", "src/base/b.c", '#include "log/path.h"\n', "base stands left of log"),
    ("layers", "src/base/b.c", '#include "../log/path.h"\n', "write the path from src/"),
    ("layers", "src/cli/b.c", '#include "log/path.h"\n', "the command uses <silt/...>"),
    ("layers", "src/cli/b.c", '#include "build_config.h"\n', "the command uses <silt/...>"),
    ("layers", "src/other/b.c", "#include <stdio.h>\n", "not in one of the layers"),
    ("layers", "include/silt/b.h", '#include "base/a.h"\n', "a public header includes public"),
    ("one_place", "src/log/b.c", "#include <yyjson.h>\n", "belongs in base/json*.c only"),
    ("one_place", "tests/log/b.c", "#include <curl/curl.h>\n", "belongs in store/http.c only"),
    ("headers_alone", "include/silt/b.h", "size_t silt_b(void);\n", "not alone as c17"),
    ("headers_alone", "include/silt/b.h", "int silt_b(int class);\n", "not alone as c++17"),
    ("umbrella", "include/silt/b.h", "int silt_b(void);\n", "does not include silt/b.h"),
    ("banned", "src/log/b.c", "void f(void)\n{\n    strcpy(a, b);\n}\n", "b.c:3: strcpy"),
    ("banned", "src/cli/b.c", "void f(void)\n{\n    goto x;\n}\n", "b.c:3: goto"),
    ("banned", "src/log/b.c", "void f(void)\n{\n    exit(1);\n}\n", "exit is banned"),
    ("banned", "src/log/b.c", "void f(void)\n{\n    fprintf( stderr, x);\n}\n", "stderr is banned"),
    ("banned", "src/log/b.c", 'void f(void)\n{\n    fputs("a", stdout);\n}\n', "stdout is banned"),
    ("function_length", "src/log/b.c", bad_function(71), "b.c:1: silt_long has 71 lines"),
    ("file_length", "src/log/b.c", "\n" * 801, "801 lines, over 800"),
    ("file_length", "include/silt/b.h", "\n" * 301, "301 lines, over 300"),
    ("columns", "src/log/b.c", "/* " + "é" * 98 + "\n*/\n", "b.c:1: 101 columns"),
    ("columns", "src/log/b.c", "int a; \n", "blanks at the end"),
    ("documented", "include/silt/b.h", "/* No. */\nSILT_API int silt_b(void);\n", "silt_b has no"),
    ("documented", "include/silt/b.h",
     "/** A. */\nSILT_API int silt_b(void);\nSILT_API int silt_c(int (*f)(void));\n", "silt_c has"),
    ("listed", "src/base/b.c", "int x;\n", "src/base/b.c: in no meson.build"),
    ("listed", "src/base/b.h", "int x;\n", "src/base/b.h: nobody includes it"),
    ("no_machine", "docs/b.md", "see /" + "home/me/silt\n", "b.md:1: a path of one machine"),
    ("no_machine", "scripts/b", "fetch https:" + "//example.org/x\n", "b:1: a host"),
]
FINE = [ # rule, file, text: looks like a finding and is none
    ("layers", "src/log/b.c", '#include "base/a.h"\n#include "log/path.h"\n#include <stdio.h>\n'),
    ("layers", "src/cli/b.c", '#include <silt/error.h>\n#include "cli/option.h"\n'),
    ("one_place", "src/base/json_write.c", "#include <yyjson.h>\n"),
    ("banned", "src/cli/b.c", 'void f(void)\n{\n    printf("a");\n}\n'),
    ("banned", "src/log/b.c", "void f(void)\n{\n    x->exit(1);\n    snprintf(a, 1, b);\n}\n"),
    ("banned", "src/log/b.c", "int f(int) __attribute__((format(printf, 1, 2)));\n"),
    ("function_length", "src/log/b.c", bad_function(70)),
    ("columns", "src/log/b.c", "/* " + "é" * 97 + "\n*/\n"),
    ("documented", "include/silt/b.h",
     "/** A,\n * b. */\nSILT_API __attribute__((pure)) int\nsilt_b(void);\n"),
    ("no_machine", "docs/b.md", "s3://bucket/work/a, ${HOME}/work/x, https:" "//delta.io\n"),
]


APART = {"exported", "prefixed", "format"} # these have tests of their own below


def tree_of(folder, files, build=None):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tidy.Tree(folder, build)


@pytest.mark.parametrize("rule", [r for r in tidy.RULES if r not in APART])
def test_good_tree_has_no_finding(tmp_path, rule):
    assert list(tidy.RULES[rule](tree_of(tmp_path, GOOD))) == []


@pytest.mark.parametrize("rule,name,text,says", BAD)
def test_finds(tmp_path, rule, name, text, says):
    findings = list(tidy.RULES[rule](tree_of(tmp_path, {**GOOD, name: text})))
    assert [f for f in findings if says in f], findings


@pytest.mark.parametrize("rule,name,text", FINE)
def test_does_not_find(tmp_path, rule, name, text):
    assert list(tidy.RULES[rule](tree_of(tmp_path, {**GOOD, name: text}))) == []


def test_every_rule_is_seen_to_fail():
    assert {b[0] for b in BAD} | APART == set(tidy.RULES)


def test_symbols(tmp_path):
    cc = shutil.which("gcc") or shutil.which("clang-14")
    tree = tree_of(tmp_path, {**GOOD, "x.c": "int silt_extra;\nint bare(void)\n{\n    return 1;\n}\n"},
                   tmp_path)
    subprocess.run([cc, "-shared", "-fPIC", "-o", "libsilt.so", "x.c"], cwd=tmp_path, check=True)
    subprocess.run([cc, "-c", "-o", "libsilt.a", "x.c"], cwd=tmp_path, check=True)
    said = "\n".join(tidy.RULES["exported"](tree))
    assert "silt_version is declared, but libsilt.so does not export it" in said
    assert "silt_extra is exported by libsilt.so, but not declared" in said
    assert "bare does not begin with silt_" in said
    assert [f for f in tidy.RULES["prefixed"](tree)] == [
        "bare is visible in libsilt.a: make it static, or call it silt_..."]


def test_format(tmp_path):
    if not shutil.which("clang-format-14"):
        pytest.skip("clang-format-14 is not installed")
    tree = tree_of(tmp_path, {**GOOD, "src/log/b.c": "int a;\nint f( void ) {\n return 1; }\n"})
    shutil.copy(Path(__file__).parent.parent / ".clang-format", tmp_path)
    assert list(tidy.RULES["format"](tree)) == ["src/log/b.c:2: not laid out: make format"]


def test_declarations(tmp_path):
    source = tmp_path / "a.h"
    source.write_text("#define SILT_API x\nSILT_API SILT_CHECKED int silt_a(int (*f)(void),\n"
                      "                                   int b);\nSILT_API extern const int silt_b[3];\n")
    assert [n for _, n in tidy.declarations(tidy.Source(source, "a.h"))] == ["silt_a", "silt_b"]
