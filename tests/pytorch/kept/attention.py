import math

import torch
import torch.nn as nn


class SelfAttention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / math.sqrt(x.shape[-1])
        return torch.softmax(scores, dim=-1) @ self.v(x)


class Copier(nn.Module):
    """Says which symbol of a sequence comes most often."""

    def __init__(self, symbols=5, dim=16, length=9):
        super().__init__()
        self.embed = nn.Embedding(symbols, dim)
        self.attention = SelfAttention(dim)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, symbols)

    def forward(self, tokens):
        x = self.embed(tokens)
        x = self.norm(x + self.attention(x))
        return self.out(x.mean(1))


torch.manual_seed(0)
tokens = torch.randint(0, 5, (500, 9))
labels = torch.stack([(tokens == s).sum(1) for s in range(5)], 1).argmax(1)
net = Copier()
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=300)
for step in range(300):
    batch = torch.randint(0, 500, (64,))
    loss = nn.functional.cross_entropy(net(tokens[batch]), labels[batch])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 50 == 0:
        print(step, loss.item())
