import AviaryDiagnostics
import AviaryKernels

// Losses of a prediction and a target of the same shape, element by element.

/// The mean absolute error, |x − target|: PyTorch's `l1_loss`.
public func meanAbsoluteError(_ x: Tensor, target: Tensor, reduction: Reduction = .mean) -> Tensor {
  elementLoss(.absoluteError, x, target, reduction, "mean absolute error", isDifference: true)
}

/// The mean squared error, (x − target)²: PyTorch's `mse_loss`.
public func meanSquaredError(_ x: Tensor, target: Tensor, reduction: Reduction = .mean) -> Tensor {
  elementLoss(.squaredError, x, target, reduction, "mean squared error", isDifference: true)
}

/// The square root of the mean squared error. Where it is zero, so is its gradient.
public func rootMeanSquaredError(_ x: Tensor, target: Tensor) -> Tensor {
  composed(.init("rootMeanSquaredError"), from: [x, target]) {
    let squared = meanSquaredError(x, target: target)
    return operation {
      let root = squared.scalar.squareRoot()
      return recorded(Tensor(root), as: .init("sqrt"), from: squared) { dy, cotangents in
        cotangents.add(dy * (root == 0 ? 0 : 0.5 / root), to: squared)
      }
    }
  }
}

/// Huber's loss: e² / 2 where |e| = |x − target| is below δ, else δ · (|e| − δ / 2). PyTorch's `huber_loss`.
public func huber(_ x: Tensor, target: Tensor, delta: Float = 1, reduction: Reduction = .mean) -> Tensor {
  ensure(delta > 0, "Huber's loss: delta \(delta) is not positive")
  return elementLoss(.huber(delta: delta), x, target, reduction, "Huber's loss", isDifference: true)
}

/// e² / 2β where |e| = |x − target| is below β, else |e| − β / 2. PyTorch's `smooth_l1_loss`.
public func smoothL1(_ x: Tensor, target: Tensor, beta: Float = 1, reduction: Reduction = .mean) -> Tensor {
  ensure(beta > 0, "smooth L1 loss: beta \(beta) is not positive")
  return elementLoss(.smoothL1(beta: beta), x, target, reduction, "smooth L1 loss", isDifference: true)
}

/// The mean of log(cosh(x − target)), which is e² / 2 for a small error e and |e| − log 2 for a large one: Keras's `LogCosh`.
public func logCosh(_ x: Tensor, target: Tensor, reduction: Reduction = .mean) -> Tensor {
  ensure(x.shape == target.shape, "log-cosh: \(x.shape) does not go with a target of \(target.shape)")
  return composed(.init("logCosh", "reduction", reduction.attribute), from: [x, target]) {
    // |e| + log(1 + exp(−2|e|)) − log 2, which does not overflow.
    let error = abs(x - target)
    let values = error + softplus(error * -2) - Float(0.693_147_180_559_945_3)
    return reduction == .mean ? values.mean() : values.sum()
  }
}

/// The quantile loss, also called pinball loss: an error e = target − x costs q · e where it is positive, and (q − 1) · e where
/// it is not, so that x becomes the q-quantile of the target (Koenker and Bassett, 1978). scikit-learn's `mean_pinball_loss`.
///
/// - Parameter quantile: q, between 0 and 1.
public func quantileLoss(_ x: Tensor, target: Tensor, quantile: Float, reduction: Reduction = .mean) -> Tensor {
  ensure(x.shape == target.shape, "quantile loss: \(x.shape) does not go with a target of \(target.shape)")
  ensure(quantile > 0 && quantile < 1, "quantile loss: \(quantile) is not between 0 and 1")
  let attributes: [String: AttributeValue] = ["quantile": .number(quantile), "reduction": reduction.attribute]
  return composed(.init("quantileLoss", attributes), from: [x, target]) {
    let error = target - x
    let values = relu(error) * quantile + relu(-error) * (1 - quantile)
    return reduction == .mean ? values.mean() : values.sum()
  }
}

/// The cross entropy of probabilities and targets in 0...1: −target · log x − (1 − target) · log(1 − x), each logarithm
/// at least −100. PyTorch's `binary_cross_entropy`. No gradient flows to the target.
public func binaryCrossEntropy(_ x: Tensor, target: Tensor, reduction: Reduction = .mean) -> Tensor {
  elementLoss(.binaryCrossEntropy, x, target, reduction, "binary cross entropy", isDifference: false)
}

/// The cross entropy of sigmoid(x) and targets in 0...1, computed from the logits without overflow. PyTorch's
/// `binary_cross_entropy_with_logits`. No gradient flows to the target.
///
/// - Parameter positiveWeight: the factor of the positive part of the loss.
public func binaryCrossEntropyWithLogits(
  _ x: Tensor, target: Tensor, positiveWeight: Float = 1, reduction: Reduction = .mean
) -> Tensor {
  elementLoss(
    .binaryCrossEntropyOfLogits(positiveWeight: positiveWeight), x, target, reduction, "binary cross entropy",
    isDifference: false)
}

/// - Parameter isDifference: whether the loss depends on x − target, so that the target's gradient is minus that of x.
private func elementLoss(
  _ loss: ElementLoss, _ x: Tensor, _ target: Tensor, _ reduction: Reduction, _ name: String, isDifference: Bool
) -> Tensor {
  ensure(
    x.shape == target.shape, "\(name): \(x.shape) does not go with a target of \(target.shape)")
  return operation {
    let count = reduction == .mean ? Double(x.count) : 1
    let value = Tensor(Float(loss.sum(x.plainBuffer, target.plainBuffer) / count))
    return recorded(value, as: loss.description(reduction), from: x, target) { dy, cotangents in
      let dx = loss.pullback(Float(Double(dy.scalar) / count), x.plainBuffer, target.plainBuffer)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
      if isDifference { cotangents.add(Tensor(dx.scaled(by: -1), shape: x.shape), to: target) }
    }
  }
}

extension ElementLoss {
  fileprivate func description(_ reduction: Reduction) -> OperationDescription {
    let reduction = reduction.attribute
    return switch self {
    case .absoluteError: .init("meanAbsoluteError", "reduction", reduction)
    case .squaredError: .init("meanSquaredError", "reduction", reduction)
    case .binaryCrossEntropy: .init("binaryCrossEntropy", "reduction", reduction)
    case .huber(let delta): .init("huber", ["reduction": reduction, "delta": .number(delta)])
    case .smoothL1(let beta): .init("smoothL1", ["reduction": reduction, "beta": .number(beta)])
    case .binaryCrossEntropyOfLogits(let weight):
      .init("binaryCrossEntropyWithLogits", ["reduction": reduction, "positiveWeight": .number(weight)])
    }
  }
}
