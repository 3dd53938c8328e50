import AviaryDatasets
import AviaryTensors

/// A process's part of the images of an epoch, of which several learn.
final class SharedImages {
  let place: ProcessPlace
  private var loader: DataLoader<PreparedImages>?
  /// What this process has read of the epoch's images.
  private var reading = SharedReading()

  init(_ place: ProcessPlace) { self.place = place }

  /// This process's part of each batch. Where it has none, or cannot read it, an empty image stands in for it.
  ///
  /// - Parameter input: [C, H, W]
  func batches(
    _ loader: DataLoader<PreparedImages>, startingAt start: Int, input: [Int]
  ) -> ImageTaskBatches {
    self.loader = loader
    reading = SharedReading()
    var number = start
    return ImageTaskBatches { [self] in
      guard let batch = loader.next() else { return nil }
      defer { number += 1 }
      let isOwn = loader.ownCount(ofBatch: number) > 0
      if isOwn {
        reading.labels += batch.labels.scalars
        reading.skipped += batch.skipped.map { .init(path: $0.path, reason: "\($0.reason)") }
      }
      if isOwn, let inputs = batch.inputs { return ImageTaskBatch(inputs: inputs, labels: batch.labels) }
      return ImageTaskBatch(inputs: Tensor(zeros: [1] + input), labels: IntTensor([0]), isStandIn: true)
    }
  }

  /// The number of a batch's images that are this process's.
  func ownCount(ofBatch number: Int) -> Int { loader?.ownCount(ofBatch: number) ?? 0 }

  /// What every process has read of the epoch so far, once.
  func gathered() throws -> [SharedReading] {
    defer { reading = SharedReading() }
    return try reading.gathered(place.group)
  }
}
