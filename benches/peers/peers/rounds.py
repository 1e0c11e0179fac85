"""A case from start to end: the same output first, then rounds in which each has its turn."""

import statistics

from . import compare, machine
from .players import LONG
from .process import Failed

TURN = 500.0  # milliseconds of runs in a turn, roughly
MOST_RUNS = 10
ALIVE_SHARE = 0.6  # of the free memory that waiting contenders may hold together


def plan_runs(milliseconds):
    """How many runs of this length make a turn."""
    return max(1, min(MOST_RUNS, round(TURN / milliseconds)))


def run_case(case, players, matrix, rounds, say):
    """The record of a case, for `results.json`.

    `players` are its contenders with the reference first; `matrix` measures the peak each round.
    """
    free = machine.available_bytes() or 0
    records = {player.name: {"label": player.label, "rounds": []} for player in players}
    playing = check(case, players, records, say)
    # Some may wait in memory, if all of it fits; otherwise each starts anew for its turn.
    alive = sum(player.peak for player in playing) <= ALIVE_SHARE * free
    peaks, busy = [], []
    for number in range(rounds):
        busy.append(machine.busy_share())
        peaks.append(measure_peak(matrix, records))
        # Another one begins each round.
        for player in playing[number % len(playing):] + playing[: number % len(playing)]:
            play(player, records[player.name], say)
            if not alive:
                player.stop()
        playing = [player for player in playing if "error" not in records[player.name]]
        say(f"  round {number + 1}: " + summary(playing, records))
        if not playing:
            break
    for player in playing:
        records[player.name]["idle_core_share"] = player.idle_share
    for player in players:
        player.stop()
        records[player.name].update(note=player.note, peak_resident_bytes=player.peak or None)
    return {"contenders": records, "peaks": peaks, "busy_share_between_rounds": busy}


def check(case, players, records, say):
    """Runs each once and compares what comes out; returns those that may go on."""
    playing, reference = [], None
    for player in players:
        record, output = records[player.name], player.files.output(case, player.name)
        try:
            say(f"  {player.label}: first run")
            player.prepare()
            first = player.turn(1, save=output)["milliseconds"][0]
            # The first run is the slowest; a long one is close enough for planning.
            again = player.turn(1, first)["milliseconds"][0] if first < 2 * LONG else first
            record["runs_in_a_turn"], record["expected"] = plan_runs(again), again
            if reference is None:
                reference, record["reference"] = compare.read(output), True
            record["difference"] = compare.differences(case, compare.read(output), reference)
            record["within_tolerance"] = compare.within(case, record["difference"], player.tolerated)
            say(f"    differs by {record['difference']}")
            if not record["within_tolerance"]:
                raise Failed(
                    f"output differs by {record['difference']}, allowed {case.tolerances}"
                    f" times {player.tolerated}"
                )
            playing.append(player)
        except (Failed, ValueError, OSError) as error:
            record["error"] = str(error)
            say(f"    {error}")
        # Until it is known that all fit, one at a time.
        player.stop()
    return playing


def play(player, record, say):
    try:
        answer = player.turn(record["runs_in_a_turn"], record["expected"])
        record["rounds"].append(answer["milliseconds"])
    except Failed as error:
        record["error"] = str(error)
        say(f"  {player.label}: {error}")
        player.stop()


def measure_peak(matrix, records):
    answer = matrix.turn(1, LONG)
    matrix.stop()
    return {"gflops": answer["gflops"], "bandwidth_gbs": answer["bandwidth_gbs"]}


def summary(playing, records):
    last = lambda player: statistics.median(records[player.name]["rounds"][-1])
    return ", ".join(f"{player.label} {last(player):.0f}" for player in playing) + " ms"
