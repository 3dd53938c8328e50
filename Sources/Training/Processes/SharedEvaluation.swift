import AviaryDatasets
import AviaryTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a process has read of images that several share.
package struct SharedReading: Codable {
  package struct Skipped: Codable {
    package var path: String
    package var reason: String
  }

  package var labels: [Int32] = []
  package var skipped: [Skipped] = []

  package init() {}

  /// What every process has read, by rank.
  package func gathered(_ group: any ProcessGroup) throws -> [SharedReading] {
    try group.gather(Array(JSONEncoder().encode(self)), isPatient: false).map {
      try JSONDecoder().decode(SharedReading.self, from: Data($0))
    }
  }
}

extension ProcessGroup {
  /// The places of the items in this process's batches, where whole batches are dealt out in turn: the batches are those
  /// of one process, so that their results are, too.
  package func dealt(_ items: Int, batchSize: Int) -> [Int] {
    stride(from: rank * batchSize, to: items, by: count * batchSize).flatMap { Array($0..<min($0 + batchSize, items)) }
  }

  /// How many turns it takes until all batches are dealt out.
  package func turns(_ items: Int, batchSize: Int) -> Int {
    let batches = (items + batchSize - 1) / batchSize
    return (batches + count - 1) / count
  }
}

extension Evaluation {
  /// Classifies images with other processes. The metrics are those of one process, bit for bit, in every process: whole
  /// batches are dealt out, and what comes of them is taken in their order.
  package static func evaluate(
    _ images: PreparedImages, _ empty: ClassificationMetrics, batchSize: Int, workers: Int,
    with group: any ProcessGroup, logits: (_ inputs: Tensor) -> Tensor
  ) throws -> (metrics: ClassificationMetrics, reading: SharedReading) {
    let loader = DataLoader(
      images, batchSize: batchSize, workers: workers, order: group.dealt(images.count, batchSize: batchSize))
    let classes = empty.classes.count
    var (metrics, own) = (empty, SharedReading())
    for _ in 0..<group.turns(images.count, batchSize: batchSize) {
      var rows = [Double](repeating: 0, count: 1 + batchSize * (1 + classes))
      if let batch = loader.next() {
        own.skipped += batch.skipped.map { .init(path: $0.path, reason: "\($0.reason)") }
        if let inputs = batch.inputs {
          let labels = batch.labels.scalars
          rows[0] = Double(labels.count)
          for (row, label) in labels.enumerated() { rows[1 + row] = Double(label) }
          for (place, logit) in inference({ logits(inputs) }).scalars.enumerated() {
            rows[1 + batchSize + place] = Double(logit)
          }
        }
      }
      try loader.check()
      for found in group.gather(rows) where found[0] > 0 {
        let count = Int(found[0])
        let labels = found[1...count].map { Int32($0) }
        let scores = found[(1 + batchSize)..<(1 + batchSize + count * classes)].map { Float($0) }
        own.labels += labels
        metrics.add(logits: Tensor(scores, shape: [count, classes]), labels: labels)
      }
    }
    var all = SharedReading()
    all.labels = own.labels
    own.labels = []
    all.skipped = try own.gathered(group).flatMap(\.skipped)
    return (metrics, all)
  }
}
