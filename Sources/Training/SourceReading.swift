import AviaryCheckpoints

/// How the checkpoint that a run begins with is read, where its file does not say it all: what a person said about it. A run
/// that was stopped before its first state was saved reads it again.
public struct SourceReading: Codable, Equatable, Sendable {
  /// The network that foreign weights are for; nil where the file names it, or describes it.
  public var architecture: String?
  /// Rules for names, as `RenamingRule` takes them.
  public var renames: [String] = []
  /// Whether tensors are told by their order and shapes.
  public var byStructure = false
  /// Patterns of matrices that the file keeps as [inputs, outputs].
  public var transposes: [String] = []
  /// The entry of a training checkpoint that has the weights.
  public var weightsKey: String?
  /// Values of the network's configuration that the file does not say.
  public var changes: [ConfigurationChange] = []
  /// The name of the preparation that its images had.
  public var preprocessing: String?
  /// Whether external links of HDF5 files are followed.
  public var follow = false

  /// Everything as the file says.
  public init() {}
}
