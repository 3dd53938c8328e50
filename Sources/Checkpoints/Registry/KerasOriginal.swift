/// How the Keras original of a network differs from it: in the names of its layers, and in what it is built from.
public struct KerasOriginal: Sendable, Equatable {
  /// The network's path for each layer of the original.
  public let paths: [String: String]
  /// The values of the configuration that weights of the original need.
  public let configuration: [JSONValue.Member]

  /// The original's names for paths, and what its configuration adds.
  public init(paths: [String: String], configuration: [JSONValue.Member] = []) {
    self.paths = paths
    self.configuration = configuration
  }
}
