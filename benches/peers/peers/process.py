"""Child processes under watch: they end before the machine runs out of memory."""

import json
import os
import select
import subprocess
from pathlib import Path

from . import machine

FLOOR = 1 << 30  # bytes of memory that are left to the rest of the machine


class Failed(Exception):
    """A contender could not do its part; the message is for the table."""


class Child:
    """A process that writes lines of JSON, and may be given some."""

    def __init__(self, command, threads, log, folder=None):
        environment = os.environ | {
            "RAYON_NUM_THREADS": str(threads),
            "OMP_NUM_THREADS": str(threads),
        }
        self.log = Path(log)
        with self.log.open("w") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env=environment, cwd=folder, text=True, bufsize=1,
            )
        try:
            # If memory runs out all the same, it is not other programs that end.
            Path(f"/proc/{self.process.pid}/oom_score_adj").write_text("1000")
        except OSError:
            pass

    @property
    def pid(self):
        return self.process.pid

    def send(self, value):
        try:
            self.process.stdin.write(json.dumps(value) + "\n")
        except BrokenPipeError:
            raise self.ended() from None

    def lines(self):
        """The values it writes, to its end."""
        while (value := self.receive(or_end=True)) is not None:
            yield value

    def receive(self, or_end=False):
        """The next value; None at a regular end if that is allowed.

        Several lines that came at once are told apart late, but not lost.
        """
        while not select.select([self.process.stdout], [], [], 0.1)[0]:
            if (left := machine.available_bytes()) is not None and left < FLOOR:
                self.stop()
                raise Failed("stopped: it needs more memory than the machine has left")
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            if or_end and code == 0:
                return None
            raise self.ended()
        value = json.loads(line)
        if "error" in value:
            self.stop()
            raise Failed(value["error"])
        return value

    def ended(self):
        code = self.process.wait()
        self.close()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return Failed(f"ended with {code}: {lines[-1][:200] if lines else 'no message'}")

    def peak_bytes(self):
        """The most memory it has had resident so far, its libraries included."""
        return machine.memory_bytes(f"/proc/{self.pid}/status", "VmHWM")

    def cpu_seconds(self):
        return machine.cpu_seconds(self.pid)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self):
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
