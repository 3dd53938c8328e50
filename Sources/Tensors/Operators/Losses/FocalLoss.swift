import AviaryDiagnostics
import AviaryKernels

// Losses to which easy examples add little: Lin et al., "Focal Loss for Dense Object Detection", 2017 (arXiv:1708.02002).

/// The focal loss of logits [N, K] and labels [N]: −(1 − p)^γ · log p, p being the probability of the label.
///
/// The paper has the loss of a class against the rest, see `sigmoidFocalLoss`. This is its form for classes that exclude
/// each other, which with γ = 0 is the cross entropy. Where labels are smoothed it is summed over the classes:
/// −Σ target · (1 − p)^γ · log p.
///
/// - Parameters:
///   - gamma: γ, at least 0.
///   - labelSmoothing: ε in 0...1, as in `crossEntropy`.
///   - classWeights: [K], factors of the classes' losses (the paper's α). The mean is then divided by the sum of the
///     labels' weights, as that of `crossEntropy`.
public func focalLoss(
  _ logits: Tensor, labels: IntTensor, gamma: Float = 2, labelSmoothing: Float = 0, classWeights: Tensor? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  checkLabels(logits, labels)
  checkWeights(logits, classWeights)
  checkSmoothing(labelSmoothing)
  let (factors, total) = labelFactors(labels, classes: logits.shape[1], labelSmoothing, classWeights)
  return focalLoss(logits, factors, gamma, divisor: reduction == .mean ? total : 1) {
    [
      "labels": .indices(labels), "gamma": .number(gamma), "labelSmoothing": .number(labelSmoothing),
      "reduction": reduction.attribute,
    ]
  }
}

/// The same of distributions [N, K], such as mixed labels, with the mean over rows. No gradient flows to them.
public func focalLoss(
  _ logits: Tensor, target: Tensor, gamma: Float = 2, labelSmoothing: Float = 0, classWeights: Tensor? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  ensure(
    logits.rank == 2 && logits.shape[1] > 0 && target.shape == logits.shape,
    "focal loss: \(logits.shape) does not go with targets \(target.shape)")
  checkWeights(logits, classWeights)
  checkSmoothing(labelSmoothing)
  let classes = logits.shape[1]
  let weights = classWeights?.scalars
  let factors = target.scalars.enumerated().map { index, share in
    (share * (1 - labelSmoothing) + labelSmoothing / Float(classes)) * (weights?[index % classes] ?? 1)
  }
  return focalLoss(logits, factors, gamma, divisor: reduction == .mean ? Double(logits.shape[0]) : 1) {
    ["gamma": .number(gamma), "labelSmoothing": .number(labelSmoothing), "reduction": reduction.attribute]
  }
}

/// - Parameter factors: [N, K], what the loss of each class of each row is multiplied by; 0 leaves it out.
private func focalLoss(
  _ logits: Tensor, _ factors: [Float], _ gamma: Float, divisor: Double,
  attributes: () -> [String: AttributeValue]
) -> Tensor {
  ensure(gamma >= 0 && gamma.isFinite, "focal loss: γ = \(gamma) is not 0 or more")
  let (classes, exponent) = (logits.shape[1], Double(gamma))
  return customOperation("focalLoss", inputs: [logits], attributes: attributes()) { inputs in
    let logarithms = logSoftmax(inputs[0]).scalars
    let sum = factors.indices.reduce(0.0) { sum, place in
      guard factors[place] != 0 else { return sum }
      let logarithm = Double(logarithms[place])
      return sum - Double(factors[place]) * power(1 - exponential(logarithm), exponent) * logarithm
    }
    return Tensor(Float(sum / divisor))
  } pullback: { gradient, inputs, _ in
    let logarithms = logSoftmax(inputs[0]).scalars
    let scale = Double(gradient.scalar) / divisor
    var result = [Float](repeating: 0, count: factors.count)
    for start in stride(from: 0, to: factors.count, by: classes) {
      let row = start..<start + classes
      // With respect to the logarithms of the probabilities, then through these.
      let slopes = row.map { place in
        factors[place] == 0 ? 0 : Double(factors[place]) * focalSlope(Double(logarithms[place]), exponent)
      }
      let sum = slopes.reduce(0, +)
      for (place, slope) in zip(row, slopes) {
        result[place] = Float(scale * (slope - exponential(Double(logarithms[place])) * sum))
      }
    }
    return [Tensor(result, shape: inputs[0].shape)]
  }
}

/// The derivative of −(1 − eˡ)^γ · l, in a form without a pole where the probability eˡ is 0 or 1.
private func focalSlope(_ logarithm: Double, _ gamma: Double) -> Double {
  let probability = exponential(logarithm)
  let rest = 1 - probability
  let ratio = probability == 0 ? 0 : probability * (rest > 0 ? logarithm / rest : -1)
  return power(rest, gamma) * (gamma * ratio - 1)
}

/// The focal loss of each element against the rest: α(t) · |t − σ(x)|^γ times the binary cross entropy of sigmoid(x) and the
/// target t. torchvision's `sigmoid_focal_loss`. No gradient flows to the target.
///
/// - Parameters:
///   - alpha: the weight of targets of 1; those of 0 have 1 − α. nil weighs all alike.
///   - gamma: γ, at least 0.
public func sigmoidFocalLoss(
  _ x: Tensor, target: Tensor, alpha: Float? = 0.25, gamma: Float = 2, reduction: Reduction = .mean
) -> Tensor {
  ensure(x.shape == target.shape, "sigmoid focal loss: \(x.shape) does not go with a target of \(target.shape)")
  ensure(gamma >= 0 && gamma.isFinite, "sigmoid focal loss: γ = \(gamma) is not 0 or more")
  let targets = target.scalars
  let (divisor, exponent) = (reduction == .mean ? Double(x.count) : 1, Double(gamma))
  func weight(_ target: Double) -> Double {
    alpha.map { Double($0) * target + (1 - Double($0)) * (1 - target) } ?? 1
  }
  func attributes() -> [String: AttributeValue] {
    var attributes: [String: AttributeValue] = ["gamma": .number(gamma), "reduction": reduction.attribute]
    attributes["alpha"] = alpha.map { .number($0) }
    return attributes
  }
  return customOperation("sigmoidFocalLoss", inputs: [x], attributes: attributes()) { inputs in
    let sum = zip(inputs[0].scalars, targets).reduce(0.0) { sum, pair in
      let element = SigmoidElement(pair.0, Double(pair.1))
      return sum + weight(element.target) * power(element.miss, exponent) * element.crossEntropy
    }
    return Tensor(Float(sum / divisor))
  } pullback: { gradient, inputs, _ in
    let scale = Double(gradient.scalar) / divisor
    let result = zip(inputs[0].scalars, targets).map { x, target in
      let element = SigmoidElement(x, Double(target))
      return Float(scale * weight(element.target) * element.slope(exponent))
    }
    return [Tensor(result, shape: inputs[0].shape)]
  }
}

/// One logit and its target.
private struct SigmoidElement {
  let target: Double
  let probability: Double
  let crossEntropy: Double

  init(_ logit: Float, _ target: Double) {
    let x = Double(logit)
    self.target = target
    // e to the power of what is not positive cannot overflow.
    let small = exponential(-x.magnitude)
    probability = x >= 0 ? 1 / (1 + small) : small / (1 + small)
    crossEntropy = max(x, 0) - x * target + logarithm(1 + small)
  }

  /// The probability that the target does not have.
  var miss: Double { probability + target - 2 * probability * target }

  /// The derivative of missᵞ · crossEntropy with respect to the logit.
  func slope(_ gamma: Double) -> Double {
    let direct = (probability - target) * power(miss, gamma)
    guard gamma > 0, miss > 0 else { return direct }
    let change = probability * (1 - probability) * (1 - 2 * target)
    return direct + crossEntropy * gamma * power(miss, gamma - 1) * change
  }
}
