import AviaryCheckpoints
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

  /// - Parameter groups: The first group that matches a parameter's path counts for it.
  public init(_ configuration: OptimizerConfiguration, groups: [ParameterGroup] = []) throws {
    try configuration.validate()
    self.configuration = configuration
    self.groups = try groups.map { group in
      try group.validate()
      return (try group.patterns.map { try PathPattern($0) }, group)
    }
  }

  /// One step: every parameter that is not frozen and has a gradient is changed in place.
  ///
  /// - Parameter learningRate: what the schedule says now; groups scale it.
  public func step(_ parameters: [Parameter], _ gradients: Gradients, learningRate: Double) {
    inference {
      for parameter in parameters where !parameter.isFrozen {
        guard let gradient = gradients[parameter] else { continue }
        update(parameter, gradient, learningRate)
      }
    }
  }

  private func update(_ parameter: Parameter, _ gradient: Tensor, _ learningRate: Double) {
    let group = groups.first { $0.patterns.contains { $0.matches(parameter.path) } }?.group
    let rate = learningRate * (group?.learningRateScale ?? 1)
    let decay = group?.weightDecay ?? configuration.weightDecay
    if slots[parameter.path] == nil {
      slots[parameter.path] = Slots(
        state: Dictionary(
          uniqueKeysWithValues: configuration.kind.stateNames.map { ($0, Variable(Tensor(zeros: parameter.shape))) }))
    }
    slots[parameter.path]?.step += 1
    guard let slot = slots[parameter.path] else { return }
    switch configuration.kind {
    case .sgd, .momentum, .nesterov:
      parameter.filled.updateBySGD(
        gradient: gradient, momentum: slot.state["momentum"], learningRate: rate, weightDecay: decay,
        factor: configuration.kind == .sgd ? 0 : configuration.momentum, nesterov: configuration.kind == .nesterov)
    case .adam, .adamw:
      guard let first = slot.state["first_moment"], let second = slot.state["second_moment"] else {
        preconditionFailure("Adam's state has the names \(configuration.kind.stateNames)")
      }
      parameter.filled.updateByAdam(
        gradient: gradient, first: first, second: second, learningRate: rate, weightDecay: decay,
        beta1: configuration.beta1, beta2: configuration.beta2, epsilon: configuration.epsilon, step: slot.step,
        decoupled: configuration.kind == .adamw)
    }
  }

  /// The state for a checkpoint.
  public var state: [String: Checkpoint.TrainingState.Slots] {
    slots.mapValues { slot in
      Checkpoint.TrainingState.Slots(step: slot.step, arrays: slot.state.mapValues { StoredArray($0.value) })
    }
  }

  /// Takes over the state of the parameters given; what belongs to others is left behind.
  public func restore(
    _ state: [String: Checkpoint.TrainingState.Slots], for parameters: [Parameter], path: String
  ) throws(TrainingFault) {
    for parameter in parameters {
      guard let stored = state[parameter.path] else { continue }
      var restored = Slots(step: stored.step, state: [:])
      for name in configuration.kind.stateNames {
        guard let array = stored.arrays[name], array.shape == parameter.shape, stored.step >= 0,
          let values = array.tensor()
        else { throw .badOptimizerState(path: path, parameter: parameter.path, state: name) }
        restored.state[name] = Variable(values)
      }
      slots[parameter.path] = restored
    }
  }
}
