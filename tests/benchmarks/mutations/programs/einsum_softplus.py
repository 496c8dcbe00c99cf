import numpy as np
rng = np.random.default_rng(11)
n, d, h = 64, 3, 10
X = rng.normal(size=(n, d))
Y = (X ** 2).sum(1, keepdims=True) - 2.0

theta = dict(
    W=rng.normal(0, 0.4, size=(h, d)),
    c=np.zeros(h),
    v=rng.normal(0, 0.4, size=(1, h)),
    e=np.zeros(1),
)

def value_and_grad(theta, X, Y):
    pre = np.einsum('hd,nd->nh', theta['W'], X) + theta['c']
    act = np.logaddexp(0, pre)                     # softplus
    out = np.einsum('oh,nh->no', theta['v'], act) + theta['e']
    r = out - Y
    value = 0.5 * np.einsum('no,no->', r, r) / n
    dout = r / n
    g = {}
    g['v'] = np.einsum('no,nh->oh', dout, act)
    g['e'] = dout.sum(0)
    dact = np.einsum('no,oh->nh', dout, theta['v'])
    dpre = dact / (1 + np.exp(-pre))
    g['W'] = np.einsum('nh,nd->hd', dpre, X)
    g['c'] = dpre.sum(0)
    return value, g

for k in range(2000):
    value, g = value_and_grad(theta, X, Y)
    theta = {name: theta[name] - 0.05 * g[name] for name in theta}
    if k % 100 == 0:
        print(k, value)
