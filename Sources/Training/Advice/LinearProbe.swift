import AviaryDiagnostics
import AviaryKernels
import AviaryLayers
import AviaryTensors

/// How well a linear classifier tells classes apart by given features, cross-validated: what a frozen network is worth for
/// them (Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016).
struct LinearProbe {
  /// Row-major [items, width].
  let features: [Float]
  let width: Int
  let labels: [Int32]
  let classes: Int

  /// What was right in each fold, and over all.
  struct Outcome: Equatable, Sendable {
    /// The mean of the classes' recalls in each fold.
    var folds: [Double]
    var balancedAccuracy: Double { folds.reduce(0, +) / Double(max(1, folds.count)) }
    /// The standard error of that mean.
    var standardError: Double {
      guard folds.count > 1 else { return 0 }
      let mean = balancedAccuracy
      let squares = folds.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(folds.count - 1) / Double(folds.count)).squareRoot()
    }
  }

  /// Places of the items in folds of which each has its share of every class.
  static func folds(_ labels: [Int32], classes: Int, count: Int, seed: UInt64) -> [[Int]] {
    var folds = Array(repeating: [Int](), count: count)
    var next = 0
    var members = Array(repeating: [Int](), count: classes)
    for (place, label) in labels.enumerated() where members.indices.contains(Int(label)) {
      members[Int(label)].append(place)
    }
    for (label, members) in members.enumerated() {
      var random = RandomStream(seed: seed, purpose: "folds", path: "\(label)")
      // On from where the last class ended, so that folds are equally large.
      for place in random.permutation(members.count) {
        folds[next % count].append(members[place])
        next += 1
      }
    }
    return folds.map { $0.sorted() }
  }

  func crossValidated(folds count: Int = 5, seed: UInt64 = 0) -> Outcome {
    let folds = Self.folds(labels, classes: classes, count: count, seed: seed)
    return Outcome(
      folds: folds.indices.compactMap { held in
        let training = folds.indices.filter { $0 != held }.flatMap { folds[$0] }
        guard !training.isEmpty, !folds[held].isEmpty else { return nil }
        var tally = ClassTally()
        for (place, predicted) in zip(folds[held], fitted(on: training, seed: seed)(folds[held])) {
          tally.add(label: Int(labels[place]), predicted: predicted)
        }
        return tally.balancedAccuracy
      })
  }

  private static let steps = 150

  /// Fits logistic regression to items, each class weighing alike, and returns what it predicts for others.
  private func fitted(on training: [Int], seed: UInt64) -> ([Int]) -> [Int] {
    let (means, scales) = statistics(training)
    let layer = Linear(width, classes, initializer: .zeros, biasInitializer: .zeros)
    layer.initialize(seed: seed)
    let inputs = batch(training, means, scales)
    let chosen = IntTensor(training.map { labels[$0] })
    let names = (0..<classes).map(String.init)
    let weights = TrainingClasses(names: names, labels: chosen.scalars).balancedWeights
    let classWeights = Tensor(weights.map { Float($0) }, shape: [classes])
    // The numbers are possible ones.
    guard let optimizer = try? Optimizer(OptimizerConfiguration(.adamw, learningRate: 0.02, weightDecay: 0.5)) else {
      stopProgram("LinearProbe: no optimizer")
    }
    for _ in 0..<Self.steps {
      _ = try? optimizer.trainingStep(layer.parameters, learningRate: 0.02) {
        (crossEntropy(layer(inputs), labels: chosen, classWeights: classWeights), ())
      }
    }
    return { places in inference { layer(batch(places, means, scales)).argmax() } }
  }

  private func statistics(_ places: [Int]) -> (means: [Float], scales: [Float]) {
    var (sums, squares) = (Array(repeating: 0.0, count: width), Array(repeating: 0.0, count: width))
    for place in places {
      for column in 0..<width {
        let value = Double(features[place * width + column])
        sums[column] += value
        squares[column] += value * value
      }
    }
    let count = Double(places.count)
    let means = sums.map { $0 / count }
    let scales = zip(squares, means).map { square, mean -> Float in
      let deviation = max(0, square / count - mean * mean).squareRoot()
      // What never varies says nothing. Divided by the root of the width, so that rates suit any.
      return deviation > 1e-6 ? Float(1 / (deviation * Double(width).squareRoot())) : 0
    }
    return (means.map { Float($0) }, scales)
  }

  private func batch(_ places: [Int], _ means: [Float], _ scales: [Float]) -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(places.count * width)
    for place in places {
      for column in 0..<width { values.append((features[place * width + column] - means[column]) * scales[column]) }
    }
    return Tensor(values, shape: [places.count, width])
  }
}
