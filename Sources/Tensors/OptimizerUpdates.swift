import AviaryKernels

// Updates of variables in place. Memory that anybody else still holds is left alone: the variable then gets its own.

extension Variable {
  /// One step of gradient descent: see PyTorch's `torch.optim.SGD`, whose formula and order it follows.
  package func updateBySGD(
    gradient: Tensor, momentum: Variable?, learningRate: Double, weightDecay: Double, factor: Double, nesterov: Bool
  ) {
    operation {
      mutableBuffer().stepSGD(
        gradient: gradient.plainBuffer, momentum: momentum?.mutableBuffer(), learningRate: Float(learningRate),
        weightDecay: Float(weightDecay), factor: Float(factor), nesterov: nesterov)
    }
  }

  /// One step of Adam, or of AdamW where the decay is decoupled, the `step`-th, counted from 1.
  package func updateByAdam(
    gradient: Tensor, first: Variable, second: Variable, learningRate: Double, weightDecay: Double, beta1: Double,
    beta2: Double, epsilon: Double, step: Int, decoupled: Bool
  ) {
    operation {
      mutableBuffer().stepAdam(
        gradient: gradient.plainBuffer, first: first.mutableBuffer(), second: second.mutableBuffer(),
        learningRate: learningRate, weightDecay: weightDecay, beta1: beta1, beta2: beta2, epsilon: epsilon,
        step: step, decoupled: decoupled)
    }
  }
}
