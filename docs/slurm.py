"""Run aiakit on a Slurm cluster: python slurm.py [--workers N] [--gpus] [--partition P] -- run --defense aia ..."""

import argparse
import subprocess
import sys

from dask_jobqueue import SLURMCluster

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--workers", type=int, default=4, help="jobs, each with one worker")
parser.add_argument("--threads", type=int, default=1, help="cores of a job, and threads that train a release")
parser.add_argument("--memory", default="16GiB", help="of a job")
parser.add_argument("--time", default="12:00:00", help="that a job may take; more than the longest cell")
parser.add_argument("--partition", help="Slurm's partition")
parser.add_argument("--interface", help="network interface between machines, such as ib0")
parser.add_argument("--gpus", action="store_true", help="one GPU a job")
parser.add_argument("command", nargs="+", help="what follows aiakit")
given = parser.parse_args()

cluster = SLURMCluster(
    queue=given.partition,
    interface=given.interface,
    cores=1,  # threads of a worker that compute cells: one cell at a time
    job_cpu=given.threads,
    processes=1,
    memory=given.memory,
    walltime=given.time,
    job_extra_directives=["--gres=gpu:1"] if given.gpus else [],
    worker_extra_args=["--no-dashboard", *(["--resources", "GPU=1"] if given.gpus else [])],
)
cluster.scale(jobs=given.workers)
where = ["--engine", "dask", "--scheduler", cluster.scheduler_address, "--threads", str(given.threads)]
try:
    sys.exit(subprocess.run(["aiakit", *given.command, *where]).returncode)  # noqa: S603, S607
finally:
    cluster.close()
