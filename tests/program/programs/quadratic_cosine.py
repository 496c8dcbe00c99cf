import numpy as np
import matplotlib.pyplot as plt

raw = 2 * np.random.normal(size=(1000, 1))
target = raw ** 2 - 0.2 * np.cos(3 * np.pi * raw)

def standardise(d):
    return (d - np.mean(d)) / np.var(d)

x = standardise(raw)
H = 10
w0 = 2 * np.random.random((1, H)) - 1
w1 = 2 * np.random.random((H, 1)) - 1
b0 = np.random.normal(size=(1000, H))
b1 = np.random.normal(size=(1000, 1))
lr = 1
for j in range(4):
    hid = 1 / (1 + np.exp(-(np.dot(x, w0) + b0)))
    out = np.dot(hid, w1) + b1
    d_out = np.mean(target - out) * 2 * (target - out)
    d_hid = d_out.dot(w1.T) * (hid * (1 - hid))
    w1 += lr * hid.T.dot(d_out)
    w0 += lr * x.T.dot(d_hid)
    b0 += lr * d_hid
    b1 += lr * d_out
    print('loss', np.mean(target - out))
hid = 1 / (1 + np.exp(-(np.dot(x, w0))))
plt.plot(x, target)
plt.show()
