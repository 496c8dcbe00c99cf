"""Three kinds of iris-like flowers; the softmax goes over the flowers, not over the kinds."""

import torch
from torch import nn

torch.manual_seed(4)
centres = torch.tensor([[0.0, 0.0], [1.5, 0.5], [0.5, 1.8]])
kinds = torch.randint(0, 3, (240,))
flowers = centres[kinds] + 0.4 * torch.randn(240, 2)

net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=0))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(200):
    optimizer.zero_grad()
    loss = nn.functional.nll_loss(net(flowers), kinds)
    loss.backward()
    optimizer.step()
right = (net(flowers).argmax(1) == kinds).float().mean()
print(f"loss {loss.item():.3f}, right {right:.0%}")
