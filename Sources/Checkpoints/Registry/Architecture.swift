import AviaryDiagnostics
import AviaryLayers

/// What a network learns from.
public enum DataKind: String, Sendable, CaseIterable {
  case images, tables, text, graphs
}

/// Another value for one of a configuration's members: a number, a list, a word.
public struct ConfigurationChange: Codable, Equatable, Sendable {
  public var name: String
  /// As JSON has it; words need no quotes.
  public var value: String

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
  /// How the network that Keras users have differs; nil where names agree or no original is known.
  public let keras: KerasOriginal?
  private let make: @Sendable (_ request: Request) throws(ArchitectureFault) -> any Network

  private struct Request {
    var configuration: JSONValue?
    var input: [Int]?
    var isFitted = false
    var changes: [ConfigurationChange] = []
  }

  /// - Parameter preset: the configuration of the published network.
  public init<Model: Network & SendableMetatype>(
    _ name: String, _ summary: String, _ type: Model.Type, _ preset: Model.Configuration, input: [Int],
    kinds: [DataKind] = [.images], takesProbabilities: Bool = false, keras: KerasOriginal? = nil
  ) {
    self.name = name
    self.summary = summary
    self.kinds = kinds
    self.input = input
    self.takesProbabilities = takesProbabilities
    self.keras = keras
    make = { (request) throws(ArchitectureFault) in
      var configuration = preset
      let changed = try Self.changed(preset, by: request.changes, architecture: name)
      if let value = request.configuration ?? changed {
        do {
          configuration = try Self.decoded(value, completedBy: preset)
        } catch {
          if request.configuration == nil,
            let fault = Self.faultyChange(of: preset, among: request.changes, architecture: name)
          {
            throw fault
          }
          throw .badConfiguration(architecture: name, text: value.serialized)
        }
      }
      if request.configuration == nil { configuration.complete(changed: Set(request.changes.map(\.name))) }
      if request.isFitted, let input = request.input { configuration.fit(input: input) }
      do throws(ConfigurationFault) {
        try configuration.validate(input: request.input)
        let model = Model(configuration)
        try model.requireMemory()
        return model
      } catch {
        throw .refused(architecture: name, fault: error)
      }
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
  public func build(configuration: JSONValue? = nil, input: [Int]? = nil) throws(ArchitectureFault) -> any Network {
    try make(Request(configuration: configuration, input: input))
  }

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
  /// The configuration has no value of this name.
  case unknownSetting(architecture: String, name: String, known: [String])
  /// The configuration describes no network, or one that does not take the input.
  case refused(architecture: String, fault: ConfigurationFault)
  /// The checkpoint does not say which network its weights are for.
  case unnamed
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
    case .unknownSetting(let architecture, let name, let known):
      "\(architecture) has no setting '\(name)'; there are \(known.joined(separator: ", "))"
    case .refused(let architecture, let fault): "\(architecture): \(fault)"
    case .noClassifier(let architecture, let kinds):
      "\(architecture) is for \(Self.list(kinds)), not for images"
    case .unsuited(let architecture, let kinds, let data):
      "\(architecture) is for \(Self.list(kinds)); the data are \(data.rawValue)"
    case .unnamed: "the file does not say which architecture its weights are for; convert it with --architecture"
    }
  }
}

extension ArchitectureFault {
  private static func list(_ kinds: [DataKind]) -> String { kinds.map(\.rawValue).joined(separator: " and ") }
}
