import AviaryLayers
import AviaryTensors

// What a run freezes: its options' layers, and groups that are not trained.

extension Layer {
  /// Freezes what the options say for an epoch, counted from 0, groups included, and nothing else. Groups that match nothing
  /// are refused here, as are options that leave nothing to train.
  func freeze(_ options: TrainingOptions, epoch: Int = 0) throws {
    let (option, named) = options.trainOnly.isEmpty ? ("--freeze", options.freeze) : ("--train", options.trainOnly)
    do throws(FreezeFault) {
      if options.trainOnly.isEmpty { try freeze(named) } else { try freeze(allBut: named) }
    } catch {
      throw TrainingFault.layers(option: option, error)
    }
    for layers in options.unfreezing where layers.epoch <= epoch + 1 { try unfreeze(layers) }
    let more = options.groups.filter(\.isFrozen).flatMap(\.patterns)
    if !more.isEmpty { try freeze(frozenPaths + more) }
    // Before anything is written.
    let paths = namedParameters().map(\.path)
    for group in options.groups { _ = try group.parsed(for: paths) }
    if !parameters.isEmpty, parameters.allSatisfy(\.isFrozen) {
      throw TrainingFault.nothingToTrain(option: option, layers: named.isEmpty ? more : named)
    }
  }
}

extension Layer {
  fileprivate func unfreeze(_ layers: Unfreezing) throws(TrainingFault) {
    do throws(FreezeFault) { try unfreeze([layers.layers]) } catch { throw .layers(option: "--unfreeze", error) }
  }

  /// Refuses layers to unfreeze that are not those of the network, or are not frozen by then. What is frozen stays so.
  func checkUnfreezing(_ options: TrainingOptions) throws {
    if options.unfreezing.isEmpty { return }
    try freeze(options)
    for layers in options.unfreezing.sorted(by: { $0.epoch < $1.epoch }) where layers.epoch > 1 {
      let before = parameters.count(where: \.isFrozen)
      try unfreeze(layers)
      if parameters.count(where: \.isFrozen) == before { throw TrainingFault.nothingToUnfreeze(layers) }
    }
    try freeze(options)
  }
}

extension Network {
  /// Whether no parameter of the head is trained.
  var isHeadFrozen: Bool {
    let head = namedParameters().filter { isInHead($0.path) }
    return !head.isEmpty && head.allSatisfy(\.parameter.isFrozen)
  }

  /// Whether no parameter outside of the head is trained.
  var trainsHeadAlone: Bool { namedParameters().allSatisfy { $0.parameter.isFrozen || isInHead($0.path) } }

  /// A line about frozen parameters that keep the random values that they start with; nil where there are none.
  ///
  /// - Parameter isNew: whether a parameter, by its path, has such values.
  func remarkOnFrozen(isNew: (String) -> Bool) -> String? {
    let cells = namedParameters().filter { $0.parameter.isFrozen && isNew($0.path) }
    let head = cells.filter { isInHead($0.path) }
    if !head.isEmpty {
      let which =
        head.count == namedParameters().count { isInHead($0.path) }
        ? "the new head \(headPath)" : "part of the new head \(headPath)"
      return "\(which) is frozen: it keeps its random values and does not learn the data's classes"
    }
    // Such networks learn without labels before the rest is trained.
    if let model = self as? any Pretrainable, model.pretrainingEpochs > 0 { return nil }
    guard !cells.isEmpty else { return nil }
    return
      "\(cells.count) tensors are frozen with the random values that they start with; --freeze is for trained weights"
  }
}
