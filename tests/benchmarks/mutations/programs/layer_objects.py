import numpy as np


class Layer:
    def forward(self, inputs):
        raise NotImplementedError

    def backward(self, grad, learning_rate):
        raise NotImplementedError


class Dense(Layer):
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out) / np.sqrt(n_in)
        self.bias = np.zeros((1, n_out))

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.bias

    def backward(self, grad, learning_rate):
        grad_inputs = grad @ self.weights.T
        grad_weights = self.inputs.T @ grad
        grad_bias = grad.sum(axis=0, keepdims=True)
        self.weights -= learning_rate * grad_weights
        self.bias -= learning_rate * grad_bias
        return grad_inputs


class ReLU(Layer):
    def forward(self, inputs):
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, grad, learning_rate):
        return grad * (self.inputs > 0)


class Tanh(Layer):
    def forward(self, inputs):
        self.output = np.tanh(inputs)
        return self.output

    def backward(self, grad, learning_rate):
        return grad * (1 - self.output ** 2)


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


np.random.seed(5)
X = np.random.uniform(-1, 1, size=(50, 2))
Y = X[:, :1] * X[:, 1:]
network = [Dense(2, 6), Tanh(), Dense(6, 5), ReLU(), Dense(5, 1)]

for epoch in range(5000):
    output = X
    for layer in network:
        output = layer.forward(output)
    error = mse(Y, output)
    grad = mse_prime(Y, output)
    for layer in reversed(network):
        grad = layer.backward(grad, 0.1)
    if (epoch + 1) % 500 == 0:
        print(f"epoch {epoch + 1}  error={error:.6f}")
