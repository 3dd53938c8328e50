import AviaryLayers

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A network of the zoo: what it is called, and how it is built.
public struct Architecture: Sendable {
  /// The name by which commands and checkpoints know it.
  public let name: String
  /// What it is, in one line.
  public let summary: String
  /// The side of the images that it was designed for, in pixels.
  public let imageSize: Int
  private let make: @Sendable (_ configuration: String?, _ input: [Int]?) throws(ArchitectureFault) -> any Classifier

  init<Model: Classifier & SendableMetatype>(
    _ name: String, _ summary: String, _ type: Model.Type, _ preset: Model.Configuration, imageSize: Int
  ) {
    self.name = name
    self.summary = summary
    self.imageSize = imageSize
    make = { (text, input) throws(ArchitectureFault) in
      var configuration = preset
      if let text {
        do {
          configuration = try JSONDecoder().decode(Model.Configuration.self, from: Data(text.utf8))
        } catch {
          throw .badConfiguration(architecture: name, text: text)
        }
      }
      do throws(ConfigurationFault) {
        let least = input ?? [configuration.inputChannels, imageSize, imageSize]
        try configuration.validate(input: least)
      } catch {
        throw .refused(architecture: name, fault: error)
      }
      return Model(configuration)
    }
  }

  /// Builds the network; its cells are declared, not filled.
  ///
  /// - Parameters:
  ///   - configuration: JSON, as checkpoints hold it; nil for the network as published.
  ///   - input: the shape [C, H, W] of the images it shall take; nil for those it was designed for.
  public func build(configuration: String? = nil, input: [Int]? = nil) throws(ArchitectureFault) -> any Classifier {
    try make(configuration, input)
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

  public var description: String {
    switch self {
    case .unknown(let name, let known):
      "there is no architecture '\(name)'; there are \(known.joined(separator: ", "))"
    case .badConfiguration(let architecture, let text):
      "this is no configuration of \(architecture): \(text.prefix(200))"
    case .refused(let architecture, let fault): "\(architecture): \(fault)"
    case .unnamed: "the file does not say which architecture its weights are for; convert it with --architecture"
    }
  }
}

/// The zoo.
public enum Zoo {
  public static let architectures: [Architecture] = [
    Architecture(
      "resnet18", "residual network with 18 layers (He et al., 2015)", ResNet.self, .resnet18, imageSize: 224),
    Architecture(
      "resnet-toy", "a narrow and short residual network, for tests", ResNet.self, .toy, imageSize: 64),
    Architecture(
      "squeezenet1_1", "SqueezeNet 1.1 (Iandola et al., 2016)", SqueezeNet.self, .squeezenet1_1, imageSize: 227),
    Architecture(
      "squeezenet-toy", "SqueezeNet 1.1 with an eighth of the channels, for tests", SqueezeNet.self, .toy,
      imageSize: 64),
  ]

  /// The network with this name.
  public static func architecture(named name: String) throws(ArchitectureFault) -> Architecture {
    guard let found = architectures.first(where: { $0.name == name }) else {
      throw .unknown(name: name, known: architectures.map(\.name))
    }
    return found
  }
}
