import torch
import torch.nn as nn

torch.manual_seed(0)
x = torch.linspace(0, 6, 150).unsqueeze(1)
y = torch.sin(x) + 0.3 * x
model = nn.Sequential(nn.Linear(1, 50), nn.Tanh(), nn.Linear(50, 1))
opt = torch.optim.SGD(model.parameters(), lr=1.5)
for epoch in range(2000):
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    opt.step()
print(loss.item())
