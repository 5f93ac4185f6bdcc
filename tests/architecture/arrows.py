"""Who may include whom: the arrows between the rooms, as a table. Everything may include its own room and base."""

import re

import sources

# Room of a path: the first row whose prefix it has.
ROOMS = [
    ("include/", "include"),
    ("src/base/", "base"),
    ("src/plan/", "plan"),
    ("src/algorithms/", "algorithms"),
    ("src/planner/", "planner"),
    ("src/foreign/", "foreign"),
    ("src/tuning/", "tuning"),
    ("src/device/", "device"),
    ("src/exec/", "exec"),
    ("src/bootstrap/", "bootstrap"),
    ("src/observe/", "observe"),
    ("src/comm/", "comm"),
    ("src/api/", "api"),
    ("src/frontends/cli/", "cli"),
    ("src/frontends/nccl/environment", "nccl/environment"),
    # NCCL's interface, which programs include: it sees no more of the library than stretto.h does.
    ("src/frontends/nccl/include/", "include"),
    ("src/frontends/", "frontends"),
    ("topology/graph/", "topology/graph"),
    ("topology/files/", "topology/files"),
    ("topology/probe/", "topology/probe"),
    ("transports/registry", "registry"),
    ("transports/shm/", "transports/shm"),
    ("transports/tcp/", "transports/tcp"),
    ("transports/cuda_ipc/", "transports/cuda_ipc"),
    ("transports/verbs/", "transports/verbs"),
    ("transports/", "transports"),
    ("perf/", "perf"),
    ("examples/", "examples"),
    ("tests/", "tests"),
]
ANY = None
# What each room may include beside itself, `base` and `include`.
ARROWS = {
    "include": set(),
    "base": set(),
    "topology/graph": set(),
    "topology/files": {"topology/graph"},
    "topology/probe": {"topology/graph"},
    "plan": {"topology/graph"},
    "algorithms": {"plan", "topology/graph"},
    "planner": {"plan", "algorithms", "topology/graph"},
    # Plans of others: of files, XML is all it knows, and that is where topologies are read.
    "foreign": {"plan", "topology/files"},
    # Measures through the public interface, as programs do; communicators only read what it wrote.
    "tuning": {"plan", "planner", "algorithms", "topology/probe", "device"},
    "device": set(),
    "transports": {"device"},
    "transports/shm": {"transports", "device"},
    "transports/tcp": {"transports", "device"},
    "transports/cuda_ipc": {"transports", "device"},
    "transports/verbs": {"transports", "device"},
    "registry": {"transports", "transports/shm", "transports/tcp", "transports/cuda_ipc", "transports/verbs"},
    "exec": {"plan", "device", "transports", "algorithms"},
    "bootstrap": set(),
    "observe": set(),
    "comm": {"exec", "bootstrap", "observe", "plan", "planner", "algorithms", "device", "transports", "registry",
             "topology/graph", "topology/files", "topology/probe", "tuning"},
    "api": {"comm"},
    # What NCCL's variables mean is a table and a pure function: the drop-in applies it, the command-line tool prints it.
    "nccl/environment": set(),
    # Only the public interface: what it lacks is added there.
    "frontends": {"nccl/environment"},
    # The command-line tool prints and draws plans: it needs the pure rooms, and no communicator.
    "cli": {"plan", "planner", "algorithms", "foreign", "topology/graph", "topology/files", "topology/probe", "device",
            "nccl/environment", "tuning"},
    "perf": set(),
    "examples": set(),
    "tests": ANY,
}
# Rooms that see the public headers only: not even base.
PUBLIC_ONLY = {"perf", "examples", "include"}
# Files that two rooms share because one plugs into the other: (includer, included) pairs beyond the table.
EXCEPTIONS = {
    # Kernels are the algorithms' own, beside their plans.
    ("algorithms:.cu", "device"), ("algorithms:.cuh", "device"),
}
# Planning is pure: a function of its arguments.
PURE = {"plan", "planner", "algorithms", "foreign", "topology/graph"}
IMPURE_HEADER = re.compile(r"^(chrono|ctime|time\.h|thread|mutex|atomic|condition_variable|future|fstream|iostream|random|"
                           r"filesystem|unistd\.h|fcntl\.h|poll\.h|signal\.h|pthread\.h|sys/.*|netinet/.*|arpa/.*|"
                           r"cuda.*|nccl.*|spdlog/.*|sodium.*)$")
IMPURE_OURS = {"base/system.hpp", "base/environment.hpp", "base/log.hpp"}
# HostIdentity, a value that ranks exchange, is declared with the system that finds it out.
IMPURE_ALLOWED = {("topology/graph/topology.hpp", "base/system.hpp")}


def room_of(path: str) -> str:
    return next((room for prefix, room in ROOMS if path.startswith(prefix)), "")


def included_room(name: str) -> str:
    """Room of an include written as "room/file.hpp": below src, include, or the root."""
    if name.startswith("stretto/") or name == "nccl.h":
        return "include"
    return room_of("src/" + name) or room_of(name)


def is_allowed(path: str, room: str, target: str) -> bool:
    if target in (room, "include") or ARROWS[room] is ANY:
        return True
    if target == "base":
        return room not in PUBLIC_ONLY
    extension = path[path.rfind("."):]
    return target in ARROWS[room] or (f"{room}:{extension}", target) in EXCEPTIONS


def problems_of(path: str) -> list:
    room = room_of(path)
    found = []
    if not room:
        return [f"{path}: lies in no room that tests/architecture/arrows.py knows"]
    for number, line in sources.matches(r"(?m)^[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]+[>\"]", path, of=sources.text):
        name = re.search(r"[<\"]([^>\"]+)[>\"]", line).group(1)
        where = f"{path}:{number}"
        is_ours = '"' in line or name.startswith("stretto/")
        pure = room in PURE and not path.endswith((".cu", ".cuh"))
        impure = name in IMPURE_OURS if is_ours else IMPURE_HEADER.match(name)
        if pure and impure and (path, name) not in IMPURE_ALLOWED:
            found.append(f"{where}: planning is pure, and {name} is not")
        if not is_ours:
            continue
        if ".." in name:
            found.append(f"{where}: includes are written from the root: {name}")
            continue
        target = included_room(name)
        if not target and room != "tests":
            found.append(f"{where}: {name} belongs to no room; includes are written \"room/file.hpp\"")
        elif not is_allowed(path, room, target):
            found.append(f"{where}: {room} may not include {target} ({name})")
    return found


def check() -> list:
    return [problem for path in sources.code() for problem in problems_of(path)]
