"""Replaces the part of a page that lies between two markers."""

import re
from pathlib import Path


def replaced(page, name, text):
    """`page` with `text` between `<!-- name:begin -->` and `<!-- name:end -->`."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise ValueError(f"the page must have {begin} and {end} once, in this order")
    return pattern.sub(lambda _: f"{begin}\n\n{text.strip()}\n\n{end}", page)


def update(path, name, text):
    path = Path(path)
    path.write_text(replaced(path.read_text(), name, text))
