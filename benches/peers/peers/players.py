"""The contenders as the bench sees them: something that takes a turn."""

import sys
import time

from . import paths, roofline
from .cases import LABELS, PRECISIONS, TOLERATED
from .networks import NETWORKS
from .process import Child, Failed

PROFILED = 6  # passes of a profile, the first of which does not count
LONG = 1000.0  # milliseconds; a run this long needs no warm caches


class Player:
    """One contender of one case."""

    # The most of one core that it has used while others had their turns; None if it never waited.
    idle_share = None

    def __init__(self, name, case, files, threads):
        self.name, self.case, self.files, self.threads = name, case, files, threads
        self.label = LABELS.get(name, name)
        self.note = ""
        self.peak = 0
        # How many times the tolerances of the case its output may differ by; None if by anything.
        self.tolerated = TOLERATED.get(name, 1)
        self.log = files.log(f"{case.name}-{name}")

    def stop(self):
        """Frees its memory until the next turn."""

    def prepare(self):
        command = [sys.executable, "-m", "peers.prepare", self.name, self.case.name]
        command += ["--work", self.files.folder.parent]
        try:
            for _ in Child(command, self.threads, self.log, paths.BENCH).lines():
                pass
        except Failed as error:
            raise Failed(f"while its files were made: {error}") from error


class Peer(Player):
    """A worker that stays alive between its turns, as long as the bench lets it."""

    child = None
    rested_at = rested_cpu = None

    def start(self):
        command = [sys.executable, "-m", "peers.worker", self.name, self.case.name]
        command += ["--work", self.files.folder.parent, "--threads", self.threads]
        self.child = Child(command, self.threads, self.log, paths.BENCH)
        self.note = self.child.receive()["note"]

    def turn(self, runs, expected=None, save=None):
        """The answer to `runs` runs after one that is dropped, or as the first ones of all.

        A short run is preceded by one that is dropped: the turns of others have emptied the caches.
        So is the first run of a process, unless its output is wanted.
        """
        fresh = self.child is None
        if fresh:
            self.start()
        else:
            self.look_at_rest()
        drop = 0 if save else int(fresh or expected is None or expected < LONG)
        self.child.send({"runs": runs + drop, "save": save and str(save)})
        answer = self.child.receive()
        answer["milliseconds"] = answer["milliseconds"][drop:]
        self.peak = max(self.peak, self.child.peak_bytes() or 0)
        self.rested_at, self.rested_cpu = time.monotonic(), self.child.cpu_seconds()
        return answer

    def look_at_rest(self):
        seconds = time.monotonic() - self.rested_at
        if seconds > 1:
            share = (self.child.cpu_seconds() - self.rested_cpu) / seconds
            self.idle_share = max(self.idle_share or 0.0, share)

    def stop(self):
        if self.child is not None:
            self.child.stop()
            self.child = None


class Portrait(Player):
    """The Rust command, a process for each turn; its first pass, which sets up buffers, is dropped."""

    def __init__(self, name, case, files, threads, command):
        super().__init__(name, case, files, threads)
        self.command = command

    def turn(self, runs, expected=None, save=None):
        drop = 0 if save else 1
        answers = self.run(runs + drop, save or self.files.output(self.case, self.name))
        self.peak = max(self.peak, *(answer["peak_resident_bytes"] or 0 for answer in answers))
        return {"milliseconds": [answer["milliseconds"] for answer in answers][drop:]}

    def profile(self):
        """Where the time goes: rows as `roofline` takes them."""
        file = self.files.log(f"{self.case.name}-profile").with_suffix(".json")
        self.run(PROFILED, self.files.output(self.case, self.name), "--profile", file)
        return roofline.read(file)

    def run(self, repeat, output, *more):
        command = [
            self.command, "tensor", "--quiet", "--device", "cpu", "--repeat", repeat, *more,
            "--precision", PRECISIONS[self.name],
            "--model", paths.MODELS / NETWORKS[self.case.network].model,
            "--weights", self.files.checkpoint(self.case),
            "--input", self.files.input(self.case), "--output", output,
        ]
        return list(Child(command, self.threads, self.log).lines())
