import CKernels

extension Buffer {
  /// One step of gradient descent in place, perhaps with momentum; see `ak_sgd`.
  package func stepSGD(
    gradient: Buffer, momentum: Buffer?, learningRate: Float, weightDecay: Float, factor: Float, nesterov: Bool
  ) {
    let scalars = ak_sgd_scalars(
      learning_rate: learningRate, weight_decay: weightDecay, momentum: factor, nesterov: nesterov ? 1 : 0)
    kernel("descent", layout, floats: (momentum == nil ? 3 : 5) * count) {
      unsafe ak_sgd(floats, gradient.floats, momentum?.floats, count, scalars)
    }
  }

  /// One step of Adam (or AdamW, where the decay is decoupled) in place, the `step`-th, counted from 1.
  package func stepAdam(
    gradient: Buffer, first: Buffer, second: Buffer, learningRate: Double, weightDecay: Double, beta1: Double,
    beta2: Double, epsilon: Double, step: Int, decoupled: Bool
  ) {
    let scalars = ak_adam_at(learningRate, weightDecay, beta1, beta2, epsilon, Int64(step), decoupled ? 1 : 0)
    kernel("Adam", layout, floats: 7 * count) {
      unsafe ak_adam(floats, gradient.floats, first.floats, second.floats, count, scalars)
    }
  }
}
