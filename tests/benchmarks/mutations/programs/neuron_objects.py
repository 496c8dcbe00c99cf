import math, random
random.seed(0)

class Neuron:
    def __init__(self, n):
        self.w = [random.uniform(-1, 1) for _ in range(n)]
        self.b = random.uniform(-1, 1)

    def out(self, xs):
        self.xs = xs
        self.z = sum(w * x for w, x in zip(self.w, xs)) + self.b
        self.o = 1 / (1 + math.exp(-self.z))
        return self.o

hidden = [Neuron(2) for _ in range(3)]
final = Neuron(3)
rate = 0.5
table = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]

for epoch in range(10000):
    loss = 0
    for xs, t in table:
        hs = [n.out(xs) for n in hidden]
        o = final.out(hs)
        loss += (t - o) ** 2
        d = (o - t) * o * (1 - o)
        ds = [d * final.w[k] * hidden[k].o * (1 - hidden[k].o) for k in range(3)]
        for k in range(3):
            final.w[k] -= rate * d * hs[k]
        final.b -= rate * d
        for k in range(3):
            for i in range(2):
                hidden[k].w[i] -= rate * ds[k] * xs[i]
            hidden[k].b -= rate * ds[k]
    if epoch % 1000 == 0:
        print(epoch, loss)
