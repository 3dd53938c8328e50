import AviaryPlatform

extension DecodedImage {
  /// The picture moved by a map without pixels between pixels, equal to the last bit to Pillow's
  /// `transform(size, AFFINE, (a, b, c, d, e, f), NEAREST, fillcolor=fill)`.
  ///
  /// - Parameter fill: R, G and B of what comes from outside of the picture.
  public func transformed(by map: AffineMap, nearest fill: [UInt8]) -> DecodedImage {
    map.b == 0 && map.d == 0 ? scaled(by: map, fill) : turned(by: map, fill)
  }

  /// Each row and each column comes from one.
  private func scaled(by map: AffineMap, _ fill: [UInt8]) -> DecodedImage {
    func sources(_ count: Int, _ step: Double, _ start: Double) -> [Int?] {
      var position = start + step * 0.5
      return (0..<count).map { _ in
        defer { position += step }
        return position >= 0 && position < Double(count) ? Int(position) : nil
      }
    }
    let (columns, rows) = (sources(width, map.a, map.c), sources(height, map.e, map.f))
    return picked { x, y in
      guard let column = columns[x], let row = rows[y] else { return nil }
      return row * width + column
    } filling: {
      fill
    }
  }

  /// Positions are counted in 65536ths of a pixel.
  private func turned(by map: AffineMap, _ fill: [UInt8]) -> DecodedImage {
    /// The limits hold wherever 65536ths fit into an Int; a map that leads further leads outside.
    func fixed(_ value: Double) -> Int { Int(min(max((value * 65536 + 0.5).rounded(.down), -0x1p52), 0x1p52)) }
    let (a, b, d, e) = (fixed(map.a), fixed(map.b), fixed(map.d), fixed(map.e))
    let (c, f) = (fixed(map.c + map.a * 0.5 + map.b * 0.5), fixed(map.f + map.d * 0.5 + map.e * 0.5))
    return picked { x, y in
      let (column, row) = ((c &+ x &* a &+ y &* b) >> 16, (f &+ x &* d &+ y &* e) >> 16)
      return column >= 0 && column < width && row >= 0 && row < height ? row * width + column : nil
    } filling: {
      fill
    }
  }

  /// - Parameter source: the number of the pixel that comes to a place; nil for the fill.
  private func picked(_ source: (_ x: Int, _ y: Int) -> Int?, filling fill: () -> [UInt8]) -> DecodedImage {
    let (pixels, color) = (pixels, fill())
    var moved: [UInt8] = []
    moved.reserveCapacity(pixels.count)
    for y in 0..<height {
      for x in 0..<width {
        if let at = source(x, y) { moved += pixels[3 * at..<3 * at + 3] } else { moved += color }
      }
    }
    return DecodedImage(width: width, height: height, pixels: moved)
  }

  /// The picture turned counterclockwise about its centre, at the size it has: Pillow's `rotate(angle, NEAREST)`.
  ///
  /// - Parameter degrees: any number.
  public func rotated(by degrees: Double) -> DecodedImage {
    let turn = degrees - 360 * (degrees / 360).rounded(.down)
    if turn == 0 { return self }
    if turn == 180 { return oriented(3) }
    if turn == 90, width == height { return oriented(8) }
    if turn == 270, width == height { return oriented(6) }
    let angle = -(turn * (.pi / 180))
    /// As Python rounds to 15 decimals.
    func rounded(_ value: Double) -> Double { (value * 1e15).rounded(.toNearestOrEven) / 1e15 }
    let center = (x: Double(width) / 2, y: Double(height) / 2)
    var map = AffineMap(
      a: rounded(cos(angle)), b: rounded(sin(angle)), c: 0, d: rounded(-sin(angle)), e: rounded(cos(angle)), f: 0)
    map.c = map.a * -center.x + map.b * -center.y + center.x
    map.f = map.d * -center.x + map.e * -center.y + center.y
    return transformed(by: map, nearest: [0, 0, 0])
  }
}
