import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

@Suite struct SharedReadingsTests {
  /// Whatever part an image is in, and in whichever process, its features are computed once.
  @Test func featuresAreComputedOnce() throws {
    let folder = try EmptyFolder()
    _ = try SampleImages.write(to: folder.path + "/photos", count: 20, imageSize: 32)
    let entries = try ImageFolder(folder.path + "/photos/train").entries
    try Data("no picture".utf8).write(to: URL(filePath: entries[1].file))
    let model = try Registry.zoo.architecture(named: "squeezenet-toy").classifier(
      Registry.zoo.architecture(named: "squeezenet-toy").build())
    model.initialize(seed: 1)
    let preprocessing = Preprocessing.torchvision(size: 32)
    var computed: [Int] = []
    func features(_ shared: SharedReadings, _ entries: [ImageEntry]) throws -> FeatureSet {
      func open(_ model: some Classifier) throws -> FeatureSet {
        try shared.features(
          model, entries, preprocessing: preprocessing, workers: 1, report: { Issue.record("\($0)") },
          progress: { computed.append($0) })
      }
      return try open(model)
    }
    let shared = SharedReadings(folder: folder.path + "/shared")
    let first = try features(shared, Array(entries.prefix(4)))
    #expect(computed == [3] && first.skipped.map(\.path) == [entries[1].path] && first.indices == [0, 2, 3])
    // Of the whole only the rest is computed, and the rows are in the order that is asked for.
    let whole = try features(shared, entries.reversed())
    #expect(computed == [3, entries.count - 4])
    #expect(whole.indices.first == 0 && whole.labels.count == entries.count - 1)
    #expect(Array(whole.scalars.suffix(first.width)) == Array(first.scalars.prefix(first.width)))
    // Another process finds them in the file.
    let again = try features(SharedReadings(folder: shared.folder), Array(entries.prefix(4)))
    #expect(computed.count == 2 && again.scalars == first.scalars && again.skipped == first.skipped)
  }

  @Test func tablesAreReadOnce() throws {
    let folder = try EmptyFolder()
    let path = folder.path + "/table.csv"
    try Data("a,b\n1,2\n3,4\n".utf8).write(to: URL(filePath: path))
    var count = 0
    func read(_ key: String) throws -> Table {
      try SharedReadings.table(path, key: key) { () throws(TableFault) in
        count += 1
        return try Table(csv: path)
      }
    }
    _ = try (read("x"), read("x"))
    #expect(count == 2, "outside of a search nothing is kept")
    try SharedReadings.$current.withValue(SharedReadings(folder: folder.path)) {
      #expect(try read("x") == read("x"))
      #expect(count == 3)
      _ = try read("y")
      try Data("a,b\n1,2\n3,4\n5,6\n".utf8).write(to: URL(filePath: path))
      #expect(try read("x").rowCount == 3)
      #expect(count == 5)
    }
  }
}
