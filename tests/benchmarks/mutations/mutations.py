"""Bugs put into right programs, one at a time: what is replaced, by what, and what must be said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One bug in one program.

    Attributes:
        program: The program's file, without its ending.
        bug: The name that must be found.
        tensors: The parameters that must be named, by the end of their names; empty for any.
        old: Text of the right program; stands there once.
        new: The text with the bug.
        also: Further replacements that belong to it.
    """

    program: str
    bug: str
    tensors: tuple[str, ...]
    old: str
    new: str
    also: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """A name for reports."""
        first = [*self.new.strip().splitlines(), "left out"][0]
        return f"{self.program}: {self.bug}: {first[:60]}"


def _in(program: str, *rows: tuple) -> list[Mutation]:
    return [
        Mutation(program, bug, tuple(tensors.split()), old, new, tuple(also))
        for bug, tensors, old, new, *also in rows
    ]


SIGN = "wrong-sign"
SUM = "summed-instead-of-averaged"
FACTOR = "wrong-constant-factor"
SCALED = "loss-gradient-scaled-by-residual"
LOSS = "wrong-loss-gradient"
NEVER = "gradient-never-computed"
MISSING = "missing-activation-derivative"
ARGUMENT = "activation-derivative-of-wrong-argument"
OTHER = "wrong-activation-derivative"
CHAIN = "broken-chain-rule"
RAW = "raw-error-instead-of-delta"
UPDATED = "uses-updated-weights"
LAYER = "wrong-layer-activation"
BIAS = "wrong-bias-gradient"
AXIS = "softmax-wrong-axis"
SOFTMAX = "wrong-softmax-gradient"
SHAPES = "mismatched-shapes"
DECAY = "weight-decay-not-in-loss"
CLIP = "clipped-gradient"
ASSIGN = "assignment-instead-of-increment"
SHOWN = "loss-is-not-the-objective"

MUTATIONS = [
    *_in(
        "script_tanh",
        (SIGN, "W1 b1 W2 b2", "2 * (out - Y)", "2 * (Y - out)"),
        (SIGN, "W2", "W2 -= lr * dW2", "W2 += lr * dW2"),
        (SUM, "W1 b1 W2 b2", "2 * (out - Y) / len(X)", "2 * (out - Y)"),
        (SUM, "W2", "dW2 = a1.T.dot(d_out)", "dW2 = a1.T.dot(d_out) * len(X)"),
        (FACTOR, "W1 b1", "d_out.dot(W2.T) * (1", "2 * d_out.dot(W2.T) * (1"),
        (
            SCALED,
            "W1 b1 W2 b2",
            "d_out = 2 * (out - Y)",
            "d_out = np.mean(out - Y) * 2 * (out - Y)",
        ),
        (LOSS, "W1 b1 W2 b2", "2 * (out - Y) / len(X)", "2 * (out - Y) ** 3 / len(X)"),
        (LOSS, "W1 b1 W2", "2 * (out - Y) / len(X)", "2 * np.sign(out - Y) / len(X)"),
        (NEVER, "b1", "    b1 -= lr * db1\n", ""),
        (NEVER, "W1", "dW1 = X.T.dot(d1)", "dW1 = np.zeros_like(W1)"),
        (MISSING, "W1 b1", " * (1 - a1 ** 2)", ""),
        (ARGUMENT, "W1 b1", "(1 - a1 ** 2)", "(1 - z1 ** 2)"),
        (ARGUMENT, "W1 b1", "(1 - a1 ** 2)", "(1 - np.tanh(a1) ** 2)"),
        (OTHER, "W1 b1", "(1 - a1 ** 2)", "a1 * (1 - a1)"),
        (CHAIN, "W1 b1", "d_out.dot(W2.T)", "d_out"),
        (
            UPDATED,
            "W1 b1",
            "    d1 = d_out",
            "    W2 -= lr * dW2\n    d1 = d_out",
            ("    W2 -= lr * dW2\n    b2", "    b2"),
        ),
        (LAYER, "W2", "dW2 = a1.T.dot", "dW2 = z1.T.dot"),
        (BIAS, "b1", "db1 = np.sum(d1, axis=0, keepdims=True)", "db1 = np.sum(d1)"),
        (BIAS, "b1", "db1 = np.sum(d1, axis=0", "db1 = np.mean(d1, axis=0"),
        (DECAY, "W1", "W1 -= lr * dW1", "W1 -= lr * (dW1 + 0.1 * W1)"),
        (CLIP, "W2", "dW2 = a1.T.dot(d_out)", "dW2 = np.clip(a1.T.dot(d_out), -0.005, 0.005)"),
        (SHOWN, "", "np.mean((out - Y) ** 2)", "np.mean(out - Y)"),
        (
            SHAPES,
            "",
            "Y = np.sin(2 * X)",
            "Y = np.sin(2 * X).ravel()",
            (
                "d_out = 2 * (out - Y) / len(X)",
                "d_out = 2 * np.sum(out - Y, axis=1, keepdims=True) / len(X)",
            ),
        ),
    ),
    *_in(
        "class_sigmoid",
        (SIGN, "w1 b1 w2 b2", "error2 = self.a2 - y", "error2 = y - self.a2"),
        (SIGN, "b2", "self.b2 -= self", "self.b2 += self"),
        (SUM, "w1", "X.T @ delta1 / m", "X.T @ delta1"),
        (FACTOR, "w1 b1 w2 b2", "error2 = self.a2 - y", "error2 = 2 * (self.a2 - y)"),
        (MISSING, "w1 b1", "error1 * self.sigmoid_prime(self.z1)", "error1"),
        (MISSING, "w1 b1 w2 b2", "error2 * self.sigmoid_prime(self.z2)", "error2"),
        (ARGUMENT, "w1 b1", "sigmoid_prime(self.z1)", "sigmoid_prime(self.a1)"),
        (ARGUMENT, "w1 b1", "sigmoid_prime(self.z1)", "sigmoid_prime(self.sigmoid(self.z1))"),
        (OTHER, "w1 b1", "error1 * self.sigmoid_prime(self.z1)", "error1 * (1 - self.a1 ** 2)"),
        (OTHER, "w1 b1 w2 b2", "return s * (1 - s)", "return 1 - s ** 2"),
        (CHAIN, "w1 b1", "delta2 @ self.w2.T", "np.sum(delta2, axis=1, keepdims=True)"),
        (RAW, "w1 b1", "error1 = delta2 @", "error1 = error2 @"),
        (RAW, "w2", "self.a1.T @ delta2", "self.a1.T @ error2"),
        (RAW, "w1", "X.T @ delta1", "X.T @ error1"),
        (LAYER, "w2", "self.a1.T @ delta2", "self.z1.T @ delta2"),
        (BIAS, "b1", "delta1.sum(axis=0) / m", "delta1.sum() / m"),
        (BIAS, "b2", "delta2.sum(axis=0) / m", "delta2.sum(axis=0)"),
        (NEVER, "b2", "        self.b2 -= self.learning_rate * self.db2\n", ""),
        (NEVER, "w1", "        self.w1 -= self.learning_rate * self.dw1\n", ""),
        (
            DECAY,
            "w2",
            "X.shape[0]\n        error2",
            "X.shape[0]\n        error2",
            (
                "self.dw2 = self.a1.T @ delta2 / m",
                "self.dw2 = self.a1.T @ delta2 / m + 0.01 * self.w2",
            ),
        ),
        (
            CLIP,
            "w1",
            "self.dw1 = X.T @ delta1 / m",
            "self.dw1 = np.clip(X.T @ delta1 / m, -1e-3, 1e-3)",
        ),
        (
            SHOWN,
            "",
            "0.5 * np.sum((y_hat - y) ** 2) / y.shape[0]",
            "np.sum(y_hat - y) / y.shape[0]",
        ),
    ),
    *_in(
        "columns_dict",
        (SIGN, "W1 b1 W2 b2", "dZ2 = A2 - Y", "dZ2 = Y - A2"),
        (SIGN, "W1", 'parameters["W1"] - learning_rate', 'parameters["W1"] + learning_rate'),
        (SUM, "W2", "dW2 = np.dot(dZ2, A1.T) / m", "dW2 = np.dot(dZ2, A1.T)"),
        (SUM, "W1", "dW1 = np.dot(dZ1, X.T) / m", "dW1 = np.dot(dZ1, X.T)"),
        (
            MISSING,
            "W1 b1",
            "np.multiply(np.dot(W2.T, dZ2), 1 - np.power(A1, 2))",
            "np.dot(W2.T, dZ2)",
        ),
        (
            ARGUMENT,
            "W1 b1",
            '    A1 = cache["A1"]\n',
            '    A1 = cache["A1"]\n    Z1 = cache["Z1"]\n',
            ("1 - np.power(A1, 2)", "1 - np.power(Z1, 2)"),
        ),
        (OTHER, "W1 b1", "1 - np.power(A1, 2)", "A1 * (1 - A1)"),
        (CHAIN, "W1 b1", "np.dot(W2.T, dZ2)", "np.dot(np.ones_like(W2).T, dZ2)"),
        (LAYER, "W2", "np.dot(dZ2, A1.T)", "np.dot(dZ2, np.tanh(A1).T)"),
        (BIAS, "b1", "db1 = np.sum(dZ1, axis=1, keepdims=True) / m", "db1 = np.sum(dZ1) / m"),
        (
            BIAS,
            "b2",
            "db2 = np.sum(dZ2, axis=1, keepdims=True) / m",
            "db2 = np.sum(dZ2, axis=1, keepdims=True)",
        ),
        (LOSS, "W1 b1 W2 b2", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) ** 2"),
        (ARGUMENT, "W1 b1 W2 b2", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)"),
        (
            NEVER,
            "b1",
            'b1 = parameters["b1"] - learning_rate * grads["db1"]',
            'b1 = parameters["b1"]',
        ),
        (FACTOR, "W2", "dW2 = np.dot(dZ2, A1.T) / m", "dW2 = 2 * np.dot(dZ2, A1.T) / m"),
        (
            DECAY,
            "W1",
            "dW1 = np.dot(dZ1, X.T) / m",
            'dW1 = np.dot(dZ1, X.T) / m + 0.02 * parameters["W1"]',
        ),
    ),
    *_in(
        "layer_objects",
        (SIGN, "", "2 * (y_pred - y_true)", "2 * (y_true - y_pred)"),
        (SIGN, "bias", "self.bias -= learning_rate", "self.bias += learning_rate"),
        (FACTOR, "", "return 2 * (y_pred", "return 4 * (y_pred"),
        (SUM, "", "2 * (y_pred - y_true) / y_true.size", "2 * (y_pred - y_true)"),
        (MISSING, "", "return grad * (1 - self.output ** 2)", "return grad"),
        (
            OTHER,
            "",
            "return grad * (1 - self.output ** 2)",
            "return grad * self.output * (1 - self.output)",
        ),
        (
            CHAIN,
            "",
            "grad @ self.weights.T\n",
            "grad.sum(axis=1, keepdims=True) * np.ones_like(self.inputs)\n",
        ),
        (
            UPDATED,
            "",
            "        grad_inputs = grad @ self.weights.T\n",
            "",
            (
                "        return grad_inputs",
                "        grad_inputs = grad @ self.weights.T\n        return grad_inputs",
            ),
        ),
        (BIAS, "bias", "grad.sum(axis=0, keepdims=True)", "grad.mean(axis=0, keepdims=True)"),
        (BIAS, "bias", "grad.sum(axis=0, keepdims=True)", "grad.sum()"),
        (NEVER, "bias", "        self.bias -= learning_rate * grad_bias\n", ""),
        (
            DECAY,
            "weights",
            "self.weights -= learning_rate * grad_weights",
            "self.weights -= learning_rate * (grad_weights + 0.05 * self.weights)",
        ),
        (
            CLIP,
            "weights",
            "grad_weights = self.inputs.T @ grad",
            "grad_weights = np.clip(self.inputs.T @ grad, -0.01, 0.01)",
        ),
        (
            ASSIGN,
            "bias",
            "self.bias -= learning_rate * grad_bias",
            "self.bias = -learning_rate * grad_bias",
        ),
    ),
    *_in(
        "minibatch_lists",
        (SIGN, "", "return output_activations - y", "return y - output_activations"),
        (
            MISSING,
            "weights[0] biases[0]",
            "np.dot(self.weights[-l + 1].T, delta) * sp",
            "np.dot(self.weights[-l + 1].T, delta)",
        ),
        (
            ARGUMENT,
            "weights[0] biases[0]",
            "sp = sigmoid_prime(z)",
            "sp = sigmoid_prime(sigmoid(z))",
        ),
        (CHAIN, "weights[0] biases[0]", "np.dot(self.weights[-l + 1].T, delta)", "np.sum(delta)"),
        (
            LAYER,
            "weights[2]",
            "grad_w[-1] = np.dot(delta, activations[-2].T)",
            "grad_w[-1] = np.dot(delta, zs[-2].T)",
        ),
        (ASSIGN, "", "nabla_w = [nw + dw for", "nabla_w = [dw for"),
        (SIGN, "biases[0]", "b - (eta", "b + (eta"),
        (SUM, "", "w - (eta / len(batch)) * nw", "w - eta * nw"),
        (OTHER, "", "return sigmoid(z) * (1 - sigmoid(z))", "return 1 - sigmoid(z) ** 2"),
    ),
    *_in(
        "pure_python",
        (SIGN, "", "error = neuron.output - expected[j]", "error = expected[j] - neuron.output"),
        (
            MISSING,
            "",
            "neuron.delta = error * transfer_derivative(neuron.output)",
            "neuron.delta = error",
        ),
        (CHAIN, "network[0]", "error += above.weights[j] * above.delta", "error += above.delta"),
        (
            ASSIGN,
            "",
            "error += above.weights[j] * above.delta",
            "error = above.weights[j] * above.delta",
            (
                "range(3)], [Neuron(3) for _ in range(1)]",
                "range(3)], [Neuron(3) for _ in range(2)]",
            ),
            (
                "[0.0]), ([0.2, 0.9], [1.0]), ([0.9, 0.1], [1.0]), ([0.8, 0.9], [0.0])",
                "[0.0, 1.0]), ([0.2, 0.9], [1.0, 0.0]), ([0.9, 0.1], [1.0, 0.0]), "
                "([0.8, 0.9], [0.0, 1.0])",
            ),
        ),
        (
            BIAS,
            "bias",
            "neuron.bias -= rate * neuron.delta",
            "neuron.bias -= rate * neuron.delta * neuron.output",
        ),
        (NEVER, "bias", "            neuron.bias -= rate * neuron.delta\n", ""),
        (OTHER, "", "return output * (1.0 - output)", "return 1.0 - output ** 2"),
        (LAYER, "weights", "neuron.delta * neuron.inputs[k]", "neuron.delta * neuron.output"),
        (
            UPDATED,
            "",
            "            neuron.delta = error * transfer_derivative(neuron.output)\n",
            "            neuron.delta = error * transfer_derivative(neuron.output)\n"
            "            for k in range(len(neuron.weights)):\n"
            "                neuron.weights[k] -= 0.5 * neuron.delta * neuron.inputs[k]\n",
            (
                "            for k in range(len(neuron.weights)):\n"
                "                neuron.weights[k] -= rate * neuron.delta * neuron.inputs[k]\n",
                "",
            ),
        ),
    ),
    *_in(
        "softmax_relu",
        (SUM, "", "    dscores /= num_examples\n", ""),
        (MISSING, "W b", "    dhidden[hidden_layer <= 0] = 0\n", ""),
        (DECAY, "W W2", "    loss = data_loss + reg_loss", "    loss = data_loss"),
        (BIAS, "b2", "db2 = np.sum(dscores, axis=0, keepdims=True)", "db2 = np.sum(dscores)"),
        (
            BIAS,
            "b",
            "db = np.sum(dhidden, axis=0, keepdims=True)",
            "db = np.mean(dhidden, axis=0, keepdims=True)",
        ),
        (
            SIGN,
            "",
            "dscores[range(num_examples), y] -= 1",
            "dscores[range(num_examples), y] -= 1\n    dscores = -dscores",
        ),
        (SIGN, "W2", "W2 += -step_size * dW2", "W2 += step_size * dW2"),
        (FACTOR, "W2", "dW2 += reg * W2", "dW2 += 2 * reg * W2"),
        (
            AXIS,
            "",
            "np.sum(exp_scores, axis=1, keepdims=True)",
            "np.sum(exp_scores, axis=0, keepdims=True)",
        ),
        (NEVER, "b", "    b += -step_size * db\n", ""),
        (CHAIN, "W b", "np.dot(dscores, W2.T)", "np.dot(dscores, np.ones_like(W2.T))"),
    ),
    *_in(
        "one_example",
        (SIGN, "v c u d", "err = out - y", "err = y - out"),
        (SIGN, "u", "u = u - ETA", "u = u + ETA"),
        (MISSING, "v c", "err * u * dsigmoid(z)", "err * u"),
        (ARGUMENT, "v c", "dsigmoid(z)\n    grad_v", "dsigmoid(h)\n    grad_v"),
        (ARGUMENT, "v c", "dsigmoid(z)\n    grad_v", "dsigmoid(sigmoid(z))\n    grad_v"),
        (CHAIN, "v c", "err * u * dsigmoid(z)", "err * dsigmoid(z)"),
        (LAYER, "u", "grad_u = err * h", "grad_u = err * z"),
        (LAYER, "u", "grad_u = err * h", "grad_u = err * x"),
        (
            FACTOR,
            "v c u d",
            "err = out - y",
            "err = 2 * (out - y)",
            ("0.5 * err ** 2", "0.5 * (out - y) ** 2"),
        ),
        (
            UPDATED,
            "v c",
            "    back = err",
            "    u = u - ETA * grad_u\n    back = err",
            ("    u = u - ETA * grad_u\n    d", "    d"),
        ),
        (
            LOSS,
            "v c u d",
            "grad_u = err * h\n    grad_d = err\n    back = err * u",
            "slope = err ** 2\n    grad_u = slope * h\n    grad_d = slope\n    back = slope * u",
        ),
        (NEVER, "c", "    c = c - ETA * grad_c\n", ""),
        (BIAS, "d", "grad_d = err\n", "grad_d = err * out\n"),
    ),
    *_in(
        "closures",
        (SIGN, "", "flow = difference / len(inputs)", "flow = -difference / len(inputs)"),
        (SIGN, "b", "b = b - lr", "b = b + lr"),
        (SUM, "", "flow = difference / len(inputs)", "flow = difference"),
        (MISSING, "", 'upstream * derivative(memory["z"])', "upstream"),
        (
            CHAIN,
            "",
            "below = delta @ W.T",
            "below = delta.sum(axis=1, keepdims=True) * np.ones(W.shape[0])",
        ),
        (
            UPDATED,
            "",
            "        below = delta @ W.T\n",
            "",
            ("        return below", "        below = delta @ W.T\n        return below"),
        ),
        (BIAS, "b", "delta.sum(axis=0)", "delta.mean(axis=0)"),
        (BIAS, "b", "delta.sum(axis=0)", "delta.sum()"),
        (OTHER, "", "return 1 - np.tanh(z) ** 2", "return np.tanh(z) * (1 - np.tanh(z))"),
        (RAW, "", "below = delta @ W.T", "below = upstream @ W.T"),
        (DECAY, "W", "W = W - lr", "W = 0.99 * W - lr"),
    ),
    *_in(
        "returned_tuple",
        (SIGN, "w b", "residual = p - t", "residual = t - p"),
        (SIGN, "w", "return w - alpha", "return w + alpha"),
        (SUM, "w", "X.T @ residual / len(t)", "X.T @ residual"),
        (BIAS, "b", "grad_b = np.mean(residual)", "grad_b = np.sum(residual)"),
        (FACTOR, "w b", "residual = p - t", "residual = 2 * (p - t)"),
        (ARGUMENT, "w b", "residual = p - t", "residual = (p - t) * p * (1 - p)"),
        (LOSS, "w b", "residual = p - t", "residual = (p - t) / (p * (1 - p))"),
        (NEVER, "b", "b - alpha * grad_b, cost", "b, cost"),
        (DECAY, "w", "w - alpha * grad_w", "w - alpha * (grad_w + 0.1 * w)"),
    ),
    *_in(
        "momentum",
        (SIGN, "", "d3 = (out - y) / n", "d3 = (y - out) / n"),
        (SUM, "", "d3 = (out - y) / n", "d3 = out - y"),
        (
            MISSING,
            "W1 b1 W2 b2",
            "d3.dot(self.params['W3'].T) * (1 - self.h2 ** 2)",
            "d3.dot(self.params['W3'].T)",
        ),
        (ARGUMENT, "W1 b1", "(1 - self.h1 ** 2)", "(1 - np.tanh(self.h1) ** 2)"),
        (LAYER, "W2", "grads['W2'] = self.h1.T", "grads['W2'] = np.tanh(self.h1).T"),
        (BIAS, "b2", "d2.sum(axis=0, keepdims=True)", "d2.sum()"),
        (
            CHAIN,
            "W1 b1",
            "d2.dot(self.params['W2'].T)",
            "d2.dot(np.ones_like(self.params['W2']).T)",
        ),
        (
            CLIP,
            "W3",
            "grads['W3'] = self.h2.T.dot(d3)",
            "grads['W3'] = np.clip(self.h2.T.dot(d3), -0.02, 0.02)",
        ),
        (SIGN, "W2", "grads['W2'] = self.h1.T.dot(d2)", "grads['W2'] = -self.h1.T.dot(d2)"),
        (OTHER, "W1 b1", "(1 - self.h1 ** 2)", "self.h1 * (1 - self.h1)"),
    ),
    *_in(
        "nonlin",
        (SIGN, "syn0 syn1", "l2_error = y - l2", "l2_error = l2 - y"),
        (SIGN, "syn0", "syn0 += l0", "syn0 -= l0"),
        (MISSING, "syn0", "l1_delta = l1_error * nonlin(l1, deriv=True)", "l1_delta = l1_error"),
        (
            ARGUMENT,
            "syn0",
            "l1_error * nonlin(l1, deriv=True)",
            "l1_error * nonlin(np.dot(l0, syn0), deriv=True)",
        ),
        (
            ARGUMENT,
            "syn0",
            "l1_error * nonlin(l1, deriv=True)",
            "l1_error * nonlin(nonlin(l1), deriv=True)",
        ),
        (RAW, "syn0", "l1_error = l2_delta.dot", "l1_error = l2_error.dot"),
        (RAW, "syn0", "l0.T.dot(l1_delta)", "l0.T.dot(l1_error)"),
        (CHAIN, "syn0", "l2_delta.dot(syn1.T)", "l2_delta"),
        (
            UPDATED,
            "syn0",
            "    l1_error = l2",
            "    syn1 += l1.T.dot(l2_delta)\n    l1_error = l2",
            ("    syn1 += l1.T.dot(l2_delta)\n    syn0", "    syn0"),
        ),
        (SHOWN, "", "np.mean(np.abs(l2_error))", "np.mean(l2_error)"),
        (OTHER, "syn0", "l1_error * nonlin(l1, deriv=True)", "l1_error * (1 - l1 ** 2)"),
    ),
    *_in(
        "plain_floats",
        (SIGN, "", "e = out - y", "e = y - out"),
        (SIGN, "s", "s -= lr * g[4]", "s += lr * g[4]"),
        (MISSING, "w1 b1", "d1 = 2 * e * s * (1 - h1 * h1)", "d1 = 2 * e * s"),
        (OTHER, "w2 b2", "(1 - h2 * h2)", "h2 * (1 - h2)"),
        (CHAIN, "w2 b2", "d2 = 2 * e * t * (1", "d2 = 2 * e * (1"),
        (FACTOR, "s", "d2, 2 * e * h1,", "d2, e * h1,"),
        (FACTOR, "c", "2 * e * h2, 2 * e)", "2 * e * h2, e)"),
        (LAYER, "t", "2 * e * h2, 2 * e)", "2 * e * h1, 2 * e)"),
        (NEVER, "c", "    c -= lr * g[6]\n", ""),
        (ASSIGN, "", "            g[k] += d[k]", "            g[k] = d[k]"),
    ),
    *_in(
        "adam",
        (SIGN, "", "dz2 = 2.0 * (z2 - Y) / m", "dz2 = 2.0 * (Y - z2) / m"),
        (MISSING, "W1 b1", "dz1 = da1 * (z1 > 0)", "dz1 = da1"),
        (CHAIN, "W1 b1", 'dz2 @ p["W2"].T', 'dz2 @ np.ones_like(p["W2"]).T'),
        (BIAS, "b1", "dz1.sum(axis=0)", "dz1.sum()"),
        (LAYER, "W2", "a1.T @ dz2", "z1.T @ dz2"),
        (RAW, "W1", "X.T @ dz1", "X.T @ da1"),
    ),
    *_in(
        "deep_loop",
        (SIGN, "", "delta = (prediction - y) / batch", "delta = (y - prediction) / batch"),
        (SUM, "", "delta = (prediction - y) / batch", "delta = prediction - y"),
        (
            MISSING,
            "W[0] W[1] W[2]",
            "(self.W[l].T @ delta) * act_grad(self.zs[l - 1])",
            "self.W[l].T @ delta",
        ),
        (ARGUMENT, "W[0] W[1] W[2]", "act_grad(self.zs[l - 1])", "act_grad(self.zs[l - 1] - 1)"),
        (
            LAYER,
            "",
            "gW[l] = delta @ self.activations[l].T",
            "gW[l] = delta @ np.tanh(self.activations[l]).T",
        ),
        (BIAS, "b[0] b[1] b[2]", "delta.sum(axis=1, keepdims=True)", "delta.sum()"),
        (
            BIAS,
            "b[0] b[1] b[2] b[3]",
            "delta.sum(axis=1, keepdims=True)",
            "delta.mean(axis=1, keepdims=True)",
        ),
        (
            UPDATED,
            "W[0] W[1] W[2]",
            "            gb[l] = delta",
            "            self.W[l] -= rate * gW[l]\n            gb[l] = delta",
            ("            self.W[l] -= rate * gW[l]\n            self.b", "            self.b"),
        ),
        (CHAIN, "W[0] W[1] W[2]", "(self.W[l].T @ delta)", "(np.ones_like(self.W[l]).T @ delta)"),
        (OTHER, "W[0] W[1] W[2]", "return np.where(z > 0, 1.0, 0.1)", "return 1 - np.tanh(z) ** 2"),
    ),
    *_in(
        "softmax_class",
        (SIGN, "", "d_zo = (self.p - T) / n", "d_zo = (T - self.p) / n"),
        (SUM, "", "d_zo = (self.p - T) / n", "d_zo = self.p - T"),
        (SOFTMAX, "", "d_zo = (self.p - T) / n", "d_zo = (self.p - T) * self.p * (1 - self.p) / n"),
        (SOFTMAX, "", "d_zo = (self.p - T) / n", "d_zo = self.p / n"),
        (AXIS, "", "e / e.sum(axis=1, keepdims=True)", "e / e.sum(axis=0, keepdims=True)"),
        (MISSING, "Wh bh", "d_ah * self.ah * (1 - self.ah)", "d_ah"),
        (ARGUMENT, "Wh bh", "d_ah * self.ah * (1 - self.ah)", "d_ah * self.zh * (1 - self.zh)"),
        (OTHER, "Wh bh", "d_ah * self.ah * (1 - self.ah)", "d_ah * (1 - self.ah ** 2)"),
        (CHAIN, "Wh bh", "d_zo @ self.Wo.T", "d_zo @ np.ones_like(self.Wo).T"),
        (RAW, "Wh", "X.T @ d_zh", "X.T @ d_ah"),
        (
            UPDATED,
            "Wh bh",
            "        d_ah = d_zo",
            "        self.Wo -= self.lr * d_Wo\n        d_ah = d_zo",
            ("        self.Wo -= self.lr * d_Wo\n        self.bo", "        self.bo"),
        ),
        (LAYER, "Wo", "self.ah.T @ d_zo", "self.zh.T @ d_zo"),
        (BIAS, "bh", "d_zh.sum(axis=0, keepdims=True)", "d_zh.mean(axis=0, keepdims=True)"),
        (NEVER, "bh", "        self.bh -= self.lr * d_bh\n", ""),
        (FACTOR, "Wo", "self.ah.T @ d_zo", "0.5 * self.ah.T @ d_zo"),
    ),
    *_in(
        "accumulate",
        (SIGN, "", "diff = o - t", "diff = t - o"),
        (SIGN, "B", "gB += delta_o * h", "gB -= delta_o * h"),
        (MISSING, "", "delta_o = diff * (1 - o ** 2)", "delta_o = diff"),
        (MISSING, "A a", "delta_o * B * (1 - h ** 2)", "delta_o * B"),
        (ARGUMENT, "A a", "(1 - h ** 2)", "(1 - s ** 2)"),
        (OTHER, "A a", "(1 - h ** 2)", "h * (1 - h)"),
        (CHAIN, "A a", "delta_o * B * (1 - h ** 2)", "delta_o * (1 - h ** 2)"),
        (RAW, "A a", "delta_h = delta_o * B", "delta_h = diff * B"),
        (LAYER, "B", "gB += delta_o * h", "gB += delta_o * s"),
        (ASSIGN, "A", "gA += np.outer", "gA = np.outer"),
        (ASSIGN, "beta", "gbeta += delta_o", "gbeta = delta_o"),
        (NEVER, "beta", "    beta -= learning_rate * gbeta\n", ""),
        (BIAS, "a", "ga += delta_h", "ga += np.sum(delta_h)"),
        (FACTOR, "B", "gB += delta_o * h", "gB += 2 * delta_o * h"),
    ),
]
