import Aviary
import AviaryExplanations
import AviaryPictures

/// Images with what a network made of them, for a report.
struct EvaluatedImages {
  /// In the order in which they were counted.
  let entries: [ImageEntry]
  let metrics: ClassificationMetrics
  let predictor: ImagePredictor
  private static let most = 12
  private static let side = 160

  /// The most confident mistakes and the most confident right predictions.
  func sections() -> [ReportPage.Section] {
    guard let probabilities = metrics.probabilities, probabilities.isComplete, let decision = metrics.decision
    else { return [] }
    var (wrong, right): ([Judged], [Judged]) = ([], [])
    for index in entries.indices {
      guard let (label, shares) = probabilities.example(index) else { continue }
      let predicted = decision.predicted(shares)
      let judged = Judged(entry: entries[index], label: label, predicted: predicted, confidence: shares[predicted])
      // No more are kept than are shown.
      if predicted == label { Self.insert(judged, into: &right) } else { Self.insert(judged, into: &wrong) }
    }
    var content: [HTML] = []
    for (title, images) in [("Most confident mistakes", wrong), ("Most confident right predictions", right)] {
      guard !images.isEmpty else { continue }
      content.append(.element("h3", .text(title)))
      content.append(.element("ul", [("class", "tiles")], all: images.compactMap(tile)))
    }
    guard !content.isEmpty else { return [] }
    let note = HTML.paragraph(
      "Beside each image, what speaks for the predicted class (Grad-CAM), where the network has maps that say it.")
    return [ReportPage.Section("examples", "Examples", [note] + content)]
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

  /// The picture as the network takes it, with what speaks for the predicted class; nil for a network that has no such map.
  private func explained(_ image: DecodedImage, _ predicted: Int) -> Pixels? {
    func open(_ model: some Classifier) -> Pixels? {
      let picture = predictor.preprocessing.sized(image)
      let x = predictor.preprocessing.tensor(of: [picture])
      guard let map = try? Explainer(model).gradCAM(x, .output(predicted)) else { return nil }
      let values = resampled(map.values, height: picture.height, width: picture.width).scalars
      guard values.count == picture.width * picture.height else { return nil }
      return Self.thumbnail(
        DecodedImage(width: picture.width, height: picture.height, pixels: Overlay.blended(picture.pixels, values)))
    }
    return open(predictor.model)
  }

  /// Nil for an image that can be read no more.
  private func tile(_ image: Judged) -> HTML? {
    guard let decoded = try? image.entry.decoded() else { return nil }
    let name = printable(image.entry.path.split(separator: "/").last.map(String.init) ?? image.entry.path)
    let (label, predicted) = (metrics.classes[image.label], metrics.classes[image.predicted])
    let pictures = [Self.thumbnail(decoded), explained(decoded, image.predicted)].compactMap { $0 }
    let side = Double(Self.side)
    // Every tile has one height, however large its pictures are.
    var drawing = Drawing(
      width: side * Double(pictures.count) + (pictures.count > 1 ? 6 : 0), height: side,
      title: "\(name): \(printable(label))", background: nil)
    for (place, picture) in pictures.enumerated() {
      let scale = side / Double(max(picture.width, picture.height))
      let (width, height) = (Double(picture.width) * scale, Double(picture.height) * scale)
      drawing.image(
        picture,
        in: .init(
          x: Double(place) * (side + 6) + (side - width) / 2, y: (side - height) / 2, width: width, height: height),
        isSmooth: false)
    }
    guard let markup = try? drawing.svg() else { return nil }
    let says: [HTML] =
      image.label == image.predicted
      ? [HTML.name(label), .text(" \(percent(image.confidence))")]
      : [HTML.name(predicted), .text(" \(percent(image.confidence)), is "), .name(label)]
    return .element(
      "li", .drawing(markup), .element("p", [], all: says), .element("p", [("class", "faint")], .name(name)))
  }
}
