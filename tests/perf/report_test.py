"""perf/report.py keeps honest reports, refuses the others by name, and notices tables and plots of other reports.

In a repository made for it. Arguments: the sources' root, and then unittest's own."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCES = sys.argv.pop(1)
HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None


def measured(time_us: float, rival_us: float, n_bytes: int) -> dict:
    return {"time_us": time_us, "algbw_gbps": n_bytes / time_us / 1e3, "busbw_gbps": n_bytes / time_us / 1e3, "wrong": 0,
            "samples_us": [time_us], "ceiling_percent": 1.0,
            "rival": {"time_us": rival_us, "wrong": 0, "samples_us": [rival_us], "ratio": time_us / rival_us,
                      "ratio_95_low": 0.9 * time_us / rival_us, "ratio_95_high": 1.1 * time_us / rival_us}}


def report_of(commit: str) -> dict:
    rows = [{"size_bytes": size, "count": size // 4, "type": "float", "redop": "sum", "root": -1,
             "out_of_place": measured(3 + size / 1e5, 6 + size / 1e5, size), "in_place": None}
            for size in (8, 1024, 1 << 20)]
    return {"tool": "all_reduce_perf", "ranks": [{"gpu": "A GPU", "device": 0}, {"gpu": "A GPU", "device": 1}],
            "results": rows, "ceiling": {"gbps": 390.0, "source": "/somewhere/else/link.json"},
            "ranks_agree": True, "out_of_bounds": {"count": 0, "okay": True},
            "gpus": {"rival": "NCCL 2.28", "rival_path": "/usr/lib/libnccl.so.2"},
            "provenance": {"commit": commit, "dirty": False, "tool_hash": "1", "library_hash": "2", "cuda": "CUDA 13", "driver": "580",
                           "command": ["somewhere/else/all_reduce_perf", "-J", "/somewhere/else/a.json"],
                           "variables": ["CUDA_HOME=/somewhere/else", "NCCL_DEBUG=warn"]}}


def sums_of(commit: str) -> dict:
    """A report of accuracy_perf: NCCL's bits may differ, and it need not serve a type."""
    errors = {"max_ulp": 0.5, "mean_ulp": 0.17712, "bias_ulp": -0.0012345, "max_relative": 5.96e-08, "mean_relative": 1e-9,
              "rounded_percent": 99.987, "not_finite": 0}
    row = {"type": "half", "numbers": "normal", "library": "stretto", "errors": errors, "ranks_agree": True, "runs_agree": True}
    return {"tool": "accuracy_perf", "config": {"ranks": 2, "elements": 1024, "runs": 3, "seed": 1, "algorithm": None},
            "gpus": ["A GPU"], "provenance": report_of(commit)["provenance"],
            "results": [row, {**row, "library": "nccl", "runs_agree": False}, {**row, "type": "fp8_e4m3"},
                        {"type": "fp8_e4m3", "numbers": "normal", "library": "nccl", "errors": None}],
            "rival": {"name": "NCCL 2.28", "path": "/somewhere/else/libnccl.so.2"}}


class Repository(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name
        for name in ("perf/report.py", "perf/plots.py", "docs/performance.md"):
            os.makedirs(os.path.dirname(os.path.join(self.root, name)), exist_ok=True)
            shutil.copy(os.path.join(SOURCES, name), os.path.join(self.root, name))
        page = os.path.join(self.root, "docs/performance.md")
        with open(page, encoding="utf-8") as file:
            text = file.read()
        begin, end = text.index("<!-- results: begin"), text.index("<!-- results: end")
        with open(page, "w", encoding="utf-8") as file:  # as it is without any results
            file.write(text[:text.index("\n", begin)] + "\n\nNo results are kept yet.\n\n" + text[end:])
        self.git("init", "-q")
        self.commit("the first")

    def tearDown(self):
        self.folder.cleanup()

    def git(self, *words) -> str:
        name = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", "-C", self.root, *name, *words], check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def tool(self, *arguments) -> tuple:
        done = subprocess.run([sys.executable, os.path.join(self.root, "perf/report.py"), *arguments],
                              capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def file_of(self, report: dict, name: str = "sums.json") -> str:
        path = os.path.join(self.root, "..", os.path.basename(self.root) + name)
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(report, file)
        return path

    def page(self) -> str:
        with open(os.path.join(self.root, "docs/performance.md"), encoding="utf-8") as file:
            return file.read()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()


class Keeping(Repository):
    def refused(self, report: dict, word: str) -> None:
        code, text = self.tool("keep", self.file_of(report))
        self.assertEqual(code, 1, text)
        self.assertIn(word, text)
        self.assertFalse(os.path.exists(os.path.join(self.root, "perf/results/gpu")))

    def test_nothing_kept_is_in_order(self):
        self.assertEqual(self.tool("check"), (0, ""))

    def test_honest_report_is_kept_without_the_machines_folders(self):
        report = report_of(self.head())
        self.commit("a later one")
        self.assertEqual(self.tool("keep", self.file_of(report)), (0, ""))
        kept = os.listdir(os.path.join(self.root, "perf/results/gpu"))
        with open(os.path.join(self.root, "perf/results/gpu", kept[0]), encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn("somewhere", text)
        self.assertEqual(json.loads(text)["gpus"], report["gpus"])  # a system's library is where it is
        self.assertIn("NCCL_DEBUG=warn", text)
        self.assertEqual(json.loads(text)["results"], report["results"])

    def test_dishonest_reports_are_refused_by_name(self):
        for change, word in (({"dirty": True}, "changed sources"), ({"commit": "0" * 40}, "no commit before"),
                             ({"commit": None}, "of which commit"), ({"tool_hash": ""}, "say its tool_hash")):
            report = report_of(self.head())
            report["provenance"].update(change)
            self.refused(report, word)
        report = report_of(self.head())
        report["results"][1]["out_of_place"]["wrong"] = 3
        self.refused(report, "wrong values at 1024")
        self.refused({**report_of(self.head()), "ranks_agree": False}, "a run that failed")
        self.refused({**report_of(self.head()), "out_of_bounds": {"count": 1, "okay": False}}, "a run that failed")

    def test_errors_of_sums_are_kept_if_they_are_of_gpus_and_bits_agreed(self):
        report = sums_of(self.head())
        for change, word in (({"gpus": []}, "has no gpus"), ({"results": []}, "has no results"),
                             ({"provenance": {**report["provenance"], "dirty": True}}, "changed sources"),
                             ({"results": [{"library": "stretto"}]}, "lacks what its table")):
            self.refused({**report, **change}, word)
        for name in ("ranks_agree", "runs_agree"):
            self.refused({**report, "results": [{**report["results"][0], name: False}]}, "sums of half differed")
        self.assertEqual(self.tool("keep", self.file_of(report)), (0, ""))
        folder = os.path.join(self.root, "perf/results/gpu")
        with open(os.path.join(folder, os.listdir(folder)[0]), encoding="utf-8") as file:
            kept = json.load(file)
        self.assertEqual((kept["rival"]["path"], kept["results"]), ("libnccl.so.2", report["results"]))

    def test_table_of_sums_needs_no_plots(self):
        self.assertEqual(self.tool("keep", self.file_of(sums_of(self.head()))), (0, ""))
        self.assertEqual(self.tool("write"), (0, ""))
        self.assertEqual(self.tool("check"), (0, ""))
        text = self.page()
        self.assertIn("| half | normal | stretto | 0.5 | 0.177 | -0.00123 | 5.96e-08 | 99.99 | 0 | same | same |", text)
        self.assertIn("| half | normal | nccl | 0.5 | 0.177 | -0.00123 | 5.96e-08 | 99.99 | 0 | same | differ |", text)
        self.assertIn("| fp8_e4m3 | normal | nccl | not served | - | - | - | - | - | - | - |", text)
        self.assertIn("2 ranks on A GPU; beside NCCL 2.28;", text)
        self.assertNotIn("kept yet", text)

    def test_commits_beside_this_branch_are_foreign(self):
        self.git("checkout", "-q", "-b", "beside")
        other = self.commit("elsewhere")
        self.git("checkout", "-q", "-")
        self.refused(report_of(other), "no commit before")

    def test_what_is_no_report_is_refused_by_name(self):
        for report, word in (([], "no report"), ({**report_of(self.head()), "results": []}, "has no results")):
            self.refused(report, word)
        report = report_of(self.head())
        report["results"][0]["out_of_place"]["rival"]["ratio"] = None
        self.refused(report, "lacks what its table needs")
        self.refused({**report_of(self.head()), "tool": "init_perf", "rows": [{"library": "stretto"}]}, "lacks what its table")
        report = report_of(self.head())
        report["results"][1]["type"] = "half"
        self.refused(report, "several types")
        report = report_of(self.head())
        report["results"][0]["out_of_place"]["samples_us"] = [1.5] * 200_000
        self.refused(report, "500000 at most")
        code, text = self.tool("keep", "/nowhere/a.json")
        self.assertNotEqual(code, 0, text)


class Writing(Repository):
    def setUp(self):
        super().setUp()
        self.report = report_of(self.head())
        self.assertEqual(self.tool("keep", self.file_of(self.report)), (0, ""))
        self.name = os.listdir(os.path.join(self.root, "perf/results/gpu"))[0]

    def plots(self) -> dict:
        found, folder = {}, os.path.join(self.root, "docs/plots")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                found[name] = file.read()
        return found

    def test_tables_and_plots_follow_the_reports(self):
        self.assertIn("its tables are not those", self.tool("check")[1])
        self.assertEqual(self.tool("write"), (0, ""))
        self.assertEqual(self.tool("check"), (0, ""))
        text = self.page()
        self.assertIn("No errors of sums (`accuracy_perf`) are kept yet.", text)
        self.assertIn("| 1K | out of place | 3.01 | 6.01 | 0.50 | 0.45-0.55 |", text)
        self.assertIn("NCCL 2.28", text)
        for image in ("time", "busbw"):
            self.assertIn(f"_{image}.svg)", text)

    def test_the_same_report_gives_the_same_plot(self):
        self.tool("write")
        before = self.plots()
        self.tool("write")
        self.assertEqual(before, self.plots())
        self.assertEqual(len(before), 2)
        for content in before.values():
            self.assertLess(len(content), 40_000)
            self.assertIn(b"NCCL 2.28", content)

    def test_what_is_stale_is_noticed(self):
        self.tool("write")
        path = os.path.join(self.root, "perf/results/gpu", self.name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"time_us":3.01024', '"time_us":2.5'))
        code, said = self.tool("check")
        self.assertEqual(code, 1)
        self.assertIn("its tables are not those", said)
        self.assertIn("not drawn from", said)
        os.remove(path)
        self.assertIn("of no report that is kept", self.tool("check")[1])
        self.tool("write")
        self.assertEqual(self.tool("check"), (0, ""))


if __name__ == "__main__":
    if not HAS_MATPLOTLIB and any(name.startswith("Writing") for name in sys.argv[1:]):
        print("SKIPPED: needs matplotlib (python3-matplotlib)")
        sys.exit(0)
    unittest.main(verbosity=2)
