import pytest

from support.tools import problems


def check(root, path, text):
    return problems("check-lengths", root, {path: text})


def c_function(lines):
    """A function of so many lines, its type's line and braces counted."""
    body = "    x++;\n" * (lines - 3)
    return f"/*\n * Why.\n */\nint work(int x)\n{{\n{body}}}\n"


def test_a_function_of_70_lines_passes_and_of_71_does_not(tmp_path):
    assert check(tmp_path, "a.c", c_function(70)) == ([], 0)
    found, status = check(tmp_path, "a.c", "int y;\n\n" + c_function(71))
    assert found == ["a.c:6: work has 71 lines, more than 70"]
    assert status == 1


def test_a_signature_of_two_lines_counts_whole(tmp_path):
    text = c_function(70).replace("work(int x)", "work(int x,\n         int y)")
    assert check(tmp_path, "a.c", text)[0] == ["a.c:4: work has 71 lines, more than 70"]


def test_a_long_table_is_no_function(tmp_path):
    text = "static const int table[] = {\n" + "    1,\n" * 100 + "};\n"
    assert check(tmp_path, "a.c", text) == ([], 0)


def test_a_long_python_function_is_found(tmp_path):
    found, _ = check(tmp_path, "a.py", "def work():\n" + "    print()\n" * 70)
    assert found == ["a.py:1: work has 71 lines, more than 70"]


@pytest.mark.parametrize("path, most", [("a.h", 250), ("a.c", 800), ("a.py", 800), ("a.sh", 800)])
def test_a_file_over_its_limit_is_found(tmp_path, path, most):
    line = "# x\n" if path.endswith(("py", "sh")) else "int x;\n"
    assert check(tmp_path, path, line * most) == ([], 0)
    found, _ = check(tmp_path, path, line * (most + 1))
    assert found == [f"{path}:{most + 1}: {most + 1} lines in the file, more than {most}"]


@pytest.mark.parametrize("path", ["a.c", "a.h", "a.sql", "a.py", "a.sh", "a.yaml", "meson.build"])
def test_the_101st_column_is_found(tmp_path, path):
    comment = "// " if path[-2:] in (".c", ".h") else "#  "
    assert check(tmp_path, path, comment + "x" * 97 + "\n") == ([], 0)
    found, _ = check(tmp_path, path, "\n" + comment + "x" * 98 + "\n")
    assert found == [f"{path}:2: 101 columns, more than 100"]


def test_columns_are_characters_not_bytes(tmp_path):
    assert check(tmp_path, "a.c", "// " + "é" * 97 + "\n") == ([], 0)


def test_a_script_without_a_suffix_is_read_by_its_first_line(tmp_path):
    assert check(tmp_path, "tool", "#!/bin/sh\n# " + "x" * 99 + "\n")[1] == 1
    assert check(tmp_path, "tool", "x" * 101 + "\n")[1] == 0


def test_what_others_made_and_the_build_made_is_left_alone(tmp_path):
    for folder in ("build/dbg", "web/vendor", ".git"):
        assert check(tmp_path, f"{folder}/a.c", "x" * 101 + "\n") == ([], 0)
