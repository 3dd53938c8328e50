/// The arrangement of chunks in a dataset. Chunks are numbered row by row over the current extents.
struct ChunkGrid {
  /// Extents of the dataset, and of a chunk.
  let dataset: [Int]
  let chunk: [Int]
  /// Chunks in each dimension, now and at most.
  let counts: [Int]
  let maximumCounts: [Int?]
  /// Chunks in all.
  let count: Int
  /// The dimension without a maximum, where there is just one.
  let unlimited: Int?

  init(_ space: Dataspace, _ layout: ChunkedLayout) throws(Flaw) {
    guard space.extents.count == layout.extents.count else {
      throw .damage("chunks have \(layout.extents.count) dimensions, the dataset \(space.extents.count)")
    }
    dataset = space.extents
    chunk = layout.extents
    func number(_ extent: Int, _ chunk: Int) -> Int { extent / chunk + (extent % chunk == 0 ? 0 : 1) }
    counts = zip(dataset, chunk).map { number($0, $1) }
    let most = zip(space.maximums, chunk).map { maximum, chunk in maximum.map { number($0, chunk) } }
    maximumCounts = most
    var all = 1
    for count in counts {
      guard let product = all.times(count) else { throw .overflow("the number of chunks") }
      all = product
    }
    count = all
    let open = most.indices.filter { most[$0] == nil }
    unlimited = open.count == 1 ? open[0] : nil
  }

  /// The number of the chunk at coordinates counted in chunks; `nil` outside the current extents.
  func number(_ coordinates: [Int]) -> Int? {
    var number = 0
    for (coordinate, count) in zip(coordinates, counts) {
      guard coordinate >= 0, coordinate < count else { return nil }
      number = number * count + coordinate
    }
    return number
  }

  func coordinates(_ number: Int) -> [Int] {
    var coordinates = [Int](repeating: 0, count: counts.count)
    var rest = number
    for dimension in counts.indices.reversed() {
      coordinates[dimension] = rest % counts[dimension]
      rest /= counts[dimension]
    }
    return coordinates
  }

  /// The number of the chunk at `position` of an array index: arrays count by the largest extents, with the
  /// unlimited dimension outermost. `nil` outside the current extents.
  func number(ofArrayPosition position: Int) -> Int? {
    var coordinates = [Int](repeating: 0, count: counts.count)
    var rest = position
    for dimension in counts.indices.reversed() where dimension != unlimited {
      guard let count = maximumCounts[dimension], count > 0 else { return nil }
      coordinates[dimension] = rest % count
      rest /= count
    }
    if let unlimited {
      coordinates[unlimited] = rest
    } else if rest > 0 {
      return nil
    }
    return number(coordinates)
  }

  /// Whether the chunk extends beyond the dataset.
  func isPartial(_ number: Int) -> Bool {
    let at = coordinates(number)
    return at.indices.contains { (at[$0] + 1) * chunk[$0] > dataset[$0] }
  }
}
