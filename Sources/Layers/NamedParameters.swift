import AviaryDiagnostics

/// Parameters of a layer whose number is not known when the layer is written, and so cannot be properties of it. Each has
/// the name it is given, directly below the layer; the property that holds them adds none of its own.
public struct NamedParameters {
  public let entries: [(name: String, parameter: Parameter)]

  public init(_ entries: [(name: String, parameter: Parameter)]) {
    ensure(
      Set(entries.map(\.name)).count == entries.count, "NamedParameters: \(entries.map(\.name)) are not distinct")
    self.entries = entries
  }
}
