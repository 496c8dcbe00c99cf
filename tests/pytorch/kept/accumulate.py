import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader
torch.manual_seed(0)
x = torch.randn(256, 5); y = torch.sin(x.sum(1, keepdim=True))
dl = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
net = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=60)
accum = 4
for epoch in range(60):
    for i, (a, b) in enumerate(dl):
        loss = nn.functional.mse_loss(net(a), b) / accum
        loss.backward()
        if (i + 1) % accum == 0:
            opt.step(); opt.zero_grad()
    sched.step()
print(loss.item() * accum)
