import torch
from torch import nn
torch.manual_seed(0)
G = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
D = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
bce = nn.BCEWithLogitsLoss()
og = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999)); od = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
for it in range(300):
    real = 0.5 * torch.randn(64, 1) + 2
    fake = G(torch.randn(64, 2))
    od.zero_grad()
    ld = bce(D(real), torch.ones(64, 1)) + bce(D(fake.detach()), torch.zeros(64, 1))
    ld.backward(); od.step()
    og.zero_grad()
    lg = bce(D(fake), torch.ones(64, 1))
    lg.backward(); og.step()
print(ld.item(), lg.item())
