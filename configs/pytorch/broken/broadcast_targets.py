import numpy as np
import torch

rng = np.random.RandomState(1)
features = rng.uniform(-2, 2, size=(150, 3)).astype(np.float32)
target = (np.sin(features[:, 0]) + features[:, 1] * features[:, 2]).astype(np.float32)

X = torch.from_numpy(features)
Y = torch.from_numpy(target)

torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(3, 40),
    torch.nn.ReLU(),
    torch.nn.Linear(40, 1),
)
opt = torch.optim.Adam(model.parameters(), lr=0.01)

for t in range(600):
    pred = model(X)
    loss = ((pred - Y) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if t % 100 == 99:
        print(t, loss.item())
