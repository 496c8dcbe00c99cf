import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(-2, 2, 100).unsqueeze(1); y = x.abs()
net = nn.Sequential(nn.Linear(1, 20), nn.Softplus(), nn.Linear(20, 1))
opt = torch.optim.LBFGS(net.parameters(), lr=1, line_search_fn="strong_wolfe")
for i in range(20):
    def closure():
        opt.zero_grad()
        loss = ((net(x) - y) ** 2).mean()
        loss.backward()
        return loss
    l = opt.step(closure)
print(l.item())
