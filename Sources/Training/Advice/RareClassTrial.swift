import AviaryKernels
import AviaryLayers
import AviaryTensors

/// What can be done about rare classes.
public enum RareClassTreatment: String, CaseIterable, Sendable {
  /// Nothing.
  case none
  /// Losses that count for more where a class is rare: `ClassOptions.weights`.
  case weights
  /// Items drawn so that all classes are equally frequent: `ClassOptions.sampler`.
  case sampler
  /// Logits with the logarithms of the classes' shares while they are learned: `ClassOptions.logitAdjustment`.
  case logitAdjustment = "logit-adjustment"

  /// The options of the command line.
  public var arguments: [String] {
    switch self {
    case .none: []
    case .weights: ["--class-weights", "balanced"]
    case .sampler: ["--sampler", "balanced"]
    case .logitAdjustment: ["--logit-adjustment", "1"]
    }
  }

  func apply(to options: inout ClassOptions) {
    switch self {
    case .none: break
    case .weights: options.weights = .balanced
    case .sampler: options.sampler = .balanced
    case .logitAdjustment: options.logitAdjustment = 1
    }
  }
}

/// Trains the head of a network on frozen features with each treatment of rare classes, and scores it on what was held out,
/// in folds: the same steps that a run with a frozen backbone takes.
struct RareClassTrial<Model: Classifier> {
  let model: Model
  /// What the head is given: row-major [items, shape].
  let features: [Float]
  /// Of one item: features or, of a head that begins by averaging them, maps.
  let shape: [Int]
  let classes: TrainingClasses
  var options: TrainingOptions

  /// The mean macro F1 of repetitions with other folds, starts and orders: of a class of a dozen items, one repetition says
  /// little.
  func score(_ treatment: RareClassTreatment, folds: Int = 5, repetitions: Int = 4) throws -> Double? {
    let scores = try (0..<repetitions).compactMap { repetition in
      var trial = self
      trial.options.seed = options.seed &+ UInt64(repetition)
      return try trial.crossValidated(treatment, folds: folds)
    }
    return scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
  }

  /// The macro F1 of the predictions for all items, each made by a head that did not learn from it.
  private func crossValidated(_ treatment: RareClassTreatment, folds count: Int) throws -> Double? {
    let folds = LinearProbe.folds(classes.labels, classes: classes.names.count, count: count, seed: options.seed)
    var tally = ClassTally()
    for held in folds.indices {
      let training = folds.indices.filter { $0 != held }.flatMap { folds[$0] }.sorted()
      guard !training.isEmpty, !folds[held].isEmpty else { continue }
      let head = try trained(on: training, treatment)
      for start in stride(from: 0, to: folds[held].count, by: 256) {
        let places = Array(folds[held][start..<min(folds[held].count, start + 256)])
        let predicted = inference { head.head(batch(places)).argmax() }
        for (place, predicted) in zip(places, predicted) {
          tally.add(label: Int(classes.labels[place]), predicted: predicted)
        }
      }
    }
    return tally.macroF1
  }

  private func trained(on places: [Int], _ treatment: RareClassTreatment) throws -> Model {
    let network = model.replacingHead(outputs: classes.names.count, seed: options.seed)
    network.freezeBackbone()
    var options = options
    treatment.apply(to: &options.classes)
    let own = TrainingClasses(names: classes.names, labels: places.map { classes.labels[$0] })
    let learning = try ClassLearning(options, own)
    let parameters = network.trainableParameters
    let optimizer = try Optimizer(options.optimizer)
    var number: UInt64 = 0
    for epoch in 0..<options.epochs {
      var random = RandomStream(seed: options.seed, purpose: "image order", step: UInt64(epoch))
      let order = learning.order(purpose: "image order", epoch: epoch) ?? random.permutation(places.count)
      for start in stride(from: 0, to: order.count, by: options.batchSize) {
        let chosen = order[start..<min(order.count, start + options.batchSize)].map { places[$0] }
        let labels = IntTensor(chosen.map { classes.labels[$0] })
        // A single item has no statistics to learn from.
        if chosen.count == 1, network.learnsFromStatistics { continue }
        _ = try optimizer.trainingStep(
          parameters, learningRate: options.optimizer.learningRate, noise: Noise(seed: options.seed, step: number)
        ) { (learning.loss(network.head(batch(chosen)), labels: labels), ()) }
        number += 1
      }
    }
    return network
  }

  private func batch(_ places: [Int]) -> Tensor {
    let width = shape.reduce(1, *)
    var values: [Float] = []
    values.reserveCapacity(places.count * width)
    for place in places { values += features[place * width..<(place + 1) * width] }
    return Tensor(values, shape: [places.count] + shape)
  }
}
