/// How two checkpoints differ.
public struct CheckpointDifference: Sendable, Equatable {
  /// A tensor that has another shape in each of the two.
  public struct Shapes: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// Its shape in the first.
    public let first: [Int]
    /// Its shape in the second.
    public let second: [Int]

    /// A value of these parts.
    public init(path: String, first: [Int], second: [Int]) {
      self.path = path
      self.first = first
      self.second = second
    }
  }

  /// How far a tensor of one is from that of the other.
  public struct Distance: Sendable, Equatable {
    /// Its path.
    public let path: String
    /// The largest absolute difference between elements; infinite where one is not a number and the other is, or where
    /// infinities differ.
    public let largest: Double

    /// A value of these parts.
    public init(path: String, largest: Double) {
      self.path = path
      self.largest = largest
    }
  }

  /// Paths that only the first has.
  public internal(set) var onlyInFirst: [String] = []
  /// Paths that only the second has.
  public internal(set) var onlyInSecond: [String] = []
  /// Tensors of different shapes.
  public internal(set) var otherShape: [Shapes] = []
  /// Tensors whose elements differ.
  public internal(set) var otherValues: [Distance] = []
  /// Tensors that cannot be compared as numbers (complex, or of 4 bits) and whose bytes differ.
  public internal(set) var incomparable: [String] = []
  /// Settings of layers, such as an epsilon, that differ or that only one side has.
  public internal(set) var otherSettings: [String] = []

  /// The largest difference of all.
  public var largest: Double { otherValues.map(\.largest).max() ?? 0 }

  /// Whether the two have the same tensors with the same values.
  public var isEmpty: Bool {
    onlyInFirst.isEmpty && onlyInSecond.isEmpty && otherShape.isEmpty && otherValues.isEmpty && incomparable.isEmpty
      && otherSettings.isEmpty
  }

  /// Compares two checkpoints tensor by tensor.
  public init(_ first: Checkpoint, _ second: Checkpoint) {
    for entry in first.entries {
      guard let other = second[entry.path] else {
        onlyInFirst.append(entry.path)
        continue
      }
      guard entry.array.shape == other.shape else {
        otherShape.append(.init(path: entry.path, first: entry.array.shape, second: other.shape))
        continue
      }
      switch Self.distance(entry.array, other) {
      case nil: incomparable.append(entry.path)
      case 0?: break
      case let largest?: otherValues.append(.init(path: entry.path, largest: largest))
      }
    }
    onlyInSecond = second.paths.filter { first[$0] == nil }
    let (own, others) = (first.metadata.settings, second.metadata.settings)
    // A foreign file tells none.
    guard !own.isEmpty, !others.isEmpty else { return }
    otherSettings = Set(own.keys).union(others.keys).filter { own[$0] != others[$0] }.sorted()
  }

  /// `nil` where there are no numbers to compare.
  private static func distance(_ first: StoredArray, _ second: StoredArray) -> Double? {
    if first.dtype == second.dtype, first.bytes.count == second.bytes.count,
      first.quantization?.scales == second.quantization?.scales
    {
      let equal = first.bytes.withValues(of: UInt8.self) { a in
        second.bytes.withValues(of: UInt8.self) { b in
          a.indices.allSatisfy { a[$0] == b[$0] }
        }
      }
      if equal { return 0 }
    }
    // Whole numbers may differ where their nearest Doubles do not.
    if let a = first.integers(), let b = second.integers() {
      return zip(a, b).reduce(0) {
        max($0, Double($1.0 < $1.1 ? UInt64(bitPattern: $1.1 &- $1.0) : UInt64(bitPattern: $1.0 &- $1.1)))
      }
    }
    guard let a = first.doubles(), let b = second.doubles() else { return nil }
    var largest = 0.0
    for (x, y) in zip(a, b) where x != y && !(x.isNaN && y.isNaN) {
      let difference = abs(x - y)
      largest = max(largest, difference.isNaN ? .infinity : difference)
    }
    return largest
  }
}
