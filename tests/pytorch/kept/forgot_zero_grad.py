import argparse

import torch
import torch.nn as nn


def make_data(n):
    g = torch.Generator().manual_seed(1)
    x = torch.rand(n, 2, generator=g) * 2 - 1
    y = (x[:, :1] * x[:, 1:]) + 0.5 * torch.sin(3 * x[:, :1])
    return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--momentum", type=float, default=0.9)
    args = parser.parse_args()

    torch.manual_seed(0)
    x, y = make_data(400)
    net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    opt = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=args.momentum)
    crit = nn.MSELoss()
    for epoch in range(args.epochs):
        pred = net(x)
        loss = crit(pred, y)
        loss.backward()
        opt.step()
        if epoch % 50 == 0:
            print(f"epoch {epoch} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
