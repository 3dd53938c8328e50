import AviaryKernels

// Updates of variables in place. Memory that is shared is left alone: the variable then gets its own.
//
// Everything is brought into the layout of the gradient, in which it stays: weights of convolutions are then in the order
// that the next step's convolutions want, and need not be rearranged.

extension Variable {
  /// One step of gradient descent: see PyTorch's `torch.optim.SGD`, whose formula and order it follows.
  package func updateBySGD(
    gradient: Tensor, momentum: Variable?, learningRate: Double, weightDecay: Double, factor: Double, nesterov: Bool
  ) {
    operation {
      let gradient = gradient.buffer
      mutableBuffer(gradient.layout).stepSGD(
        gradient: gradient, momentum: momentum?.mutableBuffer(gradient.layout), learningRate: Float(learningRate),
        weightDecay: Float(weightDecay), factor: Float(factor), nesterov: nesterov)
    }
  }

  /// One step of Adam, or of AdamW where the decay is decoupled, the `step`-th, counted from 1.
  package func updateByAdam(
    gradient: Tensor, first: Variable, second: Variable, learningRate: Double, weightDecay: Double, beta1: Double,
    beta2: Double, epsilon: Double, step: Int, decoupled: Bool
  ) {
    operation {
      let gradient = gradient.buffer
      mutableBuffer(gradient.layout).stepAdam(
        gradient: gradient, first: first.mutableBuffer(gradient.layout),
        second: second.mutableBuffer(gradient.layout),
        learningRate: learningRate, weightDecay: weightDecay, beta1: beta1, beta2: beta2, epsilon: epsilon,
        step: step, decoupled: decoupled)
    }
  }
}
