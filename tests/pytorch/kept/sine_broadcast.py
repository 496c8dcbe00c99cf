import math
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader


class SineData(Dataset):
    def __init__(self, n=512):
        self.x = torch.linspace(-math.pi, math.pi, n).reshape(-1, 1)
        self.y = torch.sin(self.x[:, 0])

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class MLP(nn.Module):
    def __init__(self):
        super(MLP, self).__init__()
        self.l1 = nn.Linear(1, 50)
        self.l2 = nn.Linear(50, 50)
        self.l3 = nn.Linear(50, 1)

    def forward(self, x):
        x = torch.tanh(self.l1(x))
        x = torch.tanh(self.l2(x))
        return self.l3(x)


torch.manual_seed(7)
model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loader = DataLoader(SineData(), batch_size=32, shuffle=True)
for epoch in range(40):
    losses = []
    for x, y in loader:
        y_hat = model(x)
        loss = ((y_hat - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 5 == 0:
        print(epoch, sum(losses) / len(losses))
