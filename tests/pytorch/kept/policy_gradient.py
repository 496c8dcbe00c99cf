"""REINFORCE on a row of cells: walk to the right end."""
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=0.02)


def episode():
    position, log_probs, rewards = 2, [], []
    for _ in range(15):
        state = torch.zeros(6)
        state[position] = 1.0
        dist = Categorical(logits=policy(state))
        action = dist.sample()
        log_probs.append(dist.log_prob(action))
        position = min(max(position + (1 if action.item() == 1 else -1), 0), 5)
        rewards.append(1.0 if position == 5 else -0.1)
        if position == 5:
            break
    return log_probs, rewards


for i in range(150):
    log_probs, rewards = episode()
    returns, total = [], 0.0
    for r in reversed(rewards):
        total = r + 0.95 * total
        returns.insert(0, total)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    loss = torch.stack([-lp * g for lp, g in zip(log_probs, returns)]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 25 == 0:
        print(i, len(rewards), sum(rewards))
