import AviaryDatasets
import AviaryTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a network makes of a batch of images: [N, F], and where these are in the list of entries.
public struct ImageResults {
  /// [N, F]
  public let values: Tensor
  /// Positions in the list of entries.
  public let indices: [Int]
}

extension ImagePredictor {
  /// Calls `body` with what `compute` makes of every batch of those images that can be used, in order, and returns the
  /// others.
  ///
  /// With a group each process computes some of the batches, and `body` is called in all of them with everything: the results
  /// are those of one process, bit for bit.
  ///
  /// - Parameter compute: [N, C, H, W] → [N, F]
  public func forEachResult(
    _ entries: [ImageEntry], workers: Int = 1, group: (any ProcessGroup)? = nil, progress: (Int) -> Void = { _ in },
    compute: (_ inputs: Tensor) -> Tensor, _ body: (ImageResults) throws -> Void
  ) throws -> [Skipped] {
    // Images of any size are batches of their own, which every process goes through.
    guard let group, preprocessing.outputSize != nil, entries.count > 1 else {
      return try forEachBatch(entries, workers: workers, progress: progress) {
        try body(ImageResults(values: compute($0.inputs), indices: $0.indices))
      }
    }
    let batchSize = max(1, min(Self.batchSize, entries.count))
    let places = group.dealt(entries.count, batchSize: batchSize)
    let own = places.map { entries[$0] }
    let loader = DataLoader(
      try PreparedImages(own, preprocessing: preprocessing), batchSize: batchSize,
      workers: max(1, min(workers, own.count)))
    var left = SharedReading()
    var (done, width) = (0, 0)
    for turn in 0..<group.turns(entries.count, batchSize: batchSize) {
      let batch = loader.next()
      try loader.check()
      var (indices, values): ([Int], [Float]) = ([], [])
      if let batch {
        let first = turn * batchSize
        for image in batch.skipped { left.skipped.append(.init(path: image.path, reason: "\(image.reason)")) }
        if let inputs = batch.inputs {
          let result = compute(inputs)
          width = result.shape[1]
          (indices, values) = (batch.indices.map { places[$0] }, result.scalars)
        }
        // Of what could not be read, the places.
        let size = batch.indices.count + batch.skipped.count
        left.labels += (first..<first + size).filter { !batch.indices.contains($0) }.map { Int32(places[$0]) }
      }
      width = Int(group.gather([Double(width)]).map { $0[0] }.max() ?? 0)
      var numbers = [Double(indices.count)] + indices.map(Double.init)
      numbers += Array(repeating: 0, count: 1 + batchSize - numbers.count)
      numbers += values.map(Double.init)
      numbers += Array(repeating: 0, count: 1 + batchSize * (1 + width) - numbers.count)
      for found in group.gather(numbers) where found[0] > 0 {
        let count = Int(found[0])
        let scores = found[(1 + batchSize)..<(1 + batchSize + count * width)].map { Float($0) }
        try body(
          ImageResults(values: Tensor(scores, shape: [count, width]), indices: found[1...count].map { Int($0) }))
      }
      done = min(entries.count, done + batchSize * group.count)
      progress(done)
    }
    return try left.gathered(group).flatMap { part in
      zip(part.labels, part.skipped).map { index, image in
        (index: Int(index), fault: PredictionFault.unreadableThere(reason: image.reason))
      }
    }.sorted { $0.index < $1.index }.map { Skipped(index: $0.index, fault: $0.fault) }
  }
}
