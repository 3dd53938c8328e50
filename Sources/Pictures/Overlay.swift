import AviaryDiagnostics

/// A map over the picture that it explains, as red, green and blue bytes.
public enum Overlay {
  /// The picture in grey with the colours of a map over it: the more a place counts, the less of the picture is seen.
  ///
  /// - Parameters:
  ///   - pixels: of the picture, 3 bytes each, rows from the top.
  ///   - map: one number for each pixel. Numbers of one sign have viridis's colours, others red for what speaks for the output
  ///     and blue for what speaks against it.
  ///   - clipping: the share of the largest magnitudes that have the colour of the end: single pixels would dim all others.
  ///   - isSigned: whether the map may have numbers below 0; as it happens to have, if nil.
  public static func blended(
    _ pixels: [UInt8], _ map: [Float], clipping: Double = 0.01, isSigned: Bool? = nil
  ) -> [UInt8] {
    ensure(pixels.count == 3 * map.count, "Overlay: \(pixels.count) bytes of a picture for \(map.count) numbers")
    let isSigned = isSigned ?? map.contains { $0 < 0 }
    let scale = 1 / end(of: map, clipping)
    let colors = colors(isSigned: isSigned)
    var blended: [UInt8] = []
    blended.reserveCapacity(pixels.count)
    for (place, value) in map.enumerated() {
      let (red, green, blue) = (pixels[3 * place], pixels[3 * place + 1], pixels[3 * place + 2])
      let grey = 0.299 * Float(red) + 0.587 * Float(green) + 0.114 * Float(blue)
      let share = min(max(value * scale, -1), 1)
      // Where nothing counts, the picture stays as it is, but for its colours.
      let weight = isSigned ? 0.9 * share.magnitude.squareRoot() : 0.25 + 0.5 * max(share, 0)
      let color = colors.color(of: Double(share))
      for channel in [color.red, color.green, color.blue] {
        blended.append(UInt8(min(max((grey + (Float(channel) - grey) * weight).rounded(), 0), 255)))
      }
    }
    return blended
  }

  /// The colours of a map's numbers, from 0 or −1 to 1.
  public static func colors(isSigned: Bool) -> ColorScale { isSigned ? .diverging(1) : .viridis(0...1) }

  /// The magnitude that has the colour of the end.
  private static func end(of map: [Float], _ clipping: Double) -> Float {
    let magnitudes = map.map(\.magnitude).sorted()
    guard let largest = magnitudes.last, largest > 0 else { return 1 }
    let place = Int((Double(magnitudes.count - 1) * (1 - clipping)).rounded(.down))
    // Where nearly nothing counts, what does is all there is to see.
    return magnitudes[place] > 0 ? magnitudes[place] : largest
  }
}
