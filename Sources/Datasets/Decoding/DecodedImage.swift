import AviaryDiagnostics
import CKernels

/// A picture in memory: RGB, 8 bits a channel, interleaved, rows from the top.
public struct DecodedImage: Sendable, Equatable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// 3 · width · height values: R, G, B of the first pixel of the first row, of the second, and so on.
  public let pixels: [UInt8]

  /// The most pixels that a file may claim: Pillow's limit, twice a quarter of a gigabyte of RGB.
  public static let maximumPixels = 178_956_970

  /// - Precondition: `pixels` has 3 · width · height elements, and there is at least one.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    ensure(
      width > 0 && height > 0 && pixels.count == 3 * width * height,
      "DecodedImage: \(width)x\(height) needs \(3 * width * height) values, got \(pixels.count)")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// The picture as a viewer shows it: turned and mirrored as its EXIF orientation (1 to 8) says.
  func oriented(_ orientation: Int) -> DecodedImage {
    // Where the first output pixel lies, and how far apart its neighbours to the right and below lie in the input.
    let last = (row: (height - 1) * width, column: width - 1)
    let (start, right, down): (Int, Int, Int)
    switch orientation {
    case 2: return flippedHorizontally()
    case 3: (start, right, down) = (last.row + last.column, -1, -width)
    case 4: (start, right, down) = (last.row, 1, -width)
    case 5: (start, right, down) = (0, width, 1)
    case 6: (start, right, down) = (last.row, -width, 1)
    case 7: (start, right, down) = (last.row + last.column, -width, -1)
    case 8: (start, right, down) = (last.column, width, -1)
    default: return self
    }
    let isTurned = orientation >= 5
    let (newWidth, newHeight) = isTurned ? (height, width) : (width, height)
    let turned = unsafe [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
      unsafe pixels.withUnsafeBufferPointer { input in
        var to = 0
        for y in 0..<newHeight {
          var at = 3 * (start + y * down)
          for _ in 0..<newWidth {
            for channel in 0..<3 { unsafe output[to + channel] = input[at + channel] }
            to += 3
            at += 3 * right
          }
        }
        count = to
      }
    }
    return DecodedImage(width: newWidth, height: newHeight, pixels: turned)
  }

  /// The picture mirrored left to right.
  public func flippedHorizontally() -> DecodedImage {
    let mirrored = unsafe [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
      unsafe aviary_mirror(pixels, output.baseAddress, width, height)
      count = pixels.count
    }
    return DecodedImage(width: width, height: height, pixels: mirrored)
  }

  /// The picture mirrored top to bottom.
  public func flippedVertically() -> DecodedImage { oriented(4) }

  /// The part of the picture in `box`; what lies outside the picture is black.
  public func cropped(to box: CropBox) -> DecodedImage {
    if box == CropBox(x: 0, y: 0, width: width, height: height) { return self }
    var cut = [UInt8](repeating: 0, count: 3 * box.width * box.height)
    let columns = max(box.x, 0)..<max(min(box.x + box.width, width), max(box.x, 0))
    for y in max(box.y, 0)..<max(min(box.y + box.height, height), max(box.y, 0)) where !columns.isEmpty {
      let from = 3 * (y * width + columns.lowerBound)
      let to = 3 * ((y - box.y) * box.width + columns.lowerBound - box.x)
      cut.replaceSubrange(to..<(to + 3 * columns.count), with: pixels[from..<(from + 3 * columns.count)])
    }
    return DecodedImage(width: box.width, height: box.height, pixels: cut)
  }
}

/// A rectangle of pixels, x to the right and y downwards from the top left corner.
public struct CropBox: Sendable, Equatable {
  /// The first column.
  public var x: Int
  /// The first row.
  public var y: Int
  /// In pixels.
  public var width: Int
  /// In pixels.
  public var height: Int

  /// A box by its upper left corner and its size, in pixels.
  public init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// Whether the rectangle has pixels, and all of them lie in a picture of this size.
  func lies(inWidth otherWidth: Int, height otherHeight: Int) -> Bool {
    x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= otherWidth && y + height <= otherHeight
  }
}
