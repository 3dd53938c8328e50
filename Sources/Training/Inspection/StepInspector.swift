import AviaryLayers
import AviaryTensors

/// Looks into every so many steps of a run.
final class StepInspector<Task: TrainingTask> {
  private let log: StepLog
  private let task: Task
  private let interval: Int
  private let observe: (StepReport) throws -> Void
  /// Since the last report.
  private var sums = LoopState.EpochSums()
  private var lastTime = secondsOnAClock()

  /// - Parameter interval: 0 for once an epoch.
  init(
    _ task: Task, _ log: StepLog, every interval: Int, stepsPerEpoch: Int,
    _ observe: @escaping (StepReport) throws -> Void
  ) {
    self.task = task
    self.log = log
    self.interval = max(1, interval > 0 ? interval : stepsPerEpoch)
    self.observe = observe
  }

  /// Whether the step of this number, counted from 0, is looked into.
  func isDue(_ number: Int) -> Bool { (number + 1) % interval == 0 }

  /// Takes a step into the means.
  func count(_ result: StepResult) { sums.add(result, learningRate: 0) }

  /// - Parameter gradients: of each update of the step.
  /// - Returns: nil where nothing has been learned since the last report.
  func inspect(
    _ result: StepResult, _ batch: Task.Batches.Element, gradients: [Gradients], learningRate: Double, epoch: Int,
    number: Int
  ) throws -> StepReport? {
    count(result)
    guard sums.items > 0, result.count > 0, result.loss.isFinite else { return nil }
    let time = secondsOnAClock()
    let seconds = time - lastTime
    let own = task.model.namedParameters().flatMap { path, parameter in
      gradients.compactMap { all in all[parameter].map { (path: path, gradient: $0) } }
    }
    let norms = own.map { (path: $0.path, square: Self.square($0.gradient)) }
    let report = StepReport(
      step: number + 1, epoch: epoch + 1, scores: sums.scores, learningRate: learningRate,
      gradientNorm: norms.reduce(0) { $0 + $1.square }.squareRoot(),
      layers: try layers(norms, batch, number), itemsPerSecond: seconds > 0 ? Double(sums.items) / seconds : nil,
      model: task.model, gradients: own, images: task.images(batch))
    log.add(report)
    try observe(report)
    sums = LoopState.EpochSums()
    lastTime = secondsOnAClock()
    return report
  }

  private static func square(_ gradient: Tensor) -> Double {
    gradient.scalars.reduce(0.0) { $0 + Double($1) * Double($1) }
  }

  private func layers(
    _ norms: [(path: String, square: Double)], _ batch: Task.Batches.Element, _ number: Int
  ) throws -> [StepReport.LayerReport] {
    var layers: [StepReport.LayerReport] = []
    func index(of path: String) -> Int {
      if let known = layers.firstIndex(where: { $0.path == path }) { return known }
      layers.append(.init(path: path))
      return layers.count - 1
    }
    for (path, square) in norms {
      let layer = index(of: path.split(separator: ".").dropLast().joined(separator: "."))
      layers[layer].gradientNorm = (layers[layer].gradientNorm ?? 0) + square
    }
    for layer in layers.indices { layers[layer].gradientNorm = layers[layer].gradientNorm?.squareRoot() }
    // In inference, so that no statistics change.
    let shares = try deadRelus(usedByLast: true) {
      try inference { _ = try task.loss(batch, step: number).loss.scalar }
    }
    for (path, share) in shares { layers[index(of: path)].deadRelus = share }
    return layers
  }
}
