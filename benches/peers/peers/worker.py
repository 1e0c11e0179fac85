"""A contender in a process of its own: `python -m peers.worker CONTENDER CASE --work --threads`.

It answers a line of JSON for each line of JSON it is given: `{"runs": 3, "save": "FILE" or null}` is
answered by `{"milliseconds": […]}`. Between two lines it waits and does nothing. A contender imports its
library itself: whatever is imported here counts as the memory of all of them.
"""

import argparse
import json
import os
import sys
import time

from .cases import CASES
from .contenders import CONTENDERS
from .files import Files
from .reason import reason


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--work", required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    # What libraries print goes to the log, so that only answers come out of here.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    try:
        build = CONTENDERS[arguments.contender]
        contender = build(CASES[arguments.case], Files(arguments.work), arguments.threads)
        answer({"ready": True, "note": contender.note})
        for line in sys.stdin:
            answer(obey(contender, json.loads(line)))
    except Exception as error:  # of any library: the parent puts it into the table
        answer({"error": reason(error)})
        raise


def obey(contender, order):
    milliseconds = []
    for _ in range(order["runs"]):
        start = time.perf_counter()
        output = contender.run()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    if order.get("save"):
        contender.save(output, order["save"])
    return {"milliseconds": milliseconds, **contender.extra()}


if __name__ == "__main__":
    main()
