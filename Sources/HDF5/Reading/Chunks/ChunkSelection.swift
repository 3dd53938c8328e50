/// The chunks that a selection touches.
struct ChunkSelection {
  private let slab: Hyperslab
  private let grid: ChunkGrid
  /// How many chunks it touches along each axis.
  private let counts: [Int]
  /// How many it touches in all; `nil` for more than an `Int` holds.
  let count: Int?

  init(_ slab: Hyperslab, _ grid: ChunkGrid) {
    self.slab = slab
    self.grid = grid
    counts = slab.axes.indices.map { axis in
      let (selected, chunk) = (slab.axes[axis], grid.chunk[axis])
      guard selected.count > 0 else { return 0 }
      // Longer strides than a chunk touch one chunk for each element.
      if selected.stride > chunk { return selected.count }
      return selected[selected.count - 1] / chunk - selected.start / chunk + 1
    }
    var all: Int? = 1
    for count in counts { all = all?.times(count) }
    count = all
  }

  /// Those of `stored`, which is sorted by number, that the selection touches, in this order.
  func chunks(of stored: [StoredChunk]) -> [StoredChunk] {
    if count == grid.count { return stored }
    guard let count, count < stored.count else { return stored.filter { touches($0.number) } }
    var chunks: [StoredChunk] = []
    for index in 0..<count {
      guard let number = grid.number(coordinates(index)), let chunk = Self.find(number, stored) else { continue }
      chunks.append(chunk)
    }
    return chunks
  }

  /// The coordinates in the grid of the `index`-th chunk of the selection, counted row by row.
  private func coordinates(_ index: Int) -> [Int] {
    var coordinates = [Int](repeating: 0, count: counts.count)
    var rest = index
    for axis in counts.indices.reversed() {
      let (selected, chunk) = (slab.axes[axis], grid.chunk[axis])
      let place = rest % counts[axis]
      rest /= counts[axis]
      coordinates[axis] = selected.stride > chunk ? selected[place] / chunk : selected.start / chunk + place
    }
    return coordinates
  }

  private func touches(_ number: Int) -> Bool {
    let coordinates = grid.coordinates(number)
    return coordinates.indices.allSatisfy { axis in
      let start = coordinates[axis] * grid.chunk[axis]
      let end = start + min(grid.chunk[axis], grid.dataset[axis] - start)
      return slab.axes[axis].part(in: start..<end).count > 0
    }
  }

  private static func find(_ number: Int, _ stored: [StoredChunk]) -> StoredChunk? {
    var (low, high) = (0, stored.count)
    while low < high {
      let middle = (low + high) / 2
      if stored[middle].number < number { low = middle + 1 } else { high = middle }
    }
    return low < stored.count && stored[low].number == number ? stored[low] : nil
  }
}
