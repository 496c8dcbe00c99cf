"""A recurrent network that keeps its state from step to step, with all that made it."""

import torch
from torch import nn

torch.manual_seed(3)
wave = torch.sin(torch.linspace(0, 30, 600))
cell, head = nn.RNN(1, 12, batch_first=True), nn.Linear(12, 1)
optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.01)
state = None
for step in range(29):
    piece = wave[20 * step : 20 * step + 21]
    out, state = cell(piece[:-1].reshape(1, 20, 1), state)
    loss = nn.functional.mse_loss(head(out), piece[1:].reshape(1, 20, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
