"""The tools with --device: what they say where there is no GPU, and what they do about GPUs that are made of host
memory and streams (host_gpus.cpp).

Arguments: the folder of the tools, that of this folder's programs, libstretto, and then unittest's own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".ci", "steps"))
import gpu  # noqa: E402  (what ./dev gpu does with reports)

TOOLS, PROGRAMS, LIBSTRETTO = sys.argv[1:4]
SMALL = ["-b", "8", "-e", "4K", "-f", "8", "-n", "2", "-w", "1"]
ALL_REDUCE = os.path.join(PROGRAMS, "host_gpus_all_reduce_perf")
ALLTOALLV = os.path.join(PROGRAMS, "host_gpus_alltoallv_perf")
HYPERCUBE = os.path.join(PROGRAMS, "host_gpus_hypercube_perf")
LIAR = os.path.join(PROGRAMS, "host_gpus_lying_perf")
NCCL = os.path.join(PROGRAMS, "libslow_nccl.so")
LIMIT_S = 60


def run(program: str, *arguments, **variables) -> subprocess.CompletedProcess:
    kept = {name: value for name, value in os.environ.items()
            if not re.match(r"OMPI_|PMI|WORLD_SIZE|NCCL|STRETTO_TEST_(LIE|NCCL)", name)}
    return subprocess.run([program, *arguments], env={**kept, **variables}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)


def reported(program: str, *arguments, **variables) -> tuple:
    """(completed run, its JSON)"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        done = run(program, *arguments, "-J", path, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(path, encoding="utf-8") as file:
            return done, json.load(file)


def rows(done: subprocess.CompletedProcess) -> list:
    return [line.split() for line in done.stdout.splitlines() if line and not line.startswith("#")]


class Absent(unittest.TestCase):
    def test_every_tool_says_so_and_fails(self):
        names = sorted(name for name in os.listdir(TOOLS)
                       if name.endswith("_perf") and name not in ("startup_perf", "link_perf", "accuracy_perf", "init_perf"))
        self.assertEqual(len(names), 11)
        for name in names:
            for ranks in ("1", "3"):
                done = run(os.path.join(TOOLS, name), *SMALL, "--device", "gpu", "--ranks", ranks, CUDA_VISIBLE_DEVICES="")
                self.assertEqual((done.returncode, rows(done)), (3, []), done.stdout)
                self.assertRegex(done.stderr, rf"^{name}: --device: .*(built without CUDA|NVIDIA driver)")
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_init_perf_says_so_and_fails(self):
        done = run(os.path.join(TOOLS, "init_perf"), CUDA_VISIBLE_DEVICES="")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertRegex(done.stderr, "^init_perf: there are no GPUs: .*(built without CUDA|NVIDIA driver)")

    def test_devices_that_are_not_there_are_named(self):
        done = run(ALL_REDUCE, *SMALL, "--device", "0,2")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no device 2", done.stderr)


    def test_link_perf_says_so_too(self):
        link_perf = os.path.join(TOOLS, "link_perf")
        if not os.path.exists(link_perf):
            self.skipTest("built without CUDA: there is no link_perf")
        done = run(link_perf, "--bytes", "1M", CUDA_VISIBLE_DEVICES="")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("NVIDIA driver", done.stderr)
        for option in (["--devices", "0"], ["--bytes", "3"], ["--sms", "0"], ["--samples", "0"], ["--nonsense"]):
            done = run(link_perf, *option, CUDA_VISIBLE_DEVICES="")
            self.assertEqual(done.returncode, 2, option)
            self.assertIn(option[0].strip("-"), done.stderr)


class Gpus(unittest.TestCase):
    def test_ranks_of_processes_threads_and_groups_take_devices_in_turn(self):
        done, report = reported(ALL_REDUCE, *SMALL, "--device", "gpu", "--ranks", "2", "-t", "2", "-g", "2", "-d", "all",
                                "-o", "all", STRETTO_TEST_GPUS="3")
        self.assertEqual([rank["device"] for rank in report["ranks"]], [0, 1, 2, 0, 1, 2, 0, 1])
        self.assertEqual(report["ranks"][2]["gpu"], "GPU of host memory")
        self.assertEqual(len(rows(done)), 4 * 6 * 12)
        self.assertTrue(all(row[8] == "0" and row[12] == "0" for row in rows(done)))
        self.assertIn("nGpus 2", done.stdout)
        self.assertRegex(done.stdout, r"Rank  2 .* device  2 \[0000:00:02\] GPU of host memory")

    def test_a_list_places_ranks_and_may_repeat_a_device(self):
        _, report = reported(ALL_REDUCE, *SMALL, "--device", "1,1,0", "-t", "4")
        self.assertEqual([rank["device"] for rank in report["ranks"]], [1, 1, 0, 1])

    def test_graphs_give_a_sample_for_each_replay(self):
        done, report = reported(ALL_REDUCE, *SMALL, "--device", "gpu", "-t", "2", "-G", "7")
        self.assertIn("graph: 7", done.stdout)
        self.assertEqual(report["gpus"]["operations_per_graph"], 2)
        for row in report["results"]:
            samples = row["out_of_place"]["samples_us"]
            self.assertEqual(len(samples), 7)
            self.assertEqual(row["out_of_place"]["time_us"], sorted(samples)[3])

    def test_other_ways_of_timing(self):
        for options in (["-I", "1"], ["-C", "1"], ["-z", "1"], ["-m", "3"], ["-c", "0"], ["-u", "1"],
                        ["-a", "0"], ["-a", "1"], ["-a", "2"]):
            done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "-t", "2", "-g", "2", *options)
            self.assertEqual((done.returncode, len(rows(done))), (0, 4), str(options) + done.stdout + done.stderr)

    def test_calls_of_several_kinds(self):
        for program, ranks in ((ALLTOALLV, ["-t", "3"]), (ALLTOALLV, ["-g", "3"]), (HYPERCUBE, ["-t", "4"])):
            done = run(program, *SMALL, "--device", "gpu", *ranks)
            self.assertEqual(done.returncode, 0, program + done.stdout + done.stderr)

    def test_rounds_do_not_fit_in_a_group(self):
        done = run(HYPERCUBE, *SMALL, "--device", "gpu", "-g", "2")
        self.assertEqual(done.returncode, 2)
        self.assertIn("-g", done.stderr)

    def test_wrong_results_in_device_memory_are_found(self):
        for lie in ("changes_a_bit", "forgets_the_end", "writes_behind", "writes_before", "changes_the_input"):
            done = run(LIAR, *SMALL, "--device", "gpu", "-t", "2", "-d", "int32", STRETTO_TEST_LIE=lie)
            self.assertEqual(done.returncode, 1, lie + done.stdout + done.stderr)
        done = run(LIAR, *SMALL, "--device", "gpu", "-t", "2", STRETTO_TEST_LIE="nothing")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_bandwidth_is_held_to_the_ceiling(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"tool": "link_perf", "ceilings": {"both_ways_gbps": 400.0}}, file)
            file.flush()
            for ceiling in ("400", file.name):
                done, report = reported(ALL_REDUCE, *SMALL, "--device", "gpu", "-t", "2", "--ceiling", ceiling)
                self.assertEqual(report["ceiling"]["gbps"], 400.0)
                measured = report["results"][-1]["out_of_place"]
                self.assertAlmostEqual(measured["ceiling_percent"], measured["busbw_gbps"] / 4)
                self.assertTrue(all(len(row) == 5 + 2 * 5 for row in rows(done)))
                self.assertIn("# The link: 400.0 GB/s", done.stdout)
        for ceiling in ("-1", "0", "much", "/nowhere/link.json", __file__):
            done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--ceiling", ceiling)
            self.assertEqual(done.returncode, 2, ceiling)
            self.assertIn("--ceiling", done.stderr)

    def test_reports_say_where_they_come_from(self):
        _, report = reported(ALL_REDUCE, *SMALL, "--device", "gpu", NCCL_DEBUG="VERSION")
        origin = report["provenance"]
        self.assertRegex(origin["commit"], r"^([0-9a-f]{40}|unknown)$")
        self.assertIsInstance(origin["dirty"], bool)
        self.assertRegex(origin["tool_hash"] + origin["library_hash"], r"^[0-9a-f]{32}$")
        self.assertEqual(origin["command"][:3], [ALL_REDUCE, "-b", "8"])
        self.assertIn("NCCL_DEBUG=VERSION", origin["variables"])
        self.assertEqual(origin["cuda"], "no CUDA")


class Compare(unittest.TestCase):
    def compared(self, *arguments, **variables) -> tuple:
        return reported(ALL_REDUCE, "-b", "8", "-e", "64", "-f", "8", "-n", "2", "-w", "1", "--device", "gpu", "--compare", f"nccl={NCCL}", *arguments,
                        **variables)

    def test_turns_give_both_times_and_their_ratio(self):
        done, report = self.compared("-t", "2", "--pairs", "4", "-o", "mulsum", STRETTO_TEST_NCCL_MS="20")
        self.assertIn(f"In turns with NCCL 2.28.9, {NCCL}; 4 turns each", done.stdout)
        self.assertEqual(report["gpus"]["rival_path"], NCCL)
        for row, cells in zip(report["results"], rows(done)):
            rival = row["out_of_place"]["rival"]
            self.assertEqual((len(rival["samples_us"]), len(row["out_of_place"]["samples_us"])), (4, 4))
            self.assertEqual(rival["wrong"], 0)
            # Its operations sleep for 20 ms each.
            self.assertGreater(rival["time_us"], 20_000)
            self.assertLess(rival["ratio"], 1)
            self.assertLess(rival["ratio_95_low"], rival["ratio"])
            self.assertLess(rival["ratio"], rival["ratio_95_high"])
            self.assertEqual(len(cells), 5 + 2 * 8)
            self.assertEqual(cells[10], f"{rival['ratio']:.3f}")

    def test_dev_gpu_finds_the_ratios_in_a_report(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "-t", "2", "--compare", f"nccl={NCCL}", "--pairs", "2", "-J", path)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            ratios = gpu.ratios_of(path)
        self.assertEqual(sorted({size for _, size, _ in ratios}), [8, 64, 512, 4096])
        self.assertEqual(len(ratios), 8, "in place and not")

    def test_graphs_are_shared_out_over_the_turns(self):
        _, report = self.compared("-g", "2", "-G", "12", "--pairs", "3")
        self.assertEqual(len(report["results"][0]["in_place"]["rival"]["samples_us"]), 12)

    def test_wrong_values_of_the_other_are_counted_and_not_held_against_us(self):
        _, report = self.compared("-t", "2", STRETTO_TEST_LIE="1")
        self.assertEqual(report["results"][0]["out_of_place"]["rival"]["wrong"], 2)
        self.assertTrue(report["out_of_bounds"]["okay"])

    def test_calls_that_it_lacks_are_made_of_others(self):
        done = run(ALLTOALLV, *SMALL, "--device", "gpu", "-t", "3", "--compare", f"nccl={NCCL}", "--pairs", "2")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_our_own_library_is_refused(self):
        done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--compare", f"nccl={LIBSTRETTO}")
        self.assertEqual((done.returncode, rows(done)), (3, []))
        self.assertIn("stretto's own drop-in", done.stderr)

    def test_the_drop_in_is_measured_only_where_it_is_asked_for(self):
        done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--compare", f"drop-in={NCCL}")
        self.assertEqual((done.returncode, rows(done)), (3, []))
        self.assertIn(f"{NCCL} is not stretto's drop-in", done.stderr)
        for compare in ("drop-in", "drop-in=", "dropin=x"):
            done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--compare", compare)
            self.assertEqual((done.returncode, rows(done)), (2, []), compare)
            self.assertIn("drop-in=FILE", done.stderr)

    def test_a_library_that_is_not_there_is_named(self):
        done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--compare", "nccl=/nowhere/libnccl.so.2")
        self.assertEqual((done.returncode, rows(done)), (3, []))
        self.assertIn("/nowhere/libnccl.so.2", done.stderr)

    def test_its_errors_are_told(self):
        done = run(ALL_REDUCE, *SMALL, "--device", "gpu", "--compare", f"nccl={NCCL}", STRETTO_TEST_NCCL_FAILS="1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("NCCL: some error: and more of it", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
