import AviaryKernels
import AviaryPlatform

/// A point of a drawing, x to the right and y downwards.
typealias Point = SIMD2<Float>
/// Red, green and blue, 0 to 1.
typealias Color = SIMD3<Float>

/// A picture to draw on: polygons are filled at three times the resolution, so that edges come out smooth.
struct Canvas {
  static let samples = 3
  let side: Int
  private let fineSide: Int
  private var pixels: [Color]

  init(side: Int, color: Color) {
    self.side = side
    fineSide = side * Self.samples
    pixels = Array(repeating: color, count: fineSide * fineSide)
  }

  /// Fills a polygon whose corners are given in units of the side, by the even-odd rule.
  mutating func fill(_ polygon: [Point], _ color: Color, opacity: Float = 1) {
    guard polygon.count > 2 else { return }
    let corners = polygon.map { $0 * Float(fineSide) }
    let top = corners.reduce(Float.infinity) { min($0, $1.y) }
    let bottom = corners.reduce(-Float.infinity) { max($0, $1.y) }
    let rows = Int(max(top, 0))..<max(Int(min(bottom + 1, Float(fineSide))), Int(max(top, 0)))
    for row in rows where row < fineSide {
      let y = Float(row) + 0.5
      var crossings: [Float] = []
      var previous = corners[corners.count - 1]
      for corner in corners {
        if (previous.y <= y) != (corner.y <= y) {
          crossings.append(previous.x + (y - previous.y) / (corner.y - previous.y) * (corner.x - previous.x))
        }
        previous = corner
      }
      crossings.sort()
      for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
        let from = Int(min(max(crossings[pair] + 0.5, 0), Float(fineSide)))
        let to = Int(min(max(crossings[pair + 1] + 0.5, 0), Float(fineSide)))
        for x in from..<max(to, from) {
          let at = row * fineSide + x
          pixels[at] += (color - pixels[at]) * opacity
        }
      }
    }
  }

  /// The picture at its own resolution after `light` has changed each pixel, given its position in units of the side.
  func image(light: (Point, Color) -> Color) -> DecodedImage {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        var sum = Color.zero
        for row in 0..<Self.samples {
          let start = (y * Self.samples + row) * fineSide + x * Self.samples
          for at in start..<(start + Self.samples) { sum += pixels[at] }
        }
        let position = Point(Float(x) + 0.5, Float(y) + 0.5) / Float(side)
        let color = light(position, sum / Float(Self.samples * Self.samples)) * 255 + 0.5
        for channel in 0..<3 { bytes.append(UInt8(min(max(color[channel], 0), 255))) }
      }
    }
    return DecodedImage(width: side, height: side, pixels: bytes)
  }
}

/// Where a drawing lies on the canvas: its own coordinates turned, scaled, perhaps mirrored, and moved.
struct Placement {
  var origin: Point
  var scale: Float
  var angle: Float
  var isMirrored = false

  func callAsFunction(_ point: Point) -> Point {
    let p = Point(isMirrored ? -point.x : point.x, point.y) * scale
    return origin + Point(p.x * cosf(angle) - p.y * sinf(angle), p.x * sinf(angle) + p.y * cosf(angle))
  }
}

/// Shapes as polygons.
enum Outline {
  /// An ellipse of given half axes, turned by an angle.
  static func ellipse(_ center: Point, _ radii: Point, angle: Float = 0) -> [Point] {
    (0..<36).map { step in
      let t = Float(step) / 36 * 2 * .pi
      let p = Point(radii.x * cosf(t), radii.y * sinf(t))
      return center + Point(p.x * cosf(angle) - p.y * sinf(angle), p.x * sinf(angle) + p.y * cosf(angle))
    }
  }

  /// A closed line through the corners, each rounded by a quadratic curve: `roundness` 0 keeps the corners.
  static func rounded(_ corners: [Point], roundness: Float = 0.3) -> [Point] {
    corners.indices.flatMap { i -> [Point] in
      let corner = corners[i]
      let before = corner + (corners[(i + corners.count - 1) % corners.count] - corner) * roundness
      let after = corner + (corners[(i + 1) % corners.count] - corner) * roundness
      return (0...5).map { step in
        let t = Float(step) / 5
        return before * ((1 - t) * (1 - t)) + corner * (2 * t * (1 - t)) + after * (t * t)
      }
    }
  }

  /// A curved stroke from `start` over `control` to `end`, whose half width goes from `first` to `last`.
  static func stroke(_ start: Point, _ control: Point, _ end: Point, from first: Float, to last: Float) -> [Point] {
    var left: [Point] = []
    var right: [Point] = []
    for step in 0...14 {
      let t = Float(step) / 14
      let p = start * ((1 - t) * (1 - t)) + control * (2 * t * (1 - t)) + end * (t * t)
      let direction = (control - start) * (2 * (1 - t)) + (end - control) * (2 * t)
      let length = max((direction * direction).sum().squareRoot(), 1e-6)
      let normal = Point(-direction.y, direction.x) / length * (first + (last - first) * t)
      left.append(p + normal)
      right.append(p - normal)
    }
    return left + right.reversed()
  }
}

extension RandomStream {
  /// True with the given probability.
  mutating func chance(_ probability: Float) -> Bool { uniform() < probability }

  /// One of some values.
  mutating func pick<Value>(_ values: [Value]) -> Value { values[integer(below: values.count)] }

  /// A value that is close to normal: the sum of four uniform ones, of mean 0 and deviation 1.
  mutating func bell() -> Float { (uniform() + uniform() + uniform() + uniform() - 2) * 1.732 }

  mutating func jittered(_ color: Color, by amount: Float) -> Color {
    let light = uniform(-amount, amount)
    return Color(
      color.x + light + uniform(-amount, amount) / 3, color.y + light + uniform(-amount, amount) / 3,
      color.z + light + uniform(-amount, amount) / 3
    ).clamped(lowerBound: Color(repeating: 0.02), upperBound: Color(repeating: 0.98))
  }
}
