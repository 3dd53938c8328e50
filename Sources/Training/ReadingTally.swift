import AviaryDatasets

/// How many images of a part could be read in one pass over them, and how many may be unreadable.
///
/// Without it, a run whose images cannot be read any more learns from nothing, or without a class, and says so in passing.
package final class ReadingTally {
  /// What is in the part, in words: `training images`.
  private let items: String
  private let classes: [String]
  /// The number of images of each class.
  private let expected: [Int]
  private let mostSkipped: Double
  private var read: [Int]
  private var skipped = 0
  /// An image that is drawn several times is unreadable once.
  private var skippedPaths: Set<String> = []
  /// The first unreadable images.
  private var first: [(path: String, reason: String)] = []

  /// - Parameters:
  ///   - part: the part's name, such as `training`; nil for images without parts.
  ///   - mostSkipped: the largest share of all images of the part that may be unreadable.
  package init(_ part: String?, _ images: ImageFolder, mostSkipped: Double) {
    items = part.map { "\($0) images" } ?? "images"
    classes = images.classes
    expected = images.counts
    read = Array(repeating: 0, count: images.classes.count)
    self.mostSkipped = mostSkipped
  }

  private var total: Int { expected.reduce(0, +) }
  private var tried: Int { read.reduce(skipped, +) }

  /// Whether more are unreadable than may be.
  var isBeyondLimit: Bool { Double(skippedPaths.count) > mostSkipped * Double(total) + 1e-9 }

  /// - Parameter labels: the classes of images that were read.
  func add(labels: [Int32]) {
    for label in labels { read[Int(label)] += 1 }
  }

  func addSkipped(_ path: String, _ reason: String) {
    skipped += 1
    if skippedPaths.insert(path).inserted, first.count < 3 { first.append((path, reason)) }
  }

  /// Adds all images of the part at once.
  package func add(_ entries: [ImageEntry], skipped: [ImagePredictor.Skipped]) {
    let lost = Set(skipped.map(\.index))
    add(labels: entries.indices.filter { !lost.contains($0) }.map { Int32(entries[$0].label) })
    for image in skipped { addSkipped(entries[image.index].path, "\(image.fault)") }
  }

  /// Throws if too many could not be read; after a whole pass also if none could, or none of a class.
  package func check() throws(TrainingFault) {
    if tried == total, total > 0 {
      guard read.contains(where: { $0 > 0 }) else {
        throw .noReadableImages(items: items, count: skipped, first: first.first?.reason ?? "")
      }
      if let lost = classes.indices.first(where: { expected[$0] > 0 && read[$0] == 0 }) {
        throw .noReadableClass(
          items: items, name: classes[lost], count: expected[lost], first: first.first?.reason ?? "")
      }
    }
    if isBeyondLimit {
      throw .tooManySkipped(
        items: items, skipped: skippedPaths.count, tried: tried, all: total, most: mostSkipped,
        paths: first.map(\.path),
        first: first.first?.reason ?? "")
    }
  }
}
