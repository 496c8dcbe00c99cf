import torch
import torch.nn as nn
import torch.nn.functional as F


class Model(nn.Module):
    def __init__(self, d, h, k):
        super().__init__()
        self.W1 = nn.Parameter(torch.zeros(d, h))
        self.b1 = nn.Parameter(torch.zeros(h))
        self.W2 = nn.Parameter(torch.zeros(h, k))
        self.b2 = nn.Parameter(torch.zeros(k))

    def forward(self, x):
        return F.relu(x @ self.W1 + self.b1) @ self.W2 + self.b2


torch.manual_seed(1)
X = torch.randn(400, 10)
T = (X[:, :4] * torch.tensor([1.0, -1, 1, -1])).cumsum(1).argmax(1)
model = Model(10, 50, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for it in range(300):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(X), T)
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        acc = (model(X).argmax(1) == T).float().mean()
        print(it, loss.item(), acc.item())
