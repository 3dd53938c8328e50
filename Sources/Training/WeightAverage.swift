import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// An exponential moving average of a model's weights, which often does better than the weights themselves (Polyak and
/// Juditsky 1992; Tarvainen and Valpola, "Mean teachers", 2017).
///
/// It is PyTorch's `AveragedModel` with `get_ema_multi_avg_fn(decay)`: the first update copies the weights, each further
/// one moves the average by 1 − decay of the difference. Running statistics are not averaged: the model's own serve.
public final class WeightAverage {
  /// The share of the average that each step keeps.
  public let decay: Double
  private var parameters: [Parameter]
  /// One for each parameter; nil before its first update.
  private var averages: [Variable?]

  /// - Parameter parameters: those that are not frozen are averaged, each once; the others do not change.
  public init(of parameters: [Parameter], decay: Double) throws(TrainingFault) {
    try Self.check(decay: decay)
    self.decay = decay
    var known: Set<ObjectIdentifier> = []
    self.parameters = parameters.filter { !$0.isFrozen && known.insert($0.identity).inserted }
    averages = Array(repeating: nil, count: self.parameters.count)
  }

  /// Averages parameters from now on, too, that are no longer frozen.
  public func include(_ more: [Parameter]) {
    var known = Set(parameters.map(\.identity))
    for parameter in more where !parameter.isFrozen && known.insert(parameter.identity).inserted {
      parameters.append(parameter)
      averages.append(nil)
    }
  }

  static func check(decay: Double) throws(TrainingFault) {
    try TrainingFault.check("weight average's decay", decay, decay >= 0 && decay < 1, "at least 0 and below 1")
  }

  /// Takes in the weights as they are after a step.
  public func update() {
    inference {
      for (place, parameter) in parameters.enumerated() {
        if let average = averages[place] {
          average.average(with: parameter.filled.value, share: 1 - decay)
        } else {
          // A cell of its own, but not yet memory of its own: the next step leaves what the average holds.
          averages[place] = Variable(parameter.filled.value)
        }
      }
    }
  }

  /// Runs `body` with the average as the model's weights, and restores the model's own afterwards. Before the first update
  /// `body` sees the model's own.
  public func applied<Result, Failure>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    exchange()
    defer { exchange() }
    return try body()
  }

  private func exchange() {
    for case (let parameter, let average?) in zip(parameters, averages) {
      let own = parameter.filled.value
      parameter.filled.value = average.value
      average.value = own
    }
  }

  // MARK: In a checkpoint

  /// The averages of a model's parameters for a checkpoint's training state, by path.
  public func state(for model: some Layer) -> [String: StoredArray] { arrays(for: model.namedParameters()) }

  /// The same for any parameters under any names.
  ///
  /// - Throws: `TrainingFault.sharedName` where two parameters have one name, `emptyName` where one has none.
  public func state(
    for parameters: [(path: String, parameter: Parameter)]
  ) throws(TrainingFault) -> [String: StoredArray] {
    try ParameterNames.check(parameters)
    return arrays(for: parameters)
  }

  private func arrays(for named: [(path: String, parameter: Parameter)]) -> [String: StoredArray] {
    let known = Dictionary(uniqueKeysWithValues: zip(parameters.map { $0.identity }, averages))
    var state: [String: StoredArray] = [:]
    for (path, parameter) in named {
      if let average = known[parameter.identity] ?? nil { state[path] = StoredArray(average.value) }
    }
    return state
  }

  /// Continues from a checkpoint's training state; from the beginning where it has no averages.
  ///
  /// - Parameters:
  ///   - allowingMissing: whether parameters without an average are averaged from the next update on, as layers are that
  ///     were frozen until then; otherwise that is a fault.
  ///   - path: the file's, for messages.
  /// - Throws: `TrainingFault.badWeightAverage`; then nothing is taken over.
  public func restore(
    _ state: [String: StoredArray], for model: some Layer, allowingMissing: Bool = false, path: String
  ) throws(TrainingFault) {
    try restore(state, for: model.namedParameters(), allowingMissing: allowingMissing, path: path)
  }

  /// The same for any parameters under any names.
  public func restore(
    _ state: [String: StoredArray], for named: [(path: String, parameter: Parameter)], allowingMissing: Bool = false,
    path: String
  ) throws(TrainingFault) {
    try ParameterNames.check(named)
    if state.isEmpty { return }
    var names: [ObjectIdentifier: String] = [:]
    for (name, parameter) in named where names[parameter.identity] == nil {
      names[parameter.identity] = name
    }
    var restored: [Variable?] = []
    for (place, parameter) in parameters.enumerated() {
      guard let name = names[parameter.identity] else {
        throw .emptyName(place: place, shape: parameter.shape)
      }
      if allowingMissing, state[name] == nil {
        restored.append(nil)
        continue
      }
      guard let array = state[name], array.shape == parameter.shape, let values = array.tensor() else {
        throw .badWeightAverage(path: path, parameter: name)
      }
      restored.append(Variable(values))
    }
    averages = restored
  }
}
