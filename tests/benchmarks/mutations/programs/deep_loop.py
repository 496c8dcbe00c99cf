import numpy as np


def act(z):
    return np.where(z > 0, z, 0.1 * z)


def act_grad(z):
    return np.where(z > 0, 1.0, 0.1)


class DeepNet:
    def __init__(self, dims):
        gen = np.random.default_rng(21)
        self.W = [gen.normal(scale=np.sqrt(2 / i), size=(o, i)) for i, o in zip(dims[:-1], dims[1:])]
        self.b = [gen.normal(scale=0.1, size=(o, 1)) for o in dims[1:]]

    def propagate(self, x):
        self.zs, self.activations = [], [x]
        for k, (w, b) in enumerate(zip(self.W, self.b)):
            z = w @ self.activations[-1] + b
            self.zs.append(z)
            last = k == len(self.W) - 1
            self.activations.append(z if last else act(z))
        return self.activations[-1]

    def train_batch(self, x, y, rate):
        batch = x.shape[1]
        prediction = self.propagate(x)
        loss = np.sum((prediction - y) ** 2) / (2 * batch)
        delta = (prediction - y) / batch
        gW, gb = [None] * len(self.W), [None] * len(self.b)
        for l in range(len(self.W) - 1, -1, -1):
            gW[l] = delta @ self.activations[l].T
            gb[l] = delta.sum(axis=1, keepdims=True)
            if l > 0:
                delta = (self.W[l].T @ delta) * act_grad(self.zs[l - 1])
        for l in range(len(self.W)):
            self.W[l] -= rate * gW[l]
            self.b[l] -= rate * gb[l]
        return loss


def main():
    gen = np.random.default_rng(2)
    inputs = gen.uniform(-1, 1, size=(2, 96))
    outputs = np.sin(2 * inputs[:1]) + inputs[1:] ** 2
    net = DeepNet([2, 6, 6, 4, 1])
    for epoch in range(300):
        order = gen.permutation(96)
        losses = []
        for s in range(0, 96, 32):
            chosen = order[s:s + 32]
            losses.append(net.train_batch(inputs[:, chosen], outputs[:, chosen], 0.05))
        if epoch % 20 == 0:
            print(epoch, np.mean(losses))


if __name__ == "__main__":
    main()
