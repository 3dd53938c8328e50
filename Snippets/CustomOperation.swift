// An operation of your own: its forward function, its pullback, a check of both, and its place in a trace.
import Aviary

/// x² / (1 + |x|), element by element, with the derivative x · (2 + |x|) / (1 + |x|)².
func softSquare(_ x: Tensor) -> Tensor {
  customOperation("softSquare", inputs: [x]) { inputs in
    inputs[0] * inputs[0] / (1 + abs(inputs[0]))
  } pullback: { gradient, inputs, _ in
    let (x, size) = (inputs[0], abs(inputs[0]))
    return [gradient * x * (2 + size) / ((1 + size) * (1 + size))]
  }
}

func require(_ condition: Bool, _ message: String) {
  if !condition { fatalError(message) }
}

func check() {
  let layer = Linear(4, 3)
  layer.initialize(seed: 1)
  let x = Tensor([0.5, -1.5, 2, -0.25, 1, 0.75, -2, 3], shape: [2, 4])

  // The gradient against differences of the loss, one weight at a time.
  let (loss, gradients) = valueWithGradients(of: layer) { softSquare(layer(x)).sum() }
  let gradient = gradients[layer.weight]!.scalars
  let weights = layer.weight.tensor.scalars
  for index in weights.indices {
    func loss(moving step: Float) -> Float {
      var moved = weights
      moved[index] += step
      layer.weight.assign(Tensor(moved, shape: layer.weight.shape))
      return softSquare(layer(x)).sum().scalar
    }
    let numeric = (loss(moving: 0.01) - loss(moving: -0.01)) / 0.02
    require(
      (numeric - gradient[index]).magnitude <= 0.01 * max(1, numeric.magnitude),
      "weight \(index): the pullback says \(gradient[index]), differences say \(numeric)")
  }
  layer.weight.assign(Tensor(weights, shape: layer.weight.shape))

  // A trace lists the operation beside those of the package.
  let (result, trace) = tracing(x) { softSquare(layer(x)).sum() }
  require(trace.nodes.map(\.operation.name) == ["linear", "softSquare", "sum"], "traced: \(trace)")
  require(result.scalar == loss.scalar, "traced, the loss is \(result.scalar), not \(loss.scalar)")
  print(trace)
}

check()
