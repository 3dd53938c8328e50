import Aviary

/// One tensor: its type and shape, statistics of its values, and a histogram.
struct TensorReport {
  let path: String
  let array: StoredArray
  let statistics: ArrayStatistics?
  /// The first values as they are stored; `nil` where they are complex or of 4 bits.
  let first: [Double]?

  init(_ path: String, of checkpoint: Checkpoint, file: String) throws {
    guard let array = checkpoint[path] else {
      throw CommandFault.noTensor(path: file, tensor: path, near: checkpoint.nearest(to: path))
    }
    try array.check()
    self.path = path
    self.array = array
    statistics = ArrayStatistics(array)
    let whole = array.bytes.part(from: 0, count: min(array.count, 10) * array.dtype.size)
    first = whole.flatMap { StoredArray(dtype: array.dtype, shape: [min(array.count, 10)], bytes: $0)?.doubles() }
  }

  var object: JSONValue {
    var members: [JSONValue.Member] = [
      .init("path", .text(path)), .init("shape", .array(array.shape.map { .integer($0) })),
      .init("dtype", .text(array.dtype.rawValue)), .init("bytes", .integer(array.bytes.count)),
    ]
    let found: JSONValue =
      statistics.map { found in
        .members([
          "count": .integer(found.count), "minimum": .real(found.minimum), "maximum": .real(found.maximum),
          "mean": .real(found.mean), "standard_deviation": .real(found.standardDeviation), "l2_norm": .real(found.norm),
          "zeros": .integer(found.zeros), "nan": .integer(found.notNumbers), "infinite": .integer(found.infinities),
          "histogram": .members([
            "edges": .array(found.edges.map { .real($0) }), "counts": .array(found.histogram.map { .integer($0) }),
          ]),
        ])
      } ?? .null
    members.append(.init("statistics", found))
    if let first { members.append(.init("first_values", .array(first.map { .real($0) }))) }
    return .object(members)
  }

  var lines: [String] {
    var lines = [
      "path: \(path)", "shape: \(array.shape)", "dtype: \(array.kind)",
      "bytes: \(grouped(array.bytes.count))",
    ]
    if let first, !first.isEmpty {
      lines.append(
        "first values: " + first.map { "\($0)" }.joined(separator: ", ") + (array.count > first.count ? ", …" : ""))
    }
    guard let statistics else { return lines + ["statistics: not available for \(array.dtype.rawValue)"] }
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "none" }
    lines += [
      "count: \(grouped(statistics.count))", "minimum: \(number(statistics.minimum))",
      "maximum: \(number(statistics.maximum))", "mean: \(number(statistics.mean))",
      "standard deviation: \(number(statistics.standardDeviation))", "L2 norm: \(statistics.norm)",
      "zeros: \(grouped(statistics.zeros))", "NaN: \(grouped(statistics.notNumbers))",
      "infinite: \(grouped(statistics.infinities))",
    ]
    let most = statistics.histogram.max() ?? 0
    guard most > 0 else { return lines }
    let edges = statistics.edges
    let rows = statistics.histogram.enumerated().map { place, count in
      [
        "from \(Self.short(edges[place]))", "to \(Self.short(edges[place + 1]))", grouped(count),
        // Rounded up, so that a single value shows.
        String(repeating: "#", count: (40 * count + most - 1) / most),
      ]
    }
    return lines + ["histogram:"] + table(rows, right: [2]).map { "  " + $0 }
  }

  /// Four significant digits.
  private static func short(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    // Between powers of ten a decimal fraction, else Swift's shortest form of the value rounded to Float.
    let magnitude = abs(value)
    guard magnitude >= 1e-4, magnitude < 1e6 else { return "\(Float(value))" }
    var digits = 3
    var limit = 10.0
    while digits > 0, magnitude >= limit {
      digits -= 1
      limit *= 10
    }
    limit = 1
    while magnitude < limit, digits < 8 {
      digits += 1
      limit /= 10
    }
    return fixed(value, digits)
  }
}
