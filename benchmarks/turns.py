"""Times contestants in turns: each does some steps, then the next, round after round.

A shared machine is faster one minute and slower the next. Where contestants take
turns within one run, they all see the same weather, and the ratio of their medians
holds although no single figure does.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np

__all__ = ["Contestant", "Worker", "take_turns"]

HERE = os.path.dirname(os.path.abspath(__file__))

# Longer than any OpenMP runtime spins by default after a parallel loop (libgomp:
# 300,000 turns of a loop, some milliseconds; LLVM's libomp: 200 ms).
SETTLE_SECONDS = 0.25


class Contestant:
    """Who takes part, and how its process is started

    Parameters
    ----------
    label : str
        Its name in the tables.
    python : str
        The interpreter of its environment.
    module : str
        The module whose ``CONTESTANTS`` it is in.
    name : str
        Its key there.
    arguments : dict
        Keyword arguments for its maker; must be JSON.
    environment : dict, optional
        Environment variables of its process, beside those of this one.
    """

    def __init__(self, label, python, module, name, arguments, environment=None):
        self.label = label
        self.python = python
        self.module = module
        self.name = name
        self.arguments = arguments
        self.environment = environment or {}


class Worker:
    """A contestant's process; see ``worker.py`` for what goes over the pipes

    Raises
    ------
    RuntimeError
        From every method, if the process has ended: with the last lines it wrote.
    """

    def __init__(self, contestant, log_path):
        self.contestant = contestant
        self.log_path = log_path
        environment = dict(os.environ, **contestant.environment)
        self.log = open(log_path, "w", encoding="utf-8")  # noqa: SIM115 (see close)
        self.process = subprocess.Popen(
            [contestant.python, os.path.join(HERE, "worker.py"), contestant.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
            universal_newlines=True,
        )

    def ask(self, **request):
        """Sends a request and waits for its answer"""
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                tail = "".join(file.readlines()[-12:])
            raise RuntimeError(
                "expected an answer from %r, but its process ended:\n%s"
                % (self.contestant.label, tail)
            )
        return json.loads(line)

    def processor_seconds(self):
        """Processor time that all threads of the process have used so far"""
        path = "/proc/%d/stat" % self.process.pid
        if not os.path.exists(path):
            return 0.0
        with open(path, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        """Lets the process end"""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already, and a request was under way
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def steps_for(seconds_per_step, seconds):
    """How many steps fill the given time: at least 1, at most 500"""
    return int(min(max(seconds / max(seconds_per_step, 1e-7), 1), 500))


def summarise(seconds, rounds):
    """Median and quartiles, and the medians of the rounds, in milliseconds"""
    quartiles = np.percentile(np.concatenate(rounds), [25, 50, 75]) * 1e3
    return {
        "median_ms": quartiles[1],
        "quartiles_ms": [quartiles[0], quartiles[2]],
        "round_medians_ms": [float(np.median(one)) * 1e3 for one in rounds],
        "steps": int(sum(map(len, rounds))),
        "seconds_a_turn": seconds,
    }


def take_turns(contestants, scratch, rounds=7, seconds=0.3, warm=20):
    """Runs contestants in turns

    Each contestant has a process of its own. All are made and warmed first (graphs
    compiled, memory touched: `warm` steps, fewer where a step takes seconds). Then in
    every round each in its turn runs as many steps as fit into `seconds`, while
    the others sleep; their order changes from round to round.

    Parameters
    ----------
    contestants : list of Contestant
        Who takes part.
    scratch : str
        A folder for the logs.
    rounds : int
        How often each has its turn.
    seconds : float
        The length of a turn.
    warm : int
        Untimed steps before the first turn.

    Returns
    -------
    dict
        Label to a summary: ``median_ms``, ``quartiles_ms``, ``round_medians_ms``,
        ``steps``, ``idle_processor_share`` (processor seconds used per second of
        other contestants' turns: must be about 0), ``peak_bytes``, ``bytes_before``;
        or to ``{"absent": why}``, with ``"failed": true`` where its process ended by
        an error before the first turn.
    """
    workers, results, counts = {}, {}, {}
    try:
        for number, contestant in enumerate(contestants):
            log_path = os.path.join(scratch, "worker-%d.log" % number)
            worker = Worker(contestant, log_path)
            workers[contestant.label] = worker
            try:
                counts[contestant.label] = prepare(worker, seconds, warm)
            except NotReady as why:
                results[contestant.label] = why.answer
                workers.pop(contestant.label).close()
        results.update(measure(workers, counts, rounds, seconds))
        for label, worker in workers.items():
            memory = worker.ask(memory=True)
            results[label]["peak_bytes"] = memory["peak"]
            results[label]["bytes_before"] = memory["before"]
    finally:
        for worker in workers.values():
            worker.close()
    return results


class NotReady(Exception):
    """A contestant that does not take part; `answer` goes into the results"""

    def __init__(self, answer):
        super().__init__(answer["absent"])
        self.answer = answer


def prepare(worker, seconds, warm):
    """Makes a contestant and runs the untimed steps; how many steps make a turn"""
    contestant = worker.contestant
    try:
        answer = worker.ask(make=contestant.name, arguments=contestant.arguments)
        if "absent" in answer:
            raise NotReady(answer)
        return warm_up(worker, seconds, warm)
    except RuntimeError as error:
        # One that fails must not cost the results of all others.
        print(error, file=sys.stderr)
        lines = str(error).strip().splitlines()
        raise NotReady({"absent": "failed: " + lines[-1], "failed": True}) from error


def warm_up(worker, seconds, warm):
    """Runs the untimed steps of `prepare`"""
    worker.ask(warm=1)
    first = worker.ask(warm=1)["seconds"]
    worker.ask(warm=min(warm, steps_for(first, 10 * seconds)))
    return steps_for(worker.ask(warm=1)["seconds"], seconds)


def measure(workers, counts, rounds, seconds):
    """The timed rounds of `take_turns`"""
    timings = {label: [] for label in workers}
    idle = {label: [0.0, 0.0] for label in workers}
    for number in range(rounds):
        labels = sorted(workers)
        first = number % len(labels)
        for label in labels[first:] + labels[:first]:
            time.sleep(SETTLE_SECONDS)
            before = {other: workers[other].processor_seconds() for other in workers}
            start = time.perf_counter()
            answer = workers[label].ask(time=counts[label], within=3 * seconds)
            timings[label].append(answer["seconds"])
            elapsed = time.perf_counter() - start
            for other in workers:
                if other != label:
                    used = workers[other].processor_seconds() - before[other]
                    idle[other][0] += used
                    idle[other][1] += elapsed
    results = {}
    for label in workers:
        results[label] = summarise(seconds, timings[label])
        used, elapsed = idle[label]
        results[label]["idle_processor_share"] = used / elapsed if elapsed else 0.0
    return results
