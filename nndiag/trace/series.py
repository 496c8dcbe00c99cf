"""The data dictionary: every series that a trace can hold, with its meaning."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SeriesKind:
    """What a series means.

    Attributes:
        per_layer: Whether it has one value per layer and step (N, L) or one per step (N,).
        meaning: One line for the reader of a report or of an exported file.
    """

    per_layer: bool
    meaning: str


SERIES: dict[str, SeriesKind] = {
    # Recorded at every step.
    "loss": SeriesKind(False, "loss of the step's batch, before its update"),
    "gradient_norm": SeriesKind(True, "Euclidean norm of the layer's batch gradient (W and b)"),
    # Recorded at logarithmically spaced steps, on all training examples.
    "training_loss": SeriesKind(False, "loss over all training examples"),
    "validation_loss": SeriesKind(False, "loss over the validation examples"),
    "accuracy": SeriesKind(False, "share of the training examples whose class is predicted"),
    "validation_accuracy": SeriesKind(False, "the same of the validation examples"),
    "learning_rate": SeriesKind(False, "learning rate in force, after decay"),
    "prediction_mean": SeriesKind(False, "mean of the network's predictions"),
    "prediction_deviation": SeriesKind(
        False, "standard deviation of the predictions over the examples"
    ),
    "prediction_min": SeriesKind(False, "smallest prediction"),
    "prediction_max": SeriesKind(False, "largest prediction"),
    "sharpness": SeriesKind(False, "largest eigenvalue of the Hessian of the training loss"),
    "full_gradient_norm": SeriesKind(True, "norm of the gradient over all training examples"),
    "weight_norm": SeriesKind(True, "norm of the layer's weights and biases"),
    "update_ratio": SeriesKind(True, "norm of the last update over the norm of the weights"),
    "saturated_share": SeriesKind(
        True,
        "share of units whose activation slope is below 5 % of its maximum on over 90 % "
        "of the examples (bounded activations)",
    ),
    "dead_share": SeriesKind(
        True,
        "share of units whose activation slope is exactly zero on every example "
        "(rectified activations)",
    ),
    "identical_share": SeriesKind(
        True, "share of units with a twin: equal incoming and equal outgoing weights"
    ),
    "activation_mean": SeriesKind(True, "mean of the layer's activations"),
    "activation_deviation": SeriesKind(True, "standard deviation of the layer's activations"),
    "preactivation_mean": SeriesKind(True, "mean of the layer's pre-activations"),
    "preactivation_deviation": SeriesKind(
        True, "standard deviation of the layer's pre-activations"
    ),
}
