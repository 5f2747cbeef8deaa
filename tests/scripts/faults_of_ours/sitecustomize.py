"""Makes parts of headtorch fail, at various points of a training."""

from headtorch.record import measure, modules, network, optimizers, recorder
from headtorch.record.quantities import grad_norm, prediction


def fails(*args, **kwargs):
    raise ValueError("injected into headtorch")


fails_where = {
    "quantities": [(grad_norm, "measure"), (prediction, "measure")],
    "hooks": [(measure, "sample")],
    "modules": [(modules.Modules, "made"), (modules.Modules, "called"), (recorder.Recorder, "root_called")],
    "optimizers": [(optimizers.Optimizers, "note_made"), (optimizers.Optimizers, "note_stepped")],
    "network": [(network.Network, "__init__"), (recorder.Recorder, "loss_called")],
    "backward": [(recorder.Recorder, "after_backward"), (recorder.Recorder, "close")],
}


def main():
    import os

    for part in os.environ.get("FAULTS", "").split():
        for owner, name in fails_where[part]:
            setattr(owner, name, fails)


main()
