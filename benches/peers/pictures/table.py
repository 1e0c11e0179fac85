"""The comparison as Markdown, and whether portrait is the faster one."""

from peers.table import counted, cpu, markdown, milliseconds

LIMITS = {"refine/12-megapixels": 600.0}  # milliseconds
END_TO_END = 1500.0


def fastest(task):
    """Milliseconds of the fastest route that gives the same kind of result."""
    return min(route["median"] for route in task["routes"] if route["same"])


def ratio(task):
    return task["portrait"] / fastest(task) if task["portrait"] else None


def missed(results):
    """What is slower than it should be, or was not measured."""
    found = []
    for task in results["tasks"]:
        if task["bench"] is None:
            continue
        name, limit = task["title"], LIMITS.get(task["bench"])
        if task["portrait"] is None:
            found.append(f"{name}: not measured")
        elif ratio(task) >= 1:
            found.append(f"{name}: {ratio(task):.2f} × the fastest route in Python")
        if limit and task["portrait"] and task["portrait"] > limit:
            found.append(f"{name}: {task['portrait']:.0f} ms, to be at most {limit:.0f}")
    end = results["end_to_end"]
    if end is not None and end["median"] > END_TO_END:
        found.append(f"end to end: {end['median']:.0f} ms, to be at most {END_TO_END:.0f}")
    return found


def times(results):
    rows = []
    for task in results["tasks"]:
        ours = milliseconds(task["portrait"]) if task["portrait"] else "–"
        for route in task["routes"]:
            against = f"{task['portrait'] / route['median']:.2f}" if task["portrait"] else "–"
            size = f"{route['bytes'] / 1e6:.2f} MB" if route.get("bytes") else ""
            label = route["label"] + ("" if route["same"] else ", another filter")
            rows.append([task["title"], label, milliseconds(route["median"]), size, ours, against])
    header = ["work", "in Python by", "median ms", "", "portrait ms", "portrait / it"]
    return markdown(header, rows)


def png_sizes(png):
    """Speed costs bytes: what they are for one picture."""
    others = [f"{png[name] / 1e6:.2f} MB by {name}" for name in png if name != "portrait"]
    return f"Its PNG takes {png['portrait'] / 1e6:.2f} MB; the same picture takes {', '.join(others)}."


def page(results):
    machine, versions = results["machine"], results["versions"]
    parts = [
        f"{results['date']}, {cpu(machine)}, {counted(results['threads'], 'thread')}. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". At most {results['busy_share']:.0%} of the cores were in use by others in between.",
        times(results),
    ]
    if (end := results["end_to_end"]) is not None:
        text = (
            f"One person cut out of a JPEG of 12 megapixels by `portrait cutout` with the starter "
            f"models, from the start of the process to its end: {milliseconds(end['median'])} ms "
            f"(best {milliseconds(end['best'])})."
        )
        if photo := end.get("photo"):
            text += f" The photo was enlarged from {photo[0]} × {photo[1]} pixels."
        if png := end.get("png"):
            text += " " + png_sizes(png)
        parts.append(text)
    if gone := missed(results):
        parts.append("Missed or not measured:\n\n" + "\n".join(f"- {line}" for line in gone))
    return "\n\n".join(parts)
