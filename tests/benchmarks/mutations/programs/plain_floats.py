import math

data = [(-1.0, 0.9), (-0.4, 0.1), (0.3, -0.2), (0.8, 0.5), (1.5, 1.9)]
w1, b1, w2, b2, s, t = 0.6, 0.1, -0.5, 0.2, 0.7, 0.4
c = 0.0
lr = 0.02


def partials(w1, b1, w2, b2, s, t, c, x, y):
    h1 = math.tanh(w1 * x + b1)
    h2 = math.tanh(w2 * x + b2)
    out = s * h1 + t * h2 + c
    e = out - y
    d1 = 2 * e * s * (1 - h1 * h1)
    d2 = 2 * e * t * (1 - h2 * h2)
    return e * e, (d1 * x, d1, d2 * x, d2, 2 * e * h1, 2 * e * h2, 2 * e)


epoch = 0
while epoch < 3000:
    total = 0.0
    g = [0.0] * 7
    for x, y in data:
        loss, d = partials(w1, b1, w2, b2, s, t, c, x, y)
        total += loss
        for k in range(7):
            g[k] += d[k]
    w1 -= lr * g[0]
    b1 -= lr * g[1]
    w2 -= lr * g[2]
    b2 -= lr * g[3]
    s -= lr * g[4]
    t -= lr * g[5]
    c -= lr * g[6]
    if epoch % 300 == 0:
        print(epoch, total)
    epoch += 1
