import numpy as np
rng = np.random.default_rng(2)
data = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)) * 0.3
enc_w = rng.normal(size=(6, 3)) * 0.4
enc_b = np.zeros(3)
dec_w = rng.normal(size=(3, 6)) * 0.4
dec_b = np.zeros(6)
params = [enc_w, enc_b, dec_w, dec_b]
vel = [np.zeros_like(p) for p in params]
mu, eps = 0.9, 0.01

def loss_fn(recon, target):
    return ((recon - target) ** 2).sum() / (2 * len(target))

for epoch in range(400):
    code = np.tanh(data @ enc_w + enc_b)
    recon = code @ dec_w + dec_b
    L = loss_fn(recon, data)
    g_recon = (recon - data) / len(data)
    g_dec_w = code.T @ g_recon
    g_dec_b = g_recon.sum(axis=0)
    g_code = g_recon @ dec_w.T
    g_pre = g_code * (1 - code ** 2)
    g_enc_w = data.T @ g_pre
    g_enc_b = g_pre.sum(axis=0)
    for p, v, g in zip(params, vel, [g_enc_w, g_enc_b, g_dec_w, g_dec_b]):
        v *= mu
        v -= eps * g
        p += v
    if epoch % 50 == 0:
        print(epoch, L)
