import AviaryLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a network learns from.
public enum DataKind: String, Sendable, CaseIterable {
  case images, tables, text, graphs
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
  /// graph, [] of tokens.
  public let input: [Int]
  private let make: @Sendable (_ request: Request) throws(ArchitectureFault) -> any Network

  private struct Request {
    var configuration: String?
    var input: [Int]?
    var isFitted = false
  }

  init<Model: Network & SendableMetatype>(
    _ name: String, _ summary: String, _ type: Model.Type, _ preset: Model.Configuration, input: [Int],
    kinds: [DataKind] = [.images]
  ) {
    self.name = name
    self.summary = summary
    self.kinds = kinds
    self.input = input
    make = { (request) throws(ArchitectureFault) in
      var configuration = preset
      if let text = request.configuration {
        do {
          configuration = try JSONDecoder().decode(Model.Configuration.self, from: Data(text.utf8))
        } catch {
          throw .badConfiguration(architecture: name, text: text)
        }
      }
      if request.isFitted, let input = request.input { configuration.fit(input: input) }
      do throws(ConfigurationFault) {
        try configuration.validate(input: request.input)
      } catch {
        throw .refused(architecture: name, fault: error)
      }
      return Model(configuration)
    }
  }

  /// The side of the images that the network was designed for, in pixels; nil where it takes none.
  public var imageSize: Int? { input.count == 3 ? input[1] : nil }

  /// Builds the network; its cells are declared, not filled.
  ///
  /// - Parameters:
  ///   - configuration: JSON, as checkpoints hold it; nil for the network as published.
  ///   - input: the shape of the input that it shall take; nil for any that it can take.
  public func build(configuration: String? = nil, input: [Int]? = nil) throws(ArchitectureFault) -> any Network {
    try make(Request(configuration: configuration, input: input))
  }

  /// Builds the published network as it has to be for data of another shape: with other channels, for instance.
  public func build(fitting input: [Int]) throws(ArchitectureFault) -> any Network {
    try make(Request(input: input, isFitted: true))
  }

  /// Builds a network that sorts images, or rows, into classes; see `build`.
  public func buildClassifier(
    configuration: String? = nil, input: [Int]? = nil
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

/// A way in which a name and a configuration make no network.
public enum ArchitectureFault: Error, Equatable, CustomStringConvertible {
  /// No network has this name.
  case unknown(name: String, known: [String])
  /// The configuration is not what the network's configurations look like.
  case badConfiguration(architecture: String, text: String)
  /// The configuration describes no network, or one that does not take the input.
  case refused(architecture: String, fault: ConfigurationFault)
  /// The checkpoint does not say which network its weights are for.
  case unnamed
  /// The network does not sort images into classes, which is asked of it.
  case noClassifier(architecture: String, kinds: [DataKind])
  /// The network does not suit the data.
  case unsuited(architecture: String, kinds: [DataKind], data: DataKind)

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "there is no architecture '\(name)'; there are \(known.joined(separator: ", "))"
    case .badConfiguration(let architecture, let text):
      "this is no configuration of \(architecture): \(text.prefix(200))"
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

/// The zoo.
public enum Zoo {
  public static let architectures: [Architecture] = [
    Architecture(
      "resnet18", "residual network with 18 layers (He et al., 2015)", ResNet.self, .resnet18, input: [3, 224, 224]),
    Architecture(
      "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, input: [3, 64, 64]),
    Architecture(
      "squeezenet1_1", "SqueezeNet 1.1 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_1, input: [3, 227, 227]),
    Architecture(
      "squeezenet-toy", "SqueezeNet 1.1 with an eighth of the channels, for tests", SqueezeNet.self, .toy,
      input: [3, 64, 64]),
  ]

  /// The network with this name.
  public static func architecture(named name: String) throws(ArchitectureFault) -> Architecture {
    guard let found = architectures.first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: architectures.map(\.name))
    }
    return found
  }
}
