from support.tools import problems

LAYERS = """\
src/base:
src/infra/json:
src/infra/db:
src/domain/jobs: src/infra/*
src/domain/usage: src/infra/db src/domain/jobs
src/app: src/infra/* src/domain/*
<sqlite3.h>: src/infra/db
<systemd/*>: src/app/daemon
"""


def check(root, path, text, layers=LAYERS):
    return problems("check-layers", root, {"src/LAYERS": layers, path: text})


def test_own_folder_base_and_what_the_line_allows_may_be_included(tmp_path):
    text = '#include "base/err.h"\n#include "domain/usage/usage.h"\n#include "usage_sql.h"\n'
    text += '#include "infra/db/db.h"\n#include "domain/jobs/jobs.h"\n#include <stdio.h>\n'
    assert check(tmp_path, "src/domain/usage/usage.c", text) == ([], 0)


def test_a_star_allows_every_folder_below(tmp_path):
    text = '#include "infra/json/json.h"\n#include "domain/usage/usage.h"\n'
    assert check(tmp_path, "src/app/api/usage.c", text) == ([], 0)


def test_a_folder_above_may_not_be_included(tmp_path):
    found, status = check(tmp_path, "src/domain/jobs/a.c", '\n#include "domain/usage/usage.h"\n')
    assert found == [
        'src/domain/jobs/a.c:2: src/domain/jobs may not include src/domain/usage'
        ' ("domain/usage/usage.h")'
    ]
    assert status == 1


def test_base_may_include_nothing_of_ours(tmp_path):
    assert check(tmp_path, "src/base/a.c", '#include "infra/db/db.h"\n')[1] == 1


def test_a_folder_below_a_known_one_belongs_to_it(tmp_path):
    path = "src/domain/usage/rollups/a.c"
    assert check(tmp_path, path, '#include "domain/usage/usage.h"\n') == ([], 0)
    assert check(tmp_path, path, '#include "infra/json/json.h"\n')[1] == 1


def test_a_file_in_an_unknown_folder_is_refused(tmp_path):
    found, status = check(tmp_path, "src/domain/new/a.c", "")
    assert found == ["src/domain/new/a.c:1: src/domain/new is not in src/LAYERS"]
    assert status == 1


def test_an_include_of_an_unknown_folder_is_refused(tmp_path):
    found, _ = check(tmp_path, "src/app/a.c", '#include "elsewhere/a.h"\n')
    assert found == ['src/app/a.c:1: "elsewhere/a.h" is in no folder of src/LAYERS']


def test_a_path_upwards_is_refused(tmp_path):
    assert check(tmp_path, "src/base/a.c", '#include "../infra/db/db.h"\n')[1] == 1


def test_a_library_may_be_included_in_its_folder_only(tmp_path):
    assert check(tmp_path, "src/infra/db/a.c", "#include <sqlite3.h>\n") == ([], 0)
    found, status = check(tmp_path, "src/domain/jobs/a.c", "#  include <sqlite3.h>\n")
    assert found == [
        "src/domain/jobs/a.c:1: <sqlite3.h> may be included in src/infra/db only"
    ]
    assert status == 1


def test_a_library_pattern_covers_its_headers(tmp_path):
    assert check(tmp_path, "src/app/daemon/a.c", "#include <systemd/sd-daemon.h>\n") == ([], 0)
    assert check(tmp_path, "src/app/cli/b.c", "#include <systemd/sd-daemon.h>\n")[1] == 1


def test_an_include_in_a_comment_does_not_count(tmp_path):
    text = '/*\n#include "infra/db/db.h"\n*/\n// #include <sqlite3.h>\n'
    assert check(tmp_path, "src/base/a.c", text) == ([], 0)


def test_layers_may_not_allow_what_stands_below(tmp_path):
    layers = "src/base:\nsrc/a: src/b\nsrc/b:\n"
    found, status = check(tmp_path, "src/base/a.c", "", layers)
    assert found == ["src/LAYERS:2: src/a: no line above names src/b"]
    assert status == 1
