"""The scripts of `configs/pytorch`, what is wrong with each, and how to run one."""

import io
from pathlib import Path

from nndiag.own_program.run import judged
from nndiag.program import CodeSettings
from nndiag.program.child.frames import read_frame, write_frame
from nndiag.program.child.plain import as_plain
from nndiag.pytorch.script import Script

SCRIPTS = Path(__file__).parents[2] / "configs" / "pytorch"

CAUSES = {
    "broken/broadcast_targets": {"broadcast-residual"},
    "broken/eval_mode_left_on": {"wrong-mode"},
    "broken/head_not_in_optimizer": {"parameter-not-trained"},
    "broken/loss_detached": {"loss-not-connected"},
    "broken/divergence_subtracted": {"loss-without-bound"},
    "broken/model_each_epoch": {"training-starts-anew"},
    "broken/missing_zero_grad": {"gradient-accumulates"},
    "broken/rate_too_high": {"learning-rate-above-stability-limit", "unscaled-inputs"},
    "broken/rate_too_small": {"learning-rate-too-small"},
    "broken/root_of_zero": {"undefined-operation"},
    "broken/sigmoid_output": {"targets-outside-output-range"},
    "broken/schedule_each_batch": {"rate-decays-too-early"},
    "broken/softmax_over_examples": {"softmax-over-examples"},
    "broken/state_not_detached": {"ends-by-its-own-error"},
    "broken/softmax_twice": {"softmax-before-cross-entropy"},
    "broken/unscaled_house_prices": {"unscaled-inputs"},
    "broken/wrong_function": {"wrong-autograd-function"},
    "broken/zero_start": {"identical-units"},
    "several/broadcast_and_scale": {"broadcast-residual"},
    "several/head_and_start": {"parameter-not-trained"},
    "several/inputs_and_rate_by_hand": {"unscaled-inputs"},
    "several/softmax_and_rate": {"softmax-before-cross-entropy"},
    "several/three_at_once": {"gradient-accumulates", "broadcast-residual"},
    "several/zero_grad_and_rate": {"gradient-accumulates"},
    **{
        f"healthy/{name}": set()
        for name in ("classifier", "custom_function", "regression", "rnn", "small_cnn", "vae")
    },
}
"""Script → what may be told first; nothing for healthy ones."""
KEPT = {
    "bce_sigmoid_twice": {"softmax-before-cross-entropy"},
    "dead_cnn_rate": {"unscaled-inputs", "learning-rate-above-stability-limit"},
    "detach_in_forward": {"parameter-not-trained"},
    "never_stepped": {"parameter-not-trained"},
    "nll_without_log": {"softmax-before-cross-entropy"},
    "no_grad_forward": {"loss-not-connected"},
    **{key: set() for key in ("accumulate", "embedding", "frozen", "gan", "lbfgs")},
}
"""Scripts that were written after the first rules and changed no verdict."""
STRANGERS = {
    "cnn_rate": {"learning-rate-above-stability-limit"},
    "dead_relu": {"dead-units"},
    "eval_left_on": {"wrong-mode"},
    "forgot_zero_grad": {"gradient-accumulates"},
    "housing_raw": {"unscaled-inputs"},
    "lstm_detached": {"parameter-not-trained"},
    "multilabel_sigmoid_twice": {"softmax-before-cross-entropy"},
    "optimizer_before_model": {"parameter-not-trained"},
    "sine_broadcast": {"broadcast-residual"},
    "softmax_ce": {"softmax-before-cross-entropy"},
    **{
        key: set()
        for key in (
            "accumulate_argparse",
            "autoencoder",
            "cnn_scheduler",
            "embedding_padding",
            "gan_of_one_number",
            "lstm",
            "multilabel",
            "raw_tensors",
        )
    },
}
"""Scripts as strangers write them, in many styles; the rules were mended after they were run."""
LATER = {
    "argmax_loss": {"loss-not-connected"},
    "log_of_zero": {"undefined-operation"},
    "shuffled_labels": {"nothing-to-learn"},
    "weight_decay": {"weight-decay-too-strong"},
    "zero_parameters": {"identical-units"},
    **{key: set() for key in ("attention", "policy_gradient", "vae_argparse")},
}
"""Scripts that were written after these, and told only then."""
CAUSES |= {f"kept/{name}": causes for name, causes in (KEPT | STRANGERS | LATER).items()}


def path_of(name):
    """The file of a script."""
    folder = Path(__file__).parent if name.startswith("kept/") else SCRIPTS
    return folder / f"{name}.py"


def watch(path, text=None, **more):
    """What is watched of a script, in this process, as a child hands it on."""
    from nndiag.pytorch.watching.task import watch as task  # noqa: PLC0415 (imports torch)

    request = {"settings": as_plain(CodeSettings(script=str(path))), "text": text, **more}
    passed = io.BytesIO()
    write_frame(passed, task(request, lambda *_: None))
    passed.seek(0)
    return read_frame(passed)


class InProcess:
    """Stands for the child that watches one script: torch is imported once for all."""

    def __init__(self, path):
        self._path = path

    def watch(self, **more):
        return watch(self._path, **more)

    def close(self):
        pass


def script_of(path):
    """A script that is run in this process."""
    return Script(CodeSettings(script=str(path)), watcher=InProcess(path))


def run(path, **more):
    """One run of a script, judged, in this process."""
    script = script_of(path)
    return judged(script, script.watcher.watch(**more))
