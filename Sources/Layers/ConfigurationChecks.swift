import AviaryTensors

// Checks that configurations share.

extension LayerConfiguration {
  /// Refuses a number outside of a range.
  public func require(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(ConfigurationFault) {
    guard range.contains(value) else {
      throw .outOfRange(
        name: name, value: "\(value)",
        allowed: range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)")
    }
  }

  /// Refuses what is not a probability below 1, with which dropout leaves something.
  public func requireRate(_ name: String, _ rate: Float) throws(ConfigurationFault) {
    guard (0..<1).contains(rate) else {
      throw .outOfRange(name: name, value: "\(rate)", allowed: "in [0, 1)")
    }
  }

  /// Refuses a divisor of all widths that is not a power of two up to `most`.
  public func requireDivisor(_ divisor: Int, of most: Int) throws(ConfigurationFault) {
    guard (1...most).contains(divisor), divisor & (divisor - 1) == 0 else {
      throw .outOfRange(name: "divisor", value: "\(divisor)", allowed: "a power of two up to \(most)")
    }
  }
}

/// The configuration of a network that sorts images.
public protocol ImageConfiguration: ClassifierConfiguration {
  /// The channels of an image.
  var inputChannels: Int { get set }
}

extension ImageConfiguration {
  public mutating func fit(input: [Int]) { inputChannels = input.first ?? inputChannels }

  /// What every image classifier asks of its configuration, and of an input of [C, H, W], where that is known.
  ///
  /// - Parameter least: the smallest height and width.
  public func requireImages(_ architecture: String, input: [Int]?, least: Int) throws(ConfigurationFault) {
    try require("classes", classes, in: 1...1_000_000)
    try require("inputChannels", inputChannels, in: 1...4096)
    guard let input else { return }
    guard input.count == 3 else {
      throw .wrongInput(architecture: architecture, input: input, expected: "images [C, H, W]")
    }
    guard input[1] >= least, input[2] >= least else {
      throw .inputTooSmall(architecture: architecture, input: Array(input.dropFirst()), least: least)
    }
    guard input[0] == inputChannels else {
      throw .wrongChannels(architecture: architecture, found: input[0], expected: inputChannels)
    }
  }

  /// The same of a network that takes square images of one size.
  public func requireImages(_ architecture: String, input: [Int]?, side: Int) throws(ConfigurationFault) {
    try requireImages(architecture, input: input, least: 1)
    guard let input, input.dropFirst() != [side, side] else { return }
    throw .wrongInput(architecture: architecture, input: input, expected: "images of \(side)×\(side) pixels")
  }
}

extension Network {
  /// Refuses a declared network with more parameters than any real one has: widths that are possible one by one may not be
  /// so together.
  package func requireMemory() throws(ConfigurationFault) {
    let limit = 1 << 31
    var count = 0
    for parameter in parameters {
      var size = 1
      for extent in parameter.shape {
        size = size.multipliedReportingOverflow(by: extent).overflow ? limit + 1 : size * extent
      }
      count = min(limit + 1, count + min(size, limit + 1))
    }
    guard count <= limit else {
      throw .outOfRange(name: "number of parameters", value: "more than \(limit)", allowed: "at most \(limit)")
    }
  }
}
