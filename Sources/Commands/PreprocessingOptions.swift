import ArgumentParser
import Aviary
import AviaryArchives

/// Words for the ways of resizing, whose sizes follow from the network's input.
enum ResizeName: String, CaseIterable, ExpressibleByArgument { case none, shorter, exact }

/// `224x224`, height first, or `224` for both.
struct InputSize: ExpressibleByArgument, Sendable {
  var size: ImageSize

  init?(argument: String) {
    let sides = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides[sides.count - 1] else { return nil }
    size = ImageSize(height: height, width: width)
  }

  var defaultValueDescription: String { size.description }
}

/// `1,2,3`.
struct NumberList: ExpressibleByArgument, Sendable {
  var values: [Double]

  init?(argument: String) {
    let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double(trimmed($0)) }
    guard !values.contains(nil) else { return nil }
    self.values = values.compactMap { $0 }
  }

  var defaultValueDescription: String { values.map { "\($0)" }.joined(separator: ",") }
}

extension Preprocessing.Preset {
  /// How images of the published size, or the nodes of graphs, become the input of a checkpoint's network.
  func preparation(for metadata: Checkpoint.Metadata) throws -> InputPreparation {
    let known = AviaryCommand.registry.architectures.first { $0.name == metadata.architecture }
    // Every preset but raw divides the features of nodes by their sum.
    if known?.kinds == [.graphs] { return .graph(.init(normalizesFeatures: self != .raw)) }
    var images = Preprocessing.preset(self, size: known?.imageSize ?? 224)
    if let described = try SourceOptions.describedImages(metadata) {
      images = images.withSize(described.size)
      return .images(described.isGrey ? images.withChannels(.grey) : images)
    }
    let configuration = try known?.build(configuration: metadata.configuration).configuration
    let isGrey = (configuration as? any ImageConfiguration)?.inputChannels == 1
    return .images(isGrey ? images.withChannels(.grey) : images)
  }
}

extension SourceOptions {
  /// The checkpoint's preprocessing with the changes that the options make; nil if they make none.
  func changedPreparation(of checkpoint: Checkpoint, _ path: String) throws -> InputPreparation? {
    guard preprocessing != nil || inputSize != nil || mean != nil || std != nil || channels != nil || resize != nil
    else {
      return nil
    }
    if let architecture = AviaryCommand.registry.architectures.first(where: {
      $0.name == checkpoint.metadata.architecture
    }),
      architecture.kinds == [.graphs]
    {
      // Every preset but raw divides the features by their sum.
      return .graph(.init(normalizesFeatures: preprocessing != .raw))
    }
    return .images(try changedPreprocessing(of: checkpoint, path))
  }

  private func changedPreprocessing(of checkpoint: Checkpoint, _ path: String) throws -> Preprocessing {
    var result: Preprocessing
    if let preprocessing {
      let known = checkpoint.metadata.architecture.flatMap { name in
        AviaryCommand.registry.architectures.first { $0.name == name }
      }
      let described = try Self.describedImages(checkpoint.metadata)
      let size = inputSize?.size.height ?? known?.imageSize ?? described?.size.height
      result = .preset(preprocessing, size: size ?? 224)
      if let described, inputSize == nil, described.size != result.outputSize {
        result = result.withSize(described.size)
      }
      if described?.isGrey == true, channels == nil { result = result.withChannels(.grey) }
    } else if let stored = try checkpoint.preprocessing() {
      result = stored
    } else {
      throw CommandFault.nothingToChange(path: path)
    }
    if let size = inputSize?.size, result.outputSize != size { result = result.withSize(size) }
    if let resize, let size = result.outputSize {
      // The crop pads smaller images with black.
      switch resize {
      case .none: (result.resize, result.crop) = (.none, size)
      case .shorter: (result.resize, result.crop) = (.shorterSide(min(size.height, size.width)), size)
      case .exact: (result.resize, result.crop) = (.exact(size), nil)
      }
    }
    if let channels { result = result.withChannels(channels) }
    if let mean { result.mean = mean.values }
    if let std { result.standardDeviation = std.values }
    return try result.validated()
  }
}

extension SourceOptions {
  /// The size of the images that a Keras model takes, if its file says.
  static func describedImages(_ metadata: Checkpoint.Metadata) throws -> (size: ImageSize, isGrey: Bool)? {
    guard let name = metadata.architecture,
      [KerasNetwork.architecture, KerasNetwork.graphArchitecture].contains(name),
      let chain = try AviaryCommand.registry.architecture(named: name)
        .build(configuration: metadata.configuration) as? KerasNetwork
    else { return nil }
    return chain.configuration.images.map { (ImageSize(height: $0.height, width: $0.width), $0.channels == 1) }
  }
}

extension Preprocessing {
  /// The same with another order of channels: every colour keeps its mean and deviation. A value that all channels share
  /// is used for grey, too.
  func withChannels(_ order: Channels) -> Preprocessing {
    var result = self
    result.channels = order
    switch (channels, order) {
    case (.rgb, .bgr), (.bgr, .rgb):
      result.mean.reverse()
      result.standardDeviation.reverse()
    case (.rgb, .grey), (.bgr, .grey):
      if Set(mean).count == 1, Set(standardDeviation).count == 1 {
        result.mean = [mean[0]]
        result.standardDeviation = [standardDeviation[0]]
      }
    case (.grey, .rgb), (.grey, .bgr):
      result.mean = Array(repeating: mean[0], count: 3)
      result.standardDeviation = Array(repeating: standardDeviation[0], count: 3)
    default: break
    }
    return result
  }
}

/// The text without white space at its ends.
func trimmed(_ text: some StringProtocol) -> String {
  let isSpace: (Character) -> Bool = \.isWhitespace
  return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
}

/// The lines of a text file that are not empty; nil if there is no such file.
func textLines(_ path: String) throws(CommandFault) -> [String]? {
  guard FileSystem.exists(path) else { return nil }
  guard let file = try? MappedFile(path: path, map: false),
    let text = TextEncoding.text(file.bytes.array())
  else { throw CommandFault.unreadableClasses(path: path) }
  return text.split(whereSeparator: \.isNewline).map { trimmed($0) }.filter { !$0.isEmpty }
}
