import numpy as np

ACT = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a ** 2),
    "linear": (lambda z: z, lambda a: np.ones_like(a)),
}

class Dense:
    def __init__(self, n_in, n_out, activation, rng):
        self.w = rng.normal(scale=0.7, size=(n_in, n_out))
        self.bias = rng.normal(scale=0.1, size=n_out)
        self.f, self.df = ACT[activation]

    def __call__(self, x):
        self.inp = x
        self.a = self.f(x.dot(self.w) + self.bias)
        return self.a

    def back(self, g, rate):
        g = g * self.df(self.a)
        upstream = g.dot(self.w.T)
        self.w -= rate * self.inp.T.dot(g) / len(g)
        self.bias -= rate * g.mean(axis=0)
        return upstream

rng = np.random.default_rng(21)
xs = np.linspace(-2, 2, 40)[:, None]
ys = np.sin(2 * xs)
net = [Dense(1, 9, "tanh", rng), Dense(9, 5, "sigmoid", rng), Dense(5, 1, "linear", rng)]

def predict(x):
    for layer in net:
        x = layer(x)
    return x

for epoch in range(3000):
    out = predict(xs)
    cost = ((out - ys) ** 2).mean() / 2
    grad = out - ys
    for layer in net[::-1]:
        grad = layer.back(grad, 0.3)
    if epoch % 300 == 0:
        print(f"{epoch:5d} {cost:.5f}")
