import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
X = torch.rand(1000, 8)
Y = torch.stack([X[:, 0] > 0.5, X[:, 1] + X[:, 2] > 1, X[:, 3] < X[:, 4]], 1).float()
loader = DataLoader(TensorDataset(X, Y), batch_size=25, shuffle=True, drop_last=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 32)
        self.b = nn.Linear(32, 3)

    def forward(self, x):
        return self.b(F.relu(self.a(x)))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
for epoch in range(40):
    for x, y in loader:
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(net(x), y)
        loss.backward()
        opt.step()
with torch.no_grad():
    print("accuracy", ((net(X) > 0) == Y.bool()).float().mean().item())
