"""What tools/sqlgen.py makes of SQL files, and what it refuses. Prints TAP."""

import os
import subprocess
import sys
import tempfile
import unittest

SQLGEN = sys.argv[1]


class SqlgenTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def run_sqlgen(self, *arguments):
        out = self.path("out.h")
        command = [sys.executable, SQLGEN, *arguments, "-o", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        header = ""
        if done.returncode == 0:
            with open(out, encoding="utf-8") as file:
                header = file.read()
        return done, header

    def queries(self, text):
        done, header = self.run_sqlgen(self.write("some-file.sql", text))
        self.assertEqual(done.returncode, 0, done.stderr)
        return header

    def refused(self, text, line, message):
        path = self.write("bad.sql", text)
        done, _ = self.run_sqlgen(path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{path}:{line}: ", done.stderr)
        self.assertIn(message, done.stderr)
        self.assertFalse(os.path.exists(self.path("out.h")))

    def test_a_query_becomes_a_constant_with_a_text_for_each_engine(self):
        header = self.queries("-- name: by_slug\nSELECT id\n  FROM c\n WHERE slug = $1;\n")
        self.assertTrue(header.startswith("/* generated from some-file.sql */\n#ifndef "))
        self.assertIn("static const struct db_query by_slug __attribute__((unused)) = {", header)
        self.assertIn('"SELECT id\\n"\n            "  FROM c\\n"\n', header)
        self.assertIn('" WHERE slug = ?1"', header)
        self.assertIn('" WHERE slug = $1"', header)
        self.assertIn("    1,\n};", header)

    def test_all_queries_of_a_file_are_listed_with_a_null_at_the_end(self):
        header = self.queries("-- name: a\nSELECT 1;\n-- name: b\nSELECT 2;\n")
        self.assertIn("some_file_queries[]", header)
        self.assertIn("    &a,\n    &b,\n    NULL,\n};", header)

    def test_a_marked_comment_is_text_for_its_engine_only(self):
        header = self.queries("-- name: a\nSELECT 1 /*pg FOR UPDATE */ /*sqlite LIMIT 1 */;")
        sqlite, postgres = header.split("[DB_POSTGRES]")
        self.assertIn("LIMIT 1", sqlite)
        self.assertNotIn("FOR UPDATE", sqlite)
        self.assertIn("FOR UPDATE", postgres)
        self.assertNotIn("LIMIT 1", postgres)

    def test_other_comments_stay_out(self):
        header = self.queries("-- name: a\n-- why; it is so\nSELECT 1 -- one\n /* two */;\n")
        for comment in ("why", "one", "two"):
            self.assertNotIn(comment, header)

    def test_a_semicolon_in_a_text_does_not_end_a_query(self):
        header = self.queries("""-- name: a\nSELECT 'it''s; -- /*', "q;", $$x;$$ FROM t;\n""")
        self.assertIn("""SELECT 'it''s; -- /*', \\"q;\\", $$x;$$ FROM t\"""", header)

    def test_a_backslash_stays_a_backslash(self):
        self.assertIn("'\\\\n'", self.queries("-- name: a\nSELECT '\\n';"))

    def test_the_highest_parameter_counts_wherever_it_stands(self):
        header = self.queries("-- name: a\nSELECT $3 || $1 WHERE x = $2 AND y = $3;")
        self.assertIn("    3,\n};", header)
        self.assertIn("SELECT ?3 || ?1 WHERE x = ?2 AND y = ?3", header)

    def test_a_parameter_in_a_text_is_not_a_parameter(self):
        self.assertIn("    0,\n};", self.queries("-- name: a\nSELECT '$1';"))

    def test_a_duplicate_name_is_refused(self):
        self.refused("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", 3, "defined twice")

    def test_a_gap_in_the_parameters_is_refused(self):
        self.refused("\n-- name: a\nSELECT $1, $3;", 2, "uses $3 but not $2")

    def test_parameters_that_differ_between_the_engines_are_refused(self):
        self.refused("-- name: a\nSELECT $1 /*pg , $2 */;", 1, "same parameters")

    def test_sql_without_a_name_is_refused(self):
        self.refused("-- name: a\nSELECT 1;\n\nSELECT 2;", 4, "without a `-- name:")

    def test_a_query_without_an_end_is_refused(self):
        self.refused("-- name: a\nSELECT 1\n-- name: b\nSELECT 2;", 1, "does not end with ;")
        self.refused("-- name: a\nSELECT 1\n", 1, "does not end with ;")

    def test_a_text_that_is_not_closed_is_refused(self):
        self.refused("-- name: a\nSELECT 'x;\n", 2, "never closed")

    def test_a_query_for_one_engine_only_is_refused(self):
        self.refused("-- name: a\n/*pg SELECT 1 */;", 2, "no text for sqlite")

    def test_a_name_that_c_could_not_use_is_refused(self):
        self.refused("-- name: by-slug\nSELECT 1;", 1, "not a name")

    def test_schema_files_become_an_array_in_order(self):
        one = self.write("0001-start.sql", "CREATE TABLE a (x TEXT);\n\n/*pg CREATE INDEX; */")
        two = self.write("0002-more.sql", "CREATE TABLE b (x TEXT DEFAULT ';');")
        done, header = self.run_sqlgen("--migrations", "things", one, two)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("static const struct db_migration things[]", header)
        self.assertLess(header.index('"0001-start"'), header.index('"0002-more"'))
        self.assertIn("enum { things_count = 2 };", header)
        self.assertEqual(header.count("CREATE INDEX;"), 1)

    def test_a_missing_schema_file_is_refused(self):
        one = self.write("0001-start.sql", "CREATE TABLE a (x TEXT);")
        three = self.write("0003-more.sql", "CREATE TABLE b (x TEXT);")
        done, _ = self.run_sqlgen("--migrations", "things", one, three)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{three}:1: expected schema file 0002", done.stderr)


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def report(self, outcome, test, trace=""):
        self.count += 1
        name = test.id().rsplit(".", 1)[-1].removeprefix("test_")
        print(f"{outcome} {self.count} - {name}")
        for line in trace.splitlines():
            print(f"# {line}")

    def addSuccess(self, test):
        self.report("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.report("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.report("not ok", test, self.errors[-1][1])


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(SqlgenTest)
    print(f"1..{suite.countTestCases()}")
    result = TapResult()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
