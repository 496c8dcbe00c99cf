# learn an embedding in which pairs of the same class are near each other
import torch
import torch.nn as nn

torch.manual_seed(0)
x = torch.randn(120, 6)
label = (x[:, 0] > 0).long()
encoder = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(encoder.parameters(), lr=0.01)
margin = 1.0
for step in range(300):
    i = torch.randint(0, 120, (64,))
    j = torch.randint(0, 120, (64,))
    a, b = encoder(x[i]), encoder(x[j])
    dist = torch.sqrt(((a - b) ** 2).sum(dim=1))
    same = (label[i] == label[j]).float()
    loss = (same * dist**2 + (1 - same) * torch.clamp(margin - dist, min=0) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(step, loss.item())
