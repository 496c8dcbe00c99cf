"""THE NUMBERS: networks, losses, optimizers and data, as pure float64 numpy.

Symbols, used without further explanation in shapes and loops:

    K  networks in a stack        B  examples            D  inputs of a network
    O  outputs of a network       H  units of a layer    L  layers
    P  parameters of a network    T  recorded steps

Layout: parameters of a stack are one array (K, P), activations are (K, H, B), examples last. A
layer's biases are the last column of its weight matrix (H, inputs + 1); its inputs carry a row of
ones. Where K is 1 the leading axis is left out, which lets every product be a plain BLAS call.

A step is written once, as calls `do(function, *arguments)` on arrays that exist already. `do` is
either `calls.now`, which computes at once, or `calls.later(plan)`, which writes the call down to be
executed in every step of a run. May import `registry` and `errors` only.

To add an activation, loss, initializer, optimizer or data set: one function under
`@KIND.register("name")` in the file of its kind. Its keyword-only parameters become its options in
the config.
"""
