import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(100, 3); y = x.sum(1, keepdim=True)
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.Adam(model.parameters())
for epoch in range(50):
    with torch.no_grad():
        pred = model(x)
    loss = ((pred - y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
