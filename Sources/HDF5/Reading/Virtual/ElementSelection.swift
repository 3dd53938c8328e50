/// A selection of elements as files store it (specification IV.A.2.i, "Dataspace Selection"), which its dataset's extents
/// have to hold. Elements are in row-major order, whatever the order of the parts.
enum ElementSelection: Sendable {
  /// Along one axis: `count` blocks of `block` elements, the starts of which are `stride` apart.
  struct Axis: Sendable {
    let start: Int
    let stride: Int
    let count: Int
    let block: Int

    /// At most the extent of the axis, once that is checked.
    var elements: Int { count * block }
    var last: Int { start + (count - 1) * stride + block - 1 }
    var isContiguous: Bool { count == 1 || stride == block }

    /// The index of the `position`-th element.
    subscript(_ position: Int) -> Int { start + position / block * stride + position % block }

    /// The axis as a progression, if it is one.
    var progression: Hyperslab.Progression? {
      if isContiguous { return .init(start: start, count: elements, stride: 1) }
      return block == 1 ? .init(start: start, count: count, stride: stride) : nil
    }

    /// The axis counted from `origin` on.
    func moved(by origin: Int) -> Axis { .init(start: start - origin, stride: stride, count: count, block: block) }
  }

  case none
  case all
  case regular([Axis])
  /// Boxes, each of one block an axis.
  case boxes([[Axis]])

  /// The most runs of elements that boxes are taken apart into.
  static let runLimit = 1 << 20

  init(_ fields: inout FieldReader) throws(Flaw) {
    let kind = try fields.uint32()
    let version = try fields.uint32()
    switch kind {
    case 0, 3:
      guard version == 1 else { throw .damage("a selection has version \(version)") }
      try fields.skip(8)
      self = kind == 0 ? .none : .all
    case 1: throw .unsupported("a virtual dataset of single points")
    case 2: self = try Self.hyperslab(&fields, version)
    default: throw .damage("a selection is of kind \(kind)")
    }
  }

  private static func hyperslab(_ fields: inout FieldReader, _ version: Int) throws(Flaw) -> ElementSelection {
    var size = 4
    var isRegular = false
    switch version {
    case 1: try fields.skip(8)
    case 2:
      isRegular = try fields.byte() & 1 != 0
      try fields.skip(4)
      size = 8
    case 3:
      isRegular = try fields.byte() & 1 != 0
      size = try fields.byte()
    default: throw .damage("a selection has version \(version)")
    }
    guard [2, 4, 8].contains(size) else { throw .damage("a selection has numbers of \(size) bytes") }
    let rank = try fields.uint32()
    guard (1...Dataspace.rankLimit).contains(rank) else { throw .damage("a selection has \(rank) dimensions") }
    if isRegular { return try regular(&fields, rank: rank, size: size) }
    let count = try fields.number(size)
    guard count <= fields.remaining / (2 * rank * size) else { throw .damage("a selection is cut short") }
    var boxes: [[Axis]] = []
    boxes.reserveCapacity(count)
    for _ in 0..<count {
      var first: [Int] = []
      for _ in 0..<rank { first.append(try fields.number(size)) }
      var box: [Axis] = []
      for start in first {
        let end = try fields.number(size)
        guard end >= start, end < .max else { throw .damage("a selection ends before it starts") }
        box.append(Axis(start: start, stride: 1, count: 1, block: end - start + 1))
      }
      boxes.append(box)
    }
    return .boxes(boxes)
  }

  private static func regular(_ fields: inout FieldReader, rank: Int, size: Int) throws(Flaw) -> ElementSelection {
    let unlimited = UInt64.max >> UInt64(64 - 8 * size)
    var axes: [Axis] = []
    for _ in 0..<rank {
      let start = try fields.number(size)
      let stride = try fields.number(size)
      let (count, block) = (try fields.unsigned(size), try fields.unsigned(size))
      guard count != unlimited, block != unlimited else {
        throw .unsupported("a virtual dataset that grows with its sources")
      }
      guard let count = Int(exactly: count), let block = Int(exactly: block), count > 0, block > 0,
        count == 1 || stride >= block, let span = (count - 1).times(stride), let end = span.plus(block),
        start.plus(end) != nil
      else { throw .damage("a selection overlaps itself, or is empty") }
      axes.append(Axis(start: start, stride: count == 1 ? block : stride, count: count, block: block))
    }
    return .regular(axes)
  }

  /// How many parts it is stored as.
  var parts: Int { if case .boxes(let boxes) = self { boxes.count } else { 1 } }

  /// How many elements of a dataset are selected.
  ///
  /// - Throws: `Flaw.damage` where the selection does not fit the extents.
  func count(in extents: [Int]) throws(Flaw) -> Int {
    switch self {
    case .none: return 0
    case .all: return extents.reduce(1, *)
    case .regular(let axes): return try Self.count(axes, in: extents)
    case .boxes(let boxes):
      var sum = 0
      for box in boxes {
        guard let next = sum.plus(try Self.count(box, in: extents)) else { throw .overflow("a selection") }
        sum = next
      }
      guard sum <= extents.reduce(1, *) else { throw .damage("the boxes of a selection overlap") }
      return sum
    }
  }

  private static func count(_ axes: [Axis], in extents: [Int]) throws(Flaw) -> Int {
    guard axes.count == extents.count, zip(axes, extents).allSatisfy({ $0.last < $1 }) else {
      throw .damage("a selection does not fit extents of \(extents)")
    }
    // At most the product of the extents, which is an `Int`.
    return axes.reduce(1) { $0 * $1.elements }
  }

  /// The smallest and the largest index along each axis; `nil` where nothing is selected.
  func bounds(in extents: [Int]) -> [ClosedRange<Int>]? {
    switch self {
    case .none: return nil
    case .all: return extents.contains(0) ? nil : extents.map { 0...$0 - 1 }
    case .regular(let axes): return axes.map { $0.start...$0.last }
    case .boxes(let boxes):
      guard let first = boxes.first else { return nil }
      return first.indices.map { axis in
        let starts = boxes.lazy.map { $0[axis].start }
        return (starts.min() ?? 0)...(boxes.lazy.map { $0[axis].last }.max() ?? 0)
      }
    }
  }

  /// The selection counted from `origin` on.
  func moved(by origin: [Int]) -> ElementSelection {
    func moved(_ axes: [Axis]) -> [Axis] { zip(axes, origin).map { $0.moved(by: $1) } }
    return switch self {
    case .none, .all: self
    case .regular(let axes): .regular(moved(axes))
    case .boxes(let boxes): .boxes(boxes.map(moved))
    }
  }
}
