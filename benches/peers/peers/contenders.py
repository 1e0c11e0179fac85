"""The peers as they run within a worker. Each imports its library only when it is built."""

from .peak import Matrix


class Contender:
    note = ""

    def extra(self):
        """Further fields of an answer."""
        return {}

    def save(self, output, path):
        from safetensors.numpy import save_file

        save_file({"output": self.as_numpy(output)}, path)

    def as_numpy(self, output):
        return output


def read_input(case, files):
    from safetensors.numpy import load_file

    return load_file(files.input(case))["input"]


class Torch(Contender):
    """Eager mode as users have it: `eval()`, `inference_mode()`."""

    def __init__(self, case, files, threads, channels_last=False):
        import torch

        from . import networks

        torch.set_num_threads(threads)
        self.torch = torch
        self.module = networks.load(case, files.checkpoint(case))
        self.image = torch.from_numpy(read_input(case, files))
        if channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
            self.image = self.image.contiguous(memory_format=torch.channels_last)
        if case.detects:
            self.note = "BatchNorm folded, as Ultralytics does"

    def run(self):
        with self.torch.inference_mode():
            return self.module(self.image)

    def as_numpy(self, output):
        return output.contiguous().numpy()


class TorchChannelsLast(Torch):
    def __init__(self, case, files, threads):
        super().__init__(case, files, threads, channels_last=True)


class Onnxruntime(Contender):
    def __init__(self, case, files, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            files.onnx(case), options, providers=["CPUExecutionProvider"]
        )
        self.given = {"input": read_input(case, files)}

    def run(self):
        return self.session.run(None, self.given)[0]


class Openvino(Contender):
    def __init__(self, case, files, threads):
        import openvino

        why = files.openvino_note(case).read_text()
        if why:
            self.note = f"not by ONNX ({why}) but by its PyTorch front end"
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            # It would take bfloat16 by itself where the CPU has it; the others compute in float32.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        model = files.openvino(case) if why else files.onnx(case)
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        self.request = compiled.create_infer_request()
        self.given = {0: read_input(case, files)}

    def run(self):
        return self.request.infer(self.given, share_inputs=True, share_outputs=True)[0]


CONTENDERS = {
    "torch": Torch,
    "torch-channels-last": TorchChannelsLast,
    "onnxruntime": Onnxruntime,
    "openvino": Openvino,
    "matrix": Matrix,
}
