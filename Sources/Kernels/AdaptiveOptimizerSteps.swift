import CKernels

extension Buffer {
  /// One step of Adagrad in place, the `step`-th, counted from 1; see `ak_adagrad`.
  package func stepAdagrad(
    gradient: Buffer, sum: Buffer, learningRate: Double, rateDecay: Double, weightDecay: Double, epsilon: Double,
    step: Int
  ) {
    let scalars = ak_adagrad_at(learningRate, rateDecay, weightDecay, epsilon, Int64(step))
    kernel("Adagrad", layout, floats: 5 * count) {
      unsafe ak_adagrad(floats, gradient.floats, sum.floats, count, scalars)
    }
  }

  /// One step of Adadelta in place; see `ak_adadelta`.
  package func stepAdadelta(
    gradient: Buffer, squares: Buffer, changes: Buffer, learningRate: Double, weightDecay: Double, rho: Double,
    epsilon: Double
  ) {
    let scalars = ak_adadelta_scalars(
      learning_rate: Float(learningRate), weight_decay: Float(weightDecay), rho: Float(rho),
      one_minus_rho: Float(1 - rho), epsilon: Float(epsilon))
    kernel("Adadelta", layout, floats: 7 * count) {
      unsafe ak_adadelta(floats, gradient.floats, squares.floats, changes.floats, count, scalars)
    }
  }

  /// One step of RMSprop in place, centred where the gradients' mean is given; see `ak_rmsprop`.
  package func stepRMSprop(
    gradient: Buffer, squares: Buffer, mean: Buffer?, velocity: Buffer?, learningRate: Double, weightDecay: Double,
    alpha: Double, epsilon: Double, momentum: Double
  ) {
    let scalars = ak_rmsprop_scalars(
      learning_rate: Float(learningRate), weight_decay: Float(weightDecay), alpha: Float(alpha),
      one_minus_alpha: Float(1 - alpha), epsilon: Float(epsilon), momentum: Float(momentum))
    kernel("RMSprop", layout, floats: 5 * count) {
      unsafe ak_rmsprop(floats, gradient.floats, squares.floats, mean?.floats, velocity?.floats, count, scalars)
    }
  }

  /// The elements held between −limit and limit.
  package func clipped(to limit: Float) -> Buffer {
    let y = Buffer(layout)
    kernel("clipping", layout, floats: 2 * count) { unsafe ak_clip(floats, limit, y.floats, count) }
    return y
  }

  /// Moves the elements towards those of a buffer of the same layout by a share of the difference, in place.
  package func average(with other: Buffer, share: Float) {
    kernel("averaging", layout, floats: 3 * count) { unsafe ak_average(floats, other.floats, share, count) }
  }
}
