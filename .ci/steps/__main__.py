"""./dev: builds, measures, tests and checks this repository. Python's standard library only."""

import argparse
import os
import sys

import build
import gpu
import jobs
import lint
import packages
import packed
import suite


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="Builds, measures, tests and checks stretto.")
    commands = parser.add_subparsers(dest="command", required=True)
    perf_tool = commands.add_parser("perf", allow_abbrev=False,
                                    help="build, then run a perf tool over four local ranks, values checked; further "
                                         "arguments are its own (--ranks 4 and sizes up to 8 MiB unless given)")
    perf_tool.add_argument("--tool", default="all_reduce", choices=perf_tools(), help="default: all_reduce")
    test = commands.add_parser("test", help="build and run the tests")
    test.add_argument("-k", metavar="NAME", help="only the tests whose name matches this regular expression")
    test.add_argument("--all", action="store_true", help="everything that CI runs")
    test.add_argument("--jobs", metavar="A,B", help="with --all: only these jobs")
    check = commands.add_parser("lint", help="format, clang-tidy on changed files, the structural tests")
    check.add_argument("--fix", action="store_true", help="apply clang-format")
    check.add_argument("--base", help="changed since this commit (default: where this branch left main, or HEAD~)")
    on_gpus = commands.add_parser("gpu", help="on a machine with GPUs: build, test, measure beside NCCL, and hold it "
                                              "against perf/bars.json; at most 9 minutes")
    on_gpus.add_argument("--out", required=True, metavar="DIR", help="where reports and logs go")
    on_gpus.add_argument("--quick", action="store_true", help="fewer turns of each library")
    on_gpus.add_argument("--build", metavar="NAME", help="take build/NAME, made elsewhere, instead of building")
    packing = commands.add_parser("pack", help="put a build with tests into a file, for another machine's ./dev gpu")
    packing.add_argument("file", metavar="FILE")
    packing.add_argument("--build", metavar="NAME", default="gpu", help="build/NAME (default: gpu)")
    unpacking = commands.add_parser("unpack", help="make a build of what ./dev pack wrote on another machine")
    unpacking.add_argument("file", metavar="FILE")
    unpacking.add_argument("--build", metavar="NAME", default="packed", help="as build/NAME (default: packed)")
    commands.add_parser("doctor", help="what is missing, and what would be installed")
    return parser


def perf_tools() -> list:
    return sorted(name.removesuffix("_perf.cpp") for name in os.listdir(os.path.join(build.ROOT, "perf"))
                  if name.endswith("_perf.cpp") and name != "startup_perf.cpp")


def perf(name: str, arguments: list) -> int:
    packages.ensure("build")
    build.cmake("release", "-DBUILD_TESTING=OFF", targets=[f"{name}_perf"], directory="perf")
    program = build.find_program("perf", f"{name}_perf")
    arguments = [word for word in arguments if word != "--"]
    if not any(word.startswith(("--ranks", "-t")) for word in arguments):
        arguments = ["--ranks", "4"] + arguments
    if len(arguments) == 2:
        arguments += ["-b", "8", "-e", "8M", "-f", "4", "-c", "1"]
    print(f"dev: {' '.join([os.path.relpath(program, build.ROOT)] + arguments)}", flush=True)
    os.execv(program, [program] + arguments)


def main() -> int:
    parser = command_line()
    options, others = parser.parse_known_args()
    if others and options.command != "perf":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    os.chdir(build.ROOT)
    if options.command == "perf":
        return perf(options.tool, others)
    if options.command == "test":
        packages.ensure("all" if options.all else "test")
        return suite.run(options)
    if options.command == "gpu":
        return gpu.run(options)
    if options.command == "pack":
        return packed.pack(options.file, options.build)
    if options.command == "unpack":
        return packed.unpack(options.file, options.build)
    if options.command == "lint":
        packages.ensure("lint")
        return lint.run(options.base, options.fix)
    return packages.doctor()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (jobs.StepFailed, packages.Missing) as failure:
        print(f"dev: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
