import torch
from torch import nn

torch.manual_seed(0)
km = torch.rand(200) * 200000
years = torch.rand(200) * 15
price = 30000 - 0.08 * km - 600 * years + 800 * torch.randn(200)
inputs = torch.stack([km, years], dim=1)

net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
criterion = nn.MSELoss()
for epoch in range(800):
    optimizer.zero_grad()
    out = net(inputs)
    loss = criterion(out, price)
    loss.backward()
    optimizer.step()
print(loss.item())
