"""A process that runs one contestant, and sleeps while others are timed.

Usage: ``python worker.py MODULE``, by `turns.Worker` only. The parent writes one JSON
object a line on standard input and reads one a line from standard output:

``{"make": NAME, "arguments": {...}}``
    Builds the contestant ``CONTESTANTS[NAME]`` of MODULE, called with the arguments:
    a function of the number of the step, or a pair of it and a clock: a function that
    tells how many seconds of the last step count (for a part of a step, which the
    contestant times itself). Answers ``{"made": true}``, or ``{"absent": WHY}`` where
    the contestant's library cannot do this workload.
``{"warm": N}``
    Runs N steps. Answers the seconds that one of them took, by the wall.
``{"time": N, "within": S}``
    Runs N steps, or fewer where S seconds are over before. Answers the seconds of each.
``{"memory": true}``
    Answers the peak resident bytes since the contestant was made, and those before
    its tables were.

Between a request and the next the process waits in ``readline``: it does nothing, and
the threads of its OpenMP runtime, which spin a few milliseconds after a parallel loop,
have fallen asleep when the next contestant begins (the parent waits for that).

What a contestant prints goes to standard error. The file runs in both environments.
"""

import importlib
import json
import os
import sys
import time

__all__ = ["Absent", "main"]


class Absent(Exception):
    """This contestant's library has no such workload"""


def read_status(field):
    """Bytes of a field of ``/proc/self/status``, 0 where there is no such file"""
    if not os.path.exists("/proc/self/status"):
        return 0
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak():
    """Starts the peak of resident memory (VmHWM) anew, where the system can"""
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


class Host:
    """Answers the parent's requests for one contestant"""

    def __init__(self, contestants):
        self.contestants = contestants
        self.step = None
        self.clock = None
        self.next_step = 0
        self.bytes_before = 0

    def make(self, name, arguments):
        """Builds the contestant; memory counts from here"""
        self.bytes_before = read_status("VmRSS")
        try:
            made = self.contestants[name](**arguments)
        except Absent as why:
            return {"absent": str(why)}
        self.step, self.clock = made if isinstance(made, tuple) else (made, None)
        reset_peak()
        return {"made": True}

    def warm(self, count):
        """Runs steps; the seconds of one, all included"""
        start = time.perf_counter()
        self.time(count)
        return {"seconds": (time.perf_counter() - start) / count}

    def time(self, count, within=float("inf")):
        """The seconds of each of `count` steps, which go on where the last ended"""
        seconds = []
        end = time.perf_counter() + within
        for number in range(self.next_step, self.next_step + count):
            start = time.perf_counter()
            self.step(number)
            elapsed = time.perf_counter() - start
            seconds.append(elapsed if self.clock is None else self.clock())
            if start + elapsed > end:
                break
        self.next_step += len(seconds)
        return {"seconds": seconds}

    def memory(self):
        """Peak resident bytes since the contestant was made, and bytes before it"""
        return {"peak": read_status("VmHWM"), "before": self.bytes_before}

    def answer(self, request):
        """The answer to one request"""
        if "make" in request:
            return self.make(request["make"], request["arguments"])
        if "warm" in request:
            return self.warm(request["warm"])
        if "time" in request:
            return self.time(request["time"], request["within"])
        if "memory" in request:
            return self.memory()
        raise ValueError("expected make, warm, time or memory, got %r" % request)


def main(module):
    """Serves the contestants of a module until standard input ends"""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a library prints must not stand between the answers.
    os.dup2(2, 1)
    host = Host(importlib.import_module(module).CONTESTANTS)
    for line in sys.stdin:
        answers.write(json.dumps(host.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    # Contestants import `Absent` from here: it must be the same class.
    sys.modules["worker"] = sys.modules["__main__"]
    main(sys.argv[1])
