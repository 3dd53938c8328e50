/// A rectangle whose sides may run through pixels.
struct ImagePart: Equatable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double

  init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  init(_ box: CropBox) {
    self.init(x: Double(box.x), y: Double(box.y), width: Double(box.width), height: Double(box.height))
  }

  /// The same part of the picture at a fraction of its size.
  func divided(by divisor: Double) -> ImagePart {
    ImagePart(x: x / divisor, y: y / divisor, width: width / divisor, height: height / divisor)
  }

  /// Where the part lies after its picture, whose size is given, is turned and mirrored as `DecodedImage.oriented` does.
  func oriented(_ orientation: Int, width pictureWidth: Int, height pictureHeight: Int) -> ImagePart {
    let right = Double(pictureWidth) - x - width
    let below = Double(pictureHeight) - y - height
    return switch orientation {
    case 2: ImagePart(x: right, y: y, width: width, height: height)
    case 3: ImagePart(x: right, y: below, width: width, height: height)
    case 4: ImagePart(x: x, y: below, width: width, height: height)
    case 5: ImagePart(x: y, y: x, width: height, height: width)
    case 6: ImagePart(x: below, y: x, width: height, height: width)
    case 7: ImagePart(x: below, y: right, width: height, height: width)
    case 8: ImagePart(x: y, y: right, width: height, height: width)
    default: self
    }
  }

  /// The pixels of a picture of this size that the part touches.
  func pixels(inWidth pictureWidth: Int, height pictureHeight: Int) -> CropBox {
    let columns = Self.pixels(from: x, length: width, within: pictureWidth)
    let rows = Self.pixels(from: y, length: height, within: pictureHeight)
    return CropBox(x: columns.lowerBound, y: rows.lowerBound, width: columns.count, height: rows.count)
  }

  /// The pixels of one axis that a stretch touches.
  static func pixels(from start: Double, length: Double, within count: Int) -> Range<Int> {
    let first = Int(start.rounded(.down))
    return first..<min(Int((start + length).rounded(.up)), count)
  }
}
