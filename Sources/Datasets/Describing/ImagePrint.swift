import AviaryArchives

/// What is kept of a picture to find others that are the same, or nearly: a few hundred bytes.
struct ImagePrint: Sendable, Equatable {
  let width: Int
  let height: Int
  /// Of all pixels.
  let checksum: UInt32
  /// Whether each place of a picture of 9×8 pixels is brighter than the one to its right: the difference hash, which
  /// compression, sizes and small changes of brightness leave nearly the same.
  let differences: UInt64
  /// R, G and B of a picture of 8×8 pixels.
  let thumbnail: [UInt8]

  init(_ image: DecodedImage) {
    width = image.width
    height = image.height
    checksum = ByteRegion(image.pixels).crc32c()
    // In two steps, so that a large photograph is gone through once.
    let small = image.resized(width: 32, height: 32)
    thumbnail = small.resized(width: 8, height: 8).pixels
    let columns = small.resized(width: 9, height: 8).pixels
    var bits: UInt64 = 0
    for y in 0..<8 {
      for x in 0..<8 {
        func grey(_ x: Int) -> Int {
          let at = 3 * (9 * y + x)
          return 299 * Int(columns[at]) + 587 * Int(columns[at + 1]) + 114 * Int(columns[at + 2])
        }
        bits = bits << 1 | (grey(x) > grey(x + 1) ? 1 : 0)
      }
    }
    differences = bits
  }

  /// Whether all pixels are the same, as far as checksums say.
  func equals(_ other: ImagePrint) -> Bool {
    checksum == other.checksum && width == other.width && height == other.height && thumbnail == other.thumbnail
  }

  /// Whether a person would take both for one picture.
  func resembles(_ other: ImagePrint) -> Bool {
    guard (differences ^ other.differences).nonzeroBitCount <= Self.mostBits else { return false }
    let squares = zip(thumbnail, other.thumbnail).reduce(0) { sum, pair in
      let difference = Int(pair.0) - Int(pair.1)
      return sum + difference * difference
    }
    return Double(squares) <= Self.mostDeviation * Self.mostDeviation * Double(thumbnail.count)
  }

  /// Of 64: more are found by chance among thousands of photographs.
  static let mostBits = 6
  /// The root of the mean square of the differences between thumbnails, of 255.
  static let mostDeviation = 8.0
}

/// Finds pictures that are the same or nearly.
struct TwinFinder {
  private struct Exact: Hashable {
    let checksum: UInt32
    let differences: UInt64
    let width: Int
    let height: Int
  }

  /// The prints that are met in a place are compared up to this number: thousands of blank pictures are one group anyway.
  private static let mostCompared = 2048
  /// The bits of the difference hash in bands: two hashes that differ in fewer bits than there are bands agree in one.
  private static let bands = [(shift: 0, bits: 9)] + (0..<6).map { (shift: 9 + 9 * $0, bits: $0 == 5 ? 10 : 9) }

  private var prints: [(place: Int, print: ImagePrint)] = []
  /// Their difference hashes, side by side because most comparisons end with them.
  private var hashes: [UInt64] = []
  private var exact: [Exact: Int] = [:]
  private var near: [[UInt64: [Int]]] = Array(repeating: [:], count: bands.count)
  /// The first of the group that each picture belongs to, by place.
  private var parents: [Int: Int] = [:]
  /// The first picture with the same pixels as each, by place.
  private var originals: [Int: Int] = [:]

  mutating func add(_ place: Int, _ print: ImagePrint) {
    parents[place] = place
    originals[place] = place
    let key = Exact(
      checksum: print.checksum, differences: print.differences, width: print.width, height: print.height)
    if let first = exact[key] {
      originals[place] = first
      join(first, place)
      return
    }
    exact[key] = place
    let own = prints.count
    prints.append((place, print))
    hashes.append(print.differences)
    for (band, (shift, bits)) in Self.bands.enumerated() {
      let word = print.differences >> UInt64(shift) & (1 << UInt64(bits) - 1)
      let others = near[band][word] ?? []
      for other in others
      where (hashes[other] ^ print.differences).nonzeroBitCount <= ImagePrint.mostBits
        && print.resembles(prints[other].print)
      {
        join(prints[other].place, place)
      }
      if others.count < Self.mostCompared { near[band][word, default: []].append(own) }
    }
  }

  /// The groups of two and more, by their places, each with the first place of a picture with the same pixels.
  func groups() -> [[(place: Int, original: Int)]] {
    var members: [Int: [Int]] = [:]
    for place in parents.keys { members[root(place), default: []].append(place) }
    return members.values.filter { $0.count > 1 }.map { $0.sorted().map { ($0, originals[$0] ?? $0) } }
      .sorted { $0[0].place < $1[0].place }
  }

  private func root(_ place: Int) -> Int {
    var place = place
    while let parent = parents[place], parent != place { place = parent }
    return place
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (first, second) = (root(a), root(b))
    parents[max(first, second)] = min(first, second)
  }
}
