"""What tools/sqlgen.py makes of SQL files, and what it refuses."""

import pytest

from support.tools import run_tool


def sqlgen(folder, *arguments):
    """What the tool said, and the header it made or None."""
    header = folder / "out.h"
    done = run_tool("sqlgen.py", *arguments, "-o", header)
    return done, header.read_text() if header.exists() else None


def queries(folder, text):
    file = folder / "some-file.sql"
    file.write_text(text)
    done, header = sqlgen(folder, file)
    assert (done.returncode, done.stderr) == (0, "")
    return header


def schema(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return sqlgen(folder, "--migrations", "things", *(folder / name for name in files))


def test_a_query_becomes_a_constant_with_a_text_for_each_engine(tmp_path):
    header = queries(tmp_path, "-- name: by_slug\nSELECT id\n  FROM c\n WHERE slug = $1;\n")
    assert header.startswith("/* generated from some-file.sql */\n#ifndef ")
    assert "static const struct db_query by_slug __attribute__((unused)) = {" in header
    assert '"SELECT id\\n"\n            "  FROM c\\n"\n' in header
    assert '" WHERE slug = ?1"' in header
    assert '" WHERE slug = $1"' in header
    assert "    1,\n};" in header


def test_all_queries_of_a_file_are_listed_with_a_null_at_the_end(tmp_path):
    header = queries(tmp_path, "-- name: a\nSELECT 1;\n-- name: b\nSELECT 2;\n")
    assert "*const some_file_queries[]" in header
    assert "    &a,\n    &b,\n    NULL,\n};" in header


def test_a_marked_comment_is_text_for_its_engine_only(tmp_path):
    header = queries(tmp_path, "-- name: a\nSELECT 1 /*pg FOR UPDATE */ /*sqlite LIMIT 1 */;")
    sqlite, postgres = header.split("[DB_POSTGRES]")
    assert "LIMIT 1" in sqlite and "FOR UPDATE" not in sqlite
    assert "FOR UPDATE" in postgres and "LIMIT 1" not in postgres


def test_other_comments_stay_out(tmp_path):
    header = queries(tmp_path, "-- name: a\n-- why; it is so\nSELECT 1 -- one\n /* two */;\n")
    assert not any(comment in header for comment in ("why", "one", "two"))


def test_a_semicolon_in_a_text_does_not_end_a_query(tmp_path):
    header = queries(tmp_path, """-- name: a\nSELECT 'it''s; -- /*', "q;", $$x;$$ FROM t;\n""")
    assert """SELECT 'it''s; -- /*', \\"q;\\", $$x;$$ FROM t\"""" in header


def test_a_backslash_stays_a_backslash(tmp_path):
    assert "'\\\\n'" in queries(tmp_path, "-- name: a\nSELECT '\\n';")


def test_the_highest_parameter_counts_wherever_it_stands(tmp_path):
    header = queries(tmp_path, "-- name: a\nSELECT $3 || $1 WHERE x = $2 AND y = $3;")
    assert "    3,\n};" in header
    assert "SELECT ?3 || ?1 WHERE x = ?2 AND y = ?3" in header


def test_a_parameter_in_a_text_is_not_a_parameter(tmp_path):
    assert "    0,\n};" in queries(tmp_path, "-- name: a\nSELECT '$1';")


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", 3, "a is defined twice"),
        ("\n-- name: a\nSELECT $1, $3;", 2, "a uses $3 but not $2"),
        ("-- name: a\nSELECT $0;", 1, "a uses $0"),
        ("-- name: a\nSELECT $1 /*pg , $2 */;", 1, "same parameters on both engines"),
        ("-- name: a\nSELECT 1;\n\nSELECT 2;", 4, "SQL without a `-- name:"),
        ("-- name: a\nSELECT 1;\n;", 3, "without a `-- name:"),
        ("-- name: a\nSELECT 1\n-- name: b\nSELECT 2;", 1, "a does not end with ;"),
        ("-- name: a\nSELECT 1\n", 1, "a does not end with ;"),
        ("-- name: a\nSELECT 'x;\n", 2, "' is opened here and never closed"),
        ("-- name: a\nSELECT 1 /* x;\n", 2, "/* is opened here and never closed"),
        ("-- name: a\n/*pg SELECT 1 */;", 2, "a has no text for sqlite"),
        ("-- name: by-slug\nSELECT 1;", 1, "'by-slug' is not a name"),
        ("-- nothing\n", 1, "no queries"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text, line, message):
    file = tmp_path / "bad.sql"
    file.write_text(text)
    done, header = sqlgen(tmp_path, file)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}:{line}: ")
    assert message in done.stderr
    assert header is None


def test_schema_files_become_an_array_in_order(tmp_path):
    one = "CREATE TABLE a (x BIGINT);\n\n/*pg CREATE INDEX; */"
    two = "CREATE TABLE b (x BIGINT DEFAULT ';');"
    done, header = schema(tmp_path, {"0001-start.sql": one, "0002-more.sql": two})
    assert done.returncode == 0
    assert "static const struct db_migration things[]" in header
    assert header.index('"0001-start"') < header.index('"0002-more"')
    assert "enum { things_count = 2 };" in header
    assert header.count("CREATE INDEX;") == 1


def test_text_columns_are_compared_byte_by_byte_on_both_engines(tmp_path):
    text = "CREATE TABLE a (\n    x TEXT NOT NULL DEFAULT 'TEXT'\n);"
    _, header = schema(tmp_path, {"0001-start.sql": text})
    sqlite, postgres = header.split("[DB_POSTGRES]")
    assert "x TEXT NOT NULL DEFAULT 'TEXT'" in sqlite
    assert "x TEXT COLLATE \\\"C\\\" NOT NULL DEFAULT 'TEXT'" in postgres


@pytest.mark.parametrize(
    "second, text, message",
    [
        ("0001-more.sql", "SELECT 1;", "expected a schema file after 0001"),
        ("more.sql", "SELECT 1;", "a schema file is named 0001-what-it-does.sql"),
        ("0002-more.sql", "SELECT $1;", "a schema file has no parameters"),
        ("0002-more.sql", "-- nothing", "nothing in it"),
    ],
)
def test_a_mistake_in_schema_files_is_named(tmp_path, second, text, message):
    done, header = schema(tmp_path, {"0001-start.sql": "SELECT 1;", second: text})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / second}:1: ")
    assert message in done.stderr
    assert header is None
