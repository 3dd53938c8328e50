import AviaryKernels

/// Changes of a picture by number and strength alone (Cubuk et al., "RandAugment: Practical Automated Data Augmentation with
/// a Reduced Search Space", 2020; torchvision's `RandAugment`): `operations` times, one of `ImageChange`'s kinds is drawn, and
/// its sign.
public struct RandAugment: Codable, Sendable, Equatable {
  /// How many changes follow each other.
  public var operations: Int
  /// Their strength, from 0 to `levels` − 1.
  public var magnitude: Int
  /// How many strengths there are.
  public var levels: Int

  /// Two changes of strength 9 among 31, as torchvision has it.
  public init(operations: Int = 2, magnitude: Int = 9, levels: Int = 31) {
    self.operations = operations
    self.magnitude = magnitude
    self.levels = levels
  }

  func validate() throws(PreprocessingFault) {
    guard (1...20).contains(operations) else {
      throw .value("RandAugment's number of changes", Double(operations), allowed: "1 to 20")
    }
    guard (2...1000).contains(levels) else {
      throw .value("RandAugment's levels", Double(levels), allowed: "2 to 1000")
    }
    guard (0..<levels).contains(magnitude) else {
      throw .value("RandAugment's magnitude", Double(magnitude), allowed: "0 to \(levels - 1)")
    }
  }

  func applied(to image: DecodedImage, using random: inout RandomStream) -> DecodedImage {
    var changed = image
    for _ in 0..<operations {
      let kind = ImageChange.allCases[random.integer(below: ImageChange.allCases.count)]
      let strength = kind.strength(
        level: magnitude, of: levels, .randAugment, width: image.width, height: image.height)
      let isNegative = kind.isSigned && random.integer(below: 2) == 1
      changed = changed.changed(kind, by: isNegative ? -strength : strength)
    }
    return changed
  }
}

/// One change of a picture, its kind and its strength drawn anew for each (Müller and Hutter, "TrivialAugment: Tuning-free
/// Yet State-of-the-Art Data Augmentation", 2021; torchvision's `TrivialAugmentWide`).
public struct TrivialAugment: Codable, Sendable, Equatable {
  /// How many strengths there are.
  public var levels: Int

  /// Strengths among so many; torchvision has 31.
  public init(levels: Int = 31) { self.levels = levels }

  func validate() throws(PreprocessingFault) {
    guard (2...1000).contains(levels) else {
      throw .value("TrivialAugment's levels", Double(levels), allowed: "2 to 1000")
    }
  }

  func applied(to image: DecodedImage, using random: inout RandomStream) -> DecodedImage {
    let kind = ImageChange.allCases[random.integer(below: ImageChange.allCases.count)]
    let level = random.integer(below: levels)
    let strength = kind.strength(level: level, of: levels, .trivialAugment, width: image.width, height: image.height)
    let isNegative = kind.isSigned && random.integer(below: 2) == 1
    return image.changed(kind, by: isNegative ? -strength : strength)
  }
}
