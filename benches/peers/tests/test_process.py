"""Child processes: answers, failures, memory, rest."""

import json
import sys
import time

import pytest

from peers import machine, process
from peers.process import Child, Failed

ECHO = "import sys, json\nfor line in sys.stdin: print(json.dumps({'got': json.loads(line)}), flush=True)"


def child(code, tmp_path):
    return Child([sys.executable, "-c", code], 1, tmp_path / "log")


def test_it_answers_rests_and_stops(tmp_path):
    echo = child(ECHO, tmp_path)
    echo.send({"runs": 3})
    assert echo.receive() == {"got": {"runs": 3}}
    assert echo.peak_bytes() > 1e6
    used = echo.cpu_seconds()
    time.sleep(0.3)
    assert echo.cpu_seconds() - used < 0.05
    echo.stop()
    assert echo.process.poll() is not None


def test_all_lines_of_a_process_that_ends(tmp_path):
    lines = child("print('{\"run\": 1}\\n{\"run\": 2}')", tmp_path).lines()
    assert [line["run"] for line in lines] == [1, 2]


def test_failures_say_why(tmp_path):
    with pytest.raises(Failed, match="ended with 3: no such file"):
        list(child("import sys; print('no such file', file=sys.stderr); sys.exit(3)", tmp_path).lines())
    answer = json.dumps({"error": "no operation"})
    with pytest.raises(Failed, match="^no operation$"):
        child(f"print('{answer}')", tmp_path).receive()


def test_it_is_stopped_before_memory_runs_out(tmp_path, monkeypatch):
    sleeper = child("import time; time.sleep(60)", tmp_path)
    monkeypatch.setattr(machine, "available_bytes", lambda: process.FLOOR - 1)
    with pytest.raises(Failed, match="more memory"):
        sleeper.receive()
    assert sleeper.process.poll() is not None
