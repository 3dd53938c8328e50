import AviaryCheckpoints
import AviaryKernels

@testable import AviaryTraining

/// A line through points, learned by momentum: a task without images, whose saved state is a value in memory.
final class ToyTask {
  struct Weights: Codable, Equatable {
    var slope = 0.0, offset = 0.0, slopeVelocity = 0.0, offsetVelocity = 0.0
  }

  /// What a kill leaves: the last complete save, as a file would hold it.
  struct Disk {
    var last: (state: JSONValue, weights: Weights)?
    var best: Weights?
    var saves = 0
  }

  struct Killed: Swift.Error {}

  var weights = Weights()
  var disk: Disk
  /// The number of moments after which the process dies; nil for never.
  var momentsLeft: Int?
  var stepsTaken = 0
  var interruptAfter: Int?
  var events: [String] = []
  /// Replaces the loss of the step with this number.
  var poison: (step: Int, loss: Double)?
  var validationLoss: Double?
  /// Changes the loop before it runs.
  var adjust: (inout TrainingLoop<[[Int]]>) -> Void = { _ in }

  static let points = 100, batch = 16, epochs = 5

  init(disk: Disk = Disk(), momentsLeft: Int? = nil) {
    self.disk = disk
    self.momentsLeft = momentsLeft
  }

  static func point(_ index: Int) -> (x: Double, y: Double) {
    var stream = RandomStream(seed: 7, purpose: "points", step: UInt64(index))
    let x = Double(stream.uniform(-1, 1))
    return (x, 0.7 * x - 0.2 + 0.1 * Double(stream.uniform(-1, 1)))
  }

  /// A moment at which the process may be killed.
  private func moment() throws {
    guard let left = momentsLeft else { return }
    if left == 0 { throw Killed() }
    momentsLeft = left - 1
  }

  func loop() -> TrainingLoop<[[Int]]> {
    var loop = TrainingLoop<[[Int]]>(
      epochs: Self.epochs, batchesPerEpoch: (Self.points + Self.batch - 1) / Self.batch, learningRate: 0.2,
      schedule: .cosine().warmedUp(over: 5)
    ) { epoch, start in
      var stream = RandomStream(seed: 3, purpose: "order", step: UInt64(epoch))
      let order = stream.permutation(Self.points)
      return stride(from: start * Self.batch, to: Self.points, by: Self.batch).map {
        Array(order[$0..<min($0 + Self.batch, Self.points)])
      }
    } step: { [self] batch, rate, number in
      try moment()
      stepsTaken += 1
      var result = learn(batch, rate)
      if let poison, poison.step == number { result.loss = poison.loss }
      try moment()
      return result
    } evaluate: { [self] in
      try moment()
      return validationLoss.map { Scores(loss: $0) } ?? validate()
    } save: { [self] state in
      try moment()
      disk.last = (try state.json(), weights)
      disk.saves += 1
      try moment()
    }
    loop.saveBest = { [self] _ in
      try moment()
      disk.best = weights
    }
    loop.observe = { [self] event in
      switch event {
      case .stepped: break
      case .validating(let state): events.append("validating \(state.epoch + 1)")
      case .finishedEpoch(let row, _): events.append("finished \(row.epoch)")
      case .stoppedEarly(let epoch, let count): events.append("stopped \(epoch) \(count)")
      }
    }
    loop.isInterrupted = { [self] in interruptAfter.map { stepsTaken >= $0 } ?? false }
    // Ten seconds a step: the state is saved every sixth one.
    loop.now = { [self] in Double(stepsTaken) * 10 }
    adjust(&loop)
    return loop
  }

  /// Runs from what is on the disk, or from the beginning.
  func run() throws -> LoopOutcome {
    guard let last = disk.last else { return try loop().run() }
    weights = last.weights
    return try loop().run(from: LoopState(json: last.state))
  }

  private func learn(_ batch: [Int], _ rate: Double) -> StepResult {
    var (loss, correct, slope, offset) = (0.0, 0, 0.0, 0.0)
    for index in batch {
      let (x, y) = Self.point(index)
      let difference = weights.slope * x + weights.offset - y
      loss += difference * difference
      slope += 2 * difference * x
      offset += 2 * difference
      correct += abs(difference) < 0.1 ? 1 : 0
    }
    let count = Double(batch.count)
    weights.slopeVelocity = 0.9 * weights.slopeVelocity + slope / count
    weights.offsetVelocity = 0.9 * weights.offsetVelocity + offset / count
    weights.slope -= rate * weights.slopeVelocity
    weights.offset -= rate * weights.offsetVelocity
    return StepResult(loss: loss / count, correct: correct, count: batch.count)
  }

  private func validate() -> Scores {
    let differences = (1000..<1040).map { index in
      let (x, y) = Self.point(index)
      return abs(weights.slope * x + weights.offset - y)
    }
    return Scores(
      loss: differences.reduce(0) { $0 + $1 * $1 } / 40, accuracy: Double(differences.count { $0 < 0.1 }) / 40)
  }
}
