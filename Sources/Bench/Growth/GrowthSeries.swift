import Aviary
import AviaryCommands

/// What a work has cost at each size, and where a further item costs more than before.
struct GrowthSeries {
  /// One size.
  struct Point {
    let size: Int
    let seconds: Double
    /// The most memory that the process has had resident.
    let bytes: Int
  }

  /// A cost of one item: what the whole cost beyond that of the smallest size, divided by the further items.
  struct ItemCost: Equatable {
    /// nil where the difference is too small to be told from noise.
    let value: Double?
    /// Whether it is more than one and a half times that of the smallest size that has one.
    let isKnee: Bool
  }

  let axis: String
  let work: String
  private(set) var points: [Point] = []
  /// Why larger sizes were not measured; nil where all were.
  var end: String?

  init(axis: String, work: String) {
    self.axis = axis
    self.work = work
  }

  mutating func add(_ point: Point) { points.append(point) }

  /// By how much the cost of an item may grow without a mark.
  static let tolerance = 1.5

  /// Seconds an item, at each size.
  var seconds: [ItemCost] {
    costs {
      $0.seconds
    } noise: {
      max(0.002, 0.15 * $0)
    }
  }

  /// Bytes of memory an item, at each size.
  var bytes: [ItemCost] {
    costs {
      Double($0.bytes)
    } noise: {
      max(3e6, 0.05 * $0)
    }
  }

  private func costs(_ cost: (Point) -> Double, noise: (_ fixed: Double) -> Double) -> [ItemCost] {
    guard let first = points.first else { return [] }
    let fixed = cost(first)
    var reference: Double?
    return points.map { point in
      let further = cost(point) - fixed
      guard point.size > first.size, further > noise(fixed) else { return ItemCost(value: nil, isKnee: false) }
      let own = further / Double(point.size - first.size)
      defer { reference = reference ?? own }
      return ItemCost(value: own, isKnee: own > Self.tolerance * (reference ?? own))
    }
  }

  /// What the next size would take, as the last two sizes grew; nil before there are two.
  func estimate(_ size: Int) -> Point? {
    guard points.count > 1, let last = points.last else { return nil }
    let before = points[points.count - 2]
    let steps = Double(size - last.size) / Double(last.size - before.size)
    return Point(
      size: size, seconds: last.seconds + max(0, last.seconds - before.seconds) * steps,
      bytes: last.bytes + Int(Double(max(0, last.bytes - before.bytes)) * steps))
  }

  // MARK: Text and JSON

  /// A table for people.
  func lines(items: String) -> [String] {
    var rows = [[items, "seconds", "an item", "", "MB", "an item", ""]]
    for ((point, second), byte) in zip(zip(points, seconds), bytes) {
      rows.append([
        grouped(point.size), significant(point.seconds), second.value.map(Self.time) ?? "", second.isKnee ? "knee" : "",
        grouped(point.bytes / 1_000_000), byte.value.map(Self.amount) ?? "", byte.isKnee ? "knee" : "",
      ])
    }
    return ["\(axis): \(work)"] + table(rows, right: [0, 1, 2, 4, 5]).map { "  " + $0 }
      + (end.map { ["  " + $0] } ?? [])
  }

  private static func time(_ seconds: Double) -> String {
    for (unit, size) in [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)] where seconds >= size {
      return significant(seconds / size) + " " + unit
    }
    return significant(seconds / 1e-9) + " ns"
  }

  private static func amount(_ bytes: Double) -> String {
    for (unit, size) in [("MB", 1e6), ("kB", 1e3)] where bytes >= size { return significant(bytes / size) + " " + unit }
    return significant(bytes) + " B"
  }

  var json: JSONValue {
    let sizes = zip(zip(points, seconds), bytes).map { measured, byte in
      let (point, second) = measured
      return JSONValue.members([
        "size": .integer(point.size), "seconds": .real(point.seconds), "bytes": .integer(point.bytes),
        "seconds_per_item": second.value.map { .real($0) } ?? .null, "seconds_knee": .boolean(second.isKnee),
        "bytes_per_item": byte.value.map { .real($0) } ?? .null, "bytes_knee": .boolean(byte.isKnee),
      ])
    }
    return .members([
      "axis": .text(axis), "work": .text(work), "sizes": .array(sizes), "end": end.map { .text($0) } ?? .null,
    ])
  }
}

/// Three digits.
private func significant(_ value: Double) -> String {
  fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4)
}
