import AviaryTensors
import Testing

@testable import AviaryDatasets

/// Anybody's own data in batches.
@Suite struct DataLoaderTests {
  struct Unreadable: Error, Equatable { let place: Int }

  /// Numbers that depend on the epoch; some places cannot be read.
  struct Numbers: Dataset {
    let count: Int
    var unreadable: Set<Int> = []

    func item(at place: Int, epoch: Int) throws -> Int {
      if unreadable.contains(place) { throw Unreadable(place: place) }
      return 1000 * epoch + place
    }

    func batch(of items: [Int]) -> [Int] { items }
  }

  @Test(arguments: [0, 1, 3]) func workersChangeNothing(workers: Int) {
    let data = Numbers(count: 23)
    for epoch in 0..<2 {
      let plain = Array(DataLoader(data, batchSize: 5, seed: 4, shuffled: true, epoch: epoch))
      #expect(plain.map(\.count) == [5, 5, 5, 5, 3])
      #expect(plain.flatMap { $0 }.sorted() == (0..<23).map { 1000 * epoch + $0 })
      #expect(plain.flatMap { $0 } != (0..<23).map { 1000 * epoch + $0 })
      for start in 0...6 {
        let loader = DataLoader(
          data, batchSize: 5, seed: 4, shuffled: true, epoch: epoch, startingAt: start, workers: workers)
        #expect(loader.count == 5)
        #expect(Array(loader) == Array(plain.dropFirst(start)), "entered at \(start)")
      }
    }
  }

  /// Items whose random changes are others each time that they come.
  struct Changing: Dataset {
    let count = 3

    func item(at place: Int, epoch: Int) -> [Int] { item(at: place, epoch: epoch, draw: 0) }
    func item(at place: Int, epoch: Int, draw: Int) -> [Int] { [epoch, place, draw] }
    func batch(of items: [[Int]]) -> [[Int]] { items }
  }

  @Test(arguments: [0, 2]) func itemsAreToldHowOftenTheyCame(workers: Int) {
    let order = [2, 0, 2, 2, 1, 0]
    func draws<Data: Dataset>(_ data: Data, from start: Int) -> [[Int]] where Data.Batch == [[Int]] {
      Array(DataLoader(data, batchSize: 2, epoch: 5, startingAt: start, workers: workers, order: order)).flatMap { $0 }
    }
    let all = [[5, 2, 0], [5, 0, 0], [5, 2, 1], [5, 2, 2], [5, 1, 0], [5, 0, 1]]
    #expect(draws(Changing(), from: 0) == all)
    #expect(draws(Changing(), from: 1) == Array(all.dropFirst(2)), "wherever the epoch was entered")
    #expect(draws(Subset(Changing(), [0, 1, 2]), from: 0) == all)
  }

  @Test func ordersHaveTheirOwnKeys() {
    let data = Numbers(count: 40)
    func order(seed: UInt64 = 1, epoch: Int = 0, purpose: String = "data order") -> [Int] {
      DataLoader(data, batchSize: 40, seed: seed, shuffled: true, epoch: epoch, purpose: purpose).next()!.map {
        $0 % 1000
      }
    }
    #expect(order() == order())
    #expect(order() != order(seed: 2) && order() != order(epoch: 1) && order() != order(purpose: "row order"))
    let plain = DataLoader(data, batchSize: 7, dropLast: true)
    #expect(plain.count == 5 && Array(plain).flatMap { $0 } == Array(0..<35))
  }

  @Test(arguments: [0, 2]) func whatCannotBeReadEndsTheEpochAndIsTold(workers: Int) {
    let loader = DataLoader(Numbers(count: 20, unreadable: [9]), batchSize: 4, workers: workers)
    #expect(Array(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]])
    #expect(loader.failure as? Unreadable == Unreadable(place: 9))
    #expect(throws: Unreadable(place: 9)) { try loader.check() }
    #expect(loader.next() == nil)
  }

  @Test(arguments: [0, 2]) func aStoppedLoaderHasNoMoreBatches(workers: Int) {
    let loader = DataLoader(Numbers(count: 20), batchSize: 4, workers: workers)
    #expect(loader.next() == [0, 1, 2, 3])
    loader.stop()
    #expect(loader.next() == nil && loader.failure == nil)
  }

  @Test func partsAreDrawnFromTheSeed() throws {
    let labels = (0..<60).map { Int32($0 % 3) }
    let rows = Tensor((0..<120).map(Float.init), shape: [60, 2])
    let data = Examples(TensorRows(rows), labels: labels)
    let parts = try DatasetParts(splitting: data, labels: labels, validation: 0.2, test: 0.1, seed: 3)
    #expect(parts.all.map(\.count) == [42, 12, 6] && parts.skipped == 0)
    for part in parts.all {
      let counts = (0..<3).map { label in part.places.count { $0 % 3 == label } }
      #expect(Set(counts).count == 1, "stratified")
    }
    #expect(Set(parts.all.flatMap(\.places)).count == 60)
    #expect(
      try DatasetParts(splitting: data, labels: labels, validation: 0.2, test: 0.1, seed: 3).test?.places
        == parts.test?.places)
    #expect(try DatasetParts(splitting: data, validation: 0.2, seed: 4).validation?.places != parts.validation?.places)
    let batch = try #require(DataLoader(parts.training, batchSize: 3).next())
    let places = parts.training.places.prefix(3)
    let expected: [Float] = places.flatMap { [Float(2 * $0), Float(2 * $0 + 1)] }
    #expect(batch.inputs.scalars == expected && batch.inputs.shape == [3, 2])
    guard case .classes(let found) = batch.target else {
      Issue.record("labels are classes")
      return
    }
    #expect(found.scalars == places.map { labels[$0] } && batch.count == 3)
    #expect(throws: SplitFault.self) { try DatasetParts(splitting: data, validation: 1) }
  }

  @Test func endsOfAListAreHeldOutInOrder() {
    let split = DataSplit(inOrder: 20, validation: 0.2, test: 0.1)
    #expect(split.training == Array(0..<14) && split.validation == Array(14..<18) && split.test == [18, 19])
    #expect(DataSplit(inOrder: 3, validation: 0.1, test: 0).validation == [2])
    #expect(DataSplit(inOrder: 1, validation: 0.5, test: 0.5).training.isEmpty)
  }

  @Test func fingerprintsAreThoseOfVersion01() throws {
    // Counts, and checksums that were computed elsewhere: runs of version 0.1 hold them.
    let rows = Examples(TensorRows(Tensor([1, 2.5], shape: [2, 1])), labels: [0, 1])
    #expect(DatasetParts(training: rows).fingerprint().text == "2:574b2ab3-2:516d1832-0:0")
    let features = TableFeatures(values: [1, 2.5], width: 1, rows: [0, 1], unknown: [])
    #expect(
      DatasetParts(
        training: Examples(features, labels: [0, 1]), validation: nil, test: Examples(features, targets: [1, 2.5])
      )
      .fingerprint().text == "2:574b2ab3-2:516d1832-0:0-2:574b2ab3-0:0-2:574b2ab3")
    // Of a series its rows alone, once.
    let series = SeriesRows(values: [1, 2.5], width: 1, target: 0, window: 1, horizon: 1)
    let part = series.examples(targets: 1..<2)
    #expect(DatasetParts(training: part, test: part).fingerprint().text == "1:1e5048c4-2:574b2ab3")
    var texts = TextSequences()
    texts.append([0, 1], unknown: 2, row: 0)
    #expect(DatasetParts(training: Examples(texts, labels: [0, 1])).fingerprint().text == "2:516d1832-2:516d1832")
  }
}
