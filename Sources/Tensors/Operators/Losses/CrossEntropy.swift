import AviaryDiagnostics
import AviaryKernels

/// The mean cross entropy of logits [N, K] and labels [N]: −mean(log softmax(logits)[n, label n]).
public func crossEntropy(_ logits: Tensor, labels: IntTensor) -> Tensor {
  checkLabels(logits, labels)
  let columns = logits.shape[1]
  let rows = logits.shape[0]
  return operation {
    let logarithms = logits.plainBuffer.softmax(rows: rows, columns: columns, logarithm: true)
    let picked = logarithms.picked(labels.scalars, columns: columns)
    let loss = Tensor(Float(-picked.sum() / Double(rows)))
    return recorded(loss, as: .init("crossEntropy", "labels", .indices(labels)), from: logits) { dy, cotangents in
      let dx = logarithms.crossEntropyBackward(labels.scalars, columns: columns, weight: dy.scalar / Float(rows))
      cotangents.add(Tensor(dx, shape: logits.shape), to: logits)
    }
  }
}

/// The cross entropy of logits [N, K, …] and labels [N, …] with smoothed labels or weighted classes: PyTorch's
/// `cross_entropy`. Every position of the further axes counts as an example.
///
/// - Parameters:
///   - labelSmoothing: ε in 0...1: the target of class k is (1 − ε) · [k = label] + ε / K (Szegedy et al., 2016).
///   - classWeights: [K], factors of the classes' losses. The mean is then divided by the sum of the labels' weights.
///   - ignoring: a label whose examples are ignored (PyTorch's `ignore_index`), in the mean's divisor, too. If all
///     are ignored the sum is 0 and the mean NaN, as in PyTorch.
public func crossEntropy(
  _ logits: Tensor, labels: IntTensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil,
  ignoring: Int32? = nil, reduction: Reduction = .mean
) -> Tensor {
  let (logits, labels) = rows(of: logits, labels)
  checkLabels(logits, labels, ignoring)
  checkWeights(logits, classWeights)
  checkSmoothing(labelSmoothing)
  if labelSmoothing == 0, classWeights == nil, ignoring == nil {
    if logits.shape[0] == 0, reduction == .sum { return emptyResult([], from: logits) }
    let mean = crossEntropy(logits, labels: labels)
    return reduction == .mean ? mean : mean * Float(logits.shape[0])
  }
  func description() -> OperationDescription {
    var attributes: [String: AttributeValue] = [
      "labels": .indices(labels), "labelSmoothing": .number(labelSmoothing), "reduction": reduction.attribute,
    ]
    attributes["ignoring"] = ignoring.map { .integer(Int($0)) }
    return .init("crossEntropy", attributes)
  }
  return composed(description(), from: [logits, classWeights]) {
    weightedCrossEntropy(logits, labels, labelSmoothing, classWeights, ignoring, reduction)
  }
}

private func weightedCrossEntropy(
  _ logits: Tensor, _ labels: IntTensor, _ labelSmoothing: Float, _ classWeights: Tensor?, _ ignoring: Int32?,
  _ reduction: Reduction
) -> Tensor {
  let (factors, total) = labelFactors(labels, classes: logits.shape[1], labelSmoothing, classWeights, ignoring)
  let sum = -product(logSoftmax(logits), Tensor(factors, shape: logits.shape)).sum()
  return reduction == .mean ? sum / Float(total) : sum
}

/// What the negative logarithms of the classes' probabilities are multiplied by, [N, K] row by row, and the sum of the
/// weights of the labels, by which a mean is divided.
func labelFactors(
  _ labels: IntTensor, classes: Int, _ labelSmoothing: Float, _ classWeights: Tensor?, _ ignoring: Int32? = nil
) -> (factors: [Float], total: Double) {
  let weights = classWeights?.scalars ?? [Float](repeating: 1, count: classes)
  let rest = weights.map { $0 * labelSmoothing / Float(classes) }
  let nothing = [Float](repeating: 0, count: classes)
  var factors: [Float] = []
  factors.reserveCapacity(labels.count * classes)
  var total = 0.0
  for label in labels.scalars {
    if label == ignoring {
      factors += nothing
      continue
    }
    factors += rest
    factors[factors.count - classes + Int(label)] += (1 - labelSmoothing) * weights[Int(label)]
    total += Double(weights[Int(label)])
  }
  return (factors, total)
}

/// The cross entropy of logits [N, K] and distributions [N, K], such as mixed labels: −Σ target · log softmax(logits), with
/// the mean over rows. PyTorch's `cross_entropy` of probabilities.
///
/// - Parameters:
///   - labelSmoothing: ε in 0...1: targets become (1 − ε) · target + ε / K.
///   - classWeights: [K], factors of the classes' losses.
public func crossEntropy(
  _ logits: Tensor, target: Tensor, labelSmoothing: Float = 0, classWeights: Tensor? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  ensure(
    logits.rank == 2 && logits.shape[1] > 0 && target.shape == logits.shape,
    "cross entropy: \(logits.shape) does not go with targets \(target.shape)")
  checkWeights(logits, classWeights)
  checkSmoothing(labelSmoothing)
  return composed(
    .init("softCrossEntropy", ["labelSmoothing": .number(labelSmoothing), "reduction": reduction.attribute]),
    from: [logits, target, classWeights]
  ) {
    var expected = target
    if labelSmoothing > 0 { expected = expected * (1 - labelSmoothing) + labelSmoothing / Float(logits.shape[1]) }
    if let classWeights { expected = expected * classWeights }
    let logarithms = logSoftmax(logits)
    // An impossible class that is not expected costs nothing.
    let impossible = logarithms.isInfinite .& (expected.detached() .== 0)
    let sum = -(logarithms.replacing(with: 0, where: impossible) * expected).sum()
    return reduction == .mean ? sum / Float(logits.shape[0]) : sum
  }
}

/// The negative log likelihood of log probabilities [N, K, …] and labels [N, …]: PyTorch's `nll_loss`.
///
/// - Parameters:
///   - classWeights: [K], factors of the classes' losses. The mean is divided by the sum of the labels' weights.
///   - ignoring: a label whose examples are ignored, in the mean's divisor, too.
public func negativeLogLikelihood(
  _ logProbabilities: Tensor, labels: IntTensor, classWeights: Tensor? = nil, ignoring: Int32? = nil,
  reduction: Reduction = .mean
) -> Tensor {
  var (logProbabilities, labels) = rows(of: logProbabilities, labels)
  checkLabels(logProbabilities, labels, ignoring)
  if let ignoring {
    let ignored = Mask(labels.scalars.map { $0 == ignoring }, shape: [labels.count, 1])
    logProbabilities = logProbabilities.replacing(with: 0, where: ignored)
  }
  checkWeights(logProbabilities, classWeights)
  let columns = logProbabilities.shape[1]
  let rows = logProbabilities.shape[0]
  let classes = classWeights?.scalars
  let weights = labels.scalars.map { $0 == ignoring ? 0 : classes?[Int($0)] ?? 1 }
  // An ignored row has weight zero, so any of its classes may be picked.
  let picks = labels.scalars.map { $0 == ignoring ? 0 : $0 }
  func description() -> OperationDescription {
    var attributes: [String: AttributeValue] = ["labels": .indices(labels), "reduction": reduction.attribute]
    attributes["ignoring"] = ignoring.map { .integer(Int($0)) }
    return .init("negativeLogLikelihood", attributes)
  }
  let divisor = reduction == .mean ? weights.reduce(0.0) { $0 + Double($1) } : 1
  return operation {
    let picked = logProbabilities.plainBuffer.picked(picks, columns: columns)
    let factors = Buffer(weights, shape: [rows])
    let sum = Buffer.broadcast(.multiply, picked, [rows], factors, [rows], result: [rows]).sum()
    return recorded(Tensor(Float(-sum / divisor)), as: description(), from: logProbabilities, classWeights) {
      dy, cotangents in
      let dx = factors.scaled(by: Float(-Double(dy.scalar) / divisor)).placed(picks, columns: columns)
      cotangents.add(Tensor(dx, shape: logProbabilities.shape), to: logProbabilities)
    }
  }
}

/// Logarithms of probabilities times factors, of which zero makes anything zero: what is ignored may be infinite, or no
/// number.
private func product(_ logarithms: Tensor, _ factors: Tensor) -> Tensor {
  (logarithms * factors).replacing(with: 0, where: factors .== 0)
}

/// Every position of the axes behind the classes as a row: [N, K, …] and [N, …] → [R, K] and [R].
private func rows(of x: Tensor, _ labels: IntTensor) -> (Tensor, IntTensor) {
  guard x.rank > 2, labels.shape == [x.shape[0]] + x.shape.dropFirst(2) else { return (x, labels) }
  let last = x.transposed([0] + Array(2..<x.rank) + [1])
  return (last.reshaped(to: [-1, x.shape[1]]), IntTensor(labels.scalars))
}

func checkLabels(_ x: Tensor, _ labels: IntTensor, _ ignored: Int32? = nil) {
  ensure(
    x.rank == 2 && x.shape[1] > 0 && labels.shape == [x.shape[0]],
    "cross entropy: \(x.shape) does not go with labels \(labels.shape)")
  let classes = Int32(x.shape[1])
  if let wrong = labels.scalars.first(where: { ($0 < 0 || $0 >= classes) && $0 != ignored }) {
    stopProgram("cross entropy: the label \(wrong) is not one of the \(classes) classes")
  }
}

func checkWeights(_ x: Tensor, _ weights: Tensor?) {
  ensure(
    weights.map { $0.shape == [x.shape[1]] } ?? true,
    "cross entropy: \(x.shape) does not go with class weights \(weights?.shape ?? [])")
}

func checkSmoothing(_ smoothing: Float) {
  ensure((0...1).contains(smoothing), "cross entropy: a smoothing of \(smoothing) is not in 0...1")
}
