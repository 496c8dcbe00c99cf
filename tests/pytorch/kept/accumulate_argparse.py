#!/usr/bin/env python
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def parse():
    p = argparse.ArgumentParser(description="two spirals")
    p.add_argument("--lr", type=float, default=0.02)
    p.add_argument("--epochs", type=int, default=80)
    p.add_argument("--accumulate", type=int, default=4)
    return p.parse_args()


def spirals(n):
    t = torch.sqrt(torch.rand(n)) * 6
    d = torch.stack([t * torch.cos(t), t * torch.sin(t)], 1) / 6
    x = torch.cat([d, -d]) + 0.02 * torch.randn(2 * n, 2)
    y = torch.cat([torch.zeros(n), torch.ones(n)])
    return 1.5 * x, y


def main():
    args = parse()
    torch.manual_seed(0)
    x, y = spirals(300)
    loader = DataLoader(TensorDataset(x, y), batch_size=15, shuffle=True)
    net = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    opt = torch.optim.Adam(net.parameters(), lr=args.lr)
    lossf = nn.BCEWithLogitsLoss()
    for epoch in range(args.epochs):
        opt.zero_grad()
        total = 0.0
        for i, (xb, yb) in enumerate(loader, 1):
            loss = lossf(net(xb).squeeze(1), yb) / args.accumulate
            loss.backward()
            total += loss.item() * args.accumulate
            if i % args.accumulate == 0:
                torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
                opt.step()
                opt.zero_grad()
        if epoch % 20 == 0:
            print(epoch, total / len(loader))


if __name__ == "__main__":
    main()
