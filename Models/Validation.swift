import AviaryLayers

// Checks that several configurations share.

func requireCount(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws(ConfigurationFault) {
  guard range.contains(value) else {
    throw .outOfRange(
      name: name, value: "\(value)",
      allowed: range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)")
  }
}

/// What every image classifier asks of its configuration, and of an input of [C, H, W], where that is known.
func requireCommon(
  _ architecture: String, classes: Int, inputChannels: Int, input: [Int]?, least: Int
) throws(ConfigurationFault) {
  try requireCount("classes", classes, in: 1...1_000_000)
  try requireCount("inputChannels", inputChannels, in: 1...4096)
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
