import ArgumentParser
import Aviary

/// `--augment`: none, standard, or a list of changes with their strengths, such as `standard,rotation=15,erasing=0.25`.
/// Ranges are written `0.5..1`.
struct AugmentationArgument: ExpressibleByArgument {
  /// Nil for none.
  let augmentation: Augmentation?
  /// A change of the list that changes nothing, and why; nil where there is none.
  let unheeded: String?

  init?(argument: String) {
    if argument == "none" {
      (augmentation, unheeded) = (nil, nil)
      return
    }
    // Without `standard`, the whole image is kept.
    var result = Augmentation.wholeImage
    var affine = RandomAffine()
    var jitter = ColorJitter()
    for item in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", maxSplits: 1)
      guard let name = parts.first else { return nil }
      if parts.count == 1 {
        switch name {
        case "standard":
          (result.scale, result.ratio) = (Augmentation.standard.scale, Augmentation.standard.ratio)
          result.flipProbability = Augmentation.standard.flipProbability
        case "flip": result.flipProbability = 0.5
        case "vertical-flip": result.verticalFlipProbability = 0.5
        case "randaugment": result.randAugment = RandAugment()
        case "trivialaugment": result.trivialAugment = TrivialAugment()
        default: return nil
        }
        continue
      }
      switch name {
      case "fill":
        guard let mode = FillMode(rawValue: String(parts[1])) else { return nil }
        affine.fillMode = mode
        continue
      case "crop-scale", "crop-ratio":
        guard let range = RangeArgument(String(parts[1])),
          let bounds = name == "crop-scale" ? range.upTo(1) : range.around(1)
        else { return nil }
        if name == "crop-scale" { result.scale = bounds } else { result.ratio = bounds }
        continue
      case "randaugment":
        guard let change = RandAugment(word: parts[1]) else { return nil }
        result.randAugment = change
        continue
      default: break
      }
      guard let value = Double(parts[1]) else { return nil }
      switch name {
      case "rotation": affine.rotation = value
      case "shift": affine.shift = value
      case "width-shift": affine.widthShift = value
      case "height-shift": affine.heightShift = value
      case "fill-value":
        guard let grey = UInt8(exactly: value) else { return nil }
        affine.fill = [grey, grey, grey]
      case "shear": affine.shear = value
      case "zoom":
        guard value >= 0, value < 1 else { return nil }
        affine.zoom = (1 - value)...(1 + value)
      case "brightness": jitter.brightness = value
      case "contrast": jitter.contrast = value
      case "saturation": jitter.saturation = value
      case "hue": jitter.hue = value
      case "channel-shift": result.channelShift = value
      case "noise": result.noise = value
      case "erasing": result.erasing = RandomErasing(probability: value)
      default: return nil
      }
    }
    unheeded = affine.unheeded
    if affine != RandomAffine() { result.affine = affine }
    if jitter != ColorJitter() { result.jitter = jitter }
    augmentation = result
  }
}

extension Augmentation {
  /// No change.
  static let wholeImage = Augmentation(scale: 1...1, ratio: 1...1, flipProbability: 0)
}

extension RandomAffine {
  /// What is said of the pixels from outside of a picture, and counts for none; nil where there is no such thing.
  fileprivate var unheeded: String? {
    var still = RandomAffine()
    (still.fillMode, still.fill) = (fillMode, fill)
    // A shift of its own that is 0 moves as little as none.
    var moved = self
    (moved.widthShift, moved.heightShift) = (widthShift == 0 ? nil : widthShift, heightShift == 0 ? nil : heightShift)
    let isFilled = fill != RandomAffine().fill
    if moved == still, let word = fillMode.map({ "fill=\($0.rawValue)" }) ?? (isFilled ? "fill-value" : nil) {
      return "\(word) is for what rotation, shift, shear or zoom uncover; add one of them, or leave it out"
    }
    if isFilled, let fillMode, fillMode != .constant {
      return "fill-value is for fill=constant; leave it out for fill=\(fillMode.rawValue)"
    }
    return nil
  }
}

extension RandAugment {
  /// The magnitude, and perhaps the number of changes behind a slash: `9`, `9/2`.
  fileprivate init?(word: some StringProtocol) {
    let numbers = word.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(numbers.count), let magnitude = numbers[0] else { return nil }
    self.init(magnitude: magnitude)
    if numbers.count == 2 {
      guard let operations = numbers[1] else { return nil }
      self.operations = operations
    }
  }
}

/// A range of numbers, `0.5..1`, or one number.
struct RangeArgument: ExpressibleByArgument, CustomStringConvertible {
  let lower: Double
  /// nil where there is one number.
  let upper: Double?

  init?(argument: String) { self.init(argument) }

  init?(_ text: String) {
    guard let dots = text.range(of: "..") else {
      guard let number = Double(text) else { return nil }
      (lower, upper) = (number, nil)
      return
    }
    guard let first = Double(text[..<dots.lowerBound]), let last = Double(text[dots.upperBound...]), first <= last
    else { return nil }
    (lower, upper) = (first, last)
  }

  /// The range; of one number, from it to an end. nil where that is not possible.
  func upTo(_ end: Double) -> ClosedRange<Double>? {
    let last = upper ?? end
    return lower > 0 && lower <= last && last <= end ? lower...last : nil
  }

  /// The range; of one number, from it to a middle and as much beyond it in proportion: 0.5 around 1 is 0.5 to 2. nil where
  /// that is not possible.
  func around(_ middle: Double) -> ClosedRange<Double>? {
    if let upper { return lower...upper }
    guard lower > 0, lower <= middle, lower.isFinite else { return nil }
    return lower...(middle * middle / lower)
  }

  var description: String { upper.map { "\(lower)..\($0)" } ?? "\(lower)" }
}
