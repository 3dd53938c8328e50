// Layers that change the size of images: UpSampling by interpolation, Resizing, CenterCrop.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

struct KerasResizing: KerasUnaryClass {
  enum Interpolation: String, Codable, Sendable { case bilinear, nearest }

  static let key = "resizing"
  static let classes = ["Resizing"]
  /// Height and width; nil for factors of the input's.
  var size: [Int]?
  var factors: [Int]?
  var interpolation: Interpolation

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.bringImages(to: source)
    for name in ["crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"] {
      if try source.flag(name, default: false) { throw source.unsupported("\(name)=True is not supported") }
    }
    return Self(
      size: [try source.count("height"), try source.count("width")],
      interpolation: try interpolation(source))
  }

  static func interpolation(_ source: KerasLayerDescription) throws(KerasModelFault) -> Interpolation {
    let name = try source.word("interpolation") ?? "bilinear"
    guard let known = Interpolation(rawValue: name) else {
      throw source.unsupported("interpolation '\(name)' is not supported")
    }
    return known
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(input.positions.count == 2, "it resizes images, not an input of shape \(input)")
    if let size {
      try require(size.count == 2 && size.allSatisfy { (1...65_536).contains($0) }, "\(size) is not a size")
      return KerasShape(channels: input.channels, positions: size.map { $0 })
    }
    let factors = factors ?? []
    try require(
      factors.count == 2 && factors.allSatisfy { (1...4096).contains($0) }, "\(factors) are not factors of 1 to 4096")
    return KerasShape(
      channels: input.channels,
      positions: zip(input.positions, factors).map { size, factor in size.map { $0 * factor } })
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    Resized(size: size, factors: factors ?? [1, 1], isBilinear: interpolation == .bilinear)
  }

  private struct Resized: UnaryLayer {
    let size: [Int]?
    let factors: [Int]
    let isBilinear: Bool
    let site = Site()

    var children: [Child] { [Child("site", site)] }

    func forward(_ x: Tensor) -> Tensor {
      let (height, width) = (x.shape[2], x.shape[3])
      let size = size ?? [height * factors[0], width * factors[1]]
      let rows = matmul(x, weights(from: width, to: size[1]).transposed([1, 0]))
      return size[0] == height ? rows : matmul(weights(from: height, to: size[0]), rows)
    }

    /// The share that every old position has in every new one, [new, old]; centres of pixels lie at halves.
    private func weights(from old: Int, to new: Int) -> Tensor {
      var weights = [Float](repeating: 0, count: new * old)
      for place in 0..<new {
        let centre = (Double(place) + 0.5) * Double(old) / Double(new)
        if isBilinear {
          let left = max(0, min(Double(old - 1), centre - 0.5))
          let first = Int(left)
          let share = Float(left - Double(first))
          weights[place * old + first] += 1 - share
          weights[place * old + min(first + 1, old - 1)] += share
        } else {
          weights[place * old + min(old - 1, Int(centre))] = 1
        }
      }
      return Tensor(weights, shape: [new, old])
    }
  }
}

struct KerasCenterCrop: KerasUnaryClass {
  static let key = "centerCrop"
  static let classes = ["CenterCrop"]
  /// Height and width.
  var size: [Int]

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.bringImages(to: source)
    return Self(size: [try source.count("height"), try source.count("width")])
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(input.positions.count == 2 && size.count == 2, "it crops images, not an input of shape \(input)")
    for (own, wanted) in zip(input.positions, size) {
      guard let own else { throw ShapeFault("it needs an input whose size is known") }
      try require(
        wanted >= 1 && wanted <= own, "\(size) is larger than an input of shape \(input), which would be resized")
    }
    return KerasShape(channels: input.channels, positions: size.map { $0 })
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let amounts = zip(input.positions, size).map { own, wanted in
      let rest = (own ?? wanted) - wanted
      return (rest / 2, rest - rest / 2)
    }
    return Crop(amounts)
  }
}

extension KerasGraphBuilder {
  /// Brings the channels of images where a layer that names no order of axes has them.
  fileprivate mutating func bringImages(to source: KerasLayerDescription) throws(KerasModelFault) {
    let isFirst = try source.word("data_format") == "channels_first"
    try turn(to: isFirst ? .channelsFirst : .channelsLast, for: source)
  }
}
