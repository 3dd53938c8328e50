extension Drawing {
  /// The most pixels on a side of a PNG file; Cairo's own limit is 32,767.
  static let longestSide = 32_000

  /// The drawing as a PNG file.
  ///
  /// - Parameter scale: the pixels of the file for each of the drawing's.
  public func png(scale: Double = 1) throws(PictureFault) -> [UInt8] {
    let library = try PangoCairo.get()
    let (pixelWidth, pixelHeight) = ((width * scale).rounded(.up), (height * scale).rounded(.up))
    guard pixelWidth >= 1, pixelHeight >= 1, max(pixelWidth, pixelHeight) <= Double(Self.longestSide) else {
      throw .tooLarge(width: pixelWidth, height: pixelHeight)
    }
    let surface = try CairoSurface(
      library, width: Int(pixelWidth), height: Int(pixelHeight),
      format: background.map { $0.opacity == 1 } == true ? .opaque : .transparent)
    let canvas = CairoCanvas(surface)
    if let background { canvas.ground(background) }
    unsafe library.scale(surface.context, scale, scale)
    for mark in marks { try canvas.draw(mark) }
    return try surface.png()
  }
}

/// Draws the marks of a drawing on a surface.
private struct CairoCanvas {
  let surface: CairoSurface
  private var library: PangoCairo { surface.library }

  init(_ surface: CairoSurface) { self.surface = surface }

  func ground(_ color: Drawing.Color) {
    set(color)
    unsafe library.paint(surface.context)
  }

  func draw(_ mark: Drawing.Mark) throws(PictureFault) {
    let (library, context) = unsafe (library, surface.context)
    switch mark {
    case .path(let points, let isClosed, let fill, let stroke):
      unsafe library.newPath(context)
      for (index, point) in points.enumerated() {
        unsafe (index == 0 ? library.moveTo : library.lineTo)(context, bounded(point.x), bounded(point.y))
      }
      if isClosed { unsafe library.closePath(context) }
      finish(fill, stroke)
    case .rectangle(let frame, let fill, let stroke):
      outline(frame)
      finish(fill, stroke)
    case .circle(let center, let radius, let fill, let stroke):
      unsafe library.newPath(context)
      unsafe library.arc(context, bounded(center.x), bounded(center.y), bounded(radius), 0, 2 * Double.pi)
      finish(fill, stroke)
    case .text(let text): draw(text)
    case .image(let pixels, let frame, let isSmooth):
      let picture = try CairoSurface(library, pixels)
      unsafe library.save(context)
      unsafe library.translate(context, bounded(frame.x), bounded(frame.y))
      unsafe library.scale(context, frame.width / Double(pixels.width), frame.height / Double(pixels.height))
      unsafe library.setSurface(context, picture.surface, 0, 0)
      // CAIRO_FILTER_GOOD or NEAREST; the edge is continued, lest it fade.
      unsafe library.setFilter(library.source(context), isSmooth ? 1 : 3)
      unsafe library.setExtend(library.source(context), 3)
      unsafe library.newPath(context)
      unsafe library.rectangle(context, 0, 0, Double(pixels.width), Double(pixels.height))
      unsafe library.fill(context)
      unsafe library.restore(context)
    case .group(let marks, let clip):
      unsafe library.save(context)
      outline(clip)
      unsafe library.clip(context)
      for mark in marks { try draw(mark) }
      unsafe library.restore(context)
    }
  }

  private func draw(_ text: Drawing.Text) {
    let (library, context) = unsafe (library, surface.context)
    let layout = unsafe TextLayout(library, context, text.text, text.font)
    let shift =
      switch text.horizontal {
      case .left: 0.0
      case .center: -layout.width / 2
      case .right: -layout.width
      }
    unsafe library.save(context)
    unsafe library.translate(context, bounded(text.point.x), bounded(text.point.y))
    if text.rotation != 0 { unsafe library.rotate(context, text.rotation * .pi / 180) }
    set(text.color)
    unsafe library.moveTo(context, shift, text.baseline - layout.baseline)
    unsafe library.layoutShow(context, layout.layout)
    unsafe library.restore(context)
    unsafe library.newPath(context)
  }

  private func outline(_ frame: Drawing.Frame) {
    unsafe library.newPath(surface.context)
    unsafe library.rectangle(
      surface.context, bounded(frame.x), bounded(frame.y), bounded(frame.width), bounded(frame.height))
  }

  /// Fills and strokes the path.
  private func finish(_ fill: Drawing.Color?, _ stroke: Drawing.Stroke?) {
    let (library, context) = unsafe (library, surface.context)
    if let fill {
      set(fill)
      unsafe library.fillPreserve(context)
    }
    if let stroke {
      set(stroke.color)
      unsafe library.setLineWidth(context, stroke.width)
      // CAIRO_LINE_JOIN_ROUND
      unsafe library.setLineJoin(context, 1)
      unsafe library.setDash(context, stroke.dashes, Int32(stroke.dashes.count), 0)
      unsafe library.stroke(context)
    }
    unsafe library.newPath(context)
  }

  private func set(_ color: Drawing.Color) {
    unsafe library.setColor(
      surface.context, Double(color.red) / 255, Double(color.green) / 255, Double(color.blue) / 255, color.opacity)
  }

  /// Cairo's coordinates have 24 bits before the point; nothing that far outside is seen.
  private func bounded(_ value: Double) -> Double { min(max(value, -1e6), 1e6) }
}
