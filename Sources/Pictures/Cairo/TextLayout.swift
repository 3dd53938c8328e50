/// A text as Pango lays it out, on one line.
@safe final class TextLayout {
  /// `PANGO_SCALE`
  private static let units = 1024.0

  let library: PangoCairo
  let layout: PangoCairo.Handle

  /// - Parameter context: where the text will be drawn, which decides how finely its letters are placed.
  init(_ library: PangoCairo, _ context: PangoCairo.Handle, _ text: String, _ font: Drawing.Font) {
    self.library = library
    unsafe layout = library.layoutCreate(context)
    let description = unsafe library.fontCreate()
    unsafe library.fontSetFamily(description, "sans-serif")
    unsafe library.fontSetSize(description, font.size * Self.units)
    // PANGO_WEIGHT_BOLD or NORMAL
    unsafe library.fontSetWeight(description, font.isBold ? 700 : 400)
    unsafe library.layoutSetFont(layout, description)
    unsafe library.fontFree(description)
    unsafe library.layoutSetSingleParagraph(layout, 1)
    let bytes = text.utf8.map { CChar(bitPattern: $0) }
    unsafe library.layoutSetText(layout, bytes, Int32(bytes.count))
  }

  deinit { unsafe library.unref(layout) }

  /// In pixels.
  var width: Double {
    var width: Int32 = 0
    unsafe library.layoutSize(layout, &width, nil)
    return Double(width) / Self.units
  }

  /// From the top of the line, in pixels.
  var baseline: Double { unsafe Double(library.layoutBaseline(layout)) / Self.units }

  /// The characters for which no font of the system has a picture.
  var unknownGlyphs: Int { unsafe Int(library.layoutUnknownGlyphs(layout)) }
}

extension PangoCairo {
  /// The width of a text in pixels; nil where there is no memory for one pixel.
  func width(of text: String, _ font: Drawing.Font) -> Double? { measure(text, font)?.width }

  /// A layout that is not drawn.
  func measure(_ text: String, _ font: Drawing.Font) -> TextLayout? {
    guard let surface = try? CairoSurface(self, width: 1, height: 1, format: .transparent) else { return nil }
    return unsafe TextLayout(self, surface.context, text, font)
  }
}
