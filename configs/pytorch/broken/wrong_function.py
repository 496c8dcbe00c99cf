import torch
from torch.autograd import Function


class Swish(Function):
    @staticmethod
    def forward(ctx, inp):
        sig = torch.sigmoid(inp)
        ctx.save_for_backward(inp, sig)
        return inp * sig

    @staticmethod
    def backward(ctx, grad_output):
        inp, sig = ctx.saved_tensors
        return grad_output * (sig - inp * sig * (1 - sig) * 4)


class Net(torch.nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.linear1 = torch.nn.Linear(D_in, H)
        self.linear2 = torch.nn.Linear(H, H)
        self.linear3 = torch.nn.Linear(H, D_out)

    def forward(self, x):
        h = Swish.apply(self.linear1(x))
        h = Swish.apply(self.linear2(h))
        return self.linear3(h)


torch.manual_seed(0)
x = torch.rand(200, 2) * 4 - 2
y = (torch.sin(2 * x[:, :1]) * x[:, 1:])
model = Net(2, 30, 1)
opt = torch.optim.SGD(model.parameters(), lr=0.05)
for it in range(500):
    loss = torch.nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
