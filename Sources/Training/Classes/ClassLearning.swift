import AviaryTensors

/// How a task learns its classes: what is made of logits and labels, and which items an epoch goes through.
public struct ClassLearning: Sendable {
  /// [K]; nil where all classes weigh alike.
  let weights: Tensor?
  /// γ of the focal loss; nil for the cross entropy.
  let focalGamma: Float?
  let labelSmoothing: Float
  /// [K], what is added to the logits in learning; nil for nothing.
  let adjustment: Tensor?
  let sampler: Sampler
  private let labels: [Int32]
  private let seed: UInt64

  /// Of classes that are equally frequent.
  init(labelSmoothing: Double = 0) {
    (weights, focalGamma, adjustment, sampler) = (nil, nil, nil, .uniform)
    self.labelSmoothing = Float(labelSmoothing)
    (labels, seed) = ([], 0)
  }

  /// - Throws: where a file of weights is of other classes.
  init(_ options: TrainingOptions, _ classes: TrainingClasses) throws(TrainingFault) {
    let given = options.classes
    let count = classes.names.count
    weights = try classes.weights(given).map { Tensor($0, shape: [count]) }
    focalGamma = options.loss == .focal ? Float(given.focalGamma) : nil
    if case .images(let images)? = options.kind {
      labelSmoothing = Float(images.labelSmoothing)
    } else {
      labelSmoothing = Float(given.labelSmoothing)
    }
    adjustment = given.logitAdjustment.map { strength in
      Tensor(classes.logarithmsOfShares.map { Float(strength * $0) }, shape: [count])
    }
    sampler = given.sampler
    labels = classes.labels
    seed = options.seed
  }

  /// The loss of logits [N, K] and labels [N].
  public func loss(_ logits: Tensor, labels: IntTensor) -> Tensor {
    let logits = adjusted(logits)
    if let focalGamma {
      return focalLoss(
        logits, labels: labels, gamma: focalGamma, labelSmoothing: labelSmoothing, classWeights: weights)
    }
    return crossEntropy(logits, labels: labels, labelSmoothing: labelSmoothing, classWeights: weights)
  }

  /// What the mean loss over items with these labels is divided by.
  func weight(of labels: [Int32]) -> Double {
    guard let weights = weights?.scalars else { return Double(labels.count) }
    return labels.reduce(0) { $0 + Double(weights[Int($1)]) }
  }

  /// The same of distributions [N, K], such as mixed labels.
  public func loss(_ logits: Tensor, target: Tensor) -> Tensor {
    let logits = adjusted(logits)
    if let focalGamma {
      return focalLoss(
        logits, target: target, gamma: focalGamma, labelSmoothing: labelSmoothing, classWeights: weights)
    }
    return crossEntropy(logits, target: target, labelSmoothing: labelSmoothing, classWeights: weights)
  }

  private func adjusted(_ logits: Tensor) -> Tensor { adjustment.map { logits + $0 } ?? logits }

  /// The places of the items of an epoch; nil for each once, in an order of the task's own.
  public func order(purpose: String, epoch: Int) -> [Int]? {
    sampler == .uniform ? nil : sampler.order(of: labels, seed: seed, purpose: purpose, epoch: epoch)
  }
}
