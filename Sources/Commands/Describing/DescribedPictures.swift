import Aviary
import AviaryDiagnostics
import AviaryPictures

/// The pictures of a page that describes images.
struct DescribedPictures {
  private static let side = 160
  /// Of each class.
  private static let samplesOfClass = 6
  private static let mostClasses = 20
  /// Of a group of equal images.
  private static let mostTwins = 4

  private let entries: [ImageEntry]

  init(_ entries: [ImageEntry]) { self.entries = entries }

  /// How many images each class has, where there are few enough classes to be compared by the eye.
  func balance(_ description: ImageDescription) -> DataReport.Block? {
    guard (2...40).contains(description.classes.count) else { return nil }
    let bars = description.classes.enumerated().map { label, name in
      BarChart.Bar(printable(name), Double(description.parts.reduce(0) { $0 + $1.counts[label] }))
    }
    let chart = BarChart(title: "Images by class", valueTitle: "images of all parts", bars: bars)
    return .figure(chart.drawing(width: 620), caption: "How evenly the classes are represented.")
  }

  /// Some images of each class, the same ones every time.
  func samples(_ description: ImageDescription) -> [DataReport.Block]? {
    var groups = Array(repeating: [ImageEntry](), count: description.classes.count)
    for entry in entries { groups[entry.label].append(entry) }
    var blocks: [DataReport.Block] = []
    for (label, group) in groups.enumerated().prefix(Self.mostClasses) {
      var random = RandomStream(seed: 0, purpose: "samples", step: UInt64(label))
      // What cannot be read is passed over: it is told above.
      let tiles = random.permutation(group.count).lazy
        .compactMap { tile(group[$0], [group[$0].shortName]) }.prefix(Self.samplesOfClass)
      blocks.append(.tiles("\(description.classes[label]), \(counted(group.count, "image"))", Array(tiles)))
    }
    if groups.count > Self.mostClasses {
      blocks.append(.tiles("and \(groups.count - Self.mostClasses) more classes", []))
    }
    return blocks.isEmpty ? nil : blocks
  }

  /// Images that are there several times, side by side.
  func twins(_ groups: [ImageDescription.Twins], _ description: ImageDescription) -> DataReport.Block? {
    let wanted = Set(groups.flatMap { $0.copiesFirst.prefix(Self.mostTwins).map { ExactText($0.path) } })
    let known = Dictionary(
      entries.lazy.filter { wanted.contains(ExactText($0.path)) }.map { (ExactText($0.path), $0) },
      uniquingKeysWith: { first, _ in first })
    let tiles = groups.enumerated().flatMap { number, group in
      group.copiesFirst.prefix(Self.mostTwins).compactMap { member -> DataReport.Tile? in
        guard let entry = known[ExactText(member.path)] else { return nil }
        let part = description.parts[member.part].name.map { "\($0), " } ?? ""
        return tile(
          entry, ["\(number + 1): \(part)\(description.classes[member.label])", entry.shortName])
      }
    }
    return tiles.isEmpty ? nil : .tiles(nil, tiles)
  }

  /// Nil where the image cannot be read.
  private func tile(_ entry: ImageEntry, _ lines: [String]) -> DataReport.Tile? {
    guard let image = try? entry.decoded().fitted(Self.side).drawable else { return nil }
    let side = Double(Self.side)
    let scale = side / Double(max(image.width, image.height))
    let (width, height) = (Double(image.width) * scale, Double(image.height) * scale)
    // Every tile has one shape, whatever its picture's.
    var drawing = Drawing(width: side, height: side, title: printable(lines.joined(separator: ", ")), background: nil)
    drawing.image(
      image, in: .init(x: (side - width) / 2, y: (side - height) / 2, width: width, height: height), isSmooth: false)
    return .init(picture: drawing, lines: lines.map { printable($0) })
  }
}
