import AviaryKernels

// Updates of variables in place, in the layout of the gradient: see OptimizerUpdates.swift.

extension Variable {
  /// One step of Adagrad, the `step`-th, counted from 1: PyTorch's `torch.optim.Adagrad`.
  package func updateByAdagrad(
    gradient: Tensor, sum: Variable, learningRate: Double, rateDecay: Double, weightDecay: Double, epsilon: Double,
    step: Int
  ) {
    operation {
      let gradient = gradient.buffer
      mutableBuffer(gradient.layout).stepAdagrad(
        gradient: gradient, sum: sum.mutableBuffer(gradient.layout), learningRate: learningRate,
        rateDecay: rateDecay, weightDecay: weightDecay, epsilon: epsilon, step: step)
    }
  }

  /// One step of Adadelta: PyTorch's `torch.optim.Adadelta`.
  package func updateByAdadelta(
    gradient: Tensor, squares: Variable, changes: Variable, learningRate: Double, weightDecay: Double, rho: Double,
    epsilon: Double
  ) {
    operation {
      let gradient = gradient.buffer
      mutableBuffer(gradient.layout).stepAdadelta(
        gradient: gradient, squares: squares.mutableBuffer(gradient.layout),
        changes: changes.mutableBuffer(gradient.layout), learningRate: learningRate, weightDecay: weightDecay,
        rho: rho, epsilon: epsilon)
    }
  }

  /// One step of RMSprop: PyTorch's `torch.optim.RMSprop`, centred where `mean` is given.
  package func updateByRMSprop(
    gradient: Tensor, squares: Variable, mean: Variable?, velocity: Variable?, learningRate: Double,
    weightDecay: Double, alpha: Double, epsilon: Double, momentum: Double
  ) {
    operation {
      let gradient = gradient.buffer
      mutableBuffer(gradient.layout).stepRMSprop(
        gradient: gradient, squares: squares.mutableBuffer(gradient.layout),
        mean: mean?.mutableBuffer(gradient.layout), velocity: velocity?.mutableBuffer(gradient.layout),
        learningRate: learningRate, weightDecay: weightDecay, alpha: alpha, epsilon: epsilon, momentum: momentum)
    }
  }

  /// Moves the value towards another by a share of the difference: `torch.lerp`, in place.
  package func average(with other: Tensor, share: Double) {
    operation {
      let other = other.buffer
      mutableBuffer(other.layout).average(with: other, share: Float(share))
    }
  }
}

extension Tensor {
  /// The elements held between −limit and limit. It has no pullback: it serves gradients.
  func clipped(to limit: Float) -> Tensor {
    operation { Tensor(buffer.clipped(to: limit), shape: shape) }
  }
}
