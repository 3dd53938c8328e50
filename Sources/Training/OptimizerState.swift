import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

// Between cells and names: in memory state belongs to the cell, in a file it lies under the parameter's path.

extension Optimizer {
  /// The state of a model's parameters for a checkpoint, by their paths. Parameters without state are left out.
  public func state(for model: some Layer) -> [String: Checkpoint.TrainingState.Slots] {
    slots(for: model.namedParameters())
  }

  /// The same for any parameters under any names, such as those of two models:
  /// `encoder.namedParameters(under: "encoder") + decoder.namedParameters(under: "decoder")`.
  ///
  /// - Throws: `TrainingFault.sharedName` where two parameters have one name, `emptyName` where one has none.
  public func state(
    for parameters: [(path: String, parameter: Parameter)]
  ) throws(TrainingFault) -> [String: Checkpoint.TrainingState.Slots] {
    try ParameterNames.check(parameters)
    return slots(for: parameters)
  }

  private func slots(
    for parameters: [(path: String, parameter: Parameter)]
  ) -> [String: Checkpoint.TrainingState.Slots] {
    var state: [String: Checkpoint.TrainingState.Slots] = [:]
    for (path, parameter) in parameters {
      guard let slot = usedSlot(of: parameter), let arrays = slot.state else { continue }
      state[path] = .init(step: slot.step, arrays: arrays.mapValues { StoredArray($0.value) })
    }
    return state
  }

  /// Takes over the state of a model's parameters from a checkpoint; what belongs to others is left behind. Parameters
  /// without state, such as layers that were frozen, start fresh.
  ///
  /// - Parameters:
  ///   - replaced: the path of a layer that has been replaced since, such as a new head. Its parameters start fresh where
  ///     the state has another shape; elsewhere that is a fault.
  ///   - path: the file's, for messages.
  /// - Throws: `TrainingFault.badOptimizerState`; then nothing is taken over.
  public func restore(
    _ state: [String: Checkpoint.TrainingState.Slots], for model: some Layer, replaced: String? = nil, path: String
  ) throws(TrainingFault) {
    try restore(state, for: model.namedParameters(), replaced: replaced, path: path)
  }

  /// The same for any parameters under any names.
  public func restore(
    _ state: [String: Checkpoint.TrainingState.Slots], for parameters: [(path: String, parameter: Parameter)],
    replaced: String? = nil, path: String
  ) throws(TrainingFault) {
    try ParameterNames.check(parameters)
    var restored: [(parameter: Parameter, step: Int, arrays: [String: Variable])] = []
    for (name, parameter) in parameters {
      guard let stored = state[name] else { continue }
      if let replaced, name == replaced || name.hasPrefix(replaced + "."),
        stored.arrays.values.contains(where: { $0.shape != parameter.shape })
      {
        continue
      }
      var arrays: [String: Variable] = [:]
      for slot in configuration.stateNames {
        guard let array = stored.arrays[slot], array.shape == parameter.shape, stored.step >= 0,
          let values = array.tensor()
        else { throw .badOptimizerState(path: path, parameter: name, state: slot) }
        arrays[slot] = Variable(values)
      }
      restored.append((parameter, stored.step, arrays))
    }
    for (parameter, step, arrays) in restored { adopt(arrays, step: step, for: parameter) }
  }
}

/// Names under which parameters lie in a file.
enum ParameterNames {
  /// Refuses names of which a file could not tell the parameters apart. A parameter may be given twice under one name.
  static func check(_ parameters: [(path: String, parameter: Parameter)]) throws(TrainingFault) {
    var known: [String: (place: Int, parameter: Parameter)] = [:]
    for (place, (path, parameter)) in parameters.enumerated() {
      if path.isEmpty { throw .emptyName(place: place, shape: parameter.shape) }
      guard let other = known[path] else {
        known[path] = (place, parameter)
        continue
      }
      if other.parameter !== parameter {
        throw .sharedName(
          name: path, places: [other.place, place], shapes: [other.parameter.shape, parameter.shape])
      }
    }
  }
}
