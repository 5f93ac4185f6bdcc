"""JAX on two devices of one process: the collectives of lax, in programs that XLA compiles and runs several times.

jax_program.py --out DIR [--on-cpu]    on the CPU: to see that the program itself is right
"""

import argparse
import os

import numpy
from results import Results

N_RANKS = 2


def main(folder: str) -> None:
    import jax
    from jax import lax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    mesh = Mesh(numpy.array(jax.devices()[:N_RANKS]), ("i",))
    ranks = PartitionSpec("i")
    ring = [(rank, (rank + 1) % N_RANKS) for rank in range(N_RANKS)]
    collectives = {
        "psum": lambda x: lax.psum(x, "i"),
        "pmax": lambda x: lax.pmax(x, "i"),
        "pmean": lambda x: lax.pmean(x, "i"),
        "all_gather": lambda x: lax.all_gather(x, "i", tiled=True),
        "ppermute": lambda x: lax.ppermute(x, "i", ring),
        "psum_scatter": lambda x: lax.psum_scatter(x, "i", tiled=True),
        "all_to_all": lambda x: lax.all_to_all(x, "i", 0, 0, tiled=True),
    }
    results = Results(folder, "jax", 0)
    for name, collective in collectives.items():
        # As several programs of one process: each connects anew, or uses what is there.
        run = jax.jit(jax.shard_map(collective, mesh=mesh, in_specs=ranks, out_specs=ranks, check_vma=False))
        for count in (2, 4096, 1 << 18):
            for turn in range(3):
                data = numpy.random.default_rng(count + turn).standard_normal((N_RANKS * count, 3), dtype=numpy.float32)
                placed = jax.device_put(data, NamedSharding(mesh, ranks))
                results.add(f"{name} {count} {turn}", jax.device_get(run(placed)))
    results.write()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--on-cpu", action="store_true")
    arguments = parser.parse_args()
    if arguments.on_cpu:
        os.environ.update(JAX_PLATFORMS="cpu", XLA_FLAGS=f"--xla_force_host_platform_device_count={N_RANKS}")
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    main(arguments.out)
