import Aviary
import AviaryExplanations
import AviaryPictures

extension ImageExplanation {
  /// The photograph and, beside it, the map over it, under what they show.
  ///
  /// - Parameters:
  ///   - title: what is explained.
  ///   - subtitle: by which method.
  func drawing(title: String, subtitle: String) -> Drawing {
    // Small pictures are shown large enough to be looked at.
    let scale = max(1, (224.0 / Double(max(picture.width, picture.height))).rounded(.up))
    let (width, height) = (Double(picture.width) * scale, Double(picture.height) * scale)
    let (margin, gap, heading, key) = (16.0, 12.0, 44.0, 40.0)
    let total = max(2 * margin + 2 * width + gap, 320)
    var drawing = Drawing(
      width: total, height: margin + heading + height + key + margin, title: "\(title): \(subtitle)")
    drawing.text(
      title, at: .init(x: margin, y: margin + 8), font: .init(size: 16, isBold: true),
      maximumWidth: total - 2 * margin)
    drawing.text(
      subtitle, at: .init(x: margin, y: margin + 29), font: .init(size: 12.5), color: .faint,
      maximumWidth: total - 2 * margin)
    let overlay = Overlay.blended(
      picture.pixels, map, clipping: layer == nil ? 0.01 : 0, isSigned: isSigned)
    for (place, bytes) in [picture.pixels, overlay].enumerated() {
      drawing.image(
        Pixels(width: picture.width, height: picture.height, channels: 3, bytes: bytes),
        in: .init(x: margin + Double(place) * (width + gap), y: margin + heading, width: width, height: height),
        isSmooth: scale < 3)
    }
    addKey(to: &drawing, .init(x: margin + width + gap, y: margin + heading + height + 10, width: width, height: 8))
    return drawing
  }

  /// What the colours mean.
  private func addKey(to drawing: inout Drawing, _ frame: Drawing.Frame) {
    let colors = Overlay.colors(isSigned: isSigned)
    let steps = 128
    let values = (0..<steps).map { step in
      let share = Float(step) / Float(steps - 1)
      return isSigned ? 2 * share - 1 : share
    }
    drawing.image(Pixels(width: steps, height: 1, values: values, colors: colors), in: frame)
    let y = frame.bottom + 10
    let font = Drawing.Font(size: 11)
    drawing.text(
      isSigned ? "against it" : "counts little", at: .init(x: frame.x, y: y), font: font, color: .faint,
      maximumWidth: frame.width / 2)
    drawing.text(
      isSigned ? "for it" : "counts most", at: .init(x: frame.right, y: y), font: font, color: .faint,
      horizontal: .right, maximumWidth: frame.width / 2)
  }
}
