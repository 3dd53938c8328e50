import AviaryDiagnostics
import AviaryKernels
import AviaryTensors

// Batches whose examples are made of two each. The targets are distributions over the classes, for a cross entropy with
// such targets.

/// mixup (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018): each example becomes λ of itself and 1 − λ
/// of another of the batch, and so does its target. λ ~ Beta(alpha, alpha) is drawn once a batch.
///
/// - Parameters:
///   - inputs: [N, …]
///   - labels: [N], below `classes`.
///   - alpha: the strength; 0 changes nothing, 1 takes all λ alike, the paper's ImageNet figure is 0.2.
///   - stream: keyed by seed, epoch and batch.
/// - Returns: inputs [N, …] and targets [N, classes], whose rows sum to 1.
public func mixup(
  _ inputs: Tensor, labels: IntTensor, classes: Int, alpha: Double, stream: RandomStream
) -> (inputs: Tensor, targets: Tensor) {
  let mixing = Mixing("mixup", inputs, labels, classes, alpha, stream)
  let (own, other) = (Float(mixing.share), Float(1 - mixing.share))
  let values = inputs.scalars
  let size = values.count / mixing.partners.count
  var mixed = values
  for (row, partner) in mixing.partners.enumerated() where partner != row {
    let (start, from) = (row * size, partner * size)
    for at in 0..<size { mixed[start + at] = own * values[start + at] + other * values[from + at] }
  }
  return (Tensor(mixed, shape: inputs.shape), mixing.targets(labels, classes, own: mixing.share))
}

/// CutMix (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019):
/// a rectangle of each image is replaced by the same one of another of the batch. Its area is 1 − λ of the image, λ ~
/// Beta(alpha, alpha), before the image's border cuts it off; the target's shares are those of the pixels. λ and the
/// rectangle are drawn once a batch.
///
/// - Parameters:
///   - inputs: [N, C, H, W]
///   - labels: [N], below `classes`.
///   - alpha: the strength; 0 changes nothing, the paper's figure is 1.
///   - stream: keyed by seed, epoch and batch.
/// - Returns: inputs [N, C, H, W] and targets [N, classes], whose rows sum to 1.
public func cutMix(
  _ inputs: Tensor, labels: IntTensor, classes: Int, alpha: Double, stream: RandomStream
) -> (inputs: Tensor, targets: Tensor) {
  ensure(inputs.rank == 4, "cutMix: takes images [N, C, H, W], not \(inputs.shape)")
  var mixing = Mixing("cutMix", inputs, labels, classes, alpha, stream)
  let (channels, height, width) = (inputs.shape[1], inputs.shape[2], inputs.shape[3])
  let side = (1 - mixing.share).squareRoot()
  let rows = mixing.span(Int(Double(height) * side), within: height)
  let columns = mixing.span(Int(Double(width) * side), within: width)
  let values = inputs.scalars
  var mixed = values
  for (image, partner) in mixing.partners.enumerated() where partner != image && !columns.isEmpty {
    for channel in 0..<channels {
      for row in rows {
        let line = (channel * height + row) * width
        let (to, from) = (image * channels * height * width + line, partner * channels * height * width + line)
        mixed.replaceSubrange(
          to + columns.lowerBound..<to + columns.upperBound,
          with: values[from + columns.lowerBound..<from + columns.upperBound])
      }
    }
  }
  let own = 1 - Double(rows.count * columns.count) / Double(height * width)
  return (Tensor(mixed, shape: inputs.shape), mixing.targets(labels, classes, own: own))
}

/// What is drawn for a batch.
private struct Mixing {
  /// λ: the share that each example keeps.
  let share: Double
  /// Whom each example is mixed with, perhaps itself.
  let partners: [Int]
  private var random: RandomStream

  init(
    _ name: String, _ inputs: Tensor, _ labels: IntTensor, _ classes: Int, _ alpha: Double, _ stream: RandomStream
  ) {
    ensure(
      inputs.rank >= 1 && inputs.count > 0 && labels.shape == [inputs.shape[0]],
      "\(name): inputs \(inputs.shape) do not go with labels \(labels.shape)")
    ensure(
      labels.scalars.allSatisfy { $0 >= 0 && $0 < classes }, "\(name): a label is outside of 0..<\(classes)")
    ensure(alpha >= 0 && alpha.isFinite, "\(name): the strength \(alpha) is not 0 or more")
    random = stream
    share = alpha > 0 ? random.beta(alpha, alpha) : 1
    partners = random.permutation(inputs.shape[0])
  }

  /// A span of a length around a random position, cut off at the borders.
  mutating func span(_ length: Int, within size: Int) -> Range<Int> {
    let center = random.integer(below: size)
    return max(center - length / 2, 0)..<min(center + length / 2, size)
  }

  /// [N, classes]: `own` at each example's label, the rest at its partner's.
  func targets(_ labels: IntTensor, _ classes: Int, own: Double) -> Tensor {
    var targets = [Float](repeating: 0, count: partners.count * classes)
    for (row, partner) in partners.enumerated() {
      targets[row * classes + Int(labels.scalars[row])] += Float(own)
      targets[row * classes + Int(labels.scalars[partner])] += Float(1 - own)
    }
    return Tensor(targets, shape: [partners.count, classes])
  }
}
