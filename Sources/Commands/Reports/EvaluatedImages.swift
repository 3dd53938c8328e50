import Aviary
import AviaryPictures

/// Images with what a network made of them, for a report.
struct EvaluatedImages {
  /// In the order in which they were counted.
  let entries: [ImageEntry]
  let metrics: ClassificationMetrics
  private static let most = 12
  private static let side = 160

  /// The most confident mistakes and the most confident right predictions.
  func sections() -> [ReportPage.Section] {
    guard let probabilities = metrics.probabilities, probabilities.isComplete else { return [] }
    var (wrong, right): ([Judged], [Judged]) = ([], [])
    for index in entries.indices {
      guard let (label, shares) = probabilities.example(index), let confidence = shares.max(),
        let predicted = shares.firstIndex(of: confidence)
      else { continue }
      let judged = Judged(entry: entries[index], label: label, predicted: predicted, confidence: confidence)
      // No more are kept than are shown.
      if predicted == label { Self.insert(judged, into: &right) } else { Self.insert(judged, into: &wrong) }
    }
    var content: [HTML] = []
    for (title, images) in [("Most confident mistakes", wrong), ("Most confident right predictions", right)] {
      guard !images.isEmpty else { continue }
      content.append(.element("h3", .text(title)))
      content.append(.element("ul", [("class", "tiles")], all: images.compactMap(tile)))
    }
    return content.isEmpty ? [] : [.init("examples", "Examples", content)]
  }

  private struct Judged {
    let entry: ImageEntry
    let label: Int
    let predicted: Int
    let confidence: Double
  }

  private static func insert(_ image: Judged, into list: inout [Judged]) {
    if list.count == most, let last = list.last, last.confidence >= image.confidence { return }
    let place = list.firstIndex { $0.confidence < image.confidence } ?? list.count
    list.insert(image, at: place)
    if list.count > most { list.removeLast() }
  }

  /// The picture, no larger than a tile.
  private static func thumbnail(_ image: DecodedImage) -> Pixels {
    let longest = max(image.width, image.height)
    var small = image
    if longest > side {
      small = image.resized(
        width: max(1, image.width * side / longest), height: max(1, image.height * side / longest))
    }
    return Pixels(width: small.width, height: small.height, channels: 3, bytes: small.pixels)
  }

  /// Nil for an image that can be read no more.
  private func tile(_ image: Judged) -> HTML? {
    guard let decoded = try? image.entry.decoded() else { return nil }
    let picture = Self.thumbnail(decoded)
    let name = printable(image.entry.path.split(separator: "/").last.map(String.init) ?? image.entry.path)
    let (label, predicted) = (metrics.classes[image.label], metrics.classes[image.predicted])
    var drawing = Drawing(
      width: Double(picture.width), height: Double(picture.height), title: "\(name): \(printable(label))",
      background: nil)
    drawing.image(
      picture, in: .init(x: 0, y: 0, width: Double(picture.width), height: Double(picture.height)), isSmooth: false)
    guard let markup = try? drawing.svg() else { return nil }
    let says: [HTML] =
      image.label == image.predicted
      ? [HTML.name(label), .text(" \(percent(image.confidence))")]
      : [HTML.name(predicted), .text(" \(percent(image.confidence)), is "), .name(label)]
    return .element(
      "li", .drawing(markup), .element("p", [], all: says), .element("p", [("class", "faint")], .name(name)))
  }
}
