import AviaryTensors

// What is added to a loss, times a factor, to keep parameters small: `loss + 1e-4 * l2Penalty(model.parameters)`.

/// The sum of the magnitudes of all elements.
public func l1Penalty(_ parameters: [Parameter]) -> Tensor {
  parameters.reduce(Tensor(0)) { $0 + abs($1.tensor).sum() }
}

/// The sum of the squares of all elements. Its gradient is twice the parameter: half the penalty is what optimizers call
/// weight decay.
public func l2Penalty(_ parameters: [Parameter]) -> Tensor {
  parameters.reduce(Tensor(0)) { $0 + $1.tensor.squared().sum() }
}
