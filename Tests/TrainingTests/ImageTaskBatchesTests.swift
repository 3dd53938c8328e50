import AviaryDatasets
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct ImageTaskBatchesTests {
  /// Six images, of which the one at position 2 could not be read.
  let features = FeatureSet(
    width: 2, scalars: [0, 0.5, 1, 1.5, 3, 3.5, 4, 4.5, 5, 5.5], labels: [0, 1, 1, 0, 1], indices: [0, 1, 3, 4, 5],
    skipped: [.init(path: "2.jpg", reason: "2.jpg: not an image")])

  func rows(_ batches: ImageTaskBatches) -> [[Float]] { batches.map { $0.inputs?.scalars ?? [] } }

  @Test func featuresComeInTheOrderOfTheImages() {
    let batches = ImageTaskBatches(features, order: [5, 2, 0, 1, 4, 3], batchSize: 2, startingAt: 0)
    let all = Array(batches)
    #expect(all.map { $0.inputs?.scalars ?? [] } == [[5, 5.5], [0, 0.5, 1, 1.5], [4, 4.5, 3, 3.5]])
    #expect(all.map(\.labels.scalars) == [[1], [0, 1], [0, 1]])
    #expect(all.map(\.count) == [1, 2, 2])
    #expect(all[1].inputs?.shape == [2, 2])
  }

  @Test func aLaterStartGivesTheSameBatches() {
    let order = [5, 2, 0, 1, 4, 3]
    let whole = rows(ImageTaskBatches(features, order: order, batchSize: 2, startingAt: 0))
    for start in 0...4 {
      #expect(
        rows(ImageTaskBatches(features, order: order, batchSize: 2, startingAt: start)) == Array(whole.dropFirst(start))
      )
    }
    #expect(rows(ImageTaskBatches(features, order: order, batchSize: 4, startingAt: 0)).map(\.count) == [6, 4])
    #expect(rows(ImageTaskBatches(features, order: [2, 0], batchSize: 1, startingAt: 0)) == [[], [0, 0.5]])
  }

  @Test(arguments: [[0, 1], [2, 3], [4, 5], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [1, 4]])
  func batchesThatCannotBeReadAreEmptyAndKeepTheirNumbers(damaged: [Int]) throws {
    let photographs = try Photographs()
    var entries = Array(try photographs.training().entries.prefix(6))
    for position in damaged {
      entries[position] = ImageEntry(
        path: photographs.root + "/missing-\(position).jpg", label: entries[position].label)
    }
    for start in 0...2 {
      var skipped: [String] = []
      let images = DataLoader(
        try PreparedImages(entries, preprocessing: .unit(size: 16)), batchSize: 2, startingAt: start, workers: 2)
      let batches = Array(ImageTaskBatches(images) { skipped += $0.map(\.path) })
      let present = (start..<3).map { batch in [2 * batch, 2 * batch + 1].filter { !damaged.contains($0) }.count }
      #expect(batches.map(\.count) == present)
      #expect(batches.map { $0.inputs?.shape[0] ?? 0 } == present)
      #expect(skipped == damaged.filter { $0 >= 2 * start }.map { entries[$0].path }, "each once, the last ones too")
    }
  }
}
