import argparse

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--weight-decay", type=float, default=1.0)
parser.add_argument("--lr", type=float, default=0.05)
args, _ = parser.parse_known_args()

torch.manual_seed(0)
x = torch.rand(300, 2) * 4 - 2
y = torch.sin(x[:, :1]) * torch.cos(x[:, 1:])
model = nn.Sequential(nn.Linear(2, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=args.weight_decay)
for step in range(1000):
    loss = nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 200 == 0:
        print(step, loss.item())
