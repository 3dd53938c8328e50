import AviaryKernels
import AviaryPlatform

/// A drawn photograph: an animal somewhere in front of something, perhaps partly hidden, in some light, with noise.
enum Scene {
  /// - Parameter random: the stream of this picture alone.
  static func draw(_ kind: Animal.Kind, side: Int, using random: inout RandomStream) -> DecodedImage {
    var canvas = Canvas(side: side, color: .zero)
    drawBackground(&canvas, &random)
    let hasBody = random.chance(0.55)
    let scale = hasBody ? random.uniform(0.12, 0.185) : random.uniform(0.22, 0.34)
    let place = Placement(
      origin: Point(
        random.uniform(0.32, 0.68), hasBody ? random.uniform(0.26, 0.42) : random.uniform(0.40, 0.62)),
      scale: scale, angle: random.bell() * (hasBody ? 0.12 : 0.22), isMirrored: random.chance(0.5))
    if hasBody {
      canvas.fill(
        Outline.ellipse(place.origin + Point(0, 3.85 * scale), Point(1.7, 0.35) * scale), .zero, opacity: 0.35)
    }
    let animal = Animal(kind, hasBody: hasBody, using: &random)
    animal.draw(on: &canvas, at: place, using: &random)
    if random.chance(0.4) { drawForeground(&canvas, &random) }
    return lit(canvas, &random)
  }

  private static let grounds: [Color] = [
    Color(0.35, 0.55, 0.25), Color(0.55, 0.42, 0.30), Color(0.65, 0.62, 0.58), Color(0.80, 0.75, 0.65),
    Color(0.45, 0.25, 0.22), Color(0.30, 0.35, 0.45),
  ]
  private static let walls: [Color] = [
    Color(0.55, 0.75, 0.92), Color(0.85, 0.82, 0.75), Color(0.60, 0.70, 0.60), Color(0.75, 0.60, 0.55),
    Color(0.40, 0.45, 0.55), Color(0.90, 0.88, 0.86), Color(0.25, 0.30, 0.25),
  ]

  private static func drawBackground(_ canvas: inout Canvas, _ random: inout RandomStream) {
    let wall = random.jittered(random.pick(walls), by: 0.1)
    let ground = random.jittered(random.pick(grounds), by: 0.1)
    let horizon = random.uniform(0.45, 0.85)
    // Bands, so that wall and ground are not flat.
    let (wallFade, groundFade) = (random.uniform(-0.2, 0.2), random.uniform(-0.25, 0.1))
    for band in 0..<24 {
      let (top, bottom) = (Float(band) / 24, Float(band + 1) / 24 + 0.001)
      fillBand(&canvas, top, bottom, wall + Color(repeating: wallFade * top))
    }
    for band in 0..<12 {
      let t = Float(band) / 12
      let top = horizon + (1 - horizon) * t
      fillBand(&canvas, top, top + (1 - horizon) / 12 + 0.001, ground + Color(repeating: groundFade * t))
    }
    // Furniture, bushes, toys: ellipses, boxes and stems of any colour, the pointed ones among them like ears.
    for _ in 0..<(3 + random.integer(below: 9)) {
      let center = Point(random.uniform(), random.uniform(0.05, 1))
      let size = random.uniform(0.04, 0.2)
      let color = random.jittered(random.pick(random.chance(0.5) ? walls : grounds), by: 0.25)
      let angle = random.uniform(0, 2 * .pi)
      let place = Placement(origin: center, scale: size, angle: angle)
      let outline: [Point] =
        switch random.integer(below: 4) {
        case 0: Outline.ellipse(.zero, Point(1, random.uniform(0.4, 1)))
        case 1: Outline.rounded([Point(-1, -0.6), Point(1, -0.6), Point(1, 0.6), Point(-1, 0.6)], roundness: 0.1)
        case 2: Outline.rounded([Point(-0.7, 0.7), Point(0, -0.9), Point(0.7, 0.7)], roundness: 0.12)
        default: Outline.stroke(Point(-1.5, 0), Point(0, random.uniform(-1, 1)), Point(1.5, 0), from: 0.12, to: 0.06)
        }
      canvas.fill(outline.map { place($0) }, color, opacity: random.uniform(0.6, 1))
    }
  }

  private static func fillBand(_ canvas: inout Canvas, _ top: Float, _ bottom: Float, _ color: Color) {
    canvas.fill([Point(0, top), Point(1, top), Point(1, bottom), Point(0, bottom)], color)
  }

  /// Blades of grass, a pole, or a blurred edge before the animal.
  private static func drawForeground(_ canvas: inout Canvas, _ random: inout RandomStream) {
    switch random.integer(below: 3) {
    case 0:
      let color = random.jittered(Color(0.3, 0.5, 0.2), by: 0.12)
      for _ in 0..<16 {
        let x = random.uniform()
        let tip = Point(x + random.uniform(-0.12, 0.12), random.uniform(0.55, 0.85))
        canvas.fill(
          Outline.stroke(Point(x, 1.02), Point(x, 0.85), tip, from: 0.012, to: 0.002),
          color * random.uniform(0.7, 1.2))
      }
    case 1:
      let x = random.uniform(0.1, 0.9)
      let color = random.jittered(random.pick(grounds), by: 0.2)
      canvas.fill(
        Outline.stroke(Point(x, -0.1), Point(x, 0.5), Point(x + random.uniform(-0.2, 0.2), 1.1), from: 0.03, to: 0.035),
        color)
    default:
      let corner = Point(random.chance(0.5) ? 0 : 1, random.chance(0.5) ? 0 : 1)
      let color = random.jittered(random.pick(walls), by: 0.2)
      for step in 0..<6 {
        let radius = random.uniform(0.2, 0.28) + 0.015 * Float(step)
        canvas.fill(Outline.ellipse(corner, Point(radius, radius)), color, opacity: 0.35)
      }
    }
  }

  /// Light from one side, a colour cast, contrast, and the noise of a sensor.
  private static func lit(_ canvas: Canvas, _ random: inout RandomStream) -> DecodedImage {
    let direction = random.uniform(0, 2 * .pi)
    let slope = Point(cosf(direction), sinf(direction)) * random.uniform(0, 0.55)
    let cast = Color(random.uniform(0.88, 1.12), random.uniform(0.94, 1.06), random.uniform(0.85, 1.15))
    let brightness = random.uniform(0.72, 1.18)
    let noise = random.uniform(0.01, 0.055)
    var grain = random
    return canvas.image { position, color in
      let light = brightness * (1 + (slope * (position - 0.5)).sum())
      return color * cast * light + Color(grain.bell(), grain.bell(), grain.bell()) * noise
    }
  }
}
