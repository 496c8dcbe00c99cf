import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
X = torch.rand(256, 1, 8, 8) * 255
Y = (X[:, 0, :4].mean((1, 2)) > X[:, 0, 4:].mean((1, 2))).long()
class C(nn.Module):
    def __init__(s):
        super().__init__(); s.c = nn.Conv2d(1, 6, 3); s.f = nn.Linear(6 * 36, 2)
    def forward(s, x):
        return s.f(F.relu(s.c(x)).flatten(1))
net = C(); opt = torch.optim.SGD(net.parameters(), lr=0.1)
for e in range(10):
    for i in range(0, 256, 32):
        out = net(X[i:i+32]); loss = F.cross_entropy(out, Y[i:i+32])
        opt.zero_grad(); loss.backward(); opt.step()
print(loss.item())
