"""The results as Markdown."""

from . import numbers
from .cases import CASES, PRECISIONS, TOLERATED
from .targets import outcomes

SETS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_tile": "AMX"}


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def milliseconds(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def counted(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")


def cpu(machine):
    """Its name and the instruction sets that matter."""
    sets = ", ".join(SETS[name] for name in machine["instructions"])
    return machine["cpu"] + (f" ({sets})" if sets else "")


def difference(contender):
    """`0.0015 px, 4.3e-06` and the like."""
    if contender.get("reference"):
        return "reference"
    found = contender.get("difference", {})
    return ", ".join(f"{v:.1e}" + (" px" if k == "boxes" else "") for k, v in found.items()) or "–"


class Notes:
    """Footnotes, each once."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if not text:
            return ""
        if text not in self.texts:
            self.texts.append(text)
        return f" <sup>{self.texts.index(text) + 1}</sup>"

    def lines(self):
        return "\n".join(f"<sup>{i}</sup> {text}.  " for i, text in enumerate(self.texts, 1))


def times(results, notes):
    """A row for each contender of each case; ratios are portrait's median by theirs."""
    rows = []
    for name, record in results["cases"].items():
        found = numbers.medians(record)
        for key, contender in record["contenders"].items():
            who = contender["label"] + notes.mark(contender.get("note"))
            if key not in found:
                mark = notes.mark(contender.get("error", "not run"))
                rows.append([CASES[name].title, who, f"–{mark}", "–", "–", "–", "–"])
                continue
            ratio = found["portrait"] / found[key] if "portrait" in found else None
            peak = contender.get("peak_resident_bytes")
            rows.append([
                CASES[name].title,
                who,
                milliseconds(found[key]),
                milliseconds(numbers.best(contender)),
                f"{ratio:.2f}" if ratio and key != "portrait" else "–",
                f"{peak / 1e6:,.0f}" if peak else "–",
                difference(contender),
            ])
    header = ["network", "by", "median ms", "best ms", "portrait / it", "peak MB", "output differs by"]
    return markdown(header, rows)


def peaks(results):
    """Arithmetic and speed of portrait beside the matrix peak of the same rounds."""
    rows = []
    for name, record in results["cases"].items():
        if "portrait" not in numbers.medians(record):
            continue
        achieved, peak = numbers.speed(record), numbers.matrix_peak(record)
        gflop = f"{numbers.gflop(record):,.1f}"
        speeds = [f"{achieved:,.0f}", f"{peak:,.0f}", f"{achieved / peak:.0%}"]
        rows.append([CASES[name].title, gflop, *speeds, f"{numbers.bandwidth(record):.1f}"])
    return markdown(
        ["network", "GFLOP", "portrait GFLOP/s", "matrix peak GFLOP/s", "share", "copying GB/s"], rows
    )


def goals(results):
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = [[o.case, o.text, o.measured, words[o.met], *o.others] for o in outcomes(results)]
    head = ["network", "target", "measured", "", *(PRECISIONS[name] for name in TOLERATED)]
    return markdown(head, rows) if rows else "None for these cases."


def circumstances(results):
    """Where, with what, how often, and how quiet it was."""
    machine, versions = results["machine"], results["versions"]
    busy = max(share for r in results["cases"].values() for share in r["busy_share_between_rounds"])
    idle = [
        contender["idle_core_share"]
        for record in results["cases"].values()
        for contender in record["contenders"].values()
        if contender.get("idle_core_share") is not None
    ]
    return (
        f"{results['date']}, {cpu(machine)}, {counted(machine['cores'], 'core')}, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB; {counted(results['threads'], 'thread')}, "
        f"{counted(results['rounds'], 'round')}. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". Between the rounds at most {busy:.0%} of the cores were in use by others"
        + (f"; a contender that waited used at most {max(idle):.1%} of a core." if idle else ".")
    )


def page(results):
    """All of it, for the page and the terminal."""
    notes = Notes()
    parts = [circumstances(results), times(results, notes), notes.lines()]
    parts += ["Arithmetic and speed:", peaks(results), "Targets:", goals(results)]
    return "\n\n".join(part for part in parts if part)
