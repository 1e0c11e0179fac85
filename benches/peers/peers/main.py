"""Times the networks side by side with PyTorch, onnxruntime and OpenVINO, in interleaved rounds."""

import argparse
import datetime
import json
import sys
from importlib.metadata import version
from pathlib import Path

from . import flops, machine, numbers, page, paths, roofline, rounds, table, targets
from .cases import CASES, FULL, LABELS, PRECISIONS, QUICK
from .files import Files
from .players import Peer, Portrait
from .process import Failed

ROOFLINE = "birefnet-lite-1024"
QUIET = 0.05  # of the cores may be used by others
LIBRARIES = {"PyTorch": "torch", "onnxruntime": "onnxruntime", "OpenVINO": "openvino"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    names = lambda text: text.split(",")
    option = parser.add_argument
    option("--cases", type=names, help=f"of {', '.join(CASES)}; all but the smallest by default")
    option("--contenders", type=names, help=f"of {', '.join(LABELS)}; all by default")
    option("--rounds", type=int, help="7 by default")
    option("--threads", type=int, default=2, help="of each contender (2)")
    option("--quick", action="store_true", help="two small cases, 2 rounds: does it all work?")
    option("--portrait", type=Path, default=paths.portrait_command(), help="the Rust command")
    option("--work", type=Path, default=paths.work_folder(), help="for checkpoints and exports")
    option("--out", type=Path, help="where results.json goes; the work folder by default")
    option("--from", dest="given", type=Path, metavar="FILE", help="results to show; runs nothing")
    option("--check", action="store_true", help="exit with 1 if a target is missed")
    option("--update", type=Path, metavar="PAGE", help="write the tables into this page")
    option("--roofline", metavar="CASE", default=ROOFLINE, help=f"which one to draw ({ROOFLINE})")
    option("--picture", type=Path, help="where it goes (.svg or .png); beside the results")
    options = parser.parse_args(arguments)
    options.cases = options.cases or list(QUICK if options.quick else FULL)
    options.contenders = options.contenders or list(LABELS)
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.out = options.out or options.work
    for name, known in ((options.cases, CASES), (options.contenders, LABELS)):
        if unknown := [one for one in name if one not in known]:
            parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    if not options.given and PRECISIONS.keys() & set(options.contenders) and not options.portrait.is_file():
        parser.error(f"no {options.portrait}: cargo build --release, or --portrait FILE")
    return options


def players(case, files, options):
    """The contenders of a case; PyTorch comes first, because the others are compared with it."""
    chosen = [name for name in case.contenders if name in options.contenders]
    for name in sorted(chosen, key=lambda name: name != "torch"):
        if name in PRECISIONS:
            yield Portrait(name, case, files, options.threads, options.portrait)
        else:
            yield Peer(name, case, files, options.threads)


def measure(options, save):
    files = Files(options.work)
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
        "versions": {name: version(package) for name, package in LIBRARIES.items()},
        "threads": options.threads,
        "rounds": options.rounds,
        "cases": {},
    }
    for name in options.cases:
        case = CASES[name]
        say(case.title)
        matrix = Peer("matrix", case, files, options.threads)
        contenders = list(players(case, files, options))
        try:
            record = rounds.run_case(case, contenders, matrix, options.rounds, say)
            profiles = [player.profile() for player in contenders if isinstance(player, Portrait)]
            record["profile"] = profiles[0] if profiles else []
        finally:
            for player in (*contenders, matrix):
                player.stop()
        # In the order of the table, ours first.
        ordered = {key: record["contenders"][key] for key in LABELS if key in record["contenders"]}
        results["cases"][name] = record | {"contenders": ordered, "flops": flops.of_case(case)}
        save(results)  # so that a run that is stopped leaves the cases it has finished
    return results


def warn(results):
    busy = max(s for r in results["cases"].values() for s in r["busy_share_between_rounds"])
    if busy > QUIET:
        say(
            f"warning: others used up to {busy:.0%} of the cores; threads that wait for each other "
            "suffer most, PyTorch's tenfold. Repeat it on a quiet machine."
        )


def roofline_part(options, results):
    """The picture and its table as Markdown, or nothing where the case was not run."""
    record = results["cases"].get(options.roofline, {})
    rows = record.get("profile")
    if not rows:
        return ""
    peak, bandwidth = numbers.matrix_peak(record), numbers.bandwidth(record)
    beside = options.update.parent / "images" if options.update else options.out
    picture = options.picture or beside / "roofline.svg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    title = CASES[options.roofline].title
    roofline.draw(rows, peak, bandwidth, picture, f"{title}, {results['threads']} threads")
    say(f"drew {picture}")
    text = f"Where portrait's time for {title} goes:\n\n"
    text += roofline.time_table(rows, peak, bandwidth)
    if options.update:
        place = picture.resolve().relative_to(options.update.resolve().parent, walk_up=True)
        text += f"\n\n![Speed of each kind of layer under the roof of the machine]({place})"
    return text


def main(arguments=None):
    options = parse(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "results.json"
    save = lambda results: file.write_text(json.dumps(results, indent=1) + "\n")
    try:
        results = json.loads(options.given.read_text()) if options.given else measure(options, save)
    except Failed as error:  # of the matrix peak; a contender's failure is a line of the table
        say(f"error: {error}")
        return 2
    text = "\n\n".join(part for part in (table.page(results), roofline_part(options, results)) if part)
    print(text)
    if not options.given:
        say(f"wrote {file}")
        warn(results)
    if options.update:
        page.update(options.update, "peers", text)
    return int(options.check and not targets.all_met(results))
