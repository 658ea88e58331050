from support.tools import problems

BANNED_H = "#define BANNED(function) sorry_##function\n#define strcpy(...) BANNED(strcpy)\n"


def check(root, text, path="src/a.c"):
    return problems("check-banned", root, {"src/base/banned.h": BANNED_H, path: text})


def test_a_call_behind_parentheses_is_found(tmp_path):
    found, status = check(tmp_path, "int x;\n\tint y = (strcpy)(a, b);\n")
    assert found == ["src/a.c:2: strcpy is banned by src/base/banned.h"]
    assert status == 1


def test_lifting_the_ban_is_found(tmp_path):
    found, _ = check(tmp_path, "#undef strcpy\n")
    assert found == ["src/a.c:1: strcpy is banned by src/base/banned.h"]


def test_a_call_in_cpp_is_found(tmp_path):
    assert check(tmp_path, "strcpy(a, b);\n", "src/a.cpp")[1] == 1


def test_comments_strings_members_and_longer_names_are_not_calls(tmp_path):
    text = '/* strcpy(a, b) */ // strcpy(a)\nputs("strcpy(a)");\nx.strcpy(a);\nmy_strcpy(a);\n'
    assert check(tmp_path, text) == ([], 0)
