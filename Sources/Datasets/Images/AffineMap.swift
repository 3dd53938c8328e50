import AviaryDiagnostics
import AviaryPlatform

/// Where each point of a picture comes from when it is turned, sheared, zoomed and shifted.
///
/// The point (x, y) of the result is at (a·x + b·y + c, d·x + e·y + f) of the picture: Pillow's `AFFINE`. Points are
/// measured in pixels from the top left corner; the centre of the first pixel is (0.5, 0.5).
public struct AffineMap: Sendable, Equatable {
  /// The coefficients of (a·x + b·y + c, d·x + e·y + f).
  public var a, b, c, d, e, f: Double

  /// A map of these coefficients.
  public init(a: Double, b: Double, c: Double, d: Double, e: Double, f: Double) {
    (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
  }

  /// The picture is sheared along its rows, turned clockwise, enlarged, all about its centre, then shifted (torchvision's
  /// `affine`).
  ///
  /// - Parameters:
  ///   - rotation, shear: in degrees.
  ///   - zoom: 2 doubles lengths.
  ///   - shift: in pixels, to the right and downwards.
  public init(
    rotation: Double, shear: Double, zoom: Double, shift: (x: Double, y: Double), width: Int, height: Int
  ) {
    let (angle, slope) = (rotation * .pi / 180, tan(shear * .pi / 180))
    // The inverse of zoom · rotation · shear, since the result asks where it comes from.
    a = (cos(angle) - slope * sin(angle)) / zoom
    b = (sin(angle) + slope * cos(angle)) / zoom
    d = -sin(angle) / zoom
    e = cos(angle) / zoom
    let center = (x: Double(width) / 2, y: Double(height) / 2)
    c = center.x - a * (center.x + shift.x) - b * (center.y + shift.y)
    f = center.y - d * (center.x + shift.x) - e * (center.y + shift.y)
  }
}

extension DecodedImage {
  /// The picture moved by a map, at the size it has, equal to the last bit to Pillow's
  /// `transform(size, AFFINE, (a, b, c, d, e, f), BILINEAR, fillcolor=fill)`.
  ///
  /// - Parameter fill: R, G and B of what comes from outside of the picture.
  public func transformed(by map: AffineMap, fill: [UInt8] = [0, 0, 0]) -> DecodedImage {
    ensure(fill.count == 3, "transformed: a colour has three values, not \(fill.count)")
    let pixels = pixels
    var moved: [UInt8] = []
    moved.reserveCapacity(pixels.count)
    for row in 0..<height {
      for column in 0..<width {
        let (right, down) = (Double(column) + 0.5, Double(row) + 0.5)
        let x = map.a * right + map.b * down + map.c
        let y = map.d * right + map.e * down + map.f
        guard x >= 0, x < Double(width), y >= 0, y < Double(height) else {
          moved += fill
          continue
        }
        // Between the centres of four pixels; at the border the nearest stand in for those that lack.
        let (left, top) = ((x - 0.5).rounded(.down), (y - 0.5).rounded(.down))
        let (across, along) = (x - 0.5 - left, y - 0.5 - top)
        let x0 = 3 * max(Int(left), 0)
        let x1 = 3 * min(Int(left) + 1, width - 1)
        let y0 = 3 * width * max(Int(top), 0)
        let y1 = 3 * width * min(Int(top) + 1, height - 1)
        for channel in 0..<3 {
          func between(_ row: Int) -> Double {
            let first = Double(pixels[row + x0 + channel])
            return first + (Double(pixels[row + x1 + channel]) - first) * across
          }
          let upper = between(y0)
          moved.append(UInt8(upper + (between(y1) - upper) * along))
        }
      }
    }
    return DecodedImage(width: width, height: height, pixels: moved)
  }
}
