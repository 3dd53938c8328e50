/// The extents of a dataset or attribute: the dataspace message (specification IV.A.2.b).
struct Dataspace: Sendable, Equatable {
  /// Current extents; empty for a scalar.
  let extents: [Int]
  /// Largest extents; `nil` for a dimension that may grow without limit.
  let maximums: [Int?]
  /// Whether the dataspace is null: it has no elements.
  let isNull: Bool
  /// Number of elements.
  let count: Int

  static let rankLimit = 32

  init(_ message: FieldReader) throws(Flaw) {
    var message = message
    let version = try message.byte()
    guard version == 1 || version == 2 else { throw .damage("a dataspace has version \(version)") }
    let rank = try message.byte()
    let flags = try message.byte()
    guard rank <= Self.rankLimit else { throw .damage("a dataspace has \(rank) dimensions") }
    var isNull = false
    if version == 1 {
      try message.skip(5)
    } else {
      let kind = try message.byte()
      guard kind <= 2, kind == 1 || rank == 0 else { throw .damage("a dataspace is of kind \(kind)") }
      isNull = kind == 2
    }
    var extents: [Int] = []
    var count = 1
    for _ in 0..<rank {
      let extent = try message.length()
      extents.append(extent)
      guard let product = count.times(extent) else { throw .overflow("the number of elements") }
      count = product
    }
    var maximums: [Int?] = extents
    if flags & 1 != 0 {
      let unlimited = UInt64.max >> UInt64(64 - 8 * message.sizeOfLengths)
      maximums = []
      for extent in extents {
        let value = try message.unsigned(message.sizeOfLengths)
        let maximum = value == unlimited ? nil : Int(exactly: value)
        guard value == unlimited || (maximum ?? -1) >= extent else {
          throw .damage("a dataspace is larger than its own maximum")
        }
        maximums.append(maximum)
      }
    }
    self.extents = extents
    self.maximums = maximums
    self.isNull = isNull
    self.count = isNull ? 0 : count
  }
}
