import AviaryDiagnostics
import AviaryLayers

/// What a network learns from.
public enum DataKind: String, Sendable, CaseIterable {
  /// Photographs; tables and time series; text; graphs.
  case images, tables, text, graphs
}

/// Another value for one of a configuration's members: a number, a list, a word.
public struct ConfigurationChange: Codable, Equatable, Sendable {
  /// The member's name.
  public var name: String
  /// As JSON has it; words need no quotes.
  public var value: String

  /// Another value for a member.
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// A network of the zoo: what it is called, what it takes, and how it is built.
public struct Architecture: Sendable {
  /// The name by which commands and checkpoints know it.
  public let name: String
  /// What it is, in one line.
  public let summary: String
  /// The kinds of data that it suits.
  public let kinds: [DataKind]
  /// The shape of the input that the published network takes: [C, H, W] of an image, [F] of a row or of a node of a
  /// graph, the size of the vocabulary for text.
  public let input: [Int]
  /// Whether its inputs count as probabilities, so that images have to come to it in [0, 1].
  public let takesProbabilities: Bool
  /// Whether it learns without labels what its data look like: see `EnergyModel`.
  public let learnsWithoutLabels: Bool
  /// How the network that Keras users have differs; nil where names agree or no original is known.
  public let keras: KerasOriginal?
  /// What makes today's names of those that older files of the network's source have; names that are today's stay.
  public let olderNames: [RenamingRule]
  /// What other programs call the network and its tensors.
  public private(set) var originals: [ForeignOriginal] = []
  /// See `NetworkConfiguration.ownNames(for:)`.
  let ownNames: @Sendable (_ paths: [String]) -> [(foreign: String, own: String)]
  /// See `NetworkConfiguration.transposedMatrices(in:)`.
  let transposedMatrices: @Sendable (_ shapes: TensorShapes) -> [String]
  /// See `NetworkConfiguration.unneededTensors(in:)`.
  let unneededTensors: @Sendable (_ shapes: TensorShapes) -> [String]
  /// See `NetworkConfiguration.members(told:)`.
  let told: @Sendable (_ facts: [String: String]) -> [ConfigurationChange]
  /// Whether a configuration reads any size off tensors of these names, which costs far less than to build the network.
  let readsSizes: @Sendable (_ tensors: TensorShapes) -> Bool
  private let make: @Sendable (_ request: Request) throws(ArchitectureFault) -> any Network
  private let makeSized: @Sendable (_ sizes: SizedConfiguration) throws(ArchitectureFault) -> Sized

  private struct Request {
    var configuration: JSONValue?
    var input: [Int]?
    var isFitted = false
    var changes: [ConfigurationChange] = []
  }

  /// - Parameter preset: the configuration of the published network.
  public init<Model: Network & SendableMetatype>(
    _ name: String, _ summary: String, _ type: Model.Type, _ preset: Model.Configuration, input: [Int],
    kinds: [DataKind] = [.images], takesProbabilities: Bool = false, keras: KerasOriginal? = nil,
    olderNames: [RenamingRule] = []
  ) {
    self.name = name
    self.summary = summary
    self.kinds = kinds
    self.input = input
    self.takesProbabilities = takesProbabilities
    learnsWithoutLabels = type is any EnergyModel.Type
    self.keras = keras
    self.olderNames = olderNames
    transposedMatrices = { Model.Configuration.transposedMatrices(in: $0) }
    unneededTensors = { Model.Configuration.unneededTensors(in: $0) }
    ownNames = { Model.Configuration.ownNames(for: $0) }
    told = { facts in
      Model.Configuration.members(told: facts).map { ConfigurationChange(name: $0.name, value: $0.value) }
    }
    readsSizes = { tensors in
      var (configuration, tensors) = (preset, tensors)
      configuration.fit(tensors: &tensors)
      return tensors.isOfUse
    }
    make = { (request) throws(ArchitectureFault) in
      var configuration = preset
      if let value = request.configuration {
        do { configuration = try Self.decoded(value, completedBy: preset) } catch {
          throw .badConfiguration(architecture: name, text: value.serialized)
        }
      }
      configuration = try Self.changing(configuration, by: request.changes, architecture: name)
      if request.isFitted, let input = request.input { configuration.fit(input: input) }
      return try Self.build(type, configuration, input: request.input, architecture: name)
    }
    makeSized = { (sizes) throws(ArchitectureFault) in
      var plain = sizes
      (plain.shapes, plain.outputs) = (nil, nil)
      let asked = Self.members(of: try Self.sized(preset, by: plain, architecture: name).configuration)
      let (configuration, assumed) = try Self.sized(preset, by: sizes, architecture: name)
      let members = Self.members(of: configuration)
      let changed = members.filter { member in asked.first { $0.name == member.name }?.value != member.value }
      return Sized(
        model: try Self.build(type, configuration, architecture: name),
        read: changed.filter { !assumed.contains($0.name) },
        assumed: members.filter { member in
          assumed.contains(member.name) && !sizes.changes.contains { $0.name == member.name }
        },
        kept: members.filter { member in
          !assumed.contains(member.name) && !changed.contains { $0.name == member.name }
            && !sizes.changes.contains { $0.name == member.name }
        })
    }
  }

  /// The same network, known under names of other programs, too.
  public func known(as originals: [ForeignOriginal]) -> Architecture {
    var result = self
    result.originals += originals
    return result
  }

  private static func build<Model: Network>(
    _ type: Model.Type, _ configuration: Model.Configuration, input: [Int]? = nil, architecture: String
  ) throws(ArchitectureFault) -> Model {
    do throws(ConfigurationFault) {
      try configuration.validate(input: input)
      let model = Model(configuration)
      try model.requireMemory()
      return model
    } catch {
      throw .refused(architecture: architecture, fault: error)
    }
  }

  /// Whether it is a small network for tests, such as `resnet-toy`, of no use otherwise.
  public var isToy: Bool { name.hasSuffix("-toy") }

  /// The side of the images that the network was designed for, in pixels; nil where it takes none.
  public var imageSize: Int? { input.count == 3 ? input[1] : nil }

  /// Builds the network; its cells are declared, not filled.
  ///
  /// - Parameters:
  ///   - configuration: as checkpoints hold it; nil for the network as published.
  ///   - input: the shape of the input, which is then validated; nil for any that the network can take.
  ///   - changes: values other than the configuration's.
  public func build(
    configuration: JSONValue? = nil, input: [Int]? = nil, changing changes: [ConfigurationChange] = []
  ) throws(ArchitectureFault) -> any Network {
    try make(Request(configuration: configuration, input: input, changes: changes))
  }

  /// Builds the network in the sizes of a file's tensors.
  func build(_ sizes: SizedConfiguration) throws(ArchitectureFault) -> Sized { try makeSized(sizes) }

  /// Builds the published network as it has to be for data of another shape: with other channels, for instance.
  ///
  /// - Parameter changes: values of the configuration other than the published ones.
  public func build(
    fitting input: [Int], changing changes: [ConfigurationChange] = []
  ) throws(ArchitectureFault) -> any Network {
    try make(Request(input: input, isFitted: true, changes: changes))
  }

  /// Builds a network that sorts images, or rows, into classes; see `build`.
  public func buildClassifier(
    configuration: JSONValue? = nil, input: [Int]? = nil
  ) throws(ArchitectureFault) -> any Classifier {
    try classifier(build(configuration: configuration, input: input))
  }

  /// The network as one that sorts images, or rows, into classes, which not every network does.
  public func classifier(_ network: any Network) throws(ArchitectureFault) -> any Classifier {
    guard let classifier = network as? any Classifier else {
      throw .noClassifier(architecture: name, kinds: kinds)
    }
    return classifier
  }
}

/// Why a network cannot be built from a name and a configuration.
public enum ArchitectureFault: Error, Equatable, CustomStringConvertible {
  /// No network has this name.
  case unknown(name: String, known: [String])
  /// The JSON is not a configuration of the network.
  case badConfiguration(architecture: String, text: String)
  /// A member of the configuration cannot have the value that it is to be changed to.
  case badSetting(architecture: String, name: String, value: String, allowed: String)
  /// A member of the configuration is to be changed to something other than what the file's tensors have.
  case contradicted(architecture: String, name: String, value: String, stored: String)
  /// The configuration has no value of this name.
  case unknownSetting(architecture: String, name: String, known: [String])
  /// The configuration describes no network, or one that does not take the input.
  case refused(architecture: String, fault: ConfigurationFault)
  /// The checkpoint does not say which network its weights are for.
  case unnamed
  /// The same, where the tensors fit networks of the registry.
  case unnamedFitting(names: [String])
  /// The same of the weights of a Keras model, whose layers are in another file.
  case unnamedKerasLayers
  /// The network is not an image classifier, but one is needed.
  case noClassifier(architecture: String, kinds: [DataKind])
  /// The network does not suit the data.
  case unsuited(architecture: String, kinds: [DataKind], data: DataKind)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "unknown architecture '\(name)'; " + (nearestName(to: name, among: known).map { "did you mean '\($0)'? " } ?? "")
        + "the known ones are \(known.joined(separator: ", "))"
    case .badConfiguration(let architecture, let text):
      "not a configuration of \(architecture): \(text.prefix(200))"
    case .badSetting(let architecture, let name, let value, let allowed):
      "\(architecture): \(name) cannot be \(value.prefix(80)); it must be \(allowed)"
    case .contradicted(let architecture, let name, let value, let stored):
      "\(architecture): \(name) cannot be \(value.prefix(80)): the file's tensors have \(name)=\(stored.prefix(80)); "
        + "leave the setting out"
    case .unknownSetting(let architecture, let name, let known):
      "\(architecture) has no setting '\(name)'; there are \(known.joined(separator: ", "))"
    case .refused(let architecture, let fault): "\(architecture): \(fault)"
    case .noClassifier(let architecture, let kinds) where kinds.contains(.images):
      "\(architecture) learns without labels and has no classes"
    case .noClassifier(let architecture, let kinds):
      "\(architecture) is for \(Self.list(kinds)), not for images"
    case .unsuited(let architecture, let kinds, let data):
      "\(architecture) is for \(Self.list(kinds)); the data are \(data.rawValue)"
    case .unnamed:
      "the file does not say which architecture its weights are for, and its tensors are not named as those of a network "
        + "that is known here; if they are one's, convert it with --architecture NAME and --rename or --by-structure"
    case .unnamedKerasLayers:
      "the file has the weights of a Keras model without its layers; convert it with --keras-model MODEL, a model or "
        + "config.json that has them, or, if it is a network that is known here, with --architecture NAME"
    case .unnamedFitting(let names):
      "the file does not say which architecture its weights are for; they fit \(names.joined(separator: ", ")): "
        + "convert it with --architecture \(names.first ?? "NAME")"
    }
  }
}

extension ArchitectureFault {
  private static func list(_ kinds: [DataKind]) -> String { kinds.map(\.rawValue).joined(separator: " and ") }
}
