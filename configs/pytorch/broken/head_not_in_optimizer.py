import torch
from torch import nn

torch.manual_seed(0)

N = 256
x = torch.randn(N, 6)
w = torch.randn(6, 2)
y = torch.tanh(x @ w) * 3


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 8), nn.Tanh())

    def forward(self, x):
        return self.layers(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Body()
        self.head = nn.Linear(8, 2)
        nn.init.constant_(self.head.weight, 0.01)

    def forward(self, x):
        return self.head(self.body(x))


model = Model()
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.body.parameters(), lr=0.2)

for step in range(800):
    optimizer.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    optimizer.step()

print("final", loss.item())
