"""Makes the files that a contender needs: `python -m peers.prepare CONTENDER CASE --work DIR`.

A process of its own, so that the memory it takes goes back before anything is measured.
"""

import argparse

from safetensors.torch import save_file

from . import export, networks
from .cases import CASES
from .files import Files, write_whole


def prepare(contender, case, files):
    if not files.checkpoint(case).is_file():
        state = networks.reproducible_state(case.network)
        write_whole(files.checkpoint(case), lambda path: save_file(state, path))
        del state
    if not files.input(case).is_file():
        given = {"input": networks.network_input(case)}
        write_whole(files.input(case), lambda path: save_file(given, path))
    if contender not in ("onnxruntime", "openvino"):
        return
    if not files.onnx(case).is_file():
        module = networks.load(case, files.checkpoint(case))
        example = networks.network_input(case)
        write_whole(files.onnx(case), lambda path: export.to_onnx(module, example, path))
    if contender == "openvino" and not files.openvino_note(case).is_file():
        why = export.why_openvino_cannot_read(files.onnx(case))
        if why:
            module = networks.load(case, files.checkpoint(case))
            # Two files of one stem; the note, written last, tells that both are complete.
            export.to_openvino(module, networks.network_input(case), files.openvino(case))
        files.openvino_note(case).write_text(why or "")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--work", required=True)
    arguments = parser.parse_args()
    prepare(arguments.contender, CASES[arguments.case], Files(arguments.work))


if __name__ == "__main__":
    main()
