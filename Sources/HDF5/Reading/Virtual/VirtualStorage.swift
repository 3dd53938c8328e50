import AviaryArchives

/// Puts the selected elements of a virtual dataset together from the datasets that it is made of.
struct VirtualStorage {
  /// The elements of a mapping's source, one after the other in the order of the mapping's part.
  private struct Part {
    let mapping: VirtualMapping
    let count: Int
    let object: DatasetObject
    let storage: DatasetStorage
  }

  let object: DatasetObject
  let mappings: [VirtualMapping]
  let storage: DatasetStorage
  let sources: VirtualSources

  private var element: Int { object.datatype.size }
  private var extents: [Int] { object.dataspace.extents }

  /// The mappings that may have elements in `slab`.
  private func mappings(within slab: Hyperslab) throws(Flaw) -> [VirtualMapping] {
    try sources.visit(mappings.count)
    return mappings.filter { mapping in
      mapping.target.bounds(in: extents).map { bounds in
        zip(bounds, slab.axes).allSatisfy { $1.part(in: $0.lowerBound..<$0.upperBound + 1).count > 0 }
      } ?? false
    }
  }

  /// Writes the elements of `slab` that mappings have to `target`, which holds `slab` alone.
  func read(_ slab: Hyperslab, to target: inout MutableSpan<UInt8>) throws(Flaw) {
    for mapping in try mappings(within: slab) {
      let part = try part(mapping)
      try place(try bytes(of: part), mapping.target, slab, &target)
    }
  }

  /// Throws where a source cannot be read.
  func requireReadable() throws(Flaw) {
    for mapping in mappings {
      let part = try part(mapping)
      do throws(Flaw) { try part.storage.requireDecodable() } catch { throw sources.named(mapping, error) }
    }
  }

  /// Reads every source and keeps nothing.
  func check() throws(Flaw) {
    for mapping in mappings { _ = try bytes(of: try part(mapping)) }
  }

  /// The bytes that are unpacked for the whole dataset, and those in which its sources are stored.
  func cost() throws(Flaw) -> (unpacked: Int, stored: Int) {
    var (unpacked, stored) = (0, 0)
    var known: Set<ObjectIdentifier> = []
    for mapping in mappings {
      let part = try part(mapping)
      let cost = try part.storage.cost()
      unpacked = unpacked.plus(cost.unpacked) ?? .max
      guard known.insert(ObjectIdentifier(part.object)).inserted else { continue }
      let isInPlace = part.object.isPlain && part.object.position(part.storage.image) != nil
      stored = stored.plus(isInPlace ? part.object.storedCount : cost.stored) ?? .max
    }
    return (unpacked, stored)
  }

  /// Finds a mapping's source, which has to hold as many elements of the same kind as the mapping's part.
  private func part(_ mapping: VirtualMapping) throws(Flaw) -> Part {
    guard storage.depth < VirtualSources.depthLimit else {
      throw .tooMany("virtual datasets within one another", limit: VirtualSources.depthLimit)
    }
    let (source, reader) = try sources.source(mapping, of: storage.reader)
    do throws(Flaw) {
      guard source.datatype == object.datatype || convertsWhole(source) else {
        throw .damage("its elements are \(source.datatype), not \(object.datatype)")
      }
      try sources.visit(mapping.source.parts + mapping.target.parts)
      let count = try mapping.target.count(in: extents)
      let found = source.dataspace.isNull ? 0 : try mapping.source.count(in: source.dataspace.extents)
      guard found == count else { throw .damage("it has \(found) elements for a part of \(count)") }
      let inner = DatasetStorage(
        object: source, reader: reader, libraries: storage.libraries, depth: storage.depth + 1, sources: sources)
      return Part(mapping: mapping, count: count, object: source, storage: inner)
    } catch {
      throw sources.named(mapping, error)
    }
  }

  /// Whether the numbers of a source are those of the dataset once they are converted for the reader.
  private func convertsWhole(_ source: DatasetObject) -> Bool {
    object.isPlain && object.type.size != nil && source.type == object.type
  }

  private func bytes(of part: Part) throws(Flaw) -> ByteRegion {
    do throws(Flaw) {
      if part.count == 0 { return ByteRegion([UInt8]()) }
      try sources.charge(part.count.times(max(8, element)) ?? .max)
      let stored = try stored(part)
      if part.object.datatype == object.datatype || part.object.isPlain { return stored }
      return try NumberConversion.converted(stored, part.object)
    } catch {
      throw sources.named(part.mapping, error)
    }
  }

  /// The bytes of a source's selected elements as they are stored in it.
  private func stored(_ part: Part) throws(Flaw) -> ByteRegion {
    let extents = part.object.dataspace.extents
    let selection = part.mapping.source
    guard let bounds = selection.bounds(in: extents) else { return ByteRegion([UInt8]()) }
    if let axes = selection.progressions(in: extents) {
      let slab = Hyperslab(axes)
      try sources.charge(part.storage.work(slab))
      return try part.storage.bytes(slab)
    }
    // The smallest box around the elements, of which they are picked.
    let box = Hyperslab(bounds.map { .init(start: $0.lowerBound, count: $0.count, stride: 1) })
    try sources.charge(max(part.storage.work(box), box.count * part.object.datatype.size))
    let whole = try part.storage.bytes(box)
    var runs = try SelectionRuns(selection.moved(by: bounds.map(\.lowerBound)), in: bounds.map(\.count))
    let size = part.object.datatype.size
    return try storage.made(part.count * size) { target in
      var made = 0
      whole.withUInt8s { bytes in
        while let run = runs.next() {
          target.copy(run.count * size, of: bytes, from: run.offset * size, to: made)
          made += run.count * size
        }
      }
    }
  }

  /// Puts elements, which are in the order of `selection`, where they belong in `slab`.
  private func place(
    _ elements: ByteRegion, _ selection: ElementSelection, _ slab: Hyperslab, _ target: inout MutableSpan<UInt8>
  ) throws(Flaw) {
    var runs = try SelectionRuns(selection, in: extents)
    let isWhole = zip(slab.axes, extents).allSatisfy { $0.count == $1 }
    let width = extents.last ?? 1
    elements.withUInt8s { bytes in
      var read = 0
      while let run = runs.next() {
        if isWhole {
          target.copy(run.count * element, of: bytes, from: read * element, to: run.offset * element)
          read += run.count
          continue
        }
        var (offset, left) = (run.offset, run.count)
        while left > 0 {
          let column = offset % width
          let count = min(left, width - column)
          if let row = slab.row(offset / width, extents), let axis = slab.axes.last {
            let (first, chosen) = axis.part(in: column..<column + count)
            for index in first..<first + chosen {
              target.copy(
                element, of: bytes, from: (read + axis[index] - column) * element,
                to: (row * axis.count + index) * element)
            }
          }
          offset += count
          read += count
          left -= count
        }
      }
    }
  }
}

extension ElementSelection {
  /// A progression along each axis, where the selection is such a hyperslab.
  fileprivate func progressions(in extents: [Int]) -> [Hyperslab.Progression]? {
    switch self {
    case .none: return nil
    case .all: return extents.map { .init(start: 0, count: $0, stride: 1) }
    case .regular(let axes): return Self.progressions(axes)
    case .boxes(let boxes): return boxes.count == 1 ? Self.progressions(boxes[0]) : nil
    }
  }

  private static func progressions(_ axes: [Axis]) -> [Hyperslab.Progression]? {
    let found = axes.compactMap(\.progression)
    return found.count == axes.count ? found : nil
  }
}

extension Hyperslab {
  /// The number among the slab's rows, which lie along the last axis, of a row of the dataset; `nil` for one that is not
  /// selected.
  fileprivate func row(_ row: Int, _ extents: [Int]) -> Int? {
    var (rest, number, step) = (row, 0, 1)
    for axis in extents.indices.dropLast().reversed() {
      let index = rest % extents[axis]
      rest /= extents[axis]
      let (position, count) = axes[axis].part(in: index..<index + 1)
      guard count > 0 else { return nil }
      number += position * step
      step *= axes[axis].count
    }
    return number
  }
}
