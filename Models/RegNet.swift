// RegNet: residual networks of grouped bottlenecks whose widths grow by a simple rule, with (Y) and without (X) squeeze and
// excitation.
//
// Radosavovic, Kosaraju, Girshick, He & Dollár, "Designing Network Design Spaces", 2020 (arXiv:2003.13678), as torchvision
// builds them. Configurations hold what comes out of the rule, not its parameters, as files do not have those. Left out:
// bottlenecks that are narrower than the block. Paths are torchvision's names.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A 3×3 convolution in groups between two 1×1 ones, perhaps with squeeze and excitation, and the input added to their result:
/// [N, I, H, W] → [N, O, H / stride, W / stride].
public struct RegNetBlock: UnaryLayer {
  private let proj: Sequential?
  private let f: Sequential

  init(_ inputs: Int, _ outputs: Int, stride: Int, groupWidth: Int, squeezed: Int?) {
    proj =
      stride == 1 && inputs == outputs
      ? nil : convolutionBlock(inputs, outputs, kernel: 1, stride: stride, activation: nil)
    var layers: [(name: String, layer: any UnaryLayer)] = [
      ("a", convolutionBlock(inputs, outputs, kernel: 1, activation: .relu)),
      (
        "b",
        convolutionBlock(
          outputs, outputs, kernel: 3, stride: stride, groups: outputs / groupWidth, activation: .relu)
      ),
    ]
    if let squeezed {
      layers.append(
        ("se", SqueezeExcitation(outputs, squeezed: squeezed, initializer: .kaimingNormal(.out))))
    }
    f = Sequential(named: layers + [("c", convolutionBlock(outputs, outputs, kernel: 1, activation: nil))])
  }

  public func forward(_ x: Tensor) -> Tensor { relu((proj?(x) ?? x) + f(x)) }
}

/// A stem that halves the image, stages of blocks that halve it again each, the mean over positions, and a linear head:
/// [N, 3, H, W] → [N, classes].
public struct RegNet: Classifier {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: ImageConfiguration {
    /// The channels of the first convolution.
    public var stemWidth = 32
    /// How many blocks each stage has.
    public var depths: [Int]
    /// How many channels each stage has.
    public var widths: [Int]
    /// How many channels each group of the 3×3 convolutions has.
    public var groupWidths: [Int]
    /// By how much squeeze and excitation narrows the width that a block is given; 0 for none.
    public var squeezeRatio: Double
    /// The channels of an image: 3 for colours, 1 for grey.
    public var inputChannels = 3
    /// The number of classes, which is that of the head's outputs.
    public var classes = 1000

    /// Narrow networks of both kinds, for tests.
    public static let toyX = Configuration(
      stemWidth: 8, depths: [1, 2], widths: [8, 16], groupWidths: [4, 8], squeezeRatio: 0, classes: 5)
    /// A small network with squeeze and excitation, for tests.
    public static let toyY = Configuration(
      stemWidth: 8, depths: [1, 2], widths: [8, 24], groupWidths: [8, 8], squeezeRatio: 0.25, classes: 5)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("stages", depths.count, in: 1...16)
      try require("widths", widths.count, in: depths.count...depths.count)
      try require("groupWidths", groupWidths.count, in: depths.count...depths.count)
      try require("stemWidth", stemWidth, in: 1...16384)
      for depth in depths { try require("depths", depth, in: 1...128) }
      for (width, group) in zip(widths, groupWidths) {
        try require("widths", width, in: 1...16384)
        guard group >= 1, width % group == 0 else {
          throw .outOfRange(name: "groupWidths", value: "\(group)", allowed: "a divisor of the width \(width)")
        }
      }
      guard squeezeRatio >= 0, squeezeRatio <= 16 else {
        throw .outOfRange(name: "squeezeRatio", value: "\(squeezeRatio)", allowed: "0 to 16")
      }
      if squeezeRatio > 0, let width = ([stemWidth] + widths).first(where: { squeezed($0) == 0 }) {
        throw .outOfRange(
          name: "squeezeRatio", value: "\(squeezeRatio)", allowed: "enough to leave one of \(width) channels, or 0")
      }
      try requireImages("regnet", input: input, least: 1)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      inputChannels = shapes.inputs(of: "stem.0.weight", rank: 4) ?? inputChannels
      classes = shapes.outputs(of: "fc.weight") ?? classes
      stemWidth = shapes.outputs(of: "stem.0.weight", rank: 4) ?? stemWidth
      func block(_ stage: Int, _ number: Int) -> String { "trunk_output.block\(stage).block\(stage)-\(number).f" }
      let stages = 1..<1 + min(17, shapes.count(from: 1) { "\(block($0, 0)).a.0.weight" })
      if stages.isEmpty { return }
      depths = stages.map { stage in shapes.count { "\(block(stage, $0)).a.0.weight" } }
      widths = stages.map { shapes.outputs(of: "\(block($0, 0)).a.0.weight", rank: 4) ?? 0 }
      groupWidths = stages.map { shapes.inputs(of: "\(block($0, 0)).b.0.weight", rank: 4) ?? 0 }
      // What each squeeze makes of the width that its block is given.
      let squeezes = stages.compactMap { stage -> (given: Int, squeezed: Int)? in
        let given = stage == 1 ? stemWidth : widths[stage - 2]
        return shapes.outputs(of: "\(block(stage, 0)).se.fc1.weight", rank: 4).map { (given, $0) }
      }
      guard let first = squeezes.first else {
        squeezeRatio = 0
        return
      }
      func fits(_ ratio: Double) -> Bool {
        var other = self
        other.squeezeRatio = ratio
        return squeezes.allSatisfy { other.squeezed($0.given) == $0.squeezed }
      }
      let quotients = squeezes.filter { $0.given > 0 }.map { Double($0.squeezed) / Double($0.given) }
      let candidates = [squeezeRatio, 0.25, 0.5, 0.125, 0.0625, 1] + quotients
      squeezeRatio = candidates.first { $0 > 0 && fits($0) } ?? (first.given > 0 ? quotients.first ?? 0 : 0)
    }

    /// The number of channels between the convolutions of squeeze and excitation; nil where there is none.
    func squeezed(_ width: Int) -> Int? {
      squeezeRatio > 0
        ? Int(min(Double(width) * squeezeRatio, 1e12).rounded(.toNearestOrEven)) : nil
    }
  }

  public let configuration: Configuration
  private let stem: Sequential
  private let trunkOutput: Sequential
  private let avgpool = MeanOverPositions()
  private let fc: Linear

  public var headPath: String { "fc" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    var channels = configuration.stemWidth
    stem = convolutionBlock(configuration.inputChannels, channels, kernel: 3, stride: 2, activation: .relu)
    var stages: [(name: String, layer: any UnaryLayer)] = []
    for (index, depth) in configuration.depths.enumerated() {
      let (width, groupWidth) = (configuration.widths[index], configuration.groupWidths[index])
      let blocks = (0..<depth).map { block -> (name: String, layer: any UnaryLayer) in
        defer { channels = width }
        return (
          "block\(index + 1)-\(block)",
          RegNetBlock(
            channels, width, stride: block == 0 ? 2 : 1, groupWidth: groupWidth,
            squeezed: configuration.squeezed(channels))
        )
      }
      stages.append(("block\(index + 1)", Sequential(named: blocks)))
    }
    trunkOutput = Sequential(named: stages)
    fc = Linear(
      channels, configuration.classes, initializer: .normal(mean: 0, deviation: 0.01), biasInitializer: .zeros)
  }

  public func features(_ x: Tensor) -> Tensor { avgpool(trunkOutput(stem(x))) }
  public func head(_ features: Tensor) -> Tensor { fc(features) }
}

extension RegNet {
  /// A network of the paper's design space by torchvision's name, `regnet_y_400mf` for one of 400 million multiplications.
  fileprivate struct Published {
    let name: String
    let depths: [Int]
    let widths: [Int]
    /// Of every stage, which a narrower stage cannot have more of than its width.
    let groupWidth: Int

    init(_ name: String, _ depths: [Int], _ widths: [Int], _ groupWidth: Int) {
      (self.name, self.depths, self.widths, self.groupWidth) = (name, depths, widths, groupWidth)
    }

    var squeezes: Bool { name.hasPrefix("regnet_y") }

    var architecture: Architecture {
      let configuration = Configuration(
        depths: depths, widths: widths, groupWidths: widths.map { min($0, groupWidth) },
        squeezeRatio: squeezes ? 0.25 : 0)
      let size = name.split(separator: "_").dropFirst(2).joined(separator: ".").uppercased()
      return Architecture(
        name, "RegNet\(squeezes ? "Y" : "X")-\(size) (Radosavovic et al., 2020)", RegNet.self, configuration,
        input: [3, 224, 224])
    }

    static let all: [Published] = [
      .init("regnet_y_400mf", [1, 3, 6, 6], [48, 104, 208, 440], 8),
      .init("regnet_y_800mf", [1, 3, 8, 2], [64, 144, 320, 784], 16),
      .init("regnet_y_1_6gf", [2, 6, 17, 2], [48, 120, 336, 888], 24),
      .init("regnet_y_3_2gf", [2, 5, 13, 1], [72, 216, 576, 1512], 24),
      .init("regnet_y_8gf", [2, 4, 10, 1], [224, 448, 896, 2016], 56),
      .init("regnet_y_16gf", [2, 4, 11, 1], [224, 448, 1232, 3024], 112),
      .init("regnet_y_32gf", [2, 5, 12, 1], [232, 696, 1392, 3712], 232),
      .init("regnet_y_128gf", [2, 7, 17, 1], [528, 1056, 2904, 7392], 264),
      .init("regnet_x_400mf", [1, 2, 7, 12], [32, 64, 160, 400], 16),
      .init("regnet_x_800mf", [1, 3, 7, 5], [64, 128, 288, 672], 16),
      .init("regnet_x_1_6gf", [2, 4, 10, 2], [72, 168, 408, 912], 24),
      .init("regnet_x_3_2gf", [2, 6, 15, 2], [96, 192, 432, 1008], 48),
      .init("regnet_x_8gf", [2, 5, 15, 1], [80, 240, 720, 1920], 120),
      .init("regnet_x_16gf", [2, 6, 13, 1], [256, 512, 896, 2048], 128),
      .init("regnet_x_32gf", [2, 7, 13, 1], [336, 672, 1344, 2520], 168),
    ]
  }
}

extension Architecture {
  static let regNets = RegNet.Published.all.map(\.architecture)
}
