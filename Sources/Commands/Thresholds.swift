import Aviary

extension Checkpoint.Metadata {
  /// The thresholds by which classes are predicted, after a line that says so; nil where the checkpoint has none.
  ///
  /// - Parameter path: the checkpoint's.
  func announcedThresholds(_ path: String) -> ClassThresholds? {
    guard let thresholds, let classes else { return nil }
    tell(
      "\(path): classes are predicted by the thresholds that its training chose by \(thresholds.criterion.rawValue): "
        + thresholds.described(classes))
    return thresholds
  }
}

extension [Float] {
  /// Probabilities as they are with a temperature; with none, as they are.
  func scaled(_ temperature: Double?) -> [Float] {
    temperature == nil ? self : map { Double($0) }.scaled(temperature).map { Float($0) }
  }

  /// The classes of probabilities in the order in which they are predicted.
  func order(_ thresholds: ClassThresholds?) -> [Int] {
    if let thresholds, thresholds.values.count == count { return thresholds.order(self) }
    return indices.sorted { (self[$0], $1) > (self[$1], $0) }
  }
}

extension [Double] {
  /// Probabilities as they are with a temperature; with none, as they are.
  func scaled(_ temperature: Double?) -> [Double] {
    temperature.map { TemperatureScaling.scaled(self, temperature: $0) } ?? self
  }
}
