/// The names of lines at their ends, moved apart where they would overlap; a legend below each other where they do not fit.
struct EndLabels {
  private static let font = Drawing.Font(size: 12.5, isBold: true)
  private static let lineHeight = 17.0
  private let names: [(name: String, color: Drawing.Color)]
  /// The room that they need at the right of the plot.
  let room: Double
  private let textWidth: Double

  /// - Parameters:
  ///   - names: the lines and their colours.
  ///   - width: of the whole drawing.
  ///   - height: of the whole drawing.
  init(_ names: [(name: String, color: Drawing.Color)], width: Double, height: Double) {
    let most = max(Int((height - 90) / Self.lineHeight), 1)
    if names.count > most, most > 1 {
      self.names = names.prefix(most - 1) + [("and \(names.count - most + 1) more", .faint)]
    } else {
      self.names = names
    }
    let widest = self.names.map { Drawing.width(of: $0.name, Self.font) }.max() ?? 0
    textWidth = min(widest, width * 0.3)
    room = names.isEmpty ? 24 : textWidth + 38
  }

  /// - Parameters:
  ///   - ends: the heights at which the lines end; nil for one that has no points.
  ///   - symbols: whether the names have the marks of their groups; otherwise a name that was moved is tied to its end.
  func draw(at ends: [Double?], in area: PlotArea, on drawing: inout Drawing, symbols: Bool = false) {
    let half = Self.lineHeight / 2
    let (top, bottom) = (area.frame.y + half, max(area.frame.bottom - half, area.frame.y + half))
    var places = names.indices.map { index in
      (index: index, y: min(max((index < ends.count ? ends[index] : nil) ?? bottom, top), bottom))
    }
    places.sort { ($0.y, $0.index) < ($1.y, $1.index) }
    // Downwards, each below the one above it; then upwards from the bottom, where they reach too far.
    for k in places.indices.dropFirst() { places[k].y = max(places[k].y, places[k - 1].y + Self.lineHeight) }
    if let last = places.indices.last, places[last].y > bottom {
      places[last].y = bottom
      for k in places.indices.dropLast().reversed() {
        places[k].y = min(places[k].y, places[k + 1].y - Self.lineHeight)
      }
    }
    for place in places {
      let (name, color) = names[place.index]
      if !symbols, place.index < ends.count, let end = ends[place.index] {
        // A thread from the end of the line to a name that was moved.
        let start = Drawing.Point(x: area.frame.right + 1, y: min(max(end, area.frame.y), area.frame.bottom))
        if abs(place.y - start.y) > 4 {
          drawing.line(
            from: start, to: .init(x: area.frame.right + 9, y: place.y), .init(color.withOpacity(0.6), width: 0.8))
        }
      }
      if symbols, place.index < ends.count {
        drawing.symbol(place.index, at: .init(x: area.frame.right + 14, y: place.y), radius: 4, fill: color)
      }
      drawing.text(
        name, at: .init(x: area.frame.right + (symbols ? 23 : 11), y: place.y), font: Self.font, color: color.readable,
        maximumWidth: textWidth + 1)
    }
  }
}

extension Drawing.Color {
  /// The colour for text on white: darker where it is light.
  var readable: Drawing.Color { isDark ? self : mixed(with: .black, 0.35) }
}
