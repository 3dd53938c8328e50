import AviaryDiagnostics
import AviaryLayers

/// What a network is built from that belongs to a file which does not describe it.
struct SizedConfiguration {
  /// Values of the published configuration that weights of another program's original need.
  var original: [JSONValue.Member] = []
  /// What a person changes, which has to go with the file.
  var changes: [ConfigurationChange] = []
  /// The file's tensors; nil for the published sizes.
  var shapes: TensorShapes?
  /// The number of outputs, where that is known otherwise.
  var outputs: Int?
}

extension Architecture {
  /// A network of the sizes that a file's tensors have, and which members of its configuration they say.
  struct Sized {
    let model: any Network
    /// Members that differ from the published network's since the tensors say so.
    let read: [JSONValue.Member]
    /// Members among them that the tensors leave open.
    let assumed: [JSONValue.Member]
    /// All others that nobody changed.
    let kept: [JSONValue.Member]
  }

  /// A configuration with a person's changes, and with what tensors say.
  static func sized<Configuration: NetworkConfiguration>(
    _ preset: Configuration, by sizes: SizedConfiguration, architecture: String
  ) throws(ArchitectureFault) -> (configuration: Configuration, assumed: Set<String>) {
    var configuration = preset
    if !sizes.original.isEmpty {
      let members = members(of: preset).map { own in sizes.original.last { $0.name == own.name } ?? own }
      guard let changed = try? JSONValue.object(members).decoded(as: Configuration.self) else {
        stopProgram("\(architecture): the configuration of its Keras original is none")
      }
      configuration = changed
    }
    configuration = try changing(configuration, by: sizes.changes, architecture: architecture)
    var assumed: Set<String> = []
    if var shapes = sizes.shapes {
      let asked = configuration
      shapes.given = Set(sizes.changes.map(\.name))
      configuration.fit(tensors: &shapes)
      try requireKept(sizes.changes, of: asked, in: configuration, architecture: architecture)
      assumed = shapes.assumed
    }
    if let outputs = sizes.outputs { configuration.outputs = outputs }
    return (configuration, assumed)
  }

  /// Refuses a change that tensors contradict.
  private static func requireKept(
    _ changes: [ConfigurationChange], of asked: some NetworkConfiguration, in fitted: some NetworkConfiguration,
    architecture: String
  ) throws(ArchitectureFault) {
    let (wanted, found) = (members(of: asked), members(of: fitted))
    for change in changes {
      let own = wanted.first { $0.name == change.name }?.value
      let stored = found.first { $0.name == change.name }?.value
      if own != stored {
        throw .contradicted(
          architecture: architecture, name: change.name, value: change.value,
          stored: stored.map { $0.text ?? $0.serialized } ?? "none")
      }
    }
  }
}

extension Architecture.Sized {
  /// What the file said and what it did not say, a line each.
  var remarks: [String] {
    var lines: [String] = []
    if !read.isEmpty { lines.append("read from the shapes of the tensors: \(Self.listed(read))") }
    if let assumption { lines.append(assumption) }
    if !read.isEmpty, !kept.isEmpty {
      lines.append("else as published (change it with --set): \(Self.listed(kept))")
    }
    return lines
  }

  /// What the file did not say, on one line; nil where it said everything.
  var assumption: String? {
    assumed.isEmpty
      ? nil : "assumed, as the shapes do not say it (change it with --set): \(Self.listed(assumed))"
  }

  private static func listed(_ members: [JSONValue.Member]) -> String {
    members.map { "\($0.name)=\($0.value.text ?? $0.value.serialized)" }.joined(separator: ", ")
  }
}
