import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors

/// An exponential moving average of a model's weights, which often does better than the weights themselves (Polyak and
/// Juditsky 1992; Tarvainen and Valpola, "Mean teachers", 2017).
///
/// It is PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)`: the first update copies the weights, each further
/// one moves the average by 1 − decay of the difference. Running statistics are not averaged: the model's own serve.
public final class WeightAverage {
  public let decay: Double
  private let parameters: [Parameter]
  /// By parameter path; empty before the first update.
  private var averages: [String: Variable] = [:]

  /// - Parameter parameters: of which those that are not frozen are averaged; the others do not change.
  public init(of parameters: [Parameter], decay: Double) throws(TrainingFault) {
    try Self.check(decay: decay)
    self.decay = decay
    self.parameters = parameters.filter { !$0.isFrozen }
  }

  static func check(decay: Double) throws(TrainingFault) {
    try TrainingFault.check("weight average's decay", decay, decay >= 0 && decay < 1, "at least 0 and below 1")
  }

  /// Takes in the weights as they are after a step.
  public func update() {
    inference {
      for parameter in parameters {
        if let average = averages[parameter.path] {
          average.average(with: parameter.filled.value, share: 1 - decay)
        } else {
          // A cell of its own, but not yet memory of its own: the next step leaves what the average holds.
          averages[parameter.path] = Variable(parameter.filled.value)
        }
      }
    }
  }

  /// Runs `body` while the model has the average for its weights, and gives it its own back. Before the first update it
  /// has its own.
  public func applied<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    exchange()
    defer { exchange() }
    return try body()
  }

  private func exchange() {
    for parameter in parameters {
      guard let average = averages[parameter.path] else { continue }
      let own = parameter.filled.value
      parameter.filled.value = average.value
      average.value = own
    }
  }

  // MARK: In a checkpoint

  /// The averages for a checkpoint's training state, by parameter path.
  public var state: [String: StoredArray] { averages.mapValues { StoredArray($0.value) } }

  /// Goes on from a checkpoint's training state; from the beginning where it has no averages.
  ///
  /// - Parameter path: the file's, for messages.
  public func restore(_ state: [String: StoredArray], path: String) throws(TrainingFault) {
    if state.isEmpty { return }
    var restored: [String: Variable] = [:]
    for parameter in parameters {
      guard let array = state[parameter.path], array.shape == parameter.shape, let values = array.tensor() else {
        throw .badWeightAverage(path: path, parameter: parameter.path)
      }
      restored[parameter.path] = Variable(values)
    }
    averages = restored
  }
}
