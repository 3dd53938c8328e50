import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Changes parameters along their gradients, by PyTorch's formulas.
///
/// State belongs to the parameter itself, whatever models it is part of and whatever its name is there. One optimizer
/// trains any number of models, and a layer that two of them share has one state. Each parameter has a step count of its
/// own: a head that is replaced, or a layer that is frozen or thawed, costs no other parameter its state. An optimizer
/// keeps the parameters that it has state or groups for alive.
public final class Optimizer {
  /// What the optimizer does.
  public let configuration: OptimizerConfiguration
  /// By the parameter's identity. What is in it holds the parameter, so that no address is used again.
  private var slots: [ObjectIdentifier: Slot] = [:]
  /// The number of calls of `step`.
  private var calls = 0

  /// What the optimizer knows about one parameter.
  final class Slot {
    let parameter: Parameter
    /// The first group that the parameter was found in; nil for none.
    let group: ParameterGroup?
    /// The updates that the parameter has had.
    var step = 0
    /// By the names of the configuration; nil before the first update.
    var state: [String: Variable]?
    /// The call that changed the parameter last.
    var lastCall = 0

    init(_ parameter: Parameter, group: ParameterGroup? = nil) {
      self.parameter = parameter
      self.group = group
    }
  }

  /// An optimizer without state.
  public init(_ configuration: OptimizerConfiguration) throws(TrainingFault) {
    try configuration.validate()
    self.configuration = configuration
  }

  /// - Parameters:
  ///   - groups: The first group that has a pattern for a parameter's name applies to the parameter. Names count here and
  ///     no longer afterwards.
  ///   - parameters: All that will be trained, as `namedParameters()` gives them: a pattern that matches none of them is
  ///     an error.
  public init(
    _ configuration: OptimizerConfiguration, groups: [ParameterGroup],
    for parameters: [(path: String, parameter: Parameter)]
  ) throws {
    try configuration.validate()
    self.configuration = configuration
    let parsed = try groups.map { group in
      try group.validate()
      return (patterns: try group.parsed(for: parameters.map(\.path)), group: group)
    }
    for (path, parameter) in parameters where slots[parameter.identity] == nil {
      guard let match = parsed.first(where: { $0.patterns.contains { $0.matches(path) } }) else { continue }
      slots[parameter.identity] = Slot(parameter, group: match.group)
    }
  }

  /// The same for the parameters of one model.
  public convenience init(
    _ configuration: OptimizerConfiguration, groups: [ParameterGroup], for model: some Layer
  ) throws {
    try self.init(configuration, groups: groups, for: model.namedParameters())
  }

  /// One step: every parameter that is not frozen and has a gradient is changed in place. A parameter that is given twice,
  /// as by two models that share it, is changed once.
  ///
  /// - Parameter learningRate: the schedule's current value; groups scale it.
  public func step(_ parameters: [Parameter], _ gradients: Gradients, learningRate: Double) {
    calls += 1
    inference {
      for parameter in parameters where !parameter.isFrozen {
        guard let gradient = gradients[parameter] else { continue }
        if isProfiling {
          profiled("optimizer") { update(parameter, gradient, learningRate) }
        } else {
          update(parameter, gradient, learningRate)
        }
      }
    }
  }

  private func update(_ parameter: Parameter, _ gradient: Tensor, _ learningRate: Double) {
    let slot = slot(of: parameter)
    let group = slot.group
    if group?.isFrozen == true || slot.lastCall == calls { return }
    slot.lastCall = calls
    let rate = rate(of: group, learningRate)
    let decay = group?.weightDecay ?? configuration.weightDecay
    let state = slot.state ?? fresh(parameter)
    slot.state = state
    slot.step += 1
    func required(_ name: String) -> Variable {
      guard let variable = state[name] else {
        stopProgram("\(configuration.kind)'s state has the names \(configuration.stateNames), not '\(name)'")
      }
      return variable
    }
    switch configuration.kind {
    case .sgd, .momentum, .nesterov:
      parameter.filled.updateBySGD(
        gradient: gradient, momentum: state["momentum"], learningRate: rate, weightDecay: decay,
        factor: configuration.kind == .sgd ? 0 : configuration.momentum, nesterov: configuration.kind == .nesterov)
    case .adagrad:
      parameter.filled.updateByAdagrad(
        gradient: gradient, sum: required("sum"), learningRate: rate, rateDecay: configuration.learningRateDecay,
        weightDecay: decay, epsilon: configuration.epsilon, step: slot.step)
    case .adadelta:
      parameter.filled.updateByAdadelta(
        gradient: gradient, squares: required("square_average"), changes: required("change_average"),
        learningRate: rate, weightDecay: decay, rho: configuration.rho, epsilon: configuration.epsilon)
    case .rmsprop:
      parameter.filled.updateByRMSprop(
        gradient: gradient, squares: required("square_average"), mean: state["gradient_average"],
        velocity: state["momentum"], learningRate: rate, weightDecay: decay, alpha: configuration.alpha,
        epsilon: configuration.epsilon, momentum: configuration.momentum)
    case .adam, .adamw:
      parameter.filled.updateByAdam(
        gradient: gradient, first: required("first_moment"), second: required("second_moment"), learningRate: rate,
        weightDecay: decay, beta1: configuration.beta1, beta2: configuration.beta2, epsilon: configuration.epsilon,
        step: slot.step, decoupled: configuration.kind == .adamw)
    }
  }

  private func slot(of parameter: Parameter) -> Slot {
    if let known = slots[parameter.identity] { return known }
    let slot = Slot(parameter)
    slots[parameter.identity] = slot
    return slot
  }

  /// A group's own rate follows the schedule in proportion.
  private func rate(of group: ParameterGroup?, _ scheduled: Double) -> Double {
    guard let group else { return scheduled }
    let rate = group.learningRate.map { $0 * (scheduled / configuration.learningRate) } ?? scheduled
    return rate * group.learningRateScale
  }

  private func fresh(_ parameter: Parameter) -> [String: Variable] {
    var fresh: [String: Variable] = [:]
    for name in configuration.stateNames {
      let start = name == "sum" ? Float(configuration.initialAccumulator) : 0
      fresh[name] = Variable(Tensor(repeating: start, shape: parameter.shape))
    }
    return fresh
  }

  /// The slot of a parameter that has been updated; nil of one that has not.
  func usedSlot(of parameter: Parameter) -> Slot? {
    slots[parameter.identity].flatMap { $0.state == nil ? nil : $0 }
  }

  /// Gives a parameter the state that it had elsewhere.
  func adopt(_ state: [String: Variable], step: Int, for parameter: Parameter) {
    let slot = slot(of: parameter)
    slot.state = state
    slot.step = step
  }
}
