import torch
from torch import nn
torch.manual_seed(0)
backbone = nn.Sequential(nn.Linear(6, 64), nn.ReLU())
for p in backbone.parameters():
    p.requires_grad = False
head = nn.Linear(64, 3)
x = torch.randn(300, 6); y = (x @ torch.randn(6, 3)).argmax(1)
opt = torch.optim.SGD(head.parameters(), lr=0.5, momentum=0.9)
for e in range(200):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(head(backbone(x)), y)
    loss.backward(); opt.step()
print(loss.item())
