import torch
import torch.nn as nn

torch.manual_seed(0)
t = torch.linspace(-2, 2, 160).view(-1, 1)
s = torch.abs(t)


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.1)
        nn.init.zeros_(m.bias)


model = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
model.apply(init_weights)
optim = torch.optim.Adam(model.parameters(), lr=0.01)
mse = nn.MSELoss()
for i in range(800):
    optim.zero_grad()
    out = mse(model(t), s)
    out.backward()
    optim.step()
print(float(out))
