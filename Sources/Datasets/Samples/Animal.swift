import AviaryKernels

/// A cat or a dog, drawn around its head: the head is about a circle of radius 1 around (0, 0), the body lies below.
struct Animal {
  enum Kind: String, CaseIterable, Sendable { case cat, dog }

  let kind: Kind
  private let fur: Color
  private let patch: Color
  private let pale: Color
  private let dark: Color
  private let iris: Color
  /// How far the head looks to the side, -1 to 1.
  private let turn: Float
  private let earSpread: Float
  private let earLength: Float
  private let eyeSize: Float
  private let muzzleSize: Float
  private let hasBody: Bool

  /// Colours of coats, which cats and dogs share.
  private static let coats: [Color] = [
    Color(0.55, 0.53, 0.52), Color(0.16, 0.15, 0.16), Color(0.90, 0.87, 0.82), Color(0.82, 0.52, 0.24),
    Color(0.42, 0.29, 0.19), Color(0.74, 0.60, 0.42), Color(0.35, 0.34, 0.37), Color(0.62, 0.42, 0.27),
  ]

  init(_ kind: Kind, hasBody: Bool, using random: inout RandomStream) {
    self.kind = kind
    self.hasBody = hasBody
    fur = random.jittered(random.pick(Self.coats), by: 0.07)
    patch = random.jittered(random.pick(Self.coats), by: 0.07)
    pale = fur + (Color(0.97, 0.94, 0.90) - fur) * random.uniform(0.25, 0.75)
    dark = fur * random.uniform(0.35, 0.65)
    let irises: [Color] =
      random.chance(0.75) == (kind == .cat)
      ? [Color(0.55, 0.72, 0.25), Color(0.85, 0.72, 0.20), Color(0.35, 0.60, 0.75)]
      : [Color(0.35, 0.20, 0.10), Color(0.25, 0.15, 0.10), Color(0.55, 0.35, 0.15)]
    iris = random.jittered(random.pick(irises), by: 0.06)
    turn = random.uniform(-0.8, 0.8)
    earSpread = random.uniform(0.85, 1.15)
    earLength = random.uniform(0.8, 1.25)
    eyeSize = random.uniform(0.85, 1.2)
    muzzleSize = random.uniform(0.85, 1.2)
  }

  func draw(on canvas: inout Canvas, at place: Placement, using random: inout RandomStream) {
    var pen = Pen(place: place)
    if hasBody { drawBody(&pen, &random) }
    if kind == .cat { drawCatHead(&pen, &random) } else { drawDogHead(&pen, &random) }
    for shape in pen.shapes { canvas.fill(shape.outline, shape.color, opacity: shape.opacity) }
  }

  private func drawBody(_ pen: inout Pen, _ random: inout RandomStream) {
    let lean = random.uniform(-0.35, 0.35)
    let hip = Point(lean, 2.7)
    // The tail: long, thin and curled, or shorter, thicker and raised.
    let side: Float = random.chance(0.5) ? 1 : -1
    if kind == .cat {
      let tip = Point(hip.x + side * random.uniform(1.5, 2.2), random.uniform(0.9, 2.6))
      pen.add(
        Outline.stroke(
          hip + Point(side * 0.8, 0.6), Point(hip.x + side * random.uniform(2.2, 2.9), 3.4), tip, from: 0.2, to: 0.13),
        fur * 0.9)
      pen.add(Outline.ellipse(tip, Point(0.15, 0.15)), fur * 0.9)
    } else {
      let tip = Point(hip.x + side * random.uniform(1.4, 1.9), random.uniform(1.2, 2.2))
      pen.add(
        Outline.stroke(hip + Point(side * 0.7, 0.3), Point(hip.x + side * 1.5, 2.9), tip, from: 0.28, to: 0.1),
        fur * 0.9)
    }
    let wide = kind == .cat ? random.uniform(0.85, 1.1) : random.uniform(0.95, 1.2)
    pen.add(Outline.ellipse(hip, Point(wide * 1.05, 1.05)), fur * 0.92)
    pen.add(
      Outline.rounded(
        [Point(-0.65, 0.5), Point(0.65, 0.5), hip + Point(wide, 0.3), hip + Point(-wide, 0.3)], roundness: 0.25),
      fur * 0.96)
    pen.add(Outline.ellipse(Point(lean * 0.6, 1.9), Point(0.5, 0.85)), pale, opacity: 0.8)
    for foot: Float in [-1, 1] {
      pen.add(
        Outline.stroke(
          Point(foot * 0.42, 1.7), Point(lean * 0.6 + foot * 0.5, 2.8), hip + Point(foot * 0.48, 1.0),
          from: 0.26, to: 0.2), fur)
      pen.add(Outline.ellipse(hip + Point(foot * 0.5, 1.05), Point(0.32, 0.19)), pale)
    }
    if kind == .dog && random.chance(0.5) || kind == .cat && random.chance(0.25) {
      let collar = random.jittered(
        random.pick([Color(0.8, 0.1, 0.1), Color(0.1, 0.3, 0.7), Color(0.1, 0.5, 0.2)]), by: 0.1)
      pen.add(Outline.stroke(Point(-0.75, 0.75), Point(0, 1.25), Point(0.75, 0.75), from: 0.11, to: 0.11), collar)
    }
    drawMarkings(&pen, &random, center: hip, radius: 0.8)
  }

  /// Stripes, mostly of cats, and patches, mostly of dogs.
  private func drawMarkings(_ pen: inout Pen, _ random: inout RandomStream, center: Point, radius: Float) {
    let isStriped = random.chance(kind == .cat ? 0.5 : 0.12)
    let isPatched = random.chance(kind == .cat ? 0.25 : 0.5)
    if isPatched {
      for _ in 0..<2 {
        let at = center + Point(random.uniform(-0.6, 0.6), random.uniform(-0.7, 0.5)) * radius
        pen.add(
          Outline.ellipse(
            at, Point(random.uniform(0.2, 0.45), random.uniform(0.2, 0.4)) * radius, angle: random.uniform(0, 3)),
          patch, opacity: 0.9)
      }
    }
    if isStriped {
      for step in -1...1 {
        let y = center.y + Float(step) * 0.42 * radius
        for side: Float in [-1, 1] {
          pen.add(
            Outline.stroke(
              Point(center.x + side * 0.9 * radius, y), Point(center.x + side * 0.6 * radius, y + 0.12),
              Point(center.x + side * 0.3 * radius, y - 0.02), from: 0.07, to: 0.02), dark, opacity: 0.8)
        }
      }
    }
  }

  private func drawEyes(_ pen: inout Pen, _ random: inout RandomStream, apart: Float, y: Float, size: Float, slit: Bool)
  {
    let isSleepy = random.chance(0.1)
    let look = Point(random.uniform(-0.04, 0.04), random.uniform(-0.03, 0.03))
    for side: Float in [-1, 1] {
      let at = Point(side * apart + turn * 0.18, y)
      if isSleepy {
        pen.add(
          Outline.stroke(at - Point(size, 0), at + Point(0, size * 0.8), at + Point(size, 0), from: 0.035, to: 0.035),
          Color(repeating: 0.05))
        continue
      }
      let tilt = slit ? -side * 0.25 : 0
      pen.add(
        Outline.ellipse(at, Point(size * 1.15, size * (slit ? 0.92 : 1.05)), angle: -tilt), Color(repeating: 0.06))
      pen.add(Outline.ellipse(at, Point(size, size * (slit ? 0.78 : 0.9)), angle: -tilt), iris)
      pen.add(
        Outline.ellipse(at + look, slit ? Point(size * 0.26, size * 0.72) : Point(size * 0.58, size * 0.58)),
        Color(repeating: 0.02))
      pen.add(
        Outline.ellipse(at + Point(-size * 0.25, -size * 0.3), Point(size * 0.2, size * 0.2)), Color(repeating: 0.97))
    }
  }

  private func drawCatHead(_ pen: inout Pen, _ random: inout RandomStream) {
    let lift = random.uniform(-0.08, 0.08)
    for side: Float in [-1, 1] {
      let shift = side * turn * -0.1
      let tip = Point(side * (0.78 * earSpread + shift) + turn * 0.1, -1.05 - 0.42 * earLength + side * lift)
      let inner = Point(side * 0.16, -0.82)
      let outer = Point(side * 0.97, -0.28)
      pen.add(Outline.rounded([inner, tip, outer], roundness: 0.14), fur * 0.93)
      let middle = (inner + tip + outer) / 3
      pen.add(
        Outline.rounded([inner, tip, outer].map { middle + ($0 - middle) * 0.58 }, roundness: 0.14),
        Color(0.85, 0.58, 0.56) * (0.55 + 0.45 * fur.x))
    }
    pen.add(Outline.ellipse(.zero, Point(1.04, 0.9)), fur)
    pen.add(
      Outline.rounded([Point(-1.12, 0.32), Point(-0.5, -0.4), Point(0.5, -0.4), Point(1.12, 0.32), Point(0, 0.98)]), fur
    )
    drawMarkings(&pen, &random, center: Point(0, -0.15), radius: 0.95)
    if random.chance(0.5) {
      for offset: Float in [-0.22, 0, 0.22] {
        pen.add(
          Outline.stroke(
            Point(offset, -0.86), Point(offset * 0.9, -0.66), Point(offset * 0.8 + turn * 0.08, -0.46), from: 0.05,
            to: 0.03),
          dark, opacity: 0.8)
      }
    }
    let nose = Point(turn * 0.28, 0.26)
    for side: Float in [-1, 1] {
      pen.add(Outline.ellipse(nose + Point(side * 0.2, 0.22), Point(0.27, 0.21) * muzzleSize), pale)
    }
    pen.add(Outline.ellipse(nose + Point(0, 0.42), Point(0.2, 0.15)), pale)
    drawEyes(&pen, &random, apart: 0.43, y: -0.12, size: 0.23 * eyeSize, slit: true)
    pen.add(
      Outline.rounded(
        [nose + Point(-0.13, -0.04), nose + Point(0.13, -0.04), nose + Point(0, 0.11)], roundness: 0.25),
      random.jittered(random.pick([Color(0.85, 0.5, 0.5), Color(0.3, 0.2, 0.2)]), by: 0.05))
    for side: Float in [-1, 1] {
      pen.add(
        Outline.stroke(
          nose + Point(0, 0.1), nose + Point(side * 0.02, 0.3), nose + Point(side * 0.24, 0.27), from: 0.025, to: 0.018),
        Color(repeating: 0.08))
    }
    let whisker: Color = (fur.x + fur.y + fur.z) / 3 > 0.6 ? Color(repeating: 0.25) : Color(repeating: 0.95)
    for side: Float in [-1, 1] {
      for step in -1...1 {
        let start = nose + Point(side * 0.28, 0.16 + Float(step) * 0.07)
        let end = start + Point(side * random.uniform(0.75, 1.05), Float(step) * 0.22 + random.uniform(-0.06, 0.1))
        pen.add(
          Outline.stroke(start, (start + end) / 2 - Point(0, 0.08), end, from: 0.022, to: 0.01), whisker, opacity: 0.85)
      }
    }
  }

  private func drawDogHead(_ pen: inout Pen, _ random: inout RandomStream) {
    // Ears hang, or stand with a folded tip.
    let isPricked = random.chance(0.22)
    let earColor = random.chance(0.5) ? dark : fur * 0.85
    if isPricked {
      for side: Float in [-1, 1] {
        let tip = Point(side * 0.75 * earSpread, -1.05 - 0.3 * earLength)
        pen.add(Outline.rounded([Point(side * 0.2, -0.75), tip, Point(side * 0.88, -0.3)], roundness: 0.22), earColor)
        if random.chance(0.6) {
          pen.add(
            Outline.rounded([tip - Point(side * 0.3, -0.12), tip, tip + Point(side * 0.3, 0.42)], roundness: 0.25),
            earColor * 0.75)
        }
      }
    }
    pen.add(Outline.ellipse(Point(0, -0.12), Point(0.88, 0.88)), fur)
    pen.add(
      Outline.rounded([Point(-0.8, -0.2), Point(0.8, -0.2), Point(0.52, 0.85), Point(-0.52, 0.85)], roundness: 0.35),
      fur)
    drawMarkings(&pen, &random, center: Point(0, -0.25), radius: 0.75)
    if random.chance(0.4) {
      let side: Float = random.chance(0.5) ? 1 : -1
      pen.add(Outline.ellipse(Point(side * 0.38 + turn * 0.18, -0.25), Point(0.34, 0.4)), patch)
    }
    if random.chance(0.4) {
      pen.add(
        Outline.stroke(Point(0, -0.95), Point(turn * 0.1, -0.5), Point(turn * 0.25, 0.2), from: 0.14, to: 0.2), pale,
        opacity: 0.9)
    }
    if !isPricked {
      for side: Float in [-1, 1] {
        let swing = random.uniform(-0.1, 0.25)
        pen.add(
          Outline.rounded(
            [
              Point(side * 0.38, -0.92), Point(side * 0.95, -0.88),
              Point(side * (1.25 * earSpread + swing * 0.5), 0.1 * earLength),
              Point(side * (1.05 + swing), 0.62 * earLength), Point(side * 0.74, 0.15),
            ], roundness: 0.4), earColor)
      }
    }
    let snout = Point(turn * 0.38, 0.5)
    if random.chance(0.45) {
      let tongue = Point(snout.x + random.uniform(-0.1, 0.1), snout.y + 0.42)
      pen.add(
        Outline.stroke(
          tongue, tongue + Point(0, 0.2), tongue + Point(0, random.uniform(0.3, 0.5)), from: 0.17, to: 0.13),
        Color(0.88, 0.42, 0.46))
      pen.add(Outline.ellipse(tongue + Point(0, 0.35), Point(0.14, 0.16)), Color(0.88, 0.42, 0.46))
    }
    pen.add(Outline.ellipse(snout + Point(0, 0.05), Point(0.52, 0.46) * muzzleSize), pale)
    drawEyes(&pen, &random, apart: 0.37, y: -0.22, size: 0.16 * eyeSize, slit: random.chance(0.08))
    let nose = snout + Point(turn * 0.06, -0.18)
    pen.add(Outline.ellipse(nose, Point(0.24, 0.17) * muzzleSize), Color(0.07, 0.06, 0.07))
    pen.add(Outline.ellipse(nose + Point(-0.07, -0.06), Point(0.07, 0.035)), Color(repeating: 0.6))
    for side: Float in [-1, 1] {
      pen.add(
        Outline.stroke(
          nose + Point(0, 0.12), nose + Point(side * 0.02, 0.42), nose + Point(side * 0.36, 0.34), from: 0.03, to: 0.02),
        Color(repeating: 0.06))
      if random.chance(0.3) {
        // A few short whiskers, so that whiskers alone tell nothing.
        let start = snout + Point(side * 0.3, 0.08)
        pen.add(
          Outline.stroke(
            start, start + Point(side * 0.2, -0.02), start + Point(side * 0.5, 0.05), from: 0.02, to: 0.01),
          Color(repeating: 0.9), opacity: 0.6)
      }
    }
  }
}

/// Collects shapes in the animal's coordinates, placed on the canvas.
private struct Pen {
  let place: Placement
  var shapes: [(outline: [Point], color: Color, opacity: Float)] = []

  mutating func add(_ outline: [Point], _ color: Color, opacity: Float = 1) {
    shapes.append((outline.map { place($0) }, color, opacity))
  }
}
