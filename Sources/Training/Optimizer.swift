import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryModels
import AviaryTensors

/// Changes parameters along their gradients, by PyTorch's formulas.
///
/// State is kept by the path of the parameter it belongs to, with a step count each: a head that is replaced, or a layer
/// that is frozen or thawed, costs no other parameter its state.
public final class Optimizer {
  public let configuration: OptimizerConfiguration
  private let groups: [(patterns: [PathPattern], group: ParameterGroup)]
  private var slots: [String: Slots] = [:]

  private struct Slots {
    var step = 0
    var state: [String: Variable]
  }

  public init(_ configuration: OptimizerConfiguration) throws(TrainingFault) {
    try configuration.validate()
    self.configuration = configuration
    groups = []
  }

  /// - Parameters:
  ///   - groups: The first group that matches a parameter's path counts for it.
  ///   - parameters: All that will be trained: a pattern that matches none of them is an error.
  public init(_ configuration: OptimizerConfiguration, groups: [ParameterGroup], for parameters: [Parameter]) throws {
    try configuration.validate()
    self.configuration = configuration
    self.groups = try groups.map { group in
      try group.validate()
      return (try group.parsed(for: parameters), group)
    }
  }

  /// One step: every parameter that is not frozen and has a gradient is changed in place.
  ///
  /// - Parameter learningRate: what the schedule says now; groups scale it.
  public func step(_ parameters: [Parameter], _ gradients: Gradients, learningRate: Double) {
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
    let group = groups.first { $0.patterns.contains { $0.matches(parameter.path) } }?.group
    if group?.isFrozen == true { return }
    let rate = rate(of: group, learningRate)
    let decay = group?.weightDecay ?? configuration.weightDecay
    if slots[parameter.path] == nil { slots[parameter.path] = fresh(parameter) }
    slots[parameter.path]?.step += 1
    guard let slot = slots[parameter.path] else { return }
    func state(_ name: String) -> Variable {
      guard let variable = slot.state[name] else {
        stopProgram("\(configuration.kind)'s state has the names \(configuration.stateNames), not '\(name)'")
      }
      return variable
    }
    switch configuration.kind {
    case .sgd, .momentum, .nesterov:
      parameter.filled.updateBySGD(
        gradient: gradient, momentum: slot.state["momentum"], learningRate: rate, weightDecay: decay,
        factor: configuration.kind == .sgd ? 0 : configuration.momentum, nesterov: configuration.kind == .nesterov)
    case .adagrad:
      parameter.filled.updateByAdagrad(
        gradient: gradient, sum: state("sum"), learningRate: rate, rateDecay: configuration.learningRateDecay,
        weightDecay: decay, epsilon: configuration.epsilon, step: slot.step)
    case .adadelta:
      parameter.filled.updateByAdadelta(
        gradient: gradient, squares: state("square_average"), changes: state("change_average"), learningRate: rate,
        weightDecay: decay, rho: configuration.rho, epsilon: configuration.epsilon)
    case .rmsprop:
      parameter.filled.updateByRMSprop(
        gradient: gradient, squares: state("square_average"), mean: slot.state["gradient_average"],
        velocity: slot.state["momentum"], learningRate: rate, weightDecay: decay, alpha: configuration.alpha,
        epsilon: configuration.epsilon, momentum: configuration.momentum)
    case .adam, .adamw:
      parameter.filled.updateByAdam(
        gradient: gradient, first: state("first_moment"), second: state("second_moment"), learningRate: rate,
        weightDecay: decay, beta1: configuration.beta1, beta2: configuration.beta2, epsilon: configuration.epsilon,
        step: slot.step, decoupled: configuration.kind == .adamw)
    }
  }

  /// A group's own rate follows the schedule in proportion.
  private func rate(of group: ParameterGroup?, _ scheduled: Double) -> Double {
    guard let group else { return scheduled }
    let rate = group.learningRate.map { $0 * (scheduled / configuration.learningRate) } ?? scheduled
    return rate * group.learningRateScale
  }

  private func fresh(_ parameter: Parameter) -> Slots {
    var fresh = Slots(state: [:])
    for name in configuration.stateNames {
      let start = name == "sum" ? Float(configuration.initialAccumulator) : 0
      fresh.state[name] = Variable(Tensor(repeating: start, shape: parameter.shape))
    }
    return fresh
  }

  /// The state for a checkpoint.
  public var state: [String: Checkpoint.TrainingState.Slots] {
    slots.mapValues { slot in
      Checkpoint.TrainingState.Slots(step: slot.step, arrays: slot.state.mapValues { StoredArray($0.value) })
    }
  }

  /// Takes over the state of the parameters given; what belongs to others is left behind. Parameters without state, such as
  /// layers that were frozen, begin anew.
  ///
  /// - Parameter replaced: the path of a layer that is another one since, such as a new head. Its parameters begin anew
  ///   where the state is of another shape; elsewhere that is a fault.
  public func restore(
    _ state: [String: Checkpoint.TrainingState.Slots], for parameters: [Parameter], replaced: String? = nil,
    path: String
  ) throws(TrainingFault) {
    for parameter in parameters {
      guard let stored = state[parameter.path] else { continue }
      if let replaced, parameter.path == replaced || parameter.path.hasPrefix(replaced + "."),
        stored.arrays.values.contains(where: { $0.shape != parameter.shape })
      {
        continue
      }
      var restored = Slots(step: stored.step, state: [:])
      for name in configuration.stateNames {
        guard let array = stored.arrays[name], array.shape == parameter.shape, stored.step >= 0,
          let values = array.tensor()
        else { throw .badOptimizerState(path: path, parameter: parameter.path, state: name) }
        restored.state[name] = Variable(values)
      }
      slots[parameter.path] = restored
    }
  }
}
