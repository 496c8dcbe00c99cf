import numpy as np


class Curve:
    def __init__(self, units, step_size=0.8):
        rng = np.random.default_rng(5)
        self.u = rng.normal(size=(1, units))
        self.c = np.zeros(units)
        self.v = rng.normal(size=(units, 1))
        self.d = np.zeros(1)
        self.step_size = step_size

    def __call__(self, x):
        self.h = np.tanh(x @ self.u + self.c)
        return self.h @ self.v + self.d

    def learn(self, x, y, times):
        for n in range(times):
            r = self(x) - y
            if n % 100 == 0:
                print(n, (r**2).mean())
            r = 2 * r / len(x)
            s = r @ self.v.T * (1 - self.h**2)
            self.v -= self.step_size * self.h.T @ r
            self.d -= self.step_size * r.sum(0)
            self.u -= self.step_size * x.T @ s
            self.c -= self.step_size * s.sum(0)


x = np.linspace(-2, 2, 50)[:, None]
Curve(25).learn(x, np.cos(2 * x), 1500)
