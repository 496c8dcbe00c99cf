import torch
import torch.nn as nn
import torch.nn.functional as F
torch.manual_seed(0)
X = torch.randn(200, 4)
y = X[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(200):
    out = F.softmax(net(X), dim=1)
    loss = F.nll_loss(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(loss.item())
