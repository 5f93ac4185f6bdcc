"""The checker of tests/claims.tsv can say no."""

import os
import tempfile
import unittest

import claims

HEAD = "\t".join(claims.COLUMNS) + "\n"


class Claims(unittest.TestCase):
    def problems(self, *lines: str) -> list:
        with tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False) as file:
            file.write(HEAD + "".join(line + "\n" for line in lines))
        try:
            return claims.read_claims(file.name)[1]
        finally:
            os.unlink(file.name)

    def test_well_formed_rows_pass(self):
        self.assertEqual(self.problems("2\tIt works\tA.B_C; $ ./dev test\tmet\t3 s\t2 cores", "2\tMore\t-\topen\t-\t-"), [])

    def test_bad_rows_are_named(self):
        for line, words in (("2\tIt works\tmet", "6 cells"), ("2\tIt works\tA.B\tdone\t-\t-", "status done"),
                            ("2\tIt works\t-\tmet\t-\t-", "nothing shows it"),
                            ("2\tIt works\tA.B\tpartial\t-\t-", "how far"),
                            ("2\tIt works\tA.B\tmet\t3 s\t-", "machine"),
                            ("2\tIt works\t$ ./no/such x\tmet\t-\t-", "there is no ./no/such")):
            found = self.problems(line)
            self.assertEqual(len(found), 1, found)
            self.assertIn(words, found[0])
        self.assertIn("stands twice", self.problems("2\tA\t-\topen\t-\t-", "2\tA\t-\topen\t-\t-")[0])

    def test_named_tests_must_have_run_and_passed(self):
        row = {"shown_by": "Plan.*; Ring.A_B", "status": "met", "line": 2}
        self.assertEqual(claims.problems_of_runs([row], {"Plan.A_B": True, "Ring.A_B": True}), [])
        self.assertIn("no test of", claims.problems_of_runs([row], {"Ring.A_B": True})[0])
        self.assertIn("failed", claims.problems_of_runs([row], {"Plan.A_B": False, "Ring.A_B": True})[0])

    def test_what_is_met_has_not_only_been_skipped(self):
        row = {"shown_by": "Gpu.*", "status": "met", "line": 2}
        self.assertIn("skipped", claims.problems_of_runs([row], {"Gpu.A/cuda": None})[0])
        self.assertEqual(claims.problems_of_runs([row], {"Gpu.A/cuda": None, "Gpu.A/host": True}), [])
        row["status"] = "partial"  # its figure says how far
        self.assertEqual(claims.problems_of_runs([row], {"Gpu.A/cuda": None}), [])

    def test_skipped_runs_are_told_apart(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/a.xml", "w", encoding="utf-8") as file:
                file.write('<testsuite><testcase name="A" status="run"/><testcase name="B" status="notrun"><skipped/>'
                           '</testcase><testcase name="C" status="fail"/><testcase name="A" status="notrun"><skipped/>'
                           '</testcase></testsuite>')
            self.assertEqual(claims.outcomes(folder), {"A": True, "B": None, "C": False})

    def test_table_follows_the_claims(self):
        row = {"promise": "It works", "status": "met", "figure": "3 s", "machine": "2 cores", "shown_by": "$ ./dev test"}
        text = f"before\n{claims.BEGIN}\nold\n{claims.END}\nafter\n"
        table = claims.readme_with([row], text)
        self.assertIn("| It works | met | 3 s (2 cores) | `./dev test` |", table)
        self.assertTrue(table.startswith("before\n") and table.endswith("after\n") and "old" not in table)


if __name__ == "__main__":
    unittest.main(verbosity=2)
