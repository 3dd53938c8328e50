import Aviary

/// The defaults of networks that learn without labels, most of them Hinton's: "A Practical Guide to Training Restricted
/// Boltzmann Machines", 2010.
struct UnlabeledDefaults {
  let learningRate: Double
  /// Whether the columns of a table are words.
  let countsWords: Bool
  static let momentum = 0.5
  static let weightDecay = 2e-4
  /// Biases do not decay.
  static let biases = ParameterGroup(["visible_bias", "hidden_bias"], weightDecay: 0)

  /// nil for networks that learn from labels.
  ///
  /// - Parameter changes: values of the configuration that a person gives.
  init?(
    architecture: String?, set changes: [ConfigurationChange], _ kind: DataKind, _ table: TableArguments
  ) throws {
    guard let architecture,
      try AviaryCommand.registry.architecture(named: architecture).learnsWithoutLabels
    else { return nil }
    let units = changes.last { $0.name == "units" }?.value
    countsWords = kind == .tables && units == VisibleUnits.counts.rawValue && table.ratings == nil && table.text == nil
    switch kind {
    // Of a batch of users, few have rated any one item.
    case .tables where table.ratings != nil: learningRate = 0.5
    // Nothing bounds what Gaussian units and counts are told.
    case .tables: learningRate = 0.01
    default: learningRate = units == VisibleUnits.gaussian.rawValue ? 0.01 : 0.1
    }
  }
}
