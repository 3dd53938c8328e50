import AviaryDiagnostics
import AviaryLayers

/// Networks by the names under which commands and checkpoints know them: a value that a program extends.
///
/// ```swift
/// let registry = Registry.zoo.adding(
///   Architecture("spiral", "two linear layers for spirals", SpiralNet.self, .init(), input: [2], kinds: [.tables]))
/// ```
public struct Registry: Sendable {
  /// What a person may ask for by its name.
  public private(set) var architectures: [Architecture]
  /// What only files name, such as a network that they describe layer by layer.
  private var unlisted: [Architecture]

  /// - Precondition: no two names are the same.
  public init(_ architectures: [Architecture], unlisted: [Architecture] = []) {
    let names = (architectures + unlisted).map(\.name)
    ensure(Set(names).count == names.count, "Registry: two architectures have one name among \(names)")
    self.architectures = architectures
    self.unlisted = unlisted
  }

  /// The same with further networks.
  ///
  /// - Parameter listed: whether a person may ask for them by their names.
  /// - Precondition: none of them has the name of one that is there.
  public func adding(_ further: Architecture..., listed: Bool = true) -> Registry {
    listed
      ? Registry(architectures + further, unlisted: unlisted) : Registry(architectures, unlisted: unlisted + further)
  }

  /// The network with this name.
  public func architecture(named name: String) throws(ArchitectureFault) -> Architecture {
    guard let found = (architectures + unlisted).first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: architectures.map(\.name))
    }
    return found
  }

  /// The network that a checkpoint, or a hub's description beside it, names, with the checkpoint's weights and frozen set.
  public func model(
    from checkpoint: Checkpoint, allowing allowances: Set<Allowance> = [], seed: UInt64 = 0, path: String
  ) throws -> (model: any Network, architecture: Architecture, report: LoadReport) {
    let checkpoint =
      try recognized(checkpoint, by: Adaptation(allowing: allowances), path: path)?.checkpoint ?? checkpoint
    guard let name = checkpoint.metadata.architecture else { throw unnamed(checkpoint) }
    let architecture = try architecture(named: name)
    let model = try architecture.build(configuration: checkpoint.metadata.configuration)
    // A published file may be older than the network's names.
    let current = checkpoint.format == .aviary ? checkpoint : try checkpoint.renamed(by: architecture.olderNames)
    let report = try model.load(current, allowing: allowances, seed: seed, path: path)
    try model.freeze(checkpoint.metadata.frozen)
    return (model, architecture, report)
  }

  /// Why a checkpoint that does not name its network is not loaded, with the networks that it may be one of.
  public func unnamed(_ checkpoint: Checkpoint) -> ArchitectureFault {
    if let model = checkpoint.kerasModel, model.configuration == nil { return .unnamedKerasLayers }
    let names = self.names(fitting: checkpoint)
    return names.isEmpty ? .unnamed : .unnamedFitting(names: names)
  }

  /// The same for a network that sorts images, or rows, into classes.
  public func classifier(
    from checkpoint: Checkpoint, allowing allowances: Set<Allowance> = [], seed: UInt64 = 0, path: String
  ) throws -> (model: any Classifier, architecture: Architecture, report: LoadReport) {
    let (model, architecture, report) = try model(from: checkpoint, allowing: allowances, seed: seed, path: path)
    return (try architecture.classifier(model), architecture, report)
  }
}
