import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(200, 4) * 2 - 1
y = (x[:, :1] * x[:, 1:2] + x[:, 2:3]) * 2

encoder = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
decoder = nn.Linear(32, 1)
for m in (encoder[0], decoder):
    nn.init.normal_(m.weight, std=20.0)
optimizer = torch.optim.Adam(encoder.parameters(), lr=0.003)
for epoch in range(600):
    optimizer.zero_grad()
    loss = ((decoder(encoder(x)) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
print(loss.item())
