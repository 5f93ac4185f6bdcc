"""Starts ranks as launchers do: launch.py LAUNCHER RANKS PROGRAM ARGUMENTS... sets the variables that torchrun, Open MPI,
MPICH or Slurm would set, or RANK and WORLD_SIZE alone (env), for a job that is named by this process. Exit status: the
first that is not 0."""

import os
import random
import subprocess
import sys


def torchrun(rank: int, ranks: int, job: int) -> dict:
    return {"RANK": rank, "LOCAL_RANK": rank, "ROLE_RANK": rank, "GROUP_RANK": 0, "ROLE_NAME": "default",
            "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks, "ROLE_WORLD_SIZE": ranks, "GROUP_WORLD_SIZE": 1,
            "MASTER_ADDR": f"test-{job}", "MASTER_PORT": 29500, "TORCHELASTIC_RUN_ID": "none",
            "TORCHELASTIC_RESTART_COUNT": 0, "TORCHELASTIC_MAX_RESTARTS": 0}


def open_mpi(rank: int, ranks: int, job: int) -> dict:
    return {"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": ranks, "OMPI_COMM_WORLD_LOCAL_RANK": rank,
            "OMPI_COMM_WORLD_LOCAL_SIZE": ranks, "PMIX_RANK": rank, "PMIX_NAMESPACE": job,
            "PMIX_SERVER_URI41": f"{job}.0;tcp4://127.0.0.1:4000"}


def mpich(rank: int, ranks: int, _: int) -> dict:
    return {"PMI_RANK": rank, "PMI_SIZE": ranks, "MPI_LOCALRANKID": rank, "MPI_LOCALNRANKS": ranks}


def slurm(rank: int, ranks: int, job: int) -> dict:
    return {"SLURM_JOB_ID": job, "SLURM_JOBID": job, "SLURM_STEP_ID": 0, "SLURM_STEPID": 0, "SLURM_PROCID": rank,
            "SLURM_LOCALID": rank, "SLURM_NODEID": 0, "SLURM_NTASKS": ranks, "SLURM_NPROCS": ranks,
            "SLURM_STEP_NUM_TASKS": ranks, "SLURM_STEP_NUM_NODES": 1, "SLURM_NNODES": 1, "SLURM_JOB_NUM_NODES": 1}


def env(rank: int, ranks: int, job: int) -> dict:
    return {"RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": f"test-{job}", "MASTER_PORT": 29500}


LAUNCHERS = {function.__name__: function for function in (torchrun, open_mpi, mpich, slurm, env)}


def main(launcher: str, ranks: str, *command: str) -> int:
    job = os.getpid()
    children = []
    for rank in random.sample(range(int(ranks)), int(ranks)):
        words = LAUNCHERS[launcher](rank, int(ranks), job)
        variables = dict(os.environ, **{name: str(value) for name, value in words.items()})
        children.append(subprocess.Popen(command, env=variables))
    return next((code for code in [child.wait() for child in children] if code != 0), 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
