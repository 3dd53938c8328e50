import AviaryDiagnostics
import AviaryKernels

/// Random changes of a picture's colours, one after the other in random order (torchvision's `ColorJitter`).
public struct ColorJitter: Codable, Sendable, Equatable {
  /// Colours are multiplied by 1 − brightness to 1 + brightness, at least 0.
  public var brightness: Double
  /// Differences from the picture's mean grey are multiplied by 1 − contrast to 1 + contrast, at least 0.
  public var contrast: Double
  /// Differences from each pixel's grey are multiplied by 1 − saturation to 1 + saturation, at least 0.
  public var saturation: Double
  /// The largest turn of the hues either way, as a share of the colour wheel: 0.5 is half of it.
  public var hue: Double

  /// The largest changes, each 0 for none.
  public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
  }

  func validate() throws(PreprocessingFault) {
    for (name, value) in [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)] {
      guard (0...100).contains(value) else { throw .value(name, value, allowed: "0 to 100") }
    }
    guard (0...0.5).contains(hue) else { throw .value("hue", hue, allowed: "0 to 0.5") }
  }

  func applied(to image: DecodedImage, using random: inout RandomStream) -> DecodedImage {
    func factor(_ strength: Double) -> Double { random.uniform(in: max(0, 1 - strength)...1 + strength) }
    var changed = image
    for change in random.permutation(4) {
      switch change {
      case 0 where brightness > 0: changed = changed.withBrightness(factor(brightness))
      case 1 where contrast > 0: changed = changed.withContrast(factor(contrast))
      case 2 where saturation > 0: changed = changed.withSaturation(factor(saturation))
      case 3 where hue > 0: changed = changed.withHueTurned(by: random.uniform(in: -hue...hue))
      default: break
      }
    }
    return changed
  }
}

// What Pillow's `ImageEnhance` and torchvision's `adjust_hue` make of pictures of 8 bits, to the last bit.
extension DecodedImage {
  /// Colours times a factor: 0 gives black, 1 the picture itself.
  public func withBrightness(_ factor: Double) -> DecodedImage {
    mapped((0...255).map { Self.blend(0, $0, factor) })
  }

  /// Differences from the mean grey times a factor: 0 gives a grey picture.
  public func withContrast(_ factor: Double) -> DecodedImage {
    var sum = 0
    for start in stride(from: 0, to: pixels.count, by: 3) { sum += Int(luma(at: start)) }
    let mean = UInt8(Double(sum) / Double(width * height) + 0.5)
    return mapped((0...255).map { Self.blend(mean, $0, factor) })
  }

  /// Differences from each pixel's own grey times a factor: 0 gives black and white.
  public func withSaturation(_ factor: Double) -> DecodedImage {
    var changed = pixels
    for start in stride(from: 0, to: pixels.count, by: 3) {
      let grey = luma(at: start)
      for at in start..<start + 3 { changed[at] = Self.blend(grey, pixels[at], factor) }
    }
    return DecodedImage(width: width, height: height, pixels: changed)
  }

  /// Hues turned by a share of the colour wheel, −0.5 to 0.5.
  public func withHueTurned(by share: Double) -> DecodedImage {
    ensure((-0.5...0.5).contains(share), "withHueTurned: \(share) of the colour wheel is not −0.5 to 0.5")
    let turn = UInt8(truncatingIfNeeded: Int(share * 255))
    var changed = pixels
    for start in stride(from: 0, to: pixels.count, by: 3) {
      var color = HueColor(pixels[start], pixels[start + 1], pixels[start + 2])
      color.hue &+= turn
      (changed[start], changed[start + 1], changed[start + 2]) = color.rgb
    }
    return DecodedImage(width: width, height: height, pixels: changed)
  }

  func mapped(_ table: [UInt8]) -> DecodedImage {
    DecodedImage(width: width, height: height, pixels: pixels.map { table[Int($0)] })
  }

  /// The luma of ITU-R 601 of a pixel, in the fixed point of Pillow's convert("L").
  func luma(at start: Int) -> UInt8 {
    let (r, g, b) = (Int(pixels[start]), Int(pixels[start + 1]), Int(pixels[start + 2]))
    return UInt8((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16)
  }

  /// From one value towards the other and perhaps beyond, in Float, cut to 0...255 and rounded down.
  static func blend(_ from: UInt8, _ to: UInt8, _ factor: Double) -> UInt8 {
    let value = Float(from) + Float(factor) * Float(Int(to) - Int(from))
    return UInt8(min(max(value, 0), 255))
  }
}

/// A colour as hue, saturation and value of 8 bits each, with Pillow's rounding.
struct HueColor {
  /// A turn of the colour wheel is 255.
  var hue: UInt8
  let saturation: UInt8
  let value: UInt8

  init(_ r: UInt8, _ g: UInt8, _ b: UInt8) {
    let (largest, smallest) = (max(r, g, b), min(r, g, b))
    value = largest
    guard largest != smallest else {
      (hue, saturation) = (0, 0)
      return
    }
    let range = Float(largest - smallest)
    saturation = UInt8(Double(range / Float(largest)) * 255)
    func distance(_ channel: UInt8) -> Float { Float(largest - channel) / range }
    // In sixths of a turn: red lies at 0, green at 2, blue at 4.
    let sixths: Float
    if r == largest {
      sixths = distance(b) - distance(g)
    } else if g == largest {
      sixths = Float(2.0 + Double(distance(r)) - Double(distance(b)))
    } else {
      sixths = Float(4.0 + Double(distance(g)) - Double(distance(r)))
    }
    let turn = Float((Double(sixths) / 6 + 1).truncatingRemainder(dividingBy: 1))
    hue = UInt8(Double(turn) * 255)
  }

  var rgb: (UInt8, UInt8, UInt8) {
    if saturation == 0 { return (value, value, value) }
    let sixths = Double(hue) * 6 / 255
    let sector = sixths.rounded(.down)
    let (rest, share) = (Float(sixths - sector), Float(Double(saturation) / 255))
    func scaled(_ factor: Double) -> UInt8 { UInt8(min(max((Double(value) * factor).rounded(), 0), 255)) }
    let low = scaled(1 - Double(share))
    let falling = scaled(1 - Double(share * rest))
    let rising = scaled(1 - Double(share) * (1 - Double(rest)))
    switch Int(sector) % 6 {
    case 0: return (value, rising, low)
    case 1: return (falling, value, low)
    case 2: return (low, value, rising)
    case 3: return (low, falling, value)
    case 4: return (rising, low, value)
    default: return (value, low, falling)
    }
  }
}
