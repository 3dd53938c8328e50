import AviaryTensors
import Foundation
import Testing

@testable import AviaryDatasets

@Suite struct ImageBatchesTests {
  /// 23 pictures of two classes; those in `broken` are no pictures.
  private func entries(_ folder: TemporaryFolder, broken: Set<Int> = []) throws -> [ImageEntry] {
    try (0..<23).map { number in
      let name = "\(number).jpg"
      let image = noise(width: 20 + number, height: 40 - number, seed: UInt32(number))
      try folder.write(broken.contains(number) ? [1, 2, 3] : JPEGEncoder.encode(image), to: name)
      return ImageEntry(path: folder.path + "/" + name, label: number % 2)
    }
  }

  private func batches(
    _ entries: [ImageEntry], workers: Int = 1, epoch: Int = 0, seed: UInt64 = 7, startingAt: Int = 0,
    dropLast: Bool = false, augmentation: Augmentation? = .standard, shuffled: Bool = true
  ) throws -> [ImageBatch] {
    let source = try ImageBatches(
      entries, preprocessing: .torchvision(size: 16), augmentation: augmentation, batchSize: 6, seed: seed,
      shuffled: shuffled, epoch: epoch, startingAt: startingAt, workers: workers, dropLast: dropLast)
    var all: [ImageBatch] = []
    while let batch = source.next() { all.append(batch) }
    return all
  }

  private func same(_ a: [ImageBatch], _ b: [ImageBatch]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy {
        $0.number == $1.number && $0.inputs.shape == $1.inputs.shape && $0.inputs.scalars == $1.inputs.scalars
          && $0.labels == $1.labels && $0.indices == $1.indices && $0.skipped == $1.skipped
      }
  }

  @Test func workersDoNotChangeResults() throws {
    let folder = try TemporaryFolder()
    let entries = try entries(folder)
    let one = try batches(entries)
    #expect(one.map(\.indices.count) == [6, 6, 6, 5])
    #expect(Set(one.flatMap(\.indices)) == Set(0..<23))
    #expect(one[0].inputs.shape == [6, 3, 16, 16])
    #expect(one[0].labels.scalars == one[0].indices.map { Int32($0 % 2) })
    #expect(same(one, try batches(entries, workers: 3)))
    #expect(same(one, try batches(entries, workers: 8)))
  }

  /// A sampler that draws a photograph several times does not draw the same picture of it.
  @Test func drawsOfAPhotographDiffer() throws {
    let folder = try TemporaryFolder()
    let images = try PreparedImages(
      entries(folder), preprocessing: .torchvision(size: 16), augmentation: .standard, seed: 7)
    let batch = try #require(DataLoader(images, batchSize: 4, epoch: 1, order: [3, 3, 5, 3]).next())
    let once = try #require(DataLoader(images, batchSize: 2, epoch: 1, order: [3, 5]).next())
    let size = 3 * 16 * 16
    let inputs = try #require(batch.inputs).scalars
    let pictures = (0..<4).map { Array(inputs[$0 * size..<($0 + 1) * size]) }
    #expect(batch.indices == [3, 3, 5, 3] && Set(pictures).count == 4)
    #expect(try #require(once.inputs).scalars == pictures[0] + pictures[2], "the first of each is what it was")
  }

  @Test func epochsAndSeedsDiffer() throws {
    let folder = try TemporaryFolder()
    let entries = try entries(folder)
    let first = try batches(entries)
    #expect(try batches(entries, epoch: 1).map(\.indices) != first.map(\.indices))
    #expect(try batches(entries, seed: 8).map(\.indices) != first.map(\.indices))
    let plain = try batches(entries, shuffled: false)
    #expect(plain.flatMap(\.indices) == Array(0..<23))
    // The same order, but other augmentations of the same photographs.
    #expect(try batches(entries, epoch: 1, shuffled: false)[0].inputs.scalars != plain[0].inputs.scalars)
    // What happens to a photograph does not depend on its place in the epoch.
    let index = first[1].indices[0]
    let size = 3 * 16 * 16
    #expect(
      first[1].inputs.scalars[..<size].elementsEqual(
        plain[index / 6].inputs.scalars[(index % 6 * size)..<((index % 6 + 1) * size)]))
  }

  @Test func startsWithinAnEpoch() throws {
    let folder = try TemporaryFolder()
    let entries = try entries(folder, broken: [4])
    let whole = try batches(entries, workers: 2)
    for start in 0...4 {
      let rest = try batches(entries, workers: 2, startingAt: start)
      #expect(rest.map(\.number) == Array(start..<4))
      #expect(same(rest, Array(whole[start...])))
    }
    #expect(try batches(entries, startingAt: 9).isEmpty)
    #expect(try batches(entries, dropLast: true).count == 3)
  }

  @Test func unreadableFilesAreNamedAndLeftOut() throws {
    let folder = try TemporaryFolder()
    let whole = try batches(try entries(folder))
    let lost = Set(whole[1].indices + [whole[2].indices[3]])
    let entries = try entries(folder, broken: lost)
    let source = try ImageBatches(
      entries, preprocessing: .torchvision(size: 16), augmentation: .standard, batchSize: 6, seed: 7, shuffled: true,
      workers: 2)
    var rest: [ImageBatch] = []
    while let batch = source.next() { rest.append(batch) }
    // The second batch is gone, the third is smaller, and nothing has moved.
    #expect(rest.map(\.number) == [0, 2, 3])
    #expect(rest[1].indices == whole[2].indices.filter { !lost.contains($0) })
    #expect(rest[0].inputs.scalars == whole[0].inputs.scalars)
    #expect(rest[2].inputs.scalars == whole[3].inputs.scalars)
    #expect(rest[1].skipped.count == 7)
    #expect(Set(source.skipped.map(\.path)) == Set(lost.map { entries[$0].path }))
    #expect(source.skipped.allSatisfy { $0.reason == .notAnImage(path: $0.path) })
  }

  @Test func stoppingEndsTheWorkers() async throws {
    weak var queue: PrefetchQueue<[Int]>?
    do {
      let started = PrefetchQueue(
        tasks: (0..<1000).map { $0..<($0 + 1) }, workers: 3, capacity: 4
      ) { range in Array(range) }
      queue = started
      #expect(started.next() == [0])
      #expect(started.next() == [1])
      started.stop()
      #expect(started.next() == nil)
    }
    // The workers hold the queue; once they have ended nobody does.
    for _ in 0..<200 where queue != nil { try await Task.sleep(for: .milliseconds(10)) }
    #expect(queue == nil)
  }

  @Test func sizesMustBeKnown() {
    let free = Preprocessing(resize: .none, scale: 1, mean: [0, 0, 0], standardDeviation: [1, 1, 1])
    #expect(throws: PreprocessingFault.noFixedSize) { try ImageBatches([], preprocessing: free, batchSize: 1) }
  }

  @Test func noEntriesNoBatches() throws {
    #expect(try batches([]).isEmpty)
  }
}
